/* SPDX-License-Identifier: MIT */
#include "worker/serve.h"

#include <stdlib.h>
#include <string.h>

enum { FLUSH_FRAMES = 16, FLUSH_US = 200 };

struct server {
    struct fnd_channel *channel;
    struct fnd_instances *instances;
    struct fnd_worker_page *page;
    struct fnd_calls *calls;
    const struct fnd_env *env;
    size_t answered;   /* since the last flush */
    int64_t worked_us; /* on those */
    uint64_t id;       /* of the call under way */
    size_t place;
};

static bool cancelled(void *context)
{
    const struct server *server = context;
    return atomic_load_explicit(&server->page->cancel[server->place], memory_order_relaxed) ==
           server->id;
}

static void progress(void *context, double fraction, const char *note)
{
    const struct server *server = context;
    uint64_t bits;
    memcpy(&bits, &fraction, sizeof bits);
    atomic_store_explicit(&server->page->progress, bits, memory_order_relaxed);
    /* What is read while it changes is half of one and half of another: a line for people. */
    const size_t size = note != NULL ? strnlen(note, FND_NOTE_SIZE - 1) : 0;
    for (size_t i = 0; i < FND_NOTE_SIZE / sizeof bits; i++) {
        const size_t at = i * sizeof bits, left = size > at ? size - at : 0;
        bits = 0;
        if (left > 0) {
            memcpy(&bits, note + at, left < sizeof bits ? left : sizeof bits);
        }
        atomic_store_explicit(&server->page->note[i], bits, memory_order_relaxed);
    }
}

/** A checkpoint goes out at once, as a log line does. */
static void keep(void *context, const char *bytes, size_t size)
{
    const struct server *server = context;
    struct fnd_text *out = fnd_channel_begin(server->channel, FND_FRAME_KEPT, server->id);
    fnd_text_append(out, bytes, size);
    (void)fnd_channel_end(server->channel, NULL, 0, NULL);
    (void)fnd_channel_flush(server->channel);
}

/** A log line goes out at once, so that it survives what the plugin does next. Only log() of the
 *  call's own thread and of its helpers comes here, one at a time (the call's lock), while the
 *  server waits for the plugin's function. */
static void log_line(void *context, const char *line, size_t size)
{
    const struct server *server = context;
    struct fnd_text *out = fnd_channel_begin(server->channel, FND_FRAME_LOG, server->id);
    fnd_text_append(out, line, size);
    (void)fnd_channel_end(server->channel, NULL, 0, NULL);
    (void)fnd_channel_flush(server->channel);
}

static enum fnd_status define(struct server *server, const struct fnd_frame *frame,
                              struct fnd_error *error)
{
    if (frame->size < FND_DEFINE_HEAD_SIZE) {
        return fnd_error_set(error, FND_INVALID, "a definition ends early");
    }
    const uint32_t slot = fnd_get_u32(frame->payload);
    const uint32_t kind = fnd_get_u32(frame->payload + 4);
    const uint32_t name_size = fnd_get_u32(frame->payload + 8);
    const size_t left = frame->size - FND_DEFINE_HEAD_SIZE;
    if (slot >= FND_WORKER_INSTANCES_MAX || kind > FND_CALLEE_TRAINER || name_size > left) {
        return fnd_error_set(error, FND_INVALID, "a definition names slot %u and %u bytes",
                             (unsigned)slot, (unsigned)name_size);
    }
    const char *at = frame->payload + FND_DEFINE_HEAD_SIZE;
    if (!fnd_utf8_valid(at, name_size)) {
        return fnd_error_set(error, FND_INVALID, "a definition names a text that is no UTF-8");
    }
    struct fnd_json config;
    enum fnd_status status = fnd_json_check(at + name_size, left - name_size, NULL, &config, error);
    if (status != FND_OK) {
        return status;
    }
    char *name = fnd_strndup(at, name_size);
    status = fnd_instances_define(server->instances, slot, name, (enum fnd_callee_kind)kind, config,
                                  error);
    free(name);
    return status;
}

/** Run the call behind a decoded input and say in the page that it is under way. */
static int64_t run(struct server *server, const struct fnd_frame *frame, size_t slot,
                   const struct fnd_call_input *input, struct fnd_effects *effects)
{
    const struct fnd_call_live live = {.progress = progress,
                                       .cancelled = cancelled,
                                       .keep = keep,
                                       .log = log_line,
                                       .context = server,
                                       .calls = server->calls};
    struct fnd_worker_page *page = server->page;
    const int64_t began_us = server->env->monotonic_us(server->env);
    atomic_store_explicit(&page->began_us, began_us, memory_order_relaxed);
    atomic_store_explicit(&page->progress, 0, memory_order_relaxed);
    atomic_store_explicit(&page->call, frame->id, memory_order_release);
    if (cancelled(server)) {
        effects->outcome = FOUNDRY_CANCELLED;
        effects->code = fnd_strdup("cancelled");
        effects->message = fnd_strdup("stopped before it began");
    } else {
        fnd_instances_run(server->instances, slot, input, &live, effects);
    }
    atomic_store_explicit(&page->call, 0, memory_order_release);
    return server->env->monotonic_us(server->env) - began_us;
}

