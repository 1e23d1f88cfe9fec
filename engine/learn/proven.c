/* SPDX-License-Identifier: MIT */
/* From when on a version is trusted, and when it is not any more, as events. Gates find out for
 * each document what is proven; here the changes of that are recorded with their numbers. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/internal.h"
#include "pipeline/kind.h"
#include "review/review.h"

/* {NAME: artifact or null…} of what the phase reads now, as its output would carry it. */
static enum fnd_status models_append(struct fnd_reader *reader, const struct fnd_pipeline *pipeline,
                                     const struct fnd_phase *phase, struct fnd_text *json)
{
    enum fnd_status status = FND_OK;
    fnd_text_append_byte(json, '{');
    for (size_t i = 0; i < pipeline->models_count && status == FND_OK; i++) {
        struct fnd_model_row row = {0};
        char name[FND_MODEL_ARTIFACT_SIZE];
        if ((phase->models >> i & 1) == 0) {
            continue;
        }
        status = fnd_model_production(reader, pipeline->name, pipeline->models[i].name, &row, NULL);
        fnd_text_append_z(json, json->size > 1 ? "," : "");
        fnd_text_append_json_z(json, pipeline->models[i].name);
        fnd_text_append_byte(json, ':');
        if (status == FND_OK) {
            fnd_model_artifact_name(pipeline->models[i].name, row.artifact.hash, name);
            fnd_text_append_json_z(json, name);
        } else if (status == FND_NOT_FOUND) {
            fnd_text_append_z(json, "null");
            status = FND_OK;
        }
        fnd_model_row_finish(&row);
    }
    fnd_text_append_byte(json, '}');
    return status;
}

struct find {
    struct fnd_reader *reader;
    struct proven *into;
};

/* The last event about it counts. */
static bool event_read(const struct fnd_event_row *row, void *context)
{
    const struct find *find = context;
    struct fnd_text body = {0};
    if (row->kind == FND_EVENT_PROVE &&
        fnd_payload_get(find->reader, row->id, &body, NULL, NULL) == FND_OK) {
        const struct fnd_json document = {body.bytes, body.size};
        const struct fnd_json proof = fnd_json_member(document, "proof");
        if (proof.bytes != NULL &&
            fnd_json_text_is(fnd_json_member(proof, "model"), find->into->of)) {
            (void)fnd_json_boolean(fnd_json_member(document, "proven"), &find->into->proven);
            (void)fnd_json_number(fnd_json_member(proof, "threshold"), &find->into->threshold);
        }
    }
    fnd_text_finish(&body);
    return true;
}

/* What was recorded of it, read once for each version: nothing was before it was decided about. */
static struct proven *recorded(struct fnd_learn *learn, const char *of, int64_t since)
{
    struct proven *known = learn->proven;
    while (known != NULL && strcmp(known->of, of) != 0) {
        known = known->next;
    }
    if (known == NULL) {
        known = fnd_alloc(sizeof *known);
        *known = (struct proven){.of = fnd_strdup(of), .next = learn->proven};
        learn->proven = known;
        struct find find = {fnd_engine_reader(learn->engine), known};
        const struct fnd_walk walk = {.after = since, .limit = INT64_MAX};
        (void)fnd_events_walk(find.reader, 0, &walk, event_read, &find, NULL);
    }
    return known;
}

static enum fnd_status record(struct fnd_learn *learn, const struct fnd_pipeline *pipeline,
                              const struct fnd_model *model, const struct fnd_model_row *row,
                              const struct fnd_proof *proof, struct fnd_error *error)
{
    struct fnd_write *write = fnd_write_create();
    struct fnd_text body = {0};
    fnd_text_append_z(&body, "{\"pipeline\":");
    fnd_text_append_json_z(&body, pipeline->name);
    fnd_text_append_z(&body, ",\"model\":");
    fnd_text_append_json_z(&body, model->name);
    fnd_text_append_z(&body, ",\"phase\":");
    fnd_text_append_json_z(&body, pipeline->phases[model->of].id);
    fnd_text_printf(&body, ",\"version\":%" PRId64 ",\"proven\":%s,\"proof\":%s}", row->version,
                    proof->proven ? "true" : "false", proof->numbers);
    fnd_write_add(write, FND_EVENT_PROVE, fnd_text_take(&body), NULL)->ref = row->id;
    const enum fnd_status status = fnd_store_commit(fnd_engine_store(learn->engine), write, error);
    fnd_write_destroy(write);
    return status;
}

/* Compare with what was recorded. */
static enum fnd_status compare(struct fnd_learn *learn, const struct fnd_pipeline *pipeline,
                               const struct fnd_model *model, const struct fnd_model_row *row,
                               const struct fnd_proof_want *want, struct fnd_error *error)
{
    const struct fnd_prover *prover = fnd_engine_options_of(learn->engine)->prover;
    struct fnd_proof proof = {0};
    enum fnd_status status = prover->prove(fnd_engine_prover(learn->engine),
                                           fnd_engine_reader(learn->engine), want, &proof, error);
    if (status == FND_OK && proof.numbers != NULL) {
        /* A version is decided about behind its training, whose proof may come first. */
        struct proven *known = recorded(learn, want->model, row->training);
        const bool other = proof.proven != known->proven ||
                           (proof.proven && fabs(proof.threshold - known->threshold) > 1e-12);
        if (other) {
            status = record(learn, pipeline, model, row, &proof, error);
        }
        if (other && status == FND_OK) {
            known->proven = proof.proven;
            known->threshold = proof.threshold;
        }
    }
    fnd_proof_finish(&proof);
    return status;
}

void proven_look(struct fnd_learn *learn, const struct fnd_pipeline *pipeline,
                 const struct fnd_model *model)
{
    struct fnd_reader *reader = fnd_engine_reader(learn->engine);
    const struct fnd_phase *phase = &pipeline->phases[model->phase];
    const struct fnd_json any = {0};
    struct fnd_text models = {0};
    struct fnd_model_row row = {0};
    struct fnd_error error = {0};
    struct fnd_proof_want want = {.pipeline = pipeline->name,
                                  .phase = pipeline->phases[model->of].id};
    want.target = fnd_human_target(&pipeline->phases[model->of], &want.per_document);
    if (!(want.target > 0) || fnd_engine_options_of(learn->engine)->prover == NULL) {
        return;
    }
    enum fnd_status status = fnd_model_production(reader, pipeline->name, model->name, &row, NULL);
    status = status == FND_NOT_FOUND ? FND_OK : status;
    if (status == FND_OK) {
        status = models_append(reader, pipeline, phase, &models);
    }
    if (status == FND_OK) {
        want.models = (struct fnd_json){models.bytes, models.size};
        char *of = fnd_proof_model(&phase->bound, want.models);
        char *maker = fnd_proof_model(&phase->bound, any);
        want.model = of;
        want.maker = maker;
        status = compare(learn, pipeline, model, &row, &want, &error);
        free(of);
        free(maker);
    }
    if (status != FND_OK) {
        fnd_log(fnd_engine_options_of(learn->engine)->log, FND_LOG_WARNING, "learn", NULL, NULL,
                "what is proven of model %s is not recorded: %s", model->name, error.message);
    }
    fnd_model_row_finish(&row);
    fnd_text_finish(&models);
}

void proven_finish(struct fnd_learn *learn)
{
    while (learn->proven != NULL) {
        struct proven *known = learn->proven;
        learn->proven = known->next;
        free(known->of);
        free(known);
    }
}
