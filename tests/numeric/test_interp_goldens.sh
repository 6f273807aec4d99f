#!/bin/bash
# The reference interpreter, in double, against keras-cv's own results in double (tests/data/goldens): at most 1e-6 relative rms.
# The golden files hold the results rounded to float, which alone is 3e-8.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
goldens=$SOURCE_DIR/tests/data/goldens

check() { # check NAME GRAPH GOLDEN [--set ...]
    local name=$1 graph=$2 golden=$3
    shift 3
    "$LATENTC" run "$SOURCE_DIR/graphs/sd2/$graph.json" --interpret --weights synthetic:1 "$@" \
        --inputs "$goldens/$golden.safetensors" --outputs "$work/$name.safetensors"
    echo -n "$name: "
    "$TOOLS/compare" --bound 1e-6 "$work/$name.safetensors" "$goldens/$golden.safetensors"
}

if [ -n "${LATENTC_SANITIZE:-}" ]; then
    echo "SKIP: full-width models take too long under a sanitizer"
    exit 77
fi
size=(--set img_height=128 --set img_width=128)
check text text_encoder text-seed1
check unet diffusion_model unet-128x128-seed1 "${size[@]}"
if [ -n "${LATENTC_LONG:-}" ]; then # 78 and 35 GMAC
    check decoder decoder decoder-128x128-seed1 "${size[@]}"
    check encoder image_encoder encoder-128x128-seed1 "${size[@]}"
fi
