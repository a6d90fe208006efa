#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The page of a real ondold, looked at with a headless Chromium over the WebDriver protocol,
and its API over TLS. Plays agents and nodeds of ten nodes; see test-page.sh."""
import base64
import http.client
import importlib.util
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import time

spec = importlib.util.spec_from_file_location("flow", "tests/root/ondold-flow.py")
flow = importlib.util.module_from_spec(spec)
spec.loader.exec_module(flow)
check, op, apply, events = flow.check, flow.op, flow.apply, flow.events
work, shots = flow.work, sys.argv[3] if len(sys.argv) > 3 else ""
ondol = os.path.join(os.path.dirname(os.path.abspath(flow.ondold_bin)), "ondol")
PAGE_PORT = 8443
HOST, BASE = flow.SERVER, f"https://{flow.SERVER}:{PAGE_PORT}"
tokens = {}


# ---- the rack ----

def roles():
    files = {"controller.ini": "[role]\ndescription = c\nparts = base\n[proofs]\nneed = network\n",
             "compute.ini": "[role]\ndescription = v\n[proofs]\nneed = network\n",
             "storage.ini": "[role]\ndescription = s\nkinds = block object\n[proofs]\nneed = network\n"
                            "[kind block]\ndata = none\n[kind object]\ndata = none\n",
             "parts/base.ini": "[part]\ndescription = b\nram = 100M\n"}
    for name, text in files.items():
        path = f"{work}/roles/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
    flow.roles_dir = f"{work}/roles"
    flow.image = "full"


def rack(page=True, **more):
    text = flow.rack_ini(nodes=range(1, 11), parallel=10, **more).replace("image     = core", "image = full", 1)
    text = re.sub(r"(?m)^; page = .*\n", f"page = {HOST}:{PAGE_PORT}\n" if page else "", text)
    return text.replace("[bmc]\n", "[cloud]\nregion = Lab\n[bmc]\n", 1)


def addresses():
    for i in range(14, 21):
        for net in (0, 1):
            flow.run("ip", "addr", "add", f"10.77.{net}.{i}/32", "dev", "lo")


def installed(i, upto="ready", **inventory):
    """Plays node i up to a state, through the node API."""
    name = f"hp{i:02d}"
    flow.wait_state(name, "network-booting")
    token = flow.boot_agent(i, name)
    if upto == "agent":
        return token
    status, a = flow.api(10 + i, "POST", f"/v1/nodes/{name}/inventory",
                         flow.inventory(i, **({} if upto == "failed" else inventory)), token)
    check(f"{name}: inventory", status == 200, a)
    if upto == "failed":  # since then its disk has come to hold what is not this rack's
        op("POST", f"/v1/nodes/{name}/reinstall", {})
        flow.wait_state(name, "network-booting")
        token = flow.boot_agent(i, name)
        status, a = flow.api(10 + i, "POST", f"/v1/nodes/{name}/inventory",
                             flow.inventory(i, **inventory), token)
        check(f"{name}: refused", status == 409 and "not this rack's" in a["error"], a)
        return token
    status, a = flow.agree(name)
    check(f"{name}: agreed to", status == 200, a)
    status, order = flow.api(10 + i, "GET", f"/v1/nodes/{name}/order?wait=5", None, token)
    check(f"{name}: order", status == 200, order)
    if upto == "installing":
        progress(i, token, 37)
        return token
    flow.say(i, name, token, {"type": "agent.installed", "text": "",
                              "data": {"serial": f"S{i}A", "wwn": "", "bytes": 1520435200}},
             {"type": "agent.kexec", "text": ""})
    tokens[name] = token
    if upto == "first-boot":
        return token
    flow.say(i, name, tokens[name], {"type": "noded.up", "text": ""},
             {"type": "noded.step", "text": "waiting for controller/keystone"})
    if upto == "ready":
        ready(i, order["desired"]["revision"])
    return token


def ready(i, revision, ok=True, **more):
    proofs = [{"name": "network", "ok": ok, "text": "5 networks as declared" if ok else "no carrier on eth1", "time": now()},
              {"name": "time", "ok": True, "text": "0.2 ms from the server", "time": now()},
              {"name": "units", "ok": True, "text": "14 units run", "time": now()}]
    return flow.report(i, f"hp{i:02d}", tokens[f"hp{i:02d}"], revision, ok, proofs=proofs, **more)


def progress(i, token, percent):
    flow.say(i, f"hp{i:02d}", token, {"type": "agent.step", "text": "writing the image to bay 1"},
             {"type": "agent.progress", "text": "", "data": {"done": percent * 10 ** 7, "total": 10 ** 9}})


def now():
    return int(time.time() * 1000)


def cloud_report(revision, unwell=True):
    services = []
    for node, names in (("hp01", "keystone glance nova-api nova-scheduler nova-conductor neutron-server placement cinder-api horizon"),
                        *((f"hp{i:02d}", "nova-compute neutron-openvswitch") for i in range(2, 8)),
                        ("hp08", "cinder-volume"), ("hp09", "swift-object swift-container"), ("hp10", "swift-object")):
        for s in names.split():
            bad = unwell and (node, s) == ("hp04", "nova-compute")
            services.append({"node": node, "service": s, "ok": not bad,
                             "text": "down: last heard 3 min ago" if bad else "up, 3 s ago"})
    return ready(1, revision, cloud={"time": now(), "services": services,
                                     "dashboard": "https://10.77.20.11/horizon"})


# ---- the API over TLS ----

def cli(*argv):
    env = dict(os.environ, ONDOL_SOCKET=f"{work}/ondold.sock", LC_ALL="C.UTF-8")
    return subprocess.run([ondol, *argv], env=env, stdin=subprocess.DEVNULL, timeout=60,
                          capture_output=True, text=True)


def context(**more):
    c = ssl.create_default_context(cafile=f"{work}/rack-ca.pem")
    for key, value in more.items():
        setattr(c, key, value)
    return c


def tls(method, path, body=None, source="127.0.0.1", **headers):
    c = http.client.HTTPSConnection(HOST, PAGE_PORT, timeout=70, context=context(), source_address=(source, 0))
    h = {k.replace("_", "-"): v for k, v in headers.items()}
    status, data, r = flow.exchange(c, method, path, body, h)
    try:
        return status, json.loads(data) if data else None, r
    except ValueError:
        return status, data.decode(), r


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def part_tls(operator, viewer):
    status, text, r = tls("GET", "/")
    check("the page is served over TLS that the rack's authority vouches for", status == 200 and "<title>ondol" in text)
    check("with a policy against foreign content", "default-src 'self'" in r.headers["Content-Security-Policy"]
          and r.headers["X-Content-Type-Options"] == "nosniff" and r.headers["X-Frame-Options"] == "DENY")
    try:
        c = http.client.HTTPSConnection(HOST, PAGE_PORT, timeout=10, context=context(maximum_version=ssl.TLSVersion.TLSv1_2))
        c.request("GET", "/")
        check("TLS 1.2 is refused", False)
    except ssl.SSLError:
        check("TLS 1.2 is refused", True)
    status, a, r = tls("GET", "/v1/status")
    check("nothing without a token", status == 401 and r.headers["Cache-Control"] == "no-store", a)
    status, a, _ = tls("GET", "/v1/status", **bearer(viewer))
    check("a viewer sees the status", status == 200 and len(a["nodes"]) == 10, a)
    part_metrics(viewer)
    for path in ("/v1/cloud/openrc", "/v1/cloud/keys", "/v1/cloud/blobs/controller-backup.tar.gz", "/v1/tokens"):
        status, a, _ = tls("GET", path, **bearer(operator))
        check(f"not even an operator has {path}", status == 403 and set(a) == {"error"}, a)
    for method, path in (("POST", "/v1/rack"), ("POST", "/v1/tokens"), ("PUT", "/v1/cloud/keys"),
                         ("PUT", "/v1/cloud/blobs/x"), ("POST", "/v1/cloud/restore"), ("DELETE", "/v1/tokens/night-shift")):
        status, a, _ = tls(method, path, {}, **bearer(operator))
        check(f"nor may it {method} {path}", status == 403, (status, a))
    for what in ("power", "reinstall", "prove"):
        status, a, _ = tls("POST", f"/v1/nodes/hp01/{what}", {"action": "status"}, **bearer(viewer))
        check(f"a viewer may not {what}", status == 403, a)
    status, a, _ = tls("POST", "/v1/nodes/hp01/power", {"action": "status"}, **bearer(operator))
    check("an operator may switch power", status == 200 and a["power"] in ("on", "off"), a)
    asked = [e for e in events("hp01", "access.asked")]
    check("who asked from where is an event", asked and asked[-1]["text"] == "night-shift from 127.0.0.1 asks for: power", asked)
    part_session(operator)
    for _ in range(10):
        status, a, _ = tls("GET", "/v1/status", source="10.77.0.20", **bearer("0" * 40))
    status, a, r = tls("GET", "/v1/status", source="10.77.0.20", **bearer(operator))
    check("ten wrong tokens, and the address has to wait", status == 429 and int(r.headers["Retry-After"]) <= 61, a)
    check("others do not", tls("GET", "/v1/status", **bearer(operator))[0] == 200)
    with open(f"{work}/state/ondold.db", "rb") as db, open(f"{work}/ondold.log", "rb") as log:
        text = db.read() + log.read()
    check("no token is in the database or the log", operator.encode() not in text and viewer.encode() not in text)


def part_metrics(viewer):
    status, a, _ = tls("GET", "/metrics")
    check("no metrics without a token", status == 401, a)
    status, _, _ = tls("GET", "/metrics", **bearer("f" * 40))
    status, text, r = tls("GET", "/metrics", **bearer(viewer))
    check("a viewer's token is enough for Prometheus", status == 200 and
          r.headers["Content-Type"].startswith("text/plain; version=0.0.4"), text)
    m = flow.metrics(text)
    check("they tell of the page itself", m("ondol_listener_up", listener="page") == 1 and
          m("ondol_http_requests_total", listener="page", **{"class": "4xx"}) >= 2 and
          m("ondol_sign_in_failures_total", reason="token") == 1, text)


def part_session(operator):
    status, a, _ = tls("POST", "/v1/session", {"token": operator})
    check("no signing in from another site's form", status == 403, a)
    status, a, r = tls("POST", "/v1/session", {"token": operator}, X_Ondol="page")
    cookie = r.headers["Set-Cookie"]
    check("a session's cookie is for this page alone", status == 200 and all(
        w in cookie for w in ("__Host-ondol=", "HttpOnly", "Secure", "SameSite=Strict", "Max-Age=43200")), cookie)
    cookie = cookie.split(";")[0]
    check("it is good", tls("GET", "/v1/status", Cookie=cookie)[0] == 200)
    status, a, _ = tls("POST", "/v1/nodes/hp01/prove", {}, Cookie=cookie)
    check("but changes nothing without the page's header", status == 403 and "X-Ondol" in a["error"], a)
    check("it ends with signing out", tls("DELETE", "/v1/session", Cookie=cookie, X_Ondol="page")[0] == 200
          and tls("GET", "/v1/status", Cookie=cookie)[0] == 401)


class SmallHTTPS(http.client.HTTPSConnection):
    def connect(self):
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.settimeout(self.timeout)
        raw.connect((HOST, PAGE_PORT))
        self.sock = self._context.wrap_socket(raw, server_hostname=HOST)


def stream_lines(token, last_id=None, small=False):
    kind = SmallHTTPS if small else http.client.HTTPSConnection
    c = kind(HOST, PAGE_PORT, timeout=20, context=context())
    h = bearer(token)
    if last_id is not None:
        h["Last-Event-ID"] = str(last_id)
    c.request("GET", "/v1/stream", None, h)
    r = c.getresponse()
    check("the stream is one of events", r.status == 200 and r.headers["Content-Type"] == "text/event-stream")
    return c, r


def read_until(r, word):
    for _ in range(500):
        line = r.readline().decode()
        if not line or line.startswith(word):
            return line
    return ""


def part_stream(viewer):
    last = op("GET", "/v1/events?since=-1")[1]["last"]
    c, r = stream_lines(viewer)
    check("it begins with where it is", f'"last":' in read_until(r, "data: "))
    cli("token", "add", "wall-screen", "--role", "viewer")
    check("an event comes by itself", read_until(r, "id: ") == f"id: {last + 1}\n")
    # others happen meanwhile: servers are booting
    check("with its text", any("wall-screen may use the page" in read_until(r, "data: ") for _ in range(20)))
    c.close()
    cli("token", "revoke", "wall-screen")
    c, r = stream_lines(viewer, last)
    read_until(r, "id: ")
    ids = [read_until(r, "id: ") for _ in range(2)]
    check("what was missed is told again", ids == [f"id: {last + 1}\n", f"id: {last + 2}\n"], ids)
    c.close()


def part_slow_client(viewer, agent):
    """One that does not read is told to read anew, not given all that it missed."""
    with open("/proc/sys/net/ipv4/tcp_wmem", "r+") as f:  # of this namespace: else the kernel takes it all
        before = f.read()
        f.seek(0)
        f.write("4096 8192 16384")
    c, r = stream_lines(viewer, small=True)
    with open("/proc/sys/net/ipv4/tcp_wmem", "w") as f:
        f.write(before)
    read_until(r, "event: hello")
    for k in range(24):
        flow.say(5, "hp05", agent, *({"type": "agent.step", "text": f"{k}.{j} " + "x" * 1900} for j in range(64)))
    kinds = []
    end = time.monotonic() + 40
    while "hello" not in kinds and time.monotonic() < end:
        line = r.readline().decode()
        if line.startswith("event: "):
            kinds.append(line.split()[1])
    told = kinds.count("event")
    check(f"a client that was late reads anew, after {told} of 1536 events", "hello" in kinds and told < 536, kinds[-5:])
    c.close()


# ---- the browser ----

class Browser:
    def __init__(self):
        self.log = open(f"{work}/chromedriver.log", "w")
        env = dict(os.environ, HOME=work, TMPDIR=work)
        self.driver = subprocess.Popen(["chromedriver", "--port=9515"], stdin=subprocess.DEVNULL,
                                       stdout=self.log, stderr=self.log, env=env)
        end = time.monotonic() + 30
        while True:
            try:
                if self.raw("GET", "/status")["ready"]:
                    break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
        self.id = self.raw("POST", "/session", {"capabilities": {"alwaysMatch": {
            "acceptInsecureCerts": True, "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"},
            "goog:chromeOptions": {"args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--no-first-run", "--disable-background-networking", "--force-device-scale-factor=1",
                "--hide-scrollbars", "--window-size=1440,900"]}}}})["sessionId"]
        self.requests = []

    def raw(self, method, path, body=None):
        c = http.client.HTTPConnection("127.0.0.1", 9515, timeout=120)
        _, data, _ = flow.exchange(c, method, path, body, {"Content-Type": "application/json"})
        value = json.loads(data)["value"]
        if isinstance(value, dict) and "error" in value:
            raise RuntimeError(f"{path}: {value['error']}: {value.get('message')}"[:600])
        return value

    def do(self, method, path, body=None):
        return self.raw(method, f"/session/{self.id}{path}", body)

    def go(self, url):
        self.do("POST", "/url", {"url": url})

    def js(self, script, *args):
        return self.do("POST", "/execute/sync", {"script": script, "args": list(args)})

    def until(self, name, script, *args, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            got = self.js(script, *args)
            if got:
                check(name, True)
                return got
            time.sleep(0.05)
        check(name, False, self.js("return document.body.innerText")[:1500])
        return None

    def cdp(self, command, **params):
        return self.do("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def keys(self, *keys):
        self.do("POST", "/actions", {"actions": [{"type": "key", "id": "k", "actions": [
            a for k in keys for a in ({"type": "keyDown", "value": k}, {"type": "keyUp", "value": k})]}]})

    def text(self, css):
        return self.js("const e = document.querySelector(arguments[0]); return e && !e.hidden ? e.innerText : ''", css)

    def size(self, width, height):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                 mobile=width < 600)

    def scheme(self, value):
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": value}])

    def select(self, node):
        self.js("""scrollTo(0, 0); return import('/node.js').then((m) => m.select(arguments[0]))""", node)

    def shot(self, name):
        if shots:
            with open(f"{shots}/{name}.png", "wb") as f:
                f.write(base64.b64decode(self.do("GET", "/screenshot")))

    def urls(self):
        for entry in self.do("POST", "/se/log", {"type": "performance"}):
            m = json.loads(entry["message"])["message"]
            if m["method"] == "Network.requestWillBeSent":
                self.requests.append(m["params"]["request"]["url"])
        return self.requests

    def close(self):
        try:
            self.do("DELETE", "")
        except (OSError, RuntimeError):
            pass
        self.driver.terminate()
        self.driver.wait()


TAB, ENTER, ESCAPE = "\ue004", "\ue007", "\ue00c"
ROWS = "return [...document.querySelectorAll('.unit')].map((e) => e.innerText)"


def sign_in(b, token):
    b.until("the sign-in form is there", "return !document.getElementById('sign-in').hidden")
    b.keys(*token, ENTER)


def part_sign_in(b, viewer):
    b.go(BASE)
    sign_in(b, "1234")
    b.until("a wrong token is refused in words", "return document.getElementById('sign-in-error').innerText.includes('is not known')")
    check("and nothing is shown", b.js("return document.getElementById('main').hidden"))
    b.shot("sign-in")
    sign_in(b, viewer)
    b.until("a viewer sees ten units", "return document.querySelectorAll('.unit').length === 10")
    check("the highest unit is on top", b.js(ROWS)[0].split()[0] == "hp10", b.js(ROWS))
    check("a cookie that scripts cannot read", b.js("return document.cookie") == "")


ROW = "[...document.querySelectorAll('.unit')].find((e) => e.dataset.node === arguments[0])"


def part_live(b, agent):
    b.js("window.mark = 'the same page'")
    progress(5, agent, 64)
    b.until("progress comes live", f"return {ROW}.innerText.includes('installing 64 %')", "hp05")
    ready(6, node_revision("hp06"))
    b.until("a change of state comes live", f"return {ROW}.innerText.includes('ready')", "hp06")
    check("and is told to screen readers", "hp06 is ready" in b.js("return document.getElementById('say').textContent"))
    check("without a reload", b.js("return window.mark") == "the same page")


def node_revision(name):
    return op("GET", f"/v1/nodes/{name}")[1]["revision"]


def part_cloud(b):
    b.until("the cloud's services by what the API says", "return document.querySelectorAll('.host li').length === 25")
    text = b.text("#cloud")
    check("with sums", "25 services on 10 nodes: 24 well, 1 not." in text, text)
    check("and the reason", "nova-compute on hp04: down: last heard 3 min ago" in text, text)
    cloud_report(node_revision("hp01"), unwell=False)
    b.until("a service that turns well comes live", "return document.getElementById('cloud').innerText.includes('25 well, 0 not')")
    cloud_report(node_revision("hp01"))
    b.until("and one that turns unwell", "return document.getElementById('cloud').innerText.includes('24 well, 1 not')")


def part_plan_api(viewer):
    """What `ondol plan` says, for who may only look."""
    check("no plan without a token", tls("GET", "/v1/nodes/hp03/plan")[0] == 401)
    status, a, _ = tls("GET", "/v1/nodes/hp03/plan", **bearer(viewer))
    check("a viewer sees the plan", status == 200 and a["action"] == "none" and a["why"] == "as declared" and
          a["needs"] == [] and now() - 600000 < a["seen"] <= now(), a)
    system = a["disks"][0]
    check("and what a reinstall overwrites", system["fate"] == "written" and system["found"]["serial"] == "S3A" and
          system["declared"]["use"] == "system" and system["holds"] == "the system that ondold installed", system)
    check("and what it does not", [d["fate"] for d in a["disks"][1:]] == ["kept"] * 2, a["disks"])
    status, a, _ = tls("GET", "/v1/nodes/hp09/plan", **bearer(viewer))
    check("a foreign disk is refused, by its serial", a["disks"][0]["fate"] == "refused" and
          a["disks"][0]["holds"] == "LVM2_member" and any("--wipe S9A" in w for w in a["needs"]), a)
    check("and it is left as it is until then", a["action"] == "held" and
          a["why"].startswith("was never installed to the end, and is left as it is: the system disk sda (serial S9A) holds"), a)
    status, a, _ = tls("GET", "/v1/nodes/hp10/plan", **bearer(viewer))
    check("a server that nobody saw has no disks yet", a["seen"] == 0 and
          {d["fate"] for d in a["disks"]} == {"unseen"}, a)
    check("no node, no plan", tls("GET", "/v1/nodes/hp99/plan", **bearer(viewer))[0] == 404)
    check("nothing can be put there", tls("POST", "/v1/nodes/hp03/plan", {}, **bearer(viewer))[0] == 404)


def part_plan(b):
    b.until("a node's plan is beside its disks", "return document.getElementById('plan-disks')")
    text = b.text("#panel")
    check("with what would be lost", all(w in text for w in (
        "nothing to apply", "as declared", "bay 1, system", "serial S1A", "the system that ondold installed",
        "It is overwritten: everything on it is lost.", "left alone")), text[:3000])
    b.js("document.getElementById('plan-show').focus()")
    check("the rack's plan is not read until somebody asks", b.js("return document.getElementById('plan-body').hidden"))
    b.keys(ENTER)
    b.until("the keyboard opens the rack's plan", "return document.querySelectorAll('.plans details').length === 10")
    text = b.text("#plan")
    check("each node and what a reinstall does", "A reinstall overwrites bay 1, system, serial S3A: the system that ondold installed" in text
          and "A reinstall is refused at bay 1, system, serial S9A: LVM2_member" in text and "which nobody has seen yet" in text
          and "was never installed to the end" in text, text)
    b.js("document.querySelector('[data-plan=hp09] a').focus()")
    b.keys(TAB, ENTER)
    b.until("and opens a node's disks", "return document.querySelector('[data-plan=hp09] details').open")
    check("with what it needs first", "A reinstall needs" in b.text("[data-plan=hp09]") and "--wipe S9A" in b.text("[data-plan=hp09]"))
    status, _ = op("POST", "/v1/nodes/hp04/maintenance", {"on": True, "reason": "new fans"})
    b.until("a change of a node is a change of its plan", "return document.querySelector('[data-plan=hp04]').innerText.includes('is in maintenance')")
    op("POST", "/v1/nodes/hp04/maintenance", {"on": False, "reason": ""})
    ready(4, node_revision("hp04"))
    b.until("what was opened stays open", "return document.querySelector('[data-plan=hp04]').innerText.includes('as declared') && "
                                          "document.querySelector('[data-plan=hp09] details').open")
    for scheme in ("light", "dark"):
        b.scheme(scheme)
        b.size(360, 740)
        over = b.js("document.getElementById('plan').scrollIntoView(); return document.documentElement.scrollWidth - innerWidth")
        check(f"the plan fits a phone ({scheme})", over <= 0, over)
        b.shot(f"plan-phone-{scheme}")
        b.size(1440, 980)
        b.js("scrollTo(0, document.getElementById('plan').offsetTop - 70)")
        b.shot(f"plan-{scheme}")
    b.js("document.getElementById('plan-show').click(); scrollTo(0, 0)")
    check("it closes", b.js("return document.getElementById('plan-body').hidden && !document.querySelector('[data-plan]')"))


def part_viewer(b):
    b.js(f"{ROW}.click()", "hp01")
    b.until("a node's panel", "return document.getElementById('panel').innerText.includes('CZJ0010001')")
    text = b.text("#panel")
    check("has disks, ports, proofs and events", all(w in text for w in (
        "480.1 GB", "94:40:c9:00:01:01", "5 networks as declared", "install.agreed")), text[:3000])
    check("a console's text is lines without its escape sequences", b.js(
        r"return import('/console.js').then((m) => m.consoleText('\x1b[2J\x1b[1;31mboot\x1b[0m\r\n 5 %\r 9 %\r\n\x07<b>ok'))") == "boot\n 9 %\n<b>ok")
    b.js("document.querySelector('#panel [data-action=console]').click()")
    b.until("its recording is read", "return !document.querySelector('#panel .console').hidden")
    check("a viewer has no buttons to do things", b.js("return document.querySelectorAll('#panel .danger').length") == 0)
    part_plan(b)
    b.keys(ESCAPE)
    b.until("Escape closes it", "return document.getElementById('panel').hidden")
    b.js("document.getElementById('sign-out').click()")


def part_operator(b, operator):
    sign_in(b, operator)
    b.until("an operator signs in", "return document.querySelectorAll('.unit').length === 10")
    b.js(f"{ROW}.click()", "hp03")
    b.until("the operator has buttons", "return document.querySelector('#panel [data-action=reinstall]')")
    b.js("document.querySelector('#panel [data-action=reinstall]').click()")
    b.until("a reinstall is asked about", "return document.getElementById('ask').open")
    text = b.text("#ask")
    check("the confirmation names the node and what is lost", "Reinstall hp03?" in text and "bay 1, system" in text and
          "serial S3A" in text and "everything on it is lost" in text and text.count("left alone") >= 2, text)
    check("and cannot be given yet", b.js("return document.getElementById('ask-yes').disabled"))
    b.keys(*"hp04")
    check("nor with another name", b.js("return document.getElementById('ask-yes').disabled"))
    b.keys(ENTER)
    check("nor with Enter", b.js("return document.getElementById('ask').open"))
    b.shot("confirm")
    b.keys(ESCAPE)
    check("leaving it changes nothing", op("GET", "/v1/nodes/hp03")[1]["state"] == "ready")
    b.js("document.querySelector('#panel [data-action=reset]').click()")
    check("power asks too", "What runs on it is lost" in b.text("#ask"), b.text("#ask"))
    b.keys(ESCAPE)
    b.js("document.querySelector('#panel [data-action=on]').click(); document.getElementById('ask-yes').click()")
    b.until("power on is done over the BMC", "return (document.getElementById('did') || {}).innerText === 'hp03: power is on'", seconds=40)
    asked = events("hp03", "power.wanted")
    check("and kept with who and from where", asked and re.match(r"power on, by night-shift from [\d.]+$", asked[-1]["text"]), asked)
    b.js("document.querySelector('#panel [data-action=reinstall]').click()")
    b.until("it asks again", "return document.getElementById('ask').open")
    b.keys(*"hp03", ENTER)
    b.until("the name typed, it is done", f"return !{ROW}.innerText.includes('ready')", "hp03")
    wanted = events("hp03", "install.wanted")
    check("with who and from where", "night-shift from " in wanted[-1]["text"], wanted)


def part_foreign_disk(b):
    """What is not this rack's is given up by the disk's serial, not by the node's name."""
    b.select("hp09")
    b.until("the panel of the node with a foreign disk", "return document.querySelector('#panel [data-action=reinstall]') && "
                                                         "(document.getElementById('panel-title') || {}).innerText === 'hp09'")
    b.js("document.querySelector('#panel [data-action=reinstall]').click()")
    b.until("it asks for the disk", "return document.getElementById('ask').open")
    text = b.text("#ask")
    check("what is on it is named", "On it: LVM2_member." in text and "Type the disk's serial S9A" in text, text)
    b.keys(*"hp09")
    check("the node's name is not enough", b.js("return document.getElementById('ask-yes').disabled"))
    b.keys("\ue003", "\ue003", "\ue003", "\ue003", *"S9A")
    b.shot("confirm-foreign")
    b.keys(ENTER)
    b.until("the serial is", "return (document.getElementById('did') || {}).innerText === 'hp09 will be installed again'")
    wanted = events("hp09", "install.wanted")[-1]
    check("and the disk is given up for this run", [(w["disk"], w["held"][0]["type"]) for w in wanted["data"]["wipe"]] == [("S9A", "LVM2_member")] and "night-shift" in wanted["text"], wanted)


