/* SPDX-License-Identifier: MIT */
/* Any bytes as JSON: document, NUL, pointer, NUL, a value to set there. What is accepted survives
 * every way of printing it; what is refused is told with a place. */
#include <cjson/cJSON.h>
#include <stdlib.h>

#include "fuzz.h"

#ifndef PLANT
#define PLANT 0 /* the self-test's: 1 changes a number's last zero, 2 writes behind an array */
#endif

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

static void canonical(struct fnd_json value, struct fnd_text *text)
{
    fnd_json_canonical(value, text);
#if PLANT == 1
    for (size_t i = 2; i < text->size; i++) {
        if (text->bytes[i] == '0' && text->bytes[i - 1] == '1' && text->bytes[i - 2] == '.') {
            text->bytes[i] = '1';
        }
    }
#elif PLANT == 2
    size_t depth = 0;
    char seen[2] = {0};
    for (size_t i = 0; i < value.size && (value.bytes[i] == '[' || value.bytes[i] == '{'); i++) {
        volatile size_t at = depth++;
        seen[at] = value.bytes[i];
    }
    FUZZ_CHECK(depth == 0 || seen[0] != 0, "unread");
#endif
}

/** Canonical, compact and pretty text, and the tree of the editor: the same value each. */
static void check_prints(struct fnd_json value)
{
    struct fnd_text first = {0}, second = {0};
    canonical(value, &first);
    const struct fnd_json again = fuzz_json(&first, "canonical text");
    FUZZ_CHECK(fnd_json_equal(value, again), "canonical text is another value: %s",
               fnd_text_z(&first));
    canonical(again, &second);
    FUZZ_CHECK(first.size == second.size && memcmp(first.bytes, second.bytes, first.size) == 0,
               "canonical text of canonical text differs: %s", fnd_text_z(&second));
    fnd_text_clear(&second);
    fnd_json_compact(value, &second);
    FUZZ_CHECK(fnd_json_equal(value, fuzz_json(&second, "compact text")), "compact text differs");
    fnd_text_clear(&second);
    fnd_json_pretty(value, &second, 0);
    FUZZ_CHECK(fnd_json_equal(value, fuzz_json(&second, "pretty text")), "pretty text differs");
    fnd_text_clear(&second);
    cJSON *tree = fnd_json_tree(value);
    char *printed = cJSON_PrintUnformatted(tree);
    FUZZ_CHECK(printed != NULL, "the tree does not print");
    fnd_text_append_z(&second, printed);
    FUZZ_CHECK(fnd_json_equal(value, fuzz_json(&second, "the tree's text")), "the tree differs");
    cJSON_free(printed);
    cJSON_Delete(tree);
    fnd_text_finish(&first);
    fnd_text_finish(&second);
}

/** Every child is found again by the pointer made for it, and scalars read as what they are. */
static void check_walk(struct fnd_json value, struct fnd_json root, struct fnd_text *pointer)
{
    size_t seen = 0;
    for (struct fnd_json_walk walk = fnd_json_walk(value); fnd_json_next(&walk); seen++) {
        const size_t size = pointer->size;
        if (walk.key.bytes != NULL) {
            fnd_json_pointer_add_key(pointer, walk.key);
        } else {
            fnd_json_pointer_add_index(pointer, walk.index);
        }
        FUZZ_CHECK(fnd_json_pointer_valid(pointer->bytes), "a pointer that was made: %s",
                   pointer->bytes);
        if (pointer->size < 200 && seen < 50) {
            const struct fnd_json found = fnd_json_find(root, pointer->bytes);
            FUZZ_CHECK(found.bytes == walk.value.bytes && found.size == walk.value.size,
                       "%s leads elsewhere", pointer->bytes);
            check_walk(walk.value, root, pointer);
        }
        pointer->size = size;
        pointer->bytes[size] = '\0';
    }
    FUZZ_CHECK(seen == fnd_json_count(value), "walked %zu of %zu", seen, fnd_json_count(value));
    if (fnd_json_type(value) == FND_JSON_NUMBER) {
        double number;
        int64_t integer;
        FUZZ_CHECK(fnd_json_number_compare(value, value) == 0, "a number is not itself");
        if (fnd_json_integer(value, &integer) && integer > -(INT64_C(1) << 53) &&
            integer < INT64_C(1) << 53) {
            FUZZ_CHECK(fnd_json_number(value, &number) && number == (double)integer,
                       "%.*s is two numbers", (int)value.size, value.bytes);
        }
    }
}

