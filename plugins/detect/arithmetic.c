/* SPDX-License-Identifier: MIT
 *
 * detect/arithmetic: asks where numbers do not add up, e.g. quantity * unit_price == total_cost for
 * each line item. Where a value is missing there is nothing to check: `required` asks for it.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect.h"
#include "expression.h"

/* Doubles are not decimal: 44.96 - 44.95 is a little over 0.01. What is this near to the tolerance,
 * relative to the numbers compared, is within it. */
#define ROUNDING 1e-12

struct arithmetic {
    char *each;
    double tolerance;
    struct rule rule;
};

static void arithmetic_destroy(void *self)
{
    struct arithmetic *arithmetic = self;
    if (arithmetic != NULL) {
        free(arithmetic->each);
        free(arithmetic);
    }
}

static foundry_outcome_t config_read(const foundry_host_t *host, foundry_call_t *call,
                                     struct arithmetic *arithmetic)
{
    const char *text = NULL;
    FOUNDRY_TRY(foundry_number_default(host, call, FOUNDRY_DOC_CONFIG, "/tolerance", 0.01,
                                       &arithmetic->tolerance));
    FOUNDRY_TRY(foundry_text_copy(host, call, FOUNDRY_DOC_CONFIG, "/each", &arithmetic->each));
    FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_CONFIG, "/rule", &text));
    struct rule_flaw flaw = {0};
    if (rule_parse(text, &arithmetic->rule, &flaw) != 0) {
        return foundry_failf(host, call, FOUNDRY_PERMANENT, "bad_rule", "/rule",
                             "the rule %s cannot be read: %s, at offset %zu", text, flaw.what,
                             flaw.offset);
    }
    return FOUNDRY_DONE;
}

static foundry_outcome_t arithmetic_create(const foundry_host_t *host, foundry_call_t *call,
                                           void **self)
{
    struct arithmetic *arithmetic = calloc(1, sizeof *arithmetic);
    if (arithmetic == NULL) {
        return FOUNDRY_E_NO_MEMORY;
    }
    const foundry_outcome_t outcome = config_read(host, call, arithmetic);
    if (outcome != FOUNDRY_DONE) {
        arithmetic_destroy(arithmetic);
        return outcome;
    }
    *self = arithmetic;
    return FOUNDRY_DONE;
}

static bool holds(const struct arithmetic *arithmetic, double left, double right)
{
    const double largest = fmax(fmax(fabs(left), fabs(right)), 1);
    const double slack = arithmetic->tolerance + largest * ROUNDING;
    switch (arithmetic->rule.relation) {
    case RULE_AT_MOST:
        return left <= right + slack;
    case RULE_AT_LEAST:
        return left >= right - slack;
    default:
        return fabs(left - right) <= slack;
    }
}

/* Two numbers with as many places, two or more, as it takes to see that they differ. */
static void numbers_show(double left, double right, char left_text[64], char right_text[64])
{
    const bool is_large = fmax(fabs(left), fabs(right)) >= 1e15;
    for (int places = 2; places <= 9; places++) {
        if (is_large) {
            (void)snprintf(left_text, 64, "%.*g", places + 8, left);
            (void)snprintf(right_text, 64, "%.*g", places + 8, right);
        } else {
            (void)snprintf(left_text, 64, "%.*f", places, left);
            (void)snprintf(right_text, 64, "%.*f", places, right);
        }
        if (strcmp(left_text, right_text) != 0) {
            return;
        }
    }
}

struct look {
    const struct arithmetic *arithmetic;
    const foundry_host_t *host;
    foundry_call_t *call;
};

/* Asks, with the rule and, if both are given, the numbers of its sides as context. */
static foundry_status_t ask_about(const struct look *look, const char *pointer,
                                  const foundry_text_t *question, const double *left,
                                  const double *right)
{
    const struct rule *rule = &look->arithmetic->rule;
    foundry_json_t context;
    foundry_json_init(&context);
    foundry_json_object(&context);
    foundry_json_key(&context, "rule");
    foundry_json_string(&context, rule->text);
    if (left != NULL && right != NULL) {
        foundry_json_key(&context, "left");
        foundry_json_number(&context, *left);
        foundry_json_key(&context, "right");
        foundry_json_number(&context, *right);
        foundry_json_key(&context, "tolerance");
        foundry_json_number(&context, look->arithmetic->tolerance);
    }
    foundry_json_end(&context);
    const foundry_status_t status = ask_field(look->host, look->call, "arithmetic", "ARITHMETIC",
                                              pointer, rule->text, question, &context);
    foundry_json_finish(&context);
    return status;
}

/* "/line_items/0: quantity * unit_price = 150.00, total_cost = 15.00" */
static foundry_status_t ask_mismatch(const struct look *look, const char *item, double left,
                                     double right)
{
    const struct rule *rule = &look->arithmetic->rule;
    char left_text[64];
    char right_text[64];
    numbers_show(left, right, left_text, right_text);
    foundry_text_t question;
    foundry_text_init(&question);
    foundry_text_addf(&question, "%s%s", item, *item == '\0' ? "" : ": ");
    foundry_text_addf(&question, "%s = %s, %s = %s", rule->left_text, left_text, rule->right_text,
                      right_text);
    if (rule->relation != RULE_EQUAL) {
        foundry_text_addf(&question, " (must be %s)", rule->text);
    }
    const foundry_status_t status = ask_about(look, item, &question, &left, &right);
    foundry_text_finish(&question);
    return status;
}

