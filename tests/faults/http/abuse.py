#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a hostile or broken client may do to the HTTP API, against a real server.

    abuse.py METHOD     heads, flood, slow, cut, race
    abuse.py --self-test BARE    the same checks against a bare library: they must fail

FOUNDRY_FLOOR scales the counts (percent), FOUNDRY_SEED draws them."""
import json
import os
import random
import re
import resource
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../engine/serve"))
from server import ENGINE, TOKENS, Server  # noqa: E402

FLOOR = int(os.environ.get("FOUNDRY_FLOOR", "10"))
SEED = int(os.environ.get("FOUNDRY_SEED", "20260301"))
draw = random.Random(SEED)
violations = []


def scaled(count):
    return max(1, count * FLOOR // 100)


def violation(what):
    violations.append(what)
    print("VIOLATION  " + what, flush=True)


def gate(method, runs, floor, wrong):
    print(f"gate: {method} | runs {runs} | violations {wrong} | floor {floor} | seed {SEED}",
          flush=True)
    return wrong == 0 and runs >= floor


class Bare:
    """The planted fault in a server's place."""
    patience = 0.5  # it keeps connections open, so the end of a reply is silence

    def __init__(self, program):
        # pylint: disable=consider-using-with # ended in __exit__
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.port = int(self.process.stdout.readline())
        self.host, self.url = f"127.0.0.1:{self.port}", f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=60)
        self.process.stdout.close()

    raw, ask, get, post = Server.raw, Server.ask, Server.get, Server.post


def statuses(out):
    """Status codes of the replies in what came back; interim ones left out."""
    found = []
    for piece in out.split(b"HTTP/1.1 ")[1:]:
        if piece[:3].isdigit() and piece[:1] != b"1":
            found.append(int(piece[:3]))
    return found


HEADERS = (b"Content-Security-Policy: ", b"X-Content-Type-Options: nosniff",
           b"X-Frame-Options: DENY", b"Referrer-Policy: no-referrer",
           b"Cross-Origin-Opener-Policy: same-origin", b"Cross-Origin-Resource-Policy: same-origin",
           b"Cache-Control: no-store")


def ours(what, out):
    """Every reply, refusals too, is one of ours: once, with all headers, as RFC 9457 has it."""
    for reply in re.split(rb"HTTP/1\.1 (?=\d{3} )", out)[1:]:
        head, _, body = reply.partition(b"\r\n\r\n")
        missing = [h.decode() for h in HEADERS if h not in head]
        if missing:
            violation(f"{what}: the reply lacks {missing}")
        if int(head[:3]) < 400:
            continue
        try:
            problem = json.loads(body)
            good = problem["status"] == int(head[:3]) and problem["code"] and problem["detail"]
        except (ValueError, KeyError, TypeError):
            good = False
        if not good or b"Content-Type: application/problem+json" not in head:
            violation(f"{what}: the refusal is no problem of ours: {reply[:200]}")
        if head[:3] in (b"429", b"503") and b"Retry-After: " not in head:
            violation(f"{what}: no Retry-After")


def state(server):
    """What a request may have changed: how many jobs there are."""
    count, cursor = 0, ""
    while cursor is not None:
        page = server.get("/v1/jobs?limit=200" + (cursor and "&cursor=" + cursor)).json()
        count, cursor = count + len(page["items"]), page["next"]
    return count


# --- heads, paths, hosts, origins ----------------------------------------------------------------

NEW = json.dumps({"pipeline": "uppercase", "input": {"content": "smuggled"}}).encode()


