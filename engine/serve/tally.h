/* SPDX-License-Identifier: MIT */
/* Counts over a directory's whole record, folded event by event, so that each look costs what is
 * new since the last. */
#ifndef FND_SERVE_TALLY_H
#define FND_SERVE_TALLY_H

#include "store/reader.h"

struct tally;

struct tally *tally_create(void);
void tally_destroy(struct tally *tally); /* NULL is fine */
/** Fold in what is new.  Returns FND_OK or what the reader said. */
enum fnd_status tally_update(struct tally *tally, struct fnd_reader *reader,
                             struct fnd_error *error);
/** Add this tally to a sum, of one pipeline or of all (NULL). */
struct tally_sum {
    int64_t auto_accepted, accepted, corrected, rejected, asked;
    int64_t fields_changed, fields_total, seconds_ms;
    int64_t *each_ms; /* of each answer */
    size_t each_count;
    struct tally_detector {
        char *name;
        int64_t asked, confirmed, corrected;
    } * detectors;
    size_t detectors_count;
    struct tally_day {
        int64_t day; /* since 1970, UTC */
        int64_t auto_accepted, corrected, asked, seconds_ms;
    } * days;
    size_t days_count;
};
void tally_add(const struct tally *tally, const char *pipeline, struct tally_sum *sum);
void tally_sum_finish(struct tally_sum *sum);

#endif
