/* SPDX-License-Identifier: MIT */
/* What the files of the desk share. */
#ifndef FND_REVIEW_DESK_INTERNAL_H
#define FND_REVIEW_DESK_INTERNAL_H

#include "review/desk.h"
#include "review/internal.h"

struct undoing; /* undo.c */

struct fnd_desk {
    struct fnd_engine *engine;
    const struct fnd_log *log;
    struct undoing *undoings; /* answers being taken back (undo.c) */
};

/** An event about a request as a write of its own, committed. `body` is taken. `outbox` hooks are
 *  added.  fence  as fnd_write.fence.  number may be NULL. */
enum fnd_status fnd_desk_record(struct fnd_desk *desk, enum fnd_event_kind kind, int64_t request,
                                int64_t fence, char *body, int64_t *number,
                                struct fnd_error *error);
/** A name that can stand on a desk.  FND_INVALID says why not. */
enum fnd_status fnd_desk_who(const char *by, struct fnd_error *error);
/** The wall clock now. */
int64_t fnd_desk_now_us(const struct fnd_desk *desk);
/** The body of a request's ASK event, and in it a duration of that name, or `otherwise`. */
enum fnd_status fnd_desk_asked(struct fnd_desk *desk, int64_t request, struct fnd_text *body,
                               struct fnd_error *error);
int64_t fnd_asked_ms(struct fnd_json asked, const char *name, int64_t otherwise);

/* undo.c */
/** The desk goes away: acts under way end without it. */
void fnd_undo_forget(struct fnd_desk *desk);

#endif
