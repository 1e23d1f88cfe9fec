/* SPDX-License-Identifier: MIT */
/* Requests whose commits are one group: many people type and claim at once, and a sync of the disk
 * for each of them would be what they wait for. */
#include <stdlib.h>
#include <string.h>

#include "control/server.h"

static void held_free(struct held *held)
{
    fnd_text_finish(&held->line);
    free(held->request);
    free(held);
}

/* Its end goes out as it was made. */
static void release(struct held *held)
{
    held->client->busy = false;
    control_send(held->client, &held->line);
}

/* Something came first: it is decided again, alone, on the record as it is now. */
static void again(struct held *held)
{
    control_request(held->client, held->request, held->size);
}

static void ended(void *context, size_t index, enum fnd_status status,
                  const struct fnd_error *error)
{
    struct held *held = ((struct held **)context)[index];
    held->client->held = NULL;
    if (status == FND_OK) {
        release(held);
    } else if (status == FND_CONFLICT) {
        again(held);
    } else {
        control_end(held->client, status, error, NULL);
    }
    held_free(held);
}

void control_batch_settle(struct fnd_control *control)
{
    struct held **list = control->held;
    const bool batching = control->batching;
    if (control->held_count == 0) {
        return;
    }
    control->held = NULL;
    control->held_count = 0;
    control->batching = false; /* what is decided again is on its own */
    fnd_desk_batch_end(control->desk, ended, list);
    control->batching = batching;
    free(list);
}

void control_batch_add(struct client *client, struct fnd_json request,
                       void (*begin)(struct client *client, struct fnd_json request))
{
    struct fnd_control *control = client->control;
    struct held *held = fnd_alloc(sizeof *held);
    held->client = client;
    held->request = fnd_strndup(request.bytes, request.size);
    held->size = request.size;
    client->held = held;
    if (control->held_count == 0) {
        fnd_desk_batch_begin(control->desk);
    }
    const size_t before = fnd_desk_batch_count(control->desk);
    begin(client, request);
    if (fnd_desk_batch_count(control->desk) > before) {
        control->held = fnd_realloc(control->held, control->held_count + 1, sizeof(struct held *));
        control->held[control->held_count++] = held;
        return;
    }
    /* It was refused, or had nothing to write. */
    client->held = NULL;
    if (before == 0) {
        fnd_desk_batch_end(control->desk, NULL, NULL);
    }
    release(held);
    held_free(held);
}

void fnd_control_batch_begin(struct fnd_control *control)
{
    control->batching = true;
}

void fnd_control_batch_end(struct fnd_control *control)
{
    control_batch_settle(control);
    control->batching = false;
}
