/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/server.h"

enum { CHANGED_LOOK_MAX = 100000 }; /* ended jobs looked at for another pipeline than today's */

/* The texts of an array, NULL-ended; NULL with the wrong index's story in error. */
static char **texts(struct fnd_json array, struct fnd_error *error)
{
    char **list = fnd_alloc((fnd_json_count(array) + 1) * sizeof *list);
    for (struct fnd_json_walk walk = fnd_json_walk(array); fnd_json_next(&walk);) {
        list[walk.index] = fnd_json_strdup(walk.value);
        if (list[walk.index] == NULL) {
            fnd_error_set(error, FND_INVALID, "\"settings\" are texts, KEY=VALUE");
            for (size_t i = 0; i < walk.index; i++) {
                free(list[i]);
            }
            free(list);
            return NULL;
        }
    }
    return list;
}

static void free_texts(char **list)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        free(list[i]);
    }
    free(list);
}

/* Errors of a pipeline file: as JSON, and as a compiler shows them. */
static void end_invalid(struct client *client, enum fnd_status status, const char *file,
                        const struct fnd_errors *errors, const struct fnd_text *source)
{
    struct fnd_text more = {0}, text = {0};
    struct fnd_error error = {0};
    fnd_text_append_z(&more, ",\"errors\":");
    fnd_errors_json(errors, &more);
    fnd_errors_print(errors, source->bytes, source->size, &text);
    control_text(&more, "text", fnd_text_z(&text));
    fnd_error_set(&error, status, "the pipeline %s was refused: %zu error%s", file,
                  errors->count + errors->skipped, errors->count + errors->skipped == 1 ? "" : "s");
    control_end(client, status, &error, fnd_text_z(&more));
    fnd_text_finish(&more);
    fnd_text_finish(&text);
}

/** Jobs of a pipeline that stand under another pin than today's. */
struct changed {
    int64_t pin, other; /* today's; the newest of the others */
    int64_t live, ended;
};

static bool look(const struct fnd_job_row *job, const struct fnd_step_row *step, void *context)
{
    (void)job;
    struct changed *changed = context;
    if (step->pin != changed->pin) {
        changed->other = step->pin > changed->other ? step->pin : changed->other;
        if (step->stand.state <= FND_PAUSED) {
            changed->live++;
        } else {
            changed->ended++;
        }
    }
    return true;
}

static enum fnd_status pin_document(struct fnd_reader *reader, int64_t pin, struct fnd_text *text,
                                    struct fnd_json *document, struct fnd_error *error)
{
    enum fnd_status status = fnd_payload_get(reader, pin, text, NULL, error);
    return status != FND_OK ? status
                            : fnd_json_check(fnd_text_z(text), text->size, "pin", document, error);
}

/* Say what is another than when the pipeline's jobs began. */
static enum fnd_status tell_changed(struct client *client, int64_t pin, const char *name,
                                    struct fnd_error *error)
{
    struct fnd_reader *reader = fnd_engine_reader(client->control->engine);
    struct changed changed = {.pin = pin};
    const struct fnd_job_filter filter = {.pipeline = name, .state = -1};
    const struct fnd_walk walk = {.limit = CHANGED_LOOK_MAX};
    enum fnd_status status = fnd_jobs_walk(reader, &filter, &walk, look, &changed, error);
    if (status != FND_OK || changed.other == 0) {
        return status;
    }
    struct fnd_text old_text = {0}, new_text = {0}, lines = {0}, line = {0};
    struct fnd_json old_pin, new_pin;
    status = pin_document(reader, changed.other, &old_text, &old_pin, error);
    if (status == FND_OK) {
        status = pin_document(reader, pin, &new_text, &new_pin, error);
    }
    if (status == FND_OK) {
        fnd_pin_diff(old_pin, new_pin, &lines);
        fnd_text_printf(&line, "{\"type\":\"changed\",\"live\":%" PRId64 ",\"ended\":%" PRId64,
                        changed.live, changed.ended);
        control_text(&line, "lines", fnd_text_z(&lines));
        fnd_text_append_byte(&line, '}');
        control_send(client, &line);
    }
    fnd_text_finish(&old_text);
    fnd_text_finish(&new_text);
    fnd_text_finish(&lines);
    fnd_text_finish(&line);
    return status;
}

