#!/bin/bash
# Every NAME.err in graph/ holds the message that the graph NAME.json (or NAME.txt, or the arguments in NAME.args) must give, with exit code 1.
# UPDATE_GOLDEN=1 writes the messages anew.
set -u
cd "$(dirname "$0")/graph" || exit 1
failures=0
[ "${UPDATE_GOLDEN:-}" ] && for f in *.json *.txt *.args; do [ -e "$f" ] && touch "${f%.*}.err"; done
for expected in *.err; do
    name=${expected%.err}
    if [ -e "$name.args" ]; then read -r -a arguments < "$name.args"
    elif [ -e "$name.txt" ]; then arguments=(show "$name.txt")
    else arguments=(show "$name.json")
    fi
    message=$("$LATENTC" "${arguments[@]}" 2>&1 >/dev/null)
    code=$?
    [ "${UPDATE_GOLDEN:-}" ] && printf '%s\n' "$message" > "$expected"
    if [ $code -ne 1 ] || [ "$message" != "$(cat "$expected")" ]; then
        failures=$((failures + 1))
        printf '%s: exit code %d, expected 1\n  found:    %s\n  expected: %s\n' "$name" $code "$message" "$(cat "$expected")"
    fi
done
[ $failures -eq 0 ] || { echo "$failures failures"; exit 1; }
