/* SPDX-License-Identifier: MIT */
/* The same bytes again, from the manifest alone. */
#define _GNU_SOURCE /* wait4 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "dataset/frame.h"
#include "dataset/why.h"
#include "support.h"

static const char sft[] =
    "{\"sft\":{\"format\":\"gemini\",\"of\":\"review\",\"prompt\":\"Extract.\"}}";

/** A directory with `count` records and its gemini export. */
static int64_t exported(struct scene *scene, uint64_t seed, int count,
                        struct fnd_export_result *result)
{
    scene_begin(scene, seed);
    int64_t pin = scene_pin(scene, "invoice", sft), last = 0;
    for (int i = 0; i < count; i++) {
        char path[32];
        snprintf(path, sizeof path, "%d.png", i);
        last = scene_record(scene, pin, "invoice", path, i);
    }
    struct fnd_export_options options = scene_options(scene, "gemini");
    options.uri_prefix = "gs://bucket/in";
    scene_export(scene, &options, result, FND_OK, NULL);
    return last;
}

/** `held_max`: bytes of a manifest that is held; a longer one is read item by item. */
static enum fnd_status reproduce_held(struct scene *scene, const char *manifest, const char *out,
                                      size_t held_max, struct fnd_export_result *result,
                                      struct fnd_error *error)
{
    struct fnd_export_options options = scene_options(scene, NULL);
    options.out = out;
    options.manifest_held_max = held_max;
    scene->notes_count = scene->errors = scene->warnings = 0;
    return fnd_dataset_reproduce(scene->reader, manifest, &options, result, error);
}

static enum fnd_status reproduce(struct scene *scene, const char *manifest, const char *out,
                                 struct fnd_export_result *result, struct fnd_error *error)
{
    return reproduce_held(scene, manifest, out, 0, result, error);
}

static void same_files(const char *a, const char *b)
{
    struct fnd_text left = {0}, right = {0};
    read_all(a, &left);
    read_all(b, &right);
    cr_assert(left.size == right.size && memcmp(left.bytes, right.bytes, left.size) == 0,
              "%s and %s differ", a, b);
    fnd_text_finish(&left);
    fnd_text_finish(&right);
}

Test(manifest, two_exports_of_a_range_are_the_same_bytes)
{
    struct scene scene;
    struct fnd_export_result first = {0}, second = {0};
    struct fnd_error error = {0};
    char path[PATH_SIZE];
    exported(&scene, 1, 20, &first);
    struct fnd_export_options options = scene_options(&scene, "gemini");
    options.uri_prefix = "gs://bucket/in";
    options.out = scene_path(&scene, "again.jsonl", path);
    /* recorded this time: neither file depends on what is not a record */
    cr_assert_eq(fnd_dataset_export(scene.reader, scene.store, &options, &second, &error), FND_OK,
                 "%s", error.message);
    same_files(first.path, second.path);
    same_files(first.manifest_path, second.manifest_path);
    cr_assert_str_eq(first.sha256, second.sha256);
    fnd_export_result_finish(&first);
    fnd_export_result_finish(&second);
    scene_end(&scene);
}

Test(manifest, is_canonical_and_says_what_decides_the_bytes)
{
    struct scene scene;
    struct fnd_export_result result = {0};
    struct fnd_text text = {0}, canonical = {0};
    int64_t last = exported(&scene, 2, 3, &result), until = 0, count = 0;
    read_all(result.manifest_path, &text);
    struct fnd_json json = {text.bytes, text.size - 1};
    fnd_json_canonical(json, &canonical);
    cr_assert(canonical.size == json.size && memcmp(canonical.bytes, json.bytes, json.size) == 0);
    cr_assert(fnd_json_text_is(fnd_json_find(json, "/file/sha256"), result.sha256));
    cr_assert(fnd_json_integer(fnd_json_find(json, "/options/until"), &until));
    cr_assert_eq(until, last);
    cr_assert(fnd_json_integer(fnd_json_find(json, "/counts/lines"), &count));
    cr_assert_eq(count, 3);
    cr_assert_eq(fnd_json_count(fnd_json_member(json, "records")), 3);
    cr_assert_null(strstr(fnd_text_z(&text), scene.directory));
    fnd_export_result_finish(&result);
    fnd_text_finish(&text);
    fnd_text_finish(&canonical);
    scene_end(&scene);
}

