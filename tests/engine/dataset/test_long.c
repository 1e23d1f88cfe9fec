/* SPDX-License-Identifier: MIT */
/* A manifest as long as that of a great export: `why`, an export over an older one, and a look
 * through a folder take hardly more memory than with a short one. Each is done in a process of its
 * own, whose peak the system tells. */
#define _GNU_SOURCE /* wait4 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "dataset/why.h"
#include "support.h"

enum {
    RECORDS = 3,
    MADE_UP = 1000000, /* records that were never made have numbers from here on */
    FEW = 2000,
    MANY = 200000,
    GROWTH_KIB_MAX = 16 << 10
};

static const char sft[] =
    "{\"sft\":{\"format\":\"gemini\",\"of\":\"review\",\"prompt\":\"Extract.\"}}";
static const char pairs[] = "{\"pairs\":{\"format\":\"hf\",\"of\":\"review\"}}";

/* The address sanitizer keeps freed memory for a while, 256 MB of it unless told otherwise: here it
 * is what is held at a time that counts. Without the sanitizer nobody calls this. */
const char *__asan_default_options(void);
__attribute__((visibility("default"))) const char *__asan_default_options(void)
{
    return "quarantine_size_mb=1:thread_local_quarantine_size_kb=64";
}

/** What is tried, in the child. `count` is how long the manifest was made. */
struct trial {
    char directory[PATH_SIZE]; /* of the jobs */
    char path[PATH_SIZE];      /* what is looked at */
    size_t count;
    bool (*right)(const struct trial *trial, struct fnd_reader *reader);
};

/** Returns the child's peak in KiB. */
static long peak_of(const struct trial *trial)
{
    int status = 0;
    struct rusage usage = {0};
    pid_t child = fork();
    if (child == 0) {
        struct fnd_reader *reader = NULL; /* no connection is to be used in two processes */
        bool right = fnd_reader_open(trial->directory, &reader, NULL) == FND_OK;
        right = right && trial->right(trial, reader);
        fnd_reader_close(reader);
        _exit(right ? 0 : 1);
    }
    cr_assert_eq(wait4(child, &status, 0, &usage), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%zu: status %d", trial->count,
              status);
    return usage.ru_maxrss;
}

static void write_text(const char *path, const struct fnd_text *text)
{
    struct fnd_error error = {0};
    cr_assert_eq(fnd_file_write(AT_FDCWD, path, text->bytes, text->size, 0666, &error), FND_OK,
                 "%s", error.message);
}

/** The manifest with `count` more items at the end of one of its lists, each of which `item`
 *  appends; a list that is empty is begun. */
static void lengthened(const char *manifest, const char *list, size_t count,
                       void (*item)(struct fnd_text *text, size_t index), struct fnd_text *longer)
{
    const struct fnd_json whole = {manifest, strlen(manifest) - 1};
    const struct fnd_json there = fnd_json_member(whole, list);
    const char *end = there.bytes + there.size - 1;
    cr_assert(there.bytes != NULL && *end == ']');
    fnd_text_append(longer, manifest, (size_t)(end - manifest));
    for (size_t i = 0; i < count; i++) {
        fnd_text_append_z(longer, i == 0 && fnd_json_count(there) == 0 ? "" : ",");
        item(longer, i);
    }
    fnd_text_append_z(longer, end);
}

static void record_add(struct fnd_text *text, size_t index)
{
    fnd_text_printf(text, "[%zu,\"%064zx\"]", MADE_UP + index, index);
}

/** Behind all that an export writes. */
static void file_add(struct fnd_text *text, size_t index)
{
    fnd_text_printf(text, "[\"z/%09zu.png\",\"%064zx\",%zu]", index, index, index);
}

/** A pipeline with this `export:`, and records of texts. */
static void texts_make(struct scene *scene, const char *exports)
{
    const int64_t pin = scene_pin(scene, "texts", exports);
    for (int i = 0; i < RECORDS; i++) {
        char path[32], value[64];
        (void)snprintf(path, sizeof path, "%d.txt", i);
        (void)snprintf(value, sizeof value, "\"what number %d said\"", i);
        const int64_t job = scene_value_job(scene, pin, "texts", path, value);
        scene_model(scene, job, "{\"text\":\"a\"}", "{\"confidence\":{},\"origin\":{}}");
        scene_answer(scene, job, scene_ask(scene, job), "corrected",
                     "{\"/text\":{\"from\":\"a\",\"to\":\"b\"}}", "{\"text\":\"b\"}");
    }
}

