/* SPDX-License-Identifier: MIT */
/* What one record adds to the curve. */
#include <stdlib.h>
#include <string.h>

#include "learn/checks.h"
#include "learn/curve_internal.h"
#include "pipeline/kind.h"

enum { ITEMS_MAX = 4096 };

void fnd_curve_counts_finish(struct fnd_curve_counts *counts)
{
    for (size_t i = 0; i < counts->fields_count; i++) {
        free(counts->fields[i].field);
    }
    free(counts->fields);
    for (size_t i = 0; i < counts->labels_count; i++) {
        free(counts->labels[i].label);
    }
    free(counts->labels);
}

static void label_add(struct fnd_curve_counts *counts, const char *label, int64_t objects,
                      int64_t found)
{
    size_t at = 0;
    while (at < counts->labels_count && strcmp(counts->labels[at].label, label) != 0) {
        at++;
    }
    if (at == counts->labels_count) {
        counts->labels = fnd_realloc(counts->labels, at + 1, sizeof *counts->labels);
        counts->labels[at] = (struct fnd_curve_label){.label = fnd_strdup(label)};
        counts->labels_count++;
    }
    counts->labels[at].objects += objects;
    counts->labels[at].found += found;
}

static void corrected_add(struct fnd_curve_counts *counts, const char *field, int64_t more)
{
    size_t at = 0;
    while (at < counts->fields_count && strcmp(counts->fields[at].field, field) != 0) {
        at++;
    }
    if (at == counts->fields_count) {
        counts->fields = fnd_realloc(counts->fields, at + 1, sizeof *counts->fields);
        counts->fields[at].field = fnd_strdup(field);
        counts->fields[at].corrected = 0;
        counts->fields_count++;
    }
    counts->fields[at].corrected += more;
}

void fnd_curve_counts_add(const struct fnd_curve_counts *from, struct fnd_curve_counts *to)
{
    to->documents += from->documents;
    to->unasked += from->unasked;
    to->flagged += from->flagged;
    to->answered += from->answered;
    to->seconds_ms += from->seconds_ms;
    to->checked += from->checked;
    to->wrong += from->wrong;
    to->objects += from->objects;
    to->found += from->found;
    for (size_t i = 0; i < from->fields_count; i++) {
        corrected_add(to, from->fields[i].field, from->fields[i].corrected);
    }
    for (size_t i = 0; i < from->labels_count; i++) {
        label_add(to, from->labels[i].label, from->labels[i].objects, from->labels[i].found);
    }
}

static int64_t leaves(struct fnd_json value)
{
    int64_t count = 0;
    const enum fnd_json_type type = fnd_json_type(value);
    if (type != FND_JSON_OBJECT && type != FND_JSON_ARRAY) {
        return 1;
    }
    for (struct fnd_json_walk walk = fnd_json_walk(value); fnd_json_next(&walk);) {
        count += leaves(walk.value); /* at most FND_JSON_DEPTH_MAX deep */
    }
    return count;
}

int64_t fnd_curve_values(struct fnd_json document, struct fnd_json scores)
{
    const size_t scored = scores.bytes != NULL ? fnd_json_count(scores) : 0;
    return scored > 0 ? (int64_t)scored : document.bytes != NULL ? leaves(document) : 0;
}

/* --- objects that nobody boxed -----------------------------------------------------------------
 */

static bool box_of(struct fnd_json object, double box[4])
{
    for (struct fnd_json_walk walk = fnd_json_walk(object); fnd_json_next(&walk);) {
        size_t count = 0;
        if (fnd_json_type(walk.value) != FND_JSON_ARRAY || fnd_json_count(walk.value) != 4) {
            continue;
        }
        for (struct fnd_json_walk side = fnd_json_walk(walk.value);
             fnd_json_next(&side) && fnd_json_number(side.value, &box[count]);) {
            count++;
        }
        if (count == 4 && box[2] > box[0] && box[3] > box[1]) {
            return true;
        }
    }
    return false;
}

/* How alike two objects are, 0 to 1: their boxes' common area over their whole, or the share of
 * members that are equal. */
static double alike(struct fnd_json a, struct fnd_json b)
{
    double one[4], other[4];
    if (box_of(a, one) && box_of(b, other)) {
        const double left = one[0] > other[0] ? one[0] : other[0];
        const double top = one[1] > other[1] ? one[1] : other[1];
        const double right = one[2] < other[2] ? one[2] : other[2];
        const double bottom = one[3] < other[3] ? one[3] : other[3];
        const double common = right > left && bottom > top ? (right - left) * (bottom - top) : 0;
        return common / ((one[2] - one[0]) * (one[3] - one[1]) +
                         (other[2] - other[0]) * (other[3] - other[1]) - common);
    }
    size_t equal = 0;
    for (struct fnd_json_walk walk = fnd_json_walk(a); fnd_json_next(&walk);) {
        char *key = fnd_json_strdup(walk.key);
        equal += fnd_json_equal(walk.value, fnd_json_member(b, key));
        free(key);
    }
    const size_t members = fnd_json_count(a);
    return members > 0 ? (double)equal / (double)members : 0;
}

