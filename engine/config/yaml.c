/* SPDX-License-Identifier: MIT */
/* YAML to nodes, by libyaml's event API. Its document loader is quadratic and sees no duplicate
 * keys, so the tree is built here, under our own caps. */
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "config/parse.h"
#include "config/scalar.h"
#include "config/source.h"

/* A container that is open. */
struct frame {
    struct fnd_node *node;
    struct fnd_node **tail;
    const char *key;  /* the name whose value comes next */
    bool wants_value; /* in a map: the name was read */
    bool drops_value; /* the name was refused, so its value has no place */
    bool is_key;      /* this container stands where a name should: it is thrown away */
    size_t key_line, key_column;
};

struct reader {
    struct fnd_tree *tree;
    struct fnd_errors *errors;
    yaml_parser_t parser;
    struct frame frames[FND_CONFIG_DEPTH_MAX];
    size_t depth;
    enum fnd_status status;
    bool limited; /* a cap ended the pass; no later error hides that */
    struct fnd_source source;
};

static void refuse(struct reader *reader, size_t line, size_t column, const char *code,
                   const char *message)
{
    const enum fnd_status status =
        fnd_errors_add(reader->errors, reader->tree->file, line, column, code, "%s", message);
    if (reader->status == FND_OK) {
        reader->status = status;
    }
}

/* Names that stand twice in a map, by sorting: a hash could be driven into its worst case. */
static int name_compare(const void *left, const void *right)
{
    const struct fnd_node *a = *(struct fnd_node *const *)left;
    const struct fnd_node *b = *(struct fnd_node *const *)right;
    const int order = strcmp(a->key, b->key);
    if (order != 0) {
        return order;
    }
    if (a->key_line != b->key_line) {
        return a->key_line < b->key_line ? -1 : 1;
    }
    return a->key_column < b->key_column ? -1 : 1;
}

static void refuse_duplicates(struct reader *reader, const struct fnd_node *map)
{
    if (map->kind != FND_NODE_MAP || map->count < 2) {
        return;
    }
    struct fnd_node **names = fnd_realloc(NULL, map->count, sizeof(struct fnd_node *));
    size_t count = 0;
    for (struct fnd_node *child = map->child; child != NULL; child = child->next) {
        names[count++] = child;
    }
    qsort(names, count, sizeof(struct fnd_node *), name_compare);
    size_t first = 0;
    for (size_t i = 1; i < count; i++) {
        if (strcmp(names[first]->key, names[i]->key) != 0) {
            first = i;
            continue;
        }
        reader->status = fnd_errors_add(
            reader->errors, reader->tree->file, names[i]->key_line, names[i]->key_column,
            "duplicate_key",
            "the key \"%.80s\" in line %zu was already given in line %zu: remove one of them",
            names[i]->key, names[i]->key_line, names[first]->key_line);
    }
    free(names);
}

/* Put a finished scalar or a new container where it belongs. A name never comes here. */
static void attach(struct reader *reader, struct fnd_node *node)
{
    if (reader->depth == 0) {
        reader->tree->root = node;
        return;
    }
    struct frame *frame = &reader->frames[reader->depth - 1];
    frame->wants_value = false;
    if (frame->drops_value) {
        frame->drops_value = false;
        return;
    }
    if (frame->node->kind == FND_NODE_MAP) {
        node->key = frame->key;
        node->key_line = frame->key_line;
        node->key_column = frame->key_column;
    }
    *frame->tail = node;
    frame->tail = &node->next;
    frame->node->count++;
}

static bool name_comes_next(const struct reader *reader)
{
    return reader->depth > 0 && reader->frames[reader->depth - 1].node->kind == FND_NODE_MAP &&
           !reader->frames[reader->depth - 1].wants_value;
}

/* After a name that was refused: its value is read, for more errors, and dropped. */
static void name_refused(struct reader *reader)
{
    reader->frames[reader->depth - 1].wants_value = true;
    reader->frames[reader->depth - 1].drops_value = true;
}

static void refuse_tag(struct reader *reader, const yaml_char_t *tag)
{
    if (tag != NULL) {
        reader->status = fnd_errors_add(
            reader->errors, reader->tree->file, reader->source.line, reader->source.column, "tag",
            "the tag \"%.80s\" is not allowed: quote the text if it begins with "
            "'!', else leave the "
            "tag out",
            (const char *)tag);
    }
}

