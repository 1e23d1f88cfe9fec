#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the HTTP API carries: reads and answers a second with their latency, and the memory.

    FOUNDRY_BUILD_ROOT=build FOUNDRY_SOURCE_ROOT=. bench/serve.py [ASKS]"""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../tests/engine/serve"))
from server import BUILD, TOKENS, Server  # noqa: E402


def head(server, method, path, body=b"", more=""):
    size = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    return (f"{method} {path} HTTP/1.1\r\nHost: {server.host}\r\n"
            f"Authorization: Bearer {TOKENS['ann']}\r\n{size}{more}\r\n").encode() + body


def load(server, connections, seconds, requests):
    path = server.folder + "/requests"
    with open(path, "wb") as f:
        for request in requests:
            f.write(b"%d\n" % len(request) + request)
    done = subprocess.run([BUILD + "/bench/http_load", str(server.port), str(connections),
                           str(seconds), path], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"http_load: {done.stderr}{done.stdout}")
    return json.loads(done.stdout)


def main():
    asks = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with Server("--no-watch") as server:
        made = load(server, 16, 0, [
            head(server, "POST", "/v1/jobs", json.dumps({
                "pipeline": "invoice", "input": {"name": "job-2.png", "stem": f"job-{i}"}}).encode())
            for i in range(asks)])
        print("submissions", json.dumps(made), flush=True)
        server.wait(lambda: server.get("/v1/stats").json()["asks"]["open"] == asks, 300)
        job = server.get("/v1/jobs?limit=1").json()["items"][0]["id"]
        for path in (f"/v1/jobs/{job}", "/v1/jobs?limit=50", "/v1/asks?limit=10"):
            print(f"GET {path}", json.dumps(load(server, 32, 5, [head(server, "GET", path)])),
                  flush=True)
        ids, cursor = [], ""
        while cursor is not None:
            page = server.get("/v1/asks?limit=200" + (cursor and "&cursor=" + cursor)).json()
            ids, cursor = ids + [a["id"] for a in page["items"]], page["next"]
        body = json.dumps({"version": 1, "act": "set", "seconds": 1, "values": {
            "/supplier_name": "Hardware & Son", "/line_items/0/quantity": 10,
            "/line_items/0/total_cost": 150}}).encode()
        print("answers", json.dumps(load(server, 32, 0, [
            head(server, "POST", f"/v1/asks/{i}/answer", body) for i in ids])), flush=True)
        with open(f"/proc/{server.process.pid}/status", encoding="ascii") as f:
            print("memory", next(line.strip() for line in f if line.startswith("VmHWM")))


if __name__ == "__main__":
    main()
