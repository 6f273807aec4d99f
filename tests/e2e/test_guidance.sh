#!/bin/bash
# Guidance for a part of the steps, and none: the same bits as the plain forms, records, lines of --prompts, both forms of the loop. That the right steps
# are guided is unit/program/test_denoise.
. "$(dirname "$0")/common.sh"
program=$(generator)
apart=$(generator "--fuse=-guidance")
cd "$work"
draw() { "$program" -p "a red circle" -n blue --steps 6 "$@" 2>messages || fail "$*: $(<messages)"; }
recorded() { "$TOOLS/picture" "$1" parameters || fail "$1 records nothing"; }

# From the first step to the last: what there is without the flags, to the last byte of the file.
draw -o plain.png
draw --guidance-start 0 --guidance-stop 1 -o whole.png
cmp plain.png whole.png || fail "all of the steps are not all of the steps"

# No step: what --cfg-scale 1 draws. A scale of 0, as SD-Turbo's card has it, is the same, and is recorded as web interfaces do.
draw --cfg-scale 1 -o one.png
for flags in "--cfg-scale 0.0" "--cfg-scale -2"; do
    # shellcheck disable=SC2086
    draw $flags -o zero.png
    cmp one.png zero.png || fail "$flags is not --cfg-scale 1"
done
[[ $(recorded one.png) == *', CFG scale: 1, '* ]] || fail "one.png records: $(recorded one.png)"
expect 0 '*: the negative prompt is not used: --cfg-scale 0 is no guidance, which begins above 1' \
    "$program" -p "a red circle" -n blue --cfg-scale 0 --steps 1 -o x.png
draw --cfg-scale 1 --no-metadata -o one.png
for flags in "--guidance-stop 0" "--guidance-start 1" "--guidance-start 0.5 --guidance-stop 0.5"; do
    # shellcheck disable=SC2086
    draw $flags --no-metadata -o none.png
    cmp one.png none.png || fail "$flags is not --cfg-scale 1"
done
expect 0 '*: the negative prompt is not used: from --guidance-start 0 to --guidance-stop 0.1 there is none of 3 steps' \
    "$program" -p "a red circle" -n blue --guidance-stop 0.1 --steps 3 -o x.png

# A part: another picture than both, recorded and repeated; the same for any number of threads, alone and as a line of --prompts.
number=0
for flags in "--guidance-stop 0.4" "--guidance-start 0.3333333333333333 --sampling-method heun --guidance-rescale 0.5" \
    "--guidance-start 0.2 --guidance-stop 0.6 --sampling-method euler_a" "--guidance-start 0.5 --sampling-method plms"; do
    number=$((number + 1))
    read -r -a list <<<"$flags"
    draw "${list[@]}" -t 1 -o a$number.png
    draw "${list[@]}" -t 3 -o b.png
    cmp a$number.png b.png || fail "$flags: 3 threads change the picture"
    draw --from-png a$number.png -o b.png
    cmp a$number.png b.png || fail "$flags: repeated otherwise: $(recorded a$number.png)"
    for other in plain one; do cmp -s a$number.png $other.png && fail "$flags: as $other.png"; done
    for form in "$program" "$apart"; do
        "$form" -p "a red circle" -n blue --steps 6 "${list[@]}" --save-latent "${form##*/}.safetensors" -o b.png 2>messages || fail "$(<messages)"
    done
    "$TOOLS/compare" --bound 5e-5 "${program##*/}.safetensors:latent_out" "${apart##*/}.safetensors:latent_out"
done
[[ $(recorded a1.png) == *', Guidance stop: 0.4, '* && $(recorded a1.png) != *'Guidance start'* ]] || fail "a1.png records: $(recorded a1.png)"
[[ $(recorded a3.png) == *', Guidance start: 0.2, Guidance stop: 0.6, '* ]] || fail "a3.png records: $(recorded a3.png)"
printf '%s\n' '{"cfg_scale": 1}' '{"guidance_stop": 0.4}' '{"cfg_scale": 0}' '{}' >list.txt
draw --prompts list.txt -o 'line-%d.png'
for pair in "1 3" "4 ../plain"; do cmp "line-${pair% *}.png" "$(sed 's/^[0-9]/line-&/;s,^../,,' <<<"${pair#* }").png" || fail "lines $pair"; done
cmp line-2.png a1.png || fail "a line with guidance_stop"

# With an init image the shares are of the steps that run: of 3 here, the first.
"$TOOLS/picture_make" in.png 128 128 2350dc 40 40 88 88 dc1e1e
draw -i in.png --strength 0.5 --guidance-stop 0.34 --no-metadata -o part.png
draw -i in.png --strength 0.5 --guidance-stop 0 --no-metadata -o none.png
cmp -s part.png none.png && fail "no step of an init image is guided"

# Wrong.
expect 2 '*: error: --guidance-start 0.8 is above --guidance-stop 0.4: expected at most that' \
    "$program" -p x --guidance-start 0.8 --guidance-stop 0.4 -o bad.png
expect 2 "*: error: --guidance-stop: expected a number from 0 to 1, found '40'" "$program" -p x --guidance-stop 40 -o bad.png
printf '%s\n' '{"prompt": "x", "guidance_start": 1, "guidance_stop": 0.5}' >bad.txt
expect 1 '*: error: bad.txt:1: --guidance-start 1 is above --guidance-stop 0.5: expected at most that' "$program" --prompts bad.txt -o bad.png
[[ ! -e bad.png ]] || fail "something was written"
