#!/bin/bash
# Checkpoints of other programs: the same weights as diffusers folders and LDM files, written by a script that does not share latentc's rules for
# names, are read to the last bit, under every spelling, type and packaging that is known; a folder alone says everything about a narrow model; and
# what is wrong with one is said in one line.
. "$(dirname "$0")/common.sh"
command -v python3 >/dev/null || skip "needs python3"
narrow=$SOURCE_DIR/tests/data/narrow.json sd2=$SOURCE_DIR/graphs/sd2/pipeline.json
write() { python3 "$SOURCE_DIR/tests/tools/write_checkpoint.py" "$@"; }
same() { python3 "$SOURCE_DIR/tests/tools/same_tensors.py" "$@" || fail "$1 and $2"; }
convert() { "$LATENTC" weights convert "$@" 2>"$work/log" || fail "convert $*: $(<"$work/log")"; }
cd "$work"
convert synthetic:5 "$narrow" --to latentc -o own.safetensors

# ---- every bit, there and back ----
write own.safetensors diffusers folder
write own.safetensors ldm ldm.safetensors
convert folder --to latentc -o from-folder.safetensors
convert ldm.safetensors "$narrow" --to latentc -o from-ldm.safetensors
same from-folder.safetensors own.safetensors
same from-ldm.safetensors own.safetensors
convert folder --to ldm -o folder-ldm.safetensors
convert ldm.safetensors "$narrow" --to diffusers -o ldm-folder
same folder-ldm.safetensors ldm.safetensors
for file in unet/diffusion_pytorch_model vae/diffusion_pytorch_model text_encoder/model; do
    same "ldm-folder/$file.safetensors" "folder/$file.safetensors"
done
convert folder --to diffusers -o again # configs and tokenizer, too
"$LATENTC" weights list folder | grep ^settings >a.txt
"$LATENTC" weights list again | grep ^settings | cmp - a.txt || fail "the written configs say something else"
cmp folder/tokenizer/vocab.json again/tokenizer/vocab.json

# ---- Stable Diffusion 1.x: another text encoder with other names, projections as convolutions, heads of several sizes ----
first=$SOURCE_DIR/tests/data/narrow-sd1.json
convert synthetic:5 "$first" --to latentc -o own1.safetensors
forms=("extra shards=2")
[[ -z ${LATENTC_LONG:-} ]] || forms+=("" bare)
for options in "${forms[@]}"; do
    rm -rf folder1
    # shellcheck disable=SC2086
    write own1.safetensors diffusers folder1 sd1 $options
    convert folder1 --to latentc -o from1.safetensors
    same from1.safetensors own1.safetensors
    # shellcheck disable=SC2086
    write own1.safetensors ldm file1.safetensors sd1 $options
    convert file1.safetensors "$first" --to latentc -o from1.safetensors
    same from1.safetensors own1.safetensors
done
for form in keras keras3; do # a kernel of a projection is (1,1,in,out) there
    convert folder1 --to $form -o $form
    convert $form "$first" --to latentc -o from1.safetensors
    same from1.safetensors own1.safetensors
done
"$LATENTC" weights list keras3/diffusion_model.weights.h5 "$first" >said
grep -q '1x1x32x32 .*spatial_transformer/proj1/conv2d/vars/0' said || fail "Keras 3's projections"
write own1.safetensors ldm file1.safetensors sd1
convert folder1 --to ldm -o folder1-file.safetensors
same folder1-file.safetensors file1.safetensors
convert file1.safetensors "$first" --to diffusers -o file1-folder
for line in 'taken for Stable Diffusion 1.x' 'family stable-diffusion-1' '--sampling-method pndm'; do
    for spec in folder1 file1-folder file1.safetensors; do
        pipeline=()
        [[ $spec != *.safetensors ]] || pipeline=("$first")
        "$LATENTC" weights check "$spec" "${pipeline[@]}" >said
        grep -q -- "$line" said || fail "$spec: no line \"$line\""
    done
done
# The pipeline of Stable Diffusion 2 does not need to be named, nor does it hurt.
"$LATENTC" weights list folder1 | grep ^settings | sed "s/,\"pad_token.*//" >a.txt
"$LATENTC" weights list file1-folder | grep ^settings | sed "s/,\"pad_token.*//; s/,\"family.*//" | cmp - a.txt || fail "Stable Diffusion 1.x: the written configs say something else"

