/* SPDX-License-Identifier: MIT */
/* An output beside the truth. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "command/flywheel.h"

#define ALIKE_LEAST                                                                                \
    0.5 /* share of members, or of a box's area, from which two are the same thing */

static bool box_read(struct fnd_json value, double box[4])
{
    size_t count = 0;
    if (fnd_json_type(value) != FND_JSON_ARRAY || fnd_json_count(value) != 4) {
        return false;
    }
    for (struct fnd_json_walk side = fnd_json_walk(value);
         fnd_json_next(&side) && fnd_json_number(side.value, &box[count]);) {
        count++;
    }
    return count == 4;
}

/* How much of the area that either covers both cover, 0 to 1; less than 0: these are no boxes. */
static double boxes_alike(struct fnd_json a, struct fnd_json b)
{
    double one[4], other[4];
    if (!box_read(a, one) || !box_read(b, other)) {
        return -1;
    }
    const double width = fmin(one[2], other[2]) - fmax(one[0], other[0]);
    const double height = fmin(one[3], other[3]) - fmax(one[1], other[1]);
    const double common = width > 0 && height > 0 ? width * height : 0;
    const double all = (one[2] - one[0]) * (one[3] - one[1]) +
                       (other[2] - other[0]) * (other[3] - other[1]) - common;
    return all > 0 ? common / all : 0;
}

static bool member_right(struct fnd_json output, struct fnd_json truth)
{
    const double alike = boxes_alike(output, truth);
    return alike >= 0 ? alike >= ALIKE_LEAST
                      : output.bytes != NULL && fnd_json_equal(output, truth);
}

/* How alike two objects are, by what the truth has: a box decides, else the share of members. */
static double objects_alike(struct fnd_json output, struct fnd_json truth)
{
    size_t equal = 0, count = 0;
    for (struct fnd_json_walk walk = fnd_json_walk(truth); fnd_json_next(&walk);) {
        char *key = fnd_json_strdup(walk.key);
        const struct fnd_json other = fnd_json_member(output, key);
        const double boxes = boxes_alike(other, walk.value);
        free(key);
        if (boxes >= 0) {
            return boxes;
        }
        count++;
        equal += other.bytes != NULL && fnd_json_equal(other, walk.value);
    }
    return count > 0 ? (double)equal / (double)count : 1;
}

static bool is_box(struct fnd_json object)
{
    const struct fnd_json place = fnd_json_type(object) == FND_JSON_OBJECT
                                      ? fnd_json_member(object, "box")
                                      : (struct fnd_json){NULL, 0};
    return place.bytes != NULL && boxes_alike(place, place) >= 0;
}

bool flywheel_boxes(struct fnd_json list)
{
    bool all = list.bytes != NULL && fnd_json_type(list) == FND_JSON_ARRAY;
    if (all) {
        for (struct fnd_json_walk walk = fnd_json_walk(list); all && fnd_json_next(&walk);) {
            all = is_box(walk.value);
        }
    }
    return all && fnd_json_count(list) > 0;
}

/* An object that was found, beside its truth (no value: there is none like it). A box is one value,
 * whatever else is told of it. */
static void object_compare(struct fnd_json output, struct fnd_json truth, struct fnd_json shape,
                           int64_t *values, int64_t *wrong)
{
    if (is_box(output)) {
        *values += 1;
        *wrong += truth.bytes == NULL; /* its partner overlaps it well enough */
        return;
    }
    for (struct fnd_json_walk walk = fnd_json_walk(truth.bytes != NULL ? truth : shape);
         fnd_json_next(&walk);) {
        char *key = fnd_json_strdup(walk.key);
        *values += 1;
        *wrong += truth.bytes == NULL || !member_right(fnd_json_member(output, key), walk.value);
        free(key);
    }
}

/* The object of `truth` that is most like one of the output and was not taken yet. */
static struct fnd_json partner(struct fnd_json output, struct fnd_json truth, bool *taken,
                               size_t *index)
{
    struct fnd_json best = {NULL, 0};
    double most = 0;
    size_t which = SIZE_MAX;
    for (struct fnd_json_walk walk = fnd_json_walk(truth); fnd_json_next(&walk);) {
        const double like = taken[walk.index] ? 0 : objects_alike(output, walk.value);
        if (like >= ALIKE_LEAST && like > most) {
            most = like;
            which = walk.index;
            best = walk.value;
        }
    }
    if (which != SIZE_MAX) {
        taken[which] = true;
    }
    *index = which;
    return best;
}

size_t flywheel_partner(struct fnd_json output, struct fnd_json truth, size_t index)
{
    const size_t count = fnd_json_count(truth);
    size_t found = SIZE_MAX;
    bool *taken = fnd_alloc(count + 1);
    for (struct fnd_json_walk walk = fnd_json_walk(output); fnd_json_next(&walk);) {
        size_t which;
        (void)partner(walk.value, truth, taken, &which);
        found = walk.index == index ? which : found;
    }
    /* Misread in most of its members: the one at its place, if that is nobody else's. A box
     * elsewhere is another thing. */
    if (found == SIZE_MAX && !flywheel_boxes(output) && count == fnd_json_count(output) &&
        index < count && !taken[index]) {
        found = index;
    }
    free(taken);
    return found;
}

static void list_compare(struct fnd_json output, struct fnd_json truth, int64_t *values,
                         int64_t *wrong)
{
    const size_t count = fnd_json_count(truth);
    bool complete = fnd_json_type(output) == FND_JSON_ARRAY && fnd_json_count(output) == count;
    bool *taken = fnd_alloc(count + 1);
    struct fnd_json_walk first = fnd_json_walk(truth);
    const bool any = fnd_json_next(&first);
    for (struct fnd_json_walk walk = fnd_json_walk(output);
         fnd_json_type(output) == FND_JSON_ARRAY && fnd_json_next(&walk);) {
        size_t index;
        const struct fnd_json like = partner(walk.value, truth, taken, &index);
        complete = complete && like.bytes != NULL;
        object_compare(walk.value, like, any ? first.value : walk.value, values, wrong);
    }
    *values += 1;
    *wrong += !complete;
    free(taken);
}

static bool is_list(struct fnd_json value)
{
    struct fnd_json_walk walk;
    if (fnd_json_type(value) != FND_JSON_ARRAY) {
        return false;
    }
    walk = fnd_json_walk(value);
    return !fnd_json_next(&walk) || fnd_json_type(walk.value) == FND_JSON_OBJECT;
}

void flywheel_compare(struct fnd_json output, struct fnd_json truth, int64_t *values,
                      int64_t *wrong)
{
    for (struct fnd_json_walk walk = fnd_json_walk(truth); fnd_json_next(&walk);) {
        char *key = fnd_json_strdup(walk.key);
        const struct fnd_json found = fnd_json_member(output, key);
        if (is_list(walk.value)) {
            list_compare(found, walk.value, values, wrong);
        } else {
            *values += 1;
            *wrong += !member_right(found, walk.value);
        }
        free(key);
    }
}
