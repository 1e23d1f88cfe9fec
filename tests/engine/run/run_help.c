/* SPDX-License-Identifier: MIT */
#include "run_help.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "store/verify.h"

bool act_held;
size_t act_visits;

static const char plain[] = "foundry: v1\n"
                            "name: plain\n"
                            "inputs: {match: [\"*.jsonl\", \"*.txt\"]}\n"
                            "defaults: {retry: {max: 2, backoff: 1s, when: [transient, crash]}}\n"
                            "phases:\n"
                            "  - {id: one, uses: foundry/act}\n"
                            "  - {id: two, uses: foundry/act}\n"
                            "  - {id: three, uses: foundry/act}\n";

static void act_fault(struct fnd_visit *visit, unsigned fault, const char *code)
{
    visit->verdict = FND_VISIT_FAULT;
    visit->fault = fault;
    fnd_error_set(&visit->error, FND_PLUGIN, "phase %s was told to", visit->phase->id);
    fnd_error_code(&visit->error, code);
}

static void act_begin(struct fnd_visit *visit)
{
    struct fnd_json input = visit->scope->value(visit->scope->context, "input");
    char *act = fnd_json_strdup(fnd_json_member(input, visit->phase->id));
    const char *what = act != NULL ? act : "done";
    act_visits++;
    if (strcmp(what, "fail") == 0) {
        act_fault(visit, FND_RETRY_PERMANENT, "told");
    } else if (strcmp(what, "crash") == 0) {
        act_fault(visit, FND_RETRY_CRASH, "signal");
    } else if (strncmp(what, "flaky:", 6) == 0 && visit->attempt < atoi(what + 6)) {
        act_fault(visit, FND_RETRY_TRANSIENT, "busy");
    } else if (strcmp(what, "hold") == 0 && act_held) {
        visit->verdict = FND_VISIT_HOLD;
        fnd_error_set(&visit->error, FND_NOT_FOUND, "secret TOKEN is not set");
    } else if (strcmp(what, "ask") == 0 && visit->answers.bytes == NULL) {
        visit->verdict = FND_VISIT_ASK;
        visit->body = fnd_strdup("{\"origin\":\"phase\",\"phase\":\"one\",\"questions\":"
                                 "[{\"key\":\"k\",\"kind\":\"K\",\"question\":\"Which?\"}]}");
    } else {
        struct fnd_text body = {0};
        visit->verdict = FND_VISIT_OUTPUT;
        fnd_text_printf(&body, "{\"phase\":\"%s\",\"attempt\":%d}", visit->phase->id,
                        visit->attempt);
        visit->body = fnd_text_take(&body);
    }
    free(act);
}

const struct fnd_kind act_kind = {
    .name = "foundry/act", .summary = "does what its job says", .begin = act_begin};

const struct fnd_kind *const *act_kinds(void)
{
    static const struct fnd_kind *const kinds[] = {&act_kind, NULL};
    return kinds;
}

static int file_remove(const char *path, const struct stat *file, int flag, struct FTW *walk)
{
    (void)file;
    (void)flag;
    (void)walk;
    return remove(path);
}

void bench_pipeline(struct bench *bench, const char *yaml)
{
    FILE *file = fopen(bench->pipeline, "w");
    cr_assert_not_null(file);
    fputs(yaml, file);
    fclose(file);
}

void bench_begin(struct bench *bench)
{
    memset(bench, 0, sizeof *bench);
    const char *place = getenv("TMPDIR");
    snprintf(bench->folder, sizeof bench->folder, "%.40s/foundry-run-XXXXXX",
             place != NULL ? place : "/tmp");
    cr_assert_not_null(mkdtemp(bench->folder));
    snprintf(bench->jobs, sizeof bench->jobs, "%s/jobs", bench->folder);
    snprintf(bench->pipeline, sizeof bench->pipeline, "%s/plain.yaml", bench->folder);
    cr_assert_eq(mkdir(bench->jobs, 0700), 0);
    bench_pipeline(bench, plain);
    bench->env = fnd_env_seeded_create(7, INT64_C(1700000000000000));
    act_held = false;
    act_visits = 0;
    fnd_digest_setup();
}

static void flaw_print(const char *sentence, void *context)
{
    (void)context;
    fprintf(stderr, "verify: %s\n", sentence);
}

