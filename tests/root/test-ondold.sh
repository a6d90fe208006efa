#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ondold end to end in a network namespace of its own: a real dnsmasq, real ipmitool against
# ipmi_sim, and ondold-flow.py in the part of firmware, agent and noded. No server, no QEMU.
# Usage: test-ondold.sh [DIRECTORY OF ondold], default build/debug.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/lib.sh
bin=${1:-${BUILD:-build}/debug}

if [ "$(id -u)" -ne 0 ]; then
	skip "ondold's flow: needs root for a network namespace"
	finish
	exit
fi
for tool in dnsmasq ipmitool ipmi_sim python3 ip unshare; do
	if ! command -v "$tool" >/dev/null; then
		skip "ondold's flow: $tool is not installed"
		finish
		exit
	fi
done
if [ ! -x "$bin/ondold" ]; then
	notok "$bin/ondold is not built"
	finish
	exit
fi
work=$(mktemp -d /tmp/ondold-test.XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
# A PID namespace: whatever the test starts ends with it.
timeout -k 5 290 unshare --net --mount --pid --fork --kill-child --mount-proc \
	python3 tests/root/ondold-flow.py "$bin/ondold" "$work"
