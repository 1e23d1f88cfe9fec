/* SPDX-License-Identifier: MIT */
/* Shadow spaces: what is put there is what the past ran with, what cannot be is named, and of a
 * space that could not be made nothing is left. */
#include "shadow_space.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static const char plain[] = HEAD PAST;

Test(shadow, has_what_the_past_ran_with_up_to_its_last_gate)
{
    static const char *const settings[] = {"hint=wet", NULL};
    struct fnd_shadow *shadow;
    char *path;
    int32_t gate = -1, subject = -1;
    const char *id = NULL;
    space_begin(plain);
    desk.settings = settings;
    desk_run(&desk);
    desk_close(&desk);
    struct fnd_reader *reader = space_look();
    cr_assert_eq(space_create(reader, space_plugin, NULL, &shadow), FND_OK, "%s",
                 desk.error.message);
    const char *yaml = fnd_shadow_pipeline(shadow);
    cr_expect_not_null(strstr(space_content("", yaml), "\"review\""), "%s",
                       space_content("", yaml));
    cr_expect_null(strstr(space_content("", yaml), "\"behind\""),
                   "what is behind the gate delivers");
    cr_expect_eq(fnd_shadow_gates(shadow), 1);
    fnd_shadow_gate(shadow, 0, &gate, &subject, &id);
    cr_expect_eq(gate, 1);
    cr_expect_eq(subject, 0);
    cr_expect_str_eq(id, "review");
    cr_expect_str_eq(fnd_shadow_settings(shadow)[0], "hint=wet");
    cr_expect_str_eq(fnd_shadow_settings(shadow)[1], "most=5");
    cr_expect_null(fnd_shadow_settings(shadow)[2]);
    cr_expect_str_eq(fnd_shadow_plugin_id(shadow), "steps");
    cr_expect_str_eq(fnd_shadow_hash(shadow, false), fnd_shadow_hash(shadow, true));
    cr_expect_gt(strlen(space_content(fnd_shadow_plugin_path(shadow), "steps.so")), 0);
    cr_assert_eq(space_add(reader, shadow, "in/a.txt", &path, &desk.error), FND_OK, "%s",
                 desk.error.message);
    cr_expect_str_eq(path, "in/a.txt");
    cr_expect_str_eq(space_content(fnd_shadow_directory(shadow), path), "one");
    free(path);
    cr_assert_eq(space_add(reader, shadow, "c.jsonl#v", &path, &desk.error), FND_OK, "%s",
                 desk.error.message);
    cr_expect_str_eq(space_content(fnd_shadow_directory(shadow), path), "{\"id\":\"v\",\"n\":3}");
    free(path);
    fnd_shadow_destroy(shadow);
    fnd_shadow_destroy(NULL);
    cr_expect(space_gone());
    fnd_reader_close(reader);
    desk_end(&desk);
}

Test(shadow, that_cannot_be_made_says_why)
{
    static const struct fnd_shadow_model model = {"words", -1};
    space_begin(plain); /* gives the plugins their names */
    desk_end(&desk);
    space_refused(HEAD "phases:\n" COPY, space_plugin, NULL, FND_INVALID,
                  "there is nothing that people answered to compare with");
    space_refused(plain, "/nonexistent/any.so", NULL, FND_NOT_FOUND, "cannot open the plugin");
    space_refused(plain, "/etc/passwd", NULL, FND_PLUGIN, "/etc/passwd");
    space_refused(plain, space_another, NULL, FND_NOT_FOUND, "the pipeline does not use that");
    space_refused(plain, NULL, &model, FND_NOT_FOUND, "pipeline past has no model words");
}

/* The space has each plugin under its id: one that is named by its file would be another there. */
Test(shadow, of_a_plugin_that_is_named_by_its_file_is_refused)
{
    static const struct fnd_shadow_model model = {"words", -1};
    struct fnd_shadow *shadow = NULL;
    char command[6000];
    space_begin(plain);
    (void)snprintf(command, sizeof command, "cp %s %s/mine.so", space_plugin, desk.folder);
    cr_assert_eq(system(command), 0);
    desk_pipeline(&desk,
                  "foundry: v1\nname: past\nphases:\n"
                  "  - {id: copy, uses: ./mine.so#copy, with: {value: 1}}\n"
                  "  - {id: review, uses: foundry/human, with: {of: copy}}\n",
                  NULL);
    desk_run(&desk);
    desk_close(&desk);
    struct fnd_reader *reader = space_look();
    cr_expect_eq(space_create(reader, NULL, &model, &shadow), FND_INVALID);
    cr_expect_not_null(strstr(desk.error.message, "names the plugin file ./mine.so"), "%s",
                       desk.error.message);
    cr_expect(space_gone());
    fnd_reader_close(reader);
    desk_end(&desk);
}

