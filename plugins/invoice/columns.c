/* SPDX-License-Identifier: MIT */
#include "columns.h"

#include <math.h>
#include <string.h>

/* Longer phrases first: the first that fits is taken. */
static const struct {
    const char *words[3];
    enum column_kind kind;
} phrases[] = {
    {{"unit", "price", NULL}, COLUMN_PRICE},
    {{"unit", "cost", NULL}, COLUMN_PRICE},
    {{"price", "each", NULL}, COLUMN_PRICE},
    {{"line", "total", NULL}, COLUMN_TOTAL},
    {{"net", "amount", NULL}, COLUMN_TOTAL},
    {{"total", "price", NULL}, COLUMN_TOTAL},
    {{"total", "cost", NULL}, COLUMN_TOTAL},
    {{"ext", "price", NULL}, COLUMN_TOTAL},
    {{"extended", "price", NULL}, COLUMN_TOTAL},
    {{"item", "no", NULL}, COLUMN_CODE},
    {{"art", "no", NULL}, COLUMN_CODE},
    {{"part", "no", NULL}, COLUMN_CODE},
    {{"product", "code", NULL}, COLUMN_CODE},
    {{"item", "code", NULL}, COLUMN_CODE},
    {{"item", "description", NULL}, COLUMN_DESCRIPTION},
    {{"pos", NULL}, COLUMN_POSITION},
    {{"no", NULL}, COLUMN_POSITION},
    {{"#", NULL}, COLUMN_POSITION},
    {{"code", NULL}, COLUMN_CODE},
    {{"sku", NULL}, COLUMN_CODE},
    {{"description", NULL}, COLUMN_DESCRIPTION},
    {{"item", NULL}, COLUMN_DESCRIPTION},
    {{"items", NULL}, COLUMN_DESCRIPTION},
    {{"product", NULL}, COLUMN_DESCRIPTION},
    {{"article", NULL}, COLUMN_DESCRIPTION},
    {{"goods", NULL}, COLUMN_DESCRIPTION},
    {{"qty", NULL}, COLUMN_QUANTITY},
    {{"quantity", NULL}, COLUMN_QUANTITY},
    {{"units", NULL}, COLUMN_QUANTITY},
    {{"ordered", NULL}, COLUMN_QUANTITY},
    {{"unit", NULL}, COLUMN_UNIT},
    {{"uom", NULL}, COLUMN_UNIT},
    {{"per", NULL}, COLUMN_UNIT},
    {{"price", NULL}, COLUMN_PRICE},
    {{"rate", NULL}, COLUMN_PRICE},
    {{"each", NULL}, COLUMN_PRICE},
    {{"cost", NULL}, COLUMN_PRICE},
    {{"total", NULL}, COLUMN_TOTAL},
    {{"amount", NULL}, COLUMN_TOTAL},
    {{"tax", NULL}, COLUMN_OTHER},
    {{"vat", NULL}, COLUMN_OTHER},
    {{"discount", NULL}, COLUMN_OTHER},
};

/** Whether a word is a heading's, or one letter away from it and longer than two. */
static int is_word(const char *key, const char *word, int exact)
{
    size_t size = strlen(word), key_size = strlen(key), same = 0;
    if (strcmp(key, word) == 0) {
        return 1;
    }
    if (exact || size < 3 || key[0] != word[0] || key_size + 1 < size || key_size > size + 1) {
        return 0;
    }
    while (key[same] == word[same]) {
        same++;
    }
    /* One letter lost, one too many, or one for another. */
    return (word[same] != '\0' && strcmp(key + same, word + same + 1) == 0) ||
           (key[same] != '\0' &&
            (strcmp(key + same + 1, word + same) == 0 ||
             (word[same] != '\0' && strcmp(key + same + 1, word + same + 1) == 0)));
}

/** How many words of phrase `index` stand at `word` side by side: all of them, or 0. */
static size_t phrase_length(const struct document *document, size_t index, size_t word, int exact)
{
    const double ems_between = 0.9;
    const struct line *line = &document->lines[document->words[word].line];
    size_t length = 0;
    for (; length < 3 && phrases[index].words[length] != NULL; length++) {
        size_t at = word + length;
        if (at >= line->first + line->count ||
            !is_word(document->words[at].key, phrases[index].words[length], exact)) {
            return 0;
        }
        const struct box *box = &document->words[at].box;
        const struct box *left = length > 0 ? &document->words[at - 1].box : box;
        if (length > 0 && box->x - left->x - left->width > ems_between * line->height) {
            return 0;
        }
    }
    return length;
}

/** The heading that begins at `word`, if one does: its length in words and its kind. Spelt right
 *  first, as "unit" and "units" are a letter apart and mean different columns. */
static size_t heading_length(const struct document *document, size_t word, enum column_kind *kind)
{
    for (int exact = 1; exact >= 0; exact--) {
        for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++) {
            size_t length = phrase_length(document, i, word, exact);
            if (length > 0) {
                *kind = phrases[i].kind;
                return length;
            }
        }
    }
    return 0;
}

static struct columns line_columns(const struct document *document, size_t index)
{
    struct columns columns = {.line = index};
    const struct line *line = &document->lines[index];
    for (size_t i = 0; i < line->count;) {
        enum column_kind kind = COLUMN_NONE;
        size_t length = heading_length(document, line->first + i, &kind);
        if (length > 0 && !columns.kinds[kind].present) {
            struct box box = span_box(document, (struct span){line->first + i, length});
            columns.kinds[kind].present = 1;
            columns.kinds[kind].left = box.x;
            columns.kinds[kind].right = box.x + box.width;
        }
        i += length > 0 ? length : 1;
    }
    return columns;
}

void columns_find(struct columns *columns, const struct document *document)
{
    int best = 2; /* less than three headings are no table */
    *columns = (struct columns){.line = document->lines_count};
    for (size_t i = 0; i < document->lines_count; i++) {
        struct columns found = line_columns(document, i);
        int score = 0, numeric = 0;
        for (size_t kind = COLUMN_POSITION; kind < COLUMN_OTHER; kind++) {
            score += found.kinds[kind].present;
        }
        numeric = found.kinds[COLUMN_QUANTITY].present + found.kinds[COLUMN_PRICE].present +
                  found.kinds[COLUMN_TOTAL].present;
        if (numeric >= 2 && score > best) {
            best = score;
            *columns = found;
        }
    }
}

double columns_distance(const struct columns *columns, enum column_kind kind, const struct box *box)
{
    if (!columns->kinds[kind].present) {
        return INFINITY;
    }
    double left = columns->kinds[kind].left, right = columns->kinds[kind].right;
    return fmax(0.0, fmax(left - box->x - box->width, box->x - right));
}
