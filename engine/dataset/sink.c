/* SPDX-License-Identifier: MIT */
/* The file that is written: whole under its name, or not there. */
#define _GNU_SOURCE /* sync_file_range */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "dataset/internal.h"

enum {
    SINK_BUFFER_SIZE = 1 << 16,
    SINK_AHEAD_SIZE = 4 << 20, /* bytes that the disk is told of before it must have them */
    SINK_MARK_SIZE = 8 << 20,  /* bytes between two places from which it can be read back */
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

/** Ask the disk to begin with what it will have to hold: the sync at the end then waits for the
 * last of it, and not for all. Nothing hangs on the answer: what fails is told by that sync. */
static void write_ahead(struct fnd_sink *sink)
{
    if (sink->path != NULL && sink->size - sink->begun >= SINK_AHEAD_SIZE) {
        (void)sync_file_range(sink->fd, (off_t)sink->begun, (off_t)(sink->size - sink->begun),
                              SYNC_FILE_RANGE_WRITE);
        sink->begun = sink->size;
    }
}

/** Keep how far the hash is, now and then: what comes back can then be hashed in two parts at once.
 */
static void mark(struct fnd_sink *sink)
{
    const uint64_t last = sink->marks_count > 0 ? sink->marks[sink->marks_count - 1].at : 0;
    if (sink->size - last >= SINK_MARK_SIZE) {
        sink->marks = fnd_realloc(sink->marks, sink->marks_count + 1, sizeof *sink->marks);
        sink->marks[sink->marks_count++] = (struct fnd_sink_mark){sink->size, sink->hash};
    }
}

static enum fnd_status flush(struct fnd_sink *sink, struct fnd_error *error)
{
    /* Here and not where it was handed in: many lines at once are hashed in whole blocks. */
    fnd_sha256_add(&sink->hash, sink->buffer.bytes, sink->buffer.size);
    int failure = fnd_write_all(sink->fd, fnd_text_z(&sink->buffer), sink->buffer.size);
    if (failure != 0) {
        return fnd_error_errno(
            error, fnd_status_errno(failure), failure,
            "nothing of the export was kept, as %s cannot be written behind byte "
            "%ju",
            told(sink), (uintmax_t)(sink->size - sink->buffer.size));
    }
    fnd_text_clear(&sink->buffer);
    mark(sink);
    write_ahead(sink);
    return FND_OK;
}

enum fnd_status fnd_sink_write(struct fnd_sink *sink, const void *bytes, size_t size,
                               struct fnd_error *error)
{
    fnd_text_append(&sink->buffer, bytes, size);
    sink->size += size;
    return sink->buffer.size >= SINK_BUFFER_SIZE ? flush(sink, error) : FND_OK;
}

enum fnd_status fnd_sink_seal(struct fnd_sink *sink, struct fnd_error *error)
{
    uint8_t digest[FND_DIGEST_SIZE];
    enum fnd_status status = flush(sink, error);
    /* One without a name goes with its descriptor: there is nothing to keep. */
    if (status == FND_OK && sink->path != NULL && fsync(sink->fd) != 0) {
        status = fnd_error_errno(error, fnd_status_errno(errno), errno,
                                 "cannot make the export %s durable", told(sink));
    }
    fnd_sha256_end(&sink->hash, digest);
    fnd_digest_text(digest, sink->sha256);
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

static size_t newlines(const char *bytes, size_t size)
{
    size_t count = 0;
    const char *end = bytes + size;
    for (const char *at = bytes; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++) {
        count++;
    }
    return count;
}

/** A part of the bytes that is read back. */
struct part {
    struct fnd_sha256 hash;
    uint64_t at, end; /* end: of the part, or behind all there may be */
    size_t newlines;
    int fd, failure; /* failure: an errno value */
};

static void part_read(struct part *part)
{
    char *bytes = fnd_alloc(SINK_BUFFER_SIZE);
    while (part->at < part->end) {
        const uint64_t left = part->end - part->at;
        const size_t wanted = left < SINK_BUFFER_SIZE ? (size_t)left : SINK_BUFFER_SIZE;
        const ssize_t got = pread(part->fd, bytes, wanted, (off_t)part->at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            part->failure = got < 0 ? errno : 0;
            break;
        }
        fnd_sha256_add(&part->hash, bytes, (size_t)got);
        part->newlines += newlines(bytes, (size_t)got);
        part->at += (uint64_t)got;
    }
    free(bytes);
}

static void *thread_run(void *context)
{
    part_read(context);
    return NULL;
}

/** Read both parts, the first on a thread of its own where one can be had. */
static void parts_read(struct part parts[2])
{
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for who began */
    const bool begun = pthread_create(&thread, NULL, thread_run, &parts[0]) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!begun) {
        part_read(&parts[0]);
    }
    part_read(&parts[1]);
    if (begun) {
        pthread_join(thread, NULL);
    }
}

static void hash_text(const struct fnd_sha256 *hash, char text[FND_DIGEST_TEXT_SIZE])
{
    struct fnd_sha256 copy = *hash;
    uint8_t digest[FND_DIGEST_SIZE];
    fnd_sha256_end(&copy, digest);
    fnd_digest_text(digest, text);
}

/** Read it back in one part, or in two of which the second begins with the hash as it was there
 *  when it was written: the first must come to the same.
 *  sha256  receives the hash of what came back, of the first part if that differs. */
static int read_back(const struct fnd_sink *sink, int fd, size_t *count,
                     char sha256[FND_DIGEST_TEXT_SIZE])
{
    char marked[FND_DIGEST_TEXT_SIZE];
    struct part parts[2] = {{.fd = fd, .end = UINT64_MAX}, {.fd = fd, .end = UINT64_MAX}};
    fnd_sha256_begin(&parts[0].hash);
    if (sink->marks_count < 2) {
        part_read(&parts[0]);
        hash_text(&parts[0].hash, sha256);
    } else {
        const struct fnd_sink_mark *middle = &sink->marks[(sink->marks_count - 1) / 2];
        parts[0].end = parts[1].at = middle->at;
        parts[1].hash = middle->hash;
        parts_read(parts);
        hash_text(&middle->hash, marked);
        hash_text(&parts[0].hash, sha256);
        if (strcmp(sha256, marked) == 0) {
            hash_text(&parts[1].hash, sha256);
        }
    }
    *count = parts[0].newlines + parts[1].newlines;
    return parts[0].failure != 0 ? parts[0].failure : parts[1].failure;
}

enum fnd_status fnd_sink_compare(const struct fnd_sink *sink, size_t lines, size_t around,
                                 struct fnd_error *error)
{
    char sha256[FND_DIGEST_TEXT_SIZE] = "";
    size_t count = 0;
    int fd = reopen(sink);
    const int failure = fd >= 0 ? read_back(sink, fd, &count, sha256) : errno;
    if (fd >= 0) {
        close(fd);
    }
    if (failure != 0) {
        return fnd_error_errno(error, FND_IO, failure, "cannot read the export %s back",
                               told(sink));
    }
    if (strcmp(sha256, sink->sha256) != 0) {
        return fnd_error_set(error, FND_DAMAGED,
                             "what came back of %s is not what was written (SHA-256 %s, not %s); "
                             "the disk is failing",
                             told(sink), sha256, sink->sha256);
    }
    return count == lines + around
               ? FND_OK
               : fnd_error_set(error, FND_DAMAGED, "%zu lines were written and %zu came back",
                               lines + around, count);
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
    char *bytes = fnd_alloc(SINK_BUFFER_SIZE);
    while (failure == 0) {
        ssize_t got = read(from, bytes, SINK_BUFFER_SIZE);
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
    free(sink->marks);
    fnd_text_finish(&sink->buffer);
    *sink = (struct fnd_sink){.folder = -1, .fd = -1};
}