/** EXPORT, as of a manifest that was too long for the event. */
static int64_t brief_commit(struct scene *scene, const struct fnd_export_result *result,
                            const struct fnd_text *manifest)
{
    struct fnd_text body = {0};
    struct fnd_error error = {0};
    uint8_t digest[FND_DIGEST_SIZE];
    char hash[FND_DIGEST_TEXT_SIZE];
    const char *at = strstr(result->manifest, "\"records\":[");
    fnd_sha256(manifest->bytes, manifest->size, digest);
    fnd_digest_text(digest, hash);
    cr_assert_not_null(at);
    fnd_text_append(&body, result->manifest, (size_t)(at - result->manifest));
    fnd_text_printf(&body, "\"manifest_sha256\":\"%s\",\"records\":[", hash);
    fnd_text_append_z(&body, strstr(at, "]]") + 1);
    body.bytes[--body.size] = '\0'; /* its newline */
    struct fnd_write *write = fnd_write_create();
    fnd_write_add(write, FND_EVENT_EXPORT, fnd_text_take(&body), NULL);
    cr_assert_eq(fnd_store_commit(scene->store, write, &error), FND_OK, "%s", error.message);
    const int64_t event = write->first;
    fnd_write_destroy(write);
    return event;
}

static bool why_is_told(const struct trial *trial, struct fnd_reader *reader)
{
    struct fnd_text json = {0};
    struct fnd_error error = {0};
    size_t broken = 0;
    const struct fnd_why_question question = {.file = trial->path, .line = 2};
    const bool told = fnd_dataset_why(reader, &question, &json, &broken, &error) == FND_OK &&
                      broken == 0 && strstr(fnd_text_z(&json), "\"same\":true") != NULL &&
                      strstr(fnd_text_z(&json), "\"event\":") != NULL;
    if (!told) {
        (void)fprintf(stderr, "%s: %s\n", error.message, fnd_text_z(&json));
    }
    fnd_text_finish(&json);
    return told;
}

/** Peak of `why` on line 2 with a manifest of `count` made-up records behind the real ones. */
static long why_peak(size_t count,
                     bool (*right)(const struct trial *trial, struct fnd_reader *reader))
{
    struct scene scene;
    struct fnd_export_result result = {0};
    struct fnd_text longer = {0};
    struct trial trial = {.count = count, .right = right};
    scene_begin(&scene, 1);
    texts_make(&scene, sft);
    struct fnd_export_options options = scene_options(&scene, "gemini");
    scene_export(&scene, &options, &result, FND_OK, NULL);
    lengthened(result.manifest, "records", count, record_add, &longer);
    write_text(result.manifest_path, &longer);
    cr_assert_gt(brief_commit(&scene, &result, &longer), 0);
    fnd_text_finish(&longer);
    (void)snprintf(trial.directory, sizeof trial.directory, "%s", scene.directory);
    (void)snprintf(trial.path, sizeof trial.path, "%s", result.path);
    const long peak = peak_of(&trial);
    fnd_export_result_finish(&result);
    scene_end(&scene);
    return peak;
}

Test(long, why_of_a_great_export_stays_small)
{
    const long small = why_peak(FEW, why_is_told), large = why_peak(MANY, why_is_told); /* 15 MB */
    cr_expect_lt(large - small, GROWTH_KIB_MAX, "%ld KiB, %ld with a hundredth", large, small);
}

