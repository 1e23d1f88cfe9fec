/* SPDX-License-Identifier: MIT */
/* What must hold of the record behind a kill, looked at from outside. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "run/engine.h"
#include "store/verify.h"
#include "storm.h"

/** The events as they were read last, event n at n - 1, and what they say about steps. */
struct history {
    struct fnd_event_row *events;
    size_t count, capacity;
    size_t checked;   /* events of the last check: those behind are new */
    size_t running;   /* steps that were running then */
    int64_t *outputs; /* by step: see output_at(); grown with the events */
    size_t outputs_steps;
};

enum { PHASES = 8 }; /* more than the storm's pipeline has */

static struct history *history_of(struct storm *storm)
{
    if (storm->history == NULL) {
        storm->history = fnd_alloc(sizeof *storm->history);
    }
    return storm->history;
}

void storm_history_finish(struct storm *storm)
{
    if (storm->history != NULL) {
        free(storm->history->events);
        free(storm->history->outputs);
        free(storm->history);
        storm->history = NULL;
    }
}

size_t storm_events(const struct storm *storm)
{
    return storm->history != NULL ? storm->history->count : 0;
}

static void flaw_found(const char *sentence, void *context)
{
    storm_blame(context, BLAME_FLAW, "verify: %s", sentence);
}

struct reading {
    struct storm *storm;
    size_t at;
};

/** Take an event in; what was read before must still be the same. */
static bool event_take(const struct fnd_event_row *row, void *context)
{
    struct reading *reading = context;
    struct history *history = history_of(reading->storm);
    size_t at = reading->at++;
    if (at < history->count) {
        const struct fnd_event_row *old = &history->events[at];
        if (old->id != row->id || old->at_us != row->at_us || old->kind != row->kind ||
            old->step != row->step || old->phase != row->phase || old->prev != row->prev) {
            storm_blame(reading->storm, BLAME_LOST,
                        "event %" PRId64 " is another than it was: %s of job %" PRId64
                        ", was %s of job %" PRId64,
                        row->id, fnd_event_name(row->kind), row->step, fnd_event_name(old->kind),
                        old->step);
            history->events[at] = *row;
        }
        return true;
    }
    if (history->count == history->capacity) {
        history->capacity = history->capacity * 2 + 4096;
        history->events = fnd_realloc(history->events, history->capacity, sizeof *history->events);
    }
    history->events[history->count++] = *row;
    return true;
}

static const struct fnd_event_row *event_at(const struct history *history, int64_t number)
{
    return number > 0 && (size_t)number <= history->count ? &history->events[number - 1] : NULL;
}

/* --- acknowledged things ------------------------------------------------------------------- */

static void check_ack(struct storm *storm, struct fnd_reader *reader, const struct ack *ack)
{
    const struct fnd_event_row *event = event_at(history_of(storm), ack->event);
    if (ack->kind == ACK_ANSWERED) {
        struct fnd_request_row request = {0};
        if (fnd_request_get(reader, ack->event, &request, NULL) != FND_OK ||
            request.state != FND_REQUEST_ANSWERED) {
            storm_blame(storm, BLAME_LOST,
                        "request %" PRId64 " was acknowledged as answered and "
                        "is not",
                        ack->event);
        }
    } else if (event == NULL) {
        storm_blame(storm, BLAME_LOST,
                    "event %" PRId64 " (%s of job %" PRId64
                    ") was acknowledged and is not on record, which ends at %zu",
                    ack->event, fnd_event_name((enum fnd_event_kind)ack->kind), ack->job,
                    history_of(storm)->count);
    } else if ((int)event->kind != ack->kind || event->step != ack->job) {
        storm_blame(storm, BLAME_LOST,
                    "event %" PRId64 " was acknowledged as %s of job %" PRId64
                    " and is %s of job %" PRId64,
                    ack->event, fnd_event_name((enum fnd_event_kind)ack->kind), ack->job,
                    fnd_event_name(event->kind), event->step);
    }
}

/* --- results ------------------------------------------------------------------------------- */

/** The output that a phase of a step has, by the events so far; `step` is a job's number. */
static int64_t *output_at(struct history *history, int64_t step, int32_t phase)
{
    size_t steps = (size_t)step + 1;
    if (steps > history->outputs_steps) {
        size_t more = steps * 2;
        history->outputs = fnd_realloc(history->outputs, more * PHASES, sizeof *history->outputs);
        memset(history->outputs + history->outputs_steps * PHASES, 0,
               (more - history->outputs_steps) * PHASES * sizeof *history->outputs);
        history->outputs_steps = more;
    }
    return &history->outputs[(size_t)step * PHASES + (size_t)phase];
}

static void check_output(struct storm *storm, const struct fnd_event_row *event)
{
    int64_t *output = output_at(history_of(storm), event->step, event->phase);
    if (*output != 0) {
        storm_blame(storm, BLAME_DOUBLED,
                    "job %" PRId64 ", phase %d has two results: events %" PRId64 " and %" PRId64,
                    event->step, event->phase, *output, event->id);
    }
    *output = event->id;
}

