/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <unistd.h>

#include "config/parse.h"
#include "config_help.h"

enum { GOOD_MIN = 40, BAD_MIN = 60 };

Test(tree, yaml_becomes_the_json_that_it_means)
{
    static const struct {
        const char *yaml, *json;
    } cases[] = {
        {"", "null"},
        {"# only a comment\n", "null"},
        {"---\n", "null"},
        {"--- \n...\n", "null"},
        {"a", "\"a\""},
        {"1.10", "1.10"},
        {"a: 1", "{\"a\":1}"},
        {"a: 1\nb: two\n", "{\"a\":1,\"b\":\"two\"}"},
        {"b: 1\na: 2\n", "{\"b\":1,\"a\":2}"},
        {"- 1\n- 2\n", "[1,2]"},
        {"[]", "[]"},
        {"{}", "{}"},
        {"[1, 2,]", "[1,2]"},
        {"{a: 1, b: [x, y]}", "{\"a\":1,\"b\":[\"x\",\"y\"]}"},
        {"{\"a\": 1, 'b': 2}", "{\"a\":1,\"b\":2}"},
        {"{a, b: }", "{\"a\":null,\"b\":null}"},
        {"a:\nb: ~\n", "{\"a\":null,\"b\":null}"},
        {"a:\n- 1\n- 2\n", "{\"a\":[1,2]}"},
        {"a:\n  - b: 1\n    c: 2\n  - d\n", "{\"a\":[{\"b\":1,\"c\":2},\"d\"]}"},
        {"- - 1\n  - 2\n- 3\n", "[[1,2],3]"},
        {"? a\n: 1\n", "{\"a\":1}"},
        {"a: 'it''s'", "{\"a\":\"it's\"}"},
        {"a: \"x\\ty\\u00e9\\U0001F600\"", "{\"a\":\"x\\ty\xC3\xA9\xF0\x9F\x98\x80\"}"},
        {"a: |\n  one\n  two\n", "{\"a\":\"one\\ntwo\\n\"}"},
        {"a: |-\n  one\n", "{\"a\":\"one\"}"},
        {"a: >\n  one\n  two\n", "{\"a\":\"one two\\n\"}"},
        {"a: one\n  two", "{\"a\":\"one two\"}"},
        {"a: \"1\"\nb: '1'\nc: 1", "{\"a\":\"1\",\"b\":\"1\",\"c\":1}"},
        {"a: \"true\"\nb: |\n  true\nc: \"\"\nd: ''",
         "{\"a\":\"true\",\"b\":\"true\\n\",\"c\":\"\","
         "\"d\":\"\"}"},
        {"yes: no", "{\"yes\":\"no\"}"},
        {"\"1\": x\n'null': y\n\"<<\": z\n", "{\"1\":\"x\",\"null\":\"y\",\"<<\":\"z\"}"},
        {"1s: x", "{\"1s\":\"x\"}"},
        {"a: 0x1F\nb: 0o17\nc: .5\nd: 007\n", "{\"a\":31,\"b\":15,\"c\":0.5,\"d\":7}"},
        {"%YAML 1.2\n---\na: 1\n", "{\"a\":1}"},
        {"# c\n\n%YAML 1.1\n--- # d\na: 1\n... # e\n# f\n", "{\"a\":1}"},
        {"\xEF\xBB\xBF"
         "a: 1",
         "{\"a\":1}"},
        {"a: 1\r\nb: 2\r\n", "{\"a\":1,\"b\":2}"},
        {"a: x # y\nb: x#y\n", "{\"a\":\"x\",\"b\":\"x#y\"}"},
        {"a: \"${ocr.words}\"\nb: ${x}\nc: '^\\d{4}$'",
         "{\"a\":\"${ocr.words}\",\"b\":\"${x}\",\"c\":\"^\\\\d{4}$\"}"},
        {"a: b:c\nd: http://x/y", "{\"a\":\"b:c\",\"d\":\"http://x/y\"}"},
        {"a: \xE6\x97\xA5", "{\"a\":\"\xE6\x97\xA5\"}"},
        {"a: \"%TAG ! x\n%TAG ! y\"", "{\"a\":\"%TAG ! x %TAG ! y\"}"},
        {"a: \"\\u2028\\N\"", "{\"a\":\"\xE2\x80\xA8\xC2\x85\"}"},
        {"\"\": 1", "{\"\":1}"},
    };
    cr_assert_geq(sizeof cases / sizeof cases[0], GOOD_MIN);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_tree *tree = tree_of(cases[i].yaml);
        expect_json(fnd_tree_root(tree), cases[i].json, cases[i].yaml);
        size_t size;
        cr_assert_str_eq(fnd_tree_source(tree, &size), cases[i].yaml);
        cr_assert_eq(size, strlen(cases[i].yaml));
        fnd_tree_destroy(tree);
    }
}

