#!/bin/bash
# The reference interpreter, in double, against keras-cv's own results in double, and diffusers' of TAESD (tests/data/goldens): at most 1e-6 relative rms.
# The golden files hold the results rounded to float, which alone is 3e-8.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
goldens=$SOURCE_DIR/tests/data/goldens

check() { # check NAME GRAPH GOLDEN [--set ...]
    local name=$1 graph=$2 golden=$3
    shift 3
    "$LATENTC" run "$SOURCE_DIR/graphs/$graph.json" --interpret --weights synthetic:1 "$@" \
        --inputs "$goldens/$golden.safetensors" --outputs "$work/$name.safetensors"
    echo -n "$name: "
    "$TOOLS/compare" --bound 1e-6 "$work/$name.safetensors" "$goldens/$golden.safetensors"
}

if [ -n "${LATENTC_SANITIZE:-}" ]; then
    echo "SKIP: full-width models take too long under a sanitizer"
    exit 77
fi
size=(--set img_height=128 --set img_width=128)
check text sd2/text_encoder text-seed1
check unet sd2/diffusion_model unet-128x128-seed1 "${size[@]}"
check sd1-text sd1/text_encoder sd1-text-seed1
if [ -n "${LATENTC_LONG:-}" ]; then # 78 and 35 GMAC
    check decoder sd2/decoder decoder-128x128-seed1 "${size[@]}"
    check encoder sd2/image_encoder encoder-128x128-seed1 "${size[@]}"
    check sd1-unet sd1/diffusion_model sd1-unet-128x128-seed1 "${size[@]}"
fi
tiny=(--set img_width=72 --set img_height=104)
check taesd-decoder taesd/decoder taesd-decoder-72x104-seed1 "${tiny[@]}"
check taesd-encoder taesd/encoder taesd-encoder-72x104-seed1 "${tiny[@]}"
