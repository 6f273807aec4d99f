#!/bin/bash
# A system without some static libraries (Fedora, Arch): the program uses shared ones, and a note says so. Other failures are shown.
. "$(dirname "$0")/common.sh"
[[ $COMPILER_ID == GNU ]] || skip "programs are static only where gcc compiles the runtime"
cc=$(command -v "${CC:-cc}") || skip "no cc"

# driver COMMANDS: a compiler driver that runs these commands of the shell first.
driver() { printf '#!/bin/bash\n%s\nexec %q "$@"\n' "$1" "$cc" >"$work/cc"; chmod +x "$work/cc"; }
compile=("$LATENTC" compile "$SOURCE_DIR/tests/graphs/dense.json" --weights synthetic:1 --emit exe -o "$work/exe" --cc "$work/cc")

driver '[[ $* != *-print-file-name=libutf8proc.a* ]] || { echo libutf8proc.a; exit 0; }
[[ $* != *-static* ]] || { echo "cannot find -lutf8proc" >&2; exit 1; }'
expect 0 'note: this system has no libutf8proc.a: the program is linked with shared libraries, and needs them where it runs' "${compile[@]}"
[[ $("$work/exe" --help) == *"runs the graph"* ]] || fail "the program with shared libraries does not run"
rm "$work/exe"

driver 'echo "disk on fire" >&2; [[ $* == *-print* ]] || exit 1'
said=$("${compile[@]}" 2>&1) && fail "linked with a driver that fails"
[[ $said == *"disk on fire"*"could not link the program"* && $said != *note:* ]] || fail "a driver that fails: $said"
[[ ! -e $work/exe ]] || fail "a program is left"
