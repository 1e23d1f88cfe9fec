# SPDX-License-Identifier: MIT
"""The web side: it only takes in and hands on, so that it answers at once even when Foundry is away. See README.md."""
import html

from flask import Flask, abort, jsonify, redirect, request

import tasks
from tasks import foundry

app = Flask(__name__)


@app.post("/texts")
def submit():
    return {"task": tasks.submit.delay(request.get_json()["text"]).id}, 202


@app.get("/texts/<task_id>")
def status(task_id):
    task = tasks.submit.AsyncResult(task_id)
    if not task.successful():
        return {"state": task.state.lower(), "reviewed": None}
    job = foundry.job(task.result)
    return {"state": job["state"], "reviewed": job["outputs"].get("review")}


@app.post("/hook")
def hook():
    if not foundry.is_genuine(request.headers.get("Foundry-Signature"), request.get_data()):
        abort(401)
    message = request.get_json()
    # At least once: the delivery's id as the task's id tells repetitions apart.
    tasks.heard.apply_async([message], task_id=message["delivery"])
    return "", 204


@app.get("/events")
def events():
    return jsonify([line.decode() for line in tasks.app.backend.client.lrange("heard", 0, -1)])


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
    tasks.answer.delay(ask_id, request.form["content"])
    return redirect("/", 303)


if __name__ == "__main__":
    app.run("127.0.0.1", 8090)
