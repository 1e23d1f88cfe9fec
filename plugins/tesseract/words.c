/* SPDX-License-Identifier: MIT */
#include "words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int words_take(struct words *words, struct word word)
{
    if (words->count == words->capacity) {
        size_t capacity = words->capacity == 0 ? 256 : words->capacity * 2;
        struct word *items = realloc(words->items, capacity * sizeof *items);
        if (items == NULL) {
            free(word.text);
            return -1;
        }
        words->items = items;
        words->capacity = capacity;
    }
    words->items[words->count++] = word;
    return 0;
}

void words_drop_empty(struct words *words)
{
    size_t kept = 0;
    for (size_t i = 0; i < words->count; i++) {
        if (words->items[i].text[0] == '\0') {
            free(words->items[i].text);
        } else {
            words->items[kept++] = words->items[i];
        }
    }
    words->count = kept;
}

void words_finish(struct words *words)
{
    for (size_t i = 0; i < words->count; i++) {
        free(words->items[i].text);
    }
    free(words->items);
    *words = (struct words){0};
}

double words_confidence(const struct words *words)
{
    double sum = 0.0, weight = 0.0;
    for (size_t i = 0; i < words->count; i++) {
        double length = (double)strlen(words->items[i].text);
        sum += length * words->items[i].confidence;
        weight += length;
    }
    return weight > 0.0 ? sum / weight : 0.0;
}

double words_upended(const struct words *words)
{
    size_t long_words = 0, tall = 0;
    for (size_t i = 0; i < words->count; i++) {
        if (strlen(words->items[i].text) >= 3) {
            long_words++;
            tall += words->items[i].box.height > words->items[i].box.width;
        }
    }
    return long_words > 0 ? (double)tall / (double)long_words : 0.0;
}

/** True if the boxes share more than half of the smaller one. */
static int overlaps(const struct box *a, const struct box *b)
{
    double width = fmin(a->x + a->width, b->x + b->width) - fmax(a->x, b->x);
    double height = fmin(a->y + a->height, b->y + b->height) - fmax(a->y, b->y);
    if (width <= 0.0 || height <= 0.0) {
        return 0;
    }
    double smaller = fmin(a->width * a->height, b->width * b->height);
    return width * height > 0.5 * smaller;
}

/* A set of places for union-find: words of the first reading, then those of the second. */
static size_t place_root(size_t *parents, size_t at)
{
    while (parents[at] != at) {
        parents[at] = parents[parents[at]];
        at = parents[at];
    }
    return at;
}

/* What each reading says of one place. */
struct place {
    size_t words[2];
    double lengths[2], sums[2]; /* confidence weighted by length */
};

static void places_fill(const struct words *readings[2], size_t *parents, struct place *places)
{
    for (size_t side = 0, at = 0; side < 2; side++) {
        for (size_t i = 0; i < readings[side]->count; i++, at++) {
            const struct word *word = &readings[side]->items[i];
            struct place *place = &places[place_root(parents, at)];
            double length = (double)strlen(word->text);
            place->words[side]++;
            place->lengths[side] += length;
            place->sums[side] += length * word->confidence;
        }
    }
}

/** Which reading wins a place: the one that is surer of what it read there. */
static size_t place_winner(const struct place *place)
{
    if (place->words[0] == 0 || place->words[1] == 0) {
        return place->words[0] == 0;
    }
    return place->sums[1] / place->lengths[1] > place->sums[0] / place->lengths[0];
}

/** By what the confidence of a word is multiplied: readings that differ are a reason to doubt, a
 *  reading alone likewise. */
static double doubt(const struct place *place, int agreed)
{
    const double alone = 0.95, differs = 0.85;
    return agreed ? 1.0 : place->words[0] == 0 || place->words[1] == 0 ? alone : differs;
}

