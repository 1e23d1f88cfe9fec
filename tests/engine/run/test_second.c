/* SPDX-License-Identifier: MIT */
/* The second life of a directory in which everything has happened once: jobs wait for an answer, a
 * secret, their time, the resume of what was running; inputs were touched, changed and added; a
 * phase reads what an earlier process wrote. Each call of the system and of SQLite in that life
 * fails once. A plain life behind it brings every job to its end, each phase once. */
#include "../store/failing.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "run/deep.h"
#include "run_help.h"
#include "worker/confine.h"

enum {
    CALLS_MAX = 6000,
    STRIDE = FND_SANITIZED ? 4 : 1
}; /* where a life takes ten times as long */

static const char pipeline[] =
    "foundry: v1\nname: plain\ninputs: {match: [\"*.jsonl\", \"*.txt\"], keep: %s}\n"
    "defaults: {isolation: inline, retry: {max: 2, backoff: 1s, when: [transient, crash]}}\n"
    "phases:\n"
    "  - {id: keep, uses: steps/keep, with: {text: \"${run.job} %s\"}}\n"
    "  - {id: two, uses: foundry/act}\n"
    "  - {id: pass, uses: steps/copy, with: {value: \"${keep}\"}}\n"
    "  - {id: three, uses: foundry/act}\n"
    "  - {id: read, uses: text/read, with: {file: \"${pass.value.file}\"}}\n";

static const char *const lines[] = {
    "{\"id\":\"asks\",\"two\":\"ask\"}",        "{\"id\":\"asks-late\",\"three\":\"ask\"}",
    "{\"id\":\"held\",\"two\":\"hold\"}",       "{\"id\":\"held-late\",\"three\":\"hold\"}",
    "{\"id\":\"tries\",\"three\":\"flaky:2\"}",
};
static const char *const jobs[] = {
    "a.jsonl#asks", "a.jsonl#asks-late", "a.jsonl#held", "a.jsonl#held-late", "a.jsonl#tries",
    "same.txt",     "touched.txt",       "changed.txt",  "new.txt",           "handed.txt"};
enum { JOBS = sizeof jobs / sizeof jobs[0], QUESTIONS = 2 };

struct scene {
    struct bench bench;
    char plugins[2048];
    const char *keep;
};

static void file_make(const struct scene *scene, const char *name, const char *text)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", scene->bench.jobs, name);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

static void pipeline_make(struct scene *scene, const char *word)
{
    char text[2048];
    (void)snprintf(text, sizeof text, pipeline, scene->keep, word);
    bench_pipeline(&scene->bench, text);
}

static void file_touch(const struct scene *scene, const char *name)
{
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", scene->bench.jobs, name);
    cr_assert_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

/** The first life, and what people do to the inputs behind it. */
static void scene_begin(struct scene *scene, const char *keep)
{
    *scene = (struct scene){.keep = keep};
    struct bench *bench = &scene->bench;
    bench_begin(bench);
    (void)snprintf(scene->plugins, sizeof scene->plugins, "%s/tests/plugins:%s/plugins/text",
                   getenv("FOUNDRY_BUILD_ROOT"), getenv("FOUNDRY_BUILD_ROOT"));
    bench->options.plugin_path = scene->plugins;
    bench->options.worker_program = getenv("FOUNDRY_WORKER");
    bench->inline_plugins = true;
    pipeline_make(scene, "first");
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        bench_line(bench, "a.jsonl", lines[i]);
    }
    file_make(scene, "same.txt", "same");
    file_make(scene, "touched.txt", "touched");
    file_make(scene, "changed.txt", "before");
    act_held = true;
    bench_open(bench);
    (void)bench_run(bench);
    bench_close(bench);
    act_held = false;
    file_touch(scene, "touched.txt");
    file_make(scene, "changed.txt", "behind");
    file_make(scene, "new.txt", "new");
}

/* --- answers ---------------------------------------------------------------------------------- */

struct answer {
    struct fnd_operation operation;
    int64_t request;
};

static enum fnd_status answer_begin(struct fnd_operation *operation, struct fnd_visit *visit,
                                    const struct fnd_step_row *step, struct fnd_error *error)
{
    const struct answer *answer = operation->context;
    (void)visit;
    if (step->stand.state != FND_PAUSED) {
        return fnd_error_set(error, FND_CONFLICT, "there is no question any more");
    }
    struct fnd_event *event =
        fnd_write_add(operation->write, FND_EVENT_ANSWER,
                      fnd_strdup("{\"by\":\"ann\",\"answers\":{\"k\":\"this\",\"l\":2}}"), NULL);
    event->ref = answer->request;
    event->phase = step->stand.phase;
    event->attempt = step->stand.attempt;
    event->after = step->stand;
    event->after.state = FND_QUEUED;
    return FND_OK;
}

