#!/bin/bash
# The context of the empty prompt is in a generator: a guided picture runs the text encoder once. Without it: the same bits.
. "$(dirname "$0")/common.sh"
shapes=$(generator)
cd "$work"
cp "$shapes" without
chmod +w without
"$TOOLS/drop_context" without || fail "the context of the empty prompt cannot be taken out"

draws() { # PROGRAM ENCODED ARGUMENTS...: draws a.png; the text encoder runs ENCODED times
    local program=$1 encoded=$2 ran
    shift 2
    "$program" -p "a red circle" --steps 2 -s 3 -o a.png --profile p.json "$@" 2>said || fail "$program $*: $(<said)"
    ran=$("$TOOLS/trace" p.json | sed -n 's/^text encoder //p')
    (( ${ran:-0} == encoded )) || fail "$program $*: the text encoder ran ${ran:-0} times, expected $encoded"
}
draws "$shapes" 1
cp a.png with.png
draws ./without 2
cmp a.png with.png || fail "the stored context is not the one that the program computes"
draws "$shapes" 2 -n green
cp a.png negative.png
draws ./without 2 -n green
cmp a.png negative.png || fail "a negative prompt depends on the stored context"
draws "$shapes" 1 --cfg-scale 1
draws "$shapes" 0 --cfg-scale 1 -p ""
cp a.png nothing.png
draws ./without 1 --cfg-scale 1 -p ""
cmp a.png nothing.png || fail "the empty prompt depends on the stored context"

# It belongs to the weights that it was computed with: other ones make their own.
"$LATENTC" weights convert synthetic:5 "$SOURCE_DIR/graphs/shapes/pipeline.json" --to packed -o other.weights 2>said || fail "packed weights: $(<said)"
draws "$shapes" 2 --weights-file other.weights
cp a.png other.png
draws ./without 2 --weights-file other.weights
cmp a.png other.png || fail "other weights: the stored context was used"

# A damaged one is noticed at the start.
cp "$shapes" damaged
chmod +w damaged
bytes=$(stat -c %s damaged)
at=$((bytes - 160 - 64))
byte=$(od -An -tu1 -j $at -N 1 damaged)
printf "$(printf '\\x%02x' $((byte ^ 16)))" | dd of=damaged bs=1 seek=$at conv=notrunc status=none
expect 1 '*: error: the program file was changed: its context of the empty prompt differ*' ./damaged -p x -o x.png
[[ ! -e x.png ]] || fail "a damaged generator drew a picture"
