/* SPDX-License-Identifier: MIT */
/* People at their desks: they answer, twice, too late, wrongly, at the same moment; they cancel and
 * they try again. What they were told is kept in the ledger. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "learn/learn.h"
#include "sim.h"

enum { UNDER_WAY_MAX = 64, REOPENED_MAX = 2 };

/** An answer on its way. */
struct answering {
    struct sim_people *people;
    size_t act; /* its number */
    char by[SIM_TEXT], values[2 * SIM_TEXT];
    struct fnd_answer answer;
    struct fnd_answered answered;
    size_t objections; /* of the pool, as it began */
    struct answering *next;
};

struct sim_people {
    struct sim_world *world;
    struct fnd_engine *engine;
    struct sim_chance chance;
    struct answering *under_way;
    size_t count;
};

struct sim_people *sim_people_create(struct sim_world *world, struct fnd_engine *engine,
                                     uint64_t seed)
{
    struct sim_people *people = fnd_alloc(sizeof *people);
    people->world = world;
    people->engine = engine;
    people->chance.state = seed;
    return people;
}

size_t sim_people_waiting(const struct sim_people *people)
{
    return people->count;
}

void sim_people_destroy(struct sim_people *people)
{
    while (people->under_way != NULL) { /* the engine has ended them all */
        struct answering *next = people->under_way->next;
        fnd_answered_finish(&people->under_way->answered);
        free(people->under_way);
        people->under_way = next;
    }
    free(people);
}

/** Whether the job holds the choice of its batch, and the others have not all left. */
static bool leads(const struct sim_job *job)
{
    return job->stand.state == FND_PAUSED && job->stand.due_us == FND_DUE_CHOICE;
}

static struct sim_act *act_add(struct sim_world *world, enum sim_act_kind kind, size_t job)
{
    if (world->acts_count == SIM_ACTS_MAX) {
        return NULL;
    }
    struct sim_act *act = &world->acts[world->acts_count++];
    *act = (struct sim_act){.kind = kind, .job = job};
    return act;
}

/* --- answers --------------------------------------------------------------------------------- */

/** Whether the store has given up, which ends everything under way. */
static bool engine_broke(const struct sim_people *people, enum fnd_status status)
{
    return people->world->faulty && (status == FND_IO || status == FND_FULL ||
                                     status == FND_DAMAGED || status == FND_DENIED);
}

static void answer_judge(struct answering *answering, enum fnd_status status, const char *message)
{
    struct sim_people *people = answering->people;
    struct sim_world *world = people->world;
    struct sim_act *act = &world->acts[answering->act];
    const struct sim_job *job = &world->jobs[act->job];
    sim_check_now();
    switch (status) {
    case FND_OK:
        act->end = SIM_TAKEN;
        act->event = answering->answered.event;
        world->counts.answers++;
        if (act->recorded != act->event) {
            sim_violation(world,
                          "the answer p%zu was acknowledged as event %" PRId64
                          " and is on record as %" PRId64,
                          answering->act, act->event, act->recorded);
        }
        return;
    case FND_CONFLICT:
        act->end = SIM_REFUSED;
        world->counts.conflicts++;
        if (job->request == act->request) {
            sim_violation(world, "an answer to open request %" PRId64 " is in conflict: %s",
                          act->request, message);
        }
        return;
    case FND_INVALID:
        act->end = SIM_REFUSED;
        world->counts.refused++;
        if (!act->wrong) {
            sim_violation(world, "a right answer to request %" PRId64 " was refused: %s",
                          act->request, message);
        }
        return;
    default:
        break;
    }
    const bool objected = status == FND_PLUGIN && sim_pool_objections() != answering->objections;
    if (status != FND_INTERRUPTED && !objected && !engine_broke(people, status)) {
        sim_violation(world, "the answer to request %" PRId64 " ended in %s: %s", act->request,
                      fnd_status_name(status), message);
    }
}

static void answer_done(void *context, enum fnd_status status, const struct fnd_error *error)
{
    struct answering *answering = context;
    struct sim_people *people = answering->people;
    answer_judge(answering, status, error != NULL ? error->message : "");
    struct answering **at = &people->under_way;
    while (*at != answering) {
        at = &(*at)->next;
    }
    *at = answering->next;
    people->count--;
    fnd_answered_finish(&answering->answered);
    free(answering);
}

/** Whether some detector of the job's gate doubts what the plugins read. */
static bool gate_doubts(const struct sim_world *world, size_t index)
{
    const struct sim_job *job = &world->jobs[index];
    const struct sim_phase *gate = &world->phases[job->stand.phase];
    bool doubts = false;
    if (gate->kind == SIM_GATE && strncmp(job->amount[gate->of], "raw", 3) != 0) {
        return false;
    }
    for (size_t d = 0; gate->kind == SIM_GATE && d < gate->detectors; d++) {
        doubts = doubts || sim_plan_doubts(world, index, d);
    }
    return doubts;
}

