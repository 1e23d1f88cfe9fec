/* SPDX-License-Identifier: MIT */
/* `why`, first half: the file as it is, the manifest that tells of it, the line. */
#define _GNU_SOURCE /* memmem */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "dataset/frame.h"
#include "dataset/why_internal.h"

enum { EVENTS_PAGE = 4096 };

void fnd_why_broken(struct fnd_why *why, const char *link, const char *format, ...)
{
    struct fnd_text message = {0}, visible = {0};
    va_list arguments;
    va_start(arguments, format);
    fnd_text_vprintf(&message, format, arguments);
    va_end(arguments);
    fnd_text_append_visible(&visible, fnd_text_z(&message), message.size);
    fnd_text_printf(&why->broken,
                    "%s{\"link\":\"%s\",\"message\":", why->broken_count++ > 0 ? "," : "", link);
    fnd_text_append_json(&why->broken, fnd_text_z(&visible), visible.size);
    fnd_text_append_byte(&why->broken, '}');
    fnd_text_finish(&message);
    fnd_text_finish(&visible);
}

/** Digits, then the end or a colon and the field. */
static bool tail_read(const char *tail, struct fnd_why_question *question)
{
    size_t line = 0, digits = 0;
    for (; tail[digits] >= '0' && tail[digits] <= '9' && digits < 18; digits++) {
        line = line * 10 + (size_t)(tail[digits] - '0');
    }
    if (digits == 0 || line == 0 || (tail[digits] != '\0' && tail[digits] != ':')) {
        return false;
    }
    question->line = line;
    question->field = tail[digits] == ':' ? tail + digits + 1 : NULL;
    return true;
}

enum fnd_status fnd_why_parse(const char *text, struct fnd_why_question *question, char **file,
                              struct fnd_error *error)
{
    char *found = NULL;
    for (const char *colon = strchr(text, ':'); colon != NULL; colon = strchr(colon + 1, ':')) {
        struct fnd_why_question tried = {0};
        struct stat about;
        if (colon == text || !tail_read(colon + 1, &tried)) {
            continue;
        }
        char *name = fnd_strndup(text, (size_t)(colon - text));
        const bool there = stat(name, &about) == 0;
        if (found == NULL || there) {
            free(found);
            found = name;
            *question = tried;
        } else {
            free(name);
        }
        if (there) {
            break;
        }
    }
    if (found == NULL) {
        return fnd_error_set(error, FND_INVALID,
                             "\"%s\" names no line: write EXPORT:LINE or EXPORT:LINE:FIELD, as "
                             "out/sft.jsonl:1:/supplier_name",
                             text);
    }
    question->file = *file = found;
    return FND_OK;
}

/* --- the file ------------------------------------------------------------------------------ */

static enum fnd_status file_open(const char *path, int *fd, struct fnd_error *error)
{
    struct stat about;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (*fd < 0) {
        return fnd_error_errno(error, fnd_status_errno(errno), errno, "cannot open %s", path);
    }
    if (fstat(*fd, &about) == 0 && !S_ISREG(about.st_mode)) {
        close(*fd);
        *fd = -1;
        return fnd_error_set(error, FND_INVALID, "%s is no regular file; name an export", path);
    }
    return FND_OK;
}

/** Hash all, keep the one line. */
static enum fnd_status line_read(struct fnd_why *why, struct fnd_error *error)
{
    const struct fnd_why_question *question = why->question;
    struct fnd_sha256 hash;
    uint8_t digest[FND_DIGEST_SIZE];
    char piece[65536];
    size_t line = 1;
    ssize_t got;
    int fd = -1;
    enum fnd_status status = file_open(question->file, &fd, error);
    if (status != FND_OK) {
        return status;
    }
    fnd_sha256_begin(&hash);
    while ((got = read(fd, piece, sizeof piece)) > 0 || (got < 0 && errno == EINTR)) {
        size_t from = 0;
        fnd_sha256_add(&hash, piece, got > 0 ? (size_t)got : 0);
        while (got > 0 && from < (size_t)got) {
            const char *end = memchr(piece + from, '\n', (size_t)got - from);
            const size_t to = end != NULL ? (size_t)(end - piece) : (size_t)got;
            if (line == question->line && why->text.size <= FND_DATASET_LINE_SIZE_MAX) {
                fnd_text_append(&why->text, piece + from, to - from);
            }
            line += end != NULL;
            from = to + 1;
        }
    }
    if (got < 0) {
        status = fnd_error_errno(error, FND_IO, errno, "cannot read %s", question->file);
    } else if (why->text.size > FND_DATASET_LINE_SIZE_MAX) {
        status = fnd_error_set(error, FND_LIMIT, "line %zu of %s has over %d bytes", question->line,
                               question->file, FND_DATASET_LINE_SIZE_MAX);
    }
    fnd_sha256_end(&hash, digest);
    fnd_digest_text(digest, why->sha256);
    close(fd);
    return status;
}

