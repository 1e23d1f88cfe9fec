/* SPDX-License-Identifier: MIT
 *
 * inquiry/ask: asks a person what its configuration says, under a kind of its own that nobody else
 * knows, and hands the answer on as `answer`. The schema of the answer is JSON as text, whose order
 * is the form's.
 */
#include "foundry/helpers.h"

static const char key[] = "matter";

static foundry_outcome_t ask_process(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    (void)self;
    const char *answer = NULL;
    foundry_status_t status = host->json_get(call, FOUNDRY_DOC_ANSWERS, "/matter", &answer);
    if (status == FOUNDRY_OK) {
        return host->json_set(call, "/answer", answer);
    }
    if (status != FOUNDRY_E_NOT_FOUND) {
        return status;
    }
    foundry_clarification_t matter = {.struct_size = sizeof matter, .key = key};
    FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_CONFIG, "/kind", &matter.kind));
    FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_CONFIG, "/question", &matter.question));
    FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_CONFIG, "/schema", &matter.answer_schema));
    FOUNDRY_TRY(host->json_get(call, FOUNDRY_DOC_CONFIG, "/context", &matter.context_json));
    FOUNDRY_TRY(host->clarify(call, &matter));
    return FOUNDRY_PAUSE;
}

static const foundry_phase_t ask_phase = {
    .struct_size = sizeof ask_phase,
    .name = "ask",
    .summary = "Asks what it is told to ask",
    .config_schema =
        "{\"type\":\"object\",\"required\":[\"kind\",\"question\",\"schema\",\"context\"],"
        "\"additionalProperties\":false,\"properties\":{"
        "\"kind\":{\"type\":\"string\"},\"question\":{\"type\":\"string\"},"
        "\"schema\":{\"type\":\"string\"},"
        "\"context\":{\"type\":\"object\",\"x-foundry-per-job\":true}}}",
    .threads = FOUNDRY_CONCURRENT,
    .process = ask_process};

const foundry_plugin_t *foundry_plugin_entry(uint32_t host_abi)
{
    static const foundry_phase_t *const phases[] = {&ask_phase, NULL};
    static const foundry_plugin_t plugin = {.struct_size = sizeof plugin,
                                            .abi = FOUNDRY_ABI_CURRENT,
                                            .abi_min = FOUNDRY_ABI_CURRENT,
                                            .id = "inquiry",
                                            .version = "1.0.0",
                                            .summary = "Questions that tests put",
                                            .phases = phases};
    return host_abi >> 16 == 0 ? &plugin : NULL;
}
