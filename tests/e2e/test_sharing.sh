#!/bin/bash
# Two processes of one generator hold its weights once: each one's proportional share (Pss) of the mapping is half of what is resident.
# The buffers of a process ask for huge pages.
. "$(dirname "$0")/common.sh"
shapes=$(generator)
cd "$work"
cp "$shapes" own # nobody else runs this file
[[ -r /proc/self/smaps ]] || skip "no /proc/PID/smaps"
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait; rm -rf "$work"' EXIT

for i in 1 2; do
    ./own -p x --steps 1000 -t 1 -o "$i.png" 2>/dev/null &
    pids+=($!)
done

# mapped PID: KB of the largest shared mapping of the file: size, resident, proportional share. Nothing once the process is gone.
mapped() {
    awk -v file="$work/own" '
        /^[0-9a-f]+-[0-9a-f]+ / { shared = $2 ~ /s$/ && $6 == file }
        shared && $1 == "Size:" { size = $2 } shared && $1 == "Rss:" { rss = $2 }
        shared && $1 == "Pss:" && size > most { most = size; r = rss; p = $2 }
        END { if (most) print most, r, p }' "/proc/$1/smaps" 2>/dev/null || true
}

halved=
for (( tries = 0; tries < 200 && ${#halved} == 0; tries++ )); do
    sleep 0.05
    read -r size0 rss0 pss0 _ <<<"$(mapped "${pids[0]}") 0 0 0"
    read -r size1 rss1 pss1 _ <<<"$(mapped "${pids[1]}") 0 0 0"
    (( size0 && rss0 * 10 > size0 * 9 && rss1 * 10 > size1 * 9 )) || continue
    (( pss0 * 100 < rss0 * 55 && pss1 * 100 < rss1 * 55 )) && halved=yes
done
[[ $halved ]] || fail "weights of $size0 kB: resident $rss0 and $rss1 kB, shares $pss0 and $pss1 kB"

if grep -q '\[never\]' /sys/kernel/mm/transparent_hugepage/enabled 2>/dev/null || [[ ! -e /sys/kernel/mm/transparent_hugepage ]]; then
    echo "no huge pages on this machine: not checked"
else
    grep -q '^VmFlags:.* hg' "/proc/${pids[0]}/smaps" || fail "no buffer asks for huge pages"
fi
