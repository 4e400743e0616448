#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tool/probe.sh kernel|user AREA: runs one area of the conformance probe on the built system and prints TAP, one result
# for each recorded line. AREA.smp2: the same with two CPUs; the lines of golden/AREA.smp2.txt, if any, count first. The
# probe is a folder beside the tree (or LABE_PROBE): programs, and in golden/ what the reference system answered. Lines
# that differ on purpose are in test/probe.differences. Nothing of the tree needs it. Called through tool/test-one.sh;
# the log stays in build/test/probe/.

. "$(dirname "$0")/common.sh"
kind=$1
area=$2
probe=$(probe_folder)/$kind
programs=$build/probe/$kind
log=$build/test/probe/$kind-$area.serial
cpus=1
over=
case $area in
*.smp2)
    over=$probe/golden/$area.txt
    area=${area%.smp2}
    cpus=2
    ;;
esac

case $kind in
kernel)
    (flock 9 && make -s -C "$probe" OUT="$programs" "$programs/probe-$area") 9> "$build/probe.lock"
    status=0
    "$root/labe" run --cpus "$cpus" --mem 512 --timeout 60 --until "$area: end" --root "$programs/probe-$area" \
        < /dev/null > "$log" || status=$?
    grep -a "^$area/" "$log" > "$log.lines" || true
    ;;
user)
    mkdir -p "$programs"
    system=$build/probe/system
    if ! mkdir "$programs/building" 2> /dev/null; then
        while [ -d "$programs/building" ]; do sleep 0.2; done
    else
        make -s -C "$probe" B="$programs/bin" || true
        rmdir "$programs/building"
    fi
    mkdir -p "$system"
    for f in kernel sigma0 moe l4re ned cons; do ln -sf "$out/rom/$f" "$system/$f"; done
    ln -sf "$out/bin/boot" "$system/boot"
    status=0
    SYS=$system KERNEL=kernel BOOTSTRAP=boot B=$programs/bin LIMIT=60 \
        QEMU="qemu-system-x86_64 -nodefaults -no-user-config -M q35 -m 512 -cpu max" \
        "$probe/run.sh" "$area" "$log" || status=$?
    "$probe/lines.sh" "$log" "$area" > "$log.lines" || true
    ;;
esac

awk -v golden="$probe/golden/$area.txt" -v over="$over" -v status="$status" \
    -v differences="$root/test/probe.differences" '
    function waits(k,    w) {
        for (w in waiting) if (index(k ":", w) == 1) return 1
        return 0
    }
    function key(s) { return index(s, ": ") ? substr(s, 1, index(s, ": ") - 1) : s }
    # A key may come several times; with two CPUs the line of the other file takes the place of the first.
    function expect(line, instead,    n) {
        for (n = 1; instead && n <= lines; n++)
            if (key(want[n]) == key(line)) { want[n] = line; return }
        want[++lines] = line
    }
    BEGIN {
        while ((getline line < golden) > 0) if (line != "") expect(line, 0)
        while (over != "" && (getline line < over) > 0) if (line != "") expect(line, 1)
        while ((getline line < differences) > 0) {
            if (line ~ /^differs /) ours[substr(line, 9)] = 1
            if (line ~ /^waits /) waiting[substr(line, 7)] = 1
        }
    }
    { sub(/\r$/, ""); seen[$0]++; came[key($0)] = $0 }
    END {
        for (n = 1; n <= lines; n++) {
            line = want[n]
            k = key(line)
            if (seen[line]-- > 0) { print "ok " n " - " k; continue }
            if (k in came && came[k] in ours) { print "ok " n " - " k " # differs on purpose"; continue }
            if (waits(k)) { print "ok " n " - " k " # SKIP waits for hardware support"; continue }
            print "not ok " n " - " k
            print "#   expected " line
            print "#        got " (k in came ? came[k] : "nothing")
        }
        print "# exit status " status
        print "1.." lines
    }' "$log.lines"
