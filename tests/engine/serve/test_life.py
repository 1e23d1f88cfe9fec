#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The server's life beside what goes wrong around it: deadlines, a Unix socket, several
directories, SIGTERM under load, a full disk, an upload that is too large; and its limits: guessed
tokens, connections, what a browser may show of an upload.

    test_life.py deadlines|socket|directories|term|full|upload|limits"""
import http.client
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from contract import misfits  # noqa: E402
from server import BUILD, ENGINE, Reply, SOURCE, Server, TOKENS, check, tally  # noqa: E402

UPPERCASE = SOURCE + "/pipelines/uppercase/uppercase.yaml"
WAIT_S = 60  # for what takes a moment: a loaded machine has long ones


def declared(what, method, path, reply):
    """It is as openapi.json has it."""
    for misfit in misfits(method, path, reply):
        check(f"{what}: {misfit}", False)


def bearer(who="ann"):
    return f"Authorization: Bearer {TOKENS[who]}\r\n"


def connect(server, small=False):
    s = socket.socket()
    if small:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.settimeout(WAIT_S)
    s.connect(("127.0.0.1", server.port))
    return s


def ended(s):
    """Whether the other side ends it, whatever it says before."""
    try:
        while s.recv(65536):
            pass
        return True
    except ConnectionError:
        return True
    except socket.timeout:
        return False


def figure(server, name):
    text = server.get("/metrics").body.decode()
    return float(re.search(rf"^{name} (\S+)$", text, re.M).group(1))


def rss_mib(server):
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS")) / 1024


# --- deadlines -----------------------------------------------------------------------------------

def trickle(s, piece, every, stop):
    """Send a byte now and then until it fails or `stop` says so."""
    while not stop():
        try:
            s.sendall(piece)
        except OSError:
            return
        time.sleep(every)


def slow_bodies(server):
    s = connect(server)
    s.sendall((f"POST /v1/jobs HTTP/1.1\r\nHost: {server.host}\r\n{bearer()}Content-Type: "
               "application/json\r\nContent-Length: 100000\r\n\r\n").encode())
    sender = threading.Thread(target=trickle, args=(s, b" ", 0.1, lambda: s.fileno() < 0))
    sender.start()
    check("a body that trickles is cut, however it goes on", ended(s))
    s.close()
    sender.join()
    s = connect(server)
    s.sendall((f"POST /v1/jobs?pipeline=invoice&name=a.png HTTP/1.1\r\nHost: {server.host}\r\n"
               f"{bearer()}Content-Type: image/png\r\nContent-Length: 100000\r\n\r\n").encode() +
              b"\x89PNG")
    check("an upload that stands still is cut", ended(s))
    s.close()
    s, sent = connect(server), b"\x89PNG\r\n\x1a\n" + b"x" * 12
    s.sendall((f"POST /v1/jobs?pipeline=invoice&name=job-2.png HTTP/1.1\r\nHost: {server.host}\r\n"
               f"{bearer()}Content-Type: image/png\r\nContent-Length: {len(sent)}\r\n"
               "Connection: close\r\n\r\n").encode())
    for byte in sent:  # together longer than a deadline, and never still for one
        s.sendall(bytes([byte]))
        time.sleep(0.25)
    check("an upload that goes on is not", s.recv(65536).startswith(b"HTTP/1.1 202"))
    s.close()
    check("no place is left over", server.wait(
        lambda: figure(server, "foundry_http_connections") <= 1, WAIT_S))


def slow_readers(server):
    picture = b"\x89PNG\r\n\x1a\n" + b"large" * 3000000
    job = server.post("/v1/jobs?pipeline=invoice&name=job-2.png", picture,
                      headers={"Content-Type": "image/png"}).json()["id"]
    first = server.get("/v1/jobs/" + job).json()["timeline"][0]["event"]
    for i in range(300):
        server.post("/v1/jobs", {"pipeline": "uppercase", "input": {"content": "x" * 200},
                                 "name": f"event-{i}"})
    before, cut = rss_mib(server), figure(server, "foundry_http_cut_total")
    held = []
    for path in [f"/v1/jobs/{job}/artifacts/input", "/v1/events?after=" + first] * 20:
        s = connect(server, small=True)
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: {server.host}\r\n{bearer()}\r\n".encode())
        held.append(s)
    check("good requests go on beside readers that stand still",
          all(server.get("/v1/session").status == 200 for _ in range(20)))
    check("readers that stand still are cut", server.wait(
        lambda: figure(server, "foundry_http_cut_total") - cut >= len(held), WAIT_S))
    more = rss_mib(server) - before
    check("and what waits for them is bounded", more < 60 or "SANITIZED" in os.environ,
          f"{more:.0f} MiB more")
    for s in held:
        check("their connection ends", ended(s))
        s.close()
    s = connect(server)
    s.sendall(f"GET /v1/jobs/{job}/artifacts/input HTTP/1.1\r\nHost: {server.host}\r\n{bearer()}"
              "Connection: close\r\n\r\n".encode())
    out = b""
    while piece := s.recv(65536):
        out += piece
    check("who reads gets all of it", out.endswith(b"large") and len(out) > len(picture))


def deadlines():
    with Server("--timeout", "3") as server:
        slow_bodies(server)
        slow_readers(server)
        check("it ends by its signal", server.stop() == 143)
    done = subprocess.run([ENGINE, "serve", ".", "--timeout", "0"], capture_output=True, text=True,
                          check=False)
    check("no time at all is none", done.returncode == 2 and "--timeout" in done.stderr,
          done.stderr)


# --- a Unix socket -------------------------------------------------------------------------------

class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=WAIT_S)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def unix_get(path, target, token="a1" * 32):
    connection = UnixConnection(path)
    connection.request("GET", target, headers={"Authorization": "Bearer " + token})
    reply = connection.getresponse()
    body = reply.read()
    connection.close()
    return reply.status, body


class Daemon:
    """A server by its command line alone."""

    def __init__(self, folder, *arguments):
        self.errors = tempfile.TemporaryFile("w+", dir=folder)
        # pylint: disable=consider-using-with # ended in end()
        self.process = subprocess.Popen(
            [ENGINE, "serve", *arguments, "--json", "--token-file", folder + "/tokens"],
            stdout=subprocess.PIPE, stderr=self.errors, text=True,
            env=dict(os.environ, FOUNDRY_PLUGIN_PATH=BUILD + "/tests/plugins",
                     XDG_CACHE_HOME=folder + "/cache", LC_ALL="C.UTF-8"))
        line = self.process.stdout.readline()
        self.url = json.loads(line).get("url") if line else None

    def end(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(timeout=120)
        self.process.stdout.close()
        self.errors.seek(0)
        text = self.errors.read()
        self.errors.close()
        check("no sanitizer spoke", "Sanitizer" not in text and "runtime error" not in text, text)
        return code, text


def scratch():
    folder = tempfile.mkdtemp(prefix="foundry-life.")
    with open(folder + "/tokens", "w", encoding="utf-8",
              opener=lambda p, m: os.open(p, m, 0o600)) as f:
        f.write("".join(f"{name} {token}\n" for name, token in TOKENS.items()))
    for name in ("a", "b", "c/a"):
        os.makedirs(f"{folder}/{name}")
    return folder


def unix_socket():
    folder = scratch()
    path = folder + "/serve.sock"
    first = Daemon(folder, folder + "/a", "--listen", "unix:" + path)
    mode = os.stat(path)
    check("it is a socket of its owner's alone",
          stat.S_ISSOCK(mode.st_mode) and stat.S_IMODE(mode.st_mode) == 0o600, oct(mode.st_mode))
    check("it serves", unix_get(path, "/v1/session")[0] == 200)
    check("a token is asked for there, too", unix_get(path, "/v1/session", "x")[0] == 401)
    second = Daemon(folder, folder + "/b", "--listen", "unix:" + path)
    code, text = second.end()
    check("a live one is not taken over", second.url is None and code == 9 and path in text,
          f"{code} {text}")
    check("and goes on", unix_get(path, "/v1/session")[0] == 200)
    first.end(signal.SIGKILL)
    check("a killed one leaves its name", os.path.exists(path))
    third = Daemon(folder, folder + "/b", "--listen", "unix:" + path)
    check("which the next takes over", third.url is not None and
          unix_get(path, "/v1/session")[0] == 200)
    check("a signal ends it with its own code", third.end()[0] == 143)
    check("and takes its name along", not os.path.exists(path))
    with open(path, "w", encoding="ascii") as f:
        f.write("mine")
    fourth = Daemon(folder, folder + "/b", "--listen", "unix:" + path)
    code, text = fourth.end()
    check("a file of another kind is not replaced", fourth.url is None and code != 0 and
          os.path.isfile(path), f"{code} {text}")
    os.unlink(path)
    long = folder + "/" + "x" * 120
    fifth = Daemon(folder, folder + "/b", "--listen", "unix:" + long)
    check("a path that is too long is said", "longer than" in fifth.end()[1])
    shutil.rmtree(folder)


# --- several directories -------------------------------------------------------------------------

def directories():
    folder = scratch()
    daemon = Daemon(folder, folder + "/a", folder + "/b", folder + "/c/a", "--listen",
                    "127.0.0.1:0", "--pipeline", UPPERCASE, "--no-watch")
    server = Server.__new__(Server)
    server.port = int(daemon.url.rsplit(":", 1)[1])
    names = server.get("/v1/session").json()["directories"]
    check("each has a name of its own", names == ["a", "b", "a-2"], names)
    ids = {}
    for name in names:
        for i in range(3):
            made = server.post("/v1/jobs", {"pipeline": "uppercase", "directory": name,
                                            "input": {"content": name}, "name": f"job-{i}"})
            check(f"a job for {name}", made.status == 202 and made.json()["directory"] == name,
                  made.body)
            ids.setdefault(name, []).append(made.json()["id"])
    every = sum(ids.values(), [])
    server.wait(lambda: all(server.get("/v1/jobs/" + i).json()["state"] == "completed"
                            for i in every))
    check("a job is found wherever it is", all(
        server.get("/v1/jobs/" + i).json()["outputs"]["shout"]["content"] == name.upper()
        for name in names for i in ids[name]))
    listed, cursor = [], ""
    while cursor is not None:
        page = server.get("/v1/jobs?limit=2" + (cursor and "&cursor=" + cursor)).json()
        listed, cursor = listed + [j["id"] for j in page["items"]], page["next"]
    check("pages go through all of them", sorted(listed) == sorted(every))
    check("one can be asked for", [j["id"] for j in server.get("/v1/jobs?directory=b").json()
                                   ["items"]] == ids["b"])
    check("a job without a directory goes to the first", server.post(
        "/v1/jobs", {"pipeline": "uppercase", "input": {"content": "x"}}).json()["directory"] ==
        "a")
    check("another engine's lock holds", b"in use" in subprocess.run(
        [ENGINE, "run", UPPERCASE, folder + "/b", "--own"], capture_output=True,
        check=False).stderr)
    check("a signal ends all of them", daemon.end()[0] == 143)
    shutil.copytree(folder + "/a", folder + "/copy")
    copies = Daemon(folder, folder + "/a", folder + "/copy", "--listen", "127.0.0.1:0")
    code, text = copies.end()
    check("a copy beside its original is refused", copies.url is None and code == 9 and
          "copies of one job directory" in text, f"{code} {text}")
    shutil.rmtree(folder)


# --- SIGTERM under load --------------------------------------------------------------------------

def term_load(server, number, acknowledged, odd, lock):
    """Submit over one connection, again and again, until the server has gone."""
    connection, i = None, 0
    while True:
        i += 1
        key = f"load-{number}-{i}"
        body = json.dumps({"pipeline": "uppercase", "input": {"content": key}})
        try:
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=WAIT_S)
                connection.connect()
            connection.request("POST", "/v1/jobs", body, {
                "Authorization": "Bearer " + TOKENS["ann"], "Content-Type": "application/json",
                "Idempotency-Key": key})
            reply = connection.getresponse()
            text = reply.read()
        except ConnectionRefusedError:
            return
        except (OSError, http.client.HTTPException):
            connection = None  # closed without a reply: it may be asked again
            if server.process.poll() is not None:
                return
            continue
        declared("a reply while it ends", "POST", "/v1/jobs",
                 Reply(reply.status, dict(reply.getheaders()), text))
        with lock:
            if reply.status == 202:
                acknowledged[key] = json.loads(text)["id"]
            elif reply.status != 503 or json.loads(text)["code"] not in ("draining",
                                                                         "connections"):
                odd.append((reply.status, text))
        if reply.getheader("Connection") == "close":
            connection.close()
            connection = None


def term():
    with Server("--no-watch") as server:
        for turn in range(3):
            acknowledged, odd, lock = {}, [], threading.Lock()
            clients = [threading.Thread(target=term_load, args=(
                server, f"{turn}-{i}", acknowledged, odd, lock)) for i in range(8)]
            for client in clients:
                client.start()
            while True:
                with lock:
                    if len(acknowledged) >= 40:
                        break
                time.sleep(0.01)
            code = server.stop()
            for client in clients:
                client.join()
            check("a signal ends it with its own code under load", code == 143, code)
            check("who was in flight had a reply or a closed connection", odd == [], odd[:3])
            server.start()
            missing = [i for i in acknowledged.values() if server.get("/v1/jobs/" + i).status != 200]
            check("nothing acknowledged is lost", missing == [],
                  f"{len(missing)} of {len(acknowledged)}")
            some = list(acknowledged.values())[:10]
            server.wait(lambda s=some: all(server.get("/v1/jobs/" + i).json()["state"] ==
                                           "completed" for i in s))
        check("it ends", server.stop() == 143)


# --- a full disk ---------------------------------------------------------------------------------

class Small(Server):
    """Its jobs lie on a file system of their own, which is small."""
    mounted = False

    def start(self):
        if not self.mounted:
            done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=0700", "tmpfs",
                                   self.jobs], check=False)
            if done.returncode != 0:
                sys.exit(77)
            self.mounted = True
        super().start()

    def __exit__(self, *exception):
        if self.process is not None and self.process.poll() is None:
            self.stop()
        subprocess.run(["umount", self.jobs], check=False)
        super().__exit__(*exception)


def fill(path):
    with open(path, "wb", buffering=0) as f:
        for size in (1 << 20, 4096, 1):
            try:
                while f.write(b"\0" * size) == size:
                    pass
            except OSError:
                pass


def full():
    if os.environ.get("IN_NAMESPACE") is None:
        if subprocess.run(["unshare", "-m", "true"], capture_output=True,
                          check=False).returncode != 0:
            print("skipped: no file system can be mounted here")
            sys.exit(77)
        os.environ["IN_NAMESPACE"] = "1"
        os.execvp("unshare", ["unshare", "-m", sys.executable, *sys.argv])
    with Small("--no-watch", pictures=0) as server:
        new = {"pipeline": "uppercase", "input": {"content": "a" * 20000}}
        before = server.post("/v1/jobs", new).json()["id"]
        server.wait(lambda: server.get("/v1/jobs/" + before).json()["state"] == "completed")
        check("it is ready", server.get("/readyz", who=None).status == 200)
        filler = server.jobs + "/filler"
        fill(filler)
        codes, accepted = set(), []

        def refused():
            reply = server.post("/v1/jobs", new)
            if reply.status == 202:
                accepted.append(reply.json()["id"])
                fill(filler)
                return False
            codes.add((reply.status, reply.json()["code"]))
            declared("a refusal", "POST", "/v1/jobs", reply)
            return True
        server.wait(refused, WAIT_S)
        check("a full disk is told as one", codes <= {(507, "full"), (507, "storage_full")}, codes)
        reply = server.get("/readyz", who=None)
        check("it is not ready", reply.status == 503 and reply.json()["code"] == "full" and
              "Retry-After" in reply.headers, reply.body)
        declared("not ready", "GET", "/readyz", reply)
        check("it lives", server.get("/healthz", who=None).status == 200)
        check("who reads is served", server.get("/v1/jobs/" + before).status == 200)
        picture = b"\x89PNG\r\n\x1a\n" + b"x" * 200000
        reply = server.post("/v1/jobs?pipeline=invoice&name=a.png", picture,
                            headers={"Content-Type": "image/png"})
        check("an upload is told so, too", reply.status in (503, 507) and
              reply.json()["code"] != "bug", f"{reply.status} {reply.body}")
        declared("an upload's refusal", "POST", "/v1/jobs", reply)
        os.unlink(filler)
        server.wait(lambda: server.get("/readyz", who=None).status == 200, WAIT_S)
        after = server.post("/v1/jobs", new)
        check("with room it goes on by itself", after.status == 202, after.body)
        for job in [before, after.json()["id"], *accepted]:
            server.wait(lambda j=job: server.get("/v1/jobs/" + j).json()["state"] == "completed")
        check("and everything acknowledged is there", True)
        check("it ends by its signal", server.stop() == 143)
        done = subprocess.run([ENGINE, "verify", server.jobs], capture_output=True, text=True,
                              check=False)
        check("its record is whole", done.returncode == 0, done.stdout + done.stderr)


# --- an upload that is too large -----------------------------------------------------------------

def folder_bytes(path):
    return sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(path)
               for name in names)


def upload():
    with Server("--no-watch", pictures=0) as server:
        before, memory = folder_bytes(server.jobs), rss_mib(server)
        for how, more in (("at once", ""), ("after asking", "Expect: 100-continue\r\n")):
            s = connect(server)
            s.sendall((f"POST /v1/jobs?pipeline=invoice&name=a.png HTTP/1.1\r\nHost: {server.host}"
                       f"\r\n{bearer()}Content-Type: image/png\r\n{more}"
                       f"Content-Length: {2 << 30}\r\n\r\n").encode())
            reply = s.recv(65536)
            check(f"2 GiB are refused {how}, before a byte of them", reply.startswith(
                b"HTTP/1.1 413") and b'"upload_too_large"' in reply and b"Connection: close" in
                reply, reply[:200])
            sent = 0
            try:
                while sent < 64 << 20:
                    sent += s.send(b"\0" * 65536)
            except OSError:
                pass
            check("who sends all the same is cut", sent < 64 << 20)
            s.close()
        check("nothing of it was kept", folder_bytes(server.jobs) - before < 1 << 20)
        check("nor held", rss_mib(server) - memory < 50 or "SANITIZED" in os.environ)
        check("good requests go on", server.get("/v1/session").status == 200)
        check("it ends by its signal", server.stop() == 143)


# --- limits --------------------------------------------------------------------------------------

KEEPING = """foundry: v1
name: keeping
inputs: {match: ["*.none"]}
phases:
  - {id: keep, uses: steps/keep, with: {text: "${input.text}", type: "${input.type}"}}
