#!/bin/sh
# SPDX-License-Identifier: MIT
#
# ./labe bench in its short form: everything is within its limit; a limit that is too low, a figure that is missing, and
# a budget that is wrong are found. The rows of one run agree with its trace. Needs the whole system.

. "$(dirname "$0")/../tap.sh"
cd "$tmp"

run "$labe" bench --quick --json figures.json
is 0 "every figure is within its limit"
silent_about "over the limit" "none is over"
silent_about "the trace has" "each round has as many instructions in the trace as were measured"
for name in calibration-1000-nops round-trip-two-tasks-0-words page-fault task-create-delete \
    growth-1000-armed-timeouts floor-round-trip-0-words boot-to-hello-instructions; do
    says "$name" "the table has $name"
done
ok "the calibration is exact" grep -Eq '^calibration-1000-nops +1000 +1000 +1000 ' out

# A hash of the JSON file: figure ROW KEY.
figure() {
    perl -MJSON::PP -e 'local $/; print decode_json(<STDIN>)->{rows}{$ARGV[0]}{$ARGV[1]} // ""' "$1" "$2" \
        < figures.json
}
ok "JSON: the unit" grep -q '"unit": "instructions"' figures.json
ok "JSON: a median" test "$(figure round-trip-two-tasks-0-words median)" -gt 0
ok "JSON: what a round weighs is more than its instructions" \
    test "$(figure round-trip-two-tasks-0-words weighted)" -gt "$(figure round-trip-two-tasks-0-words median)"
ok "JSON: a round trip enters the kernel twice" test "$(figure round-trip-two-tasks-0-words entries)" = 2
ok "JSON: between two tasks it writes CR3 twice" test "$(figure round-trip-two-tasks-0-words cr3)" = 2
ok "JSON: inside one task never" test "$(figure round-trip-same-task-0-words cr3)" = 0
ok "JSON: 63 words cost more than none" \
    test "$(figure round-trip-two-tasks-63-words median)" -gt "$(figure round-trip-two-tasks-0-words median)"

echo 'syscall-empty-slot 1 1' > low.txt
run "$labe" bench --quick --budget low.txt syscall
is 1 "a limit that is too low: status 1"
says "over the limit: syscall-empty-slot" "a limit that is too low: the figure is named"
silent_about "page-fault" "a pattern: no other rows"

echo 'syscall-gone 1 1' > gone.txt
run "$labe" bench --quick --budget gone.txt syscall
is 1 "a limit without a figure: status 1"
says "syscall-gone" "a limit without a figure: is named"

echo 'syscall-empty-slot many 1' > wrong.txt
run "$labe" bench --quick --budget wrong.txt syscall
is 1 "a budget with a word for a number: status 1"
says "wrong.txt: not a line of a name and two limits: syscall-empty-slot many 1" "a wrong budget: the line is shown"

run "$labe" bench --quick no-such-row
is 2 "a pattern that fits nothing: status 2"
says "no figure has 'no-such-row' in its name" "a pattern that fits nothing: is named"

run "$labe" bench memory
is 0 "kernel memory per object: status 0"
for name in memory-thread memory-gate memory-mapping memory-empty-task; do
    ok "$name is a number within its limit" grep -Eq "^$name +[1-9][0-9]* +[1-9]" out
done
silent_about "page-fault" "kernel memory per object: no times"
echo 'memory-gate 8 8' > low.txt
run "$labe" bench --budget low.txt memory
is 1 "a gate is larger than eight bytes: status 1"
says "over the limit: memory-gate" "a gate is larger than eight bytes: is named"
echo 'memory-gone 1 1' > gone.txt
run "$labe" bench --budget gone.txt memory
is 1 "an object that is not measured: status 1"

run "$labe" bench --steps syscall-empty-slot
is 0 "the steps of a row: status 0"
says "syscall_entry" "the steps of a row: the kernel's entry is one"
says "data lines of the first way" "the steps of a row: the data it touches"
run "$labe" bench --steps no-such-row
is 1 "the steps of a row that is not there: status 1"
says "no row no-such-row" "the steps of a row that is not there: is named"

for words in "--fast" "a b" "--json $tmp/none/x" "--budget none.txt" "--kvm --quick" "--steps"; do
    run "$labe" bench $words
    is 2 "bench $words: status 2"
done

run "$labe" iso --bench "$tmp/bench.iso"
is 0 "a boot medium with the benchmark"
run "${LABE_BUILD:-$root/build}/host/tool/watch" -q -t 100 -u 'bench: end' qemu-system-x86_64 -nodefaults -no-reboot \
    -display none -monitor none -m 256 -accel tcg -cpu max -cdrom "$tmp/bench.iso" -serial stdio
is 0 "it runs to its end"
says "bench: unit cycles" "it counts cycles"
ok "it prints the table" grep -Eq '^bench task-create-delete +[0-9]+ +[0-9]+ +[0-9]+$' out
tap_done
