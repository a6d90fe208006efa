# SPDX-License-Identifier: Apache-2.0
"""ondold's node API, as far as ondol-noded sees it, for test-noded.sh.

noded-ondold.py DIRECTORY: serves the document DIRECTORY/desired.json on 10.77.0.2:8781 and
holds the long poll. What it receives is kept: DIRECTORY/report.json (the last report),
DIRECTORY/reports and DIRECTORY/events (all of them, one a line), DIRECTORY/clients (the
certificates' serials). DIRECTORY/silent makes it answer 503.
noded-ondold.py DIRECTORY keys DAYS: makes an authority ca.pem, its own server.pem, and node.pem,
which is good for DAYS.
"""
import json
import os
import ssl
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

folder = sys.argv[1]
clients = set()


def path(name):
    return os.path.join(folder, name)


def openssl(*argv, stdin=None):
    return subprocess.run(["openssl", *argv], check=True, input=stdin, capture_output=True, text=True).stdout


def certify(request, days, purpose, names=""):
    with open(path("extensions"), "w") as f:
        f.write(f"extendedKeyUsage = {purpose}\n" + names)
    return openssl("x509", "-req", "-CA", path("ca.pem"), "-CAkey", path("ca.key"), "-days", days,
                   "-extfile", path("extensions"), stdin=request)


def make_keys(days):
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout")
    openssl("req", "-x509", *new_key, path("ca.key"), "-subj", "/CN=authority", "-days", "90",
            "-out", path("ca.pem"))
    for name, n, purpose, names in (("server", "90", "serverAuth", "subjectAltName = IP:10.77.0.2\n"),
                                    ("node", days, "clientAuth", "")):
        request = openssl("req", "-new", *new_key, path(name + ".key"), "-subj", f"/CN={name}")
        with open(path(name + ".key")) as f:
            key = f.read()
        cert = certify(request, n, purpose, names)
        with open(path(name + ".pem"), "w") as f:
            f.write(cert + key)


def load():
    with open(path("desired.json"), encoding="utf-8") as f:
        return f.read()


def keep(name, text):
    with open(path(name + ".new"), "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(path(name + ".new"), path(name))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def allowed(self):
        if os.path.exists(path("silent")):
            self.answer(503, b'{"error": "silent"}')
            return False
        serial = self.connection.getpeercert()["serialNumber"]
        if serial not in clients:
            clients.add(serial)
            keep("clients", "".join(c + "\n" for c in clients))
        return True

    def do_GET(self):
        if self.allowed():
            self.desired()

    def desired(self):
        url = urlsplit(self.path)
        query = {k: int(v[0]) for k, v in parse_qs(url.query).items()}
        if url.path != "/v1/nodes/hp02/desired":
            self.answer(404)
            return
        end = time.monotonic() + query.get("wait", 0)
        while True:
            text = load()
            try:
                d = json.loads(text)
            except ValueError:
                d = {}
            task = d.get("task")
            if d.get("revision") != query.get("rev") or (task and task["id"] != query.get("task", 0)):
                self.answer(200, text.encode())
                return
            if time.monotonic() >= end:
                self.answer(204)
                return
            time.sleep(0.1)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if not self.allowed():
            return
        data = json.loads(body)
        if self.path == "/v1/nodes/hp02/enrol":
            cert = certify(data["request"], "90", "clientAuth")
            self.answer(200, json.dumps({"cert": cert}).encode())
            return
        both = self.path.startswith("/v1/nodes/hp02/desired?")
        if both and os.path.exists(path("apart")):  # as an ondold that knows them one by one
            self.answer(401, b'{"error": "unknown"}')
            return
        if both or self.path == "/v1/nodes/hp02/report":
            keep("report.json", json.dumps(data))
            with open(path("reports"), "a", encoding="utf-8") as f:
                f.write(json.dumps(data) + "\n")
            if both:
                keep("both", "")
                self.desired()
                return
        elif self.path == "/v1/nodes/hp02/events":
            assert len(data["events"]) <= 64
            with open(path("events"), "a", encoding="utf-8") as f:
                for e in data["events"]:
                    f.write(json.dumps(e) + "\n")
        else:
            self.answer(404)
            return
        self.answer(200, b"{}")


if sys.argv[2:3] == ["keys"]:
    make_keys(sys.argv[3])
    sys.exit()
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.minimum_version = ssl.TLSVersion.TLSv1_3
context.load_cert_chain(path("server.pem"))
context.load_verify_locations(path("ca.pem"))
context.verify_mode = ssl.CERT_REQUIRED
ThreadingHTTPServer.daemon_threads = True
server = ThreadingHTTPServer(("10.77.0.2", 8781), Handler)
# the handshake is each thread's own: one that hangs keeps nobody else
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
