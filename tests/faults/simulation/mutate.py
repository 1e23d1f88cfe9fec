#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write a copy of an engine source with one mistake in it.

usage: mutate.py MUTANT INPUT OUTPUT

Each mutant is a list of (file, old text, new text): the old text must be there exactly once, so that
a mutant that no longer means anything ends the build."""

import pathlib
import sys

MUTANTS = {
    # One commit in 64 is acknowledged and not made.
    "early-ack": [
        ("write.c", "rc = run(&group, WRITER_COMMIT);",
         "static unsigned count;\n"
         "        rc = run(&group, ++count % 64 == 0 ? WRITER_ROLLBACK : WRITER_COMMIT);"),
    ],
    # One queued write in 200 is called done without being applied.
    "dropped-write": [
        ("write.c", "if (apply(&group, write) == BROKEN) {",
         "static unsigned count;\n"
         "        if (++count % 200 == 0) {\n"
         "            write->first = write->last = group.mark.sequence;\n"
         "        } else if (apply(&group, write) == BROKEN) {"),
    ],
    # Nobody looks whether a request is open.
    "second-answer": [
        ("write.c", "if (found->state != FND_REQUEST_OPEN) {",
         "if (found->state > FND_REQUEST_WITHDRAWN) {"),
        ("answer.c", "if (answering->request.state != FND_REQUEST_OPEN ||\n",
         "if (answering->request.state > FND_REQUEST_WITHDRAWN ||\n"),
    ],
    # A phase that is begun again is called the same attempt.
    "attempt-not-counted": [
        ("transition.c", "event->after.attempt = stand->attempt + 1;",
         "event->after.attempt = stand->attempt;"),
    ],
    # What a failed COMMIT came to is taken for done, and not read back.
    "not-read-back": [
        ("write.c", "enum fnd_status status = read_back(store, mark, failure, &recorded, &error);",
         "enum fnd_status status = read_back(store, mark, failure, &recorded, &error);\n"
         "    recorded = true;"),
    ],
    # Commits are not synced.
    "no-sync": [
        ("writer.c", "PRAGMA synchronous=FULL;", "PRAGMA synchronous=OFF;"),
        ("writer.c", '"PRAGMA synchronous", 2, "synchronous"',
         '"PRAGMA synchronous", 0, "synchronous"'),
    ],
    # Which phases must not be repeated is forgotten: as they are begun, as they are begun again.
    "begun-without-commit": [
        ("transition.c", "!engine->drained && pipeline->phases[phase].repeatable;",
         "!engine->drained;"),
    ],
    "repeated-unseen": [
        ("transition.c", "if (begun && !phase->repeatable) {",
         "if (begun && !phase->repeatable && phase->index > FND_PHASES_MAX) {"),
    ],
    # The limit on retries: failures not counted, and one more than allowed.
    "failure-not-counted": [
        ("transition.c", "event->after.failures++;", "event->after.failures += 0;"),
    ],
    "one-retry-more": [
        ("transition.c", "task->row.stand.failures < retry->max;",
         "task->row.stand.failures <= retry->max;"),
    ],
    # A drain keeps the attempt that it gives back.
    "drain-keeps-attempt": [
        ("transition.c", "event->after.attempt--;", "event->after.attempt -= 0;"),
    ],
    # Every job runs under the pipeline that was loaded last.
    "pin-forgotten": [
        ("pins.c", "if (pinned->id == pin) {", "if (pinned->id > 0) {"),
    ],
    # A refused act runs what a dead engine had begun.
    "inherited-visit": [
        ("operate.c", "task->inherited = task->row.stand.state == FND_RUNNING;",
         "task->inherited = false;"),
    ],
    # Who leads a choice is not seen: while it lets its batch go, another is made.
    "choice-again": [
        ("batch.c", "look->leader = step->id;", "look->leader = 0;"),
    ],
    # Jobs whose turn has not come are not waited for; those that failed are.
    "batch-not-whole": [
        ("batch.c", "look->missing++;", "look->missing += stand->state != FND_QUEUED;"),
    ],
    "failed-awaited": [
        ("batch.c", "status == FND_OK && state <= FND_PAUSED; state++) {",
         "status == FND_OK && state <= FND_FAILED; state++) {"),
    ],
    # One more of a batch is asked about.
    "one-card-more": [
        ("choose.c", "const size_t want = wanted(choice, left);",
         "size_t want = wanted(choice, left);\n    want += want < left;"),
    ],
    # A choice lets those go who came back behind it; it is queued, and nobody commits it.
    "old-choice": [
        ("batch.c", "row.event > batch->decision)", "row.event < 0)"),
    ],
    "choice-not-committed": [
        ("engine.c", "(alone && fnd_store_waiting(engine->store) > 0)", "(alone && false)"),
    ],
    # Beside production: an output again after a restart, one of a job that was not drawn, what was
    # said not kept; a look before its time, and at documents looked at only in places.
    "beside-again": [
        ("shadow.c", "if (beside_find(cursor, output) != 0 ||", "if (cursor == NULL ||"),
    ],
    "beside-undrawn": [
        ("shadow.c", "!drawn(learn, &of->job, model->shadow)", "!drawn(learn, &of->job, 1)"),
    ],
    "beside-not-kept": [
        ("shadow.c", "if (says && record(shade, &error) != FND_OK) {",
         "static unsigned count;\n"
         "    if (says && ++count % 8 > 0 && record(shade, &error) != FND_OK) {"),
    ],
    "look-too-early": [
        ("shadow.c", "pairs_of(&score) < (looked + 1) * model->minimum)",
         "pairs_of(&score) + 2 < (looked + 1) * model->minimum)"),
    ],
    "places-decide": [
        ("shadow.c", "bool sample = fnd_json_type(whole) == FND_JSON_NULL ||",
         "bool sample = whole.bytes != NULL ||"),
    ],
    # An export leaves the first record of a page out.
    "record-not-exported": [
        ("select.c", "for (size_t i = 0; status == FND_OK && i < page->count; i++) {",
         "for (size_t i = page->count > 1; status == FND_OK && i < page->count; i++) {"),
    ],
}


def main():
    name, source, target = sys.argv[1:]
    text = pathlib.Path(source).read_text(encoding="utf-8")
    changed = False
    for file, old, new in MUTANTS[name]:
        if pathlib.Path(source).name != file:
            continue
        if text.count(old) != 1:
            sys.exit(f"mutate.py: {name}: {source} has {text.count(old)} of: {old}")
        text = text.replace(old, new)
        changed = True
    if not changed:
        sys.exit(f"mutate.py: {name} changes nothing in {source}")
    pathlib.Path(target).write_text(text, encoding="utf-8")


main()
