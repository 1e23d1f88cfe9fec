/* SPDX-License-Identifier: MIT */
/* Exports: files below out/, made by the dataset room, each an event of the record. An export's
 * number is its event's, and the names of its files follow from it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataset/dataset.h"
#include "serve/internal.h"

enum { LOOK_MAX = 100000, NOTES_MAX = 100 };

/** An export on its way; owned by the helper's task until it resumes the request. */
struct making {
    struct task task;
    struct request *request;
    struct directory *directory;
    struct fnd_export_options options;
    char *format, *name, *pipeline, *of, *prompt, *system, *uri_prefix, *split, *meta;
    int64_t event;
    enum fnd_status status;
    struct fnd_error error;
    struct fnd_text notes;
    size_t notes_count;
};

static void making_free(struct making *making)
{
    free(making->format);
    free(making->name);
    free(making->pipeline);
    free(making->of);
    free(making->prompt);
    free(making->system);
    free(making->uri_prefix);
    free(making->split);
    free(making->meta);
    fnd_text_finish(&making->notes);
    free(making);
}

/* --- the Export object ----------------------------------------------------------------------- */

static enum fnd_status export_append(struct directory *directory, struct fnd_reader *reader,
                                     int64_t number, struct fnd_text *out, struct fnd_error *error)
{
    struct fnd_event_row event;
    struct fnd_text text = {0};
    struct fnd_json manifest = {0};
    enum fnd_status status = fnd_event_get(reader, number, &event, error);
    if (status == FND_OK && event.kind != FND_EVENT_EXPORT) {
        status = fnd_error_set(error, FND_NOT_FOUND, "there is no export %s-%" PRId64,
                               directory->tag, number);
    }
    if (status == FND_OK) {
        status = fnd_payload_get(reader, number, &text, NULL, error);
    }
    if (status == FND_OK) {
        status = fnd_json_check(fnd_text_z(&text), text.size, "export", &manifest, error);
    }
    if (status == FND_OK) {
        struct fnd_json file = fnd_json_member(manifest, "file");
        fnd_text_printf(out, "{\"id\":\"%s-%" PRId64 "\",\"state\":\"done\"", directory->tag,
                        number);
        json_text(out, "directory", directory->name);
        json_time(out, "created_at", event.at_us);
        json_member_copy(out, "format", fnd_json_member(manifest, "format"));
        json_member_copy(out, "options", fnd_json_member(manifest, "options"));
        json_member_copy(out, "lines", fnd_json_find(manifest, "/counts/lines"));
        json_member_copy(out, "left_out", fnd_json_find(manifest, "/counts/left_out"));
        json_member_copy(out, "sha256", fnd_json_member(file, "sha256"));
        json_member_copy(out, "size", fnd_json_member(file, "size"));
        fnd_text_printf(out,
                        ",\"url\":\"/v1/exports/%s-%" PRId64 "/file\","
                        "\"manifest_url\":\"/v1/exports/%s-%" PRId64 "/manifest\"}",
                        directory->tag, number, directory->tag, number);
    }
    fnd_text_finish(&text);
    return status;
}

static void export_reply(struct request *request, struct directory *directory, int64_t number)
{
    struct spare *spare = NULL;
    struct fnd_error error = {0};
    enum fnd_status status = directory_reader(directory, &spare, &error);
    if (status == FND_OK) {
        status = export_append(directory, spare->reader, number, &request->out, &error);
    }
    directory_release(directory, spare);
    if (status == FND_OK) {
        reply_json(request, 200);
    } else {
        reply_error(request, &error);
    }
}

/* --- making one ------------------------------------------------------------------------------ */

static void note(void *context, const struct fnd_dataset_note *said)
{
    struct making *making = context;
    if (said->warning || making->notes_count++ >= NOTES_MAX) {
        return;
    }
    fnd_text_append_z(&making->notes, making->notes.size > 0 ? ",{" : "{");
    fnd_text_printf(&making->notes, "\"pointer\":\"/records/%" PRId64 "\",\"rule\":\"export\"",
                    said->record);
    json_text(&making->notes, "message", said->message);
    fnd_text_append_byte(&making->notes, '}');
}

static void export_path(const struct directory *directory, const char *stem, const char *end,
                        struct fnd_text *path)
{
    fnd_text_printf(path, "%s/out/export-%s%s", directory->path, stem, end);
}

/* The event's number is known once the file is written: then it gets its name. */
static enum fnd_status rename_export(const struct directory *directory, const char *from,
                                     int64_t event, struct fnd_error *error)
{
    static const char *const ends[] = {".jsonl", ".jsonl.manifest.json"};
    enum fnd_status status = FND_OK;
    char number[32];
    snprintf(number, sizeof number, "%" PRId64, event);
    for (size_t i = 0; i < 2 && status == FND_OK; i++) {
        struct fnd_text old = {0}, new = {0};
        export_path(directory, from, ends[i], &old);
        export_path(directory, number, ends[i], &new);
        if (rename(fnd_text_z(&old), fnd_text_z(&new)) != 0) {
            status = fnd_error_errno(error, FND_IO, errno, "cannot rename %s to %s",
                                     fnd_text_z(&old), fnd_text_z(&new));
        }
        fnd_text_finish(&old);
        fnd_text_finish(&new);
    }
    return status;
}

