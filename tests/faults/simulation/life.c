/* SPDX-License-Identifier: MIT */
/* One life of the engine: opened, run, and ended by a disaster, by a kill, or in good order. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "learn/learn.h"
#include "learn/prover.h"
#include "sim.h"

enum { STEPS_MAX = 300, QUIET_STEPS_MAX = 200000, DRAIN_STEPS_MAX = 20000 };

enum life_end { END_CLOSE, END_DRAIN, END_DRAIN_NOW, END_KILL };

struct life {
    struct sim_world *world;
    struct sim_chance chance;
    struct fnd_env env;
    struct fnd_engine *engine;
    struct sim_checker *checker;
    struct sim_people *people;
    struct fnd_learn *learn; /* NULL: this engine does not learn */
    int64_t rested;          /* the record's end when the learner had nothing more to do */
    int64_t pin;
    size_t news_left; /* until it is killed as it tells something; 0: it is not */
    bool news_before; /* before the ledger hears of it */
};

void sim_violation(struct sim_world *world, const char *format, ...)
{
    va_list arguments;
    if (world->broken) {
        return;
    }
    world->broken = true;
    const int size = snprintf(world->story, sizeof world->story,
                              "life %zu, step %zu: ", world->life, world->step);
    va_start(arguments, format);
    vsnprintf(world->story + size, sizeof world->story - (size_t)size, format, arguments);
    va_end(arguments);
}

/** A transition is told as being on disk: from here on it must never be lost. */
static void news_take(void *context, const struct fnd_news *news)
{
    struct life *life = context;
    struct sim_world *world = life->world;
    if (life->news_left == 1 && life->news_before) {
        sim_kill(world);
    }
    if (news->event > 0 && news->event < SIM_EVENTS_MAX) {
        world->acks[news->event] =
            (struct sim_ack){news->job, (int32_t)news->kind, (int32_t)news->state, news->attempt};
        world->newest_ack = news->event > world->newest_ack ? news->event : world->newest_ack;
        world->counts.acks++;
    }
    if (life->news_left == 1) {
        sim_kill(world);
    }
    life->news_left -= life->news_left > 0;
}

/** An error that is no violation: the disk was planned to fail. */
static bool allowed(const struct life *life, enum fnd_status status, const char *what,
                    const char *message)
{
    if (status == FND_OK) {
        return true;
    }
    if (!life->world->faulty || !sim_disk_met() || life->world->quiet) {
        sim_violation(life->world, "%s ended in %s: %s", what, fnd_status_name(status), message);
    }
    return false;
}

static void disaster_plan(struct life *life)
{
    static const size_t reach[] = {40, 200, 1000, 4000};
    struct sim_world *world = life->world;
    struct sim_disk_plan plan = {.disaster = SIM_NOTHING, .seed = sim_draw(&life->chance)};
    if (!world->quiet && !sim_once_in(&life->chance, 4)) {
        plan.disaster = (enum sim_disaster)(1 + sim_below(&life->chance, SIM_FULL_ON));
        plan.at = 1 + sim_below(&life->chance,
                                reach[sim_below(&life->chance, sizeof reach / sizeof reach[0])]);
    }
    world->faulty = plan.disaster >= SIM_IO_ERROR;
    sim_disk_arm(world, &plan);
    if (!world->quiet && sim_once_in(&life->chance, 6)) {
        life->news_left = 1 + sim_below(&life->chance, 400);
        life->news_before = sim_once_in(&life->chance, 2);
    }
}

static bool engine_open(struct life *life)
{
    struct sim_world *world = life->world;
    struct fnd_error error = {0};
    char plugin[SIM_PATH + 16];
    static const size_t flights[] = {1, 2, 3, 8, 32, 0};
    snprintf(plugin, sizeof plugin, "%s/sim.so", world->folder);
    const struct fnd_engine_options options = {
        .env = &life->env,
        .directory = world->jobs_folder,
        .kinds = fnd_review_kinds(),
        .prover = fnd_learn_prover(),
        .store = {.create = true},
        .plugin_path = plugin,
        .flight_max = flights[sim_below(&life->chance, sizeof flights / sizeof flights[0])],
        .news = news_take,
        .context = life};
    return allowed(life, fnd_engine_open(&options, &life->engine, &error), "opening",
                   error.message);
}

