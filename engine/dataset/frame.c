/* SPDX-License-Identifier: MIT */
/* A manifest of any length: its lists item by item, all else as a whole. */
#define _GNU_SOURCE /* O_NOCTTY with fdopen */
#include "dataset/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

enum { COPY_SIZE = 1 << 16 };

/* --- the frame ----------------------------------------------------------------------------- */

/** Lists that grow with the records. */
static const char *const lists[] = {"\"files\"", "\"records\""};

struct framing {
    FILE *file;
    struct fnd_text *frame;
    const struct fnd_frame_hooks *hooks;
    const char *list;       /* being read, with its quotes */
    struct fnd_error wrong; /* with the first item that is none */
    size_t depth, key_at, key_end;
    bool quoted, escaped;
};

/** The list whose bracket was just read; NULL: none, or not at the top. */
static const char *list_of(const struct framing *framing)
{
    const char *bytes = framing->frame->bytes;
    size_t colons = 0;
    if (framing->depth != 1 || framing->key_end == 0) {
        return NULL;
    }
    for (size_t at = framing->key_end; at + 1 < framing->frame->size; at++) {
        colons += bytes[at] == ':';
        if (strchr(": \t\r\n", bytes[at]) == NULL) {
            return NULL;
        }
    }
    for (size_t i = 0; colons == 1 && i < sizeof lists / sizeof lists[0]; i++) {
        if (framing->key_end - framing->key_at == strlen(lists[i]) &&
            memcmp(bytes + framing->key_at, lists[i], strlen(lists[i])) == 0) {
            return lists[i];
        }
    }
    return NULL;
}

static void item_look(void *context, const struct fnd_text *item, size_t line, size_t index)
{
    struct framing *framing = context;
    const struct fnd_frame_hooks *hooks = framing->hooks;
    struct fnd_json json = {NULL, 0};
    struct fnd_error *wrong = &framing->wrong;
    (void)line;
    if (wrong->status != FND_OK) {
        return; /* told already */
    }
    enum fnd_status status = fnd_json_check(item->bytes, item->size, NULL, &json, wrong);
    if (status != FND_OK) {
        fnd_error_prefix(wrong, "/%.*s/%zu", (int)strlen(framing->list) - 2, framing->list + 1,
                         index - 1);
    } else if (hooks != NULL) {
        enum fnd_status (*told)(void *, struct fnd_json, size_t, struct fnd_error *) =
            framing->list == lists[1] ? hooks->record : hooks->file;
        status = told != NULL ? told(hooks->context, json, index - 1, wrong) : FND_OK;
    }
    wrong->status = status;
}

/** One byte outside of strings and lists. */
static enum fnd_status byte_take(struct framing *framing, int byte, struct fnd_error *error)
{
    if (byte == '"') {
        framing->quoted = true;
        framing->key_at = framing->depth == 1 ? framing->frame->size - 1 : framing->key_at;
    } else if (byte == '[' && (framing->list = list_of(framing)) != NULL) {
        enum fnd_status status = fnd_array_items(framing->file, item_look, framing, error);
        fnd_text_append_byte(framing->frame, ']');
        return status;
    } else if (byte == '{' || byte == '[') {
        framing->depth++;
    } else if ((byte == '}' || byte == ']') && framing->depth > 0) {
        framing->depth--;
    }
    return FND_OK;
}

enum fnd_status fnd_manifest_frame(FILE *file, const struct fnd_frame_hooks *hooks,
                                   struct fnd_text *frame, struct fnd_error *error)
{
    struct framing framing = {.file = file, .frame = frame, .hooks = hooks};
    enum fnd_status status = FND_OK;
    for (int byte; status == FND_OK && (byte = getc_unlocked(file)) != EOF;) {
        if (frame->size >= FND_DATASET_LINE_SIZE_MAX) {
            return fnd_error_set(error, FND_LIMIT,
                                 "has over %d bytes beside its lists of records and files",
                                 FND_DATASET_LINE_SIZE_MAX);
        }
        fnd_text_append_byte(frame, (char)byte);
        if (!framing.quoted) {
            status = byte_take(&framing, byte, error);
        } else if (framing.escaped) {
            framing.escaped = false;
        } else if (byte == '"') {
            framing.quoted = false;
            framing.key_end = framing.depth == 1 ? frame->size : framing.key_end;
        } else {
            framing.escaped = byte == '\\';
        }
    }
    if (status == FND_OK && ferror(file)) {
        status = fnd_error_set(error, FND_IO, "cannot be read");
    }
    if (status == FND_OK && framing.wrong.status != FND_OK) {
        status = framing.wrong.status;
        if (error != NULL) {
            *error = framing.wrong;
        }
    }
    return status;
}

