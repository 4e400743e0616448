#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tool/fetch.sh DEST: makes DEST/NAME the unpacked sources of every line of tool/sources, then writes DEST/ready.mk.
# Tarballs come from the cache, else from the system's package mirror (Debian's upstream tarball of the source
# package), else from the library's own site, and are only used when their SHA-256 is the pinned one.
# The system's apt configuration is read, never written: lists and caches of ours live in the cache folder.

set -eu
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
list=${LABE_SOURCES:-$here/sources}
cache=${LABE_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/labe}
dest=${1:?usage: fetch.sh DEST}

say() { printf '%s\n' "labe: $*" >&2; }
die() { say "$@"; exit 1; }

mkdir -p "$cache" "$dest" || die "cannot create $cache or $dest (set LABE_CACHE to a folder that can be written)"

# verify FILE SHA256
verify() {
    got=$(sha256sum "$1" | cut -d' ' -f1)
    [ "$got" = "$2" ] && return 0
    say "wrong checksum, nothing was built from this file:"
    say "  file     $1"
    say "  expected $2"
    say "  got      $got"
    say "Remove the file to fetch it again; if it comes back different, do not trust the place it came from."
    return 1
}

# A source list of our own: the system's, with deb turned into deb-src.
source_list() {
    rm -rf "$cache/apt/parts"
    mkdir -p "$cache/apt/parts" "$cache/apt/lists/partial" "$cache/apt/archives/partial"
    for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -f "$f" ] || continue
        sed -n 's/^[[:space:]]*deb[[:space:]]\(.*\)$/deb-src \1/p' "$f" >> "$cache/apt/parts/labe.list"
    done
    for f in /etc/apt/sources.list.d/*.sources; do
        [ -f "$f" ] || continue
        sed 's/^[Tt]ypes:.*$/Types: deb-src/' "$f" > "$cache/apt/parts/$(basename "$f")"
    done
}

our_apt() {
    tool=$1
    shift
    "$tool" -qq -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$cache/apt/parts" \
        -o Dir::State::lists="$cache/apt/lists" -o Dir::Cache="$cache/apt" -o APT::Sandbox::User=root \
        -o Acquire::Retries=2 "$@"
}

apt_ready=
# from_apt PACKAGE VERSION FILE: the newest Debian revision of that upstream version has that tarball.
from_apt() {
    command -v apt-get > /dev/null || return 1
    if [ -z "$apt_ready" ]; then
        source_list
        our_apt apt-get update > "$cache/apt/log" 2>&1 || true
        apt_ready=1
    fi
    revision=$(our_apt apt-cache madison "$1" 2>> "$cache/apt/log" | tr -d ' ' |
        awk -F'|' -v v="$2-" '$3 ~ /Sources$/ && index($2, v) == 1 { print $2; exit }')
    [ -n "$revision" ] || return 1
    rm -rf "$cache/apt/new" && mkdir -p "$cache/apt/new"
    (cd "$cache/apt/new" && our_apt apt-get source --download-only --tar-only "$1=$revision") \
        >> "$cache/apt/log" 2>&1 || return 1
    set -- "$3" "$cache"/apt/new/*.orig.tar.*
    [ -f "$2" ] && mv "$2" "$1"
}

# from_site URL FILE
from_site() {
    if [ -x /usr/lib/apt/apt-helper ]; then
        /usr/lib/apt/apt-helper -o APT::Sandbox::User=root -o Acquire::Retries=2 download-file "$1" "$2" \
            > /dev/null 2>&1
    elif command -v curl > /dev/null; then
        curl -fsSL -o "$2" "$1"
    else
        return 1
    fi
}

grep -v '^#' "$list" | while read -r name package version sha url; do
    file=$cache/$name-$version.tar.gz
    if [ ! -f "$file" ]; then
        say "fetching $name $version"
        new=$file.unverified
        rm -f "$new"
        if ! from_apt "$package" "$version" "$new" && ! from_site "$url" "$new"; then
            rm -f "$new"
            say "cannot fetch $name $version: neither the Debian source package $package nor"
            say "  $url could be reached. Put that file into $file by hand."
            exit 1
        fi
        verify "$new" "$sha" || exit 1
        mv "$new" "$file"
    else
        verify "$file" "$sha" || exit 1
    fi
    rm -rf "${dest:?}/$name" "$dest/$name.new"
    mkdir -p "$dest/$name.new"
    tar -xzf "$file" -C "$dest/$name.new" --strip-components=1 || exit 1
    mv "$dest/$name.new" "$dest/$name"
done

names=$(grep -v '^#' "$list" | awk '{ printf "%s%s %s", s, $1, $3; s = ", " }')
echo "# Sources of $names are unpacked here." > "$dest/ready.mk"
