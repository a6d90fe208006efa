#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ondold is killed again and again while two nodes are installed: see ondold-kill.py. In a
# network namespace of its own, with a real dnsmasq and real ipmitool against ipmi_sim.
# Usage: test-ondold-kill.sh [DIRECTORY OF ondold], default build/debug.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/lib.sh
. tests/lib/ondold.sh
flow 600 "ondold killed" openssl tests/root/ondold-kill.py "${1:-${BUILD:-build}/debug}"
