#!/bin/bash
# Every sampler that --help lists: draws what captions say, traces every step once, makes previews, takes one step or says why not, and gives the same
# bits for any number of threads. That each computes what diffusers does is unit/runtime/sampling/test_samplers.
. "$(dirname "$0")/common.sh"
[[ -z ${LATENTC_SANITIZE:-} ]] || skip "says nothing new in a sanitizer build"
captions=$SOURCE_DIR/tests/data/shapes-heldout.json
program=$(generator)
mapfile -t said < <(sed -n 's/.*"caption": "\([^"]*\)".*/\1/p' "$captions")
mapfile -t samplers < <("$program" --help | sed -n '/^Sampling methods/,/^$/s/^  \([a-z][^ ]*\) .*/\1/p')
(( ${#samplers[@]} > 10 )) || fail "--help lists ${samplers[*]}"
cd "$work"

# draw CAPTION OUT FLAGS...: pixels alone, so that equal files are equal pictures
draw() { "$program" -p "${said[$1]}" --seed $((1000 + $1)) -o "$2" --no-metadata "${@:3}" 2>log || fail "${*:3}: $(<log)"; }

# right LEAST ENTRIES FLAGS...: so many of these captions are drawn right.
right() {
    local least=$1 entries=$2 right=0 i
    shift 2
    for i in $entries; do
        draw "$i" x.png "$@"
        if "$TOOLS/checker" --loose x.png --captions "$captions" --entry "$i" >verdict; then right=$((right + 1)); fi
    done
    echo "$*: $right right"
    (( right >= least )) || fail "$*: $right right, expected $least: $(<verdict)"
}

for s in "${samplers[@]}"; do
    row=$(grep -F "| \`$s\` |" "$SOURCE_DIR/docs/samplers.md") || fail "docs/samplers.md does not know $s"
    steps=20
    [[ $row != *'2n - 1 | |'* ]] || steps=10 # two calls of the model a step, and no new noise
    right 2 "0 5 7" --sampling-method "$s" --steps $steps
    rm -f ./*.png
    draw 0 a.png --sampling-method "$s" --steps 5 --trace a.csv --preview-every 2 -t 1
    [[ -s a.preview.png ]] || fail "$s: no preview"
    [[ $(cut -d, -f1 a.csv | tr '\n' ' ') == "step 1 2 3 4 5 " ]] || fail "$s: the trace has steps $(cut -d, -f1 a.csv)"
    ! grep -qE 'nan|inf' a.csv || fail "$s: $(<a.csv)"
    draw 0 b.png --sampling-method "$s" --steps 5 -t 3
    cmp a.png b.png || fail "$s: 3 threads change the picture"
    if [[ $s == pndm_prk ]]; then
        expect 1 '*: error: steps: pndm_prk needs at least 4, found 1' "$program" -p x --sampling-method "$s" --steps 1 -o one.png
    else
        draw 0 one.png --sampling-method "$s" --steps 1
    fi
done

for s in leading trailing sgm_uniform simple karras exponential; do right 2 "0 5 7" --sampling-method euler --spacing $s --steps 10; done
right 2 "0 5 7" --sampling-method dpm++2m --spacing karras --steps 10
right 2 "0 5 7" --eta 1 --rng cpu --steps 20
right 2 "0 5 7" --guidance-rescale 0.7 --steps 10

# What a flag changes, it changes.
draw 0 plain.png --steps 5
for flags in "--rng cpu" "--eta 0.5" "--guidance-rescale 0.5" "--spacing trailing" "--prediction v"; do
    # shellcheck disable=SC2086
    draw 0 other.png --steps 5 $flags
    cmp -s plain.png other.png && fail "$flags changes nothing"
done
draw 0 alias.png --steps 5 --sampling-method euler_ancestral
draw 0 name.png --steps 5 --sampling-method euler_a
cmp alias.png name.png || fail "euler_ancestral is not euler_a"

# In a batch every picture has its own noise: that of its seed alone.
draw 0 many.png --steps 4 --sampling-method euler_a -b 2 --rng cpu
"$program" -p "${said[0]}" --no-metadata --seed 1001 -o second.png --steps 4 --sampling-method euler_a --rng cpu 2>log
cmp many-2.png second.png || fail "the batch's second picture is not the one of seed + 1"

# A pipeline's schedule reaches the generator, and holds for every sampler that takes it.
mkdir -p g/shapes
ln -s "$SOURCE_DIR/graphs/sd2" g/sd2
ln -s "$SOURCE_DIR"/graphs/shapes/{weights.safetensors,merges.txt} g/shapes
# built NAME FROM TO: a generator of the pipeline with FROM replaced by TO, both sed's.
built() {
    sed "s/$2/$3/" "$SOURCE_DIR/graphs/shapes/pipeline.json" >g/shapes/pipeline.json
    ! cmp -s "$SOURCE_DIR/graphs/shapes/pipeline.json" g/shapes/pipeline.json || fail "the pipeline has no $2"
    "$LATENTC" build g/shapes/pipeline.json -q -o "$1"
}
# same FLAGS OF ./built, -- FLAGS OF shapes
same() {
    local first=()
    while [[ $1 != -- ]]; do first+=("$1"); shift; done
    shift
    ./built -p "${said[0]}" --no-metadata --steps 5 -o built.png "${first[@]}" 2>log || fail "built ${first[*]}: $(<log)"
    "$program" -p "${said[0]}" --no-metadata --steps 5 -o shapes.png "$@" 2>log || fail "shapes $*: $(<log)"
    cmp built.png shapes.png || fail "built ${first[*]} is not shapes $*"
}
built built '"epsilon", "spacing": "linspace"' '"v", "spacing": "trailing"'
same -- --prediction v --spacing trailing
[[ $(./built --info) == *"schedule      predicts v, steps spaced trailing"* ]] || fail "--info: $(./built --info)"
same --sampling-method euler --prediction epsilon -- --sampling-method euler --spacing trailing
built built '"linspace"' '"linspace", "sigmas": "karras"'
same -- --steps 5
same --sampling-method unipc -- --sampling-method unipc --spacing karras
same --sampling-method euler_a -- --sampling-method euler_a
same --sampling-method unipc --spacing linspace -- --sampling-method unipc