void bench_end(struct bench *bench)
{
    struct fnd_reader *reader = NULL;
    struct fnd_verify result = {0};
    struct fnd_error error = {0};
    bench_close(bench);
    if (fnd_reader_open(bench->jobs, &reader, &error) == FND_OK) {
        cr_expect_eq(fnd_store_verify(reader, &result, flaw_print, NULL, &error), FND_OK, "%s",
                     error.message);
        cr_expect_eq(result.flaws, 0);
        fnd_reader_close(reader);
    }
    fnd_env_seeded_destroy(bench->env);
    nftw(bench->folder, file_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static void news_keep(void *context, const struct fnd_news *news)
{
    struct bench *bench = context;
    if (news->message != NULL) {
        snprintf(bench->last_message, sizeof bench->last_message, "%s", news->message);
    }
}

void bench_open(struct bench *bench)
{
    struct fnd_error error = {0};
    struct fnd_errors errors = {0};
    bench->options.env = bench->env;
    bench->options.directory = bench->jobs;
    bench->options.kinds = bench->options.kinds != NULL ? bench->options.kinds : act_kinds();
    bench->options.store.create = true;
    if (bench->options.plugin_path == NULL) {
        bench->options.plugin_path = "/nonexistent";
    }
    bench->options.isolation = bench->inline_plugins ? FND_ISOLATION_INLINE : FND_ISOLATION_PROCESS;
    bench->options.workers_max = 1;
    bench->options.news = bench->options.news != NULL ? bench->options.news : news_keep;
    bench->options.context = bench;
    cr_assert_eq(fnd_engine_open(&bench->options, &bench->engine, &error), FND_OK, "%s",
                 error.message);
    cr_assert_eq(fnd_engine_pin(bench->engine, bench->pipeline, NULL, &bench->pin, &errors, NULL),
                 FND_OK, "%zu: %s", errors.list[0].line, errors.list[0].message);
}

void bench_close(struct bench *bench)
{
    fnd_engine_close(bench->engine);
    bench->engine = NULL;
}

void bench_turn(struct bench *bench)
{
    struct fnd_error error = {0};
    for (int i = 0; i < 10000; i++) {
        cr_assert_eq(fnd_engine_turn(bench->engine, &error), FND_OK, "%s", error.message);
        if (fnd_engine_idle(bench->engine) || fnd_engine_wait_us(bench->engine) > 0) {
            return;
        }
        usleep(100); /* the writer thread, if there is one, needs the core */
    }
    cr_assert_fail("the engine did not come to rest");
}

struct fnd_ingest bench_run(struct bench *bench)
{
    struct fnd_error error = {0};
    struct fnd_ingest counts = {0};
    cr_assert_eq(fnd_engine_resume(bench->engine, NULL, &error), FND_OK, "%s", error.message);
    cr_assert_eq(fnd_engine_ingest(bench->engine, bench->pin, false, &counts, NULL, NULL, &error),
                 FND_OK, "%s", error.message);
    bench_turn(bench);
    return counts;
}

void bench_line(struct bench *bench, const char *file, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", bench->jobs, file);
    FILE *lines = fopen(path, "a");
    cr_assert_not_null(lines);
    fprintf(lines, "%s\n", text);
    fclose(lines);
}

int64_t bench_job(struct bench *bench, const char *path)
{
    struct fnd_job_row row = {0};
    struct fnd_error error = {0};
    cr_assert_eq(fnd_job_find(fnd_engine_reader(bench->engine), "plain", path, &row, &error),
                 FND_OK, "%s: %s", path, error.message);
    int64_t id = row.id;
    fnd_job_row_finish(&row);
    return id;
}

struct fnd_step_row bench_step(struct bench *bench, const char *path)
{
    struct fnd_step_row row;
    struct fnd_error error = {0};
    cr_assert_eq(
        fnd_step_get(fnd_engine_reader(bench->engine), bench_job(bench, path), &row, &error),
        FND_OK, "%s", error.message);
    return row;
}

struct event_count {
    enum fnd_event_kind kind;
    size_t count;
};

static bool event_count(const struct fnd_event_row *row, void *context)
{
    struct event_count *count = context;
    count->count += row->kind == count->kind;
    return true;
}

size_t bench_events(struct bench *bench, const char *path, enum fnd_event_kind kind)
{
    struct event_count count = {kind, 0};
    const struct fnd_walk walk = {0, 10000};
    struct fnd_error error = {0};
    cr_assert_eq(fnd_events_walk(fnd_engine_reader(bench->engine), bench_job(bench, path), &walk,
                                 event_count, &count, &error),
                 FND_OK, "%s", error.message);
    return count.count;
}