Test(shadow, of_files_in_other_folders_is_refused)
{
    space_begin(plain);
    char path[128];
    (void)snprintf(path, sizeof path, "%s/forms", desk.folder);
    cr_assert_eq(mkdir(path, 0700), 0);
    desk_beside(&desk, "forms/form.json", "{}");
    static const char *const names[] = {"forms/form.json", "./forms/form.json", "./form.json"};
    for (size_t i = 0; i < 3; i++) {
        struct fnd_shadow *shadow = NULL;
        char yaml[1024];
        (void)snprintf(yaml, sizeof yaml,
                       HEAD "phases:\n" COPY
                            "  - {id: review, uses: foundry/human, with: {of: copy, schema: %s}}\n",
                       names[i]);
        desk_pipeline(&desk, yaml, NULL);
        desk_run(&desk);
        desk_close(&desk);
        struct fnd_reader *reader = space_look();
        const enum fnd_status status = space_create(reader, space_plugin, NULL, &shadow);
        cr_expect_eq(status, i < 2 ? FND_INVALID : FND_OK, "%s: %s", names[i], desk.error.message);
        cr_expect(i == 2 || strstr(desk.error.message, names[i]) != NULL, "%s", desk.error.message);
        fnd_shadow_destroy(shadow);
        cr_expect(space_gone());
        fnd_reader_close(reader);
    }
    desk_end(&desk);
}

/* As no engine writes them; the digests of such a record are right all the same. */
Test(shadow, of_a_pin_that_was_made_up_is_refused_or_is_what_it_says)
{
    static const struct fnd_shadow_model model = {"words", 0};
    static const char *const pins[] = {
        "{\"name\":\"past\",\"plugins\":{\"steps\":{}}}",
        "{\"name\":\"past\",\"plugins\":{},\"canonical\":{\"phases\":[{\"uses\":\"foundry/"
        "human\",\"with\":{}}]}}",
        "{\"name\":\"past\",\"plugins\":{},\"canonical\":{\"models\":{\"words\":{}},\"phases\":["
        "{\"id\":\"5\"},{\"uses\":\"foundry/human\",\"with\":{\"of\":5}}]}}"};
    static const char *const words[] = {"the pin does not tell which bytes plugin steps has",
                                        "has no foundry/human", ""};
    for (size_t i = 0; i < 3; i++) {
        struct fnd_shadow *shadow = NULL;
        space_begin(plain);
        desk_open(&desk);
        struct fnd_write *write = fnd_write_create();
        (void)fnd_write_add(write, FND_EVENT_PIN, fnd_strdup(pins[i]), NULL);
        write->pipeline = fnd_strdup("past");
        fnd_sha256(pins[i], strlen(pins[i]), write->hash);
        (void)space_commit(write);
        desk_close(&desk);
        struct fnd_reader *reader = space_look();
        const enum fnd_status status = space_create(reader, NULL, &model, &shadow);
        cr_expect_eq(status,
                     i == 0   ? FND_DAMAGED
                     : i == 1 ? FND_INVALID
                              : FND_OK,
                     "%zu: %s", i, desk.error.message);
        cr_expect_not_null(strstr(desk.error.message, words[i]), "%s", desk.error.message);
        if (status == FND_OK) {
            int32_t gate = -1, subject = 0;
            const char *id = NULL;
            fnd_shadow_gate(shadow, 0, &gate, &subject, &id);
            cr_expect_eq(gate, 1);
            cr_expect_eq(subject, -1, "there is no phase 5");
        }
        fnd_shadow_destroy(shadow);
        cr_expect(space_gone());
        fnd_reader_close(reader);
        desk_end(&desk);
    }
}

Test(shadow, of_a_pipeline_that_never_ran_is_none)
{
    struct fnd_shadow *shadow = NULL;
    space_begin(plain);
    struct fnd_reader *reader = space_look();
    cr_expect_eq(
        fnd_shadow_create(reader, "future", space_plugin, NULL, NULL, NULL, &shadow, &desk.error),
        FND_NOT_FOUND);
    cr_expect_null(shadow);
    cr_expect_not_null(strstr(desk.error.message, "future"), "%s", desk.error.message);
    fnd_reader_close(reader);
    desk_end(&desk);
}

/* What replays that were killed left is removed; what live ones have stays. */
Test(shadow, leaves_those_of_live_processes_alone)
{
    struct fnd_shadow *shadow;
    char dead[256], live[256];
    space_begin(plain);
    struct fnd_reader *reader = space_look();
    (void)snprintf(dead, sizeof dead, "%s/.foundry/shadow", desk.jobs);
    cr_assert_eq(mkdir(dead, 0700), 0);
    (void)snprintf(dead, sizeof dead, "%s/.foundry/shadow/2147483646-a", desk.jobs);
    (void)snprintf(live, sizeof live, "%s/.foundry/shadow/%ld-b", desk.jobs, (long)getppid());
    cr_assert_eq(mkdir(dead, 0700), 0);
    cr_assert_eq(mkdir(live, 0700), 0);
    cr_assert_eq(space_create(reader, space_plugin, NULL, &shadow), FND_OK, "%s",
                 desk.error.message);
    cr_expect_neq(access(dead, F_OK), 0);
    cr_expect_eq(access(live, F_OK), 0);
    fnd_shadow_destroy(shadow);
    cr_expect_eq(rmdir(live), 0);
    cr_expect(space_gone());
    fnd_reader_close(reader);
    desk_end(&desk);
}

