#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plays firmware, agent and noded against a real ondold; see test-ondold.sh."""
import hashlib
import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import ssl
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, "tests/lib")
import planted  # noqa: E402

ondold_bin, work = sys.argv[1], sys.argv[2]
SERVER, PORT, API_PORT = "10.77.0.2", 8780, 8781
passed = failed = skipped = 0
PASSWORD = planted.new("BMC password")


def check(name, good, info=""):
    global passed, failed
    if good:
        passed += 1
        print("ok:", name, flush=True)
    else:
        failed += 1
        print("FAILED:", name, info, flush=True)


def skip(name):
    global skipped
    skipped += 1
    print("skipped:", name, flush=True)


# ---- the machine around it ----

def run(*argv):
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)


def network():
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "deploy0", "type", "veth", "peer", "name", "wire")
    for i in (11, 12, 13):
        run("ip", "addr", "add", f"10.77.1.{i}/32", "dev", "lo")
        run("ip", "addr", "add", f"10.77.0.{i}/32", "dev", "lo")
    run("ip", "link", "set", "deploy0", "up")
    run("ip", "link", "set", "wire", "up")


BMC_SCRIPT = """#!/bin/sh
# power and boot device of a server that is not there
cd "$(dirname "$0")" || exit 1
echo "$*" >>log
op=$1
shift
if [ "$op" = get ]; then
	for key in "$@"; do echo "$key:$(cat "$key" 2>/dev/null || echo 0)"; done
else
	while [ $# -ge 2 ]; do
		echo "$2" >"$1"
		shift 2
	done
fi
"""


def bmc(i, password):
    d = f"{work}/bmc{i}"
    os.makedirs(d + "/state")
    with open(d + "/chassis", "w") as f:
        f.write(BMC_SCRIPT)
    os.chmod(d + "/chassis", 0o755)
    with open(d + "/lan.conf", "w") as f:
        f.write(f"""name "bmc{i}"
set_working_mc 0x20
  startlan 1
    addr 10.77.1.{i} 623
    priv_limit admin
    allowed_auths_callback none md2 md5 straight
    allowed_auths_user none md2 md5 straight
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa123456789abcdef
  endlan
  chassis_control "{d}/chassis"
  user 2 true "ondol" "{password}" admin 10 none md2 md5 straight
""")
    with open(d + "/sim.emu", "w") as f:
        f.write("mc_setbmc 0x20\n"
                "mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\n"
                "mc_enable 0x20\n")
    return subprocess.Popen(
        ["ipmi_sim", "-c", d + "/lan.conf", "-f", d + "/sim.emu", "-s", d + "/state", "-n"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def bmc_file(i, name):
    try:
        with open(f"{work}/bmc{i}/{name}") as f:
            return f.read().strip()
    except FileNotFoundError:
        return ""


FILES = {"vmlinuz": os.urandom(70000), "initrd.img": os.urandom(50000),
         "root.erofs.zst": os.urandom(300000)}


def images(profile="core"):
    d = f"{work}/images/{profile}"
    os.makedirs(d)
    entry = {}
    for name, data in FILES.items():
        with open(f"{d}/{name}", "wb") as f:
            f.write(data)
        entry[name] = {"file": name, "sha256": hashlib.sha256(data).hexdigest(),
                       "size_bytes": len(data)}
    entry["root.erofs.zst"].update(format="erofs", raw_bytes=4096 * 1000)
    with open(f"{d}/secret", "w") as f:
        f.write("not in the manifest")
    with open(f"{d}/manifest.json", "w") as f:
        json.dump({"schema": 1, "profile": profile, "version": "0.1.0-test",
                   "kernel": entry["vmlinuz"], "initrd": entry["initrd.img"],
                   "root": entry["root.erofs.zst"], "packages": 1}, f)


# ---- HTTP ----

class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(f"{work}/ondold.sock")


def exchange(conn, method, path, body, headers):
    if body is not None and not isinstance(body, (bytes, str)):
        body = json.dumps(body)
    conn.request(method, path, body, headers)
    r = conn.getresponse()
    data = r.read()
    conn.close()
    return r.status, data, r


def op(method, path, body=None, timeout=60):
    status, data, _ = exchange(Unix("ondold", timeout=timeout), method, path, body, {})
    return status, json.loads(data) if data else None


class Cert:
    """A key and what certifies it, in one file."""

    def __init__(self, path):
        self.path = path


def net(host, method, path, body=None, token=None, headers=None, timeout=70):
    """A request from the node with that host number; token is a boot's token or a Cert."""
    h = dict(headers or {})
    if isinstance(token, str) and token:
        h["Authorization"] = "Bearer " + token
    source = (f"10.77.0.{host}", 0)
    if path.startswith("/v1/nodes/"):
        context = ssl.create_default_context(cafile=f"{work}/node-ca.pem")
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        if isinstance(token, Cert):
            context.load_cert_chain(token.path)
        c = http.client.HTTPSConnection(SERVER, API_PORT, timeout=timeout, source_address=source,
                                        context=context)
    else:
        c = http.client.HTTPConnection(SERVER, PORT, timeout=timeout, source_address=source)
    return exchange(c, method, path, body, h)


def api(host, method, path, body=None, token=None):
    status, data, _ = net(host, method, path, body, token)
    return status, json.loads(data) if data else None


def node(name):
    return op("GET", f"/v1/nodes/{name}")[1]


def wait_state(name, *states, seconds=40):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        n = node(name)
        if n["state"] in states:
            return n
        last = op("GET", "/v1/events?since=-1")[1]["last"]
        if node(name)["state"] in states:
            continue
        op("GET", f"/v1/events?since={last}&node={name}&wait=2")
    return node(name)


def events(name, kind=None):
    out, since = [], 0
    while True:
        part = op("GET", f"/v1/events?since={since}&node={name}")[1]
        if not part["events"]:
            return out
        out += [e for e in part["events"] if kind in (None, e["type"])]
        since = part["last"]


def metrics(text=None):
    """What /metrics says, read by Prometheus' own parser: a function of name and labels."""
    from prometheus_client.parser import text_string_to_metric_families
    if text is None:
        text = exchange(Unix("ondold", timeout=60), "GET", "/metrics", None, {})[1].decode()
    found = {}
    for family in text_string_to_metric_families(text):
        for s in family.samples:
            key = (s.name, *sorted(s.labels.items()))
            if key in found:
                check("no series twice", False, key)
            found[key] = s.value
    return lambda name, **labels: found.get((name, *sorted(labels.items())))


def causes(name):
    return [f["cause"] for f in op("GET", f"/v1/nodes/{name}/why")[1]["findings"]]


# ---- ondold ----

daemon = None


roles_dir, image, path = "roles", "core", os.environ["PATH"]


def start(patience="100", state="state", cores=None):
    """cores: the folder to run in, where it might dump core."""
    global daemon
    env = dict(os.environ, ONDOL_PATIENCE=patience, PATH=path, **(planted.CORE_ENV if cores else {}))
    daemon = subprocess.Popen(
        [os.path.abspath(ondold_bin), "--state", f"{work}/{state}", "--socket", f"{work}/ondold.sock",
         "--images", f"{work}/images", "--roles", os.path.abspath(roles_dir), "--tftp", f"{work}/tftp"],
        env=env, stdin=subprocess.DEVNULL, stderr=open(f"{work}/ondold.log", "a"), cwd=cores,
        preexec_fn=planted.allow_cores if cores else None)
    for _ in range(200):
        try:
            if op("GET", "/v1/status")[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise RuntimeError("ondold does not answer")


def kill():
    daemon.send_signal(signal.SIGKILL)
    daemon.wait()


def processes(word):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline") as f:
                if word in f.read().split("\0")[0]:
                    found.append(int(pid))
        except OSError:
            pass
    return found


def another_dnsmasq(old, seconds=20):
    """A started ondold ends the dnsmasq of the one before and has its own: alone, when all is done."""
    end = time.monotonic() + seconds
    while True:
        now = processes("dnsmasq")
        if (len(now) == 1 and now != old) or time.monotonic() > end:
            return now
        time.sleep(0.05)


# ---- what is applied ----

def rack_ini(nodes=(1, 2, 3), parallel=2, roles=None, macs=None, retries=0, interval="1s",
             deadlines=()):
    text = open("examples/dl360-rack.ini").read()
    head, *rest = re.split(r"(?m)^(?=\[node )", text)
    head = re.sub(r"(?m)^parallel_installs.*", f"parallel_installs = {parallel}\n"
                  f"retries = {retries}\npower_on_interval = {interval}", head)
    out = head + "\n".join(["[deadlines]", *deadlines, "", ""])
    for i in nodes:
        part = rest[i - 1]
        if roles and i in roles:
            part = re.sub(r"(?m)^role .*", roles[i], part)
        if macs and i in macs:
            part = re.sub(r"(?m)^mac.1 .*", f"mac.1 = {macs[i]}", part)
        out += part
    return out


SECRETS = f"[bmc]\nuser = ondol\npassword = {PASSWORD}\n"


def apply(text=None, secrets=SECRETS, **more):
    body = {"file": "rack.ini", "rack_ini": text or rack_ini(), "secrets_ini": secrets,
            "wipe": [], "dry_run": False}
    body.update(more)
    return op("POST", "/v1/rack", body)


def actions(answer):
    return {a["node"]: a["action"] for a in answer["actions"]}


def mac(i, port=1):
    return f"94:40:c9:00:{i:02x}:{port:02x}"


def inventory(i, foreign=False, **more):
    signatures = [{"where": "", "type": "LVM2_member", "label": ""}] if foreign else []

    def disk(name, serial, bus, bay, size, sig):
        return {"name": name, "serial": serial, "wwn": "", "model": "TEST", "bus": bus, "bay": bay,
                "size_bytes": size, "sector_bytes": 512, "rotational": False,
                "removable": False, "read_only": False, "signatures": sig}
    inv = {"vendor": "HPE", "product": "ProLiant DL360 Gen10", "serial": f"CZJ00100{i:02d}",
           "uuid": f"39383838-3738-5a43-4a30-3031303031{i:02d}", "bios_version": "U32", "cpus": 2,
           "cpu_model": "test", "cpu_virt": True, "memory_bytes": 1 << 30, "uefi": True,
           "disks": [disk("sda", f"S{i}A", "sata", 1, 480103981056, signatures),
                     disk("sdb", f"S{i}B", "sata", 2, 480103981056, []),
                     disk("nvme0n1", f"N{i}", "nvme", 3, 1920383410176, [])],
           "nics": [{"name": f"eth{p}", "mac": mac(i, p + 1), "driver": "tg3", "link": True,
                     "speed_mbps": 1000} for p in (0, 1)]}
    inv.update(more)
    return inv


# ---- DHCP, by hand ----

def dhcp_discover(i, arch, ipxe=False, message=b"\x35\x01\x01"):
    """Sends a DISCOVER, or another message, on the wire; returns the answer's (address, boot
    file) or None."""
    chaddr = bytes.fromhex(mac(i).replace(":", ""))
    opts = message + b"\x5d\x02" + struct.pack("!H", arch)
    cls = f"PXEClient:Arch:{arch:05d}:UNDI:003001".encode()
    opts += bytes([60, len(cls)]) + cls + b"\x37\x04\x01\x03\x42\x43"
    if ipxe:
        opts += b"\xaf\x03\x10\x01\x01"
    boot = struct.pack("!BBBBIHHIIII", 1, 1, 6, 0, 0x1000 + i, 0, 0x8000, 0, 0, 0, 0)
    boot += chaddr + bytes(10) + bytes(64 + 128) + b"\x63\x82\x53\x63" + opts + b"\xff"
    udp = struct.pack("!HHHH", 68, 67, 8 + len(boot), 0) + boot
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, bytes(4),
                     b"\xff\xff\xff\xff")
    s = sum(struct.unpack("!10H", ip))
    s = (s & 0xffff) + (s >> 16)
    ip = ip[:10] + struct.pack("!H", ~((s & 0xffff) + (s >> 16)) & 0xffff) + ip[12:]
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    raw.bind(("wire", 0))
    raw.settimeout(0.5)
    raw.send(b"\xff" * 6 + chaddr + b"\x08\x00" + ip + udp)
    end = time.monotonic() + 3
    while time.monotonic() < end:
        try:
            frame = raw.recv(2048)
        except socket.timeout:
            continue
        msg = frame[42:]
        if len(msg) < 240 or msg[0] != 2 or msg[28:34] != chaddr:
            continue
        file, at = msg[108:236].split(b"\0")[0].decode(), 240
        while msg[at] != 255:  # asked for as an option, the boot file comes as option 67
            if msg[at] == 67:
                file = msg[at + 2:at + 2 + msg[at + 1]].rstrip(b"\0").decode()
            at += 1 if msg[at] == 0 else 2 + msg[at + 1]
        return socket.inet_ntoa(msg[16:20]), file
    return None


# ---- the parts ----

def token_of(script):
    token = re.search(r"ondol\.token=([0-9a-f]{32})", script).group(1)
    return planted.plant(f"boot token {token[:4]}", token)


def take_authority(host, script):
    """As the agent does: over plain HTTP, and only with the digest of the boot script."""
    status, pem, _ = net(host, "GET", "/v1/ca")
    named = re.search(r"ondol\.ca=([0-9a-f]{64})", script).group(1)
    with open(f"{work}/node-ca.pem", "wb") as f:
        f.write(pem)
    return status == 200 and hashlib.sha256(pem).hexdigest() == named


n_keys = 0


def new_key(curve="P-256"):
    """A key file and the request for its certificate."""
    global n_keys
    n_keys += 1
    path = f"{work}/key{n_keys}.pem"
    r = subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt",
                        f"ec_paramgen_curve:{curve}", "-nodes", "-keyout", path, "-subj",
                        "/CN=whoever"], check=True, capture_output=True, text=True)
    return path, r.stdout


