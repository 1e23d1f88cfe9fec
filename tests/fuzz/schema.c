/* SPDX-License-Identifier: MIT */
/* Any bytes as a JSON Schema: schema, NUL, value to check, NUL, pointer. */
#include <stdlib.h>

#include "fuzz.h"
#include "schema/schema.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

static void check_flaws(const struct fnd_flaws *flaws)
{
    for (size_t i = 0; i < flaws->count; i++) {
        const struct fnd_flaw *flaw = &flaws->list[i];
        FUZZ_CHECK(fnd_json_pointer_valid(flaw->pointer), "flaw at %s", flaw->pointer);
        FUZZ_CHECK(flaw->message[0] != '\0' && fnd_utf8_valid(flaw->message, strlen(flaw->message)),
                   "flaw %s at %s has no message", flaw->keyword, flaw->pointer);
    }
}

/** Asked for flaws or for yes and no, again, or of the schema's own text: one verdict. */
static bool check_verdict(const struct fnd_schema *schema, const struct fnd_schema *again,
                          struct fnd_json value)
{
    struct fnd_flaws flaws = {0};
    const bool meets = fnd_schema_check(schema, value, NULL, &flaws);
    FUZZ_CHECK(meets == (flaws.count == 0), "meets is %d with %zu flaws", meets, flaws.count);
    check_flaws(&flaws);
    fnd_flaws_finish(&flaws);
    FUZZ_CHECK(meets == fnd_schema_check(schema, value, NULL, NULL), "two verdicts");
    FUZZ_CHECK(meets == fnd_schema_check(again, value, NULL, NULL), "the own text's verdict");
    const bool declared = fnd_schema_check_declared(schema, value, &flaws);
    FUZZ_CHECK(declared == (flaws.count == 0), "declared is %d with %zu flaws", declared,
               flaws.count);
    check_flaws(&flaws);
    fnd_flaws_finish(&flaws);
    return meets;
}

/** Defaults go in once: filling what is filled changes nothing. (A schema that refers to itself may
 *  have defaults without end, of which a filling makes one.) */
static void check_fill(const struct fnd_schema *schema, const char *text, struct fnd_json value)
{
    struct fnd_text first = {0}, second = {0};
    fnd_schema_fill(schema, value, &first);
    const struct fnd_json filled = fuzz_json(&first, "what was filled");
    fnd_schema_fill(schema, filled, &second);
    FUZZ_CHECK(strstr(text, "$ref") != NULL ||
                   fnd_json_equal(filled, fuzz_json(&second, "what was filled twice")),
               "%s\nfilled again is\n%s", fnd_text_z(&first), fnd_text_z(&second));
    for (struct fnd_json_walk walk = fnd_json_walk(value);
         fnd_json_type(value) == FND_JSON_OBJECT && fnd_json_next(&walk);) {
        char *key = fnd_json_strdup(walk.key);
        FUZZ_CHECK(fnd_json_member(filled, key).bytes != NULL, "%s was lost", key);
        free(key);
    }
    fnd_text_finish(&first);
    fnd_text_finish(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz_parts parts = {bytes, bytes + size};
    size_t text_size, value_size, pointer_size;
    char *text = fuzz_part(&parts, &text_size);
    char *value_text = fuzz_part(&parts, &value_size);
    char *pointer = fuzz_part(&parts, &pointer_size);
    struct fnd_error error = {0};
    struct fnd_schema *schema = NULL, *again = NULL;
    struct fnd_json value = {0};
    if (fnd_schema_create("fuzz", text, text_size, &schema, &error) != FND_OK) {
        FUZZ_CHECK(schema == NULL, "refused, and a schema");
        fuzz_error_check(&error, text, text_size);
        goto out;
    }
    const struct fnd_json own = fnd_schema_json(schema);
    FUZZ_CHECK(fnd_schema_create("own", own.bytes, own.size, &again, &error) == FND_OK,
               "its own text is refused: %s", error.message);
    if (fnd_json_pointer_valid(pointer)) {
        const struct fnd_json at = fnd_schema_at(schema, pointer);
        FUZZ_CHECK(at.bytes == NULL ||
                       fnd_json_check(at.bytes, at.size, NULL, &value, NULL) == FND_OK,
                   "what governs %s is no JSON", pointer);
        FUZZ_CHECK(fnd_schema_declares(schema, pointer) == fnd_schema_declares(again, pointer) &&
                       fnd_schema_per_job(schema, pointer) == fnd_schema_per_job(again, pointer),
                   "%s is declared in one of two", pointer);
    }
    if (fnd_json_check(value_text, value_size, NULL, &value, NULL) == FND_OK) {
        (void)check_verdict(schema, again, value);
        check_fill(schema, text, value);
    }
out:
    fnd_schema_destroy(schema);
    fnd_schema_destroy(again);
    free(text);
    free(value_text);
    free(pointer);
    return 0;
}
