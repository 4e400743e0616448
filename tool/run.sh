#!/bin/sh
# SPDX-License-Identifier: MIT
#
# ./labe run: command line, build, boot configuration, QEMU. See ./labe help.

. "$(dirname "$0")/common.sh"
. "$root/tool/qemu.sh"

batch=
timeout=
until=
cpus=1
model=${LABE_MODEL:-max}
mem=256
kvm=
gdb=
root_elf=
list=
entry=
files=
script=

while [ $# -gt 0 ]; do
    case $1 in
    --*=*)
        option=${1%%=*}
        value=${1#*=}
        shift
        set -- "$option" "$value" "$@"
        ;;
    esac
    case $1 in
    --batch) batch=1; shift ;;
    --kvm) kvm=1; shift ;;
    --gdb) gdb=1; shift ;;
    --timeout) need_value "$1" $#; need_number "$1" "$2" 1 86400; timeout=$2; shift 2 ;;
    --cpus) need_value "$1" $#; need_number "$1" "$2" 1 64; cpus=$2; shift 2 ;;
    --model)
        need_value "$1" $#
        case $2 in '' | -* | *[!A-Za-z0-9,=+._-]*) usage_error "--model: '$2' is no processor of QEMU" ;; esac
        model=$2
        shift 2
        ;;
    --mem) need_value "$1" $#; need_number "$1" "$2" 1 65536; mem=$2; shift 2 ;;
    --until)
        need_value "$1" $#
        [ -n "$2" ] || usage_error "--until: the text is empty"
        until=$2
        shift 2
        ;;
    --file)
        need_value "$1" $#
        need_file --file "$2"
        files=$files$2'
'
        shift 2
        ;;
    --root) need_value "$1" $#; need_file --root "$2"; root_elf=$2; shift 2 ;;
    --list) need_value "$1" $#; need_file --list "$2"; list=$2; shift 2 ;;
    --entry) need_value "$1" $#; entry=$2; shift 2 ;;
    --arch)
        need_value "$1" $#
        [ "$2" = x86_64 ] || usage_error "--arch: unknown architecture '$2'; there is x86_64"
        shift 2
        ;;
    -*) usage_error "run: unknown option '$1'" ;;
    *)
        [ -z "$script" ] || usage_error "run: one script or folder, not '$script' and '$1'"
        [ -n "$1" ] || usage_error "run: the name of the script is empty"
        script=$1
        shift
        ;;
    esac
done

[ -z "$entry" ] || [ -n "$list" ] || usage_error "--entry needs --list"
[ -z "$root_elf" ] || [ -z "$list$script$files" ] ||
    usage_error "--root boots that file alone: no script, --file or --list"
[ -z "$list" ] || [ -z "$script" ] || usage_error "--list says what is started: no script beside it"
if [ -n "$script" ] && [ ! -d "$script" ]; then
    need_file run "$script"
fi
if [ -n "$script" ] && [ -d "$script" ] && [ ! -f "$script/boot.lua" ]; then
    usage_error "run: the folder '$script' has no boot.lua"
fi
qemu_check

set_up
scratch_make

if [ -n "$root_elf" ]; then
    run_make kernel boot tools "$out/rom/kernel" "$out/rom/sigma0" || exit 1
    name=$(basename -- "$root_elf")
    case $name in -* | *[!A-Za-z0-9._+-]*) name=root-task ;; esac
    mkdir "$scratch/root"
    cp "$root_elf" "$scratch/root/$name"
    printf 'entry run\nkernel kernel\nsigma0 sigma0\nroottask root/%s\n' "$name" > "$scratch/modules.list"
elif [ -n "$list" ]; then
    run_make || exit 1
else
    run_make || exit 1
    . "$root/tool/compose.sh"
    compose
fi
list=${list:-$scratch/modules.list}
image_make "$list" "$(dirname "$list")" "$entry"
qemu_run