static bool pipeline_pin(struct life *life)
{
    struct sim_world *world = life->world;
    struct fnd_errors errors = {0};
    const enum fnd_status status =
        fnd_engine_pin(life->engine, world->pipeline, NULL, &life->pin, &errors, NULL);
    return allowed(life, status, "pinning", errors.count > 0 ? errors.list[0].message : "");
}

static void upgraded(void *context, const char *path, bool moves, const char *why)
{
    (void)context;
    (void)path;
    (void)moves;
    (void)why;
}

/** What a person does as the engine begins: pin, perhaps upgrade, resume, take in what is there. */
static bool engine_begin(struct life *life)
{
    struct sim_world *world = life->world;
    struct fnd_error error = {0};
    struct fnd_ingest counts = {0};
    if (!pipeline_pin(life)) {
        return false;
    }
    enum fnd_status status = FND_OK;
    if (!world->quiet && world->variant > 0 && sim_once_in(&life->chance, 3)) {
        status =
            fnd_engine_upgrade(life->engine, life->pin, false, upgraded, NULL, "somebody", &error);
    }
    if (status == FND_OK) {
        status = fnd_engine_resume(life->engine, NULL, &error);
    }
    if (status == FND_OK) {
        status = fnd_engine_ingest(life->engine, life->pin, false, &counts, NULL, NULL, &error);
    }
    if (counts.refused > 0) {
        sim_violation(world, "%zu inputs were refused", counts.refused);
    }
    if (status == FND_OK && world->learned >= 0 &&
        (world->quiet || !sim_once_in(&life->chance, 4))) {
        status = fnd_learn_create(life->engine, &life->learn, &error);
        if (status == FND_OK) {
            fnd_learn_auto(life->learn);
        }
    }
    return allowed(life, status, "beginning", error.message);
}

/** The wall clock is set, in either direction. */
static void clock_jump(struct life *life)
{
    struct sim_world *world = life->world;
    const int64_t by_us = (int64_t)sim_below(&life->chance, 7200) * 1000000;
    world->wall_us += sim_once_in(&life->chance, 2) ? by_us : -by_us;
    world->counts.jumps++;
}

static bool all_ended(const struct sim_world *world)
{
    for (size_t i = 0; i < world->jobs_count; i++) {
        if (world->jobs[i].number == 0 || (int)world->jobs[i].stand.state <= FND_STATES_LIVE_MAX) {
            return false;
        }
    }
    return true;
}

static void pass_time(struct life *life)
{
    int64_t wait_us = fnd_engine_wait_us(life->engine);
    const int64_t learn_us =
        life->learn != NULL && !life->world->drained ? fnd_learn_wait_us(life->learn) : -1;
    wait_us = learn_us >= 0 && (wait_us < 0 || learn_us < wait_us) ? learn_us : wait_us;
    if (wait_us >= 0) {
        life->env.wait(&life->env, fnd_engine_fd(life->engine), wait_us);
    } else if (sim_people_waiting(life->people) == 0 && !fnd_engine_idle(life->engine)) {
        sim_violation(life->world, "the engine is not idle, and nothing is due");
    }
}

/** The learner has a turn; what it was told is on record when that is over. */
static void learn_turn(struct life *life)
{
    const int64_t before = life->world->absorbed;
    if (life->learn == NULL) {
        return;
    }
    fnd_learn_turn(life->learn);
    sim_check_new(life->checker);
    if (fnd_learn_wait_us(life->learn) < 0) {
        sim_learner_kept(life->world);
        life->rested = life->world->absorbed == before ? before : 0;
    } else {
        life->rested = 0;
    }
}

static bool idle(const struct life *life)
{
    return fnd_engine_idle(life->engine) && sim_people_waiting(life->people) == 0 &&
           (life->learn == NULL || life->rested == life->world->absorbed);
}

