/* SPDX-License-Identifier: MIT */
/* What changes while a job waits: plugins, the pipeline, secrets, inputs. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "desk.h"

static struct desk desk;

#define JOB "a.jsonl#x"
#define WAITS                                                                                      \
    "foundry: v1\nname: waits\nphases:\n"                                                          \
    "  - {id: read, uses: steps/copy, with: {value: \"${input.n}\"}}\n"                            \
    "  - {id: review, uses: foundry/human, with: {of: read, audit: 100%}}\n"                       \
    "  - {id: behind, uses: steps/copy, with: {value: \"${review.value}\"}}\n"

static void file_copy(const char *from, const char *to)
{
    char buffer[65536];
    FILE *in = fopen(from, "r"), *out = fopen(to, "w");
    cr_assert_not_null(in, "%s", from);
    cr_assert_not_null(out, "%s", to);
    for (size_t got; (got = fread(buffer, 1, sizeof buffer, in)) > 0;) {
        cr_assert_eq(fwrite(buffer, 1, got, out), got);
    }
    fclose(in);
    fclose(out);
}

static const char *build_file(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/tests/plugins/%s", getenv("FOUNDRY_BUILD_ROOT"), name);
    return path;
}

/** A plugin path of the desk's own with steps.so in it. */
static void begin_own(const char *yaml, enum fnd_isolation isolation)
{
    char path[256];
    desk_begin(&desk, isolation, false);
    snprintf(path, sizeof path, "%s/steps.so", desk.plugins);
    file_copy(build_file("steps.so"), path);
    snprintf(desk.plugin_path, sizeof desk.plugin_path, "%s", desk.plugins);
    desk_pipeline(&desk, yaml, NULL);
    desk_line(&desk, "a.jsonl", "{\"id\":\"x\",\"n\":1}");
    desk_run(&desk);
    desk_close(&desk);
}

/** Nothing is pinned: what waits is taken up, as it was pinned. */
static void resume_all(void)
{
    desk_open(&desk);
    cr_assert_eq(fnd_engine_resume(desk.engine, NULL, &desk.error), FND_OK);
    desk_rest(&desk);
}

Test(pinned, a_paused_job_ends_with_the_plugin_it_began_with)
{
    static const char *const instead[] = {NULL, "", "noop.so", "bad/major.so", "bad/no_object.so",
                                          "cut"};
    static const enum fnd_isolation places[] = {FND_ISOLATION_INLINE, FND_ISOLATION_PROCESS};
    for (size_t i = 0; i < sizeof instead / sizeof instead[0]; i++) {
        char path[256];
        begin_own(WAITS, places[i % 2]);
        snprintf(path, sizeof path, "%s/steps.so", desk.plugins);
        cr_assert_eq(unlink(path), 0);
        if (instead[i] != NULL && strcmp(instead[i], "cut") == 0) {
            file_copy(build_file("steps.so"), path);
            cr_assert_eq(truncate(path, 5000), 0);
        } else if (instead[i] != NULL && instead[i][0] != '\0') {
            file_copy(build_file(instead[i]), path);
        } else if (instead[i] != NULL) {
            file_copy("/dev/null", path);
        }
        resume_all();
        cr_expect_eq(desk_set(&desk, JOB, "{\"/value\":2}"), FND_OK, "%s", desk.error.message);
        cr_expect_eq(desk_state(&desk, JOB), FND_COMPLETED, "case %zu: %s", i, desk.message);
        cr_expect_str_eq(desk_output(&desk, JOB, 2), "{\"value\":2}");
        desk_end(&desk);
    }
}

/** The only copy in .foundry/plugins; its hash is the name before ".so". */
static void copy_path(char *path, size_t size, char hash[65])
{
    char folder[128];
    snprintf(folder, sizeof folder, "%s/.foundry/plugins", desk.jobs);
    DIR *names = opendir(folder);
    cr_assert_not_null(names);
    hash[0] = '\0';
    for (struct dirent *entry; (entry = readdir(names)) != NULL;) {
        if (strlen(entry->d_name) == 67) {
            snprintf(hash, 65, "%.64s", entry->d_name);
            snprintf(path, size, "%s/%s", folder, entry->d_name);
        }
    }
    closedir(names);
    cr_assert_eq(strlen(hash), 64);
}

