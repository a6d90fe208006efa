#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The page of a real ondold in a headless Chromium, in a network namespace of its own; see
# page-browser.py. Usage: test-page.sh [DIRECTORY OF ondold [DIRECTORY FOR SCREENSHOTS]].
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/lib.sh
bin=${1:-${BUILD:-build}/debug}

if [ "$(id -u)" -ne 0 ]; then
	skip "the page: needs root for a network namespace"
	finish
	exit
fi
for tool in dnsmasq ipmitool ipmi_sim python3 ip unshare chromium chromedriver; do
	if ! command -v "$tool" >/dev/null; then
		skip "the page: $tool is not installed"
		finish
		exit
	fi
done
if [ ! -x "$bin/ondold" ] || [ ! -x "$bin/ondol" ]; then
	notok "$bin/ondold or $bin/ondol is not built"
	finish
	exit
fi
work=$(mktemp -d /tmp/ondold-test.XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
# A PID namespace: whatever the test starts ends with it.
timeout -k 5 280 unshare --net --mount --pid --fork --kill-child --mount-proc \
	python3 tests/root/page-browser.py "$bin/ondold" "$work" "${2:-}"
