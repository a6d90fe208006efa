#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The twin itself, without ondold: one server, its BMC and its switch port, by the tools
# that people use (ipmitool, dnsmasq, tcpdump); and that nothing stays, however it ends.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/lib.sh
twin=${BUILD:-build}/debug/ondol-twin
case $twin in /*) ;; *) twin=$PWD/$twin ;; esac

[ "$(id -u)" -eq 0 ] || {
	skip "the twin needs root"
	finish
	exit
}
for tool in qemu-system-x86_64 ipmi_sim ipmitool dnsmasq ovs-vsctl tcpdump script python3; do
	command -v $tool >/dev/null || {
		skip "$tool is not installed (make deps)"
		finish
		exit
	}
done

work=$(mktemp -d /tmp/ondol-test.XXXXXX)
dir=$work/run
IPMI_PASSWORD=pw-$(od -An -tx1 -N6 /dev/urandom | tr -d ' \n')
export IPMI_PASSWORD
bmc=10.77.1.12 mac=94:40:c9:00:02:01
(
	umask 077
	printf '[bmc]\nuser = ondol\npassword = %s\n' "$IPMI_PASSWORD" >"$work/secrets.ini"
)
cp examples/dl360-rack.ini "$work/rack.ini"

trap '"$twin" down --dir "$dir" >/dev/null 2>&1; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

up() {
	"$twin" up "$work/rack.ini" --node hp02 --dir "$dir" --disks "$work/disks" --memory 512 "$@"
}
inside() { "$twin" exec --dir "$dir" -- "$@"; }
ipmi() { inside ipmitool -I lanplus -C 3 -H $bmc -U ondol -E "$@"; }
within() { # SECONDS COMMAND...: the command succeeds before so many seconds are over
	_end=$(($(date +%s) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt $_end ] || return 1
		sleep 0.1
	done
}
# status KEY: of the node, or with a dot before it, of the rack
status() {
	"$twin" status --dir "$dir" --json | python3 -c '
import json, sys
d, key = json.load(sys.stdin), sys.argv[1]
print(d[key[1:]] if key[0] == "." else d["nodes"][0][key])' "$1"
}
is() { # KEY VALUE
	[ "$(status "$1" 2>/dev/null)" = "$2" ]
}
has() { # TEXT COMMAND...: the command prints it
	_want=$1
	shift
	"$@" >"$work/out" 2>&1
	grep -q -- "$_want" "$work/out" || {
		echo "expected \"$_want\", found:"
		cat "$work/out"
		return 1
	}
}
exits() { # STATUS COMMAND...
	_want=$1
	shift
	"$@" >"$work/out" 2>&1
	_got=$?
	[ "$_got" -eq "$_want" ] || {
		echo "expected exit status $_want, found $_got:"
		cat "$work/out"
		return 1
	}
}
processes() { pgrep -f "$work/" | xargs -r ps -o pid=,args= -p; }
no_process() { ! pgrep -f "$work/"; }
nothing_stays() { # NETNS: of the rack that was
	within 10 no_process || { echo "processes stay: $(processes)"; return 1; }
	! readlink /proc/[0-9]*/ns/net | grep -qF "$1" || { echo "$1 stays"; return 1; }
	! grep -q "$work" /proc/mounts || { echo "mounts stay"; return 1; }
	within 5 test ! -e "$dir" || { echo "files stay:" "$dir"/*; return 1; }
	[ ! -e "$work/disks" ] || { echo "disks stay"; return 1; }
}
netns() { readlink "/proc/$(status .pid)/ns/net"; }

# ---- words ----
check "no command is wrong use" exits 2 "$twin"
check "an unknown command is wrong use" exits 2 "$twin" fly
check "help for each command" sh -c "for c in up down exec status console rack; do '$twin' \$c --help | grep -q 'ondol-twin '\$c || exit 1; done"
check "--nodes must be a number" exits 2 up --nodes x
check "a node that the rack does not have" exits 2 "$twin" up "$work/rack.ini" --node hp77 --dir "$dir"
check "a missing rack.ini" exits 2 "$twin" up "$work/none.ini" --dir "$dir"
chmod 0644 "$work/secrets.ini"
check "readable secrets are refused" exits 2 up
chmod 0600 "$work/secrets.ini"
check "down without a rack" exits 1 "$twin" down --dir "$work"
check "nothing was left by all that" test ! -e "$work/disks"

# ---- up ----
before=$(ip -o link | cut -d: -f2)
check "up" has "is up: 1 nodes" up --detach
[ -S "$dir/control.sock" ] || {
	cat "$dir/twin.log"
	finish
	exit 1
}
ns=$(netns)
check "a second up says that it is up" has "already up" up --detach
check "the server is off" is power off
check "the host has no new interface" test "$before" = "$(ip -o link | cut -d: -f2)"
check "exec passes the exit status on" exits 7 inside sh -c 'exit 7'
check "exec of what is not there is 127" exits 127 inside "$work/none"
check "exec has the rack's interfaces" has "10.77.0.2/24" inside ip -br addr show deploy0
"$twin" exec --dir "$dir" -- sleep 300 &
sleeper=$!
within 5 grep -qz 300 "/proc/$sleeper/cmdline"
kill -TERM $sleeper
wait $sleeper
check "exec hands signals on" test $? -eq 143
inside sh -c 'setsid sh -c "sleep 0.1; exit 3" >/dev/null 2>&1 &'
no_zombie() { ! inside sh -c 'cat /proc/[0-9]*/stat' | grep -q ') Z '; }
check "orphans are reaped" within 5 no_zombie

