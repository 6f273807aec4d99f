#!/usr/bin/env bash
# Installs what is missing through apt: says what and why, asks nothing. Calls apt only when something is missing.
#   tools/setup.sh            what building and running needs
#   tools/setup.sh --tests    and what the tests need
#   tools/setup.sh --clang    and clang 22 with libomp, for the tsan, fuzz and clang presets
#   tools/setup.sh --cross    and what compiles for 64-bit Arm and runs it (adds the arm64 architecture to dpkg)
#   tools/setup.sh --check    only says what is missing; exit code 1 when something is
set -euo pipefail

# package|why
packages=(
    "gcc|compiles latentc and links generators"
    "libc6-dev|the C library"
    "cmake|configures the build"
    "ninja-build|runs the build"
    "pkg-config|finds the libraries"
    "llvm-22-dev|generates the code of kernels"
    "libcjson-dev|reads graphs and pipelines"
    "libpng-dev|reads and writes pictures"
    "libjpeg62-turbo-dev|reads pictures"
    "libhdf5-dev|reads weights that Keras wrote"
    "libcurl4-openssl-dev|fetches published weights"
    "libssl-dev|checks their sha256"
    "zlib1g-dev|compresses them"
    "libpcre2-dev|splits prompts into words"
    "libutf8proc-dev|lower case for all of Unicode"
)
test_packages=(
    "libcmocka-dev|unit tests"
    "binutils|disassembles generators"
    "qemu-user|runs code for other CPUs"
    "clang-format-14|checks the format of the source"
)
clang_packages=(
    "clang-22|the tsan and fuzz builds"
    "libomp-22-dev|OpenMP for clang, with Archer"
    "libclang-rt-22-dev|sanitizers for clang"
)
cross_packages=(
    "gcc-aarch64-linux-gnu|compiles and links for 64-bit Arm"
    "libc6-dev-arm64-cross|its C library"
    "libpng-dev:arm64|libpng for 64-bit Arm"
    "libjpeg62-turbo-dev:arm64|libjpeg for 64-bit Arm"
    "zlib1g-dev:arm64|zlib for 64-bit Arm"
    "libpcre2-dev:arm64|PCRE2 for 64-bit Arm"
    "libutf8proc-dev:arm64|utf8proc for 64-bit Arm"
)

check=0 cross=0
for option in "$@"; do
    case $option in
        --tests) packages+=("${test_packages[@]}") ;;
        --clang) packages+=("${clang_packages[@]}") ;;
        --cross) packages+=("${cross_packages[@]}"); cross=1 ;;
        --check) check=1 ;;
        *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
done

native=$(dpkg --print-architecture)
installed() { # package[:architecture]; a package can be there for several architectures at once
    local arch=$native
    [[ $1 == *:* ]] && arch=${1#*:}
    dpkg-query -W -f '${db:Status-Status} ${Architecture}\n' "${1%:*}" 2>/dev/null | grep -qxE "installed ($arch|all)"
}

missing=()
for row in "${packages[@]}"; do
    package=${row%%|*}
    if ! installed "$package"; then
        missing+=("$package")
        printf 'missing: %-24s %s\n' "$package" "${row#*|}"
    fi
done
(( ${#missing[@]} )) || exit 0
(( check )) && exit 1

sudo=()
if (( EUID != 0 )); then
    command -v sudo >/dev/null || {
        echo "setup: error: not root and no sudo; as root: apt-get install ${missing[*]}" >&2
        exit 1
    }
    sudo=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive
echo "installing with apt-get: ${missing[*]}"
if (( cross )); then
    "${sudo[@]}" dpkg --add-architecture arm64
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${sudo[@]}" apt-get update -q &&
       "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"; } \
       >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "setup: error: apt-get failed; its last lines are above" >&2
    exit 1
fi
