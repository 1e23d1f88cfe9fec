/* SPDX-License-Identifier: MIT */
/* What the files of the desk share. */
#ifndef FND_REVIEW_DESK_INTERNAL_H
#define FND_REVIEW_DESK_INTERNAL_H

#include "review/desk.h"
#include "review/internal.h"

struct undoing;  /* undo.c */
struct settling; /* settle.c */

/** A few numbers that were seen to already. */
struct fnd_numbers {
    int64_t *list;
    size_t count;
};

/** The time of deadlines (clock.c). `= {0}`. */
struct fnd_clock {
    bool started;
    int64_t wall_us, monotonic_us; /* of the last time they agreed */
    int64_t jumped_us;             /* monotonic, since when they do not; 0 */
};

/** A deadline's outcome that was refused. */
struct fnd_lapse {
    int64_t request;
    struct fnd_error error;
};

/** An act that is decided and not yet on disk (batch.c). */
struct fnd_batched {
    struct fnd_write *write;
    int64_t request;
    bool says; /* whom to tell waits for it, too */
    struct fnd_desk_told told;
    char *by; /* what told.by points at */
};

/** Acts whose commits are held back, to be one. */
struct fnd_batch {
    bool open;
    struct fnd_batched *list;
    size_t count;
};

struct fnd_desk {
    struct fnd_engine *engine;
    struct fnd_batch batch;
    const struct fnd_log *log;
    void (*told)(void *context, const struct fnd_desk_told *told);
    void *told_context;
    struct undoing *undoings;   /* answers being taken back (undo.c) */
    struct settling *settlings; /* answers by rule or deadline (settle.c) */
    size_t settlings_count;
    struct fnd_lapse *lapses; /* to be recorded at the next turn */
    size_t lapses_count;
    struct fnd_clock clock;
    struct fnd_numbers tried;  /* requests whose rule or deadline did not work out */
    struct fnd_numbers undone; /* records of revoked rules that were tried to be taken back */
    bool stale;                /* look now */
    bool rules_stale;          /* and at every open request's rules, of which there may be more */
    int64_t look_us;           /* else then, monotonic */
};

/** Requests that are due, as they are read. */
struct fnd_overdue {
    struct fnd_ask_row *rows;
    size_t count;
};
struct fnd_rule_find {
    int64_t answer;
    struct fnd_rule_row row;
    bool found;
};
bool fnd_rule_match(const struct fnd_rule_row *row, void *context);

/** The time now, for deadlines. */
int64_t fnd_clock_now_us(struct fnd_clock *clock, const struct fnd_env *env);
bool fnd_numbers_have(const struct fnd_numbers *numbers, int64_t number);
void fnd_numbers_add(struct fnd_numbers *numbers, int64_t number);

/* settle.c */
bool fnd_desk_settles(const struct fnd_desk *desk, int64_t request); /* is under way */
void fnd_settle_by_rule(struct fnd_desk *desk, int64_t request);
void fnd_settle_by_deadline(struct fnd_desk *desk, int64_t request, struct fnd_json asked);
void fnd_settle_lapses(struct fnd_desk *desk);
void fnd_settle_forget(struct fnd_desk *desk); /* the desk goes away */

/** Commit a write about a request, which is taken; or hold it back in an open batch, and say OK.
 *  number  of its first event; may be NULL, and is never told in a batch. */
enum fnd_status fnd_desk_commit(struct fnd_desk *desk, struct fnd_write *write, int64_t request,
                                int64_t *number, struct fnd_error *error);
/** Hold back what is to be told of the act just held back. False: nothing is held back of it. */
bool fnd_batch_say(struct fnd_desk *desk, const struct fnd_desk_told *told);
void fnd_batch_forget(struct fnd_desk *desk); /* the desk goes away */

/** An event about a request as a write of its own, committed. `body` is taken. `outbox` hooks are
 *  added.  fence  as fnd_write.fence.  number may be NULL. */
enum fnd_status fnd_desk_record(struct fnd_desk *desk, enum fnd_event_kind kind, int64_t request,
                                int64_t fence, char *body, int64_t *number,
                                struct fnd_error *error);
/** Pass on what somebody did.  what: of struct fnd_desk_told. */
void fnd_desk_say(struct fnd_desk *desk, enum fnd_told what, const struct fnd_ask_row *row,
                  const char *by, int64_t until_us);
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

/* twins.c */
enum { FND_RULES_MAX = 64 }; /* that one request may be settled by */
/** What rules answer to a request. `= {0}`; the caller frees `values`. */
struct fnd_ruling {
    struct fnd_text values; /* JSON object, as of an answer */
    int64_t rules[FND_RULES_MAX];
    size_t rules_count;
    int64_t request; /* that the last of them came from */
};
/** FND_NOT_FOUND: not every question has a rule that holds. */
enum fnd_status fnd_twins_rule(struct fnd_reader *reader, int64_t request,
                               struct fnd_ruling *ruling, struct fnd_error *error);

#endif
