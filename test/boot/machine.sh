# SPDX-License-Identifier: MIT
#
# What the tests of the boot stage share; read after ../tap.sh. Builds the stage, mkimage and, in $tmp, a test kernel
# with stand-ins for sigma0 and the root task (kernel.c, program.S). boot runs a machine: its serial line in $tmp/out,
# the exit status in $status: 33 the test kernel came to its end, 3 the stage refused, 124 neither within the time.

build=${LABE_BUILD:-$root/build}
make -s -C "$root" B="$build" boot tools > "$tmp/make" 2>&1 ||
    { cat "$tmp/make"; echo "Bail out! no boot stage"; exit 1; }
stage=$build/x86_64/bin/boot
mkimage=$build/host/tool/mkimage
here=$root/test/boot

# kernel_build NAME OPTION...: a test kernel $tmp/NAME.
kernel_build() {
    out=$1
    shift
    gcc -std=gnu11 -O1 -ffreestanding -fpie -no-pie -mgeneral-regs-only -mno-red-zone -fno-stack-protector \
        -fcf-protection=none -fno-asynchronous-unwind-tables -nostdlib -static -Wall -Wextra -Werror -I"$root/abi" \
        "$@" -Wl,-T,"$here/kernel.ld",--build-id=none,-z,noexecstack,--no-warn-rwx-segments,-z,max-page-size=4096 \
        -o "$tmp/$out" "$here/kernel.c"
}

# program_build NAME ADDRESS NUMBER
program_build() {
    gcc -nostdlib -static -no-pie -DNUMBER="$3" -Wl,-Ttext-segment="$2",--build-id=none -Wl,-z,max-page-size=4096 \
        -o "$tmp/$1" "$here/program.S"
}

# Bytes in octal escapes at an offset of a file.
put() { printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }

# boot MEMORY OPTION...: in $tmp, so that file names are short.
boot() {
    memory=$1
    shift
    status=0
    (cd "$tmp" && exec timeout ${limit:-30} qemu-system-x86_64 -nodefaults -no-user-config -no-reboot -display none \
        -monitor none -serial stdio -device isa-debug-exit,iobase=0xf4,iosize=1 -m "$memory" "$@") \
        < /dev/null > "$tmp/out.raw" 2>&1 || status=$?
    tr -d '\r' < "$tmp/out.raw" > "$tmp/out"
}

# boot_modules MEMORY MODULES: the way of qemu -initrd.
boot_modules() { boot "$1" -kernel "$stage" -initrd "$2"; }

# The machine came to the kernel's end, and everything the hand-over fixes is as it must be.
started() {
    is 33 "$1: the kernel ran to its end"
    for line in 'KIP ok' 'bss-nonzero: 0' 'data: 2a' 'paging: 1' 'identity: 1' 'interrupts: 0' 'osfxsr: 0' \
        'cs-set: 1' 'device-tree: 0' 'platform: x86_pc' 'rsdp: RSD PTR' 'info-covered: 1' 'sigma0-code: 50000051' \
        'root-code: 50000052'; do
        grep -qxF "$line" "$tmp/out" || { result 1 "$1: hand-over" "missing: $line"; return; }
    done
    if grep -q '^module .*\(unaligned\|uncovered\)' "$tmp/out"; then
        result 1 "$1: hand-over" "a module is not aligned or not described"
    else
        result 0 "$1: hand-over"
    fi
}

# refused TEXT NAME: the stage said TEXT and nothing was started.
refused() {
    if [ "$status" = 3 ] && grep -qF -- "boot: error: $1" "$tmp/out" && ! grep -q 'KIP ok' "$tmp/out"; then
        result 0 "$2"
    else
        result 1 "$2" "exit status $status, expected 3 and: $1"
    fi
}

kernel_build kernel
program_build sigma0 0x1000000 0x50000051
program_build moe 0x1400000 0x50000052
