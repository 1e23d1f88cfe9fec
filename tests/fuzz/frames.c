/* SPDX-License-Identifier: MIT */
/* The channel between engine and worker, from both ends: what a hostile worker sends to the pool's
 * own code, and any bytes at the code that serves in a worker.
 *
 * An input is a byte of switches and then steps: raw bytes, a frame with any payload, or a frame
 * that the real encoder makes and a few patches spoil. So headers and lengths are right as often as
 * wrong, and the bytes behind them are reached. */
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "fuzz.h"
#include "worker/pool_state.h"
#include "worker/serve.h"

enum { TO_WORKER = 1, IS_READY = 2, CALLS = 4, STEP_RAW = 0, STEP_CALL = 9, STEP_RESULT = 10 };

static int epoll_fd;
static struct fnd_env *environment;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fnd_digest_setup();
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    environment = fnd_env_seeded_create(1, 1);
    FUZZ_CHECK(epoll_fd >= 0, "no epoll");
    return 0;
}

/* ---- the stream --------------------------------------------------------------------------- */

struct source {
    const uint8_t *at, *end;
};

static uint8_t take(struct source *source)
{
    return source->at < source->end ? *source->at++ : 0;
}

static size_t take_span(struct source *source, size_t size, const char **bytes)
{
    const size_t left = (size_t)(source->end - source->at);
    const size_t given = size < left ? size : left;
    *bytes = given == 0 ? "" : (const char *)source->at;
    source->at += given;
    return given;
}

static void frame_put(struct fnd_text *stream, unsigned type, uint64_t id, unsigned flags,
                      const struct fnd_text *payload)
{
    char header[FND_FRAME_HEADER_SIZE] = {0};
    fnd_put_u32(header, (uint32_t)payload->size);
    header[4] = (char)type;
    header[5] = (char)(flags & 3);
    header[6] = (char)(flags >> 2 & 3);
    fnd_put_u32(header + 8, (uint32_t)id);
    fnd_text_append(stream, header, sizeof header);
    fnd_text_append(stream, payload->bytes, payload->size);
}

/** Change bytes of a payload as the input says. */
static void patch(struct source *source, struct fnd_text *payload)
{
    for (unsigned count = take(source) & 3; count > 0 && payload->size > 0; count--) {
        const size_t offset = (size_t)take(source) | (size_t)take(source) << 8;
        payload->bytes[offset % payload->size] = (char)take(source);
    }
}

static void call_put(struct source *source, struct fnd_text *stream)
{
    static const struct fnd_json run = {"{\"job\":\"1\"}", 11};
    struct fnd_text payload = {0};
    const char *text, *bytes;
    const uint64_t id = take(source);
    const unsigned how = take(source);
    char head[FND_CALL_HEAD_SIZE];
    fnd_put_u32(head, how & 3);
    fnd_put_u32(head + 4, how >> 2 & 3);
    fnd_text_append(&payload, head, sizeof head);
    const size_t text_size = take_span(source, take(source), &text);
    const size_t size = take_span(source, take(source), &bytes);
    const struct fnd_call_artifact artifact = {
        .name = "input", .size = size, .fd = how & 0x40 ? 3 : -1, .bytes = bytes};
    struct fnd_call_input input = {.detector = (how & 0x10) != 0,
                                   .create = (how & 0x20) != 0,
                                   .config = {text, text_size},
                                   .run = run,
                                   .artifacts = &artifact,
                                   .artifacts_count = how >> 7};
    if (input.detector) {
        input.subject = input.config;
    }
    fnd_call_input_encode(&input, &payload);
    patch(source, &payload);
    frame_put(stream, FND_FRAME_CALL, id, 0, &payload);
    fnd_text_finish(&payload);
}

static void result_put(struct source *source, struct fnd_text *stream)
{
    struct fnd_text payload = {0};
    const char *text;
    const uint64_t id = take(source);
    const unsigned how = take(source);
    const size_t size = take_span(source, take(source), &text);
    char head[FND_RESULT_HEAD_SIZE] = {(char)how};
    fnd_text_append(&payload, head, sizeof head);
    char *copy = fnd_strndup(text, size);
    struct fnd_confidence confidence = {copy, how / 255.0};
    struct fnd_origin origin = {copy, copy, how, 1, 2, 3, 4};
    struct fnd_question question = {copy, copy, copy, copy, copy, NULL, true};
    struct fnd_staged_artifact artifact = {copy, copy, copy, size};
    const struct fnd_effects effects = {.outcome = (foundry_outcome_t)(how & 7),
                                        .output = copy,
                                        .output_size = size,
                                        .confidences = &confidence,
                                        .confidences_count = how >> 3 & 1,
                                        .origins = &origin,
                                        .origins_count = how >> 4 & 1,
                                        .questions = &question,
                                        .questions_count = how >> 5 & 1,
                                        .artifacts = &artifact,
                                        .artifacts_count = how >> 6 & 1,
                                        .code = how & 0x80 ? copy : NULL,
                                        .message = how & 0x80 ? copy : NULL};
    fnd_effects_encode(&effects, &payload);
    patch(source, &payload);
    frame_put(stream, FND_FRAME_RESULT, id, 0, &payload);
    free(copy);
    fnd_text_finish(&payload);
}

