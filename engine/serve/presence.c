/* SPDX-License-Identifier: MIT */
/* Who is at what: what people do with asks that is no event of the record, told to streams as it
 * happens. Claims and releases are events; heartbeats, drafts and the end of a lease that nobody
 * kept up are not, and are told here. A client that was away has missed nothing by it: a claim says
 * until when it holds, and the ask has its draft. */
#include <stdio.h>
#include <stdlib.h>

#include "serve/internal.h"
#include "store/desk.h"

enum { TOLD_MAX = 256, LEASES_MAX = 4096 };

/** A lease that will end. */
struct lease {
    int64_t request, until_us;
};

struct presence {
    pthread_mutex_t lock; /* of the ring */
    struct presence_told ring[TOLD_MAX];
    uint64_t count;       /* ever told; the ring has the last of them */
    struct lease *leases; /* the engine's thread's own */
    size_t leases_count;
};

struct presence *presence_create(void)
{
    struct presence *presence = fnd_alloc(sizeof *presence);
    pthread_mutex_init(&presence->lock, NULL);
    presence->leases = fnd_alloc(LEASES_MAX * sizeof *presence->leases);
    return presence;
}

void presence_destroy(struct presence *presence)
{
    if (presence != NULL) {
        pthread_mutex_destroy(&presence->lock);
        free(presence->leases);
        free(presence);
    }
}

static void tell(struct directory *directory, enum presence_kind kind, int64_t request, int64_t job,
                 const char *by, int64_t until_us)
{
    struct presence *presence = directory->presence;
    pthread_mutex_lock(&presence->lock);
    struct presence_told *told = &presence->ring[presence->count++ % TOLD_MAX];
    *told =
        (struct presence_told){.kind = kind, .request = request, .job = job, .until_us = until_us};
    snprintf(told->by, sizeof told->by, "%s", by);
    pthread_mutex_unlock(&presence->lock);
    atomic_fetch_add(&directory->stirred, 1);
}

/* Note until when a request is held; 0: it is not any more. */
static void lease_note(struct presence *presence, int64_t request, int64_t until_us)
{
    size_t i = 0;
    while (i < presence->leases_count && presence->leases[i].request != request) {
        i++;
    }
    if (until_us == 0) {
        if (i < presence->leases_count) {
            presence->leases[i] = presence->leases[--presence->leases_count];
        }
        return;
    }
    if (i == presence->leases_count) {
        if (i == LEASES_MAX) {
            return; /* so many people: clients see the end by the claim's own time */
        }
        presence->leases_count++;
    }
    presence->leases[i] = (struct lease){request, until_us};
}

void presence_note(struct directory *directory, const struct fnd_desk_told *told)
{
    switch (told->what) {
    case FND_TOLD_CLAIM:
        lease_note(directory->presence, told->request, told->until_us);
        atomic_fetch_add(&directory->stirred, 1);
        break;
    case FND_TOLD_RELEASE:
        lease_note(directory->presence, told->request, 0);
        atomic_fetch_add(&directory->stirred, 1);
        break;
    case FND_TOLD_HEARTBEAT:
        lease_note(directory->presence, told->request, told->until_us);
        tell(directory, PRESENCE_CLAIMED, told->request, told->job, told->by, told->until_us);
        break;
    case FND_TOLD_DRAFT:
        tell(directory, PRESENCE_DRAFTED, told->request, told->job, told->by, told->until_us);
        break;
    }
}

static bool load_row(const struct fnd_ask_row *row, void *context)
{
    if (row->holder[0] != '\0') {
        lease_note(context, row->request.id, row->until_us);
    }
    return true;
}

void presence_load(struct directory *directory, struct fnd_reader *reader)
{
    const struct fnd_ask_filter open = {.state = FND_REQUEST_OPEN};
    const struct fnd_ask_place first = {0};
    directory->presence->leases_count = 0;
    (void)fnd_asks_walk(reader, &open, &first, SIZE_MAX, load_row, directory->presence, NULL);
}

void presence_turn(struct directory *directory, struct fnd_reader *reader, int64_t wall_us)
{
    struct presence *presence = directory->presence;
    for (size_t i = 0; i < presence->leases_count;) {
        const struct lease lease = presence->leases[i];
        struct fnd_ask_row row;
        if (lease.until_us > wall_us) {
            i++;
            continue;
        }
        const bool open = fnd_ask_get(reader, lease.request, &row, NULL) == FND_OK &&
                          row.request.state == FND_REQUEST_OPEN && row.holder[0] != '\0';
        if (open && row.until_us > wall_us) {
            presence->leases[i++].until_us = row.until_us;
            continue;
        }
        if (open) {
            tell(directory, PRESENCE_RELEASED, lease.request, row.job, row.holder, 0);
        }
        presence->leases[i] = presence->leases[--presence->leases_count];
    }
}

int64_t presence_wait_us(const struct directory *directory, int64_t wall_us)
{
    const struct presence *presence = directory->presence;
    int64_t wait_us = -1;
    for (size_t i = 0; i < presence->leases_count; i++) {
        int64_t left = presence->leases[i].until_us - wall_us;
        left = left > 0 ? left : 0;
        wait_us = wait_us < 0 || left < wait_us ? left : wait_us;
    }
    return wait_us;
}

uint64_t presence_count(struct directory *directory)
{
    pthread_mutex_lock(&directory->presence->lock);
    uint64_t count = directory->presence->count;
    pthread_mutex_unlock(&directory->presence->lock);
    return count;
}

bool presence_next(struct directory *directory, uint64_t *at, struct presence_told *told)
{
    struct presence *presence = directory->presence;
    pthread_mutex_lock(&presence->lock);
    if (presence->count > TOLD_MAX && *at < presence->count - TOLD_MAX) {
        *at = presence->count - TOLD_MAX; /* a client that reads slowly misses the oldest */
    }
    bool more = *at < presence->count;
    if (more) {
        *told = presence->ring[(*at)++ % TOLD_MAX];
    }
    pthread_mutex_unlock(&presence->lock);
    return more;
}
