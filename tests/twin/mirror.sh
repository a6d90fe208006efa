#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A system on two disks, with swap: installed on both, given another image, started and told of when
# the first is gone.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/lib.sh
. tests/lib/rack.sh
need_root

is_ready() { [ "$(field hp02 state)" = ready ]; }
boots() { "$bin/ondol" why hp02 --all --json | grep -c '"noded.up"'; }
warned() { "$bin/ondol" why hp02 --all | grep -q "mirror of the system disk has lost a half: md"; }
# without BAY: the server without that drive starts, becomes ready, and says what it lacks
without() {
	_up=$(boots)
	"$bin/ondol" power hp02 off --yes >/dev/null
	check "the drive of bay $1 is gone" "$bin/ondol-twin" fault --dir "$twin" hp02 "no-disk=$1"
	"$bin/ondol" power hp02 on >/dev/null
	came_up() { [ "$(boots)" -gt "$_up" ]; }
	check "... the server starts from the other" until_true 400 came_up
	check "... is ready" until_true 300 is_ready
	check "... and says that a half is lost" until_true 60 warned
}

check "images of its own" own_images
check "the rack file is made" rack_file --node hp02
sed -i 's/^disk\.2\.use .*/disk.2.use = mirror/; s/^product = .*/&\nswap = 1G/' "$rack"
check "ondol check accepts it" "$bin/ondol" check "$rack"
check "twin and ondold come up" rack_up --memory 768
start=$(clock)
if "$bin/ondol" apply "$rack" --yes; then
	ok "apply ends with the node ready, after $(($(clock) - start)) s"
else
	notok "apply"
	on_trouble hp02
fi
check "both disks were joined" sh -c "'$bin/ondol' why hp02 --all --json | grep -q '\"joining both disks as a mirror\"'"
check "the second disk is that of bay 2" test "$(field hp02 disk.mirror)" = "$(twin_serial hp02 2)"
swaps() { "$bin/ondol" console hp02 --log | grep -c "swap on /dev/md4"; }
check "it has swap, mirrored as well" test "$(swaps)" -ge 1
check "nothing is missing" sh -c "! '$bin/ondol' why hp02 --all | grep -q 'lost a half'"
check "an apply of the same file changes nothing" sh -c "'$bin/ondol' plan '$rack' --json | grep -q '\"action\": *\"none\"'"
check "there is another image" image_named second
check "both halves take it" "$bin/ondol" update hp02 --yes
check "the node runs it and is ready" test "$(field hp02 image) $(field hp02 state)" = "second ready"
without 1
check "... with the new image, which its own EFI partition starts" test "$(field hp02 image)" = second
check "down" "$bin/ondol-twin" down --dir "$twin"
check "nothing stays behind" nothing_stays
finish
