/* SPDX-License-Identifier: MIT */
/* Near-duplicates: those that were planted are found, others are not, and none stands on two sides
 * of a split without a word. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/json.h"
#include "dataset/near.h"
#include "support.h"

enum { TEXTS = 400, PLANTED = 60, WORDS = 120, VOCABULARY = 3000 };

static uint64_t next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static void word_append(struct fnd_text *text, uint64_t *state)
{
    const uint64_t word = next(state) % VOCABULARY;
    fnd_text_printf(text, "%sw%" PRIx64 "%c", text->size > 0 ? " " : "", word * 2654435761u % 99991,
                    (char)('a' + (int)(word % 26)));
}

static void words_append(struct fnd_text *text, size_t count, uint64_t *state)
{
    for (size_t i = 0; i < count; i++) {
        word_append(text, state);
    }
}

/** The same text as a scanner's second run gives it: capitals, other white space, two words read
 *  otherwise. */
static void reread(const struct fnd_text *text, struct fnd_text *again, uint64_t *state)
{
    const size_t first = next(state) % text->size, second = next(state) % text->size;
    for (size_t i = 0; i < text->size; i++) {
        const char byte = text->bytes[i];
        if (byte == ' ') {
            fnd_text_append_z(again, next(state) % 4 == 0 ? " \n\t" : " ");
        } else if (i == first || i == second) {
            fnd_text_append_byte(again, '?');
        } else {
            fnd_text_append_byte(again, byte >= 'a' && byte <= 'z' && next(state) % 3 == 0
                                            ? (char)(byte - 'a' + 'A')
                                            : byte);
        }
    }
}

static void keep(struct fnd_near *near, const struct fnd_text *text, int64_t number)
{
    near->list = fnd_realloc(near->list, near->count + 1, sizeof *near->list);
    struct fnd_sketch *sketch = &near->list[near->count++];
    *sketch = (struct fnd_sketch){.number = (uint64_t)number & 0xffffff,
                                  .job = (uint64_t)number & 0x3fffff,
                                  .split = FND_SPLIT_TRAIN};
    fnd_near_sketch(fnd_text_z(text), text->size, sketch->bits);
}

Test(near, all_that_was_planted_is_found_and_nothing_else)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct fnd_near near = {0};
        struct fnd_text texts[TEXTS] = {0};
        uint64_t state = seed;
        for (size_t i = 0; i < TEXTS; i++) {
            words_append(&texts[i], WORDS, &state);
            keep(&near, &texts[i], (int64_t)i + 1);
        }
        for (size_t i = 0; i < PLANTED; i++) {
            struct fnd_text again = {0};
            reread(&texts[i * 5], &again, &state);
            keep(&near, &again, (int64_t)(TEXTS + i) + 1);
            fnd_text_finish(&again);
        }
        fnd_near_find(&near);
        for (size_t i = 0; i < near.count; i++) {
            const size_t expected = i < TEXTS ? i : (i - TEXTS) * 5;
            cr_expect_eq(near.group[i], expected, "seed %" PRIu64 ": record %zu is put to %u", seed,
                         i, near.group[i]);
        }
        cr_expect_eq(near.groups, PLANTED, "seed %" PRIu64, seed);
        cr_expect_eq(near.records, 2 * PLANTED, "seed %" PRIu64, seed);
        cr_expect_eq(near.across, 0);
        for (size_t i = 0; i < TEXTS; i++) {
            fnd_text_finish(&texts[i]);
        }
        fnd_near_finish(&near);
    }
}

Test(near, texts_that_share_two_thirds_are_no_duplicates)
{
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct fnd_near near = {0};
        struct fnd_text left = {0}, right = {0};
        uint64_t state = seed;
        words_append(&left, 80, &state);
        fnd_text_append(&right, left.bytes, left.size);
        words_append(&left, 40, &state);
        words_append(&right, 40, &state);
        keep(&near, &left, 1);
        keep(&near, &right, 2);
        fnd_near_find(&near);
        cr_expect_eq(near.groups, 0, "seed %" PRIu64, seed);
        fnd_text_finish(&left);
        fnd_text_finish(&right);
        fnd_near_finish(&near);
    }
}

