/* SPDX-License-Identifier: MIT */
/* The fixed table of routes: no file is ever chosen by a URL. */
#ifndef FND_SERVE_ROUTE_H
#define FND_SERVE_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

enum http_method {
    HTTP_GET,
    HTTP_POST,
    HTTP_PUT,
    HTTP_DELETE,
    HTTP_METHODS,
    HTTP_HEAD = HTTP_METHODS, /* asked as GET */
    HTTP_OTHER
};

struct request;

enum {
    ROUTE_OPEN = 1,    /* without a token */
    ROUTE_UPLOAD = 2,  /* takes other bodies than JSON */
    ROUTE_METRICS = 4, /* open if the options say so */
    ROUTE_NO_BODY = 8  /* its POST may have none */
};
enum { ROUTE_PARTS_MAX = 2, ROUTE_PART_SIZE = 256, ROUTE_ID_SIZE_MAX = 64 };

struct route {
    enum http_method method;
    const char *pattern; /* "/v1/jobs/{id}": an id; {name}: an artifact's name or hash */
    unsigned flags;
    void (*handle)(struct request *request);
};

struct route_match {
    const struct route *route; /* NULL: none */
    bool path_known;           /* but not with this method */
    char allow[64];            /* methods it has, for Allow */
    char parts[ROUTE_PARTS_MAX][ROUTE_PART_SIZE];
    const char *pattern;
};

/** The table, ended by pattern NULL. */
const struct route *route_table(void);
/** Find the route of a path.  path: `size` bytes, checked by guard_target(). */
void route_find(const struct route *table, enum http_method method, const char *path, size_t size,
                struct route_match *match);
/** [0-9a-z-]{1,64} */
bool route_id(const char *bytes, size_t size);
enum http_method route_method(const char *name);

#endif
