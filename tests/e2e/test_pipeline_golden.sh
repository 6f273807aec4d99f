#!/bin/bash
# Stable Diffusion 2 at full width, 128x128, 8 steps, from prompt to picture, against keras-cv (float32): final latent within 1e-4 relative, picture
# within 0.1 of 255 on average. Long tier: it writes a generator of 5 GB. Needs CLIP's vocabulary, which is not part of the project.
. "$(dirname "$0")/common.sh"
vocab=${CLIP_VOCAB:-$SOURCE_DIR/../shared/reference/clip/bpe_simple_vocab_16e6.txt.gz}
golden=$SOURCE_DIR/tests/data/goldens/pipeline-128x128-seed1.safetensors
[[ -n ${LATENTC_LONG:-} ]] || skip "long tier only (LATENTC_LONG_TESTS)"
[[ -f $vocab ]] || skip "CLIP's vocabulary is not at hand: set CLIP_VOCAB to bpe_simple_vocab_16e6.txt.gz"
(( $(df --output=avail -k "$work" | tail -1) > 6000000 )) || skip "less than 6 GB free for the generator"
"$LATENTC" build "$SOURCE_DIR/graphs/sd2/pipeline.json" --weights synthetic:1 --vocab "$vocab" --set img_height=128 --set img_width=128 -o "$work/sd" 2>&1
prompt="a photograph of an astronaut riding a horse"
"$work/sd" -p "$prompt" --steps 8 --latent-in "$golden" --save-latent "$work/latent.safetensors" -o "$work/picture.png"
"$TOOLS/compare" --bound 1e-4 "$work/latent.safetensors:latent_out" "$golden:latent_out"
"$TOOLS/picture_compare" "$work/picture.png" "$golden" image 0.1
