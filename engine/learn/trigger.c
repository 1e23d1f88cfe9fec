/* SPDX-License-Identifier: MIT */
#include "learn/trigger.h"

#include <inttypes.h>

static void duration_append(int64_t us, struct fnd_text *text)
{
    const int64_t seconds = us / 1000000;
    if (seconds >= 2 * 86400) {
        fnd_text_printf(text, "%" PRId64 " days", seconds / 86400);
    } else if (seconds >= 2 * 3600) {
        fnd_text_printf(text, "%" PRId64 " hours", seconds / 3600);
    } else if (seconds >= 120) {
        fnd_text_printf(text, "%" PRId64 " minutes", seconds / 60);
    } else {
        fnd_text_printf(text, "%" PRId64 " s", seconds);
    }
}

/* Append "last training 8 days ago, it must be more than 7 days". */
static bool old_enough(const struct fnd_model *model, const struct fnd_trigger_facts *facts,
                       struct fnd_text *why)
{
    if (model->age_ms == 0) {
        return true;
    }
    if (!facts->trained) {
        fnd_text_append_z(why, "; never trained");
        return true;
    }
    fnd_text_append_z(why, "; last training ");
    duration_append(facts->since_us, why);
    fnd_text_append_z(why, " ago, asked for more than ");
    duration_append(model->age_ms * 1000, why);
    return facts->since_us > model->age_ms * 1000;
}

bool fnd_trigger_due(const struct fnd_model *model, const struct fnd_trigger_facts *facts,
                     struct fnd_text *why)
{
    if (!model->triggered) {
        fnd_text_append_z(why, "it is trained by hand only: it has no `when`");
        return false;
    }
    bool due = false;
    if (model->corrections > 0) {
        fnd_text_printf(why, "%" PRIu64 " new corrections, asked for %" PRIu64, facts->corrections,
                        model->corrections);
        const bool old = old_enough(model, facts, why);
        due = old && facts->corrections >= model->corrections;
    }
    if (!due && model->audited_error >= 0) {
        fnd_text_printf(why, "%saudit: %" PRIu64 " of %" PRIu64 " wrong, asked for above %.3g %%",
                        model->corrections > 0 ? "; " : "", facts->wrong, facts->audited,
                        100 * model->audited_error);
        due = facts->audited >= FND_TRIGGER_AUDITED_MIN &&
              (double)facts->wrong > model->audited_error * (double)facts->audited;
    }
    const bool unwell = facts->failed || facts->cancelled;
    const int64_t cooldown_ms = unwell && model->cooldown_ms < FND_TRIGGER_FAILED_MS
                                    ? FND_TRIGGER_FAILED_MS
                                    : model->cooldown_ms;
    if (due && facts->tried && facts->rested_us < cooldown_ms * 1000) {
        fnd_text_printf(why, "; but it rests: the last training %s ",
                        facts->failed      ? "failed"
                        : facts->cancelled ? "was cancelled"
                                           : "ended");
        duration_append(facts->rested_us, why);
        fnd_text_append_z(why, " ago, the cooldown is ");
        duration_append(cooldown_ms * 1000, why);
        due = false;
    }
    return due;
}

static enum fnd_status audit_count(struct fnd_reader *reader, const struct fnd_lesson *lesson,
                                   struct fnd_trigger_facts *facts, struct fnd_error *error)
{
    struct fnd_correction_row row;
    struct fnd_text asked = {0};
    bool audit = lesson->audited > 0;
    if (lesson->audited >= 0) {
        facts->audited += audit;
        facts->wrong += audit && lesson->verdict != FND_ACCEPTED;
        return FND_OK;
    }
    enum fnd_status status = fnd_correction_get(reader, lesson->record, &row, error);
    if (status == FND_OK) {
        status = fnd_payload_get(reader, row.request, &asked, NULL, error);
    }
    if (status == FND_OK &&
        fnd_json_boolean(fnd_json_member((struct fnd_json){asked.bytes, asked.size}, "audit"),
                         &audit) &&
        audit) {
        facts->audited++;
        facts->wrong += lesson->verdict != FND_ACCEPTED;
    }
    fnd_text_finish(&asked);
    return status;
}

/* The last training that gave a model, and the last of all. */
struct last {
    int64_t until, began_us, ended_us;
    bool trained, tried, failed;
    int64_t cancelled; /* the event; 0: it was not */
};

