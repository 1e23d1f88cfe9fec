/* SPDX-License-Identifier: MIT */
/* Stands in for the engine's worker pool: calls take virtual time, end in any order, fail, die, are
 * lost and are cancelled as the world's plan has it. What a plugin would do goes through the
 * services of the SDK, as in a worker. */
#define _GNU_SOURCE /* eventfd */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <errno.h>
#include <sys/eventfd.h>

#include "learn/internal.h"
#include "sim.h"

struct flight {
    struct fnd_pool_call *call;
    int64_t due_us; /* monotonic */
};

struct fnd_pool {
    int fd;      /* never readable: time passes by the world's clock only */
    bool learns; /* it is the learner's */
    struct flight *flights;
    size_t count, capacity, busy;
    struct fnd_pool_call *done, **done_end;
};

/* There is one world a process, and the engine makes its pool by itself. */
static struct {
    struct sim_world *world;
    struct sim_chance chance;
    size_t objections;
} sim;

void sim_pool_for(struct sim_world *world, uint64_t seed)
{
    sim.world = world;
    sim.chance.state = seed;
    sim.objections = 0;
}

size_t sim_pool_objections(void)
{
    return sim.objections;
}

enum fnd_status fnd_pool_create(const struct fnd_pool_options *options, struct fnd_pool **pool,
                                struct fnd_error *error)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) {
        return fnd_error_errno(error, FND_IO, errno, "cannot make an event descriptor");
    }
    struct fnd_pool *made = fnd_alloc(sizeof *made);
    made->fd = fd;
    made->learns = options->nice == FND_LEARN_NICE;
    made->done_end = &made->done;
    *pool = made;
    return FND_OK;
}

void fnd_pool_destroy(struct fnd_pool *pool)
{
    if (pool != NULL) {
        close(pool->fd);
        free(pool->flights);
        free(pool);
    }
}

/* --- whom a call is for -------------------------------------------------------------------- */

/** A call as the world sees it. */
struct who {
    size_t job, phase;
    int32_t attempt, detector; /* detector: its number, -1 for a phase */
    bool operation;            /* it checks an answer */
};

static int64_t number_at(struct fnd_json document, const char *pointer)
{
    int64_t number = -1;
    fnd_json_integer(fnd_json_find(document, pointer), &number);
    return number;
}

/** The number behind the letter of "j12" or "p3", or -1. */
static int64_t number_behind(struct fnd_json document, const char *pointer)
{
    char *text = fnd_json_strdup(fnd_json_find(document, pointer));
    int64_t number = text != NULL && text[0] != '\0' ? strtoll(text + 1, NULL, 10) : -1;
    free(text);
    return number;
}

static bool who_is(const struct fnd_pool_call *call, struct who *who)
{
    const struct fnd_call_input *input = &call->input;
    const int64_t job = number_behind(input->config, "/job");
    const int64_t phase = number_behind(input->run, "/phase");
    if (job < 0 || job >= SIM_JOBS_MAX || phase < 0 || phase >= SIM_PHASES_MAX) {
        sim_violation(sim.world, "a call came for no job (%.*s)", (int)input->run.size,
                      input->run.bytes);
        return false;
    }
    who->job = (size_t)job;
    who->phase = (size_t)phase;
    who->attempt = (int32_t)number_at(input->run, "/attempt");
    who->detector = input->detector ? (int32_t)number_at(input->config, "/number") : -1;
    who->operation = sim.world->jobs[job].stand.state == FND_PAUSED;
    return true;
}

/* --- what is checked as a call begins -------------------------------------------------------- */

/** P1 and P2: a visit begins once for each attempt on record, and only where the record says that
 *  it runs; again only when nothing was learned of it. */
