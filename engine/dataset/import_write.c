/* SPDX-License-Identifier: MIT */
/* The events of an import: the pin that stands for elsewhere, the job, the question, the answer. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/import.h"

enum { PHASE_SOURCE = 0 };

/* --- the pin ------------------------------------------------------------------------------- */

void fnd_import_forget(struct fnd_importing *importing)
{
    free(importing->pipeline);
    free(importing->phase);
    free(importing->subject);
    importing->pipeline = importing->phase = importing->subject = NULL;
}

/** Find the phase that people answer in, and the one that it is about. */
static bool phases_find(struct fnd_importing *importing, struct fnd_json pin, const char *wanted)
{
    struct fnd_json phases = fnd_json_find(pin, "/canonical/phases");
    bool found = false;
    for (struct fnd_json_walk walk = fnd_json_walk(phases); fnd_json_next(&walk);) {
        struct fnd_json id = fnd_json_member(walk.value, "id");
        struct fnd_json uses = fnd_json_member(walk.value, "uses");
        const bool fits = wanted != NULL
                              ? fnd_json_text_is(id, wanted)
                              : uses.bytes != NULL && fnd_json_text_is(uses, "foundry/human");
        importing->phases_count = (int32_t)walk.index + 1;
        if (fits && !found) {
            found = true;
            importing->phase_index = (int32_t)walk.index;
            importing->phase = fnd_json_strdup(id);
            importing->subject = fnd_json_strdup(fnd_json_find(walk.value, "/with/of"));
        }
    }
    importing->subject_index = importing->phase_index > 0 ? importing->phase_index - 1 : 0;
    for (struct fnd_json_walk walk = fnd_json_walk(phases);
         importing->subject != NULL && fnd_json_next(&walk);) {
        if (fnd_json_text_is(fnd_json_member(walk.value, "id"), importing->subject)) {
            importing->subject_index = (int32_t)walk.index;
        }
    }
    return found;
}

/** A pipeline that nothing runs: it stands for wherever the records were made. */
static enum fnd_status pin_make(struct fnd_importing *importing, const char *pipeline,
                                const char *phase, struct fnd_error *error)
{
    struct fnd_text body = {0};
    struct fnd_write *write = fnd_write_create();
    fnd_text_append_z(&body, "{\"canonical\":{\"export\":{},\"foundry\":\"v1\",\"name\":");
    fnd_text_append_json_z(&body, pipeline);
    fnd_text_append_z(&body, ",\"phases\":[{\"id\":\"source\"},{\"id\":");
    fnd_text_append_json_z(&body, phase);
    fnd_text_append_z(&body, ",\"with\":{\"of\":\"source\"}}]},\"files\":{},\"foundry\":\"v1\","
                             "\"imported\":true,\"name\":");
    fnd_text_append_json_z(&body, pipeline);
    fnd_text_append_z(&body, ",\"params\":{},\"plugins\":{}}");
    fnd_sha256(body.bytes, body.size, write->hash);
    write->pipeline = fnd_strdup(pipeline);
    fnd_write_add(write, FND_EVENT_PIN, fnd_text_take(&body), NULL);
    enum fnd_status status = fnd_store_commit(importing->store, write, error);
    if (status == FND_CONFLICT) {
        status = FND_OK; /* on record already, and first is its number */
    }
    importing->pin = write->first;
    importing->phase = fnd_strdup(phase);
    importing->subject = fnd_strdup("source");
    importing->subject_index = PHASE_SOURCE;
    importing->phase_index = 1;
    importing->phases_count = 2;
    fnd_write_destroy(write);
    return status;
}

/** The pipeline's newest pin if it has such a phase, else one that stands for elsewhere. */
enum fnd_status fnd_import_pin(struct fnd_importing *importing, const char *pipeline,
                               const char *phase, struct fnd_error *error)
{
    struct fnd_pin_row row = {0};
    struct fnd_text body = {0};
    if (importing->pipeline != NULL && strcmp(importing->pipeline, pipeline) == 0 &&
        (phase == NULL || strcmp(importing->phase, phase) == 0)) {
        return FND_OK;
    }
    fnd_import_forget(importing);
    enum fnd_status status = fnd_pin_latest(importing->reader, pipeline, &row, NULL);
    if (status == FND_OK) {
        importing->pin = row.id;
        status = fnd_payload_get(importing->reader, row.id, &body, NULL, error);
    }
    const bool there = status == FND_OK;
    if (there && !phases_find(importing, (struct fnd_json){body.bytes, body.size}, phase)) {
        fnd_import_forget(importing);
    }
    if ((there || status == FND_NOT_FOUND) && importing->phase == NULL) {
        status = pin_make(importing, pipeline, phase != NULL ? phase : "review", error);
    }
    importing->pipeline = fnd_strdup(pipeline);
    free(row.pipeline);
    fnd_text_finish(&body);
    return status;
}