static void why_expect(struct scene *scene, const char *file, enum fnd_status status,
                       const char *part)
{
    struct fnd_text json = {0};
    struct fnd_error error = {0};
    size_t broken = 0;
    const struct fnd_why_question question = {.file = file, .line = 2};
    cr_expect_eq(fnd_dataset_why(scene->reader, &question, &json, &broken, &error), status, "%s",
                 error.message);
    const char *told = status == FND_OK ? fnd_text_z(&json) : error.message;
    cr_expect(strstr(told, part) != NULL, "%s", told);
    fnd_text_finish(&json);
}

static void write_all(const char *path, const struct fnd_text *text)
{
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(text->bytes, 1, text->size, file), text->size);
    cr_assert_eq(fclose(file), 0);
}

/* The record keeps no list of a million records twice. */
Test(manifest, of_a_long_one_the_record_holds_all_but_the_list)
{
    struct scene scene;
    struct fnd_export_result whole = {0}, brief = {0};
    struct fnd_error error = {0};
    struct fnd_text body = {0}, file = {0};
    uint8_t digest[FND_DIGEST_SIZE];
    char path[PATH_SIZE], hash[FND_DIGEST_TEXT_SIZE];
    exported(&scene, 21, 5, &whole);
    struct fnd_export_options options = scene_options(&scene, "gemini");
    options.uri_prefix = "gs://bucket/in";
    options.out = scene_path(&scene, "again.jsonl", path);
    options.manifest_held_max = strlen(whole.manifest) - 1;
    cr_assert_eq(fnd_dataset_export(scene.reader, scene.store, &options, &brief, &error), FND_OK,
                 "%s", error.message);
    same_files(whole.manifest_path, brief.manifest_path);
    cr_assert_null(brief.manifest, "it is in its file only");
    cr_assert_eq(fnd_payload_get(scene.reader, brief.event, &body, NULL, &error), FND_OK);
    read_all(brief.manifest_path, &file);
    fnd_sha256(file.bytes, file.size, digest);
    fnd_digest_text(digest, hash);
    const struct fnd_json told = {body.bytes, body.size};
    cr_expect(fnd_json_text_is(fnd_json_member(told, "manifest_sha256"), hash));
    cr_expect(fnd_json_text_is(fnd_json_find(told, "/file/sha256"), brief.sha256));
    cr_expect_eq(fnd_json_count(fnd_json_member(told, "records")), 0);
    why_expect(&scene, brief.path, FND_OK, "\"export\":");
    fnd_text_append_byte(&file, '\n'); /* the same JSON, and not the bytes on record */
    write_all(brief.manifest_path, &file);
    why_expect(&scene, brief.path, FND_DAMAGED, "is not the one on record; event");
    unlink(brief.manifest_path);
    why_expect(&scene, brief.path, FND_NOT_FOUND, "has only its hash");
    fnd_export_result_finish(&brief);
    options.manifest_held_max++;
    options.out = scene_path(&scene, "third.jsonl", path);
    cr_assert_eq(fnd_dataset_export(scene.reader, scene.store, &options, &brief, &error), FND_OK);
    cr_assert_str_eq(brief.manifest, whole.manifest, "one byte shorter it is held whole");
    fnd_export_result_finish(&brief);
    fnd_export_result_finish(&whole);
    fnd_text_finish(&body);
    fnd_text_finish(&file);
    scene_end(&scene);
}