/* --- the manifest -------------------------------------------------------------------------- */

struct exports {
    struct fnd_reader *reader;
    void (*each)(int64_t event, struct fnd_json manifest, void *context);
    void *context;
    int64_t last;
    size_t count;
};

static bool export_look(const struct fnd_event_row *row, void *context)
{
    struct exports *exports = context;
    struct fnd_text body = {0};
    struct fnd_json manifest = {NULL, 0};
    exports->last = row->id;
    exports->count++;
    if (row->kind == FND_EVENT_EXPORT &&
        fnd_payload_get(exports->reader, row->id, &body, NULL, NULL) == FND_OK &&
        fnd_json_check(body.bytes, body.size, NULL, &manifest, NULL) == FND_OK) {
        exports->each(row->id, manifest, exports->context);
    }
    fnd_text_finish(&body);
    return true;
}

enum fnd_status fnd_dataset_exports(struct fnd_reader *reader,
                                    void (*each)(int64_t event, struct fnd_json manifest,
                                                 void *context),
                                    void *context, struct fnd_error *error)
{
    struct exports exports = {.reader = reader, .each = each, .context = context};
    enum fnd_status status = FND_OK;
    do {
        const struct fnd_walk walk = {.after = exports.last, .limit = EVENTS_PAGE};
        exports.count = 0;
        status = fnd_events_walk(reader, 0, &walk, export_look, &exports, error);
    } while (status == FND_OK && exports.count == EVENTS_PAGE);
    return status;
}

/** What is looked for among the exports on record. */
struct wanted {
    struct fnd_why *why;
    bool same;  /* the event that was found has the very bytes that the manifest's file has */
    bool brief; /* or is without the list of records, which was too long */
};

/** SHA-256 of a manifest on record as its file has it, with the newline behind it. */
static void recorded_hash(struct fnd_json manifest, char hex[FND_DIGEST_TEXT_SIZE])
{
    struct fnd_sha256 hash;
    uint8_t digest[FND_DIGEST_SIZE];
    fnd_sha256_begin(&hash);
    fnd_sha256_add(&hash, manifest.bytes, manifest.size);
    fnd_sha256_add(&hash, "\n", 1);
    fnd_sha256_end(&hash, digest);
    fnd_digest_text(digest, hex);
}

/** The EXPORT event that tells of these very bytes: the one with the same manifest, else the last.
 */
static void event_match(int64_t event, struct fnd_json manifest, void *context)
{
    struct wanted *wanted = context;
    if (fnd_json_text_is(fnd_json_find(manifest, "/file/sha256"), wanted->why->sha256) ||
        fnd_why_folder_tells(wanted->why, manifest)) {
        const char *own = wanted->why->manifest.own_sha256;
        const struct fnd_json hash = fnd_json_member(manifest, "manifest_sha256");
        const bool brief = hash.bytes != NULL;
        char whole[FND_DIGEST_TEXT_SIZE];
        recorded_hash(manifest, whole);
        const bool same = brief ? fnd_json_text_is(hash, own) : strcmp(whole, own) == 0;
        if (same || !wanted->same) {
            wanted->why->event = event;
            wanted->same = same;
            wanted->brief = brief;
        }
    }
}

