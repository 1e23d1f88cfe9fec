/* SPDX-License-Identifier: MIT */
/* Inputs become jobs: one file = one job, NAME.job.json = one job, *.jsonl = a job a line. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crash_point.h"
#include "base/file.h"
#include "run/ingest.h"

enum {
    INGEST_WAITING_MAX = 512, /* writes under way before ingest waits for the store */
    INGEST_SNIFF_SIZE = 512,
    BODY_AROUND_SIZE = 320, /* about what a job's body has around its input */
    INGEST_ROOM_US = 1000,  /* one wait for room in flight */
    INGEST_ROOM_WAITS = 50  /* of those before a pass gives up on it */
};

void fnd_ingest_refuse(struct fnd_ingesting *ingest, const struct fnd_error *error)
{
    ingest->counts->refused++;
    if (ingest->refused != NULL) {
        ingest->refused(ingest->context, error);
    }
}

/** Let the store catch up, so that memory does not grow with the directory. */
static enum fnd_status breathe(struct fnd_engine *engine, struct fnd_error *error)
{
    if (fnd_store_waiting(engine->store) >= INGEST_WAITING_MAX) {
        fnd_store_flush(engine->store);
        fnd_engine_collect(engine);
    }
    if (engine->broken.status != FND_OK && error != NULL) {
        *error = engine->broken;
    }
    return engine->broken.status;
}

/** With phases of microseconds it is quicker to wait for room in flight than to queue a job, write
 *  its START and read it back; with phases of seconds nobody would see the queue. So a pass waits
 * as long as waiting works. */
static void room_wait(struct fnd_engine *engine)
{
    for (int i = 0; i < INGEST_ROOM_WAITS && engine->flight >= engine->flight_max; i++) {
        fnd_engine_step(engine);
        if (engine->broken.status != FND_OK) {
            return;
        }
        if (engine->flight >= engine->flight_max) {
            fnd_engine_sleep(engine, INGEST_ROOM_US);
        }
    }
    engine->patient = engine->flight < engine->flight_max;
}

enum fnd_status fnd_ingest_write(struct fnd_engine *engine, int64_t pin, const char *path,
                                 int32_t revision, const uint8_t uuid[FND_UUID_SIZE], char *body,
                                 const struct fnd_artifact *artifact, int64_t *job,
                                 struct fnd_error *error)
{
    const struct fnd_pinned *pinned = fnd_pins_get(engine, pin, error);
    assert(pinned != NULL); /* the callers' pipeline is of that pin */
    if (job == NULL && engine->resumed && !engine->drained && engine->patient &&
        engine->flight >= engine->flight_max) {
        room_wait(engine);
    }
    struct fnd_write *write = fnd_write_create();
    struct fnd_event *event = fnd_write_add(write, FND_EVENT_JOB, body, NULL);
    memcpy(write->uuid, uuid, FND_UUID_SIZE);
    write->pin = pin;
    write->pipeline = fnd_strdup(pinned->pipeline->name);
    write->path = fnd_strdup(path);
    write->revision = revision;
    if (artifact != NULL) {
        event->artifacts = fnd_realloc(NULL, 1, sizeof *event->artifacts);
        event->artifacts[0] = *artifact;
        event->artifacts_count = 1;
    }
    /* With room in flight the job's first attempt begins in the same transaction. */
    bool room = job == NULL && engine->resumed && engine->flight < engine->flight_max;
    event->after = fnd_engine_stand(engine, pinned->pipeline, 0, room);
    if (job != NULL) {
        enum fnd_status status = fnd_store_commit(engine->store, write, error);
        *job = write->first;
        fnd_write_destroy(write);
        engine->backlog[FND_QUEUED] = (struct fnd_backlog){true, 0};
        return status;
    }
    if (event->after.state == FND_RUNNING) {
        struct fnd_task *task =
            fnd_task_fresh(engine, pinned->pipeline, uuid, path, event->body, event->body_size);
        write->owner = task;
        task->state = FND_TASK_COMMITTING;
        engine->flight++;
    } else {
        engine->loose++;
        engine->backlog[FND_QUEUED] = (struct fnd_backlog){true, 0};
    }
    fnd_store_queue(engine->store, write);
    FND_CRASH_POINT("run.ingest.queued");
    return breathe(engine, error);
}

