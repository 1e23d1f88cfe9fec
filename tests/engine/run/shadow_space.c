/* SPDX-License-Identifier: MIT */
#include "shadow_space.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

struct desk desk;
char space_plugin[4096], space_another[4096];

void space_begin(const char *yaml)
{
    desk_begin(&desk, FND_ISOLATION_INLINE, false);
    (void)snprintf(space_plugin, sizeof space_plugin, "%s/tests/plugins/steps.so",
                   getenv("FOUNDRY_BUILD_ROOT"));
    (void)snprintf(space_another, sizeof space_another, "%s/tests/plugins/noop.so",
                   getenv("FOUNDRY_BUILD_ROOT"));
    desk_pipeline(&desk, yaml, NULL);
    desk_beside(&desk, "form.json", "{\"type\":\"object\"}");
    char folder[128];
    (void)snprintf(folder, sizeof folder, "%s/in", desk.jobs);
    cr_assert_eq(mkdir(folder, 0700), 0);
    desk_job(&desk, "in/a.txt", "one");
    desk_job(&desk, "b.txt", "two");
    desk_line(&desk, "c.jsonl", "{\"id\":\"v\",\"n\":3}");
    desk_run(&desk);
    desk_close(&desk);
}

struct fnd_reader *space_look(void)
{
    struct fnd_reader *reader = NULL;
    cr_assert_eq(fnd_reader_open(desk.jobs, &reader, &desk.error), FND_OK, "%s",
                 desk.error.message);
    return reader;
}

enum fnd_status space_create(struct fnd_reader *reader, const char *file,
                             const struct fnd_shadow_model *model, struct fnd_shadow **shadow)
{
    *shadow = NULL;
    desk.error = (struct fnd_error){0};
    return fnd_shadow_create(reader, "past", file, model, getenv("FOUNDRY_WORKER"), NULL, shadow,
                             &desk.error);
}

enum fnd_status space_add(struct fnd_reader *reader, struct fnd_shadow *shadow, const char *job,
                          char **path, struct fnd_error *error)
{
    struct fnd_job_row row = {0};
    *path = NULL;
    enum fnd_status status = fnd_job_find(reader, "past", job, &row, error);
    if (status == FND_OK) {
        status = fnd_shadow_add(shadow, &row, path, error);
        fnd_job_row_finish(&row);
    }
    return status;
}

const char *space_content(const char *folder, const char *name)
{
    static struct fnd_text text;
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    fnd_text_clear(&text);
    (void)fnd_file_read(AT_FDCWD, path, 1 << 20, &text, NULL);
    return fnd_text_z(&text);
}

bool space_gone(void)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/.foundry/shadow", desk.jobs);
    return rmdir(path) == 0 || errno == ENOENT;
}

int64_t space_commit(struct fnd_write *write)
{
    cr_assert_eq(fnd_store_commit(fnd_engine_store(desk.engine), write, &desk.error), FND_OK, "%s",
                 desk.error.message);
    const int64_t first = write->first;
    fnd_write_destroy(write);
    return first;
}

void space_refused(const char *yaml, const char *file, const struct fnd_shadow_model *model,
                   enum fnd_status status, const char *words)
{
    struct fnd_shadow *shadow = NULL;
    space_begin(yaml);
    struct fnd_reader *reader = space_look();
    cr_expect_eq(space_create(reader, file, model, &shadow), status, "%s: %s", words,
                 desk.error.message);
    cr_expect_null(shadow);
    cr_expect_not_null(strstr(desk.error.message, words), "%s: %s", words, desk.error.message);
    cr_expect(space_gone(), "%s", words);
    fnd_reader_close(reader);
    desk_end(&desk);
}
