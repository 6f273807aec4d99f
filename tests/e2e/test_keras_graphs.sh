#!/bin/bash
# Keras' JSON wherever a graph file is taken: show, compile, run, a pipeline. Sizes, what inputs are called and how often they change
# come from flags and from the pipeline file.
. "$(dirname "$0")/common.sh"
cd "$work"
unet=$SOURCE_DIR/tests/data/keras/narrow_unet.json
quiet() { "$@" 2>messages || { cat messages; fail "failed: $*"; }; }

# A graph file of the same graph.
quiet "$LATENTC" show "$unet" --format latentc >flat.json
quiet "$LATENTC" show "$unet" >keras.txt
quiet "$LATENTC" show flat.json >flat.txt
cmp keras.txt flat.txt || fail "the graph file is another graph"
expect 2 "*--format latentc does not go with --after*" "$LATENTC" show "$unet" --format latentc --after norm

# How often inputs change: guessed and said, or set.
expect 0 "*inputs change with: latent step, timestep_embedding time, context prompt (*" "$LATENTC" show "$unet"
quiet "$LATENTC" show "$unet" --varies latent=step --varies timestep_embedding=prompt --varies context=never >set.txt
[[ ! -s messages ]] || fail "said although all is set: $(<messages)"
grep -q 'input %2 timestep_embedding f32\[1,64\] prompt' set.txt && grep -q 'input %3 context f32\[1,9,48\] never' set.txt ||
    fail "--varies: $(head -4 set.txt)"
quiet "$LATENTC" show "$SOURCE_DIR/graphs/sd2/decoder.json" --varies latent=prompt >decoder.txt
grep -q '^input %1 latent f32\[1,64,64,4\] prompt$' decoder.txt || fail "--varies of a graph file"
expect 1 "*--varies: there is no input 'late'*" "$LATENTC" show "$SOURCE_DIR/graphs/sd2/decoder.json" --varies late=step
expect 2 "*--varies latent: found 'often', expected step, time, prompt or never" "$LATENTC" show "$unet" --varies latent=often

# Sizes.
quiet "$LATENTC" show "$unet" --set input.latent=2x24x32x4 --set batch=2 >size.txt
grep -q '^output output' size.txt && grep -q 'input %1 latent f32\[2,24,32,4\]' size.txt || fail "input.latent: $(head -3 size.txt)"
quiet "$LATENTC" show "$unet" --set img_height=192 --set img_width=256 >pixels.txt
grep -q 'input %1 latent f32\[1,24,32,4\]' pixels.txt || fail "img_height: $(head -3 pixels.txt)"
expect 2 "*--set input.latent: found '24x', expected a shape*" "$LATENTC" show "$unet" --set input.latent=24x

# A pipeline whose models are Keras': the same picture, whatever the U-Net calls its inputs.
sed 's/"latent"/"sample"/g; s/"timestep_embedding"/"t_emb"/g; s/"context"/"text"/g' "$unet" >renamed.json
cat >decoder.json <<'END'
{"module": "keras", "class_name": "Sequential", "config": {"name": "small", "layers": [
  {"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [null, null, null, 4], "name": "z"}},
  {"module": "keras.layers", "class_name": "UpSampling2D",
    "config": {"name": "a", "size": [2, 2], "data_format": "channels_last", "interpolation": "nearest"}},
  {"module": "keras.layers", "class_name": "UpSampling2D",
    "config": {"name": "b", "size": [2, 2], "data_format": "channels_last", "interpolation": "nearest"}},
  {"module": "keras.layers", "class_name": "UpSampling2D",
    "config": {"name": "c", "size": [2, 2], "data_format": "channels_last", "interpolation": "nearest"}},
  {"module": "keras.layers", "class_name": "Conv2D", "config": {"name": "d", "filters": 3, "kernel_size": [3, 3], "strides": [1, 1],
    "padding": "same", "data_format": "channels_last", "dilation_rate": [1, 1], "groups": 1, "activation": "tanh", "use_bias": true}}
]}}
END
pipeline() { # pipeline GRAPH INPUTS: a pipeline file with this U-Net
    cat <<END
{"pipeline": "small", "parameters": {"img_height": 128, "img_width": 128, "max_text_length": 9},
 "models": {
   "text_encoder": {"graph": "$SOURCE_DIR/graphs/sd2/text_encoder.json",
     "parameters": {"position_rows": 9, "vocab_size": 693, "width": 48, "heads": 3, "mlp_width": 96, "layers": 2}},
   "diffusion_model": {"graph": "$1"$2},
   "decoder": {"graph": "decoder.json"}},
 "schedule": {"train_steps": 1000, "beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "prediction": "epsilon",
   "spacing": "linspace", "final_alpha": 1},
 "defaults": {"steps": 2, "cfg_scale": 7.5, "sampler": "ddim", "seed": 1}}
END
}
pipeline "$unet" "" >one.json
pipeline renamed.json ', "inputs": {"sample": "latent", "t_emb": "timestep_embedding", "text": "context"}' >two.json
pipeline renamed.json ', "inputs": {"sample": "latent", "embedding": "timestep_embedding"}' >wrong.json
pipeline renamed.json "" >none.json
for p in one two; do
    quiet "$LATENTC" build $p.json --weights synthetic:1 --vocab "$SOURCE_DIR/graphs/shapes/merges.txt" -o $p
    quiet ./$p -p "a red circle" -o $p.png
done
[[ $("$TOOLS/picture_diff" one.png two.png) == *"most=0"* ]] || fail "names of inputs change the picture"
expect 1 "*/models/diffusion_model/inputs/embedding: the model has no input 'embedding'*" \
    "$LATENTC" build wrong.json --weights synthetic:1 --vocab "$SOURCE_DIR/graphs/shapes/merges.txt" -o three
said=$("$LATENTC" build none.json --weights synthetic:1 --vocab "$SOURCE_DIR/graphs/shapes/merges.txt" -o three 2>&1) && fail "built without a latent"
[[ $said == *'needs an input "timestep_embedding"; found none: the model'* ]] || fail "without inputs: $said"

# Alone: compiled and interpreted.
quiet "$LATENTC" compile "$SOURCE_DIR/tests/data/keras/stack.json" --weights synthetic:1 -o stack
quiet ./stack --inputs "$SOURCE_DIR/tests/data/keras/stack.safetensors" --outputs compiled.safetensors
quiet "$LATENTC" run "$SOURCE_DIR/tests/data/keras/stack.json" --weights synthetic:1 \
    --inputs "$SOURCE_DIR/tests/data/keras/stack.safetensors" --outputs interpreted.safetensors
"$TOOLS/compare" --bound 1e-5 compiled.safetensors interpreted.safetensors
