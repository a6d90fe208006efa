#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kills ondold with SIGKILL at every turn of two installs; see test-ondold-kill.sh.

hp01 is killed after each answer, hp02 in the middle of each request: as late as the list of
delays says, so that some are answered and some are not. What was answered with 200 must be
there afterwards; what was not is said again, as the real programs do.
"""
import importlib.util
import re
import sqlite3
import sys
import threading
import time

spec = importlib.util.spec_from_file_location("flow", "tests/root/ondold-flow.py")
flow = importlib.util.module_from_spec(spec)
spec.loader.exec_module(flow)
check, op, work = flow.check, flow.op, flow.work

LEAST_KILLS = 30
kills = cut = 0
acknowledged = []  # (node, type, text)
orders = {"hp01": [], "hp02": []}  # as received
DELAYS_MS = (0, 3, 40, 9, 70, 15, 25, 120, 6, 55)


def kill():
    global kills
    flow.kill()
    kills += 1


def kill_and_start():
    kill()
    flow.start()


# ---- requests ----

def once(call):
    """(status, body), or None when ondold went away meanwhile."""
    try:
        status, data, _ = call()
        return status, data
    except (OSError, EOFError, flow.http.client.HTTPException):
        return None


def until_answered(call, seconds=60):
    """Asks again while ondold is away, or does not listen to nodes yet."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        a = once(call)
        if a:
            return a
        time.sleep(0.05)
    raise RuntimeError("ondold does not answer a node")


def killed_after(call):
    a = until_answered(call)
    kill_and_start()
    return a


def killed_amid(call):
    """The kill comes some time after the request has begun; then it is made again."""
    global cut
    delay = DELAYS_MS[kills % len(DELAYS_MS)] / 1000
    killer = threading.Thread(target=lambda: (time.sleep(delay), kill()))
    killer.start()
    a = once(call)
    killer.join()
    flow.start()
    cut += a is None
    return a or until_answered(call)


# ---- a node ----

class Node:
    def __init__(self, i, asked):
        self.i, self.name, self.asked = i, f"hp{i:02d}", asked
        self.cert = None
        self.n_said = 0

    def ask(self, method, path, body=None, token=None):
        return self.asked(lambda: flow.net(10 + self.i, method, path, body, token or self.cert))

    def api(self, method, what, body=None, token=None):
        return self.ask(method, f"/v1/nodes/{self.name}/{what}", body, token)

    def say(self, kind, data=None, kept=True):
        """Each event has words of its own, so that it is found again."""
        self.n_said += 1
        text = f"{kind} of {self.name}, word {self.n_said}"
        event = {"type": kind, "text": text}
        if data:
            event["data"] = data
        status, body = self.api("POST", "events", {"events": [event]})
        check(f"{self.name} says {kind}", status == 200, (status, body))
        if status == 200 and kept:
            acknowledged.append((self.name, kind, text))

    def boot(self):
        status, script = self.ask("GET", f"/boot/{flow.mac(self.i)}")
        script = script.decode()
        check(f"{self.name} is to be installed", status == 200 and "ondol.token=" in script, script)
        for f in ("vmlinuz", "initrd.img"):
            status, data = self.ask("GET", f"/files/core/{f}")
            check(f"{self.name} fetches {f}", status == 200 and data == flow.FILES[f])
        self.asked(lambda: flow.net(10 + self.i, "GET", "/v1/ca"))
        flow.take_authority(10 + self.i, script)
        return flow.token_of(script)

    def enrol(self, token):
        # A token is for one key, and for that one it is good again when its answer was lost.
        path, request = flow.new_key()
        status, a = self.asked(lambda: flow.net(
            10 + self.i, "POST", f"/v1/nodes/{self.name}/enrol", {"request": request}, token))
        check(f"{self.name} is enrolled", status == 200, (status, a))
        with open(path, "a") as f:
            f.write(flow.json.loads(a)["cert"])
        self.cert = flow.Cert(path)

    def agree(self):
        status, a = self.asked(lambda: (*flow.agree(self.name), None))
        # the yes was kept, and the answer to it lost
        check(f"{self.name} is agreed to", status == 200 or status == 409 and "asks nothing" in a["error"], (status, a))
        n = flow.wait_state(self.name, "agent")
        check(f"{self.name} goes on, and is powered no more", n["state"] == "agent", n)

    def order(self):
        status, a = self.api("GET", "order?wait=0")
        check(f"{self.name} gets its order", status == 200, (status, a))
        orders[self.name].append(flow.json.loads(a))

    def install(self):
        quiet = len(flow.bmc_file(10 + self.i, "log"))
        self.enrol(self.boot())
        self.say("agent.up")
        status, _ = self.api("POST", "inventory", flow.inventory(self.i))
        check(f"{self.name}: inventory", status == 200)
        self.agree()
        self.order()
        self.say("agent.step")
        self.say("agent.progress", {"done": 1, "total": 4}, kept=False)
        self.say("agent.step")
        self.say("agent.installed", {"serial": f"S{self.i}A", "wwn": "", "bytes": 4096000})
        status, a = self.api("GET", "order?wait=0")
        check(f"{self.name}: what is written gets no order", status != 200, (status, a))
        self.say("agent.kexec")
        touched = [x for x in flow.bmc_file(10 + self.i, "log")[quiet:].splitlines()
                   if x.startswith("set")]
        check(f"{self.name}: no word to its power since it boots", touched == [], touched)

    def configure(self):
        self.say("noded.up")
        status, a = self.api("GET", "desired?rev=0")
        revision = flow.json.loads(a)["revision"]
        self.say("noded.step")
        for ready in (False, True):
            status, _ = self.api("POST", "report", {
                "revision": revision, "ready": ready, "boot_id": "b1", "image": "0.1.0-test",
                "proofs": [{"name": "network", "ok": ready, "text": "x", "time": 1}],
                "task": None})
            check(f"{self.name} reports", status == 200)