/* One error each, at its place, with its code. */
static const struct {
    const char *yaml;
    size_t line, column;
    const char *code;
} refused[] = {
    {"a: 1\nb: 2\na: 3\n", 3, 1, "duplicate_key"},
    {"a: {b: 1, b: 2}", 1, 11, "duplicate_key"},
    {"- a: 1\n  \"a\": 2\n", 2, 3, "duplicate_key"},
    {"é: 1\né: 2", 2, 1, "duplicate_key"},
    {"a: !!str 5", 1, 4, "tag"},
    {"a: !x 5", 1, 4, "tag"},
    {"a: ! 5", 1, 4, "tag"},
    {"a: !<tag:x> 5", 1, 4, "tag"},
    {"!!map {a: 1}", 1, 1, "tag"},
    {"a: !x [1]", 1, 4, "tag"},
    {"!x a: 1", 1, 1, "tag"},
    {"a: &x 1", 1, 4, "anchor"},
    {"a: &x [1]", 1, 4, "anchor"},
    {"&x a: 1", 1, 1, "anchor"},
    {"a: &x {b: 1}", 1, 4, "anchor"},
    {"a: *x", 1, 4, "alias"},
    {"*x : 1", 1, 1, "alias"},
    {"- *x", 1, 3, "alias"},
    {"a:\n  <<: {b: 1}\n", 2, 3, "merge"},
    {"1: x", 1, 1, "key_not_text"},
    {"a: {1.5: x}", 1, 5, "key_not_text"},
    {"true: x", 1, 1, "key_not_text"},
    {"null: x", 1, 1, "key_not_text"},
    {"~: x", 1, 1, "key_not_text"},
    {".inf: x", 1, 1, "key_not_text"},
    {"? [a]\n: x", 1, 3, "key_not_text"},
    {"? {a: 1}\n: x", 1, 3, "key_not_text"},
    {"{[a, b]: x}", 1, 2, "key_not_text"},
    {"a: .inf", 1, 4, "number_not_finite"},
    {"a: -.INF", 1, 4, "number_not_finite"},
    {"a: .nan", 1, 4, "number_not_finite"},
    {"a: 0xFFFFFFFFFFFFFFFFF", 1, 4, "number_too_large"},
    {"a: 1\n---\nb: 2\n", 2, 1, "several_documents"},
    {"a: 1\n---\n", 2, 1, "several_documents"},
    {"---\na\n...\n---\nb", 4, 1, "several_documents"},
    {"a: 1\n...\nb: 2\n", 3, 1, "syntax"},
    {"[1] x", 1, 5, "syntax"},
    {"a: 1\n...\n%TAG ! x\n---\n", 3, 1, "syntax"},
    {"%TAG !e! tag:x,2000:\n---\na: 1", 1, 1, "directive"},
    {"%YAML 1.2\n%YAML 1.2\n---\na: 1", 2, 1, "directive"},
    {"%FOO x\n---\na: 1", 1, 1, "directive"},
    {"# c\r\n%FOO x\r\n---\r\na: 1", 2, 1, "directive"},
    {"a: \"\\0\"", 1, 4, "nul"},
    {"\"a\\0b\": 1", 1, 1, "nul"},
    {"a: \xff", 1, 4, "not_utf8"},
    {"a: \xC3", 1, 4, "not_utf8"},
    {"a: \xED\xA0\x80", 1, 4, "not_utf8"},
    {"a: \xC0\x80", 1, 4, "not_utf8"},
    {"\xFF\xFE"
     "a",
     1, 1, "not_utf8"},
    {"b: 1\na: x\x01y", 2, 5, "control_character"},
    {"a: \x1b[31m", 1, 4, "control_character"},
    {"a: \x7f", 1, 4, "control_character"},
    {"a: \xC2\x80", 1, 4, "control_character"},
    {"a: \xEF\xBB\xBF", 1, 4, "control_character"},
    {"a: [1, 2", 1, 9, "syntax"},
    {"a: {b: 1", 1, 9, "syntax"},
    {"a: \"x", 1, 6, "syntax"},
    {"a: 'x", 1, 6, "syntax"},
    {"a: b: c", 1, 5, "syntax"},
    {"a:\n\t- 1", 2, 1, "syntax"},
    {"a: @x", 1, 4, "syntax"},
    {"a: `x`", 1, 4, "syntax"},
    {"a: %x", 1, 4, "syntax"},
    {"a: \"\\q\"", 1, 5, "syntax"},
    {"a: \"\\ud800\"", 1, 7, "syntax"},
    {"a: 1\n b: 2", 2, 3, "syntax"},
    {"- a\nb: 1", 2, 1, "syntax"},
    {"{image: ${input.file}}", 1, 10, "syntax"},
    {"]", 1, 1, "syntax"},
    {"é日: [}", 1, 9, "syntax"},
    {"# \xE2\x80\xA8 ends a line for some\na: 1", 1, 3, "control_character"},
    {"a: x\xE2\x80\xA9y", 1, 5, "control_character"},
    {"a: \"x\xC2\x85y\"", 1, 6, "control_character"},
    {"\xEF\xBB\xBF"
     "a: @",
     1, 4, "syntax"},
};