def enrol(host, name, token, request, **more):
    return api(host, "POST", f"/v1/nodes/{name}/enrol", {"request": request, **more}, token)


def enrolled(i, name, token, says=None):
    """The Cert of an agent that boots with that token; says: the type of the event with its request."""
    path, request = new_key()
    more = {"event": {"type": says, "text": "up"}} if says else {}
    status, a = enrol(10 + i, name, token, request, **more)
    if status != 200 or a.get("heard", False) != (says == "agent.up"):
        raise RuntimeError(f"{name} is not enrolled: {status} {a}")
    with open(path, "a") as f:
        f.write(a["cert"])
    return Cert(path)


def boot_agent(i, name):
    """Firmware and agent up to agent.up; returns the agent's Cert."""
    status, script, _ = net(10 + i, "GET", f"/boot/{mac(i)}")
    script = script.decode()
    net(10 + i, "GET", f"/files/{image}/vmlinuz")
    net(10 + i, "GET", f"/files/{image}/initrd.img")
    take_authority(10 + i, script)
    return enrolled(i, name, token_of(script), "agent.up")


def say(i, name, token, *evs):
    return api(10 + i, "POST", f"/v1/nodes/{name}/events", {"events": list(evs)}, token)


def report(i, name, token, revision, ready, **more):
    body = {"revision": revision, "ready": ready, "boot_id": "b1", "image": "0.1.0-test",
            "proofs": [{"name": "network", "ok": ready, "text": "as declared" if ready
                        else "no carrier", "time": 1}], "task": None}
    body.update(more)
    return api(10 + i, "POST", f"/v1/nodes/{name}/report", body, token)


def agree(name, **more):
    """To what the agent of a node has seen."""
    return op("POST", f"/v1/nodes/{name}/agree",
              {"wipe": [], "lock": op("GET", f"/v1/nodes/{name}/plan")[1]["lock"], **more})


def finish_install(i, name, token, serial):
    """From inventory to ready; returns the Cert of the node and the order."""
    api(10 + i, "POST", f"/v1/nodes/{name}/inventory", inventory(i), token)
    if node(name)["asks"]:
        agree(name)
    status, order = api(10 + i, "GET", f"/v1/nodes/{name}/order?wait=5", None, token)
    say(i, name, token, {"type": "agent.installed", "text": "",
                         "data": {"serial": serial, "wwn": "", "bytes": 4096000}},
        {"type": "agent.kexec", "text": ""})
    nt = token  # the agent hands it on to the system it installs
    say(i, name, nt, {"type": "noded.up", "text": ""})
    report(i, name, nt, order["desired"]["revision"], True)
    return nt, order


def cli(*argv):
    return subprocess.run([os.path.join(os.path.dirname(ondold_bin), "ondol"), "--socket",
                           f"{work}/ondold.sock", *argv], capture_output=True, text=True, timeout=60)


def part_init():
    d = f"{work}/etc"
    r = cli("init", d)
    prints = re.findall(r"SHA-256 ([0-9a-f]{64})", r.stdout)
    check("init begins files and makes two authorities", r.returncode == 0 and len(set(prints)) == 2 and
          r.stdout.count(": made") == 2, (r.stdout, r.stderr))
    check("secrets.ini is for root alone", os.stat(d + "/secrets.ini").st_mode & 0o777 == 0o600)
    check("the authorities are kept private", all(
        os.stat(f"{work}/state/{f}").st_mode & 0o777 == 0o600 for f in ("node-authority", "cloud-secrets")))
    r = cli("check", d + "/rack.ini")
    check("what is left to say is said", r.returncode == 2 and "password" in r.stderr and
          "rack.ini" not in r.stderr.replace("secrets.ini", ""), r.stderr)
    with open(d + "/secrets.ini", "a") as f:
        f.write("; mine\n")
    r = cli("init", d)
    check("again it changes nothing", r.returncode == 0 and ": made" not in r.stdout and
          re.findall(r"SHA-256 ([0-9a-f]{64})", r.stdout) == prints and
          open(d + "/secrets.ini").read().endswith("; mine\n"), r.stdout)
    check("it takes one folder", cli("init", d, d).returncode == 2)
    r = cli("init", "/proc/nowhere")
    check("a folder that cannot be", r.returncode == 1 and "/proc/nowhere" in r.stderr, r.stderr)
    status, a = op("POST", "/v1/init", {"name": "no name"})
    check("a name is checked", status == 400 and "name" in a["error"], a)
    ca = cli("ca").stdout
    der = subprocess.run(["openssl", "x509", "-outform", "der"], input=ca.encode(), capture_output=True).stdout
    check("the digests are those of the certificates", hashlib.sha256(der).hexdigest() in prints)


