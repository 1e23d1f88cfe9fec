/* SPDX-License-Identifier: MIT */
/* What people's desks need of the record: requests in queue order with who has them, drafts, rules,
 * deadlines, and the outbox. All reads; writes go through store.h (events and notes). */
#ifndef FND_STORE_DESK_H
#define FND_STORE_DESK_H

#include "base/json.h"
#include "store/fold.h"
#include "store/reader.h"

/** A request with all that stands about it. Plain data. */
struct fnd_ask_row {
    struct fnd_request_row request;
    int64_t job;
    int64_t asked_us, due_us,
        next_us;               /* FND_DUE_NONE: never; next: reminder, escalation, outcome */
    int64_t remind_ms, due_ms; /* as they were asked for; 0: none */
    int64_t fence, until_us;   /* until: of the lease, 0 without one */
    int64_t snoozed_us;        /* nobody is given it before; 0: not put off */
    int64_t reopened;          /* the UNDO that opened it again, 0 */
    int32_t stage;             /* 0 asked, 1 reminded, 2 escalated, 3 no deadline any more */
    char group[FND_GROUP_SIZE_MAX + 1];
    char holder[FND_WHO_SIZE_MAX + 1]; /* who claimed it last and has not put it back; "" */
};
enum fnd_status fnd_ask_get(struct fnd_reader *reader, int64_t request, struct fnd_ask_row *row,
                            struct fnd_error *error);

/** Which requests; zero and NULL members ask for nothing. */
struct fnd_ask_filter {
    enum fnd_request_state state;
    const char *group, *pipeline;
    int64_t job;
    int64_t free_us; /* only open ones that nobody holds and that are not put off, at this time */
};
/** Where a walk begins: behind this row. `= {0}`: at the first. Closed requests go by number. */
struct fnd_ask_place {
    int64_t due_us, request;
};
/** Requests in queue order: what is due first, then what was asked first.
 *  row  false ends the walk.  Returns FND_OK also without any. */
enum fnd_status fnd_asks_walk(struct fnd_reader *reader, const struct fnd_ask_filter *filter,
                              const struct fnd_ask_place *after, size_t limit,
                              bool (*row)(const struct fnd_ask_row *row, void *context),
                              void *context, struct fnd_error *error);
/** A request as a list shows it. Its texts and documents are borrowed until row() returns. */
struct fnd_ask_line {
    struct fnd_ask_row ask;
    struct fnd_job_row job;
    struct fnd_json asked, came; /* bodies of the ASK and of the JOB event */
    const char *rules;           /* answers whose rules hold for its questions: "12,15"; or NULL */
};
/** The same requests in the same order with what a list tells of them, by one query a page: its
 *  cost does not grow with what is answered already. Those of a job (filter->job) go by number.
 *  Returns FND_OK also without any; FND_DAMAGED: a body is not what was recorded. */
enum fnd_status fnd_asks_list(struct fnd_reader *reader, const struct fnd_ask_filter *filter,
                              const struct fnd_ask_place *after, size_t limit,
                              bool (*row)(const struct fnd_ask_line *line, void *context),
                              void *context, struct fnd_error *error);
/** Requests whose next deadline is at or before `until_us`, the earliest first. */
enum fnd_status fnd_asks_due(struct fnd_reader *reader, int64_t until_us, size_t limit,
                             bool (*row)(const struct fnd_ask_row *row, void *context),
                             void *context, struct fnd_error *error);
/** When the next one is due; FND_DUE_NONE. */
enum fnd_status fnd_asks_next_due(struct fnd_reader *reader, int64_t *next_us,
                                  struct fnd_error *error);

/** A person's draft: appends its JSON. FND_NOT_FOUND when there is none.  at_us may be NULL. */
enum fnd_status fnd_draft_get(struct fnd_reader *reader, int64_t request, const char *who,
                              int64_t *at_us, struct fnd_text *text, struct fnd_error *error);
/** The newest draft of a request, whosever: `who` is appended, too. */
enum fnd_status fnd_draft_latest(struct fnd_reader *reader, int64_t request, int64_t *at_us,
                                 struct fnd_text *who, struct fnd_text *text,
                                 struct fnd_error *error);

enum fnd_rule_state { FND_RULE_HOLDS, FND_RULE_REPLACED, FND_RULE_REVOKED };
/** A rule: an answer that holds for its twins. One of several questions made one row each. */
struct fnd_rule_row {
    int64_t answer, question, request, ended;
    enum fnd_rule_state state;
    uint8_t fingerprint[FND_FINGERPRINT_SIZE];
    int64_t settled; /* records that it gave and that stand */
};
/** All rules by answer and question, behind answer `after`. */
enum fnd_status fnd_rules_walk(struct fnd_reader *reader, int64_t after, size_t limit,
                               bool (*row)(const struct fnd_rule_row *row, void *context),
                               void *context, struct fnd_error *error);
/** The rule that holds for a fingerprint.  FND_NOT_FOUND. */
enum fnd_status fnd_rule_find(struct fnd_reader *reader,
                              const uint8_t fingerprint[FND_FINGERPRINT_SIZE],
                              struct fnd_rule_row *row, struct fnd_error *error);
/** Numbers, up to `limit`, behind `after`:
 *  open requests all of whose fingerprints have a rule that is younger than their last reopening;
 */
enum fnd_status fnd_twins_open(struct fnd_reader *reader, int64_t after, int64_t *requests,
                               size_t limit, size_t *count, struct fnd_error *error);
/** whether that is so of one request; */
enum fnd_status fnd_twin_is(struct fnd_reader *reader, int64_t request, bool *is,
                            struct fnd_error *error);
/** open requests that share a fingerprint with an answered one (how many an answer to all would
 *  settle); */
enum fnd_status fnd_twins_count(struct fnd_reader *reader, int64_t request, int64_t *count,
                                struct fnd_error *error);
/** whether an answer made a rule; */
enum fnd_status fnd_rule_made(struct fnd_reader *reader, int64_t answer, bool *made,
                              struct fnd_error *error);
/** records that stand and were given by a rule that was revoked. */
enum fnd_status fnd_settled_revoked(struct fnd_reader *reader, int64_t after, int64_t *corrections,
                                    size_t limit, size_t *count, struct fnd_error *error);

/** A message that waits in the outbox, or what became of it. */
struct fnd_outbox_row {
    int64_t id, event, pin, at_us, next_us;
    int32_t hook, tries;
    enum fnd_outbox_state { FND_OUTBOX_WAITS, FND_OUTBOX_SENT, FND_OUTBOX_DEAD } state;
    char note[256]; /* what the other side last said; cut off */
};
/** Messages that wait and are due at `now_us`, the earliest first. */
enum fnd_status fnd_outbox_due(struct fnd_reader *reader, int64_t now_us, size_t limit,
                               bool (*row)(const struct fnd_outbox_row *row, void *context),
                               void *context, struct fnd_error *error);
/** All of a state (-1: any), by number behind `after`. */
enum fnd_status fnd_outbox_walk(struct fnd_reader *reader, int state, int64_t after, size_t limit,
                                bool (*row)(const struct fnd_outbox_row *row, void *context),
                                void *context, struct fnd_error *error);
/** When the next message is due; FND_DUE_NONE. */
enum fnd_status fnd_outbox_next(struct fnd_reader *reader, int64_t *next_us,
                                struct fnd_error *error);

#endif
