#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A first bring-up of a cloud, cut short at random moments: ondol-noded killed with all it does,
# or the power of the whole controller taken away. It must come up all the same, and nothing
# that may be there once only may be there twice. Brings up a small rack of its own.
# KILLS: how often (20). SEED: of the moments; printed, so that a failure can be had again.
set -u
cd "$(dirname "$0")/../.." || exit
export CLOUD_NAME=killed CLOUD_TWIN=/run/ondol-twin/killed KEEP=1
export CLOUD_NODES="hp01 hp02 hp08" CLOUD_SERVICES="horizon cinder heat"
export ONDOL_SOCKET=$PWD/${BUILD:-build}/killed/ondold.sock
. tests/lib/lib.sh
own_cloud=1
. tests/cloud/lib.sh
later twin/demo cloud-down

kills=${KILLS:-20}
seed=${SEED:-$(date +%s)}
echo "seed $seed"
pick() { # pick MAX: the next of 0 to MAX-1, in $picked
	seed=$(((seed * 1103515245 + 12345) % 2147483648))
	picked=$((seed / 65536 % $1))
}

twin/demo cloud >"$work/up.log" 2>&1 &
up=$!
later "kill $up 2>/dev/null"
begins() {
	"$bin/ondol" status --json 2>/dev/null | python3 -c '
import json, sys
sys.exit(not any(n["name"] == "hp01" and n["state"] == "configuring"
                 for n in json.load(sys.stdin)["nodes"]))' 2>/dev/null
}
check "the controller begins to take on its role" until_true 300 begins

i=0 whole=0 missed=0
while [ $i -lt "$kills" ]; do
	pick 7
	sleep $((1 + picked)) # the moment is the point of it: nothing is awaited
	pick 5
	if [ "$picked" = 0 ]; then
		"$bin/ondol" power hp01 reset --yes >/dev/null 2>&1 || missed=$((missed + 1))
		whole=$((whole + 1))
	else
		node hp01 systemctl kill --signal=KILL --kill-whom=all ondol-noded 2>/dev/null ||
			missed=$((missed + 1))
	fi
	i=$((i + 1))
done
echo "$kills kills, $whole of them of the whole node, $missed that met nothing to kill"
check "most kills met something" [ "$missed" -le $((kills / 4)) ]
if "$bin/ondol" cloud status --wait=20m >"$work/well.log" 2>&1; then
	ok "the cloud comes up all the same ($(clock) s)"
else
	notok "the cloud comes up all the same: $(tail -5 "$work/well.log")"
fi

get_ca
signed_in admin
who="admin"
# once SERVICE PATH EXPRESSION: a list whose members may not be there twice
once() {
	if ! call GET "$1" "$2"; then
		notok "$1 $2 is listed: $(why)"
		return
	fi
	_twice=$(value "sorted({str(x) for x in $3 if list($3).count(x) > 1})")
	check "$1 $2: nothing is there twice ($_twice)" [ "$_twice" = "[]" ]
}
once identity /endpoints '[(e["service_id"], e["interface"]) for e in d["endpoints"]]'
once identity /services '[e["type"] for e in d["services"]]'
once identity /users '[(e["name"], e["domain_id"]) for e in d["users"]]'
once identity /projects '[(e["name"], e["domain_id"]) for e in d["projects"]]'
once compute /flavors '[e["name"] for e in d["flavors"]]'
once compute /os-services '[(e["binary"], e["host"]) for e in d["services"]]'
once network /v2.0/networks '[(e["name"], e["project_id"]) for e in d["networks"]]'
once network /v2.0/routers '[e["name"] for e in d["routers"]]'
once image /v2/images '[e["name"] for e in d["images"]]'
check "there is one cell beside cell0" \
	[ "$(node hp01 mariadb -N nova_api -e 'select count(*) from cell_mappings')" = 2 ]
check "RabbitMQ has one user" \
	[ "$(node hp01 rabbitmqctl -q list_users --no-table-headers | wc -l)" = 1 ]
finish
