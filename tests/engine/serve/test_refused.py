#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What any request may be refused with, each made for real and held against openapi.json: heads
that are not served, answers that come too late, a disk that fails.

    test_refused.py IOFAULT"""
import fcntl
import glob
import http.client
import os
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from contract import REFUSED, misfits  # noqa: E402
from server import Reply, Server, TOKENS, check, tally  # noqa: E402

NEW = {"pipeline": "uppercase", "input": {"content": "hello"}}
LINK = """foundry: v1
name: link
inputs: {match: ["*.none"]}
phases:
  - id: link
    uses: link/product
    with:
      items: "${input.items}"
      choices: [{id: 101, name: Tavern Ham}, {id: 102, name: Yellow Onions}]
"""
# What test_life.py (a full disk) and test_moments.py (an engine that ends) make.
ELSEWHERE = {("503", "draining"), ("507", "full"), ("507", "storage_full")}
SLOW = """foundry: v1
name: slow
inputs: {match: ["*.none"]}
phases:
  - {id: first, uses: steps/slow, with: {ms: 2000}}
"""
seen = set()


def judged(what, method, path, reply, want, code):
    """It is refused as wanted, and as the document has it."""
    told = reply.json() if reply.status >= 400 else {}
    check(f"{what} -> {want} {code}", reply.status == want and told.get("code") == code,
          f"got {reply.status} {reply.body[:300]}")
    for misfit in misfits(method, path, reply):
        check(f"{what}: {misfit}", False)
    seen.add((str(reply.status), told.get("code")))
    return told


def asked(server, method, path, body=None, want=200, code=None, **more):
    reply = server.ask(method, path, body, **more)
    if want >= 400:
        return judged(f"{method} {path}", method, path, reply, want, code)
    check(f"{method} {path} -> {want}", reply.status == want, f"{reply.status} {reply.body[:300]}")
    for misfit in misfits(method, path, reply):
        check(f"{method} {path}: {misfit}", False)
    return reply.json() if reply.body else None


# --- heads ---------------------------------------------------------------------------------------

def said(server, data):
    """The reply to bytes as they are."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as s:
        try:
            s.sendall(data)
        except ConnectionError:
            pass  # refused by its beginning
        reply = http.client.HTTPResponse(s)
        reply.begin()
        return Reply(reply.status, dict(reply.getheaders()), reply.read())


def heads(server):
    host = f"Host: {server.host}\r\n"
    who = f"Authorization: Bearer {TOKENS['ann']}\r\n"
    kind = "Content-Type: application/json\r\n"
    get, post = "GET /v1/jobs HTTP/1.1\r\n", "POST /v1/jobs HTTP/1.1\r\n"
    both = "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"
    for what, method, path, want, code, head in (
            ("no HTTP", "GET", "/v1/jobs", 400, "bad_head", "EHLO mail.example\r\n"),
            ("a tab in a name", "GET", "/v1/jobs", 400, "bad_header", get + host + "X\x01: a\r\n"),
            ("two hosts", "GET", "/v1/jobs", 400, "bad_host", get + host + host + who),
            ("a key of nothing", "POST", "/v1/jobs", 400, "bad_idempotency_key",
             post + host + who + kind + "Idempotency-Key: " + "k" * 201 +
             "\r\nContent-Length: 2\r\n"),
            ("a length that is none", "POST", "/v1/jobs", 400, "bad_length",
             post + host + who + kind + "Content-Length: -1\r\n"),
            ("a path with dots", "GET", "/v1/../v1/jobs", 400, "bad_path",
             "GET /v1/%2e%2e/v1/jobs HTTP/1.1\r\n" + host + who),
            ("a query with a NUL", "GET", "/v1/jobs", 400, "bad_query",
             "GET /v1/jobs?x=%00 HTTP/1.1\r\n" + host + who),
            ("a GET with a body", "GET", "/v1/jobs", 400, "body_with_get",
             get + host + who + kind + "Content-Length: 2\r\n"),
            ("two tokens", "GET", "/v1/jobs", 400, "header_twice", get + host + who + who),
            ("a length and chunks", "POST", "/v1/jobs", 400, "two_lengths",
             post + host + who + kind + both),
            ("nothing there", "GET", "/v1/nothing", 404, "no_such_path",
             "GET /v1/nothing HTTP/1.1\r\n" + host + who),
            ("another method", "DELETE", "/v1/jobs", 405, "method_not_allowed",
             "DELETE /v1/jobs HTTP/1.1\r\n" + host + who),
            ("a head that never ends", "GET", "/v1/jobs", 408, "head_timeout", None),
            ("chunks", "POST", "/v1/jobs", 411, "length_required",
             post + host + who + kind + "Transfer-Encoding: chunked\r\n"),
            ("a long target", "GET", "/v1/jobs", 414, "target_too_long",
             "GET /v1/jobs?a=" + "a" * 5000 + " HTTP/1.1\r\n" + host + who),
            ("a GET with a text", "GET", "/v1/jobs", 415, "content_type",
             get + host + who + "Content-Type: text/plain\r\nContent-Length: 2\r\n"),
            ("another host", "GET", "/v1/jobs", 421, "unknown_host",
             get + "Host: evil.example\r\n" + who),
            ("a large head", "GET", "/v1/jobs", 431, "head_too_large",
             get + host + who + "X: " + "a" * 20000 + "\r\n"),
            ("another HTTP", "GET", "/v1/jobs", 505, "http_version",
             "GET /v1/jobs HTTP/2.0\r\n" + host + who)):
        data = b"GET / HTTP/1.1\r\n" if head is None else (head + "\r\n{}").encode()
        judged(what, method, path, said(server, data), want, code)