def part_before_a_rack():
    status, s = op("GET", "/v1/status")
    check("status without a rack", status == 200 and s["rack"] is None and s["nodes"] == [])
    status, a = apply("[rack]\nname = x\nnonsense = 1\n")
    check("a broken rack is 422 with problems", status == 422 and len(a["problems"]) > 3, a)
    check("a problem names file and line", a["problems"][0].startswith("rack.ini:"), a)
    status, a = op("POST", "/v1/rack", "no json")
    check("a body that is not JSON is 400", status == 400 and "error" in a, a)
    status, a = apply(dry_run=True)
    check("dry run: none was ever seen", status == 200 and set(actions(a).values()) == {"look"}, a)
    check("dry run takes nothing", op("GET", "/v1/status")[1]["rack"] is None)
    status, a = apply(rack_ini().replace("image     = core", "image = none"))
    check("a missing image profile is a problem", status == 422 and "none" in a["problems"][0], a)
    check("nothing was powered on", bmc_file(11, "power") in ("", "0"))
    m = metrics()
    check("metrics without a rack", m("ondol_nodes", state="ready") == 0 and m("ondol_dnsmasq_up") == 0
          and m("ondol_rack_info", rack="dl360") is None)


def part_apply():
    status, a = apply()
    check("apply", status == 200 and a["revision"] == 1, a)
    waiting = [e for e in op("GET", "/v1/events?limit=500")[1]["events"]
               if e["type"] == "http.waiting"]
    check("a missing address is told, for files and for the API", len(waiting) == 2, waiting)
    run("ip", "addr", "add", f"{SERVER}/24", "dev", "deploy0")
    for name, i in (("hp01", 11), ("hp02", 12)):
        n = wait_state(name, "network-booting")
        check(f"{name} is powered on", n["state"] == "network-booting" and n["power"] == "on", n)
        log = bmc_file(i, "log").splitlines()
        check(f"{name}: boot device before power on",
              "set boot pxe" in log and log.index("set boot pxe") < log.index("set power 1"), log)
    n = node("hp03")
    check("the third waits for a slot", n["state"] == "idle" and "waiting" in n["step"], n)
    leak = subprocess.run(["grep", "-rl", PASSWORD, f"{work}/state/ondold.db",
                           f"{work}/ondold.log"], capture_output=True).stdout
    check("no password in database or log", leak == b"", leak)
    modes = [oct(os.stat(f"{work}/state/{f}").st_mode & 0o777) for f in os.listdir(f"{work}/state")
             if f.startswith("secrets") or f.startswith("ondold.db")]
    check("database and secrets are private", set(modes) == {"0o600"}, modes)


def part_dhcp():
    for _ in range(40):
        offer = dhcp_discover(2, 7)
        if offer:
            break
        time.sleep(0.25)
    check("UEFI firmware is offered snponly.efi", offer == ("10.77.0.12", "snponly.efi"), offer)
    offer = dhcp_discover(2, 7, ipxe=True)
    check("iPXE is offered its script", offer == (
        "10.77.0.12", f"http://{SERVER}:{PORT}/boot/{mac(2)}"), offer)
    check("an unknown MAC gets nothing", dhcp_discover(99, 7) is None)
    kinds = {e["type"] for e in events("hp02")}
    check("DHCP is on the timeline", {"dhcp.discover", "dhcp.offer"} <= kinds, kinds)
    dhcp_discover(1, 0)
    time.sleep(0.3)
    check("legacy BIOS is noticed", len(events("hp01", "dhcp.bios")) == 1)
    # a REQUEST: option 54 names the server whose offer, option 50, is taken
    last = op("GET", "/v1/events?since=-1")[1]["last"]
    dhcp_discover(2, 7, message=b"\x35\x01\x03\x36\x04" + socket.inet_aton("10.77.0.3") +
                  b"\x32\x04" + socket.inet_aton("10.77.0.200"))
    op("GET", f"/v1/events?since={last}&node=hp02&wait=5")
    told = events("hp02", "dhcp.foreign")
    check("another DHCP server is noticed", len(told) == 1 and "10.77.0.200" in told[0]["text"] and
          causes("hp02")[:1] == ["second-dhcp"], (told, causes("hp02")))


def part_solicitation():
    """iPXE's router solicitation is answered while a node boots, and no other."""
    def solicit(i):
        m = bytes.fromhex(mac(i).replace(":", ""))
        src = bytes.fromhex("fe80000000000000") + bytes([m[0] ^ 2]) + m[1:3] + b"\xff\xfe" + m[3:]
        frame = b"\x33\x33\0\0\0\x02" + m + b"\x86\xdd\x60\0\0\0\0\x08\x3a\xff" + src
        frame += bytes.fromhex("ff020000000000000000000000000002") + b"\x85\0\0\0\0\0\0\0"
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x86dd))
        raw.bind(("wire", 0))
        raw.settimeout(0.2)
        raw.send(frame)
        end = time.monotonic() + 1
        while time.monotonic() < end:
            try:
                got = raw.recv(256)
            except socket.timeout:
                continue
            if got[:6] == m and got[54] == 134:
                return True
        return False
    check("a booting server's router solicitation is answered", solicit(2))
    check("a waiting server's is not", not solicit(3))
    check("a stranger's is not", not solicit(99))


def part_files():
    status, data, r = net(12, "GET", "/files/core/root.erofs.zst")
    check("an image file", status == 200 and data == FILES["root.erofs.zst"])
    check("the clock is told", r.getheader("Date") is not None)
    status, data, r = net(12, "GET", "/files/core/root.erofs.zst",
                          headers={"Range": "bytes=299000-"})
    check("a range of it", status == 206 and data == FILES["root.erofs.zst"][299000:] and
          r.getheader("Content-Range") == "bytes 299000-299999/300000")
    check("a range past its end", net(12, "GET", "/files/core/root.erofs.zst",
                                      headers={"Range": "bytes=300000-"})[0] == 416)
    for bad in ("core/secret", "core/manifest.json", "core/../core/vmlinuz", "../state/ondold.db",
                "core/%2e%2e/core/vmlinuz", "core/", "core"):
        check(f"not served: {bad}", net(12, "GET", "/files/" + bad)[0] == 404)


def part_boot_script():
    check("another address does not get the token", net(13, "GET", f"/boot/{mac(2)}")[0] == 403)
    check("unknown MAC: 404", net(12, "GET", "/boot/94:40:c9:00:77:01")[0] == 404)
    check("no MAC: 400", net(12, "GET", "/boot/x")[0] == 400)
    status, script, _ = net(12, "GET", f"/boot/{mac(2)}")
    script = script.decode()
    words = ["ondol.mode=install", f"ondol.server={SERVER}:{PORT}", "ondol.node=hp02",
             f"ondol.api={SERVER}:{API_PORT}", f"ondol.nic={mac(2)}", "ondol.ip=10.77.0.12/24", "ondol.mtu=1500", "ondol.time="]
    check("the script has the command line", script.startswith("#!ipxe\n") and
          all(w in script for w in words), script)
    check("the authority is the one that the script names", take_authority(12, script))
    return token_of(script)


def self_made():
    """A Cert that ondold has not made, from an authority of somebody's own."""
    path, _ = new_key()
    r = subprocess.run(["openssl", "req", "-x509", "-key", path, "-subj", "/CN=hp02", "-days", "2"],
                       check=True, capture_output=True, text=True)
    with open(path, "a") as f:
        f.write(r.stdout)
    return Cert(path)


def part_tokens(token):
    """One token enrols one key, from the node's own address; then the key counts."""
    path, request = new_key()
    for bad in (None, "", "0" * 32, token.upper(), token[:-1]):
        status, a = enrol(12, "hp02", bad, request)
        check(f"token {bad!r:.12} is refused", status == 401, (status, a))
    check("another node is not enrolled with it", enrol(12, "hp01", token, request)[0] == 401)
    check("nor the node from another address", enrol(13, "hp02", token, request)[0] == 401)
    for name, bad in (("no request", ""), ("another text", "-----BEGIN CERTIFICATE-----\n"),
                      ("another curve", new_key("P-384")[1]),
                      ("a damaged one", request.replace(request[200:204], "AAAA"))):
        status, a = enrol(12, "hp02", token, bad)
        check(f"{name} is refused in words", status == 400 and "request" in a["error"], (status, a))
    check("a body that is not one", api(12, "POST", "/v1/nodes/hp02/enrol", {"csr": 1}, token)[0] == 400)
    # what else is said with it waits for the certificate
    status, a = enrol(12, "hp02", token, request, event={"type": "agent.failed", "text": "x"})
    check("another word than that it is up is not heard", status == 200 and "heard" not in a and
          node("hp02")["state"] == "network-booting", a)
    check("its key is certified", status == 200 and a["cert"].startswith("-----BEGIN CERT"), a)
    check("a lost answer is given again", enrol(12, "hp02", token, request) == (200, a))
    status, b = enrol(12, "hp02", token, new_key()[1])
    check("the token is not good for another key", status == 401 and "was used" in b["error"], b)
    told = [e["text"] for e in events("hp02", "enrol.refused")]
    check("refusals are told, not each of them", 1 <= len(told) <= 3 and "refused" in told[0], told)
    with open(path, "a") as f:
        f.write(a["cert"])
    cert = Cert(path)
    for what, who in (("nobody", None), ("the token alone", token), ("a stranger", self_made())):
        status, b = api(12, "POST", "/v1/nodes/hp02/events", {"events": []}, who)
        check(f"{what} may tell nothing", status == 401, (status, b))
    check("without an order it may not read what its role is told",
          api(12, "GET", "/v1/nodes/hp02/desired?rev=0", None, cert)[0] == 401)
    check("nor report, nor have its certificate renewed",
          report(2, "hp02", cert, 1, True)[0] == 401 and enrol(12, "hp02", cert, new_key()[1])[0] == 401)
    check("its certificate is not for another node",
          api(12, "POST", "/v1/nodes/hp01/events", {"events": []}, cert)[0] == 401)
    c = http.client.HTTPConnection(SERVER, PORT, timeout=10)
    check("and nothing is taken without TLS", exchange(c, "POST", "/v1/nodes/hp02/events", {"events": []},
          {"Authorization": "Bearer " + token})[0] == 404)
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    try:
        exchange(http.client.HTTPSConnection(SERVER, API_PORT, context=old, timeout=10), "GET", "/", None, {})
        check("TLS 1.2 is refused", False)
    except ssl.SSLError:
        old.maximum_version = ssl.TLSVersion.TLSv1_3
        check("TLS 1.2 is refused", exchange(http.client.HTTPSConnection(
            SERVER, API_PORT, context=old, timeout=10), "GET", "/", None, {})[0] == 404)
    return cert


