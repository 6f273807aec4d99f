#!/bin/bash
# --target aarch64 and aarch64-dot on an x86-64 host: an object file always; a generator that runs under qemu-aarch64 where the cross tools are.
. "$(dirname "$0")/common.sh"
[[ $(uname -m) == x86_64 ]] || skip "not an x86-64 host"
cd "$work"
"$LATENTC" compile "$SOURCE_DIR/graphs/sd2/decoder.json" --set img_height=64 --set img_width=64 --target aarch64 --emit obj -o decoder.o
readelf -h decoder.o | grep 'Machine:.*AArch64' >/dev/null || fail "the object is not for AArch64"
"$LATENTC" compile "$SOURCE_DIR/graphs/sd2/decoder.json" --set img_height=64 --set img_width=64 --target aarch64 --emit asm -o decoder.s
grep -E 'fmla\s+v[0-9]+\.4s' decoder.s >/dev/null || fail "no vector multiply-add in the code"
"$LATENTC" compile "$SOURCE_DIR/tests/graphs/transformer.json" --dtype int8 --target aarch64-dot --emit asm -o dot.s
grep -E 'sdot\s+v[0-9]+\.4s' dot.s >/dev/null || fail "no sdot in the code"

command -v qemu-aarch64 >/dev/null || skip "no qemu-aarch64 (tools/setup.sh --tests)"
"$SOURCE_DIR/tools/setup.sh" --check --cross >/dev/null || skip "no cross compiler (tools/setup.sh --cross)"
runtime=$BUILD_DIR/runtime-aarch64
cmake -S "$SOURCE_DIR" -B "$runtime" -G Ninja --toolchain "$SOURCE_DIR/cmake/aarch64.cmake" -DLATENTC_RUNTIME_ONLY=ON >/dev/null
cmake --build "$runtime" >/dev/null

# arm OUT TARGET BLOCK [FLAGS...]: the block's kernels, compiled for the target, run under qemu-aarch64.
graphs=$SOURCE_DIR/tests/graphs blocks=$SOURCE_DIR/tests/data/blocks
arm() {
    local out=$1 target=$2 block=$3 data=$blocks/$3.safetensors
    shift 3
    "$LATENTC" compile "$graphs/$block.json" --weights "$data" --target "$target" --runtime "$runtime/lib" "$@" -o kernel
    qemu-aarch64 ./kernel --inputs "$data" --outputs "$out" || fail "$block, $target $*: does not run under qemu-aarch64"
    echo -n "$block, $target $*: "
}
host() { # OUT BLOCK FLAGS...: the same by this machine's latentc
    "$LATENTC" run "$graphs/$2.json" --weights "$blocks/$2.safetensors" --inputs "$blocks/$2.safetensors" --outputs "$1" "${@:3}"
}

# Kernels of narrow shapes, each graph with and without fusions, and by Winograd's forms, against the interpreter in double.
for block in downsample upsample resnet transformer mid; do
    forms=("all direct" "none direct" "all f23" "all f43" "all up")
    case $block in # for the emulator these are large; the transformer has no convolution of 3x3
        transformer) forms=("all direct"); [[ -z ${LATENTC_LONG:-} ]] || forms+=("none direct") ;;
        mid) [[ -n ${LATENTC_LONG:-} ]] || forms=("all f23") ;;
    esac
    host expected.safetensors $block --interpret
    for form in "${forms[@]}"; do
        read -r fuse conv <<<"$form"
        arm found.safetensors aarch64 $block --fuse "$fuse" --conv "$conv"
        "$TOOLS/compare" --bound 5e-6 found.safetensors expected.safetensors
    done
done

# Operands of bf16, and of whole numbers: their sums are exact, so both ways to multiply bytes give the same bits, and a
# program for x86-64 that rounds its other operands the same way, too, up to operands that fall to the neighbouring number
# (tests/unit/compiled.c).
host expected.safetensors transformer --interpret
arm found.safetensors aarch64 transformer --dtype bf16
"$TOOLS/compare" --bound 3e-2 found.safetensors expected.safetensors
for block in resnet transformer; do
    host expected.safetensors $block --interpret --fuse all --dtype int8
    for target in aarch64 aarch64-dot; do
        arm $target.safetensors $target $block --dtype int8 --conv int8
        "$TOOLS/compare" --bound 3e-2 $target.safetensors expected.safetensors
    done
    [[ $block == transformer ]] || # whose scores are whole numbers with sdot alone
        cmp aarch64.safetensors aarch64-dot.safetensors || fail "$block: sums of sdot are not those of other products"
done
if "$LATENTC" targets | grep -q '^x86-64-v3 *yes'; then
    host found.safetensors transformer --dtype int8 --target x86-64-v3
    "$TOOLS/compare" --bound 3e-4 aarch64.safetensors found.safetensors
fi
expect 1 '*: error: *Arm dot products*' qemu-aarch64 -cpu cortex-a53 ./kernel --inputs "$blocks/transformer.safetensors" --outputs found.safetensors

shapes=$(generator --target aarch64 --runtime "$runtime/lib" --set img_height=64 --set img_width=64)
qemu-aarch64 "$shapes" -p "a red circle" --steps 1 -s 5 -t 1 -o arm.png --save-latent arm.safetensors 2>said ||
    { cat said; fail "it does not run under qemu-aarch64"; }
[[ $("$TOOLS/picture" arm.png) == 64x64* ]] || fail "no picture"
[[ $(qemu-aarch64 "$shapes" --info) == *aarch64* ]] || fail "--info does not name the target"
# Rounding differs between targets, the picture hardly: compare the latents.
host=$(generator --set img_height=64 --set img_width=64)
"$host" -p "a red circle" --steps 1 -s 5 -o host.png --save-latent host.safetensors 2>/dev/null
"$TOOLS/compare" --bound 1e-4 arm.safetensors:latent_out host.safetensors:latent_out