static void gate_answer(struct answering *answering, struct sim_act *act)
{
    static const char sure[] = "{\"\":\"I am sure\"}";
    struct sim_people *people = answering->people;
    const size_t drawn = sim_below(&people->chance, 10);
    const struct sim_job *job = &people->world->jobs[act->job];
    const struct sim_phase *gate = &people->world->phases[job->stand.phase];
    act->gate = true;
    if (drawn == 0) {
        act->reject = true;
        answering->answer.act = FND_ANSWER_REJECT;
    } else if (drawn == 1) {
        answering->answer.act = FND_ANSWER_ACCEPT;
        answering->answer.overrides = (struct fnd_json){sure, strlen(sure)};
    } else if (drawn == 2) {
        answering->answer.act = FND_ANSWER_ACCEPT;
        act->wrong = gate_doubts(people->world, act->job);
    } else {
        act->wrong = drawn == 3 && gate->detectors > 0;
        if (job->stand.phase == people->world->judge && !act->wrong &&
            !sim_once_in(&people->chance, 3)) { /* what models learn */
            snprintf(act->amount, sizeof act->amount, "true-%zu", act->job);
        } else {
            snprintf(act->amount, sizeof act->amount, "%s-%zu", act->wrong ? "bad" : "ok",
                     answering->act);
        }
        snprintf(answering->values, sizeof answering->values, "{\"/amount\":\"%s\"}", act->amount);
    }
}

static void question_answer(struct answering *answering, struct sim_act *act,
                            const struct sim_job *job)
{
    struct sim_people *people = answering->people;
    const size_t drawn = sim_below(&people->chance, 10);
    if (drawn == 0) {
        act->reject = true;
        answering->answer.act = FND_ANSWER_REJECT;
    } else if (drawn == 1) {
        act->wrong = true;
        snprintf(answering->values, sizeof answering->values, "{\"%s\":7}",
                 job->asks == SIM_ASKS_ENGINE ? "repeat" : "how");
    } else if (job->asks == SIM_ASKS_ENGINE) {
        act->reject = drawn == 2;
        snprintf(answering->values, sizeof answering->values, "{\"repeat\":\"%s\"}",
                 act->reject ? "fail" : "run");
    } else {
        snprintf(act->amount, sizeof act->amount, "so-%zu", answering->act);
        snprintf(answering->values, sizeof answering->values, "{\"how\":\"%s\"}", act->amount);
    }
}

static void answer_begin(struct sim_people *people, size_t index, int64_t request)
{
    struct sim_world *world = people->world;
    const struct sim_job *job = &world->jobs[index];
    struct sim_act *act = people->count < UNDER_WAY_MAX ? act_add(world, SIM_ANSWER, index) : NULL;
    if (act == NULL) {
        return;
    }
    struct answering *answering = fnd_alloc(sizeof *answering);
    answering->people = people;
    answering->act = world->acts_count - 1;
    answering->objections = sim_pool_objections();
    act->request = request;
    snprintf(answering->by, sizeof answering->by, "p%zu", answering->act);
    answering->answer = (struct fnd_answer){.request = request,
                                            .act = FND_ANSWER_SET,
                                            .by = answering->by,
                                            .seconds_ms = -1,
                                            .run = !sim_once_in(&people->chance, 8)};
    if (job->asks == SIM_ASKS_GATE) {
        gate_answer(answering, act);
    } else {
        question_answer(answering, act, job);
    }
    if (answering->answer.act == FND_ANSWER_SET) {
        answering->answer.values = (struct fnd_json){answering->values, strlen(answering->values)};
    }
    answering->next = people->under_way;
    people->under_way = answering;
    people->count++;
    fnd_review_answer_begin(people->engine, &answering->answer, &answering->answered, answer_done,
                            answering);
}

static bool is_answered(const struct sim_people *people, int64_t request)
{
    for (const struct answering *at = people->under_way; at != NULL; at = at->next) {
        if (at->answer.request == request) {
            return true;
        }
    }
    return false;
}

/* --- cancel and retry ------------------------------------------------------------------------- */

static void act_judge(struct sim_people *people, size_t number, enum fnd_status status, bool could,
                      const char *message)
{
    struct sim_world *world = people->world;
    struct sim_act *act = &world->acts[number];
    sim_check_now();
    if (status == FND_OK) {
        act->end = SIM_TAKEN;
        if (act->recorded == 0) {
            sim_violation(world, "what p%zu did was acknowledged and is not on record", number);
        }
    } else if (status == FND_BUSY && could && leads(&world->jobs[act->job])) {
        act->end = SIM_REFUSED; /* the others of its batch need it a moment longer */
    } else if (status == FND_CONFLICT) {
        act->end = SIM_REFUSED;
        if (could) {
            sim_violation(world, "p%zu was refused for no reason: %s", number, message);
        }
    } else if (status != FND_INTERRUPTED && !engine_broke(people, status)) {
        sim_violation(world, "what p%zu did ended in %s: %s", number, fnd_status_name(status),
                      message);
    }
}

