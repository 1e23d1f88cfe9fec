/* SPDX-License-Identifier: MIT */
/* One training: its record, the trainer's call, what came of it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "learn/internal.h"
#include "learn/threshold.h"

static void artifact_append(struct fnd_text *json, const char *name,
                            const struct fnd_artifact *artifact)
{
    char hash[FND_DIGEST_TEXT_SIZE];
    fnd_digest_text(artifact->hash, hash);
    fnd_text_printf(json, "%s\"%s\":{\"sha256\":\"%s\",\"size\":%" PRIu64 "}",
                    json->bytes[json->size - 1] == '{' ? "" : ",", name, hash, artifact->size);
}

/* Append the event; `artifacts` are those its meta names. */
static enum fnd_status record(struct run *run, enum fnd_event_kind kind, struct fnd_text *body,
                              struct fnd_text *meta, const struct fnd_artifact *artifacts,
                              size_t count, int64_t *number, struct fnd_error *error)
{
    struct fnd_write *write = fnd_write_create();
    struct fnd_event *event =
        fnd_write_add(write, kind, body->size > 0 ? fnd_text_take(body) : NULL,
                      meta->size > 0 ? fnd_text_take(meta) : NULL);
    event->ref = kind == FND_EVENT_TRAIN ? 0 : run->training;
    if (count > 0) {
        event->artifacts = fnd_realloc(NULL, count, sizeof *artifacts);
        memcpy(event->artifacts, artifacts, count * sizeof *artifacts);
        event->artifacts_count = count;
    }
    const enum fnd_status status =
        fnd_store_commit(fnd_engine_store(run->learn->engine), write, error);
    if (status == FND_OK && number != NULL) {
        *number = write->first;
    }
    fnd_write_destroy(write);
    return status;
}

uint64_t run_seed(const struct run *run)
{
    uint8_t digest[FND_DIGEST_SIZE];
    struct fnd_sha256 hash;
    uint64_t seed = 0;
    fnd_sha256_begin(&hash);
    fnd_sha256_add(&hash, run->examples.manifest_kept.hash, FND_DIGEST_SIZE);
    fnd_sha256_add(&hash, &run->version, sizeof run->version);
    fnd_sha256_end(&hash, digest);
    for (size_t i = 0; i < sizeof seed; i++) {
        seed = seed << 8 | digest[i];
    }
    return seed;
}

/* Whether the last training of this model was of the same examples and did not end well: then this
 * one is its next attempt, and goes on from its checkpoint. */
static bool attempt_of(struct run *run, const struct fnd_training_row *last)
{
    struct fnd_text body = {0};
    char hash[FND_DIGEST_TEXT_SIZE];
    fnd_digest_text(run->examples.manifest_kept.hash, hash);
    const bool same =
        last->state > FND_TRAINING_DONE &&
        fnd_payload_get(fnd_engine_reader(run->learn->engine), last->id, &body, NULL, NULL) ==
            FND_OK &&
        fnd_json_text_is(fnd_json_member((struct fnd_json){body.bytes, body.size}, "manifest"),
                         hash);
    fnd_text_finish(&body);
    return same;
}

/* Which version and attempt this is, and what it begins from. */
static enum fnd_status run_place(struct run *run, struct fnd_error *error)
{
    struct fnd_reader *reader = fnd_engine_reader(run->learn->engine);
    struct fnd_training_row last = {0};
    enum fnd_status status =
        fnd_training_latest(reader, run->pipeline_name, run->name, &last, error);
    run->version = run->attempt = 1;
    if (status == FND_OK) {
        const bool again = attempt_of(run, &last);
        run->version = last.version + (last.state == FND_TRAINING_DONE ? 1 : 0);
        run->attempt = last.state == FND_TRAINING_DONE ? 1 : last.attempt + 1;
        run->checkpoint = last.checkpoint;
        run->resumes = again && last.has_checkpoint;
        if (run->resumes) {
            status = fnd_examples_pack(run->learn->engine, &run->examples, "checkpoint",
                                       &last.checkpoint, error);
        }
    }
    fnd_training_row_finish(&last);
    if (status == FND_OK || status == FND_NOT_FOUND) {
        status = fnd_model_production(reader, run->pipeline_name, run->name, &run->previous, error);
    }
    if (status == FND_OK) {
        fnd_model_artifact_name(run->name, run->previous.artifact.hash, run->previous_name);
        status = fnd_examples_pack(run->learn->engine, &run->examples, run->previous_name,
                                   &run->previous.artifact, error);
    }
    return status == FND_NOT_FOUND ? FND_OK : status;
}