Test(near, short_texts_are_alike_only_if_they_are_the_same)
{
    static const struct {
        const char *left, *right;
        size_t groups;
    } cases[] = {{"Total 12.50", "total  12.50", 1},
                 {"Total 12.50", "Total 12.51", 0},
                 {"", "", 1},
                 {"", "a", 0},
                 {"ab", "ba", 0},
                 {" a", "a", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_near near = {0};
        struct fnd_text left = {0}, right = {0};
        fnd_text_append_z(&left, cases[i].left);
        fnd_text_append_z(&right, cases[i].right);
        keep(&near, &left, 1);
        keep(&near, &right, 2);
        fnd_near_find(&near);
        cr_expect_eq(near.groups, cases[i].groups, "case %zu", i);
        fnd_text_finish(&left);
        fnd_text_finish(&right);
        fnd_near_finish(&near);
    }
}

/* A manifest names them: it must come out the same on any machine and with any later engine. */
Test(near, a_sketch_is_the_same_everywhere)
{
    static const char text[] = "The quick brown fox jumps over the lazy dog, again and again.";
    uint64_t bits[2];
    fnd_near_sketch(text, sizeof text - 1, bits);
    cr_expect_eq(bits[0], UINT64_C(0xa6931c9b2620405f), "%016" PRIx64, bits[0]);
    cr_expect_eq(bits[1], UINT64_C(0x195f76cef054ad7f), "%016" PRIx64, bits[1]);
}

/* A form that is sent in a hundred thousand times is one group, found in the time of any other. */
Test(near, a_hundred_thousand_equal_ones_are_one_group)
{
    struct fnd_near near = {.count = 100000, .capacity = 100000};
    near.list = fnd_alloc(near.count * sizeof *near.list);
    for (size_t i = 0; i < near.count; i++) {
        near.list[i] =
            (struct fnd_sketch){.bits = {7, 8},
                                .number = (i + 1) & 0xffffff,
                                .job = i & 0x3fffff,
                                .split = (i % 1000 == 999 ? FND_SPLIT_TEST : FND_SPLIT_TRAIN)};
    }
    fnd_near_find(&near);
    cr_expect_eq(near.groups, 1);
    cr_expect_eq(near.records, 100000);
    cr_expect_eq(near.across, 1);
    struct fnd_text json = {0};
    fnd_near_manifest(&near, &json);
    cr_expect_lt(json.size, 1000, "what is listed is bounded");
    fnd_text_finish(&json);
    fnd_near_finish(&near);
}

/* --- in an export -------------------------------------------------------------------------- */

static const char sft[] = "{\"sft\":{\"format\":\"openai-chat\",\"of\":\"review\",\"prompt\":"
                          "\"Extract.\"}}";

/** A path whose job is drawn to that split. */
static void path_in(const struct scene *scene, enum fnd_split split, const char *name,
                    char path[64])
{
    struct fnd_error error = {0};
    char *uuid = NULL;
    cr_assert_eq(fnd_dataset_store(scene->reader, &uuid, &error), FND_OK);
    for (unsigned i = 0;; i++) {
        snprintf(path, 64, "%s-%u", name, i);
        if (fnd_dataset_split(uuid, "letters", path) == split) {
            break;
        }
    }
    free(uuid);
}

static int64_t letter(struct scene *scene, int64_t pin, const char *path,
                      const struct fnd_text *text)
{
    struct fnd_text value = {0};
    fnd_text_append_json(&value, text->bytes, text->size);
    const int64_t job = scene_value_job(scene, pin, "letters", path, fnd_text_z(&value));
    scene_model(scene, job, "{\"kind\":\"x\"}", NULL);
    fnd_text_finish(&value);
    return scene_answer(scene, job, scene_ask(scene, job), "corrected",
                        "{\"/kind\":{\"from\":\"x\",\"to\":\"y\"}}", "{\"kind\":\"y\"}");
}

struct letters {
    struct scene scene;
    int64_t numbers[4]; /* 0 and 1: nearly the same, train and test */
};

static void letters_begin(struct letters *letters, uint64_t seed)
{
    struct fnd_text texts[3] = {0}, again = {0};
    char path[64], first[64];
    uint64_t state = seed;
    scene_begin(&letters->scene, seed);
    const int64_t pin = scene_pin(&letters->scene, "letters", sft);
    for (size_t i = 0; i < 3; i++) {
        words_append(&texts[i], WORDS, &state);
    }
    reread(&texts[0], &again, &state);
    path_in(&letters->scene, FND_SPLIT_TRAIN, "first", first);
    letters->numbers[0] = letter(&letters->scene, pin, first, &texts[0]);
    path_in(&letters->scene, FND_SPLIT_TEST, "second", path);
    letters->numbers[1] = letter(&letters->scene, pin, path, &again);
    path_in(&letters->scene, FND_SPLIT_TRAIN, "third", path);
    letters->numbers[2] = letter(&letters->scene, pin, path, &texts[1]);
    path_in(&letters->scene, FND_SPLIT_TEST, "fourth", path);
    letters->numbers[3] = letter(&letters->scene, pin, path, &texts[2]);
    for (size_t i = 0; i < 3; i++) {
        fnd_text_finish(&texts[i]);
    }
    fnd_text_finish(&again);
}

Test(near, those_on_two_sides_of_a_split_are_named_and_nothing_is_left_out)
{
    static const struct {
        enum fnd_split split;
        size_t lines;
    } cases[] = {{FND_SPLIT_ALL, 4}, {FND_SPLIT_TRAIN, 2}, {FND_SPLIT_TEST, 2}};
    struct letters letters;
    letters_begin(&letters, 31);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_export_result result = {0};
        struct fnd_export_options options = scene_options(&letters.scene, "openai-chat");
        struct fnd_text list = {0}, other = {0};
        options.split = cases[i].split; /* also where the other one is not in the file */
        scene_export(&letters.scene, &options, &result, FND_OK, NULL);
        cr_expect_eq(result.lines, cases[i].lines);
        fnd_text_printf(&other, "(split test) is nearly that of record %" PRId64 " (split train)",
                        letters.numbers[0]);
        cr_expect(scene_noted(&letters.scene, letters.numbers[1], fnd_text_z(&other)));
        cr_expect(scene_noted(&letters.scene, 0, "1 group of near-duplicates holds 2 records"));
        const struct fnd_json manifest = {result.manifest, strlen(result.manifest) - 1};
        const struct fnd_json near = fnd_json_member(manifest, "near_duplicates");
        int64_t across = 0;
        cr_assert(fnd_json_integer(fnd_json_member(near, "across_splits"), &across));
        cr_expect_eq(across, 1);
        fnd_json_compact(fnd_json_member(near, "list"), &list);
        fnd_text_clear(&other);
        fnd_text_printf(&other, "[[%" PRId64 ",%" PRId64 "]]", letters.numbers[0],
                        letters.numbers[1]);
        cr_expect_str_eq(fnd_text_z(&list), other.bytes);
        fnd_text_finish(&list);
        fnd_text_finish(&other);
        fnd_export_result_finish(&result);
    }
    scene_end(&letters.scene);
}