/* --- writes -------------------------------------------------------------------------------- */

/** Hash of what an example says: the same example again is the same record. */
void fnd_import_content(const struct fnd_incoming *incoming, char hex[FND_DIGEST_TEXT_SIZE])
{
    static const struct fnd_text none = {0};
    const struct fnd_text *const parts[] = {/* told by hash, it is the same with bytes or without */
                                            incoming->is_file ? &none : &incoming->picture,
                                            &incoming->input, &incoming->model, &incoming->human};
    struct fnd_sha256 hash;
    uint8_t digest[FND_DIGEST_SIZE];
    fnd_sha256_begin(&hash);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        const uint64_t size = parts[i]->size;
        fnd_sha256_add(&hash, &size, sizeof size);
        fnd_sha256_add(&hash, fnd_text_z(parts[i]), parts[i]->size);
    }
    const uint8_t verdict = (uint8_t)incoming->verdict;
    fnd_sha256_add(&hash, &verdict, 1);
    fnd_sha256_end(&hash, digest);
    fnd_digest_text(digest, hex);
}

static void origin_append(const struct fnd_importing *importing, const char *content,
                          struct fnd_text *json)
{
    const struct fnd_import_origin *origin = &importing->origin;
    fnd_text_printf(json, "{\"format\":\"%s\",\"name\":", origin->format);
    fnd_text_append_json_z(json, origin->name);
    fnd_text_printf(json, ",\"sha256\":\"%s\",\"line\":%" PRId64, origin->sha256, origin->line);
    if (origin->file != NULL) {
        fnd_text_append_z(json, ",\"file\":");
        fnd_text_append_json_z(json, origin->file);
    }
    fnd_text_append_z(json, ",\"by\":");
    fnd_text_append_json_z(json, origin->by);
    fnd_text_printf(json, ",\"content\":\"%s\"", content);
}

static const char *media_type(const struct fnd_text *bytes)
{
    return memcmp(fnd_text_z(bytes), "\x89PNG", 4) == 0 ? "image/png" : "image/jpeg";
}

static enum fnd_status job_input(const struct fnd_incoming *incoming,
                                 const struct fnd_artifact *artifact, struct fnd_text *body,
                                 struct fnd_error *error)
{
    char hash[FND_DIGEST_TEXT_SIZE];
    if (incoming->is_file) {
        return fnd_incoming_file_append(incoming, incoming->picture.size > 0 ? artifact : NULL,
                                        body, error);
    }
    if (incoming->picture.size == 0) {
        fnd_text_append(body, incoming->input.bytes, incoming->input.size);
        return FND_OK;
    }
    const char *slash = strrchr(incoming->path, '/');
    fnd_digest_text(artifact->hash, hash);
    fnd_text_append_z(body, "{\"file\":\"input\",\"name\":");
    fnd_text_append_json_z(body, slash != NULL ? slash + 1 : incoming->path);
    fnd_text_append_z(body, ",\"path\":");
    fnd_text_append_json_z(body, incoming->path);
    fnd_text_printf(body,
                    "},\"artifacts\":{\"input\":{\"media_type\":\"%s\",\"sha256\":\"%s\","
                    "\"size\":%" PRIu64 "}}",
                    media_type(&incoming->picture), hash, artifact->size);
    return FND_OK;
}

