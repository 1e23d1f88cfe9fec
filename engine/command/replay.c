/* SPDX-License-Identifier: MIT */
#include "command/replay.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "command/commands.h"
#include "command/models.h"
#include "command/output.h"
#include "command/session.h"

enum { PAGE = 1024, ROUNDS_MAX = 64 };

/* --- which jobs ---------------------------------------------------------------------------- */

/** --where KEY=VALUE, all of them. */
struct where {
    const char *pipeline, *path, *verdict;
    int state;
};

static enum fnd_status where_read(struct fnd_app *app, struct where *where, struct fnd_error *error)
{
    const char **list = fnd_arguments_list(&app->arguments, FND_OPTION_WHERE);
    enum fnd_status status = FND_OK;
    where->state = -1;
    for (size_t i = 0; list[i] != NULL && status == FND_OK; i++) {
        const char *equals = strchr(list[i], '='), *value = equals != NULL ? equals + 1 : "";
        const size_t size = equals != NULL ? (size_t)(equals - list[i]) : 0;
        if (size == 8 && strncmp(list[i], "pipeline", size) == 0) {
            where->pipeline = value;
        } else if (size == 4 && strncmp(list[i], "path", size) == 0) {
            where->path = value;
        } else if (size == 7 && strncmp(list[i], "verdict", size) == 0 &&
                   (strcmp(value, "accepted") == 0 || strcmp(value, "corrected") == 0)) {
            where->verdict = value;
        } else if (size == 5 && strncmp(list[i], "state", size) == 0) {
            for (int state = 0; state <= FND_CANCELLED; state++) {
                where->state = strcmp(fnd_state_name((enum fnd_state)state), value) == 0
                                   ? state
                                   : where->state;
            }
            if (where->state < 0) {
                status = fnd_error_set(error, FND_INVALID, "there is no state %s", value);
            }
        } else {
            status = fnd_error_set(error, FND_INVALID,
                                   "--where takes pipeline=NAME, path=GLOB, state=STATE or "
                                   "verdict=accepted|corrected, not '%s'",
                                   list[i]);
        }
    }
    free(list);
    return status;
}

/** Jobs as they are walked: their newest revisions. */
struct picking {
    struct fnd_replay *replay;
    const struct where *where;
    const char *pipeline; /* of all that were picked */
    char *kept;
    int64_t last;
    size_t seen;
    bool several;
};

static bool job_look(const struct fnd_job_row *job, const struct fnd_step_row *step, void *context)
{
    struct picking *picking = context;
    struct fnd_replay *replay = picking->replay;
    picking->last = job->id;
    picking->seen++;
    if (step->stand.state == FND_QUEUED || step->stand.state == FND_RUNNING ||
        (picking->where->path != NULL && fnmatch(picking->where->path, job->path, 0) != 0)) {
        return true;
    }
    if (picking->kept != NULL && strcmp(picking->kept, job->pipeline) != 0) {
        picking->several = true;
        return false;
    }
    if (picking->kept == NULL) {
        picking->kept = fnd_strdup(job->pipeline);
    }
    for (size_t i = 0; i < replay->jobs_count; i++) { /* a later revision stands for the former */
        if (job->revision > 1 && strcmp(replay->jobs[i].path, job->path) == 0) {
            replay->jobs[i].job = job->id;
            return true;
        }
    }
    replay->jobs = fnd_realloc(replay->jobs, replay->jobs_count + 1, sizeof *replay->jobs);
    replay->jobs[replay->jobs_count++] =
        (struct fnd_replayed){.job = job->id, .path = fnd_strdup(job->path)};
    return true;
}

/* Of those with a verdict at any gate, if one is asked for. */
static enum fnd_status keep_verdict(struct fnd_replay *replay, const char *verdict,
                                    struct fnd_error *error)
{
    size_t kept = 0;
    enum fnd_status status = FND_OK;
    const enum fnd_verdict wanted = strcmp(verdict, "accepted") == 0 ? FND_ACCEPTED : FND_CORRECTED;
    for (size_t i = 0; i < replay->jobs_count; i++) {
        bool has = false;
        for (size_t g = 0; g < fnd_shadow_gates(replay->shadow) && status == FND_OK; g++) {
            struct fnd_replay_past past;
            struct fnd_correction_row row;
            int32_t gate = 0, subject = 0;
            const char *id = NULL;
            fnd_shadow_gate(replay->shadow, g, &gate, &subject, &id);
            status = fnd_replay_past(replay->reader, replay->jobs[i].job, gate, &past, error);
            has |= status == FND_OK && past.record > 0 &&
                   fnd_correction_get(replay->reader, past.record, &row, NULL) == FND_OK &&
                   row.verdict == wanted;
        }
        if (has) {
            replay->jobs[kept++] = replay->jobs[i];
        } else {
            free(replay->jobs[i].path);
        }
    }
    replay->jobs_count = kept;
    return status;
}

