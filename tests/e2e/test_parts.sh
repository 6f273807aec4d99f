#!/bin/bash
# Lists: --part, arrays of Slurm, pictures that are there with the same or other settings, lines that fail, --log, --stage-to.
. "$(dirname "$0")/common.sh"
shapes=$(generator)
cd "$work"
draw() { "$shapes" --steps 1 "$@" 2>messages || { cat messages; fail "the generator failed: $*"; }; }
same() { diff -r "$1" "$2" >/dev/null || fail "$3: $(diff -r "$1" "$2")"; }

# Parts draw together what one process draws.
printf '%s\n' 'a red circle' '' '{"prompt": "a green square", "batch_count": 2}' 'a blue triangle' '{"prompt": "red", "seed": 9}' 'green' >list.txt
mkdir one parts slurm
draw --prompts list.txt -o 'one/%02d.png'
for k in 2 0 1; do
    draw --prompts list.txt -o 'parts/%02d.png' --part $k/3 -q
    [[ ! -s messages ]] || fail "part $k said: $(<messages)"
    (( k != 2 )) || [[ $(ls parts) == $'04.png' ]] || fail "part 2 of 3 drew $(ls parts)"
done
same one parts "three parts are not the whole"
draw --prompts list.txt -o 'parts/x%02d.png' --part 7/9
[[ $(<messages) == *': part 7 of 9 has no line: the list has 5' && -z $(ls parts/x* 2>/dev/null) ]] || fail "a part without a line: $(<messages)"

# As tasks of an array: ids from 4 to 8 in steps of 2.
array() { SLURM_ARRAY_TASK_ID=$1 SLURM_ARRAY_TASK_MIN=$2 SLURM_ARRAY_TASK_MAX=$3 SLURM_ARRAY_TASK_STEP=$4 SLURM_ARRAY_TASK_COUNT=$5 "${@:6}"; }
for id in 4 6 8; do array $id 4 8 2 3 draw --prompts list.txt -o 'slurm/%02d.png' --part slurm -q; done
same one slurm "an array is not the whole"
rm slurm/*
for id in 0 1 2; do array $id 0 2 1 3 draw --prompts list.txt -o 'slurm/%02d.png' --part slurm/3 -q; done
same one slurm "an array with the number of parts is not the whole"
rm slurm/*
array 2 2 2 1 1 draw --prompts list.txt -o 'slurm/%02d.png' --part slurm/3 -q
[[ $(ls slurm) == 04.png ]] || fail "task 2 alone drew $(ls slurm)"
wrong() { expect "$1" "*: error: --part$2" "${@:3}" "$shapes" --prompts list.txt --part "$part"; }
for part in 3/3 -1/3 1 /3 1/ 1/0 0/1000001 1.5/3 slurm/0 slurm/x slurms ''; do
    wrong 2 ": expected K/N with K from 0 to N - 1, such as 0/4, or slurm, or slurm/N; found '$part'" env
done
part=slurm
wrong 1 ' slurm: SLURM_ARRAY_TASK_ID is not set: expected a task of sbatch --array' env
wrong 1 ' slurm: the array has gaps: 2 tasks from 3 to 5, so their lines are not known: give the number of parts, --part slurm/N' array 3 3 5 1 2
wrong 1 ' slurm: SLURM_ARRAY_TASK_ID is 7: expected one of 3 to 5' array 7 3 5 1 3
wrong 1 " slurm: SLURM_ARRAY_TASK_STEP: expected an integer from 1 on, found '0'" array 3 3 5 0 3
part=slurm/3
wrong 1 " slurm/3: the array's ids go from 0 to 4: expected at most 3 in a row, so that each has a part of its own" array 0 0 4 2 3
expect 2 '*: error: --part goes with a list: --prompts FILE' "$shapes" -p red --part 0/2

# A line that starts from a picture of another line: the part must have both.
printf '%s\n' 'red' '{"prompt": "a", "init_img": "./from1.png"}' '{"prompt": "b", "mask": "from1.png", "init_img": "from3.png"}' >from.txt
sources="from.txt:2: it starts from from1.png, which line 1 draws, maybe at the same time: put it into a second list, to be drawn when this one is done"
expect 1 "*: error: $sources" "$shapes" --prompts from.txt -o 'from%d.png' --part 0/2
[[ ! -e from1.png ]] || fail "drawn in spite of lines that start from it"
sed -i 2s/from1/base/ from.txt
cp one/01.png base.png
draw --prompts from.txt -o 'from%d.png' --part 1/2
[[ $(echo from?.png) == from2.png ]] || fail "part 1 of lines that start from pictures drew $(echo from?.png)"
expect 1 "*: error: from.txt:3: it starts from from1.png, which line 1 draws*" "$shapes" --prompts from.txt -o 'from%d.png' --part 1/3
rm base.png

# A picture that is there counts if it records the settings of its line; if not, it is named and drawn again.
again() { # NAME REASON FLAGS...: exactly this picture is drawn again, with that message
    touch -d 2001-01-01 one/*
    draw --prompts list.txt -o 'one/%02d.png' "${@:3}"
    [[ $(grep drawn messages) == "${shapes##*/}: list.txt:$1 $2: it is drawn again" ]] || fail "$1 $2: it said: $(<messages)"
    [[ $(find one -type f -newermt 2002-01-01) == "one/${1##*/}" ]] || fail "$1 $2: drawn were $(find one -type f -newermt 2002-01-01)"
    grep -q '5 of 6 pictures exist already: skipped' messages || fail "$1 $2: it said: $(<messages)"
}
draw -p 'a blue triangle' -s 1 -o one/04.png
again '4: one/04.png' 'records other settings'
draw -p 'a blue triangle' -o one/04.png --no-metadata
again '4: one/04.png' 'records no settings'
echo text >one/02.png
again '3: one/02.png' 'is no picture that can be read'
same one parts "pictures that were drawn again"
rm -r one
mkdir one
cp parts/01.png base.png
printf '%s\n' '{"prompt": "a", "output": "j.jpg", "negative_prompt": "b\nc\u00e9"}' '{"prompt": "b", "no_metadata": true, "output": "n.png"}' \
    '{"prompt": "c", "init_img": "base.png", "strength": 0.4, "output": "i.png"}' '{"prompt": "d", "seed": -1, "batch_count": 2, "output": "r.png"}' >kinds.txt