static enum fnd_status answer(struct server *server, int64_t took_us,
                              const struct fnd_effects *effects, struct fnd_error *error)
{
    struct fnd_text *out = fnd_channel_begin(server->channel, FND_FRAME_RESULT, server->id);
    char head[FND_RESULT_HEAD_SIZE];
    fnd_put_u32(head, (uint32_t)took_us);
    fnd_put_u32(head + 4, (uint32_t)((uint64_t)took_us >> 32));
    fnd_text_append(out, head, sizeof head);
    fnd_effects_encode(effects, out);
    if (fnd_channel_end(server->channel, NULL, 0, error) == FND_OK) {
        return FND_OK;
    }
    /* The frame was taken back; a failure fits in any case. */
    struct fnd_effects failure = {.outcome = FOUNDRY_PERMANENT};
    failure.code = fnd_strdup("result_too_large");
    struct fnd_text text = {0};
    fnd_text_printf(&text,
                    "the result cannot be handed over: %s; `result_max` of the phase says how much",
                    error->message);
    failure.message = fnd_text_take(&text);
    out = fnd_channel_begin(server->channel, FND_FRAME_RESULT, server->id);
    fnd_text_append(out, head, sizeof head);
    fnd_effects_encode(&failure, out);
    fnd_effects_finish(&failure);
    return fnd_channel_end(server->channel, NULL, 0, error);
}

/** Give each artifact that was sent as a descriptor the next one of the frame. */
static enum fnd_status place_fds(const struct fnd_frame *frame, struct fnd_call_artifact *artifacts,
                                 size_t count, struct fnd_error *error)
{
    size_t next = 0;
    for (size_t i = 0; i < count; i++) {
        if (artifacts[i].bytes != NULL || artifacts[i].pack != NULL) {
            continue;
        }
        if (next == frame->fds_count) {
            return fnd_error_set(error, FND_INVALID, "an artifact's descriptor did not come");
        }
        artifacts[i].fd = frame->fds[next++];
    }
    return FND_OK;
}

static enum fnd_status call(struct server *server, struct fnd_frame *frame, struct fnd_error *error)
{
    if (frame->size < FND_CALL_HEAD_SIZE) {
        return fnd_error_set(error, FND_INVALID, "a call ends early");
    }
    const uint32_t slot = fnd_get_u32(frame->payload);
    const uint32_t place = fnd_get_u32(frame->payload + 4);
    if (slot >= FND_WORKER_INSTANCES_MAX || place >= FND_WORKER_FLIGHT_MAX ||
        !fnd_instances_defined(server->instances, slot)) {
        return fnd_error_set(error, FND_INVALID, "a call names slot %u and place %u",
                             (unsigned)slot, (unsigned)place);
    }
    struct fnd_call_input input = {0};
    enum fnd_status status = fnd_call_input_decode(frame->payload + FND_CALL_HEAD_SIZE,
                                                   frame->size - FND_CALL_HEAD_SIZE, &input, error);
    if (status != FND_OK) {
        return status;
    }
    struct fnd_call_artifact *artifacts = fnd_call_input_artifacts(&input);
    struct fnd_effects effects = {0};
    status = place_fds(frame, artifacts, input.artifacts_count, error);
    if (status == FND_OK) {
        server->id = frame->id;
        server->place = place;
        const int64_t took_us = run(server, frame, slot, &input, &effects);
        status = answer(server, took_us, &effects, error);
        server->answered++;
        server->worked_us += took_us;
    }
    fnd_effects_finish(&effects);
    free(artifacts);
    return status;
}

/** Everything that is whole in the channel's buffer. */
static enum fnd_status work(struct server *server, struct fnd_error *error)
{
    while (true) {
        struct fnd_frame frame;
        const enum fnd_channel_state state = fnd_channel_next(server->channel, &frame, error);
        if (state == FND_CHANNEL_IDLE) {
            return FND_OK;
        }
        if (state == FND_CHANNEL_BROKEN) {
            return FND_INVALID;
        }
        enum fnd_status status = FND_OK;
        if (frame.type == FND_FRAME_DEFINE) {
            status = define(server, &frame, error);
        } else if (frame.type == FND_FRAME_CALL) {
            status = call(server, &frame, error);
        } else {
            status = fnd_error_set(error, FND_INVALID, "a frame of type %d came to a worker",
                                   (int)frame.type);
        }
        fnd_frame_finish(&frame);
        if (status != FND_OK) {
            return status;
        }
        if (server->answered >= FLUSH_FRAMES || server->worked_us >= FLUSH_US) {
            (void)fnd_channel_flush(server->channel);
            server->answered = 0;
            server->worked_us = 0;
        }
    }
}

enum fnd_status fnd_worker_serve(struct fnd_channel *channel, const struct fnd_plugin *plugin,
                                 struct fnd_worker_page *page, struct fnd_error *error)
{
    struct server server = {.channel = channel,
                            .instances = fnd_instances_create(plugin),
                            .page = page,
                            .calls = fnd_calls_create(),
                            .env = fnd_env_system()};
    (void)fnd_channel_begin(channel, FND_FRAME_READY, 0);
    enum fnd_status status = fnd_channel_end(channel, NULL, 0, error);
    while (status == FND_OK) {
        if (fnd_channel_flush(channel) == FND_CHANNEL_BROKEN) {
            break; /* the engine is gone */
        }
        server.answered = 0;
        server.worked_us = 0;
        const enum fnd_channel_state state = fnd_channel_read(channel, error);
        if (state == FND_CHANNEL_END) {
            break;
        }
        if (state == FND_CHANNEL_BROKEN) {
            status = FND_IO;
            break;
        }
        status = work(&server, error);
    }
    fnd_instances_destroy(server.instances);
    fnd_calls_destroy(server.calls);
    return status;
}
