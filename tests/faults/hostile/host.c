/* SPDX-License-Identifier: MIT */
/* One case: an engine over a directory of its own, a job for the hostile plugin and one for good
 * ones, and what is left behind them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hostile.h"
#include "review/review.h"
#include "run/engine.h"
#include "store/verify.h"
#include "worker/confine.h"

enum {
    REST_MS = 180000,     /* for all of a case to come to rest */
    ORPHAN_MS = 1000,     /* and for what it started to be gone */
    STOP_MS = 2000,       /* the grace and 1 s: from the limit to the end */
    STOP_SLACK_MS = 3000, /* of a machine that does other things, too */
    GROWTH_PERCENT = 5,   /* of the host's memory, a case */
    GROWTH_KIB = 4096,    /* or less than this */
    PEAK_KIB = 64 << 10,  /* above what it had */
    MEMORY_MIB = 256      /* of a worker */
};

/** A case under way. */
struct trial {
    const struct hostile_host *host;
    const struct hostile_case *it;
    struct hostile_row *row;
    char folder[HOSTILE_PATH_SIZE * 2], jobs[HOSTILE_PATH_SIZE * 2 + 8];
    char path[HOSTILE_PATH_SIZE * 2];
    struct fnd_engine *engine;
    struct fnd_error error;
    size_t faults;
};

static int64_t now_ms(void)
{
    return fnd_env_system()->monotonic_us(fnd_env_system()) / 1000;
}

/** Note what is wrong; the first thing is what is shown. */
static void blame(struct trial *trial, const char *what, const char *detail)
{
    if (trial->faults++ == 0) {
        (void)snprintf(trial->row->text, sizeof trial->row->text, "%.100s: %.280s", what, detail);
    }
    trial->row->bad = true;
}

/* --- of this process -------------------------------------------------------------------------- */

static size_t fds_count(void)
{
    size_t count = 0;
    DIR *list = opendir("/proc/self/fd");
    while (list != NULL && readdir(list) != NULL) {
        count++;
    }
    if (list != NULL) {
        (void)closedir(list);
    }
    return count;
}

static long status_kib(const char *name)
{
    char line[256];
    long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) {
            kib = strtol(line + strlen(name), NULL, 10);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return kib;
}

static void peak_reset(void)
{
    const int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)!write(fd, "5", 1);
        (void)close(fd);
    }
}

/** We are the reaper of all that we started. Milliseconds until nothing is left, or -1. */
static int64_t orphans_wait(void)
{
    const int64_t began_ms = now_ms();
    while (now_ms() - began_ms <= ORPHAN_MS) {
        const pid_t gone = waitpid(-1, NULL, WNOHANG);
        if (gone < 0 && errno == ECHILD) {
            return now_ms() - began_ms;
        }
        if (gone == 0) {
            (void)poll(NULL, 0, 5);
        }
    }
    return -1;
}

/* --- files ------------------------------------------------------------------------------------ */