/** The job body: see engine/store/README.md. */
static char *body_make(const struct fnd_ingesting *ingest, const struct fnd_candidate *candidate,
                       int32_t revision, const uint8_t uuid[FND_UUID_SIZE],
                       const struct fnd_artifact *artifact, const char *media_type, bool reference)
{
    struct fnd_text body = {0};
    char uuid_text[FND_UUID_TEXT_SIZE], hash[FND_DIGEST_TEXT_SIZE];
    const struct stat *file = &candidate->input->stat;
    fnd_uuid_format(uuid, uuid_text);
    fnd_text_reserve(&body, candidate->value.size + BODY_AROUND_SIZE);
    fnd_text_append_z(&body, "{\"uuid\":\""); /* no printf: each line of a file comes by here */
    fnd_text_append_z(&body, uuid_text);
    fnd_text_append_z(&body, "\",\"pin\":");
    fnd_text_append_integer(&body, ingest->pin);
    fnd_text_append_z(&body, ",\"pipeline\":\"");
    fnd_text_append_z(&body, ingest->pipeline->name);
    fnd_text_append_z(&body, "\",\"path\":");
    fnd_text_append_json_z(&body, candidate->identity);
    fnd_text_append_z(&body, ",\"revision\":");
    fnd_text_append_integer(&body, revision);
    fnd_text_append_z(&body, ",\"source\":{\"mtime_ns\":");
    fnd_text_append_integer(&body,
                            (int64_t)file->st_mtim.tv_sec * 1000000000 + file->st_mtim.tv_nsec);
    fnd_text_append_z(&body, ",\"size\":");
    fnd_text_append_integer(&body, (int64_t)file->st_size);
    if (candidate->line > 0) {
        fnd_text_append_z(&body, ",\"line\":");
        fnd_text_append_integer(&body, (int64_t)candidate->line);
    }
    fnd_text_append_z(&body, "},\"input\":");
    if (candidate->value.bytes != NULL) {
        fnd_json_compact(candidate->value, &body);
        fnd_text_append_byte(&body, '}');
        return fnd_text_take(&body);
    }
    const char *slash = strrchr(candidate->identity, '/');
    const char *name = slash != NULL ? slash + 1 : candidate->identity;
    const char *dot = strrchr(name, '.');
    assert(artifact != NULL); /* without a value there is a file */
    fnd_text_append_z(&body, "{\"file\":\"input\",\"name\":");
    fnd_text_append_json_z(&body, name);
    fnd_text_append_z(&body, ",\"path\":");
    fnd_text_append_json_z(&body, candidate->identity);
    fnd_text_append_z(&body, ",\"stem\":");
    fnd_text_append_json(&body, name,
                         dot != NULL && dot != name ? (size_t)(dot - name) : strlen(name));
    fnd_text_printf(&body, ",\"size\":%" PRIu64 ",\"media_type\":\"%s\"}", artifact->size,
                    media_type);
    fnd_digest_text(artifact->hash, hash);
    /* "references" are not kept by the store: their bytes are the user's. */
    fnd_text_printf(&body,
                    ",\"%s\":{\"input\":{\"media_type\":\"%s\",\"sha256\":\"%s\","
                    "\"size\":%" PRIu64,
                    reference ? "references" : "artifacts", media_type, hash, artifact->size);
    if (reference) {
        fnd_text_append_z(&body, ",\"path\":");
        fnd_text_append_json_z(&body, candidate->file);
    }
    fnd_text_append_z(&body, "}}}");
    return fnd_text_take(&body);
}

/** Keep a file's bytes, or by reference only its hash.  FND_OK or the store's refusal; a file that
 *  cannot be read is FND_DENIED or FND_NOT_FOUND. */
