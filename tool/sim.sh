#!/bin/sh
# SPDX-License-Identifier: MIT
#
# ./labe sim: builds the simulation (the kernel's own sources as a host process) and hands every option to it.

. "$(dirname "$0")/common.sh"
"$root/tool/setup.sh" || exit 1
run_make sim || exit 1
exec "$host/sim" "$@"
