/* SPDX-License-Identifier: MIT */
/* Two versions of a model beside each other on real jobs. A candidate, or for a while behind a
 * promotion the version before it, runs on a share of the jobs, behind the phase that did the same
 * for the job: it reads what that one read, and what it says goes into the record and nowhere else.
 * Where a person later looked at such a document as a whole, the two are compared with the truth.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "learn/internal.h"

static struct fnd_json span(const struct fnd_text *text)
{
    return (struct fnd_json){text->size > 0 ? text->bytes : NULL, text->size};
}

/* --- which two -------------------------------------------------------------------------------- */

struct contest {
    bool guards; /* production was promoted and the one before it watches; else a candidate waits */
    int64_t since;                          /* the event that began it */
    struct fnd_model_row production, other; /* id 0: the rules */
};

static void contest_finish(struct contest *contest)
{
    fnd_model_row_finish(&contest->production);
    fnd_model_row_finish(&contest->other);
}

/* Whether a decision put its model into production, or lets it wait. */
static bool decision_is(struct fnd_reader *reader, int64_t event, bool waits)
{
    struct fnd_text body = {0};
    bool is = false;
    if (event > 0 && fnd_payload_get(reader, event, &body, NULL, NULL) == FND_OK) {
        const struct fnd_json document = span(&body);
        is = waits ? fnd_json_boolean(fnd_json_find(document, "/numbers/waits"), &is) && is
                   : fnd_json_text_is(fnd_json_member(document, "decision"), "promote");
    }
    fnd_text_finish(&body);
    return is;
}

struct newest {
    int64_t id, decided;
};

static bool candidate_newest(const struct fnd_model_row *row, void *context)
{
    struct newest *newest = context;
    newest->id = row->state == FND_MODEL_CANDIDATE ? row->id : newest->id;
    newest->decided = row->state == FND_MODEL_CANDIDATE ? row->decided : newest->decided;
    return true;
}

/* What is to be decided about a model, if anything is. */
static bool contest_find(struct fnd_reader *reader, const char *pipeline, const char *model,
                         struct contest *contest)
{
    struct newest newest = {0};
    const enum fnd_status status =
        fnd_model_production(reader, pipeline, model, &contest->production, NULL);
    if ((status != FND_OK && status != FND_NOT_FOUND) ||
        fnd_models_walk(reader, pipeline, model, candidate_newest, &newest, NULL) != FND_OK) {
        return false;
    }
    if (newest.id > contest->production.id && decision_is(reader, newest.decided, true)) {
        contest->since = newest.decided;
        return fnd_model_get(reader, newest.id, &contest->other, NULL) == FND_OK;
    }
    contest->guards = true;
    contest->since = contest->production.decided;
    return contest->production.id > 0 && decision_is(reader, contest->since, false) &&
           (contest->production.replaced == 0 ||
            fnd_model_get(reader, contest->production.replaced, &contest->other, NULL) == FND_OK);
}

/* --- runs ------------------------------------------------------------------------------------- */

/* Whether the draw falls on a job: by its identity and the store's salt, the same whenever it is
 * asked, and not the draw of the audit. */
static bool drawn(struct fnd_learn *learn, const struct fnd_job_row *job, double share)
{
    static const char matter[] = "shadow";
    uint8_t digest[FND_DIGEST_SIZE];
    uint64_t number = 0;
    fnd_blake2b(fnd_store_salt(fnd_engine_store(learn->engine)), 32, matter, sizeof matter,
                job->uuid, sizeof job->uuid, digest);
    for (size_t i = 0; i < 7; i++) {
        number = number << 8 | digest[i];
    }
    return (double)(number >> 3) < share * 9007199254740992.0; /* 2^53 */
}

struct outputs {
    int64_t list[256];
    int64_t last; /* event that was walked over */
    size_t count, walked;
    int32_t phase;
};
enum { EVENTS_AT_ONCE = 4096 };

static bool output_keep(const struct fnd_event_row *row, void *context)
{
    struct outputs *outputs = context;
    outputs->last = row->id;
    outputs->walked++;
    if (row->kind == FND_EVENT_OUTPUT && row->phase == outputs->phase) {
        outputs->list[outputs->count++] = row->id;
    }
    return outputs->count < sizeof outputs->list / sizeof outputs->list[0];
}

