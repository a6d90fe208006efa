#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One server, a block storage with 512 MB of memory, from cold to ready, over real IPMI, PXE,
# disks and kexec; and nothing stays behind.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/lib.sh
. tests/lib/rack.sh
need_root

check "the rack file is made" rack_file --node hp08
# what an earlier life of the disk left in its middle, which no signature tells
sed -i 's/^disk\.1\.size .*/&\ndisk.1.erase = discard/' "$rack"
check "ondol check accepts it" "$bin/ondol" check "$rack"
check "twin and ondold come up" rack_up --memory 512
printf 'the thesis of before' | dd of="$work/disks/hp08/disk1.raw" bs=4096 seek=$((30 << 18)) conv=notrunc status=none
start=$(date +%s)
if "$bin/ondol" apply "$rack" --yes; then
	ok "apply ends with the node ready, after $(($(date +%s) - start)) s"
else
	notok "apply"
	on_trouble hp08
fi
check "the state is ready" test "$(field hp08 state)" = ready
check "the disk written is the one in bay 1" test "$(field hp08 disk.serial)" = "$(twin_serial hp08 1)"
check "it was erased" sh -c "'$bin/ondol' why hp08 --all --json | grep -q '\"erasing the disk\"'"
check "nothing of what was on it is left" sh -c "! dd if='$work/disks/hp08/disk1.raw' bs=4096 skip=$((30 << 18)) count=1 status=none | grep -qa thesis"
check "the spare disk in bay 2 was never written" test "$(written "$work/disks/hp08/disk2.raw")" = 0
check "the volume group was proved" sh -c "'$bin/ondol' status hp08 --json | grep -q '\"volume-group\"'"
check "an apply of the same file changes nothing" sh -c "'$bin/ondol' plan '$rack' --json | grep -q '\"action\": *\"none\"'"
check "the BMC password is in no log, event or argument" sh -c "
	p=\$(sed -n 's/^password = //p' '$work/secrets.ini')
	! grep -q \"\$p\" '$work/ondold.log' && ! '$bin/ondol' why hp08 --all --json | grep -q \"\$p\" &&
	! cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -v grep | grep -q -- \"-P \$p\""
check "down" "$bin/ondol-twin" down --dir "$twin"
check "nothing stays behind" nothing_stays
finish
