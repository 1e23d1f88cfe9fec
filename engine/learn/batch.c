/* SPDX-License-Identifier: MIT */
/* The choice from a batch: what its documents say of themselves becomes candidates, and what was
 * chosen one JSON object, the same for the same record. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/choose.h"
#include "store/reader.h"

enum {
    CARDS_LOOK = 200,       /* answers whose time is counted, the last ones */
    CARDS_EVENTS = 1 << 20, /* and not further back than so many events */
    CARD_SECONDS_MAX = 3600 /* a card that lay open over lunch tells nothing */
};

/* The least certain of a document's values; 1 where none has a confidence. */
static double confidence_least(struct fnd_json meta)
{
    const struct fnd_json scores = fnd_json_member(meta, "confidence");
    double least = 1, score = 0;
    for (struct fnd_json_walk walk = fnd_json_walk(scores);
         scores.bytes != NULL && fnd_json_next(&walk);) {
        least = fnd_json_number(walk.value, &score) && score < least ? score : least;
    }
    return least;
}

static enum fnd_status candidate_read(struct fnd_reader *reader, const struct fnd_phase *phase,
                                      int64_t id, struct fnd_candidate *candidate,
                                      struct fnd_error *error)
{
    struct fnd_step_row step;
    struct fnd_job_row job = {0};
    struct fnd_text body = {0}, meta = {0};
    const size_t subject = (size_t)phase->subject;
    enum fnd_status status = fnd_step_get(reader, id, &step, error);
    if (status == FND_OK) {
        status = fnd_job_get(reader, step.job, &job, error);
    }
    if (status == FND_OK && subject < step.outputs_count && step.outputs[subject] > 0) {
        status = fnd_payload_get(reader, step.outputs[subject], &body, &meta, error);
    }
    if (status == FND_OK) {
        const struct fnd_json document = {body.size > 0 ? body.bytes : NULL, body.size};
        const struct fnd_json marks = {meta.size > 0 ? meta.bytes : NULL, meta.size};
        const struct fnd_choose *choose = phase->choose;
        candidate->id = job.path;
        job.path = NULL;
        candidate->confidence = marks.bytes != NULL ? confidence_least(marks) : 1;
        candidate->features =
            choose->diverse && document.bytes != NULL ? fnd_features(document) : 0;
        if (choose->by != NULL && document.bytes != NULL) {
            const struct fnd_json value = fnd_json_find(document, choose->by);
            struct fnd_text group = {0};
            if (value.bytes != NULL) {
                fnd_json_canonical(value, &group);
                candidate->group = fnd_text_take(&group);
            }
        }
    }
    fnd_job_row_finish(&job);
    fnd_text_finish(&body);
    fnd_text_finish(&meta);
    return status;
}

/* The last answers that people gave at phases of this number. */
struct cards {
    int32_t phase;
    struct fnd_correction_row last[CARDS_LOOK];
    size_t count; /* that were seen */
};

static bool card_add(const struct fnd_correction_row *row, void *context)
{
    struct cards *cards = context;
    if (row->tier == FND_TIER_GOLD && row->phase == cards->phase) {
        cards->last[cards->count++ % CARDS_LOOK] = *row;
    }
    return true;
}

/* Seconds of a card of this very phase; < 0: it is of another pipeline, or does not say. */
static double card_seconds(struct fnd_reader *reader, const struct fnd_choose_want *want,
                           const struct fnd_correction_row *row)
{
    struct fnd_step_row step;
    struct fnd_job_row job = {0};
    struct fnd_text body = {0};
    double seconds = -1;
    if (fnd_step_get(reader, row->step, &step, NULL) == FND_OK &&
        fnd_job_get(reader, step.job, &job, NULL) == FND_OK &&
        strcmp(job.pipeline, want->pipeline) == 0 &&
        fnd_payload_get(reader, row->id, &body, NULL, NULL) == FND_OK) {
        const struct fnd_json record = {body.bytes, body.size};
        const struct fnd_json value = fnd_json_member(record, "seconds");
        seconds = value.bytes != NULL && fnd_json_number(value, &seconds) ? seconds : -1;
    }
    fnd_job_row_finish(&job);
    fnd_text_finish(&body);
    return seconds >= 0 && seconds <= CARD_SECONDS_MAX ? seconds : -1;
}

