/* SPDX-License-Identifier: MIT */
/* Format `label-studio`: pictures with the model's boxes and the person's. Layout:
 * HumanSignal/label-studio, "Import pre-annotated data". Places are in percent of the picture as
 * it is displayed. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/boxes.h"
#include "dataset/example.h"

enum {
    PICTURE_SIZE_MAX = 256 << 20, /* bytes: what is read to learn its width and height */
    PERCENT_DECIMALS = 10         /* a millionth of a pixel comes back from 10,000 pixels */
};

static const char schema[] =
    "{\"type\":\"object\",\"required\":[\"data\"],\"properties\":{"
    "\"data\":{\"type\":\"object\",\"required\":[\"image\"],"
    "\"properties\":{\"image\":{\"type\":\"string\",\"minLength\":1}}},"
    "\"predictions\":{\"$ref\":\"#/$defs/list\"},\"annotations\":{\"$ref\":\"#/$defs/list\"}},"
    "\"$defs\":{\"list\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
    "\"required\":[\"result\"],\"properties\":{\"model_version\":{\"type\":\"string\"},"
    "\"score\":{\"type\":\"number\"},\"result\":{\"type\":\"array\","
    "\"items\":{\"$ref\":\"#/$defs/region\"}}}}},"
    "\"percent\":{\"type\":\"number\",\"minimum\":0,\"maximum\":100},"
    "\"region\":{\"type\":\"object\",\"required\":[\"id\",\"type\",\"from_name\",\"to_name\","
    "\"value\"],\"properties\":{\"id\":{\"type\":\"string\",\"minLength\":1},"
    "\"type\":{\"type\":\"string\",\"minLength\":1},\"from_name\":{\"type\":\"string\"},"
    "\"to_name\":{\"type\":\"string\"},"
    "\"original_width\":{\"type\":\"integer\",\"minimum\":1},"
    "\"original_height\":{\"type\":\"integer\",\"minimum\":1},"
    "\"image_rotation\":{\"type\":\"number\"},\"value\":{\"type\":\"object\"}},"
    /* what is no box, a choice or a text, is somebody else's */
    "\"if\":{\"properties\":{\"type\":{\"const\":\"rectanglelabels\"}}},\"then\":{"
    "\"properties\":{\"value\":{"
    "\"required\":[\"x\",\"y\",\"width\",\"height\",\"rectanglelabels\"],\"properties\":{"
    "\"x\":{\"$ref\":\"#/$defs/percent\"},\"y\":{\"$ref\":\"#/$defs/percent\"},"
    "\"width\":{\"$ref\":\"#/$defs/percent\"},\"height\":{\"$ref\":\"#/$defs/percent\"},"
    "\"rotation\":{\"type\":\"number\"},\"rectanglelabels\":{\"type\":\"array\",\"minItems\":1,"
    "\"items\":{\"type\":\"string\",\"minLength\":1}}}}}}}}}";

enum fnd_status fnd_drawn_make(const struct fnd_plan *plan, const struct fnd_datum *datum,
                               bool image, struct fnd_drawn *drawn, struct fnd_error *error)
{
    const struct fnd_entry *entry = datum->entry;
    struct fnd_text bytes = {0};
    enum fnd_status status = FND_OK;
    if (!datum->is_file) {
        return fnd_error_set(error, FND_INVALID,
                             "its input %s is no picture, and %s is about boxes in pictures; "
                             "export it as openai-chat or trl-sft, or leave it out by --pipeline",
                             datum->path, plan->format->name);
    }
    status = fnd_datum_input(plan, datum, PICTURE_SIZE_MAX, &bytes, error);
    if (status == FND_OK && !fnd_picture_size((const uint8_t *)fnd_text_z(&bytes), bytes.size,
                                              &drawn->width, &drawn->height)) {
        status = fnd_error_set(error, FND_INVALID,
                               "its input %s is no PNG or JPEG that tells its size; convert it and "
                               "run it anew",
                               datum->path);
    }
    if (status == FND_OK && image) {
        status = fnd_datum_image(plan, datum, FND_FILES_EMBEDDED, &drawn->image, error);
    }
    if (status == FND_OK) {
        status = fnd_boxes_read(datum->human, entry->boxes, entry->label, &drawn->human, error);
    }
    if (status == FND_OK) {
        status = fnd_boxes_check(&drawn->human, drawn->width, drawn->height,
                                 plan->format == &fnd_format_yolo, error);
    }
    if (status == FND_OK && fnd_json_type(datum->model) != FND_JSON_NULL) {
        /* What the model drew outside is why somebody was asked: it is no reason to refuse. */
        status = fnd_boxes_read(datum->model, entry->boxes, entry->label, &drawn->model, error);
        fnd_boxes_clip(&drawn->model, drawn->width, drawn->height);
    }
    fnd_text_finish(&bytes);
    return status;
}

