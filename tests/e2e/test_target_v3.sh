#!/bin/bash
# --target x86-64-v3 on any host: no zmm register, runs on a Haswell, refuses a Nehalem with one sentence.
. "$(dirname "$0")/common.sh"
[[ $(uname -m) == x86_64 ]] || skip "not an x86-64 machine"
shapes=$(generator --target x86-64-v3)
v4=$(generator --target x86-64-v4)

disassemble() { objdump -d --no-show-raw-insn "$1"; }
# The kernels' own code: everything that latentc emitted is named lc_*.
disassemble "$v4" | grep -q zmm || fail "even the x86-64-v4 generator has no zmm: the test looks at the wrong thing"
"$LATENTC" compile "$SOURCE_DIR/graphs/shapes/diffusion_model.json" --target x86-64-v3 --emit obj -o "$work/v3.o"
disassemble "$work/v3.o" >"$work/v3.s"
grep -q zmm "$work/v3.s" && fail "zmm registers in code for x86-64-v3"
grep -q 'vfmadd.*ymm' "$work/v3.s" || fail "no FMA in code for x86-64-v3"

command -v qemu-x86_64 >/dev/null || skip "no qemu-x86_64 (apt-get install qemu-user)"
expect 1 '*: error: *AVX2*' qemu-x86_64 -cpu Nehalem "$shapes" -p x --steps 1 -o "$work/x.png"
qemu-x86_64 -cpu Haswell "$shapes" -p "a red circle" --steps 1 -s 5 -t 1 -o "$work/qemu.png" 2>"$work/said" ||
    { cat "$work/said"; fail "it does not run on a Haswell"; }
"$shapes" -p "a red circle" --steps 1 -s 5 -t 1 -o "$work/host.png" 2>/dev/null || skip "this machine lacks AVX2"
cmp "$work/qemu.png" "$work/host.png" || fail "a Haswell draws another picture"
