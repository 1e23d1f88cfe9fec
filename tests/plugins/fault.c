/* SPDX-License-Identifier: MIT
 *
 * Phases with one sin each. All take an optional per-job "text", so that they stand in any
 * pipeline.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "foundry/helpers.h"

#define ANY_CONFIG                                                                                 \
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"                         \
    "\"text\":{\"x-foundry-per-job\":true}}}"

static void rest_ms(long ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&time, NULL);
}

static foundry_outcome_t segv(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    (void)self;
    (void)host;
    (void)call;
    (void)signal(SIGSEGV, SIG_DFL); /* past a sanitizer's handler, as in a plain build */
    (void)raise(SIGSEGV);
    return FOUNDRY_DONE;
}

static foundry_outcome_t aborting(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    (void)self;
    (void)host;
    (void)call;
    abort();
}

static foundry_outcome_t exiting(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    (void)self;
    (void)host;
    (void)call;
    exit(0);
}

static foundry_outcome_t exiting_at_once(void *self, const foundry_host_t *host,
                                         foundry_call_t *call)
{
    (void)self;
    (void)host;
    (void)call;
    _exit(0);
}

static foundry_outcome_t thread_ending(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    (void)self;
    (void)host;
    (void)call;
    pthread_exit(NULL);
}

/* Looks at nothing and ignores SIGTERM: only SIGKILL ends it. */
static foundry_outcome_t hang(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    (void)self;
    (void)host;
    (void)call;
    (void)signal(SIGTERM, SIG_IGN);
    while (getpid() > 0) {
        rest_ms(1000);
    }
    return FOUNDRY_DONE;
}

/* The same with a child process, which must die too. */
static foundry_outcome_t hang_with_child(void *self, const foundry_host_t *host,
                                         foundry_call_t *call)
{
    const pid_t child = fork();
    if (child == 0) {
        (void)signal(SIGTERM, SIG_IGN);
        for (;;) {
            rest_ms(1000);
        }
    }
    return hang(self, host, call);
}

static foundry_outcome_t hang_in_create(const foundry_host_t *host, foundry_call_t *call,
                                        void **self)
{
    (void)self;
    return hang(NULL, host, call);
}

static foundry_outcome_t crash_in_create(const foundry_host_t *host, foundry_call_t *call,
                                         void **self)
{
    (void)self;
    return segv(NULL, host, call);
}

static foundry_outcome_t fail_in_create(const foundry_host_t *host, foundry_call_t *call,
                                        void **self)
{
    (void)self;
    return host->fail(call, FOUNDRY_PERMANENT, "no_model", "the model cannot be loaded", NULL, 0);
}

/* 64 MiB of escape codes on both streams, then a proper end. */
static foundry_outcome_t flood(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    (void)self;
    char line[4096];
    for (size_t i = 0; i < sizeof line; i++) {
        line[i] = "\033[31mnoise\n\0\xFF"[i % 12];
    }
    for (size_t i = 0; i < (64u << 20) / sizeof line / 2; i++) {
        if (write(STDOUT_FILENO, line, sizeof line) < 0 ||
            write(STDERR_FILENO, line, sizeof line) < 0) {
            break; /* the host stopped reading: that is its right */
        }
    }
    return host->json_set(call, "/flooded", "true");
}

/* Takes memory and uses it until it gets none; then says so and fails. */
static foundry_outcome_t hog(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    (void)self;
    enum { PIECE = 16 << 20 };
    void **last = NULL;
    for (;;) {
        void **piece = malloc(PIECE);
        if (piece == NULL) {
            break;
        }
        memset(piece, 1, PIECE);
        *piece = (void *)last;
        last = piece;
        if (host->cancelled(call)) {
            break;
        }
    }
    while (last != NULL) {
        void **next = *last;
        free(last);
        last = next;
    }
    return FOUNDRY_E_NO_MEMORY;
}

