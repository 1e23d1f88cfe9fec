/* SPDX-License-Identifier: MIT */
#include "schema/check.h"

#include <stdlib.h>
#include <string.h>

enum { SHOWN_MAX = 40 };

void fnd_check_pointer(const struct fnd_place *place, struct fnd_text *pointer)
{
    if (place->up == NULL) {
        return;
    }
    fnd_check_pointer(place->up, pointer);
    if (place->key.bytes != NULL) {
        fnd_json_pointer_add_key(pointer, place->key);
    } else {
        fnd_json_pointer_add_index(pointer, place->index);
    }
}

bool fnd_check_fail(struct fnd_check *check, const struct fnd_place *place, const char *keyword,
                    const char *format, ...)
{
    if (check->flaws == NULL) {
        return false;
    }
    struct fnd_text pointer = {0}, message = {0};
    fnd_check_pointer(place, &pointer);
    va_list arguments;
    va_start(arguments, format);
    fnd_text_vprintf(&message, format, arguments);
    va_end(arguments);
    fnd_flaws_add(check->flaws, fnd_text_z(&pointer), keyword, place->is_key, "%s",
                  fnd_text_z(&message));
    fnd_text_finish(&message);
    fnd_text_finish(&pointer);
    return false;
}

void fnd_check_show(struct fnd_json value, struct fnd_text *text)
{
    struct fnd_text whole = {0};
    fnd_json_compact(value, &whole);
    size_t size = whole.size;
    if (size > SHOWN_MAX) {
        size = SHOWN_MAX;
        while (size > 0 && ((unsigned char)whole.bytes[size] & 0xC0U) == 0x80U) {
            size--;
        }
    }
    fnd_text_append(text, fnd_text_z(&whole), size);
    fnd_text_append_z(text, size < whole.size ? "…" : "");
    fnd_text_finish(&whole);
}

void fnd_check_text(struct fnd_check *check, struct fnd_json string, const char **bytes,
                    size_t *size)
{
    if (memchr(string.bytes, '\\', string.size) == NULL) {
        *bytes = string.bytes + 1;
        *size = string.size - 2;
        return;
    }
    fnd_text_clear(&check->scratch);
    fnd_json_text(string, &check->scratch);
    *bytes = fnd_text_z(&check->scratch);
    *size = check->scratch.size;
}

enum fnd_match fnd_check_match(struct fnd_check *check, const struct fnd_schema_pattern *pattern,
                               const char *bytes, size_t size)
{
    if (check->match == NULL) {
        check->match = atomic_exchange(&check->schema->spare->data, NULL);
    }
    const enum fnd_match match =
        fnd_schema_match(check->schema, pattern->code, bytes, size, &check->match);
    if (match == FND_MATCH_TOO_COSTLY) {
        check->undecided = "a pattern of the schema is too costly to match with this text: write "
                           "the pattern without nested repetitions";
    }
    return match;
}

static bool is_hole(const struct fnd_check *check)
{
    const char *here = fnd_text_z(&check->pointer);
    for (size_t i = 0; i < check->holes->count; i++) {
        if (strcmp(check->holes->pointers[i], here) == 0) {
            return true;
        }
    }
    return false;
}

bool fnd_check_has_hole_inside(const struct fnd_check *check)
{
    if (check->holes == NULL) {
        return false;
    }
    const size_t size = check->pointer.size;
    for (size_t i = 0; i < check->holes->count; i++) {
        const char *pointer = check->holes->pointers[i];
        if (strncmp(pointer, fnd_text_z(&check->pointer), size) == 0 && pointer[size] == '/') {
            return true;
        }
    }
    return false;
}

static bool check_parts(struct fnd_check *check, const struct fnd_schema_node *node,
                        struct fnd_json value, const struct fnd_place *place)
{
    const enum fnd_json_type type = fnd_json_type(value);
    if (!fnd_check_type(check, node->types, value, type, place)) {
        return false; /* what else is wrong with it follows from that */
    }
    bool ok = fnd_check_scalar(check, node, value, type, place);
    if (!ok && check->flaws == NULL) {
        return false;
    }
    if (type == FND_JSON_OBJECT && node->object != NULL) {
        ok = fnd_check_object(check, node->object, node, value, place) && ok;
    } else if (type == FND_JSON_ARRAY && node->array != NULL) {
        ok = fnd_check_array(check, node->array, value, place) && ok;
    }
    if (node->combines && (ok || check->flaws != NULL)) {
        ok = fnd_check_combined(check, node, value, place) && ok;
    }
    return ok;
}

