# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034
# What the tests of the cloud share: they speak its APIs with curl from the deployment host's
# network, as the student and, where a student may not look, as the administrator. Needs a
# running cloud (tests/cloud/check-cloud brings one up), and tests/lib/lib.sh before it.
#
# What a test makes it says with `later COMMAND...` how to take away; that happens at its end,
# the last first, whatever the end is. Passwords and tokens are in files below $work (0700).
bin=$PWD/${BUILD:-build}/release
twin=${CLOUD_TWIN:-/run/ondol-twin/cloud}
ONDOL_SOCKET=${ONDOL_SOCKET:-$PWD/${BUILD:-build}/cloud/ondold.sock}
export ONDOL_SOCKET
work=$(mktemp -d /tmp/ondol-cloud.XXXXXX)
ca=$work/ca.pem
answer=$work/answer # the body of the last answer
code=0              # and its status
call_limit=$((90 * patience / 100)) # seconds
undo=
tag=t$$ # in the names of what is made

cleanup() {
	_status=$?
	trap '' INT TERM
	eval "$undo" >"$work/undone" 2>&1
	rm -rf "$work"
	exit "$_status"
}
trap cleanup EXIT
# told to end, it takes away what it made without looking long whether it went
trap 'patience=5; exit 130' INT TERM

# later COMMAND...: at the end; words without blanks
later() {
	undo="$*; $undo"
}

host() { # on the deployment host
	"$bin/ondol-twin" exec --dir "$twin" -- "$@"
}
node() { # node NODE COMMAND...: as root in a node, which only containers allow
	_node=$1
	shift
	"$bin/ondol-twin" exec --dir "$twin" --node "$_node" -- "$@"
}
containers() {
	"$bin/ondol-twin" status --dir "$twin" --json | grep -q '"accel": "containers"'
}
# nodes_of ROLE [KIND]: their names
nodes_of() {
	"$bin/ondol-twin" status --dir "$twin" --json | python3 -c '
import json, sys
print(*[n["name"] for n in json.load(sys.stdin)["nodes"]
        if n["role"] == sys.argv[1] and sys.argv[2] in ("", n["kind"])])' "$1" "${2:-}"
}
has() { # is the optional service in this cloud?
	"$bin/ondol" cloud status --json | python3 -c '
import json, sys
sys.exit(sys.argv[1] not in json.load(sys.stdin)["cloud"]["services"])' "$1"
}

# value EXPRESSION [ARGUMENT...]: of the last answer d, in Python, with sys.argv[1...]; nothing
# when there is no such thing
value() {
	python3 - "$answer" "$@" <<-'END'
	import json, sys
	d = json.load(open(sys.argv.pop(1)))
	try:
	    print(eval(sys.argv.pop(1)))
	except (KeyError, IndexError, TypeError, StopIteration):
	    sys.exit(1)
	END
}
# ---- signing in ----

# token_body: what Keystone wants, of the OS_* variables
token_body() {
	python3 -c '
import json, os
e = os.environ
print(json.dumps({"auth": {
    "identity": {"methods": ["password"], "password": {"user": {
        "name": e["OS_USERNAME"], "password": e["OS_PASSWORD"],
        "domain": {"name": e["OS_USER_DOMAIN_NAME"]}}}},
    "scope": {"project": {"name": e["OS_PROJECT_NAME"],
        "domain": {"name": e["OS_PROJECT_DOMAIN_NAME"]}}}}}))'
}
openrc() { # openrc student|admin
	if [ "$1" = student ]; then set -- --student; else set --; fi
	"$bin/ondol" cloud openrc "$@" 2>/dev/null
}
# sign_in WHO: gets the token and the catalogue
sign_in() {
	(
		umask 077
		eval "$(openrc "$1")"
		token_body >"$work/$1.body"
		echo "$OS_AUTH_URL" >"$work/auth_url"
		host curl --silent --show-error --cacert "$ca" --dump-header "$work/$1.head" \
			--output "$work/$1.catalog" --header 'Content-Type: application/json' \
			--data "@$work/$1.body" "$OS_AUTH_URL/auth/tokens" || exit
		rm -f "$work/$1.body"
		tr -d '\r' <"$work/$1.head" | sed -n 's/^[Xx]-[Ss]ubject-[Tt]oken: /X-Auth-Token: /p' \
			>"$work/$1.token"
		[ -s "$work/$1.token" ]
	)
}
# endpoint TYPE: its public address
endpoint() {
	python3 - "$work/$who.catalog" "$1" <<-'END'
	import json, sys
	print(next(e["url"] for s in json.load(open(sys.argv[1]))["token"]["catalog"]
	    if s["type"] == sys.argv[2] for e in s["endpoints"] if e["interface"] == "public"))
	END
}

# ---- calls ----

who=student
api_version= # "compute 2.6" and the like, for the next calls

