/* SPDX-License-Identifier: MIT */
/* Format `yolo`: pictures, beside each a text with a line a box: class, centre and size as shares
 * of the picture. Layout: Ultralytics, "Object detection datasets"; CVAT, "Ultralytics YOLO". */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/folder.h"
#include "dataset/yolo.h"

static const char schema[] =
    "{\"type\":\"object\",\"required\":[\"file\",\"split\",\"sha256\",\"width\",\"height\","
    "\"boxes\"],\"properties\":{\"file\":{\"type\":\"string\"},\"split\":{\"enum\":[\"train\","
    "\"validation\",\"test\"]},\"boxes\":{\"type\":\"array\"}}}";

const char *fnd_yolo_part(enum fnd_split split)
{
    static const char *const parts[] = {"train", "train", "val", "test"};
    return parts[split];
}

void fnd_yolo_line(const char *file, enum fnd_split split, const struct fnd_picture *picture,
                   const struct fnd_boxes *boxes, struct fnd_text *line)
{
    fnd_text_append_z(line, "{\"file\":");
    fnd_text_append_json_z(line, file);
    fnd_text_printf(line,
                    ",\"split\":\"%s\",\"sha256\":\"%s\",\"width\":%" PRIu32 ",\"height\":%" PRIu32
                    ",\"boxes\":[",
                    fnd_split_name(split), picture->sha256, picture->width, picture->height);
    for (size_t i = 0; i < boxes->count; i++) {
        const struct fnd_box *box = &boxes->list[i];
        const double sides[4] = {box->x, box->y, box->width, box->height};
        fnd_text_append_z(line, i > 0 ? ",{\"label\":" : "{\"label\":");
        fnd_text_append_json_z(line, box->label);
        fnd_text_append_z(line, ",\"bbox\":[");
        for (size_t j = 0; j < 4; j++) {
            fnd_text_append_z(line, j > 0 ? "," : "");
            fnd_decimal_append(line, sides[j]);
        }
        fnd_text_append_z(line, "]}");
    }
    fnd_text_append_z(line, "]}");
}

static enum fnd_status yolo_line(const struct fnd_plan *plan, const struct fnd_datum *datum,
                                 struct fnd_text *line, struct fnd_error *error)
{
    struct fnd_drawn drawn = {.width = 0};
    struct fnd_picture picture = {.width = 0};
    struct fnd_text file = {0};
    char *hash = fnd_json_strdup(fnd_json_member(datum->input, "sha256"));
    enum fnd_status status = fnd_drawn_make(plan, datum, false, &drawn, error);
    fnd_text_printf(&file, "images/%s/", fnd_yolo_part(datum->split));
    if (status == FND_OK) {
        status = fnd_picture_name(datum, &file, error);
    }
    for (size_t i = 0; status == FND_OK && i < drawn.human.count; i++) {
        if (fnd_plan_class(plan, drawn.human.list[i].label) == SIZE_MAX) {
            status = fnd_error_set(error, FND_DAMAGED, "its label \"%s\" has no number",
                                   drawn.human.list[i].label);
        }
    }
    if (status == FND_OK) {
        snprintf(picture.sha256, sizeof picture.sha256, "%s", hash != NULL ? hash : "");
        picture.width = drawn.width;
        picture.height = drawn.height;
        fnd_yolo_line(fnd_text_z(&file), datum->split, &picture, &drawn.human, line);
    }
    fnd_drawn_finish(&drawn);
    fnd_text_finish(&file);
    free(hash);
    return status;
}

/** A share of the picture with six decimals, the same in every locale. */
static void share_append(struct fnd_text *text, double share)
{
    const long long millionths = llround(fmin(fmax(share, 0), 1) * 1e6);
    fnd_text_printf(text, " %lld.%06lld", millionths / 1000000, millionths % 1000000);
}

void fnd_yolo_labels(const struct fnd_plan *plan, struct fnd_json line, struct fnd_text *text)
{
    struct fnd_boxes boxes = {0};
    double width = 1, height = 1;
    fnd_json_number(fnd_json_member(line, "width"), &width);
    fnd_json_number(fnd_json_member(line, "height"), &height);
    (void)fnd_boxes_read(line, NULL, NULL, &boxes, NULL); /* we wrote it */
    for (size_t i = 0; i < boxes.count; i++) {
        const struct fnd_box *box = &boxes.list[i];
        fnd_text_printf(text, "%zu", fnd_plan_class(plan, box->label));
        share_append(text, (box->x + box->width / 2) / width);
        share_append(text, (box->y + box->height / 2) / height);
        share_append(text, box->width / width);
        share_append(text, box->height / height);
        fnd_text_append_byte(text, '\n');
    }
    fnd_boxes_finish(&boxes);
}

