/* SPDX-License-Identifier: MIT */
/* The official JSON-Schema-Test-Suite, where its folder lies beside the checkout or is named by
 * FOUNDRY_SHARED_DATA: every case of every claimed keyword, in both drafts. A group whose schema
 * needs something that this subset refuses (a keyword, a remote reference) is skipped and counted;
 * a wrong verdict fails. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "schema_help.h"

enum { FILE_SIZE_MAX = 4 << 20, CASES_MIN = 2250, SKIPPED_MAX = 100 };

struct tally {
    size_t passed, failed, skipped, groups_skipped;
};

/* Files with both drafts in mind; one that a draft does not have is passed over. Not run:
 * format.json, which wants formats to be notes (here they are asserted; optional/format is run),
 * refRemote, anchor, dynamicRef, unevaluated*, vocabulary, dependencies, dependentSchemas, content
 * (all unsupported keywords). */
static const char *const files[] = {"additionalItems",
                                    "additionalProperties",
                                    "allOf",
                                    "anyOf",
                                    "boolean_schema",
                                    "const",
                                    "contains",
                                    "default",
                                    "definitions",
                                    "defs",
                                    "dependentRequired",
                                    "enum",
                                    "exclusiveMaximum",
                                    "exclusiveMinimum",
                                    "if-then-else",
                                    "infinite-loop-detection",
                                    "items",
                                    "maxContains",
                                    "maxItems",
                                    "maxLength",
                                    "maxProperties",
                                    "maximum",
                                    "minContains",
                                    "minItems",
                                    "minLength",
                                    "minProperties",
                                    "minimum",
                                    "multipleOf",
                                    "not",
                                    "oneOf",
                                    "pattern",
                                    "patternProperties",
                                    "prefixItems",
                                    "properties",
                                    "propertyNames",
                                    "ref",
                                    "required",
                                    "type",
                                    "uniqueItems",
                                    "optional/bignum",
                                    "optional/ecmascript-regex",
                                    "optional/float-overflow",
                                    "optional/no-schema",
                                    "optional/non-bmp-regex",
                                    "optional/format/date",
                                    "optional/format/date-time",
                                    "optional/format/ecmascript-regex",
                                    "optional/format/email",
                                    "optional/format/ipv4",
                                    "optional/format/json-pointer",
                                    "optional/format/regex",
                                    "optional/format/time",
                                    "optional/format/uuid",
                                    NULL};

/* Groups that this subset decides differently, each for its reason. */
static const struct {
    const char *file, *group, *reason;
} exceptions[] = {
    {"optional/format/ecmascript-regex", "ECMA 262 lookbehind is valid, including variable width",
     "PCRE2 10.42 has no lookbehind of variable width: such a pattern is refused, not misread"},
};

static const char *exception_of(const char *file, struct fnd_json group)
{
    for (size_t i = 0; i < sizeof exceptions / sizeof exceptions[0]; i++) {
        if (strcmp(exceptions[i].file, file) == 0 &&
            fnd_json_text_is(fnd_json_member(group, "description"), exceptions[i].group)) {
            return exceptions[i].reason;
        }
    }
    return NULL;
}

/* The files of draft 7 do not name their draft; a schema must, to be read by its rules. */
static void name_draft(struct fnd_json schema, bool draft7, struct fnd_text *text)
{
    const char *dialect = "\"http://json-schema.org/draft-07/schema#\"";
    const struct fnd_json value = {dialect, strlen(dialect)};
    if (draft7 && fnd_json_type(schema) == FND_JSON_OBJECT &&
        fnd_json_member(schema, "$schema").bytes == NULL) {
        cr_assert_eq(fnd_json_set(schema, "/$schema", value, text, NULL), FND_OK);
    } else {
        fnd_text_append(text, schema.bytes, schema.size);
    }
}

static void run_case(const struct fnd_schema *schema, struct fnd_json group, struct fnd_json one,
                     const char *file, struct tally *tally)
{
    const struct fnd_json data = fnd_json_member(one, "data");
    bool valid = false;
    cr_assert(fnd_json_boolean(fnd_json_member(one, "valid"), &valid));
    struct fnd_flaws flaws = {0};
    const bool quiet = fnd_schema_check(schema, data, NULL, NULL);
    const bool loud = fnd_schema_check(schema, data, NULL, &flaws);
    const bool told = valid ? flaws.count == 0 : flaws.count > 0;
    if (quiet == valid && loud == valid && told) {
        tally->passed++;
    } else {
        const struct fnd_json what = fnd_json_member(group, "description");
        const struct fnd_json which = fnd_json_member(one, "description");
        fprintf(stderr, "%s: %.*s: %.*s: must be %s, is %s (%s with flaws asked for, %zu told)\n",
                file, (int)what.size, what.bytes, (int)which.size, which.bytes,
                valid ? "valid" : "invalid", quiet ? "valid" : "invalid",
                loud ? "valid" : "invalid", flaws.count);
        tally->failed++;
    }
    fnd_flaws_finish(&flaws);
}

