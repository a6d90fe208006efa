#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# OpenStack's own acceptance suite: Debian's tempest, its smoke set, against the cloud that runs,
# one test after another from the deployment host's network. tempest-exclude.txt says what is
# left out and why. Users and projects are made for the tests and taken away by them; what an
# aborted run left is taken away at the end.
# TEMPEST_TIME: seconds for all of it. TEMPEST_PATIENCE: seconds that one server, ping or sign-in
# may take. TEMPEST_ONLY: a regular expression on tests' names, for a part of it.
# shellcheck disable=SC1091,SC2154,SC2034
cd "$(dirname "$0")/../.." || exit
. tests/lib/lib.sh
. tests/cloud/lib.sh

aid=$PWD/tests/cloud/tempest-aid.py
conf=$work/tempest.conf
for module in tempest stestr subunit testtools; do
	/usr/bin/python3 -c "import $module" 2>/dev/null || {
		skip "python3-$module is not installed (tests/cloud/debian-packages)"
		finish
		exit
	}
done
if containers; then
	vehicle=containers
	limit=${TEMPEST_TIME:-3600}
else
	vehicle=machines
	limit=${TEMPEST_TIME:-6600}
	TEMPEST_PATIENCE=${TEMPEST_PATIENCE:-1500}
	export TEMPEST_PATIENCE
fi
end=$(($(date +%s) + limit))

# in_cloud COMMAND...: from the deployment host's network, with the administrator's OS_*
in_cloud() {
	(
		eval "$(openrc admin)"
		HOME=$work OS_CACERT=$ca REQUESTS_CA_BUNDLE=$ca
		DASHBOARD=$(! has horizon || echo yes)
		export HOME OS_CACERT REQUESTS_CA_BUNDLE DASHBOARD
		host "$@"
	)
}
# tempest_run SECONDS ARGUMENT...: in its workspace
tempest_run() {
	_seconds=$1
	shift
	(
		cd "$work/ws" || exit
		HOME=$work SSL_CERT_FILE=$ca PYTHON=/usr/bin/python3
		export HOME SSL_CERT_FILE PYTHON
		exec timeout --signal=INT --kill-after=60 "$_seconds" "$bin/ondol-twin" exec --dir "$twin" -- \
			/usr/bin/tempest run --config-file "$conf" "$@"
	)
}
tally() { # the lines on stdin, counted as they pass
	while IFS= read -r line; do
		printf '%s\n' "$line"
		case $line in
		"ok: "*) echo >>"$work/passed" ;;
		"FAILED: "*) echo >>"$work/failed" ;;
		"skipped: "*) echo >>"$work/skipped" ;;
		esac
	done
}
lines() {
	if [ -e "$1" ]; then wc -l <"$1"; else echo 0; fi
}
# part NAME: the tests of that list, as long as time is left
part() {
	[ -s "$work/$1" ] || return 0
	_left=$((end - $(date +%s)))
	[ $_left -gt 0 ] || _left=1
	echo "$(lines "$work/$1") $1 tests, at most $_left s:"
	_began=$(clock)
	tempest_run $_left --load-list "$work/$1" --serial --subunit 2>"$work/$1.errors" |
		/usr/bin/python3 "$aid" count "$work/$1" | tally
	echo "the $1 tests took $(($(clock) - _began)) s"
	sed 's/^/  tempest: /' "$work/$1.errors"
}

mkdir -p "$work/logs" "$work/lock"
# it leaves a log where it is called
(cd "$work" && HOME=$work exec /usr/bin/tempest init "$work/ws") >"$work/init" 2>&1 || {
	notok "tempest init: $(tail -n 5 "$work/init")"
	finish
	exit
}
in_cloud /usr/bin/python3 "$aid" config tests/cloud/tempest.conf.in "$work" || {
	notok "tempest's settings are made from what the cloud says"
	finish
	exit
}
tempest_run 300 --smoke --list-tests >"$work/all" 2>"$work/list.errors"
if ! grep -q '^tempest\.' "$work/all"; then
	notok "tempest lists its smoke tests: $(tail -n 5 "$work/list.errors" "$work/all")"
	finish
	exit
fi
/usr/bin/python3 "$aid" choose $vehicle tests/cloud/tempest-exclude.txt "$work/all" "$work" | tally
part quick
part slow
passed=$(lines "$work/passed") failed=$(lines "$work/failed") skipped=$(lines "$work/skipped")

if in_cloud /usr/bin/python3 "$aid" leftovers delete; then
	ok "nothing of the tests stays in the cloud"
else
	notok "nothing of the tests stays in the cloud (it is taken away now)"
fi
echo "the smoke set has $(lines "$work/all") tests; all of it took $(clock) s"
finish
