/* SPDX-License-Identifier: MIT */
/* What a human phase says of its requests: who they are for, when they are due, what happens then,
 * and which of them are the same question. Compiled into the members that each request carries, so
 * that a request keeps what it was asked with. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "review/internal.h"

enum { HUMAN_DURATION_MAX_DAYS = 3650 };
#define HUMAN_DURATION_MAX_MS (INT64_C(86400000) * HUMAN_DURATION_MAX_DAYS)

/* The option as JSON, params put in; NULL when it is absent or was refused. */
static char *option(struct fnd_compile *compile, const struct fnd_node *node, bool *good)
{
    char *text = node != NULL ? fnd_compile_constant(compile, node) : NULL;
    *good = *good && (node == NULL || text != NULL);
    return text;
}

static char *option_text(struct fnd_compile *compile, const struct fnd_node *node, bool *good)
{
    char *json = option(compile, node, good);
    char *text = NULL;
    if (json != NULL) {
        struct fnd_json value = {json, strlen(json)};
        text = fnd_json_strdup(value);
        text = text != NULL ? text : fnd_strdup(json);
    }
    free(json);
    return text;
}

/* Append `,"name":MS`. Returns the duration; 0 when there is none. */
static int64_t duration_add(struct fnd_compile *compile, const struct fnd_node *with,
                            const char *option_name, const char *name, struct fnd_text *asked,
                            bool *good)
{
    const struct fnd_node *node = fnd_node_member(with, option_name);
    char *text = option_text(compile, node, good);
    int64_t ms = 0;
    if (text != NULL && (!fnd_duration_parse(text, &ms) || ms < 1 || ms > HUMAN_DURATION_MAX_MS)) {
        fnd_compile_error(compile, node, "bad_duration",
                          "`%s` is %s, must be a duration such as 5m, 12h or 2d, at most %d days",
                          option_name, text, HUMAN_DURATION_MAX_DAYS);
        *good = false;
        ms = 0;
    }
    if (ms > 0) {
        fnd_text_printf(asked, ",\"%s\":%" PRId64, name, ms);
    }
    free(text);
    return ms;
}

/* Append `,"name":"text"` of a group's name. Returns whether there is one. */
static bool group_add(struct fnd_compile *compile, const struct fnd_node *with, const char *name,
                      struct fnd_text *asked, bool *good)
{
    const struct fnd_node *node = fnd_node_member(with, name);
    char *text = option_text(compile, node, good);
    if (text != NULL && (text[0] == '\0' || strlen(text) > FND_GROUP_SIZE_MAX)) {
        fnd_compile_error(compile, node, "bad_group", "`%s` must name a group in 1 to %d bytes",
                          name, FND_GROUP_SIZE_MAX);
        *good = false;
    } else if (text != NULL) {
        fnd_text_printf(asked, ",\"%s\":", name);
        fnd_text_append_json_z(asked, text);
    }
    bool there = text != NULL;
    free(text);
    return there;
}

static bool wrong(struct fnd_compile *compile, const struct fnd_node *with, const char *name,
                  const char *message)
{
    const struct fnd_node *node = fnd_node_member(with, name);
    fnd_compile_error(compile, node != NULL ? node : with, "bad_deadline", "%s", message);
    return false;
}

/* What is to happen when nobody answers in time fits together. */
static bool outcome_fits(struct fnd_compile *compile, const struct fnd_node *with,
                         const char *outcome, int64_t remind_ms, int64_t due_ms, bool escalates)
{
    const bool defaults = fnd_node_member(with, "default") != NULL;
    if (due_ms == 0 && (outcome != NULL || escalates)) {
        return wrong(compile, with, outcome != NULL ? "outcome" : "escalate",
                     "without `due` there is no time at which this could happen; say `due: 2d`");
    }
    if (due_ms > 0 && outcome == NULL && !escalates) {
        return wrong(compile, with, "due",
                     "what is to happen when it is due? say `outcome: default`, `skip`, `fail`, or "
                     "`escalate: GROUP`");
    }
    if (due_ms > 0 && remind_ms >= due_ms) {
        return wrong(compile, with, "remind", "`remind` must come before `due`");
    }
    if (outcome != NULL && strcmp(outcome, "escalate") == 0 && !escalates) {
        return wrong(compile, with, "outcome", "`outcome: escalate` needs `escalate: GROUP`");
    }
    if (outcome != NULL && strcmp(outcome, "default") == 0 && !defaults) {
        return wrong(compile, with, "outcome",
                     "`outcome: default` needs `default: {POINTER: VALUE}`, which may be {}");
    }
    if (defaults && (outcome == NULL || strcmp(outcome, "default") != 0)) {
        return wrong(compile, with, "default", "`default` is used by `outcome: default` only");
    }
    return true;
}

