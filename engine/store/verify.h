/* SPDX-License-Identifier: MIT */
/* Proof that the record is what was recorded. */
#ifndef FND_STORE_VERIFY_H
#define FND_STORE_VERIFY_H

#include "store/reader.h"

/** What was looked at, and what was wrong. */
struct fnd_verify {
    int64_t events, payloads, erased, artifacts, plugins, rows; /* checked */
    int64_t flaws;
    int64_t apart; /* of these: tables that are not what the log makes of them */
};

/** Check in one snapshot: SQLite's own integrity check, event numbers without gaps, the chain, each
 *  payload's keyed digest, every table against a rebuild from the events (in memory or a temporary
 *  file), each artifact's and plugin copy's bytes against its hash, that the plugin copies of jobs
 *  that have not ended and of those with CorrectionRecords are there, reference counts, the
 *  witness.
 *  reader   without a held snapshot (fnd_reader_begin()): the witness is read before one is taken.
 *  flaw     called for each thing found wrong, with a sentence that names table, row and remedy.
 *  Returns FND_OK: all was looked at (flaws or not); FND_DAMAGED: so broken that not all could be
 *          looked at; FND_IO. */
enum fnd_status fnd_store_verify(struct fnd_reader *reader, struct fnd_verify *result,
                                 void (*flaw)(const char *sentence, void *context), void *context,
                                 struct fnd_error *error);

#endif
