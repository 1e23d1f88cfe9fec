/* SPDX-License-Identifier: MIT */
/* One HTTP API over any number of job directories: engine/serve/README.md.
 *
 * Each directory has an engine on a thread of its own, as `run` has, so that jobs move while people
 * answer and every other command works beside it. HTTP threads read through read-only readers and
 * hand every write to the engine's thread, in the words of engine/control/README.md. */
#ifndef FND_SERVE_SERVE_H
#define FND_SERVE_SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/env.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "run/engine.h"

enum {
    FND_SERVE_CONNECTIONS = 256,          /* at once, unless options say otherwise */
    FND_SERVE_CONNECTIONS_MAX = 4096,     /* that options may say */
    FND_SERVE_THREADS = 2,                /* that read requests and write replies */
    FND_SERVE_HEAD_SIZE_MAX = 16 << 10,   /* bytes of a request's head */
    FND_SERVE_BODY_SIZE_MAX = 1 << 20,    /* bytes of a request's body, but for uploads */
    FND_SERVE_ANSWER_SIZE_MAX = 64 << 10, /* bytes of one text inside an answer */
    /* A body must be whole, from its head; a reply must be taken; uploads, downloads and events
       must go on; unless options say otherwise. */
    FND_SERVE_TIMEOUT_MS = 30000,
    FND_SERVE_HEAD_SHARE = 6,         /* of that, one: a head, from connect or the last reply */
    FND_SERVE_HEAD_MIN_MS = 2000,     /* but never less: a loaded machine is slow, too */
    FND_SERVE_LINGER_MS = 1000,       /* what comes behind a refused head is still read */
    FND_SERVE_LINGER_SIZE = 1 << 20,  /* so many bytes of it */
    FND_SERVE_PAIR_SIZE = 64 << 10,   /* bytes of a reply on their way to the client */
    FND_SERVE_EVICT_MS = 100,         /* when all places are taken, a head this old gives way */
    FND_SERVE_TOKENS_FAILED_MAX = 20, /* a minute, then each further one waits */
    FND_SERVE_TOKEN_DELAY_MS = 1000,
    FND_SERVE_EVENTS_ALIVE_MS = 15000, /* a comment line on a silent event stream */
    FND_SERVE_REOPEN_MS = 2000,        /* a store that stopped is opened again after this */
    FND_SERVE_ROOM_MIN = 1 << 20       /* bytes free, or a directory is not ready */
};

struct fnd_serve;

/** Somebody who may use the API, by a token of at least 64 characters. */
struct fnd_serve_person {
    const char *name, *token;
};

/** What to serve. All borrowed until fnd_serve_destroy(). */
struct fnd_serve_options {
    const struct fnd_env *env;
    const struct fnd_log *log;
    struct fnd_engine_options engine; /* of each directory; directory, news, context are set here */
    const char *const *directories;   /* NULL-ended */
    const char *const *pipelines;     /* files, absolute, NULL-ended; each in every directory */
    const char *const *settings;      /* KEY=VALUE for them, NULL-ended */
    bool watch;                       /* take in files of the directories for those pipelines */
    const char *listen;               /* "127.0.0.1:7420", "[::1]:0", "unix:/path" */
    const char *const *hosts;         /* further names that Host may say, NULL-ended */
    const char *by;                   /* who holds the token that is made where none is given */
    const struct fnd_serve_person *people; /* none: a random token is made for `by` */
    size_t people_count;
    bool metrics_open;        /* /metrics without a token */
    size_t connections_max;   /* 0: FND_SERVE_CONNECTIONS */
    uint64_t upload_size_max; /* bytes of one upload; 0: 1 GiB */
    int64_t timeout_ms;       /* 0: FND_SERVE_TIMEOUT_MS */
    const char *version;      /* of the program */
};

/** Open the directories, start their engines, listen.
 *  text   receives what a compiler would show when a pipeline is refused.
 *  Returns FND_OK; FND_BUSY: another engine has a directory; FND_INVALID: a pipeline (text has its
 *          errors), an address; FND_DENIED: an address that needs --token-file;
 *          FND_CONFLICT: an address that is taken; as fnd_engine_open().  Thread: one, with SIGINT
 * and SIGTERM blocked or unblocked as the threads it starts shall have them: they block both. */
enum fnd_status fnd_serve_create(const struct fnd_serve_options *options, struct fnd_serve **serve,
                                 struct fnd_text *text, struct fnd_error *error);
/** The address as clients say it: "http://127.0.0.1:7420"; the login link's path is
 *  "/login?token=" and the token. Borrowed. */
const char *fnd_serve_url(const struct fnd_serve *serve);
const char *fnd_serve_token(const struct fnd_serve *serve); /* the first person's */
/** Take no further request; let what runs end; `now`: cancel it. May be called twice. */
void fnd_serve_stop(struct fnd_serve *serve, bool now);
/** True when every engine has closed its directory.  Thread: any. */
bool fnd_serve_stopped(struct fnd_serve *serve);
/** Waits until it has stopped (fnd_serve_stop() must have been called), frees. NULL is fine. */
void fnd_serve_destroy(struct fnd_serve *serve);

#endif
