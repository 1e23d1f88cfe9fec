/* SPDX-License-Identifier: MIT */
/* What the tables take from the bodies of events about models. */
#include <stdlib.h>
#include <string.h>

#include "store/parts.h"

static enum fnd_status lacks(const char *where, const char *member, const char *shape,
                             struct fnd_error *error)
{
    return fnd_error_set(error, FND_INVALID, "the %s's \"%s\" is not %s", where, member, shape);
}

static enum fnd_status read_number(struct fnd_json body, const char *member, int64_t *number,
                                   struct fnd_error *error)
{
    const struct fnd_json value = fnd_json_member(body, member);
    if (value.bytes == NULL || !fnd_json_integer(value, number) || *number < 0) {
        return lacks("body", member, "an integer from 0 on", error);
    }
    return FND_OK;
}

static enum fnd_status read_names(struct fnd_parts_read *read, struct fnd_json body,
                                  struct fnd_error *error)
{
    read->pipeline = fnd_json_strdup(fnd_json_member(body, "pipeline"));
    read->model = fnd_json_strdup(fnd_json_member(body, "model"));
    read->parts.pipeline = read->pipeline;
    read->parts.model = read->model;
    if (read->pipeline == NULL || read->model == NULL) {
        return lacks("body", read->pipeline == NULL ? "pipeline" : "model", "a string", error);
    }
    return FND_OK;
}

/* The index from 1 on of the member among the names, which end with NULL. */
static enum fnd_status read_name(struct fnd_json body, const char *member, const char *const *names,
                                 int *index, struct fnd_error *error)
{
    const struct fnd_json value = fnd_json_member(body, member);
    for (int i = 0; value.bytes != NULL && names[i] != NULL; i++) {
        if (fnd_json_text_is(value, names[i])) {
            *index = i + 1;
            return FND_OK;
        }
    }
    return lacks("body", member, "one of the words that can stand there", error);
}

enum fnd_status fnd_parts_read_learn(struct fnd_parts_read *read, enum fnd_event_kind kind,
                                     struct fnd_json body, struct fnd_error *error)
{
    static const char *const outcomes[] = {"done", "failed", "cancelled", NULL};
    static const char *const decisions[] = {"promote", "hold", "rollback", NULL};
    struct fnd_parts *parts = &read->parts;
    enum fnd_status status = FND_OK;
    if (kind == FND_EVENT_TRAIN || kind == FND_EVENT_DECIDE || kind == FND_EVENT_PROVE) {
        status = read_names(read, body, error);
    }
    if (kind == FND_EVENT_TRAIN) {
        const struct {
            const char *name;
            int64_t *number;
        } numbers[] = {
            {"version", &parts->version}, {"attempt", &parts->attempt}, {"until", &parts->until}};
        for (size_t i = 0; i < 3 && status == FND_OK; i++) {
            status = read_number(body, numbers[i].name, numbers[i].number, error);
        }
    } else if (kind == FND_EVENT_TRAINED) {
        status = read_name(body, "outcome", outcomes, &parts->outcome, error);
    } else if (kind == FND_EVENT_DECIDE && status == FND_OK) {
        status = read_name(body, "decision", decisions, &parts->decision, error);
        if (status == FND_OK) {
            status = read_number(body, "replaces", &parts->replaces, error);
        }
    } else if (kind == FND_EVENT_PROVE && status == FND_OK) {
        bool proven = false;
        const struct fnd_json value = fnd_json_member(body, "proven");
        if (value.bytes == NULL || !fnd_json_boolean(value, &proven)) {
            status = lacks("body", "proven", "true or false", error);
        }
    } else if (kind == FND_EVENT_SHADOW) {
        status = read_number(body, "job", &parts->job, error);
        if (status == FND_OK) {
            status = read_number(body, "output", &parts->output, error);
        }
    }
    return status;
}

enum fnd_status fnd_parts_read_kept(struct fnd_parts_read *read, enum fnd_event_kind kind,
                                    struct fnd_json meta, struct fnd_error *error)
{
    const char *name = kind == FND_EVENT_CHECKPOINT ? "checkpoint"
                       : kind == FND_EVENT_TRAINED && read->parts.outcome == FND_TRAINING_DONE
                           ? "model"
                           : NULL;
    if (name == NULL) {
        return FND_OK;
    }
    struct fnd_json entry = {0};
    if (fnd_json_type(meta) == FND_JSON_OBJECT) {
        entry = fnd_json_member(fnd_json_member(meta, "artifacts"), name);
    }
    char *hash = fnd_json_strdup(fnd_json_member(entry, "sha256"));
    int64_t size = -1;
    const bool good = hash != NULL &&
                      fnd_unhex(hash, strlen(hash), read->parts.kept.hash, FND_DIGEST_SIZE) &&
                      fnd_json_integer(fnd_json_member(entry, "size"), &size) && size >= 0;
    free(hash);
    read->parts.kept.size = good ? (uint64_t)size : 0;
    return good ? FND_OK : lacks("meta", name, "among its artifacts", error);
}
