/* SPDX-License-Identifier: MIT */
/* Values that are equal have equal hashes: numbers by decimal value, strings decoded, objects in
 * any order. That makes uniqueItems linear in what people write. */
#include <stdlib.h>
#include <string.h>

#include "schema/node.h"

enum { PAIRWISE_MAX = 8 };

/* A number as digits without zeros at either end, times ten to the exponent. */
struct decimal {
    bool negative;
    const char *first, *last; /* of the digits, both included; NULL for zero */
    int64_t exponent;         /* of the last digit; saturated */
};

static struct decimal decimal_of(struct fnd_json number)
{
    struct decimal decimal = {0};
    const char *at = number.bytes, *end = number.bytes + number.size;
    decimal.negative = *at == '-';
    const char *point = NULL, *mantissa_end = at;
    for (; mantissa_end < end && *mantissa_end != 'e' && *mantissa_end != 'E'; mantissa_end++) {
        if (*mantissa_end == '.') {
            point = mantissa_end;
        } else if (*mantissa_end >= '1' && *mantissa_end <= '9') {
            decimal.first = decimal.first != NULL ? decimal.first : mantissa_end;
            decimal.last = mantissa_end;
        }
    }
    if (decimal.first == NULL) {
        decimal.negative = false;
        return decimal;
    }
    if (mantissa_end < end) {
        const char *digit = mantissa_end + 1;
        const bool minus = *digit == '-';
        digit += *digit == '-' || *digit == '+' ? 1 : 0;
        for (; digit < end && decimal.exponent < INT64_MAX / 100; digit++) {
            decimal.exponent = decimal.exponent * 10 + (*digit - '0');
        }
        decimal.exponent = minus ? -decimal.exponent : decimal.exponent;
    }
    const char *ones = point != NULL ? point : mantissa_end; /* one behind the ones digit */
    decimal.exponent +=
        decimal.last < ones ? (int64_t)(ones - 1 - decimal.last) : -(int64_t)(decimal.last - ones);
    return decimal;
}

bool fnd_schema_number_is_integer(struct fnd_json number)
{
    const struct decimal decimal = decimal_of(number);
    return decimal.first == NULL || decimal.exponent >= 0;
}

static uint64_t mix(uint64_t hash, uint64_t more)
{
    hash ^= more;
    hash *= UINT64_C(0xff51afd7ed558ccd);
    hash ^= hash >> 32;
    return hash;
}

static uint64_t hash_bytes(uint64_t hash, const char *bytes, size_t size)
{
    while (size >= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        hash = mix(hash, word);
        bytes += 8;
        size -= 8;
    }
    uint64_t word = size;
    for (size_t i = 0; i < size; i++) {
        word = word << 8 | (unsigned char)bytes[i];
    }
    return mix(hash, word);
}

static uint64_t hash_string(struct fnd_json string)
{
    if (memchr(string.bytes, '\\', string.size) == NULL) {
        return hash_bytes(FND_JSON_STRING, string.bytes + 1, string.size - 2);
    }
    struct fnd_text text = {0};
    fnd_json_text(string, &text);
    const uint64_t hash = hash_bytes(FND_JSON_STRING, fnd_text_z(&text), text.size);
    fnd_text_finish(&text);
    return hash;
}

static uint64_t hash_number(struct fnd_json number)
{
    const struct decimal decimal = decimal_of(number);
    uint64_t hash = mix(FND_JSON_NUMBER, decimal.negative ? 2 : 1);
    for (const char *at = decimal.first; at != NULL && at <= decimal.last; at++) {
        if (*at != '.') {
            hash = mix(hash, (uint64_t)(unsigned char)*at);
        }
    }
    return mix(hash, (uint64_t)decimal.exponent);
}

/* Recursive as deep as checked JSON may be. */
static uint64_t hash_value(struct fnd_json value)
{
    const enum fnd_json_type type = fnd_json_type(value);
    uint64_t hash = mix((uint64_t)type, 7);
    if (type == FND_JSON_STRING) {
        return hash_string(value);
    }
    if (type == FND_JSON_NUMBER) {
        return hash_number(value);
    }
    for (struct fnd_json_walk walk = fnd_json_walk(value); fnd_json_next(&walk);) {
        if (walk.key.bytes != NULL) {
            hash += mix(hash_string(walk.key), hash_value(walk.value)); /* in any order */
        } else {
            hash = mix(hash, hash_value(walk.value));
        }
    }
    return hash;
}

struct item {
    uint64_t hash;
    struct fnd_json value;
    size_t index;
};

static int item_compare(const void *left, const void *right)
{
    const struct item *a = left, *b = right;
    if (a->hash != b->hash) {
        return a->hash < b->hash ? -1 : 1;
    }
    return a->index < b->index ? -1 : a->index > b->index;
}

/* Compare each item with those before it that have its hash. The first pair in the order of the
 * array is what a person wants to hear. */
static bool compare_runs(const struct item *items, size_t count, size_t *steps, size_t *first,
                         size_t *second)
{
    bool unique = true;
    size_t run = 0;
    for (size_t i = 1; i < count; i++) {
        if (items[i].hash != items[run].hash) {
            run = i;
        }
        for (size_t j = run; j < i; j++) {
            if (*steps == 0) {
                *first = *second = 0;
                return false;
            }
            (*steps)--;
            if (fnd_json_equal(items[j].value, items[i].value)) {
                if (unique || items[i].index < *second) {
                    *first = items[j].index;
                    *second = items[i].index;
                }
                unique = false;
                break;
            }
        }
    }
    return unique;
}

bool fnd_schema_unique(struct fnd_json array, size_t *steps, size_t *first, size_t *second)
{
    struct item few[PAIRWISE_MAX];
    const size_t count = fnd_json_count(array);
    struct item *items =
        count <= PAIRWISE_MAX ? few : fnd_realloc(NULL, count, sizeof(struct item));
    for (struct fnd_json_walk walk = fnd_json_walk(array); fnd_json_next(&walk);) {
        items[walk.index] = (struct item){.value = walk.value, .index = walk.index};
        items[walk.index].hash = count > 1 ? hash_value(walk.value) : 0;
    }
    qsort(items, count, sizeof items[0], item_compare);
    const bool unique = compare_runs(items, count, steps, first, second);
    if (items != few) {
        free(items);
    }
    return unique;
}
