#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What the processor has loaded, read by the emulator's monitor while a program is in user mode and while the kernel
# is idle: page tables with and without isolation, control registers; and what is left of a program when an NMI comes.

. "$(dirname "$0")/../tap.sh"
build=${LABE_BUILD:-$root/build}
out=$build/x86_64
kernel=$out/bin/kernel
[ -n "${LABE_BUILT:-}" ] || make -s -C "$root" B="$build" kernel boot tools "$out/rom/kernel" "$out/rom/sigma0" \
    > "$tmp/make" 2>&1 || { cat "$tmp/make"; echo "Bail out! no kernel"; exit 1; }

for name in spin wait; do
    flag=
    [ "$name" = wait ] || flag=-DSPIN
    gcc -nostdlib -static -no-pie $flag -Wl,-Ttext-segment=0x4000000,--build-id=none -Wl,-z,max-page-size=4096 \
        -o "$tmp/$name" "$root/test/protection/user.S"
    printf 'entry view\nkernel kernel\nsigma0 sigma0\nroottask %s\n' "$name" > "$tmp/$name.list"
    "$build/host/tool/mkimage" -o "$tmp/$name.elf" -s "$out/bin/boot" -p "$tmp" -p "$out/rom" "$tmp/$name.list"
done

# look PROGRAM MODEL CPUS COMMAND...: boots, and gives the monitor its commands when the program runs.
look() {
    program=$1
    model=$2
    cpus=$3
    shift 3
    rm -f "$tmp/serial"
    {
        tries=0
        last='^Labe: '
        [ "$cpus" = 1 ] || last='^CPUs: '
        while [ "$tries" -lt 200 ] && ! grep -q "$last" "$tmp/serial" 2> /dev/null; do
            sleep 0.1
            tries=$((tries + 1))
        done
        sleep 0.5
        for command; do
            printf '%s\n' "$command"
            sleep 0.2
        done
        echo quit
    } | timeout 60 qemu-system-x86_64 -nodefaults -no-user-config -no-reboot -display none -monitor stdio -m 256 \
        -smp "$cpus" -kernel "$tmp/$program.elf" -serial "file:$tmp/serial" -accel tcg -cpu "$model" \
        > "$tmp/out.raw" 2>&1 || true
    tr -d '\r' < "$tmp/out.raw" > "$tmp/out"
}

# pages: ADDRESS FLAGS of every page of the tables that are loaded, FLAGS as the monitor writes them: X means "never
# executed". Addresses of 16 digits, so they compare as text.
pages() { sed -n 's/^\([0-9a-f]\{16\}\): [0-9a-f]* \([-A-Z]*\)$/\1 \2/p' "$tmp/out"; }
symbol() { nm "$kernel" | sed -n "s/ . $1\$//p"; }
upper=ffff800000000000
image=$(symbol image_start)
text_end=$(symbol image_text_end)
constants_end=$(symbol image_rodata_end)
guard=$(symbol boot_stack_guard)
image_end=$(symbol image_end)
boot_end=$(symbol boot_code_end)

