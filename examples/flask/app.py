# SPDX-License-Identifier: MIT
"""Foundry behind Flask: submit in a handler, hear of questions by webhook, answer from a form of one's own. See README.md."""
import html
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "common"))
import foundry  # noqa: E402
from flask import Flask, abort, jsonify, redirect, request  # noqa: E402

app = Flask(__name__)
seen = {}  # delivery id -> event; a real application keeps this in its database


@app.errorhandler(foundry.Refused)
def refused(error):
    return jsonify(error.problem), error.status


@app.post("/texts")
def submit():
    body = request.get_json()
    return {"job": foundry.submit(body["text"], body.get("key"))["id"]}, 202


@app.get("/texts/<job_id>")
def status(job_id):
    job = foundry.job(job_id)
    return {"state": job["state"], "reviewed": job["outputs"].get("review")}


@app.post("/hook")
def hook():
    body = request.get_data()  # the bytes that were signed, not what a parser made of them
    if not foundry.is_genuine(request.headers.get("Foundry-Signature"), body):
        abort(401)
    message = request.get_json()
    seen[message["delivery"]] = message  # at least once: the id makes a repetition harmless
    return "", 204


@app.get("/events")
def events():
    return jsonify(list(seen.values()))


@app.get("/")
def form():
    cards = []
    for item in foundry.open_asks():
        ask = foundry.ask(item["id"])
        cards.append(f'<form method="post" action="/answer/{ask["id"]}"><p>{html.escape(ask["questions"][0]["question"])}</p>'
                     f'<input name="content" value="{html.escape(ask["subject"]["content"], quote=True)}"><button>Right</button></form>')
    return "<!doctype html><title>To approve</title>" + ("".join(cards) or "<p>Nothing waits.</p>")


@app.post("/answer/<ask_id>")
def answer(ask_id):
    foundry.answer(ask_id, {"/content": request.form["content"]})
    return redirect("/", 303)


if __name__ == "__main__":
    app.run("127.0.0.1", 8090)
