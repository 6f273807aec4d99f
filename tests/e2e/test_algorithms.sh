#!/bin/bash
# How convolutions are chosen: within the memory that --optimize allows, and by the measurements of a --tune file.
. "$(dirname "$0")/common.sh"

# Packed weights: at most 1.5 times their plain size in bf16, 1.02 times with --optimize memory. The decoder: 700 MB in bf16, 1000 MB in f32, on two threads.
memory() { "$LATENTC" show "$SOURCE_DIR/graphs/sd2/$1.json" --memory "${@:2}" | awk '/^weights/ {weights = $NF} /^arena  / {arena = $NF} /^scratch/ {scratch = $NF} END {print weights, weights + arena + 2 * scratch}'; }
plain=$((865910724 * 2))
read -r weights _ <<<"$(memory diffusion_model --dtype bf16 --target x86-64-v3)"
((weights * 100 <= plain * 150)) || fail "diffusion_model in bf16: $weights bytes of packed weights, $plain plain"
read -r small _ <<<"$(memory diffusion_model --dtype bf16 --target x86-64-v3 --optimize memory)"
((small * 100 <= plain * 102 && small < weights)) || fail "diffusion_model in bf16, --optimize memory: $small bytes of packed weights, $plain plain"
for most in bf16:700 f32:1000; do
    read -r _ peak <<<"$(memory decoder --dtype "${most%:*}")"
    ((peak <= ${most#*:} * 1000000)) || fail "decoder in ${most%:*}: $peak bytes"
done
# The guided step in int8: 1500 MB, 1100 MB with --optimize memory. Faster forms are still taken: more than what plain weights take.
for case in speed:1500 memory:1100; do
    read -r weights peak <<<"$(memory diffusion_model --set batch=2 --dtype int8 --target x86-64-v4-bf16 --optimize "${case%:*}")"
    ((peak <= ${case#*:} * 1000000)) || fail "guided step in int8, --optimize ${case%:*}: $peak bytes"
    [[ $case == memory:* ]] || ((weights > 1050000000)) || fail "guided step in int8: $weights bytes leave no room for faster forms"
done

# Measured once, then read.
graph=$SOURCE_DIR/tests/graphs/resnet.json tune=$work/tune.json
first=$("$LATENTC" show "$graph" --after algorithm --tune "$tune")
[[ $first == "forms of "*": measured seconds ($tune), "* ]] || fail "show does not say where the seconds come from: $first"
cp -p "$tune" "$work/kept.json"
second=$("$LATENTC" show "$graph" --after algorithm --tune "$tune")
[[ $second == "$first" && ! $tune -nt $work/kept.json ]] || fail "measured again: $second"
# What the file says decides, in the code too.
for form in direct f23; do
    sed "s/\"$form\": [0-9.e+-]*/\"$form\": 1e-9/" "$work/kept.json" >"$tune"
    grep -q "\"$form\": 1e-9" "$tune" || fail "no convolution of $graph was measured in form $form"
    "$LATENTC" compile "$graph" --emit ll --tune "$tune" -o "$work/$form.ll"
done
grep -q '^define.*lc_f32_conv3x3_f23_' "$work/f23.ll" || fail "f23 was not chosen"
grep -q '^define.*lc_f32_conv3x3_f[24]3' "$work/direct.ll" && fail "direct was not chosen"
# Other types and targets are added, or refused where they cannot be measured.
"$LATENTC" show "$graph" --after algorithm --tune "$tune" --dtype bf16 >/dev/null
[[ $(grep -c bf16 "$tune") -gt 0 && $(grep -c '"direct"' "$tune") -gt $(grep -c '"direct"' "$work/kept.json") ]] || fail "bf16 was not added"
expect 1 "latentc: error: --tune $tune: it lacks *for target *, which does not run here" \
    "$LATENTC" show "$graph" --after algorithm --tune "$tune" --target "$([[ $(uname -m) == aarch64 ]] && echo x86-64 || echo aarch64)"

# The file is written after each convolution, so an interrupted run goes on where it stopped: only what it lacks is measured.
entries() { grep -c '"target"' "$1"; }
"$LATENTC" show "$graph" --after algorithm --tune "$work/part.json" >/dev/null 2>"$work/said" &
until [[ -s $work/part.json ]] || ! kill -0 $! 2>/dev/null; do sleep 0.01; done
kill -TERM $! 2>/dev/null || true
wait $! || true
all=$(entries "$work/kept.json") part=$(entries "$work/part.json")
[[ -z $(ls "$work"/part.json.tmp.* 2>/dev/null) ]] || fail "an interrupted run left a temporary file"
"$LATENTC" show "$graph" --after algorithm --tune "$work/part.json" >/dev/null 2>"$work/said"
((part >= 1 && part <= all)) || fail "after an interrupted run: $part entries of $all"
((part == all)) || # it had ended before the signal
    grep -q "^tuning: $((all - part)) convolution.* of resnet, each in up to" "$work/said" || fail "$part of $all were there; then: $(cat "$work/said")"
[[ $(entries "$work/part.json") == "$all" && ($part == "$all" || $(tail -1 "$work/said") == "tuning: "*" has them") ]] || fail "the second run did not end the first: $(cat "$work/said")"
# Within --tune-seconds; the others by estimate, on the scale of those that were measured. -q says nothing of it.
mid=$SOURCE_DIR/tests/graphs/mid.json
shown=$("$LATENTC" show "$mid" --after algorithm --tune "$work/mid.json" --tune-seconds 1 2>"$work/said")
[[ $(grep -c '\*' <<<"$shown") == 7 ]] || fail "after --tune-seconds 1: $shown" # the head, too
if (($(entries "$work/mid.json") < 4)); then
    [[ $(tail -1 "$work/said") == "tuning: "*" of 4 convolutions of mid were measured within --tune-seconds; "* ]] || fail "it ended early and said: $(cat "$work/said")"
fi
# The limit covers compiling the forms: when it is spent, nothing is compiled for further models. Ended before code generation.
"$LATENTC" build "$SOURCE_DIR/graphs/shapes/pipeline.json" --tune "$work/short.json" --tune-seconds 1 -o "$work/short" 2>"$work/said" &
until grep -q 'of image_encoder' "$work/said" || ! kill -0 $! 2>/dev/null; do sleep 0.05; done
kill -TERM $! 2>/dev/null || true
wait $! || true
[[ $(entries "$work/short.json") -ge 1 && $(grep -c 'each in up to' "$work/said") == 1 && $(grep -c '^tuning: 0 of .* were measured within' "$work/said") == 2 ]] || fail "build with --tune-seconds 1: $(cat "$work/said")"
expect 2 'latentc: error: --tune-seconds goes with --tune FILE' "$LATENTC" show "$mid" --after lower --tune-seconds 1
expect 1 'latentc: error: nowhere/t.json: cannot be written: *' "$LATENTC" show "$mid" --after lower --tune nowhere/t.json
expect 1 "latentc: error: $mid: is read, so it cannot be an output, too" "$LATENTC" compile "$mid" --emit ll --tune "$work/mid.json" -o "$mid"

echo '{"convolutions": [{"target": "x86-64", "convolution": "", "threads": 1, "fastest": "direct", "seconds": {"direct": 0}}]}' >"$work/wrong.json"
expect 1 'latentc: error: *wrong.json*expected seconds above 0, found 0*' "$LATENTC" show "$graph" --after algorithm --tune "$work/wrong.json"
expect 2 'latentc: error: --tune: there is nothing to choose with --conv direct' "$LATENTC" show "$graph" --after algorithm --tune "$tune" --conv direct
expect 2 "latentc: error: --optimize: unknown 'size': expected speed or memory" "$LATENTC" show "$graph" --memory --optimize size

# Forms that a file names. It is what show prints, of a graph or of all models of a pipeline, and gives the same code again, for another target as well.
forms=$work/forms.txt
"$LATENTC" show "$graph" --after algorithm --target x86-64-v3 >"$forms"
lowered() { "$LATENTC" show "$graph" --after lower --target x86-64-v3 "$@"; }
[[ $(lowered --forms "$forms") == "$(lowered)" ]] || fail "--forms with what was chosen changes the program"
# The star in another column: up(4,3) fits nothing here, F(4,3) along x pays on the tile unit alone, and works here.
star() { # FORM: of all convolutions of $forms
    awk -v form="$1" '/^convolution/ {for (i = 2; i <= NF; i++) if ($i == form) at = i - 1}
        /^(forms|convolution)/ {print; next}
        {line = $1; cell = 0; for (i = 2; i <= NF; i++) if ($i == "-" || $i == "MB") {line = line " " ($i == "-" ? "-" : "1 1 MB"); if (++cell == at) line = line " *"} print line}' "$forms"
}
star f43x >"$work/f43x.txt"
[[ $(lowered --forms "$work/f43x.txt" | grep -c '^kernel.*f43x') -gt 0 && $(lowered --forms "$work/f43x.txt") == "$(lowered --conv f43x)" ]] || fail "--forms: not F(4,3) along x: $(cat "$work/f43x.txt")"
star up43 >"$work/wrong.txt"
refused() { expect 1 "latentc: error: $work/wrong.txt$1" "$LATENTC" show "$graph" --after lower --forms "$work/wrong.txt" "${@:2}"; }
refused ':3: entry.conv: form up43 does not fit this convolution of *'
sed 's/^entry.conv/entry.cnv/' "$forms" >"$work/wrong.txt" && refused ":3: * has no convolution 'entry.cnv'"
sed 3d "$forms" >"$work/wrong.txt" && refused ':1: the table lacks the convolution entry.conv of *'
sed 3p "$forms" >"$work/wrong.txt" && refused ':4: entry.conv is in line 3 already'
sed 's/\* *$//; 3,$s/\*/ /' "$forms" >"$work/wrong.txt" && refused ':3: entry.conv has 0 choices (\*), expected one'
sed '2s/f43s/f34s/' "$forms" >"$work/wrong.txt" && refused ":2: unknown form 'f34s': did you mean *"
sed '3s/MB/GB/' "$forms" >"$work/wrong.txt" && refused ":3: found 'GB', expected MB"
sed '1s/ for [^:]*:/ for x 8x8:/' "$forms" >"$work/wrong.txt" && refused ':1: forms of * for x 8x8; expected some for *'
sed '1s/forms of [^ ]*/forms of unet/' "$forms" >"$work/wrong.txt" && refused ': no forms of *; expected a table of them for *'
cat "$forms" "$forms" >"$work/wrong.txt" && refused ':*: a second table of * for *; the first is in line 1'
echo hello >"$work/wrong.txt" && refused ":1: found 'hello', expected 'forms of MODEL for SIZE: ...'"
: >"$work/wrong.txt" && refused ": no tables of forms; expected what 'latentc show FILE --after algorithm' prints"
rm "$work/wrong.txt" && refused ': cannot be read: No such file or directory'
expect 2 "latentc: error: --forms and --conv f23: one of them" "$LATENTC" show "$graph" --after lower --forms "$forms" --conv f23
expect 2 "latentc: error: --forms and --tune: one of them" "$LATENTC" show "$graph" --after lower --forms "$forms" --tune "$tune"
