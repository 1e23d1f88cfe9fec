/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* nftw, mkdtemp */
#include "support.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <locale.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

enum { START_US = 1772366400 };

void scene_begin(struct scene *scene, uint64_t seed)
{
    struct fnd_error error = {0};
    const char *tmp = getenv("TMPDIR");
    *scene = (struct scene){0};
    snprintf(scene->directory, sizeof scene->directory, "%s/foundry-dataset-XXXXXX",
             tmp != NULL ? tmp : "/tmp");
    cr_assert_not_null(mkdtemp(scene->directory));
    scene->env = fnd_env_seeded_create(seed, (int64_t)START_US * 1000000);
    struct fnd_store_options options = {.env = scene->env, .create = true};
    cr_assert_eq(fnd_store_open(scene->directory, &options, &scene->store, &error), FND_OK, "%s",
                 error.message);
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
    fnd_reader_close(scene->reader);
    fnd_store_close(scene->store);
    nftw(scene->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    fnd_env_seeded_destroy(scene->env);
}

const char *scene_path(const struct scene *scene, const char *name, char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%.*s/%s", PATH_SIZE - 128, scene->directory, name);
    return path;
}

static int64_t commit(struct scene *scene, struct fnd_write *write)
{
    struct fnd_error error = {0};
    cr_assert_eq(fnd_store_commit(scene->store, write, &error), FND_OK, "%s", error.message);
    int64_t first = write->first;
    fnd_write_destroy(write);
    return first;
}

int64_t scene_pin(struct scene *scene, const char *name, const char *exports)
{
    struct fnd_text body = {0};
    struct fnd_write *write = fnd_write_create();
    fnd_text_printf(&body,
                    "{\"canonical\":{\"export\":%s,\"foundry\":\"v1\",\"name\":\"%s\","
                    "\"phases\":[{\"id\":\"extract\"},{\"id\":\"review\"}]},\"files\":{},"
                    "\"foundry\":\"v1\",\"name\":\"%s\",\"params\":{\"below\":0.95,"
                    "\"what\":\"invoice\"},\"plugins\":{\"invoice\":{\"abi\":\"0.1\","
                    "\"sha256\":\"11\",\"version\":\"1.0.0\"}}}",
                    exports, name, name);
    fnd_sha256(body.bytes, body.size, write->hash);
    write->pipeline = fnd_strdup(name);
    fnd_write_add(write, FND_EVENT_PIN, fnd_text_take(&body), NULL);
    return commit(scene, write);
}

static int64_t job_commit(struct scene *scene, int64_t pin, const char *pipeline, const char *path,
                          int32_t revision, const char *rest, const struct fnd_artifact *artifact)
{
    struct fnd_text body = {0};
    struct fnd_write *write = fnd_write_create();
    char uuid[FND_UUID_TEXT_SIZE];
    fnd_uuid_make(scene->env, write->uuid);
    fnd_uuid_format(write->uuid, uuid);
    fnd_text_printf(&body,
                    "{\"uuid\":\"%s\",\"pin\":%" PRId64 ",\"pipeline\":\"%s\",\"path\":", uuid, pin,
                    pipeline);
    fnd_text_append_json_z(&body, path);
    fnd_text_printf(&body, ",\"revision\":%" PRId32 ",%s}", revision, rest);
    write->pin = pin;
    write->pipeline = fnd_strdup(pipeline);
    write->path = fnd_strdup(path);
    write->revision = revision;
    struct fnd_event *event = fnd_write_add(write, FND_EVENT_JOB, fnd_text_take(&body), NULL);
    event->after = (struct fnd_stand){.state = FND_RUNNING, .attempt = 1};
    if (artifact != NULL) {
        event->artifacts = fnd_realloc(NULL, 1, sizeof *event->artifacts);
        event->artifacts[0] = *artifact;
        event->artifacts_count = 1;
    }
    return commit(scene, write);
}

static int64_t file_job(struct scene *scene, int64_t pin, const char *pipeline, const char *path,
                        const char *media_type, struct fnd_artifact artifact, int32_t revision)
{
    struct fnd_text rest = {0};
    char hash[FND_DIGEST_TEXT_SIZE];
    fnd_digest_text(artifact.hash, hash);
    fnd_text_append_z(&rest,
                      "\"source\":{},\"input\":{\"file\":\"input\",\"name\":\"n\",\"path\":");
    fnd_text_append_json_z(&rest, path);
    fnd_text_printf(&rest,
                    "},\"artifacts\":{\"input\":{\"media_type\":\"%s\",\"sha256\":\"%s\",\"size\":"
                    "%" PRIu64 "}}",
                    media_type, hash, artifact.size);
    int64_t job = job_commit(scene, pin, pipeline, path, revision, fnd_text_z(&rest), &artifact);
    fnd_text_finish(&rest);
    return job;
}

int64_t scene_job(struct scene *scene, int64_t pin, const char *pipeline, const char *path,
                  const char *media_type, uint64_t size, int32_t revision)
{
    struct fnd_artifact artifact = {.size = size};
    fnd_sha256(path, strlen(path), artifact.hash);
    return file_job(scene, pin, pipeline, path, media_type, artifact, revision);
}

int64_t scene_file_job(struct scene *scene, int64_t pin, const char *pipeline, const char *path,
                       const char *media_type, const void *bytes, size_t size)
{
    struct fnd_artifact artifact = {.size = 0};
    struct fnd_error error = {0};
    cr_assert_eq(fnd_artifact_put(scene->store, bytes, size, &artifact, &error), FND_OK, "%s",
                 error.message);
    return file_job(scene, pin, pipeline, path, media_type, artifact, 1);
}

int64_t scene_value_job(struct scene *scene, int64_t pin, const char *pipeline, const char *path,
                        const char *value)
{
    struct fnd_text rest = {0};
    fnd_text_printf(&rest, "\"source\":{},\"input\":%s", value);
    int64_t job = job_commit(scene, pin, pipeline, path, 1, fnd_text_z(&rest), NULL);
    fnd_text_finish(&rest);
    return job;
}

static struct fnd_write *move(struct scene *scene, int64_t job)
{
    struct fnd_error error = {0};
    struct fnd_step_row row;
    struct fnd_write *write = fnd_write_create();
    cr_assert_eq(fnd_step_get(scene->reader, job, &row, &error), FND_OK, "%s", error.message);
    write->step = job;
    write->before = row.event;
    write->outputs_count = row.outputs_count;
    memcpy(write->outputs, row.outputs, sizeof write->outputs);
    return write;
}

static struct fnd_event *add(struct fnd_write *write, enum fnd_event_kind kind, const char *body,
                             const char *meta, int32_t phase, enum fnd_state state, int32_t next)
{
    struct fnd_event *event =
        fnd_write_add(write, kind, fnd_strdup(body), meta != NULL ? fnd_strdup(meta) : NULL);
    event->phase = phase;
    event->attempt = 1;
    event->after = (struct fnd_stand){.state = state, .phase = next, .attempt = 1};
    return event;
}

void scene_model(struct scene *scene, int64_t job, const char *output, const char *marks)
{
    struct fnd_write *write = move(scene, job);
    add(write, FND_EVENT_OUTPUT, output, marks, 0, FND_RUNNING, 1);
    commit(scene, write);
}

int64_t scene_ask(struct scene *scene, int64_t job)
{
    struct fnd_write *write = move(scene, job);
    add(write, FND_EVENT_ASK,
        "{\"origin\":\"gate\",\"phase\":\"review\",\"subject\":\"extract\",\"audit\":false,"
        "\"questions\":[{\"key\":\"supplier\",\"kind\":\"LOW_CONFIDENCE\",\"question\":\"Right?\","
        "\"pointer\":\"/supplier_name\"}]}",
        NULL, 1, FND_PAUSED, 1);
    return commit(scene, write);
}

static struct fnd_text answer_begin(struct scene *scene, int64_t request, const char *verdict)
{
    struct fnd_text body = {0};
    uint8_t uuid[FND_UUID_SIZE];
    char text[FND_UUID_TEXT_SIZE];
    fnd_uuid_make(scene->env, uuid);
    fnd_uuid_format(uuid, text);
    fnd_text_printf(&body,
                    "{\"record\":true,\"uuid\":\"%s\",\"tier\":\"gold\",\"verdict\":\"%s\","
                    "\"request\":%" PRId64 ",\"version\":1,\"phase\":\"review\",\"by\":\"ann\","
                    "\"seconds\":4.200",
                    text, verdict, request);
    return body;
}

static int64_t answer_commit(struct scene *scene, struct fnd_write *write, int64_t request,
                             enum fnd_verdict verdict)
{
    write->events[0].ref = request;
    write->record = true;
    write->tier = FND_TIER_GOLD;
    write->verdict = (uint8_t)verdict;
    return commit(scene, write);
}

int64_t scene_answer(struct scene *scene, int64_t job, int64_t request, const char *verdict,
                     const char *fields, const char *human)
{
    struct fnd_write *write = move(scene, job);
    struct fnd_text body = answer_begin(scene, request, verdict);
    fnd_text_printf(&body, ",\"subject_event\":%" PRId64 ",\"fields\":%s}", write->outputs[0],
                    fields);
    const enum fnd_verdict number = strcmp(verdict, "accepted") == 0    ? FND_ACCEPTED
                                    : strcmp(verdict, "corrected") == 0 ? FND_CORRECTED
                                                                        : FND_REJECTED;
    add(write, FND_EVENT_ANSWER, fnd_text_z(&body), NULL, 1, FND_PAUSED, 1);
    if (human != NULL) {
        add(write, FND_EVENT_OUTPUT, human, NULL, 1, FND_COMPLETED, 2)->ref = FND_REF_FIRST;
    } else {
        add(write, FND_EVENT_FAIL, "{\"code\":\"rejected\"}", NULL, 1, FND_FAILED, 1);
    }
    fnd_text_finish(&body);
    return answer_commit(scene, write, request, number);
}

int64_t scene_plain_answer(struct scene *scene, int64_t job, int64_t request, const char *answers)
{
    struct fnd_write *write = move(scene, job);
    struct fnd_text body = answer_begin(scene, request, "corrected");
    fnd_text_printf(&body, ",\"fields\":{},\"answers\":%s}", answers);
    add(write, FND_EVENT_ANSWER, fnd_text_z(&body), NULL, 1, FND_RUNNING, 1);
    fnd_text_finish(&body);
    return answer_commit(scene, write, request, FND_CORRECTED);
}

void scene_reopen(struct scene *scene, int64_t job)
{
    struct fnd_write *write = move(scene, job);
    add(write, FND_EVENT_REOPEN, "{\"by\":\"ann\"}", NULL, 1, FND_RUNNING, 1);
    commit(scene, write);
}

int64_t scene_record(struct scene *scene, int64_t pin, const char *pipeline, const char *path,
                     int number)
{
    struct fnd_text model = {0}, human = {0}, fields = {0};
    fnd_text_printf(&model, "{\"supplier_name\":\"Hardwar & Son\",\"total\":%d.50}", number);
    fnd_text_printf(&human, "{\"supplier_name\":\"Hardware & Son\",\"total\":%d.50}", number);
    fnd_text_append_z(&fields, "{\"/supplier_name\":{\"from\":\"Hardwar & Son\","
                               "\"to\":\"Hardware & Son\",\"confidence\":0.82}}");
    int64_t job = scene_job(scene, pin, pipeline, path, "image/png", 1000, 1);
    scene_model(scene, job, fnd_text_z(&model),
                "{\"confidence\":{\"/supplier_name\":0.82},\"origin\":{}}");
    int64_t record = scene_answer(scene, job, scene_ask(scene, job), "corrected",
                                  fnd_text_z(&fields), fnd_text_z(&human));
    fnd_text_finish(&model);
    fnd_text_finish(&human);
    fnd_text_finish(&fields);
    return record;
}

void scene_tamper(struct scene *scene, const char *statement)
{
    char path[PATH_SIZE];
    char *message = NULL;
    sqlite3 *db = NULL;
    struct fnd_error error = {0};
    fnd_reader_close(scene->reader);
    cr_assert_eq(sqlite3_open(scene_path(scene, ".foundry/state.db", path), &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, statement, NULL, NULL, &message), SQLITE_OK, "%s", message);
    cr_assert_eq(sqlite3_close(db), SQLITE_OK);
    cr_assert_eq(fnd_reader_open(scene->directory, &scene->reader, &error), FND_OK, "%s",
                 error.message);
}

static void said(void *context, const struct fnd_dataset_note *note)
{
    struct scene *scene = context;
    cr_assert_lt(scene->notes_count, NOTES_MAX);
    scene->notes[scene->notes_count] = *note;
    snprintf(scene->messages[scene->notes_count++], sizeof scene->messages[0], "%s", note->message);
    *(note->warning ? &scene->warnings : &scene->errors) += 1;
}

static void progress(void *context, size_t lines)
{
    const struct scene *scene = context;
    if (scene->die_at > 0 && lines == scene->die_at) {
        kill(getpid(), SIGKILL);
    }
}

struct fnd_export_options scene_options(struct scene *scene, const char *format)
{
    return (struct fnd_export_options){
        .format = format, .said = said, .progress = progress, .context = scene};
}

void scene_export(struct scene *scene, const struct fnd_export_options *options,
                  struct fnd_export_result *result, enum fnd_status status, struct fnd_error *error)
{
    struct fnd_error local = {0};
    error = error != NULL ? error : &local;
    scene->notes_count = scene->errors = scene->warnings = 0;
    enum fnd_status found = fnd_dataset_export(scene->reader, NULL, options, result, error);
    for (size_t i = 0; found != status && i < scene->notes_count; i++) {
        cr_log_warn("said: %s", scene->messages[i]);
    }
    cr_assert_eq(found, status, "%s, not %s: %s", fnd_status_name(found), fnd_status_name(status),
                 error->message);
}

bool scene_noted(const struct scene *scene, int64_t record, const char *part)
{
    for (size_t i = 0; i < scene->notes_count; i++) {
        if (scene->notes[i].record == record && strstr(scene->messages[i], part) != NULL) {
            return true;
        }
    }
    for (size_t i = 0; i < scene->notes_count; i++) {
        cr_log_warn("said of record %" PRId64 ": %s", scene->notes[i].record, scene->messages[i]);
    }
    return false;
}

enum fnd_status scene_take(struct scene *scene, const struct fnd_text *example, bool *known,
                           struct fnd_error *error)
{
    struct fnd_text line = {0};
    struct fnd_json value = {NULL, 0};
    cr_assert(memchr(example->bytes, '\n', example->size) == NULL);
    fnd_text_append(&line, example->bytes, example->size);
    fnd_text_append_byte(&line, '}');
    enum fnd_status status = fnd_json_check(line.bytes, line.size, NULL, &value, error);
    if (status == FND_OK) {
        status = fnd_dataset_import_record(scene->reader, scene->store, value, known, error);
    }
    fnd_text_finish(&line);
    return status;
}

void read_all(const char *path, struct fnd_text *text)
{
    struct fnd_error error = {0};
    fnd_text_clear(text);
    cr_assert_eq(fnd_file_read(AT_FDCWD, path, 1 << 26, text, &error), FND_OK, "%s", error.message);
}

bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

void elsewhere(void)
{
    char folder[] = "/tmp/foundry-locale-XXXXXX", command[256];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8", folder);
    cr_assert_eq(system(command), 0, "%s; ./dev deps test installs it", command);
    setenv("LOCPATH", folder, 1);
    cr_assert_not_null(setlocale(LC_ALL, "de_DE.UTF-8"));
    cr_assert_str_eq(localeconv()->decimal_point, ",");
    snprintf(command, sizeof command, "rm -r %s", folder); /* it has been loaded */
    cr_assert_eq(system(command), 0);
    setenv("TZ", "Pacific/Chatham", 1);
    tzset();
}
