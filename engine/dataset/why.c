/* SPDX-License-Identifier: MIT */
/* `why`: the fields of a line, one or all, and the whole of an answer. */
#include "dataset/why.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/boxes.h"
#include "dataset/redact.h"
#include "dataset/why_internal.h"

enum { VALUE_SIZE_MAX = 4096 /* bytes that are shown; images lie in lines, too */ };

static void member(struct fnd_text *json, const char *name, struct fnd_json value)
{
    if (value.bytes == NULL) {
        return;
    }
    fnd_text_printf(json, ",\"%s\":", name);
    if (value.size <= VALUE_SIZE_MAX) {
        fnd_json_compact(value, json);
    } else {
        fnd_text_printf(json, "null,\"%s_size\":%zu", name, value.size);
    }
}

/** What a mark says about a place: the one at it, else the one nearest above. */
static struct fnd_json mark_at(struct fnd_json marks, const char *pointer)
{
    struct fnd_json found = {NULL, 0};
    char *at = fnd_strdup(pointer);
    while (fnd_json_type(marks) == FND_JSON_OBJECT && found.bytes == NULL) {
        found = fnd_json_member(marks, at);
        char *slash = strrchr(at, '/');
        if (slash == NULL) {
            break;
        }
        *slash = '\0';
    }
    free(at);
    return found;
}

static bool at_or_below(const char *pointer, const char *place)
{
    const size_t size = strlen(place);
    return strncmp(pointer, place, size) == 0 && (pointer[size] == '\0' || pointer[size] == '/');
}

/** Which questions were about it, by number. */
static void asked_append(struct fnd_why *why, const char *pointer)
{
    struct fnd_json asked = fnd_json_member(why->datum.whole, "asked");
    size_t count = 0;
    fnd_text_append_z(&why->json, ",\"asked\":[");
    for (struct fnd_json_walk walk = fnd_json_walk(asked);
         asked.bytes != NULL && fnd_json_next(&walk);) {
        char *place = fnd_json_strdup(fnd_json_member(walk.value, "pointer"));
        if (place != NULL && (at_or_below(pointer, place) || at_or_below(place, pointer))) {
            fnd_text_printf(&why->json, "%s%zu", count++ > 0 ? "," : "", walk.index + 1);
        }
        free(place);
    }
    fnd_text_append_byte(&why->json, ']');
}

/** Whether the person changed it, or something in it. */
static bool was_changed(struct fnd_json fields, const char *pointer)
{
    bool changed = false;
    for (struct fnd_json_walk walk = fnd_json_walk(fields);
         fields.bytes != NULL && fnd_json_next(&walk);) {
        char *place = fnd_json_strdup(walk.key);
        changed |= at_or_below(pointer, place) || at_or_below(place, pointer);
        free(place);
    }
    return changed;
}

/** The box that a place in a document is of, or is in. */
static bool box_append(struct fnd_why *why, const struct fnd_why_source *source,
                       const char *pointer)
{
    const struct fnd_entry *entry = why->datum.entry;
    const char *list = entry != NULL && entry->boxes != NULL ? entry->boxes : "/boxes";
    struct fnd_boxes boxes = {0};
    char *end = NULL;
    const size_t size = strlen(list);
    struct fnd_json document = source->kind == FND_FROM_HUMAN ? why->datum.human : why->datum.model;
    if (strncmp(pointer, list, size) != 0 || pointer[size] != '/') {
        return false;
    }
    const size_t index = (size_t)strtoull(pointer + size + 1, &end, 10);
    const bool there = (*end == '\0' || *end == '/') &&
                       fnd_boxes_read(document, list, entry != NULL ? entry->label : NULL, &boxes,
                                      NULL) == FND_OK &&
                       index < boxes.count;
    if (there) {
        const double sides[4] = {boxes.list[index].x, boxes.list[index].y, boxes.list[index].width,
                                 boxes.list[index].height};
        static const char *const names[] = {"x", "y", "width", "height"};
        fnd_text_append_z(&why->json, ",\"place\":{\"artifact\":\"input\",\"page\":0");
        for (size_t i = 0; i < 4; i++) {
            fnd_text_printf(&why->json, ",\"%s\":", names[i]);
            fnd_decimal_append(&why->json, sides[i]);
        }
        fnd_text_append_byte(&why->json, '}');
    }
    fnd_boxes_finish(&boxes);
    return there;
}

/** Where the phase says it read the value; a box is its own place. A person's document has marks
 *  of its own: what was removed before a place moved it. */
