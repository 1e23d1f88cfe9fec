/* SPDX-License-Identifier: MIT */
/* What the files of this room share. */
#ifndef FND_REVIEW_INTERNAL_H
#define FND_REVIEW_INTERNAL_H

#include "review/review.h"
#include "store/desk.h"

enum { FND_DETECTORS_MAX = 64 };

/** A foundry/human phase, compiled. */
struct fnd_human {
    struct fnd_bound *detectors;
    size_t detectors_count;
    double audit;              /* share of jobs without a question that are asked all the same */
    struct fnd_schema *schema; /* the pipeline's, or NULL */
    bool reject_continues;
    struct fnd_text asked; /* members of each request, a comma before each (options.c) */
    char *fingerprint;     /* JSON array of places that make a question, or NULL */
    double target;         /* error rate of what nobody is asked about; 0: none is set */
    bool per_document;
    char *novelty; /* `gate: by`: pointer to the value that must be known, or NULL */
    uint64_t novelty_minimum;
    struct fnd_choose choose; /* as phase->choose, where it is set */
};

/** What a gate asks beyond its detectors, because too little is proven. `= {0}`; finish frees. */
struct fnd_asking {
    struct fnd_text questions; /* JSON objects with commas between */
    size_t count;
    bool audit;  /* the draw fell on it */
    bool whole;  /* all of the document is to be looked at */
    bool sample; /* and what is found counts as a check of the model's confidence */
    bool proven;
    char *numbers; /* of the proof, a JSON object, or NULL */
};

/** An answer on its way. */
struct fnd_answering {
    struct fnd_operation operation;
    struct fnd_engine *engine;
    const struct fnd_answer *answer;
    struct fnd_answered *answered;
    void (*done)(void *context, enum fnd_status status, const struct fnd_error *error);
    void *context;
    struct fnd_request_row request;
    int64_t repeated;        /* the event of this very answer, where it came before; else 0 */
    struct fnd_text asked;   /* the request's body */
    struct fnd_text patched; /* gates: SUBJECT with the answer in it */
    struct fnd_text twins;   /* the rules that it makes, a JSON array, or empty */
    struct fnd_text marks;   /* gates: what is left of SUBJECT's marks behind it */
    int64_t subject_event, asked_us;
    const struct fnd_pipeline *pipeline;
    const struct fnd_phase *phase;
};

/* desk.c */
/** Whether somebody has the request on the desk now. */
bool fnd_ask_held(const struct fnd_ask_row *row, int64_t now_us);
/** The conflict that says so. Returns FND_CONFLICT. */
enum fnd_status fnd_ask_leased(const struct fnd_ask_row *row, struct fnd_error *error);

/* draft.c */
/** Merge what somebody typed into the draft of that name, on disk; see fnd_desk_draft().
 *  FND_LIMIT. */
enum fnd_status fnd_draft_keep(struct fnd_engine *engine, int64_t request, const char *by,
                               struct fnd_json values, struct fnd_json removed,
                               struct fnd_json forget, struct fnd_error *error);

/* ask_json.c */
/** Append `,"name":value`; nothing where there is no value. */
void fnd_member_copy(struct fnd_text *json, const char *name, struct fnd_json value);
/** Append the members that tell who has a request and when it is due: see fnd_review_ask_json().
 *  for_whom  whose draft; NULL: the newest one. */
void fnd_desk_members(struct fnd_reader *reader, const struct fnd_ask_row *row,
                      struct fnd_json asked, const char *for_whom, struct fnd_text *json);

/* options.c */
/** Compile the options of a human phase's requests; errors go to `compile`. */
bool fnd_options_prepare(struct fnd_compile *compile, const struct fnd_node *with,
                         struct fnd_human *human);
/** Whether a text names a place: a JSON pointer, or one relative to a question's ("0", "1/name").
 */
char *fnd_place_text(struct fnd_json value); /* malloc'ed */
bool fnd_place_valid(const char *place);

/* human.c */
/** Judge all calls of a gate's visit: what a detector did counts before calls that were lost or
 *  cancelled on the way, else one that kills its worker each time would never be named.
 *  false: visit->verdict says what is to happen. */
bool fnd_human_judge(struct fnd_visit *visit, const struct fnd_human *human);
/** Whether a question's key was asked before it, by the same detector or an earlier one: the same
 *  key is the same question. */
bool fnd_question_known(const struct fnd_visit *visit, size_t call, size_t index);

/** Whether the draw falls on this job: by a hash of its identity and the store's salt, so that a
 *  re-run draws the same and nobody can foresee it from the name. */
bool fnd_audit_drawn(const struct fnd_visit *visit, double share);