# ---- spellings and packages ----
for options in bare legacy extra shards=3 "variant=fp16" "variant=fp16 shards=2" "bare legacy extra shards=5"; do
    rm -rf other
    # shellcheck disable=SC2086
    write own.safetensors diffusers other $options
    flag=()
    [[ $options != *variant* ]] || flag=(--variant fp16)
    [[ $options != *variant* ]] || expect 1 '*has * alone; give --variant fp16' "$LATENTC" weights check other
    convert other "${flag[@]}" --to latentc -o other.safetensors
    same other.safetensors own.safetensors
done
write own.safetensors ldm extra.safetensors extra
"$LATENTC" weights check extra.safetensors "$narrow" >/dev/null
for type in f16 bf16; do # rounded as Python and a formula round
    rm -rf other
    write own.safetensors diffusers other $type
    convert other --to latentc -o other.safetensors
    convert own.safetensors "$narrow" --to latentc --dtype $type -o rounded.safetensors
    same other.safetensors rounded.safetensors
    convert other --to latentc --dtype f32 -o wide.safetensors
    convert wide.safetensors "$narrow" --to latentc --dtype $type -o other.safetensors
    same other.safetensors rounded.safetensors
done
# Numbers of 8 bits are what they are, times their scales.
for scales in one rows; do
    rm -rf other
    write own.safetensors diffusers other f8=$scales
    convert other --to latentc --dtype f32 -o other.safetensors
    rm -rf other
    write own.safetensors diffusers other f8=$scales decoded
    convert other --to latentc -o decoded.safetensors
    same other.safetensors decoded.safetensors
done
write own.safetensors ldm f8.safetensors f8=none
"$LATENTC" weights check f8.safetensors "$narrow" >/dev/null || fail "LDM, 8 bits"
# One component: its folder, its file, its index.
for spec in folder/unet folder/unet/diffusion_pytorch_model.safetensors; do
    [[ $("$LATENTC" weights check $spec "$narrow") == *"diffusion_model  686 of 686 weights, as they should be"*"not here"* ]] || fail "$spec"
done
# One graph alone, with the widths that the folder's config has.
"$LATENTC" weights check folder "$SOURCE_DIR/graphs/sd2/decoder.json" >said || fail "check of one graph"
grep -q "^decoder *140 of 140 weights, as" said && [[ $(grep -c " of .* weights\|of no model" said) == 1 ]] || fail "$(<said)"
expect 1 '*decoder.json: this is a graph, expected a pipeline, *' "$LATENTC" weights convert folder "$SOURCE_DIR/graphs/sd2/decoder.json" --to ldm -o out
rm -rf other
write own.safetensors diffusers other shards=2
"$LATENTC" weights check other/vae/diffusion_pytorch_model.safetensors.index.json "$narrow" >said
grep -q "^decoder *140 of 140 weights, as" said && grep -q "^image_encoder *108 of 108 weights, as" said || fail "$(<said)"

# ---- the same picture ----
pixels() { # what the IDAT chunks hold; metadata apart
    python3 -c '
import struct, sys, zlib
d, at, z = open(sys.argv[1], "rb").read(), 8, b""
while at < len(d):
    n, kind = struct.unpack(">I4s", d[at:at + 8])
    z += d[at + 8:at + 8 + n] if kind == b"IDAT" else b""
    at += n + 12
print(zlib.decompress(z).hex())' "$1"
}
draw() { "./$1" -p "a red circle" -n "blurry" --steps 3 --seed 7 --cfg-scale 4 -o "$1.png" --save-latent "$1.latent" 2>log || fail "$1: $(<log)"; }
build() { "$LATENTC" build -q "$@" --target x86-64; }
rm -rf v
write own.safetensors diffusers v prediction=v_prediction
build "$narrow" --weights own.safetensors --vocab folder/tokenizer -o by-hand &
build "$sd2" --weights folder -o by-config
wait $!
build "$sd2" --weights from-folder.safetensors --vocab folder/tokenizer -o by-metadata &
build "$sd2" --weights folder --set img_height=128 -o tall
wait $!
build "$sd2" --weights v --prediction epsilon -o overruled &
# An LDM file says nothing of widths, but has a convention for everything else.
sed "s|\.\./\.\./graphs|$SOURCE_DIR/graphs|; s/\"epsilon\"/\"v\"/; s/\"linspace\"/\"leading\", \"steps_offset\": 1/; s/\"final_alpha\": 1.0/\"final_alpha\": \"first\"/" \
    "$narrow" >ldm.json
