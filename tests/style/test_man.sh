#!/bin/bash
# docs/latentc.1 has every command, its usage and every flag of it; `latentc show --help` names every stage that --after takes.
. "$(dirname "$0")/../e2e/common.sh"
page=$(sed 's/\\f[BIRP]//g; s/\\//g' "$SOURCE_DIR/docs/latentc.1")
commands=$("$LATENTC" --help | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p')
for command in $commands; do
    grep -qE "^\.S?[BS] (latentc )?$command( |$)" <<<"$page" || fail "the man page lacks the command $command"
done
for command in $commands 'weights list' 'weights check' 'weights convert' 'weights fetch'; do
    for flag in $("$LATENTC" $command --help | sed -nE 's/^  (-.,|   ) --([a-z0-9-]+).*/\2/p'); do
        grep -qE -- "--$flag([^a-z-]|$)" <<<"$page" || [[ $flag == help ]] || fail "the man page lacks --$flag of $command"
    done
done
# SYNOPSIS has the line of every command as its --help prints it.
synopsis=$(sed -n '/^\.SH SYNOPSIS/,/^\.SH DESC/p' <<<"$page")
for command in $commands 'weights list' 'weights check' 'weights convert' 'weights fetch'; do
    usage=$("$LATENTC" $command --help | sed -n '1s/^usage: //p')
    [[ $command == weights ]] || grep -qxF -- "$usage" <<<"$synopsis" || fail "SYNOPSIS lacks: $usage"
done
help=$("$LATENTC" show --help | tr '\n' ' ')
for stage in expand all algorithm lower $(sed -n 's/^PASS(\([a-z]*\),.*/\1/p' "$SOURCE_DIR/compiler/passes/passes.def"); do
    grep -qE " $stage[ :;]" <<<"$help" || fail "latentc show --help lacks --after $stage"
done
! command -v man >/dev/null || [[ -z $(man --warnings -l "$SOURCE_DIR/docs/latentc.1" 2>&1 >/dev/null) ]] || fail "man warns about the page"
