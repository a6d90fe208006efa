# SPDX-License-Identifier: Apache-2.0
# What the tests of the command line share. A test sources this first, then calls pass, fail
# or skip once for each thing it has looked at, and ends with `finish`.
#
# $ONDOL is the program to test; by default that of the debug build. Nothing here reads or
# changes the machine's own ondold: the socket given to every call is one that is not there.

set -u
export LC_ALL=C.UTF-8
TOP=$(cd "$(dirname "$0")/../.." && pwd)
ONDOL=$(realpath "${ONDOL:-$TOP/build/debug/ondol}")
TMP=$(mktemp -d) || exit 1
export ONDOL_ROLES=$TOP/roles ONDOL_SOCKET=$TMP/nobody.sock
passed=0 failed=0 skipped=0
cleanup() { :; }
trap 'cleanup; rm -rf "$TMP"' EXIT
trap 'exit 130' INT TERM

pass() { passed=$((passed + 1)); }
fail() {
	failed=$((failed + 1))
	printf 'FAILED  %s\n' "$*"
}
skip() {
	skipped=$((skipped + 1))
	printf 'SKIPPED %s\n' "$*"
}

# run ARGS...: runs ondol with its output in $TMP/out and $TMP/err and its status in $status
run() {
	timeout 60 "$ONDOL" "$@" >"$TMP/out" 2>"$TMP/err" </dev/null
	status=$?
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

finish() {
	printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
	[ "$failed" = 0 ]
	exit
}

[ -x "$ONDOL" ] || {
	fail "there is no $ONDOL; run make first, or set ONDOL"
	finish
}
