/* SPDX-License-Identifier: MIT
 *
 * link/product: gives each invoice item the pantry item it belongs to. Items that are not linked
 * are asked about; the phase pauses, and with the answers it sets linked_pantry_item_id as a
 * number.
 */
#include <stdio.h>
#include <string.h>

#include "foundry/helpers.h"

static const char id_name[] = "linked_pantry_item_id";

/* {"enum": [ids]} of the choices: what an answer may be. */
static foundry_status_t schema_make(const foundry_host_t *host, foundry_call_t *call,
                                    foundry_json_t *schema)
{
    size_t count = 0;
    FOUNDRY_TRY(host->size_get(call, FOUNDRY_DOC_CONFIG, "/choices", &count));
    foundry_json_object(schema);
    foundry_json_key(schema, "enum");
    foundry_json_array(schema);
    for (size_t i = 0; i < count; i++) {
        char pointer[48];
        const char *id = NULL;
        (void)snprintf(pointer, sizeof pointer, "/choices/%zu/id", i);
        FOUNDRY_TRY(host->json_get(call, FOUNDRY_DOC_CONFIG, pointer, &id));
        foundry_json_raw(schema, id);
    }
    foundry_json_end(schema);
    foundry_json_end(schema);
    return schema->text.status;
}

/* {"item": …, "choices": […]}: what a person sees beside the question. */
static foundry_status_t context_make(const foundry_host_t *host, foundry_call_t *call,
                                     const char *item, foundry_json_t *context)
{
    char place[64];
    const char *json = NULL;
    foundry_json_object(context);
    foundry_json_key(context, "item");
    FOUNDRY_TRY(host->json_get(call, FOUNDRY_DOC_CONFIG, item, &json));
    foundry_json_raw(context, json);
    /* The same description is the same question, on whichever invoice it stands. */
    (void)snprintf(place, sizeof place, "%s/description", item);
    FOUNDRY_TRY(host->json_get(call, FOUNDRY_DOC_CONFIG, place, &json));
    foundry_json_key(context, "fingerprint");
    foundry_json_raw(context, json);
    foundry_json_key(context, "choices");
    FOUNDRY_TRY(host->json_get(call, FOUNDRY_DOC_CONFIG, "/choices", &json));
    foundry_json_raw(context, json);
    foundry_json_end(context);
    return context->text.status;
}

static foundry_status_t ask_about(const foundry_host_t *host, foundry_call_t *call, const char *key,
                                  const char *item)
{
    char place[64];
    char question[256];
    const char *description = NULL;
    foundry_clarification_t clarification = {.struct_size = sizeof clarification,
                                             .key = key,
                                             .kind = "LINK_PRODUCT",
                                             .question = question};
    (void)snprintf(place, sizeof place, "%s/description", item);
    FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_CONFIG, place, &description));
    (void)snprintf(question, sizeof question, "Which pantry item is \"%.100s\"?", description);
    foundry_json_t schema;
    foundry_json_t context;
    foundry_json_init(&schema);
    foundry_json_init(&context);
    foundry_status_t status = schema_make(host, call, &schema);
    if (status == FOUNDRY_OK) {
        status = context_make(host, call, item, &context);
    }
    if (status == FOUNDRY_OK) {
        status = foundry_json_text(&schema, &clarification.answer_schema);
    }
    if (status == FOUNDRY_OK) {
        status = foundry_json_text(&context, &clarification.context_json);
    }
    if (status == FOUNDRY_OK) {
        status = host->clarify(call, &clarification);
    }
    foundry_json_finish(&schema);
    foundry_json_finish(&context);
    return status;
}

/* Copies one item to the output and links it.  `asked` counts the questions. */
static foundry_status_t link_item(const foundry_host_t *host, foundry_call_t *call, size_t index,
                                  size_t *asked)
{
    char item[48];
    char place[96];
    char key[64];
    const char *json = NULL;
    (void)snprintf(item, sizeof item, "/items/%zu", index);
    FOUNDRY_TRY(host->json_get(call, FOUNDRY_DOC_CONFIG, item, &json));
    (void)snprintf(place, sizeof place, "/inventory_items/%zu", index);
    FOUNDRY_TRY(host->json_set(call, place, json));
    (void)snprintf(place, sizeof place, "%s/%s", item, id_name);
    foundry_status_t status = host->json_get(call, FOUNDRY_DOC_CONFIG, place, &json);
    if (status == FOUNDRY_OK && foundry_kind(json) == FOUNDRY_KIND_NUMBER) {
        return FOUNDRY_OK;
    }
    if (status != FOUNDRY_OK && status != FOUNDRY_E_NOT_FOUND) {
        return status;
    }
    (void)snprintf(key, sizeof key, "link-product:%zu", index);
    (void)snprintf(place, sizeof place, "/%s", key);
    status = host->json_get(call, FOUNDRY_DOC_ANSWERS, place, &json);
    if (status == FOUNDRY_E_NOT_FOUND) {
        (*asked)++;
        return ask_about(host, call, key, item);
    }
    FOUNDRY_TRY(status);
    (void)snprintf(place, sizeof place, "/inventory_items/%zu/%s", index, id_name);
    return host->json_set(call, place, json);
}

static foundry_outcome_t product_process(void *self, const foundry_host_t *host,
                                         foundry_call_t *call)
{
    (void)self;
    size_t count = 0;
    size_t asked = 0;
    FOUNDRY_TRY(host->size_get(call, FOUNDRY_DOC_CONFIG, "/items", &count));
    FOUNDRY_TRY(host->json_set(call, "/inventory_items", "[]"));
    for (size_t i = 0; i < count; i++) {
        FOUNDRY_TRY(link_item(host, call, i, &asked));
    }
    return asked > 0 ? FOUNDRY_PAUSE : FOUNDRY_DONE;
}

static const foundry_phase_t product_phase = {
    .struct_size = sizeof product_phase,
    .name = "product",
    .summary = "Link invoice items to pantry items",
    .config_schema =
        "{\"type\":\"object\",\"required\":[\"items\",\"choices\"],"
        "\"additionalProperties\":false,\"properties\":{"
        "\"items\":{\"type\":\"array\",\"x-foundry-per-job\":true,\"items\":{\"type\":\"object\","
        "\"required\":[\"description\"],\"properties\":{\"description\":{\"type\":\"string\"},"
        "\"linked_pantry_item_id\":{\"type\":[\"integer\",\"null\"]}},"
        "\"additionalProperties\":true}},"
        "\"choices\":{\"type\":\"array\",\"minItems\":1,\"items\":{\"type\":\"object\","
        "\"required\":[\"id\",\"name\"],\"properties\":{\"id\":{\"type\":\"integer\"},"
        "\"name\":{\"type\":\"string\"}}}}}}",
    .threads = FOUNDRY_CONCURRENT,
    .process = product_process};

const foundry_plugin_t *foundry_plugin_entry(uint32_t host_abi)
{
    static const foundry_phase_t *const phases[] = {&product_phase, NULL};
    static const foundry_plugin_t plugin = {.struct_size = sizeof plugin,
                                            .abi = FOUNDRY_ABI_CURRENT,
                                            .abi_min = FOUNDRY_ABI_CURRENT,
                                            .id = "link",
                                            .version = "1.0.0",
                                            .summary = "Invoice items to pantry items",
                                            .phases = phases};
    return host_abi >> 16 == 0 ? &plugin : NULL;
}
