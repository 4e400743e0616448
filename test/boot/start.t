#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The boot stage started by qemu -kernel (multiboot 1): separate modules, one image, options, where things are placed.

. "$(dirname "$0")/../tap.sh"
. "$root/test/boot/machine.sh"

# column NAME FIELD: of the module line of the file NAME.
column() { sed -n "s/^\(module .* $1\)\$/\1/p" "$tmp/out" | cut -d' ' -f"$2"; }

mkdir "$tmp/dir"
printf AB > "$tmp/dir/ab"
boot_modules 64 'kernel -serial_esc,sigma0,dir/../moe rom/ab --x=1,dir/ab'
started 'separate modules'
says 'modules: 4' 'number of modules'
says 'module 1 0 0 aligned covered kernel -serial_esc' 'kernel: kind and command line'
says 'module 2 0 0 aligned covered sigma0' 'sigma0: kind'
says 'module 3 0 0 aligned covered moe rom/ab --x=1' 'root task: kind, arguments, no path'
says 'module 0 2 821 aligned covered ab' 'a file: size, content, name without path'
says 'sigma0-ip: 1001000' 'entry point of sigma0'
says 'root-ip: 1401000' 'entry point of the root task'
says 'desc 1.0 1000 9f' 'low memory is described, page 0 is not'
says 'desc 2.0 400000 4007ff' 'the kernel is reserved'
says 'desc 3.0 1001000 10013ff' 'sigma0 is dedicated'
says 'desc e.5 1401000 14013ff' 'root task: its code r-x'
says 'desc e.6 1402000 14057ff' 'root task: its data rw-'
says 'boot: module' 'the stage lists modules'

cat > "$tmp/list" << 'END'
entry one
kernel kernel -serial_esc
roottask moe rom/ab --x=1
bin[fname=l4re] sigma0
bin[fname=ned] moe
module ab
END
run "$mkimage" -s "$stage" -p "$tmp/dir" -o "$tmp/image" "$tmp/list"
is 0 'mkimage makes an image'
boot 64 -kernel "$tmp/image"
started 'one image'
says 'modules: 6' 'one image: number of modules'
says 'module 3 0 0 aligned covered moe rom/ab --x=1' 'one image: command line'
says 'module 0 2 821 aligned covered ab' 'one image: a file'
boot 64 -kernel "$tmp/image" -initrd dir/../moe,kernel
started 'one image with more modules'
says 'modules: 8' 'modules of -initrd join those inside'

# Options: all kinds, unknown ones, parts of words.
boot_modules 64 'kernel -wait -noserialx -esc -kmemsize=0x800 -tbuf_entries 77 -jdb_cmd=JH -what,sigma0,moe'
says 'opt-flags: f60011' 'kernel options: flags'
says 'opt-kmem: 800' 'kernel options: a number after ='
says 'opt-tbuf: 4d' 'kernel options: a number after a blank'
says 'opt-jdb: JH' 'kernel options: a text'
says 'opt-uart-base: 3f8' 'kernel options: serial line'
says 'opt-uart-irq: 4' 'kernel options: its interrupt'
kernel_build kernel5 -DOPTIONS_VERSION=5
boot_modules 64 'kernel5 -wait -kmemsize=0x800 -tbuf_entries=77 -jdb_cmd=JH -perf_profile=1,sigma0,moe'
started 'options version 5'
says 'opt-flags: f60001' 'options version 5: flags'
says 'opt-tbuf: 4d' 'options version 5: layout'
says 'opt-jdb: JH' 'options version 5: text'
boot 64 -kernel "$stage" -append '-comport=1 -comirq=7' -initrd 'kernel,sigma0,moe'
says 'opt-uart-irq: 7' 'stage options: interrupt of the serial line'
boot 64 -kernel "$stage" -append '-noserial' -initrd 'kernel,sigma0,moe'
silent_about 'boot: ' 'stage options: -noserial'
says 'opt-uart-irq: ffff' 'stage options: -noserial reaches the kernel'

# Images where the stage and the modules lie after loading: everything moves out of the way.
kernel_build kernel-low -Wl,--defsym=kernel_base=0x100000
program_build sigma0-low 0x120000 0x50000051
program_build moe-low 0x130000 0x50000052
boot_modules 64 'kernel-low,sigma0-low,moe-low,dir/ab'
started 'images at the place of stage and modules'
says 'module 0 2 821 aligned covered ab' 'the file is whole'

# Virtual addresses that are not the physical ones; the entry point is a physical one, as for real kernels.
kernel_build kernel-high -Wl,--defsym=kernel_base=0x200000,--defsym=kernel_vma=0xffffffff80000000
boot_modules 64 'kernel-high,sigma0,moe'
started 'a kernel linked to high addresses'
says 'desc 2.0 200000 2007ff' 'it lies at its physical address'

# Where modules go.
head -c 5000000 /dev/urandom > "$tmp/big"
: > "$tmp/empty"
files=
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do files=$files,kernel,sigma0; done
boot_modules 64 "kernel,sigma0,moe,big,empty$files,dir/ab"
started '46 modules'
says 'modules: 2e' '46 modules: number'
says 'module 0 0 0 aligned covered empty' 'an empty file'
sum=$(column big 4)
boot 64 -kernel "$stage" -append '-modaddr=0x2000000' -initrd 'kernel,sigma0,moe,big,dir/ab'
started '-modaddr'
says 'boot: module 0x02000000-0x024c4b40 big' '-modaddr: the first module is there'
says 'boot: module 0x024c5000-0x024c5002 ab' '-modaddr: the second behind it'
if [ -n "$sum" ] && [ "$(column big 4)" = "$sum" ]; then result 0 'the content does not depend on the place'
else result 1 'the content does not depend on the place' "$sum and $(column big 4)"; fi
boot 64 -kernel "$stage" -append '-maxmem=40' -initrd 'kernel,sigma0,moe,dir/ab'
says 'desc 1.0 100000 27fffff' '-maxmem cuts the memory'
boot 64 -kernel "$stage" -append '-maxmem=0' -initrd 'kernel,sigma0,moe'
refused 'no memory: ' '-maxmem=0'
boot_modules 5000 'kernel,sigma0,moe,dir/ab'
started 'more than 4 GiB'
says 'desc 1.0 100000000 1787fffff' 'more than 4 GiB: described'
says 'boot: module 0xb' 'more than 4 GiB: modules stay below'

# Without a serial line a person still reads what is wrong: on the screen.
(cd "$tmp" && { sleep 3; echo "pmemsave 0xb8000 4000 screen"; sleep 1; echo quit; } | timeout 20 qemu-system-x86_64 \
    -nodefaults -display none -vga std -serial none -monitor stdio -m 64 -kernel "$stage" > "$tmp/out" 2>&1)
tr '\0\007' '  ' < "$tmp/screen" | sed 's/\(.\) /\1/g' > "$tmp/out"
says 'no modules: the kernel, sigma0 and a root task are needed' 'errors are on the screen, too'
tap_done