build ldm.json --weights own.safetensors --vocab folder/tokenizer -o ldm-by-hand
wait $!
build "$narrow" --weights ldm.safetensors --vocab folder/tokenizer --prediction v -o ldm
# Several without a name: each serves the models that it is of, folders, files, and files without any model's name; of two the later one.
python3 - <<'EOF'
import json, struct
d = open("own.safetensors", "rb").read()
n = struct.unpack("<Q", d[:8])[0]
head = json.loads(d[8:8 + n])
for model in "text_encoder", "diffusion_model", "decoder", "image_encoder":
    part, data = {}, b""
    for name, t in head.items():
        if name.startswith(model + "/"):
            begin, end = t["data_offsets"]
            part[name[len(model) + 1:]] = dict(t, data_offsets=[len(data), len(data) + end - begin])
            data += d[8 + n + begin:8 + n + end]
    h = json.dumps(part).encode()
    h += b" " * (-len(h) % 8)
    open(model + ".safetensors", "wb").write(struct.pack("<Q", len(h)) + h + data)
EOF
build "$narrow" --weights folder/vae --weights folder/text_encoder --weights folder/unet --vocab folder/tokenizer -o by-folders &
build "$narrow" --weights folder/unet/diffusion_pytorch_model.safetensors --weights folder/vae/diffusion_pytorch_model.safetensors \
    --weights folder/text_encoder/model.safetensors --vocab folder/tokenizer -o by-files
wait $!
build "$narrow" --weights image_encoder.safetensors --weights text_encoder.safetensors --weights decoder.safetensors \
    --weights diffusion_model.safetensors --vocab folder/tokenizer -o by-models &
build "$narrow" --weights synthetic:9 --weights own.safetensors --vocab folder/tokenizer -o by-last
wait $!
build "$narrow" --weights synthetic:9 --weights folder/vae --weights folder/unet --vocab folder/tokenizer -o by-both &
build "$narrow" --weights text_encoder=synthetic:9 --weights own.safetensors --vocab folder/tokenizer -o by-name
wait $!
draw by-both
draw by-name
cmp by-both.latent by-name.latent || fail "what no component serves comes from the last that has all models"
sed '/"image_encoder": {/,/^    }/d; /"decoder": {/,/^    }/{s/^    },$/    }/}' "$narrow" | sed "s|\.\./\.\./graphs|$SOURCE_DIR/graphs|" >three.json
expect 1 '*--weights image_encoder.safetensors: has weights of none of the models of three.json (text_encoder, diffusion_model, decoder): taken for one model of latentc; MODEL=image_encoder.safetensors names one' \
    "$LATENTC" build -q three.json --weights folder --weights image_encoder.safetensors -o out
sed 's|"conv_in|"conv_on|' decoder.safetensors >theirs.safetensors
expect 1 '*--weights theirs.safetensors: has weights of none of the models of *: taken for *' \
    "$LATENTC" build -q "$narrow" --weights folder/unet --weights theirs.safetensors -o out
expect 2 '*no weights for text_encoder: give --weights *' "$LATENTC" build -q "$narrow" --weights folder/unet --weights folder/vae --vocab folder/tokenizer -o out
expect 2 '*no weights for image_encoder: give --weights *, or --no-init-img to leave this model out' "$LATENTC" build -q "$narrow" \
    --weights text_encoder=synthetic:1 --weights diffusion_model=synthetic:1 --weights decoder=synthetic:1 --vocab folder/tokenizer -o out
for name in by-hand by-config by-metadata by-folders by-files by-models by-last; do
    draw $name
    cmp $name.latent by-hand.latent || fail "$name: another latent"
    [[ $(pixels $name.png) == $(pixels by-hand.png) ]] || fail "$name: another picture"
