/* SPDX-License-Identifier: MIT */
/* The file that is written: whole under its name, or not there. */
#define _GNU_SOURCE /* sync_file_range */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "base/file.h"
#include "dataset/internal.h"

enum {
    SINK_PIECE_SIZE = 1 << 16,
    SINK_WINDOW_SIZE = 1 << 20, /* bytes that the disk is asked for at once; whole pieces */
    SINK_KEPT_SIZE = 8 << 20,   /* bytes that it is given time to write */
    SINK_NAMES_MAX = 1000
};

/** An unnamed file for what goes to a pipe. */
static enum fnd_status unnamed_open(struct fnd_sink *sink, struct fnd_error *error)
{
    FILE *file = tmpfile();
    sink->fd = file != NULL ? fcntl(fileno(file), F_DUPFD_CLOEXEC, 0) : -1;
    const int failure = errno;
    if (file != NULL) {
        fclose(file); /* removed already; the copy of its descriptor stays */
    }
    return sink->fd >= 0 ? FND_OK
                         : fnd_error_errno(error, fnd_status_errno(failure), failure,
                                           "cannot make a temporary file for the export");
}

enum fnd_status fnd_sink_open(struct fnd_sink *sink, const char *path, struct fnd_error *error)
{
    *sink = (struct fnd_sink){.folder = -1, .fd = -1};
    fnd_sha256_begin(&sink->hash);
    if (path == NULL) {
        return unnamed_open(sink, error);
    }
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    if (name[0] == '\0') {
        return fnd_error_set(error, FND_INVALID,
                             "cannot write the export to %s: that names a "
                             "folder; name a file in it",
                             path);
    }
    char *folder = slash == NULL   ? fnd_strdup(".")
                   : slash == path ? fnd_strdup("/")
                                   : fnd_strndup(path, (size_t)(slash - path));
    sink->path = fnd_strdup(path);
    sink->name = sink->path + (name - path);
    sink->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failure = errno;
    struct stat there;
    enum fnd_status status = FND_OK;
    if (sink->folder < 0) {
        status = fnd_error_errno(error, fnd_status_errno(failure), failure,
                                 "cannot write the export %s: cannot open its folder", path);
        goto out;
    }
    if (fstatat(sink->folder, name, &there, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(there.st_mode)) {
        status = fnd_error_set(error, FND_INVALID,
                               "cannot write the export to %s: it is a folder; "
                               "name a file in it",
                               path);
        goto out;
    }
    for (unsigned i = 0; i < SINK_NAMES_MAX && sink->fd < 0; i++) {
        snprintf(sink->temporary, sizeof sink->temporary, ".foundry-%ld-%u.tmp", (long)getpid(), i);
        sink->fd = openat(sink->folder, sink->temporary,
                          O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
        failure = errno;
        if (sink->fd < 0 && failure != EEXIST) {
            break;
        }
    }
    if (sink->fd < 0) {
        sink->temporary[0] = '\0';
        status = fnd_error_errno(error, fnd_status_errno(failure), failure,
                                 "cannot write the export %s: cannot make a temporary file beside "
                                 "it",
                                 path);
    }
out:
    free(folder);
    return status;
}

static const char *told(const struct fnd_sink *sink)
{
    return sink->path != NULL ? sink->path : "(in a temporary file)";
}

/** The checksum of all bytes up to the end of a piece. Each piece goes on from the one before it.
 */
static uint64_t piece_sum(uint64_t before, const char *bytes, size_t size)
{
    return size > 0 ? XXH3_64bits_withSeed(bytes, size, before) : before;
}

static size_t newlines(const char *bytes, size_t size)
{
    size_t count = 0;
    const char *end = bytes + size;
    for (const char *at = bytes; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++) {
        count++;
    }
    return count;
}

/** Fill a piece, unless the end comes first.  Returns 0 or an errno value. */
static int piece_read(int fd, uint64_t from, char *bytes, size_t *size)
{
    *size = 0;
    while (*size < SINK_PIECE_SIZE) {
        const ssize_t got =
            pread(fd, bytes + *size, SINK_PIECE_SIZE - *size, (off_t)(from + *size));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got < 0 ? errno : 0;
        }
        *size += (size_t)got;
    }
    return 0;
}

/** Read on, up to `until` or the end. */
static enum fnd_status read_back(const struct fnd_sink *sink, uint64_t until,
                                 struct fnd_sink_back *back, struct fnd_error *error)
{
    char *bytes = fnd_alloc(SINK_PIECE_SIZE);
    size_t size = SINK_PIECE_SIZE;
    int failure = 0;
    while (failure == 0 && size == SINK_PIECE_SIZE && back->size < until) {
        failure = piece_read(sink->fd, back->size, bytes, &size);
        back->sum = piece_sum(back->sum, bytes, size);
        back->size += size;
        back->newlines += newlines(bytes, size);
    }
    free(bytes);
    return failure == 0 ? FND_OK
                        : fnd_error_errno(error, FND_IO, failure, "cannot read the export %s back",
                                          told(sink));
}

/** Ask the disk to write the window at `from`, and wait for it where `waits`.  Returns 0 or an
 * errno value. A failure that a wait is told of is told to no later sync. */
static int window_write(const struct fnd_sink *sink, uint64_t from, bool waits)
{
    const unsigned how =
        waits ? SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER
              : SYNC_FILE_RANGE_WRITE;
    return sync_file_range(sink->fd, (off_t)from, SINK_WINDOW_SIZE, how) == 0 ? 0 : errno;
}

/** What the disk has is read back and leaves memory: a long file passes through a few pages, and
 *  does not push out what others read. */
static enum fnd_status window_end(struct fnd_sink *sink, struct fnd_error *error)
{
    const uint64_t from = sink->there;
    enum fnd_status status = FND_OK;
    sink->there += SINK_WINDOW_SIZE;
    if (!sink->bare) {
        status = read_back(sink, sink->there, &sink->back, error);
        sink->at_end = sink->back.size != sink->there; /* it is shorter, which the end will tell */
    }
    (void)posix_fadvise(sink->fd, (off_t)from, SINK_WINDOW_SIZE, POSIX_FADV_DONTNEED);
    return status;
}

/** Have the disk write while lines are made, so that the sync and the comparison at the end have
 *  little left to do. */
static enum fnd_status disk_use(struct fnd_sink *sink, struct fnd_error *error)
{
    const uint64_t written = sink->size - sink->buffer.size;
    enum fnd_status status = FND_OK;
    int failure = 0;
    if (sink->path == NULL) {
        return FND_OK;
    }
    while (failure == 0 && !sink->at_end && written - sink->begun >= SINK_WINDOW_SIZE) {
        failure = window_write(sink, sink->begun, false);
        sink->begun += SINK_WINDOW_SIZE;
    }
    while (failure == 0 && status == FND_OK && !sink->at_end &&
           sink->begun - sink->there > SINK_KEPT_SIZE) {
        failure = window_write(sink, sink->there, true);
        status = failure == 0 ? window_end(sink, error) : status;
    }
    if (failure == EINVAL || failure == ENOSYS || failure == ESPIPE || failure == EOPNOTSUPP) {
        sink->at_end = true; /* a file system, or a kernel, that knows nothing of ranges */
        failure = 0;
    }
    return failure == 0 ? status
                        : fnd_error_errno(error, fnd_status_errno(failure), failure,
                                          "nothing of the export was kept, as the disk did not "
                                          "take what was written to %s",
                                          told(sink));
}

/** Write whole pieces, or all that is left. */
static enum fnd_status flush(struct fnd_sink *sink, bool all, struct fnd_error *error)
{
    struct fnd_text *buffer = &sink->buffer;
    const char *bytes = fnd_text_z(buffer);
    const size_t size = all ? buffer->size : buffer->size - buffer->size % SINK_PIECE_SIZE;
    /* Here and not where it was handed in: many lines at once are hashed in whole blocks. */
    for (size_t at = 0; at < size && !sink->bare; at += SINK_PIECE_SIZE) {
        const size_t piece = size - at < SINK_PIECE_SIZE ? size - at : SINK_PIECE_SIZE;
        fnd_sha256_add(&sink->hash, bytes + at, piece);
        sink->sum = piece_sum(sink->sum, bytes + at, piece);
    }
    int failure = fnd_write_all(sink->fd, bytes, size);
    if (failure == 0 && size > 0) {
        buffer->size -= size;
        memmove(buffer->bytes, buffer->bytes + size, buffer->size + 1); /* with the NUL */
    }
    return failure == 0
               ? disk_use(sink, error)
               : fnd_error_errno(
                     error, fnd_status_errno(failure), failure,
                     "nothing of the export was kept, as %s cannot be written behind byte %ju",
                     told(sink), (uintmax_t)(sink->size - buffer->size));
}

enum fnd_status fnd_sink_write(struct fnd_sink *sink, const void *bytes, size_t size,
                               struct fnd_error *error)
{
    fnd_text_append(&sink->buffer, bytes, size);
    sink->size += size;
    return sink->buffer.size >= SINK_PIECE_SIZE ? flush(sink, false, error) : FND_OK;
}

enum fnd_status fnd_sink_seal(struct fnd_sink *sink, struct fnd_error *error)
{
    uint8_t digest[FND_DIGEST_SIZE];
    enum fnd_status status = flush(sink, true, error);
    /* One without a name goes with its descriptor: there is nothing to keep. */
    if (status == FND_OK && sink->path != NULL && fsync(sink->fd) != 0) {
        status = fnd_error_errno(error, fnd_status_errno(errno), errno,
                                 "cannot make the export %s durable", told(sink));
    }
    if (!sink->bare) {
        fnd_sha256_end(&sink->hash, digest);
        fnd_digest_text(digest, sink->sha256);
    }
    return status;
}

/** A descriptor on the bytes from their start on, with an offset of its own where it has a name. */
static int reopen(const struct fnd_sink *sink)
{
    int fd = sink->name != NULL
                 ? openat(sink->folder, sink->temporary, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
                 : fcntl(sink->fd, F_DUPFD_CLOEXEC, 0);
    if (fd >= 0 && lseek(fd, 0, SEEK_SET) < 0) {
        const int failure = errno;
        close(fd);
        errno = failure;
        return -1;
    }
    return fd;
}

enum fnd_status fnd_sink_read(const struct fnd_sink *sink, FILE **file, struct fnd_error *error)
{
    int fd = reopen(sink);
    FILE *opened = fd >= 0 ? fdopen(fd, "r") : NULL;
    if (opened == NULL) {
        const int failure = errno;
        if (fd >= 0) {
            close(fd);
        }
        return fnd_error_errno(error, FND_IO, failure, "cannot read the export %s back",
                               told(sink));
    }
    *file = opened;
    return FND_OK;
}

enum fnd_status fnd_sink_compare(const struct fnd_sink *sink, size_t lines, size_t around,
                                 struct fnd_error *error)
{
    struct fnd_sink_back back = sink->back;
    assert(!sink->bare);
    const enum fnd_status status = read_back(sink, UINT64_MAX, &back, error);
    if (status != FND_OK) {
        return status;
    }
    if (back.size != sink->size || back.sum != sink->sum) {
        return fnd_error_set(error, FND_DAMAGED,
                             "what came back of %s is not what was written (%ju bytes with "
                             "checksum %016jx, not %ju with %016jx); the disk is failing",
                             told(sink), (uintmax_t)back.size, (uintmax_t)back.sum,
                             (uintmax_t)sink->size, (uintmax_t)sink->sum);
    }
    return back.newlines == lines + around
               ? FND_OK
               : fnd_error_set(error, FND_DAMAGED, "%zu lines were written and %zu came back",
                               lines + around, back.newlines);
}

enum fnd_status fnd_sink_publish(struct fnd_sink *sink, struct fnd_error *error)
{
    if (renameat(sink->folder, sink->temporary, sink->folder, sink->name) != 0) {
        return fnd_error_errno(error, fnd_status_errno(errno), errno,
                               "cannot give the export its name %s", sink->path);
    }
    sink->temporary[0] = '\0';
    if (fsync(sink->folder) != 0 && errno != EINVAL) { /* EINVAL: a file system without it */
        return fnd_error_errno(error, fnd_status_errno(errno), errno,
                               "the export is there, but its name %s cannot be made durable",
                               sink->path);
    }
    return FND_OK;
}

bool fnd_sink_published(const struct fnd_sink *sink)
{
    return sink->name != NULL && sink->temporary[0] == '\0';
}

/** Hand all bytes to `take`, which returns 0 or an errno value. Returns that, or what reading came
 *  to. */
static int each_piece(const struct fnd_sink *sink,
                      int (*take)(void *context, const char *bytes, size_t size), void *context)
{
    int from = reopen(sink);
    int failure = from < 0 ? errno : 0;
    char *bytes = fnd_alloc(SINK_PIECE_SIZE);
    while (failure == 0) {
        ssize_t got = read(from, bytes, SINK_PIECE_SIZE);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            failure = got < 0 ? errno : 0;
            break;
        }
        failure = take(context, bytes, (size_t)got);
    }
    free(bytes);
    if (from >= 0) {
        close(from);
    }
    return failure;
}

static int to_descriptor(void *context, const char *bytes, size_t size)
{
    return fnd_write_all(*(const int *)context, bytes, size);
}

enum fnd_status fnd_sink_send(const struct fnd_sink *sink, int fd, struct fnd_error *error)
{
    const int failure = each_piece(sink, to_descriptor, &fd);
    return failure == 0 ? FND_OK
                        : fnd_error_errno(error, fnd_status_errno(failure), failure,
                                          "cannot hand the export on");
}

static int to_text(void *context, const char *bytes, size_t size)
{
    fnd_text_append(context, bytes, size);
    return 0;
}

enum fnd_status fnd_sink_text(const struct fnd_sink *sink, struct fnd_text *text,
                              struct fnd_error *error)
{
    const int failure = each_piece(sink, to_text, text);
    return failure == 0
               ? FND_OK
               : fnd_error_errno(error, FND_IO, failure, "cannot read %s back", told(sink));
}

struct appending {
    struct fnd_sink *sink;
    struct fnd_error *error;
    enum fnd_status status;
};

static int to_sink(void *context, const char *bytes, size_t size)
{
    struct appending *appending = context;
    appending->status = fnd_sink_write(appending->sink, bytes, size, appending->error);
    return appending->status == FND_OK ? 0 : ECANCELED; /* it has been told */
}

enum fnd_status fnd_sink_append(struct fnd_sink *sink, const struct fnd_sink *from,
                                struct fnd_error *error)
{
    struct appending appending = {sink, error, FND_OK};
    const int failure = each_piece(from, to_sink, &appending);
    return appending.status != FND_OK ? appending.status
           : failure == 0
               ? FND_OK
               : fnd_error_errno(error, FND_IO, failure, "cannot read %s back", told(from));
}

enum fnd_status fnd_sink_store(const struct fnd_sink *sink, const char *path,
                               struct fnd_error *error)
{
    struct fnd_sink copy;
    enum fnd_status status = fnd_sink_open(&copy, path, error);
    copy.bare = true;
    if (status == FND_OK) {
        status = fnd_sink_append(&copy, sink, error);
    }
    if (status == FND_OK) {
        status = fnd_sink_seal(&copy, error);
    }
    if (status == FND_OK) {
        status = fnd_sink_publish(&copy, error);
    }
    fnd_sink_finish(&copy);
    return status;
}

void fnd_sink_finish(struct fnd_sink *sink)
{
    if (sink->temporary[0] != '\0') {
        unlinkat(sink->folder, sink->temporary, 0);
    }
    if (sink->fd >= 0) {
        close(sink->fd);
    }
    if (sink->folder >= 0) {
        close(sink->folder);
    }
    free(sink->path);
    fnd_text_finish(&sink->buffer);
    *sink = (struct fnd_sink){.folder = -1, .fd = -1};
}
