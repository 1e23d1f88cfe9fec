/* SPDX-License-Identifier: MIT */
/* Files that are part of the program: the page and the API's description. */
#ifndef FND_SERVE_ASSETS_H
#define FND_SERVE_ASSETS_H

#include <stddef.h>

struct asset {
    const char *path, *type;
    const unsigned char *bytes;
    size_t size;
};

/** Ended by path NULL. */
const struct asset *assets(void);

#endif
