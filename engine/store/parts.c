/* SPDX-License-Identifier: MIT */
#include "store/parts.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

void fnd_parts_finish(struct fnd_parts_read *read)
{
    free(read->pipeline);
    free(read->path);
    free(read->group);
    free(read->by);
    free(read->model);
    free(read->twins);
    free(read->rules);
    free(read->artifacts);
    read->pipeline = read->path = read->group = read->by = read->model = NULL;
    read->twins = NULL;
    read->rules = NULL;
    read->artifacts = NULL;
    read->capacity = 0;
}

static enum fnd_status lacks(const char *where, const char *member, const char *shape,
                             struct fnd_error *error)
{
    return fnd_error_set(error, FND_INVALID, "the %s's \"%s\" is not %s", where, member, shape);
}

static enum fnd_status read_text(struct fnd_json body, const char *member, char **text,
                                 struct fnd_error *error)
{
    *text = fnd_json_strdup(fnd_json_member(body, member));
    return *text != NULL ? FND_OK : lacks("body", member, "a string", error);
}

static enum fnd_status read_number(struct fnd_json body, const char *member, int64_t min,
                                   int64_t max, int64_t *number, struct fnd_error *error)
{
    struct fnd_json value = fnd_json_member(body, member);
    if (value.bytes == NULL || fnd_json_type(value) != FND_JSON_NUMBER ||
        !fnd_json_integer(value, number) || *number < min || *number > max) {
        return lacks("body", member, "an integer in its range", error);
    }
    return FND_OK;
}

static enum fnd_status read_uuid(struct fnd_json body, uint8_t uuid[FND_UUID_SIZE],
                                 struct fnd_error *error)
{
    char *text = fnd_json_strdup(fnd_json_member(body, "uuid"));
    bool good = text != NULL && fnd_uuid_parse(text, uuid) == 0;
    free(text);
    return good ? FND_OK : lacks("body", "uuid", "a UUID", error);
}

static enum fnd_status read_hex(struct fnd_json value, const char *where, const char *member,
                                uint8_t bytes[FND_DIGEST_SIZE], struct fnd_error *error)
{
    char *text = fnd_json_strdup(value);
    bool good = text != NULL && fnd_unhex(text, strlen(text), bytes, FND_DIGEST_SIZE);
    free(text);
    return good ? FND_OK : lacks(where, member, "64 hex digits", error);
}

static enum fnd_status read_job(struct fnd_parts_read *read, struct fnd_json body,
                                struct fnd_error *error)
{
    int64_t revision = 0;
    enum fnd_status status = read_uuid(body, read->parts.uuid, error);
    if (status == FND_OK) {
        status = read_text(body, "pipeline", &read->pipeline, error);
    }
    if (status == FND_OK) {
        status = read_text(body, "path", &read->path, error);
    }
    if (status == FND_OK) {
        status = read_number(body, "revision", 1, INT32_MAX, &revision, error);
    }
    if (status == FND_OK) {
        status = read_number(body, "pin", 1, INT64_MAX, &read->parts.pin, error);
    }
    read->parts.revision = (int32_t)revision;
    return status;
}

const char *fnd_tier_name(enum fnd_tier tier)
{
    return tier == FND_TIER_GOLD ? "gold" : tier == FND_TIER_SILVER ? "silver" : "unknown";
}

const char *fnd_verdict_name(enum fnd_verdict verdict)
{
    switch (verdict) {
    case FND_ACCEPTED:
        return "accepted";
    case FND_CORRECTED:
        return "corrected";
    case FND_REJECTED:
        return "rejected";
    }
    return "unknown";
}

static enum fnd_status read_answer(struct fnd_parts_read *read, struct fnd_json body,
                                   struct fnd_error *error)
{
    struct fnd_json record = fnd_json_member(body, "record");
    bool is_record = false;
    if (record.bytes == NULL || !fnd_json_boolean(record, &is_record) || !is_record) {
        return FND_OK; /* a plain answer */
    }
    read->parts.record = true;
    struct fnd_json name = fnd_json_member(body, "tier");
    for (int tier = FND_TIER_GOLD; tier <= FND_TIER_SILVER; tier++) {
        if (name.bytes != NULL && fnd_json_text_is(name, fnd_tier_name((enum fnd_tier)tier))) {
            read->parts.tier = (uint8_t)tier;
        }
    }
    name = fnd_json_member(body, "verdict");
    for (int verdict = FND_ACCEPTED; verdict <= FND_REJECTED; verdict++) {
        if (name.bytes != NULL &&
            fnd_json_text_is(name, fnd_verdict_name((enum fnd_verdict)verdict))) {
            read->parts.verdict = (uint8_t)verdict;
        }
    }
    if (read->parts.tier == 0) {
        return lacks("body", "tier", "\"gold\" or \"silver\"", error);
    }
    if (read->parts.verdict == 0) {
        return lacks("body", "verdict", "\"accepted\", \"corrected\" or \"rejected\"", error);
    }
    return FND_OK;
}