def places(server, limit):
    held = []
    for _ in range(limit):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        connection.request("GET", "/v1/events", headers={
            "Authorization": "Bearer " + TOKENS["ann"]})
        check("a stream is served", connection.getresponse().status == 200)
        held.append(connection)
    judged("no place", "GET", "/v1/session", server.get("/v1/session"), 503, "connections")
    for connection in held:
        connection.close()


# --- answers that come too late ------------------------------------------------------------------

def late_answers(server):
    """Each sees what stands in its answer's place."""
    ask = server.open_ask()
    job, one = "/v1/jobs/" + ask["job"]["id"], "/v1/asks/" + ask["id"]
    right = {"act": "set", "seconds": 1, "version": 1, "values": {
        "/supplier_name": "Hardware & Son", "/line_items/0/quantity": 10,
        "/line_items/0/total_cost": 150}}
    done = asked(server, "POST", one + "/answer", right)
    told = asked(server, "POST", one + "/answer", dict(right, act="accept", values={}), who="bob",
                 want=409, code="conflict")
    check("another's stands", told["standing"]["state"] == "answered" and
          told["standing"]["answer"]["by"] == "ann" and "by ann" in told["detail"], told)
    asked(server, "POST", one + "/undo", {"event": done["event"]})
    told = asked(server, "POST", one + "/answer", right, who="bob", want=409, code="conflict")
    check("it is open in another version", told["standing"]["state"] == "open" and
          told["standing"]["version"] > 1 and "look at it again" in told["detail"], told)
    asked(server, "POST", job + "/cancel", {})
    told = asked(server, "POST", one + "/answer", dict(right, version=told["standing"]["version"]), want=409, code="conflict")
    check("it was withdrawn", told["standing"]["state"] == "withdrawn" and
          "withdrawn" in told["detail"], told)
    asked(server, "POST", job + "/cancel", {}, want=409, code="conflict")


def rule_revoked_twice(server):
    made = asked(server, "POST", "/v1/jobs", {"pipeline": "link", "input": {
        "items": [{"description": "ONIONS YELLOW JBO"}]}}, want=202)
    wait = server.wait(lambda: asked(server, "GET", "/v1/jobs/" + made["id"])["wait"])
    one = "/v1/asks/" + wait["ask"]
    questions = asked(server, "GET", one)["questions"]
    asked(server, "POST", one + "/answer", {
        "act": "set", "seconds": 1, "version": 1, "scope": "twins", "values": {
            questions[0].get("key") or questions[0]["pointer"]: 102}})
    rule = asked(server, "GET", "/v1/rules")["items"][0]
    check("the rule holds", rule["state"] == "holds", rule)
    asked(server, "POST", f"/v1/rules/{rule['id']}/revoke", {"reason": "wrong"}, want=204)
    told = asked(server, "POST", f"/v1/rules/{rule['id']}/revoke", {"reason": "wrong"}, want=409,
                 code="conflict")
    check("it was revoked already", "already" in told["detail"], told)


# --- a directory that takes no writes ------------------------------------------------------------

def until_refused(server):
    """Hands in jobs until one is refused: its reply, and those that were taken."""
    taken = []

    def look():
        reply = server.post("/v1/jobs", NEW)
        if reply.status == 202:
            taken.append(reply.json()["id"])
            return None
        return reply
    return server.wait(look), taken


def not_ready(server, code):
    """Readiness comes to this code while jobs are handed in, and liveness stays."""
    reply = server.wait(lambda: (lambda r: r if r.status != 200 and r.json()["code"] == code
                                 else server.post("/v1/jobs", NEW) and None)(
        server.get("/readyz", who=None)))
    judged("not ready", "GET", "/readyz", reply, 503, code)
    check("with a time to come again", "Retry-After" in reply.headers)
    check("no path is told without a token", server.folder.encode() not in reply.body, reply.body)
    asked(server, "GET", "/healthz", who=None)


