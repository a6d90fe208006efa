#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ondold with [cloud] in a network namespace of its own: a real dnsmasq, real ipmitool against
# ipmi_sim, and ondold-cloud.py in the part of agents and nodeds: a rack that is a cloud.
# Usage: test-ondold-cloud.sh [DIRECTORY OF ondold], default build/debug.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/lib.sh
. tests/lib/ondold.sh
flow 280 "ondold's cloud" "openssl" tests/root/ondold-cloud.py "${1:-${BUILD:-build}/debug}"
