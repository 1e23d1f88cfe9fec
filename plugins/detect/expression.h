/* SPDX-License-Identifier: MIT
 *
 * Arithmetic over the fields of a document: + - * / and parentheses, numbers, fields by name
 * ("quantity", "totals.net" for a field inside a field) and sum(POINTER), where a part * stands for
 * every item ("sum(/line_items/" "*" "/total_cost)"). All is relative to the item looked at.
 */
#ifndef DETECT_EXPRESSION_H
#define DETECT_EXPRESSION_H

#include <stddef.h>

#include "foundry/helpers.h"

enum {
    EXPRESSION_NODES_MAX = 64,
    EXPRESSION_DEPTH_MAX = 16, /* parentheses and signs inside each other */
    RULE_SIZE_MAX = 500
};

struct expression_node {
    enum {
        NODE_NUMBER,
        NODE_FIELD,
        NODE_SUM,
        NODE_ADD,
        NODE_SUBTRACT,
        NODE_MULTIPLY,
        NODE_DIVIDE,
        NODE_NEGATE
    } kind;
    double number;
    char pointer[RULE_SIZE_MAX]; /* of fields and sums, relative to the item */
};

/** Nodes in the order in which a stack takes them. Plain data. */
struct expression {
    struct expression_node nodes[EXPRESSION_NODES_MAX];
    size_t count;
};

enum rule_relation { RULE_EQUAL, RULE_AT_MOST, RULE_AT_LEAST };

/** "LEFT == RIGHT", or with <= or >=. Plain data. */
struct rule {
    struct expression left, right;
    enum rule_relation relation;
    char left_text[RULE_SIZE_MAX], right_text[RULE_SIZE_MAX], text[2 * RULE_SIZE_MAX];
};

/** What is wrong with a rule's text, and where (bytes from 0). */
struct rule_flaw {
    const char *what; /* static */
    size_t offset;
};

/** Read a rule.  Returns 0, or -1 with `flaw` filled.  */
int rule_parse(const char *text, struct rule *rule, struct rule_flaw *flaw);

/** Where the values come from. */
struct rule_source {
    const foundry_host_t *host;
    foundry_call_t *call;
    const char *item; /* pointer into SUBJECT */
};

enum expression_result {
    EXPRESSION_VALUE,
    EXPRESSION_MISSING,    /* a field is not there or null */
    EXPRESSION_NO_NUMBER,  /* `trouble` is the pointer of a field that holds something else */
    EXPRESSION_NOT_FINITE, /* divided by zero, or beyond what a double holds */
    EXPRESSION_STATUS      /* `status` is a failure of the host */
};

/** What came out. Freed by foundry_text_finish(&value.trouble). */
struct expression_value {
    double number;
    foundry_text_t trouble;
    foundry_status_t status;
};

/** Compute.  `value` must hold an initialised `trouble`. */
enum expression_result expression_evaluate(const struct expression *expression,
                                           const struct rule_source *source,
                                           struct expression_value *value);

#endif
