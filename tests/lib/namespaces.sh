# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by tests of Open vSwitch that run in namespaces of their own, which end with them.
# BIN is the build's directory. Inside, T is a directory for the test's files; $T/out and $T/err
# are shown with a failure.

passed=0 failed=0 skipped=0
pass() { passed=$((passed + 1)); echo "ok      $*"; }
fail() {
	failed=$((failed + 1))
	echo "FAILED  $*"
	[ -s "$T/out" ] && sed 's/^/        out: /' "$T/out"
	[ -s "$T/err" ] && sed 's/^/        err: /' "$T/err"
}
skip() { skipped=$((skipped + 1)); echo "skipped $*"; }
close() {
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ]
	exit
}

# enter_namespaces SECONDS PROGRAM: outside, looks for what is needed and runs the test anew
# within; PROGRAM is what it tests. Inside, /run is private.
enter_namespaces() {
	T=/nonexistent
	PATH=$PATH:/usr/sbin:/sbin
	if [ -z "${ONDOL_TEST_INSIDE:-}" ]; then
		[ "$(id -u)" = 0 ] || { skip "everything: needs root"; close; }
		local tool
		for tool in ovs-vswitchd ovsdb-server ovsdb-tool ovs-vsctl ip unshare nsenter ping python3; do
			command -v $tool >/dev/null || { skip "everything: $tool is not installed"; close; }
		done
		[ -x "$2" ] || { echo "FAILED  $2 is not built"; failed=1; close; }
		unshare -n true 2>/dev/null || { skip "everything: no namespaces here"; close; }
		ONDOL_TEST_INSIDE=1 exec timeout --foreground "$1" unshare -n -m -p -f --kill-child \
			--mount-proc "$0" "$BIN"
	fi
	export PATH
	mount --make-rprivate /
	mount -t tmpfs tmpfs /run
	T=/run/test
	mkdir -p $T
	: >$T/out
	: >$T/err
	mkfifo $T/never
	ip link set lo up
}

# wait_for SECONDS COMMAND...: until it succeeds, looked at ten times a second
wait_for() {
	local end=$(($(date +%s%N) + $1 * 1000000000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s%N)" -lt $end ] || return 1
		read -r -t 0.1 <>"$T/never"
	done
	return 0
}
