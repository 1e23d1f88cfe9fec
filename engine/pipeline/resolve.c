/* SPDX-License-Identifier: MIT */
/* The config of one visit. Hot: several ten thousand a second. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/template.h"

enum { ROOTS_MAX = FND_PHASES_MAX + 3 }; /* phases, input, run, models */

/* The documents that were asked for, each once a visit. */
struct roots {
    const struct fnd_scope *scope;
    struct fnd_json values[ROOTS_MAX];
    bool asked[ROOTS_MAX];
};

static const char *article(enum fnd_json_type type)
{
    return type == FND_JSON_ARRAY || type == FND_JSON_OBJECT ? "an " : "a ";
}

/* What stands at the deepest part of the pointer that is there. */
static enum fnd_status leads_nowhere(const struct fnd_part *part, const char *root,
                                     struct fnd_json value, struct fnd_error *error)
{
    struct fnd_text names = {0};
    if (value.bytes == NULL) {
        fnd_error_set(error, FND_NOT_FOUND, "`%s` leads nowhere: `%s` has no value at this visit",
                      part->written, root);
        fnd_error_code(error, "bad_reference");
        return FND_NOT_FOUND;
    }
    char *path = fnd_strdup(part->pointer);
    struct fnd_json around = {0};
    while (around.bytes == NULL) {
        *strrchr(path, '/') = '\0';
        around = fnd_json_find(value, path);
    }
    const enum fnd_json_type type = fnd_json_type(around);
    for (struct fnd_json_walk walk = fnd_json_walk(around);
         type == FND_JSON_OBJECT && names.size < 200 && fnd_json_next(&walk);) {
        fnd_text_append_z(&names, walk.index > 0 ? ", " : " with ");
        fnd_json_text(walk.key, &names);
    }
    if (type == FND_JSON_ARRAY) {
        fnd_text_printf(&names, " of %zu", fnd_json_count(around));
    }
    fnd_error_set(error, FND_NOT_FOUND, "`%s` leads nowhere: `%s`%s%s is %s%s%s", part->written,
                  root, path[0] != '\0' ? " at " : "", path, article(type),
                  fnd_json_type_name(type), fnd_text_z(&names));
    fnd_error_code(error, "bad_reference");
    free(path);
    fnd_text_finish(&names);
    return FND_NOT_FOUND;
}

/* A value in the middle of a text. */
static enum fnd_status put_text(const struct fnd_part *part, struct fnd_json value,
                                struct fnd_text *config, struct fnd_error *error)
{
    switch (fnd_json_type(value)) {
    case FND_JSON_STRING:
        fnd_text_append(config, value.bytes + 1, value.size - 2); /* its escapes hold here too */
        return FND_OK;
    case FND_JSON_NUMBER:
    case FND_JSON_TRUE:
    case FND_JSON_FALSE:
        fnd_text_append(config, value.bytes, value.size);
        return FND_OK;
    default:
        break;
    }
    fnd_error_set(error, FND_INVALID,
                  "`%s` is %s and stands inside a text, where text, a number, true or false can "
                  "stand; let it be the whole value, or name one of its parts",
                  part->written, fnd_json_type_name(fnd_json_type(value)));
    fnd_error_code(error, "bad_reference");
    return FND_INVALID;
}

static enum fnd_status put(const struct fnd_template *with, const struct fnd_part *part,
                           struct roots *roots, struct fnd_text *config, struct fnd_error *error)
{
    const char *name = with->roots[part->root];
    if (!roots->asked[part->root]) {
        roots->values[part->root] = roots->scope->value(roots->scope->context, name);
        roots->asked[part->root] = true;
    }
    const struct fnd_json root = roots->values[part->root];
    struct fnd_json value = root;
    if (root.bytes != NULL && part->pointer[0] != '\0') {
        value = fnd_json_find(root, part->pointer);
    }
    if (value.bytes == NULL) {
        return leads_nowhere(part, name, root, error);
    }
    if (part->kind == FND_PART_TEXT) {
        return put_text(part, value, config, error);
    }
    /* A value of n bytes cannot be deeper than n / 2, which settles nearly all of them. */
    if (part->depth + value.size / 2 > FND_JSON_DEPTH_MAX &&
        part->depth + fnd_json_depth(value) > FND_JSON_DEPTH_MAX) {
        fnd_error_set(error, FND_LIMIT, "`%s` is nested too deeply to stand here: over %d levels",
                      part->written, FND_JSON_DEPTH_MAX);
        fnd_error_code(error, "limit");
        return FND_LIMIT;
    }
    fnd_text_append(config, value.bytes, value.size);
    return FND_OK;
}