/* The event of the run beside an output, 0 if there was none. */
static int64_t beside_find(const struct cursor *cursor, int64_t output)
{
    size_t low = 0, high = cursor->beside_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (cursor->beside[middle].output < output) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < cursor->beside_count && cursor->beside[low].output == output
               ? cursor->beside[low].event
               : 0;
}

/* Whether the output is of a drawn job, was made by what is in production, and has not been run
 * beside. Loads its run. */
static bool fits(struct fnd_learn *learn, const struct contest *contest,
                 const struct cursor *cursor, const struct fnd_pipeline *pipeline,
                 const struct fnd_model *model, int64_t output)
{
    struct fnd_case *of = &learn->shade.run.trial.run;
    char name[FND_MODEL_ARTIFACT_SIZE];
    if (beside_find(cursor, output) != 0 ||
        fnd_case_load(learn->engine, output, of, NULL) != FND_OK ||
        strcmp(of->job.pipeline, pipeline->name) != 0 ||
        strcmp(of->phase->id, pipeline->phases[model->phase].id) != 0 ||
        !drawn(learn, &of->job, model->shadow) || of->models.size == 0) {
        return false;
    }
    const struct fnd_json made = fnd_json_member(span(&of->models), model->name);
    fnd_model_artifact_name(model->name, contest->production.artifact.hash, name);
    return made.bytes != NULL && (contest->production.id == 0 ? fnd_json_type(made) == FND_JSON_NULL
                                                              : fnd_json_text_is(made, name));
}

static bool begin(struct fnd_learn *learn, const struct contest *contest,
                  const struct fnd_model *model, int64_t output)
{
    struct shade *shade = &learn->shade;
    struct run *run = &shade->run;
    char name[FND_MODEL_ARTIFACT_SIZE];
    struct fnd_error error = {0};
    const struct tried tried = {.name = contest->other.id > 0 ? name : NULL,
                                .kept = &contest->other.artifact};
    fnd_model_artifact_name(model->name, contest->other.artifact.hash, name);
    free(run->name);
    run->name = fnd_strdup(model->name);
    run->learn = learn;
    run->state = RUN_SHADOWS;
    enum fnd_status status = learn_pool(learn, &error);
    if (status == FND_OK) {
        status =
            fnd_engine_arm(learn->engine, run->trial.run.pin, run->trial.run.phase->index, &error);
    }
    if (status == FND_OK) {
        status = trial_call_make(run, &run->trial.calls[0], &tried, &error);
    }
    if (status != FND_OK) {
        fnd_log(fnd_engine_options_of(learn->engine)->log, FND_LOG_WARNING, "learn", NULL, NULL,
                "model %s does not run beside %s: %s", model->name, run->trial.run.job.path,
                error.message);
        return false;
    }
    shade->runs = true;
    shade->model = contest->other.id;
    shade->version = contest->other.version;
    shade->job = run->trial.run.job.id;
    shade->output = output;
    run->trial.left = 1;
    fnd_pool_submit(learn->pool, &run->trial.calls[0].call);
    fnd_pool_dispatch(learn->pool);
    return true;
}

static struct cursor *cursor_of(struct fnd_learn *learn, int64_t since)
{
    struct cursor *cursor = learn->cursors;
    while (cursor != NULL && cursor->since != since) {
        cursor = cursor->next;
    }
    if (cursor == NULL) {
        cursor = fnd_alloc(sizeof *cursor);
        *cursor =
            (struct cursor){.since = since, .at = since, .seen = since, .next = learn->cursors};
        learn->cursors = cursor;
    }
    return cursor;
}

/* Find the next output beside which to run. Where there is much to look through, the rest is for
 * the next turn. */
static void next(struct fnd_learn *learn, const struct contest *contest, struct cursor *cursor,
                 const struct fnd_pipeline *pipeline, const struct fnd_model *model)
{
    struct outputs outputs = {.phase = model->phase, .last = cursor->at};
    const struct fnd_walk walk = {.after = cursor->at, .limit = EVENTS_AT_ONCE};
    if (fnd_events_walk(fnd_engine_reader(learn->engine), 0, &walk, output_keep, &outputs, NULL) !=
        FND_OK) {
        return;
    }
    for (size_t i = 0; i < outputs.count; i++) {
        cursor->at = outputs.list[i];
        if (fits(learn, contest, cursor, pipeline, model, outputs.list[i]) &&
            begin(learn, contest, model, outputs.list[i])) {
            return;
        }
        trial_finish(&learn->shade.run.trial);
    }
    cursor->at = outputs.last;
    if (outputs.walked == EVENTS_AT_ONCE || outputs.count > 0) {
        learn->again = true;
    }
}

