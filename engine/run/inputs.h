/* SPDX-License-Identifier: MIT */
/* The user's files of a job directory. */
#ifndef FND_RUN_INPUTS_H
#define FND_RUN_INPUTS_H

#include <sys/stat.h>

#include "base/error.h"
#include "base/text.h"

/** A regular file below the job directory; borrowed during the callback. */
struct fnd_input {
    const char *path; /* relative, bytes as the file system has them */
    struct stat stat;
};

struct fnd_inputs {
    int directory;
    enum fnd_status (*file)(void *context, const struct fnd_input *input, struct fnd_error *error);
    void *context;
};

/** Call `file` for each regular file, folder by folder in byte order; never for links, dotfiles or
 *  what is below out/. A status other than FND_OK from it ends the walk. */
enum fnd_status fnd_inputs_walk(const struct fnd_inputs *inputs, struct fnd_error *error);

/** Append the identity of a path: UTF-8 text, one for each string of bytes. */
void fnd_input_identity(struct fnd_text *identity, const char *path);

#endif
