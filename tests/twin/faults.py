#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Breaks one thing after another in a rack of the twin and asks `ondol why`; see faults.sh.

Each fault is a function and stands for itself; those that can, use what the one before left
(an installed system, an inventory). What is waited for is waited for by ondold's events."""
import hashlib
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import traceback

NODE, OTHER = "hp08", "hp09"
BMC, MAC = "10.77.1.18", "94:40:c9:00:08:01"
PORT = "hp08.1"  # of the switch, where the server boots from
PATIENCE = 20  # per cent: makes ondold's pauses short
MAINS_CUTS = int(os.environ.get("MAINS_CUTS", "3"))
passed = failed = 0


class Broken(Exception):
    """A check failed; the fault is over."""


def check(name, good, info=""):
    global passed, failed
    if good:
        passed += 1
        print("ok:", name, flush=True)
    else:
        failed += 1
        print("FAILED:", name, info, flush=True)
        raise Broken(name)


# ---- ondold, as its operators see it ----

class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(os.environ["ONDOL_SOCKET"])


def get(path):
    conn = Unix("ondold", timeout=90)
    conn.request("GET", path)
    r = conn.getresponse()
    data = json.loads(r.read())
    conn.close()
    return data


def newest():
    return get("/v1/events?since=-1")["last"]


def events(since, node=NODE, wait=0):
    who = f"&node={node}" if node else ""
    return get(f"/v1/events?since={since}{who}&wait={wait}")["events"]


def run(*argv, ok=True, timeout=120):
    r = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, timeout=timeout, text=True, errors="replace")
    if ok and r.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {r.stdout}")
    return r.stdout


def ondol(*argv, ok=True):
    return run(f"{bin_dir}/ondol", *argv, ok=ok)


def state(node=NODE):
    return get(f"/v1/nodes/{node}")["state"]


def agree_if_asked(node):
    """A server that was never seen is agreed to: no fault hides there."""
    if get(f"/v1/nodes/{node}")["asks"]:
        ondol("reinstall", node, "--yes", "--no-wait")


def await_state(*states, seconds, node=NODE):
    """The node's state, once it is one of these or the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        since = newest()
        if state(node) in states:
            break
        agree_if_asked(node)
        events(since, node, wait=10)
    return state(node)


def await_event(kinds, since, seconds, node=NODE):
    """The first event of one of these types after since; None: none came."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if node:
            agree_if_asked(node)
        for e in events(since, node, wait=10):
            since = e["id"]
            if e["type"] in kinds:
                return e
    return None


def findings(node=NODE):
    return json.loads(ondol("why", node, "--json"))["findings"]


def named(cause, seconds, node=NODE, note=False):
    """`ondol why` names the cause, first, with what was seen and what to do."""
    began, end = time.monotonic(), time.monotonic() + seconds
    while True:
        since = newest()
        found = [f for f in findings(node) if bool(f.get("note")) == note]
        mine = [f for f in found if f["cause"] == cause]
        if mine or time.monotonic() > end:
            break
        events(since, node, wait=5)
    check(f"why names {cause}", mine and (note or found[0] is mine[0]) and mine[0]["evidence"] and
          mine[0]["todo"], [f["cause"] for f in found])
    told = " ".join(ondol("why", node).split())  # as people read it
    check("so does its text, with what to do", " ".join(mine[0]["title"].split()) in told and
          mine[0]["evidence"][0]["type"] in told, told[:600])
    print(f"   ({time.monotonic() - began:.0f} s: {mine[0]['evidence'][-1]['text'][:150]})", flush=True)


def gone(cause, seconds, node=NODE):
    end = time.monotonic() + seconds
    while cause in [f["cause"] for f in findings(node)] and time.monotonic() < end:
        events(newest(), node, wait=5)
    check("and no longer, when it is gone", cause not in [f["cause"] for f in findings(node)])


# ---- the rack ----

LIMITS = {"powering": 60, "network-booting": 300, "agent": 240, "installing": 900,
          "installing-stall": 300, "first-boot": 720, "configuring-stall": 900}


