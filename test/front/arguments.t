#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Wrong command lines: exit status 2, a line that names what was wrong, and nothing is built or booted.

. "$(dirname "$0")/../tap.sh"
export LABE_BUILD="$tmp/build"

# wrong TEXT ARGUMENT...: labe refuses the arguments and says TEXT.
wrong() {
    text=$1
    shift
    run "$labe" "$@"
    is 2 "labe $*: status 2"
    says "$text" "labe $*: says why"
}

mkdir "$tmp/empty"
: > "$tmp/a.lua"
: > "$tmp/a b.lua"

wrong "unknown command 'fly'" fly
wrong "doctor takes no argument" doctor now
wrong "clean takes no argument" clean all
wrong "unknown option '--fast'" run --fast
wrong "--timeout needs a value" run --timeout
wrong "'soon' is no number from 1 to 86400" run --timeout soon
wrong "0 is not between 1 and 64" run --cpus 0
wrong "65 is not between 1 and 64" run --cpus=65
wrong "'-1' is no number" run --mem -1
wrong "'99999999' is no number" run --mem 99999999
wrong "--model needs a value" run --model
wrong "'Pentium 1' is no processor of QEMU" run --model "Pentium 1"
wrong "unknown architecture 'vax'; there is x86_64" run --arch vax
wrong "no file '$tmp/none.lua'" run "$tmp/none.lua"
wrong "no file '$tmp/none'" run --file "$tmp/none" "$tmp/a.lua"
wrong "no file '$tmp/none.elf'" run --root "$tmp/none.elf"
wrong "the folder '$tmp/empty' has no boot.lua" run "$tmp/empty"
wrong "not '$tmp/a.lua' and 'b'" run "$tmp/a.lua" b
wrong "the text is empty" run --until ""
wrong "--root boots that file alone" run --root "$tmp/a.lua" "$tmp/a.lua"
wrong "--entry needs --list" run --entry x
wrong "no file 'none.list'" run --list none.list
wrong "one pattern or folder" test a b
wrong "unknown option '--all'" test --all
wrong "no test has 'no-such-test' in its name" test no-such-test
wrong "no folder '$tmp/none'" iso "$tmp/none/x.iso"
wrong "unknown option '--usb'" iso --usb
wrong "unknown option '--quickly'" sim --mutants --quickly
wrong "new needs a name" new
wrong "one name, not 2" new a b
wrong "is no name" new "$tmp/9 lives"
wrong "one page" doc a b

ok "none of them built anything" test ! -d "$tmp/build/x86_64"

run "$labe" help
is 0 "help: status 0"
says "usage: ./labe COMMAND" "help: says how"
for command in run test sim new iso doctor doc clean; do
    says "  $command" "help: names $command"
done
run "$labe"
says "usage: ./labe COMMAND" "no argument is help"
ln -s "$labe" "$tmp/link"
run "$tmp/link" help
is 0 "works through a symbolic link"
tap_done
