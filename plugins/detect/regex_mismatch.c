/* SPDX-License-Identifier: MIT
 *
 * detect/regex-mismatch: asks about texts that do not match a regular expression (PCRE2). A number
 * is matched as it is written. Missing values and nulls are passed over: `required` asks for them.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "detect.h"

/* What one match may cost: patterns come from the pipeline, texts from anywhere. */
enum { MATCH_STEPS_MAX = 1000000, MATCH_DEPTH_MAX = 10000, MATCH_HEAP_KIB_MAX = 16384 };

struct regex_mismatch {
    char *field, *pattern;
    pcre2_code *code;
};

static void regex_mismatch_destroy(void *self)
{
    struct regex_mismatch *regex = self;
    if (regex == NULL) {
        return;
    }
    pcre2_code_free(regex->code);
    free(regex->pattern);
    free(regex->field);
    free(regex);
}

static foundry_outcome_t regex_compile(const foundry_host_t *host, foundry_call_t *call,
                                       struct regex_mismatch *regex)
{
    int code = 0;
    PCRE2_SIZE offset = 0;
    /* "$" is the end and not also before a last newline, which would let "2025-10-20\n" pass. */
    regex->code =
        pcre2_compile((PCRE2_SPTR)regex->pattern, PCRE2_ZERO_TERMINATED,
                      PCRE2_UTF | PCRE2_UCP | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C, &code,
                      &offset, NULL);
    if (regex->code != NULL) {
        return FOUNDRY_DONE;
    }
    PCRE2_UCHAR why[128] = {0};
    (void)pcre2_get_error_message(code, why, sizeof why);
    return foundry_failf(host, call, FOUNDRY_PERMANENT, "bad_pattern", "/pattern",
                         "the pattern %s is no regular expression: %s, at offset %zu",
                         regex->pattern, (const char *)why, (size_t)offset);
}

static foundry_outcome_t regex_mismatch_create(const foundry_host_t *host, foundry_call_t *call,
                                               void **self)
{
    struct regex_mismatch *regex = calloc(1, sizeof *regex);
    if (regex == NULL) {
        return FOUNDRY_E_NO_MEMORY;
    }
    foundry_outcome_t outcome =
        foundry_text_copy(host, call, FOUNDRY_DOC_CONFIG, "/field", &regex->field);
    if (outcome == FOUNDRY_OK) {
        outcome = foundry_text_copy(host, call, FOUNDRY_DOC_CONFIG, "/pattern", &regex->pattern);
    }
    if (outcome == FOUNDRY_OK) {
        outcome = regex_compile(host, call, regex);
    }
    if (outcome != FOUNDRY_DONE) {
        regex_mismatch_destroy(regex);
        return outcome;
    }
    *self = regex;
    return FOUNDRY_DONE;
}

struct look {
    const struct regex_mismatch *regex;
    const foundry_host_t *host;
    foundry_call_t *call;
    pcre2_match_data *match;
    pcre2_match_context *limits;
};

static foundry_status_t ask_about(const struct look *look, const char *pointer, const char *json)
{
    const char *pattern = look->regex->pattern;
    foundry_text_t question;
    foundry_text_init(&question);
    foundry_text_addf(&question, "%s is ", field_name(pointer));
    quote_value(&question, json);
    foundry_text_addf(&question, ", which does not match %s", pattern);
    foundry_json_t context;
    foundry_json_init(&context);
    foundry_json_object(&context);
    context_value(&context, json);
    foundry_json_key(&context, "pattern");
    foundry_json_string(&context, pattern);
    foundry_json_end(&context);
    const foundry_status_t status =
        ask_field(look->host, look->call, "regex-mismatch", "REGEX_MISMATCH", pointer, pattern,
                  &question, &context);
    foundry_json_finish(&context);
    foundry_text_finish(&question);
    return status;
}

static foundry_outcome_t look_at(void *context, const char *pointer)
{
    const struct look *look = context;
    const char *json = NULL;
    FOUNDRY_TRY(subject_value(look->host, look->call, pointer, &json));
    if (json == NULL || foundry_kind(json) == FOUNDRY_KIND_NULL) {
        return FOUNDRY_OK;
    }
    const char *text = json;
    if (foundry_kind(json) == FOUNDRY_KIND_STRING) {
        FOUNDRY_TRY(look->host->text_get(look->call, FOUNDRY_DOC_SUBJECT, pointer, &text));
    } else if (foundry_kind(json) != FOUNDRY_KIND_NUMBER) {
        return ask_about(look, pointer, json); /* no text at all */
    }
    const int found = pcre2_match(look->regex->code, (PCRE2_SPTR)text, strlen(text), 0, 0,
                                  look->match, look->limits);
    if (found >= 0) {
        return FOUNDRY_OK;
    }
    if (found == PCRE2_ERROR_NOMATCH) {
        return ask_about(look, pointer, json);
    }
    if (found == PCRE2_ERROR_NOMEMORY) {
        return FOUNDRY_E_NO_MEMORY;
    }
    PCRE2_UCHAR why[128] = {0};
    (void)pcre2_get_error_message(found, why, sizeof why);
    return foundry_failf(look->host, look->call, FOUNDRY_PERMANENT, "pattern_too_costly",
                         "/pattern",
                         "matching %s against %s was given up: %s; write the pattern with fewer "
                         "nested repetitions",
                         field_name(pointer), look->regex->pattern, (const char *)why);
}

static foundry_outcome_t regex_mismatch_detect(void *self, const foundry_host_t *host,
                                               foundry_call_t *call)
{
    const struct regex_mismatch *regex = self;
    struct look look = {.regex = regex, .host = host, .call = call};
    foundry_outcome_t outcome = FOUNDRY_E_NO_MEMORY;
    look.match = pcre2_match_data_create_from_pattern(regex->code, NULL);
    look.limits = pcre2_match_context_create(NULL);
    if (look.match != NULL && look.limits != NULL) {
        (void)pcre2_set_match_limit(look.limits, MATCH_STEPS_MAX);
        (void)pcre2_set_depth_limit(look.limits, MATCH_DEPTH_MAX);
        (void)pcre2_set_heap_limit(look.limits, MATCH_HEAP_KIB_MAX);
        outcome = foundry_expand(host, call, FOUNDRY_DOC_SUBJECT, regex->field, look_at, &look);
    }
    pcre2_match_context_free(look.limits);
    pcre2_match_data_free(look.match);
    return detect_end(host, call, outcome);
}

const foundry_detector_t regex_mismatch_detector = {
    .struct_size = sizeof regex_mismatch_detector,
    .name = "regex-mismatch",
    .summary = "Ask about texts that do not match a regular expression",
    .config_schema =
        "{\"type\":\"object\",\"required\":[\"field\",\"pattern\"],"
        "\"additionalProperties\":false,\"properties\":{"
        "\"field\":{\"type\":\"string\",\"format\":\"json-pointer\","
        "\"description\":\"JSON pointer; a part * stands for every item that is there\"},"
        "\"pattern\":{\"type\":\"string\",\"maxLength\":4096,"
        "\"description\":\"PCRE2; found anywhere in the text, so begin with ^ and end with $ to "
        "mean all of it\"}}}",
    .threads = FOUNDRY_CONCURRENT,
    .create = regex_mismatch_create,
    .detect = regex_mismatch_detect,
    .destroy = regex_mismatch_destroy};