int words_merge(struct words *first, struct words *second)
{
    size_t count = first->count + second->count;
    const struct words *readings[2] = {first, second};
    size_t *parents = calloc(count + 1, sizeof *parents);
    struct place *places = calloc(count + 1, sizeof *places);
    char *agreed = calloc(count + 1, 1);
    struct words merged = {0};
    int result = -1;
    if (parents == NULL || places == NULL || agreed == NULL) {
        goto out;
    }
    /* Room for all of them at once, so that moving texts below cannot fail half way. */
    merged.items = malloc((count + 1) * sizeof *merged.items);
    if (merged.items == NULL) {
        goto out;
    }
    merged.capacity = count + 1;
    for (size_t i = 0; i < count; i++) {
        parents[i] = i;
    }
    for (size_t i = 0; i < first->count; i++) {
        for (size_t j = 0; j < second->count; j++) {
            if (overlaps(&first->items[i].box, &second->items[j].box)) {
                parents[place_root(parents, first->count + j)] = place_root(parents, i);
                if (strcmp(first->items[i].text, second->items[j].text) == 0) {
                    agreed[i] = agreed[first->count + j] = 1;
                }
            }
        }
    }
    places_fill(readings, parents, places);
    for (size_t at = 0; at < count; at++) {
        size_t side = at >= first->count;
        struct word *word = side ? &second->items[at - first->count] : &first->items[at];
        const struct place *place = &places[place_root(parents, at)];
        if (place_winner(place) == side) {
            word->confidence *= doubt(place, agreed[at]);
            merged.items[merged.count++] = *word;
            word->text = NULL; /* moved */
        }
    }
    words_finish(first);
    words_finish(second);
    *first = merged;
    merged = (struct words){0};
    result = 0;
out:
    words_finish(&merged);
    free(parents);
    free(places);
    free(agreed);
    return result;
}

static double middle(const struct word *word)
{
    return word->box.y + word->box.height / 2;
}

static int by_slope(const void *a, const void *b)
{
    const struct word *first = *(const struct word *const *)a;
    const struct word *second = *(const struct word *const *)b;
    return (first->slope > second->slope) - (first->slope < second->slope);
}

double words_slope(const struct words *words)
{
    const size_t lines_min = 4;
    const struct word **lines = calloc(words->count + 1, sizeof *lines);
    size_t count = 0;
    double reach = 0.0, slope = 0.0;
    for (size_t i = 0; lines != NULL && i < words->count; i++) {
        if (words->items[i].reach > 0.0) {
            lines[count++] = &words->items[i];
            reach += words->items[i].reach;
        }
    }
    if (count >= lines_min) {
        qsort(lines, count, sizeof *lines, by_slope);
        double passed = 0.0;
        for (size_t i = 0; i < count && passed < reach / 2; i++) {
            slope = lines[i]->slope;
            passed += lines[i]->reach;
        }
    }
    free(lines);
    return slope;
}

static int by_middle(const void *a, const void *b)
{
    const struct word *first = a, *second = b;
    double difference = middle(first) - middle(second);
    if (difference < 0.0 || difference > 0.0) {
        return difference < 0.0 ? -1 : 1;
    }
    return (first->box.x > second->box.x) - (first->box.x < second->box.x);
}

static int by_line(const void *a, const void *b)
{
    const struct word *first = a, *second = b;
    if (first->line != second->line) {
        return first->line < second->line ? -1 : 1;
    }
    return (first->box.x > second->box.x) - (first->box.x < second->box.x);
}

struct row {
    double middle_sum, height_sum, count;
};

int words_set_lines(struct words *words, double slope)
{
    struct row *rows = calloc(words->count + 1, sizeof *rows);
    size_t rows_count = 0;
    if (rows == NULL) {
        return -1;
    }
    for (size_t i = 0; i < words->count; i++) { /* level them while lines are looked for */
        words->items[i].box.y -= slope * words->items[i].box.x;
    }
    if (words->count > 0) {
        qsort(words->items, words->count, sizeof *words->items, by_middle);
    }
    for (size_t i = 0; i < words->count; i++) {
        struct word *word = &words->items[i];
        size_t best = rows_count;
        double nearest = INFINITY;
        /* Words come from the top, so only the last few rows can be meant. */
        for (size_t j = rows_count > 3 ? rows_count - 3 : 0; j < rows_count; j++) {
            double height = fmin(rows[j].height_sum / rows[j].count, word->box.height);
            double distance = fabs(rows[j].middle_sum / rows[j].count - middle(word));
            if (distance < 0.5 * height && distance < nearest) {
                best = j;
                nearest = distance;
            }
        }
        rows_count += best == rows_count;
        rows[best].middle_sum += middle(word);
        rows[best].height_sum += word->box.height;
        rows[best].count += 1.0;
        word->line = best;
    }
    if (words->count > 0) {
        qsort(words->items, words->count, sizeof *words->items, by_line);
    }
    for (size_t i = 0; i < words->count; i++) {
        words->items[i].box.y += slope * words->items[i].box.x;
    }
    free(rows);
    return 0;
}
