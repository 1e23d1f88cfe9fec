/* SPDX-License-Identifier: MIT */
/* Records made elsewhere come in as events like a person's own: a job, the model's output, a
 * question that nobody was asked, the answer. So all that reads records reads these, and what is on
 * record is never touched. */
#define _GNU_SOURCE /* O_DIRECTORY */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "dataset/import.h"
#include "review/review.h"

enum { REVISIONS_MAX = 10000, PHASE_SOURCE = 0 };

const char *const fnd_dataset_imports[] = {"foundry", "coco", "yolo", "label-studio", NULL};

/** An import under way. */
struct importing {
    struct fnd_reader *reader;
    struct fnd_store *store;
    const struct fnd_import_options *options;
    struct fnd_import_result *result;
    const struct fnd_format *format;
    char sha256[FND_DIGEST_TEXT_SIZE]; /* of the source file; of a folder, of its names */
    int images;
    const char *file; /* where the example in hand lies */
    size_t line;
    bool dry;                         /* first pass: only whether all can be taken */
    char *pipeline, *phase, *subject; /* of the pin in hand */
    int64_t pin;
    int32_t phase_index, subject_index, phases_count;
    struct fnd_error error; /* why it stopped */
};

static void note(struct importing *importing, const char *message)
{
    const struct fnd_dataset_note said = {
        .line = importing->line, .message = message, .file = importing->file};
    if (importing->options->said != NULL) {
        importing->options->said(importing->options->context, &said);
    }
}

/* --- the pin ------------------------------------------------------------------------------- */

static void pin_forget(struct importing *importing)
{
    free(importing->pipeline);
    free(importing->phase);
    free(importing->subject);
    importing->pipeline = importing->phase = importing->subject = NULL;
}

