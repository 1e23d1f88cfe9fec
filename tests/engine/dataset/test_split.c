/* SPDX-License-Identifier: MIT */
/* Splits are drawn once and never change; URIs lead where the trainer looks. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "dataset/internal.h"
#include "support.h"

static const int32_t usual[] = {800, 100, 100};

Test(split, a_draw_never_changes)
{
    /* SHA-256 of salt, NUL, pipeline, NUL, path: anybody can work it out again. */
    static const struct {
        const char *salt, *pipeline, *path;
        enum fnd_split split;
    } cases[] = {
        {"salt", "invoice-ocr", "in/0.png", FND_SPLIT_TRAIN},
        {"0190a000-0000-7000-8000-000000000000", "invoice-ocr", "in/0.png", FND_SPLIT_TRAIN},
        {"salt", "invoice-ocr", "in/1.png", FND_SPLIT_TRAIN},
        {"0190a000-0000-7000-8000-000000000000", "invoice-ocr", "in/1.png", FND_SPLIT_TRAIN},
        {"0190a000-0000-7000-8000-000000000000", "invoice-ocr", "in/2.png", FND_SPLIT_TEST},
        {"0190a000-0000-7000-8000-000000000000", "invoice-ocr", "in/3.png", FND_SPLIT_TEST},
        {"salt", "invoice-ocr", "in/5.png", FND_SPLIT_TEST},
        {"0190a000-0000-7000-8000-000000000000", "invoice-ocr", "in/24.png", FND_SPLIT_VALIDATION},
        {"salt", "invoice-ocr", "in/32.png", FND_SPLIT_VALIDATION},
        {"0190a000-0000-7000-8000-000000000000", "invoice-ocr", "in/32.png", FND_SPLIT_VALIDATION},
        {"salt", "invoice-ocr", "in/33.png", FND_SPLIT_TEST},
        {"salt", "invoice-ocr", "in/35.png", FND_SPLIT_VALIDATION},
    };
    fnd_digest_setup();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum fnd_split split =
            fnd_split_draw(cases[i].salt, usual, cases[i].pipeline, cases[i].path, NULL);
        cr_assert_eq(split, cases[i].split, "case %zu is %s", i, fnd_split_name(split));
    }
}

/* As the manual gives the formula: a long name is drawn for as a short one is. */
Test(split, a_name_of_any_length_draws_by_the_hash_of_all_of_it)
{
    char path[601] = "";
    fnd_digest_setup();
    for (size_t size = 0; size < sizeof path - 1; size++) {
        struct fnd_sha256 hash;
        uint8_t digest[FND_DIGEST_SIZE];
        uint32_t job = 0;
        fnd_sha256_begin(&hash);
        fnd_sha256_add(&hash, "salt\0invoice", sizeof "salt\0invoice");
        fnd_sha256_add(&hash, path, size);
        fnd_sha256_end(&hash, digest);
        const uint64_t drawn = (uint64_t)digest[0] << 24 | (uint64_t)digest[1] << 16 |
                               (uint64_t)digest[2] << 8 | digest[3];
        const uint64_t place = drawn * 1000 >> 32;
        cr_expect_eq(fnd_split_draw("salt", usual, "invoice", path, &job),
                     place < 800   ? FND_SPLIT_TRAIN
                     : place < 900 ? FND_SPLIT_VALIDATION
                                   : FND_SPLIT_TEST,
                     "%zu bytes", size);
        cr_expect_eq(job & 0xff, digest[4]);
        cr_expect_eq(job >> 24, digest[7]);
        path[size] = (char)('a' + size % 26);
    }
}

Test(split, shares_are_met_and_salts_matter)
{
    size_t counts[4] = {0}, moved = 0;
    fnd_digest_setup();
    for (int i = 0; i < 10000; i++) {
        char path[32];
        snprintf(path, sizeof path, "%d.png", i);
        enum fnd_split split = fnd_split_draw("salt", usual, "invoice", path, NULL);
        counts[split]++;
        moved += split != fnd_split_draw("other", usual, "invoice", path, NULL);
    }
    cr_assert(counts[FND_SPLIT_TRAIN] > 7850 && counts[FND_SPLIT_TRAIN] < 8150);
    cr_assert(counts[FND_SPLIT_TEST] > 900 && counts[FND_SPLIT_TEST] < 1100);
    cr_assert_gt(moved, 2000);
    /* a larger share of training takes from the others and gives nothing away */
    static const int32_t more[] = {900, 50, 50};
    for (int i = 0; i < 1000; i++) {
        char path[32];
        snprintf(path, sizeof path, "%d.png", i);
        if (fnd_split_draw("salt", usual, "invoice", path, NULL) == FND_SPLIT_TRAIN) {
            cr_assert_eq(fnd_split_draw("salt", more, "invoice", path, NULL), FND_SPLIT_TRAIN);
        }
    }
}