def bad_heads(server):
    """(what, bytes): none of them may be served, and nothing behind them."""
    host = b"Host: " + server.host.encode() + b"\r\n"
    who = b"Authorization: Bearer " + TOKENS["ann"].encode() + b"\r\n"
    kind = b"Content-Type: application/json\r\n"
    size = str(len(NEW)).encode()
    inner = b"POST /v1/jobs HTTP/1.1\r\n" + host + who + kind + b"Content-Length: " + size + \
        b"\r\n\r\n" + NEW
    post = b"POST /v1/jobs HTTP/1.1\r\n"
    get = b"GET /v1/jobs HTTP/1.1\r\n"
    length = b"Content-Length: " + size + b"\r\n"
    chunked = b"Transfer-Encoding: chunked\r\n"
    yield "length and chunks", post + host + who + kind + b"Content-Length: 5\r\n" + chunked + \
        b"\r\n0\r\n\r\n" + inner
    yield "chunks and length", post + host + who + kind + chunked + b"Content-Length: 5\r\n" + \
        b"\r\n0\r\n\r\n" + inner
    yield "chunks, spelt otherwise", post + host + who + kind + b"Transfer-Encoding: xchunked\r\n" \
        + length + b"\r\n" + NEW
    yield "chunks, with a tab", post + host + who + kind + b"Transfer-Encoding:\tchunked\r\n" + \
        length + b"\r\n" + NEW
    yield "two lengths", post + host + who + kind + b"Content-Length: 0\r\n" + length + b"\r\n" + \
        inner
    yield "two equal lengths", post + host + who + kind + length + length + b"\r\n" + NEW
    yield "a list of lengths", post + host + who + kind + b"Content-Length: " + size + b", " + \
        size + b"\r\n\r\n" + NEW
    yield "negative length", post + host + who + kind + b"Content-Length: -1\r\n\r\n" + inner
    yield "huge length", post + host + who + kind + b"Content-Length: 99999999999999999999\r\n\r\n"
    yield "large body", post + host + who + kind + b"Content-Length: 1048577\r\n\r\n"
    yield "plus length", post + host + who + kind + b"Content-Length: +" + size + b"\r\n\r\n" + NEW
    yield "space before colon", post + host + who + kind + b"Content-Length : " + size + \
        b"\r\n\r\n" + NEW
    yield "two hosts", get + host + b"Host: evil.example\r\n" + who + b"\r\n"
    yield "two equal hosts", get + host + host + who + b"\r\n"
    yield "no host", get + who + b"\r\n"
    yield "foreign host", get + b"Host: evil.example\r\n" + who + b"\r\n"
    yield "foreign host, our port", get + b"Host: evil.example:" + \
        str(server.port).encode() + b"\r\n" + who + b"\r\n"
    yield "host with a path", get + b"Host: " + server.host.encode() + b"/x\r\n" + who + b"\r\n"
    yield "empty host", get + b"Host: \r\n" + who + b"\r\n"
    yield "NUL in a header", get + host + who + b"X: a\0b\r\n\r\n"
    yield "NUL in a name", get + host + who + b"X\0Y: a\r\n\r\n"
    yield "NUL in the target", b"GET /v1/jobs\0 HTTP/1.1\r\n" + host + who + b"\r\n"
    yield "NUL in the host", get + b"Host: " + server.host.encode() + b"\0.evil\r\n" + who + b"\r\n"
    yield "bare line feeds", (get + host + who + b"\r\n").replace(b"\r\n", b"\n")
    yield "one bare line feed", get + host.replace(b"\r\n", b"\n") + who + b"\r\n"
    yield "folded line", get + host + who + b"X: a\r\n b\r\n\r\n"
    yield "folded host", get + b"Host:\r\n " + server.host.encode() + b"\r\n" + who + b"\r\n"
    yield "line without colon", get + host + who + b"nonsense\r\n\r\n"
    yield "40 kB header", get + host + who + b"X: " + b"a" * 40000 + b"\r\n\r\n"
    yield "300 kB header", get + host + who + b"X: " + b"a" * 300000 + b"\r\n\r\n"
    yield "500 headers", get + host + who + b"".join(b"X%d: a\r\n" % i for i in range(500)) + b"\r\n"
    yield "words for a length", post + host + who + kind + b"Content-Length: many\r\n\r\n"
    yield "a line of nothing first", b"\r\n" + get + host + who + b"\r\n"
    yield "the greeting of TLS", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"
    yield "the greeting of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    yield "HTTP/1.2", b"GET /v1/jobs HTTP/1.2\r\n" + host + who + b"\r\n"
    yield "no HTTP", b"EHLO mail.example\r\n\r\n"
    yield "long target", b"GET /v1/jobs?a=" + b"a" * 8000 + b" HTTP/1.1\r\n" + host + who + b"\r\n"
    yield "HTTP/2", b"GET /v1/jobs HTTP/2.0\r\n" + host + who + b"\r\n"
    yield "HTTP/0.9", b"GET /v1/jobs\r\n\r\n"
    yield "no method", b" /v1/jobs HTTP/1.1\r\n" + host + who + b"\r\n"
    yield "method in small letters", b"get /v1/jobs HTTP/1.1\r\n" + host + who + b"\r\n"
    yield "GET with a body", get + host + who + kind + length + b"\r\n" + inner
    yield "absolute target", b"GET http://evil.example/v1/jobs HTTP/1.1\r\n" + host + who + b"\r\n"
    for target in (b"/v1/../v1/jobs", b"/v1/%2e%2e/v1/jobs", b"/v1/jobs%2f", b"/v1%2fjobs",
                   b"/v1/jobs%00", b"/v1/jobs%5c", b"/v1/jobs\\", b"//v1/jobs", b"/v1//jobs",
                   b"/v1/jobs/", b"/./v1/jobs", b"/v1/%c0%ae%c0%ae/jobs", b"/%76%31/jobs",
                   b"/../../../../etc/passwd", b"/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
                   b"/v1/jobs/../../../etc/passwd", b"/v1/jobs?x=%00", b"/v1/jobs?x=%zz",
                   b"/v1/jobs;x", b"/V1/jobs", b"/app.js/../../../etc/passwd"):
        yield "target " + target.decode(), b"GET " + target + b" HTTP/1.1\r\n" + host + who + \
            b"Connection: close\r\n\r\n"


