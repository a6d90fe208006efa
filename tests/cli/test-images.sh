#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What image building says without building anything, and what built images say of themselves.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

images=${BUILD:-build}/shared/images

key() {
	images/make-tree --key "$1" 2>"$TMP/err"
}

profiles() {
	if ! key core >"$TMP/core"; then
		skip "profiles: $(cat "$TMP/err")"
		return
	fi
	check "a profile's key is one word" grep -qxE '[0-9a-f]{32}' "$TMP/core"
	key full >"$TMP/full"
	key guest >"$TMP/guest"
	check "three profiles have three keys" \
		[ "$(sort -u "$TMP/core" "$TMP/full" "$TMP/guest" | wc -l)" = 3 ]
	key nonesuch >"$TMP/out"
	check "an unknown profile is named" grep -q 'packages.list has no profile \[nonesuch\]' "$TMP/err"
}

# Tables in every dump, nothing that belongs to one rack, nothing that ends another's data.
schema() {
	zcat "$1" >"$TMP/sql"
	check "$1 has tables" grep -q '^CREATE TABLE' "$TMP/sql"
	check "$1 drops nothing" sh -c '! grep -qE "^(DROP|TRUNCATE|DELETE)" "$1"' sh "$TMP/sql"
	check "$1 holds no connection and no account" sh -c \
		'! grep -qE "mysql\+|rabbit:|INSERT INTO .(cell_mappings|user|password|local_user|endpoint)." "$1"' \
		sh "$TMP/sql"
}

schemas() {
	[ -d "$images/full/schema" ] || {
		skip "schemas: no full image is built here (make images-full)"
		return
	}
	check "twelve databases" [ "$(find "$images/full/schema" -name '*.sql.gz' | wc -l)" = 12 ]
	for f in "$images"/full/schema/*.sql.gz; do
		schema "$f"
	done
}

guest() {
	[ -e "$images/guest/manifest.json" ] || {
		skip "guest: no guest image is built here (make images-full)"
		return
	}
	check "the guest's manifest tells the truth" python3 - "$images/guest" <<-'END'
		import hashlib, json, os, sys
		m = json.load(open(sys.argv[1] + "/manifest.json"))
		path = os.path.join(sys.argv[1], m["file"])
		assert m["schema"] == 1 and m["name"] and m["version"] and m["format"] == "qcow2"
		assert m["size_bytes"] == os.stat(path).st_size
		assert m["sha256"] == hashlib.sha256(open(path, "rb").read()).hexdigest()
		assert m["min_disk_gb"] << 30 >= m["virtual_size_bytes"] and m["min_ram_mb"] > 0
	END
}

profiles
schemas
guest
finish
