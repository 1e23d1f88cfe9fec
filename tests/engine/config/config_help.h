/* SPDX-License-Identifier: MIT */
/* What the tests of this room share. */
#ifndef TESTS_CONFIG_HELP_H
#define TESTS_CONFIG_HELP_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "config/tree.h"

/* Parse what must parse. */
static inline struct fnd_tree *tree_of(const char *yaml)
{
    struct fnd_tree *tree = NULL;
    struct fnd_errors errors = {0};
    cr_assert_eq(fnd_tree_parse_yaml("test.yaml", yaml, strlen(yaml), &tree, &errors), FND_OK,
                 "%s: %s", yaml, errors.list[0].message);
    cr_assert_eq(errors.count, 0);
    return tree;
}

/* Parse what must not; the tree must stay untouched. */
static inline enum fnd_status refuse(const char *yaml, size_t size, struct fnd_errors *errors)
{
    struct fnd_tree *tree = NULL;
    const enum fnd_status status = fnd_tree_parse_yaml("test.yaml", yaml, size, &tree, errors);
    cr_assert_neq(status, FND_OK, "was accepted: %.200s", yaml);
    cr_assert_null(tree);
    cr_assert_geq(errors->count, 1);
    return status;
}

static inline void expect_json(const struct fnd_node *node, const char *json, const char *source)
{
    struct fnd_text text = {0};
    fnd_node_json(node, &text);
    cr_assert_str_eq(fnd_text_z(&text), json, "%s\n is  %s\n not %s", source, fnd_text_z(&text),
                     json);
    fnd_text_finish(&text);
}

#endif