static void file_write(const char *folder, const char *name, const char *text)
{
    char path[HOSTILE_PATH_SIZE * 3];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

static void files_write(struct trial *trial)
{
    const struct hostile_case *it = trial->it;
    const struct hostile_host *host = trial->host;
    char yaml[HOSTILE_PATH_SIZE * 4], with[HOSTILE_PATH_SIZE * 3] = "";
    const char *place = host->plant == PLANT_INLINE ? "inline"
                        : host->sandbox             ? "sandbox"
                                                    : "process";
    int limit_ms = it->limit_ms == 0 ? HOSTILE_LIMIT_MS : it->limit_ms;
    if (host->plant == PLANT_SLOW && it->stops) {
        limit_ms = HOSTILE_LIMIT_MS + STOP_MS + STOP_SLACK_MS;
    }
    (void)snprintf(trial->folder, sizeof trial->folder, "%s/case-%zu", host->folder,
                   trial->row->index);
    (void)snprintf(trial->jobs, sizeof trial->jobs, "%s/jobs", trial->folder);
    (void)mkdir(trial->folder, 0755);
    (void)mkdir(trial->jobs, 0755);
    if (strcmp(it->uses, "wild/store-touch") == 0) {
        (void)snprintf(with, sizeof with, ", with: {path: %s/.foundry/state.db}", trial->jobs);
    } else if (strcmp(it->uses, "wild/shout") == 0) {
        (void)snprintf(with, sizeof with, ", with: {mib: %d}", host->shout_mib);
    }
    (void)snprintf(yaml, sizeof yaml,
                   "foundry: v1\nname: bad\ninputs: {match: [\"bad.*\"]}\n"
                   "defaults: {timeout: %dms, retry: {max: 0}, isolation: %s}\n"
                   "phases:\n  - {id: sin, uses: \"%s\"%s}\n",
                   limit_ms, place, it->uses, with);
    if (it->folder != NULL) { /* beside its pipeline */
        char from[HOSTILE_PATH_SIZE * 2], to[HOSTILE_PATH_SIZE * 3];
        (void)snprintf(from, sizeof from, "%s/bad/%s.so", host->base, it->folder);
        (void)snprintf(to, sizeof to, "%s/%s.so", trial->folder, it->folder);
        (void)unlink(to);
        if (link(from, to) != 0 && symlink(from, to) != 0) {
            perror(to);
            exit(1);
        }
    }
    file_write(trial->folder, "bad.yaml", yaml);
    (void)snprintf(yaml, sizeof yaml,
                   "foundry: v1\nname: good\ninputs: {match: [\"good.*\"]}\n"
                   "defaults: {timeout: 60s, retry: {max: 0}, isolation: %s}\n"
                   "phases:\n  - {id: copy, uses: steps/copy, with: {value: 1}}\n"
                   "  - {id: keep, uses: steps/keep, with: {text: good}}\n",
                   host->sandbox ? "sandbox" : "process");
    file_write(trial->folder, "good.yaml", yaml);
    file_write(trial->jobs, "bad.job.json", "{}");
    file_write(trial->jobs, "good.job.json", "{}");
}

/* --- the engine --------------------------------------------------------------------------------
 */

static void refusal(void *context, const struct fnd_error *error)
{
    blame(context, "an input was refused", error->message);
}

/** The state of a job, how long its phase took, and what its last event says. */
static enum fnd_state job_look(struct trial *trial, struct fnd_reader *reader, const char *name,
                               int64_t *took_ms, struct fnd_text *body)
{
    struct fnd_job_row job = {0};
    struct fnd_step_row step = {0};
    struct fnd_event_row first = {0}, last = {0};
    struct fnd_text meta = {0};
    struct fnd_error *error = &trial->error;
    if (fnd_job_name(reader, name, &job, error) != FND_OK ||
        fnd_step_get(reader, job.id, &step, error) != FND_OK ||
        fnd_event_get(reader, step.event, &last, error) != FND_OK ||
        fnd_event_get(reader, last.prev > 0 ? last.prev : step.event, &first, error) != FND_OK ||
        fnd_payload_get(reader, step.event, body, &meta, error) != FND_OK) {
        blame(trial, name, error->message);
    }
    *took_ms = (last.at_us - first.at_us) / 1000;
    fnd_text_finish(&meta);
    fnd_job_row_finish(&job);
    return step.stand.state;
}

static void news(void *context, const struct fnd_news *it)
{
    struct fnd_text *held = context;
    if (it->message != NULL && it->kind != FND_EVENT_FAIL) {
        fnd_text_append_z(held, it->message);
    }
}

/** Turn until nothing moves. */
static void engine_rest(struct trial *trial)
{
    const int64_t last_ms = now_ms() + REST_MS;
    while (!fnd_engine_idle(trial->engine)) {
        if (fnd_engine_turn(trial->engine, &trial->error) != FND_OK) {
            blame(trial, "the engine stopped", trial->error.message);
            return;
        }
        int64_t wait_us = fnd_engine_wait_us(trial->engine);
        wait_us = wait_us < 0 || wait_us > 100000 ? 100000 : wait_us;
        struct pollfd ready = {fnd_engine_fd(trial->engine), POLLIN, 0};
        (void)poll(&ready, 1, (int)((wait_us + 999) / 1000));
        if (now_ms() > last_ms) {
            blame(trial, "the engine does not come to rest", "");
            return;
        }
    }
}

/** Pin a pipeline and take in its inputs. false: it is refused; its first error is in `refused`. */
static bool pipeline_begin(struct trial *trial, const char *name, struct fnd_text *refused)
{
    char path[HOSTILE_PATH_SIZE * 3];
    struct fnd_errors errors = {0};
    struct fnd_ingest counts = {0};
    int64_t pin = 0;
    (void)snprintf(path, sizeof path, "%s/%s.yaml", trial->folder, name);
    if (fnd_engine_pin(trial->engine, path, NULL, &pin, &errors, NULL) != FND_OK) {
        fnd_text_append_z(refused, errors.list[0].message);
        return false;
    }
    if (fnd_engine_ingest(trial->engine, pin, false, &counts, refusal, trial, &trial->error) !=
        FND_OK) {
        blame(trial, "inputs", trial->error.message);
    }
    return true;
}

static void flaw(const char *sentence, void *context)
{
    blame(context, "verify", sentence);
}

static void store_check(struct trial *trial, struct fnd_reader *reader)
{
    struct fnd_verify verify = {0};
    if (fnd_store_verify(reader, &verify, flaw, trial, &trial->error) != FND_OK) {
        blame(trial, "verify", trial->error.message);
    }
}

/* --- judgement ---------------------------------------------------------------------------------
 */

static const char *const end_names[] = {"failed", "completed", "held", "refused", "not here"};

static enum hostile_end end_wanted(const struct trial *trial)
{
    return trial->host->sandbox ? trial->it->sandbox : trial->it->process;
}

/** The end is what it must be, and says why. */
static void end_judge(struct trial *trial, enum hostile_end end, const char *reason)
{
    const enum hostile_end wanted = end_wanted(trial);
    bool said = false;
    for (size_t i = 0; trial->it->says[i] != NULL && trial->host->plant != PLANT_REASON; i++) {
        said = said || strstr(reason, trial->it->says[i]) != NULL;
    }
    char what[128];
    (void)snprintf(what, sizeof what, "it %s, and must be %s; said", end_names[end],
                   end_names[wanted]);
    if (end != wanted) {
        blame(trial, what, reason);
    } else if (!said) {
        blame(trial, "its reason is not named", reason);
    }
    for (const char *at = reason; *at != '\0'; at++) {
        if ((unsigned char)*at == 0x1b || (unsigned char)*at == 0x7f) {
            blame(trial, "control characters are on record", "");
            return;
        }
    }
    if (trial->faults == 0) {
        (void)snprintf(trial->row->text, sizeof trial->row->text, "%s: %.200s", end_names[end],
                       reason);
    }
}

static enum hostile_end end_of(enum fnd_state state)
{
    return state == FND_COMPLETED ? END_COMPLETED : state == FND_FAILED ? END_FAILED : END_HELD;
}

static void record_judge(struct trial *trial, bool refused, const char *why, const char *held)
{
    struct fnd_reader *reader = NULL;
    struct fnd_text bad = {0}, good = {0};
    int64_t took_ms = 0, other_ms = 0;
    if (fnd_reader_open(trial->jobs, &reader, &trial->error) != FND_OK) {
        blame(trial, "the store cannot be opened", trial->error.message);
        return;
    }
    if (job_look(trial, reader, "good.job.json", &other_ms, &good) != FND_COMPLETED) {
        blame(trial, "the healthy job did not complete", fnd_text_z(&good));
    }
    if (refused) {
        end_judge(trial, END_REFUSED, why);
    } else {
        const enum hostile_end end =
            end_of(job_look(trial, reader, "bad.job.json", &took_ms, &bad));
        if (end == END_HELD) {
            fnd_text_clear(&bad);
            fnd_text_append_z(&bad, held);
        }
        end_judge(trial, end, fnd_text_z(&bad));
    }
    if (trial->it->stops) {
        trial->row->stop_ms = (int)took_ms - HOSTILE_LIMIT_MS;
        if (trial->row->stop_ms > STOP_MS + STOP_SLACK_MS) {
            blame(trial, "it was stopped late", "");
        }
    }
    store_check(trial, reader);
    fnd_reader_close(reader);
    fnd_text_finish(&bad);
    fnd_text_finish(&good);
}

/** Both jobs, from an engine's opening to its close. */
static void engine_run(struct trial *trial)
{
    static const struct fnd_log quiet = {.fd = -1, .level = FND_LOG_ERROR};
    char plugins[HOSTILE_PATH_SIZE * 2], worker[HOSTILE_PATH_SIZE * 2];
    struct fnd_text held = {0}, why = {0};
    (void)snprintf(plugins, sizeof plugins, "%s/plugins", trial->host->base);
    (void)snprintf(worker, sizeof worker, "%s/bin/foundry-worker", trial->host->base);
    const struct fnd_engine_options options = {
        .env = fnd_env_system(),
        .log = &quiet,
        .directory = trial->jobs,
        .kinds = fnd_review_kinds(),
        .store = {.create = true},
        .plugin_path = plugins,
        .worker_program = worker,
        .worker_start_ms = HOSTILE_START_MS,
        .limits = {.memory_bytes = FND_SANITIZED ? 0 : (uint64_t)MEMORY_MIB << 20,
                   .file_bytes =
                       (uint64_t)(trial->it->file_mib == 0 ? HOSTILE_FILE_MIB : trial->it->file_mib)
                       << 20,
                   .files = 64},
        .workers_max = 2,
        .news = news,
        .context = &held};
    if (fnd_engine_open(&options, &trial->engine, &trial->error) != FND_OK) {
        blame(trial, "the engine does not open", trial->error.message);
        return;
    }
    const bool taken = pipeline_begin(trial, "bad", &why);
    struct fnd_text none = {0};
    if (!pipeline_begin(trial, "good", &none)) {
        blame(trial, "the good pipeline is refused", fnd_text_z(&none));
    }
    fnd_text_finish(&none);
    if (fnd_engine_resume(trial->engine, NULL, &trial->error) != FND_OK) {
        blame(trial, "resume", trial->error.message);
    }
    engine_rest(trial);
    fnd_engine_close(trial->engine);
    record_judge(trial, !taken, fnd_text_z(&why), fnd_text_z(&held));
    fnd_text_finish(&held);
    fnd_text_finish(&why);
}

static void plant(const struct hostile_host *host)
{
    if (host->plant == PLANT_FDS) {
        (void)!open("/dev/null", O_RDONLY);
    } else if (host->plant == PLANT_ORPHAN && fork() == 0) {
        (void)poll(NULL, 0, 3000);
        _exit(0);
    } else if (host->plant == PLANT_GROWTH) {
        static char
            *kept; /* of this process: reachable, so that no checker of leaks speaks first */
        enum { KEPT_MIB = 16 };
        kept = realloc(kept, (size_t)KEPT_MIB << 20);
        if (kept != NULL) {
            memset(kept, 1, (size_t)KEPT_MIB << 20);
        }
    }
}

void hostile_run(const struct hostile_host *host, size_t index, struct hostile_row *row)
{
    struct trial trial = {.host = host, .it = &hostile_cases[index], .row = row};
    *row = (struct hostile_row){.index = index, .stop_ms = -1};
    files_write(&trial);
    const size_t fds = fds_count();
    const long before_kib = status_kib("VmRSS:");
    peak_reset();
    engine_run(&trial);
    plant(host);
    if (orphans_wait() < 0) {
        blame(&trial, "a process is left a second behind the end", "");
    }
    if (fds_count() != fds) {
        blame(&trial, "descriptors are left open", "");
    }
    row->growth_kib = status_kib("VmRSS:") - before_kib;
    row->peak_kib = status_kib("VmHWM:") - before_kib;
    if (!FND_SANITIZED && index > 0 && row->growth_kib > GROWTH_KIB &&
        row->growth_kib > before_kib * GROWTH_PERCENT / 100) {
        blame(&trial, "the host's memory grew", "");
    }
    if (!FND_SANITIZED && row->peak_kib > PEAK_KIB) {
        blame(&trial, "the host's memory peaked", "");
    }
}
