#!/bin/sh
# SPDX-License-Identifier: MIT
#
# List files as mkimage reads them: every keyword and option, the lectures' lines word for word, and every error with
# file and line. -l shows what an entry boots: "path<tab>command line".

. "$(dirname "$0")/../tap.sh"
build=${LABE_BUILD:-$root/build}
make -s -C "$root" B="$build" boot tools > "$tmp/make" 2>&1 || { cat "$tmp/make"; echo "Bail out! no mkimage"; exit 1; }
mkimage=$build/host/tool/mkimage
stage=$build/x86_64/bin/boot
cd "$tmp"

mkdir -p bin lists/inner other kernel
for f in kernel sigma0 moe boot l4re ned hello hello.lua extra one two three; do echo "$f" > "bin/$f"; done
echo other > other/hello
TAB=$(printf '\t')

# makes NAME ENTRY < LIST: what entry ENTRY boots is $tmp/want, given as "command line" per line.
makes() {
    cat > modules.list
    run "$mkimage" -p bin ${2:+-e "$2"} -l modules.list
    if [ "$status" = 0 ] && cut -f 2 out | cmp -s - want; then
        result 0 "$1"
    else
        result 1 "$1" "exit status $status, wanted:" "$(tr '\n' ';' < want)"
    fi
}

want() { printf '%s\n' "$@" > want; }

# The lectures' lines.
want kernel sigma0 'moe --init=rom/hello' hello l4re ned
makes 'roottask moe --init=rom/hello' << 'END'
entry hello
roottask moe --init=rom/hello
module hello
END
want kernel sigma0 'moe rom/hello.lua' hello.lua l4re ned
makes 'roottask moe rom/hello.lua, module hello.lua' << 'END'
entry hello
roottask moe rom/hello.lua
module hello.lua
END
run "$mkimage" -p bin -s boot -l modules.list
says "bin/hello.lua${TAB}hello.lua" 'a module is found in the search folder'
says "bin/kernel${TAB}kernel" 'a folder with the name of a file is not the file'

want kernel sigma0 'moe rom/hello.lua' hello.lua l4re ned
makes 'moe FILE' << 'END'
entry hello
moe hello.lua
END
want 'kernel -serial_esc' 'sigma0 -v' 'moe rom/hello.lua' ned 'l4re' 'hello.lua :rw'
makes 'comments, case, blanks; what is listed is not added again' << 'END'
# a list
   TITLE   hello     # the entry
	Kernel kernel -serial_esc
sigma0  sigma0   -v
roottask moe rom/hello.lua

module ned
bin l4re
data hello.lua :rw	# writable
END
want kernel sigma0 'extra a' one
makes 'another root task needs nothing beside it' << 'END'
entry x
roottask extra a
module one
END
want kernel sigma0 moe one
makes 'no-defaults' << 'END'
entry[no-defaults] x
kernel kernel
sigma0 sigma0
roottask moe
module one
END

# Entries.
cat > entries << 'END'
entry a
roottask extra a
entry b
roottask extra b
entry b
roottask extra again
END
want kernel sigma0 'extra a'
makes 'the first entry is the default' < entries
want kernel sigma0 'extra b'
makes 'an entry by name; the first of two' b < entries
run "$mkimage" -p bin -s boot -e c -l entries
is 1 'an unknown entry'
says "entries: there is no entry 'c'; there are: a, b, b" 'the error lists the entries'

# Options.
want kernel sigma0 extra one three
makes 'arch= and bits=' << 'END'
entry[arch=arm64] x
roottask nothing
module nothing
entry[arch=x86|amd64,bits=64] x
roottask extra
module[arch=amd64] one
module[arch=arm64|riscv] two
module[bits=32] two
module[ arch=x86_64 , bits=32|64] three
END
want kernel sigma0 extra 'first a b' one 'sh1' 'sh2'
echo 1 > bin/sh1; echo 2 > bin/sh2
makes 'fname=, no-shlib-scan, nostrip, shell' << 'END'
entry x
roottask extra
module[fname=first] hello a b
module[no-shlib-scan,nostrip] one
module[shell] echo sh1; echo sh2
END
want kernel sigma0 extra one three two
makes 'glob' << 'END'
entry x
roottask extra
module[glob] bin/[ot][nwh][eor]*
END
gzip -c bin/hello > bin/packed.gz
want kernel sigma0 extra packed
makes 'uncompress' << 'END'
entry x
roottask extra
module[uncompress,fname=packed] packed.gz
END
run "$mkimage" -p bin -s "$stage" -o image modules.list
is 0 'an image with a compressed module'
ok 'the module is unpacked in it' grep -qx hello image

