#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ondol-noded on a node image that really boots (systemd-nspawn): its units over D-Bus, its
# network through ondol-netconf and Open vSwitch, a volume group on a loop device that is
# dressed as an NVMe disk, libvirt's networks, a change of role, drift, an ondold that goes
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
	for tool in systemd-nspawn ip unshare nsenter losetup python3; do
		command -v "$tool" >/dev/null || leave_out "$tool is not installed"
	done
	[ -e "$tree/usr/lib/systemd/systemd" ] ||
		leave_out "no package tree of the core image at $tree; make images"
	for p in ondol-noded ondol-netconf; do
		[ -x "$bin/$p" ] || { notok "$bin/$p is not built"; finish; exit; }
	done
	unshare -n -m -p -f true 2>/dev/null || leave_out "no namespaces here"
	work=$(mktemp -d /tmp/noded-test.XXXXXX)
	ONDOL_TEST_INSIDE=$work timeout -k 10 --foreground 280 \
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
ip link add srv1 type veth peer name eth1 netns node
ip link add srv2 type veth peer name eth2 netns node
for i in 1 2; do
	ip -n node link set eth$i address 94:40:c9:00:02:0$i
	ip link set srv$i mtu 9000 up
done
ip address add 10.77.0.2/24 dev srv1

# A disk with a name, a serial and a WWN: a loop device under another name, and the little
# of sysfs that is read of it.
truncate -s 256M "$work/disk"
loop=$(losetup --show -f "$work/disk") || leave_out "no loop devices here"
minor=$(stat -c %T "$loop")
sys=$work/ram/block
mkdir -p "$sys/nvme0n1/device"
echo 524288 >"$sys/nvme0n1/size"
echo "D1" >"$sys/nvme0n1/device/serial"
echo "eui.0025385A71B0AF02" >"$sys/nvme0n1/wwid"

# desired REVISION ROLE KIND [EXTRA-KEYS]
desired() {
	cat >"$www/desired.new" <<-END
		{"revision": $1, "rack": "dl360", "node": "hp02", "role": "$2", "kind": "$3",
		 "server": "10.77.0.2", "server_port": 8780, ${4:-}
		 "bridges": [
		  {"name": "br-nic1", "uplink": "94:40:c9:00:02:01", "mtu": 1500, "native_vlan": 10, "trunks": [20]},
		  {"name": "br-nic2", "uplink": "94:40:c9:00:02:02", "mtu": 9000, "native_vlan": 0, "trunks": [30, 40]}],
		 "ports": [
		  {"name": "provisioning", "bridge": "br-nic1", "vlan": 10, "mtu": 1500, "address": "10.77.0.12", "prefix": 24, "gateway": ""},
		  {"name": "management", "bridge": "br-nic1", "vlan": 20, "mtu": 1500, "address": "10.77.20.12", "prefix": 24, "gateway": ""},
		  {"name": "tunnel", "bridge": "br-nic2", "vlan": 30, "mtu": 9000, "address": "10.77.30.12", "prefix": 24, "gateway": ""},
		  {"name": "storage", "bridge": "br-nic2", "vlan": 40, "mtu": 9000, "address": "10.77.40.12", "prefix": 24, "gateway": ""}],
		 "data_disks": [{"serial": "D1", "wwn": "0025385a71b0af02", "size_bytes": 268435456}],
		 "peers": [{"name": "hp01", "role": "controller", "kind": "", "management": "10.77.20.11"},
		  {"name": "hp02", "role": "$2", "kind": "$3", "management": "10.77.20.12"}],
		 "ssh_keys": ["ssh-ed25519 AAAA tester"]}
	END
	mv "$www/desired.new" "$www/desired.json"
}

mkdir -p "$root/etc/ondol" "$root/usr/share/ondol/roles" "$root/usr/lib/ondol"
install -m 755 "$bin/ondol-noded" "$bin/ondol-netconf" "$root/usr/sbin/"
install -m 644 "$TOP"/roles/*.ini "$root/usr/share/ondol/roles/"
install -m 644 "$TOP/nodeagent/ondol-noded.service" "$root/usr/lib/systemd/system/"
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -sf /usr/lib/systemd/system/ondol-noded.service \
	"$root/etc/systemd/system/multi-user.target.wants/"
for u in systemd-networkd.service; do
	ln -sf "/usr/lib/systemd/system/$u" "$root/etc/systemd/system/multi-user.target.wants/"
done
# libc's sanitizers are not in the image.
for lib in libasan.so.8 libubsan.so.1; do
	for dir in /usr/lib/x86_64-linux-gnu; do
		[ -e "$dir/$lib" ] && cp -L "$dir/$lib" "$root/usr/lib/x86_64-linux-gnu/"
	done
done
(
	umask 077
	printf '[node]\nname = hp02\nserver = 10.77.0.2:8780\ntoken = %s\nimage = test-1\n' \
		0123456789abcdef0123456789abcdef >"$root/etc/ondol/node.ini"
)
desired 1 storage block
cp "$www/desired.json" "$root/etc/ondol/desired.json"
mkdir -p "$root/etc/systemd/system/ondol-noded.service.d"
printf '[Service]\nEnvironment=ONDOL_LOG=debug ASAN_OPTIONS=detect_leaks=0\n' \
	>"$root/etc/systemd/system/ondol-noded.service.d/test.conf"

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
}

# ---- boot ----

systemd-nspawn --quiet --directory="$root" --keep-unit --register=no --machine=hp02 \
	--network-namespace-path=/run/netns/node --capability=all --resolv-conf=off \
	--bind=/dev/net/tun --bind="$sys:/sys/block" --boot \
	</dev/null >"$work/console.log" 2>&1 &
nspawn=$!
node_init() { pgrep -P "$nspawn" | head -n 1; }
within 20 node_init
init=$(node_init)
on() { nsenter -t "$init" -m -u -i -n -p -- "$@"; }

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
