#!/bin/bash
# Mistakes on a generator's command line and on its disk: one line, the right exit code, nothing left behind.
. "$(dirname "$0")/common.sh"
shapes=$(generator)
cp "$shapes" "$work/shapes"
mkdir "$work/empty"
cd "$work/empty"
p=(-p "a red circle" --steps 1)

expect 2 '*: error: *--stepz*' ../shapes --stepz 3
expect 2 '*: error: *--steps*' ../shapes -p x --steps
expect 2 '*: error: *--steps*0*' ../shapes -p x --steps 0
expect 2 '*: error: *--steps*many*' ../shapes -p x --steps many
expect 2 '*: error: *cfg-scale*nan*' ../shapes -p x --cfg-scale nan
# Long texts are quoted in part.
long=$(printf 'a very long prompt %.0s' {1..200}) part="a very long prompt a very long prompt a very long prompt a very long prompt a ve..."
expect 2 "*: error: unexpected argument '$part': the prompt goes after -p; --help lists the flags" ../shapes "$long"
expect 2 "*: error: --steps: expected an integer from 1 to 1000, found '$part'" ../shapes -p x --steps "$long"
expect 2 "*: error: unexpected argument '$part'; usage: *" "$LATENTC" build x "$long" -o y
said=$(../shapes "${p[@]:2}" -p "$long" -o long.png 2>&1) || fail "a long prompt: $said"
[[ $(grep 'more than fit; cut: ' <<<"$said") == *"a very long prompt"*... && ${#said} -lt 400 ]] || fail "a long prompt: $said"
rm -f long.png
expect 2 '*: error: *rk45*' ../shapes -p x --sampling-method rk45
expect 2 '*: error: *' ../shapes -p x --rng dice
expect 2 '*: error: *circle*' ../shapes circle
expect 2 '*: error: *threads*' ../shapes -p x -t -1
expect 2 '*: error: *alpha*' ../shapes -p x --sampling-method relax --alpha inf
expect 2 "*: error: x.webp: unknown ending '.webp': expected .png, .jpg or .jpeg" ../shapes -p x -o x.webp
expect 2 '*: error: -o -: standard output takes one picture: --batch-count must be 1' ../shapes -p x -o - -b 2
expect 2 '*: error: -o -: standard output takes one picture: no --preview-every' ../shapes -p x -o - --preview-every 2
expect 2 "*: error: --png-level: expected an integer from 0 to 9, found '10'" ../shapes -p x --png-level 10
expect 2 "*: error: --quality: expected an integer from 1 to 100, found '0'" ../shapes -p x --quality 0
# Bytes of a name that a terminal would obey are escaped, letters stay.
expect 1 $'*: error: no/\\\\x1b[[]2Jm\xc3\xbcller\\\\u202e\\\\xff.png: cannot be written: *' ../shapes "${p[@]}" -o $'no/\e[2Jm\xc3\xbcller\xe2\x80\xae\xff.png'
expect 1 '*: error: *no/such/x.png*' ../shapes "${p[@]}" -o no/such/x.png
expect 1 '*: error: *nothing.safetensors*' ../shapes "${p[@]}" --latent-in nothing.safetensors
expect 1 '*: error: *UTF-8*' ../shapes -p $'a red \xff circle' --steps 1
[[ -z $(ls) ]] || fail "left behind: $(ls)"

# A full disk: a tiny file system of our own (root), else a limit on file sizes.
mkdir ../small
if mount -t tmpfs -o size=4k tmpfs ../small 2>/dev/null; then
    trap 'cd /; umount "$work/small"; rm -rf "$work"' EXIT
    expect 1 '*: error: *small/x.png*' ../shapes "${p[@]}" -o ../small/x.png
    [[ -z $(ls ../small) ]] || fail "left behind on a full disk: $(ls ../small)"
else
    echo "no mount here: a full disk is played by a limit on file sizes"
    (ulimit -f 1; trap '' XFSZ; expect 1 '*: error: *x.png*' ../shapes "${p[@]}" -o ../small/x.png)
    [[ -z $(ls ../small) ]] || fail "left behind: $(ls ../small)"
fi

# Ctrl-C in the middle: no half-written picture.
../shapes -p "a red circle" --steps 900 -o stopped.png 2>/dev/null & pid=$!
sleep 0.5
kill -INT $pid 2>/dev/null || true # started by a script it may ignore SIGINT
sleep 0.2
kill -TERM $pid 2>/dev/null || true
wait $pid && fail "a stopped generator ended with 0"
[[ -z $(ls) ]] || fail "left behind after a signal: $(ls)"
