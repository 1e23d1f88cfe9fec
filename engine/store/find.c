/* SPDX-License-Identifier: MIT */
/* Which job a person means. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "store/reader_internal.h"

enum {
    NAMED_MAX = 100,      /* jobs of one path, or with one end, that are looked at */
    NAMED_LISTED = 5,     /* of those, told in a message */
    NEAREST_AMONG = 10000 /* newest jobs whose paths are compared for did-you-mean */
};

struct jobs {
    struct fnd_job_row *rows;
    size_t count, capacity;
};

static void jobs_finish(struct jobs *jobs)
{
    for (size_t i = 0; i < jobs->count; i++) {
        fnd_job_row_finish(&jobs->rows[i]);
    }
    free(jobs->rows);
    *jobs = (struct jobs){0};
}

/* Every row of a query by text (or without one). */
static enum fnd_status query(struct fnd_reader *reader, enum fnd_reader_statement which,
                             const char *text, int64_t limit, struct jobs *jobs,
                             struct fnd_error *error)
{
    sqlite3_stmt *statement = NULL;
    enum fnd_status status = fnd_reader_use(reader, which, &statement, error);
    if (status != FND_OK) {
        return status;
    }
    if (text != NULL) {
        sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC);
    }
    sqlite3_bind_int64(statement, text != NULL ? 2 : 1, limit);
    int rc;
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
        if (jobs->count == jobs->capacity) {
            jobs->capacity = jobs->capacity == 0 ? 8 : jobs->capacity * 2;
            jobs->rows = fnd_realloc(jobs->rows, jobs->capacity, sizeof *jobs->rows);
        }
        fnd_job_from(statement, 0, &jobs->rows[jobs->count++]);
    }
    status = fnd_reader_stepped(reader, rc, error);
    fnd_reader_release(reader, statement);
    return status;
}

/* Rows come newest revision first within an identity: keep only those. */
static void newest_only(struct jobs *jobs)
{
    size_t kept = 0;
    for (size_t i = 0; i < jobs->count; i++) {
        struct fnd_job_row *row = &jobs->rows[i];
        if (kept > 0 && strcmp(jobs->rows[kept - 1].path, row->path) == 0 &&
            strcmp(jobs->rows[kept - 1].pipeline, row->pipeline) == 0) {
            fnd_job_row_finish(row);
        } else {
            jobs->rows[kept++] = *row;
        }
    }
    jobs->count = kept;
}

/* An end that begins behind a '/' is meant before one in the middle of a name. */
static void whole_names_first(struct jobs *jobs, const char *end)
{
    size_t whole = 0;
    for (size_t i = 0; i < jobs->count; i++) {
        const char *path = jobs->rows[i].path;
        whole += path[strlen(path) - strlen(end) - 1] == '/';
    }
    if (whole == 0) {
        return;
    }
    size_t kept = 0;
    for (size_t i = 0; i < jobs->count; i++) {
        const char *path = jobs->rows[i].path;
        if (path[strlen(path) - strlen(end) - 1] == '/') {
            jobs->rows[kept++] = jobs->rows[i];
        } else {
            fnd_job_row_finish(&jobs->rows[i]);
        }
    }
    jobs->count = kept;
}

static enum fnd_status several(const struct fnd_reader *reader, const char *name,
                               const struct jobs *jobs, struct fnd_error *error)
{
    struct fnd_text list = {0};
    for (size_t i = 0; i < jobs->count && i < NAMED_LISTED; i++) {
        const struct fnd_job_row *row = &jobs->rows[i];
        fnd_text_printf(&list, "%s%" PRId64 " (", i > 0 ? ", " : "", row->id);
        fnd_text_append_visible(&list, row->path, strlen(row->path));
        fnd_text_append_z(&list, ", pipeline ");
        fnd_text_append_visible(&list, row->pipeline, strlen(row->pipeline));
        fnd_text_append_z(&list, ")");
    }
    if (jobs->count > NAMED_LISTED) {
        fnd_text_printf(&list, " and %zu more", jobs->count - NAMED_LISTED);
    }
    fnd_error_set(error, FND_CONFLICT,
                  "\"%s\" names several jobs in %s: %s; name one by its number", name, reader->path,
                  fnd_text_z(&list));
    fnd_error_code(error, "job_ambiguous");
    fnd_text_finish(&list);
    return FND_CONFLICT;
}

