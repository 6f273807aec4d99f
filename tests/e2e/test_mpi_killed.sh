#!/bin/bash
# MPI jobs of which a rank is killed at a random time, 20 times: the job ends, nothing half-written has a picture's name, and the
# same command goes on. In every second job, pairs of ranks draw each picture (--split guidance).
. "$(dirname "$0")/common.sh"
[[ -n ${LATENTC_LONG:-} ]] || skip "long tier only (LATENTC_LONG_TESTS)"
. "$(dirname "$0")/mpi.sh"
shapes=$(generator)
cd "$work"
mkdir one
for ((i = 0; i < 24; i++)); do echo "{\"prompt\": \"a red circle\", \"seed\": $i, \"steps\": 6}"; done >list
"$shapes" --prompts list -o 'one/%02d.png' -q || fail "one process"
whole() { # every picture that is there is complete
    local file
    for file in "$1"/*.png; do [[ ! -e $file ]] || cmp "one/${file##*/}" "$file" || fail "$mpi: $file is not whole"; done
}
for mpi in "${mpis[@]}"; do
    program=$(generator --mpi --mpicc "mpicc.$mpi")
    ln -s "$program" "killed-$mpi"
    killed=0
    for ((round = 0; round < 20; round++)); do
        rm -rf out && mkdir out
        split=batch
        (( round % 2 == 0 )) || split=guidance
        mpi_run "$mpi" 4 "./killed-$mpi" --prompts list -o 'out/%02d.png' --split $split >/dev/null 2>said & pid=$!
        sleep "$((RANDOM % 2)).$((RANDOM % 10))$((RANDOM % 10))"
        mapfile -t ranks < <(pgrep -f "^\\./killed-$mpi --prompts list")
        if (( ${#ranks[@]} )) && kill -KILL "${ranks[RANDOM % ${#ranks[@]}]}" 2>/dev/null; then
            killed=$((killed + 1))
            status=0
            wait "$pid" || status=$?
            (( status != 124 )) || fail "$mpi: the job did not end when a rank was killed: $(<said)"
        else
            wait "$pid" || fail "$mpi: a job that nobody killed failed: $(<said)"
        fi
        whole out
        mpi_run "$mpi" 4 "./killed-$mpi" --prompts list -o 'out/%02d.png' --split $split >/dev/null 2>said || fail "$mpi: the same command did not go on: $(<said)"
        diff -r one out >/dev/null || fail "$mpi: round $round: $(diff -r one out)"
    done
    echo "$mpi: $killed of 20 jobs lost a rank"
    (( killed >= 10 )) || fail "$mpi: only $killed of 20 jobs were killed in time"
done
