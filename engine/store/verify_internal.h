/* SPDX-License-Identifier: MIT */
/* What the files behind verify.h share. */
#ifndef FND_STORE_VERIFY_INTERNAL_H
#define FND_STORE_VERIFY_INTERNAL_H

#include "store/fold.h"
#include "store/head.h"
#include "store/parts.h"
#include "store/reader_internal.h"
#include "store/verify.h"

/** One verification. */
struct fnd_check {
    struct fnd_reader *reader;
    struct fnd_verify *result;
    void (*flaw)(const char *sentence, void *context);
    void *context;
    bool incomplete;  /* something could not be looked at */
    int64_t patience; /* how often SQLite may still report VERIFY_STEPS steps of its machine */
    /* the rebuild */
    struct fnd_db made;
    struct fnd_fold fold;
    sqlite3_stmt *outputs; /* of a step in the rebuild */
    struct fnd_parts_read parts;
    /* the witness, as it was before the snapshot, and what the record says at its places */
    struct fnd_head_content head;
    struct fnd_mark at_head[FND_HEAD_SLOTS];
};

/** Count and tell a flaw: a sentence with table, row and remedy. */
void fnd_check_flaw(struct fnd_check *check, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** SQLite could not go on reading `what`: a flaw, and the rest of it stays unseen. */
void fnd_check_unread(struct fnd_check *check, int rc, const char *what);

/* rebuild.c */
enum fnd_status fnd_rebuild_open(struct fnd_check *check, struct fnd_error *error);
void fnd_rebuild_close(struct fnd_check *check);
/** Apply an event to the rebuild; body and meta as recorded, NULL when absent. */
void fnd_rebuild_event(struct fnd_check *check, const struct fnd_event_row *event, const char *body,
                       size_t body_size, const char *meta, size_t meta_size);
/** Compare every table of the record with the rebuild. */
void fnd_rebuild_compare(struct fnd_check *check);

/* working.c */
/** Rows outside the chain: each refers to what is on record. In the snapshot. */
void fnd_check_working(struct fnd_check *check);

/* files.c */
/** Artifacts and plugin copies, bytes against names and sizes. Needs no snapshot. */
void fnd_check_files(struct fnd_check *check);

#endif
