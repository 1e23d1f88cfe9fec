/* SPDX-License-Identifier: MIT */
/* How long a phase may take, how often it is tried, and where it runs. */
#include <string.h>

#include "pipeline/compile.h"

static const struct fnd_shape retry_shapes[] = {
    {"max", FND_SHAPE_NUMBER, false, "how many further attempts, such as 2"},
    {"backoff", 0, false, "a duration such as 1s"},
    {"when", FND_SHAPE_LIST, false, "a list such as [transient, timeout, crash]"},
    {NULL},
};

static const struct {
    const char *name;
    unsigned bit;
} causes[] = {
    {"transient", FND_RETRY_TRANSIENT},
    {"timeout", FND_RETRY_TIMEOUT},
    {"crash", FND_RETRY_CRASH},
    {"permanent", FND_RETRY_PERMANENT},
};

enum { RESULT_BYTES_MIN = 64 << 10 };

void fnd_compile_duration(struct fnd_compile *compile, const struct fnd_node *node, int64_t min_ms,
                          int64_t max_ms, const char *max_text, int64_t *ms)
{
    int64_t read_ms = 0;
    const char *text = node->text;
    if (text == NULL || !fnd_duration_parse(text, &read_ms)) {
        const bool bare = node->kind == FND_NODE_NUMBER;
        fnd_compile_error(compile, node, "bad_duration",
                          "`%s` is %s%s, must be a duration with its unit: 250ms, 60s, 5m, 2h or "
                          "1d",
                          node->key, text != NULL ? text : fnd_node_kind_name(node->kind),
                          bare ? " without a unit" : "");
        return;
    }
    if (read_ms < min_ms || read_ms > max_ms) {
        fnd_compile_error(compile, node, "bad_duration", "`%s` is %s, must be %s and at most %s",
                          node->key, text, min_ms > 0 ? "more than 0" : "0 or more", max_text);
        return;
    }
    *ms = read_ms;
}

static void retry_when(struct fnd_compile *compile, const struct fnd_node *list, unsigned *when)
{
    *when = 0;
    for (const struct fnd_node *item = list->child; item != NULL; item = item->next) {
        const char *names[sizeof causes / sizeof causes[0] + 1];
        unsigned bit = 0;
        size_t count = 0;
        for (; count < sizeof causes / sizeof causes[0]; count++) {
            names[count] = causes[count].name;
            if (item->kind == FND_NODE_STRING && strcmp(item->text, names[count]) == 0) {
                bit = causes[count].bit;
            }
        }
        names[count] = NULL;
        if (bit == 0) {
            struct fnd_text hint = {0};
            const char *text = item->text != NULL ? item->text : fnd_node_kind_name(item->kind);
            fnd_suggest(&hint, text, names);
            fnd_compile_error(
                compile, item, "invalid_value",
                "`%s` is no cause to try again%s; there are transient, timeout, crash "
                "and permanent",
                text, fnd_text_z(&hint));
            fnd_text_finish(&hint);
        }
        *when |= bit;
    }
}

static void retry_read(struct fnd_compile *compile, const struct fnd_node *map,
                       struct fnd_retry *retry)
{
    if (!fnd_shape_check(compile, map, "`retry`", retry_shapes, NULL)) {
        return;
    }
    const struct fnd_node *max = fnd_shape_member(map, retry_shapes, "max");
    const struct fnd_node *backoff = fnd_shape_member(map, retry_shapes, "backoff");
    const struct fnd_node *when = fnd_shape_member(map, retry_shapes, "when");
    int64_t count = 0;
    if (max != NULL) {
        const struct fnd_json number = {max->text, strlen(max->text)};
        if (!fnd_json_integer(number, &count) || count < 0 || count > FND_RETRIES_MAX) {
            fnd_compile_error(compile, max, "invalid_value",
                              "`max` is %s, must be a whole number from 0 to %d", max->text,
                              FND_RETRIES_MAX);
        } else {
            retry->max = (int32_t)count;
        }
    }
    if (backoff != NULL) {
        fnd_compile_duration(compile, backoff, 0, FND_BACKOFF_MAX_MS, "1h", &retry->backoff_ms);
    }
    if (when != NULL) {
        retry_when(compile, when, &retry->when);
    }
}

static void isolation_read(struct fnd_compile *compile, const struct fnd_node *node,
                           enum fnd_isolation *isolation)
{
    static const char *const names[] = {"inline", "process", "sandbox", "best-effort", NULL};
    if (!fnd_isolation_parse(node->text, isolation)) {
        struct fnd_text hint = {0};
        fnd_suggest(&hint, node->text, names);
        fnd_compile_error(compile, node, "invalid_value",
                          "isolation `%s` is unknown%s; there are sandbox, best-effort, process "
                          "and inline",
                          node->text, fnd_text_z(&hint));
        fnd_text_finish(&hint);
    }
}

static void result_read(struct fnd_compile *compile, const struct fnd_node *node, uint64_t *bytes)
{
    uint64_t read = 0;
    if (node->text == NULL || !fnd_size_parse(node->text, &read) || read < RESULT_BYTES_MIN ||
        read > FND_RESULT_BYTES_MAX) {
        fnd_compile_error(compile, node, "invalid_value",
                          "`result_max` is %s, must be a size from 64KiB to 640MiB",
                          node->text != NULL ? node->text : fnd_node_kind_name(node->kind));
        return;
    }
    *bytes = read;
}

void fnd_compile_policy(struct fnd_compile *compile, const struct fnd_node *map,
                        const struct fnd_shape *shapes, int64_t *timeout_ms,
                        struct fnd_retry *retry, enum fnd_isolation *isolation,
                        uint64_t *result_bytes)
{
    const struct fnd_node *timeout = fnd_shape_member(map, shapes, "timeout");
    const struct fnd_node *again = fnd_shape_member(map, shapes, "retry");
    const struct fnd_node *place = fnd_shape_member(map, shapes, "isolation");
    const struct fnd_node *result = fnd_shape_member(map, shapes, "result_max");
    if (timeout != NULL) {
        fnd_compile_duration(compile, timeout, 1, FND_TIMEOUT_MAX_MS, "7d", timeout_ms);
    }
    if (again != NULL) {
        retry_read(compile, again, retry);
    }
    if (place != NULL) {
        isolation_read(compile, place, isolation);
    }
    if (result != NULL) {
        result_read(compile, result, result_bytes);
    }
}
