/* SPDX-License-Identifier: MIT */
/* Secrets come in when a run begins: what create() sees is complete then. */
#include <stdlib.h>
#include <string.h>

#include "pipeline/template.h"

/* One secret's JSON text without quotes, or an error. */
static enum fnd_status secret_get(const struct fnd_bound *bound, const struct fnd_part *part,
                                  const struct fnd_secrets *secrets, char **quoted,
                                  struct fnd_error *error)
{
    char *value = secrets != NULL ? secrets->get(secrets->context, part->name) : NULL;
    struct fnd_text json = {0};
    enum fnd_status status = FND_OK;
    if (value == NULL) {
        status = fnd_error_set(error, FND_NOT_FOUND,
                               "secret %s is not set: %s needs it; set the environment variable "
                               "FOUNDRY_SECRET_%s, or put it into a file %s of --secrets-dir",
                               part->name, bound->uses, part->name, part->name);
        fnd_error_code(error, "missing_secret");
    } else if (!fnd_utf8_valid(value, strlen(value))) {
        status = fnd_error_set(error, FND_INVALID, "secret %s is not UTF-8 text", part->name);
        fnd_error_code(error, "bad_secret");
    } else {
        fnd_text_append_json_z(&json, value);
        *quoted = fnd_strndup(json.bytes + 1, json.size - 2);
    }
    fnd_secret_free(fnd_text_take(&json));
    fnd_secret_free(value);
    return status;
}

bool fnd_bound_secret(const struct fnd_bound *bound)
{
    for (size_t i = 0; i < bound->with.parts_count; i++) {
        if (bound->with.parts[i].kind == FND_PART_SECRET) {
            return true;
        }
    }
    return false;
}

/* A hole's text, its secrets put in. */
static char *hole_text(const struct fnd_template *with, size_t hole)
{
    /* The literal parts around the secrets of a hole hold other leaves' bytes too, so the string is
     * cut out of the whole config, in which only holes that read the job still stand as they are
     * written. */
    struct fnd_text json = {0};
    for (size_t i = 0; i < with->parts_count; i++) {
        const struct fnd_part *part = &with->parts[i];
        if (part->kind == FND_PART_LITERAL) {
            fnd_text_append(&json, with->glue + part->offset, part->size);
        } else if (part->kind == FND_PART_SECRET) {
            fnd_text_append_z(&json, part->secret);
        } else {
            fnd_text_append_z(&json, part->kind == FND_PART_VALUE ? "null" : "");
        }
    }
    const struct fnd_json value =
        fnd_json_find((struct fnd_json){fnd_text_z(&json), json.size}, with->holes[hole].pointer);
    char *text = fnd_strndup(value.bytes, value.size);
    fnd_text_finish(&json);
    return text;
}

/* Replace the document in `text` by one in which `pointer` is `value`, or is not (NULL). */
static void document_set(struct fnd_text *text, const char *pointer, const char *value)
{
    struct fnd_text next = {0};
    const struct fnd_json document = {fnd_text_z(text), text->size};
    if (fnd_json_find(document, pointer).bytes == NULL) {
        return; /* went with something around it */
    }
    const enum fnd_status status =
        value != NULL
            ? fnd_json_set(document, pointer, (struct fnd_json){value, strlen(value)}, &next, NULL)
            : fnd_json_remove(document, pointer, &next, NULL);
    if (status == FND_OK) {
        fnd_text_finish(text);
        *text = next;
    } else {
        fnd_text_finish(&next);
    }
}

/* Check the values that were not known at load, without showing any of them. */
static enum fnd_status check(const struct fnd_bound *bound, const struct fnd_text *full,
                             struct fnd_error *error)
{
    const struct fnd_template *with = &bound->with;
    const char **pointers = fnd_alloc((with->holes_count + 1) * sizeof *pointers);
    size_t count = 0;
    for (size_t i = 0; i < with->holes_count; i++) {
        if (!with->holes[i].secret) {
            pointers[count++] = with->holes[i].pointer;
        }
    }
    const struct fnd_schema_holes holes = {pointers, count, true};
    struct fnd_flaws flaws = {0};
    enum fnd_status status = FND_OK;
    if (bound->config_schema != NULL &&
        !fnd_schema_check(bound->config_schema, (struct fnd_json){fnd_text_z(full), full->size},
                          &holes, &flaws)) {
        const char *pointer = flaws.count > 0 ? flaws.list[0].pointer : "";
        const char *text = "";
        for (size_t i = 0; i < with->holes_count; i++) {
            text = strcmp(with->holes[i].pointer, pointer) == 0 ? with->holes[i].text : text;
        }
        status = fnd_error_set(error, FND_INVALID,
                               "with%s: the secret in `%s` breaks the rule `%s` of %s", pointer,
                               text, flaws.count > 0 ? flaws.list[0].keyword : "", bound->uses);
        fnd_error_code(error, "bad_secret");
    }
    fnd_flaws_finish(&flaws);
    free(pointers);
    return status;
}

/* Read every secret again. */
static enum fnd_status secrets_read(struct fnd_bound *bound, const struct fnd_secrets *secrets,
                                    struct fnd_error *error)
{
    for (size_t i = 0; i < bound->with.parts_count; i++) {
        struct fnd_part *part = &bound->with.parts[i];
        char *secret = NULL;
        if (part->kind != FND_PART_SECRET) {
            continue;
        }
        const enum fnd_status status = secret_get(bound, part, secrets, &secret, error);
        if (status != FND_OK) {
            return status;
        }
        fnd_secret_free(part->secret);
        part->secret = secret;
    }
    return FND_OK;
}

enum fnd_status fnd_bound_arm(struct fnd_bound *bound, const struct fnd_secrets *secrets,
                              struct fnd_error *error)
{
    const struct fnd_template *with = &bound->with;
    enum fnd_status status = secrets_read(bound, secrets, error);
    if (status != FND_OK) {
        return status;
    }
    struct fnd_text constant = {0};
    fnd_text_append(&constant, with->json, with->size);
    bool any = false;
    for (size_t i = 0; i < with->holes_count; i++) {
        if (with->holes[i].secret) {
            char *text = hole_text(with, i);
            document_set(&constant, with->holes[i].pointer, text);
            free(text);
            any = true;
        }
    }
    if (any) {
        status = check(bound, &constant, error);
    }
    for (size_t i = 0; i < with->holes_count && status == FND_OK; i++) {
        if (!with->holes[i].secret) {
            char *unit = fnd_template_unit(with, with->holes[i].pointer);
            document_set(&constant, unit, NULL);
            free(unit);
        }
    }
    if (status == FND_OK) {
        free(bound->constant);
        bound->constant = fnd_text_take(&constant);
        bound->callee.config_constant = (struct fnd_json){bound->constant, strlen(bound->constant)};
    }
    fnd_text_finish(&constant);
    return status;
}
