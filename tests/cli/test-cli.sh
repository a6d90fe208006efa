#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2015,SC2016,SC2086,SC2317
# The commands of `ondol`: usage, an ondold that is not there, and one whose answers are
# odd (peer.py). What a real ondold answers is tested in test-ondold.sh.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

# ---- usage: always 2, always with a hint ----
run
expect 'no command' 2 'Usage: ondol COMMAND' 'ondol check rack.ini'
run help
expect 'help' 0 'check      check rack.ini' 'Exit status: 0 done'
run --help
expect '--help' 0 'Usage: ondol COMMAND'
for command in check plan apply status why reinstall power identify sensors sel console prove update; do
	run help "$command"
	expect "help $command" 0 "Usage: ondol $command" 'Example'
	run "$command" --help
	expect "$command --help" 0 "Usage: ondol $command"
	run "$command" --no-such-option
	expect "$command --no-such-option" 2 "$command: no such option: --no-such-option" "ondol help $command"
done
run help chekc
expect 'help of an unknown command' 2 'was `ondol check` meant?'
run aply x
expect 'a command misspelt' 2 'there is no command "aply"; was `ondol apply` meant?'
run juggle
expect 'an unknown command' 2 'there is no command "juggle"; `ondol help` lists them'
run "$(printf '\033[2J')"
expect 'a command of control bytes' 2 'there is no command "\x1b[2J"'
run version
expect version 0 "ondol $(cat "$TOP/VERSION")"
run --version
expect --version 0 "ondol $(cat "$TOP/VERSION")"
run apply --timeout soon x
expect 'a bad time' 2 '--timeout: expected a time such as 30s, 20m or 2h, found "soon"'
run power hp01
expect 'power without action' 2 'expected a node and one of status, on, off, cycle, reset, soft, bmc-reset'
run power hp01 explode
expect 'an unknown power action' 2 'expected status, on, off, cycle, reset, soft or bmc-reset, found explode'
run identify hp01 soon
expect 'a time that is none' 2 'expected 1 to 255 seconds, on or off, found soon'
run identify hp01 256
expect 'a light too long' 2 'expected 1 to 255 seconds, on or off, found 256'
run sensors
expect 'sensors without node' 2 'expected a node'
run console hp01
expect 'console without a terminal' 2 'there is no terminal to type on' '--log'
run console hp01 --json
expect 'console and json' 2 '--json goes with --log'
run why
expect 'why without node' 2 'expected one node'
run reinstall
expect 'reinstall without node' 2 'expected the names of nodes'
run update
expect "update without node" 2 "expected the names of nodes"
run status --watch --json
expect 'watch and json' 2 'do not go together'

# ---- nobody there ----
socket=$TMP/nobody.sock
for command in status 'why hp01' 'power hp01 status' 'sensors hp01' 'sel hp01' 'identify hp01' 'console hp01 --log' 'prove hp01' 'reinstall hp01 --yes'; do
	run $command
	expect "$command without ondold" 1 "ondold does not run here: there is no $socket" 'systemctl start ondold'
done
run --socket "$TMP/other.sock" status
expect '--socket before the command' 1 "there is no $TMP/other.sock"
run status --socket="$TMP/other.sock"
expect '--socket behind the command' 1 "there is no $TMP/other.sock"
long=$TMP/$(printf '%0120d' 0)
run status --socket "$long"
expect 'a socket path too long' 1 "too long for a socket's path"
: >"$TMP/file.sock"
run status --socket "$TMP/file.sock"
expect 'a file where the socket should be' 1 'ondold does not run: nobody listens'
cp "$TOP/examples/dl360-rack.ini" "$TMP/rack.ini"
printf '[bmc]\nuser = ondol\npassword = hunter2\n' >"$TMP/secrets.ini"
chmod 600 "$TMP/secrets.ini"
run plan "$TMP/rack.ini"
expect 'plan without ondold' 1 'ondold does not run here'
run apply --yes "$TMP/rack.ini"
expect 'apply without ondold' 1 'ondold does not run here'
run apply --yes "$TOP/tests/data/bad/all-at-once.ini" --secrets "$TMP/secrets.ini"
expect 'apply of a broken file asks nobody' 2 '[network storage] vlan:' 'problems; nothing was changed'

if ! command -v python3 >/dev/null; then
	skip 'odd answers: there is no python3 to give them'
	end
fi