void fnd_drawn_finish(struct fnd_drawn *drawn)
{
    fnd_boxes_finish(&drawn->human);
    fnd_boxes_finish(&drawn->model);
    fnd_text_finish(&drawn->image);
}

static void result_append(struct fnd_text *line, const struct fnd_drawn *drawn,
                          const struct fnd_boxes *boxes, char letter)
{
    fnd_text_append_z(line, "\"result\":[");
    for (size_t i = 0; i < boxes->count; i++) {
        const struct fnd_box *box = &boxes->list[i];
        const double sides[4] = {box->x * 100 / drawn->width, box->y * 100 / drawn->height,
                                 box->width * 100 / drawn->width,
                                 box->height * 100 / drawn->height};
        static const char *const names[] = {"x", "y", "width", "height"};
        fnd_text_printf(line,
                        "%s{\"id\":\"%c%zu\",\"type\":\"rectanglelabels\",\"from_name\":\"label\","
                        "\"to_name\":\"image\",\"original_width\":%" PRIu32
                        ",\"original_height\":%" PRIu32 ",\"image_rotation\":0,\"value\":{",
                        i > 0 ? "," : "", letter, i + 1, drawn->width, drawn->height);
        for (size_t j = 0; j < 4; j++) {
            fnd_text_printf(line, "\"%s\":", names[j]);
            fnd_decimals_append(line, sides[j], PERCENT_DECIMALS);
            fnd_text_append_byte(line, ',');
        }
        fnd_text_append_z(line, "\"rotation\":0,\"rectanglelabels\":[");
        fnd_text_append_json_z(line, box->label);
        fnd_text_append_z(line, "]}}");
    }
    fnd_text_append_byte(line, ']');
}

/** Whether XML 1.0 can hold a text: no control character but tab and line ends, and none of the two
 *  that are no characters. */
static bool xml_holds(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        if ((*at < ' ' && strchr("\t\n\r", *at) == NULL) ||
            (at[0] == 0xEF && at[1] == 0xBF && (at[2] == 0xBE || at[2] == 0xBF))) {
            return false;
        }
    }
    return true;
}

/** Labels stand in the labelling configuration, too. */
static enum fnd_status labels_check(const struct fnd_boxes *boxes, struct fnd_error *error)
{
    for (size_t i = 0; i < boxes->count; i++) {
        if (!xml_holds(boxes->list[i].label)) {
            return fnd_error_set(error, FND_INVALID,
                                 "the label of its box %zu has a control character, which Label "
                                 "Studio's configuration, an XML text, cannot hold; correct the "
                                 "label",
                                 i + 1);
        }
    }
    return FND_OK;
}

static enum fnd_status studio_line(const struct fnd_plan *plan, const struct fnd_datum *datum,
                                   struct fnd_text *line, struct fnd_error *error)
{
    struct fnd_drawn drawn = {.width = 0};
    struct fnd_json score = fnd_datum_score(datum);
    enum fnd_status status = fnd_drawn_make(plan, datum, true, &drawn, error);
    if (status == FND_OK) {
        status = labels_check(&drawn.human, error);
    }
    if (status == FND_OK) {
        status = labels_check(&drawn.model, error);
    }
    if (status == FND_OK) {
        fnd_text_append_z(line, "{\"data\":{\"image\":");
        fnd_text_append_json(line, drawn.image.bytes, drawn.image.size);
        fnd_text_append_z(line, "},\"predictions\":[{\"model_version\":");
        fnd_text_append_json_z(line, datum->pipeline);
        if (score.bytes != NULL) {
            fnd_text_append_z(line, ",\"score\":");
            fnd_text_append(line, score.bytes, score.size);
        }
        fnd_text_append_byte(line, ',');
        result_append(line, &drawn, &drawn.model, 'm');
        fnd_text_append_z(line, "}],\"annotations\":[{");
        result_append(line, &drawn, &drawn.human, 'h');
        fnd_text_append_z(line, "}]}");
    }
    fnd_drawn_finish(&drawn);
    return status;
}

