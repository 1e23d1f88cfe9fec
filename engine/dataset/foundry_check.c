/* SPDX-License-Identifier: MIT */
/* Whether a line of format `foundry` is whole: model output and fields give the human output. */
#include <stdlib.h>
#include <string.h>

#include "dataset/foundry.h"

const char fnd_foundry_schema[] =
    "{\"type\":\"object\",\"required\":[\"id\",\"input\",\"model_output\",\"human_output\","
    "\"verdict\",\"fields\",\"tier\",\"split\",\"provenance\"],\"additionalProperties\":false,"
    "\"properties\":{"
    "\"id\":{\"type\":\"string\",\"minLength\":1},"
    "\"input\":{\"type\":\"object\"},\"model_output\":{},\"human_output\":{},"
    "\"verdict\":{\"enum\":[\"accepted\",\"corrected\",\"rejected\"]},"
    "\"fields\":{\"type\":\"object\",\"propertyNames\":{\"format\":\"json-pointer\"},"
    "\"additionalProperties\":{\"type\":\"object\",\"required\":[\"confidence\",\"source\"],"
    "\"additionalProperties\":false,\"properties\":{\"from\":{},\"to\":{},"
    "\"confidence\":{\"type\":[\"number\",\"null\"],\"minimum\":0,\"maximum\":1},"
    "\"source\":{\"enum\":[\"human\",\"rule\"]}}}},"
    "\"tier\":{\"enum\":[\"gold\",\"silver\"]},"
    "\"split\":{\"enum\":[\"train\",\"validation\",\"test\"]},"
    "\"provenance\":{\"type\":\"object\",\"required\":[\"job\",\"path\",\"pipeline\",\"phase\","
    "\"by\",\"at\"],\"properties\":{\"job\":{\"type\":\"string\"},\"path\":{\"type\":\"string\"},"
    "\"pipeline\":{\"type\":\"string\"},\"phase\":{\"type\":\"string\"},"
    "\"by\":{\"type\":\"string\"},\"at\":{\"type\":\"string\",\"format\":\"date-time\"}}}}}";

/** The fields of a line, sorted by pointer. */
struct field {
    char *pointer;
    struct fnd_json value;
};

struct comparing {
    struct field *fields;
    size_t count, met;
    struct fnd_text pointer; /* of the place in hand */
    struct fnd_flaws *flaws;
};

static int field_order(const void *a, const void *b)
{
    return strcmp(((const struct field *)a)->pointer, ((const struct field *)b)->pointer);
}

static bool same(struct fnd_json a, struct fnd_json b)
{
    return (a.bytes == NULL) == (b.bytes == NULL) && (a.bytes == NULL || fnd_json_equal(a, b));
}

/** A place where the documents differ must be a field that tells both values. */
static void difference(struct comparing *comparing, struct fnd_json from, struct fnd_json to)
{
    char *place = fnd_strdup(fnd_text_z(&comparing->pointer));
    const struct field wanted = {place, {NULL, 0}};
    const struct field *field =
        comparing->count == 0
            ? NULL
            : bsearch(&wanted, comparing->fields, comparing->count, sizeof wanted, field_order);
    struct fnd_text at = {0};
    fnd_text_append_z(&at, "/fields");
    if (field == NULL) {
        fnd_flaws_add(comparing->flaws, "/fields", "fields", false,
                      "the outputs differ at \"%s\", and no field says so", place);
    } else {
        comparing->met++;
        fnd_json_pointer_add(&at, place, strlen(place));
        if (!same(fnd_json_member(field->value, "from"), from)) {
            fnd_flaws_add(comparing->flaws, fnd_text_z(&at), "from", false,
                          "`from` is not what model_output has there");
        }
        if (!same(fnd_json_member(field->value, "to"), to)) {
            fnd_flaws_add(comparing->flaws, fnd_text_z(&at), "to", false,
                          "`to` is not what human_output has there");
        }
    }
    fnd_text_finish(&at);
    free(place);
}

static void compare(struct comparing *comparing, struct fnd_json from, struct fnd_json to);

/** Compare what lies below one key or index. */
static void below(struct comparing *comparing, struct fnd_json key, size_t index,
                  struct fnd_json from, struct fnd_json to)
{
    struct fnd_text *pointer = &comparing->pointer;
    const size_t base = pointer->size;
    if (key.bytes != NULL) {
        fnd_json_pointer_add_key(pointer, key);
    } else {
        fnd_json_pointer_add_index(pointer, index);
    }
    compare(comparing, from, to);
    pointer->size = base;
    pointer->bytes[base] = '\0';
}