/* What a program is, in place of a plugin's hash: its words, the files among them, all that it
 * finds in its environment; and that nothing confines it. */
static void program_append(const struct run *run, struct fnd_text *body)
{
    const struct fnd_model *model = run->model;
    fnd_text_append_z(body, ",\"command\":[");
    for (size_t i = 0; i < model->command_count; i++) {
        fnd_text_append_z(body, i > 0 ? "," : "");
        fnd_text_append_json_z(body, model->command[i]);
    }
    fnd_text_append_z(body, "],\"files\":{");
    for (size_t i = 0, count = 0; i < run->pipeline->files_count; i++) {
        const struct fnd_named_file *file = &run->pipeline->files[i];
        bool named = false;
        for (size_t j = 0; j < model->command_count; j++) {
            named = named || strcmp(model->command[j], file->path) == 0;
        }
        if (named) {
            uint8_t digest[FND_DIGEST_SIZE];
            char hash[FND_DIGEST_TEXT_SIZE];
            fnd_sha256(file->bytes, file->size, digest);
            fnd_digest_text(digest, hash);
            fnd_text_append_z(body, count++ > 0 ? "," : "");
            fnd_text_append_json_z(body, file->path);
            fnd_text_printf(body, ":\"%s\"", hash);
        }
    }
    fnd_text_printf(body, "},\"env\":%s,\"with\":%s,\"isolation\":\"none\"",
                    model->environment != NULL ? model->environment : "{}",
                    model->with != NULL ? model->with : "{}");
}

static enum fnd_status record_begin(struct run *run, struct fnd_error *error)
{
    const struct fnd_bound *trainer = &run->model->trainer;
    const struct fnd_artifact artifacts[] = {run->examples.kept, run->examples.manifest_kept};
    struct fnd_text body = {0}, meta = {0};
    char hash[FND_DIGEST_TEXT_SIZE];
    fnd_text_append_z(&body, "{\"pipeline\":");
    fnd_text_append_json_z(&body, run->pipeline_name);
    fnd_text_append_z(&body, ",\"model\":");
    fnd_text_append_json_z(&body, run->name);
    fnd_digest_text(run->examples.manifest_kept.hash, hash);
    fnd_text_printf(&body,
                    ",\"version\":%" PRId64 ",\"attempt\":%" PRId64 ",\"until\":%" PRId64
                    ",\"pin\":%" PRId64 ",\"examples\":%zu,\"left_out\":%zu,\"manifest\":\"%s\""
                    ",\"seed\":\"%" PRIu64 "\",\"previous\":%" PRId64,
                    run->version, run->attempt, run->examples.until, run->pin, run->examples.count,
                    run->examples.left, hash, run_seed(run), run->previous.version);
    fnd_text_append_z(&body, ",\"trainer\":");
    fnd_text_append_json_z(&body, trainer->uses);
    if (run->model->command != NULL) {
        program_append(run, &body);
    } else {
        fnd_digest_text(trainer->callee.hash, hash);
        fnd_text_printf(&body, ",\"plugin\":\"%s\",\"with\":%s", hash, trainer->with.json);
    }
    fnd_text_append_z(&body, ",\"by\":");
    fnd_text_append_json_z(&body, run->by);
    fnd_text_append_z(&body, ",\"why\":");
    fnd_text_append_json_z(&body, run->why);
    fnd_text_append_byte(&body, '}');
    fnd_text_append_z(&meta, "{\"artifacts\":{");
    artifact_append(&meta, "examples", &artifacts[0]);
    artifact_append(&meta, "manifest", &artifacts[1]);
    fnd_text_append_z(&meta, "}}");
    return record(run, FND_EVENT_TRAIN, &body, &meta, artifacts, 2, &run->training, error);
}

