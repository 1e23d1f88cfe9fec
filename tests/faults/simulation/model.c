/* SPDX-License-Identifier: MIT */
/* The rules of the state machine, written a second time and from the outside: what may follow what,
 * and what it must say, given what the plugins did and what people were told. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

/** One event while it is judged. */
struct fact {
    struct sim_world *world;
    const struct fnd_event_row *row;
    struct fnd_json body;
    struct sim_job *job;
    size_t index; /* of the job */
};

static void wrong(const struct fact *fact, const char *what)
{
    const struct fnd_stand *stand = &fact->job->stand;
    sim_violation(fact->world,
                  "job %zu: event %" PRId64 " (%s, p%" PRId32 ", attempt %" PRId32
                  ", then %s at p%" PRId32 ", attempt %" PRId32 ", %" PRId32
                  " failures) %s; it was %s at p%" PRId32 ", attempt %" PRId32 ", %" PRId32
                  " failures, and the visit of attempt %" PRId32 " came to %x, fault %u",
                  fact->index, fact->row->id, fnd_event_name(fact->row->kind), fact->row->phase,
                  fact->row->attempt, fnd_state_name(fact->row->after.state),
                  fact->row->after.phase, fact->row->after.attempt, fact->row->after.failures, what,
                  fnd_state_name(stand->state), stand->phase, stand->attempt, stand->failures,
                  fact->job->visit.attempt, fact->job->visit.came_to, fact->job->visit.fault);
}

static void expect(const struct fact *fact, bool holds, const char *what)
{
    if (!holds) {
        wrong(fact, what);
    }
}

/** The stand behind it, but for the time it is due. */
static void expect_stand(const struct fact *fact, enum fnd_state state, int32_t phase,
                         int32_t attempt, int32_t failures)
{
    const struct fnd_stand *after = &fact->row->after;
    expect(fact,
           after->state == state && after->phase == phase && after->attempt == attempt &&
               after->failures == failures,
           "leaves the job where it should not be");
}

static void expect_batch(const struct fact *fact, const char *wrong_with_it)
{
    expect(fact, wrong_with_it == NULL, wrong_with_it);
}

static bool text_is(struct fnd_json object, const char *name, const char *wanted)
{
    return fnd_json_text_is(fnd_json_member(object, name), wanted);
}

int64_t sim_act_number(struct fnd_json by)
{
    char *text = fnd_json_strdup(by);
    int64_t number = text != NULL && text[0] == 'p' ? strtoll(text + 1, NULL, 10) : -1;
    free(text);
    return number;
}

/** The act that an event says it is by; it must be one, and be there once. */
static struct sim_act *act_of(const struct fact *fact, enum sim_act_kind kind)
{
    const int64_t number = sim_act_number(fnd_json_member(fact->body, "by"));
    struct sim_act *act =
        number >= 0 && (size_t)number < fact->world->acts_count ? &fact->world->acts[number] : NULL;
    if (act == NULL || act->kind != kind || act->job != fact->index) {
        wrong(fact, "is by nobody");
        return NULL;
    }
    expect(fact, act->recorded == 0, "records for a second time what somebody did once");
    expect(fact, act->end != SIM_REFUSED, "records what was refused");
    act->recorded = fact->row->id;
    return act;
}

/* --- phases' ends ---------------------------------------------------------------------------- */

/** Where a step goes behind a phase: the next, at once or queued, or its end. */
static void expect_next(const struct fact *fact, int32_t phase)
{
    const struct fnd_stand *after = &fact->row->after;
    if ((size_t)phase >= fact->world->phases_count) {
        expect_stand(fact, FND_COMPLETED, phase, 0, 0);
    } else if (after->state == FND_RUNNING) {
        expect(fact, fact->world->phases[phase].kind != SIM_ONCE,
               "calls a phase begun that must not be repeated, without a commit of its own");
        expect_stand(fact, FND_RUNNING, phase, 1, 0);
    } else {
        expect_stand(fact, FND_QUEUED, phase, 0, 0);
    }
}

/** The visit is the one that the stand names, and came to something of `wanted` and to nothing of
 *  `unwanted`. */
