/* SPDX-License-Identifier: MIT */
/* What changed between two pins, for people. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/pipeline.h"

enum { SHOWN_MAX = 100, HASH_SHOWN = 12 };

struct diff {
    struct fnd_text *lines;
    struct fnd_text path;
    size_t count;
};

/* A value on one line, cut where a character ends. */
static void show(struct fnd_json value, struct fnd_text *text)
{
    struct fnd_text whole = {0};
    if (!fnd_json_text(value, &whole)) {
        fnd_json_compact(value, &whole);
    }
    size_t size = whole.size;
    if (size > SHOWN_MAX) {
        size = SHOWN_MAX;
        while (size > 0 && ((unsigned char)whole.bytes[size] & 0xc0) == 0x80) {
            size--;
        }
    }
    if (size == 0) {
        fnd_text_append_z(text, "\"\"");
    }
    fnd_text_append_visible(text, fnd_text_z(&whole), size);
    fnd_text_append_z(text, size < whole.size ? "…" : "");
    fnd_text_finish(&whole);
}

/* "path: old → new"; a value that is not there is "added" or "removed". */
static void line(struct diff *diff, struct fnd_json old, struct fnd_json new)
{
    fnd_text_append_visible(diff->lines, fnd_text_z(&diff->path), diff->path.size);
    if (old.bytes == NULL) {
        fnd_text_append_z(diff->lines, ": added ");
        show(new, diff->lines);
    } else if (new.bytes == NULL) {
        fnd_text_append_z(diff->lines, ": removed, was ");
        show(old, diff->lines);
    } else {
        fnd_text_append_z(diff->lines, ": ");
        show(old, diff->lines);
        fnd_text_append_z(diff->lines, " → ");
        show(new, diff->lines);
    }
    fnd_text_append_byte(diff->lines, '\n');
    diff->count++;
}

static size_t path_add(struct diff *diff, const char *step)
{
    const size_t size = diff->path.size;
    fnd_text_append_z(&diff->path, size > 0 ? "/" : "");
    fnd_text_append_z(&diff->path, step);
    return size;
}

static void path_cut(struct diff *diff, size_t size)
{
    diff->path.size = size;
    diff->path.bytes[size] = '\0';
}

/* The item of a list of maps whose "id" is the text of `id`. */
static struct fnd_json by_id(struct fnd_json list, struct fnd_json id)
{
    for (struct fnd_json_walk walk = fnd_json_walk(list); fnd_json_next(&walk);) {
        if (fnd_json_equal(fnd_json_member(walk.value, "id"), id)) {
            return walk.value;
        }
    }
    return (struct fnd_json){0};
}

/* Whether every item is a map with an id of its own, as phases are. */
static bool has_ids(struct fnd_json list)
{
    for (struct fnd_json_walk walk = fnd_json_walk(list); fnd_json_next(&walk);) {
        const struct fnd_json id = fnd_json_type(walk.value) == FND_JSON_OBJECT
                                       ? fnd_json_member(walk.value, "id")
                                       : (struct fnd_json){0};
        if (id.bytes == NULL || fnd_json_type(id) != FND_JSON_STRING) {
            return false;
        }
    }
    return fnd_json_count(list) > 0;
}

static void values(struct diff *diff, struct fnd_json old, struct fnd_json new);

static void step(struct diff *diff, const char *name, struct fnd_json old, struct fnd_json new)
{
    const size_t size = path_add(diff, name);
    values(diff, old, new);
    path_cut(diff, size);
}

static void objects(struct diff *diff, struct fnd_json old, struct fnd_json new)
{
    for (struct fnd_json_walk walk = fnd_json_walk(old); fnd_json_next(&walk);) {
        char *key = fnd_json_strdup(walk.key);
        step(diff, key, walk.value, fnd_json_member(new, key));
        free(key);
    }
    for (struct fnd_json_walk walk = fnd_json_walk(new); fnd_json_next(&walk);) {
        char *key = fnd_json_strdup(walk.key);
        if (fnd_json_member(old, key).bytes == NULL) {
            step(diff, key, (struct fnd_json){0}, walk.value);
        }
        free(key);
    }
}

