#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2086,SC2317
# `ondol` and a real ondold, in a network namespace of their own where no BMC answers: so
# every install ends early, and what is tested is the way there and what is said of it.
# Needs root for the namespace. Nothing of this machine's own ondold is touched.
case ${1-} in
--inside) ;;
*)
	# shellcheck source=tests/cli/lib.sh
	. "$(dirname "$0")/lib.sh"
	[ "$(id -u)" = 0 ] || { skip 'all of it: only root can make a network namespace'; end; }
	unshare -n true 2>/dev/null || { skip 'all of it: this machine makes no network namespace'; end; }
	rm -rf "$TMP"
	exec unshare -n sh "$0" --inside
	;;
esac
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

ONDOLD=$(realpath "${ONDOLD:-$(dirname "$ONDOL")/ondold}")
[ -x "$ONDOLD" ] || { fail "there is no $ONDOLD"; end; }
command -v ipmitool >/dev/null || { skip 'all of it: there is no ipmitool for ondold'; end; }
ip link set lo up

export ONDOL_SOCKET=$TMP/run/ondold.sock
daemon=
start_daemon() {
	"$ONDOLD" --state "$TMP/state" --socket "$ONDOL_SOCKET" --images "$TMP/images" \
		--roles "$TOP/roles" 2>>"$TMP/log" &
	daemon=$!
	await "$ONDOL" status
}
stop_daemon() {
	[ -z "$daemon" ] || kill -"$1" "$daemon" 2>/dev/null
	[ -z "$daemon" ] || wait "$daemon" 2>/dev/null
	daemon=
}
cleanup() { stop_daemon KILL; }

# an image profile that is complete in form; no node ever fetches it
make_image() {
	dir=$TMP/images/core
	mkdir -p "$dir"
	for file in vmlinuz initrd.img root.erofs.zst; do
		printf '%s' "content of $file" >"$dir/$file"
	done
	entry() {
		printf '"file": "%s", "sha256": "%s", "size_bytes": %s' "$1" \
			"$(sha256sum "$dir/$1" | cut -d' ' -f1)" "$(wc -c <"$dir/$1")"
	}
	printf '{"schema": 1, "profile": "core", "version": "0-test", "kernel": {%s}, "initrd": {%s},
		"root": {%s, "format": "erofs", "raw_bytes": 4096}, "packages": 1}\n' \
		"$(entry vmlinuz)" "$(entry initrd.img)" "$(entry root.erofs.zst)" >"$dir/manifest.json"
}

mkdir "$TMP/run"
# retried RETRIES: the rack with so many
retried() { sed "s/^\[deploy\]/&\nretries = $1/" "$TOP/tests/data/lab.ini"; }
retried 0 >"$TMP/rack.ini"
printf '[bmc]\nuser = ondol\npassword = hunter2\n' >"$TMP/secrets.ini"
chmod 600 "$TMP/secrets.ini"
rack=$TMP/rack.ini
start_daemon

run status
expect 'status before any rack' 0 'has no rack yet. Give it one: `ondol apply FILE`'
run why hp01
expect 'why before any rack' 2 'has no rack yet, so there is no node hp01'
run plan "$rack"
expect 'plan without an image' 2 '[deploy] image:' 'ondold refused the files; nothing was changed'
make_image
run plan "$rack"
expect plan 0 'hp01  controller  look' 'new in rack.ini; no agent has seen its disks yet' 'Nothing was changed.'
run plan --json "$rack"
expect 'plan --json' 0 '"action": "look"' '"disk": ""'
run status
expect 'a plan changes nothing' 0 'has no rack yet'
run apply "$rack"
expect 'apply without terminal and --yes' 2 'hp01' 'there is no terminal to ask on; nothing was changed'
run status
expect 'an apply not confirmed changes nothing' 0 'has no rack yet'

timeout 200 "$ONDOL" apply "$rack" --yes >"$TMP/out" 2>"$TMP/err" </dev/null
status=$?
expect 'apply where no BMC answers' 1 'hp01 powering' 'hp02 failed: BMC 10.77.1.12' 'disk written' \
	'ondol: hp01 failed: BMC 10.77.1.11' '`ondol why hp02` shows what led to it'
