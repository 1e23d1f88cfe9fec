/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* nftw() */
#include "fuzz.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

_Noreturn void fuzz_fail(const char *file, int line, const char *what, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)fprintf(stderr, "%s:%d: does not hold: %s\n    ", file, line, what);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    va_end(arguments);
    abort();
}

void fuzz_error_check(const struct fnd_error *error, const char *bytes, size_t size)
{
    FUZZ_CHECK(error->status != FND_OK, "a failure left no status");
    FUZZ_CHECK(error->message[0] != '\0', "a failure (%s) without a message",
               fnd_status_name(error->status));
    FUZZ_CHECK(fnd_utf8_valid(error->message, strlen(error->message)), "the message is no UTF-8");
    if (error->line == 0 || bytes == NULL) {
        return;
    }
    const char *at = bytes, *end = bytes + size;
    for (size_t line = 1; line < error->line; line++) {
        const char *next = at == end ? NULL : memchr(at, '\n', (size_t)(end - at));
        FUZZ_CHECK(next != NULL, "line %zu is behind the end, which is in line %zu: %s",
                   error->line, line, error->message);
        at = next + 1;
    }
    const char *next = at == end ? NULL : memchr(at, '\n', (size_t)(end - at));
    const size_t wide = (size_t)((next == NULL ? end : next) - at);
    FUZZ_CHECK(error->column <= wide + 1, "column %zu of line %zu, which has %zu bytes: %s",
               error->column, error->line, wide, error->message);
}

struct fnd_json fuzz_json(const struct fnd_text *text, const char *what)
{
    struct fnd_json value = {0};
    struct fnd_error error = {0};
    FUZZ_CHECK(fnd_json_check(text->bytes, text->size, what, &value, &error) == FND_OK,
               "%s: %s in %s", what, error.message, fnd_text_z(text));
    return value;
}

char *fuzz_part(struct fuzz_parts *parts, size_t *size)
{
    const size_t left = (size_t)(parts->end - parts->at);
    const uint8_t *nul = left == 0 ? NULL : memchr(parts->at, 0, left);
    *size = nul == NULL ? left : (size_t)(nul - parts->at);
    char *part = malloc(*size + 1);
    FUZZ_CHECK(part != NULL, "no memory");
    if (*size > 0) {
        memcpy(part, parts->at, *size);
    }
    part[*size] = '\0';
    parts->at = nul == NULL ? parts->end : nul + 1;
    return part;
}

static char folder[256];

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

static void folder_remove(void)
{
    (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *fuzz_folder(void)
{
    if (folder[0] == '\0') {
        const char *tmp = getenv("TMPDIR");
        (void)snprintf(folder, sizeof folder, "%s/foundry-fuzz-XXXXXX", tmp == NULL ? "/tmp" : tmp);
        FUZZ_CHECK(mkdtemp(folder) != NULL, "cannot make a folder %s", folder);
        (void)atexit(folder_remove);
    }
    return folder;
}
