#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Faults, injected for real into a server of the twin one by one: `ondol why` must name each,
# and where it can the server goes on once the fault is gone. faults.sh [NAME...]: only those;
# faults.sh --list: which there are. MAINS_CUTS=50 has the mains go so often in mains-cut.
cd "$(dirname "$0")/../.." || exit 1
[ "${1:-}" != --list ] || exec /usr/bin/python3 tests/twin/faults.py --list
. tests/lib/lib.sh
. tests/lib/rack.sh
need_root
for tool in qemu-system-x86_64 ipmi_sim ipmitool dnsmasq ovs-vsctl ovs-ofctl unshare /usr/bin/python3; do
	command -v "$tool" >/dev/null || {
		skip "$tool is not installed (make deps)"
		finish
		exit
	}
done

check "the rack file is made" rack_file --node hp08 --node hp09
# /usr/bin/python3: what it needs comes from Debian, wherever another python3 comes first
check "the flow ran to its end" /usr/bin/python3 tests/twin/faults.py "$bin" "$work" "$@"
if [ -r "$work/counts" ]; then
	read -r p f s <"$work/counts"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
fi
check "nothing stays behind" nothing_stays
finish
