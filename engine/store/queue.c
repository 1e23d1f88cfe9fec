/* SPDX-License-Identifier: MIT */
/* The write token and what waits for it. Whoever holds the token commits for everybody. */
#define _GNU_SOURCE /* eventfd */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/crash_point.h"
#include "base/text.h"
#include "store/internal.h"

enum fnd_status fnd_queue_create(struct fnd_queue **queue_out, struct fnd_error *error)
{
    int ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (ready < 0) {
        return fnd_error_errno(error, FND_IO, errno, "cannot make an event descriptor");
    }
    struct fnd_queue *queue = fnd_alloc(sizeof *queue);
    queue->ready = ready;
    queue->done_end = &queue->done;
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->work, NULL);
    pthread_cond_init(&queue->changed, NULL);
    *queue_out = queue;
    return FND_OK;
}

void fnd_queue_destroy(struct fnd_queue *queue)
{
    if (queue == NULL) {
        return;
    }
    assert(queue->first == NULL && !queue->token_held && !queue->writer_runs);
    while (queue->done != NULL) {
        struct fnd_write *write = queue->done;
        queue->done = write->next;
        fnd_write_destroy(write);
    }
    pthread_cond_destroy(&queue->changed);
    pthread_cond_destroy(&queue->work);
    pthread_mutex_destroy(&queue->lock);
    close(queue->ready);
    free(queue);
}

/* All functions named *_locked are called with the queue's lock held and return with it held. */

/* Enough for a group of its own: a commit costs one sync however many writes it holds. */
static bool group_is_due_locked(const struct fnd_queue *queue)
{
    return queue->first != NULL &&
           (queue->urgent || queue->submitted - queue->taken >= FND_GROUP_WRITES_DUE);
}

static uint64_t append_locked(struct fnd_queue *queue, struct fnd_write *write, bool urgent)
{
    write->next = NULL;
    *(queue->first == NULL ? &queue->first : &queue->last->next) = write;
    queue->last = write;
    queue->bytes += write->size;
    queue->kept += write->kept ? 1 : 0;
    queue->submitted++;
    queue->urgent = queue->urgent || urgent;
    if (queue->writer_asleep && group_is_due_locked(queue)) {
        pthread_cond_signal(&queue->work);
    }
    return queue->submitted;
}

/* Writes that are committed together, from one to the next. */
struct group {
    struct fnd_write *first, *last;
    uint64_t count;
    size_t bytes, kept;
};

static struct group take_group_locked(struct fnd_queue *queue)
{
    struct group group = {.first = queue->first,
                          .last = queue->last,
                          .count = queue->submitted - queue->taken,
                          .bytes = queue->bytes,
                          .kept = queue->kept};
    /* Mostly everything goes, and no write need be looked at while others wait for the lock. */
    if (group.count > FND_GROUP_WRITES_MAX || group.bytes > FND_GROUP_BYTES_MAX) {
        group.count = group.bytes = group.kept = 0;
        for (struct fnd_write *next = queue->first;
             next != NULL && group.count < FND_GROUP_WRITES_MAX &&
             group.bytes < FND_GROUP_BYTES_MAX;
             next = next->next) {
            group.last = next;
            group.count++;
            group.bytes += next->size;
            group.kept += next->kept ? 1 : 0;
        }
    }
    queue->first = group.last->next;
    group.last->next = NULL;
    queue->taken += group.count;
    queue->bytes -= group.bytes;
    queue->kept -= group.kept;
    queue->urgent = queue->urgent && queue->first != NULL;
    return group;
}

static void publish_locked(struct fnd_queue *queue, const struct group *group)
{
    const bool was_empty = queue->done == NULL;
    struct fnd_write *next = group->first;
    if (group->kept == 0) {
        *queue->done_end = group->first;
        queue->done_end = &group->last->next;
        next = NULL;
    }
    while (next != NULL) {
        struct fnd_write *write = next;
        next = write->next;
        write->next = NULL;
        if (!write->kept) { /* a kept one is somebody's who waits for the count to go up */
            *queue->done_end = write;
            queue->done_end = &write->next;
        }
    }
    if (was_empty && queue->done != NULL) {
        uint64_t one = 1;
        ssize_t written = write(queue->ready, &one, sizeof one);
        (void)written; /* fails only when it is readable already */
    }
}

