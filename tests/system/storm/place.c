/* SPDX-License-Identifier: MIT */
#include "place.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
#include "worker/confine.h"

const char place_plain[] =
    "foundry: v1\nname: plain\nphases:\n"
    "  - {id: copy, uses: steps/copy, isolation: inline, with: {value: \"${input}\"}}\n";

static int file_remove(const char *path, const struct stat *file, int flag, struct FTW *walk)
{
    (void)file;
    (void)flag;
    (void)walk;
    return remove(path);
}

static void news_keep(void *context, const struct fnd_news *news)
{
    struct place *place = context;
    if (place->acks_count < PLACE_ACKS_MAX) {
        place->acks[place->acks_count++] =
            (struct fnd_news){.kind = news->kind, .job = news->job, .event = news->event};
    }
}

void place_begin(struct place *place, const char *yaml)
{
    memset(place, 0, sizeof *place);
    const char *build = getenv("FOUNDRY_BUILD_ROOT");
    cr_assert_not_null(build, "FOUNDRY_BUILD_ROOT is not set: run this by meson test");
    fnd_digest_setup();
    strcpy(place->folder, "/tmp/foundry-place-XXXXXX");
    cr_assert_not_null(mkdtemp(place->folder));
    snprintf(place->jobs, sizeof place->jobs, "%s/jobs", place->folder);
    snprintf(place->pipeline, sizeof place->pipeline, "%s/pipeline.yaml", place->folder);
    snprintf(place->plugin_path, sizeof place->plugin_path, "%s/tests/plugins:%s/plugins/detect",
             build, build);
    cr_assert_eq(mkdir(place->jobs, 0700), 0);
    char cache[PLACE_PATH_SIZE];
    snprintf(cache, sizeof cache, "%s/cache", place->folder);
    setenv("XDG_CACHE_HOME", cache, 1);
    FILE *file = fopen(place->pipeline, "w");
    cr_assert_not_null(file);
    fputs(yaml, file);
    fclose(file);
    place->options = (struct fnd_engine_options){.env = fnd_env_system(),
                                                 .directory = place->jobs,
                                                 .kinds = fnd_review_kinds(),
                                                 .store = {.create = true},
                                                 .plugin_path = place->plugin_path,
                                                 .worker_program = getenv("FOUNDRY_WORKER"),
                                                 .isolation = FND_ISOLATION_PROCESS,
                                                 .workers_max = 2,
                                                 .news = news_keep,
                                                 .context = place};
}

void place_end(struct place *place)
{
    place_close(place);
    fnd_text_finish(&place->refusals);
    nftw(place->folder, file_remove, 32, FTW_DEPTH | FTW_PHYS);
}

void place_write(const struct place *place, const char *name, const char *text, size_t size)
{
    struct fnd_text path = {0};
    fnd_text_printf(&path, "%s/%s", place->jobs, name);
    int fd = open(fnd_text_z(&path), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0, "%s", fnd_text_z(&path));
    cr_assert_eq(fnd_write_all(fd, text, size), 0);
    close(fd);
    fnd_text_finish(&path);
}

enum fnd_status place_open(struct place *place)
{
    enum fnd_status status = fnd_engine_open(&place->options, &place->engine, &place->error);
    if (status != FND_OK) {
        place->engine = NULL;
        return status;
    }
    memset(&place->errors, 0, sizeof place->errors);
    status =
        fnd_engine_pin(place->engine, place->pipeline, NULL, &place->pin, &place->errors, NULL);
    if (status != FND_OK) {
        place->error = place->errors.list[0];
    }
    return status;
}

void place_close(struct place *place)
{
    fnd_engine_close(place->engine);
    place->engine = NULL;
}

static void refusal_keep(void *context, const struct fnd_error *error)
{
    struct place *place = context;
    fnd_text_printf(&place->refusals, "%s:%zu: %s\n", error->file, error->line, error->message);
}

