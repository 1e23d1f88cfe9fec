/* SPDX-License-Identifier: MIT */
/* Format `coco`: one file of pictures, boxes and categories. Layout: COCO, "Data format" and, of a
 * model's results, which are read only, "Results format". A record is first
 * `{"file_name","width","height","boxes":[{"label","bbox"}]}`; all of them are packed into the
 * file, and unpacked out of it for reading back and for checking files of others. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/boxes.h"

static const char record_schema[] =
    "{\"type\":\"object\",\"oneOf\":[{\"required\":[\"file_name\",\"width\",\"height\",\"boxes\"]},"
    "{\"required\":[\"result\"]}]}";

static const char results_schema[] =
    "{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"image_id\",\"category_id\","
    "\"bbox\",\"score\"],\"properties\":{\"image_id\":{\"type\":\"integer\"},"
    "\"category_id\":{\"type\":\"integer\"},\"score\":{\"type\":\"number\"},"
    "\"bbox\":{\"type\":\"array\",\"minItems\":4,\"maxItems\":4,"
    "\"items\":{\"type\":\"number\"}}}}}";

static const char file_schema[] =
    "{\"type\":\"object\",\"required\":[\"images\",\"annotations\",\"categories\"],"
    "\"properties\":{\"info\":{\"type\":\"object\"},\"licenses\":{\"type\":\"array\"},"
    "\"images\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"id\",\"width\","
    "\"height\",\"file_name\"],\"properties\":{\"id\":{\"type\":\"integer\"},"
    "\"width\":{\"type\":\"integer\",\"minimum\":1},\"height\":{\"type\":\"integer\",\"minimum\":"
    "1},\"file_name\":{\"type\":\"string\",\"minLength\":1}}}},"
    "\"annotations\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"id\","
    "\"image_id\",\"category_id\",\"bbox\"],\"properties\":{\"id\":{\"type\":\"integer\"},"
    "\"image_id\":{\"type\":\"integer\"},\"category_id\":{\"type\":\"integer\"},"
    "\"area\":{\"type\":\"number\"},\"iscrowd\":{\"enum\":[0,1]},\"bbox\":{\"type\":\"array\","
    "\"minItems\":4,\"maxItems\":4,\"items\":{\"type\":\"number\"}}}}},"
    "\"categories\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"id\","
    "\"name\"],\"properties\":{\"id\":{\"type\":\"integer\"},\"name\":{\"type\":\"string\","
    "\"minLength\":1}}}}}}";

static void bbox_append(struct fnd_text *text, const struct fnd_box *box)
{
    const double sides[4] = {box->x, box->y, box->width, box->height};
    for (size_t i = 0; i < 4; i++) {
        fnd_text_append_byte(text, i == 0 ? '[' : ',');
        fnd_decimal_append(text, sides[i]);
    }
    fnd_text_append_byte(text, ']');
}

static enum fnd_status coco_line(const struct fnd_plan *plan, const struct fnd_datum *datum,
                                 struct fnd_text *line, struct fnd_error *error)
{
    struct fnd_drawn drawn = {.width = 0};
    enum fnd_status status = fnd_drawn_make(plan, datum, false, &drawn, error);
    if (status == FND_OK) {
        fnd_text_append_z(line, "{\"file_name\":");
        fnd_text_append_json_z(line, datum->path);
        fnd_text_printf(line, ",\"width\":%" PRIu32 ",\"height\":%" PRIu32 ",\"boxes\":[",
                        drawn.width, drawn.height);
        for (size_t i = 0; i < drawn.human.count; i++) {
            fnd_text_append_z(line, i > 0 ? ",{\"label\":" : "{\"label\":");
            fnd_text_append_json_z(line, drawn.human.list[i].label);
            fnd_text_append_z(line, ",\"bbox\":");
            bbox_append(line, &drawn.human.list[i]);
            fnd_text_append_byte(line, '}');
        }
        fnd_text_append_z(line, "]}");
    }
    fnd_drawn_finish(&drawn);
    return status;
}

static enum fnd_status coco_agrees(const struct fnd_datum *datum, struct fnd_json line,
                                   struct fnd_error *error)
{
    struct fnd_boxes boxes = {0}, found = {0};
    enum fnd_status status =
        fnd_boxes_read(datum->human, datum->entry->boxes, datum->entry->label, &boxes, error);
    if (status == FND_OK) {
        status = fnd_boxes_read(line, "/boxes", "/label", &found, error);
    }
    bool same = status == FND_OK && boxes.count == found.count &&
                fnd_json_text_is(fnd_json_member(line, "file_name"), datum->path);
    for (size_t i = 0; same && i < boxes.count; i++) {
        const struct fnd_box *a = &boxes.list[i], *b = &found.list[i];
        same = fabs(a->x - b->x) < 1e-5 && fabs(a->y - b->y) < 1e-5 &&
               fabs(a->width - b->width) < 1e-5 && fabs(a->height - b->height) < 1e-5 &&
               strcmp(a->label, b->label) == 0;
    }
    if (status == FND_OK && !same) {
        status = fnd_error_set(error, FND_DAMAGED, "its boxes are not those on record");
    }
    fnd_boxes_finish(&boxes);
    fnd_boxes_finish(&found);
    return status;
}

static void coco_check(struct fnd_checker *checker, struct fnd_json line, struct fnd_flaws *flaws)
{
    struct fnd_json boxes = fnd_json_member(line, "boxes");
    (void)flaws;
    for (struct fnd_json_walk walk = fnd_json_walk(boxes);
         boxes.bytes != NULL && fnd_json_next(&walk);) {
        fnd_label_add(checker, fnd_json_strdup(fnd_json_member(walk.value, "label")));
    }
}

/* --- the file ------------------------------------------------------------------------------ */

