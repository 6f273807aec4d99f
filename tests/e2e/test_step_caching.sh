#!/bin/bash
# Step caching: with --cache-interval 1 the bits of a generator without it; above 1 another picture, and always the same one: for any
# number of threads, in a batch, with previews, in another size's program, repeated from its PNG.
. "$(dirname "$0")/common.sh"
small=(--set img_height=64 --set img_width=64 --conv direct)
plain=$(generator "${small[@]}") cached=$(generator --cache on "${small[@]}")
cd "$work"
draw() { "$@" 2>messages || { cat messages; fail "the generator failed: $*"; }; }
same() { cmp "$1" "$2" || fail "$3"; }
p=(-p "a red circle on a blue background" --steps 8 --seed 3)

draw "$plain" "${p[@]}" -o plain.png
draw "$cached" "${p[@]}" --cache-interval 1 -o one.png
same plain.png one.png "interval 1 is another picture"
draw "$cached" "${p[@]}" -o default.png
same plain.png default.png "the default is another picture"
draw "$cached" "${p[@]}" --cache-interval 3 -o three.png --save-latent three.safetensors --trace trace.csv --profile
grep -qE '^ +3 .* step$' messages && grep -qE '^ +5 .* short step$' messages || { cat messages; fail "of 8 steps, 1, 4 and 7 are full"; }
cmp -s plain.png three.png && fail "interval 3 changes nothing"
[[ $(cut -d, -f6 trace.csv | paste -sd' ') == 'full 1 0 0 1 0 0 1 0' ]] || fail "trace.csv says which steps are full: $(<trace.csv)"
grep -aq 'Cache interval: 3, Cache level: 1' three.png || fail "the picture does not record its interval and level"

# The same picture every time.
for threads in 1 3; do
    draw "$cached" "${p[@]}" --cache-interval 3 -t $threads -o other.png
    same three.png other.png "$threads threads: another picture"
done
draw "$cached" "${p[@]}" --cache-interval 3 --seed 2 -b 2 -o 'batch%d.png'
same three.png batch2.png "the second picture of a batch is another one"
draw "$cached" "${p[@]}" --cache-interval 3 --preview-every 1 -o preview.png
same three.png preview.png "previews change the picture"
draw "$cached" --from-png three.png -o again.png
same three.png again.png "--from-png does not repeat it"
expect 0 "*--cache-interval*" "$plain" --from-png three.png -o left-out.png
# A program of another level draws another picture, and says so; not where nothing of the record is drawn with short steps.
second=$(generator --cache on --cache-level 2 "${small[@]}")
draw "$second" --from-png three.png -o level.png
! cmp -s three.png level.png || fail "levels draw the same picture"
[[ $(<messages) == *": three.png: it was drawn with cache level 1; this program was built with --cache-level 2, so this is another picture"* ]] ||
    fail "another level: $(<messages)"
[[ $("$second" --info) == *'kernels, cache level 2'* ]] || fail "--info: $("$second" --info)"
draw "$cached" "${p[@]}" --cache-interval 3 -o three.jpg
LC_ALL=C sed -E 's/(l.?)e(.?v.?e.?l.?:.? .?1)/\1a\2/' three.jpg >unknown.jpg # in UTF-16
! cmp -s three.jpg unknown.jpg || fail "the record of a JPEG is not changed"
draw "$second" --from-png unknown.jpg -o other.png
[[ $(<messages) == *": unknown.jpg: it does not record its cache level; this program was built with --cache-level 2, so this may be another picture"* ]] ||
    fail "no recorded level: $(<messages)"
draw "$second" --from-png level.png -o level2.png
same level.png level2.png "--from-png does not repeat level 2"
! grep -q 'cache level' messages || fail "its own level: $(<messages)"
draw "$second" --from-png three.png --cache-interval 1 -o one.png
same plain.png one.png "interval 1 of level 2"
! grep -q 'cache level' messages || fail "interval 1: $(<messages)"
printf '%s\n' '{"prompt": "a red circle on a blue background", "cache_interval": 3}' 'a green square' \
    '{"prompt": "a red circle on a blue background", "cache_interval": 3}' >list
draw "$cached" --steps 8 --seed 3 --prompts list -o 'line%d.png'
same three.png line1.png "a line of --prompts"
same three.png line3.png "a line after another one without an interval"