# ---- a peer that answers oddly ----
socket=$TMP/peer.sock
export ONDOL_SOCKET=$socket
mkfifo "$TMP/hold"
: >"$TMP/peer.log"
python3 "$TOP/tests/cli/peer.py" "$socket" "$TMP/answers.py" <"$TMP/hold" >"$TMP/peer.log" 2>&1 &
peer=$!
exec 9>"$TMP/hold"
cleanup() {
	exec 9>&-
	wait "$peer" 2>/dev/null
}
await grep -q listening "$TMP/peer.log"

# answer STATUS BODY: the same to every request
answer() {
	printf 'def answer(method, path, body):\n    return (%s, %s)\n' "$1" "$2" >"$TMP/answers.py"
}
# odd NAME BODY TEXT: an answer 200 that no command takes for good
odd() {
	answer 200 "$2"
	for command in status 'status hp01' 'why hp01' 'prove hp01'; do
		run $command
		expect "$command: $1" 1 "$3"
	done
}
odd 'garbage' 'b"\x00\xff\x1b[2J garbage"' 'not understood'
odd 'nothing' 'b""' 'not understood'
odd 'not an object' 'b"[1, 2]"' 'not understood'
odd 'cut short' 'b"""{"nodes": [{"name" """' 'not understood'
odd 'html' 'b"<html>502</html>"' 'not understood'
odd 'a deep nest' 'b"[" * 100000' 'not understood'
odd 'the wrong types' 'b"""{"now": "x", "nodes": {}, "name": 1, "task": []}"""' 'not understood'

answer 500 'b"""{"error": "the disk of this host is full"}"""'
run status
expect 'status 500 with a reason' 1 'ondol: the disk of this host is full'
answer 500 'b"""{"error": "\\u001b[2Jboo"}"""'
run status
expect 'escape sequences in a reason' 1 'ondol: \x1b[2Jboo'
answer 503 'b"busy"'
run status
expect 'status 503 without a reason' 1 'HTTP status 503'
cat >"$TMP/answers.py" <<'P'
def answer(method, path, body):
    return None
P
run status
expect 'the connection closed' 1 "ondold did not answer on $socket"
cat >"$TMP/answers.py" <<'P'
def answer(method, path, body):
    return b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"version\": "
P
run status
expect 'a body cut short' 1 "ondold did not answer on $socket"
cat >"$TMP/answers.py" <<'P'
def answer(method, path, body):
    return b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b" " * 9999999
P
run status
expect 'a body too large' 1 "ondold did not answer on $socket"

# a rack whose texts are hostile
cat >"$TMP/answers.py" <<'P'
import json
NODE = {"name": "hp01", "role": "compute", "state": "failed", "since": 1, "reason": "\u001b]0;owned\u0007 no disk",
        "step": "", "progress": None, "disk": None, "task": None, "proofs": [], "phases": []}
def answer(method, path, body):
    if path == "/v1/status":
        reply = {"version": "0", "rack": "lab", "now": 1700000000000, "nodes": [NODE]}
    elif path == "/v1/nodes/hp01":
        reply = dict(NODE, inventory={"vendor": 5})
    elif path == "/v1/nodes/hp01/plan":
        reply = {"node": "hp01", "lock": "10cc", "seen": 1699999990000, "needs": ["a \u001b[2Jbreath"], "disks": [
            {"declared": {"bay": 1, "use": "system", "bus": "nvme", "size_bytes": 480000000000},
             "found": {"name": "nvme0n1", "serial": "S1A", "wwn": "", "bay": 1, "size_bytes": 480103981056},
             "holds": "LVM2_member on p2", "fate": "refused", "what": "is refused\u001b[2J"},
            {"declared": {"bay": 2, "use": "data", "bus": "nvme", "size_bytes": 960000000000},
             "found": None, "holds": "", "fate": "missing", "what": "is not there"}]}
    elif path == "/v1/nodes/hp01/reinstall":
        asked = json.loads(body)
        return (409, json.dumps({"error": f"hp01 is being installed; wait for it ({asked.get('lock', 'none')}, {asked['wipe']})"}).encode())
    elif path == "/v1/nodes/hp01/power":
        return (502, b'{"error": "the BMC at 10.77.1.11 does not answer"}')
    elif path == "/v1/rack":
        return (422, json.dumps({"problems": ["rack.ini:7: [bmc] \u001b[2Jx: y", "rack.ini:9: z", 5]}).encode())
    elif path.startswith("/v1/events"):
        reply = {"events": [{"id": 1, "time": 1700000000000, "node": "hp01", "source": "agent",
                             "type": "agent.failed", "text": "\u001b[31mred\nline"}], "last": 1}
    else:
        return (404, b'{"error": "no such node"}')
    return (200, json.dumps(reply).encode())
