/* SPDX-License-Identifier: MIT */
/* Lines made on several threads: the same bytes, counts, notes and errors as made on one. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/making.h"
#include "support.h"

enum { RECORDS = 300, THREADS = 3, LARGE_SIZE = 100000, BEHIND_AHEAD = 128 };

static const char entries[] = "{\"sft\":{\"format\":\"gemini\",\"of\":\"review\",\"prompt\":"
                              "\"Extract.\"}}";
static const char redacting[] =
    "{\"redact\":[{\"pointer\":\"/supplier\",\"action\":\"hash\"},{\"pattern\":\"grey [0-9]+\"}],"
    "\"sft\":{\"format\":\"gemini\",\"of\":\"review\",\"prompt\":\"Extract.\"}}";

/** Forms of all kinds: accepted, corrected and rejected, some of several pipelines, some alike, a
 *  few large ones. Returns the number of the last record. */
static int64_t forms(struct scene *scene, uint64_t seed)
{
    static const char *const verdicts[] = {"corrected", "accepted", "corrected", "rejected"};
    int64_t pins[2], last = 0;
    struct fnd_text value = {0}, model = {0}, human = {0};
    scene_begin(scene, seed);
    pins[0] = scene_pin(scene, "invoice", entries);
    pins[1] = scene_pin(scene, "letter", redacting);
    for (int i = 0; i < RECORDS; i++) {
        char path[32];
        const int kind = i % 7 == 3 ? 3 : i % 3;
        const char *pipeline = i % 5 == 0 ? "letter" : "invoice";
        fnd_text_clear(&value);
        fnd_text_clear(&model);
        fnd_text_clear(&human);
        snprintf(path, sizeof path, "in/%d.txt", i);
        fnd_text_printf(&value, "{\"content\":\"Letter %d of Stra\u00dfe, cable in grey %d.", i / 2,
                        i);
        for (int k = 0; i % 97 == 50 && k < LARGE_SIZE; k++) {
            fnd_text_append_byte(&value, (char)('a' + k * 7 % 26));
        }
        fnd_text_append_z(&value, "\"}");
        fnd_text_printf(&model, "{\"supplier\":\"Hardwar %d\",\"total\":%d.50}", i, i);
        fnd_text_printf(&human, "{\"supplier\":\"Hardware %d\",\"total\":%d.50}", i, i);
        const int64_t job =
            scene_value_job(scene, pins[i % 5 == 0], pipeline, path, fnd_text_z(&value));
        struct fnd_text fields = {0};
        fnd_text_printf(&fields, "{\"/supplier\":{\"from\":\"Hardwar %d\",\"to\":\"Hardware %d\"}}",
                        i, i);
        scene_model(scene, job, fnd_text_z(&model), "{\"confidence\":{\"/supplier\":0.5}}");
        last = scene_answer(scene, job, scene_ask(scene, job), verdicts[kind],
                            kind == 1 || kind == 3 ? "{}" : fnd_text_z(&fields),
                            kind == 3   ? NULL
                            : kind == 1 ? fnd_text_z(&model)
                                        : fnd_text_z(&human));
        fnd_text_finish(&fields);
    }
    fnd_text_finish(&value);
    fnd_text_finish(&model);
    fnd_text_finish(&human);
    return last;
}

/** All that an export tells, but for its name. */
static void told_append(const struct scene *scene, const struct fnd_export_result *result,
                        const struct fnd_error *error, struct fnd_text *told)
{
    for (size_t i = 0; i < scene->notes_count; i++) {
        fnd_text_printf(told, "%" PRId64 " %d %s\n", scene->notes[i].record,
                        scene->notes[i].warning, scene->messages[i]);
    }
    for (int i = 0; i < FND_LEFT_COUNT; i++) {
        fnd_text_printf(told, "%zu ", result->left_out[i]);
    }
    fnd_text_printf(told, "| %zu %zu | %s | %s %s | %s", result->lines, result->records,
                    result->sha256, error->code, error->message,
                    result->manifest != NULL ? result->manifest : "");
}

/** Export on `threads`; what was told and, where it was written, the file's bytes. */
static void run(struct scene *scene, struct fnd_export_options options, unsigned threads,
                enum fnd_status status, struct fnd_text *told)
{
    struct fnd_export_result result = {0};
    struct fnd_error error = {0};
    char path[PATH_SIZE];
    options.threads = threads;
    options.out = scene_path(scene, "export.out", path);
    scene_export(scene, &options, &result, status, &error);
    told_append(scene, &result, &error, told);
    if (status == FND_OK) {
        struct fnd_text file = {0};
        read_all(path, &file);
        fnd_text_append(told, file.bytes, file.size);
        fnd_text_finish(&file);
    }
    fnd_export_result_finish(&result);
}

static void same(struct scene *scene, const struct fnd_export_options *options,
                 enum fnd_status status)
{
    struct fnd_text one = {0}, many = {0};
    run(scene, *options, 1, status, &one);
    run(scene, *options, THREADS, status, &many);
    cr_assert(one.size == many.size && memcmp(one.bytes, many.bytes, one.size) == 0,
              "%s differs by threads: %.2000s\n--- and ---\n%.2000s", options->format,
              fnd_text_z(&one), fnd_text_z(&many));
    fnd_text_finish(&one);
    fnd_text_finish(&many);
}

static const char *const formats[] = {"foundry",  "gemini",  "openai-chat",     "trl-sft", "alpaca",
                                      "sharegpt", "argilla", "nvidia-flywheel", "trl-kto"};

Test(threads, write_the_same_export_in_each_format)
{
    struct scene scene;
    forms(&scene, 101);
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        struct fnd_export_options options = scene_options(&scene, formats[i]);
        options.prompt = "Extract.";
        same(&scene, &options, FND_OK);
        options.split = FND_SPLIT_TRAIN;
        same(&scene, &options, FND_OK);
    }
    scene_end(&scene);
}