def failing_disk(iofault):
    """From some write on, each fails: nothing acknowledged is lost, and who asks is told."""
    with Server("--no-watch", pictures=0) as server:
        server.stop()
        server.environment = {
            "LD_PRELOAD": iofault, "FOUNDRY_IOFAULT_ROOT": server.jobs + "/.foundry",
            "FOUNDRY_IOFAULT": "eio:150:sticky",
            # a sanitizer wants to be the first library: only about what it would miss in this one
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
        server.start()
        asked(server, "GET", "/readyz", who=None)
        reply, taken = until_refused(server)
        told = reply.json()
        judged("a disk that fails", "POST", "/v1/jobs", reply, 500, told["code"])
        check("is told as one", told["code"] in ("io", "outcome_unknown"), told)
        not_ready(server, "io")
        # Opened again, it may fail at its first write once more.
        reply = server.wait(lambda: (lambda r: r if r.json()["code"] == "io" else None)(
            server.post("/v1/jobs", NEW)))
        told = judged("a disk that failed", "POST", "/v1/jobs", reply, 500, "io")
        check("in words", "rror" in told["detail"], told)
        reply = server.post("/v1/exports", {"format": "foundry"})
        judged("an export", "POST", "/v1/exports", reply, 500, reply.json()["code"])
        asked(server, "GET", "/v1/jobs")
        server.stop()
        server.environment = {}
        server.start()
        for job in taken:
            server.wait(lambda j=job: asked(server, "GET", "/v1/jobs/" + j)["state"] == "completed")
        check("what was acknowledged is there", len(taken) > 0, taken)
        server.stop()


def read(path):
    with open(path, "rb") as f:
        return f.read()


def damaged_artifacts(server):
    """A file of an artifact that is shorter than recorded, and one that is gone."""
    job = asked(server, "GET", "/v1/jobs?limit=1")["items"][0]["id"]
    held = server.get(f"/v1/jobs/{job}/artifacts/input").body
    path = next(p for p in glob.glob(server.jobs + "/.foundry/artifacts/**", recursive=True)
                if os.path.isfile(p) and read(p) == held)
    os.chmod(path, 0o600)
    os.truncate(path, os.path.getsize(path) - 1)
    asked(server, "GET", f"/v1/jobs/{job}/artifacts/input", want=500, code="artifact_damaged")
    os.unlink(path)
    asked(server, "GET", f"/v1/jobs/{job}/artifacts/input", want=404, code="artifact_missing")


def taken_away(server):
    """The record is moved away under the engine, then put back while another holds the lock."""
    record = server.jobs + "/.foundry/state.db"
    os.rename(record, record + ".away")
    reply, _ = until_refused(server)
    judged("a record that is gone", "POST", "/v1/jobs", reply, 500, "damaged")
    not_ready(server, "damaged")
    os.rename(server.jobs, server.jobs + ".away")
    not_ready(server, "not_found")
    os.rename(server.jobs + ".away", server.jobs)
    os.rename(record + ".away", record)
    job = server.wait(lambda: (lambda r: r.json()["id"] if r.status == 202 else None)(
        server.post("/v1/jobs", {"pipeline": "slow", "input": {}})))
    server.wait(lambda: asked(server, "GET", "/v1/jobs/" + job)["state"] == "running")
    os.rename(record, record + ".away")  # what runs cannot be kept: the engine stops
    with open(server.jobs + "/.foundry/lock", "r+b") as lock:
        server.wait(lambda: locked(lock))
        not_ready(server, "damaged")
        os.rename(record + ".away", record)
        not_ready(server, "busy")
        asked(server, "POST", "/v1/jobs", NEW, want=503, code="busy")
    server.wait(lambda: server.get("/readyz", who=None).status == 200)
    asked(server, "POST", "/v1/jobs", NEW, want=202)
    server.wait(lambda: asked(server, "GET", "/v1/jobs/" + job)["state"] == "completed")


def locked(lock):
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False


def main(iofault):
    with Server("--no-watch", "--connections", "6", pictures=0) as server:
        heads(server)
        places(server, 6)
        server.stop()
    with Server(pictures=4) as server:
        server.options = ()
        for name, text in (("link", LINK), ("slow", SLOW)):
            with open(f"{server.folder}/{name}.yaml", "w", encoding="utf-8") as f:
                f.write(text)
            server.options += ("--pipeline", f"{server.folder}/{name}.yaml")
        server.stop()
        server.start()
        late_answers(server)
        rule_revoked_twice(server)
        damaged_artifacts(server)
        taken_away(server)
        server.stop()
    failing_disk(iofault)
    for status, codes in REFUSED["x-codes"].items():
        for code in codes:
            check(f"{status} {code} was seen", (status, code) in seen | ELSEWHERE)
    return tally()


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1])))