static foundry_status_t ask_no_number(const struct look *look, const char *pointer)
{
    const char *json = NULL;
    FOUNDRY_TRY(look->host->json_get(look->call, FOUNDRY_DOC_SUBJECT, pointer, &json));
    foundry_text_t question;
    foundry_text_init(&question);
    foundry_text_addf(&question, "%s is ", field_name(pointer));
    quote_value(&question, json);
    foundry_text_addf(&question, ", which is no number, so that %s cannot be checked",
                      look->arithmetic->rule.text);
    const foundry_status_t status = ask_about(look, pointer, &question, NULL, NULL);
    foundry_text_finish(&question);
    return status;
}

static foundry_status_t ask_not_finite(const struct look *look, const char *item)
{
    foundry_text_t question;
    foundry_text_init(&question);
    foundry_text_addf(&question, "%s%s%s cannot be computed: it divides by zero or is too large",
                      item, *item == '\0' ? "" : ": ", look->arithmetic->rule.text);
    const foundry_status_t status = ask_about(look, item, &question, NULL, NULL);
    foundry_text_finish(&question);
    return status;
}

static foundry_status_t look_at_item(const struct look *look, const char *item)
{
    const struct rule *rule = &look->arithmetic->rule;
    const struct rule_source source = {.host = look->host, .call = look->call, .item = item};
    struct expression_value value = {0};
    foundry_text_init(&value.trouble);
    enum expression_result result = expression_evaluate(&rule->left, &source, &value);
    const double left = value.number;
    if (result == EXPRESSION_VALUE) {
        result = expression_evaluate(&rule->right, &source, &value);
    }
    foundry_status_t status = FOUNDRY_OK;
    switch (result) {
    case EXPRESSION_VALUE:
        if (!holds(look->arithmetic, left, value.number)) {
            status = ask_mismatch(look, item, left, value.number);
        }
        break;
    case EXPRESSION_MISSING:
        break;
    case EXPRESSION_NO_NUMBER:
        status = ask_no_number(look, foundry_text_z(&value.trouble));
        break;
    case EXPRESSION_NOT_FINITE:
        status = ask_not_finite(look, item);
        break;
    default:
        status = value.status;
    }
    foundry_text_finish(&value.trouble);
    return status;
}

/* Called for each value that `each` stands for: an array is looked at item by item. */
static foundry_status_t look_at(void *context, const char *pointer)
{
    const struct look *look = context;
    size_t count = 0;
    foundry_kind_t kind = FOUNDRY_KIND_NULL;
    const foundry_status_t status =
        foundry_kind_get(look->host, look->call, FOUNDRY_DOC_SUBJECT, pointer, &kind);
    if (status == FOUNDRY_E_NOT_FOUND) {
        return FOUNDRY_OK;
    }
    FOUNDRY_TRY(status);
    if (kind != FOUNDRY_KIND_ARRAY) {
        return kind == FOUNDRY_KIND_OBJECT ? look_at_item(look, pointer) : FOUNDRY_OK;
    }
    FOUNDRY_TRY(look->host->size_get(look->call, FOUNDRY_DOC_SUBJECT, pointer, &count));
    foundry_text_t item;
    foundry_text_init(&item);
    foundry_status_t looked = FOUNDRY_OK;
    for (size_t i = 0; looked == FOUNDRY_OK && i < count; i++) {
        foundry_text_cut(&item, 0);
        foundry_text_add(&item, pointer);
        foundry_pointer_index(&item, i);
        looked =
            item.status == FOUNDRY_OK ? look_at_item(look, foundry_text_z(&item)) : item.status;
    }
    foundry_text_finish(&item);
    return looked;
}

static foundry_outcome_t arithmetic_detect(void *self, const foundry_host_t *host,
                                           foundry_call_t *call)
{
    const struct arithmetic *arithmetic = self;
    struct look look = {.arithmetic = arithmetic, .host = host, .call = call};
    return detect_end(
        host, call,
        foundry_expand(host, call, FOUNDRY_DOC_SUBJECT, arithmetic->each, look_at, &look));
}

const foundry_detector_t arithmetic_detector = {
    .struct_size = sizeof arithmetic_detector,
    .name = "arithmetic",
    .summary = "Ask where numbers do not add up",
    .config_schema =
        "{\"type\":\"object\",\"required\":[\"rule\"],\"additionalProperties\":false,"
        "\"properties\":{"
        "\"rule\":{\"type\":\"string\",\"maxLength\":498,"
        "\"description\":\"LEFT == RIGHT (or <=, >=) of + - * / ( ), numbers, fields (a.b for b "
        "inside a) and sum(POINTER), e.g. quantity * unit_price == total_cost\"},"
        "\"each\":{\"type\":\"string\",\"format\":\"json-pointer\",\"default\":\"\","
        "\"description\":\"the array whose items are checked, or the object; all of the document "
        "if left out\"},"
        "\"tolerance\":{\"type\":\"number\",\"minimum\":0,\"default\":0.01,"
        "\"description\":\"how far the sides may lie apart\"}}}",
    .threads = FOUNDRY_CONCURRENT,
    .create = arithmetic_create,
    .detect = arithmetic_detect,
    .destroy = arithmetic_destroy};
