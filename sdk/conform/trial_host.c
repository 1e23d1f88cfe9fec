/* SPDX-License-Identifier: MIT */
/* The real services behind a table that counts, fails on demand and sees what it must not. */
#include <stddef.h>

#include "trial.h"

/* The ABI gives a service nothing but the call, and one trial runs in a process: so this is where
 * the wrappers find what they are told. */
static struct trial_host *current;

enum { READS = 0, WRITES = 1 };

/** Count a service of the call's own thread.  Returns whether it is made to fail. */
static bool step(const char *service, foundry_call_t *call, int writes, foundry_status_t *status)
{
    struct trial_host *host = current;
    if (call == NULL || call != host->call) {
        host->late = service;
        *status = FOUNDRY_E_INVALID;
        return true;
    }
    if (pthread_equal(pthread_self(), host->thread) == 0) {
        host->abroad = service;
    }
    if (writes == WRITES && host->detector) {
        host->denied = service;
    }
    if (++host->calls >= host->cancel_at) {
        host->cancelled = true;
    }
    if (host->calls != host->fail_at) {
        return false;
    }
    host->failed = service;
    *status = host->fail_with;
    return true;
}

#define WRAP(name, writes, parameters, arguments)                                                  \
    static foundry_status_t wrap_##name parameters                                                 \
    {                                                                                              \
        foundry_status_t status = FOUNDRY_OK;                                                      \
        return step(#name, call, writes, &status) ? status : fnd_host_table()->name arguments;     \
    }

WRAP(json_get, READS, (foundry_call_t * call, int32_t doc, const char *ptr, const char **json),
     (call, doc, ptr, json))
WRAP(text_get, READS, (foundry_call_t * call, int32_t doc, const char *ptr, const char **text),
     (call, doc, ptr, text))
WRAP(number_get, READS, (foundry_call_t * call, int32_t doc, const char *ptr, double *value),
     (call, doc, ptr, value))
WRAP(size_get, READS, (foundry_call_t * call, int32_t doc, const char *ptr, size_t *count),
     (call, doc, ptr, count))
WRAP(key_get, READS,
     (foundry_call_t * call, int32_t doc, const char *ptr, size_t index, const char **key),
     (call, doc, ptr, index, key))
WRAP(json_set, WRITES, (foundry_call_t * call, const char *ptr, const char *json),
     (call, ptr, json))
WRAP(artifact_size, READS, (foundry_call_t * call, const char *name, uint64_t *size),
     (call, name, size))
WRAP(artifact_fd, READS, (foundry_call_t * call, const char *name, int32_t *fd), (call, name, fd))
WRAP(artifact_read, READS,
     (foundry_call_t * call, const char *name, uint64_t offset, void *bytes, size_t capacity,
      size_t *size),
     (call, name, offset, bytes, capacity, size))
WRAP(artifact_write, WRITES,
     (foundry_call_t * call, const char *name, const char *media_type, const void *bytes,
      size_t size),
     (call, name, media_type, bytes, size))
WRAP(confidence_set, WRITES, (foundry_call_t * call, const char *ptr, double score),
     (call, ptr, score))
WRAP(confidence_get, READS, (foundry_call_t * call, const char *ptr, double *score),
     (call, ptr, score))
WRAP(origin_set, WRITES, (foundry_call_t * call, const char *ptr, const foundry_origin_t *origin),
     (call, ptr, origin))
WRAP(origin_get, READS, (foundry_call_t * call, const char *ptr, foundry_origin_t *origin),
     (call, ptr, origin))
WRAP(clarify, READS, (foundry_call_t * call, const foundry_clarification_t *question),
     (call, question))

static foundry_outcome_t wrap_fail(foundry_call_t *call, foundry_outcome_t outcome,
                                   const char *code, const char *message, const char *ptr,
                                   uint64_t retry_after_ms)
{
    if (call == NULL || call != current->call) {
        current->late = "fail";
        return FOUNDRY_PERMANENT;
    }
    return fnd_host_table()->fail(call, outcome, code, message, ptr, retry_after_ms);
}

/** The services of any thread: only lateness is wrong. */
static bool is_late(const char *service, foundry_call_t *call)
{
    if (call == NULL || call != current->call) {
        current->late = service;
        return true;
    }
    return false;
}

static void wrap_progress(foundry_call_t *call, double fraction, const char *note)
{
    if (!is_late("progress", call)) {
        fnd_host_table()->progress(call, fraction, note);
    }
}

static int32_t wrap_cancelled(foundry_call_t *call)
{
    if (is_late("cancelled", call)) {
        return 1;
    }
    if (++current->calls >= current->cancel_at) {
        current->cancelled = true;
    }
    return current->cancelled ? 1 : 0;
}

static void wrap_log(foundry_call_t *call, int32_t level, const char *line)
{
    if (!is_late("log", call)) {
        fnd_host_table()->log(call, level, line);
    }
}

void trial_host_begin(struct trial_host *host, foundry_call_t *call)
{
    current = host;
    host->table = (foundry_host_t){.struct_size = sizeof host->table,
                                   .abi = FOUNDRY_ABI_CURRENT,
                                   .json_get = wrap_json_get,
                                   .text_get = wrap_text_get,
                                   .number_get = wrap_number_get,
                                   .size_get = wrap_size_get,
                                   .key_get = wrap_key_get,
                                   .json_set = wrap_json_set,
                                   .artifact_size = wrap_artifact_size,
                                   .artifact_fd = wrap_artifact_fd,
                                   .artifact_read = wrap_artifact_read,
                                   .artifact_write = wrap_artifact_write,
                                   .confidence_set = wrap_confidence_set,
                                   .confidence_get = wrap_confidence_get,
                                   .origin_set = wrap_origin_set,
                                   .origin_get = wrap_origin_get,
                                   .clarify = wrap_clarify,
                                   .fail = wrap_fail,
                                   .progress = wrap_progress,
                                   .cancelled = wrap_cancelled,
                                   .log = wrap_log};
    host->thread = pthread_self();
    host->call = call;
    host->cancelled = host->cancel_at == 0;
}

void trial_host_end(struct trial_host *host)
{
    host->call = NULL;
}