def part_planted(b, viewer, operator):
    """Tokens, a session's cookie, and all that ondold keeps: nowhere but in their places."""
    planted = flow.planted
    planted.plant("viewer's token", viewer)
    planted.plant("operator's token", operator)
    cookies = [c["value"] for c in b.do("GET", "/cookie") if c["name"] == "__Host-ondol" and c["httpOnly"]]
    check("the browser has the session's cookie", len(cookies) == 1, cookies)
    planted.plant("session cookie", cookies[0])
    flow.part_planted()

    def get(path):
        c = http.client.HTTPSConnection(HOST, PAGE_PORT, timeout=70, context=context())
        return flow.exchange(c, "GET", path, None, bearer(viewer))[1]
    asked, leaks = planted.in_answers(get, [f"hp{i:02d}" for i in range(1, 11)])
    check(f"none of {asked} answers to a viewer has one", asked > 60 and not leaks, leaks)
    for path in planted.HAVE_SECRETS:
        check(f"and {path} is not for a viewer", b"on the deployment host" in get(path) and not planted.inside(get(path)))
    held = b.js("return document.documentElement.outerHTML + document.cookie + location.href + "
                "[...document.querySelectorAll('input')].map((e) => e.value).join() + "
                "JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage)])")
    check("nor does the page hold one", len(held) > 10000 and not planted.inside(held), planted.inside(held))


