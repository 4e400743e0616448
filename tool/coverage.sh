#!/bin/sh
# SPDX-License-Identifier: MIT
#
# ./labe test --coverage [-v]: builds the kernel of arch/host with gcov, runs its units and three short
# simulations, and prints what of kernel/ (without kernel/arch) was executed: tool/coverage.pl. Exit status 1 below the
# goal, when a line is neither covered nor listed in test/coverage-exceptions, and when a test failed.

. "$(dirname "$0")/common.sh"
verbose=
if [ "${1:-}" = -v ]; then
    verbose=-v
    shift
fi
[ $# -eq 0 ] || usage_error "test --coverage: unknown argument '$1'"
set_up
command -v gcov > /dev/null || die "gcov is missing; it is a part of the package gcc"

coverage=$build/host-coverage
mkdir -p "$build"
exec 9> "$build/coverage.lock"
flock 9
run_make COVERAGE=1 HOSTCC=gcc unit sim || exit 1
find "$coverage" -name '*.gcda' -exec rm -f {} +

failed=0
run() {
    timeout 300 "$@" > "$coverage/out" 2>&1 && return
    say "failed: $*"
    grep '^not ok' "$coverage/out" >&2 || tail -n 3 "$coverage/out" >&2
    failed=1
}
for unit in "$root"/test/unit/*.c; do
    name=$(basename "$unit" .c)
    # Units of the user level have the kernel in no part of them.
    if [ -f "$root/kernel/$name.c" ] || grep -qE '"(machine|world|message|arch/host/host|memory)\.h"' "$unit"; then
        run "$coverage/unit/$name"
    fi
done
for seed in 1 2 3; do run "$coverage/sim" --seed "$seed" --steps 20000; done
run "$coverage/sim" --seed 4 --steps 10000 --cpus 2
run "$coverage/sim" --seed 5 --steps 40000 --slice 1
run "$coverage/sim" --seed 6 --steps 40000 --slice 1 --cpus 2
run "$coverage/sim" --exhaustive --cpus 2 --states 100

"$root/tool/coverage.pl" $verbose "$root" "$coverage/obj" || failed=1
exit "$failed"