/** An ANSWER's request must not have another. */
static void check_answer(struct storm *storm, const struct fnd_event_row *event)
{
    struct history *history = history_of(storm);
    const struct fnd_event_row *request = event_at(history, event->ref);
    if (request == NULL || request->kind != FND_EVENT_ASK || request->step != event->step) {
        storm_blame(storm, BLAME_ODD,
                    "answer %" PRId64 " is to %" PRId64 ", which is no request of its job",
                    event->id, event->ref);
        return;
    }
    /* The slot behind the phases is free: a request's own number stands in for a step. */
    int64_t *answer = output_at(history, event->ref, PHASES - 1);
    if (*answer != 0) {
        storm_blame(storm, BLAME_DOUBLED,
                    "request %" PRId64 " has two answers: events %" PRId64 " and %" PRId64,
                    event->ref, *answer, event->id);
    }
    *answer = event->id;
}

/** A START behind a step that was running is a phase run again. Returns whether it is. */
static bool check_start(struct storm *storm, const struct fnd_event_row *event)
{
    struct history *history = history_of(storm);
    const struct fnd_event_row *before = event_at(history, event->prev);
    int64_t output = *output_at(history, event->step, event->phase);
    if (output != 0) {
        storm_blame(storm, BLAME_RERUN,
                    "job %" PRId64 ": event %" PRId64 " starts phase %d again,"
                    " which ended in event %" PRId64,
                    event->step, event->id, event->phase, output);
    }
    if (before == NULL || event->attempt != before->after.attempt + 1) {
        storm_blame(storm, BLAME_RERUN,
                    "job %" PRId64 ": event %" PRId64 " starts attempt %d of "
                    "phase %d, and the one before it was %d",
                    event->step, event->id, event->attempt, event->phase,
                    before != NULL ? before->after.attempt : 0);
    }
    return before != NULL && before->after.state == FND_RUNNING;
}

static void outputs_drop(struct storm *storm, const struct fnd_event_row *event)
{
    for (int32_t phase = event->after.phase; phase < PHASES - 1; phase++) {
        *output_at(history_of(storm), event->step, phase) = 0;
    }
}

/** Go through the new events in order.  Returns how many phases were run again; `acts` of people
 *  are counted: each may set one more step in motion than fit in flight. */
static size_t check_events(struct storm *storm, size_t *acts)
{
    struct history *history = history_of(storm);
    size_t rerun = 0;
    for (size_t i = history->checked; i < history->count; i++) {
        const struct fnd_event_row *event = &history->events[i];
        *acts += event->kind == FND_EVENT_ANSWER || event->kind == FND_EVENT_REOPEN;
        if (event->kind == FND_EVENT_OUTPUT) {
            check_output(storm, event);
        } else if (event->kind == FND_EVENT_ANSWER) {
            check_answer(storm, event);
        } else if (event->kind == FND_EVENT_START) {
            rerun += check_start(storm, event);
        } else if (event->kind == FND_EVENT_REOPEN || event->kind == FND_EVENT_UPGRADE) {
            outputs_drop(storm, event);
        } else if (event->kind == FND_EVENT_FAIL && !storm->options.may_fail) {
            storm_blame(storm, BLAME_ODD,
                        "job %" PRId64 " failed in phase %d, attempt %d "
                        "(event %" PRId64 ")",
                        event->step, event->phase, event->attempt, event->id);
        }
    }
    history->checked = history->count;
    return rerun;
}

static bool step_count(const struct fnd_step_row *row, void *context)
{
    size_t *count = context;
    (void)row;
    ++*count;
    return true;
}

/** All that needs the reader. */
static void check_open(struct storm *storm, struct fnd_reader *reader, size_t runs, bool whole)
{
    struct history *history = history_of(storm);
    const struct fnd_walk all = {0, 100000000};
    struct fnd_error error = {0};
    struct fnd_verify verify = {0};
    const size_t old_count = history->count;
    /* The last event that is known is always read again: it must still be there. */
    const size_t from = whole || old_count == 0 ? 0 : old_count - 1;
    const struct fnd_walk news = {(int64_t)from, 100000000};
    struct reading reading = {storm, from};
    size_t running = 0;
    if (whole && fnd_store_verify(reader, &verify, flaw_found, storm, &error) != FND_OK) {
        storm_blame(storm, BLAME_FLAW, "verify ended badly: %s", error.message);
    }
    if (fnd_events_walk(reader, 0, &news, event_take, &reading, &error) != FND_OK ||
        fnd_steps_walk(reader, FND_RUNNING, &all, step_count, &running, &error) != FND_OK) {
        storm_blame(storm, BLAME_FLAW, "the record cannot be read: %s", error.message);
        return;
    }
    if (reading.at < old_count) {
        storm_blame(storm, BLAME_LOST, "the record ends at event %zu, and was at %zu", reading.at,
                    old_count);
        history->count = reading.at;
    }
    for (; storm->acks_checked < storm->acks_count; storm->acks_checked++) {
        check_ack(storm, reader, &storm->acks[storm->acks_checked]);
    }
    size_t acts = 0;
    size_t rerun = check_events(storm, &acts);
    const size_t before = history->running;
    /* What a first driver took up, a second one may take up once more. */
    const size_t rerun_max = before + (runs - 1) * (before + STORM_FLIGHT + acts);
    const size_t running_max = (before > STORM_FLIGHT ? before : STORM_FLIGHT) + acts;
    if (rerun > rerun_max) {
        storm_blame(storm, BLAME_RERUN, "%zu phases were run again, and %zu were running", rerun,
                    rerun_max);
    }
    if (running > running_max) {
        storm_blame(storm, BLAME_RERUN, "%zu phases are running, of %zu that may", running,
                    running_max);
    }
    storm->rerun += rerun;
    storm->rerun_most = rerun > storm->rerun_most ? rerun : storm->rerun_most;
    storm->running_most = running > storm->running_most ? running : storm->running_most;
    history->running = running;
}

