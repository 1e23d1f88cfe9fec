/* SPDX-License-Identifier: MIT */
#include "candidates.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "roles.h"

enum { CELLS_ACROSS = 8, CELLS_DOWN = 12 };

/** A known supplier whose name stands on the page, the most letters of it right. */
static void supplier_look(struct scene *scene)
{
    scene->supplier = SIZE_MAX;
    for (size_t i = 0; i < scene->document->words_count;) {
        struct span run = span_around(scene->document, i, 1.5);
        char text[ANSWER_TEXT_MAX];
        size_t distance = 0;
        span_text(scene->document, run, text, sizeof text);
        size_t found = supplier_near(scene->knowledge, text, scene->self, &distance);
        if (found != SIZE_MAX &&
            (scene->supplier == SIZE_MAX || distance < scene->supplier_distance)) {
            scene->supplier = found;
            scene->supplier_distance = distance;
            scene->supplier_span = run;
        }
        i = run.first + run.count;
    }
}

int scene_init(struct scene *scene, const struct document *document,
               const struct knowledge *knowledge, const struct answer *self,
               const struct header *header, const struct table *table)
{
    *scene = (struct scene){.document = document,
                            .knowledge = knowledge,
                            .self = self,
                            .header = header,
                            .table = table,
                            .supplier = SIZE_MAX,
                            .width = 1.0,
                            .height = 1.0,
                            .size = 1.0};
    scene->printed = calloc(document->words_count + 1, 1);
    if (scene->printed == NULL) {
        return -1;
    }
    double sum = 0.0;
    for (size_t i = 0; i < document->words_count; i++) {
        const struct box *box = &document->words[i].box;
        scene->width = fmax(scene->width, box->x + box->width);
        scene->height = fmax(scene->height, box->y + box->height);
        sum += span_size(document, (struct span){i, 1});
    }
    scene->size = document->words_count > 0 ? fmax(sum / (double)document->words_count, 1.0) : 1.0;
    supplier_look(scene);
    roles_of_rules(table, document, scene->printed);
    return 0;
}

void scene_finish(struct scene *scene)
{
    free(scene->printed);
    *scene = (struct scene){.printed = NULL};
}

/** What stands around a run: words to its left and above it, and where on the page it is. */
static void surroundings_say(const struct scene *scene, struct span span, const char *supplier,
                             struct features *features)
{
    const struct document *document = scene->document;
    const struct span sides[] = {label_left(document, span), label_above(document, span)};
    static const char *const names[2][3] = {{"left", "left-any", "left-all"},
                                            {"above", "above-any", "above-all"}};
    for (size_t side = 0; side < 2; side++) {
        char all[ANSWER_TEXT_MAX] = "";
        size_t used = 0;
        for (size_t i = 0; i < sides[side].count && i < 4; i++) {
            const char *key = document->words[sides[side].first + i].key;
            size_t size = strlen(key);
            features_say(features, names[side][1], key, NULL);
            if (used + size + 2 < sizeof all) {
                memcpy(all + used, key, size);
                used += size;
                all[used++] = ' ';
                all[used] = '\0';
            }
        }
        features_say(features, names[side][2], all, NULL);
        features_say(features, names[side][2], all, supplier);
        if (sides[side].count > 0) {
            size_t last = sides[side].first + sides[side].count - 1;
            features_say(features, names[side][0], document->words[last].key, NULL);
        }
    }
    struct box box = span_box(document, span);
    long x = (long)(box.x / scene->width * CELLS_ACROSS);
    long y = (long)(box.y / scene->height * CELLS_DOWN);
    features_count(features, "x", x, NULL);
    features_count(features, "y", y, NULL);
    features_count(features, "cell", x + y * CELLS_ACROSS, supplier);
    features_count(features, "below-head", document->words[span.first].line > scene->table->heading,
                   NULL);
}

/** The supplier's name for features that hold for it alone. */
static const char *supplier_name(const struct scene *scene)
{
    return scene->supplier == SIZE_MAX ? "?" : scene->knowledge->suppliers[scene->supplier].name;
}

static int same_place(struct span a, struct span b)
{
    return a.count > 0 && b.count > 0 && a.first == b.first && a.count == b.count;
}

/** Which of day and month comes first: by the print, by the supplier's habit, by other dates. */
static void date_settle(const struct scene *scene, struct candidate *candidates, size_t count,
                        size_t at, const struct date *dates)
{
    struct candidate *candidate = &candidates[at];
    struct date *date = &candidate->date;
    if (date->order != DATE_AMBIGUOUS) {
        return;
    }
    int sure = 0;
    enum date_order order = DATE_AMBIGUOUS;
    if (scene->supplier != SIZE_MAX) {
        const struct known_supplier *known = &scene->knowledge->suppliers[scene->supplier];
        uint32_t day = known->day_first, month = known->month_first;
        order = day > 2 * month ? DATE_DAY_FIRST : month > 2 * day ? DATE_MONTH_FIRST : order;
        sure = order != DATE_AMBIGUOUS;
    }
    if (order == DATE_AMBIGUOUS) {
        order = dates_order(dates, count, at, &sure);
    }
    candidate->ambiguous = order == DATE_AMBIGUOUS;
    if (order == DATE_DAY_FIRST) {
        date_swap(date);
    }
    features_count(&candidate->features, "order", order == DATE_AMBIGUOUS ? 2 : sure, NULL);
}

