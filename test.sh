#!/usr/bin/env bash
# Sets up, builds and runs every test. The last line counts them: "N passed, N failed[, N skipped]".
#   ./test.sh                quick tier (minutes)
#   ./test.sh --long         the long tier too: 200 captions, full-size models
#   ./test.sh --sanitize     builds with AddressSanitizer and UndefinedBehaviorSanitizer (build-asan/)
#   ./test.sh -R PATTERN     only tests whose name matches
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"

preset=release long=OFF filter=()
while (( $# )); do
    case $1 in
        --long) long=ON ;;
        --sanitize) preset=asan ;;
        -R) filter=(-R "${2:?test.sh: -R needs a pattern}"); shift ;;
        *) sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
    shift
done
folder=build; [[ $preset == release ]] || folder=build-$preset

tools/setup.sh --tests
cmake --preset "$preset" -DLATENTC_TESTS=ON -DLATENTC_LONG_TESTS="$long"
cmake --build "$folder" -- -j "$(nproc)"

# ctest runs as many tests at once as there are cores: most tests use one thread.
log=$folder/tests.log
status=0
ctest --test-dir "$folder" --output-on-failure -j "$(nproc)" --no-tests=error "${filter[@]}" 2>&1 | tee "$log" || status=$?

# "  3/41 Test  #3: unit/test_x ....   Passed    0.10 sec"
count() { grep -cE "^ *[0-9]+/[0-9]+ Test +#[0-9]+: .*$1" "$log" || true; }
total=$(count '')
passed=$(count ' Passed ')
skipped=$(count '\*\*\*Skipped')
failed=$(( total - passed - skipped ))
# The last line of a skipped script says why it was skipped.
if (( skipped )); then
    awk '/^[0-9]+\/[0-9]+ Testing: /{name=$3} tolower($0) ~ /^skip[a-z]*: /{sub(/^[^:]*: /,""); print "skipped " name ": " $0}' \
        "$folder/Testing/Temporary/LastTest.log"
fi
line="$passed passed, $failed failed"
(( skipped )) && line+=", $skipped skipped"
(( status != 0 && failed == 0 )) && { echo "ctest failed with $status"; line="$passed passed, 1 failed"; failed=1; }
echo "$line"
(( failed == 0 ))
