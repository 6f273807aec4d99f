#!/bin/bash
# latentc build --mpi: the ranks of an MPI job draw what one process draws, with Open MPI and MPICH.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/mpi.sh"
shapes=$(generator)
cd "$work"
mkdir one
printf '%s\n' '{"prompt": "a red circle", "seed": 1}' '{"prompt": "a green square", "seed": 2, "batch_count": 3}' '{"prompt": "blue", "output": "one.jpg"}' \
    'a yellow triangle' 'red' >list
sed 's/"one/"one\/one/' list >one.list
"$shapes" --prompts one.list --steps 3 -o 'one/%02d.png' -q || fail "one process"

# answers CODE TEXT: the run before ended so, and the program said that, whatever the launcher says around it.
answers() {
    (( status == $1 )) || fail "$mpi: ended with $status, expected $1; it said: $(<said)"
    [[ $(grep -a '^shapes[^ ]*: ' said | sed 's/^[^:]*: //') == "$2" ]] || fail "$mpi: it said: $(<said); expected: $2"
}
run() { # RANKS FLAGS...
    status=0
    mpi_run "$mpi" "$1" "$program" --steps 3 "${@:2}" >/dev/null 2>said || status=$?
}

for mpi in "${mpis[@]}"; do
    program=$(generator --cache on --mpi --mpicc "mpicc.$mpi")
    case $mpi in openmpi) name='Open MPI v' ;; mpich) name='MPICH ' ;; esac
    grep -q "^mpi  *$name[0-9.]*$" <("$program" --info) || fail "$mpi: --info says $("$program" --info | tail -1)"
    for ranks in 2 4; do
        folder=$mpi-$ranks
        mkdir "$folder"
        sed "s/\"one/\"$folder\/one/" list >"$folder.list"
        run $ranks --prompts "$folder.list" -o "$folder/%02d.png" --log "$folder.log"
        answers 0 ''
        grep -q '^7 of 7 pictures, [0-9.]* a minute, 0 s left$' said || fail "$mpi: no progress: $(<said)"
        diff -r one "$folder" >/dev/null || fail "$mpi, $ranks ranks: other pictures: $(diff -r one "$folder")"
        [[ $(grep -o '"picture": [0-9]*' "$folder.log" | sort) == "$(seq -f '"picture": %.0f' 7)" ]] || fail "$mpi: the log has $(<"$folder.log")"
        ! grep -vqE "\"rank\": [0-$((ranks - 1))], \"host\": \"$(uname -n)\", \"threads\": [0-9]*, \"seconds\": [0-9.]*, \"result\": \"drawn\"}" "$folder.log" || fail "$mpi: the log has $(<"$folder.log")"
    done

    # The same command goes on: one picture is missing, one is another one.
    rm "$folder/02.png"
    cp "$folder/07.png" "$folder/06.png"
    run 4 --prompts "$folder.list" -o "$folder/%02d.png"
    answers 0 "$folder.list:4: $folder/06.png records other settings: it is drawn again"$'\n''5 of 7 pictures exist already: skipped'
    diff -r one "$folder" >/dev/null || fail "$mpi: resumed: $(diff -r one "$folder")"

    # More ranks than lines; the list from standard input; a batch of one prompt; parts.
    head -1 list >short
    run 4 --prompts - -o "$mpi-short%02d.png" <short
    answers 0 ''
    cmp one/01.png "$mpi-short01.png" || fail "$mpi: more ranks than lines"
    run 3 -p "a green square" -s 2 -b 3 -o "$mpi-batch%d.png"
    answers 0 ''
    for i in 1 2 3; do cmp "one/0$((i + 1)).png" "$mpi-batch$i.png" || fail "$mpi: a batch"; done
    if [[ $mpi == "${mpis[0]}" ]]; then
        mkdir part
        sed 's/"one/"part\/one/' list >part.list
        for k in 0 1; do run 2 --prompts part.list -o 'part/%02d.png' --part $k/2; answers 0 ''; done
        diff -r one part >/dev/null || fail "$mpi: parts"
    fi

    # Lines that fail are reported once, at the end, in order; the others are drawn.
    ln -sf /dev/full full.png
    printf '%s\n' red '{"prompt": "a", "init_img": "none.png", "batch_count": 2}' '{"prompt": "b", "output": "full.png"}' blue >fails
    run 3 --prompts fails -o "$mpi-f%d.png"
    answers 1 $'error: fails:2: none.png: cannot be read: No such file or directory\nerror: fails:3: full.png: cannot be written: No space left on device'
    [[ $(echo $mpi-f?.png) == "$mpi-f1.png $mpi-f5.png" ]] || fail "$mpi: drawn beside failing lines: $(echo $mpi-f?.png)"

    # --split guidance: pairs of ranks draw the same bits: all steps guided, none, some, with short steps, with an init image.
    printf '%s\n' '{"prompt": "a red circle", "batch_count": 2}' '{"prompt": "green", "negative_prompt": "blue", "sampling_method": "heun", "guidance_rescale": 0.7}' \
        '{"prompt": "a red circle", "cfg_scale": 1}' '{"prompt": "red", "guidance_start": 0.5, "cache_interval": 3}' \
        '{"prompt": "red", "guidance_stop": 0.5, "cache_interval": 3}' '{"prompt": "blue", "init_img": "one/01.png", "strength": 0.6, "sampling_method": "euler_a"}' \
        '{"prompt": "b", "init_img": "none.png"}' >split
    if [[ ! -d halves ]]; then
        mkdir halves
        ! "$program" --prompts split --steps 6 -o 'halves/%02d.png' -q 2>/dev/null || fail "an init image that is missing"
    fi
    for ranks in 2 4; do
        mkdir "$mpi-halves-$ranks"
        run $ranks --prompts split --steps 6 -o "$mpi-halves-$ranks/%02d.png" --split guidance
        answers 1 'error: split:7: none.png: cannot be read: No such file or directory'
        diff -r halves "$mpi-halves-$ranks" >/dev/null || fail "$mpi: --split guidance: $(diff -r halves "$mpi-halves-$ranks")"
    done
    # The second rank of a pair cannot draw a picture, or none at all: the first one says why, and the others are drawn.
    mkdir -p second
    head -1 list >pair && echo '{"prompt": "red", "init_img": "base.png"}' >>pair && echo blue >>pair
    cp one/01.png base.png
    pair=(--steps 3 --prompts "$PWD/pair" --split guidance -o)
    status=0
    mpi_run "$mpi" 1 "$program" "${pair[@]}" "$mpi-pair%d.png" : -n 1 -wdir "$PWD/second" "$program" "${pair[@]}" "$mpi-pair%d.png" >/dev/null 2>said || status=$?
    answers 1 "error: $PWD/pair:2: rank 1: base.png: cannot be read: No such file or directory"
    [[ $(echo $mpi-pair*.png second/$mpi*.png) == "$mpi-pair1.png $mpi-pair3.png second/$mpi*.png" ]] || fail "$mpi: a pair whose second rank fails drew $(echo $mpi-pair*.png)"
    cmp one/01.png "$mpi-pair1.png" || fail "$mpi: a pair whose second rank fails"
    status=0
    mpi_run "$mpi" 1 "$program" "${pair[@]}" "$mpi-none%d.png" : -n 1 "$program" "${pair[@]}" "$mpi-none%d.png" --stage-to nowhere >/dev/null 2>said || status=$?
    (( status == 1 )) && grep -q "error: rank 1 on $(uname -n): --stage-to: nowhere/.*: cannot be written: No such file or directory$" said &&
        grep -q "error: $PWD/pair:1: rank 1: this rank cannot draw$" said && [[ $(echo $mpi-none*) == "$mpi-none*" ]] || fail "$mpi: a second rank that cannot draw: $status, $(<said)"
    run 3 --prompts split --split guidance
    answers 1 'error: --split guidance needs an even number of ranks of MPI, found 3'

    # A line that starts from a picture of the list.
    printf '%s\n' red '{"prompt": "a", "init_img": "'"$mpi-from"'1.png"}' >from
    run 2 --prompts from -o "$mpi-from%d.png"
    answers 1 "error: from:2: it starts from $mpi-from1.png, which line 1 draws, maybe at the same time: put it into a second list, to be drawn when this one is done"

    # Mistakes are said once.
    run 3 --prompts nowhere
    answers 1 'error: nowhere: cannot be read: No such file or directory'
    run 3 --stepz 3
    answers 2 "error: unknown flag '--stepz': did you mean '--steps'?"

    # Ranks that do not know of each other: a program without MPI, one with another MPI, srun.
    case $mpi in openmpi) by=OMPI_COMM_WORLD_SIZE ;; mpich) by=PMI_SIZE ;; esac
    alone="and each would draw everything: "
    without="${alone}this program was built without --mpi; without MPI, tasks of a Slurm array share a list (--part)"
    status=0
    mpi_run "$mpi" 2 "$shapes" -p red -o never.png 2>said || status=$?
    answers 1 "error: 2 processes were started ($by), $without"
    status=0
    SLURM_STEP_ID=0 SLURM_NTASKS=3 "$program" -p red -o never.png 2>said || status=$?
    answers 1 "error: 3 processes were started (SLURM_NTASKS), but this program's MPI sees 1, ${alone}start it with the mpirun of $("$program" --info | sed -n 's/^mpi *//p'), or with the srun --mpi=TYPE that this MPI knows"
    for other in "${mpis[@]}"; do
        [[ $other == "$mpi" ]] && continue
        case $other in openmpi) by=OMPI_COMM_WORLD_SIZE ;; mpich) by=PMI_SIZE ;; esac
        status=0
        mpi_run "$other" 2 "$program" -p red -o never.png 2>said || status=$?
        answers 1 "error: 2 processes were started ($by), but this program's MPI sees 1, ${alone}start it with the mpirun of $("$program" --info | sed -n 's/^mpi *//p'), or with the srun --mpi=TYPE that this MPI knows"
    done
    SLURM_NTASKS=3 "$program" -p red --steps 1 -q -o batch.png || fail "$mpi: a batch script of Slurm is one process"
    [[ ! -e never.png ]] || fail "$mpi: drawn by ranks that do not know of each other"
