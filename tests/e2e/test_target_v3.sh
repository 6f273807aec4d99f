#!/bin/bash
# --target x86-64-v3 and x86-64-v3-vnni on any host: no zmm register; runs on a Haswell, which has no AVX-VNNI; refuses a Nehalem with one sentence.
. "$(dirname "$0")/common.sh"
[[ $(uname -m) == x86_64 ]] || skip "not an x86-64 machine"
shapes=$(generator --target x86-64-v3 --set img_height=64 --set img_width=64) # small: an emulator runs it

# What latentc emitted (libc's own code has wider variants that it chooses at run time, so the object file is looked at).
for target in x86-64-v3 x86-64-v4; do
    "$LATENTC" compile "$SOURCE_DIR/graphs/sd2/decoder.json" --set img_height=64 --set img_width=64 \
        --target $target --emit obj -o "$work/$target.o"
    objdump -d --no-show-raw-insn "$work/$target.o" >"$work/$target.s"
done
grep -q zmm "$work/x86-64-v4.s" || fail "no zmm register even for x86-64-v4: this test looks at the wrong thing"
grep -q zmm "$work/x86-64-v3.s" && fail "zmm registers in code for x86-64-v3"
grep -q 'vfmadd.*ymm' "$work/x86-64-v3.s" || fail "no FMA in code for x86-64-v3"

# AVX-VNNI: vpdpbusd with the encoding of AVX2, on its 16 registers.
"$LATENTC" compile "$SOURCE_DIR/graphs/sd2/diffusion_model.json" --set img_height=64 --set img_width=64 \
    --target x86-64-v3-vnni --dtype int8 --emit obj -o "$work/vnni.o"
objdump -d --no-show-raw-insn "$work/vnni.o" >"$work/vnni.s"
grep -q '{vex} vpdpbusd .*ymm' "$work/vnni.s" || fail "no vpdpbusd in code for x86-64-v3-vnni"
grep 'vpdpbusd' "$work/vnni.s" | grep -v '{vex}' && fail "vpdpbusd of AVX-512 in code for x86-64-v3-vnni"
grep -E 'zmm|mm(1[6-9]|[23][0-9])|%k[0-7]' "$work/vnni.s" && fail "registers of AVX-512 in code for x86-64-v3-vnni"
# Its innermost loops keep their sums in these registers: nothing of them is on the stack.
"$LATENTC" compile "$SOURCE_DIR/graphs/sd2/diffusion_model.json" --set img_height=64 --set img_width=64 \
    --target x86-64-v3-vnni --dtype int8 --emit asm -o "$work/vnni.s"
read -r loops spilled < <(awk '
    /^\.L[A-Za-z0-9_]*:/ { label = $1; sub(":.*", "", label); dots = stack = 0 }
    /vpdpbusd/ { dots++ }
    /\(%rsp\)/ { stack++ }
    $1 ~ /^j/ && $2 == label { loops += dots > 0; spilled += dots > 0 && stack > 0 }
    END { print loops + 0, spilled + 0 }' "$work/vnni.s")
(( loops > 0 && spilled == 0 )) || fail "$spilled of $loops loops of vpdpbusd use the stack"

command -v qemu-x86_64 >/dev/null || skip "no qemu-x86_64 (apt-get install qemu-user)"
expect 1 '*: error: *AVX2*' qemu-x86_64 -cpu Nehalem "$shapes" -p x --steps 1 -o "$work/x.png"
data=$SOURCE_DIR/tests/data/blocks/transformer.safetensors
"$LATENTC" compile "$SOURCE_DIR/tests/graphs/transformer.json" --weights "$data" --target x86-64-v3-vnni --dtype int8 -o "$work/vnni"
expect 1 '*: error: *AVX-VNNI*' qemu-x86_64 -cpu max "$work/vnni" --inputs "$data" --outputs "$work/x.safetensors"
qemu-x86_64 -cpu Haswell "$shapes" -p "a red circle" --steps 1 -s 5 -t 1 -o "$work/qemu.png" 2>"$work/said" ||
    { cat "$work/said"; fail "it does not run on a Haswell"; }
"$shapes" -p "a red circle" --steps 1 -s 5 -t 1 -o "$work/host.png" 2>/dev/null || skip "this machine lacks AVX2"
cmp "$work/qemu.png" "$work/host.png" || fail "a Haswell draws another picture"
