/* SPDX-License-Identifier: MIT */
#include "learn/prover.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "learn/checks.h"
#include "learn/choose.h"
#include "learn/threshold.h"
#include "review/review.h"
#include "store/learn.h"
#include "store/reader.h"

enum { ROWS_AT_ONCE = 256 };

/* A value at the gate's pointer, and whose it is. */
struct value {
    int64_t step;
    uint8_t digest[FND_DIGEST_SIZE];
};

/* One human phase: what its records say so far. */
struct gate {
    char *pipeline, *phase, *novelty;
    int64_t last; /* the record it has read up to */
    struct fnd_checks *models;
    size_t models_count;
    struct value *values;
    size_t values_count, values_capacity;
    int64_t *steps; /* a table of those it has read, by open addressing; 0 is free */
    size_t steps_count, steps_size;
    struct gate *next;
};

struct state {
    struct gate *gates;
};

static void *state_create(void)
{
    return fnd_alloc(sizeof(struct state));
}

static void state_destroy(void *context)
{
    struct state *state = context;
    while (state != NULL && state->gates != NULL) {
        struct gate *gate = state->gates;
        state->gates = gate->next;
        for (size_t i = 0; i < gate->models_count; i++) {
            fnd_checks_finish(&gate->models[i]);
        }
        free(gate->models);
        free(gate->values);
        free(gate->steps);
        free(gate->pipeline);
        free(gate->phase);
        free(gate->novelty);
        free(gate);
    }
    free(state);
}

static bool same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static struct gate *gate_of(struct state *state, const struct fnd_proof_want *want)
{
    struct gate *gate = state->gates;
    while (gate != NULL &&
           !(same(gate->pipeline, want->pipeline) && same(gate->phase, want->phase) &&
             same(gate->novelty, want->novelty))) {
        gate = gate->next;
    }
    if (gate == NULL) {
        gate = fnd_alloc(sizeof *gate);
        gate->pipeline = fnd_strdup(want->pipeline);
        gate->phase = fnd_strdup(want->phase);
        gate->novelty = want->novelty != NULL ? fnd_strdup(want->novelty) : NULL;
        gate->next = state->gates;
        state->gates = gate;
    }
    return gate;
}

static struct fnd_checks *model_of(struct gate *gate, const char *model)
{
    for (size_t i = 0; i < gate->models_count; i++) {
        if (strcmp(gate->models[i].model, model) == 0) {
            return &gate->models[i];
        }
    }
    gate->models = fnd_realloc(gate->models, gate->models_count + 1, sizeof *gate->models);
    struct fnd_checks *checks = &gate->models[gate->models_count++];
    memset(checks, 0, sizeof *checks);
    checks->model = fnd_strdup(model);
    return checks;
}