/* --- what is found, by the plain words of near.h ---------------------------------------------- */

enum { CLASSES = 128, BANDS = 8, WINDOW = 32, NEAR_BITS = 12, SKETCHES = 4500 };

static uint64_t spread(uint64_t value)
{
    value = (value ^ value >> 33) * 0xff51afd7ed558ccdu;
    value = (value ^ value >> 33) * 0xc4ceb9fe1a85ec53u;
    return value ^ value >> 33;
}

/** A sketch, one byte after the other. */
static void plain_sketch(const struct fnd_text *text, uint64_t bits[2])
{
    uint64_t least[CLASSES] = {0}, piece = 0, whole = 0;
    bool met[CLASSES] = {false}, blank = true;
    size_t count = 0;
    for (size_t i = 0; i < text->size; i++) {
        unsigned char byte = (unsigned char)text->bytes[i];
        const bool space = byte == ' ' || (byte >= '\t' && byte <= '\r');
        if (space && blank) {
            continue;
        }
        blank = space;
        byte = space ? ' ' : byte >= 'A' && byte <= 'Z' ? (unsigned char)(byte + 32) : byte;
        piece = piece << 8 | byte;
        whole = count < 24 ? spread(whole ^ byte) : whole;
        if (++count >= 8) {
            const uint64_t hash = spread(piece);
            if (!met[hash % CLASSES] || hash < least[hash % CLASSES]) {
                least[hash % CLASSES] = hash;
            }
            met[hash % CLASSES] = true;
        }
    }
    bits[0] = count < 24 ? spread(whole + count) : 0;
    bits[1] = count < 24 ? spread(bits[0] + 1) : 0;
    for (unsigned i = 0; i < CLASSES && count >= 24; i++) {
        unsigned away = 0;
        while (!met[(i + away) % CLASSES]) {
            away++;
        }
        const uint64_t hash = least[(i + away) % CLASSES];
        bits[i / 64] |= ((away > 0 ? spread(hash + away) : hash) >> 32 & 1) << i % 64;
    }
}