/* One byte of a long one is altered: the record has its hash. */
static bool alteration_is_told(const struct trial *trial, struct fnd_reader *reader)
{
    struct fnd_text json = {0};
    struct fnd_error error = {0};
    size_t broken = 0;
    const struct fnd_why_question question = {.file = trial->path, .line = 2};
    char path[PATH_SIZE + 16];
    (void)snprintf(path, sizeof path, "%s.manifest.json", trial->path);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    const bool altered =
        fd >= 0 && pwrite(fd, "  \n", 3, (off_t)lseek(fd, 0, SEEK_END) - 1) == 3 && close(fd) == 0;
    const bool told = altered &&
                      fnd_dataset_why(reader, &question, &json, &broken, &error) == FND_DAMAGED &&
                      strstr(error.message, "is not the one on record; event") != NULL;
    fnd_text_finish(&json);
    return told;
}

Test(long, an_altered_manifest_of_a_great_export_is_told)
{
    const long small = why_peak(FEW, alteration_is_told),
               large = why_peak(MANY, alteration_is_told);
    cr_expect_lt(large - small, GROWTH_KIB_MAX, "%ld KiB, %ld with a hundredth", large, small);
}

/* --- folders ------------------------------------------------------------------------------- */

static bool is_valid(const struct trial *trial, struct fnd_reader *reader)
{
    struct fnd_dataset_checked checked = {0};
    struct fnd_error error = {0};
    (void)reader;
    return fnd_dataset_validate(trial->path, "hf", NULL, NULL, &checked, &error) == FND_OK;
}

static bool misses_all(const struct trial *trial, struct fnd_reader *reader)
{
    struct fnd_dataset_checked checked = {0};
    struct fnd_error error = {0};
    (void)reader;
    return fnd_dataset_validate(trial->path, "hf", NULL, NULL, &checked, &error) == FND_INVALID &&
           checked.errors == trial->count;
}

static bool is_replaced(const struct trial *trial, struct fnd_reader *reader)
{
    struct fnd_export_result result = {0};
    struct fnd_error error = {0};
    struct stat there;
    char manifest[PATH_SIZE + 16];
    const struct fnd_export_options options = {.format = "hf", .out = trial->path};
    (void)snprintf(manifest, sizeof manifest, "%s/manifest.json", trial->path);
    const bool replaced = fnd_dataset_export(reader, NULL, &options, &result, &error) == FND_OK &&
                          stat(manifest, &there) == 0 &&
                          (size_t)there.st_size == strlen(result.manifest);
    if (!replaced) {
        (void)fprintf(stderr, "%s\n", error.message);
    }
    fnd_export_result_finish(&result);
    return replaced;
}

/** Peak of a trial on a folder whose manifest has `count` more items in `list`. */
static long folder_peak(size_t count, const char *list,
                        void (*item)(struct fnd_text *text, size_t index),
                        bool (*right)(const struct trial *trial, struct fnd_reader *reader))
{
    struct scene scene;
    struct fnd_export_result result = {0};
    struct fnd_text longer = {0};
    struct trial trial = {.count = count, .right = right};
    scene_begin(&scene, 2);
    texts_make(&scene, pairs);
    struct fnd_export_options options = scene_options(&scene, "hf");
    options.out = scene_path(&scene, "set", trial.path);
    scene_export(&scene, &options, &result, FND_OK, NULL);
    lengthened(result.manifest, list, count, item, &longer);
    write_text(result.manifest_path, &longer);
    fnd_text_finish(&longer);
    (void)snprintf(trial.directory, sizeof trial.directory, "%s", scene.directory);
    const long peak = peak_of(&trial);
    fnd_export_result_finish(&result);
    scene_end(&scene);
    return peak;
}

Test(long, a_folder_of_a_great_export_is_looked_through_in_little_memory)
{
    const long small = folder_peak(FEW, "records", record_add, is_valid),
               large = folder_peak(MANY, "records", record_add, is_valid);
    cr_expect_lt(large - small, GROWTH_KIB_MAX, "%ld KiB, %ld with a hundredth", large, small);
}

Test(long, files_that_are_not_there_are_all_told_in_little_memory)
{
    const long small = folder_peak(FEW, "files", file_add, misses_all),
               large = folder_peak(MANY, "files", file_add, misses_all);
    cr_expect_lt(large - small, GROWTH_KIB_MAX, "%ld KiB, %ld with a hundredth", large, small);
}

