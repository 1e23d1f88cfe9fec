/* SPDX-License-Identifier: MIT */
/* The curve out of a record: one walk over its events. Each counts for the version that was in
 * force when it came, and a question with the output that it was about. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "learn/curve_internal.h"
#include "learn/stood.h"
#include "review/review.h"

enum { EVENTS_AT_ONCE = 1024 };

/* What is known of a pin: which of its phases are gates. */
struct pinned {
    int64_t id;
    char *pipeline, version[17];
    char *phases[FND_PHASES_MAX]; /* ids */
    bool gate[FND_PHASES_MAX];
    struct pinned *next;
};

struct reading {
    struct fnd_reader *reader;
    struct fnd_curve *curve;
    const char *only;
    struct pinned *pins;
    struct fnd_event_row *rows;
    size_t rows_count;
};

static void pins_free(struct pinned *pin)
{
    while (pin != NULL) {
        struct pinned *next = pin->next;
        for (size_t i = 0; i < FND_PHASES_MAX; i++) {
            free(pin->phases[i]);
        }
        free(pin->pipeline);
        free(pin);
        pin = next;
    }
}

static enum fnd_status pin_read(struct reading *reading, int64_t id, struct pinned **found,
                                struct fnd_error *error)
{
    struct fnd_pin_row row;
    struct fnd_text body = {0};
    for (*found = reading->pins; *found != NULL; *found = (*found)->next) {
        if ((*found)->id == id) {
            return FND_OK;
        }
    }
    enum fnd_status status = fnd_pin_get(reading->reader, id, &row, error);
    if (status != FND_OK) {
        return status;
    }
    status = fnd_payload_get(reading->reader, id, &body, NULL, error);
    if (status != FND_OK) {
        free(row.pipeline);
        return status;
    }
    struct pinned *pin = fnd_alloc(sizeof *pin);
    const struct fnd_json document = {body.bytes, body.size};
    const struct fnd_json phases = fnd_json_find(document, "/canonical/phases");
    pin->id = id;
    pin->pipeline = row.pipeline;
    fnd_hex(row.hash, 8, pin->version);
    for (struct fnd_json_walk walk = fnd_json_walk(phases);
         phases.bytes != NULL && fnd_json_next(&walk) && walk.index < FND_PHASES_MAX;) {
        pin->phases[walk.index] = fnd_json_strdup(fnd_json_member(walk.value, "id"));
        pin->gate[walk.index] =
            fnd_json_text_is(fnd_json_member(walk.value, "uses"), "foundry/human");
    }
    pin->next = reading->pins;
    reading->pins = pin;
    *found = pin;
    fnd_text_finish(&body);
    return FND_OK;
}

static struct fnd_curve_gate gate_of(const struct pinned *pin, const struct fnd_event_row *event)
{
    return (struct fnd_curve_gate){pin->pipeline, pin->phases[event->phase], pin->version};
}

static enum fnd_status ask_read(struct reading *reading, const struct fnd_event_row *event,
                                const struct pinned *pin, const struct fnd_stood *stood,
                                struct fnd_error *error)
{
    const struct fnd_curve_gate gate = gate_of(pin, event);
    struct fnd_text asked = {0}, subject = {0}, meta = {0};
    enum fnd_status status = fnd_payload_get(reading->reader, event->id, &asked, NULL, error);
    const struct fnd_json request = {asked.bytes, asked.size};
    char *name = status == FND_OK ? fnd_json_strdup(fnd_json_member(request, "subject")) : NULL;
    for (size_t i = 0; status == FND_OK && name != NULL && i < FND_PHASES_MAX; i++) {
        if (stood->outputs[i] != 0 && pin->phases[i] != NULL && strcmp(pin->phases[i], name) == 0) {
            status = fnd_payload_get(reading->reader, stood->outputs[i], &subject, &meta, error);
        }
    }
    if (status == FND_OK) {
        const struct fnd_json proof = fnd_json_member(request, "proof");
        struct fnd_curve_version *version =
            fnd_curve_version_of(reading->curve, &gate, proof, event->id);
        struct fnd_curve_counts *day = fnd_curve_day_of(version, event->at_us);
        const struct fnd_json marks = {meta.size > 0 ? meta.bytes : NULL, meta.size};
        const struct fnd_json document = {subject.size > 0 ? subject.bytes : NULL, subject.size};
        const struct fnd_json scores =
            marks.bytes != NULL ? fnd_json_member(marks, "confidence") : marks;
        fnd_curve_proof_note(version, proof);
        day->documents++;
        day->flagged += fnd_curve_flagged(request, fnd_curve_values(document, scores));
    }
    free(name);
    fnd_text_finish(&asked);
    fnd_text_finish(&subject);
    fnd_text_finish(&meta);
    return status;
}