Test(pinned, a_missing_copy_holds_the_job_and_is_named)
{
    char path[256], aside[256], hash[65];
    begin_own(WAITS, FND_ISOLATION_PROCESS);
    copy_path(path, sizeof path, hash);
    snprintf(aside, sizeof aside, "%s/aside", desk.folder);
    desk_open(&desk);
    struct desk_answer answer = {
        .request = desk_request(&desk, JOB), .values = "{\"/value\":2}", .wait = true};
    cr_assert_eq(desk_answer(&desk, &answer), FND_OK, "%s", desk.error.message);
    desk_close(&desk);
    cr_assert_eq(rename(path, aside), 0);
    resume_all();
    cr_expect_eq(desk_state(&desk, JOB), FND_PAUSED);
    cr_expect_not_null(strstr(desk_last(&desk, JOB), hash), "%s", desk_last(&desk, JOB));
    cr_expect_eq(desk_request(&desk, JOB), 0);
    desk_close(&desk);
    cr_assert_eq(rename(aside, path), 0);
    resume_all();
    cr_expect_eq(desk_state(&desk, JOB), FND_COMPLETED, "%s", desk.message);
    desk_end(&desk);
}

Test(pinned, an_altered_copy_is_refused_before_anything_looks_into_it)
{
    char path[256], aside[256], hash[65];
    begin_own(WAITS, FND_ISOLATION_INLINE);
    copy_path(path, sizeof path, hash);
    snprintf(aside, sizeof aside, "%s/aside", desk.folder);
    cr_assert_eq(rename(path, aside), 0);
    file_copy(build_file("bad/constructor.so"), path); /* loading it would end this process */
    desk_open(&desk);
    cr_expect_eq(desk_set(&desk, JOB, "{\"/value\":2}"), FND_DAMAGED);
    cr_expect_not_null(strstr(desk.error.message, hash), "%s", desk.error.message);
    cr_expect_eq(desk_state(&desk, JOB), FND_PAUSED);
    cr_expect_gt(desk_request(&desk, JOB), 0, "the question stands");
    desk_close(&desk);
    cr_assert_eq(rename(aside, path), 0);
    desk_open(&desk);
    cr_expect_eq(desk_set(&desk, JOB, "{\"/value\":2}"), FND_OK, "%s", desk.error.message);
    desk_end(&desk);
}

Test(pinned, what_may_not_be_repeated_is_asked_about_also_behind_a_missing_copy)
{
    char path[256], aside[256], hash[65];
    begin_own("foundry: v1\nname: waits\nphases:\n"
              "  - {id: hold, uses: steps/copy, with: {value: \"${secrets.NOT_THERE_YET}\"}}\n"
              "  - {id: once, uses: steps/once}\n",
              FND_ISOLATION_PROCESS);
    /* As a process leaves it that dies inside `once`: OUTPUT of hold, START of once. */
    desk_open(&desk);
    struct fnd_step_row row = desk_step(&desk, JOB);
    struct fnd_write *write = fnd_write_create();
    write->step = row.id;
    write->before = row.event;
    struct fnd_event *event = fnd_write_add(write, FND_EVENT_OUTPUT, strdup("{}"), NULL);
    event->after = (struct fnd_stand){FND_QUEUED, 1, 0, 0, 0};
    event = fnd_write_add(write, FND_EVENT_START, NULL, NULL);
    event->phase = 1;
    event->attempt = 1;
    event->after = (struct fnd_stand){FND_RUNNING, 1, 1, 0, 0};
    cr_assert_eq(fnd_store_commit(fnd_engine_store(desk.engine), write, &desk.error), FND_OK, "%s",
                 desk.error.message);
    fnd_write_destroy(write);
    desk_close(&desk);
    copy_path(path, sizeof path, hash);
    snprintf(aside, sizeof aside, "%s/aside", desk.folder);
    cr_assert_eq(rename(path, aside), 0);
    resume_all();
    cr_expect_eq(desk_state(&desk, JOB), FND_PAUSED);
    desk_close(&desk);
    cr_assert_eq(rename(aside, path), 0);
    resume_all();
    cr_expect_str_eq(desk_asked(&desk, JOB), "repeat ");
    cr_expect_eq(desk_set(&desk, JOB, "{\"repeat\":\"run\"}"), FND_OK, "%s", desk.error.message);
    cr_expect_eq(desk_state(&desk, JOB), FND_COMPLETED, "%s", desk.message);
    desk_end(&desk);
}

struct reports {
    size_t moves, stays;
    char why[256];
};

