/* SPDX-License-Identifier: MIT */
/* The curve counted a second time, another way: from the log. What the first count takes from the
 * tables (which record came of an answer, whether it was taken back, a job's pin, what a pin is) is
 * found here in the events and their documents; where a step stood at an event, which the first
 * count finds by going back from it, comes here of taking each step along from its beginning. */
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "learn/curve_internal.h"

enum { EVENTS_AT_ONCE = 1024 };

struct step {
    int64_t id, pin;
    int64_t *outputs; /* by phase; 0: none */
    size_t count;
};

struct answer {
    int64_t id, output;
    bool undone;
};

struct pin {
    int64_t id;
    struct fnd_text body;
    char *pipeline, version[17];
    struct pin *next;
};

struct again {
    struct fnd_reader *reader;
    struct fnd_curve *curve;
    struct step *steps; /* by id, as their JOBs come */
    size_t steps_count, steps_capacity;
    struct answer *answers; /* by id */
    size_t answers_count, answers_capacity;
    struct pin *pins;
    struct fnd_event_row *rows;
    size_t rows_count;
};

static struct fnd_json span(const struct fnd_text *text)
{
    return (struct fnd_json){text->size > 0 ? text->bytes : NULL, text->size};
}

/* --- what the log says ------------------------------------------------------------------------ */

