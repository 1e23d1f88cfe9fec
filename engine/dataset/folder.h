/* SPDX-License-Identifier: MIT */
/* Formats whose export is a folder: pictures, and what is known of them, split by split. */
#ifndef FND_DATASET_FOLDER_H
#define FND_DATASET_FOLDER_H

#include "dataset/boxes.h"
#include "dataset/bundle.h"

/** What a format of folders adds to `struct fnd_format`. Its line() is a record as JSON with at
 *  least {"split"}; the same comes out of read(). */
struct fnd_folder {
    bool exact;   /* a line's "row" is read back byte for byte as it was written */
    bool classes; /* numbers stand for labels: the plan's classes are filled */
    /** Write a record's files. */
    enum fnd_status (*put)(const struct fnd_plan *plan, const struct fnd_datum *datum,
                           struct fnd_json line, struct fnd_bundle *bundle,
                           struct fnd_error *error);
    /** Write what tells of all of them. */
    enum fnd_status (*end)(const struct fnd_plan *plan, struct fnd_bundle *bundle,
                           struct fnd_error *error);
    /** Read a folder, ours or a foreign one: each example goes to fnd_checking_value(), train
     * first, then validation, then test, sorted by name; what else is wrong to fnd_checking_tell().
     */
    enum fnd_status (*read)(struct fnd_checking *checking, int folder, struct fnd_error *error);
};

/** Check a folder against the rules of a format, and against the manifest in it, if there is one.
 *  Returns as fnd_check_file(). */
enum fnd_status fnd_check_folder(int folder, const struct fnd_format *format,
                                 const struct fnd_check_hooks *hooks,
                                 struct fnd_dataset_checked *checked, struct fnd_error *error);
/** Fill plan->classes: the labels of all records of the scope from the first one on, in the order
 * in which they came up, so that what is recorded later only adds numbers and never moves one. */
enum fnd_status fnd_plan_classes(struct fnd_plan *plan, struct fnd_error *error);
/** Fill plan->order. */
void fnd_plan_order(struct fnd_plan *plan, const uint8_t *splits);
/** The number of a label; SIZE_MAX: it has none. */
size_t fnd_plan_class(const struct fnd_plan *plan, const char *label);

/** Put the record's picture in as it was recorded.
 *  path  where to; see fnd_picture_name(). */
enum fnd_status fnd_picture_put(const struct fnd_plan *plan, const struct fnd_datum *datum,
                                const char *path, struct fnd_bundle *bundle,
                                struct fnd_error *error);
/** Append the record's number in twelve digits and the ending of its kind of picture. */
enum fnd_status fnd_picture_name(const struct fnd_datum *datum, struct fnd_text *name,
                                 struct fnd_error *error);
/** A picture of a folder, read: hash of its bytes, and its size as it is displayed (0: not told).
 */
struct fnd_picture {
    char sha256[FND_DIGEST_TEXT_SIZE];
    uint32_t width, height;
};
/** FND_OK; FND_NOT_FOUND, FND_INVALID (no regular file), FND_LIMIT, FND_DENIED, FND_IO. */
enum fnd_status fnd_picture_read(int folder, const char *path, struct fnd_picture *picture,
                                 struct fnd_error *error);
/** Read a text file of a folder whole; what is wrong with its encoding (BOM, CR LF, no UTF-8) is
 *  told and mended, so that one flaw is not told a thousand times.  False: it was told that it
 *  cannot be read. */
bool fnd_folder_text(struct fnd_checking *checking, int folder, const char *path,
                     struct fnd_text *text);
/** Whether somebody can show this file as a picture, by its name's end. */
bool fnd_picture_named(const char *path);
/** Whether the boxes of two lists are the same to `tolerance` of the picture's size, and the
 *  labels equal. */
bool fnd_boxes_same(const struct fnd_boxes *a, const struct fnd_boxes *b, double tolerance_x,
                    double tolerance_y);

#endif
