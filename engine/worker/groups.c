/* SPDX-License-Identifier: MIT */
/* Calls that may share workers, and plugins that are kept from having any. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "worker/pool_state.h"
#include "worker/quarantine.h"

static bool text_equal(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool reads_equal(char *const *a, const char *const *b)
{
    while (a != NULL && b != NULL && *a != NULL && *b != NULL && strcmp(*a, *b) == 0) {
        a++;
        b++;
    }
    return (a == NULL || *a == NULL) && (b == NULL || *b == NULL);
}

static bool belongs(const struct fnd_group *group, const struct fnd_callee *callee)
{
    const struct fnd_limits *a = &group->limits, *b = &callee->limits;
    return memcmp(group->hash, callee->hash, sizeof group->hash) == 0 &&
           group->isolation == callee->isolation && a->memory_bytes == b->memory_bytes &&
           a->file_bytes == b->file_bytes && a->files == b->files &&
           a->result_bytes == b->result_bytes && text_equal(group->write, callee->grant_write) &&
           reads_equal(group->reads, callee->reads);
}

static struct fnd_record *record_find(struct fnd_pool *pool, const struct fnd_callee *callee)
{
    const uint8_t *hash = callee->hash;
    for (struct fnd_record *at = pool->records; at != NULL; at = at->next) {
        if (memcmp(at->hash, hash, sizeof at->hash) == 0) {
            return at;
        }
    }
    struct fnd_record *made = fnd_alloc(sizeof *made);
    memcpy(made->hash, hash, sizeof made->hash);
    made->plugin = fnd_strdup(callee->plugin);
    made->quarantined =
        pool->options.quarantine > 0 && fnd_quarantine_has(pool->options.quarantine, hash);
    made->kept = made->quarantined;
    made->why = made->quarantined ? fnd_quarantine_why(pool->options.quarantine, hash) : NULL;
    made->next = pool->records;
    pool->records = made;
    return made;
}

static char **reads_copy(const char *const *reads)
{
    size_t count = 0;
    while (reads != NULL && reads[count] != NULL) {
        count++;
    }
    if (count == 0) {
        return NULL;
    }
    char **copy = fnd_realloc(NULL, count + 1, sizeof *copy);
    for (size_t i = 0; i < count; i++) {
        copy[i] = fnd_strdup(reads[i]);
    }
    copy[count] = NULL;
    return copy;
}

struct fnd_group *fnd_group_find(struct fnd_pool *pool, const struct fnd_callee *callee)
{
    for (struct fnd_group *at = pool->groups; at != NULL; at = at->next) {
        if (belongs(at, callee)) {
            return at;
        }
    }
    struct fnd_group *made = fnd_alloc(sizeof *made);
    memcpy(made->hash, callee->hash, sizeof made->hash);
    made->record = record_find(pool, callee);
    made->limits = callee->limits;
    made->isolation = callee->isolation;
    made->write = callee->grant_write == NULL ? NULL : fnd_strdup(callee->grant_write);
    made->reads = reads_copy(callee->reads);
    made->queue_end = &made->queue;
    made->flight_max = 1;
    made->next = pool->groups;
    pool->groups = made;
    return made;
}

static void group_destroy(struct fnd_group *group)
{
    for (char **read = group->reads; read != NULL && *read != NULL; read++) {
        free(*read);
    }
    free(group->reads);
    free(group->write);
    free(group);
}

void fnd_groups_destroy(struct fnd_pool *pool)
{
    while (pool->groups != NULL) {
        struct fnd_group *next = pool->groups->next;
        group_destroy(pool->groups);
        pool->groups = next;
    }
    while (pool->records != NULL) {
        struct fnd_record *next = pool->records->next;
        free(pool->records->plugin);
        free(pool->records->why);
        free(pool->records);
        pool->records = next;
    }
}

struct fnd_pool_call *fnd_group_shift(struct fnd_group *group)
{
    struct fnd_pool_call *call = group->queue;
    group->queue = call->next;
    if (group->queue == NULL) {
        group->queue_end = &group->queue;
    }
    group->queued--;
    call->next = NULL;
    return call;
}

static void queue_end(struct fnd_pool *pool, struct fnd_group *group, const struct fnd_error *error,
                      enum fnd_call_end end)
{
    while (group->queue != NULL) {
        struct fnd_pool_call *call = fnd_group_shift(group);
        call->error = *error;
        fnd_pool_done(pool, call, end);
    }
}

void fnd_group_refuse(struct fnd_pool *pool, struct fnd_group *group, const struct fnd_error *error)
{
    group->refused = *error;
    /* What the machine refuses is no fault of the job's: it waits for somebody to mend that. */
    queue_end(pool, group, error, error->status == FND_DENIED ? FND_CALL_HELD : FND_CALL_REFUSED);
}

