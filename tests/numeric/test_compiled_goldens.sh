#!/bin/bash
# Compiled models at full width against keras-cv's results in double (tests/data/goldens): in f32 at most 1e-5 relative rms, fused and
# unfused, with direct convolutions, 5e-5 with Winograd's; in bf16 3e-2; and the same bits whatever the number of threads.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
goldens=$SOURCE_DIR/tests/data/goldens

run() { # run GRAPH GOLDEN OUT [flags]
    local graph=$1 golden=$2 out=$3
    shift 3
    "$LATENTC" run "$SOURCE_DIR/graphs/sd2/$graph.json" --weights synthetic:1 "$@" \
        --inputs "$goldens/$golden.safetensors" --outputs "$work/$out.safetensors"
}

check() { # check GRAPH GOLDEN [flags]
    local graph=$1 golden=$2
    shift 2
    while read -r fuse conv dtype bound; do
        run "$graph" "$golden" out --fuse "$fuse" --conv "$conv" --dtype "$dtype" "$@"
        echo -n "$graph, --fuse $fuse --conv $conv --dtype $dtype: "
        "$TOOLS/compare" --bound "$bound" "$work/out.safetensors" "$goldens/$golden.safetensors"
    done <<<"$forms"
    run "$graph" "$golden" one --threads 1 "$@"
    run "$graph" "$golden" three --threads 3 "$@"
    cmp "$work/one.safetensors" "$work/three.safetensors"
}

if [ -n "${LATENTC_SANITIZE:-}" ]; then
    echo "SKIP: full-width models take too long under a sanitizer"
    exit 77
fi
size=(--set img_height=128 --set img_width=128)
forms=$'all direct f32 1e-5\nnone direct f32 1e-5'
check text_encoder text-seed1
forms+=$'\nall auto f32 5e-5\nall auto bf16 3e-2'
check diffusion_model unet-128x128-seed1 "${size[@]}" # by --conv f43 its kernels would take 10 GB
forms+=$'\nall up f32 1e-5\nall f43 f32 5e-5\nnone f23 f32 5e-5\nall f23 bf16 3e-2'
check decoder decoder-128x128-seed1 "${size[@]}"
check image_encoder encoder-128x128-seed1 "${size[@]}"