/** The manifest on record, in the place of the one beside the file. */
static enum fnd_status manifest_recorded(struct fnd_why *why, const char *path,
                                         struct fnd_error *error)
{
    fnd_manifest_finish(&why->manifest);
    struct fnd_text *text = &why->manifest.text;
    enum fnd_status status = fnd_payload_get(why->reader, why->event, text, NULL, error);
    if (status == FND_OK) {
        recorded_hash((struct fnd_json){text->bytes, text->size}, why->manifest.own_sha256);
        fnd_text_append_byte(text, '\n');
        status = fnd_manifest_take(path, &why->manifest, &why->plan, error);
    }
    return status;
}

/** The manifest beside the file, compared with the one on record; where it is missing, that one. */
static enum fnd_status manifest_find(struct fnd_why *why, struct fnd_error *error)
{
    struct fnd_error odd = {0};
    struct wanted wanted = {.why = why};
    if (!fnd_why_folder_find(why, &why->manifest_path)) {
        fnd_text_printf(&why->manifest_path, "%s.manifest.json", why->question->file);
    }
    const char *path = fnd_text_z(&why->manifest_path);
    const enum fnd_status there = fnd_manifest_load(path, &why->manifest, &odd);
    enum fnd_status status = fnd_dataset_exports(why->reader, event_match, &wanted, error);
    if (status == FND_OK && why->event > 0 && !wanted.same && wanted.brief) {
        status = fnd_error_set(error, there == FND_OK ? FND_DAMAGED : there,
                               "%s%s; event %" PRId64 " has only its hash, since it names so many "
                               "records: put the manifest back as it was",
                               there == FND_OK ? path : odd.message,
                               there == FND_OK ? " is not the one on record" : "", why->event);
    } else if (status == FND_OK && why->event > 0 && !wanted.same) {
        fnd_why_broken(why, "manifest", "%s%s%s", there == FND_OK ? path : odd.message,
                       there == FND_OK ? " is not the one on record: it was altered" : "",
                       "; the record still has it");
        status = manifest_recorded(why, path, error);
    } else if (status == FND_OK && there == FND_OK) {
        status = fnd_manifest_take(path, &why->manifest, &why->plan, error);
    } else if (status == FND_OK) {
        status = there;
        fnd_error_set(error, status,
                      "nothing tells how %s was made: %s, and no event of %s records an export of "
                      "these bytes; put the manifest back beside it",
                      why->question->file, odd.message, fnd_reader_path(why->reader));
    }
    return status;
}

/* --- the line ------------------------------------------------------------------------------ */

/* A category has no record of its own. */
size_t fnd_why_labelled(struct fnd_why *why, struct fnd_json label)
{
    char *name = fnd_json_strdup(label);
    struct fnd_text quoted = {0};
    size_t found = SIZE_MAX;
    fnd_text_append_json_z(&quoted, name);
    for (size_t i = 0; i < why->plan.count && found == SIZE_MAX; i++) {
        struct fnd_datum datum = {0};
        if (fnd_datum_load(&why->plan, why->plan.numbers[i], &datum, NULL) == FND_OK &&
            datum.human.bytes != NULL &&
            memmem(datum.human.bytes, datum.human.size, quoted.bytes, quoted.size) != NULL) {
            found = i;
        }
        fnd_datum_finish(&datum);
    }
    fnd_text_finish(&quoted);
    free(name);
    return found != SIZE_MAX ? found : 0;
}

/** Which record the line is of. */
static bool record_find(struct fnd_why *why)
{
    static const struct {
        const char *member, *table, *id;
    } objects[] = {{"file_name", "coco image", "id"},
                   {"bbox", "coco annotation", "image_id"},
                   {"name", "coco category", NULL}};
    const struct fnd_format *format = why->plan.format;
    int64_t id = 0;
    why->table = format->name;
    if (format->pack == NULL) {
        why->index = why->question->line - (format->array ? 2 : 1);
        return (!format->array || why->question->line > 1) && why->index < why->plan.count;
    }
    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) {
        if (fnd_json_type(why->line) == FND_JSON_OBJECT &&
            fnd_json_member(why->line, objects[i].member).bytes != NULL) {
            why->table = objects[i].table;
            if (objects[i].id == NULL) {
                why->index = fnd_why_labelled(why, fnd_json_member(why->line, "name"));
                return why->plan.count > 0;
            }
            struct fnd_json number = fnd_json_member(why->line, objects[i].id);
            why->index = number.bytes != NULL && fnd_json_integer(number, &id) && id > 0
                             ? (size_t)id - 1
                             : SIZE_MAX;
            return why->index < why->plan.count;
        }
    }
    return false;
}

