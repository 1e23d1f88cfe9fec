/* SPDX-License-Identifier: MIT */
/* Exports that cannot be made or kept: bad records, kills, full disks, lines that say otherwise. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "dataset/internal.h"
#include "support.h"

static const char sft[] = "{\"sft\":{\"format\":\"gemini\",\"of\":\"review\","
                          "\"prompt\":\"Extract the ${params.what} as JSON, $${as is}.\"}}";
static const char bucket[] = "gs://bucket/";

/** As many records, of one pipeline. */
static void records_make(struct scene *scene, int count)
{
    int64_t pin = scene_pin(scene, "invoice", sft);
    for (int i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "%d.png", i);
        scene_record(scene, pin, "invoice", name, i);
    }
}

Test(export_faults, bad_records_are_told_one_by_one)
{
    struct scene scene;
    struct fnd_export_result result = {0};
    struct fnd_error error = {0};
    struct fnd_text text = {0};
    char path[PATH_SIZE], statement[256];
    scene_begin(&scene, 8);
    int64_t pin = scene_pin(&scene, "invoice", sft);
    int64_t good = scene_record(&scene, pin, "invoice", "1.png", 1);
    int64_t damaged = scene_record(&scene, pin, "invoice", "2.png", 2);
    int64_t job = scene_job(&scene, pin, "invoice", "big.png", "image/png", 20000001, 1);
    scene_model(&scene, job, "{}", NULL);
    int64_t big = scene_answer(&scene, job, scene_ask(&scene, job), "accepted", "{}", "{}");
    job = scene_job(&scene, pin, "invoice", "na\\xffme.png", "image/png", 5, 1);
    scene_model(&scene, job, "{}", NULL);
    int64_t name = scene_answer(&scene, job, scene_ask(&scene, job), "accepted", "{}", "{}");
    snprintf(statement, sizeof statement,
             "UPDATE payload SET body = cast(replace(cast(body AS TEXT), '2.50', '3.50') AS BLOB) "
             "WHERE event = %" PRId64,
             damaged + 1);
    scene_tamper(&scene, statement);

    struct fnd_export_options options = scene_options(&scene, "gemini");
    options.uri_prefix = bucket;
    scene_export(&scene, &options, &result, FND_DAMAGED, &error);
    cr_assert(strstr(error.message, "3 of 4 records cannot be exported") != NULL, "%s",
              error.message);
    cr_assert(strstr(error.message, "--skip-bad") != NULL, "%s", error.message);
    cr_assert_eq(scene.errors, 3);
    cr_assert(scene_noted(&scene, damaged, "is not what was recorded"));
    cr_assert(scene_noted(&scene, big, "has 20000001 bytes, and 20000000 are allowed"));
    cr_assert(scene_noted(&scene, name, "is not UTF-8"));
    cr_assert_not(is_there(scene_path(&scene, "out/gemini.jsonl", path)));
    fnd_export_result_finish(&result);

    options.skip_bad = true;
    scene_export(&scene, &options, &result, FND_OK, NULL);
    cr_assert_eq(scene.errors, 3); /* told all the same */
    cr_assert_eq(result.lines, 1);
    cr_assert_eq(result.left_out[FND_LEFT_BAD], 3);
    struct fnd_json manifest = {result.manifest, strlen(result.manifest)};
    cr_assert_eq(fnd_json_count(fnd_json_member(manifest, "skipped")), 3);
    int64_t number = 0;
    cr_assert(fnd_json_integer(fnd_json_find(manifest, "/records/0/0"), &number));
    cr_assert_eq(number, good);
    fnd_export_result_finish(&result);
    fnd_text_finish(&text);
    scene_end(&scene);
}

Test(export_faults, a_kill_halfway_leaves_no_file_under_the_name)
{
    struct scene scene;
    char path[PATH_SIZE];
    scene_begin(&scene, 9);
    records_make(&scene, 10);
    fnd_reader_close(scene.reader);
    scene.reader = NULL;
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        struct fnd_export_options options = scene_options(&scene, "gemini");
        struct fnd_export_result result = {0};
        struct fnd_error error = {0};
        struct fnd_reader *reader = NULL;
        options.uri_prefix = bucket;
        scene.die_at = 5;
        if (fnd_reader_open(scene.directory, &reader, &error) == FND_OK) {
            fnd_dataset_export(reader, NULL, &options, &result, &error);
        }
        _exit(0);
    }
    int state = 0;
    cr_assert_eq(waitpid(child, &state, 0), child);
    cr_assert(WIFSIGNALED(state) && WTERMSIG(state) == SIGKILL);
    cr_assert(is_there(scene_path(&scene, "out", path)));
    cr_assert_not(is_there(scene_path(&scene, "out/gemini.jsonl", path)));
    cr_assert_not(is_there(scene_path(&scene, "out/gemini.jsonl.manifest.json", path)));
    struct fnd_error error = {0};
    cr_assert_eq(fnd_reader_open(scene.directory, &scene.reader, &error), FND_OK);
    struct fnd_export_options options = scene_options(&scene, "gemini");
    struct fnd_export_result result = {0};
    options.uri_prefix = bucket;
    scene_export(&scene, &options, &result, FND_OK, NULL);
    cr_assert_eq(result.lines, 10);
    fnd_export_result_finish(&result);
    scene_end(&scene);
}

