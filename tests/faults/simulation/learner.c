/* SPDX-License-Identifier: MIT */
/* What the outside world knows of models: which versions there are, what each said beside which
 * output, what people made of it, and by that what may be decided, and when. The rules of
 * engine/learn a second time, over the ledger alone. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/env.h"
#include "sim.h"
#include "store/learn.h"

/* --- versions -------------------------------------------------------------------------------- */

void sim_model_bytes(int64_t version, char bytes[SIM_TEXT])
{
    snprintf(bytes, SIM_TEXT, "sim model %" PRId64 "\n", version);
}

int64_t sim_model_version(struct fnd_json name)
{
    for (int64_t version = 1; version < SIM_VERSIONS_MAX; version++) {
        char bytes[SIM_TEXT], wanted[FND_MODEL_ARTIFACT_SIZE];
        uint8_t hash[FND_DIGEST_SIZE];
        sim_model_bytes(version, bytes);
        fnd_sha256(bytes, strlen(bytes), hash);
        fnd_model_artifact_name("m", hash, wanted);
        if (fnd_json_text_is(name, wanted)) {
            return version;
        }
    }
    return fnd_json_type(name) == FND_JSON_NULL ? 0 : -1;
}

static struct sim_version *version_of(struct sim_world *world, int64_t id)
{
    for (size_t v = 1; id > 0 && v < SIM_VERSIONS_MAX; v++) {
        if (world->versions[v].id == id) {
            return &world->versions[v];
        }
    }
    return NULL;
}

static int64_t version_number(const struct sim_world *world, const struct sim_version *version)
{
    return version != NULL ? version - world->versions : 0;
}

int64_t sim_model_production(const struct sim_world *world)
{
    for (int64_t v = 1; v < SIM_VERSIONS_MAX; v++) {
        if (world->versions[v].id > 0 && world->versions[v].state == FND_MODEL_PRODUCTION) {
            return v;
        }
    }
    return 0;
}

/* --- what is to be decided ------------------------------------------------------------------- */

struct contest {
    bool guards;
    int64_t since, other,
        about; /* other: the model that runs beside, 0: the rules; about: version */
};

static bool contest_of(struct sim_world *world, struct contest *contest)
{
    const int64_t now = sim_model_production(world);
    const struct sim_version *production = now > 0 ? &world->versions[now] : NULL;
    const struct sim_version *newest = NULL;
    for (size_t v = 1; v < SIM_VERSIONS_MAX; v++) {
        const struct sim_version *one = &world->versions[v];
        if (one->id > 0 && one->state == FND_MODEL_CANDIDATE &&
            (newest == NULL || one->id > newest->id)) {
            newest = one;
        }
    }
    if (newest != NULL && newest->waits && (production == NULL || newest->id > production->id)) {
        *contest =
            (struct contest){false, newest->decided, newest->id, version_number(world, newest)};
        return true;
    }
    if (production == NULL || !production->promoted) {
        return false;
    }
    *contest = (struct contest){true, production->decided, production->replaced, now};
    return true;
}

static const struct sim_shadow *shadow_of(const struct sim_world *world,
                                          const struct contest *contest, int64_t output)
{
    const struct sim_shadow *found = NULL;
    for (size_t i = 0; i < world->shadows_count; i++) {
        const struct sim_shadow *one = &world->shadows[i];
        if (one->event > contest->since && one->model == contest->other && one->output == output) {
            found = one;
        }
    }
    return found;
}

static struct sim_said *said_of(struct sim_world *world, int64_t output)
{
    for (size_t i = 0; i < world->said_count; i++) {
        if (world->said[i].output == output) {
            return &world->said[i];
        }
    }
    return NULL;
}

struct tally {
    unsigned better, worse, equal;
};

static void pair_add(struct tally *all, struct tally *field, bool now, bool before)
{
    struct tally *const both[] = {all, field};
    for (size_t i = 0; i < 2; i++) {
        both[i]->better += now && !before;
        both[i]->worse += !now && before;
        both[i]->equal += now == before;
    }
}

