#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Signing in: Keystone over TLS with the rack's CA and no other way, and the dashboard's form.
cd "$(dirname "$0")/../.." || exit
. tests/lib/lib.sh
. tests/cloud/lib.sh

signed_in student admin
ok "student and admin sign in at $(cat "$work/auth_url")"

roles() { # has WHO the role?
	grep -o '"roles": *\[[^]]*\]' "$work/$1.catalog" | grep -q "\"$2\""
}
check "the student is a member" roles student member
check "... and no administrator" sh -c '! grep -q "\"name\": \"admin\"" "$1"' - "$work/student.catalog"
check "the administrator is one" roles admin admin

keystone=$(cat "$work/auth_url")
: >"$answer"
host curl --silent --output "$answer" "$keystone"
check "without the rack's CA nobody is spoken to" [ $? = 60 ]

wrong_password() {
	(
		umask 077
		eval "$(openrc student)"
		OS_PASSWORD=x$OS_PASSWORD token_body >"$work/wrong"
	)
	host curl --silent --cacert "$ca" --output "$answer" --write-out '%{http_code}' \
		--header 'Content-Type: application/json' --data "@$work/wrong" "$keystone/auth/tokens"
}
check "a wrong password is refused" [ "$(wrong_password)" = 401 ]

types() {
	python3 -c '
import json, sys
print(*[s["type"] for s in json.load(open(sys.argv[1]))["token"]["catalog"]])' "$work/student.catalog"
}
expected="identity image compute placement network"
for pair in cinder:volumev3 swift:object-store heat:orchestration heat:cloudformation \
	telemetry:metric trove:database manila:sharev2; do
	if has "${pair%%:*}"; then expected="$expected ${pair#*:}"; fi
done
have=" $(types) "
for type in $expected; do
	case $have in
	*" $type "*) ok "the catalogue has $type at $(endpoint "$type")" ;;
	*) notok "the catalogue has $type; it has:$have" ;;
	esac
done

# Each endpoint answers over TLS, and a plain request gets no answer at all.
addresses() {
	python3 - "$work/student.catalog" <<-'END'
	import json, sys, urllib.parse
	seen = set()
	for s in json.load(open(sys.argv[1]))["token"]["catalog"]:
	    for e in s["endpoints"]:
	        u = urllib.parse.urlsplit(e["url"])
	        seen.add((u.scheme, u.netloc))
	for scheme, netloc in sorted(seen):
	    print(scheme + "://" + netloc)
	END
}
for base in $(addresses) "https://$(addresses | sed -n '1s|.*//\(.*\):.*|\1|p'):6080"; do
	case $base in
	https://*) ;;
	*)
		notok "$base is https"
		continue
		;;
	esac
	code=$(host curl --silent --cacert "$ca" --max-time 60 --output "$answer" \
		--write-out '%{http_code}' "$base/")
	if [ "$code" -ge 200 ] && [ "$code" -lt 500 ]; then ok "$base answers"; else notok "$base answers $code"; fi
	code=$(host curl --silent --max-time 20 --output "$answer" --write-out '%{http_code}' \
		"http://${base#https://}/")
	check "... and not without TLS" [ "$code" = 000 ]
done

# What a person does in the dashboard: the form with its token, then the project's page.
dashboard() { # dashboard PATH CURL-ARGUMENT...: final address in $landed
	_path=$1
	shift
	landed=$(host curl --silent --cacert "$ca" --max-time 180 --location \
		--cookie "$work/jar" --cookie-jar "$work/jar" --output "$answer" \
		--write-out '%{http_code} %{url_effective}' "$@" "https://$site$_path")
}
sign_in_dashboard() { # sign_in_dashboard WHO-FILE PASSWORD-FILE
	dashboard /horizon/auth/login/ &&
		csrf=$(sed -n 's/.*name="csrfmiddlewaretoken" value="\([^"]*\)".*/\1/p' "$answer" | head -n 1) &&
		[ -n "$csrf" ] &&
		dashboard /horizon/auth/login/ --referer "https://$site/horizon/auth/login/" \
			--data-urlencode "csrfmiddlewaretoken=$csrf" --data "region=default&next=/horizon/project/" \
			--data-urlencode "username=$1" --data-urlencode "password@$2"
}
if has horizon; then
	site=$("$bin/ondol" cloud status --json | python3 -c '
import json, sys, urllib.parse
print(urllib.parse.urlsplit(json.load(sys.stdin)["cloud"]["dashboard"]).netloc)')
	student=$(
		eval "$(openrc student)"
		(umask 077 && printf %s "$OS_PASSWORD" >"$work/password" && printf 'x' >"$work/nonsense")
		echo "$OS_USERNAME"
	)
	code=$(host curl --silent --output "$answer" --write-out '%{http_code} %{redirect_url}' "http://$site/")
	case $code in
	"301 https://"*) ok "plain HTTP is sent on to the dashboard's TLS" ;;
	*) notok "plain HTTP is sent on to the dashboard's TLS: $code" ;;
	esac
	sign_in_dashboard "$student" "$work/nonsense"
	case $landed in
	*/auth/login/*) ok "the dashboard refuses a wrong password" ;;
	*) notok "the dashboard refuses a wrong password: $landed" ;;
	esac
	rm -f "$work/jar"
	sign_in_dashboard "$student" "$work/password"
	case $landed in
	"200 https://$site/horizon/project/"*) ok "the student signs in to the dashboard: ${landed#* }" ;;
	*) notok "the student signs in to the dashboard: $landed" ;;
	esac
	dashboard /horizon/project/instances/
	case $landed in
	"200 https://$site/horizon/project/instances/"*) check "... and sees the instances' page" grep -qi launch "$answer" ;;
	*) notok "... and sees the instances' page: $landed" ;;
	esac
else
	skip "the dashboard: horizon is not among this cloud's services"
fi
finish
