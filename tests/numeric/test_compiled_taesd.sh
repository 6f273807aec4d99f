#!/bin/bash
# TAESD's decoder and encoder, against diffusers' AutoencoderTiny (recorded/record_taesd.py): every form of convolution. 72x104: the coarsest
# level, 9x13, is odd.
source "${BASH_SOURCE[0]%/*}/compiled.sh"
size=(--set img_width=72 --set img_height=104)
for part in decoder encoder; do
    check "taesd/$part" "taesd-$part-72x104-seed1" "${size[@]}" <<'END'
all auto f32 5e-5
all direct f32 1e-5
none direct f32 1e-5
all auto bf16 3e-2
all up f32 1e-5
all f43 f32 5e-5
none f23 f32 5e-5
all f23 bf16 3e-2
END
done
