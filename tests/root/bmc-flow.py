#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plays BMCs' servers, and operators, against a real ondold; see test-bmc.sh."""
import importlib.util
import fcntl
import json
import os
import pty
import select
import signal
import socket
import stat
import subprocess
import sys
import termios
import threading
import time

spec = importlib.util.spec_from_file_location("flow", "tests/root/ondold-flow.py")
flow = importlib.util.module_from_spec(spec)
spec.loader.exec_module(flow)
check, op, work = flow.check, flow.op, flow.work
ondol_bin = os.path.join(os.path.dirname(flow.ondold_bin), "ondol")


# ---- the BMCs ----

class Server:
    """The serial line of a server: what it says goes to whoever has the console."""

    def __init__(self, i):
        self.typed = b""
        self.conn = None
        self.connected = threading.Event()
        s = socket.socket()
        s.bind(("127.0.0.1", 10000 + i))
        s.listen()
        threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        while True:
            self.conn, _ = s.accept()
            self.connected.set()
            while data := self.conn.recv(4096):
                self.typed += data
            self.connected.clear()

    def say(self, data):
        self.connected.wait(20)
        self.conn.sendall(data)


def bmc(i, password=flow.PASSWORD):
    d = f"{work}/bmc{i}"
    os.makedirs(d + "/state")
    os.makedirs(d + "/sensors")
    with open(d + "/chassis", "w") as f:
        f.write(flow.BMC_SCRIPT.replace("op=$1\n", "op=$1\n[ $op = set ] && [ -e deaf ] && exit 0\n"))
    os.chmod(d + "/chassis", 0o755)
    with open(d + "/lan.conf", "w") as f:
        f.write(f"""name "bmc{i}"
set_working_mc 0x20
startlan 1
  addr 10.77.1.{i} 623
  priv_limit admin
  allowed_auths_callback md5
  allowed_auths_user md5
  allowed_auths_operator md5
  allowed_auths_admin md5
  guid a123456789abcdefa123456789abcdef
endlan
chassis_control "{d}/chassis"
sol "tcp:127.0.0.1:{10000 + i}" 115200
user 2 true "ondol" "{password}" admin 10
""")
    with open(d + "/sensors/inlet", "w") as f:
        f.write("21\n")
    name = "".join(f" 0x{c:02x}" for c in b"Inlet")
    sdr = ("0x00 0x00 0x51 0x01 0x30 0x20 0x00 0x01 0x37 0x01 0x7f 0x68 0x01 0x01 0x00 0x0a 0x00 "
           "0x0a 0x00 0x30 0x00 0x01 0x00 0x00 0x01 0x00 0x00 0x00 0x00 0x00 0x00 0x00 0x00 0x00 "
           "0xff 0x00 0x2e 0x2a 0x00 0x00 0x00 0x00 0x01 0x01 0x00 0x00 0x00 0xc5")
    with open(d + "/sim.emu", "w") as f:
        f.write(f"""mc_setbmc 0x20
mc_add 0x20 0x13 no-device-sdrs 1 2 0x90 0x8f 11 0x2000
sel_enable 0x20 1000 0x0a
sensor_add 0x20 0 0 35 0x6f event-only
sensor_set_event_support 0x20 0 0 enable scanning per-state 000000000001111 000000000000000 000000000001111 000000000000000
sensor_add 0x20 0 1 1 1 poll 300 file "{d}/sensors/inlet"
sensor_set_value 0x20 0 1 21 0
sensor_set_threshold 0x20 0 1 settable 110000 46 42 0 0 0 0
sensor_set_event_support 0x20 0 1 enable scanning per-state 000101000000000 000101000000000 000101000000000 000101000000000
main_sdr_add 0x20 {sdr}{name}
mc_enable 0x20
""")
    return subprocess.Popen(
        ["ipmi_sim", "-c", d + "/lan.conf", "-f", d + "/sim.emu", "-s", d + "/state", "-n"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def ondol(*argv, timeout=100):
    env = dict(os.environ, ONDOL_SOCKET=f"{work}/ondold.sock", LC_ALL="C.UTF-8", TZ="UTC")
    r = subprocess.run([ondol_bin, *argv], env=env, stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout)
    return r.returncode, r.stdout.decode(), r.stderr.decode()


def until(what, seconds=15):
    """Asks until it is true: of parts that tell nobody when they change."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.1)
    return False


# ---- the parts ----

def part_sensors():
    status, a = op("GET", "/v1/nodes/hp01/sensors")
    s = a["sensors"][0] if status == 200 and a["sensors"] else {}
    check("sensors: a row with its limits", s.get("name") == "Inlet" and s.get("reading") == 21 and
          s.get("upper_critical") == 42 and s.get("upper_fatal") == 46 and
          s.get("lower_critical") is None and s.get("well") is True and a["unread"] == 0, a)
    with open(f"{work}/bmc11/sensors/inlet", "w") as f:
        f.write("44\n")
    check("sensors: heat is seen", until(lambda: op("GET", "/v1/nodes/hp01/sensors")[1]
                                         ["sensors"][0]["status"] == "cr"))
    r, out, err = ondol("sensors", "hp01")
    check("ondol sensors: a table, exit 0", r == 0 and "critical" in out and "42 / 46" in out and
          "44" in out and "\x1b" not in out, out + err)
    r, out, err = ondol("sensors", "hp01", "--json")
    check("ondol sensors --json", r == 0 and json.loads(out)["sensors"][0]["well"] is False, out)
    r, out, err = ondol("sensors", "hp09")
    check("ondol sensors of no node", r == 2 and "no node hp09" in err, err)


def part_sel():
    status, a = op("GET", "/v1/nodes/hp01/sel")
    found = [e for e in a["entries"] if "Upper Critical going high" in e["event"]]
    check("sel: the heat is logged", found and found[0]["direction"] == "asserted" and
          "Threshold 42" in found[0]["detail"], a)
    r, out, err = ondol("sel", "hp01")
    check("ondol sel: a table", r == 0 and "Upper Critical going high" in out, out + err)
    r, out, err = ondol("sel", "hp01", "--clear")
    check("ondol sel --clear asks", r == 2 and "confirmed" in err, err)
    r, out, err = ondol("sel", "hp01", "--clear", "--yes")
    check("ondol sel --clear", r == 0 and op("GET", "/v1/nodes/hp01/sel")[1]["entries"] == [], err)
    check("a log that is not to be cleared: 400", op("POST", "/v1/nodes/hp01/sel", {})[0] == 400)


def part_identify():
    r, out, err = ondol("identify", "hp01", "7")
    check("ondol identify", r == 0 and "for 7 s" in out, out + err)
    log = flow.bmc_file(11, "log")
    check("the UID light was switched", "set identify 7" in log or "identify" in log, log)
    r, out, err = ondol("identify", "hp01", "off")
    check("ondol identify off", r == 0 and "is off" in out, err)
    check("identify: no number", op("POST", "/v1/nodes/hp01/identify", {"seconds": 256})[0] == 400)


def part_cipher():
    check("cipher suite 17 is refused, 3 is found", op(
        "POST", "/v1/nodes/hp01/power", {"action": "status"})[0] == 200)
    argv = watch_ipmitool(lambda: op("GET", "/v1/nodes/hp01/sensors"))
    check("no password in any argv", argv and not any(flow.PASSWORD in a for a in argv), argv)
    check("no cipher suite but 3 is tried any more", argv and
          all(" -C 3 " in a for a in argv), argv)
    flow.kill()
    flow.start()
    argv = watch_ipmitool(lambda: op("GET", "/v1/nodes/hp01/sensors"))
    check("the suite is remembered over a restart", argv and
          all(" -C 3 " in a for a in argv if "10.77.1.11" in a), argv)


def watch_ipmitool(do):
    """The command lines of every ipmitool that runs meanwhile."""
    seen, stop = set(), threading.Event()

    def look():
        while not stop.is_set():
            for pid in flow.processes("ipmitool"):
                try:
                    with open(f"/proc/{pid}/cmdline") as f:
                        seen.add(f.read().replace("\0", " "))
                except OSError:
                    pass
    t = threading.Thread(target=look)
    t.start()
    do()
    stop.set()
    t.join()
    return sorted(seen - {""})  # one that was just ending


class Terminal:
    """`ondol console` on a terminal of its own."""

    def __init__(self, *argv):
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)
        env = dict(os.environ, ONDOL_SOCKET=f"{work}/ondold.sock", LC_ALL="C.UTF-8")
        self.proc = subprocess.Popen(
            [ondol_bin, "console", *argv], env=env, stdin=self.slave, stdout=self.slave,
            stderr=self.slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.seen = b""

    def sees(self, what, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end and what not in self.seen:
            if select.select([self.master], [], [], 0.2)[0]:
                self.seen += os.read(self.master, 4096)
        return what in self.seen

    def type(self, data):
        os.write(self.master, data)

    def restored(self):
        return termios.tcgetattr(self.slave)[:4] == self.before[:4]

    def ended(self, seconds=10):
        end = time.monotonic() + seconds
        while self.proc.poll() is None and time.monotonic() < end:
            if select.select([self.master], [], [], 0.1)[0]:
                self.seen += os.read(self.master, 4096)
        return self.proc.poll()


TOKEN = "0123456789abcdef" * 2


def console(node="hp01", query=""):
    return op("GET", f"/v1/nodes/{node}/console{query}")[1]


def text_of(answer):
    return "".join(c["text"] for c in answer["chunks"])


def awaited(node, word, since=0, seconds=30):
    """The console's text from since on, by long polls, until word is in it."""
    end, text = time.monotonic() + seconds, ""
    while time.monotonic() < end and word not in text:
        a = console(node, f"?since={since}&wait=5")
        text, since = text + text_of(a), a["next"]
    return text


def part_recording(server):
    """hp01 has been powered on and is network-booting."""
    check("the console is recorded from power-on", server.connected.wait(20))
    server.say(b"\x1b[2J\x1b[01;01HiPXE 1.21.1 -- https://ipxe.org\r\n")
    for part in (b"vmlinuz ondol.node=hp01 ondol.to", b"ken=01234567", b"89abcdef0123456789",
                 b"abcdef ondol.nic=x\r\n"):
        server.say(part)
        time.sleep(0.3)  # separate reads on the way: the mask must hold over them
    server.say(b"[ 1.0] Out of memory: Killed process 7\r\n" * 5)
    server.say(b"[ 2.0] Kernel panic - not syncing: VFS\r\n")
    text = awaited("hp01", "Kernel panic")
    check("what it says is there", "iPXE 1.21.1" in text and "Kernel panic" in text, text)
    check("the token is masked", "ondol.token=" + "*" * 32 + " ondol.nic" in text and
          "89abcdef" not in text, text)
    until(lambda: flow.events("hp01", "console.panic"))
    panics, ooms = flow.events("hp01", "console.panic"), flow.events("hp01", "console.oom")
    check("a panic is an event of source console", len(panics) == 1 and
          panics[0]["source"] == "console" and "not syncing" in panics[0]["text"], panics)
    check("five lines of a kind are one event", len(ooms) == 1, ooms)
    files = os.listdir(f"{work}/state/console/hp01")
    path = f"{work}/state/console/hp01/{sorted(files)[-1]}"
    with open(path) as f:
        lines = [json.loads(line) for line in f]
    check("the file is asciicast v2, mode 0600", lines[0]["version"] == 2 and
          any(e[1] == "o" for e in lines[1:]) and
          stat.S_IMODE(os.stat(path).st_mode) == 0o600, lines[:3])
    r, out, err = ondol("console", "hp01", "--log")
    check("ondol console --log: clean lines", r == 0 and "\x1b" not in out and
          "iPXE 1.21.1 -- https://ipxe.org\n" in out, out + err)
    mid = console(query=f"?since={console()['end'] - 5}")
    check("an offset is where it was", len(text_of(mid).encode()) == 5 and
          mid["next"] == mid["end"], mid)


def part_console(server):
    r, out, err = ondol("console", "hp01")
    check("ondol console without a terminal: 2", r == 2 and "no terminal" in err, err)
    first = Terminal("hp01")
    check("how to leave is told", first.sees(b"leave with Enter ~ ."), first.seen)
    check("connected", first.sees(b"connected"), first.seen)
    server.say(b"login: ")
    check("it shows what the server says", first.sees(b"login: "), first.seen)
    first.type(b"root~.x\r")
    check("it types", until(lambda: b"root~.x\r" in server.typed), server.typed)
    second = Terminal("hp01")
    check("another one watches, and who types is told", second.sees(b"types here"), second.seen)
    second.type(b"boo")
    check("and may not type", second.sees(b"takes it over") and b"boo" not in server.typed,
          server.typed)
    server.say(b"both see this")
    check("both see", first.sees(b"both see this") and second.sees(b"both see this"))
    second.type(b"\r~t")
    check("he takes it over", first.sees(b"types here; you watch"), first.seen)
    second.type(b"mine")
    check("and types", until(lambda: b"mine" in server.typed), server.typed)
    second.type(b"\r~.")
    check("~. leaves with 0 and the terminal as it was", second.ended() == 0 and
          second.restored(), second.seen)
    first.proc.send_signal(signal.SIGTERM)
    check("so does SIGTERM, with 1", first.ended() == 1 and first.restored(), first.seen)
    check("who opened it is an event", len(flow.events("hp01", "console.opened")) == 2)
    check("input from a stranger: 410", op("POST", "/v1/nodes/hp01/console",
                                           {"id": "x", "input": "y"})[0] == 410)


def sol_children():
    found = []
    for pid in flow.processes("ipmitool"):
        try:
            with open(f"/proc/{pid}/cmdline") as f:
                argv = f.read().split("\0")
            if "activate" in argv:
                found.append((pid, argv))
        except OSError:
            pass
    return found


def part_sol_lost(server):
    """The session drops; then ondold itself; then the BMC's session is somebody else's."""
    mine = [p for p, argv in sol_children() if "10.77.1.11" in argv]
    check("one session a BMC", len(mine) == 1, sol_children())
    check("no password in its argv", not any(flow.PASSWORD in w for _, a in sol_children() for w in a))
    os.kill(mine[0], signal.SIGKILL)
    server.connected.clear()
    check("a dropped session is taken again", until(
        lambda: console()["session"] == "connected" and
        [p for p, a in sol_children() if "10.77.1.11" in a] not in ([], mine), 30))
    check("and told", until(lambda: flow.events("hp01", "console.lost")))
    end = console()["end"]
    flow.kill()
    check("killed, ondold leaves no session behind", until(lambda: not sol_children(), 10),
          sol_children())
    thief = subprocess.Popen(
        ["ipmitool", "-I", "lanplus", "-H", "10.77.1.11", "-U", "ondol", "-E", "-C", "3",
         "sol", "activate"], env=dict(os.environ, IPMI_PASSWORD=flow.PASSWORD),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    time.sleep(2)  # into a pipe it does not say when it has it
    check("another one has the console", thief.poll() is None)
    flow.start()
    check("taken from whoever has it", until(
        lambda: console()["session"] == "connected", 40), console())
    thief.kill()
    thief.wait()
    server.connected.wait(10)
    server.say(b"after the restart\r\n")
    text = awaited("hp01", "after the restart", end)
    check("recording goes on at its offset", "after the restart" in text and
          "Kernel panic" in awaited("hp01", "Kernel panic"), text)
    check("nothing secret on disk", secrets_on_disk() == [], secrets_on_disk())


def secrets_on_disk():
    flow.planted.plant("boot token on the console", TOKEN)
    flow.planted.plant("half of it", "89abcdef0123456789")
    return flow.planted.in_files(f"{work}/state", f"{work}/ondold.log", may=flow.is_place_of_secrets)


def part_not_needed(server):
    """A cancelled run gives the console back."""
    flow.apply(flow.rack_ini(nodes=(2, 3), parallel=1))
    check("a node that left gives its console back", until(
        lambda: not [p for p, a in sol_children() if "10.77.1.11" in a], 10), sol_children())


def ipmitool(i, *words):
    return subprocess.run(
        ["ipmitool", "-I", "lanplus", "-H", f"10.77.1.{i}", "-U", "ondol", "-E", "-C", "3", *words],
        env=dict(os.environ, IPMI_PASSWORD=flow.PASSWORD), capture_output=True, text=True, timeout=60)


def log_entry(i, sensor_type, sensor, offset):
    """Puts an entry of a sensor-specific kind into the BMC's log, as its firmware would."""
    r = ipmitool(i, "raw", "0x0a", "0x44", "0", "0", "2", "0", "0", "0", "0", "0x20", "0", "4",
                 hex(sensor_type), hex(sensor), "0x6f", hex(offset), "0xff", "0xff")
    check("an entry is put into the log", r.returncode == 0, r.stderr)


def rack(**more):
    return flow.rack_ini(nodes=(1, 2, 3), parallel=3, **more)


def logged(node, kind="sel.entry"):
    return flow.events(node, kind)


def part_log_events():
    """What hp01's BMC says of its memory explains why it does not boot; it is told once."""
    before = len(logged("hp01"))
    flow.apply(rack(deadlines=("network-booting = 3s",)))
    op("POST", "/v1/nodes/hp01/reinstall", {})
    flow.wait_state("hp01", "network-booting", seconds=60)
    log_entry(11, 0x0c, 0x30, 1)
    n = flow.wait_state("hp01", "failed", seconds=60)
    check("a deadline of rack.ini ends the wait", n["state"] == "failed", n)
    until(lambda: len(logged("hp01")) > before, 30)
    new = logged("hp01")[before:]
    check("a new entry of the log is an event", len(new) == 1 and new[0]["source"] == "bmc" and
          "Uncorrectable ECC, asserted" in new[0]["text"] and new[0]["data"]["id"] > 0 and
          "time" in new[0]["data"], new)
    check("why: the memory", flow.causes("hp01")[0] == "memory-error", flow.causes("hp01"))
    flow.kill()
    flow.start()
    log_entry(11, 0x08, 0x50, 1)
    op("POST", "/v1/nodes/hp01/reinstall", {})
    flow.wait_state("hp01", "network-booting", "failed", seconds=90)
    until(lambda: len(logged("hp01")) > before + 1, 30)
    new = logged("hp01")[before + 1:]
    check("after kill -9 too, nothing is told twice", len(new) == 1 and
          "Failure detected, asserted" in new[0]["text"], new)
    flow.wait_state("hp01", "failed", seconds=60)
    check("why: of this run the power supply alone", "power-supply" in flow.causes("hp01") and
          "memory-error" not in flow.causes("hp01"), flow.causes("hp01"))
    check("nobody said that the log begins anew", logged("hp01", "sel.anew") == [])
    check("the log is cleared behind ondold's back", ipmitool(11, "sel", "clear").returncode == 0)
    op("POST", "/v1/nodes/hp01/reinstall", {})
    until(lambda: logged("hp01", "sel.anew"), 60)
    flow.wait_state("hp01", "failed", seconds=60)
    until(lambda: len(logged("hp01", "sel.anew")) != 1, 2)
    check("which is noticed, once", len(logged("hp01", "sel.anew")) == 1, logged("hp01", "sel.anew"))


def part_refused_login():
    """hp02's BMC has another password: asked once, nothing is tried again, nothing reset."""
    flow.apply(rack(retries=3))
    op("POST", "/v1/nodes/hp02/reinstall", {})
    flow.wait_state("hp02", "powering", seconds=60)
    n = flow.wait_state("hp02", "failed", seconds=60)
    last = flow.events("hp02")
    run = last[max(i for i, e in enumerate(last) if e["type"] == "look.wanted"):]
    kinds = [e["type"] for e in run]
    check("a refused login ends the run at once", n["state"] == "failed" and "password" in
          n["reason"] and kinds.count("power.refused") == 1 and n["retry"] is None, (n, kinds))
    check("and is neither tried again nor answered with a reset", not any(
        "retrying" in e["text"] or "resetting" in e["text"] for e in run), run)
    check("why: the password", flow.causes("hp02")[0] == "bmc-password", flow.causes("hp02"))


def part_reset_as_last_step():
    """hp03's BMC takes power commands and ignores them, until it is reset."""
    flow.kill()
    flow.start(patience="20")
    with open(f"{work}/bmc13/deaf", "w"):
        pass
    flow.apply(rack(retries=1, deadlines=("powering = 40s", "network-booting = 10m")))
    for name in ("hp01", "hp02"):
        op("POST", f"/v1/nodes/{name}/cancel", {})
    op("POST", "/v1/nodes/hp03/reinstall", {})
    n = flow.wait_state("hp03", "retrying", seconds=90)
    check("a BMC that ignores commands: tried again", n["state"] == "retrying" and
          n["retry"]["try"] == 2 and "10.77.1.13" in n["reason"], n)
    n = flow.wait_state("hp03", "resetting-bmc", seconds=90)
    check("then it is reset", n["state"] == "resetting-bmc" and "resetting its BMC" in n["step"], n)
    check("why: it is being reset", "bmc-resetting" in flow.causes("hp03"), flow.causes("hp03"))
    os.unlink(f"{work}/bmc13/deaf")  # that has helped
    n = flow.wait_state("hp03", "network-booting", "maintenance", seconds=120)
    check("and does its work", n["state"] == "network-booting" and n["retry"]["try"] == 3 and
          n["power"] == "on" and len(flow.events("hp03", "bmc.back")) == 1, n)
    check("why: it was", "bmc-was-reset" in flow.causes("hp03"), flow.causes("hp03"))
    op("POST", "/v1/nodes/hp03/cancel", {})
    op("POST", "/v1/nodes/hp03/power", {"action": "off"})
    flow.kill()
    flow.start()


def part_cold_reset():
    r, out, err = ondol("power", "hp01", "bmc-reset", timeout=60)
    check("ondol power bmc-reset: done when it answers", r == 0 and "power is" in out, out + err)


def part_faults():
    r, out, err = ondol("sensors", "hp02")
    check("a wrong password is named", r == 1 and "password" in err and flow.PASSWORD not in err, err)
    sims[12].kill()
    began = time.monotonic()
    r, out, err = ondol("sensors", "hp02", timeout=170)
    check("a BMC that is not there: told, in time", r == 1 and "does not answer" in err and
          "UDP 623" in err and time.monotonic() - began < 90, (err, time.monotonic() - began))
    print(f"   (absent BMC told after {time.monotonic() - began:.1f} s)", flush=True)
    with open(f"{work}/bmc13/deaf", "w"):
        pass
    began = time.monotonic()
    r, out, err = ondol("power", "hp03", "on")
    check("a power command that is taken and ignored is found out", r == 1 and
          "took the command" in err and "still off" in err, err)
    print(f"   (found out after {time.monotonic() - began:.1f} s)", flush=True)
    os.unlink(f"{work}/bmc13/deaf")
    os.kill(sims[13].pid, signal.SIGSTOP)  # it hangs
    began = time.monotonic()
    r, out, err = ondol("sensors", "hp03", timeout=170)
    check("a BMC that hangs: told, in time", r == 1 and "does not answer" in err and
          time.monotonic() - began < 150, (err, time.monotonic() - began))
    print(f"   (hanging BMC told after {time.monotonic() - began:.1f} s)", flush=True)
    os.kill(sims[13].pid, signal.SIGCONT)
    check("and it is well again afterwards", until(
        lambda: op("GET", "/v1/nodes/hp03/sensors")[0] == 200, 60))


def bmcs():
    servers = {i: Server(i) for i in (11, 12, 13)}
    sims.update({11: bmc(11), 12: bmc(12, "another-1"), 13: bmc(13)})
    flow.start()
    flow.run("ip", "addr", "add", f"{flow.SERVER}/24", "dev", "deploy0")
    flow.apply(flow.rack_ini(nodes=(1, 2, 3), parallel=1))
    flow.wait_state("hp01", "network-booting")
    part_sensors()
    part_sel()
    part_identify()
    part_cipher()
    part_recording(servers[11])
    part_console(servers[11])
    part_sol_lost(servers[11])
    part_cold_reset()
    part_log_events()
    part_refused_login()
    part_reset_as_last_step()
    part_faults()
    part_not_needed(servers[11])
    flow.part_end()


if __name__ == "__main__":
    sims = flow.world(bmcs=())
    sys.exit(flow.whole(bmcs, sims))