# count AWK-CONDITION: how many pages fulfil it; a is the address, f the flags.
count() {
    pages | awk -v upper="$upper" -v image="$image" -v text_end="$text_end" -v constants_end="$constants_end" \
        -v guard="$guard" -v end="$image_end" -v boot="$boot_end" \
        "function alias(x) { return \"ffff80000\" substr(x, 10) }
        { a = \$1 \"\"; f = \$2 } $1 { n++ } END { print n + 0 }"
}
counts() { if [ "$(count "$2")" "$1" "$3" ]; then result 0 "$4"; else result 1 "$4" "pages: $(count "$2")"; fi; }

# control NAME: value of a control register; has NAME MASK TEXT.
control() { sed -n "s/^.*\b$1=\([0-9a-f]*\).*\$/\1/p" "$tmp/out" | head -n 1; }
has() {
    if [ $((0x$(control "$1") & $2)) = $(($2)) ]; then result 0 "$3"; else result 1 "$3" "$1 is $(control "$1")"; fi
}

# protected NAME: the kernel's own view.
protected() {
    counts -gt 'a >= upper' 50 "$1: the kernel is there"
    counts -eq 'a >= upper && f ~ /W/ && f !~ /X/' 0 "$1: nothing is writable and executable"
    counts -eq 'a >= upper && f ~ /U/' 0 "$1: nothing of the kernel is open to user mode"
    counts -eq 'a >= upper && f !~ /X/ && (a < image || a >= text_end)' 0 "$1: only text is executable"
    counts -eq 'a >= image && a < constants_end && f ~ /W/' 0 "$1: text and constants are not writable"
    counts -eq 'a >= alias(image) && a < alias(constants_end) && f ~ /W/' 0 "$1: in the direct map neither"
    counts -gt 'a >= alias(image) && a < alias(constants_end)' 10 "$1:   where they are, too"
    counts -eq 'a == guard' 0 "$1: the page below the stack is not mapped"
    counts -eq 'a >= end && a < boot' 0 "$1: code that ran at boot only is gone"
    counts -eq 'a >= alias(end) && a < alias(boot) && f ~ /W/ && f ~ /X/' "$gone_pages" \
        "$1:   it is memory as any other"
    has CR0 0x10000 "$1: write protection holds in the kernel"
    has EFER 0x800 "$1: NX is on"
    has CR4 0x100000 "$1: SMEP is on"
}

# Every sysret and iret of the kernel's text is a site (sites.h), or stands in one of the ways that are put there; the
# two others return from NMIs. A way out that isolation does not know would leave user mode with the kernel's tables.
low() { symbol "$1" | sed 's/^ffffffff//'; }
set -- $(objdump -h "$kernel" | awk '$2 == ".rodata" { sub(/^ffffffff/, "", $4); print $4, $6 }')
od -An -v -tx8 -w16 -j $((0x$2 + 0x$(low sites) - 0x$1)) -N $((0x$(low sites_end) - 0x$(low sites))) "$kernel" |
    awk '{ print $1 }' | sort > "$tmp/sites"
objdump -d --no-show-raw-insn "$kernel" | awk '/^[0-9a-f]+ </ { name = $2 }
    /\t(sysretq|iretq)/ { sub(/:/, "", $1); print $1, name }' > "$tmp/ways"
while read -r address name; do
    [ "$name" != '<image_start>:' ] || [ "$(symbol verw_sysret)" != "$image" ] || name='<verw_sysret>:'
    case $name in '<verw_'* | '<nmi_common>:' | '<isolated_nmi>:') continue ;; esac
    grep -q "$address" "$tmp/sites" || echo "$name $address"
done < "$tmp/ways" > "$tmp/out"
ok 'there are ways out' test "$(wc -l < "$tmp/ways")" -gt 8
ok 'every way to user mode can be exchanged' test ! -s "$tmp/out"

# The memory of boot code is all of it behind what stays of the image: cleared, and described as RAM and nothing else.
physical() { echo $((0x$(low "$1") - 0x80000000)); }
gone=$(physical image_end)
gone_end=$(physical boot_code_end)
gone_pages=$(((gone_end - gone) / 4096))
ok 'there is boot code' test "$gone_pages" -ge 2
ok '  with the first instruction' test "$(physical start)" -ge "$gone" -a "$(physical start)" -lt "$gone_end"
last=$(nm "$kernel" | grep -v ' A boot_code_end$' | sort | tail -n 1 | cut -c 1-16)
ok '  behind all else' test "$last" \< "$boot_end"
given_back() {
    look wait "$1" "$2" stop "xp /$((gone_pages * 512))gx $gone" "xp /128gx $(($(physical kip) + 144))"
    perl -ne 'BEGIN { ($gone, $end) = splice @ARGV, 0, 2 }
        next if !/^([0-9a-f]{16}): 0x([0-9a-f]{16}) 0x([0-9a-f]{16})\r?$/;
        if (hex($1) >= $gone) { $words += 2; $left++ if "$2$3" =~ /[1-9a-f]/; next }
        my ($low, $first, $last, $type) = (hex($2), hex($2) & ~1023, hex($3) | 1023, hex($2) & 15);
        next if $type == 0 || $low & 0x200;
        $ram = 1 if $type == 1 && $first <= $gone && $last >= $end - 1;
        $taken++ if $type != 1 && $first < $end && $last >= $gone;
        $image = 1 if $type == 2 && $last == $gone - 1;
        END { printf "%d words, %d not cleared; %s, taken %d times; %s\n", $words, $left, $ram ? "RAM" : "no RAM",
                $taken, $image ? "the image ends there" : "the image does not end there" }' \
        "$gone" "$gone_end" "$tmp/out" > "$tmp/memory"
    ok "$1, $2 processors: the memory of boot code is given back" \
        grep -qx "$((gone_pages * 512)) words, 0 not cleared; RAM, taken 0 times; the image ends there" "$tmp/memory"
}
for model in max Haswell; do
    given_back "$model" 1
    given_back "$model" 2