"""


def is_safe(what, reply, body):
    """No browser makes a page of ours of it, whatever is in it."""
    kind = reply.headers["Content-Type"]
    check(f"{what}: it is shown as no page", reply.status == 200 and (
        kind in ("text/plain; charset=utf-8", "image/png") or
        kind == "application/octet-stream" and
        reply.headers["Content-Disposition"].startswith("attachment;")), kind)
    check(f"{what}: nor guessed to be one",
          reply.headers.get("X-Content-Type-Options") == "nosniff" and
          "default-src 'none'" in reply.headers.get("Content-Security-Policy", ""))
    check(f"{what}: its bytes are whole", reply.body == body)


def shown(server):
    """Uploads and what plugins leave are bytes of strangers."""
    script = b"<script>alert(1)</script>"
    for name, kind, body in (
            ("a.html", "text/html", b"<!doctype html>" + script),
            ("b.svg", "image/svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg">' + script +
             b"</svg>"),
            ("c.pdf", "application/pdf", b"%PDF-1.7 " + script),
            ("d.png", "image/svg+xml", b"\x89PNG\r\n\x1a\n" + script),
            ("e.png", "text/html", script)):
        made = server.post(f"/v1/jobs?pipeline=invoice&name={name}", body,
                           headers={"Content-Type": kind}).json()
        is_safe("uploaded " + name, server.get(f"/v1/jobs/{made['id']}/artifacts/input"), body)
    for kind in ("text/html", "image/svg+xml", "application/xhtml+xml", "text/xml",
                 "application/pdf", "text/javascript", "image/png; a=text/html"):
        made = server.post("/v1/jobs", {"pipeline": "keeping", "input": {
            "text": script.decode(), "type": kind}}).json()["id"]
        server.wait(lambda j=made: server.get("/v1/jobs/" + j).json()["state"] == "completed")
        is_safe(f"{kind} of a plugin", server.get(f"/v1/jobs/{made}/artifacts/kept.txt"), script)


def guesses(server):
    """Twenty wrong tokens a minute are told at once; behind them each waits, nobody else does."""
    wrong = {"Authorization": "Bearer " + "0" * 64}
    early = [server.get("/v1/session", who=None, headers=wrong).status for _ in range(20)]
    check("guesses are refused", early == [401] * 20, early)
    for how, path, headers in (("in a header", "/v1/session", wrong),
                               ("in a link", "/login?token=" + "0" * 64, {})):
        begin = time.monotonic()
        late = server.get(path, who=None, headers=headers)
        check(f"one too many, {how}, waits", time.monotonic() - begin >= 0.5 and
              late.status == 401 and late.json()["code"] == "bad_token", late.body)
    before = False  # a loaded machine may hold up either
    for _ in range(10):
        guesser = threading.Thread(target=server.get, args=("/v1/session",),
                                   kwargs={"who": None, "headers": wrong})
        guesser.start()
        good = server.get("/v1/session").status
        before = before or (good == 200 and guesser.is_alive())
        guesser.join()
        if before:
            break
    check("who has a token does not wait with them", before)


def places(server, limit):
    """Beyond the limit a connection is told so at once, and those that stand go on."""
    held = [http.client.HTTPConnection("127.0.0.1", server.port, timeout=WAIT_S)
            for _ in range(limit)]
    for connection in held:  # a stream each: its place is taken, and nobody cuts it
        connection.request("GET", "/v1/events", headers={"Authorization": "Bearer " +
                                                         TOKENS["ann"]})
        connection.reply = connection.getresponse()
        check("a stream is served", connection.reply.status == 200)
    good = f"GET /v1/session HTTP/1.1\r\nHost: {server.host}\r\nConnection: close\r\n{bearer()}\r\n"
    told = server.raw(good.encode())
    check("one too many is refused", told.startswith(b"HTTP/1.1 503 ") and
          b'"code":"connections"' in told and b"Retry-After: " in told, told[:300])
    check("those that stand go on", held[0].reply.readline() != b"")
    for connection in held:
        connection.close()
    check("their places come back", server.wait(
        lambda: server.raw(good.encode()).startswith(b"HTTP/1.1 200 "), WAIT_S))


def descriptors(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def silent(server, limit):
    """Who keeps connections open without asking for anything keeps nobody out, one after another:
    their own time for a head is longer than this test waits."""
    session = (f"GET /v1/session HTTP/1.1\r\nHost: {server.host}\r\nConnection: close\r\n"
               f"{bearer()}\r\n").encode()
    before = descriptors(server)
    held = [connect(server) for _ in range(limit)]
    server.wait(lambda: descriptors(server) >= before + limit)
    time.sleep(0.3)  # they have been there longer than a newcomer is spared
    for i in range(2 * limit):
        held += [connect(server), connect(server)]  # of which the first makes room for itself
        check(f"beside silent ones a request is served, {i + 1}", server.wait(
            lambda: server.raw(session).startswith(b"HTTP/1.1 200 "), WAIT_S))
    check("the oldest are gone", all(ended(s) for s in held[:limit]))
    for s in held:
        s.close()


def limits():
    folder = scratch()
    with open(folder + "/keeping.yaml", "w", encoding="utf-8") as f:
        f.write(KEEPING)
    with Server("--no-watch", "--connections", "6", "--pipeline", folder + "/keeping.yaml",
                pictures=0) as server:
        shown(server)
        guesses(server)
        places(server, 6)
        check("it ends by its signal", server.stop() == 143)
    shutil.rmtree(folder)
    with Server("--no-watch", "--connections", "6", "--timeout", "3600", pictures=0) as server:
        silent(server, 6)


if __name__ == "__main__":
    {"deadlines": deadlines, "socket": unix_socket, "directories": directories, "term": term,
     "full": full, "upload": upload, "limits": limits}[sys.argv[1]]()
    sys.exit(tally())