/* What it said becomes an event. */
static enum fnd_status record(struct shade *shade, struct fnd_error *error)
{
    struct fnd_write *write = fnd_write_create();
    struct fnd_text body = {0}, meta = {0};
    struct fnd_error why = {0};
    struct run *run = &shade->run;
    const struct trial_call *call = &run->trial.calls[0];
    const struct fnd_json said = trial_said(call, &run->trial.run.phase->bound, &why);
    fnd_text_printf(&body, "{\"job\":%" PRId64 ",\"output\":%" PRId64 ",\"version\":%" PRId64,
                    shade->job, shade->output, shade->version);
    if (said.bytes != NULL) {
        fnd_text_append_z(&body, ",\"said\":");
        fnd_text_append(&body, said.bytes, said.size);
        fnd_effects_marks(&call->call.effects, &meta);
    } else {
        fnd_text_append_z(&body, ",\"failed\":");
        fnd_text_append_json_z(&body, why.message);
    }
    fnd_text_append_byte(&body, '}');
    fnd_write_add(write, FND_EVENT_SHADOW, fnd_text_take(&body),
                  meta.size > 0 ? fnd_text_take(&meta) : NULL)
        ->ref = shade->model;
    const enum fnd_status status =
        fnd_store_commit(fnd_engine_store(run->learn->engine), write, error);
    fnd_write_destroy(write);
    return status;
}

void shadow_ran(struct run *run)
{
    struct fnd_learn *learn = run->learn;
    struct shade *shade = &learn->shade;
    struct fnd_error error = {0};
    const enum fnd_call_end end = run->trial.calls[0].call.end;
    /* A call that was lost with another one's worker says nothing; the next output is as good. */
    const bool says = end != FND_CALL_LOST && end != FND_CALL_CANCELLED;
    if (says && record(shade, &error) != FND_OK) {
        fnd_log(fnd_engine_options_of(learn->engine)->log, FND_LOG_WARNING, "learn", NULL, NULL,
                "what model %s said beside a job is not recorded: %s", run->name, error.message);
    }
    shade->runs = false;
    trial_finish(&run->trial);
    learn->again = true;
}

void shadow_finish(struct fnd_learn *learn)
{
    trial_finish(&learn->shade.run.trial);
    free(learn->shade.run.name);
    while (learn->cursors != NULL) {
        struct cursor *cursor = learn->cursors;
        learn->cursors = cursor->next;
        for (size_t i = 0; i < cursor->compared_count; i++) {
            fnd_score_finish(&cursor->compared[i].score);
        }
        free(cursor->compared);
        free(cursor->beside);
        free(cursor);
    }
}

/* --- the decision ----------------------------------------------------------------------------- */

/* Make room for one more of `count` entries of `size` bytes at `at`. */
static void *opened(void *list, size_t count, size_t size, size_t at)
{
    char *bytes = fnd_realloc(list, count + 1, size);
    memmove(bytes + (at + 1) * size, bytes + at * size, (count - at) * size);
    memset(bytes + at * size, 0, size);
    return bytes;
}

struct following {
    struct cursor *cursor;
    int64_t model;
};

static enum fnd_status beside_add(struct fnd_reader *reader, const struct fnd_event_row *event,
                                  void *context, struct fnd_error *error)
{
    const struct following *following = context;
    struct cursor *cursor = following->cursor;
    struct fnd_text body = {0};
    int64_t output = 0;
    if (event->ref != following->model) {
        return FND_OK;
    }
    const enum fnd_status status = fnd_payload_get(reader, event->id, &body, NULL, error);
    if (status == FND_OK && fnd_json_integer(fnd_json_member(span(&body), "output"), &output)) {
        size_t at = cursor->beside_count;
        while (at > 0 && cursor->beside[at - 1].output > output) {
            at--;
        }
        if (at > 0 && cursor->beside[at - 1].output == output) {
            cursor->beside[at - 1].event = event->id; /* the newest counts */
        } else {
            cursor->beside =
                opened(cursor->beside, cursor->beside_count++, sizeof *cursor->beside, at);
            cursor->beside[at] = (struct beside_one){output, event->id};
        }
    }
    fnd_text_finish(&body);
    return status;
}

