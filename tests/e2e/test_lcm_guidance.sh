#!/bin/bash
# A latent consistency model whose U-Net takes the guidance scale as an input (time_cond_proj_dim): latents against those that diffusers' pipelines ended
# with (tests/recorded/record_lcm_guidance.py), and what becomes of the settings of guidance.
. "$(dirname "$0")/common.sh"
command -v python3 >/dev/null || skip "needs python3"
cd "$work"
sd2=$SOURCE_DIR/graphs/sd2/pipeline.json
sed "s|\.\./\.\.|$SOURCE_DIR|; s|\"time_in\"|\"guidance_in\": 256, \"time_in\"|" "$SOURCE_DIR/tests/data/narrow.json" >narrow.json
sed "s|\.\./\.\.|$SOURCE_DIR|; s|\"time_in\"|\"guidance_in\": 256, \"time_in\"|" "$SOURCE_DIR/tests/data/narrow-sd1.json" >narrow-sd1.json
"$LATENTC" weights convert synthetic:5 narrow-sd1.json --to latentc -o own-sd1.safetensors 2>log || fail "$(<log)"
python3 "$SOURCE_DIR/tests/tools/write_checkpoint.py" own-sd1.safetensors diffusers lcm-sd1 sd1
"$LATENTC" weights convert synthetic:5 narrow.json --to latentc -o own.safetensors 2>log || fail "$(<log)"
python3 "$SOURCE_DIR/tests/tools/write_checkpoint.py" own.safetensors diffusers lcm
family='lcm-guidance: lcm/unet/config.json: /time_cond_proj_dim: 256, the guidance scale is an input'
"$LATENTC" weights check lcm >said || fail "check: $(<said)"
[[ $(<said) == *"family $family"*'"guidance_in":256'*"defaults of a generator: --steps 4 --cfg-scale 8.5 --sampling-method lcm --size 64x64"* ]] ||
    fail "check says: $(<said)"
"$LATENTC" build "$sd2" --weights lcm --target x86-64 --cache on -o gen 2>said || fail "build: $(<said)"
[[ $(<said) == *"family $family"*"defaults: --steps 4 --cfg-scale 8.5 --sampling-method lcm --size 64x64"* ]] || fail "build says: $(<said)"

"$LATENTC" build "$SOURCE_DIR/graphs/sd1/pipeline.json" --weights lcm-sd1 --target x86-64 --no-init-img -o gen-sd1 2>said || fail "build: $(<said)"
[[ $(<said) == *"lcm-sd1: Stable Diffusion 1"*"family ${family/lcm\//lcm-sd1/}"*"defaults: --steps 4 --cfg-scale 8.5 --sampling-method lcm --size 64x64"* ]] || fail "build says: $(<said)"

# Both compute in f32, within 1e-5 of the model's exact prediction.
"$TOOLS/picture_make" init.png 64 64 2350dc 20 20 44 44 dc1e1e
while read -r form start steps scale latent; do
    [[ $form != '#' ]] || continue
    from=() generator=gen
    [[ $form == sd2 ]] || generator=gen-$form
    [[ $start == text ]] || from=(-i init.png --strength 0.75)
    ./$generator -p "a red circle" --seed 7 --rng cpu --steps "$steps" --cfg-scale "$scale" "${from[@]}" -o x.png --save-latent x.safetensors 2>log ||
        fail "$form $start $steps $scale: $(<log)"
    python3 "$SOURCE_DIR/tests/tools/compare_planes.py" x.safetensors 1e-5 "$latent" || fail "$form, $start, $steps steps, scale $scale: another latent than diffusers'"
done <"$SOURCE_DIR/tests/data/lcm-guidance.txt"

# Recorded as it was given, also at and below 1, and repeated. One half at any scale: the text encoder runs once, never for the negative prompt.
for scale in 8.5 1 0.25 0; do
    ./gen -p "a red circle" --cfg-scale $scale -o a.png --profile p.json 2>/dev/null
    [[ $("$TOOLS/picture" a.png parameters) == *"CFG scale: $scale,"* ]] || fail "$scale is recorded as $("$TOOLS/picture" a.png parameters)"
    (($(grep -o '"name":"text encoder"' p.json | wc -l) == 1)) || fail "$scale: more than one prompt is encoded"
    ./gen --from-png a.png -o "b-$scale.png" 2>log || fail "--from-png: $(<log)"
    cmp a.png "b-$scale.png" || fail "--from-png at scale $scale"
