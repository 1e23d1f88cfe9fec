/* SPDX-License-Identifier: MIT
 *
 * Well-behaved phases that tests steer: `flaky` fails until an attempt, `slow` takes its time,
 * `once` may not be repeated; and a detector that always asks.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "foundry/helpers.h"

/* Fails with a retryable error until the attempt that `succeed_at` names. */
static foundry_outcome_t flaky_process(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    (void)self;
    double attempt = 0;
    double succeed_at = 0;
    FOUNDRY_TRY(host->number_get(call, FOUNDRY_DOC_RUN, "/attempt", &attempt));
    FOUNDRY_TRY(
        foundry_number_default(host, call, FOUNDRY_DOC_CONFIG, "/succeed_at", 2, &succeed_at));
    FOUNDRY_TRY(host->json_set(call, "/left_over", "true")); /* must not outlive a failure */
    if (attempt < succeed_at) {
        return foundry_failf(host, call, FOUNDRY_RETRYABLE, "not_yet", NULL,
                             "attempt %g of %g fails as asked", attempt, succeed_at);
    }
    FOUNDRY_TRY(host->json_set(call, "", "{}"));
    return foundry_set_number(host, call, "/attempt", attempt);
}

/* Takes `ms` milliseconds in small steps, with progress, and stops when it is told to. */
static foundry_outcome_t slow_process(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    (void)self;
    enum { STEP_MS = 5 };
    const struct timespec step = {.tv_nsec = STEP_MS * 1000000};
    double ms = 0;
    FOUNDRY_TRY(foundry_number_default(host, call, FOUNDRY_DOC_CONFIG, "/ms", 1000, &ms));
    for (double done = 0; done < ms; done += STEP_MS) {
        if (host->cancelled(call)) {
            return FOUNDRY_CANCELLED;
        }
        host->progress(call, done / ms, "resting");
        (void)nanosleep(&step, NULL);
    }
    host->log(call, FOUNDRY_LOG_INFO, "rested");
    return foundry_set_number(host, call, "/ms", ms);
}

/* Kills its process at the first attempt if `crash` is set. */
static foundry_outcome_t once_process(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    (void)self;
    double attempt = 0;
    int crash = 0;
    FOUNDRY_TRY(host->number_get(call, FOUNDRY_DOC_RUN, "/attempt", &attempt));
    FOUNDRY_TRY(foundry_boolean_default(host, call, FOUNDRY_DOC_CONFIG, "/crash", 0, &crash));
    if (crash && attempt < 2) {
        (void)raise(SIGKILL);
    }
    return foundry_set_number(host, call, "/attempt", attempt);
}

/* Copies what it was given. */
static foundry_outcome_t copy_process(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    (void)self;
    const char *json = NULL;
    FOUNDRY_TRY(host->json_get(call, FOUNDRY_DOC_CONFIG, "/value", &json));
    return host->json_set(call, "/value", json);
}

/* Writes an artifact, of the media type that it is told, and puts its name into the output. */
static foundry_outcome_t keep_process(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    (void)self;
    const char *text = NULL;
    const char *type = NULL;
    FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_CONFIG, "/text", &text));
    FOUNDRY_TRY(foundry_text_default(host, call, FOUNDRY_DOC_CONFIG, "/type", "text/plain", &type));
    FOUNDRY_TRY(host->artifact_write(call, "kept.txt", type, text, strlen(text)));
    return foundry_set_text(host, call, "/file", "kept.txt");
}

static foundry_outcome_t always_detect(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    (void)self;
    const char *pointer = NULL;
    const char *json = NULL;
    char key[256];
    FOUNDRY_TRY(foundry_text_default(host, call, FOUNDRY_DOC_CONFIG, "/field", NULL, &pointer));
    FOUNDRY_TRY(host->json_get(call, FOUNDRY_DOC_SUBJECT, pointer != NULL ? pointer : "", &json));
    (void)snprintf(key, sizeof key, "always:%.200s", pointer != NULL ? pointer : "");
    return foundry_ask(host, call, key, "ALWAYS", pointer, "Is this right?", NULL);
}

static const foundry_phase_t flaky_phase = {
    .struct_size = sizeof flaky_phase,
    .name = "flaky",
    .summary = "Fails, then works",
    .config_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
                     "\"succeed_at\":{\"type\":\"integer\",\"default\":2},"
                     "\"text\":{\"x-foundry-per-job\":true}}}",
    .threads = FOUNDRY_CONCURRENT,
    .process = flaky_process};
static const foundry_phase_t slow_phase = {
    .struct_size = sizeof slow_phase,
    .name = "slow",
    .summary = "Takes its time",
    .config_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
                     "\"ms\":{\"type\":\"number\",\"default\":1000,\"x-foundry-per-job\":true},"
                     "\"text\":{\"x-foundry-per-job\":true}}}",
    .threads = FOUNDRY_CONCURRENT,
    .process = slow_process};
static const foundry_phase_t once_phase = {
    .struct_size = sizeof once_phase,
    .name = "once",
    .summary = "Must not be repeated without a person's word",
    .config_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
                     "\"crash\":{\"type\":\"boolean\",\"default\":false},"
                     "\"text\":{\"x-foundry-per-job\":true}}}",
    .threads = FOUNDRY_CONCURRENT,
    .flags = FOUNDRY_NOT_REPEATABLE,
    .process = once_process};
static const foundry_phase_t copy_phase = {.struct_size = sizeof copy_phase,
                                           .name = "copy",
                                           .summary = "Copies a value",
                                           .config_schema =
                                               "{\"type\":\"object\",\"required\":[\"value\"],"
                                               "\"additionalProperties\":false,\"properties\":{"
                                               "\"value\":{\"x-foundry-per-job\":true}}}",
                                           .threads = FOUNDRY_CONCURRENT,
                                           .process = copy_process};
static const foundry_phase_t keep_phase = {
    .struct_size = sizeof keep_phase,
    .name = "keep",
    .summary = "Writes a text as an artifact",
    .config_schema = "{\"type\":\"object\",\"required\":[\"text\"],"
                     "\"additionalProperties\":false,\"properties\":{"
                     "\"text\":{\"type\":\"string\",\"x-foundry-per-job\":true},"
                     "\"type\":{\"type\":\"string\",\"x-foundry-per-job\":true}}}",
    .threads = FOUNDRY_CONCURRENT,
    .process = keep_process};
static const foundry_detector_t always_detector = {
    .struct_size = sizeof always_detector,
    .name = "always",
    .summary = "Asks, whatever it sees",
    .config_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
                     "\"field\":{\"type\":\"string\",\"format\":\"json-pointer\"}}}",
    .threads = FOUNDRY_CONCURRENT,
    .detect = always_detect};

const foundry_plugin_t *foundry_plugin_entry(uint32_t host_abi)
{
    static const foundry_phase_t *const phases[] = {&flaky_phase, &slow_phase, &once_phase,
                                                    &copy_phase,  &keep_phase, NULL};
    static const foundry_detector_t *const detectors[] = {&always_detector, NULL};
    static const foundry_plugin_t plugin = {.struct_size = sizeof plugin,
                                            .abi = FOUNDRY_ABI_CURRENT,
                                            .abi_min = FOUNDRY_ABI_CURRENT,
                                            .id = "steps",
                                            .version = "1.0.0",
                                            .summary = "Phases that tests steer",
                                            .phases = phases,
                                            .detectors = detectors};
    return host_abi >> 16 == 0 ? &plugin : NULL;
}
