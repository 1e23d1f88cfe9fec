/* SPDX-License-Identifier: MIT */
/* `redact:` below `export:`: what no export may hold. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#include "pipeline/compile.h"

enum { RULES_MAX = 64, PATTERN_SIZE_MAX = 4096 };

static const struct fnd_shape shapes[] = {
    {"pointer", FND_SHAPE_STRING, false, "a JSON pointer such as /customer/*/name"},
    {"pattern", FND_SHAPE_STRING, false, "a regular expression"},
    {"action", FND_SHAPE_STRING, false, "mask, hash or drop"},
    {"image", FND_SHAPE_STRING, false, "drop or keep"},
    {NULL},
};

static void pattern_check(struct fnd_compile *compile, const struct fnd_node *pattern)
{
    int failure = 0;
    PCRE2_SIZE at = 0;
    const size_t size = strlen(pattern->text);
    pcre2_code *code = size > 0 && size <= PATTERN_SIZE_MAX
                           ? pcre2_compile((PCRE2_SPTR)pattern->text, size, PCRE2_UTF | PCRE2_UCP,
                                           &failure, &at, NULL)
                           : NULL;
    if (code == NULL && failure == 0) {
        fnd_compile_error(compile, pattern, "invalid_value", "`pattern` must have 1 to %d bytes",
                          PATTERN_SIZE_MAX);
    } else if (code == NULL) {
        PCRE2_UCHAR told[120] = "";
        pcre2_get_error_message(failure, told, sizeof told);
        fnd_compile_error(compile, pattern, "invalid_value",
                          "`pattern` does not compile: %s, at byte %zu", (const char *)told,
                          (size_t)at + 1);
    }
    pcre2_code_free(code);
}

static void choice_check(struct fnd_compile *compile, const struct fnd_node *node,
                         const char *const *choices, const char *told)
{
    for (size_t i = 0; node != NULL && choices[i] != NULL; i++) {
        if (strcmp(node->text, choices[i]) == 0) {
            return;
        }
    }
    if (node != NULL) {
        fnd_compile_error(compile, node, "invalid_value", "`%s` is %s, must be %s", node->key,
                          node->text, told);
    }
}

static void rule_check(struct fnd_compile *compile, const struct fnd_node *rule)
{
    static const char *const actions[] = {"mask", "hash", "drop", NULL};
    static const char *const images[] = {"drop", "keep", NULL};
    if (!fnd_shape_check(compile, rule, "a rule of `redact`", shapes, NULL)) {
        return;
    }
    const struct fnd_node *pointer = fnd_shape_member(rule, shapes, "pointer");
    const struct fnd_node *pattern = fnd_shape_member(rule, shapes, "pattern");
    if ((pointer == NULL) == (pattern == NULL)) {
        fnd_compile_error(compile, rule, "invalid_value",
                          "a rule of `redact` has either `pointer` or `pattern`");
    }
    if (pointer != NULL && (pointer->text[0] != '/' || !fnd_json_pointer_valid(pointer->text))) {
        fnd_compile_error(
            compile, pointer, "invalid_value",
            "`pointer` is %s, must be a JSON pointer such as /customer/name; * stands "
            "for any member or item",
            pointer->text);
    }
    if (pattern != NULL) {
        pattern_check(compile, pattern);
    }
    choice_check(compile, fnd_shape_member(rule, shapes, "action"), actions, "mask, hash or drop");
    choice_check(compile, fnd_shape_member(rule, shapes, "image"), images, "drop or keep");
}

void fnd_compile_redact(struct fnd_compile *compile, const struct fnd_node *redact)
{
    if (redact->kind != FND_NODE_LIST || redact->count == 0 || redact->count > RULES_MAX) {
        fnd_compile_error(compile, redact, "wrong_type",
                          "`redact` must be a list of 1 to %d rules, such as [{pointer: "
                          "/customer/name, action: mask}]",
                          RULES_MAX);
        return;
    }
    for (const struct fnd_node *rule = redact->child; rule != NULL; rule = rule->next) {
        rule_check(compile, rule);
    }
}
