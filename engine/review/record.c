/* SPDX-License-Identifier: MIT */
/* The CorrectionHandler: what a person's answer leaves behind, and the record whole. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "review/internal.h"

static const char *verdict_name(enum fnd_verdict verdict)
{
    return verdict == FND_ACCEPTED    ? "accepted"
           : verdict == FND_CORRECTED ? "corrected"
                                      : "rejected";
}

uint8_t fnd_answer_tier(const struct fnd_answer *answer)
{
    return answer->source == FND_SOURCE_PERSON ? FND_TIER_GOLD : FND_TIER_SILVER;
}

/** Where the answer came from, if not from a person by hand, and what it makes. */
static void source_append(struct fnd_text *body, const struct fnd_answering *answering)
{
    const struct fnd_answer *answer = answering->answer;
    if (answer->source != FND_SOURCE_PERSON) {
        fnd_text_append_z(body, ",\"source\":\"rule\"");
    }
    if (answer->source == FND_SOURCE_DEADLINE) {
        fnd_text_append_z(body, ",\"deadline\":true");
    }
    if (answer->idempotency_key != NULL) {
        fnd_text_append_z(body, ",\"idempotency_key\":");
        fnd_text_append_json_z(body, answer->idempotency_key);
    }
    for (size_t i = 0; i < answer->rules_count; i++) {
        fnd_text_printf(body, "%s%" PRId64, i == 0 ? ",\"rules\":[" : ",", answer->rules[i]);
    }
    fnd_text_append_z(body, answer->rules_count > 0 ? "]" : "");
    if (answering->twins.size > 0) {
        fnd_text_append_z(body, ",\"twins\":");
        fnd_text_append(body, answering->twins.bytes, answering->twins.size);
    }
}

char *fnd_record_body(const struct fnd_answering *answering, enum fnd_verdict verdict,
                      struct fnd_json fields)
{
    const struct fnd_answer *answer = answering->answer;
    const struct fnd_env *env = fnd_store_env(fnd_engine_store(answering->engine));
    struct fnd_text body = {0};
    uint8_t uuid[FND_UUID_SIZE];
    char uuid_text[FND_UUID_TEXT_SIZE];
    int64_t took_ms = answer->seconds_ms;
    if (took_ms < 0) {
        /* Wall clocks jump; a negative duration would be a lie of another kind. */
        took_ms = (env->wall_us(env) - answering->asked_us) / 1000;
        took_ms = took_ms < 0 ? 0 : took_ms;
    }
    fnd_uuid_make(env, uuid);
    fnd_uuid_format(uuid, uuid_text);
    fnd_text_printf(&body,
                    "{\"record\":true,\"uuid\":\"%s\",\"tier\":\"%s\",\"verdict\":\"%s\","
                    "\"request\":%" PRId64 ",\"version\":%" PRId32 ",\"phase\":",
                    uuid_text, answer->source == FND_SOURCE_PERSON ? "gold" : "silver",
                    verdict_name(verdict), answering->request.id, answering->request.version);
    fnd_text_append_json_z(&body, answering->phase->id);
    fnd_text_append_z(&body, ",\"by\":");
    fnd_text_append_json_z(&body, answer->by);
    if (answer->via != NULL) {
        fnd_text_append_z(&body, ",\"via\":");
        fnd_text_append_json_z(&body, answer->via);
    }
    fnd_text_printf(&body, ",\"seconds\":%" PRId64 ".%03d", took_ms / 1000, (int)(took_ms % 1000));
    if (answering->subject_event > 0) {
        fnd_text_printf(&body, ",\"subject_event\":%" PRId64, answering->subject_event);
    }
    if (answer->reason != NULL) {
        fnd_text_append_z(&body, ",\"reason\":");
        fnd_text_append_json_z(&body, answer->reason);
    }
    source_append(&body, answering);
    fnd_text_append_z(&body, ",\"fields\":");
    fnd_text_append(&body, fields.bytes, fields.size);
    if (answer->overrides.bytes != NULL && fnd_json_count(answer->overrides) > 0) {
        fnd_text_append_z(&body, ",\"overrides\":");
        fnd_json_compact(answer->overrides, &body);
    }
    fnd_text_append_byte(&body, '}');
    return fnd_text_take(&body);
}

/** The documents behind one record. */
struct fnd_record_documents {
    struct fnd_record_parts parts;
    struct fnd_text model, model_meta;
};