static void make(struct making *making, struct fnd_reader *reader, struct fnd_store *store)
{
    const struct fnd_env *env = making->request->serve->options.env;
    struct fnd_export_result result = {0};
    struct fnd_text out = {0}, folder = {0};
    uint8_t bytes[8];
    char stem[32] = "new-";
    env->random(env, bytes, sizeof bytes);
    fnd_hex(bytes, sizeof bytes, stem + 4);
    fnd_text_printf(&folder, "%s/out", making->directory->path);
    export_path(making->directory, stem, ".jsonl", &out);
    making->options.out = fnd_text_z(&out);
    if (mkdir(fnd_text_z(&folder), 0777) != 0 && errno != EEXIST) {
        making->status = fnd_error_errno(&making->error, FND_IO, errno, "cannot make the folder %s",
                                         fnd_text_z(&folder));
    } else {
        making->status =
            fnd_dataset_export(reader, store, &making->options, &result, &making->error);
    }
    if (making->status == FND_OK) {
        making->event = result.event;
        making->status = rename_export(making->directory, stem, result.event, &making->error);
    }
    fnd_export_result_finish(&result);
    fnd_text_finish(&out);
    fnd_text_finish(&folder);
}

/* Whether an export has its file: whoever was killed before he could name it makes it again. */
static bool is_made(const struct directory *directory, int64_t event)
{
    struct fnd_text path = {0};
    char number[32];
    snprintf(number, sizeof number, "%" PRId64, event);
    export_path(directory, number, ".jsonl.manifest.json", &path);
    bool made = event != 0 && access(fnd_text_z(&path), F_OK) == 0;
    fnd_text_finish(&path);
    return made;
}

static void make_task(struct task *task)
{
    struct making *making = task->context;
    struct spare *spare = NULL;
    struct fnd_store *store = NULL;
    making->status = directory_store(making->directory, &store, &making->error);
    if (making->status == FND_OK) {
        making->status = directory_reader(making->directory, &spare, &making->error);
        if (making->status == FND_OK) {
            making->status = keys_find(making->directory, spare->reader, making->request,
                                       &making->event, &making->error);
        }
        if (making->status == FND_OK && !is_made(making->directory, making->event)) {
            make(making, spare->reader, store);
        }
        directory_release(making->directory, spare);
        directory_store_release(making->directory);
    }
    request_resume(making->request);
}

static void made(struct request *request, struct fnd_json end)
{
    struct making *making = request->work;
    (void)end;
    request->work = NULL;
    if (making->status == FND_OK) {
        export_reply(request, making->directory, making->event);
    } else {
        struct fnd_text more = {0};
        if (making->notes.size > 0) {
            fnd_text_printf(&more, ",\"errors\":[%s]", fnd_text_z(&making->notes));
        }
        reply_error_more(request, &making->error, fnd_text_z(&more));
        fnd_text_finish(&more);
    }
    making_free(making);
}

static bool read_making(struct request *request, struct fnd_json body, struct making *making)
{
    struct fnd_json options = fnd_json_member(body, "options");
    making->format = fnd_json_strdup(fnd_json_member(body, "format"));
    making->pipeline = fnd_json_strdup(fnd_json_member(body, "pipeline"));
    making->name = fnd_json_strdup(fnd_json_member(options, "name"));
    making->of = fnd_json_strdup(fnd_json_member(options, "of"));
    making->prompt = fnd_json_strdup(fnd_json_member(options, "prompt"));
    making->system = fnd_json_strdup(fnd_json_member(options, "system"));
    making->uri_prefix = fnd_json_strdup(fnd_json_member(options, "uri_prefix"));
    making->split = fnd_json_strdup(fnd_json_member(options, "split"));
    making->options = (struct fnd_export_options){.format = making->format,
                                                  .name = making->name,
                                                  .pipeline = making->pipeline,
                                                  .of = making->of,
                                                  .prompt = making->prompt,
                                                  .system = making->system,
                                                  .uri_prefix = making->uri_prefix,
                                                  .fd = -1,
                                                  .said = note,
                                                  .context = making};
    fnd_json_boolean(fnd_json_member(options, "skip_bad"), &making->options.skip_bad);
    if (making->split != NULL && !fnd_split_find(making->split, &making->options.split)) {
        reply_problem(request, 422, "bad_member",
                      "\"split\" is one of all, train, validation, test");
        return false;
    }
    if (making->format == NULL && making->name == NULL) {
        reply_problem(request, 422, "bad_member",
                      "say the \"format\" (GET /v1/exports lists them), or in \"options\" the "
                      "\"name\" of an entry of the pipeline's export:");
        return false;
    }
    return true;
}