/** One step.  Returns whether the life goes on. */
static bool step(struct life *life)
{
    struct sim_world *world = life->world;
    struct fnd_error error = {0};
    world->step++;
    const enum fnd_status status = fnd_engine_turn(life->engine, &error);
    sim_check_new(life->checker);
    if (status != FND_OK) {
        allowed(life, status, "a turn", error.message);
        return false;
    }
    sim_people_act(life->people);
    sim_check_new(life->checker);
    learn_turn(life);
    if (world->broken) {
        return false;
    }
    if (!world->quiet && sim_once_in(&life->chance, 40)) {
        clock_jump(life);
    }
    if (idle(life)) {
        if (life->learn != NULL && fnd_engine_resumed(life->engine)) {
            sim_learner_rest(world);
        }
        if (all_ended(world)) {
            return false;
        }
        if (fnd_engine_resumed(life->engine)) { /* the store has not given up */
            sim_batch_rest(world);
        }
        /* What is held, or was left queued, moves when somebody says so. */
        fnd_engine_resume(life->engine, NULL, NULL);
        world->wall_us += 1000000;
        world->monotonic_us += 1000000;
    } else {
        pass_time(life);
    }
    return true;
}

static void drain(struct life *life, bool now)
{
    life->world->drained = true;
    fnd_engine_drain(life->engine, now);
    for (size_t i = 0; i < DRAIN_STEPS_MAX && !life->world->broken; i++) {
        struct fnd_error error = {0};
        const enum fnd_status status = fnd_engine_turn(life->engine, &error);
        sim_check_new(life->checker);
        if (status != FND_OK) {
            allowed(life, status, "a turn", error.message);
            return;
        }
        if (fnd_engine_idle(life->engine) && sim_people_waiting(life->people) == 0) {
            return;
        }
        pass_time(life);
    }
    sim_violation(life->world, "the engine does not come to rest");
}

static void run(struct life *life)
{
    struct sim_world *world = life->world;
    const size_t steps = world->quiet ? QUIET_STEPS_MAX : 1 + sim_below(&life->chance, STEPS_MAX);
    const enum life_end end =
        world->quiet ? END_CLOSE : (enum life_end)sim_below(&life->chance, END_KILL + 1);
    size_t i = 0;
    while (i < steps && step(life)) {
        i++;
    }
    if (world->quiet && i == steps) {
        sim_violation(world, "the jobs do not end");
    }
    if (world->broken) {
        return;
    }
    if (world->quiet) {
        sim_check_all(life->checker, life->engine);
    } else if (end == END_KILL) {
        sim_kill(world);
    } else if (end != END_CLOSE && i == steps) {
        drain(life, end == END_DRAIN_NOW);
    }
}

static void life_begin(struct life *life)
{
    struct sim_world *world = life->world;
    life->chance.state = sim_mix(sim_mix(world->seed, 6), world->life);
    sim_env_init(&life->env, world);
    sim_pool_for(world, sim_draw(&life->chance));
    disaster_plan(life);
}

int sim_life(struct sim_world *world)
{
    struct life life = {.world = world};
    life_begin(&life);
    if (engine_open(&life) && sim_checker_open(world, &life.checker)) {
        sim_check_for(life.checker);
        world->boundary = INT64_MAX; /* what an earlier life left is judged as that life's */
        sim_check_new(life.checker);
        sim_check_acts(world);
        world->boundary = world->absorbed;
        sim_learner_reborn(world);
        world->drained = false; /* as that one may have been */
        life.people = sim_people_create(world, life.engine, sim_draw(&life.chance));
        if (!world->broken && engine_begin(&life)) {
            run(&life);
        }
    }
    if (!world->broken) {
        fnd_learn_destroy(life.learn);
        fnd_engine_close(life.engine);
        if (life.checker != NULL) {
            sim_check_new(life.checker);
            sim_check_acts(world);
        }
    }
    sim_check_for(NULL);
    if (!world->broken) { /* else the engine is still open, and some of this is its */
        sim_checker_close(life.checker);
        if (life.people != NULL) {
            sim_people_destroy(life.people);
        }
    }
    return world->broken ? SIM_EXIT_WRONG : SIM_EXIT_LIVED;
}
