#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A boot medium made by grub-mkrescue from mkimage's tree (multiboot 2): with BIOS and with UEFI, several entries.

. "$(dirname "$0")/../tap.sh"
. "$root/test/boot/machine.sh"
limit=120

cp "$tmp/sigma0" "$tmp/l4re"
cp "$tmp/moe" "$tmp/ned"
printf AB > "$tmp/hello.lua"
cat > "$tmp/list" << 'END'
modaddr 2000000

entry hello
kernel kernel -serial_esc
roottask moe --init=rom/hello
module hello.lua

entry two words
roottask moe rom/hello.lua
module hello.lua
END

medium() {
    rm -rf "$tmp/tree"
    run "$mkimage" -s "$stage" "$@" -t "$tmp/tree" "$tmp/list"
    is 0 "mkimage ${*:-without an entry} makes a tree"
    ok "grub-mkrescue makes a medium of it" grub-mkrescue -o "$tmp/medium.iso" "$tmp/tree"
}

content() {
    started "$1"
    says 'modules: 6' "$1: number of modules"
    says 'module 1 0 0 aligned covered kernel -serial_esc' "$1: the kernel's command line"
    says 'module 3 0 0 aligned covered moe --init=rom/hello' "$1: the root task's command line"
    says 'module 0 2 821 aligned covered hello.lua' "$1: a file"
    says 'loader: boot -modaddr=0x2000000' "$1: the stage's command line"
    says 'boot: module 0x02000000-0x02000002 hello.lua' "$1: -modaddr"
}

medium -e hello
boot 64 -cdrom medium.iso
content BIOS
says 'desc 1.0 100000 3f' 'BIOS: memory'

firmware=/usr/share/OVMF/OVMF_CODE.fd
boot 256 -drive if=pflash,format=raw,readonly=on,file="$firmware" -cdrom medium.iso
content UEFI
says 'desc f.3 ' 'UEFI: firmware tables are described'

boot 20 -cdrom medium.iso
refused 'not enough memory: needs at least ' 'BIOS, 20 MiB'

# The other header, and the image with everything inside, by the same loader.
sed -i 's/multiboot2/multiboot/; s/module2/module/' "$tmp/tree/boot/grub/grub.cfg"
ok 'a medium for multiboot 1' grub-mkrescue -o "$tmp/medium.iso" "$tmp/tree"
boot 64 -cdrom medium.iso
content 'multiboot 1 by GRUB'
run "$mkimage" -s "$stage" -e hello -o "$tmp/tree/boot/image" "$tmp/list"
is 0 'mkimage makes an image'
printf 'multiboot2 /boot/image\nboot\n' > "$tmp/tree/boot/grub/grub.cfg"
ok 'a medium for the image' grub-mkrescue -o "$tmp/medium.iso" "$tmp/tree"
boot 64 -cdrom medium.iso
content 'image by GRUB'

medium
run cat "$tmp/tree/boot/grub/grub.cfg"
says "menuentry 'hello' {" 'the first entry is in the menu'
says "menuentry 'two words' {" 'so is the second'
says 'set timeout=5' 'the menu waits'
run ls "$tmp/tree/boot/labe"
says hello.lua 'a file that both entries name'
silent_about 'hello.lua.' 'is there once'
tap_done