static void annotations_pack(const struct fnd_checker *checker, struct fnd_json boxes, size_t image,
                             size_t *id, struct fnd_text *text)
{
    for (struct fnd_json_walk walk = fnd_json_walk(boxes); fnd_json_next(&walk);) {
        struct fnd_json bbox = fnd_json_member(walk.value, "bbox");
        double width = 0, height = 0;
        size_t category = 0;
        while (category < checker->labels_count &&
               !fnd_json_text_is(fnd_json_member(walk.value, "label"), checker->labels[category])) {
            category++;
        }
        fnd_json_number(fnd_json_find(bbox, "/2"), &width);
        fnd_json_number(fnd_json_find(bbox, "/3"), &height);
        fnd_text_printf(text,
                        "%s\n{\"id\":%zu,\"image_id\":%zu,\"category_id\":%zu,\"bbox\":%.*s,"
                        "\"area\":",
                        *id > 0 ? "," : "", *id + 1, image, category + 1, (int)bbox.size,
                        bbox.bytes);
        fnd_decimal_append(text, width * height);
        fnd_text_append_z(text, ",\"iscrowd\":0,\"segmentation\":[]}");
        ++*id;
    }
}

static void coco_pack(const struct fnd_checker *checker, struct fnd_json records,
                      struct fnd_text *file)
{
    struct fnd_text annotations = {0};
    size_t id = 0;
    fnd_text_append_z(file, "{\"info\":{\"description\":\"foundry\"},\"licenses\":[],"
                            "\"images\":[");
    for (struct fnd_json_walk walk = fnd_json_walk(records); fnd_json_next(&walk);) {
        struct fnd_json width = fnd_json_member(walk.value, "width");
        struct fnd_json height = fnd_json_member(walk.value, "height");
        struct fnd_json name = fnd_json_member(walk.value, "file_name");
        fnd_text_printf(file, "%s\n{\"id\":%zu,\"width\":%.*s,\"height\":%.*s,\"file_name\":",
                        walk.index > 0 ? "," : "", walk.index + 1, (int)width.size, width.bytes,
                        (int)height.size, height.bytes);
        fnd_text_append(file, name.bytes, name.size);
        fnd_text_append_byte(file, '}');
        annotations_pack(checker, fnd_json_member(walk.value, "boxes"), walk.index + 1, &id,
                         &annotations);
    }
    fnd_text_append_z(file, "\n],\"annotations\":[");
    fnd_text_append_z(file, fnd_text_z(&annotations));
    fnd_text_append_z(file, "\n],\"categories\":[");
    for (size_t i = 0; i < checker->labels_count; i++) {
        fnd_text_printf(file, "%s\n{\"id\":%zu,\"name\":", i > 0 ? "," : "", i + 1);
        fnd_text_append_json_z(file, checker->labels[i]);
        fnd_text_append_z(file, ",\"supercategory\":\"object\"}");
    }
    fnd_text_append_z(file, "\n]}\n");
    fnd_text_finish(&annotations);
}

/** Something with an id; `owner` is the place of an annotation's picture. */
struct item {
    int64_t id;
    size_t index, owner;
    struct fnd_json json, name;
};

static int id_order(const void *a, const void *b)
{
    const struct item *left = a, *right = b;
    return left->id != right->id ? (left->id > right->id) - (left->id < right->id)
                                 : (left->index > right->index) - (left->index < right->index);
}

static int owner_order(const void *a, const void *b)
{
    const struct item *left = a, *right = b;
    return left->owner != right->owner
               ? (left->owner > right->owner) - (left->owner < right->owner)
               : (left->index > right->index) - (left->index < right->index);
}

