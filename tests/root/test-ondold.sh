#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ondold end to end in a network namespace of its own: a real dnsmasq, real ipmitool against
# ipmi_sim, and ondold-flow.py in the part of firmware, agent and noded. No server, no QEMU.
# Usage: test-ondold.sh [DIRECTORY OF ondold], default build/debug.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/lib.sh
. tests/lib/ondold.sh
flow 290 "ondold's flow" "" tests/root/ondold-flow.py "${1:-${BUILD:-build}/debug}"