done
[[ $(./by-config --print-tokens -p "a red circle") == $(./by-hand --print-tokens -p "a red circle") ]] || fail "tokens"
rm -rf other
write own.safetensors diffusers other tokenizer
[[ $("$LATENTC" tokens --vocab other/tokenizer -p "two blue squares, é") == $("$LATENTC" tokens --vocab folder/tokenizer -p "two blue squares, é") ]] ||
    fail "tokenizer.json"
# What the user sets lies over what the checkpoint says.
draw tall
python3 -c 'import struct,sys; sys.exit(struct.unpack(">II", open("tall.png", "rb").read()[16:24]) != (64, 128))' || fail "--set img_height"
[[ $("$LATENTC" weights list folder) == *"taken for Stable Diffusion 2, epsilon"* ]]
[[ $("$LATENTC" weights list v) == *"taken for Stable Diffusion 2, v"*'"prediction":"v"'* ]] || fail "v"
# The scheduler's class is the sampler, and what it does not know the chosen sampler's own; so it is written again.
rm -rf euler again
cp -r folder euler
sed 's/DDIMScheduler/EulerDiscreteScheduler/; s/"clip_sample": false, //' folder/scheduler/scheduler_config.json >euler/scheduler/scheduler_config.json
"$LATENTC" weights convert euler "$narrow" --to diffusers -o again
for spec in euler again; do
    said=$("$LATENTC" weights list $spec)
    [[ $said == *'"clip_sample":"sampler"'*'"defaults":{"sampler":"euler"}'* ]] || fail "$spec: $(grep schedule <<<"$said")"
done
rm -rf sde again
cp -r folder sde
sed 's/DDIMScheduler/DPMSolverMultistepScheduler", "algorithm_type": "sde-dpmsolver++/' folder/scheduler/scheduler_config.json >sde/scheduler/scheduler_config.json
"$LATENTC" weights convert sde "$narrow" --to diffusers -o again
for spec in sde again; do
    [[ $("$LATENTC" weights list $spec) == *'"defaults":{"sampler":"dpm++2m_sde"}'* ]] || fail "the sampler of DPMSolverMultistepScheduler's sde: $spec"
done
[[ $("$LATENTC" weights list folder) == *'"clip_sample":false'*'"defaults":{"sampler":"ddim"}'* ]] || fail "the sampler of a folder with DDIMScheduler"
draw ldm-by-hand
draw ldm
cmp ldm.latent ldm-by-hand.latent || fail "LDM"
draw overruled
cmp overruled.latent by-hand.latent || fail "--prediction epsilon"

# A graph alone takes its parameters from the checkpoint, too.
python3 -c '
import json, struct
h = json.dumps({"latent": {"dtype": "F32", "shape": [1, 8, 8, 4], "data_offsets": [0, 1024]}}).encode()
h += b" " * (-len(h) % 8)
open("latent.safetensors", "wb").write(struct.pack("<Q", len(h)) + h + struct.pack("<256f", *[(i * 37 % 64 - 32) / 32 for i in range(256)]))'
for spec in folder folder/vae decoder=from-folder.safetensors; do
    "$LATENTC" run "$SOURCE_DIR/graphs/sd2/decoder.json" --interpret --weights $spec --set img_height=64 --set img_width=64 \
        --inputs latent.safetensors --outputs "run-${spec//\//-}.safetensors"
    cmp "run-${spec//\//-}.safetensors" run-folder.safetensors || fail "run --weights $spec"
done

