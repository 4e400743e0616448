# SPDX-License-Identifier: MIT
#
# TAP for test scripts in sh, read by test/*/*.t first: sets root (the tree) and tmp (a scratch folder that goes away).
#
#     run COMMAND...                 keeps its output in $tmp/out and its exit status in $status
#     is STATUS 'name'               that was the exit status
#     says 'text' 'name'             the output has that text
#     silent_about 'text' 'name'     it has not
#     ok 'name' COMMAND...           the command succeeds
#     tap_done                       the plan; last line of the script

root=$(cd "$(dirname "$0")/../.." && pwd)
labe=$root/labe
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
tests=0
status=0

result() {
    tests=$((tests + 1))
    if [ "$1" = 0 ]; then
        echo "ok $tests - $2"
    else
        echo "not ok $tests - $2"
        shift 2
        [ $# -eq 0 ] || printf '#   %s\n' "$@"
        sed 's/^/#   | /' "$tmp/out" 2> /dev/null | head -n 20
    fi
}

run() {
    status=0
    "$@" > "$tmp/out" 2>&1 < /dev/null || status=$?
}

is() {
    if [ "$status" = "$1" ]; then result 0 "$2"; else result 1 "$2" "exit status $status, expected $1"; fi
}

says() {
    if grep -qF -- "$1" "$tmp/out"; then result 0 "$2"; else result 1 "$2" "missing: $1"; fi
}

silent_about() {
    if grep -qF -- "$1" "$tmp/out"; then result 1 "$2" "unexpected: $1"; else result 0 "$2"; fi
}

ok() {
    name=$1
    shift
    if "$@" > "$tmp/ok" 2>&1; then result 0 "$name"; else result 1 "$name" "failed: $*" "$(cat "$tmp/ok")"; fi
}

tap_done() { echo "1..$tests"; }
