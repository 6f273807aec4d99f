#!/bin/bash
# Models that Keras saved as .keras archives: the commands of docs/keras.md, as printed there, on the U-Net of tests/data/keras; the same picture from the
# graph file that show writes and from converted weights; what `weights` says of an archive; and what is said of damaged ones.
. "$(dirname "$0")/common.sh"
data=$SOURCE_DIR/tests/data/keras
cd "$work"
latentc() { "$LATENTC" "$@" 2>log || fail "latentc $*: $(<log)"; }

# ---- the commands of docs/keras.md ----
mkdir -p docs/examples
ln -s "$SOURCE_DIR/graphs" graphs
cp "$SOURCE_DIR/docs/examples/keras.json" docs/examples
cp "$data/unet.keras" "$data/unet.safetensors" "$data/unet.json" .
gunzip -c "$data/unet.weights.h5.gz" >unet.weights.h5
gunzip -c "$data/unet.h5.gz" >unet.h5
cp unet.safetensors in.safetensors
mapfile -t commands < <(sed -n 's/^    \(latentc .*\|\.\/.*\)$/\1/p' "$SOURCE_DIR/docs/keras.md")
(( ${#commands[@]} >= 8 )) || fail "docs/keras.md has ${#commands[@]} commands"
for command in "${commands[@]}"; do
    echo "$command"
    eval "$command" >said 2>said-too || fail "docs/keras.md: $command: $(<said-too)"
done
"$TOOLS/compare" --bound 5e-5 out.safetensors unet.safetensors
[[ -s a-shape.png ]] || fail "no picture"

# ---- the same picture from a graph file and weights of latentc's own ----
latentc show unet.keras --format latentc >own.json
sed -i 's/"graph": "small_unet",/"graph": "diffusion_model", "parameters": {"batch": 1},/; s/"shape": \[1, /"shape": ["batch", /' own.json
latentc weights convert unet.keras docs/examples/keras.json --to latentc -o own.safetensors
sed 's|"../../unet.keras"|"../../own.json", "weights": "../../own.safetensors"|' docs/examples/keras.json >docs/examples/own.json
latentc build docs/examples/keras.json -q --target x86-64 -o one
latentc build docs/examples/own.json -q --target x86-64 -o two
for name in one two; do
    ./$name -p "a red circle" -s 3 --steps 2 -o $name.png 2>log || fail "$name: $(<log)"
done
cmp one.png two.png || fail "another picture from latentc's own files"
# Weights that flags name replace those in the archive; SPEC without a name must have weights of the U-Net for that.
latentc build docs/examples/keras.json -q --target x86-64 --weights diffusion_model=unet.weights.h5 -o three
./three -p "a red circle" -s 3 --steps 2 -o three.png 2>log
cmp one.png three.png || fail "another picture from unet.weights.h5"
latentc build docs/examples/keras.json -q --target x86-64 --weights diffusion_model=synthetic:1 -o four
./four -p "a red circle" -s 3 --steps 2 -o four.png 2>log
! cmp -s one.png four.png || fail "--weights did not replace the archive's"

# ---- weights ----
[[ $("$LATENTC" weights check unet.keras 2>/dev/null) == *"small_unet       98 of 98 weights, as they should be" ]] || fail "check: $("$LATENTC" weights check unet.keras 2>&1)"
latentc weights list unet.keras >list
grep -q 'layers/dense/vars/0  small_unet/dense.kernel$' list || fail "list: $(head -n 5 list)"
gunzip -c "$data/vae.weights.h5.gz" >vae.weights.h5
varies=(--varies latent=step --varies timestep_embedding=time --varies context=prompt) # said, not guessed
refuse() { expect 1 "*$1" "$LATENTC" "${@:2}"; }
refuse "vae.weights.h5: * of small_unet's 98 weights missing, the first is *" compile unet.json "${varies[@]}" \
    --weights vae.weights.h5 -o x

# ---- what is wrong ----
head -c 100000 unet.keras >cut.keras
refuse "cut.keras: not a zip archive, cut or damaged (*)" show cut.keras
refuse "cut.keras: not a zip archive, cut or damaged (*)" weights check cut.keras
refuse "none.keras: cannot be read: No such file or directory" show none.keras
# One bit of the weights inside. A stored entry: of vae.keras.
gunzip -c "$data/vae.keras.gz" >vae.keras
at=200000 byte=$(od -An -tu1 -j 200000 -N 1 vae.keras)
cp vae.keras altered.keras
printf "$(printf '\\x%02x' $((byte ^ 1)))" | dd of=altered.keras bs=1 seek=$at conv=notrunc status=none
refuse 'altered.keras: entry "model.weights.h5" is damaged: its checksum is another' weights check altered.keras
refuse 'altered.keras: entry "model.weights.h5" is damaged: its checksum is another' compile altered.keras --varies latent=step -o x
refuse "unet.h5: a file of HDF5, expected a graph file or a .keras archive: *load_model('unet.h5').save('model.keras')*" show unet.h5
refuse "unet.h5: a file of HDF5, expected *" compile unet.h5 -o x
refuse 'unet.keras: /: this is a graph, expected a pipeline, whose "models" name graphs' build unet.keras -o x
said=$("$LATENTC" weights convert unet.keras docs/examples/keras.json --to diffusers -o x 2>&1 | grep -v 'inputs change with' || true)
[[ $said == *"x: the graph of diffusion_model is a model of Keras, whose weights have no names in diffusers; expected --to latentc or packed" ]] ||
    fail "convert to diffusers: $said"
[[ ! -e x && ! -e x.safetensors ]] || fail "something is left: $(ls)"
