/* SPDX-License-Identifier: MIT */
#include "page.h"

#include <foundry/helpers.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

/** How likely a word is right, by the confidence Tesseract gives it. Drawn by eye over
 *  errors on generated pages: its numbers are far too low around 0.9 and too high below 0.5. A
 *  regression trained on corrections is to replace this table. */
static double probability(double confidence)
{
    static const struct {
        double from, to;
    } steps[] = {{0.0, 0.0},   {0.30, 0.15}, {0.50, 0.45},  {0.70, 0.78},
                 {0.80, 0.90}, {0.88, 0.96}, {0.93, 0.985}, {1.0, 0.995}};
    size_t i = 1;
    while (i + 1 < sizeof steps / sizeof steps[0] && confidence > steps[i].from) {
        i++;
    }
    double share = (confidence - steps[i - 1].from) / (steps[i].from - steps[i - 1].from);
    return steps[i - 1].to + share * (steps[i].to - steps[i - 1].to);
}

/** Lower case ASCII, without punctuation at the ends; '#' is a word of its own right. */
static void key_make(const char *text, char *key)
{
    static const char punctuation[] = ".,:;()[]*|'\"-_";
    text += strspn(text, punctuation);
    size_t size = strlen(text);
    while (size > 0 && strchr(punctuation, text[size - 1]) != NULL) {
        size--;
    }
    for (size_t i = 0; i < size; i++) {
        key[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 32) : text[i];
    }
    key[size] = '\0';
}

/** An index out of a document's number; bounded, as the number may be anything. */
static size_t index_of(double number)
{
    return number >= 0.0 && number < 1e9 ? (size_t)number : 0;
}

/** Read one word; 0 if it lacks something. */
static int word_read(struct json *json, struct word *word)
{
    double box[4] = {0};
    unsigned seen = 0;
    memset(word, 0, sizeof *word);
    json_enter(json, '{');
    while (json_more(json)) {
        char key[16];
        json_key(json, key, sizeof key);
        if (strcmp(key, "text") == 0) {
            json_string(json, word->text, sizeof word->text);
            seen |= 1;
        } else if (strcmp(key, "confidence") == 0) {
            word->confidence = fmin(fmax(json_number(json), 0.0), 1.0);
            seen |= 2;
        } else if (strcmp(key, "line") == 0) {
            word->line = index_of(json_number(json));
            seen |= 4;
        } else if (strcmp(key, "page") == 0) {
            word->page = index_of(json_number(json));
        } else if (strcmp(key, "box") == 0) {
            size_t count = 0;
            for (json_enter(json, '['); json_more(json); count++) {
                double side = json_number(json);
                box[count < 4 ? count : 3] = side;
            }
            seen |= count == 4 ? 8U : 0U;
        } else {
            json_skip(json);
        }
    }
    word->shown = (struct box){box[0], box[1], box[2], box[3]};
    word->box = word->shown;
    key_make(word->text, word->key);
    return seen == 15 && !json->failed;
}

/** Take turn and slope out of a word's box: its middle moves, its size stays or is swapped. */
static void word_level(struct word *word, double width, double height, double degrees)
{
    const double pi = 3.14159265358979323846;
    double radians = -degrees * pi / 180.0;
    double x = word->shown.x + word->shown.width / 2 - width / 2;
    double y = word->shown.y + word->shown.height / 2 - height / 2;
    double level_x = x * cos(radians) - y * sin(radians);
    double level_y = x * sin(radians) + y * cos(radians);
    int sideways = fabs(sin(radians)) > 0.7;
    word->box.width = sideways ? word->shown.height : word->shown.width;
    word->box.height = sideways ? word->shown.width : word->shown.height;
    /* The displayed box is taller than the word by the slope of its width. */
    double slope = fabs(tan(radians));
    if (!sideways && slope < 0.2) {
        word->box.height = fmax(word->box.height - word->box.width * slope, word->box.height * 0.5);
    }
    word->box.x = level_x - word->box.width / 2;
    word->box.y = level_y - word->box.height / 2;
}

static int by_place(const void *a, const void *b)
{
    const struct word *first = a, *second = b;
    if (first->page != second->page) {
        return first->page < second->page ? -1 : 1;
    }
    if (first->line != second->line) {
        return first->line < second->line ? -1 : 1;
    }
    return (first->box.x > second->box.x) - (first->box.x < second->box.x);
}

static int by_value(const void *a, const void *b)
{
    const double *first = a, *second = b;
    return (*first > *second) - (*first < *second);
}

