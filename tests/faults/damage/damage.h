/* SPDX-License-Identifier: MIT */
/* Job directories that are damaged, and whether somebody notices. */
#ifndef TEST_DAMAGE_DAMAGE_H
#define TEST_DAMAGE_DAMAGE_H

#include <stdbool.h>

#include "../power/model.h"
#include "../power/tools.h"
#include "store/reader.h"

enum { TEXT_SIZE = 1024, SHOWN_MAX = 8 };

/** One programme's counts. */
struct counts {
    size_t runs, violations;
};

/** What all parts share. */
struct damage {
    const char *engine;
    char folder[64];
    char whole[PATH_SIZE]; /* a job directory with rows in every table, as the engine left it */
    char work[PATH_SIZE];  /* a copy of it, to damage */
    const char *plant;     /* of verify's sentences those with this text are not heard; or NULL */
    uint64_t seed;
    size_t percent;
    struct draw draw;
};

/** Say what was not found, and count it. */
void violation(struct counts *counts, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Copy a job directory; what is at `to` is replaced. */
void directory_copy(const char *from, const char *to);
/** A path below .foundry of a job directory; valid until the next call. */
const char *inside(const char *directory, const char *name);
/** What is in a file: malloc'ed. */
uint8_t *bytes_read(const char *path, size_t *size);
void bytes_write(const char *path, const uint8_t *bytes, size_t size);

/** Whether verify finds something wrong, or refuses and names why.
 *  text  what it said. */
bool is_found(const struct damage *damage, const char *directory, char text[TEXT_SIZE]);
/** Open for writing, as the engine does, and close: it may refuse, and must not crash.
 *  code, message: of the refusal.  Returns the status. */
enum fnd_status try_open(const char *directory, bool accept_loss, struct fnd_error *error);
/** Open a store for writing, without a thread; ends the process when it cannot. */
struct fnd_store *store_open(const char *directory);
/** Record one event (a pin, of another name each time); its status. */
enum fnd_status record_one(struct fnd_store *store, const char *name, int number,
                           struct fnd_error *error);

/** One bit of content changed: in every column of every table, in every kind of file. */
void flips(struct damage *damage, size_t wanted, struct counts *counts);
/** The log cut, other files lost or swapped: against the witness. */
void tails(struct damage *damage, size_t cuts, struct counts *counts);
/** state.db renamed, linked, replaced or removed under an engine. */
void swaps(struct damage *damage, size_t rounds, struct counts *counts);

#endif
