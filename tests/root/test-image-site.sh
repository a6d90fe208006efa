#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a site adds to its images (images/site.sh), over the package tree of the core image, in a
# mount namespace of its own: nothing stays mounted.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/lib.sh
top=$PWD
if [ "$(id -u)" != 0 ]; then
	skip "this needs root: it mounts"
	finish
	exit
fi
tree=${BUILD:-build}/shared/images/core/tree
if [ ! -d "$tree" ]; then
	skip "no package tree of the core image at $tree; make images"
	finish
	exit
fi
[ "${IN_NAMESPACE:-}" = 1 ] || IN_NAMESPACE=1 exec unshare --mount --propagation private -- "$0"
tree=$(readlink -f "$tree")
work=$(mktemp -d)
mount -t tmpfs -o mode=755 tmpfs "$work"
trap 'umount -l "$work" 2>/dev/null; rmdir "$work"' EXIT
trap 'exit 130' INT TERM
cd "$work" || exit 1
mkdir site upper over root work
mount -t overlay -o "lowerdir=$tree,upperdir=upper,workdir=over" overlay root

# with FUNCTION: as build-image has it, in a shell that ends with the first failure
with() {
	ran=$(site=$work/site top=$top sh -euc '
		die() { echo "image: $*" >&2; exit 1; }
		say() { echo "image: $*"; }
		. "$top/images/site.sh"
		"$@"' sh "$@" 2>&1)
}
refused() { # WORDS FUNCTION
	_words=$1
	shift
	! with "$@" && case $ran in *"$_words"*) true ;; *) echo "$ran" && false ;; esac
}
mode() { stat -c %a "root/$1"; }

check "nothing said, nothing added" with site_files
check "a key is made" with signing_key
check "... that nobody else reads" test "$(stat -c %a site/key.pem)" = 600
before=$(sha256sum site/key.pem)
check "... once" with signing_key
check "... and no other" test "$before" = "$(sha256sum site/key.pem)"
check "its public half goes into the image" with trust
check "... with no floor" test "$(cat root/usr/share/ondol/image-floor)" = 0
# shellcheck disable=SC2016
check "... which checks what it signs" sh -c '
	echo words >words && "$1/images/sign-image" site/key.pem words sig &&
	openssl pkeyutl -verify -pubin -inkey root/usr/share/ondol/image-keys.pem -rawin -in words -sigfile sig >/dev/null' sh "$top"
chmod 644 site/key.pem
check "a key that others read is refused" refused "others may read it" signing_key
chmod 400 site/key.pem
check "one that its owner only reads is not" with signing_key
mkdir site/keys
openssl genpkey -quiet -algorithm ed25519 | openssl pkey -pubout -out site/keys/next.pem
check "another public key is trusted as well" with trust
check "... beside the first" test "$(grep -c BEGIN root/usr/share/ondol/image-keys.pem)" = 2
openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 | openssl pkey -pubout -out site/keys/other.pem
check "one of another kind is refused" refused "expected one public key" trust
rm -r site/keys
mv site/key.pem key.pem
openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out site/key.pem
chmod 600 site/key.pem
check "a private key of another kind is refused" refused "expected one private key" signing_key
# shellcheck disable=SC2016
check "... by who signs, too" sh -c '! "$1/images/sign-image" site/key.pem words sig2 2>/dev/null && [ ! -e sig2 ]' sh "$top"
mv key.pem site/key.pem

echo "202611200000 # the hole of November" >site/floor
check "a floor is taken" with trust
check "... without its comment" test "$(cat root/usr/share/ondol/image-floor)" = 202611200000
for bad in soon 20261120000000; do
	echo $bad >site/floor
	check "a floor \"$bad\" is refused" refused "expected a serial" trust
done
echo 999912312359 >site/floor
check "so is one that the image itself does not reach" refused "nodes would refuse" trust
rm site/floor

kernel=$(basename root/usr/lib/modules/*)
umask 077
mkdir -p "site/files/lib/firmware/vendor" "site/files/usr/lib/modules/$kernel/updates" site/files/etc/vendor
umask 022
echo blob >site/files/lib/firmware/vendor/nic.bin
echo words >site/files/etc/vendor/words
cp "$(find root/usr/lib/modules/ -name 'dummy.ko*' | head -1)" "site/files/usr/lib/modules/$kernel/updates/"
etc=$(mode etc) slash=$(mode .)
# a link that leads out of the image when the host follows it
ln -sfn "$work/host" root/etc/vendor-link
mkdir -p host "site/files/etc"
echo mine >host/file
check "files are added" with site_files
check "... where /lib is a link" grep -q blob root/usr/lib/firmware/vendor/nic.bin
check "... and stays one" test -L root/lib
check "... with folders' modes as they were" test "$(mode .) $(mode etc)" = "$slash $etc"
check "... a driver is known to the image's kernel" grep -q updates/dummy.ko "root/usr/lib/modules/$kernel/modules.dep"
mkdir -p site/files/etc/vendor-link
echo theirs >site/files/etc/vendor-link/file
with site_files
check "no file gets out of the image" grep -q mine host/file
rm -r site/files/etc/vendor-link
mkdir -p site/files/usr/lib/modules/1.2.3-other
check "a driver of another kernel is refused" refused "the image's kernel is $kernel" site_files
rm -r site/files

echo "fstrim.timer # weekly" >site/units.list
cp "$top/images/rootfs/usr/lib/systemd/system-preset/00-ondol.preset" root/usr/lib/systemd/system-preset/
check "a unit is wished for" with site_presets
systemctl --quiet --root=root preset-all 2>/dev/null
check "... and enabled, whatever ondol's presets say" test "$(systemctl --root=root is-enabled fstrim.timer)" = enabled
echo fstrin.timer >site/units.list
check "one that is misspelt is refused" refused "the image has no unit fstrin.timer" site_presets
finish
