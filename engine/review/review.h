/* SPDX-License-Identifier: MIT */
/* People in the loop: the HumanInTheLoopPhase, answers, and the CorrectionHandler. */
#ifndef FND_REVIEW_REVIEW_H
#define FND_REVIEW_REVIEW_H

#include "base/text.h"
#include "run/engine.h"
#include "store/desk.h"
#include "store/reader.h"

/** foundry/human. Static. */
const struct fnd_kind *fnd_kind_human(void);
/** The engine's own kinds, NULL-ended: what to give to fnd_engine_open(). Static. */
const struct fnd_kind *const *fnd_review_kinds(void);

/** The `target_error` of a human phase; 0: it has none, or the phase is none.
 *  per_document  receives what it is per; may be NULL.  Thread: any. */
double fnd_human_target(const struct fnd_phase *phase, bool *per_document);

/** What a person says to one request. All borrowed. */
struct fnd_answer {
    int64_t request;    /* its number */
    int32_t if_version; /* --if-version; 0: the one that stands */
    enum { FND_ANSWER_SET, FND_ANSWER_ACCEPT, FND_ANSWER_REJECT } act;
    /** Values as a JSON object: pointer into SUBJECT → value, for a gate; question key → value, for
     *  a question of a phase or of the engine. {} accepts what stands where nothing is asked
     *  to change. A string value "null" is text; use null to clear. */
    struct fnd_json values;
    /** Pointers to remove from SUBJECT (deleted items), a JSON array; or no value. */
    struct fnd_json removed;
    /** Reasons to go against a detector, pointer → text, JSON object; or no value. "" is the whole.
     */
    struct fnd_json overrides;
    const char *reason; /* of a rejection; may be NULL */
    const char *by;     /* who: never NULL */
    const char *via;    /* from where, as "127.0.0.1"; NULL: by a command on this machine */
    int64_t seconds_ms; /* how long it took, measured by whoever asks; < 0: from asked to now */
    bool run;           /* the job goes on at once */
    int64_t fence;      /* of the claim it is given under; 0: under none, which holds unless
                           somebody else has the request on the desk */
    const char *idempotency_key; /* the same one again gets the first outcome; may be NULL */
    bool twins;                  /* it holds for the same question elsewhere, now and later */
    /** Who gave it: a person, a rule that a person made, or a deadline. The latter two are silver.
     */
    enum { FND_SOURCE_PERSON, FND_SOURCE_RULE, FND_SOURCE_DEADLINE } source;
    const int64_t *rules; /* FND_SOURCE_RULE: whose; answers' numbers */
    size_t rules_count;
};

/** How it ended. `= {0}`; finish frees. */
struct fnd_answered {
    int64_t job, request, event; /* event: the ANSWER's number when it was taken */
    int32_t version;             /* of the request behind it */
    int64_t settled;             /* open requests that the answer holds for, too */
    int64_t undo_until_us;       /* whoever gave it may take it back until then */
    struct fnd_flaws fields;     /* what is wrong, by pointer into SUBJECT, when refused */
    struct fnd_text standing;    /* conflict: the answer that stands, as JSON */
};
void fnd_answered_finish(struct fnd_answered *answered);

/** Answer a request: the patch is applied to SUBJECT, checked by every schema that covers it and by
 *  the detectors again; then answer, record and the step's next stand are one transition.
 *  Returns FND_OK; FND_INVALID: answered->fields says what is wrong where; FND_CONFLICT: answered,
 *          withdrawn or of another version, answered->standing says what stands; FND_NOT_FOUND. */
enum fnd_status fnd_review_answer(struct fnd_engine *engine, const struct fnd_answer *answer,
                                  struct fnd_answered *answered, struct fnd_error *error);
/** The same without waiting: done() is called from a turn of the engine; all that `answer` borrows
 *  must live until then; `answered` too. */
enum fnd_status fnd_review_answer_begin(struct fnd_engine *engine, const struct fnd_answer *answer,
                                        struct fnd_answered *answered,
                                        void (*done)(void *context, enum fnd_status status,
                                                     const struct fnd_error *error),
                                        void *context);

/** Append a request as people and programs see it:
 *  {"request","version","state","job","path","pipeline","phase","asked_at","origin",
 *   "questions":[{"key","kind","question","pointer"?,"value"?,"confidence"?,"place"?,"context"?,
 *   "schema"?,"detector"?}],"subject":{…}?,"schema":{…}?,"audit":bool} */
enum fnd_status fnd_review_request_json(struct fnd_reader *reader, int64_t request,
                                        struct fnd_text *json, struct fnd_error *error);