Test(tree, what_is_refused_is_refused_at_its_place)
{
    cr_assert_geq(sizeof refused / sizeof refused[0], BAD_MIN);
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct fnd_errors errors = {0};
        const enum fnd_status status = refuse(refused[i].yaml, strlen(refused[i].yaml), &errors);
        const struct fnd_error *error = &errors.list[0];
        if (status != FND_INVALID || errors.count != 1 || error->line != refused[i].line ||
            error->column != refused[i].column || strcmp(error->code, refused[i].code) != 0 ||
            strcmp(error->file, "test.yaml") != 0 || error->message[0] == '\0') {
            fprintf(stderr, "%s\n  is  %zu errors, %s at %s:%zu:%zu (%s)\n  not %s at %zu:%zu\n",
                    refused[i].yaml, errors.count, error->code, error->file, error->line,
                    error->column, error->message, refused[i].code, refused[i].line,
                    refused[i].column);
            wrong++;
        }
    }
    cr_assert_eq(wrong, 0);
}

Test(tree, a_nul_byte_in_the_file_is_refused)
{
    struct fnd_errors errors = {0};
    cr_assert_eq(refuse("a: x\0y\n", 7, &errors), FND_INVALID);
    cr_assert_str_eq(errors.list[0].code, "control_character");
    cr_assert_eq(errors.list[0].column, 5);
}

Test(tree, a_duplicate_names_both_lines)
{
    struct fnd_errors errors = {0};
    refuse("a: 1\nb: 2\n\na: 3\na: 4\n", 21, &errors);
    cr_assert_eq(errors.count, 2);
    cr_assert_not_null(strstr(errors.list[0].message, "in line 4"));
    cr_assert_not_null(strstr(errors.list[0].message, "in line 1"));
    cr_assert_not_null(strstr(errors.list[1].message, "in line 5"));
    cr_assert_not_null(strstr(errors.list[1].message, "in line 1"));
}

Test(tree, all_errors_come_in_one_pass_in_the_order_of_the_file)
{
    const char *yaml = "a: 1\n"
                       "a: 2\n"
                       "b: !!str 3\n"
                       "c: &x [1]\n"
                       "d: *x\n"
                       "e:\n"
                       "  <<: 1\n"
                       "  2: x\n"
                       "  f: .nan\n"
                       "g: {h: 1, h: 2}\n"
                       "i: [\n";
    static const struct {
        size_t line;
        const char *code;
    } expected[] = {{2, "duplicate_key"},
                    {3, "tag"},
                    {4, "anchor"},
                    {5, "alias"},
                    {7, "merge"},
                    {8, "key_not_text"},
                    {9, "number_not_finite"},
                    {10, "duplicate_key"},
                    {12, "syntax"}};
    struct fnd_errors errors = {0};
    cr_assert_eq(refuse(yaml, strlen(yaml), &errors), FND_INVALID);
    cr_assert_eq(errors.count, sizeof expected / sizeof expected[0]);
    for (size_t i = 0; i < errors.count; i++) {
        cr_assert_eq(errors.list[i].line, expected[i].line, "%zu: %s at line %zu", i,
                     errors.list[i].message, errors.list[i].line);
        cr_assert_str_eq(errors.list[i].code, expected[i].code);
    }
}

