# SPDX-License-Identifier: MIT
"""Foundry behind FastAPI: submit in a handler, hear of questions by webhook, answer from a form of one's own. See README.md."""
import html
import json
import pathlib
import sys
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "common"))
import foundry  # noqa: E402
from fastapi import FastAPI, HTTPException, Request  # noqa: E402
from fastapi.concurrency import run_in_threadpool  # noqa: E402
from fastapi.responses import HTMLResponse, RedirectResponse  # noqa: E402

app = FastAPI()
seen = {}  # delivery id -> event; a real application keeps this in its database


# Handlers that call Foundry are plain `def`: FastAPI runs them on threads, so that none blocks the loop.
@app.post("/texts", status_code=202)
def submit(body: dict):
    return {"job": foundry.submit(body["text"], body.get("key"))["id"]}


@app.get("/texts/{job_id}")
def status(job_id: str):
    try:
        job = foundry.job(job_id)
    except foundry.Refused as error:
        raise HTTPException(error.status, str(error)) from error
    return {"state": job["state"], "reviewed": job["outputs"].get("review")}


@app.post("/hook", status_code=204)
async def hook(request: Request):
    body = await request.body()  # the bytes that were signed, not what a parser made of them
    if not foundry.is_genuine(request.headers.get("foundry-signature"), body):
        raise HTTPException(401, "the signature is not Foundry's")
    message = json.loads(body)
    seen[message["delivery"]] = message  # at least once: the id makes a repetition harmless


@app.get("/events")
def events():
    return list(seen.values())


@app.get("/", response_class=HTMLResponse)
def form():
    cards = []
    for item in foundry.open_asks():
        ask = foundry.ask(item["id"])
        cards.append(f'<form method="post" action="/answer/{ask["id"]}"><p>{html.escape(ask["questions"][0]["question"])}</p>'
                     f'<input name="content" value="{html.escape(ask["subject"]["content"], quote=True)}"><button>Right</button></form>')
    return "<!doctype html><title>To approve</title>" + ("".join(cards) or "<p>Nothing waits.</p>")


@app.post("/answer/{ask_id}")
async def answer(ask_id: str, request: Request):  # a form, read without python-multipart
    fields = urllib.parse.parse_qs((await request.body()).decode(), keep_blank_values=True)
    try:
        await run_in_threadpool(foundry.answer, ask_id, {"/content": fields["content"][0]})
    except foundry.Refused as error:
        raise HTTPException(error.status, error.problem) from error
    return RedirectResponse("/", status_code=303)