enum fnd_status place_run(struct place *place)
{
    memset(&place->counts, 0, sizeof place->counts);
    fnd_text_clear(&place->refusals);
    enum fnd_status status = fnd_engine_resume(place->engine, NULL, &place->error);
    if (status == FND_OK) {
        status = fnd_engine_ingest(place->engine, place->pin, false, &place->counts, refusal_keep,
                                   place, &place->error);
    }
    return status == FND_OK ? fnd_engine_run(place->engine, NULL, &place->error) : status;
}

static struct fnd_reader *reader_open(struct place *place)
{
    struct fnd_reader *reader = NULL;
    struct fnd_error error = {0};
    cr_assert_eq(fnd_reader_open(place->jobs, &reader, &error), FND_OK, "%s", error.message);
    return reader;
}

int64_t place_count(struct place *place, enum fnd_state state)
{
    int64_t counts[FND_CANCELLED + 1] = {0};
    struct fnd_reader *reader = reader_open(place);
    struct fnd_error error = {0};
    cr_assert_eq(fnd_jobs_count(reader, NULL, counts, &error), FND_OK, "%s", error.message);
    fnd_reader_close(reader);
    return counts[state];
}

static void flaw_tell(const char *sentence, void *context)
{
    (void)context;
    fprintf(stderr, "verify: %s\n", sentence);
}

void place_check(struct place *place)
{
    struct fnd_reader *reader = reader_open(place);
    struct fnd_verify verify = {0};
    struct fnd_error error = {0};
    cr_expect_eq(fnd_store_verify(reader, &verify, flaw_tell, NULL, &error), FND_OK, "%s",
                 error.message);
    cr_expect_eq(verify.flaws, 0, "%" PRId64 " flaws", verify.flaws);
    for (size_t i = 0; i < place->acks_count; i++) {
        const struct fnd_news *ack = &place->acks[i];
        struct fnd_event_row event = {0};
        cr_assert_eq(fnd_event_get(reader, ack->event, &event, &error), FND_OK,
                     "acknowledged, and lost: %s", error.message);
        cr_assert(event.kind == ack->kind && event.step == ack->job,
                  "event %" PRId64 " is not what was acknowledged", ack->event);
    }
    fnd_reader_close(reader);
}

/* --- this process's memory ----------------------------------------------------------------- */

static size_t status_kib(const char *name)
{
    char line[256];
    size_t kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    cr_assert_not_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) {
            kib = strtoul(line + strlen(name), NULL, 10);
        }
    }
    fclose(file);
    return kib;
}

size_t memory_peak_kib(void)
{
    return status_kib("VmHWM:");
}

size_t memory_kib(void)
{
    return status_kib("VmRSS:");
}

void memory_peak_reset(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    cr_assert_not_null(file);
    fputs("5", file);
    fclose(file);
}

bool under_sanitizer(void)
{
    return FND_SANITIZED != 0;
}

/* --- drivers ------------------------------------------------------------------------------- */

void child_start(struct place *place, struct child *child, const char *option, const char *value)
{
    int in[2], out[2];
    char driver[PLACE_PATH_SIZE];
    snprintf(driver, sizeof driver, "%s/tests/system/storm/storm_driver",
             getenv("FOUNDRY_BUILD_ROOT"));
    cr_assert(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
    child->pid = fork();
    if (child->pid == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        execl(driver, "driver", place->jobs, place->pipeline, place->plugin_path, option, value,
              (char *)NULL);
        _exit(127);
    }
    cr_assert_gt(child->pid, 0);
    close(in[0]);
    close(out[1]);
    child->in = in[1];
    child->out = fdopen(out[0], "r");
    cr_assert_not_null(child->out);
}

bool child_says(struct child *child, const char *word)
{
    char line[256];
    while (fgets(line, sizeof line, child->out) != NULL) {
        if (strncmp(line, word, strlen(word)) == 0) {
            return true;
        }
    }
    return false;
}

int child_end(struct child *child)
{
    int status = 0;
    close(child->in);
    child_says(child, "no such word: read to the end");
    fclose(child->out);
    cr_assert_eq(waitpid(child->pid, &status, 0), child->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}
