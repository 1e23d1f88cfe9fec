/* SPDX-License-Identifier: MIT */
/* A record's `fields`, made anew of what is left of its documents. */
#include <stdlib.h>

#include "dataset/redact.h"

/** Differences between what is left of the two documents. */
struct fields {
    struct fnd_text *out;
    struct fnd_text pointer;
    struct fnd_json confidence;
    size_t count;
};

static void fields_compare(struct fields *fields, struct fnd_json from, struct fnd_json to);

static void field_append(struct fields *fields, struct fnd_json from, struct fnd_json to)
{
    struct fnd_json confidence =
        fnd_json_type(fields->confidence) == FND_JSON_OBJECT
            ? fnd_json_member(fields->confidence, fnd_text_z(&fields->pointer))
            : (struct fnd_json){NULL, 0};
    fnd_text_append_z(fields->out, fields->count++ > 0 ? "," : "");
    fnd_text_append_json(fields->out, fnd_text_z(&fields->pointer), fields->pointer.size);
    fnd_text_append_z(fields->out, ":{");
    if (from.bytes != NULL) {
        fnd_text_append_z(fields->out, "\"from\":");
        fnd_text_append(fields->out, from.bytes, from.size);
        fnd_text_append_byte(fields->out, ',');
    }
    if (to.bytes != NULL) {
        fnd_text_append_z(fields->out, "\"to\":");
        fnd_text_append(fields->out, to.bytes, to.size);
        fnd_text_append_byte(fields->out, ',');
    }
    fnd_text_append_z(fields->out, "\"confidence\":");
    fnd_text_append(fields->out, confidence.bytes != NULL ? confidence.bytes : "null",
                    confidence.bytes != NULL ? confidence.size : 4);
    fnd_text_append_byte(fields->out, '}');
}

static void fields_below(struct fields *fields, struct fnd_json key, size_t index,
                         struct fnd_json from, struct fnd_json to)
{
    const size_t size = fields->pointer.size;
    if (key.bytes != NULL) {
        fnd_json_pointer_add_key(&fields->pointer, key);
    } else {
        fnd_json_pointer_add_index(&fields->pointer, index);
    }
    fields_compare(fields, from, to);
    fields->pointer.size = size;
    fields->pointer.bytes[size] = '\0';
}

static void fields_compare(struct fields *fields, struct fnd_json from, struct fnd_json to)
{
    const struct fnd_json none = {NULL, 0};
    const enum fnd_json_type type = fnd_json_type(from);
    if (from.bytes == NULL || to.bytes == NULL || type != fnd_json_type(to) ||
        (type != FND_JSON_OBJECT && type != FND_JSON_ARRAY)) {
        if (!fnd_json_equal(from, to)) {
            field_append(fields, from, to);
        }
        return;
    }
    struct fnd_json_walk old = fnd_json_walk(from), new = fnd_json_walk(to);
    if (type == FND_JSON_ARRAY) {
        for (size_t index = 0;; index++) {
            const bool old_more = fnd_json_next(&old), new_more = fnd_json_next(&new);
            if (!old_more && !new_more) {
                return;
            }
            fields_below(fields, none, index, old_more ? old.value : none,
                         new_more ? new.value : none);
        }
    }
    while (fnd_json_next(&old)) {
        char *key = fnd_json_strdup(old.key);
        fields_below(fields, old.key, 0, old.value, fnd_json_member(to, key));
        free(key);
    }
    while (fnd_json_next(&new)) {
        char *key = fnd_json_strdup(new.key);
        if (fnd_json_member(from, key).bytes == NULL) {
            fields_below(fields, new.key, 0, none, new.value);
        }
        free(key);
    }
}

void fnd_redact_fields(struct fnd_json from, struct fnd_json to, struct fnd_json confidence,
                       struct fnd_text *out)
{
    struct fields fields = {.out = out, .confidence = confidence};
    fnd_text_append_byte(out, '{');
    fields_compare(&fields, from, to);
    fnd_text_append_byte(out, '}');
    fnd_text_finish(&fields.pointer);
}
