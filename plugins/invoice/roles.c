/* SPDX-License-Identifier: MIT */
#include "roles.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "candidates.h"
#include "row.h"

enum { LINE_NUMBERS_MAX = 12, KIND_SIZE = 24 };

void roles_of_rules(const struct table *table, const struct document *document,
                    unsigned char *roles)
{
    memset(roles, ROLE_OTHER, document->words_count);
    for (size_t row = 0; row < table->rows_count; row++) {
        for (size_t part = 0; part < 2; part++) {
            struct span span = table->rows[row].description[part];
            memset(roles + span.first, ROLE_DESCRIPTION, span.count);
        }
        for (size_t cell = 0; cell < CELLS; cell++) {
            struct span span = table->rows[row].cells[cell].span;
            memset(roles + span.first, ROLE_QUANTITY + (int)cell, span.count);
        }
    }
}

/* The numbers of one line. */
struct line_numbers {
    size_t count;
    size_t words[LINE_NUMBERS_MAX];
    int64_t values[LINE_NUMBERS_MAX];
    unsigned parts[LINE_NUMBERS_MAX]; /* in a product that holds: 1 factor, 2 the other, 4 result */
};

static void numbers_look(const struct scene *scene, const struct line *line,
                         struct line_numbers *numbers)
{
    *numbers = (struct line_numbers){.count = 0};
    for (size_t i = line->first; i < line->first + line->count; i++) {
        struct number number;
        if (numbers->count < LINE_NUMBERS_MAX &&
            number_parse(scene->document->words[i].text, scene->table->amounts.point, &number)) {
            numbers->words[numbers->count] = i;
            numbers->values[numbers->count++] = number.value;
        }
    }
    for (size_t a = 0; a < numbers->count; a++) {
        for (size_t b = 0; b < numbers->count; b++) {
            for (size_t c = 0; c < numbers->count; c++) {
                if (a < b && c != a && c != b && numbers->values[c] > 0 &&
                    row_amounts_agree(numbers->values[a], numbers->values[b], numbers->values[c])) {
                    numbers->parts[a] |= 1;
                    numbers->parts[b] |= 2;
                    numbers->parts[c] |= 4;
                }
            }
        }
    }
}

/** What kind of word it is: "i3" an integer of 3 digits, "d2" with two decimals, "c" with a
 *  currency sign, "w" letters, "m" mixed, "p" neither. */
static void kind_make(const struct scene *scene, const char *text, char kind[KIND_SIZE])
{
    struct number number;
    if (number_parse(text, scene->table->amounts.point, &number)) {
        if (number.decimals > 0) {
            snprintf(kind, KIND_SIZE, "%sd%u", number.currency ? "c" : "", number.decimals);
        } else {
            snprintf(kind, KIND_SIZE, "%si%zu", number.currency ? "c" : "",
                     strlen(text) < 5 ? strlen(text) : 5);
        }
        return;
    }
    int letters = 0, digits = 0;
    for (const char *at = text; *at != '\0'; at++) {
        letters |= isalpha((unsigned char)*at) || (unsigned char)*at >= 0x80;
        digits |= isdigit((unsigned char)*at);
    }
    snprintf(kind, KIND_SIZE, "%s", letters && digits ? "m" : letters ? "w" : digits ? "n" : "p");
}

/** The nearest word without digits above a word, in its column: its heading, if it has one. From
 *  the line of the headings where there is one. */
static const char *heading_of(const struct scene *scene, size_t word)
{
    const struct document *document = scene->document;
    const struct box *box = &document->words[word].box;
    size_t line = document->words[word].line, end = 0;
    if (scene->table->heading < line) {
        line = scene->table->heading + 1;
        end = scene->table->heading;
    }
    const char *best = "";
    double nearest = 1.5 * document->lines[document->words[word].line].height;
    while (line-- > end) {
        const struct line *above = &document->lines[line];
        for (size_t i = above->first; i < above->first + above->count; i++) {
            const struct box *other = &document->words[i].box;
            double apart = fmax(other->x - box->x - box->width, box->x - other->x - other->width);
            int plain = strpbrk(document->words[i].key, "0123456789") == NULL;
            if (plain && document->words[i].key[0] != '\0' && apart < nearest) {
                nearest = apart;
                best = document->words[i].key;
            }
        }
        if (best[0] != '\0') {
            return best;
        }
    }
    return best;
}

/** The heading the rules know that stands over a word. */
static long column_of(const struct scene *scene, size_t word)
{
    size_t best = COLUMN_NONE;
    double nearest = 3.0 * scene->document->lines[scene->document->words[word].line].height;
    for (size_t kind = COLUMN_POSITION; kind < COLUMN_KINDS; kind++) {
        double distance = columns_distance(&scene->table->columns, (enum column_kind)kind,
                                           &scene->document->words[word].box);
        if (distance < nearest) {
            nearest = distance;
            best = kind;
        }
    }
    return (long)best;
}

