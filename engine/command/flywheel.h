/* SPDX-License-Identifier: MIT */
/* What the files of `demo --flywheel` share: rounds of new documents, a reviewer who answers what
 * is asked, a training behind each round, and what that comes to. All figures of a round are taken
 * from the record and from the truth beside each page, so that a flywheel which was stopped goes
 * on, and anybody can count again. */
#ifndef FND_COMMAND_FLYWHEEL_H
#define FND_COMMAND_FLYWHEEL_H

#include "command/demo.h"
#include "command/session.h"

enum { FLYWHEEL_ROUNDS_MAX = 50, FLYWHEEL_DOCUMENTS_MAX = 500 };

/* Who runs, trains and promotes by hand, in the record. */
#define FLYWHEEL_BY "flywheel"

/** A use case whose pages a program of the tree draws. */
struct flywheel_case {
    const char *name, *title;
    const char *pipeline;      /* its file, below pipelines/ */
    const char *pipeline_name; /* and its name */
    const char *model;
    const char *generator; /* the program */
    const char *layouts;   /* what it is told to draw from; NULL: nothing */
    const char *things;    /* what a document is called: "invoices" */
    const char *values;    /* and what is asked about in it: "fields" */
    const char *given;     /* a member of outputs that was read off the file; NULL: none */
    const char *target;    /* that goes for it where --target says nothing */
};

/** What a round came to. */
struct flywheel_round {
    size_t documents, failed;
    size_t handled;          /* documents a person was asked about */
    int64_t flagged;         /* values they were asked about */
    int64_t accepted;        /* values nobody was asked about, */
    int64_t silent;          /* and of these the wrong ones */
    size_t untouched_wrong;  /* documents nobody was asked about that hold a wrong value */
    double seconds;          /* that answers took, */
    size_t timed;            /* of so many whose time is known */
    int64_t version;         /* that read, 0: the rules */
    bool proven;             /* the target, as the round ended */
    double threshold, bound; /* if proven; the bound also if not, 0: unknown */
    int64_t missing;         /* clean checks, if not proven */
    char *training;          /* what became of the training behind it; NULL: none */
    enum flywheel_took {
        FLYWHEEL_NOTHING, /* no model */
        FLYWHEEL_HELD,
        FLYWHEEL_BY_TEST, /* promoted by the engine */
        FLYWHEEL_BY_HAND
    } took;
};

struct flywheel {
    struct fnd_app *app;
    const struct flywheel_case *chosen;
    char *directory, *pipeline;
    uint64_t seed;
    size_t rounds, documents, port;
    const char *target; /* NULL: the pipeline's */
    char *kept_target;  /* of a plan; may be NULL */
    bool me;            /* the user is the reviewer */
    bool by_hand;       /* what the engine holds is promoted, if it looks no worse */
    double target_share;
    bool per_document;
    struct flywheel_round round[FLYWHEEL_ROUNDS_MAX];
    int64_t held_version;  /* by flywheel_training(): held, although nothing looks worse; 0 */
    size_t done, counting; /* rounds that are over; the one that is looked at */
};

/** `demo --flywheel`. Returns the exit code. */
int fnd_flywheel(struct fnd_app *app);

/* --- flywheel_pages.c ------------------------------------------------------------------------- */

/** Draw the pages of a round (from 0) into the job directory, the same ones at each call.
 *  Returns FND_OK; FND_NOT_FOUND: the generator is not there, and how to get it; FND_INTERRUPTED;
 *          FND_PLUGIN: it failed. */
enum fnd_status flywheel_pages(const struct flywheel *flywheel, size_t round,
                               struct fnd_error *error);
/** The truth beside a page, without what is given: `path` is the job's. FND_NOT_FOUND where there
 *  is none. */
enum fnd_status flywheel_truth(const struct flywheel *flywheel, const char *path,
                               struct fnd_text *text, struct fnd_json *truth,
                               struct fnd_error *error);
/** The round a job belongs to (from 0) by its path, or SIZE_MAX. */
size_t flywheel_round_of(const char *path);

/* --- flywheel_review.c ------------------------------------------------------------------------ */

/** Answer each open question from the truth, and nothing that is not asked; where that is refused
 *  (an asked row does not add up with one that was not) the whole document, as a person who is
 *  shown the contradiction would. By the documents' names, so that the same questions give the same
 *  record; the jobs go on when they are run. */
enum fnd_status flywheel_review(const struct flywheel *flywheel, struct fnd_session *session,
                                struct fnd_error *error);

/* --- flywheel_compare.c ----------------------------------------------------------------------- */

/** Compare an output with the truth: members one by one; a list of objects is a value by itself
 *  (are all there, and no more), and each object is compared with the one most like it. A box is
 *  one value, and right where it shares half of its area with one of the truth.  values, wrong  are
 * added to. */
void flywheel_compare(struct fnd_json output, struct fnd_json truth, int64_t *values,
                      int64_t *wrong);

/** Whether it is a list of boxes, with one at least. */
bool flywheel_boxes(struct fnd_json list);

/** Which object of the list `truth` the object `index` of the list `output` is: the one most like
 *  it, else, where both are as long, the one at its place; SIZE_MAX if it is none. */
size_t flywheel_partner(struct fnd_json output, struct fnd_json truth, size_t index);

/* --- flywheel_count.c ------------------------------------------------------------------------- */

/** Fill `round` (from 0) from the record: all but its training.
 *  Returns FND_OK, or what reading said. */
enum fnd_status flywheel_count(struct flywheel *flywheel, size_t round, struct fnd_error *error);
/** Read what became of the training behind a round into its `training`.
 *  found  whether there is one that ended: the first stands behind the first round, and so on. */
enum fnd_status flywheel_training(struct flywheel *flywheel, size_t round, bool *found,
                                  struct fnd_error *error);

/* --- flywheel_show.c, flywheel_page.c --------------------------------------------------------- */

/** Tell of one round. */
void flywheel_tell(const struct flywheel *flywheel, size_t round);
/** Tell of all, with the curve, and whether the target is met; or the same as JSON. */
void flywheel_report(const struct flywheel *flywheel, const char *page);
/** Append the sentence on the target that the last round supports. */
void flywheel_verdict(const struct flywheel *flywheel, struct fnd_text *text);
/** Write DIRECTORY/out/flywheel.html: the curve, the table, the sentence.  page: its path,
 *  malloc'ed. */
enum fnd_status flywheel_page(const struct flywheel *flywheel, char **page,
                              struct fnd_error *error);
/** One-sided: the highest error rate, at 95 %, of which so few wrong ones are a sign; 1 if there
 *  are none at all. */
double flywheel_bound(int64_t wrong, int64_t count);

#endif
