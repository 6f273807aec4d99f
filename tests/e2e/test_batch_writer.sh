#!/bin/bash
# Pictures of a batch are written while the next one is drawn: the same files, announcements in order, errors of the right picture.
. "$(dirname "$0")/common.sh"
shapes=$(generator)
cd "$work"
draw() { "$shapes" -p "a red circle" --steps 2 "$@"; }

for seed in 5 6 7; do draw -s $seed -o "one-$seed.png" -q; done
draw -s 5 -b 3 -o 'many-%s.png' --profile p.json 2>said
for seed in 5 6 7; do cmp "one-$seed.png" "many-$seed.png" || fail "picture $seed of a batch is another one"; done
order=$(sed -n 's/^picture \([0-9]\): step 1 of 2,.*/step \1/p; s/^wrote //p' said | tr '\n' ' ')
[[ $order == "step 1 many-5.png step 2 many-6.png step 3 many-7.png " ]] ||
    [[ $order == "step 1 many-5.png many-6.png many-7.png "* ]] || fail "the order of messages: $order"
[[ $("$TOOLS/trace" p.json | grep picture) == "picture file 3" ]] || fail "the profile lacks a picture file"

# A later line may begin with the picture of an earlier one.
cat >chain <<<'{"prompt": "a red circle", "output": "a.png"}
{"prompt": "a green square", "init_img": "a.png", "strength": 0.5, "output": "b.png"}'
"$shapes" --prompts chain --steps 2 2>/dev/null || fail "a picture that begins with the one before"
draw -p "a green square" -i a.png --strength 0.5 -o c.png -q
cmp b.png c.png || fail "the picture before was not complete when it was read"

# A picture that cannot be written: its name and its line, exit code 1; the other lines are drawn.
cat >lines <<<'a red circle
{"prompt": "a green square", "output": "full"}
a blue square'
ln -s /dev/full full
status=0
"$shapes" --prompts lines --steps 2 --trace t.csv -o 'l%d.png' 2>said || status=$?
(( status == 1 )) || fail "a full disk ended with $status"
[[ $(grep error said) == *": error: lines:2: full: cannot be written: "* ]] || fail "a full disk: $(grep error said)"
[[ -e l1.png && -e l3.png && -e t-3.csv ]] || fail "a full disk: the pictures are $(ls l*)"
[[ -z $(find . -name '*.tmp.*') ]] || fail "a full disk left $(find . -name '*.tmp.*')"

# A batch of one prompt ends with its first failure, and leaves nothing of the next picture.
ln -s /dev/full b-1.png
status=0
draw -b 3 -o b.png --trace u.csv 2>said || status=$?
(( status == 1 )) && [[ $(grep error said) == *": error: b-1.png: cannot be written: "* && ! -e b-3.png ]] || fail "a batch on a full disk: $status, $(<said)"
[[ -z $(find . -name '*.tmp.*') ]] || fail "a batch on a full disk left $(find . -name '*.tmp.*')"

# A signal leaves the pictures that are complete.
mkfifo prompts
"$shapes" --prompts prompts --steps 300 -o 'k%d.png' 2>said & pid=$!
printf 'a red circle\na green square\n' >prompts
until grep -q 'wrote k1.png' said || ! kill -0 $pid 2>/dev/null; do sleep 0.02; done
kill -TERM $pid
wait $pid && fail "SIGTERM was ignored"
[[ -e k1.png && -z $(find . -name 'k2*') ]] || fail "SIGTERM left $(ls k*)"
