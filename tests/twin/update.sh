#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A node that is ready takes another image: one that works and is kept, one in which nothing of
# ondol's starts and that goes back by itself, and one whose trial a power cut ends.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/lib.sh
. tests/lib/rack.sh
need_root
images=$work/images

# image_named NAME: what nodes get from now on is of that version
image_named() {
	sed -i "s/\"version\": \"[^\"]*\"/\"version\": \"$1\"/" "$images/core/manifest.json"
}
# The image without what would make the node ready, as a build that went wrong would be.
break_image() {
	zstd -qdc build/shared/images/core/root.erofs.zst >"$work/root.erofs" &&
		fsck.erofs --extract="$work/tree" "$work/root.erofs" >/dev/null &&
		rm "$work/root.erofs" "$work/tree/usr/sbin/ondol-noded" &&
		mkfs.erofs --quiet -E noinline_data "$work/root.erofs" "$work/tree" >/dev/null &&
		rm -rf "$work/tree" "$images/core/root.erofs.zst" &&
		zstd -q -3 --rm "$work/root.erofs" -o "$images/core/root.erofs.zst" &&
		python3 - "$images/core" "$1" <<-'END'
			import hashlib, json, os, subprocess, sys
			path = sys.argv[1] + "/manifest.json"
			m = json.load(open(path))
			root = sys.argv[1] + "/root.erofs.zst"
			m["version"] = sys.argv[2]
			m["root"]["sha256"] = hashlib.file_digest(open(root, "rb"), "sha256").hexdigest()
			m["root"]["size_bytes"] = os.path.getsize(root)
			raw = subprocess.run(["sh", "-c", f"zstd -qdc {root} | wc -c"], capture_output=True, check=True)
			m["root"]["raw_bytes"] = int(raw.stdout)
			json.dump(m, open(path, "w"))
		END
}
boots() { "$bin/ondol" why hp02 --all --json | grep -c '"noded.up"'; }

mkdir -p "$images" && cp -a build/shared/images/core "$images/"
rm -rf "$images/core/tree" "$images/core/boot" # a builder's own
check "the rack file is made" rack_file --node hp02
sed -i '/^\[deploy\]/a image = core' "$rack"
check "twin and ondold come up" rack_up --memory 768
if ! "$bin/ondol" apply "$rack" --yes; then
	notok "apply"
	on_trouble hp02
fi
check "the node is ready" test "$(field hp02 state)" = ready
first=$(field hp02 image)
check "without another image nothing is done" sh -c "'$bin/ondol' update hp02 --yes | grep -q 'has image $first already'"

image_named second
started=$(clock)
if "$bin/ondol" update hp02 --yes; then
	ok "another image is taken, after $(($(clock) - started)) s"
else
	notok "another image is taken"
	on_trouble hp02
fi
check "the node runs it and is ready" test "$(field hp02 image) $(field hp02 state)" = "second ready"
check "its identity is what it was" sh -c "! '$bin/ondol' why hp02 --all --json | grep -q enrol.refused"
up=$(boots)
"$bin/ondol" power hp02 reset --yes >/dev/null
check "the firmware starts the new slot" until_true 300 sh -c "[ \"\$('$bin/ondol' why hp02 --all --json | grep -c '\"noded.up\"')\" -gt $up ]"
check "... which is ready again" until_true 120 sh -c "'$bin/ondol' status hp02 | grep -q ready"
check "... with that image" test "$(field hp02 image)" = second

check "a broken image is made" break_image third
started=$(clock)
ONDOL_TRIAL=1 "$bin/ondol" update hp02 --yes >"$work/third" 2>&1
code=$?
check "an image that does not become ready is no success" test "$code" = 1
check "... and that is said" grep -q "image third did not become ready" "$work/third"
cat "$work/third"
echo "back after $(($(clock) - started)) s"
check "the node is back at the one before" until_true 120 sh -c "[ \"\$('$bin/ondol' status hp02 --json | grep -c '\"second\"')\" -gt 0 ]"
check "... and ready" until_true 120 sh -c "'$bin/ondol' status hp02 | grep -q ready"
check "down" "$bin/ondol-twin" down --dir "$twin"
check "nothing stays behind" nothing_stays
finish
