#!/bin/sh
# SPDX-License-Identifier: MIT
#
# ./labe iso [--list F [--entry NAME]] [--bench] [FILE]: a boot medium with separate modules, for BIOS and UEFI. It
# holds what ./labe run without an argument boots; with --bench the benchmark alone, which prints what every primitive
# costs in cycles of the machine's time stamp counter. Default FILE: build/x86_64/labe.iso.

. "$(dirname "$0")/common.sh"
. "$root/tool/qemu.sh"
list=
entry=
bench=
file=$out/labe.iso
while [ $# -gt 0 ]; do
    case $1 in
    --list) need_value "$1" $#; need_file --list "$2"; list=$2; shift 2 ;;
    --entry) need_value "$1" $#; entry=$2; shift 2 ;;
    --bench) bench=1; shift ;;
    -*) usage_error "iso: unknown option '$1'" ;;
    *)
        [ $# -eq 1 ] || usage_error "iso: one file name, not $#"
        file=$1
        shift
        ;;
    esac
done
[ -z "$entry" ] || [ -n "$list" ] || usage_error "--entry needs --list"
[ -z "$list" ] || [ -z "$bench" ] || usage_error "iso: --list says what is started: no --bench beside it"
[ -d "$(dirname "$file")" ] || [ "$file" = "$out/labe.iso" ] ||
    usage_error "iso: no folder '$(dirname "$file")'"
set_up
scratch_make
run_make || exit 1
batch=
script=
files=
if [ -n "$bench" ]; then
    list=$scratch/modules.list
    printf 'entry bench\nkernel kernel\nsigma0 sigma0\nroottask bench\n' > "$list"
elif [ -z "$list" ]; then
    . "$root/tool/compose.sh"
    compose
    list=$scratch/modules.list
fi
iso_make "$list" "$(dirname "$list")" "$entry" "$file"
echo "$file"
