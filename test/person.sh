# SPDX-License-Identifier: MIT
#
# A person at the machine's serial line, for scripts that have read tap.sh. All files are in the folder $tmp.
#
#     start SCRIPT          boots, until the machine says good bye
#     type_in 'keys'        as printf writes them
#     comes 'text' 'name'   the output, without carriage returns and colours, has that text, or will soon
#     ended                 the machine ends, with status 0

mkfifo "$tmp/keys"

start() {
    "$labe" run --until 'good bye' --timeout 120 "$@" < keys > raw 2>&1 &
    pid=$!
    exec 3> keys
}

ended() {
    status=0
    wait "$pid" || status=$?
    is 0 "the machine ends"
    exec 3>&-
}

seen() {
    n=0
    while [ "$n" -lt 300 ]; do
        tr -d '\r' < raw | sed 's/\x1b\[[0-9;]*[mK]//g' > out
        ! grep -qF -- "$1" out || return 0
        sleep 0.1
        n=$((n + 1))
    done
    return 1
}
comes() { if seen "$1"; then result 0 "$2"; else result 1 "$2" "missing: $1"; fi; }
type_in() { printf "$1" >&3; }