Test(tree, syntax_errors_say_what_was_probably_meant)
{
    static const struct {
        const char *yaml, *hint;
    } cases[] = {{"a:\n\t- 1", "a tab cannot indent"},
                 {"a: @x", "quote a text"},
                 {"a: b: c", "\": \""},
                 {"a: \"\\d\"", "single quotes"},
                 {"{image: ${input.file}}", "quote \"${...}\""},
                 {"a: [1, 2\nb: 3", "in line 1"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_errors errors = {0};
        refuse(cases[i].yaml, strlen(cases[i].yaml), &errors);
        cr_assert_not_null(strstr(errors.list[0].message, cases[i].hint), "%s: %s", cases[i].yaml,
                           errors.list[0].message);
    }
}

Test(tree, every_node_knows_its_place)
{
    const char *yaml = "# c\n"
                       "name: x\n"
                       "日本:   [1,  \"é\", z]\n"
                       "deep:\n"
                       "  - k: v\n"
                       "    empty:\n"
                       "  - |\n"
                       "    text\n";
    static const struct {
        const char *pointer;
        size_t line, column, key_line, key_column;
        bool quoted;
    } cases[] = {{"", 2, 1, 0, 0, false},          {"/name", 2, 7, 2, 1, false},
                 {"/日本", 3, 11, 3, 1, false},    {"/日本/0", 3, 12, 0, 0, false},
                 {"/日本/1", 3, 16, 0, 0, true},   {"/日本/2", 3, 22, 0, 0, false},
                 {"/deep", 5, 3, 4, 1, false},     {"/deep/0", 5, 5, 0, 0, false},
                 {"/deep/0/k", 5, 8, 5, 5, false}, {"/deep/0/empty", 6, 11, 6, 5, false},
                 {"/deep/1", 7, 5, 0, 0, true}};
    struct fnd_tree *tree = tree_of(yaml);
    cr_assert_str_eq(fnd_tree_file(tree), "test.yaml");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct fnd_node *node = fnd_node_find(fnd_tree_root(tree), cases[i].pointer);
        cr_assert_not_null(node, "%s", cases[i].pointer);
        cr_assert(node->line == cases[i].line && node->column == cases[i].column,
                  "%s is at %zu:%zu", cases[i].pointer, node->line, node->column);
        cr_assert(node->key_line == cases[i].key_line && node->key_column == cases[i].key_column,
                  "%s has its key at %zu:%zu", cases[i].pointer, node->key_line, node->key_column);
        cr_assert_eq(node->quoted, cases[i].quoted, "%s", cases[i].pointer);
    }
    fnd_tree_destroy(tree);
}

