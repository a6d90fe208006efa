# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# What the shell tests share: counting, and the closing line. Source it, call ok/notok/skip
# or check, end with finish.
passed=0 failed=0 skipped=0

ok() {
	passed=$((passed + 1))
	echo "ok: $*"
}
notok() {
	failed=$((failed + 1))
	echo "FAILED: $*"
}
skip() {
	skipped=$((skipped + 1))
	echo "skipped: $*"
}
# check NAME COMMAND...: the command must succeed
check() {
	_name=$1
	shift
	if "$@"; then ok "$_name"; else notok "$_name"; fi
}
finish() {
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ]
}
patience=${ONDOL_PATIENCE:-100}
# until_true SECONDS COMMAND...: asked every two seconds. ONDOL_PATIENCE is what an emulated
# rack takes of the time of a real one, in percent.
until_true() {
	_end=$(($(date +%s) + $1 * patience / 100))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt $_end ] || return 1
		sleep 2
	done
}
clock() { # seconds since the test began
	echo $(($(date +%s) - began))
}
began=$(date +%s)