def other_sites(server):
    """(what, headers, body): a page of another site that uses the reviewer's cookie."""
    login = server.get("/login?token=" + TOKENS["ann"], who=None)
    cookie = {"Cookie": login.headers.get("Set-Cookie", "x=y").split(";")[0]}
    kind = {"Content-Type": "application/json"}
    yield "no origin", {**cookie, **kind}
    for origin in ("null", "http://evil.example", "http://localhost.evil.example",
                   f"http://127.0.0.1:{server.port + 1}", f"ftp://{server.host}",
                   f"http://{server.host}.evil.example", f"http://{server.host}/"):
        yield "origin " + origin, {**cookie, **kind, "Origin": origin}
    own = {**cookie, "Origin": server.url}
    for other in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx"):
        yield "content type " + other, {**own, "Content-Type": other}
    yield "no cookie, no token", {**kind, "Origin": server.url}
    yield "a forged cookie", {**kind, "Origin": server.url, "Cookie": cookie["Cookie"][:-1] +
                              ("0" if cookie["Cookie"][-1] != "0" else "1")}
    yield "a token in the query alone", dict(kind)


def behind_good(server, data, at_once):
    """What comes back for bytes that follow a good request on its connection: (the good one's
    status, the rest). `at_once`: without waiting for its reply, as pipelines do."""
    good = (f"GET /v1/session HTTP/1.1\r\nHost: {server.host}\r\n"
            f"Authorization: Bearer {TOKENS['ann']}\r\n\r\n").encode()
    out, size = b"", None
    with socket.create_connection(("127.0.0.1", server.port),
                                  timeout=getattr(server, "patience", 20) * 0.4) as s:
        try:
            s.sendall(good + data if at_once else good)
            while piece := s.recv(65536):
                out += piece
                if size is None and b"\r\n\r\n" in out:
                    head = out.partition(b"\r\n\r\n")[0]
                    size = len(head) + 4 + int(re.search(rb"(?i)content-length: (\d+)", head)[1])
                    if not at_once:
                        s.sendall(data)
        except (ConnectionError, socket.timeout):
            pass
    size = size or 0
    return (statuses(out[:size]) or [0])[0], out[size:]