P
escape=$(printf '\033')
for command in status 'status hp01' 'why hp01' 'plan rack.ini'; do
	(cd "$TMP" && exec timeout 60 "$ONDOL" $command >"$TMP/out" 2>"$TMP/err" </dev/null)
	status=$?
	if grep -q "$escape" "$TMP/out" "$TMP/err"; then
		fail "$command lets escape sequences through"
		show
	else
		pass
	fi
done
run status
expect 'a failed node in the table' 0 'failed' '\x1b]0;owned\x07 no disk'
run why hp01
expect 'a timeline' 0 'hp01 (compute) is failed since' 'agent.failed' '\x1b[31mred\x0aline'
run status hp01
expect 'an inventory that is odd' 0 'hp01: its inventory is not understood'
run status hp0l
expect 'a node misspelt' 2 'the rack lab has no node hp0l; was hp01 meant?'
run why '../../etc'
expect 'a node that is a path' 2 'the rack lab has no node ../../etc'
run plan "$TMP/rack.ini"
expect 'problems that ondold found' 2 'rack.ini:9: z' 'ondold refused the files; nothing was changed'
run reinstall hp01
expect 'reinstall without terminal' 2 'there is no terminal to ask on; nothing was changed. A script says --yes.'
run reinstall hp01 --yes
expect 'reinstall refused' 1 'ondol: reinstall: hp01 is being installed; wait for it (none, [])'
run reinstall hp01 hp03 --yes
expect 'reinstall of an unknown node' 2 'has no node hp03; was hp01 meant?'
run power hp01 status
expect 'power of a dumb BMC' 1 'hp01: power: the BMC at 10.77.1.11 does not answer'
run status --json
expect 'status --json' 0 '"state": "failed"'

# a question needs a terminal; with one, a wrong answer changes nothing
if command -v script >/dev/null; then
	printf 'hp02\n' | timeout 60 script -qec "$ONDOL reinstall hp01" /dev/null >"$TMP/out" 2>&1
	status=$?
	: >"$TMP/err"
	expect 'reinstall with a wrong name typed' 1 'Type S1A to have that disk wiped' 'not confirmed; nothing was changed' \
		'S1A' 'LVM2_member on p2' 'is refused\x1b[2J' 'is not there' 'last seen by an agent: 10s ago' \
		'It needs first: a \x1b[2Jbreath.'
	printf 'hp01\n' | timeout 60 script -qec "$ONDOL reinstall hp01" /dev/null >"$TMP/out" 2>&1
	status=$?
	expect 'the name of a node does not give up a foreign disk' 1 'not confirmed; nothing was changed'
	printf 'S1A\n' | timeout 60 script -qec "$ONDOL reinstall hp01" /dev/null >"$TMP/out" 2>&1
	status=$?
	expect "the disk's does, and what was shown is said" 1 "hp01 is being installed; wait for it (10cc, ['S1A'])"
	printf 'hp01\n' | timeout 60 script -qec "$ONDOL reinstall hp01 --wipe S1A" /dev/null >"$TMP/out" 2>&1
	status=$?
	expect 'as on the command line' 1 'Type its name to go on' "hp01 is being installed; wait for it (10cc, ['S1A'])"
	# colours: on a terminal, and not with NO_COLOR
	TERM=xterm timeout 60 script -qec "$ONDOL status" /dev/null >"$TMP/out" 2>&1 </dev/null
	status=$?
	expect 'colours on a terminal' 0 "${escape}[1;31mfailed${escape}[0m"
	NO_COLOR=1 TERM=xterm timeout 60 script -qec "$ONDOL status" /dev/null >"$TMP/out" 2>&1 </dev/null
	grep -q "$escape" "$TMP/out" && { fail 'NO_COLOR'; show; } || pass
else
	skip 'questions on a terminal: there is no script(1) to make one'
fi

