#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Leaving and joining, on the cloud of make cloud, which it changes and brings back: a compute
# with an instance stays; without one it becomes block storage and a compute again; an object
# node leaves and joins while its objects are read; a dead compute is forgotten; the controller
# is reinstalled from its own backup.
set -u
cd "$(dirname "$0")/../.." || exit
. tests/lib/lib.sh
. tests/cloud/lib.sh
dir=$(dirname "$ONDOL_SOCKET")
cp "$dir/rack.ini" "$work/rack.ini"
cp "$dir/secrets.ini" "$work/secrets.ini"
signed_in admin student

# role NODE ROLE [KIND]: changes the file
role() {
	python3 - "$work/rack.ini" "$@" <<-'END'
	import re, sys
	path, node, role, kind = (sys.argv + [""])[1:5]
	text = open(path).read()
	def change(m):
	    s = re.sub(r"(?m)^kind .*\n", "", m.group(0))
	    line = "role = " + role + ("\nkind = " + kind if kind else "")
	    return re.sub(r"(?m)^role .*", line, s)
	text = re.sub(r"(?ms)^\[node " + node + r"\].*?(?=^\[|\Z)", change, text)
	open(path, "w").write(text)
	END
}
without() { # without NODE: takes it out of the file
	python3 - "$work/rack.ini" "$1" <<-'END'
	import re, sys
	text = open(sys.argv[1]).read()
	text = re.sub(r"(?ms)^\[node " + sys.argv[2] + r"\].*?(?=^\[|\Z)", "", text)
	open(sys.argv[1], "w").write(text)
	END
}
apply() {
	"$bin/ondol" apply "$work/rack.ini" --yes >"$work/apply.log" 2>&1
}
well() {
	"$bin/ondol" cloud status --wait="${1:-10m}" >"$work/well.log" 2>&1
}
service() { # service BINARY HOST SERVICE PATH KEY: does the API know it?
	call GET "$3" "$4" && value "[s for s in d['$5'] if s['binary'] == '$1' and s['host'].startswith('$2')][0]" >/dev/null
}
no_service() {
	! service "$@" && [ "$code" = 200 ]
}
object() { # the student's object, whole
	as student call GET object-store "/$tag/one" && cmp -s "$answer" "$work/bytes"
}

# ---- a compute becomes block storage and comes back ----
who="admin"
find_parts
node_of=hp03
api_version="compute 2.37" # which knows servers without a network
send POST compute /servers "{\"server\": {\"name\": \"$tag\", \"imageRef\": \"$image\",
	\"flavorRef\": \"$flavor\", \"networks\": \"none\", \"availability_zone\": \"nova:$node_of\"}}"
api_version=
made 'd["server"]["id"]' "an instance on $node_of"
server=$id
later as admin call DELETE compute "/servers/$server"
check "an instance runs on $node_of" wait_status 300 compute "/servers/$server" 'd["server"]["status"]' ACTIVE ERROR
role $node_of storage block
if apply; then notok "$node_of keeps its role while an instance is on it"; else
	check "$node_of keeps its role while an instance is on it, and says which" \
		grep -q "$tag" "$work/apply.log"
fi
call DELETE compute "/servers/$server"
check "the instance is deleted" wait_gone 120 compute "/servers/$server"
began=$(date +%s)
# the node tries again by itself, later each time: now it can
is_ready() {
	"$bin/ondol" status --json | python3 -c '
import json, sys
sys.exit(not any(n["name"] == sys.argv[1] and n["state"] == "ready" and n["role"] == sys.argv[2]
                 for n in json.load(sys.stdin)["nodes"]))' "$@"
}
check "$node_of becomes block storage" until_true 330 is_ready $node_of storage
echo "compute to storage: $(clock) s"
check "Cinder knows $node_of" until_true 120 service cinder-volume $node_of volumev3 /os-services services
check "Nova has forgotten $node_of" until_true 180 no_service nova-compute $node_of compute /os-services services
check "Neutron has forgotten its agent" until_true 60 no_service neutron-openvswitch-agent $node_of network /v2.0/agents agents
role $node_of compute
began=$(date +%s)
check "$node_of becomes a compute again" apply
echo "storage to compute: $(clock) s"
check "Nova knows $node_of" until_true 120 service nova-compute $node_of compute /os-services services
check "Cinder has forgotten $node_of" until_true 180 no_service cinder-volume $node_of volumev3 /os-services services

# ---- an object node leaves and joins ----
head -c 1000000 /dev/urandom >"$work/bytes"
who="student"
call PUT object-store "/$tag" && call PUT object-store "/$tag/one" --upload-file "$work/bytes"
later as student call DELETE object-store "/$tag"
later as student call DELETE object-store "/$tag/one"
check "an object is stored" object
role hp10 compute
apply &
job=$! reads=0 bad=0
while kill -0 $job 2>/dev/null; do
	reads=$((reads + 1))
	object || bad=$((bad + 1))
done
wait $job
check "an object node becomes a compute" [ $? = 0 ]
check "the object was readable all the time ($reads reads, $bad bad)" [ "$bad" = 0 ]
check "it is there with one object node" until_true 60 object
role hp10 storage object
check "the node takes on objects again" apply
check "all is well again" well
check "the object is still there" object

# ---- a dead node ----
"$bin/ondol" power hp03 off --yes >/dev/null 2>&1
cp "$work/rack.ini" "$work/whole.ini"
without hp03
check "a dead compute is taken out of rack.ini" apply
who="admin"
check "Nova has forgotten it" until_true 240 no_service nova-compute hp03 compute /os-services services
check "the cloud is well without it" well 5m
cp "$work/whole.ini" "$work/rack.ini"
check "it is installed anew" apply
check "all is well again" well 10m

# ---- the controller from its backup ----
began=$(date +%s)
check "a backup is made" "$bin/ondol" cloud backup "$work/backup.tar"
echo "backup: $(clock) s, $(du -h "$work/backup.tar" | cut -f1)"
check "it is for its owner's eyes only" [ "$(stat -c %a "$work/backup.tar")" = 600 ]
check "it is to be restored" "$bin/ondol" cloud restore "$work/backup.tar" --yes
began=$(date +%s)
check "the controller is reinstalled" "$bin/ondol" reinstall hp01 --yes
check "and the cloud is well" well 15m
echo "controller from its backup: $(clock) s"
signed_in admin student
check "the student's object is still there" until_true 120 object
who="student"
call GET network '/v2.0/networks?name=class'
check "so is the class's network" [ "$(value 'len(d["networks"])')" = 1 ]
call GET image '/v2/images?name=debian'
check "so is the guest image" [ "$(value 'd["images"][0]["status"]')" = active ]
finish
