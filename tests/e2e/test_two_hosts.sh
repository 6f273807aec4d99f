#!/bin/bash
# MPI jobs over two hosts. Each is a namespace of this machine with a network, a name, processes, shared memory and a local disk of
# its own; the folder of the job is their shared disk. mpirun starts ranks by ssh. Lists, pairs, --stage-to, a host that is lost.
. "$(dirname "$0")/common.sh"
[[ -n ${LATENTC_LONG:-} ]] || skip "long tier only (LATENTC_LONG_TESTS)"
(( EUID == 0 )) || skip "not root: namespaces are made here"
for program in ip ssh ssh-keygen nsenter unshare; do command -v $program >/dev/null || skip "no $program (tools/setup.sh --slurm)"; done
sshd=$(command -v sshd /usr/sbin/sshd | head -1)
[[ -n $sshd ]] || skip "no sshd (tools/setup.sh --slurm)"
unshare -n -u -m -p -i --fork true 2>"$work/refused" || skip "no namespaces here: $(<"$work/refused")"
. "$(dirname "$0")/mpi.sh"
# MPICH 4.0.2 of Debian (UCX 1.13) draws the same pictures here, but even a program that only begins and ends MPI does not end.
[[ " ${mpis[*]} " == *" openmpi "* ]] || skip "no mpicc.openmpi (tools/setup.sh --tests)"
cd "$work"
finish() {
    local host
    for host in node1 node2; do stop $host; done
    wait
    rm -rf "$work"
}
trap finish EXIT

# ---- the hosts ----
mkdir -p local /run/sshd
ssh-keygen -q -t ed25519 -N '' -f key
printf '%s\n' 'Port 2222' "HostKey $work/key" "AuthorizedKeysFile $work/key.pub" 'StrictModes no' 'PermitRootLogin yes' 'PidFile none' 'UsePAM no' >sshd_config
printf '%s\n' 'Port 2222' "IdentityFile $work/key" 'StrictHostKeyChecking no' 'UserKnownHostsFile /dev/null' 'LogLevel ERROR' 'BatchMode yes' >ssh_config
printf '#!/bin/sh\nexec ssh -F %s/ssh_config "$@"\n' "$work" >remote
chmod +x remote
cat >boot <<END
hostname \$1
for folder in /dev/shm /tmp; do [ "\$folder" = "$(dirname "$work")" ] || mount -t tmpfs none \$folder; done
mount -t tmpfs none $work/local
mount -t sysfs none /sys
ip link set lo up
mount --bind $work/names /etc/hosts
exec sleep 600
END
printf '127.0.0.1 localhost\n10.77.0.1 node1\n10.77.0.2 node2\n' >names
on() { # HOST COMMAND...: in the folder of the job
    local pid
    pid=$(<"$1.pid")
    nsenter -t "$pid" -n -u -m -p -i sh -c 'cd "$1" && shift && exec "$@"' sh "$work" "${@:2}"
}
start() {
    unshare -n -u -m -p -i --fork --kill-child --mount-proc sh boot "$1" &
    local i parent=$!
    for ((i = 0; i < 50; i++)); do pgrep -P $parent sleep >"$1.pid" && return; sleep 0.1; done
    fail "$1 did not start"
}
stop() { [[ ! -s $1.pid ]] || kill -9 "$(<"$1.pid")" 2>/dev/null || true; }
connect() { # a wire between both
    local i
    ip link add eth0 netns "$(<node1.pid)" type veth peer name eth0 netns "$(<node2.pid)"
    for i in 1 2; do
        on node$i ip addr add 10.77.0.$i/24 dev eth0
        on node$i ip link set eth0 up
        on node$i "$sshd" -f "$work/sshd_config"
    done
    for ((i = 0; i < 50; i++)); do on node1 ./remote node2 true 2>/dev/null && return; sleep 0.1; done
    fail "no ssh from node1 to node2: $(on node1 ./remote node2 true 2>&1)"
}
start node1
start node2
connect

# job RANKS COMMAND...: half of the ranks on each host
job() {
    local hosts="node1:$(($1 / 2)),node2:$(($1 / 2))"
    on node1 timeout 120 mpirun.openmpi --mca plm_rsh_agent "$work/remote" --host "$hosts" --oversubscribe -n "$@"
}
drawn_by() { grep -o '"rank": [0-9]*, "host": "[^"]*"' "$1" | sort -u | tr '\n' ' '; }

for ((i = 0; i < 12; i++)); do echo "{\"prompt\": \"a red circle\", \"seed\": $i, \"steps\": 20}"; done >list
mkdir one
"$(generator)" --prompts list -o 'one/%02d.png' -q || fail "one process"
cp "$(generator --mpi --mpicc mpicc.openmpi)" program
mkdir drawn pairs
job 4 ./program --prompts list -o 'drawn/%02d.png' --log log --stage-to local >said 2>&1 || fail "two hosts: $(<said)"
diff -r one drawn >/dev/null || fail "two hosts drew other pictures: $(diff -r one drawn)"
[[ $(drawn_by log) == *'"host": "node1"'*'"host": "node2"'* ]] || fail "drawn by $(drawn_by log)"
for host in node1 node2; do # one copy on each host, which is the program
    [[ $(on $host ls local | sed 's/-[0-9a-f]\{16\}/-H/') == $'program-H\nprogram-H.lock' ]] || fail "copies on $host: $(on $host ls local)"
    on $host sh -c 'cmp program local/program-*[0-9a-f] && rm local/*' || fail "the copy on $host"
done
job 2 ./program --prompts list -o 'pairs/%02d.png' --split guidance >said 2>&1 || fail "a pair on two hosts: $(<said)"
diff -r one pairs >/dev/null || fail "a pair on two hosts drew other pictures: $(diff -r one pairs)"
on node2 umount "$work/local" # a host that cannot copy says so; the other one draws
on node2 mount -t tmpfs -o size=1M none "$work/local"
mkdir small
job 2 ./program --prompts list -o 'small/%02d.png' --stage-to local >said 2>&1 || true
grep -q '^program: error: rank 1 on node2: local/program-.*: cannot be written: No space left on device$' said || fail "a full disk on node2: $(<said)"
diff -r one small >/dev/null || fail "node2 has no space: $(diff -r one small)"

# All of node2 ends at once, in the middle of the job.
rm -r drawn
mkdir drawn
job 2 ./program --prompts list -o 'drawn/%02d.png' >said 2>&1 & pid=$!
until compgen -G 'drawn/*.png' >/dev/null; do sleep 0.05; done
stop node2
status=0
wait $pid || status=$?
(( status != 0 && status != 124 )) || fail "a lost host: $status, $(<said)"
for picture in drawn/*.png; do cmp "one/${picture##*/}" "$picture" || fail "not whole after a host was lost"; done
on node1 ip link del eth0 2>/dev/null || true
start node2
connect
job 2 ./program --prompts list -o 'drawn/%02d.png' >said 2>&1 || fail "the same command did not go on: $(<said)"
diff -r one drawn >/dev/null || fail "resumed: $(diff -r one drawn)"
on node1 sh -c 'rm -f local/*'
