#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The system on processors that need isolation and barriers: tests of test/root on emulated models (whose CPUID is taken
# at its word: x-force-features), and on kernels built without one of the two. unit/speculation knows many more
# models; here the changed ways in and out must work.

. "$(dirname "$0")/../tap.sh"
build=${LABE_BUILD:-$root/build}
out=$build/x86_64
[ -n "${LABE_BUILT:-}" ] || make -s -C "$root" B="$build" all tests > "$tmp/make" 2>&1 ||
    { cat "$tmp/make"; echo "Bail out! it does not build"; exit 1; }
force=x-force-features=on,-pcid,-x2apic
skylake=Skylake-Client,$force,spec-ctrl=on,stibp=on,md-clear=on
mkdir "$tmp/dir"
cp "$out/rom/kernel" "$tmp/dir/kernel"

# booted MODEL TEST...: each of them on the kernel in $tmp/dir; what the console said first is left in $tmp/console.
booted() {
    model=$1
    shift
    for name; do
        cp "$out/test/root-$name" "$tmp/dir/$name"
        printf 'entry test\nkernel kernel\nsigma0 sigma0\nroottask %s\n' "$name" > "$tmp/dir/list"
        options=$(sed -n 's/^.*labe-run: *\([^*]*[^* ]\).*$/\1/p' "$root/test/root/$name.c" | head -n 1)
        run "$labe" run --timeout 60 $options --model "$model" --until 1.. --list "$tmp/dir/list"
        grep -a 'Isolation\|Speculation' "$tmp/out" > "$tmp/console"
        grep -a '^not ok' "$tmp/out" > "$tmp/bad"
        if [ "$status" = 0 ] && grep -qa '^ok' "$tmp/out" && [ ! -s "$tmp/bad" ]; then
            result 0 "$case: $name"
        else
            cat "$tmp/bad" "$tmp/out" > "$tmp/all"
            tail -n 20 "$tmp/all" > "$tmp/out"
            result 1 "$case: $name" "exit status $status"
        fi
    done
}
console() { ok "$case: the console says $1" grep -qF -- "$1" "$tmp/console"; }

case='all remedies of an Intel'
booted "$skylake" x86_state fault ipc vcpu leaks irq_cpus smp_2
console 'Isolation of page tables: on, this CPU needs it'
console 'Speculation barriers: swapgs-fence verw entry-ibrs stibp switch-ibpb; needed, but not in this CPU: none'

case='old microcode'
booted Haswell x86_state fault
console 'Isolation of page tables: on, this CPU needs it'
console 'Speculation barriers: swapgs-fence; needed, but not in this CPU: verw entry-ibrs switch-ibpb'

case='an AMD'
booted "EPYC-Rome,$force" x86_state fault ipc
console 'Isolation of page tables: off, this CPU does not need it'
console 'Speculation barriers: entry-ibpb stibp switch-ibpb; needed, but not in this CPU: none'

case='an unknown vendor'
booted "Haswell,vendor=SomebodyElse" x86_state
console 'Isolation of page tables: on, this CPU needs it'

# From boot to a script's end.
run "$labe" run --batch --timeout 60 --model "$skylake" "$root/example/clntsrv/boot.lua"
is 0 'the whole system on an Intel'

# kernel_without OPTION
kernel_without() {
    make -s -C "$root" B="$tmp/build" "$1=none" kernel > "$tmp/out" 2>&1
    status=$?
    is 0 "a kernel with $1=none is built"
    strip -o "$tmp/dir/kernel" "$tmp/build/x86_64/bin/kernel"
    rm -rf "$tmp/build"
}

case='without isolation'
kernel_without ISOLATION
booted "$skylake" x86_state fault irq_cpus
console 'Isolation of page tables: not built in, this CPU needs it'
console 'Speculation barriers: swapgs-fence verw entry-ibrs stibp switch-ibpb;'

case='without barriers'
kernel_without BARRIERS
booted "$skylake" x86_state fault
console 'Isolation of page tables: on, this CPU needs it'
console 'Speculation barriers, not built in, needed: swapgs-fence verw entry-ibrs stibp switch-ibpb;'
tap_done
