/* SPDX-License-Identifier: MIT */
/* A *.jsonl is a job a line, read in bounded memory whatever stands in the file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <errno.h>
#include <fcntl.h>

#include "run/ingest.h"

enum { SOURCE_BUFFER_SIZE = 64 << 10 };

/** Digests of what was seen in this file, with the line it was first at. */
struct seen {
    struct seen_slot {
        uint8_t digest[FND_DIGEST_SIZE];
        size_t line, times; /* line 0: empty */
    } * slots;
    size_t count, capacity; /* capacity: a power of two */
};

static struct seen_slot *seen_slot(const struct seen *seen, const uint8_t *digest)
{
    uint64_t at;
    memcpy(&at, digest, sizeof at);
    for (;; at++) {
        struct seen_slot *slot = &seen->slots[at & (seen->capacity - 1)];
        if (slot->line == 0 || memcmp(slot->digest, digest, FND_DIGEST_SIZE) == 0) {
            return slot;
        }
    }
}

static struct seen_slot *seen_add(struct seen *seen, const void *bytes, size_t size, size_t line)
{
    uint8_t digest[FND_DIGEST_SIZE];
    if (seen->count * 2 >= seen->capacity) {
        struct seen old = *seen;
        seen->capacity = old.capacity == 0 ? 256 : old.capacity * 2;
        seen->slots = fnd_alloc(seen->capacity * sizeof *seen->slots);
        for (size_t i = 0; i < old.capacity; i++) {
            if (old.slots[i].line != 0) {
                *seen_slot(seen, old.slots[i].digest) = old.slots[i];
            }
        }
        free(old.slots);
    }
    fnd_sha256(bytes, size, digest);
    struct seen_slot *slot = seen_slot(seen, digest);
    if (slot->line == 0) {
        memcpy(slot->digest, digest, sizeof digest);
        slot->line = line;
        seen->count++;
    }
    slot->times++;
    return slot;
}

/** The identity of a line: its `id`, else the SHA-256 of its bytes and which occurrence it is; the
 *  line number is provenance, so that a line may be put before others.
 *  Returns the line that had the same id before, or 0. */
static size_t line_identity(struct fnd_text *identity, struct fnd_json value, const char *line,
                            size_t size, size_t number, struct seen *seen)
{
    struct fnd_json id = fnd_json_member(value, "id");
    enum fnd_json_type type = id.bytes != NULL ? fnd_json_type(id) : FND_JSON_NULL;
    if (type == FND_JSON_STRING || type == FND_JSON_NUMBER) {
        if (type == FND_JSON_STRING) {
            fnd_json_text(id, identity);
        } else {
            fnd_text_append(identity, id.bytes, id.size);
        }
        struct seen_slot *slot = seen_add(seen, identity->bytes, identity->size, number);
        return slot->line == number ? 0 : slot->line;
    }
    char text[FND_DIGEST_TEXT_SIZE];
    struct seen_slot *slot = seen_add(seen, line, size, number);
    fnd_digest_text(slot->digest, text);
    fnd_text_printf(identity, "sha256:%s", text);
    if (slot->times > 1) {
        fnd_text_printf(identity, "-%zu", slot->times);
    }
    return 0;
}

static enum fnd_status line_take(struct fnd_ingesting *ingest, const struct fnd_input *input,
                                 const char *file, const char *line, size_t size, size_t number,
                                 struct seen *seen, bool fresh, struct fnd_error *error)
{
    struct fnd_error bad = {0};
    struct fnd_json value;
    if (fnd_json_check(line, size, file, &value, &bad) != FND_OK) {
        bad.line += number - 1;
        fnd_ingest_refuse(ingest, &bad);
        return FND_OK;
    }
    struct fnd_text identity = {0};
    enum fnd_status status = FND_OK;
    fnd_text_append_z(&identity, file);
    fnd_text_append_byte(&identity, '#');
    size_t twice = line_identity(&identity, value, line, size, number, seen);
    if (twice > 0) {
        fnd_error_set(&bad, FND_INVALID,
                      "the id of this line is that of line %zu, too; give each "
                      "line its own",
                      twice);
        fnd_error_place(&bad, file, number, 1);
        fnd_ingest_refuse(ingest, &bad);
    } else {
        struct fnd_candidate candidate = {
            fnd_text_z(&identity), input->path, value, input, number, fresh};
        status = fnd_ingest_candidate(ingest, &candidate, error);
    }
    fnd_text_finish(&identity);
    return status;
}

