#!/bin/bash
# The text encoder: it has no convolutions.
source "${BASH_SOURCE[0]%/*}/compiled.sh"
check text_encoder text-seed1 <<'END'
all direct f32 1e-5
none direct f32 1e-5
all auto bf16 3e-2
all auto int8 3e-2
END
