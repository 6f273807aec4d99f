#!/bin/bash
# A real Slurm of one node runs the sbatch files of docs/clusters.md: the array, and MPI with srun.
. "$(dirname "$0")/common.sh"
[[ -n ${LATENTC_LONG:-} ]] || skip "long tier only (LATENTC_LONG_TESTS)"
(( EUID == 0 )) || skip "not root: daemons of Slurm are started here"
for program in slurmctld slurmd munged srun; do command -v $program >/dev/null || skip "no $program (tools/setup.sh --slurm)"; done
. "$(dirname "$0")/mpi.sh"
cd "$work"
chmod 755 "$work"
daemons=()
# Processes of steps report their end through the daemons. One that cannot would keep slurmd alive.
steps() {
    local pid
    for pid in $(pgrep slurmstepd); do [[ $(readlink "/proc/$pid/cwd") != "$work"* ]] || echo "$pid"; done
}
finish() {
    local i pid
    for ((i = 0; i < 50; i++)); do [[ -n $(steps) ]] || break; sleep 0.2; done
    for pid in $(steps); do kill -9 "$pid" 2>/dev/null || true; done
    for pid in "${daemons[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
    rm -rf "$work"
}
trap finish EXIT

# ---- munge and Slurm, in this folder ----
mkdir munge state spool
head -c 128 /dev/urandom >munge/key
chmod 700 munge munge/key
chmod 711 munge
munged --foreground --force --socket="$work/munge/socket" --key-file="$work/munge/key" --pid-file="$work/munge/pid" --log-file="$work/munge/log" --seed-file="$work/munge/seed" 2>munged.log &
daemons+=($!)
port=$((20000 + RANDOM % 20000))
cat >slurm.conf <<END
ClusterName=test
SlurmctldHost=$(hostname)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$work/munge/socket
ProctrackType=proctrack/linuxproc
TaskPlugin=task/affinity
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmctldPort=$port
SlurmdPort=$((port + 1))
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
MpiDefault=none
ReturnToService=2
NodeName=$(hostname) CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
export SLURM_CONF=$work/slurm.conf
for ((i = 0; i < 50; i++)); do [[ -S munge/socket ]] && break; sleep 0.1; done
slurmctld -D >slurmctld.log 2>&1 &
daemons+=($!)
slurmd -D >slurmd.log 2>&1 &
daemons+=($!)
for ((i = 0; i < 100; i++)); do [[ $(sinfo -h -o %T 2>/dev/null) == idle ]] && break; sleep 0.2; done
[[ $(sinfo -h -o %T) == idle ]] || fail "no Slurm here: $(tail -n 3 slurmctld.log slurmd.log)"

# ---- the files of the document ----
file() { sed -n "/\`$1\`:\$/,/^    sbatch/p" "$SOURCE_DIR/docs/clusters.md" | sed -n 's/^    //p' | sed '/^sbatch/d' >"$1"; [[ -s $1 ]] || fail "docs/clusters.md has no $1"; }
file array.sbatch
file mpi.sbatch
for ((i = 0; i < 12; i++)); do echo "{\"prompt\": \"a red circle\", \"seed\": $i, \"steps\": 4}"; done >list.txt
cp "$(generator)" shapes
mkdir one
./shapes --prompts list.txt -o 'one/%05d.png' -q || fail "one process"
same() { diff -r one out >/dev/null || fail "$1: $(diff -r one out; tail -n 5 slurm-*.out)"; }

sbatch --wait array.sbatch >/dev/null || fail "the array failed: $(tail -n 5 slurm-*.out)"
same "an array"
(( $(cat log-?.jsonl | grep -c '"result": "drawn"') == 12 )) || fail "the logs of the array: $(cat log-?.jsonl)"
rm -r out
sbatch --wait --array=1,3 array.sbatch >/dev/null || fail "two tasks failed: $(tail -n 5 slurm-*.out)"
[[ $(echo out/*) == "out/00002.png out/00004.png out/00006.png out/00008.png out/00010.png out/00012.png" ]] || fail "tasks 1 and 3 drew $(echo out/*)"
sed 's,slurm/4,slurm,' array.sbatch >plain.sbatch
! sbatch --wait --array=1,3 plain.sbatch >/dev/null || fail "an array with gaps was not refused"
grep -q 'the array has gaps: 2 tasks from 1 to 3' slurm-*.out || fail "an array with gaps: $(tail -n 5 slurm-*.out)"
rm -rf out
sbatch --wait plain.sbatch >/dev/null || fail "--part slurm failed: $(tail -n 5 slurm-*.out)"
same "--part slurm"

for mpi in "${mpis[@]}"; do
    case $mpi in openmpi) kind=pmix ;; mpich) kind=pmi2 ;; esac
    srun --mpi=list 2>&1 | grep -qw "$kind" || { echo "srun has no $kind for $mpi"; continue; }
    rm -rf out slurm-*.out log.jsonl
    cp "$(generator --cache on --mpi --mpicc "mpicc.$mpi")" shapes
    sed "s/--mpi=pmix/--mpi=$kind/" mpi.sbatch >this.sbatch
    sbatch --wait this.sbatch >/dev/null || fail "$mpi: $(tail -n 5 slurm-*.out)"
    same "$mpi with srun"
    [[ $(grep -o '"rank": [0-9]*' log.jsonl | sort -u | wc -l) == 2 ]] || fail "$mpi: who drew: $(<log.jsonl)"
    status=0 # srun without PMI: two processes that are each alone, or that Open MPI itself refuses
    srun -n 2 --mpi=none ./shapes -p red -o never.png 2>said || status=$?
    (( status == 1 )) && grep -qE "error: 2 processes were started \(SLURM_NTASKS\), but|OMPI was not built with SLURM's PMI support" said || fail "$mpi: srun --mpi=none: $status, $(<said)"
    [[ ! -e never.png ]] || fail "$mpi: srun --mpi=none drew"
    srun -n 1 --mpi=$kind ./shapes -p red --steps 1 -q -o step.png || fail "$mpi: one process in a step"
done
status=0 # a program without MPI
cp "$(generator)" shapes
srun -n 2 ./shapes -p red -o never.png 2>said || status=$?
(( status == 1 )) && [[ $(grep -c 'error: 2 processes were started (SLURM_NTASKS), and each would draw everything' said) == 1 && ! -e never.png ]] || fail "srun -n 2 without MPI: $status, $(<said)"
