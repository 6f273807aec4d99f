#!/bin/bash
# --target amx: what its inner loops look like, what a program asks of the CPU; --target amx-model draws on any number of threads.
. "$(dirname "$0")/common.sh"
[[ $(uname -m) == x86_64 ]] || skip "not an x86-64 machine"
small=(--set img_height=64 --set img_width=64)

# Basic blocks that multiply tiles: from the first tile instruction to the last product there are loads of tiles, products and addresses, nothing else
# (one of which may go to the stack and back: numbers never do); but for attention, whose softmax stands between products. What leaves beside a product
# stands in blocks of its own. Prints how many products of sums there are, each from where sums begin to where they are stored, with four products
# for four loads, or a multiple of that.
blocks() {
    awk '
        function check(  i, first, last, dots) {
            for (i = 0; i < n; i++) {
                if (!first && body[i] ~ /\t(tileload|tdpbf16ps\t)/) first = i + 1
                if (body[i] ~ /\ttdpbf16ps\t/) { dots++; last = i }
            }
            for (i = first; i <= last && dots && !attention; i++)
                if (body[i] !~ /\t(tileloaddt1|tileloadd|tilezero|tdpbf16ps|lea|add|inc|dec|sub|mov|movabs|shl|and|or|xor)[lqw]?\t/) {
                    print "between tile products:" body[i] >"/dev/stderr"
                    bad = 1
                }
            n = 0
        }
        function sums_end() {
            full += products >= 4 && products % 4 == 0 && loads == products
            products = loads = 0
        }
        /^[.A-Za-z_0-9]+:/ { check(); if (!/^[.]/) { attention = /_attention_/; sums_end() } next }
        /^\t[a-z]/ { body[n++] = $0; if ($1 ~ /^j/) check() }
        /^\t(tilezero|tilestored|tileload[a-z0-9]*\t.*%tmm[0-3]$)/ { sums_end() }
        /^\ttileload.*%tmm[4-7]$/ { loads++ }
        /^\ttdpbf16ps\t/ { products++ }
        END { check(); sums_end(); print full + 0; exit bad }' "$1"
}
for variant in "decoder auto" "decoder f23" "decoder f23x" "decoder f43x" "decoder up" "diffusion_model auto"; do
    read -r graph conv <<<"$variant"
    "$LATENTC" compile "$SOURCE_DIR/graphs/sd2/$graph.json" "${small[@]}" --dtype bf16 --target amx --conv $conv --emit asm -o "$work/$graph.s"
    full=$(blocks "$work/$graph.s") || fail "$variant: an inner loop does more than it should"
    (( full >= 10 )) || fail "$variant: $full products of sums with four products for four loads"
    zero=$(grep -c ldtilecfg "$work/$graph.s") release=$(grep -c tilerelease "$work/$graph.s")
    (( zero == release )) || fail "$variant: $zero kernels configure tiles, $release release them"
done
"$LATENTC" compile "$SOURCE_DIR/graphs/sd2/decoder.json" "${small[@]}" --target amx --emit asm -o "$work/f32.s"
grep -q tdpbf16ps "$work/f32.s" && fail "tile products in f32"
# Prints each convolution and the form that is marked: a cell is "-", or cost, size, MB and perhaps *.
chosen() {
    "$LATENTC" show "$SOURCE_DIR/graphs/sd2/$1.json" --after algorithm --dtype bf16 --target amx | awk '
        $1 == "convolution" {for (i = 2; i <= NF; i++) form[i - 1] = $i}
        $1 ~ /[.]/ {
            for (i = 2; i <= NF; i++) {
                if ($i == "-" || $(i + 2) == "MB") cell = i == 2 ? 1 : cell + 1
                if ($i == "*") print $1, form[cell]
            }
        }' >"$work/$1"
}
chosen decoder
chosen diffusion_model
grep -q '^down.2.res.0.exit.conv ' "$work/diffusion_model" || fail "no choice of algorithm is printed"
grep -E '^down.2.res.*(entry|exit)' "$work/diffusion_model" | grep -v ' direct$' && fail "not direct, where kernels twice as large would serve few pixels"
grep -E '^up.3.res.*(entry|exit)' "$work/diffusion_model" | grep -vE ' f43xu?$' && fail "not F(4,3) along x where pixels are many"
grep '^up.[0-2].conv ' "$work/decoder" | grep -v ' up$' && fail "an upsampled picture is not convolved in its own form"
grep '^up.3.res.*conv' "$work/decoder" | grep -vE ' f43xu?$' && fail "not F(4,3) along x where pictures are large"

# Without AMX: one sentence.
if ! grep -qw amx_bf16 /proc/cpuinfo; then
    expect 1 '*: error: *AMX BF16*' "$(generator --target amx --dtype bf16 "${small[@]}")" -p x --steps 1 -o "$work/x.png"
fi

# A generator carries the model with it; tiles are each thread's own.
grep -qw avx2 /proc/cpuinfo || skip "this machine lacks AVX2"
tiles=$(generator --target amx-model --dtype bf16 "${small[@]}")
for threads in 1 3; do
    "$tiles" -p "a red circle" --steps 2 -s 5 -t $threads -o "$work/$threads.png" 2>"$work/said" ||
        { cat "$work/said"; fail "a generator for amx-model does not run"; }
done
cmp "$work/1.png" "$work/3.png" || fail "the picture depends on the number of threads"
