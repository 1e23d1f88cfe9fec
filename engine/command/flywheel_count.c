/* SPDX-License-Identifier: MIT */
/* The figures of a round, out of the record and the truth. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "command/ask.h"
#include "command/flywheel.h"
#include "learn/binomial.h"
#include "learn/curve.h"
#include "learn/promote.h"
#include "review/review.h"
#include "store/learn.h"

enum { EVENTS_MAX = 4096, JOBS_AT_ONCE = 256 };
static const double level = 0.95;

double flywheel_bound(int64_t wrong, int64_t count)
{
    return count > 0 ? fnd_error_bound((double)wrong, (double)count, level) : 1;
}

/* The events of one job that matter, newest first as they come. */
struct history {
    int64_t asks[EVENTS_MAX], answers[EVENTS_MAX];
    size_t asks_count, answers_count;
};

static bool event_keep(const struct fnd_event_row *row, void *context)
{
    struct history *history = context;
    if (row->kind == FND_EVENT_ASK && history->asks_count < EVENTS_MAX) {
        history->asks[history->asks_count++] = row->id;
    } else if (row->kind == FND_EVENT_ANSWER && history->answers_count < EVENTS_MAX) {
        history->answers[history->answers_count++] = row->id;
    }
    return true;
}

static enum fnd_status answers_count(struct fnd_reader *reader, const struct history *history,
                                     struct flywheel_round *round, struct fnd_error *error)
{
    enum fnd_status status = FND_OK;
    for (size_t i = 0; status == FND_OK && i < history->answers_count; i++) {
        struct fnd_text text = {0};
        struct fnd_json record = {0};
        double seconds = 0;
        status = fnd_review_record_json(reader, history->answers[i], &text, error);
        if (status == FND_OK) {
            status = fnd_json_check(fnd_text_z(&text), text.size, "record", &record, error);
        }
        if (status == FND_OK && fnd_json_number(fnd_json_member(record, "seconds"), &seconds)) {
            round->seconds += seconds;
            round->timed++;
        }
        fnd_text_finish(&text);
    }
    return status;
}

/* A document that came through: what was asked of it, and what is wrong with what was not. */
static enum fnd_status job_count(const struct flywheel *flywheel, struct fnd_reader *reader,
                                 const struct fnd_job_row *job, const struct fnd_step_row *step,
                                 struct flywheel_round *round, struct fnd_error *error)
{
    struct fnd_text request_text = {0}, output_text = {0}, truth_text = {0};
    struct fnd_json request = {0}, truth = {0};
    struct history *history = fnd_alloc(sizeof *history);
    const struct fnd_walk walk = {.limit = EVENTS_MAX};
    int64_t rest = 0, wrong = 0, asked = 0;
    enum fnd_status status = fnd_events_walk(reader, job->id, &walk, event_keep, history, error);
    if (status == FND_OK) {
        status = flywheel_truth(flywheel, job->path, &truth_text, &truth, error);
    }
    /* The gate's output: the last phase's but one, as the last one delivers it. */
    if (status == FND_OK && step->outputs_count >= 2) {
        status = fnd_payload_get(reader, step->outputs[step->outputs_count - 2], &output_text, NULL,
                                 error);
    }
    if (status == FND_OK && history->asks_count > 0) {
        status = fnd_request_read(reader, history->asks[0], &request_text, &request, error);
    }
    if (status == FND_OK) {
        const struct fnd_json output = {output_text.bytes, output_text.size};
        flywheel_compare(output, truth, &rest, &wrong);
        if (history->asks_count > 0) {
            int64_t values = 0, ignored = 0;
            flywheel_compare(fnd_json_member(request, "subject"), truth, &values, &ignored);
            asked = fnd_curve_flagged(request, values);
            rest = values > asked ? values - asked : 0;
        }
        round->handled += history->asks_count > 0;
        round->flagged += asked;
        round->accepted += rest;
        round->silent += wrong;
        round->untouched_wrong += history->asks_count == 0 && wrong > 0;
        status = answers_count(reader, history, round, error);
    }
    free(history);
    fnd_text_finish(&request_text);
    fnd_text_finish(&output_text);
    fnd_text_finish(&truth_text);
    return status;
}

/* The jobs of a round. */
struct jobs {
    size_t round;
    struct fnd_job_row list[FLYWHEEL_DOCUMENTS_MAX];
    struct fnd_step_row steps[FLYWHEEL_DOCUMENTS_MAX];
    size_t count;
    int64_t last;
    size_t seen;
};

static bool job_keep(const struct fnd_job_row *job, const struct fnd_step_row *step, void *context)
{
    struct jobs *jobs = context;
    jobs->seen++;
    jobs->last = job->id;
    if (flywheel_round_of(job->path) == jobs->round && jobs->count < FLYWHEEL_DOCUMENTS_MAX) {
        struct fnd_job_row *kept = &jobs->list[jobs->count];
        *kept = *job;
        kept->path = fnd_strdup(job->path);
        kept->pipeline = fnd_strdup(job->pipeline);
        jobs->steps[jobs->count++] = *step;
    }
    return true;
}

