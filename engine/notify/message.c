/* SPDX-License-Identifier: MIT */
/* One message: what it says, under which id, and its signature. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "notify/internal.h"

static void member(struct fnd_text *json, const char *name, const char *z)
{
    fnd_text_printf(json, ",\"%s\":", name);
    fnd_text_append_json_z(json, z);
}

/* The request that an event is about, and what is known of it. */
static void request_append(struct fnd_reader *reader, const struct fnd_event_row *event,
                           struct fnd_text *json)
{
    struct fnd_ask_row ask;
    char due[FND_TIME_TEXT_SIZE];
    const int64_t request = event->kind == FND_EVENT_ASK ? event->id : event->ref;
    const bool about = event->kind == FND_EVENT_ASK || event->kind == FND_EVENT_ANSWER ||
                       (event->kind >= FND_EVENT_CLAIM && event->kind <= FND_EVENT_UNDO);
    if (!about || fnd_ask_get(reader, request, &ask, NULL) != FND_OK) {
        return;
    }
    fnd_text_printf(json, ",\"request\":%" PRId64, request);
    if (ask.group[0] != '\0') {
        member(json, "group", ask.group);
    }
    if (ask.due_us != FND_DUE_NONE) {
        fnd_time_format(ask.due_us, due);
        member(json, "due_at", due);
    }
}

/* The message of a failure; no documents leave the house this way. */
static void message_append(struct fnd_reader *reader, const struct fnd_event_row *event,
                           struct fnd_text *json)
{
    struct fnd_text body = {0};
    if ((event->kind == FND_EVENT_FAIL || event->kind == FND_EVENT_HOLD) &&
        fnd_payload_get(reader, event->id, &body, NULL, NULL) == FND_OK) {
        struct fnd_json document = {body.bytes, body.size};
        struct fnd_json message = fnd_json_member(document, "message");
        if (message.bytes != NULL) {
            fnd_text_append_z(json, ",\"message\":");
            fnd_text_append(json, message.bytes, message.size);
        }
    }
    fnd_text_finish(&body);
}

void fnd_message_id(const uint8_t salt[FND_DIGEST_SIZE], int64_t event, int32_t hook,
                    char id[FND_MESSAGE_ID_SIZE])
{
    struct fnd_text text = {0};
    uint8_t digest[FND_DIGEST_SIZE];
    fnd_text_append(&text, (const char *)salt, FND_DIGEST_SIZE);
    fnd_text_printf(&text, "delivery %" PRId64 " %" PRId32, event, hook);
    fnd_sha256(text.bytes, text.size, digest);
    fnd_hex(digest, (FND_MESSAGE_ID_SIZE - 1) / 2, id);
    fnd_text_finish(&text);
}

enum fnd_status fnd_message_body(struct fnd_reader *reader, const struct fnd_outbox_row *row,
                                 const char *name, const char *id, struct fnd_text *json,
                                 struct fnd_error *error)
{
    struct fnd_event_row event;
    struct fnd_job_row job = {0};
    struct fnd_request_row request;
    char at[FND_TIME_TEXT_SIZE], uuid[FND_UUID_TEXT_SIZE];
    enum fnd_status status = fnd_event_get(reader, row->event, &event, error);
    int64_t number = status == FND_OK ? event.step : 0;
    if (status == FND_OK && number == 0) { /* about a request, without moving its step */
        status = fnd_request_get(reader, event.ref, &request, error);
        number = status == FND_OK ? request.step : 0;
    }
    if (status == FND_OK) {
        status = fnd_job_get(reader, number, &job, error);
    }
    if (status != FND_OK) {
        return status;
    }
    fnd_time_format(event.at_us, at);
    fnd_uuid_format(job.uuid, uuid);
    fnd_text_printf(json, "{\"delivery\":\"%s\",\"type\":\"%s\",\"at\":\"%s\",\"event\":%" PRId64,
                    id, name, at, event.id);
    member(json, "pipeline", job.pipeline);
    fnd_text_printf(json, ",\"job\":{\"number\":%" PRId64 ",\"id\":\"%s\"", job.id, uuid);
    member(json, "path", job.path);
    fnd_text_append_byte(json, '}');
    request_append(reader, &event, json);
    message_append(reader, &event, json);
    fnd_text_append_byte(json, '}');
    fnd_job_row_finish(&job);
    return FND_OK;
}

void fnd_message_sign(const char *secret, int64_t seconds, const struct fnd_text *body,
                      struct fnd_text *header)
{
    struct fnd_text text = {0};
    uint8_t digest[FND_DIGEST_SIZE];
    char hex[FND_DIGEST_TEXT_SIZE];
    fnd_text_printf(&text, "%" PRId64 ".", seconds);
    fnd_text_append(&text, body->bytes, body->size);
    fnd_hmac_sha256(secret, strlen(secret), text.bytes, text.size, digest);
    fnd_digest_text(digest, hex);
    fnd_text_printf(header, "Foundry-Signature: t=%" PRId64 ",v1=%s", seconds, hex);
    fnd_text_finish(&text);
}
