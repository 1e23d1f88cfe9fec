/* SPDX-License-Identifier: MIT */
#include "learn/boxes.h"

#include <math.h>
#include <stdlib.h>

struct box {
    double x[2], y[2];
    struct fnd_json label; /* no value: none */
    bool taken;
};

static bool box_read(struct fnd_json item, struct box *box)
{
    const struct fnd_json place = fnd_json_type(item) == FND_JSON_OBJECT
                                      ? fnd_json_member(item, "box")
                                      : (struct fnd_json){0};
    double *const to[] = {&box->x[0], &box->y[0], &box->x[1], &box->y[1]};
    size_t count = 0;
    if (place.bytes == NULL || fnd_json_type(place) != FND_JSON_ARRAY ||
        fnd_json_count(place) != 4) {
        return false;
    }
    for (struct fnd_json_walk walk = fnd_json_walk(place); fnd_json_next(&walk);) {
        if (!fnd_json_number(walk.value, to[count++])) {
            return false;
        }
    }
    box->label = fnd_json_member(item, "label");
    box->taken = false;
    return true;
}

struct boxes {
    struct box *list;
    size_t count;
};

/* The boxes of a list that holds nothing else.  Returns whether it is one; an empty one is. */
static bool boxes_read(struct fnd_json value, struct boxes *boxes)
{
    bool all = value.bytes != NULL && fnd_json_type(value) == FND_JSON_ARRAY;
    *boxes = (struct boxes){0};
    if (all) {
        boxes->list = fnd_alloc((fnd_json_count(value) + 1) * sizeof *boxes->list);
        for (struct fnd_json_walk walk = fnd_json_walk(value); all && fnd_json_next(&walk);) {
            all = box_read(walk.value, &boxes->list[boxes->count++]);
        }
    }
    if (!all) {
        free(boxes->list);
        *boxes = (struct boxes){0};
    }
    return all;
}

static double area(const struct box *box)
{
    return fmax(0, box->x[1] - box->x[0]) * fmax(0, box->y[1] - box->y[0]);
}

static double overlap(const struct box *a, const struct box *b)
{
    const struct box both = {.x = {fmax(a->x[0], b->x[0]), fmin(a->x[1], b->x[1])},
                             .y = {fmax(a->y[0], b->y[0]), fmin(a->y[1], b->y[1])}};
    const double shared = area(&both), all = area(a) + area(b) - shared;
    const bool same = a->label.bytes == NULL || b->label.bytes == NULL
                          ? a->label.bytes == b->label.bytes
                          : fnd_json_equal(a->label, b->label);
    return same && all > 0 ? shared / all : 0;
}

static void boxes_append(const struct boxes *reference, struct boxes *other, struct fnd_text *json)
{
    const char *comma = "";
    fnd_text_append_byte(json, '[');
    for (size_t i = 0; i < reference->count; i++) {
        struct box *best = NULL;
        double most = 0;
        for (size_t j = 0; j < other->count; j++) {
            const double here = overlap(&reference->list[i], &other->list[j]);
            if (!other->list[j].taken && here >= FND_BOXES_OVERLAP && here > most) {
                best = &other->list[j];
                most = here;
            }
        }
        fnd_text_printf(json, "%s%s", comma, best != NULL ? "\"box\"" : "null");
        comma = ",";
        if (best != NULL) {
            best->taken = true;
        }
    }
    for (size_t j = 0; j < other->count; j++) {
        if (!other->list[j].taken) {
            fnd_text_printf(json, "%s\"more\"", comma);
            comma = ",";
        }
    }
    fnd_text_append_byte(json, ']');
}

static struct fnd_json item_of(struct fnd_json list, size_t index)
{
    const struct fnd_json none = {0};
    if (list.bytes == NULL || fnd_json_type(list) != FND_JSON_ARRAY) {
        return none;
    }
    for (struct fnd_json_walk walk = fnd_json_walk(list); fnd_json_next(&walk);) {
        if (walk.index == index) {
            return walk.value;
        }
    }
    return none;
}

static void members_append(struct fnd_json reference, struct fnd_json other, struct fnd_text *json)
{
    const char *comma = "";
    const bool object = fnd_json_type(other) == FND_JSON_OBJECT;
    fnd_text_append_byte(json, object ? '{' : '[');
    for (struct fnd_json_walk walk = fnd_json_walk(other); fnd_json_next(&walk);) {
        struct fnd_json same = {0};
        fnd_text_append_z(json, comma);
        if (object) {
            char *key = fnd_json_strdup(walk.key);
            if (reference.bytes != NULL && fnd_json_type(reference) == FND_JSON_OBJECT) {
                same = fnd_json_member(reference, key);
            }
            free(key);
            fnd_text_append(json, walk.key.bytes, walk.key.size);
            fnd_text_append_byte(json, ':');
        } else {
            same = item_of(reference, walk.index);
        }
        fnd_boxes_align(same, walk.value, json);
        comma = ",";
    }
    fnd_text_append_byte(json, object ? '}' : ']');
}

void fnd_boxes_align(struct fnd_json reference, struct fnd_json other, struct fnd_text *json)
{
    const enum fnd_json_type type = fnd_json_type(other);
    struct boxes ours = {0}, theirs = {0};
    if (type == FND_JSON_ARRAY) {
        const bool ours_are = boxes_read(reference, &ours);
        const bool boxes = boxes_read(other, &theirs) && (ours_are || reference.bytes == NULL) &&
                           ours.count + theirs.count > 0;
        if (boxes) {
            boxes_append(&ours, &theirs, json);
        } else {
            members_append(reference, other, json);
        }
        free(ours.list);
        free(theirs.list);
    } else if (type == FND_JSON_OBJECT) {
        members_append(reference, other, json);
    } else {
        fnd_text_append(json, other.bytes, other.size);
    }
}
