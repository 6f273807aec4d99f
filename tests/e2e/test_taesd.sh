#!/bin/bash
# TAESD: its files under their own names and diffusers', build --taesd and --no-vae, --taesd and --no-taesd of generators, bad input.
. "$(dirname "$0")/common.sh"
cd "$work"
graphs=$SOURCE_DIR/graphs goldens=$SOURCE_DIR/tests/data/goldens shapes=$SOURCE_DIR/graphs/shapes/pipeline.json
sed "s|\"\.\./\.\./graphs/|\"$graphs/|; s|^  \"models\": {|&\"tiny_decoder\": {\"graph\": \"$graphs/taesd/decoder.json\"}, \"tiny_image_encoder\": {\"graph\": \"$graphs/taesd/encoder.json\"},|" \
    "$SOURCE_DIR/tests/data/narrow.json" >narrow.json
"$LATENTC" weights convert synthetic:1 narrow.json --to latentc -o own.safetensors 2>/dev/null
python3 "$SOURCE_DIR/tests/tools/taesd_files.py" own.safetensors files

# Files under other names are the same weights: synthetic:1, whose results are diffusers'.
for from in "decoder files/taesd_decoder.safetensors" "encoder files/taesd_encoder.safetensors" "decoder files/tiny" "encoder files/tiny" \
    "decoder files/tiny/diffusion_pytorch_model.safetensors" "decoder own.safetensors"; do
    read -r part file <<<"$from"
    "$LATENTC" run "$graphs/taesd/$part.json" --weights "$file" --set img_width=72 --set img_height=104 --fuse all --conv direct \
        --inputs "$goldens/taesd-$part-72x104-seed1.safetensors" --outputs out.safetensors
    "$TOOLS/compare" --bound 1e-5 out.safetensors "$goldens/taesd-$part-72x104-seed1.safetensors" || fail "$file is not what it was"
done
for file in taesd_decoder.safetensors taesd_encoder.safetensors tiny; do
    "$LATENTC" weights check "files/$file" >said 2>&1 || fail "weights check $file: $(<said)"
    ! grep -q "of no model" said || fail "weights check $file: $(<said)"
    grep -q "67 of 67 weights, as they should be" said || fail "weights check $file: $(<said)"
done
"$LATENTC" weights check files/taesd_decoder.safetensors >said
! grep -q "defaults of a generator" said || fail "a decoder decides no defaults: $(<said)"
mkdir "two files"
cp files/taesd_*.safetensors "two files"
[[ $("$LATENTC" weights check "two files" | grep -c "67 of 67 weights, as they should be") == 2 ]] || fail "a folder with both files"
grep -q "Stable Diffusion XL looks the same" <<<"$("$LATENTC" weights list files/taesd_decoder.safetensors)" || fail "SDXL's is not mentioned"

# A folder whose vae/ is an AutoencoderTiny: TAESD is the only decoder.
"$LATENTC" weights convert own.safetensors "$SOURCE_DIR/tests/data/narrow.json" --to diffusers -o folder 2>/dev/null
rm -r folder/vae
cp -r files/tiny folder/vae
"$LATENTC" weights check folder "$SOURCE_DIR/tests/data/narrow.json" >said 2>&1 || fail "a folder with an AutoencoderTiny: $(<said)"
[[ $(grep -c "^tiny_.* 67 of 67 weights" said) == 2 ]] || fail "a folder with an AutoencoderTiny: $(<said)"
! grep -q "^decoder\|^image_encoder" said || fail "a folder with an AutoencoderTiny has no large decoder: $(<said)"
"$LATENTC" weights convert folder "$SOURCE_DIR/tests/data/narrow.json" --to diffusers -o again 2>/dev/null
cmp folder/vae/diffusion_pytorch_model.safetensors again/vae/diffusion_pytorch_model.safetensors >/dev/null ||
    "$LATENTC" weights check again/vae >/dev/null || fail "AutoencoderTiny, written again"
grep -q AutoencoderTiny again/model_index.json || fail "model_index.json: $(<again/model_index.json)"

