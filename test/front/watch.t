#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tool/watch, which decides when a run is over and with what exit status.

. "$(dirname "$0")/../tap.sh"
watch=${LABE_BUILD:-$root/build}/host/tool/watch
ok "watch is built" make -s -C "$root" B="${LABE_BUILD:-$root/build}" tools

run "$watch" sh -c 'echo hello; exit 3'
is 3 "the command's status"
says "hello" "the command's output"

run "$watch" -t 1 sh -c 'echo before; sleep 30; echo later'
is 124 "time-out: status 124"
says "before" "time-out: output before it"
silent_about "later" "time-out: no output after it"
says "no end after 1 s" "time-out: says so"

run "$watch" -t 20 -u 'two three' sh -c 'echo one; printf "two "; sleep 0.1; echo "three four"; echo five; sleep 30'
is 0 "text found: status 0"
says "two three four" "text found: that line is complete"
silent_about "five" "text found: nothing after that line"
run "$watch" -t 20 -u 'two three' sh -c 'printf "two \033[32mthree\033[0m"; sleep 30'
is 0 "text found behind colours, in a line without end"
run "$watch" -t 20 -u 'two three' sh -c 'echo two; echo three; exit 0'
is 1 "text not found: status 1"
says 'ended before it printed "two three"' "text not found: says so"
run "$watch" -t 1 -u nothing sleep 30
is 124 "text not found in time: status 124"

run "$watch" -q sh -c 'echo on; exit 255'
is 127 "debug exit: 2n + 1 means n"
run "$watch" -q sh -c 'echo on; exit 1'
is 0 "debug exit: 1 means 0"
run "$watch" -q sh -c 'exit 1'
is 1 "debug exit: but not when the machine never started"
run "$watch" -q sh -c 'echo on; exit 0'
is 125 "switched off: no status"
says "ended without an exit status" "switched off: says so"

printf 'a\r\nb\n' > "$tmp/crlf"
run "$watch" cat "$tmp/crlf"
ok "no carriage returns" test "$(tr -d 'ab\n' < "$tmp/out" | wc -c)" -eq 0
run "$watch" "$tmp/absent"
is 127 "a command that is not there"
says "$tmp/absent" "and is named"
run "$watch" -x
is 2 "wrong option"
run "$watch"
is 2 "no command"

run sh -c "$watch -t 20 yes | head -n 1"
is 0 "a reader that goes away ends the run"
run "$watch" sh -c 'echo words >&2; exit 3'
says "words" "errors of the command are shown"

"$watch" sh -c "echo \$\$ > $tmp/pid; exec sleep 30" &
while [ ! -s "$tmp/pid" ]; do sleep 0.05; done
kill $!
wait $! && status=0 || status=$?
is 143 "terminated: status 143"
ok "and the command is gone" sh -c "! kill -0 $(cat "$tmp/pid") 2> /dev/null"
tap_done