def later_head(server, what, data):
    """A bad head is refused behind a good one as it is alone: once, in our words."""
    for at_once in (False, True):
        name = f"{what}, {'at once ' if at_once else ''}behind a good one"
        first, out = behind_good(server, data, at_once)
        got = statuses(out)
        ours(name, out)
        if first != 200:
            violation(f"{name}: the good one got {first}")
        if min(got, default=400) < 400:
            violation(f"{name}: served with {got}")
        elif len(got) != 1:
            violation(f"{name}: {len(got)} answers to one head: {got}")
    return 2


def heads(server, rounds):
    runs, before = 0, state(server)
    for _ in range(rounds):
        cases = list(bad_heads(server))
        draw.shuffle(cases)
        for what, data in cases:
            out = server.raw(data, timeout=getattr(server, "patience", 8))
            got = statuses(out)
            ours(what, out)
            if not got and not hasattr(server, "patience"):
                violation(f"{what}: no reply at all")
            runs += 1
            if len(got) > 1 and min(got[1:]) < 400:
                violation(f"{what}: something behind it was served: {got}")
            elif got and min(got) < 400:
                violation(f"{what}: served with {got}")
            runs += later_head(server, what, data)
        for what, headers in other_sites(server):
            path = "/v1/asks/next?token=" + TOKENS["ann"]
            path = "/v1/jobs" + path[len("/v1/asks/next"):] if "query" in what else "/v1/jobs"
            reply = server.post(path, NEW, who=None, headers=headers)
            runs += 1
            if reply.status < 400:
                violation(f"{what}: served with {reply.status}")
        if server.get("/v1/jobs").status != 200:
            violation("a good request was refused")
    after = state(server)
    if after != before:
        violation(f"{after - before} jobs came out of refused requests")
    return runs


# --- places: many connections, slow ones ---------------------------------------------------------

def connect(server):
    s = socket.socket()
    s.settimeout(20)
    s.connect(("127.0.0.1", server.port))
    return s


