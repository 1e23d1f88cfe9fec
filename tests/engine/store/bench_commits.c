/* SPDX-License-Identifier: MIT */
/* How many transitions a second are committed: many jobs in flight, each submitting its next move
 * once the last one is on record.  bench_commits [DIRECTORY [IN_FLIGHT [BODY_BYTES [SECONDS]]]] */
#define _GNU_SOURCE /* mkdtemp */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/store.h"

enum { IN_FLIGHT_MAX = 4096, PHASES = 5 };

struct bench {
    struct fnd_store *store;
    char *filler;
    int64_t *jobs;
    int64_t moves;
};

static void die(const char *what, const struct fnd_error *error)
{
    fprintf(stderr, "bench_commits: %s: %s\n", what, error->message);
    exit(1);
}

static int64_t make_job(struct bench *bench, int64_t pin, int number)
{
    const struct fnd_env *env = fnd_store_env(bench->store);
    struct fnd_write *write = fnd_write_create();
    char uuid[FND_UUID_TEXT_SIZE];
    fnd_uuid_make(env, write->uuid);
    fnd_uuid_format(write->uuid, uuid);
    struct fnd_text path = {0};
    fnd_text_printf(&path, "scans/%06d.png", number);
    struct fnd_text body = {0};
    fnd_text_printf(&body,
                    "{\"uuid\":\"%s\",\"pipeline\":\"bench\",\"path\":\"%s\",\"revision\":1,"
                    "\"pin\":%" PRId64 "}",
                    uuid, fnd_text_z(&path), pin);
    write->pipeline = fnd_strdup("bench");
    write->path = fnd_text_take(&path);
    write->revision = 1;
    write->pin = pin;
    fnd_write_add(write, FND_EVENT_JOB, fnd_text_take(&body), NULL);
    struct fnd_event *start = fnd_write_add(write, FND_EVENT_START, NULL, NULL);
    start->after = (struct fnd_stand){.state = FND_RUNNING, .attempt = 1};
    struct fnd_error error = {0};
    if (fnd_store_commit(bench->store, write, &error) != FND_OK) {
        die("job", &error);
    }
    int64_t id = write->first;
    bench->jobs[number] = id;
    fnd_write_destroy(write);
    return id;
}

static void submit(struct bench *bench, int64_t step, int64_t before, const int64_t *outputs,
                   size_t count, int32_t phase)
{
    struct fnd_write *write = fnd_write_create();
    write->step = step;
    write->before = before;
    write->outputs_count = count;
    if (count > 0) {
        memcpy(write->outputs, outputs, count * sizeof *outputs);
    }
    struct fnd_event *event =
        fnd_write_add(write, FND_EVENT_OUTPUT, fnd_strdup(bench->filler), NULL);
    event->phase = phase;
    event->after =
        (struct fnd_stand){.state = FND_RUNNING, .phase = (phase + 1) % PHASES, .attempt = 1};
    fnd_store_submit(bench->store, write);
}

static void next_move(struct bench *bench, struct fnd_write *write)
{
    if (write->status != FND_OK) {
        die("move", write->error);
    }
    int32_t phase = write->events[0].phase;
    write->outputs[phase] = write->first;
    size_t count =
        (size_t)phase + 1 > write->outputs_count ? (size_t)phase + 1 : write->outputs_count;
    submit(bench, write->step, write->last, write->outputs, count, (phase + 1) % PHASES);
    fnd_write_destroy(write);
    bench->moves++;
}

int main(int argc, char **argv)
{
    char directory[4096];
    snprintf(directory, sizeof directory, "%s/foundry-bench-XXXXXX", argc > 1 ? argv[1] : "/tmp");
    int in_flight = argc > 2 ? atoi(argv[2]) : 256;
    int body_size = argc > 3 ? atoi(argv[3]) : 1024;
    int seconds = argc > 4 ? atoi(argv[4]) : 5;
    if (in_flight < 1 || in_flight > IN_FLIGHT_MAX || body_size < 16 ||
        mkdtemp(directory) == NULL) {
        fprintf(stderr, "usage: bench_commits [DIRECTORY [IN_FLIGHT [BODY_BYTES [SECONDS]]]]\n");
        return 2;
    }
    struct fnd_error error = {0};
    struct bench bench = {0};
    const struct fnd_env *env = fnd_env_system();
    const struct fnd_store_options options = {.env = env, .create = true};
    if (fnd_store_open(directory, &options, &bench.store, &error) != FND_OK) {
        die("open", &error);
    }
    struct fnd_text filler = {0};
    fnd_text_append_z(&filler, "{\"text\":\"");
    while (filler.size + 2 < (size_t)body_size) {
        fnd_text_append_byte(&filler, 'x');
    }
    fnd_text_append_z(&filler, "\"}");
    bench.filler = fnd_text_take(&filler);
    bench.jobs = fnd_alloc((size_t)in_flight * sizeof *bench.jobs);
    struct fnd_write *pin = fnd_write_create();
    char *document = fnd_strdup("{\"name\":\"bench\"}");
    fnd_sha256(document, strlen(document), pin->hash);
    pin->pipeline = fnd_strdup("bench");
    fnd_write_add(pin, FND_EVENT_PIN, document, NULL);
    if (fnd_store_commit(bench.store, pin, &error) != FND_OK) {
        die("pin", &error);
    }
    for (int i = 0; i < in_flight; i++) {
        make_job(&bench, pin->first, i);
    }
    fnd_write_destroy(pin);
    bool alone = in_flight == 1; /* then the caller takes the token itself */
    if (!alone && fnd_store_writer_start(bench.store, &error) != FND_OK) {
        die("writer", &error);
    }
    int64_t begun = env->monotonic_us(env);
    int64_t end = begun + (int64_t)seconds * 1000000;
    for (int i = 0; i < in_flight; i++) {
        submit(&bench, bench.jobs[i], bench.jobs[i] + 1, NULL, 0, 0);
    }
    while (env->monotonic_us(env) < end) {
        if (alone) {
            fnd_store_flush(bench.store);
        } else {
            struct pollfd ready = {.fd = fnd_store_ready_fd(bench.store), .events = POLLIN};
            poll(&ready, 1, 1000);
        }
        for (struct fnd_write *write = fnd_store_collect(bench.store); write != NULL;) {
            struct fnd_write *next = write->next;
            next_move(&bench, write);
            write = next;
        }
    }
    int64_t took = env->monotonic_us(env) - begun;
    printf("%d in flight, %d bytes: %.0f transitions/s\n", in_flight, body_size,
           (double)bench.moves * 1e6 / (double)took);
    fnd_store_close(bench.store);
    free(bench.filler);
    free(bench.jobs);
    char command[4200];
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    return system(command) == 0 ? 0 : 1;
}
