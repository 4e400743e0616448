# SPDX-License-Identifier: MIT
#
# The figures of building and booting, read by tool/bench.sh: times are this machine's and only shown, sizes and counts
# go to $scratch/figures as lines "NAME VALUE" and are compared with bench/budget.txt.

# seconds COMMAND...: prints how long it took, in tenths, then nothing else.
seconds() {
    begin=$(date +%s%N)
    "$@" > "$scratch/log" 2>&1 || { cat "$scratch/log" >&2; die "failed: $*"; }
    end=$(date +%s%N)
    echo $(((end - begin) / 100000000)) | sed 's/\(.\)$/.\1/; s/^\./0./'
}
shown() { printf '%-58s %12s  at most %s %s\n' "$1" "$2" "$3" "$4"; }

change_and_run() {
    make -s -C "$root" B="$build" -j"$(cpus)" -W kernel/ipc.c &&
        "$root/labe" run --until "Hello World" --timeout 60 "$root/example/hello/boot.lua"
}

small() { "$root/labe" run --mem 32 --until "fibonacci(10) = 55" --timeout 60; }

boot_times() {
    mkdir -p "$scratch/clean"
    cp -R "$build/src" "$scratch/clean/src"
    time=$(seconds make -s -C "$root" B="$scratch/clean" -j"$(cpus)") || exit 1
    shown "clean build of everything, $(cpus) processors" "$time" 180 s
    rm -rf "$scratch/clean"
    time=$(seconds change_and_run) || exit 1
    shown "one kernel file changed, until hello's first line" "$time" 10 s
    time=$(seconds small) || exit 1
    shown "the default script in 32 MiB, build check included" "$time" 60 s
    echo
}

# Exact and the same in every run.
boot_counts() {
    script=$root/example/hello/boot.lua
    compose
    image_make "$scratch/modules.list" "$scratch" ""
    echo "boot-image-bytes $(wc -c < "$scratch/image.elf")"
    size -A "$out/bin/kernel" | awk '$1 == ".text" { print "kernel-text-bytes", $2 }
        $1 == ".boot" { print "kernel-boot-code-bytes", $2 }'
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
    trap 'rm -rf "$scratch"' EXIT
    echo "boot-to-hello-instructions $count"
}
