#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What must be true of every file of the tree: licence line, line length, one makefile of at most 300 lines, scripts
# that parse, every public header compiles alone.

. "$(dirname "$0")/../tap.sh"
cd "$root"
export LC_ALL=C

# The files that are, or could be, under version control.
if git rev-parse --git-dir > "$tmp/out" 2>&1; then
    git ls-files --cached --others --exclude-standard > "$tmp/all"
else
    find . -path ./build -prune -o -type f -print | sed 's,^\./,,' > "$tmp/all"
fi
while IFS= read -r f; do [ -f "$f" ] && printf '%s\n' "$f"; done < "$tmp/all" > "$tmp/files"
grep -E '\.(c|h|S|lua|sh|t|pl|ld|def)$|^Makefile$|^labe$|^\.ci/run$' "$tmp/files" > "$tmp/sources"

# none NAME: the output is empty.
none() { if [ -s "$tmp/out" ]; then result 1 "$1"; else result 0 "$1"; fi; }

while IFS= read -r f; do
    head -n 2 "$f" | grep -q 'SPDX-License-Identifier: MIT' || echo "$f"
done < "$tmp/sources" > "$tmp/out"
none "every source names the licence in its first lines"

while IFS= read -r f; do
    awk -v f="$f" 'length > 120 { print f ":" FNR ": " length " characters" }' "$f"
done < "$tmp/sources" > "$tmp/out"
none "no source line is longer than 120 characters"

while IFS= read -r f; do
    [ "$f" = test/front/tree.t ] || grep -nHE 'TODO|FIXME' "$f"
done < "$tmp/sources" > "$tmp/out"
none "nothing is left for later in a comment"

grep -E '(^|/)([Mm]akefile|.*\.mk|CMakeLists.txt)$' "$tmp/files" | grep -vx Makefile > "$tmp/out"
none "there is one makefile"
ok "the makefile has at most 300 lines" test "$(wc -l < Makefile)" -le 300

grep -E '\.(sh|t)$|^labe$|^\.ci/run$' "$tmp/files" | while IFS= read -r f; do
    head -n 1 "$f" | grep -q perl || sh -n "$f"
done > "$tmp/out" 2>&1
none "every script parses"

grep -E '\.(c|h|S)$' "$tmp/files" | grep '^kernel/' | grep -v '^kernel/arch/' | while IFS= read -r f; do
    grep -nHE '^[[:space:]]*#[[:space:]]*(if|ifdef|elif)\b|\b(asm|__asm__)\b|__x86_64__' "$f" | grep -v '#ifdef DEBUG$'
done > "$tmp/out"
none "the kernel outside arch/ has no #if and no assembler"

find abi lib/*/include -name '*.h' | sort | while IFS= read -r h; do
    gcc -std=gnu11 -Wall -Wextra -fsyntax-only -Iabi $(printf -- '-I%s ' lib/*/include) -x c "$h" 2>&1 |
        grep -v 'pragma once in main file' | grep -E 'error|warning'
done > "$tmp/out"
none "every public header compiles alone"
tap_done
