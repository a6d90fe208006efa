#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What tempest.sh needs to know of the cloud, and what it makes of tempest's answers.

  config TEMPLATE WORK     the settings, from OS_* in the environment, into WORK/tempest.conf
  choose VEHICLE EXCLUDE LIST OUT   LIST without what EXCLUDE names, as OUT/quick and OUT/slow
  count LIST               subunit from stdin; a line for each test of LIST, and how many
  leftovers [delete]       what the tests left in the cloud
"""
import json
import os
import re
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request

PREFIX = "tempest-"
DETAIL = 25  # lines of a failure that are shown
SLOW = re.compile(r"^tempest\.(scenario\.(?!test_dashboard)|api\.compute\.servers\.|api\.volume\.test_volumes_)")


class Cloud:
    """The cloud's APIs as the user whom OS_* names."""

    def __init__(self):
        self.env = {k[3:].lower(): v for k, v in os.environ.items() if k.startswith("OS_")}
        self.tls = ssl.create_default_context(cafile=self.env["cacert"])
        domain = {"name": self.env["user_domain_name"]}
        user = {"name": self.env["username"], "domain": domain, "password": self.env["password"]}
        project = {"name": self.env["project_name"], "domain": {"name": self.env["project_domain_name"]}}
        self.token = None
        self.catalog = {"identity": self.env["auth_url"]}
        headers, answer = self.call("POST", "identity", "/auth/tokens", {"auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": project}}})
        self.token = headers["X-Subject-Token"]
        for service in answer["token"]["catalog"]:
            for e in service["endpoints"]:
                if e["interface"] == "public":
                    self.catalog[service["type"]] = e["url"].rstrip("/")

    def call(self, method, service, path, body=None):
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.token:
            headers["X-Auth-Token"] = self.token
        request = urllib.request.Request(
            self.catalog[service] + path, method=method, headers=headers,
            data=json.dumps(body).encode() if body else None)
        with urllib.request.urlopen(request, context=self.tls, timeout=120) as answer:
            text = answer.read()
            return answer.headers, json.loads(text) if text else None

    def list(self, service, path, key):
        return self.call("GET", service, path)[1][key] if service in self.catalog else []


