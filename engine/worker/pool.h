/* SPDX-License-Identifier: MIT */
/* Runs calls where their isolation says: in line, or in warm worker processes that hold one plugin
 * each. One thread drives it: submit, then wait on fnd_pool_fd() and turn, then collect. Workers
 * die with that thread (the kernel's parent-death signal is tied to it). */
#ifndef FND_WORKER_POOL_H
#define FND_WORKER_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/env.h"
#include "base/error.h"
#include "base/log.h"
#include "host/call.h"
#include "plugin/load.h"

/** Stored with each phase run: never renumber. */
enum fnd_isolation {
    FND_ISOLATION_INLINE = 0,
    FND_ISOLATION_PROCESS = 1,
    FND_ISOLATION_LANDLOCK = 2,   /* only ever what it came to: without the filter of calls */
    FND_ISOLATION_SANDBOX = 3,    /* every layer, or the call is refused */
    FND_ISOLATION_BEST_EFFORT = 4 /* only ever what is wanted: as many layers as there are */
};
/** What is stored is the isolation that was in effect, 0 to 3, and these. */
enum {
    FND_LEVEL_MASK = 0xf,
    FND_LEVEL_ROOT = 0x10, /* it kept the engine's root (--allow-root) */
    FND_LEVEL_OWNER = 0x20 /* the engine was root: it ran as the owner of the folder it may write */
};
const char *fnd_isolation_name(enum fnd_isolation isolation);
/** By name, what may be asked for: inline, process, sandbox, best-effort. */
bool fnd_isolation_parse(const char *name, enum fnd_isolation *isolation);
/** Append "sandbox", "sandbox as root". */
void fnd_level_text(int level, struct fnd_text *text);

/** Whether this machine has every layer of the sandbox.
 *  abi_max  as in fnd_pool_options.
 *  Returns FND_OK; FND_DENIED with code "isolation_missing", which layer and what else would do. */
enum fnd_status fnd_sandbox_there(int abi_max, struct fnd_error *error);
/** What a worker would be kept to, as lines for people or as one JSON object.
 *  reads  paths of data, NULL-ended; may be NULL.   write: a folder is granted. */
void fnd_sandbox_profile(const char *const *reads, bool write, bool json, struct fnd_text *text);

enum {
    FND_WORKER_GRACE_MS = 1000, /* cancel → SIGTERM, and SIGTERM → SIGKILL */
    FND_WORKER_FLIGHT_MAX = 32, /* calls sent to one worker and not answered */
    FND_WORKER_FRAME_SIZE_MAX = 16 << 20,
    FND_WORKER_OUTPUT_SIZE_MAX = 1 << 20,  /* stdout and stderr kept of one worker's life */
    FND_WORKER_INSTANCES_MAX = 32,         /* warm instances in one worker; the oldest goes */
    FND_WORKER_START_MS = 10000,           /* exec and dlopen */
    FND_WORKER_RESULT_SIZE_MAX = 64 << 20, /* bytes of one result, its artifacts among them */
    FND_RESULT_BYTES_MAX = 640 << 20,      /* the most that can be asked for */
    FND_NOTE_SIZE = 128,                   /* of what a call says with its progress, NUL included */
    FND_WORKER_FILES_MAX = 10000,          /* in a worker's folder */
    FND_WORKER_PROCESSES_MAX = 64,         /* of a worker, itself among them; none in the sandbox */
    FND_WORKER_USAGE_MS = 250,             /* how often that is looked at while a call runs */
    FND_CRASHES_MAX = 5,                   /* of one plugin in a row; then it is quarantined */
    FND_WORKER_UID_BASE = 59000,           /* an engine that is root starts worker n as this + n, */
    FND_WORKER_UIDS = 1000                 /* n below this: Debian gives these to nobody */
};

struct fnd_limits {
    uint64_t memory_bytes; /* RLIMIT_AS, and as much again in files of memory, which that does not
                              count; 0: unlimited (sanitizer builds need it), and 1 GiB in those */
    uint64_t file_bytes;   /* RLIMIT_FSIZE, and of all files in its folder; 0: 1 GiB */
    uint64_t files;        /* RLIMIT_NOFILE, besides what the engine passes; 0: 64 */
    uint64_t result_bytes; /* of one result with its artifacts; 0: FND_WORKER_RESULT_SIZE_MAX */
};