static void stream_make(struct source *source, struct fnd_text *stream)
{
    while (source->at < source->end) {
        const unsigned step = take(source);
        const char *bytes;
        if ((step & 15) == STEP_CALL) {
            call_put(source, stream);
        } else if ((step & 15) == STEP_RESULT) {
            result_put(source, stream);
        } else if ((step & 15) == STEP_RAW) {
            const size_t size = take_span(source, take(source), &bytes);
            fnd_text_append(stream, bytes, size);
        } else {
            struct fnd_text payload = {0};
            const uint64_t id = take(source);
            const size_t size = take_span(source, take(source), &bytes);
            fnd_text_append(&payload, bytes, size);
            frame_put(stream, step & 15, id, step >> 4, &payload);
            fnd_text_finish(&payload);
        }
    }
}

static void pair(int fds[2])
{
    const int room = 4 << 20; /* nobody reads while the other side writes */
    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0, "no socket pair");
    for (int i = 0; i < 2; i++) {
        (void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    }
}

/* ---- in the engine ------------------------------------------------------------------------ */

/** What came from a worker: whole, and the same once it was sent again. */
static void check_effects(const struct fnd_effects *effects)
{
    static const struct fnd_json none = {0};
    struct fnd_error error = {0};
    struct fnd_text wire = {0}, again = {0};
    struct fnd_effects copy = {0};
    if (fnd_effects_check(effects, NULL, none, &error) != FND_OK) {
        fuzz_error_check(&error, NULL, 0);
        FUZZ_CHECK(error.status == FND_PLUGIN, "the plugin's fault is called %s",
                   fnd_status_name(error.status));
    }
    FUZZ_CHECK(fnd_log_lines_valid(effects->log.bytes, effects->log.size) ||
                   effects->log.size == 0 || effects->log_lines > FND_LOG_LINES_MAX / 2,
               "log lines that are none");
    fnd_effects_encode(effects, &wire);
    if (fnd_effects_decode(wire.bytes, wire.size, &copy, &error) == FND_OK) {
        fnd_effects_encode(&copy, &again);
        FUZZ_CHECK(wire.size == again.size && memcmp(wire.bytes, again.bytes, wire.size) == 0,
                   "effects change on their way");
    }
    fnd_effects_finish(&copy);
    fnd_text_finish(&wire);
    fnd_text_finish(&again);
}

static void engine_reads(const struct fnd_text *stream, bool ready)
{
    static struct fnd_worker_page page;
    struct fnd_record record = {0};
    const struct fnd_callee callee = {.plugin = "fuzz", .name = "echo", .path = "fuzz.so"};
    struct fnd_group group = {
        .record = &record, .isolation = FND_ISOLATION_SANDBOX, .flight_max = 4};
    struct fnd_pool pool = {.options = {.env = environment}, .epoll = epoll_fd};
    struct fnd_pool_call calls[CALLS] = {{0}};
    struct fnd_worker *worker = fnd_alloc(sizeof *worker);
    int fds[2];
    pool.done_end = &pool.done;
    group.queue_end = &group.queue;
    worker->pool = &pool;
    worker->group = &group;
    worker->state = ready ? FND_WORKER_READY : FND_WORKER_STARTING;
    worker->confined = worker->ready = ready;
    worker->process.noise = worker->process.pidfd = -1; /* and no process to be killed */
    worker->process.page = &page;
    for (size_t i = 0; i < CALLS; i++) {
        calls[i] = (struct fnd_pool_call){.callee = &callee, .worker = worker};
        worker->flights[i] = (struct fnd_flight){.call = &calls[i], .id = i + 1, .place = i};
    }
    worker->count = ready ? CALLS : 0;
    pool.busy = worker->count;
    pair(fds);
    fnd_channel_init(&worker->process.channel, fds[0], false);
    FUZZ_CHECK(fnd_write_all(fds[1], stream->bytes, stream->size) == 0, "the socket is full");
    (void)close(fds[1]);
    fnd_worker_drain(worker);
    size_t ended = 0;
    for (const struct fnd_pool_call *at = fnd_pool_collect(&pool); at != NULL; at = at->next) {
        ended++;
        check_effects(&at->effects);
    }
    FUZZ_CHECK(ended + worker->count == (ready ? (size_t)CALLS : 0), "%zu calls ended, %zu left",
               ended, worker->count);
    FUZZ_CHECK(!worker->broke || worker->breach.message[0] != '\0', "a breach without a word");
    FUZZ_CHECK(worker->state == FND_WORKER_ENDING, "the channel's end was not seen");
    for (size_t i = 0; i < CALLS; i++) {
        fnd_effects_finish(&calls[i].effects);
        fnd_text_finish(&calls[i].noise);
    }
    fnd_channel_finish(&worker->process.channel);
    free(worker);
}

