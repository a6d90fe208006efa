#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the swarm against ondold in several sizes and prints counts and ratios; see run.

    bench.py ONDOLD SWARM STUB WORK SIZE

In namespaces of its own: whatever is started ends with them. It measures and judges
nothing: what a goal is compared with is for the reader.
"""
import hashlib
import http.client
import json
import os
import resource
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time

ondold_bin, swarm_bin, stub_bin, work = sys.argv[1:5]
SIZE = int(sys.argv[5])
SERVER, BASE = "10.78.0.2", "10.78.0.0"
BOOT_PORT, API_PORT, NGINX_PORT = 8780, 8781, 8783
TICKS = os.sysconf("SC_CLK_TCK")
FILES_BESIDE = 1500  # of ondold and of the swarm, beside one connection a server: those that say more
HAMMER = 30000  # requests of a yardstick


def run(*argv):
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)


def network():
    run("ip", "link", "set", "lo", "up")
    run("ip", "addr", "add", "10.78.0.1/16", "dev", "lo")  # each of its addresses is ours
    run("ip", "link", "add", "deploy0", "type", "veth", "peer", "name", "wire")
    run("ip", "addr", "add", f"{SERVER}/32", "dev", "deploy0")
    run("ip", "link", "set", "deploy0", "up")
    run("ip", "link", "set", "wire", "up")


# ---- what ondold is given ----

def address(net, host):
    return f"10.{net}.{host >> 8}.{host & 255}"


def node_ini(i):
    mac = f"94:40:c9:{i >> 8:02x}:{i & 255:02x}"
    host = 10 + i
    return f"""
[node n{i:05d}]
profile = dl360
role = compute
host = {host}
bmc = {address(79, host)}
mac.1 = {mac}:01
mac.2 = {mac}:02
serial = CZJ{i:07d}
uuid = 39383838-3738-5a43-4a30-{i:012d}
"""


def rack_ini(n):
    return f"""[rack]
name = swarm

[deploy]
interface = deploy0
address = {SERVER}
http_port = {BOOT_PORT}
api_port = {API_PORT}
image = core
parallel_installs = {n}
power_on_interval = 0s

[bmc]
subnet = 10.79.0.0/16
vlan = 11

[network provisioning]
subnet = 10.78.0.0/16
vlan = 10

[network management]
subnet = 10.80.0.0/16
vlan = 20

[network tunnel]
subnet = 10.81.0.0/16
vlan = 30

[network storage]
subnet = 10.82.0.0/16
vlan = 40

