#!/bin/bash
# TAESD's decoder and encoder, against diffusers' AutoencoderTiny (recorded/record_taesd.py): every form of convolution. 72x104: the coarsest
# level, 9x13, is odd.
small_model=1 # it takes half a minute under AddressSanitizer
source "${BASH_SOURCE[0]%/*}/compiled.sh"
size=(--set img_width=72 --set img_height=104)
for part in decoder encoder; do
    check "taesd/$part" "taesd-$part-72x104-seed1" "${size[@]}" <<<"$every_form"
done