static bool last_add(const struct fnd_training_row *row, void *context)
{
    struct last *last = context;
    last->tried = true;
    last->ended_us = row->ended_us;
    last->failed = row->state == FND_TRAINING_FAILED;
    last->cancelled = row->state == FND_TRAINING_CANCELLED ? row->last : 0;
    if (row->state == FND_TRAINING_DONE || row->state == FND_TRAINING_RUNS) {
        last->trained = true;
        last->until = row->until;
        last->began_us = row->began_us;
    }
    return true;
}

/* Whether somebody cancelled it. One that was stopped with its engine has nobody's name. */
static enum fnd_status cancelled_read(struct fnd_reader *reader, int64_t event, bool *by_somebody,
                                      struct fnd_error *error)
{
    struct fnd_text body = {0};
    const enum fnd_status status = fnd_payload_get(reader, event, &body, NULL, error);
    *by_somebody = status == FND_OK &&
                   fnd_json_member((struct fnd_json){body.bytes, body.size}, "by").bytes != NULL;
    fnd_text_finish(&body);
    return status;
}

enum fnd_status fnd_trigger_read(struct fnd_reader *reader, const struct fnd_pipeline *pipeline,
                                 const struct fnd_model *model, const struct fnd_lessons *lessons,
                                 int64_t now_us, struct fnd_trigger_facts *facts,
                                 struct fnd_error *error)
{
    struct last last = {0};
    *facts = (struct fnd_trigger_facts){0};
    enum fnd_status status =
        fnd_trainings_walk(reader, pipeline->name, model->name, last_add, &last, error);
    facts->trained = last.trained;
    facts->tried = last.tried;
    facts->failed = last.failed;
    facts->since_us = last.trained ? now_us - last.began_us : 0;
    facts->rested_us = last.ended_us > 0 ? now_us - last.ended_us : 0;
    if (status == FND_OK && last.cancelled > 0) {
        status = cancelled_read(reader, last.cancelled, &facts->cancelled, error);
    }
    for (size_t i = 0; i < lessons->count && status == FND_OK; i++) {
        const struct fnd_lesson *lesson = &lessons->list[i];
        if (lesson->tier != FND_TIER_GOLD || lesson->record <= last.until) {
            continue;
        }
        facts->corrections++;
        if (model->audited_error >= 0) {
            status = audit_count(reader, lesson, facts, error);
        }
    }
    return status;
}

enum fnd_status fnd_learn_explain(struct fnd_engine *engine, const struct fnd_pipeline *pipeline,
                                  const struct fnd_model *model, struct fnd_text *text,
                                  struct fnd_error *error)
{
    const struct fnd_env *env = fnd_engine_options_of(engine)->env;
    struct fnd_reader *reader = fnd_engine_reader(engine);
    struct fnd_lessons lessons = {0};
    struct fnd_trigger_facts facts;
    struct fnd_model_row now = {0};
    struct fnd_text why = {0};
    enum fnd_status status =
        fnd_lessons_read(reader, pipeline->name, pipeline->phases[model->of].id, &lessons, error);
    if (status == FND_OK) {
        status =
            fnd_trigger_read(reader, pipeline, model, &lessons, env->wall_us(env), &facts, error);
    }
    if (status == FND_OK) {
        status = fnd_model_production(reader, pipeline->name, model->name, &now, error);
        status = status == FND_NOT_FOUND ? FND_OK : status;
    }
    if (status == FND_OK) {
        const bool due = fnd_trigger_due(model, &facts, &why);
        fnd_text_printf(text, "model %s of phase %s, learned from the corrections of %s\n",
                        model->name, pipeline->phases[model->phase].id,
                        pipeline->phases[model->of].id);
        fnd_text_printf(text, "trainer: %s, in pool %s\n", model->trainer.uses, model->pool);
        fnd_text_printf(text,
                        "examples: %zu answered by people, %zu settled by rules; kept apart to try "
                        "models on: %zu\n",
                        fnd_lessons_count(&lessons, FND_TIER_GOLD, FND_SPLIT_TRAIN, 0),
                        fnd_lessons_count(&lessons, FND_TIER_SILVER, FND_SPLIT_TRAIN, 0),
                        fnd_lessons_count(&lessons, FND_TIER_GOLD, FND_SPLIT_VALIDATION, 0));
        fnd_text_printf(text, "in production: %s%.0" PRId64 "\n",
                        now.id != 0 ? "version " : "the rules (version 0)", now.version);
        fnd_text_printf(text, "%s: %s\n", due ? "due" : "not due", fnd_text_z(&why));
    }
    fnd_text_finish(&why);
    fnd_model_row_finish(&now);
    fnd_lessons_finish(&lessons);
    return status;
}