static enum fnd_status pick(struct fnd_replay *replay, const struct where *where, char **pipeline,
                            struct fnd_error *error)
{
    const struct fnd_job_filter filter = {where->pipeline, where->state};
    struct picking picking = {.replay = replay, .where = where};
    enum fnd_status status = FND_OK;
    do {
        const struct fnd_walk page = {picking.last, PAGE};
        picking.seen = 0;
        status = fnd_jobs_walk(replay->reader, &filter, &page, job_look, &picking, error);
    } while (status == FND_OK && picking.seen == PAGE && !picking.several);
    if (status == FND_OK && picking.several) {
        status = fnd_error_set(error, FND_CONFLICT,
                               "jobs of several pipelines fit; say which: --where pipeline=NAME");
    } else if (status == FND_OK && replay->jobs_count == 0) {
        status = fnd_error_set(error, FND_NOT_FOUND, "no job fits");
    }
    *pipeline = picking.kept;
    return status;
}

/* --- the run there ------------------------------------------------------------------------- */

static enum fnd_status send_run(struct fnd_replay *replay, struct fnd_session *session,
                                struct fnd_error *error)
{
    struct fnd_text request = {0}, text = {0};
    struct fnd_json end = {NULL, 0};
    const char *const *settings = fnd_shadow_settings(replay->shadow);
    fnd_text_append_z(&request, "{\"op\":\"run\",\"pipeline\":");
    fnd_text_append_json_z(&request, fnd_shadow_pipeline(replay->shadow));
    fnd_text_append_z(&request, ",\"by\":\"replay\",\"settings\":[");
    for (size_t i = 0; settings[i] != NULL; i++) {
        fnd_text_append_z(&request, i > 0 ? "," : "");
        fnd_text_append_json_z(&request, settings[i]);
    }
    fnd_text_append_z(&request, "]}");
    enum fnd_status status = fnd_session_ask(session, &request, NULL, NULL, &text, &end, error);
    if (status == FND_OK) {
        status = fnd_session_status(end, error);
    }
    fnd_text_finish(&request);
    fnd_text_finish(&text);
    return status;
}

static bool same_questions(struct fnd_json a, struct fnd_json b, struct fnd_json here,
                           struct fnd_json there)
{
    if (fnd_json_count(a) != fnd_json_count(b)) {
        return false;
    }
    for (struct fnd_json_walk walk = fnd_json_walk(a); fnd_json_next(&walk);) {
        struct fnd_json pointer = fnd_json_member(walk.value, "pointer");
        char *place = pointer.bytes != NULL ? fnd_json_strdup(pointer) : fnd_strdup("");
        bool found = false;
        for (struct fnd_json_walk other = fnd_json_walk(b); fnd_json_next(&other);) {
            found |= fnd_json_equal(fnd_json_member(walk.value, "kind"),
                                    fnd_json_member(other.value, "kind")) &&
                     fnd_json_equal(pointer, fnd_json_member(other.value, "pointer"));
        }
        found = found && fnd_json_equal(fnd_json_find(here, place), fnd_json_find(there, place));
        free(place);
        if (!found) {
            return false;
        }
    }
    return true;
}

