#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The boot stage with input that is wrong: it names what and where, starts nothing, and QEMU ends with status 3.

. "$(dirname "$0")/../tap.sh"
. "$root/test/boot/machine.sh"

boot 64 -kernel "$stage"
refused 'no modules' 'no modules'
boot_modules 64 'kernel'
refused 'only 1 module' 'a kernel alone'
boot_modules 64 'kernel,sigma0'
refused 'only 2 module' 'no root task'

boot_modules 8 'kernel,sigma0,moe'
refused 'not enough memory: needs at least 22528 KiB, has 76' '8 MiB'
boot_modules 20 'kernel,sigma0,moe'
refused 'not enough memory: needs at least 22528 KiB' '20 MiB'
boot_modules 22 'kernel,sigma0,moe'
started 'the memory it asked for is enough'
head -c 20000000 /dev/zero > "$tmp/big"
boot_modules 28 'kernel,sigma0,moe,big'
refused 'not enough memory: needs at least 30720 KiB' 'a large module'

# bad NAME TEXT: $tmp/bad as kernel.
bad() {
    boot_modules 64 'bad,sigma0,moe'
    refused "$2" "$1"
}
copy() { cp "$tmp/kernel" "$tmp/bad"; }

echo 'print "no kernel"' > "$tmp/bad"
bad 'text as kernel' "kernel 'bad' is not an ELF file"
printf '\177' > "$tmp/bad"
bad 'one byte as kernel' "kernel 'bad' is not an ELF file"
head -c 20 "$tmp/kernel" > "$tmp/bad"
bad 'ELF header cut' "kernel 'bad' is truncated: 20 bytes, the ELF header alone has 64"
head -c 100 "$tmp/kernel" > "$tmp/bad"
bad 'program headers cut' "kernel 'bad' is truncated: the program headers end at byte 288, the file has 100"
head -c 9000 "$tmp/kernel" > "$tmp/bad"
bad 'segment cut' "kernel 'bad' is truncated: a segment ends at byte"
copy; put "$tmp/bad" 4 '\001'
bad '32 bits' "kernel 'bad' is an ELF file for 32 bits"
copy; put "$tmp/bad" 18 '\267'
bad 'other machine' "kernel 'bad' is an ELF file for machine 183, not for x86-64 (62)"
copy; put "$tmp/bad" 16 '\001'
bad 'object file' "kernel 'bad' is an ELF file of type 1"
copy; put "$tmp/bad" 56 '\0\0'
bad 'no program headers' "kernel 'bad' has no usable program headers"
copy; put "$tmp/bad" 32 '\370\377\377\377\377\377\377\377'
bad 'program headers far away' "kernel 'bad' is truncated"
copy; put "$tmp/bad" 72 '\377\377\377\377\377\377\377\377'
bad 'segment far away' "kernel 'bad' is truncated: a segment"
copy; put "$tmp/bad" 104 '\377\377\377\377\377\377\377\377'
bad 'segment larger than memory' "kernel 'bad' has a segment with impossible addresses"
copy; put "$tmp/bad" 24 '\0\0\0'
bad 'no entry point' "kernel 'bad' has its entry point 0x0 outside of its segments"
copy; put "$tmp/bad" 176 '\022'
bad 'no interface page' "kernel 'bad' has no kernel interface page (program header of type 0x10)"
copy; put "$tmp/bad" 200 '\020'
bad 'interface page not aligned' "kernel 'bad': the kernel interface page at 0x401010 is not a page of the image"
copy; put "$tmp/bad" 259 '\020'
bad 'options area outside' "kernel 'bad': the options area at 0x10402000 is outside of the image"
kernel_build bad -DKIP_MAGIC=0x12345678
bad 'magic of the interface page' "kernel 'bad': wrong magic number in the kernel interface page (0x12345678"
kernel_build bad -DKIP_VERSION=0x86034444
bad 'version of the interface page' "kernel 'bad': wrong version of the kernel interface page (0x86034444"
kernel_build bad -DOPTIONS_MAGIC=1
bad 'magic of the options' "kernel 'bad': wrong magic number in the options area (0x1 "
kernel_build bad -DOPTIONS_VERSION=7
bad 'version of the options' "kernel 'bad': options area has version 7, this stage knows 5 and 6"
kernel_build bad -Wl,--defsym=kernel_base=0xa0000
bad 'image in a hole' "'bad' wants to be loaded to 0xa0000-"
kernel_build bad -Wl,--defsym=kernel_base=0x8000000
bad 'image behind the memory' 'not enough memory: needs at least 133120 KiB, has 65019 KiB'
kernel_build bad -Wl,--defsym=kernel_base=0x1001000
bad 'kernel over sigma0' "images overlap: 'bad' 0x1001000-0x10017"

echo 'no program' > "$tmp/text"
head -c 5000 "$tmp/moe" > "$tmp/short"
boot_modules 64 'kernel,text,moe'
refused "sigma0 'text' is not an ELF file" 'text as sigma0'
boot_modules 64 'kernel,sigma0,text rom/x'
refused "root task 'text' is not an ELF file" 'text as root task'
boot_modules 64 'kernel,sigma0,short'
refused "root task 'short' is truncated" 'root task cut'
boot_modules 64 'kernel,sigma0,sigma0'
refused "images overlap: 'sigma0' 0x1000000-0x1000120 and 'sigma0' 0x1000000-0x1000120" 'sigma0 twice'
boot 64 -kernel "$stage" -append '-comport=99' -initrd 'kernel,sigma0,moe'
refused '-comport=99' 'a port that is none'
limit=3
boot 64 -cpu qemu32 -kernel "$stage" -initrd 'kernel,sigma0,moe'
says 'boot: error: this CPU has no 64-bit mode' 'a CPU of 32 bits'
tap_done
