#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A rack that is a cloud, against a real ondold and the real ondol: secrets, facts, blobs,
status, backup and restore. Plays the agents and nodeds of three nodes; see
test-ondold-cloud.sh."""
import importlib.util
import io
import json
import os
import re
import stat
import subprocess
import sys
import tarfile
import threading
import time

spec = importlib.util.spec_from_file_location("flow", "tests/root/ondold-flow.py")
flow = importlib.util.module_from_spec(spec)
spec.loader.exec_module(flow)
from_flow = ("check op net api node events wait_state apply actions agree boot_agent say report inventory "
             "start kill").split()
check, op, net, api, node, events, wait_state, apply, actions, agree, boot_agent, say, report, inventory, \
    start, kill = (getattr(flow, n) for n in from_flow)
work = flow.work
ondol = os.path.join(os.path.dirname(os.path.abspath(flow.ondold_bin)), "ondol")
tokens = {}


ROLES = {
    "controller.ini": "[role]\ndescription = c\nparts = trust base ringmaker\n[proofs]\nneed = network\n",
    "compute.ini": "[role]\ndescription = v\nparts = trust worker\n[proofs]\nneed = network\n",
    "storage.ini": "[role]\ndescription = s\nkinds = block object\nparts = trust\n[proofs]\nneed = network\n"
                   "[kind block]\ndata = none\n[kind object]\ndata = none\n",
    "parts/trust.ini": "[part]\ndescription = t\n[file /etc/trust.pem]\ntemplate = trust.pem\n",
    "parts/base.ini": "[part]\ndescription = b\nram = 100M\n[database keystone]\n"
                      "[set /etc/k.conf database]\nconnection = x:${secret:db.keystone}@y\n"
                      "[step setup]\nop = setup\nenv.1 = A=${secret:fernet.0} ${secret:tls.key} ${secret:tls.cert}\n",
    "parts/ringmaker.ini": "[part]\ndescription = r\nservice = swift\n[user swift]\nroles = service\n",
    "parts/worker.ini": "[part]\ndescription = w\nram = 500M\n[set /etc/n.conf database]\nconnection = ${secret:db.nova}\n",
    "templates/trust.pem": "${secret:ca.cert}\n",
}


def roles():
    for name, text in ROLES.items():
        path = f"{work}/roles/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
    flow.roles_dir = f"{work}/roles"


def rack(cloud="services = swift\nregion = Lab\n", **more):
    text = flow.rack_ini(roles={1: "role = controller", 2: "role = compute",
                                3: "role = storage\nkind = object"}, parallel=4, **more)
    return text.replace("image     = core", "image = full", 1).replace(
        "[bmc]\n", f"[cloud]\n{cloud}\n[bmc]\n", 1)


def cli(*argv, timeout=60, **more):
    env = dict(os.environ, ONDOL_SOCKET=f"{work}/ondold.sock", LC_ALL="C.UTF-8")
    return subprocess.run([ondol, *argv], env=env, stdin=subprocess.DEVNULL, timeout=timeout,
                          capture_output=True, text=True, **more)


def secrets(state="state"):
    with open(f"{work}/{state}/cloud-secrets") as f:
        return json.load(f)["secrets"]


def proof(name, ok=True, text="up"):
    return {"name": name, "ok": ok, "text": text, "time": 1}


def ordered(i, name):
    """From the boot script to the order."""
    wait_state(name, "network-booting")
    token = boot_agent(i, name)
    status, a = api(10 + i, "POST", f"/v1/nodes/{name}/inventory", inventory(i), token)
    check(f"{name}: inventory", status == 200, a)
    if node(name)["asks"]:
        status, a = agree(name)
        check(f"{name}: agreed to", status == 200, a)
    status, order = api(10 + i, "GET", f"/v1/nodes/{name}/order?wait=5", None, token)
    check(f"{name}: order", status == 200, order)
    tokens[name] = token
    say(i, name, token, {"type": "agent.installed", "text": "",
                         "data": {"serial": f"S{i}A", "wwn": "", "bytes": 1}},
        {"type": "agent.kexec", "text": ""})
    say(i, name, tokens[name], {"type": "noded.up", "text": ""})
    return order["desired"]


def ready(i, name, revision, *proofs, **more):
    return report(i, name, tokens[name], revision, True, proofs=[proof("network"), *proofs], **more)


def desired(i, name, rev=0, extra=""):
    return api(10 + i, "GET", f"/v1/nodes/{name}/desired?rev={rev}{extra}", None, tokens[name])


def part_refused():
    status, a = apply(rack("services = swift cinder\n"))
    check("cinder without a block node", status == 422 and "kind = block" in str(a), a)
    status, a = apply(rack().replace("image = full", "image = core"))
    check("another image", status == 422 and "expected image = full" in str(a), a)
    status, a = apply(rack().replace("product = ", "memory = 100000M\nproduct = ", 1), dry_run=True)
    check("a dry run is good", status == 200, a)
    check("and makes no secret", not os.path.exists(f"{work}/state/cloud-secrets"))
    status, a = op("GET", "/v1/cloud")
    check("no rack: no cloud", status == 200 and a["cloud"] is None, a)
    r = cli("cloud", "status")
    check("ondol says so", r.returncode == 1 and "no rack yet" in r.stderr, r)


def part_secrets():
    status, a = apply(rack())
    check("apply", status == 200 and set(actions(a).values()) == {"look"}, a)
    path = f"{work}/state/cloud-secrets"
    check("cloud-secrets is 0600", stat.S_IMODE(os.stat(path).st_mode) == 0o600)
    s = secrets()
    check("what it holds", {"db.keystone", "fernet.0", "keystone.swift", "db.nova", "admin",
                            "student", "ca.cert", "ca.key", "tls.cert", "tls.key"} == set(s), sorted(s))
    check("the CA is beside the socket", open(f"{work}/ca.pem").read() == s["ca.cert"])
    with open(f"{work}/tls.pem", "w") as f:
        f.write(s["tls.cert"])
    for name in ("-verify_ip 10.77.20.11", "-verify_ip 10.77.0.11", "-verify_ip 127.0.0.1",
                 "-verify_hostname localhost"):
        r = subprocess.run(["openssl", "verify", "-CAfile", f"{work}/ca.pem", *name.split(),
                            f"{work}/tls.pem"], capture_output=True, text=True)
        check(f"openssl verifies {name}", r.returncode == 0, r.stderr)


def part_orders():
    s = secrets()
    d = ordered(1, "hp01")
    check("the order carries the cloud", d["cloud"]["public"] == "10.77.20.11" and
          d["cloud"]["region"] == "Lab" and d["cloud"]["services"] == ["swift"] and
          d["cloud"]["external"]["first"] == "10.77.50.128", d.get("cloud"))
    check("and the controller's secrets", set(d["secrets"]) ==
          {"admin", "student", "db.keystone", "fernet.0", "keystone.swift", "ca.cert", "tls.cert",
           "tls.key"} and
          all(d["secrets"][k] == s[k] for k in d["secrets"]), sorted(d["secrets"]))
    check("facts have a number", d["facts"]["rev"] > 1500000000000 and d["facts"]["nodes"] == {}, d["facts"])
    check("peers say addresses and disks", d["peers"][2]["addresses"]["storage"] == "10.77.40.13" and
          d["peers"][2]["data_disks"][0]["name"] == "d1", d["peers"][2])
    ready(1, "hp01", d["revision"], proof("keystone"), proof("nova-api", False))
    check("the controller is ready", node("hp01")["state"] == "ready", node("hp01"))
    d = ordered(2, "hp02")
    check("a compute gets its own", set(d["secrets"]) == {"db.nova", "ca.cert"}, sorted(d["secrets"]))
    check("and what the controller proves", d["facts"]["nodes"] == {"hp01": ["network", "keystone"]}, d["facts"])
    return d


def part_facts(d):
    rev, facts = d["revision"], d["facts"]["rev"]
    check("nothing new: 204", desired(2, "hp02", rev, f"&facts={facts}")[0] == 204)
    check("who does not ask for facts is not woken", desired(2, "hp02", rev)[0] == 204)
    got = {}
    t = threading.Thread(target=lambda: got.update(
        zip(("status", "doc"), desired(2, "hp02", rev, f"&facts={facts}&wait=30"))))
    t.start()
    time.sleep(0.3)
    ready(1, "hp01", 1, proof("keystone"), proof("nova-api"))
    t.join(5)
    check("a held poll ends with a fact", got.get("status") == 200 and got["doc"]["revision"] == rev and
          "nova-api" in got["doc"]["facts"]["nodes"]["hp01"] and got["doc"]["facts"]["rev"] > facts, got)
    say(2, "hp02", tokens["hp02"], {"type": "noded.step", "text": "waiting for controller/placement"})
    check("status shows what it waits for", node("hp02")["step"] == "waiting for controller/placement")


def part_blobs():
    ring = os.urandom(200000)
    put = "/v1/nodes/hp01/blobs/account.ring.gz"
    check("a compute may not write", net(12, "PUT", "/v1/nodes/hp02/blobs/account.ring.gz", ring,
                                         tokens["hp02"])[0] == 401)
    check("nor with the controller's name", net(12, "PUT", put, ring, tokens["hp02"])[0] == 401)
    check("nobody without a token", net(11, "PUT", put, ring, "0" * 32)[0] == 401)
    status, a, _ = net(11, "PUT", put, ring, tokens["hp01"])
    check("the controller writes", status == 200 and len(json.loads(a)["sha256"]) == 64, a)
    d = desired(2, "hp02")[1]
    check("a blob is a fact", d["facts"]["blobs"]["account.ring.gz"]["size_bytes"] == 200000, d["facts"])
    status, a, _ = net(12, "GET", "/v1/nodes/hp02/blobs/account.ring.gz", None, tokens["hp02"])
    check("all may read", status == 200 and a == ring)
    facts = d["facts"]["rev"]
    net(11, "PUT", put, ring, tokens["hp01"])
    check("the same again is no news", desired(2, "hp02")[1]["facts"]["rev"] == facts)
    status, a, _ = net(11, "PUT", put, bytes(70 << 20), tokens["hp01"])
    check("over 64 MiB: 413", status == 413, a)
    check("and the old one stays", net(12, "GET", "/v1/nodes/hp02/blobs/account.ring.gz", None,
                                       tokens["hp02"])[1] == ring)
    check("a strange name", net(11, "PUT", "/v1/nodes/hp01/blobs/.x", ring, tokens["hp01"])[0] == 400)
    check("only the blob is kept", len(os.listdir(f"{work}/state/blobs")) == 1)
    return ring


SERVICES = [{"node": "hp02", "service": "nova-compute", "ok": True, "text": "up, 3 s ago"},
            {"node": "hp01", "service": "nova-conductor", "ok": True, "text": "up"}]


def cloud_report(services, **more):
    return {"time": 1, "services": services, "dashboard": "https://10.77.20.11/horizon", **more}


def part_status():
    wait_state("hp03", "network-booting")
    r = cli("cloud", "status")
    check("before the first word", r.returncode == 1 and "has said nothing of the services yet" in r.stdout, r)
    check("and who is on its way", "hp02 (compute) is configuring: waiting for controller/placement" in r.stdout
          and "hp03 (storage/object) is network-booting" in r.stdout, r.stdout)
    ready(1, "hp01", 1, proof("keystone"), cloud=cloud_report(
        [{"node": "hp02", "service": "nova-compute", "ok": False, "text": "no such host"}]))
    check("what a node on its way does not run yet is no event", events("hp02", "cloud.unwell") == [],
          events("hp02", "cloud.unwell"))
    waiting = []
    t = threading.Thread(target=lambda: waiting.append(cli("cloud", "status", "--wait=60", timeout=90)))
    t.start()
    time.sleep(0.3)
    d = ordered(3, "hp03")
    ready(3, "hp03", d["revision"])
    ready(2, "hp02", desired(2, "hp02")[1]["revision"])
    ready(1, "hp01", 1, proof("keystone"), cloud=cloud_report(
        [{"node": "hp02", "service": "nova-compute", "ok": False, "text": "down since 3 m"}]))
    time.sleep(0.3)
    check("a service that is down is an event", "nova-compute: down since 3 m" in
          [e["text"] for e in events("hp02", "cloud.unwell")])
    r = cli("cloud", "status")
    check("what the table says is not said again", r.returncode == 1 and
          r.stdout.count("down since 3 m") == 1 and "The cloud is not well" in r.stdout, r)
    ready(1, "hp01", 1, proof("keystone"), cloud=cloud_report(SERVICES))
    t.join(60)
    r = waiting[0]
    check("--wait ends when all is well", r.returncode == 0 and "The cloud is well." in r.stdout and
          "2 services on 2 nodes: 2 well, 0 not" in r.stdout, r)
    check("and said what was missing", "nova-compute on hp02: down since 3 m" in r.stderr, r.stderr)
    check("the controller first, as in rack.ini", r.stdout.index("nova-conductor") <
          r.stdout.index("nova-compute"), r.stdout)
    r = cli("cloud", "status", "--json")
    a = json.loads(r.stdout)
    check("as JSON", r.returncode == 0 and a["well"] is True and a["missing"] == [], a)
    n = len(events("hp01", "report"))
    ready(1, "hp01", 1, proof("keystone"), cloud=cloud_report(
        [dict(s, text="up, 7 s ago") for s in SERVICES]))
    check("other words are no event", len(events("hp01", "report")) == n)
    status, a = report(1, "hp01", tokens["hp01"], 1, True, cloud={"time": 1, "services": [{"node": 5}]})
    check("a broken report is refused", status == 400 and "services" in a["error"], a)


def part_keys():
    s = secrets()
    r = cli("cloud", "openrc")
    check("openrc", r.returncode == 0 and f"export OS_PASSWORD='{s['admin']}'" in r.stdout and
          "export OS_AUTH_URL='https://10.77.20.11:5000/v3'" in r.stdout and
          f"export OS_CACERT='{work}/ca.pem'" in r.stdout and "OS_REGION_NAME='Lab'" in r.stdout and
          "holds a password" in r.stderr and s["admin"] not in r.stderr, r)
    out = subprocess.run(["sh", "-c", f"eval \"$('{ondol}' --socket '{work}/ondold.sock' cloud openrc --student "
                          f"--ca '{work}/my.pem')\" && echo $OS_USERNAME $OS_PASSWORD $OS_CACERT"],
                         capture_output=True, text=True).stdout
    check("for a shell", out == f"student {s['student']} {work}/my.pem\n", out)
    check("--ca writes the certificate", open(f"{work}/my.pem").read() == s["ca.cert"])
    r = cli("cloud", "ca")
    check("ca", r.returncode == 0 and r.stdout == s["ca.cert"], r)
    r = cli("cloud", "dashboard")
    check("dashboard", r.returncode == 0 and r.stdout.startswith("https://10.77.20.11/horizon\n") and
          "user admin" in r.stdout and s["admin"] not in r.stdout, r)
    for argv in (("cloud",), ("cloud", "statsu"), ("cloud", "openrc", "--wait"), ("cloud", "backup")):
        check(f"wrong usage: {argv}", cli(*argv).returncode == 2)


def backup_controller():
    """Plays noded on a task of type backup."""
    task = None
    for _ in range(100):
        status, d = desired(1, "hp01", 1, f"&facts={op('GET', '/v1/cloud')[0]}&wait=2")
        task = d and d.get("task")
        if task:
            break
    check("the task comes", task and task["type"] == "backup", task)
    data = os.urandom(5 << 20)
    check("its part is sent", net(11, "PUT", "/v1/nodes/hp01/blobs/controller-backup.tar.gz", data,
                                  tokens["hp01"])[0] == 200)
    ready(1, "hp01", 1, proof("keystone"), task={"id": task["id"], "ok": True, "text": "3 databases"})
    return data


def part_backup(ring):
    done = []
    file = f"{work}/cloud.tar"
    t = threading.Thread(target=lambda: done.append(cli("cloud", "backup", file, timeout=60)))
    t.start()
    data = backup_controller()
    t.join(60)
    r = done[0]
    check("backup", r.returncode == 0 and "3 files" not in r.stdout and "2 files" in r.stdout, r)
    check("it is 0600", stat.S_IMODE(os.stat(file).st_mode) == 0o600)
    listing = subprocess.run(["tar", "-tf", file], capture_output=True, text=True).stdout.split()
    check("tar reads it", listing == ["manifest.json", "keys.json", "blobs/account.ring.gz",
                                      "blobs/controller-backup.tar.gz"], listing)
    with tarfile.open(file) as t:
        check("and what is in it", t.extractfile("blobs/account.ring.gz").read() == ring and
              t.extractfile("blobs/controller-backup.tar.gz").read() == data and
              json.load(t.extractfile("keys.json")) == secrets())
    check("a compute may not have it", net(12, "GET", "/v1/nodes/hp02/blobs/controller-backup.tar.gz",
                                           None, tokens["hp02"])[0] == 404)
    check("nor hear of it", "controller-backup.tar.gz" not in desired(2, "hp02")[1]["facts"]["blobs"])
    n = node("hp01")["task"]
    check("the task is told", n["type"] == "backup" and n["ok"] and n["text"] == "3 databases", n)
    return file, data


def part_kill(ring):
    before, facts = secrets(), desired(2, "hp02")[1]["facts"]
    kill()
    start()
    check("after kill -9: the same secrets", secrets() == before)
    d = desired(2, "hp02")[1]
    check("facts go on, higher", d["facts"]["rev"] > facts["rev"] and d["facts"]["nodes"] == facts["nodes"]
          and d["facts"]["blobs"] == facts["blobs"], (facts, d["facts"]))
    check("the same revision", d["secrets"]["db.nova"] == before["db.nova"] and
          node("hp02")["revision"] == node("hp02")["reported"])
    check("blobs are there", net(12, "GET", "/v1/nodes/hp02/blobs/account.ring.gz", None,
                                 tokens["hp02"])[1] == ring)
    r = cli("cloud", "status")
    check("the status is unknown until the controller speaks", r.returncode == 1 and
          "has said nothing of the services yet" in r.stdout, r)


def part_change():
    """A name for the endpoints: another certificate, the other secrets stay."""
    before = secrets()
    status, a = apply(rack("services = swift\nname = cloud.school.example\n"))
    check("another name converges all", set(actions(a).values()) == {"converge"}, a)
    s = secrets()
    check("the certificate is new, all else is not", s["tls.cert"] != before["tls.cert"] and
          {k: v for k, v in s.items() if k[:4] != "tls."} ==
          {k: v for k, v in before.items() if k[:4] != "tls."})
    d = desired(1, "hp01")[1]
    check("the controller gets it", d["secrets"]["tls.cert"] == s["tls.cert"] and
          d["cloud"]["public"] == "cloud.school.example")
    status, a = apply(rack("services = swift\nname = cloud.school.example\n"))
    check("the same again changes nothing", set(actions(a).values()) <= {"none"}, a)
    def roles_are(two, three, services="swift", nodes=(1, 2, 3)):
        text = flow.rack_ini(roles={1: "role = controller", 2: two, 3: three}, nodes=nodes)
        text = text.replace("image     = core", "image = full", 1).replace(
            "[bmc]\n", f"[cloud]\nservices = {services}\n[bmc]\n", 1)
        status, a = apply(text, dry_run=True)
        return {x["node"]: x["why"] for x in a.get("actions", [])}, a

    why, a = roles_are("role = storage\nkind = object", "role = compute")
    check("a compute that leaves is told", "leaves the role compute; it refuses while instances" in
          why.get("hp02", ""), a)
    why, a = roles_are("role = compute", "", "none", (1, 2))
    check("a storage node that is removed too", "leaves the role storage/object" in why.get("hp03", ""), a)


def part_memory():
    with open(f"{work}/roles/parts/worker.ini", "w") as f:
        f.write(ROLES["parts/worker.ini"].replace("500M", "9G"))
    status, a = apply(rack())
    check("too little memory, as the inventory says", status == 422 and "hp02" in str(a) and
          "worker 9.0 GiB" in str(a), a)
    with open(f"{work}/roles/parts/worker.ini", "w") as f:
        f.write(ROLES["parts/worker.ini"])


def part_restore(file, data, old):
    """Another deployment host: nothing is left but rack.ini and the backup."""
    flow.daemon.terminate()
    flow.daemon.wait(10)
    start(state="state2")
    status, a = apply(rack("services = swift\nname = cloud.school.example\n"))
    check("a new host makes new secrets", secrets("state2")["admin"] != old["admin"])
    broken = bytearray(open(file, "rb").read())
    broken[len(broken) // 2] ^= 1
    with open(f"{work}/broken.tar", "wb") as f:
        f.write(broken)
    r = cli("cloud", "restore", f"{work}/broken.tar", "--yes")
    check("a damaged backup is refused", r.returncode == 2 and "not as the manifest has it" in r.stderr, r)
    with open(f"{work}/short.tar", "wb") as f:
        f.write(broken[:2 << 20])
    check("a short one too", cli("cloud", "restore", f"{work}/short.tar", "--yes").returncode == 2)
    check("nothing has changed", secrets("state2")["admin"] != old["admin"])
    r = cli("cloud", "restore", file)
    check("it asks", r.returncode == 2 and "--yes" in r.stderr, r)
    r = cli("cloud", "restore", file, "--yes")
    check("restore", r.returncode == 0, r)
    s = secrets("state2")
    check("the old secrets are back", all(s[k] == old[k] for k in old if k[:4] != "tls."))
    d = ordered(1, "hp01")
    check("the controller is told to restore", d["restore"]["size_bytes"] == len(data) and
          len(d["restore"]["sha256"]) == 64 and d["secrets"]["db.keystone"] == old["db.keystone"], d)
    status, got, _ = net(11, "GET", "/v1/nodes/hp01/blobs/controller-backup.tar.gz", None, tokens["hp01"])
    check("and may fetch it", status == 200 and got == data)
    check("until it is ready", "restore" in desired(1, "hp01")[1])
    ready(1, "hp01", d["revision"], proof("keystone"))
    check("and not after", "restore" not in desired(1, "hp01")[1])
    kill()
    start(state="state2", patience="1")
    check("nor after a restart", "restore" not in desired(1, "hp01")[1])


def cloud():
    flow.run("ip", "addr", "add", "10.77.0.2/24", "dev", "deploy0")
    flow.image = "full"
    roles()
    start()
    part_refused()
    part_secrets()
    d = part_orders()
    part_facts(d)
    ring = part_blobs()
    part_status()
    part_keys()
    file, data = part_backup(ring)
    flow.part_planted()
    keys = flow.exchange(flow.Unix("ondold", timeout=60), "GET", "/v1/cloud/keys", None, {})[1]
    check("what is asked for by name holds them", len(flow.planted.inside(keys)) > 5, flow.planted.inside(keys))
    part_kill(ring)
    old = secrets()
    part_change()
    part_memory()
    part_restore(file, data, old)
    flow.daemon.terminate()
    check("it ends with 0", flow.daemon.wait(10) == 0, flow.daemon.returncode)
    log = open(f"{work}/ondold.log").read()
    check("no sanitizer report", "ERROR: " not in log and "runtime error" not in log, log[-2000:])


if __name__ == "__main__":
    sys.exit(flow.whole(cloud, flow.world("core", "full")))