def part_renewal(cert):
    """A certified node has its next certificate with the one it has; both work until it is used."""
    path, request = new_key()
    status, a = enrol(12, "hp02", cert, request)
    check("a certified node is certified again", status == 200, a)
    check("the old one works on", say(2, "hp02", cert, {"type": "noded.step", "text": "x"})[0] == 200)
    with open(path, "a") as f:
        f.write(a["cert"])
    new = Cert(path)
    check("the new one works", say(2, "hp02", new, {"type": "noded.step", "text": "y"})[0] == 200)
    status, _, r = net(12, "POST", "/v1/nodes/hp02/events", {"events": []}, cert)
    check("then the old one does not, and its connection ends", status == 401 and
          r.getheader("Connection") == "close", (status, r.getheaders()))
    return new


def part_never_seen(token):
    """Nobody had seen hp02's disks: it is asked about, and its turn is another's meanwhile."""
    n = node("hp02")
    check("seen for the first time, it asks", n["state"] == "inventoried" and n["asks"] and
          "ondol reinstall hp02" in n["step"], n)
    check("why says so", causes("hp02") == ["first-seen"], causes("hp02"))
    n = wait_state("hp03", "network-booting")
    check("its slot is the third's", n["state"] == "network-booting", n)
    check("there is no order without a yes", api(12, "GET", "/v1/nodes/hp02/order?wait=1", None, token)[0] == 204)
    status, a = op("POST", "/v1/nodes/hp02/agree", {"lock": "0" * 64})
    check("a yes to something else is none", status == 409 and node("hp02")["asks"], a)
    status, a = apply()
    check("an apply does not agree to it", actions(a)["hp02"] == "asks" and node("hp02")["asks"], a)
    kill()
    start()
    n = node("hp02")
    check("after kill -9: it still asks", n["state"] == "inventoried" and n["asks"], n)
    before = bmc_file(12, "log").count("set power")
    status, a = agree("hp02")
    check("a yes to what was shown", status == 200 and a == {"action": "install"}, a)
    check("which is given once", agree("hp02")[0] == 409)
    n = node("hp02")
    check("it waits for its turn then", n["state"] == "inventoried" and not n["asks"] and
          "waiting for its turn" in n["step"], n)
    kill()
    start()
    api(12, "POST", "/v1/nodes/hp02/inventory", inventory(2), token)  # as an agent does whose poll broke off
    check("after kill -9: the yes is kept", node("hp02")["state"] == "inventoried" and not node("hp02")["asks"])
    other = inventory(2)
    other["disks"][1]["serial"] = "S2X"
    status, a = api(12, "POST", "/v1/nodes/hp02/inventory", other, token)
    check("it was for these disks: with others it asks anew", status == 200 and node("hp02")["asks"], a)
    api(12, "POST", "/v1/nodes/hp02/inventory", inventory(2), token)
    check("and is agreed to anew", agree("hp02")[0] == 200 and not node("hp02")["asks"])
    check("nor was it powered again", bmc_file(12, "log").count("set power") == before)


def part_install_hp02(token):
    check("agent.up", say(2, "hp02", token, {"type": "agent.up", "text": "up"})[0] == 200)
    check("state agent", node("hp02")["state"] == "agent")
    for bad in ({"type": "state"}, {"type": "agent.x y"}, {"text": "x"}, {"type": "noded.proved"},
                {"type": "agent.installed", "data": {"serial": 1}}):
        check(f"event refused: {json.dumps(bad)}", say(2, "hp02", token, bad)[0] == 400)
    check("inventory that is not one", api(12, "POST", "/v1/nodes/hp02/inventory", {}, token)[0] == 400)
    check("inventory", api(12, "POST", "/v1/nodes/hp02/inventory", inventory(2), token)[0] == 200)
    part_never_seen(token)
    got = {}
    t = threading.Thread(target=lambda: got.update(
        zip(("status", "order"), api(12, "GET", "/v1/nodes/hp02/order?wait=20", None, token))))
    t.start()
    time.sleep(0.5)
    check("the order is held", not got)
    began = time.monotonic()
    op("POST", "/v1/nodes/hp03/cancel", {})
    t.join(5)
    check("the held order comes at once", got.get("status") == 200 and
          time.monotonic() - began < 5, got)
    order = got["order"]
    check("the order names the disk", order["system"]["serial"] == "S2A" and
          order["wipe"] is False, order)
    image = order["image"]
    check("the order names the image", image["path"] == "/files/core/root.erofs.zst" and
          image["sha256"] == hashlib.sha256(FILES["root.erofs.zst"]).hexdigest())
    check("the order has data disks", [d["serial"] for d in order["desired"]["data_disks"]] == ["N2"])
    check("state installing", node("hp02")["state"] == "installing")
    say(2, "hp02", token, {"type": "agent.step", "text": "writing the image"},
        {"type": "agent.progress", "data": {"done": 100, "total": 400}})
    n = node("hp02")
    check("progress is seen", n["progress"] == {"done": 100, "total": 400} and
          n["step"] == "writing the image", n)
    check("wait=0 order is 200 again", api(12, "GET", "/v1/nodes/hp02/order", None, token)[0] == 200)


def part_kill(token):
    before = node("hp02")
    power_log = bmc_file(12, "log")
    kill()
    left = processes("dnsmasq")
    check("dnsmasq outlives a killed ondold", len(left) == 1, left)
    start()
    n = node("hp02")
    check("after kill -9: still installing", n["state"] == "installing" and
          n["since"] == before["since"], n)
    check("after kill -9: the step is known", n["step"] == "writing the image", n)
    now = another_dnsmasq(left)
    check("after kill -9: one dnsmasq, another", len(now) == 1 and now != left, (left, now))
    check("after kill -9: the phases are known",
          [p["state"] for p in n["phases"]] == ["powering", "network-booting", "agent", "inventoried", "agent", "installing"], n["phases"])
    time.sleep(1.5)
    again = [x for x in bmc_file(12, "log")[len(power_log):].splitlines() if x.startswith("set")]
    check("after kill -9: no power command", again == [], again)
    check("why says that ondold was restarted", causes("hp02") == ["ondold-restarted"], causes("hp02"))
    check("after kill -9: the token is still good",
          say(2, "hp02", token, {"type": "agent.progress", "data": {"done": 300, "total": 400}})[0] == 200)


def part_ready_hp02(token, boot_token):
    say(2, "hp02", token, {"type": "agent.installed", "text": "",
                           "data": {"serial": "S2A", "wwn": "", "bytes": 4096000}})
    check("the disk is told", node("hp02")["disk"]["serial"] == "S2A")
    check("a written node boots from its disk",
          b"exit" in net(12, "GET", f"/boot/{mac(2)}")[1])
    say(2, "hp02", token, {"type": "agent.kexec", "text": ""})
    check("state first-boot", node("hp02")["state"] == "first-boot")
    op("POST", "/v1/nodes/hp03/reinstall", {})
    wait_state("hp03", "network-booting")
    nt = token  # the agent hands it on to the system it installs
    say(2, "hp02", nt, {"type": "noded.up", "text": ""})
    check("state configuring", node("hp02")["state"] == "configuring")
    status, desired = api(12, "GET", "/v1/nodes/hp02/desired?rev=0", None, nt)
    check("desired", status == 200 and desired["role"] == "compute" and "task" not in desired)
    rev = desired["revision"]
    check("desired unchanged: 204", api(12, "GET", f"/v1/nodes/hp02/desired?rev={rev}", None, nt)[0] == 204)
    check("report", report(2, "hp02", nt, rev, False)[0] == 200)
    check("not ready yet", node("hp02")["state"] == "configuring")
    both = f"/v1/nodes/hp02/desired?rev={rev}"
    said = {"revision": rev, "ready": False, "boot_id": "b1", "image": "0.1.0-test", "task": None,
            "proofs": [{"name": "both", "ok": False, "text": "in one", "time": 1}]}
    check("a report with the question: 204", api(12, "POST", both, said, nt)[0] == 204)
    check("it was taken", node("hp02")["proofs"][0]["name"] == "both")
    status, again = api(12, "POST", "/v1/nodes/hp02/desired?rev=0&wait=5", said, nt)
    check("answered with the desired state", status == 200 and again["revision"] == rev)
    report(2, "hp02", nt, rev, False, at=5000)
    report(2, "hp02", nt, rev, True, at=4000)
    check("a report that was overtaken by a later one is not taken", not node("hp02")["proofs"][0]["ok"])
    check("nor is its question", api(12, "POST", "/v1/nodes/hp02/desired?rev=x", said, nt)[0] == 400)
    check("a bad report with the question: 400",
          api(12, "POST", both, {"revision": "x"}, nt)[0] == 400)
    report(2, "hp02", nt, rev - 1, True)
    check("ready at an old revision is not ready", node("hp02")["state"] == "configuring")
    report(2, "hp02", nt, rev, True)
    n = node("hp02")
    check("state ready", n["state"] == "ready" and n["reported"] == rev and
          n["image"] == "0.1.0-test" and n["proofs"][0]["ok"], n)
    check("the boot's token has ended", enrol(12, "hp02", boot_token, new_key()[1])[0] == 401)
    nt = part_renewal(nt)
    check("the node's certificate is not for orders",
          api(12, "GET", "/v1/nodes/hp02/order", None, nt)[0] == 401)
    return nt, rev