static void visit_check(const struct who *who)
{
    struct sim_job *job = &sim.world->jobs[who->job];
    struct sim_visit *visit = &job->visit;
    const unsigned bit = who->detector < 0 ? 1U : 1U << who->detector;
    if (job->stand.state != FND_RUNNING || job->stand.phase != (int32_t)who->phase ||
        job->stand.attempt != who->attempt) {
        sim_violation(sim.world,
                      "job %zu: phase p%zu, attempt %" PRId32 " was begun, and on record it is %s "
                      "at p%" PRId32 ", attempt %" PRId32,
                      who->job, who->phase, who->attempt, fnd_state_name(job->stand.state),
                      job->stand.phase, job->stand.attempt);
        return;
    }
    const struct sim_phase *plan = &sim.world->phases[who->phase];
    if (plan->choose > 0 && !(job->choice != 0 && job->chosen)) {
        sim_violation(sim.world, "job %zu: a detector of p%zu looks, and it was not chosen",
                      who->job, who->phase);
    }
    const bool same = visit->phase == (int32_t)who->phase && visit->attempt == who->attempt &&
                      visit->epoch == job->epoch;
    if (same && (visit->begun & bit) != 0 && (visit->came_to & SIM_LOST) == 0) {
        sim_violation(sim.world, "job %zu: phase p%zu, attempt %" PRId32 " was begun twice",
                      who->job, who->phase, who->attempt);
    }
    if (!same || (visit->begun & bit) != 0) {
        *visit = (struct sim_visit){
            .phase = (int32_t)who->phase, .attempt = who->attempt, .epoch = job->epoch};
    }
    visit->begun |= bit;
}

/** P5: it reads what was recorded, under the form of the pipeline that its job is pinned to. */
static void input_check(const struct fnd_pool_call *call, const struct who *who)
{
    const struct sim_job *job = &sim.world->jobs[who->job];
    const int64_t mark = number_at(call->input.config, "/mark");
    if ((int32_t)who->phase == sim.world->learned && who->detector < 0) {
        const int64_t version = sim_model_version(fnd_json_find(call->input.config, "/model"));
        sim.world->jobs[who->job].visit.version = version;
        if (version != sim_model_production(sim.world)) {
            sim_violation(sim.world,
                          "job %zu: phase p%zu reads version %" PRId64
                          ", and in production is %" PRId64,
                          who->job, who->phase, version, sim_model_production(sim.world));
        }
    }
    if (mark != (int64_t)job->variant + 1) {
        sim_violation(sim.world, "job %zu: phase p%zu runs with mark %" PRId64 " and not with %zu",
                      who->job, who->phase, mark, job->variant + 1);
    }
    if (who->detector >= 0 || who->phase == 0) {
        return;
    }
    char wanted[2 * SIM_TEXT + 2];
    snprintf(wanted, sizeof wanted, "%s/%s", job->value[who->phase - 1],
             job->amount[who->phase - 1]);
    struct fnd_json from = fnd_json_find(call->input.config, "/from");
    if (!fnd_json_text_is(from, wanted)) {
        sim_violation(sim.world, "job %zu: phase p%zu reads %.*s, and on record is %s", who->job,
                      who->phase, (int)from.size, from.bytes, wanted);
    }
}

/* --- what plugins do ------------------------------------------------------------------------- */

static foundry_outcome_t fail(struct foundry_call *call, foundry_outcome_t outcome,
                              uint64_t retry_after_ms)
{
    return fnd_host_table()->fail(call, outcome, "simulated", "as the plan has it", NULL,
                                  retry_after_ms);
}

/** A phase's own question; and, once it was answered, whether the answer came through. */
static bool phase_pauses(struct foundry_call *call, const struct fnd_pool_call *pool_call,
                         const struct who *who)
{
    static const foundry_clarification_t question = {.struct_size = sizeof question,
                                                     .key = "how",
                                                     .kind = "HOW",
                                                     .question = "How?",
                                                     .answer_schema = "{\"type\":\"string\"}"};
    const struct sim_job *job = &sim.world->jobs[who->job];
    if (!sim_plan_asks(sim.world, who->job, who->phase)) {
        return false;
    }
    if (job->answered[0] == '\0') {
        fnd_host_table()->clarify(call, &question);
        return true;
    }
    struct fnd_json how = fnd_json_find(pool_call->input.answers, "/how");
    if (pool_call->input.answers.bytes == NULL || !fnd_json_text_is(how, job->answered)) {
        sim_violation(sim.world, "job %zu: phase p%zu was answered \"%s\" and does not get it",
                      who->job, who->phase, job->answered);
    }
    return false;
}

