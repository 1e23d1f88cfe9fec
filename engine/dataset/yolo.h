/* SPDX-License-Identifier: MIT */
/* The two halves of format `yolo`: yolo.c writes, yolo_read.c reads. */
#ifndef FND_DATASET_YOLO_H
#define FND_DATASET_YOLO_H

#include "dataset/folder.h"

/** The format's word for a split: "train", "val", "test"; static. */
const char *fnd_yolo_part(enum fnd_split split);
/** Append a picture with its boxes as JSON. */
void fnd_yolo_line(const char *file, enum fnd_split split, const struct fnd_picture *picture,
                   const struct fnd_boxes *boxes, struct fnd_text *line);
/** Append where the labels of a picture lie: the last folder `images` on its path becomes `labels`,
 *  and its name ends with .txt. */
void fnd_yolo_labels_path(const char *picture, struct fnd_text *path);
/** Append the label lines of a picture, as fnd_yolo_line() told of it. */
void fnd_yolo_labels(const struct fnd_plan *plan, struct fnd_json line, struct fnd_text *text);
enum fnd_status fnd_yolo_read(struct fnd_checking *checking, int folder, struct fnd_error *error);

#endif
