/* SPDX-License-Identifier: MIT */
/* A new model is tried before it may be promoted: the engine runs the learned phase with it, and
 * with what is in production, over the documents of the evaluation split, whose truth people gave.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "learn/internal.h"
#include "pipeline/kind.h"

static struct fnd_json span(const struct fnd_text *text)
{
    return (struct fnd_json){text->size > 0 ? text->bytes : NULL, text->size};
}

static void call_finish(struct trial_call *trial)
{
    fnd_effects_finish(&trial->call.effects);
    fnd_text_finish(&trial->call.noise);
    fnd_text_finish(&trial->config);
    fnd_text_finish(&trial->document);
    for (size_t i = 0; i < trial->artifacts_count; i++) {
        if (trial->artifacts[i].fd >= 0) {
            (void)close(trial->artifacts[i].fd);
        }
        free((char *)(uintptr_t)trial->artifacts[i].name);
    }
    free(trial->artifacts);
}

void trial_finish(struct trial *trial)
{
    call_finish(&trial->calls[0]);
    call_finish(&trial->calls[1]);
    fnd_case_finish(&trial->run);
    fnd_text_finish(&trial->human);
    fnd_text_finish(&trial->reviewed);
    *trial = (struct trial){.left = 0};
}

/* Open what the config names. */
static enum fnd_status artifact_open(const struct fnd_case *of, struct trial_call *trial,
                                     const char *name, const struct fnd_case_artifact *artifact,
                                     struct fnd_error *error)
{
    int fd = -1;
    for (size_t i = 0; i < trial->artifacts_count; i++) {
        if (strcmp(trial->artifacts[i].name, name) == 0) {
            return FND_OK; /* the first of a name is the one that is meant */
        }
    }
    const enum fnd_status status = fnd_case_open(of, artifact, &fd, error);
    if (status == FND_OK) {
        trial->artifacts =
            fnd_realloc(trial->artifacts, trial->artifacts_count + 1, sizeof *trial->artifacts);
        trial->artifacts[trial->artifacts_count++] = (struct fnd_call_artifact){
            .name = fnd_strdup(name), .size = artifact->kept.size, .fd = fd};
    }
    return status;
}

enum fnd_status trial_call_make(struct run *run, struct trial_call *trial,
                                const struct tried *model, struct fnd_error *error)
{
    struct fnd_case *of = &run->trial.run;
    fnd_case_model(of, run->name, model->name);
    enum fnd_status status = fnd_case_config(of, &trial->config, error);
    const struct fnd_json config = span(&trial->config);
    if (status == FND_OK && model->bytes != NULL) {
        trial->artifacts = fnd_realloc(trial->artifacts, 1, sizeof *trial->artifacts);
        trial->artifacts[trial->artifacts_count++] = (struct fnd_call_artifact){
            .name = fnd_strdup(model->name), .size = model->size, .fd = -1, .bytes = model->bytes};
    } else if (status == FND_OK && model->name != NULL) {
        const struct fnd_case_artifact bytes = {.kept = *model->kept};
        status = artifact_open(of, trial, model->name, &bytes, error);
    }
    for (size_t i = 0; i < of->artifacts_count && status == FND_OK; i++) {
        if (fnd_config_names(config, of->artifacts[i].name)) {
            status = artifact_open(of, trial, of->artifacts[i].name, &of->artifacts[i], error);
        }
    }
    fnd_text_append_z(&trial->document, "{\"phase\":");
    fnd_text_append_json_z(&trial->document, of->phase->id);
    fnd_text_append_z(&trial->document, ",\"idempotency_key\":\"trial\",\"deadline_ms\":");
    fnd_text_printf(&trial->document, "%" PRId64 ",", of->phase->timeout_ms);
    fnd_text_append(&trial->document, of->run.bytes + 1, of->run.size - 1);
    trial->owner = run;
    trial->call = (struct fnd_pool_call){.callee = &of->phase->bound.callee,
                                         .input = {.config = config,
                                                   .run = span(&trial->document),
                                                   .artifacts = trial->artifacts,
                                                   .artifacts_count = trial->artifacts_count},
                                         .timeout_ms = of->phase->timeout_ms,
                                         .owner = NULL};
    return status;
}

enum fnd_status trial_load(struct run *run, const struct fnd_lesson *lesson,
                           struct fnd_error *error)
{
    struct trial *trial = &run->trial;
    struct fnd_reader *reader = fnd_engine_reader(run->learn->engine);
    struct fnd_correction_row row = {0};
    struct fnd_text answer = {0}, asked = {0};
    enum fnd_status status = fnd_case_load(run->learn->engine, lesson->subject, &trial->run, error);
    if (status == FND_OK) {
        status = fnd_engine_arm(run->learn->engine, trial->run.pin, trial->run.phase->index, error);
    }
    if (status == FND_OK) {
        status = fnd_correction_get(reader, lesson->record, &row, error);
    }
    if (status == FND_OK && lesson->output > 0) {
        status = fnd_payload_get(reader, lesson->output, &trial->human, NULL, error);
    }
    if (status == FND_OK) {
        status = fnd_payload_get(reader, lesson->record, &answer, NULL, error);
    }
    if (status == FND_OK) {
        status = fnd_payload_get(reader, row.request, &asked, NULL, error);
    }
    if (status == FND_OK) {
        fnd_lesson_reviewed(span(&answer), span(&asked), &trial->reviewed);
        trial->record = lesson->record;
        trial->step = row.step;
        trial->rejected = lesson->verdict == FND_REJECTED;
        trial->sample = fnd_json_text_is(fnd_json_member(span(&asked), "checked"), "sample");
    }
    fnd_text_finish(&answer);
    fnd_text_finish(&asked);
    return status;
}

