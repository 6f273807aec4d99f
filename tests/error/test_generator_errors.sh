#!/bin/bash
# What a generator says to wrong usage and bad input: generator/X.case holds a command line, the exit code and the message.
#     $ ARGUMENTS    as the shell reads them; OUT is a folder that must stay empty
#     exit 2
#     message        without "generator: error: "
# Then the generator's own file is cut and changed, and a run is interrupted.
set -uo pipefail
here=$(dirname "$(readlink -f "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
OUT=$work/out GENERATOR=$work/generator WRONG_LATENT=$work/wrong.safetensors NAN_LATENT=$work/nan.safetensors README=$SOURCE_DIR/README.md
mkdir "$OUT"
[[ -f $README ]] || README=$here/test_generator_errors.sh

"$LATENTC" build "$SOURCE_DIR/graphs/shapes/pipeline.json" --weights synthetic:1 --set img_height=64 --set img_width=64 \
    -o "$GENERATOR" 2>"$work/log" || { cat "$work/log"; exit 1; }

# latent FILE SHAPE BYTES: a safetensors file with latent_in, every value the four bytes given (as printf reads them).
latent() {
    local header='{"latent_in":{"dtype":"F32","shape":['$2'],"data_offsets":[0,'$(($4 * 4))']}}'
    printf "\\x$(printf %x ${#header})\\0\\0\\0\\0\\0\\0\\0%s" "$header" >"$1"
    for ((i = 0; i < $4; i++)); do printf "$3"; done >>"$1"
}
latent "$WRONG_LATENT" 1,2,3,4 '\0\0\200\077' 24
latent "$NAN_LATENT" 1,8,8,4 '\0\0\300\177' 256

# expect NAME STATUS WANTED_STATUS MESSAGE: judges the run before it, whose output is in $work/stdout and $work/stderr.
expect() {
    local found
    found=$(<"$work/stderr")
    found=${found#generator*: error: }
    if [[ $2 == "$3" && $found == *"$4" && ! -s $work/stdout && -z $(ls -A "$OUT") ]]; then passed=$((passed + 1)); return; fi
    echo "FAILED $1: exit code $2, expected $3; left behind: $(ls -A "$OUT")"
    printf '  found:    %s\n  expected: %s\n' "$found" "$4"
    failed=$((failed + 1))
    rm -rf "${OUT:?}"/*
}

for case in "$here"/generator/*.case; do
    arguments='' code=1 message=''
    while IFS= read -r line || [[ -n $line ]]; do
        case $line in
            '$ '*) arguments=${line#'$ '} ;;
            'exit '[0-9]*) code=${line#exit } ;;
            *) message+=${message:+$'\n'}$line ;;
        esac
    done <"$case"
    for name in OUT WRONG_LATENT NAN_LATENT README; do
        arguments=${arguments//$name/"\"\$$name\""}
        message=${message//$name/${!name}}
    done
    eval "(cd '$work' && exec '$GENERATOR' $arguments)" >"$work/stdout" 2>"$work/stderr" </dev/null
    status=$? name=${case##*/}
    expect "${name%.case}" $status "$code" "$message"
done

# The generator's file: cut, then with one byte of its weights changed (the footer says where they are; their middle will do).
size=$(stat -c %s "$GENERATOR")
damaged() { "$work/generator-damaged" -p x -o "$OUT/a.png" >"$work/stdout" 2>"$work/stderr"; expect "$1" $? 1 "$2"; }
head -c $((size - 1000)) "$GENERATOR" >"$work/generator-damaged"
chmod +x "$work/generator-damaged"
damaged truncated "the program file is truncated or was changed: the weights at its end are missing"
cp "$GENERATOR" "$work/generator-damaged"
printf 'changed!' | dd of="$work/generator-damaged" bs=1 seek=$((size - 20000000)) conv=notrunc status=none
damaged altered "the program file was changed: its weights differ from those that it was made with"

# Interrupted: nothing half-written stays.
"$GENERATOR" -p x --steps 1000 -o "$OUT/a.png" --trace "$OUT/t.csv" >"$work/stdout" 2>/dev/null &
pid=$!
for ((i = 0; i < 100; i++)); do compgen -G "$OUT/*" >/dev/null && break; sleep 0.05; done
kill -TERM $pid
wait $pid
status=$?
: >"$work/stderr"
expect interrupted $status 143 ''

# A pipe: pictures go through it, and no device is replaced.
"$GENERATOR" -p x --steps 1 -o /dev/stdout 2>/dev/null | cat >"$work/piped.png"
[[ $(head -c 4 "$work/piped.png" | od -An -tx1) == ' 89 50 4e 47' && -c /dev/full ]] ||
    { echo "FAILED: a picture to /dev/stdout"; failed=$((failed + 1)); }
echo "$passed of $((passed + failed)) as expected"
((failed == 0))
