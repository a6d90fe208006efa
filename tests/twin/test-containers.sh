#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Servers as containers: two of them from cold to ready by the same ondold and the same
# image, each with its own drives and no other's; power, reboots; and nothing stays.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/lib.sh
. tests/lib/rack.sh
need_root
for tool in systemd-nspawn ipmi_sim ovs-vsctl losetup python3; do
	command -v $tool >/dev/null || {
		skip "$tool is not installed (make deps)"
		finish
		exit
	}
done
[ -e /dev/loop-control ] || {
	skip "this machine has no loop devices"
	finish
	exit
}

inside() { "$bin/ondol-twin" exec --dir "$twin" -- "$@"; }
on() { # NODE COMMAND...
	_node=$1
	shift
	"$bin/ondol-twin" exec --dir "$twin" --node "$_node" -- "$@"
}
within() { # SECONDS COMMAND...: the command succeeds before so many seconds are over
	_end=$(($(date +%s) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt $_end ] || return 1
		sleep 0.2
	done
}
is() { # NODE KEY VALUE: what the twin says
	[ "$("$bin/ondol-twin" status --dir "$twin" --json | python3 -c '
import json, sys
print(*[n[sys.argv[2]] for n in json.load(sys.stdin)["nodes"] if n["name"] == sys.argv[1]])' "$1" "$2")" = "$3" ]
}
no_loop() { ! losetup -a | grep -q "$work"; }
no_process() { ! pgrep -f -- "$work"; }
no_mount() { ! grep -q "$work" /proc/[0-9]*/mountinfo 2>/dev/null; }
no_cgroup() { [ -z "$(find /sys/fs/cgroup -type d -name "ondol-twin$(echo "$twin" | tr / -)")" ]; }

check "the rack file is made" rack_file --node hp01 --node hp08
links=$(ip -o link | cut -d: -f2)
check "twin and ondold come up" rack_up --containers
start=$(date +%s)
if "$bin/ondol" apply "$rack" --yes; then
	ok "apply ends with both ready, after $(($(date +%s) - start)) s"
else
	notok "apply"
	on_trouble hp01 hp08
	finish
	exit 1
fi
check "the host has no new interface" test "$links" = "$(ip -o link | cut -d: -f2)"

# ---- what a node sees ----
check "a command runs in the node" test "$(on hp08 hostname)" = hp08
check "its exit status comes back" sh -c "'$bin/ondol-twin' exec --dir '$twin' --node hp08 -- sh -c 'exit 7'; [ \$? = 7 ]"
check "it is in its own PID namespace" test "$(on hp08 cat /proc/1/comm)" = systemd
check "its drives are those of rack.ini" test "$(on hp08 ls /sys/block | tr '\n' ' ')" = "nvme0n1 sda sdb "
check "their serials too" test "$(on hp08 cat /sys/block/nvme0n1/device/serial)" = "$(twin_serial hp08 3)"
devices() { # of a node; by stat: a drive is bound over a plain file, which is what readdir says
	on "$1" sh -c 'for f in /dev/* /dev/*/*; do [ ! -b "$f" ] || echo "$f"; done' | sort | tr '\n' ' '
}
check "no other block device is in /dev" test "$(devices hp08)" = "/dev/nvme0n1 /dev/sdb "
check "the volume group is on its data disk" sh -c "'$bin/ondol-twin' exec --dir '$twin' --node hp08 -- vgs --noheadings -o pv_name,vg_name 2>/dev/null | grep -q 'nvme0n1 *cinder-volumes'"
check "a file system can be made and mounted" on hp08 sh -ec 'mkfs.xfs -q /dev/sdb; mount /dev/sdb /mnt; touch /mnt/x; umount /mnt; wipefs -qa /dev/sdb'
closed() { # NODE MAJOR:MINOR: its programs cannot open that block device, whatever node they make
	! on "$1" sh -c "mknod /root/other b ${2%:*} ${2#*:} && systemd-run -q --pipe head -c 1 /root/other >/root/got; s=\$?; rm -f /root/other; exit \$s" 2>/dev/null
}
other=$(on hp08 stat -c %t:%T /dev/nvme0n1)
check "another node's drive cannot be opened" closed hp01 "$((0x${other%:*})):$((0x${other#*:}))"
rootdev=$(findmnt -n -o MAJ:MIN /)
check "nor the machine's own" closed hp01 "$rootdev"
check "its own can" on hp08 systemd-run -q --pipe head -c 0 /dev/nvme0n1
check "it cannot set the machine's clock" sh -c "! '$bin/ondol-twin' exec --dir '$twin' --node hp08 -- sh -c 'systemd-run -q --pipe date -s 2001-01-01' >/dev/null 2>&1"
check "jumbo frames pass between nodes" on hp01 ping -c 1 -W 5 -M "do" -s 8972 10.77.40.18
check "the deployment host is the router of external networks" sh -c "'$bin/ondol-twin' exec --dir '$twin' -- ip -o addr | grep -q 10.77.50.1/"

# ---- power ----
on hp01 touch /root/kept
on hp01 systemctl reboot
check "a reboot is a new start" within 20 is hp01 starts 2
check "and the system comes back" within 30 on hp01 systemctl is-active ondol-noded
check "with what was on its disk" on hp01 test -e /root/kept
check "the power button shuts it down" "$bin/ondol" power hp01 soft --yes
check "the server is off" is hp01 power off
check "no command runs in it then" sh -c "! '$bin/ondol-twin' exec --dir '$twin' --node hp01 -- true 2>/dev/null"
check "power on" "$bin/ondol" power hp01 on
check "it starts from its disk" within 30 on hp01 systemctl is-active ondol-noded
check "hard off is off" "$bin/ondol" power hp01 off --yes
check "nothing of it runs" sh -c "! pgrep -f '[n]spawn.*--machine=hp01.*$twin'"
check "a reinstall from the network" "$bin/ondol" reinstall hp01 --yes
check "is a new system" on hp01 test ! -e /root/kept
check "the other node did not notice" is hp08 starts 1

# ---- the end ----
kill -9 "$("$bin/ondol-twin" status --dir "$twin" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["pid"])')"
check "after kill -9 of the rack no process stays" within 15 no_process
check "no mount" within 5 no_mount
check "no loop device" within 5 no_loop
check "no interface" test "$links" = "$(ip -o link | cut -d: -f2)"
check "down removes the rest" "$bin/ondol-twin" down --dir "$twin"
check "nothing stays behind" nothing_stays
check "no cgroup" no_cgroup
finish
