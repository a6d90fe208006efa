#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plays BMCs' servers, and operators, against a real ondold; see test-bmc.sh."""
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
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


def bmc(i, password="sesame-1"):
    d = f"{work}/bmc{i}"
    os.makedirs(d + "/state")
    os.makedirs(d + "/sensors")
    with open(d + "/chassis", "w") as f:
        f.write(flow.BMC_SCRIPT)
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
    check("no password in any argv", argv and not any("sesame-1" in a for a in argv), argv)
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
    return sorted(seen)


def part_cold_reset():
    r, out, err = ondol("power", "hp01", "bmc-reset", timeout=60)
    check("ondol power bmc-reset: done when it answers", r == 0 and "power is" in out, out + err)


def part_faults(sims):
    r, out, err = ondol("sensors", "hp02")
    check("a wrong password is named", r == 1 and "password" in err and "sesame" not in err, err)
    os.kill(sims[3].pid, signal.SIGSTOP)  # it hangs
    began = time.monotonic()
    r, out, err = ondol("sensors", "hp03", timeout=170)
    check("a BMC that hangs: told, in time", r == 1 and "does not answer" in err and
          time.monotonic() - began < 150, (err, time.monotonic() - began))
    print(f"   (hanging BMC told after {time.monotonic() - began:.1f} s)", flush=True)
    os.kill(sims[3].pid, signal.SIGCONT)
    check("and it is well again afterwards", until(
        lambda: op("GET", "/v1/nodes/hp03/sensors")[0] == 200, 60))


def main():
    flow.network()
    flow.images()
    os.chmod(work, 0o755)
    os.makedirs(f"{work}/tftp")
    with open(f"{work}/tftp/snponly.efi", "wb") as f:
        f.write(os.urandom(5000))
    sims = {1: bmc(11), 2: bmc(12, "another-1"), 3: bmc(13)}
    try:
        flow.start()
        flow.run("ip", "addr", "add", f"{flow.SERVER}/24", "dev", "deploy0")
        flow.apply(flow.rack_ini(nodes=(1, 2, 3), parallel=1))
        flow.wait_state("hp01", "network-booting")
        part_sensors()
        part_sel()
        part_identify()
        part_cipher()
        part_cold_reset()
        part_faults(sims)
        flow.part_end()
    except Exception as e:  # a part that could not go on is one failure
        import traceback
        traceback.print_exc(file=sys.stdout)
        check("the flow ran to its end", False, repr(e))
    finally:
        if flow.daemon and flow.daemon.poll() is None:
            flow.daemon.kill()
        for s in sims.values():
            s.kill()
    if flow.failed:
        print(open(f"{work}/ondold.log").read()[-8000:])
    print(f"{flow.passed} passed, {flow.failed} failed, 0 skipped")
    return 1 if flow.failed else 0


if __name__ == "__main__":
    sys.exit(main())