Test(manifest, gives_the_same_bytes_after_more_corrections)
{
    struct scene scene;
    struct fnd_export_result result = {0}, again = {0};
    struct fnd_error error = {0};
    char path[PATH_SIZE];
    exported(&scene, 3, 12, &result);
    struct fnd_job_row job = {0};
    /* a record is replaced, a file is replaced, the pipeline gets another prompt, records come in
     */
    cr_assert_eq(fnd_job_find(scene.reader, "invoice", "3.png", &job, &error), FND_OK);
    scene_reopen(&scene, job.id);
    scene_answer(&scene, job.id, scene_ask(&scene, job.id), "rejected", "{}", NULL);
    int64_t pin = scene_pin(&scene, "invoice",
                            "{\"sft\":{\"format\":\"gemini\","
                            "\"prompt\":\"Another.\"}}");
    scene_job(&scene, pin, "invoice", "4.png", "image/png", 7, 2);
    scene_record(&scene, pin, "invoice", "new.png", 99);
    cr_assert_eq(reproduce(&scene, result.manifest_path, scene_path(&scene, "again.jsonl", path),
                           &again, &error),
                 FND_OK, "%s", error.message);
    same_files(result.path, again.path);
    same_files(result.manifest_path, again.manifest_path);
    cr_assert_str_eq(result.sha256, again.sha256);
    /* without a name it goes where the manifest says, over what somebody cut */
    cr_assert_eq(truncate(result.path, 10), 0);
    fnd_export_result_finish(&again);
    cr_assert_eq(reproduce(&scene, result.manifest_path, NULL, &again, &error), FND_OK, "%s",
                 error.message);
    same_files(result.path, scene_path(&scene, "again.jsonl", path));
    fnd_job_row_finish(&job);
    fnd_export_result_finish(&result);
    fnd_export_result_finish(&again);
    scene_end(&scene);
}

Test(manifest, names_records_that_are_missing_or_altered)
{
    struct scene scene;
    struct fnd_export_result result = {0}, again = {0};
    struct fnd_error error = {0};
    char path[PATH_SIZE], statement[256];
    int64_t last = exported(&scene, 4, 3, &result);
    int64_t first = 0;
    struct fnd_json manifest = {result.manifest, strlen(result.manifest) - 1};
    cr_assert(fnd_json_integer(fnd_json_find(manifest, "/records/0/0"), &first));
    snprintf(statement, sizeof statement, "DELETE FROM correction WHERE id = %" PRId64, first);
    scene_tamper(&scene, statement);
    snprintf(statement, sizeof statement,
             "UPDATE payload SET body = cast(replace(cast(body AS TEXT), 'Hardware', 'Software') "
             "AS BLOB) WHERE event = "
             "%" PRId64,
             last + 1);
    scene_tamper(&scene, statement);
    scene_path(&scene, "again.jsonl", path);
    cr_assert_eq(reproduce(&scene, result.manifest_path, path, &again, &error), FND_DAMAGED);
    cr_assert(strstr(error.message, "2 of 3 records are not those of the manifest") != NULL, "%s",
              error.message);
    cr_assert_eq(scene.errors, 2);
    cr_assert(scene_noted(&scene, first, ""));
    cr_assert(scene_noted(&scene, last, "is not what was recorded"));
    cr_assert_not(is_there(path));
    fnd_export_result_finish(&result);
    fnd_export_result_finish(&again);
    scene_end(&scene);
}

/** The manifest with one text in the place of another, written as `path`. */
static void altered(const struct fnd_export_result *result, const char *from, const char *to,
                    const char *path)
{
    const char *at = strstr(result->manifest, from);
    cr_assert_not_null(at, "%s is not in the manifest", from);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fwrite(result->manifest, 1, (size_t)(at - result->manifest), file);
    fputs(to, file);
    fputs(at + strlen(from), file);
    fclose(file);
}

