#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Several people at once, and what outlives the server: who is at which ask by the event stream,
ETags, drafts, idempotency keys behind a restart, jobs behind a kill."""
import http.client
import json
import os
import signal
import sys

import jsonschema

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from server import SOURCE, Server, TOKENS, check, tally  # noqa: E402

with open(SOURCE + "/engine/serve/openapi.json", encoding="utf-8") as document:
    API = json.load(document)
SLOW = """foundry: v1
name: slow
inputs: {match: ["*.none"]}
phases:
  - {id: first, uses: steps/slow, with: {ms: 2000}}
"""


class Stream:
    """An event stream of one browser."""

    def __init__(self, server, after=None):
        self.last, self.kinds = after, []
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        headers = {"Authorization": "Bearer " + TOKENS["bob"]}
        if after is not None:
            headers["Last-Event-ID"] = after
        self.connection.request("GET", "/v1/events", headers=headers)
        self.reply = self.connection.getresponse()
        self.line(": hello")

    def line(self, wanted=None):
        while True:
            text = self.reply.readline().decode().rstrip("\n")
            if text.startswith("id: "):
                self.last = text[4:]
            if wanted is None or text == wanted:
                return text

    def wait(self, kind):
        """The next event of a kind: its data, whether it had an id."""
        event, numbered = None, False
        while True:
            text = self.line()
            if text.startswith("id: "):
                numbered = True
            elif text.startswith("event: "):
                event = text[7:]
            elif text.startswith("data: ") and event == kind:
                data = json.loads(text[6:])
                if event.startswith("ask."):
                    jsonschema.Draft202012Validator(dict(
                        API["components"]["schemas"]["Presence"],
                        components=API["components"])).validate(data)
                return data, numbered
            elif text == "":
                event, numbered = None, False

    def close(self):
        self.connection.close()


def presence(server):
    ask = server.open_ask()
    one = "/v1/asks/" + ask["id"]
    stream = Stream(server)
    begin = stream.last
    lease = server.post(one + "/claim", {"lease_seconds": 600}).json()["lease"]
    data, numbered = stream.wait("ask.claimed")
    check("a claim is told", data == {"ask": ask["id"], "job": ask["job"]["id"], "by": "ann",
                                      "until": lease["until"]}, data)
    check("it is on record", numbered)
    server.ask("PUT", one + "/draft", {"fence": lease["fence"], "values": {"/supplier_name": "H"}})
    data, numbered = stream.wait("ask.drafted")
    check("a draft is told", data["by"] == "ann" and data["ask"] == ask["id"] and not numbered,
          data)
    until = server.post(one + "/heartbeat", {"fence": lease["fence"], "lease_seconds": 900}).json()
    data, numbered = stream.wait("ask.claimed")
    check("a lease that is kept up is told", data["until"] == until["until"] and not numbered, data)
    server.post(one + "/release", {"fence": lease["fence"]})
    data, numbered = stream.wait("ask.released")
    check("a release is told", data["until"] is None and data["by"] == "ann" and numbered, data)
    lease = server.post(one + "/claim", {"lease_seconds": 1}).json()["lease"]
    stream.wait("ask.claimed")
    data, numbered = stream.wait("ask.released")
    check("a lease that ran out is told", data["by"] == "ann" and not numbered, data)
    check("it can be had", server.post(one + "/claim", {}, who="bob").status == 200)
    stream.wait("ask.claimed")
    last = stream.last
    stream.close()
    check("it is answered by bob", server.post(
        one + "/release", {"fence": lease["fence"] + 1}, who="bob").status == 204)
    check("it ends by its signal", server.stop() == 143)
    server.start()
    again = Stream(server, begin)
    seen = [again.wait("ask.claimed")[0], again.wait("ask.released")[0],
            again.wait("ask.claimed")[0], again.wait("ask.claimed")[0]]
    check("behind a restart nothing of the record was missed",
          [s["by"] for s in seen] == ["ann", "ann", "ann", "bob"], seen)
    check("ids go on", again.last == last, f"{again.last} {last}")
    again.close()
    server.post(one + "/claim", {"lease_seconds": 2}, who="bob")
    check("it ends again", server.stop() == 143)
    server.start()
    stream = Stream(server)
    data, _ = stream.wait("ask.released")
    check("a lease that ran out behind a restart is told", data["by"] == "bob", data)
    stream.close()


def etags(server):
    ask = server.open_ask()
    one = "/v1/asks/" + ask["id"]
    etag = server.get(one).headers["ETag"]
    answer = {"act": "set", "seconds": 1, "values": {
        "/supplier_name": "Hardware & Son", "/line_items/0/quantity": 10,
        "/line_items/0/total_cost": 150}}
    version, fence = etag.strip('"').split("-")
    for what, value, code in (
            ("the version alone", f'"{version}"', "precondition_failed"),
            ("another fence", f'"{version}-{int(fence) + 1}"', "precondition_failed"),
            ("another version", f'"{int(version) + 1}-{fence}"', "precondition_failed"),
            ("a weak one", "W/" + etag, "precondition_failed"),
            ("a tag behind it", etag[:-1] + '0"', "precondition_failed"),
            ("others", '"a", "b-c" , W/"d"', "precondition_failed"),
            ("no quotes", etag.strip('"'), "bad_if_match"),
            ("half a quote", etag[:-1], "bad_if_match"),
            ("nothing between commas", f"{etag}, , ", "bad_if_match"),
            ("nothing", "", "bad_if_match")):
        reply = server.post(one + "/answer", answer, headers={"If-Match": value})
        check(f"If-Match: {what}", reply.status == 412 and reply.json()["code"] == code,
              f"{reply.status} {reply.body[:200]}")
    check("the ETag that stands comes along", server.post(
        one + "/answer", answer, headers={"If-Match": '"9-9"'}).headers.get("ETag") == etag)
    check("nothing was answered", server.get(one).json()["state"] == "open")
    check("a body that names another version is a conflict", server.post(
        one + "/answer", dict(answer, version=9), headers={"If-Match": "*"}).status == 409)
    lease = server.post(one + "/claim", {}).json()["lease"]
    reply = server.post(one + "/answer", dict(answer, fence=lease["fence"]),
                        headers={"If-Match": etag})
    check("a claim in between is another ETag", reply.status == 412, reply.body)
    etag = server.get(one).headers["ETag"]
    reply = server.post(one + "/answer", dict(answer, fence=lease["fence"]),
                        headers={"If-Match": '"other", ' + etag})
    check("the one that was given, among others", reply.status == 200, reply.body)
    none = ask["id"].rsplit("-", 1)[0] + "-999999"
    check("If-Match on none is not found", server.post(
        f"/v1/asks/{none}/answer", answer, headers={"If-Match": "*"}).status == 404)


def drafts(server):
    picture = b"\x89PNG\r\n\x1a\n" + b"draft" * 8
    job = server.post("/v1/jobs?pipeline=invoice&name=job-2.png", picture,
                      headers={"Content-Type": "image/png"}).json()["id"]
    ask = server.wait(lambda: server.get("/v1/jobs/" + job).json()["wait"])["ask"]
    one = f"/v1/asks/{ask}"
    fence = server.post(one + "/claim", {}).json()["lease"]["fence"]

    def put(**more):
        reply = server.ask("PUT", one + "/draft", dict(more, fence=fence))
        check(f"draft {more}", reply.status == 204, reply.body)
        return server.get(one).json()["draft"]["values"]
    check("null takes out", put(values={"/a": 1, "/b": 2}) == {"/a": 1, "/b": 2} and
          put(values={"/a": None}) == {"/b": 2})
    check("null is a value where forget is said",
          put(values={"/a": None, "/c": [None]}, forget=[]) == {"/b": 2, "/a": None, "/c": [None]})
    check("forget takes out", put(forget=["/b", "/c", "/none"]) == {"/a": None})
    check("a value that is forgotten and given is given",
          put(values={"/a": 3}, forget=["/a"]) == {"/a": 3})
    check("forget is a list", server.ask("PUT", one + "/draft", {
        "fence": fence, "forget": "/a"}).status == 422)
    server.post(one + "/release", {"fence": fence})
    server.post(one + "/claim", {}, who="bob")
    late = server.post(one + "/answer", {"act": "set", "fence": fence, "values": {
        "/supplier_name": None}})
    check("a late answer is a conflict", late.status == 409, late.body)
    check("and loses nothing, no null either",
          server.get(one).json()["draft"]["values"]["/supplier_name"] is None)


def export_keys(server):
    key = {"Idempotency-Key": "export \"1\" \u00e9".encode("utf-8").decode("latin-1")}
    body = {"format": "foundry"}
    first = server.post("/v1/exports", body, headers=key)
    check("an export", first.status == 200, first.body)
    check("it is one", server.post("/v1/exports", body, headers=key).json() == first.json())
    check("another body under the key is refused", server.post(
        "/v1/exports", {"format": "foundry", "pipeline": "invoice"},
        headers=key).json().get("code") == "idempotency_key_reused")
    check("it ends by its signal", server.stop() == 143)
    server.start()
    again = server.post("/v1/exports", b' {"format" : "foundry"}',
                        headers=dict(key, **{"Content-Type": "application/json"}))
    check("behind a restart it is the same export", again.json() == first.json(), again.body)
    check("and not a second one", len(server.get("/v1/exports").json()["items"]) == 1)
    check("without a key it is another", server.post("/v1/exports", body).json()["id"] !=
          first.json()["id"])
    number = first.json()["id"].rsplit("-", 1)[1]
    os.unlink(f"{server.jobs}/out/export-{number}.jsonl.manifest.json")
    third = server.post("/v1/exports", body, headers=key).json()
    check("one whose files were never named is made again", third["id"] != first.json()["id"] and
          server.get(third["url"]).status == 200)


def second_pipeline():
    """A kill while a job of the second of two watched pipelines runs: its phase runs again."""
    with Server(pictures=1) as server:
        with open(server.folder + "/slow.yaml", "w", encoding="utf-8") as f:
            f.write(SLOW)
        server.stop()
        server.options = ("--pipeline", server.folder + "/slow.yaml")
        server.start()
        made = server.post("/v1/jobs", {"pipeline": "slow", "input": {}}).json()["id"]

        def state():
            return server.get("/v1/jobs/" + made).json()["state"]
        server.wait(lambda: state() == "running")
        server.stop(signal.SIGKILL)
        server.start()
        check("what a kill cut off goes on, of each pipeline",
              server.wait(lambda: state() == "completed"))
        check("it ends by its signal", server.stop() == 143)


def main():
    with Server() as server:
        presence(server)
        etags(server)
        drafts(server)
        export_keys(server)
        check("a signal ends it with its own code", server.stop() == 143)
    second_pipeline()
    return tally()


if __name__ == "__main__":
    sys.exit(main())