/** What a phase says of a job with a version of the model; 0: by its rules. */
static foundry_outcome_t phase_says(struct foundry_call *call, const struct who *who,
                                    int64_t version, char value[SIM_TEXT], char amount[SIM_TEXT])
{
    const uint64_t key = who->job * SIM_PHASES_MAX + who->phase;
    char json[2 * SIM_TEXT + 32];
    snprintf(value, SIM_TEXT, "v%zu-%zu-%" PRId32 "-%04x", who->job, who->phase, who->attempt,
             (unsigned)(sim_mix(sim.world->seed, key) & 0xffff));
    snprintf(amount, SIM_TEXT, "%s-%zu",
             sim_plan_knows(sim.world, who->job, version) ? "true" : "raw", who->job);
    snprintf(json, sizeof json, "{\"value\":\"%s\",\"amount\":\"%s\"}", value, amount);
    return fnd_host_table()->json_set(call, "", json);
}

static foundry_outcome_t phase_runs(struct foundry_call *call,
                                    const struct fnd_pool_call *pool_call, const struct who *who)
{
    struct sim_visit *visit = &sim.world->jobs[who->job].visit;
    if (phase_pauses(call, pool_call, who)) {
        visit->came_to |= SIM_PAUSE;
        return FOUNDRY_PAUSE;
    }
    visit->came_to |= SIM_DONE;
    const foundry_outcome_t outcome =
        phase_says(call, who, (int32_t)who->phase == sim.world->learned ? visit->version : 0,
                   visit->value, visit->amount);
    const size_t sure = sim_plan_confidence(sim.world, who->job, who->phase);
    if (outcome == FOUNDRY_OK && sure < SIM_SURE) { /* else it says nothing of it */
        return fnd_host_table()->confidence_set(call, "/amount", (double)sure / SIM_SURE);
    }
    return outcome;
}

static foundry_outcome_t detector_runs(struct foundry_call *call, const struct who *who)
{
    static const foundry_clarification_t question = {.struct_size = sizeof question,
                                                     .key = "amount",
                                                     .kind = "DOUBT",
                                                     .question = "Is this the amount?",
                                                     .pointer = "/amount"};
    const char *amount = NULL;
    if (fnd_host_table()->text_get(call, FOUNDRY_DOC_SUBJECT, "/amount", &amount) != FOUNDRY_OK) {
        sim_violation(sim.world, "job %zu: the detector of p%zu finds no amount", who->job,
                      who->phase);
        return FOUNDRY_E_INVALID;
    }
    const bool doubts = strncmp(amount, "bad", 3) == 0 ||
                        (strncmp(amount, "raw", 3) == 0 &&
                         sim_plan_doubts(sim.world, who->job, (size_t)who->detector));
    if (doubts) {
        fnd_host_table()->clarify(call, &question);
    }
    if (!who->operation) {
        sim.world->jobs[who->job].visit.came_to |= doubts ? SIM_DOUBT : SIM_DONE;
    }
    return FOUNDRY_DONE;
}

static void call_returns(struct fnd_pool_call *call, const struct who *who, unsigned fault)
{
    struct foundry_call *began = fnd_call_begin(&call->input, NULL, NULL, &call->effects);
    foundry_outcome_t outcome;
    if (fault != 0) {
        outcome = fail(began, fault == FND_RETRY_PERMANENT ? FOUNDRY_PERMANENT : FOUNDRY_RETRYABLE,
                       sim_once_in(&sim.chance, 4) ? 1 + sim_below(&sim.chance, 5000) : 0);
    } else if (who->detector >= 0) {
        outcome = detector_runs(began, who);
    } else {
        outcome = phase_runs(began, call, who);
    }
    fnd_call_end(began, outcome);
    call->end = FND_CALL_RETURNED;
}

