/* SPDX-License-Identifier: MIT */
/* `notify:` of a pipeline file: who is told of what. */
#include <stdlib.h>
#include <string.h>

#include "pipeline/compile.h"

enum { HOOKS_MAX = 16, URL_SIZE_MAX = 2048 };

static const struct fnd_shape hook_shapes[] = {
    {"url", FND_SHAPE_STRING, true, "where to, such as https://example.org/hook"},
    {"on", FND_SHAPE_LIST, true, "a list such as [asked, failed]"},
    {"secret", FND_SHAPE_STRING, false, "${secrets.NAME}"},
    {"allow_private", FND_SHAPE_BOOLEAN, false, "true or false"},
    {NULL},
};
static const char *const hook_names[] = {"asked",     "reminded",  "escalated",
                                         "answered",  "completed", "failed",
                                         "cancelled", "reopened",  "held"};

const char *fnd_hook_event_name(unsigned bit)
{
    for (size_t i = 0; i < sizeof hook_names / sizeof hook_names[0]; i++) {
        if (bit == 1U << i) {
            return hook_names[i];
        }
    }
    return NULL;
}

static unsigned event_bit(const char *name)
{
    for (size_t i = 0; name != NULL && i < sizeof hook_names / sizeof hook_names[0]; i++) {
        if (strcmp(hook_names[i], name) == 0) {
            return 1U << i;
        }
    }
    return 0;
}

static void hook_events(struct fnd_compile *compile, const struct fnd_node *on,
                        struct fnd_hook *hook)
{
    for (const struct fnd_node *item = on->child; item != NULL; item = item->next) {
        unsigned bit = item->kind == FND_NODE_STRING ? event_bit(item->text) : 0;
        if (bit == 0) {
            fnd_compile_error(compile, item, "invalid_value",
                              "`on` holds %s, may hold asked, reminded, escalated, answered, "
                              "completed, failed, cancelled, reopened and held",
                              item->text != NULL ? item->text : fnd_node_kind_name(item->kind));
        }
        hook->on |= bit;
    }
}

/* "${secrets.NAME}" alone: a secret in clear would be kept in the pin. */
static void hook_secret(struct fnd_compile *compile, const struct fnd_node *secret,
                        struct fnd_hook *hook)
{
    static const char begin[] = "${secrets.";
    const size_t size = strlen(secret->text);
    if (strncmp(secret->text, begin, sizeof begin - 1) != 0 || size < sizeof begin + 1 ||
        secret->text[size - 1] != '}') {
        fnd_compile_error(compile, secret, "invalid_value",
                          "`secret` must be ${secrets.NAME}: what stands in the file is kept for "
                          "good");
        return;
    }
    hook->secret = fnd_strndup(secret->text + sizeof begin - 1, size - sizeof begin);
}

static void hook_url(struct fnd_compile *compile, const struct fnd_node *node,
                     struct fnd_hook *hook)
{
    char *json = fnd_compile_constant(compile, node);
    struct fnd_json value = {json, json != NULL ? strlen(json) : 0};
    char *url = json != NULL ? fnd_json_strdup(value) : NULL;
    const char *rest = url == NULL                        ? NULL
                       : strncmp(url, "https://", 8) == 0 ? url + 8
                       : strncmp(url, "http://", 7) == 0  ? url + 7
                                                          : NULL;
    const bool good = rest != NULL && rest[0] != '\0' && rest[0] != '/' &&
                      strlen(url) <= URL_SIZE_MAX &&
                      memchr(rest, '@', strcspn(rest, "/?#")) == NULL;
    if (url != NULL && !good) {
        fnd_compile_error(compile, node, "invalid_value",
                          "`url` is %s, must be http:// or https:// with a host and without a "
                          "user's name",
                          url);
    }
    hook->url = good ? fnd_strdup(url) : NULL;
    free(json);
    free(url);
}

void fnd_compile_notify(struct fnd_compile *compile, const struct fnd_node *list)
{
    struct fnd_pipeline *pipeline = compile->pipeline;
    if (list->count > HOOKS_MAX) {
        fnd_compile_error(compile, list, "too_many", "`notify` has %zu entries, %d at most",
                          list->count, HOOKS_MAX);
        return;
    }
    pipeline->hooks = fnd_alloc((list->count + 1) * sizeof pipeline->hooks[0]);
    for (const struct fnd_node *entry = list->child; entry != NULL; entry = entry->next) {
        struct fnd_hook *hook = &pipeline->hooks[pipeline->hooks_count];
        if (!fnd_shape_check(compile, entry, "an entry of `notify`", hook_shapes, NULL)) {
            continue;
        }
        const struct fnd_node *url = fnd_shape_member(entry, hook_shapes, "url");
        const struct fnd_node *on = fnd_shape_member(entry, hook_shapes, "on");
        const struct fnd_node *secret = fnd_shape_member(entry, hook_shapes, "secret");
        const struct fnd_node *allow = fnd_shape_member(entry, hook_shapes, "allow_private");
        pipeline->hooks_count++;
        if (url != NULL) {
            hook_url(compile, url, hook);
        }
        if (on != NULL) {
            hook_events(compile, on, hook);
        }
        if (secret != NULL) {
            hook_secret(compile, secret, hook);
        }
        hook->allow_private =
            allow != NULL && allow->text != NULL && strcmp(allow->text, "true") == 0;
    }
}

void fnd_hooks_finish(struct fnd_pipeline *pipeline)
{
    for (size_t i = 0; i < pipeline->hooks_count; i++) {
        free(pipeline->hooks[i].url);
        free(pipeline->hooks[i].secret);
    }
    free(pipeline->hooks);
}
