/* SPDX-License-Identifier: MIT */
/* A job's artifacts: bytes that came from outside, so never anything that a browser would run. */
#include <fcntl.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "serve/internal.h"
#include "serve/pictures.h"

enum { LOOK_MAX = 500, BLOCK_SIZE = 64 << 10 };

/** Looks for the artifacts that a job's events name. */
struct look {
    struct fnd_reader *reader;
    void (*found)(void *context, const char *name, struct fnd_json about);
    void *context;
    int64_t events[LOOK_MAX];
    size_t count;
};

static bool keep(const struct fnd_event_row *row, void *context)
{
    struct look *look = context;
    look->events[look->count++] = row->id;
    return look->count < LOOK_MAX;
}

static void tell(struct look *look, struct fnd_text *text, const char *member)
{
    struct fnd_json value;
    if (text->size == 0 ||
        fnd_json_check(fnd_text_z(text), text->size, NULL, &value, NULL) != FND_OK) {
        return;
    }
    for (struct fnd_json_walk walk = fnd_json_walk(fnd_json_member(value, member));
         fnd_json_next(&walk);) {
        char *name = fnd_json_strdup(walk.key);
        if (name != NULL && fnd_json_type(walk.value) == FND_JSON_OBJECT) {
            look->found(look->context, name, walk.value);
        }
        free(name);
    }
}

static enum fnd_status look_through(struct look *look, int64_t step, struct fnd_error *error)
{
    const struct fnd_walk walk = {.limit = LOOK_MAX};
    enum fnd_status status = fnd_events_walk(look->reader, step, &walk, keep, look, error);
    struct fnd_text body = {0}, meta = {0};
    /* Oldest first: what a later event names stands. */
    for (size_t i = look->count; i > 0 && status == FND_OK; i--) {
        fnd_text_clear(&body);
        fnd_text_clear(&meta);
        if (fnd_payload_get(look->reader, look->events[i - 1], &body, &meta, NULL) == FND_OK) {
            /* In bodies the word counts in that of the job alone: its first event. */
            if (i == look->count) {
                tell(look, &body, "artifacts");
                tell(look, &body, "references");
            }
            tell(look, &meta, "artifacts");
        }
    }
    fnd_text_finish(&body);
    fnd_text_finish(&meta);
    return status;
}

struct list {
    struct fnd_text *json;
    const char *uuid;
    bool any;
};

static bool name_is_plain(const char *name)
{
    size_t size = strlen(name);
    if (size == 0 || size >= ROUTE_PART_SIZE || name[0] == '.') {
        return false;
    }
    return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~") ==
           size;
}

static void list_one(void *context, const char *name, struct fnd_json about)
{
    struct list *list = context;
    char *hash = fnd_json_strdup(fnd_json_member(about, "sha256"));
    fnd_text_append_z(list->json, list->any ? ",{\"name\":" : "{\"name\":");
    fnd_text_append_json_z(list->json, name);
    json_member_copy(list->json, "media_type", fnd_json_member(about, "media_type"));
    json_member_copy(list->json, "size", fnd_json_member(about, "size"));
    json_member_copy(list->json, "sha256", fnd_json_member(about, "sha256"));
    fnd_text_append_z(list->json, ",\"url\":");
    struct fnd_text url = {0};
    fnd_text_printf(&url, "/v1/jobs/%s/artifacts/%s", list->uuid,
                    name_is_plain(name) ? name
                    : hash != NULL      ? hash
                                        : "-");
    fnd_text_append_json_z(list->json, fnd_text_z(&url));
    fnd_text_append_byte(list->json, '}');
    fnd_text_finish(&url);
    list->any = true;
    free(hash);
}

enum fnd_status job_artifacts(struct directory *directory, struct fnd_reader *reader,
                              const struct fnd_job_row *job, const struct fnd_step_row *step,
                              struct fnd_text *json, struct fnd_error *error)
{
    char uuid[FND_UUID_TEXT_SIZE];
    (void)directory;
    fnd_uuid_format(job->uuid, uuid);
    struct list list = {.json = json, .uuid = uuid};
    struct look *look = fnd_alloc(sizeof *look);
    look->reader = reader;
    look->found = list_one;
    look->context = &list;
    fnd_text_append_z(json, ",\"artifacts\":[");
    enum fnd_status status = look_through(look, step->id, error);
    fnd_text_append_byte(json, ']');
    free(look);
    return status;
}

/* --- bytes ----------------------------------------------------------------------------------- */

struct wanted {
    const char *name;
    bool found;
    struct fnd_artifact artifact;
    char *reference; /* the user's own file; NULL: it is kept */
    char media_type[64];
    char title[ROUTE_PART_SIZE];
};

static void want_one(void *context, const char *name, struct fnd_json about)
{
    struct wanted *wanted = context;
    char *type = fnd_json_strdup(fnd_json_member(about, "media_type")), *reference = NULL;
    char hash[FND_DIGEST_TEXT_SIZE] = "";
    struct fnd_artifact artifact;
    const bool told = fnd_artifact_told(about, &artifact, &reference);
    if (told) {
        fnd_digest_text(artifact.hash, hash);
    }
    if (told && (strcmp(name, wanted->name) == 0 || strcmp(hash, wanted->name) == 0)) {
        free(wanted->reference);
        wanted->found = true;
        wanted->artifact = artifact;
        wanted->reference = reference;
        reference = NULL;
        snprintf(wanted->media_type, sizeof wanted->media_type, "%s", type != NULL ? type : "");
        snprintf(wanted->title, sizeof wanted->title, "%s",
                 name_is_plain(name) ? name : wanted->name);
    }
    free(reference);
    free(type);
}