void storm_check_record(struct storm *storm, size_t runs, bool whole)
{
    struct fnd_reader *reader = NULL;
    struct fnd_error error = {0};
    enum fnd_status status = fnd_reader_open(storm->jobs, &reader, &error);
    if (status == FND_OK) {
        check_open(storm, reader, runs, whole);
        fnd_reader_close(reader);
    } else if (status != FND_NOT_FOUND || storm->acks_count > 0) {
        storm_blame(storm, BLAME_FLAW, "the record cannot be opened: %s", error.message);
    }
}

void storm_check_completed(struct storm *storm, const char *jobs, size_t count)
{
    struct fnd_reader *reader = NULL;
    struct fnd_error error = {0};
    int64_t counts[FND_CANCELLED + 1] = {0};
    if (fnd_reader_open(jobs, &reader, &error) != FND_OK ||
        fnd_jobs_count(reader, NULL, counts, &error) != FND_OK) {
        storm_blame(storm, BLAME_FLAW, "%s: the record cannot be read: %s", jobs, error.message);
    }
    fnd_reader_close(reader);
    for (int state = 0; state <= FND_CANCELLED; state++) {
        int64_t expected = state == FND_COMPLETED ? (int64_t)count : 0;
        if (counts[state] != expected) {
            storm_blame(storm, BLAME_ODD, "%s: %" PRId64 " jobs are %s, not %" PRId64, jobs,
                        counts[state], fnd_state_name((enum fnd_state)state), expected);
        }
    }
}

/* --- choices from batches ------------------------------------------------------------------ */

/** How many members a choice has; 0 if that cannot be read. */
static size_t members_of(struct fnd_reader *reader, int64_t choice)
{
    struct fnd_text body = {0};
    size_t count = 0;
    if (fnd_payload_get(reader, choice, &body, NULL, NULL) == FND_OK) {
        const struct fnd_json decision = {body.bytes, body.size};
        count = fnd_json_count(fnd_json_member(decision, "members"));
    }
    fnd_text_finish(&body);
    return count;
}

/** What came of a choice: steps that it let go, and those of them that were asked about before
 *  anything else became of them. */
static void choice_check(struct storm *storm, struct fnd_reader *reader, int64_t choice)
{
    const struct history *history = history_of(storm);
    const size_t members = members_of(reader, choice);
    const size_t wanted = members < STORM_CHOSEN ? members : STORM_CHOSEN;
    size_t started = 0, asked = 0;
    for (size_t i = (size_t)choice; i < history->count; i++) {
        const struct fnd_event_row *start = &history->events[i];
        if (start->kind != FND_EVENT_START || start->ref != choice) {
            continue;
        }
        const struct fnd_event_row *next = NULL; /* that ends the visit, behind kills */
        for (size_t k = i + 1; k < history->count && next == NULL; k++) {
            const struct fnd_event_row *event = &history->events[k];
            const bool again = event->kind == FND_EVENT_START || event->kind == FND_EVENT_DRAIN;
            next = event->step == start->step && !again ? event : NULL;
        }
        started++;
        asked += next != NULL && next->kind == FND_EVENT_ASK;
    }
    if (members == 0 || started != members || asked != wanted) {
        storm_blame(storm, BLAME_ODD,
                    "choice %" PRId64 " has %zu members; %zu were let go and %zu asked about, not "
                    "%zu",
                    choice, members, started, asked, wanted);
    }
    storm->choices++;
    storm->chosen_from += members;
}

void storm_check_choices(struct storm *storm, const char *jobs)
{
    const struct history *history = history_of(storm);
    struct fnd_reader *reader = NULL;
    struct fnd_error error = {0};
    if (fnd_reader_open(jobs, &reader, &error) != FND_OK) {
        storm_blame(storm, BLAME_FLAW, "%s: the record cannot be read: %s", jobs, error.message);
        return;
    }
    for (size_t i = 0; i < history->count; i++) {
        const struct fnd_event_row *event = &history->events[i];
        if (event->kind == FND_EVENT_HOLD && event->after.due_us == FND_DUE_CHOICE) {
            choice_check(storm, reader, event->id);
        }
    }
    fnd_reader_close(reader);
}
