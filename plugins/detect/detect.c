/* SPDX-License-Identifier: MIT
 *
 * Detectors that need no training: low confidence, missing values, values that do not look as they
 * should, sums that do not add up.
 */
#include "detect.h"

enum { QUOTED_BYTES_MAX = 80, CONTEXT_BYTES_MAX = 32 << 10 };

const char *field_name(const char *pointer)
{
    return *pointer == '\0' ? "the document" : pointer + 1;
}

void quote_value(foundry_text_t *text, const char *json)
{
    const size_t size = strlen(json);
    if (size <= QUOTED_BYTES_MAX) {
        foundry_text_append(text, json, size);
        return;
    }
    foundry_text_append(text, json, foundry_utf8_boundary(json, QUOTED_BYTES_MAX));
    foundry_text_add(text, "...");
}

foundry_status_t subject_value(const foundry_host_t *host, foundry_call_t *call,
                               const char *pointer, const char **json)
{
    const foundry_status_t status = host->json_get(call, FOUNDRY_DOC_SUBJECT, pointer, json);
    if (status == FOUNDRY_E_NOT_FOUND) {
        *json = NULL;
        return FOUNDRY_OK;
    }
    return status;
}

foundry_status_t ask_field(const foundry_host_t *host, foundry_call_t *call, const char *name,
                           const char *kind, const char *pointer, const char *rule,
                           const foundry_text_t *question, foundry_json_t *context)
{
    foundry_text_t key;
    foundry_text_init(&key);
    foundry_question_key(&key, name, pointer, rule);
    const char *shown = NULL;
    foundry_status_t status = key.status != FOUNDRY_OK ? key.status : question->status;
    if (status == FOUNDRY_OK) {
        status = foundry_json_text(context, &shown);
    }
    if (status == FOUNDRY_OK) {
        status = foundry_ask(host, call, foundry_text_z(&key), kind, pointer,
                             foundry_text_z(question), shown);
        status = status == FOUNDRY_E_LIMIT ? ASKED_ENOUGH : status;
    }
    foundry_text_finish(&key);
    return status;
}

foundry_outcome_t detect_end(const foundry_host_t *host, foundry_call_t *call,
                             foundry_status_t status)
{
    if (status == ASKED_ENOUGH) {
        host->log(call, FOUNDRY_LOG_WARNING,
                  "more is doubtful than one call may ask about; the rest is looked at again when "
                  "the answers are in");
        return FOUNDRY_DONE;
    }
    return status;
}

void context_value(foundry_json_t *context, const char *json)
{
    if (strlen(json) <= CONTEXT_BYTES_MAX) {
        foundry_json_key(context, "value");
        foundry_json_raw(context, json);
    }
}

const foundry_plugin_t *foundry_plugin_entry(uint32_t host_abi)
{
    static const foundry_detector_t *const detectors[] = {
        &low_confidence_detector, &required_detector,   &regex_mismatch_detector,
        &arithmetic_detector,     &box_inside_detector, NULL};
    static const foundry_plugin_t plugin = {.struct_size = sizeof plugin,
                                            .abi = FOUNDRY_ABI_CURRENT,
                                            .abi_min = FOUNDRY_ABI_CURRENT,
                                            .id = "detect",
                                            .version = "0.1.0",
                                            .summary = "Detectors that need no training",
                                            .detectors = detectors};
    return host_abi >> 16 == 0 ? &plugin : NULL;
}
