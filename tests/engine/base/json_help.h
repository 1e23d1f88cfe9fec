/* SPDX-License-Identifier: MIT */
/* What the JSON tests of this folder share. */
#ifndef TEST_JSON_HELP_H
#define TEST_JSON_HELP_H

#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/json.h"

/* A text that must be JSON, as a span of `z`. */
static inline struct fnd_json json_of(const char *z)
{
    struct fnd_json value = {0};
    struct fnd_error error = {0};
    enum fnd_status status = fnd_json_check(z, strlen(z), NULL, &value, &error);
    cr_assert_eq(status, FND_OK, "%s: %s", z, error.message);
    return value;
}

/* True if the span holds exactly these bytes; `expected` NULL is "no value". */
static inline bool span_is(struct fnd_json span, const char *expected)
{
    if (expected == NULL || span.bytes == NULL) {
        return expected == NULL && span.bytes == NULL;
    }
    return span.size == strlen(expected) && memcmp(span.bytes, expected, span.size) == 0;
}

/* The check of a copy whose end is the end of its allocation, so that the address sanitizer sees
 * each byte read beyond it. */
static inline enum fnd_status check_tight(const char *bytes, size_t size, struct fnd_error *error)
{
    char *copy = malloc(size == 0 ? 1 : size);
    cr_assert_not_null(copy);
    memcpy(copy, bytes, size);
    struct fnd_json value = {0};
    enum fnd_status status = fnd_json_check(copy, size, NULL, &value, error);
    cr_assert_eq(value.bytes != NULL, status == FND_OK, "a value is given only with FND_OK");
    free(copy);
    return status;
}

#endif