/** Whether a region is the box, to a hundredth of a pixel. */
static bool region_is(struct fnd_json region, const struct fnd_box *box)
{
    static const char *const pointers[] = {"/value/x", "/value/y", "/value/width", "/value/height"};
    const double sides[4] = {box->x, box->y, box->width, box->height};
    double width = 0, height = 0;
    if (!fnd_json_number(fnd_json_find(region, "/original_width"), &width) ||
        !fnd_json_number(fnd_json_find(region, "/original_height"), &height)) {
        return false;
    }
    for (size_t i = 0; i < 4; i++) {
        double percent = 0;
        if (!fnd_json_number(fnd_json_find(region, pointers[i]), &percent) ||
            fabs(percent * (i % 2 == 0 ? width : height) / 100 - sides[i]) > 0.01) {
            return false;
        }
    }
    return fnd_json_text_is(fnd_json_find(region, "/value/rectanglelabels/0"), box->label);
}

static enum fnd_status studio_agrees(const struct fnd_datum *datum, struct fnd_json line,
                                     struct fnd_error *error)
{
    struct fnd_boxes boxes = {0};
    struct fnd_json result = fnd_json_find(line, "/annotations/0/result");
    enum fnd_status status =
        fnd_boxes_read(datum->human, datum->entry->boxes, datum->entry->label, &boxes, error);
    if (status == FND_OK && fnd_json_count(result) != boxes.count) {
        status = fnd_error_set(error, FND_DAMAGED, "it has %zu boxes, and %zu are on record",
                               fnd_json_count(result), boxes.count);
    }
    for (struct fnd_json_walk walk = fnd_json_walk(result);
         status == FND_OK && fnd_json_next(&walk);) {
        if (!region_is(walk.value, &boxes.list[walk.index])) {
            status = fnd_error_set(error, FND_DAMAGED, "its box %zu is not the one on record",
                                   walk.index + 1);
        }
    }
    fnd_boxes_finish(&boxes);
    return status == FND_OK ? fnd_image_agrees(datum, fnd_json_find(line, "/data/image"), error)
                            : status;
}

void fnd_label_add(struct fnd_checker *checker, char *label)
{
    size_t at = 0, high = checker->labels_count;
    while (at < high) {
        const size_t middle = at + (high - at) / 2;
        const bool before = strcmp(checker->labels[middle], label) < 0;
        at = before ? middle + 1 : at;
        high = before ? high : middle;
    }
    if (at < checker->labels_count && strcmp(checker->labels[at], label) == 0) {
        free(label);
        return;
    }
    const size_t count = checker->labels_count;
    if ((count & (count - 1)) == 0) { /* room for as many again whenever it is a power of two */
        checker->labels =
            fnd_realloc(checker->labels, count > 0 ? count * 2 : 1, sizeof *checker->labels);
    }
    memmove(&checker->labels[at + 1], &checker->labels[at],
            (checker->labels_count - at) * sizeof *checker->labels);
    checker->labels[at] = label;
    checker->labels_count++;
}

/** A region's id, decoded, and its place in the list. */
struct named {
    char *id;
    size_t index;
};

static int named_order(const void *a, const void *b)
{
    const struct named *left = a, *right = b;
    const int order = strcmp(left->id, right->id);
    return order != 0 ? order : (left->index > right->index) - (left->index < right->index);
}

