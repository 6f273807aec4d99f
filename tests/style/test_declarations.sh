#!/usr/bin/env bash
# Every function that a header declares has a comment above it, of its own or shared by at most four of a kind. Limits: six
# parameters a function, 60 lines a function, 450 lines a file. Prints the longest functions and files.
set -euo pipefail
cd "$SOURCE_DIR"
records=$(find compiler runtime -name '*.[ch]' -print0 | sort -z | xargs -0 awk -f tests/style/declarations.awk)
lengths=$(find compiler runtime -name '*.[ch]' -exec wc -l {} \; | sort -k1,1nr -k2)
failed=0
check() { # TEXT AWK-PROGRAM: prints the places that the program selects
    local places
    places=$(awk -F '\t' "$2" <<<"$records")
    [[ -z $places ]] || { sed "s/\$/: $1/" <<<"$places"; failed=1; }
}
[[ $(grep -c '^prototype' <<<"$records") -gt 500 && $(grep -c '^function' <<<"$records") -gt 1500 ]] ||
    { echo "declarations.awk finds too few functions; is it in step with .clang-format?"; failed=1; }
check 'no comment above the declaration' '$1 == "prototype" && $5 == 0 { print $2 ": " $3 }'
check 'the comment above covers more than four functions' '$1 == "prototype" && $5 > 4 { print $2 ": " $3 }'
check 'more than six parameters' '$4 > 6 { print $2 ": " $3 " has " $4 }'
check 'more than 60 lines' '$1 == "function" && $5 > 60 { print $2 ": " $3 " has " $5 }'
long=$(awk '$1 > 450 { print $2 ": " $1 " lines: more than 450" }' <<<"$lengths")
[[ -z $long ]] || { echo "$long"; failed=1; }

echo 'The longest functions:'
grep '^function' <<<"$records" | sort -t $'\t' -k5,5nr -k2,2 | awk -F '\t' 'NR <= 10 { printf "%6d %s (%s)\n", $5, $3, $2 }'
echo 'The longest files:'
awk 'NR <= 10 { printf "%6d %s\n", $1, $2 }' <<<"$lengths"
exit "$failed"
