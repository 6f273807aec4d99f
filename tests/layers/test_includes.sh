#!/usr/bin/env bash
# Walls between folders that the compiler does not see: where a library's headers may be included, includes by path,
# header names that are not unique, and the files that headers name over groups of declarations.
set -euo pipefail
cd "$SOURCE_DIR"
failed=0
complain() { echo "$*"; failed=1; }
sources() { find compiler runtime -name "*.[ch]"; }

# Includes are bare names: "ir.h", never "../graph/ir.h".
while read -r line; do complain "$line: an include by path; expected the bare name"; done < <(
    grep -nE '^ *# *include *"[^"]*/' $(sources) | grep -v '"llvm-c/')

# Header names are unique, because every folder of a layer may be on the include path.
while read -r name; do complain "two headers are called $name"; done < <(
    find compiler runtime -name '*.h' -printf '%f\n' | sort | uniq -d)

# A library, and the files that may include its headers (patterns of bash).
while read -r header allowed; do
    while IFS=: read -r file line _; do
        for pattern in $allowed; do
            # shellcheck disable=SC2053
            [[ $file == $pattern ]] && continue 2
        done
        complain "$file:$line: includes $header, which belongs in $allowed"
    done < <(grep -nE "^ *# *include *[<\"]$header" $(sources) || true)
done <<'TABLE'
cjson/      compiler/base/json.c compiler/base/json_build.c compiler/base/json_doc.h
curl/       compiler/weights/fetch_http.c
openssl/    compiler/weights/fetch_http.c
hdf5        compiler/weights/h5*.[ch]
zip\.h      compiler/base/archive.c
llvm-c/     compiler/emit/*.[ch] compiler/program/*.[ch]
TABLE

# Only one file asks which version of LLVM it is compiled with.
while read -r line; do complain "$line: asks for LLVM's version, which belongs in compiler/emit/llvm_versions.c"; done < <(
    grep -nE 'LLVM_VERSION_(MAJOR|MINOR|STRING)' $(sources) | grep -v '^compiler/emit/llvm_versions\.[ch]:')

# Only host.c opens files below /proc and /sys; two others ask it for some.
while read -r line; do complain "$line: a path below /proc or /sys; expected functions of runtime/system/host.c"; done < <(
    grep -nE '"/(proc|sys)/' $(sources) | grep -vE '^(runtime/system/(host|threads)|compiler/base/hardware)\.c:')
while read -r line; do complain "$line: opens a file; expected functions of runtime/system/host.c"; done < <(
    grep -nE '(fopen|open|readlink|access|opendir|realpath) *\(' runtime/system/threads.c compiler/base/hardware.c)

# "/* name.c: ... */" or "/* ---- name.c ... */" heads the declarations of name.c. Prints, for each such comment, the place,
# the files that it names and the first function that is declared below it.
groups() {
    awk '
    /^\/\* (---- )?[a-z0-9_]+\.c([^a-z0-9_]|$)/ {
        head = $0; sub(/:.*/, "", head); names = ""
        while (match(head, /[a-z0-9_]+\.c/)) { names = names "," substr(head, RSTART, RLENGTH); head = substr(head, RSTART + RLENGTH) }
        place = FILENAME ":" FNR; waiting = 1
    }
    waiting && /^[A-Za-z_]/ && !/^typedef/ {
        line = $0; sub(/__attribute__.*/, "", line)
        if (match(line, /[A-Za-z_][A-Za-z0-9_]*\(/)) { print place, substr(names, 2), substr(line, RSTART, RLENGTH - 1); waiting = 0 }
    }' "$1"
}
while read -r place names function; do
    found=""
    for name in ${names//,/ }; do
        file=$(find compiler runtime -name "$name")
        [[ -n $file ]] || complain "$place: names $name, which does not exist"
        [[ -z $file ]] || ! grep -E "^([A-Za-z_].*[ *])?$function\(" $file | grep -qv ';$' || found=1
    done
    [[ -n $found ]] || complain "$place: $function is declared below $names, which does not define it"
done < <(find compiler runtime -name '*.h' | sort | while read -r header; do groups "$header"; done)
exit "$failed"
