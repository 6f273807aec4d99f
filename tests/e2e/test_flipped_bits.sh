#!/usr/bin/env bash
# Single bits of a generator's code are flipped. It draws the right picture, or says why not and ends with 1 or 70.
# The long tier tries 1000 bits; FIRST=N begins at another seed. Failures before main() are counted: no code of ours runs there.
. "$(dirname "$0")/common.sh"
[[ -z ${LATENTC_SANITIZE:-} ]] || skip "a sanitizer has its own handlers"
cp "$(generator)" "$work/shapes"
cd "$work"
chmod +w shapes
run() { timeout 60 ./shapes -p "a red circle" -s 1 --steps 2 -t 1 -o "$1" >said 2>&1; }
run want.png || fail "an unchanged generator does not run: $(<said)"
first=${FIRST:-1} count=25
[[ -z ${LATENTC_LONG:-} ]] || count=1000
right=0 refused=0 crashed=0 early=0 wrong=0
for (( seed = first; seed < first + count; seed++ )); do
    rm -f got.png
    place=$("$TOOLS/flip_bit" shapes "$seed")
    status=0
    run got.png || status=$?
    "$TOOLS/flip_bit" shapes "$seed" >/dev/null
    lines=$(grep -vc '^drawing: \|^wrote ' said || true)
    left=$(find . -name 'got.png*' | head -1)
    if (( status == 0 )) && cmp -s got.png want.png; then right=$((right + 1))
    elif (( status == 1 && lines == 1 )) && [[ -z $left ]]; then refused=$((refused + 1))
    elif (( status == 70 && lines == 1 )) && [[ -z $left ]]; then crashed=$((crashed + 1))
    elif (( status >= 124 )) && [[ -z $left ]] && ! grep -q "^shapes: " said; then # libc may say something
        early=$((early + 1))
        echo "before main, or without an end: seed $seed, byte $place: status $status"
    else
        wrong=$((wrong + 1))
        echo "WRONG: seed $seed, byte $place: status $status, ${left:-no picture}: $(head -c 400 said)"
    fi
done
echo "$count bits: $right right pictures, $refused refused, $crashed crashed with a line, $early before main, $wrong wrong"
(( wrong == 0 )) || fail "a damaged generator drew another picture, or did not say what is wrong"
# Three more than a twentieth: 25 bits are few, and where they fall depends on the compiler.
(( early * 20 <= count + 60 )) || fail "too many ended before main"

# A crash ends with one line and exit code 70, and leaves nothing behind; SIGTERM leaves nothing either.
mkfifo prompts
for pair in SEGV:70 ILL:70 FPE:70 ABRT:70 TERM:143; do
    ./shapes --prompts prompts --steps 400 -o left.png >said 2>&1 &
    pid=$!
    echo "a red circle" >prompts
    until grep -q 'drawing' said || ! kill -0 $pid 2>/dev/null; do sleep 0.05; done
    kill -"${pair%:*}" $pid
    status=0
    wait $pid || status=$?
    (( status == ${pair#*:} )) || fail "SIG${pair%:*}: status $status, expected ${pair#*:}: $(<said)"
    [[ $status != 70 ]] || grep -q "shapes: internal error: SIG${pair%:*}: this program's file is damaged" said || fail "SIG${pair%:*}: it said: $(<said)"
    [[ -z $(find . -name 'left*') ]] || fail "SIG${pair%:*} left $(find . -name 'left*')"
done
