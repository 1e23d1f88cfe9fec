/* SPDX-License-Identifier: MIT */
/* A job as programs see it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "serve/internal.h"

/* The body of an event as JSON; no value where it has none. */
static struct fnd_json event_body(struct fnd_reader *reader, int64_t event, struct fnd_text *text)
{
    struct fnd_json value = {0};
    fnd_text_clear(text);
    if (fnd_payload_get(reader, event, text, NULL, NULL) != FND_OK || text->size == 0 ||
        fnd_json_check(fnd_text_z(text), text->size, NULL, &value, NULL) != FND_OK) {
        return (struct fnd_json){0};
    }
    return value;
}

static void append_wait(struct directory *directory, struct fnd_reader *reader,
                        const struct fnd_step_row *step, const struct fnd_event_row *event,
                        struct fnd_json body, struct fnd_text *json)
{
    struct fnd_request_row ask;
    enum fnd_state state = step->stand.state;
    if (state == FND_PAUSED && fnd_request_of(reader, step->id, &ask, NULL) == FND_OK) {
        fnd_text_printf(json,
                        ",\"wait\":{\"reason\":\"ask\",\"message\":\"waits for a person's "
                        "answer\",\"ask\":\"%s-%" PRId64 "\"}",
                        directory->tag, ask.id);
    } else if (state == FND_PAUSED || state == FND_RETRYING) {
        struct fnd_json code = fnd_json_member(body, "code");
        struct fnd_json message = fnd_json_member(body, "message");
        fnd_text_append_z(json, ",\"wait\":{\"reason\":");
        if (state == FND_PAUSED && fnd_json_type(code) == FND_JSON_STRING) {
            fnd_text_append(json, code.bytes, code.size);
        } else {
            fnd_text_append_z(json, state == FND_PAUSED ? "\"hold\"" : "\"retry\"");
        }
        fnd_text_append_z(json, ",\"message\":");
        fnd_text_append(json, message.bytes != NULL ? message.bytes : "\"\"",
                        message.bytes != NULL ? message.size : 2);
        fnd_text_append_z(json, ",\"ask\":null");
        if (state == FND_RETRYING) {
            json_time(json, "due_at", step->stand.due_us != 0 ? step->stand.due_us : event->at_us);
        }
        fnd_text_append_byte(json, '}');
    } else {
        fnd_text_append_z(json, ",\"wait\":null");
    }
}

static void append_error(const struct pin_view *pin, const struct fnd_event_row *event,
                         struct fnd_json body, struct fnd_text *json)
{
    if (event->kind != FND_EVENT_FAIL && event->kind != FND_EVENT_RETRY) {
        fnd_text_append_z(json, ",\"error\":null");
        return;
    }
    struct fnd_json code = fnd_json_member(body, "code"), text = fnd_json_member(body, "message");
    struct fnd_json pointer = fnd_json_member(body, "pointer");
    fnd_text_append_z(json, ",\"error\":{\"code\":");
    fnd_text_append(json, code.bytes != NULL ? code.bytes : "\"failed\"",
                    code.bytes != NULL ? code.size : 8);
    fnd_text_append_z(json, ",\"message\":");
    fnd_text_append(json, text.bytes != NULL ? text.bytes : "\"\"",
                    text.bytes != NULL ? text.size : 2);
    json_text_null(json, "phase", pin_phase(pin, event->phase));
    if (fnd_json_type(pointer) == FND_JSON_STRING) {
        json_member_copy(json, "pointer", pointer);
    }
    fnd_text_append_byte(json, '}');
}

static int percent(const struct pin_view *pin, const struct fnd_step_row *step)
{
    size_t count = pin != NULL && pin->phases_count > 0 ? pin->phases_count : 1;
    if (step->stand.state == FND_COMPLETED) {
        return 100;
    }
    size_t done = step->stand.phase > 0 ? (size_t)step->stand.phase : 0;
    int share = (int)(done * 100 / count);
    return share > 99 ? 99 : share;
}

enum fnd_status job_json(struct directory *directory, struct fnd_reader *reader,
                         const struct fnd_job_row *job, const struct fnd_step_row *step,
                         struct fnd_text *json, struct fnd_error *error)
{
    char uuid[FND_UUID_TEXT_SIZE];
    struct fnd_event_row event;
    struct fnd_text text = {0};
    enum fnd_status status = fnd_event_get(reader, step->event, &event, error);
    if (status != FND_OK) {
        return status;
    }
    const struct pin_view *pin = directory_pin(directory, reader, step->pin);
    const struct fnd_stand *stand = &step->stand;
    fnd_uuid_format(job->uuid, uuid);
    fnd_text_printf(json, "{\"id\":\"%s\"", uuid);
    json_text(json, "directory", directory->name);
    json_text(json, "pipeline", job->pipeline);
    json_text(json, "path", job->path);
    fnd_text_printf(json, ",\"revision\":%" PRId32, job->revision);
    json_text(json, "state", fnd_state_name(stand->state));
    json_text_null(json, "phase",
                   stand->state == FND_COMPLETED ? NULL : pin_phase(pin, stand->phase));
    fnd_text_printf(json, ",\"attempt\":%" PRId32 ",\"percent\":%d", stand->attempt,
                    percent(pin, step));
    bool story =
        stand->state == FND_PAUSED || stand->state == FND_RETRYING || stand->state == FND_FAILED;
    struct fnd_json body = story ? event_body(reader, step->event, &text) : (struct fnd_json){0};
    append_wait(directory, reader, step, &event, body, json);
    append_error(pin, &event, body, json);
    json_time(json, "created_at", job->created_us);
    json_time(json, "updated_at", event.at_us);
    fnd_text_printf(json,
                    ",\"links\":{\"self\":\"/v1/jobs/%s\",\"cancel\":\"/v1/jobs/%s/cancel\","
                    "\"retry\":\"/v1/jobs/%s/retry\"}",
                    uuid, uuid, uuid);
    fnd_text_finish(&text);
    return FND_OK;
}