/** Whether the record is the last one of its document among the first `count`. */
static bool lesson_stands(const struct sim_world *world, size_t at, size_t count)
{
    for (size_t i = at + 1; i < count; i++) {
        if (world->lessons[i].job == world->lessons[at].job) {
            return false;
        }
    }
    return true;
}

/** The chance that of so many that differ at least `better` fall to one side. */
static double chance_of(unsigned better, unsigned worse)
{
    const unsigned all = better + worse;
    double sum = 0, term = pow(0.5, all);
    for (unsigned k = all + 1; k-- > better;) {
        sum += term;
        term = term * k / (all - k + 1);
    }
    return all == 0 || sum > 1 ? 1 : sum;
}

struct verdict {
    bool due, moves;
    struct tally all;
};

/** Whether `a` has won, and no field says otherwise; `alpha` for this one look. */
static bool wins(const struct tally *all, const struct tally *amount, const struct tally *value,
                 double alpha)
{
    const struct tally *const fields[] = {amount, value};
    for (size_t i = 0; i < 2; i++) {
        if (fields[i]->worse > fields[i]->better &&
            chance_of(fields[i]->worse, fields[i]->better) <= 4 * alpha) {
            return false;
        }
    }
    return chance_of(all->better, all->worse) <= alpha;
}

static struct tally turned(const struct tally *tally)
{
    return (struct tally){tally->worse, tally->better, tally->equal};
}

/** What the first `count` records say: whether a decision is due, and which. */
static struct verdict verdict_of(struct sim_world *world, const struct contest *contest,
                                 size_t count)
{
    struct verdict verdict = {.due = false};
    struct tally amount = {0, 0, 0}, value = {0, 0, 0};
    const unsigned minimum = (unsigned)world->minimum;
    const unsigned looks =
        (unsigned)(world->window > world->minimum ? world->window / world->minimum : 1);
    unsigned looked = 0;
    for (size_t i = 0; i < count && !verdict.due; i++) {
        const struct sim_lesson *lesson = &world->lessons[i];
        const struct sim_shadow *beside = shadow_of(world, contest, lesson->subject);
        const struct sim_said *said = said_of(world, lesson->subject);
        if (beside == NULL || said == NULL || !lesson->whole || lesson->rejected ||
            !lesson_stands(world, i, count)) {
            continue;
        }
        const bool other = !beside->failed && strcmp(beside->amount, lesson->amount) == 0;
        const bool production = strcmp(said->amount, lesson->amount) == 0;
        pair_add(&verdict.all, &amount, contest->guards ? production : other,
                 contest->guards ? other : production);
        pair_add(&verdict.all, &value, contest->guards || !beside->failed,
                 !contest->guards || !beside->failed);
        const unsigned pairs = verdict.all.better + verdict.all.worse + verdict.all.equal;
        if (pairs < (looked + 1) * minimum) {
            continue;
        }
        looked = pairs / minimum;
        const struct tally back = turned(&verdict.all), back_amount = turned(&amount),
                           back_value = turned(&value);
        verdict.moves = contest->guards
                            ? wins(&back, &back_amount, &back_value, world->alpha / looks)
                            : wins(&verdict.all, &amount, &value, world->alpha);
        verdict.due = !contest->guards || verdict.moves || looked >= looks;
    }
    if (contest->guards) {
        verdict.all = turned(&verdict.all);
    }
    return verdict;
}

/* --- events ---------------------------------------------------------------------------------- */

static int64_t number_in(struct fnd_json document, const char *pointer)
{
    int64_t number = -1;
    fnd_json_integer(fnd_json_find(document, pointer), &number);
    return number;
}

static void trained_event(struct sim_world *world, const struct fnd_event_row *row,
                          struct fnd_json body)
{
    if (row->ref != world->training) {
        sim_violation(world, "event %" PRId64 " ends training %" PRId64 ", and %" PRId64 " runs",
                      row->id, row->ref, world->training);
    }
    world->training = 0;
    const int64_t version = world->training_version;
    if (fnd_json_text_is(fnd_json_member(body, "outcome"), "done") && version > 0) {
        world->versions[version] = (struct sim_version){.id = row->id};
        world->counts.models++;
    }
}

