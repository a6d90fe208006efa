#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Tunnels of the cloud over the tunnel network with Open vSwitch's userspace datapath: two
# nodes, each with an Open vSwitch and ondol-netconf of its own, a switch that knows VLANs,
# and a guest on each node, joined by VXLAN as Neutron's agent does it.
# usage: test-netconf-tunnel.sh [BUILD-DIRECTORY]   needs root, openvswitch-switch, python3
set -u

TOP=$(cd "$(dirname "$0")/../.." && pwd)
BIN=${1:-${ONDOL_BIN:-$TOP/build/debug}}
NETCONF=$(realpath "$BIN/ondol-netconf") # nodes are entered at /

# shellcheck source=tests/lib/namespaces.sh
. "$TOP/tests/lib/namespaces.sh"
enter_namespaces 300 "$NETCONF"
mkdir -p $T/www

# start_ovs DIRECTORY PREFIX...: its sockets are DIRECTORY/db.sock and so on
start_ovs() {
	local dir=$1
	shift
	"$@" mkdir -p "$dir" &&
		"$@" ovsdb-tool create "$dir/conf.db" /usr/share/openvswitch/vswitch.ovsschema &&
		"$@" env OVS_RUNDIR="$dir" ovsdb-server "$dir/conf.db" \
			--remote="punix:$dir/db.sock" --pidfile="$dir/ovsdb.pid" \
			--log-file="$dir/ovsdb.log" -vconsole:off --detach --no-chdir 2>$T/err &&
		"$@" env OVS_RUNDIR="$dir" ovs-vswitchd "unix:$dir/db.sock" \
			--pidfile="$dir/vswitchd.pid" --log-file="$dir/vswitchd.log" \
			-vconsole:off --detach --no-chdir 2>$T/err &&
		"$@" ovs-vsctl --db="unix:$dir/db.sock" --no-wait init
}

# tx_checksum_off NAMESPACE INTERFACE: the kernel leaves the checksum of what it sends over a
# veth to the "NIC"; the userspace datapath would send it on as it is
tx_checksum_off() {
	ip netns exec "$1" python3 - "$2" <<-END
	import ctypes, fcntl, socket, struct, sys
	value = ctypes.create_string_buffer(struct.pack("II", 0x17, 0)) # ETHTOOL_STXCSUM
	fcntl.ioctl(socket.socket(), 0x8946, struct.pack("16sP16x", sys.argv[1].encode(),
	    ctypes.addressof(value)))
	END
}

ip netns add sw
ip netns exec sw ip link set lo up
sw_vsctl() { ovs-vsctl --db=unix:/run/swovs/db.sock --timeout=10 "$@"; }
start_ovs /run/swovs ip netns exec sw || { fail "the switch does not start"; close; }
sw_vsctl add-br lab -- set bridge lab datapath_type=netdev

# node I COMMAND...: in the node's network, with its own /run and /var/lib
declare -a holder
node() {
	local i=$1
	shift
	nsenter -t "${holder[$i]}" -m -n -- "$@"
}
guest() {
	local i=$1
	shift
	ip netns exec "g$i" "$@"
}
start_node() {
	local i=$1
	ip netns add "n$i"
	ip netns add "g$i"
	ip link add eth1 netns "n$i" address "94:40:c9:00:0$i:01" type veth \
		peer name "port$i" netns sw
	ip link add tap0 netns "n$i" type veth peer name eth0 netns "g$i"
	ip netns exec sw ip link set "port$i" mtu 9000 up
	sw_vsctl add-port lab "port$i" -- set port "port$i" vlan_mode=native-untagged \
		tag=10 trunks=30
	# shellcheck disable=SC2016
	ip netns exec "n$i" unshare -m sh -c 'mount -t tmpfs tmpfs /run &&
		mount -t tmpfs tmpfs /var/lib && : >/run/is-mounted && exec sleep infinity' &
	holder[i]=$!
	wait_for 10 node "$i" test -e /run/is-mounted || return
	node "$i" ip link set lo up
	start_ovs /run/openvswitch node "$i" || return
	guest "$i" ip link set lo up
	guest "$i" ip address add "192.168.7.$i/24" dev eth0
	guest "$i" ip link set eth0 up
	node "$i" ip link set tap0 up
	tx_checksum_off "g$i" eth0
}
guest_mtu() {
	for i in 1 2; do
		node $i ip link set tap0 mtu "$1"
		guest $i ip link set eth0 mtu "$1"
	done
}

