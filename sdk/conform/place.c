/* SPDX-License-Identifier: MIT */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/env.h"

enum { FILE_BYTES_MAX = 1 << 30, FILES_MAX = 64 };

enum fnd_status place_open(const char *path, enum fnd_isolation isolation,
                           struct fnd_plugin *plugin, struct case_place *place,
                           struct fnd_error *error)
{
    *place = (struct case_place){.isolation = isolation, .plugin = plugin, .path = path};
    fnd_digest_setup();
    place->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (place->fd < 0) {
        return fnd_error_errno(error, FND_NOT_FOUND, errno, "cannot open %s", path);
    }
    const int failed = fnd_sha256_fd(place->fd, place->hash, NULL);
    if (failed != 0) {
        return fnd_error_errno(error, FND_IO, failed, "cannot read %s", path);
    }
    const enum fnd_status status = fnd_plugin_load(place->fd, path, plugin, error);
    if (status != FND_OK || isolation == FND_ISOLATION_INLINE) {
        return status;
    }
    const char *worker = getenv("FOUNDRY_WORKER"); /* stands before what is installed */
    const struct fnd_pool_options options = {.env = fnd_env_system(),
                                             .workers_max = 1,
                                             .worker_program = worker,
                                             .crashes_max = UINT_MAX};
    return fnd_pool_create(&options, &place->pool, error);
}

void place_close(struct case_place *place)
{
    fnd_pool_destroy(place->pool);
    if (place->fd >= 0) {
        (void)close(place->fd);
    }
}

/** Turn the pool until the call ends. */
static void wait_for(struct fnd_pool *pool)
{
    while (fnd_pool_collect(pool) == NULL) {
        const int64_t wait_us = fnd_pool_wait_us(pool);
        struct pollfd ready = {.fd = fnd_pool_fd(pool), .events = POLLIN};
        (void)poll(&ready, 1, wait_us < 0 ? -1 : (int)(wait_us / 1000 + 1));
        fnd_pool_turn(pool);
    }
}

/** The paths that it declares to read, NULL-ended. */
static const char **reads_make(const char *needs)
{
    struct fnd_json root = {0}, list = {0};
    if (needs != NULL && fnd_json_check(needs, strlen(needs), NULL, &root, NULL) == FND_OK) {
        list = fnd_json_member(root, "read");
    }
    const char **reads = fnd_alloc((fnd_json_count(list) + 1) * sizeof *reads);
    size_t count = 0;
    for (struct fnd_json_walk walk = fnd_json_walk(list); fnd_json_next(&walk);) {
        const char *path = fnd_json_strdup(walk.value);
        if (path != NULL) {
            reads[count++] = path;
        }
    }
    return reads;
}

static void reads_free(const char **reads)
{
    for (size_t i = 0; reads[i] != NULL; i++) {
        free((char *)(uintptr_t)reads[i]);
    }
    free(reads);
}

enum fnd_status place_run(const struct case_place *place, const struct place_callee *callee,
                          const struct fnd_call_input *input, struct fnd_effects *effects,
                          const char **ended, struct fnd_error *error)
{
    static const char *const names[] = {
        [FND_CALL_RETURNED] = NULL,     [FND_CALL_CRASHED] = "crashed",
        [FND_CALL_TIMEOUT] = "timeout", [FND_CALL_CANCELLED] = "cancelled",
        [FND_CALL_REFUSED] = "refused", [FND_CALL_LOST] = NULL,
        [FND_CALL_HELD] = "refused"};
    const char **reads = reads_make(callee->needs);
    char *grant = fnd_json_strdup(fnd_json_find(input->run, "/grant/write"));
    struct fnd_callee called = {.plugin = place->plugin->entry->id,
                                .name = callee->name,
                                .kind = callee->detector ? FND_CALLEE_DETECTOR : FND_CALLEE_PHASE,
                                .fd = place->fd,
                                .path = place->path,
                                .isolation = place->isolation,
                                .limits = {.file_bytes = FILE_BYTES_MAX, .files = FILES_MAX},
                                .config_constant = callee->config_constant,
                                .config_schema = callee->config_schema,
                                .grant_write = grant,
                                .reads = reads};
    for (size_t i = 0; i < sizeof called.hash; i++) {
        called.hash[i] = place->hash[i];
    }
    struct fnd_pool_call call = {
        .callee = &called, .input = *input, .timeout_ms = callee->timeout_ms};
    fnd_pool_submit(place->pool, &call);
    fnd_pool_dispatch(place->pool);
    wait_for(place->pool);
    *effects = call.effects;
    *ended = names[call.end];
    *error = call.error;
    fnd_text_finish(&call.noise);
    free(grant);
    reads_free(reads);
    return call.end == FND_CALL_LOST
               ? fnd_error_set(error, FND_PLUGIN, "the worker died before the call began")
               : FND_OK;
}
