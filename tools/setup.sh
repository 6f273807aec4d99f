#!/usr/bin/env bash
# Installs what is missing with the system's package manager: says what and why, asks nothing.
#   tools/setup.sh            what building and running needs
#   tools/setup.sh --tests    and what the tests need
#   tools/setup.sh --slurm    and a Slurm and what makes two hosts of one, for tests of the long tier
#   tools/setup.sh --clang    and clang with libomp, for the tsan, fuzz and clang presets
#   tools/setup.sh --cross    and what compiles for 64-bit Arm and runs it (Debian and Ubuntu; adds the arm64 architecture to dpkg)
#   tools/setup.sh --check    only says what is missing; exit code 1 when something is
# Knows apt, dnf and pacman. Without them it lists what is missing and ends well: the build finds what was installed by hand.
set -euo pipefail

# when | how to see that it is there | apt | dnf | pacman | why
# The second column: a command, a module of pkg-config, the header of the C library, LLVM; "-": only the package manager knows.
# "a,b": a or b, whichever the system has, a first. "-": this system has none, or needs none.
table='
build | command gcc             | gcc                  | gcc                 | gcc            | compiles latentc and links generators
build | header stdio.h          | libc6-dev            | glibc-devel         | glibc          | the C library
build | command cmake           | cmake                | cmake               | cmake          | configures the build
build | command ninja           | ninja-build          | ninja-build         | ninja          | runs the build
build | command pkg-config      | pkg-config,pkgconf   | pkgconf-pkg-config  | pkgconf        | finds the libraries
build | llvm                    | llvm-22-dev,llvm-21-dev,llvm-20-dev,llvm-19-dev | llvm-devel | llvm | generates the code of kernels (LLVM 19 to 22)
build | module libcjson         | libcjson-dev         | cjson-devel         | cjson          | reads graphs and pipelines
build | module libpng           | libpng-dev           | libpng-devel        | libpng         | reads and writes pictures
build | module libjpeg          | libjpeg62-turbo-dev,libjpeg-turbo8-dev | libjpeg-turbo-devel | libjpeg-turbo | reads pictures
build | module hdf5-serial,hdf5 | libhdf5-dev          | hdf5-devel          | hdf5           | reads weights that Keras wrote
build | module libzip           | libzip-dev           | libzip-devel        | libzip         | reads models that Keras saved as .keras
build | module libcurl          | libcurl4-openssl-dev | libcurl-devel       | curl           | fetches published weights
build | module libcrypto        | libssl-dev           | openssl-devel       | openssl        | checks their sha256
build | module zlib             | zlib1g-dev           | zlib-ng-compat-devel,zlib-devel | zlib | compresses them
build | module libpcre2-8       | libpcre2-dev         | pcre2-devel         | pcre2          | splits prompts into words
build | module libutf8proc      | libutf8proc-dev      | utf8proc-devel      | libutf8proc    | lower case for all of Unicode
tests | module cmocka           | libcmocka-dev        | libcmocka-devel     | cmocka         | unit tests
tests | command objdump         | binutils             | binutils            | binutils       | disassembles generators
tests | command qemu-aarch64    | qemu-user            | qemu-user           | qemu-user      | runs code for other CPUs
tests | command mpicc.openmpi   | libopenmpi-dev       | -                   | -              | generators that run under Open MPI
tests | command mpirun.openmpi  | openmpi-bin          | -                   | -              | starts them
tests | command mpicc.mpich     | libmpich-dev         | -                   | -              | generators that run under MPICH
tests | command mpirun.mpich    | mpich                | -                   | -              | starts them
tests | command clang-format-14 | clang-format-14      | -                   | -              | checks the format of the source
slurm | command slurmctld       | slurm-wlm            | -                   | -              | runs the sbatch files of docs/clusters.md
slurm | command munged          | munge                | -                   | -              | which it needs
slurm | command sshd            | openssh-server       | openssh-server      | openssh        | starts ranks on two hosts, which are namespaces
slurm | command ip              | iproute2             | iproute             | iproute2       | connects them
clang | command clang-22        | clang-22             | clang               | clang          | the tsan and fuzz builds
clang | -                       | libomp-22-dev        | libomp-devel        | openmp         | OpenMP for clang, with Archer
clang | -                       | libclang-rt-22-dev   | compiler-rt         | compiler-rt    | sanitizers for clang
cross | -                       | gcc-aarch64-linux-gnu | -                  | -              | compiles and links for 64-bit Arm
cross | -                       | libc6-dev-arm64-cross | -                  | -              | its C library
cross | -                       | libpng-dev:arm64     | -                   | -              | libpng for 64-bit Arm
cross | -                       | libjpeg62-turbo-dev:arm64,libjpeg-turbo8-dev:arm64 | - | -      | libjpeg for 64-bit Arm
cross | -                       | zlib1g-dev:arm64     | -                   | -              | zlib for 64-bit Arm
cross | -                       | libpcre2-dev:arm64   | -                   | -              | PCRE2 for 64-bit Arm
cross | -                       | libutf8proc-dev:arm64 | -                  | -              | utf8proc for 64-bit Arm
'