static void line_measure(struct document *document, struct line *line, double *heights)
{
    double sum = 0.0;
    for (size_t i = 0; i < line->count; i++) {
        const struct word *word = &document->words[line->first + i];
        heights[i] = word->box.height;
        sum += word->box.y + word->box.height / 2;
    }
    qsort(heights, line->count, sizeof *heights, by_value);
    line->height = heights[line->count / 2];
    line->middle = sum / (double)line->count;
}

/** Whether a text is a currency sign at most, then digits, points and commas; where those begin. */
static const char *number_part(const char *text)
{
    const char *digits = text + strcspn(text, "0123456789");
    return digits - text < 4 && *digits != '\0' && strspn(digits, "0123456789.,") == strlen(digits)
               ? digits
               : NULL;
}

/** What must stand between two words that are one number, torn by the reader: "" for "6," and
 *  "488.70", "." for "$2,257" and "20"; NULL if they are not. "23," and "2025" are not. */
static const char *torn_by(const struct word *first, const struct word *second)
{
    const double ems_between = 0.9;
    const char *digits = number_part(first->text), *rest = second->text;
    double gap = second->box.x - first->box.x - first->box.width;
    size_t group = strspn(rest, "0123456789"), size = strlen(first->text);
    if (first->page != second->page || first->line != second->line || digits == NULL ||
        group == 0 || strspn(rest, "0123456789.,") != strlen(rest) ||
        gap > ems_between * fmin(first->box.height, second->box.height) ||
        size + strlen(rest) + 2 > PAGE_TEXT_MAX) {
        return NULL;
    }
    if (first->text[size - 1] == ',' || first->text[size - 1] == '.') {
        return group == 3 || (group == 2 && rest[2] == '\0') ? "" : NULL;
    }
    /* Cents: only behind what is an amount by its sign or its groups. */
    int amount = digits > first->text || (size > 4 && strchr(",.", first->text[size - 4]) != NULL);
    return amount && group == 2 && rest[2] == '\0' && strlen(digits) > 0 &&
                   (size < 4 || strchr(",.", first->text[size - 3]) == NULL)
               ? "."
               : NULL;
}

static struct box box_join(struct box a, struct box b)
{
    double right = fmax(a.x + a.width, b.x + b.width);
    double bottom = fmax(a.y + a.height, b.y + b.height);
    double x = fmin(a.x, b.x), y = fmin(a.y, b.y);
    return (struct box){x, y, right - x, bottom - y};
}

/** Join torn numbers; words are sorted. */
static void numbers_join(struct document *document)
{
    const double doubt = 0.95;
    size_t kept = 0;
    for (size_t i = 0; i < document->words_count; i++) {
        struct word *last = kept > 0 ? &document->words[kept - 1] : NULL;
        struct word *word = &document->words[i];
        const char *between = last == NULL ? NULL : torn_by(last, word);
        if (between != NULL) {
            size_t size = strlen(last->text);
            memcpy(last->text + size, between, strlen(between));
            size += strlen(between);
            memcpy(last->text + size, word->text, strlen(word->text) + 1);
            key_make(last->text, last->key);
            last->confidence = doubt * fmin(last->confidence, word->confidence);
            last->box = box_join(last->box, word->box);
            last->shown = box_join(last->shown, word->shown);
        } else {
            document->words[kept++] = *word;
        }
    }
    document->words_count = kept;
}

static int lines_make(struct document *document)
{
    if (document->words_count == 0) {
        return 0;
    }
    qsort(document->words, document->words_count, sizeof *document->words, by_place);
    numbers_join(document);
    document->lines = calloc(document->words_count, sizeof *document->lines);
    double *heights = calloc(document->words_count, sizeof *heights);
    if (document->lines == NULL || heights == NULL) {
        free(heights);
        return -1;
    }
    size_t line = 0, page = 0;
    for (size_t i = 0; i < document->words_count; i++) {
        struct word *word = &document->words[i];
        if (i == 0 || word->line != line || word->page != page) {
            line = word->line;
            page = word->page;
            document->lines[document->lines_count++] = (struct line){.first = i, .page = page};
        }
        document->lines[document->lines_count - 1].count++;
        word->line = document->lines_count - 1;
    }
    for (size_t i = 0; i < document->lines_count; i++) {
        line_measure(document, &document->lines[i], heights);
    }
    free(heights);
    return 0;
}