static void checkpoint_record(struct run *run, const struct fnd_artifact *kept,
                              enum fnd_status status, struct fnd_error *error)
{
    struct fnd_text body = {0}, meta = {0};
    if (status == FND_OK) {
        fnd_text_append_z(&meta, "{\"artifacts\":{");
        artifact_append(&meta, "checkpoint", kept);
        fnd_text_append_z(&meta, "}}");
        status = record(run, FND_EVENT_CHECKPOINT, &body, &meta, kept, 1, NULL, error);
    }
    if (status != FND_OK) { /* the training goes on; only a retry would have gained by it */
        fnd_log(fnd_engine_options_of(run->learn->engine)->log, FND_LOG_WARNING, "learn", NULL,
                NULL, "a checkpoint of model %s is not kept: %s", run->name, error->message);
    }
}

void run_checkpoint(struct fnd_pool_call *call, const char *bytes, size_t size)
{
    struct run *run = call->owner;
    struct fnd_artifact kept;
    struct fnd_error error = {0};
    const enum fnd_status status =
        fnd_artifact_put(fnd_engine_store(run->learn->engine), bytes, size, &kept, &error);
    run->resumes = false; /* not from that of another attempt any more */
    checkpoint_record(run, &kept, status, &error);
}

void trainer_call_make(struct run *run, struct fnd_text *request, const char *examples,
                       const char *previous, const char *checkpoint_name)
{
    const struct fnd_model *model = run->model;
    fnd_text_printf(request,
                    "{\"attempt\":%" PRId64 ",\"deadline_ms\":%" PRId64 ",\"training\":{\"model\":",
                    run->attempt, model->timeout_ms);
    fnd_text_append_json_z(request, run->name);
    fnd_text_printf(request,
                    ",\"version\":%" PRId64 ",\"seed\":\"%" PRIu64 "\",\"examples\":", run->version,
                    run_seed(run));
    fnd_text_append_json_z(request, examples);
    fnd_text_append_z(request, ",\"previous\":");
    if (previous != NULL) {
        fnd_text_append_json_z(request, previous);
    } else {
        fnd_text_append_z(request, "null");
    }
    fnd_text_append_z(request, ",\"checkpoint\":");
    if (checkpoint_name != NULL) {
        fnd_text_append_json_z(request, checkpoint_name);
    } else {
        fnd_text_append_z(request, "null");
    }
    fnd_text_append_z(request, "}}");
    run->call = (struct fnd_pool_call){
        .callee = &model->trainer.callee,
        .input = {.trainer = true,
                  .config = {model->trainer.with.json, model->trainer.with.size},
                  .run = {request->bytes, request->size},
                  .artifacts = run->examples.artifacts,
                  .artifacts_count = run->examples.artifacts_count},
        .timeout_ms = model->timeout_ms,
        .keep = NULL,
        .owner = run,
    };
}

/* Record that it begins, and from what. */
static enum fnd_status run_open(struct run *run, struct fnd_error *error)
{
    enum fnd_status status =
        fnd_examples_make(run->learn->engine, run->pipeline, run->model, &run->examples, error);
    if (status == FND_OK) {
        run->learned.examples = run->examples.count;
        status = run_place(run, error);
    }
    if (status == FND_OK && run->examples.count == 0) {
        status = fnd_error_set(error, FND_CONFLICT,
                               "there is nothing to learn from: no correction of phase %s lies in "
                               "the training split%s%s; answer some requests first",
                               run->pipeline->phases[run->model->of].id,
                               run->examples.left > 0 ? ", and some cannot be read: " : "",
                               run->examples.left > 0 ? run->examples.left_why.message : "");
        fnd_error_code(error, "no_examples");
    }
    return status == FND_OK ? record_begin(run, error) : status;
}

void run_withdraw(struct run *run)
{
    struct fnd_error *error = &run->learned.error;
    const enum fnd_status status = run_open(run, error);
    run_end(run, status == FND_OK ? run_stopped(run, error) : status);
}