static void answer_done(struct fnd_operation *operation, enum fnd_status status,
                        const struct fnd_error *error)
{
    (void)operation;
    (void)status;
    (void)error;
}

/** Answer the question of a job, if it has one. */
static enum fnd_status answer(struct bench *bench, const char *path, struct fnd_error *error)
{
    struct fnd_job_row row = {0};
    struct fnd_request_row request;
    struct answer answer = {.operation = {.begin = answer_begin, .done = answer_done, .run = true}};
    struct fnd_reader *reader = fnd_engine_reader(bench->engine);
    enum fnd_status status = fnd_job_find(reader, "plain", path, &row, error);
    if (status == FND_OK) {
        status = fnd_request_of(reader, row.id, &request, error);
        answer.operation.step = row.id;
        fnd_job_row_finish(&row);
    }
    if (status == FND_NOT_FOUND) {
        return FND_OK;
    }
    if (status == FND_OK) {
        answer.request = request.id;
        answer.operation.context = &answer;
        status = fnd_engine_operate_wait(bench->engine, &answer.operation, error);
    }
    return status == FND_CONFLICT ? FND_OK : status;
}

/* --- the second life -------------------------------------------------------------------------- */

/** The first failure ends it, as it ends a command. */
static enum fnd_status work(struct scene *scene, struct fnd_error *error)
{
    struct bench *bench = &scene->bench;
    struct fnd_ingest counts = {0};
    struct fnd_artifact artifact;
    int64_t job = 0;
    enum fnd_status status = FND_OK;
    for (int i = 0; status == FND_OK && i < QUESTIONS; i++) {
        status = answer(bench, jobs[i], error);
    }
    status = status != FND_OK ? status : fnd_engine_resume(bench->engine, "plain", error);
    if (status == FND_OK) {
        status = fnd_engine_ingest(bench->engine, bench->pin, false, &counts, NULL, NULL, error);
    }
    if (status == FND_OK) {
        status = fnd_artifact_put(fnd_engine_store(bench->engine), "handed", 6, &artifact, error);
    }
    if (status == FND_OK) {
        status = fnd_engine_submit_artifact(bench->engine, bench->pin, "handed.txt", &artifact,
                                            NULL, &job, error);
        status = status == FND_CONFLICT ? FND_OK : status;
    }
    for (int i = 0; status == FND_OK && i < 1000; i++) {
        status = fnd_engine_turn(bench->engine, error);
        if (status == FND_OK &&
            (fnd_engine_idle(bench->engine) || fnd_engine_wait_us(bench->engine) > 0)) {
            break;
        }
    }
    return status;
}

static enum fnd_status begin(struct scene *scene, struct fnd_error *error)
{
    struct bench *bench = &scene->bench;
    struct fnd_errors errors = {0};
    enum fnd_status status = fnd_engine_open(&bench->options, &bench->engine, error);
    if (status == FND_OK) {
        status = fnd_engine_pin(bench->engine, bench->pipeline, NULL, &bench->pin, &errors, NULL);
        if (status != FND_OK) {
            *error = errors.list[0];
        }
    }
    return status;
}

static void moved(void *context, const char *path, bool moves, const char *why)
{
    (void)moves;
    (void)context;
    cr_expect(strlen(path) > 0 && strlen(why) > 0);
}

static enum fnd_status act_upgrade(struct scene *scene, struct fnd_error *error)
{
    pipeline_make(scene, "second");
    const enum fnd_status status = begin(scene, error);
    return status != FND_OK ? status
                            : fnd_engine_upgrade(scene->bench.engine, scene->bench.pin, false,
                                                 moved, NULL, "ann", error);
}

/** A life that nothing disturbs: every job comes to its end, and no phase has two. */
static void finishes(struct scene *scene, const char *label)
{
    struct bench *bench = &scene->bench;
    struct fnd_error error = {0};
    bench_open(bench);
    for (int round = 0; round < 3; round++) {
        cr_assert_eq(work(scene, &error), FND_OK, "behind %s: %s", label, error.message);
        fnd_env_seeded_advance(bench->env, INT64_C(3600000000)); /* back-off ends */
        bench_turn(bench);
    }
    for (size_t i = 0; i < JOBS; i++) {
        cr_expect_eq(bench_step(bench, jobs[i]).stand.state, FND_COMPLETED, "%s behind %s: %s",
                     jobs[i], label, bench->last_message);
        cr_expect_eq(bench_events(bench, jobs[i], FND_EVENT_OUTPUT), 5, "%s behind %s: %zu",
                     jobs[i], label, bench_events(bench, jobs[i], FND_EVENT_OUTPUT));
    }
    bench_close(bench);
}

