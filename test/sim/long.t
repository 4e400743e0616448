#!/bin/sh
# SPDX-License-Identifier: MIT
#
# labe-test: long (half an hour of one core): millions of events that nobody has seen before (the seeds are in the log),
# and every history of the small world, a few steps deeper than sim/random goes. Without sanitizers.

. "$(dirname "$0")/../tap.sh"

for options in "--steps 3000000" "--cpus 2 --steps 3000000" "--cpus 4 --steps 3000000" "--slice 5 --steps 1000000" \
    "--slice 5 --cpus 2 --steps 1000000" "--cpus 3 --no-compare --steps 1000000"; do
    run "$labe" sim --fast --check 4096 $options
    is 0 "$options"
    says "without a finding" "$options: nothing was found"
    sed -n 's/^sim: seed/# &/p' "$tmp/out"
done
for options in "--depth 6" "--depth 7 --cpus 2 --basic"; do
    run "$labe" sim --exhaustive $options
    is 0 "every history, $options"
    says "transitions without a finding" "every history, $options: nothing was found"
done
tap_done
