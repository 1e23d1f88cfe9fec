/* SPDX-License-Identifier: MIT
 *
 * replay/result: gives a result that was written down before, by the name of the input, as if a
 * model had just read it. It looks at no picture. An object of the result with a number
 * "confidence" is given that confidence.
 */
#include <stddef.h>
#include <string.h>

#include "foundry/helpers.h"

struct replay {
    const foundry_host_t *host;
    foundry_call_t *call;
    size_t prefix_size; /* of the pointer that leads to the result inside CONFIG */
};

static foundry_status_t confidence_look(void *context, const char *ptr, foundry_kind_t kind)
{
    const struct replay *replay = context;
    if (kind != FOUNDRY_KIND_OBJECT) {
        return FOUNDRY_OK;
    }
    foundry_text_t place;
    foundry_text_init(&place);
    foundry_text_add(&place, ptr);
    foundry_text_add(&place, "/confidence");
    double confidence = 0;
    foundry_status_t status = place.status;
    if (status == FOUNDRY_OK) {
        status = replay->host->number_get(replay->call, FOUNDRY_DOC_CONFIG, foundry_text_z(&place),
                                          &confidence);
    }
    foundry_text_finish(&place);
    if (status == FOUNDRY_OK) {
        return replay->host->confidence_set(replay->call, ptr + replay->prefix_size, confidence);
    }
    return status == FOUNDRY_E_NOT_FOUND || status == FOUNDRY_E_TYPE ? FOUNDRY_OK : status;
}

static foundry_outcome_t result_give(struct replay *replay, const char *name, const char *ptr)
{
    const char *json = NULL;
    const foundry_status_t status =
        replay->host->json_get(replay->call, FOUNDRY_DOC_CONFIG, ptr, &json);
    if (status == FOUNDRY_E_NOT_FOUND) {
        return foundry_failf(replay->host, replay->call, FOUNDRY_PERMANENT, "no_result", "/results",
                             "no result is written down for %s: add it to results, or give a "
                             "picture that has one",
                             name);
    }
    FOUNDRY_TRY(status);
    FOUNDRY_TRY(replay->host->json_set(replay->call, "", json));
    return foundry_walk_all(replay->host, replay->call, FOUNDRY_DOC_CONFIG, ptr, confidence_look,
                            replay);
}

static foundry_outcome_t result_process(void *self, const foundry_host_t *host,
                                        foundry_call_t *call)
{
    (void)self;
    const char *name = NULL;
    FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_CONFIG, "/name", &name));
    foundry_text_t ptr;
    foundry_text_init(&ptr);
    foundry_text_add(&ptr, "/results");
    foundry_pointer_name(&ptr, name);
    struct replay replay = {.host = host, .call = call, .prefix_size = ptr.size};
    const foundry_outcome_t outcome =
        ptr.status == FOUNDRY_OK ? result_give(&replay, name, foundry_text_z(&ptr)) : ptr.status;
    foundry_text_finish(&ptr);
    return outcome;
}

#define ANY "{\"$ref\":\"#/$defs/any\"}"

static const foundry_phase_t result_phase = {
    .struct_size = sizeof result_phase,
    .name = "result",
    .summary = "Give a result that was written down before, by the input's name",
    .config_schema = "{\"type\":\"object\",\"required\":[\"name\",\"results\"],"
                     "\"additionalProperties\":false,\"properties\":{"
                     "\"name\":{\"type\":\"string\",\"x-foundry-per-job\":true,"
                     "\"description\":\"of the input, e.g. ${input.name}\"},"
                     "\"results\":{\"type\":\"object\",\"additionalProperties\":" ANY ","
                     "\"description\":\"results by name\"}},"
                     "\"$defs\":{\"any\":{\"additionalProperties\":" ANY ",\"items\":" ANY "}}}",
    .threads = FOUNDRY_CONCURRENT,
    .process = result_process};

const foundry_plugin_t *foundry_plugin_entry(uint32_t host_abi)
{
    static const foundry_phase_t *const phases[] = {&result_phase, NULL};
    static const foundry_plugin_t plugin = {.struct_size = sizeof plugin,
                                            .abi = FOUNDRY_ABI_CURRENT,
                                            .abi_min = FOUNDRY_ABI_CURRENT,
                                            .id = "replay",
                                            .version = "0.1.0",
                                            .summary = "Canned results, for demonstrations",
                                            .phases = phases};
    return host_abi >> 16 == 0 ? &plugin : NULL;
}
