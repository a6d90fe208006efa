# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034
# A rack for a test: rack_up NODES-ARGUMENTS makes the twin and starts ondold in it;
# rack_down ends all and checks that nothing stays. Needs lib.sh.
bin=$PWD/build/release
work=$(mktemp -d /tmp/ondol-test.XXXXXX)
rack=$work/rack.ini
twin=$work/twin
ONDOL_SOCKET=$work/ondold.sock
export ONDOL_SOCKET

rack_end() { # whatever happened, and however often one is told to end
	trap '' INT TERM
	[ ! -d "$twin" ] || "$bin/ondol-twin" down --dir "$twin" >/dev/null 2>&1
	rm -rf "$work"
}
trap rack_end EXIT
trap 'exit 130' INT TERM

need_root() {
	if [ "$(id -u)" -ne 0 ]; then
		skip "the twin needs root"
		finish
		exit
	fi
}

# rack_file ARGS: the example rack, cut as ondol-twin's --nodes or --node say, with secrets
rack_file() {
	"$bin/ondol-twin" rack examples/dl360-rack.ini "$@" >"$rack" || return 1
	(
		umask 077
		printf '[bmc]\nuser = ondol\npassword = %s\n' "$(od -An -tx1 -N8 /dev/urandom | tr -d ' \n')" >"$work/secrets.ini"
	)
}

daemon_start() {
	tests/lib/start-ready "$work/ondold.log" "$work/ondold.pid" 60 "$bin/ondol-twin" exec --dir "$twin" -- \
		"$bin/ondold" --state "$work/state" --socket "$ONDOL_SOCKET" --images "${images:-build/shared/images}" --roles roles
}

# rack_up TWIN-OPTIONS
rack_up() {
	"$bin/ondol-twin" up "$rack" --dir "$twin" --disks "$work/disks" --detach "$@" && daemon_start
}

# own_images: a copy of the core profile for this test alone, in $images
own_images() {
	images=$work/images
	mkdir -p "$images/core" &&
		find build/shared/images/core -maxdepth 1 -type f -exec cp -t "$images/core" {} +
}
# sign_image KEY: the copy's manifest
sign_image() {
	images/sign-image "$1" "$images/core/manifest.json" "$images/core/manifest.sig"
}
# image_named NAME: what nodes get from now on is of that version
image_named() {
	sed -i "s/\"version\": \"[^\"]*\"/\"version\": \"$1\"/" "$images/core/manifest.json" &&
		sign_image build/shared/images/site/key.pem
}

# field NODE KEY: one value of a node's status
field() {
	"$bin/ondol" status "$1" --json | python3 -c '
import json, sys
d = json.load(sys.stdin)
d = d["nodes"][0] if "nodes" in d else d
for k in sys.argv[1].split("."):
    d = d[k]
print(d)' "$2"
}

# twin_serial NODE BAY: the serial of the drive that the twin put there
twin_serial() {
	"$bin/ondol-twin" status --dir "$twin" --json | python3 -c '
import json, sys
for n in json.load(sys.stdin)["nodes"]:
    for d in n["disks"]:
        if [n["name"], str(d["bay"])] == sys.argv[1:]:
            print(d["serial"])' "$1" "$2"
}

# bytes of a sparse file that were ever written
written() {
	echo $(($(stat -c '%b * %B' "$1")))
}

on_trouble() { # what a person would look at
	"$bin/ondol" status 2>&1 | tail -n 20
	for n in "$@"; do
		"$bin/ondol" why "$n" 2>&1 | tail -n 25
		"$bin/ondol-twin" console --dir "$twin" "$n" 2>/dev/null | tail -n 25
	done
	tail -n 20 "$work/ondold.log"
}

nothing_stays() {
	left=$(pgrep -f -- "$work" | tr '\n' ' ')
	[ -z "$left" ] || { echo "processes stay: $left"; return 1; }
	! grep -q "$work" /proc/mounts || { echo "mounts stay"; return 1; }
	[ ! -e "$twin" ] || { echo "$twin stays"; return 1; }
}
