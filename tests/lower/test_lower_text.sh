#!/usr/bin/env bash
# tests/lower/NAME.in is a graph; its first line names the flags. NAME.out is the lowered program, to the letter
# (UPDATE_GOLDEN=1 writes it; read it). Each lowered program reads back unchanged, and the same code and the same
# executable come from it as from the graph. Then the four models at full size, and mistakes in such a text.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failed=0
fail() { echo "FAILED: $*"; failed=1; }

# same_code NAME GRAPH flags...: what lowered.txt says is what the graph says
same_code() {
    local name=$1 graph=$2
    shift 2
    "$LATENTC" show lowered.txt > again.txt && cmp -s lowered.txt again.txt || fail "$name: the text does not read back unchanged"
    "$LATENTC" compile lowered.txt --emit ll -o lowered.ll
    "$LATENTC" compile "$graph" "$@" --emit ll -o graph.ll
    cmp -s lowered.ll graph.ll || fail "$name: other code than from the graph"
}

pairs=0
for in in "$SOURCE_DIR"/tests/lower/*.in; do
    name=$(basename "$in" .in)
    read -r -a flags < <(sed -n '1s/^# *latentc show *//p' "$in")
    [[ ${flags[*]-} == *--target* ]] || { fail "$name: the first line names no --target"; continue; }
    cp "$in" graph.txt
    "$LATENTC" show graph.txt --after lower "${flags[@]}" > lowered.txt
    if [[ ${UPDATE_GOLDEN:-} ]]; then cp lowered.txt "${in%.in}.out"; fi
    diff -u "${in%.in}.out" lowered.txt || fail "$name: the lowered program differs"
    same_code "$name" graph.txt "${flags[@]}"
    pairs=$((pairs + 1))
done
(( pairs > 0 )) || fail "no pairs"

# An executable from the text is the one from the graph, weights included. (The last pair's graph, for this machine.)
"$LATENTC" show graph.txt --after lower > lowered.txt
"$LATENTC" compile lowered.txt --weights synthetic:1 -o a
"$LATENTC" compile graph.txt --weights synthetic:1 -o b
cmp -s a b || fail "another executable from the text than from the graph"

for model in diffusion_model text_encoder decoder image_encoder; do
    graph=$SOURCE_DIR/graphs/sd2/$model.json
    for flags in "--target amx --dtype bf16" "--target aarch64 --optimize memory" "--target x86-64-v3 --fuse none"; do
        read -r -a f <<< "$flags"
        "$LATENTC" show "$graph" --after lower "${f[@]}" > lowered.txt
        same_code "$model $flags" "$graph" "${f[@]}"
    done
done

# bad SED-SCRIPT WORDS: that change of a good text is answered by one line with these words, exit code 1
"$LATENTC" show graph.txt --after lower > good.txt
bad() {
    sed "$1" good.txt > bad.txt
    local code=0
    "$LATENTC" show bad.txt > out.txt 2> message.txt || code=$?
    (( code == 1 )) && [[ $(wc -l < message.txt) == 1 ]] && grep -qF "$2" message.txt ||
        { fail "bad text ($1): exit code $code, expected 1 and '$2', found:"; cat message.txt; }
}
bad '1s/program [^ ]*/program pdp11/' "bad.txt:1:9: found 'pdp11', expected a target such as x86-64-v3"
bad 's/^kernel 0 [a-z_]*/kernel 0 matrix/' "expected a kind of kernel such as contract"
bad 's/^kernel 0 /kernel 7 /' "expected an integer from 0 to 0"
bad '0,/{batch=/s//{butch=/' "expected a field such as batch="
bad 's/epilogue.act=swish/epilogue.act=swash/' "expected a value of epilogue.act such as none"
bad 's/epilogue.act=swish/epilogue.act=1/' "found '1,', expected a value of epilogue.act such as none"
bad '0,/(m[0-9]*/s//(m99999/' "expected an integer from 0 to"
bad '0,/ k0 /s// k9999 /' "expected an integer from 0 to"
bad '0,/first=[0-9]*/s//first=0/' "expected an integer from 1 to"
bad 's/^mem 0 io0/mem 0 disk/' "expected a buffer such as weights"
bad '/^stage/,$d' "expected a stage"
code=0
"$LATENTC" compile good.txt --target x86-64-v3 --emit ll -o x.ll 2> message.txt || code=$?
(( code == 2 )) && grep -q "its code is decided" message.txt || fail "flags with a lowered program: exit code $code"
exit $failed
