# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# What a site adds to its images, and whom their nodes trust: ondol(1), IMAGES. build-image
# sources it, and so does its test. $site is the site's folder, the image's root is ./root, and
# die and say are the caller's.

# The words of a list of the site's, comments cut.
site_words() {
	[ ! -e "$site/$1" ] || sed 's/#.*//' "$site/$1" | xargs -rn 1
}

# An Ed25519 key, and no other beside it in its file: openssl would sign with any.
is_ed25519() { # FILE [-pubin]
	[ "$(grep -c '^-----BEGIN' "$1")" = 1 ] &&
		openssl pkey ${2:+"$2"} -in "$1" -noout -text 2>/dev/null | grep -q '^ED25519 '
}

# Of two builds that make one at once the first counts.
signing_key() {
	mkdir -p "$site"
	[ -e "$site/key.pem" ] || {
		new=$(mktemp "$site/key.pem.XXXXXX")
		openssl genpkey -quiet -algorithm ed25519 -out "$new"
		ln "$new" "$site/key.pem" 2>/dev/null &&
			say "made the key that signs images: $site/key.pem; keep a copy, nodes take no other's"
		rm "$new"
	}
	case $(stat -c %a "$site/key.pem") in
	*00) ;;
	*) die "$site/key.pem: others may read it: chmod 600" ;;
	esac
	is_ed25519 "$site/key.pem" || die "$site/key.pem: expected one private key (Ed25519, PEM)"
}

# The keys and the oldest image that nodes with this one accept.
trust() {
	install -d root/usr/share/ondol
	openssl pkey -in "$site/key.pem" -pubout -out root/usr/share/ondol/image-keys.pem
	for f in "$site"/keys/*.pem; do
		[ -e "$f" ] || continue
		is_ed25519 "$f" -pubin || die "$f: expected one public key (Ed25519, PEM)"
		openssl pkey -pubin -in "$f" -pubout >>root/usr/share/ondol/image-keys.pem
	done
	floor=$(site_words floor)
	case $floor in
	'') floor=0 ;;
	*[!0-9]* | ?????????????*) die "$site/floor: expected a serial such as 202612010600" ;;
	esac
	[ "$floor" -le "$(build_time)" ] ||
		die "$site/floor: nodes would refuse the very image that is built now, which is older"
	echo "$floor" >root/usr/share/ondol/image-floor
	chmod 644 root/usr/share/ondol/image-*
}

# What a serial is made of: the minute, UTC.
build_time() {
	date -u ${SOURCE_DATE_EPOCH:+-d "@$SOURCE_DATE_EPOCH"} +%Y%m%d%H%M
}

# Files as they are, drivers and firmware among them: before the initramfs is made of them. By the
# image's own tar in the image's own root, so that no link of it leads out of it; what is a folder
# there, or a link to one (/lib), stays as it is.
site_files() {
	[ -d "$site/files" ] || return 0
	kernel=$(basename "$(dirname "$(echo root/usr/lib/modules/*/modules.dep)")")
	for d in "$site"/files/lib/modules/* "$site"/files/usr/lib/modules/*; do
		[ ! -d "$d" ] || [ "$(basename "$d")" = "$kernel" ] ||
			die "$d: the image's kernel is $kernel: modules of another are of no use"
	done
	tar -C "$site/files" --owner=0 --group=0 -cf work/site.tar .
	chroot root tar -xf - --no-overwrite-dir --keep-directory-symlink <work/site.tar
	rm work/site.tar
	depmod -b root "$kernel"
}

# What of that the initramfs depends on.
site_driver_files() {
	for d in lib/modules lib/firmware usr/lib/modules usr/lib/firmware; do
		[ ! -d "$site/files/$d" ] || find "$site/files/$d" -type f -print0
	done
}

# Before ondol's own preset, whose last line disables all others.
site_presets() {
	for u in $(site_words units.list); do
		[ -e "root/usr/lib/systemd/system/$u" ] || [ -e "root/etc/systemd/system/$u" ] ||
			die "$site/units.list: the image has no unit $u"
		echo "enable $u"
	done >root/usr/lib/systemd/system-preset/00-a-site.preset
}