/* --- inputs ----------------------------------------------------------------------------------- */

/** The file of a job's kept input. */
static void kept_file(struct fnd_reader *reader, const char *job, char path[512])
{
    struct fnd_job_row row = {0};
    struct fnd_text body = {0};
    uint8_t hash[FND_DIGEST_SIZE];
    char name[FND_ARTIFACT_PATH_SIZE];
    cr_assert_eq(fnd_job_find(reader, "past", job, &row, NULL), FND_OK);
    cr_assert_eq(fnd_payload_get(reader, row.id, &body, NULL, NULL), FND_OK);
    char *hex = fnd_json_strdup(
        fnd_json_find((struct fnd_json){body.bytes, body.size}, "/artifacts/input/sha256"));
    cr_assert(fnd_unhex(hex, strlen(hex), hash, sizeof hash));
    fnd_artifact_path(hash, name);
    (void)snprintf(path, 512, "%s/.foundry/%s", desk.jobs, name);
    free(hex);
    fnd_text_finish(&body);
    fnd_job_row_finish(&row);
}

Test(shadow, takes_no_input_but_the_one_that_came_in)
{
    struct fnd_shadow *shadow;
    char kept[512], away[600], *path;
    space_begin(plain);
    struct fnd_reader *reader = space_look();
    kept_file(reader, "b.txt", kept);
    (void)snprintf(away, sizeof away, "%s.away", kept);
    cr_assert_eq(space_create(reader, space_plugin, NULL, &shadow), FND_OK, "%s",
                 desk.error.message);
    cr_assert_eq(rename(kept, away), 0);
    cr_expect_eq(space_add(reader, shadow, "b.txt", &path, &desk.error), FND_NOT_FOUND);
    cr_expect_not_null(strstr(desk.error.message, "cannot read the input"), "%s",
                       desk.error.message);
    cr_assert_eq(fnd_file_write(AT_FDCWD, kept, "tow", 3, 0600, NULL), FND_OK);
    cr_expect_eq(space_add(reader, shadow, "b.txt", &path, &desk.error), FND_DAMAGED);
    cr_expect_not_null(strstr(desk.error.message, "its hash is another"), "%s", desk.error.message);
    cr_expect_null(path);
    cr_expect_str_eq(space_content(fnd_shadow_directory(shadow), "b.txt"), "");
    cr_assert_eq(rename(away, kept), 0);
    cr_expect_eq(space_add(reader, shadow, "b.txt", &path, &desk.error), FND_OK, "%s",
                 desk.error.message);
    cr_expect_str_eq(space_content(fnd_shadow_directory(shadow), "b.txt"), "two");
    free(path);
    fnd_shadow_destroy(shadow);
    fnd_reader_close(reader);
    desk_end(&desk);
}

/* What was handed in may be called anything: none of it leaves the space, or is passed over there.
 */
Test(shadow, takes_no_name_that_a_file_there_cannot_have)
{
    static const char *const names[] = {"out/a.txt", ".a.txt", "a/.b",  "a/../../b",
                                        "/a",        "a//b",   "d/e/f", "a/"};
    struct fnd_shadow *shadow;
    struct fnd_artifact artifact;
    int64_t job = 0;
    char *path;
    space_begin(plain);
    desk_open(&desk);
    desk_pin(&desk);
    cr_assert_eq(
        fnd_artifact_put(fnd_engine_store(desk.engine), "given", 5, &artifact, &desk.error),
        FND_OK);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        cr_assert_eq(fnd_engine_submit_artifact(desk.engine, desk.pin, names[i], &artifact,
                                                "text/plain", &job, &desk.error),
                     FND_OK, "%s: %s", names[i], desk.error.message);
    }
    desk_close(&desk);
    struct fnd_reader *reader = space_look();
    cr_assert_eq(space_create(reader, space_plugin, NULL, &shadow), FND_OK, "%s",
                 desk.error.message);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const bool plain_name = strcmp(names[i], "d/e/f") == 0;
        cr_expect_eq(space_add(reader, shadow, names[i], &path, &desk.error),
                     plain_name ? FND_OK : FND_INVALID, "%s: %s", names[i], desk.error.message);
        cr_expect(plain_name || strstr(desk.error.message, names[i]) != NULL, "%s",
                  desk.error.message);
        free(path);
    }
    cr_expect_str_eq(space_content(fnd_shadow_directory(shadow), "d/e/f"), "given");
    fnd_shadow_destroy(shadow);
    fnd_reader_close(reader);
    desk_end(&desk);
}
