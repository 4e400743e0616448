# SPDX-License-Identifier: MIT
#
# What the subcommands of ./labe share; read by each of them first. Sets:
#   root   the tree             build  where outputs go (LABE_BUILD, default build/ in the tree)
#   arch   the architecture     out    $build/$arch    host  $build/host
# Exit statuses: 2 for a wrong command line, 1 for anything else that fails before a program of the user ran.

set -eu
export LC_ALL=C
root=$(cd "$(dirname "$0")/.." && pwd)
build=${LABE_BUILD:-$root/build}
arch=x86_64
out=$build/$arch
host=$build/host

say() { printf '%s\n' "labe: $*" >&2; }
die() { say "$@"; exit 1; }
usage_error() { say "$@"; say "try: ./labe help"; exit 2; }

case $root$build in
*[!A-Za-z0-9/._+@%~-]*) die "make needs paths without blanks and odd characters: $root, $build" ;;
esac

# need_value OPTION COUNT: the option must be followed by something.
need_value() { [ "$2" -ge 2 ] || usage_error "$1 needs a value"; }

# need_number OPTION VALUE LOW HIGH
need_number() {
    case $2 in
    '' | *[!0-9]* | ???????*) usage_error "$1: '$2' is no number from $3 to $4" ;;
    esac
    [ "$2" -ge "$3" ] && [ "$2" -le "$4" ] || usage_error "$1: $2 is not between $3 and $4"
}

need_file() { [ -f "$2" ] && [ -r "$2" ] || usage_error "$1: no file '$2' that can be read"; }

cpus() { getconf _NPROCESSORS_ONLN 2> /dev/null || echo 1; }

# LABE_BUILT is set by ./labe test for the many runs it starts: the set-up is done and the build is up to date.
set_up() { [ -n "${LABE_BUILT:-}" ] || "$root/tool/setup.sh" || exit 1; }

# run_make GOAL...: quiet when nothing is wrong; what the compiler says is shown as it is. One build at a time.
run_make() {
    [ -z "${LABE_BUILT:-}" ] || return 0
    mkdir -p "$build"
    [ -e "$out/bin/boot" ] || say "building for the first time; this takes a minute or two"
    flock "$build/lock" make -s -C "$root" B="$build" ARCH="$arch" -j"$(cpus)" "$@" > "$build/make.$$" || {
        grep -v '^  ' "$build/make.$$" >&2 || true
        rm -f "$build/make.$$"
        return 1
    }
    rm -f "$build/make.$$"
}

# A scratch folder that goes away with the process.
scratch_make() {
    mkdir -p "$build"
    scratch=$(mktemp -d "$build/run.XXXXXX")
    trap 'rm -rf "$scratch"' EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

# The conformance probe, when it lies beside the tree; else nothing.
probe_folder() {
    for d in "${LABE_PROBE:-$root/../probe}" "$root/../shared/probe"; do
        if [ -d "$d/kernel" ] && [ -d "$d/user" ]; then
            (cd "$d" && pwd)
            return 0
        fi
    done
}