static foundry_outcome_t invalid_json(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    (void)self;
    return host->json_set(call, "/text", "{\"a\":1,}"); /* refused: INVALID comes back */
}

/* An output that is JSON but not what output_schema says. */
static foundry_outcome_t invalid_output(void *self, const foundry_host_t *host,
                                        foundry_call_t *call)
{
    (void)self;
    return host->json_set(call, "/count", "\"three\"");
}

static foundry_outcome_t bad_confidence(void *self, const foundry_host_t *host,
                                        foundry_call_t *call)
{
    (void)self;
    FOUNDRY_TRY(host->json_set(call, "/text", "\"a\""));
    return host->confidence_set(call, "/text", 1.5);
}

/* A confidence for a value that is not in the output. */
static foundry_outcome_t stray_confidence(void *self, const foundry_host_t *host,
                                          foundry_call_t *call)
{
    (void)self;
    FOUNDRY_TRY(host->json_set(call, "/text", "\"a\""));
    return host->confidence_set(call, "/nowhere", 0.5);
}

static foundry_outcome_t silent_pause(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    (void)self;
    (void)host;
    (void)call;
    return FOUNDRY_PAUSE;
}

static foundry_outcome_t unknown_outcome(void *self, const foundry_host_t *host,
                                         foundry_call_t *call)
{
    (void)self;
    (void)host;
    (void)call;
    return 4711;
}

/* Reads a config key that the schema does not declare. */
static foundry_outcome_t undeclared_key(void *self, const foundry_host_t *host,
                                        foundry_call_t *call)
{
    (void)self;
    const char *json = NULL;
    return host->json_get(call, FOUNDRY_DOC_CONFIG, "/undeclared", &json);
}

/* ---- late call: uses the handle of the call before ----------------------------------------- */

struct late {
    foundry_call_t *before;
};

static foundry_outcome_t late_create(const foundry_host_t *host, foundry_call_t *call, void **self)
{
    (void)host;
    struct late *late = calloc(1, sizeof *late);
    if (late == NULL) {
        return FOUNDRY_E_NO_MEMORY;
    }
    late->before = call;
    *self = late;
    return FOUNDRY_DONE;
}

static foundry_outcome_t late_call(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    struct late *late = self;
    const foundry_status_t status = host->json_set(late->before, "/stolen", "true");
    late->before = call;
    return foundry_set_number(host, call, "/late_status", status);
}

#define PHASE(variable, word, told, function)                                                      \
    static const foundry_phase_t variable = {.struct_size = sizeof variable,                       \
                                             .name = word,                                         \
                                             .summary = told,                                      \
                                             .config_schema = ANY_CONFIG,                          \
                                             .process = function}

PHASE(segv_phase, "segv", "Dies of SIGSEGV", segv);
PHASE(abort_phase, "abort", "Calls abort()", aborting);
PHASE(exit_phase, "exit", "Calls exit(0)", exiting);
PHASE(exit_now_phase, "exit-now", "Calls _exit(0)", exiting_at_once);
PHASE(thread_phase, "thread-exit", "Ends its thread", thread_ending);
PHASE(hang_phase, "hang", "Never returns, ignores SIGTERM", hang);
PHASE(child_phase, "hang-child", "The same, with a child process", hang_with_child);
PHASE(flood_phase, "flood", "Writes 64 MiB to stdout and stderr", flood);
PHASE(hog_phase, "hog", "Takes all memory", hog);
PHASE(json_phase, "invalid-json", "Sets what is no JSON", invalid_json);
PHASE(confidence_phase, "bad-confidence", "Sets a confidence of 1.5", bad_confidence);
PHASE(stray_phase, "stray-confidence", "Sets the confidence of nothing", stray_confidence);
PHASE(pause_phase, "silent-pause", "Pauses without a question", silent_pause);
PHASE(outcome_phase, "unknown-outcome", "Returns a number without meaning", unknown_outcome);
PHASE(key_phase, "undeclared-key", "Reads a key its schema does not have", undeclared_key);

