# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# A real ondold in namespaces of its own, driven by a Python program. After lib.sh.

# flow LIMIT_S WHAT "MORE TOOLS" PROGRAM DIRECTORY_OF_ONDOLD [ARGUMENT]: ends the test itself
flow() {
	limit=$1 what=$2 tools=$3 program=$4 bin=$5
	if [ "$(id -u)" -ne 0 ]; then
		skip "$what: needs root for a network namespace"
		finish
		exit
	fi
	for tool in dnsmasq ipmitool ipmi_sim /usr/bin/python3 ip unshare $tools; do
		if ! command -v "$tool" >/dev/null; then
			skip "$what: $tool is not installed"
			finish
			exit
		fi
	done
	if [ ! -x "$bin/ondold" ] || [ ! -x "$bin/ondol" ]; then
		notok "$bin/ondold or $bin/ondol is not built"
		finish
		exit
	fi
	work=$(mktemp -d /tmp/ondold-test.XXXXXX)
	trap 'rm -rf "$work"' EXIT
	trap 'exit 130' INT TERM
	# A PID namespace: whatever the test starts ends with it.
	# /usr/bin/python3: the modules are Debian packages, wherever another python3 comes first.
	timeout -k 5 "$limit" unshare --net --mount --pid --fork --kill-child --mount-proc \
		/usr/bin/python3 "$program" "$bin/ondold" "$work" "${6:-}"
}
