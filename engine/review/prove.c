/* SPDX-License-Identifier: MIT */
/* What a gate asks beyond its detectors because too little is proven: documents with a value that
 * is new, everything until the target error rate is shown, values below the threshold from then on,
 * and the audit sample, which goes on checking all of that. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "review/internal.h"

static void question_open(struct fnd_asking *asking, const char *key, const char *kind)
{
    struct fnd_text *json = &asking->questions;
    fnd_text_append_z(json, asking->count++ > 0 ? ",{\"key\":" : "{\"key\":");
    fnd_text_append_json_z(json, key);
    fnd_text_append_z(json, ",\"kind\":");
    fnd_text_append_json_z(json, kind);
    fnd_text_append_z(json, ",\"question\":");
}

void fnd_asking_add(struct fnd_asking *asking, const char *key, const char *kind,
                    const char *question)
{
    question_open(asking, key, kind);
    fnd_text_append_json_z(&asking->questions, question);
    fnd_text_append_byte(&asking->questions, '}');
}

void fnd_asking_audit(struct fnd_asking *asking)
{
    asking->audit = true;
    fnd_asking_add(asking, "audit", "AUDIT",
                   "A random check of a result that no detector doubts: is everything right?");
}

void fnd_asking_finish(struct fnd_asking *asking)
{
    fnd_text_finish(&asking->questions);
    free(asking->numbers);
}

/* The phase whose output is under review: behind a gate before this one, what that one reviews. */
static const struct fnd_bound *subject_of(const struct fnd_visit *visit)
{
    const struct fnd_phase *subject = &visit->pipeline->phases[visit->phase->subject];
    while (subject->subject >= 0) {
        subject = &visit->pipeline->phases[subject->subject];
    }
    return &subject->bound;
}

static void novelty_ask(struct fnd_asking *asking, const struct fnd_human *human,
                        const struct fnd_proof *proof, struct fnd_json value)
{
    struct fnd_text text = {0};
    if (value.bytes == NULL || fnd_json_type(value) == FND_JSON_NULL) {
        fnd_text_printf(&text,
                        "There is no %s, so nothing tells whether documents like this one are "
                        "known: is everything right?",
                        human->novelty);
    } else {
        fnd_text_append(&text, value.bytes, value.size);
        fnd_text_printf(&text, " at %s is new: ", human->novelty);
        fnd_text_printf(&text,
                        proof->seen == 0   ? "no document with it was checked so far"
                        : proof->seen == 1 ? "%" PRIu64 " document with it was checked so far"
                                           : "%" PRIu64 " documents with it were checked so far",
                        proof->seen);
        fnd_text_printf(&text, ", and %" PRIu64 " make it known. Is everything right?",
                        human->novelty_minimum);
    }
    fnd_asking_add(asking, "novelty", "NOVELTY", fnd_text_z(&text));
    asking->whole = true;
    asking->sample = false; /* once it is known, it is another kind of document */
    fnd_text_finish(&text);
}