static enum fnd_status file_keep(struct fnd_ingesting *ingest,
                                 const struct fnd_candidate *candidate,
                                 struct fnd_artifact *artifact, const char **media_type,
                                 struct fnd_error *error)
{
    unsigned char head[INGEST_SNIFF_SIZE];
    enum fnd_status status;
    int fd = openat(fnd_store_directory(ingest->engine->store), candidate->file,
                    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t got = fd < 0 ? -1 : pread(fd, head, sizeof head, 0);
    if (got < 0) {
        status = fnd_error_errno(error, FND_DENIED, errno, "cannot read the input %s",
                                 candidate->identity);
        goto out;
    }
    *media_type = fnd_media_type(head, (size_t)got, candidate->identity);
    if (ingest->pipeline->keep_reference) {
        int failed = fnd_sha256_fd(fd, artifact->hash, &artifact->size);
        status = failed == 0 ? FND_OK
                             : fnd_error_errno(error, FND_DENIED, failed,
                                               "cannot read the input %s", candidate->identity);
    } else {
        status =
            fnd_artifact_put_fd(ingest->engine->store, fd,
                                (uint64_t)FND_INPUT_SIZE_MAX_DEFAULT_GIB << 30, artifact, error);
    }
out:
    if (fd >= 0) {
        close(fd);
    }
    return status;
}

enum known { KNOWN_NEW, KNOWN_SAME, KNOWN_TOUCHED };

/** Whether the identity is on record, and whether what is there may have changed. */
static enum fnd_status known_look(struct fnd_ingesting *ingest,
                                  const struct fnd_candidate *candidate, enum known *known,
                                  struct fnd_job_row *row, struct fnd_text *body,
                                  struct fnd_error *error)
{
    enum fnd_status status = candidate->fresh
                                 ? FND_NOT_FOUND
                                 : fnd_job_find(ingest->engine->reader, ingest->pipeline->name,
                                                candidate->identity, row, error);
    if (status == FND_NOT_FOUND) {
        *known = KNOWN_NEW;
        return FND_OK;
    }
    if (status != FND_OK) {
        return status;
    }
    status = fnd_payload_get(ingest->engine->reader, row->id, body, NULL, error);
    if (status != FND_OK) {
        return status;
    }
    struct fnd_json record = {body->bytes, body->size};
    if (candidate->value.bytes != NULL) {
        *known = fnd_json_equal(fnd_json_member(record, "input"), candidate->value) ? KNOWN_SAME
                                                                                    : KNOWN_TOUCHED;
        return FND_OK;
    }
    struct fnd_json source = fnd_json_member(record, "source");
    int64_t mtime = 0, size = 0;
    const struct stat *file = &candidate->input->stat;
    bool same = fnd_json_integer(fnd_json_member(source, "mtime_ns"), &mtime) &&
                fnd_json_integer(fnd_json_member(source, "size"), &size) &&
                mtime == (int64_t)file->st_mtim.tv_sec * 1000000000 + file->st_mtim.tv_nsec &&
                size == (int64_t)file->st_size;
    *known = same ? KNOWN_SAME : KNOWN_TOUCHED;
    return FND_OK;
}

/** A file whose time changed and whose bytes did not is no change. */
static bool bytes_same(const struct fnd_text *body, const struct fnd_artifact *artifact)
{
    struct fnd_json record = {body->bytes, body->size};
    char hash[FND_DIGEST_TEXT_SIZE];
    fnd_digest_text(artifact->hash, hash);
    return fnd_json_text_is(fnd_json_find(record, "/artifacts/input/sha256"), hash) ||
           fnd_json_text_is(fnd_json_find(record, "/references/input/sha256"), hash);
}

/** The revision that is replaced must not ask people any more. */
static enum fnd_status replaced_cancel(struct fnd_ingesting *ingest, const struct fnd_job_row *row,
                                       struct fnd_error *error)
{
    char reason[64];
    snprintf(reason, sizeof reason, "its input changed: replaced by revision %" PRId32,
             row->revision + 1);
    enum fnd_status status = fnd_engine_cancel(ingest->engine, row->id, "foundry", reason, error);
    return status == FND_CONFLICT ? FND_OK : status; /* it had ended */
}

enum fnd_status fnd_ingest_candidate(struct fnd_ingesting *ingest,
                                     const struct fnd_candidate *candidate, struct fnd_error *error)
{
    struct fnd_job_row row = {0};
    struct fnd_text body = {0};
    struct fnd_artifact artifact = {{0}, 0};
    const char *media_type = "application/json";
    enum known known = KNOWN_NEW;
    uint8_t uuid[FND_UUID_SIZE];
    ingest->counts->seen++;
    enum fnd_status status = known_look(ingest, candidate, &known, &row, &body, error);
    if (status != FND_OK) {
        goto out;
    }
    if (known == KNOWN_SAME) {
        ingest->counts->unchanged++;
        goto out;
    }
    if (candidate->value.bytes == NULL) {
        status = file_keep(ingest, candidate, &artifact, &media_type, error);
        if (status == FND_DENIED || status == FND_NOT_FOUND || status == FND_LIMIT) {
            fnd_ingest_refuse(ingest, error);
            status = FND_OK;
            goto out;
        }
        if (status == FND_OK && known == KNOWN_TOUCHED && bytes_same(&body, &artifact)) {
            ingest->counts->unchanged++;
            goto out;
        }
    }
    if (status == FND_OK && known == KNOWN_TOUCHED) {
        status = replaced_cancel(ingest, &row, error);
        if (status == FND_BUSY) { /* it holds the choice of its batch, which this run lets go */
            fnd_ingest_refuse(ingest, error);
            status = FND_OK;
            goto out;
        }
        ingest->counts->revised++;
    } else {
        ingest->counts->created++;
    }
    if (status == FND_OK) {
        int32_t revision = known == KNOWN_TOUCHED ? row.revision + 1 : 1;
        bool by_file = candidate->value.bytes == NULL;
        fnd_uuid_make(ingest->engine->options.env, uuid);
        status = fnd_ingest_write(ingest->engine, ingest->pin, candidate->identity, revision, uuid,
                                  body_make(ingest, candidate, revision, uuid, &artifact,
                                            media_type, ingest->pipeline->keep_reference),
                                  by_file && !ingest->pipeline->keep_reference ? &artifact : NULL,
                                  NULL, error);
    }
out:
    fnd_job_row_finish(&row);
    fnd_text_finish(&body);
    return status;
}

static enum fnd_status job_file_take(struct fnd_ingesting *ingest, const struct fnd_input *input,
                                     const char *identity, struct fnd_error *error)
{
    struct fnd_text text = {0};
    struct fnd_error bad = {0};
    struct fnd_json value;
    enum fnd_status status = FND_OK;
    if (fnd_file_read(fnd_store_directory(ingest->engine->store), input->path,
                      FND_JOB_FILE_SIZE_MAX, &text, &bad) != FND_OK ||
        fnd_json_check(text.bytes, text.size, identity, &value, &bad) != FND_OK) {
        fnd_ingest_refuse(ingest, &bad);
    } else {
        struct fnd_candidate candidate = {identity, input->path, value, input, 0};
        status = fnd_ingest_candidate(ingest, &candidate, error);
    }
    fnd_text_finish(&text);
    return status;
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);
    return size > end_size && strcmp(text + size - end_size, end) == 0;
}