/* What a person said here, as an answer there; false where it was about another question. */
static bool answer_make(const struct fnd_replay *replay, const struct fnd_replayed *job,
                        int64_t request, int32_t gate, int32_t subject, struct fnd_text *line)
{
    struct fnd_text here = {0}, there = {0}, asked = {0}, asks = {0}, record = {0};
    struct fnd_step_row step, other;
    struct fnd_replay_past past;
    struct fnd_json said = {NULL, 0}, says = {NULL, 0}, a = {NULL, 0}, b = {NULL, 0},
                    answer = {NULL, 0};
    bool same = subject >= 0 && fnd_step_get(replay->reader, job->job, &step, NULL) == FND_OK &&
                fnd_step_get(replay->there, job->shadow, &other, NULL) == FND_OK &&
                fnd_replay_past(replay->reader, job->job, gate, &past, NULL) == FND_OK &&
                past.record > 0 && past.request > 0;
    same = same &&
           fnd_payload_get(replay->reader, step.outputs[subject], &here, NULL, NULL) == FND_OK &&
           fnd_payload_get(replay->there, other.outputs[subject], &there, NULL, NULL) == FND_OK &&
           fnd_payload_get(replay->reader, past.request, &asked, NULL, NULL) == FND_OK &&
           fnd_payload_get(replay->there, request, &asks, NULL, NULL) == FND_OK &&
           fnd_payload_get(replay->reader, past.record, &record, NULL, NULL) == FND_OK &&
           fnd_json_check(here.bytes, here.size, NULL, &said, NULL) == FND_OK &&
           fnd_json_check(there.bytes, there.size, NULL, &says, NULL) == FND_OK &&
           fnd_json_check(asked.bytes, asked.size, NULL, &a, NULL) == FND_OK &&
           fnd_json_check(asks.bytes, asks.size, NULL, &b, NULL) == FND_OK &&
           fnd_json_check(record.bytes, record.size, NULL, &answer, NULL) == FND_OK &&
           same_questions(fnd_json_member(a, "questions"), fnd_json_member(b, "questions"), said,
                          says);
    struct fnd_json fields = same ? fnd_json_member(answer, "fields") : (struct fnd_json){NULL, 0};
    struct fnd_text values = {0}, removed = {0};
    for (struct fnd_json_walk walk = fnd_json_walk(fields); same && fnd_json_next(&walk);) {
        char *place = fnd_json_strdup(walk.key);
        struct fnd_json to = fnd_json_member(walk.value, "to");
        same = fnd_json_equal(fnd_json_find(said, place), fnd_json_find(says, place));
        struct fnd_text *list = to.bytes != NULL ? &values : &removed;
        fnd_text_append_z(list, list->size > 0 ? "," : "");
        fnd_text_append_json_z(list, place);
        if (to.bytes != NULL) {
            fnd_text_append_byte(&values, ':');
            fnd_text_append(&values, to.bytes, to.size);
        }
        free(place);
    }
    if (same) {
        struct fnd_json overrides = fnd_json_member(answer, "overrides");
        fnd_text_printf(line,
                        "{\"op\":\"answer\",\"request\":%" PRId64
                        ",\"run\":true,\"by\":\"replay\",\"accept\":%s",
                        request, values.size + removed.size == 0 ? "true" : "false");
        if (values.size + removed.size > 0) {
            fnd_text_printf(line, ",\"values\":{%s},\"removed\":[%s]", fnd_text_z(&values),
                            fnd_text_z(&removed));
        }
        if (overrides.bytes != NULL) {
            fnd_text_append_z(line, ",\"overrides\":");
            fnd_text_append(line, overrides.bytes, overrides.size);
        }
        fnd_text_append_byte(line, '}');
    }
    fnd_text_finish(&here);
    fnd_text_finish(&there);
    fnd_text_finish(&asked);
    fnd_text_finish(&asks);
    fnd_text_finish(&record);
    fnd_text_finish(&values);
    fnd_text_finish(&removed);
    return same;
}

/* Give every answer that holds there; further gates ask anew, so again until none does. */
static enum fnd_status give_answers(struct fnd_replay *replay, struct fnd_session *session,
                                    bool *gave, struct fnd_error *error)
{
    enum fnd_status status = FND_OK;
    *gave = false;
    for (size_t i = 0; i < replay->jobs_count && status == FND_OK; i++) {
        const struct fnd_replayed *job = &replay->jobs[i];
        struct fnd_request_row open;
        struct fnd_text line = {0}, text = {0};
        struct fnd_json end = {NULL, 0};
        if (job->shadow == 0 || fnd_request_of(replay->there, job->shadow, &open, NULL) != FND_OK) {
            continue;
        }
        for (size_t g = 0; g < fnd_shadow_gates(replay->shadow); g++) {
            int32_t gate = 0, subject = 0;
            const char *id = NULL;
            fnd_shadow_gate(replay->shadow, g, &gate, &subject, &id);
            if (gate == open.phase && answer_make(replay, job, open.id, gate, subject, &line)) {
                status = fnd_session_ask(session, &line, NULL, NULL, &text, &end, error);
                const bool taken = status == FND_OK && fnd_session_status(end, NULL) == FND_OK;
                replay->tally.reused += taken;
                *gave |= taken;
                break;
            }
        }
        fnd_text_finish(&line);
        fnd_text_finish(&text);
    }
    return status;
}

