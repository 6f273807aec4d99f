#!/bin/bash
# Bad input, as pairs of files: X.json (or any other ending) is the input, X.err says how latentc must answer:
#     $ latentc show INPUT          the command; INPUT is the input's path, OUT a file that must not exist afterwards,
#                                   SOURCE the project's folder. Default: what stands here.
#     exit 1                        the exit code. Default: 1
#     INPUT:3:7: found ...          the message, without "latentc: error: "; the rest of the file
# A pair without an input file needs none. (graph/ has a runner of its own, test_graph_errors.sh.) UPDATE_GOLDEN=1 writes the messages anew: read the difference before you commit it.
set -uo pipefail
here=$(dirname "$(readlink -f "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

fail() { echo "FAILED $name: $1"; failed=$((failed + 1)); }

while IFS= read -r -d '' pair; do
    stem=${pair%.err} name=${pair#"$here"/}
    input=
    for candidate in "$stem".*; do [[ $candidate == *.err ]] || input=$candidate; done
    command='latentc show INPUT' code=1 message=()
    while IFS= read -r line || [[ -n $line ]]; do
        case $line in
            '$ '*) command=${line#'$ '} ;;
            'exit '[0-9]*) code=${line#exit } ;;
            *) message+=("$line") ;;
        esac
    done <"$pair"
    words=()
    for word in $command; do
        word=${word//INPUT/$input} word=${word//OUT/$work/out} word=${word//SOURCE/$SOURCE_DIR}
        words+=("${word/#latentc/$LATENTC}")
    done
    timeout 60 "${words[@]}" >"$work/stdout" 2>"$work/stderr" </dev/null
    status=$?
    found=$(<"$work/stderr")
    found=${found//"$input"/INPUT} found=${found//"$work/out"/OUT} found=${found//"$SOURCE_DIR"/SOURCE}
    found=${found#latentc: error: }
    expected=$(printf '%s\n' "${message[@]}")
    if [[ -n ${UPDATE_GOLDEN:-} && $found != "$expected" ]]; then
        { grep -E '^(\$ |exit [0-9])' "$pair"; printf '%s\n' "$found"; } >"$work/new"
        cp "$work/new" "$pair"
        echo "updated $name"
        continue
    fi
    if (( status != code )); then fail "exit code $status, expected $code: $found"
    elif [[ $found != "$expected" ]]; then fail "the message is not the expected one"; printf '  found:    %s\n  expected: %s\n' "$found" "$expected"
    elif [[ -s $work/stdout ]]; then fail "something on standard output"
    elif compgen -G "$work/out*" >/dev/null; then fail "left behind: $(compgen -G "$work/out*")"; rm -rf "$work"/out*
    else passed=$((passed + 1)); fi
done < <(find "$here" -path "$here/graph" -prune -o -name '*.err' -print0 | sort -z)
echo "$passed of $((passed + failed)) pairs as expected"
(( failed == 0 && passed > 0 ))
