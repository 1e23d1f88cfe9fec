/* SPDX-License-Identifier: MIT
 *
 * For measurements. noop/mix: a phase that does next to nothing but writes a text that really
 * changes; it depends on the job, the phase and the text before, so a re-run writes the same. With
 * `work_us` it turns for so long first, as a phase that computes would. noop/still: nothing at all.
 * noop/reads: as many calls of a host service as its config says.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "foundry/helpers.h"

enum { SIZE_DEFAULT = 1024, SIZE_MOST = 1 << 20 };

struct mix {
    size_t size;
    long work_ns;
};

static foundry_outcome_t mix_create(const foundry_host_t *host, foundry_call_t *call, void **self)
{
    double size = 0;
    FOUNDRY_TRY(
        foundry_number_default(host, call, FOUNDRY_DOC_CONFIG, "/size", SIZE_DEFAULT, &size));
    double work_us = 0;
    FOUNDRY_TRY(foundry_number_default(host, call, FOUNDRY_DOC_CONFIG, "/work_us", 0, &work_us));
    struct mix *mix = calloc(1, sizeof *mix);
    if (mix == NULL) {
        return FOUNDRY_E_NO_MEMORY;
    }
    mix->size = size >= 1 && size <= SIZE_MOST ? (size_t)size : SIZE_DEFAULT;
    mix->work_ns = (long)(work_us * 1000);
    *self = mix;
    return FOUNDRY_DONE;
}

static long now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * 1000000000 + now.tv_nsec;
}

static void work(long ns)
{
    for (const long end = now_ns() + ns; now_ns() < end;) {
    }
}

/* Mixes a text in, eight bytes at a time: this stands for no work, so it must cost next to none. */
static uint64_t mix_in(uint64_t state, const char *text, size_t size)
{
    uint64_t word = 0;
    for (; size >= sizeof word; text += sizeof word, size -= sizeof word) {
        memcpy(&word, text, sizeof word);
        state = (state ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        state ^= state >> 29;
    }
    word = 0;
    memcpy(&word, text, size);
    return (state ^ word) * UINT64_C(0x9e3779b97f4a7c15);
}

/* Eight bytes from '`' to 'w': letters, and never what JSON escapes. */
static uint64_t word_next(uint64_t *state)
{
    *state ^= *state << 13; /* xorshift64 */
    *state ^= *state >> 7;
    *state ^= *state << 17;
    const uint64_t word = (*state & UINT64_C(0x1f1f1f1f1f1f1f1f)) | UINT64_C(0x6060606060606060);
    return word & ~((word & UINT64_C(0x1010101010101010)) >> 1); /* 0x78 to 0x7f: 0x70 to 0x77 */
}

static foundry_outcome_t mix_process(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    const struct mix *mix = self;
    const char *text = NULL;
    const char *job = NULL;
    const char *phase = NULL;
    if (mix->work_ns > 0) {
        work(mix->work_ns);
    }
    FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_CONFIG, "/text", &text));
    FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_RUN, "/job", &job));
    FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_RUN, "/phase", &phase));
    uint64_t state = mix_in(UINT64_C(0xcbf29ce484222325), text, strlen(text));
    state = mix_in(mix_in(state, job, strlen(job)), phase, strlen(phase)) | 1;
    char *json = malloc(mix->size + 3);
    if (json == NULL) {
        return FOUNDRY_E_NO_MEMORY;
    }
    json[0] = '"';
    size_t at = 0;
    for (; at + sizeof state <= mix->size; at += sizeof state) {
        const uint64_t word = word_next(&state);
        memcpy(json + 1 + at, &word, sizeof word);
    }
    const uint64_t word = word_next(&state);
    memcpy(json + 1 + at, &word, mix->size - at);
    json[mix->size + 1] = '"';
    json[mix->size + 2] = '\0';
    const foundry_status_t status = host->json_set(call, "/text", json);
    free(json);
    return status;
}

static const foundry_phase_t mix_phase = {
    .struct_size = sizeof mix_phase,
    .name = "mix",
    .summary = "Another text of the same size",
    .config_schema = "{\"type\":\"object\",\"required\":[\"text\"],"
                     "\"additionalProperties\":false,\"properties\":{"
                     "\"text\":{\"type\":\"string\",\"x-foundry-per-job\":true},"
                     "\"work_us\":{\"type\":\"number\",\"minimum\":0,\"maximum\":1000000},"
                     "\"size\":{\"type\":\"integer\",\"default\":1024,\"minimum\":1,"
                     "\"maximum\":1048576}}}",
    .output_schema = "{\"type\":\"object\",\"required\":[\"text\"],"
                     "\"properties\":{\"text\":{\"type\":\"string\"}}}",
    .threads = FOUNDRY_CONCURRENT,
    .create = mix_create,
    .process = mix_process,
    .destroy = free};

static foundry_outcome_t still_process(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    (void)self;
    (void)host;
    (void)call;
    return FOUNDRY_DONE;
}

static const foundry_phase_t still_phase = {
    .struct_size = sizeof still_phase,
    .name = "still",
    .summary = "Nothing at all",
    .config_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{}}",
    .threads = FOUNDRY_CONCURRENT,
    .process = still_process};

static foundry_outcome_t reads_process(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    (void)self;
    double count = 0;
    double sum = 0;
    FOUNDRY_TRY(host->number_get(call, FOUNDRY_DOC_CONFIG, "/count", &count));
    for (double i = 0; i < count; i++) {
        double value = 0;
        FOUNDRY_TRY(host->number_get(call, FOUNDRY_DOC_CONFIG, "/value", &value));
        sum += value;
    }
    return foundry_set_number(host, call, "/sum", sum);
}

static const foundry_phase_t reads_phase = {
    .struct_size = sizeof reads_phase,
    .name = "reads",
    .summary = "Many calls of a host service",
    .config_schema = "{\"type\":\"object\",\"required\":[\"count\",\"value\"],"
                     "\"additionalProperties\":false,\"properties\":{"
                     "\"count\":{\"type\":\"integer\",\"minimum\":0},"
                     "\"value\":{\"type\":\"number\",\"x-foundry-per-job\":true}}}",
    .threads = FOUNDRY_CONCURRENT,
    .process = reads_process};

const foundry_plugin_t *foundry_plugin_entry(uint32_t host_abi)
{
    static const foundry_phase_t *const phases[] = {&mix_phase, &still_phase, &reads_phase, NULL};
    static const foundry_plugin_t plugin = {.struct_size = sizeof plugin,
                                            .abi = FOUNDRY_ABI_CURRENT,
                                            .abi_min = FOUNDRY_ABI_CURRENT,
                                            .id = "noop",
                                            .version = "1.0.0",
                                            .summary = "Next to nothing, for measurements",
                                            .phases = phases};
    return host_abi >> 16 == 0 ? &plugin : NULL;
}