/* Load a document and make both calls. */
static enum fnd_status trial_make(struct run *run, const struct fnd_lesson *lesson,
                                  struct fnd_error *error)
{
    struct trial *trial = &run->trial;
    const struct tried now = {.name = run->model_name, .kept = &run->kept};
    const struct tried before = {.name = run->previous.id != 0 ? run->previous_name : NULL,
                                 .kept = &run->previous.artifact};
    enum fnd_status status = trial_load(run, lesson, error);
    if (status == FND_OK) {
        status = trial_call_make(run, &trial->calls[0], &now, error);
    }
    if (status == FND_OK) {
        status = trial_call_make(run, &trial->calls[1], &before, error);
    }
    return status;
}

/* The next document of the evaluation split. */
void run_try(struct run *run)
{
    while (run->at < run->lessons.count) {
        const struct fnd_lesson *lesson = &run->lessons.list[run->at++];
        struct fnd_error error = {0};
        if (lesson->split != FND_SPLIT_VALIDATION || lesson->tier != FND_TIER_GOLD ||
            lesson->verdict == FND_REJECTED || lesson->output == 0) {
            continue;
        }
        if (trial_make(run, lesson, &error) == FND_OK) {
            run->trying = true;
            run->trial.left = 2;
            fnd_pool_submit(run->learn->pool, &run->trial.calls[0].call);
            fnd_pool_submit(run->learn->pool, &run->trial.calls[1].call);
            fnd_pool_dispatch(run->learn->pool);
            return;
        }
        fnd_log(fnd_engine_options_of(run->learn->engine)->log, FND_LOG_WARNING, "learn", NULL,
                NULL, "model %s is not tried on record %" PRId64 ": %s", run->name, lesson->record,
                error.message);
        run->skipped++;
        trial_finish(&run->trial);
    }
    cross_begin(run);
}

struct fnd_json trial_said(const struct trial_call *trial, const struct fnd_bound *bound,
                           struct fnd_error *error)
{
    const struct fnd_json none = {0};
    const struct fnd_effects *effects = &trial->call.effects;
    if (trial->call.end != FND_CALL_RETURNED) {
        *error = trial->call.error;
        return none;
    }
    if (effects->outcome != FOUNDRY_DONE) {
        fnd_error_set(error, FND_PLUGIN, "%s",
                      effects->message != NULL ? effects->message : "it asks, or gave no reason");
        return none;
    }
    if (fnd_effects_check(effects, bound->output_schema, none, error) != FND_OK) {
        return none;
    }
    return effects->output != NULL ? (struct fnd_json){effects->output, effects->output_size}
                                   : (struct fnd_json){"{}", 2};
}

void run_tried(struct run *run, struct trial_call *call)
{
    (void)call;
    struct trial *trial = &run->trial;
    if (--trial->left > 0) {
        return;
    }
    if (run->state == RUN_CROSSES) {
        cross_tried(run);
        return;
    }
    if (run->state == RUN_SHADOWS) {
        shadow_ran(run);
        return;
    }
    struct fnd_error why = {0}, before_why = {0};
    const struct fnd_bound *bound = &trial->run.phase->bound;
    const struct fnd_json now = trial_said(&trial->calls[0], bound, &why);
    const struct fnd_json before = trial_said(&trial->calls[1], bound, &before_why);
    bool refused = now.bytes == NULL && before.bytes != NULL;
    run->trying = false;
    if (run->cancelled) {
        run_stopped(run, &run->learned.error);
    } else if (refused) {
        fnd_error_set(&run->learned.error, FND_PLUGIN,
                      "the new model %s cannot be used: tried on %s, phase %s said: %s", run->name,
                      trial->run.job.path, trial->run.phase->id, why.message);
        fnd_error_code(&run->learned.error, "bad_model");
    } else if (now.bytes != NULL || before.bytes != NULL) {
        const struct fnd_json whole = {"null", 4}; /* also where it was asked in places, too */
        fnd_score_add(&run->score, span(&trial->human), now, before,
                      trial->sample ? whole : span(&trial->reviewed));
        cross_note(run, &trial->calls[0], now);
    } else {
        run->skipped++; /* neither: it says nothing about the model */
    }
    trial_finish(trial);
    if (run->cancelled || refused) {
        run_end(run, run->learned.error.status);
    } else {
        run_try(run);
    }
}
