/* SPDX-License-Identifier: MIT */
/* What the tests of this room share. */
#ifndef TESTS_SCHEMA_HELP_H
#define TESTS_SCHEMA_HELP_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "schema/schema.h"

static inline struct fnd_json json_of(const char *text)
{
    struct fnd_json value;
    struct fnd_error error = {0};
    cr_assert_eq(fnd_json_check(text, strlen(text), NULL, &value, &error), FND_OK,
                 "not JSON: %s: %s", text, error.message);
    return value;
}

/* Compile a schema that must compile. */
static inline struct fnd_schema *schema_of(const char *text)
{
    struct fnd_schema *schema = NULL;
    struct fnd_error error = {0};
    cr_assert_eq(fnd_schema_create("schema under test", text, strlen(text), &schema, &error),
                 FND_OK, "%s: %s", text, error.message);
    return schema;
}

#endif