static void train_event(struct sim_world *world, const struct fnd_event_row *row,
                        struct fnd_json body)
{
    const int64_t version = number_in(body, "/version");
    if (world->training != 0 || version < 1 || version >= SIM_VERSIONS_MAX ||
        world->versions[version].id != 0) {
        sim_violation(
            world, "event %" PRId64 " trains version %" PRId64 " while %" PRId64 " runs, or again",
            row->id, version, world->training);
        return;
    }
    world->training = row->id;
    world->training_version = version;
}

/** It was the engine: the numbers must be those of the ledger, and the moment the due one. */
static void decision_check(struct sim_world *world, const struct fnd_event_row *row,
                           struct fnd_json body)
{
    enum { BEHIND = 4 }; /* records that came to disk with the decision, which did not see them */
    struct contest contest = {0};
    struct verdict verdict = {0};
    const struct fnd_json numbers = fnd_json_member(body, "numbers");
    if (!contest_of(world, &contest)) {
        sim_violation(world, "event %" PRId64 " decides where nothing is to be decided", row->id);
        return;
    }
    const int64_t better = number_in(numbers, "/better"), worse = number_in(numbers, "/worse"),
                  equal = number_in(numbers, "/equal");
    for (size_t less = 0; less < BEHIND && less <= world->lessons_count; less++) {
        verdict = verdict_of(world, &contest, world->lessons_count - less);
        const char *wanted = !verdict.moves ? "hold" : contest.guards ? "rollback" : "promote";
        if (verdict.due && verdict.all.better == better && verdict.all.worse == worse &&
            verdict.all.equal == equal &&
            fnd_json_text_is(fnd_json_member(body, "decision"), wanted)) {
            world->counts.decisions++;
            return;
        }
    }
    verdict = verdict_of(world, &contest, world->lessons_count);
    sim_violation(world,
                  "event %" PRId64 " decides by %" PRId64 ", %" PRId64 " and %" PRId64
                  " pairs (better, worse, equal); %s is due of version %" PRId64
                  ", by %u, %u and %u",
                  row->id, better, worse, equal, verdict.due ? "a decision" : "nothing",
                  contest.about, verdict.all.better, verdict.all.worse, verdict.all.equal);
}

static void act_check(struct sim_world *world, const struct fnd_event_row *row,
                      struct fnd_json body)
{
    const int64_t number = sim_act_number(fnd_json_member(body, "by"));
    struct sim_act *act =
        number >= 0 && (size_t)number < world->acts_count ? &world->acts[number] : NULL;
    if (act == NULL || act->kind != SIM_DECIDE || act->recorded != 0 || act->end == SIM_REFUSED) {
        sim_violation(world, "event %" PRId64 " decides by nobody, again, or what was refused",
                      row->id);
        return;
    }
    act->recorded = row->id;
}

static void decide_event(struct sim_world *world, const struct fnd_event_row *row,
                         struct fnd_json body)
{
    bool waits = false;
    const bool hold = fnd_json_text_is(fnd_json_member(body, "decision"), "hold");
    const bool back = fnd_json_text_is(fnd_json_member(body, "decision"), "rollback");
    struct sim_version *about = version_of(world, row->ref);
    fnd_json_boolean(fnd_json_find(body, "/numbers/waits"), &waits);
    if (!fnd_json_text_is(fnd_json_member(body, "by"), "engine")) {
        act_check(world, row, body);
    } else if (hold && about != NULL && about->decided == 0) {
        /* As it was tried: it waits, or is worse. */
    } else {
        decision_check(world, row, body);
    }
    if (hold) {
        if (about != NULL) {
            about->decided = row->id;
            about->waits = waits;
            about->promoted = false;
        }
        return;
    }
    const int64_t before = sim_model_production(world);
    if (before > 0) {
        world->versions[before].state = FND_MODEL_RETIRED;
        world->versions[before].decided = row->id;
    }
    if (about != NULL) {
        about->state = FND_MODEL_PRODUCTION;
        about->decided = row->id;
        about->waits = false;
        about->promoted = !back;
        about->replaced = back ? about->replaced : number_in(body, "/replaces");
    }
    world->counts.moves++;
}