# Halves of guidance apart, one half alone, a picture from a picture, samplers with more calls, other sizes.
apart=$(generator --cache on --fuse all,-guidance "${small[@]}")
draw "$apart" "${p[@]}" --cache-interval 3 -o apart.png
same three.png apart.png "the halves of guidance apart are another picture"
draw "$cached" "${p[@]}" --cfg-scale 1 --cache-interval 2 -o single.png
draw "$cached" "${p[@]}" --cfg-scale 1 --cache-interval 2 -t 1 -o single1.png
same single.png single1.png "without guidance: threads"
# Guidance that begins at step 5, between the full calls 4 and 7: nothing of its other half is stored yet.
draw "$cached" "${p[@]}" --guidance-start 0.5 --cache-interval 3 -o begins.png --profile
grep -qE '^ +4 .* step$' messages && grep -qE '^ +4 .* short step$' messages || { cat messages; fail "guidance that begins: 1, 4, 5 and 7 are full"; }
draw "$apart" "${p[@]}" --guidance-start 0.5 --cache-interval 3 -t 3 -o apart.png
same begins.png apart.png "guidance that begins: the halves apart are another picture"
draw "$cached" "${p[@]}" -i three.png --strength 0.5 --cache-interval 4 -o from.png --profile
grep -qE '^ +1 .* step$' messages && grep -qE '^ +3 .* short step$' messages || { cat messages; fail "from a picture: the first step is full"; }
draw "$cached" "${p[@]}" --sampling-method heun --cache-interval 4 -o heun.png --profile
grep -qE '^ +4 .* step$' messages && grep -qE '^ +11 .* short step$' messages || { cat messages; fail "heun: 15 calls, of which 1, 5, 9 and 13 are full"; }
sizes=$(generator --cache on --sizes 128x64,64x64 --conv direct)
draw "$sizes" "${p[@]}" --size 64x64 --cache-interval 3 -o size.png
same three.png size.png "in a program of several sizes"
[[ $("$sizes" --info) == *'short step (--cache-interval): '* ]] || fail "--info: $("$sizes" --info)"
(( $(stat -c %s "$cached") - $(stat -c %s "$plain") < 200000 )) || fail "the short step is more than a list of kernels"

# --fast: the recommended settings, where they are not given and as far as the program has them. The picture records them.
long=(-p "a red circle on a blue background" --seed 3 --steps 12)
draw "$cached" "${long[@]}" --fast -o fast.png
draw "$cached" "${long[@]}" --guidance-stop 0.6 --cache-interval 3 -o explicit.png
same fast.png explicit.png "--fast is not what docs/fast.md says"
draw "$cached" --from-png fast.png -o again.png
same fast.png again.png "--from-png does not repeat --fast"
draw "$cached" "${long[@]}" --fast --guidance-stop 1 -o given.png
draw "$cached" "${long[@]}" --cache-interval 3 -o explicit.png
same given.png explicit.png "--fast overrules what is given"
draw "$plain" "${long[@]}" --fast -o half.png
draw "$plain" "${long[@]}" --guidance-stop 0.6 -o explicit.png
same half.png explicit.png "--fast without step caching"
draw "$cached" "${p[@]}" --fast -o few.png
same plain.png few.png "--fast with few steps"
# For each line of --prompts by its own steps and guidance.
printf '%s\n' '{"prompt": "a red circle on a blue background", "steps": 2}' '{"prompt": "a red circle on a blue background", "cfg_scale": 1}' \
    "a red circle on a blue background" >list
draw "$cached" "${long[@]}" --fast --prompts list -o 'each%d.png'
draw "$cached" "${long[@]}" --steps 2 -o two.png
same two.png each1.png "--fast of a line with two steps"
draw "$cached" "${long[@]}" --cfg-scale 1 --cache-interval 3 -o unguided.png
same unguided.png each2.png "--fast of a line without guidance"
same fast.png each3.png "--fast of a line"

# What does not go.
expect 2 "*: error: --cache-interval: this program was built without step caching: latentc build --cache on" "$plain" "${p[@]}" --cache-interval 2
expect 2 "*: error: --cache-interval: expected an integer from 1 to 1000, found '0'" "$cached" "${p[@]}" --cache-interval 0
expect 2 "*: error: --cache-interval: expected 1 to 8, the number of steps, found 9" "$cached" "${p[@]}" --cache-interval 9
build() { "$LATENTC" build "$SOURCE_DIR/graphs/shapes/pipeline.json" -o no "$@"; }
expect 2 "latentc: error: --cache-level goes with --cache on" build --cache-level 2
expect 1 "latentc: error: *diffusion_model.json: --cache on: no value has cache level 4: expected 1 to 3" build --cache on --cache-level 4
expect 2 "latentc: error: --cache: *'deep'*" build --cache deep
blocks="s|\.\./blocks|$SOURCE_DIR/graphs/blocks|"
sed "$blocks; s/\"left < 4\"/\"left < 0\"/" "$SOURCE_DIR/graphs/sd2/diffusion_model.json" >unmarked.json
for graph in text_encoder decoder image_encoder; do sed "$blocks" "$SOURCE_DIR/graphs/sd2/$graph.json" >$graph.json; done
sed 's|\.\./sd2/diffusion_model|unmarked|; s|\.\./sd2/||' "$SOURCE_DIR/graphs/shapes/pipeline.json" >pipeline.json
expect 1 'latentc: error: unmarked.json: --cache on: no value of this graph is marked with "cache"' \
    "$LATENTC" build pipeline.json --weights synthetic:1 --vocab "$SOURCE_DIR/graphs/shapes/merges.txt" --cache on -o no
expect 1 'latentc: error: *decoder.json: --cache on: no value of this graph is marked with "cache"' \
    "$LATENTC" show "$SOURCE_DIR/graphs/sd2/decoder.json" --cache on
[[ ! -e no ]] || fail "something was built"