/** What was set is found there, what was removed is not. */
static void check_edit(struct fnd_json document, const char *pointer, struct fnd_json value)
{
    struct fnd_text edited = {0}, removed = {0};
    struct fnd_error error = {0};
    const enum fnd_status status = fnd_json_set(document, pointer, value, &edited, &error);
    if (status != FND_OK) {
        fuzz_error_check(&error, NULL, 0);
        FUZZ_CHECK(edited.size == 0, "a failed edit left %zu bytes", edited.size);
        goto out;
    }
    const struct fnd_json changed = fuzz_json(&edited, "edited text");
    const size_t size = strlen(pointer);
    /* "-" is a new item, which has a number then, or a key. */
    if (strstr(pointer, "/-/") == NULL && (size < 2 || strcmp(pointer + size - 2, "/-") != 0)) {
        FUZZ_CHECK(fnd_json_equal(fnd_json_find(changed, pointer), value), "%s holds another value",
                   pointer);
    }
    const struct fnd_json before = fnd_json_find(document, pointer);
    if (before.bytes != NULL) { /* putting back what was there gives the document, byte by byte */
        FUZZ_CHECK(fnd_json_set(changed, pointer, before, &removed, &error) == FND_OK, "%s",
                   error.message);
        FUZZ_CHECK(removed.size == document.size &&
                       memcmp(removed.bytes, document.bytes, removed.size) == 0,
                   "an edit undone at %s left another text", pointer);
        fnd_text_clear(&removed);
    }
    if (fnd_json_remove(changed, pointer, &removed, &error) == FND_OK) {
        (void)fuzz_json(&removed, "text after a removal");
    } else {
        fuzz_error_check(&error, NULL, 0);
    }
out:
    fnd_text_finish(&edited);
    fnd_text_finish(&removed);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz_parts parts = {bytes, bytes + size};
    size_t document_size, pointer_size, value_size;
    char *document_text = fuzz_part(&parts, &document_size);
    char *pointer = fuzz_part(&parts, &pointer_size);
    char *value_text = fuzz_part(&parts, &value_size);
    struct fnd_json document = {0}, value = {0};
    struct fnd_error error = {0};
    if (fnd_json_check(document_text, document_size, "fuzz.json", &document, &error) != FND_OK) {
        fuzz_error_check(&error, document_text, document_size);
        FUZZ_CHECK(error.line > 0 && error.column > 0, "no place: %s", error.message);
        goto out;
    }
    struct fnd_text at = {0};
    fnd_text_reserve(&at, 64);
    at.bytes[0] = '\0';
    check_prints(document);
    check_walk(document, document, &at);
    fnd_text_finish(&at);
    if (fnd_json_check(value_text, value_size, NULL, &value, NULL) == FND_OK) {
        check_edit(document, pointer, value);
        if (fnd_json_type(value) == FND_JSON_NUMBER && fnd_json_type(document) == FND_JSON_NUMBER) {
            const int order = fnd_json_number_compare(document, value);
            FUZZ_CHECK((order > 0) == (fnd_json_number_compare(value, document) < 0) &&
                           (order == 0) == fnd_json_equal(document, value),
                       "%s and %s have no order", document_text, value_text);
            (void)fnd_json_number_multiple(document, value);
        }
    }
out:
    free(document_text);
    free(pointer);
    free(value_text);
    return 0;
}
