/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* nftw, mkdtemp */
#include "support.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

void scene_directory(struct scene *scene, uint64_t seed)
{
    *scene = (struct scene){0};
    const char *tmp = getenv("TMPDIR");
    snprintf(scene->directory, sizeof scene->directory, "%s/foundry-store-XXXXXX",
             tmp != NULL ? tmp : "/tmp");
    cr_assert_not_null(mkdtemp(scene->directory));
    scene->env = fnd_env_seeded_create(seed, START_US);
    scene->options = (struct fnd_store_options){.env = scene->env, .create = true};
}

enum fnd_status scene_try(struct scene *scene, struct fnd_error *error)
{
    return fnd_store_open(scene->directory, &scene->options, &scene->store, error);
}

void scene_open(struct scene *scene)
{
    struct fnd_error error = {0};
    cr_assert_eq(scene_try(scene, &error), FND_OK, "%s", error.message);
}

void scene_begin(struct scene *scene, uint64_t seed)
{
    scene_directory(scene, seed);
    scene_open(scene);
}

void scene_close(struct scene *scene)
{
    fnd_reader_close(scene->reader);
    scene->reader = NULL;
    fnd_store_close(scene->store);
    scene->store = NULL;
}

void scene_read(struct scene *scene)
{
    struct fnd_error error = {0};
    fnd_reader_close(scene->reader);
    scene->reader = NULL;
    cr_assert_eq(fnd_reader_open(scene->directory, &scene->reader, &error), FND_OK, "%s",
                 error.message);
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

void scene_end(struct scene *scene)
{
    scene_close(scene);
    nftw(scene->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    fnd_env_seeded_destroy(scene->env);
}

const char *scene_file(const struct scene *scene, const char *name, char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%.*s/.foundry/%s", PATH_SIZE - 256, scene->directory, name);
    return path;
}

struct fnd_write *write_pin(const char *name, int number)
{
    struct fnd_text body = {0};
    fnd_text_printf(&body, "{\"name\":\"%s\",\"number\":%d}", name, number);
    struct fnd_write *write = fnd_write_create();
    fnd_sha256(body.bytes, body.size, write->hash);
    write->pipeline = fnd_strdup(name);
    fnd_write_add(write, FND_EVENT_PIN, fnd_text_take(&body), NULL);
    return write;
}

struct fnd_write *write_job(struct scene *scene, int64_t pin, const char *pipeline,
                            const char *path, int32_t revision)
{
    struct fnd_write *write = fnd_write_create();
    char uuid[FND_UUID_TEXT_SIZE];
    fnd_uuid_make(scene->env, write->uuid);
    fnd_uuid_format(write->uuid, uuid);
    write->pin = pin;
    write->pipeline = fnd_strdup(pipeline);
    write->path = fnd_strdup(path);
    write->revision = revision;
    struct fnd_text body = {0};
    fnd_text_printf(&body, "{\"uuid\":\"%s\",\"pipeline\":", uuid);
    fnd_text_append_json_z(&body, pipeline);
    fnd_text_append_z(&body, ",\"path\":");
    fnd_text_append_json_z(&body, path);
    fnd_text_printf(&body, ",\"revision\":%" PRId32 ",\"pin\":%" PRId64 "}", revision, pin);
    struct fnd_event *event = fnd_write_add(write, FND_EVENT_JOB, fnd_text_take(&body), NULL);
    event->after = (struct fnd_stand){.state = FND_QUEUED};
    return write;
}

struct fnd_event *add_move(struct fnd_write *write, enum fnd_event_kind kind, enum fnd_state state,
                           int32_t phase)
{
    struct fnd_text body = {0};
    fnd_text_printf(&body, "{\"event\":\"%s\",\"phase\":%" PRId32 "}", fnd_event_name(kind), phase);
    struct fnd_event *event =
        fnd_write_add(write, kind, fnd_text_take(&body), fnd_strdup("{\"log\":[]}"));
    event->phase = phase;
    event->attempt = 1;
    event->after.state = state;
    event->after.phase = kind == FND_EVENT_OUTPUT ? phase + 1 : phase;
    event->after.attempt = 1;
    return event;
}

struct fnd_write *write_move(struct scene *scene, int64_t step, enum fnd_event_kind kind,
                             enum fnd_state state, int32_t phase)
{
    struct fnd_error error = {0};
    struct fnd_step_row row;
    if (scene->reader == NULL) {
        scene_read(scene);
    }
    cr_assert_eq(fnd_step_get(scene->reader, step, &row, &error), FND_OK, "%s", error.message);
    struct fnd_write *write = fnd_write_create();
    write->step = step;
    write->before = row.event;
    write->outputs_count = row.outputs_count;
    memcpy(write->outputs, row.outputs, sizeof write->outputs);
    add_move(write, kind, state, phase);
    return write;
}

struct fnd_write *write_answer(struct scene *scene, int64_t step, int64_t request, bool record)
{
    struct fnd_write *write = write_move(scene, step, FND_EVENT_ANSWER, FND_RUNNING, 1);
    struct fnd_event *answer = &write->events[0];
    answer->ref = request;
    free(answer->body);
    answer->body =
        fnd_strdup(record ? "{\"record\":true,\"tier\":\"gold\",\"verdict\":\"corrected\"}"
                          : "{\"values\":{}}");
    answer->body_size = strlen(answer->body);
    write->record = record;
    write->tier = record ? FND_TIER_GOLD : 0;
    write->verdict = record ? FND_CORRECTED : 0;
    return write;
}

int64_t commit(struct scene *scene, struct fnd_write *write, enum fnd_status status)
{
    struct fnd_error error = {0};
    enum fnd_status found = fnd_store_commit(scene->store, write, &error);
    cr_assert_eq(found, status, "%s, not %s: %s", fnd_status_name(found), fnd_status_name(status),
                 error.message);
    int64_t first = write->first;
    fnd_write_destroy(write);
    return first;
}

void commit_fails(struct scene *scene, struct fnd_write *write, enum fnd_status status,
                  const char *part)
{
    struct fnd_error error = {0};
    cr_assert_eq(fnd_store_commit(scene->store, write, &error), status, "%s", error.message);
    cr_assert_not_null(strstr(error.message, part), "\"%s\" is not in: %s", part, error.message);
    fnd_write_destroy(write);
}

int64_t new_job(struct scene *scene, const char *path)
{
    struct fnd_pin_row pin;
    int64_t number;
    scene_read(scene);
    if (fnd_pin_latest(scene->reader, "invoice", &pin, NULL) == FND_OK) {
        number = pin.id;
        free(pin.pipeline);
    } else {
        number = commit(scene, write_pin("invoice", 1), FND_OK);
    }
    return commit(scene, write_job(scene, number, "invoice", path, 1), FND_OK);
}

struct fnd_step_row step_of(struct scene *scene, int64_t id)
{
    struct fnd_step_row row;
    struct fnd_error error = {0};
    cr_assert_eq(fnd_step_get(scene->reader, id, &row, &error), FND_OK, "%s", error.message);
    return row;
}

struct fnd_request_row request_of(struct scene *scene, int64_t id)
{
    struct fnd_request_row row;
    struct fnd_error error = {0};
    cr_assert_eq(fnd_request_get(scene->reader, id, &row, &error), FND_OK, "%s", error.message);
    return row;
}

int64_t last_event(struct scene *scene)
{
    int64_t sequence;
    uint8_t chain[FND_DIGEST_SIZE];
    scene_read(scene);
    cr_assert_eq(fnd_reader_head(scene->reader, &sequence, chain, NULL), FND_OK);
    return sequence;
}

int64_t paused_job(struct scene *scene, const char *path, int64_t *request)
{
    int64_t job = new_job(scene, path);
    commit(scene, write_move(scene, job, FND_EVENT_START, FND_RUNNING, 0), FND_OK);
    struct fnd_write *write = write_move(scene, job, FND_EVENT_OUTPUT, FND_RUNNING, 0);
    add_move(write, FND_EVENT_ASK, FND_PAUSED, 1);
    *request = commit(scene, write, FND_OK) + 1;
    return job;
}

static sqlite3 *raw(const struct scene *scene)
{
    char path[PATH_SIZE];
    sqlite3 *db = NULL;
    cr_assert_eq(sqlite3_open(scene_file(scene, "state.db", path), &db), SQLITE_OK);
    return db;
}

void sql(const struct scene *scene, const char *statement)
{
    sqlite3 *db = raw(scene);
    char *message = NULL;
    cr_assert_eq(sqlite3_exec(db, statement, NULL, NULL, &message), SQLITE_OK, "%s: %s", statement,
                 message);
    cr_assert_eq(sqlite3_close(db), SQLITE_OK);
}

int64_t sql_number(const struct scene *scene, const char *query)
{
    sqlite3 *db = raw(scene);
    sqlite3_stmt *statement = NULL;
    cr_assert_eq(sqlite3_prepare_v2(db, query, -1, &statement, NULL), SQLITE_OK, "%s: %s", query,
                 sqlite3_errmsg(db));
    cr_assert_eq(sqlite3_step(statement), SQLITE_ROW, "%s", query);
    int64_t number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    cr_assert_eq(sqlite3_close(db), SQLITE_OK);
    return number;
}

void flip_byte(const char *path, long offset)
{
    FILE *file = fopen(path, "r+b");
    cr_assert_not_null(file, "%s", path);
    cr_assert_eq(fseek(file, offset, SEEK_SET), 0);
    int byte = fgetc(file);
    cr_assert_neq(byte, EOF, "%s has no byte %ld", path, offset);
    cr_assert_eq(fseek(file, offset, SEEK_SET), 0);
    cr_assert_neq(fputc(byte ^ 0x01, file), EOF);
    cr_assert_eq(fclose(file), 0);
}

long file_size(const char *path)
{
    struct stat info;
    cr_assert_eq(stat(path, &info), 0, "%s", path);
    return (long)info.st_size;
}