done

# A rank has as many threads as its launcher gave it cores.
if (( $(nproc) > 1 )) && [[ " ${mpis[*]} " == *" openmpi "* ]]; then
    program=$(generator --cache on --mpi --mpicc mpicc.openmpi)
    timeout 60 mpirun.openmpi --bind-to core -n 2 "$program" -p red -b 4 --steps 2 -o bound.png --log bound.log >said 2>&1 || fail "--bind-to core: $(<said)"
    [[ $(grep -c '"threads": 1,' bound.log) == 4 ]] || fail "two ranks on two cores: $(<bound.log)"
fi

# Ranks without a picture sleep: three ranks, one picture.
mpi=${mpis[0]}
program=$(generator --cache on --mpi --mpicc "mpicc.$mpi")
ln -s "$program" sleepers
mpi_run "$mpi" 3 ./sleepers -p red --steps 1000 -q -o never.png 2>/dev/null & pid=$!
ticks() { for p in $(pgrep -f '^\./sleepers -p red'); do awk '{print $14 + $15, $1}' "/proc/$p/stat"; done | sort -k2; }
until (( $(ticks | wc -l) == 3 )); do sleep 0.1; done
sleep 1.5
ticks >before
sleep 1
ticks >after
kill "$pid"
wait "$pid" && fail "the job was to be ended"
idle=$(join -1 2 -2 2 before after | awk '$3 - $2 <= 15' | wc -l)
(( idle >= 2 )) || fail "ranks without work took time (clock ticks before and after): $(paste before after)"

# What latentc says, and a program alone.
expect 2 "*: error: --split: expected guidance or batch, found 'guidances'" "$program" -p red --split guidances
expect 1 '*: error: --split guidance needs an even number of ranks of MPI, found 1' "$shapes" -p red --split guidance
build=("$LATENTC" build "$SOURCE_DIR/graphs/shapes/pipeline.json" -o "$work/never")
expect 1 "latentc: error: --mpi: cannot run 'no-mpicc': No such file or directory; install Open MPI or MPICH with its headers, or name the compiler driver of another MPI with --mpicc" "${build[@]}" --mpi --mpicc no-mpicc
expect 2 'latentc: error: build: --mpicc goes with --mpi*' "${build[@]}" --mpicc mpicc
expect 2 'latentc: error: build: --mpi is for programs, not for --emit so*' "${build[@]}" --mpi --emit so
expect 1 'latentc: error: --mpi: aarch64 is another architecture: name the compiler driver of its MPI with --mpicc' "${build[@]}" --mpi --target aarch64
[[ -z $(ls "$work"/never* 2>/dev/null) ]] || fail "left behind: $(ls "$work"/never*)"
