#!/bin/bash
# Stable Diffusion 1.x as diffusers draws it: the narrow model in a folder of the form of Stable Diffusion 1.5's, against latents that diffusers' own
# pipeline ended with (tests/recorded/record_sd1_picture.py). The generator has the folder's defaults, whichever pipeline is named: pndm among them.
. "$(dirname "$0")/common.sh"
command -v python3 >/dev/null || skip "needs python3"
cd "$work"
"$LATENTC" weights convert synthetic:5 "$SOURCE_DIR/tests/data/narrow-sd1.json" --to latentc -o own.safetensors 2>log || fail "$(<log)"
python3 "$SOURCE_DIR/tests/tools/write_checkpoint.py" own.safetensors diffusers folder sd1
for pipeline in sd1 sd2; do
    "$LATENTC" build -q "$SOURCE_DIR/graphs/$pipeline/pipeline.json" --weights folder --no-init-img --target x86-64 --sizes 64x64,104x72 -o $pipeline
done
while read -r sampler size steps latent; do
    [[ $sampler != '#' ]] || continue
    method=(--sampling-method "$sampler")
    [[ $sampler != pndm ]] || method=() # the default
    for pipeline in sd1 sd2; do
        "./$pipeline" -p "a red circle" -n blurry --cfg-scale 4 --seed 7 --rng cpu --size "$size" --steps "$steps" "${method[@]}" -o $pipeline.png \
            --save-latent $pipeline.safetensors 2>log || fail "$sampler $size $steps: $(<log)"
    done
    cmp sd1.safetensors sd2.safetensors || fail "$sampler $size: the pipeline that is named changes the picture"
    # Both compute in f32, within 1e-5 of the exact result; 50 dB, the bound of pictures, would be 3.2e-3.
    python3 "$SOURCE_DIR/tests/tools/compare_planes.py" sd1.safetensors 1e-5 "$latent" || fail "$sampler $size, $steps steps: another latent than diffusers'"
done <"$SOURCE_DIR/tests/data/sd1-picture.txt"