# Groups, defaults, includes, paths, addresses.
want 'kernel -a' 'sigma0 -b' 'extra -c' one two three
makes 'groups and defaults' << 'END'
default-kernel kernel -a
default-sigma0 sigma0 -b
default-roottask extra -c
default-bootstrap boot
group g
module one
module two
group h
module-group g
module three
entry x
module-group h
module-group g
END
echo 'module inc' > lists/inner/a.list
echo 'module more' > lists/b.list
echo inc > lists/inner/inc
echo more > lists/more
want kernel sigma0 extra inc more
LISTS=lists makes 'include: relative, wildcard, ${VAR}, once' << 'END'
entry x
roottask extra
include ${LISTS}/inner/*.list
include lists/b.list
include lists/inner/../b.list
include lists/none*
END
want kernel sigma0 extra hello
makes 'searchpath' << 'END'
searchpath other
entry x
roottask extra
module hello
END
run "$mkimage" -s boot -p other -p bin -l modules.list
says "other/hello${TAB}hello" 'the first search folder wins'
cat > addr << 'END'
modaddr 0x1100000
entry a
roottask extra
bootstrap boot -x
entry b
roottask extra
modaddr 2200000
END
run "$mkimage" -p bin -s "$stage" -o image addr
is 0 'modaddr'
ok 'modaddr: global, with the stage arguments' grep -q 'boot -x -modaddr=0x1100000' image
run "$mkimage" -p bin -s "$stage" -e b -o image addr
ok "modaddr: the entry's own" grep -q 'boot -modaddr=0x2200000' image

# Debug information goes, unless it shall stay.
printf 'int main(void) { return 0; }\n' > c.c
gcc -g -o bin/debug c.c
printf 'entry x\nroottask extra\nmodule debug\n' > strip
run "$mkimage" -p bin -s "$stage" -o image strip
is 0 'strip'
ok 'debug information is taken off' sh -c '! grep -q debug_info image'
printf 'entry x\nroottask extra\nbin-nostrip debug\n' > strip
run "$mkimage" -p bin -s "$stage" -o image strip
ok 'nostrip keeps it' grep -q debug_info image

# Errors: name, what is said, lines of the list.
error() {
    name=$1
    text=$2
    shift 2
    printf '%s\n' "$@" > bad.list
    rm -f image
    run "$mkimage" -p bin -s "$stage" -o image bad.list
    if [ "$status" = 1 ] && grep -qF -- "mkimage: $text" out && [ ! -e image ]; then
        result 0 "error: $name"
    else
        result 1 "error: $name" "exit status $status, expected 1 and: $text"
    fi
}

e='entry x'
error 'unknown keyword' "bad.list:2: unknown keyword 'modul'" "$e" 'modul one'
error 'missing module' "bad.list:3: module 'nothing' is not there; looked in: ., bin" \
    "$e" 'roottask extra' 'module nothing'
error 'missing kernel' "bad.list:2: kernel 'nothing' is not there; looked in: ., bin" "$e" 'kernel nothing'
error 'missing absolute path' "bad.list:2: module '/no/file' is not there; looked in: /no" "$e" 'module /no/file'
error 'missing root task' "bad.list:2: root task 'nothing' is not there" "$e" 'roottask nothing x'
error 'missing file of a group' "bad.list:2: module 'nothing' is not there" \
    'group g' 'module nothing' "$e" 'roottask extra' 'module-group g'
error 'no file name' 'bad.list:2: the file name is missing' "$e" 'module'
error 'no entry name' "bad.list:1: the entry's name is missing" 'entry'
error 'nothing in it' 'bad.list: there is no entry for amd64 in it' '# nothing'
error 'before the first entry' "bad.list:1: 'module' before the first entry" 'module one' "$e"
error 'unknown group' "bad.list:2: unknown group 'g'" "$e" 'module-group g' 'group g'
error 'group in itself' "bad.list:2: unknown group 'g'" 'group g' 'module-group g'
error 'group twice' "bad.list:2: the group 'g' was already defined in bad.list:1" 'group g' 'group g' "$e"
error 'kernel in a group' 'bad.list:2: a group has modules only' 'group g' 'kernel kernel' "$e"
error 'unknown option' "bad.list:2: unknown option 'fast'" "$e" 'module[fast] one'
error 'option with a value it has not' "bad.list:2: unknown option 'nostrip=1'" "$e" 'module[nostrip=1] one'
error 'option without its value' "bad.list:2: unknown option 'fname'" "$e" 'module[fname] one'
error 'open bracket' "bad.list:2: the options have no closing ']'" "$e" 'module[nostrip one'
error 'no blank' "bad.list:2: a blank is missing after ']'" "$e" 'module[nostrip]one'
error 'perl' "bad.list:2: option 'perl' is not supported" "$e" 'module[perl] return "a";'
error 'attribute' "bad.list:2: option 'attr:reloc' is not supported" "$e" 'roottask[attr:reloc=1] extra'
error 'network' "bad.list:2: 'http://host/file' is on another machine" "$e" 'module http://host/file'
error 'network by ssh' "bad.list:2: 'ssh://host/file' is on another machine" "$e" 'module ssh://host/file'
error 'linux' "bad.list:1: the entry 'x' describes a plain Linux boot" "$e" 'set mode linux' 'kernel kernel'
error 'initrd' "bad.list:1: the entry 'x' describes a plain Linux boot" "$e" 'kernel kernel' 'initrd one'
error 'set' "bad.list:2: 'set speed 9': there is 'set mode linux'" "$e" 'set speed 9'
error 'modaddr' "bad.list:1: '12x' is no hexadecimal address below 4 GiB" 'modaddr 12x' "$e"
error 'modaddr too large' "bad.list:1: '100000000' is no hexadecimal address" 'modaddr 100000000' "$e"
error 'include' "bad.list:1: cannot include './none': no such file" 'include none' "$e"
error 'variable' "bad.list:1: the environment has no variable 'NO_SUCH'" 'include ${NO_SUCH}/x' "$e"
error 'open variable' "bad.list:1: '\${X' has no closing '}'" 'searchpath ${X' "$e"
error 'shell' "bad.list:3: the command 'false' failed" "$e" 'roottask extra' 'module[shell] false'
error 'glob' "bad.list:3: no file matches './none*'" "$e" 'roottask extra' 'module[glob] none*'
error 'one name, two files' "bad.list:4: there are two modules 'one': 'bin/two' and 'bin/one' (bad.list:3)" "$e" \
    'roottask extra' 'module one' 'module[fname=one] two'
error 'no-defaults' "bad.list:1: the entry 'x' has no kernel and wants no defaults" 'entry[no-defaults] x'
echo 'nonsense' > lists/wrong.list
error 'error in an included file' "./lists/wrong.list:1: unknown keyword 'nonsense'" 'include lists/wrong.list' "$e"
cp bin/ned gone; rm bin/ned
error 'what is always needed' "bad.list:1: module 'ned' is not there" "$e" 'roottask moe'
cp gone bin/ned
run "$mkimage" -p bin -s bin/one -o image addr
says "'bin/one' is no boot stage: not an executable 32-bit ELF file" 'error: a stage that is none'
run "$mkimage" -p bin -s "$stage" -o no/image addr
says "cannot write 'no/image': No such file or directory" 'error: output'
run "$mkimage" -p bin -s "$stage" -o image no.list
says "cannot read 'no.list': No such file or directory" 'error: no list'
printf 'entry x\0\n' > zero
run "$mkimage" -p bin -s "$stage" -o image zero
says 'zero: this is no list file' 'error: binary list'
printf "entry x\nroottask extra it's\n" > quote
run "$mkimage" -p bin -s "$stage" -t tree quote
says "quote:2: GRUB changes quotes and backslashes in arguments: 'it's'" 'error: quotes in GRUB arguments'
run "$mkimage" -x
is 2 'an unknown option of the command line'
run "$mkimage" addr
is 2 'a command line without output'
run "$mkimage" -o
is 2 'an option without its value'
tap_done
