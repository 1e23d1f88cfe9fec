/* SPDX-License-Identifier: MIT */
/* What the record says, and answers. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desk.h"

int64_t desk_number(struct desk *desk, const char *path)
{
    struct fnd_job_row row = {0};
    cr_assert_eq(fnd_job_name(fnd_engine_reader(desk->engine), path, &row, &desk->error), FND_OK,
                 "%s: %s", path, desk->error.message);
    int64_t id = row.id;
    fnd_job_row_finish(&row);
    return id;
}

struct fnd_step_row desk_step(struct desk *desk, const char *path)
{
    struct fnd_step_row row;
    cr_assert_eq(
        fnd_step_get(fnd_engine_reader(desk->engine), desk_number(desk, path), &row, &desk->error),
        FND_OK, "%s", desk->error.message);
    return row;
}

enum fnd_state desk_state(struct desk *desk, const char *path)
{
    return desk_step(desk, path).stand.state;
}

struct events {
    char names[64][24];
    size_t count;
};

static bool event_add(const struct fnd_event_row *row, void *context)
{
    struct events *events = context;
    cr_assert_lt(events->count, 64);
    snprintf(events->names[events->count++], 24, "%s%d", fnd_event_name(row->kind),
             (int)row->phase);
    return true;
}

const char *desk_events(struct desk *desk, const char *path)
{
    struct events events = {.count = 0};
    const struct fnd_walk walk = {0, 64};
    cr_assert_eq(fnd_events_walk(fnd_engine_reader(desk->engine), desk_number(desk, path), &walk,
                                 event_add, &events, &desk->error),
                 FND_OK, "%s", desk->error.message);
    fnd_text_clear(&desk->text);
    while (events.count > 0) {
        fnd_text_append_z(&desk->text, events.names[--events.count]);
        fnd_text_append_z(&desk->text, events.count > 0 ? " " : "");
    }
    return fnd_text_z(&desk->text);
}

static const char *payload(struct desk *desk, int64_t event, bool meta)
{
    struct fnd_text other = {0};
    fnd_text_clear(&desk->text);
    cr_assert_eq(fnd_payload_get(fnd_engine_reader(desk->engine), event,
                                 meta ? &other : &desk->text, meta ? &desk->text : &other,
                                 &desk->error),
                 FND_OK, "%s", desk->error.message);
    fnd_text_finish(&other);
    return fnd_text_z(&desk->text);
}

static int64_t output_event(struct desk *desk, const char *path, size_t phase)
{
    struct fnd_step_row row = desk_step(desk, path);
    cr_assert_gt(row.outputs_count, phase, "%s has no output of phase %zu: %s", path, phase,
                 desk->message);
    return row.outputs[phase];
}

const char *desk_output(struct desk *desk, const char *path, size_t phase)
{
    return payload(desk, output_event(desk, path, phase), false);
}

const char *desk_meta(struct desk *desk, const char *path, size_t phase)
{
    return payload(desk, output_event(desk, path, phase), true);
}

const char *desk_last(struct desk *desk, const char *path)
{
    return payload(desk, desk_step(desk, path).event, false);
}

int64_t desk_request(struct desk *desk, const char *path)
{
    struct fnd_request_row row;
    enum fnd_status status = fnd_request_of(fnd_engine_reader(desk->engine),
                                            desk_number(desk, path), &row, &desk->error);
    return status == FND_OK ? row.id : 0;
}

const char *desk_asked(struct desk *desk, const char *path)
{
    struct fnd_text body = {0};
    int64_t request = desk_request(desk, path);
    cr_assert_gt(request, 0, "%s has no open request: %s", path, desk->message);
    cr_assert_eq(
        fnd_payload_get(fnd_engine_reader(desk->engine), request, &body, NULL, &desk->error),
        FND_OK);
    fnd_text_clear(&desk->text);
    struct fnd_json questions = fnd_json_member(desk_json(fnd_text_z(&body)), "questions");
    for (struct fnd_json_walk walk = fnd_json_walk(questions); fnd_json_next(&walk);) {
        struct fnd_json at = fnd_json_member(walk.value, "pointer");
        at = at.bytes != NULL ? at : fnd_json_member(walk.value, "key");
        fnd_json_text(at, &desk->text);
        fnd_text_append_byte(&desk->text, ' ');
    }
    fnd_text_finish(&body);
    return fnd_text_z(&desk->text);
}

const char *desk_card(struct desk *desk, int64_t request)
{
    fnd_text_clear(&desk->text);
    cr_assert_eq(fnd_review_request_json(fnd_engine_reader(desk->engine), request, &desk->text,
                                         &desk->error),
                 FND_OK, "%s", desk->error.message);
    desk_json(fnd_text_z(&desk->text));
    return fnd_text_z(&desk->text);
}

const char *desk_record(struct desk *desk, int64_t record)
{
    fnd_text_clear(&desk->text);
    cr_assert_eq(
        fnd_review_record_json(fnd_engine_reader(desk->engine), record, &desk->text, &desk->error),
        FND_OK, "%s", desk->error.message);
    desk_json(fnd_text_z(&desk->text));
    return fnd_text_z(&desk->text);
}

enum fnd_status desk_answer(struct desk *desk, const struct desk_answer *given)
{
    struct fnd_answer answer = {.request = given->request,
                                .if_version = given->if_version,
                                .values = desk_json(given->values),
                                .removed = desk_json(given->removed),
                                .overrides = desk_json(given->overrides),
                                .reason = given->reason,
                                .by = given->by != NULL ? given->by : "anna",
                                .seconds_ms = -1,
                                .run = !given->wait};
    answer.act = given->act == FND_ANSWER_ACCEPT   ? FND_ANSWER_ACCEPT
                 : given->act == FND_ANSWER_REJECT ? FND_ANSWER_REJECT
                                                   : FND_ANSWER_SET;
    fnd_answered_finish(&desk->answered);
    memset(&desk->answered, 0, sizeof desk->answered);
    memset(&desk->error, 0, sizeof desk->error);
    enum fnd_status status =
        fnd_review_answer(desk->engine, &answer, &desk->answered, &desk->error);
    desk_rest(desk);
    return status;
}

enum fnd_status desk_set(struct desk *desk, const char *path, const char *values)
{
    const struct desk_answer answer = {.request = desk_request(desk, path), .values = values};
    return desk_answer(desk, &answer);
}

const char *desk_refused(struct desk *desk)
{
    fnd_text_clear(&desk->text);
    for (size_t i = 0; i < desk->answered.fields.count; i++) {
        const struct fnd_flaw *flaw = &desk->answered.fields.list[i];
        fnd_text_printf(&desk->text, "%s%s: %s", i > 0 ? "\n" : "", flaw->pointer, flaw->message);
    }
    return fnd_text_z(&desk->text);
}
