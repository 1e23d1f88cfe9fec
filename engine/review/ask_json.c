/* SPDX-License-Identifier: MIT */
/* A request as a desk shows it: all fields with what the model said of them, and who has it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "review/view.h"

void fnd_member_copy(struct fnd_text *json, const char *name, struct fnd_json value)
{
    if (value.bytes != NULL) {
        fnd_text_printf(json, ",\"%s\":", name);
        fnd_text_append(json, value.bytes, value.size);
    }
}

static void member_time(struct fnd_text *json, const char *name, int64_t at_us)
{
    char text[FND_TIME_TEXT_SIZE];
    if (at_us <= 0 || at_us == FND_DUE_NONE) {
        fnd_text_printf(json, ",\"%s\":null", name);
        return;
    }
    fnd_time_format(at_us, text);
    fnd_text_printf(json, ",\"%s\":\"%s\"", name, text);
}

static void member_text(struct fnd_text *json, const char *name, const char *z)
{
    fnd_text_printf(json, ",\"%s\":", name);
    fnd_text_append_json_z(json, z != NULL && z[0] != '\0' ? z : NULL);
}

/* A member of the request's body, or null. */
static void member_asked(struct fnd_text *json, const char *name, struct fnd_json asked,
                         const char *from)
{
    struct fnd_json value = fnd_json_member(asked, from);
    fnd_text_printf(json, ",\"%s\":", name);
    if (value.bytes != NULL) {
        fnd_text_append(json, value.bytes, value.size);
    } else {
        fnd_text_append_z(json, "null");
    }
}

static void lease_append(struct fnd_text *json, const struct fnd_ask_row *row, const char *for_whom)
{
    char until[FND_TIME_TEXT_SIZE];
    if (row->holder[0] == '\0' || row->request.state != FND_REQUEST_OPEN) {
        fnd_text_append_z(json, ",\"lease\":null");
        return;
    }
    fnd_time_format(row->until_us, until);
    fnd_text_append_z(json, ",\"lease\":{\"by\":");
    fnd_text_append_json_z(json, row->holder);
    fnd_text_printf(json, ",\"until\":\"%s\",\"fence\":%" PRId64 ",\"mine\":%s}", until, row->fence,
                    for_whom != NULL && strcmp(for_whom, row->holder) == 0 ? "true" : "false");
}

/* {"values","removed","at","by"} */
static void draft_append(struct fnd_reader *reader, int64_t request, const char *for_whom,
                         struct fnd_text *json)
{
    struct fnd_text text = {0}, who = {0};
    int64_t at_us = 0;
    enum fnd_status status = for_whom != NULL
                                 ? fnd_draft_get(reader, request, for_whom, &at_us, &text, NULL)
                                 : fnd_draft_latest(reader, request, &at_us, &who, &text, NULL);
    if (status == FND_OK && text.size > 2) {
        char at[FND_TIME_TEXT_SIZE];
        fnd_time_format(at_us, at);
        fnd_text_append_z(json, ",\"draft\":");
        fnd_text_append(json, text.bytes, text.size - 1); /* without its } */
        fnd_text_printf(json, ",\"at\":\"%s\",\"by\":", at);
        fnd_text_append_json_z(json, for_whom != NULL ? for_whom : fnd_text_z(&who));
        fnd_text_append_byte(json, '}');
    } else {
        fnd_text_append_z(json, ",\"draft\":null");
    }
    fnd_text_finish(&text);
    fnd_text_finish(&who);
}

/* Who has it, and when it is due. */
static void desk_append(const struct fnd_ask_row *row, struct fnd_json asked, const char *for_whom,
                        struct fnd_text *json)
{
    const bool waits = row->stage == 0 && row->remind_ms > 0;
    member_text(json, "group", row->group);
    member_time(json, "remind_at", waits ? row->next_us : 0);
    member_time(json, "due_at", row->due_us);
    member_asked(json, "outcome", asked, "outcome");
    fnd_text_append_z(json, row->stage == 2 ? ",\"escalated\":true" : ",\"escalated\":false");
    fnd_text_printf(json, ",\"fence\":%" PRId64, row->fence);
    lease_append(json, row, for_whom);
    member_time(json, "snoozed_until", row->snoozed_us);
}

void fnd_desk_members(struct fnd_reader *reader, const struct fnd_ask_row *row,
                      struct fnd_json asked, const char *for_whom, struct fnd_text *json)
{
    desk_append(row, asked, for_whom, json);
    draft_append(reader, row->request.id, for_whom, json);
}