/* Compare both versions with what a person made of a document, if that was looked at as a whole: of
 * one that was asked about in places only, those are where production was unsure, and there the
 * other would win too easily. */
static enum fnd_status compare(struct fnd_reader *reader, const struct contest *contest,
                               const struct fnd_lesson *lesson, int64_t event,
                               struct fnd_score *score, struct fnd_error *error)
{
    struct fnd_text texts[5] = {{0}}; /* answer, asked, human, production, other */
    struct fnd_text reviewed = {0};
    struct fnd_correction_row row = {0};
    enum fnd_status status = fnd_correction_get(reader, lesson->record, &row, error);
    const int64_t events[] = {lesson->record, row.request, lesson->output, lesson->subject, event};
    for (size_t i = 0; i < sizeof events / sizeof events[0] && status == FND_OK; i++) {
        status = fnd_payload_get(reader, events[i], &texts[i], NULL, error);
    }
    if (status == FND_OK) {
        fnd_lesson_reviewed(span(&texts[0]), span(&texts[1]), &reviewed);
        const struct fnd_json other = fnd_json_member(span(&texts[4]), "said");
        const struct fnd_json whole = span(&reviewed), production = span(&texts[3]);
        bool sample = fnd_json_type(whole) == FND_JSON_NULL ||
                      fnd_json_text_is(fnd_json_member(span(&texts[1]), "checked"), "sample");
        if (sample && contest->guards) {
            fnd_score_add(score, span(&texts[2]), production, other, (struct fnd_json){"null", 4});
        } else if (sample) {
            fnd_score_add(score, span(&texts[2]), other, production, (struct fnd_json){"null", 4});
        }
    }
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        fnd_text_finish(&texts[i]);
    }
    fnd_text_finish(&reviewed);
    return status;
}

/* The same, read once. */
static enum fnd_status compare_once(struct fnd_reader *reader, const struct contest *contest,
                                    struct cursor *cursor, const struct fnd_lesson *lesson,
                                    int64_t event, struct fnd_score *score, struct fnd_error *error)
{
    struct fnd_score one = {0};
    size_t at = cursor->compared_count;
    while (at > 0 && cursor->compared[at - 1].record > lesson->record) {
        at--;
    }
    struct compared *known = at > 0 ? &cursor->compared[at - 1] : NULL;
    if (known != NULL && known->record == lesson->record && known->event == event) {
        fnd_score_join(score, &known->score);
        return FND_OK;
    }
    const enum fnd_status status = compare(reader, contest, lesson, event, &one, error);
    if (status != FND_OK) {
        fnd_score_finish(&one);
        return status;
    }
    fnd_score_join(score, &one);
    if (known != NULL && known->record == lesson->record) {
        fnd_score_finish(&known->score);
    } else {
        cursor->compared =
            opened(cursor->compared, cursor->compared_count++, sizeof *cursor->compared, at);
        known = &cursor->compared[at];
    }
    *known = (struct compared){lesson->record, event, one};
    return FND_OK;
}

static uint64_t pairs_of(const struct fnd_score *score)
{
    return score->pairs.better + score->pairs.worse + score->pairs.equal;
}

