#!/bin/bash
# Few-step models as diffusers draws them: the narrow model in a folder of SD-Turbo's form, and in one of an LCM's, against latents that diffusers' own
# pipeline ended with, without guidance (tests/recorded/record_few_steps.py). The generators have the defaults that follow from the folders.
. "$(dirname "$0")/common.sh"
command -v python3 >/dev/null || skip "needs python3"
cd "$work"
"$LATENTC" weights convert synthetic:5 "$SOURCE_DIR/tests/data/narrow.json" --to latentc -o own.safetensors 2>log || fail "$(<log)"
python3 "$SOURCE_DIR/tests/tools/write_checkpoint.py" own.safetensors diffusers folder
published=$SOURCE_DIR/tests/data/sd-turbo-scheduler.json
for form in sd-turbo lcm; do
    cp "$published" folder/scheduler/scheduler_config.json
    [[ $form != lcm ]] || sed -i 's/EulerDiscreteScheduler/LCMScheduler/; s/"trailing"/"leading"/' folder/scheduler/scheduler_config.json
    "$LATENTC" build -q "$SOURCE_DIR/graphs/sd2/pipeline.json" --weights folder --no-init-img --target x86-64 --sizes 64x64,104x72 -o $form
done
while read -r form size steps latent; do
    [[ $form != '#' ]] || continue
    "./$form" -p "a red circle" --seed 7 --rng cpu --size "$size" --steps "$steps" -o x.png --save-latent x.safetensors 2>log ||
        fail "$form $size $steps: $(<log)"
    # Both compute in f32, within 1e-5 of the model's exact prediction.
    python3 "$SOURCE_DIR/tests/tools/compare_planes.py" x.safetensors 1e-5 "$latent" || fail "$form $size, $steps steps: another latent than diffusers'"
done <"$SOURCE_DIR/tests/data/few-steps.txt"
