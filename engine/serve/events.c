/* SPDX-License-Identifier: MIT */
/* The event stream: what each directory's record has grown by, as server-sent events. The stream
 * is read from the store, so a client that comes back with its last id misses nothing. */
#include <inttypes.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "serve/internal.h"
#include "store/desk.h"

enum { EVENTS_AT_ONCE = 200, BUFFER_SIZE = 16 << 10 };

struct stream {
    struct request *request;
    int64_t *after; /* of each directory */
    uint64_t *told; /* of each directory's presence */
    struct fnd_text out;
    size_t sent;
    uint64_t bytes;
    int64_t spoke_us;
};

/** One look at one directory. */
struct glance {
    struct stream *stream;
    struct directory *directory;
    struct fnd_reader *reader;
    size_t index;
};

/* "TAG-NUMBER" of each directory: where a client goes on. */
static void append_id(struct stream *stream)
{
    struct fnd_serve *serve = stream->request->serve;
    fnd_text_append_z(&stream->out, "id: ");
    for (size_t i = 0; i < serve->directories_count; i++) {
        fnd_text_printf(&stream->out, "%s%s-%" PRId64, i > 0 ? "." : "", serve->directories[i].tag,
                        stream->after[i]);
    }
    fnd_text_append_byte(&stream->out, '\n');
}

static const char *event_type(enum fnd_event_kind kind)
{
    switch (kind) {
    case FND_EVENT_ASK:
    case FND_EVENT_ANSWER:
        return "ask";
    default:
        return "job";
    }
}

static void append_desk(struct glance *glance, enum presence_kind kind, int64_t request,
                        int64_t number, const char *by, int64_t until_us)
{
    static const char *const types[] = {
        [PRESENCE_CLAIMED] = "claimed",
        [PRESENCE_RELEASED] = "released",
        [PRESENCE_DRAFTED] = "drafted",
    };
    struct fnd_text *out = &glance->stream->out;
    struct fnd_job_row job = {0};
    char uuid[FND_UUID_TEXT_SIZE];
    if (fnd_job_get(glance->reader, number, &job, NULL) == FND_OK) {
        fnd_uuid_format(job.uuid, uuid);
        fnd_text_printf(out, "event: ask.%s\ndata: {\"ask\":\"%s-%" PRId64 "\",\"job\":\"%s\"",
                        types[kind], glance->directory->tag, request, uuid);
        json_text_null(out, "by", by);
        json_time(out, "until", until_us);
        fnd_text_append_z(out, "}\n\n");
    }
    fnd_job_row_finish(&job);
}

/* A claim or a release, as the record has it. */
static void append_lease(struct glance *glance, const struct fnd_event_row *event)
{
    struct fnd_text body = {0};
    struct fnd_ask_row ask;
    struct fnd_json value;
    if (fnd_ask_get(glance->reader, event->ref, &ask, NULL) == FND_OK &&
        fnd_payload_get(glance->reader, event->id, &body, NULL, NULL) == FND_OK &&
        fnd_json_check(body.bytes, body.size, NULL, &value, NULL) == FND_OK) {
        char *by = fnd_json_strdup(fnd_json_member(value, "by"));
        int64_t until_us = 0;
        fnd_json_integer(fnd_json_member(value, "until_us"), &until_us);
        append_id(glance->stream);
        append_desk(glance, event->kind == FND_EVENT_CLAIM ? PRESENCE_CLAIMED : PRESENCE_RELEASED,
                    event->ref, ask.job, by, until_us);
        free(by);
    }
    fnd_text_finish(&body);
}

static bool append_event(const struct fnd_event_row *event, void *context)
{
    struct glance *glance = context;
    struct stream *stream = glance->stream;
    struct fnd_step_row step;
    struct fnd_job_row job = {0};
    char uuid[FND_UUID_TEXT_SIZE];
    stream->after[glance->index] = event->id;
    if (event->kind == FND_EVENT_CLAIM || event->kind == FND_EVENT_RELEASE) {
        append_lease(glance, event);
        return true;
    }
    if (event->step == 0 && event->kind != FND_EVENT_JOB) {
        return true; /* the store's own */
    }
    int64_t id = event->step != 0 ? event->step : event->id;
    if (fnd_step_get(glance->reader, id, &step, NULL) != FND_OK ||
        fnd_job_get(glance->reader, step.job, &job, NULL) != FND_OK) {
        return true;
    }
    const struct pin_view *pin = directory_pin(glance->directory, glance->reader, step.pin);
    size_t count = pin != NULL && pin->phases_count > 0 ? pin->phases_count : 1;
    size_t done = event->after.phase > 0 ? (size_t)event->after.phase : 0;
    fnd_uuid_format(job.uuid, uuid);
    append_id(stream);
    fnd_text_printf(&stream->out, "event: %s\ndata: {\"job\":\"%s\"", event_type(event->kind),
                    uuid);
    json_text(&stream->out, "kind", fnd_event_name(event->kind));
    if (event->kind == FND_EVENT_ASK || event->kind == FND_EVENT_ANSWER) {
        fnd_text_printf(&stream->out, ",\"ask\":\"%s-%" PRId64 "\"", glance->directory->tag,
                        event->kind == FND_EVENT_ASK ? event->id : event->ref);
    }
    json_text(&stream->out, "directory", glance->directory->name);
    json_text(&stream->out, "pipeline", job.pipeline);
    json_text(&stream->out, "path", job.path);
    json_text(&stream->out, "state", fnd_state_name(event->after.state));
    json_text_null(&stream->out, "phase",
                   event->after.state == FND_COMPLETED ? NULL : pin_phase(pin, event->after.phase));
    fnd_text_printf(&stream->out, ",\"percent\":%zu}\n\n",
                    event->after.state == FND_COMPLETED ? 100
                    : done >= count                     ? 99
                                                        : done * 100 / count);
    fnd_job_row_finish(&job);
    return true;
}

