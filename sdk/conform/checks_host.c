/* SPDX-License-Identifier: MIT */
/* Checks on how a plugin behaves towards its host and the process it runs in. */
#define _GNU_SOURCE /* mallinfo2() */
#include <dirent.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "trial.h"

enum {
    LEAK_ROUNDS_MIN = 10,
    LEAK_ROUNDS = 50, /* and half as many before, in which caches may fill */
    LEAK_MS = 3000,   /* of slow plugins fewer rounds are looked at */
    LEAK_BYTES = 16,  /* a round, in every round: a leak */
    SERVICES_MAX = 120,
    CANCEL_MS_MAX = 5000, /* a second by the contract; the rest is for a machine that is busy */
    THREADS_ROUNDS = 30,
    SIGNALS = 32
};

/* ---- cancel ------------------------------------------------------------------------------- */

static void cancel_at(struct trial *trial, size_t service, int64_t limit_ms)
{
    struct trial_instance instance;
    trial_doing(trial, "cancelling it %s",
                service == 0 ? "before it begins" : "in the middle, at a service");
    trial->host.calls = 0;
    trial->host.cancel_at = service;
    const int64_t began_ms = trial_now_ms();
    trial_live(trial, trial->given, false, &instance);
    if (trial_now_ms() - began_ms > limit_ms) {
        trial_fail(trial, "it went on for %lld ms after it was cancelled",
                   (long long)(trial_now_ms() - began_ms));
    }
    trial_instance_finish(&instance);
}

/** A plugin that needs long for a small input is not the one that is looked for. */
void check_cancel(struct trial *trial)
{
    struct trial_instance instance;
    trial_doing(trial, "running once without cancelling");
    const int64_t began_ms = trial_now_ms();
    trial_live(trial, trial->given, false, &instance);
    trial_instance_finish(&instance);
    const int64_t usual_ms = (trial_now_ms() - began_ms) * 3;
    const int64_t limit_ms = usual_ms > CANCEL_MS_MAX ? usual_ms : CANCEL_MS_MAX;
    for (size_t service = 0; service < 8 && !trial_enough(trial); service++) {
        cancel_at(trial, service, limit_ms);
    }
}

/* ---- what is left behind ------------------------------------------------------------------ */

static size_t fds_count(void)
{
    size_t count = 0;
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL) {
        return 0;
    }
    while (readdir(directory) != NULL) {
        count++;
    }
    (void)closedir(directory);
    return count;
}