static void find_there(struct fnd_replay *replay, const char *pipeline)
{
    for (size_t i = 0; i < replay->jobs_count; i++) {
        struct fnd_replayed *job = &replay->jobs[i];
        struct fnd_job_row row = {0};
        if (job->shadow_path != NULL &&
            fnd_job_find(replay->there, pipeline, job->shadow_path, &row, NULL) == FND_OK) {
            job->shadow = row.id;
        }
        fnd_job_row_finish(&row);
    }
}

static enum fnd_status run_there(struct fnd_replay *replay, const char *pipeline,
                                 struct fnd_error *error)
{
    struct fnd_session *session =
        fnd_session_create(replay->app, fnd_shadow_directory(replay->shadow), true, true);
    bool gave = true;
    fnd_session_plugins(session, fnd_shadow_plugin_path(replay->shadow));
    enum fnd_status status = send_run(replay, session, error);
    if (status == FND_OK) {
        status = fnd_reader_open(fnd_shadow_directory(replay->shadow), &replay->there, error);
    }
    if (status == FND_OK) {
        find_there(replay, pipeline);
    }
    for (size_t round = 0; status == FND_OK && gave && round < ROUNDS_MAX; round++) {
        status = give_answers(replay, session, &gave, error);
        if (status == FND_OK && gave) {
            status = send_run(replay, session, error); /* until all rests again */
        }
    }
    fnd_session_destroy(session);
    return status;
}

/* --- the whole ----------------------------------------------------------------------------- */

static double percent(size_t part, size_t whole)
{
    return whole > 0 ? 100.0 * (double)part / (double)whole : 0;
}

static void print_end(struct fnd_replay *replay, const char *pipeline)
{
    const struct fnd_replay_tally *tally = &replay->tally;
    const struct fnd_shadow *shadow = replay->shadow;
    struct fnd_text json = {0};
    const bool model = fnd_arguments_value(&replay->app->arguments, FND_OPTION_MODEL) != NULL;
    if (replay->app->json) {
        fnd_text_append_z(&json, "{\"type\":\"end\",");
        fnd_field(&json, "pipeline", pipeline);
        fnd_text_append_byte(&json, ',');
        fnd_field(&json, model ? "model" : "plugin",
                  fnd_shadow_plugin_id(shadow) + (model ? strlen("model ") : 0));
        for (size_t i = 0; i < 2; i++) {
            fnd_text_printf(&json, ",\"%s\":{", i == 0 ? "past" : "present");
            fnd_field(&json, "version", fnd_shadow_version(shadow, i == 1));
            fnd_text_append_byte(&json, ',');
            fnd_field(&json, "sha256", fnd_shadow_hash(shadow, i == 1));
            fnd_text_printf(&json, ",\"right\":%zu}", tally->right[i]);
        }
        fnd_text_printf(&json,
                        ",\"jobs\":%zu,\"failed\":%zu,\"with_truth\":%zu,\"fields\":%zu,"
                        "\"fixed\":%zu,\"broken\":%zu,\"unchanged\":%zu,\"still_wrong\":%zu,"
                        "\"same\":%zu,\"differs\":%zu,\"newly_asked\":%zu,"
                        "\"no_longer_asked\":%zu,\"answers_reused\":%zu}\n",
                        tally->jobs, tally->failed, tally->truths, tally->fields, tally->fixed,
                        tally->broken, tally->unchanged, tally->still_wrong, tally->same,
                        tally->differs, tally->asked, tally->unasked, tally->reused);
        fnd_raw(replay->app, fnd_text_z(&json), json.size);
        fnd_text_finish(&json);
        return;
    }
    fnd_line(replay->app, "%zu jobs of %s with %s %s (%.12s) in place of %s (%.12s)", tally->jobs,
             pipeline, fnd_shadow_plugin_id(shadow), fnd_shadow_version(shadow, true),
             fnd_shadow_hash(shadow, true), fnd_shadow_version(shadow, false),
             fnd_shadow_hash(shadow, false));
    fnd_line(replay->app,
             "%zu with a person's word, %zu fields: right %zu (%.1f %%), before %zu (%.1f %%)",
             tally->truths, tally->fields, tally->right[1], percent(tally->right[1], tally->fields),
             tally->right[0], percent(tally->right[0], tally->fields));
    fnd_line(replay->app, "fixed %zu, broken %zu, unchanged %zu, still wrong %zu", tally->fixed,
             tally->broken, tally->unchanged, tally->still_wrong);
    fnd_line(replay->app, "without a person's word: %zu fields the same, %zu differ", tally->same,
             tally->differs);
    fnd_line(replay->app, "newly asked %zu, no longer asked %zu, answers that held %zu",
             tally->asked, tally->unasked, tally->reused);
    if (tally->failed > 0) {
        fnd_line(replay->app, "%zu jobs failed that had not", tally->failed);
    }
}

