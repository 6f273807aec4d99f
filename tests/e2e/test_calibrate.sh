#!/bin/bash
# build --calibrate: which layers stay in bf16 under --dtype int8, by their errors on latents of the loop.
. "$(dirname "$0")/common.sh"
pipeline=$SOURCE_DIR/graphs/shapes/pipeline.json
cd "$work"
build() { "$LATENTC" build "$pipeline" --dtype int8 "$@"; }

# All in bf16 has an error of about 1.2e-2, all in int8 1.8e-2; where no instruction multiplies bf16, operands stay f32: 0.4e-2 and 1.4e-2.
# So some layers go back.
most=1.5e-2
[[ $("$LATENTC" targets | tail -1) == *"with --dtype bf16 "@(*-bf16|amx),* ]] || most=1.2e-2
printf 'a red circle\n\n' >prompts.txt
build --calibrate prompts.txt --int8-error $most -o calibrated 2>messages || fail "calibration: $(<messages)"
table=$(grep -E ' (int8|bf16)  ' calibrated.layers)
error=$(sed -n 's/^# relative rms error of the output \([^,]*\),.*/\1/p' calibrated.layers)
awk -v e="$error" -v most=$most 'BEGIN {exit !(e > 0 && e <= most)}' || fail "the error is $error: $(<messages)"
(( $(grep -c ' bf16 ' <<<"$table") > 0 && $(grep -c ' int8 ' <<<"$table") > 0 )) || fail "not a mixture: $table"
# Largest errors first, and those are in bf16. A number of 8 bits whose range is 7 times its rms is off by 7 / 255 / sqrt(12) = 8e-3 of the rms;
# so is a sum of products. Outliers make up to four times of it; a residual that is added, which has no error, makes less.
awk 'NR > 1 && $3 > last || $3 < 1e-4 || $3 > 3.2e-2 || $2 == "bf16" && int8 {exit 1} {last = $3; int8 = int8 || $2 == "int8"}' <<<"$table" || fail "own errors: $table"
[[ $(<messages) == "calibration: 5 calls of the model in f32, prompt 1 of 1"*"own errors of"*"layers in bf16: error $error"* ]] || fail "no progress: $(<messages)"
# The file gives the same packed weights again; the rule others.
layout() { # FLAGS...: as `weights convert` packs
    "$LATENTC" weights convert "$SOURCE_DIR/graphs/shapes/weights.safetensors" "$pipeline" --to packed --dtype int8 "$@" -o packed 2>/dev/null || fail "weights convert $*"
    "$LATENTC" weights list packed | sed -n 's/^layout *\([0-9a-f]*\):.*/\1/p'
}
layout=$(layout --int8-layers calibrated.layers)
[[ -n $layout && $(./calibrated --info) == *"fingerprint   $layout-"* ]] || fail "another program from the same layers: $layout; $(./calibrated --info)"
[[ $(layout) != "$layout" ]] || fail "the calibration changes nothing"

printf '\n \n' >empty
: >zero
for file in empty zero; do expect 1 "latentc: error: $file: no prompts; expected one on each line" build --calibrate $file -o no; done
expect 1 'latentc: error: nothing: cannot be read: *' build --calibrate nothing -o no
for x in 0 -1 1.5 x nan ''; do
    expect 2 "latentc: error: --int8-error: found '$x', expected a number above 0, at most 1" build --calibrate prompts.txt --int8-error "$x" -o no
done
expect 2 'latentc: error: build: --int8-error goes with --calibrate' build --int8-error 0.1 -o no
expect 2 'latentc: error: build: --calibrate goes with --dtype int8' "$LATENTC" build "$pipeline" --calibrate prompts.txt -o no
expect 2 'latentc: error: build: --calibrate chooses layers: expected --int8-layers FILE, which it writes' build --calibrate prompts.txt --int8-layers all -o no
[[ -z $(find . -name 'no*') ]] || fail "something was left: $(find . -name 'no*')"
