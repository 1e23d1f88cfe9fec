/* SPDX-License-Identifier: MIT */
#ifndef FND_COMMAND_VERIFY_DEEP_H
#define FND_COMMAND_VERIFY_DEEP_H

#include "command/command.h"
#include "run/deep.h"

/** What --deep looked at, beyond fnd_store_verify(). */
struct fnd_verify_deep {
    struct fnd_deep run;
    int64_t exports; /* manifests below out/ that were made again and compared */
    int64_t flaws;   /* in them */
};

/** Look at pins, outputs and the exports below out/.
 *  flaw  called for each thing found wrong.
 *  Returns FND_OK: all was looked at (flaws or not); as fnd_deep_look(). */
enum fnd_status fnd_verify_deep(struct fnd_app *app, struct fnd_reader *reader,
                                void (*flaw)(const char *sentence, void *context), void *context,
                                struct fnd_verify_deep *result, struct fnd_error *error);

#endif
