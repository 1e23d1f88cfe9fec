/* SPDX-License-Identifier: MIT
 *
 * playback/play: sets a canned result as if a model had read it. A value stands in the result as
 * {"value", "confidence"}; an object with a "confidence" and no "value" is set without it and gets
 * it as its own confidence.
 *
 * With PLAYBACK_OTHER it is a later version that reads one supplier right, another one wrong, and
 * is less sure of one number.
 */
#include <stdlib.h>
#include <string.h>

#include "foundry/helpers.h"

struct playback {
    const foundry_host_t *host;
    foundry_call_t *call;
    foundry_text_t from, to; /* pointers into CONFIG and output */
};

static foundry_status_t play(struct playback *playback);

/* Reads the confidence below the value at `from`, if it has one. */
static foundry_status_t confidence_read(struct playback *playback, double *confidence,
                                        int *is_there)
{
    const size_t size = playback->from.size;
    foundry_text_add(&playback->from, "/confidence");
    const foundry_status_t status = playback->host->number_get(
        playback->call, FOUNDRY_DOC_CONFIG, foundry_text_z(&playback->from), confidence);
    foundry_text_cut(&playback->from, size);
    *is_there = status == FOUNDRY_OK;
    return status == FOUNDRY_E_NOT_FOUND || status == FOUNDRY_E_TYPE ? FOUNDRY_OK : status;
}

/* What this version reads in its place. */
static const char *other(const char *json)
{
#ifdef PLAYBACK_OTHER
    static const char *const pairs[][2] = {{"\"Hardwar & Son\"", "\"Hardware & Son\""},
                                           {"\"Office Supplies Co.\"", "\"Orifice Supplies Co.\""}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (strcmp(json, pairs[i][0]) == 0) {
            return pairs[i][1];
        }
    }
#endif
    return json;
}

/* How sure this version is. */
static double as_sure(double confidence)
{
#ifdef PLAYBACK_OTHER
    return confidence == 0.82 ? 0.99 : confidence == 0.98 ? 0.5 : confidence;
#else
    return confidence;
#endif
}

/* A leaf {"value", "confidence"}: NOT_FOUND if it is none. */
static foundry_status_t play_leaf(struct playback *playback)
{
    const char *json = NULL;
    const size_t size = playback->from.size;
    foundry_text_add(&playback->from, "/value");
    const foundry_status_t status = playback->host->json_get(
        playback->call, FOUNDRY_DOC_CONFIG, foundry_text_z(&playback->from), &json);
    foundry_text_cut(&playback->from, size);
    FOUNDRY_TRY(status);
    return playback->host->json_set(playback->call, foundry_text_z(&playback->to), other(json));
}

static foundry_status_t play_member(struct playback *playback, const char *key, size_t index)
{
    const size_t from_size = playback->from.size;
    const size_t to_size = playback->to.size;
    if (key != NULL) {
        foundry_pointer_name(&playback->from, key);
        foundry_pointer_name(&playback->to, key);
    } else {
        foundry_pointer_index(&playback->from, index);
        foundry_pointer_index(&playback->to, index);
    }
    const foundry_status_t status = play(playback);
    foundry_text_cut(&playback->from, from_size);
    foundry_text_cut(&playback->to, to_size);
    return status;
}

static foundry_status_t play_container(struct playback *playback, foundry_kind_t kind,
                                       int has_confidence)
{
    const foundry_host_t *host = playback->host;
    size_t count = 0;
    FOUNDRY_TRY(host->json_set(playback->call, foundry_text_z(&playback->to),
                               kind == FOUNDRY_KIND_ARRAY ? "[]" : "{}"));
    FOUNDRY_TRY(host->size_get(playback->call, FOUNDRY_DOC_CONFIG, foundry_text_z(&playback->from),
                               &count));
    for (size_t i = 0; i < count; i++) {
        const char *key = NULL;
        if (kind == FOUNDRY_KIND_OBJECT) {
            FOUNDRY_TRY(host->key_get(playback->call, FOUNDRY_DOC_CONFIG,
                                      foundry_text_z(&playback->from), i, &key));
            if (has_confidence && strcmp(key, "confidence") == 0) {
                continue;
            }
        }
        FOUNDRY_TRY(play_member(playback, key, i));
    }
    return FOUNDRY_OK;
}

