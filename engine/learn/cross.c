/* SPDX-License-Identifier: MIT */
/* How sure a new model may be, found out by the engine itself and not told by the trainer. The
 * examples are dealt into parts; for each of them the trainer makes a model of all the others, and
 * the learned phase runs with it over the documents of that part, which it has not seen. What it
 * said, how sure it was of it and what people had made of the same document are the checks from
 * which a gate's threshold is proven before there are checks of the model's own work. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "learn/boxes.h"
#include "learn/internal.h"
#include "pipeline/kind.h"
#include "review/review.h"

static struct fnd_json span(const struct fnd_text *text)
{
    return (struct fnd_json){text->size > 0 ? text->bytes : NULL, text->size};
}

bool cross_wanted(const struct run *run)
{
    return fnd_human_target(&run->pipeline->phases[run->model->of], NULL) > 0;
}

void cross_finish(struct cross *cross)
{
    fnd_text_finish(&cross->checks);
    fnd_text_finish(&cross->request);
    free(cross->why);
    fnd_effects_finish(&cross->effects);
    fnd_score_finish(&cross->score);
    *cross = (struct cross){0};
}

/* Append {PTR:{}…} of the places where two documents differ: their values are nobody's business
 * here. */
static void places_append(struct fnd_json said, struct fnd_json human, struct fnd_text *json)
{
    struct fnd_text fields = {0}, ours = {0}, theirs = {0};
    const char *comma = "";
    if (human.bytes != NULL) {
        /* In the order of what was said: its places are those that have a confidence. */
        fnd_boxes_align(said, said, &ours);
        fnd_boxes_align(said, human, &theirs);
        fnd_compare_aligned(span(&ours), span(&theirs), &fields);
    }
    fnd_text_finish(&ours);
    fnd_text_finish(&theirs);
    const struct fnd_json found = span(&fields);
    fnd_text_append_byte(json, '{');
    for (struct fnd_json_walk walk = fnd_json_walk(found);
         found.bytes != NULL && fnd_json_next(&walk);) {
        fnd_text_append_z(json, comma);
        fnd_text_append(json, walk.key.bytes, walk.key.size);
        fnd_text_append_z(json, ":{}");
        comma = ",";
    }
    fnd_text_append_byte(json, '}');
    fnd_text_finish(&fields);
}

void cross_note(struct run *run, const struct trial_call *trial, struct fnd_json said)
{
    struct cross *cross = &run->cross;
    struct trial *of = &run->trial;
    struct fnd_text marks = {0};
    const struct fnd_json none = {0};
    if (!cross_wanted(run) || !of->sample || said.bytes == NULL) {
        return;
    }
    fnd_effects_marks(&trial->call.effects, &marks);
    const struct fnd_json scores =
        marks.size > 0 ? fnd_json_member(span(&marks), "confidence") : none;
    char *maker = fnd_proof_model(&of->run.phase->bound, none);
    if (scores.bytes != NULL && (of->rejected || of->human.size > 0)) {
        fnd_text_printf(&cross->checks,
                        "%s{\"record\":%" PRId64 ",\"step\":%" PRId64 ",\"maker\":\"%s\"",
                        cross->checks.size > 0 ? "," : "", of->record, of->step, maker);
        fnd_text_printf(&cross->checks, ",\"part\":%zu,\"verdict\":\"%s\",\"confidence\":",
                        run->state == RUN_CROSSES ? cross->fold + 1 : 0,
                        of->rejected ? "rejected" : "accepted");
        fnd_json_compact(scores, &cross->checks);
        fnd_text_append_z(&cross->checks, ",\"fields\":");
        places_append(said, of->rejected ? none : span(&of->human), &cross->checks);
        fnd_text_append_byte(&cross->checks, '}');
        cross->documents++;
    }
    fnd_text_finish(&marks);
    free(maker);
}

enum fnd_status cross_keep(struct run *run, struct fnd_error *error)
{
    struct fnd_text text = {0};
    if (run->cross.documents == 0) {
        return FND_OK;
    }
    fnd_text_printf(&text, "{\"parts\":%d,\"of\":", FND_CROSS_PARTS);
    fnd_text_append_json_z(&text, run->pipeline->phases[run->model->of].id);
    fnd_text_append_z(&text, ",\"checks\":[");
    fnd_text_append(&text, run->cross.checks.bytes, run->cross.checks.size);
    fnd_text_append_z(&text, "]}");
    const enum fnd_status status = fnd_artifact_put(fnd_engine_store(run->learn->engine),
                                                    text.bytes, text.size, &run->checks, error);
    run->checked = status == FND_OK;
    fnd_text_finish(&text);
    return status;
}