def rack_text(retries=0, edit=None, **limits):
    """rack.ini with so many retries and, in seconds, these deadlines."""
    text = open(f"{work}/rack.ini").read()
    all_limits = dict(LIMITS, **{k.replace("_", "-"): v for k, v in limits.items()})
    lines = [f"{k} = {v * 100 // PATIENCE}s" for k, v in all_limits.items()]
    text = text.replace("parallel_installs = 4", f"parallel_installs = 1\nretries = {retries}")
    text = text.replace("[bmc]", "\n".join(["[deadlines]", *lines, "", "[bmc]"]), 1)
    return edit(text) if edit else text


def apply(password=None, **how):
    with open(f"{work}/applied.ini", "w") as f:
        f.write(rack_text(**how))
    secrets = f"{work}/secrets.ini"
    if password:
        secrets = f"{work}/wrong.ini"
        with open(os.open(secrets, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write(f"[bmc]\nuser = ondol\npassword = {password}\n")
    ondol("apply", f"{work}/applied.ini", "--secrets", secrets, "--yes", "--no-wait")


def install(node=NODE, **how):
    """Another install from the network begins; the last event before it."""
    apply(**how)
    since = newest()
    ondol("reinstall", node, "--yes", "--no-wait")
    return since


def twin(*argv, ok=True):
    return run(f"{bin_dir}/ondol-twin", argv[0], "--dir", f"{work}/twin", *argv[1:], ok=ok)


def inside(*argv, ok=True):
    return twin("exec", "--", *argv, ok=ok)


def broken(*words, node=NODE):
    twin("fault", node, *words)


def drop(match, seconds=0):
    """The switch drops these frames from now on; 0: for good."""
    inside("ovs-ofctl", "add-flow", "sw0",
           f"priority=100,hard_timeout={seconds},{match},actions=drop")


def pass_all():
    inside("ovs-ofctl", "del-flows", "sw0")
    inside("ovs-ofctl", "add-flow", "sw0", "priority=0,actions=NORMAL")


class Monitor:
    """QEMU's monitor of a node that is on."""

    def __init__(self, node=NODE):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(f"{work}/twin/nodes/{node}/qmp.sock")
        self.file = self.sock.makefile("rw")
        self.file.readline()
        self.call("qmp_capabilities")

    def call(self, name, **arguments):
        self.file.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self.file.flush()
        while True:
            answer = json.loads(self.file.readline())
            if "error" in answer:
                raise RuntimeError(f"{name}: {answer['error']}")
            if "return" in answer:
                return answer["return"]

    def line(self, text):
        return self.call("human-monitor-command", **{"command-line": text})


class Stranger:
    """A machine of its own at another port of the switch, which runs one program."""

    def __init__(self, name, vlan, address, *argv):
        self.name = name
        inside("ovs-vsctl", "--may-exist", "add-port", "sw0", name, f"tag={vlan}", "--",
               "set", "Interface", name, "type=internal")
        script = (f"read go; ip link set lo up; ip addr add {address} dev {name}; "
                  f"ip link set {name} up; exec \"$@\"")
        self.proc = subprocess.Popen(
            [f"{bin_dir}/ondol-twin", "exec", "--dir", f"{work}/twin", "--", "sh", "-c",
             "echo $$; exec unshare -n sh -c \"$@\"", "sh", script, "sh", *argv],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            stderr=open(f"{work}/{name}.log", "w"))
        pid = self.proc.stdout.readline().strip()
        self.unshared(pid)
        inside("ip", "link", "set", name, "netns", pid)
        self.proc.stdin.write("\n")
        self.proc.stdin.flush()

    @staticmethod
    def unshared(pid):
        """Until it has left this network; the shell in it does nothing before it is told to."""
        end = time.monotonic() + 20
        here = inside("readlink", "/proc/self/ns/net")
        while inside("readlink", f"/proc/{pid}/ns/net") == here and time.monotonic() < end:
            pass

    def end(self):
        self.proc.terminate()
        self.proc.wait(20)
        inside("ovs-vsctl", "--if-exists", "del-port", "sw0", self.name)


# ---- ondold ----

daemon = None


def start_ondold():
    global daemon
    env = dict(os.environ, ONDOL_PATIENCE=str(PATIENCE))
    subprocess.run(["tests/lib/start-ready", f"{work}/ondold.log", f"{work}/ondold.pid", "60",
                    f"{bin_dir}/ondol-twin", "exec", "--dir", f"{work}/twin", "--",
                    f"{bin_dir}/ondold", "--state", f"{work}/state", "--socket",
                    os.environ["ONDOL_SOCKET"], "--images", f"{work}/images", "--roles", "roles"],
                   env=env, check=True)
    daemon = ondold_pid()


def ondold_pid():
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline") as f:
                argv = f.read().split("\0")
        except OSError:
            continue
        if argv[0].endswith("/ondold") and f"{work}/state" in argv:
            return int(pid)
    raise RuntimeError("ondold does not run")


def images():
    """The image core, copied: a test damages it."""
    if os.path.exists(f"{work}/images"):
        return
    os.makedirs(f"{work}/images/core")
    for entry in os.scandir("build/shared/images/core"):
        if entry.is_file():
            shutil.copy(entry.path, f"{work}/images/core/{entry.name}")


world = None


def rack_is_up(form):
    """The rack in that form, its nodes known to ondold, off and not being installed."""
    global world
    if world == form:
        return
    rack_ends()
    images()
    run(f"{bin_dir}/ondol-twin", "up", f"{work}/rack.ini", "--dir", f"{work}/twin", "--disks",
        f"{work}/disks", "--detach", *{"machines": ["--memory", "512"],
                                       "containers": ["--containers", "--images", f"{work}/images"]}[form])
    world = form
    os.makedirs(f"{work}/state")
    # small, and gone with the rack
    inside("mount", "-t", "tmpfs", "-o", "size=1000m", "tmpfs", f"{work}/state")
    start_ondold()
    for node in (NODE, OTHER):
        broken("power-ignored", node=node)
    apply()
    ondol("maintenance", OTHER, "on", "not its turn")
    settle()
    broken(node=OTHER)


def rack_ends():
    global world
    if world:
        world = None
        twin("down")
        shutil.rmtree(f"{work}/state", ignore_errors=True)


def settle():
    """What a fault left is taken away: all well, nothing goes on, the servers are off."""
    broken()
    pass_all()
    for node in (NODE, OTHER):
        if state(node) not in ("ready", "maintenance"):
            ondol("cancel", node, ok=False)
    ondol("power", NODE, "off", "--yes", ok=False)
    if state(OTHER) != "maintenance":
        ondol("power", OTHER, "off", "--yes", ok=False)
        ondol("maintenance", OTHER, "on", "not its turn", ok=False)


# ---- the faults ----

FAULTS = []


def fault(form):
    def add(f):
        FAULTS.append((f.__name__.replace("_", "-"), form, f))
        return f
    return add


def power_is(word):
    out = ondol("power", NODE, "status", ok=False)
    check(f"its power can be asked for again: {word}", word in out, out)


@fault("machines")
def bmc_unreachable():
    """Its network cable is pulled."""
    inside("ip", "addr", "del", f"{BMC}/24", "dev", "bmc0")
    try:
        install()
        named("bmc-unreachable", 90)
    finally:
        inside("ip", "addr", "add", f"{BMC}/24", "dev", "bmc0")
    power_is("off")


@fault("machines")
def bmc_password():
    """secrets.ini has another one than the BMC."""
    install(password="not-this-one")
    check("it has failed at once", await_state("failed", seconds=60) == "failed", state())
    named("bmc-password", 5)
    apply()  # with the right one; it begins anew by itself
    s = await_state("powering", "network-booting", seconds=60)
    check("with the right password it goes on", s in ("powering", "network-booting"), s)
    s = await_state("network-booting", seconds=60)
    check("and is powered on", s == "network-booting", s)


# A BMC that agrees to no cipher suite: the first answer is "get channel authentication
# capabilities" of IPMI 1.5, the second RMCP+ "open session" with status 0x11, no cipher suite
# match with proposed security algorithms (IPMI 2.0, tables 13-9, 13-15 and 22-15).
REFUSES_CIPHERS = r"""
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 623))
def check(b): return bytes([-sum(b) & 0xff])
while True:
    m, who = s.recvfrom(1024)
    if len(m) < 16 or m[:4] != b"\x06\x00\xff\x07":
        continue
    if m[4] == 0 and m[19] == 0x38:
        to, back = bytes([m[17], m[15] & 0xfc | 4]), bytes([m[14], m[18], 0x38, 0])
        back += bytes([1, 0x94, 0x04, 3, 0, 0, 0, 0])
        body = to + check(to) + back + check(back)
        s.sendto(m[:13] + bytes([len(body)]) + body, who)
    elif m[4] == 6 and m[5] == 0x10:
        body = m[16:17] + b"\x11\0\0" + m[20:24]
        s.sendto(m[:4] + b"\x06\x11" + bytes(8) + bytes([len(body), 0]) + body, who)
"""


@fault("machines")
def bmc_cipher():
    """Another BMC answers in its place, and agrees to no cipher suite."""
    inside("ip", "addr", "del", f"{BMC}/24", "dev", "bmc0")
    other = Stranger("otherbmc", 11, f"{BMC}/24", "/usr/bin/python3", "-c", REFUSES_CIPHERS)
    try:
        install()
        named("bmc-cipher", 90)
    finally:
        other.end()
        inside("ip", "addr", "add", f"{BMC}/24", "dev", "bmc0")
    power_is("off")


@fault("machines")
def power_ignored():
    """The BMC takes the command, the server stays off."""
    broken("power-ignored")
    install()
    named("power-ignored", 120)
    broken()
    ondol("reinstall", NODE, "--yes", "--no-wait")
    s = await_state("network-booting", seconds=60)
    check("it is powered on when it is mended", s == "network-booting", s)


@fault("machines")
def deploy_disk_full():
    """The file system with ondold's state fills up, in the end wholly."""
    since = newest()
    path = f"{work}/state/heap"

    def fill(size):
        inside("fallocate", "-l", size, path, ok=False)
    try:
        fill("600M")
        check("that it gets full is told", await_event(["deploy.space-low"], since, 40, None))
        named("deploy-disk-full", 5)
        inside("dd", "if=/dev/zero", f"of={path}", "bs=1M", "conv=notrunc", "oflag=append", ok=False)
        check("full, ondold still answers", state() != "")
        named("deploy-disk-full", 5)
    finally:
        inside("rm", "-f", path)
    check("and that there is space again", await_event(["deploy.space-ok"], since, 40, None))
    gone("deploy-disk-full", 5)


def network_fault(cause, inject, mend, seconds, next_event):
    """A boot from the network that gets so far; mended, its next try gets further."""
    inject()
    try:
        since = install(retries=2, network_booting=seconds)
        s = await_state("retrying", "failed", seconds=seconds + 60)
        check("the boot has failed and will be tried again", s == "retrying", s)
        named(cause, 10)
        since = newest()
    finally:
        mend()
    apply(retries=2)
    e = await_event(next_event, since, 200)
    check(f"mended, the next try gets further: {next_event[0]}", e, events(since)[-5:])


@fault("machines")
def no_dhcp():
    """The server is cabled to another VLAN."""
    network_fault("no-dhcp", lambda: inside("ovs-vsctl", "set", "Port", PORT, "tag=99"),
                  lambda: inside("ovs-vsctl", "set", "Port", PORT, "tag=10"), 60, ["dhcp.ack"])


@fault("machines")
def tftp_blocked():
    """A firewall drops TFTP."""
    network_fault("tftp-blocked", lambda: drop("udp,tp_dst=69"), pass_all, 75, ["tftp.sent"])


@fault("machines")
def http_blocked():
    """A firewall drops HTTP."""
    network_fault("http-blocked", lambda: drop("tcp,tp_dst=8780"), pass_all, 100, ["boot.script"])


@fault("machines")
def second_dhcp():
    """Another DHCP server at a port of the same VLAN, with an address and a loader of its own."""
    rogue = Stranger("rogue", 10, "10.77.0.3/24", "dnsmasq", "--keep-in-foreground", "--port=0",
                     "--interface=rogue", "--bind-interfaces", "--dhcp-authoritative",
                     "--dhcp-range=10.77.0.200,10.77.0.220,1h", "--dhcp-boot=pxelinux.0",
                     "--no-ping", "--log-dhcp", "--log-facility=-", "--user=root", "--conf-file=/dev/null",
                     f"--dhcp-leasefile={work}/rogue.leases", "--no-resolv", "--no-hosts")
    network_fault("second-dhcp", lambda: None, rogue.end, 100, ["boot.script"])


@fault("machines")
def port_not_forwarding():
    """Spanning tree: the port has a link, and carries frames only when firmware has given up."""
    drop(f"in_port={PORT}")
    try:
        install(retries=2, network_booting=110)
        s = await_state("retrying", "failed", seconds=170)
        check("the boot has failed and will be tried again", s == "retrying", s)
        named("port-not-forwarding", 10)
        since = newest()
    finally:
        pass_all()
    apply(retries=2)
    e = await_event(["agent.up"], since, 300)
    check("once the port carries frames, the agent is heard", e)


@fault("machines")
def port_late():
    """Spanning tree: the link goes down and up when iPXE takes the port, then it waits 30 s."""
    since = install(retries=2, network_booting=110)
    for _ in range(2):  # firmware asks for the size first
        e = await_event(["tftp.sent"], since, 100)
        check("the boot loader is sent", e)
        since = e["id"]
    drop(f"in_port={PORT}", 30)
    check("iPXE gives up", await_event(["console.ipxe"], since, 60))
    named("port-not-forwarding", 5)
    e = await_event(["agent.up"], since, 500)
    check("the next try reaches the agent by itself", e)


def to_agent(**how):
    """A boot until the agent is heard."""
    since = install(**how)
    e = await_event(["agent.up", "agent.failed", "identity.mismatch"], since, 300)
    check("the agent is heard", e and e["type"] == "agent.up", events(since)[-5:])
    return since


def fails_with(cause, seconds):
    s = await_state("failed", "retrying", seconds=seconds)
    check("the install has failed", s == "failed", s)
    named(cause, 10)


@fault("machines")
def wrong_bay():
    """The server in this bay is the one of another."""
    broken("serial=CZJ0010009")
    to_agent()
    fails_with("wrong-bay", 90)


@fault("machines")
def disk_missing():
    """The system drive is not in its bay."""
    broken("no-disk=1")
    try:
        to_agent()
        fails_with("disk-missing", 90)
        said = ondol("reinstall", NODE, "--yes", ok=False)
        check("as long as that is known, nothing begins", "Nothing was begun" in said and "--look" in said, said)
    finally:
        broken()
        since = newest()
        ondol("reinstall", NODE, "--look", "--yes", "--no-wait")
    e = await_event(["inventory.taken", "agent.failed"], since, 300)
    check("looked at anew, the drive is there", e and e["type"] == "inventory.taken", e)
    ondol("reinstall", NODE, "--yes", "--no-wait")  # it asks


@fault("machines")
def disk_write_error():
    """The system drive fails every write."""
    broken("bad-disk=1")
    to_agent()
    fails_with("disk-write-error", 600)


def mains(*words):
    """What its BMC does with the server, without ondold being told."""
    inside("ipmitool", "-I", "lanplus", "-C", "3", "-H", BMC, "-U", "ondol", "-f", f"{work}/bmc-password",
           "chassis", "power", *words)


def spare_drive():
    """The drive that no plan has, and what is on it: every extent that was ever written, by its place."""
    seen = hashlib.sha256()
    with open(f"{work}/disks/{NODE}/disk2.raw", "rb") as drive:
        at = 0
        while True:
            try:
                at = os.lseek(drive.fileno(), at, os.SEEK_DATA)
            except OSError:  # nothing more
                return seen.hexdigest()
            end = os.lseek(drive.fileno(), at, os.SEEK_HOLE)
            drive.seek(at)
            seen.update(f"{at} {end}".encode() + drive.read(end - at))
            at = end


def fill_spare_drive():
    with open(f"{work}/disks/{NODE}/disk2.raw", "r+b") as drive:
        size = drive.seek(0, os.SEEK_END)
        for at in (0, 1 << 20, size // 2, size - (1 << 20)):
            drive.seek(at)
            drive.write(os.urandom(1 << 20))


@fault("machines")
def mains_cut():
    """The mains go at a random moment of an install, and come back."""
    with open(f"{work}/secrets.ini") as secrets, open(f"{work}/bmc-password", "w") as f:
        f.write(re.search(r"password = (.*)", secrets.read()).group(1))
    fill_spare_drive()
    spare = spare_drive()
    since = to_agent()
    began = time.monotonic()
    e = await_event(["agent.installed", "agent.failed"], since, 900)
    check("an install that nobody disturbs", e and e["type"] == "agent.installed", e)
    lasts = time.monotonic() - began
    for cut in range(MAINS_CUTS):
        to_agent()
        moment = random.uniform(0, lasts)
        time.sleep(moment)
        before = get(f"/v1/nodes/{NODE}")
        mains("off")
        since = newest()
        mains("on")
        print(f"   (cut {cut + 1} of {MAINS_CUTS}, {moment:.1f} s of {lasts:.0f} s after the agent was heard: {before['step']})", flush=True)
        e = await_event(["agent.installed", "agent.failed", "noded.up"], since, 900)
        check("the next power-on installs it", e and e["type"] != "agent.failed" and state() != "failed", e)
        check("the drive outside the plan is as it was, bit for bit", spare_drive() == spare)
    s = await_state("ready", "failed", seconds=900)
    check("and what is installed works", s == "ready", s)


@fault("machines")
def duplicate_identity():
    """Another server's board was replaced, and given this one's UUID."""
    since = to_agent()
    check("this one is known", await_event(["inventory.taken"], since, 120))
    settle()
    uuid = get(f"/v1/nodes/{NODE}")["inventory"]["uuid"]
    broken(f"uuid={uuid}", node=OTHER)
    apply(edit=lambda text: re.sub(r"(?ms)(^\[node %s\].*?^)uuid [^\n]*\n" % OTHER, r"\1", text))
    ondol("maintenance", OTHER, "off")
    since = newest()
    ondol("reinstall", OTHER, "--yes", "--no-wait")
    e = await_event(["identity.mismatch", "inventory.taken"], since, 300, OTHER)
    check("the other one is refused", e and e["type"] == "identity.mismatch", e)
    named("duplicate-identity", 10, OTHER)
    broken(node=OTHER)


@fault("machines")
def clock_off():
    """The board's battery is empty: the year is 2011. The install goes on all the same."""
    broken("clock=2011-03-01")
    since = to_agent()
    named("clock-off", 10, note=True)
    e = await_event(["order.sent"], since, 120)
    check("the agent, its clock set, has its order over TLS", e)


@fault("machines")
def agent_panic():
    """A machine check, as of a failing processor, while the agent runs."""
    since = to_agent()
    Monitor().line("mce 0 1 0xb200000000000000 0x0 0x0 0x0")
    named("agent-panic", 60)
    e = await_event(["agent.up"], await_event(["console.panic"], since, 5)["id"], 300)
    check("the server restarts, and the agent is heard again", e)


@fault("machines")
def image_checksum():
    """A byte of the image is another one than when it was built."""
    with open(f"{work}/images/core/root.erofs.zst", "r+b") as f:
        def turn():
            f.seek(5000000)
            byte = f.read(1)[0]
            f.seek(5000000)
            f.write(bytes([byte ^ 0x10]))
            f.flush()
        turn()
        try:
            to_agent()
            fails_with("image-checksum", 600)
        finally:
            turn()


@fault("machines")
def ondold_restarted():
    """ondold is killed while the image is written, and started again."""
    since = to_agent()
    e = await_event(["agent.progress", "agent.failed"], since, 400)
    check("the image is being written", e and e["type"] == "agent.progress", e)
    os.kill(daemon, signal.SIGKILL)
    start_ondold()
    named("ondold-restarted", 30, note=True)
    e = await_event(["agent.installed", "agent.failed"], since, 900)
    check("the same install comes to its end", e and e["type"] == "agent.installed", e)
    starts = [x["type"] for x in events(since)].count("agent.up")
    check("and the server was not started anew", starts == 1, starts)


def ready(seconds=1500):
    s = await_state("ready", "failed", seconds=seconds)
    check("it is ready", s == "ready", s)


def installed():
    """The server has a system on its disk, or is made so."""
    if state() != "ready":
        install()
        ready()


@fault("containers")
def never_reports():
    """The installed system cannot reach ondold: the firewall again."""
    since = to_agent(first_boot=90)
    e = await_event(["agent.kexec", "agent.failed"], since, 900)
    check("the installed system is started", e and e["type"] == "agent.kexec", e)
    drop("tcp,tp_dst=8781")
    try:
        fails_with("never-reports", 200)
        since = newest()
    finally:
        pass_all()
    check("it is heard after all", await_event(["noded.up"], since, 300))
    # first it tells of what it failed in meanwhile: a network that it could not confirm
    s = await_state("ready", seconds=900)
    check("and ready in the end", s == "ready", s)


@fault("containers")
def boots_from_disk():
    """The BMC keeps the boot device, and the firmware does not care."""
    installed()
    broken("boot-ignored")
    install()
    s = await_state("failed", seconds=400)
    check("its installed system is no answer to an install", s == "failed", s)
    named("boots-from-disk", 5)


@fault("containers")
def noded_loop():
    """ondol-noded crashes again and again on an installed node."""
    install()
    ready(300)
    for _ in range(3):
        since = newest()
        twin("exec", "--node", NODE, "--", "systemctl", "kill", "-s", "SEGV", "ondol-noded")
        check("it crashes and is started again", await_event(["noded.up"], since, 60))
    named("noded-loop", 10)
    ready(60)


# ---- the flow ----

def trouble(node):
    """What a person would look at."""
    if not world:
        return
    for argv in (("why", node), ("status",), ("console", node, "--log")):
        print(f"--- ondol {' '.join(argv)}\n" + "\n".join(
            ondol(*argv, ok=False).splitlines()[-40:]), flush=True)
    print("--- console\n" + "\n".join(twin("console", node, ok=False).splitlines()[-15:]), flush=True)
    print("--- ondold\n" + "\n".join(
        open(f"{work}/ondold.log", errors="replace").read().splitlines()[-15:]), flush=True)


def play(name, form, f):
    global failed
    began = time.monotonic()
    print(f"== {name}: {' '.join(f.__doc__.split())}", flush=True)
    for part in (lambda: rack_is_up(form), f, settle):
        try:
            part()
        except Exception as e:  # the other faults are tried all the same
            if not isinstance(e, Broken):
                failed += 1
                traceback.print_exc(file=sys.stdout)
            trouble(NODE)
            if part is not f:
                rack_ends()  # the next one gets a new rack
                break
    print(f"   {name}: {time.monotonic() - began:.0f} s", flush=True)


def main(names):
    unknown = set(names) - {name for name, _, _ in FAULTS}
    if unknown:
        print("FAILED: no such fault:", *sorted(unknown))
        return 1
    try:
        for name, form, f in FAULTS:
            if not names or name in names:
                play(name, form, f)
    finally:
        rack_ends()
        with open(f"{work}/counts", "w") as out:
            out.write(f"{passed} {failed} 0\n")
    return 0


if __name__ == "__main__":
    if sys.argv[1] == "--list":
        for fault_name, _, what in FAULTS:
            print(f"{fault_name:20} {' '.join(what.__doc__.split())}")
        sys.exit(0)
    bin_dir, work = sys.argv[1], sys.argv[2]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(sys.argv[3:]))