static enum fnd_status yolo_put(const struct fnd_plan *plan, const struct fnd_datum *datum,
                                struct fnd_json line, struct fnd_bundle *bundle,
                                struct fnd_error *error)
{
    struct fnd_text text = {0}, path = {0};
    char *file = fnd_json_strdup(fnd_json_member(line, "file"));
    enum fnd_status status = fnd_picture_put(plan, datum, file, bundle, error);
    if (status == FND_OK) {
        fnd_yolo_labels(plan, line, &text);
        fnd_yolo_labels_path(file, &path);
        status = fnd_bundle_write(bundle, fnd_text_z(&path), fnd_text_z(&text), text.size, error);
    }
    free(file);
    fnd_text_finish(&text);
    fnd_text_finish(&path);
    return status;
}

/** Without `path`, which would be a machine's: the folder of data.yaml is then meant. */
static enum fnd_status yolo_end(const struct fnd_plan *plan, struct fnd_bundle *bundle,
                                struct fnd_error *error)
{
    const struct fnd_export_result *result = plan->result;
    struct fnd_text yaml = {0};
    enum fnd_status status = FND_OK;
    fnd_text_append_z(&yaml, "train: images/train\nval: images/val\n");
    fnd_text_append_z(&yaml, result->splits[2] > 0 ? "test: images/test\n" : "");
    fnd_text_append_z(&yaml, plan->classes_count > 0 ? "names:\n" : "names: {}\n");
    for (size_t i = 0; i < plan->classes_count; i++) {
        fnd_text_printf(&yaml, "  %zu: ", i);
        fnd_text_append_json_z(&yaml, plan->classes[i]);
        fnd_text_append_byte(&yaml, '\n');
    }
    for (int split = FND_SPLIT_TRAIN; status == FND_OK && split <= FND_SPLIT_TEST; split++) {
        static const char *const folders[] = {"images", "labels"};
        for (size_t i = 0; i < 2 && status == FND_OK; i++) {
            char folder[32];
            snprintf(folder, sizeof folder, "%s/%s", folders[i],
                     fnd_yolo_part((enum fnd_split)split));
            if (split != FND_SPLIT_TEST || result->splits[2] > 0) {
                status = fnd_bundle_folder(bundle, folder, error);
            }
        }
    }
    if (status == FND_OK) {
        status = fnd_bundle_write(bundle, "data.yaml", fnd_text_z(&yaml), yaml.size, error);
    }
    if (status == FND_OK && !plan->reproduces && result->lines > 0 &&
        (result->splits[0] == 0 || result->splits[1] == 0)) {
        fnd_plan_note(plan, 0, true,
                      result->splits[0] == 0
                          ? "no picture is in the split to train with; trainers of YOLO want some"
                          : "no picture is in the validation split; trainers of YOLO want some");
    }
    fnd_text_finish(&yaml);
    return status;
}

static enum fnd_status yolo_agrees(const struct fnd_datum *datum, struct fnd_json line,
                                   struct fnd_error *error)
{
    struct fnd_boxes boxes = {0}, found = {0};
    double width = 0, height = 0;
    char *hash = fnd_json_strdup(fnd_json_member(datum->input, "sha256"));
    fnd_json_number(fnd_json_member(line, "width"), &width);
    fnd_json_number(fnd_json_member(line, "height"), &height);
    enum fnd_status status =
        fnd_boxes_read(datum->human, datum->entry->boxes, datum->entry->label, &boxes, error);
    if (status == FND_OK) {
        status = fnd_boxes_read(line, NULL, NULL, &found, error);
    }
    /* Centre and size are rounded to a millionth of the picture each. */
    if (status == FND_OK &&
        !fnd_boxes_same(&boxes, &found, width * 1e-6 + 1e-5, height * 1e-6 + 1e-5)) {
        status = fnd_error_set(error, FND_DAMAGED, "its boxes are not those on record");
    } else if (status == FND_OK &&
               (hash == NULL || !fnd_json_text_is(fnd_json_member(line, "sha256"), hash))) {
        status = fnd_error_set(error, FND_DAMAGED, "its picture is not the one on record");
    } else if (status == FND_OK &&
               !fnd_json_text_is(fnd_json_member(line, "split"), fnd_split_name(datum->split))) {
        status = fnd_error_set(error, FND_DAMAGED, "it is in another split's folder");
    }
    fnd_boxes_finish(&boxes);
    fnd_boxes_finish(&found);
    free(hash);
    return status;
}

static void yolo_check(struct fnd_checker *checker, struct fnd_json line, struct fnd_flaws *flaws)
{
    (void)line;
    (void)flaws; /* what can be wrong is told while the labels are read, with file and line */
    checker->with_files++;
}

static const struct fnd_folder folder = {
    .classes = true, .put = yolo_put, .end = yolo_end, .read = fnd_yolo_read};

const struct fnd_format fnd_format_yolo = {.name = "yolo",
                                           .schema = schema,
                                           .training = true,
                                           .line = yolo_line,
                                           .agrees = yolo_agrees,
                                           .check = yolo_check,
                                           .folder = &folder};