def wipe_named(*disks):
    """hp01 is to be installed anew, its foreign disk named."""
    status, a = op("POST", "/v1/nodes/hp01/reinstall", {"wipe": disks or ["S1A"]})
    check("reinstall with consent", status == 200, a)
    n = wait_state("hp01", "network-booting")
    check("it is powered again", n["state"] == "network-booting", n)


def part_plan_lock():
    """Who agreed to what is not so any more has agreed to nothing."""
    plan = op("GET", "/v1/nodes/hp01/plan")[1]
    lock = plan["lock"]
    check("what is known to be refused is held", plan["action"] == "held" and "LVM2_member" in plan["why"], plan)
    status, a = op("POST", "/v1/nodes/hp01/reinstall", {"wipe": ["S1A"], "lock": "0" * 64})
    check("a reinstall of other disks than were shown is not begun", status == 409 and
          "not what was shown" in a["error"], a)
    began = events("hp01", "install.wanted")
    shown = {x["node"]: x["lock"] for x in apply(dry_run=True, wipe=["S1A"])[1]["actions"]}
    check("the rack's plan has the same lock", shown["hp01"] == lock, shown)
    status, a = apply(dry_run=True)
    held = {x["node"]: x.get("to_name") for x in a["actions"] if x["action"] == "held"}
    check("an apply that does not name the disk leaves its node as it is, and says which it is", status == 200 and
          held == {"hp01": "S1A"}, a)
    status, a = apply(wipe=["S1A"], locks={**shown, "hp01": "0" * 64})
    refused = {x["node"]: x["why"] for x in a["actions"] if x["action"] == "refused"}
    check("so is an apply, of that node alone", status == 200 and
          list(refused) == ["hp01"] and "not what the plan showed" in refused["hp01"], a)
    del shown["hp01"]
    check("and one that was not shown", actions(apply(wipe=["S1A"], locks=shown)[1])["hp01"] == "refused")
    check("nothing began", events("hp01", "install.wanted") == began)
    status, a = op("POST", "/v1/nodes/hp01/reinstall", {"wipe": ["S1A"], "lock": lock})
    check("the right one is taken", status == 200, a)


def part_refused_disk():
    wipe_named()
    token = boot_agent(1, "hp01")
    status, a = api(11, "POST", "/v1/nodes/hp01/inventory", inventory(1, foreign=True), token)
    check("a foreign disk, seen for the first time, is asked about", status == 200 and node("hp01")["asks"], a)
    plan = op("GET", "/v1/nodes/hp01/plan")[1]
    check("and wants its name", "named" in str(plan["needs"]) and "--wipe S1A" in str(plan["needs"]), plan)
    status, a = agree("hp01")
    check("a yes without it is none, though it was named before: nobody had seen what is on it", status == 409 and
          "LVM2_member" in a["error"] and "--wipe S1A" in a["error"] and node("hp01")["asks"], a)
    more = inventory(1, foreign=True)
    more["disks"][0]["signatures"].append({"where": "p1", "type": "ext4", "label": "thesis"})
    check("with its name it is", agree("hp01", wipe=["S1A"])[0] == 200)
    status, a = api(11, "POST", "/v1/nodes/hp01/inventory", more, token)
    check("what came after that is not given up with it", status == 200 and node("hp01")["asks"], a)
    power = bmc_file(11, "log")
    status, a = op("POST", "/v1/nodes/hp01/reinstall", {"wipe": ["S1Z"]})
    check("nor is a known one that was not named, and its server is not switched off for that", status == 409 and
          'ext4 "thesis"' in a["error"] and "--wipe S1A" in a["error"] and "--look" in a["error"] and
          node("hp01")["asks"] and bmc_file(11, "log") == power, a)
    status, a = op("POST", "/v1/nodes/hp01/reinstall", {"look": 1})
    check("a look is a yes or a no", status == 400, a)
    status, a = op("POST", "/v1/nodes/hp01/reinstall", {"look": True})
    check("its disks can be looked at anew", status == 200 and a["action"] == "look", a)
    wait_state("hp01", "network-booting")
    token = boot_agent(1, "hp01")
    status, a = api(11, "POST", "/v1/nodes/hp01/inventory", inventory(1), token)
    check("and it asks then", status == 200 and node("hp01")["asks"], a)
    two = inventory(1)
    two["disks"].append({**two["disks"][0], "name": "sdz", "serial": "S1Z"})
    status, a = api(11, "POST", "/v1/nodes/hp01/inventory", two, token)
    check("two disks that fit are one too many", status == 409 and "more than one disk" in a["error"], a)
    status, a = op("POST", "/v1/nodes/hp01/reinstall", {})
    check("and known to be", status == 409 and "more than one disk" in a["error"] and "--look" in a["error"], a)
    status, a = op("POST", "/v1/nodes/hp01/reinstall", {"look": True})
    wait_state("hp01", "network-booting")
    token = boot_agent(1, "hp01")
    api(11, "POST", "/v1/nodes/hp01/inventory", inventory(1), token)
    wipe_named("S1Z")
    token = boot_agent(1, "hp01")
    status, a = api(11, "POST", "/v1/nodes/hp01/inventory", inventory(1, foreign=True), token)
    check("what has come since is refused by the run", status == 409 and "LVM2_member" in a["error"] and
          "--wipe S1A" in a["error"], a)
    n = node("hp01")
    check("and the node has failed, saying so", n["state"] == "failed" and "S1A" in n["reason"], n)
    check("its token has ended", say(1, "hp01", token, {"type": "agent.up"})[0] == 401)
    check("why: a foreign disk", causes("hp01")[:1] == ["disk-foreign"], causes("hp01"))
    wipe_named("S1A", "S1Z")
    token = boot_agent(1, "hp01")
    more = inventory(1, foreign=True)
    more["disks"][0]["serial"] = "S1Z"
    status, a = api(11, "POST", "/v1/nodes/hp01/inventory", more, token)
    check("a disk that no agent had seen when it was named", status == 409 and
          "named before any agent had seen" in a["error"], a)
    wipe_named("S1Z")
    token = boot_agent(1, "hp01")
    api(11, "POST", "/v1/nodes/hp01/inventory", inventory(1, foreign=True), token)  # S1A is known again
    wipe_named()
    token = boot_agent(1, "hp01")
    more = inventory(1, foreign=True)
    more["disks"][0]["signatures"].append({"where": "p1", "type": "ext4", "label": "thesis"})
    status, a = api(11, "POST", "/v1/nodes/hp01/inventory", more, token)
    check("what came after it was named is not given up with it", status == 409 and
          'since then came ext4 "thesis" on p1' in a["error"], a)
    check("why: it changed", causes("hp01")[:1] == ["disk-changed"], causes("hp01"))
    part_plan_lock()
    wipe_named()
    manifest = f"{work}/images/core/manifest.json"
    os.rename(manifest, manifest + ".away")
    for _ in range(2):
        script = net(11, "GET", f"/boot/{mac(1)}")[1].decode()
        check("no image: iPXE waits", "chain --replace" in script and "token" not in script, script)
    check("and it is told once", len(events("hp01", "order.blocked")) == 1)
    os.rename(manifest + ".away", manifest)
    token = boot_agent(1, "hp01")
    os.rename(manifest, manifest + ".away")
    status, a = api(11, "POST", "/v1/nodes/hp01/inventory", inventory(1, foreign=True), token)
    check("with consent the disk is accepted, with less on it too", status == 200, a)
    check("no image: the agent waits",
          api(11, "GET", "/v1/nodes/hp01/order?wait=1", None, token)[0] == 204)
    check("and the node has not failed", node("hp01")["state"] == "agent")
    os.rename(manifest + ".away", manifest)
    status, order = api(11, "GET", "/v1/nodes/hp01/order?wait=5", None, token)
    check("the order says wipe", status == 200 and order["wipe"] is True, order)
    check("and for what", order["holds"] == [{"where": "", "type": "LVM2_member", "label": ""}], order)
    say(1, "hp01", token, {"type": "agent.failed", "text":
        "sda2: the disk did not take the image: Input/output error. It may be failing."})
    n = node("hp01")
    check("agent.failed", n["state"] == "failed" and "Input/output error" in n["reason"], n)
    check("why: the disk", causes("hp01")[:1] == ["disk-write-error"], causes("hp01"))


def part_identity():
    token = boot_agent(3, "hp03")
    wrong = inventory(3, serial="CZJ9999999")
    status, a = api(13, "POST", "/v1/nodes/hp03/inventory", wrong, token)
    check("another server is refused", status == 409 and "CZJ9999999" in a["error"], a)
    check("identity.mismatch is kept", len(events("hp03", "identity.mismatch")) == 1)
    check("and it failed", node("hp03")["state"] == "failed")
    check("why: another server", causes("hp03")[:1] == ["identity-mismatch"], causes("hp03"))