static struct fnd_json json_of(const struct fnd_text *text)
{
    struct fnd_json json = {text->size > 0 ? text->bytes : NULL, text->size};
    return json;
}

/** Where a pipeline has one pin, nothing was upgraded: no need to look through a step's events. */
static enum fnd_status only_pin(struct fnd_reader *reader, const struct fnd_job_row *job,
                                struct fnd_record_memo *memo, struct fnd_error *error)
{
    struct fnd_pin_row newest = {0};
    if (job->pin == memo->asked) {
        return FND_OK;
    }
    enum fnd_status status = fnd_pin_latest(reader, job->pipeline, &newest, error);
    if (status == FND_OK) {
        memo->asked = job->pin;
        memo->only = newest.id == job->pin && newest.oldest == job->pin ? job->pin : 0;
    }
    free(newest.pipeline);
    return status;
}

/* Upgrades behind the answer do not count. */
enum fnd_status fnd_review_record_pin(struct fnd_reader *reader,
                                      const struct fnd_correction_row *row,
                                      const struct fnd_job_row *job, struct fnd_record_memo *memo,
                                      int64_t *pin, struct fnd_error *error)
{
    enum fnd_status status = memo != NULL ? only_pin(reader, job, memo, error) : FND_OK;
    int64_t found = job->pin;
    int64_t at = memo != NULL && memo->only == job->pin ? 0 : row->id;
    while (status == FND_OK && at > 0) {
        struct fnd_event_row event;
        status = fnd_event_get(reader, at, &event, error);
        if (status == FND_OK && event.kind == FND_EVENT_UPGRADE) {
            found = event.ref;
            break;
        }
        at = status == FND_OK ? event.prev : 0;
    }
    if (status == FND_OK) {
        *pin = found;
    }
    return status;
}

void fnd_record_memo_finish(struct fnd_record_memo *memo)
{
    if (memo->documents != NULL) {
        fnd_record_parts_finish(&memo->documents->parts);
        fnd_text_finish(&memo->documents->model);
        fnd_text_finish(&memo->documents->model_meta);
    }
    free(memo->documents);
    fnd_text_finish(&memo->plugins);
    *memo = (struct fnd_record_memo){0};
}

/** Hash and plugins of a pin. */
static enum fnd_status pin_tell(struct fnd_reader *reader, int64_t event,
                                struct fnd_record_memo *memo, struct fnd_error *error)
{
    struct fnd_text pin = {0};
    uint8_t digest[FND_DIGEST_SIZE];
    if (event == memo->pin) {
        return FND_OK;
    }
    enum fnd_status status = fnd_payload_get(reader, event, &pin, NULL, error);
    if (status == FND_OK) {
        size_t count = 0;
        const struct fnd_json plugins =
            fnd_json_member((struct fnd_json){pin.bytes, pin.size}, "plugins");
        fnd_text_clear(&memo->plugins);
        for (struct fnd_json_walk walk = fnd_json_walk(plugins); fnd_json_next(&walk);) {
            const struct fnd_json hash = fnd_json_member(walk.value, "sha256");
            fnd_text_append_z(&memo->plugins, count++ > 0 ? "," : "");
            fnd_text_append(&memo->plugins, walk.key.bytes, walk.key.size);
            fnd_text_append_byte(&memo->plugins, ':');
            fnd_text_append(&memo->plugins, hash.bytes, hash.size);
        }
        fnd_sha256(pin.bytes, pin.size, digest);
        fnd_digest_text(digest, memo->hash);
        memo->pin = event;
    }
    fnd_text_finish(&pin);
    return status;
}

/** All but the model's output, one after the other: what is missing or altered is told. */
static enum fnd_status parts_ask(struct fnd_reader *reader, int64_t correction,
                                 struct fnd_record_parts *parts, struct fnd_error *error)
{
    struct fnd_step_row step;
    struct fnd_event_row event;
    struct fnd_text *const bodies[] = {&parts->answer, &parts->asked, &parts->came};
    enum fnd_status status = fnd_correction_get(reader, correction, &parts->correction, error);
    if (status == FND_OK) {
        status = fnd_event_get(reader, correction, &event, error);
    }
    if (status == FND_OK) {
        parts->at_us = event.at_us;
        status = fnd_step_get(reader, parts->correction.step, &step, error);
    }
    if (status == FND_OK) {
        fnd_job_row_finish(&parts->job);
        status = fnd_job_get(reader, step.job, &parts->job, error);
    }
    const int64_t events[] = {correction, parts->correction.request, parts->job.id};
    for (size_t i = 0; i < sizeof events / sizeof events[0] && status == FND_OK; i++) {
        fnd_text_clear(bodies[i]);
        status = fnd_payload_get(reader, events[i], bodies[i], NULL, error);
    }
    return status;
}