static bool asked_already(const struct fnd_visit *visit, const char *pointer)
{
    for (size_t c = 0; c < visit->calls_count; c++) {
        const struct fnd_effects *effects = &visit->calls[c]->effects;
        for (size_t i = 0; i < effects->questions_count; i++) {
            if (effects->questions[i].has_pointer &&
                strcmp(effects->questions[i].pointer, pointer) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void value_ask(struct fnd_asking *asking, const struct fnd_visit *visit,
                      const struct fnd_proof *proof, const char *pointer, double score, bool known)
{
    struct fnd_text text = {0}, key = {0};
    struct fnd_text *json = &asking->questions;
    const struct fnd_json value = fnd_json_find(visit->subject, pointer);
    fnd_text_printf(&key, "unproven:%s", pointer);
    fnd_text_append_z(&text, pointer);
    fnd_text_printf(&text, " was read with %.4g %% confidence", score * 100);
    if (known) {
        fnd_text_printf(&text, "; %.4g %% and more is proven to keep the target",
                        proof->threshold * 100);
    } else {
        fnd_text_append_z(&text, "; of this field too few were checked to prove anything");
    }
    question_open(asking, fnd_text_z(&key), "LOW_CONFIDENCE");
    fnd_text_append_json(json, text.bytes, text.size);
    fnd_text_append_z(json, ",\"pointer\":");
    fnd_text_append_json_z(json, pointer);
    fnd_text_printf(json,
                    ",\"context\":{\"confidence\":%.17g,\"threshold\":%.17g,\"value\":", score,
                    proof->threshold);
    fnd_text_append(json, value.bytes, value.size);
    fnd_text_append_z(json, "}}");
    fnd_text_finish(&text);
    fnd_text_finish(&key);
}

/* A value without a confidence says nothing about itself: neither is it asked about here, nor does
 * the proof speak of it. */
static void values_ask(struct fnd_asking *asking, const struct fnd_visit *visit,
                       const struct fnd_proof *proof)
{
    const struct fnd_json scores = fnd_json_member(visit->marks, "confidence");
    for (struct fnd_json_walk walk = fnd_json_walk(scores);
         scores.bytes != NULL && fnd_json_next(&walk);) {
        char *pointer = fnd_json_strdup(walk.key);
        const bool known = fnd_proof_knows(proof, pointer);
        double score = 0;
        if (fnd_json_number(walk.value, &score) && (score < proof->threshold || !known) &&
            fnd_json_find(visit->subject, pointer).bytes != NULL &&
            !asked_already(visit, pointer)) {
            value_ask(asking, visit, proof, pointer, score, known);
        }
        free(pointer);
    }
}

static void target_ask(struct fnd_asking *asking, const struct fnd_visit *visit,
                       const struct fnd_proof *proof)
{
    if (!proof->proven) {
        struct fnd_text text = {0};
        fnd_text_printf(&text, "Asked because proof is missing: %s. Is everything right?",
                        proof->reason != NULL ? proof->reason : "nothing was checked yet");
        fnd_asking_add(asking, "unproven", "UNPROVEN", fnd_text_z(&text));
        fnd_text_finish(&text);
        asking->whole = true;
        asking->sample = true;
        return;
    }
    values_ask(asking, visit, proof);
}

enum fnd_status fnd_gate_prove(const struct fnd_visit *visit, const struct fnd_human *human,
                               struct fnd_asking *asking, struct fnd_error *error)
{
    struct fnd_proof proof = {0};
    const struct fnd_json any = {0};
    const struct fnd_json models =
        visit->marks.bytes != NULL ? fnd_json_member(visit->marks, "models") : any;
    char *model = fnd_proof_model(subject_of(visit), models);
    char *maker = fnd_proof_model(subject_of(visit), any);
    const struct fnd_proof_want want = {.pipeline = visit->pipeline->name,
                                        .phase = visit->phase->id,
                                        .model = model,
                                        .maker = maker,
                                        .models = models,
                                        .target = human->target,
                                        .per_document = human->per_document,
                                        .novelty = human->novelty,
                                        .value = human->novelty != NULL
                                                     ? fnd_json_find(visit->subject, human->novelty)
                                                     : (struct fnd_json){NULL, 0}};
    enum fnd_status status = FND_OK;
    if (visit->prover != NULL) {
        status = visit->prover->prove(visit->prover_state, visit->reader, &want, &proof, error);
    }
    if (status == FND_OK) {
        if (human->target > 0) {
            target_ask(asking, visit, &proof);
        }
        /* The draw is of all documents, asked or not: what it finds speaks for all of them. */
        if (human->audit > 0 && fnd_audit_drawn(visit, human->audit)) {
            asking->audit = true;
            if (!asking->whole) {
                fnd_asking_audit(asking);
            }
            asking->whole = true;
            asking->sample = true;
        }
        if (human->novelty != NULL && proof.seen < human->novelty_minimum) {
            novelty_ask(asking, human, &proof, want.value);
        }
        asking->proven = proof.proven;
        asking->numbers = proof.numbers;
        proof.numbers = NULL;
        if (asking->numbers == NULL) {
            struct fnd_text none = {0};
            fnd_text_printf(&none, "{\"model\":\"%s\",\"proven\":false}", model);
            asking->numbers = fnd_text_take(&none);
        }
    }
    fnd_proof_finish(&proof);
    free(model);
    free(maker);
    return status;
}
