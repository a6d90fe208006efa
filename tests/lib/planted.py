# SPDX-License-Identifier: Apache-2.0
"""Planted secrets: passwords, tokens and keys that are told apart from everything else, and the
search for them wherever they have no business to be: in arguments, environments, logs, files,
answers, core dumps.

planted.py SECRETS.json WHERE...   a JSON object {what: value}; prints each file below WHERE that
                                   has one of them, in which form ever; 1 when there is one
"""
import base64
import binascii
import json
import os
import re
import resource
import signal
import stat
import subprocess
import sys
import urllib.parse

values = {}  # what it is → its forms, as bytes


# ---- what is searched for ----

def forms(value):
    """A secret as it may stand somewhere: as it is, and as somebody may have encoded it."""
    if "-----BEGIN" in value:
        return key_forms(value)
    raw = value.encode()
    if len(raw) < 8:
        raise ValueError(f"{value!r} may stand anywhere by chance")
    found = {raw, binascii.hexlify(raw), urllib.parse.quote(value, safe="").encode(),
             json.dumps(value)[1:-1].encode(), raw[::-1]}
    for before in range(3):  # where it may begin in base64, with its first and last character cut
        text = base64.b64encode(b"\0" * before + raw)[4 if before else 0:len(raw) // 3 * 4]
        found |= {text, text.translate(bytes.maketrans(b"+/", b"-_"))}
    return sorted(found)


def key_forms(pem):
    """Of an ECDSA key on P-256 (RFC 5915): its number, and the PEM's lines that have some of it.
    All else of it is public, and stands in its certificate."""
    body = re.search(r"-----BEGIN [^-]*PRIVATE KEY-----(.*?)-----END", pem, re.S)
    lines = body.group(1).split() if body else []
    der = base64.b64decode("".join(lines))
    at = der.find(b"\x02\x01\x01\x04") + 5
    size = der[at - 1] if at >= 5 else 0
    if not 24 <= size <= 33:  # 32, but some write it like an INTEGER
        raise ValueError("a PEM without such a private key")
    number = der[at:at + size].lstrip(b"\0")
    found, begin = [number, binascii.hexlify(number)], 0
    for line in lines:
        end = begin + len(line) * 3 // 4
        if min(end, at + size) - max(begin, at) >= 8:
            found.append(line.encode())
        begin = end
    return found


def plant(what, value):
    """It is searched for from now on. Returns it."""
    values[what] = forms(value)
    return value


def new(what):
    """Makes one that is good for anything: 20 characters is what IPMI takes."""
    return plant(what, base64.b32encode(os.urandom(10)).decode().lower() + "-7")


def inside(data):
    """What is in there."""
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogateescape")
    return sorted(what for what, fs in values.items() if any(f in data for f in fs))


# ---- files ----

def in_files(*where, may=lambda path: False):
    """[(path, what)] of files that have one. Those that may must be for their owner alone."""
    leaks = []
    for path in files(*where):
        try:
            with open(path, "rb") as f:
                found = inside(f.read())
            mode = stat.S_IMODE(os.stat(path).st_mode)
        except FileNotFoundError:  # gone meanwhile
            continue
        if found and not may(path):
            leaks.append((path, found))
        elif found and mode & 0o077:
            leaks.append((path, f"mode {mode:o}"))
    return leaks


def files(*where):
    for top in where:
        if not os.path.isdir(top):
            yield top
            continue
        for folder, _, names in os.walk(top):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.isfile(path) and not os.path.islink(path):
                    yield path


# ---- processes ----

def without(environ, variable):
    return b"\0".join(v for v in environ.split(b"\0") if not v.startswith(variable.encode() + b"="))


def of_ipmitool(argv, environ):
    """ipmitool is told the BMC's password, in the one way that others cannot see."""
    return without(environ, "IPMI_PASSWORD") if os.path.basename(argv) == "ipmitool" else environ


def in_processes(but=()):
    """[(pid, argv, what)] of all that run now, but those of the test itself."""
    leaks = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                argv = f.read()
            with open(f"/proc/{pid}/environ", "rb") as f:
                environ = f.read()
        except OSError:
            continue
        found = inside(argv + b"\0" + of_ipmitool(argv.split(b"\0")[0].decode(), environ))
        if found and int(pid) not in (os.getpid(), *but):
            leaks.append((pid, argv, found))
    return leaks


def spy(folder, *tools):
    """Programs of these names that note how they were called and then are the real ones. Returns a PATH."""
    os.makedirs(folder)
    for tool in tools:
        real = subprocess.run(["which", tool], check=True, capture_output=True, text=True).stdout.strip()
        with open(f"{folder}/{tool}", "w") as f:
            f.write("#!/bin/sh\n"
                    f"cat /proc/$$/cmdline /proc/$$/environ >'{folder}/{tool}.'$$\n"
                    f"exec '{real}' \"$@\"\n")
        os.chmod(f"{folder}/{tool}", 0o755)
    return f"{folder}:{os.environ['PATH']}"


def spied(folder):
    """(how often each tool was called, [(file, what)] of calls that had one, how many ipmitools were
    told a password in their environment)."""
    calls, leaks, told = {}, [], 0
    for name in sorted(os.listdir(folder)):
        tool, _, pid = name.partition(".")
        if not pid:
            continue
        with open(f"{folder}/{name}", "rb") as f:
            data = f.read()
        calls[tool] = calls.get(tool, 0) + 1
        found = inside(of_ipmitool(tool, data))
        if found:
            leaks.append((name, found))
        told += bool(inside(data)) and not found
    return calls, leaks, told


# ---- answers ----

HAVE_SECRETS = ("/v1/cloud/openrc", "/v1/cloud/keys", "/v1/cloud/blobs/NAME")  # docs/protocol.md says so
ENDLESS = ("/v1/stream",)


def gets():
    """Every GET of the operator API, as docs/protocol.md lists them."""
    with open("docs/protocol.md", encoding="utf-8") as f:
        text = f.read()
    text = text[text.index("## Operator API"):text.index("## An image profile")]
    found = sorted({m.split("?")[0] for m in re.findall(r"GET`? (?:`PUT )?(/[^\s`|]*)", text)} | {"/v1/cloud/ca"})
    if len(found) < 12:
        raise ValueError(f"docs/protocol.md is read no more: {found}")
    return found


def page_files():
    return ["/"] + [f"/{name}" for name in os.listdir("bootstrap/page") if name != "index.html"]


def in_answers(get, nodes, but=HAVE_SECRETS + ENDLESS):
    """(how many were asked, [(path, what)]) of what get(path), which returns bytes, is told."""
    paths = [p.replace("/nodes/NAME", f"/nodes/{n}") for p in gets() if p not in but for n in nodes] + page_files()
    paths += [f"/v1/events?last=1000&node={n}" for n in nodes] + ["/v1/events?last=1000"]
    leaks, asked = [], 0
    for path in sorted(set(paths)):
        found = inside(get(path))
        asked += 1
        if found:
            leaks.append((path, found))
    return asked, leaks


# ---- core dumps ----

def allow_cores():
    """For a child, before its exec: as on a machine on which somebody looks for a bug."""
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


CORE_ENV = {"ASAN_OPTIONS": "disable_coredump=0"}  # else the sanitizer is what prevents it


def dumps(pid, sig=signal.SIGABRT):
    """Ends our child so. Did the kernel dump its memory?"""
    os.kill(pid, sig)
    _, status = os.waitpid(pid, 0)
    return os.WCOREDUMP(status)


def host_dumps(folder):
    """Does a crash leave a core dump here at all?"""
    p = subprocess.Popen(["sleep", "1000"], cwd=folder, preexec_fn=allow_cores)
    dumped = dumps(p.pid)
    p.returncode = -signal.SIGABRT  # it is reaped
    return dumped


def main(secrets, *where):
    with open(secrets, encoding="utf-8") as f:
        for what, value in json.load(f).items():
            plant(what, value)
    leaks = in_files(*where)
    for path, found in leaks:
        print(f"{path}: {found}")
    return 1 if leaks or not values else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