def part_aside(b):
    b.js(f"{ROW}.click()", "hp10")
    check("the panel of the node before is gone at once", b.js("return document.getElementById('panel').hidden || "
                                                               "document.getElementById('panel-title').innerText === 'hp10'"))
    b.until("hp10's panel", "return !document.getElementById('panel').hidden && document.querySelector('#panel [data-action=cancel]') && "
                            "document.getElementById('panel-title').innerText === 'hp10'")
    b.js("document.querySelector('#panel [data-action=maintenance]').click()")
    check("what for has to be said", b.js("return document.getElementById('ask-yes').disabled"))
    b.keys(*"new fan", ENTER)
    b.until("a node is set aside", f"return {ROW}.innerText.includes('maintenance') && {ROW}.innerText.includes('new fan')", "hp10")
    b.until("and can be taken back", "return (document.querySelector('#panel [data-action=maintenance]') || {}).innerText === 'Take back'")


def part_late_answer(b):
    """A new rack makes the page read all anew; what the stream tells meanwhile is newer than that."""
    b.js("""const fetched = fetch, parsed = JSON.parse;
        let release, asked = false;
        const told = new Promise((done) => { release = done; });
        window.fetch = async (...a) => {
            const answer = await fetched(...a);
            if (a[0] === '/v1/status') {
                document.body.dataset.asked = asked = true;
                await told;
            }
            return answer;
        };
        JSON.parse = (text) => {
            const v = parsed(text);
            if (asked && v && v.name === 'hp10') {
                window.fetch = fetched;
                JSON.parse = parsed;
                release();
            }
            return v;
        };""")
    apply(rack(retries=1))
    b.until("a new rack is read", "return document.body.dataset.asked")
    check("a node is taken back meanwhile", op("POST", "/v1/nodes/hp10/maintenance", {"on": False, "reason": ""})[0] == 200)
    b.until("and a late answer does not undo it", f"return {ROW}.querySelector('.badge').innerText === 'enrol'", "hp10")
    op("POST", "/v1/nodes/hp10/maintenance", {"on": True, "reason": "new fan"})


