#!/bin/bash
# The decoder: every form of convolution.
source "${BASH_SOURCE[0]%/*}/compiled.sh"
check decoder decoder-128x128-seed1 "${size[@]}" <<END
$every_form
all f24 bf16 3e-2
none f24u f32 5e-5
END
