/* SPDX-License-Identifier: MIT */
/* Whether a request's head is one that we serve. libmicrohttpd 0.9.75 accepts two lengths, a length
 * beside chunks, two hosts, folded lines, bare line feeds, cuts texts at NUL and decodes %2e before
 * it asks; so nothing here takes its word: the target is looked at as it was sent, each header as
 * it is listed, and the sum of it all must be the number of bytes that the head had. Whatever the
 * library hid, dropped or joined is missing from that sum. No sockets here: bytes in, verdict out.
 */
#ifndef FND_SERVE_GUARD_H
#define FND_SERVE_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A refusal. `status` 0: none. */
struct guard_flaw {
    unsigned status;
    const char *code;
    const char *message;
};

struct guard {
    size_t size; /* bytes of the head accounted for */
    size_t headers;
    size_t hosts, lengths, types, origins, authorizations, cookies;
    bool transfer;   /* a Transfer-Encoding */
    bool length_bad; /* a Content-Length that is no number */
    uint64_t length;
    struct guard_flaw flaw; /* the first */
};

/** The request line. `target` as sent. */
void guard_line(struct guard *guard, const char *method, const char *target, const char *version);
/** One header as listed. */
void guard_header(struct guard *guard, const char *name, const char *value);
/** Behind the last. `head_size`: bytes of the head as received, 0 if unknown. */
struct guard_flaw guard_end(struct guard *guard, size_t head_size);
/** A whole head as it came, from the request line to the empty line: all of the above, and that it
 *  is one at all.  bytes: `size` of them, with the empty line.  length: of the body behind it; may
 *  be NULL, and is set where there is no flaw. */
struct guard_flaw guard_head(const char *bytes, size_t size, uint64_t *length);
/** The path of a target (up to '?'): only unreserved characters and '/', no empty, "." or ".."
 *  segment.  The query: printable ASCII, sane %XX, none of which is NUL. */
struct guard_flaw guard_target(const char *target, size_t size);
/** Whether a value of Host is one of `hosts`, which has each between newlines; ASCII case is equal.
 */
bool guard_host(const char *hosts, const char *host);
/** Whether `origin` is the origin of `host`. */
bool guard_origin(const char *origin, const char *host);
/** Whether a Content-Type is `type`, whatever its parameters. */
bool guard_type(const char *value, const char *type);

/** Decode %XX and '+' of one query value into `out` (size + 1 bytes); false if it is no UTF-8 or
 *  holds control characters. */
bool guard_decode(const char *bytes, size_t size, char *out);

#endif