static void refuse_anchor(struct reader *reader, const yaml_char_t *anchor)
{
    if (anchor != NULL) {
        reader->status = fnd_errors_add(reader->errors, reader->tree->file, reader->source.line,
                                        reader->source.column, "anchor",
                                        "the anchor \"&%.80s\" is not allowed, each value is "
                                        "written where it is used: quote the "
                                        "text if it begins with '&'",
                                        (const char *)anchor);
    }
}

static void read_name(struct reader *reader, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    const size_t size = event->data.scalar.length;
    struct frame *frame = &reader->frames[reader->depth - 1];
    if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
        struct fnd_text number = {0};
        enum fnd_node_kind kind;
        fnd_scalar_resolve(text, size, &kind, &number);
        fnd_text_finish(&number);
        if (size == 2 && memcmp(text, "<<", 2) == 0) {
            refuse(reader, reader->source.line, reader->source.column, "merge",
                   "the merge key \"<<\" is not allowed: write the members out");
            name_refused(reader);
            return;
        }
        if (kind != FND_NODE_STRING) {
            reader->status =
                fnd_errors_add(reader->errors, reader->tree->file, reader->source.line,
                               reader->source.column, "key_not_text",
                               "a key must be a text, and %.80s is %s: write \"%.80s\" with quotes",
                               size > 0 ? text : "an empty key",
                               kind == FND_NODE_NUMBER    ? "a number"
                               : kind == FND_NODE_BOOLEAN ? "a boolean"
                                                          : "null",
                               text);
            name_refused(reader);
            return;
        }
    }
    if (memchr(text, '\0', size) != NULL) {
        refuse(reader, reader->source.line, reader->source.column, "nul",
               "a key must not hold a NUL (\\0)");
        name_refused(reader);
        return;
    }
    frame->key = fnd_tree_strndup(reader->tree, text, size);
    frame->key_line = reader->source.line;
    frame->key_column = reader->source.column;
    frame->wants_value = true;
}

static void resolve_plain(struct reader *reader, struct fnd_node *node, const char *text,
                          size_t size)
{
    struct fnd_text number = {0};
    const enum fnd_scalar_verdict verdict = fnd_scalar_resolve(text, size, &node->kind, &number);
    if (verdict == FND_SCALAR_NOT_FINITE) {
        reader->status = fnd_errors_add(reader->errors, reader->tree->file, reader->source.line,
                                        reader->source.column, "number_not_finite",
                                        "%s is not allowed, numbers must be finite: write a "
                                        "number, or quote it to mean the text",
                                        text);
    } else if (verdict == FND_SCALAR_TOO_LARGE) {
        reader->status = fnd_errors_add(
            reader->errors, reader->tree->file, reader->source.line, reader->source.column,
            "number_too_large",
            "%.40s has more than 64 bits: write it in decimal, or quote it to mean the text", text);
    }
    switch (node->kind) {
    case FND_NODE_NUMBER:
        node->text = fnd_tree_strndup(reader->tree, fnd_text_z(&number), number.size);
        break;
    case FND_NODE_BOOLEAN:
        node->text = text[0] == 't' || text[0] == 'T' ? "true" : "false";
        break;
    case FND_NODE_NULL:
        node->text = "null";
        break;
    default:
        node->text = fnd_tree_strndup(reader->tree, text, size);
        break;
    }
    fnd_text_finish(&number);
}

static bool read_scalar(struct reader *reader, const yaml_event_t *event)
{
    refuse_tag(reader, event->data.scalar.tag);
    refuse_anchor(reader, event->data.scalar.anchor);
    if (name_comes_next(reader)) {
        read_name(reader, event);
        return true;
    }
    struct fnd_node *node = fnd_tree_node(reader->tree, FND_NODE_STRING, reader->source.line,
                                          reader->source.column, reader->errors);
    if (node == NULL) {
        return false;
    }
    const char *text = (const char *)event->data.scalar.value;
    const size_t size = event->data.scalar.length;
    if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
        resolve_plain(reader, node, text, size);
    } else {
        node->quoted = true;
        node->text = fnd_tree_strndup(reader->tree, text, size);
        if (memchr(text, '\0', size) != NULL) {
            refuse(reader, reader->source.line, reader->source.column, "nul",
                   "a text must not hold a NUL (\\0)");
        }
    }
    attach(reader, node);
    return true;
}

