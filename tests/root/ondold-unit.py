#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ondold.service in a booted container that is the deployment host; see test-ondold-unit.sh.
The wire with its servers and their BMCs is outside, as in ondold-flow.py."""
import importlib.util
import json
import os
import shutil
import ssl
import subprocess
import sys
import time
import urllib.request

spec = importlib.util.spec_from_file_location("flow", "tests/root/ondold-flow.py")
flow = importlib.util.module_from_spec(spec)
spec.loader.exec_module(flow)
check, op, run, work = flow.check, flow.op, flow.run, flow.work
tree = sys.argv[3]
root = f"{work}/root"
bin_dir = os.path.dirname(os.path.abspath(flow.ondold_bin))
CAPS = sum(1 << n for n in (0, 5, 6, 7, 10, 12, 13))  # CHOWN KILL SETGID SETUID NET_BIND_SERVICE NET_ADMIN NET_RAW
init = 0


# ---- the host ----

def with_libraries(program, where):
    """A program of this machine with what it links, where the tree does not have it."""
    os.makedirs(os.path.dirname(root + where), exist_ok=True)
    shutil.copy(program, root + where)
    for line in subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout.splitlines():
        path = next((w for w in line.split() if w.startswith("/")), None)
        if path and not os.path.exists(root + path):
            os.makedirs(os.path.dirname(root + path), exist_ok=True)
            shutil.copy(os.path.realpath(path), root + path)


def write(path, text):
    os.makedirs(os.path.dirname(root + path), exist_ok=True)
    with open(root + path, "w") as f:
        f.write(text)


def furnish():
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    ram = f"{work}/ram"
    for d in (root, ram):
        os.mkdir(d)
    run("mount", "-t", "tmpfs", "tmpfs", ram)
    for d in ("up", "work"):
        os.mkdir(f"{ram}/{d}")
    run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={tree},upperdir={ram}/up,workdir={ram}/work", root)
    with_libraries(flow.ondold_bin, "/usr/sbin/ondold")
    with_libraries(f"{bin_dir}/ondol", "/usr/bin/ondol")
    for tool in ("dnsmasq", "ipmitool"):
        path = shutil.which(tool)
        with_libraries(path, os.path.realpath(path))
    shutil.copytree("roles", f"{root}/usr/share/ondol/roles", ignore=shutil.ignore_patterns("*.mk"), dirs_exist_ok=True)
    shutil.copytree(f"{work}/images", f"{root}/var/lib/ondol/images")
    os.makedirs(f"{root}/usr/lib/ipxe", exist_ok=True)
    shutil.copy(f"{work}/tftp/snponly.efi", f"{root}/usr/lib/ipxe/")
    shutil.copy("bootstrap/ondold.service", f"{root}/usr/lib/systemd/system/")
    # The installed unit; only that a hang is noticed sooner.
    write("/etc/systemd/system/ondold.service.d/test.conf", "[Service]\nWatchdogSec=6\nTimeoutAbortSec=2\n")
    write("/etc/systemd/system/test.target",
          "[Unit]\nRequires=basic.target dbus.service\nWants=ondold.service\nAfter=basic.target\n")


def cable():
    """flow.network() has laid it; its end deploy0 goes to the host."""
    run("ip", "netns", "add", "host")
    run("ip", "link", "set", "deploy0", "netns", "host")
    for words in ("link set lo up", "link set deploy0 up", "addr add 10.77.0.2/24 dev deploy0",
                  "route add 10.77.1.0/24 dev deploy0"):
        run("ip", "-n", "host", *words.split())
    run("ip", "route", "add", "10.77.0.2/32", "dev", "wire")


def within(seconds, fn):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            got = fn()
        except (OSError, ValueError, subprocess.SubprocessError):
            got = None
        if got:
            return got
        time.sleep(0.2)
    return None


def on(*argv, ok=True):
    r = subprocess.run(["nsenter", "-t", str(init), "-m", "-u", "-i", "-n", "-p", "--", *argv], stdin=subprocess.DEVNULL,
                       capture_output=True, text=True, timeout=60, check=ok)
    return r.stdout.strip()


def show(what):
    return on("systemctl", "show", "-P", what, "ondold.service")


def inits(pid):
    """The container's init once it is there: before it, nspawn has children that prepare and end."""
    r = subprocess.run(["pgrep", "-P", str(pid), "-x", "systemd"], capture_output=True, text=True)
    return [int(p) for p in r.stdout.split()]


