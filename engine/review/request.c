/* SPDX-License-Identifier: MIT */
/* A ClarificationRequest as people and programs see it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "review/view.h"

void fnd_view_finish(struct fnd_view *view)
{
    fnd_job_row_finish(&view->job);
    fnd_text_finish(&view->asked);
    fnd_text_finish(&view->subject);
    fnd_text_finish(&view->marks);
    fnd_text_finish(&view->pin);
}

struct fnd_json fnd_view_json(const struct fnd_text *text)
{
    struct fnd_json json = {text->size > 0 ? text->bytes : NULL, text->size};
    return json;
}

/** The index of a phase in the pin document by its id, or -1. */
static int32_t pinned_phase(struct fnd_json pin, struct fnd_json id)
{
    int32_t index = 0;
    char *name = fnd_json_strdup(id);
    struct fnd_json phases = fnd_json_find(pin, "/canonical/phases");
    for (struct fnd_json_walk walk = fnd_json_walk(phases); name != NULL && fnd_json_next(&walk);
         index++) {
        if (fnd_json_text_is(fnd_json_member(walk.value, "id"), name)) {
            free(name);
            return index;
        }
    }
    free(name);
    return -1;
}

/** The pipeline's schema file for the corrected output, out of the pin, decoded. */
static char *pinned_schema(struct fnd_json pin, int32_t phase)
{
    struct fnd_text pointer = {0};
    fnd_text_printf(&pointer, "/canonical/phases/%" PRId32 "/with/schema", phase);
    char *path = fnd_json_strdup(fnd_json_find(pin, fnd_text_z(&pointer)));
    char *schema = NULL;
    if (path != NULL) {
        schema = fnd_json_strdup(fnd_json_member(fnd_json_member(pin, "files"), path));
    }
    fnd_text_finish(&pointer);
    free(path);
    return schema;
}

enum fnd_status fnd_view_load(struct fnd_reader *reader, int64_t request, struct fnd_view *view,
                              struct fnd_error *error)
{
    enum fnd_status status = fnd_request_get(reader, request, &view->row, error);
    if (status == FND_OK) {
        status = fnd_event_get(reader, request, &view->event, error);
    }
    if (status == FND_OK) {
        status = fnd_payload_get(reader, request, &view->asked, NULL, error);
    }
    if (status == FND_OK) {
        status = fnd_step_get(reader, view->row.step, &view->step, error);
    }
    if (status == FND_OK) {
        status = fnd_job_get(reader, view->step.job, &view->job, error);
    }
    if (status == FND_OK) {
        status = fnd_payload_get(reader, view->step.pin, &view->pin, NULL, error);
    }
    struct fnd_json subject = fnd_json_member(fnd_view_json(&view->asked), "subject");
    if (status == FND_OK && subject.bytes != NULL) {
        int32_t phase = pinned_phase(fnd_view_json(&view->pin), subject);
        if (phase >= 0 && (size_t)phase < view->step.outputs_count &&
            view->step.outputs[phase] > 0) {
            status = fnd_payload_get(reader, view->step.outputs[phase], &view->subject,
                                     &view->marks, error);
        }
    }
    return status;
}

/** A question with what it is about beside it: the value, its confidence, its place. */
static void question_append(struct fnd_text *json, const struct fnd_view *view,
                            struct fnd_json question)
{
    char *pointer = fnd_json_strdup(fnd_json_member(question, "pointer"));
    struct fnd_json marks = fnd_view_json(&view->marks);
    fnd_text_append(json, question.bytes, question.size - 1); /* without its } */
    if (pointer != NULL && view->subject.size > 0) {
        fnd_member_copy(json, "value", fnd_json_find(fnd_view_json(&view->subject), pointer));
        if (marks.bytes != NULL) {
            fnd_member_copy(json, "confidence",
                            fnd_json_member(fnd_json_member(marks, "confidence"), pointer));
            fnd_member_copy(json, "place",
                            fnd_json_member(fnd_json_member(marks, "origin"), pointer));
        }
    }
    fnd_text_append_byte(json, '}');
    free(pointer);
}

void fnd_view_begin(const struct fnd_request_row *row, struct fnd_text *json)
{
    static const char *const states[] = {"open", "answered", "withdrawn"};
    fnd_text_printf(json, "{\"request\":%" PRId64 ",\"version\":%" PRId32 ",\"state\":\"%s\"",
                    row->id, row->version, states[row->state]);
}

void fnd_view_audit(struct fnd_json asked, struct fnd_text *json)
{
    struct fnd_json audit = fnd_json_member(asked, "audit");
    const bool is = audit.bytes != NULL && fnd_json_type(audit) == FND_JSON_TRUE;
    fnd_text_append_z(json, is ? ",\"audit\":true" : ",\"audit\":false");
}

void fnd_view_append(const struct fnd_view *view, struct fnd_text *json)
{
    char at[FND_TIME_TEXT_SIZE];
    struct fnd_json asked = fnd_view_json(&view->asked);
    fnd_time_format(view->event.at_us, at);
    fnd_member_copy(json, "phase", fnd_json_member(asked, "phase"));
    fnd_text_printf(json, ",\"asked_at\":\"%s\"", at);
    fnd_member_copy(json, "origin", fnd_json_member(asked, "origin"));
    fnd_text_append_z(json, ",\"questions\":[");
    for (struct fnd_json_walk walk = fnd_json_walk(fnd_json_member(asked, "questions"));
         fnd_json_next(&walk);) {
        fnd_text_append_z(json, walk.index > 0 ? "," : "");
        question_append(json, view, walk.value);
    }
    fnd_text_append_byte(json, ']');
    fnd_member_copy(json, "subject", fnd_view_json(&view->subject));
    char *schema = pinned_schema(fnd_view_json(&view->pin), view->row.phase);
    if (schema != NULL) {
        struct fnd_json checked;
        if (fnd_json_check(schema, strlen(schema), NULL, &checked, NULL) == FND_OK) {
            fnd_text_append_z(json, ",\"schema\":");
            fnd_json_compact(checked, json);
        }
    }
    free(schema);
    fnd_view_audit(asked, json);
}

enum fnd_status fnd_review_request_json(struct fnd_reader *reader, int64_t request,
                                        struct fnd_text *json, struct fnd_error *error)
{
    struct fnd_view view = {0};
    struct fnd_ask_row row = {0};
    enum fnd_status status = fnd_view_load(reader, request, &view, error);
    if (status == FND_OK) {
        status = fnd_ask_get(reader, request, &row, error);
    }
    if (status != FND_OK) {
        fnd_error_prefix(error, "request %" PRId64, request);
        fnd_view_finish(&view);
        return status;
    }
    char uuid[FND_UUID_TEXT_SIZE];
    fnd_uuid_format(view.job.uuid, uuid);
    fnd_view_begin(&view.row, json);
    fnd_text_printf(json, ",\"job\":\"%s\",\"path\":", uuid);
    fnd_text_append_json_z(json, view.job.path);
    fnd_text_append_z(json, ",\"pipeline\":");
    fnd_text_append_json_z(json, view.job.pipeline);
    fnd_view_append(&view, json);
    fnd_desk_members(reader, &row, fnd_view_json(&view.asked), NULL, json);
    fnd_text_append_byte(json, '}');
    fnd_view_finish(&view);
    return FND_OK;
}
