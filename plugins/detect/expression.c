/* SPDX-License-Identifier: MIT
 *
 * A recursive descent parser with limits on length, depth and nodes, and a stack that evaluates
 * what it made.
 *
 *     rule    = sum relation sum        relation = "==" | "<=" | ">="
 *     sum     = product { ("+" | "-") product }
 *     product = factor { ("*" | "/") factor }
 *     factor  = "-" factor | number | name { "." name } | "sum" "(" pointer ")" | "(" sum ")"
 */
#include "expression.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* ---- reading ------------------------------------------------------------------------------ */

struct parser {
    const char *start, *at;
    struct expression *expression;
    const char *flaw; /* the first one */
    const char *flaw_at;
    size_t depth;
};

static bool is_name(char byte, bool is_first)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
           (!is_first && byte >= '0' && byte <= '9');
}

static bool refuse(struct parser *parser, const char *flaw)
{
    if (parser->flaw == NULL) {
        parser->flaw = flaw;
        parser->flaw_at = parser->at;
    }
    return false;
}

static void skip_space(struct parser *parser)
{
    parser->at += strspn(parser->at, " \t\r\n");
}

static struct expression_node *add_node(struct parser *parser)
{
    struct expression *expression = parser->expression;
    if (expression->count == EXPRESSION_NODES_MAX) {
        (void)refuse(parser, "the rule has too many parts");
        return NULL;
    }
    struct expression_node *node = &expression->nodes[expression->count++];
    memset(node, 0, sizeof *node);
    return node;
}

static bool add_operator(struct parser *parser, char sign)
{
    struct expression_node *node = add_node(parser);
    if (node == NULL) {
        return false;
    }
    switch (sign) {
    case '+':
        node->kind = NODE_ADD;
        break;
    case '-':
        node->kind = NODE_SUBTRACT;
        break;
    case '*':
        node->kind = NODE_MULTIPLY;
        break;
    case '/':
        node->kind = NODE_DIVIDE;
        break;
    default:
        node->kind = NODE_NEGATE;
    }
    return true;
}

/* Digits with an optional fraction. Read by hand: strtod would take "inf", hex and a comma. */
static bool parse_number(struct parser *parser)
{
    struct expression_node *node = add_node(parser);
    if (node == NULL) {
        return false;
    }
    double number = 0;
    double scale = 1;
    bool is_fraction = false;
    for (; (*parser->at >= '0' && *parser->at <= '9') || (*parser->at == '.' && !is_fraction);
         parser->at++) {
        if (*parser->at == '.') {
            is_fraction = true;
            continue;
        }
        number = number * 10 + (*parser->at - '0');
        scale = is_fraction ? scale * 10 : scale;
    }
    if (!isfinite(number) || !isfinite(scale)) {
        return refuse(parser, "the number is too long");
    }
    if (is_name(*parser->at, true) || *parser->at == '.') {
        return refuse(parser, "a number ends in something else");
    }
    node->kind = NODE_NUMBER;
    node->number = number / scale;
    return true;
}

/* sum(POINTER): `at` stands behind "sum". */
static bool parse_sum_of(struct parser *parser)
{
    struct expression_node *node = add_node(parser);
    if (node == NULL) {
        return false;
    }
    skip_space(parser);
    parser->at++; /* the caller saw "(" */
    skip_space(parser);
    size_t size = strcspn(parser->at, ") \t\r\n");
    memcpy(node->pointer, parser->at, size);
    node->pointer[size] = '\0';
    if (*node->pointer != '/' || !foundry_pointer_valid(node->pointer)) {
        return refuse(parser, "sum() takes a JSON pointer, as in sum(/line_items/*/total_cost)");
    }
    node->kind = NODE_SUM;
    parser->at += size;
    skip_space(parser);
    if (*parser->at != ')') {
        return refuse(parser, "\")\" is missing behind sum(");
    }
    parser->at++;
    return true;
}

static bool parse_name(struct parser *parser)
{
    if (strncmp(parser->at, "sum", 3) == 0) {
        const char *behind = parser->at + 3;
        if (behind[strspn(behind, " \t\r\n")] == '(') {
            parser->at = behind;
            return parse_sum_of(parser);
        }
    }
    struct expression_node *node = add_node(parser);
    if (node == NULL) {
        return false;
    }
    node->kind = NODE_FIELD;
    size_t size = 0;
    do {
        if (*parser->at == '.') {
            parser->at++;
        }
        if (!is_name(*parser->at, true)) {
            return refuse(parser, "a field's name must follow");
        }
        node->pointer[size++] = '/'; /* stays below RULE_SIZE_MAX, the text begins further in */
        for (bool is_first = true; is_name(*parser->at, is_first); is_first = false) {
            node->pointer[size++] = *parser->at++;
        }
    } while (*parser->at == '.');
    node->pointer[size] = '\0';
    return true;
}

static bool parse_sum(struct parser *parser);