static const foundry_phase_t output_phase = {
    .struct_size = sizeof output_phase,
    .name = "invalid-output",
    .summary = "Sets what its output schema forbids",
    .config_schema = ANY_CONFIG,
    .output_schema = "{\"type\":\"object\",\"properties\":{\"count\":{\"type\":\"integer\"}}}",
    .process = invalid_output};
static const foundry_phase_t create_hang_phase = {.struct_size = sizeof create_hang_phase,
                                                  .name = "hang-create",
                                                  .summary = "Never returns from create()",
                                                  .config_schema = ANY_CONFIG,
                                                  .create = hang_in_create,
                                                  .process = invalid_json};
static const foundry_phase_t create_crash_phase = {.struct_size = sizeof create_crash_phase,
                                                   .name = "segv-create",
                                                   .summary = "Dies in create()",
                                                   .config_schema = ANY_CONFIG,
                                                   .create = crash_in_create,
                                                   .process = invalid_json};
static const foundry_phase_t create_fail_phase = {.struct_size = sizeof create_fail_phase,
                                                  .name = "fail-create",
                                                  .summary = "Fails in create()",
                                                  .config_schema = ANY_CONFIG,
                                                  .create = fail_in_create,
                                                  .process = invalid_json};
static const foundry_phase_t late_phase = {.struct_size = sizeof late_phase,
                                           .name = "late-call",
                                           .summary = "Uses a call that is over",
                                           .config_schema = ANY_CONFIG,
                                           .create = late_create,
                                           .process = late_call,
                                           .destroy = free};

/* ---- detectors ----------------------------------------------------------------------------- */

/* Tries to write; a detector is DENIED. */
static foundry_outcome_t writing(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    (void)self;
    return host->json_set(call, "/text", "\"mine\"");
}

/* Dies as long as the file that `text` names is there, and takes that away with it. */
static foundry_outcome_t dying_once(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    (void)self;
    const char *path = NULL;
    FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_CONFIG, "/text", &path));
    if (unlink(path) == 0) {
        (void)raise(SIGKILL);
    }
    return FOUNDRY_DONE;
}

#define DETECTOR(variable, word, told, function)                                                   \
    static const foundry_detector_t variable = {.struct_size = sizeof variable,                    \
                                                .name = word,                                      \
                                                .summary = told,                                   \
                                                .config_schema = ANY_CONFIG,                       \
                                                .detect = function}

DETECTOR(segv_detector, "segv-detector", "Dies of SIGSEGV", segv);
DETECTOR(writing_detector, "writing-detector", "Writes, which it may not", writing);
DETECTOR(once_detector, "once-detector", "Dies while a file is there", dying_once);
DETECTOR(pause_detector, "pausing-detector", "Pauses, which it may not", silent_pause);

const foundry_plugin_t *foundry_plugin_entry(uint32_t host_abi)
{
    static const foundry_phase_t *const phases[] = {
        &segv_phase,        &abort_phase,       &exit_phase,
        &exit_now_phase,    &thread_phase,      &hang_phase,
        &child_phase,       &flood_phase,       &hog_phase,
        &json_phase,        &confidence_phase,  &stray_phase,
        &pause_phase,       &outcome_phase,     &key_phase,
        &output_phase,      &create_hang_phase, &create_crash_phase,
        &create_fail_phase, &late_phase,        NULL};
    static const foundry_detector_t *const detectors[] = {&segv_detector, &writing_detector,
                                                          &pause_detector, &once_detector, NULL};
    static const foundry_plugin_t plugin = {.struct_size = sizeof plugin,
                                            .abi = FOUNDRY_ABI_CURRENT,
                                            .abi_min = FOUNDRY_ABI_CURRENT,
                                            .id = "fault",
                                            .version = "1.0.0",
                                            .summary = "One sin each",
                                            .phases = phases,
                                            .detectors = detectors};
    return host_abi >> 16 == 0 ? &plugin : NULL;
}
