/* SPDX-License-Identifier: MIT */
/* Acts of a desk whose commits are held back, so that many are one group: each is decided on the
 * record as it stands, and the store judges it again when it is applied. */
#include <assert.h>
#include <stdlib.h>

#include "review/desk_internal.h"

void fnd_desk_batch_begin(struct fnd_desk *desk)
{
    assert(!desk->batch.open);
    desk->batch.open = true;
}

size_t fnd_desk_batch_count(const struct fnd_desk *desk)
{
    return desk->batch.count;
}

bool fnd_desk_batch_has(const struct fnd_desk *desk, int64_t request)
{
    for (size_t i = 0; i < desk->batch.count; i++) {
        if (desk->batch.list[i].request == request) {
            return true;
        }
    }
    return false;
}

enum fnd_status fnd_desk_commit(struct fnd_desk *desk, struct fnd_write *write, int64_t request,
                                int64_t *number, struct fnd_error *error)
{
    struct fnd_batch *batch = &desk->batch;
    if (batch->open) {
        assert(number == NULL);
        batch->list = fnd_realloc(batch->list, batch->count + 1, sizeof *batch->list);
        batch->list[batch->count++] = (struct fnd_batched){.write = write, .request = request};
        return FND_OK;
    }
    enum fnd_status status = fnd_store_commit(fnd_engine_store(desk->engine), write, error);
    if (status == FND_OK && number != NULL) {
        *number = write->first;
    }
    fnd_write_destroy(write);
    return status;
}

bool fnd_batch_say(struct fnd_desk *desk, const struct fnd_desk_told *told)
{
    struct fnd_batch *batch = &desk->batch;
    struct fnd_batched *last = batch->count > 0 ? &batch->list[batch->count - 1] : NULL;
    if (!batch->open || last == NULL || last->request != told->request || last->says) {
        return false;
    }
    last->says = true;
    last->by = fnd_strdup(told->by);
    last->told = *told;
    last->told.by = last->by;
    return true;
}

void fnd_desk_batch_end(struct fnd_desk *desk,
                        void (*ended)(void *context, size_t index, enum fnd_status status,
                                      const struct fnd_error *error),
                        void *context)
{
    /* What is done about the outcomes may be further acts. */
    const struct fnd_batch batch = desk->batch;
    desk->batch = (struct fnd_batch){0};
    struct fnd_write **writes = fnd_alloc((batch.count + 1) * sizeof *writes);
    for (size_t i = 0; i < batch.count; i++) {
        writes[i] = batch.list[i].write;
    }
    if (batch.count > 0) {
        fnd_store_commit_all(fnd_engine_store(desk->engine), writes, batch.count);
    }
    for (size_t i = 0; i < batch.count; i++) {
        const struct fnd_batched *one = &batch.list[i];
        if (one->write->status == FND_OK && one->says && desk->told != NULL) {
            desk->told(desk->told_context, &one->told);
        }
        ended(context, i, one->write->status, one->write->error);
        fnd_write_destroy(one->write);
        free(one->by);
    }
    free(writes);
    free(batch.list);
}

void fnd_batch_forget(struct fnd_desk *desk)
{
    for (size_t i = 0; i < desk->batch.count; i++) {
        fnd_write_destroy(desk->batch.list[i].write);
        free(desk->batch.list[i].by);
    }
    free(desk->batch.list);
}
