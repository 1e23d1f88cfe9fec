/* SPDX-License-Identifier: MIT */
/* What the fuzz targets share. A target is one file with LLVMFuzzerTestOneInput(): libFuzzer feeds
 * it, or replay.c with the files of a corpus. It takes any bytes, finds out by itself what they
 * stand for, and ends the process by FUZZ_CHECK() when what must hold does not. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
/** Once, before the first input; each target has one. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

/** Say what does not hold, where, and end by abort(): libFuzzer keeps the input. */
_Noreturn void fuzz_fail(const char *file, int line, const char *what, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
#define FUZZ_CHECK(condition, ...)                                                                 \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fuzz_fail(__FILE__, __LINE__, #condition, __VA_ARGS__);                                \
        }                                                                                          \
    } while (0)

/** A failure tells its story: there is a status, a message that is UTF-8, and, if it names a line,
 *  that is a place inside the text of `size` bytes (or right behind its end); NULL: not known. */
void fuzz_error_check(const struct fnd_error *error, const char *bytes, size_t size);

/** Check JSON that the engine made; it must be in order. Borrowed span. */
struct fnd_json fuzz_json(const struct fnd_text *text, const char *what);

/** An input of several parts with a NUL behind each but the last: takes the next one off. The
 *  bytes are the part's own memory, so that a read beyond its end is seen; free() it. */
struct fuzz_parts {
    const uint8_t *at, *end;
};
char *fuzz_part(struct fuzz_parts *parts, size_t *size);

/** A folder of this process's own below $TMPDIR or /tmp, made at the first call; it is removed at
 *  a normal end. Static. */
const char *fuzz_folder(void);

#endif