def config(template, work):
    cloud = Cloud()
    env = cloud.env
    controller = urllib.parse.urlsplit(env["auth_url"]).hostname
    flavors = sorted(cloud.list("compute", "/flavors/detail", "flavors"), key=lambda f: f["ram"])
    images = [i for i in cloud.list("image", "/v2/images?name=debian&status=active", "images")]
    external = cloud.list("network", "/v2.0/networks?router:external=true", "networks")
    computes = cloud.list("compute", "/os-services?binary=nova-compute", "services")
    for what, found in (("an image named debian", images), ("an external network", external),
                        ("two flavours", flavors[1:]), ("a compute node", computes)):
        if not found:
            sys.exit(f"the cloud has not {what}: see `ondol cloud status`")
    extensions = cloud.list("network", "/v2.0/extensions", "extensions")
    values = {
        "extensions": ",".join(sorted(e["alias"] for e in extensions)),
        "work": work, "username": env["username"], "password": env["password"],
        "project": env["project_name"], "domain": env["project_domain_name"],
        "auth_url": env["auth_url"], "region": env["region_name"], "ca": env["cacert"],
        "image": images[0]["id"], "flavor": flavors[0]["id"], "flavor_alt": flavors[1]["id"],
        "external_id": external[0]["id"], "external": external[0]["name"],
        "computes": sum(s["state"] == "up" and s["status"] == "enabled" for s in computes),
        "patience": os.environ.get("TEMPEST_PATIENCE", "600"),
        "dashboard": f"https://{controller}/horizon/"}

    def value(match):
        word = match.group(1)
        if word == "has dashboard":
            return str(os.environ.get("DASHBOARD", "") != "").lower()
        if word.startswith("has "):
            return str(word[4:] in cloud.catalog).lower()
        return str(values[word]).replace("$", "$$")

    with open(template, encoding="utf-8") as f:
        text = re.sub(r"@([a-z_]+(?: [a-z0-9-]+)?)@", value, f.read())
    fd = os.open(f"{work}/tempest.conf", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as f:
        f.write(text)


def name_of(test):
    return test.split("[")[0]


def short(test):
    return name_of(test).removeprefix("tempest.")


def exclusions(vehicle, path):
    """(pattern, reason) of the lines for this vehicle: `all|containers|machines: PATTERN  # reason`"""
    with open(path, encoding="utf-8") as f:
        for line in f:
            m = re.match(r"(\w+): (\S+)\s+# (.+)$", line)
            if m and m.group(1) in ("all", vehicle):
                yield re.compile(m.group(2)), m.group(3)
            elif not m and line.strip() and not line.startswith("#"):
                sys.exit(f"{path}: expected `VEHICLE: PATTERN  # reason`, found: {line.strip()}")


def choose(vehicle, exclude, listing, out):
    left_out = list(exclusions(vehicle, exclude))
    only = re.compile(os.environ.get("TEMPEST_ONLY", ""))
    with open(listing, encoding="utf-8") as f:
        tests = sorted(line.strip() for line in f if line.startswith("tempest."))
    for pattern, _ in left_out:
        if not any(pattern.search(name_of(t)) for t in tests):
            print(f"FAILED: {exclude}: no test is called {pattern.pattern}", flush=True)
    lists = {"quick": [], "slow": []}
    for test in (t for t in tests if only.search(t)):
        why = next((reason for pattern, reason in left_out if pattern.search(name_of(test))), None)
        if why:
            print(f"skipped: {short(test)}: {why}", flush=True)
        else:
            lists["slow" if SLOW.search(test) else "quick"].append(test)
    for name, chosen in lists.items():
        with open(f"{out}/{name}", "w", encoding="utf-8") as f:
            f.writelines(t + "\n" for t in chosen)


class Judge:
    """Says of each expected test what came of it, as soon as that is known."""

    def __init__(self, expected):
        self.left = {name_of(t): t for t in expected}

    def say(self, status, name, detail, seconds):
        said = detail.strip().splitlines() or ["no reason given"]
        if status == "success":
            print(f"ok: {short(name)} ({seconds:.0f} s)")
        elif status == "skip":
            print(f"skipped: {short(name)}: {said[-1]}")
        else:
            print(f"FAILED: {short(name)} ({seconds:.0f} s)")
            for line in said[-DETAIL:]:
                print(f"    {line}")
        sys.stdout.flush()

    def test(self, test):
        if test["status"] in ("exists", "inprogress"):
            return
        details = test["details"]
        detail = "\n".join(details[k].as_text() for k in ("reason", "traceback") if k in details)
        begin, end = test["timestamps"]
        seconds = (end - begin).total_seconds() if begin and end else 0
        fixture = re.match(r"(setUpClass|tearDownClass) \((.+)\)", test["id"])
        if fixture:
            # what a class's set-up did goes for each of its tests; a failed tear-down stands alone
            if test["status"] == "success":
                return
            names = [n for n in self.left if n.startswith(fixture.group(2) + ".")]
            if fixture.group(1) == "tearDownClass":
                names = []
            for n in names or [test["id"]]:
                self.left.pop(n, None)
                self.say(test["status"], n, detail, seconds)
            return
        self.left.pop(name_of(test["id"]), None)
        self.say(test["status"], name_of(test["id"]), detail, seconds)


def count(listing):
    import subunit
    import testtools

    with open(listing, encoding="utf-8") as f:
        judge = Judge([line.strip() for line in f])
    result = testtools.StreamToDict(judge.test)
    result.startTestRun()
    subunit.ByteStreamToStreamResult(sys.stdin.buffer, non_subunit_name="output").run(result)
    result.stopTestRun()
    for name in judge.left:
        print(f"FAILED: {short(name)}: it was not run before the time was over, or tempest ended early")


# what a run may leave: service, list, key, path of one
KINDS = (
    ("compute", "/servers/detail?all_tenants=1", "servers", "/servers/"),
    ("network", "/v2.0/floatingips", "floatingips", "/v2.0/floatingips/"),
    ("volumev3", "/volumes/detail?all_tenants=1", "volumes", "/volumes/"),
    ("image", "/v2/images", "images", "/v2/images/"),
    ("compute", "/flavors/detail?is_public=None", "flavors", "/flavors/"),
    ("network", "/v2.0/routers", "routers", "/v2.0/routers/"),
    ("network", "/v2.0/ports", "ports", "/v2.0/ports/"),
    ("network", "/v2.0/networks", "networks", "/v2.0/networks/"),
    ("network", "/v2.0/subnetpools", "subnetpools", "/v2.0/subnetpools/"),
    ("network", "/v2.0/security-groups", "security_groups", "/v2.0/security-groups/"),
    ("identity", "/users", "users", "/users/"),
    ("identity", "/groups", "groups", "/groups/"),
    ("identity", "/projects", "projects", "/projects/"),
    ("identity", "/domains", "domains", "/domains/"),
    ("identity", "/roles", "roles", "/roles/"),
    ("identity", "/regions", "regions", "/regions/"),
    ("identity", "/services", "services", "/services/"),
    ("identity", "/policies", "policies", "/policies/"),
)


def take_away(cloud, service, key, path, thing):
    if key == "routers":
        for port in cloud.list("network", f"/v2.0/ports?device_id={thing['id']}", "ports"):
            try:
                cloud.call("PUT", service, f"{path}{thing['id']}/remove_router_interface", {"port_id": port["id"]})
            except urllib.error.HTTPError:
                pass  # the gateway's port goes with the router
    if key == "domains":
        cloud.call("PATCH", service, path + thing["id"], {"domain": {"enabled": False}})
    cloud.call("DELETE", service, path + thing["id"])


def leftovers(delete):
    cloud = Cloud()
    projects = {p["id"]: p["name"] for p in cloud.list("identity", "/projects", "projects")}
    found = 0
    for service, listing, key, path in KINDS:
        for thing in cloud.list(service, listing, key):
            owner = next((thing[k] for k in ("project_id", "tenant_id", "owner", "os-vol-tenant-attr:tenant_id")
                          if thing.get(k)), "")
            name = thing.get("name") or ""
            if not name.startswith(PREFIX) and not projects.get(owner, "").startswith(PREFIX):
                continue
            found += 1
            print(f"left behind: {key}: {name or thing['id']} {projects.get(owner, '')}")
            if delete:
                try:
                    take_away(cloud, service, key, path, thing)
                except urllib.error.HTTPError as e:
                    print(f"  it cannot be deleted: {e}")
    sys.exit(1 if found else 0)


def main(argv):
    if argv[:1] == ["config"]:
        config(*argv[1:])
    elif argv[:1] == ["choose"]:
        choose(*argv[1:])
    elif argv[:1] == ["count"]:
        count(*argv[1:])
    elif argv[:1] == ["leftovers"]:
        leftovers(argv[1:] == ["delete"])
    else:
        sys.exit(__doc__)


main(sys.argv[1:])
