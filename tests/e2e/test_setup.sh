#!/bin/bash
# tools/setup.sh with managers of packages that only record what they are asked for; CMake's choice of LLVM.
. "$(dirname "$0")/common.sh"

# system MANAGER...: a folder for PATH with these managers and what the script itself needs. They have no package installed.
system() {
    rm -rf "$work/bin" "$work/asked"
    mkdir "$work/bin"
    local name
    for name in bash env sed tr grep uname mktemp rm cat tail seq; do ln -s "$(command -v $name)" "$work/bin/$name"; done
    for name in "$@"; do
        cat >"$work/bin/$name" <<FAKE
#!/bin/bash
echo "$name \$*" >>"$work/asked"
case "$name \$*" in
    "rpm -q"* | "pacman -Q"* | "dpkg-query"*) exit 1 ;;
    *repoquery*zlib-ng* | "apt-cache policy llvm-2"* | "apt-cache policy clang-format"*) ;;
    *repoquery*) echo found ;;
    "apt-cache policy"*) printf '  Candidate: 1.0\n'; seq 20000 ;; # more than a pipe holds
    "dpkg --print-arch"*) echo amd64 ;;
esac
FAKE
        chmod +x "$work/bin/$name"
    done
    ln -s "$(command -v true)" "$work/bin/sudo"
    PATH=$work/bin bash "$SOURCE_DIR/tools/setup.sh" --tests >"$work/said" 2>&1 || fail "setup.sh ended with $?: $(cat "$work/said")"
}
installs() { # TEXT: the line that says what is installed has it
    local line
    line=$(grep '^installing with ' "$work/said") || fail "nothing is installed: $(cat "$work/said")"
    [[ "$line " == *"$1"* ]] || fail "not \"$1\" in: $line"
}

system apt-get apt-cache dpkg dpkg-query
installs "installing with apt: gcc cmake "
installs " llvm-19-dev " # the newest that this system has
grep -q '^missing: apt has no clang-format-14 ' "$work/said" || fail "a package that apt lacks is not named: $(cat "$work/said")"
system dnf rpm
installs "installing with dnf: gcc cmake "
installs " zlib-devel " # a, where b is not there
(( EUID )) || grep -q '^dnf install -y gcc ' "$work/asked" || fail "dnf was not asked: $(cat "$work/asked")"
system pacman
installs "installing with pacman: gcc cmake "
system # none: says what is missing, and the build goes on
grep -q '^missing: libutf8proc ' "$work/said" || fail "does not list what is missing: $(cat "$work/said")"
grep -q '^missing: none of apt, dnf and pacman' "$work/said" || fail "does not say that nothing is installed: $(cat "$work/said")"

# CMake takes the newest LLVM, or the one that is named; not another one, nor one that is not there.
configure() { cmake -G Ninja -S "$SOURCE_DIR" -B "$work/cmake" -DLATENTC_TESTS=OFF "$@" >"$work/said" 2>&1; }
refuses() { ! configure "$@" || fail "CMake took $*"; }
newest=$(for v in 19 20 21 22; do [[ ! -e /usr/lib/llvm-$v/include/llvm-c/Core.h ]] || echo $v; done)
for version in $newest ''; do
    configure -DLATENTC_LLVM=$version || fail "CMake with LLVM ${version:-the newest}: $(cat "$work/said")"
    grep -q -- "^-- LLVM ${version:-${newest##*[!0-9]}}" "$work/said" || fail "CMake chose for '$version': $(cat "$work/said")"
done
refuses -DLATENTC_LLVM=18
grep -q 'LATENTC_LLVM=18: a major version from 19 to 22' "$work/said" || fail "$(cat "$work/said")"
printf '#!/bin/sh\necho 23.1.0\n' >"$work/llvm-config"
chmod +x "$work/llvm-config"
refuses -DLATENTC_LLVM= -DLATENTC_LLVM_CONFIG="$work/llvm-config"
grep -q 'belongs to LLVM "23.1.0"' "$work/said" || fail "$(cat "$work/said")"
