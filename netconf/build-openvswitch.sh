#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds libopenvswitch from Debian's package openvswitch-source into DEST and keeps of it
# only what ondol-netconf needs: DEST/libopenvswitch.a, DEST/include/ and DEST/VERSION.
# Debian has no libopenvswitch-dev, and the IDL API holds only within a minor release, so
# the library is the one of the very source that openvswitch-switch was built from.
# usage: build-openvswitch.sh DEST
set -eu

SOURCE=${OVS_SOURCE:-/usr/src/openvswitch/openvswitch.tar.gz}
SUPPORTED=3.1
self=$(realpath "$0")
dest=$(realpath -m "$1")
log=$dest.log
work=$dest.work

if [ ! -r "$SOURCE" ]; then
	echo "build-openvswitch: $SOURCE is not there; install the package" \
		"openvswitch-source ('make deps' does)" >&2
	exit 1
fi
mkdir -p "$(dirname "$dest")"
# Two variants may be built at the same time; the second finds the work done.
exec 9>"$dest.lock"
flock 9
if [ -n "$(find "$dest/libopenvswitch.a" -newer "$self" 2>/dev/null)" ]; then
	exit 0
fi

build() {
	rm -rf "$work"
	mkdir -p "$work"
	tar -xzf "$SOURCE" -C "$work" --strip-components=1
	cd "$work"
	version=$(sed -n "s/^PACKAGE_VERSION='\(.*\)'/\1/p" configure)
	case $version in
	$SUPPORTED.*) ;;
	*) echo "$SOURCE is $version; ondol is written for $SUPPORTED"; return 1 ;;
	esac
	./configure --disable-ssl --disable-libcapng --disable-shared CC=gcc \
		CFLAGS='-O2 -g1 -fPIC -ffunction-sections -fdata-sections'
	# lib/libopenvswitch.la alone does not pull in automake's BUILT_SOURCES.
	printf 'include Makefile\nondol-built-sources: $(BUILT_SOURCES)\n' >ondol.mk
	make -f ondol.mk ondol-built-sources
	make -j"$(nproc)" lib/libopenvswitch.la
	mkdir -p keep/include
	find include lib config.h -name '*.h' | tar -cf - -T - | tar -xf - -C keep/include
	cp lib/.libs/libopenvswitch.a keep/
	echo "$version" >keep/VERSION
}

# The caller's make must not pass its flags and variables to this one.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES
# Not "if ! build": there the shell would go on after a command that failed.
set +e
(set -e; build) >"$log" 2>&1
status=$?
set -e
if [ $status -ne 0 ]; then
	tail -n 40 "$log" >&2
	echo "build-openvswitch: failed; the whole output is in $log" >&2
	exit 1
fi
rm -rf "$dest"
mv "$work/keep" "$dest"
rm -rf "$work"
