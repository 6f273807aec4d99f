#!/usr/bin/env bash
# Long tier: 10000 inputs for each fuzz target in process, then 1000 for each class as whole programs. The same SEED and number
# make the same input: tests/tools/fuzz_X --write FILE --seed S --first I FOLDER. Resumes where it was stopped.
#   SEED=7 INPUTS=100 PROGRAMS=20 ONLY='graph|png' bash tests/fuzz/test_many_inputs.sh     with LATENTC, SOURCE_DIR, BUILD_DIR, TOOLS
. "$(dirname "$0")/../e2e/common.sh"
[[ -n ${LATENTC_LONG:-}${INPUTS:-} ]] || skip "long tier only (LATENTC_LONG_TESTS)"
seed=${SEED:-1} inputs=${INPUTS:-10000} programs=${PROGRAMS:-1000} only=${ONLY:-.}
corpus=$SOURCE_DIR/tests/fuzz/corpus
state=$BUILD_DIR/tests/fuzz-state/$seed
mkdir -p "$state"
failed=0 flipped=
echo "seed $seed; the state is in $state"
wrong() { echo "FAILED: $*"; failed=1; }

# folders TARGET: where its corpus lies
folders() {
    case $1 in
        graph) echo "$corpus/graph" "$SOURCE_DIR/tests/graphs" ;;
        unet | scheduler) echo "$work/$1-corpus" ;;
        *) echo "$corpus/$1" ;;
    esac
}

# next NAME: the number of the first input that was not tried; done_until NAME N notes it
next() { cat "$state/$1" 2>/dev/null || echo 0; }
done_until() { echo "$2" >"$state/$1"; }

# ---- in process ----
for program in "$TOOLS"/fuzz_*; do
    target=${program##*/fuzz_}
    [[ in-process-$target =~ $only ]] || continue
    first=$(next "in-process-$target")
    while (( first < inputs )); do
        n=$(( inputs - first < 1000 ? inputs - first : 1000 ))
        # shellcheck disable=SC2046
        if ! "$program" --seed "$seed" --first "$first" --inputs "$n" $(folders "$target") >"$work/said" 2>&1; then
            wrong "fuzz_$target, seed $seed, from input $first: $(tail -n 3 "$work/said" | tr '\n' ' ' | head -c 600)"
            break
        fi
        first=$((first + n))
        done_until "in-process-$target" "$first"
    done
    echo "in process: $target: $first inputs"
done

# ---- whole programs ----
shapes=$(generator)
graph=$SOURCE_DIR/graphs/shapes/pipeline.json
draw=("$shapes" -p "a red circle" -s 1 --steps 1 -t 1 -o out/x.png)
# class | target whose corpus it takes | name of the input | command
classes=(
    "graph|graph|in.json|\$LATENTC show in.json --after lower"
    "graph-text|text|in.txt|\$LATENTC show in.txt"
    "pipeline|pipeline|graphs/shapes/in.json|\$LATENTC weights check $SOURCE_DIR/graphs/shapes/weights.safetensors graphs/shapes/in.json"
    "safetensors|safetensors|in.safetensors|\$LATENTC weights list in.safetensors"
    "hdf5|h5|in.h5|\$LATENTC weights list in.h5"
    "keras|keras|in.keras|\$LATENTC weights check in.keras"
    "merges|vocab|in.txt|\$LATENTC tokens --vocab in.txt -p circle"
    "tokenizer|vocab|in.json|\$LATENTC tokens --vocab in.json -p circle"
    "tune|tune|in.json|\$LATENTC compile $SOURCE_DIR/tests/graphs/resnet.json --tune in.json --tune-seconds 1 --emit ll -o out/x.ll"
    "configs|unet|sd/unet/config.json|\$LATENTC weights check sd $SOURCE_DIR/tests/data/narrow.json"
    "scheduler|scheduler|sd/scheduler/scheduler_config.json|\$LATENTC weights check sd $SOURCE_DIR/tests/data/narrow.json"
    "png|pictures|in.png|${draw[*]@Q} --strength 1 -i in.png"
    "jpeg|pictures|in.jpg|${draw[*]@Q} --strength 1 -i in.jpg"
    "from-png|metadata|in.png|${draw[*]@Q} --from-png in.png"
    "prompts|prompts|in.txt|${draw[*]@Q} --prompts in.txt"
    "packed|packed|in.weights|${draw[*]@Q} --weights-file in.weights"
)

# write_input TARGET NUMBER FILE. A checkpoint's first byte names its reader; a picture's its size; metadata's is part of the text.
write_input() {
    if [[ $1 == packed ]]; then # one bit of the file of weights: of its footer, or any; the one before is flipped back
        [[ -f $3 ]] || "$LATENTC" weights convert "$SOURCE_DIR/graphs/shapes/weights.safetensors" "$graph" --to packed -o "$3" 2>/dev/null
        [[ -z $flipped ]] || "$TOOLS/flip_bit" "$3" $flipped >/dev/null
        flipped="$((seed * 1000000 + $2)) $( (( $2 % 2 )) && echo footer || echo any)"
        "$TOOLS/flip_bit" "$3" $flipped >/dev/null
        return
    fi
    local tool=$1
    [[ $1 != unet && $1 != scheduler ]] || tool=checkpoint
    # shellcheck disable=SC2046
    "$TOOLS/fuzz_$tool" --write raw --seed "$seed" --first "$2" $(folders "$1")
    case $1 in
        checkpoint | unet | scheduler | pictures | keras) tail -c +2 raw >"$3" ;;
        *) cp raw "$3" ;;
    esac
}