static void compare_objects(struct comparing *comparing, struct fnd_json from, struct fnd_json to)
{
    const struct fnd_json none = {NULL, 0};
    for (struct fnd_json_walk walk = fnd_json_walk(from); fnd_json_next(&walk);) {
        char *key = fnd_json_strdup(walk.key);
        below(comparing, walk.key, 0, walk.value, fnd_json_member(to, key));
        free(key);
    }
    for (struct fnd_json_walk walk = fnd_json_walk(to); fnd_json_next(&walk);) {
        char *key = fnd_json_strdup(walk.key);
        if (fnd_json_member(from, key).bytes == NULL) {
            below(comparing, walk.key, 0, none, walk.value);
        }
        free(key);
    }
}

/** Depth is bounded by the reader of JSON. Lists are compared place by place, as the record is
 *  made. */
static void compare(struct comparing *comparing, struct fnd_json from, struct fnd_json to)
{
    const struct fnd_json none = {NULL, 0};
    if (from.bytes != NULL && to.bytes != NULL) {
        if (from.size == to.size && memcmp(from.bytes, to.bytes, from.size) == 0) {
            return; /* most of what a person looked at */
        }
        const enum fnd_json_type type = fnd_json_type(from);
        if (type == FND_JSON_OBJECT && fnd_json_type(to) == type) {
            compare_objects(comparing, from, to);
            return;
        }
        if (type == FND_JSON_ARRAY && fnd_json_type(to) == type) {
            struct fnd_json_walk old = fnd_json_walk(from), new = fnd_json_walk(to);
            for (size_t index = 0;; index++) {
                const bool old_more = fnd_json_next(&old), new_more = fnd_json_next(&new);
                if (!old_more && !new_more) {
                    return;
                }
                below(comparing, none, index, old_more ? old.value : none,
                      new_more ? new.value : none);
            }
        }
        if (fnd_json_equal(from, to)) {
            return;
        }
    }
    difference(comparing, from, to);
}

static void fields_check(struct fnd_json line, struct fnd_json model, struct fnd_json human,
                         struct fnd_flaws *flaws)
{
    struct fnd_json fields = fnd_json_member(line, "fields");
    struct comparing comparing = {.flaws = flaws};
    comparing.fields = fnd_alloc((fnd_json_count(fields) + 1) * sizeof *comparing.fields);
    for (struct fnd_json_walk walk = fnd_json_walk(fields); fnd_json_next(&walk);) {
        comparing.fields[comparing.count].pointer = fnd_json_strdup(walk.key);
        comparing.fields[comparing.count++].value = walk.value;
    }
    qsort(comparing.fields, comparing.count, sizeof *comparing.fields, field_order);
    compare(&comparing, model, human);
    if (comparing.met < comparing.count) {
        fnd_flaws_add(flaws, "/fields", "fields", false,
                      "%zu of %zu fields name places where the outputs do not differ",
                      comparing.count - comparing.met, comparing.count);
    }
    for (size_t i = 0; i < comparing.count; i++) {
        free(comparing.fields[i].pointer);
    }
    free(comparing.fields);
    fnd_text_finish(&comparing.pointer);
}

void fnd_foundry_check(struct fnd_checker *checker, struct fnd_json line, struct fnd_flaws *flaws)
{
    (void)checker;
    struct fnd_json model = fnd_json_member(line, "model_output");
    struct fnd_json human = fnd_json_member(line, "human_output");
    struct fnd_json verdict = fnd_json_member(line, "verdict");
    const bool both =
        fnd_json_type(model) != FND_JSON_NULL && fnd_json_type(human) != FND_JSON_NULL;
    const size_t fields = fnd_json_count(fnd_json_member(line, "fields"));
    if (both) {
        fields_check(line, model, human, flaws);
    } else if (fields > 0) {
        fnd_flaws_add(flaws, "/fields", "fields", false, "tells of changes, and %s is null",
                      fnd_json_type(model) == FND_JSON_NULL ? "model_output" : "human_output");
    }
    /* What was changed may be the very thing that may not be told. */
    const bool redacted = fnd_json_find(line, "/provenance/redacted").bytes != NULL;
    if (fnd_json_text_is(verdict, "corrected") && both && fields == 0 && !redacted) {
        fnd_flaws_add(flaws, "/verdict", "verdict", false,
                      "is corrected, and no field was changed");
    }
    if (!fnd_json_text_is(verdict, "corrected") && fields > 0) {
        fnd_flaws_add(flaws, "/verdict", "verdict", false, "is %.*s, and fields were changed",
                      (int)verdict.size, verdict.bytes);
    }
}
