/* SPDX-License-Identifier: MIT
 *
 * detect/low-confidence: asks about every value whose confidence is strictly below a threshold. A
 * value for which no confidence was recorded is not asked about.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect.h"

struct field_threshold {
    char *pattern; /* a pointer with "*" for any part */
    double below;
    bool is_exact; /* no "*": stands before patterns */
};

struct low_confidence {
    double below;
    struct field_threshold *fields;
    size_t fields_count;
};

static void low_confidence_destroy(void *self)
{
    struct low_confidence *low = self;
    if (low == NULL) {
        return;
    }
    for (size_t i = 0; i < low->fields_count; i++) {
        free(low->fields[i].pattern);
    }
    free(low->fields);
    free(low);
}

/* Reads one member of `fields`: a pattern and its threshold. */
static foundry_outcome_t field_read(const foundry_host_t *host, foundry_call_t *call, size_t index,
                                    struct field_threshold *field)
{
    const char *pattern = NULL;
    FOUNDRY_TRY(host->key_get(call, FOUNDRY_DOC_CONFIG, "/fields", index, &pattern));
    if (!foundry_pointer_valid(pattern)) {
        return foundry_failf(host, call, FOUNDRY_PERMANENT, "bad_pointer", "/fields",
                             "the field \"%s\" is no JSON pointer: begin it with a slash, as in "
                             "/line_items/*/quantity",
                             pattern);
    }
    foundry_text_t place;
    foundry_text_init(&place);
    foundry_text_add(&place, "/fields");
    foundry_pointer_name(&place, pattern);
    field->is_exact = true;
    for (const char *at = strchr(pattern, '*'); at != NULL; at = strchr(at + 1, '*')) {
        if (at > pattern && at[-1] == '/' && (at[1] == '\0' || at[1] == '/')) {
            field->is_exact = false;
        }
    }
    const size_t size = strlen(pattern) + 1;
    field->pattern = malloc(size);
    if (field->pattern != NULL) {
        memcpy(field->pattern, pattern, size);
    }
    foundry_status_t status = field->pattern == NULL ? FOUNDRY_E_NO_MEMORY : place.status;
    if (status == FOUNDRY_OK) {
        status = host->number_get(call, FOUNDRY_DOC_CONFIG, foundry_text_z(&place), &field->below);
    }
    foundry_text_finish(&place);
    return status;
}

static foundry_outcome_t fields_read(const foundry_host_t *host, foundry_call_t *call,
                                     struct low_confidence *low)
{
    size_t count = 0;
    const foundry_status_t status = host->size_get(call, FOUNDRY_DOC_CONFIG, "/fields", &count);
    if (status == FOUNDRY_E_NOT_FOUND || (status == FOUNDRY_OK && count == 0)) {
        return FOUNDRY_DONE;
    }
    FOUNDRY_TRY(status);
    low->fields = calloc(count, sizeof *low->fields);
    if (low->fields == NULL) {
        return FOUNDRY_E_NO_MEMORY;
    }
    low->fields_count = count;
    for (size_t i = 0; i < count; i++) {
        FOUNDRY_TRY(field_read(host, call, i, &low->fields[i]));
    }
    return FOUNDRY_DONE;
}

static foundry_outcome_t low_confidence_create(const foundry_host_t *host, foundry_call_t *call,
                                               void **self)
{
    struct low_confidence *low = calloc(1, sizeof *low);
    if (low == NULL) {
        return FOUNDRY_E_NO_MEMORY;
    }
    foundry_outcome_t outcome = host->number_get(call, FOUNDRY_DOC_CONFIG, "/below", &low->below);
    if (outcome == FOUNDRY_OK) {
        outcome = fields_read(host, call, low);
    }
    if (outcome != FOUNDRY_DONE) {
        low_confidence_destroy(low);
        return outcome;
    }
    *self = low;
    return FOUNDRY_DONE;
}

/* The threshold for a field: its own, else that of the first pattern that stands for it, else the
 * one for all. */
static double threshold_of(const struct low_confidence *low, const char *pointer)
{
    const struct field_threshold *match = NULL;
    for (size_t i = 0; i < low->fields_count; i++) {
        const struct field_threshold *field = &low->fields[i];
        if (foundry_pointer_matches(field->pattern, pointer) &&
            (match == NULL || (field->is_exact && !match->is_exact))) {
            match = field;
        }
    }
    return match != NULL ? match->below : low->below;
}