/** Which code, with which constant config: the key of a warm instance. Plain data, borrowed by each
 *  call that names it until that call was collected; made once per phase of a compiled pipeline. */
struct fnd_callee {
    const char *plugin; /* id, for messages */
    const char *name;   /* of the phase, detector or trainer */
    enum fnd_callee_kind kind;
    uint8_t hash[FND_DIGEST_SIZE]; /* SHA-256 of the shared object */
    int fd;                        /* open on that object (the pinned copy); borrowed */
    const char *path;              /* for messages */
    enum fnd_isolation isolation;
    struct fnd_limits limits;
    struct fnd_json config_constant;        /* what create() sees */
    const struct fnd_schema *config_schema; /* in line; workers compile their own from the plugin */
    const char *grant_write;                /* absolute folder or NULL */
    size_t grant_base;        /* bytes of grant_write that name the job directory: what is behind
                                 them is made if need be, and may not lead out of it */
    const char *const *reads; /* data it may read, absolute, NULL-ended; NULL: none */
};

enum fnd_call_end {
    FND_CALL_RETURNED,  /* the plugin's function (or create()) returned: see effects */
    FND_CALL_CRASHED,   /* the worker died in it: message "signal 11 (SIGSEGV)", "exited (3) without
                           a result"; or it was killed because it held too much, which is named */
    FND_CALL_TIMEOUT,   /* it passed its deadline and was stopped */
    FND_CALL_CANCELLED, /* fnd_pool_cancel(); a call that finished all the same has RETURNED */
    FND_CALL_REFUSED,   /* the plugin could not be loaded, or broke the protocol: see error */
    FND_CALL_LOST,      /* the worker died under another call before this one began: run it again,
                           no attempt was used */
    FND_CALL_HELD /* it did not run and may later: its plugin is quarantined, a layer of the sandbox
                     is missing here, or the machine is short of what it needs; see error */
};

/** One call. The caller owns it and all it points to, and keeps it still from submit to collect. */
struct fnd_pool_call {
    const struct fnd_callee *callee;
    struct fnd_call_input input;
    int64_t timeout_ms; /* from when it begins; 0: none */
    /* results */
    enum fnd_call_end end;
    struct fnd_effects effects; /* RETURNED; the caller finishes it */
    struct fnd_error error;     /* CRASHED, TIMEOUT, REFUSED: what happened, for people */
    struct fnd_text noise;      /* the tail of stdout and stderr, if it failed */
    int64_t took_us;
    int level; /* isolation that was in effect, with FND_LEVEL_ flags; what was wanted if it did not
                  run */
    double progress;
    char note[FND_NOTE_SIZE]; /* with it; what a person may be shown */
    /* A trainer has a checkpoint; bytes are borrowed. NULL: it is dropped. Before collect, from
       turn (in line: from submit). */
    void (*keep)(struct fnd_pool_call *call, const char *bytes, size_t size);
    /* the caller's own */
    void *owner;
    struct fnd_pool_call *next;
    struct fnd_worker *worker; /* the pool's own */
    bool cancelled;            /* the pool's own */
};

struct fnd_pool_options {
    const struct fnd_env *env;  /* borrowed */
    const struct fnd_log *log;  /* borrowed */
    const char *worker_program; /* path of foundry-worker; NULL: found beside the running program or
                                   in the installed libexec folder, else $FOUNDRY_WORKER */
    size_t workers_max;         /* processes, of all plugins together */
    bool allow_root;            /* workers of an engine that is root keep that; recorded */
    unsigned crashes_max;       /* 0: FND_CRASHES_MAX */
    int64_t start_ms;           /* 0: FND_WORKER_START_MS */
    int quarantine;             /* a folder that holds "quarantine/", borrowed; 0: only in memory */
    int nice;                   /* of workers, above the engine's own; 0: as the engine */
    int landlock_abi_max;       /* to try what older kernels do: as if Landlock were that old, -1:
                                   not there; 0: what there is */
};

struct fnd_pool;
enum fnd_status fnd_pool_create(const struct fnd_pool_options *options, struct fnd_pool **pool,
                                struct fnd_error *error);
/** Stops every worker (end of channel, SIGTERM, SIGKILL) and waits for them. NULL is fine. */
void fnd_pool_destroy(struct fnd_pool *pool);

