#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The data disks of an object storage node, by ondol-noded's workers alone: real XFS on loop
# devices that are dressed as NVMe disks, in a mount namespace with a /dev and a /sys/block of
# its own. mkfs.xfs is cut short at each of its writes; foreign disks are refused.
# usage: test-noded-xfs.sh [BUILD-DIRECTORY]     needs root, loop devices, xfsprogs
set -u
TOP=$(cd "$(dirname "$0")/../.." && pwd)
. "$TOP/tests/lib/lib.sh"
bin=${1:-${BUILD:-$TOP/build}/debug}
PATH=$PATH:/usr/sbin:/sbin

leave_out() {
	skip "data disks with XFS: $*"
	finish
	exit
}

# ---- outside ----

if [ -z "${ONDOL_TEST_INSIDE:-}" ]; then
	[ "$(id -u)" = 0 ] || leave_out "needs root"
	for tool in mkfs.xfs losetup unshare mkfs.ext4 pvcreate wipefs; do
		command -v "$tool" >/dev/null || leave_out "$tool is not installed"
	done
	[ -x "$bin/ondol-noded" ] || { notok "$bin/ondol-noded is not built"; finish; exit; }
	unshare -m -p -f true 2>/dev/null || leave_out "no namespaces here"
	work=$(mktemp -d /tmp/noded-xfs-test.XXXXXX)
	made=
	[ -d /etc/ondol ] || made=/etc/ondol
	# told to end, it still takes the loop devices away when what runs inside has ended
	trap : INT TERM
	ONDOL_TEST_INSIDE=$work timeout -k 10 --foreground 300 \
		unshare -m -p -f --kill-child --mount-proc sh "$0" "$(realpath "$bin")"
	status=$?
	for d in "$work"/disk*; do
		for l in $(losetup -j "$d" -O NAME -n 2>/dev/null); do losetup -d "$l"; done
	done
	rm -rf "$work"
	[ -z "$made" ] || rmdir "$made"
	exit $status
fi

# ---- inside: a node's /sys/block, /dev, /etc/ondol and /srv ----

work=$ONDOL_TEST_INSIDE
mount --make-rprivate /
sys=$work/block
mkdir -p "$sys" "$work/etc" "$work/roles"
truncate -s 512M "$work/disk1" "$work/disk2"
{ losetup -f "$work/disk1" && losetup -f "$work/disk2"; } || leave_out "no loop devices here"
mount -t tmpfs tmpfs "$work/etc"
dev=$work/dev
mkdir "$dev"
mount -t tmpfs -o dev tmpfs "$dev"
cp -a /dev/null /dev/zero /dev/urandom /dev/random "$dev/"
for i in 1 2; do
	loop=$(losetup -j "$work/disk$i" -O NAME -n | tr -d ' ')
	mkdir -p "$sys/nvme${i}n1/device"
	echo 1048576 >"$sys/nvme${i}n1/size"
	echo "D$i" >"$sys/nvme${i}n1/device/serial"
	echo "eui.0025385A71B0AF0$i" >"$sys/nvme${i}n1/wwid"
	mknod -m 600 "$dev/nvme${i}n1" b 7 "$((0x$(stat -c %T "$loop")))"
	cp -a "$loop" "$dev/"
done
mount --bind "$sys" /sys/block
mount --bind "$dev" /dev
mkdir -p "$work/ondol" "$work/srv"
mkdir -p /etc/ondol 2>/dev/null
mount --bind "$work/etc" /etc/ondol || leave_out "/etc/ondol cannot be made here"
mount -t tmpfs tmpfs /srv
a=/dev/nvme1n1 b=/dev/nvme2n1

cat >"$work/roles/storage.ini" <<-END
	[role]
	kinds = block object
	[proofs]
	need = network
	[kind block]
	data = lvm:cinder-volumes
	[kind object]
	data = xfs:/srv/node
