#!/bin/bash
# Without /proc and /sys, or with nothing in them; more threads than CPUs; a limit on the number of processes.
. "$(dirname "$0")/common.sh"
chmod 755 "$work"
shapes=$(generator)
cd "$work"
picture=(-p "a red circle" --steps 2 -s 5)
"$shapes" "${picture[@]}" -o usual.png 2>/dev/null

# No /proc: the program finds its own file by the path that it was started with. No caches: measuring divides by nothing.
export LATENTC_SYSTEM_ROOT=$work/empty
"$shapes" "${picture[@]}" -o empty.png 2>said || fail "no /proc: $(cat said)"
cmp usual.png empty.png || fail "another picture without /proc"
"$LATENTC" compile "$SOURCE_DIR/tests/graphs/resnet.json" --tune tune.json --emit obj -o small.o 2>said || fail "--tune: $(cat said)"
"$LATENTC" bench "$SOURCE_DIR/graphs/shapes/pipeline.json" --stage decoder --kernels --repeat 1 >bench.json 2>said || fail "bench --kernels: $(tail -n 3 said)"
unset LATENTC_SYSTEM_ROOT

# Threads: four for each CPU, and that is said.
"$shapes" "${picture[@]}" -t 4000 -o many.png 2>said || fail "-t 4000: $(cat said)"
grep -q 'threads were wanted' said || fail "-t 4000 says only: $(cat said)"
cmp usual.png many.png || fail "another picture with many threads"

command -v setpriv >/dev/null && (( EUID == 0 )) || skip "no setpriv, or not root: the limit on processes is not tried"
cp "$shapes" "$SOURCE_DIR/tests/graphs/dense.json" .
limited() { # PROCESSES COMMAND...: as another user, who may have so many
    local n=$1
    shift
    setpriv --reuid 54321 --regid 54321 --clear-groups bash -c 'ulimit -u "$0" && exec "$@"' "$n" "$@"
}
mkdir open && chmod 777 open
for n in 1 2; do
    limited $n "./${shapes##*/}" "${picture[@]}" -t 4 -o open/few.png 2>said || fail "ulimit -u $n: $(cat said)"
    grep -q "4 threads were wanted; the system lets this process start only $n (ulimit -u)" said || fail "ulimit -u $n says: $(cat said)"
    cmp usual.png open/few.png || fail "another picture with $n threads"
done