static bool drawn(const struct sim_world *world, const struct sim_job *job)
{
    static const char matter[] = "shadow";
    uint8_t digest[FND_DIGEST_SIZE];
    uint64_t number = 0;
    fnd_blake2b(world->salt, 32, matter, sizeof matter, job->uuid, sizeof job->uuid, digest);
    for (size_t i = 0; i < 7; i++) {
        number = number << 8 | digest[i];
    }
    return (double)(number >> 3) / 9007199254740992.0 < (double)world->share / 100;
}

static void shadow_event(struct sim_world *world, const struct fnd_event_row *row,
                         struct fnd_json body)
{
    struct sim_beside *beside = &world->beside;
    const int64_t output = number_in(body, "/output");
    const struct sim_said *said = said_of(world, output);
    const struct fnd_json amount = fnd_json_find(body, "/said/amount");
    if (said == NULL || number_in(body, "/job") != world->jobs[said->job].number) {
        sim_violation(world,
                      "event %" PRId64 " runs beside %" PRId64
                      ", which is no output of a learned phase",
                      row->id, output);
        return;
    }
    for (size_t i = 0; i < world->shadows_count; i++) {
        if (world->shadows[i].output == output && world->shadows[i].model == row->ref) {
            sim_violation(world,
                          "event %" PRId64 " records for a second time what model %" PRId64
                          " said beside %" PRId64,
                          row->id, row->ref, output);
            return;
        }
    }
    if (!drawn(world, &world->jobs[said->job])) {
        sim_violation(world, "event %" PRId64 " runs beside job %zu, which was not drawn", row->id,
                      said->job);
    }
    if (beside->output != output || beside->model != row->ref || !beside->says ||
        beside->recorded ||
        (beside->failed ? amount.bytes != NULL : !fnd_json_text_is(amount, beside->amount))) {
        sim_violation(world,
                      "event %" PRId64 " records another run beside %" PRId64 " than there was",
                      row->id, output);
    }
    beside->recorded = true;
    if (world->shadows_count < SIM_SAID_MAX) {
        struct sim_shadow *one = &world->shadows[world->shadows_count++];
        *one = (struct sim_shadow){row->ref, output, row->id, beside->failed, ""};
        memcpy(one->amount, beside->amount, SIM_TEXT);
    }
    world->counts.shadows++;
}

bool sim_learner_event(struct sim_world *world, const struct fnd_event_row *row,
                       struct fnd_json body)
{
    switch (row->kind) {
    case FND_EVENT_STORE: {
        char *salt = fnd_json_strdup(fnd_json_member(body, "salt"));
        if (salt == NULL || !fnd_unhex(salt, strlen(salt), world->salt, sizeof world->salt)) {
            sim_violation(world, "the record begins without a salt");
        }
        free(salt);
        return true;
    }
    case FND_EVENT_TRAIN:
        train_event(world, row, body);
        return true;
    case FND_EVENT_TRAINED:
        trained_event(world, row, body);
        return true;
    case FND_EVENT_DECIDE:
        decide_event(world, row, body);
        return true;
    case FND_EVENT_SHADOW:
        shadow_event(world, row, body);
        return true;
    default:
        return false;
    }
}

