#!/bin/bash
# bench/compare without the programs that it compares: `latentc bench --serve`, the plan, and the report of recorded results.
. "$(dirname "$0")/common.sh"
pipeline=$SOURCE_DIR/graphs/shapes/pipeline.json

# --serve: "ready", then an answer to every line, then the report of as many runs.
printf 'run\nrun\nrun\n' | "$LATENTC" bench "$pipeline" --serve --stage guided_step --json "$work/bench.json" >"$work/answers" 2>/dev/null ||
    fail "bench --serve ended with $?"
[[ $(sed -E 's/^run [0-9]+\.[0-9]{6}$/run SECONDS/' "$work/answers") == $'ready\nrun SECONDS\nrun SECONDS\nrun SECONDS' ]] ||
    fail "bench --serve answered: $(cat "$work/answers")"
runs=$(grep -o '"runs": \[[^]]*\]' "$work/bench.json")
[[ $(tr -cd , <<<"$runs" | wc -c) == 2 ]] || fail "bench --serve reports other than three runs: $runs"
expect 2 'latentc: error: bench --serve: needs --json FILE and --stage with one name*' "$LATENTC" bench "$pipeline" --serve --stage guided_step
expect 2 'latentc: error: bench --serve: needs *' "$LATENTC" bench "$pipeline" --serve --json "$work/x.json" --stage guided_step,decoder

python=$(command -v python3) || skip "no python3: the plan and the report of bench/compare are not tested"
compare() { "$python" "$SOURCE_DIR/bench/compare/compare.py" --cache "$work/cache" --output "$work/out" "$@"; }

# The plan: every file once, nobody where he has no such mode, and nothing is done.
compare --dry-run --stages decoder --peers openvino,onnxruntime --rounds 2 >"$work/plan"
for line in "environment $work/cache/venv: made from requirements.txt" "openvino of decoder, $work/cache/decoder-seed1-512.xml: written" \
    "decoder bf16: ONNX Runtime left out: there is no bf16 of it here"; do
    (( $(grep -cxF "$line" "$work/plan") == 1 )) || fail "the plan does not say once: $line"
done
(( $(grep -c ' 2 rounds, alternating with: ' "$work/plan") == 3 )) || fail "the plan has other than three pairs: $(cat "$work/plan")"
[[ $(compare --dry-run --isa avx2 --stages decoder --peers onnxruntime) == *'left out: it cannot be limited to AVX2'* ]] || fail "AVX2 is asked of ONNX Runtime"
[[ ! -e $work/cache && ! -e $work/out ]] || fail "--dry-run left files"
status=0; said=$(compare --stages dekoder 2>&1) || status=$?
[[ $status == 2 && $said == *"--stages dekoder: expected guided_step, half_step, decoder, text_encoder, tiny_decoder" ]] || fail "a wrong stage: $status, $said"

# A half step: the guided step's model and weights, for a batch of one on both sides.
compare --dry-run --stages half_step --dtypes int8 --peers openvino,torch >"$work/plan"
for line in "openvino-int8 of half_step, $work/cache/half_step-seed1-512-int8.xml: written" "half_step int8: PyTorch, torch.compile left out: there is no int8 of it here"; do
    grep -qxF "$line" "$work/plan" || fail "the plan of half_step does not say: $line: $(<"$work/plan")"
done
(( $(grep -c ' --stage guided_step --batch 1 --serve ' "$work/plan") == 1 )) || fail "half_step times another batch: $(<"$work/plan")"
[[ $(compare --dry-run --stages half_step --dtypes f32 --peers torch) == *"weights-f32 of half_step, $work/cache/guided_step-seed1-f32.safetensors: written"* ]] ||
    fail "half_step has weights of its own"

# Outliers: files of their own, which both sides load.
compare --dry-run --stages guided_step --dtypes int8 --peers openvino --outliers 30 >"$work/plan"
(( $(grep -c '/guided_step-seed1-outliers30-.*: written$' "$work/plan") == 4 )) || fail "the plan with outliers: $(<"$work/plan")"
(( $(grep -c ' --weights .*/guided_step-seed1-outliers30-latentc.safetensors ' "$work/plan") == 1 && $(grep -c ' openvino guided_step int8 512 1-outliers30 ' "$work/plan") == 1 )) ||
    fail "not both sides have outliers: $(<"$work/plan")"

