/* SPDX-License-Identifier: MIT */
/* Exports killed at each of their points, and two at once: under the final name lies the old one or
 * the new one, whole, and what tells of it tells of it. FOUNDRY_FLOOR scales the races. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/json.h"
#include "pictures.h"
#include "support.h"

static const char *const points[] = {"dataset.export.sealed", "dataset.manifest.staged",
                                     "dataset.export.named", "dataset.manifest.named"};
enum { POINTS = 4, PASSES = 2, RACES = 12 };

struct trying {
    struct scene scene;
    const char *format;
    char out[PATH_SIZE];
    size_t runs, kills, violations;
};

static void violated(struct trying *trying, const char *where, const char *what)
{
    printf("VIOLATION %s %s: %s\n", trying->format, where, what);
    trying->violations++;
}

static void said(void *context, const struct fnd_dataset_note *note)
{
    fnd_text_printf(context, "%s%s: %s; ", note->file != NULL ? note->file : "",
                    note->warning ? " (warning)" : "", note->message);
}

static bool is_folder(const struct trying *trying)
{
    return strcmp(trying->format, "yolo") == 0 || strcmp(trying->format, "hf") == 0;
}

/** Export the records from `since` on, in a process that dies at a point. Its wait status. */
static int export_in_child(struct trying *trying, const char *point, int pass, int64_t since)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        char setting[64];
        struct fnd_export_result result = {0};
        struct fnd_error error = {0};
        struct fnd_export_options options = {
            .format = trying->format, .since = since, .out = trying->out, .prompt = "What?"};
        snprintf(setting, sizeof setting, "%s:%d", point != NULL ? point : "", pass);
        if (point != NULL) {
            setenv("FOUNDRY_CRASH_AT", setting, 1);
        }
        struct fnd_reader *reader = NULL;
        enum fnd_status status = fnd_reader_open(trying->scene.directory, &reader, &error);
        if (status == FND_OK) {
            status = fnd_dataset_export(reader, NULL, &options, &result, &error);
        }
        if (status != FND_OK) {
            fprintf(stderr, "%s\n", error.message);
        }
        _exit(status == FND_OK ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return status;
}

/** What lies there is one of the two exports, whole. Returns which: 1 old, 2 new, 0 none. */
static int look(struct trying *trying, const char *where, const char *old, const char *new)
{
    struct fnd_dataset_checked checked = {0};
    struct fnd_error error = {0};
    struct fnd_text notes = {0}, manifest = {0}, path = {0};
    struct fnd_json json = {NULL, 0};
    int found = 0;
    if (fnd_dataset_validate(trying->out, trying->format, said, &notes, &checked, &error) !=
        FND_OK) {
        fnd_text_append_z(&notes, error.message);
        violated(trying, where, fnd_text_z(&notes));
    }
    fnd_text_printf(&path, "%s%s", trying->out,
                    is_folder(trying) ? "/manifest.json" : ".manifest.json");
    if (fnd_file_read(AT_FDCWD, path.bytes, 1 << 26, &manifest, &error) != FND_OK ||
        fnd_json_check(manifest.bytes, manifest.size, NULL, &json, &error) != FND_OK) {
        violated(trying, where, error.message);
    } else {
        char *hash = fnd_json_strdup(fnd_json_find(json, "/file/sha256"));
        found = strcmp(hash, old) == 0 ? 1 : strcmp(hash, new) == 0 ? 2 : 0;
        free(hash);
    }
    if (found == 0) {
        violated(trying, where, "the manifest is of neither export");
    }
    fnd_text_finish(&notes);
    fnd_text_finish(&manifest);
    fnd_text_finish(&path);
    return found;
}

/** The hash of an export that nobody disturbs. */
static void undisturbed(struct trying *trying, int64_t since, char hash[FND_DIGEST_TEXT_SIZE])
{
    struct fnd_export_result result = {0};
    struct fnd_error error = {0};
    struct fnd_export_options options = {
        .format = trying->format, .since = since, .out = trying->out, .prompt = "What?"};
    if (fnd_dataset_export(trying->scene.reader, NULL, &options, &result, &error) != FND_OK) {
        violated(trying, "undisturbed", error.message);
    }
    memcpy(hash, result.sha256, FND_DIGEST_TEXT_SIZE);
    fnd_export_result_finish(&result);
}

static void kill_at(struct trying *trying, size_t point, int pass, int64_t since, const char *old,
                    const char *new)
{
    char hash[FND_DIGEST_TEXT_SIZE], where[96];
    snprintf(where, sizeof where, "%s:%d", points[point], pass);
    undisturbed(trying, 0, hash);
    const int status = export_in_child(trying, points[point], pass, since);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
        return; /* this format does not come by here so often */
    }
    trying->runs++;
    trying->kills++;
    const int found = look(trying, where, old, new);
    const bool named = point >= 2;
    if (found != 0 && (found == 2) != named) {
        violated(trying, where, named ? "the new one had its name" : "the new one had no name yet");
    }
    /* And the next one is not in its way. */
    if (WEXITSTATUS(export_in_child(trying, NULL, 0, since)) != 0 ||
        look(trying, where, old, new) != 2) {
        violated(trying, where, "the export behind the kill did not come out");
    }
}

