#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The student's objects: 8 MB up and down again, listed, deleted; readable while one of the
# object nodes serves nothing, whose servers ondol-noded then brings back.
cd "$(dirname "$0")/../.." || exit
. tests/lib/lib.sh
. tests/cloud/lib.sh

if ! has swift; then
	skip "objects: swift is not among this cloud's services"
	finish
	exit
fi
signed_in student
head -c 8388608 /dev/urandom >"$work/up"

check "a container is made" call PUT object-store "/$tag"
later call DELETE object-store "/$tag"
later call DELETE object-store "/$tag/one"
check "8 MB are uploaded" call PUT object-store "/$tag/one" --upload-file "$work/up"
ok "... after $(clock) s"
same() {
	call GET object-store "/$tag/one" && cmp -s "$work/up" "$answer"
}
check "... and read back as they were" same
listed() {
	call GET object-store "/$tag?format=json" &&
		[ "$(value '[(o["name"], o["bytes"]) for o in d]')" = "[('one', 8388608)]" ]
}
check "... and listed with their size" until_true 30 listed
as_nobody() {
	code=$(host curl --silent --cacert "$ca" --output "$answer" --write-out '%{http_code}' \
		"$(endpoint object-store)/$tag/one")
	[ "$code" = 401 ]
}
check "... and not for everyone" as_nobody

# ---- with one node less ----

swift_units() {
	node "$victim" systemctl list-units --plain --no-legend --state=active 'swift-*.service' |
		cut -d ' ' -f 1 | tr '\n' ' '
}
is_ready() {
	"$bin/ondol" status "$victim" | grep -q '\bready\b'
}
all_back() {
	[ "$(swift_units)" = "$units" ]
}
nodes=$(nodes_of storage object)
victim=${nodes##* }
if ! containers; then
	skip "reading with one node less: the twin runs commands only in nodes that are containers"
elif [ "$victim" = "$nodes" ]; then
	skip "reading with one node less: this rack has one object node"
else
	units=$(swift_units)
	# noded would start them again at once
	later node "$victim" systemctl start ondol-noded
	node "$victim" systemctl stop ondol-noded
	# shellcheck disable=SC2086
	node "$victim" systemctl stop $units
	check "$victim serves nothing" sh -c '! "$@"' - "$bin/ondol-twin" exec --dir "$twin" \
		--node "$victim" -- systemctl --quiet is-active swift-object.service
	reads=0
	for _ in 1 2 3 4 5 6; do # which node is asked first is chance
		if same; then reads=$((reads + 1)); fi
	done
	check "... and the object is read back still, each of 6 times" [ $reads = 6 ]
	check "... and another one can be written" call PUT object-store "/$tag/two" --upload-file "$work/up"
	later call DELETE object-store "/$tag/two"
	node "$victim" systemctl start ondol-noded
	check "... and noded brings its servers back" until_true 120 all_back
	check "... and the node is ready again" until_true 120 is_ready
fi

check "the object is deleted" call DELETE object-store "/$tag/one"
call GET object-store "/$tag/one"
check "... and away" [ "$code" = 404 ]
finish
