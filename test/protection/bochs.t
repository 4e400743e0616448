#!/bin/sh
# SPDX-License-Identifier: MIT
#
# labe-test: long
# The kernel on processors of another emulator, Bochs, which has what QEMU lacks: PCIDs and INVPCID, so that page-table
# isolation runs with tagged TLB entries, and AVX-512, so that 2688 bytes of registers are switched. Tests of test/root.
# Not x86_state: Bochs raises a single-step trap behind a system call, in kernel mode, where processors mask it.
# Needs the packages bochs and bochs-term.

. "$(dirname "$0")/../tap.sh"
build=${LABE_BUILD:-$root/build}
out=$build/x86_64
plugins=$(dirname "$(command -v bochs || echo /none)")/../lib
[ -x "$(command -v bochs)" ] && [ -n "$(find "$plugins" -name libbx_term_gui.so 2> /dev/null | head -n 1)" ] || {
    echo "Bail out! bochs is missing: apt-get install bochs bochs-term"
    exit 1
}
[ -n "${LABE_BUILT:-}" ] || make -s -C "$root" B="$build" all tests > "$tmp/make" 2>&1 ||
    { cat "$tmp/make"; echo "Bail out! it does not build"; exit 1; }

# booted MODEL CPUS TEST...: each of them, from a boot medium. The console is left in $tmp/out.
booted() {
    model=$1
    cpus=$2
    shift 2
    for name; do
        rm -rf "$tmp/medium"
        mkdir "$tmp/medium"
        cp "$out/test/root-$name" "$tmp/medium/$name"
        printf 'entry test\nkernel kernel\nsigma0 sigma0\nroottask %s\n' "$name" > "$tmp/medium/list"
        "$labe" iso --list "$tmp/medium/list" "$tmp/medium/iso" > "$tmp/out" 2>&1 ||
            { result 1 "$model: a medium with $name"; continue; }
        cat > "$tmp/medium/machine" << END
megs: 256
cpu: model=$model, count=$cpus, ips=100000000, reset_on_triple_fault=0
romimage: file=\$BXSHARE/BIOS-bochs-latest
vgaromimage: file=/usr/share/vgabios/vgabios.bin
ata0-master: type=cdrom, path="$tmp/medium/iso", status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev="$tmp/medium/serial"
log: $tmp/medium/log
display_library: term
clock: sync=none
panic: action=fatal
END
        echo c > "$tmp/medium/commands"
        : > "$tmp/medium/serial"
        # Its display wants a terminal, and it does not end by itself.
        BXSHARE=/usr/share/bochs TERM=xterm timeout -s KILL 120 script -qc \
            "echo \$\$ > '$tmp/medium/pid'; exec bochs -q -f '$tmp/medium/machine' -rc '$tmp/medium/commands'" \
            /dev/null > /dev/null 2>&1 < /dev/null &
        machine=$!
        while kill -0 $machine 2> /dev/null && ! grep -qaE '^1\.\.|^kernel: exception' "$tmp/medium/serial"; do
            sleep 0.2
        done
        kill -9 "$(cat "$tmp/medium/pid")" 2> /dev/null
        wait $machine 2> /dev/null
        tr -d '\r' < "$tmp/medium/serial" > "$tmp/out"
        if grep -qa '^1\.\.' "$tmp/out" && grep -qa '^ok' "$tmp/out" && ! grep -qa '^not ok' "$tmp/out"; then
            result 0 "$model, $cpus CPUs: $name"
        else
            cp "$tmp/out" "$tmp/all"
            grep -a '^not ok\|^kernel' "$tmp/all" > "$tmp/out"
            tail -n 10 "$tmp/all" >> "$tmp/out"
            result 1 "$model, $cpus CPUs: $name"
        fi
    done
}

booted corei7_haswell_4770 1 ipc fault leaks vcpu edges msi
says ' pcid ' "  with PCIDs"
says 'Isolation of page tables: on, this CPU needs it' "  and isolation"
booted corei7_haswell_4770 2 smp_2
booted corei7_skylake_x 1 ipc leaks
says 'FPU state 2688 bytes' "  with AVX-512 registers"
booted corei7_icelake_u 1 ipc fault leaks edges
says ' pcid global ' "  with PCIDs and global pages"
says 'Isolation of page tables: off, this CPU does not need it' "  without isolation"
booted corei7_sandy_bridge_2600k 1 ipc leaks
says 'CPU: nx pat' "  with neither PCIDs nor SMEP"
tap_done
