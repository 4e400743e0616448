# SPDX-License-Identifier: MIT
#
# The machine: one place for QEMU's command line. Read by tool/run.sh, which sets batch, timeout, until, cpus, model,
# mem, kvm, gdb, scratch.

# qemu_check: what the machine cannot do is said before anything is built.
qemu_check() {
    if [ -n "$kvm" ] && [ ! -w /dev/kvm ]; then
        usage_error "--kvm: /dev/kvm is not there or may not be used"
    fi
}

# image_make LIST FOLDER ENTRY: $scratch/image.elf from a modules.list; modules come from FOLDER, then from the build.
image_make() {
    if [ -n "$3" ]; then set -- "$1" "$2" -e "$3"; else set -- "$1" "$2"; fi
    boot_list=$1
    boot_path=$2
    shift 2
    "$host/tool/mkimage" -o "$scratch/image.elf" -s "$out/bin/boot" -p "$boot_path" -p "$out/rom" "$@" \
        "$boot_list" || exit 1
}

# qemu_run: the serial line is this terminal. Keys, Tab among them, reach the system; Ctrl-C ends QEMU.
# The root task writes the exit status of init (at most 127) to port 0xf4, the boot stage a 1 when it fails.
qemu_run() {
    set -- "$host/tool/watch" -q
    [ -z "$timeout" ] || set -- "$@" -t "$timeout"
    [ -z "$until" ] || set -- "$@" -u "$until"
    set -- "$@" qemu-system-x86_64 -nodefaults -no-user-config -no-reboot -display none -monitor none \
        -m "$mem" -smp "$cpus" -kernel "$scratch/image.elf" \
        -chardev stdio,id=line,signal=on -serial chardev:line \
        -device isa-debug-exit,iobase=0xf4,iosize=1
    if [ -n "$kvm" ]; then
        set -- "$@" -accel kvm -cpu host
    else
        set -- "$@" -accel tcg -cpu "$model"
    fi
    if [ -n "$gdb" ]; then
        set -- "$@" -s -S
        say "waiting for: gdb $out/bin/kernel -ex 'target remote :1234'"
    fi
    "$@"
}

# iso_make LIST FOLDER ENTRY FILE: the same as a boot medium; GRUB menu with one item per entry.
iso_make() {
    if [ -n "$3" ]; then set -- "$1" "$2" "$4" -e "$3"; else set -- "$1" "$2" "$4"; fi
    boot_list=$1
    boot_path=$2
    iso_file=$3
    shift 3
    "$host/tool/mkimage" -t "$scratch/iso" -s "$out/bin/boot" -p "$boot_path" -p "$out/rom" "$@" "$boot_list" || exit 1
    grub-mkrescue -o "$iso_file" "$scratch/iso" > "$scratch/mkrescue.log" 2>&1 || {
        tail -n 5 "$scratch/mkrescue.log" >&2
        die "grub-mkrescue could not write $iso_file"
    }
}