void run_begin(struct run *run)
{
    struct fnd_error *error = &run->learned.error;
    run->state = RUN_TRAINS;
    enum fnd_status status = run_open(run, error);
    if (status != FND_OK) {
        run_end(run, status);
        return;
    }
    run->called = true;
    if (run->model->command != NULL) {
        run->call = (struct fnd_pool_call){.owner = run};
        status = program_begin(run, "examples", error);
        if (status != FND_OK) {
            run->called = false;
            program_finish(run);
            run_end(run, status);
        }
        return;
    }
    trainer_call_make(run, &run->request, "examples",
                      run->previous.id != 0 ? run->previous_name : NULL,
                      run->resumes ? "checkpoint" : NULL);
    run->call.keep = run_checkpoint;
    fnd_pool_submit(run->learn->pool, &run->call);
    fnd_pool_dispatch(run->learn->pool);
}

/* The metrics and the calibration that the trainer told; the latter is kept as an artifact. */
static enum fnd_status told_take(struct run *run, struct fnd_error *error)
{
    const struct fnd_effects *effects = &run->call.effects;
    const struct fnd_json output = {effects->output, effects->output_size};
    if (output.bytes == NULL) {
        return FND_OK;
    }
    const struct fnd_json metrics = fnd_json_member(output, "metrics");
    const struct fnd_json calibration = fnd_json_member(output, "calibration");
    if (metrics.bytes != NULL && fnd_json_type(metrics) == FND_JSON_OBJECT) {
        fnd_json_compact(metrics, &run->metrics);
    }
    if (calibration.bytes == NULL) {
        return FND_OK;
    }
    run->calibrated = true;
    return fnd_artifact_put(fnd_engine_store(run->learn->engine), calibration.bytes,
                            calibration.size, &run->calibration, error);
}

const struct fnd_staged_artifact *trainer_model(const struct run *run, struct fnd_error *error)
{
    const struct fnd_effects *effects = &run->call.effects;
    const struct fnd_staged_artifact *model = NULL;
    for (size_t i = 0; i < effects->artifacts_count; i++) {
        if (strcmp(effects->artifacts[i].name, "model") == 0) {
            model = &effects->artifacts[i];
        }
    }
    if (model == NULL) {
        fnd_error_set(error, FND_PLUGIN,
                      "trainer %s ended without a model: it must write the artifact \"model\"",
                      run->model->trainer.uses);
        fnd_error_code(error, "no_model");
    }
    return model;
}

static enum fnd_status model_take(struct run *run, struct fnd_error *error)
{
    const struct fnd_staged_artifact *model = trainer_model(run, error);
    if (model == NULL) {
        return FND_PLUGIN;
    }
    enum fnd_status status = fnd_artifact_put(fnd_engine_store(run->learn->engine), model->bytes,
                                              model->size, &run->kept, error);
    if (status == FND_OK) {
        status = told_take(run, error);
    }
    fnd_model_artifact_name(run->name, run->kept.hash, run->model_name);
    return status;
}

enum fnd_status run_stopped(const struct run *run, struct fnd_error *error)
{
    if (run->cancelled) {
        fnd_error_set(error, FND_INTERRUPTED, "%s cancelled the training of model %s%s%s",
                      run->cancelled_by, run->name, run->cancelled_why != NULL ? ": " : "",
                      run->cancelled_why != NULL ? run->cancelled_why : "");
    } else {
        fnd_error_set(error, FND_INTERRUPTED, "the training of model %s was stopped", run->name);
    }
    fnd_error_code(error, "cancelled");
    return FND_INTERRUPTED;
}

enum fnd_status trainer_end(const struct run *run, struct fnd_error *error)
{
    const struct fnd_pool_call *call = &run->call;
    if (call->end == FND_CALL_CANCELLED || run->cancelled) {
        return run_stopped(run, error);
    }
    if (call->end == FND_CALL_RETURNED && call->effects.outcome == FOUNDRY_DONE) {
        return FND_OK;
    }
    if (call->end == FND_CALL_RETURNED) {
        fnd_error_set(error, FND_PLUGIN, "trainer %s failed: %s", run->model->trainer.uses,
                      call->effects.message != NULL ? call->effects.message : "it gave no reason");
        fnd_error_code(error, call->effects.code != NULL ? call->effects.code : "failed");
    } else {
        *error = call->error;
        error->status = error->status == FND_OK ? FND_PLUGIN : error->status;
        fnd_error_prefix(error, "the trainer of model %s", run->name);
        if (error->code[0] == '\0') {
            fnd_error_code(error, call->end == FND_CALL_TIMEOUT   ? "timeout"
                                  : call->end == FND_CALL_CRASHED ? "crash"
                                                                  : "refused");
        }
    }
    return error->status;
}

