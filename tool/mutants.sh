#!/bin/sh
# SPDX-License-Identifier: MIT
#
# ./labe sim --mutants [--quick | NAME...]: is every seeded fault of test/mutants found by units or simulation? See
# tool/mutants.pl.

. "$(dirname "$0")/common.sh"
set_up
run_make unit sim || exit 1
mkdir -p "$build"
exec 8> "$build/mutants.lock"
flock 8
eval "$(make -s -C "$root" B="$build" vars)"
export HOSTCC host_flags san
jobs=$(cpus)
[ "$jobs" -le 8 ] || jobs=8
exec "$root/tool/mutants.pl" "$root" "$host/obj" "$jobs" "$@"
