/* SPDX-License-Identifier: MIT */
/* What a call is made of; for the files of this room only. */
#ifndef FND_HOST_STATE_H
#define FND_HOST_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "host/call.h"
#include "host/output.h"

/** Memory that lives as long as a call. `= {0}` is empty. */
struct fnd_arena_block;
struct fnd_arena {
    struct fnd_arena_block *blocks; /* newest first */
    size_t bytes;                   /* given out */
};
/** `size` bytes, aligned for any object; NULL without memory. */
void *fnd_arena_take(struct fnd_arena *arena, size_t size);
/** A NUL-ended copy, or NULL without memory. */
char *fnd_arena_copy(struct fnd_arena *arena, const char *bytes, size_t size);
/** Empty again; one block of the usual size is kept for the next call. */
void fnd_arena_reset(struct fnd_arena *arena);
void fnd_arena_finish(struct fnd_arena *arena);

enum {
    FND_CURSOR_DEPTH_MAX = 8, /* levels of the last pointer that are remembered */
    FND_CURSOR_POINTER_MAX = 256,
    FND_CURSORS_COUNT = 4, /* one a document */
    FND_COPIES_COUNT = 16,
    FND_NOTE_POINTER_MAX = 256
};

/** The way to the last value that was read of a document: reading /items/7/price after
 *  /items/7/name, or /items/8/name after that, does not walk the document from its start. */
struct fnd_cursor {
    struct fnd_cursor_level {
        size_t end;                /* of this level's segment in `pointer` */
        struct fnd_json value;     /* what stands there */
        struct fnd_json_walk walk; /* over `value`, at the child that was read last */
        size_t next;               /* index that a walk goes on with; SIZE_MAX: no walk */
    } levels[FND_CURSOR_DEPTH_MAX];
    size_t depth; /* levels in use; level 0 is the document, 0: nothing is remembered */
    char pointer[FND_CURSOR_POINTER_MAX];
};

/** The last service that failed, for the story of a status that a plugin returns as it came. */
struct fnd_note {
    foundry_status_t status; /* FOUNDRY_OK: none */
    const char *service, *detail;
    int32_t doc; /* -1: none */
    bool has_pointer;
    char pointer[FND_NOTE_POINTER_MAX];
};

/** SUBJECT's marks, sorted by pointer. */
struct fnd_mark {
    const char *pointer;
    struct fnd_json value;
};
struct fnd_marks {
    struct fnd_mark *list;
    size_t count;
    bool ready;
};

struct foundry_call {
    atomic_bool alive;
    pthread_mutex_t lock; /* around `alive` turning false, effects->log and live->progress */
    const struct fnd_call_input *input;
    const struct fnd_schema *config_schema;
    struct fnd_call_live live;
    struct fnd_effects *effects;
    struct fnd_arena *arena; /* own_arena, or that of live.calls */
    struct fnd_arena own_arena;
    struct fnd_output output;
    struct fnd_cursor *cursors[FND_CURSORS_COUNT]; /* in the arena, made at first use */
    struct {
        const char *bytes, *copy;
        size_t size;
    } copies[FND_COPIES_COUNT]; /* of big values that were read, so that reading again is free */
    struct {
        struct fnd_json_walk walk;
        const char *container;
        size_t next;
    } keys; /* where key_get() stands */
    struct fnd_marks confidences, origins;
    int *fds; /* per artifact, of artifact_fd() for those in `bytes`; -1: not made. Or NULL */
    uint64_t artifacts_size;
    bool failed; /* fail() was called */
    struct fnd_note note;
};

/** Remember a failed service and return its status. pointer may be NULL; detail is static. */
foundry_status_t fnd_call_note(foundry_call_t *call, foundry_status_t status, const char *service,
                               int32_t doc, const char *pointer, const char *detail);

/** False for NULL, for dead handles, and where the call is none. */
static inline bool fnd_call_alive(const struct foundry_call *call)
{
    return call != NULL && atomic_load_explicit(&call->alive, memory_order_acquire);
}

/* The services, by file; see foundry/plugin.h for what each does. */
foundry_status_t fnd_service_json_get(foundry_call_t *call, int32_t doc, const char *ptr,
                                      const char **json);
foundry_status_t fnd_service_text_get(foundry_call_t *call, int32_t doc, const char *ptr,
                                      const char **text);
foundry_status_t fnd_service_number_get(foundry_call_t *call, int32_t doc, const char *ptr,
                                        double *value);
foundry_status_t fnd_service_size_get(foundry_call_t *call, int32_t doc, const char *ptr,
                                      size_t *count);
foundry_status_t fnd_service_key_get(foundry_call_t *call, int32_t doc, const char *ptr,
                                     size_t index, const char **key);
foundry_status_t fnd_service_confidence_get(foundry_call_t *call, const char *ptr, double *score);
foundry_status_t fnd_service_origin_get(foundry_call_t *call, const char *ptr,
                                        foundry_origin_t *origin);

foundry_status_t fnd_service_artifact_size(foundry_call_t *call, const char *name, uint64_t *size);
foundry_status_t fnd_service_artifact_fd(foundry_call_t *call, const char *name, int32_t *fd);
foundry_status_t fnd_service_artifact_read(foundry_call_t *call, const char *name, uint64_t offset,
                                           void *bytes, size_t capacity, size_t *size);
foundry_status_t fnd_service_artifact_write(foundry_call_t *call, const char *name,
                                            const char *media_type, const void *bytes, size_t size);
/** Close what artifact_fd() opened. */
void fnd_call_close_fds(struct foundry_call *call);

foundry_status_t fnd_service_json_set(foundry_call_t *call, const char *ptr, const char *json);
foundry_status_t fnd_service_confidence_set(foundry_call_t *call, const char *ptr, double score);
foundry_status_t fnd_service_origin_set(foundry_call_t *call, const char *ptr,
                                        const foundry_origin_t *origin);
foundry_status_t fnd_service_clarify(foundry_call_t *call, const foundry_clarification_t *question);
foundry_outcome_t fnd_service_fail(foundry_call_t *call, foundry_outcome_t outcome,
                                   const char *code, const char *message, const char *ptr,
                                   uint64_t retry_after_ms);
void fnd_service_progress(foundry_call_t *call, double fraction, const char *note);
int32_t fnd_service_cancelled(foundry_call_t *call);
void fnd_service_log(foundry_call_t *call, int32_t level, const char *line);

/** Drop what an outcome other than DONE drops; `pause` keeps questions and artifacts. */
void fnd_effects_drop(struct fnd_effects *effects, bool pause);
/** The first of `pointers` (sorted here) that leads to no value of `document`, or NULL. Looks at
 *  each container on their ways once, however many there are. */
const char *fnd_pointers_astray(struct fnd_json document, const char **pointers, size_t count);

/** Make room for one more element in an array that grows by doubling and whose count is all that
 *  is kept. */
static inline void *fnd_grow(void *list, size_t count, size_t size)
{
    return (count & (count - 1)) == 0 ? fnd_realloc(list, count == 0 ? 1 : count * 2, size) : list;
}

#endif