/* Confidence or origin of every field, by pointer. */
static void marks_append(struct fnd_text *json, const char *name, struct fnd_json marks,
                         const char *from)
{
    struct fnd_json value = {NULL, 0};
    if (marks.bytes != NULL) {
        value = fnd_json_member(marks, from);
    }
    fnd_text_printf(json, ",\"%s\":", name);
    if (value.bytes != NULL) {
        fnd_text_append(json, value.bytes, value.size);
    } else {
        fnd_text_append_z(json, "{}");
    }
}

/* The file that the job came in with; no value where it came as JSON. */
static struct fnd_json input_file(struct fnd_json body)
{
    struct fnd_json artifact = fnd_json_find(body, "/artifacts/input");
    return artifact.bytes != NULL ? artifact : fnd_json_find(body, "/references/input");
}

static void file_append(struct fnd_text *json, const char *name, const char *type)
{
    fnd_text_printf(json, ",\"%s\":{\"artifact\":\"input\",\"media_type\":", name);
    fnd_text_append_json_z(json, type);
    fnd_text_append_byte(json, '}');
}

/* "image"; true: it is one. */
static bool image_append(struct fnd_text *json, struct fnd_json body)
{
    char *type = fnd_json_strdup(fnd_json_member(input_file(body), "media_type"));
    const bool image = type != NULL && strncmp(type, "image/", 6) == 0;
    if (image) {
        file_append(json, "image", type);
    } else {
        fnd_text_append_z(json, ",\"image\":null");
    }
    free(type);
    return image;
}

/* "image" or "text": what the job came in with. */
static void input_append(struct fnd_text *json, struct fnd_json body)
{
    struct fnd_json file = input_file(body), input = fnd_json_member(body, "input");
    if (image_append(json, body)) {
        fnd_text_append_z(json, ",\"text\":null");
    } else if (file.bytes != NULL) {
        char *type = fnd_json_strdup(fnd_json_member(file, "media_type"));
        file_append(json, "text", type);
        free(type);
    } else {
        fnd_text_append_z(json, ",\"text\":{\"value\":");
        fnd_text_append_z(json, input.bytes != NULL ? "" : "null");
        if (input.bytes != NULL) {
            fnd_text_append(json, input.bytes, input.size);
        }
        fnd_text_append_byte(json, '}');
    }
}

/* The gate's detectors as the pipeline has them: who answers can be told while typing what they
 * will say of it. */
static void detectors_append(struct fnd_text *json, struct fnd_json pin, int32_t phase)
{
    struct fnd_text pointer = {0};
    fnd_text_printf(&pointer, "/canonical/phases/%" PRId32 "/with/detectors", phase);
    struct fnd_json detectors = fnd_json_find(pin, fnd_text_z(&pointer));
    fnd_text_append_z(json, ",\"detectors\":");
    if (detectors.bytes != NULL) {
        fnd_text_append(json, detectors.bytes, detectors.size);
    } else {
        fnd_text_append_z(json, "[]");
    }
    fnd_text_finish(&pointer);
}

/* The fingerprint of a request whose every question has one, else null. */
static void print_append(struct fnd_json asked, struct fnd_text *json)
{
    struct fnd_text print = {0};
    bool all = true;
    for (struct fnd_json_walk walk = fnd_json_walk(fnd_json_member(asked, "questions"));
         fnd_json_next(&walk);) {
        uint8_t bytes[FND_FINGERPRINT_SIZE];
        char *text = fnd_json_strdup(fnd_json_member(walk.value, "fingerprint"));
        all = all && text != NULL && fnd_unhex(text, strlen(text), bytes, sizeof bytes);
        fnd_text_append_z(&print, print.size > 0 ? "." : "");
        fnd_text_append_z(&print, text);
        free(text);
    }
    member_text(json, "fingerprint", all ? fnd_text_z(&print) : NULL);
    fnd_text_finish(&print);
}

/* Answers whose rules hold: "12,15"; null for none. */
static void rules_append(const char *rules, struct fnd_text *json)
{
    if (rules != NULL && rules[0] != '\0') {
        fnd_text_printf(json, ",\"rule\":[%s]", rules);
    } else {
        fnd_text_append_z(json, ",\"rule\":null");
    }
}

static void twins_append(struct fnd_reader *reader, struct fnd_json asked, struct fnd_text *json)
{
    struct fnd_text rules = {0};
    for (struct fnd_json_walk walk = fnd_json_walk(fnd_json_member(asked, "questions"));
         fnd_json_next(&walk);) {
        uint8_t bytes[FND_FINGERPRINT_SIZE];
        struct fnd_rule_row rule;
        char *text = fnd_json_strdup(fnd_json_member(walk.value, "fingerprint"));
        if (text != NULL && fnd_unhex(text, strlen(text), bytes, sizeof bytes) &&
            fnd_rule_find(reader, bytes, &rule, NULL) == FND_OK) {
            fnd_text_printf(&rules, "%s%" PRId64, rules.size > 0 ? "," : "", rule.answer);
        }
        free(text);
    }
    print_append(asked, json);
    rules_append(fnd_text_z(&rules), json);
    fnd_text_finish(&rules);
}