static void place_append(struct fnd_why *why, const struct fnd_why_source *source,
                         const char *pointer)
{
    struct fnd_correction_row row;
    struct fnd_text body = {0}, meta = {0};
    struct fnd_json marks = {NULL, 0};
    struct fnd_json origin = fnd_json_member(why->datum.whole, "origin");
    if (source->kind == FND_FROM_HUMAN &&
        fnd_correction_get(why->reader, why->datum.number, &row, NULL) == FND_OK &&
        row.output > 0 && fnd_payload_get(why->reader, row.output, &body, &meta, NULL) == FND_OK &&
        meta.size > 0 && fnd_json_check(meta.bytes, meta.size, NULL, &marks, NULL) == FND_OK) {
        origin = fnd_json_member(marks, "origin");
    }
    struct fnd_json place = mark_at(origin, pointer);
    if (place.bytes != NULL || !box_append(why, source, pointer)) {
        member(&why->json, "place", place);
    }
    fnd_text_finish(&body);
    fnd_text_finish(&meta);
}

static void document_append(struct fnd_why *why, const struct fnd_why_source *source)
{
    const char *pointer = fnd_text_z(&source->pointer);
    struct fnd_json record = why->datum.whole;
    if (record.bytes == NULL) {
        return;
    }
    struct fnd_json model = fnd_json_member(record, "model_output");
    struct fnd_json human = fnd_json_member(record, "human_output");
    const bool changed = was_changed(fnd_json_member(record, "fields"), pointer);
    fnd_text_printf(&why->json, ",\"changed\":%s", changed ? "true" : "false");
    member(&why->json, "model_said", fnd_json_find(model, pointer));
    member(&why->json, "stands", fnd_json_find(human, pointer));
    struct fnd_json confidence = fnd_json_member(record, "confidence");
    member(&why->json, "confidence", mark_at(confidence, pointer));
    asked_append(why, pointer);
    place_append(why, source, pointer);
}

void fnd_why_field(struct fnd_why *why, const struct fnd_why_source *source, const char *pointer)
{
    struct fnd_text *json = &why->json;
    struct fnd_json inside = {source->inside, source->inside != NULL ? strlen(source->inside) : 0};
    fnd_text_append_z(json, "{\"field\":");
    fnd_text_append_json_z(json, pointer);
    fnd_text_printf(json, ",\"source\":\"%s\"", fnd_why_source_name(source->kind));
    const bool points = source->kind != FND_FROM_FORMAT && source->kind != FND_FROM_ENTRY &&
                        source->kind != FND_FROM_NOTHING && source->kind != FND_FROM_SPLIT;
    if (points) {
        fnd_text_append_z(json, ",\"pointer\":");
        fnd_text_append_json_z(json, fnd_text_z(&source->pointer));
    }
    member(json, "value", source->inside != NULL ? inside : source->value);
    if (source->kind == FND_FROM_HUMAN || source->kind == FND_FROM_MODEL) {
        document_append(why, source);
    } else if (source->kind == FND_FROM_SCORE && why->datum.whole.bytes != NULL) {
        struct fnd_json all = fnd_json_member(why->datum.whole, "confidence");
        member(json, "confidence",
               source->pointer.size > 0 ? mark_at(all, fnd_text_z(&source->pointer)) : all);
    }
    fnd_text_append_byte(json, '}');
}

static void leaves_append(struct fnd_why *why, struct fnd_json value, struct fnd_text *pointer,
                          size_t *count);

/** Where the text is a whole document as JSON: the values in that, too. */
static void document_leaves(struct fnd_why *why, const struct fnd_why_source *source,
                            struct fnd_text *pointer, size_t *count)
{
    struct fnd_text text = {0};
    struct fnd_json document = {NULL, 0};
    const bool whole = (source->kind == FND_FROM_HUMAN || source->kind == FND_FROM_MODEL) &&
                       source->pointer.size == 0 && source->value.bytes != NULL;
    if (whole && fnd_json_text(source->value, &text) &&
        fnd_json_check(text.bytes, text.size, NULL, &document, NULL) == FND_OK &&
        fnd_json_count(document) > 0) {
        leaves_append(why, document, pointer, count);
    }
    fnd_text_finish(&text);
}

