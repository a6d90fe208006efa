#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ondold.service as it is installed, under a systemd that really boots (systemd-nspawn on the
# node image's tree): what ondold, dnsmasq and ipmitool do works inside the sandbox, and the
# sandbox holds; the watchdog ends an ondold that stands; the journal has the fields.
# Usage: test-ondold-unit.sh [DIRECTORY OF ondold], default build/release: a sanitizer's
# shadow and ptrace are not what the unit allows. Needs root and `make images`.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/lib.sh
. tests/lib/ondold.sh
tree=${ONDOL_TREE:-$PWD/build/shared/images/core/tree}
if [ ! -e "$tree/usr/lib/systemd/systemd" ]; then
	skip "ondold's unit: no package tree of the core image at $tree; make images"
	finish
	exit
fi
flow 590 "ondold's unit" "systemd-nspawn systemd-analyze nsenter curl ldd" tests/root/ondold-unit.py \
	"${1:-${BUILD:-build}/release}" "$tree"