def good_request(server, seconds):
    """Whether a good request is served within the time; a refusal may be tried again."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if server.get("/v1/session", timeout=seconds).status == 200:
                return True
        except (OSError, ValueError):
            pass
        except Exception:  # pylint: disable=broad-except # http.client's own
            pass
        time.sleep(0.02)
    return False


def process_figures(server):
    pid = server.process.pid
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        rss = next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
    return len(os.listdir(f"/proc/{pid}/fd")), rss // 1024


def flood(server, wanted):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    most = min(wanted, hard - 500 if hard != resource.RLIM_INFINITY else wanted)
    fds_before, rss_before = process_figures(server)
    held, tried, served = [], 0, 0
    asked = 0
    while tried < wanted:
        tried += 1
        try:
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", server.port))
            held.append(s)
        except OSError:
            pass
        if len(held) >= most:
            held.pop(0).close()
        if tried % max(1, wanted // 20) == 0:
            asked += 1
            served += good_request(server, 5)
    fds, rss = process_figures(server)
    for s in held:
        s.close()
    server.wait(lambda: process_figures(server)[0] <= fds_before + 8)
    print(f"{tried} connections tried, {served} of {asked} good requests served meanwhile, "
          f"{fds} descriptors, {rss} MiB (before: {fds_before}, {rss_before} MiB)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if served < asked * 0.9:
        violation(f"{served} of {asked} good requests were served during the flood")
    if rss > int(os.environ.get("RSS_MAX_MIB", "200")) and not os.environ.get("SANITIZED"):
        violation(f"the server took {rss} MiB")
    return tried


def slow(server, clients, requests):
    """Heads, bodies and readers that trickle, more of them than there are places."""
    stop = threading.Event()
    request = (f"GET /v1/jobs?limit=200 HTTP/1.1\r\nHost: {server.host}\r\n"
               f"Authorization: Bearer {TOKENS['ann']}\r\n").encode()
    body = (f"POST /v1/jobs HTTP/1.1\r\nHost: {server.host}\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {TOKENS['ann']}\r\nContent-Length: 1000\r\n\r\n").encode()

    def trickle(first, more):
        connections = []
        while not stop.is_set():
            while len(connections) < more:
                try:
                    s = connect(server)
                    s.sendall(first)
                    s.setblocking(False)
                    connections.append(s)
                except OSError:
                    break
            for s in list(connections):
                try:
                    s.send(b"X-Slow: a\r\n" if first is not body else b" ")
                except BlockingIOError:
                    pass
                except OSError:
                    connections.remove(s)
                    s.close()
            stop.wait(0.5)
        for s in connections:
            s.close()

    threads = [threading.Thread(target=trickle, args=(request, clients)),
               threading.Thread(target=trickle, args=(body, 40))]
    for thread in threads:
        thread.start()
    time.sleep(2)
    served, worst = 0, 0.0
    for _ in range(requests):
        begin = time.monotonic()
        served += good_request(server, 5)
        worst = max(worst, time.monotonic() - begin)
        time.sleep(0.1)
    stop.set()
    for thread in threads:
        thread.join()
    print(f"{served} of {requests} good requests served beside {clients + 40} slow clients, the "
          f"slowest after {worst:.2f} s")
    if served < requests * 0.9:
        violation(f"only {served} of {requests} good requests were served")
    return requests


def deadlines(server):
    """A head and a body that never end are cut in time."""
    runs = 0
    for what, first, most in (("head", b"GET / HTTP/1.1\r\n", 12),):
        told = b""
        begin = time.monotonic()
        s = connect(server)
        s.settimeout(0.5)
        s.sendall(first)
        ended = False
        while not ended and time.monotonic() - begin < most + 3:
            try:
                s.sendall(b"X: a\r\n")
                piece = s.recv(4000)
                told += piece
                ended = piece == b""
            except socket.timeout:
                pass
            except OSError:
                ended = True
        s.close()
        took = time.monotonic() - begin
        runs += 1
        print(f"a {what} that never ends was cut after {took:.1f} s")
        if statuses(told) != [408]:
            violation(f"a {what} that trickles was not told so: {told[:200]}")
        ours(what, told)
        if not ended or took > most:
            violation(f"a {what} that trickles was kept for {took:.1f} s")
    return runs


# --- answers -------------------------------------------------------------------------------------

RIGHT = {"act": "set", "seconds": 1, "values": {
    "/supplier_name": "Hardware & Son", "/line_items/0/quantity": 10,
    "/line_items/0/total_cost": 150}}


def fresh_ask(server):
    """A new job that waits for a person: its ask's id and its own."""
    picture = b"\x89PNG\r\n\x1a\n" + draw.randbytes(32)
    job = server.post("/v1/jobs?pipeline=invoice&name=job-2.png", picture,
                      headers={"Content-Type": "image/png"}).json()["id"]
    wait = server.wait(lambda: server.get("/v1/jobs/" + job).json()["wait"])
    return wait["ask"], job


def answers_of(server, job):
    return [e for e in server.get("/v1/jobs/" + job).json()["timeline"] if e["kind"] == "answer"]