Test(tree, places_in_the_dark_are_found_by_pointer)
{
    struct fnd_tree *tree = tree_of("a/b: 1\nm~n: 2\nl: [x, [y]]\n\"\": e\n\"0\": zero\ns: t\n");
    const struct fnd_node *root = fnd_tree_root(tree);
    static const struct {
        const char *pointer, *text; /* NULL: nothing there */
    } cases[] = {{"/a~1b", "1"},  {"/m~0n", "2"}, {"/l/0", "x"},
                 {"/l/1/0", "y"}, {"/", "e"},     {"/0", "zero"},
                 {"/s", "t"},     {"/a/b", NULL}, {"/m~n", NULL},
                 {"/l/2", NULL},  {"/l/-", NULL}, {"/l/00", NULL},
                 {"/l/01", NULL}, {"/l/x", NULL}, {"/l/", NULL},
                 {"/s/x", NULL},  {"l", NULL},    {"/l/0/0", NULL},
                 {"/L", NULL},    {"/ss", NULL},  {"/l/99999999999999999999", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct fnd_node *node = fnd_node_find(root, cases[i].pointer);
        cr_assert_eq(node == NULL, cases[i].text == NULL, "%s", cases[i].pointer);
        cr_assert(node == NULL || strcmp(node->text, cases[i].text) == 0);
    }
    cr_assert_eq(fnd_node_find(root, ""), root);
    cr_assert_str_eq(fnd_node_member(root, "s")->text, "t");
    cr_assert_null(fnd_node_member(root, "none"));
    cr_assert_null(fnd_node_member(fnd_node_member(root, "l"), "0"));
    cr_assert_null(fnd_node_member(NULL, "s"));
    cr_assert_eq(root->count, 6);
    fnd_tree_destroy(tree);
}

Test(tree, json_becomes_the_same_tree_with_places)
{
    const char *json = "{\n  \"a\" : [1.10, \"x\\u00e9\",\ttrue],\n  \"b\": {\"c\": null}\n}";
    struct fnd_tree *tree = NULL;
    struct fnd_errors errors = {0};
    cr_assert_eq(fnd_tree_parse_json("t.json", json, strlen(json), &tree, &errors), FND_OK);
    const struct fnd_node *root = fnd_tree_root(tree);
    expect_json(root, "{\"a\":[1.10,\"x\xC3\xA9\",true],\"b\":{\"c\":null}}", json);
    const struct fnd_node *item = fnd_node_find(root, "/a/1");
    cr_assert(item->line == 2 && item->column == 16 && item->quoted);
    const struct fnd_node *member = fnd_node_find(root, "/b/c");
    cr_assert(member->line == 3 && member->column == 14);
    cr_assert(member->key_line == 3 && member->key_column == 9);
    cr_assert_eq(member->kind, FND_NODE_NULL);
    fnd_tree_destroy(tree);
}

Test(tree, json_that_breaks_a_rule_is_refused_at_its_place)
{
    static const struct {
        const char *json;
        size_t line;
    } cases[] = {{"{\"a\":1,\n\"a\":2}", 2}, {"[1,\n2", 2}, {"{a: 1}", 1}, {"", 1}, {"01", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_tree *tree = NULL;
        struct fnd_errors errors = {0};
        cr_assert_eq(
            fnd_tree_parse_json("t.json", cases[i].json, strlen(cases[i].json), &tree, &errors),
            FND_INVALID, "%s", cases[i].json);
        cr_assert_null(tree);
        cr_assert_eq(errors.count, 1);
        cr_assert_eq(errors.list[0].line, cases[i].line, "%s", cases[i].json);
        cr_assert_str_eq(errors.list[0].file, "t.json");
    }
}

/* `count` times `piece`, then `tail`. */
static void repeat(struct fnd_text *text, const char *piece, size_t count, const char *tail)
{
    for (size_t i = 0; i < count; i++) {
        fnd_text_append_z(text, piece);
    }
    fnd_text_append_z(text, tail);
}

Test(tree, the_caps_hold_exactly)
{
    struct fnd_text text = {0};
    struct fnd_tree *tree = NULL;
    struct fnd_errors errors = {0};

    repeat(&text, "[", FND_CONFIG_DEPTH_MAX, "");
    repeat(&text, "]", FND_CONFIG_DEPTH_MAX, "");
    cr_assert_eq(fnd_tree_parse_yaml("f", text.bytes, text.size, &tree, &errors), FND_OK);
    fnd_tree_destroy(tree);
    fnd_text_clear(&text);
    repeat(&text, "[", FND_CONFIG_DEPTH_MAX + 1, "");
    repeat(&text, "]", FND_CONFIG_DEPTH_MAX + 1, "");
    cr_assert_eq(refuse(text.bytes, text.size, &errors), FND_LIMIT);
    cr_assert_eq(errors.list[0].column, FND_CONFIG_DEPTH_MAX + 1);
    cr_assert_str_eq(errors.list[0].code, "limit");

    fnd_text_clear(&text);
    repeat(&text, "- x\n", FND_CONFIG_NODES_MAX - 1, ""); /* and the list itself */
    cr_assert_eq(fnd_tree_parse_yaml("f", text.bytes, text.size, &tree, &errors), FND_OK);
    cr_assert_eq(fnd_tree_root(tree)->count, FND_CONFIG_NODES_MAX - 1);
    fnd_tree_destroy(tree);
    fnd_text_append_z(&text, "- x\n");
    errors = (struct fnd_errors){0};
    cr_assert_eq(refuse(text.bytes, text.size, &errors), FND_LIMIT);
    cr_assert_eq(errors.list[0].line, FND_CONFIG_NODES_MAX);

    fnd_text_clear(&text);
    fnd_text_append_z(&text, "#");
    repeat(&text, "x", FND_CONFIG_SIZE_MAX - 1, "");
    cr_assert_eq(fnd_tree_parse_yaml("f", text.bytes, text.size, &tree, &errors), FND_OK);
    fnd_tree_destroy(tree);
    fnd_text_append_z(&text, "x");
    errors = (struct fnd_errors){0};
    cr_assert_eq(refuse(text.bytes, text.size, &errors), FND_LIMIT);
    cr_assert_eq(errors.list[0].line, 0);
    errors = (struct fnd_errors){0};
    tree = NULL;
    cr_assert_eq(fnd_tree_parse_json("f", text.bytes, text.size, &tree, &errors), FND_LIMIT);
    cr_assert_null(tree);
    fnd_text_finish(&text);
}

Test(tree, json_has_the_same_cap_of_nodes)
{
    struct fnd_text text = {0};
    struct fnd_tree *tree = NULL;
    struct fnd_errors errors = {0};
    fnd_text_append_z(&text, "[");
    repeat(&text, "1,", FND_CONFIG_NODES_MAX - 1, "1]");
    cr_assert_eq(fnd_tree_parse_json("f", text.bytes, text.size, &tree, &errors), FND_LIMIT);
    cr_assert_null(tree);
    cr_assert_str_eq(errors.list[0].code, "limit");
    fnd_text_finish(&text);
}

/* Files of 1 MB that are made to hurt. Work is counted, not timed: events, nodes, bytes of nodes
 * and how often the place had to be sought from the file's beginning. */
Test(tree, bombs_are_refused_after_little_work)
{
    static const struct {
        const char *head, *piece, *tail;
        size_t read_max; /* characters that libyaml may look at */
    } bombs[] = {
        {"", "[", "", 5000},
        {"", "[\n", "", 5000},
        {"", "{", "", 5000},
        {"", "[{", "", 5000},
        {"", "{a: ", "", 5000},
        {"", "? ", "", 5000},
        {"", "- ", "", 5000},
        {"", "-\n ", "", 60000},
        {"", "? - ", "", 5000},
        {"", "&a ", "", 5000},
        {"", "- &a x\n", "", 100000},
        {"", "- *a\n", "", 100000},
        {"", "- !!str x\n", "", 200000},
        {"", "- !t\n", "", 100000},
        {"", "!", "", 1 << 20},
        {"[", "a,", "", 40000},
        {"[", ",", "", 5000},
        {"{", "a: 1,", "", 60000},
        {"{", "a,", "", 40000},
        {"", "a: 1\n", "", 60000},
        {"", "- \n", "", 60000},
        {"", "?\n", "", 60000},
        {"", "x:\n", "", 60000},
        {"", "%TAG !a! x\n", "---\n", 0},
        {"", "%YAML 1.2\n", "---\n", 0},
        {"#\r", "%TAG !a! x\r", "---\n", 0},
        {"a\n", "---\n", "", 5000},
        {"a\n...\n", "%TAG !a! x\n", "", 5000},
        {"", "'", "'", 1 << 20},
        {"", "''", "x", 1 << 20},
        {"", "\"\\", "", 1 << 20},
        {"a: |\n", "\n", "x", 1 << 20},
        {"a: \"", "\n", "", 1 << 20},
        {"a: ", "x\n ", "@: *", 1 << 20},
        {"", "a b\n", ": x", 1 << 20},
        {"a: ", "\t", "@", 1 << 20},
        {"\"", "\xE2\x80\xA8", "", 1 << 20},
        {"- ", "0x", "\n- !", 1 << 20},
    };
    const size_t size_max = FND_CONFIG_SIZE_MAX - 16;
    for (size_t i = 0; i < sizeof bombs / sizeof bombs[0]; i++) {
        struct fnd_text text = {0};
        fnd_text_append_z(&text, bombs[i].head);
        repeat(&text, bombs[i].piece, (size_max - text.size) / strlen(bombs[i].piece),
               bombs[i].tail);
        struct fnd_tree *tree = NULL;
        struct fnd_errors errors = {0};
        struct fnd_tree_cost cost = {0};
        const enum fnd_status status =
            fnd_tree_parse_yaml_counted("f", text.bytes, text.size, &tree, &errors, &cost);
        cr_assert_neq(status, FND_OK, "'%s' was accepted", bombs[i].piece);
        cr_assert_null(tree);
        cr_assert_leq(cost.nodes, FND_CONFIG_NODES_MAX);
        cr_assert_leq(cost.events, 2 * FND_CONFIG_NODES_MAX + 10, "'%s': %zu events",
                      bombs[i].piece, cost.events);
        cr_assert_leq(cost.bytes, 6 << 20, "'%s': %zu bytes of nodes", bombs[i].piece, cost.bytes);
        cr_assert_leq(cost.read, bombs[i].read_max, "'%s': %zu characters read", bombs[i].piece,
                      cost.read);
        cr_assert_leq(cost.rewinds, FND_CONFIG_ERRORS_MAX + 5, "'%s': %zu rewinds", bombs[i].piece,
                      cost.rewinds);
        fnd_text_finish(&text);
    }
}

Test(tree, large_but_honest_files_take_little_too)
{
    static const struct {
        const char *head, *piece;
        size_t count;
    } files[] = {{"a: ", "x\n ", 300000},    {"", "- \"\\L\\P\\N\"\n", 9000},
                 {"", "- {}\n", 9000},       {"", "- []\n", 9000},
                 {"", "-\n", 9000},          {"", "- - - a\n", 3000},
                 {"", "- a:\n  b:\n", 3000}, {"", "- ? a\n  ? b\n", 3000}};

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct fnd_text text = {0};
        fnd_text_append_z(&text, files[i].head);
        repeat(&text, files[i].piece, files[i].count, "");
        struct fnd_tree *tree = NULL;
        struct fnd_errors errors = {0};
        struct fnd_tree_cost cost = {0};
        cr_assert_eq(fnd_tree_parse_yaml_counted("f", text.bytes, text.size, &tree, &errors, &cost),
                     FND_OK, "'%s': %s", files[i].piece, errors.list[0].message);
        cr_assert_leq(cost.rewinds, 5, "'%s': %zu rewinds", files[i].piece, cost.rewinds);
        cr_assert_leq(cost.bytes, 6 << 20, "'%s': %zu bytes of nodes", files[i].piece, cost.bytes);
        fnd_tree_destroy(tree);
        fnd_text_finish(&text);
    }
}

Test(tree, more_errors_than_fit_are_counted)
{
    struct fnd_text text = {0};
    struct fnd_errors errors = {0};
    repeat(&text, "- !t x\n", 50, "");
    cr_assert_eq(refuse(text.bytes, text.size, &errors), FND_INVALID);
    cr_assert_eq(errors.count, FND_CONFIG_ERRORS_MAX);
    cr_assert_eq(errors.skipped, 50 - FND_CONFIG_ERRORS_MAX);
    fnd_text_finish(&text);
}

Test(tree, files_are_read_and_their_lines_can_be_shown)
{
    char path[] = "/tmp/foundry-test-tree-XXXXXX";
    const int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, "a: 1\na: 2\n", 10), 10);
    struct fnd_tree *tree = NULL;
    struct fnd_errors errors = {0};
    struct fnd_text source = {0}, out = {0};
    cr_assert_eq(fnd_tree_read_source(path, &source, &tree, &errors), FND_INVALID);
    cr_assert_null(tree);
    cr_assert_str_eq(fnd_text_z(&source), "a: 1\na: 2\n");
    fnd_errors_print(&errors, source.bytes, source.size, &out);
    cr_assert_not_null(strstr(fnd_text_z(&out), "    2 | a: 2\n      | ^\n"));
    fnd_text_finish(&out);
    fnd_text_finish(&source);

    cr_assert_eq(ftruncate(fd, 5), 0);
    errors = (struct fnd_errors){0};
    cr_assert_eq(fnd_tree_read(path, &tree, &errors), FND_OK);
    expect_json(fnd_tree_root(tree), "{\"a\":1}", path);
    cr_assert_str_eq(fnd_tree_file(tree), path);
    fnd_tree_destroy(tree);
    tree = NULL;

    cr_assert_eq(ftruncate(fd, FND_CONFIG_SIZE_MAX + 1), 0);
    cr_assert_eq(fnd_tree_read(path, &tree, &errors), FND_LIMIT);
    cr_assert_eq(errors.list[0].line, 0);
    close(fd);
    unlink(path);
    errors = (struct fnd_errors){0};
    cr_assert_eq(fnd_tree_read(path, &tree, &errors), FND_NOT_FOUND);
    cr_assert_eq(errors.count, 1);
    cr_assert_str_eq(errors.list[0].file, path);
    cr_assert_null(tree);
    errors = (struct fnd_errors){0};
    cr_assert_neq(fnd_tree_read("/tmp", &tree, &errors), FND_OK); /* a folder */
    cr_assert_eq(errors.count, 1);
}
