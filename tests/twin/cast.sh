#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Servers that are installed at the same time (NODES=3) get the image by multicast: how many bytes
# it costs is printed beside what it would have cost each by itself. RATE: what the deployment host sends
# at most; emulated servers on two cores take in some 20mbit.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/lib.sh
. tests/lib/rack.sh
need_root
nodes=${NODES:-3}

# events TYPE: of all nodes, "NODE TEXT JSON"
events() {
	for _n in $names; do
		"$bin/ondol" why "$_n" --all --json | python3 -c '
import json, sys
for e in json.load(sys.stdin)["events"]:
    if e["type"] == sys.argv[2]:
        print(sys.argv[1], e["text"], json.dumps(e.get("data")))' "$_n" "$1"
	done
}
metric() { "$bin/ondol" metrics | sed -n "s/^$1 //p"; }
sent() { "$bin/ondol-twin" exec --dir "$twin" -- cat /sys/class/net/deploy0/statistics/tx_bytes; }

check "the rack file is made" rack_file --nodes "$nodes"
sed -i "s/^parallel_installs.*/parallel_installs = $nodes\nmulticast = ${RATE:-60mbit}/" "$rack"
names=$(sed -n 's/^\[node \(.*\)\]/\1/p' "$rack")
size=$(sed -n 's/.*"root":.*"sha256": "[0-9a-f]*", "size_bytes": \([0-9]*\),.*/\1/p' build/shared/images/core/manifest.json)
check "twin and ondold come up" rack_up --memory 512
before=$(sent)
start=$(clock)
if "$bin/ondol" apply "$rack" --yes --timeout 60m; then
	ok "$nodes nodes are ready after $(($(clock) - start)) s"
else
	notok "apply"
	# shellcheck disable=SC2086
	on_trouble $names
fi
events agent.listened >"$work/listened"
cat "$work/listened"
check "all listened" test "$(wc -l <"$work/listened")" = "$nodes"
check "... and got something by multicast" test "$(grep -c 'parts came by multicast' "$work/listened")" = "$nodes"
cast=$(metric ondol_multicast_bytes_total)
fetched=$(events agent.installed | sed 's/.*"fetched": \([0-9]*\).*/\1/' | paste -sd+ | bc)
echo "image $size bytes; by multicast $cast, fetched $fetched: $(echo "scale=2; ($cast + $fetched) / $size" | bc) of one image;" \
	"each by itself: $nodes.00; all that the host sent, boot files and answers too: $(echo "$(sent) - $before" | bc)"
check "the image cost less than two" test "$((cast + fetched))" -lt $((2 * size))

check "down" "$bin/ondol-twin" down --dir "$twin"
check "nothing stays behind" nothing_stays
finish