# try CLASS NUMBER COMMAND...: ends with 0, 1 or 2; at most one line says why; nothing is left behind
try() {
    local class=$1 number=$2 status=0 lines left
    shift 2
    timeout 60 bash -c "$*" >stdout 2>said </dev/null || status=$?
    lines=$(grep -c 'error: ' said || true)
    left=$(find . -name '*.tmp.*' | head -n 1)
    if (( status > 2 )); then wrong "$class, seed $seed, input $number: status $status: $(head -c 300 said)"
    elif (( status && lines != 1 )); then wrong "$class, seed $seed, input $number: status $status with $lines lines: $(head -c 300 said)"
    elif (( !status && lines )); then wrong "$class, seed $seed, input $number: it said an error, but succeeded: $(head -c 300 said)"
    elif LC_ALL=C grep -q $'[\001-\010\013\014\016-\037\177]' said; then wrong "$class, seed $seed, input $number: control characters in a message"
    elif [[ -n $left ]]; then wrong "$class, seed $seed, input $number: left $left behind"
    fi
    (( status )) || drawn=$((drawn + 1))
    rm -rf out
    mkdir out
}

cd "$work"
mkdir -p out original
mkdir -p graphs/shapes
ln -s "$SOURCE_DIR/graphs/sd2" graphs/sd2
ln -s "$SOURCE_DIR"/graphs/shapes/* graphs/shapes
# A folder of diffusers that fits; what the fuzzed configs are made from besides the corpus.
if [[ program-configs =~ $only || program-scheduler =~ $only ]]; then
    "$LATENTC" weights convert synthetic:1 "$SOURCE_DIR/tests/data/narrow.json" --to diffusers -o sd 2>/dev/null
    cp sd/unet/config.json original/unet.json
    cp sd/scheduler/scheduler_config.json original/scheduler.json
    mkdir unet-corpus scheduler-corpus
    printf 'u%s' "$(<original/unet.json)" >unet-corpus/own
    printf 's%s' "$(<original/scheduler.json)" >scheduler-corpus/own
fi
for row in "${classes[@]}"; do
    IFS='|' read -r class target file command <<<"$row"
    [[ program-$class =~ $only ]] || continue
    drawn=0 flipped=
    rm -f in.*
    [[ $file == sd/* && -d sd ]] && cp original/unet.json sd/unet/config.json && cp original/scheduler.json sd/scheduler/scheduler_config.json
    for (( number = $(next "program-$class"); number < programs; number++ )); do
        write_input "$target" "$number" "$file"
        try "$class" "$number" "$command"
        (( number % 50 )) || done_until "program-$class" "$number"
    done
    done_until "program-$class" "$programs"
    echo "programs: $class: $programs inputs, $drawn of the last ones accepted"
done
(( failed == 0 )) || fail "see above"
