#!/bin/bash
# Every command has --help on standard output and exit code 0; unknown flags are exit code 2.
. "$(dirname "$0")/common.sh"
commands=$("$LATENTC" --help | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p')
[[ $(wc -w <<<"$commands") -ge 7 ]] || fail "--help lists only: $commands"
for command in $commands; do
    help=$("$LATENTC" "$command" --help 2>"$work/stderr") || fail "$command --help ended with $?"
    [[ $help == *"latentc $command"* ]] || fail "$command --help does not show its usage: $help"
    [[ ! -s $work/stderr ]] || fail "$command --help wrote to standard error"
    expect 2 'latentc: error: *' "$LATENTC" "$command" --no-such-flag
done
[[ $("$LATENTC" --version) =~ ^latentc\ [0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "--version printed $("$LATENTC" --version)"
for target in x86-64 x86-64-v3 x86-64-v4 aarch64; do
    grep -qE "^$target +(yes|no) " <<<"$("$LATENTC" targets)" || fail "targets does not list $target"
done
