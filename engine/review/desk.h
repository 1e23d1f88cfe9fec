/* SPDX-License-Identifier: MIT */
/* A desk: what people do with requests before they answer them, and what happens to requests that
 * nobody answers. Claims, heartbeats, drafts, putting off; answers taken back; deadlines; rules.
 *
 * Belongs to the engine's thread. What an act does is on disk when its function returns, but for
 * answers taken back, which are operations of the engine and end by a call, and for what is done
 * in a batch. */
#ifndef FND_REVIEW_DESK_H
#define FND_REVIEW_DESK_H

#include "base/text.h"
#include "review/review.h"
#include "run/engine.h"
#include "store/desk.h"

enum {
    FND_LEASE_MS = 5 * 60 * 1000, /* of a claim, where the pipeline does not say */
    FND_LEASE_MIN_MS = 1000,
    FND_LEASE_MAX_MS = 24 * 3600 * 1000,
    FND_CLAIMS_MAX = 3,              /* given out at once */
    FND_DRAFT_SIZE_MAX = 256 * 1024, /* bytes of a draft */
    FND_UNDO_MS = 10 * 1000          /* how long an answer may be taken back by who gave it */
};

struct fnd_desk;

/** A desk over an engine; borrows it. log may be NULL. */
struct fnd_desk *fnd_desk_create(struct fnd_engine *engine, const struct fnd_log *log);
/** No act may be under way: the engine is idle or its operations were ended. NULL is fine. */
void fnd_desk_destroy(struct fnd_desk *desk);

/** What somebody does with a request. Claims and releases are events of the record, too. */
enum fnd_told { FND_TOLD_CLAIM, FND_TOLD_HEARTBEAT, FND_TOLD_RELEASE, FND_TOLD_DRAFT };
struct fnd_desk_told {
    enum fnd_told what;
    int64_t request, job;
    const char *by;   /* borrowed */
    int64_t until_us; /* of that person's lease, 0: there is none */
};
/** Whom to tell of it, once it is on disk.  Thread: the engine's, inside the act. */
void fnd_desk_tell(struct fnd_desk *desk,
                   void (*told)(void *context, const struct fnd_desk_told *told), void *context);

/** A request that somebody has. */
struct fnd_claim {
    int64_t request, fence, until_us;
    char holder[FND_WHO_SIZE_MAX + 1]; /* on FND_CONFLICT "leased": who has it, until until_us */
};

/** Take a request onto a person's desk: the fence goes up, whoever held it before can answer no
 *  more.  lease_ms  0: as the pipeline says.
 *  Returns FND_OK; FND_CONFLICT "leased": somebody else holds it, claim->holder and until_us say
 *          who; "request_answered", "request_withdrawn"; FND_NOT_FOUND; FND_INVALID: no name. */
enum fnd_status fnd_desk_claim(struct fnd_desk *desk, int64_t request, const char *by,
                               int64_t lease_ms, struct fnd_claim *claim, struct fnd_error *error);

/** Which request a person is given. */
struct fnd_desk_wish {
    const char *by, *group, *pipeline; /* group, pipeline: NULL for any */
    const int64_t *exclude;            /* requests that the person has seen already */
    size_t exclude_count;
    size_t count;     /* 1 to FND_CLAIMS_MAX */
    int64_t lease_ms; /* 0: as the pipelines say */
};
/** Claim what comes next in the queue: due first, then age; nothing that is held, put off, or that
 * a rule is about to settle. claims  room for wish->count.  Returns FND_OK, *count is 0 when there
 * is nothing. */
enum fnd_status fnd_desk_next(struct fnd_desk *desk, const struct fnd_desk_wish *wish,
                              struct fnd_claim *claims, size_t *count, struct fnd_error *error);

/** Keep a claim for longer, also one that has lapsed and that nobody took.
 *  Returns FND_OK and when it ends; FND_CONFLICT "lease_lost". */
enum fnd_status fnd_desk_heartbeat(struct fnd_desk *desk, int64_t request, const char *by,
                                   int64_t fence, int64_t lease_ms, int64_t *until_us,
                                   struct fnd_error *error);
/** Keep what a person has typed: values by pointer are merged a field; removed, an array or no
 *  value, replaces the one before; forget, an array of pointers, takes those out. Without forget
 *  a null among the values does that, with it a null is a value like any other. With a fence that
 * was lost it is kept all the same, under that person's name, and the return is FND_CONFLICT
 * "lease_lost". FND_LIMIT: too long.
 */
