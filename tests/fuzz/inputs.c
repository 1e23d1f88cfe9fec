/* SPDX-License-Identifier: MIT */
/* Any bytes as an input file, by the first byte: 'l' a *.jsonl, 'j' a NAME.job.json, else a file of
 * any sort. The code that ingests runs whole; the store behind it is a list in memory (its
 * functions are put in by the linker's --wrap), so that the same directory can be looked through
 * thousands of times a second. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "fuzz.h"
#include "run/ingest.h"

enum { JOBS_MAX = 4096, FILE_SIZE_MAX = 1 << 16 };

static struct {
    int directory;
    struct fnd_pipeline pipeline;
    struct fnd_pinned pinned;
    struct fnd_env *env;
    struct job {
        char *path, *body;
        size_t body_size;
        uint64_t mark; /* of the path: most others differ in it */
    } jobs[JOBS_MAX];
    size_t count;
} scene;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static char name[] = "fuzz";
    (void)argc;
    (void)argv;
    fnd_digest_setup();
    scene.env = fnd_env_seeded_create(1, INT64_C(1700000000000000));
    scene.directory = open(fuzz_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    FUZZ_CHECK(scene.directory >= 0, "cannot open %s", fuzz_folder());
    scene.pipeline.name = name;
    scene.pinned = (struct fnd_pinned){.id = 1, .pipeline = &scene.pipeline};
    return 0;
}

static uint64_t mark_of(const char *path)
{
    uint64_t mark = UINT64_C(1469598103934665603);
    for (; *path != '\0'; path++) {
        mark = (mark ^ (unsigned char)*path) * UINT64_C(1099511628211);
    }
    return mark;
}

/** The job of that path, or JOBS_MAX. */
static size_t job_of(const char *path)
{
    const uint64_t mark = mark_of(path);
    size_t at = 0;
    while (at < scene.count &&
           (scene.jobs[at].mark != mark || strcmp(scene.jobs[at].path, path) != 0)) {
        at++;
    }
    return at < scene.count ? at : JOBS_MAX;
}

/* ---- in place of the store ---------------------------------------------------------------- */

int __wrap_fnd_store_directory(const struct fnd_store *store);
size_t __wrap_fnd_store_waiting(const struct fnd_store *store);
void __wrap_fnd_store_queue(struct fnd_store *store, struct fnd_write *write);
enum fnd_status __wrap_fnd_artifact_put_fd(struct fnd_store *store, int fd, uint64_t size_max,
                                           struct fnd_artifact *artifact, struct fnd_error *error);
enum fnd_status __wrap_fnd_job_find(struct fnd_reader *reader, const char *pipeline,
                                    const char *path, struct fnd_job_row *row,
                                    struct fnd_error *error);
enum fnd_status __wrap_fnd_jobs_below(struct fnd_reader *reader, const char *pipeline,
                                      const char *prefix, bool *any, struct fnd_error *error);
enum fnd_status __wrap_fnd_payload_get(struct fnd_reader *reader, int64_t event,
                                       struct fnd_text *body, struct fnd_text *meta,
                                       struct fnd_error *error);
const struct fnd_pinned *__wrap_fnd_pins_get(struct fnd_engine *engine, int64_t pin,
                                             struct fnd_error *error);
void __wrap_fnd_resume_fill(struct fnd_engine *engine);

int __wrap_fnd_store_directory(const struct fnd_store *store)
{
    (void)store;
    return scene.directory;
}

size_t __wrap_fnd_store_waiting(const struct fnd_store *store)
{
    (void)store;
    return 0;
}

/** A job came out: its body is JSON that says where it is from, its path is a text. */
void __wrap_fnd_store_queue(struct fnd_store *store, struct fnd_write *write)
{
    (void)store;
    struct fnd_event *event = &write->events[0];
    struct fnd_json body;
    struct fnd_error error = {0};
    FUZZ_CHECK(write->count == 1 && event->kind == FND_EVENT_JOB, "no job is written");
    FUZZ_CHECK(fnd_utf8_valid(write->path, strlen(write->path)), "an identity that is no UTF-8");
    FUZZ_CHECK(fnd_json_check(event->body, event->body_size, NULL, &body, &error) == FND_OK,
               "%s in %s", error.message, event->body);
    FUZZ_CHECK(fnd_json_text_is(fnd_json_member(body, "path"), write->path) &&
                   fnd_json_member(body, "input").bytes != NULL,
               "a body without path and input: %s", event->body);
    FUZZ_CHECK(scene.count < JOBS_MAX, "more jobs than bytes");
    FUZZ_CHECK(job_of(write->path) == JOBS_MAX, "two jobs are %s", write->path);
    scene.jobs[scene.count++] =
        (struct job){write->path, event->body, event->body_size, mark_of(write->path)};
    write->path = NULL;
    event->body = NULL;
    fnd_write_destroy(write);
}