/* Without all parts there is no saying what was left out by chance and what because the trainer
 * could not: only what the model itself said counts. The training has gone well all the same. */
static void cross_abandon(struct run *run, const struct fnd_error *why)
{
    struct cross *cross = &run->cross;
    fnd_log(fnd_engine_options_of(run->learn->engine)->log, FND_LOG_WARNING, "learn", NULL, NULL,
            "how sure model %s may be is not known beforehand: %s", run->name, why->message);
    cross->checks.size = cross->tried;
    cross->documents = cross->tried_documents;
    cross->why = fnd_strdup(why->message);
    run_end(run, FND_OK);
}

static void cancelled(struct run *run)
{
    run_end(run, run_stopped(run, &run->learned.error));
}

/* Hand the other parts' examples, which are packed under that name, to the trainer: without a model
 * to go on from and without a checkpoint, as either may have seen the part. */
static enum fnd_status part_train(struct run *run, const char *name, struct fnd_error *error)
{
    fnd_text_clear(&run->cross.request);
    fnd_effects_finish(&run->call.effects);
    fnd_text_finish(&run->call.noise);
    if (run->model->command != NULL) {
        run->call = (struct fnd_pool_call){.owner = run};
        const enum fnd_status status = program_begin(run, name, error);
        run->called = status == FND_OK;
        if (status != FND_OK) {
            program_finish(run);
        }
        return status;
    }
    trainer_call_make(run, &run->cross.request, name, NULL, NULL);
    run->called = true;
    fnd_pool_submit(run->learn->pool, &run->call);
    fnd_pool_dispatch(run->learn->pool);
    return FND_OK;
}

/* Train without one part. */
static void part_begin(struct run *run)
{
    struct cross *cross = &run->cross;
    struct fnd_examples *examples = &run->examples;
    struct fnd_text lines = {0}, name = {0};
    struct fnd_error error = {0};
    for (size_t i = 0; i < examples->count; i++) {
        if (i % FND_CROSS_PARTS != cross->fold) {
            fnd_text_append(&lines, examples->lines.bytes + examples->list[i].at,
                            examples->list[i].size);
        }
    }
    fnd_text_printf(&name, "examples-%zu", cross->fold + 1);
    enum fnd_status status = fnd_examples_pack_lines(examples, fnd_text_z(&name), &lines, &error);
    if (status == FND_OK) {
        status = part_train(run, fnd_text_z(&name), &error);
    }
    if (status != FND_OK) {
        cross_abandon(run, &error);
    }
    fnd_text_finish(&lines);
    fnd_text_finish(&name);
}

/* Up to which record production may have learned. Of a model whose training is not on record
 * nothing is known, so that no document is new to it. */
static int64_t production_saw(const struct run *run)
{
    struct fnd_training_row row = {0};
    int64_t until = 0;
    if (run->previous.id != 0) {
        until = fnd_training_get(fnd_engine_reader(run->learn->engine), run->previous.training,
                                 &row, NULL) == FND_OK
                    ? row.until
                    : INT64_MAX;
        fnd_training_row_finish(&row);
    }
    return until;
}

void cross_begin(struct run *run)
{
    struct cross *cross = &run->cross;
    cross->seen = production_saw(run);
    cross->tried = cross->checks.size;
    cross->tried_documents = cross->documents;
    if (!cross_wanted(run)) {
        run_end(run, FND_OK);
        return;
    }
    if (run->examples.count < FND_CROSS_PARTS) {
        struct fnd_text why = {0};
        fnd_text_printf(&why,
                        "there are %zu examples, fewer than the %d parts that they are dealt into",
                        run->examples.count, FND_CROSS_PARTS);
        cross->why = fnd_text_take(&why);
        run_end(run, FND_OK);
        return;
    }
    run->state = RUN_CROSSES;
    cross->fold = 0;
    part_begin(run);
}

/* The lesson behind an example, if it stands. */
static const struct fnd_lesson *lesson_of(const struct run *run, int64_t record)
{
    size_t low = 0, high = run->lessons.count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (run->lessons.list[middle].record < record) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < run->lessons.count && run->lessons.list[low].record == record
               ? &run->lessons.list[low]
               : NULL;
}