static void fill(struct stream *stream)
{
    struct fnd_serve *serve = stream->request->serve;
    for (size_t i = 0; i < serve->directories_count; i++) {
        struct glance glance = {.stream = stream, .directory = &serve->directories[i], .index = i};
        struct spare *spare = NULL;
        if (directory_reader(glance.directory, &spare, NULL) != FND_OK) {
            continue;
        }
        const struct fnd_walk walk = {.after = stream->after[i], .limit = EVENTS_AT_ONCE};
        glance.reader = spare->reader;
        (void)fnd_events_walk(spare->reader, 0, &walk, append_event, &glance, NULL);
        struct presence_told told;
        while (presence_next(glance.directory, &stream->told[i], &told)) {
            append_desk(&glance, told.kind, told.request, told.job, told.by, told.until_us);
        }
        directory_release(glance.directory, spare);
    }
}

static ssize_t stream_read(void *context, uint64_t at, char *buffer, size_t room)
{
    struct stream *stream = context;
    struct request *request = stream->request;
    struct fnd_serve *serve = request->serve;
    int64_t now_us = serve->options.env->monotonic_us(serve->options.env);
    (void)at;
    if (atomic_load(&serve->stopping)) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    if (stream->sent == stream->out.size) {
        fnd_text_clear(&stream->out);
        stream->sent = 0;
        fill(stream);
    }
    int64_t alive_us = (int64_t)FND_SERVE_EVENTS_ALIVE_MS * 1000;
    if (stream->out.size == 0 && now_us - stream->spoke_us >= alive_us) {
        fnd_text_append_z(&stream->out, ": alive\n\n");
    }
    if (stream->out.size == 0) {
        place_progress(serve, request->place, ++stream->bytes); /* it is we who are silent */
        request_sleep(request, stream->spoke_us + alive_us);
        return 0;
    }
    size_t left = stream->out.size - stream->sent;
    size_t size = left < room ? left : room;
    memcpy(buffer, stream->out.bytes + stream->sent, size);
    stream->sent += size;
    stream->bytes += size;
    stream->spoke_us = now_us;
    place_progress(serve, request->place, stream->bytes);
    return (ssize_t)size;
}

static void stream_free(void *context)
{
    struct stream *stream = context;
    fnd_text_finish(&stream->out);
    free(stream->after);
    free(stream->told);
    free(stream);
}

/* Where to begin: `TAG-NUMBER[.TAG-NUMBER…]`, or now. False: it is none of ours. */
static bool read_after(struct request *request, const char *text, int64_t *after)
{
    struct fnd_serve *serve = request->serve;
    while (text != NULL && *text != '\0') {
        size_t size = strcspn(text, ".");
        struct directory *directory = NULL;
        char id[ROUTE_ID_SIZE_MAX + 1] = "";
        if (size <= ROUTE_ID_SIZE_MAX) {
            memcpy(id, text, size);
        }
        int64_t number;
        if (!number_id(request, id, "event", &directory, &number)) {
            return false;
        }
        after[directory - serve->directories] = number;
        text += size + (text[size] == '.' ? 1 : 0);
    }
    return true;
}

void events_get(struct request *request)
{
    struct fnd_serve *serve = request->serve;
    struct stream *stream = fnd_alloc(sizeof *stream);
    char *query = request_query(request, "after");
    const char *after = request_header(request, "Last-Event-ID");
    stream->request = request;
    stream->after = fnd_alloc(serve->directories_count * sizeof *stream->after);
    stream->told = fnd_alloc(serve->directories_count * sizeof *stream->told);
    for (size_t i = 0; i < serve->directories_count; i++) {
        stream->told[i] = presence_count(&serve->directories[i]);
        struct spare *spare = NULL;
        uint8_t chain[FND_DIGEST_SIZE];
        if (directory_reader(&serve->directories[i], &spare, NULL) == FND_OK) {
            (void)fnd_reader_head(spare->reader, &stream->after[i], chain, NULL);
            directory_release(&serve->directories[i], spare);
        }
    }
    bool good = read_after(request, after != NULL ? after : query, stream->after);
    free(query);
    if (!good) {
        stream_free(stream);
        return;
    }
    append_id(stream);
    fnd_text_append_z(&stream->out, "retry: 1000\n: hello\n\n");
    stream->spoke_us = serve->options.env->monotonic_us(serve->options.env);
    request->stream_state = stream;
    request->stream = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BUFFER_SIZE, stream_read,
                                                        stream, stream_free);
    place_enter(serve, request->place, PLACE_STREAM);
    request->status = 200;
    request->type = "text/event-stream";
}
