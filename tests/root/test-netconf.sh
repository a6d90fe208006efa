#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ondol-netconf against real Open vSwitch, in namespaces of its own: a node with two NICs,
# and a switch (a second Open vSwitch) that knows VLANs, with the server behind it.
# Everything is done twice: addresses by systemd-networkd, and by rtnetlink.
# usage: test-netconf.sh [BUILD-DIRECTORY]        needs root, openvswitch-switch, python3
set -u

TOP=$(cd "$(dirname "$0")/../.." && pwd)
BIN=${1:-${ONDOL_BIN:-$TOP/build/debug}}
NETCONF=$BIN/ondol-netconf

# shellcheck source=tests/lib/namespaces.sh
. "$TOP/tests/lib/namespaces.sh"
enter_namespaces 600 "$NETCONF"

# ---- a private /var/lib and /etc/systemd, a switch and a node ----

mount -t tmpfs tmpfs /var/lib
mount -t tmpfs tmpfs /etc/systemd
mount -t sysfs -o ro sysfs /sys
mkdir -p /run/dbus /run/openvswitch /run/systemd

# start_ovs DIRECTORY [PREFIX...]: its sockets are DIRECTORY/db.sock and so on
start_ovs() {
	local dir=$1
	shift
	mkdir -p "$dir"
	[ -e "$dir/conf.db" ] || ovsdb-tool create "$dir/conf.db" \
		/usr/share/openvswitch/vswitch.ovsschema
	OVS_RUNDIR=$dir "$@" ovsdb-server "$dir/conf.db" --remote="punix:$dir/db.sock" \
		--pidfile="$dir/ovsdb.pid" --log-file="$dir/ovsdb.log" -vconsole:off --detach \
		--no-chdir || return
	start_vswitchd "$dir" "$@"
}
start_vswitchd() {
	local dir=$1
	shift
	OVS_RUNDIR=$dir "$@" ovs-vswitchd "unix:$dir/db.sock" --pidfile="$dir/vswitchd.pid" \
		--log-file="$dir/vswitchd.log" -vconsole:off --detach --no-chdir &&
		ovs-vsctl --db="unix:$dir/db.sock" --no-wait init
}
sw() { ip netns exec sw "$@"; }
sw_vsctl() { ovs-vsctl --db=unix:/run/swovs/db.sock --timeout=10 "$@"; }
vsctl() { ovs-vsctl --timeout=10 "$@"; }

ip netns add sw
sw ip link set lo up
MAC1=94:40:c9:00:02:01
MAC2=94:40:c9:00:02:02
for i in 1 2; do
	ip link add eth$i type veth peer name port$i netns sw
	ip link set eth$i address 94:40:c9:00:02:0$i
	sw ip link set port$i mtu 9000 up
done
ip link set eth0 down 2>/dev/null

mkdir -p /run/swovs
start_ovs /run/swovs ip netns exec sw || { fail "the switch does not start"; close; }
sw_vsctl add-br lab -- set bridge lab datapath_type=netdev \
	-- add-port lab port1 -- set port port1 vlan_mode=native-untagged tag=10 trunks=20,25 \
	-- add-port lab port2 -- set port port2 vlan_mode=trunk trunks=30,40,50 \
	-- add-port lab srv10 -- set port srv10 tag=10 -- set interface srv10 type=internal \
	-- add-port lab srv20 -- set port srv20 tag=20 -- set interface srv20 type=internal \
	-- add-port lab srv25 -- set port srv25 tag=25 -- set interface srv25 type=internal \
	-- add-port lab srv50 -- set port srv50 tag=50 -- set interface srv50 type=internal \
	-- add-port lab srv30 -- set port srv30 tag=30 -- set interface srv30 type=internal \
		mtu_request=9000 \
	-- add-port lab srv40 -- set port srv40 tag=40 -- set interface srv40 type=internal \
		mtu_request=9000 || { fail "the switch's bridge"; close; }