/** Find the phase that people answer in, and the one that it is about. */
static bool phases_find(struct importing *importing, struct fnd_json pin, const char *wanted)
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
static enum fnd_status pin_make(struct importing *importing, const char *pipeline,
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
static enum fnd_status pin_take(struct importing *importing, const char *pipeline,
                                const char *phase, struct fnd_error *error)
{
    struct fnd_pin_row row = {0};
    struct fnd_text body = {0};
    if (importing->pipeline != NULL && strcmp(importing->pipeline, pipeline) == 0 &&
        (phase == NULL || strcmp(importing->phase, phase) == 0)) {
        return FND_OK;
    }
    pin_forget(importing);
    enum fnd_status status = fnd_pin_latest(importing->reader, pipeline, &row, NULL);
    if (status == FND_OK) {
        importing->pin = row.id;
        status = fnd_payload_get(importing->reader, row.id, &body, NULL, error);
    }
    const bool there = status == FND_OK;
    if (there && !phases_find(importing, (struct fnd_json){body.bytes, body.size}, phase)) {
        pin_forget(importing);
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
static void content_hash(const struct fnd_incoming *incoming, char hex[FND_DIGEST_TEXT_SIZE])
{
    const struct fnd_text *const parts[] = {&incoming->picture, &incoming->input, &incoming->model,
                                            &incoming->human};
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

static void origin_append(const struct importing *importing, const char *content,
                          struct fnd_text *json)
{
    const char *slash = strrchr(importing->options->path, '/');
    fnd_text_printf(json, "{\"format\":\"%s\",\"name\":", importing->format->name);
    fnd_text_append_json_z(json, slash != NULL ? slash + 1 : importing->options->path);
    fnd_text_printf(json, ",\"sha256\":\"%s\",\"line\":%zu", importing->sha256, importing->line);
    if (importing->file != NULL) {
        fnd_text_append_z(json, ",\"file\":");
        fnd_text_append_json_z(json, importing->file);
    }
    fnd_text_append_z(json, ",\"by\":");
    fnd_text_append_json_z(json, importing->options->by);
    fnd_text_printf(json, ",\"content\":\"%s\"", content);
}

static const char *media_type(const struct fnd_text *bytes)
{
    return memcmp(fnd_text_z(bytes), "\x89PNG", 4) == 0 ? "image/png" : "image/jpeg";
}

static void job_input(const struct fnd_incoming *incoming, const struct fnd_artifact *artifact,
                      struct fnd_text *body)
{
    char hash[FND_DIGEST_TEXT_SIZE];
    if (incoming->picture.size == 0) {
        fnd_text_append(body, incoming->input.bytes, incoming->input.size);
        return;
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
}

/** Take the job in. FND_CONFLICT: one of this name and revision is there, `*job`. */
static enum fnd_status job_write(struct importing *importing, const struct fnd_incoming *incoming,
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
        job_input(incoming, &artifact, &body);
        fnd_text_append_byte(&body, '}');
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

static struct fnd_event *add(const struct importing *importing, struct fnd_write *write,
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
static enum fnd_status ask_write(struct importing *importing, const struct fnd_incoming *incoming,
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

static char *answer_body(const struct importing *importing, const struct fnd_incoming *incoming,
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
    fnd_text_append_json_z(&body, incoming->by != NULL ? incoming->by : importing->options->by);
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

static enum fnd_status answer_write(struct importing *importing,
                                    const struct fnd_incoming *incoming,
                                    const struct fnd_step_row *row, const char *content,
                                    struct fnd_error *error)
{
    struct fnd_request_row request;
    const enum fnd_tier tier =
        importing->options->tier != 0 ? importing->options->tier : incoming->tier;
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

/* --- what is there already ----------------------------------------------------------------- */

/** Whether the job is this very example, imported before, or holds the record of its UUID. */
static enum fnd_status job_is(struct importing *importing, int64_t job,
                              const struct fnd_incoming *incoming, const char *content, bool *same,
                              bool *known, struct fnd_error *error)
{
    struct fnd_text body = {0};
    struct fnd_step_row row;
    enum fnd_status status = fnd_payload_get(importing->reader, job, &body, NULL, error);
    *same = *known = false;
    if (status == FND_OK) {
        struct fnd_json told =
            fnd_json_find((struct fnd_json){body.bytes, body.size}, "/source/imported/content");
        *same = told.bytes != NULL && fnd_json_text_is(told, content);
        status = fnd_step_get(importing->reader, job, &row, error);
    }
    *known = status == FND_OK && *same && (int)row.stand.state > FND_STATES_LIVE_MAX;
    for (int64_t at = status == FND_OK ? row.event : 0;
         status == FND_OK && at > 0 && !*known && incoming->uuid != NULL;) {
        struct fnd_event_row event;
        status = fnd_event_get(importing->reader, at, &event, error);
        if (status == FND_OK && event.kind == FND_EVENT_ANSWER) {
            fnd_text_clear(&body);
            status = fnd_payload_get(importing->reader, at, &body, NULL, error);
            struct fnd_json uuid =
                fnd_json_member((struct fnd_json){fnd_text_z(&body), body.size}, "uuid");
            *known =
                status == FND_OK && uuid.bytes != NULL && fnd_json_text_is(uuid, incoming->uuid);
        }
        at = status == FND_OK ? event.prev : 0;
    }
    fnd_text_finish(&body);
    return status;
}

/** The job of this example: a new one, or one that an import before this left in the middle. */
static enum fnd_status job_take(struct importing *importing, const struct fnd_incoming *incoming,
                                const char *content, int64_t *job, bool *known,
                                struct fnd_error *error)
{
    int64_t revision =
        incoming->revision > 0 && incoming->revision < REVISIONS_MAX ? incoming->revision : 1;
    for (; revision <= REVISIONS_MAX; revision++) {
        bool same = false;
        *known = false;
        enum fnd_status status =
            job_write(importing, incoming, (int32_t)revision, content, job, error);
        if (status != FND_CONFLICT) {
            return status;
        }
        status = job_is(importing, *job, incoming, content, &same, known, error);
        if (status != FND_OK || same || *known) {
            return status;
        }
    }
    return fnd_error_set(error, FND_LIMIT, "%s has %d revisions on record, and none is free",
                         incoming->path, REVISIONS_MAX);
}

static enum fnd_status record(struct importing *importing, const struct fnd_incoming *incoming,
                              struct fnd_error *error)
{
    const struct fnd_import_options *options = importing->options;
    char content[FND_DIGEST_TEXT_SIZE];
    struct fnd_step_row row;
    int64_t job = 0;
    bool known = false;
    content_hash(incoming, content);
    enum fnd_status status =
        pin_take(importing,
                 options->pipeline != NULL    ? options->pipeline
                 : incoming->pipeline != NULL ? incoming->pipeline
                                              : "imported",
                 options->phase != NULL ? options->phase : incoming->phase, error);
    if (status == FND_OK) {
        status = job_take(importing, incoming, content, &job, &known, error);
    }
    if (status == FND_OK && known) {
        importing->result->known++;
        return FND_OK;
    }
    if (status == FND_OK) {
        status = fnd_step_get(importing->reader, job, &row, error);
    }
    struct fnd_request_row request;
    if (status == FND_OK &&
        fnd_request_of(importing->reader, job, &request, NULL) == FND_NOT_FOUND) {
        status = ask_write(importing, incoming, &row, error);
        status = status == FND_OK ? fnd_step_get(importing->reader, job, &row, error) : status;
    }
    if (status == FND_OK) {
        status = answer_write(importing, incoming, &row, content, error);
    }
    importing->result->records += status == FND_OK;
    return status;
}

/* --- passes -------------------------------------------------------------------------------- */

static void value_seen(void *context, const char *file, size_t line, struct fnd_json value)
{
    struct importing *importing = context;
    struct fnd_incoming incoming = {0};
    struct fnd_error error = {0};
    if (importing->error.status != FND_OK) {
        return;
    }
    importing->file = file;
    importing->line = line;
    enum fnd_status status =
        fnd_incoming_read(importing->format, importing->images, value, &incoming, &error);
    if (status != FND_OK && importing->dry) {
        note(importing, error.message);
        importing->result->bad++;
    } else if (importing->dry) {
        importing->result->examples++;
    } else {
        status = status == FND_OK ? record(importing, &incoming, &error) : status;
        if (status != FND_OK) {
            importing->error = error;
        } else if (importing->options->progress != NULL) {
            importing->options->progress(importing->options->context,
                                         importing->result->records + importing->result->known);
        }
    }
    fnd_incoming_finish(&incoming);
}

static enum fnd_status pass(struct importing *importing, bool dry, struct fnd_error *error)
{
    struct fnd_dataset_checked checked = {0};
    const struct fnd_check_hooks hooks = {.said = dry ? importing->options->said : NULL,
                                          .context = importing->options->context,
                                          .value = value_seen,
                                          .value_context = importing};
    importing->dry = dry;
    enum fnd_status status =
        fnd_dataset_look(importing->options->path, importing->format, &hooks, &checked, error);
    if (status == FND_OK && dry && importing->result->bad > 0) {
        status = fnd_error_set(error, FND_INVALID,
                               "%zu of %zu examples of %s cannot be taken (see above); nothing was "
                               "imported",
                               importing->result->bad,
                               importing->result->bad + importing->result->examples,
                               importing->options->path);
    } else if (status == FND_OK && importing->error.status != FND_OK) {
        status = importing->error.status;
        if (error != NULL) {
            *error = importing->error;
            fnd_error_prefix(error,
                             "%s line %zu (the %zu before it are on record; import again to go on)",
                             importing->options->path, importing->line,
                             importing->result->records + importing->result->known);
        }
    }
    return status;
}

/** Hash of the source, and where its pictures lie. */
static enum fnd_status source_open(struct importing *importing, struct fnd_error *error)
{
    const char *path = importing->options->path;
    const bool folder = importing->format->folder != NULL;
    const char *slash = strrchr(path, '/');
    char *beside = folder          ? fnd_strdup(path)
                   : slash == NULL ? fnd_strdup(".")
                                   : fnd_strndup(path, (size_t)(slash + 1 - path));
    const char *images = importing->options->images != NULL ? importing->options->images : beside;
    struct fnd_text yaml = {0};
    uint8_t digest[FND_DIGEST_SIZE] = {0};
    int failure = 0;
    enum fnd_status status = FND_OK;
    fnd_digest_setup();
    importing->images = open(images, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (importing->images < 0) {
        status = fnd_error_errno(error, fnd_status_errno(errno), errno,
                                 "cannot open the folder of pictures %s", images);
    }
    fnd_text_printf(&yaml, "%s%s", path, folder ? "/data.yaml" : "");
    int fd = open(fnd_text_z(&yaml), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    failure = fd >= 0 ? fnd_sha256_fd(fd, digest, NULL) : errno;
    if (status == FND_OK && failure != 0) {
        status = fnd_error_errno(error, fnd_status_errno(failure), failure, "cannot read %s",
                                 fnd_text_z(&yaml));
    }
    if (fd >= 0) {
        close(fd);
    }
    fnd_digest_text(digest, importing->sha256);
    fnd_text_finish(&yaml);
    free(beside);
    return status;
}

static const struct fnd_format *format_find(const char *name, struct fnd_error *error)
{
    for (size_t i = 0; fnd_dataset_imports[i] != NULL; i++) {
        if (strcmp(fnd_dataset_imports[i], name) == 0) {
            return fnd_format_find(name, error);
        }
    }
    const char *near = fnd_nearest(name, fnd_dataset_imports);
    fnd_error_set(error, FND_INVALID,
                  "there is no import of `%.100s`%s%s%s; known: foundry, coco, yolo, label-studio",
                  name, near != NULL ? ", did you mean `" : "", near != NULL ? near : "",
                  near != NULL ? "`" : "");
    fnd_error_code(error, "unknown_format");
    return NULL;
}

enum fnd_status fnd_dataset_import(struct fnd_reader *reader, struct fnd_store *store,
                                   const struct fnd_import_options *options,
                                   struct fnd_import_result *result, struct fnd_error *error)
{
    struct importing importing = {
        .reader = reader, .store = store, .options = options, .result = result, .images = -1};
    *result = (struct fnd_import_result){0};
    importing.format = format_find(options->format, error);
    if (importing.format == NULL) {
        return FND_INVALID;
    }
    if (options->tier == 0 && importing.format != &fnd_format_foundry) {
        return fnd_error_set(error, FND_INVALID,
                             "say what the records are worth: --as gold if people made or checked "
                             "them one by one, --as silver if not; silver never measures a model");
    }
    enum fnd_status status = source_open(&importing, error);
    if (status == FND_OK) {
        status = pass(&importing, true, error);
    }
    if (status == FND_OK) {
        status = pass(&importing, false, error);
    }
    pin_forget(&importing);
    if (importing.images >= 0) {
        close(importing.images);
    }
    return status;
}
