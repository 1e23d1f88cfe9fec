#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the HTTP API carries: reads and answers a second with their latency, and the memory. Python
only sets the scene; the load is made by http_load.c, and the limit is http_hello.c: the same
library, with as many threads, that answers as many bytes and does nothing.

    FOUNDRY_BUILD_ROOT=build FOUNDRY_SOURCE_ROOT=. bench/serve.py [ASKS]

prints a line a figure: NAME VALUE."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../tests/engine/serve"))
from server import BUILD, TOKENS, Server  # noqa: E402

CONNECTIONS, SECONDS = 32, 3
READS_GOAL, ANSWERS_GOAL = 5000, 1000  # a second


def head(server, method, path, body=b"", more=""):
    size = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    return (f"{method} {path} HTTP/1.1\r\nHost: {server.host}\r\n"
            f"Authorization: Bearer {TOKENS['ann']}\r\n{size}{more}\r\n").encode() + body


def load(server, seconds, requests, rate=None, port=None):
    path = server.folder + "/requests"
    with open(path, "wb") as f:
        for request in requests:
            f.write(b"%d\n" % len(request) + request)
    done = subprocess.run([BUILD + "/bench/http_load", str(port or server.port), str(CONNECTIONS),
                           str(seconds), path] + ([str(rate)] if rate else []),
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"http_load: {done.stderr}{done.stdout}")
    return json.loads(done.stdout)


def say(name, done):
    print(f"{name}_rate {done['per_second']}")
    print(f"{name}_p50_ms {done['p50_ms']}")
    print(f"{name}_p99_ms {done['p99_ms']}", flush=True)


def hello(server, request, size):
    """The limit: the same request, a reply of the same size."""
    with subprocess.Popen([BUILD + "/bench/http_hello", str(size)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as bare:
        port = int(bare.stdout.readline())
        done = load(server, SECONDS, [request], port=port)
        bare.stdin.close()
    return done


def open_asks(server):
    ids, cursor = [], ""
    while cursor is not None:
        page = server.get("/v1/asks?limit=200" + (cursor and "&cursor=" + cursor)).json()
        ids, cursor = ids + [a["id"] for a in page["items"]], page["next"]
    return ids


def main():
    asks = int(sys.argv[1]) if len(sys.argv) > 1 else 6000
    with Server("--no-watch", pictures=1) as server:
        say("submit", load(server, 0, [
            head(server, "POST", "/v1/jobs", json.dumps({
                "pipeline": "invoice", "input": {"name": "job-2.png", "stem": f"job-{i}"}}).encode())
            for i in range(asks)]))
        server.wait(lambda: server.get("/v1/stats").json()["asks"]["open"] == asks, 300)
        job = "/v1/jobs/" + server.get("/v1/jobs?limit=1").json()["items"][0]["id"]
        read = head(server, "GET", job)
        say("hello", hello(server, read, len(server.get(job).body)))
        say("read", load(server, SECONDS, [read]))
        say("read_at_goal", load(server, SECONDS, [read], READS_GOAL))
        say("asks", load(server, SECONDS, [head(server, "GET", "/v1/asks?limit=10")]))
        body = json.dumps({"version": 1, "act": "set", "seconds": 1, "values": {
            "/supplier_name": "Hardware & Son", "/line_items/0/quantity": 10,
            "/line_items/0/total_cost": 150}}).encode()
        answers = [head(server, "POST", f"/v1/asks/{i}/answer", body) for i in open_asks(server)]
        half = len(answers) // 2
        say("answer_at_goal", load(server, 0, answers[:half], ANSWERS_GOAL))
        say("answer", load(server, 0, answers[half:]))
        say("asks_behind_answers", load(server, 1, [head(server, "GET",
                                                         "/v1/asks?limit=10&state=open")]))
        with open(f"/proc/{server.process.pid}/status", encoding="ascii") as f:
            rss = next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))
        print(f"rss_mib {rss / 1024:.1f}")


if __name__ == "__main__":
    main()