draw --prompts kinds.txt
draw --prompts kinds.txt
[[ $(<messages) == *': 5 of 5 pictures exist already: skipped' ]] || fail "JPEG, no record, init image, random seed: $(<messages)"
cp parts/02.png base.png
draw -p b -o n.png
draw --prompts kinds.txt
[[ $(grep again messages | cut -d: -f3-) == $'2: n.png records settings: it is drawn again\n3: i.png records other settings: it is drawn again' ]] ||
    fail "another init image: $(<messages)"

# Lines that fail are reported at the end; the others are drawn, and logged.
ln -s /dev/full full.png
printf '%s\n' '{"prompt": "a", "init_img": "none.png"}' 'red' '{"prompt": "b", "output": "full.png"}' '{"prompt": "c", "init_img": "none.png", "batch_count": 2}' >fails.txt
echo '{"earlier": true}' >log
status=0
"$shapes" --steps 1 --prompts fails.txt -o 'f%d.png' --log log 2>messages || status=$?
(( status == 1 )) && [[ $(ls f?.png) == f2.png ]] || fail "failing lines: $status, $(ls f?.png)"
[[ $(tail -3 messages | sed 's/.*error: //') == $'fails.txt:1: none.png: cannot be read: No such file or directory\nfails.txt:3: full.png: cannot be written: No space left on device\nfails.txt:4: none.png: cannot be read: No such file or directory' ]] ||
    fail "failing lines: $(<messages)"
