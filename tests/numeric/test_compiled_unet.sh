#!/bin/bash
# DiffusionModelV2. By --conv f43 its kernels would take 10 GB.
source "${BASH_SOURCE[0]%/*}/compiled.sh"
check diffusion_model unet-128x128-seed1 "${size[@]}" <<'END'
all auto f32 5e-5
all direct f32 1e-5
none direct f32 1e-5
all auto bf16 3e-2
all auto int8 5e-2
END
