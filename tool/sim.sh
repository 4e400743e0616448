#!/bin/sh
# SPDX-License-Identifier: MIT
#
# ./labe sim --mutants [--quick | NAME...]: tool/mutants.sh.
# ./labe sim [--fast] [OPTION...]: builds the simulation (the kernel's own sources as a host process) and hands every
# other option to it. --fast: without sanitizers, ten times as fast; so is --exhaustive, which needs it.

. "$(dirname "$0")/common.sh"
if [ "${1:-}" = --mutants ]; then
    shift
    exec "$root/tool/mutants.sh" "$@"
fi
fast=
for option in "$@"; do
    shift
    case $option in --fast | --exhaustive) fast=1 ;; esac
    [ "$option" = --fast ] || set -- "$@" "$option"
done
set_up
if [ -n "$fast" ]; then
    host=$host-fast
    LABE_BUILT= run_make SAN=0 sim || exit 1
else
    run_make sim || exit 1
fi
exec "$host/sim" --save "$build/sim.history" "$@"