static foundry_status_t play(struct playback *playback)
{
    const foundry_host_t *host = playback->host;
    foundry_kind_t kind = FOUNDRY_KIND_NULL;
    double confidence = 0;
    int has_confidence = 0;
    FOUNDRY_TRY(foundry_kind_get(host, playback->call, FOUNDRY_DOC_CONFIG,
                                 foundry_text_z(&playback->from), &kind));
    if (kind == FOUNDRY_KIND_OBJECT) {
        FOUNDRY_TRY(confidence_read(playback, &confidence, &has_confidence));
    }
    foundry_status_t status = FOUNDRY_E_NOT_FOUND;
    if (has_confidence) {
        status = play_leaf(playback);
    }
    if (status == FOUNDRY_E_NOT_FOUND &&
        (kind == FOUNDRY_KIND_OBJECT || kind == FOUNDRY_KIND_ARRAY)) {
        status = play_container(playback, kind, has_confidence);
    } else if (status == FOUNDRY_E_NOT_FOUND) {
        const char *json = NULL;
        FOUNDRY_TRY(host->json_get(playback->call, FOUNDRY_DOC_CONFIG,
                                   foundry_text_z(&playback->from), &json));
        status = host->json_set(playback->call, foundry_text_z(&playback->to), json);
    }
    FOUNDRY_TRY(status);
    return has_confidence ? host->confidence_set(playback->call, foundry_text_z(&playback->to),
                                                 as_sure(confidence))
                          : FOUNDRY_OK;
}

/* The last run of digits in a file's name, before its ending: 2 for "job-2.png"; 0 for none. */
static unsigned long digits_of(const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *start = slash != NULL ? slash + 1 : name;
    const char *dot = strrchr(start, '.');
    const char *end = dot != NULL && dot > start ? dot : start + strlen(start);
    while (end > start && (end[-1] < '0' || end[-1] > '9')) {
        end--;
    }
    while (end > start && end[-1] >= '0' && end[-1] <= '9') {
        end--;
    }
    return *end >= '0' && *end <= '9' ? strtoul(end, NULL, 10) : 0;
}

static foundry_outcome_t which(const foundry_host_t *host, foundry_call_t *call, size_t *index)
{
    double number = 0;
    size_t count = 0;
    FOUNDRY_TRY(host->size_get(call, FOUNDRY_DOC_CONFIG, "/results", &count));
    foundry_status_t status = host->number_get(call, FOUNDRY_DOC_CONFIG, "/n", &number);
    if (status == FOUNDRY_E_NOT_FOUND) {
        const char *name = NULL;
        FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_CONFIG, "/name", &name));
        number = (double)digits_of(name);
        status = FOUNDRY_OK;
    }
    FOUNDRY_TRY(status);
    if (!(number >= 1 && number <= 1e9) || count == 0) {
        return foundry_failf(host, call, FOUNDRY_PERMANENT, "no_result", "/n",
                             "there is no result %g: count from 1, and name files like job-2.png",
                             number);
    }
    *index = ((size_t)number - 1) % count;
    return FOUNDRY_DONE;
}

static foundry_outcome_t play_process(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    (void)self;
    size_t index = 0;
    FOUNDRY_TRY(which(host, call, &index));
    struct playback playback = {.host = host, .call = call};
    foundry_text_init(&playback.from);
    foundry_text_init(&playback.to);
    foundry_text_addf(&playback.from, "/results/%zu", index);
    const foundry_status_t status = play(&playback);
    foundry_text_finish(&playback.from);
    foundry_text_finish(&playback.to);
    return status;
}

#define ANY "{\"$ref\":\"#/$defs/any\"}"

static const foundry_phase_t play_phase = {
    .struct_size = sizeof play_phase,
    .name = "play",
    .summary = "Set a canned result, with its confidences",
    .config_schema =
        "{\"type\":\"object\",\"required\":[\"results\"],\"additionalProperties\":false,"
        "\"properties\":{"
        "\"results\":{\"type\":\"array\",\"items\":" ANY "},"
        "\"n\":{\"type\":\"number\",\"x-foundry-per-job\":true},"
        "\"name\":{\"type\":\"string\",\"x-foundry-per-job\":true}},"
        "\"$defs\":{\"any\":{\"additionalProperties\":" ANY ",\"items\":" ANY "}}}",
    .threads = FOUNDRY_CONCURRENT,
    .process = play_process};

const foundry_plugin_t *foundry_plugin_entry(uint32_t host_abi)
{
    static const foundry_phase_t *const phases[] = {&play_phase, NULL};
    static const foundry_plugin_t plugin = {.struct_size = sizeof plugin,
                                            .abi = FOUNDRY_ABI_CURRENT,
                                            .abi_min = FOUNDRY_ABI_CURRENT,
                                            .id = "playback",
#ifdef PLAYBACK_OTHER
                                            .version = "2.0.0",
#else
                                            .version = "1.0.0",
#endif
                                            .summary = "Canned results",
                                            .phases = phases};
    return host_abi >> 16 == 0 ? &plugin : NULL;
}