void run_called(struct run *run)
{
    struct fnd_error *error = &run->learned.error;
    run->called = false;
    if (run->state == RUN_CROSSES) {
        cross_called(run);
        return;
    }
    enum fnd_status status = trainer_end(run, error);
    if (status == FND_OK) {
        const struct fnd_json none = {0};
        status = fnd_effects_check(&run->call.effects, NULL, none, error);
    }
    if (status == FND_OK) {
        status = model_take(run, error);
    }
    if (status == FND_OK) {
        status = fnd_lessons_read(fnd_engine_reader(run->learn->engine), run->pipeline_name,
                                  run->pipeline->phases[run->model->of].id, &run->lessons, error);
    }
    if (status != FND_OK) {
        run_end(run, status);
        return;
    }
    run->state = RUN_TRIES;
    run_try(run);
}

static enum fnd_status record_end(struct run *run, enum fnd_status status, struct fnd_error *error)
{
    struct fnd_text body = {0}, meta = {0};
    struct fnd_artifact artifacts[3];
    size_t count = 0;
    const bool done = status == FND_OK;
    fnd_text_printf(&body, "{\"outcome\":\"%s\"",
                    done                        ? "done"
                    : status == FND_INTERRUPTED ? "cancelled"
                                                : "failed");
    if (!done) {
        fnd_text_append_z(&body, ",\"code\":");
        fnd_text_append_json_z(&body, run->learned.error.code);
        fnd_text_append_z(&body, ",\"message\":");
        fnd_text_append_json_z(&body, run->learned.error.message);
    }
    if (run->cancelled) {
        fnd_text_append_z(&body, ",\"by\":");
        fnd_text_append_json_z(&body, run->cancelled_by);
    }
    if (run->cancelled_why != NULL) {
        fnd_text_append_z(&body, ",\"reason\":");
        fnd_text_append_json_z(&body, run->cancelled_why);
    }
    if (run->metrics.size > 0) {
        fnd_text_printf(&body, ",\"metrics\":%s", fnd_text_z(&run->metrics));
    }
    if (done) {
        fnd_text_append_z(&body, ",\"evaluation\":");
        fnd_score_json(&run->score, &body);
        fnd_text_printf(&body, ",\"checked\":%zu,\"held_out\":%zu", run->cross.documents,
                        run->cross.held_out);
        if (run->cross.why != NULL) {
            fnd_text_append_z(&body, ",\"unchecked\":");
            fnd_text_append_json_z(&body, run->cross.why);
        }
        fnd_text_append_z(&meta, "{\"artifacts\":{");
        const struct {
            const char *name;
            const struct fnd_artifact *artifact;
            bool there;
        } named[] = {{"model", &run->kept, true},
                     {"calibration", &run->calibration, run->calibrated},
                     {"checks", &run->checks, run->checked}};
        for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
            if (named[i].there) {
                artifact_append(&meta, named[i].name, named[i].artifact);
                artifacts[count++] = *named[i].artifact;
            }
        }
        fnd_text_append_z(&meta, "}}");
    }
    fnd_text_append_byte(&body, '}');
    return record(run, FND_EVENT_TRAINED, &body, &meta, artifacts, count,
                  done ? &run->learned.model : NULL, error);
}

/* With `shadow` a version is not used before it has run beside production, unless it was proven
 * worse as it was tried. */
static bool waits(const struct run *run, struct fnd_text *numbers, struct fnd_text *sentence)
{
    struct fnd_promotion back;
    struct fnd_text trial = {0};
    if (run->model->shadow <= 0) {
        return false;
    }
    fnd_score_judge_back(&run->score, 1, run->model->alpha, &back);
    if (back.end == FND_PROMOTION_PROMOTE) {
        return false;
    }
    fnd_text_append_z(&trial, "waits: it runs beside ");
    fnd_percent_append(run->model->shadow, &trial);
    fnd_text_printf(&trial,
                    " of the jobs, and the first %" PRIu64
                    " pairs that a person verifies decide. As it was tried: %s",
                    run->model->minimum, fnd_text_z(sentence));
    fnd_text_finish(sentence);
    *sentence = trial;
    trial = *numbers;
    *numbers = (struct fnd_text){0};
    fnd_text_printf(numbers, "{\"decision\":\"hold\",\"waits\":true,\"trial\":%s}",
                    fnd_text_z(&trial));
    fnd_text_finish(&trial);
    return true;
}

