/* SPDX-License-Identifier: MIT */
/* Several submitters, a collector, a writer thread and readers at once. A plain executable:
 * Criterion does not start under TSan. */
#define _GNU_SOURCE /* mkdtemp */
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/verify.h"

enum { SUBMITTERS = 3, COMMITTERS = 2, WRITES = 400 };

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "test_threads:%d: not true: %s\n", __LINE__, #condition);              \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

struct party {
    struct fnd_store *store;
    const char *directory;
    int number;
    atomic_bool *stop;
};

static struct fnd_write *pin(int party, int number)
{
    struct fnd_text body = {0};
    fnd_text_printf(&body, "{\"name\":\"p\",\"party\":%d,\"number\":%d}", party, number);
    struct fnd_write *write = fnd_write_create();
    fnd_sha256(body.bytes, body.size, write->hash);
    write->pipeline = fnd_strdup("p");
    fnd_write_add(write, FND_EVENT_PIN, fnd_text_take(&body), NULL);
    return write;
}

static void *submit_many(void *context)
{
    const struct party *party = context;
    for (int i = 0; i < WRITES; i++) {
        fnd_store_submit(party->store, pin(party->number, i));
        if (i % 20 == 0) {
            (void)fnd_store_flush_free(party->store);
        }
        if (i % 50 == 0) {
            fnd_store_flush(party->store); /* takes the token from the writer thread */
        }
    }
    return NULL;
}

static void *commit_many(void *context)
{
    const struct party *party = context;
    int64_t last = 0;
    for (int i = 0; i < WRITES; i++) {
        struct fnd_error error = {0};
        struct fnd_write *write = pin(party->number, i);
        CHECK(fnd_store_commit(party->store, write, &error) == FND_OK);
        CHECK(write->first > last);
        last = write->first;
        fnd_write_destroy(write);
        if (i % 100 == 0) {
            CHECK(fnd_store_sync(party->store, &error) == FND_OK);
            CHECK(fnd_store_health(party->store, &error) == FND_OK);
        }
    }
    return NULL;
}

static void *read_many(void *context)
{
    const struct party *party = context;
    int64_t seen = 0;
    struct fnd_error error = {0};
    struct fnd_reader *reader = NULL;
    CHECK(fnd_reader_open(party->directory, &reader, &error) == FND_OK);
    while (!atomic_load(party->stop)) {
        int64_t sequence;
        uint8_t chain[FND_DIGEST_SIZE];
        CHECK(fnd_reader_head(reader, &sequence, chain, &error) == FND_OK);
        CHECK(sequence >= seen);
        seen = sequence;
        CHECK(fnd_payload_get(reader, 1 + seen / 2, NULL, NULL, &error) == FND_OK);
    }
    fnd_reader_close(reader);
    return NULL;
}

/** Through the connection that commits: what it has not committed is never seen. */
static void *lend_many(void *context)
{
    const struct party *party = context;
    int64_t seen = 0;
    int lent = 0;
    while (!atomic_load(party->stop) || lent == 0) {
        struct fnd_reader *reader = fnd_store_reader_begin(party->store);
        if (reader == NULL) {
            continue;
        }
        fnd_reader_hold(reader);
        int64_t sequence, again;
        uint8_t chain[FND_DIGEST_SIZE];
        struct fnd_error error = {0};
        CHECK(fnd_reader_head(reader, &sequence, chain, &error) == FND_OK);
        CHECK(sequence >= seen);
        CHECK(fnd_payload_get(reader, sequence, NULL, NULL, &error) == FND_OK);
        CHECK(fnd_reader_head(reader, &again, chain, &error) == FND_OK);
        CHECK(again == sequence);
        seen = sequence;
        lent++;
        fnd_reader_rest(reader);
        fnd_store_reader_end(party->store);
    }
    return NULL;
}

static void *keep_many(void *context)
{
    const struct party *party = context;
    for (int i = 0; i < 40; i++) {
        struct fnd_artifact artifact;
        char bytes[32];
        int size = snprintf(bytes, sizeof bytes, "artifact %d", i / 2);
        CHECK(fnd_artifact_put(party->store, bytes, (size_t)size, &artifact, NULL) == FND_OK);
    }
    return NULL;
}

static void collect(struct fnd_store *store)
{
    int64_t last = 0;
    size_t got = 0;
    while (got < (size_t)SUBMITTERS * WRITES) {
        struct pollfd ready = {.fd = fnd_store_ready_fd(store), .events = POLLIN};
        CHECK(poll(&ready, 1, 20000) == 1);
        struct fnd_write *write = fnd_store_collect(store);
        while (write != NULL) {
            struct fnd_write *next = write->next;
            CHECK(write->status == FND_OK);
            CHECK(write->first > last); /* commit order */
            last = write->first;
            fnd_write_destroy(write);
            write = next;
            got++;
        }
    }
}

static void flaw(const char *sentence, void *context)
{
    (void)context;
    fprintf(stderr, "test_threads: %s\n", sentence);
}

int main(void)
{
    char directory[] = "/tmp/foundry-threads-XXXXXX";
    CHECK(mkdtemp(directory) != NULL);
    struct fnd_error error = {0};
    struct fnd_store *store = NULL;
    const struct fnd_store_options options = {.env = fnd_env_system(), .create = true};
    CHECK(fnd_store_open(directory, &options, &store, &error) == FND_OK);
    CHECK(fnd_store_writer_start(store, &error) == FND_OK);
    atomic_bool stop = false;
    enum { PARTIES = SUBMITTERS + COMMITTERS + 5, READERS = 3 };
    struct party parties[PARTIES];
    pthread_t threads[PARTIES];
    for (int i = 0; i < PARTIES; i++) {
        parties[i] = (struct party){store, directory, i, &stop};
        void *(*run)(void *) = i < SUBMITTERS                ? submit_many
                               : i < SUBMITTERS + COMMITTERS ? commit_many
                               : i < PARTIES - READERS       ? keep_many
                               : i < PARTIES - 1             ? lend_many
                                                             : read_many;
        CHECK(pthread_create(&threads[i], NULL, run, &parties[i]) == 0);
    }
    collect(store);
    for (int i = 0; i < PARTIES; i++) {
        if (i == PARTIES - READERS) {
            atomic_store(&stop, true);
        }
        pthread_join(threads[i], NULL);
    }
    CHECK(fnd_store_waiting(store) == 0);
    /* What is submitted and never collected is committed all the same. */
    fnd_store_submit(store, pin(99, 1));
    fnd_store_close(store);

    struct fnd_reader *reader = NULL;
    struct fnd_verify result;
    CHECK(fnd_reader_open(directory, &reader, &error) == FND_OK);
    CHECK(fnd_store_verify(reader, &result, flaw, NULL, &error) == FND_OK);
    CHECK(result.flaws == 0);
    CHECK(result.events == 1 + (SUBMITTERS + COMMITTERS) * WRITES + 1);
    CHECK(result.artifacts == 20);
    fnd_reader_close(reader);
    char command[sizeof directory + 16];
    snprintf(command, sizeof command, "rm -rf %s", directory);
    CHECK(system(command) == 0);
    printf("%d threads, %" PRId64 " events\n", PARTIES, result.events);
    return 0;
}