static void report_keep(void *context, const char *path, bool moves, const char *why)
{
    struct reports *reports = context;
    (void)path;
    reports->moves += moves;
    reports->stays += !moves;
    snprintf(reports->why, sizeof reports->why, "%s", why);
}

static void change_pipeline(void)
{
    desk_pipeline(&desk,
                  "foundry: v1\nname: waits\nphases:\n"
                  "  - {id: read, uses: steps/copy, with: {value: \"${input.n}\"}}\n"
                  "  - {id: review, uses: foundry/human, with: {of: read, audit: 50%}}\n"
                  "  - {id: behind, uses: steps/copy, with: {value: changed}}\n",
                  NULL);
}

Test(pinned, a_changed_pipeline_is_shown_and_the_paused_job_keeps_its_own)
{
    begin_own(WAITS, FND_ISOLATION_PROCESS);
    const int64_t old = desk.pin;
    change_pipeline();
    desk_run(&desk);
    cr_assert_neq(desk.pin, old);
    struct fnd_text before = {0}, after = {0}, lines = {0};
    struct fnd_reader *reader = fnd_engine_reader(desk.engine);
    cr_assert_eq(fnd_payload_get(reader, old, &before, NULL, NULL), FND_OK);
    cr_assert_eq(fnd_payload_get(reader, desk.pin, &after, NULL, NULL), FND_OK);
    cr_expect_eq(
        fnd_pin_diff(desk_json(fnd_text_z(&before)), desk_json(fnd_text_z(&after)), &lines), 2,
        "%s", fnd_text_z(&lines));
    cr_expect_not_null(strstr(fnd_text_z(&lines), "100%"), "%s", fnd_text_z(&lines));
    cr_expect_not_null(strstr(fnd_text_z(&lines), "changed"), "%s", fnd_text_z(&lines));
    fnd_text_finish(&before);
    fnd_text_finish(&after);
    fnd_text_finish(&lines);
    cr_expect_eq(desk_set(&desk, JOB, "{\"/value\":2}"), FND_OK, "%s", desk.error.message);
    cr_expect_eq(desk_step(&desk, JOB).pin, old);
    cr_expect_str_eq(desk_output(&desk, JOB, 2), "{\"value\":2}");
    desk_end(&desk);
}

Test(pinned, an_upgrade_is_taken_when_told_and_withdraws_the_question)
{
    begin_own(WAITS, FND_ISOLATION_PROCESS);
    const int64_t old = desk.pin;
    change_pipeline();
    desk_run(&desk);
    struct reports reports = {0};
    struct desk_answer answer = {.request = desk_request(&desk, JOB), .values = "{\"/value\":2}"};
    cr_assert_eq(
        fnd_engine_upgrade(desk.engine, desk.pin, true, report_keep, &reports, "anna", &desk.error),
        FND_OK);
    cr_expect_eq(reports.moves, 1, "%s", reports.why);
    cr_expect_eq(desk_step(&desk, JOB).pin, old, "a dry run only says");
    cr_assert_eq(fnd_engine_upgrade(desk.engine, desk.pin, false, report_keep, &reports, "anna",
                                    &desk.error),
                 FND_OK);
    desk_rest(&desk);
    cr_expect_eq(desk_step(&desk, JOB).pin, desk.pin);
    cr_expect_eq(desk_answer(&desk, &answer), FND_CONFLICT);
    cr_expect_not_null(strstr(desk.error.message, "withdrawn"), "%s", desk.error.message);
    if (desk_state(&desk, JOB) == FND_PAUSED) { /* the draw may fall on it again */
        cr_expect_eq(desk_set(&desk, JOB, "{}"), FND_OK, "%s", desk.error.message);
    }
    cr_expect_str_eq(desk_output(&desk, JOB, 2), "{\"value\":\"changed\"}");
    desk_end(&desk);
}

