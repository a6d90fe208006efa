#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2015
# `ondol check` over the corpus of broken racks: each file begins with comments
#     ; expect: LINE: a part of the message      (LINE 0: the file as a whole)
# Exit status 2, each expected message with its line, a last line that counts, no crash.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

# lines of one file: with LINE 0 "FILE: text", else "FILE:LINE: text"
check_expected() {
	file=$1 name=$2
	run check --no-secrets "$file"
	sed -n '1s/^\xef\xbb\xbf//; s/^; expect: //p' "$file" >"$TMP/expect"
	if ! [ -s "$TMP/expect" ]; then
		fail "$name: the file does not say what to expect"
		return
	fi
	while IFS= read -r line; do
		number=${line%%:*} text=${line#*: }
		[ "$number" = 0 ] && where="$file: " || where="$file:$number: "
		if ! grep -F -e "$where" "$TMP/err" | grep -qF -e "$text"; then
			fail "$name: expected $where...$text"
			show
			return
		fi
	done <"$TMP/expect"
	expect "$name" 2 'nothing was changed'
}

# made NAME LINE TEXT: a file too large or too binary to keep, made in $TMP/made
made() {
	run check --no-secrets "$TMP/made"
	[ "$2" = 0 ] && where="$TMP/made: " || where="$TMP/made:$2: "
	expect "$1" 2 "$where" "$3" 'nothing was changed'
	rm -rf "$TMP/made"
}

count=0
for file in "$TOP"/tests/data/bad/*.ini; do
	check_expected "$file" "$(basename "$file" .ini)"
	count=$((count + 1))
done
[ "$count" -ge 45 ] && pass || fail "the corpus has only $count files"

good=$TOP/examples/dl360-rack.ini
: >"$TMP/made"
made empty-file 0 'the section [rack] is missing'
{ cat "$good"; printf '; '; head -c 10000000 /dev/zero | tr '\0' x; } >"$TMP/made"
made ten-megabyte-line "$(($(wc -l <"$good") + 1))" 'found one of 10000002'
head -c 900000 /dev/zero | tr '\0' x >"$TMP/made"
made long-line-alone 1 'expected lines of at most 1000 bytes, found one of 900000'
{ cat "$good"; yes '; padding' | head -n 1800000; } >"$TMP/made"
made too-large 0 'expected at most 16777216 bytes'
head -c 65536 /dev/zero >"$TMP/made"
made zeros 1 'expected lines of at most 1000 bytes'
{ head -n 12 "$good"; printf 'a\0b = c\n'; } >"$TMP/made"
made nul-byte 13 'found the byte 0x00'
head -c 20000 "$ONDOL" >"$TMP/made"
made a-program 1 'expected'
openssl rand 30000 >"$TMP/made" 2>/dev/null || head -c 30000 /dev/urandom >"$TMP/made"
run check --no-secrets "$TMP/made"
expect random-bytes 2 'nothing was changed'
gzip -c "$good" >"$TMP/made"
run check --no-secrets "$TMP/made"
expect gzip 2 'nothing was changed'
tr '\n' '\r' <"$good" >"$TMP/made" # an old Mac's line ends: all in one line
made carriage-returns-only 1 'expected lines of at most 1000 bytes'
mkdir "$TMP/made"
made directory 0 'directory'
made not-there 0 'No such file'

# a file may end anywhere, and may have the line ends of Windows
whole=$(wc -c <"$good")
at=0
while [ "$at" -lt "$whole" ]; do
	head -c "$at" "$good" >"$TMP/cut"
	run check --no-secrets "$TMP/cut"
	if [ "$status" -gt 2 ] || grep -q Sanitizer "$TMP/err"; then
		fail "cut at $at"
		show
	fi
	at=$((at + 397))
done
pass
sed 's/$/\r/' "$good" >"$TMP/crlf"
run check --no-secrets "$TMP/crlf"
expect crlf 0 'is good'

end