host=$(uname -n)
[[ $(sed -E 's/"threads": [0-9]+, "seconds": [0-9.]+/"threads": T, "seconds": S/' log) == '{"earlier": true}
{"picture": 1, "line": 1, "name": "f1.png", "seed": 42, "rank": 0, "host": "'$host'", "threads": T, "seconds": S, "result": "failed", "error": "none.png: cannot be read: No such file or directory"}
{"picture": 2, "line": 2, "name": "f2.png", "seed": 42, "rank": 0, "host": "'$host'", "threads": T, "seconds": S, "result": "drawn"}
{"picture": 3, "line": 3, "name": "full.png", "seed": 42, "rank": 0, "host": "'$host'", "threads": T, "seconds": S, "result": "failed", "error": "full.png: cannot be written: No space left on device"}
{"picture": 4, "line": 4, "name": "f4.png", "seed": 42, "rank": 0, "host": "'$host'", "threads": T, "seconds": S, "result": "failed", "error": "none.png: cannot be read: No such file or directory"}
{"picture": 5, "line": 4, "name": "f5.png", "seed": 43, "rank": 0, "host": "'$host'", "threads": T, "seconds": S, "result": "failed", "error": "none.png: cannot be read: No such file or directory"}' ]] ||
    fail "the log: $(<log)"
draw --prompts list.txt -o 'parts/%02d.png' --log log
[[ $(tail -6 log | grep -c '"result": "exists"') == 6 ]] || fail "the log of skipped pictures: $(tail -6 log)"
expect 1 '*: error: /dev/full: cannot be written: No space left on device' "$shapes" --steps 1 -p red -o x.png --log /dev/full
[[ -e x.png ]] || fail "no picture where the log cannot be written"
expect 1 '*: error: nowhere/log: cannot be written: *' "$shapes" --steps 1 -p red -o y.png --log nowhere/log
expect 1 '*: error: y.png: *' "$shapes" --steps 1 -p red -o y.png --log y.png
expect 2 '*: error: --log: expected the name of a file, found -' "$shapes" --steps 1 -p red -o y.png --log -
[[ ! -e y.png ]] || fail "drawn in spite of the log"

# --stage-to: processes that start together make one copy, complete under its name; a copy that is not whole is made again.
mkdir local
draw -p red -o unstaged.png
for k in 1 2 3; do "$shapes" -p red --steps 1 -q -o "staged$k.png" --stage-to local 2>"said$k" & done
wait
for k in 1 2 3; do cmp unstaged.png "staged$k.png" || fail "staged: $(<"said$k")"; done
[[ $(ls local | sed 's/-[0-9a-f]\{16\}/-H/') == "${shapes##*/}-H"$'\n'"${shapes##*/}-H.lock" ]] || fail "copies: $(ls local)"
copy=$(ls local/*[0-9a-f])
cmp "$shapes" "$copy" || fail "the copy is another file"
touch -d 2001-01-01 "$copy"
draw -p red -o again.png --stage-to local
[[ $(stat -c %Y "$copy") -lt 1000000000 ]] && cmp unstaged.png again.png || fail "copied again"
truncate -s -1000 "$copy"
draw -p red -o again.png --stage-to local
cmp "$shapes" "$copy" && cmp unstaged.png again.png || fail "a copy that is too short"
expect 1 "*: error: --stage-to: nowhere/*.lock: cannot be written: No such file or directory" "$shapes" -p red -o never.png --stage-to nowhere
mkdir small
expect 1 '*: error: small/*: cannot be written: File too large' bash -c "ulimit -f 1000; exec '$shapes' -p red -o never.png --stage-to small"
[[ $(ls small) == *.lock && ! -e never.png ]] || fail "a copy that does not fit left $(ls small)"
apart=$BUILD_DIR/tests/generated/apart
( flock 9; [[ -x $apart && ! $LATENTC -nt $apart ]] || "$LATENTC" build "$SOURCE_DIR/graphs/shapes/pipeline.json" --weights-file "$apart.weights" -o "$apart" -q ) 9>"$apart.lock"
"$apart" -p red --steps 1 -q -o apart.png --stage-to local || fail "weights in a file of their own, staged"
cmp unstaged.png apart.png && cmp "$apart.weights" local/apart.weights-*[0-9a-f] || fail "weights in a file of their own, staged: $(ls local)"