END
export ONDOL_ROLES="$work/roles"
disk() { printf '{"serial": "D%s", "wwn": "0025385a71b0af0%s", "size_bytes": 536870912}' "$1" "$1"; }
# desired KIND DISKS [RACK]
desired() {
	cat >/etc/ondol/desired.json <<-END
		{"revision": 1, "rack": "${3:-dl360}", "node": "hp02", "role": "storage", "kind": "$1",
		 "server": "10.77.0.2", "server_port": 8781, "bridges": [], "ports": [], "peers": [],
		 "ssh_keys": [], "data_disks": [$2]}
	END
}
both="$(disk 1), $(disk 2)"
# does OP [ARG]: it ends well;  refuses WORDS OP [ARG]: it does not, and says so
does() { said=$("$bin/ondol-noded" work "$@" 2>&1); }
says() { case $said in *"$1"*) ;; *) echo "  said: $said"; return 1 ;; esac; }
refuses() {
	_words=$1
	shift
	if does "$@"; then
		echo "  said: $said"
		return 1
	fi
	says "$_words"
}
works() { # works WORDS OP [ARG]
	_words=$1
	shift
	does "$@" || { echo "  said: $said"; return 1; }
	says "$_words"
}
mounted() { mountpoint -q "/srv/node/$1"; }
sums() { sha256sum "$work"/disk* | cut -c1-64; }
blank() { # both ends are zero, as diskends.h has it
	cmp -s -n 1048576 "$1" /dev/zero && tail -c 1048576 "$1" | cmp -s -n 1048576 - /dev/zero
}
wipe() {
	umount /srv/node/d1 /srv/node/d2 2>/dev/null
	for _d in "$work"/disk?; do
		dd if=/dev/zero of="$_d" bs=1M count=512 conv=notrunc,fsync status=none
	done
}

# ---- entering ----

desired object "$both"
check "the proof fails while nothing is mounted" refuses "is not mounted at /srv/node/d1" xfs-check
check "blank disks are made and mounted" works "d1 " xfs-enter
check "both are there" sh -c 'mountpoint -q /srv/node/d1 && mountpoint -q /srv/node/d2'
check "with label, noatime and in order" sh -c \
	'blkid -p -s LABEL -o value '$b' | grep -qx ondol-d2 &&
	grep -q " /srv/node/d2 rw,nosuid,nodev,noexec,noatime.* xfs '$b' " /proc/self/mountinfo'
uuid=$(blkid -p -s UUID -o value $a)
check "the proof holds, with sizes" works "d1 4" xfs-check
check "it names serial and device" says "on D2 ($b)"
check "a second time changes nothing" works "used" xfs-enter
check "the file system is the same" test "$(blkid -p -s UUID -o value $a)" = "$uuid"
if getent passwd swift >/dev/null; then
	check "Swift owns the root" test "$(stat -c %U /srv/node/d1)" = swift
else
	check "without a Swift, root does" test "$(stat -c %U /srv/node/d1)" = root
fi
echo hello >/srv/node/d1/note
umount /srv/node/d1
if lsattr -d /srv/node/d1 2>/dev/null | grep -q '^[^ ]*i'; then
	check "the place below is immutable" sh -c '! touch /srv/node/d1/x 2>/dev/null'
else
	skip "the place below is immutable: the file system here has no such flag"
fi
check "an unmounted disk is noticed" refuses "disk D1 ($a) is not mounted" xfs-check
check "and mounted again with its data" works "d1 " xfs-enter
check "nothing was made anew" grep -q hello /srv/node/d1/note

# ---- what a node sees after it was installed anew: the same, for it keeps no record ----

umount /srv/node/d1 /srv/node/d2
rmdir /srv/node/d2 2>/dev/null
check "a rack's disks are known without a record" works "d2 " xfs-enter
umount /srv/node/d1 /srv/node/d2
before=$(sums)
desired object "$both" other
check "another rack's are not" refuses "holds xfs (label ondol-d1) with UUID $uuid" xfs-enter
check "and nothing was written" test "$(sums)" = "$before"
desired object "$(disk 2), $(disk 1)"
check "disks out of their order are refused" refuses "was d2 of a node of this rack" xfs-enter
check "and nothing was written then" test "$(sums)" = "$before"

# ---- full, read-only, gone ----