done

# A processor that executes in order what it must: no isolation.
look wait max 1 stop 'info registers' 'info tlb'
protected 'max'
has CR4 0x200000 'max: SMAP is on'
has CR4 0x800 'max: UMIP is on'
counts -eq 'a < upper && f !~ /U/' 0 'max: pages of user mode belong to user mode'
ok 'max: the console says so' grep -q '^Isolation of page tables: off, this CPU does not need it' "$tmp/serial"

# One that does not: two views.
look wait Haswell 1 stop 'info registers' 'info tlb'
protected 'isolated'
counts -eq 'a < upper' 0 'isolated: the kernel sees nothing of user mode'
ok 'isolated: the console says so' grep -q '^Isolation of page tables: on, this CPU needs it' "$tmp/serial"

view() {
    tries=0
    until grep -q 'CPL=3' "$tmp/out" || [ "$tries" = 5 ]; do # it was in the kernel at that moment
        look "$@"
        tries=$((tries + 1))
    done
    ok "$3 processors: stopped in user mode" grep -q 'CPL=3' "$tmp/out"
    counts -ge 'a < upper && f ~ /U/' 1 "$3 processors: the program is there"
    counts -eq 'a < upper && f !~ /U/' 0 "$3 processors:   and nothing else below"
    counts -eq 'a >= upper && f ~ /U/' 0 "$3 processors: the rest is the kernel's"
    counts -eq 'a >= upper && f ~ /G/' 0 "$3 processors: nothing outlives a change of tables"
    counts -eq 'a >= upper && f !~ /X/' 1 "$3 processors: one page of text"
    counts -eq 'a == image && f !~ /[XW]/' 1 "$3 processors:   that of the entries"
    counts -eq 'a >= upper && f ~ /X/' $((1 + 3 * $3)) "$3 processors: the IDT, and three pages of each"
    counts -eq 'a >= upper && a < image' 0 "$3 processors: no page of the heap"
}
look spin Haswell 1 stop 'info registers' 'info tlb'
view spin Haswell 1 stop 'info registers' 'info tlb'
look spin Haswell 2 stop 'info registers' 'info tlb'
view spin Haswell 2 stop 'info registers' 'info tlb'

# NMIs in user mode and in the idle kernel, with and without isolation: reported, and nothing is lost. One of them may
# come during a timer tick.
nmis() { grep -c "^kernel: non-maskable interrupt at ip $1" "$tmp/serial"; }
for model in max Haswell; do
    look spin "$model" 1 nmi nmi nmi stop 'info registers'
    ok "$model: NMIs are reported" test "$(nmis 0x)" = 3
    ok "$model:   in user mode" test "$(nmis 0x400100)" -ge 1
    ok "$model:   and the program goes on as it was" grep -q 'RBX=5a5a5a5a5a5a5a5a' "$tmp/out"
    look wait "$model" 1 nmi nmi nmi stop 'info registers'
    ok "$model: NMIs in the kernel are reported" test "$(nmis 0xffffffff802)" = 3
    ok "$model:   and it goes on" grep -q 'CPL=0' "$tmp/out"
done
# The registers of the program are not left where user mode could make the processor read them.
look spin Haswell 1 nmi stop "xp /512gx 0x$(nm "$kernel" | sed -n 's/ . boot_tables$//p' | sed 's/^ffffffff8/0/')" \
    "xp /1024gx 0x$(printf %x $((0x$(nm "$kernel" | sed -n 's/ . boot_tables$//p' | sed 's/^ffffffff8/0/') + 4096)))"
ok 'NMI: three pages were looked at' test "$(grep -c '^0000000000' "$tmp/out")" = 768
silent_about 5a5a5a5a5a5a5a5a 'NMI: no register stays in the entry area'
tap_done