/* All parts went well: what they did better or worse than production decides with the trial. */
static void parts_end(struct run *run)
{
    fnd_score_join(&run->score, &run->cross.score);
    run->cross.held_out = (size_t)run->cross.score.documents;
    run_end(run, FND_OK);
}

/* Load a document of the part and make the call of the model that has not seen it; beside it
 * production's, where that has not seen it either: one that learned from it would win. */
static bool part_make(struct run *run, const struct fnd_lesson *lesson)
{
    struct cross *cross = &run->cross;
    struct trial *trial = &run->trial;
    struct fnd_error error = {0};
    const struct tried model = {
        .name = cross->model_name, .bytes = cross->bytes, .size = cross->size};
    const struct tried before = {.name = run->previous.id != 0 ? run->previous_name : NULL,
                                 .kept = &run->previous.artifact};
    bool made = trial_load(run, lesson, &error) == FND_OK && trial->sample &&
                trial_call_make(run, &trial->calls[0], &model, &error) == FND_OK;
    if (made && lesson->record > cross->seen && !trial->rejected && trial->human.size > 0) {
        trial->beside = true;
        made = trial_call_make(run, &trial->calls[1], &before, &error) == FND_OK;
    }
    return made;
}

/* The next document of the part; behind the last one the next part; behind that the end. */
static void part_next(struct run *run)
{
    struct cross *cross = &run->cross;
    for (; cross->at < run->examples.count; cross->at += FND_CROSS_PARTS) {
        const struct fnd_lesson *lesson = lesson_of(run, run->examples.list[cross->at].record);
        if (lesson == NULL || lesson->tier != FND_TIER_GOLD) {
            continue;
        }
        if (part_make(run, lesson)) {
            struct trial *trial = &run->trial;
            cross->at += FND_CROSS_PARTS;
            trial->left = trial->beside ? 2 : 1;
            for (size_t i = 0; i < (trial->beside ? 2U : 1U); i++) {
                fnd_pool_submit(run->learn->pool, &trial->calls[i].call);
            }
            fnd_pool_dispatch(run->learn->pool);
            return;
        }
        trial_finish(&run->trial);
    }
    if (++cross->fold < FND_CROSS_PARTS) {
        part_begin(run);
    } else {
        parts_end(run);
    }
}

void cross_called(struct run *run)
{
    struct cross *cross = &run->cross;
    struct fnd_error error = {0};
    uint8_t hash[FND_DIGEST_SIZE];
    const struct fnd_json none = {0};
    if (run->cancelled) {
        cancelled(run);
        return;
    }
    enum fnd_status status = trainer_end(run, &error);
    if (status == FND_OK) {
        status = fnd_effects_check(&run->call.effects, NULL, none, &error);
    }
    const struct fnd_staged_artifact *model = status == FND_OK ? trainer_model(run, &error) : NULL;
    if (model == NULL) {
        cross_abandon(run, &error);
        return;
    }
    fnd_effects_finish(&cross->effects);
    cross->effects = run->call.effects; /* the model lives in it */
    run->call.effects = (struct fnd_effects){0};
    cross->bytes = model->bytes;
    cross->size = model->size;
    fnd_sha256(cross->bytes, cross->size, hash);
    fnd_model_artifact_name(run->name, hash, cross->model_name);
    cross->at = cross->fold;
    part_next(run);
}

/* What a part's model and production said of a document that neither has seen, beside the truth. */
static void part_score(struct run *run, struct fnd_json now)
{
    struct trial *trial = &run->trial;
    struct fnd_error error = {0};
    const struct fnd_json whole = {"null", 4};
    if (trial->beside) {
        const struct fnd_json before =
            trial_said(&trial->calls[1], &trial->run.phase->bound, &error);
        if (now.bytes != NULL || before.bytes != NULL) {
            fnd_score_add(&run->cross.score, span(&trial->human), now, before, whole);
        }
    }
}

void cross_tried(struct run *run)
{
    struct fnd_error error = {0};
    struct trial *trial = &run->trial;
    const struct trial_call *call = &trial->calls[0];
    const bool lost = call->call.end == FND_CALL_CANCELLED ||
                      (trial->beside && trial->calls[1].call.end == FND_CALL_CANCELLED);
    const struct fnd_json said = trial_said(call, &trial->run.phase->bound, &error);
    cross_note(run, call, said);
    part_score(run, said);
    trial_finish(trial);
    if (run->cancelled || lost) {
        cancelled(run);
    } else {
        part_next(run);
    }
}
