#!/bin/bash
# Pictures from pictures, as diffusers draws them: the narrow model in a folder of diffusers', against latents that its own pipelines ended with
# (tests/recorded/record_init_img.py): a sample of the image encoder's latent, then the noise, for the same seed; the mask at the latent's size.
. "$(dirname "$0")/common.sh"
command -v python3 >/dev/null || skip "needs python3"
cd "$work"
"$LATENTC" weights convert synthetic:5 "$SOURCE_DIR/tests/data/narrow.json" --to latentc -o own.safetensors 2>log || fail "$(<log)"
python3 "$SOURCE_DIR/tests/tools/write_checkpoint.py" own.safetensors diffusers folder
"$LATENTC" build -q "$SOURCE_DIR/graphs/sd2/pipeline.json" --weights folder --target x86-64 --sizes 64x64,72x104 -o narrow
for size in 64x64 72x104; do
    "$TOOLS/picture_make" "picture-$size.png" ${size/x/ } 2350dc 20 20 44 44 dc1e1e
    "$TOOLS/picture_make" "mask-$size.png" ${size/x/ } 000000 27 0 64 50 ffffff
done
while read -r start size sampler strength latent; do
    [[ $start != '#' ]] || continue
    flags=(--size "$size" -i "picture-$size.png" --strength "$strength")
    [[ $start != mask ]] || flags+=(--mask "mask-$size.png")
    ./narrow -p "a red circle" -n blurry --steps 8 --cfg-scale 4 --seed 7 --rng cpu --sampling-method "$sampler" "${flags[@]}" -o x.png \
        --save-latent x.safetensors 2>log || fail "$start $size $sampler: $(<log)"
    # Both compute in f32: of eight calls and a guidance of 4 comes what the bound of a compiled graph, 1e-5, may grow to.
    python3 "$SOURCE_DIR/tests/tools/compare_planes.py" x.safetensors 3.2e-4 "$latent" ||
        fail "$start $size $sampler, strength $strength: another latent than diffusers'"
done <"$SOURCE_DIR/tests/data/init-img.txt"