/* Act as the numbers say: they are of so many pairs that this is one of the looks. */
static enum fnd_status decide(struct fnd_learn *learn, const struct contest *contest,
                              const struct fnd_model *model, const struct fnd_promotion *promotion,
                              struct fnd_error *error)
{
    const struct fnd_model_row *about = contest->guards ? &contest->production : &contest->other;
    const bool moves = promotion->end == FND_PROMOTION_PROMOTE;
    struct fnd_text numbers = {0}, sentence = {0};
    enum fnd_status status;
    fnd_promotion_json(promotion, contest->guards, &numbers);
    fnd_promotion_text(promotion, contest->guards, &sentence);
    if (moves && contest->guards) {
        status =
            fnd_registry_rollback(learn->engine, about->pipeline, about->name, "engine",
                                  fnd_text_z(&sentence), fnd_text_z(&numbers), NULL, NULL, error);
    } else if (moves) {
        status = fnd_registry_promote(learn->engine, about->pipeline, about->name, about->version,
                                      "engine", fnd_text_z(&sentence), fnd_text_z(&numbers), NULL,
                                      error);
    } else {
        status = fnd_registry_hold(learn->engine, about, "engine", fnd_text_z(&sentence),
                                   fnd_text_z(&numbers), error);
    }
    if (status == FND_OK) {
        fnd_log(fnd_engine_options_of(learn->engine)->log, FND_LOG_INFO, "learn", NULL, NULL,
                "model %s, version %" PRId64 ": %s%s", model->name, about->version,
                fnd_text_z(&sentence),
                moves && contest->guards ? "; `models promote` takes that back" : "");
    }
    fnd_text_finish(&numbers);
    fnd_text_finish(&sentence);
    return status;
}

/* Go over the verified documents in their order and look each time so many more pairs are there. A
 * candidate has one look. A version in production has several within the window, each at its share
 * of alpha: so one that is as good as the version before it comes back with a chance of at most
 * alpha, however often people answer.
 *  done  receives whether something was decided. */
static enum fnd_status judge(struct fnd_learn *learn, const struct contest *contest,
                             struct cursor *cursor, const struct fnd_pipeline *pipeline,
                             const struct fnd_model *model, bool *done, struct fnd_error *error)
{
    struct fnd_reader *reader = fnd_engine_reader(learn->engine);
    struct following following = {cursor, contest->other.id};
    const struct fnd_lessons *lessons = NULL;
    struct fnd_score score = {0};
    const uint64_t looks = model->window > model->minimum ? model->window / model->minimum : 1;
    uint64_t looked = 0;
    enum fnd_status status =
        kept_events(reader, FND_EVENT_SHADOW, &cursor->seen, beside_add, &following, error);
    if (status == FND_OK && cursor->beside_count > 0) {
        status =
            kept_lessons(learn, pipeline->name, pipeline->phases[model->of].id, &lessons, error);
    }
    for (size_t i = 0; status == FND_OK && lessons != NULL && i < lessons->count && !*done; i++) {
        const struct fnd_lesson *lesson = &lessons->list[i];
        const int64_t event = beside_find(cursor, lesson->subject);
        struct fnd_promotion promotion;
        if (event == 0 || lesson->tier != FND_TIER_GOLD || lesson->verdict == FND_REJECTED ||
            lesson->output == 0) {
            continue;
        }
        status = compare_once(reader, contest, cursor, lesson, event, &score, error);
        if (status != FND_OK || pairs_of(&score) < (looked + 1) * model->minimum) {
            continue;
        }
        looked = pairs_of(&score) / model->minimum;
        if (contest->guards) {
            fnd_score_judge_back(&score, model->minimum, model->alpha / (double)looks, &promotion);
        } else {
            fnd_score_judge(&score, model, &promotion);
        }
        *done = !contest->guards || promotion.end == FND_PROMOTION_PROMOTE || looked >= looks;
        if (*done) {
            status = decide(learn, contest, model, &promotion, error);
        }
    }
    fnd_score_finish(&score);
    return status;
}

void shadow_look(struct fnd_learn *learn, const struct fnd_pipeline *pipeline,
                 const struct fnd_model *model)
{
    struct contest contest = {0};
    struct fnd_error error = {0};
    bool done = false;
    if (model->shadow > 0 &&
        contest_find(fnd_engine_reader(learn->engine), pipeline->name, model->name, &contest)) {
        struct cursor *cursor = cursor_of(learn, contest.since);
        if (judge(learn, &contest, cursor, pipeline, model, &done, &error) != FND_OK) {
            fnd_log(fnd_engine_options_of(learn->engine)->log, FND_LOG_WARNING, "learn", NULL, NULL,
                    "whether model %s is as good as before cannot be told: %s", model->name,
                    error.message);
        } else if (!done && !learn->shade.runs) {
            next(learn, &contest, cursor, pipeline, model);
        }
    }
    contest_finish(&contest);
}