static enum fnd_status part_put(const struct fnd_template *with, const struct fnd_part *part,
                                struct roots *roots, struct fnd_text *config,
                                struct fnd_error *error)
{
    if (part->kind == FND_PART_LITERAL) {
        fnd_text_append(config, with->glue + part->offset, part->size);
        return FND_OK;
    }
    if (part->kind != FND_PART_SECRET) {
        return put(with, part, roots, config, error);
    }
    if (part->secret == NULL) {
        fnd_error_set(error, FND_NOT_FOUND, "secret %s is not set", part->name);
        fnd_error_code(error, "missing_secret");
        return FND_NOT_FOUND;
    }
    fnd_text_append_z(config, part->secret);
    return FND_OK;
}

/* Whether one pointer leads to the other or into it. */
static bool related(const char *a, const char *b)
{
    const size_t a_size = strlen(a), b_size = strlen(b);
    const size_t size = a_size < b_size ? a_size : b_size;
    const char *longer = a_size < b_size ? b : a;
    return strncmp(a, b, size) == 0 && (longer[size] == '\0' || longer[size] == '/');
}

static enum fnd_status breaks_schema(const struct fnd_bound *bound, struct fnd_json config,
                                     struct fnd_error *error)
{
    struct fnd_flaws flaws = {0};
    fnd_schema_check(bound->config_schema, config, NULL, &flaws);
    const char *pointer = flaws.count > 0 ? flaws.list[0].pointer : "";
    const char *from = NULL;
    bool secret = false;
    for (size_t i = 0; i < bound->with.parts_count; i++) {
        const struct fnd_part *part = &bound->with.parts[i];
        if (part->written != NULL && related(bound->with.holes[part->hole].pointer, pointer)) {
            secret = secret || part->kind == FND_PART_SECRET;
            from = from == NULL ? bound->with.holes[part->hole].text : from;
        }
    }
    /* A message may quote the value, which a secret must not be. */
    fnd_error_set(error, FND_INVALID, "with%s of %s: %s%s%s%s", pointer, bound->uses,
                  secret            ? "breaks a rule of its schema"
                  : flaws.count > 0 ? flaws.list[0].message
                                    : "breaks its schema",
                  from != NULL ? "; it is `" : "", from != NULL ? from : "",
                  from != NULL ? "`" : "");
    fnd_error_code(error, "invalid_config");
    fnd_flaws_finish(&flaws);
    return FND_INVALID;
}

enum fnd_status fnd_bound_resolve(const struct fnd_bound *bound, const struct fnd_scope *scope,
                                  struct fnd_text *config, struct fnd_error *error)
{
    const struct fnd_template *with = &bound->with;
    struct roots roots;
    roots.scope = scope;
    assert(with->roots_count <= ROOTS_MAX);
    memset(roots.asked, 0, with->roots_count * sizeof roots.asked[0]);
    const size_t begin = config->size;
    enum fnd_status status = FND_OK;
    fnd_text_reserve(config, with->size);
    for (size_t i = 0; i < with->parts_count && status == FND_OK; i++) {
        status = part_put(with, &with->parts[i], &roots, config, error);
        if (status == FND_OK && config->size - begin > FND_RESOLVED_SIZE_MAX) {
            status = fnd_error_set(error, FND_LIMIT,
                                   "the config of %s is over %d MiB with the values of this job",
                                   bound->uses, FND_RESOLVED_SIZE_MAX >> 20);
            fnd_error_code(error, "limit");
        }
    }
    if (status == FND_OK && with->holes_job > 0 && bound->config_schema != NULL) {
        const struct fnd_json value = {config->bytes + begin, config->size - begin};
        if (!fnd_schema_check(bound->config_schema, value, NULL, NULL)) {
            status = breaks_schema(bound, value, error);
        }
    }
    if (status != FND_OK && config->bytes != NULL) {
        config->size = begin;
        config->bytes[begin] = '\0';
    }
    return status;
}