def answer_bytes(server, ask, key):
    body = json.dumps(dict(RIGHT, version=1)).encode()
    return (f"POST /v1/asks/{ask}/answer HTTP/1.1\r\nHost: {server.host}\r\n"
            f"Authorization: Bearer {TOKENS['ann']}\r\nContent-Type: application/json\r\n"
            f"Idempotency-Key: {key}\r\nConnection: close\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


def cut(server, cuts):
    """The client goes away at a byte of the request, comes back and repeats it."""
    whole = len(answer_bytes(server, "00000000-1000", "cut-0000"))
    at = sorted(draw.sample(range(1, whole + 1), min(cuts, whole)))
    if whole not in at:
        at[-1] = whole  # all was sent and the reply never read
    for i, size in enumerate(at):
        ask, job = fresh_ask(server)
        data = answer_bytes(server, ask, f"cut-{i}")
        s = connect(server)
        s.sendall(data[:size])
        if i % 2 == 0:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        s.close()
        got = statuses(server.raw(data))
        if got != [200]:
            violation(f"cut at byte {size}: the repetition got {got}")
        count = len(answers_of(server, job))
        if count != 1:
            violation(f"cut at byte {size}: {count} answers are on record")
    return len(at)


def race(server, rounds, clients=100):
    """Many answers at the same moment, over HTTP and by the command: one wins."""
    for number in range(rounds):
        ask, job = fresh_ask(server)
        barrier = threading.Barrier(clients)
        results, lock = [], threading.Lock()

        def answer(i, ask=ask, barrier=barrier, results=results, lock=lock):
            data = answer_bytes(server, ask, f"race-{number}-{i}")
            s = connect(server)
            barrier.wait()
            try:
                s.sendall(data)
                out = b""
                while piece := s.recv(65536):
                    out += piece
            except OSError:
                out = b""
            s.close()
            got = statuses(out)
            with lock:
                results.append(got[0] if got else 0)

        def command(ask=ask, results=results, lock=lock):
            done = subprocess.run(
                [ENGINE, "answer", server.jobs, ask.rsplit("-", 1)[1], "--as", "cli", "--accept",
                 "--override", "=as it is"], capture_output=True, check=False)
            with lock:
                results.append({0: 200, 1: 200, 3: 200, 9: 409}.get(done.returncode,
                                                                    done.returncode))

        threads = [threading.Thread(target=answer, args=(i,)) for i in range(clients)]
        if number % 2 == 1:
            threads += [threading.Thread(target=command) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        won = results.count(200)
        others = len(results) - won - results.count(409) - results.count(503) - results.count(0)
        server.wait(lambda: server.get("/v1/jobs/" + job).json()["state"] == "completed")
        count = len(answers_of(server, job))
        finished = [e for e in server.get("/v1/jobs/" + job).json()["timeline"]
                    if e["kind"] == "output" and e["phase"] == "finish"]
        if won != 1 or count != 1 or others != 0:
            violation(f"round {number}: {won} won, {count} on record: {sorted(set(results))}")
        if len(finished) != 1:
            violation(f"round {number}: the next phase ran {len(finished)} times")
    return rounds


# --- the programme -------------------------------------------------------------------------------

def run(method):
    good = True
    with Server() as server:
        if method == "heads":
            runs = heads(server, scaled(20))
            good = gate("http heads, paths, hosts and origins", runs, scaled(20) * 200,
                        len(violations))
        elif method == "flood":
            runs = flood(server, scaled(10000))
            good = gate("http connections at once", runs, scaled(10000), len(violations))
        elif method == "slow":
            runs = slow(server, 300, scaled(300)) + deadlines(server)
            good = gate("http requests beside slow clients", runs, scaled(300), len(violations))
        elif method == "cut":
            runs = cut(server, scaled(400))
            good = gate("http answers cut off and repeated", runs, min(scaled(400), 300),
                        len(violations))
        elif method == "race":
            runs = race(server, scaled(200))
            good = gate("http answers at the same moment", runs, scaled(200), len(violations))
        else:
            sys.exit(f"there is no method {method}")
        if server.stop() != 143:
            good = False
            print("the server did not end as it should")
    print(f"{1 if good else 0} passed, {0 if good else 1} failed")
    return 0 if good else 1


def self_test(program):
    """Against the bare library the checks must fail: smuggling, hosts, other sites, deadlines."""
    with Bare(program) as bare:
        heads(bare, 1)
        wrong = list(violations)
        violations.clear()
        deadlines(bare)
        wrong += violations
    kinds = ["behind a good one: served", "the reply lacks", "is no problem of ours", "was not told so", "something behind it was served", "foreign host: served", "target /v1/%2e%2e",
             "origin null: served", "came out of refused", "that trickles was kept"]
    missing = [kind for kind in kinds if not any(kind in w for w in wrong)]
    print(f"{len(wrong)} violations found in the bare library")
    for kind in missing:
        print("NOT FOUND  " + kind)
    print(f"{len(kinds) - len(missing)} passed, {len(missing)} failed")
    return 1 if missing else 0


if __name__ == "__main__":
    print(f"seed {SEED}, floor {FLOOR} %")
    if len(sys.argv) == 3 and sys.argv[1] == "--self-test":
        sys.exit(self_test(sys.argv[2]))
    sys.exit(run(sys.argv[1] if len(sys.argv) == 2 else ""))
