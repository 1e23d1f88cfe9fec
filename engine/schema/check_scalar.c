/* SPDX-License-Identifier: MIT */
/* What is said of any value, of numbers and of texts. */
#include <stdlib.h>
#include <string.h>

#include "schema/check.h"

enum { ENUM_SHOWN_MAX = 12 };

static const struct {
    unsigned bit;
    const char *what;
} type_names[] = {{FND_TYPE_STRING, "a string"}, {FND_TYPE_INTEGER, "an integer"},
                  {FND_TYPE_NUMBER, "a number"}, {FND_TYPE_BOOLEAN, "a boolean"},
                  {FND_TYPE_ARRAY, "an array"},  {FND_TYPE_OBJECT, "an object"},
                  {FND_TYPE_NULL, "null"}};

static unsigned type_bits(enum fnd_json_type type)
{
    switch (type) {
    case FND_JSON_NULL:
        return FND_TYPE_NULL;
    case FND_JSON_FALSE:
    case FND_JSON_TRUE:
        return FND_TYPE_BOOLEAN;
    case FND_JSON_NUMBER:
        return FND_TYPE_NUMBER;
    case FND_JSON_STRING:
        return FND_TYPE_STRING;
    case FND_JSON_ARRAY:
        return FND_TYPE_ARRAY;
    case FND_JSON_OBJECT:
        return FND_TYPE_OBJECT;
    }
    return 0;
}

static bool fail_type(struct fnd_check *check, unsigned types, struct fnd_json value,
                      enum fnd_json_type type, const struct fnd_place *place)
{
    if (check->flaws == NULL) {
        return false;
    }
    struct fnd_text is = {0}, must = {0};
    const unsigned bit = type_bits(type);
    if (type == FND_JSON_NUMBER && (types & FND_TYPE_INTEGER) != 0) {
        fnd_check_show(value, &is); /* "is a number, must be an integer" would not say what */
    }
    size_t left = 0;
    for (size_t i = 0; i < sizeof type_names / sizeof type_names[0]; i++) {
        if (type_names[i].bit == bit && is.size == 0) {
            fnd_text_append_z(&is, type_names[i].what);
        }
        left += (types & type_names[i].bit) != 0 ? 1 : 0;
    }
    for (size_t i = 0; i < sizeof type_names / sizeof type_names[0]; i++) {
        if ((types & type_names[i].bit) != 0) {
            left--;
            fnd_text_append_z(&must, must.size == 0 ? "" : left == 0 ? " or " : ", ");
            fnd_text_append_z(&must, type_names[i].what);
        }
    }
    fnd_check_fail(check, place, "type", "is %s, must be %s", fnd_text_z(&is), fnd_text_z(&must));
    fnd_text_finish(&must);
    fnd_text_finish(&is);
    return false;
}

bool fnd_check_type(struct fnd_check *check, unsigned types, struct fnd_json value,
                    enum fnd_json_type type, const struct fnd_place *place)
{
    if (types == 0 || (types & type_bits(type)) != 0 ||
        (type == FND_JSON_NUMBER && (types & FND_TYPE_INTEGER) != 0 &&
         fnd_schema_number_is_integer(value))) {
        return true;
    }
    return fail_type(check, types, value, type, place);
}

/* Equal as values, with a short way for the texts that most enumerations are made of. */
static bool is_equal(struct fnd_json a, struct fnd_json b)
{
    if (a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0) {
        return true;
    }
    if (a.bytes[0] == '"' && b.bytes[0] == '"' && memchr(a.bytes, '\\', a.size) == NULL &&
        memchr(b.bytes, '\\', b.size) == NULL) {
        return false;
    }
    return fnd_json_equal(a, b);
}

/* The text nearest to a string among those allowed, or NULL; to be freed. */
static char *nearest_of(struct fnd_json enumeration, struct fnd_json value)
{
    if (fnd_json_type(value) != FND_JSON_STRING) {
        return NULL;
    }
    const size_t count = fnd_json_count(enumeration);
    char **texts = fnd_realloc(NULL, count + 1, sizeof(char *));
    size_t texts_count = 0;
    for (struct fnd_json_walk walk = fnd_json_walk(enumeration); fnd_json_next(&walk);) {
        texts[texts_count] = fnd_json_strdup(walk.value);
        texts_count += texts[texts_count] != NULL ? 1 : 0;
    }
    texts[texts_count] = NULL;
    char *word = fnd_json_strdup(value);
    const char *found = fnd_nearest(word, (const char *const *)texts);
    char *nearest = found != NULL ? fnd_strdup(found) : NULL;
    for (size_t i = 0; i < texts_count; i++) {
        free(texts[i]);
    }
    free(texts);
    free(word);
    return nearest;
}

