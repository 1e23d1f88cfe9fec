/* SPDX-License-Identifier: MIT */
/* The rules of batches, written a second time: who waits at a gate with `choose`, when a choice may
 * be made, whom it must choose, and who may go on by it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

static const struct sim_phase *gate_of(const struct sim_world *world, const struct sim_job *job)
{
    const size_t phase = (size_t)job->stand.phase;
    return phase < world->phases_count ? &world->phases[phase] : NULL;
}

/** Whether two jobs are of one batch at the phase where the first stands. */
static bool together(const struct sim_world *world, const struct sim_job *a,
                     const struct sim_job *b)
{
    return b->number != 0 && a->variant == b->variant &&
           sim_plan_file(world, (size_t)(a - world->jobs)) ==
               sim_plan_file(world, (size_t)(b - world->jobs));
}

static bool stands_with(const struct sim_job *a, const struct sim_job *b)
{
    return b->stand.phase == a->stand.phase && b->stand.state == FND_PAUSED;
}

static bool waits_with(const struct sim_world *world, const struct sim_job *a,
                       const struct sim_job *b)
{
    return together(world, a, b) && stands_with(a, b) && b->stand.due_us == FND_DUE_BATCH;
}

/** Whether a job may still come to the phase where the other waits. One that ended will not, and
 *  one that was asked about there has been let in. */
static bool comes_to(const struct sim_world *world, const struct sim_job *a,
                     const struct sim_job *b)
{
    return together(world, a, b) && (int)b->stand.state <= FND_STATES_LIVE_MAX &&
           b->stand.phase <= a->stand.phase && !waits_with(world, a, b) &&
           !(stands_with(a, b) && b->stand.due_us == 0);
}

/* --- the choice ------------------------------------------------------------------------------ */

struct member {
    size_t job;
    size_t confidence;
    char path[SIM_TEXT];
};

static int member_order(const void *left, const void *right)
{
    const struct member *a = left, *b = right;
    return a->confidence != b->confidence ? (a->confidence < b->confidence ? -1 : 1)
                                          : strcmp(a->path, b->path);
}

/** Who is a member by the event; NULL, or what is wrong with that. */
static const char *members_read(struct sim_world *world, const struct sim_job *leader,
                                struct fnd_json body, struct member *members, size_t *count)
{
    const struct fnd_json list = fnd_json_member(body, "members");
    *count = 0;
    for (struct fnd_json_walk walk = fnd_json_walk(list); fnd_json_next(&walk);) {
        int64_t number = 0;
        fnd_json_integer(walk.value, &number);
        struct sim_job *job = number > 0 ? sim_model_job(world, number) : NULL;
        if (job == NULL || *count == SIM_JOBS_MAX || !waits_with(world, leader, job)) {
            return "chooses from a job that does not wait with the others";
        }
        if (job->member != 0) {
            return "chooses from a job for the second time";
        }
        if (number < leader->number) {
            return "is not on the first of its batch";
        }
        const size_t index = (size_t)(job - world->jobs);
        struct member *member = &members[(*count)++];
        member->job = index;
        member->confidence = sim_plan_confidence(world, index, (size_t)leader->stand.phase - 1);
        sim_plan_path(world, index, member->path, sizeof member->path);
        job->member = -1; /* named once */
    }
    return leader->member == -1 ? NULL : "is on a job that it does not choose from";
}

/** The least certain ones must be chosen, in that order, and no others. */
static const char *chosen_check(struct sim_world *world, const struct sim_phase *gate,
                                struct fnd_json body, struct member *members, size_t count)
{
    const struct fnd_json list = fnd_json_member(body, "chosen");
    const size_t wanted = count < gate->choose ? count : gate->choose;
    size_t at = 0;
    qsort(members, count, sizeof *members, member_order);
    for (struct fnd_json_walk walk = fnd_json_walk(list); fnd_json_next(&walk); at++) {
        int64_t number = 0;
        fnd_json_integer(fnd_json_member(walk.value, "job"), &number);
        if (at >= wanted || world->jobs[members[at].job].number != number) {
            return "chooses others than the least certain, or too many";
        }
        world->jobs[members[at].job].chosen = true;
    }
    return at == wanted ? NULL : "chooses too few";
}