/* prove.c */
/** What must be asked for want of proof: novelty, the target error rate, the audit sample.
 *  Returns FND_OK, or why the record could not be read. */
enum fnd_status fnd_gate_prove(const struct fnd_visit *visit, const struct fnd_human *human,
                               struct fnd_asking *asking, struct fnd_error *error);
void fnd_asking_finish(struct fnd_asking *asking);
/** The question of a random check. */
void fnd_asking_audit(struct fnd_asking *asking);

/** One more question about the whole document. */
void fnd_asking_add(struct fnd_asking *asking, const char *key, const char *kind,
                    const char *question);

/* choose.c */
/** Compile `choose`, behind fnd_prove_prepare(). */
bool fnd_choose_prepare(struct fnd_compile *compile, const struct fnd_node *with,
                        struct fnd_phase *phase, struct fnd_human *human);
/** The verdict of a visit whose batch is not there. */
void fnd_choose_wait(struct fnd_visit *visit);
/** Append what was chosen of its batch, and how this document stood. */
void fnd_choose_tell(const struct fnd_visit *visit, struct fnd_text *json);
/** The question of a document that was chosen. */
void fnd_asking_choice(struct fnd_asking *asking, const struct fnd_visit *visit);

/* prove_options.c */
/** Compile `target_error`, `per` and `gate`. `audit` was read before. */
bool fnd_prove_prepare(struct fnd_compile *compile, const struct fnd_node *with,
                       struct fnd_human *human);

/* gate.c: answers to a human phase */
enum fnd_status fnd_gate_begin(struct fnd_answering *answering, struct fnd_visit *visit,
                               const struct fnd_step_row *step, struct fnd_error *error);
enum fnd_status fnd_gate_finish(struct fnd_answering *answering, struct fnd_visit *visit,
                                struct fnd_error *error);
/** The message of a refused answer. Returns FND_INVALID. */
enum fnd_status fnd_answer_refuse(struct fnd_answering *answering, struct fnd_error *error);

/* phase_answer.c: answers to questions of a phase or of the engine */
enum fnd_status fnd_phase_answer(struct fnd_answering *answering, const struct fnd_step_row *step,
                                 bool engine_asks, struct fnd_error *error);

/* twins.c */
/** Append `,"fingerprint":"…"` where a gate's question has one. */
void fnd_question_fingerprint(const struct fnd_visit *visit, const struct fnd_human *human,
                              const struct fnd_question *question, struct fnd_text *body);
/** Fill answering->twins where the answer is for twins, too.  fields: what it changes
 * (fnd_compare). FND_INVALID: it cannot be carried to twins, and the fields say why. */
enum fnd_status fnd_twins_make(struct fnd_answering *answering, struct fnd_json fields,
                               struct fnd_error *error);
/** The same for a phase's own questions: answers by key. */
enum fnd_status fnd_twins_make_keyed(struct fnd_answering *answering, struct fnd_json answers,
                                     struct fnd_error *error);

/* record.c */
uint8_t fnd_answer_tier(const struct fnd_answer *answer); /* enum fnd_tier */

/* patch.c */
/** Append SUBJECT with values set and pointers removed (removals from the end of arrays on, so that
 *  all pointers mean the document as it was shown).  FND_INVALID: flaws says which. */
enum fnd_status fnd_patch_apply(struct fnd_json subject, struct fnd_json values,
                                struct fnd_json removed, struct fnd_text *patched,
                                struct fnd_flaws *flaws);

/* marks.c */
/** A list of pointers, each once; owns them. `= {0}`. */
struct fnd_pointers {
    char **list;
    size_t count, capacity;
};
void fnd_pointers_take(struct fnd_pointers *pointers, char *pointer); /* malloc'ed; NULL is none */
void fnd_pointers_finish(struct fnd_pointers *pointers);
/** Append what is left of SUBJECT's marks behind an answer, or nothing: no confidence at, above or
 *  below what was asked or changed; nothing of what was removed; the rest by the pointer that its
 *  value has now (items behind a removed one have moved up). Origins say where a value was read,
 *  which a correction does not change: they stay. */
void fnd_marks_left(struct fnd_json subject, struct fnd_json marks,
                    const struct fnd_pointers *asked_or_changed, const struct fnd_pointers *removed,
                    struct fnd_text *left);
/** Whether `pointer` is `at` or below it. */
bool fnd_pointer_below(const char *pointer, const char *at);

/* record.c */
/** The ANSWER body of a gate: see engine/review/README.md. */
char *fnd_record_body(const struct fnd_answering *answering, enum fnd_verdict verdict,
                      struct fnd_json fields);

#endif