Test(manifest, an_altered_manifest_is_refused)
{
    struct scene scene;
    struct fnd_export_result result = {0};
    char path[PATH_SIZE], out[PATH_SIZE], pair[128], wrong[128], hash[80];
    exported(&scene, 5, 3, &result);
    struct fnd_json manifest = {result.manifest, strlen(result.manifest) - 1};
    int64_t first = 0;
    cr_assert(fnd_json_integer(fnd_json_find(manifest, "/records/0/0"), &first));
    struct fnd_json recorded = fnd_json_find(manifest, "/records/0/1");
    snprintf(pair, sizeof pair, "%.*s", (int)recorded.size, recorded.bytes);
    snprintf(wrong, sizeof wrong, "\"%064d\"", 0);
    snprintf(hash, sizeof hash, "%s", result.sha256);
    struct fnd_json store = fnd_json_member(manifest, "store");
    char uuid[80];
    snprintf(uuid, sizeof uuid, "\"store\":%.*s", (int)store.size, store.bytes);
    const struct {
        const char *from, *to;
        enum fnd_status status;
        const char *part;
    } cases[] = {
        {pair, wrong, FND_DAMAGED, "its hash is another"},
        {"gs://bucket/in", "gs://bucket/out", FND_DAMAGED, "come out otherwise"},
        {hash, "0000000000000000000000000000000000000000000000000000000000000000", FND_DAMAGED,
         "come out otherwise"},
        {uuid, "\"store\":\"0190a000-0000-7000-8000-000000000000\"", FND_CONFLICT,
         "is of the job directory"},
        {"\"manifest\":1", "\"manifest\":2", FND_INVALID, "use a newer engine"},
        {"\"manifest\":1", "\"manifested\":1", FND_INVALID, "is no manifest"},
        {"\"format\":\"gemini\"", "\"format\":\"gemina\"", FND_INVALID, "did you mean `gemini`"},
        {"\"shares\":[800", "\"shares\":[80", FND_INVALID, "thousandths"},
        {"\"shares\":[800,", "\"shares\":[", FND_INVALID, "/split/shares"},
        {"gs://bucket/in", "/data/in", FND_INVALID, "is a local path"},
        {"\"records\":[[", "\"records\":[[9999999,", FND_INVALID, "/records/0"},
        {"}", "", FND_INVALID, "altered.manifest.json"},
    };
    scene_path(&scene, "altered.manifest.json", path);
    scene_path(&scene, "altered", out);
    for (size_t k = 0; k < 2 * sizeof cases / sizeof cases[0]; k++) {
        const size_t i = k / 2, held_max = k % 2; /* as a whole, and item by item */
        struct fnd_export_result again = {0};
        struct fnd_error error = {0};
        altered(&result, cases[i].from, cases[i].to, path);
        enum fnd_status status = reproduce_held(&scene, path, NULL, held_max, &again, &error);
        cr_assert_eq(status, cases[i].status, "case %zu: %s: %s", i, fnd_status_name(status),
                     error.message);
        cr_assert(strstr(error.message, cases[i].part) != NULL || strstr(error.file, cases[i].part),
                  "case %zu: \"%s\" is not in: %s", i, cases[i].part, error.message);
        cr_assert_not(is_there(out), "case %zu", i);
        fnd_export_result_finish(&again);
    }
    cr_assert_gt(first, 0);
    struct fnd_export_result again = {0};
    struct fnd_error error = {0};
    cr_assert_eq(
        reproduce(&scene, scene_path(&scene, "none.manifest.json", path), NULL, &again, &error),
        FND_NOT_FOUND);
    altered(&result, "{", "{", scene_path(&scene, "odd.json", path));
    cr_assert_eq(reproduce(&scene, path, NULL, &again, &error), FND_INVALID);
    cr_assert(strstr(error.message, "give --out") != NULL, "%s", error.message);
    fnd_export_result_finish(&result);
    scene_end(&scene);
}

