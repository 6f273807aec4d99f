#!/usr/bin/env bash
# What documents say about files is true:
# - every path in backticks exists, and every relative link leads to a file and a heading;
# - the README of a layer's folder has a row for every file of the folder;
# - tests/README.md has every test.
set -euo pipefail
cd "$SOURCE_DIR"
failed=0
fail() { echo "FAILED: $*"; failed=1; }

# Files whose names a document may use without their folder.
mapfile -t files < <(find compiler runtime tests bench docs graphs tools cmake -type f -not -name '*.pyc' | sed 's|^\./||')
files+=(*.sh *.md *.txt *.json)
declare -A named=() # base names
for file in "${files[@]}"; do named[${file##*/}]=1; done

# exists FOLDER PATH: PATH (a pattern of the shell) from FOLDER, from the root, from compiler/, runtime/ or tests/; or a bare name
exists() {
    local folder path=$2 name
    for folder in "$1" . compiler runtime tests; do
        compgen -G "$folder/$path" >/dev/null && return
    done
    [[ $path != */* ]] || return 1
    [[ ! ${named[$path]:-} ]] || return 0
    [[ $path == *'*'* ]] || return 1
    # shellcheck disable=SC2053
    for name in "${!named[@]}"; do [[ $name == $path ]] && return; done
    return 1
}

# in_backticks FILE: what stands in backticks outside code blocks, one a line
in_backticks() { grep -v '^    ' "$1" | grep -oE '`[^`]+`' | tr -d '`' || true; }

# Placeholders such as pass_NAME.c are no files.
placeholder='(^|[^A-Za-z])[A-Z]{2,}([^A-Za-z]|$)|[<>{}$ ]'

documents=(README.md HACKING.md docs/*.md tests/README.md bench/README.md bench/*/README.md
    compiler/*/README.md runtime/README.md runtime/*/README.md graphs/*/README.md)
for document in "${documents[@]}"; do
    folder=$(dirname "$document")
    while read -r path; do
        [[ $path =~ \.(c|h|def|sh|py|tsv)$|[a-z]/$ ]] || continue
        [[ ! $path =~ $placeholder ]] || continue
        exists "$folder" "$path" || fail "$document names $path, which does not exist"
    done < <(in_backticks "$document" | sort -u)

    # [text](path#heading)
    while read -r link; do
        path=${link%%#*}
        [[ -z $path || -e $folder/$path ]] || { fail "$document: the link $link leads nowhere"; continue; }
        [[ $link == *'#'* ]] || continue
        grep -E '^#+ ' "$folder/${path:-${document##*/}}" | sed -E 's/^#+ +//; s/[^A-Za-z0-9 _-]//g; s/ /-/g' | tr A-Z a-z |
            grep -qxF -- "${link#*#}" || fail "$document: the link $link leads to no heading"
    done < <(grep -oE '\]\([^)]+\)' "$document" | sed 's/^](//; s/)$//' | grep -vE '^[a-z]+:' | sort -u || true)
done

# A folder's README: `name.c` or `name`, which means all files with that stem, in the first column of its table.
for folder in compiler/*/ runtime/*/; do
    folder=${folder%/} readme=${folder%/}/README.md
    [[ -e $readme ]] || { fail "$readme is missing"; continue; }
    rows=$(grep '^| *`' "$readme" | cut -d'|' -f2 | grep -oE '`[^`]+`' | tr -d '`' || true)
    for row in $rows; do
        compgen -G "$folder/$row" >/dev/null || compgen -G "$folder/$row.*" >/dev/null || fail "$readme has a row for $row, which does not exist"
    done
    stems=$(sed -E 's/\.(c|h|def)$//' <<<"$rows")
    for file in "$folder"/*.c "$folder"/*.h "$folder"/*.def; do
        [[ -e $file ]] || continue
        stem=${file##*/}
        grep -qxF "${stem%.*}" <<<"$stems" || fail "$readme has no row for ${file##*/}"
    done
done

# tests/README.md: `unit/graph/test_frontend` is a test, without its ending; * stands for several.
tests=$(find tests -name 'test_*.c' -o -name 'test_*.sh' -o -name 'fuzz_*.c' | sed 's|^tests/||; s|\.[a-z]*$||' | sort)
mentioned=$(in_backticks tests/README.md | grep -E '(^|/)(test|fuzz)_' | sort -u)
matches() { # TEST: is it mentioned?
    local pattern
    # shellcheck disable=SC2053
    for pattern in $mentioned; do [[ $1 == $pattern ]] && return; done
    return 1
}
set -f
for name in $tests; do matches "$name" || fail "tests/README.md lacks $name"; done
set +f

# Tests that other texts name: tests/unit/graph/test_frontend, e2e/test_bench or test_bench alone, with * for several.
while IFS=: read -r file name; do
    name=${name#tests/}
    compgen -G "tests/$name.c" >/dev/null || compgen -G "tests/$name.sh" >/dev/null || exists tests "$name.c" || exists tests "$name.sh" ||
        fail "$file names the test $name, which does not exist"
done < <(grep -rHoE '\b((tests|unit|e2e|numeric|error|lower|style|layers|pictures)/)[a-z0-9/]*test_[a-z0-9_]*\*?' \
    compiler runtime docs HACKING.md README.md tests bench --include='*.[ch]' --include='*.def' --include='*.md' --include='*.sh'
    grep -HoE '\btest_[a-z0-9_]+\*?' "${documents[@]}")
exit $failed