/* Take the free token, commit one group, give the token back. */
static void commit_group_locked(struct fnd_store *store)
{
    struct fnd_queue *queue = store->queue;
    assert(!queue->token_held && queue->first != NULL);
    queue->token_held = true;
    const struct group group = take_group_locked(queue);
    struct fnd_error health = queue->health; /* only the token's holder changes it */
    pthread_mutex_unlock(&queue->lock);

    fnd_group_commit(store, group.first, &health);

    pthread_mutex_lock(&queue->lock);
    queue->health = health;
    queue->token_held = false;
    publish_locked(queue, &group);
    FND_CRASH_POINT("store.group.published");
    queue->finished += group.count;
    pthread_cond_broadcast(&queue->changed);
}

/* Commit, or wait for who commits, until everything up to `target` is finished. */
static void finish_locked(struct fnd_store *store, uint64_t target)
{
    struct fnd_queue *queue = store->queue;
    assert(!queue->reads || !pthread_equal(queue->reader, pthread_self()));
    while (queue->finished < target) {
        if (queue->token_held) {
            pthread_cond_wait(&queue->changed, &queue->lock);
        } else {
            commit_group_locked(store);
        }
    }
}

struct fnd_reader *fnd_store_reader_begin(struct fnd_store *store)
{
    struct fnd_queue *queue = store->queue;
    struct fnd_reader *reader = NULL;
    pthread_mutex_lock(&queue->lock);
    if (!queue->token_held && queue->first == NULL && queue->health.status == FND_OK) {
        queue->token_held = queue->reads = true;
        queue->reader = pthread_self();
        reader = fnd_writer_reader(store);
    }
    pthread_mutex_unlock(&queue->lock);
    return reader;
}

void fnd_store_reader_end(struct fnd_store *store)
{
    struct fnd_queue *queue = store->queue;
    pthread_mutex_lock(&queue->lock);
    queue->token_held = queue->reads = false;
    if (queue->first != NULL) { /* whoever came to commit it waits for the token */
        pthread_cond_broadcast(&queue->changed);
    }
    pthread_mutex_unlock(&queue->lock);
}

void fnd_store_submit(struct fnd_store *store, struct fnd_write *write)
{
    fnd_write_seal(write, &store->keys, store->options.env);
    write->kept = false;
    pthread_mutex_lock(&store->queue->lock);
    append_locked(store->queue, write, true);
    pthread_mutex_unlock(&store->queue->lock);
}

void fnd_store_queue(struct fnd_store *store, struct fnd_write *write)
{
    fnd_write_seal(write, &store->keys, store->options.env);
    write->kept = false;
    pthread_mutex_lock(&store->queue->lock);
    append_locked(store->queue, write, false);
    pthread_mutex_unlock(&store->queue->lock);
}

void fnd_store_wake(struct fnd_store *store)
{
    struct fnd_queue *queue = store->queue;
    pthread_mutex_lock(&queue->lock);
    queue->urgent = queue->first != NULL;
    if (queue->writer_asleep && queue->urgent) {
        pthread_cond_signal(&queue->work);
    }
    pthread_mutex_unlock(&queue->lock);
}

void fnd_store_commit_all(struct fnd_store *store, struct fnd_write *const *writes, size_t count)
{
    uint64_t target = 0;
    for (size_t i = 0; i < count; i++) {
        fnd_write_seal(writes[i], &store->keys, store->options.env);
        writes[i]->kept = true;
    }
    pthread_mutex_lock(&store->queue->lock);
    for (size_t i = 0; i < count; i++) {
        target = append_locked(store->queue, writes[i], i + 1 == count);
    }
    finish_locked(store, target);
    pthread_mutex_unlock(&store->queue->lock);
}

