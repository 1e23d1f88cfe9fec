/* SPDX-License-Identifier: MIT */
/* Each call of the system and of SQLite that an engine's own code makes fails once, from opening to
 * the last transition. The engine says so or goes on; a plain one behind it brings every job to its
 * end, and the record is whole. */
#include "../store/failing.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run_help.h"

enum { CALLS_MAX = 3000, JOBS = 3 };

static const char *const paths[JOBS] = {"jobs.jsonl#x", "jobs.jsonl#y", "jobs.jsonl#z"};

static void inputs_make(struct bench *bench)
{
    bench_line(bench, "jobs.jsonl", "{\"id\":\"x\",\"one\":\"done\"}");
    bench_line(bench, "jobs.jsonl", "{\"id\":\"y\",\"two\":\"flaky:2\"}");
    bench_line(bench, "jobs.jsonl", "{\"id\":\"z\",\"three\":\"done\"}");
}

/** As a command does it: open, pin, take up, ingest, turn; the first failure ends it. */
static enum fnd_status life(struct bench *bench, struct fnd_error *error)
{
    struct fnd_errors errors = {0};
    struct fnd_ingest counts = {0};
    enum fnd_status status = fnd_engine_open(&bench->options, &bench->engine, error);
    if (status == FND_OK) {
        status = fnd_engine_pin(bench->engine, bench->pipeline, NULL, &bench->pin, &errors, NULL);
        if (status != FND_OK) {
            *error = errors.list[0];
        }
    }
    status = status != FND_OK ? status : fnd_engine_resume(bench->engine, NULL, error);
    if (status == FND_OK) {
        status = fnd_engine_ingest(bench->engine, bench->pin, false, &counts, NULL, NULL, error);
    }
    for (int i = 0; status == FND_OK && i < 1000; i++) {
        status = fnd_engine_turn(bench->engine, error);
        if (status == FND_OK && fnd_engine_idle(bench->engine)) {
            break;
        }
    }
    return status;
}

/** A plain engine over what is there now. */
static void finishes(struct bench *bench, const char *behind)
{
    bench_open(bench);
    (void)bench_run(bench);
    fnd_env_seeded_advance(bench->env, INT64_C(3600000000)); /* back-off ends */
    bench_turn(bench);
    for (size_t i = 0; i < JOBS; i++) {
        struct fnd_job_row row = {0};
        cr_assert_eq(fnd_job_find(fnd_engine_reader(bench->engine), "plain", paths[i], &row, NULL),
                     FND_OK, "%s is lost behind %s", paths[i], behind);
        fnd_job_row_finish(&row);
        cr_expect_eq(bench_step(bench, paths[i]).stand.state, FND_COMPLETED, "%s behind %s",
                     paths[i], behind);
        cr_expect_eq(bench_events(bench, paths[i], FND_EVENT_OUTPUT), 3,
                     "%s behind %s: a phase came to its end once", paths[i], behind);
    }
    bench_close(bench);
}

Test(failing, each_call_of_an_engines_life_and_a_plain_one_finishes_it, .timeout = 900)
{
    const char *met = "";
    unsigned at = 0, told = 0;
    failing_place();
    while (met != NULL && ++at < CALLS_MAX) {
        struct bench bench;
        struct fnd_error error = {0};
        char label[96];
        bench_begin(&bench);
        bench_open(&bench); /* fills the options */
        bench_close(&bench);
        inputs_make(&bench);
        failing_arm(at, FAILING_ERROR);
        const enum fnd_status status = life(&bench, &error);
        met = failing_clear();
        (void)snprintf(label, sizeof label, "call %u (%s)", at, met == NULL ? "none" : met);
        bench_close(&bench);
        told += status != FND_OK;
        cr_expect(status == FND_OK || strlen(error.message) > 10, "%s says nothing", label);
        cr_expect(met != NULL || status == FND_OK, "%s: %s", label, error.message);
        finishes(&bench, label);
        bench_end(&bench);
    }
    printf("%u calls, of which %u end the engine\n", at - 1, told);
    cr_expect_lt(at, CALLS_MAX);
    cr_expect_gt(told, 50);
}

Test(failing, a_job_that_is_handed_in_is_there_once)
{
    struct bench bench;
    struct fnd_error error = {0};
    int64_t job = 0, again = 0;
    bench_begin(&bench);
    bench_open(&bench);
    const struct fnd_json input = {"{\"one\":\"done\"}", 14};
    cr_assert_eq(fnd_engine_submit(bench.engine, bench.pin, "given", input, &job, &error), FND_OK,
                 "%s", error.message);
    cr_expect_gt(job, 0);
    cr_expect_eq(fnd_engine_submit(bench.engine, bench.pin, "given", input, &again, &error),
                 FND_CONFLICT);
    cr_expect_eq(again, job);
    cr_expect_not_null(strstr(error.message, "job given is there already"), "%s", error.message);
    cr_expect_neq(fnd_engine_submit(bench.engine, 999, "other", input, &again, &error), FND_OK);
    (void)bench_run(&bench);
    cr_expect_eq(bench_step(&bench, "given").stand.state, FND_COMPLETED);
    bench_end(&bench);
}

static void refused(void *context, const struct fnd_error *error)
{
    *(struct fnd_error *)context = *error;
}

/* A first line, and a second one that goes beyond what is read at once: what is read of it would
 * pass for a whole one. */
static void long_line_make(struct bench *bench)
{
    enum { LONG = 100000 };
    char *line = malloc(LONG + 1);
    cr_assert_not_null(line);
    memset(line, ' ', LONG);
    line[0] = '7';
    line[LONG] = '\0';
    bench_line(bench, "jobs.jsonl", "{\"id\":\"x\"}");
    bench_line(bench, "jobs.jsonl", line);
    free(line);
}

Test(failing, a_line_that_could_not_be_read_to_its_end_is_no_job)
{
    unsigned at = 0, stopped = 0;
    for (bool more = true; more && at < CALLS_MAX;) {
        struct bench bench;
        struct fnd_ingest counts = {0};
        struct fnd_error error = {0}, told = {0};
        bench_begin(&bench);
        bench_open(&bench);
        cr_assert_eq(fnd_engine_resume(bench.engine, NULL, NULL), FND_OK);
        long_line_make(&bench);
        failing_arm(++at, FAILING_ERROR);
        (void)fnd_engine_ingest(bench.engine, bench.pin, false, &counts, refused, &told, &error);
        more = failing_clear() != NULL;
        if (strstr(told.message, "jobs.jsonl stopped behind line 1") != NULL) {
            stopped++;
            cr_expect_eq(counts.created, 1, "the line before, not what was read of the next");
            cr_expect_eq(counts.refused, 1);
            cr_expect_not_null(strstr(told.message, strerror(EIO)), "why: %s", told.message);
            bench_turn(&bench);
            counts = (struct fnd_ingest){0};
            cr_assert_eq(
                fnd_engine_ingest(bench.engine, bench.pin, false, &counts, refused, &told, &error),
                FND_OK, "%s", error.message);
            cr_expect_eq(counts.created, 1, "the rest of the file, once it can be read");
            cr_expect_eq(counts.unchanged, 1);
        }
        bench_end(&bench);
    }
    cr_expect_eq(stopped, 1, "the second piece of the file fails once");
}