static bool visit_came_to(const struct fact *fact, unsigned wanted, unsigned unwanted)
{
    const struct sim_visit *visit = &fact->job->visit;
    const struct fnd_stand *stand = &fact->job->stand;
    return visit->phase == stand->phase && visit->attempt == stand->attempt &&
           visit->epoch == fact->job->epoch && (visit->came_to & wanted) != 0 &&
           (visit->came_to & unwanted) == 0;
}

static void expect_running(const struct fact *fact)
{
    expect(fact, fact->job->stand.state == FND_RUNNING, "ends a visit of a job that does not run");
    expect(fact,
           fact->row->phase == fact->job->stand.phase &&
               fact->row->attempt == fact->job->stand.attempt,
           "is about another attempt than the one that runs");
}

static void output_event(const struct fact *fact)
{
    struct sim_job *job = fact->job;
    const int32_t phase = job->stand.phase;
    const struct sim_phase *plan = &fact->world->phases[phase];
    if (!job->follows) { /* behind an answer, the answer has judged it */
        expect_running(fact);
        expect_batch(fact, sim_batch_passes(fact->world, job));
        expect(fact,
               plan->choose > 0 ||
                   visit_came_to(fact, SIM_DONE, SIM_DOUBT | SIM_PAUSE | SIM_FAILED | SIM_LOST),
               "records an output that no plugin gave, or that was doubted");
        const char *value = plan->kind == SIM_GATE ? job->value[plan->of] : job->visit.value;
        const char *amount = plan->kind == SIM_GATE ? job->amount[plan->of] : job->visit.amount;
        memcpy(job->value[phase], value, SIM_TEXT);
        memcpy(job->amount[phase], amount, SIM_TEXT);
    }
    expect(fact,
           text_is(fact->body, "value", job->value[phase]) &&
               text_is(fact->body, "amount", job->amount[phase]),
           "records another output than the plugin or the person gave");
    expect_next(fact, phase + 1);
    sim_batch_leave(job);
    job->follows = false;
    if (phase == fact->world->learned) {
        sim_learner_output(fact->world, job, fact->row->id, job->visit.version);
    }
    job->answered[0] = '\0';
}

/** It failed. At a gate what one detector did counts before another that was lost on the way. */
static bool visit_failed(const struct fact *fact)
{
    const bool gate = fact->world->phases[fact->job->stand.phase].kind == SIM_GATE;
    return visit_came_to(fact, SIM_FAILED, gate ? 0 : SIM_LOST);
}

static bool retries(const struct fact *fact)
{
    const struct sim_phase *plan = &fact->world->phases[fact->job->stand.phase];
    return (plan->when & fact->job->visit.fault) != 0 && fact->job->stand.failures < plan->max;
}

static void retry_event(const struct fact *fact)
{
    const struct fnd_stand *stand = &fact->job->stand;
    expect_running(fact);
    expect(fact, visit_failed(fact) && retries(fact),
           "repeats what has not failed, or may not be repeated");
    expect_stand(fact, FND_RETRYING, stand->phase, stand->attempt, stand->failures + 1);
}

static void fail_event(const struct fact *fact)
{
    const struct fnd_stand *stand = &fact->job->stand;
    if (fact->job->follows) { /* rejected, or not to be run again */
        expect_stand(fact, FND_FAILED, stand->phase, stand->attempt, stand->failures);
        fact->job->follows = false;
        return;
    }
    expect_running(fact);
    expect(fact, visit_failed(fact) && !retries(fact),
           "ends what has not failed, or is to be repeated");
    expect_stand(fact, FND_FAILED, stand->phase, stand->attempt, stand->failures + 1);
}

/** Drawn for the audit, or a question that is about no place. */
static bool asks_whole(struct fnd_json body)
{
    bool whole = false;
    fnd_json_boolean(fnd_json_member(body, "audit"), &whole);
    const struct fnd_json questions = fnd_json_member(body, "questions");
    for (struct fnd_json_walk walk = fnd_json_walk(questions);
         questions.bytes != NULL && fnd_json_next(&walk);) {
        const struct fnd_json pointer = fnd_json_member(walk.value, "pointer");
        whole = whole || fnd_json_type(pointer) != FND_JSON_STRING || pointer.size == 2;
    }
    return whole;
}