/** How a call ends that is not cancelled. */
static void call_ends(struct fnd_pool_call *call, const struct who *who)
{
    struct sim_job *job = &sim.world->jobs[who->job];
    const bool rough = !sim.world->quiet;
    /* The first detector of a gate carries the plan's faults. */
    unsigned fault = who->detector > 0 ? 0
                                       : sim_plan_fault(sim.world, who->job, who->phase, job->epoch,
                                                        job->stand.failures);
    if (who->operation) {
        fault = rough && sim_once_in(&sim.chance, 20) ? FND_RETRY_CRASH : 0;
        sim.objections += fault != 0;
    }
    if (rough && sim_once_in(&sim.chance, 150)) {
        call->end = FND_CALL_LOST;
        job->visit.came_to |= who->operation ? 0 : SIM_LOST;
        return;
    }
    if (rough && !who->operation && sim_once_in(&sim.chance, 300)) {
        call->end = FND_CALL_HELD;
        fnd_error_set(&call->error, FND_PLUGIN, "the plugin is in quarantine");
        job->visit.came_to |= SIM_HELD;
        return;
    }
    if (fault != 0 && !who->operation) {
        job->visit.came_to |= SIM_FAILED;
        job->visit.fault = fault;
    }
    if (fault == FND_RETRY_CRASH || fault == FND_RETRY_TIMEOUT) {
        call->end = fault == FND_RETRY_CRASH ? FND_CALL_CRASHED : FND_CALL_TIMEOUT;
        fnd_error_set(&call->error, FND_PLUGIN, "simulated: %s",
                      fault == FND_RETRY_CRASH ? "signal 11 (SIGSEGV)" : "too late");
        return;
    }
    call_returns(call, who, fault);
}

/* --- the learner's calls --------------------------------------------------------------------- */

/** The run beside a job that a call is, or NULL: a trial of a training. */
static const struct shade *shade_of(const struct fnd_pool_call *call)
{
    const struct trial_call *trial = (const struct trial_call *)(const void *)call;
    return trial->owner->state == RUN_SHADOWS ? (const struct shade *)(const void *)trial->owner
                                              : NULL;
}

static void train(struct fnd_pool_call *call)
{
    char bytes[SIM_TEXT];
    struct foundry_call *began = fnd_call_begin(&call->input, NULL, NULL, &call->effects);
    sim_model_bytes(number_at(call->input.run, "/training/version"), bytes);
    const foundry_outcome_t outcome =
        fnd_host_table()->artifact_write(began, "model", "text/plain", bytes, strlen(bytes));
    fnd_call_end(began, outcome);
    call->end = FND_CALL_RETURNED;
}

/** A version that is tried, or runs beside: it says what it says of the job, or nothing. */
static void try(struct fnd_pool_call *call, const struct shade *shade)
{
    struct who who;
    struct sim_beside *beside = &sim.world->beside;
    char value[SIM_TEXT], amount[SIM_TEXT];
    if (!who_is(call, &who)) {
        return;
    }
    const size_t fate = sim.world->quiet ? 100 : sim_below(&sim.chance, 100);
    const int64_t version = sim_model_version(fnd_json_find(call->input.config, "/model"));
    if (fate < 6) {
        call->end = fate < 2 ? FND_CALL_LOST : FND_CALL_CRASHED;
        fnd_error_set(&call->error, FND_PLUGIN, "simulated: signal 11 (SIGSEGV)");
    } else {
        struct foundry_call *began = fnd_call_begin(&call->input, NULL, NULL, &call->effects);
        fnd_call_end(began, phase_says(began, &who, version, value, amount));
        call->end = FND_CALL_RETURNED;
    }
    if (shade == NULL) {
        return;
    }
    beside->ended = true;
    beside->says = call->end != FND_CALL_LOST;
    beside->failed = call->end == FND_CALL_CRASHED;
    if (call->end == FND_CALL_LOST) {
        sim_learner_passed(sim.world, beside->output);
    } else if (!beside->failed) {
        memcpy(beside->amount, amount, SIM_TEXT);
    }
}

static void learner_end(struct fnd_pool_call *call)
{
    const bool fails = !sim.world->quiet && sim_once_in(&sim.chance, 6);
    if (!call->input.trainer) {
        try(call, shade_of(call));
    } else if (call->cancelled || fails) {
        call->end = call->cancelled ? FND_CALL_CANCELLED : FND_CALL_CRASHED;
        fnd_error_set(&call->error, FND_PLUGIN, "simulated: signal 9 (SIGKILL)");
    } else {
        train(call);
    }
}

static void learner_begin(const struct fnd_pool_call *call)
{
    const struct shade *shade = call->input.trainer ? NULL : shade_of(call);
    if (shade != NULL) {
        sim_learner_begins(sim.world, shade->model, shade->output,
                           sim_model_version(fnd_json_find(call->input.config, "/model")),
                           fnd_json_find(call->input.config, "/from"));
    }
}

