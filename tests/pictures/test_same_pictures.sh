#!/bin/bash
# Pictures of full-size Stable Diffusion 2, in files that diffusers wrote, against diffusers' own: 50 dB or more in f32. Long tier: it installs diffusers
# and PyTorch, writes 10 GB and takes up to an hour.
. "$(dirname "$0")/../e2e/common.sh"
python=$(command -v python3) || skip "no python3"
[[ -n ${LATENTC_LONG:-} ]] || skip "long tier only (LATENTC_LONG_TESTS)"
(( $(df --output=avail -k "$SOURCE_DIR" | tail -1) > 20000000 )) || skip "less than 20 GB free"
"$python" "$SOURCE_DIR/tests/pictures/same_pictures.py" --latentc "$LATENTC" --bound 50
"$python" "$SOURCE_DIR/tests/pictures/same_pictures.py" --latentc "$LATENTC" --bound 50 --turbo
