/* SPDX-License-Identifier: MIT */
#include "dataset/boxes.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void fnd_boxes_finish(struct fnd_boxes *boxes)
{
    for (size_t i = 0; i < boxes->count; i++) {
        free(boxes->list[i].label);
    }
    free(boxes->list);
    *boxes = (struct fnd_boxes){0};
}

/** Four numbers at these places of an item. */
static bool four(struct fnd_json item, const char *const pointers[4], double values[4])
{
    for (size_t i = 0; i < 4; i++) {
        if (!fnd_json_number(fnd_json_find(item, pointers[i]), &values[i])) {
            return false;
        }
    }
    return true;
}

/** The shapes that the review page knows, too. */
static bool box_read(struct fnd_json item, struct fnd_box *box)
{
    static const struct {
        const char *const pointers[4];
        bool corners; /* the last two are the lower right corner, not the size */
    } shapes[] = {{{"/x_min", "/y_min", "/x_max", "/y_max"}, true},
                  {{"/box/0", "/box/1", "/box/2", "/box/3"}, true},
                  {{"/bbox/0", "/bbox/1", "/bbox/2", "/bbox/3"}, false},
                  {{"/x", "/y", "/width", "/height"}, false}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        double v[4];
        if (four(item, shapes[i].pointers, v)) {
            box->x = v[0];
            box->y = v[1];
            box->width = shapes[i].corners ? v[2] - v[0] : v[2];
            box->height = shapes[i].corners ? v[3] - v[1] : v[3];
            return true;
        }
    }
    return false;
}

enum fnd_status fnd_boxes_read(struct fnd_json document, const char *list, const char *label,
                               struct fnd_boxes *boxes, struct fnd_error *error)
{
    list = list != NULL ? list : "/boxes";
    label = label != NULL ? label : "/label";
    struct fnd_json items = fnd_json_find(document, list);
    if (items.bytes == NULL) {
        return FND_OK;
    }
    if (fnd_json_type(items) != FND_JSON_ARRAY) {
        return fnd_error_set(
            error, FND_INVALID,
            "what lies at \"%s\" is of type %s, and must be a list of boxes; `boxes:` of "
            "the export entry says where they are",
            list, fnd_json_type_name(fnd_json_type(items)));
    }
    boxes->list = fnd_alloc((fnd_json_count(items) + 1) * sizeof *boxes->list);
    for (struct fnd_json_walk walk = fnd_json_walk(items); fnd_json_next(&walk);) {
        struct fnd_box box = {.label = NULL};
        if (!box_read(walk.value, &box)) {
            return fnd_error_set(error, FND_INVALID,
                                 "%s/%zu is no box: it has neither x_min, y_min, x_max, y_max, nor "
                                 "box, bbox, or x, y, width, height",
                                 list, walk.index);
        }
        struct fnd_json told = fnd_json_find(walk.value, label);
        if (told.bytes != NULL && fnd_json_type(told) != FND_JSON_STRING &&
            fnd_json_type(told) != FND_JSON_NULL) {
            return fnd_error_set(
                error, FND_INVALID,
                "%s/%zu%s is of type %s, and a label must be a text; correct it, or let "
                "`label:` of the export entry name another member",
                list, walk.index, label, fnd_json_type_name(fnd_json_type(told)));
        }
        box.label = fnd_json_strdup(told);
        box.label = box.label != NULL ? box.label : fnd_strdup("object");
        boxes->list[boxes->count++] = box;
    }
    return FND_OK;
}

enum fnd_status fnd_boxes_check(const struct fnd_boxes *boxes, uint32_t width, uint32_t height,
                                bool shares, struct fnd_error *error)
{
    const double half = 5e-7; /* of the last of six decimals: what is less is written as 0 */
    const double least[2] = {half * (shares ? width : 1), half * (shares ? height : 1)};
    for (size_t i = 0; i < boxes->count; i++) {
        const struct fnd_box *box = &boxes->list[i];
        const bool empty = !(box->width > 0 && box->height > 0);
        if (!empty && (box->width < least[0] || box->height < least[1])) {
            return fnd_error_set(error, FND_INVALID,
                                 "its box %zu (%s) is %g by %g pixels, which the format's decimals "
                                 "cannot tell; correct it, or leave the record out with --skip-bad",
                                 i + 1, box->label, box->width, box->height);
        }
        if (empty || box->x < 0 || box->y < 0 || box->x + box->width > width ||
            box->y + box->height > height) {
            return fnd_error_set(error, FND_INVALID,
                                 "its box %zu (%s) %s the picture of %" PRIu32 " x %" PRIu32
                                 " pixels; correct it, or leave the record out with --skip-bad",
                                 i + 1, box->label,
                                 empty ? "is empty or reversed in" : "does not lie inside", width,
                                 height);
        }
    }
    return FND_OK;
}

void fnd_boxes_clip(struct fnd_boxes *boxes, uint32_t width, uint32_t height)
{
    size_t kept = 0;
    for (size_t i = 0; i < boxes->count; i++) {
        struct fnd_box box = boxes->list[i];
        const double right = fmin(box.x + box.width, width);
        const double bottom = fmin(box.y + box.height, height);
        box.x = fmax(box.x, 0);
        box.y = fmax(box.y, 0);
        box.width = right - box.x;
        box.height = bottom - box.y;
        if (box.width > 0 && box.height > 0) {
            boxes->list[kept++] = box;
        } else {
            free(box.label);
        }
    }
    boxes->count = kept;
}

void fnd_decimals_append(struct fnd_text *text, double value, int decimals)
{
    int64_t scale = 1;
    for (int i = 0; i < decimals; i++) {
        scale *= 10;
    }
    if (!(fabs(value * (double)scale) < 9e18)) { /* past 64 bits; a double has no decimals there */
        fnd_text_printf(text, "%.0f", value);
        return;
    }
    const int64_t scaled = (int64_t)llround(value * (double)scale);
    const int64_t size = scaled < 0 ? -scaled : scaled;
    char digits[24];
    fnd_text_printf(text, "%s%" PRId64, scaled < 0 ? "-" : "", size / scale);
    snprintf(digits, sizeof digits, "%0*" PRId64, decimals, size % scale);
    size_t count = (size_t)decimals;
    while (count > 0 && digits[count - 1] == '0') {
        count--;
    }
    if (count > 0) {
        fnd_text_append_byte(text, '.');
        fnd_text_append(text, digits, count);
    }
}

void fnd_decimal_append(struct fnd_text *text, double value)
{
    fnd_decimals_append(text, value, 6);
}