# as WHO COMMAND...
as() {
	_was=$who
	who=$1
	shift
	"$@"
	_result=$?
	who=$_was
	return $_result
}
# call METHOD SERVICE PATH [CURL-ARGUMENT...]: fills $answer and $code; the service is a type of
# the catalogue. Done when the status is below 400.
call() {
	_method=$1 _service=$2 _path=$3
	shift 3
	_url=$(endpoint "$_service" 2>/dev/null) || {
		code=000
		echo "{\"error\": \"$_service is not in the catalogue\"}" >"$answer"
		return 1
	}
	case $_url$_path in
	*/v2.0/v2.0/*) _url=${_url%/v2.0} ;;
	*/v2/v2/*) _url=${_url%/v2} ;;
	esac
	[ "$_method" = HEAD ] && set -- --head "$@"
	code=$(host curl --silent --cacert "$ca" --max-time $call_limit --output "$answer" \
		--write-out '%{http_code}' --request "$_method" --header "@$work/$who.token" \
		--header "OpenStack-API-Version: $api_version" \
		--header 'X-OpenStack-Manila-API-Version: 2.50' "$@" "$_url$_path")
	[ "$code" -ge 200 ] && [ "$code" -lt 400 ]
}
send() { # send METHOD SERVICE PATH JSON
	_json=$4
	call "$1" "$2" "$3" --header 'Content-Type: application/json' --data "$_json"
}
why() { # what the last answer said, for a message
	printf '%s: ' "$code"
	head -c 400 "$answer"
}
# made EXPRESSION NAME: the id in the answer to a creation, or the test's end with the reason
made() {
	if [ "$code" -ge 400 ] || [ "$code" = 000 ] || ! id=$(value "$1"); then
		notok "$2 is made: $(why)"
		finish
		exit
	fi
}
# status_is SERVICE PATH EXPRESSION WANTED [BAD]
status_is() {
	call GET "$1" "$2" || return 1
	state=$(value "$3")
	case $state in
	"$4") return 0 ;;
	"${5:-ERROR}") return 2 ;;
	esac
	return 1
}
# wait_status SECONDS SERVICE PATH EXPRESSION WANTED [BAD]: until the state is there; fails at
# once when it is the bad one
wait_status() {
	_until=$(($(date +%s) + $1 * patience / 100))
	shift
	while :; do
		status_is "$@"
		_got=$?
		[ $_got = 1 ] && [ "$(date +%s)" -lt $_until ] || return $_got
		sleep 2
	done
}
gone() { # gone SERVICE PATH
	! call GET "$1" "$2" && [ "$code" = 404 ]
}
wait_gone() { # wait_gone SECONDS SERVICE PATH
	until_true "$1" gone "$2" "$3"
}
# remove SERVICE PATH: deleted, and really away
remove() {
	call DELETE "$1" "$2"
	wait_gone 60 "$1" "$2"
}
# find_id SERVICE PATH LIST NAME: the id of the one with that name
find_id() {
	call GET "$1" "$2" &&
		value 'next(x["id"] for x in d[sys.argv[1]] if x["name"] == sys.argv[2])' "$3" "$4"
}

# ---- instances ----

make_keypair() { # key in $work/key
	(umask 077 && : >"$work/key")
	send POST compute /os-keypairs "{\"keypair\": {\"name\": \"$tag\"}}"
	made 'd["keypair"]["name"]' "a keypair"
	later call DELETE compute "/os-keypairs/$tag"
	value 'd["keypair"]["private_key"]' >"$work/key"
	: >"$answer"
}
# find_parts: what an instance needs
find_parts() {
	image=$(find_id image '/v2/images?name=debian' images debian) &&
		flavor=$(find_id compute /flavors flavors m1.tiny) &&
		network=$(find_id network '/v2.0/networks?name=class' networks class) &&
		external=$(find_id network '/v2.0/networks?router:external=true' networks external)
}
# remove_named NAME: the instance of that name, also when the answer to its launch was not seen
remove_named() {
	call GET compute "/servers?name=$1"
	for _s in $(value '" ".join(s["id"] for s in d["servers"])'); do
		remove compute "/servers/$_s"
	done
}
# launch NAME: asked for; id in $server
launch() {
	later remove_named "$1"
	send POST compute /servers "{\"server\": {\"name\": \"$1\", \"imageRef\": \"$image\",
		\"flavorRef\": \"$flavor\", \"key_name\": \"$tag\", \"networks\": [{\"uuid\": \"$network\"}]}}"
	made 'd["server"]["id"]' "instance $1"
	server=$id
}
active() { # active SERVER
	if wait_status 240 compute "/servers/$1" 'd["server"]["status"]' ACTIVE; then
		return 0
	fi
	echo "instance $1 is $state: $(value 'd["server"]["fault"]["message"]')"
	return 1
}
# give_address SERVER: a floating address of its own in $address
give_address() {
	call GET network "/v2.0/ports?device_id=$1"
	_port=$(value 'd["ports"][0]["id"]') || return 1
	send POST network /v2.0/floatingips \
		"{\"floatingip\": {\"floating_network_id\": \"$external\", \"port_id\": \"$_port\"}}"
	made 'd["floatingip"]["id"]' "a floating address"
	later remove network "/v2.0/floatingips/$id"
	address=$(value 'd["floatingip"]["floating_ip_address"]')
}
guest() { # guest ADDRESS COMMAND...: as root, by the key
	_address=$1
	shift
	host ssh -i "$work/key" -o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=10 \
		-o StrictHostKeyChecking=no -o "UserKnownHostsFile=$work/hosts" -o LogLevel=ERROR \
		"root@$_address" "$@"
}
answers_ssh() {
	guest "$1" true 2>/dev/null
}

# Where no cloud runs there is nothing to test; a test may be run on its own. One that brings
# up a cloud of its own says own_cloud=1 before, and get_ca once it runs.
get_ca() {
	"$bin/ondol" cloud ca >"$ca" || {
		notok "ondol cloud ca"
		finish
		exit
	}
}
if [ -z "${own_cloud:-}" ]; then
	if [ ! -S "$ONDOL_SOCKET" ] || [ ! -S "$twin/control.sock" ]; then
		skip "no cloud runs at $twin: make cloud"
		finish
		exit
	fi
	get_ca
fi
# signed_in WHO...: or the test's end
signed_in() {
	for _w in "$@"; do
		sign_in "$_w" || {
			notok "the $_w signs in"
			finish
			exit
		}
	done
}