static enum fnd_status replay_run(struct fnd_replay *replay, const struct where *where,
                                  const char *plugin, const struct fnd_shadow_model *model,
                                  struct fnd_error *error)
{
    char *pipeline = NULL;
    enum fnd_status status = pick(replay, where, &pipeline, error);
    if (status == FND_OK) {
        status = fnd_shadow_create(replay->reader, pipeline, plugin, model, NULL, &replay->app->log,
                                   &replay->shadow, error);
    }
    if (status == FND_OK && where->verdict != NULL) {
        status = keep_verdict(replay, where->verdict, error);
    }
    for (size_t i = 0; i < replay->jobs_count && status == FND_OK; i++) {
        struct fnd_job_row job = {0};
        struct fnd_error odd = {0};
        status = fnd_job_get(replay->reader, replay->jobs[i].job, &job, error);
        if (status == FND_OK &&
            fnd_shadow_add(replay->shadow, &job, &replay->jobs[i].shadow_path, &odd) != FND_OK) {
            fnd_say(replay->app, "%s cannot be run again: %s", job.path, odd.message);
        }
        fnd_job_row_finish(&job);
    }
    if (status == FND_OK) {
        status = run_there(replay, pipeline, error);
    }
    if (status == FND_OK) {
        status = fnd_replay_compare(replay, error);
    }
    if (status == FND_OK) {
        print_end(replay, pipeline);
    }
    free(pipeline);
    return status;
}

int fnd_command_replay(struct fnd_app *app)
{
    const char *plugin = fnd_arguments_value(&app->arguments, FND_OPTION_PLUGIN);
    struct fnd_replay replay = {.app = app};
    struct where where = {0};
    struct fnd_error error = {0};
    struct fnd_shadow_model model = {fnd_arguments_value(&app->arguments, FND_OPTION_MODEL), -1};
    enum fnd_status status = where_read(app, &where, &error);
    if (status == FND_OK) {
        status = fnd_models_version(app, &model.version, &error);
    }
    if (status == FND_OK && (plugin == NULL) == (model.name == NULL)) {
        status = fnd_error_set(&error, FND_INVALID,
                               "say what takes another's place, one thing: --plugin ./NAME.so, or "
                               "--model NAME");
    } else if (status == FND_OK && model.name == NULL && model.version >= 0) {
        status = fnd_error_set(&error, FND_INVALID, "--model-version goes with --model NAME");
    }
    if (status != FND_OK) {
        fnd_complain(app, &error);
        return FND_EXIT_USAGE;
    }
    status = fnd_directory_read(app->arguments.operands[0], &replay.reader, &error);
    if (status == FND_OK) {
        status = replay_run(&replay, &where, plugin, model.name != NULL ? &model : NULL, &error);
    }
    for (size_t i = 0; i < replay.jobs_count; i++) {
        free(replay.jobs[i].path);
        free(replay.jobs[i].shadow_path);
    }
    free(replay.jobs);
    fnd_text_finish(&replay.json);
    fnd_reader_close(replay.there);
    fnd_shadow_destroy(replay.shadow);
    fnd_reader_close(replay.reader);
    if (status != FND_OK) {
        return fnd_fail(app, &error);
    }
    return replay.tally.broken + replay.tally.failed > 0 ? FND_EXIT_FAILED : FND_EXIT_DONE;
}
