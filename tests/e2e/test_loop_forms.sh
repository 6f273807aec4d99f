#!/bin/bash
# The loop's forms give one picture: guidance as a batch of two or as two calls, time and prompt products hoisted or computed in every step.
. "$(dirname "$0")/common.sh"
for fuse in all none guidance hoist -guidance; do
    program=$(generator --weights synthetic:1 --set img_height=64 --set img_width=128 "--fuse=$fuse")
    "$program" -p "a red circle" -n "blue" --steps 5 --save-latent "$work/$fuse.safetensors" -o "$work/picture.png" 2>/dev/null
    echo -n "--fuse $fuse: "
    "$TOOLS/compare" --bound 5e-5 "$work/$fuse.safetensors:latent_out" "$work/all.safetensors:latent_out"
    case $fuse in all|-guidance) ;; *) continue;; esac
    # A scale of at most 1 is no guidance, and equal prompts are none: one half is computed. Almost 1: both halves are.
    for form in "-n blue --cfg-scale 1" "-n blue --cfg-scale 0" "-n blue --cfg-scale -3" "-n @ --cfg-scale 9" "-n blue --cfg-scale 1.000001"; do
        read -r -a options <<< "$form"
        "$program" -p "a red circle" "${options[@]/@/a red circle}" --steps 3 --save-latent "$work/form.safetensors" -o "$work/picture.png" 2>/dev/null
        [ "$form" != "-n blue --cfg-scale 1" ] || cp "$work/form.safetensors" "$work/one.safetensors"
        case $form in *.000001) bound=5e-5;; *) bound=0;; esac
        echo -n "--fuse $fuse $form: "
        "$TOOLS/compare" --bound "$bound" "$work/form.safetensors:latent_out" "$work/one.safetensors:latent_out"
    done
done
