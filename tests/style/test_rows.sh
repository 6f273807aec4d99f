#!/usr/bin/env bash
# A row of a table has what belongs to it elsewhere: a pass its pair, a sampler its recorded results, a spacing, a noise and a
# setting their place in documents, a family of models its line in docs/fast.md, a tuning number its section in bench/NOTES.md. (unit/graph/test_language and others check ops and forms of convolutions.)
set -euo pipefail
cd "$SOURCE_DIR"
failed=0
fail() { echo "FAILED: $*"; failed=1; }

# expect_rows WHAT NAME...: the table was read
expect_rows() { (( $# > 1 )) || { fail "no row of $1 was read: has its form changed?"; }; }

mapfile -t passes < <(sed -n 's/^PASS(\([a-z_]*\),.*/\1/p' compiler/passes/passes.def)
expect_rows passes.def "${passes[@]}"
for pass in "${passes[@]}"; do
    compgen -G "tests/pass/$pass-*.in" > /dev/null || fail "no pair tests/pass/$pass-*.in, .out for the pass $pass"
done

# plms is recorded as pndm, which runs it unless the checkpoint asks for Runge-Kutta steps. relax is not one of diffusers'.
mapfile -t samplers < <(sed -n '/lrt_samplers\[\]/,/^};/s/^    {"\([^"]*\)",.*/\1/p' runtime/sampling/samplers.c)
expect_rows lrt_samplers "${samplers[@]}"
for sampler in "${samplers[@]}"; do
    [[ $sampler == plms || $sampler == relax ]] || grep -qF "sampler=$sampler " tests/data/samplers.txt ||
        fail "tests/data/samplers.txt has no results for the sampler $sampler (tests/recorded/record_samplers.py)"
    grep -qF "\`$sampler\`" docs/samplers.md || fail "docs/samplers.md lacks the sampler $sampler"
done

mapfile -t spacings < <(sed -n '/lrt_spacings\[\]/,/^};/s/^    \[LRT_SPACING_[A-Z]*\] = {"\([^"]*\)",.*/\1/p' runtime/sampling/spacing.c)
expect_rows lrt_spacings "${spacings[@]}"
for spacing in "${spacings[@]}"; do
    grep -q "\"spacing\": {\"enum\": .*\"$spacing\"" graphs/schema/pipeline.schema.json || fail "pipeline.schema.json lacks the spacing $spacing"
    grep '"spacing"' runtime/program/settings.def | grep -qw "$spacing" || fail "the help of --spacing lacks $spacing"
    grep -e '--spacing NAME' docs/generator.md | grep -qF "\`$spacing\`" || fail "docs/generator.md lacks the spacing $spacing"
    grep -qF "\`$spacing\`" docs/graph-language.md || fail "docs/graph-language.md lacks the spacing $spacing"
done

mapfile -t rngs < <(sed -n '/lrt_rngs\[\]/,/^};/s/^    {"\([^"]*\)",.*/\1/p' runtime/sampling/rng.c)
expect_rows lrt_rngs "${rngs[@]}"
for rng in "${rngs[@]}"; do
    grep '"rng"' runtime/program/settings.def | grep -qw "$rng" || fail "the help of --rng lacks $rng"
    grep -e '--rng NAME' docs/generator.md | grep -qF "\`$rng\`" || fail "docs/generator.md lacks the noise $rng"
done

mapfile -t notes < <(grep -ohE 'NOTES, [^".;]*' compiler/kernels/blocking.def | sed 's/^NOTES, //' | grep -v '^X$' | sort -u)
expect_rows "blocking.def's notes" "${notes[@]}"
for note in "${notes[@]}"; do
    grep -qF "## $note" bench/NOTES.md || fail "bench/NOTES.md has no section \"$note\", which blocking.def names"
done

mapfile -t settings < <(sed -n 's/^SETTING([a-z_]*, "\([a-z-]*\)",.*/\1/p' runtime/program/settings.def)
expect_rows settings.def "${settings[@]}"
for setting in "${settings[@]}"; do
    grep -qE -- "--$setting([^a-z-]|$)" docs/generator.md docs/pictures.md docs/samplers.md || fail "no document of generators has --$setting"
done
# a family of models with the defaults that follow: steps, cfg-scale, sampler
mapfile -t families < <(sed -n 's/^FAMILY("\([^"]*\)", .*, \([0-9]*\), \([0-9.]*\), \(NULL\|"[^"]*"\), \(NULL\|"[^"]*"\), [0-9]*)$/\1 \2 \3 \4/p' compiler/weights/families.def)
expect_rows families.def "${families[@]}"
(( ${#families[@]} == $(grep -c '^FAMILY(' compiler/weights/families.def) )) || fail "rows of families.def have another form"
for row in "${families[@]}"; do
    read -r family steps scale sampler <<<"$row"
    want="| \`$family\` |"
    (( steps == 0 )) || want="$want .* | $steps | $scale | \`${sampler//\"/}\` |"
    grep -q "^$want" docs/fast.md || fail "docs/fast.md has no line: $want"
done
exit $failed