Test(manifest, numbers_that_do_not_rise_are_refused)
{
    struct scene scene;
    struct fnd_export_result result = {0}, again = {0};
    struct fnd_error error = {0};
    char path[PATH_SIZE], from[32], to[32];
    exported(&scene, 6, 3, &result);
    struct fnd_json manifest = {result.manifest, strlen(result.manifest) - 1};
    int64_t first = 0, second = 0;
    cr_assert(fnd_json_integer(fnd_json_find(manifest, "/records/0/0"), &first));
    cr_assert(fnd_json_integer(fnd_json_find(manifest, "/records/1/0"), &second));
    snprintf(from, sizeof from, ",[%" PRId64 ",", second);
    snprintf(to, sizeof to, ",[%" PRId64 ",", first);
    altered(&result, from, to, scene_path(&scene, "x.manifest.json", path));
    for (size_t held_max = 0; held_max < 2; held_max++) {
        cr_assert_eq(reproduce_held(&scene, path, NULL, held_max, &again, &error), FND_INVALID);
        cr_assert(strstr(error.message, "/records/1 does not follow") != NULL, "%s", error.message);
    }
    fnd_export_result_finish(&result);
    scene_end(&scene);
}

Test(manifest, a_long_one_gives_the_same_bytes_and_itself)
{
    struct scene scene;
    struct fnd_export_result first = {0}, again = {0};
    struct fnd_error error = {0};
    char path[PATH_SIZE], manifest[PATH_SIZE + 16];
    exported(&scene, 7, 9, &first);
    scene_path(&scene, "again.jsonl", path);
    snprintf(manifest, sizeof manifest, "%s.manifest.json", path);
    cr_assert_eq(reproduce_held(&scene, first.manifest_path, path, 1, &again, &error), FND_OK, "%s",
                 error.message);
    cr_assert_null(again.manifest, "it is longer than what may be held");
    same_files(first.path, path);
    same_files(first.manifest_path, manifest);
    fnd_export_result_finish(&first);
    fnd_export_result_finish(&again);
    scene_end(&scene);
}

/** A manifest with `count` records that were never made. */
static void long_write(const struct fnd_export_result *result, size_t count, const char *path)
{
    static const char list[] = "\"records\":[";
    const char *at = strstr(result->manifest, list);
    cr_assert_not_null(at);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fwrite(result->manifest, 1, (size_t)(at - result->manifest) + strlen(list), file);
    for (size_t i = 1; i <= count; i++) {
        fprintf(file, "%s[%zu,\"%064zx\"]", i > 1 ? "," : "", i, i);
    }
    fputs(strstr(at, "]]") + 1, file);
    cr_assert_eq(fclose(file), 0);
}

/** Read it in a process of its own. Returns that one's peak in KiB; records must come to `count`.
 */
static long peak_of(const char *path, size_t count)
{
    int status = 0;
    struct rusage usage = {0};
    pid_t child = fork();
    if (child == 0) {
        struct fnd_manifest manifest = {0};
        struct fnd_plan plan = {0};
        struct fnd_error error = {0};
        uint8_t hash[FND_DIGEST_SIZE] = {0};
        bool right = fnd_manifest_stream(path, &manifest, &plan, &error) == FND_OK;
        right = right && plan.count == count && plan.numbers[count - 1] == (int64_t)count;
        right = right && fread(hash, sizeof hash, 1, plan.hashes_file) == 1 && hash[31] == 1;
        fnd_plan_finish(&plan);
        fnd_manifest_finish(&manifest);
        _exit(right ? 0 : 1);
    }
    cr_assert_eq(wait4(child, &status, 0, &usage), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%d", status);
    return usage.ru_maxrss;
}

Test(manifest, a_long_one_is_read_in_little_memory)
{
    enum { FEW = 4000, MANY = 400000, GROWTH_KIB_MAX = 16 << 10 };
    struct scene scene;
    struct fnd_export_result result = {0};
    char few[PATH_SIZE], many[PATH_SIZE];
    exported(&scene, 8, 3, &result);
    long_write(&result, FEW, scene_path(&scene, "few.json", few));
    long_write(&result, MANY, scene_path(&scene, "many.json", many)); /* 30 MB */
    const long small = peak_of(few, FEW), large = peak_of(many, MANY);
    cr_assert_lt(large - small, GROWTH_KIB_MAX, "%ld KiB, %ld with a hundredth", large, small);
    fnd_export_result_finish(&result);
    scene_end(&scene);
}