struct act {
    const char *keep;
    bool opened; /* before its calls are counted */
    enum fnd_status (*run)(struct scene *scene, struct fnd_error *error);
    unsigned told_min;
};

/** Each call of an act fails once. */
static void swept(const struct act *act)
{
    const char *met = "";
    unsigned at = 1, told = 0;
    failing_place();
    for (; met != NULL && at < CALLS_MAX; at += STRIDE) {
        struct scene scene;
        struct fnd_error error = {0};
        char label[96];
        scene_begin(&scene, act->keep);
        if (act->opened) {
            cr_assert_eq(begin(&scene, &error), FND_OK, "%s", error.message);
        }
        failing_arm(at, FAILING_ERROR);
        const enum fnd_status status = act->run(&scene, &error);
        met = failing_clear();
        (void)snprintf(label, sizeof label, "call %u (%s)", at, met == NULL ? "none" : met);
        bench_close(&scene.bench);
        told += status != FND_OK;
        cr_expect(status == FND_OK || strlen(error.message) > 10, "%s says nothing", label);
        cr_expect(met != NULL || status == FND_OK, "%s: %s", label, error.message);
        finishes(&scene, label);
        bench_end(&scene.bench);
    }
    printf("up to call %u, %u lives ended\n", at, told);
    cr_expect_lt(at, CALLS_MAX);
    cr_expect_gt(told, act->told_min / STRIDE);
}

Test(second, each_call_over_inputs_that_are_kept, .timeout = 280)
{
    swept(&(struct act){"bytes", true, work, 50});
}

Test(second, each_call_over_inputs_that_stay_where_they_lie, .timeout = 280)
{
    swept(&(struct act){"reference", true, work, 50});
}

Test(second, each_call_of_an_upgrade, .timeout = 280)
{
    swept(&(struct act){"bytes", false, act_upgrade, 50});
}

/* --- looking ---------------------------------------------------------------------------------- */

static void flaw(const char *sentence, void *context)
{
    cr_expect_gt(strlen(sentence), 20);
    ++*(size_t *)context;
}

static enum fnd_status look(const struct scene *scene, struct fnd_deep *result,
                            struct fnd_error *error)
{
    struct fnd_reader *reader = NULL;
    size_t flaws = 0;
    const struct fnd_deep_options options = {.kinds = act_kinds(),
                                             .worker_program = getenv("FOUNDRY_WORKER"),
                                             .flaw = flaw,
                                             .context = &flaws};
    enum fnd_status status = fnd_reader_open(scene->bench.jobs, &reader, error);
    if (status == FND_OK) {
        status = fnd_deep_look(reader, &options, result, error);
        cr_expect_eq((size_t)result->flaws, flaws);
        fnd_reader_close(reader);
    }
    return status;
}

/** Whoever looks is told of what could not be looked at: there is no "nothing is wrong" then. */
Test(second, each_call_of_a_deep_look, .timeout = 900)
{
    struct scene scene;
    struct fnd_deep whole, result;
    struct fnd_error error = {0};
    const char *met = "";
    unsigned at = 0;
    failing_place();
    scene_begin(&scene, "bytes");
    cr_assert_eq(act_upgrade(&scene, &error), FND_OK, "%s", error.message);
    bench_close(&scene.bench);
    cr_assert_eq(look(&scene, &whole, &error), FND_OK, "%s", error.message);
    cr_expect_eq(whole.flaws, 0);
    cr_expect_eq(whole.pins, 2);
    while (met != NULL && ++at < CALLS_MAX) {
        failing_arm(at, FAILING_ERROR);
        const enum fnd_status status = look(&scene, &result, &error);
        met = failing_clear();
        const bool all = result.pins == whole.pins && result.outputs == whole.outputs &&
                         result.outputs_free == whole.outputs_free;
        /* A pin that no job needs any more, and that cannot be read, is counted as one of those. */
        cr_expect(status != FND_OK || result.flaws + result.pins_past > 0 || all,
                  "call %u (%s): %d pins and %d outputs were looked at, and no word of the rest",
                  at, met == NULL ? "none" : met, (int)result.pins, (int)result.outputs);
    }
    cr_expect_lt(at, CALLS_MAX);
    finishes(&scene, "a look");
    bench_end(&scene.bench);
}