/** A row of a folder, whose manifest has the file that it is in behind all others. */
static bool row_is_told(const struct trial *trial, struct fnd_reader *reader)
{
    struct fnd_text json = {0}, file = {0}, altered = {0};
    struct fnd_error error = {0};
    size_t broken = 0;
    fnd_text_printf(&file, "%s/data/train.jsonl", trial->path);
    const struct fnd_why_question question = {.file = fnd_text_z(&file), .line = 1};
    bool told = fnd_dataset_why(reader, &question, &json, &broken, &error) == FND_OK &&
                broken == 0 && strstr(fnd_text_z(&json), "\"same\":true") != NULL;
    /* and where it has other bytes than the manifest tells of */
    fnd_text_clear(&json);
    read_all(fnd_text_z(&file), &altered);
    fnd_text_append_byte(&altered, '\n');
    write_text(fnd_text_z(&file), &altered);
    told = told && fnd_dataset_why(reader, &question, &json, &broken, &error) == FND_OK &&
           broken == 1 && strstr(fnd_text_z(&json), "the manifest of its folder tells of") != NULL;
    if (!told) {
        (void)fprintf(stderr, "%s: %s\n", error.message, fnd_text_z(&json));
    }
    fnd_text_finish(&json);
    fnd_text_finish(&file);
    fnd_text_finish(&altered);
    return told;
}

Test(long, why_of_a_row_in_a_great_folder_stays_small)
{
    const long small = folder_peak(FEW, "files", file_add, row_is_told),
               large = folder_peak(MANY, "files", file_add, row_is_told);
    cr_expect_lt(large - small, GROWTH_KIB_MAX, "%ld KiB, %ld with a hundredth", large, small);
}

Test(long, a_great_export_is_replaced_in_little_memory)
{
    const long small = folder_peak(FEW, "files", file_add, is_replaced),
               large = folder_peak(MANY, "files", file_add, is_replaced);
    cr_expect_lt(large - small, GROWTH_KIB_MAX, "%ld KiB, %ld with a hundredth", large, small);
}

/** What `verify --deep` asks. */
static bool tells_of_itself(const struct trial *trial, struct fnd_reader *reader)
{
    struct fnd_manifest_about about = {.folder = false};
    struct fnd_error error = {0};
    uint8_t digest[FND_DIGEST_SIZE];
    char manifest[PATH_SIZE + 16], hash[FND_DIGEST_TEXT_SIZE], other[PATH_SIZE + 16];
    (void)reader;
    (void)snprintf(manifest, sizeof manifest, "%s/manifest.json", trial->path);
    (void)snprintf(other, sizeof other, "%s/README.md", trial->path);
    int fd = open(manifest, O_RDONLY | O_CLOEXEC);
    bool right = fd >= 0 && fnd_sha256_fd(fd, digest, NULL) == 0 && close(fd) == 0;
    fnd_digest_text(digest, hash);
    right = right && fnd_dataset_manifest(manifest, &about, &error) == FND_OK && about.folder &&
            strcmp(about.format, "hf") == 0 && strcmp(about.own_sha256, hash) == 0 &&
            strlen(about.sha256) == FND_DIGEST_TEXT_SIZE - 1;
    /* the end of a long one is cut off; what is no manifest */
    right = right && truncate(manifest, (off_t)(trial->count * 60)) == 0 &&
            fnd_dataset_manifest(manifest, &about, &error) == FND_INVALID &&
            (strstr(error.message, "manifest.json") != NULL ||
             strstr(error.file, "manifest.json") != NULL);
    right = right && fnd_dataset_manifest(other, &about, &error) == FND_INVALID &&
            fnd_dataset_manifest("/nowhere", &about, &error) == FND_NOT_FOUND;
    if (!right) {
        (void)fprintf(stderr, "%s, %s, %s: %s\n", about.format, about.own_sha256, hash,
                      error.message);
    }
    return right;
}

Test(long, a_great_manifest_tells_of_itself_in_little_memory)
{
    const long small = folder_peak(FEW, "files", file_add, tells_of_itself),
               large = folder_peak(MANY, "files", file_add, tells_of_itself);
    cr_expect_lt(large - small, GROWTH_KIB_MAX, "%ld KiB, %ld with a hundredth", large, small);
}
