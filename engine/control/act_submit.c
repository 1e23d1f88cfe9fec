/* SPDX-License-Identifier: MIT */
/* Single jobs handed in. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "control/server.h"

enum { NAMES_SHOWN = 20, PINS_LOOK_MAX = 100000, KEY_DIGITS = 32, NAME_SIZE_MAX = 200 };

/* Names of the pipelines there are: "a, b". */
struct names {
    struct fnd_reader *reader;
    struct fnd_text list;
    size_t count;
};

static bool add_name(const struct fnd_event_row *event, void *context)
{
    struct names *names = context;
    struct fnd_pin_row pin = {0}, latest = {0};
    if (event->kind == FND_EVENT_PIN &&
        fnd_pin_get(names->reader, event->id, &pin, NULL) == FND_OK &&
        fnd_pin_latest(names->reader, pin.pipeline, &latest, NULL) == FND_OK &&
        latest.id == pin.id) {
        fnd_text_printf(&names->list, "%s%s", names->count++ > 0 ? ", " : "", pin.pipeline);
    }
    free(pin.pipeline);
    free(latest.pipeline);
    return names->count < NAMES_SHOWN;
}

static enum fnd_status unknown_pipeline(struct fnd_reader *reader, const char *name,
                                        struct fnd_error *error)
{
    struct names names = {.reader = reader};
    const struct fnd_walk walk = {.limit = PINS_LOOK_MAX};
    (void)fnd_events_walk(reader, 0, &walk, add_name, &names, NULL);
    enum fnd_status status =
        fnd_error_set(error, FND_NOT_FOUND, "there is no pipeline %s here; there %s %s", name,
                      names.count == 1 ? "is" : "are",
                      names.count > 0 ? fnd_text_z(&names.list) : "none: give one with --pipeline");
    fnd_error_code(error, "unknown_pipeline");
    fnd_text_finish(&names.list);
    return status;
}

/* A submission's identity: by its key, so that a repetition finds the same job; else a new one. */
static void make_path(struct client *client, const char *key, const char *name,
                      struct fnd_text *path)
{
    uint8_t digest[FND_DIGEST_SIZE];
    char hex[FND_DIGEST_TEXT_SIZE];
    if (key != NULL) {
        fnd_sha256(key, strlen(key), digest);
    } else {
        client->control->env->random(client->control->env, digest, sizeof digest);
    }
    fnd_digest_text(digest, hex);
    hex[KEY_DIGITS] = '\0';
    fnd_text_printf(path, "api/%s/%s", hex, name != NULL ? name : "job");
}

static bool name_good(const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f || name[i] == '/') {
            return false;
        }
    }
    return size > 0 && size <= NAME_SIZE_MAX && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* The same key with the same input is the same job; with another one it is a mistake. */
static enum fnd_status compare_known(struct fnd_reader *reader, int64_t job, struct fnd_json input,
                                     const char *hash, struct fnd_error *error)
{
    struct fnd_text body = {0};
    struct fnd_json record = {0};
    enum fnd_status status = fnd_payload_get(reader, job, &body, NULL, error);
    if (status == FND_OK) {
        status = fnd_json_check(fnd_text_z(&body), body.size, "job", &record, error);
    }
    bool same = hash != NULL
                    ? fnd_json_text_is(fnd_json_find(record, "/artifacts/input/sha256"), hash)
                    : fnd_json_equal(fnd_json_member(record, "input"), input);
    if (status == FND_OK && !same) {
        status = fnd_error_set(error, FND_CONFLICT,
                               "this idempotency key was used for another input, job %" PRId64
                               "; give each submission its own",
                               job);
        fnd_error_code(error, "idempotency_key_reused");
    }
    fnd_text_finish(&body);
    return status;
}

struct submission {
    char *pipeline, *name, *key, *hash, *media_type;
    struct fnd_json input;
    struct fnd_artifact artifact;
};

static enum fnd_status read_submission(struct fnd_json request, struct submission *submission,
                                       struct fnd_error *error)
{
    struct fnd_json artifact = fnd_json_member(request, "artifact");
    int64_t size = -1;
    submission->pipeline = fnd_json_strdup(fnd_json_member(request, "pipeline"));
    submission->name = fnd_json_strdup(fnd_json_member(request, "name"));
    submission->key = fnd_json_strdup(fnd_json_member(request, "key"));
    submission->input = fnd_json_member(request, "input");
    submission->hash = fnd_json_strdup(fnd_json_member(artifact, "sha256"));
    submission->media_type = fnd_json_strdup(fnd_json_member(artifact, "media_type"));
    if (submission->pipeline == NULL ||
        (submission->input.bytes == NULL) == (artifact.bytes == NULL)) {
        return fnd_error_set(error, FND_INVALID,
                             "submit needs \"pipeline\", and one of \"input\" and \"artifact\"");
    }
    if (submission->name != NULL && !name_good(submission->name)) {
        return fnd_error_set(error, FND_INVALID,
                             "a job's \"name\" has 1 to %d bytes, no '/' and no control characters",
                             (int)NAME_SIZE_MAX);
    }
    if (artifact.bytes != NULL &&
        (submission->hash == NULL ||
         !fnd_unhex(submission->hash, strlen(submission->hash), submission->artifact.hash,
                    FND_DIGEST_SIZE) ||
         !fnd_json_integer(fnd_json_member(artifact, "size"), &size) || size < 0)) {
        return fnd_error_set(error, FND_INVALID, "an \"artifact\" has \"sha256\" and \"size\"");
    }
    submission->artifact.size = (uint64_t)(size < 0 ? 0 : size);
    return FND_OK;
}

static enum fnd_status submit(struct client *client, const struct submission *submission,
                              int64_t *job, bool *repeated, struct fnd_error *error)
{
    struct fnd_engine *engine = client->control->engine;
    struct fnd_reader *reader = fnd_engine_reader(engine);
    struct fnd_pin_row pin = {0};
    struct fnd_text path = {0};
    enum fnd_status status = fnd_pin_latest(reader, submission->pipeline, &pin, error);
    if (status == FND_NOT_FOUND) {
        return unknown_pipeline(reader, submission->pipeline, error);
    }
    if (status != FND_OK) {
        return status;
    }
    make_path(client, submission->key, submission->name, &path);
    status =
        submission->hash != NULL
            ? fnd_engine_submit_artifact(engine, pin.id, fnd_text_z(&path), &submission->artifact,
                                         submission->media_type, job, error)
            : fnd_engine_submit(engine, pin.id, fnd_text_z(&path), submission->input, job, error);
    *repeated = status == FND_CONFLICT;
    if (*repeated) {
        status = compare_known(reader, *job, submission->input, submission->hash, error);
    } else if (status == FND_OK) {
        status = control_move(client->control, submission->pipeline, error);
    }
    free(pin.pipeline);
    fnd_text_finish(&path);
    return status;
}

void control_submit(struct client *client, struct fnd_json request)
{
    struct fnd_error error = {0};
    struct submission submission = {0};
    struct fnd_text more = {0};
    int64_t job = 0;
    bool repeated = false;
    enum fnd_status status = read_submission(request, &submission, &error);
    if (status == FND_OK) {
        status = submit(client, &submission, &job, &repeated, &error);
    }
    if (status == FND_OK) {
        fnd_text_printf(&more, ",\"job\":%" PRId64 ",\"repeated\":%s", job,
                        repeated ? "true" : "false");
    }
    control_end(client, status, &error, fnd_text_z(&more));
    fnd_text_finish(&more);
    free(submission.pipeline);
    free(submission.name);
    free(submission.key);
    free(submission.hash);
    free(submission.media_type);
}