static bool parse_nested(struct parser *parser)
{
    const bool is_sign = *parser->at == '-';
    if (parser->depth == EXPRESSION_DEPTH_MAX) {
        return refuse(parser, "the rule is nested too deeply");
    }
    parser->depth++;
    parser->at++;
    skip_space(parser);
    bool works = false;
    if (is_sign) {
        if (*parser->at == '-' || *parser->at == '(') {
            works = parse_nested(parser);
        } else if ((*parser->at >= '0' && *parser->at <= '9') || *parser->at == '.') {
            works = parse_number(parser);
        } else if (is_name(*parser->at, true)) {
            works = parse_name(parser);
        } else {
            works = refuse(parser, "a value must follow the sign");
        }
        works = works && add_operator(parser, 'n');
    } else {
        works = parse_sum(parser);
        if (works && *parser->at != ')') {
            works = refuse(parser, "\")\" is missing");
        }
        if (works) {
            parser->at++;
        }
    }
    parser->depth--;
    return works;
}

static bool parse_factor(struct parser *parser)
{
    skip_space(parser);
    bool works = false;
    if (*parser->at == '-' || *parser->at == '(') {
        works = parse_nested(parser);
    } else if (*parser->at >= '0' && *parser->at <= '9') {
        works = parse_number(parser);
    } else if (is_name(*parser->at, true)) {
        works = parse_name(parser);
    } else {
        return refuse(parser, "a number, a field or \"(\" must stand here");
    }
    skip_space(parser);
    return works;
}

static bool parse_product(struct parser *parser)
{
    if (!parse_factor(parser)) {
        return false;
    }
    while (*parser->at == '*' || *parser->at == '/') {
        const char sign = *parser->at++;
        if (!parse_factor(parser) || !add_operator(parser, sign)) {
            return false;
        }
    }
    return true;
}

static bool parse_sum(struct parser *parser)
{
    if (!parse_product(parser)) {
        return false;
    }
    while (*parser->at == '+' || *parser->at == '-') {
        const char sign = *parser->at++;
        if (!parse_product(parser) || !add_operator(parser, sign)) {
            return false;
        }
    }
    return true;
}

/* Copies text without the space around it, and with single spaces inside. */
static void copy_trimmed(char *copy, const char *from, const char *to)
{
    size_t size = 0;
    bool is_apart = false;
    for (; from < to; from++) {
        if (strchr(" \t\r\n", *from) != NULL) {
            is_apart = size > 0;
            continue;
        }
        if (is_apart) {
            copy[size++] = ' ';
            is_apart = false;
        }
        copy[size++] = *from;
    }
    copy[size] = '\0';
}

static bool parse_rule(struct parser *parser, struct rule *rule)
{
    parser->expression = &rule->left;
    if (!parse_sum(parser)) {
        return false;
    }
    copy_trimmed(rule->left_text, parser->start, parser->at);
    if (strncmp(parser->at, "==", 2) == 0) {
        rule->relation = RULE_EQUAL;
    } else if (strncmp(parser->at, "<=", 2) == 0) {
        rule->relation = RULE_AT_MOST;
    } else if (strncmp(parser->at, ">=", 2) == 0) {
        rule->relation = RULE_AT_LEAST;
    } else {
        return refuse(parser, "==, <= or >= must stand here");
    }
    parser->at += 2;
    const char *right = parser->at;
    parser->expression = &rule->right;
    if (!parse_sum(parser)) {
        return false;
    }
    copy_trimmed(rule->right_text, right, parser->at);
    return *parser->at == '\0' || refuse(parser, "the rule must end here");
}

int rule_parse(const char *text, struct rule *rule, struct rule_flaw *flaw)
{
    const size_t size = strlen(text);
    if (size >= RULE_SIZE_MAX - 1) {
        flaw->what = "the rule is too long";
        flaw->offset = RULE_SIZE_MAX - 2;
        return -1;
    }
    memset(rule, 0, sizeof *rule);
    struct parser parser = {.start = text, .at = text};
    if (!parse_rule(&parser, rule)) {
        flaw->what = parser.flaw;
        flaw->offset = (size_t)(parser.flaw_at - text);
        return -1;
    }
    copy_trimmed(rule->text, text, text + size);
    return 0;
}

/* ---- computing ---------------------------------------------------------------------------- */

struct sum_state {
    const struct rule_source *source;
    struct expression_value *value;
    enum expression_result result;
    double total;
};

/* Read one number; `pointer` is absolute. */
static enum expression_result read_number(const struct rule_source *source, const char *pointer,
                                          struct expression_value *value, double *number)
{
    const foundry_host_t *host = source->host;
    const char *json = NULL;
    foundry_status_t status = host->json_get(source->call, FOUNDRY_DOC_SUBJECT, pointer, &json);
    if (status == FOUNDRY_E_NOT_FOUND) {
        return EXPRESSION_MISSING;
    }
    if (status != FOUNDRY_OK) {
        value->status = status;
        return EXPRESSION_STATUS;
    }
    if (foundry_kind(json) == FOUNDRY_KIND_NULL) {
        return EXPRESSION_MISSING;
    }
    status = host->number_get(source->call, FOUNDRY_DOC_SUBJECT, pointer, number);
    if (status == FOUNDRY_E_TYPE || status == FOUNDRY_E_LIMIT) {
        foundry_text_cut(&value->trouble, 0);
        foundry_text_add(&value->trouble, pointer);
        value->status = value->trouble.status;
        return value->status == FOUNDRY_OK ? EXPRESSION_NO_NUMBER : EXPRESSION_STATUS;
    }
    value->status = status;
    return status == FOUNDRY_OK ? EXPRESSION_VALUE : EXPRESSION_STATUS;
}