static void cancel(struct sim_people *people, size_t index)
{
    struct sim_world *world = people->world;
    const struct sim_job *job = &world->jobs[index];
    struct fnd_error error = {0};
    char by[SIM_TEXT];
    const size_t number = world->acts_count;
    if (job->number == 0 || act_add(world, SIM_CANCEL, index) == NULL) {
        return;
    }
    snprintf(by, sizeof by, "p%zu", number);
    const enum fnd_status status =
        fnd_engine_cancel(people->engine, job->number, by, "simulated", &error);
    world->counts.cancels += status == FND_OK;
    sim_check_now();
    act_judge(people, number, status, (int)job->stand.state <= FND_STATES_LIVE_MAX, error.message);
}

static void retry(struct sim_people *people, size_t index)
{
    struct sim_world *world = people->world;
    const struct sim_job *job = &world->jobs[index];
    struct fnd_error error = {0};
    char by[SIM_TEXT];
    const size_t number = world->acts_count;
    const bool from_start = sim_once_in(&people->chance, 3);
    if (job->number == 0 || job->reopened >= REOPENED_MAX ||
        act_add(world, SIM_RETRY, index) == NULL) {
        return;
    }
    const bool ended = job->stand.state == FND_FAILED || job->stand.state == FND_CANCELLED ||
                       (job->stand.state == FND_COMPLETED && from_start);
    snprintf(by, sizeof by, "p%zu", number);
    const enum fnd_status status =
        fnd_engine_retry(people->engine, job->number, from_start ? "p0" : NULL,
                         !sim_once_in(&people->chance, 5), by, &error);
    world->counts.retries += status == FND_OK;
    act_judge(people, number, status, ended, error.message);
}

/** A person puts a version into production, or back. */
static void decide(struct sim_people *people)
{
    struct sim_world *world = people->world;
    struct fnd_error error = {0};
    char by[SIM_TEXT];
    const size_t number = world->acts_count;
    struct sim_act *act = act_add(world, SIM_DECIDE, 0);
    if (act == NULL) {
        return;
    }
    snprintf(by, sizeof by, "p%zu", number);
    const enum fnd_status status =
        sim_once_in(&people->chance, 3)
            ? fnd_registry_rollback(people->engine, "sim", "m", by, NULL, NULL, NULL, &act->event,
                                    &error)
            : fnd_registry_promote(people->engine, "sim", "m",
                                   (int64_t)sim_below(&people->chance, 4), by, NULL, NULL,
                                   &act->event, &error);
    sim_check_now();
    act->end = status == FND_OK                                    ? SIM_TAKEN
               : status == FND_CONFLICT || status == FND_NOT_FOUND ? SIM_REFUSED
                                                                   : SIM_UNKNOWN;
    if (status == FND_OK && act->recorded != act->event) {
        sim_violation(world, "the decision of p%zu was acknowledged and is not on record", number);
    } else if (act->end == SIM_UNKNOWN && status != FND_INTERRUPTED &&
               !engine_broke(people, status)) {
        sim_violation(world, "the decision of p%zu ended in %s: %s", number,
                      fnd_status_name(status), error.message);
    }
}

/* --- a moment --------------------------------------------------------------------------------- */

static void requests_answer(struct sim_people *people)
{
    struct sim_world *world = people->world;
    for (size_t i = 0; i < world->jobs_count && !world->broken; i++) {
        const int64_t request = world->jobs[i].request;
        if (request == 0 || is_answered(people, request) ||
            (!world->quiet && !sim_once_in(&people->chance, 3))) {
            continue;
        }
        answer_begin(people, i, request);
        if (!world->quiet && sim_once_in(&people->chance, 6)) { /* two at the same moment */
            answer_begin(people, i, request);
        }
        if (!world->quiet && sim_once_in(&people->chance, 25)) {
            cancel(people, i);
        }
    }
}

/** To a request that was closed long ago; best where the job holds the choice of its batch by now.
 */
static void answer_late(struct sim_people *people)
{
    struct sim_world *world = people->world;
    const size_t drawn = world->acts_count > 0 ? sim_below(&people->chance, world->acts_count) : 0;
    const struct sim_act *late = NULL;
    for (size_t i = 0; i < world->acts_count; i++) {
        const struct sim_act *act = &world->acts[i];
        const struct sim_job *job = &world->jobs[act->job];
        if (act->kind == SIM_ANSWER && job->request != act->request && (i == drawn || leads(job))) {
            late = act;
        }
    }
    if (late != NULL) {
        answer_begin(people, late->job, late->request);
    }
}

void sim_people_act(struct sim_people *people)
{
    struct sim_world *world = people->world;
    requests_answer(people);
    if (world->quiet || world->broken) {
        return;
    }
    if (sim_once_in(&people->chance, 12)) {
        answer_late(people);
    }
    if (sim_once_in(&people->chance, 20)) {
        cancel(people, sim_below(&people->chance, world->jobs_count));
    }
    if (world->learned >= 0 && sim_once_in(&people->chance, 60)) {
        decide(people);
    }
    if (sim_once_in(&people->chance, 8)) {
        retry(people, sim_below(&people->chance, world->jobs_count));
    }
}