# ---- the parts ----

def part_powering():
    """Killed as the BMC is told each of its commands: all are given again from the first."""
    for i in (11, 12):  # they are on: they have to be switched off first
        with open(f"{work}/bmc{i}/power", "w") as f:
            f.write("1\n")
    at = 0
    for word in ("get power", "set power 0", "set boot", "set power 1"):
        seen = lambda: word in flow.bmc_file(11, "log")[at:]  # noqa: B023
        end = time.monotonic() + 60
        while not seen() and time.monotonic() < end:
            time.sleep(0.02)
        check(f"the BMC is told: {word}", seen(), flow.bmc_file(11, "log")[at:])
        kill()
        at = len(flow.bmc_file(11, "log"))
        flow.start()
    for name in ("hp01", "hp02"):
        n = flow.wait_state(name, "network-booting", seconds=120)
        check(f"{name} is powered all the same", n["state"] == "network-booting", n)
    for i in (11, 12):
        log = flow.bmc_file(i, "log").splitlines()
        last_off = len(log) - 1 - log[::-1].index("set power 0")
        check(f"bmc{i}: the last power-on comes after boot device and power-off",
              "set boot pxe" in log[last_off:] and log.index("set power 1", last_off) > last_off
              and bmc_is(i, "1"), log)


def bmc_is(i, power):
    return flow.bmc_file(i, "power") == power


def table():
    found = []
    for name in ("hp01", "hp02"):
        found += [(e["node"], e["type"], e["text"]) for e in flow.events(name)]
    return found


def part_nothing_is_lost():
    kept = table()
    lost = [a for a in acknowledged if a not in kept]
    check(f"none of {len(acknowledged)} acknowledged events is lost", not lost, lost)
    for name in ("hp01", "hp02"):
        n = flow.node(name)
        check(f"{name} is ready", n["state"] == "ready", n)
        got = orders[name]
        check(f"{name} got one order", len(got) == 1 and got[0]["system"]["serial"] ==
              f"S{name[-1]}A", got)
        types = [e[1] for e in kept if e[0] == name]
        # what was kept and not answered is said again, in the same words
        written = {e[2] for e in kept if e[0] == name and e[1] == "agent.installed"}
        check(f"{name} booted once to be written, and was written once",
              types.count("enrol.done") == 1 and len(written) == 1, types)
        states = [re.sub(r":.*", "", e[2]).split(" -> ")[1] for e in kept
                  if e[0] == name and e[1] == "state"]
        check(f"{name} went through each state once", states == [
            "idle", "powering", "network-booting", "agent", "inventoried", "inventoried", "agent", "installing",
            "first-boot", "configuring", "ready"], states)
        check(f"{name}: a restart is no failed try", n["retry"] is None, n["retry"])
    check("one dnsmasq", len(flow.another_dnsmasq([])) == 1)
    db = sqlite3.connect(f"file:{work}/state/ondold.db?mode=ro", uri=True)
    check("the database is whole", db.execute("PRAGMA integrity_check").fetchall() == [("ok",)])
    db.close()
    check(f"killed {kills} times, at least {LEAST_KILLS}", kills >= LEAST_KILLS)
    check(f"{cut} requests were cut off by it, at least one", cut >= 1)


def killed():
    began = time.monotonic()
    flow.run("ip", "addr", "add", f"{flow.SERVER}/24", "dev", "deploy0")
    flow.start()
    first, second = Node(1, killed_after), Node(2, killed_amid)
    status, a = flow.apply(flow.rack_ini(nodes=(1, 2), parallel=2, retries=2))
    check("apply", status == 200, a)
    part_powering()
    first.install()
    second.install()
    first.configure()
    second.configure()
    part_nothing_is_lost()
    print(f"   ({kills} kills in {time.monotonic() - began:.0f} s)", flush=True)
    flow.part_end()


if __name__ == "__main__":
    sys.exit(flow.whole(killed, flow.world(bmcs=(11, 12))))