static bool read_alias(struct reader *reader, const yaml_event_t *event)
{
    reader->status = fnd_errors_add(
        reader->errors, reader->tree->file, reader->source.line, reader->source.column, "alias",
        "the alias \"*%.80s\" is not allowed, each value is written where it is "
        "used: quote the text "
        "if it begins with '*'",
        (const char *)event->data.alias.anchor);
    if (name_comes_next(reader)) {
        name_refused(reader);
        return true;
    }
    struct fnd_node *node = fnd_tree_node(reader->tree, FND_NODE_NULL, reader->source.line,
                                          reader->source.column, reader->errors);
    if (node == NULL) {
        return false;
    }
    node->text = "null";
    attach(reader, node);
    return true;
}

static bool open_container(struct reader *reader, enum fnd_node_kind kind, const yaml_char_t *tag,
                           const yaml_char_t *anchor)
{
    refuse_tag(reader, tag);
    refuse_anchor(reader, anchor);
    if (reader->depth == FND_CONFIG_DEPTH_MAX) {
        fnd_errors_limit(reader->errors, reader->tree->file, reader->source.line,
                         reader->source.column, "more than %d lists and maps inside each other",
                         FND_CONFIG_DEPTH_MAX);
        return false;
    }
    struct fnd_node *node = fnd_tree_node(reader->tree, kind, reader->source.line,
                                          reader->source.column, reader->errors);
    if (node == NULL) {
        return false;
    }
    const bool is_key = name_comes_next(reader);
    if (is_key) {
        refuse(reader, reader->source.line, reader->source.column, "key_not_text",
               kind == FND_NODE_MAP
                   ? "a key must be a text, not a map: quote a text that begins with '{'"
                   : "a key must be a text, not a list: quote a text that begins with '['");
    } else {
        attach(reader, node);
    }
    reader->frames[reader->depth++] =
        (struct frame){.node = node, .tail = &node->child, .is_key = is_key};
    return true;
}

static void close_container(struct reader *reader)
{
    const struct frame frame = reader->frames[--reader->depth];
    refuse_duplicates(reader, frame.node);
    if (frame.is_key) {
        name_refused(reader);
    }
}

/* Behind the first document only comments may follow. Looked at here and not by libyaml, which
 * would go through all the directives of a second one. */
static void check_rest(struct reader *reader, const yaml_mark_t *mark)
{
    fnd_source_to_mark(&reader->source, mark->index);
    const char *end = reader->source.text + reader->source.size;
    const char *at = reader->source.text + reader->source.offset;
    while (at < end) {
        if (*at == '#') {
            const char *stop = memchr(at, '\n', (size_t)(end - at));
            at = stop != NULL ? stop : end;
        } else if (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n') {
            at++;
        } else if (end - at >= 3 && memcmp(at, "...", 3) == 0) {
            at += 3;
        } else {
            break;
        }
    }
    if (at == end) {
        return;
    }
    const bool marker = end - at >= 3 && memcmp(at, "---", 3) == 0;
    fnd_source_to_offset(&reader->source, (size_t)(at - reader->source.text));
    refuse(reader, reader->source.line, reader->source.column,
           marker ? "several_documents" : "syntax",
           marker ? "a second document begins here: one file holds one document"
                  : "the value has ended, nothing more may follow: check quotes, brackets and the "
                    "indentation of this line");
}

/* What people most often meant where libyaml stopped. */
static const char *syntax_hint(const struct reader *reader)
{
    const char *at = reader->source.text + reader->source.offset;
    const size_t left = reader->source.size - reader->source.offset;
    const char *problem = reader->parser.problem;
    if (left > 0 && *at == '\t') {
        return ": a tab cannot indent, use spaces";
    }
    if (left > 0 && (*at == '@' || *at == '`' || *at == '%')) {
        return ": quote a text that begins with this character";
    }
    if (strstr(problem, "mapping values are not allowed") != NULL) {
        return ": quote a text that holds \": \", or check the indentation";
    }
    if (strstr(problem, "escape") != NULL) {
        return ": in single quotes a backslash stands for itself";
    }
    const char *line = at;
    while (line > reader->source.text && line[-1] != '\n') {
        line--;
    }
    for (; line < at && line + 1 < reader->source.text + reader->source.size; line++) {
        if (line[0] == '$' && line[1] == '{') {
            return ": quote \"${...}\" inside { } and [ ]";
        }
    }
    return ": check quotes, brackets and indentation";
}

