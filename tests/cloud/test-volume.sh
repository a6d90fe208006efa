#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A volume of the student's: made on the block node, over iSCSI a disk of an instance, written
# and read there, taken away again. Containers have the kernel of this machine, and a kernel's
# iSCSI initiator serves its first network namespace alone.
cd "$(dirname "$0")/../.." || exit
. tests/lib/lib.sh
. tests/cloud/lib.sh

if ! has cinder; then
	skip "volumes: cinder is not among this cloud's services"
	finish
	exit
fi
signed_in student
call GET volumev3 /volumes
check "the volume service answers" [ "$code" = 200 ]
type_is_there() {
	[ "$(find_id volumev3 /types volume_types lvm)" ]
}
check "... and has the type lvm" type_is_there
if containers; then
	if ! grep -qw device-mapper /proc/devices; then
		skip "a volume: the block node has no device-mapper (make check-cloud MACHINES=1)"
	else
		skip "a volume: containers have no iSCSI initiator (make check-cloud MACHINES=1)"
	fi
	finish
	exit
fi

check "image, flavour and networks are there" find_parts
make_keypair
send POST volumev3 /volumes "{\"volume\": {\"size\": 1, \"name\": \"$tag\"}}"
made 'd["volume"]["id"]' "a volume"
volume=$id
later remove volumev3 "/volumes/$volume"
check "a volume is made" wait_status 180 volumev3 "/volumes/$volume" 'd["volume"]["status"]' available error
launch "$tag-volume"
check "an instance is active" active "$server"
check "it gets a floating address" give_address "$server"
check "it is reached by SSH" until_true 600 answers_ssh "$address"

send POST compute "/servers/$server/os-volume_attachments" "{\"volumeAttachment\": {\"volumeId\": \"$volume\"}}"
check "the volume is attached: $code" [ "$code" = 200 ]
detach() {
	call DELETE compute "/servers/$server/os-volume_attachments/$volume"
	wait_status 180 volumev3 "/volumes/$volume" 'd["volume"]["status"]' available error
}
later detach
check "... and in use" wait_status 180 volumev3 "/volumes/$volume" 'd["volume"]["status"]' in-use error
size() {
	[ "$(guest "$address" cat /sys/block/vdb/size)" = 2097152 ]
}
check "... a disk of 1 GiB in the instance" until_true 60 size
check "... that can be written and read" guest "$address" 'mkfs.ext4 -q /dev/vdb && mount /dev/vdb /mnt &&
	echo kept >/mnt/file && umount /mnt && mount /dev/vdb /mnt && grep -q kept /mnt/file && umount /mnt'
check "... and taken away again" detach
finish
