/* SPDX-License-Identifier: MIT */
#include "knowledge.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/** Room for one more in a list that grows; 0, or -1 without memory. */
static int grow(void **items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) {
        return 0;
    }
    size_t wanted = *capacity == 0 ? 32 : *capacity * 2;
    void *moved = realloc(*items, wanted * size);
    if (moved == NULL) {
        return -1;
    }
    *items = moved;
    *capacity = wanted;
    return 0;
}

/** The next word of a text in lower case; where the one after it begins, or NULL at the end. */
static const char *word_next(const char *text, char word[KNOWN_WORD_MAX])
{
    size_t size = 0;
    text += strspn(text, " ");
    while (*text != '\0' && *text != ' ') {
        if (size + 1 < KNOWN_WORD_MAX) {
            word[size++] = *text >= 'A' && *text <= 'Z' ? (char)(*text + 32) : *text;
        }
        text++;
    }
    word[size] = '\0';
    return size > 0 ? text : NULL;
}

static int has_word(const struct answer *answer, const char *wanted)
{
    char word[KNOWN_WORD_MAX];
    for (size_t i = 0; answer != NULL && i < answer->rows_count; i++) {
        const char *at = answer->rows[i].description;
        while ((at = word_next(at, word)) != NULL) {
            if (strcmp(word, wanted) == 0) {
                return 1;
            }
        }
    }
    return 0;
}

static size_t word_find(const struct knowledge *knowledge, const char *word)
{
    size_t i = 0;
    while (i < knowledge->words_count && strcmp(knowledge->words[i].word, word) != 0) {
        i++;
    }
    return i;
}

static size_t supplier_find_exact(const struct knowledge *knowledge, const char *name)
{
    size_t i = 0;
    while (i < knowledge->suppliers_count && strcmp(knowledge->suppliers[i].name, name) != 0) {
        i++;
    }
    return i;
}

static size_t good_find(const struct knowledge *knowledge, size_t supplier, const char *name)
{
    size_t i = 0;
    while (i < knowledge->goods_count && (knowledge->goods[i].supplier != supplier ||
                                          strcmp(knowledge->goods[i].name, name) != 0)) {
        i++;
    }
    return i;
}

static int words_learn(struct knowledge *knowledge, const struct answer *answer, size_t row)
{
    char word[KNOWN_WORD_MAX];
    const char *at = answer->rows[row].description;
    struct answer before = {.rows = answer->rows, .rows_count = row};
    while ((at = word_next(at, word)) != NULL) {
        size_t i = word_find(knowledge, word);
        if (i == knowledge->words_count) {
            if (grow((void **)&knowledge->words, i, &knowledge->words_capacity,
                     sizeof *knowledge->words) != 0) {
                return -1;
            }
            knowledge->words[knowledge->words_count++] = (struct known_word){.documents = 1};
            memcpy(knowledge->words[i].word, word, sizeof word);
        } else {
            knowledge->words[i].documents += !has_word(&before, word);
        }
    }
    return 0;
}

static int has_good(const struct answer *answer, size_t rows, const char *name)
{
    for (size_t i = 0; i < rows; i++) {
        if (strcmp(answer->rows[i].description, name) == 0) {
            return 1;
        }
    }
    return 0;
}

static int good_learn(struct knowledge *knowledge, const struct answer *answer, size_t row,
                      size_t supplier)
{
    const struct answer_row *from = &answer->rows[row];
    size_t i = good_find(knowledge, supplier, from->description);
    if (i == knowledge->goods_count) {
        if (grow((void **)&knowledge->goods, i, &knowledge->goods_capacity,
                 sizeof *knowledge->goods) != 0) {
            return -1;
        }
        knowledge->goods[knowledge->goods_count++] =
            (struct known_good){.supplier = (uint32_t)supplier};
        memcpy(knowledge->goods[i].name, from->description, sizeof from->description);
    }
    knowledge->goods[i].documents += !has_good(answer, row, from->description);
    if (from->known[CELL_PRICE]) {
        knowledge->goods[i].price = from->cells[CELL_PRICE];
    }
    return 0;
}

void shape_make(const char *text, char shape[SHAPE_MAX], int runs)
{
    size_t size = 0;
    for (; *text != '\0' && size + 1 < SHAPE_MAX; text++) {
        unsigned char byte = (unsigned char)*text;
        char class = isdigit(byte) ? '9' : isupper(byte) ? 'A' : isalpha(byte) ? 'a' : *text;
        if (!runs || size == 0 || shape[size - 1] != class) {
            shape[size++] = class;
        }
    }
    shape[size] = '\0';
}

static void shape_learn(struct known_supplier *supplier, size_t shaped, const char *text)
{
    char shape[SHAPE_MAX];
    shape_make(text, shape, shaped == SHAPED_DATE); /* "5 May" and "14 May" are alike */
    for (size_t i = 0; i < SHAPES_MAX && shape[0] != '\0'; i++) {
        char *known = supplier->shapes[shaped][i];
        if (strcmp(known, shape) == 0) {
            return;
        }
        if (known[0] == '\0') {
            memcpy(known, shape, sizeof shape);
            return;
        }
    }
}

