#!/bin/bash
# --target aarch64 on an x86-64 host: an object file always; a generator that runs under qemu-aarch64 where the cross tools are.
. "$(dirname "$0")/common.sh"
[[ $(uname -m) == x86_64 ]] || skip "not an x86-64 host"
cd "$work"
"$LATENTC" compile "$SOURCE_DIR/graphs/sd2/decoder.json" --set img_height=64 --set img_width=64 --target aarch64 --emit obj -o decoder.o
readelf -h decoder.o | grep 'Machine:.*AArch64' >/dev/null || fail "the object is not for AArch64"
"$LATENTC" compile "$SOURCE_DIR/graphs/sd2/decoder.json" --set img_height=64 --set img_width=64 --target aarch64 --emit asm -o decoder.s
grep -E 'fmla\s+v[0-9]+\.4s' decoder.s >/dev/null || fail "no vector multiply-add in the code"

command -v qemu-aarch64 >/dev/null || skip "no qemu-aarch64 (tools/setup.sh --tests)"
"$SOURCE_DIR/tools/setup.sh" --check --cross >/dev/null || skip "no cross compiler (tools/setup.sh --cross)"
runtime=$BUILD_DIR/runtime-aarch64
cmake -S "$SOURCE_DIR" -B "$runtime" -G Ninja --toolchain "$SOURCE_DIR/cmake/aarch64.cmake" -DLATENTC_RUNTIME_ONLY=ON >/dev/null
cmake --build "$runtime" >/dev/null

# Kernels of narrow shapes, each graph with and without fusions, and by Winograd's forms, against the interpreter in double.
graphs=$SOURCE_DIR/tests/graphs blocks=$SOURCE_DIR/tests/data/blocks
for block in downsample upsample resnet transformer mid; do
    data=$blocks/$block.safetensors
    "$LATENTC" run "$graphs/$block.json" --weights "$data" --inputs "$data" --interpret --outputs expected.safetensors
    for form in "all direct" "none direct" "all f23" "all f43" "all up"; do
        read -r fuse conv <<<"$form"
        "$LATENTC" compile "$graphs/$block.json" --weights "$data" --target aarch64 --runtime "$runtime/lib" --fuse "$fuse" --conv "$conv" -o kernel
        qemu-aarch64 ./kernel --inputs "$data" --outputs found.safetensors || fail "$block, $form: does not run under qemu-aarch64"
        echo -n "$block, --fuse $fuse --conv $conv: "
        "$TOOLS/compare" --bound 5e-6 found.safetensors expected.safetensors
    done
done

shapes=$(generator --target aarch64 --runtime "$runtime/lib" --set img_height=64 --set img_width=64)
qemu-aarch64 "$shapes" -p "a red circle" --steps 1 -s 5 -t 1 -o arm.png --save-latent arm.safetensors 2>said ||
    { cat said; fail "it does not run under qemu-aarch64"; }
[[ $("$TOOLS/picture" arm.png) == 64x64* ]] || fail "no picture"
[[ $(qemu-aarch64 "$shapes" --info) == *aarch64* ]] || fail "--info does not name the target"
# Rounding differs between targets, the picture hardly: compare the latents.
host=$(generator --set img_height=64 --set img_width=64)
"$host" -p "a red circle" --steps 1 -s 5 -o host.png --save-latent host.safetensors 2>/dev/null
"$TOOLS/compare" --bound 1e-4 arm.safetensors:latent_out host.safetensors:latent_out