static bool default_add(struct fnd_compile *compile, const struct fnd_node *node,
                        struct fnd_text *asked)
{
    bool good = true;
    char *json = option(compile, node, &good);
    if (json == NULL) {
        return good;
    }
    struct fnd_json value = {json, strlen(json)};
    for (struct fnd_json_walk walk = fnd_json_walk(value); fnd_json_next(&walk);) {
        char *pointer = fnd_json_strdup(walk.key);
        if (!fnd_json_pointer_valid(pointer)) {
            fnd_compile_error(compile, node, "bad_pointer",
                              "`default` maps JSON pointers such as /total to values; %s is none",
                              pointer);
            good = false;
        }
        free(pointer);
    }
    fnd_text_append_z(asked, ",\"default\":");
    fnd_json_compact(value, asked);
    free(json);
    return good;
}

char *fnd_place_text(struct fnd_json value)
{
    char *text = fnd_json_strdup(value);
    return text != NULL ? text : fnd_strndup(value.bytes, value.size); /* YAML's 0 is a number */
}

/* "/a/b", or relative to what is asked about: "0", "1/name". */
bool fnd_place_valid(const char *place)
{
    size_t up = strspn(place, "0123456789");
    return up == 0 ? place[0] == '/' && fnd_json_pointer_valid(place)
                   : up <= 2 && fnd_json_pointer_valid(place + up);
}

static bool fingerprint_prepare(struct fnd_compile *compile, const struct fnd_node *node,
                                struct fnd_human *human)
{
    bool good = true;
    char *json = option(compile, node, &good);
    if (json == NULL) {
        return good;
    }
    struct fnd_json list = {json, strlen(json)};
    for (struct fnd_json_walk walk = fnd_json_walk(list); fnd_json_next(&walk);) {
        char *place = fnd_place_text(walk.value);
        if (place == NULL || !fnd_place_valid(place)) {
            fnd_compile_error(
                compile, node, "bad_pointer",
                "`fingerprint` lists places such as /supplier, or relative to what is "
                "asked about: 0 is that, 1/name its neighbour");
            good = false;
        }
        free(place);
    }
    human->fingerprint = json;
    return good;
}

bool fnd_options_prepare(struct fnd_compile *compile, const struct fnd_node *with,
                         struct fnd_human *human)
{
    struct fnd_text *asked = &human->asked;
    const struct fnd_node *form = fnd_node_member(with, "form");
    const char *bytes = NULL;
    size_t size = 0;
    bool good = true;
    group_add(compile, with, "group", asked, &good);
    int64_t remind_ms = duration_add(compile, with, "remind", "remind_ms", asked, &good);
    int64_t due_ms = duration_add(compile, with, "due", "due_ms", asked, &good);
    duration_add(compile, with, "lease", "lease_ms", asked, &good);
    duration_add(compile, with, "undo", "undo_ms", asked, &good);
    bool escalates = group_add(compile, with, "escalate", asked, &good);
    char *outcome = option_text(compile, fnd_node_member(with, "outcome"), &good);
    good = good && outcome_fits(compile, with, outcome, remind_ms, due_ms, escalates);
    if (due_ms > 0) {
        fnd_text_append_z(asked, ",\"outcome\":");
        fnd_text_append_json_z(asked, outcome != NULL ? outcome : "escalate");
    }
    good = default_add(compile, fnd_node_member(with, "default"), asked) && good;
    good = fingerprint_prepare(compile, fnd_node_member(with, "fingerprint"), human) && good;
    if (form != NULL && form->text != NULL) {
        good = fnd_compile_file(compile, form, &bytes, &size) && good;
        fnd_text_append_z(asked, ",\"form\":");
        fnd_text_append_json_z(asked, form->text);
    }
    free(outcome);
    return good;
}
