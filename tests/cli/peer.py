# SPDX-License-Identifier: Apache-2.0
"""A peer that speaks HTTP on a UNIX socket and answers what a test wants, however wrong.

    peer.py SOCKET ANSWERS

ANSWERS is a Python file that is read anew for each request: a function
answer(method, path, body) -> (status, bytes), or bytes that are sent as they are, or None
to close the connection without an answer. It is no stand-in for ondold: it exists to be
an ondold that is broken. Ends when its standard input ends.
"""
import socketserver
import sys
import threading


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        line = self.rfile.readline().decode("latin-1").split()
        if len(line) != 3:
            return
        length = 0
        while True:
            header = self.rfile.readline().decode("latin-1").strip()
            if not header:
                break
            name, _, value = header.partition(":")
            if name.lower() == "content-length":
                length = int(value)
        body = self.rfile.read(length) if length else b""
        space = {}
        with open(sys.argv[2], encoding="utf-8") as file:
            exec(file.read(), space)
        answer = space["answer"](line[0], line[1], body)
        if answer is None:
            return
        if isinstance(answer, tuple):
            status, content = answer
            answer = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (
                status, len(content), content)
        self.wfile.write(answer)


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


with Server(sys.argv[1], Handler) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("listening", flush=True)
    sys.stdin.read()
