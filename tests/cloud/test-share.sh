#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A share of the student's: mounted by two instances over NFS; what one writes the other reads.
cd "$(dirname "$0")/../.." || exit
. tests/lib/lib.sh
. tests/cloud/lib.sh

if ! has manila; then
	skip "shares: manila is not among this cloud's services"
	finish
	exit
fi
signed_in student
call GET sharev2 /shares
check "the share service answers" [ "$code" = 200 ]
if containers && ! grep -qw device-mapper /proc/devices; then
	skip "a share: the block node has no device-mapper, and so no logical volumes"
	finish
	exit
fi

check "image, flavour and networks are there" find_parts
make_keypair
send POST sharev2 /shares \
	"{\"share\": {\"share_proto\": \"NFS\", \"size\": 1, \"name\": \"$tag\", \"share_type\": \"default\"}}"
made 'd["share"]["id"]' "a share"
share=$id
later remove sharev2 "/shares/$share"
check "a share is made" wait_status 240 sharev2 "/shares/$share" 'd["share"]["status"]' available error

addresses=
for name in one two; do
	launch "$tag-$name"
	check "instance $name is active" active "$server"
	check "... and gets a floating address" give_address "$server"
	addresses="$addresses $address"
done
# the block node sees them by their floating addresses
allowed() {
	call GET sharev2 "/share-access-rules?share_id=$share" &&
		[ "$(value 'sorted({r["state"] for r in d["access_list"]})')" = "['active']" ]
}
for address in $addresses; do
	check "$address is reached by SSH" until_true 600 answers_ssh "$address"
	send POST sharev2 "/shares/$share/action" \
		"{\"allow_access\": {\"access_type\": \"ip\", \"access_to\": \"$address\", \"access_level\": \"rw\"}}"
	check "... and may use the share" [ "$code" = 200 ]
done
check "the share is given out to both" until_true 120 allowed
call GET sharev2 "/shares/$share/export_locations"
path=$(value 'd["export_locations"][0]["path"]')
for address in $addresses; do
	check "$address mounts $path" guest "$address" timeout $((120 * patience / 100)) mount -t nfs4 "$path" /mnt
done
host=${path%%:*}
# the node is there for its shares alone
reached() { guest "$1" timeout $((10 * patience / 100)) bash -c "'exec 3<>/dev/tcp/$host/$2'"; }
check "... the node's NFS is reached" reached "$address" 2049
not() { ! "$@"; }
check "... and not its SSH" not reached "$address" 22
one=${addresses% *} two=${addresses##* }
check "what one writes" guest "${one# }" 'echo shared >/mnt/file && sync /mnt/file'
check "... the other reads" [ "$(guest "$two" cat /mnt/file)" = shared ]
for address in $addresses; do
	guest "$address" umount /mnt
done
finish