static enum fnd_status file_take(void *context, const struct fnd_input *input,
                                 struct fnd_error *error)
{
    struct fnd_ingesting *ingest = context;
    const struct fnd_env *env = ingest->engine->options.env;
    if (!fnd_pipeline_matches(ingest->pipeline, input->path)) {
        return FND_OK;
    }
    int64_t age_us = env->wall_us(env) - ((int64_t)input->stat.st_mtim.tv_sec * 1000000 +
                                          input->stat.st_mtim.tv_nsec / 1000);
    if (ingest->rested && age_us >= 0 && age_us < (int64_t)FND_WATCH_REST_MS * 1000) {
        return FND_OK;
    }
    struct fnd_text identity = {0};
    fnd_input_identity(&identity, input->path);
    enum fnd_status status;
    if (ends_with(input->path, ".job.json")) {
        status = job_file_take(ingest, input, fnd_text_z(&identity), error);
    } else if (ends_with(input->path, ".jsonl")) {
        status = fnd_ingest_lines(ingest, input, fnd_text_z(&identity), error);
    } else {
        struct fnd_candidate candidate = {fnd_text_z(&identity), input->path, {NULL, 0}, input, 0};
        status = fnd_ingest_candidate(ingest, &candidate, error);
    }
    fnd_text_finish(&identity);
    return status;
}

