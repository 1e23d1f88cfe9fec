/* SPDX-License-Identifier: MIT */
/* A store that has been in use for long: jobs of one phase, each with its JOB and its OUTPUT, as
 * the engine records them, in one write a job and as many writes a commit as the store takes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

enum { WAITING_MAX = 4096 };

static char *text_of(struct fnd_text *text)
{
    return fnd_text_take(text);
}

static struct fnd_write *job_make(struct bench *bench, long number)
{
    const struct fnd_env *env = fnd_env_system();
    struct fnd_write *write = fnd_write_create();
    struct fnd_text path = {0}, body = {0}, output = {0};
    char uuid[FND_UUID_TEXT_SIZE];
    fnd_uuid_make(env, write->uuid);
    fnd_uuid_format(write->uuid, uuid);
    fnd_text_printf(&path, "old.jsonl#job-%07ld", number);
    fnd_text_printf(&body,
                    "{\"uuid\":\"%s\",\"pin\":%" PRId64
                    ",\"pipeline\":\"stored\",\"path\":\"%s\",\"revision\":1,"
                    "\"source\":{\"mtime_ns\":1700000000000000000,\"size\":1,\"line\":%ld},"
                    "\"input\":{\"id\":\"job-%07ld\",\"text\":\"%ld\"}}",
                    uuid, bench->pin, fnd_text_z(&path), number, number, number * 7919);
    fnd_text_printf(&output, "{\"text\":\"%ld\"}", number * 104729);
    write->pin = bench->pin;
    write->pipeline = fnd_strdup("stored");
    write->path = text_of(&path);
    write->revision = 1;
    struct fnd_event *event = fnd_write_add(write, FND_EVENT_JOB, text_of(&body), NULL);
    event->after = (struct fnd_stand){FND_RUNNING, 0, 1, 0, 0};
    event = fnd_write_add(write, FND_EVENT_OUTPUT, text_of(&output), NULL);
    event->attempt = 1;
    event->after = (struct fnd_stand){FND_COMPLETED, 1, 0, 0, 0};
    return write;
}

static void collect(struct fnd_store *store)
{
    for (struct fnd_write *write = fnd_store_collect(store); write != NULL;) {
        struct fnd_write *next = write->next;
        bench_must(write->status, "fill", write->error);
        fnd_write_destroy(write);
        write = next;
    }
}

int bench_fill(int argc, char **argv)
{
    struct bench bench = {0};
    struct fnd_error error = {0};
    if (argc != 5) {
        fprintf(stderr, "usage: foundry-bench fill DIR PIPELINE JOBS\n");
        return 2;
    }
    const long jobs = atol(argv[4]);
    bench_open(&bench, argv[2], argv[3], FND_ISOLATION_INLINE, 1, 0);
    struct fnd_store *store = fnd_engine_store(bench.engine);
    bench_must(fnd_store_writer_start(store, &error), "fill", &error);
    const int64_t start_us = bench_now_us();
    for (long i = 0; i < jobs; i++) {
        fnd_store_queue(store, job_make(&bench, i));
        if (fnd_store_waiting(store) >= WAITING_MAX) {
            fnd_store_flush(store);
            collect(store);
        }
    }
    fnd_store_flush(store);
    collect(store);
    const double seconds = (double)(bench_now_us() - start_us) / 1e6;
    fnd_engine_close(bench.engine);
    printf("{\"jobs\":%ld,\"seconds\":%.3f}\n", jobs, seconds);
    return 0;
}
