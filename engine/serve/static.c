/* SPDX-License-Identifier: MIT */
/* What is the same for everybody, and what tells of the server itself. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "serve/assets.h"
#include "serve/internal.h"

enum { PIPELINES_MAX = 256, PINS_LOOK_MAX = 100000 };

void static_get(struct request *request)
{
    size_t size = strcspn(request->target, "?");
    const struct asset *asset = assets();
    while (asset->path != NULL &&
           (strlen(asset->path) != size || memcmp(asset->path, request->target, size) != 0)) {
        asset++;
    }
    if (asset->path == NULL) {
        reply_problem(request, 404, "no_such_path", "this build of the program has no review page");
        return;
    }
    fnd_text_append(&request->out, asset->bytes, asset->size);
    request->status = 200;
    request->type = asset->type;
}

void session_get(struct request *request)
{
    fnd_text_append_z(&request->out, "{\"by\":");
    fnd_text_append_json_z(&request->out, request->caller.name);
    fnd_text_append_z(&request->out, ",\"groups\":[],\"expires_at\":null");
    json_text(&request->out, "version", request->serve->options.version);
    fnd_text_append_z(&request->out, ",\"directories\":[");
    for (size_t i = 0; i < request->serve->directories_count; i++) {
        fnd_text_append_z(&request->out, i > 0 ? "," : "");
        fnd_text_append_json_z(&request->out, request->serve->directories[i].name);
    }
    fnd_text_append_z(&request->out, "]}");
    reply_json(request, 200);
}

void health_get(struct request *request)
{
    fnd_text_append_z(&request->out, "{\"status\":\"ok\"}");
    reply_json(request, 200);
}

/* Why a directory takes no writes, in words that anybody may read without a token: no path is in
 * them. Any of the engine's troubles may keep it from opening again. */
static const char *unready(enum fnd_status status)
{
    switch (status) {
    case FND_OK:
        break;
    case FND_INVALID:
        return "something that was set or recorded for it breaks a rule";
    case FND_NOT_FOUND:
        return "it, or something in it, is not there";
    case FND_CONFLICT:
        return "somebody else was first";
    case FND_BUSY:
        return "another engine has it, or its own has ended";
    case FND_DENIED:
        return "the server is not allowed to open or to write it";
    case FND_LIMIT:
        return "a limit is reached";
    case FND_PLUGIN:
        return "a plugin of it cannot be loaded";
    case FND_DAMAGED:
        return "its record is damaged or gone";
    case FND_FULL:
        return "its storage is full";
    case FND_IO:
        return "its storage fails";
    case FND_NO_MEMORY:
        return "there is no memory for it";
    case FND_INTERRUPTED:
        return "its engine was stopped";
    }
    return "its engine does not say why";
}

void ready_get(struct request *request)
{
    struct fnd_serve *serve = request->serve;
    if (atomic_load(&serve->stopping)) {
        reply_problem(request, 503, "draining", "the server is about to end");
        return;
    }
    for (size_t i = 0; i < serve->directories_count; i++) {
        enum fnd_status status = directory_ready(&serve->directories[i]);
        if (status != FND_OK) {
            /* No token was asked for, so no path either. */
            reply_problem(request, 503, fnd_status_name(status),
                          "a job directory takes no writes: %s", unready(status));
            return;
        }
    }
    fnd_text_append_z(&request->out, "{\"status\":\"ready\"}");
    reply_json(request, 200);
}

/* --- pipelines ------------------------------------------------------------------------------- */

struct pipelines {
    struct request *request;
    struct directory *directory;
    struct fnd_reader *reader;
    int64_t pins[PIPELINES_MAX];
    size_t count;
    bool any;
};

static bool note_pin(const struct fnd_event_row *event, void *context)
{
    struct pipelines *pipelines = context;
    if (event->kind == FND_EVENT_PIN && pipelines->count < PIPELINES_MAX) {
        pipelines->pins[pipelines->count++] = event->id;
    }
    return pipelines->count < PIPELINES_MAX;
}

static void append_phases(struct fnd_text *json, struct fnd_json document)
{
    fnd_text_append_z(json, ",\"phases\":[");
    for (struct fnd_json_walk walk = fnd_json_walk(fnd_json_find(document, "/canonical/phases"));
         fnd_json_next(&walk);) {
        struct fnd_json id = fnd_json_member(walk.value, "id");
        struct fnd_json uses = fnd_json_member(walk.value, "uses");
        fnd_text_append_z(json, walk.index > 0 ? ",{\"id\":" : "{\"id\":");
        fnd_text_append(json, id.bytes != NULL ? id.bytes : "null", id.bytes != NULL ? id.size : 4);
        json_member_copy(json, "uses", uses);
        fnd_text_append_byte(json, '}');
    }
    fnd_text_append_z(json, "],\"export\":");
    struct fnd_json exports = fnd_json_find(document, "/canonical/export");
    fnd_text_append(json, exports.bytes != NULL ? exports.bytes : "{}",
                    exports.bytes != NULL ? exports.size : 2);
}

/* The newest pin of each name. */
static void append_pipeline(struct pipelines *pipelines, int64_t pin)
{
    struct fnd_pin_row row = {0}, latest = {0};
    struct fnd_text text = {0}, *json = &pipelines->request->out;
    struct fnd_json document = {0};
    char hash[FND_DIGEST_TEXT_SIZE];
    if (fnd_pin_get(pipelines->reader, pin, &row, NULL) == FND_OK &&
        fnd_pin_latest(pipelines->reader, row.pipeline, &latest, NULL) == FND_OK &&
        latest.id == pin && fnd_payload_get(pipelines->reader, pin, &text, NULL, NULL) == FND_OK &&
        fnd_json_check(fnd_text_z(&text), text.size, NULL, &document, NULL) == FND_OK) {
        fnd_digest_text(row.hash, hash);
        fnd_text_append_z(json, pipelines->any ? ",{\"name\":" : "{\"name\":");
        fnd_text_append_json_z(json, row.pipeline);
        json_text(json, "directory", pipelines->directory->name);
        json_text(json, "hash", hash);
        append_phases(json, document);
        fnd_text_append_byte(json, '}');
        pipelines->any = true;
    }
    free(row.pipeline);
    free(latest.pipeline);
    fnd_text_finish(&text);
}

void pipelines_get(struct request *request)
{
    struct fnd_serve *serve = request->serve;
    struct pipelines *pipelines = fnd_alloc(sizeof *pipelines);
    struct fnd_error error = {0};
    enum fnd_status status = FND_OK;
    pipelines->request = request;
    fnd_text_append_z(&request->out, "{\"items\":[");
    for (size_t i = 0; i < serve->directories_count && status == FND_OK; i++) {
        struct spare *spare = NULL;
        const struct fnd_walk walk = {.limit = PINS_LOOK_MAX};
        pipelines->directory = &serve->directories[i];
        pipelines->count = 0;
        status = directory_reader(pipelines->directory, &spare, &error);
        if (status == FND_OK) {
            pipelines->reader = spare->reader;
            status = fnd_events_walk(spare->reader, 0, &walk, note_pin, pipelines, &error);
            for (size_t k = 0; k < pipelines->count && status == FND_OK; k++) {
                append_pipeline(pipelines, pipelines->pins[k]);
            }
            directory_release(pipelines->directory, spare);
        }
    }
    fnd_text_append_z(&request->out, "],\"next\":null}");
    if (status == FND_OK) {
        reply_json(request, 200);
    } else {
        reply_error(request, &error);
    }
    free(pipelines);
}
