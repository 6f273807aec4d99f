#!/bin/bash
# Every command has --help on standard output and exit code 0, with an example for every group of flags; unknown flags are exit code 2.
. "$(dirname "$0")/common.sh"

# An example of --help has only flags that this help has, and files of the repository that are there.
check_example() { # COMMAND EXAMPLE HELP
    local word
    for word in ${2%%&&*}; do
        case $word in
            --*) grep -qE "^ .* $word( |$)" <<<"$3" || fail "$1 --help: no flag $word in: $2" ;;
            graphs/*) [[ -e $SOURCE_DIR/$word ]] || fail "$1 --help: no file $word in: $2" ;;
        esac
    done
}

commands=$("$LATENTC" --help | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p')
[[ $(wc -w <<<"$commands") -ge 7 ]] || fail "--help lists only: $commands"
for command in $commands; do
    help=$("$LATENTC" "$command" --help 2>"$work/stderr") || fail "$command --help ended with $?"
    [[ $help == *"latentc $command"* ]] || fail "$command --help does not show its usage: $help"
    [[ ! -s $work/stderr ]] || fail "$command --help wrote to standard error"
    expect 2 'latentc: error: *' "$LATENTC" "$command" --no-such-flag
done
for command in $commands 'weights list' 'weights check' 'weights convert' 'weights fetch'; do
    help=$("$LATENTC" $command --help)
    mapfile -t examples < <(grep -E "^([A-Z][a-z ]*: )?  *latentc $command" <<<"$help" | sed 's/^.*: *latentc/latentc/')
    (( ${#examples[@]} )) || fail "$command --help has no example"
    for example in "${examples[@]}"; do check_example "$command" "$example" "$help"; done
    # Where there are many flags, they come in groups.
    flags=$(grep -cE '^  (-.,|   ) --' <<<"$help") groups=$(grep -cE "^[A-Z][a-z ]*:  latentc $command" <<<"$help" || true)
    (( flags < 6 || groups > 1 )) || fail "$command --help: $flags flags in $groups groups"
done
[[ $("$SOURCE_DIR"/demo.sh --help) == *./demo.sh* ]] || fail "demo.sh --help does not show its usage"
[[ $("$LATENTC" --version) =~ ^latentc\ [0-9]+\.[0-9]+\.[0-9]+\ \(LLVM\ (19|20|21|22)\.[0-9]+\.[0-9]+\)$ ]] || fail "--version printed $("$LATENTC" --version)"
# What is quoted of a long argument; no short name is near it.
printf -v long '%060000d' 0
part=${long:0:77}*...
for arguments in "$long" "--$long" "weights $long" "build $long -o x" "show $long" "bench $long" "weights check $long" "weights fetch $long" \
    "build --$long" "build x -o x --sizes $long" "build x -o x --emit $long" \
    "build x -o $long" "build x -o x --weights $long" "build x -o x --vocab $long" "build x -o x --tune $long" "build x -o x --cc $long"; do
    said=$("$LATENTC" $arguments 2>&1) && fail "accepted: ${arguments:0:40}"
    [[ $said == 'latentc: error: '*$part* ]] && (( ${#said} < 400 )) && [[ $said != *'did you mean'* ]] || fail "a long argument after '${arguments%%0*}' is said in ${#said} bytes: ${said:0:200}"
done
for target in x86-64 x86-64-v3 x86-64-v3-vnni x86-64-v4 x86-64-v4-vnni aarch64 aarch64-dot; do
    grep -qE "^$target +(yes|no) " <<<"$("$LATENTC" targets)" || fail "targets does not list $target"
done

# Names from files, in lists and in messages: what a terminal would obey is escaped, letters stay.
# name FILE NAME: a checkpoint with one tensor of that name (as JSON writes it).
name() {
    local header="{\"$2\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}"
    { printf "\\x$(printf %x ${#header})\\0\\0\\0\\0\\0\\0\\0%s" "$header"; printf '\0\0\0\0'; } >"$1"
}
cd "$work"
name $'m\xc3\xbcller\e[2J.safetensors' 'm\u00fcller.\u001b]0;x\u0007\u202e'
said=$("$LATENTC" weights list $'m\xc3\xbcller\e[2J.safetensors' 2>&1 || true)
[[ $said != *[$'\e\a']* && $said != *$'\xe2\x80\xae'* ]] || fail "weights list prints: $(od -c <<<"$said")"
[[ $said == *$'m\xc3\xbcller\\x1b[2J.safetensors'*$'m\xc3\xbcller.\\x1b]0;x\\x07\\u202e'* ]] || fail "weights list says: $said"
expect 1 $'latentc: error: no\\\\x1b[[]31m.json*' "$LATENTC" show $'no\e[31m.json'

# A graph without weights needs none.
echo '{"graph": "tiny", "inputs": {"a": {"shape": [1, 4], "varies": "step"}}, "outputs": {"output": "x"}, "body": [{"op": "relu", "path": "relu", "in": "a"}]}' >tiny.json
"$LATENTC" compile tiny.json -o tiny 2>said || fail "compile of a graph without weights: $(cat said)"
[[ -x tiny ]] || fail "compile of a graph without weights made no program"

# Models that do not fit each other are refused before the work.
expect 1 "*diffusion_model.json: its context has 32x64 numbers, but the text encoder (*text_encoder.json) makes 32x128" \
    "$LATENTC" build -q "$SOURCE_DIR/graphs/shapes/pipeline.json" --weights synthetic:1 --set context_width=64 -o never
sed "s|\.\./sd2/|$SOURCE_DIR/graphs/sd2/|; s|\"widths\": \[32, 32, 64, 128\]|\"latent_channels\": 8, &|" "$SOURCE_DIR/graphs/shapes/pipeline.json" >wide.json
expect 1 "*decoder.json: it reads a latent of 16x16x8 numbers, but the diffusion model (*diffusion_model.json) makes 16x16x4" \
    "$LATENTC" build -q wide.json --weights synthetic:1 --vocab "$SOURCE_DIR/graphs/shapes/merges.txt" -o never
[[ ! -e never ]] || fail "a generator whose models do not fit each other"