static enum fnd_status jobs_read(const struct flywheel *flywheel, struct fnd_reader *reader,
                                 struct jobs *jobs, struct fnd_error *error)
{
    const struct fnd_job_filter filter = {.pipeline = flywheel->chosen->pipeline_name, .state = -1};
    enum fnd_status status = FND_OK;
    do {
        const struct fnd_walk walk = {.after = jobs->last, .limit = JOBS_AT_ONCE};
        jobs->seen = 0;
        status = fnd_jobs_walk(reader, &filter, &walk, job_keep, jobs, error);
    } while (status == FND_OK && jobs->seen == JOBS_AT_ONCE);
    return status;
}

/* Which version read a document: its output names the model's bytes. */
struct version {
    const char *artifact, *name;
    int64_t version;
};

static bool version_find(const struct fnd_model_row *row, void *context)
{
    struct version *version = context;
    char text[FND_MODEL_ARTIFACT_SIZE];
    fnd_model_artifact_name(version->name, row->artifact.hash, text);
    version->version = strcmp(text, version->artifact) == 0 ? row->version : version->version;
    return true;
}

/* What the gate knew as it took in a document of this round, and who had read that. */
static enum fnd_status proof_read(struct flywheel *flywheel, struct fnd_reader *reader,
                                  const struct fnd_step_row *step, struct fnd_error *error)
{
    struct flywheel_round *round = &flywheel->round[flywheel->counting];
    const size_t gate = step->outputs_count - 2;
    struct fnd_text meta = {0}, read = {0};
    struct history *history = fnd_alloc(sizeof *history);
    const struct fnd_walk walk = {.limit = EVENTS_MAX};
    enum fnd_status status = fnd_events_walk(reader, step->job, &walk, event_keep, history, error);
    if (status == FND_OK) {
        status = history->asks_count > 0
                     ? fnd_payload_get(reader, history->asks[0], &meta, NULL, error)
                     : fnd_payload_get(reader, step->outputs[gate], NULL, &meta, error);
    }
    if (status == FND_OK && gate > 0) {
        status = fnd_payload_get(reader, step->outputs[gate - 1], NULL, &read, error);
    }
    if (status == FND_OK && meta.size > 0) {
        const struct fnd_json body = {meta.bytes, meta.size};
        const struct fnd_json proof = fnd_json_member(body, "proof");
        (void)fnd_json_number(fnd_json_member(proof, "target"), &flywheel->target_share);
        (void)fnd_json_boolean(fnd_json_member(proof, "proven"), &round->proven);
        (void)fnd_json_number(fnd_json_member(proof, "threshold"), &round->threshold);
        (void)fnd_json_number(fnd_json_member(proof, "bound"), &round->bound);
        (void)fnd_json_integer(fnd_json_member(proof, "missing"), &round->missing);
        flywheel->per_document = fnd_json_text_is(fnd_json_member(proof, "per"), "document");
    }
    if (status == FND_OK && read.size > 0) {
        const struct fnd_json marks = {read.bytes, read.size};
        const struct fnd_json models = fnd_json_member(marks, "models");
        char *artifact = models.bytes != NULL
                             ? fnd_json_strdup(fnd_json_member(models, flywheel->chosen->model))
                             : NULL;
        struct version version = {artifact, flywheel->chosen->model, 0};
        status = artifact == NULL
                     ? FND_OK
                     : fnd_models_walk(reader, flywheel->chosen->pipeline_name,
                                       flywheel->chosen->model, version_find, &version, error);
        round->version = version.version;
        free(artifact);
    }
    free(history);
    fnd_text_finish(&meta);
    fnd_text_finish(&read);
    return status;
}

enum fnd_status flywheel_count(struct flywheel *flywheel, size_t round, struct fnd_error *error)
{
    struct flywheel_round *to = &flywheel->round[round];
    *to = (struct flywheel_round){.training = to->training, .took = to->took};
    flywheel->counting = round;
    struct jobs *jobs = fnd_alloc(sizeof *jobs);
    struct fnd_reader *reader = NULL;
    jobs->round = round;
    enum fnd_status status = fnd_reader_open(flywheel->directory, &reader, error);
    if (status == FND_OK) {
        status = jobs_read(flywheel, reader, jobs, error);
    }
    for (size_t i = 0; status == FND_OK && i < jobs->count; i++) {
        to->documents++;
        if (jobs->steps[i].stand.state == FND_COMPLETED) {
            status = job_count(flywheel, reader, &jobs->list[i], &jobs->steps[i], to, error);
        } else {
            to->failed++;
        }
    }
    for (size_t i = jobs->count; status == FND_OK && i-- > 0;) {
        if (jobs->steps[i].stand.state == FND_COMPLETED && jobs->steps[i].outputs_count >= 2) {
            status = proof_read(flywheel, reader, &jobs->steps[i], error);
            break;
        }
    }
    for (size_t i = 0; i < jobs->count; i++) {
        fnd_job_row_finish(&jobs->list[i]);
    }
    free(jobs);
    fnd_reader_close(reader);
    return status;
}