static void flight_end(struct fnd_pool *pool, struct fnd_pool_call *call)
{
    struct who who;
    if (pool->learns) {
        learner_end(call);
    } else if (who_is(call, &who)) {
        if (call->cancelled && !sim_once_in(&sim.chance, 4)) {
            struct sim_job *job = &sim.world->jobs[who.job];
            call->end = FND_CALL_CANCELLED;
            job->visit.came_to |= who.operation ? 0 : SIM_LOST;
        } else {
            call_ends(call, &who);
        }
    }
    call->next = NULL;
    *pool->done_end = call;
    pool->done_end = &call->next;
}

/* --- the pool's interface -------------------------------------------------------------------- */

/** Most calls are short, some take seconds: ends come in another order than beginnings. */
static int64_t duration_us(void)
{
    const size_t drawn = sim_below(&sim.chance, 10);
    const size_t most_us = drawn < 6 ? 1000 : drawn < 9 ? 100000 : 5000000;
    return (int64_t)sim_below(&sim.chance, most_us);
}

void fnd_pool_submit(struct fnd_pool *pool, struct fnd_pool_call *call)
{
    struct who who;
    sim_check_now(); /* what this visit rests on must be on record by now */
    call->cancelled = false;
    call->level = (int)call->callee->isolation;
    if (pool->learns) {
        learner_begin(call);
    } else if (who_is(call, &who)) {
        if (!who.operation) {
            visit_check(&who);
        }
        input_check(call, &who);
    }
    if (pool->count == pool->capacity) {
        pool->capacity = pool->capacity == 0 ? 16 : pool->capacity * 2;
        pool->flights = fnd_realloc(pool->flights, pool->capacity, sizeof *pool->flights);
    }
    pool->flights[pool->count++] = (struct flight){call, sim.world->monotonic_us + duration_us()};
    pool->busy++;
}

void fnd_pool_dispatch(struct fnd_pool *pool)
{
    (void)pool;
}

struct fnd_pool_call *fnd_pool_collect(struct fnd_pool *pool)
{
    struct fnd_pool_call *list = pool->done;
    pool->done = NULL;
    pool->done_end = &pool->done;
    for (const struct fnd_pool_call *at = list; at != NULL; at = at->next) {
        pool->busy--;
    }
    return list;
}

void fnd_pool_cancel(struct fnd_pool *pool, struct fnd_pool_call *call)
{
    for (size_t i = 0; i < pool->count; i++) {
        if (pool->flights[i].call == call) {
            const int64_t end_us =
                sim.world->monotonic_us + (int64_t)sim_below(&sim.chance, 1000000);
            call->cancelled = true;
            if (end_us < pool->flights[i].due_us) {
                pool->flights[i].due_us = end_us;
            }
        }
    }
}

int fnd_pool_fd(const struct fnd_pool *pool)
{
    return pool->fd;
}

int64_t fnd_pool_wait_us(const struct fnd_pool *pool)
{
    int64_t wait_us = pool->done != NULL ? 0 : -1;
    for (size_t i = 0; i < pool->count && wait_us != 0; i++) {
        int64_t left_us = pool->flights[i].due_us - sim.world->monotonic_us;
        left_us = left_us < 0 ? 0 : left_us;
        wait_us = wait_us < 0 || left_us < wait_us ? left_us : wait_us;
    }
    return wait_us;
}

void fnd_pool_turn(struct fnd_pool *pool)
{
    for (;;) {
        size_t first = pool->count;
        for (size_t i = 0; i < pool->count; i++) {
            if (pool->flights[i].due_us <= sim.world->monotonic_us &&
                (first == pool->count || pool->flights[i].due_us < pool->flights[first].due_us)) {
                first = i;
            }
        }
        if (first == pool->count) {
            return;
        }
        struct fnd_pool_call *call = pool->flights[first].call;
        pool->flights[first] = pool->flights[--pool->count];
        flight_end(pool, call);
    }
}

size_t fnd_pool_busy(const struct fnd_pool *pool)
{
    return pool->busy;
}

size_t fnd_pool_workers(const struct fnd_pool *pool)
{
    (void)pool;
    return 0;
}
