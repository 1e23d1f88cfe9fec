/* SPDX-License-Identifier: MIT */
/* Own cases for each keyword, so that every machine has them. Each case is checked twice: for yes
 * or no, and with flaws, where an invalid one must name the keyword it breaks. */
#include <stdio.h>

#include "schema_help.h"

enum { CASES_A_KEYWORD_MIN = 4, CASES_MIN = 290 };

static const char *const keywords[] = {"type",
                                       "enum",
                                       "const",
                                       "properties",
                                       "patternProperties",
                                       "additionalProperties",
                                       "required",
                                       "propertyNames",
                                       "minProperties",
                                       "maxProperties",
                                       "dependentRequired",
                                       "items",
                                       "prefixItems",
                                       "additionalItems",
                                       "contains",
                                       "minContains",
                                       "maxContains",
                                       "minItems",
                                       "maxItems",
                                       "uniqueItems",
                                       "minimum",
                                       "maximum",
                                       "exclusiveMinimum",
                                       "exclusiveMaximum",
                                       "multipleOf",
                                       "minLength",
                                       "maxLength",
                                       "pattern",
                                       "format",
                                       "allOf",
                                       "anyOf",
                                       "oneOf",
                                       "not",
                                       "if",
                                       "$ref",
                                       "$defs",
                                       "false",
                                       NULL};

/* `flaw`: the keyword of the first flaw; NULL: valid. */
struct own_case {
    const char *keyword, *schema, *value, *flaw;
};

static const struct own_case cases[] = {
#include "own_cases.inc"
};

static void run(const struct own_case *one, size_t *wrong)
{
    struct fnd_schema *schema = schema_of(one->schema);
    const struct fnd_json value = json_of(one->value);
    struct fnd_flaws flaws = {0};
    const bool valid = one->flaw == NULL;
    const bool quiet = fnd_schema_check(schema, value, NULL, NULL);
    const bool loud = fnd_schema_check(schema, value, NULL, &flaws);
    const char *first = flaws.count > 0 ? flaws.list[0].keyword : "nothing";
    if (quiet != valid || loud != valid || (flaws.count == 0) != valid ||
        (!valid && strcmp(first, one->flaw) != 0)) {
        fprintf(stderr, "%s: %s: must break %s, breaks %s: %s\n", one->schema, one->value,
                valid ? "nothing" : one->flaw, first, flaws.count > 0 ? flaws.list[0].message : "");
        (*wrong)++;
    }
    fnd_flaws_finish(&flaws);
    fnd_schema_destroy(schema);
}

Test(schema_own, every_case_is_decided_as_its_row_says)
{
    const size_t count = sizeof cases / sizeof cases[0];
    size_t wrong = 0;
    cr_assert_geq(count, CASES_MIN);
    for (size_t i = 0; i < count; i++) {
        run(&cases[i], &wrong);
    }
    cr_assert_eq(wrong, 0);
}

Test(schema_own, every_keyword_has_its_share_of_cases_of_both_kinds)
{
    size_t counted = 0;
    for (size_t k = 0; keywords[k] != NULL; k++) {
        size_t valid = 0, invalid = 0;
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            if (strcmp(cases[i].keyword, keywords[k]) == 0) {
                valid += cases[i].flaw == NULL ? 1 : 0;
                invalid += cases[i].flaw != NULL ? 1 : 0;
            }
        }
        cr_assert(valid + invalid >= CASES_A_KEYWORD_MIN && valid > 0 && invalid > 0,
                  "%s has %zu valid and %zu invalid cases", keywords[k], valid, invalid);
        counted += valid + invalid;
    }
    cr_assert_eq(counted, sizeof cases / sizeof cases[0], "a case of a keyword that is not listed");
}
