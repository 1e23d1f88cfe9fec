/* SPDX-License-Identifier: MIT */
/* multipart/form-data (RFC 7578) piece by piece, in bounded memory. No sockets: bytes in, parts
 * out. */
#ifndef FND_SERVE_MULTIPART_H
#define FND_SERVE_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

enum {
    MULTIPART_PARTS_MAX = 16,
    MULTIPART_HEAD_SIZE_MAX = 4096, /* bytes of a part's headers */
    MULTIPART_BOUNDARY_MAX = 70     /* RFC 2046, 5.1.1 */
};

struct multipart {
    char mark[MULTIPART_BOUNDARY_MAX + 5]; /* "\r\n--boundary" */
    size_t mark_size;
    enum { MULTIPART_BEFORE, MULTIPART_HEAD, MULTIPART_DATA, MULTIPART_END, MULTIPART_BAD } state;
    const char *flaw; /* of BAD; static */
    size_t parts;
    struct fnd_text held; /* not yet understood */
    char name[64];        /* of the part under way */
    char file[256];       /* its file name; "" if it has none */
    bool is_file;
    /** A piece of the part `name`; size 0 once at its beginning. False: stop. */
    bool (*data)(void *context, const struct multipart *part, const char *bytes, size_t size);
    void *context;
};

/** Take the boundary out of a Content-Type; false if it has none that is one. */
bool multipart_begin(struct multipart *multipart, const char *content_type);
/** Take a piece. Behind a flaw nothing more happens. */
void multipart_take(struct multipart *multipart, const char *bytes, size_t size);
/** Behind the last piece: NULL, or what is wrong. */
const char *multipart_end(const struct multipart *multipart);
void multipart_finish(struct multipart *multipart);

#endif