done
cmp -s b-1.png b-0.25.png && fail "scales below 1 are all the same"
# Lines with a scale each, and a batch: each as alone.
printf '{"prompt": "a red circle", "cfg_scale": %s, "output": "l-%s.png"}\n' 8.5 8.5 1 1 0.25 0.25 0 0 >list
./gen --prompts list 2>log || fail "a list: $(<log)"
for scale in 8.5 1 0.25 0; do cmp "b-$scale.png" "l-$scale.png" || fail "scale $scale in a list is another picture"; done
./gen -p "a red circle" -s 41 -b 2 -o c-%d.png 2>/dev/null
cmp b-8.5.png c-2.png || fail "a batch"
# Step caching: every step full is the plain picture; --fast does not touch guidance.
./gen -p "a red circle" --cache-interval 2 -o d.png 2>log || fail "$(<log)"
cmp -s b-8.5.png d.png && fail "--cache-interval 2 is the plain picture"
./gen -p "a red circle" --steps 12 --fast -o d.png 2>log || fail "$(<log)"
[[ $("$TOOLS/picture" d.png parameters) == *"Cache interval: 3"* && $("$TOOLS/picture" d.png parameters) != *Guidance* ]] || fail "--fast: $("$TOOLS/picture" d.png parameters)"

# Settings of two halves: the negative prompt is named, the others are refused; recorded ones are named.
./gen -p "a red circle" -n "blue" --no-metadata -o e.png 2>log || fail "$(<log)"
[[ $(<log) == *"the negative prompt is not used: this model takes --cfg-scale as an input, and has no half without the prompt"* ]] || fail "-n: $(<log)"
./gen -p "a red circle" --no-metadata -o f.png 2>/dev/null
cmp e.png f.png || fail "the negative prompt changes the picture"
for flag in "guidance-start 0.5" "guidance-stop 0.5" "guidance-rescale 0.7"; do
    expect 2 "gen: error: --${flag% *} does not go with this model: it takes --cfg-scale as an input, and no step has two halves" ./gen -p x --${flag} -o bad.png
done
[[ ! -e bad.png ]] || fail "something was written"
python3 - a.png <<'EOF'
import struct, sys, zlib
data, out, at = open(sys.argv[1], "rb").read(), b"", 8
while at < len(data):
    size, kind = struct.unpack(">I4s", data[at:at + 8])
    body, at = data[at + 8:at + 8 + size], at + 12 + size
    if kind == b"tEXt":
        body = body.replace(b", Version", b", Guidance stop: 0.5, Version")
    out += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
open("recorded.png", "wb").write(data[:8] + out)
EOF
./gen --from-png recorded.png -o g.png 2>log || fail "$(<log)"
[[ $(<log) == *"recorded.png: its guidance-stop is not used: --guidance-stop does not go with this model"* ]] || fail "a recorded --guidance-stop: $(<log)"
cmp g.png a.png || fail "a recorded --guidance-stop changes the picture"
[[ $(./gen --help) == *"--cfg-scale X"*"an input of this model"* ]] || fail "--help: $(./gen --help)"

# The U-Net alone, without its config; converted; a name that Keras and LDM do not have; bad configs.
cp lcm/unet/diffusion_pytorch_model.safetensors unet.safetensors
"$LATENTC" weights check unet.safetensors narrow.json >said || fail "a U-Net alone: $(<said)"
[[ $(<said) == *'family lcm-guidance: unet.safetensors: it has a tensor "time_embedding.cond_proj.weight"'*"diffusion_model  687 of 687 weights"* ]] || fail "a U-Net alone: $(<said)"
for form in diffusers latentc; do
    "$LATENTC" weights convert lcm --to $form -o as-$form 2>log || fail "convert --to $form: $(<log)"
    [[ $("$LATENTC" weights check as-$form "$sd2") == *'"guidance_in":256'*"--steps 4 --cfg-scale 8.5 --sampling-method lcm"*"687 of 687"* ]] || fail "converted to $form"
done
for form in ldm keras3; do
    expect 1 "latentc: error: diffusion_model/time.cond_proj.kernel has no name in ${form%3}" "$LATENTC" weights convert lcm --to $form -o no.$form
done
for value in 0 '"256"' 1.5; do
    sed "s/\"time_cond_proj_dim\": 256/\"time_cond_proj_dim\": $value/" as-diffusers/unet/config.json >config.json
    cp -r as-diffusers broken-"${value//\"/}" && cp config.json broken-"${value//\"/}"/unet/config.json
    expect 1 "latentc: error: broken-*/unet/config.json: /time_cond_proj_dim: found *expected *" "$LATENTC" weights check broken-"${value//\"/}"
done