/** Append a request as a desk shows it: what fnd_review_request_json() has (its "job" is an object,
 *  {"number","id","path","pipeline"}), and "subject_phase", "confidence" and "places" of all fields
 *  by pointer, "image" or "text" ({"artifact","media_type"} or {"value"}), "detectors", "form",
 * "group", "remind_at", "due_at", "outcome", "escalated", "lease", "snoozed_until", "draft",
 * "fingerprint", "rule", "answer": see engine/review/README.md. for_whom  whose draft, and whose
 * lease is "mine"; may be NULL. */
enum fnd_status fnd_review_ask_json(struct fnd_reader *reader, int64_t request,
                                    const char *for_whom, struct fnd_text *json,
                                    struct fnd_error *error);
/** Append a line of fnd_asks_list() (store/desk.h) as a list shows it: what fnd_review_ask_json()
 *  has without the documents "subject", "schema", "confidence", "places", "text", "detectors",
 *  "draft" and "answer", and its questions as they were asked, without "value", "confidence" and
 *  "place". Reads nothing more. */
void fnd_review_line_json(const struct fnd_ask_line *line, const char *for_whom,
                          struct fnd_text *json);

/** Append a CorrectionRecord whole, documents put in from their events:
 *  {"record","job","path","pipeline","phase","request","verdict","tier","by","at","seconds",
 *   "input":{"name","media_type","sha256","size"…},"model_output","confidence","origin",
 *   "human_output","fields":{pointer:{"from","to","confidence"}},"asked":[questions],
 *   "overrides","pin","plugins":{id:sha256}} — see engine/review/README.md. */
enum fnd_status fnd_review_record_json(struct fnd_reader *reader, int64_t correction,
                                       struct fnd_text *json, struct fnd_error *error);
/** Members of a record that are found without looking for them: who reads a million would look
 *  through each again. */
enum fnd_record_member {
    FND_RECORD_INPUT,
    FND_RECORD_MODEL_OUTPUT,
    FND_RECORD_HUMAN_OUTPUT,
    FND_RECORD_PIPELINE,
    FND_RECORD_PATH,
    FND_RECORD_PHASE,
    FND_RECORD_PIN,
    FND_RECORD_REVISION,
    FND_RECORD_VERDICT,
    FND_RECORD_MEMBERS
};
/** What many records share, kept from one to the next: the pin read last, taken apart. `= {0}`;
 *  finish frees. For one reader and one thread. */
struct fnd_record_memo {
    struct fnd_record_place { /* of each member's value in the text of the last record */
        size_t at, size;      /* size 0: there is none */
    } places[FND_RECORD_MEMBERS];
    int64_t pin; /* its event; 0: none yet */
    char hash[FND_DIGEST_TEXT_SIZE];
    struct fnd_text plugins; /* as records tell them */
    int64_t asked, only; /* the pin last asked about; one that is the only one of its pipeline */
    struct fnd_record_documents *documents; /* the last record's: their memory is taken again */
};
void fnd_record_memo_finish(struct fnd_record_memo *memo);
/** The same as it stood behind event `as_of`: "undone" {"event","at","by","how","reason"} only
 *  where the record was taken back by then.  memo  as for fnd_review_record_pin(). */
enum fnd_status fnd_review_record_json_at(struct fnd_reader *reader, int64_t correction,
                                          int64_t as_of, struct fnd_record_memo *memo,
                                          struct fnd_text *json, struct fnd_error *error);
/** The event of the pin that a step ran under when the record was made.
 *  memo  may be NULL; else of records that were all made before the first of these calls. */
enum fnd_status fnd_review_record_pin(struct fnd_reader *reader,
                                      const struct fnd_correction_row *row,
                                      const struct fnd_job_row *job, struct fnd_record_memo *memo,
                                      int64_t *pin, struct fnd_error *error);

/** Append {pointer:{"from","to","confidence"}…} for each place where two documents differ as
 * values; `from` or `to` is left out where the place is not there. confidence: of the old value,
 * left out if none was given.  Returns the count. */
size_t fnd_compare(struct fnd_json old_document, struct fnd_json new_document,
                   struct fnd_json marks, struct fnd_text *fields);
/** The same to tell which values were right: where a list lost or got items, those that stayed are
 *  compared with themselves, wherever they stand now. An item that went is named by its old place,
 *  one that came by a place behind the last old one; a value that stayed by its old place. */
size_t fnd_compare_aligned(struct fnd_json old_document, struct fnd_json new_document,
                           struct fnd_text *fields);

#endif
