/* SPDX-License-Identifier: MIT */
/* Which plugins are kept from running. The rest of it is in pool.h. */
#ifndef FND_WORKER_QUARANTINE_H
#define FND_WORKER_QUARANTINE_H

#include "worker/pool.h"

/** Whether this plugin is in quarantine. */
bool fnd_quarantine_has(int folder, const uint8_t hash[FND_DIGEST_SIZE]);
/** Why it is there, as it was put. malloc'ed. */
char *fnd_quarantine_why(int folder, const uint8_t hash[FND_DIGEST_SIZE]);
/** Put it there; why: a sentence for people. FND_IO, FND_FULL: it could not be written. */
enum fnd_status fnd_quarantine_add(int folder, const uint8_t hash[FND_DIGEST_SIZE], const char *why,
                                   struct fnd_error *error);

#endif