static void ids(struct fnd_json list, struct fnd_json others, struct fnd_text *text)
{
    for (struct fnd_json_walk walk = fnd_json_walk(list); fnd_json_next(&walk);) {
        const struct fnd_json id = fnd_json_member(walk.value, "id");
        if (by_id(others, id).bytes != NULL) {
            fnd_text_append_z(text, text->size > 0 ? ", " : "");
            fnd_json_text(id, text);
        }
    }
}

/* Phases are told apart by their ids, and may change places. */
static void lists_by_id(struct diff *diff, struct fnd_json old, struct fnd_json new)
{
    struct fnd_text before = {0}, after = {0};
    for (struct fnd_json_walk walk = fnd_json_walk(old); fnd_json_next(&walk);) {
        char *id = fnd_json_strdup(fnd_json_member(walk.value, "id"));
        step(diff, id, walk.value, by_id(new, fnd_json_member(walk.value, "id")));
        free(id);
    }
    for (struct fnd_json_walk walk = fnd_json_walk(new); fnd_json_next(&walk);) {
        const struct fnd_json id = fnd_json_member(walk.value, "id");
        if (by_id(old, id).bytes == NULL) {
            char *text = fnd_json_strdup(id);
            step(diff, text, (struct fnd_json){0}, walk.value);
            free(text);
        }
    }
    ids(old, new, &before);
    ids(new, old, &after);
    if (strcmp(fnd_text_z(&before), fnd_text_z(&after)) != 0) {
        fnd_text_append_z(diff->lines, fnd_text_z(&diff->path));
        fnd_text_printf(diff->lines, ": order %s → %s\n", fnd_text_z(&before), fnd_text_z(&after));
        diff->count++;
    }
    fnd_text_finish(&before);
    fnd_text_finish(&after);
}

static void lists(struct diff *diff, struct fnd_json old, struct fnd_json new)
{
    struct fnd_json_walk a = fnd_json_walk(old), b = fnd_json_walk(new);
    bool more_a = fnd_json_next(&a), more_b = fnd_json_next(&b);
    for (size_t i = 0; more_a || more_b; i++) {
        char name[24];
        snprintf(name, sizeof name, "%zu", i);
        step(diff, name, more_a ? a.value : (struct fnd_json){0},
             more_b ? b.value : (struct fnd_json){0});
        more_a = more_a && fnd_json_next(&a);
        more_b = more_b && fnd_json_next(&b);
    }
}

/* Both may be no value, which is no difference. */
static void values(struct diff *diff, struct fnd_json old, struct fnd_json new)
{
    if (old.bytes == NULL && new.bytes == NULL) {
        return;
    }
    if (old.bytes == NULL || new.bytes == NULL || fnd_json_type(old) != fnd_json_type(new)) {
        line(diff, old, new);
        return;
    }
    if (fnd_json_type(old) == FND_JSON_OBJECT) {
        objects(diff, old, new);
    } else if (fnd_json_type(old) == FND_JSON_ARRAY && has_ids(old) && has_ids(new)) {
        lists_by_id(diff, old, new);
    } else if (fnd_json_type(old) == FND_JSON_ARRAY) {
        lists(diff, old, new);
    } else if (old.size != new.size || memcmp(old.bytes, new.bytes, old.size) != 0) {
        line(diff, old, new); /* by text: 1.10 is not 1.1 to whoever wrote it */
    }
}

static void plugin_show(struct fnd_json plugin, struct fnd_text *text)
{
    struct fnd_text hash = {0};
    fnd_json_text(fnd_json_member(plugin, "version"), text);
    fnd_json_text(fnd_json_member(plugin, "sha256"), &hash);
    fnd_text_printf(text, " %.*s…", HASH_SHOWN, fnd_text_z(&hash));
    fnd_text_finish(&hash);
}