static enum fnd_status read_body(struct fnd_parts_read *read, enum fnd_event_kind kind,
                                 struct fnd_json body, struct fnd_error *error)
{
    enum fnd_status status = FND_OK;
    switch (kind) {
    case FND_EVENT_STORE:
        status = read_uuid(body, read->parts.uuid, error);
        if (status == FND_OK) {
            status =
                read_hex(fnd_json_member(body, "salt"), "body", "salt", read->parts.salt, error);
        }
        break;
    case FND_EVENT_PIN:
        status = read_text(body, "name", &read->pipeline, error);
        break;
    case FND_EVENT_JOB:
        status = read_job(read, body, error);
        break;
    case FND_EVENT_ANSWER:
        status = read_answer(read, body, error);
        break;
    default:
        break;
    }
    if (status == FND_OK && kind >= FND_EVENT_TRAIN) {
        status = fnd_parts_read_learn(read, kind, body, error);
    } else if (status == FND_OK && fnd_parts_desk(kind)) {
        status = fnd_parts_read_desk(read, kind, body, error);
    }
    read->parts.pipeline = read->pipeline;
    read->parts.path = read->path;
    return status;
}

static enum fnd_status read_artifacts(struct fnd_parts_read *read, struct fnd_json document,
                                      const char *where, struct fnd_error *error)
{
    struct fnd_json artifacts = fnd_json_member(document, "artifacts");
    if (artifacts.bytes == NULL) {
        return FND_OK;
    }
    if (fnd_json_type(artifacts) != FND_JSON_OBJECT) {
        return lacks(where, "artifacts", "an object", error);
    }
    for (struct fnd_json_walk walk = fnd_json_walk(artifacts); fnd_json_next(&walk);) {
        struct fnd_artifact artifact;
        int64_t size = -1;
        struct fnd_json number = {0};
        if (fnd_json_type(walk.value) == FND_JSON_OBJECT) {
            number = fnd_json_member(walk.value, "size");
        }
        if (number.bytes == NULL || fnd_json_type(number) != FND_JSON_NUMBER ||
            !fnd_json_integer(number, &size) || size < 0) {
            return lacks(where, "artifacts", "objects with \"sha256\" and \"size\"", error);
        }
        enum fnd_status status = read_hex(fnd_json_member(walk.value, "sha256"), where,
                                          "artifacts/…/sha256", artifact.hash, error);
        if (status != FND_OK) {
            return status;
        }
        artifact.size = (uint64_t)size;
        if (read->parts.artifacts_count == read->capacity) {
            read->capacity = read->capacity == 0 ? 4 : read->capacity * 2;
            read->artifacts = fnd_realloc(read->artifacts, read->capacity, sizeof *read->artifacts);
        }
        read->artifacts[read->parts.artifacts_count++] = artifact;
        read->parts.artifacts = read->artifacts;
    }
    return FND_OK;
}

/* The object in `bytes`; absent bytes are an empty one. */
static enum fnd_status document(const char *bytes, size_t size, const char *where,
                                struct fnd_json *value, struct fnd_error *error)
{
    enum fnd_status status = bytes != NULL ? fnd_json_check(bytes, size, NULL, value, error)
                                           : fnd_json_check("{}", 2, NULL, value, error);
    if (status != FND_OK) {
        fnd_error_prefix(error, "the %s is no JSON", where);
    }
    return status;
}