def boot():
    global init
    console = open(f"{work}/console.log", "w")
    nspawn = subprocess.Popen(
        ["nsenter", "--net=/run/netns/host", "systemd-nspawn", "--quiet", f"--directory={root}", "--keep-unit",
         "--register=no", "--machine=deploy", "--network-namespace-path=/run/netns/host", "--capability=all",
         "--resolv-conf=off", "--boot", "systemd.unit=test.target"],
        stdin=subprocess.DEVNULL, stdout=console, stderr=console)
    init = (within(60, lambda: inits(nspawn.pid)) or [0])[0]
    if not init:
        raise RuntimeError("the container does not boot: " + open(f"{work}/console.log").read()[-2000:])
    os.symlink(f"/proc/{init}/root/run/ondol/ondold.sock", f"{work}/ondold.sock")
    return nspawn


# ---- what is looked at ----

def status_of(pid):
    text = on("cat", f"/proc/{pid}/status")
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def dnsmasq():
    """Its pids in the container; a restart leaves one."""
    return sorted(on("pgrep", "-x", "dnsmasq", ok=False).split())


def journal(*matches):
    return [json.loads(line) for line in on("journalctl", "-b", "-o", "json", "--no-pager", *matches).splitlines()]


def rack(nodes=(1, 2)):
    return flow.rack_ini(nodes=nodes, parallel=4).replace(
        "; page = 10.77.0.2:8443", "page = 10.77.0.2:8443")


def part_start():
    active = within(90, lambda: show("ActiveState") == "active")
    check("the unit becomes active", active, on("systemctl", "status", "ondold.service", ok=False))
    check("and says how the rack is", show("StatusText").startswith("no rack yet"), show("StatusText"))
    check("ondol reaches it", "has no rack yet" in on("ondol", "status"))
    s = status_of(show("MainPID"))
    check("it has little of root's power", int(s["CapBnd"], 16) == CAPS and int(s["CapEff"], 16) == CAPS, s["CapBnd"])
    check("system calls are filtered, and nothing is gained by exec", s["Seccomp"] == "2" and s["NoNewPrivs"] == "1", s)
    r = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--threshold=30", "bootstrap/ondold.service"],
                       capture_output=True, text=True)
    check("its exposure is at most 3.0", r.returncode == 0, r.stdout[-300:] + r.stderr)
    limits = on("cat", f"/proc/{show('MainPID')}/limits").splitlines()
    check("it leaves no core dump", [line.split()[4:6] for line in limits if "core file" in line] == [["1", "1"]], limits)
    inside = ["nsenter", "-t", show("MainPID"), "-m", "--"]
    for path in ("/etc/x", "/usr/x", "/var/lib/x", "/run/x"):
        check(f"{path} cannot be written", "" == on(*inside, "sh", "-c", f": 2>/dev/null >{path} && echo written", ok=False))
    check("its state can", on(*inside, "sh", "-c", ": >/var/lib/ondol/x && rm /var/lib/ondol/x && echo written") == "written")


def part_rack():
    status, a = flow.apply(rack())
    check("apply", status == 200 and a["revision"] == 1, a)
    for name, i in (("hp01", 11), ("hp02", 12)):
        n = flow.wait_state(name, "network-booting", seconds=90)
        check(f"ipmitool works: {name} is powered on", n["state"] == "network-booting" and
              flow.bmc_file(i, "power") == "1", n)
    check("systemctl status shows the nodes", within(20, lambda: show("StatusText") == "2 nodes: 2 network-booting"),
          show("StatusText"))
    offer = within(20, lambda: flow.dhcp_discover(2, 7))
    check("dnsmasq offers an address", offer == ("10.77.0.12", "snponly.efi"), offer)
    pids = dnsmasq()
    s = status_of(pids[0]) if pids else {}
    # It keeps NET_BIND_SERVICE where an IPv6 address is still tentative when it starts.
    check("as another user, with no more power than it needs then", len(pids) == 1 and "0" not in s["Uid"].split() and
          int(s["CapEff"], 16) & ~(1 << 10 | 1 << 12 | 1 << 13) == 0, s)
    got = subprocess.run(["curl", "-s", "-m", "20", "--interface", "10.77.0.12", "tftp://10.77.0.2/snponly.efi"],
                         capture_output=True).stdout
    check("TFTP serves the boot loader", got == open(f"{work}/tftp/snponly.efi", "rb").read(), len(got))
    flow.part_solicitation()
    status, script, _ = flow.net(12, "GET", f"/boot/{flow.mac(2)}")
    check("HTTP serves the boot script", status == 200 and b"ondol.token=" in script)
    check("and the image", flow.net(12, "GET", "/files/core/vmlinuz")[1] == flow.FILES["vmlinuz"])


def part_page():
    context = ssl.create_default_context(cadata=op("GET", "/v1/ca")[1]["ca"])
    with urllib.request.urlopen("https://10.77.0.2:8443/", timeout=20, context=context) as r:
        check("the page is served", b"<title>ondol" in r.read())
    mode = on("stat", "-c", "%a", "/run/ondol", "/run/ondol/ca.pem", "/run/ondol/ondold.sock", "/var/lib/ondol",
              "/var/lib/ondol/ondold.db").split()
    check("everybody may read the authority's certificate, and no more", mode == ["755", "644", "600", "700", "600"], mode)
    m = flow.metrics()
    check("metrics of a process in a sandbox", m("process_resident_memory_bytes") > 1 << 20 and
          m("process_open_fds") > 5 and m("ondol_dnsmasq_up") == 1 and m("ondol_listener_up", listener="page") == 1)


