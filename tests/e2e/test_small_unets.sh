#!/bin/bash
# U-Nets with fewer blocks or levels than Stable Diffusion 2's, by their configs: the narrow model in the form of BK-SDM small, as diffusers draws it (the
# picture that tests/recorded/record_unets.py wrote); names, both ways, in every naming; the form and the defaults of SDXS. unit/program/test_odd_sizes
# compares the U-Nets alone.
. "$(dirname "$0")/common.sh"
command -v python3 >/dev/null || skip "needs python3"
cd "$work"
form() { sed "s#../../graphs#$SOURCE_DIR/graphs#; s/\"context_width\": 64,/& $1/" "$SOURCE_DIR/tests/data/narrow.json"; }
form '"blocks": 1, "mid_blocks": 0,' >small.json
convert() { "$LATENTC" weights convert "$@" 2>log >/dev/null || fail "convert $*: $(<log)"; }
convert synthetic:5 small.json --to latentc -o own.safetensors
python3 "$SOURCE_DIR/tests/tools/write_checkpoint.py" own.safetensors diffusers folder bk-small
[[ $("$LATENTC" weights check folder) == *"Stable Diffusion 2, the U-Net of BK-SDM small, epsilon"* ]] || fail "the form is not recognised"
"$LATENTC" build -q "$SOURCE_DIR/graphs/sd2/pipeline.json" --weights folder --no-init-img --target x86-64 --cache on -o small 2>log || fail "$(<log)"
draw=(-p "a red circle" -n blurry --steps 8 --cfg-scale 4 --seed 7 --rng cpu --sampling-method euler -q)
./small "${draw[@]}" -o x.png 2>log || fail "$(<log)"
psnr=$("$TOOLS/picture_diff" x.png "$SOURCE_DIR/tests/data/bk-sdm-small.png")
echo "$psnr"
[[ $psnr =~ psnr=([0-9]+|inf) ]] && [[ ${BASH_REMATCH[1]} == inf || ${BASH_REMATCH[1]} -ge 50 ]] || fail "another picture than diffusers'"
./small "${draw[@]}" --cache-interval 2 -o y.png 2>log || fail "$(<log)"
! cmp -s x.png y.png || fail "--cache-interval has no effect"

# Names, both ways: what each naming writes, latentc reads as the same tensors.
for to in diffusers ldm keras3; do
    for name in small mixed; do
        [[ $name == small ]] || form '"level_blocks": [1, 2, 3], "mid_blocks": 1, "widths": [16, 32, 64], "attention": [1, 0, 1], "up_attention": [0, 1, 1], "depths": [1, 2, 2],' |
            sed 's/"widths": \[16, 32, 64, 64\], "head_size"/"head_size"/' >mixed.json
        convert synthetic:5 $name.json --to latentc -o own-$name.safetensors
        out=$name-$to
        [[ $to != ldm ]] || out+=.safetensors
        convert own-$name.safetensors $name.json --to $to -o $out
        "$LATENTC" weights check $out $name.json >log 2>&1 || fail "$name, $to: $(<log)"
        [[ $to != keras3 ]] || continue # sets eps of its own
        convert $out $name.json --to latentc -o back.safetensors
        python3 "$SOURCE_DIR/tests/tools/same_tensors.py" back.safetensors own-$name.safetensors || fail "$name, $to: other tensors"
    done
done
grep -q '"layers_per_block": \[1,2,3\]' mixed-diffusers/unet/config.json || fail "layers_per_block"

# SDXS: by the levels of its U-Net; one step without guidance.
form '"blocks": 1, "mid_blocks": 0, "widths": [16, 32, 64], "attention": [2, 1, 1],' | sed 's/"widths": \[16, 32, 64, 64\], "head_size"/"head_size"/' >sdxs.json
convert synthetic:5 sdxs.json --to diffusers -o sdxs
grep -q '"only_cross_attention": \[true,false,false\]' sdxs/unet/config.json || fail "only_cross_attention"
said=$("$LATENTC" weights check sdxs sdxs.json)
[[ $said == *"the U-Net of SDXS-512-0.9"* && $said == *"sdxs: sdxs/unet/config.json: the levels of the U-Net: SDXS-512-0.9"* ]] || fail "$said"
