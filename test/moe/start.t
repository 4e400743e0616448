#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The root task's start with input that is wrong: it says what and where, and what can go on goes on. With --exit-port
# QEMU ends with status 2 * code + 1: 253 the init process could not be started, 141 it ended with 70.

. "$(dirname "$0")/../tap.sh"

build=${LABE_BUILD:-$root/build}
[ -n "${LABE_BUILT:-}" ] || make -s -C "$root" B="$build" all > "$tmp/make" 2>&1 ||
    { cat "$tmp/make"; echo "Bail out! not built"; exit 1; }
bin=$build/x86_64/rom
cp "$bin/kernel" "$bin/sigma0" "$bin/moe" "$bin/l4re" "$bin/hello" "$tmp"
cp "$tmp/l4re" "$tmp/good"

# start ARGUMENTS MODULES
start() {
    status=0
    (cd "$tmp" && exec timeout 30 qemu-system-x86_64 -nodefaults -no-user-config -no-reboot -display none \
        -monitor none -serial stdio -device isa-debug-exit,iobase=0xf4,iosize=1 -m 64 -kernel "$build/x86_64/bin/boot" \
        -initrd "kernel,sigma0,moe --exit-port=0xf4 $1${2:+,$2}") < /dev/null > "$tmp/out.raw" 2>&1 || status=$?
    tr -d '\r' < "$tmp/out.raw" > "$tmp/out"
}

# A run whose start fails: start_fails NAME TEXT (the file l4re is as wanted)
start_fails() {
    start '' l4re
    is 253 "$1: nothing starts"
    says "cannot start rom/ned: $2" "$1: says why"
}

start '' ''
is 253 'no in-task service: nothing starts'
says 'cannot start rom/ned: there is no boot module rom/l4re' 'no in-task service: says so'
echo 'print "no program"' > "$tmp/l4re"
start_fails 'text as in-task service' 'rom/l4re: reading the in-task service: not an ELF file'
: > "$tmp/l4re"
start_fails 'empty in-task service' 'rom/l4re: reading the in-task service: not an ELF file'
head -c 30000 "$tmp/good" > "$tmp/l4re"
start_fails 'truncated in-task service' 'rom/l4re: reading the in-task service: truncated: segment'
cp "$tmp/good" "$tmp/l4re"
printf '\267' | dd of="$tmp/l4re" bs=1 seek=18 conv=notrunc status=none
start_fails 'other architecture' 'rom/l4re: reading the in-task service: wrong architecture: machine number 183'

cp "$tmp/good" "$tmp/l4re"
start '--init=rom/hello' 'l4re,hello'
is 1 'a program that ends with 0'
says 'Hello World!' 'and did its work'
start '--init=rom/nothere' 'l4re'
is 141 'a missing program ends with 70'
says "cannot start 'rom/nothere'" 'the in-task service names it'
says 'init process ended with exit code 70' 'the root task learns the code'
echo 'print "no program"' > "$tmp/text"
start '--init=rom/text' 'l4re,text'
is 141 'text as program ends with 70'
says "cannot start 'rom/text'" 'the in-task service names it'
start '--init=rom/hello --nonsense --debug=warn+foo --exit-port=zz --exit-port=f4' 'l4re,hello'
says 'exit code 0' 'wrong options do not stop the start'
says 'unknown option: --nonsense' 'an unknown option is named'
says 'unknown flag: foo' 'an unknown flag is named'
says 'not an I/O port: --exit-port=zz' 'a wrong port is named'
: > "$tmp/empty"
start '--init=rom/hello --debug=all' 'l4re,hello,text,text,empty,text :rw'
says 'exit code 0' 'equal names, an empty file and a writable one start'
says 'module text: a module of that name is there already: ignored' 'the second of equal names is left out'
says 'module empty: ' 'an empty file is a file'
says 'text :rw: ' 'a writable module has a name space of its own'
tap_done