enum fnd_status fnd_desk_draft(struct fnd_desk *desk, int64_t request, const char *by,
                               int64_t fence, struct fnd_json values, struct fnd_json removed,
                               struct fnd_json forget, struct fnd_error *error);
/** Put a request back.  FND_CONFLICT "lease_lost". */
enum fnd_status fnd_desk_release(struct fnd_desk *desk, int64_t request, const char *by,
                                 int64_t fence, struct fnd_error *error);
/** Put a request off: nobody is given it before until_us.  fence  0: nobody else may hold it. */
enum fnd_status fnd_desk_snooze(struct fnd_desk *desk, int64_t request, const char *by,
                                int64_t fence, int64_t until_us, struct fnd_error *error);

/** Hold back the commits of what follows, which may be claims, heartbeats, drafts, releases and
 *  puttings-off: they return as if all went well, and are on disk, and told of, at the end of the
 *  batch, as one group with whatever else waits. */
void fnd_desk_batch_begin(struct fnd_desk *desk);
/** How many are held back so far; an act holds back one, or none where it has nothing to write. */
size_t fnd_desk_batch_count(const struct fnd_desk *desk);
/** Whether one about this request is: another about it must wait for the end, since it would be
 *  decided without the first. */
bool fnd_desk_batch_has(const struct fnd_desk *desk, int64_t request);
/** Commit them. ended  called for each in order: FND_OK, and what its function returned holds; or
 *  why it does not (FND_CONFLICT: something else came first). May begin further acts. */
void fnd_desk_batch_end(struct fnd_desk *desk,
                        void (*ended)(void *context, size_t index, enum fnd_status status,
                                      const struct fnd_error *error),
                        void *context);

/** How an answer is taken back. */
enum fnd_undo {
    FND_UNDO_OWN,    /* by whoever gave it, within its moment */
    FND_UNDO_REOPEN, /* by anybody, with a reason */
    FND_UNDO_REVOKE  /* the rule that gave it was revoked */
};
struct fnd_undo_order {
    int64_t request, event; /* event: the answer that is meant; 0: the one that stands */
    enum fnd_undo how;
    const char *by, *reason; /* reason: NULL is fine but for REOPEN */
};
struct fnd_undone {
    int64_t job, request, event, answer; /* event: the UNDO; answer: what was taken back */
    int32_t version;                     /* of the request, which is open again */
};
/** Take an answer back: outputs from its phase on are dropped, the request is open again with a new
 *  version, the record stays and says by which event it was undone. What runs behind it is stopped
 *  first.
 *  order  copied.
 *  done   called once, from here or from a turn of the engine; not after fnd_desk_destroy(). NULL
 * is fine. FND_OK; FND_CONFLICT "not_answered", "stale_answer", "not_yours", "undo_over",
 *         "moved_past" (a phase that must not be repeated has begun since, or the job was run
 * again), "cancelled"; FND_NOT_FOUND; FND_INVALID. */
void fnd_desk_undo_begin(struct fnd_desk *desk, const struct fnd_undo_order *order,
                         void (*done)(void *context, const struct fnd_undone *undone,
                                      enum fnd_status status, const struct fnd_error *error),
                         void *context);

/** End a rule; the requests that it settled and whose jobs can go back are opened again, here and
 * in further turns.  settled  how many records stood by it. Returns FND_OK; FND_NOT_FOUND;
 * FND_CONFLICT: it was revoked before. */
enum fnd_status fnd_desk_revoke(struct fnd_desk *desk, int64_t rule, const char *by,
                                const char *reason, int64_t *settled, struct fnd_error *error);

/** Do what is due: reminders, escalations, outcomes, rules. Only where the engine was told to move
 *  jobs (fnd_engine_resume). Never waits for an operation; call it beside fnd_engine_turn(). */
void fnd_desk_turn(struct fnd_desk *desk);
/** Microseconds until a turn is due by the clock; -1: never. */
int64_t fnd_desk_wait_us(const struct fnd_desk *desk);
/** A transition of the engine: a question that a rule answers is settled at once. To be called from
 *  fnd_engine_options.news. */
void fnd_desk_news(struct fnd_desk *desk, const struct fnd_news *news);

#endif
