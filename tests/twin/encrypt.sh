#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A storage node whose data disk is encrypted: its volume group lies inside, the key comes from
# ondold at each start and is on no disk, and a node whose ondold has lost it says so.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/lib.sh
. tests/lib/rack.sh
need_root

is_ready() { [ "$(field hp08 state)" = ready ]; }
boots() { "$bin/ondol" why hp08 --all --json | grep -c '"noded.up"'; }
said() { "$bin/ondol" why hp08 --all | grep -q "$1"; }
# restarts: reset, and its noded is heard again
restarts() {
	_up=$(boots)
	"$bin/ondol" power hp08 reset --yes >/dev/null
	came_up() { [ "$(boots)" -gt "$_up" ]; }
	check "the server starts again" until_true 400 came_up
}
ondold_stop() { kill "$(cat "$work/ondold.pid")" && until_true 20 gone "$(cat "$work/ondold.pid")"; }
gone() { ! kill -0 "$1" 2>/dev/null; }
# secret_is VALUE: of the disks' key in node-authority; prints what was there
secret_is() {
	python3 - "$work/state/node-authority" "$1" <<-'EOF'
		import json, os, sys
		path, new = sys.argv[1:]
		doc = json.load(open(path))
		print(doc["secrets"]["disks.key"])
		if new:
		    doc["secrets"]["disks.key"] = new
		    with open(path + ".new", "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
		        json.dump(doc, f)
		    os.rename(path + ".new", path)
	EOF
}
# key_of_data: the key of hp08's data disk, as ondold makes it
key_of_data() {
	python3 - "$(secret_is "")" "$("$bin/ondol" status hp08 --json)" <<-'EOF'
		import hashlib, hmac, json, sys
		node = json.loads(sys.argv[2])
		node = node["nodes"][0] if "nodes" in node else node
		disk = next(d for d in node["inventory"]["disks"] if d["bay"] == 3)
		text = f"luks\n{disk['serial']}\n{disk['wwn']}\n{disk['size_bytes']}"
		print(hmac.new(sys.argv[1].encode(), text.encode(), hashlib.sha256).hexdigest(), end="")
	EOF
}
# has FILE: is that key in what was ever written there, as text or as bytes?
has() {
	python3 - "$1" "$key" <<-'EOF'
		import os, sys, traceback
		sys.excepthook = lambda *e: (traceback.print_exception(*e), os._exit(2))
		words = bytes.fromhex(sys.argv[2]), sys.argv[2].encode()
		fd, at, found = os.open(sys.argv[1], os.O_RDONLY), 0, False
		end = os.fstat(fd).st_size
		while not found and at < end:
		    try:
		        at = os.lseek(fd, at, os.SEEK_DATA)
		    except OSError:
		        break
		    block = os.pread(fd, 1 << 20, at)
		    found = any(w in block for w in words)
		    at += max(len(block) - 64, 1)
		sys.exit(not found)
	EOF
}
lacks() {
	has "$1"
	test $? = 1
}
opens() { printf %s "$key" | /sbin/cryptsetup open --test-passphrase --key-file - "$work/disks/hp08/disk3.raw"; }
magic() { [ "$(dd if="$1" bs=6 count=1 status=none | od -An -tx1 | tr -d ' \n')" = 4c554b53babe ]; }

check "the rack file is made" rack_file --node hp08
sed -i 's/^disk\.3\.use .*/&\ndisk.3.encrypt = yes/' "$rack"
check "ondol check accepts it" "$bin/ondol" check "$rack"
check "twin and ondold come up" rack_up --memory 768
if "$bin/ondol" apply "$rack" --yes; then
	ok "apply ends with the node ready"
else
	notok "apply"
	on_trouble hp08
fi
data=$(twin_serial hp08 3)
check "the data disk is LUKS" magic "$work/disks/hp08/disk3.raw"
check "no name of LVM's is on it" sh -c "! dd if='$work/disks/hp08/disk3.raw' bs=1M count=64 status=none | grep -qa cinder-volumes"
check "the volume group was proved" sh -c "'$bin/ondol' status hp08 --json | grep -q 'cinder-volumes.*$data'"
check "ondold made a secret for it" [ "$(secret_is "" | wc -c)" -eq 65 ]
key=$(key_of_data)
check "... whose key opens the disk" opens
for disk in 1 3; do
	check "that key is not on disk $disk" lacks "$work/disks/hp08/disk$disk.raw"
done
check "nor in ondold's log" lacks "$work/ondold.log"
printf 'beside: %s' "$key" >"$work/witness"
check "... where it would be seen" has "$work/witness"
for kept in "$work"/state/ondold.db*; do
	check "nor in what it keeps: ${kept##*/}" lacks "$kept"
done
check "an apply of the same file changes nothing" sh -c "'$bin/ondol' plan '$rack' --json | grep -q '\"action\": *\"none\"'"
restarts
check "... and is ready: its key came again" until_true 300 is_ready

kept=$(secret_is "")
check "ondold ends" ondold_stop
secret_is 0000 >/dev/null
check "ondold is back, with another secret" daemon_start
restarts
check "the node says that the key opens nothing" until_true 300 said "does not open disk $data"
check "ondold ends again" ondold_stop
secret_is "$kept" >/dev/null
check "ondold is back, with the old one" daemon_start
check "the node opens its disk by itself, and is ready" until_true 400 is_ready

# ---- roles: volumes, objects, none ----
# role NAME [KIND]: what the node is from now on
role() {
	sed -i "/^kind /d; s/^role .*/role = $1${2:+\\nkind = $2}/" "$rack"
	"$bin/ondol" apply "$rack" --yes >"$work/apply.log" 2>&1
}
# cut_short: on the blank disk, what a node leaves that dies between header and key slot
cut_short() {
	_uuid=$(python3 - "$("$bin/ondol" status hp08 --json)" <<-'EOF'
		import json, sys, uuid
		node = json.loads(sys.argv[1])
		node = node["nodes"][0] if "nodes" in node else node
		d = next(d for d in node["inventory"]["disks"] if d["bay"] == 3)
		space = uuid.UUID("1b8e52d07c394a149f06e35d28b7c14e")
		print(uuid.uuid5(space, f"dl360\n{d['serial']}\n{d['wwn']}\n{d['size_bytes']}"))
	EOF
	)
	set -- "$work/disks/hp08/disk3.raw"
	echo nobody | /sbin/cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --uuid "$_uuid" \
		--label ondol-data "$1" - && /sbin/cryptsetup luksKillSlot -q "$1" 0
}
check "it becomes object storage" role storage object
check "... with XFS inside of the encryption" sh -c "'$bin/ondol' status hp08 --json | grep -q 'd1 .*/dev/dm-'"
check "... and the disk is still LUKS" magic "$work/disks/hp08/disk3.raw"
check "it becomes a compute" role compute
check "... and the disk, in which nothing was, is blank" sh -c "'$bin/ondol' why hp08 --all | grep -q 'disk $data is closed: there was nothing in it'"
check "... really" sh -c "test \$(dd if='$work/disks/hp08/disk3.raw' bs=1M count=16 status=none | tr -d '\\0' | wc -c) = 0"
"$bin/ondol" power hp08 off --yes >/dev/null
check "a making is cut short" cut_short
up=$(boots)
"$bin/ondol" power hp08 on >/dev/null
came_back() { [ "$(boots)" -gt "$up" ]; }
check "the server starts" until_true 400 came_back
check "... and is ready" until_true 300 is_ready
check "it becomes block storage: what nobody can have used is made anew" role storage block
check "... and a key opens it" opens
check "down" "$bin/ondol-twin" down --dir "$twin"
check "nothing stays behind" nothing_stays
finish
