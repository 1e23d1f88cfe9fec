/* SPDX-License-Identifier: MIT */
/* Power cuts. Traces real commands over a job directory, then looks at states that the disk may be
 * in had the power gone at any point of the trace (model.h): opens each, verifies it, compares it
 * with what had been told by then, and runs some to their end.
 *
 *     power ENGINE TRACER PLUGIN STRIPE [--self-test]
 *
 * FOUNDRY_FLOOR  percent of 10,000 states (10).  FOUNDRY_SEED  picks the states. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "plant.h"
#include "tools.h"

enum {
    STATES_FULL = 10000,
    LONG_SHARE = 10, /* one state in so many is of the long trace */
    STRIPE_STATES = 700,
    RESUME_SHORT = 5,
    RESUME_LONG = 40,
    SELF_TEST_STATES = 400,
    ARGUMENTS_MAX = 16
};

static const char pipeline_text[] =
    "foundry: v1\nname: power\ninputs: {match: [\"*.job.json\", \"*.jsonl\"]}\nphases:\n"
    "  - {id: copy, uses: steps/copy, isolation: inline, with: {value: \"${input}\"}}\n"
    "  - {id: keep, uses: steps/keep, isolation: inline, with: {text: \"${input.text}\"}}\n"
    "  - {id: review, uses: foundry/human, with: {of: copy, audit: 100%}}\n"
    "  - {id: last, uses: steps/copy, isolation: inline, with: {value: \"${review}\"}}\n";

struct power {
    const char *engine, *tracer, *stripe;
    char folder[64];
    char pipeline[PATH_SIZE], plugins[PATH_SIZE];
    uint64_t seed;
    size_t percent;
};

/** One traced run. */
struct traced {
    char name[16];
    char folder[PATH_SIZE]; /* jobs, and the trace */
    char jobs[PATH_SIZE], trace[PATH_SIZE];
    size_t inputs, records;
};

struct sums {
    size_t states, violations, resumed;
    bool died;
};

/* --- commands ------------------------------------------------------------------------------ */

static void exit_record(const struct traced *traced, int code)
{
    const struct trace_head head = {.kind = TRACE_EXIT, .at = (uint64_t)code};
    const int fd = open(traced->trace, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0 || write(fd, &head, sizeof head) != (ssize_t)sizeof head) {
        stop("cannot append to", traced->trace);
    }
    close(fd);
}

/* A command of the engine, traced; it must end with `expected`. */
static void command(const struct power *power, const struct traced *traced, int expected, ...)
    __attribute__((sentinel));
static void command(const struct power *power, const struct traced *traced, int expected, ...)
{
    char *arguments[ARGUMENTS_MAX] = {(char *)(uintptr_t)power->engine};
    char preload[PATH_SIZE * 2], trace[PATH_SIZE * 2], root[PATH_SIZE * 2], asan[PATH_SIZE * 2];
    size_t count = 1;
    va_list list;
    va_start(list, expected);
    while ((arguments[count] = va_arg(list, char *)) != NULL && count < ARGUMENTS_MAX - 2) {
        count++;
    }
    va_end(list);
    const char *before = getenv("ASAN_OPTIONS");
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", power->tracer);
    snprintf(trace, sizeof trace, "POWER_TRACE=%s", traced->trace);
    snprintf(root, sizeof root, "POWER_ROOT=%s", traced->jobs);
    snprintf(asan, sizeof asan, "ASAN_OPTIONS=%s:verify_asan_link_order=0",
             before != NULL ? before : "");
    char *const settings[] = {preload, trace, root, asan, NULL};
    const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    const int code = program(arguments, null, settings);
    close(null);
    exit_record(traced, code);
    if (code != expected) {
        fprintf(stderr, "power: %s %s ended with %d, not %d\n", arguments[0], arguments[1], code,
                expected);
        exit(2);
    }
}

/* --- the traced runs ----------------------------------------------------------------------- */

static void traced_begin(const struct power *power, struct traced *traced, const char *name)
{
    snprintf(traced->name, sizeof traced->name, "%s", name);
    folder_make(traced->folder, "%s/%s", power->folder, name);
    folder_make(traced->jobs, "%.400s/jobs", traced->folder);
    snprintf(traced->trace, sizeof traced->trace, "%.400s/trace", traced->folder);
}

static void run(const struct power *power, const struct traced *traced, int expected)
{
    command(power, traced, expected, "run", "--json", "--quiet", power->pipeline, traced->jobs,
            NULL);
}

static void job_file(const char *folder, size_t i)
{
    char path[PATH_SIZE * 2], text[128];
    snprintf(path, sizeof path, "%s/%zu.job.json", folder, i);
    const int size =
        snprintf(text, sizeof text, "{\"name\":\"job %zu\",\"text\":\"kept %zu\"}\n", i, i);
    text_write(path, text, (size_t)size);
}

