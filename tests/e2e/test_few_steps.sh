#!/bin/bash
# Few-step models: a folder in SD-Turbo's form, an LCM, single files; the defaults that follow, printed and baked in; flags of build that overrule them.
. "$(dirname "$0")/common.sh"
command -v python3 >/dev/null || skip "needs python3"
sd2=$SOURCE_DIR/graphs/sd2/pipeline.json narrow=$SOURCE_DIR/tests/data/narrow.json
write() { python3 "$SOURCE_DIR/tests/tools/write_checkpoint.py" "$@"; }
build() { "$LATENTC" build --target x86-64 --no-init-img "$@" 2>said || fail "build $*: $(<said)"; }
defaults() { "./$1" --help | sed -n 's/^Defaults: \(.*\) --seed .*/\1/p'; }
cd "$work"
"$LATENTC" weights convert synthetic:5 "$narrow" --to latentc -o own.safetensors 2>/dev/null
write own.safetensors diffusers turbo
cp -r turbo plain
cp "$SOURCE_DIR/tests/data/sd-turbo-scheduler.json" turbo/scheduler/scheduler_config.json

# Printed by check and build, with the reason.
form='sd-turbo: turbo/scheduler/scheduler_config.json: EulerDiscreteScheduler, timestep_spacing trailing, prediction_type epsilon'
"$LATENTC" weights check turbo >said || fail "check: $(<said)"
grep -qxF "family $form" said || fail "check says: $(<said)"
grep -qxF "defaults of a generator: --steps 1 --cfg-scale 1 --sampling-method euler --size 64x64" said || fail "check says: $(<said)"
! grep -q "^note" said || fail "a member of the published config is not known: $(<said)"
build "$sd2" --weights turbo -o one
[[ $(<said) == *"family $form"*"defaults: --steps 1 --cfg-scale 1 --sampling-method euler --size 64x64"* ]] || fail "build says: $(<said)"
[[ $("$LATENTC" weights check plain) == *"family stable-diffusion-2: "*"defaults of a generator: --steps 25 --cfg-scale 7.5 --sampling-method ddim --size 64x64"* ]] ||
    fail "a plain folder: $("$LATENTC" weights check plain)"

# Baked in: the picture without flags is the one of these flags; the prompt counts, and is half of the work: the negative one is not encoded.
[[ $(defaults one) == "--steps 1 --cfg-scale 1 --sampling-method euler" ]] || fail "defaults: $(defaults one)"
[[ $(./one --info) == *"defaults      --steps 1 --cfg-scale 1 --sampling-method euler"* ]] || fail "--info: $(./one --info)"
draw() { "./$1" -p "a red circle" --no-metadata -o "$2" "${@:3}" 2>said || fail "$*: $(<said)"; }
draw one a.png --profile p.json
(($(grep -o '"name":"text encoder"' p.json | wc -l) == 1)) || fail "more than one prompt is encoded"
build "$narrow" --weights turbo --vocab turbo/tokenizer --steps 30 --cfg-scale 7.5 --sampling-method pndm -o other
[[ $(defaults other) == "--steps 30 --cfg-scale 7.5 --sampling-method pndm" ]] || fail "overruled: $(defaults other)"
draw other b.png --steps 1 --cfg-scale 0.0 --sampling-method euler
cmp a.png b.png || fail "the defaults are not these flags"
draw one c.png
"./one" -p "a green star" --no-metadata -o c.png 2>/dev/null
cmp -s a.png c.png && fail "without guidance the prompt is ignored"
# The generator's own flags still rule.
draw one d.png --steps 3 --cfg-scale 4 -n blue
draw other e.png --steps 3 --cfg-scale 4 -n blue --sampling-method euler
cmp d.png e.png || fail "flags of the generator"

# By a name that a config records, and by a single file's name or title; the reason says where.
cp -r plain named
sed -i 's/^{/{"_name_or_path": "stabilityai\/sd-turbo", /' named/unet/config.json
[[ $("$LATENTC" weights check named) == *"family sd-turbo: named/unet/config.json: /_name_or_path: stabilityai/sd-turbo"*"--steps 1 --cfg-scale 1 --sampling-method ddim"* ]] ||
    fail "by name: $("$LATENTC" weights check named)"
[[ $("$LATENTC" weights check named/unet "$narrow") == *"family sd-turbo: named/unet/config.json"*"--steps 1 --cfg-scale 1 --sampling-method euler"* ]] || fail "a component"
write own.safetensors ldm sd_turbo.safetensors
[[ $("$LATENTC" weights check sd_turbo.safetensors "$narrow") == *"family sd-turbo: the file's name: sd_turbo.safetensors"*'"spacing":"trailing"'*"--steps 1 --cfg-scale 1 --sampling-method euler --size 512x512"* ]] ||
    fail "a single file: $("$LATENTC" weights check sd_turbo.safetensors "$narrow")"