static foundry_status_t sum_one(void *context, const char *pointer)
{
    struct sum_state *sum = context;
    double number = 0;
    const enum expression_result result = read_number(sum->source, pointer, sum->value, &number);
    if (result == EXPRESSION_VALUE) {
        sum->total += number;
    } else if (sum->result == EXPRESSION_VALUE || result > sum->result) {
        sum->result = result; /* what is no number outweighs what is missing */
    }
    return FOUNDRY_OK;
}

/* The text before the first part "*" must lead somewhere, else the sum is missing, not 0. */
static enum expression_result sum_root(const struct rule_source *source, const char *pointer,
                                       struct expression_value *value)
{
    const char *star = strstr(pointer, "/*");
    if (star == NULL) {
        return EXPRESSION_VALUE;
    }
    foundry_text_t root;
    foundry_text_init(&root);
    foundry_text_append(&root, pointer, (size_t)(star - pointer));
    size_t count = 0;
    foundry_status_t status = root.status;
    if (status == FOUNDRY_OK) {
        status = source->host->size_get(source->call, FOUNDRY_DOC_SUBJECT, foundry_text_z(&root),
                                        &count);
    }
    foundry_text_finish(&root);
    if (status == FOUNDRY_E_NOT_FOUND || status == FOUNDRY_E_TYPE) {
        return EXPRESSION_MISSING;
    }
    value->status = status;
    return status == FOUNDRY_OK ? EXPRESSION_VALUE : EXPRESSION_STATUS;
}

static enum expression_result read_sum(const struct rule_source *source, const char *pointer,
                                       struct expression_value *value, double *number)
{
    enum expression_result result = sum_root(source, pointer, value);
    if (result != EXPRESSION_VALUE) {
        return result;
    }
    struct sum_state sum = {.source = source, .value = value, .result = EXPRESSION_VALUE};
    const foundry_status_t status =
        foundry_expand(source->host, source->call, FOUNDRY_DOC_SUBJECT, pointer, sum_one, &sum);
    if (status != FOUNDRY_OK) {
        value->status = status;
        return EXPRESSION_STATUS;
    }
    *number = sum.total;
    return sum.result;
}

static enum expression_result read_operand(const struct expression_node *node,
                                           const struct rule_source *source,
                                           struct expression_value *value, double *number)
{
    if (node->kind == NODE_NUMBER) {
        *number = node->number;
        return EXPRESSION_VALUE;
    }
    foundry_text_t pointer;
    foundry_text_init(&pointer);
    foundry_text_add(&pointer, source->item);
    foundry_text_add(&pointer, node->pointer);
    enum expression_result result = EXPRESSION_STATUS;
    value->status = pointer.status;
    if (pointer.status == FOUNDRY_OK) {
        result = node->kind == NODE_SUM
                     ? read_sum(source, foundry_text_z(&pointer), value, number)
                     : read_number(source, foundry_text_z(&pointer), value, number);
    }
    foundry_text_finish(&pointer);
    return result;
}

/* The stack holds at least what the operator takes: the parser puts operands first. */
static size_t apply(const struct expression_node *node, double *stack, size_t depth)
{
    if (node->kind == NODE_NEGATE) {
        stack[depth - 1] = -stack[depth - 1];
        return depth;
    }
    const double right = stack[depth - 1];
    double *left = &stack[depth - 2];
    switch (node->kind) {
    case NODE_ADD:
        *left += right;
        break;
    case NODE_SUBTRACT:
        *left -= right;
        break;
    case NODE_MULTIPLY:
        *left *= right;
        break;
    default:
        *left = right > 0 || right < 0 ? *left / right : NAN;
    }
    return depth - 1;
}

enum expression_result expression_evaluate(const struct expression *expression,
                                           const struct rule_source *source,
                                           struct expression_value *value)
{
    double stack[EXPRESSION_NODES_MAX] = {0};
    size_t depth = 0;
    for (size_t i = 0; i < expression->count; i++) {
        const struct expression_node *node = &expression->nodes[i];
        if (node->kind <= NODE_SUM) {
            const enum expression_result result = read_operand(node, source, value, &stack[depth]);
            if (result != EXPRESSION_VALUE) {
                return result;
            }
            depth++;
        } else {
            depth = apply(node, stack, depth);
        }
    }
    value->number = stack[0];
    return isfinite(stack[0]) ? EXPRESSION_VALUE : EXPRESSION_NOT_FINITE;
}
