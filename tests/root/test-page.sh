#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The page of a real ondold in a headless Chromium, in a network namespace of its own; see
# page-browser.py. Usage: test-page.sh [DIRECTORY OF ondold [DIRECTORY FOR SCREENSHOTS]].
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/lib.sh
. tests/lib/ondold.sh
flow 280 "the page" "chromium chromedriver" tests/root/page-browser.py "${1:-${BUILD:-build}/debug}" "${2:-}"