static void numbers_say(const struct line_numbers *numbers, size_t word, const char *kind,
                        struct features *features)
{
    for (size_t i = 0; i < numbers->count; i++) {
        if (numbers->words[i] == word) {
            features_count(features, "from-right", (long)(numbers->count - i), NULL);
            features_count(features, "from-left", (long)i, NULL);
            features_count(features, "right-of", (long)(numbers->count - i),
                           i + 1 == numbers->count ? "last" : kind);
            features_count(features, "product", (long)numbers->parts[i], NULL);
            features_count(features, "product-right", (long)numbers->parts[i],
                           i + 1 == numbers->count ? "last" : kind);
        }
    }
    features_count(features, "numbers", (long)numbers->count, kind);
}

static void neighbours_say(const struct scene *scene, const struct line *line, size_t word,
                           struct features *features)
{
    static const char *const keys[2] = {"before", "behind"};
    static const char *const kinds[2] = {"before-kind", "behind-kind"};
    for (size_t side = 0; side < 2; side++) {
        size_t at = side == 0 ? word - 1 : word + 1;
        int there = side == 0 ? word > line->first : at < line->first + line->count;
        char kind[KIND_SIZE] = "-";
        if (there) {
            const struct box *box = &scene->document->words[at].box;
            const struct box *own = &scene->document->words[word].box;
            double gap = side == 0 ? own->x - box->x - box->width : box->x - own->x - own->width;
            kind_make(scene, scene->document->words[at].text, kind);
            features_say(features, keys[side], scene->document->words[at].key, NULL);
            features_count(features, side == 0 ? "gap-before" : "gap-behind",
                           gap > 1.2 * line->height ? 2 : gap > 0.6 * line->height, kind);
        }
        features_say(features, kinds[side], kind, NULL);
    }
}

/** What is said of one word. */
static void word_say(const struct scene *scene, const struct line *line,
                     const struct line_numbers *numbers, size_t word, struct features *features)
{
    const struct document *document = scene->document;
    const struct word *own = &document->words[word];
    const char *supplier =
        scene->supplier == SIZE_MAX ? "?" : scene->knowledge->suppliers[scene->supplier].name;
    char kind[KIND_SIZE], place[64], first[KIND_SIZE];
    const char *heading = heading_of(scene, word);
    long column = column_of(scene, word);
    long rule = scene->printed[word];
    *features = (struct features){.count = 0};
    kind_make(scene, own->text, kind);
    kind_make(scene, document->words[line->first].text, first);
    features_say(features, "kind", kind, NULL);
    features_count(features, "rule", rule, NULL);
    features_count(features, "rule", rule, kind);
    features_count(features, "rule-column", rule * 16 + column, NULL);
    features_count(features, "column", column, kind);
    features_say(features, "heading", heading, NULL);
    features_say(features, "heading", heading, kind);
    snprintf(place, sizeof place, "%s %ld", kind, (long)(own->box.x / scene->width * 32.0));
    features_say(features, "place", place, supplier);
    snprintf(place, sizeof place, "%s >%ld", kind,
             (long)((own->box.x + own->box.width) / scene->width * 32.0));
    features_say(features, "place", place, supplier);
    features_say(features, "heading-of", heading, supplier);
    numbers_say(numbers, word, kind, features);
    neighbours_say(scene, line, word, features);
    features_say(features, "first", document->words[line->first].key, NULL);
    features_say(features, "first-kind", first, kind);
    features_count(features, "nth", (long)(word - line->first < 6 ? word - line->first : 6), first);
    size_t index = own->line;
    long side = scene->table->heading >= document->lines_count ? 0
                : index < scene->table->heading                ? 1
                : index == scene->table->heading               ? 2
                                                               : 3;
    features_count(features, "head", side, kind);
    features_count(features, "end", row_is_end(document, index), kind);
    int is_row = 0, described = 0;
    for (size_t i = line->first; i < line->first + line->count; i++) {
        is_row |= scene->printed[i] != ROLE_OTHER;
        described |= scene->printed[i] == ROLE_DESCRIPTION;
    }
    features_count(features, "rule-row", is_row * 2 + described, kind);
    features_count(features, "known", word_known(scene->knowledge, own->text, scene->self), kind);
    if (kind[0] == 'w' || kind[0] == 'm') {
        features_say(features, "word", own->key, NULL);
    }
    features_end(features);
}

void roles_say(const struct scene *scene, struct features *features)
{
    for (size_t i = 0; i < scene->document->lines_count; i++) {
        const struct line *line = &scene->document->lines[i];
        struct line_numbers numbers;
        numbers_look(scene, line, &numbers);
        for (size_t word = line->first; word < line->first + line->count; word++) {
            word_say(scene, line, &numbers, word, &features[word]);
        }
    }
}