# Which decoders are packed, and why (docs/weights.md). The build then ends, for want of a vocabulary.
"$LATENTC" weights convert own.safetensors "$SOURCE_DIR/tests/data/narrow.json" --to diffusers -o plain 2>/dev/null
mv folder "turbo tiny"
decoders() { # LINE FLAGS...
    "$LATENTC" build "$SOURCE_DIR/tests/data/narrow.json" -o no "${@:2}" >said 2>&1 || grep -q "error: build: no vocabulary" said || fail "${*:2}: $(<said)"
    grep -qxF "          $1" said || fail "${*:2}: expected $1; found $(<said)"
}
own=", because nothing has weights of the model's own; with its image encoder" beside="decoders: the model's own"
decoders "decoder: TAESD alone (turbo tiny)$own" --weights "turbo tiny"
decoders "decoder: TAESD alone (files/taesd_decoder.safetensors)$own" --weights "turbo tiny" --taesd files/taesd_decoder.safetensors
decoders "decoder: TAESD alone (two files)$own" --weights plain/unet --weights plain/text_encoder --taesd "two files"
decoders "$beside (plain/vae), and with --taesd TAESD (turbo tiny); each has its image encoder" --weights "turbo tiny" --weights plain/vae
decoders "decoder: TAESD alone (turbo tiny), because of --no-vae; with its image encoder" --weights "turbo tiny" --weights plain/vae --no-vae
decoders "$beside (plain), and with --taesd TAESD (files/taesd_decoder.safetensors); one image encoder, the model's own" \
    --weights plain --weights files/taesd_decoder.safetensors
decoders "$beside (plain), and with --taesd TAESD (files/tiny); no image encoder" --weights plain --taesd files/tiny --no-init-img
decoders "$beside (own.safetensors), and with --taesd TAESD (own.safetensors); each has its image encoder" --weights own.safetensors
"$LATENTC" build "$SOURCE_DIR/tests/data/narrow.json" -o no --weights plain >said 2>&1 || true
! grep -q "decoder" said || fail "without TAESD there is nothing to tell: $(<said)"

# Generators with both decoders, and with TAESD alone; the weights of a file and of the seed that it was made with.
both=$(generator --taesd synthetic:1)
only=$(generator --taesd synthetic:1 --no-vae)
shapes_alone=$(generator)
(( $(stat -c %s "$only") < $(stat -c %s "$both") )) || fail "--no-vae does not make it smaller"
draw() { "$@" 2>messages || { cat messages; fail "the generator failed: $*"; }; }
arguments=(-p "a red circle on a blue background" --steps 3)
draw "$shapes_alone" "${arguments[@]}" -o plain.png
draw "$both" "${arguments[@]}" -o large.png
cmp plain.png large.png || fail "a TAESD that is not used changes the picture"
draw "$both" "${arguments[@]}" --taesd -o tiny.png
draw "$only" "${arguments[@]}" -o only.png
cmp tiny.png only.png || fail "TAESD beside the large decoder and alone draw different pictures"
! cmp -s tiny.png large.png || fail "--taesd has no effect"
"$LATENTC" build "$shapes" --taesd files/taesd_decoder.safetensors --no-vae -q -o from-file
draw ./from-file "${arguments[@]}" -o file.png
cmp only.png file.png || fail "the weights of a file and of the seed that made it draw different pictures"
draw "$both" --from-png tiny.png -o tiny2.png
cmp tiny.png tiny2.png || fail "--from-png does not repeat --taesd"
draw "$both" --from-png tiny.png --no-taesd -o large2.png
cmp large.png large2.png || fail "--no-taesd does not overrule --from-png"
draw "$only" --from-png large.png -o tiny3.png
grep -q "large.png: the model's own decoder drew it; this program has TAESD alone" messages || fail "silently another decoder: $(<messages)"
draw "$shapes_alone" --from-png tiny.png -o large3.png
grep -q "tiny.png: its taesd is not used: --taesd: this program was built without TAESD" messages || fail "silently another decoder: $(<messages)"
printf '%s\n' '{"prompt": "a red circle on a blue background", "steps": 3, "taesd": true}' '{"prompt": "a red circle on a blue background", "steps": 3}' >list
draw "$both" --prompts list -o 'list%d.png'
cmp list1.png tiny.png && cmp list2.png large.png || fail "a line of --prompts with taesd"

# Previews are TAESD's where it is there: the last step's estimate is the finished latent.
draw "$both" "${arguments[@]}" --sampling-method euler --preview-every 1 -o pre.png
draw "$only" "${arguments[@]}" --sampling-method euler --preview-every 1 -o pre-only.png
for preview in pre.preview*.png pre*preview*.png; do [[ -e $preview ]] && break; done
"$TOOLS/picture_diff" "$preview" "${preview/pre/pre-only}" | grep -q 'most=0' || fail "the preview is not TAESD's"