# A whole picture: both programs get the same noise, steps and threads.
"$python" "$SOURCE_DIR/bench/compare/picture.py" --dry-run --cache "$work/cache" --output "$work/out" --steps 3 --threads 1 --size 128 --dtype f32 >"$work/plan"
(( $(grep -c -- "/noise-128-seed1.safetensors" "$work/plan") == 2 && $(grep -c -- '--steps 3' "$work/plan") == 2 )) ||
    fail "the two programs differ in noise or steps: $(cat "$work/plan")"
(( $(grep -c 'prepare.py openvino' "$work/plan") == 3 )) || fail "not all of OpenVINO's models are exported: $(cat "$work/plan")"

# int8: OpenVINO's diffusion model is the quantised one, of the same batch; the others are bf16.
for words in ':guided_step' '--turbo:half_step'; do
    # shellcheck disable=SC2086
    "$python" "$SOURCE_DIR/bench/compare/picture.py" ${words%:*} --dtype int8 --dry-run --cache "$work/cache" --output "$work/out" >"$work/plan"
    (( $(grep -c "prepare.py openvino-int8 ${words#*:} " "$work/plan") == 1 && $(grep -c 'picture_peer.py .* --dtype bf16 ' "$work/plan") == 1 &&
        $(grep -c ' build .* --dtype int8 ' "$work/plan") == 1 )) || fail "int8: $(<"$work/plan")"
done

# SD-Turbo's form: one step and no guidance on both sides, TAESD alone, OpenVINO's models for a batch of one and its cache.
"$python" "$SOURCE_DIR/bench/compare/picture.py" --turbo --dry-run --cache "$work/cache" --output "$work/out" --threads 1 --size 128 >"$work/plan"
(( $(grep -c 'prepare.py openvino-1 \(text_encoder\|guided_step\|tiny_decoder\) ' "$work/plan") == 3 )) || fail "--turbo exports: $(cat "$work/plan")"
(( $(grep -c -- ' --taesd synthetic:1 --no-vae --steps 1 --cfg-scale 1 --sampling-method euler$' "$work/plan") == 1 )) || fail "--turbo builds: $(cat "$work/plan")"
(( $(grep -c -- ' --steps 1 .*\( --spacing trailing\| --turbo --compiled\) ' "$work/plan") == 2 )) || fail "--turbo draws: $(cat "$work/plan")"
[[ $("$python" "$SOURCE_DIR/bench/compare/picture.py" --turbo --no-build --dry-run) != *' build '* ]] || fail "--no-build builds"
[[ ! -e $work/cache && ! -e $work/out ]] || fail "picture.py --dry-run left files"

# The report: medians, ratios and picture from results; those of the same setting are one, latentc's runs together.
cat >"$work/results.json" <<'EOF'
[{"stage": "decoder", "dtype": "f32", "isa": "native", "size": 512, "threads": 2, "date": "2000-01-01 00:00", "gflop": 100.0,
  "machine": {"cpu": "A & B", "peak_gflops": 100.0},
  "latentc": {"median": 2.0, "min": 1.5, "runs": [1.5, 2.0, 2.5], "relative_rms": 1e-5, "peak_bytes": 1e9, "to_first_inference": 3.0},
  "peers": [{"label": "OpenVINO", "version": "1.2.3-456-build", "median": 5.0, "min": 4.0, "runs": [4.0, 5.0, 6.0], "ratio": 2.5}]}]
EOF
compare --report "$work/results.json" "$work/results.json" | tr -s ' ' >"$work/table"
grep -qF '| decoder f32, 512x512 | latentc | 2.000 | 1.500 | | 50 % | 1.0e-05 | 1.00 | 3.0 |' "$work/table" || fail "latentc's row: $(cat "$work/table")"
(( $(grep -c '| latentc |' "$work/table") == 1 )) || fail "two rows for the same latentc: $(cat "$work/table")"
grep -qF '| decoder f32, 512x512 | OpenVINO 1.2.3 | 5.000 | 4.000 | 2.50 | 20 % | | | |' "$work/table" || fail "OpenVINO's row: $(cat "$work/table")"
"$python" -c 'import sys, xml.dom.minidom as x; d = x.parse(sys.argv[1]); assert len(d.getElementsByTagName("rect")) == 4 and len(d.getElementsByTagName("circle")) == 12' \
    "$work/out/plot.svg" || fail "the plot has other than three bars and twelve dots"
