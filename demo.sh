#!/usr/bin/env bash
# Text in, picture out: ./demo.sh ["a red circle on a blue background"]
# Installs what is missing, builds latentc, compiles graphs/shapes into the program generated/shapes and runs it.
set -euo pipefail
case ${1:-} in -h | --help) sed -n '2,3s/^# \{0,1\}//p' "$0"; exit ;; esac
cd "$(dirname "$(readlink -f "$0")")"
prompt=${1:-a red circle on a blue background}
generator=generated/shapes picture=generated/demo.png

# timed LABEL COMMAND...: runs the command; its output is shown when it fails.
timed() {
    local label=$1 start=$EPOCHREALTIME log status=0
    shift
    log=$(mktemp)
    "$@" >"$log" 2>&1 || status=$?
    (( status )) && { cat "$log" >&2; rm -f "$log"; echo "demo: error: could not $label" >&2; exit "$status"; }
    grep -E '^(missing|installing)' "$log" || true
    rm -f "$log"
    printf '%-30s %6.1f s\n' "$label" "$(awk "BEGIN{print $EPOCHREALTIME - $start}")"
}

build() {
    [[ -f build/build.ninja ]] || cmake --preset release -DLATENTC_TESTS=OFF
    cmake --build build --target latentc -- -j "$(nproc)"
}

# False when the compiler, the runtime, a graph or the weights are newer than the generator.
up_to_date() {
    [[ -x $generator ]] &&
        [[ -z $(find build/latentc build/lib/liblatentrt.a graphs -newer "$generator" -type f ! -name '*.py' ! -name '*.pyc' -print -quit) ]]
}

timed "install what is missing" tools/setup.sh
timed "build latentc" build
up_to_date || timed "compile graphs/shapes" build/latentc build graphs/shapes/pipeline.json -o "$generator"
timed "draw the picture" "$generator" -p "$prompt" -o "$picture"
echo "\"$prompt\": $PWD/$picture"