static void tell_pipeline(struct client *client, const struct fnd_pipeline *pipeline)
{
    struct fnd_text line = {0};
    char hash[FND_DIGEST_TEXT_SIZE];
    fnd_digest_text(pipeline->pin_hash, hash);
    fnd_text_printf(&line, "{\"type\":\"pipeline\",\"phases\":%zu,\"hash\":\"%s\"",
                    pipeline->phases_count, hash);
    control_text(&line, "name", pipeline->name);
    fnd_text_append_byte(&line, '}');
    control_send(client, &line);
    fnd_text_finish(&line);
}

static void tell_upgrade(void *context, const char *path, bool moves, const char *why)
{
    struct fnd_text line = {0};
    fnd_text_printf(&line, "{\"type\":\"upgrade\",\"moves\":%s", moves ? "true" : "false");
    control_text(&line, "path", path);
    control_text(&line, "why", why);
    fnd_text_append_byte(&line, '}');
    control_send(context, &line);
    fnd_text_finish(&line);
}

/** Inputs that could not become jobs, at one look. */
struct refusals {
    struct fnd_text lines;
    size_t count;
};

static void refused(void *context, const struct fnd_error *error)
{
    struct refusals *refusals = context;
    struct fnd_text *lines = &refusals->lines;
    refusals->count++;
    fnd_text_append_z(lines, "{\"type\":\"refused\"");
    control_text(lines, "code", error->code[0] != '\0' ? error->code : NULL);
    control_text(lines, "message", error->message);
    control_text(lines, "file", error->file[0] != '\0' ? error->file : NULL);
    if (error->line > 0) {
        fnd_text_printf(lines, ",\"line\":%zu,\"column\":%zu", error->line, error->column);
    }
    fnd_text_append_z(lines, "}\n");
}

/* Tell of refused inputs, unless they are those of the look before: a watcher looks each second. */
static void tell_refused(struct client *client, struct refusals *refusals)
{
    struct follow *follow = &client->follow;
    const char *text = fnd_text_z(&refusals->lines);
    if (follow->refused_lines == NULL || strcmp(follow->refused_lines, text) != 0) {
        struct fnd_text line = {0};
        for (const char *at = text; *at != '\0';) {
            size_t size = strcspn(at, "\n");
            fnd_text_append(&line, at, size);
            control_send(client, &line);
            at += size + 1;
        }
        fnd_text_finish(&line);
        free(follow->refused_lines);
        follow->refused_lines = fnd_strdup(text);
    }
    follow->refused = refusals->count;
}

/* rested  only files that nobody has written to for a while. */
static enum fnd_status ingest(struct client *client, int64_t pin, bool rested, bool first,
                              struct fnd_error *error)
{
    struct fnd_ingest counts = {0};
    struct refusals refusals = {0};
    enum fnd_status status =
        fnd_engine_ingest(client->control->engine, pin, rested, &counts, refused, &refusals, error);
    /* Whether a pipeline rests is asked of the record: the new jobs must be on it. */
    fnd_store_flush(fnd_engine_store(client->control->engine));
    tell_refused(client, &refusals);
    if (status == FND_OK && (first || counts.created + counts.revised > 0)) {
        struct fnd_text line = {0};
        fnd_text_printf(&line,
                        "{\"type\":\"ingest\",\"seen\":%zu,\"created\":%zu,\"revised\":%zu,"
                        "\"unchanged\":%zu,\"refused\":%zu",
                        counts.seen, counts.created, counts.revised, counts.unchanged,
                        counts.refused);
        const struct fnd_pipeline *pipeline = NULL;
        struct fnd_text match = {0};
        if (counts.seen == 0 &&
            fnd_engine_pipeline(client->control->engine, pin, &pipeline, NULL) == FND_OK) {
            for (size_t i = 0; pipeline->match != NULL && pipeline->match[i] != NULL; i++) {
                fnd_text_printf(&match, "%s%s", i > 0 ? ", " : "", pipeline->match[i]);
            }
            control_text(&line, "match", match.size > 0 ? fnd_text_z(&match) : NULL);
        }
        fnd_text_finish(&match);
        fnd_text_append_byte(&line, '}');
        control_send(client, &line);
        fnd_text_finish(&line);
    }
    fnd_text_finish(&refusals.lines);
    return status;
}

enum fnd_status control_resume(struct fnd_control *control, const char *pipeline,
                               struct fnd_error *error)
{
    /* The engine moves one pipeline or all: a second one must not stop the first. */
    bool first = control->resumed == NULL || strcmp(control->resumed, pipeline) == 0;
    free(control->resumed);
    control->resumed = fnd_strdup(first ? pipeline : "");
    return fnd_engine_resume(control->engine, first ? pipeline : NULL, error);
}

