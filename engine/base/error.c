/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* Copy `size` bytes, cut at `room - 1` on a character boundary. */
static void copy_cut(char *to, size_t room, const char *from, size_t size)
{
    if (size >= room) {
        const char *cut = from + room - 1;
        while (cut > from && ((unsigned char)*cut & 0xc0) == 0x80) {
            cut--;
        }
        size = (size_t)(cut - from);
    }
    memmove(to, from, size);
    to[size] = '\0';
}

/* Show bytes that are no UTF-8 (of a file's name, of a damaged record) as \xNN, as long as there is
 * room: a message goes into JSON, too. Returns the size. */
static size_t bytes_show(char *to, size_t room, size_t size)
{
    if (fnd_utf8_valid(to, size)) {
        return size;
    }
    static const char digits[] = "0123456789abcdef";
    char shown[FND_ERROR_MESSAGE_SIZE];
    size_t used = 0, step;
    for (size_t at = 0; at<size; at += step> 0 ? step : 1) {
        step = fnd_utf8_step(to + at, size - at);
        const size_t wide = step > 0 ? step : 4;
        if (used + wide >= room) {
            break;
        }
        if (step > 0) {
            memcpy(shown + used, to + at, step);
        } else {
            const unsigned char byte = (unsigned char)to[at];
            memcpy(shown + used, (char[]){'\\', 'x', digits[byte >> 4], digits[byte & 15]}, 4);
        }
        used += wide;
    }
    memcpy(to, shown, used);
    to[used] = '\0';
    return used;
}

/* vsnprintf into `to` (room 1 to FND_ERROR_MESSAGE_SIZE), cut on a character boundary; the size
 * written. */
__attribute__((format(printf, 3, 0))) static size_t
format_cut(char *to, size_t room, const char *format, va_list arguments)
{
    to[0] = '\0';
    int size = vsnprintf(to, room, format, arguments);
    if (size < 0) {
        to[0] = '\0';
        return 0;
    }
    if ((size_t)size < room) {
        return bytes_show(to, room, (size_t)size);
    }
    size_t kept = room - 1; /* whether the last character is whole shows in its first byte */
    size_t begin = kept;
    while (begin > 0 && kept - begin < 4 && ((unsigned char)to[begin - 1] & 0xc0) == 0x80) {
        begin--;
    }
    if (begin > 0 && ((unsigned char)to[begin - 1] & 0xc0) == 0xc0) {
        unsigned char first = (unsigned char)to[begin - 1];
        size_t whole = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
        kept = kept - (begin - 1) < whole ? begin - 1 : kept;
    }
    to[kept] = '\0';
    return bytes_show(to, room, kept);
}

static void begin(struct fnd_error *error, enum fnd_status status)
{
    error->status = status;
    error->line = 0;
    error->column = 0;
    error->file[0] = '\0';
    error->code[0] = '\0';
}

enum fnd_status fnd_error_set(struct fnd_error *error, enum fnd_status status, const char *format,
                              ...)
{
    if (error == NULL) {
        return status;
    }
    char message[FND_ERROR_MESSAGE_SIZE]; /* the arguments may be parts of the error itself */
    va_list arguments;
    va_start(arguments, format);
    size_t size = format_cut(message, sizeof message, format, arguments);
    va_end(arguments);
    begin(error, status);
    memcpy(error->message, message, size + 1);
    return status;
}

/* What to do next, where that does not depend on what was tried. */
static const char *remedy(int errno_value)
{
    switch (errno_value) {
    case ENOSPC:
        return "; storage full, free space there and repeat";
    case EDQUOT:
        return "; storage full for this user, free space there and repeat";
    case EFBIG:
        return "; storage full for this process, raise its limit on file sizes and repeat";
    case EIO:
        return "; check the disk and repeat";
    case EROFS:
        return "; make it writable and repeat";
    case EMFILE:
        return "; raise the limit on open files (ulimit -n) and repeat";
    case ENFILE:
        return "; the system has no room for more open files, close some and repeat";
    case EAGAIN: /* of threads and processes: waits for descriptors never end as errors */
        return "; end some processes or raise their limit (ulimit -u) and repeat";
    case ENOMEM:
        return "; free memory and repeat";
    case EACCES:
        return "; look at its owner and permissions";
    case ENOSYS:
        return "; the kernel does not have this, a newer one is needed";
    default:
        return "";
    }
}

enum fnd_status fnd_error_errno(struct fnd_error *error, enum fnd_status status, int errno_value,
                                const char *format, ...)
{
    if (error == NULL) {
        return status;
    }
    char reason[256];
    if (strerror_r(errno_value, reason, sizeof reason / 2) != 0) {
        snprintf(reason, sizeof reason / 2, "system error %d", errno_value);
    }
    size_t reason_size = strlen(reason);
    snprintf(reason + reason_size, sizeof reason - reason_size, "%s", remedy(errno_value));
    reason_size += strlen(reason + reason_size);
    char message[FND_ERROR_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    /* The reason is worth more than the end of a long path, so room is kept for it. */
    size_t size = format_cut(message, sizeof message - reason_size - 2, format, arguments);
    va_end(arguments);
    memcpy(message + size, ": ", 2);
    memcpy(message + size + 2, reason, reason_size + 1);
    begin(error, status);
    memcpy(error->message, message, size + 2 + reason_size + 1);
    if (status == FND_FULL) {
        fnd_error_code(error, "storage_full");
    }
    return status;
}

void fnd_error_place(struct fnd_error *error, const char *file, size_t line, size_t column)
{
    if (error == NULL) {
        return;
    }
    error->line = line;
    error->column = column;
    if (file == NULL) {
        return;
    }
    size_t size = strlen(file);
    if (size < sizeof error->file) {
        memmove(error->file, file, size + 1);
        return;
    }
    const char *end = file + size;
    const char *from = end - (sizeof error->file - 1 - 3);
    while (from < end && ((unsigned char)*from & 0xc0) == 0x80) {
        from++;
    }
    memcpy(error->file, "...", 3);
    memcpy(error->file + 3, from, (size_t)(end - from) + 1);
}

void fnd_error_code(struct fnd_error *error, const char *code)
{
    if (error != NULL) {
        copy_cut(error->code, sizeof error->code, code, strlen(code));
    }
}

void fnd_error_prefix(struct fnd_error *error, const char *format, ...)
{
    if (error == NULL) {
        return;
    }
    char message[FND_ERROR_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    size_t size = format_cut(message, sizeof message - 2, format, arguments);
    va_end(arguments);
    memcpy(message + size, ": ", 2);
    size += 2;
    copy_cut(message + size, sizeof message - size, error->message, strlen(error->message));
    memcpy(error->message, message, strlen(message) + 1);
}

const char *fnd_status_name(enum fnd_status status)
{
    switch (status) {
    case FND_OK:
        return "ok";
    case FND_INVALID:
        return "invalid";
    case FND_NOT_FOUND:
        return "not_found";
    case FND_CONFLICT:
        return "conflict";
    case FND_BUSY:
        return "busy";
    case FND_DENIED:
        return "denied";
    case FND_LIMIT:
        return "limit";
    case FND_PLUGIN:
        return "plugin";
    case FND_DAMAGED:
        return "damaged";
    case FND_FULL:
        return "full";
    case FND_IO:
        return "io";
    case FND_NO_MEMORY:
        return "no_memory";
    case FND_INTERRUPTED:
        return "interrupted";
    }
    return "unknown";
}
