#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ondol-noded on a node image that really boots (systemd-nspawn): its units over D-Bus, its
# network through ondol-netconf and Open vSwitch, a volume group and an XFS on a loop device
# that is dressed as an NVMe disk, libvirt's networks, a change of role, drift, an ondold that goes
# away. The guest proof needs a hypervisor and is the twin's.
# usage: test-noded.sh [BUILD-DIRECTORY]     needs root and `make images` (the package tree)
set -u
TOP=$(cd "$(dirname "$0")/../.." && pwd)
. "$TOP/tests/lib/lib.sh"
build=${BUILD:-$TOP/build}
bin=${1:-$build/debug}
tree=${ONDOL_TREE:-$TOP/build/shared/images/core/tree}
PATH=$PATH:/usr/sbin:/sbin

leave_out() { # everything is skipped, for a reason
	skip "ondol-noded on a node: $*"
	finish
	exit
}

# ---- outside: check what is needed, then go into namespaces ----

if [ -z "${ONDOL_TEST_INSIDE:-}" ]; then
	[ "$(id -u)" = 0 ] || leave_out "needs root"
	for tool in systemd-nspawn ip unshare nsenter losetup python3 openssl; do
		command -v "$tool" >/dev/null || leave_out "$tool is not installed"
	done
	[ -e "$tree/usr/lib/systemd/systemd" ] ||
		leave_out "no package tree of the core image at $tree; make images"
	for p in ondol-noded ondol-netconf; do
		[ -x "$bin/$p" ] || { notok "$bin/$p is not built"; finish; exit; }
	done
	unshare -n -m -p -f true 2>/dev/null || leave_out "no namespaces here"
	work=$(mktemp -d /tmp/noded-test.XXXXXX)
	# told to end, it still takes the loop device away when what runs inside has ended
	trap : INT TERM
	ONDOL_TEST_INSIDE=$work timeout -k 10 --foreground 600 \
		unshare -n -m -p -f --kill-child --mount-proc sh "$0" "$bin"
	status=$?
	for l in $(losetup -j "$work/disk" -O NAME -n 2>/dev/null); do losetup -d "$l"; done
	rm -rf "$work"
	exit $status
fi

# ---- inside: the node's tree under an overlay, a cable to the server ----

work=$ONDOL_TEST_INSIDE
root=$work/root
www=$work/www
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p "$root" "$www" "$work/ram"
mount -t tmpfs tmpfs "$work/ram"
mkdir -p "$work/ram/up" "$work/ram/work"
mount -t overlay overlay -o "lowerdir=$tree,upperdir=$work/ram/up,workdir=$work/ram/work" "$root" ||
	leave_out "no overlay file system here"

ip link set lo up
ip netns add node
for i in 1 2; do
	ip link add srv$i type veth peer name eth$i netns node
	ip -n node link set eth$i address 94:40:c9:00:02:0$i
	ip link set srv$i mtu 9000 up
done
ip -n node link set lo up
ip address add 10.77.0.2/24 dev srv1

# A disk with a name, a serial and a WWN: a loop device under another name, and the little
# of sysfs that is read of it.
truncate -s 512M "$work/disk"
loop=$(losetup --show -f "$work/disk") || leave_out "no loop devices here"
minor=$(stat -c %T "$loop")
sys=$work/ram/block
mkdir -p "$sys/nvme0n1/device"
echo 1048576 >"$sys/nvme0n1/size"
echo "D1" >"$sys/nvme0n1/device/serial"
echo "eui.0025385A71B0AF02" >"$sys/nvme0n1/wwid"

# desired REVISION ROLE KIND [EXTRA-KEYS]
desired() {
	cat >"$www/desired.new" <<-END
		{"revision": $1, "rack": "dl360", "node": "hp02", "role": "$2", "kind": "$3",
		 "server": "10.77.0.2", "server_port": 8781, ${4:-}
		 "bridges": [
		  {"name": "br-nic1", "uplink": "94:40:c9:00:02:01", "mtu": 1500, "native_vlan": 10, "trunks": [20]},
		  {"name": "br-nic2", "uplink": "94:40:c9:00:02:02", "mtu": 9000, "native_vlan": 0, "trunks": [30, 40]}],
		 "ports": [
		  {"name": "provisioning", "bridge": "br-nic1", "vlan": 10, "mtu": 1500, "address": "10.77.0.12", "prefix": 24, "gateway": ""},
		  {"name": "management", "bridge": "br-nic1", "vlan": 20, "mtu": 1500, "address": "10.77.20.12", "prefix": 24, "gateway": ""},
		  {"name": "tunnel", "bridge": "br-nic2", "vlan": 30, "mtu": 9000, "address": "10.77.30.12", "prefix": 24, "gateway": ""},
		  {"name": "storage", "bridge": "br-nic2", "vlan": 40, "mtu": 9000, "address": "10.77.40.12", "prefix": 24, "gateway": ""}],
		 "data_disks": [{"serial": "D1", "wwn": "0025385a71b0af02", "size_bytes": 536870912}],
		 "peers": [{"name": "hp01", "role": "controller", "kind": "", "management": "10.77.20.11"},
		  {"name": "hp02", "role": "$2", "kind": "$3", "management": "10.77.20.12"}],
		 "ssh_keys": ["ssh-ed25519 AAAA tester"]}
	END
	mv "$www/desired.new" "$www/desired.json"
}

