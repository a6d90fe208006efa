#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The student's Heat stack: a network with a way out, and two servers on it.
cd "$(dirname "$0")/../.." || exit
. tests/lib/lib.sh
. tests/cloud/lib.sh

if ! has heat; then
	skip "stacks: heat is not among this cloud's services"
	finish
	exit
fi
signed_in student
check "image, flavour and networks are there" find_parts

template() {
	cat <<-END
	{"heat_template_version": "2018-08-31",
	 "resources": {
	  "net": {"type": "OS::Neutron::Net"},
	  "subnet": {"type": "OS::Neutron::Subnet", "properties": {
	    "network": {"get_resource": "net"}, "cidr": "192.168.77.0/24"}},
	  "router": {"type": "OS::Neutron::Router", "properties": {
	    "external_gateway_info": {"network": "$external"}}},
	  "joined": {"type": "OS::Neutron::RouterInterface", "properties": {
	    "router": {"get_resource": "router"}, "subnet": {"get_resource": "subnet"}}},
	  "one": {"type": "OS::Nova::Server", "depends_on": "subnet", "properties": {
	    "image": "$image", "flavor": "$flavor", "networks": [{"network": {"get_resource": "net"}}]}},
	  "two": {"type": "OS::Nova::Server", "depends_on": "subnet", "properties": {
	    "image": "$image", "flavor": "$flavor", "networks": [{"network": {"get_resource": "net"}}]}}},
	 "outputs": {"servers": {"value": [{"get_resource": "one"}, {"get_resource": "two"}]},
	  "addresses": {"value": [{"get_attr": ["one", "first_address"]}, {"get_attr": ["two", "first_address"]}]}}}
	END
}
send POST orchestration /stacks "{\"stack_name\": \"$tag\", \"timeout_mins\": 15, \"template\": $(template)}"
made 'd["stack"]["id"]' "a stack"
stack=/stacks/$tag/$id
stack_gone() {
	call GET orchestration "$stack"
	[ "$code" = 404 ] || [ "$(value 'd["stack"]["stack_status"]')" = DELETE_COMPLETE ]
}
remove_stack() {
	call DELETE orchestration "$stack"
	until_true 240 stack_gone
}
later remove_stack

if wait_status 600 orchestration "$stack" 'd["stack"]["stack_status"]' CREATE_COMPLETE CREATE_FAILED; then
	ok "the stack is complete after $(clock) s"
else
	notok "the stack is complete: $state: $(value 'd["stack"]["stack_status_reason"]')"
fi
echo "their addresses: $(value 'next(o["output_value"] for o in d["stack"]["outputs"] if o["output_key"] == "addresses")')"
servers=$(value '" ".join(next(o["output_value"] for o in d["stack"]["outputs"] if o["output_key"] == "servers"))')
check "it says which servers it made" [ "$(echo "$servers" | wc -w)" = 2 ]
for s in $servers; do
	status_is compute "/servers/$s" 'd["server"]["status"]' ACTIVE
	check "server $s is active" [ "$state" = ACTIVE ]
	check "... on the stack's network" grep -q '"192\.168\.77\.' "$answer"
done
check "the stack is deleted" remove_stack
for s in $servers; do
	check "... with server $s" gone compute "/servers/$s"
done
finish
