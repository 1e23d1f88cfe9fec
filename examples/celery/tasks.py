# SPDX-License-Identifier: MIT
"""What workers do: calls of Foundry, tried again when it is away. `python3 -m celery -A tasks worker`"""
import os
import pathlib
import sys
import urllib.error

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "common"))
import foundry  # noqa: E402
from celery import Celery  # noqa: E402

REDIS = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
app = Celery("tasks", broker=REDIS, backend=REDIS)
app.conf.update(task_acks_late=True,  # a worker that dies leaves its task to another
                task_serializer="json", accept_content=["json"], broker_connection_retry_on_startup=True)

AGAIN = {"autoretry_for": (urllib.error.URLError, ConnectionError), "retry_backoff": 1, "max_retries": 8}


@app.task(bind=True, **AGAIN)
def submit(self, text):
    """The task's id is the key: however often this runs, there is one job."""
    return foundry.submit(text, key=self.request.id)["id"]


@app.task(bind=True, **AGAIN)
def answer(self, ask_id, content):
    try:
        return foundry.answer(ask_id, {"/content": content})["job"]
    except foundry.Refused as error:
        return {"refused": error.problem}  # somebody was first, or the value is wrong: trying again would not help


@app.task(**AGAIN)
def heard(message):
    """A webhook's message: here one would mail who answers, or mark an order as done."""
    state = foundry.job(message["job"]["id"])["state"]
    app.backend.client.rpush("heard", f'{message["type"]} {message["job"]["path"]} {state}')