# ---- watching: a node that becomes ready while ondold is away for a moment ----
cat >"$TMP/answers.py" <<P
import json, os, time
COUNT = "$TMP/count"
def answer(method, path, body):
    n = int(open(COUNT).read()) if os.path.exists(COUNT) else 0
    if path == "/v1/status":
        n += 1
        open(COUNT, "w").write(str(n))
        now = 1700000000000
        node = {"name": "hp01", "role": "compute", "kind": "", "state": "ready", "since": 1, "address": "10.77.0.11"}
        if 2 <= n <= 3:
            node.update(state="installing", step="writing image", since=now + 1,
                        progress={"done": n * 20000000, "total": 100000000})
        elif n == 4:
            return (500, b"restarting")
        elif n >= 5:
            node.update(since=now + 2, disk={"serial": "S1", "wwn": "", "bytes": 1},
                        phases=[{"state": "installing", "ms": 42000}])
        return (200, json.dumps({"version": "0", "rack": "lab", "now": now, "nodes": [node]}).encode())
    if path.startswith("/v1/events?since=-1"):
        return (200, b'{"events": [], "last": 3}')
    if path.startswith("/v1/events"):
        time.sleep(0.3)
        return (200, b'{"events": [{"id": 4, "time": 1, "node": "hp01", "type": "x"}], "last": 4}')
    return (200, b"{}")
P
run reinstall hp01 --yes --timeout 50s
expect 'watching to the end' 0 'hp01 installing: writing image 40 %' 'hp01 installing: writing image 60 %' \
	'Asking again until it answers.' 'hp01 ready' 'disk written' 'S1' ' 42'
rm -f "$TMP/count"
run reinstall hp01 --yes --json --timeout 50s
expect 'watching with --json' 0 '"ok": true' '"serial": "S1"'
if python3 -c 'import json,sys; json.load(open(sys.argv[1]))' "$TMP/out" 2>/dev/null; then
	pass
else
	fail 'with --json standard output is JSON and nothing else'
	show
fi
rm -f "$TMP/count"
if command -v script >/dev/null; then
	TERM=xterm timeout 60 script -qec "$ONDOL reinstall hp01 --yes --timeout 50s" /dev/null >"$TMP/out" 2>&1 </dev/null
	status=$?
	: >"$TMP/err"
	expect 'watching on a terminal' 0 '% ' "${escape}[J" 'MB' 'disk written'
	rm -f "$TMP/count"
fi

# ---- a server that was never seen: it is looked at, and asks ----
cat >"$TMP/answers.py" <<P
import json, os
LOG, FATE = "$TMP/posts", "$TMP/fate"
def answer(method, path, body):
    posts = open(LOG).read() if os.path.exists(LOG) else ""
    if method == "POST":
        open(LOG, "a").write(path + " " + body.decode() + "\\n")
        return (200, b'{"action": "look"}')
    if path == "/v1/status":
        now = 1700000000000
        node = {"name": "hp01", "role": "compute", "kind": "", "state": "enrol", "since": 1, "address": ""}
        if "agree" in posts:
            node.update(state="ready", since=now + 2)
        elif "reinstall" in posts:
            node.update(state="inventoried", since=now + 1, asks=True, step="seen for the first time")
        return (200, json.dumps({"version": "0", "rack": "lab", "now": now, "nodes": [node]}).encode())
    if path == "/v1/nodes/hp01/plan":
        seen = "reinstall" in posts
        return (200, json.dumps({"node": "hp01", "lock": "5ee7" if seen else "0", "seen": 1699999990000 * seen, "needs": [], "disks": [
            {"declared": {"bay": 1, "use": "system", "bus": "sata", "size_bytes": 480000000000},
             "found": {"name": "sda", "serial": "S1A", "wwn": "", "bay": 1, "size_bytes": 480103981056} if seen else None,
             "holds": "a thesis" if seen else "", "fate": open(FATE).read().strip() if seen else "unseen", "what": "is written"}]}).encode())
    return (200, b'{"events": [], "last": 3}')
P
# looks FATE ANSWERS NAME STATUS TEXT...: the system disk's fate, what is typed, and what is expected then
looks() {
	echo "$1" >"$TMP/fate"
	rm -f "$TMP/posts"
	printf "$2" | TERM=dumb timeout 60 script -qec "$ONDOL reinstall hp01 --timeout 50s" /dev/null >"$TMP/out" 2>&1
	status=$?
	cat "$TMP/posts" >>"$TMP/out"
	: >"$TMP/err"
	shift 2
	expect "$@"
}
if command -v script >/dev/null; then
	looks written 'hp01\nyes\n' 'a look, its disks, and a yes' 0 'Type its name to go on' 'was never seen before' 'S1A' 'a thesis' \
		'Type yes to have it installed' '/v1/nodes/hp01/reinstall {"wipe":[],"lock":"0"}' '/v1/nodes/hp01/agree {"wipe":[],"lock":"5ee7"}'
	looks written 'hp01\nno\n' 'a no' 1 'hp01 waits, and nothing was written: `ondol reinstall hp01` asks again'
	grep -q agree "$TMP/posts" && { fail 'a no agrees to nothing'; show; } || pass
	looks refused 'hp01\nS1A\n' 'a foreign disk, by its name' 0 'Type S1A to have that disk wiped' '/v1/nodes/hp01/agree {"wipe":["S1A"],"lock":"5ee7"}'
	looks refused 'hp01\nyes\n' 'and not by a yes' 1 'hp01 waits, and nothing was written'
	grep -q agree "$TMP/posts" && { fail 'a yes is no name'; show; } || pass