/* Answer job `i`, as people do: corrected and run on at once, or confirmed and left to a run. */
static void answer(const struct power *power, const struct traced *traced, size_t i)
{
    char name[32], value[64];
    snprintf(name, sizeof name, "%zu.job.json", i);
    snprintf(value, sizeof value, "/value/name=mended %zu", i);
    if (i % 2 == 0) {
        command(power, traced, 0, "answer", "--json", "--quiet", traced->jobs, name, "--set", value,
                NULL);
    } else {
        command(power, traced, 0, "answer", "--json", "--quiet", "--no-run", traced->jobs, name,
                "--accept", NULL);
    }
}

/* Few small jobs through everything: pause, answers, a second run, exports, resume. */
static void trace_short(const struct power *power, struct traced *traced)
{
    enum { JOBS = 5, FIRST = 3 };
    char second[PATH_SIZE * 2];
    traced_begin(power, traced, "short");
    snprintf(second, sizeof second, "%s/out/second.jsonl", traced->jobs);
    for (size_t i = 0; i < JOBS - 1; i++) {
        job_file(traced->jobs, i);
    }
    run(power, traced, 3);
    job_file(traced->jobs, JOBS - 1);
    run(power, traced, 3);
    for (size_t i = 0; i < FIRST; i++) {
        answer(power, traced, i);
    }
    command(power, traced, 0, "export", "--json", "--quiet", "--format", "foundry", traced->jobs,
            NULL);
    for (size_t i = FIRST; i < JOBS; i++) {
        answer(power, traced, i);
    }
    run(power, traced, 0);
    command(power, traced, 0, "export", "--json", "--quiet", "--format", "foundry", traced->jobs,
            "--out", second, NULL);
    traced->inputs = JOBS;
}

static void lines_write(const char *folder, size_t lines)
{
    enum { TEXT_SIZE = 30000 };
    char path[PATH_SIZE * 2];
    static char text[TEXT_SIZE + 1];
    snprintf(path, sizeof path, "%s/many.jsonl", folder);
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        stop("cannot write", path);
    }
    for (size_t i = 0; i < lines; i++) {
        memset(text, 'a' + (int)(i % 26), TEXT_SIZE);
        fprintf(file, "{\"id\":%zu,\"text\":\"%zu %s\"}\n", i, i, text);
    }
    if (fclose(file) != 0) {
        stop("cannot write", path);
    }
}

/* More than the log holds before a checkpoint: a live engine takes it into the record and begins it
 * anew. */
static void trace_long(const struct power *power, struct traced *traced)
{
    enum { JOBS = 80 };
    traced_begin(power, traced, "long");
    lines_write(traced->jobs, JOBS);
    run(power, traced, 3);
    command(power, traced, 0, "answer", "--json", "--quiet", traced->jobs, "many.jsonl#3",
            "--accept", NULL);
    traced->inputs = JOBS;
}

static size_t records_count(const char *path)
{
    struct trace trace;
    trace_read(&trace, path);
    const size_t count = trace.count;
    trace_finish(&trace);
    return count;
}

/* --- looking at states --------------------------------------------------------------------- */

static void inputs_put(const struct traced *traced, const char *folder)
{
    if (strcmp(traced->name, "long") == 0) {
        lines_write(folder, traced->inputs);
        return;
    }
    for (size_t i = 0; i < traced->inputs; i++) {
        job_file(folder, i);
    }
}

