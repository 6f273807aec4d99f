# For the end-to-end tests: source it. Gives $work (removed at the end), generator, expect and fail.
# Needs LATENTC, SOURCE_DIR, BUILD_DIR, TOOLS from the environment, as tests/CMakeLists.txt sets them.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() { echo "FAILED: $*"; exit 1; }
skip() { echo "SKIP: $*"; exit 77; }

# generator [FLAGS...]: path of graphs/shapes built with these flags; built once for all tests, anew when the compiler is newer.
generator() {
    local key file
    key=$(printf '%s\0' "$@" | cksum | cut -d' ' -f1)
    file=$BUILD_DIR/tests/generated/shapes-$key
    mkdir -p "${file%/*}"
    (
        flock 9
        if [[ ! -x $file || $LATENTC -nt $file || $SOURCE_DIR/graphs/shapes/weights.safetensors -nt $file ]]; then
            "$LATENTC" build "$SOURCE_DIR/graphs/shapes/pipeline.json" -o "$file" "$@" >&2
        fi
    ) 9>"$file.lock"
    echo "$file"
}

# expect CODE PATTERN COMMAND...: the command ends with CODE and says PATTERN (a glob for the whole of standard error, progress aside).
expect() {
    local code=$1 pattern=$2 status=0 said
    shift 2
    said=$("$@" 2>&1 >"$work/expect.out") || status=$?
    said=$(grep -v '^drawing: \|^wrote ' <<<"$said" || true)
    (( status == code )) || fail "'${*##*/}' ended with $status, expected $code; it said: $said"
    # shellcheck disable=SC2053
    [[ $said == $pattern ]] || fail "'${*##*/}' said: $said; expected: $pattern"
    [[ $said != *$'\n'* ]] || fail "'${*##*/}' said more than one line: $said"
}