static void refuse_syntax(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    if (parser->error == YAML_MEMORY_ERROR) {
        fnd_no_memory(); /* as everywhere: half a tree would be worse */
    }
    if (parser->error == YAML_READER_ERROR) {
        fnd_source_to_offset(&reader->source, parser->problem_offset);
        refuse(reader, reader->source.line, reader->source.column, "syntax", parser->problem);
        return;
    }
    struct fnd_text context = {0};
    if (parser->context != NULL) {
        fnd_source_to_mark(&reader->source, parser->context_mark.index);
        fnd_text_printf(&context, " (%s that begins in line %zu)", parser->context,
                        reader->source.line);
    }
    fnd_source_to_mark(&reader->source, parser->problem_mark.index);
    reader->status =
        fnd_errors_add(reader->errors, reader->tree->file, reader->source.line,
                       reader->source.column, "syntax", "cannot be read as YAML: %s%s%s",
                       parser->problem, fnd_text_z(&context), syntax_hint(reader));
    fnd_text_finish(&context);
}

/* Returns false when the pass is over. */
static bool read_event(struct reader *reader, const yaml_event_t *event)
{
    bool go_on = true;
    if (event->type != YAML_DOCUMENT_END_EVENT) {
        fnd_source_to_mark(&reader->source, event->start_mark.index);
    }
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        go_on = read_scalar(reader, event);
        break;
    case YAML_ALIAS_EVENT:
        go_on = read_alias(reader, event);
        break;
    case YAML_SEQUENCE_START_EVENT:
        go_on = open_container(reader, FND_NODE_LIST, event->data.sequence_start.tag,
                               event->data.sequence_start.anchor);
        break;
    case YAML_MAPPING_START_EVENT:
        go_on = open_container(reader, FND_NODE_MAP, event->data.mapping_start.tag,
                               event->data.mapping_start.anchor);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        close_container(reader);
        break;
    case YAML_DOCUMENT_END_EVENT:
        check_rest(reader, &event->end_mark);
        return false;
    case YAML_STREAM_END_EVENT:
        return false;
    default:
        break;
    }
    reader->limited = reader->limited || !go_on;
    return go_on;
}

static void read_events(struct reader *reader)
{
    yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader->parser, (const unsigned char *)reader->source.text,
                                 reader->source.size);
    bool go_on = true;
    while (go_on) {
        yaml_event_t event;
        if (!yaml_parser_parse(&reader->parser, &event)) {
            refuse_syntax(reader);
            break;
        }
        reader->tree->cost.events++;
        go_on = read_event(reader, &event);
        yaml_event_delete(&event);
    }
    reader->tree->cost.read = reader->parser.mark.index;
    while (reader->depth > 0) { /* only when the pass ended early */
        refuse_duplicates(reader, reader->frames[--reader->depth].node);
    }
}

enum fnd_status fnd_tree_parse_yaml_counted(const char *file, const char *bytes, size_t size,
                                            struct fnd_tree **tree, struct fnd_errors *errors,
                                            struct fnd_tree_cost *cost)
{
    if (size > FND_CONFIG_SIZE_MAX) {
        return fnd_errors_limit(errors, file, 0, 0,
                                "the file has %zu bytes, at most %d are read: split it", size,
                                FND_CONFIG_SIZE_MAX);
    }
    struct fnd_tree *made = fnd_tree_begin(file, bytes, size);
    struct reader reader = {.tree = made, .errors = errors, .status = FND_OK};
    const size_t skipped = size >= 3 && memcmp(made->source, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    reader.source.text = made->source + skipped;
    reader.source.size = size - skipped;
    fnd_source_rewind(&reader.source);
    if (!fnd_source_characters(&reader.source, made->file, errors) ||
        !fnd_source_directives(&reader.source, made->file, errors)) {
        reader.status = FND_INVALID;
    } else {
        if (!yaml_parser_initialize(&reader.parser)) {
            fnd_no_memory();
        }
        read_events(&reader);
        yaml_parser_delete(&reader.parser);
    }
    fnd_errors_sort(errors);
    if (cost != NULL) {
        made->cost.rewinds = reader.source.rewinds;
        *cost = made->cost;
    }
    if (reader.status != FND_OK || reader.limited) {
        fnd_tree_destroy(made);
        return reader.limited ? FND_LIMIT : reader.status;
    }
    if (made->root == NULL) { /* nothing but comments */
        made->root = fnd_tree_node(made, FND_NODE_NULL, 1, 1, errors);
        made->root->text = "null";
    }
    *tree = made;
    return FND_OK;
}