Test(near, a_sketch_is_that_of_the_plain_words)
{
    static const char letters[] = "abcXYZ  \t\n019\x80\xff[`{@";
    struct fnd_text text = {0};
    uint64_t state = 71;
    for (size_t size = 0; size < 4200; size += size < 80 ? 1 : 1 + size % 61) {
        uint64_t wanted[2], found[2];
        fnd_text_clear(&text);
        while (text.size < size) {
            /* Runs of blanks and of letters, so that either way of reading comes to its end. */
            const size_t run = next(&state) % (next(&state) % 9 == 0 ? 1100 : 40);
            const bool blanks = next(&state) % 4 == 0;
            for (size_t i = 0; i < run && text.size < size; i++) {
                fnd_text_append_byte(&text,
                                     blanks ? ' ' : letters[next(&state) % (sizeof letters - 1)]);
            }
        }
        plain_sketch(&text, wanted);
        fnd_near_sketch(fnd_text_z(&text), text.size, found);
        cr_assert(wanted[0] == found[0] && wanted[1] == found[1], "of %zu bytes", text.size);
    }
    fnd_text_finish(&text);
}

static unsigned bit_of(const struct fnd_sketch *sketch, unsigned at)
{
    return sketch->bits[at % 128 / 64] >> (63 - at % 64) & 1;
}

struct place {
    const struct fnd_sketch *list;
    unsigned band;
    uint32_t at;
};

static int by_band(const void *a, const void *b)
{
    const struct place *left = a, *right = b;
    for (unsigned i = 0; i < 128; i++) {
        const unsigned x = bit_of(&left->list[left->at], left->band * 16 + i);
        const unsigned y = bit_of(&right->list[right->at], right->band * 16 + i);
        if (x != y) {
            return x < y ? -1 : 1;
        }
    }
    return (left->at > right->at) - (left->at < right->at);
}

static bool plain_near(const struct fnd_sketch *a, const struct fnd_sketch *b)
{
    return a->job != b->job && __builtin_popcountll(a->bits[0] ^ b->bits[0]) +
                                       __builtin_popcountll(a->bits[1] ^ b->bits[1]) <=
                                   NEAR_BITS;
}

static bool same_band(const struct place *a, const struct place *b)
{
    for (unsigned i = 0; i < 16; i++) {
        if (bit_of(&a->list[a->at], a->band * 16 + i) !=
            bit_of(&b->list[b->at], a->band * 16 + i)) {
            return false;
        }
    }
    return true;
}

/** Groups by their first record: neighbours in any of the eight orders that are near. */
static void plain_groups(const struct fnd_near *near, uint32_t *group)
{
    struct place *places = fnd_realloc(NULL, near->count, sizeof *places);
    for (uint32_t i = 0; i < near->count; i++) {
        group[i] = i;
    }
    for (unsigned band = 0; band < BANDS; band++) {
        for (uint32_t i = 0; i < near->count; i++) {
            places[i] = (struct place){near->list, band, i};
        }
        qsort(places, near->count, sizeof *places, by_band);
        for (size_t i = 0; i < near->count; i++) {
            for (size_t k = i + 1; k < near->count && k <= i + WINDOW; k++) {
                const uint32_t a = group[places[i].at], b = group[places[k].at];
                if (!same_band(&places[i], &places[k])) {
                    break;
                }
                if (a == b || !plain_near(&near->list[places[i].at], &near->list[places[k].at])) {
                    continue;
                }
                for (size_t m = 0; m < near->count; m++) {
                    group[m] = group[m] == a || group[m] == b ? (a < b ? a : b) : group[m];
                }
            }
        }
    }
    free(places);
}