Test(pinned, an_upgrade_leaves_a_missing_plugin_behind)
{
    char path[256], hash[65], other[256];
    begin_own("foundry: v1\nname: waits\nphases:\n"
              "  - {id: read, uses: steps/copy, with: {value: \"${secrets.NOT_THERE_YET}\"}}\n",
              FND_ISOLATION_PROCESS);
    copy_path(path, sizeof path, hash);
    cr_assert_eq(unlink(path), 0);
    snprintf(other, sizeof other, "%s/noop.so", desk.plugins);
    file_copy(build_file("noop.so"), other);
    desk_pipeline(&desk,
                  "foundry: v1\nname: waits\nphases:\n"
                  "  - {id: read, uses: noop/mix, with: {text: a, size: 3}}\n",
                  NULL);
    desk_run(&desk);
    cr_expect_eq(desk_state(&desk, JOB), FND_PAUSED);
    cr_assert_eq(fnd_engine_upgrade(desk.engine, desk.pin, false, NULL, NULL, "anna", &desk.error),
                 FND_OK, "%s", desk.error.message);
    desk_rest(&desk);
    cr_expect_eq(desk_state(&desk, JOB), FND_COMPLETED, "%s", desk.message);
    desk_end(&desk);
}

Test(pinned, a_secret_that_is_missing_at_resume_holds_the_job_with_that_reason)
{
    char secrets[160], token[200];
    desk_begin(&desk, FND_ISOLATION_PROCESS, false);
    snprintf(secrets, sizeof secrets, "%s/secrets", desk.folder);
    snprintf(token, sizeof token, "%s/TOKEN", secrets);
    cr_assert_eq(mkdir(secrets, 0700), 0);
    desk.options.secrets_dir = secrets;
    desk_pipeline(&desk,
                  "foundry: v1\nname: secret\nphases:\n"
                  "  - {id: read, uses: steps/copy, with: {value: 1}}\n"
                  "  - {id: review, uses: foundry/human, with: {of: read, audit: 100%}}\n"
                  "  - {id: send, uses: steps/copy, with: {value: \"${secrets.TOKEN}\"}}\n",
                  NULL);
    desk_line(&desk, "a.jsonl", "{\"id\":\"x\"}");
    desk_run(&desk);
    cr_expect_eq(desk_set(&desk, JOB, "{}"), FND_OK, "%s", desk.error.message);
    cr_expect_eq(desk_state(&desk, JOB), FND_PAUSED);
    cr_expect_not_null(strstr(desk.message, "secret TOKEN is not set"), "%s", desk.message);
    cr_expect_eq(desk_request(&desk, JOB), 0, "there is nothing to answer");
    desk_close(&desk);
    desk_beside(&desk, "secrets/TOKEN", "t0ps3cret\n");
    desk_run(&desk);
    cr_expect_eq(desk_state(&desk, JOB), FND_COMPLETED, "%s", desk.message);
    cr_expect_str_eq(desk_output(&desk, JOB, 2), "{\"value\":\"t0ps3cret\"}");
    desk_end(&desk);
}

Test(pinned, a_key_that_the_input_lacks_fails_its_job_by_name)
{
    static const struct {
        const char *yaml, *says;
    } cases[] = {
        {"  - {id: read, uses: steps/copy, with: {value: \"${input.content}\"}}\n",
         "input.content"},
        {"  - {id: read, uses: steps/keep, with: {text: \"a ${input.content} b\"}}\n",
         "input.content"},
        {"  - {id: read, uses: steps/keep, with: {text: \"${input.n}\"}}\n", "/text"},
        {"  - {id: first, uses: steps/copy, with: {value: 1}}\n"
         "  - {id: read, uses: foundry/human, with: {of: first, detectors: "
         "[{uses: steps/always, with: {field: \"${params.at}\"}}]}}\n",
         "/nowhere"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char yaml[1024];
        desk_begin(&desk, FND_ISOLATION_PROCESS, false);
        snprintf(yaml, sizeof yaml,
                 "foundry: v1\nname: lacks\nparams: {at: {type: string, default: /nowhere}}\n"
                 "phases:\n%s",
                 cases[i].yaml);
        desk_pipeline(&desk, yaml, NULL);
        desk_line(&desk, "a.jsonl", "{\"id\":\"x\",\"n\":1}");
        desk_line(&desk, "a.jsonl", "{\"id\":\"y\",\"n\":\"t\",\"content\":\"c\"}");
        desk_run(&desk);
        cr_expect_eq(desk_state(&desk, JOB), FND_FAILED, "case %zu", i);
        const char *body = desk_last(&desk, JOB);
        cr_expect_not_null(strstr(body, cases[i].says), "case %zu: %s", i, body);
        cr_expect_eq(desk_state(&desk, "a.jsonl#y"), i == 3 ? FND_FAILED : FND_COMPLETED);
        cr_expect_not_null(strstr(body, i == 3 ? "detector steps/always: " : "phase read: "), "%s",
                           body);
        desk_end(&desk);
    }
}