/** Ids of a list of regions differ. Sorted: a picture may have many. */
static void ids_check(struct fnd_json result, const char *pointer, struct fnd_flaws *flaws)
{
    const size_t count = fnd_json_count(result);
    struct named *ids = fnd_alloc((count + 1) * sizeof *ids);
    for (struct fnd_json_walk walk = fnd_json_walk(result); fnd_json_next(&walk);) {
        ids[walk.index] =
            (struct named){fnd_json_strdup(fnd_json_member(walk.value, "id")), walk.index};
    }
    qsort(ids, count, sizeof *ids, named_order);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(ids[i].id, ids[i - 1].id) == 0) {
            struct fnd_text at = {0};
            fnd_text_printf(&at, "%s/%zu", pointer, ids[i].index);
            fnd_flaws_add(flaws, fnd_text_z(&at), "id", false, "has the id of item %zu",
                          ids[i - 1].index);
            fnd_text_finish(&at);
        }
    }
    for (size_t i = 0; i < count; i++) {
        free(ids[i].id);
    }
    free(ids);
}

static void result_check(struct fnd_checker *checker, struct fnd_json result, const char *pointer,
                         struct fnd_flaws *flaws)
{
    ids_check(result, pointer, flaws);
    for (struct fnd_json_walk walk = fnd_json_walk(result); fnd_json_next(&walk);) {
        double x = 0, y = 0, width = 0, height = 0;
        struct fnd_json value = fnd_json_member(walk.value, "value");
        struct fnd_text at = {0};
        fnd_text_printf(&at, "%s/%zu", pointer, walk.index);
        fnd_json_number(fnd_json_member(value, "x"), &x);
        fnd_json_number(fnd_json_member(value, "y"), &y);
        fnd_json_number(fnd_json_member(value, "width"), &width);
        fnd_json_number(fnd_json_member(value, "height"), &height);
        if (x + width > 100 + 1e-5 || y + height > 100 + 1e-5) {
            fnd_flaws_add(flaws, fnd_text_z(&at), "box", false,
                          "passes the picture's edge: places are in percent");
        }
        struct fnd_json labels = fnd_json_member(value, "rectanglelabels");
        for (struct fnd_json_walk label = fnd_json_walk(labels); fnd_json_next(&label);) {
            char *name = fnd_json_strdup(label.value);
            if (!xml_holds(name)) {
                fnd_flaws_add(flaws, fnd_text_z(&at), "label", false,
                              "has a label with a control character, which no labelling "
                              "configuration can hold");
            }
            fnd_label_add(checker, name);
        }
        fnd_text_finish(&at);
    }
}

static void studio_check(struct fnd_checker *checker, struct fnd_json line, struct fnd_flaws *flaws)
{
    static const char *const lists[] = {"predictions", "annotations"};
    checker->with_files++;
    for (size_t i = 0; i < 2; i++) {
        struct fnd_json list = fnd_json_member(line, lists[i]);
        for (struct fnd_json_walk walk = fnd_json_walk(list); fnd_json_next(&walk);) {
            struct fnd_text at = {0};
            fnd_text_printf(&at, "/%s/%zu/result", lists[i], walk.index);
            result_check(checker, fnd_json_member(walk.value, "result"), fnd_text_z(&at), flaws);
            fnd_text_finish(&at);
        }
    }
}

static void xml_append(struct fnd_text *text, const char *value)
{
    for (; *value != '\0'; value++) {
        if (strchr("&<>\"", *value) != NULL || (unsigned char)*value < ' ') {
            fnd_text_printf(text, "&#%d;", *value);
        } else {
            fnd_text_append_byte(text, *value);
        }
    }
}

/** The labelling configuration for a project that imports the file. */
static void studio_beside(const struct fnd_plan *plan, const struct fnd_checker *checker,
                          struct fnd_text *text)
{
    (void)plan;
    fnd_text_append_z(text, "<View>\n  <Image name=\"image\" value=\"$image\"/>\n"
                            "  <RectangleLabels name=\"label\" toName=\"image\">\n");
    for (size_t i = 0; i < checker->labels_count; i++) {
        fnd_text_append_z(text, "    <Label value=\"");
        xml_append(text, checker->labels[i]);
        fnd_text_append_z(text, "\"/>\n");
    }
    fnd_text_append_z(text, "  </RectangleLabels>\n</View>\n");
}

const struct fnd_format fnd_format_label_studio = {.name = "label-studio",
                                                   .schema = schema,
                                                   .training = true,
                                                   .by_uri = true,
                                                   .embeds = true,
                                                   .array = true,
                                                   .line = studio_line,
                                                   .agrees = studio_agrees,
                                                   .check = studio_check,
                                                   .beside_name = ".labels.xml",
                                                   .beside = studio_beside};