static void run_group(struct fnd_json group, bool draft7, const char *file, struct tally *tally)
{
    const size_t count = fnd_json_count(fnd_json_member(group, "tests"));
    struct fnd_schema *schema = NULL;
    struct fnd_error error = {0};
    struct fnd_text text = {0};
    name_draft(fnd_json_member(group, "schema"), draft7, &text);
    const struct fnd_json what = fnd_json_member(group, "description");
    const enum fnd_status status =
        fnd_schema_create(file, fnd_text_z(&text), text.size, &schema, &error);
    fnd_text_finish(&text);
    const bool outside =
        strcmp(error.code, "unknown_keyword") == 0 || strcmp(error.code, "remote_ref") == 0;
    const char *exception = exception_of(file, group);
    if (exception != NULL || (status == FND_INVALID && outside)) {
        fprintf(stderr, "skipped: %.*s: %s\n", (int)what.size, what.bytes,
                exception != NULL ? exception : error.message);
        tally->skipped += count;
        tally->groups_skipped++;
    } else if (status != FND_OK) {
        fprintf(stderr, "%.*s: does not compile: %s [%s]\n", (int)what.size, what.bytes,
                error.message, error.code);
        tally->failed += count;
    } else {
        for (struct fnd_json_walk walk = fnd_json_walk(fnd_json_member(group, "tests"));
             fnd_json_next(&walk);) {
            run_case(schema, group, walk.value, file, tally);
        }
    }
    fnd_schema_destroy(schema);
}

static void run_file(const char *folder, const char *draft, const char *name, struct tally *tally)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s/%s.json", folder, draft, name);
    struct fnd_text text = {0};
    struct fnd_error error = {0};
    if (fnd_file_read(AT_FDCWD, path, FILE_SIZE_MAX, &text, &error) == FND_OK) {
        struct fnd_json groups;
        /* No JSON of ours holds U+0000. Two groups compare texts with and without one: another
         * control character asks the same of us. */
        for (char *nul; (nul = strstr(text.bytes, "\\u0000")) != NULL;) {
            nul[5] = '1';
        }
        cr_assert_eq(fnd_json_check(text.bytes, text.size, path, &groups, &error), FND_OK, "%s: %s",
                     path, error.message);
        for (struct fnd_json_walk walk = fnd_json_walk(groups); fnd_json_next(&walk);) {
            run_group(walk.value, strcmp(draft, "draft7") == 0, name, tally);
        }
    }
    fnd_text_finish(&text);
}

static bool folder_find(char *folder, size_t size)
{
    const char *shared = getenv("FOUNDRY_SHARED_DATA");
    const char *source = getenv("FOUNDRY_SOURCE_ROOT");
    if (shared != NULL) {
        snprintf(folder, size, "%s/json-schema/tests", shared);
    } else if (source != NULL) {
        snprintf(folder, size, "%s/../shared/data/json-schema/tests", source);
    } else {
        return false;
    }
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}

Test(schema_suite, every_case_of_a_claimed_keyword_is_decided_as_the_standard_says)
{
    char folder[512];
    if (!folder_find(folder, sizeof folder)) {
        fprintf(stderr, "the folder json-schema/tests was not found: own cases only\n");
        return;
    }
    struct tally tally = {0};
    for (size_t i = 0; files[i] != NULL; i++) {
        run_file(folder, "draft2020-12", files[i], &tally);
        run_file(folder, "draft7", files[i], &tally);
    }
    fprintf(stderr, "JSON-Schema-Test-Suite: %zu passed, %zu failed, %zu skipped in %zu groups\n",
            tally.passed, tally.failed, tally.skipped, tally.groups_skipped);
    cr_assert_eq(tally.failed, 0);
    cr_assert_geq(tally.passed, CASES_MIN);
    cr_assert_leq(tally.skipped, SKIPPED_MAX);
}
