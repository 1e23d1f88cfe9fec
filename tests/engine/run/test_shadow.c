/* SPDX-License-Identifier: MIT */
/* Shadow spaces: what is put there is what the past ran with, what cannot be is named, and of a
 * space that could not be made nothing is left. */
#include "run/shadow.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../store/failing.h"
#include "base/file.h"
#include "desk.h"
#include "store/learn.h"

enum { CALLS_MAX = 3000 };

#define HEAD                                                                                       \
    "foundry: v1\nname: past\nparams:\n  hint: {type: string, default: plain}\n"                   \
    "  most: {type: integer, default: 5}\n"
#define COPY                                                                                       \
    "  - {id: copy, uses: steps/copy, with: {value: ['${input}', '${params.hint}', "               \
    "'${params.most}']}}\n"
#define GATE "  - {id: review, uses: foundry/human, with: {of: copy, schema: form.json}}\n"
#define PAST                                                                                       \
    "phases:\n" COPY GATE "  - {id: behind, uses: steps/copy, with: {value: '${review}'}}\n"
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

static struct desk desk;
static char plugin[4096], another[4096];

/** A job directory with the pipeline and some jobs of it; the engine is closed. */
static void begin(const char *yaml)
{
    desk_begin(&desk, FND_ISOLATION_INLINE, false);
    (void)snprintf(plugin, sizeof plugin, "%s/tests/plugins/steps.so",
                   getenv("FOUNDRY_BUILD_ROOT"));
    (void)snprintf(another, sizeof another, "%s/tests/plugins/noop.so",
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

static struct fnd_reader *look(void)
{
    struct fnd_reader *reader = NULL;
    cr_assert_eq(fnd_reader_open(desk.jobs, &reader, &desk.error), FND_OK, "%s",
                 desk.error.message);
    return reader;
}

static enum fnd_status create(struct fnd_reader *reader, const char *file,
                              const struct fnd_shadow_model *model, struct fnd_shadow **shadow)
{
    *shadow = NULL;
    desk.error = (struct fnd_error){0};
    return fnd_shadow_create(reader, "past", file, model, getenv("FOUNDRY_WORKER"), NULL, shadow,
                             &desk.error);
}

static enum fnd_status add(struct fnd_reader *reader, struct fnd_shadow *shadow, const char *job,
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

/** What lies in a file below a folder; "" if there is none. Valid until the next of these. */
static const char *content(const char *folder, const char *name)
{
    static struct fnd_text text;
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    fnd_text_clear(&text);
    (void)fnd_file_read(AT_FDCWD, path, 1 << 20, &text, NULL);
    return fnd_text_z(&text);
}

/** Whether nothing is left of any space. */
static bool gone(void)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/.foundry/shadow", desk.jobs);
    return rmdir(path) == 0 || errno == ENOENT;
}

static int64_t commit(struct fnd_write *write)
{
    cr_assert_eq(fnd_store_commit(fnd_engine_store(desk.engine), write, &desk.error), FND_OK, "%s",
                 desk.error.message);
    const int64_t first = write->first;
    fnd_write_destroy(write);
    return first;
}

static void refused(const char *yaml, const char *file, const struct fnd_shadow_model *model,
                    enum fnd_status status, const char *words)
{
    struct fnd_shadow *shadow = NULL;
    begin(yaml);
    struct fnd_reader *reader = look();
    cr_expect_eq(create(reader, file, model, &shadow), status, "%s: %s", words, desk.error.message);
    cr_expect_null(shadow);
    cr_expect_not_null(strstr(desk.error.message, words), "%s: %s", words, desk.error.message);
    cr_expect(gone(), "%s", words);
    fnd_reader_close(reader);
    desk_end(&desk);
}

Test(shadow, has_what_the_past_ran_with_up_to_its_last_gate)
{
    static const char *const settings[] = {"hint=wet", NULL};
    struct fnd_shadow *shadow;
    char *path;
    int32_t gate = -1, subject = -1;
    const char *id = NULL;
    begin(plain);
    desk.settings = settings;
    desk_run(&desk);
    desk_close(&desk);
    struct fnd_reader *reader = look();
    cr_assert_eq(create(reader, plugin, NULL, &shadow), FND_OK, "%s", desk.error.message);
    const char *yaml = fnd_shadow_pipeline(shadow);
    cr_expect_not_null(strstr(content("", yaml), "\"review\""), "%s", content("", yaml));
    cr_expect_null(strstr(content("", yaml), "\"behind\""), "what is behind the gate delivers");
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
    cr_expect_gt(strlen(content(fnd_shadow_plugin_path(shadow), "steps.so")), 0);
    cr_assert_eq(add(reader, shadow, "in/a.txt", &path, &desk.error), FND_OK, "%s",
                 desk.error.message);
    cr_expect_str_eq(path, "in/a.txt");
    cr_expect_str_eq(content(fnd_shadow_directory(shadow), path), "one");
    free(path);
    cr_assert_eq(add(reader, shadow, "c.jsonl#v", &path, &desk.error), FND_OK, "%s",
                 desk.error.message);
    cr_expect_str_eq(content(fnd_shadow_directory(shadow), path), "{\"id\":\"v\",\"n\":3}");
    free(path);
    fnd_shadow_destroy(shadow);
    fnd_shadow_destroy(NULL);
    cr_expect(gone());
    fnd_reader_close(reader);
    desk_end(&desk);
}

Test(shadow, that_cannot_be_made_says_why)
{
    static const struct fnd_shadow_model model = {"words", -1};
    begin(plain); /* gives the plugins their names */
    desk_end(&desk);
    refused(HEAD "phases:\n" COPY, plugin, NULL, FND_INVALID,
            "there is nothing that people answered to compare with");
    refused(plain, "/nonexistent/any.so", NULL, FND_NOT_FOUND, "cannot open the plugin");
    refused(plain, "/etc/passwd", NULL, FND_PLUGIN, "/etc/passwd");
    refused(plain, another, NULL, FND_NOT_FOUND, "the pipeline does not use that");
    refused(plain, NULL, &model, FND_NOT_FOUND, "pipeline past has no model words");
}

/* The space has each plugin under its id: one that is named by its file would be another there. */
Test(shadow, of_a_plugin_that_is_named_by_its_file_is_refused)
{
    static const struct fnd_shadow_model model = {"words", -1};
    struct fnd_shadow *shadow = NULL;
    char command[6000];
    begin(plain);
    (void)snprintf(command, sizeof command, "cp %s %s/mine.so", plugin, desk.folder);
    cr_assert_eq(system(command), 0);
    desk_pipeline(&desk,
                  "foundry: v1\nname: past\nphases:\n"
                  "  - {id: copy, uses: ./mine.so#copy, with: {value: 1}}\n"
                  "  - {id: review, uses: foundry/human, with: {of: copy}}\n",
                  NULL);
    desk_run(&desk);
    desk_close(&desk);
    struct fnd_reader *reader = look();
    cr_expect_eq(create(reader, NULL, &model, &shadow), FND_INVALID);
    cr_expect_not_null(strstr(desk.error.message, "names the plugin file ./mine.so"), "%s",
                       desk.error.message);
    cr_expect(gone());
    fnd_reader_close(reader);
    desk_end(&desk);
}

Test(shadow, of_files_in_other_folders_is_refused)
{
    begin(plain);
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
        struct fnd_reader *reader = look();
        const enum fnd_status status = create(reader, plugin, NULL, &shadow);
        cr_expect_eq(status, i < 2 ? FND_INVALID : FND_OK, "%s: %s", names[i], desk.error.message);
        cr_expect(i == 2 || strstr(desk.error.message, names[i]) != NULL, "%s", desk.error.message);
        fnd_shadow_destroy(shadow);
        cr_expect(gone());
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
        begin(plain);
        desk_open(&desk);
        struct fnd_write *write = fnd_write_create();
        (void)fnd_write_add(write, FND_EVENT_PIN, fnd_strdup(pins[i]), NULL);
        write->pipeline = fnd_strdup("past");
        fnd_sha256(pins[i], strlen(pins[i]), write->hash);
        (void)commit(write);
        desk_close(&desk);
        struct fnd_reader *reader = look();
        const enum fnd_status status = create(reader, NULL, &model, &shadow);
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
        cr_expect(gone());
        fnd_reader_close(reader);
        desk_end(&desk);
    }
}

Test(shadow, of_a_pipeline_that_never_ran_is_none)
{
    struct fnd_shadow *shadow = NULL;
    begin(plain);
    struct fnd_reader *reader = look();
    cr_expect_eq(
        fnd_shadow_create(reader, "future", plugin, NULL, NULL, NULL, &shadow, &desk.error),
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
    begin(plain);
    struct fnd_reader *reader = look();
    (void)snprintf(dead, sizeof dead, "%s/.foundry/shadow", desk.jobs);
    cr_assert_eq(mkdir(dead, 0700), 0);
    (void)snprintf(dead, sizeof dead, "%s/.foundry/shadow/2147483646-a", desk.jobs);
    (void)snprintf(live, sizeof live, "%s/.foundry/shadow/%ld-b", desk.jobs, (long)getppid());
    cr_assert_eq(mkdir(dead, 0700), 0);
    cr_assert_eq(mkdir(live, 0700), 0);
    cr_assert_eq(create(reader, plugin, NULL, &shadow), FND_OK, "%s", desk.error.message);
    cr_expect_neq(access(dead, F_OK), 0);
    cr_expect_eq(access(live, F_OK), 0);
    fnd_shadow_destroy(shadow);
    cr_expect_eq(rmdir(live), 0);
    cr_expect(gone());
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
    begin(plain);
    struct fnd_reader *reader = look();
    kept_file(reader, "b.txt", kept);
    (void)snprintf(away, sizeof away, "%s.away", kept);
    cr_assert_eq(create(reader, plugin, NULL, &shadow), FND_OK, "%s", desk.error.message);
    cr_assert_eq(rename(kept, away), 0);
    cr_expect_eq(add(reader, shadow, "b.txt", &path, &desk.error), FND_NOT_FOUND);
    cr_expect_not_null(strstr(desk.error.message, "cannot read the input"), "%s",
                       desk.error.message);
    cr_assert_eq(fnd_file_write(AT_FDCWD, kept, "tow", 3, 0600, NULL), FND_OK);
    cr_expect_eq(add(reader, shadow, "b.txt", &path, &desk.error), FND_DAMAGED);
    cr_expect_not_null(strstr(desk.error.message, "its hash is another"), "%s", desk.error.message);
    cr_expect_null(path);
    cr_expect_str_eq(content(fnd_shadow_directory(shadow), "b.txt"), "");
    cr_assert_eq(rename(away, kept), 0);
    cr_expect_eq(add(reader, shadow, "b.txt", &path, &desk.error), FND_OK, "%s",
                 desk.error.message);
    cr_expect_str_eq(content(fnd_shadow_directory(shadow), "b.txt"), "two");
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
    begin(plain);
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
    struct fnd_reader *reader = look();
    cr_assert_eq(create(reader, plugin, NULL, &shadow), FND_OK, "%s", desk.error.message);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const bool plain_name = strcmp(names[i], "d/e/f") == 0;
        cr_expect_eq(add(reader, shadow, names[i], &path, &desk.error),
                     plain_name ? FND_OK : FND_INVALID, "%s: %s", names[i], desk.error.message);
        cr_expect(plain_name || strstr(desk.error.message, names[i]) != NULL, "%s",
                  desk.error.message);
        free(path);
    }
    cr_expect_str_eq(content(fnd_shadow_directory(shadow), "d/e/f"), "given");
    fnd_shadow_destroy(shadow);
    fnd_reader_close(reader);
    desk_end(&desk);
}

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
    const int64_t training = commit(write);
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
    const int64_t model = commit(write);
    if (promote) {
        write = fnd_write_create();
        event_add(write, FND_EVENT_DECIDE, version,
                  ",\"decision\":\"promote\",\"from\":0,\"replaces\":0,\"by\":\"ann\"")
            ->ref = model;
        (void)commit(write);
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
    return some ? content(folder, name) : "";
}

/** The past of a pipeline whose model words has version 1 in production, and 2. */
static struct fnd_reader *begin_learned(char first[512])
{
    char second[512];
    begin(learning);
    desk_open(&desk);
    desk_pin(&desk);
    learned(1, "the first", true, first);
    learned(2, "the second", false, second);
    desk_close(&desk);
    return look();
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
        cr_assert_eq(create(reader, NULL, &wanted, &shadow), FND_OK, "%s", desk.error.message);
        cr_expect_str_eq(production(shadow), cases[i].bytes);
        cr_expect_str_eq(fnd_shadow_version(shadow, false), "version 1");
        cr_expect_str_eq(fnd_shadow_version(shadow, true), cases[i].name);
        cr_expect_str_eq(fnd_shadow_plugin_id(shadow), "model words");
        fnd_shadow_destroy(shadow);
    }
    const struct fnd_shadow_model beyond = {"words", 9};
    cr_expect_eq(create(reader, NULL, &beyond, &shadow), FND_NOT_FOUND);
    cr_expect_not_null(strstr(desk.error.message, "words has no such version"), "%s",
                       desk.error.message);
    const struct fnd_shadow_model rules = {"other", 0}; /* the other is as it is in production */
    cr_assert_eq(create(reader, NULL, &rules, &shadow), FND_OK, "%s", desk.error.message);
    cr_expect_str_eq(production(shadow), "the first");
    cr_expect_str_eq(fnd_shadow_hash(shadow, false), "the rules");
    fnd_shadow_destroy(shadow);
    cr_expect(gone());
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
    cr_expect_eq(create(reader, NULL, &wanted, &shadow), FND_NOT_FOUND);
    cr_assert_eq(fnd_file_write(AT_FDCWD, first, "the worst", 9, 0600, NULL), FND_OK);
    cr_expect_eq(create(reader, NULL, &wanted, &shadow), FND_DAMAGED);
    cr_expect_not_null(strstr(desk.error.message, "model words is not what was learned"), "%s",
                       desk.error.message);
    cr_expect(gone());
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
    enum fnd_status status = create(reader, file, model, shadow);
    if (status == FND_OK) {
        status = add(reader, *shadow, "in/a.txt", &path, &desk.error);
        free(path);
    }
    if (status == FND_OK && file != NULL) {
        status = add(reader, *shadow, "c.jsonl#v", &path, &desk.error);
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
            cr_expect_str_eq(content(fnd_shadow_directory(shadow), "in/a.txt"), "one", "%s", label);
            cr_expect_gt(strlen(content("", fnd_shadow_pipeline(shadow))), 100, "%s", label);
            cr_expect(model == NULL || strcmp(production(shadow), "the second") == 0, "%s", label);
            cr_expect(file == NULL || same(fnd_shadow_plugin_path(shadow), "steps.so", file), "%s",
                      label);
        }
        fnd_shadow_destroy(shadow);
        cr_expect(gone(), "%s leaves something", label);
    }
    printf("%u calls, %u told\n", at - 1, told);
    cr_expect_lt(at, CALLS_MAX);
    cr_expect_gt(told, 10);
}

/* The plugin lies in another file system, where there is one: no link can be made to it. */
Test(shadow, each_call_with_another_plugin, .timeout = 280)
{
    char command[5000], far[64] = "/dev/shm/foundry-shadow-XXXXXX";
    begin(plain);
    struct fnd_reader *reader = look();
    const int fd = mkstemp(far);
    if (fd >= 0) {
        (void)snprintf(command, sizeof command, "cp %s %s", plugin, far);
        cr_assert_eq(system(command), 0);
        (void)close(fd);
    }
    swept(reader, fd >= 0 ? far : plugin, NULL);
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
