/* SPDX-License-Identifier: MIT */
#include "example.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "example_line.h"
#include "json.h"

void examples_finish(struct examples *examples)
{
    for (size_t i = 0; i < examples->count; i++) {
        scene_finish(&examples->items[i].scene);
    }
    free(examples->items);
    *examples = (struct examples){.items = NULL};
}

static struct box corners_read(struct json *json)
{
    double at[4] = {0};
    size_t count = 0;
    for (json_enter(json, '['); json_more(json); count++) {
        double value = json_number(json);
        at[count < 4 ? count : 3] = value;
    }
    json->failed |= count != 4;
    return (struct box){at[0], at[1], at[2], at[3]};
}

/** One item: its box, if it has one. */
static int item_read(struct json *json, struct box *box)
{
    int there = 0;
    for (json_enter(json, '{'); json_more(json);) {
        char key[16];
        json_key(json, key, sizeof key);
        if (strcmp(key, "box") == 0) {
            *box = corners_read(json);
            there = 1;
        } else {
            json_skip(json);
        }
    }
    return there;
}

/** All boxes, in their places: the pointer /boxes/3 is boxes[3]. */
static int places_read(const char *document, struct box *boxes, size_t most, size_t *count)
{
    struct json json = {document, 0};
    *count = 0;
    for (json_enter(&json, '{'); json_more(&json);) {
        char key[16];
        json_key(&json, key, sizeof key);
        if (strcmp(key, "boxes") != 0) {
            json_skip(&json);
            continue;
        }
        for (json_enter(&json, '['); json_more(&json);) {
            struct box box = {0, 0, 0, 0};
            (void)item_read(&json, &box);
            if (*count < most) {
                boxes[(*count)++] = box_clamped(box, 1e9, 1e9);
            }
        }
    }
    return json.failed ? -1 : 0;
}

static int has_extent(const struct box *box)
{
    return box->x1 - box->x0 >= 1 && box->y1 - box->y0 >= 1;
}

int boxes_read(const char *document, struct box *boxes, size_t most, size_t *count)
{
    size_t kept = 0;
    int status = places_read(document, boxes, most, count);
    for (size_t i = 0; i < *count; i++) {
        if (has_extent(&boxes[i])) {
            boxes[kept++] = boxes[i];
        }
    }
    *count = kept;
    return status;
}

/* What a person looked at. */
struct reviewed {
    int whole;
    unsigned char places[TRUTH_MAX]; /* of /boxes/N */
};

static void reviewed_read(struct reviewed *reviewed, const char *text)
{
    static const char boxes[] = "/boxes/";
    struct json json = {text, 0};
    *reviewed = (struct reviewed){.whole = text == NULL || *text != '['};
    if (reviewed->whole) {
        return;
    }
    for (json_enter(&json, '['); json_more(&json);) {
        char pointer[64];
        json_string(&json, pointer, sizeof pointer);
        if (pointer[0] == '\0' || strcmp(pointer, "/boxes") == 0) {
            reviewed->whole = 1;
        } else if (strncmp(pointer, boxes, sizeof boxes - 1) == 0) {
            unsigned long place = strtoul(pointer + sizeof boxes - 1, NULL, 10);
            if (place < TRUTH_MAX) {
                reviewed->places[place] = 1;
            }
        }
    }
}

/** Sort out, of what was said, what became of it. What a person kept or moved still covers the box
 *  that was said; a box that covers none of them was drawn. */
static void boxes_settle(struct example *example, const struct box *said, size_t said_count,
                         const struct reviewed *reviewed)
{
    const double still = 0.2;
    size_t match[TRUTH_MAX], kept = 0;
    unsigned char taken[TRUTH_MAX], seen[TRUTH_MAX];
    boxes_match(said, said_count, example->truth, example->truth_count, still, match, taken);
    memset(seen, 1, sizeof seen); /* drawn ones are looked at */
    for (size_t i = 0; i < said_count; i++) {
        int looked = reviewed->whole || reviewed->places[i];
        if (match[i] < example->truth_count) {
            seen[match[i]] = (unsigned char)looked;
        } else if (has_extent(&said[i])) {
            /* Without a look at it, it could not have gone away. */
            example->deleted[example->deleted_count++] = said[i];
        }
    }
    for (size_t i = 0; i < example->truth_count; i++) {
        if (seen[i]) {
            example->truth[kept++] = example->truth[i];
        } else {
            example->unseen[example->unseen_count++] = example->truth[i];
        }
    }
    example->truth_count = kept;
}

static void image_read(const char *with, char *image, size_t image_size)
{
    struct json json = {with, 0};
    image[0] = '\0';
    for (json_enter(&json, '{'); json_more(&json);) {
        char key[16];
        json_key(&json, key, sizeof key);
        if (strcmp(key, "image") == 0) {
            json_string(&json, image, image_size);
        } else {
            json_skip(&json);
        }
    }
}

enum example_status example_read(struct example *example, const char *line, char *image,
                                 size_t image_size, char *message, size_t message_size)
{
    struct example_line members;
    struct box said[TRUTH_MAX];
    size_t said_count = 0;
    struct reviewed reviewed;
    *example = (struct example){.whole = 0};
    if (example_line_read(&members, line) != 0) {
        snprintf(message, message_size, "it is no object with id, with and human");
        return EXAMPLE_BAD;
    }
    memcpy(example->id, members.id, sizeof example->id);
    if (!example_line_teaches(&members)) {
        return EXAMPLE_SKIPPED;
    }
    image_read(members.with, image, image_size);
    if (image[0] == '\0') {
        snprintf(message, message_size, "picture %s: its `with` names no image", example->id);
        return EXAMPLE_BAD;
    }
    if (boxes_read(members.human, example->truth, TRUTH_MAX, &example->truth_count) != 0 ||
        (members.output != NULL && *members.output == '{' &&
         places_read(members.output, said, TRUTH_MAX, &said_count) != 0)) {
        snprintf(message, message_size, "picture %s: the answer is not of pole/detect's shape",
                 example->id);
        return EXAMPLE_BAD;
    }
    reviewed_read(&reviewed, members.reviewed);
    example->whole = reviewed.whole;
    example->gold = strcmp(members.tier, "silver") != 0;
    boxes_settle(example, said, said_count, &reviewed);
    return EXAMPLE_OK;
}
