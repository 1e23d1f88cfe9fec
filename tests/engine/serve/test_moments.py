#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is true at some moments only: before a phase has run, while a batch waits, a week later,
when a moment to undo is over, when a deadline passes. Replies are held against openapi.json.

    test_moments.py waits|clock"""
import glob
import http.client
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from contract import misfits  # noqa: E402
from server import Reply, Server, TOKENS, check, tally  # noqa: E402

WEEK_S = 7 * 24 * 3600
RIGHT = {"act": "set", "seconds": 1, "values": {
    "/supplier_name": "Hardware & Son", "/line_items/0/quantity": 10,
    "/line_items/0/total_cost": 150}}
STEPS = """foundry: v1
name: NAME
inputs: {match: ["*.none"]}
phases:
  - {id: first, uses: steps/slow, with: {ms: FIRST}}
  - {id: second, uses: steps/slow, with: {ms: 10}}
  - {id: third, uses: steps/slow, with: {ms: 10}}
  - {id: fourth, uses: steps/slow, with: {ms: 10}}
"""
CHOSEN = """foundry: v1
name: NAME
inputs: {match: ["*.none"]}
phases:
  - id: read
    uses: playback/play
    with:
      n: "${input.n}"
      results:
        - {text: {value: one, confidence: 0.5}}
        - {text: {value: two, confidence: 0.2}}
        - {text: {value: three, confidence: 0.7}}
  - id: review
    uses: foundry/human
    with:
      of: read
      detectors: [{uses: detect/low-confidence, with: {below: 0.9}}]
      choose: {uncertain: 1, quiet: QUIET}
      audit: 0%