def part_converge(nt, rev):
    got = {}
    t = threading.Thread(target=lambda: got.update(zip(
        ("status", "doc"), api(12, "GET", f"/v1/nodes/hp02/desired?rev={rev}&wait=30", None, nt))))
    t.start()
    time.sleep(0.3)
    status, a = apply(rack_ini(roles={2: "role = storage\nkind = block"}))
    check("a role change converges", status == 200 and actions(a)["hp02"] == "converge" and
          "compute -> storage/block" in str(a), a)
    check("failed ones are installed again", actions(a)["hp01"] == "install", a)
    t.join(5)
    check("the held poll has the new role", got.get("status") == 200 and
          got["doc"]["role"] == "storage" and got["doc"]["revision"] == rev + 1, got)
    check("state configuring", node("hp02")["state"] == "configuring")
    report(2, "hp02", nt, rev + 1, True)
    n = node("hp02")
    check("ready in the new role", n["state"] == "ready" and n["role"] == "storage", n)
    power = bmc_file(12, "log").count("set power 0")
    status, a = apply(rack_ini(roles={2: "role = storage\nkind = block"}))
    check("the same again does nothing", actions(a)["hp02"] == "none", a)
    check("and no power was touched", bmc_file(12, "log").count("set power 0") == power)
    status, a = apply(rack_ini(roles={2: "role = storage\nkind = block"},
                               macs={2: "94:40:c9:00:02:77"}))
    check("another MAC is refused", actions(a)["hp02"] == "refused" and
          "--wipe" in str(a), a)
    check("and the rack stays", node("hp02")["state"] == "ready")
    part_disk_keys(nt, rev + 1)


def part_disk_keys(nt, rev):
    """Keys of encrypted disks: of a node's own, always the same, and kept nowhere else."""
    def keys():
        return api(12, "GET", "/v1/nodes/hp02/disk-keys", None, nt)
    status, first = keys()
    check("one key for each data disk", status == 200 and [k["serial"] for k in first["keys"]] == ["N2"] and
          re.fullmatch("[0-9a-f]{64}", first["keys"][0]["key"]), status)
    plain = rack_ini(roles={2: "role = storage\nkind = block"})
    text = re.sub(r"(?m)^(disk.3.use .*)$", r"\1\ndisk.3.encrypt = yes", plain)
    status, a = apply(text)
    check("encrypting a data disk converges", actions(a)["hp02"] == "converge", a)
    desired = api(12, "GET", "/v1/nodes/hp02/desired?rev=0", None, nt)[1]
    check("the node is told, in a way that older ones do not take for a disk to be used as it is",
          [d["encrypted"]["serial"] for d in desired["data_disks"]] == ["N2"], desired)
    report(2, "hp02", nt, rev + 1, True)
    check("the key is the same", keys()[1] == first)
    check("not for another node", api(12, "GET", "/v1/nodes/hp03/disk-keys", None, nt)[0] == 401)
    kill()
    start()
    check("the same after kill -9", keys()[1] == first)
    said = json.dumps([events(n) for n in ("hp01", "hp02", "hp03")]) + json.dumps(desired)
    check("it is in no event, and in no desired state", first["keys"][0]["key"] not in said)
    apply(plain)
    report(2, "hp02", nt, rev + 2, True)
    check("and back", node("hp02")["state"] == "ready")


def part_lost_rack():
    text = rack_ini(roles={2: "role = storage\nkind = block"})
    at = re.sub(r"(?m)^(\[deploy\])$", r"\1\nhttp_port = 8790", re.sub(r"(?m)^http_port.*\n", "", text))
    status, a = apply(at)
    check("another port is refused", status == 422 and f"{SERVER}, ports {PORT} and {API_PORT}" in str(a), a)
    kill()
    for name in os.listdir(f"{work}/state"):
        if name.startswith("secrets-"):
            os.unlink(f"{work}/state/{name}")
    start()
    check("without its secrets it still answers", op("GET", "/v1/status")[1]["rack"] is None)
    power = [bmc_file(i, "log") for i in (11, 12, 13)]
    status, a = apply(text, dry_run=True)
    check("its plan is that of the nodes that there were", status == 200 and actions(a)["hp02"] == "none", a)
    check("which takes nothing", op("GET", "/v1/status")[1]["rack"] is None and
          [bmc_file(i, "log") for i in (11, 12, 13)] == power)
    status, a = apply(text)
    check("and a ready node is not new", status == 200 and actions(a)["hp02"] == "none", a)
    check("but ready", node("hp02")["state"] == "ready")


def part_prove(nt, rev):
    status, a = op("POST", "/v1/nodes/hp02/prove", {})
    check("prove", status == 200 and a["task"] > 0, a)
    task = a["task"]
    status, d = api(12, "GET", f"/v1/nodes/hp02/desired?rev={rev}&wait=20", None, nt)
    check("noded gets the task", d["task"] == {"id": task, "type": "prove"}, d)
    check("not twice", api(12, "GET", f"/v1/nodes/hp02/desired?rev={rev}&task={task}", None, nt)[0] == 204)
    report(2, "hp02", nt, rev, True, task={"id": task, "ok": True, "proofs": [
        {"name": "guest", "ok": True, "text": "pings", "time": 2}]})
    n = node("hp02")
    check("the task is done", n["task"]["done"] and n["task"]["ok"] and
          n["task"]["proofs"][0]["name"] == "guest", n["task"])
    check("noded.proved is kept", len(events("hp02", "noded.proved")) == 1)


def part_power():
    status, a = op("POST", "/v1/nodes/hp02/power", {"action": "status"})
    check("power status", status == 200 and a == {"power": "on"}, a)
    status, a = op("POST", "/v1/nodes/hp02/power", {"action": "off"})
    check("power off is verified", status == 200 and a == {"power": "off"} and
          bmc_file(12, "power") == "0", a)
    status, a = op("POST", "/v1/nodes/hp02/power", {"action": "reset"})
    check("reset of a server that is off", status == 502 and "off" in a["error"], a)
    status, a = op("POST", "/v1/nodes/hp02/power", {"action": "cycle"})
    check("power cycle", status == 200 and a == {"power": "on"}, a)
    status, a = op("POST", "/v1/nodes/hp02/power", {"action": "explode"})
    check("no such action", status == 400, a)
    status, a = apply(rack_ini(roles={2: "role = storage\nkind = block"}),
                      secrets="[bmc]\nuser = ondol\npassword = wrong\n")
    status, a = op("POST", "/v1/nodes/hp02/power", {"action": "status"})
    check("a wrong password is named", status == 502 and "password" in a["error"] and
          "wrong" not in a["error"], a)
    apply(rack_ini(roles={2: "role = storage\nkind = block"}))
    check("unknown node: 404", op("POST", "/v1/nodes/hp99/power", {"action": "status"})[0] == 404)


def part_metrics():
    op("POST", "/v1/nodes/hp02/power", {"action": "status"})  # with the new login it is known then
    m = metrics()
    status = op("GET", "/v1/status")[1]
    states = [n["state"] for n in status["nodes"]]
    check("nodes by state are those of the status",
          all(m("ondol_nodes", state=s) == states.count(s) for s in set(states) | {"failed", "ready"}), states)
    check("each node is in one state", all(
        m("ondol_node_state", node=n["name"], state=n["state"]) == 1 for n in status["nodes"]))
    check("its power is as last read", all(m("ondol_node_power_on", node=n["name"]) == (n["power"] == "on")
                                           for n in status["nodes"] if n["power"] != "unknown"), status)
    check("BMCs that answer", m("ondol_node_bmc_reachable", node="hp02") == 1, [m("ondol_node_bmc_reachable", node=n["name"]) for n in status["nodes"]])
    check("commands are counted and timed", m("ondol_ipmi_commands_total", result="ok") > 10 and
          m("ondol_ipmi_commands_total", result="password") >= 1 and
          m("ondol_ipmi_command_duration_seconds_count") > 10 and
          m("ondol_ipmi_command_duration_seconds_bucket", le="+Inf") ==
          m("ondol_ipmi_command_duration_seconds_count"), [m("ondol_ipmi_commands_total", result=r) for r in ("ok", "password", "unreachable", "other")])
    check("events are counted by who said it", m("ondol_events_total", source="noded") > 0 and
          m("ondol_events_total", source="other") == 0)
    check("dnsmasq and the listeners", m("ondol_dnsmasq_up") == 1 and
          m("ondol_listener_up", listener="boot") == 1 and m("ondol_listener_up", listener="nodes") == 1 and m("ondol_listener_up", listener="page") == 0)
    before = m("ondol_http_requests_total", listener="unix", **{"class": "4xx"})
    op("GET", "/v1/nodes/hp99")
    m = metrics()
    check("requests are counted by class",
          m("ondol_http_requests_total", listener="unix", **{"class": "4xx"}) == before + 1)
    check("the process's own", m("process_resident_memory_bytes") > 1 << 20 and m("process_open_fds") > 5 and
          abs(m("process_start_time_seconds") - time.time()) < 3600 and m("process_cpu_seconds_total") > 0)
    check("the store's size", m("ondol_store_size_bytes") >= os.path.getsize(f"{work}/state/ondold.db"))
    text = subprocess.run([os.path.join(os.path.dirname(ondold_bin), "ondol"), "metrics", "--socket", f"{work}/ondold.sock"],
                          capture_output=True, text=True, timeout=60)
    check("ondol metrics prints them", text.returncode == 0 and metrics(text.stdout)("ondol_dnsmasq_up") == 1, text)