/** A file that is read line by line. */
struct source {
    int fd;
    bool ended;
    int failed;      /* errno, if reading stopped with an error */
    size_t at, size; /* in the buffer */
    char buffer[SOURCE_BUFFER_SIZE];
};

/** Whether there are bytes to take; reads more when all are taken. */
static bool source_fill(struct source *source)
{
    while (source->at == source->size && !source->ended) {
        const ssize_t got = read(source->fd, source->buffer, sizeof source->buffer);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        source->failed = got < 0 ? errno : 0;
        source->ended = got <= 0;
        source->at = 0;
        source->size = got > 0 ? (size_t)got : 0;
    }
    return source->at < source->size;
}

/** Read one line of at most FND_LINE_SIZE_MAX bytes; of a longer one the rest is skipped and
 *  `*size` is FND_LINE_SIZE_MAX + 1.  false at the end of the file, and where reading stops with an
 *  error: nobody can tell whether what was read of a line is all of it. */
static bool line_read(struct source *source, char *line, size_t *size)
{
    bool any = false, whole = false;
    *size = 0;
    while (!whole && source_fill(source)) {
        const char *from = source->buffer + source->at;
        const char *newline = memchr(from, '\n', source->size - source->at);
        const size_t count = newline != NULL ? (size_t)(newline - from) : source->size - source->at;
        const size_t room = FND_LINE_SIZE_MAX + 1 - *size;
        const size_t taken = count < room ? count : room;
        memcpy(line + *size, from, taken);
        *size += taken;
        whole = newline != NULL;
        any = any || whole || count > 0;
        source->at += count + (whole ? 1 : 0);
    }
    if (*size > 0 && *size <= FND_LINE_SIZE_MAX && line[*size - 1] == '\r') {
        --*size;
    }
    return any && source->failed == 0;
}

enum fnd_status fnd_ingest_lines(struct fnd_ingesting *ingest, const struct fnd_input *input,
                                 const char *identity, struct fnd_error *error)
{
    struct seen seen = {0};
    struct fnd_error bad = {0};
    enum fnd_status status = FND_OK;
    size_t size, number = 0;
    int fd = openat(fnd_store_directory(ingest->engine->store), input->path,
                    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        fnd_error_errno(&bad, FND_DENIED, errno, "cannot read the input %s", identity);
        fnd_ingest_refuse(ingest, &bad);
        return FND_OK;
    }
    /* Of a file that no job came from yet, no line has to be looked for. */
    struct fnd_text prefix = {0};
    bool known = true;
    fnd_text_printf(&prefix, "%s#", identity);
    status = fnd_jobs_below(ingest->engine->reader, ingest->pipeline->name, fnd_text_z(&prefix),
                            &known, error);
    fnd_text_finish(&prefix);
    struct source *source = fnd_alloc(sizeof *source);
    source->fd = fd;
    char *line = fnd_alloc(FND_LINE_SIZE_MAX + 1);
    while (status == FND_OK && line_read(source, line, &size)) {
        number++;
        if (size > FND_LINE_SIZE_MAX) {
            fnd_error_set(&bad, FND_LIMIT,
                          "this line is longer than %d bytes; give it as a file "
                          "NAME.job.json of its own",
                          FND_LINE_SIZE_MAX);
            fnd_error_place(&bad, identity, number, 1);
            fnd_ingest_refuse(ingest, &bad);
        } else if (size > 0) {
            status = line_take(ingest, input, identity, line, size, number, &seen, !known, error);
        }
    }
    if (source->failed != 0) {
        fnd_error_errno(&bad, FND_DENIED, source->failed,
                        "reading %s stopped behind line %zu; the next run takes up the rest",
                        identity, number);
        fnd_ingest_refuse(ingest, &bad);
    }
    free(line);
    free(seen.slots);
    free(source);
    close(fd);
    return status;
}
