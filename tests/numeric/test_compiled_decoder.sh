#!/bin/bash
# The decoder: every form of convolution.
source "${BASH_SOURCE[0]%/*}/compiled.sh"
check decoder decoder-128x128-seed1 "${size[@]}" <<'END'
all auto f32 5e-5
all direct f32 1e-5
none direct f32 1e-5
all auto bf16 3e-2
all up f32 1e-5
all f43 f32 5e-5
none f23 f32 5e-5
all f23 bf16 3e-2
all f24 bf16 3e-2
none f24u f32 5e-5
END
