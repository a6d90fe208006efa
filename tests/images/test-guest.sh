#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The guest image boots (on an emulated processor: slow, and everywhere the same), takes its name, its
# key and its disk's size from a config drive, opens root's login to that key only, and
# shuts down when its power button is pressed.
# Needs root (a network namespace), qemu-system-x86, qemu-utils, genisoimage; 1 to 3 minutes.
set -u
TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/lib/lib.sh
. "$TOP/tests/lib/lib.sh"
image=${BUILD:-$TOP/build}/shared/images/guest/debian.qcow2

if [ "${ONDOL_TEST_INSIDE:-}" != 1 ]; then
	for tool in qemu-system-x86_64 qemu-img genisoimage ssh-keygen; do
		command -v $tool >/dev/null || { skip "the guest: $tool is not installed"; finish; exit; }
	done
	[ "$(id -u)" = 0 ] || { skip "the guest: needs root"; finish; exit; }
	[ -e "$image" ] || { skip "the guest: no image is built here (make images-full)"; finish; exit; }
	ONDOL_TEST_INSIDE=1 exec unshare --net --pid --fork --kill-child --mount-proc sh "$0"
fi

TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
ip link set lo up

config_drive() {
	mkdir -p "$TMP/cd/openstack/latest"
	ssh-keygen -q -t ed25519 -N '' -f "$TMP/key"
	cat >"$TMP/cd/openstack/latest/meta_data.json" <<-END
		{"uuid": "11111111-2222-3333-4444-555555555555", "name": "student-1",
		 "hostname": "student-1", "public_keys": {"student": "$(cat "$TMP/key.pub")"}}
	END
	cat >"$TMP/cd/openstack/latest/network_data.json" <<-END
		{"links": [{"id": "tap0", "type": "ovs", "mtu": 1450, "ethernet_mac_address": "52:54:00:12:34:56"}],
		 "networks": [{"id": "network0", "type": "ipv4_dhcp", "link": "tap0", "network_id": "n"}],
		 "services": []}
	END
	genisoimage -quiet -V config-2 -J -r -o "$TMP/seed.iso" "$TMP/cd"
}

# As Nova starts one: its plainest processor, 256 MB, a disk of the flavour's size.
power_on() {
	qemu-img create -q -f qcow2 -F qcow2 -b "$image" "$TMP/disk.qcow2" 4G
	mkfifo "$TMP/monitor"
	qemu-system-x86_64 -accel tcg -cpu qemu64 -m 256 -display none -monitor stdio \
		-serial "file:$TMP/console" -drive "file=$TMP/disk.qcow2,if=virtio" \
		-drive "file=$TMP/seed.iso,if=virtio,format=raw,readonly=on" \
		-netdev user,id=n,restrict=on,hostfwd=tcp:127.0.0.1:2222-:22 \
		-device virtio-net-pci,netdev=n,mac=52:54:00:12:34:56 -device virtio-rng-pci \
		-device virtio-serial -chardev "socket,path=$TMP/agent,server=on,wait=off,id=agent" \
		-device virtserialport,chardev=agent,name=org.qemu.guest_agent.0 \
		<"$TMP/monitor" >/dev/null &
	qemu=$!
	exec 3>"$TMP/monitor"
}

guest() {
	ssh -i "$TMP/key" -p 2222 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
		-o LogLevel=ERROR -o ConnectTimeout=20 -o BatchMode=yes root@127.0.0.1 "$@" 2>>"$TMP/ssh.err"
}

start=$(date +%s)
config_drive
power_on
until guest true || [ $(($(date +%s) - start)) -gt 400 ]; do
	kill -0 $qemu || break
	sleep 1
done
echo "a root shell after $(($(date +%s) - start)) s"
check "root's login opens to the key" [ "$(guest id -un)" = root ]
check "the name is the launch's" [ "$(guest hostname)" = student-1 ]
check "cloud-init ends well" guest cloud-init status --wait
check "the file system is as large as the disk" [ "$(guest df --output=size -m / | tail -1)" -gt 3500 ]
check "no unit failed" [ -z "$(guest systemctl --failed --no-legend)" ]
check "no password opens it" guest "sshd -T | grep -qx 'passwordauthentication no'"
check "its agent answers" python3 - "$TMP/agent" <<-'END'
	import socket, sys
	s = socket.socket(socket.AF_UNIX)
	s.settimeout(60)
	s.connect(sys.argv[1])
	s.sendall(b'{"execute": "guest-ping"}\n')
	assert b'"return"' in s.recv(4096)
END
echo system_powerdown >&3
check "its power button shuts it down" timeout 120 tail --pid=$qemu -f /dev/null
[ "$failed" = 0 ] || tail -5 "$TMP/console" "$TMP/ssh.err"
kill $qemu 2>/dev/null
wait $qemu
finish
