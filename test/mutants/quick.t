#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Twelve of the seeded faults, others every day: a unit or the simulation that a patch names must find each of them.

. "$(dirname "$0")/../tap.sh"
run "$labe" sim --mutants --quick --named
is 0 'every fault was found'
silent_about SURVIVED 'by a test'
run "$labe" sim --mutants no-such-fault
is 2 'a fault that is not there'
says "none has 'no-such-fault' in its name" 'is named'
tap_done