# An init image goes through the encoder that belongs to the decoder.
draw "$both" -p x -i large.png --strength 0 -o a.png
draw "$both" -p x -i large.png --strength 0 --taesd -o b.png
draw "$only" -p x -i large.png --strength 0 -o c.png
cmp b.png c.png || fail "TAESD's encoder, beside the large one and alone"
! cmp -s a.png b.png || fail "--taesd does not change the encoder"

# Bad input: one line each.
expect 2 '*: error: --no-taesd: TAESD is the only decoder of this program' "$only" "${arguments[@]}" --no-taesd -o no.png
expect 2 "*: error: --taesd: this program was built without TAESD: 'latentc build --taesd SPEC' adds it" "$shapes_alone" "${arguments[@]}" --taesd -o no.png
build() { "$LATENTC" build -q "$shapes" -o no "$@"; }
expect 2 'latentc: error: --no-vae goes only with --taesd, whose decoder then is the only one' build --no-vae
expect 1 'latentc: error: --weights files/taesd_decoder.safetensors: this is TAESD'"'s decoder: give it by --taesd, and the other models by --weights" \
    build --weights files/taesd_decoder.safetensors
expect 1 'latentc: error: --weights files/taesd_encoder.safetensors: has TAESD'"'s encoder alone, expected its decoder, too" \
    build --weights "$graphs/shapes/weights.safetensors" --weights files/taesd_encoder.safetensors
python3 - files/taesd_decoder.safetensors dotted.safetensors <<'EOF'
import json, struct, sys
data = open(sys.argv[1], "rb").read()
n = struct.unpack("<Q", data[:8])[0]
header = json.dumps({"decoder." + name: t for name, t in json.loads(data[8:8 + n]).items()}).encode()
open(sys.argv[2], "wb").write(struct.pack("<Q", len(header)) + header + data[8 + n:])
EOF
expect 1 'latentc: error: --taesd dotted.safetensors: found a file with unknown names of tensors, such as "decoder.1.bias", expected TAESD'"'s decoder, *" \
    build --taesd dotted.safetensors
expect 1 'latentc: error: --taesd nothere: cannot be read: No such file or directory' build --taesd nothere
expect 1 'latentc: error: --taesd files/taesd_encoder.safetensors: has the encoder alone, expected the decoder too: give --taesd twice' \
    build --taesd files/taesd_encoder.safetensors
expect 1 "latentc: error: --taesd $graphs/shapes/weights.safetensors: found models of latentc, expected TAESD's decoder, its encoder, or an AutoencoderTiny of diffusers" \
    build --taesd "$graphs/shapes/weights.safetensors"
expect 1 'latentc: error: --taesd files/other/taesd_decoder.safetensors: this is a tiny autoencoder with 16 latent channels (of Stable Diffusion 3 or Flux), by its tensor "taesd_decoder/1.weight": expected 4, as TAESD of Stable Diffusion 1 and 2 has' \
    build --taesd files/other/taesd_decoder.safetensors
sed -i 's/"latent_channels": 4/"latent_channels": 16/' files/tiny/config.json
expect 1 "latentc: error: --taesd files/tiny/config.json: /latent_channels: found 16, but latentc's graphs have 4" build --taesd files/tiny
python3 -c 'import json; c = json.load(open("files/tiny/config.json")); c["latent_channels"] = 4; c["num_decoder_blocks"] = [3, 3, 3, 3]; json.dump(c, open("files/tiny/config.json", "w"))'
expect 1 "latentc: error: --taesd files/tiny/config.json: /num_decoder_blocks: found ?3,3,3,3?, but latentc's graphs have ?3,3,3,1?" build --taesd files/tiny
python3 -c 'import json; c = json.load(open("files/tiny/config.json")); c["num_decoder_blocks"] = [3, 3, 3, 1]; c["decoder_block_out_channels"] = [64, 64, 64, 32]; json.dump(c, open("files/tiny/config.json", "w"))'
expect 1 "latentc: error: --taesd files/tiny/config.json: /decoder_block_out_channels: found levels of 64 and of 32 channels, but latentc's graphs of TAESD have one width" build --taesd files/tiny
printf '{"prompt": "x", "taesd": false}' >list
expect 1 '*: error: list:1: --taesd: found false: TAESD is the only decoder of this program' "$only" --prompts list -o no.png
[[ ! -e no && ! -e no.png ]] || fail "something half-written"