def part_asks(b):
    """hp10 was never seen: what its agent finds is agreed to on the page."""
    op("POST", "/v1/nodes/hp10/maintenance", {"on": False, "reason": ""})
    status, a = op("POST", "/v1/nodes/hp10/reinstall", {})
    check("a server that was never seen is looked at", status == 200 and a == {"action": "look"}, a)
    flow.wait_state("hp10", "network-booting")
    token = flow.boot_agent(10, "hp10")
    flow.api(20, "POST", "/v1/nodes/hp10/inventory", flow.inventory(10), token)
    b.until("that it asks is in its row", f"return {ROW}.innerText.includes('inventoried') && "
                                          f"{ROW}.innerText.includes('agree to its installation')", "hp10")
    b.select("hp10")
    button = "document.querySelector('#panel [data-action=reinstall]')"
    b.until("and can be answered", f"return (document.getElementById('panel-title') || {{}}).innerText === 'hp10' && {button}.innerText === 'Install…'")
    b.js(f"{button}.click()")
    b.until("its disks are shown", "return document.getElementById('ask').open")
    text = b.text("#ask")
    check("as its agent has seen them", "Install hp10?" in text and "looked at for the first time" in text and "serial S10A" in text, text)
    b.keys(*"hp10", ENTER)
    b.until("the name typed, it goes on", f"return {ROW}.querySelector('.badge').innerText === 'agent'", "hp10")
    agreed = events("hp10", "install.agreed")
    check("with who and from where", len(agreed) == 1 and "night-shift from " in agreed[0]["text"], agreed)
    op("POST", "/v1/nodes/hp10/cancel", {})