/* ---- in the worker ------------------------------------------------------------------------ */

static foundry_outcome_t echo_process(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    (void)self;
    const char *json = "null";
    uint64_t artifact_size = 0;
    foundry_status_t status = host->json_get(call, FOUNDRY_DOC_CONFIG, "", &json);
    if (status == FOUNDRY_OK) {
        status = host->json_set(call, "/config", json);
    }
    if (host->artifact_size(call, "input", &artifact_size) == FOUNDRY_OK) {
        char bytes[64];
        size_t got = 0;
        (void)host->artifact_read(call, "input", artifact_size / 2, bytes, sizeof bytes, &got);
        FUZZ_CHECK(got <= sizeof bytes, "read %zu bytes", got);
        status = host->artifact_write(call, "copy", NULL, bytes, got);
    }
    host->log(call, FOUNDRY_LOG_INFO, json);
    return status;
}

static const foundry_phase_t echo = {
    .struct_size = sizeof echo, .name = "echo", .summary = "echo", .process = echo_process};
static const foundry_phase_t *const phases[] = {&echo, NULL};
static const foundry_plugin_t entry = {.struct_size = sizeof entry,
                                       .abi = FOUNDRY_ABI_CURRENT,
                                       .abi_min = FOUNDRY_ABI_CURRENT,
                                       .id = "fuzz",
                                       .version = "1",
                                       .summary = "fuzz",
                                       .phases = phases};

/** What the worker sent is in order, whatever it was sent. */
static void check_answers(int fd)
{
    struct fnd_channel channel;
    struct fnd_frame frame;
    struct fnd_error error = {0};
    enum fnd_channel_state state = FND_CHANNEL_MORE;
    fnd_channel_init(&channel, fd, false);
    while (state == FND_CHANNEL_MORE) {
        state = fnd_channel_read(&channel, &error);
        enum fnd_channel_state next;
        while ((next = fnd_channel_next(&channel, &frame, &error)) == FND_CHANNEL_MORE) {
            struct fnd_effects effects = {0};
            if (frame.type == FND_FRAME_RESULT) {
                FUZZ_CHECK(fnd_effects_decode(frame.payload + FND_RESULT_HEAD_SIZE,
                                              frame.size - FND_RESULT_HEAD_SIZE, &effects,
                                              &error) == FND_OK,
                           "an answer that cannot be read: %s", error.message);
                check_effects(&effects);
            } else if (frame.type == FND_FRAME_LOG) {
                FUZZ_CHECK(fnd_log_lines_valid(frame.payload, frame.size), "a bad log line");
            }
            fnd_effects_finish(&effects);
            fnd_frame_finish(&frame);
        }
        FUZZ_CHECK(next == FND_CHANNEL_IDLE, "the worker sent: %s", error.message);
    }
    FUZZ_CHECK(state == FND_CHANNEL_END, "the worker left the channel open");
    fnd_channel_finish(&channel);
}

static void worker_reads(const struct fnd_text *stream)
{
    static struct fnd_worker_page page;
    const struct fnd_plugin plugin = {.entry = &entry, .path = "fuzz.so"};
    struct fnd_channel channel;
    struct fnd_error error = {0};
    int fds[2];
    pair(fds);
    FUZZ_CHECK(fnd_write_all(fds[1], stream->bytes, stream->size) == 0, "the socket is full");
    (void)shutdown(fds[1], SHUT_WR);
    memset(&page, 0, sizeof page);
    fnd_channel_init(&channel, fds[0], true);
    if (fnd_worker_serve(&channel, &plugin, &page, &error) != FND_OK) {
        fuzz_error_check(&error, NULL, 0);
    }
    (void)fnd_channel_flush(&channel);
    fnd_channel_finish(&channel);
    check_answers(fds[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct source source = {bytes, bytes + size};
    struct fnd_text stream = {0};
    const uint8_t how = take(&source);
    stream_make(&source, &stream);
    if (how & TO_WORKER) {
        worker_reads(&stream);
    } else {
        engine_reads(&stream, (how & IS_READY) != 0);
    }
    fnd_text_finish(&stream);
    return 0;
}