static void ask_event(const struct fact *fact)
{
    struct sim_job *job = fact->job;
    const struct fnd_stand *stand = &job->stand;
    const struct sim_phase *plan = &fact->world->phases[stand->phase];
    if (text_is(fact->body, "origin", "gate")) {
        job->asks = SIM_ASKS_GATE;
        expect_running(fact);
        expect_batch(fact, sim_batch_asks(fact->world, job));
        expect(fact,
               visit_came_to(fact, SIM_DOUBT, SIM_FAILED | SIM_LOST) ||
                   ((plan->audit || job->chosen) &&
                    visit_came_to(fact, SIM_DONE, SIM_FAILED | SIM_LOST)) ||
                   (plan->choose > 0 && (!job->chosen || plan->detectors == 0)),
               "asks what nobody doubted");
    } else if (text_is(fact->body, "origin", "phase")) {
        job->asks = SIM_ASKS_PHASE;
        expect_running(fact);
        expect(fact, visit_came_to(fact, SIM_PAUSE, SIM_FAILED | SIM_LOST),
               "asks what no plugin asked");
    } else {
        job->asks = SIM_ASKS_ENGINE;
        const bool died = job->event <= fact->world->boundary;
        const bool broke =
            visit_came_to(fact, SIM_FAILED, 0) &&
            (job->visit.fault == FND_RETRY_CRASH || job->visit.fault == FND_RETRY_TIMEOUT);
        const bool begun = stand->state == FND_RUNNING || stand->due_us == -2;
        expect(fact,
               plan->kind == SIM_ONCE && begun &&
                   (died || broke || fact->world->drained || stand->due_us == -2),
               "asks about a repetition that nothing calls for");
    }
    job->request = fact->row->id;
    job->whole = asks_whole(fact->body);
    expect_stand(fact, FND_PAUSED, stand->phase, stand->attempt, stand->failures);
}

/* --- people ---------------------------------------------------------------------------------- */

static void answer_gate(const struct fact *fact, const struct sim_act *act)
{
    struct sim_job *job = fact->job;
    const struct fnd_stand *stand = &job->stand;
    const struct sim_phase *plan = &fact->world->phases[stand->phase];
    expect_stand(fact, FND_PAUSED, stand->phase, stand->attempt, stand->failures);
    job->follows = true;
    if (plan->kind == SIM_GATE) {
        memcpy(job->value[stand->phase], job->value[plan->of], SIM_TEXT);
        memcpy(job->amount[stand->phase],
               act->amount[0] != '\0' ? act->amount : job->amount[plan->of], SIM_TEXT);
    }
    fact->world->corrections++;
    if (stand->phase == fact->world->judge) {
        sim_learner_lesson(fact->world, job, fact->row->id, act->reject);
    }
}

static void answer_event(const struct fact *fact)
{
    struct sim_job *job = fact->job;
    const struct fnd_stand *stand = &job->stand;
    expect(fact, stand->state == FND_PAUSED && job->request != 0 && fact->row->ref == job->request,
           "answers a request that is not open");
    struct sim_act *act = act_of(fact, SIM_ANSWER);
    job->request = 0;
    if (act == NULL) {
        return;
    }
    expect(fact, act->request == fact->row->ref, "answers another request than the person did");
    expect(fact, !act->wrong, "takes an answer that is wrong");
    if (job->asks == SIM_ASKS_GATE) {
        answer_gate(fact, act);
        return;
    }
    fact->world->corrections += job->asks == SIM_ASKS_PHASE;
    if (act->reject) {
        expect_stand(fact, FND_PAUSED, stand->phase, stand->attempt, stand->failures);
        job->follows = true;
        return;
    }
    if (job->asks == SIM_ASKS_PHASE) {
        memcpy(job->answered, act->amount, SIM_TEXT);
        struct fnd_json given = fnd_json_find(fact->body, "/answers/how");
        expect(fact, fnd_json_text_is(given, act->amount), "records another answer");
    }
    const bool runs = fact->row->after.state == FND_RUNNING;
    expect(fact, !runs || job->asks != SIM_ASKS_ENGINE,
           "calls a phase begun that must not be repeated, without a commit of its own");
    expect_stand(fact, runs ? FND_RUNNING : FND_QUEUED, stand->phase, stand->attempt + runs,
                 stand->failures);
}

