# SPDX-License-Identifier: Apache-2.0
"""ondold's node API, as far as ondol-noded sees it, for test-noded.sh.

noded-ondold.py DIRECTORY: serves the document DIRECTORY/desired.json on 10.77.0.2:8780 and
holds the long poll. What it receives is kept: DIRECTORY/report.json (the last report),
DIRECTORY/reports and DIRECTORY/events (all of them, one a line). DIRECTORY/silent makes it answer 503.
"""
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

folder = sys.argv[1]
TOKEN = "Bearer 0123456789abcdef0123456789abcdef"


def path(name):
    return os.path.join(folder, name)


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
        if self.headers.get("Authorization") != TOKEN:
            self.answer(401, b'{"error": "token"}')
            return False
        return True

    def do_GET(self):
        if not self.allowed():
            return
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
        if self.path == "/v1/nodes/hp02/report":
            keep("report.json", json.dumps(data))
            with open(path("reports"), "a", encoding="utf-8") as f:
                f.write(json.dumps(data) + "\n")
        elif self.path == "/v1/nodes/hp02/events":
            assert len(data["events"]) <= 64
            with open(path("events"), "a", encoding="utf-8") as f:
                for e in data["events"]:
                    f.write(json.dumps(e) + "\n")
        else:
            self.answer(404)
            return
        self.answer(200, b"{}")


ThreadingHTTPServer.daemon_threads = True
ThreadingHTTPServer(("10.77.0.2", 8780), Handler).serve_forever()