def part_power_turns():
    """Three at once, three seconds apart: the third is not on before six have passed."""
    apply(rack_ini(roles={2: "role = storage\nkind = block"}, interval="3s"))
    for name in ("hp01", "hp02", "hp03"):
        op("POST", f"/v1/nodes/{name}/power", {"action": "off"})
    answers, began = [], time.monotonic()
    threads = [threading.Thread(target=lambda n=n: answers.append(
        op("POST", f"/v1/nodes/{n}/power", {"action": "on"}))) for n in ("hp01", "hp02", "hp03")]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    check("all three are on", answers == [(200, {"power": "on"})] * 3, answers)
    check("one after the other", time.monotonic() - began >= 6, time.monotonic() - began)
    apply(rack_ini(roles={2: "role = storage\nkind = block"}))


def part_retry():
    """Nobody answers for hp03: tried twice. Then it is cancelled in its pause."""
    kill()
    start(patience="20")
    text = rack_ini(roles={2: "role = storage\nkind = block"}, retries=1,
                    deadlines=("network-booting = 15s",))
    status, a = apply(text)
    check("a rack with retries and deadlines", status == 200, a)
    if node("hp03")["state"] == "failed":
        op("POST", "/v1/nodes/hp03/reinstall", {})
    n = wait_state("hp03", "retrying", seconds=60)
    retry = n["retry"] or {}
    check("a boot that nobody hears of is tried again", n["state"] == "retrying" and
          retry.get("try") == 2 and retry.get("of") == 2 and retry.get("at", 0) > n["since"] and
          "no DHCP request from " + mac(3) in n["reason"] and
          retry.get("cause") == n["reason"], n)
    check("why: no DHCP request, and it is tried again", causes("hp03")[0] == "no-dhcp" and
          "retrying" in causes("hp03"), causes("hp03"))
    words = [e["text"] for e in events("hp03", "state") if "-> retrying" in e["text"]][-1]
    check("the event says when", re.search(r"retrying: 2nd try in \d+ s: no DHCP", words), words)
    kill()
    start(patience="20")
    n = wait_state("hp03", "network-booting", seconds=60)
    check("after kill -9: it is the second try", n["state"] == "network-booting" and
          n["retry"]["try"] == 2 and n["retry"]["at"] == 0, n)
    n = wait_state("hp03", "failed", seconds=60)
    check("and the last", n["state"] == "failed" and
          n["reason"].startswith("tried 2 times, the last time: no DHCP"), n)
    op("POST", "/v1/nodes/hp03/reinstall", {})
    wait_state("hp03", "retrying", seconds=60)
    status, a = op("POST", "/v1/nodes/hp03/cancel", {})
    check("cancelled in the pause", status == 200 and a["state"] == "cancelled", a)
    kill()
    start()
    check("and stays so", node("hp03")["state"] == "cancelled" and node("hp03")["retry"] is None)
    apply(rack_ini(roles={2: "role = storage\nkind = block"}))


def part_deadline():
    """hp01 is being installed again; nobody answers for it."""
    wait_state("hp01", "network-booting", "failed")
    kill()
    start(patience="5")
    n = wait_state("hp01", "failed", seconds=60)
    check("a wait has its deadline and suspect", n["state"] == "failed" and
          ("no DHCP request from " + mac(1) in n["reason"]
           or "legacy BIOS" in n["reason"] or "BMC" in n["reason"]), n)
    # and a run in which nobody asked by DHCP
    check("another run", op("POST", "/v1/nodes/hp01/reinstall", {"wipe": ["S1A"]})[0] == 200)
    time.sleep(0.2)
    n = wait_state("hp01", "failed", seconds=60)
    check("no DHCP: the cable is the suspect", "cabled" in n["reason"], n["reason"])
    check("why: no DHCP request", causes("hp01")[:1] == ["no-dhcp"], op("GET", "/v1/nodes/hp01/why")[1])
    # the server of another bay
    op("POST", "/v1/nodes/hp03/reinstall", {})
    wait_state("hp03", "network-booting", seconds=60)
    token = boot_agent(3, "hp03")
    status, a = api(13, "POST", "/v1/nodes/hp03/inventory", inventory(3, serial="CZJ0010002"), token)
    check("a swapped server is named", status == 409 and "gives to hp02" in a["error"], a)
    check("why: it is in the wrong bay", causes("hp03")[:1] == ["wrong-bay"], causes("hp03"))


def part_set_aside():
    """hp03 is cancelled on its way, then set aside; hp02, installed, as well."""
    op("POST", "/v1/nodes/hp03/reinstall", {})
    wait_state("hp03", "powering", "network-booting")
    status, a = op("POST", "/v1/nodes/hp03/cancel", {})
    check("cancel", status == 200 and a["state"] == "cancelled" and
          "nothing was written" in a["reason"], a)
    check("twice is refused", op("POST", "/v1/nodes/hp03/cancel", {})[0] == 409)
    check("and it boots what it has", b"exit" in net(13, "GET", f"/boot/{mac(3)}")[1])
    status, a = op("POST", "/v1/nodes/hp03/maintenance", {"on": True, "reason": "a new DIMM"})
    check("maintenance", status == 200 and a == {"state": "maintenance", "reason": "a new DIMM"}, a)
    check("it wants a boolean", op("POST", "/v1/nodes/hp03/maintenance", {"on": 1})[0] == 400)
    status, a = op("POST", "/v1/nodes/hp03/reinstall", {})
    check("no install meanwhile", status == 409 and "a new DIMM" in a["error"], a)
    status, a = apply(rack_ini(roles={2: "role = storage\nkind = block"}))
    check("nor by apply", actions(a)["hp03"] == "none" and "maintenance" in str(a), a)
    op("POST", "/v1/nodes/hp02/maintenance", {"on": True})
    kill()
    start()
    check("after kill -9: still aside", [node(n)["state"] for n in ("hp02", "hp03")] ==
          ["maintenance", "maintenance"])
    status, a = op("POST", "/v1/nodes/hp03/maintenance", {"on": False})
    check("back, never installed", a["state"] == "enrol", a)
    status, a = op("POST", "/v1/nodes/hp02/maintenance", {"on": False})
    check("back, installed", a["state"] == "configuring", a)
    check("not twice", op("POST", "/v1/nodes/hp02/maintenance", {"on": False})[0] == 409)


def stays(n):
    """What a restart must not change of a node."""
    states = [p["state"] for p in n["phases"]]
    return {k: v for k, v in n.items() if k not in ("phases", "last_seen", "power")} | {"states": states}


def part_old_events():
    """All that happened is a year old; half of it was never of interest."""
    daemon.send_signal(signal.SIGTERM)
    daemon.wait(30)
    db = sqlite3.connect(f"{work}/state/ondold.db")
    db.execute("UPDATE event SET time = time - 365 * 86400000")
    for i in range(4000):
        db.execute("INSERT INTO event (time, node, source, type, text) VALUES (1, ?, 'ipmi', 'power.is', ?)",
                   (("", "hp02", "hp03", "hp09")[i % 4], "x" * 500))
    db.commit()
    db.close()
    start()
    size, last = os.path.getsize(f"{work}/state/ondold.db"), op("GET", "/v1/events?since=-1")[1]["last"]
    check("they are there", op("GET", "/v1/status")[1]["events"]["count"] > 4000)
    status, a = apply(rack_ini(roles={2: "role = storage\nkind = block"}))
    before, why = stays(node("hp02")), [c for c in causes("hp02") if c != "ondold-restarted"]
    check("its system of a year ago is known", status == 200 and before["disk"]["serial"] == "S2A", before)
    end = time.monotonic() + 60
    while time.monotonic() < end and os.path.getsize(f"{work}/state/ondold.db") > size / 2:
        time.sleep(0.2)
    kept = op("GET", "/v1/status")[1]["events"]
    check("most of them went", kept["count"] < 500 and metrics()("ondol_events_dropped_total") > 3900, kept)
    check("and the file is smaller", os.path.getsize(f"{work}/state/ondold.db") < size / 2,
          (size, os.path.getsize(f"{work}/state/ondold.db")))
    new = op("GET", f"/v1/events?since={last}")[1]["events"]
    check("who reads on from an id reads on", new and new[0]["id"] > last and
          "rack.taken" in [e["type"] for e in new], new)
    kill()
    start()
    after = stays(node("hp02"))
    check("after kill -9 it is the same node", after == before, (before, after))
    now = [c for c in causes("hp02") if c != "ondold-restarted"]
    check("and why as well", now == why, (why, now))


def part_talker(nt):
    """A node that says more than a disk can take is asked to wait; what it says then is kept again."""
    flood = [{"type": "noded.step", "text": "x", "data": {"x": "y" * 16000}}] * 60
    said = [say(2, "hp02", nt, *flood) for _ in range(5)]
    check("a node that talks without end is stopped", [s for s, _ in said[:3]] == [200] * 3 and
          said[-1][0] == 503 and "too much" in said[-1][1]["error"], [s for s, _ in said])
    check("others are not", node("hp03")["state"] != "" and op("GET", "/v1/status")[0] == 200)


def part_remove():
    status, a = apply(rack_ini(nodes=(2, 3), roles={2: "role = storage\nkind = block"}))
    check("a node that left is removed", actions(a)["hp01"] == "remove", a)
    check("and not listed", [n["name"] for n in op("GET", "/v1/status")[1]["nodes"]] == ["hp02", "hp03"])
    check("its past stays", len(events("hp01", "node.removed")) == 1)


