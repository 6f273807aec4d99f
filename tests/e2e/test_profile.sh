#!/bin/bash
# --profile: a Chrome trace that covers the whole run, tables on standard error, the same picture.
. "$(dirname "$0")/common.sh"
shapes=$(generator)
cd "$work"
"$shapes" -p x --steps 3 -s 5 -t 2 -o plain.png 2>plain
"$shapes" -p x --steps 3 -s 5 -t 2 -o one.png --profile one.json 2>said
cmp plain.png one.png || fail "--profile changes the picture"

"$TOOLS/trace" one.json >trace || fail "the trace is not sound"
for line in "start 1" "check of the code 1" "threads 1" "files 1" "tokens 1" "memory 3" "text encoder 1" "prompt 1" "timesteps 1" "step 3" "check of the weights 1" "decoder 1" "picture file 1" "threads 2"; do
    grep -qx "$line" trace || fail "the trace lacks '$line': $(cat trace)"
done
for word in "from the start to the first step" "step of diffusion_model: 3" "text encoder of text_encoder: 1" "decoder of decoder: 1" "GFLOP/s"; do
    grep -q "$word" said || fail "the tables lack '$word': $(cat said)"
done

# The waterfall goes from the start of the process to the first picture, in order.
sed -n '/begins/,/^$/p' said | sed 1d | grep ms >waterfall
awk '$1 + 0 < begin - 0.2 { exit 1 } { begin = $1 + 0 }' waterfall || fail "the waterfall goes back in time: $(<waterfall)"
[[ $(head -1 waterfall) == *"  start" && $(tail -1 waterfall) == *"  picture file" ]] || fail "the waterfall is not from start to picture: $(<waterfall)"
grep -q "step 1$" waterfall && grep -q "step 2 to 3$" waterfall || fail "the waterfall lacks steps: $(<waterfall)"

# Threads share the FLOPs of a step between them: the sum does not depend on their number.
"$shapes" -p x --steps 3 -s 5 -t 1 -o one.png --profile alone.json 2>/dev/null
"$TOOLS/trace" alone.json >alone || fail "the trace of one thread is not sound"
[[ $(grep gflop trace) == "$(grep gflop alone)" ]] || fail "one thread: $(grep gflop alone), two: $(grep gflop trace)"

# Two pictures and previews in one file; a file that cannot be written is found out before the work.
"$shapes" -p x --steps 2 -b 2 --preview-every 1 -o b.png --profile two.json 2>/dev/null
"$TOOLS/trace" two.json >trace || fail "the trace of two pictures is not sound"
for line in "step 4" "decoder 4" "picture file 4" "timesteps 2"; do
    grep -qx "$line" trace || fail "the trace of two pictures lacks '$line': $(cat trace)"
done
# The waterfall of a batch ends with the first picture's file, which is written beside the second picture.
"$shapes" -p x --steps 2 -b 2 -o b.png --profile two.json 2>said
sed -n '/begins/,/^$/p' said | sed 1d | grep ms >waterfall
[[ $(tail -1 waterfall) == *"  picture file" && $(grep -c "timesteps$" waterfall) == 1 ]] || fail "the waterfall of a batch: $(<waterfall)"
rm ./*.png

# Without a name it is profile.json.
"$shapes" --profile -p x --steps 1 -o c.png 2>/dev/null
"$TOOLS/trace" profile.json >/dev/null || fail "--profile without a name wrote no trace"
rm ./*.png
expect 1 '*no/p.json: cannot be written: *' "$shapes" -p x --steps 3 --profile no/p.json
[[ -z $(find . -name '*.png') ]] || fail "a picture was drawn although the profile cannot be written"