int shape_known(const struct knowledge *knowledge, size_t supplier, size_t shaped, const char *text)
{
    char shape[SHAPE_MAX];
    shape_make(text, shape, shaped == SHAPED_DATE);
    if (supplier >= knowledge->suppliers_count ||
        knowledge->suppliers[supplier].shapes[shaped][0][0] == '\0') {
        return 0;
    }
    for (size_t i = 0; i < SHAPES_MAX; i++) {
        if (strcmp(knowledge->suppliers[supplier].shapes[shaped][i], shape) == 0) {
            return 1;
        }
    }
    return -1;
}

int knowledge_learn(struct knowledge *knowledge, const struct answer *answer, enum date_order order,
                    const char *date)
{
    if (answer->supplier[0] == '\0') {
        return 0;
    }
    size_t supplier = supplier_find_exact(knowledge, answer->supplier);
    if (supplier == knowledge->suppliers_count) {
        if (grow((void **)&knowledge->suppliers, supplier, &knowledge->suppliers_capacity,
                 sizeof *knowledge->suppliers) != 0) {
            return -1;
        }
        knowledge->suppliers[knowledge->suppliers_count++] =
            (struct known_supplier){.documents = 0};
        memcpy(knowledge->suppliers[supplier].name, answer->supplier, sizeof answer->supplier);
    }
    knowledge->suppliers[supplier].documents++;
    knowledge->suppliers[supplier].day_first += order == DATE_DAY_FIRST;
    knowledge->suppliers[supplier].month_first += order == DATE_MONTH_FIRST;
    shape_learn(&knowledge->suppliers[supplier], SHAPED_NUMBER, answer->number);
    shape_learn(&knowledge->suppliers[supplier], SHAPED_DATE, date);
    for (size_t row = 0; row < answer->rows_count; row++) {
        if (answer->rows[row].description[0] != '\0' &&
            (words_learn(knowledge, answer, row) != 0 ||
             good_learn(knowledge, answer, row, supplier) != 0)) {
            return -1;
        }
    }
    return 0;
}

void knowledge_finish(struct knowledge *knowledge)
{
    free(knowledge->suppliers);
    free(knowledge->goods);
    free(knowledge->words);
    *knowledge = (struct knowledge){.suppliers = NULL};
}

size_t supplier_documents(const struct knowledge *knowledge, size_t supplier,
                          const struct answer *self)
{
    if (supplier >= knowledge->suppliers_count) {
        return 0;
    }
    const struct known_supplier *known = &knowledge->suppliers[supplier];
    int own = self != NULL && strcmp(self->supplier, known->name) == 0;
    return known->documents - (known->documents > 0 && own);
}

size_t supplier_near(const struct knowledge *knowledge, const char *text, const struct answer *self,
                     size_t *distance)
{
    size_t best = SIZE_MAX, size = strlen(text), most = size / 5;
    for (size_t i = 0; i < knowledge->suppliers_count; i++) {
        size_t found = text_distance(text, knowledge->suppliers[i].name, most);
        if (found <= most && supplier_documents(knowledge, i, self) > 0 &&
            (best == SIZE_MAX || found < *distance)) {
            best = i;
            *distance = found;
        }
    }
    return best;
}

static size_t good_documents(const struct known_good *good, const struct answer *self)
{
    int own = self != NULL && has_good(self, self->rows_count, good->name);
    return good->documents - (good->documents > 0 && own);
}

size_t good_named(const struct knowledge *knowledge, size_t supplier, const char *name,
                  const struct answer *self)
{
    size_t i = good_find(knowledge, supplier, name);
    return i < knowledge->goods_count && good_documents(&knowledge->goods[i], self) > 0 ? i
                                                                                        : SIZE_MAX;
}

static int same_digits(const char *a, const char *b)
{
    for (;;) {
        while (*a != '\0' && !isdigit((unsigned char)*a)) {
            a++;
        }
        while (*b != '\0' && !isdigit((unsigned char)*b)) {
            b++;
        }
        if (*a != *b || *a == '\0') {
            return *a == *b;
        }
        a++;
        b++;
    }
}

size_t good_near(const struct knowledge *knowledge, size_t supplier, const char *name,
                 const struct answer *self)
{
    size_t best = SIZE_MAX, least = 0, second = SIZE_MAX, most = strlen(name) / 6 + 1;
    for (size_t i = 0; i < knowledge->goods_count; i++) {
        const struct known_good *good = &knowledge->goods[i];
        if (good->supplier != supplier || good_documents(good, self) == 0) {
            continue;
        }
        size_t found = text_distance(name, good->name, most);
        if (best == SIZE_MAX || found < least) {
            second = best == SIZE_MAX ? SIZE_MAX : least;
            least = found;
            best = i;
        } else if (found < second) {
            second = found;
        }
    }
    int good = best != SIZE_MAX && least <= most && (second == SIZE_MAX || second > least + 1) &&
               same_digits(name, knowledge->goods[best].name);
    return good ? best : SIZE_MAX;
}

int word_known(const struct knowledge *knowledge, const char *text, const struct answer *self)
{
    char word[KNOWN_WORD_MAX];
    if (word_next(text, word) == NULL) {
        return 0;
    }
    size_t i = word_find(knowledge, word);
    return i < knowledge->words_count &&
           knowledge->words[i].documents - (uint32_t)has_word(self, word) > 0;
}
