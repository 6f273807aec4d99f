#!/bin/bash
# The loop's forms give one picture: guidance as a batch of two or as two calls, time and prompt products hoisted or computed in every step.
. "$(dirname "$0")/common.sh"
for fuse in all none guidance hoist -guidance; do
    program=$(generator --weights synthetic:1 --set img_height=64 --set img_width=128 "--fuse=$fuse")
    "$program" -p "a red circle" -n "blue" --steps 5 --save-latent "$work/$fuse.safetensors" -o "$work/picture.png" 2>/dev/null
    echo -n "--fuse $fuse: "
    "$TOOLS/compare" --bound 5e-5 "$work/$fuse.safetensors:latent_out" "$work/all.safetensors:latent_out"
done