bool fnd_check_node(struct fnd_check *check, const struct fnd_schema_node *node,
                    struct fnd_json value, const struct fnd_place *place)
{
    if (check->steps == 0) {
        check->undecided = "the schema is too costly to check with this value: it has too many "
                           "alternatives inside each other";
        return false;
    }
    check->steps--;
    if (check->holes != NULL && !place->is_key && is_hole(check)) {
        check->holes_met++;
        return true;
    }
    if (node->refuses_all) {
        return fnd_check_fail(check, place, "false", "is not allowed here");
    }
    if (check->depth == FND_SCHEMA_DEPTH_MAX) {
        check->undecided = "the schema is too deep to check with this value";
        return false;
    }
    check->depth++;
    const bool ok = check_parts(check, node, value, place);
    check->depth--;
    return ok;
}

bool fnd_check_quietly(struct fnd_check *check, const struct fnd_schema_node *node,
                       struct fnd_json value, const struct fnd_place *place)
{
    struct fnd_flaws *flaws = check->flaws;
    check->flaws = NULL;
    const bool ok = fnd_check_node(check, node, value, place);
    check->flaws = flaws;
    return ok;
}

bool fnd_check_child(struct fnd_check *check, const struct fnd_schema_node *node,
                     struct fnd_json value, const struct fnd_place *up, struct fnd_json key,
                     size_t index)
{
    const struct fnd_place place = {.up = up, .key = key, .index = index};
    const size_t size = check->pointer.size;
    if (check->holes != NULL) {
        if (key.bytes != NULL) {
            fnd_json_pointer_add_key(&check->pointer, key);
        } else {
            fnd_json_pointer_add_index(&check->pointer, index);
        }
    }
    const bool ok = fnd_check_node(check, node, value, &place);
    if (check->holes != NULL) {
        check->pointer.size = size;
        check->pointer.bytes[size] = '\0';
    }
    return ok;
}

/* A leaf that is not known before a job runs must be one that may differ from job to job. */
static bool check_holes(struct fnd_check *check)
{
    bool ok = true;
    for (size_t i = 0; i < check->holes->count && !check->holes->allowed_everywhere; i++) {
        const char *pointer = check->holes->pointers[i];
        bool known = fnd_schema_per_job(check->schema, pointer);
        if (!known) {
            ok = false;
        }
        for (size_t j = 0; check->flaws != NULL && !known && j < check->flaws->count; j++) {
            /* A name that is not declared was told already, and is the better news. */
            known =
                check->flaws->list[j].is_key && strcmp(check->flaws->list[j].pointer, pointer) == 0;
        }
        if (!known && check->flaws != NULL) {
            fnd_flaws_add(check->flaws, pointer, "x-foundry-per-job", false,
                          "reads something that differs from job to job, but this setting must be "
                          "the same for all jobs (the plugin does not mark it "
                          "x-foundry-per-job): write a constant or ${params.…}");
        }
    }
    return ok;
}

bool fnd_schema_check(const struct fnd_schema *schema, struct fnd_json value,
                      const struct fnd_schema_holes *holes, struct fnd_flaws *flaws)
{
    struct fnd_check check = {
        .schema = schema,
        .holes = holes != NULL && holes->count > 0 ? holes : NULL,
        .flaws = flaws,
        .steps = FND_SCHEMA_STEPS_MAX,
    };
    const struct fnd_place root = {0};
    bool ok = fnd_check_node(&check, schema->root, value, &root);
    if (check.holes != NULL && (ok || flaws != NULL)) {
        ok = check_holes(&check) && ok;
    }
    if (check.undecided != NULL) {
        ok = fnd_check_fail(&check, &root, "limit", "cannot be checked: %s", check.undecided);
    }
    if (check.match != NULL) {
        pcre2_match_data_free(atomic_exchange(&schema->spare->data, check.match));
    }
    fnd_text_finish(&check.scratch);
    fnd_text_finish(&check.pointer);
    return ok;
}