Test(threads, tell_of_bad_records_in_their_order)
{
    struct scene scene;
    char statement[256];
    const int64_t last = forms(&scene, 102);
    /* Documents of the middle and of the end are altered behind the store's back. */
    snprintf(statement, sizeof statement,
             "UPDATE payload SET body = cast(replace(cast(body AS TEXT), '7.50', '8.50') AS BLOB)"
             " WHERE event > %" PRId64,
             last / 2);
    scene_tamper(&scene, statement);
    for (size_t i = 0; i < 3; i++) {
        struct fnd_export_options options = scene_options(&scene, formats[i]);
        options.prompt = "Extract.";
        same(&scene, &options, FND_DAMAGED);
        options.skip_bad = true;
        same(&scene, &options, FND_OK);
    }
    scene_end(&scene);
}

Test(threads, stop_at_what_no_record_can_pass)
{
    struct scene scene;
    const int64_t last = forms(&scene, 103);
    const int64_t pin = scene_pin(&scene, "picture", entries);
    for (int i = 0; i < 3; i++) {
        char path[32];
        snprintf(path, sizeof path, "%d.png", i);
        cr_assert_gt(scene_record(&scene, pin, "picture", path, i), last);
    }
    /* Without a prefix no picture can be named: the first one says so for all. */
    struct fnd_export_options options = scene_options(&scene, "gemini");
    options.prompt = "Extract.";
    options.skip_bad = true;
    same(&scene, &options, FND_INVALID);
    scene_end(&scene);
}

/** Threads of this process. */
static size_t tasks(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/task");
    cr_assert_not_null(folder);
    for (const struct dirent *entry = NULL; (entry = readdir(folder)) != NULL;) {
        count += entry->d_name[0] != '.';
    }
    closedir(folder);
    return count;
}

struct looking {
    size_t most;
};

static void look(void *context, size_t lines)
{
    struct looking *looking = context;
    const size_t now = lines < RECORDS - BEHIND_AHEAD - 1 ? tasks() : 0;
    looking->most = now > looking->most ? now : looking->most;
}

Test(threads, are_as_many_as_were_asked_for_and_gone_behind_it)
{
    struct scene scene;
    struct fnd_export_result result = {0};
    char path[PATH_SIZE];
    forms(&scene, 104);
    const size_t before = tasks();
    for (unsigned threads = 1; threads <= THREADS; threads++) {
        struct looking looking = {0};
        const struct fnd_export_options options = {.format = "foundry",
                                                   .threads = threads,
                                                   .out = scene_path(&scene, "export.out", path),
                                                   .progress = look,
                                                   .context = &looking};
        scene_export(&scene, &options, &result, FND_OK, NULL);
        fnd_export_result_finish(&result);
        cr_assert_eq(looking.most, before + (threads > 1 ? threads : 0), "%zu of %u, %zu before",
                     looking.most, threads, before);
        cr_assert_eq(tasks(), before);
    }
    scene_end(&scene);
}

Test(threads, reproduce_an_export_that_one_thread_made)
{
    struct scene scene;
    struct fnd_export_result first = {0}, again = {0};
    struct fnd_error error = {0};
    char path[PATH_SIZE];
    forms(&scene, 105);
    struct fnd_export_options options = scene_options(&scene, "openai-chat");
    options.prompt = "Extract.";
    options.threads = 1;
    scene_export(&scene, &options, &first, FND_OK, NULL);
    options.threads = THREADS;
    options.out = scene_path(&scene, "again.jsonl", path);
    cr_assert_eq(fnd_dataset_reproduce(scene.reader, first.manifest_path, &options, &again, &error),
                 FND_OK, "%s", error.message);
    cr_assert_str_eq(first.sha256, again.sha256);
    cr_assert_eq(first.lines, again.lines);
    fnd_export_result_finish(&first);
    fnd_export_result_finish(&again);
    scene_end(&scene);
}

/* Each of a hundred and more places would keep as much as the largest record that it ever held. */
Test(threads, a_large_record_leaves_its_memory_to_none)
{
    struct scene scene;
    struct fnd_making *making = NULL;
    struct fnd_error error = {0};
    struct fnd_export_result result = {0};
    size_t large = 0;
    forms(&scene, 106);
    struct fnd_plan plan = {.reader = scene.reader,
                            .options = scene_options(&scene, "foundry"),
                            .format = fnd_format_find("foundry", &error),
                            .result = &result};
    plan.options.threads = 1;
    plan.options.salt = "salt";
    plan.options.tiers = 1U << FND_TIER_GOLD;
    plan.options.verdicts = 1U << FND_ACCEPTED | 1U << FND_CORRECTED | 1U << FND_REJECTED;
    cr_assert_eq(fnd_plan_select(&plan, &error), FND_OK, "%s", error.message);
    cr_assert_eq(plan.count, RECORDS);
    cr_assert_eq(fnd_making_begin(&plan, &making, &error), FND_OK, "%s", error.message);
    for (size_t i = 0; i < RECORDS; i++) {
        const struct fnd_made *made = fnd_making_next(making);
        cr_assert_eq(made->status, FND_OK, "%s", made->error.message);
        if (made->line.size > LARGE_SIZE) {
            large++;
            continue;
        }
        cr_expect_leq(made->line.capacity, FND_DATUM_KEPT_MAX, "%zu", i);
        cr_expect_leq(made->datum.json.capacity, FND_DATUM_KEPT_MAX, "%zu", i);
    }
    cr_expect_gt(large, 1);
    fnd_making_end(making);
    fnd_plan_finish(&plan);
    scene_end(&scene);
}