/** Every value in the line that holds no others. */
static void leaves_append(struct fnd_why *why, struct fnd_json value, struct fnd_text *pointer,
                          size_t *count)
{
    const enum fnd_json_type type = fnd_json_type(value);
    if ((type == FND_JSON_ARRAY || type == FND_JSON_OBJECT) && fnd_json_count(value) > 0) {
        const size_t size = pointer->size;
        for (struct fnd_json_walk walk = fnd_json_walk(value); fnd_json_next(&walk);) {
            if (walk.key.bytes != NULL) {
                fnd_json_pointer_add_key(pointer, walk.key);
            } else {
                fnd_json_pointer_add_index(pointer, walk.index);
            }
            leaves_append(why, walk.value, pointer, count);
            pointer->size = size;
            pointer->bytes[size] = '\0';
        }
        return;
    }
    struct fnd_why_source source = {.kind = FND_FROM_NOTHING};
    fnd_why_source_find(why->table, why->line, fnd_text_z(pointer), &why->datum, why->box, &source);
    fnd_text_append_z(&why->json, (*count)++ > 0 ? "," : "");
    fnd_why_field(why, &source, fnd_text_z(pointer));
    document_leaves(why, &source, pointer, count);
    fnd_why_source_finish(&source);
}

/** A field as people write it: a pointer into the line or the document, a name, or names with dots
 *  between them. */
static bool field_find(struct fnd_why *why, const char *field, struct fnd_text *pointer,
                       struct fnd_why_source *source)
{
    struct fnd_text dotted = {0}, named = {0};
    const char *tried[3] = {field};
    fnd_json_pointer_add(&named, field, strlen(field));
    fnd_text_printf(&dotted, "/%s", field);
    for (size_t i = 0; i < dotted.size; i++) {
        dotted.bytes[i] = dotted.bytes[i] == '.' ? '/' : dotted.bytes[i];
    }
    tried[1] = fnd_text_z(&named);
    tried[2] = fnd_text_z(&dotted);
    bool found = false;
    for (size_t i = 0; i < 3 && !found; i++) {
        if (!fnd_json_pointer_valid(tried[i])) {
            continue;
        }
        found = fnd_why_source_find(why->table, why->line, tried[i], &why->datum, why->box, source);
        const struct fnd_json documents[] = {why->datum.human, why->datum.model};
        for (size_t j = 0; j < 2 && !found; j++) {
            struct fnd_json value = fnd_json_find(documents[j], tried[i]);
            if (documents[j].bytes != NULL && value.bytes != NULL) {
                source->kind = j == 0 ? FND_FROM_HUMAN : FND_FROM_MODEL;
                source->value = value;
                fnd_text_append_z(&source->pointer, tried[i]);
                found = true;
            }
        }
        if (found) {
            fnd_text_append_z(pointer, tried[i]);
        }
    }
    fnd_text_finish(&dotted);
    fnd_text_finish(&named);
    return found;
}

static enum fnd_status fields_append(struct fnd_why *why, struct fnd_error *error)
{
    const char *field = why->question->field;
    struct fnd_text pointer = {0};
    struct fnd_why_source source = {.kind = FND_FROM_NOTHING};
    enum fnd_status status = FND_OK;
    fnd_text_append_z(&why->json, ",\"fields\":[");
    if (field == NULL) {
        size_t count = 0;
        leaves_append(why, why->line, &pointer, &count);
    } else if (field_find(why, field, &pointer, &source)) {
        fnd_why_field(why, &source, fnd_text_z(&pointer));
    } else {
        status = fnd_error_set(error, FND_NOT_FOUND,
                               "line %zu of %s has no field \"%s\", nor has the corrected document "
                               "behind it; without a field all are listed (--json)",
                               why->question->line, why->question->file, field);
    }
    fnd_text_append_byte(&why->json, ']');
    fnd_why_source_finish(&source);
    fnd_text_finish(&pointer);
    return status;
}

enum fnd_status fnd_dataset_why(struct fnd_reader *reader, const struct fnd_why_question *question,
                                struct fnd_text *json, size_t *broken, struct fnd_error *error)
{
    struct fnd_why why = {.reader = reader, .question = question};
    enum fnd_status status = fnd_why_file(&why, error);
    if (status == FND_OK) {
        status = fnd_why_chain(&why, error);
    }
    if (status == FND_OK) {
        status = fields_append(&why, error);
    }
    if (status == FND_OK) {
        fnd_text_printf(&why.json, ",\"broken\":[%s]}", fnd_text_z(&why.broken));
        status = fnd_redact_json(&why.datum, (struct fnd_json){why.json.bytes, why.json.size}, json,
                                 error);
        *broken = why.broken_count;
    }
    fnd_datum_finish(&why.datum);
    fnd_plan_finish(&why.plan);
    fnd_manifest_finish(&why.manifest);
    fnd_text_finish(&why.manifest_path);
    fnd_text_finish(&why.text);
    fnd_text_finish(&why.row);
    free(why.inside);
    fnd_text_finish(&why.broken);
    fnd_text_finish(&why.json);
    return status;
}