/** An id as 64 bits have it; what they have not is told. */
static bool id_read(struct fnd_json item, const char *name, const char *at, int64_t *id,
                    struct fnd_flaws *flaws)
{
    if (fnd_json_integer(fnd_json_member(item, name), id)) {
        return true;
    }
    struct fnd_text place = {0};
    fnd_text_printf(&place, "%s/%s", at, name);
    fnd_flaws_add(flaws, fnd_text_z(&place), "id", false, "is no whole number of 64 bits");
    fnd_text_finish(&place);
    return false;
}

/** The items of a list by their ids; each id is there once. */
static struct item *items_read(struct fnd_json list, const char *name, struct fnd_flaws *flaws)
{
    const size_t count = fnd_json_count(list);
    struct item *items = fnd_alloc((count + 1) * sizeof *items);
    bool sound = true;
    for (struct fnd_json_walk walk = fnd_json_walk(list); fnd_json_next(&walk);) {
        char at[64];
        snprintf(at, sizeof at, "/%s/%zu", name, walk.index);
        items[walk.index] = (struct item){.index = walk.index, .json = walk.value};
        sound &= id_read(walk.value, "id", at, &items[walk.index].id, flaws);
    }
    qsort(items, count, sizeof *items, id_order);
    for (size_t i = 1; sound && i < count; i++) {
        if (items[i].id == items[i - 1].id) {
            char at[64];
            snprintf(at, sizeof at, "/%s/%zu/id", name, items[i].index);
            fnd_flaws_add(flaws, at, "id", false, "is that of item %zu, too", items[i - 1].index);
        }
    }
    return items;
}

static const struct item *item_find(const struct item *items, size_t count, int64_t wanted)
{
    size_t low = 0, high = count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        *(items[middle].id < wanted ? &low : &high) =
            items[middle].id < wanted ? middle + 1 : middle;
    }
    return low < count && items[low].id == wanted ? &items[low] : NULL;
}

static const char box_empty[] = "has an empty box: bbox is [x, y, width, height]";
static const char box_outside[] =
    "has a box that passes the picture's edge: bbox is [x, y, width, height]";

static void bbox_read(struct fnd_json annotation, double v[4])
{
    static const char *const pointers[] = {"/bbox/0", "/bbox/1", "/bbox/2", "/bbox/3"};
    for (size_t i = 0; i < 4; i++) {
        fnd_json_number(fnd_json_find(annotation, pointers[i]), &v[i]);
    }
}

/** The box is inside its picture, to half a pixel, and its area is its own. */
static void box_check(struct fnd_json annotation, struct fnd_json image, const char *at,
                      struct fnd_flaws *flaws)
{
    double v[4] = {0}, width = 0, height = 0, area = 0;
    bbox_read(annotation, v);
    fnd_json_number(fnd_json_member(image, "width"), &width);
    fnd_json_number(fnd_json_member(image, "height"), &height);
    if (!(v[2] > 0 && v[3] > 0)) {
        fnd_flaws_add(flaws, at, "bbox", false, "%s", box_empty);
    } else if (v[0] < -0.5 || v[1] < -0.5 || v[0] + v[2] > width + 0.5 ||
               v[1] + v[3] > height + 0.5) {
        fnd_flaws_add(flaws, at, "bbox", false, "%s", box_outside);
    }
    struct fnd_json told = fnd_json_member(annotation, "area");
    struct fnd_json outline = fnd_json_member(annotation, "segmentation");
    if (told.bytes != NULL && fnd_json_number(told, &area) && fnd_json_count(outline) == 0 &&
        fabs(area - v[2] * v[3]) > 1e-3 * (1 + v[2] * v[3])) {
        fnd_flaws_add(flaws, at, "area", false, "has an area that is not width times height");
    }
}

static void records_append(struct fnd_json images, const struct item *annotations, size_t count,
                           struct fnd_text *records)
{
    size_t next = 0;
    for (struct fnd_json_walk walk = fnd_json_walk(images); fnd_json_next(&walk);) {
        static const char *const names[] = {"file_name", "width", "height"};
        fnd_text_append_z(records, walk.index > 0 ? ",{" : "{");
        for (size_t i = 0; i < 3; i++) {
            struct fnd_json member = fnd_json_member(walk.value, names[i]);
            fnd_text_printf(records, "\"%s\":", names[i]);
            fnd_text_append(records, member.bytes, member.size);
            fnd_text_append_byte(records, ',');
        }
        fnd_text_append_z(records, "\"boxes\":[");
        for (bool first = true; next < count && annotations[next].owner == walk.index; next++) {
            struct fnd_json bbox = fnd_json_member(annotations[next].json, "bbox");
            fnd_text_append_z(records, first ? "{\"label\":" : ",{\"label\":");
            fnd_text_append(records, annotations[next].name.bytes, annotations[next].name.size);
            fnd_text_append_z(records, ",\"bbox\":");
            fnd_text_append(records, bbox.bytes, bbox.size);
            fnd_text_append_byte(records, '}');
            first = false;
        }
        fnd_text_append_z(records, "]}");
    }
}