desired object "$both"
does xfs-enter
mount -o remount,ro /srv/node/d2
check "a read-only mount fails the proof" refuses "Read-only file system" xfs-check
mount -o remount,rw /srv/node/d2
fallocate -l "$(($(stat -f -c '%a * %S' /srv/node/d2) - 2000000))" /srv/node/d2/big
check "a full disk fails the proof" refuses "d2 (D2) is full" xfs-check
rm /srv/node/d2/big
umount /srv/node/d2
mv "$sys/nvme2n1" "$work/pulled"
check "a pulled disk does not hold up the others" works "no disk says so" xfs-enter
check "but fails the proof" refuses "serial D2" xfs-check
mv "$work/pulled" "$sys/nvme2n1"
mount -t tmpfs tmpfs /srv/node/d2
check "what else is mounted there is said" refuses "another file system" xfs-enter
umount /srv/node/d2

# ---- leaving ----

does xfs-enter
sleep 1000 3>/srv/node/d1/held &
holder=$!
refuses_busy() {
	refuses "in use by sleep (pid $holder)" xfs-leave /srv/node
}
until [ "$(cat /proc/$holder/comm)" = sleep ]; do :; done
check "a disk in use is not unmounted, and who uses it is said" refuses_busy
kill $holder
wait $holder 2>/dev/null
mkdir -p /srv/node/d2/objects/7
echo x >/srv/node/d2/objects/7/hashes.pkl
check "a disk with data is left and kept" works "D1 ($a, label ondol-d1) holds objects" xfs-leave /srv/node
check "one without objects is made blank" blank "$work/disk2"
check "the other is not" sh -c "blkid -p -s LABEL -o value $a | grep -qx ondol-d1"
check "the places are gone" test ! -e /srv/node
check "leaving twice is fine" works "holds objects" xfs-leave /srv/node
if pvs >/dev/null 2>&1; then
	desired block "$(disk 1)"
	check "the block role is told what the disk holds" \
		refuses "holds xfs (label ondol-d1), expected blank" vg-enter
fi
desired object "$both"
check "back in the role, the data is there" works "d1 " xfs-enter
check "as it was" grep -q hello /srv/node/d1/note

# ---- disks with somebody's data ----

wipe
mkfs.ext4 -q -L mine $a
mkfs.xfs -q -f -L ondol-d2 $b
before=$(sums)
check "a foreign file system is refused and named" refuses "D1 ($a) holds ext4 (label mine)" xfs-enter
check "one with our label but not ours is too" says "D2 ($b) holds xfs (label ondol-d2) with UUID"
check "and nothing was written" test "$(sums)" = "$before"
advice=$(printf %s "$said" | sed -n 's/.*may go: \(wipefs -a [^;"]*nvme1n1\).*/\1/p')
check "what the refusal advises" sh -c "{ $advice; } >/dev/null 2>&1"
check "makes the disk ours" refuses "D2 ($b) holds xfs" xfs-enter
check "and mounts it while the other is refused" mounted d1
wipe
printf 'somebody' | dd of="$work/disk1" bs=1 seek=4000 conv=notrunc,fsync status=none
check "unknown data is refused" refuses "holds unknown-data" xfs-enter

# ---- mkfs.xfs is killed at any of its writes ----

wipe
cut_short() { # cut_short N: at its N-th write
	printf '#!/bin/sh\nexec strace -f -o /dev/null -e trace=pwrite64 -e inject=pwrite64:signal=KILL:when=%s %s "$@"\n' \
		"$1" "$(command -v mkfs.xfs)" >"$work/bin/mkfs.xfs"
	chmod 755 "$work/bin/mkfs.xfs"
	(PATH=$work/bin:$PATH "$bin/ondol-noded" work xfs-enter >/dev/null 2>&1)
}
recovers() {
	for n in 1 2 4 5 6 7 8 9 12 20 40 60; do
		wipe
		cut_short $n
		_state=$(blkid -p -s LABEL -o value $a)
		does xfs-enter || { echo "  write $n ($_state): $said"; return 1; }
		echo seen $n "$_state" >>"$work/cuts"
	done
}
desired object "$(disk 1)"
mkdir "$work/bin"
if command -v strace >/dev/null; then
	check "mkfs.xfs killed at any write is done again" recovers
	check "some left a file system unfinished" grep -q ondol-d1 "$work/cuts"
else
	skip "mkfs.xfs is killed at any write: strace is not installed"
fi
umount /srv/node/d1
finish