Test(export_faults, a_dash_goes_down_the_descriptor_and_the_event_is_recorded)
{
    struct scene scene;
    struct fnd_export_result result = {0};
    struct fnd_error error = {0};
    struct fnd_text body = {0}, text = {0};
    char path[PATH_SIZE];
    scene_begin(&scene, 10);
    int64_t pin = scene_pin(&scene, "invoice", sft);
    scene_record(&scene, pin, "invoice", "1.png", 1);
    FILE *out = fopen(scene_path(&scene, "piped", path), "w");
    cr_assert_not_null(out);
    struct fnd_export_options options = scene_options(&scene, "foundry");
    options.out = "-";
    options.fd = fileno(out);
    cr_assert_eq(fnd_dataset_export(scene.reader, scene.store, &options, &result, &error), FND_OK,
                 "%s", error.message);
    fclose(out);
    cr_assert_null(result.path);
    cr_assert_null(result.manifest_path);
    read_all(path, &text);
    cr_assert_eq(text.size, result.size);
    struct fnd_event_row row;
    cr_assert_gt(result.event, 0);
    cr_assert_eq(fnd_event_get(scene.reader, result.event, &row, &error), FND_OK);
    cr_assert_eq(row.kind, FND_EVENT_EXPORT);
    cr_assert_eq(fnd_payload_get(scene.reader, result.event, &body, NULL, &error), FND_OK);
    cr_assert_str_eq(fnd_text_z(&body), result.manifest);
    fnd_export_result_finish(&result);
    fnd_text_finish(&body);
    fnd_text_finish(&text);
    scene_end(&scene);
}

Test(export_faults, a_full_disk_is_told_and_leaves_nothing)
{
    struct scene scene;
    struct fnd_export_result result = {0};
    struct fnd_error error = {0};
    struct rlimit old, small;
    char path[PATH_SIZE];
    scene_begin(&scene, 11);
    records_make(&scene, 3);
    /* A limit on file sizes stands for the disk: the system refuses in the same place. */
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 100;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct fnd_export_options options = scene_options(&scene, "foundry");
    enum fnd_status status = fnd_dataset_export(scene.reader, NULL, &options, &result, &error);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    cr_assert_eq(status, FND_FULL, "%s", error.message);
    cr_assert(strstr(error.message, "nothing of the export was kept") != NULL, "%s", error.message);
    DIR *folder = opendir(scene_path(&scene, "out", path));
    cr_assert_not_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        cr_assert(strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0, "%s",
                  entry->d_name);
    }
    closedir(folder);
    fnd_export_result_finish(&result);
    scene_end(&scene);
}

/** A line with one text in the place of another. */
static void line_with(const struct fnd_text *line, const char *from, const char *to,
                      struct fnd_text *other)
{
    const char *at = strstr(fnd_text_z(line), from);
    cr_assert_not_null(at, "%s is not in %s", from, fnd_text_z(line));
    fnd_text_clear(other);
    fnd_text_append(other, line->bytes, (size_t)(at - line->bytes));
    fnd_text_append_z(other, to);
    fnd_text_append_z(other, at + strlen(from));
}

Test(export_faults, a_line_that_does_not_say_what_the_record_says_is_noticed)
{
    static const struct {
        const char *format, *from, *to;
    } cases[] = {
        {"gemini", "Hardware", "Hardwore"},
        {"gemini", "7.50", "7.5"}, /* equal, and not the same bytes */
        {"gemini", "{\\\"supplier_name", "[{\\\"supplier_name"},
        {"foundry", "\"id\":\"", "\"id\":\"x"},
        {"foundry", "\"total\":7.50},\"human", "\"total\":7.5},\"human"},
        {"foundry", "\"to\":\"Hardware", "\"to\":\"Software"},
        {"foundry", "\"confidence\":0.82,\"source", "\"confidence\":0.820,\"source"},
        {"foundry", "\"by\":\"ann\"", "\"by\":\"bob\""},
        {"foundry", "\"by\":\"ann\",", ""},
        {"foundry", "\"verdict\":\"corrected\"", "\"verdict\":\"accepted\""},
    };
    struct scene scene;
    scene_begin(&scene, 12);
    int64_t pin = scene_pin(&scene, "invoice", sft);
    int64_t record = scene_record(&scene, pin, "invoice", "a.png", 7);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_text line = {0}, other = {0};
        struct fnd_datum datum = {0};
        struct fnd_error error = {0};
        struct fnd_json json;
        struct fnd_plan plan = {.reader = scene.reader,
                                .format = fnd_format_find(cases[i].format, &error)};
        plan.options.salt = "salt";
        plan.options.shares[0] = FND_DATASET_SHARES_SUM;
        plan.options.uri_prefix = bucket;
        cr_assert_eq(fnd_datum_load(&plan, record, &datum, &error), FND_OK, "%s", error.message);
        cr_assert_eq(plan.format->line(&plan, &datum, &line, &error), FND_OK, "%s", error.message);
        cr_assert_eq(fnd_json_check(line.bytes, line.size, NULL, &json, &error), FND_OK);
        cr_assert_eq(plan.format->agrees(&datum, json, &error), FND_OK, "%s", error.message);
        line_with(&line, cases[i].from, cases[i].to, &other);
        cr_assert_eq(fnd_json_check(other.bytes, other.size, NULL, &json, &error), FND_OK);
        cr_assert_eq(plan.format->agrees(&datum, json, &error), FND_DAMAGED, "case %zu", i);
        fnd_datum_finish(&datum);
        fnd_text_finish(&line);
        fnd_text_finish(&other);
        fnd_plan_finish(&plan);
    }
    scene_end(&scene);
}