# ---- BMC ----
check "power status over IPMI" has "is off" ipmi chassis power status
check "the manufacturer is HP" has "Manufacturer ID *: 11$" ipmi mc info
check "FRU" has "Product Name *: ProLiant DL360" ipmi fru
check "FRU serial" has "Product Serial *: CZJ0010002" ipmi fru
check "temperature" has "01-Inlet Ambient *| 21.000 *| degrees C *| ok" ipmi sensor
check "fan" has "Fan 1 *| 0.000 *| percent" ipmi sensor
check "event log" has "Entries *: 1" ipmi sel
check "users" has "ondol .*ADMINISTRATOR" ipmi user list 1
check "a wrong password is refused" exits 1 env IPMI_PASSWORD=wrong "$twin" exec --dir "$dir" -- \
	ipmitool -I lanplus -C 3 -R 1 -H $bmc -U ondol -E chassis power status
check "cipher suite 17 fails at once" has "invalid authentication algorithm" timeout 5 \
	"$twin" exec --dir "$dir" -- ipmitool -I lanplus -C 17 -H $bmc -U ondol -E mc info
check "no other node has a BMC" exits 1 inside ipmitool -I lanplus -C 3 -R 1 -N 1 -H 10.77.1.11 -U ondol -E mc info
check "a reset of a server that is off is refused" exits 1 ipmi chassis power reset
check "no optical drive" has "failed" ipmi chassis bootdev cdrom
check "UID light" sh -c "'$twin' exec --dir '$dir' -- ipmitool -I lanplus -C 3 -H $bmc -U ondol -E chassis identify 60 >/dev/null"
check "UID light is seen" is identify True
echo 55 >"$dir/nodes/hp02/sensors/inlet"
check "a hot rack is in the event log" within 10 sh -c "'$twin' exec --dir '$dir' -- ipmitool -I lanplus -C 3 -H $bmc -U ondol -E sel list | grep -qi 'upper critical'"

# ---- network boot ----
inside ovs-vsctl add-port sw0 probe tag=20 -- set Interface probe type=internal
inside ip link set probe up
inside dnsmasq --keep-in-foreground --port=0 --interface=deploy0 --bind-interfaces --log-dhcp \
	--dhcp-range=10.77.0.100,10.77.0.120,1h --dhcp-boot=none.efi --enable-tftp --tftp-root="$work" \
	--dhcp-leasefile="$work/leases" --no-resolv --no-hosts --conf-file=/dev/null --log-facility=- --user=root >"$work/dnsmasq" 2>&1 &
for i in deploy0 bmc0 probe; do
	inside tcpdump -n -l -e -i $i ether host $mac >"$work/tcpdump.$i" 2>"$work/tcpdump.$i.err" &
done
listening() { grep -q "listening on" "$work/tcpdump.$1.err"; }
for i in deploy0 bmc0 probe; do within 10 listening $i; done

script -qfc "'$twin' exec --dir '$dir' -- ipmitool -I lanplus -C 3 -H $bmc -U ondol -E sol activate" \
	"$work/sol" </dev/null >/dev/null 2>&1 &
check "serial over LAN opens" within 10 grep -q "SOL Session operational" "$work/sol"
check "boot device: network" has "Set Boot Device to pxe" ipmi chassis bootdev pxe
check "boot device, read back" has "Force PXE" ipmi chassis bootparam get 5
start=$(date +%s)
check "power on" has "Up/On" ipmi chassis power on
check "power status, read back" has "is on" ipmi chassis power status
check "the boot device counted once" has "No override" ipmi chassis bootparam get 5
check "a fan turns" within 5 sh -c "'$twin' exec --dir '$dir' -- ipmitool -I lanplus -C 3 -H $bmc -U ondol -E sensor | grep -q 'Fan 1 *| 29'"
if within 120 grep -q "DHCPDISCOVER(deploy0) $mac" "$work/dnsmasq"; then
	ok "the firmware asks for an address, $(($(date +%s) - start)) s after power on"