/** A file on its way out. */
struct download {
    struct fnd_serve *serve;
    struct place *place;
    int fd;
    uint64_t begin, size;
};

static ssize_t download_read(void *context, uint64_t at, char *buffer, size_t room)
{
    struct download *download = context;
    place_progress(download->serve, download->place, at + 1);
    ssize_t got = pread(download->fd, buffer, room, (off_t)(download->begin + at));
    return got > 0 ? got : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void download_free(void *context)
{
    struct download *download = context;
    close(download->fd);
    free(download);
}

/* RFC 9110, 14.2: one range of bytes; anything else is answered with the whole.
 * Returns 200, 206 or 416. */
static unsigned range_read(const char *header, uint64_t size, uint64_t *begin, uint64_t *length)
{
    uint64_t first = 0, last = 0;
    int taken = 0;
    *begin = 0;
    *length = size;
    if (header == NULL || strncmp(header, "bytes=", 6) != 0 || strlen(header) > 48) {
        return 200;
    }
    header += 6;
    if (header[0] == '-' && sscanf(header, "-%" SCNu64 "%n", &last, &taken) == 1 &&
        header[taken] == '\0') {
        if (last == 0 || size == 0) {
            return 416;
        }
        *begin = last < size ? size - last : 0;
        *length = size - *begin;
        return 206;
    }
    if (header[0] < '0' || header[0] > '9' ||
        sscanf(header, "%" SCNu64 "-%n", &first, &taken) != 1 || taken == 0) {
        return 200;
    }
    last = size > 0 ? size - 1 : 0;
    if (header[taken] != '\0') {
        int more = 0;
        if (sscanf(header + taken, "%" SCNu64 "%n", &last, &more) != 1 ||
            header[taken + more] != '\0' || last < first) {
            return 200;
        }
    }
    if (first >= size) {
        return 416;
    }
    *begin = first;
    *length = (last < size ? last + 1 : size) - first;
    return 206;
}

static const char *shown_type(const char *media_type, bool *in_line)
{
    static const char *const images[] = {"image/png", "image/jpeg", "image/webp", "image/gif"};
    *in_line = true;
    for (size_t i = 0; i < sizeof images / sizeof images[0]; i++) {
        if (strcmp(media_type, images[i]) == 0) {
            return images[i];
        }
    }
    bool text = strncmp(media_type, "text/", 5) == 0 || strcmp(media_type, "application/json") == 0;
    *in_line = text;
    return text ? "text/plain; charset=utf-8" : "application/octet-stream";
}

void file_send(struct request *request, int fd, uint64_t size, const char *type, bool in_line,
               const char *name)
{
    uint64_t begin, length;
    unsigned status = range_read(request_header(request, "Range"), size, &begin, &length);
    if (status == 416) {
        close(fd);
        reply_problem(request, 416, "bad_range", "there are %" PRIu64 " bytes", size);
        reply_header(request, "Content-Range", "bytes */%" PRIu64, size);
        return;
    }
    struct download *download = fnd_alloc(sizeof *download);
    *download = (struct download){request->serve, request->place, fd, begin, length};
    request->stream = MHD_create_response_from_callback(length, BLOCK_SIZE, download_read, download,
                                                        download_free);
    request->stream_state = download;
    place_enter(request->serve, request->place, PLACE_STREAM);
    request->status = status;
    request->type = type;
    reply_header(request, "Accept-Ranges", "bytes");
    reply_header(request, "Content-Disposition", "%s; filename=\"%s\"",
                 in_line ? "inline" : "attachment", name);
    if (status == 206) {
        reply_header(request, "Content-Range", "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, begin,
                     begin + length - 1, size);
    }
}

void artifacts_get(struct request *request)
{
    struct directory *directory = NULL;
    struct spare *spare = NULL;
    struct fnd_job_row job = {0};
    struct fnd_error error = {0};
    struct wanted wanted = {.name = request->match.parts[1]};
    int fd = -1;
    if (!job_of_id(request, request->match.parts[0], &directory, &spare, &job)) {
        return;
    }
    struct look *look = fnd_alloc(sizeof *look);
    look->reader = spare->reader;
    look->found = want_one;
    look->context = &wanted;
    enum fnd_status status = look_through(look, job.id, &error);
    if (status == FND_OK && wanted.reference != NULL) {
        status = fnd_reference_open(fnd_reader_directory(spare->reader), wanted.reference,
                                    &wanted.artifact, &fd, &error);
    } else if (status == FND_OK && wanted.found) {
        status = fnd_artifact_open(fnd_reader_folder(spare->reader), &wanted.artifact, &fd, &error);
    }
    free(wanted.reference);
    free(look);
    directory_release(directory, spare);
    fnd_job_row_finish(&job);
    if (status != FND_OK) {
        reply_error(request, &error);
    } else if (!wanted.found) {
        reply_problem(request, 404, "not_found", "the job has no artifact %s",
                      request->match.parts[1]);
    } else {
        bool in_line;
        const char *type = shown_type(wanted.media_type, &in_line);
        char *view = request_query(request, "view");
        if (view != NULL) {
            picture_show(request, view, fd, &wanted.artifact);
        } else {
            file_send(request, fd, wanted.artifact.size, type, in_line, wanted.title);
        }
        free(view);
    }
}