def part_restart_of_dnsmasq():
    """Another configuration: ondold ends the one that runs, which has another user by then."""
    before = dnsmasq()
    status, a = flow.apply(rack(nodes=(1, 2, 3)))
    check("a node more", status == 200, a)
    after = within(20, lambda: (p := dnsmasq()) and len(p) == 1 and p != before and p)
    check("dnsmasq is another one", bool(after), (before, dnsmasq()))
    check("without a complaint", [e["text"] for e in op("GET", "/v1/events?limit=1000")[1]["events"]
                                  if e["type"] == "dnsmasq.trouble"] == [])
    check("which knows the new node", within(20, lambda: flow.dhcp_discover(3, 7)) == ("10.77.0.13", "snponly.efi"))


def part_journal():
    start = journal("MESSAGE_ID=a172bb3853884083a5e3ebf1c43170ee")
    check("the start is found by its id", len(start) == 1 and start[0]["_SYSTEMD_UNIT"] == "ondold.service" and
          start[0]["SYSLOG_IDENTIFIER"] == "ondold" and start[0]["PRIORITY"] == "6", start)
    states = [e["MESSAGE"] for e in journal("ONDOL_NODE=hp02", "ONDOL_EVENT=state")]
    check("a node's states are found by name and type", len(states) >= 3 and
          states[0].startswith("hp02: enrol -> idle") and "hp01" not in str(states), states)
    sources = {e.get("ONDOL_SOURCE") for e in journal("ONDOL_NODE=hp02")}
    check("who says so is there", {"ondold", "ipmi", "dnsmasq", "http", "operator"} <= sources, sources)
    power = journal("ONDOL_EVENT=power.netboot", "ONDOL_NODE=hp02")
    check("an event that only tells has the priority of one", [e["PRIORITY"] for e in power] == ["7"], power)
    check("no secret is there", flow.PASSWORD not in on("journalctl", "-b", "-o", "json", "--no-pager"))


def part_failure():
    """hp01's BMC is gone: its next run fails, which is found by its id."""
    wanted = ("MESSAGE_ID=177e3197d7494de9830aadd0d4164e67", "ONDOL_NODE=hp01")
    check("no node has failed before", journal(wanted[0]) == [])
    bmcs[11].kill()
    op("POST", "/v1/nodes/hp01/reinstall", {})
    n = flow.wait_state("hp01", "failed", seconds=240)
    failed = within(10, lambda: journal(*wanted))
    check("a node that failed is found by its id", n["state"] == "failed" and failed and
          failed[0]["PRIORITY"] == "4" and "does not answer" in failed[0]["MESSAGE"], (n["state"], failed))


def part_watchdog():
    flow.wait_state("hp03", "network-booting", seconds=90)
    old, running = show("MainPID"), dnsmasq()
    states = {n["name"]: n["state"] for n in op("GET", "/v1/status")[1]["nodes"]}
    on("kill", "-STOP", old)
    back = within(60, lambda: show("NRestarts") == "1" and show("ActiveState") == "active" and show("MainPID") != old)
    check("an ondold that stands is ended and started again", back, (show("NRestarts"), show("ActiveState")))
    check("by the watchdog", "atchdog timeout" in on("journalctl", "-b", "-u", "ondold.service", "-o", "cat", "--no-pager"))
    now = within(20, lambda: {n["name"]: n["state"] for n in op("GET", "/v1/status")[1]["nodes"]})
    check("it knows its nodes", now == states, (states, now))
    after = within(20, lambda: (p := dnsmasq()) and len(p) == 1 and p != running and p)
    check("and has a dnsmasq of its own, alone", bool(after), (running, dnsmasq()))


def part_end():
    on("systemctl", "stop", "ondold.service")
    check("it ends cleanly", show("Result") == "success" and show("ActiveState") == "inactive", show("Result"))
    check("with its dnsmasq", dnsmasq() == [])


def flow_of_unit():
    furnish()
    cable()
    boot()
    part_start()
    part_rack()
    part_page()
    part_restart_of_dnsmasq()
    part_journal()
    part_watchdog()
    part_failure()
    part_end()


def explain():
    if flow.failed and init:
        print(on("journalctl", "-b", "-u", "ondold.service", "-o", "short-monotonic", "--no-pager", ok=False)[-6000:])
    with open(f"{work}/ondold.log", "a"):  # what whole() shows of a daemon of its own
        pass


bmcs = flow.world()
sys.exit(flow.whole(flow_of_unit, bmcs, explain))
