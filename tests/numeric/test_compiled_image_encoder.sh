#!/bin/bash
# The image encoder: every form of convolution.
source "${BASH_SOURCE[0]%/*}/compiled.sh"
check image_encoder encoder-128x128-seed1 "${size[@]}" <<<"$every_form"