/* What decides nothing is told, so that nobody waits for it. */
static void places_append(const struct fnd_score *score, const struct fnd_promotion *promotion,
                          struct fnd_text *sentence)
{
    const uint64_t places = score->doubts.better + score->doubts.worse + score->doubts.equal;
    if (promotion->end == FND_PROMOTION_HOLD_FEW && places > 0) {
        fnd_text_printf(sentence,
                        "; %" PRIu64 " value%s of documents that a person looked at only in places "
                        "can hold a version but not promote it: with `audit` some are looked at as "
                        "a whole, and `models promote` does it by hand",
                        places, places == 1 ? "" : "s");
    }
}

/* Not all of what decided is the model's own work. */
static void parts_append(const struct run *run, struct fnd_text *sentence)
{
    if (run->cross.held_out > 0) {
        fnd_text_printf(sentence,
                        "; %zu of the %" PRIu64 " documents were new to both, as the trainer had "
                        "four fifths of the examples without them",
                        run->cross.held_out, run->score.documents);
    }
}

/* By the trial on the frozen split, and by the parts. */
static enum fnd_status decide(struct run *run, struct fnd_error *error)
{
    struct fnd_promotion promotion;
    struct fnd_model_row row = {0};
    struct fnd_text numbers = {0}, sentence = {0};
    fnd_score_judge(&run->score, run->model, &promotion);
    fnd_promotion_json(&promotion, false, &numbers);
    fnd_promotion_text(&promotion, false, &sentence);
    places_append(&run->score, &promotion, &sentence);
    parts_append(run, &sentence);
    const bool later = waits(run, &numbers, &sentence);
    enum fnd_status status =
        fnd_model_get(fnd_engine_reader(run->learn->engine), run->learned.model, &row, error);
    if (status == FND_OK && promotion.end == FND_PROMOTION_PROMOTE && !later) {
        status = fnd_registry_promote(run->learn->engine, run->pipeline_name, run->name,
                                      run->version, "engine", fnd_text_z(&sentence),
                                      fnd_text_z(&numbers), NULL, error);
    } else if (status == FND_OK) {
        status = fnd_registry_hold(run->learn->engine, &row, "engine", fnd_text_z(&sentence),
                                   fnd_text_z(&numbers), error);
    }
    run->learned.decision = fnd_text_take(&sentence);
    fnd_model_row_finish(&row);
    fnd_text_finish(&numbers);
    return status;
}

void run_end(struct run *run, enum fnd_status status)
{
    struct fnd_learned *learned = &run->learned;
    struct fnd_error error = {0};
    if (run->training != 0 && status == FND_INTERRUPTED && run->resumes) {
        /* It was stopped before it had one of its own: the next attempt begins where this one did.
         * Where the trainer failed, that may be why. */
        checkpoint_record(run, &run->checkpoint, FND_OK, &error);
    }
    if (run->training != 0 && status == FND_OK) {
        status = cross_keep(run, &learned->error);
    }
    if (run->training != 0) {
        enum fnd_status recorded = record_end(run, status, &error);
        if (recorded == FND_CONFLICT && status == FND_OK) { /* its version is another's */
            status = FND_CONFLICT;
            learned->error = error;
            recorded = record_end(run, status, &error);
        }
        if (recorded == FND_OK && status == FND_OK) {
            recorded = decide(run, &error);
        }
        if (recorded != FND_OK && (status == FND_OK || run->cancelled)) {
            status = recorded; /* who cancelled it is not told so before it is on record */
            learned->error = error;
        }
    }
    if (run->training != 0 && status == FND_OK) {
        proven_look(run->learn, run->pipeline, run->model);
    }
    run->state = RUN_ENDED;
    learned->status = status;
    learned->training = run->training;
    learned->version = run->version;
    if (run->hooks.done != NULL) {
        run->hooks.done(run->hooks.context, learned);
    }
    if (run->canceller.done != NULL) {
        run->canceller.done(run->canceller.context, learned);
    }
}
