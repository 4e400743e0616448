#!/bin/sh
# SPDX-License-Identifier: MIT
#
# ./labe bench [--quick]: the figures of building and booting, one line each: what, measured, limit. Instruction counts
# are exact and the same in every run (QEMU counts instead of timing); times are this machine's and only shown.
# Exit status 1 when a size or a count is over its limit. --quick leaves out the clean build.

. "$(dirname "$0")/common.sh"
. "$root/tool/qemu.sh"
quick=
case ${1:-} in
'') ;;
--quick) quick=1 ;;
*) usage_error "bench: unknown argument '$1'" ;;
esac
[ $# -le 1 ] || usage_error "bench: one argument, not $#"
batch=
timeout=
until=
cpus=1
mem=32
kvm=
gdb=
files=
set_up
scratch_make
run_make || exit 1
. "$root/tool/compose.sh"

over=0
# figure WHAT VALUE LIMIT UNIT
figure() {
    printf '%-58s %12s  at most %s %s\n' "$1" "$2" "$3" "$4"
    if [ "$2" -gt "$3" ]; then over=1; fi
}
# seconds COMMAND...: prints how long it took, in tenths, then nothing else.
seconds() {
    begin=$(date +%s%N)
    "$@" > "$scratch/log" 2>&1 || { cat "$scratch/log" >&2; die "failed: $*"; }
    end=$(date +%s%N)
    echo $(((end - begin) / 100000000)) | sed 's/\(.\)$/.\1/; s/^\./0./'
}
shown() { printf '%-58s %12s  at most %s %s\n' "$1" "$2" "$3" "$4"; }

if [ -z "$quick" ]; then
    mkdir -p "$scratch/clean"
    cp -R "$build/src" "$scratch/clean/src"
    time=$(seconds make -s -C "$root" B="$scratch/clean" -j"$(cpus)") || exit 1
    shown "clean build of everything, $(cpus) processors" "$time" 180 s
    rm -rf "$scratch/clean"
fi

change_and_run() {
    make -s -C "$root" B="$build" -j"$(cpus)" -W kernel/ipc.c &&
        "$root/labe" run --until "Hello World" --timeout 60 "$root/example/hello/boot.lua"
}
time=$(seconds change_and_run) || exit 1
shown "one kernel file changed, until hello's first line" "$time" 10 s

script=$root/example/hello/boot.lua
compose
image_make "$scratch/modules.list" "$scratch" ""
figure "boot image with the examples, without debug information" "$(wc -c < "$scratch/image.elf")" 2097152 bytes
text=$(size -A "$out/bin/kernel" | awk '$1 ~ /^\.(text|init)/ { sum += $2 } END { print sum }')
figure "kernel text" "$text" 81920 bytes

socket=$scratch/debugger
qemu-system-x86_64 -nodefaults -no-user-config -no-reboot -display none -monitor none -m 256 \
    -kernel "$scratch/image.elf" -accel tcg -cpu max -serial "file:$scratch/serial" -S \
    -icount "shift=0,sleep=off,rr=record,rrfile=$scratch/record" -gdb "unix:$socket,server=on,wait=off" \
    2> "$scratch/qemu.log" &
machine=$!
trap 'kill $machine 2> /dev/null || true; rm -rf "$scratch"' EXIT
count=$(timeout 300 perl "$root/tool/count.pl" "$socket" "$out/bin/kernel" "Hello World") ||
    { cat "$scratch/qemu.log" "$scratch/serial" >&2; die "no instruction count"; }
kill "$machine" 2> /dev/null || true
figure "instructions from the kernel's entry to hello's first line" "$count" 40000000 ""

small() { "$root/labe" run --mem 32 --until "fibonacci(10) = 55" --timeout 60; }
time=$(seconds small) || exit 1
shown "the default script in 32 MiB, build check included" "$time" 60 s
exit "$over"