/** The job's learned phase has said something, made with this version. */
void sim_learner_output(struct sim_world *world, const struct sim_job *job, int64_t event,
                        int64_t version)
{
    if (world->said_count < SIM_SAID_MAX) {
        struct sim_said *said = &world->said[world->said_count++];
        const size_t phase = (size_t)world->learned;
        *said = (struct sim_said){
            .output = event, .job = (size_t)(job - world->jobs), .version = version};
        memcpy(said->amount, job->amount[phase], SIM_TEXT);
        if (phase > 0) {
            snprintf(said->from, sizeof said->from, "%s/%s", job->value[phase - 1],
                     job->amount[phase - 1]);
        }
    }
}

void sim_learner_lesson(struct sim_world *world, const struct sim_job *job, int64_t record,
                        bool rejected)
{
    int64_t subject = 0;
    for (size_t i = 0; i < world->said_count; i++) {
        if (&world->jobs[world->said[i].job] == job) {
            subject = world->said[i].output;
        }
    }
    if (world->lessons_count < SIM_SAID_MAX) {
        struct sim_lesson *lesson = &world->lessons[world->lessons_count++];
        *lesson = (struct sim_lesson){
            record, (size_t)(job - world->jobs), subject, job->whole, rejected, ""};
        memcpy(lesson->amount, job->amount[world->judge], SIM_TEXT);
    }
}

/* --- runs beside ----------------------------------------------------------------------------- */

/** What the learner's last run said is on record, unless the disk has failed. */
void sim_learner_kept(struct sim_world *world)
{
    const struct sim_beside *beside = &world->beside;
    if (beside->ended && beside->says && !beside->recorded && !(world->faulty && sim_disk_met())) {
        sim_violation(world, "what model %" PRId64 " said beside %" PRId64 " is not on record",
                      beside->model, beside->output);
    }
}

void sim_learner_begins(struct sim_world *world, int64_t model, int64_t output, int64_t version,
                        struct fnd_json from)
{
    const struct sim_said *said = said_of(world, output);
    struct contest contest = {0};
    sim_learner_kept(world);
    if (said == NULL || !contest_of(world, &contest) || contest.other != model ||
        output <= contest.since) {
        sim_violation(world,
                      "model %" PRId64 " runs beside %" PRId64 ", and nothing calls for that",
                      model, output);
        return;
    }
    const struct sim_version *other = version_of(world, model);
    if (version_number(world, other) != version || said->version != sim_model_production(world)) {
        sim_violation(world,
                      "version %" PRId64 " runs beside an output of version %" PRId64
                      ", with %" PRId64 " in production",
                      version, said->version, sim_model_production(world));
    }
    if (world->learned > 0 && !fnd_json_text_is(from, said->from)) {
        sim_violation(world, "a run beside %" PRId64 " reads %.*s, and that one read %s", output,
                      (int)from.size, from.bytes, said->from);
    }
    world->beside = (struct sim_beside){.model = model, .output = output};
}

/** A life begins: what its engine knew of it died with the one before. */
void sim_learner_reborn(struct sim_world *world)
{
    world->beside = (struct sim_beside){0};
    memset(world->passed, 0, sizeof world->passed);
}

/** The engine and its learner rest: nothing is due, nothing that was drawn is left out. */
void sim_learner_rest(struct sim_world *world)
{
    struct contest contest = {0};
    if (world->learned < 0 || !contest_of(world, &contest)) {
        return;
    }
    if (verdict_of(world, &contest, world->lessons_count).due) {
        sim_violation(world, "a decision about version %" PRId64 " is due and is not made",
                      contest.about);
    }
    for (size_t i = 0; i < world->said_count; i++) {
        const struct sim_said *said = &world->said[i];
        if (said->output > contest.since && said->version == sim_model_production(world) &&
            !world->passed[i] && drawn(world, &world->jobs[said->job]) &&
            shadow_of(world, &contest, said->output) == NULL) {
            sim_violation(world,
                          "model %" PRId64 " was not run beside output %" PRId64 " of job %zu",
                          contest.other, said->output, said->job);
        }
    }
}

void sim_learner_passed(struct sim_world *world, int64_t output)
{
    const struct sim_said *said = said_of(world, output);
    if (said != NULL) {
        world->passed[said - world->said] = true;
    }
}