"""


def asked(server, method, path, body=None, want=200, code=None):
    """A reply as wanted, and as the document has it."""
    reply = server.ask(method, path, body)
    what = f"{method} {path} -> {want} {code or ''}"
    check(what, reply.status == want, f"got {reply.status} {reply.body[:300]}")
    check(what, code is None or reply.json()["code"] == code, reply.body[:300])
    for misfit in misfits(method, path, reply):
        check(f"{what}: {misfit}", False)
    return reply


def job_of(server, job):
    return asked(server, "GET", "/v1/jobs/" + job).json()


def percents(server, job):
    """What the event stream tells of a job, from the beginning to its end."""
    first = job_of(server, job)["timeline"][0]["event"]
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", "/v1/events?after=" + first.rsplit("-", 1)[0] + "-0",
                       headers={"Authorization": "Bearer " + TOKENS["ann"]})
    reply, told = connection.getresponse(), []
    while not told or told[-1] != 100:
        line = reply.readline().decode()
        if line.startswith("data: ") and json.loads(line[6:])["job"] == job:
            told.append(json.loads(line[6:])["percent"])
    connection.close()
    return told


def progress(server):
    made = asked(server, "POST", "/v1/jobs", {"pipeline": "endless", "input": {}}, want=202)
    job = made.json()["id"]
    check("202 comes before any phase has run", made.json()["percent"] == 0 and
          made.json()["state"] not in ("completed", "failed"), made.body)
    server.wait(lambda: job_of(server, job)["state"] == "running")
    now = job_of(server, job)
    check("and the first phase still runs", now["phase"] == "first" and now["percent"] == 0 and
          [e for e in now["timeline"] if e["kind"] == "output"] == [], now)
    asked(server, "POST", f"/v1/jobs/{job}/cancel", {"reason": "shown"})
    job = asked(server, "POST", "/v1/jobs", {"pipeline": "short", "input": {}},
                want=202).json()["id"]
    told = percents(server, job)
    check("percent rises, a phase at a time, and never falls",
          told == sorted(told) and sorted(set(told)) == [0, 25, 50, 75, 100], told)
    check("and the job says the same", job_of(server, job)["percent"] == 100)


def batch(server, pipeline):
    """Jobs of a batch wait for one another, say so, and one of them becomes a card."""
    jobs = [asked(server, "POST", "/v1/jobs", {
        "pipeline": pipeline, "input": {"n": n}, "name": str(n)}, want=202).json()["id"]
            for n in (1, 2, 3)]
    waits = []
    for job in jobs:
        server.wait(lambda j=job: job_of(server, j)["wait"] or
                    job_of(server, j)["state"] == "completed")
        waits.append(job_of(server, job)["wait"])
    check("each tells that it waits for its batch", all(
        w is not None and w["reason"] == "batch" and w["ask"] is None and
        "waits until all of its batch" in w["message"] and "1 least certain" in w["message"]
        for w in waits), waits)
    return jobs


def chosen(server, jobs):
    def stand(job):
        now = job_of(server, job)
        return (now["wait"] or {}).get("reason", now["state"])
    server.wait(lambda: sorted(map(stand, jobs)) == ["ask", "completed", "completed"])
    cards = [a for a in asked(server, "GET", "/v1/asks").json()["items"] if a["job"]["id"] in jobs]
    check("then people are asked about the least certain alone",
          [c["job"]["id"] for c in cards] == [jobs[1]], cards)
    wait = job_of(server, jobs[1])["wait"]
    check("which says whom it waits for", wait["reason"] == "ask" and
          wait["ask"] == cards[0]["id"], wait)


def children(pid):
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path, encoding="utf-8", errors="replace") as f:
                fields = f.read().rsplit(")", 1)[1].split()
            if int(fields[1]) == pid and fields[0] != "Z":
                found.append(os.readlink(os.path.dirname(path) + "/exe"))
        except (OSError, IndexError):
            pass  # it has ended meanwhile
    return found


def processes(server):
    """What `ps` shows: one engine and its workers."""
    asked(server, "POST", "/v1/jobs", {"pipeline": "endless", "input": {}}, want=202)
    server.wait(lambda: children(server.process.pid))
    mine = children(server.process.pid)
    check("its children are workers, all of them", mine and all(
        os.path.basename(exe).split(" ")[0] == "foundry-worker" for exe in mine), mine)
    engine = os.readlink(f"/proc/{server.process.pid}/exe")
    check("and it is the engine itself that was started",
          os.path.basename(engine) == "foundry-engine", engine)
    check("no worker has one of its own", all(
        children(int(p)) == [] for p in worker_pids(server.process.pid)))
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.1)  # or both are one
    server.stop()
    check("with it they are gone", children(server.process.pid) == [])


class Kept:
    """A connection that is kept, and what is declared of what comes over it."""

    def __init__(self, server):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)

    def ask(self, method, path, body=None):
        self.connection.request(method, path, body and json.dumps(body), {
            "Authorization": "Bearer " + TOKENS["ann"], "Content-Type": "application/json"})
        reply = self.connection.getresponse()
        reply = Reply(reply.status, dict(reply.getheaders()), reply.read())
        for misfit in misfits(method, path, reply):
            check(f"{method} {path} -> {reply.status}: {misfit}", False)
        return reply


def draining(server):
    """A signal lets what runs end; meanwhile who is connected is told so."""
    asked(server, "POST", "/v1/jobs", {"pipeline": "endless", "input": {}}, want=202)
    server.wait(lambda: children(server.process.pid))
    ready, writes = Kept(server), Kept(server)
    check("it is ready", ready.ask("GET", "/readyz").status == 200 and
          writes.ask("GET", "/v1/session").status == 200)
    server.process.send_signal(signal.SIGTERM)
    told = server.wait(lambda: (lambda r: r if r.status != 200 else None)(
        ready.ask("GET", "/readyz")))
    check("then it is not", told.status == 503 and told.json()["code"] == "draining" and
          told.headers.get("Connection") == "close" and "Retry-After" in told.headers, told.body)
    told = writes.ask("POST", "/v1/jobs", {"pipeline": "short", "input": {}})
    check("nor does it take anything", told.status == 503 and told.json()["code"] == "draining",
          told.body)
    ready.connection.close()
    writes.connection.close()
    check("a second signal ends what runs", server.stop() == 143)


def worker_pids(pid):
    found = []
    for path in glob.glob(f"/proc/{pid}/task/[0-9]*/children"):
        try:
            with open(path, encoding="ascii") as f:
                found += f.read().split()
        except OSError:
            pass
    return found


def waits():
    folder = tempfile.mkdtemp(prefix="foundry-moments.")
    for name, text in (("endless", STEPS.replace("FIRST", "600000")),
                       ("short", STEPS.replace("FIRST", "10")),
                       ("patient", CHOSEN.replace("QUIET", "1h")),
                       ("chosen", CHOSEN.replace("QUIET", "5s"))):
        with open(f"{folder}/{name}.yaml", "w", encoding="utf-8") as f:
            f.write(text.replace("NAME", name))
    pipelines = [f"{folder}/{name}.yaml" for name in ("endless", "short", "patient", "chosen")]
    with Server("--no-watch", *sum((["--pipeline", p] for p in pipelines), []),
                pictures=0) as server:
        progress(server)
        batch(server, "patient")
        chosen(server, batch(server, "chosen"))
        processes(server)
        server.start()
        draining(server)
    shutil.rmtree(folder)


# --- the clock -----------------------------------------------------------------------------------

class Faked(Server):
    """Its clocks follow libfaketime: the wall clock a file, or both a speed."""

    def __init__(self, *options, speed=None, **more):
        found = glob.glob("/usr/lib/*/faketime/libfaketime.so.1") + \
            glob.glob("/usr/lib64/faketime/libfaketime.so.1")
        if not found:
            sys.exit("libfaketime is not installed: ./dev deps test")
        self.clock = tempfile.mkdtemp(prefix="foundry-clock.")
        environment = {"LD_PRELOAD": found[0], "NO_FAKE_STAT": "1"}
        if speed is None:
            environment.update(FAKETIME_TIMESTAMP_FILE=self.clock + "/now", FAKETIME_NO_CACHE="1",
                               FAKETIME_DONT_FAKE_MONOTONIC="1")
            self.set("+0")
        else:
            environment["FAKETIME"] = f"+0 x{speed}"
        super().__init__(*options, environment=environment, **more)

    def set(self, text):
        with open(self.clock + "/next", "w", encoding="ascii") as f:
            f.write(text + "\n")
        os.rename(self.clock + "/next", self.clock + "/now")

    def __exit__(self, *exception):
        super().__exit__(*exception)
        shutil.rmtree(self.clock)


def card(server, name):
    """A job of its own that waits for a person."""
    made = server.post(f"/v1/jobs?pipeline=invoice&name={name}", b"\x89PNG\r\n\x1a\n" +
                       name.encode() * 20, headers={"Content-Type": "image/png"})
    job = made.json()["id"]
    wait = server.wait(lambda: job_of(server, job)["wait"])
    return job, "/v1/asks/" + wait["ask"]


def answered(server, job, ask):
    done = asked(server, "POST", ask + "/answer", dict(RIGHT, version=asked(
        server, "GET", ask).json()["version"])).json()
    server.wait(lambda: job_of(server, job)["state"] == "completed")
    return done["event"]


def week(server):
    """A paused job is answerable a week later, before and behind a restart."""
    early, late = card(server, "job-2.png"), card(server, "job-2.png")
    begin = job_of(server, early[0])["updated_at"]
    server.set(f"+{WEEK_S}")
    event = answered(server, *early)
    check("a week later it is answered and goes on", event > 0 if isinstance(event, int) else event)
    end = job_of(server, early[0])["updated_at"]
    check("and the record says a week", (time.mktime(time.strptime(end[:19], "%Y-%m-%dT%H:%M:%S")) -
                                         time.mktime(time.strptime(begin[:19],
                                                                   "%Y-%m-%dT%H:%M:%S"))) >=
          WEEK_S, f"{begin} {end}")
    server.stop()
    server.set(f"+{2 * WEEK_S}")
    server.start()
    wait = job_of(server, late[0])["wait"]
    check("a restart a week on finds it waiting", wait is not None and wait["reason"] == "ask")
    answered(server, *late)


def taking_back(server):
    """The moment for an undo goes by the clock of the record."""
    job, ask = card(server, "job-2.png")
    event = answered(server, job, ask)
    server.set(f"+{2 * WEEK_S + 60}")
    asked(server, "POST", ask + "/undo", {"event": event}, want=409, code="undo_over")
    asked(server, "POST", f"/v1/jobs/{job}/retry", {"phase": "extract"})
    server.wait(lambda: (job_of(server, job)["wait"] or {}).get("ask") not in
                (None, ask.rsplit("/", 1)[1]))
    server.set(f"+{2 * WEEK_S}")  # back: within the moment, whatever the machine does
    asked(server, "POST", ask + "/undo", {"event": event}, want=409, code="moved_past")


def until_end(server, first):
    """The seconds, and the words, until the other side ends it."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=120) as s:
        begin, told = time.monotonic(), b""
        s.sendall(first)
        try:
            while piece := s.recv(65536):
                told += piece
        except ConnectionError:
            pass
        return time.monotonic() - begin, told


def default_deadlines(speed):
    """5 s for a head and 30 s for a request, where no option says otherwise, by a clock that runs
    faster. Never sooner; how much later is the machine's."""
    with Faked("--no-watch", speed=speed, pictures=0) as server:
        post = (f"POST /v1/jobs HTTP/1.1\r\nHost: {server.host}\r\nAuthorization: Bearer "
                f"{TOKENS['ann']}\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n")
        for what, first, least_s in (("a head", b"GET / HTTP/1.1\r\n", 5),
                                     ("a request", post.encode(), 30)):
            took, told = until_end(server, first)
            check(f"{what} has {least_s} s", least_s / speed <= took <= 20 * least_s / speed,
                  f"{took:.2f} s at {speed} times the speed")
            check(f"{what} that was late is not served", b" 2" not in told[8:10], told[:200])
            print(f"{what} was cut after {took * speed:.1f} s of its clock")
        server.stop()


def clock():
    with Faked("--no-watch", pictures=0) as server:
        week(server)
        taking_back(server)
        server.stop()
    default_deadlines(10)


if __name__ == "__main__":
    {"waits": waits, "clock": clock}[sys.argv[1]]()
    sys.exit(tally())
