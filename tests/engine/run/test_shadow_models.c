/* SPDX-License-Identifier: MIT */
/* Shadow spaces with another version of a model, and each call of making one failing once. */
#include "shadow_space.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../store/failing.h"
#include "base/file.h"
#include "store/learn.h"

enum { CALLS_MAX = 3000 };

static const char plain[] = HEAD PAST;
static const char learning[] =
    "foundry: v1\nname: past\ninputs: {match: ['*.txt', 'in/*.txt'], keep: reference}\nphases:\n"
    "  - {id: label, uses: learner/label, with: {file: '${input.file}', model: "
    "'${models.words}'}}\n"
    "  - {id: look, uses: foundry/human, with: {of: label}}\n"
    "  - {id: twice, uses: learner/label, with: {file: '${input.file}', model: "
    "'${models.other}'}}\n"
    "  - {id: see, uses: foundry/human, with: {of: twice}}\nmodels:\n"
    "  words: {phase: label, of: look, trainer: {uses: learner/train}}\n"
    "  other: {phase: twice, of: see, trainer: {uses: learner/train}}\n";

/* --- models ----------------------------------------------------------------------------------- */

static struct fnd_event *event_add(struct fnd_write *write, enum fnd_event_kind kind, int version,
                                   const char *rest)
{
    struct fnd_text body = {0};
    fnd_text_printf(&body, "{\"pipeline\":\"past\",\"model\":\"words\",\"version\":%d%s}", version,
                    rest);
    return fnd_write_add(write, kind, fnd_text_take(&body), NULL);
}

/** A version of model words that was trained, and promoted or not. Gives its artifact's file. */
static void learned(int version, const char *bytes, bool promote, char path[512])
{
    struct fnd_artifact artifact;
    struct fnd_text meta = {0};
    char hash[FND_DIGEST_TEXT_SIZE], name[FND_ARTIFACT_PATH_SIZE];
    struct fnd_write *write = fnd_write_create();
    (void)event_add(write, FND_EVENT_TRAIN, version, ",\"attempt\":1,\"until\":0");
    const int64_t training = space_commit(write);
    cr_assert_eq(fnd_artifact_put(fnd_engine_store(desk.engine), bytes, strlen(bytes), &artifact,
                                  &desk.error),
                 FND_OK);
    fnd_digest_text(artifact.hash, hash);
    fnd_text_printf(&meta, "{\"artifacts\":{\"model\":{\"sha256\":\"%s\",\"size\":%zu}}}", hash,
                    strlen(bytes));
    write = fnd_write_create();
    struct fnd_event *event = fnd_write_add(
        write, FND_EVENT_TRAINED, fnd_strdup("{\"outcome\":\"done\"}"), fnd_text_take(&meta));
    event->ref = training;
    event->artifacts = fnd_alloc(sizeof artifact);
    event->artifacts[0] = artifact;
    event->artifacts_count = 1;
    const int64_t model = space_commit(write);
    if (promote) {
        write = fnd_write_create();
        event_add(write, FND_EVENT_DECIDE, version,
                  ",\"decision\":\"promote\",\"from\":0,\"replaces\":0,\"by\":\"ann\"")
            ->ref = model;
        (void)space_commit(write);
    }
    fnd_artifact_path(artifact.hash, name);
    (void)snprintf(path, 512, "%s/.foundry/%s", desk.jobs, name);
}

/** The model in production in a shadow space, its bytes; "" if the rules are. */
static const char *production(const struct fnd_shadow *shadow)
{
    struct fnd_reader *there = NULL;
    struct fnd_model_row row = {0};
    char folder[512], name[FND_ARTIFACT_PATH_SIZE];
    cr_assert_eq(fnd_reader_open(fnd_shadow_directory(shadow), &there, &desk.error), FND_OK, "%s",
                 desk.error.message);
    const bool some = fnd_model_production(there, "past", "words", &row, NULL) == FND_OK;
    fnd_artifact_path(row.artifact.hash, name);
    (void)snprintf(folder, sizeof folder, "%s/.foundry", fnd_shadow_directory(shadow));
    fnd_model_row_finish(&row);
    fnd_reader_close(there);
    return some ? space_content(folder, name) : "";
}

/** The past of a pipeline whose model words has version 1 in production, and 2. */
static struct fnd_reader *begin_learned(char first[512])
{
    char second[512];
    space_begin(learning);
    desk_open(&desk);
    desk_pin(&desk);
    learned(1, "the first", true, first);
    learned(2, "the second", false, second);
    desk_close(&desk);
    return space_look();
}

Test(shadow, has_the_version_that_is_looked_at)
{
    static const struct {
        int64_t version;
        const char *bytes, *name;
    } cases[] = {{-1, "the second", "version 2"},
                 {2, "the second", "version 2"},
                 {1, "the first", "version 1"},
                 {0, "", "version 0"}};
    char first[512];
    struct fnd_shadow *shadow;
    struct fnd_reader *reader = begin_learned(first);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct fnd_shadow_model wanted = {"words", cases[i].version};
        cr_assert_eq(space_create(reader, NULL, &wanted, &shadow), FND_OK, "%s",
                     desk.error.message);
        cr_expect_str_eq(production(shadow), cases[i].bytes);
        cr_expect_str_eq(fnd_shadow_version(shadow, false), "version 1");
        cr_expect_str_eq(fnd_shadow_version(shadow, true), cases[i].name);
        cr_expect_str_eq(fnd_shadow_plugin_id(shadow), "model words");
        fnd_shadow_destroy(shadow);
    }
    const struct fnd_shadow_model beyond = {"words", 9};
    cr_expect_eq(space_create(reader, NULL, &beyond, &shadow), FND_NOT_FOUND);
    cr_expect_not_null(strstr(desk.error.message, "words has no such version"), "%s",
                       desk.error.message);
    const struct fnd_shadow_model rules = {"other", 0}; /* the other is as it is in production */
    cr_assert_eq(space_create(reader, NULL, &rules, &shadow), FND_OK, "%s", desk.error.message);
    cr_expect_str_eq(production(shadow), "the first");
    cr_expect_str_eq(fnd_shadow_hash(shadow, false), "the rules");
    fnd_shadow_destroy(shadow);
    cr_expect(space_gone());
    fnd_reader_close(reader);
    desk_end(&desk);
}

