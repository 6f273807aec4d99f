#!/bin/bash
# Models that read a mask and a masked picture (9 channels in), as diffusers draws them: the narrow model in a folder of diffusers', against latents that its
# inpainting pipeline ended with in double (tests/recorded/record_inpainting.py); the same from a single file; what such a generator needs.
. "$(dirname "$0")/common.sh"
command -v python3 >/dev/null || skip "needs python3"
cd "$work"
sd2=$SOURCE_DIR/graphs/sd2/pipeline.json
sed "s#../../graphs#$SOURCE_DIR/graphs#; s/\"context_width\": 64,/& \"mask_channels\": 5,/" "$SOURCE_DIR/tests/data/narrow.json" >narrow.json
"$LATENTC" weights convert synthetic:5 narrow.json --to latentc -o own.safetensors 2>log || fail "$(<log)"
python3 "$SOURCE_DIR/tests/tools/write_checkpoint.py" own.safetensors diffusers folder
python3 "$SOURCE_DIR/tests/tools/write_checkpoint.py" own.safetensors ldm file.safetensors
[[ $("$LATENTC" weights check folder) == *"Stable Diffusion 2 inpainting, epsilon"* ]] || fail "the folder is not taken for an inpainting model"
[[ $("$LATENTC" weights list file.safetensors narrow.json) == *"Stable Diffusion 2 inpainting, 512-base (epsilon)"* ]] ||
    fail "the file is not taken for an inpainting model"
"$LATENTC" build -q "$sd2" --weights folder --target x86-64 --sizes 64x64,72x104 -o narrow 2>log || fail "$(<log)"
for size in 64x64 72x104; do
    "$TOOLS/picture_make" "picture-$size.png" ${size/x/ } 2350dc 20 20 44 44 dc1e1e
    "$TOOLS/picture_make" "mask-$size.png" ${size/x/ } 000000 27 0 64 50 ffffff
done
while read -r size sampler strength scale seed latent; do
    [[ $size != '#' ]] || continue
    draw=(-p "a red circle" -n blurry --steps 4 --cfg-scale "$scale" --rng cpu --sampling-method "$sampler" --size "$size" -i "picture-$size.png"
        --mask "mask-$size.png" --strength "$strength")
    ./narrow "${draw[@]}" --seed "$seed" -o x.png --save-latent x.safetensors 2>log || fail "$size $sampler: $(<log)"
    # The model is in f32, diffusers' in double: the bound of a compiled graph.
    python3 "$SOURCE_DIR/tests/tools/compare_planes.py" x.safetensors 1e-5 "$latent" ||
        fail "$size $sampler, strength $strength, guidance $scale: another latent than diffusers'"
    [[ $seed != 8 ]] || cp x.safetensors eight.safetensors
done <"$SOURCE_DIR/tests/data/inpainting.txt"

# A batch: each picture has its own sample of the masked picture. The record: the picture again, and what it needs.
flags=(-i picture-64x64.png --mask mask-64x64.png --strength 1)
./narrow -p "a red circle" -n blurry --steps 4 --cfg-scale 4 --rng cpu --sampling-method ddim "${flags[@]}" --seed 7 -b 2 -o p-%d.png \
    --save-latent l-%d.safetensors -q 2>log || fail "$(<log)"
cmp l-2.safetensors eight.safetensors || fail "the second picture of a batch is another one"
./narrow --from-png p-2.png -i picture-64x64.png --mask mask-64x64.png -o again.png -q 2>log || fail "$(<log)"
cmp p-2.png again.png || fail "--from-png draws another picture"
"$TOOLS/picture_make" other.png 64 64 000000 0 0 30 30 ffffff
./narrow --from-png p-2.png -i picture-64x64.png --mask other.png -o again.png 2>log || fail "$(<log)"
[[ $(<log) == *"other.png is not the file that p-2.png was drawn with"* ]] || fail "another mask is not noticed: $(<log)"
! cmp -s p-2.png again.png || fail "the mask has no effect"

# The halves of guidance in two calls, nothing fused: the same model.
"$LATENTC" build -q "$sd2" --weights folder --target x86-64 --fuse none --set img_height=64 --set img_width=64 -o apart 2>log || fail "$(<log)"
./apart -p "a red circle" -n blurry --steps 4 --cfg-scale 4 --rng cpu --sampling-method ddim "${flags[@]}" --seed 8 -o x.png --save-latent x.safetensors \
    2>log || fail "$(<log)"
python3 "$SOURCE_DIR/tests/tools/compare_planes.py" x.safetensors 1e-5 "$(awk '$5 == 8 { for (i = 6; i <= NF; i++) printf "%s ", $i }' \
    "$SOURCE_DIR/tests/data/inpainting.txt")" || fail "two calls for the halves of guidance: another latent"

# What it needs, in one line.
[[ $(./narrow --help) == *"repaints a part of a picture as a prompt says"*" -i picture.png --mask mask.png"* ]] || fail "--help"
refuse() { # expected message, arguments...
    local expected=$1
    shift
    ! "$@" 2>log >/dev/null || fail "not refused: $*"
    [[ $(wc -l <log) == 1 && $(<log) == $expected ]] || fail "found: $(<log), expected: $expected"
}
needs='*: this model repaints a part of a picture: it needs the picture and a mask of that part: -i FILE --mask FILE'
refuse "$needs" ./narrow -p x -o y.png
refuse "$needs" ./narrow -p x -i picture-64x64.png -o y.png
refuse '*: --mask needs an init image: -i FILE' ./narrow -p x --mask mask-64x64.png -o y.png
printf '{"prompt": "x", "init_img": "picture-64x64.png"}\n' >list.txt
refuse "*list.txt:1: *${needs#\*: }" ./narrow --prompts list.txt -o y-%d.png
printf '{"prompt": "x", "init_img": "picture-64x64.png", "mask": "mask-64x64.png", "steps": 1}\n' >list.txt
./narrow --prompts list.txt -o y-%d.png -q 2>log || fail "$(<log)"
[[ ! -e y.png && -e y-1.png ]] || fail "pictures"
refuse '*: this is an inpainting model, which reads the picture that it repaints: expected an image encoder, so no --no-init-img' \
    "$LATENTC" build -q "$sd2" --weights folder --no-init-img -o none