static struct step *step_of(const struct again *again, int64_t id)
{
    size_t low = 0, high = again->steps_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (again->steps[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < again->steps_count && again->steps[low].id == id ? &again->steps[low] : NULL;
}

static struct answer *answer_of(const struct again *again, int64_t id)
{
    size_t low = 0, high = again->answers_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (again->answers[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < again->answers_count && again->answers[low].id == id ? &again->answers[low] : NULL;
}

static enum fnd_status job_follow(struct again *again, const struct fnd_event_row *event,
                                  struct fnd_error *error)
{
    struct fnd_text body = {0};
    const enum fnd_status status = fnd_payload_get(again->reader, event->id, &body, NULL, error);
    struct step step = {.id = event->id};
    if (status == FND_OK) {
        (void)fnd_json_integer(fnd_json_member(span(&body), "pin"), &step.pin);
        if (again->steps_count == again->steps_capacity) {
            again->steps_capacity = again->steps_capacity * 2 + 64;
            again->steps = fnd_realloc(again->steps, again->steps_capacity, sizeof *again->steps);
        }
        again->steps[again->steps_count++] = step;
    }
    fnd_text_finish(&body);
    return status;
}

static void answer_keep(struct again *again, const struct fnd_event_row *event)
{
    if (again->answers_count == again->answers_capacity) {
        again->answers_capacity = again->answers_capacity * 2 + 64;
        again->answers =
            fnd_realloc(again->answers, again->answers_capacity, sizeof *again->answers);
    }
    again->answers[again->answers_count++] = (struct answer){.id = event->id};
}

static enum fnd_status undo_follow(struct again *again, const struct fnd_event_row *event,
                                   struct fnd_error *error)
{
    struct fnd_text body = {0};
    int64_t of = 0;
    const enum fnd_status status = fnd_payload_get(again->reader, event->id, &body, NULL, error);
    if (status == FND_OK && fnd_json_integer(fnd_json_member(span(&body), "answer"), &of)) {
        struct answer *answer = answer_of(again, of);
        if (answer != NULL) {
            answer->undone = true;
        }
    }
    fnd_text_finish(&body);
    return status;
}

static void output_follow(struct step *step, const struct fnd_event_row *event)
{
    const size_t phase = (size_t)event->phase;
    if (phase >= step->count) {
        step->outputs = fnd_realloc(step->outputs, phase + 1, sizeof *step->outputs);
        memset(step->outputs + step->count, 0, (phase + 1 - step->count) * sizeof *step->outputs);
        step->count = phase + 1;
    }
    step->outputs[phase] = event->id;
}

/* The first walk: what became of each answer, which is seen at the end only. */
static enum fnd_status answers_follow(struct again *again, const struct fnd_event_row *event,
                                      struct fnd_error *error)
{
    struct answer *answer = NULL;
    switch (event->kind) {
    case FND_EVENT_ANSWER:
        answer_keep(again, event);
        return FND_OK;
    case FND_EVENT_OUTPUT:
        answer = answer_of(again, event->ref);
        if (answer != NULL) {
            answer->output = event->id;
        }
        return FND_OK;
    case FND_EVENT_UNDO:
        return undo_follow(again, event, error);
    default:
        return FND_OK;
    }
}

/* The second walk takes each step along as it stood: the pin that it ran under, the outputs that
 * it had when it was asked about. */
static enum fnd_status step_follow(struct again *again, const struct fnd_event_row *event,
                                   struct fnd_error *error)
{
    struct step *step = step_of(again, event->step);
    if (event->kind == FND_EVENT_JOB) {
        return job_follow(again, event, error);
    }
    if (step == NULL || event->phase < 0 || event->phase >= FND_PHASES_MAX) {
        return FND_OK;
    }
    if (event->kind == FND_EVENT_OUTPUT) {
        output_follow(step, event);
    } else if (event->kind == FND_EVENT_REOPEN || event->kind == FND_EVENT_UPGRADE ||
               event->kind == FND_EVENT_UNDO) {
        const size_t left = event->after.phase > 0 ? (size_t)event->after.phase : 0;
        step->count = step->count > left ? left : step->count;
        step->pin = event->kind == FND_EVENT_UPGRADE ? event->ref : step->pin;
    }
    return FND_OK;
}

static enum fnd_status pin_of(struct again *again, int64_t id, struct pin **found,
                              struct fnd_error *error)
{
    uint8_t hash[FND_DIGEST_SIZE];
    struct fnd_text body = {0};
    for (*found = again->pins; *found != NULL; *found = (*found)->next) {
        if ((*found)->id == id) {
            return FND_OK;
        }
    }
    const enum fnd_status status = fnd_payload_get(again->reader, id, &body, NULL, error);
    if (status != FND_OK) {
        fnd_text_finish(&body);
        return status;
    }
    struct pin *pin = fnd_alloc(sizeof *pin);
    pin->id = id;
    pin->body = body;
    pin->pipeline = fnd_json_strdup(fnd_json_member(span(&body), "name"));
    fnd_sha256(body.bytes, body.size, hash);
    fnd_hex(hash, 8, pin->version);
    pin->next = again->pins;
    again->pins = pin;
    *found = pin;
    return FND_OK;
}

/* --- what that makes -------------------------------------------------------------------------- */

static void member_append(struct fnd_text *json, const char *name, struct fnd_json value)
{
    if (value.bytes != NULL) {
        fnd_text_printf(json, ",\"%s\":", name);
        fnd_text_append(json, value.bytes, value.size);
    }
}

/* What counts of a record, from the documents that it is made of. */
struct told {
    struct fnd_text answer, asked, model, marks, human, record;
};

static void told_finish(struct told *told)
{
    fnd_text_finish(&told->answer);
    fnd_text_finish(&told->asked);
    fnd_text_finish(&told->model);
    fnd_text_finish(&told->marks);
    fnd_text_finish(&told->human);
    fnd_text_finish(&told->record);
}

static void told_join(struct told *told)
{
    static const char *const of_answer[] = {"verdict", "seconds", "fields"};
    static const char *const of_asked[] = {"audit", "checked", "proof"};
    fnd_text_append_z(&told->record, "{\"record\":0");
    for (size_t i = 0; i < sizeof of_answer / sizeof of_answer[0]; i++) {
        member_append(&told->record, of_answer[i],
                      fnd_json_member(span(&told->answer), of_answer[i]));
        member_append(&told->record, of_asked[i], fnd_json_member(span(&told->asked), of_asked[i]));
    }
    member_append(&told->record, "asked", fnd_json_member(span(&told->asked), "questions"));
    member_append(&told->record, "model_output", span(&told->model));
    if (told->marks.size > 0) {
        member_append(&told->record, "confidence",
                      fnd_json_member(span(&told->marks), "confidence"));
    }
    member_append(&told->record, "human_output", span(&told->human));
    fnd_text_append_byte(&told->record, '}');
}

static enum fnd_status answer_count(struct again *again, const struct fnd_event_row *event,
                                    const struct fnd_curve_gate *gate, struct fnd_error *error)
{
    const struct answer *answer = answer_of(again, event->id);
    struct told told = {{0}};
    bool is = false, audit = false;
    int64_t subject = 0;
    enum fnd_status status = fnd_payload_get(again->reader, event->id, &told.answer, NULL, error);
    if (status != FND_OK || answer == NULL || answer->undone ||
        !fnd_json_boolean(fnd_json_member(span(&told.answer), "record"), &is) || !is) {
        goto out;
    }
    status = fnd_payload_get(again->reader, event->ref, &told.asked, NULL, error);
    if (status == FND_OK &&
        fnd_json_integer(fnd_json_member(span(&told.answer), "subject_event"), &subject)) {
        status = fnd_payload_get(again->reader, subject, &told.model, &told.marks, error);
    }
    if (status == FND_OK && answer->output > 0) {
        status = fnd_payload_get(again->reader, answer->output, &told.human, NULL, error);
    }
    if (status == FND_OK) {
        told_join(&told);
        const struct fnd_json asked = span(&told.asked), record = span(&told.record);
        (void)fnd_json_boolean(fnd_json_member(asked, "audit"), &audit);
        fnd_curve_record(
            record, audit || fnd_json_text_is(fnd_json_member(asked, "checked"), "sample"),
            fnd_curve_day_of(fnd_curve_version_of(again->curve, gate,
                                                  fnd_json_member(asked, "proof"), event->id),
                             event->at_us));
    }
out:
    told_finish(&told);
    return status;
}

static enum fnd_status ask_count(struct again *again, const struct fnd_event_row *event,
                                 const struct step *step, struct fnd_json phases,
                                 const struct fnd_curve_gate *gate, struct fnd_error *error)
{
    struct fnd_text asked = {0}, subject = {0}, marks = {0};
    enum fnd_status status = fnd_payload_get(again->reader, event->id, &asked, NULL, error);
    char *name =
        status == FND_OK ? fnd_json_strdup(fnd_json_member(span(&asked), "subject")) : NULL;
    for (struct fnd_json_walk walk = fnd_json_walk(phases);
         status == FND_OK && name != NULL && fnd_json_next(&walk);) {
        if (walk.index < step->count && step->outputs[walk.index] != 0 &&
            fnd_json_text_is(fnd_json_member(walk.value, "id"), name)) {
            status =
                fnd_payload_get(again->reader, step->outputs[walk.index], &subject, &marks, error);
        }
    }
    if (status == FND_OK) {
        const struct fnd_json proof = fnd_json_member(span(&asked), "proof");
        struct fnd_curve_version *version =
            fnd_curve_version_of(again->curve, gate, proof, event->id);
        struct fnd_curve_counts *day = fnd_curve_day_of(version, event->at_us);
        const struct fnd_json none = {NULL, 0};
        const struct fnd_json scores =
            marks.size > 0 ? fnd_json_member(span(&marks), "confidence") : none;
        day->documents++;
        day->flagged += fnd_curve_flagged(span(&asked), fnd_curve_values(span(&subject), scores));
    }
    free(name);
    fnd_text_finish(&asked);
    fnd_text_finish(&subject);
    fnd_text_finish(&marks);
    return status;
}

static enum fnd_status output_count(struct again *again, const struct fnd_event_row *event,
                                    const struct fnd_curve_gate *gate, struct fnd_error *error)
{
    struct fnd_text marks = {0};
    const struct fnd_json none = {NULL, 0};
    const enum fnd_status status = fnd_payload_get(again->reader, event->id, NULL, &marks, error);
    if (status == FND_OK) {
        const struct fnd_json proof =
            marks.size > 0 ? fnd_json_member(span(&marks), "proof") : none;
        struct fnd_curve_counts *day = fnd_curve_day_of(
            fnd_curve_version_of(again->curve, gate, proof, event->id), event->at_us);
        day->documents++;
        day->unasked++;
    }
    fnd_text_finish(&marks);
    return status;
}

/* What people were asked, what they said, what passed. */
static enum fnd_status count(struct again *again, const struct fnd_event_row *event,
                             struct fnd_error *error)
{
    struct pin *pin = NULL;
    enum fnd_status status = step_follow(again, event, error);
    const struct step *step = step_of(again, event->step);
    if (status != FND_OK || step == NULL ||
        (event->kind != FND_EVENT_ASK && event->kind != FND_EVENT_ANSWER &&
         (event->kind != FND_EVENT_OUTPUT || event->ref != 0))) {
        return status;
    }
    status = pin_of(again, step->pin, &pin, error);
    if (status != FND_OK) {
        return status;
    }
    const struct fnd_json phases = fnd_json_find(span(&pin->body), "/canonical/phases");
    char *phase = NULL;
    for (struct fnd_json_walk walk = fnd_json_walk(phases);
         phases.bytes != NULL && phase == NULL && fnd_json_next(&walk);) {
        if ((int64_t)walk.index == event->phase &&
            fnd_json_text_is(fnd_json_member(walk.value, "uses"), "foundry/human")) {
            phase = fnd_json_strdup(fnd_json_member(walk.value, "id"));
        }
    }
    const struct fnd_curve_gate gate = {pin->pipeline, phase, pin->version};
    if (phase != NULL && pin->pipeline != NULL) {
        status = event->kind == FND_EVENT_ASK ? ask_count(again, event, step, phases, &gate, error)
                 : event->kind == FND_EVENT_ANSWER ? answer_count(again, event, &gate, error)
                                                   : output_count(again, event, &gate, error);
    }
    free(phase);
    return status;
}

static bool row_keep(const struct fnd_event_row *event, void *context)
{
    struct again *again = context;
    again->rows[again->rows_count++] = *event;
    return true;
}

static enum fnd_status walk_all(struct again *again,
                                enum fnd_status (*each)(struct again *again,
                                                        const struct fnd_event_row *event,
                                                        struct fnd_error *error),
                                struct fnd_error *error)
{
    struct fnd_walk walk = {.limit = EVENTS_AT_ONCE};
    enum fnd_status status;
    do {
        again->rows_count = 0;
        status = fnd_events_walk(again->reader, 0, &walk, row_keep, again, error);
        for (size_t i = 0; status == FND_OK && i < again->rows_count; i++) {
            status = each(again, &again->rows[i], error);
            walk.after = again->rows[i].id;
        }
    } while (status == FND_OK && again->rows_count == EVENTS_AT_ONCE);
    return status;
}

static void again_finish(struct again *again)
{
    for (size_t i = 0; i < again->steps_count; i++) {
        free(again->steps[i].outputs);
    }
    while (again->pins != NULL) {
        struct pin *pin = again->pins;
        again->pins = pin->next;
        fnd_text_finish(&pin->body);
        free(pin->pipeline);
        free(pin);
    }
    free(again->steps);
    free(again->answers);
    free(again->rows);
}

enum fnd_status fnd_curve_check(struct fnd_reader *reader, const struct fnd_curve *curve,
                                void (*flaw)(const char *sentence, void *context), void *context,
                                struct fnd_curve_checked *checked, struct fnd_error *error)
{
    struct fnd_curve counted = {0};
    struct again again = {.reader = reader, .curve = &counted};
    *checked = (struct fnd_curve_checked){0};
    again.rows = fnd_alloc(EVENTS_AT_ONCE * sizeof *again.rows);
    enum fnd_status status = walk_all(&again, answers_follow, error);
    if (status == FND_OK) {
        status = walk_all(&again, count, error);
    }
    if (status == FND_OK) {
        fnd_curve_compare(curve, &counted, flaw, context, checked);
    }
    again_finish(&again);
    fnd_curve_finish(&counted);
    return status;
}