# desired REVISION I NATIVE_VLAN TAGGED_VLAN
desired() {
	cat <<-END
	{"revision": $1, "rack": "dl360", "node": "hp0$2", "role": "compute", "kind": "",
	 "server": "10.77.0.2", "server_port": 8780,
	 "bridges": [{"name": "br-nic1", "uplink": "94:40:c9:00:0$2:01", "mtu": 9000,
	   "native_vlan": $3, "trunks": [$4]}],
	 "ports": [
	  {"name": "provisioning", "bridge": "br-nic1", "vlan": 10, "mtu": 1500,
	   "address": "10.77.0.1$2", "prefix": 24, "gateway": ""},
	  {"name": "tunnel", "bridge": "br-nic1", "vlan": 30, "mtu": 9000,
	   "address": "10.77.30.1$2", "prefix": 24, "gateway": "", "tunnel": true}],
	 "data_disks": [], "peers": [], "ssh_keys": []}
	END
}
apply() { # REVISION I NATIVE TAGGED
	desired "$@" >"$T/d$2.json"
	node "$2" sh -c 'mkdir -p /run/in && cat >/run/in/d.json' <"$T/d$2.json"
	node "$2" "$NETCONF" apply /run/in/d.json --datapath netdev --addresses netlink \
		--confirm none --timeout 20s --json >$T/out 2>&1
}
# The bridges that Neutron's agent makes, and a tunnel to the other node.
join_guest() { # I OTHER
	node "$1" ovs-vsctl --timeout=10 add-br br-int -- set bridge br-int datapath_type=netdev \
		-- add-port br-int tap0 \
		-- add-port br-int patch-tun -- set interface patch-tun type=patch \
			options:peer=patch-int \
		-- add-br br-tun -- set bridge br-tun datapath_type=netdev \
		-- add-port br-tun patch-int -- set interface patch-int type=patch \
			options:peer=patch-tun \
		-- add-port br-tun vxlan-1 -- set interface vxlan-1 type=vxlan options:key=77 \
			options:local_ip="10.77.30.1$1" options:remote_ip="10.77.30.1$2"
}

check() {
	local what=$1
	shift
	if "$@"; then pass "$what"; else fail "$what"; fi
}
not() { ! "$@"; }
pings() { # NODE-OR-GUEST I ADDRESS BYTES
	"$1" "$2" ping -c 3 -i 0.2 -W 2 -M "do" -s "$4" "$3" >$T/out 2>&1 &&
		grep -q ' 0% packet loss' $T/out && ! grep -q 'DUP!' $T/out
}
# A guest's MTU and a tunnel's way reach the datapath a moment later: awaited, then judged. What
# ondol-netconf applied itself must work at once: pings.
carries() { # NODE-OR-GUEST I ADDRESS BYTES
	"$1" "$2" ping -c 1 -W 1 -M "do" -s "$4" "$3"
}
reaches() { wait_for 10 carries "$@" && pings "$@"; }
fetch() {
	guest 2 python3 - <<-'END' >$T/out 2>&1
	import urllib.request
	got = urllib.request.urlopen("http://192.168.7.1:8080/file", timeout=30).read()
	assert got == open("/run/test/www/file", "rb").read()
	END
}

for i in 1 2; do
	start_node $i || { fail "node $i does not start"; close; }
done
head -c 20000000 /dev/urandom >$T/www/file
guest 1 python3 -m http.server --bind 192.168.7.1 8080 --directory $T/www >/dev/null 2>&1 &
wait_for 10 guest 1 bash -c 'exec 3<>/dev/tcp/192.168.7.1/8080'

# test_tunnel WHAT: guests of both nodes speak to each other, in frames of all sizes
test_tunnel() {
	check "$1: nodes reach each other in frames of 9000" pings node 1 10.77.30.12 8972
	check "$1: ... and the other way" pings node 2 10.77.30.11 8972
	guest_mtu 1500
	check "$1: guests with MTU 1500 reach each other" reaches guest 1 192.168.7.2 1472
	check "$1: ... and by TCP" fetch
	guest_mtu 8950
	check "$1: guests with MTU 8950 too" reaches guest 1 192.168.7.2 8922
	check "$1: ... and by TCP" fetch
	guest_mtu 8951
	check "$1: ... with one byte more no more" not pings guest 1 192.168.7.2 8923
	guest_mtu 1500
}

for i in 1 2; do
	check "node $i: apply" apply 1 $i 10 30
	check "node $i: the bridges of the agent" join_guest $i $((3 - i))
done
test_tunnel "tunnel network tagged"
for i in 1 2; do
	check "node $i: nothing changes with them there" apply 1 $i 10 30
	check "node $i: ... really" grep -q '"changed":false' $T/out
done
sw_vsctl set port port1 tag=30 trunks=10 -- set port port2 tag=30 trunks=10
for i in 1 2; do
	check "node $i: apply, the tunnel network untagged" apply 2 $i 30 10
done
test_tunnel "tunnel network untagged"
close
