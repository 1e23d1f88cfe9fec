# SPDX-License-Identifier: MIT
"""What the examples share: calls of Foundry's API, and the check of a webhook. Standard library only, so that it can be copied as it is."""
import hashlib
import hmac
import json
import os
import time
import urllib.error
import urllib.request

URL = os.environ.get("FOUNDRY_URL", "http://127.0.0.1:7420")
TOKEN = os.environ.get("FOUNDRY_TOKEN", "")
HOOK_SECRET = os.environ.get("FOUNDRY_SECRET_HOOK", "")
AGE_MAX = 300  # seconds that a webhook may be old: who recorded one cannot send it again later


class Refused(Exception):
    """What the API said no with: RFC 9457."""

    def __init__(self, status, problem):
        super().__init__(f"{status}: {problem.get('detail', problem)}")
        self.status, self.problem = status, problem


def call(method, path, body=None, key=None):
    """One request; the reply's JSON. `key` makes a repetition the same job or answer."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    if key is not None:
        headers["Idempotency-Key"] = key
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return json.loads(reply.read() or b"null")
    except urllib.error.HTTPError as error:
        raise Refused(error.code, json.loads(error.read() or b"{}")) from error


def submit(text, key=None):
    """Hand in a job of the pipeline `approve`; it goes on by itself until somebody is asked."""
    return call("POST", "/v1/jobs", {"pipeline": "approve", "input": {"content": text}}, key)


def job(job_id):
    return call("GET", f"/v1/jobs/{job_id}")


def open_asks():
    """What waits for people, oldest first."""
    return call("GET", "/v1/asks?state=open")["items"]


def ask(ask_id):
    return call("GET", f"/v1/asks/{ask_id}")


def answer(ask_id, values):
    """Claim an ask, so that nobody else works on it, and answer it. `values`: JSON pointer to value."""
    claimed = call("POST", f"/v1/asks/{ask_id}/claim", {})
    return call("POST", f"/v1/asks/{ask_id}/answer", {
        "version": claimed["version"], "fence": claimed["lease"]["fence"], "act": "set", "values": values, "seconds": 1})


def is_genuine(header, body, now=None):
    """Whether a webhook comes from Foundry. header: Foundry-Signature, `t=SECONDS,v1=HEX`; body: its bytes as they came, before any parsing."""
    parts = dict(part.split("=", 1) for part in (header or "").split(",") if "=" in part)
    stamp, given = parts.get("t", ""), parts.get("v1", "")
    if not HOOK_SECRET or not stamp.isascii() or not stamp.isdigit():
        return False
    if abs((time.time() if now is None else now) - int(stamp)) > AGE_MAX:
        return False
    expected = hmac.new(HOOK_SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), given.encode())  # in constant time
