# SPDX-License-Identifier: MIT
"""A real server over a job directory of the invoice story, for tests: start, ask, stop."""
import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile

BUILD = os.environ["FOUNDRY_BUILD_ROOT"]
SOURCE = os.environ["FOUNDRY_SOURCE_ROOT"]
ENGINE = os.environ.get("FOUNDRY_ENGINE", BUILD + "/foundry-engine")
START_S = 120  # what a server is given to tell where it listens
TOKENS = {"ann": "a1" * 32, "bob": "b2" * 32}
SCHEMA = {"type": "object", "required": ["supplier_name", "line_items"], "properties": {
    "supplier_name": {"type": "string", "minLength": 1},
    "line_items": {"type": "array", "items": {"type": "object", "properties": {
        "quantity": {"type": "number"}, "unit_price": {"type": "number"},
        "total_cost": {"type": "number"}}}}}}
INVOICE = """foundry: v1
name: invoice
inputs: {match: ["*.png"]}
phases:
  - id: extract
    uses: playback/play
    with: {name: "${input.name}", results: RESULTS}
  - id: review
    uses: foundry/human
    with:
      of: extract
      detectors:
        - {uses: detect/low-confidence, with: {below: 0.95}}
        - {uses: detect/arithmetic, with: {rule: "quantity * unit_price == total_cost", each: /line_items}}
      audit: 0%
      schema: invoice.schema.json
  - id: finish
    uses: file/write
    with: {json: "${review}", name: "${input.stem}.json"}
    grant: {write: out}
export:
  sft: {format: gemini, prompt: "Extract the invoice as JSON.", of: review}
"""


passed, failed = 0, 0


def check(what, good, more=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAILED  {what} {more}", flush=True)


def tally():
    """Tell how many checks passed; the exit code of the program that made them."""
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


class Server:
    """`with Server() as s: s.get("/v1/jobs")`; everything is gone behind it."""

    def __init__(self, *options, pictures=4, environment=None):
        self.folder = tempfile.mkdtemp(prefix="foundry-serve.")
        self.jobs = self.folder + "/jobs"
        self.options, self.pictures, self.environment = options, pictures, environment or {}
        self.process = None

    def __enter__(self):
        os.mkdir(self.jobs)
        with open(SOURCE + "/tests/system/data/invoice-results.json", encoding="utf-8") as f:
            results = f.read().replace("\n", "")
        with open(self.folder + "/invoice.yaml", "w", encoding="utf-8") as f:
            f.write(INVOICE.replace("RESULTS", results))
        with open(self.folder + "/invoice.schema.json", "w", encoding="utf-8") as f:
            json.dump(SCHEMA, f)
        for i in range(1, self.pictures + 1):
            self.picture(f"job-{i}.png")
        with open(self.folder + "/tokens", "w", encoding="utf-8", opener=lambda p, m: os.open(
                p, m, 0o600)) as f:
            f.write("".join(f"{name} {token}\n" for name, token in TOKENS.items()))
        try:
            self.start()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        return self

    def picture(self, name):
        """Any bytes that begin as a PNG does; each name has its own."""
        path = os.path.join(self.jobs, name)
        with open(path, "wb") as f:
            f.write(b"\x89PNG\r\n\x1a\n" + name.encode() * 20)
        os.utime(path, (1700000000, 1700000000))

    def start(self):
        uppercase = SOURCE + "/pipelines/uppercase/uppercase.yaml"
        environment = dict(os.environ, FOUNDRY_PLUGIN_PATH=BUILD + "/tests/plugins",
                           XDG_CACHE_HOME=self.folder + "/cache", LC_ALL="C.UTF-8",
                           **self.environment)
        self.errors = open(self.folder + "/stderr", "a", encoding="utf-8")
        # pylint: disable=consider-using-with # stopped in stop()
        self.process = subprocess.Popen(
            [ENGINE, "serve", self.jobs, "--json", "--listen", "127.0.0.1:0", "--pipeline",
             self.folder + "/invoice.yaml", "--pipeline", uppercase, "--token-file",
             self.folder + "/tokens", *self.options],
            stdout=subprocess.PIPE, stderr=self.errors, env=environment, text=True)
        told, _, _ = select.select([self.process.stdout], [], [], START_S)
        line = self.process.stdout.readline() if told else ""
        if not line:
            self.process.kill()
            with open(self.folder + "/stderr", encoding="utf-8") as f:
                raise RuntimeError(("the server did not start: " if told else
                                    f"the server told nothing for {START_S} s: ") + f.read())
        self.url = json.loads(line)["url"]
        self.port = int(re.search(r":(\d+)$", self.url).group(1))
        self.host = f"127.0.0.1:{self.port}"

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(timeout=120)
        self.process.stdout.close()
        self.errors.close()
        return code

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            self.stop()
        with open(self.folder + "/stderr", encoding="utf-8", errors="replace") as f:
            text = f.read()
        shutil.rmtree(self.folder, ignore_errors=True)
        if "Sanitizer" in text or "runtime error" in text:
            raise RuntimeError("a sanitizer spoke:\n" + text)

    def ask(self, method, path, body=None, headers=None, who="ann", timeout=60):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        sent = {} if who is None else {"Authorization": "Bearer " + TOKENS[who]}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})
        try:
            try:
                connection.request(method, path, body, sent)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused by its head before the body was out: the reply is there to be read
            reply = connection.getresponse()
            return Reply(reply.status, dict(reply.getheaders()), reply.read())
        finally:
            connection.close()

    def get(self, path, **more):
        return self.ask("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.ask("POST", path, body, **more)

    def raw(self, data, timeout=30):
        """Send bytes as they are; everything that comes back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as s:
            out = b""
            try:
                s.sendall(data)
                while True:
                    piece = s.recv(65536)
                    if not piece:
                        return out
                    out += piece
            except (ConnectionError, socket.timeout):
                return out

    def wait(self, what, seconds=60):
        """Ask until it is true; the engine's own pace decides."""
        import time
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = what()
            if found:
                return found
            time.sleep(0.02)
        raise RuntimeError("it did not come to that in time")

    def open_ask(self, path="job-2.png"):
        def look():
            items = self.get("/v1/asks?limit=200").json()["items"]
            return next((a for a in items if a["job"]["path"] == path), None)
        return self.wait(look)