static void cancel_event(const struct fact *fact)
{
    const struct fnd_stand *stand = &fact->job->stand;
    expect(fact, (int)stand->state <= FND_STATES_LIVE_MAX, "cancels a job that has ended");
    act_of(fact, SIM_CANCEL);
    expect(fact, stand->due_us != FND_DUE_CHOICE, "takes away whom the others of its batch need");
    sim_batch_leave(fact->job);
    fact->job->request = 0;
    expect_stand(fact, FND_CANCELLED, stand->phase, stand->attempt, stand->failures);
}

static void reopen_event(const struct fact *fact)
{
    struct sim_job *job = fact->job;
    expect(fact, (int)job->stand.state > FND_STATES_LIVE_MAX,
           "runs a job again that has not ended");
    act_of(fact, SIM_RETRY);
    expect(fact, fact->row->after.phase <= job->stand.phase, "goes on behind where it had come to");
    expect_next(fact, fact->row->after.phase);
    job->epoch++;
    job->reopened++;
    sim_batch_leave(job);
    job->answered[0] = '\0';
}

/* --- the engine's own --------------------------------------------------------------------------
 */

static void job_event(const struct fact *fact)
{
    struct sim_job *job = fact->job;
    expect(fact, job->number == 0, "is a second job of one input");
    int64_t pin = 0;
    fnd_json_integer(fnd_json_member(fact->body, "pin"), &pin);
    job->variant = pin != 0 && pin == fact->world->pins[1] ? 1 : 0;
    expect(fact, pin != 0 && pin == fact->world->pins[job->variant], "runs under an unknown pin");
    job->number = fact->row->id;
    char *uuid = fnd_json_strdup(fnd_json_member(fact->body, "uuid"));
    expect(fact, uuid != NULL && fnd_uuid_parse(uuid, job->uuid) == 0, "has no identity");
    free(uuid);
    expect_next(fact, 0);
}

static void start_event(const struct fact *fact)
{
    struct sim_job *job = fact->job;
    const struct fnd_stand *stand = &job->stand;
    expect_batch(fact, sim_batch_start(fact->world, job, fact->row->ref));
    expect(fact, job->request == 0, "begins a phase that waits for a person");
    expect(fact, (int)stand->state <= FND_STATES_LIVE_MAX,
           "begins a phase of a job that has ended");
    if (stand->state == FND_RUNNING || stand->due_us == -2) {
        expect(fact, job->event <= fact->world->boundary,
               "begins a phase again that was running, and nothing had stopped it");
        expect(fact, fact->world->phases[stand->phase].kind != SIM_ONCE,
               "repeats unseen what must not be repeated");
    }
    expect(fact, fact->row->attempt == stand->attempt + 1, "does not count the attempt");
    expect_stand(fact, FND_RUNNING, stand->phase, stand->attempt + 1, stand->failures);
}

static void drain_event(const struct fact *fact)
{
    const struct fnd_stand *stand = &fact->job->stand;
    expect_running(fact);
    expect(fact, fact->world->drained, "gives an attempt back that nobody asked for");
    expect_stand(fact, FND_QUEUED, stand->phase, stand->attempt - 1, stand->failures);
    fact->job->epoch++;
}

static void hold_event(const struct fact *fact)
{
    const struct fnd_stand *stand = &fact->job->stand;
    const int64_t due_us = fact->row->after.due_us;
    if (due_us == FND_DUE_CHOICE) {
        expect_batch(fact, sim_batch_choice(fact->world, fact->job, fact->row, fact->body));
    } else if (due_us == FND_DUE_BATCH) {
        expect_running(fact);
        expect_batch(fact, sim_batch_wait(fact->world, fact->job));
    } else {
        expect_running(fact);
        expect(fact, visit_came_to(fact, SIM_HELD, 0), "holds a job for no reason");
    }
    expect_stand(fact, FND_PAUSED, stand->phase, stand->attempt, stand->failures);
}

