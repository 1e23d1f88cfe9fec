/* SPDX-License-Identifier: MIT */
#include "desk.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "store/verify.h"

enum { DESK_REST_S_MAX = 100 };

struct fnd_json desk_json(const char *text)
{
    struct fnd_json json = {NULL, 0};
    struct fnd_error error = {0};
    if (text != NULL) {
        cr_assert_eq(fnd_json_check(text, strlen(text), NULL, &json, &error), FND_OK, "%s: %s",
                     text, error.message);
    }
    return json;
}

static void write_file(const char *folder, const char *name, const char *text, const char *mode)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, mode);
    cr_assert_not_null(file, "%s", path);
    fputs(text, file);
    fclose(file);
}

static int file_remove(const char *path, const struct stat *file, int flag, struct FTW *walk)
{
    (void)file;
    (void)flag;
    (void)walk;
    return remove(path);
}

static void news_keep(void *context, const struct fnd_news *news)
{
    struct desk *desk = context;
    if (news->message != NULL) {
        snprintf(desk->message, sizeof desk->message, "%s", news->message);
    }
}

void desk_begin(struct desk *desk, enum fnd_isolation isolation, bool system_clock)
{
    memset(desk, 0, sizeof *desk);
    const char *build = getenv("FOUNDRY_BUILD_ROOT");
    cr_assert_not_null(build, "FOUNDRY_BUILD_ROOT is not set: run this by meson test");
    fnd_digest_setup();
    const char *place = getenv("TMPDIR");
    snprintf(desk->folder, sizeof desk->folder, "%.40s/foundry-review-XXXXXX",
             place != NULL ? place : "/tmp");
    cr_assert_not_null(mkdtemp(desk->folder));
    snprintf(desk->jobs, sizeof desk->jobs, "%s/jobs", desk->folder);
    snprintf(desk->plugins, sizeof desk->plugins, "%s/plugins", desk->folder);
    snprintf(desk->pipeline, sizeof desk->pipeline, "%s/pipeline.yaml", desk->folder);
    snprintf(desk->plugin_path, sizeof desk->plugin_path, "%s/tests/plugins:%s/plugins/detect",
             build, build);
    cr_assert_eq(mkdir(desk->jobs, 0700), 0);
    cr_assert_eq(mkdir(desk->plugins, 0700), 0);
    desk->env = system_clock ? NULL : fnd_env_seeded_create(11, INT64_C(1700000000000000));
    desk->options.env = system_clock ? fnd_env_system() : desk->env;
    desk->options.directory = desk->jobs;
    desk->options.kinds = fnd_review_kinds();
    desk->options.store.create = true;
    desk->options.plugin_path = desk->plugin_path;
    desk->options.worker_program = getenv("FOUNDRY_WORKER");
    desk->options.isolation = isolation;
    desk->options.workers_max = 2;
    desk->options.news = news_keep;
    desk->options.context = desk;
}

static void flaw_print(const char *sentence, void *context)
{
    (void)context;
    fprintf(stderr, "verify: %s\n", sentence);
}

void desk_end(struct desk *desk)
{
    struct fnd_reader *reader = NULL;
    struct fnd_verify result = {0};
    desk_close(desk);
    if (fnd_reader_open(desk->jobs, &reader, &desk->error) == FND_OK) {
        cr_expect_eq(fnd_store_verify(reader, &result, flaw_print, NULL, &desk->error), FND_OK,
                     "%s", desk->error.message);
        cr_expect_eq(result.flaws, 0, "%" PRId64 " flaws", result.flaws);
        fnd_reader_close(reader);
    }
    fnd_answered_finish(&desk->answered);
    fnd_text_finish(&desk->text);
    fnd_env_seeded_destroy(desk->env);
    nftw(desk->folder, file_remove, 16, FTW_DEPTH | FTW_PHYS);
}

void desk_beside(struct desk *desk, const char *name, const char *text)
{
    write_file(desk->folder, name, text, "w");
}

void desk_job(struct desk *desk, const char *name, const char *text)
{
    write_file(desk->jobs, name, text, "w");
}

void desk_line(struct desk *desk, const char *file, const char *line)
{
    write_file(desk->jobs, file, line, "a");
    write_file(desk->jobs, file, "\n", "a");
}

void desk_pipeline(struct desk *desk, const char *yaml, const char *data)
{
    struct fnd_text file = {0}, whole = {0};
    const char *mark = strstr(yaml, "%R");
    if (mark != NULL) {
        char path[4096];
        snprintf(path, sizeof path, "%s/tests/data/%s", getenv("FOUNDRY_SOURCE_ROOT"), data);
        cr_assert_eq(fnd_file_read(AT_FDCWD, path, 1 << 20, &file, &desk->error), FND_OK, "%s",
                     desk->error.message);
        fnd_text_append(&whole, yaml, (size_t)(mark - yaml));
        fnd_json_compact(desk_json(fnd_text_z(&file)), &whole);
        fnd_text_append_z(&whole, mark + 2);
    } else {
        fnd_text_append_z(&whole, yaml);
    }
    desk_beside(desk, "pipeline.yaml", fnd_text_z(&whole));
    fnd_text_finish(&file);
    fnd_text_finish(&whole);
}

void desk_open(struct desk *desk)
{
    cr_assert_eq(fnd_engine_open(&desk->options, &desk->engine, &desk->error), FND_OK, "%s",
                 desk->error.message);
}

void desk_close(struct desk *desk)
{
    fnd_engine_close(desk->engine);
    desk->engine = NULL;
}

void desk_pin(struct desk *desk)
{
    struct fnd_errors errors = {0};
    enum fnd_status status =
        fnd_engine_pin(desk->engine, desk->pipeline, desk->settings, &desk->pin, &errors, NULL);
    for (size_t i = 0; i < errors.count; i++) {
        fprintf(stderr, "%zu:%zu: %s\n", errors.list[i].line, errors.list[i].column,
                errors.list[i].message);
    }
    cr_assert_eq(status, FND_OK, "%s", errors.list[0].message);
}

void desk_rest(struct desk *desk)
{
    const time_t begun = time(NULL);
    for (;;) {
        cr_assert_eq(fnd_engine_turn(desk->engine, &desk->error), FND_OK, "%s",
                     desk->error.message);
        if (fnd_engine_idle(desk->engine)) {
            return;
        }
        cr_assert_lt(time(NULL) - begun, DESK_REST_S_MAX, "the engine did not come to rest");
        struct pollfd ready = {fnd_engine_fd(desk->engine), POLLIN, 0};
        int64_t wait_us = fnd_engine_wait_us(desk->engine);
        poll(&ready, 1, wait_us < 0 || wait_us > 20000 ? 20 : (int)(wait_us / 1000) + 1);
    }
}

void desk_run(struct desk *desk)
{
    struct fnd_ingest counts = {0};
    if (desk->engine == NULL) {
        desk_open(desk);
    }
    desk_pin(desk);
    cr_assert_eq(fnd_engine_resume(desk->engine, NULL, &desk->error), FND_OK, "%s",
                 desk->error.message);
    cr_assert_eq(
        fnd_engine_ingest(desk->engine, desk->pin, false, &counts, NULL, NULL, &desk->error),
        FND_OK, "%s", desk->error.message);
    desk_rest(desk);
}

bool desk_under_sanitizer(void)
{
#if defined(__SANITIZE_ADDRESS__)
    return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    return true;
#else
    return false;
#endif
#else
    return false;
#endif
}