fi
echo written >"$TMP/fate"
rm -f "$TMP/posts"
run reinstall hp01 --yes --timeout 50s
expect '--yes agrees by itself' 0 'hp01 inventoried: seen for the first time' 'hp01 ready'
grep -qxF '/v1/nodes/hp01/agree {"wipe":[]}' "$TMP/posts" && pass || { fail 'and is sent once'; cat "$TMP/posts"; }

# ---- a node that is held: its disk is to be named ----
cat >"$TMP/answers.py" <<P
import json
def answer(method, path, body):
    if method == "POST":
        asked = json.loads(body)
        open("$TMP/posts", "a").write(path + " " + json.dumps({k: asked[k] for k in ("wipe", "look", "dry_run") if k in asked}) + "\\n")
        if path != "/v1/rack":
            return (200, b'{"action": "look"}')
        action = "install" if "S1A" in asked["wipe"] else "held"
        return (200, json.dumps({"revision": 1, "actions": [
            {"node": "hp01", "action": action, "why": "is left as it is: its disk holds a thesis", "lock": "10cc", "to_name": "S1A"},
            {"node": "hp02", "action": "none", "why": "as declared", "lock": "0"}]}).encode())
    if path == "/v1/status":
        return (200, json.dumps({"version": "0", "rack": "lab", "now": 5, "nodes": [
            {"name": "hp01", "role": "compute", "state": "enrol", "since": 1, "asks": False}]}).encode())
    return (200, b'{"events": [], "last": 3}')
P
# types ANSWERS COMMAND...: on a terminal
types() {
	typed=$1
	shift
	rm -f "$TMP/posts"
	printf "$typed" | TERM=dumb timeout 60 script -qec "$ONDOL $*" /dev/null >"$TMP/out" 2>&1
	status=$?
	cat "$TMP/posts" >>"$TMP/out"
	: >"$TMP/err"
}
if command -v script >/dev/null; then
	types 'S1A\nyes\n' "apply --no-wait $TMP/rack.ini"
	expect 'a held node, its disk named' 0 'held' 'Type S1A to have that disk wiped and hp01 installed; Enter leaves it:' \
		'/v1/rack {"wipe": ["S1A"], "dry_run": false}'
	types '\n' "apply --no-wait $TMP/rack.ini"
	expect 'one whose disk is not named' 1 'hp01 is left as it is: its disk holds a thesis' '/v1/rack {"wipe": [], "dry_run": false}'
	types 'hp01\n' "reinstall hp01 --look --no-wait"
	expect 'a new look' 0 'You are asked again before anything is written' '/v1/nodes/hp01/reinstall {"look": true}'
fi
run apply --yes --no-wait "$TMP/rack.ini"
expect '--yes names no disk' 1 'hp01 is left as it is: its disk holds a thesis'

# the limit of time, and Ctrl-C, end only the watching
cat >"$TMP/answers.py" <<'P'
import json, time
def answer(method, path, body):
    if path == "/v1/status":
        return (200, json.dumps({"version": "0", "rack": "lab", "now": 5, "nodes": [
            {"name": "hp01", "role": "compute", "state": "agent", "since": 6, "step": "waiting"}]}).encode())
    if path.startswith("/v1/events?since=-1"):
        return (200, b'{"events": [], "last": 3}')
    if path.startswith("/v1/events"):
        time.sleep(5)
        return (200, b'{"events": [], "last": 3}')
    return (200, b"{}")
P
run reinstall hp01 --yes --timeout 1s
expect 'the limit of time' 1 'not done within --timeout; the work goes on in ondold' 'agent'
timeout 200 "$ONDOL" reinstall hp01 --yes >"$TMP/out" 2>"$TMP/err" </dev/null &
watcher=$!
await grep -q 'hp01 agent: waiting' "$TMP/out"
child=$(ps -o pid= --ppid "$watcher" 2>/dev/null | head -n 1)
kill -INT ${child:-$watcher}
wait "$watcher"
status=$?
expect 'Ctrl-C while watching' 130 'The work goes on in ondold; `ondol status` shows it.'

end