/** Take the job in. FND_CONFLICT: one of this name and revision is there, `*job`. */
enum fnd_status fnd_import_job(struct fnd_importing *importing, const struct fnd_incoming *incoming,
                               int32_t revision, const char *content, int64_t *job,
                               struct fnd_error *error)
{
    const struct fnd_env *env = fnd_store_env(importing->store);
    struct fnd_text body = {0};
    struct fnd_artifact artifact = {.size = 0};
    struct fnd_write *write = fnd_write_create();
    char uuid[FND_UUID_TEXT_SIZE];
    enum fnd_status status = FND_OK;
    if (incoming->picture.size > 0) {
        status = fnd_artifact_put(importing->store, incoming->picture.bytes, incoming->picture.size,
                                  &artifact, error);
    }
    if (status == FND_OK) {
        fnd_uuid_make(env, write->uuid);
        fnd_uuid_format(write->uuid, uuid);
        fnd_text_printf(&body, "{\"uuid\":\"%s\",\"pin\":%" PRId64 ",\"pipeline\":", uuid,
                        importing->pin);
        fnd_text_append_json_z(&body, importing->pipeline);
        fnd_text_append_z(&body, ",\"path\":");
        fnd_text_append_json_z(&body, incoming->path);
        fnd_text_printf(&body, ",\"revision\":%" PRId32 ",\"source\":{\"imported\":", revision);
        origin_append(importing, content, &body);
        fnd_text_append_z(&body, "}},\"input\":");
        status = job_input(incoming, &artifact, &body, error);
        fnd_text_append_byte(&body, '}');
    }
    if (status == FND_OK) {
        write->pin = importing->pin;
        write->pipeline = fnd_strdup(importing->pipeline);
        write->path = fnd_strdup(incoming->path);
        write->revision = revision;
        struct fnd_event *event = fnd_write_add(write, FND_EVENT_JOB, fnd_text_take(&body), NULL);
        event->after =
            (struct fnd_stand){.state = FND_PAUSED, .phase = importing->phase_index, .attempt = 1};
        if (incoming->picture.size > 0) {
            event->artifacts = fnd_realloc(NULL, 1, sizeof *event->artifacts);
            event->artifacts[0] = artifact;
            event->artifacts_count = 1;
        }
        status = fnd_store_commit(importing->store, write, error);
        *job = write->first;
    }
    fnd_write_destroy(write);
    fnd_text_finish(&body);
    return status;
}

static struct fnd_write *move(const struct fnd_step_row *row)
{
    struct fnd_write *write = fnd_write_create();
    write->step = row->id;
    write->before = row->event;
    write->outputs_count = row->outputs_count;
    memcpy(write->outputs, row->outputs, sizeof write->outputs);
    return write;
}

static struct fnd_event *add(const struct fnd_importing *importing, struct fnd_write *write,
                             enum fnd_event_kind kind, char *body, int32_t phase,
                             enum fnd_state state)
{
    struct fnd_event *event = fnd_write_add(write, kind, body, NULL);
    event->phase = phase;
    event->attempt = 1;
    event->after = (struct fnd_stand){.state = state,
                                      .phase = state == FND_COMPLETED ? importing->phases_count
                                                                      : importing->phase_index,
                                      .attempt = 1};
    return event;
}

/** The model's output, and the question that the answer will be to. */
enum fnd_status fnd_import_ask(struct fnd_importing *importing, const struct fnd_incoming *incoming,
                               const struct fnd_step_row *row, struct fnd_error *error)
{
    struct fnd_write *write = move(row);
    struct fnd_text ask = {0};
    if (incoming->model.size > 0) {
        struct fnd_event *event =
            add(importing, write, FND_EVENT_OUTPUT, fnd_strdup(incoming->model.bytes),
                importing->subject_index, FND_PAUSED);
        if (incoming->marks.size > 0) {
            event->meta = fnd_strdup(incoming->marks.bytes);
            event->meta_size = incoming->marks.size;
        }
    }
    fnd_text_append_z(&ask, "{\"origin\":\"gate\",\"phase\":");
    fnd_text_append_json_z(&ask, importing->phase);
    fnd_text_append_z(&ask, ",\"subject\":");
    fnd_text_append_json_z(&ask, importing->subject != NULL ? importing->subject : "source");
    fnd_text_append_z(&ask, ",\"audit\":false,\"questions\":[]}");
    add(importing, write, FND_EVENT_ASK, fnd_text_take(&ask), importing->phase_index, FND_PAUSED);
    enum fnd_status status = fnd_store_commit(importing->store, write, error);
    fnd_write_destroy(write);
    return status;
}

/** Fields as a record has them: the file's, or made by comparing. */
static void fields_append(const struct fnd_incoming *incoming, struct fnd_text *body,
                          enum fnd_verdict *verdict)
{
    struct fnd_json model = {incoming->model.bytes, incoming->model.size};
    struct fnd_json human = {incoming->human.bytes, incoming->human.size};
    struct fnd_json confidence = {NULL, 0};
    *verdict = incoming->verdict;
    if (incoming->verdict == 0) {
        *verdict = FND_CORRECTED;
        if (incoming->model.size == 0) {
            fnd_text_append_z(body, "{}");
        } else if (fnd_compare(model, human, confidence, body) == 0) {
            *verdict = FND_ACCEPTED;
        }
        return;
    }
    fnd_text_append_byte(body, '{');
    for (struct fnd_json_walk walk = fnd_json_walk(incoming->fields); fnd_json_next(&walk);) {
        static const char *const members[] = {"from", "to", "confidence"};
        size_t count = 0;
        fnd_text_append_z(body, walk.index > 0 ? "," : "");
        fnd_json_compact(walk.key, body);
        fnd_text_append_z(body, ":{");
        for (size_t i = 0; i < 3; i++) {
            struct fnd_json member = fnd_json_member(walk.value, members[i]);
            if (member.bytes != NULL && !(i == 2 && fnd_json_type(member) == FND_JSON_NULL)) {
                fnd_text_printf(body, "%s\"%s\":", count++ > 0 ? "," : "", members[i]);
                fnd_json_compact(member, body);
            }
        }
        fnd_text_append_byte(body, '}');
    }
    fnd_text_append_byte(body, '}');
}