Test(shadow, takes_no_model_but_the_one_that_was_learned)
{
    char first[512], away[600];
    struct fnd_shadow *shadow;
    const struct fnd_shadow_model wanted = {"words", 1};
    struct fnd_reader *reader = begin_learned(first);
    (void)snprintf(away, sizeof away, "%s.away", first);
    cr_assert_eq(rename(first, away), 0);
    cr_expect_eq(space_create(reader, NULL, &wanted, &shadow), FND_NOT_FOUND);
    cr_assert_eq(fnd_file_write(AT_FDCWD, first, "the worst", 9, 0600, NULL), FND_OK);
    cr_expect_eq(space_create(reader, NULL, &wanted, &shadow), FND_DAMAGED);
    cr_expect_not_null(strstr(desk.error.message, "model words is not what was learned"), "%s",
                       desk.error.message);
    cr_expect(space_gone());
    cr_assert_eq(rename(away, first), 0);
    fnd_reader_close(reader);
    desk_end(&desk);
}

/* --- each call fails -------------------------------------------------------------------------- */

/** Whether a file below a folder has the bytes of another. */
static bool same(const char *folder, const char *name, const char *file)
{
    struct fnd_text here = {0}, there = {0};
    (void)fnd_file_read(AT_FDCWD, file, 1 << 24, &there, NULL);
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    (void)fnd_file_read(AT_FDCWD, path, 1 << 24, &here, NULL);
    const bool is = there.size > 0 && here.size == there.size &&
                    memcmp(fnd_text_z(&here), fnd_text_z(&there), here.size) == 0;
    fnd_text_finish(&here);
    fnd_text_finish(&there);
    return is;
}

/** Make a space with a job's input in it, as a replay does. */
static enum fnd_status made(struct fnd_reader *reader, const char *file,
                            const struct fnd_shadow_model *model, struct fnd_shadow **shadow)
{
    char *path = NULL;
    enum fnd_status status = space_create(reader, file, model, shadow);
    if (status == FND_OK) {
        status = space_add(reader, *shadow, "in/a.txt", &path, &desk.error);
        free(path);
    }
    if (status == FND_OK && file != NULL) {
        status = space_add(reader, *shadow, "c.jsonl#v", &path, &desk.error);
        free(path);
    }
    return status;
}

/** Each call fails once: it is said, or all is there; and nothing is left behind it. */
static void swept(struct fnd_reader *reader, const char *file, const struct fnd_shadow_model *model)
{
    const char *met = "";
    unsigned at = 0, told = 0;
    while (met != NULL && ++at < CALLS_MAX) {
        struct fnd_shadow *shadow;
        char label[96];
        failing_arm(at, FAILING_ERROR);
        const enum fnd_status status = made(reader, file, model, &shadow);
        met = failing_clear();
        (void)snprintf(label, sizeof label, "call %u (%s)", at, met == NULL ? "none" : met);
        told += status != FND_OK;
        cr_expect(status == FND_OK || strlen(desk.error.message) > 10, "%s says nothing", label);
        cr_expect(met != NULL || status == FND_OK, "%s: %s", label, desk.error.message);
        if (status == FND_OK) {
            cr_expect_str_eq(space_content(fnd_shadow_directory(shadow), "in/a.txt"), "one", "%s",
                             label);
            cr_expect_gt(strlen(space_content("", fnd_shadow_pipeline(shadow))), 100, "%s", label);
            cr_expect(model == NULL || strcmp(production(shadow), "the second") == 0, "%s", label);
            cr_expect(file == NULL || same(fnd_shadow_plugin_path(shadow), "steps.so", file), "%s",
                      label);
        }
        fnd_shadow_destroy(shadow);
        cr_expect(space_gone(), "%s leaves something", label);
    }
    printf("%u calls, %u told\n", at - 1, told);
    cr_expect_lt(at, CALLS_MAX);
    cr_expect_gt(told, 10);
}

/* The plugin lies in another file system, where there is one: no link can be made to it. */
Test(shadow, each_call_with_another_plugin, .timeout = 280)
{
    char command[5000], far[64] = "/dev/shm/foundry-shadow-XXXXXX";
    space_begin(plain);
    struct fnd_reader *reader = space_look();
    const int fd = mkstemp(far);
    if (fd >= 0) {
        (void)snprintf(command, sizeof command, "cp %s %s", space_plugin, far);
        cr_assert_eq(system(command), 0);
        (void)close(fd);
    }
    swept(reader, fd >= 0 ? far : space_plugin, NULL);
    (void)unlink(far);
    fnd_reader_close(reader);
    desk_end(&desk);
}

Test(shadow, each_call_with_another_model, .timeout = 280)
{
    const struct fnd_shadow_model wanted = {"words", -1};
    char first[512];
    struct fnd_reader *reader = begin_learned(first);
    swept(reader, NULL, &wanted);
    fnd_reader_close(reader);
    desk_end(&desk);
}
