/* SPDX-License-Identifier: MIT */
/* The story of a failure: what was tried, on what, what was found, what would do. */
#ifndef FND_BASE_ERROR_H
#define FND_BASE_ERROR_H

#include <stdarg.h>
#include <stddef.h>

/** What kind of failure; commands map it to an exit code. */
enum fnd_status {
    FND_OK = 0,
    FND_INVALID,   /* the input breaks a rule */
    FND_NOT_FOUND, /* a named thing is not there */
    FND_CONFLICT,  /* somebody else was first */
    FND_BUSY,      /* the directory is in use and its engine does not answer */
    FND_DENIED,    /* not allowed */
    FND_LIMIT,     /* a named limit is reached */
    FND_PLUGIN,    /* a plugin cannot be loaded or broke its contract */
    FND_DAMAGED,   /* recorded content is not what was recorded */
    FND_FULL,      /* no space left */
    FND_IO,        /* the system refused; the outcome of a commit is unknown */
    FND_NO_MEMORY,
    FND_INTERRUPTED /* stopped on request, state saved */
};

enum { FND_ERROR_MESSAGE_SIZE = 1024, FND_ERROR_FILE_SIZE = 256, FND_ERROR_CODE_SIZE = 48 };

/** Plain data; `= {0}` is no error. `line` and `column` count from 1, 0 is unknown; a column counts
 *  bytes, as compilers do. `code` is short and stable ("unknown_key"), for programs. */
struct fnd_error {
    enum fnd_status status;
    size_t line, column;
    char file[FND_ERROR_FILE_SIZE];
    char code[FND_ERROR_CODE_SIZE];
    char message[FND_ERROR_MESSAGE_SIZE];
};

/** No error again, without touching all of its bytes. */
static inline void fnd_error_clear(struct fnd_error *error)
{
    error->status = FND_OK;
    error->line = error->column = 0;
    error->file[0] = error->code[0] = error->message[0] = '\0';
}

/** Fill `error` (NULL: nothing happens) with a printf-style message, cut at its size on a character
 *  boundary; bytes that are no UTF-8 are shown as \xNN. Clears file, line, column and code. Returns
 * `status`, so that one can write `return fnd_error_set(error, FND_INVALID, "...")`.  Thread: any.
 */
enum fnd_status fnd_error_set(struct fnd_error *error, enum fnd_status status, const char *format,
                              ...) __attribute__((format(printf, 3, 4)));

/** The same with errno's text behind the message: "cannot open x: Permission denied"; and behind
 *  that what to do about it, if that is the same wherever it comes from (EIO, ENOSPC, EDQUOT,
 * EFBIG, EROFS). FND_FULL has the code "storage_full". */
enum fnd_status fnd_error_errno(struct fnd_error *error, enum fnd_status status, int errno_value,
                                const char *format, ...) __attribute__((format(printf, 4, 5)));

/** Name the place. `file` is copied (its end is kept when it is too long), NULL leaves it. */
void fnd_error_place(struct fnd_error *error, const char *file, size_t line, size_t column);

/** Set the stable code, e.g. "unknown_key". */
void fnd_error_code(struct fnd_error *error, const char *code);

/** Put a printf-style text and ": " before the message: the story told from further out. */
void fnd_error_prefix(struct fnd_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** The name of a status, e.g. "conflict"; static. */
const char *fnd_status_name(enum fnd_status status);

#endif