/** Queue a call; in line it runs before this returns. */
void fnd_pool_submit(struct fnd_pool *pool, struct fnd_pool_call *call);
/** Send what is queued to workers: call once after a batch of submits. */
void fnd_pool_dispatch(struct fnd_pool *pool);
/** Ended calls as a list by `next`, or NULL. */
struct fnd_pool_call *fnd_pool_collect(struct fnd_pool *pool);
/** Ask a call to stop: cancelled() turns true, after the grace its worker is stopped. */
void fnd_pool_cancel(struct fnd_pool *pool, struct fnd_pool_call *call);

/** An epoll descriptor that is readable when the pool has something to do; borrowed. */
int fnd_pool_fd(const struct fnd_pool *pool);
/** Microseconds until the pool wants a turn anyway (deadlines), or -1. */
int64_t fnd_pool_wait_us(const struct fnd_pool *pool);
/** Handle what is there, without waiting. */
void fnd_pool_turn(struct fnd_pool *pool);
size_t fnd_pool_busy(const struct fnd_pool *pool);    /* calls submitted and not collected */
size_t fnd_pool_workers(const struct fnd_pool *pool); /* live processes */

/* --- quarantine (worker/quarantine.c) -------------------------------------------------------- */

/** A plugin whose workers died FND_CRASHES_MAX times in a row is kept from running, by its hash,
 *  until somebody lifts that: a file `quarantine/SHA256` in the engine's folder says so to every
 *  engine that is to come. Without a folder it holds for one pool's life. */

/** Each plugin in quarantine: its hash in hex and why. */
void fnd_quarantine_list(int folder, void (*each)(void *context, const char *hash, const char *why),
                         void *context);
/** Lift it.
 *  hash  in hex, or its beginning.   full: receives the whole one.
 *  Returns FND_OK; FND_NOT_FOUND: none begins so, those there are named; FND_CONFLICT: several. */
enum fnd_status fnd_quarantine_release(int folder, const char *hash,
                                       char full[FND_DIGEST_TEXT_SIZE], struct fnd_error *error);

/* --- descriptions (worker/catalog.c) -------------------------------------------------------- */

/** What plugins there are on a path, each described by a worker process, in the sandbox as far as
 *  this machine has it, and cached by file hash in
 *  $XDG_CACHE_HOME/foundry (or ~/.cache/foundry; without either, not at all). Nothing is dlopened
 *  in this process. */
struct fnd_catalog;
struct fnd_catalog_options {
    const char *path;           /* colon-separated folders; NULL: fnd_catalog_path() */
    const char *worker_program; /* as above */
    const struct fnd_log *log;
    int landlock_abi_max; /* as above */
};
/** $FOUNDRY_PLUGIN_PATH, then the build tree's or the installed plugin folder. malloc'ed. */
char *fnd_catalog_path(void);
/** The folders looked at anew: a catalog of its own. As fnd_catalog_create(). */
enum fnd_status fnd_catalog_again(const struct fnd_catalog *catalog, struct fnd_catalog **fresh,
                                  struct fnd_error *error);
/** Look at the folders. A file that cannot be described does not fail the catalog: it is kept with
 *  its error.  Returns FND_OK or FND_PLUGIN when workers cannot be started at all. */
enum fnd_status fnd_catalog_create(const struct fnd_catalog_options *options,
                                   struct fnd_catalog **catalog, struct fnd_error *error);
void fnd_catalog_destroy(struct fnd_catalog *catalog);
size_t fnd_catalog_count(const struct fnd_catalog *catalog);
/** Entry i: info, or NULL and its error. */
const struct fnd_plugin_info *fnd_catalog_get(const struct fnd_catalog *catalog, size_t index,
                                              const char **path, const struct fnd_error **error);
/** By id. FND_NOT_FOUND with did-you-mean and the folders searched; FND_CONFLICT: two files have
 *  it, both named; FND_PLUGIN: the only file of that name cannot be loaded, and why. */
enum fnd_status fnd_catalog_find(const struct fnd_catalog *catalog, const char *id,
                                 const struct fnd_plugin_info **info, struct fnd_error *error);
/** Describe one file (a pinned copy, "./x.so").  *info is the catalog's. */
enum fnd_status fnd_catalog_file(struct fnd_catalog *catalog, int fd, const char *path,
                                 const struct fnd_plugin_info **info, struct fnd_error *error);

#endif