Test(split, an_export_gives_a_job_one_split_for_good)
{
    struct scene scene;
    struct fnd_export_result all = {0}, part = {0};
    scene_begin(&scene, 1);
    int64_t pin =
        scene_pin(&scene, "invoice", "{\"sft\":{\"format\":\"gemini\",\"prompt\":\"p\"}}");
    for (int i = 0; i < 60; i++) {
        char path[32];
        snprintf(path, sizeof path, "%d.png", i);
        scene_record(&scene, pin, "invoice", path, i);
    }
    struct fnd_export_options options = scene_options(&scene, "gemini");
    options.uri_prefix = "gs://bucket/";
    scene_export(&scene, &options, &all, FND_OK, NULL);
    cr_assert(scene_noted(&scene, 0, "export --split train"));
    cr_assert_gt(all.splits[0], all.splits[1] + all.splits[2]);
    cr_assert_gt(all.splits[1], 0);
    cr_assert_gt(all.splits[2], 0);
    struct fnd_text whole = {0}, text = {0};
    read_all(all.path, &whole);
    for (int split = FND_SPLIT_TRAIN; split <= FND_SPLIT_TEST; split++) {
        options.split = (enum fnd_split)split;
        scene_export(&scene, &options, &part, FND_OK, NULL);
        cr_assert_eq(part.lines, all.splits[split - 1]);
        cr_assert_eq(part.left_out[FND_LEFT_FILTERED], all.lines - part.lines);
        read_all(part.path, &text);
        for (char *line = text.bytes; *line != '\0';) { /* each line is one of the whole's */
            char *end = strchr(line, '\n');
            *end = '\0';
            cr_assert_not_null(strstr(whole.bytes, line));
            line = end + 1;
        }
        fnd_export_result_finish(&part);
    }
    fnd_export_result_finish(&all);
    fnd_text_finish(&whole);
    fnd_text_finish(&text);
    scene_end(&scene);
}

Test(split, names_are_found)
{
    enum fnd_split split = FND_SPLIT_ALL;
    cr_assert(fnd_split_find("validation", &split) && split == FND_SPLIT_VALIDATION);
    cr_assert(fnd_split_find("all", &split) && split == FND_SPLIT_ALL);
    cr_assert_not(fnd_split_find("dev", &split));
}

Test(split, uris_are_literal_in_buckets_and_encoded_on_the_web)
{
    static const struct {
        const char *prefix, *path, *uri; /* uri NULL: refused */
    } cases[] = {
        {"gs://bucket/", "a.png", "gs://bucket/a.png"},
        {"gs://bucket", "a.png", "gs://bucket/a.png"},
        {"gs://bucket/in", "x/a b#1%.png", "gs://bucket/in/x/a b#1%.png"},
        {"gs://bucket/", "a\\\\b.png", "gs://bucket/a\\b.png"},
        {"gs://bucket/", "\\xff.png", NULL},
        {"gs://bucket/", "a\nb.png", NULL},
        {"https://example.org/in/", "x/a b#1%.png", "https://example.org/in/x/a%20b%231%25.png"},
        {"https://example.org", "\xC3\xBC?.png", "https://example.org/%C3%BC%3F.png"},
        {"https://example.org", "\\xff\\\\.png", "https://example.org/%FF%5C.png"},
        {"https://example.org", "a\\x.png", "https://example.org/a%5Cx.png"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_text uri = {0};
        struct fnd_error error = {0};
        enum fnd_status status = fnd_uri_append(cases[i].prefix, cases[i].path, &uri, &error);
        cr_assert_eq(status, cases[i].uri != NULL ? FND_OK : FND_INVALID, "case %zu: %s", i,
                     error.message);
        if (cases[i].uri != NULL) {
            cr_assert_str_eq(fnd_text_z(&uri), cases[i].uri);
        }
        fnd_text_finish(&uri);
    }
}
