#!/bin/bash
# Pictures to start from: --init-img, --strength, --mask.
. "$(dirname "$0")/common.sh"
shapes=$(generator)
cd "$work"
draw() { "$shapes" "$@" 2>messages || { cat messages; fail "the generator failed: $*"; }; }
mean() { "$TOOLS/picture_diff" "$@" | sed 's/mean=\([0-9]*\).*/\1/'; } # whole steps of 255
most() { "$TOOLS/picture_diff" "$@" | sed 's/.*most=//'; }
shows() { "$TOOLS/checker" --loose "$1" --caption-json '{"objects": [{"shape": "'"$3"'", "color": "'"$2"'"}], "background": "'"$4"'"}' || fail "$1 does not show a $2 $3 on $4"; }

# A red square on blue, drawn with rectangles, at twice the size.
"$TOOLS/picture_make" in.png 256 256 2350dc 80 80 176 176 dc1e1e
"$TOOLS/picture_make" fit.png 128 128 2350dc 40 40 88 88 dc1e1e
"$TOOLS/picture_make" in.jpg 256 256 2350dc 80 80 176 176 dc1e1e

# Strength 0: no step, what the autoencoder makes of the picture; the prompt does not matter.
draw -p "a green circle" -i in.png --strength 0 -o 0.png
grep -qx '[^:]*: in.png: 256 x 256 scaled to 128 x 128' messages || fail "it said: $(<messages)"
(( $(mean fit.png 0.png) <= 3 )) || fail "strength 0: $("$TOOLS/picture_diff" fit.png 0.png)" # the autoencoder alone, edges included
draw -p x -i fit.png --strength 0 -o 0fit.png
[[ $(<messages) == 'wrote '* ]] || fail "a picture that fits: $(<messages)"
(( $(mean 0.png 0fit.png) <= 3 )) || fail "scaled or not: $("$TOOLS/picture_diff" 0.png 0fit.png)"

# A little strength keeps what is there, much of it draws what the prompt says, in as many steps as its share.
draw -p "a red square on a blue background" -i in.jpg --strength 0.2 -o low.png
shows low.png red square blue
grep -q 'step 5 of 5' messages || fail "0.2 of 25 steps: $(<messages)"
draw -p "a yellow circle on a green background" -i in.png --strength 0.9 -s 3 -o high.png
shows high.png yellow circle green
grep -q 'step 22 of 22' messages || fail "int(0.9 * 25) steps: $(<messages)"

# A mask: what is black in it stays, with --keep-pixels to the last bit, a picture that needs no scaling as it was; the rest is drawn.
"$TOOLS/picture_make" mask.png 128 128 000000 64 0 128 128 ffffff
draw -p "a yellow circle on a green background" -i fit.png --mask mask.png --strength 1 -o about.png
(( $(mean fit.png about.png 0 0 56 128) <= 3 )) || fail "outside of the mask: $("$TOOLS/picture_diff" fit.png about.png 0 0 56 128)"
(( $(most fit.png about.png 0 0 56 128) > 0 )) || fail "--keep-pixels by itself"
draw -p "a yellow circle on a green background" -i fit.png --mask mask.png --strength 1 --keep-pixels -o part.png
[[ $(most about.png part.png 64 0 128 128) == 0 ]] || fail "--keep-pixels changes what is drawn"
[[ $(most fit.png part.png 0 0 64 128) == 0 ]] || fail "outside of the mask: $("$TOOLS/picture_diff" fit.png part.png 0 0 64 128)"
(( $(mean fit.png part.png 64 0 128 128) > 20 )) || fail "inside of the mask: $("$TOOLS/picture_diff" fit.png part.png 64 0 128 128)"
# A mask that is black: the picture itself. One that is white: as without a mask, but for the start, which at strength 1 is noise alone, as without -i.
"$TOOLS/picture_make" black.png 128 128 000000
"$TOOLS/picture_make" white.png 128 128 ffffff
draw -p "a yellow circle" -i fit.png --mask black.png --keep-pixels -o black-out.png
[[ $(most fit.png black-out.png) == 0 ]] || fail "a black mask changes the picture"
draw -p "a yellow circle" -i fit.png --mask white.png -o white-out.png
draw -p "a yellow circle" -i fit.png -o no-mask.png
[[ $(most white-out.png no-mask.png) == 0 ]] || fail "a white mask is not as none"
draw -p "a yellow circle" -i fit.png --mask white.png --strength 1 -o all.png
draw -p "a yellow circle" -o alone.png
[[ $(most all.png alone.png) == 0 ]] || fail "with a white mask and strength 1 the picture shines through"

# Every sampler: a little strength keeps what is there, a mask keeps its pixels, no step at all is the picture.
for sampler in pndm euler euler_a heun lms dpm++2m dpm++2m_sde unipc ddpm relax; do
    draw -p "a red square on a blue background" -i fit.png --strength 0.25 --steps 20 --sampling-method $sampler -o low.png
    shows low.png red square blue
    grep -q 'step 5 of 5' messages || fail "$sampler: $(<messages)"
    draw -p "a yellow circle" -i fit.png --mask mask.png --keep-pixels --strength 0.8 --steps 10 --sampling-method $sampler -o part.png
    [[ $(most fit.png part.png 0 0 64 128) == 0 ]] || fail "$sampler, outside of the mask"
    (( $(mean fit.png part.png 64 0 128 128) > 5 )) || fail "$sampler, inside of the mask: $("$TOOLS/picture_diff" fit.png part.png 64 0 128 128)"
    draw -p x -i fit.png --strength 0 --sampling-method $sampler -o kept.png
    [[ $(most kept.png 0fit.png) == 0 ]] || fail "$sampler without a step"
done

# The same bits for any number of threads; batches are pictures of their seeds.
"$TOOLS/picture_make" mask2.png 256 256 000000 100 100 256 256 ffffff
for threads in 1 2 3; do
    draw -p "a yellow circle" -i in.jpg --mask mask2.png -t $threads -o "t$threads.png"
    cmp t1.png "t$threads.png" || fail "$threads threads change the picture"
done
draw -p "a yellow circle" -i in.png -s 5 -b 2 -o b.png
draw -p "a yellow circle" -i in.png -s 6 -o b6.png
cmp b-2.png b6.png || fail "the second of a batch is not that of its seed"

# Without the image encoder it is smaller, and says why it cannot.
small=$(generator --no-init-img)
(( $(stat -c %s "$small") < $(stat -c %s "$shapes") )) || fail "--no-init-img does not make it smaller"
expect 1 '*: error: --init-img: this program was built without an image encoder' "$small" -p x -i in.png
expect 1 '*: error: mask.png: the mask has 128 x 128 pixels, but in.png has 256 x 256: they must have the same size' "$shapes" -p x -i in.png --mask mask.png
expect 2 '*: error: --mask needs an init image: -i FILE' "$shapes" -p x --mask mask.png
expect 2 '*: error: --keep-pixels needs a mask: --mask FILE' "$shapes" -p x -i in.png --keep-pixels
expect 2 '*: error: --strength: expected a number from 0 to 1, found *' "$shapes" -p x -i in.png --strength 1.5
expect 1 '*: error: none.png: cannot be read: No such file or directory' "$shapes" -p x -i none.png
head -c 1000 in.jpg >cut.jpg
expect 1 '*: error: cut.jpg: a damaged or truncated JPEG: *' "$shapes" -p x -i cut.jpg
