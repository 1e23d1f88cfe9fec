/* SPDX-License-Identifier: MIT */
/* A phase and a detector that keep the contract, but for the one sin that SIN names: what
 * `plugins test` must find, each by its own check (sins.sh has the table). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "foundry/helpers.h"

enum sin {
    none,
    entry_changes,
    unknown_outcome,
    pause_without_question,
    undeclared_output,
    detector_writes,
    crash_on_type,
    free_twice,
    crash_on_answers,
    small_buffer,
    deaf,
    leak_memory,
    leak_descriptor,
    leftover,
    not_concurrent,
    passes_over,
    counts,
    prints,
    changes_folder,
    changes_signal,
    changes_environment,
    changes_locale,
    late_thread,
    abroad,
    keeps_host,
    reads_secrets,
    ends_process
};
static const enum sin is = SIN;

struct self {
    const foundry_host_t *host; /* of create(): only the sinner uses it */
    double factor;
};

/* Where sinners leave things. */
static void *volatile dropped;
static volatile int busy, visits;

static foundry_outcome_t create(const foundry_host_t *host, foundry_call_t *call, void **self)
{
    struct self *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return FOUNDRY_E_NO_MEMORY;
    }
    made->host = host;
    const foundry_status_t status =
        host->number_get(call, FOUNDRY_DOC_CONFIG, "/factor", &made->factor);
    if (status != FOUNDRY_OK) {
        if (is == leftover) {
            dropped = made;
        } else {
            free(made);
        }
        return status;
    }
    *self = made;
    return FOUNDRY_DONE;
}

struct errand {
    const foundry_host_t *host;
    foundry_call_t *call;
};

static void *errand_late(void *context)
{
    struct errand errand = *(struct errand *)context;
    free(context);
    (void)usleep(30000);
    errand.host->log(errand.call, FOUNDRY_LOG_INFO, "late");
    return NULL;
}

static void *errand_abroad(void *context)
{
    const struct errand *errand = context;
    (void)errand->host->json_set(errand->call, "/length", "1");
    return NULL;
}

/** Sins that need nothing of the call's values. */
static void sin_around(const foundry_host_t *host, foundry_call_t *call)
{
    pthread_t thread;
    struct errand now = {host, call};
    struct errand *later = NULL;
    switch (is) {
    case leak_memory:
        dropped = malloc(100);
        break;
    case leak_descriptor:
        dropped = (void *)(intptr_t)open("/dev/null", O_RDONLY | O_CLOEXEC);
        break;
    case prints:
        (void)printf("hello\n");
        break;
    case changes_folder:
        dropped = (void *)(intptr_t)chdir("/");
        break;
    case changes_signal:
        (void)signal(SIGUSR1, SIG_IGN);
        break;
    case changes_environment:
        (void)setenv("FOUNDRY_SIN", "1", 1);
        break;
    case changes_locale:
        (void)setlocale(LC_ALL, "C.UTF-8");
        break;
    case late_thread:
        later = malloc(sizeof *later);
        if (later != NULL) {
            *later = now;
            (void)pthread_create(&thread, NULL, errand_late, later);
            (void)pthread_detach(thread);
        }
        break;
    case abroad:
        (void)pthread_create(&thread, NULL, errand_abroad, &now);
        (void)pthread_join(thread, NULL);
        break;
    case ends_process:
        exit(3);
    default:
        break;
    }
}

/** Sins on what came in. */
static void sin_within(const foundry_host_t *host, foundry_call_t *call, const char *text)
{
    char small[4096];
    size_t count = 0;
    if (is == small_buffer && strlen(text) >= sizeof small) {
        abort(); /* the buffer's end, without leaving it to luck */
    }
    if (is == crash_on_answers &&
        host->size_get(call, FOUNDRY_DOC_ANSWERS, "", &count) == FOUNDRY_OK && count > 0) {
        abort();
    }
    if (is == deaf && host->cancelled(call) != 0) {
        (void)sleep(7);
    }
}

static foundry_outcome_t process(void *context, const foundry_host_t *host, foundry_call_t *call)
{
    struct self *self = context;
    const char *text = NULL;
    if (is == keeps_host) {
        host = self->host;
    }
    foundry_status_t status = host->text_get(call, FOUNDRY_DOC_CONFIG, "/text", &text);
    if (status != FOUNDRY_OK) {
        if (is == crash_on_type) {
            abort();
        }
        if (is == free_twice) {
            free(self);
        }
        return status;
    }
    if (is != deaf && host->cancelled(call) != 0) {
        return FOUNDRY_CANCELLED;
    }
    sin_within(host, call, text);
    sin_around(host, call);
    int length = (int)strlen(text);
    if (is == not_concurrent) {
        length += busy++;
        (void)usleep(2000);
        busy--;
    }
    if (is == counts) {
        length += visits++;
    }
    if (is == reads_secrets) {
        const int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
        length += fd >= 0 ? 1000 : 0;
        (void)close(fd);
    }
    char json[32];
    (void)snprintf(json, sizeof json, "%d", length);
    status = host->json_set(call, is == undeclared_output ? "/lenght" : "/length", json);
    if (is == unknown_outcome) {
        return 99;
    }
    if (is == pause_without_question) {
        return FOUNDRY_PAUSE;
    }
    return is == passes_over ? FOUNDRY_DONE : status;
}

static foundry_outcome_t detect(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    (void)self;
    if (is == detector_writes) {
        (void)host->json_set(call, "/total", "1");
    }
    const char *json = NULL;
    const foundry_status_t status = host->json_get(call, FOUNDRY_DOC_SUBJECT, "", &json);
    return status == FOUNDRY_E_NOT_FOUND ? FOUNDRY_DONE : status;
}

static const foundry_phase_t length = {
    .struct_size = sizeof length,
    .name = "length",
    .summary = "Count bytes",
    .config_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"text\"],"
                     "\"properties\":{\"text\":{\"type\":\"string\",\"x-foundry-per-job\":true},"
                     "\"factor\":{\"type\":\"number\",\"default\":1}}}",
    .output_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
                     "\"length\":{\"type\":\"integer\"}}}",
    .threads = FOUNDRY_CONCURRENT,
    .create = create,
    .process = process,
    .destroy = free};
static const foundry_detector_t quiet = {.struct_size = sizeof quiet,
                                         .name = "quiet",
                                         .summary = "Ask nothing",
                                         .threads = FOUNDRY_CONCURRENT,
                                         .detect = detect};
static const foundry_phase_t *const phases[] = {&length, NULL};
static const foundry_detector_t *const detectors[] = {&quiet, NULL};

FOUNDRY_EXPORT const foundry_plugin_t *foundry_plugin_entry(uint32_t host_abi)
{
    static foundry_plugin_t plugins[2];
    static int calls;
    for (int i = 0; i < 2; i++) {
        plugins[i] = (foundry_plugin_t){.struct_size = sizeof plugins[i],
                                        .abi = FOUNDRY_ABI_CURRENT,
                                        .abi_min = FOUNDRY_ABI_CURRENT,
                                        .id = "sin",
                                        .version = "1.0.0",
                                        .summary = "One sin",
                                        .phases = phases,
                                        .detectors = detectors};
    }
    if (host_abi >> 16 != FOUNDRY_ABI_CURRENT >> 16) {
        return NULL;
    }
    return &plugins[is == entry_changes ? calls++ % 2 : 0];
}
