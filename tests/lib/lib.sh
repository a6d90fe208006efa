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
