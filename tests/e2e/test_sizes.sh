#!/bin/bash
# Several sizes in one generator: each draws what a generator of that size alone draws, and the weights are shared.
. "$(dirname "$0")/common.sh"
several=$(generator --sizes 64x64,128x64 --conv direct)
small=$(generator --set img_height=64 --set img_width=64 --conv direct)
wide=$(generator --set img_height=64 --set img_width=128 --conv direct)
cd "$work"
draw() { "$@" 2>messages || { cat messages; fail "the generator failed: $*"; }; }
p=(-p "a red circle" --steps 4)

draw "$several" "${p[@]}" -o a.png
draw "$small" "${p[@]}" -o b.png
cmp a.png b.png || fail "the first size is not the default"
draw "$several" "${p[@]}" --size 128x64 -o a.png
draw "$wide" "${p[@]}" -o b.png
cmp a.png b.png || fail "the second size draws otherwise than alone"
draw "$several" --from-png b.png -o c.png
cmp a.png c.png || fail "repeated in its size"
"$TOOLS/picture_make" in.png 200 100 2350dc 40 40 88 88 dc1e1e
draw "$several" "${p[@]}" -i in.png --size 128x64 -o a.png
draw "$wide" "${p[@]}" -i in.png -o b.png
cmp a.png b.png || fail "from a picture"

# One after the other in one run.
printf '%s\n' '{"prompt": "a red circle", "size": "128x64"}' 'a red circle' '{"prompt": "a red circle", "size": "128x64", "init_img": "in.png"}' >list
draw "$several" --steps 4 --prompts list -o 'l%d.png'
cmp l3.png a.png || fail "sizes that change from line to line"
draw "$small" "${p[@]}" -o b.png
cmp l2.png b.png || fail "the first size after another"

# Direct convolutions are packed alike for all sizes: the second size costs code alone.
both=$(stat -c %s "$several") one=$(stat -c %s "$small")
(( both - one < 4000000 )) || fail "one size: $one bytes, two: $both"
[[ $("$several" --info) == *'64 x 64, 128 x 64'* ]] || fail "--info: $("$several" --info)"
expect 2 "*: error: --size: found '100x100': this program draws 64x64 or 128x64" "$several" "${p[@]}" --size 100x100
expect 2 "*: error: --size: found '128x64': this program draws 64x64" "$small" "${p[@]}" --size 128x64
draw "$(generator)" "${p[@]}" -o large.png
expect 1 '*: error: large.png: a picture of 128 x 128 pixels: this program draws 64 x 64 and other sizes, but not that' "$several" --from-png large.png

# What cannot be built.
build() { "$LATENTC" build "$SOURCE_DIR/graphs/shapes/pipeline.json" -o no "$@"; }
expect 2 'latentc: error: --sizes: expected WIDTHxHEIGHT, such as 512x512,768x512, found "64"' build --sizes 64
expect 2 'latentc: error: --sizes: 64x64 is there twice' build --sizes 64x64,64x64
expect 2 'latentc: error: --set img_width does not go with --size or --sizes' build --sizes 64x64 --set img_width=64
expect 2 'latentc: error: --sizes: found 100x64, expected multiples of 8' build --sizes 100x64
[[ ! -e no ]] || fail "something was built"