def part_tries(b):
    """Nobody answers for hp09: its pause counts down, and can be ended."""
    apply(rack(retries=2, deadlines=("network-booting = 1s",)))
    words = f"return ({ROW}.innerText.match(/2nd try in (\\d+) s: no DHCP request/) || [])[1]"
    b.until("the pause before a try, and why", words, "hp09", seconds=40)
    left = int(b.js(words, "hp09"))
    b.until("it counts down", f"return {ROW}.innerText.match(/2nd try in (\\d+) s/)[1] < {left}", "hp09")
    b.js(f"{ROW}.click()", "hp09")
    b.until("it can be cancelled", "return (document.getElementById('panel-title') || {}).innerText === 'hp09' && "
            "document.querySelector('#panel [data-action=cancel]')")
    b.js("document.querySelector('#panel [data-action=cancel]').click(); document.getElementById('ask-yes').click()")
    b.until("and is", f"return {ROW}.innerText.includes('cancelled')", "hp09")


def part_looks(b):
    for name, width, height, scheme, node in (("page-dark", 1440, 980, "dark", "hp01"), ("page-light", 1440, 980, "light", ""),
                                              ("page-phone", 360, 740, "light", ""), ("page-phone-node", 360, 740, "dark", "hp08")):
        b.size(width, height)
        b.scheme(scheme)
        b.select(node)
        if node:
            b.until(f"{name}: the panel", "return document.getElementById('panel').innerText.includes(arguments[0])", node)
            b.js("document.activeElement.blur()")
        b.js("return document.fonts.ready.then(() => 1)")
        over = b.js("return document.documentElement.scrollWidth - innerWidth")
        check(f"{name}: no horizontal scrolling", over <= 0, over)
        b.shot(name)
    back = [b.js("return getComputedStyle(document.body).backgroundColor") for _ in [b.scheme("light")]]
    back += [b.js("return getComputedStyle(document.body).backgroundColor") for _ in [b.scheme("dark")]]
    check("dark and light differ", back[0] != back[1], back)
    b.size(1440, 980)