enum fnd_status fnd_engine_ingest(struct fnd_engine *engine, int64_t pin, bool rested,
                                  struct fnd_ingest *counts,
                                  void (*refused)(void *context, const struct fnd_error *error),
                                  void *context, struct fnd_error *error)
{
    struct fnd_error local = {0};
    const struct fnd_pinned *pinned = fnd_pins_get(engine, pin, &local);
    enum fnd_status status = local.status;
    engine->patient = true;
    /* What was under way goes before what is new: else each start that is cut short would leave
     * more steps running on record than may be in flight. */
    fnd_resume_fill(engine);
    if (pinned != NULL) {
        struct fnd_ingesting ingest = {engine, pinned->pipeline, pin,    rested,
                                       counts, refused,          context};
        struct fnd_inputs inputs = {fnd_store_directory(engine->store), file_take, &ingest};
        status = fnd_inputs_walk(&inputs, &local);
        FND_CRASH_POINT("run.ingest.done");
    }
    if (status != FND_OK && error != NULL) {
        *error = local;
    }
    return status;
}

/* value  of the job; or no value, and `artifact` is the file. */
static enum fnd_status submit(struct fnd_engine *engine, int64_t pin, const char *path,
                              struct fnd_json value, const struct fnd_artifact *artifact,
                              const char *media_type, int64_t *job, struct fnd_error *error)
{
    struct fnd_error local = {0};
    const struct fnd_pinned *pinned = fnd_pins_get(engine, pin, &local);
    enum fnd_status status = local.status;
    struct fnd_job_row row = {0};
    if (pinned != NULL) {
        status = fnd_job_find(engine->reader, pinned->pipeline->name, path, &row, &local);
    }
    if (status == FND_OK) {
        *job = row.id;
        status = fnd_error_set(&local, FND_CONFLICT, "job %s is there already, as number %" PRId64,
                               path, row.id);
    } else if (status == FND_NOT_FOUND && pinned != NULL) {
        struct fnd_ingesting ingest = {.engine = engine, .pipeline = pinned->pipeline, .pin = pin};
        struct fnd_input none = {.path = path};
        if (artifact != NULL) {
            none.stat.st_size = (off_t)artifact->size;
            none.stat.st_mtim.tv_sec =
                (time_t)(engine->options.env->wall_us(engine->options.env) / 1000000);
        }
        struct fnd_candidate candidate = {path, path, value, &none, 0};
        uint8_t uuid[FND_UUID_SIZE];
        fnd_uuid_make(engine->options.env, uuid);
        status =
            fnd_ingest_write(engine, pin, path, 1, uuid,
                             body_make(&ingest, &candidate, 1, uuid, artifact, media_type, false),
                             artifact, job, &local);
    }
    fnd_job_row_finish(&row);
    if (status != FND_OK && error != NULL) {
        *error = local;
    }
    return status;
}

enum fnd_status fnd_engine_submit(struct fnd_engine *engine, int64_t pin, const char *path,
                                  struct fnd_json input, int64_t *job, struct fnd_error *error)
{
    return submit(engine, pin, path, input, NULL, NULL, job, error);
}

enum fnd_status fnd_engine_submit_artifact(struct fnd_engine *engine, int64_t pin, const char *path,
                                           const struct fnd_artifact *artifact,
                                           const char *media_type, int64_t *job,
                                           struct fnd_error *error)
{
    char type[64];
    if (media_type == NULL) {
        unsigned char head[INGEST_SNIFF_SIZE];
        int fd = -1;
        enum fnd_status status =
            fnd_artifact_open(fnd_store_folder(engine->store), artifact, &fd, error);
        ssize_t got = fd >= 0 ? pread(fd, head, sizeof head, 0) : -1;
        if (fd >= 0) {
            close(fd);
        }
        if (status == FND_OK && got < 0) {
            status = fnd_error_errno(error, FND_IO, errno, "cannot read the upload %s", path);
        }
        if (status != FND_OK) {
            return status;
        }
        snprintf(type, sizeof type, "%s", fnd_media_type(head, (size_t)got, path));
    }
    return submit(engine, pin, path, (struct fnd_json){0}, artifact,
                  media_type != NULL ? media_type : type, job, error);
}
