#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `ondol image`, over images of a few bytes that are signed by a real key.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

images=$TMP/images
core=$images/core

# image VERSION SERIAL: an image, signed
make_image() {
	mkdir -p "$core"
	openssl pkey -in "$TMP/key.pem" -pubout -out "$core/image-keys.pem"
	python3 - "$core" "$1" "$2" <<-'END'
		import hashlib, json, sys
		where, version, serial = sys.argv[1:]
		def put(name, data, **more):
		    open(f"{where}/{name}", "wb").write(data)
		    return {"file": name, **more, "sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data)}
		m = {"schema": 1, "profile": "core", "version": version, "serial": int(serial),
		     "kernel": put("vmlinuz", b"kernel"), "initrd": put("initrd.img", b"initrd"),
		     "root": put("root.erofs.zst", b"root", format="erofs", raw_bytes=4096),
		     "keys": put("image-keys.pem", open(f"{where}/image-keys.pem", "rb").read()),
		     "sbom": put("sbom.json", b"{}"), "packages": 3}
		json.dump(m, open(f"{where}/manifest.json", "w"))
	END
	images/sign-image "$TMP/key.pem" "$core/manifest.json" "$core/manifest.sig"
}

openssl genpkey -quiet -algorithm ed25519 -out "$TMP/key.pem"
openssl genpkey -quiet -algorithm ed25519 -out "$TMP/other.pem"
run image list --images "$images"
expect "a folder that is not there" 2 "No such file or directory"
mkdir "$images"
run image list --images "$images"
expect "no image" 0 "has no image" "ondol image build core"
make_image 0.1.0-abc 202612010637
id=$(openssl pkey -in "$TMP/key.pem" -pubout -outform DER | sha256sum | cut -c1-16)
run image list --images "$images"
expect "an image is listed" 0 "0.1.0-abc" "202612010637" "signed by $id"
run image list --images "$images" --json
expect "... as JSON" 0 '"version": "0.1.0-abc"' '"serial": 202612010637' "\"signed_by\": \"$id\""
run image verify --images "$images"
expect "it is whole" 0 "core: 0.1.0-abc is whole, signed by $id"
check "anybody can check the signature" openssl pkeyutl -verify -pubin -inkey "$core/image-keys.pem" \
	-rawin -in "$core/manifest.json" -sigfile "$core/manifest.sig"
run image verify nonesuch --images "$images"
expect "an image that is not there" 1 "nonesuch" "No such file"

printf rOot >"$core/root.erofs.zst"
run image list --images "$images"
expect "a flipped bit is not seen by its size" 0 "signed by $id"
run image verify --images "$images"
expect "... but by its digest" 1 "root.erofs.zst: expected SHA-256"
run image verify --images "$images" --json
expect "... also as JSON" 1 '"ok": false' '"error": "'
printf roo >"$core/root.erofs.zst"
run image list --images "$images"
expect "a truncated file" 1 "expected a file of 4 bytes"

make_image 0.1.0-abc 202612010637
sed -i 's/202612010637/202712010637/' "$core/manifest.json"
run image list --images "$images"
expect "a manifest that was changed" 1 "signed by none of the keys"
make_image 0.1.0-abc 202612010637
images/sign-image "$TMP/other.pem" "$core/manifest.json" "$core/manifest.sig"
run image verify core --images "$images"
expect "another key" 1 "signed by none of the keys"
printf short >"$core/manifest.sig"
run image verify core --images "$images"
expect "half a signature" 1 "expected a signature of 64 bytes"
rm "$core/manifest.sig"
run image verify core --images "$images"
expect "no signature" 1 "is not signed"

mkdir -p "$core/tree/usr" "$images/debs" "$core/mine"
echo data >"$core/tree/usr/file"
run image prune --images "$images"
expect "prune asks" 2
check "... and removed nothing" test -e "$core/tree/usr/file"
run image prune --images "$images" --yes
expect "prune" 0 "$core/tree" "are free again"
check "... removes what building left" test ! -e "$core/tree" -a ! -e "$images/debs"
check "... and nothing else" test -e "$core/manifest.json" -a -e "$core/mine" -a -e "$core/root.erofs.zst"
run image prune --images "$images" --yes
expect "nothing to prune" 0 "Nothing is there"

check "what an image is built from can be installed" images/install-kit "$TMP/kit" "$(dirname "$ONDOL")"
touch "$TMP/kit/roles/dropped.ini"
check "... again" images/install-kit "$TMP/kit" "$(dirname "$ONDOL")"
check "... without what an earlier one left" test ! -e "$TMP/kit/roles/dropped.ini"
lost() { # files of the source tree that a build of images reads and the kit lacks
	find images roles initramfs nodeagent netconf -type f \( -path 'images/*' -o -name '*.ini' -o -path '*/templates/*' \
		-o -name '*.list' -o -name build-initramfs -o -name '*.service' \) ! -name '*.[ch]' ! -name module.mk \
		! -name install-kit | while read -r f; do
		[ -e "$TMP/kit/$f" ] || echo "$f"
	done
}
lost >"$TMP/lost"
check "... with all that it takes: $(tr '\n' ' ' <"$TMP/lost")" test ! -s "$TMP/lost"

run image
expect "no word" 2 "expected build, list, verify or prune"
run image sign
expect "another word" 2 'no "sign"'
run image build
expect "build what" 2 "expected one profile"
run image build ../core --images "$images"
expect "a profile is a word" 2 "plain word"
if [ "$(id -u)" = 0 ]; then
	run image build core --kit "$TMP/nowhere" --images "$images"
	expect "build without a kit" 1 "make install"
fi
end