def part_hostile(b, agent):
    hostile = "<img src=x onerror=\"document.title='owned'\"><b>x</b>"
    flow.say(5, "hp05", agent, {"type": "agent.step", "text": hostile})
    b.until("what a node says is text", f"return {ROW}.innerText.includes('<img src=x')", "hp05")
    check("and never markup", b.js("return document.querySelectorAll('.unit img, #events img').length") == 0)
    progress(5, agent, 64)


def part_keyboard(b):
    b.select("hp01")
    b.js("document.activeElement.blur()")
    b.until("panel for the keyboard", "return document.getElementById('panel').innerText.includes('CZJ0010001')")
    b.js("document.activeElement.blur()")
    seen = set()
    for _ in range(80):
        b.keys(TAB)
        i, visible = b.js("""const e = document.activeElement; const s = getComputedStyle(e);
            return [[...document.querySelectorAll('*')].indexOf(e), s.outlineStyle !== 'none' || e === document.body]""")
        check("focus can be seen", visible) if not visible else None
        seen.add(i)
    wanted = b.js("""return [...document.querySelectorAll('button, a[href], input, summary, [tabindex="0"]')].filter((e) =>
        e.offsetParent !== null && !e.disabled && !e.closest('dialog')).map((e) => [...document.querySelectorAll('*')].indexOf(e))""")
    missed = [i for i in wanted if i not in seen]
    check(f"Tab reaches all {len(wanted)} controls", len(wanted) > 15 and len(missed) <= 0,
          b.js("return arguments[0].map((i) => document.querySelectorAll('*')[i].outerHTML.slice(0, 90))", missed))
    b.js(f"{ROW}.focus()", "hp02")
    b.keys(ENTER)
    b.until("Enter opens a node", "return document.getElementById('panel-title') && document.getElementById('panel-title').innerText === 'hp02'")