void exports_post(struct request *request)
{
    struct fnd_json body;
    if (!body_object(request, false, &body)) {
        return;
    }
    struct making *making = fnd_alloc(sizeof *making);
    char *where = fnd_json_strdup(fnd_json_member(body, "directory"));
    making->request = request;
    making->directory = submit_directory(request, where);
    free(where);
    if (making->directory == NULL || !read_making(request, body, making)) {
        making_free(making);
        return;
    }
    making->meta = keys_meta(request);
    making->options.meta = making->meta;
    making->task = (struct task){.run = make_task, .context = making};
    request->work = making;
    request_wait(request, made);
    helper_do(request->serve, &making->task);
}

/* --- those there are ------------------------------------------------------------------------- */

struct listing {
    struct directory *directory, *at; /* looked at; of the last row shown */
    struct fnd_reader *reader;
    struct fnd_text *out;
    size_t count, limit;
    int64_t last;
    enum fnd_status status;
    struct fnd_error error;
};

static bool list_row(const struct fnd_event_row *event, void *context)
{
    struct listing *listing = context;
    if (event->kind != FND_EVENT_EXPORT) {
        return true;
    }
    if (listing->count == listing->limit) {
        listing->count++;
        return false;
    }
    fnd_text_append_z(listing->out, listing->count > 0 ? "," : "");
    listing->status = export_append(listing->directory, listing->reader, event->id, listing->out,
                                    &listing->error);
    listing->count++;
    listing->last = event->id;
    listing->at = listing->directory;
    return listing->status == FND_OK;
}

void exports_list(struct request *request)
{
    struct fnd_serve *serve = request->serve;
    struct page page;
    size_t first, last;
    if (!page_read(request, &page) || !directories_asked(request, &first, &last)) {
        return;
    }
    struct listing listing = {.out = &request->out, .limit = page.limit};
    fnd_text_append_z(&request->out, "{\"items\":[");
    for (size_t i = first < page.directory ? page.directory : first;
         i < last && listing.status == FND_OK && listing.count <= listing.limit; i++) {
        struct spare *spare = NULL;
        struct fnd_walk walk = {.after = i == page.directory ? page.after : 0, .limit = LOOK_MAX};
        listing.directory = &serve->directories[i];
        listing.status = directory_reader(listing.directory, &spare, &listing.error);
        if (listing.status == FND_OK) {
            listing.reader = spare->reader;
            enum fnd_status status =
                fnd_events_walk(spare->reader, 0, &walk, list_row, &listing, &listing.error);
            listing.status = listing.status == FND_OK ? status : listing.status;
        }
        directory_release(listing.directory, spare);
    }
    if (listing.status == FND_OK) {
        fnd_text_append_z(&request->out, "],\"formats\":[");
        for (size_t i = 0; fnd_dataset_formats[i] != NULL; i++) {
            fnd_text_append_z(&request->out, i > 0 ? "," : "");
            fnd_text_append_json_z(&request->out, fnd_dataset_formats[i]);
        }
        page_end(&request->out, listing.count > listing.limit, listing.at, listing.last);
        reply_json(request, 200);
    } else {
        reply_error(request, &listing.error);
    }
}

void exports_get(struct request *request)
{
    struct directory *directory = NULL;
    int64_t number;
    if (number_id(request, request->match.parts[0], "export", &directory, &number)) {
        export_reply(request, directory, number);
    }
}

static void send_named(struct request *request, const char *end, const char *type)
{
    struct directory *directory = NULL;
    struct fnd_text path = {0}, name = {0};
    struct stat about;
    char stem[32];
    int64_t number;
    if (!number_id(request, request->match.parts[0], "export", &directory, &number)) {
        return;
    }
    snprintf(stem, sizeof stem, "%" PRId64, number);
    export_path(directory, stem, end, &path);
    fnd_text_printf(&name, "export-%s%s", stem, end);
    int fd = open(fnd_text_z(&path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
        if (fd >= 0) {
            close(fd);
        }
        reply_problem(request, 404, "not_found",
                      "there is no export %s made here; one made by `export` lies where it was "
                      "written",
                      request->match.parts[0]);
    } else {
        file_send(request, fd, (uint64_t)about.st_size, type, false, fnd_text_z(&name));
    }
    fnd_text_finish(&path);
    fnd_text_finish(&name);
}

void exports_file(struct request *request)
{
    send_named(request, ".jsonl", "application/jsonl");
}

void exports_manifest(struct request *request)
{
    send_named(request, ".jsonl.manifest.json", "application/json");
}
