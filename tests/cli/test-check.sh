#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2015,SC2016,SC2059
# `ondol check`: good files, secrets, --json, and that it touches nothing.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

for file in "$TOP"/examples/*rack*.ini; do
	run check --no-secrets "$file"
	expect "example $(basename "$file")" 0 "$file is good: the rack"
	[ ! -s "$TMP/err" ] && pass || { fail "$file: a good file is told without errors"; show; }
done
run check --no-secrets "$TOP/examples/dl360-rack.ini"
expect 'summary of roles' 0 '10 nodes: 1 controller, 6 compute, 1 storage (block), 2 storage (object).'
expect 'summary of networks' 0 'provisioning VLAN 10 10.77.0.0/24 MTU 1500' 'BMCs VLAN 11 10.77.1.0/24'

# the example of the manual page is one that works
sed -n '/^# EXAMPLE/,$ { /^```/,/^```/ { /^```/d; p } }' "$TOP/docs/rack.ini.5.scd" >"$TMP/manual.ini"
run check --no-secrets "$TMP/manual.ini"
expect 'the example of rack.ini(5)' 0 '1 node: 1 controller.'

# ---- secrets.ini ----
cp "$TOP/examples/dl360-rack.ini" "$TMP/rack.ini"
rack=$TMP/rack.ini secrets=$TMP/secrets.ini
good_secrets() {
	printf '[bmc]\nuser = ondol\npassword = "correct;horse#1"\n' >"$secrets"
	chmod 600 "$secrets"
}
run check "$rack"
expect 'secrets missing' 2 "$secrets: cannot be read: No such file or directory" '1 problem; nothing was changed'
good_secrets
run check "$rack"
expect 'secrets beside the rack' 0 'is good'
(cd "$TMP" && exec timeout 60 "$ONDOL" check rack.ini >"$TMP/out" 2>"$TMP/err")
status=$?
expect 'secrets beside a rack named without folder' 0 'rack.ini is good'
run check --secrets "$TMP/none.ini" "$rack"
expect 'secrets elsewhere and missing' 2 "$TMP/none.ini: cannot be read"
for mode in 644 640 604 660 666 601; do
	chmod "$mode" "$secrets"
	run check "$rack"
	expect "secrets of mode $mode" 2 "$secrets: can be read by others; run chmod 600 on it"
done
chmod 400 "$secrets"
run check "$rack"
expect 'secrets of mode 400' 0 'is good'
mv "$secrets" "$TMP/real" && ln -s real "$secrets"
run check "$rack"
expect 'secrets a symbolic link' 2 "$secrets: cannot be read: it is a symbolic link"
rm "$secrets" && mkdir "$secrets"
run check "$rack"
expect 'secrets a directory' 2 "$secrets: expected a regular file"
rmdir "$secrets" && mkfifo -m 600 "$secrets"
run check "$rack"
expect 'secrets a pipe' 2 "$secrets: expected a regular file"
rm "$secrets"
if [ "$(id -u)" = 0 ]; then
	good_secrets
	chown 65534 "$secrets"
	run check "$rack"
	expect 'secrets of another user' 2 "$secrets: belongs to another user"
	rm -f "$secrets"
else
	skip 'secrets of another user: only root can make such a file'
fi

# secret NAME TEXT LINE MESSAGE
secret() {
	printf "$2" >"$secrets" && chmod 600 "$secrets"
	run check "$rack"
	[ "$3" = 0 ] && where="$secrets: " || where="$secrets:$3: "
	expect "$1" 2 "$where" "$4"
	if grep -q hunter2 "$TMP/out" "$TMP/err"; then
		fail "$1: a password was shown"
	fi
	rm -f "$secrets"
}
secret 'secrets empty' '' 0 'expected a section [bmc]'
secret 'secrets without password' '[bmc]\nuser = ondol\n' 1 '[bmc] password: is missing'
secret 'secrets without user' '[bmc]\npassword = hunter2\n' 1 '[bmc] user: is missing'
secret 'password too long' '[bmc]\nuser = ondol\npassword = hunter2hunter2hunter2hunter2\n' 3 'expected at most 20 characters'
secret 'user too long' '[bmc]\nuser = a-user-of-many-letters\npassword = hunter2\n' 2 'expected at most 16 characters'
secret 'password cut by a comment' '[bmc]\nuser = ondol\npassword = hunter2;x\n' 3 'begin a comment: put the value in quotes'
secret 'secrets of an unknown node' '[bmc]\nuser = a\npassword = hunter2\n[bmc hp77]\nuser = a\npassword = hunter2\n' 4 'has no [node hp77]'
secret 'secrets of one node only' '[bmc hp01]\nuser = a\npassword = hunter2\n' 0 'no login for the BMC of hp02'
secret 'secrets with an unknown key' '[bmc]\nuser = a\npassword = hunter2\npasswort = hunter2\n' 4 '[bmc] passwort: there is no such key'
secret 'secrets with an unknown section' '[ilo]\nuser = a\npassword = hunter2\n' 1 '[ilo]: there is no such section'

# problems of both files come together
printf '[bmc]\nuser = ondol\n' >"$secrets" && chmod 600 "$secrets"
run check --secrets "$secrets" "$TOP/tests/data/bad/vlan-zero.ini"
expect 'problems of both files' 2 'vlan-zero.ini:' "$secrets:1: " '2 problems; nothing was changed'

# ---- --json ----
if command -v python3 >/dev/null; then
	run check --json --no-secrets "$TOP/tests/data/bad/all-at-once.ini"
	expect 'json of a bad file' 2 '"ok": false'
	python3 - "$TMP/out" <<-'P' && pass || { fail 'json of a bad file: its content'; show; }
		import json, sys
		d = json.load(open(sys.argv[1]))
		p = d["problems"]
		assert d["ok"] is False and d["rack"] is None and len(p) == 4, d
		assert p[0]["section"] == "network storage" and p[0]["key"] == "vlan" and p[0]["line"] > 0
		assert [x["line"] for x in p] == sorted(x["line"] for x in p)
	P
	run check --json --no-secrets "$TOP/examples/dl360-rack.ini"
	expect 'json of a good file' 0 '"ok": true'
	python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); assert len(d["rack"]["nodes"])==10 and not d["problems"]' \
		"$TMP/out" && pass || { fail 'json of a good file: its content'; show; }
else
	skip 'the content of --json: there is no python3 to read it'
fi

# ---- role files ----
mkdir "$TMP/roles"
run check --no-secrets --roles "$TMP/roles" "$rack"
expect 'no role files' 2 "$TMP/roles: no role files are here"
run check --no-secrets --roles "$TMP/nowhere" "$rack"
expect 'role folder missing' 2 "$TMP/nowhere"
printf '[role]\ndescription = x\n[untis]\n' >"$TMP/roles/compute.ini"
run check --no-secrets --roles "$TMP/roles" "$rack"
expect 'broken role file' 2 'compute.ini:3: [untis]: there is no such section'

# ---- usage ----
run check
expect 'no file' 2 'expected one file' 'ondol help check'
run check a b
expect 'two files' 2 'expected one file'

end