/* The median of what a card took; <= 0 while nobody has answered one. */
static enum fnd_status seconds_each(struct fnd_reader *reader, const struct fnd_choose_want *want,
                                    double *each, struct fnd_error *error)
{
    struct cards *cards = fnd_alloc(sizeof *cards);
    double *seconds = fnd_alloc(CARDS_LOOK * sizeof *seconds);
    uint8_t chain[FND_DIGEST_SIZE];
    int64_t head = 0;
    size_t count = 0;
    cards->phase = (int32_t)want->phase->index;
    enum fnd_status status = fnd_reader_head(reader, &head, chain, error);
    if (status == FND_OK) {
        const struct fnd_walk walk = {head > CARDS_EVENTS ? head - CARDS_EVENTS : 0, SIZE_MAX};
        status = fnd_corrections_walk(reader, &walk, card_add, cards, error);
    }
    for (size_t i = 0; status == FND_OK && i < cards->count && i < CARDS_LOOK; i++) {
        const double one = card_seconds(reader, want, &cards->last[i]);
        if (one >= 0) {
            seconds[count++] = one;
        }
    }
    *each = fnd_median(seconds, count);
    free(seconds);
    free(cards);
    return status;
}

static void decision_write(const struct fnd_choose_want *want,
                           const struct fnd_candidate *candidates, const size_t *chosen,
                           size_t chosen_count, double each, struct fnd_text *json)
{
    struct fnd_text message = {0};
    fnd_text_printf(
        &message,
        "%zu of %zu in its batch were chosen for people to look at; it goes on when the "
        "others have",
        chosen_count, want->count);
    fnd_text_append_z(json, "{\"code\":\"batch_chosen\",\"message\":");
    fnd_text_append_json(json, message.bytes, message.size);
    fnd_text_append_z(json, ",\"batch\":");
    fnd_text_append_json_z(json, want->batch);
    if (want->phase->choose->budget_ms > 0) {
        fnd_text_printf(json, ",\"budget_seconds\":%" PRId64 ",\"seconds_each\":%.17g",
                        want->phase->choose->budget_ms / 1000, each > 0 ? each : FND_CARD_SECONDS);
    }
    fnd_text_append_z(json, ",\"chosen\":[");
    for (size_t i = 0; i < chosen_count; i++) {
        const double confidence = candidates[chosen[i]].confidence;
        fnd_text_printf(json, "%s{\"job\":%" PRId64 ",\"confidence\":%.17g}", i > 0 ? "," : "",
                        want->steps[chosen[i]], isfinite(confidence) ? confidence : 0);
    }
    fnd_text_append_z(json, "],\"members\":[");
    for (size_t i = 0; i < want->count; i++) {
        fnd_text_append_z(json, i > 0 ? "," : "");
        fnd_text_append_integer(json, want->steps[i]);
    }
    fnd_text_append_z(json, "]}");
    fnd_text_finish(&message);
}

enum fnd_status fnd_batch_choose(struct fnd_reader *reader, const struct fnd_choose_want *want,
                                 struct fnd_text *decision, struct fnd_error *error)
{
    const struct fnd_choose *choose = want->phase->choose;
    struct fnd_candidate *candidates = fnd_alloc((want->count + 1) * sizeof *candidates);
    size_t *chosen = fnd_alloc((want->count + 1) * sizeof *chosen);
    struct fnd_choice choice = {.count_max = choose->count > 0 ? (size_t)choose->count : SIZE_MAX,
                                .minutes = (double)choose->budget_ms / 60000,
                                .confidence_max = 1,
                                .diverse = choose->diverse};
    enum fnd_status status = FND_OK;
    for (size_t i = 0; status == FND_OK && i < want->count; i++) {
        status = candidate_read(reader, want->phase, want->steps[i], &candidates[i], error);
    }
    if (status == FND_OK && choose->budget_ms > 0) {
        status = seconds_each(reader, want, &choice.seconds_each, error);
    }
    if (status == FND_OK) {
        const size_t count = fnd_choose(candidates, want->count, &choice, chosen);
        decision_write(want, candidates, chosen, count, choice.seconds_each, decision);
    }
    for (size_t i = 0; i < want->count; i++) {
        free((char *)(uintptr_t)candidates[i].id);
        free((char *)(uintptr_t)candidates[i].group);
    }
    free(chosen);
    free(candidates);
    return status;
}
