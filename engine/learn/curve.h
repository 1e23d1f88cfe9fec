/* SPDX-License-Identifier: MIT */
/* What the loop is worth: for each version of what reads documents and each day, how many passed
 * without a person, how often they were wrong, and what people had to do. Computed from events and
 * records alone, so that it can be computed again by anybody who has those. */
#ifndef FND_LEARN_CURVE_H
#define FND_LEARN_CURVE_H

#include "base/json.h"
#include "base/text.h"
#include "store/reader.h"

/** What people did about one field: "/items/ * /price" without blanks. */
struct fnd_curve_field {
    char *field;
    int64_t corrected;
};

/** Objects of one label in documents that a person looked at as a whole. */
struct fnd_curve_label {
    char *label;
    int64_t objects, found; /* found: the model itself had proposed them */
};

/** Counts of one version on one day (or of all its days). */
struct fnd_curve_counts {
    int64_t documents; /* that came to the gate: unasked + asked */
    int64_t unasked;
    int64_t flagged; /* values that a person was asked about; all of a document asked as a whole */
    int64_t answered, seconds_ms;
    /* Of documents that a person looked at as a whole: values that gave a confidence and were not
     * themselves asked about, and how many were wrong. */
    int64_t checked, wrong;
    int64_t objects, found; /* objects in lists of those documents; found by the model itself */
    struct fnd_curve_label *labels; /* of those that have one */
    size_t labels_count;
    struct fnd_curve_field *fields;
    size_t fields_count;
};

struct fnd_curve_day {
    int64_t day; /* since 1970, UTC */
    struct fnd_curve_counts counts;
};

/** One version of what a gate reviews. */
struct fnd_curve_version {
    char *pipeline, *phase; /* the gate */
    char *version; /* the model that a proof is of; where there is no target, the pin's hash */
    int64_t first; /* the event that it is first seen in: versions are in this order */
    /* The last proof on record: */
    double target; /* 0: none was set */
    bool per_document, proven;
    double threshold, bound;
    int64_t missing;
    struct fnd_curve_counts all;
    struct fnd_curve_day *days;
    size_t days_count;
};

struct fnd_curve {
    struct fnd_curve_version *versions;
    size_t versions_count;
};
void fnd_curve_finish(struct fnd_curve *curve);

/** Read the whole record. pipeline NULL: of all.  Returns FND_OK or what the reader said. */
enum fnd_status fnd_curve_read(struct fnd_reader *reader, const char *pipeline,
                               struct fnd_curve *curve, struct fnd_error *error);

/** What was compared by fnd_curve_check(). */
struct fnd_curve_checked {
    int64_t versions, figures, flaws;
};
/** Count the curve once more, from the events and their documents alone, without any of the tables
 *  that are folded from them, and name each figure that another count gives: by gate, version and
 *  day.
 *  curve   as it is shown, of all pipelines, from a snapshot that the reader still holds.
 *  flaw    hears a sentence for each; borrowed while it runs.
 *  Returns FND_OK, also with flaws; else what the reader said. */
enum fnd_status fnd_curve_check(struct fnd_reader *reader, const struct fnd_curve *curve,
                                void (*flaw)(const char *sentence, void *context), void *context,
                                struct fnd_curve_checked *checked, struct fnd_error *error);

/** Append the curve as a table for people, and what it says in plain sentences. */
void fnd_curve_text(const struct fnd_curve *curve, struct fnd_text *text);
/** Append it as JSON: {"versions":[…],"sentences":[…]}; see serve/openapi.json, Curve. */
void fnd_curve_json(const struct fnd_curve *curve, struct fnd_text *json);
/** Append the sentences, one a line: for each gate whether people are asked less with its last
 *  version than with the one before, and whether its target is proven. */
void fnd_curve_sentences(const struct fnd_curve *curve, struct fnd_text *text);

/** How many values the questions of a request are about: one for each place, or all `values` of the
 *  document where one question is about the whole.  Thread: any. */
int64_t fnd_curve_flagged(struct fnd_json request, int64_t values);

#endif
