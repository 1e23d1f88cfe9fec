/* SPDX-License-Identifier: MIT */
/* Requests from other processes of the same user to the engine that holds a job directory, over
 * .foundry/engine.sock; and from this process to its own engine, in the same words.
 *
 * A line of JSON each way. A client sends one request, {"op":…}, and receives lines of news while
 * it runs and one {"type":"end","status":…} behind them; then it may send the next. The words are
 * in engine/control/README.md.
 *
 * One thread drives a server, the engine's: fnd_control_turn() never waits. */
#ifndef FND_CONTROL_CONTROL_H
#define FND_CONTROL_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/env.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "review/desk.h"
#include "run/engine.h"

enum {
    FND_CONTROL_PROTOCOL = 1,
    FND_CONTROL_CLIENTS_MAX = 256,
    FND_CONTROL_LINE_SIZE_MAX = 8 << 20,   /* bytes of a request or a reply */
    FND_CONTROL_INPUT_SIZE_MAX = 64 << 20, /* bytes of unfinished requests, of all clients */
    FND_CONTROL_NEWS_SIZE_MAX = 1 << 20,   /* bytes not yet read by a client before it loses news */
    FND_CONTROL_LINE_MS = 10000,           /* a request line must be whole within this time */
    FND_CONTROL_SEND_MS = 10000,           /* a client must take its reply within this time */
    FND_CONTROL_HELLO_MS = 5000,           /* an engine answers within this time, or is stuck */
    FND_CONTROL_REST_MS = 200,             /* how often a busy engine asks whether a follower's jobs
                                              rest */
    FND_CONTROL_WATCH_MS = 1000            /* how often a watched directory is looked at */
};

/* --- the engine's side ----------------------------------------------------------------------- */

struct fnd_control;

/** A server without clients; NULL where the system has no descriptor for it (errno).
 *  env, log: borrowed, outlive it; log may be NULL. */
struct fnd_control *fnd_control_create(const struct fnd_env *env, const struct fnd_log *log);
/** Closes every connection and removes the socket's name. No request may be under way: see
 *  fnd_control_stop(). The engine must still hold its directory. NULL is fine. */
void fnd_control_destroy(struct fnd_control *control);

/** For fnd_engine_options: pass a transition on to whoever follows.  context: the server. */
void fnd_control_news(void *context, const struct fnd_news *news);

/** The engine that requests are for; borrowed, outlives the server. */
void fnd_control_attach(struct fnd_control *control, struct fnd_engine *engine);
/** Let trainings begin by themselves when they are due: in an engine that stays. */
void fnd_control_learn(struct fnd_control *control);

/** Whom to tell what people do with requests, once there is an engine; see fnd_desk_tell(). */
void fnd_control_tell(struct fnd_control *control,
                      void (*told)(void *context, const struct fnd_desk_told *told), void *context);

/** Listen on `folder`/engine.sock, mode 0600; a socket that a dead engine left is replaced.
 *  folder  descriptor of .foundry, borrowed; the caller holds the directory's lock.
 *  Returns FND_OK; FND_DENIED; FND_IO.  Without it the server serves its own process alone. */
enum fnd_status fnd_control_listen(struct fnd_control *control, int folder,
                                   struct fnd_error *error);

/** An epoll descriptor, readable when a turn has something to do. Borrowed. */
int fnd_control_fd(const struct fnd_control *control);
/** Microseconds until a turn is due by the clock, or -1. */
int64_t fnd_control_wait_us(const struct fnd_control *control);
/** Accept, read, carry out, reply; never waits for a client. Runs the engine's waiting acts
 *  (cancel, retry, upgrade), so never call it from a turn of the engine. */
void fnd_control_turn(struct fnd_control *control);

/** Set every pipeline's jobs in motion, and keep them so whatever `run` is asked for later.
 *  Returns as fnd_engine_resume(). */
enum fnd_status fnd_control_resume_all(struct fnd_control *control, struct fnd_error *error);

/** Requests of this process between these two that only keep what people do with asks (claims,
 *  heartbeats, drafts, releases, puttings-off) are committed as one group at the end, and their
 *  ends come then; what another came before is decided again.  Other requests are as ever. */
void fnd_control_batch_begin(struct fnd_control *control);
void fnd_control_batch_end(struct fnd_control *control);

/** A request of this process; `line` is called with each line of the reply, {"type":"end"} last,
 *  from this call itself, or from turns of the server or of the engine. Any number may be under
 *  way.  request: copied. */
void fnd_control_local(struct fnd_control *control, const char *request, size_t size,
                       void (*line)(void *context, struct fnd_json line), void *context);

/** Take no further request: what waits for jobs to rest ends with {"type":"end","status":"again"},
 *  acts under way are finished. Call turns until fnd_control_stopped(). */
void fnd_control_stop(struct fnd_control *control);
/** True when every reply has been handed over (or its client has gone). */
bool fnd_control_stopped(const struct fnd_control *control);

/* --- the other side -------------------------------------------------------------------------- */

/** A connection to a directory's engine. */
struct fnd_peer;

/** Connect to the engine that holds a directory, and wait until it has said hello.
 *  directory  path of the job directory, of any length.
 *  Returns FND_OK; FND_NOT_FOUND: nobody listens there; FND_BUSY: someone does, but does not answer
 *          within FND_CONTROL_HELLO_MS (its pid is named); FND_DENIED: it is another user's. */
enum fnd_status fnd_peer_connect(const char *directory, struct fnd_peer **peer,
                                 struct fnd_error *error);
void fnd_peer_close(struct fnd_peer *peer); /* NULL is fine */
int fnd_peer_pid(const struct fnd_peer *peer);
/** Wait until there may be a line, a signal came, or the time is over. */
void fnd_peer_wait(const struct fnd_peer *peer, int64_t wait_ms);
/** Send a request, waiting as long as that takes (FND_CONTROL_SEND_MS at most).
 *  Returns FND_OK; FND_IO: the connection is gone; FND_LIMIT: longer than a line may be. */
enum fnd_status fnd_peer_send(struct fnd_peer *peer, const char *request, size_t size,
                              struct fnd_error *error);
/** The next whole line that is there, without waiting.
 *  line  its JSON, checked, borrowed until the next call; no value when none is whole yet.
 *  Returns FND_OK; FND_IO: the connection is gone; FND_INVALID: not the protocol. */
enum fnd_status fnd_peer_line(struct fnd_peer *peer, struct fnd_json *line,
                              struct fnd_error *error);

#endif