/* The training behind a round. */
struct behind {
    size_t round, seen;
    int64_t id, version;
    enum fnd_training_state state;
    bool found;
};

static bool training_keep(const struct fnd_training_row *row, void *context)
{
    struct behind *behind = context;
    if (row->state != FND_TRAINING_RUNS && behind->seen++ == behind->round) {
        behind->id = row->id;
        behind->version = row->version;
        behind->state = row->state;
        behind->found = true;
    }
    return !behind->found;
}

/* The model that a training gave, and what was decided about it. */
struct given {
    int64_t training, decided;
};

static bool model_of(const struct fnd_model_row *row, void *context)
{
    struct given *given = context;
    given->decided = row->training == given->training ? row->decided : given->decided;
    return true;
}

/* Whether the pairs speak against a version, be it all together or one field: as much as it takes
 * to doubt one (promote.h), which is less than a proof. */
static bool looks_worse(struct fnd_json numbers)
{
    int64_t better = 0, worse = 0;
    double alpha = 0;
    if (!fnd_json_integer(fnd_json_member(numbers, "better"), &better) ||
        !fnd_json_integer(fnd_json_member(numbers, "worse"), &worse) ||
        !fnd_json_number(fnd_json_member(numbers, "alpha"), &alpha)) {
        return true; /* nothing was compared */
    }
    return fnd_json_member(numbers, "field").bytes != NULL ||
           (worse > better &&
            fnd_sign_test((uint64_t)worse, (uint64_t)better) <= FND_PROMOTION_DOUBT * alpha);
}

/* "version 3, promote: why", and whether it was held although nothing looks worse. */
static enum fnd_status decision_read(struct flywheel *flywheel, struct fnd_reader *reader,
                                     const struct behind *training, char **text,
                                     enum flywheel_took *took, struct fnd_error *error)
{
    struct given model = {.training = training->id};
    struct fnd_text body = {0}, said = {0};
    enum fnd_status status = fnd_models_walk(reader, flywheel->chosen->pipeline_name,
                                             flywheel->chosen->model, model_of, &model, error);
    if (status == FND_OK && model.decided > 0) {
        status = fnd_payload_get(reader, model.decided, &body, NULL, error);
    }
    if (status == FND_OK) {
        const struct fnd_json decision = {body.bytes, body.size};
        char *reason = body.size > 0 ? fnd_json_strdup(fnd_json_member(decision, "reason")) : NULL;
        fnd_text_printf(&said, "version %" PRId64 "%s%s", training->version,
                        reason != NULL ? ", " : "", reason != NULL ? reason : "");
        if (body.size > 0 && fnd_json_text_is(fnd_json_member(decision, "decision"), "hold") &&
            !looks_worse(fnd_json_member(decision, "numbers"))) {
            flywheel->held_version = training->version;
        }
        if (body.size > 0) {
            *took =
                !fnd_json_text_is(fnd_json_member(decision, "decision"), "promote") ? FLYWHEEL_HELD
                : fnd_json_text_is(fnd_json_member(decision, "by"), FLYWHEEL_BY) ? FLYWHEEL_BY_HAND
                                                                                 : FLYWHEEL_BY_TEST;
        }
        free(reason);
        *text = fnd_text_take(&said);
    }
    fnd_text_finish(&body);
    return status;
}

enum fnd_status flywheel_training(struct flywheel *flywheel, size_t round, bool *found,
                                  struct fnd_error *error)
{
    struct behind behind = {.round = round};
    struct fnd_reader *reader = NULL;
    char **text = &flywheel->round[round].training;
    flywheel->held_version = 0;
    enum fnd_status status = fnd_reader_open(flywheel->directory, &reader, error);
    if (status == FND_OK) {
        status = fnd_trainings_walk(reader, flywheel->chosen->pipeline_name,
                                    flywheel->chosen->model, training_keep, &behind, error);
    }
    if (status == FND_OK && behind.found) {
        free(*text);
        *text = NULL;
        if (behind.state == FND_TRAINING_DONE) {
            status =
                decision_read(flywheel, reader, &behind, text, &flywheel->round[round].took, error);
        } else {
            struct fnd_text said = {0};
            fnd_text_printf(&said, "the training %s: models show %s says why",
                            fnd_training_state_name(behind.state), flywheel->chosen->model);
            *text = fnd_text_take(&said);
        }
    }
    *found = behind.found;
    fnd_reader_close(reader);
    return status;
}