/** Two exports of other records at once: one of them stands, whole. */
static void race(struct trying *trying, int64_t since, const char *old, const char *new)
{
    fflush(NULL);
    pid_t children[2];
    for (size_t i = 0; i < 2; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            _exit(WEXITSTATUS(export_in_child(trying, NULL, 0, i == 0 ? 0 : since)));
        }
    }
    for (size_t i = 0; i < 2; i++) {
        int status = 0;
        waitpid(children[i], &status, 0);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            violated(trying, "two at once", "one of them failed");
        }
    }
    trying->runs++;
    (void)look(trying, "two at once", old, new);
}

static void records_make(struct trying *trying, int64_t *since)
{
    int64_t pin = scene_pin(&trying->scene, "poles", "{}");
    for (int i = 0; i < 4; i++) {
        uint8_t png[PNG_SIZE];
        char path[32], human[128], fields[160];
        png_make(png, 2, 128, 200);
        snprintf(path, sizeof path, "%d.png", i);
        snprintf(human, sizeof human, "{\"boxes\":[{\"label\":\"pole %d\",\"bbox\":[%d,2,3,4]}]}",
                 i, i + 1);
        snprintf(fields, sizeof fields,
                 "{\"/boxes/0\":{\"to\":{\"label\":\"pole %d\",\"bbox\":[%d,2,3,4]},"
                 "\"confidence\":null}}",
                 i, i + 1);
        int64_t job =
            scene_file_job(&trying->scene, pin, "poles", path, "image/png", png, sizeof png);
        scene_model(&trying->scene, job, "{\"boxes\":[]}", "{\"confidence\":{},\"origin\":{}}");
        *since = scene_answer(&trying->scene, job, scene_ask(&trying->scene, job), "corrected",
                              fields, human);
    }
}

static void format_try(struct trying *trying, int races)
{
    char old[FND_DIGEST_TEXT_SIZE], new[FND_DIGEST_TEXT_SIZE];
    int64_t since = 0;
    scene_begin(&trying->scene, 90);
    records_make(trying, &since);
    scene_path(&trying->scene, "export", trying->out);
    undisturbed(trying, since, new);
    undisturbed(trying, 0, old);
    const size_t kills = trying->kills;
    for (size_t point = 0; point < POINTS; point++) {
        for (int pass = 1; pass <= PASSES; pass++) {
            kill_at(trying, point, pass, since, old, new);
        }
    }
    if (trying->kills < kills + 2) {
        violated(trying, "all points", "fewer than two of them were met");
    }
    for (int i = 0; i < races; i++) {
        race(trying, since, old, new);
    }
    scene_end(&trying->scene);
}

Test(kill, leaves_the_old_export_or_the_new_one_whole)
{
    static const char *const formats[] = {"foundry", "coco", "label-studio", "yolo", "hf"};
    struct trying trying = {.runs = 0};
    const char *percent = getenv("FOUNDRY_FLOOR");
    const int scale = percent != NULL ? atoi(percent) : 10;
    const int races = scale < 10 ? 1 : RACES * scale / 100 + 1;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        trying.format = formats[i];
        format_try(&trying, races);
    }
    /* sealed, staged, named and manifest named for files, one more where something lies beside */
    const size_t floor = 4 + 4 + 5 + 2 + 2 + 5 * (size_t)races;
    printf("gate: exports killed or two at once | runs %zu | violations %zu | floor %zu | seed "
           "90\n",
           trying.runs, trying.violations, floor);
    cr_assert_eq(trying.violations, 0);
    cr_assert_geq(trying.runs, floor);
}

/* A file and the manifest of another one, as two renames without more leave them. */
Test(kill, half_an_export_would_be_seen)
{
    struct trying trying = {.format = "coco"};
    char old[FND_DIGEST_TEXT_SIZE], new[FND_DIGEST_TEXT_SIZE];
    struct fnd_text bytes = {0}, path = {0};
    struct fnd_error error = {0};
    int64_t since = 0;
    scene_begin(&trying.scene, 91);
    records_make(&trying, &since);
    scene_path(&trying.scene, "export", trying.out);
    undisturbed(&trying, since, new);
    fnd_text_printf(&path, "%s.manifest.json", trying.out);
    read_all(path.bytes, &bytes);
    undisturbed(&trying, 0, old);
    cr_assert_eq(trying.violations, 0);
    cr_assert_eq(fnd_file_write(AT_FDCWD, path.bytes, bytes.bytes, bytes.size, 0666, &error),
                 FND_OK);
    (void)look(&trying, "planted", old, new);
    cr_assert_gt(trying.violations, 0);
    fnd_text_finish(&bytes);
    fnd_text_finish(&path);
    scene_end(&trying.scene);
}
