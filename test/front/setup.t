#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Set-up and doctor: missing and old tools are named with the remedy, and without the right to install, the line to
# type is printed and nothing else happens. Sources are only built from when their checksum is the pinned one.

. "$(dirname "$0")/../tap.sh"
export LABE_BUILD="$tmp/build" LABE_CACHE="$tmp/cache" LABE_PACKAGES="$tmp/packages" LABE_SOURCES="$tmp/sources"

: > "$tmp/sources"
cat > "$tmp/packages" << 'END'
# package  minimum  proof  purpose
coreutils      -    ls                    basics
no-such-tool   -    no-such-tool-here     testing this
no-such-data   -    /nonexistent/data     testing that
make           99.1 make                  building
END
run "$labe" doctor
is 1 "doctor: status 1 when something is missing"
says "apt-get install no-such-tool" "doctor: names the missing command's package"
says "apt-get install no-such-data" "doctor: names the missing file's package"
says "need 99.1" "doctor: names what is too old"
silent_about "coreutils" "doctor: is silent about what is there"
ok "doctor: one line each" test "$(grep -c no-such-tool "$tmp/out")" = 2

# Nobody but root and sudo may install: neither is there.
mkdir "$tmp/bin"
printf '#!/bin/sh\necho 1000\n' > "$tmp/bin/id"
printf '#!/bin/sh\nexit 1\n' > "$tmp/bin/sudo"
printf '#!/bin/sh\ntouch "%s/apt-was-called"\n' "$tmp" > "$tmp/bin/apt-get"
chmod +x "$tmp/bin/id" "$tmp/bin/sudo" "$tmp/bin/apt-get"
run env PATH="$tmp/bin:$PATH" "$root/tool/setup.sh"
is 1 "no right to install: status 1"
says "    apt-get install --no-install-recommends no-such-tool no-such-data" "no right to install: the line to type"
ok "no right to install: nothing happens" test ! -e "$tmp/apt-was-called"

# As root the missing ones are installed, and only they.
printf '#!/bin/sh\necho 0\n' > "$tmp/bin/id"
printf '#!/bin/sh\necho "$@" >> "%s/apt-was-called"\n' "$tmp" > "$tmp/bin/apt-get"
run env PATH="$tmp/bin:$PATH" "$root/tool/setup.sh"
is 0 "root: status 0"
ok "root: installs what is missing" \
    grep -q 'install --no-install-recommends no-such-tool no-such-data$' "$tmp/apt-was-called"
printf '#!/bin/sh\necho "E: Unable to locate package"\nexit 100\n' > "$tmp/bin/apt-get"
run env PATH="$tmp/bin:$PATH" "$root/tool/setup.sh"
is 1 "root, installation fails: status 1"
says "Unable to locate package" "root, installation fails: apt's words"

printf 'coreutils - ls basics\n' > "$tmp/packages"
run "$labe" doctor
is 0 "doctor: status 0 when all is there"
run "$root/tool/setup.sh"
is 0 "set-up: status 0 when all is there"
ok "set-up: and says nothing" test ! -s "$tmp/out"

# Sources: a good one, a changed one, and one that cannot be fetched.
mkdir -p "$tmp/cache" "$tmp/tree/lib-1.0"
echo 'int x;' > "$tmp/tree/lib-1.0/x.c"
tar -czf "$tmp/cache/lib-1.0.tar.gz" -C "$tmp/tree" lib-1.0
sum=$(sha256sum "$tmp/cache/lib-1.0.tar.gz" | cut -d' ' -f1)
wrong=$(printf '%064d' 0)
echo "lib lib 1.0 $sum file:///nonexistent" > "$tmp/sources"
run "$root/tool/fetch.sh" "$tmp/src"
is 0 "a cached source is used"
ok "a cached source is unpacked" test -f "$tmp/src/lib/x.c"
ok "a cached source is ready" test -f "$tmp/src/ready.mk"

echo "lib lib 1.0 $wrong file:///nonexistent" > "$tmp/sources"
run "$root/tool/fetch.sh" "$tmp/src2"
is 1 "wrong checksum: status 1"
says "wrong checksum" "wrong checksum: says so"
says "$tmp/cache/lib-1.0.tar.gz" "wrong checksum: names the file"
says "expected $wrong" "wrong checksum: names the expected sum"
says "got      $sum" "wrong checksum: names the sum it got"
ok "wrong checksum: nothing is unpacked" test ! -e "$tmp/src2/lib"
ok "wrong checksum: nothing is ready" test ! -e "$tmp/src2/ready.mk"
run "$labe" doctor
is 1 "doctor: status 1 for a damaged source"
says "has a wrong checksum; remove it: rm $tmp/cache/lib-1.0.tar.gz" "doctor: names the remedy"

mkdir -p "$tmp/musl"
cp "$tmp/cache/lib-1.0.tar.gz" "$tmp/cache/musl-1.2.3.tar.gz"
LABE_SOURCES=$root/tool/sources
run make -C "$root" B="$tmp/build" libs
is 2 "wrong checksum: make stops"
says "wrong checksum" "wrong checksum: make shows why"
ok "wrong checksum: make built nothing" test ! -d "$tmp/build/x86_64"
LABE_SOURCES=$tmp/sources

printf '#!/bin/sh\nexit 100\n' > "$tmp/bin/apt-get"
cp "$tmp/bin/apt-get" "$tmp/bin/apt-cache"
chmod +x "$tmp/bin/apt-cache"
echo "none no-such-source 9.9 $wrong file:///nonexistent/none.tar.gz" > "$tmp/sources"
run env PATH="$tmp/bin:$PATH" "$root/tool/fetch.sh" "$tmp/src3"
is 1 "source that cannot be fetched: status 1"
says "file:///nonexistent/none.tar.gz" "source that cannot be fetched: names the place"
says "$tmp/cache/none-9.9.tar.gz" "source that cannot be fetched: names where to put it"
tap_done
