/* SPDX-License-Identifier: MIT */
/* The outbox to webhooks: rows that came with their events are sent from the engine's process,
 * beside its work, until somebody took them or a day is over.
 *
 * A message is a POST of JSON with the headers
 *   Foundry-Delivery: ID          the same for every attempt: whoever has seen it takes it once
 *   Foundry-Event: asked
 *   Foundry-Signature: t=SECONDS,v1=HEX   HMAC-SHA256 of "SECONDS.BODY" under the hook's secret
 * A receiver compares the signature in constant time, and refuses a time that is more than
 * FND_NOTIFY_REPLAY_S away: a message that was listened to cannot be sent again later. */
#ifndef FND_NOTIFY_NOTIFY_H
#define FND_NOTIFY_NOTIFY_H

#include "run/engine.h"
#include "store/desk.h"

enum {
    FND_NOTIFY_FLIGHT_MAX = 8,     /* messages on their way at once */
    FND_NOTIFY_TIMEOUT_MS = 10000, /* of one attempt, all in all */
    FND_NOTIFY_CONNECT_MS = 5000,
    FND_NOTIFY_REPLY_SIZE_MAX = 64 * 1024, /* bytes of a reply that are read */
    FND_NOTIFY_FIRST_MS = 5000,            /* before the second attempt; doubles each time */
    FND_NOTIFY_BACKOFF_MAX_MS = 3600000,
    FND_NOTIFY_DEAD_S = 24 * 3600,     /* then it is given up */
    FND_NOTIFY_KEPT_S = 7 * 24 * 3600, /* how long a row that was sent is kept */
    FND_NOTIFY_REPLAY_S = 300
};

struct fnd_notifier;

/** Borrows the engine; log may be NULL.  NULL when libcurl does not start. */
struct fnd_notifier *fnd_notifier_create(struct fnd_engine *engine, const struct fnd_log *log);
/** What is on its way is sent again at the next start, under the same id. NULL is fine. */
void fnd_notifier_destroy(struct fnd_notifier *notifier);

/** Send what is due, take in what was answered; never waits. Only where the engine was told to move
 *  jobs. Beside fnd_engine_turn(). */
void fnd_notifier_turn(struct fnd_notifier *notifier);
/** Microseconds until a turn is due; -1: never. */
int64_t fnd_notifier_wait_us(const struct fnd_notifier *notifier);
/** A transition: there may be messages. */
void fnd_notifier_news(struct fnd_notifier *notifier);

/** Whether a network address may be reached without `allow_private`: it is none of this machine, of
 *  a private network, of a link, or of a group.  address: a struct sockaddr. */
bool fnd_address_public(const void *address);

#endif