/** The sanitizer's count of bytes in use, in builds that have one. */
extern size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t heap_bytes(void)
{
    if (__sanitizer_get_current_allocated_bytes != NULL) {
        return __sanitizer_get_current_allocated_bytes();
    }
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/** Run `round` over and over; memory and descriptors must come to rest. */
static void look_for_leak(struct trial *trial, void (*round)(struct trial *trial), const char *what)
{
    size_t heap = 0, fds = 0, least = SIZE_MAX;
    const int64_t began_ms = trial_now_ms();
    round(trial);
    const int64_t round_ms = trial_now_ms() - began_ms;
    int rounds = round_ms == 0 ? LEAK_ROUNDS : (int)(LEAK_MS / round_ms);
    rounds = rounds < LEAK_ROUNDS_MIN ? LEAK_ROUNDS_MIN : rounds;
    rounds = rounds > LEAK_ROUNDS ? LEAK_ROUNDS : rounds;
    for (int i = 0; i < rounds / 2 + rounds; i++) {
        const size_t before = heap_bytes();
        if (i == rounds / 2) {
            heap = before;
            fds = fds_count();
        }
        round(trial);
        const size_t after = heap_bytes();
        if (i >= rounds / 2) { /* a cache that grows once in a while has rounds without growth */
            const size_t grown = after > before ? after - before : 0;
            least = grown < least ? grown : least;
        }
    }
    if (fds_count() > fds) {
        trial_fail(trial, "%s %d times left %zu descriptors open", what, rounds, fds_count() - fds);
    }
    if (least >= LEAK_BYTES) {
        trial_fail(trial, "%s %d times left %zu bytes of memory, %zu at least each time", what,
                   rounds, heap_bytes() - heap, least);
    }
}

static void round_live(struct trial *trial)
{
    struct trial_instance instance;
    trial_live(trial, trial->given, false, &instance);
    trial_instance_finish(&instance);
}

void check_leak(struct trial *trial)
{
    trial_doing(trial, "making, running and destroying instances over and over");
    fnd_calls_destroy(trial->calls); /* what it keeps of dead calls would grow, too */
    trial->calls = NULL;
    look_for_leak(trial, round_live, "making, running and destroying an instance");
}

static void round_fail(struct trial *trial)
{
    struct trial_instance instance;
    trial_instance_init(trial, trial->given, false, &instance);
    trial->host.calls = 0;
    if (trial_create(trial, &instance) && trial->host.failed != NULL &&
        trial->host.fail_with == FOUNDRY_E_NO_MEMORY) {
        trial_destroy(trial, &instance); /* it got along; that is told by another check */
    }
    trial_destroy(trial, &instance);
    trial_instance_finish(&instance);
}

/** A create() that fails at each service in turn leaves nothing behind. */
void check_leftover(struct trial *trial)
{
    struct trial_instance instance;
    trial_instance_init(trial, trial->given, false, &instance);
    if (instance.parts.callee.create == NULL) {
        trial_skip(trial, "it has no create()");
    }
    trial->host.calls = 0;
    (void)trial_create(trial, &instance);
    const size_t services = trial->host.calls < 8 ? trial->host.calls : 8;
    trial_destroy(trial, &instance);
    trial_instance_finish(&instance);
    fnd_calls_destroy(trial->calls);
    trial->calls = NULL;
    trial->host.fail_with = FOUNDRY_E_NO_MEMORY;
    for (size_t at = 1; at <= services && !trial_enough(trial); at++) {
        struct fnd_text what = {0};
        trial->host.fail_at = at;
        fnd_text_printf(&what, "a create() whose service call %zu fails", at);
        trial_doing(trial, "%s", fnd_text_z(&what));
        look_for_leak(trial, round_fail, fnd_text_z(&what));
        fnd_text_finish(&what);
    }
}

/* ---- services that fail ------------------------------------------------------------------- */

static bool is_reading(const char *service)
{
    return strstr(service, "_get") != NULL || strcmp(service, "artifact_size") == 0;
}

/** Each service call of a visit fails once, in each way; it must not be passed over. What may be:
 *  a value that is denied or too big to read, the question that is one too many, and an artifact's
 *  bytes, for which there are two services. */
void check_services(struct trial *trial)
{
    static const struct {
        foundry_status_t status;
        const char *name;
    } ways[] = {{FOUNDRY_E_NO_MEMORY, "FOUNDRY_E_NO_MEMORY"},
                {FOUNDRY_E_IO, "FOUNDRY_E_IO"},
                {FOUNDRY_E_LIMIT, "FOUNDRY_E_LIMIT"},
                {FOUNDRY_E_DENIED, "FOUNDRY_E_DENIED"}};
    for (size_t at = 1; at <= SERVICES_MAX && !trial_enough(trial); at++) {
        for (size_t way = 0; way < sizeof ways / sizeof ways[0]; way++) {
            struct trial_instance instance;
            trial->host.calls = 0;
            trial->host.failed = NULL;
            trial->host.fail_at = at;
            trial->host.fail_with = ways[way].status;
            trial_doing(trial, "letting service call %zu fail by %s", at, ways[way].name);
            trial_live(trial, trial->given, false, &instance);
            const char *failed = trial->host.failed;
            const foundry_outcome_t outcome = instance.effects.outcome;
            trial_instance_finish(&instance);
            if (failed == NULL) {
                if (trial->host.calls < at) {
                    return; /* there are no more */
                }
                continue; /* cancelled() counts, and cannot fail */
            }
            const bool grave = way < 2 || (!is_reading(failed) && strcmp(failed, "clarify") != 0);
            if (grave && outcome == FOUNDRY_DONE && strcmp(failed, "artifact_fd") != 0 &&
                strcmp(failed, "artifact_read") != 0) {
                trial_fail(trial, "%s() gave %s (service call %zu), and it returned FOUNDRY_DONE",
                           failed, ways[way].name, at);
            }
        }
    }
}

/* ---- threads ------------------------------------------------------------------------------ */

/** A thread's share; the services are the real ones, which are made for many threads. */
struct strand {
    struct trial *trial;
    struct trial_instance *instance;
    struct fnd_text result;
    bool differs;
};

static void *strand_run(void *context)
{
    struct strand *strand = context;
    const struct parts *parts = &strand->instance->parts;
    for (int i = 0; i < THREADS_ROUNDS && (i < 2 || !trial_enough(strand->trial)); i++) {
        struct trial_instance visit = {.effects = {0}};
        struct fnd_text result = {0};
        struct foundry_call *call =
            fnd_call_begin(&parts->input, parts->config_schema, NULL, &visit.effects);
        fnd_call_end(call, parts->callee.function(strand->instance->self, fnd_host_table(), call));
        trial_result(&visit, &result);
        if (i == 0) {
            strand->result = result;
            result = (struct fnd_text){0};
        } else if (result.size != strand->result.size ||
                   memcmp(result.bytes, strand->result.bytes, result.size) != 0) {
            strand->differs = true;
        }
        fnd_text_finish(&result);
        fnd_effects_finish(&visit.effects);
    }
    return NULL;
}

/** How the callee says that its calls may overlap. */
static uint32_t threads_of(const struct trial *trial, const struct parts *parts)
{
    const foundry_plugin_t *entry = trial->plugin.entry;
    for (size_t i = 0; entry->phases != NULL && entry->phases[i] != NULL; i++) {
        if (!parts->callee.detector && entry->phases[i]->name == parts->callee.name) {
            return entry->phases[i]->threads;
        }
    }
    for (size_t i = 0; entry->detectors != NULL && entry->detectors[i] != NULL; i++) {
        if (parts->callee.detector && entry->detectors[i]->name == parts->callee.name) {
            return entry->detectors[i]->threads;
        }
    }
    return FOUNDRY_SERIAL_PROCESS;
}

/** CONCURRENT: two threads in one instance. SERIAL_INSTANCE: two threads, an instance each.
 *  SERIAL_PROCESS: one thread after the other, neither the one that called create(). */
void check_threads(struct trial *trial)
{
    struct trial_instance instances[2];
    struct strand strands[2] = {{.trial = trial}, {.trial = trial}};
    pthread_t threads[2];
    trial_doing(trial, "making two instances");
    for (size_t i = 0; i < 2; i++) {
        trial_instance_init(trial, trial->given, false, &instances[i]);
        if (!trial_create(trial, &instances[i])) {
            trial_skip(trial, "create() fails with what its schema takes; give a case");
        }
    }
    const uint32_t how = threads_of(trial, &instances[0].parts);
    trial_doing(trial, how == FOUNDRY_CONCURRENT       ? "calling one instance on two threads"
                       : how == FOUNDRY_SERIAL_PROCESS ? "calling it on one thread after the other"
                                                       : "calling two instances on two threads");
    for (size_t i = 0; i < 2; i++) {
        strands[i].instance = &instances[how == FOUNDRY_CONCURRENT ? 0 : i];
        if (pthread_create(&threads[i], NULL, strand_run, &strands[i]) != 0) {
            trial_fail(trial, "no thread could be made");
        }
        if (how == FOUNDRY_SERIAL_PROCESS) {
            (void)pthread_join(threads[i], NULL);
        }
    }
    for (size_t i = 0; how != FOUNDRY_SERIAL_PROCESS && i < 2; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    if (strands[0].differs || strands[1].differs ||
        strands[0].result.size != strands[1].result.size ||
        memcmp(strands[0].result.bytes, strands[1].result.bytes, strands[0].result.size) != 0) {
        trial_fail(trial, "%s gave different results for one input", trial->doing);
    }
    for (size_t i = 0; i < 2; i++) {
        trial_destroy(trial, &instances[i]);
        trial_instance_finish(&instances[i]);
        fnd_text_finish(&strands[i].result);
    }
}

/* ---- the process -------------------------------------------------------------------------- */

void check_stdout(struct trial *trial)
{
    trial_doing(trial, "running once, to see what it prints");
    round_live(trial);
    (void)fflush(NULL);
    struct stat info;
    if (fstat(trial->output, &info) == 0 && info.st_size > 0) {
        trial_fail(trial, "it wrote %lld bytes to stdout: use log()", (long long)info.st_size);
    }
}

/** What belongs to the process and not to a plugin. */
struct surroundings {
    struct stat folder;
    char locale[256];
    struct sigaction signals[SIGNALS];
    sigset_t mask;
    mode_t umask;
    struct fnd_text environment;
};

static void surroundings_look(struct surroundings *found)
{
    extern char **environ;
    memset(found, 0, sizeof *found);
    (void)stat(".", &found->folder);
    const char *locale = setlocale(LC_ALL, NULL);
    (void)snprintf(found->locale, sizeof found->locale, "%s", locale == NULL ? "" : locale);
    for (int i = 1; i < SIGNALS; i++) {
        (void)sigaction(i, NULL, &found->signals[i]);
    }
    (void)pthread_sigmask(SIG_SETMASK, NULL, &found->mask);
    found->umask = umask(0);
    (void)umask(found->umask);
    for (char **at = environ; at != NULL && *at != NULL; at++) {
        fnd_text_append_z(&found->environment, *at);
        fnd_text_append_byte(&found->environment, '\n');
    }
}

void check_place(struct trial *trial)
{
    static struct surroundings before, after;
    trial_doing(trial, "running once, to see what it changes around it");
    surroundings_look(&before);
    round_live(trial);
    surroundings_look(&after);
    if (before.folder.st_ino != after.folder.st_ino ||
        before.folder.st_dev != after.folder.st_dev) {
        trial_fail(trial, "it changed the working directory");
    }
    if (strcmp(before.locale, after.locale) != 0) {
        trial_fail(trial, "it changed the locale from %s to %s", before.locale, after.locale);
    }
    for (int i = 1; i < SIGNALS; i++) {
        if (before.signals[i].sa_handler != after.signals[i].sa_handler) {
            trial_fail(trial, "it changed what becomes of signal %d (SIG%s)", i, sigabbrev_np(i));
        }
        if (sigismember(&before.mask, i) != sigismember(&after.mask, i)) {
            trial_fail(trial, "it changed the signal mask (signal %d)", i);
        }
    }
    if (before.umask != after.umask) {
        trial_fail(trial, "it changed the umask");
    }
    if (strcmp(fnd_text_z(&before.environment), fnd_text_z(&after.environment)) != 0) {
        trial_fail(trial, "it changed the environment");
    }
}

/** Services behind the return, and those of the call's own thread on another one. */
void check_late(struct trial *trial)
{
    struct trial_instance instance;
    trial_doing(trial, "running three times and waiting behind each");
    for (int i = 0; i < 3; i++) {
        trial_live(trial, trial->given, false, &instance);
        const struct timespec moment = {.tv_nsec = 100 * 1000 * 1000};
        (void)nanosleep(&moment, NULL); /* time for a thread that was left behind to speak */
        trial_instance_finish(&instance);
    }
    const char *late = trial->host.late, *abroad = trial->host.abroad;
    if (late != NULL) {
        trial_fail(trial, "it called %s() when its function had returned", late);
    }
    if (abroad != NULL) {
        trial_fail(trial, "it called %s() on another thread than the call came in on", abroad);
    }
}

/** The table that create() was given is emptied before process() gets its own. */
void check_kept(struct trial *trial)
{
    struct trial_instance instance;
    static struct trial_host first;
    trial_instance_init(trial, trial->given, false, &instance);
    if (instance.parts.callee.create == NULL) {
        trial_skip(trial, "it has no create()");
    }
    const struct fnd_call_input input = {.create = true,
                                         .detector = instance.parts.callee.detector,
                                         .config = instance.parts.constant_json,
                                         .run = instance.parts.input.run};
    const struct fnd_call_live live = {.calls = trial->calls};
    trial_doing(trial, "running create()");
    first.cancel_at = SIZE_MAX;
    first.detector = instance.parts.callee.detector;
    struct foundry_call *call =
        fnd_call_begin(&input, instance.parts.config_schema, &live, &instance.effects);
    trial_host_begin(&first, call);
    instance.returned = instance.parts.callee.create(&first.table, call, &instance.self);
    trial_host_end(&first);
    fnd_call_end(call, instance.returned);
    instance.made = instance.effects.outcome == FOUNDRY_DONE;
    memset(&first.table, 0, sizeof first.table);
    if (instance.made) {
        trial_doing(trial, "running process() when the host's table of create() is gone");
        trial_process(trial, &instance);
    }
    trial_destroy(trial, &instance);
    trial_instance_finish(&instance);
}
