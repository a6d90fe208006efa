#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `ondol cloud status`: all is well; an agent that no longer speaks is named with the reason;
# one that was stopped comes back by itself.
cd "$(dirname "$0")/../.." || exit
. tests/lib/lib.sh
. tests/cloud/lib.sh

status() {
	"$bin/ondol" cloud status >"$work/status" 2>&1
}
check "all is well" until_true 60 status
check "... and it says so" sh -c '! grep -q "not well" "$1"' - "$work/status"
"$bin/ondol" cloud status --json >"$answer"
check "... in JSON as well" [ "$(value 'all(s["ok"] for s in d["cloud"]["status"])')" = True ]

if ! containers; then
	skip "an agent that stops: the twin runs commands only in nodes that are containers"
	finish
	exit
fi
controller=$(nodes_of controller)
unit=neutron-dhcp-agent.service
main_pid() {
	node "$controller" systemctl show --property MainPID --value $unit
}

# It hangs: for systemd it runs, for Neutron it does not.
named() {
	if status; then return 1; fi
	grep -q "neutron-dhcp-agent.*not well" "$work/status"
}
later node "$controller" systemctl kill --kill-who=all --signal=CONT $unit
node "$controller" systemctl kill --kill-who=all --signal=STOP $unit
start=$(clock)
if until_true 150 named; then
	ok "an agent that hangs is named after $(($(clock) - start)) s: $(grep "neutron-dhcp-agent" "$work/status" | tail -n 1)"
else
	notok "an agent that hangs is named"
	tail -n 5 "$work/status"
fi
node "$controller" systemctl kill --kill-who=all --signal=CONT $unit
start=$(clock)
if until_true 150 status; then
	ok "it goes on, and all is well after $(($(clock) - start)) s"
else
	notok "it goes on, and all is well"
	tail -n 5 "$work/status"
fi

# It ends: noded starts it.
before=$(main_pid)
node "$controller" systemctl stop $unit
back() {
	_now=$(main_pid)
	[ "$_now" != 0 ] && [ "$_now" != "$before" ]
}
start=$(clock)
if until_true 240 back; then
	ok "an agent that was stopped is started again after $(($(clock) - start)) s"
else
	notok "an agent that was stopped is started again"
	node "$controller" systemctl start $unit
fi
check "all is well at the end" until_true 240 status
finish