const char *sim_batch_choice(struct sim_world *world, struct sim_job *leader,
                             const struct fnd_event_row *row, struct fnd_json body)
{
    static struct member members[SIM_JOBS_MAX]; /* a life has one thread */
    const struct sim_phase *gate = gate_of(world, leader);
    size_t count = 0;
    if (gate == NULL || gate->choose == 0 || !waits_with(world, leader, leader)) {
        return "chooses where nobody waits for it";
    }
    const char *wrong = members_read(world, leader, body, members, &count);
    for (size_t i = 0; i < world->jobs_count && wrong == NULL; i++) {
        struct sim_job *job = &world->jobs[i];
        if (together(world, leader, job) && stands_with(leader, job) &&
            job->stand.due_us == FND_DUE_CHOICE) {
            wrong = "chooses while another choice of its batch is under way";
        } else if (gate->wait_s == 0 && comes_to(world, leader, job)) {
            wrong = "chooses before all of its batch have come";
        } else if (gate->wait_s == 0 && waits_with(world, leader, job) && job->member != -1) {
            wrong = "chooses without one that waits with the others";
        }
    }
    for (size_t i = 0; i < count; i++) {
        world->jobs[members[i].job].member = row->id;
        world->jobs[members[i].job].chosen = false;
    }
    wrong = wrong != NULL ? wrong : chosen_check(world, gate, body, members, count);
    world->counts.choices++;
    world->counts.members += count;
    return wrong;
}

/* --- going on -------------------------------------------------------------------------------- */

const char *sim_batch_wait(const struct sim_world *world, const struct sim_job *job)
{
    const struct sim_phase *gate = gate_of(world, job);
    return gate == NULL || gate->choose == 0 ? "waits for a batch at a phase that has none"
           : job->choice != 0                ? "waits for its batch a second time"
                                             : NULL;
}

const char *sim_batch_start(struct sim_world *world, struct sim_job *job, int64_t choice)
{
    const bool leads = job->stand.state == FND_PAUSED && job->stand.due_us == FND_DUE_CHOICE;
    const bool waits = job->stand.state == FND_PAUSED && job->stand.due_us == FND_DUE_BATCH;
    if (choice == 0) {
        return waits || leads ? "begins, and nobody chose from its batch" : NULL;
    }
    if (!(waits || leads) || job->member != choice) {
        return "begins by a choice that was not from it";
    }
    for (size_t i = 0; leads && i < world->jobs_count; i++) {
        if (&world->jobs[i] != job && world->jobs[i].member == choice) {
            return "begins before all others of its batch have";
        }
    }
    job->member = 0;
    job->choice = choice;
    return NULL;
}

const char *sim_batch_asks(const struct sim_world *world, const struct sim_job *job)
{
    const struct sim_phase *gate = gate_of(world, job);
    return gate == NULL || gate->choose == 0 ? NULL
           : job->choice == 0                ? "asks about one that nobody chose from"
           : job->chosen || gate->audit      ? NULL
                                             : "asks about one that was not chosen";
}

const char *sim_batch_passes(const struct sim_world *world, const struct sim_job *job)
{
    const struct sim_phase *gate = gate_of(world, job);
    return gate == NULL || gate->choose == 0 ? NULL
           : job->choice == 0                ? "lets one pass that nobody chose from"
           : job->chosen                     ? "lets one pass that was chosen"
                                             : NULL;
}

void sim_batch_leave(struct sim_job *job)
{
    job->member = job->choice = 0;
    job->chosen = false;
}

/** The engine rests: no batch may wait that is whole, and no choice be left half done. */
void sim_batch_rest(struct sim_world *world)
{
    for (size_t i = 0; i < world->jobs_count; i++) {
        const struct sim_job *job = &world->jobs[i];
        const bool leads = job->stand.state == FND_PAUSED && job->stand.due_us == FND_DUE_CHOICE;
        bool whole = job->number != 0 && waits_with(world, job, job);
        for (size_t k = 0; whole && k < world->jobs_count; k++) {
            whole = !comes_to(world, job, &world->jobs[k]);
        }
        if (whole || leads) {
            sim_violation(world, "job %zu: the engine rests, and %s", i,
                          leads ? "its choice has not let all go"
                                : "all of its batch are there and wait");
        }
    }
}
