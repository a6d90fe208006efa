#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What ondold asks of BMCs beyond power, in a network namespace of its own: real ipmitool
# against real ipmi_sim, with sensors, an event log and a serial line at which bmc-flow.py
# plays the server. Also BMCs that are away, hang, refuse or only pretend.
# Usage: test-bmc.sh [DIRECTORY OF ondold], default build/debug.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/lib.sh
bin=${1:-${BUILD:-build}/debug}

if [ "$(id -u)" -ne 0 ]; then
	skip "BMCs: needs root for a network namespace"
	finish
	exit
fi
for tool in dnsmasq ipmitool ipmi_sim python3 ip unshare; do
	if ! command -v "$tool" >/dev/null; then
		skip "BMCs: $tool is not installed"
		finish
		exit
	fi
done
if [ ! -x "$bin/ondold" ] || [ ! -x "$bin/ondol" ]; then
	notok "$bin/ondold or $bin/ondol is not built"
	finish
	exit
fi
work=$(mktemp -d /tmp/ondold-bmc.XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
# A PID namespace: whatever the test starts ends with it.
timeout -k 5 400 unshare --net --mount --pid --fork --kill-child --mount-proc \
	python3 tests/root/bmc-flow.py "$bin/ondold" "$work"
