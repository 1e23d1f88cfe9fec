/* SPDX-License-Identifier: MIT */
/* Records made into lines, on several threads where there are many, and handed out in order. */
#ifndef FND_DATASET_MAKING_H
#define FND_DATASET_MAKING_H

#include "dataset/near.h"

/** A record on its way into the file, as far as it can be taken without knowing of the others. */
struct fnd_made {
    struct fnd_datum datum;
    struct fnd_text line;   /* without its end */
    struct fnd_json json;   /* the line once it was parsed; in `line` */
    enum fnd_status status; /* of loading it, and of making its line */
    enum fnd_status agrees; /* of comparing the line with the record */
    struct fnd_error error; /* of the one that failed */
    struct fnd_flaws flaws; /* of the line's shape: it meets the schema where there are none */
    struct fnd_sketch sketch;
    size_t size;   /* bytes that it holds, roughly */
    uint8_t left;  /* why it does not go into the file, or FND_LEFT_NONE */
    bool loaded;   /* it was read whole: its hash is known */
    bool sketched; /* it has a sketch */
};

struct fnd_making;

/** Begin to make lines of all plan->numbers.
 *  plan     borrowed until the end. Until then only its result, its skipped ones, and numbers that
 *           were handed out may be changed.
 *  making   receives it.
 *  Returns FND_OK; FND_INVALID: the format's schema is none. Where no thread can be had, records
 *          are made as they are asked for.
 *  Memory   four threads at most, with a connection each; what waits to be taken is some 8 MiB, or
 *          one record a thread where they are larger. */
enum fnd_status fnd_making_begin(struct fnd_plan *plan, struct fnd_making **making,
                                 struct fnd_error *error);
/** The next record, in order; there must be one. Good until the next call.  Thread: the one that
 *  began. */
struct fnd_made *fnd_making_next(struct fnd_making *making);
/** Threads end, also in the middle; what was counted goes to the plan. NULL is fine. */
void fnd_making_end(struct fnd_making *making);

#endif