enum fnd_status __wrap_fnd_artifact_put_fd(struct fnd_store *store, int fd, uint64_t size_max,
                                           struct fnd_artifact *artifact, struct fnd_error *error)
{
    (void)store;
    (void)size_max;
    (void)error;
    return fnd_sha256_fd(fd, artifact->hash, &artifact->size) == 0 ? FND_OK : FND_IO;
}

enum fnd_status __wrap_fnd_job_find(struct fnd_reader *reader, const char *pipeline,
                                    const char *path, struct fnd_job_row *row,
                                    struct fnd_error *error)
{
    (void)reader;
    (void)pipeline;
    const size_t at = job_of(path);
    if (at == JOBS_MAX) {
        return fnd_error_set(error, FND_NOT_FOUND, "no job %s", path);
    }
    *row = (struct fnd_job_row){.id = (int64_t)at, .pin = 1, .revision = 1};
    return FND_OK;
}

enum fnd_status __wrap_fnd_jobs_below(struct fnd_reader *reader, const char *pipeline,
                                      const char *prefix, bool *any, struct fnd_error *error)
{
    (void)reader;
    (void)pipeline;
    (void)error;
    *any = false;
    for (size_t i = 0; i < scene.count; i++) {
        *any = *any || strncmp(scene.jobs[i].path, prefix, strlen(prefix)) == 0;
    }
    return FND_OK;
}

enum fnd_status __wrap_fnd_payload_get(struct fnd_reader *reader, int64_t event,
                                       struct fnd_text *body, struct fnd_text *meta,
                                       struct fnd_error *error)
{
    (void)reader;
    (void)meta;
    (void)error;
    fnd_text_append(body, scene.jobs[event].body, scene.jobs[event].body_size);
    return FND_OK;
}

const struct fnd_pinned *__wrap_fnd_pins_get(struct fnd_engine *engine, int64_t pin,
                                             struct fnd_error *error)
{
    (void)engine;
    (void)pin;
    (void)error;
    return &scene.pinned;
}

void __wrap_fnd_resume_fill(struct fnd_engine *engine)
{
    (void)engine;
}

/* ---- the target --------------------------------------------------------------------------- */

struct input {
    const char *bytes;
    size_t size;
    size_t refused;
};

static void refused(void *context, const struct fnd_error *error)
{
    struct input *input = context;
    fuzz_error_check(error, input->bytes, input->size);
    input->refused++;
}

/** Look through the directory; the second time nothing is new. */
static void ingest(struct fnd_engine *engine, struct input *input)
{
    struct fnd_ingest first = {0}, second = {0};
    struct fnd_error error = {0};
    FUZZ_CHECK(fnd_engine_ingest(engine, 1, false, &first, refused, input, &error) == FND_OK, "%s",
               error.message);
    FUZZ_CHECK(first.created == scene.count && first.refused == input->refused,
               "%zu created of %zu, %zu refused of %zu", first.created, scene.count, first.refused,
               input->refused);
    FUZZ_CHECK(first.revised == 0 && first.unchanged == 0, "%zu revised, %zu unchanged",
               first.revised, first.unchanged);
    FUZZ_CHECK(fnd_engine_ingest(engine, 1, false, &second, refused, input, &error) == FND_OK, "%s",
               error.message);
    FUZZ_CHECK(second.created == 0 && second.revised == 0 && second.refused == first.refused &&
                   second.unchanged == first.created,
               "again: %zu created, %zu revised, %zu unchanged of %zu", second.created,
               second.revised, second.unchanged, first.created);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size == 0 || size > FILE_SIZE_MAX) {
        return 0;
    }
    const char *name = bytes[0] == 'l'   ? "in.jsonl"
                       : bytes[0] == 'j' ? "in.job.json"
                                         : "in.\xc3\xa4\xff";
    struct input input = {(const char *)bytes + 1, size - 1, 0};
    struct fnd_engine *engine = fnd_alloc(sizeof *engine);
    engine->options.env = scene.env;
    const int fd = openat(scene.directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FUZZ_CHECK(fd >= 0 && fnd_write_all(fd, input.bytes, input.size) == 0, "cannot write %s", name);
    (void)close(fd);
    ingest(engine, &input);
    (void)unlinkat(scene.directory, name, 0);
    for (; scene.count > 0; scene.count--) {
        free(scene.jobs[scene.count - 1].path);
        free(scene.jobs[scene.count - 1].body);
    }
    free(engine);
    return 0;
}