# ---- what is wrong, in one line ----
rm -rf other
write own.safetensors diffusers other shards=2
index=other/unet/diffusion_pytorch_model.safetensors.index.json
cp $index index.json
refuse() { expect 1 "latentc: error: $1" "$LATENTC" weights check other; }
edit() { sed "$1" "$2" >edited && ! cmp -s edited "$2" || fail "nothing edited in $2"; cp "$2" kept; cp edited "$2"; }
edit 's/"conv_in.weight": "[^"]*"/"conv_in.weight": "..\/..\/own.safetensors"/' $index
refuse 'other/unet/*.index.json: /weight_map/conv_in.weight: found "../../own.safetensors", expected the name of a file in the folder of the index'
cp index.json $index
edit 's/"conv_in.weight": "[^"]*"/"conv_in.weight": "gone.safetensors"/' $index
refuse '*: /weight_map/conv_in.weight: other/unet/gone.safetensors: No such file or directory'
cp index.json $index
edit 's/"conv_in.weight"/"conv_out_of_reach.weight"/' $index
refuse '*: tensor "conv_out_of_reach.weight" is not in diffusion_pytorch_model-0000*'
cp index.json $index
{ printf '{"weight_map":'; printf '[%.0s' {1..100000}; } >$index
refuse '*.index.json:1: objects and arrays are nested deeper than 1000 levels'
cp index.json $index
for shard in other/vae/*-00001-*; do
    cp "$shard" kept
    truncate -s -100 "$shard"
    refuse 'other/vae/*: tensor "*" ends at byte * of the data, but the file has only *: truncated[?]'
    cp kept "$shard"
done
while IFS='|' read -r file change message; do
    edit "$change" "other/$file"
    refuse "$message"
    cp kept "other/$file"
done <<'CASES'
model_index.json|s/StableDiffusionPipeline/StableDiffusionXLPipeline/|*: /_class_name: this is Stable Diffusion XL (two text encoders, add_embedding): latentc's graphs are Stable Diffusion 1's and 2's
model_index.json|s/StableDiffusionPipeline/FluxPipeline/|*: /_class_name: this is a FluxPipeline: latentc's graphs are Stable Diffusion 1's and 2's
unet/config.json|s/"in_channels": 4/"in_channels": 8/|*: /in_channels: this is InstructPix2Pix (8 channels in): *
unet/config.json|s/"in_channels": 4/"in_channels": 7/|*: /in_channels: this is an upscaler (7 channels in): *
unet/config.json|s/"in_channels": 4/"in_channels": 5/|*: /in_channels: this is a depth model (5 channels in): *
unet/config.json|s/"in_channels": 4/"in_channels": 6/|*: /in_channels: found 6, but latentc's graphs have 4 9 (one of them)
model_index.json|s/StableDiffusionPipeline/StableDiffusionDepth2ImgPipeline/|*: /_class_name: this is a depth model (5 channels in): *
model_index.json|s/StableDiffusionPipeline/StableDiffusionUpscalePipeline/|*: /_class_name: this is an upscaler (7 channels in): *
model_index.json|s/StableDiffusionPipeline/StableDiffusionInstructPix2PixPipeline/|*: /_class_name: this is InstructPix2Pix (8 channels in): *
unet/config.json|s/"in_channels"/"mid_block_type": "UNetMidBlock2DSimpleCrossAttn", "in_channels"/|*: /mid_block_type: found "UNetMidBlock2DSimpleCrossAttn", but latentc's graphs have UNetMidBlock2DCrossAttn, UNetMidBlock2D, or null: no middle
unet/config.json|s/"DownBlock2D"/"AttnDownBlock2D"/|*: /down_block_types/3: found "AttnDownBlock2D", but latentc's graphs have CrossAttnDownBlock2D and DownBlock2D
unet/config.json|s/"in_channels"/"only_cross_attention": [true], "in_channels"/|*: /only_cross_attention: found 1 levels, expected 4, as block_out_channels has
unet/config.json|s/"layers_per_block": 2/"layers_per_block": [2, 1]/|*: /layers_per_block: found 2 levels, expected 4
unet/config.json|s/\[1, 2, 4, 4\]/[1, 4, 4, 4]/|*: /attention_head_dim: the levels have different numbers of heads, of different sizes; latentc's graphs have one size or one number
unet/config.json|s/"silu"/"relu"/|*: /act_fn: found "relu", but latentc's graphs have "silu" "swish" (one of them)
unet/config.json|s/"class_embed_type": null/"class_embed_type": "timestep"/|*: /class_embed_type: found "timestep", but latentc's graphs have no such part
unet/config.json|s/"UpBlock2D", //|*: /up_block_types: found 3 blocks, expected 4, as block_out_channels has
unet/config.json|s/"block_out_channels": \[16, 32, 64, 64\]/"block_out_channels": "wide"/|*: /block_out_channels: found a string, expected a list
scheduler/scheduler_config.json|s/"epsilon"/"sample"/|*: /prediction_type: found "sample", expected epsilon, v_prediction
scheduler/scheduler_config.json|s/"scaled_linear"/"sigmoid"/|*: /beta_schedule: found "sigmoid", expected linear, scaled_linear, squaredcos_cap_v2
tokenizer/tokenizer_config.json|s/"!"/"[PAD]"/|*: the padding token "?PAD?" is not in the vocabulary
unet/config.json|s/"sample_size": 8/"sample_size": 8.5/|*: /sample_size: found 8.5, expected an integer
unet/config.json|s/"sample_size": 8/"sample_size": [8]/|*: /sample_size: found 1 numbers, expected height and width of the latent
unet/config.json|s/"norm_num_groups": 8/"norm_num_groups": 7/|*
vae/config.json|s/"scaling_factor": 0.25/"scaling_factor": "x"/|*: /scaling_factor: found a string, expected a number
CASES
"$LATENTC" weights check other >/dev/null || fail "the folder is as it was"
# The latent's size: odd, and height and width.
edit 's/"sample_size": 8/"sample_size": 9/' other/unet/config.json
[[ $("$LATENTC" weights check other) == *'"img_height":72,"img_width":72'* ]] || fail "sample_size 9"
cp kept other/unet/config.json
edit 's/"sample_size": 8/"sample_size": [13, 9]/' other/unet/config.json
[[ $("$LATENTC" weights check other) == *'"img_height":104,"img_width":72'* ]] || fail "sample_size [13, 9]"
convert other --to diffusers -o oblong
grep -q '"sample_size": \[13, 9\]' oblong/unet/config.json || fail "sample_size [13, 9], converted"
cp kept other/unet/config.json
# What the files say and the program does not do is a line each, in check and in build.
for file in model_index.json unet/config.json vae/config.json text_encoder/config.json scheduler/scheduler_config.json tokenizer/tokenizer_config.json; do
    edit 's/^{/{"tomorrow": 1, /' "other/$file"
    [[ $("$LATENTC" weights check other) == *"note: other/$file: not read: tomorrow 1"* ]] || fail "$file: a member that has no row is not named"
    cp kept "other/$file"
done
while IFS='|' read -r file class other instead; do
    edit "s/\"$class\"/\"$other\"/" "other/$file"
    "$LATENTC" weights check other >said || fail "$other: refused"
    [[ $(grep -c "$other" said) == 1 && $(<said) == *"note: other/$file: /"*"$other\""*": it is read as $instead"* ]] || fail "$other: $(<said)"
    cp kept "other/$file"
done <<'CASES'
unet/config.json|UNet2DConditionModel|ControlNetModel|a UNet2DConditionModel
vae/config.json|AutoencoderKL|AutoencoderOther|an AutoencoderKL
text_encoder/config.json|CLIPTextModel|CLIPModel|a CLIPTextModel
CASES
edit 's/StableDiffusionPipeline/StableDiffusionControlNetPipeline/; s/^{/{"controlnet": ["diffusers", "ControlNetModel"], /' other/model_index.json
[[ $("$LATENTC" weights check other) == *'note: other/model_index.json: /controlnet: found ["diffusers","ControlNetModel"]: latentc draws without the ControlNet'* ]] ||
    fail "a pipeline with a ControlNet: $("$LATENTC" weights check other)"
cp kept other/model_index.json
! grep -q "is read as" <<<"$("$LATENTC" weights check other)" || fail "the classes are ours"
edit 's/"CLIPTextModel"/"CLIPTextModelWithProjection"/' other/text_encoder/config.json
! grep -q "is read as" <<<"$("$LATENTC" weights check other)" || fail "CLIPTextModelWithProjection is named"
cp kept other/text_encoder/config.json
edit 's/"_class_name": "DDIMScheduler"/"_class_name": "SASolverScheduler"/' other/scheduler/scheduler_config.json
[[ $("$LATENTC" weights check other) == *"note: other/scheduler/scheduler_config.json: SASolverScheduler is none of latentc's: the sampler is dpm++2m_sde"* ]] ||
    fail "SASolverScheduler: $("$LATENTC" weights check other)"
cp kept other/scheduler/scheduler_config.json
mv other/scheduler/scheduler_config.json none.json
"$LATENTC" weights check other >said
grep -q "^note: other/scheduler/scheduler_config.json: is missing: schedule and sampler are the pipeline file's" said || fail "no scheduler: $(<said)"
! grep -q "vae and scheduler" said || fail "claims a scheduler config that is not there"
"$LATENTC" build -q "$sd2" --weights other --no-init-img -o out 2>said
grep -q "note: other/scheduler/scheduler_config.json: is missing" said || fail "build: no scheduler: $(<said)"
rm out
mv none.json other/scheduler/scheduler_config.json
expect 1 '*: no component has a variant "int8"' "$LATENTC" weights check other --variant int8
rm other/text_encoder/*.json
refuse 'other/text_encoder/config.json: is missing*'
printf 'PK\3\4 and more' >model.ckpt
expect 1 '*model.ckpt: a PyTorch pickle, which can run any program while it is read; convert it once*' "$LATENTC" weights check model.ckpt
expect 1 '*model.ckpt: a PyTorch pickle*' "$LATENTC" build -q "$sd2" --weights model.ckpt -o out
printf 'GGUF and more' >model.gguf
expect 1 '*model.gguf: a GGUF file*' "$LATENTC" weights check model.gguf
expect 1 '*nowhere/nothing: cannot be read: No such file or directory; if it is a name on the Hugging Face hub, *hf download nowhere/nothing --local-dir nothing*' "$LATENTC" weights check nowhere/nothing
[[ ! -e out ]] || fail "something half-written"
# Weights that do not fit, and numbers that are none.
expect 1 '*own.safetensors: does not fit *: * weights are missing, unknown or of another shape' "$LATENTC" weights check own.safetensors
grep -q "wrong: own.safetensors: tensor \"decoder/conv_in.kernel\" has shape (3,3,4,32), expected (3,3,4,512)" expect.out || fail "$(<expect.out)"
expect 1 '*folder/unet: has no variant "x"' "$LATENTC" weights check folder/unet "$narrow" --variant x
# Converting stops at a number that is none, and leaves nothing behind: no folder, or the one that was there as it was. Messages are one line, whatever
# is in a file's names.
python3 - <<'EOF'
import json, struct
d = bytearray(open("own.safetensors", "rb").read())
n = struct.unpack("<Q", d[:8])[0]
h = json.loads(d[8:8 + n])
at = 8 + n + h["diffusion_model/out.conv.kernel"]["data_offsets"][0] + 40
d[at:at + 4] = struct.pack("<f", float("nan"))
open("nan.safetensors", "wb").write(d)
h = b'{"a\\nb\\u001b[31mc": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}'
open("lines.safetensors", "wb").write(struct.pack("<Q", len(h)) + h + b"\0" * 4)
EOF
for form in latentc ldm diffusers keras keras3; do
    rm -rf half
    expect 1 '*tensor "diffusion_model/out.conv.kernel": value 10 of * is NaN, expected finite numbers' \
        "$LATENTC" weights convert nan.safetensors "$narrow" --to $form -o half
    [[ -z $(find . -name 'half*') ]] || fail "--to $form left $(find . -name 'half*')"
done
mkdir half && echo mine >half/note
expect 1 '*is NaN, expected finite numbers' "$LATENTC" weights convert nan.safetensors "$narrow" --to keras -o half/
[[ $(find . -name 'half*') == ./half && $(ls half) == note ]] || fail "--to keras left $(find half*)"
convert own.safetensors "$narrow" --to diffusers -o half/
same half/unet/diffusion_pytorch_model.safetensors folder/unet/diffusion_pytorch_model.safetensors
[[ $(<half/note) == mine && $(find . -name 'half*') == ./half ]] || fail "what was in the folder"
echo >a-file
expect 1 '*a-file: cannot be made: a file of that name is there' "$LATENTC" weights convert own.safetensors "$narrow" --to keras3 -o a-file
expect 1 '*lines.safetensors: tensor "a*b*31mc" has data_offsets *, expected 8 bytes by its shape and dtype' "$LATENTC" weights check lines.safetensors
