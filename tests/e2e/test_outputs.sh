#!/bin/bash
# Outputs of every command and of generators: refused before the work when they cannot be written or are inputs, also through
# links; devices, pipes and links as outputs; standard output full and closed; a limit of file sizes; leftovers of killed processes.
. "$(dirname "$0")/common.sh"
G=$(generator) # before links and copies are made
cd "$work"
mkdir sd2 shapes kept
cp "$SOURCE_DIR"/graphs/sd2/*.json sd2
cp -r "$SOURCE_DIR"/graphs/blocks blocks
cp "$SOURCE_DIR"/graphs/shapes/*.{json,txt} shapes
graph=sd2/decoder.json
ln -s decoder.json sd2/soft.json
ln $graph sd2/hard.json
before=$(cksum sd2/* shapes/*)

# outputs that are inputs, the program itself, or twice the same
read_too='*: is read, so it cannot be an output, too'
for out in $graph sd2/soft.json sd2/hard.json "$LATENTC"; do
    expect 1 "latentc: error: $read_too" "$LATENTC" compile $graph --emit ll -o "$out"
done
shapes=(build shapes/pipeline.json --weights synthetic:1)
for out in shapes/pipeline.json sd2/decoder.json shapes/merges.txt; do
    expect 1 "latentc: error: $read_too" "$LATENTC" "${shapes[@]}" -q -o $out
done
expect 1 'latentc: error: ./x: two outputs have this name, or are links to one file' "$LATENTC" "${shapes[@]}" -o x --weights-file ./x
expect 1 "latentc: error: $read_too" "$LATENTC" compile $graph --emit ll --tune t.json -o $graph
expect 1 "latentc: error: $read_too" "$LATENTC" bench shapes/pipeline.json --weights synthetic:1 --html shapes/pipeline.json
[[ $before == "$(cksum sd2/* shapes/*)" ]] || fail 'an input was changed'

# ... also in a folder
"$LATENTC" weights convert synthetic:1 shapes/pipeline.json --to keras -o keras 2>said || fail "$(<said)"
before=$(cksum keras/*)
expect 1 "latentc: error: keras/*.h5: is read, so it cannot be an output, too" "$LATENTC" weights convert keras shapes/pipeline.json --to keras -o keras
[[ $before == "$(cksum keras/*)" ]] || fail 'an input was changed'

# outputs that cannot be written
for out in nowhere/x sd2; do
    what="latentc: error: $out: cannot be *"
    expect 1 "$what" "$LATENTC" compile $graph --emit ll -o "$out"
    expect 1 "$what" "$LATENTC" "${shapes[@]}" -o $out
    expect 1 "$what" "$LATENTC" "${shapes[@]}" -o x --weights-file $out
    expect 1 "$what" "$LATENTC" run $graph --weights synthetic:1 --inputs nothing.safetensors --outputs $out
    expect 1 "$what" "$LATENTC" bench shapes/pipeline.json --weights synthetic:1 --json $out
    expect 1 "$what" "$LATENTC" weights convert synthetic:1 shapes/pipeline.json --to latentc -o $out
done
expect 1 'latentc: error: nowhere/x: cannot be made: *' "$LATENTC" weights convert synthetic:1 shapes/pipeline.json --to diffusers -o nowhere/x

# devices, pipes, standard output, links
"$LATENTC" show $graph --after lower >lowered.txt
code=(compile lowered.txt --emit ll)
"$LATENTC" "${code[@]}" -o code.ll
expect 0 '' "$LATENTC" "${code[@]}" -o /dev/null
expect 1 'latentc: error: /dev/full: cannot be written: No space left on device' "$LATENTC" "${code[@]}" -o /dev/full
"$LATENTC" "${code[@]}" -o - | cmp - code.ll
mkfifo pipe
cmp pipe code.ll & "$LATENTC" "${code[@]}" -o pipe
wait $! || fail 'the pipe got other bytes'
ln -s kept/target link
"$LATENTC" "${code[@]}" -o link
[[ -L link ]] && cmp kept/target code.ll || fail 'a link as output: expected the link to stay, its target to be written'
rm kept/target

# standard output that is full or closed
for command in --help --version 'build --help' targets 'weights --help' "tokens --vocab shapes/merges.txt -p x" "show $graph"; do
    for to in '>/dev/full' '>&-'; do
        status=0
        eval "\"$LATENTC\" $command $to 2>said" || status=$?
        [[ $status == 1 && $(<said) == 'latentc: error: standard output cannot be written' ]] || fail "$command $to: code $status, $(<said)"
    done
done

# a limit of file sizes; what killed processes left
(ulimit -f 8; expect 1 'latentc: error: big.ll: cannot be written: File too large' "$LATENTC" "${code[@]}" -o big.ll) || exit 1
bash -c 'echo $$' >pid
touch "code.ll.tmp.$(<pid)" "code.ll.tmp.$(<pid).o" "code.ll.tmp.$$"
"$LATENTC" "${code[@]}" -o code.ll
[[ $(echo code.ll.tmp.*) == "code.ll.tmp.$$" ]] || fail "left behind: $(echo code.ll.tmp.*)"
rm "code.ll.tmp.$$"

# generators
cp "$G" kept/generator
ln kept/generator hard
G=kept/generator name=generator
draw=("$G" -p red --steps 1)
for out in kept/generator hard; do expect 1 "$name: error: $out: is read, so it cannot be an output, too" "${draw[@]}" -o $out; done
echo 'a red circle' >list.png
echo '{"prompt": "x", "output": "list.png"}' >>list.png
expect 1 "$name: error: list.png: is read*" "$G" --prompts list.png --steps 1
expect 1 "$name: error: y.png: two outputs *" "${draw[@]}" -o y.png --trace y.png
expect 1 "$name: error: y.png: two outputs *" "${draw[@]}" -o y.png --profile y.png
expect 1 "$name: error: nowhere/y: cannot be written: *" "${draw[@]}" --trace nowhere/y
(ulimit -f 1; expect 1 "$name: error: y.png: cannot be written: File too large" "${draw[@]}" -o y.png) || exit 1
touch "y.png.tmp.$(<pid)"
"${draw[@]}" -o y.png 2>said
"${draw[@]}" -i y.png --strength 1 -o y.png 2>said || fail "a picture to start from as output: $(<said)"
for command in --help --version --info '-p x --print-tokens'; do
    for to in '>/dev/full' '>&-'; do
        status=0
        eval "$G $command $to 2>said" || status=$?
        [[ $status == 1 && $(<said) == "$name: error: standard output cannot be written" ]] || fail "$command $to: code $status, $(<said)"
    done
done
left=$(ls -d ./*.tmp.* ./*/*.tmp.* big* 2>/dev/null) || true
[[ -z $left ]] || fail "left behind: $left"
