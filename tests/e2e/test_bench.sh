#!/bin/bash
# latentc bench: what it writes, not how fast it is. The JSON is what docs/bench-schema.json says, the page needs nothing else, amounts of arithmetic
# are those of the algorithms.
. "$(dirname "$0")/common.sh"
graphs=$SOURCE_DIR/graphs/sd2
cat >"$work/tiny.json" <<EOF
{"pipeline": "tiny", "parameters": {"img_height": 64, "img_width": 64, "max_text_length": 8},
 "models": {
  "text_encoder": {"graph": "$graphs/text_encoder.json",
    "parameters": {"position_rows": 8, "vocab_size": 64, "width": 32, "heads": 1, "layers": 1, "mlp_width": 64}},
  "diffusion_model": {"graph": "$graphs/diffusion_model.json",
    "parameters": {"widths": [32], "blocks": 1, "attention_levels": 1, "head_size": 32, "groups": 8, "context_width": 32, "time_in": 32, "time_width": 64}},
  "decoder": {"graph": "$graphs/decoder.json", "parameters": {"widths": [16, 16, 16, 32], "blocks": 1, "groups": 8}}},
 "schedule": {"train_steps": 1000, "beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "prediction": "epsilon",
  "spacing": "linspace", "final_alpha": 1.0},
 "defaults": {"steps": 5, "cfg_scale": 4.0, "sampler": "ddim", "seed": 42, "output": "output.png", "prompt": "x"}}
EOF
bench() { "$LATENTC" bench "$work/tiny.json" --repeat 1 "$@" 2>"$work/said" || fail "bench $* ended with $?: $(cat "$work/said")"; }
fits() { "$TOOLS/schema_check" "$SOURCE_DIR/docs/bench-schema.json" "$1" >"$work/said" 2>&1; }
check_json() { fits "$1" || fail "${1##*/} is not what the schema says: $(cat "$work/said")"; }

# A page that a browser shows without network: nothing refers to another file or host.
check_page() {
    local page=$1
    grep -oiE 'https?:[^"'"'"' <>]*|(src|href|data|action)=[^ >]*|url\([^)]*\)|@import|fetch\(|XMLHttpRequest' "$page" | grep -v '^http://www\.w3\.org/2000/svg$' >"$work/refers" &&
        fail "${page##*/} refers to $(head -1 "$work/refers")"
    ! command -v xmllint >/dev/null || xmllint --noout "$page" || fail "${page##*/} is not well-formed"
    [[ $(tail -1 "$page") == "</html>" ]] || fail "${page##*/} is cut off"
    ! grep -qE '[^a-z](nan|inf)[^a-z]' "$page" || fail "${page##*/} has numbers that are none: $(grep -m1 -E '[^a-z](nan|inf)[^a-z]' "$page")"
}

# What is asked wrongly is said at once.
expect 2 'latentc: error: --stage: unknown '"'guided_stop': did you mean 'guided_step'?" "$LATENTC" bench "$work/tiny.json" --stage text_encoder,guided_stop
expect 2 "latentc: error: --stage: unknown 'image_encoder': did you mean 'text_encoder'?" "$LATENTC" bench "$work/tiny.json" --stage image_encoder
expect 2 'latentc: error: --stage tiny_decoder: not in this pipeline: --taesd SPEC adds it (synthetic:1 for a measurement)' \
    "$LATENTC" bench "$work/tiny.json" --stage tiny_decoder
expect 2 'latentc: error: --taesd goes with a pipeline; * is one graph, whose weights are --weights' \
    "$LATENTC" bench "$SOURCE_DIR/graphs/taesd/decoder.json" --taesd synthetic:1
expect 2 'latentc: error: --batch 3: *' "$LATENTC" bench "$work/tiny.json" --batch 3
expect 1 "latentc: error: $work/none/x.html: cannot be written: *" "$LATENTC" bench "$work/tiny.json" --html "$work/none/x.html"

# Two stages, fused and unfused, with a page.
bench --stage text_encoder,guided_step --dtype bf16 --threads 2 --json "$work/two.json" --html "$work/two.html"
check_json "$work/two.json"
check_page "$work/two.html"
for part in '"text_encoder": {' '"guided_step": {' '"unfused": {' '"unfused_seconds": ' '"img_height": 64' '"dtype": "bf16"' '"threads": 2'; do
    grep -qF "$part" "$work/two.json" || fail "two.json has no $part"
done
! grep -qF '"decoder"' "$work/two.json" || fail "a stage that nobody asked for was measured"
for part in '<h2>text_encoder</h2>' '<h2>guided_step</h2>' 'aria-label="roofline"' 'aria-label="one step on every thread"' '>1: [0-9]* %<' '<circle class="point k1"'; do
    grep -q "$part" "$work/two.html" || fail "the page has no $part"
done