enum fnd_status control_move(struct fnd_control *control, const char *pipeline,
                             struct fnd_error *error)
{
    bool moves = control->resumed != NULL &&
                 (control->resumed[0] == '\0' || strcmp(control->resumed, pipeline) == 0);
    return moves ? FND_OK : control_resume(control, pipeline, error);
}

enum fnd_status fnd_control_resume_all(struct fnd_control *control, struct fnd_error *error)
{
    free(control->resumed);
    control->resumed = fnd_strdup("");
    return fnd_engine_resume(control->engine, NULL, error);
}

void control_watch(struct client *client)
{
    /* Only new inputs: what is held or left queued is tried when a person says run, not each
     * second, as each attempt goes on record. */
    struct fnd_error error = {0};
    enum fnd_status status = ingest(client, client->follow.pin, true, false, &error);
    if (status != FND_OK) {
        control_end(client, status, &error, NULL);
    }
}

/* What follows the pin: show changes, upgrade, take in, set in motion. */
static enum fnd_status set_off(struct client *client, struct fnd_json request, int64_t pin,
                               struct fnd_error *error)
{
    struct fnd_engine *engine = client->control->engine;
    struct fnd_json upgrade = fnd_json_member(request, "upgrade");
    bool dry = fnd_json_text_is(upgrade, "dry"), moves = fnd_json_text_is(upgrade, "yes");
    const struct fnd_pipeline *pipeline = NULL;
    enum fnd_status status = fnd_engine_pipeline(engine, pin, &pipeline, error);
    if (status != FND_OK) {
        return status;
    }
    tell_pipeline(client, pipeline);
    status = tell_changed(client, pin, pipeline->name, error);
    if (status == FND_OK && (dry || moves)) {
        char *by = fnd_json_strdup(fnd_json_member(request, "by"));
        status = fnd_engine_upgrade(engine, pin, dry, tell_upgrade, client,
                                    by != NULL ? by : "unknown", error);
        free(by);
    }
    if (status != FND_OK || dry) {
        return status;
    }
    /* Before the first look: refused inputs are noted there. */
    control_follow_pipeline(client, request, pipeline->name, pin);
    /* First in motion: then a new job's first attempt begins in the transaction that takes it in.
     */
    status = control_resume(client->control, pipeline->name, error);
    return status == FND_OK ? ingest(client, pin, client->follow.watch, true, error) : status;
}

void control_run(struct client *client, struct fnd_json request)
{
    struct fnd_error error = {0};
    struct fnd_errors errors = {0};
    struct fnd_text source = {0};
    char *file = fnd_json_strdup(fnd_json_member(request, "pipeline"));
    char **settings = texts(fnd_json_member(request, "settings"), &error);
    int64_t pin = 0;
    enum fnd_status status = FND_INVALID;
    if (file == NULL) {
        fnd_error_set(&error, FND_INVALID, "run needs \"pipeline\", an absolute path");
    } else if (settings != NULL) {
        status = fnd_engine_pin(client->control->engine, file, (const char *const *)settings, &pin,
                                &errors, &source);
        if (status != FND_OK) {
            end_invalid(client, status, file, &errors, &source);
            goto out;
        }
        status = set_off(client, request, pin, &error);
    }
    if (status != FND_OK || !client->follow.active) {
        control_end(client, status, &error, NULL);
    }
out:
    fnd_text_finish(&source);
    free(file);
    free_texts(settings);
}

void control_load(struct client *client, struct fnd_json request)
{
    struct fnd_error error = {0};
    struct fnd_errors errors = {0};
    struct fnd_text source = {0};
    char *file = fnd_json_strdup(fnd_json_member(request, "pipeline"));
    char **settings = texts(fnd_json_member(request, "settings"), &error);
    const struct fnd_pipeline *pipeline = NULL;
    int64_t pin = 0;
    enum fnd_status status = FND_INVALID;
    if (file == NULL) {
        fnd_error_set(&error, FND_INVALID, "load needs \"pipeline\", an absolute path");
    } else if (settings != NULL) {
        status = fnd_engine_pin(client->control->engine, file, (const char *const *)settings, &pin,
                                &errors, &source);
        if (status != FND_OK) {
            end_invalid(client, status, file, &errors, &source);
            goto out;
        }
        status = fnd_engine_pipeline(client->control->engine, pin, &pipeline, &error);
    }
    if (status == FND_OK) {
        tell_pipeline(client, pipeline);
    }
    control_end(client, status, &error, NULL);
out:
    fnd_text_finish(&source);
    free(file);
    free_texts(settings);
}
