#!/bin/bash
# Stable Diffusion 1.x: keras-cv's TextEncoder, in the long tier also its DiffusionModel, with heads of 40, 80 and 160 channels (recorded/record_sd1.py).
source "${BASH_SOURCE[0]%/*}/compiled.sh"
check sd1/text_encoder sd1-text-seed1 <<'END'
all direct f32 1e-5
none direct f32 1e-5
all direct bf16 3e-2
END
[ -n "${LATENTC_LONG:-}" ] || exit 0
check sd1/diffusion_model sd1-unet-128x128-seed1 "${size[@]}" <<'END'
all auto f32 5e-5
all direct f32 1e-5
none direct f32 1e-5
all auto bf16 3e-2
END