enum fnd_status fnd_parts_read(struct fnd_parts_read *read, enum fnd_event_kind kind,
                               const char *body, size_t body_size, const char *meta,
                               size_t meta_size, struct fnd_error *error)
{
    struct fnd_parts fresh = {.outputs_count = read->parts.outputs_count};
    memcpy(fresh.outputs, read->parts.outputs, sizeof fresh.outputs);
    fnd_parts_finish(read);
    read->parts = fresh;
    if (body != NULL && kind == FND_EVENT_PIN) {
        fnd_sha256(body, body_size, read->parts.hash);
    }
    struct fnd_json value = {0};
    enum fnd_status status = document(body, body_size, "body", &value, error);
    if (status == FND_OK && fnd_json_type(value) == FND_JSON_OBJECT) {
        status = read_body(read, kind, value, error);
        /* Other bodies are documents of plugins and people: "artifacts" in them means nothing. */
        if (status == FND_OK && kind == FND_EVENT_JOB) {
            status = read_artifacts(read, value, "body", error);
        }
    } else if (status == FND_OK && kind >= FND_EVENT_TRAIN) {
        status = fnd_error_set(error, FND_INVALID, "the body is no object");
    }
    if (status == FND_OK) {
        status = document(meta, meta_size, "meta", &value, error);
    }
    if (status == FND_OK && fnd_json_type(value) == FND_JSON_OBJECT) {
        status = read_artifacts(read, value, "meta", error);
    }
    if (status == FND_OK && kind >= FND_EVENT_TRAIN) {
        status = fnd_parts_read_kept(read, kind, value, error);
    }
    return status;
}

static bool text_equal(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Order does not matter to the counts, but how often each is named does. */
static bool artifacts_equal(const struct fnd_event *event, const struct fnd_parts *parts)
{
    if (event->artifacts_count != parts->artifacts_count) {
        return false;
    }
    for (size_t i = 0; i < parts->artifacts_count; i++) {
        const struct fnd_artifact *wanted = &parts->artifacts[i];
        size_t balance = 0;
        size_t named = 0;
        for (size_t j = 0; j < parts->artifacts_count; j++) {
            named += memcmp(wanted->hash, parts->artifacts[j].hash, FND_DIGEST_SIZE) == 0;
            balance += memcmp(wanted->hash, event->artifacts[j].hash, FND_DIGEST_SIZE) == 0 &&
                       wanted->size == event->artifacts[j].size;
        }
        if (named != balance) {
            return false;
        }
    }
    return true;
}

void fnd_parts_agree(const struct fnd_write *write)
{
    struct fnd_parts_read read = {0};
    const struct fnd_parts *parts = &read.parts;
    for (size_t i = 0; i < write->count; i++) {
        const struct fnd_event *event = &write->events[i];
        struct fnd_error error = {0};
        enum fnd_status status = fnd_parts_read(&read, event->kind, event->body, event->body_size,
                                                event->meta, event->meta_size, &error);
        const char *problem = status != FND_OK ? error.message : NULL;
        if (problem == NULL && !artifacts_equal(event, parts)) {
            problem = "its artifacts are not those of \"artifacts\" in body and meta";
        } else if (problem == NULL && event->kind == FND_EVENT_JOB &&
                   (memcmp(parts->uuid, write->uuid, FND_UUID_SIZE) != 0 ||
                    parts->pin != write->pin || parts->revision != write->revision ||
                    !text_equal(parts->pipeline, write->pipeline) ||
                    !text_equal(parts->path, write->path))) {
            problem = "uuid, pin, revision, pipeline or path of the write are not the body's";
        } else if (problem == NULL && event->kind == FND_EVENT_PIN &&
                   (memcmp(parts->hash, write->hash, FND_DIGEST_SIZE) != 0 ||
                    !text_equal(parts->pipeline, write->pipeline))) {
            problem = "hash or pipeline of the write are not those of the body";
        } else if (problem == NULL && event->kind == FND_EVENT_ANSWER &&
                   (parts->record != write->record ||
                    (parts->record &&
                     (parts->tier != write->tier || parts->verdict != write->verdict)))) {
            problem = "record, tier or verdict of the write are not the body's";
        }
        if (problem != NULL) {
            const struct fnd_log log = {.fd = 2};
            fnd_log(&log, FND_LOG_ERROR, "store", NULL, NULL, "an event %s cannot be rebuilt: %s",
                    fnd_event_name(event->kind), problem);
        }
        assert(problem == NULL && "columns and body of an event disagree");
    }
    fnd_parts_finish(&read);
}
