#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The manual: generated pages are up to date, every kernel operation has its heading on its object's page, the examples
# there compile, and links between pages lead somewhere.

. "$(dirname "$0")/../tap.sh"
cd "$root"

make -s "B=$tmp/build" "$tmp/build/host/tool/ops" > "$tmp/make" 2>&1 || cat "$tmp/make"
"$tmp/build/host/tool/ops" > "$tmp/out"
ok "kernel-ops.md is what make doc writes" cmp "$tmp/out" doc/kernel-ops.md
tool/invariants.sh > "$tmp/out"
ok "invariants.md is what make doc writes" cmp "$tmp/out" doc/invariants.md

sed -n 's,^| \[[A-Z]*\](\(objects/[a-z]*\.md\)) | \([a-z_]*\) .*,\1 \2,p' doc/kernel-ops.md > "$tmp/operations"
ok "there are operations" test "$(wc -l < "$tmp/operations")" -gt 40
while read -r page name; do
    grep -qx "### $name" "doc/$page" || echo "doc/$page has no heading: $name"
done < "$tmp/operations" > "$tmp/out"
if [ -s "$tmp/out" ]; then result 1 "every operation has a heading"; else result 0 "every operation has a heading"; fi

# Each error of the table, but for short messages and missing rights, is named in the operation's section.
awk '
    FILENAME ~ /objects/ && /^### / { name = FILENAME " " substr($0, 5); seen[name] = 0 }
    FILENAME ~ /objects/ && /^## / { name = "" }
    FILENAME ~ /objects/ { text[name] = text[name] " " $0; next }
    !/^\|/ || /^\| object|^\|-/ { next }
    {
        n = split($0, field, / \| |^\| | \|$/)
        test = field[n - 1]; error = field[n - 2]
        sub(/^\| /, "", error)
    }
    /^\| \[/ { operation = field[2]; sub(/.*\(/, "doc/", operation); sub(/\)/, " " field[3], operation) }
    operation in seen {
        seen[operation]++
        if (test ~ /^(fewer words|no words|without the right)(;.*)?$/ || error !~ /^-|^IPC/) next
        pattern = error
        if (sub(/^IPC 0x/, "", pattern)) { sub(/ .*/, "", pattern); pattern = "IPC.*[^0-9](0x)?" pattern "([^0-9]|$)" }
        if (text[operation] !~ pattern) print operation ": " error
    }
    END { for (name in seen) if (seen[name] == 0) print name ": not in the table" }
' doc/objects/*.md doc/kernel-ops.md > "$tmp/out"
if [ -s "$tmp/out" ]; then result 1 "every error is named"; else result 0 "every error is named"; fi

for page in doc/objects/*.md doc/ipc.md doc/vcpu.md; do
    awk '/^```c$/ { code = 1; next } /^```$/ { code = 0 } code' "$page" > "$tmp/example.c"
    ok "the example of $page compiles" test -s "$tmp/example.c"
    ok "  without a warning" gcc -std=gnu11 -Wall -Wextra -Werror -fsyntax-only -ffreestanding -Iabi -Ilib/l4/include \
        "$tmp/example.c"
done

find doc README.md -name '*.md' | while IFS= read -r page; do
    grep -o ']([^)#: ]*)' "$page" | sed 's/^](//; s/)$//' | while IFS= read -r to; do
        [ -e "$(dirname "$page")/$to" ] || echo "$page: $to"
    done
done > "$tmp/out"
if [ -s "$tmp/out" ]; then result 1 "no link is dead"; else result 0 "no link is dead"; fi
tap_done
