#!/bin/bash
# Models that Keras 3 saved (tests/data/keras, recorded/record_keras.py), as graph files, with their weights from each kind of file that Keras writes:
# what Keras computed in double. The interpreter: at most 1e-6 relative rms; compiled in f32 with direct convolutions: 1e-5.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$SOURCE_DIR"/tests/data/keras/{layers,stack,unet,vae}.* "$work"
cd "$work"
gunzip -f ./*.gz

run() { # GRAPH MODEL FLAGS...
    local status=0
    "$LATENTC" run "$1" --inputs "$2.safetensors" --outputs out.safetensors "${@:3}" 2>said || status=$?
    (( status == 0 )) || { cat said; exit 1; }
}
compare() { # BOUND MODEL: every output
    local name
    for name in ${outputs[$2]}; do
        echo -n "  $name: "
        "$TOOLS/compare" --bound "$1" "out.safetensors:$name" "$2.safetensors:$name"
    done
}
declare -A outputs=([layers]="picture words rows" [stack]=output [unet]=output [vae]=output)
for model in "${!outputs[@]}"; do
    for weights in keras weights.h5 h5; do
        echo "$model.$weights, interpreted and compiled"
        graph=$model.json flags=(--weights "$model.$weights")
        [[ $weights != keras ]] || graph=$model.keras flags=()
        run "$graph" "$model" "${flags[@]}" --interpret
        compare 1e-6 "$model"
        run "$graph" "$model" "${flags[@]}" --conv direct
        compare 1e-5 "$model"
    done
    run "$model.keras" "$model" --weights "$model.weights.h5" --interpret # --weights replaces the archive's own
    compare 1e-6 "$model"
done