/* One process over the points `from` to `to`; its sums are added. */
static void stripe(const struct power *power, const struct traced *traced, size_t from, size_t to,
                   size_t states, const char *plant, struct sums *sums)
{
    char folder[PATH_SIZE], jobs[PATH_SIZE], cache[PATH_SIZE], said[PATH_SIZE], numbers[6][32];
    folder_make(folder, "%s/states", power->folder);
    folder_make(jobs, "%.400s/jobs", folder);
    folder_make(cache, "%.400s/cache", folder);
    snprintf(said, sizeof said, "%.400s/said", folder);
    inputs_put(traced, jobs);
    const size_t resume = strcmp(traced->name, "long") == 0 ? RESUME_LONG : RESUME_SHORT;
    const size_t values[] = {traced->inputs, from, to, states, (size_t)power->seed, resume};
    for (size_t i = 0; i < 6; i++) {
        snprintf(numbers[i], sizeof numbers[i], "%zu", values[i]);
    }
    const char *const arguments[] = {
        power->stripe,  traced->trace, traced->jobs, folder,     power->pipeline,
        power->plugins, numbers[0],    numbers[1],   numbers[2], numbers[3],
        numbers[4],     numbers[5],    plant,        NULL};
    const int out = open(said, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    const int code = program((char *const *)(uintptr_t)arguments, out, NULL);
    FILE *file = fdopen(out, "r");
    size_t done = 0, violations = 0, resumed = 0;
    rewind(file);
    if (code != 0 ||
        fscanf(file, "states %zu violations %zu resumed %zu", &done, &violations, &resumed) != 3) {
        fprintf(stderr, "power: the look at points %zu to %zu of the %s trace ended with %d\n",
                from, to, traced->name, code);
        sums->died = true;
    }
    fclose(file);
    sums->states += done;
    sums->violations += violations;
    sums->resumed += resumed;
    tree_remove(folder);
}

static void look(const struct power *power, const struct traced *traced, size_t states,
                 struct sums *sums)
{
    const size_t stripes = (states + STRIPE_STATES - 1) / STRIPE_STATES;
    for (size_t i = 0; i < stripes; i++) {
        stripe(power, traced, traced->records * i / stripes, traced->records * (i + 1) / stripes,
               states * (i + 1) / stripes - states * i / stripes, NULL, sums);
    }
}

static int gate(const struct power *power, const struct traced *small, const struct traced *large)
{
    const size_t floor = STATES_FULL * power->percent / 100;
    /* Near the beginning of a trace there are fewer states than asked for: ask for some more. */
    const size_t asked = floor + floor / 10 + 50;
    struct sums sums = {0};
    look(power, small, asked - asked / LONG_SHARE, &sums);
    look(power, large, asked / LONG_SHARE, &sums);
    printf("%zu points of a short run, %zu of a long one; %zu states were run to their end\n",
           small->records, large->records, sums.resumed);
    printf("gate: power-loss states | runs %zu | violations %zu | floor %zu | seed %" PRIu64 "\n",
           sums.states, sums.violations, floor, power->seed);
    return sums.violations > 0 || sums.states < floor || sums.resumed == 0 || sums.died ? 1 : 0;
}

/* Every fault that is planted must be seen, and without one nothing. */
static int self_test(const struct power *power, const struct traced *traced)
{
    size_t passed = 0, failed = 0;
    struct sums clean = {0};
    stripe(power, traced, 0, traced->records, SELF_TEST_STATES / 2, NULL, &clean);
    const bool quiet = clean.violations == 0 && !clean.died && clean.states > 0;
    printf("%s: as it is: %zu violations in %zu states\n", quiet ? "ok" : "FAILED",
           clean.violations, clean.states);
    passed += quiet;
    failed += !quiet;
    for (const struct plant *plant = plants(); plant->name != NULL; plant++) {
        struct sums sums = {0};
        stripe(power, traced, 0, traced->records, SELF_TEST_STATES, plant->name, &sums);
        const bool seen = sums.violations > 0 && !sums.died;
        printf("%s: %s: %zu violations in %zu states\n", seen ? "ok" : "FAILED", plant->what,
               sums.violations, sums.states);
        passed += seen;
        failed += !seen;
    }
    printf("%zu passed, %zu failed\n", passed, failed);
    return failed > 0 ? 1 : 0;
}

/* Everything but the folder's life. */
static int work(struct power *power, const char *plugin, bool test)
{
    char path[PATH_SIZE * 2];
    folder_make(power->plugins, "%s/plugins", power->folder);
    snprintf(path, sizeof path, "%s/steps.so", power->plugins);
    file_copy(plugin, path);
    snprintf(power->pipeline, sizeof power->pipeline, "%s/power.yaml", power->folder);
    text_write(power->pipeline, pipeline_text, sizeof pipeline_text - 1);
    setenv("FOUNDRY_PLUGIN_PATH", power->plugins, 1);
    snprintf(path, sizeof path, "%s/described", power->folder);
    setenv("XDG_CACHE_HOME", path, 1);
    struct traced small = {0}, large = {0};
    trace_short(power, &small);
    small.records = records_count(small.trace);
    if (test) {
        return self_test(power, &small);
    }
    trace_long(power, &large);
    large.records = records_count(large.trace);
    return gate(power, &small, &large);
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: power ENGINE TRACER PLUGIN STRIPE [--self-test]\n");
        return 2;
    }
    struct power power = {.engine = argv[1], .tracer = argv[2], .stripe = argv[4]};
    settings_read(&power.seed, &power.percent);
    folder_begin(power.folder, "power");
    /* In a child, so that nothing is left in memory when it gives up half-way. */
    const pid_t child = fork();
    if (child == 0) {
        exit(work(&power, argv[3], argc > 5 && strcmp(argv[5], "--self-test") == 0));
    }
    int status = 0;
    waitpid(child, &status, 0);
    tree_remove(power.folder);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}
