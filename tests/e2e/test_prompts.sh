#!/bin/bash
# --prompts: a prompt a line, JSON lines, names, what is there already, prompts encoded once, bad lines.
. "$(dirname "$0")/common.sh"
shapes=$(generator)
cd "$work"
draw() { "$shapes" "$@" 2>messages || { cat messages; fail "the generator failed: $*"; }; }
one() { draw --steps 3 "$@"; }

# Lines of every kind: each gives what the same flags give on a command line.
printf '%s\n' 'a red circle' '' '   a green square  ' \
    '{"prompt": "a red circle", "negative_prompt": "bl\u0075e", "seed": 7, "steps": 2, "cfg_scale": 5.5, "sampling-method": "relax", "alpha": 2e-1}' \
    '{"prompt": "a red circle", "output": "mine.png", "batch_count": 2}' '{"seed": 9, "steps": null}' >list.txt
one --prompts list.txt -p "a blue triangle" -s 5
[[ $(ls *.png) == $'mine-1.png\nmine-2.png\noutput-1.png\noutput-2.png\noutput-3.png\noutput-6.png' ]] || fail "the pictures are: $(ls *.png)"
one -p "a red circle" -s 5 -o want.png && cmp want.png output-1.png || fail "the first line"
one -p "a green square" -s 5 -o want.png && cmp want.png output-2.png || fail "the second"
one -p "a red circle" -n blue -s 7 --steps 2 --cfg-scale 5.5 --sampling-method relax --alpha 0.2 -o want.png && cmp want.png output-3.png || fail "the third"
one -p "a red circle" -s 6 -o want.png && cmp want.png mine-2.png || fail "a batch of a line"
one -p "a blue triangle" -s 9 -o want.png && cmp want.png output-6.png || fail "a line without a prompt of its own"

# What is there is left alone, and said; what is missing is drawn.
rm output-2.png mine-1.png
touch -d 2001-01-01 output-1.png
one --prompts list.txt -p "a blue triangle" -s 5
grep -q '4 of 6 pictures exist already: skipped' messages || fail "it said: $(<messages)"
[[ -e output-2.png && -e mine-1.png && $(stat -c %Y output-1.png) -lt 1000000000 ]] || fail "resumed wrongly: $(ls -l *.png)"
one --prompts list.txt -p "a blue triangle" -s 5
[[ $(<messages) == *': 6 of 6 pictures exist already: skipped' ]] || fail "all there: $(<messages)"

# From standard input, to standard output.
one --prompts - -p "a blue triangle" -s 5 -o 'in-%d.png' <list.txt
cmp in-2.png output-2.png || fail "--prompts -"
printf '{"prompt": "a green square", "seed": 5, "output": "-"}' | "$shapes" --steps 3 --prompts - 2>messages >out.png
cmp out.png output-2.png || fail "from standard input to standard output: $(<messages)"

# Names by number and seed.
printf 'a red circle\na green square\n' >two.txt
mkdir n
one --prompts two.txt -s 3 -b 2 -o 'n/%03d-%s.png'
[[ $(ls n) == $'001-3.png\n002-4.png\n003-3.png\n004-4.png' ]] || fail "names: $(ls n)"

# Equal prompts, and the negative prompt of all, are encoded once, wherever they stand.
printf 'red\ngreen\nred\nblue\nred\ngreen\n' >equal.txt
one --prompts equal.txt -n dull -o 'e%d.png' --profile profile.json
encoded=$(grep -o '"name":"text encoder"' profile.json | wc -l)
(( encoded == 4 )) || fail "4 different prompts were encoded in $encoded runs"
one -p green -n dull -o want.png && cmp want.png e6.png || fail "a prompt that was encoded before"

# Bad lines: before anything is drawn, by file and line.
mkdir empty && cd empty
bad() { printf "$1" >../bad; expect 1 "*: error: ../bad:$2" "$shapes" --steps 1 --prompts ../bad -o bad.png; }
bad 'x\n{"prompt": "x", "stepz": 3}\n' "2: unknown flag '--stepz': did you mean '--steps'?"
bad '\n\n{"prompt": "x", "steps": 0}' "3: --steps: expected an integer from 1 to 1000, found '0'"
bad '{"prompt": "x" "steps": 1}' "1: column 16: expected ',' or '}'"
bad '{"prompt": "x"} y' "1: column 17: expected the end of the line"
bad '{"prompt": [1]}' "1: column 12: expected a string, a number, true or false"
bad '{"prompt": "\\ud800"}' "1: column 19: expected the second half of a surrogate pair"
bad '{"prompt": "x", "prompt": "y"}' '1: "prompt" is there twice'
bad '{"prompt": "x", "seed": 18446744073709551616}' "1: --seed: expected an integer from 0 to 18446744073709551615, or a negative one for a random seed; found '18446744073709551616'"
bad '{"prompt": "x", "stepz": null}' "1: unknown flag '--stepz': did you mean '--steps'?"
bad '{"seed": 1}' '1: no prompt: expected "prompt": "..."'
bad '{"prompt": "x", "threads": 2}' '1: "threads" holds for the whole run: it goes on the command line'
bad '{"prompt": "x", "strength": 0.5}' '1: --strength needs an init image: -i FILE'
bad 'x\n\xff\n' '2: *UTF-8*'
bad '{"prompt": "x", "output": "a.gif"}' "1: a.gif: unknown ending '.gif': expected .png, .jpg or .jpeg"
bad '{"prompt": "x", "output": "-"}\n{"prompt": "y", "output": "-"}\n' '2: -o -: standard output takes one picture, that of line 1'
expect 1 '*: error: /dev/zero: longer than 256 million bytes: expected a prompt per line' "$shapes" --prompts /dev/zero
bad ' \n' ' no prompt in it: expected one per line'
bad '{"prompt": "x", "output": "a.png"}\n{"prompt": "y", "output": "a.png"}' '2: its picture would have the name a.png, like that of line 1: %d in the name numbers them'
bad '{"prompt": "x", "output": "a.png"}\n{"prompt": "y", "output": "./a.png"}' '2: its picture would have the name ./a.png, like that of line 1: %d in the name numbers them'
mkdir -p sub && ln -s later.png link.png
bad '{"prompt": "x", "output": "a.png"}\n{"prompt": "y", "output": "sub/../a.png"}' '2: its picture would have the name sub/../a.png, like that of line 1: %d in the name numbers them'
bad '{"prompt": "x", "output": "link.png"}\n{"prompt": "y", "output": "later.png"}' '2: its picture would have the name later.png, like that of line 1: %d in the name numbers them'
rm -r link.png sub
bad '{"prompt": "x", "init_img": "none.png"}' '1: none.png: cannot be read: No such file or directory'
expect 1 '*: error: none.txt: cannot be read: No such file or directory' "$shapes" --prompts none.txt
expect 1 '*: error: .: cannot be read: Is a directory' "$shapes" --prompts .
expect 2 '*: error: no prompt*' "$shapes" --prompts ../two.txt --print-tokens
[[ -z $(ls) ]] || fail "left behind: $(ls)"