void fnd_group_hold(struct fnd_pool *pool, struct fnd_group *group, const struct fnd_error *error)
{
    queue_end(pool, group, error, FND_CALL_HELD);
}

void fnd_group_crashed(struct fnd_pool *pool, struct fnd_group *group)
{
    const struct fnd_env *env = pool->options.env;
    int64_t whole_us = (int64_t)FND_BACKOFF_MIN_MS * 1000;
    const int64_t most_us = (int64_t)FND_BACKOFF_MAX_MS * 1000;
    for (unsigned i = 0; i < group->crashes && whole_us < most_us; i++) {
        whole_us *= 2;
    }
    whole_us = whole_us < most_us ? whole_us : most_us;
    /* The second half is left to chance: workers that died of one cause do not all come back at
     * one time. */
    uint32_t chance;
    env->random(env, &chance, sizeof chance);
    group->crashes++;
    group->flight_max = 1;
    group->not_before_us =
        fnd_pool_now(pool) + whole_us / 2 + (int64_t)(chance % (uint32_t)(whole_us / 2 + 1));
}

/* --- quarantine ------------------------------------------------------------------------------ */

static enum fnd_status quarantined(const struct fnd_record *record, struct fnd_error *error)
{
    char hash[FND_DIGEST_TEXT_SIZE];
    fnd_digest_text(record->hash, hash);
    (void)fnd_error_set(error, FND_DENIED,
                        "its plugin (SHA-256 %s) is in quarantine: %s; mend or replace it and run "
                        "with --upgrade, or let it run again with `foundry-engine plugins release "
                        "%.16s`",
                        hash, record->why, hash);
    fnd_error_code(error, "quarantined");
    return FND_DENIED;
}

/** No more of this plugin until somebody says so. */
static void quarantine(struct fnd_pool *pool, struct fnd_record *record, const char *how)
{
    struct fnd_error error = {0};
    struct fnd_text why = {0};
    fnd_text_printf(&why, "workers of plugin %s died %u times in a row, the last one %s",
                    record->plugin, pool->options.crashes_max, how);
    free(record->why);
    record->why = fnd_text_take(&why);
    record->quarantined = true;
    record->kept =
        pool->options.quarantine > 0 &&
        fnd_quarantine_add(pool->options.quarantine, record->hash, record->why, &error) == FND_OK;
    if (pool->options.quarantine > 0 && !record->kept) {
        fnd_log(pool->options.log, FND_LOG_ERROR, "worker", NULL, NULL,
                "the quarantine of plugin %s is not kept: %s", record->plugin, error.message);
    }
    (void)quarantined(record, &error);
    fnd_log(pool->options.log, FND_LOG_WARNING, "worker", NULL, NULL, "plugin %s: %s",
            record->plugin, error.message);
    for (struct fnd_group *at = pool->groups; at != NULL; at = at->next) {
        if (at->record == record) {
            queue_end(pool, at, &error, FND_CALL_HELD);
        }
    }
}

void fnd_group_died(struct fnd_pool *pool, struct fnd_group *group, const char *how)
{
    struct fnd_record *record = group->record;
    fnd_group_crashed(pool, group);
    if (++record->crashes >= pool->options.crashes_max && !record->quarantined) {
        quarantine(pool, record, how);
    }
}

enum fnd_status fnd_group_held(struct fnd_pool *pool, struct fnd_group *group,
                               struct fnd_error *error)
{
    struct fnd_record *record = group->record;
    const int folder = pool->options.quarantine;
    if (record->quarantined && folder > 0 && !record->kept) { /* there was no room for it */
        record->kept = fnd_quarantine_add(folder, record->hash, record->why, NULL) == FND_OK;
    } else if (record->quarantined && folder > 0 && !fnd_quarantine_has(folder, record->hash)) {
        record->quarantined = false; /* somebody lifted it */
        record->crashes = 0;
    }
    if (record->quarantined) {
        return quarantined(record, error);
    }
    if (group->isolation != FND_ISOLATION_SANDBOX || pool->sandbox_there) {
        return FND_OK;
    }
    const enum fnd_status status = fnd_sandbox_there(pool->options.landlock_abi_max, error);
    pool->sandbox_there = status == FND_OK;
    return status;
}

/* --- the granted folder ---------------------------------------------------------------------- */

void fnd_group_folder_check(struct fnd_pool *pool, struct fnd_group *group)
{
    struct stat stat_now;
    if (group->write == NULL || group->workers == 0 || group->isolation < FND_ISOLATION_SANDBOX ||
        (stat(group->write, &stat_now) == 0 && stat_now.st_dev == group->write_device &&
         stat_now.st_ino == group->write_inode)) {
        return;
    }
    for (struct fnd_worker *at = pool->workers; at != NULL; at = at->next) {
        if (at->group == group) {
            fnd_worker_leave(
                at); /* what it may write in is gone; the next one gets what is there */
        }
    }
}