[profile dl360]
vendor = HPE
product = ProLiant DL360 Gen10
nic.1.native = provisioning
nic.1.tagged = management
nic.2.tagged = tunnel storage
disk.1.use = system
disk.1.bus = sata
disk.1.size = 480G
disk.3.use = data
disk.3.bus = nvme
disk.3.size = 1920G
""" + "".join(node_ini(i + 1) for i in range(n))


def images(d):
    """Boot files are small: what is measured is not the copying of files."""
    os.makedirs(f"{d}/images/core")
    entry = {}
    for name in ("vmlinuz", "initrd.img", "root.erofs.zst"):
        data = os.urandom(1000)
        with open(f"{d}/images/core/{name}", "wb") as f:
            f.write(data)
        entry[name] = {"file": name, "sha256": hashlib.sha256(data).hexdigest(),
                       "size_bytes": len(data)}
    entry["root.erofs.zst"].update(format="erofs", raw_bytes=4096)
    with open(f"{d}/images/core/manifest.json", "w") as f:
        json.dump({"schema": 1, "profile": "core", "version": "0.1.0-bench",
                   "kernel": entry["vmlinuz"], "initrd": entry["initrd.img"],
                   "root": entry["root.erofs.zst"], "packages": 1}, f)


# ---- a process and what it takes ----

class Measured:
    """A process, with its children that live on: what the kernel says of it."""

    def __init__(self, pids):
        self.pids = pids if isinstance(pids, list) else [pids]

    def cpu(self):
        """Seconds of user and system time so far; finer than /proc/PID/stat, where the kernel counts so."""
        total = 0
        for pid in self.pids:
            try:
                with open(f"/proc/{pid}/schedstat") as f:
                    total += int(f.read().split()[0]) / 1e9
            except FileNotFoundError:
                with open(f"/proc/{pid}/stat") as f:
                    fields = f.read().rsplit(")", 1)[1].split()
                total += (int(fields[11]) + int(fields[12])) / TICKS
        return total

    def status(self, key):
        with open(f"/proc/{self.pids[0]}/status") as f:
            for line in f:
                if line.startswith(key + ":"):
                    return int(line.split()[1])
        raise KeyError(key)


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("ondold", timeout=900)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Ondold:
    def __init__(self, name):
        self.dir = f"{work}/{name}"
        os.makedirs(f"{self.dir}/bmcs")
        os.makedirs(f"{self.dir}/bin")
        os.makedirs(f"{self.dir}/tftp")
        os.chmod(self.dir, 0o755)
        images(self.dir)
        shutil.copy(stub_bin, f"{self.dir}/bin/ipmitool")
        with open(f"{self.dir}/tftp/snponly.efi", "wb") as f:
            f.write(b"x" * 1000)
        env = dict(os.environ, ONDOL_CONSOLES="0", ONDOL_PATIENCE="1000",
                   ONDOL_LOG="warn",
                   BENCH_BMCS=f"{self.dir}/bmcs",
                   PATH=f"{self.dir}/bin:{os.environ['PATH']}")
        self.log = open(f"{self.dir}/log", "w")
        self.process = subprocess.Popen(
            [ondold_bin, "--state", f"{self.dir}/state", "--socket", f"{self.dir}/sock",
             "--images", f"{self.dir}/images", "--roles", "roles", "--tftp", f"{self.dir}/tftp"],
            env=env, stdin=subprocess.DEVNULL, stderr=self.log)
        self.m = Measured(self.process.pid)
        self.await_socket()

    def await_socket(self):
        while self.process.poll() is None:
            try:
                return self.ask("GET", "/v1/events?since=-1")
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("ondold has ended: " + open(f"{self.dir}/log").read()[-2000:])

    def ask(self, method, path, body=None):
        c = Unix(f"{self.dir}/sock")
        c.request(method, path, json.dumps(body) if body is not None else None)
        r = c.getresponse()
        data = r.read()
        c.close()
        return r.status, json.loads(data) if data else None

    def apply(self, n):
        status, answer = self.ask("POST", "/v1/rack", {
            "file": "rack.ini", "rack_ini": rack_ini(n),
            "secrets_ini": "[bmc]\nuser = ondol\npassword = sesame-1\n",
            "wipe": [], "dry_run": False})
        if status != 200:
            raise RuntimeError(f"apply: {status} {str(answer)[:2000]}")

    def count(self, where):
        """Of its table, read beside it."""
        db = sqlite3.connect(f"file:{self.dir}/state/ondold.db?mode=ro", uri=True)
        n = db.execute(f"SELECT count(*) FROM event WHERE {where}").fetchone()[0]
        db.close()
        return n

    def await_power(self, n):
        """Until all have been told to boot from the network."""
        last, still = -1, 0
        while (done := self.count("type = 'power.netboot'")) < n:
            still = still + 1 if done == last else 0
            if still > 120 or self.process.poll() is not None:
                raise RuntimeError(f"only {done} of {n} were powered on")
            last = done
            time.sleep(1)

    def agree(self, n):
        """The operator's yes to each of n servers as soon as it asks."""
        db = sqlite3.connect(f"file:{self.dir}/state/ondold.db?mode=ro", uri=True)
        agreed, last = 0, 0
        while agreed < n and self.process.poll() is None:
            for last, node in db.execute("SELECT id, node FROM event WHERE id > ? AND type = 'state' "
                                         "AND text LIKE 'agent -> inventoried%' ORDER BY id", (last,)).fetchall():
                status, answer = self.ask("POST", f"/v1/nodes/{node}/agree", {})
                if status != 200:
                    raise RuntimeError(f"agree to {node}: {status} {answer}")
                agreed += 1
            time.sleep(0.1)
        db.close()

    def end(self):
        self.process.terminate()
        self.process.wait(60)
        self.log.close()