static char *answer_body(const struct fnd_importing *importing, const struct fnd_incoming *incoming,
                         const struct fnd_request_row *request, int64_t subject_event,
                         const char *content, enum fnd_tier tier, enum fnd_verdict *verdict)
{
    static const char *const verdicts[] = {"", "accepted", "corrected", "rejected"};
    struct fnd_text body = {0}, fields = {0};
    uint8_t uuid[FND_UUID_SIZE];
    char text[FND_UUID_TEXT_SIZE];
    fields_append(incoming, &fields, verdict);
    fnd_uuid_make(fnd_store_env(importing->store), uuid);
    fnd_uuid_format(uuid, text);
    fnd_text_append_z(&body, "{\"record\":true,\"uuid\":");
    fnd_text_append_json_z(&body, incoming->uuid != NULL ? incoming->uuid : text);
    fnd_text_printf(&body,
                    ",\"tier\":\"%s\",\"verdict\":\"%s\",\"request\":%" PRId64
                    ",\"version\":%" PRId32 ",\"phase\":",
                    tier == FND_TIER_GOLD ? "gold" : "silver", verdicts[*verdict], request->id,
                    request->version);
    fnd_text_append_json_z(&body, importing->phase);
    fnd_text_append_z(&body, ",\"by\":");
    fnd_text_append_json_z(&body, incoming->by != NULL ? incoming->by : importing->origin.by);
    fnd_text_append_z(&body, ",\"via\":\"import\"");
    struct fnd_json seconds = incoming->provenance.bytes != NULL
                                  ? fnd_json_member(incoming->provenance, "seconds")
                                  : (struct fnd_json){NULL, 0};
    fnd_text_append_z(&body, ",\"seconds\":");
    fnd_text_append(&body, seconds.bytes != NULL ? seconds.bytes : "0",
                    seconds.bytes != NULL ? seconds.size : 1);
    if (subject_event > 0) {
        fnd_text_printf(&body, ",\"subject_event\":%" PRId64, subject_event);
    }
    fnd_text_append_z(&body, ",\"imported\":");
    origin_append(importing, content, &body);
    if (incoming->provenance.bytes != NULL) {
        fnd_text_append_z(&body, ",\"provenance\":");
        fnd_json_compact(incoming->provenance, &body);
    }
    fnd_text_append_z(&body, "},\"fields\":");
    fnd_text_append(&body, fields.bytes, fields.size);
    fnd_text_append_byte(&body, '}');
    fnd_text_finish(&fields);
    return fnd_text_take(&body);
}

enum fnd_status fnd_import_answer(struct fnd_importing *importing,
                                  const struct fnd_incoming *incoming,
                                  const struct fnd_step_row *row, const char *content,
                                  struct fnd_error *error)
{
    struct fnd_request_row request;
    const enum fnd_tier tier = incoming->tier;
    enum fnd_status status = fnd_request_of(importing->reader, row->id, &request, error);
    if (status != FND_OK) {
        return status;
    }
    const size_t subject = (size_t)importing->subject_index;
    const int64_t subject_event = subject < row->outputs_count ? row->outputs[subject] : 0;
    struct fnd_write *write = move(row);
    enum fnd_verdict verdict = FND_CORRECTED;
    char *body = answer_body(importing, incoming, &request, subject_event, content, tier, &verdict);
    add(importing, write, FND_EVENT_ANSWER, body, importing->phase_index, FND_PAUSED)->ref =
        request.id;
    if (incoming->human.size > 0) {
        add(importing, write, FND_EVENT_OUTPUT, fnd_strdup(incoming->human.bytes),
            importing->phase_index, FND_COMPLETED)
            ->ref = FND_REF_FIRST;
    } else {
        add(importing, write, FND_EVENT_FAIL, fnd_strdup("{\"code\":\"rejected\"}"),
            importing->phase_index, FND_FAILED);
    }
    write->record = true;
    write->tier = (uint8_t)tier;
    write->verdict = (uint8_t)verdict;
    status = fnd_store_commit(importing->store, write, error);
    fnd_write_destroy(write);
    return status;
}