static void plugin(struct diff *diff, struct fnd_json key, struct fnd_json old, struct fnd_json new)
{
    if (old.bytes != NULL && new.bytes != NULL && fnd_json_equal(old, new)) {
        return;
    }
    fnd_text_append_z(diff->lines, "plugin ");
    fnd_json_text(key, diff->lines);
    fnd_text_append_z(diff->lines, old.bytes == NULL ? " added " : " ");
    if (old.bytes != NULL) {
        plugin_show(old, diff->lines);
    }
    if (old.bytes != NULL && new.bytes != NULL) {
        fnd_text_append_z(diff->lines, " → ");
    }
    if (new.bytes != NULL) {
        plugin_show(new, diff->lines);
    }
    fnd_text_append_z(diff->lines, new.bytes == NULL ? " removed\n" : "\n");
    diff->count++;
}

static void file(struct diff *diff, struct fnd_json key, struct fnd_json old, struct fnd_json new)
{
    struct fnd_text a = {0}, b = {0};
    if (old.bytes != NULL && new.bytes != NULL && fnd_json_equal(old, new)) {
        return;
    }
    fnd_json_text(old.bytes != NULL ? old : new, &a);
    fnd_json_text(new.bytes != NULL ? new : old, &b);
    fnd_text_append_z(diff->lines, "file ");
    fnd_json_text(key, diff->lines);
    if (old.bytes == NULL || new.bytes == NULL) {
        fnd_text_printf(diff->lines, ": %s\n", old.bytes == NULL ? "added" : "removed");
    } else {
        fnd_text_printf(diff->lines, ": changed, %zu → %zu bytes\n", a.size, b.size);
    }
    diff->count++;
    fnd_text_finish(&a);
    fnd_text_finish(&b);
}

/* Each member of either object, once. */
static void members(struct diff *diff, struct fnd_json old, struct fnd_json new,
                    void (*each)(struct diff *, struct fnd_json, struct fnd_json, struct fnd_json))
{
    for (struct fnd_json_walk walk = fnd_json_walk(old); fnd_json_next(&walk);) {
        char *key = fnd_json_strdup(walk.key);
        each(diff, walk.key, walk.value, fnd_json_member(new, key));
        free(key);
    }
    for (struct fnd_json_walk walk = fnd_json_walk(new); fnd_json_next(&walk);) {
        char *key = fnd_json_strdup(walk.key);
        if (fnd_json_member(old, key).bytes == NULL) {
            each(diff, walk.key, (struct fnd_json){0}, walk.value);
        }
        free(key);
    }
}

static void param(struct diff *diff, struct fnd_json key, struct fnd_json old, struct fnd_json new)
{
    char *name = fnd_json_strdup(key);
    fnd_text_append_z(&diff->path, "parameter ");
    fnd_text_append_z(&diff->path, name);
    values(diff, old, new);
    path_cut(diff, 0);
    free(name);
}

static struct fnd_json part(struct fnd_json pin, const char *name)
{
    const struct fnd_json none = {0};
    return pin.bytes != NULL && fnd_json_type(pin) == FND_JSON_OBJECT ? fnd_json_member(pin, name)
                                                                      : none;
}

size_t fnd_pin_diff(struct fnd_json old_pin, struct fnd_json new_pin, struct fnd_text *lines)
{
    struct diff diff = {.lines = lines};
    values(&diff, part(old_pin, "canonical"), part(new_pin, "canonical"));
    members(&diff, part(old_pin, "params"), part(new_pin, "params"), param);
    members(&diff, part(old_pin, "files"), part(new_pin, "files"), file);
    members(&diff, part(old_pin, "plugins"), part(new_pin, "plugins"), plugin);
    fnd_text_finish(&diff.path);
    return diff.count;
}