/* Percent without needless zeros: 0.82 is "82", 0.995 is "99.5". */
static void percent(double share, int places, char text[40])
{
    (void)snprintf(text, 40, "%.*f", places, share * 100);
    if (strchr(text, '.') != NULL) {
        size_t size = strlen(text);
        while (text[size - 1] == '0') {
            size--;
        }
        if (text[size - 1] == '.') {
            size--;
        }
        text[size] = '\0';
    }
}

/* A score just below the threshold must not look like it: places are added until they differ. */
static void percents(double score, double threshold, char score_text[40], char threshold_text[40])
{
    for (int places = 1; places <= 12; places++) {
        percent(score, places, score_text);
        percent(threshold, places, threshold_text);
        if (strcmp(score_text, threshold_text) != 0) {
            return;
        }
    }
}

struct look {
    const struct low_confidence *low;
    const foundry_host_t *host;
    foundry_call_t *call;
};

static foundry_status_t ask_about(const struct look *look, const char *pointer, const char *json,
                                  double score, double threshold)
{
    char score_text[40];
    char threshold_text[40];
    percents(score, threshold, score_text, threshold_text);
    const foundry_kind_t kind = foundry_kind(json);
    const bool is_container = kind == FOUNDRY_KIND_OBJECT || kind == FOUNDRY_KIND_ARRAY;
    foundry_text_t question;
    foundry_text_init(&question);
    foundry_text_add(&question, field_name(pointer));
    if (is_container) {
        foundry_text_add(&question, " was"); /* its parts stand in the context */
    } else {
        foundry_text_add(&question, " is ");
        quote_value(&question, json);
        foundry_text_add(&question, ",");
    }
    foundry_text_addf(&question, " read with %s %% confidence (asked below %s %%)", score_text,
                      threshold_text);
    foundry_json_t context;
    foundry_json_init(&context);
    foundry_json_object(&context);
    context_value(&context, json);
    foundry_json_key(&context, "confidence");
    foundry_json_number(&context, score);
    foundry_json_key(&context, "threshold");
    foundry_json_number(&context, threshold);
    foundry_json_end(&context);
    const foundry_status_t status = ask_field(look->host, look->call, "low-confidence",
                                              "LOW_CONFIDENCE", pointer, NULL, &question, &context);
    foundry_json_finish(&context);
    foundry_text_finish(&question);
    return status;
}

static foundry_status_t look_at(void *context, const char *pointer, foundry_kind_t kind)
{
    (void)kind;
    const struct look *look = context;
    double score = 0;
    const foundry_status_t status = look->host->confidence_get(look->call, pointer, &score);
    if (status == FOUNDRY_E_NOT_FOUND) {
        return FOUNDRY_OK; /* nobody said how certain this value is */
    }
    FOUNDRY_TRY(status);
    const double threshold = threshold_of(look->low, pointer);
    if (!(score < threshold)) {
        return FOUNDRY_OK;
    }
    const char *json = NULL;
    FOUNDRY_TRY(look->host->json_get(look->call, FOUNDRY_DOC_SUBJECT, pointer, &json));
    return ask_about(look, pointer, json, score, threshold);
}

static foundry_outcome_t low_confidence_detect(void *self, const foundry_host_t *host,
                                               foundry_call_t *call)
{
    struct look look = {.low = self, .host = host, .call = call};
    return detect_end(host, call,
                      foundry_walk_all(host, call, FOUNDRY_DOC_SUBJECT, "", look_at, &look));
}

const foundry_detector_t low_confidence_detector = {
    .struct_size = sizeof low_confidence_detector,
    .name = "low-confidence",
    .summary = "Ask about values read with a confidence below a threshold",
    .config_schema =
        "{\"type\":\"object\",\"required\":[\"below\"],\"additionalProperties\":false,"
        "\"properties\":{"
        "\"below\":{\"type\":\"number\",\"minimum\":0,\"maximum\":1,"
        "\"description\":\"a confidence strictly below this asks\"},"
        "\"fields\":{\"type\":\"object\",\"maxProperties\":1000,"
        "\"additionalProperties\":{\"type\":\"number\",\"minimum\":0,\"maximum\":1},"
        "\"description\":\"thresholds of single fields, by JSON pointer; a part * stands for any "
        "item, as in /line_items/*/quantity\"}}}",
    .threads = FOUNDRY_CONCURRENT,
    .create = low_confidence_create,
    .detect = low_confidence_detect,
    .destroy = low_confidence_destroy};
