#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each baked schema loads into an empty database, and the service's own schema step then
# changes nothing. Needs root and a full image; about half a minute.
set -u
TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/lib/lib.sh
. "$TOP/tests/lib/lib.sh"
full=${BUILD:-$TOP/build}/shared/images/full

if [ "$(id -u)" != 0 ]; then
	skip "the schemas: needs root"
elif [ ! -d "$full/schema" ]; then
	skip "the schemas: no full image is built here (make images-full)"
else
	check "the schemas are what their services want" \
		"$TOP/images/bake-schema" --check "$full/tree" "$full/schema"
fi
finish