static enum page_status words_read(struct document *document, const char *text, size_t *index)
{
    struct json json = {text, 0};
    size_t capacity = 0;
    for (json_enter(&json, '['); json_more(&json);) {
        if (document->words_count == PAGE_WORDS_MAX) {
            return PAGE_TOO_MANY;
        }
        if (document->words_count == capacity) {
            capacity = capacity == 0 ? 256 : capacity * 2;
            struct word *words = realloc(document->words, capacity * sizeof *words);
            if (words == NULL) {
                return PAGE_NO_MEMORY;
            }
            document->words = words;
        }
        if (!word_read(&json, &document->words[document->words_count])) {
            return PAGE_BAD_WORD;
        }
        ++*index;
        document->words_count += document->words[document->words_count].text[0] != '\0';
    }
    return json.failed ? PAGE_BAD_WORD : PAGE_OK;
}

enum page_status document_build(struct document *document, const char *words,
                                const struct page_facts *facts, size_t *index)
{
    *document = (struct document){0};
    *index = 0;
    enum page_status status = words_read(document, words, index);
    for (size_t i = 0; i < document->words_count && status == PAGE_OK; i++) {
        /* What is said of the page is said of the first one. */
        double degrees = document->words[i].page == 0 ? facts->orientation + facts->skew : 0.0;
        word_level(&document->words[i], facts->width, facts->height, degrees);
    }
    if (status == PAGE_OK && lines_make(document) != 0) {
        status = PAGE_NO_MEMORY;
    }
    if (status != PAGE_OK) {
        document_finish(document);
    }
    return status;
}

foundry_outcome_t document_init(struct document *document, const foundry_host_t *host,
                                foundry_call_t *call)
{
    *document = (struct document){0};
    struct page_facts facts;
    const struct {
        const char *pointer;
        double *value;
    } numbers[] = {{"/page/width", &facts.width},
                   {"/page/height", &facts.height},
                   {"/page/orientation", &facts.orientation},
                   {"/page/skew", &facts.skew}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        FOUNDRY_TRY(foundry_number_default(host, call, FOUNDRY_DOC_CONFIG, numbers[i].pointer, 0.0,
                                           numbers[i].value));
    }
    size_t count, index;
    const char *words;
    FOUNDRY_TRY(host->size_get(call, FOUNDRY_DOC_CONFIG, "/words", &count));
    FOUNDRY_TRY(host->json_get(call, FOUNDRY_DOC_CONFIG, "/words", &words));
    switch (document_build(document, words, &facts, &index)) {
    case PAGE_OK:
        break;
    case PAGE_NO_MEMORY:
        return FOUNDRY_E_NO_MEMORY;
    case PAGE_TOO_MANY:
        return foundry_failf(host, call, FOUNDRY_PERMANENT, "too_many_words", "/words",
                             "there are %zu words; at most %d are looked at: is this an invoice?",
                             count, PAGE_WORDS_MAX);
    case PAGE_BAD_WORD:
        return foundry_failf(host, call, FOUNDRY_PERMANENT, "bad_words", "/words",
                             "word %zu is not as tesseract/ocr writes it: it needs text, "
                             "confidence, line and a box of four numbers",
                             index);
    }
    return FOUNDRY_DONE;
}

void document_finish(struct document *document)
{
    free(document->words);
    free(document->lines);
    *document = (struct document){0};
}

void span_text(const struct document *document, struct span span, char *text, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < span.count; i++) {
        const char *word = document->words[span.first + i].text;
        size_t length = strlen(word);
        if (used + length + 2 > size) {
            break;
        }
        if (used > 0) {
            text[used++] = ' ';
        }
        memcpy(text + used, word, length);
        used += length;
    }
    text[used] = '\0';
}

double span_confidence(const struct document *document, struct span span)
{
    double all = span.count == 0 ? 0.0 : 1.0;
    for (size_t i = 0; i < span.count; i++) {
        all *= probability(document->words[span.first + i].confidence);
    }
    return all;
}

struct box span_shown(const struct document *document, struct span span)
{
    struct box box = document->words[span.first].shown;
    for (size_t i = 1; i < span.count; i++) {
        box = box_join(box, document->words[span.first + i].shown);
    }
    return box;
}

struct box span_box(const struct document *document, struct span span)
{
    struct box box = document->words[span.first].box;
    for (size_t i = 1; i < span.count; i++) {
        box = box_join(box, document->words[span.first + i].box);
    }
    return box;
}

struct span span_around(const struct document *document, size_t word, double ems)
{
    const struct line *line = &document->lines[document->words[word].line];
    double gap_max = ems * line->height;
    size_t first = word, end = word + 1;
    while (first > line->first) {
        const struct box *left = &document->words[first - 1].box;
        if (document->words[first].box.x - left->x - left->width > gap_max) {
            break;
        }
        first--;
    }
    while (end < line->first + line->count) {
        const struct box *left = &document->words[end - 1].box;
        if (document->words[end].box.x - left->x - left->width > gap_max) {
            break;
        }
        end++;
    }
    return (struct span){first, end - first};
}