class Swarm:
    def __init__(self, d, n, port=API_PORT):
        self.ledger = f"{d}/ledger-{port}"
        self.process = subprocess.Popen([swarm_bin, SERVER, str(BOOT_PORT), str(port), BASE, str(n), self.ledger],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def do(self, command):
        """One of its commands; what it counted meanwhile."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the swarm has ended")
        return json.loads(line)

    def end(self):
        self.process.stdin.close()
        self.process.wait(60)


def lost_and_doubled(o, swarm):
    """Of the events that were acknowledged: how many are not in the table, or twice."""
    with open(swarm.ledger) as f:
        acked = set(f.read().split("\n")) - {""}
    db = sqlite3.connect(f"file:{o.dir}/state/ondold.db?mode=ro", uri=True)
    kept = dict(db.execute("SELECT text, count(*) FROM event WHERE text LIKE 'swarm %' GROUP BY text"))
    rows, last = db.execute("SELECT count(*), max(id) FROM event").fetchone()
    db.close()
    lost = sorted(acked - kept.keys())
    if lost:
        say(f"  LOST, of {rows} rows up to {last}: {', '.join(lost[:10])}")
    return len(acked), len(lost), sum(n > 1 for n in kept.values())


# ---- what is printed ----

def say(text=""):
    print(text, flush=True)


def percentile(histogram, share):
    """The upper end of the power of two that it lies in, in ms."""
    want, seen = sum(histogram) * share, 0
    for i, n in enumerate(histogram):
        seen += n
        if seen >= want:
            return 2 ** (i + 1) / 1000
    return 0


results = {}


class Phase:
    """CPU seconds of a process from its beginning to .end()."""

    def __init__(self, measured):
        self.measured, self.before = measured, measured.cpu()

    def end(self):
        return self.measured.cpu() - self.before


def install(n):
    """From nothing to n servers that are ready. Returns ondold, the swarm, and what it took."""
    o = Ondold(f"n{n}")
    s = Swarm(o.dir, n)
    began, p = time.monotonic(), Phase(o.m)
    o.apply(n)
    took = {"apply_s": time.monotonic() - began, "apply_cpu": p.end()}
    p = Phase(o.m)
    o.await_power(n)
    took["power_cpu"] = p.end()
    p = Phase(o.m)
    operator = threading.Thread(target=o.agree, args=(n,), daemon=True)
    operator.start()
    took["swarm"] = r = s.do("install 3600")
    operator.join(60)
    took["install_cpu"] = p.end()
    if r["ready"] != n:
        raise RuntimeError(f"only {r['ready']} of {n} are ready: see {o.dir}/log")
    return o, s, took


def measure_install(n):
    o, s, took = install(n)
    r = took["swarm"]
    events = r["events"] + r["progress"]
    s.do("steady 16")  # the heartbeats have spread
    p = Phase(o.m)
    steady = s.do("steady 30")
    acked, lost, doubled = lost_and_doubled(o, s)
    x = results[n] = {
        "lost": lost, "doubled": doubled, "us_event": took["install_cpu"] / events * 1e6,
        "us_report": p.end() / max(steady["reports"], 1) * 1e6,
        "peak_mb": o.m.status("VmHWM") / 1024}
    say(f"{n} servers")
    say(f"  apply {took['apply_s']:.1f} s ({took['apply_cpu']:.1f} s CPU), power-on {took['power_cpu']:.1f} s CPU, "
        f"install {r['ms'] / 1000:.1f} s ({took['install_cpu']:.1f} s CPU)")
    say(f"  {r['requests']} requests, {r['bytes'] >> 20} MB of answers, {r['refused']} refused, {r['failed']} without an answer and asked again")
    say(f"  answers: half within {percentile(r['latency'], 0.5):.1f} ms, 99 % within {percentile(r['latency'], 0.99):.1f} ms")
    say(f"  {events} events acknowledged: {r['progress']} of progress, of which one in five seconds is kept; of the other {acked}: "
        f"{lost} lost, {doubled} doubled")
    say(f"  CPU an event {x['us_event']:.0f} us (TLS handshakes and all other requests included), a heartbeat {x['us_report']:.0f} us")
    say(f"  peak RSS {x['peak_mb']:.1f} MB")
    return o, s


# ---- ondold at rest ----

def measure_rest(seconds=60):
    """Ten servers that are ready."""
    o, s, _ = install(10)
    s.do("steady 20")
    before = o.m.status("voluntary_ctxt_switches")
    s.do(f"steady {seconds}")
    wakes = (o.m.status("voluntary_ctxt_switches") - before) * 60 / seconds
    results["rest"] = {"rss_mb": o.m.status("VmRSS") / 1024, "wakes": wakes}
    say("10 servers at rest, each with a heartbeat every 15 s")
    say(f"  RSS {results['rest']['rss_mb']:.1f} MB, {wakes:.0f} wake-ups a minute")
    s.end()
    o.end()


# ---- the yardstick ----

def nginx(o):
    """With ondold's own certificate, for the same clients; returns its worker."""
    with open(f"{o.dir}/state/node-authority") as f:
        secrets = json.load(f)["secrets"]
    d = f"{o.dir}/nginx"
    os.makedirs(d)
    for name, keys in (("cert.pem", ("tls.cert",)), ("key.pem", ("tls.key",)), ("ca.pem", ("ca.cert",))):
        with open(f"{d}/{name}", "w") as f:
            f.write("".join(secrets[k] for k in keys))
    with open(f"{d}/nginx.conf", "w") as f:
        f.write(f"""user root; worker_processes 1; pid {d}/pid; error_log {d}/log; daemon off;
events {{ worker_connections 10000; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s; server_tokens off;
  client_body_temp_path {d}/b; proxy_temp_path {d}/p; fastcgi_temp_path {d}/f;
  uwsgi_temp_path {d}/u; scgi_temp_path {d}/s;
  server {{
    listen {SERVER}:{NGINX_PORT} ssl; ssl_protocols TLSv1.3;
    ssl_certificate {d}/cert.pem; ssl_certificate_key {d}/key.pem;
    ssl_client_certificate {d}/ca.pem; ssl_verify_client on;
    location / {{ default_type application/json; return 200 '{{}}'; }}
  }}
}}
""")
    master = subprocess.Popen(["nginx", "-c", f"{d}/nginx.conf", "-e", f"{d}/log"], stdin=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    while master.poll() is None:
        try:
            with open(f"/proc/{master.pid}/task/{master.pid}/children") as f:
                worker = f.read().split()
            socket.create_connection((SERVER, NGINX_PORT), 1).close()
            return master, Measured(int(worker[0]))
        except (OSError, IndexError):
            time.sleep(0.05)
    raise RuntimeError("nginx has ended: " + open(f"{d}/log").read()[-1000:])


def per_second(measured, swarm, command):
    """Requests for each second of the server's CPU."""
    swarm.do(f"{command} 2000")  # connections are there
    p = Phase(measured)
    r = swarm.do(f"{command} {HAMMER}")
    return r["answered"] / p.end()


def measure_yardstick(o, s):
    reports, events = per_second(o.m, s, "hammer"), per_second(o.m, s, "talk")
    acked, lost, doubled = lost_and_doubled(o, s)
    results["talk"] = {"lost": lost, "doubled": doubled}
    master, worker = nginx(o)
    s.do(f"aim {NGINX_PORT}")
    other = per_second(worker, s, "hammer")
    master.terminate()
    master.wait(30)
    say("100 servers as fast as they are answered, over TLS 1.3 connections that stay; the answers are {}")
    say(f"  a second of ondold's CPU is {reports:.0f} heartbeats, or {events:.0f} events that are kept ({lost} of {acked} lost, {doubled} doubled)")
    say(f"  a second of nginx's CPU is {other:.0f} of the same requests, answered and forgotten: {other / reports:.1f} and {other / events:.1f} times as many")


# ---- all of it ----

def sizes():
    """100, 1000 and what is asked for, if this machine lets a process have so many files."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = hard - FILES_BESIDE
    if most < SIZE:
        say(f"a process may have {hard} open files here, and each server holds a connection: {most} servers instead of {SIZE}")
    return sorted({min(n, SIZE, most) for n in (100, 1000, SIZE)})


def main():
    network()
    say("ipmitool is the bench's stub; dnsmasq runs and is not asked; images are of 1 kB; the state is on "
        + subprocess.run(["stat", "-f", "-c", "%T", work], capture_output=True, text=True).stdout.strip())
    measure_rest()
    for n in sizes():
        o, s = measure_install(n)
        if n == 100:
            measure_yardstick(o, s)
        s.end()
        o.end()
        shutil.rmtree(o.dir)
    runs = sorted(n for n in results if isinstance(n, int))
    first, last = results[runs[0]], results[runs[-1]]
    say("in short")
    say(f"  events lost {sum(r['lost'] for r in results.values() if 'lost' in r)}, doubled {sum(r['doubled'] for r in results.values() if 'doubled' in r)} (goal 0)")
    say(f"  CPU an event with {runs[-1]} servers against {runs[0]}: {last['us_event'] / first['us_event']:.2f} times (goal at most 1.5)")
    say(f"  peak RSS with {runs[-1]} servers {last['peak_mb']:.0f} MB (goal 256 with 10000), RSS at rest with ten {results['rest']['rss_mb']:.1f} MB (goal 24)")


main()