static enum fnd_status line_find(struct fnd_why *why, struct fnd_error *error)
{
    struct fnd_text *text = &why->text;
    if (why->plan.format->array && text->size > 0 && text->bytes[text->size - 1] == ',') {
        text->bytes[--text->size] = '\0';
    }
    if (why->plan.format->folder != NULL) {
        return fnd_why_folder_line(why)
                   ? FND_OK
                   : fnd_error_set(error, FND_NOT_FOUND,
                                   "line %zu of %s tells of no record: name a line of a file with "
                                   "labels or rows, or one of `names` in data.yaml",
                                   why->question->line, why->question->file);
    }
    const bool json =
        text->size > 0 && fnd_json_check(text->bytes, text->size, NULL, &why->line, NULL) == FND_OK;
    if (!json || !record_find(why)) {
        return fnd_error_set(error, FND_NOT_FOUND,
                             "line %zu of %s tells of no record: it has %zu record%s, as %s, %s",
                             why->question->line, why->question->file, why->plan.count,
                             why->plan.count == 1 ? "" : "s", why->plan.format->name,
                             !why->plan.format->array         ? "one a line from the first"
                             : why->plan.format->pack == NULL ? "one a line from the second"
                                                              : "in its images and annotations");
    }
    return FND_OK;
}

static void export_append(struct fnd_why *why)
{
    struct fnd_text *json = &why->json;
    fnd_text_append_z(json, "{\"export\":{\"file\":");
    fnd_text_append_json_z(json, why->question->file);
    fnd_text_printf(json,
                    ",\"sha256\":\"%s\",\"format\":\"%s\",\"line\":%zu,\"manifest\":", why->sha256,
                    why->plan.format->name, why->question->line);
    fnd_text_append_json_z(json, fnd_text_z(&why->manifest_path));
    fnd_text_printf(json, ",\"manifest_sha256\":\"%s\",\"engine\":", why->manifest.own_sha256);
    fnd_text_append_json_z(json, why->manifest.engine);
    if (why->event > 0) {
        fnd_text_printf(json, ",\"event\":%" PRId64, why->event);
    }
    fnd_text_append_byte(json, '}');
}

enum fnd_status fnd_why_file(struct fnd_why *why, struct fnd_error *error)
{
    why->plan = (struct fnd_plan){.reader = why->reader, .result = &why->result};
    enum fnd_status status = line_read(why, error);
    if (status == FND_OK) {
        status = manifest_find(why, error);
    }
    if (status == FND_OK) {
        status = fnd_dataset_store(why->reader, &why->plan.store_uuid, error);
    }
    if (status == FND_OK && strcmp(why->manifest.store, why->plan.store_uuid) != 0) {
        status = fnd_error_set(error, FND_CONFLICT,
                               "%s was exported from the job directory with UUID %s, and %s has "
                               "%s; name the one it was made from, or a copy of it",
                               why->question->file, why->manifest.store,
                               fnd_reader_path(why->reader), why->plan.store_uuid);
    }
    if (status == FND_OK) {
        why->plan.format = fnd_format_find(why->plan.options.format, error);
        status = why->plan.format != NULL ? FND_OK : FND_INVALID;
    }
    if (status == FND_OK && why->plan.format->folder != NULL) {
        fnd_why_folder_check(why);
    } else if (status == FND_OK && strcmp(why->manifest.sha256, why->sha256) != 0) {
        fnd_why_broken(why, "export",
                       "%s has the SHA-256 %s, and its manifest tells of %s: it was altered; make "
                       "it again with export --manifest",
                       why->question->file, why->sha256, why->manifest.sha256);
    }
    if (status == FND_OK) {
        status = line_find(why, error);
    }
    if (status == FND_OK) {
        export_append(why);
    }
    return status;
}
