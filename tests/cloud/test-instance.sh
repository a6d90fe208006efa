#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The student's instance: launched from the guest image, reached by a floating address, in it
# one is root; its console, its agent, its metadata, and its samples in Gnocchi. All of one
# instance, since an emulated one takes minutes to boot.
cd "$(dirname "$0")/../.." || exit
. tests/lib/lib.sh
. tests/cloud/lib.sh

signed_in student admin
check "image, flavour and networks are there" find_parts
make_keypair
ok "a keypair is made"
launch "$tag-one"
check "the instance is active" active "$server"
ok "... after $(clock) s"
check "it gets a floating address" give_address "$server"

# ---- its consoles, while it boots ----

console_has_text() {
	send POST compute "/servers/$server/action" '{"os-getConsoleOutput": {"length": 50}}' &&
		[ "$(value 'len(d["output"].strip())')" -gt 20 ]
}
check "it writes to its serial console" until_true 120 console_has_text

api_version="compute 2.6"
send POST compute "/servers/$server/remote-consoles" \
	'{"remote_console": {"protocol": "vnc", "type": "novnc"}}'
api_version=
url=$(value 'd["remote_console"]["url"]')
case $url in
https://*) ok "its screen is at ${url%%\?*}" ;;
*) notok "its screen has an address: $(why)" ;;
esac
page=$(host curl --silent --cacert "$ca" --location --max-time 60 --output "$answer" \
	--write-out '%{http_code}' "$url")
check "... whose page is there" [ "$page" = 200 ]
check "... and is noVNC" grep -qi novnc "$answer"
check "... and whose screen greets" host python3 "$PWD/tests/cloud/vnc-greets" "$ca" "$url"
check "... but not without its token" \
	sh -c '! "$@" 2>/dev/null' - "$bin/ondol-twin" exec --dir "$twin" -- \
	python3 "$PWD/tests/cloud/vnc-greets" "$ca" "${url%%\?*}?path=%3Ftoken%3D00000000-0000-0000-0000-000000000000"

# ---- in it ----

if until_true 600 answers_ssh "$address"; then
	ok "it is reached by SSH at $address, $(clock) s after the start"
	check "... as root" [ "$(guest "$address" id -u)" = 0 ]
	check "... with its name" [ "$(guest "$address" hostname)" = "$tag-one" ]
	uuid=$(guest "$address" 'bash -c "exec 3<>/dev/tcp/169.254.169.254/80
		printf \"GET /openstack/latest/meta_data.json HTTP/1.0\r\n\r\n\" >&3; cat <&3"' |
		sed -n 's/.*"uuid": *"\([^"]*\)".*/\1/p')
	check "it finds itself in the metadata" [ "$uuid" = "$server" ]
	check "it reaches the world outside the cloud" guest "$address" ping -c 1 -W 10 "$(
		as admin call GET network "/v2.0/subnets?network_id=$external"
		value 'd["subnets"][0]["gateway_ip"]')"
else
	notok "it is reached by SSH at $address"
	send POST compute "/servers/$server/action" '{"os-getConsoleOutput": {"length": 30}}'
	value 'd["output"]'
fi

# ---- the agent in it ----

as admin call GET compute "/servers/$server"
where=$(value 'd["server"]["OS-EXT-SRV-ATTR:host"]')
agent_answers() {
	node "$where" virsh --quiet qemu-agent-command --timeout 10 "$server" \
		'{"execute": "guest-ping"}' >/dev/null 2>&1
}
if ! containers; then
	skip "the QEMU guest agent: the twin runs commands only in nodes that are containers"
else
	check "its QEMU guest agent answers on $where" until_true 120 agent_answers
fi

# ---- its samples ----

has_metric() { # has_metric NAME: its id in $metric
	call GET metric "/v1/resource/instance/$server" &&
		metric=$(value 'd["metrics"][sys.argv[1]]' "$1")
}
has_samples() {
	has_metric "$1" && call GET metric "/v1/metric/$metric/measures" &&
		sample=$(value 'd[-1][2]')
}
if has telemetry; then
	for name in cpu memory.usage; do
		if until_true 240 has_samples $name; then
			ok "its samples are in Gnocchi: $name is $sample, $(clock) s after the start"
		else
			notok "its samples are in Gnocchi: no $name: $(why)"
		fi
	done
else
	skip "its samples: telemetry is not among this cloud's services"
fi

call DELETE compute "/servers/$server"
check "it is deleted" wait_gone 120 compute "/servers/$server"
finish
