/* SPDX-License-Identifier: MIT */
/* Boxes in a document, and the picture that they lie in. */
#ifndef FND_DATASET_BOXES_H
#define FND_DATASET_BOXES_H

#include "dataset/internal.h"

/** Width and height of a PNG or JPEG as it is displayed, in pixels: a JPEG whose EXIF data says
 *  that it lies on its side has them swapped. False for anything else. Never reads outside. */
bool fnd_picture_size(const uint8_t *bytes, size_t size, uint32_t *width, uint32_t *height);

struct fnd_box {
    double x, y, width, height; /* pixels of the displayed picture, from its upper left corner */
    char *label;
};
struct fnd_boxes { /* `= {0}`; finish frees */
    struct fnd_box *list;
    size_t count;
};
void fnd_boxes_finish(struct fnd_boxes *boxes);
/** Read the boxes of a document.
 *  list   pointer to them; NULL: "/boxes". A document without it has none.
 *  label  pointer to a box's label; NULL: "/label". A box without one is an "object".
 *  Returns FND_OK; FND_INVALID: what is there is no list of boxes. */
enum fnd_status fnd_boxes_read(struct fnd_json document, const char *list, const char *label,
                               struct fnd_boxes *boxes, struct fnd_error *error);
/** Refuse boxes that are empty, reversed or not wholly inside the picture, or too small for six
 *  decimals.
 *  shares  these are of shares of the picture; false: of pixels. */
enum fnd_status fnd_boxes_check(const struct fnd_boxes *boxes, uint32_t width, uint32_t height,
                                bool shares, struct fnd_error *error);
/** Cut them at the picture's edges; those wholly outside go. */
void fnd_boxes_clip(struct fnd_boxes *boxes, uint32_t width, uint32_t height);

/** A record's picture and what is drawn in it. `= {0}`; finish frees. */
struct fnd_drawn {
    struct fnd_boxes human, model; /* the model's are cut at the edges */
    struct fnd_text image;
    uint32_t width, height;
};
/** Read them.  image  whether drawn->image is wanted, too: a data URL or URI.
 *  Returns FND_OK; FND_INVALID: no picture, or boxes that are none; FND_NOT_FOUND, FND_DAMAGED. */
enum fnd_status fnd_drawn_make(const struct fnd_plan *plan, const struct fnd_datum *datum,
                               bool image, struct fnd_drawn *drawn, struct fnd_error *error);
void fnd_drawn_finish(struct fnd_drawn *drawn);
/** Keep a label in checker->labels, sorted, once. Takes it. */
void fnd_label_add(struct fnd_checker *checker, char *label);

/** Append a number with at most six decimals, the same in every locale; where 64 bits cannot hold
 *  it with them, without. */
void fnd_decimals_append(struct fnd_text *text, double value, int decimals); /* at most 12 */
void fnd_decimal_append(struct fnd_text *text, double value);

#endif