def part_lost(b):
    flow.kill()
    b.until("a lost connection is told plainly", "return document.getElementById('lost').innerText.includes('is lost')")
    flow.start()
    b.until("after a restart of ondold one signs in again", "return !document.getElementById('sign-in').hidden", seconds=40)


def page():
    global browser
    addresses()
    sims.update({i: flow.bmc(i, flow.PASSWORD) for i in range(11, 21)})
    roles()
    flow.start()
    status, a = apply(rack(page=False))
    check("a rack without a page", status == 200, a)
    check("has none", cli("token", "list", "--json").stdout.count("https://") == 0)
    status, a = apply(rack())
    check("the page is one more key", status == 200, a)
    waiting = [e for e in op("GET", "/v1/events?last=1000")[1]["events"] if e["type"] == "page.waiting"]
    check("while its address is not there, that is said", len(waiting) == 1 and "page" in waiting[0]["text"], waiting)
    flow.run("ip", "addr", "add", f"{HOST}/24", "dev", "deploy0")
    operator = cli("token", "add", "night-shift", "--role", "operator").stdout.strip()
    viewer = cli("token", "add", "help-desk", "--role", "viewer").stdout.strip()
    check("tokens are made", len(operator) == 40 and len(viewer) == 40)
    listed = cli("token", "list").stdout
    check("and listed, without themselves", "night-shift" in listed and "viewer" in listed and operator not in listed, listed)
    with open(f"{work}/rack-ca.pem", "w") as f:
        f.write(cli("ca").stdout)
    for i, upto in ((1, "ready"), (2, "ready"), (3, "ready"), (4, "ready"), (7, "first-boot"), (8, "ready"),
                    (9, "failed"), (6, "configuring")):
        installed(i, upto, **({"foreign": True} if upto == "failed" else {}))
    agent = installed(5, "installing")
    cloud_report(node_revision("hp01"))
    part_tls(operator, viewer)
    part_plan_api(viewer)
    part_stream(viewer)
    part_slow_client(viewer, agent)
    progress(5, agent, 37)
    b = browser = Browser()
    part_sign_in(b, viewer)
    part_live(b, agent)
    part_cloud(b)
    part_viewer(b)
    part_operator(b, operator)
    part_aside(b)
    part_planted(b, viewer, operator)
    part_looks(b)
    part_foreign_disk(b)
    part_hostile(b, agent)
    part_keyboard(b)
    part_late_answer(b)
    part_asks(b)
    part_tries(b)
    part_lost(b)
    foreign = [u for u in b.urls() if not u.startswith((BASE + "/", "data:", "chrome:"))]
    check(f"none of {len(b.requests)} requests left the page's own origin", len(b.requests) > 20 and not foreign, foreign)
    wrong = [e["message"] for e in b.do("POST", "/se/log", {"type": "browser"})
             if "Content Security Policy" in e["message"] or "Uncaught" in e["message"]]
    check("no script failed and nothing broke the policy", not wrong, wrong)
    c, r = stream_lines(viewer)
    check("a revoked token is refused at once", cli("token", "revoke", "help-desk").returncode == 0
          and tls("GET", "/v1/status", **bearer(viewer))[0] == 401)
    end = time.monotonic() + 10
    while time.monotonic() < end and r.readline():
        pass
    check("and the stream that was begun with it ends", time.monotonic() < end)
    c.close()


def end():
    if browser:
        if flow.failed:
            print(*(e["message"] for e in browser.do("POST", "/se/log", {"type": "browser"})), sep="\n")
        browser.close()
    if flow.daemon and flow.daemon.poll() is None:
        flow.daemon.terminate()
        check("ondold ends well", flow.daemon.wait(20) == 0)


if __name__ == "__main__":
    browser = None
    sims = flow.world("full", bmcs=())
    sys.exit(flow.whole(page, sims, end))