static enum fnd_status documents_load(struct fnd_reader *reader, int64_t correction,
                                      struct fnd_record_documents *documents,
                                      struct fnd_record_memo *kept, struct fnd_record_memo *memo,
                                      struct fnd_error *error)
{
    struct fnd_record_parts *parts = &documents->parts;
    int64_t pin = 0, subject = 0;
    enum fnd_status status = fnd_record_get(reader, correction, parts, error);
    const bool whole = status == FND_OK;
    if (status == FND_NOT_FOUND) {
        status = parts_ask(reader, correction, parts, error);
    }
    fnd_text_clear(&documents->model);
    fnd_text_clear(&documents->model_meta);
    if (status == FND_OK &&
        fnd_json_integer(fnd_json_member(json_of(&parts->answer), "subject_event"), &subject)) {
        status =
            fnd_record_output(reader, subject, &documents->model, &documents->model_meta, error);
    }
    if (status == FND_OK && !whole && parts->correction.output > 0) {
        fnd_text_clear(&parts->output);
        status = fnd_payload_get(reader, parts->correction.output, &parts->output, NULL, error);
    }
    if (status == FND_OK) {
        status = fnd_review_record_pin(reader, &parts->correction, &parts->job, kept, &pin, error);
    }
    return status == FND_OK ? pin_tell(reader, pin, memo, error) : status;
}

enum {
    ROOM = 1024,            /* bytes, beside the bodies, that a record mostly takes */
    KEPT_SIZE_MAX = 1 << 16 /* of a document; the memory of a larger one is not kept for the next */
};

/* Members of the bodies behind a record, in the order in which it tells them. */
enum {
    ANSWER_UUID,
    ANSWER_PHASE,
    ANSWER_VERDICT,
    ANSWER_TIER,
    ANSWER_BY,
    ANSWER_VIA,
    ANSWER_SECONDS,
    ANSWER_REASON,
    ANSWER_SOURCE,
    ANSWER_DEADLINE,
    ANSWER_RULES,
    ANSWER_TWINS,
    ANSWER_IMPORTED,
    ANSWER_ANSWERS,
    ANSWER_FIELDS,
    ANSWER_OVERRIDES,
    ANSWER_COUNT
};
static const char *const answer_names[ANSWER_COUNT] = {
    "uuid",   "phase",    "verdict", "tier",  "by",       "via",     "seconds", "reason",
    "source", "deadline", "rules",   "twins", "imported", "answers", "fields",  "overrides"};
enum { ASKED_SUBJECT, ASKED_AUDIT, ASKED_CHECKED, ASKED_PROOF, ASKED_QUESTIONS, ASKED_COUNT };
static const char *const asked_names[ASKED_COUNT] = {"subject", "audit", "checked", "proof",
                                                     "questions"};
enum { MARKS_COUNT = 3 };
static const char *const marks_names[MARKS_COUNT] = {"confidence", "origin", "models"};

/** Append `,"NAME":VALUE`, if there is a value. */
static void member_copy(struct fnd_text *json, const char *name, struct fnd_json value)
{
    const size_t name_size = strlen(name);
    if (value.bytes != NULL) {
        fnd_text_reserve(json, name_size + value.size + 4);
        char *to = json->bytes + json->size;
        memcpy(to, ",\"", 2);
        memcpy(to + 2, name, name_size);
        memcpy(to + 2 + name_size, "\":", 2);
        memcpy(to + 4 + name_size, value.bytes, value.size);
        json->size += name_size + value.size + 4;
        json->bytes[json->size] = '\0';
    }
}

/** The last `size` bytes are a member's value. */
static void place_keep(struct fnd_record_memo *memo, enum fnd_record_member member,
                       const struct fnd_text *json, size_t size)
{
    memo->places[member] = (struct fnd_record_place){json->size - size, size};
}

/** Append a member, and keep where its value stands. */
static void member_place(struct fnd_record_memo *memo, enum fnd_record_member member,
                         struct fnd_text *json, const char *name, struct fnd_json value)
{
    member_copy(json, name, value);
    place_keep(memo, member, json, value.bytes != NULL ? value.size : 0);
}