enum fnd_status fnd_store_commit(struct fnd_store *store, struct fnd_write *write,
                                 struct fnd_error *error)
{
    fnd_store_commit_all(store, &write, 1);
    if (write->status != FND_OK && error != NULL) {
        *error = *write->error;
    }
    return write->status;
}

void fnd_store_flush(struct fnd_store *store)
{
    pthread_mutex_lock(&store->queue->lock);
    finish_locked(store, store->queue->submitted);
    pthread_mutex_unlock(&store->queue->lock);
}

bool fnd_store_flush_free(struct fnd_store *store)
{
    struct fnd_queue *queue = store->queue;
    pthread_mutex_lock(&queue->lock);
    const bool commits = !queue->token_held && queue->first != NULL;
    if (commits) {
        commit_group_locked(store);
    }
    pthread_mutex_unlock(&queue->lock);
    return commits;
}

struct fnd_write *fnd_store_collect(struct fnd_store *store)
{
    struct fnd_queue *queue = store->queue;
    pthread_mutex_lock(&queue->lock);
    struct fnd_write *done = queue->done;
    if (done != NULL) {
        queue->done = NULL;
        queue->done_end = &queue->done;
        uint64_t count;
        ssize_t size = read(queue->ready, &count, sizeof count);
        (void)size;
    }
    pthread_mutex_unlock(&queue->lock);
    return done;
}

int fnd_store_ready_fd(const struct fnd_store *store)
{
    return store->queue->ready;
}

size_t fnd_store_waiting(const struct fnd_store *store)
{
    struct fnd_queue *queue = store->queue;
    pthread_mutex_lock(&queue->lock);
    size_t waiting = (size_t)(queue->submitted - queue->finished);
    pthread_mutex_unlock(&queue->lock);
    return waiting;
}

enum fnd_status fnd_store_health(const struct fnd_store *store, struct fnd_error *error)
{
    struct fnd_queue *queue = store->queue;
    pthread_mutex_lock(&queue->lock);
    enum fnd_status status = queue->health.status;
    if (status != FND_OK && error != NULL) {
        *error = queue->health;
    }
    pthread_mutex_unlock(&queue->lock);
    return status;
}

enum fnd_status fnd_store_sync(struct fnd_store *store, struct fnd_error *error)
{
    return fnd_head_sync(store->head, error);
}

static void *writer_thread(void *context)
{
    struct fnd_store *store = context;
    struct fnd_queue *queue = store->queue;
    pthread_mutex_lock(&queue->lock);
    while (queue->first != NULL || !queue->writer_stop) {
        if (!group_is_due_locked(queue) && !queue->writer_stop) {
            queue->writer_asleep = true;
            pthread_cond_wait(&queue->work, &queue->lock);
            queue->writer_asleep = false;
        } else if (queue->token_held) {
            pthread_cond_wait(&queue->changed, &queue->lock);
        } else {
            commit_group_locked(store);
        }
    }
    pthread_mutex_unlock(&queue->lock);
    return NULL;
}

enum fnd_status fnd_store_writer_start(struct fnd_store *store, struct fnd_error *error)
{
    struct fnd_queue *queue = store->queue;
    pthread_mutex_lock(&queue->lock);
    int rc = 0;
    if (!queue->writer_runs) {
        queue->writer_stop = false;
        rc = pthread_create(&queue->writer, NULL, writer_thread, store);
        queue->writer_runs = rc == 0;
    }
    pthread_mutex_unlock(&queue->lock);
    return rc == 0 ? FND_OK
                   : fnd_error_errno(error, FND_IO, rc, "cannot start the thread that commits");
}

void fnd_store_writer_stop(struct fnd_store *store)
{
    struct fnd_queue *queue = store->queue;
    pthread_mutex_lock(&queue->lock);
    bool runs = queue->writer_runs;
    queue->writer_stop = true;
    pthread_cond_signal(&queue->work);
    pthread_mutex_unlock(&queue->lock);
    if (runs) {
        pthread_join(queue->writer, NULL);
        pthread_mutex_lock(&queue->lock);
        queue->writer_runs = false;
        pthread_mutex_unlock(&queue->lock);
    }
}
