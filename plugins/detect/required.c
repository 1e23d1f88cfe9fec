/* SPDX-License-Identifier: MIT
 *
 * detect/required: asks for values that are missing, null or empty. Where nothing can be set at the
 * pointer, because something stands in its way ("/totals/net" with 3 as totals), it asks about
 * that.
 */
#include <stdio.h>
#include <string.h>

#include "detect.h"

struct look {
    const foundry_host_t *host;
    foundry_call_t *call;
};

/* Cut a pointer that leads to nothing back to what stands in its way: the nearest value above it,
 * if that is not an object, which would take a new member. An object in its way leaves it whole. */
static foundry_status_t settable(const struct look *look, foundry_text_t *pointer)
{
    const size_t whole = pointer->size;
    foundry_text_t above;
    foundry_text_init(&above);
    foundry_text_add(&above, foundry_text_z(pointer));
    foundry_kind_t kind = FOUNDRY_KIND_NULL;
    foundry_status_t status = FOUNDRY_E_NOT_FOUND;
    while (status == FOUNDRY_E_NOT_FOUND && above.status == FOUNDRY_OK && above.size > 0) {
        foundry_text_cut(&above, (size_t)(strrchr(above.bytes, '/') - above.bytes));
        status = foundry_kind_get(look->host, look->call, FOUNDRY_DOC_SUBJECT,
                                  foundry_text_z(&above), &kind);
    }
    foundry_text_cut(pointer, kind == FOUNDRY_KIND_OBJECT ? whole : above.size);
    status = above.status != FOUNDRY_OK ? above.status : status;
    foundry_text_finish(&above);
    return status;
}

static foundry_status_t ask_for(const struct look *look, const char *wanted, const char *pointer,
                                const char *found)
{
    foundry_text_t question;
    foundry_text_init(&question);
    foundry_text_addf(&question, "%s is %s, it is required", field_name(wanted), found);
    foundry_json_t shown;
    foundry_json_init(&shown);
    foundry_json_object(&shown);
    foundry_json_key(&shown, "found");
    foundry_json_string(&shown, found);
    foundry_json_end(&shown);
    /* Several fields may be missing in one place: each is a question of its own. */
    const char *rule = strcmp(wanted, pointer) != 0 ? wanted : NULL;
    const foundry_status_t status = ask_field(look->host, look->call, "required", "MISSING_FIELD",
                                              pointer, rule, &question, &shown);
    foundry_json_finish(&shown);
    foundry_text_finish(&question);
    return status;
}

static foundry_status_t look_at(void *context, const char *pointer)
{
    const struct look *look = context;
    const char *json = NULL;
    FOUNDRY_TRY(subject_value(look->host, look->call, pointer, &json));
    if (json != NULL) {
        const char *found = foundry_kind(json) == FOUNDRY_KIND_NULL ? "null"
                            : strcmp(json, "\"\"") == 0             ? "empty"
                                                                    : NULL;
        return found == NULL ? FOUNDRY_OK : ask_for(look, pointer, pointer, found);
    }
    foundry_text_t place;
    foundry_text_init(&place);
    foundry_text_add(&place, pointer);
    foundry_status_t status = place.status;
    if (status == FOUNDRY_OK) {
        status = settable(look, &place);
    }
    if (status == FOUNDRY_OK) {
        status = ask_for(look, pointer, foundry_text_z(&place), "missing");
    }
    foundry_text_finish(&place);
    return status;
}

static foundry_outcome_t required_detect(void *self, const foundry_host_t *host,
                                         foundry_call_t *call)
{
    (void)self;
    size_t count = 0;
    FOUNDRY_TRY(host->size_get(call, FOUNDRY_DOC_CONFIG, "/fields", &count));
    struct look look = {.host = host, .call = call};
    for (size_t i = 0; i < count; i++) {
        char place[40];
        (void)snprintf(place, sizeof place, "/fields/%zu", i);
        const char *pattern = NULL;
        FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_CONFIG, place, &pattern));
        const foundry_status_t status =
            foundry_expand(host, call, FOUNDRY_DOC_SUBJECT, pattern, look_at, &look);
        if (status != FOUNDRY_OK) {
            return detect_end(host, call, status);
        }
    }
    return FOUNDRY_DONE;
}

const foundry_detector_t required_detector = {
    .struct_size = sizeof required_detector,
    .name = "required",
    .summary = "Ask for values that are missing, null or empty",
    .config_schema =
        "{\"type\":\"object\",\"required\":[\"fields\"],\"additionalProperties\":false,"
        "\"properties\":{\"fields\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":1000,"
        "\"items\":{\"type\":\"string\",\"format\":\"json-pointer\"},"
        "\"description\":\"JSON pointers; a part * stands for every item that is there, as in "
        "/line_items/*/quantity\"}}}",
    .threads = FOUNDRY_CONCURRENT,
    .detect = required_detect};