for n in 10:0 20:20 25:25 30:30 40:40 50:50; do
	sw ip address add 10.77.${n#*:}.2/24 dev srv${n%:*}
	sw ip link set srv${n%:*} up
done

server_pid=
server_up() {
	ip netns exec sw python3 -m http.server --bind 10.77.0.2 8780 --directory $T/www >/dev/null 2>&1 &
	server_pid=$!
	wait_for 10 sw bash -c 'exec 3<>/dev/tcp/10.77.0.2/8780'
}
server_down() {
	[ -n "$server_pid" ] && kill "$server_pid" && wait "$server_pid" 2>/dev/null
	server_pid=
}
mkdir -p $T/www

start_bus() {
	cat >$T/bus.conf <<-END
		<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
		 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
		<busconfig><type>system</type>
		<listen>unix:path=/run/dbus/system_bus_socket</listen><auth>EXTERNAL</auth>
		<policy context="default"><allow user="*"/><allow own="*"/>
		<allow send_type="method_call"/><allow send_type="signal"/>
		<allow send_requested_reply="true"/><allow receive_type="method_call"/>
		<allow receive_type="signal"/><allow receive_requested_reply="true"/></policy>
		</busconfig>
	END
	dbus-daemon --config-file=$T/bus.conf --fork --print-pid >$T/bus.pid
}
on_bus() {
	dbus-send --system --print-reply --dest=org.freedesktop.DBus /org/freedesktop/DBus \
		org.freedesktop.DBus.NameHasOwner string:org.freedesktop.network1 |
		grep -q 'boolean true'
}
networkd_pid=
start_networkd() {
	[ -x /lib/systemd/systemd-networkd ] && command -v dbus-daemon >/dev/null || return
	start_bus || return
	SYSTEMD_LOG_TARGET=console /lib/systemd/systemd-networkd >$T/networkd.log 2>&1 &
	networkd_pid=$!
	wait_for 10 on_bus
}
stop_networkd() {
	kill $networkd_pid && wait $networkd_pid 2>/dev/null
	kill "$(cat $T/bus.pid)"
	rm -f /run/dbus/system_bus_socket
}

# ---- desired states ----

# desired REVISION MGMT_VLAN WITH_STORAGE(0|1) [SERVER] [GATEWAY]
desired() {
	local storage=
	[ "$3" = 1 ] && storage=', {"name": "storage", "bridge": "br-nic2", "vlan": 40, "mtu": 9000,
		"address": "10.77.40.12", "prefix": 24, "gateway": ""}'
	cat <<-END
	{"revision": $1, "rack": "dl360", "node": "hp02", "role": "compute", "kind": "",
	 "server": "${4:-10.77.0.2}", "server_port": 8780,
	 "bridges": [
	  {"name": "br-nic1", "uplink": "$MAC1", "mtu": 1500, "native_vlan": 10, "trunks": [$2]},
	  {"name": "br-nic2", "uplink": "$MAC2", "mtu": 9000, "native_vlan": 0, "trunks": [40, 30]}],
	 "ports": [
	  {"name": "provisioning", "bridge": "br-nic1", "vlan": 10, "mtu": 1500,
	   "address": "10.77.0.12", "prefix": 24, "gateway": "${5:-}"},
	  {"name": "management", "bridge": "br-nic1", "vlan": $2, "mtu": 1500,
	   "address": "10.77.$2.12", "prefix": 24, "gateway": ""}$storage],
	 "data_disks": [], "peers": [], "ssh_keys": []}
	END
}
# desired_shares REVISION: the external network as one with an address, as a block storage has it
desired_shares() {
	desired "$1" 20 1 | sed 's/"trunks": \[40, 30\]/"trunks": [40, 30, 50]/
		s/{"name": "storage"/{"name": "external", "bridge": "br-nic2", "vlan": 50, "mtu": 1500,\
		"address": "10.77.50.12", "prefix": 24, "gateway": ""}, &/'
}
# desired_cloud REVISION TUNNEL(true|false) EXTERNAL_VLAN(0: none): with the networks that a
# cloud needs
desired_cloud() {
	local provider=
	[ "$3" = 0 ] || provider="{\"name\": \"external\", \"bridge\": \"br-nic2\", \"vlan\": $3}"
	desired "$1" 20 1 | sed 's/"trunks": \[40, 30\]/"trunks": [40, 30, 50]/
		s/^ "data_disks"/ "providers": ['"$provider"'],&/
		s/"name": "storage"/"name": "tunnel", "bridge": "br-nic2", "vlan": 30, "mtu": 9000,\
		"address": "10.77.30.12", "prefix": 24, "gateway": "", "tunnel": '"$2"'}, {&/'
}
run() { "$NETCONF" "$@" >$T/out 2>$T/err; }
apply() { run apply "$@" --datapath netdev --json; }
said() { grep -q -- "$1" $T/out; }
# expect WHAT STATUS COMMAND...
expect() {
	local what=$1 want=$2 got
	shift 2
	"$@"
	got=$?
	if [ $got = "$want" ]; then pass "$what"; else fail "$what: status $got, expected $want"; fi
}
check() {
	local what=$1
	shift
	if "$@"; then pass "$what"; else fail "$what"; fi
}
not() { ! "$@"; }
has_address() { ip -o -4 address show dev "$1" | grep -q "inet $2 "; }
has_no_address() { ! ip -o -4 address show dev "$1" | grep -q inet; }
port_is() { [ "$(vsctl get port "$1" "$2" | tr -d '" ')" = "$3" ]; }
mtu_is() { [ "$(cat "/sys/class/net/$1/mtu")" = "$2" ]; }
reaches() { ping -c 1 -W 2 "$@" >$T/out 2>&1; }
brings_once() { reaches -c 3 -i 0.2 "$1" && ! grep -q DUP $T/out; }
db_dump() {
	ovsdb-client dump unix:/run/openvswitch/db.sock Bridge name datapath_type external_ids
	ovsdb-client dump unix:/run/openvswitch/db.sock Port name tag trunks vlan_mode external_ids
	ovsdb-client dump unix:/run/openvswitch/db.sock Interface name type mtu_request mac
	ovsdb-client dump unix:/run/openvswitch/db.sock Open_vSwitch Open_vSwitch next_cfg
}
state_dump() { db_dump; ls -l --full-time /run/systemd/network; ip -4 -br address; }

# The userspace datapath leaves its taps behind when ovs-vswitchd ends.
drop_taps() {
	for d in /sys/class/net/*/tun_flags; do
		[ -e "$d" ] && ip link delete "$(basename "$(dirname "$d")")"
	done
}
node_reset() {
	for p in vswitchd ovsdb; do
		[ -e /run/openvswitch/$p.pid ] && kill "$(cat /run/openvswitch/$p.pid)"
		wait_for 10 test ! -e /run/openvswitch/$p.pid
	done
	drop_taps
	rm -rf /run/openvswitch /run/ondol /var/lib/ondol /run/systemd/network
	for i in 1 2; do
		ip address flush dev eth$i
		ip link set eth$i down mtu 1500
	done
	start_ovs /run/openvswitch env
}
foreign_bridge() {
	vsctl add-br hand -- set bridge hand datapath_type=netdev -- add-port hand hand0 \
		-- set interface hand0 type=internal -- add-br br-int -- set bridge br-int \
		datapath_type=netdev fail_mode=secure
}
foreign_is_there() {
	[ "$(vsctl list-ports hand)" = hand0 ] && vsctl br-exists br-int &&
		[ "$(vsctl get-fail-mode br-int)" = secure ]
}

# ---- the tests ----

test_garbage() {
	local before
	before=$(db_dump)
	: >$T/empty.json
	head -c 4096 /dev/urandom >$T/random.json
	echo '{"revision": 1}' >$T/short.json
	desired 1 20 1 | sed 's/"storage"/"..\/..\/x"/' >$T/path.json
	desired 1 20 1 | sed 's/"storage"/"management"/' >$T/twice.json
	desired 1 20 1 | sed 's/"vlan": 40/"vlan": 41/' >$T/vlan.json
	desired 1 20 1 | sed 's/"mtu": 9000,$/"mtu": 9001,/' >$T/mtu.json
	for f in empty random short path twice vlan mtu missing; do
		expect "$1: a desired state that is wrong ($f) is refused" 2 apply $T/$f.json
		check "$1: ... and the answer says so" said '"ok":false,"text":".*nothing was touched'
	done
	expect "$1: no arguments" 2 run
	expect "$1: an unknown option" 2 run apply $T/x.json --frobnicate
	check "$1: nothing was touched" [ "$before" = "$(db_dump)" ]
	check "$1: no file was written" [ ! -e /run/systemd/network ]
}

test_refused_first_boot() {
	desired 1 20 1 | sed "s/$MAC2/94:40:c9:00:02:99/" >$T/d.json
	expect "$1: a NIC that is not there is refused" 1 apply $T/d.json
	check "$1: ... with what there is" said "94:40:c9:00:02:99.*eth1 $MAC1"
	check "$1: ... and the node has an address all the same" has_address eth1 10.77.0.12/24
	check "$1: ... by which the server is reached" reaches 10.77.0.2
}

test_first_rollback() {
	server_down
	desired 1 20 1 >$T/d1.json
	expect "$1: the server does not answer at first boot" 1 apply $T/d1.json --timeout 4s
	check "$1: ... says so" said '"ok":false,"text":"rolled back: server 10.77.0.2:8780'
	check "$1: ... the NIC has the address" has_address eth1 10.77.0.12/24
	check "$1: ... no bridge of ours is left" not vsctl br-exists br-nic1
	check "$1: ... the NIC reaches the server's host" reaches 10.77.0.2
	check "$1: ... foreign bridges are untouched" foreign_is_there
	server_up
}

test_first_apply() {
	desired 1 20 1 >$T/d1.json
	expect "$1: first apply" 0 apply $T/d1.json --timeout 20s
	check "$1: ... changed" said '"changed":true,"ok":true'
	check "$1: ... provisioning has its address" has_address provisioning 10.77.0.12/24
	check "$1: ... the NIC has none" has_no_address eth1
	check "$1: ... the uplink is native-untagged" port_is eth1 vlan_mode native-untagged
	check "$1: ... with tag 10" port_is eth1 tag 10
	check "$1: ... trunks 20" port_is eth1 trunks '[20]'
	check "$1: ... the second uplink is a trunk" port_is eth2 trunks '[30,40]'
	check "$1: ... storage has MTU 9000" mtu_is storage 9000
	check "$1: ... and its NIC" mtu_is eth2 9000
	check "$1: ... marked as ours" [ "$(vsctl get bridge br-nic1 external_ids:ondol)" = '"1"' ]
	check "$1: the untagged network works" reaches 10.77.0.2
	check "$1: ... and brings nothing twice" brings_once 10.77.0.2
	check "$1: a tagged network works" reaches -I management 10.77.20.2
	check "$1: jumbo frames pass" reaches -M "do" -s 8900 -I storage 10.77.40.2
	check "$1: the provisioning port kept the NIC's MAC" \
		[ "$(cat /sys/class/net/provisioning/address)" = $MAC1 ]
	check "$1: confirmed" [ -s /var/lib/ondol/netconf/confirmed.json ]
	check "$1: nothing pending" [ ! -e /run/ondol/netconf/applying.json ]
	check "$1: foreign bridges are untouched" foreign_is_there
	expect "$1: show finds no difference" 0 run show --datapath netdev
	check "$1: ... and says so" said 'as desired, revision 1'
}

test_idempotence() {
	local before
	before=$(state_dump)
	expect "$1: a second apply" 0 apply $T/d1.json
	check "$1: ... changed nothing" said '"changed":false,"ok":true,"text":".*nothing to change'
	check "$1: ... really" [ "$before" = "$(state_dump)" ]
	desired 7 20 1 >$T/d7.json
	expect "$1: another revision of the same network" 0 apply $T/d7.json
	check "$1: ... changed nothing" said '"changed":false,"ok":true'
}

test_drift() {
	ip address flush dev management
	expect "$1: an address taken away by hand is seen" 1 run show --datapath netdev
	check "$1: ... and named" said 'management: address 10.77.20.12/24 missing'
	expect "$1: ... and put back" 0 apply $T/d1.json
	check "$1: ... really" has_address management 10.77.20.12/24
	ip address add 192.0.2.1/24 dev storage
	vsctl set port management tag=99
	expect "$1: a wrong tag and an address too many" 0 apply $T/d1.json
	check "$1: ... the tag is right" port_is management tag 20
	check "$1: ... the address is gone" not has_address storage 192.0.2.1/24
}

test_change() {
	desired 2 25 1 10.77.0.2 10.77.0.2 >$T/d2.json
	expect "$1: a VLAN changes, a gateway comes" 0 apply $T/d2.json --timeout 20s
	check "$1: ... the tag" port_is management tag 25
	check "$1: ... the trunk" port_is eth1 trunks '[25]'
	check "$1: ... the address" has_address management 10.77.25.12/24
	check "$1: ... not the old one" not has_address management 10.77.20.12/24
	check "$1: ... the gateway" [ -n "$(ip route show default via 10.77.0.2 dev provisioning)" ]
	check "$1: ... and it works" reaches -I management 10.77.25.2
	desired 3 20 0 >$T/d3.json
	expect "$1: a port is removed" 0 apply $T/d3.json --timeout 20s
	check "$1: ... from the bridge" [ "$(vsctl list-ports br-nic2)" = eth2 ]
	check "$1: ... from the kernel" wait_for 5 test ! -e /sys/class/net/storage
	check "$1: ... its file too" [ ! -e /run/systemd/network/50-ondol-storage.network ]
	check "$1: ... the gateway is gone" [ -z "$(ip route show default)" ]
	check "$1: ... foreign bridges are untouched" foreign_is_there
}

test_confirm_http() {
	expect "$1: confirmed by HTTP" 0 apply $T/d1.json --confirm http://10.77.0.2:8780/
	expect "$1: nobody is asked with none" 0 apply $T/d3.json --confirm none
	expect "$1: HTTP that is not answered" 1 apply $T/d1.json --timeout 3s \
		--confirm http://10.77.0.2:9/
	check "$1: ... rolled back" said 'rolled back: http://10.77.0.2:9/'
	expect "$1: https is refused, not ignored" 2 apply $T/d1.json --confirm https://10.77.0.2/
}

test_unreachable() {
	# VLAN 999 is the provisioning network of no one
	desired 4 20 1 | sed 's/"native_vlan": 10/"native_vlan": 25/; s/"vlan": 10/"vlan": 25/;
		s/10\.77\.0\.12/10.77.99.12/' >$T/d4.json
	expect "$1: a network that cannot reach the server" 1 apply $T/d4.json --timeout 4s
	check "$1: ... says so" said 'rolled back.*revision 3, the last confirmed one, is back'
	check "$1: ... the tag is as before" port_is provisioning tag 10
	check "$1: ... the address is as before" has_address provisioning 10.77.0.12/24
	check "$1: ... the server answers" reaches 10.77.0.2
	expect "$1: ... nothing differs from the confirmed state" 0 run show --datapath netdev
	server_down
	expect "$1: the confirmed network stays when the server is down" 0 apply $T/d3.json
	server_up
	expect "$1: a stop signal rolls back, a lost terminal does not matter" 1 stopped_apply
	check "$1: ... says so" said 'rolled back: stopped by a signal'
	check "$1: ... the address is as before" has_address provisioning 10.77.0.12/24
}
applied_address_is_there() { has_address provisioning 10.77.99.12/24; }
stopped_apply() {
	local pid
	"$NETCONF" apply $T/d4.json --datapath netdev --json >$T/out 2>$T/err &
	pid=$!
	wait_for 10 applied_address_is_there
	kill -HUP $pid # the terminal of a session over the network that just went
	kill -TERM $pid
	wait $pid
}

test_killed() {
	local pid
	"$NETCONF" apply $T/d4.json --datapath netdev --json >$T/out 2>$T/err &
	pid=$!
	wait_for 10 applied_address_is_there
	kill -KILL $pid
	wait $pid 2>/dev/null
	check "$1: killed in the middle: what was being applied is kept" \
		[ -s /run/ondol/netconf/applying.json ]
	expect "$1: ... rollback" 0 run rollback --datapath netdev
	check "$1: ... the address is as before" has_address provisioning 10.77.0.12/24
	# The database takes the change while ovs-vswitchd stands still: killed half-way.
	kill -STOP "$(cat /run/openvswitch/vswitchd.pid)"
	"$NETCONF" apply $T/d2.json --datapath netdev --json >$T/out 2>$T/err &
	pid=$!
	wait_for 10 port_in_db management tag 25
	kill -KILL $pid
	wait $pid 2>/dev/null
	kill -CONT "$(cat /run/openvswitch/vswitchd.pid)"
	expect "$1: killed before ovs-vswitchd had it: the next apply completes" 0 \
		apply $T/d2.json --timeout 20s
	check "$1: ... the address" has_address management 10.77.25.12/24
	check "$1: ... it works" reaches -I management 10.77.25.2
	check "$1: ... foreign bridges are untouched" foreign_is_there
}
port_in_db() { [ "$(vsctl --no-wait get port "$1" "$2")" = "$3" ]; }

test_foreign() {
	local before
	vsctl add-port br-nic1 vnet0 -- set interface vnet0 type=internal
	vsctl del-br hand
	expect "$1: a guest's port on our bridge" 0 apply $T/d1.json --timeout 20s
	check "$1: ... stays" [ "$(vsctl port-to-br vnet0)" = br-nic1 ]
	desired 5 20 1 | sed 's/br-nic1/br-new1/g' >$T/d5.json
	expect "$1: a bridge of ours with a guest's port is not wanted any more" 0 \
		apply $T/d5.json --timeout 20s
	check "$1: ... it stays with the guest's port alone" \
		[ "$(vsctl list-ports br-nic1)" = vnet0 ]
	expect "$1: ... and that is idempotent" 0 apply $T/d5.json
	check "$1: ... really" said '"changed":false'
	vsctl del-port br-nic1 vnet0
	expect "$1: once the guest has gone the bridge goes" 0 apply $T/d5.json
	check "$1: ... really" not vsctl br-exists br-nic1

	vsctl add-br br-nic1 -- set bridge br-nic1 datapath_type=netdev
	before=$(db_dump)
	expect "$1: a hand-made bridge with our name is refused" 1 apply $T/d1.json
	check "$1: ... with what to do" said 'br-nic1 exists in Open vSwitch and is not ondol'
	check "$1: ... untouched" [ "$before" = "$(db_dump)" ]
	vsctl del-br br-nic1
	ip link add tunnel type dummy 2>/dev/null || ip link add tunnel type veth peer name tunnel2
	desired 6 20 1 | sed 's/"storage"/"tunnel"/' >$T/d6.json
	expect "$1: an interface with a network's name is refused" 1 apply $T/d6.json
	check "$1: ... with what to do" said 'an interface tunnel exists'
	ip link delete tunnel
}

# What Neutron's agent does to the bridges that it finds: br-int and br-tun are its own.
neutron_agent() {
	vsctl --may-exist add-br br-tun -- set bridge br-tun datapath_type=netdev \
		fail_mode=secure -- --may-exist add-port br-tun vxlan-1 -- set interface vxlan-1 \
		type=vxlan options:remote_ip=10.77.30.2 options:local_ip=10.77.30.12 \
	-- set bridge external fail_mode=secure protocols=OpenFlow10,OpenFlow13 \
		other_config:disable-in-band=true external_ids:bridge-id=external \
	-- set-controller external tcp:127.0.0.1:6633 \
	-- --may-exist add-port external phy-external -- set interface phy-external type=patch \
		options:peer=int-external \
	-- --may-exist add-port br-int int-external -- set interface int-external type=patch \
		options:peer=phy-external \
	-- --may-exist add-port br-int qg-1 -- set interface qg-1 type=internal &&
	ovs-ofctl -O OpenFlow13 add-flow external priority=2,in_port=phy-external,actions=drop &&
	ovs-ofctl -O OpenFlow13 add-flow external priority=1,actions=normal &&
	ovs-ofctl add-flow br-int actions=normal
}
neutron_is_undisturbed() {
	[ "$(vsctl list-ports br-int | sort | xargs)" = "int-external qg-1" ] &&
		[ "$(vsctl list-ports br-tun)" = vxlan-1 ] &&
		[ "$(vsctl get-fail-mode br-tun)" = secure ]
}
agent_dump() {
	vsctl get bridge external fail_mode protocols controller other_config
	vsctl list-ports external
	ovs-ofctl -O OpenFlow13 --no-stats dump-flows external
}

test_cloud() {
	local before mac
	desired_cloud 20 false 0 >$T/d20.json
	desired_cloud 21 true 50 >$T/d21.json
	sed 's/"name": "external"/"name": "tunnel"/' $T/d21.json >$T/bad.json
	expect "$1: a provider with the name of a port is refused" 2 apply $T/bad.json
	sed 's/"vlan": 50/"vlan": 51/' $T/d21.json >$T/bad.json
	expect "$1: a provider in a VLAN that its bridge has not is refused" 2 apply $T/bad.json
	expect "$1: the tunnel network as an internal port" 0 apply $T/d20.json --timeout 20s
	check "$1: ... on the NIC's bridge" [ "$(vsctl port-to-br tunnel)" = br-nic2 ]
	expect "$1: tunnels and an external network come" 0 apply $T/d21.json --timeout 20s
	check "$1: ... the tunnel network is a bridge" vsctl br-exists tunnel
	check "$1: ... its address on the local port" has_address tunnel 10.77.30.12/24
	check "$1: ... with its MTU" mtu_is tunnel 9000
	check "$1: ... and a link" grep -qx 1 /sys/class/net/tunnel/carrier
	check "$1: ... wired to the NIC's bridge in its VLAN" port_is tunnel-dn tag 30
	mac=$(cat /sys/class/net/tunnel/address)
	check "$1: ... not with the NIC's MAC" [ "$mac" = 96:40:d7:00:02:02 ]
	check "$1: ... it works, with jumbo frames" reaches -M "do" -s 8900 -I tunnel 10.77.30.2
	ping -c 3 -i 0.2 -W 2 -I tunnel 10.77.30.2 >$T/out 2>&1
	check "$1: ... and no packet comes twice" not said 'DUP!'
	check "$1: ... the external network is a bridge" vsctl br-exists external
	check "$1: ... wired to the NIC's bridge in its VLAN" port_is external-dn tag 50
	check "$1: ... without an address" has_no_address external
	vsctl add-port external probe -- set interface probe type=internal
	ip address add 10.77.50.9/24 dev probe
	ip link set probe up
	check "$1: ... what is on it reaches the external network" reaches -I probe 10.77.50.2
	vsctl del-port external probe

	expect "$1: Neutron's agent takes the bridge" 0 neutron_agent
	before=$(db_dump; agent_dump)
	expect "$1: ... a second apply" 0 apply $T/d21.json
	check "$1: ... changes nothing" said '"changed":false,"ok":true,"text":".*nothing to change'
	check "$1: ... really" [ "$before" = "$(db_dump; agent_dump)" ]
	before=$(agent_dump)
	vsctl set port external-dn tag=99 -- set interface external-dn options:peer=nowhere \
		-- set bridge tunnel fail_mode=secure other_config:hwaddr=02:00:00:00:00:01
	expect "$1: a wrong wire is seen" 1 run show $T/d21.json --datapath netdev
	check "$1: ... and named" said 'port external-dn: peer nowhere -> external-up'
	check "$1: ... show says whose the bridge is" \
		said "bridge external datapath netdev (for the cloud's network agent)"
	expect "$1: ... and mended" 0 apply $T/d21.json --timeout 20s
	check "$1: ... the tag" port_is external-dn tag 50
	check "$1: ... the MAC" wait_for 5 grep -qx "$mac" /sys/class/net/tunnel/address
	check "$1: ... and Neutron's part is as it was" [ "$before" = "$(agent_dump)" ]
	check "$1: ... so are its own bridges" neutron_is_undisturbed

	desired_cloud 22 true 0 | sed 's/10\.77\.0\.2"/10.77.0.3"/' >$T/d22.json
	expect "$1: without them the server is not reached" 1 apply $T/d22.json --timeout 4s
	check "$1: ... rolled back" said 'revision 21, the last confirmed one, is back'
	check "$1: ... the external bridge too" port_is external-dn tag 50
	check "$1: ... the tunnel's address" has_address tunnel 10.77.30.12/24
	expect "$1: ... nothing differs" 0 run show --datapath netdev
	# a compute becomes a block storage, and one again: the bridge's name is then a port's
	desired_shares 23 >$T/d23.json
	expect "$1: an address in the external network" 0 apply $T/d23.json --timeout 20s
	check "$1: ... on the NIC's bridge" [ "$(vsctl port-to-br external)" = br-nic2 ]
	check "$1: ... it is there" has_address external 10.77.50.12/24
	check "$1: ... and works" reaches -I external 10.77.50.2
	expect "$1: the external network without an address again" 0 \
		apply $T/d21.json --timeout 20s
	check "$1: ... as a bridge" vsctl br-exists external
	check "$1: ... the address is gone" has_no_address external
	expect "$1: Neutron's agent takes the bridge again" 0 neutron_agent
	desired_cloud 24 false 0 >$T/d24.json
	expect "$1: both are not wanted any more" 0 apply $T/d24.json --timeout 20s
	check "$1: ... the external bridge is gone" not vsctl br-exists external
	check "$1: ... and the tunnel's" not vsctl br-exists tunnel
	check "$1: ... and the wires" \
		[ "$(vsctl list-ports br-nic2 | sort | xargs)" = "eth2 storage tunnel" ]
	check "$1: ... the tunnel network works as an internal port" \
		reaches -M "do" -s 8900 -I tunnel 10.77.30.2
	check "$1: ... Neutron's bridges are untouched" neutron_is_undisturbed
	expect "$1: ... and that is all" 0 apply $T/d24.json
	check "$1: ... really" said '"changed":false'
	vsctl del-br br-tun -- del-port br-int qg-1 -- del-port br-int int-external
}

test_ovs_down() {
	kill -STOP "$(cat /run/openvswitch/vswitchd.pid)"
	desired 8 25 0 >$T/d8.json
	expect "$1: ovs-vswitchd stands still" 3 apply $T/d8.json --timeout 4s
	check "$1: ... says so" said 'ovs-vswitchd running'
	kill -CONT "$(cat /run/openvswitch/vswitchd.pid)"
	expect "$1: it goes on: the next apply completes" 0 apply $T/d1.json --timeout 20s
	expect "$1: a second one at the same time is refused" 1 with_lock_held
	check "$1: ... says so" said 'another ondol-netconf is at work'
	expect "$1: no ovsdb-server there" 1 apply $T/d1.json --db unix:/run/nothing.sock \
		--timeout 2s
	check "$1: ... says so" said 'ovsdb-server does not answer'
	check "$1: ... and the node keeps its address" has_address provisioning 10.77.0.12/24
}
with_lock_held() {
	(flock 9 && apply $T/d1.json) 9>/run/ondol/netconf/lock
}

# A reboot: /run is empty, the database and the confirmed state are as they were.
test_reboot() {
	kill "$(cat /run/openvswitch/vswitchd.pid)"
	wait_for 10 test ! -e /run/openvswitch/vswitchd.pid
	rm -rf /run/ondol /run/systemd/network
	drop_taps
	server_down
	start_vswitchd /run/openvswitch env
	expect "$1: after a reboot, the server down" 0 apply $T/d1.json
	check "$1: ... as confirmed before" said 'as confirmed before'
	check "$1: ... the address" has_address provisioning 10.77.0.12/24
	server_up
}

test_all() {
	node_reset || { fail "$1: Open vSwitch does not start"; return; }
	foreign_bridge
	test_garbage "$1"
	test_refused_first_boot "$1"
	test_first_rollback "$1"
	test_first_apply "$1"
	test_idempotence "$1"
	test_drift "$1"
	test_change "$1"
	test_confirm_http "$1"
	test_unreachable "$1"
	test_killed "$1"
	test_foreign "$1"
	test_cloud "$1"
	test_ovs_down "$1"
	test_reboot "$1"
}

server_up || { fail "the server does not start"; close; }
test_all netlink
if start_networkd; then
	test_all networkd
	stop_networkd
else
	skip "addresses by systemd-networkd: it does not start here ($(tail -n 1 $T/networkd.log))"
fi
close