static size_t dates_find(const struct scene *scene, struct candidate *candidates)
{
    enum { DATES_MAX = 16 };
    struct date dates[DATES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < scene->document->words_count && count < DATES_MAX; i++) {
        if (date_parse(scene->document, i, &dates[count])) {
            candidates[count] = (struct candidate){.span = dates[count].span, .date = dates[count]};
            i = dates[count].span.first + dates[count].span.count - 1;
            count++;
        }
    }
    for (size_t i = 0; i < count; i++) {
        struct features *features = &candidates[i].features;
        const char *supplier = supplier_name(scene);
        char text[ANSWER_TEXT_MAX], shape[SHAPE_MAX];
        span_text(scene->document, candidates[i].span, text, sizeof text);
        shape_make(text, shape, 1);
        features_say(features, "shape", shape, supplier);
        features_count(features, "nth", (long)i, NULL);
        features_count(features, "nth-of", (long)(i * 16 + count), supplier);
        features_count(features, "rule", same_place(candidates[i].span, scene->header->date.span),
                       NULL);
        surroundings_say(scene, candidates[i].span, supplier, features);
        date_settle(scene, candidates, count, i, dates);
        long earliest = 1;
        for (size_t j = 0; j < count; j++) {
            earliest &= date_days(&dates[i]) <= date_days(&dates[j]);
        }
        features_count(features, "earliest", earliest, NULL);
        features_end(features);
    }
    return count;
}

static size_t numbers_find(const struct scene *scene, struct candidate *candidates)
{
    const struct document *document = scene->document;
    size_t count = 0;
    for (size_t i = 0; i < document->words_count && count < CANDIDATES_MAX; i++) {
        const struct word *word = &document->words[i];
        struct date date;
        if (!is_number_like(word->text) || date_parse(document, i, &date) ||
            scene->printed[i] != ROLE_OTHER) {
            continue;
        }
        struct candidate *candidate = &candidates[count++];
        *candidate = (struct candidate){.span = {i, 1}};
        struct features *features = &candidate->features;
        const char *supplier = supplier_name(scene);
        char shape[SHAPE_MAX], runs[SHAPE_MAX];
        shape_make(word->text, shape, 0);
        shape_make(word->text, runs, 1);
        features_say(features, "shape", shape, NULL);
        features_say(features, "runs", runs, NULL);
        features_say(features, "shape", shape, supplier);
        features_say(features, "runs", runs, supplier);
        features_count(features, "length", (long)strlen(word->text), NULL);
        features_count(features, "rule", same_place(candidate->span, scene->header->number.span),
                       NULL);
        surroundings_say(scene, candidate->span, supplier, features);
        features_end(features);
    }
    return count;
}

static size_t suppliers_find(const struct scene *scene, struct candidate *candidates)
{
    const struct document *document = scene->document;
    size_t count = 0, line_end = scene->table->heading;
    for (size_t i = 0; i < document->words_count && count < CANDIDATES_MAX;) {
        struct span run = span_around(document, i, 1.5);
        i = run.first + run.count;
        double y = document->words[run.first].box.y;
        int known = same_place(run, scene->supplier_span) && scene->supplier != SIZE_MAX;
        if (!known && ((y > 0.5 * scene->height && document->words[run.first].line >= line_end) ||
                       document->words[run.first].key[0] == '\0')) {
            continue;
        }
        struct candidate *candidate = &candidates[count++];
        *candidate = (struct candidate){.span = run};
        struct features *features = &candidate->features;
        char text[ANSWER_TEXT_MAX], shape[SHAPE_MAX];
        span_text(document, run, text, sizeof text);
        shape_make(text, shape, 1);
        features_say(features, "runs", shape, NULL);
        features_say(features, "text", text, NULL);
        features_say(features, "first", document->words[run.first].key, NULL);
        features_say(features, "last", document->words[i - 1].key, NULL);
        features_count(features, "line", (long)document->words[run.first].line, NULL);
        features_count(features, "words", (long)run.count, NULL);
        features_count(features, "size", (long)(4.0 * span_size(document, run) / scene->size),
                       NULL);
        features_count(features, "company", is_company(document, run), NULL);
        features_count(features, "party", is_party(document, run), NULL);
        features_count(features, "digit", strpbrk(text, "0123456789") != NULL, NULL);
        features_count(features, "rule", same_place(run, scene->header->supplier.span), NULL);
        features_count(features, "known", known, NULL);
        surroundings_say(scene, run, "", features);
        features_end(features);
    }
    return count;
}

size_t candidates_find(const struct scene *scene, size_t field,
                       struct candidate candidates[CANDIDATES_MAX])
{
    switch (field) {
    case RESULT_SUPPLIER:
        return suppliers_find(scene, candidates);
    case RESULT_DATE:
        return dates_find(scene, candidates);
    case RESULT_NUMBER:
        return numbers_find(scene, candidates);
    default:
        return 0;
    }
}
