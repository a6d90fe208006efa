#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A node that is ready takes another image: one that works and is kept, one whose kernel panics,
# one that hangs, and (TRIAL_END=1) one in which nothing of ondol's starts; from these it goes back
# by itself. One that is not signed by the rack's key is not taken.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/lib.sh
. tests/lib/rack.sh
need_root
# break_image NAME COMMAND: an image of that version, after that was done in its tree, $work/tree
break_image() {
	fsck.erofs --extract="$work/tree" "$work/root.erofs" >/dev/null &&
		eval "$2" &&
		mkfs.erofs --quiet -E noinline_data "$work/broken.erofs" "$work/tree" >/dev/null &&
		rm -rf "$work/tree" &&
		_digest=$("$bin/ondol-imagepack" "$work/broken.erofs" "$images/core/root.erofs.zst" "$images/core/root.blocks" 3) &&
		python3 - "$images/core" "$1" "$(stat -c %s "$work/broken.erofs")" "$_digest" <<-'END' &&
			import hashlib, json, os, sys
			where, version, raw_bytes, digest = sys.argv[1:]
			m = json.load(open(f"{where}/manifest.json"))
			for part in ("root", "blocks"):
			    path = f"{where}/{m[part]['file']}"
			    m[part].update(sha256=hashlib.file_digest(open(path, "rb"), "sha256").hexdigest(),
			                   size_bytes=os.path.getsize(path))
			m["version"] = version
			m["root"].update(raw_bytes=int(raw_bytes), raw_sha256=digest)
			json.dump(m, open(f"{where}/manifest.json", "w"))
		END
		sign_image build/shared/images/site/key.pem && rm "$work/broken.erofs"
}
# goes_back NAME: an update to it fails, and the node is ready again with the image before
goes_back() {
	_started=$(clock)
	"$bin/ondol" update hp02 --yes >"$work/$1" 2>&1
	_code=$?
	_took=$(($(clock) - _started))
	check "an image that does not become ready is no success ($_took s)" test "$_code" = 1
	check "... and that is said" grep -q "image $1 did not become ready" "$work/$1"
	check "... the node is ready again" until_true 300 is_ready
	check "... with the image before" test "$(field hp02 image)" = second
}
is_ready() { [ "$(field hp02 state)" = ready ]; }
boots() { "$bin/ondol" why hp02 --all --json | grep -c '"noded.up"'; }

check "images of its own" own_images
check "the rack file is made" rack_file --node hp02
check "twin and ondold come up" rack_up --memory 768
if ! "$bin/ondol" apply "$rack" --yes; then
	notok "apply"
	on_trouble hp02
fi
check "the node is ready" test "$(field hp02 state)" = ready
first=$(field hp02 image)
check "without another image nothing is done" sh -c "'$bin/ondol' update hp02 --yes | grep -q 'has image $first already'"

# refused WORDS: what the node says before it writes anything
refused() {
	"$bin/ondol" update hp02 --yes >"$work/refused" 2>&1
	test $? = 1 && grep -q "$1" "$work/refused"
}
openssl genpkey -quiet -algorithm ed25519 -out "$work/stranger.pem"
image_named second
cp "$images/core/image-keys.pem" "$work/keys.pem"
# a deployment host that was broken into serves what it likes, and says that it trusts it
openssl pkey -in "$work/stranger.pem" -pubout -out "$images/core/image-keys.pem"
digest=$(sha256sum "$images/core/image-keys.pem" | cut -c1-64)
sed -i "/\"keys\"/s/\"sha256\": \"[^\"]*\"/\"sha256\": \"$digest\"/" "$images/core/manifest.json"
sign_image "$work/stranger.pem"
check "an image that a stranger's key has signed is refused by the node" refused "none of the keys that this node trusts"
check "... which goes on as before" test "$(field hp02 image) $(field hp02 state)" = "$first ready"
cp "$work/keys.pem" "$images/core/image-keys.pem"
cp build/shared/images/core/manifest.json "$images/core/"
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
# what is kept is kept, whatever is started later, and another can follow
image_named again
check "a second one is taken, without a start of the firmware in between" "$bin/ondol" update hp02 --yes
image_named second
check "... and the first once more" "$bin/ondol" update hp02 --yes
check "a slot's image comes from the other slot" sh -c "'$bin/ondol' why hp02 --all | grep 'bytes were fetched'"
up=$(boots)
"$bin/ondol" power hp02 reset --yes >/dev/null
came_up() { [ "$(boots)" -gt "$up" ]; }
check "the firmware starts the new slot" until_true 300 came_up
check "... which becomes ready" until_true 300 is_ready
check "... with that image" test "$(field hp02 image)" = second

zstd -qd build/shared/images/core/root.erofs.zst -o "$work/root.erofs"
check "an image is made whose initramfs is none" break_image third "echo none >'$work/tree/boot/initrd.img'"
goes_back third
check "an image is made that hangs" break_image hung "rm '$work/tree/usr/sbin/init' && printf '#!/bin/sh\nexec sleep infinity\n' >'$work/tree/usr/sbin/init' && chmod 755 '$work/tree/usr/sbin/init'"
goes_back hung
# ondold gives up after 25 minutes, and would not have reset it
check "... it was the watchdog" test "$_took" -lt 1200
if [ -n "${TRIAL_END:-}" ]; then # ten minutes
	check "an image is made in which nothing of ondol's starts" break_image fourth "rm '$work/tree/usr/sbin/ondol-noded'"
	goes_back fourth
fi
check "down" "$bin/ondol-twin" down --dir "$twin"
check "nothing stays behind" nothing_stays
finish