run status
expect 'status of failed nodes' 0 'hp02     2  compute     failed' 'never'
run status hp02
expect 'status of one node' 0 'state       failed since' 'No inventory yet'
run why hp02
expect 'why of a failed node' 0 'hp02 (compute) is failed since' 'look.wanted' 'idle -> powering' 'power.failed' \
	'Cause: The BMC does not answer.' 'seen        ' 'what to do  Ping its address'
run why hp02 --json
expect 'why --json' 0 '"type": "look.wanted"' '"state": "failed"' '"cause": "bmc-unreachable"'
run metrics
expect 'metrics' 0 'ondol_nodes{state="failed"} 2' 'ondol_installs_total{result="failed"} 2' \
	'ondol_node_bmc_reachable{node="hp02"} 0' 'ondol_ipmi_commands_total{result="unreachable"}'
run metrics hp02
expect 'metrics of one node' 2 'metrics: takes no argument'
run power hp02 status
expect 'power where no BMC answers' 1 'hp02: power: BMC 10.77.1.12'
run power hp2 status
expect 'power of an unknown node' 2 'was hp02 meant?'
run prove hp02
expect 'prove of a failed node' 1 'ondol: prove: hp02 is failed'
run apply "$rack" --yes --no-wait
expect 'apply again, not waiting' 0 'was never installed to the end' 'Begun.'

# killed and started again while someone watches
timeout 200 "$ONDOL" reinstall hp01 --yes >"$TMP/out" 2>"$TMP/err" </dev/null &
watcher=$!
await grep -q '^..:..:.. hp01' "$TMP/out"
stop_daemon KILL
await grep -q 'Asking again' "$TMP/out"
start_daemon
wait "$watcher"
status=$?
expect 'ondold killed while watched' 1 'Asking again until it answers.' 'hp01 failed: BMC 10.77.1.11'

# tried again, watched, and cancelled in the pause
in_state() { "$ONDOL" status "$1" --json | grep -qF "\"state\": \"$2\""; }
retried 1 >"$TMP/again.ini"
run apply "$TMP/again.ini" --yes --no-wait
expect 'apply with retries' 0 'was never installed to the end'
await in_state hp02 retrying
run status
expect 'status in a pause' 0 'hp02     2  compute     retrying' '2nd try in ' ' s: BMC 10.77.1.12 does not answer'
run status hp02
expect 'one node in a pause' 0 'state       retrying' 'tries       2nd try in ' ', of 2'
run why hp02
expect 'why in a pause' 0 'hp02 (compute) is retrying' 'powering -> retrying: 2nd try in 3' \
	'Cause: The BMC does not answer.' 'The node is tried again by itself.'
run cancel hp02
expect 'cancel in a pause' 0 'cancelled'
run why hp02
expect 'why when it is cancelled' 0 'retrying -> cancelled: cancelled by the operator while retrying'

# and hp01, whose pause ends sooner, to the end: its BMC cannot be reset either
stop_daemon KILL
export ONDOL_PATIENCE=10
start_daemon
await in_state hp01 maintenance
run status hp01
expect 'set aside when a reset does not help' 0 'state       maintenance' \
	'resetting its BMC was the last thing to try, and did not help: BMC 10.77.1.11'
run why hp01
expect 'why it is set aside' 0 'Cause: The BMC was reset, the last thing that ondold tries' \
	'powering -> resetting-bmc' 'idle -> powering' 'ondol maintenance NODE off'
run status hp02
expect 'a cancelled run is not taken up' 0 'state       cancelled'
run maintenance hp01 off
expect 'taken back' 0 'enrol'
unset ONDOL_PATIENCE

# a node that is taken out
sed '/^\[node hp02\]/,$d' "$rack" >"$TMP/one.ini"
run plan "$TMP/one.ini"
expect 'plan without a node' 0 'hp02' 'remove' 'is not in rack.ini any more'
run apply --yes --no-wait --json "$TMP/one.ini"
expect 'apply without a node' 0 '"action": "remove"'
run status hp02
expect 'a node taken out' 2 'the rack lab has no node hp02; was hp01 meant?'

stop_daemon TERM
run status
expect 'ondold has ended' 1 'ondold does not run'
if grep -q -e Sanitizer -e 'runtime error:' "$TMP/log"; then
	fail 'ondold: a sanitizer spoke'
	cat "$TMP/log"
fi
if grep -rq hunter2 "$TMP/log" "$TMP/out" "$TMP/err"; then
	fail 'a password is in a log'
fi
end
