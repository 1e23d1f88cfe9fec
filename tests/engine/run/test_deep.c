/* SPDX-License-Identifier: MIT */
/* What verify --deep looks at: pins that must compile, outputs that must keep their schemas. */
#include "run/deep.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run_help.h"

static const char mixing[] =
    "foundry: v1\nname: mixing\ninputs: {match: [\"*.jsonl\"]}\nphases:\n"
    "  - {id: mix, uses: noop/mix, isolation: inline, with: {text: \"${input.t}\", size: 20}}\n"
    "  - {id: copy, uses: steps/copy, isolation: inline, with: {value: \"${mix}\"}}\n";

struct flaws {
    size_t count;
    char first[1024];
};

static void note(const char *sentence, void *context)
{
    struct flaws *flaws = context;
    if (flaws->count++ == 0) {
        snprintf(flaws->first, sizeof flaws->first, "%s", sentence);
    }
}

static struct flaws look(const struct bench *bench, struct fnd_deep *result)
{
    struct flaws flaws = {0};
    struct fnd_reader *reader = NULL;
    struct fnd_error error = {0};
    const struct fnd_deep_options options = {.kinds = act_kinds(),
                                             .worker_program = getenv("FOUNDRY_WORKER"),
                                             .flaw = note,
                                             .context = &flaws};
    cr_assert_eq(fnd_reader_open(bench->jobs, &reader, &error), FND_OK, "%s", error.message);
    cr_assert_eq(fnd_deep_look(reader, &options, result, &error), FND_OK, "%s", error.message);
    cr_assert_eq((size_t)result->flaws, flaws.count);
    fnd_reader_close(reader);
    return flaws;
}

static char plugin_path[1024];

static void begin(struct bench *bench, size_t jobs)
{
    bench_begin(bench);
    snprintf(plugin_path, sizeof plugin_path, "%s/tests/plugins", getenv("FOUNDRY_BUILD_ROOT"));
    bench->options.plugin_path = plugin_path;
    bench->options.worker_program = getenv("FOUNDRY_WORKER");
    bench->inline_plugins = true;
    bench_pipeline(bench, mixing);
    bench_open(bench);
    for (size_t i = 0; i < jobs; i++) {
        char line[64];
        snprintf(line, sizeof line, "{\"id\":%zu,\"t\":\"text %zu\"}", i, i);
        bench_line(bench, "a.jsonl", line);
    }
    bench_run(bench);
    bench_close(bench);
}

/* A phase's output as a plugin would never have been let write it: chained, digested, whole. */
static void record_output(const struct bench *bench, const char *body)
{
    const struct fnd_store_options options = {.env = bench->env};
    struct fnd_store *store = NULL;
    struct fnd_reader *reader = NULL;
    struct fnd_step_row row;
    struct fnd_error error = {0};
    cr_assert_eq(fnd_store_open(bench->jobs, &options, &store, &error), FND_OK, "%s",
                 error.message);
    cr_assert_eq(fnd_reader_open(bench->jobs, &reader, &error), FND_OK, "%s", error.message);
    cr_assert_eq(fnd_step_get(reader, 3, &row, &error), FND_OK, "%s", error.message);
    struct fnd_write *write = fnd_write_create();
    write->step = row.id;
    write->before = row.event;
    struct fnd_event *event = fnd_write_add(write, FND_EVENT_REOPEN, NULL, NULL);
    event->after.state = FND_RUNNING;
    event->after.attempt = 1;
    event = fnd_write_add(write, FND_EVENT_OUTPUT, fnd_strdup(body), NULL);
    event->attempt = 1;
    event->after = (struct fnd_stand){.state = FND_RUNNING, .phase = 1, .attempt = 1};
    cr_assert_eq(fnd_store_commit(store, write, &error), FND_OK, "%s", error.message);
    fnd_write_destroy(write);
    fnd_reader_close(reader);
    fnd_store_close(store);
}

static void copies_remove(const struct bench *bench)
{
    char command[256];
    snprintf(command, sizeof command, "rm %s/.foundry/plugins/*.so", bench->jobs);
    cr_assert_eq(system(command), 0);
}

Test(deep, a_whole_record_compiles_and_its_outputs_keep_their_schemas)
{
    struct bench bench;
    struct fnd_deep result;
    begin(&bench, 3);
    struct flaws flaws = look(&bench, &result);
    cr_expect_eq(flaws.count, 0, "%s", flaws.first);
    cr_expect_eq(result.pins, 1);
    cr_expect_eq(result.outputs, 3, "those of noop/mix, which has a schema");
    cr_expect_eq(result.outputs_free, 3, "those of steps/copy, which has none");
    bench_end(&bench);
}

Test(deep, an_output_that_breaks_its_schema_is_named)
{
    struct bench bench;
    struct fnd_deep result;
    begin(&bench, 1);
    record_output(&bench, "{\"text\":5}");
    struct flaws flaws = look(&bench, &result);
    cr_expect_eq(flaws.count, 1);
    cr_expect_not_null(strstr(flaws.first, "breaks the schema of noop/mix: \"/text\""), "%s",
                       flaws.first);
    cr_expect_not_null(strstr(flaws.first, "job 3"), "%s", flaws.first);
    bench_end(&bench);
}

Test(deep, a_pin_that_no_longer_compiles_counts_only_while_jobs_need_it)
{
    struct bench bench;
    struct fnd_deep result;
    begin(&bench, 1);
    copies_remove(&bench);
    struct flaws flaws = look(&bench, &result);
    cr_expect_eq(flaws.count, 0, "its job has ended: %s", flaws.first);
    cr_expect_eq(result.pins_past, 1);
    cr_expect_eq(result.outputs, 0);
    record_output(&bench, "{\"text\":\"again\"}"); /* and now it has not */
    flaws = look(&bench, &result);
    cr_expect_eq(flaws.count, 1);
    cr_expect_not_null(strstr(flaws.first, "does not compile"), "%s", flaws.first);
    cr_expect_not_null(strstr(flaws.first, "the copy of plugin"), "%s", flaws.first);
    bench_open(&bench); /* pinning brings the copies back, so that the record is whole again */
    bench_end(&bench);
}