static bool check_enum(struct fnd_check *check, struct fnd_json enumeration, struct fnd_json value,
                       const struct fnd_place *place)
{
    for (struct fnd_json_walk walk = fnd_json_walk(enumeration); fnd_json_next(&walk);) {
        if (is_equal(walk.value, value)) {
            return true;
        }
    }
    const size_t count = fnd_json_count(enumeration);
    if (check->flaws == NULL || count == 0) {
        return fnd_check_fail(check, place, "enum", "is not allowed here: no value is");
    }
    struct fnd_text shown = {0};
    for (struct fnd_json_walk walk = fnd_json_walk(enumeration);
         fnd_json_next(&walk) && walk.index < ENUM_SHOWN_MAX;) {
        fnd_text_append_z(&shown, walk.index > 0 ? ", " : "");
        fnd_check_show(walk.value, &shown);
    }
    if (count > ENUM_SHOWN_MAX) {
        fnd_text_printf(&shown, ", … (%zu in all)", count);
    }
    char *nearest = nearest_of(enumeration, value);
    fnd_check_fail(check, place, "enum", "must be %s%s%s%s%s", count > 1 ? "one of " : "",
                   fnd_text_z(&shown), nearest != NULL ? "; did you mean \"" : "",
                   nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
    free(nearest);
    fnd_text_finish(&shown);
    return false;
}

static bool check_const(struct fnd_check *check, struct fnd_json constant, struct fnd_json value,
                        const struct fnd_place *place)
{
    if (is_equal(constant, value)) {
        return true;
    }
    if (check->flaws != NULL) {
        struct fnd_text shown = {0};
        fnd_check_show(constant, &shown);
        fnd_check_fail(check, place, "const", "must be %s", fnd_text_z(&shown));
        fnd_text_finish(&shown);
    }
    return false;
}

static bool fail_number(struct fnd_check *check, const char *keyword, struct fnd_json value,
                        const char *relation, struct fnd_json bound, const struct fnd_place *place)
{
    if (check->flaws != NULL) {
        struct fnd_text is = {0}, must = {0};
        fnd_check_show(value, &is);
        fnd_check_show(bound, &must);
        fnd_check_fail(check, place, keyword, "is %s, must be %s %s", fnd_text_z(&is), relation,
                       fnd_text_z(&must));
        fnd_text_finish(&must);
        fnd_text_finish(&is);
    }
    return false;
}

static bool check_number(struct fnd_check *check, const struct fnd_schema_node *node,
                         struct fnd_json value, const struct fnd_place *place)
{
    bool ok = true;
    if (node->minimum.bytes != NULL && fnd_json_number_compare(value, node->minimum) < 0) {
        ok = fail_number(check, "minimum", value, "at least", node->minimum, place);
    }
    if (node->maximum.bytes != NULL && fnd_json_number_compare(value, node->maximum) > 0) {
        ok = fail_number(check, "maximum", value, "at most", node->maximum, place);
    }
    if (node->above.bytes != NULL && fnd_json_number_compare(value, node->above) <= 0) {
        ok = fail_number(check, "exclusiveMinimum", value, "above", node->above, place);
    }
    if (node->below.bytes != NULL && fnd_json_number_compare(value, node->below) >= 0) {
        ok = fail_number(check, "exclusiveMaximum", value, "below", node->below, place);
    }
    if (node->multiple_of.bytes != NULL && !fnd_json_number_multiple(value, node->multiple_of)) {
        ok = fail_number(check, "multipleOf", value, "a multiple of", node->multiple_of, place);
    }
    return ok;
}

/* Characters (code points) of a text: all bytes but those that continue a character. */
static int64_t length_of(const char *bytes, size_t size)
{
    int64_t length = 0;
    for (size_t i = 0; i < size; i++) {
        length += ((unsigned char)bytes[i] & 0xC0U) != 0x80U ? 1 : 0;
    }
    return length;
}

static bool check_length(struct fnd_check *check, const struct fnd_schema_text *text,
                         const char *bytes, size_t size, const struct fnd_place *place)
{
    const int64_t length = length_of(bytes, size);
    if (text->length_min >= 0 && length < text->length_min) {
        return fnd_check_fail(check, place, "minLength",
                              "is %lld character%s long, must be at least %lld", (long long)length,
                              length == 1 ? "" : "s", (long long)text->length_min);
    }
    if (text->length_max >= 0 && length > text->length_max) {
        return fnd_check_fail(check, place, "maxLength",
                              "is %lld character%s long, must be at most %lld", (long long)length,
                              length == 1 ? "" : "s", (long long)text->length_max);
    }
    return true;
}

static bool check_string(struct fnd_check *check, const struct fnd_schema_text *text,
                         struct fnd_json value, const struct fnd_place *place)
{
    const char *bytes;
    size_t size;
    fnd_check_text(check, value, &bytes, &size);
    bool ok = true;
    if (text->length_min >= 0 || text->length_max >= 0) {
        ok = check_length(check, text, bytes, size, place);
    }
    if (text->pattern.code != NULL && (ok || check->flaws != NULL)) {
        const enum fnd_match match = fnd_check_match(check, &text->pattern, bytes, size);
        if (match == FND_MATCH_NO) {
            ok = fnd_check_fail(check, place, "pattern", "does not match the pattern %.200s",
                                text->pattern.text);
        } else if (match == FND_MATCH_TOO_COSTLY) {
            ok = fnd_check_fail(check, place, "pattern",
                                "is too costly to match with the pattern %.200s",
                                text->pattern.text);
        }
    }
    if (text->format != FND_FORMAT_NONE && (ok || check->flaws != NULL) &&
        !fnd_schema_format_holds(text->format, bytes, size)) {
        ok = fnd_check_fail(check, place, "format", "is not %s",
                            fnd_schema_format_what(text->format));
    }
    return ok;
}

bool fnd_check_scalar(struct fnd_check *check, const struct fnd_schema_node *node,
                      struct fnd_json value, enum fnd_json_type type, const struct fnd_place *place)
{
    bool ok = true;
    if ((node->enumeration.bytes != NULL || node->constant.bytes != NULL) &&
        !fnd_check_has_hole_inside(check)) {
        if (node->enumeration.bytes != NULL) {
            ok = check_enum(check, node->enumeration, value, place);
        }
        if (node->constant.bytes != NULL && (ok || check->flaws != NULL)) {
            ok = check_const(check, node->constant, value, place) && ok;
        }
    }
    if (type == FND_JSON_NUMBER && (ok || check->flaws != NULL)) {
        ok = check_number(check, node, value, place) && ok;
    } else if (type == FND_JSON_STRING && node->text != NULL && (ok || check->flaws != NULL)) {
        ok = check_string(check, node->text, value, place) && ok;
    }
    return ok;
}
