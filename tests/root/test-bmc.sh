#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What ondold asks of BMCs beyond power, in a network namespace of its own: real ipmitool
# against real ipmi_sim, with sensors, an event log and a serial line at which bmc-flow.py
# plays the server. Also BMCs that are away, hang, refuse or only pretend.
# Usage: test-bmc.sh [DIRECTORY OF ondold], default build/debug.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/lib.sh
. tests/lib/ondold.sh
flow 400 "BMCs" "" tests/root/bmc-flow.py "${1:-${BUILD:-build}/debug}"
