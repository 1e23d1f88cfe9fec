/* SPDX-License-Identifier: MIT */
/* Files that phases write reach every later phase that can know their names. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run_help.h"

static struct bench bench;
static char plugin_path[4096];

/* keep writes kept.txt; its name passes through outputs that others read. */
#define KEEP                                                                                       \
    "foundry: v1\nname: plain\nphases:\n"                                                          \
    "  - {id: keep, uses: steps/keep, with: {text: \"${input.text}\"}}\n"
#define READ(file) "  - {id: read, uses: text/read, with: {file: \"" file "\"}}\n"

static void begin_with(const char *pipeline, bool inline_plugins)
{
    bench_begin(&bench);
    bench_pipeline(&bench, pipeline);
    snprintf(plugin_path, sizeof plugin_path, "%s/tests/plugins:%s/plugins/text",
             getenv("FOUNDRY_BUILD_ROOT"), getenv("FOUNDRY_BUILD_ROOT"));
    bench.options.plugin_path = plugin_path;
    bench.options.worker_program = getenv("FOUNDRY_WORKER");
    bench.inline_plugins = inline_plugins;
    bench_line(&bench, "a.jsonl", "{\"id\":\"x\",\"text\":\"kept words\"}");
    bench_open(&bench);
}

static void expect_output(size_t phase, const char *wanted)
{
    struct fnd_text body = {0};
    struct fnd_step_row row = bench_step(&bench, "a.jsonl#x");
    cr_assert_gt(row.outputs_count, phase, "%s", bench.last_message);
    cr_assert_eq(
        fnd_payload_get(fnd_engine_reader(bench.engine), row.outputs[phase], &body, NULL, NULL),
        FND_OK);
    cr_expect_str_eq(fnd_text_z(&body), wanted);
    fnd_text_finish(&body);
}

static void run(void)
{
    struct fnd_error error = {0};
    struct fnd_ingest counts = {0};
    cr_assert_eq(fnd_engine_resume(bench.engine, NULL, &error), FND_OK);
    cr_assert_eq(fnd_engine_ingest(bench.engine, bench.pin, false, &counts, NULL, NULL, &error),
                 FND_OK);
    cr_assert_eq(fnd_engine_run(bench.engine, NULL, &error), FND_OK, "%s", error.message);
}

Test(artifacts, reach_the_phase_that_reads_the_one_that_wrote_them)
{
    for (int i = 0; i < 2; i++) {
        begin_with(KEEP READ("${keep.file}"), i == 0);
        run();
        expect_output(1, "{\"text\":\"kept words\"}");
        bench_end(&bench);
    }
}

Test(artifacts, reach_a_phase_that_only_heard_of_them)
{
    for (int i = 0; i < 2; i++) {
        begin_with(KEEP
                   "  - {id: pass, uses: steps/copy, with: {value: \"${keep}\"}}\n"
                   "  - {id: other, uses: steps/copy, with: {value: 1}}\n"
                   "  - {id: on, uses: steps/copy, with: {value: \"${pass.value.file}\"}}\n" READ(
                       "${on.value}"),
                   i == 0);
        run();
        expect_output(4, "{\"text\":\"kept words\"}");
        bench_end(&bench);
    }
}

Test(artifacts, are_found_again_by_another_process)
{
    begin_with(KEEP "  - {id: pass, uses: steps/copy, with: {value: \"${keep}\"}}\n"
                    "  - {id: wait, uses: foundry/act}\n" READ("${pass.value.file}"),
               true);
    bench_close(&bench);
    bench_line(&bench, "b.jsonl", "{\"id\":\"y\",\"text\":\"b\",\"wait\":\"hold\"}");
    act_held = true;
    bench_open(&bench);
    run();
    bench_close(&bench);
    act_held = false;
    bench_open(&bench);
    run();
    cr_expect_eq(bench_step(&bench, "b.jsonl#y").stand.state, FND_COMPLETED, "%s",
                 bench.last_message);
    expect_output(3, "{\"text\":\"kept words\"}");
    bench_end(&bench);
}

Test(artifacts, of_one_name_the_latest_counts)
{
    begin_with(KEEP
               "  - {id: more, uses: steps/keep, with: {text: \"more than ${keep.file}\"}}\n" READ(
                   "${more.file}"),
               false);
    run();
    expect_output(2, "{\"text\":\"more than kept.txt\"}");
    bench_end(&bench);
}

Test(artifacts, nobody_told_of_are_not_there)
{
    begin_with(KEEP READ("kept.txt"), true);
    run();
    cr_expect_eq(bench_step(&bench, "a.jsonl#x").stand.state, FND_FAILED);
    cr_expect_not_null(strstr(bench.last_message, "kept.txt"), "%s", bench.last_message);
    bench_end(&bench);
}