/* Clusters of all sizes, some larger than the window, with bits turned over; the same alone and on
 * a thread of its own. */
Test(near, groups_are_those_of_the_plain_words)
{
    static const struct {
        size_t count;
        bool halved; /* of one half: all are alike in four bands */
    } cases[] = {{1, false},   {2, false},        {1025, false},   {1056, true},
                 {3000, true}, {SKETCHES, false}, {SKETCHES, true}};
    uint32_t *group = fnd_realloc(NULL, SKETCHES, sizeof *group);
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct fnd_near near = {0};
        uint64_t state = 91 + c;
        struct fnd_sketch sketch = {.number = 0};
        for (size_t i = 0; i < cases[c].count; i++) {
            if (next(&state) % 20 == 0 || i == 0) {
                sketch.bits[0] = cases[c].halved ? 0 : spread(next(&state));
                sketch.bits[1] = spread(next(&state));
            }
            struct fnd_sketch one = sketch;
            /* Where all are alike in four bands, what lies behind those decides who is near enough
             * to be compared. */
            for (size_t turned = next(&state) % 11; turned > 0; turned--) {
                one.bits[cases[c].halved ? 1 : next(&state) % 2] ^= UINT64_C(1)
                                                                    << next(&state) % 64;
            }
            one.number = (i + 1) & 0xffff;
            one.job = next(&state) & 0x1ff;
            one.split = 1;
            fnd_near_add(&near, &one);
        }
        plain_groups(&near, group);
        fnd_near_begin(&near); /* on a thread from some thousands on */
        fnd_near_wait(&near);
        cr_assert_arr_eq(near.group, group, near.count * sizeof *group, "case %zu", c);
        cr_assert(near.count < 1000 || near.groups > 10, "%zu groups", near.groups);
        fnd_near_finish(&near);
    }
    free(group);
}

Test(near, a_search_that_nobody_waits_for_comes_to_its_end)
{
    struct fnd_near near = {0};
    for (size_t i = 0; i < 10000; i++) {
        const struct fnd_sketch sketch = {
            .bits = {spread(i / 2), 1}, .number = i & 0xffff, .job = i & 1};
        fnd_near_add(&near, &sketch);
    }
    fnd_near_begin(&near);
    fnd_near_finish(&near);
    cr_expect_null(near.list);
    cr_expect_null(near.group);
}

/* Two revisions of one job are on one side for good. */
Test(near, records_of_one_job_are_no_duplicates_of_each_other)
{
    struct fnd_near near = {0};
    struct fnd_text text = {0};
    uint64_t state = 5;
    words_append(&text, WORDS, &state);
    keep(&near, &text, 1);
    keep(&near, &text, 2);
    near.list[1].job = near.list[0].job;
    fnd_near_find(&near);
    cr_expect_eq(near.groups, 0);
    near.list[1].job++;
    fnd_near_find(&near);
    cr_expect_eq(near.groups, 1);
    fnd_text_finish(&text);
    fnd_near_finish(&near);
}

Test(near, what_is_not_learnt_from_is_not_looked_through)
{
    struct letters letters;
    struct fnd_export_result result = {0};
    letters_begin(&letters, 33);
    struct fnd_export_options options = scene_options(&letters.scene, "foundry");
    scene_export(&letters.scene, &options, &result, FND_OK, NULL);
    cr_expect(!scene_noted(&letters.scene, 0, "near-duplicates"));
    cr_expect_null(strstr(result.manifest, "near_duplicates"));
    fnd_export_result_finish(&result);
    scene_end(&letters.scene);
}