/** Append a text as a value, and keep where it stands. */
static void text_place(struct fnd_record_memo *memo, enum fnd_record_member member,
                       struct fnd_text *json, const char *text)
{
    const size_t before = json->size;
    fnd_text_append_json_z(json, text);
    place_keep(memo, member, json, json->size - before);
}

/** Members `from` to `to` of those that were looked up. */
static void members_copy(struct fnd_text *json, const char *const *names,
                         const struct fnd_json *values, size_t from, size_t to)
{
    for (size_t i = from; i <= to; i++) {
        member_copy(json, names[i], values[i]);
    }
}

static void input_append(struct fnd_text *json, const struct fnd_text *came)
{
    enum { INPUT, ARTIFACTS, REFERENCES, COUNT };
    static const char *const names[COUNT] = {"input", "artifacts", "references"};
    struct fnd_json found[COUNT];
    fnd_json_members(json_of(came), names, COUNT, found);
    struct fnd_json artifact = fnd_json_member(found[ARTIFACTS], "input");
    if (artifact.bytes == NULL) {
        artifact = fnd_json_member(found[REFERENCES], "input");
    }
    fnd_text_append_z(json, ",\"input\":");
    if (artifact.bytes == NULL) {
        fnd_text_append_z(json, "{\"value\":");
        fnd_text_append(json, found[INPUT].bytes, found[INPUT].size);
        fnd_text_append_byte(json, '}');
        return;
    }
    fnd_text_append_z(json, "{\"name\":");
    struct fnd_json name = fnd_json_member(found[INPUT], "name");
    fnd_text_append(json, name.bytes, name.size);
    member_copy(json, "path", fnd_json_member(found[INPUT], "path"));
    member_copy(json, "media_type", fnd_json_member(artifact, "media_type"));
    member_copy(json, "sha256", fnd_json_member(artifact, "sha256"));
    member_copy(json, "size", fnd_json_member(artifact, "size"));
    fnd_text_append_byte(json, '}');
}

/** By which event the record was taken back, if it was. */
static enum fnd_status undone_append(struct fnd_reader *reader, int64_t undo, int64_t as_of,
                                     struct fnd_text *json, struct fnd_error *error)
{
    struct fnd_text body = {0};
    struct fnd_event_row event;
    char at[FND_TIME_TEXT_SIZE];
    if (undo == 0 || undo > as_of) {
        return FND_OK;
    }
    enum fnd_status status = fnd_event_get(reader, undo, &event, error);
    if (status == FND_OK) {
        status = fnd_payload_get(reader, undo, &body, NULL, error);
    }
    if (status == FND_OK) {
        struct fnd_json document = {body.bytes, body.size};
        fnd_time_format(event.at_us, at);
        fnd_text_printf(json, ",\"undone\":{\"event\":%" PRId64 ",\"at\":\"%s\"", undo, at);
        member_copy(json, "by", fnd_json_member(document, "by"));
        member_copy(json, "via", fnd_json_member(document, "via"));
        member_copy(json, "how", fnd_json_member(document, "how"));
        member_copy(json, "reason", fnd_json_member(document, "reason"));
        fnd_text_append_byte(json, '}');
    }
    fnd_text_finish(&body);
    return status;
}

enum fnd_status fnd_review_record_json(struct fnd_reader *reader, int64_t correction,
                                       struct fnd_text *json, struct fnd_error *error)
{
    return fnd_review_record_json_at(reader, correction, INT64_MAX, NULL, json, error);
}