# The ladder, on standard output; no guidance in a stage that has none; no unfused run where it is not wanted.
bench --stage text_encoder --ladder --fused-only --html "$work/ladder.html" >"$work/ladder.json"
check_json "$work/ladder.json"
check_page "$work/ladder.html"
names=$(sed -n 's/.*{"name": "\([^"]*\)", "timing".*/\1/p' "$work/ladder.json" | paste -sd,)
[[ $names == 'none,+epilogues,+norm fusion,+attention,+hoisting,+memory,+algorithms,+bf16' ]] || fail "the ladder's rungs are $names"
grep -q '"fuse": "none".*"conv": "direct", "dtype": "f32"' <(grep '"name": "none"' "$work/ladder.json") || fail "the lowest rung has passes"
grep -q '"fuse": "all".*"dtype": "bf16"' <(grep '"name": "+bf16"' "$work/ladder.json") || fail "the highest rung lacks passes"
! grep -q '"unfused' "$work/ladder.json" || fail "--fused-only ran unfused"
[[ $(grep -c 'class="row"><span' "$work/ladder.html") == 9 ]] || fail "the page's ladder has $(grep -c 'class="row"><span' "$work/ladder.html") rows"

# Step caching: the short step beside the full one, with less work. TAESD, which --taesd adds.
bench --stage guided_step --cache on --fused-only --json "$work/cache.json"
grep -q '^guided_step    short step .* of the full step' "$work/said" || fail "--cache on: no short step: $(cat "$work/said")"
check_json "$work/cache.json"
awk -F'"' '/"short_step"/ {n = split($0, part, /"gflop_written": /); full = part[2] + 0; less = part[n] + 0; found = n == 3 && less > 0 && less < full / 2}
    END {exit !found}' "$work/cache.json" || fail "the short step's work: $(grep short_step "$work/cache.json")"
bench --stage guided_step --fused-only --json "$work/plain.json"
! grep -q short_step "$work/plain.json" || fail "a short step without --cache"
bench --stage tiny_decoder --taesd synthetic:1 --fused-only --json "$work/tiny-decoder.json"
check_json "$work/tiny-decoder.json"
grep -qF '"tiny_decoder": {' "$work/tiny-decoder.json" || fail "--taesd: no tiny_decoder"

# Single kernels. Every one once; Winograd's forms do 4/9, 1/4, 1/4 and 25/144 of the multiplications, along x 2/3 and 1/2, and at edges a little more.
bench --kernels --json "$work/kernels.json" --html "$work/kernels.html"
check_json "$work/kernels.json"
check_page "$work/kernels.html"
grep -qF '"stages": {}' "$work/kernels.json" || fail "--kernels measured stages"
bench --kernels --only 'conv3x3' --stage decoder --batch 3 --json "$work/three.json" # no guided step, so no halves
bench --kernels --only 'attention' --stage guided_step --json "$work/only.json"
grep -q '"kind": "attention' "$work/only.json" || fail "--only attention measured none"
(( $(grep -c '"kind": "attention' "$work/only.json") == $(grep -c '"kind": ' "$work/only.json") )) || fail "--only attention measured others"
bench --kernels --only 'up(' --conv up --json "$work/up.json"
bench --kernels --only 'up(' --conv up43 --json "$work/up43.json"
sed -n 's/.*"algorithm": "\([^"]*\)".*"gflop_written": \([0-9.]*\), "gflop_done": \([0-9.]*\),.*/\1\t\2\t\3/p' \
    "$work"/{kernels,up,up43}.json >"$work/forms"
awk -F '\t' 'BEGIN {
         least["F(2,3)"] = 4 / 9; least["F(4,3)"] = least["up(2,3)"] = 1 / 4; least["up(4,3)"] = 25 / 144
         least["F(2,3) along x"] = 2 / 3; least["F(4,3) along x"] = 1 / 2
     }
     {sub(/,? (streamed|unpacked)$/, "", $1)}
     $1 in least && $2 > 0 {
         seen[$1]++
         if ($3 < least[$1] * $2 - 1e-6) {print $1 " does only " $3 " of " $2; exit 1}
         if ($1 == "up(2,3)" && $3 > $2 / 4 + 1e-6) {print $1 " does " $3 " of " $2; exit 1}
     }
     END {
         if (!seen["up(2,3)"]) {print "no kernel of the form up(2,3)"; exit 1}
         if (!seen["up(4,3)"]) {print "no kernel of the form up(4,3)"; exit 1}
     }' "$work/forms" >"$work/said" || fail "$(cat "$work/said")"
grep -q '"kind": "attention' "$work/kernels.json" || fail "--kernels has no attention"
sed -n 's/.*"kind": "\([^"]*\)", .*"shape": "\([^"]*\)".*/\1 \2/p' "$work/kernels.json" | grep '^conv' | sort >"$work/convolutions"
[[ -s $work/convolutions ]] || fail "--kernels has no convolution"

# The check itself: what is missing, unknown or of the wrong type is found.
for change in 's/"median"/"middle"/' 's/"plan": "step"/"plan": "stop"/' 's/"threads": 2/"threads": "2"/' 's/"peak_bytes": [0-9]*/"peak_bytes": 1.5/'; do
    sed "$change" "$work/two.json" >"$work/changed.json"
    ! fits "$work/changed.json" || fail "the schema allows $change"
done

# ---- one graph, with weights and parameters as a pipeline's ----
"$LATENTC" bench "$SOURCE_DIR/tests/graphs/dense.json" --repeat 1 --json "$work/one.json" --html "$work/one.html" 2>"$work/said" || fail "one graph: $(cat "$work/said")"
check_json "$work/one.json"
check_page "$work/one.html"
grep -q '"dense": {' "$work/one.json" || fail "one graph is a stage of its name"
expect 2 "*--stage: unknown 'decoder': expected dense" "$LATENTC" bench "$SOURCE_DIR/tests/graphs/dense.json" --stage decoder