mkdir -p "$root/etc/ondol" "$root/usr/share/ondol/roles" "$root/usr/lib/ondol"
install -m 755 "$bin/ondol-noded" "$bin/ondol-netconf" "$root/usr/sbin/"
install -m 644 "$TOP"/roles/*.ini "$root/usr/share/ondol/roles/"
# An object node's disks, whatever else the shipped role does.
sed -i 's|^data = lvm:swift-objects|data = xfs:/srv/node\nneed = network units data-mounts|' \
	"$root/usr/share/ondol/roles/storage.ini"
install -m 644 "$TOP/nodeagent/ondol-noded.service" "$root/usr/lib/systemd/system/"
cp -r "$TOP/images/rootfs/." "$root/"
systemctl --root="$root" --quiet preset-all 2>/dev/null
systemctl --root="$root" --quiet mask ssh.service systemd-timesyncd.service
# libc's sanitizers are not in the image.
libs=/usr/lib/x86_64-linux-gnu
for lib in libasan.so.8 libubsan.so.1; do
	[ ! -e "$libs/$lib" ] || cp -L "$libs/$lib" "$root$libs/"
done
(
	umask 077
	printf '[node]\nname = hp02\nserver = 10.77.0.2:8781\nimage = test-1\n' >"$root/etc/ondol/node.ini"
	# soon at its end: it is to be renewed at once
	python3 "$TOP/tests/root/noded-ondold.py" "$www" keys 10
	cp "$www/ca.pem" "$www/node.pem" "$root/etc/ondol/"
	chmod 600 "$root/etc/ondol/node.pem"
)
desired 1 storage block
cp "$www/desired.json" "$root/etc/ondol/desired.json"
mkdir -p "$root/etc/systemd/system/ondol-noded.service.d"
# A container gives libvirt no control groups to make.
printf 'cgroup_controllers = []\nnamespaces = []\nsecurity_driver = "none"\nuser = "root"\n' \
	>>"$root/etc/libvirt/qemu.conf"
# Everything that the test does not need would only make it slower.
printf '[Service]\nRestartSec=1\n' >"$root/etc/systemd/system/ondol-noded.service.d/test.conf"

python3 "$TOP/tests/root/noded-ondold.py" "$www" >"$work/server.log" 2>&1 &

mkfifo "$work/never"
# within SECONDS COMMAND...: it succeeds, looked at five times a second
within() {
	_end=$(($(date +%s) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt $_end ] || return 1
		timeout 0.2 cat <>"$work/never"
	done
	return 0
}

# ---- boot ----

set --
[ ! -e /dev/kvm ] || set -- --bind=/dev/kvm
nsenter --net=/run/netns/node systemd-nspawn --quiet --directory="$root" --keep-unit --register=no --machine=hp02 \
	--network-namespace-path=/run/netns/node --capability=all --resolv-conf=off \
	--bind=/dev/net/tun "$@" \
	--bind="$sys:/sys/block" --boot \
	</dev/null >"$work/console.log" 2>&1 &
nspawn=$!
# the node's init, and not the child that prepares for it and ends
node_init() { pgrep -P "$nspawn" -x systemd; }
within 20 node_init || {
	notok "the node boots: $(cat "$work/console.log")"
	finish
	exit
}
init=$(node_init)
on() { nsenter -t "$init" -m -u -i -n -p -- "$@"; }

quiet() { "$@" >/dev/null 2>&1; }
# report EXPRESSION: of the last report r, in Python
report() {
	python3 - "$www/report.json" "$1" <<-'END'
		import json, sys
		r = json.load(open(sys.argv[1]))
		p = {x["name"]: x for x in r["proofs"]}
		sys.exit(0 if eval(sys.argv[2]) else 1)
	END
}
event() { grep -q "$1" "$www/events" 2>/dev/null; }
explain() {
	echo "--- the last report:"
	cat "$www/report.json"
	echo
	echo "--- events:"
	tail -n 15 "$www/events"
	echo "--- journal:"
	on journalctl -b -u ondol-noded --no-pager -o cat | grep -v 'proof .* holds' | tail -n 40
}
# expect NAME SECONDS EXPRESSION
expect() {
	if within "$2" report "$3"; then
		ok "$1"
	else
		notok "$1"
		explain
	fi
}

# The disk under its other name, where the node's /dev is.
within 20 on test -d /run/systemd/system
on mknod -m 600 /dev/nvme0n1 b 7 "$((0x$minor))"
kvm=no
[ ! -e /dev/kvm ] || kvm=yes
holds() { # holds PROOF...: as an expression
	for _p in "$@"; do printf 'p["%s"]["ok"] and ' "$_p"; done
	echo True
}

# ---- first start: a storage node ----

expect "a storage node becomes ready from its first desired state" 60 \
	'r["revision"] == 1 and r["ready"] and r["image"] == "test-1"'
check "the volume group is there" quiet on vgs cinder-volumes
check "on the disk with the right serial" \
	on sh -c 'pvs --noheadings -o pv_name,vg_name 2>/dev/null | grep -q "/dev/nvme0n1 *cinder-volumes"'
check "the node has its name" test "$(on hostname)" = hp02
check "it knows its peers" on grep -q '^10.77.20.11.hp01$' /etc/hosts
check "it keeps its own hosts" on grep -q localhost /etc/hosts
check "root's keys are there" on grep -q 'AAAA tester' /root/.ssh/authorized_keys
check "events came in order" event '"noded.up"'
check "they are in its journal, with their fields" on sh -c \
	"journalctl -b ONDOL_NODE=hp02 ONDOL_EVENT=noded.up ONDOL_SOURCE=noded -o cat | grep -q 'is up'"
check "status says so" on sh -c 'ondol-noded status | grep -q "storage block, revision 1, ready"'
check "prove says so" on sh -c 'ondol-noded prove --json 2>/dev/null | grep -q "\"volume-group\""'
check "the role's unit is enabled" quiet on systemctl is-enabled lvm2-monitor.service

# ---- drift ----

on systemctl stop lvm2-monitor.service
expect "a stopped unit is noticed and named" 10 \
	'not r["ready"] and "lvm2-monitor.service is inactive" in p["units"]["text"]'
expect "and started again" 40 'r["ready"]'

# ---- systemd leaves the bus while a unit starts ----

on mkfifo /run/go
on mkdir -p /run/systemd/system/lvm2-monitor.service.d
on sh -c 'printf "[Service]\nExecStartPre=/bin/sh -c \"read x </run/go\"\n" >/run/systemd/system/lvm2-monitor.service.d/slow.conf'
on systemctl daemon-reload
on systemctl stop lvm2-monitor.service
starts() { [ "$(on systemctl show -P ActiveState lvm2-monitor.service)" = activating ]; }
check "a unit that takes its time is started" within 60 starts
on systemctl daemon-reexec
logged() { on journalctl -b -u ondol-noded --no-pager -o cat | grep -q "$1"; }
check "that systemd was away is noticed" within 20 logged 'systemd is back on the bus'
rm -f "$www/report.json"
on sh -c 'echo >/run/go'
expect "what it was asked for before is seen through" 40 'r["ready"]'
on rm -r /run/systemd/system/lvm2-monitor.service.d
on systemctl daemon-reload
on systemctl stop lvm2-monitor.service
expect "and its units are watched as before" 10 \
	'not r["ready"] and "lvm2-monitor.service is inactive" in p["units"]["text"]'
expect "so that they are started again" 60 'r["ready"]'

# ---- ondold goes away ----

touch "$www/silent"
noded_pid() { on systemctl show -P MainPID ondol-noded.service; }
killed=$(noded_pid)
on systemctl kill -s KILL ondol-noded.service
# it is still "active" until systemd has seen its end
back() { [ "$(noded_pid)" != "$killed" ] && quiet on systemctl is-active ondol-noded.service; }
check "without ondold the daemon comes back" within 15 back
check "and the node keeps its network" quiet on ip -4 address show dev storage
rm -f "$www/report.json" "$www/silent"
expect "when ondold is back, it is ready within seconds" 30 'r["ready"]'
touch "$www/apart"
on systemctl restart ondol-noded.service
rm -f "$www/report.json"
expect "an ondold that takes no report with a question gets them one by one" 30 'r["ready"]'
rm -f "$www/report.json"
expect "and heartbeats go on" 20 'r["ready"]'
rm -f "$www/apart" "$www/both"
on systemctl restart ondol-noded.service
check "another takes both in one" within 30 [ -e "$www/both" ]

# ---- documents of no use ----

cp "$root/etc/ondol/desired.json" "$work/before.json"
printf '{"revision": 2, "role": ' >"$www/desired.json"
check "a broken document is refused in words" within 10 event 'is of no use'
desired 2 storage block
sed -i 's/"node": "hp02"/"node": "hp03"/' "$www/desired.json"
check "one for another node too" within 20 event 'for node hp03'
check "neither replaced the one held" cmp "$root/etc/ondol/desired.json" "$work/before.json"
desired 3 quantum ""
expect "an unknown role is a proof that fails, and says which there are" 30 \
	'r["revision"] == 3 and not r["ready"] and "controller" in p["role"]["text"]'
check "and the old role stays" quiet on vgs cinder-volumes

# ---- a disk with somebody's data ----

desired 4 storage object '"x-note": 1,'
expect "another kind takes the empty group's disk" 40 \
	'r["revision"] == 4 and r["ready"] and "d1 " in p["data-mounts"]["text"]'
check "with a file system in its place" quiet on mountpoint /srv/node/d1
check "and says that the old group went" event 'cinder-volumes was empty'
on umount /srv/node/d1
check "an unmounted data disk is mounted again" within 90 on mountpoint /srv/node/d1
uuid=$(on blkid -p -s UUID -o value /dev/nvme0n1)
on systemctl stop ondol-noded.service
on sh -c 'umount /srv/node/d1; mkfs.ext4 -q -F -L mine /dev/nvme0n1' >/dev/null 2>&1
on systemctl start ondol-noded.service
expect "a foreign file system is refused and named" 40 \
	'not r["ready"] and "ext4 (label mine)" in p["role"]["text"] and "D1" in p["role"]["text"]'
check "it is still there" on sh -c 'blkid -p /dev/nvme0n1 | grep -q mine'
check "the first time is told as a warning" event 'label mine.*it is tried once more'
check "the second as a failure" within 60 event '"noded.failed".*label mine'
on sh -c "wipefs -qa /dev/nvme0n1 && mkfs.xfs -q -f -L ondol-d1 -m uuid=$uuid /dev/nvme0n1"
expect "after what the refusal advises it is ready" 75 'r["ready"]'

# ---- compute: libvirt's networks ----

desired 5 compute ""
check "a data disk without objects is given back blank" within 60 event 'held no object and is blank'
if [ $kvm = yes ]; then
	expect "the node becomes a compute node" 90 \
		"r['revision'] == 5 and $(holds network units kvm) and 'role' not in p"
else
	skip "kvm: no /dev/kvm here"
	expect "without KVM the reason is said" 60 \
		'r["revision"] == 5 and ("BIOS" in p["role"]["text"] or "kvm" in p["role"]["text"])'
fi
virsh() { on virsh -q -c qemu:///system "$@"; }
if [ $kvm = yes ]; then
	check "its networks are active" sh -c "nsenter -t $init -m -u -i -n -p virsh -q -c \
		qemu:///system net-list | grep -c -E '^ *(tunnel|storage) +active +yes' | grep -qx 2"
	check "on the right bridge and VLAN" on sh -c 'virsh -q -c qemu:///system net-dumpxml storage |
		tr -d "\n" | grep -q "br-nic2.*tag id=.40.*openvswitch\|br-nic2.*openvswitch.*tag id=.40."'
	# Whatever else is there is not ours.
	on sh -c 'printf "<network><name>theirs</name><forward mode=\"bridge\"/><bridge name=\"br-nic1\"/></network>" >/run/n.xml'
	virsh net-define /run/n.xml >/dev/null
	virsh net-destroy storage >/dev/null
	expect "a stopped network is noticed" 75 \
		'"libvirt" in p and not p["libvirt"]["ok"]'
	check "and started again" within 60 \
		on sh -c 'virsh -q -c qemu:///system net-list | grep -q storage'
fi

# A machine that nobody declared has the address that the probe guest would take first.
on ovs-vsctl --timeout=10 add-port br-nic2 thief tag=40 -- set interface thief type=internal
within 10 on ip link set thief up
on ip address add 10.77.40.253/32 dev thief
guest=$(on ondol-noded work guest 2>&1)
case $guest in
*"10.77.40.253 is taken on storage"*"guest 10.77.40.251 on storage"*)
	ok "the probe guest takes nobody's address" ;;
*) notok "the probe guest takes nobody's address: $guest" ;;
esac
on ovs-vsctl --timeout=10 del-port thief

# ---- a machine runs: the role is kept ----

on sh -c 'cat >/run/vm.xml' <<-END
	<domain type="qemu"><name>web1</name><memory unit="MiB">64</memory>
	<os><type arch="x86_64" machine="pc">hvm</type></os><devices>
	<controller type="usb" model="none"/><video><model type="none"/></video>
	<memballoon model="none"/></devices></domain>
END
if [ $kvm = yes ] && virsh create --paused /run/vm.xml >"$work/vm.log" 2>&1; then
	desired 6 storage block
	expect "a node with a machine keeps its role and names the machine" 40 \
		'r["revision"] == 6 and not r["ready"] and "web1" in p["role"]["text"]'
	check "libvirt still runs" quiet on systemctl is-active libvirtd.service
	virsh destroy web1 >/dev/null
	expect "with the machine gone, the role changes" 75 'r["revision"] == 6 and r["ready"]'
	check "libvirt's units are stopped" on sh -c '! systemctl is-active -q libvirtd.service libvirtd.socket'
	check "and disabled" on sh -c '! systemctl is-enabled -q libvirtd.service'
	check "its networks are gone" on sh -c '! test -e /etc/libvirt/qemu/networks/storage.xml'
	check "and other people's are not" on test -e /etc/libvirt/qemu/networks/theirs.xml
else
	skip "a machine that runs: libvirt starts none here: $(tail -n 1 "$work/vm.log" 2>/dev/null)"
fi

# ---- a task, and the end ----

desired 7 controller ""
expect "a controller is ready by network and units" 40 'r["revision"] == 7 and r["ready"]'
desired 7 controller "" '"task": {"id": 41, "type": "prove"},'
expect "a task is answered with its proofs" 30 \
	'r["task"] and r["task"]["id"] == 41 and r["task"]["ok"] and len(r["task"]["proofs"]) == 2'
never() { # never NAME EXPRESSION: of no report r
	if python3 - "$www/reports" "$2" <<-'END'
		import json, sys
		for line in open(sys.argv[1]):
		    r = json.loads(line)
		    p = {x["name"]: x for x in r["proofs"]}
		    if eval(sys.argv[2]):
		        sys.exit(line)
	END
	then ok "$1"; else notok "$1"; fi
}
never "no report was ready with the old role's proofs" \
	'r["ready"] and r["revision"] == 4 and "data-mounts" not in p'
never "no report was ready with a proof that fails" \
	'r["ready"] and not all(x["ok"] for x in r["proofs"])'
never "no report was ready without proofs" 'r["ready"] and len(p) < 2'
on systemctl stop ondol-noded.service
check "it ends cleanly" test "$(on systemctl show -P Result ondol-noded.service)" = success
on journalctl -b -u ondol-noded --no-pager -o cat >"$work/journal"
if grep -q 'Sanitizer\|runtime error' "$work/journal"; then
	notok "no sanitizer complained"
	grep -A 12 'Sanitizer\|runtime error' "$work/journal"
else
	ok "no sanitizer complained"
fi
openssl pkey -in "$root/etc/ondol/node.pem" -pubout -out "$work/pub"
# the private keys: the first, and the one that it made itself
python3 - "$work/planted.json" "$www/node.key" "$root/etc/ondol/node.pem" <<-'END'
	import json, sys
	json.dump({path: open(path).read() for path in sys.argv[2:]}, open(sys.argv[1], "w"))
END
check "its keys are in no log, no report and no event" python3 "$TOP/tests/lib/planted.py" "$work/planted.json" \
	"$work/journal" "$work/console.log" "$www/events" "$www/reports" "$root/var/lib/ondol" "$root/run/ondol"
check "they would be found" sh -c \
	"! python3 '$TOP/tests/lib/planted.py' '$work/planted.json' '$root/etc/ondol/node.pem' >/dev/null"
check "its certificate was renewed, and the new one used" test "$(wc -l <"$www/clients")" = 2
check "and kept for itself" test "$(stat -c %a "$root/etc/ondol/node.pem")" = 600
check "with the key that belongs to it" sh -c "openssl x509 -in '$root/etc/ondol/node.pem' -noout -pubkey |
	cmp -s - '$work/pub'"
[ -z "${KEEP_JOURNAL:-}" ] || cp "$work/journal" "$KEEP_JOURNAL"
kill "$nspawn"
finish