static void upgrade_event(const struct fact *fact)
{
    struct sim_job *job = fact->job;
    const struct fnd_stand *stand = &job->stand;
    expect(fact, (int)stand->state <= FND_STATES_LIVE_MAX, "upgrades a job that has ended");
    expect(fact, fact->row->ref == fact->world->pins[0] || fact->row->ref == fact->world->pins[1],
           "upgrades to an unknown pin");
    expect_stand(fact, FND_QUEUED, stand->phase, 0, 0);
    job->variant = fact->row->ref == fact->world->pins[1] ? 1 : 0;
    expect(fact, stand->due_us != FND_DUE_CHOICE, "takes away whom the others of its batch need");
    sim_batch_leave(job);
    job->request = 0;
    job->epoch++;
    job->answered[0] = '\0';
    fact->world->counts.upgrades++;
}

static void pin_event(struct sim_world *world, const struct fnd_event_row *row,
                      struct fnd_json body)
{
    int64_t mark = 0;
    struct fnd_json with = fnd_json_find(body, "/canonical/phases/0/with/mark");
    if (!fnd_json_integer(with, &mark) || mark < 1 || mark > SIM_VARIANTS ||
        world->pins[mark - 1] != 0) {
        sim_violation(world, "event %" PRId64 " pins a pipeline that is unknown, or pinned already",
                      row->id);
        return;
    }
    world->pins[mark - 1] = row->id;
}

struct sim_job *sim_model_job(struct sim_world *world, int64_t number)
{
    for (size_t i = 0; i < SIM_JOBS_MAX; i++) {
        if (world->jobs[i].number == number) {
            return &world->jobs[i];
        }
    }
    return NULL;
}

/** The job whose input ends in "j12". */
static struct sim_job *job_named(struct sim_world *world, struct fnd_json body)
{
    char *path = fnd_json_strdup(fnd_json_member(body, "path"));
    const char *letter = path != NULL ? strrchr(path, 'j') : NULL;
    const unsigned long index = letter != NULL ? strtoul(letter + 1, NULL, 10) : SIM_JOBS_MAX;
    free(path);
    return index < SIM_JOBS_MAX ? &world->jobs[index] : NULL;
}

void sim_model_event(struct sim_world *world, const struct fnd_event_row *row,
                     const struct fnd_text *body)
{
    static void (*const judges[FND_EVENT_LAST + 1])(const struct fact *) = {
        [FND_EVENT_JOB] = job_event,       [FND_EVENT_START] = start_event,
        [FND_EVENT_OUTPUT] = output_event, [FND_EVENT_RETRY] = retry_event,
        [FND_EVENT_FAIL] = fail_event,     [FND_EVENT_ASK] = ask_event,
        [FND_EVENT_ANSWER] = answer_event, [FND_EVENT_CANCEL] = cancel_event,
        [FND_EVENT_REOPEN] = reopen_event, [FND_EVENT_UPGRADE] = upgrade_event,
        [FND_EVENT_DRAIN] = drain_event,   [FND_EVENT_HOLD] = hold_event};
    struct fact fact = {.world = world, .row = row};
    if (body != NULL && body->size > 0) {
        fact.body = (struct fnd_json){body->bytes, body->size};
    }
    if (row->kind == FND_EVENT_PIN) {
        pin_event(world, row, fact.body);
        return;
    }
    if (sim_learner_event(world, row, fact.body) || row->kind == FND_EVENT_EXPORT) {
        return;
    }
    fact.job =
        row->kind == FND_EVENT_JOB ? job_named(world, fact.body) : sim_model_job(world, row->step);
    if (fact.job == NULL || judges[row->kind] == NULL) {
        sim_violation(world, "event %" PRId64 " (%s) is of no job of this world", row->id,
                      fnd_event_name(row->kind));
        return;
    }
    fact.index = (size_t)(fact.job - world->jobs);
    expect(&fact, row->prev == fact.job->event, "does not follow its job's last event");
    expect(&fact,
           !fact.job->follows || row->kind == FND_EVENT_OUTPUT || row->kind == FND_EVENT_FAIL,
           "comes between the two halves of an answer");
    judges[row->kind](&fact);
    fact.job->stand = row->after;
    fact.job->event = row->id;
}