static enum fnd_status none(struct fnd_reader *reader, const char *name, struct fnd_error *error)
{
    struct jobs recent = {0};
    enum fnd_status status = query(reader, FIND_RECENT, NULL, NEAREST_AMONG, &recent, error);
    if (status != FND_OK) {
        jobs_finish(&recent);
        return status;
    }
    const char **names = fnd_alloc((recent.count * 2 + 1) * sizeof *names);
    size_t count = 0;
    for (size_t i = 0; i < recent.count; i++) {
        const char *path = recent.rows[i].path;
        const char *slash = strrchr(path, '/');
        names[count++] = path;
        if (slash != NULL) {
            names[count++] = slash + 1;
        }
    }
    const char *nearest = fnd_nearest(name, names);
    struct fnd_text shown = {0};
    fnd_text_append_visible(&shown, name, strlen(name));
    if (nearest != NULL) {
        struct fnd_text meant = {0};
        fnd_text_append_visible(&meant, nearest, strlen(nearest));
        fnd_error_set(error, FND_NOT_FOUND, "there is no job \"%s\" in %s; did you mean \"%s\"?",
                      fnd_text_z(&shown), reader->path, fnd_text_z(&meant));
        fnd_text_finish(&meant);
    } else {
        fnd_error_set(error, FND_NOT_FOUND,
                      "there is no job \"%s\" in %s; `foundry-engine status` lists them",
                      fnd_text_z(&shown), reader->path);
    }
    fnd_error_code(error, "job_unknown");
    fnd_text_finish(&shown);
    free(names);
    jobs_finish(&recent);
    return FND_NOT_FOUND;
}

static enum fnd_status by_uuid(struct fnd_reader *reader, const uint8_t uuid[FND_UUID_SIZE],
                               struct fnd_job_row *row, struct fnd_error *error)
{
    sqlite3_stmt *statement = NULL;
    enum fnd_status status = fnd_reader_use(reader, READ_JOB_UUID, &statement, error);
    if (status != FND_OK) {
        return status;
    }
    sqlite3_bind_blob(statement, 1, uuid, FND_UUID_SIZE, SQLITE_STATIC);
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        fnd_job_from(statement, 0, row);
    } else {
        status = fnd_reader_stepped(reader, rc, error);
        status = status == FND_OK ? FND_NOT_FOUND : status;
    }
    fnd_reader_release(reader, statement);
    return status;
}

/* A number of 1 to 18 digits, or 0. */
static int64_t number(const char *name)
{
    size_t size = strlen(name);
    if (size == 0 || size > 18 || strspn(name, "0123456789") != size) {
        return 0;
    }
    return (int64_t)strtoll(name, NULL, 10);
}

enum fnd_status fnd_job_name(struct fnd_reader *reader, const char *name, struct fnd_job_row *row,
                             struct fnd_error *error)
{
    uint8_t uuid[FND_UUID_SIZE];
    enum fnd_status status = FND_NOT_FOUND;
    struct jobs jobs = {0};
    if (fnd_uuid_parse(name, uuid) == 0) {
        status = by_uuid(reader, uuid, row, error);
    } else if (number(name) > 0) {
        status = fnd_job_get(reader, number(name), row, error);
    }
    if (status != FND_NOT_FOUND) {
        return status;
    }
    status = query(reader, FIND_PATH, name, NAMED_MAX, &jobs, error);
    if (status == FND_OK && jobs.count == 0 && name[0] != '\0') {
        status = query(reader, FIND_END, name, NAMED_MAX, &jobs, error);
        whole_names_first(&jobs, name);
    }
    if (status != FND_OK) {
        goto out;
    }
    newest_only(&jobs);
    if (jobs.count == 0) {
        status = none(reader, name, error);
    } else if (jobs.count > 1) {
        status = several(reader, name, &jobs, error);
    } else {
        *row = jobs.rows[0];
        jobs.count = 0; /* the row's texts are the caller's now */
    }
out:
    jobs_finish(&jobs);
    return status;
}