static enum fnd_status answer_read(struct reading *reading, const struct fnd_event_row *event,
                                   const struct pinned *pin, struct fnd_error *error)
{
    const struct fnd_curve_gate gate = gate_of(pin, event);
    struct fnd_correction_row row;
    struct fnd_text text = {0};
    struct fnd_json record = {NULL, 0};
    enum fnd_status status = fnd_correction_get(reading->reader, event->id, &row, error);
    if (status == FND_NOT_FOUND || (status == FND_OK && row.undone != 0)) {
        return FND_OK; /* no record, or one that was taken back */
    }
    if (status == FND_OK) {
        status = fnd_review_record_json(reading->reader, event->id, &text, error);
    }
    if (status == FND_OK) {
        status = fnd_json_check(text.bytes, text.size, "record", &record, error);
    }
    if (status == FND_OK) {
        bool audit = false;
        const struct fnd_json checked = fnd_json_member(record, "checked");
        (void)fnd_json_boolean(fnd_json_member(record, "audit"), &audit);
        struct fnd_curve_version *version = fnd_curve_version_of(
            reading->curve, &gate, fnd_json_member(record, "proof"), event->id);
        fnd_curve_record(record, fnd_json_text_is(checked, "sample") || audit,
                         fnd_curve_day_of(version, event->at_us));
    }
    fnd_text_finish(&text);
    return status;
}

static enum fnd_status output_read(struct reading *reading, const struct fnd_event_row *event,
                                   const struct pinned *pin, struct fnd_error *error)
{
    const struct fnd_curve_gate gate = gate_of(pin, event);
    struct fnd_text meta = {0};
    enum fnd_status status = fnd_payload_get(reading->reader, event->id, NULL, &meta, error);
    if (status == FND_OK) {
        const struct fnd_json marks = {meta.size > 0 ? meta.bytes : NULL, meta.size};
        const struct fnd_json proof = marks.bytes != NULL ? fnd_json_member(marks, "proof") : marks;
        struct fnd_curve_version *version =
            fnd_curve_version_of(reading->curve, &gate, proof, event->id);
        struct fnd_curve_counts *day = fnd_curve_day_of(version, event->at_us);
        fnd_curve_proof_note(version, proof);
        day->documents++;
        day->unasked++;
    }
    fnd_text_finish(&meta);
    return status;
}

static enum fnd_status event_read(struct reading *reading, const struct fnd_event_row *event,
                                  struct fnd_error *error)
{
    struct fnd_stood stood;
    struct pinned *pin = NULL;
    enum fnd_status status = fnd_stood_before(reading->reader, event, &stood, error);
    if (status == FND_OK) {
        status = pin_read(reading, stood.pin, &pin, error);
    }
    if (status != FND_OK || event->phase < 0 || event->phase >= FND_PHASES_MAX ||
        !pin->gate[event->phase] ||
        (reading->only != NULL && strcmp(pin->pipeline, reading->only) != 0)) {
        return status;
    }
    switch (event->kind) {
    case FND_EVENT_ASK:
        return ask_read(reading, event, pin, &stood, error);
    case FND_EVENT_ANSWER:
        return answer_read(reading, event, pin, error);
    default:
        return output_read(reading, event, pin, error);
    }
}

/* An output behind an answer names it: that document was counted when it was asked about. */
static bool event_keep(const struct fnd_event_row *event, void *context)
{
    struct reading *reading = context;
    reading->rows[reading->rows_count++] = *event;
    return true;
}

static bool event_matters(const struct fnd_event_row *event)
{
    return event->step != 0 && (event->kind == FND_EVENT_ASK || event->kind == FND_EVENT_ANSWER ||
                                (event->kind == FND_EVENT_OUTPUT && event->ref == 0));
}

enum fnd_status fnd_curve_read(struct fnd_reader *reader, const char *pipeline,
                               struct fnd_curve *curve, struct fnd_error *error)
{
    struct reading reading = {.reader = reader, .curve = curve, .only = pipeline};
    struct fnd_walk walk = {.limit = EVENTS_AT_ONCE};
    enum fnd_status status;
    reading.rows = fnd_alloc(EVENTS_AT_ONCE * sizeof *reading.rows);
    do {
        reading.rows_count = 0;
        status = fnd_events_walk(reader, 0, &walk, event_keep, &reading, error);
        for (size_t i = 0; status == FND_OK && i < reading.rows_count; i++) {
            if (event_matters(&reading.rows[i])) {
                status = event_read(&reading, &reading.rows[i], error);
            }
            walk.after = reading.rows[i].id;
        }
    } while (status == FND_OK && reading.rows_count == EVENTS_AT_ONCE);
    fnd_curve_sum(curve);
    pins_free(reading.pins);
    free(reading.rows);
    return status;
}