/** Who asked, who answered what and when. */
static void told_append(struct fnd_text *json, const struct fnd_record_parts *parts,
                        const struct fnd_json *answer, const struct fnd_json *asked,
                        struct fnd_record_memo *memo)
{
    char uuid[FND_UUID_TEXT_SIZE], at[FND_TIME_TEXT_SIZE];
    fnd_uuid_format(parts->job.uuid, uuid);
    fnd_time_format(parts->at_us, at);
    fnd_text_append_z(json, "{\"record\":");
    fnd_text_append_integer(json, parts->correction.id);
    member_copy(json, "uuid", answer[ANSWER_UUID]);
    fnd_text_append_z(json, ",\"job\":\"");
    fnd_text_append_z(json, uuid);
    fnd_text_append_z(json, "\",\"path\":");
    text_place(memo, FND_RECORD_PATH, json, parts->job.path);
    fnd_text_append_z(json, ",\"revision\":");
    const size_t before = json->size;
    fnd_text_append_integer(json, parts->job.revision);
    place_keep(memo, FND_RECORD_REVISION, json, json->size - before);
    fnd_text_append_z(json, ",\"pipeline\":");
    text_place(memo, FND_RECORD_PIPELINE, json, parts->job.pipeline);
    member_place(memo, FND_RECORD_PHASE, json, "phase", answer[ANSWER_PHASE]);
    member_copy(json, "subject", asked[ASKED_SUBJECT]);
    fnd_text_append_z(json, ",\"request\":");
    fnd_text_append_integer(json, parts->correction.request);
    member_place(memo, FND_RECORD_VERDICT, json, "verdict", answer[ANSWER_VERDICT]);
    members_copy(json, answer_names, answer, ANSWER_TIER, ANSWER_VIA);
    fnd_text_append_z(json, ",\"at\":\"");
    fnd_text_append_z(json, at);
    fnd_text_append_byte(json, '"');
    members_copy(json, answer_names, answer, ANSWER_SECONDS, ANSWER_IMPORTED);
}

/** Few documents are large: what those took is let go of. */
static void documents_rest(struct fnd_record_documents *documents)
{
    struct fnd_record_parts *parts = &documents->parts;
    struct fnd_text *const texts[] = {&parts->answer, &parts->asked,     &parts->came,
                                      &parts->output, &documents->model, &documents->model_meta};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i]->capacity > KEPT_SIZE_MAX) {
            fnd_text_finish(texts[i]);
        }
    }
}

enum fnd_status fnd_review_record_json_at(struct fnd_reader *reader, int64_t correction,
                                          int64_t as_of, struct fnd_record_memo *memo,
                                          struct fnd_text *json, struct fnd_error *error)
{
    struct fnd_record_memo own = {0};
    struct fnd_json answer[ANSWER_COUNT], asked[ASKED_COUNT], marks[MARKS_COUNT];
    struct fnd_record_memo *kept = memo;
    memo = memo != NULL ? memo : &own;
    if (memo->documents == NULL) {
        memo->documents = fnd_alloc(sizeof *memo->documents);
    }
    struct fnd_record_documents *documents = memo->documents;
    struct fnd_record_parts *parts = &documents->parts;
    enum fnd_status status = documents_load(reader, correction, documents, kept, memo, error);
    if (status != FND_OK) {
        fnd_error_prefix(error, "record %" PRId64, correction);
        goto out;
    }
    fnd_json_members(json_of(&parts->answer), answer_names, ANSWER_COUNT, answer);
    fnd_json_members(json_of(&parts->asked), asked_names, ASKED_COUNT, asked);
    fnd_json_members(json_of(&documents->model_meta), marks_names, MARKS_COUNT, marks);
    fnd_text_reserve(json, ROOM + parts->answer.size + parts->asked.size + parts->came.size +
                               documents->model.size + documents->model_meta.size +
                               parts->output.size);
    told_append(json, parts, answer, asked, memo);
    const size_t before = json->size + sizeof ",\"input\":" - 1;
    input_append(json, &parts->came);
    place_keep(memo, FND_RECORD_INPUT, json, json->size - before);
    member_place(memo, FND_RECORD_MODEL_OUTPUT, json, "model_output", json_of(&documents->model));
    members_copy(json, marks_names, marks, 0, MARKS_COUNT - 1);
    member_place(memo, FND_RECORD_HUMAN_OUTPUT, json, "human_output", json_of(&parts->output));
    members_copy(json, answer_names, answer, ANSWER_ANSWERS, ANSWER_FIELDS);
    members_copy(json, asked_names, asked, ASKED_AUDIT, ASKED_PROOF);
    member_copy(json, "asked", asked[ASKED_QUESTIONS]);
    member_copy(json, "overrides", answer[ANSWER_OVERRIDES]);
    status = undone_append(reader, parts->correction.undone, as_of, json, error);
    fnd_text_append_z(json, ",\"pin\":");
    text_place(memo, FND_RECORD_PIN, json, memo->hash);
    fnd_text_append_z(json, ",\"plugins\":{");
    fnd_text_append(json, memo->plugins.bytes, memo->plugins.size);
    fnd_text_append_z(json, "}}");
out:
    documents_rest(documents);
    fnd_record_memo_finish(&own);
    return status;
}