else
	notok "no DHCP request came"
	"$twin" console --dir "$dir" hp02 | tail -n 5
fi
check "the switch shows it on the provisioning network" within 10 grep -q "$mac" "$work/tcpdump.deploy0"
check "the host does not answer it past the switch" has NOARP inside ip link show hp02.1
says() { "$twin" console --dir "$dir" hp02 | grep -qa "$1"; }
check "the console log has the firmware's words" within 20 says "Start PXE over IPv4"
check "serial over LAN has them too" within 5 grep -qa "Start PXE over IPv4" "$work/sol"
check "it booted from the network first" is boot network
check "no frame reached the BMC network" test ! -s "$work/tcpdump.bmc0"
check "no frame reached another VLAN" test ! -s "$work/tcpdump.probe"
no_password_in_argv() {
	cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' '\n' >"$work/argv"
	printenv IPMI_PASSWORD >"$work/pattern"
	! grep -qF -f "$work/pattern" "$work/argv"
}
check "the password is in no argument list" no_password_in_argv
check "nor in a readable file" sh -c "! find '$dir' -type f -perm /077 | grep ."

# ---- power ----
first=$(status pid)
check "reset" has "Reset" ipmi chassis power reset
other_process() { [ "$(status pid)" != "$first" ] && is power on; }
check "a reset is a new start" within 10 other_process
check "of the disk first" is boot disk
check "cycle" has "Cycle" ipmi chassis power cycle
check "a cycle starts it again" within 15 is starts 3
check "off" has "Down/Off" ipmi chassis power off
check "off is true at once" has "is off" ipmi chassis power status
check "no QEMU is left" is pid 0
ipmi chassis power on >/dev/null
kill -9 "$(status pid)"
check "a QEMU that was killed is a server that is off" within 5 is power off
kill -9 "$(pgrep -f "^ipmi_sim .*$dir/nodes/hp02/bmc/lan.conf")"
answers() { ipmi -N 1 -R 1 mc info; }
check "a BMC that was killed comes back" within 15 answers

# ---- ends ----
check "down" has "is down" "$twin" down --dir "$dir"
check "after down nothing stays" nothing_stays "$ns"

begin() { # a rack in the foreground, its server on; $front is the command's pid
	rm -f "$work/front"
	# a shell's background command ignores SIGINT, unlike one in a terminal
	env --default-signal=INT "$twin" up "$work/rack.ini" --node hp02 --dir "$dir" --disks "$work/disks" \
		--memory 512 >"$work/front" 2>&1 &
	front=$!
	within 60 grep -q "Ctrl-C ends it" "$work/front" || cat "$work/front"
	ns=$(netns)
	ipmi chassis power on >/dev/null
}
begin
kill -9 $front
wait $front 2>/dev/null
check "after kill -9 of the command nothing stays" nothing_stays "$ns"

begin
kill -INT $front
wait $front
check "Ctrl-C ends it well" test $? -eq 0
check "after Ctrl-C nothing stays" nothing_stays "$ns"

begin
kill -9 "$(status .pid)"
wait $front
check "the command fails when the rack was killed" test $? -eq 1
check "after kill -9 of the rack nothing stays" nothing_stays "$ns"

begin
supervisor=$(pgrep -P "$(status .pid)" | head -n 1)
kill -9 "$supervisor"
wait $front
check "the command fails when its supervisor was killed" test $? -eq 1
check "after kill -9 of the supervisor nothing stays" nothing_stays "$ns"

up --detach >/dev/null 2>&1
kill -9 "$(status .pid)"
within 10 no_process
check "a rack that was killed is told from one that is up" has "ended without cleaning up" "$twin" status --dir "$dir"
check "the next up cleans and comes up" has "is up: 1 nodes" up --detach
check "down can keep the disks" "$twin" down --dir "$dir" --keep-disks
check "the drive has the declared size" test "$(stat -c %s "$work/disks/hp02/disk1.raw")" = 480000000000
touch "$work/disks/hp02/disk1.raw" && printf x | dd of="$work/disks/hp02/disk1.raw" conv=notrunc status=none
check "the next up takes them" has "is up: 1 nodes" up --detach
check "with what is on them" test "$(head -c 1 "$work/disks/hp02/disk1.raw")" = x
ns=$(netns)
"$twin" down --dir "$dir" 2>/dev/null
check "and removes them in the end" nothing_stays "$ns"
finish
