/* SPDX-License-Identifier: MIT */
/* From events to tables. This is the only code that writes any table but `event` and `payload`: the
 * live writer runs it as an event is recorded, verify runs it again over the whole log. */
#ifndef FND_STORE_FOLD_H
#define FND_STORE_FOLD_H

#include <stdbool.h>

#include "store/db.h"
#include "store/learn.h"
#include "store/reader.h"

enum { FND_FINGERPRINT_SIZE = 16 };

/** A question whose answer may hold for others of the same fingerprint. */
struct fnd_twin {
    int64_t question; /* index in the request */
    uint8_t fingerprint[FND_FINGERPRINT_SIZE];
};

/** What a fold needs beyond an event's own columns. The live writer takes it from the write, a
 *  rebuild from body and meta (parts.h). Everything is borrowed. */
struct fnd_parts {
    size_t outputs_count; /* the step's outputs before the event; after a fold, behind it */
    /* _STORE, _JOB */
    uint8_t uuid[FND_UUID_SIZE];
    uint8_t salt[FND_DIGEST_SIZE]; /* _STORE */
    /* _PIN */
    uint8_t hash[FND_DIGEST_SIZE];
    /* _PIN, _JOB */
    const char *pipeline;
    /* _JOB */
    const char *path;
    int64_t pin;
    int32_t revision;
    /* _ANSWER */
    bool record;
    uint8_t tier, verdict;
    /* _ASK: who it is for and when it is due; questions with a fingerprint */
    const char *group;
    int64_t remind_ms, due_ms; /* 0: never */
    /* _ASK: fingerprints by question. _ANSWER: of the rules that it makes */
    const struct fnd_twin *twins;
    size_t twins_count;
    /* _ANSWER: rules that gave it; whether a deadline did */
    const int64_t *rules;
    size_t rules_count;
    bool deadline;
    /* _ANSWER, _CLAIM and the others about a request */
    const char *by;
    int64_t until_us; /* _CLAIM, _SNOOZE */
    bool again;       /* _ESCALATE: its time begins anew */
    int64_t answer;   /* _UNDO */
    /* _TRAIN, _DECIDE (whose pipeline stands above) */
    const char *model;
    int64_t version, attempt, until; /* _TRAIN */
    /* _TRAINED, _CHECKPOINT: the artifact of that name in the meta; of _TRAINED how it ended */
    struct fnd_artifact kept;
    int outcome;         /* enum fnd_training_state */
    int decision;        /* _DECIDE: enum fnd_decision */
    int64_t replaces;    /* _DECIDE: the model in production until now; 0: the rules */
    int64_t job, output; /* _SHADOW */
    /* all */
    const struct fnd_artifact *artifacts;
    size_t artifacts_count;
    int64_t outputs[FND_PHASES_MAX]; /* last: only the first outputs_count have a value */
};

enum fnd_fold_statement {
    FOLD_META,
    FOLD_PIN,
    FOLD_JOB,
    FOLD_STEP,
    FOLD_MOVE_SAME, /* state and due stay: the indexes of live steps are not touched */
    FOLD_MOVE_SAME_OUTPUT,
    FOLD_MOVE,
    FOLD_MOVE_OUTPUT,
    FOLD_STEP_PIN,
    FOLD_ASK,
    FOLD_ANSWER,
    FOLD_CORRECTION,
    FOLD_CORRECTION_OUTPUT,
    FOLD_OPEN_REQUEST,
    FOLD_WITHDRAW,
    FOLD_ARTIFACT,
    FOLD_TWIN,
    FOLD_FORGET_LEASE,
    FOLD_FORGET_DRAFT,
    FOLD_CLAIM,
    FOLD_LEASE,
    FOLD_RELEASE,
    FOLD_REMIND,
    FOLD_ESCALATE,
    FOLD_LAPSE,
    FOLD_UNDO,
    FOLD_UNDONE,
    FOLD_RULE,
    FOLD_RULE_REPLACE,
    FOLD_RULE_REVOKE,
    FOLD_SETTLED,
    FOLD_TRAIN,
    FOLD_CHECKPOINT,
    FOLD_TRAINED,
    FOLD_MODEL,
    FOLD_RETIRE,
    FOLD_PRODUCE,
    FOLD_DECIDED,
    FOLD_SHADOW,
    FOLD_STATEMENTS
};

struct fnd_fold {
    struct fnd_db *db; /* borrowed */
    sqlite3_stmt *statements[FOLD_STATEMENTS];
};

/** Prepare the statements on a connection that has the tables. */
enum fnd_status fnd_fold_open(struct fnd_fold *fold, struct fnd_db *db, struct fnd_error *error);
void fnd_fold_close(struct fnd_fold *fold);

enum fnd_fold_result {
    FND_FOLD_DONE,
    FND_FOLD_CONFLICT, /* the step's last event is not event->prev; nothing was changed */
    FND_FOLD_FAILED    /* SQLite refused, see fnd_db_error(): the transaction is void */
};

/** Apply one event, inside a transaction. event->ref is a number on record, never FND_REF_FIRST.
 *  rc  filled on FND_FOLD_FAILED.
 *  Thread: the connection's. */
enum fnd_fold_result fnd_fold_apply(struct fnd_fold *fold, const struct fnd_event_row *event,
                                    struct fnd_parts *parts, int *rc);

/** The part of fnd_fold_apply() that is about models (fold_learn.c); other kinds change nothing. */
int fnd_fold_learn(struct fnd_fold *fold, const struct fnd_event_row *event,
                   const struct fnd_parts *parts);

/** Step a statement that gives no rows and reset it.  Returns SQLITE_DONE or the failure. */
int fnd_fold_step(sqlite3_stmt *statement);

#endif
