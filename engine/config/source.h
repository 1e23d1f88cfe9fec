/* SPDX-License-Identifier: MIT */
/* The bytes of a YAML file: where we are in them, and what must be refused before libyaml sees it.
 * Inside this room. */
#ifndef FND_CONFIG_SOURCE_H
#define FND_CONFIG_SOURCE_H

#include "config/tree.h"

struct fnd_source {
    const char *text; /* without a byte order mark; ends with NUL */
    size_t size;
    /* libyaml counts columns in characters, compilers and editors in bytes. This is the last place
     * that was translated: marks mostly move forward. */
    size_t mark, offset; /* in characters, in bytes */
    size_t line, column;
    size_t rewinds; /* how often a place was sought from the beginning */
};

/** Go to the beginning. */
void fnd_source_rewind(struct fnd_source *source);
/** Go to a byte. */
void fnd_source_to_offset(struct fnd_source *source, size_t offset);
/** Go to a character, as libyaml's marks count them. */
void fnd_source_to_mark(struct fnd_source *source, size_t mark);

/** Whether all characters may stand in a file; else one error is added. */
bool fnd_source_characters(struct fnd_source *source, const char *file, struct fnd_errors *errors);
/** Whether the directives before the document are none, or one %YAML; else one error is added. To
 *  be asked after the characters. */
bool fnd_source_directives(struct fnd_source *source, const char *file, struct fnd_errors *errors);

#endif