/** An annotation is of an image and a category that are there, and lies in its image. */
static void annotation_check(struct item *annotation, const struct item *images,
                             size_t images_count, const struct item *categories,
                             size_t categories_count, struct fnd_flaws *flaws)
{
    char at[64];
    int64_t image_id = 0, category_id = 0;
    snprintf(at, sizeof at, "/annotations/%zu", annotation->index);
    annotation->owner = SIZE_MAX;
    if (!id_read(annotation->json, "image_id", at, &image_id, flaws) ||
        !id_read(annotation->json, "category_id", at, &category_id, flaws)) {
        return;
    }
    const struct item *image = item_find(images, images_count, image_id);
    const struct item *category = item_find(categories, categories_count, category_id);
    if (image == NULL || category == NULL) {
        fnd_flaws_add(flaws, at, "id", false, "is of %s that is not there",
                      image == NULL ? "an image" : "a category");
        return;
    }
    annotation->owner = image->index;
    annotation->name = fnd_json_member(category->json, "name");
    box_check(annotation->json, image->json, at, flaws);
}

/** A model's results: boxes with a score, of pictures that are named elsewhere. */
static void results_unpack(struct fnd_json file, struct fnd_text *records, struct fnd_flaws *flaws)
{
    struct fnd_schema *schema = NULL;
    if (fnd_schema_create("results", results_schema, sizeof results_schema - 1, &schema, NULL) !=
            FND_OK ||
        !fnd_schema_check(schema, file, NULL, flaws)) {
        fnd_schema_destroy(schema);
        return;
    }
    for (struct fnd_json_walk walk = fnd_json_walk(file); fnd_json_next(&walk);) {
        char at[32];
        double v[4] = {0};
        int64_t id = 0;
        (void)snprintf(at, sizeof at, "/%zu", walk.index);
        (void)id_read(walk.value, "image_id", at, &id, flaws);
        (void)id_read(walk.value, "category_id", at, &id, flaws);
        bbox_read(walk.value, v);
        if (!(v[2] > 0 && v[3] > 0)) {
            fnd_flaws_add(flaws, at, "bbox", false, "%s", box_empty);
        } else if (v[0] < -0.5 || v[1] < -0.5) {
            fnd_flaws_add(flaws, at, "bbox", false, "%s", box_outside);
        }
        fnd_text_printf(records, "%s{\"result\":%zu}", walk.index > 0 ? "," : "", walk.index);
    }
    fnd_schema_destroy(schema);
}

static void file_unpack(struct fnd_json file, struct fnd_text *records, struct fnd_flaws *flaws)
{
    struct fnd_schema *schema = NULL;
    struct fnd_json list[3] = {fnd_json_member(file, "images"),
                               fnd_json_member(file, "annotations"),
                               fnd_json_member(file, "categories")};
    if (fnd_schema_create("coco", file_schema, sizeof file_schema - 1, &schema, NULL) == FND_OK &&
        fnd_schema_check(schema, file, NULL, flaws)) {
        const size_t images_count = fnd_json_count(list[0]), count = fnd_json_count(list[1]);
        const size_t categories_count = fnd_json_count(list[2]);
        struct item *images = items_read(list[0], "images", flaws);
        struct item *annotations = items_read(list[1], "annotations", flaws);
        struct item *categories = items_read(list[2], "categories", flaws);
        for (size_t i = 0; i < count; i++) {
            annotation_check(&annotations[i], images, images_count, categories, categories_count,
                             flaws);
        }
        qsort(annotations, count, sizeof *annotations, owner_order);
        if (flaws->count == 0) {
            records_append(list[0], annotations, count, records);
        }
        free(images);
        free(annotations);
        free(categories);
    }
    fnd_schema_destroy(schema);
}

static void coco_unpack(struct fnd_json file, struct fnd_text *records, struct fnd_flaws *flaws)
{
    fnd_text_append_byte(records, '[');
    if (fnd_json_type(file) == FND_JSON_ARRAY && fnd_json_count(file) > 0) {
        results_unpack(file, records, flaws);
    } else {
        file_unpack(file, records, flaws);
    }
    fnd_text_append_byte(records, ']');
}

const struct fnd_format fnd_format_coco = {.name = "coco",
                                           .schema = record_schema,
                                           .training = true,
                                           .by_uri = true,
                                           .array = true,
                                           .line = coco_line,
                                           .agrees = coco_agrees,
                                           .check = coco_check,
                                           .pack = coco_pack,
                                           .unpack = coco_unpack};
