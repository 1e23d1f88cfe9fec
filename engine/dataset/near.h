/* SPDX-License-Identifier: MIT */
/* Records whose inputs say nearly the same: they make a training set look larger than it is, and a
 * test easier than it is where they stand on two sides of a split. They are told of, never left
 * out. */
#ifndef FND_DATASET_NEAR_H
#define FND_DATASET_NEAR_H

#include <pthread.h>

#include "dataset/internal.h"

/** What is kept of a record: 24 bytes. */
struct fnd_sketch {
    uint64_t bits[2];     /* alike in most places where the inputs share most of their text */
    uint64_t number : 40; /* of the record */
    uint64_t job : 22;    /* hash of pipeline and path */
    uint64_t split : 2;
};

/** The records of an export, and the groups found among them. `= {0}`; finish frees. */
struct fnd_near {
    struct fnd_sketch *list;
    size_t count, capacity;
    uint32_t *group; /* once found: of each record, the first one that it is near to, or itself */
    size_t groups, records,
        across;       /* records: in groups; across: groups on both sides of a split */
    uint32_t *room;   /* while they are looked for */
    pthread_t thread; /* that looks for them */
    bool looks;       /* it was begun and not waited for */
};
/** A search under way is waited for. */
void fnd_near_finish(struct fnd_near *near);

/** A sketch of a text: one bit of the least hash in each of 128 classes of its pieces of eight
 *  bytes, letters made small and white space one blank. Where texts share a part J of all their
 *  pieces, a bit is alike with probability (1 + J) / 2. Texts below 24 bytes are alike only if they
 *  are the same. The same on every machine.
 *  Source  P. Li, A. König, "b-Bit Minwise Hashing" (2010); P. Li, A. Owen, C.-H. Zhang, "One
 *          Permutation Hashing" (2012); A. Shrivastava, P. Li, "Densifying One Permutation Hashing
 *          via Rotation" (2014). */
void fnd_near_sketch(const char *bytes, size_t size, uint64_t bits[2]);

/** Sketch a record by its input: the text of a value; of a file its hash, as pixels are not looked
 *  at here. Returns false for one whose input is withheld.  Thread: any. */
bool fnd_near_look(const struct fnd_datum *datum, struct fnd_sketch *sketch);
/** Keep a record's sketch. */
void fnd_near_add(struct fnd_near *near, const struct fnd_sketch *sketch);
/** Find the groups: sketches that differ in no more than 12 of 128 bits, which pieces shared to
 * some nine tenths give, of different jobs. Each record is compared with the 32 behind it in eight
 *  orders, so that time grows with n log n. */
void fnd_near_find(struct fnd_near *near);
/** The same on a thread of its own, for who has other things to do: until fnd_near_wait() nothing
 *  of `near` may be looked at. Of few records, or where no thread can be had, it is done at once.
 */
void fnd_near_begin(struct fnd_near *near);
void fnd_near_wait(struct fnd_near *near);
/** Tell people: how many there are, and each group that stands on both sides of a split. */
void fnd_near_tell(const struct fnd_plan *plan, const struct fnd_near *near);
/** Append `,"near_duplicates":{"groups","records","across_splits","list":[[NUMBER…]…]}` for the
 *  manifest; nothing where there are none. The first 1000 groups are listed, of each 100 records.
 */
void fnd_near_manifest(const struct fnd_near *near, struct fnd_text *json);

#endif