bool fnd_manifest_frame_of(const char *path, struct fnd_text *frame)
{
    struct stat there;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    FILE *file = fd >= 0 && fstat(fd, &there) == 0 && S_ISREG(there.st_mode) &&
                         there.st_size <= FND_DATASET_MANIFEST_SIZE_MAX
                     ? fdopen(fd, "r")
                     : NULL;
    if (file == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    const bool whole = fnd_manifest_frame(file, NULL, frame, NULL) == FND_OK;
    fclose(file);
    return whole;
}

/* --- a manifest to be made again ----------------------------------------------------------- */

/** Records as they are read. */
struct recording {
    const char *path;
    int64_t *numbers;
    size_t count, capacity;
    struct fnd_sink *hashes;
};

static bool hash_read(struct fnd_json json, uint8_t hash[FND_DIGEST_SIZE])
{
    if (fnd_json_type(json) != FND_JSON_STRING || json.size != FND_DIGEST_TEXT_SIZE + 1) {
        return false;
    }
    for (size_t i = 1; i + 1 < json.size; i++) {
        if (json.bytes[i] >= 'A' && json.bytes[i] <= 'F') {
            return false;
        }
    }
    return fnd_unhex(json.bytes + 1, json.size - 2, hash, FND_DIGEST_SIZE);
}

static enum fnd_status record_take(void *context, struct fnd_json item, size_t index,
                                   struct fnd_error *error)
{
    struct recording *recording = context;
    uint8_t hash[FND_DIGEST_SIZE];
    int64_t number = 0;
    struct fnd_json_walk pair = fnd_json_walk(item);
    const bool two = fnd_json_type(item) == FND_JSON_ARRAY && fnd_json_count(item) == 2;
    const bool numbered =
        two && fnd_json_next(&pair) && fnd_json_integer(pair.value, &number) && number >= 1;
    if (!numbered || !fnd_json_next(&pair) || !hash_read(pair.value, hash)) {
        return fnd_error_set(error, FND_INVALID,
                             "%s is no manifest of an export: /records/%zu is not a record's "
                             "number and its hash",
                             recording->path, index);
    }
    if (recording->count > 0 && number <= recording->numbers[recording->count - 1]) {
        return fnd_error_set(error, FND_INVALID,
                             "%s is no manifest of an export: /records/%zu does not follow the "
                             "one before it",
                             recording->path, index);
    }
    if (recording->count == recording->capacity) {
        recording->capacity = recording->capacity == 0 ? 1024 : recording->capacity * 2;
        recording->numbers =
            fnd_realloc(recording->numbers, recording->capacity, sizeof *recording->numbers);
    }
    recording->numbers[recording->count++] = number;
    return fnd_sink_write(recording->hashes, hash, sizeof hash, error);
}

/** A copy that nobody changes while it is read. */
static enum fnd_status copy_make(const char *path, struct fnd_sink *copy, struct fnd_error *error)
{
    char *bytes = fnd_alloc(COPY_SIZE);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    enum fnd_status status = fnd_sink_open(copy, NULL, error);
    while (status == FND_OK) {
        const ssize_t got = fd >= 0 ? read(fd, bytes, COPY_SIZE) : -1;
        if (got < 0 && fd >= 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            status = fnd_error_errno(error, fnd_status_errno(errno), errno, "cannot read %s", path);
        } else if (got == 0) {
            break;
        } else if (copy->size + (uint64_t)got > FND_DATASET_MANIFEST_SIZE_MAX) {
            status =
                fnd_error_set(error, FND_LIMIT, "cannot read %s: over %d bytes are not allowed",
                              path, FND_DATASET_MANIFEST_SIZE_MAX);
        } else {
            status = fnd_sink_write(copy, bytes, (size_t)got, error);
        }
    }
    if (status == FND_OK) {
        status = fnd_sink_seal(copy, error);
    }
    if (fd >= 0) {
        close(fd);
    }
    free(bytes);
    return status;
}

/** Nothing is open yet. */
static void streamed_begin(struct fnd_manifest *manifest)
{
    static const struct fnd_sink closed = {.folder = -1, .fd = -1};
    manifest->streamed = true;
    manifest->copy = manifest->hashes = closed;
}

/** Read the copy: all but the lists into the plan as a whole, the list of records item by item. */
static enum fnd_status copy_read(const char *path, struct fnd_manifest *manifest,
                                 struct fnd_plan *plan, struct fnd_error *error)
{
    struct recording recording = {.path = path, .hashes = &manifest->hashes};
    const struct fnd_frame_hooks hooks = {.record = record_take, .context = &recording};
    struct fnd_text frame = {0};
    struct fnd_error wrong = {0};
    FILE *file = NULL;
    enum fnd_status status = fnd_sink_open(&manifest->hashes, NULL, error);
    if (status == FND_OK) {
        status = fnd_sink_read(&manifest->copy, &file, error);
    }
    if (status == FND_OK) {
        /* What is wrong with the frame, such as its version, is told before what is wrong with a
         * record. */
        const enum fnd_status framed = fnd_manifest_frame(file, &hooks, &frame, &wrong);
        fclose(file);
        status = fnd_manifest_parse(path, &frame, manifest, plan, error);
        if (status == FND_OK && framed != FND_OK) {
            status = framed;
            if (strncmp(wrong.message, path, strlen(path)) != 0) {
                fnd_error_prefix(&wrong, "%s", path);
            }
            if (error != NULL) {
                *error = wrong;
            }
        }
    }
    if (status == FND_OK) {
        status = fnd_sink_seal(&manifest->hashes, error);
    }
    if (status == FND_OK) {
        status = fnd_sink_read(&manifest->hashes, &plan->hashes_file, error);
    }
    if (status == FND_OK) {
        free(plan->numbers);
        plan->numbers = fnd_realloc(recording.numbers, recording.count + 1, sizeof *plan->numbers);
        plan->count = recording.count;
        free(plan->hashes); /* they are in the file */
        plan->hashes = NULL;
        recording.numbers = NULL;
    }
    free(recording.numbers);
    fnd_text_finish(&frame);
    return status;
}

enum fnd_status fnd_manifest_stream(const char *path, struct fnd_manifest *manifest,
                                    struct fnd_plan *plan, struct fnd_error *error)
{
    streamed_begin(manifest);
    enum fnd_status status = copy_make(path, &manifest->copy, error);
    return status == FND_OK ? copy_read(path, manifest, plan, error) : status;
}

/* --- a manifest to be asked ---------------------------------------------------------------- */

enum fnd_status fnd_manifest_load(const char *path, struct fnd_manifest *manifest,
                                  struct fnd_error *error)
{
    struct stat there;
    uint8_t digest[FND_DIGEST_SIZE];
    enum fnd_status status = FND_OK;
    /* One that is past all bounds is refused before it is read. */
    if (stat(path, &there) == 0 && S_ISREG(there.st_mode) &&
        there.st_size > FND_DATASET_MANIFEST_HELD_MAX &&
        there.st_size <= FND_DATASET_MANIFEST_SIZE_MAX) {
        streamed_begin(manifest);
        status = copy_make(path, &manifest->copy, error);
        memcpy(manifest->own_sha256, manifest->copy.sha256, sizeof manifest->own_sha256);
        return status;
    }
    status = fnd_file_read(AT_FDCWD, path, FND_DATASET_MANIFEST_SIZE_MAX, &manifest->text, error);
    if (status == FND_OK) {
        fnd_sha256(fnd_text_z(&manifest->text), manifest->text.size, digest);
        fnd_digest_text(digest, manifest->own_sha256);
    }
    return status;
}

enum fnd_status fnd_manifest_take(const char *path, struct fnd_manifest *manifest,
                                  struct fnd_plan *plan, struct fnd_error *error)
{
    if (manifest->streamed) {
        return copy_read(path, manifest, plan, error);
    }
    struct fnd_text text = manifest->text;
    manifest->text = (struct fnd_text){0};
    return fnd_manifest_parse(path, &text, manifest, plan, error);
}

enum fnd_status fnd_manifest_hash(const struct fnd_manifest *manifest, const struct fnd_plan *plan,
                                  size_t index, uint8_t hash[FND_DIGEST_SIZE],
                                  struct fnd_error *error)
{
    if (!manifest->streamed) {
        memcpy(hash, plan->hashes[index], FND_DIGEST_SIZE);
        return FND_OK;
    }
    size_t done = 0;
    while (done < FND_DIGEST_SIZE) {
        const ssize_t got = pread(manifest->hashes.fd, hash + done, FND_DIGEST_SIZE - done,
                                  (off_t)(index * FND_DIGEST_SIZE + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return fnd_error_errno(error, FND_IO, got < 0 ? errno : EIO,
                                   "cannot read back the hash of record %" PRId64,
                                   plan->numbers[index]);
        }
        done += (size_t)got;
    }
    return FND_OK;
}

/** A file that is looked for in the list. */
struct looking {
    const char *inside;
    char *sha256;
    bool found;
};

static enum fnd_status file_look(void *context, struct fnd_json item, size_t index,
                                 struct fnd_error *error)
{
    struct looking *looking = context;
    (void)index;
    (void)error;
    if (!looking->found && fnd_json_text_is(fnd_json_find(item, "/0"), looking->inside)) {
        char *hash = fnd_json_strdup(fnd_json_find(item, "/1"));
        looking->found = hash != NULL && strlen(hash) == FND_DIGEST_TEXT_SIZE - 1;
        if (looking->found) {
            memcpy(looking->sha256, hash, FND_DIGEST_TEXT_SIZE);
        }
        free(hash);
    }
    return FND_OK;
}

bool fnd_manifest_file(const struct fnd_manifest *manifest, const char *inside,
                       char sha256[FND_DIGEST_TEXT_SIZE])
{
    struct looking looking = {.inside = inside, .sha256 = sha256};
    const struct fnd_frame_hooks hooks = {.file = file_look, .context = &looking};
    struct fnd_text frame = {0};
    struct fnd_json json = {NULL, 0};
    FILE *file = NULL;
    if (manifest->streamed && fnd_sink_read(&manifest->copy, &file, NULL) == FND_OK) {
        (void)fnd_manifest_frame(file, &hooks, &frame, NULL); /* it was read once already */
        fclose(file);
        fnd_text_finish(&frame);
    } else if (!manifest->streamed && fnd_json_check(manifest->text.bytes, manifest->text.size,
                                                     NULL, &json, NULL) == FND_OK) {
        struct fnd_json files = fnd_json_member(json, "files");
        for (struct fnd_json_walk walk = fnd_json_walk(files);
             files.bytes != NULL && fnd_json_next(&walk);) {
            (void)file_look(&looking, walk.value, walk.index, NULL);
        }
    }
    return looking.found;
}

/** A text of the frame that fits where it goes. */
static bool text_fits(struct fnd_json frame, const char *pointer, char *to, size_t size)
{
    struct fnd_json value = fnd_json_find(frame, pointer);
    char *text = value.bytes != NULL ? fnd_json_strdup(value) : NULL;
    const bool fits = text != NULL && strlen(text) < size;
    if (fits) {
        memcpy(to, text, strlen(text) + 1);
    }
    free(text);
    return fits;
}

enum fnd_status fnd_dataset_manifest(const char *path, struct fnd_manifest_about *about,
                                     struct fnd_error *error)
{
    struct fnd_manifest manifest = {0};
    struct fnd_text frame = {0};
    struct fnd_json json = {NULL, 0};
    FILE *file = NULL;
    *about = (struct fnd_manifest_about){.folder = false};
    enum fnd_status status = fnd_manifest_load(path, &manifest, error);
    if (status == FND_OK && manifest.streamed) {
        status = fnd_sink_read(&manifest.copy, &file, error);
        if (status == FND_OK) {
            status = fnd_manifest_frame(file, NULL, &frame, error);
            fclose(file);
            if (status != FND_OK) {
                fnd_error_prefix(error, "%s", path);
            }
        }
    } else if (status == FND_OK) {
        frame = manifest.text;
        manifest.text = (struct fnd_text){0};
    }
    if (status == FND_OK) {
        status = fnd_json_check(frame.bytes, frame.size, path, &json, error);
    }
    if (status == FND_OK &&
        (fnd_json_type(json) != FND_JSON_OBJECT ||
         !text_fits(json, "/format", about->format, sizeof about->format) ||
         !text_fits(json, "/file/sha256", about->sha256, sizeof about->sha256))) {
        status = fnd_error_set(error, FND_INVALID,
                               "%s is no manifest of an export: it has no format, or no hash of "
                               "its file",
                               path);
    }
    if (status == FND_OK) {
        about->folder = fnd_json_member(json, "files").bytes != NULL;
        memcpy(about->own_sha256, manifest.own_sha256, sizeof about->own_sha256);
    }
    fnd_text_finish(&frame);
    fnd_manifest_finish(&manifest);
    return status;
}
