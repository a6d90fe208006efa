# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# What the tests of the command line share beyond tests/lib/lib.sh. A test sources this
# first, looks at things with `run` and `expect`, and ends with `end`.
#
# $ONDOL is the program to test; by default that of the debug build. Nothing here reads or
# changes the machine's own ondold: the socket given to every call is one that is not there.

set -u
export LC_ALL=C.UTF-8
TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/lib/lib.sh
. "$TOP/tests/lib/lib.sh"
cd "$TOP" || exit 1
ONDOL=$(realpath "${ONDOL:-${BUILD:-build}/debug/ondol}")
TMP=$(mktemp -d "${TMPDIR:-/tmp}/ondol-cli.XXXXXX") || exit 1
export ONDOL_ROLES="$TOP/roles" ONDOL_SOCKET="$TMP/nobody.sock"
cleanup() { :; }
trap 'cleanup; rm -rf "$TMP"' EXIT
trap 'exit 130' INT TERM

pass() { passed=$((passed + 1)); }
fail() { notok "$@"; }

# run ARGS...: runs ondol with its output in $TMP/out and $TMP/err and its status in $status
run() {
	timeout 60 "$ONDOL" "$@" >"$TMP/out" 2>"$TMP/err" </dev/null
	status=$?
}

# await COMMAND...: until it succeeds, for two minutes (the machine may be busy)
await() {
	limit=$(($(date +%s) + 120))
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt "$limit" ] || return 1
		sleep 0.1
	done
}

# show: what the last run printed, for a failure
show() {
	printf '  status %s\n' "$status"
	sed 's/^/  out: /' "$TMP/out" | head -n 20
	sed 's/^/  err: /' "$TMP/err" | head -n 20
}

# expect NAME STATUS [TEXT...]: the last run ended so and printed each text (fixed string)
expect() {
	name=$1 want=$2
	shift 2
	if grep -q -e 'AddressSanitizer' -e 'runtime error:' -e 'LeakSanitizer' "$TMP/err"; then
		fail "$name: a sanitizer spoke"
		show
		return
	fi
	if [ "$status" != "$want" ]; then
		fail "$name: expected exit status $want"
		show
		return
	fi
	for text; do
		if ! cat "$TMP/out" "$TMP/err" | grep -qF -e "$text"; then
			fail "$name: expected to read: $text"
			show
			return
		fi
	done
	pass
}

end() {
	finish
	exit
}

[ -x "$ONDOL" ] || {
	fail "there is no $ONDOL; run make first, or set ONDOL"
	end
}