static void job_append(const struct fnd_job_row *job, struct fnd_text *json)
{
    char uuid[FND_UUID_TEXT_SIZE];
    fnd_uuid_format(job->uuid, uuid);
    fnd_text_printf(json, ",\"job\":{\"number\":%" PRId64 ",\"id\":\"%s\",\"path\":", job->id,
                    uuid);
    fnd_text_append_json_z(json, job->path);
    fnd_text_append_z(json, ",\"pipeline\":");
    fnd_text_append_json_z(json, job->pipeline);
    fnd_text_append_byte(json, '}');
}

static void answer_append(struct fnd_reader *reader, const struct fnd_request_row *row,
                          struct fnd_text *json)
{
    struct fnd_text body = {0};
    struct fnd_event_row event;
    char at[FND_TIME_TEXT_SIZE];
    if (row->state == FND_REQUEST_ANSWERED &&
        fnd_event_get(reader, row->closed, &event, NULL) == FND_OK &&
        fnd_payload_get(reader, row->closed, &body, NULL, NULL) == FND_OK && body.size > 2) {
        fnd_time_format(event.at_us, at);
        fnd_text_append_z(json, ",\"answer\":");
        fnd_text_append(json, body.bytes, body.size - 1); /* without its } */
        fnd_text_printf(json, ",\"event\":%" PRId64 ",\"at\":\"%s\"}", row->closed, at);
    } else {
        fnd_text_append_z(json, ",\"answer\":null");
    }
    fnd_text_finish(&body);
}

enum fnd_status fnd_review_ask_json(struct fnd_reader *reader, int64_t request,
                                    const char *for_whom, struct fnd_text *json,
                                    struct fnd_error *error)
{
    struct fnd_view view = {0};
    struct fnd_ask_row row = {0};
    struct fnd_text job = {0};
    enum fnd_status status = fnd_view_load(reader, request, &view, error);
    if (status == FND_OK) {
        status = fnd_ask_get(reader, request, &row, error);
    }
    if (status == FND_OK) {
        status = fnd_payload_get(reader, view.job.id, &job, NULL, error);
    }
    if (status == FND_OK) {
        struct fnd_json asked = fnd_view_json(&view.asked), marks = fnd_view_json(&view.marks);
        fnd_view_begin(&view.row, json);
        job_append(&view.job, json);
        fnd_view_append(&view, json);
        member_asked(json, "subject_phase", asked, "subject");
        marks_append(json, "confidence", marks, "confidence");
        marks_append(json, "places", marks, "origin");
        input_append(json, fnd_view_json(&job));
        detectors_append(json, fnd_view_json(&view.pin), view.row.phase);
        member_asked(json, "form", asked, "form");
        fnd_desk_members(reader, &row, asked, for_whom, json);
        twins_append(reader, asked, json);
        answer_append(reader, &row.request, json);
        fnd_text_append_byte(json, '}');
    } else {
        fnd_error_prefix(error, "request %" PRId64, request);
    }
    fnd_view_finish(&view);
    fnd_text_finish(&job);
    return status;
}

void fnd_review_line_json(const struct fnd_ask_line *line, const char *for_whom,
                          struct fnd_text *json)
{
    struct fnd_json asked = line->asked;
    struct fnd_json questions = fnd_json_member(asked, "questions");
    fnd_view_begin(&line->ask.request, json);
    job_append(&line->job, json);
    fnd_member_copy(json, "phase", fnd_json_member(asked, "phase"));
    member_time(json, "asked_at", line->ask.asked_us);
    fnd_member_copy(json, "origin", fnd_json_member(asked, "origin"));
    fnd_text_append_z(json, ",\"questions\":");
    fnd_text_append(json, questions.bytes != NULL ? questions.bytes : "[]",
                    questions.bytes != NULL ? questions.size : 2);
    fnd_view_audit(asked, json);
    member_asked(json, "subject_phase", asked, "subject");
    image_append(json, line->came);
    member_asked(json, "form", asked, "form");
    desk_append(&line->ask, asked, for_whom, json);
    print_append(asked, json);
    rules_append(line->rules, json);
    fnd_text_append_byte(json, '}');
}