check=0 wanted=" build "
for option in "$@"; do
    case $option in
        --tests | --slurm | --clang | --cross) wanted+="${option#--} " ;;
        --check) check=1 ;;
        *) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
done

# ---- the package managers: is a package installed, does the system have it, install it ----
has() { command -v "$1" >/dev/null 2>&1; }
manager=none
for name in apt-get dnf pacman; do
    has "$name" && { manager=${name%-get}; break; }
done

apt_installed() { # package[:architecture]; a package can be there for several architectures at once
    local arch=$native
    [[ $1 == *:* ]] && arch=${1#*:}
    dpkg-query -W -f '${db:Status-Status} ${Architecture}\n' "${1%:*}" 2>/dev/null | grep -xE "installed ($arch|all)" >/dev/null
}
apt_prepare() {
    [[ $wanted != *" cross "* ]] || "${sudo[@]}" dpkg --add-architecture arm64
    "${sudo[@]}" apt-get update -q
}
apt_known() { [[ $(apt-cache policy "$1" 2>/dev/null) == *"Candidate: "[!\(]* ]]; }
apt_install() {
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}
dnf_installed() { rpm -q --whatprovides "$1" >/dev/null 2>&1; }
dnf_prepare() { :; }
dnf_known() { [[ -n $(dnf -q repoquery "$1" 2>/dev/null) ]]; }
dnf_install() { "${sudo[@]}" dnf install -y "$@"; }
pacman_installed() { pacman -Q "$1" >/dev/null 2>&1; }
pacman_prepare() { "${sudo[@]}" pacman -Sy --noconfirm; }
pacman_known() { pacman -Si "$1" >/dev/null 2>&1; }
pacman_install() { "${sudo[@]}" pacman -S --needed --noconfirm "$@"; }
none_installed() { false; }

# ---- what is missing ----
there() { # KIND NAMES: whether one of these is there without the package manager's help
    local name
    for name in ${2//,/ }; do
        case $1 in
            command) has "$name" && return ;;
            module) has pkg-config && pkg-config --exists "$name" && return ;;
            header) [[ -e /usr/include/$name ]] && return ;;
        esac
    done
    [[ $1 == llvm ]] || return 1
    for name in llvm-config-{22,21,20,19} llvm-config; do
        has "$name" && [[ $("$name" --version) =~ ^(19|2[0-2])\. && -e $("$name" --includedir)/llvm-c/Core.h ]] && return
    done
    return 1
}
missing() { # SEE PACKAGES
    local package
    for package in ${2//,/ }; do
        "${manager}_installed" "$package" && return 1
    done
    ! there "${1%% *}" "${1#* }"
}

native=$(dpkg --print-architecture 2>/dev/null || uname -m)
rows=()
while IFS='|' read -r when see apt dnf pacman why; do
    read -r when <<<"$when"; read -r see <<<"$see"; read -r why <<<"$why"
    [[ -n $when && $wanted == *" $when "* ]] || continue
    case $manager in
        apt) packages=$apt ;;
        dnf) packages=$dnf ;;
        pacman) packages=$pacman ;;
        none) packages=${see#* } ;;
    esac
    read -r packages <<<"$packages"
    [[ $packages != - ]] || continue
    missing "$see" "$packages" || continue
    rows+=("$packages|$why")
    printf 'missing: %-24s %s\n' "${packages//,/ or }" "$why"
done <<<"$table"
(( ${#rows[@]} )) || exit 0
(( check )) && exit 1
if [[ $manager == none ]]; then
    echo "missing: none of apt, dnf and pacman is here; install the above by hand. The build goes on and says what it does not find"
    exit 0
fi

# ---- install it ----
sudo=()
if (( EUID != 0 )); then
    has sudo || { echo "setup: error: not root and no sudo; as root install: $(printf '%s ' "${rows[@]%%|*}")" >&2; exit 1; }
    sudo=(sudo)
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
attempt() {
    "$@" >"$log" 2>&1 && return
    tail -n 20 "$log" >&2
    echo "setup: error: $manager failed; its last lines are above" >&2
    exit 1
}
attempt "${manager}_prepare"
install=()
for row in "${rows[@]}"; do
    choice=''
    for package in $(tr ',' ' ' <<<"${row%%|*}"); do
        "${manager}_known" "$package" && { choice=$package; break; }
    done
    packages=${row%%|*}
    if [[ -n $choice ]]; then
        install+=("$choice")
    else
        echo "missing: $manager has no ${packages//,/ or } (${row#*|}); going on without"
    fi
done
(( ${#install[@]} )) || exit 0
echo "installing with $manager: ${install[*]}"
attempt "${manager}_install" "${install[@]}"
