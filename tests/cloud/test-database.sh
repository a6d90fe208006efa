#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Trove: its API answers and shows the datastore that the cloud comes with. No database is
# started: that needs an image with Trove's guest agent in it.
cd "$(dirname "$0")/../.." || exit
. tests/lib/lib.sh
. tests/cloud/lib.sh

if ! has trove; then
	skip "databases: trove is not among this cloud's services"
	finish
	exit
fi
signed_in student
check "the database service answers" call GET database /instances
check "... the student has no instance yet" [ "$(value 'len(d["instances"])')" = 0 ]
call GET database /datastores
names=$(value '" ".join(x["name"] for x in d["datastores"])')
check "a datastore is registered: $names" [ -n "$names" ]
for name in $names; do
	call GET database "/datastores/$name/versions"
	versions=$(value '" ".join(x["name"] for x in d["versions"])')
	check "... $name in the versions: $versions" [ -n "$versions" ]
done
finish
