#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tool/setup.sh: everything tool/packages lists is there afterwards, or the status is 1 and the exact line to type has
# been printed. Installs only as root or through sudo.
# tool/setup.sh --doctor: installs nothing; one line for each thing that is missing or too old, with the remedy.

. "$(dirname "$0")/common.sh"
packages=${LABE_PACKAGES:-$root/tool/packages}

# there PROOF: a command in the path or a file.
there() {
    case $1 in
    /*) [ -e "$1" ] ;;
    *) command -v "$1" > /dev/null 2>&1 ;;
    esac
}

# version_of PROOF: the first thing in the program's own words that looks like a version.
version_of() {
    case $1 in
    prove) perl -e 'printf "%vd\n", $^V' ;;
    *) "$1" --version 2> /dev/null ;;
    esac | sed -n '1s/^[^0-9]*\(([^)]*)\)\{0,1\}[^0-9]*\([0-9][0-9]*\(\.[0-9][0-9]*\)*\).*/\2/p'
}

# at_least HAVE WANT
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

missing=
old=0
check() {
    while read -r package minimum proof purpose; do
        case $package in '' | '#'*) continue ;; esac
        if ! there "$proof"; then
            missing="$missing $package"
            [ -z "$1" ] || printf 'missing  %-20s %s; install: apt-get install %s\n' "$package" "$purpose" "$package"
        elif [ "$minimum" != - ]; then
            have=$(version_of "$proof")
            [ -n "$have" ] && at_least "$have" "$minimum" && continue
            old=$((old + 1))
            [ -z "$1" ] || printf 'too old  %-20s %s: have %s, need %s; update: apt-get install %s\n' \
                "$package" "$proof" "${have:-an unknown version}" "$minimum" "$package"
        fi
    done < "$packages"
}

doctor_sources() {
    cache=${LABE_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/labe}
    while read -r name package version sha url; do
        case $name in '' | '#'*) continue ;; esac
        file=$cache/$name-$version.tar.gz
        if [ ! -f "$file" ]; then
            printf 'to fetch %-20s %s is not in the cache; the first build fetches it (network needed once)\n' \
                "$name" "$name $version"
        elif [ "$(sha256sum "$file" | cut -d' ' -f1)" != "$sha" ]; then
            printf 'damaged  %-20s %s has a wrong checksum; remove it: rm %s\n' "$name" "$file" "$file"
            old=$((old + 1))
        fi
    done < "${LABE_SOURCES:-$root/tool/sources}"
}

if [ "${1:-}" = --doctor ]; then
    check loud
    doctor_sources
    if [ ! -w /dev/kvm ]; then
        printf 'note     %-20s /dev/kvm cannot be used: --kvm is not possible, everything else is\n' kvm
    fi
    if [ -n "$missing" ] || [ "$old" -gt 0 ]; then
        [ -z "$missing" ] || printf 'all at once: apt-get install --no-install-recommends%s\n' "$missing"
        exit 1
    fi
    echo "everything needed is there"
    exit 0
fi

check ""
[ -n "$missing" ] || [ "$old" -gt 0 ] || exit 0
if [ -z "$missing" ]; then
    say "some tools are too old:"
    check loud >&2
    exit 1
fi

line="apt-get install --no-install-recommends$missing"
if ! command -v apt-get > /dev/null; then
    say "these Debian packages, or what they are called here, are missing:$missing"
    exit 1
elif [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo > /dev/null && { sudo -n true 2> /dev/null || { [ -t 0 ] && [ -t 2 ]; }; }; then
    as_root=sudo
    line="sudo $line"
else
    say "packages are missing and may not be installed from here. As root, type:"
    printf '    %s\n' "$line" >&2
    exit 1
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
say "installing$missing"
$as_root apt-get -qq update > "$log" 2>&1 || true
if $as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -y -o Dpkg::Use-Pty=0 install --no-install-recommends $missing >> "$log" 2>&1; then
    exit 0
fi
tail -n 15 "$log" >&2
say "the packages could not be installed. Type:"
printf '    %s\n' "$line" >&2
exit 1
