#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Three servers: installed, proved with a guest under KVM, a role changed in place, one
# reinstalled, ondold killed in the middle.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/lib.sh
. tests/lib/rack.sh
need_root

check "the rack file is made" rack_file --nodes 3
check "twin and ondold come up" rack_up
start=$(date +%s)
if "$bin/ondol" apply "$rack" --yes; then
	ok "three nodes are ready after $(($(date +%s) - start)) s"
else
	notok "apply"
	on_trouble hp01 hp02 hp08
fi
for n in hp01 hp02 hp08; do
	check "$n is ready" test "$(field $n state)" = ready
done

if "$bin/ondol" prove hp02 | tee "$work/prove"; then
	ok "hp02 proves itself"
else
	notok "prove hp02"
	on_trouble hp02
fi
check "a guest under KVM reached the storage server" grep -q 'guest.*kvm=yes' "$work/prove"

sed -i '/^\[node hp02\]/,/^\[node/ s/^role .*/role = storage\nkind = block/' "$rack"
check "hp02 becomes a storage" "$bin/ondol" apply "$rack" --yes
check "its role is storage" test "$(field hp02 role)" = storage
check "it is ready" test "$(field hp02 state)" = ready
check "its volume group is proved" sh -c "'$bin/ondol' status hp02 --json | grep -q volume-group"

"$bin/ondol" reinstall hp02 --yes --no-wait
kill -9 "$("$bin/ondol-twin" exec --dir "$twin" -- pidof ondold >/dev/null; cat "$work/ondold.pid")"
check "ondold comes back" daemon_start
if "$bin/ondol" apply "$rack" --yes; then
	ok "hp02 is installed anew, after ondold was killed in the middle"
else
	notok "reinstall hp02"
	on_trouble hp02
fi
check "hp02 is ready" test "$(field hp02 state)" = ready
check "down" "$bin/ondol-twin" down --dir "$twin"
check "nothing stays behind" nothing_stays
finish