static size_t step_place(const int64_t *steps, size_t size, int64_t step)
{
    size_t at = (size_t)((uint64_t)step * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (size - 1);
    while (steps[at] != 0 && steps[at] != step) {
        at = (at + 1) & (size - 1);
    }
    return at;
}

/* Note a step.  Returns whether it was read before: few are answered twice, and only for those are
 * older values looked for. */
static bool step_again(struct gate *gate, int64_t step)
{
    if (gate->steps_count * 2 >= gate->steps_size) {
        const size_t size = gate->steps_size == 0 ? 256 : gate->steps_size * 2;
        int64_t *steps = fnd_alloc(size * sizeof *steps);
        for (size_t i = 0; i < gate->steps_size; i++) {
            if (gate->steps[i] != 0) {
                steps[step_place(steps, size, gate->steps[i])] = gate->steps[i];
            }
        }
        free(gate->steps);
        gate->steps = steps;
        gate->steps_size = size;
    }
    const size_t at = step_place(gate->steps, gate->steps_size, step);
    const bool again = gate->steps[at] == step;
    gate->steps[at] = step;
    gate->steps_count += !again;
    return again;
}

/* Names are compared as the canonical bytes of their JSON. */
static void value_digest(struct fnd_json value, uint8_t digest[FND_DIGEST_SIZE])
{
    struct fnd_text canonical = {0};
    fnd_json_canonical(value, &canonical);
    fnd_blake2b(NULL, 0, canonical.bytes, canonical.size, NULL, 0, digest);
    fnd_text_finish(&canonical);
}

static void value_add(struct gate *gate, int64_t step, bool again, struct fnd_json record)
{
    const struct fnd_json value =
        fnd_json_find(fnd_json_member(record, "human_output"), gate->novelty);
    size_t at = again ? 0 : gate->values_count;
    while (at < gate->values_count && gate->values[at].step != step) {
        at++;
    }
    if (fnd_json_type(value) == FND_JSON_NULL) {
        if (at < gate->values_count) { /* answered again, and the value is gone */
            gate->values[at] = gate->values[--gate->values_count];
        }
        return;
    }
    if (at == gate->values_capacity) {
        gate->values_capacity = gate->values_capacity == 0 ? 64 : gate->values_capacity * 2;
        gate->values = fnd_realloc(gate->values, gate->values_capacity, sizeof *gate->values);
    }
    gate->values_count += at == gate->values_count;
    gate->values[at].step = step;
    value_digest(value, gate->values[at].digest);
}

static uint64_t value_seen(const struct gate *gate, struct fnd_json value)
{
    uint8_t digest[FND_DIGEST_SIZE];
    uint64_t seen = 0;
    if (fnd_json_type(value) == FND_JSON_NULL) {
        return 0;
    }
    value_digest(value, digest);
    for (size_t i = 0; i < gate->values_count; i++) {
        seen += memcmp(gate->values[i].digest, digest, sizeof digest) == 0;
    }
    return seen;
}

static enum fnd_status record_read(struct gate *gate, struct fnd_reader *reader,
                                   const struct fnd_correction_row *row, struct fnd_error *error)
{
    struct fnd_text asked = {0}, text = {0};
    struct fnd_json record = {NULL, 0};
    enum fnd_status status = fnd_payload_get(reader, row->request, &asked, NULL, error);
    const struct fnd_json request = {asked.bytes, asked.size};
    if (status != FND_OK || !fnd_json_text_is(fnd_json_member(request, "phase"), gate->phase)) {
        fnd_text_finish(&asked);
        return status;
    }
    status = fnd_review_record_json(reader, row->id, &text, error);
    if (status == FND_OK) {
        status = fnd_json_check(text.bytes, text.size, "record", &record, error);
    }
    if (status == FND_OK && fnd_json_text_is(fnd_json_member(record, "pipeline"), gate->pipeline)) {
        char *model = fnd_json_strdup(fnd_json_find(record, "/proof/model"));
        const bool again = step_again(gate, row->step);
        for (size_t i = 0; again && i < gate->models_count; i++) {
            fnd_checks_forget(&gate->models[i], (uint64_t)row->step);
        }
        if (model != NULL && fnd_json_text_is(fnd_json_member(record, "checked"), "sample")) {
            fnd_checks_add(model_of(gate, model), (uint64_t)row->step, record);
        }
        if (gate->novelty != NULL && row->verdict != FND_REJECTED) {
            value_add(gate, row->step, again, record);
        }
        free(model);
    }
    fnd_text_finish(&asked);
    fnd_text_finish(&text);
    return status;
}

struct rows {
    struct fnd_correction_row list[ROWS_AT_ONCE];
    size_t count;
};

static bool row_keep(const struct fnd_correction_row *row, void *context)
{
    struct rows *rows = context;
    rows->list[rows->count++] = *row;
    return true;
}

static enum fnd_status gate_update(struct gate *gate, struct fnd_reader *reader,
                                   struct fnd_error *error)
{
    struct rows *rows = fnd_alloc(sizeof *rows);
    enum fnd_status status;
    do {
        const struct fnd_walk walk = {.after = gate->last, .limit = ROWS_AT_ONCE};
        rows->count = 0;
        status = fnd_corrections_walk(reader, &walk, row_keep, rows, error);
        for (size_t i = 0; status == FND_OK && i < rows->count; i++) {
            const struct fnd_correction_row *row = &rows->list[i];
            if (row->tier == FND_TIER_GOLD && row->undone == 0) {
                status = record_read(gate, reader, row, error);
            }
            gate->last = status == FND_OK ? row->id : gate->last;
        }
    } while (status == FND_OK && rows->count == ROWS_AT_ONCE);
    free(rows);
    return status;
}

/* --- what was found out as the model was trained ---------------------------------------------- */

struct find {
    char *artifact; /* as calls name it */
    int64_t id;     /* the model's */
};

static bool model_is(const struct fnd_model_row *row, void *context)
{
    struct find *find = context;
    char name[FND_MODEL_ARTIFACT_SIZE];
    fnd_model_artifact_name(row->name, row->artifact.hash, name);
    /* Two versions may be the same bytes: the later one has seen more. */
    find->id = strcmp(name, find->artifact) == 0 ? row->id : find->id;
    return true;
}

/* Add the checks of one document, unless its record was taken back or is of another phase's code.
 */
static enum fnd_status borrow(struct fnd_checks *checks, struct fnd_reader *reader,
                              const struct fnd_proof_want *want, struct fnd_json check,
                              struct fnd_error *error)
{
    struct fnd_correction_row row;
    int64_t record = 0, step = 0;
    if (!fnd_json_integer(fnd_json_member(check, "record"), &record) ||
        !fnd_json_integer(fnd_json_member(check, "step"), &step) ||
        !fnd_json_text_is(fnd_json_member(check, "maker"), want->maker)) {
        return FND_OK;
    }
    const enum fnd_status status = fnd_correction_get(reader, record, &row, error);
    if (status == FND_OK && row.undone == 0) {
        fnd_checks_borrow(checks, (uint64_t)step, check);
    }
    return status;
}

/* The bytes of an artifact as a meta names it, if they are what was kept. */
static enum fnd_status kept_read(struct fnd_reader *reader, struct fnd_json entry,
                                 struct fnd_text *text, struct fnd_error *error)
{
    struct fnd_artifact kept = {{0}, 0};
    uint8_t digest[FND_DIGEST_SIZE];
    char *hash = fnd_json_strdup(fnd_json_member(entry, "sha256")), part[1 << 16];
    int64_t size = 0;
    int fd = -1;
    enum fnd_status status = FND_OK;
    if (hash == NULL || !fnd_unhex(hash, strlen(hash), kept.hash, sizeof kept.hash) ||
        !fnd_json_integer(fnd_json_member(entry, "size"), &size) || size < 0) {
        status = fnd_error_set(error, FND_DAMAGED, "its artifact is not named whole");
    }
    free(hash);
    kept.size = (uint64_t)size;
    if (status == FND_OK) {
        status = fnd_artifact_open(fnd_reader_folder(reader), &kept, &fd, error);
    }
    while (status == FND_OK) {
        const ssize_t got = read(fd, part, sizeof part);
        if (got < 0 && errno != EINTR) {
            status = fnd_error_errno(error, FND_IO, errno, "cannot read its artifact");
        } else if (got == 0) {
            break;
        } else if (got > 0) {
            fnd_text_append(text, part, (size_t)got);
        }
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    if (status == FND_OK) {
        fnd_sha256(text->size > 0 ? text->bytes : "", text->size, digest);
        if (memcmp(digest, kept.hash, sizeof digest) != 0) {
            status = fnd_error_set(error, FND_DAMAGED, "its artifact was changed; run verify");
        }
    }
    return status;
}

static enum fnd_status borrow_all(struct fnd_checks *checks, struct fnd_reader *reader,
                                  const struct fnd_proof_want *want, int64_t model,
                                  struct fnd_error *error)
{
    struct fnd_text meta = {0}, body = {0}, text = {0};
    enum fnd_status status = fnd_payload_get(reader, model, &body, &meta, error);
    const struct fnd_json none = {0};
    const struct fnd_json document = {meta.bytes, meta.size};
    const struct fnd_json kept =
        status == FND_OK && meta.size > 0
            ? fnd_json_member(fnd_json_member(document, "artifacts"), "checks")
            : none;
    struct fnd_json found = none;
    if (kept.bytes != NULL) {
        status = kept_read(reader, kept, &text, error);
        if (status == FND_OK) {
            status = fnd_json_check(text.bytes, text.size, "checks", &found, error);
        }
    }
    if (found.bytes != NULL && fnd_json_text_is(fnd_json_member(found, "of"), want->phase)) {
        const struct fnd_json list = fnd_json_member(found, "checks");
        for (struct fnd_json_walk walk = fnd_json_walk(list);
             status == FND_OK && fnd_json_next(&walk);) {
            status = borrow(checks, reader, want, walk.value, error);
        }
    }
    fnd_text_finish(&meta);
    fnd_text_finish(&body);
    fnd_text_finish(&text);
    return status;
}

/* Once for each model: borrow what its training found. Of a phase that reads several models at once
 * nothing is known, since each was trained beside another one of the others. Where the file is gone
 * or damaged nothing is borrowed: people are asked, and `verify` says what is wrong. */
static enum fnd_status borrow_once(struct fnd_checks *checks, struct fnd_reader *reader,
                                   const struct fnd_proof_want *want, struct fnd_error *error)
{
    enum fnd_status status = FND_OK;
    struct fnd_json_walk walk = fnd_json_walk(want->models);
    checks->asked = true;
    if (want->models.bytes == NULL || fnd_json_count(want->models) != 1 || !fnd_json_next(&walk)) {
        return FND_OK;
    }
    struct find find = {.artifact = fnd_json_strdup(walk.value)};
    char *name = fnd_json_strdup(walk.key);
    if (find.artifact != NULL) {
        status = fnd_models_walk(reader, want->pipeline, name, model_is, &find, error);
    }
    if (status == FND_OK && find.id > 0) {
        status = borrow_all(checks, reader, want, find.id, error);
        if (status == FND_NOT_FOUND || status == FND_DAMAGED || status == FND_INVALID) {
            status = FND_OK;
        } else if (status != FND_OK) {
            fnd_error_prefix(error, "what was checked as model %s was trained", name);
            checks->asked = false;
        }
    }
    free(find.artifact);
    free(name);
    return status;
}

static enum fnd_status state_prove(void *context, struct fnd_reader *reader,
                                   const struct fnd_proof_want *want, struct fnd_proof *proof,
                                   struct fnd_error *error)
{
    struct gate *gate = gate_of(context, want);
    enum fnd_status status = gate_update(gate, reader, error);
    if (status != FND_OK) {
        return status;
    }
    if (want->novelty != NULL) {
        proof->seen = value_seen(gate, want->value);
    }
    struct fnd_checks *checks = model_of(gate, want->model);
    if (want->target > 0 && !checks->asked) {
        status = borrow_once(checks, reader, want, error);
    }
    if (status == FND_OK) {
        fnd_checks_prove(checks, want, proof);
    }
    return status;
}

static const struct fnd_prover prover = {.create = state_create,
                                         .destroy = state_destroy,
                                         .prove = state_prove,
                                         .choose = fnd_batch_choose};

const struct fnd_prover *fnd_learn_prover(void)
{
    return &prover;
}