def part_mirror():
    """Two disks are one system: both are looked at, and both are named."""
    def mirrored(text):
        return re.sub(r"(?m)^disk.2.use .*", "disk.2.use = mirror", text)
    text = rack_ini(nodes=(1, 2), roles={2: "role = storage\nkind = block"})
    status, a = apply(mirrored(text), dry_run=True)
    check("a node that has a system without a mirror keeps it", actions(a)["hp02"] == "refused" and
          "disk.2 is declared differently" in str(a), a)
    # so hp01 gets a profile of its own
    profile = re.search(r"(?ms)^\[profile dl360\].*?(?=^\[)", text).group(0)
    own = mirrored(profile.replace("[profile dl360]", "[profile mirrored]"))
    one, two = re.split(r"(?m)^(?=\[node hp02\])", text)
    one = re.sub(r"(?ms)^(\[node hp01\].*?)^profile .*?$", r"\1profile = mirrored", one)
    status, a = apply(one.replace(profile, profile + own) + two)
    check("a node with a mirror is new", status == 200 and actions(a)["hp01"] == "look", a)
    wait_state("hp01", "network-booting")
    token = boot_agent(1, "hp01")
    both = inventory(1, foreign=True)
    both["disks"][1]["signatures"] = [{"where": "p1", "type": "ext4", "label": "thesis"}]
    status, a = api(11, "POST", "/v1/nodes/hp01/inventory", both, token)
    check("two foreign disks are asked about", status == 200 and node("hp01")["asks"], a)
    plan = op("GET", "/v1/nodes/hp01/plan")[1]
    check("each has its fate", [d["fate"] for d in plan["disks"][:2]] == ["refused", "refused"] and
          len(plan["needs"]) == 2, plan)
    status, a = agree("hp01")
    check("both are to be named", status == 409 and "--wipe S1A --wipe S1B" in a["error"], a)
    status, a = agree("hp01", wipe=["S1A"])
    check("one is not enough", status == 409 and "mirror sdb (serial S1B)" in a["error"] and
          "thesis" in a["error"], a)
    status, a = agree("hp01", wipe=["S1A", "S1B"])
    check("both are", status == 200, a)
    status, order = api(11, "GET", "/v1/nodes/hp01/order?wait=5", None, token)
    mirror = order["mirror"]
    check("the order has both, each with what is on it", status == 200 and order["wipe"] is True and
          order["system"]["serial"] == "S1A" and mirror["serial"] == "S1B" and mirror["wipe"] is True and
          mirror["holds"] == both["disks"][1]["signatures"], order)
    say(1, "hp01", token, {"type": "agent.failed", "text": "enough"})
    op("POST", "/v1/nodes/hp01/reinstall", {"look": True})
    wait_state("hp01", "network-booting")
    token = boot_agent(1, "hp01")
    alone = inventory(1)
    del alone["disks"][1]
    alone["disks"][0]["bay"] = -1
    status, a = api(11, "POST", "/v1/nodes/hp01/inventory", alone, token)
    check("one disk is not both", status == 409 and "are both sda (serial S1A)" in a["error"], a)


# ---- nothing secret anywhere else ----

def plant_state(state="state"):
    """What ondold has made itself that nobody is to see."""
    for name in ("node-authority", "cloud-secrets"):
        with open(f"{work}/{state}/{name}") as f:
            for key, value in json.load(f)["secrets"].items():
                if not key.endswith(".cert"):
                    planted.plant(f"{name} {key}", value)


def is_place_of_secrets(path):
    return re.match(r"secrets-\d+|node-authority|cloud-secrets", os.path.basename(path))


def database(state):
    """All that is in it: in the file a long text lies in pieces."""
    db = sqlite3.connect(f"file:{work}/{state}/ondold.db?mode=ro", uri=True)
    tables = [name for (name,) in db.execute("select name from sqlite_master where type = 'table'")]
    rows = "".join(str(row) for t in tables for row in db.execute(f"select * from {t}"))
    db.close()
    check("the database can be searched", "rack.taken" in rows and len(tables) >= 3, tables)
    return rows


def spy():
    """The next ondold to start is seen calling other programs. It takes them longer."""
    global path
    path = planted.spy(f"{work}/spy", "ipmitool", "dnsmasq")


def spy_no_more():
    global path
    path = os.environ["PATH"]


def part_planted(*more, state="state"):
    """Whatever was planted is where it has to be, and nowhere else. more: files and folders."""
    plant_state(state)
    kinds = {w.rsplit(" ", 1)[0] for w in planted.values}
    kept = [f for f in planted.files(f"{work}/{state}") if is_place_of_secrets(f)
            and planted.inside(open(f, "rb").read())]
    check(f"{len(planted.values)} secrets are planted and found in their places", len(kept) >= 3 and
          {"BMC", "node-authority"} <= {k.split()[0] for k in kinds}, (kinds, kept))
    leaks = planted.in_files(f"{work}/{state}", f"{work}/ondold.log", f"{work}/tftp", f"{work}/images",
                             *more, may=is_place_of_secrets)
    check("no file else has one, and those that do are for root alone", not leaks, leaks)
    leaks = planted.inside(database(state))
    check("nor the database, row by row", not leaks, leaks)
    if os.path.exists(f"{work}/spy"):
        calls, leaks, told = planted.spied(f"{work}/spy")
        check(f"of {sum(calls.values())} programs called none is told one but ipmitool, in its environment",
              not leaks and told > 3 and calls.get("dnsmasq", 0) >= 1, (calls, leaks, told))
    leaks = planted.in_processes()
    check("no process that runs is told one", not leaks, leaks)
    with subprocess.Popen(["cat"], env={"TOLD": PASSWORD}, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as told:
        # once it answers its environment is there: Popen is back in the middle of its exec
        told.stdin.write(b"x")
        told.stdin.flush()
        told.stdout.read(1)
        leaks = planted.in_processes()
        told.kill()
    check("one that was would be found", [int(pid) for pid, _, _ in leaks] == [told.pid], leaks)
    names = [n["name"] for n in op("GET", "/v1/status")[1]["nodes"]]
    asked, leaks = planted.in_answers(
        lambda p: exchange(Unix("ondold", timeout=60), "GET", p, None, {})[1], names)
    check(f"none of {asked} answers to root has one", asked > 30 and not leaks, leaks)


def part_crash():
    """A crash of ondold, which has them all in its memory."""
    kill()
    left = processes("dnsmasq")
    os.mkdir(f"{work}/crash")
    if not planted.host_dumps(f"{work}/crash"):
        skip("a crash leaves no core dump: this host writes none of anybody")
        start()
        return
    for name in os.listdir(f"{work}/crash"):
        os.unlink(f"{work}/crash/{name}")
    start(cores=f"{work}/crash")
    limits = [open(f"/proc/{pid}/limits").read() for pid in another_dnsmasq(left)]
    check("what ondold starts may dump no core", limits and all(
        re.search(r"Max core file size +1 +1 ", text) for text in limits), limits)
    dumped = planted.dumps(daemon.pid)
    daemon.returncode = -signal.SIGABRT  # it is reaped
    check("a crash of ondold leaves no core dump", not dumped and os.listdir(f"{work}/crash") == [],
          os.listdir(f"{work}/crash"))
    start()


def part_end():
    held = {}
    t = threading.Thread(target=lambda: held.update(
        zip(("status", "b"), op("GET", "/v1/events?since=999999&wait=50"))))
    t.start()
    time.sleep(0.3)
    daemon.send_signal(signal.SIGTERM)
    check("SIGTERM ends it with 0", daemon.wait(10) == 0, daemon.returncode)
    t.join(3)
    check("held requests are answered", held.get("status") == 503, held)
    check("dnsmasq has ended", processes("dnsmasq") == [])
    check("its socket is gone", not os.path.exists(f"{work}/ondold.sock"))
    log = open(f"{work}/ondold.log").read()
    check("no sanitizer report", "ERROR: " not in log and "runtime error" not in log,
          log[-2000:])


def world(*profiles, bmcs=(11, 12, 13)):
    """The wire, images, a boot loader and the BMCs, whose processes it returns."""
    network()
    for p in profiles or ("core",):
        images(p)
    os.chmod(work, 0o755)  # dnsmasq reads the boot loader as its own user
    os.makedirs(f"{work}/tftp")
    with open(f"{work}/tftp/snponly.efi", "wb") as f:
        f.write(os.urandom(5000))
    return {i: bmc(i, PASSWORD) for i in bmcs}


def whole(body, sims, at_end=lambda: None):
    """Runs the test; whatever happens, ondold and the BMCs end, and the tests are counted."""
    try:
        body()
    except Exception as e:  # a part that could not go on is one failure
        import traceback
        traceback.print_exc(file=sys.stdout)
        check("the flow ran to its end", False, repr(e))
    finally:
        at_end()
        if daemon and daemon.poll() is None:
            daemon.kill()
        for s in sims.values():
            s.kill()
    if failed:
        print(open(f"{work}/ondold.log").read()[-8000:])
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


def flow():
    spy()
    start()
    part_init()
    part_before_a_rack()
    part_apply()
    part_dhcp()
    part_solicitation()
    part_files()
    boot_token = part_boot_script()
    token = part_tokens(boot_token)
    part_install_hp02(token)
    part_kill(token)
    nt, rev = part_ready_hp02(token, boot_token)
    part_refused_disk()
    part_identity()
    part_converge(nt, rev)
    part_lost_rack()
    part_prove(nt, rev + 3)
    part_power()
    part_metrics()
    part_power_turns()
    spy_no_more()
    part_deadline()
    part_retry()
    part_set_aside()
    part_old_events()
    part_planted(f"{work}/etc")
    part_crash()
    part_talker(nt)
    part_remove()
    part_mirror()
    part_end()


if __name__ == "__main__":
    sys.exit(whole(flow, world()))