static void object_count(struct fnd_json object, bool found, struct fnd_curve_counts *counts)
{
    const struct fnd_json label = fnd_json_member(object, "label");
    counts->objects++;
    counts->found += found;
    if (label.bytes != NULL && fnd_json_type(label) == FND_JSON_STRING) {
        char *text = fnd_json_strdup(label);
        label_add(counts, text, 1, found);
        free(text);
    }
}

/* Items of one list: each of the model's is found once, by what is most like it. */
static void list_compare(struct fnd_json model, struct fnd_json human,
                         struct fnd_curve_counts *counts)
{
    const bool list = fnd_json_type(model) == FND_JSON_ARRAY && fnd_json_count(model) <= ITEMS_MAX;
    const size_t count = list ? fnd_json_count(model) : 0;
    bool *taken = fnd_alloc(count + 1);
    for (struct fnd_json_walk walk = fnd_json_walk(human); fnd_json_next(&walk);) {
        double best = 0;
        size_t which = count;
        if (fnd_json_type(walk.value) != FND_JSON_OBJECT) {
            continue;
        }
        for (struct fnd_json_walk item = fnd_json_walk(model); list && fnd_json_next(&item);) {
            const double like = taken[item.index] ? 0 : alike(walk.value, item.value);
            if (like >= 0.5 && like > best) {
                best = like;
                which = item.index;
            }
        }
        object_count(walk.value, which < count, counts);
        taken[which] = true;
    }
    free(taken);
}

void fnd_curve_objects(struct fnd_json model, struct fnd_json human,
                       struct fnd_curve_counts *counts)
{
    for (struct fnd_json_walk walk = fnd_json_walk(human);
         fnd_json_type(human) == FND_JSON_OBJECT && fnd_json_next(&walk);) {
        char *key = fnd_json_strdup(walk.key);
        const struct fnd_json before =
            fnd_json_type(model) == FND_JSON_OBJECT ? fnd_json_member(model, key) : model;
        if (fnd_json_type(walk.value) == FND_JSON_ARRAY) {
            list_compare(before, walk.value, counts);
        }
        free(key);
    }
}

/* --- values ------------------------------------------------------------------------------------
 */

static bool below(const char *pointer, const char *at)
{
    const size_t size = strlen(at);
    return strncmp(pointer, at, size) == 0 && (pointer[size] == '\0' || pointer[size] == '/');
}

static bool touches(const char *a, const char *b)
{
    return below(a, b) || below(b, a);
}

static bool asked_about(struct fnd_json questions, const char *pointer)
{
    bool found = false;
    for (struct fnd_json_walk walk = fnd_json_walk(questions); !found && fnd_json_next(&walk);) {
        char *at = fnd_json_strdup(fnd_json_member(walk.value, "pointer"));
        found = at != NULL && touches(pointer, at);
        free(at);
    }
    return found;
}

void fnd_curve_record(struct fnd_json record, bool whole, struct fnd_curve_counts *counts)
{
    const struct fnd_json fields = fnd_json_member(record, "fields");
    const struct fnd_json asked = fnd_json_member(record, "asked");
    const struct fnd_json scores = fnd_json_member(record, "confidence");
    const struct fnd_json human = fnd_json_member(record, "human_output");
    const bool rejected = fnd_json_text_is(fnd_json_member(record, "verdict"), "rejected");
    double seconds = 0;
    counts->answered++;
    if (fnd_json_number(fnd_json_member(record, "seconds"), &seconds) && seconds >= 0 &&
        seconds < 1e9) {
        counts->seconds_ms += (int64_t)(seconds * 1000);
    }
    for (struct fnd_json_walk walk = fnd_json_walk(fields); fnd_json_next(&walk);) {
        char *pointer = fnd_json_strdup(walk.key);
        struct fnd_text field = {0};
        fnd_proof_field(pointer, &field);
        corrected_add(counts, fnd_text_z(&field), 1);
        fnd_text_finish(&field);
        free(pointer);
    }
    if (!whole) {
        return;
    }
    struct fnd_text text = {0};
    const struct fnd_json aligned = fnd_checks_fields(record, &text);
    for (struct fnd_json_walk walk = fnd_json_walk(scores);
         scores.bytes != NULL && fnd_json_next(&walk);) {
        char *pointer = fnd_json_strdup(walk.key);
        if (!asked_about(asked, pointer)) {
            counts->checked++;
            counts->wrong += rejected || fnd_checks_changed(aligned, scores, pointer);
        }
        free(pointer);
    }
    fnd_text_finish(&text);
    if (!rejected && human.bytes != NULL) {
        fnd_curve_objects(fnd_json_member(record, "model_output"), human, counts);
    }
}