# LCM.
sed 's/EulerDiscreteScheduler/LCMScheduler/; s/"timestep_spacing": "trailing"/"timestep_spacing": "leading"/' turbo/scheduler/scheduler_config.json >lcm.json
cp -r plain lcm && cp lcm.json lcm/scheduler/scheduler_config.json
[[ $("$LATENTC" weights check lcm) == *"family lcm: lcm/scheduler/scheduler_config.json: LCMScheduler"*"--steps 4 --cfg-scale 1 --sampling-method lcm"* ]] || fail "an LCM"
# Converted, it is still the same family.
for form in diffusers latentc; do
    "$LATENTC" weights convert named --to $form -o named-$form 2>/dev/null || fail "convert --to $form"
    [[ $("$LATENTC" weights check named-$form "$narrow") == *"family sd-turbo: "*"--steps 1 --cfg-scale 1 --sampling-method ddim"* ]] || fail "converted to $form"
done

# Flags of build: of any pipeline; a sampler's curve; the default size among several; the checkpoint's prediction beside them.
shapes=$SOURCE_DIR/graphs/shapes/pipeline.json
build "$shapes" --cfg-scale 0 --sampling-method "DPM++ 2M Karras" --steps 3 --sizes 128x64,64x64 --size 64x64 -o shapes
[[ $(defaults shapes) == "--steps 3 --cfg-scale 0 --sampling-method dpm++2m" ]] || fail "shapes: $(defaults shapes)"
./shapes -p "a red circle" -o s.png 2>/dev/null
[[ $("$TOOLS/picture" s.png parameters) == *"Steps: 3, Sampler: DPM++ 2M, CFG scale: 1, "*"Size: 64x64"* ]] || fail "shapes records $("$TOOLS/picture" s.png parameters)"
./shapes -p "a red circle" --spacing karras --no-metadata -o t.png 2>/dev/null
./shapes -p "a red circle" --no-metadata -o s.png 2>/dev/null
cmp s.png t.png || fail "Karras' sigmas are not baked in"
[[ $(./shapes --info) == *"picture       64 x 64, 128 x 64, "* ]] || fail "--info: $(./shapes --info)"
rm -f ./*.png
build "$shapes" --size 64x64 --cfg-scale -3 -o alone
[[ $(defaults alone) == "--steps 25 --cfg-scale -3 --sampling-method ddim" ]] || fail "a scale below 0: $(defaults alone)"
./alone -p x --steps 1 2>/dev/null
[[ $("$TOOLS/picture" output.png parameters) == *"Size: 64x64"* ]] || fail "--size alone"

# Bad input: one line, nothing written.
bad() { expect "$1" "latentc: error: $2" "$LATENTC" build "$shapes" -q -o bad "${@:3}"; }
for steps in 0 1001 5000 2x; do bad 2 "--steps: found '$steps', expected 1 to 1000, the number of training timesteps" --steps $steps; done
bad 2 "--cfg-scale: expected a number from -1000 to 1000, found 'high'" --cfg-scale high
bad 2 "--cfg-scale: expected a number from -1000 to 1000, found '-1001'" --cfg-scale -1001
bad 2 "--cfg-scale: expected a number from -1000 to 1000, found 'nan'" --cfg-scale nan
bad 2 "--sampling-method: unknown 'eulr': did you mean 'euler'?" --sampling-method eulr
bad 2 "--sampling-method: ddim does not go with sigmas spaced karras" --sampling-method "ddim karras"
bad 2 "--steps: pndm_prk needs at least 4, found 1" --sampling-method pndm_prk --steps 1
bad 2 "--steps: lcm takes 1 to 50, and a model with at least as many timesteps; found 60" --sampling-method lcm --steps 60
bad 2 '--size: expected WIDTHxHEIGHT, such as 512x512, found "64"' --size 64
bad 2 '--size: expected WIDTHxHEIGHT, such as 512x512, found "64x64x64"' --size 64x64x64
bad 2 '--size: found 100x64, expected multiples of 8' --size 100x64
bad 2 '--size: expected one size, found "64x64,8x8"' --size 64x64,8x8
bad 2 '--sizes: 64x64 is there twice' --sizes 64x64,8x8,64x64
bad 2 '--size: found 192x64, expected one of --sizes 64x64,128x64' --size 192x64 --sizes 64x64,128x64
bad 2 '--set img_width does not go with --size or --sizes' --size 64x64 --set img_width=64
[[ ! -e bad ]] || fail "something was written"
for change in 's/"steps": *[0-9]*/"steps": 0/' 's/"sampler": "[a-z0-9+_]*"/"sampler": "eulr"/'; do
    sed "$change; s|\"\.\./sd2|\"$SOURCE_DIR/graphs/sd2|" "$shapes" >broken.json
    ! cmp -s "$shapes" broken.json || fail "nothing broken by $change"
    expect 1 "latentc: error: broken.json: /defaults/s*" "$LATENTC" build broken.json --weights synthetic:1 -q -o bad
done
