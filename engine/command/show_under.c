/* SPDX-License-Identifier: MIT */
#include "command/show.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "command/output.h"

enum { HASH_SHOWN = 12 }; /* digits for people; --json has all of them */

/** A pin with its document. */
struct pinned {
    struct fnd_pin_row row;
    struct fnd_text body;
    struct fnd_json plugins;
    char hash[FND_DIGEST_TEXT_SIZE];
};

static bool pinned_load(struct fnd_reader *reader, int64_t pin, struct pinned *pinned)
{
    struct fnd_json document = {0};
    if (fnd_pin_get(reader, pin, &pinned->row, NULL) != FND_OK) {
        return false;
    }
    fnd_digest_text(pinned->row.hash, pinned->hash);
    if (fnd_payload_get(reader, pin, &pinned->body, NULL, NULL) == FND_OK &&
        fnd_json_check(fnd_text_z(&pinned->body), pinned->body.size, "pin", &document, NULL) ==
            FND_OK) {
        pinned->plugins = fnd_json_member(document, "plugins");
    }
    return true;
}

static void pinned_finish(struct pinned *pinned)
{
    free(pinned->row.pipeline);
    fnd_text_finish(&pinned->body);
    *pinned = (struct pinned){0};
}

static void print_plugins(struct fnd_app *app, struct fnd_json plugins)
{
    struct fnd_table table = {.columns = 3};
    for (struct fnd_json_walk walk = fnd_json_walk(plugins); fnd_json_next(&walk);) {
        char *name = fnd_json_strdup(walk.key);
        char *version = fnd_json_strdup(fnd_json_member(walk.value, "version"));
        char *hash = fnd_json_strdup(fnd_json_member(walk.value, "sha256"));
        fnd_table_cell(&table, "  %s", name != NULL ? name : "-");
        fnd_table_cell(&table, "%s", version != NULL ? version : "-");
        fnd_table_cell(&table, "%.*s", HASH_SHOWN, hash != NULL ? hash : "-");
        free(name);
        free(version);
        free(hash);
    }
    fnd_table_print(app, &table, true);
}

void fnd_under_print(struct fnd_app *app, struct fnd_reader *reader, const struct fnd_under *list,
                     size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct pinned pinned = {0};
        if (!pinned_load(reader, list[i].pin, &pinned)) {
            continue;
        }
        if (i == 0) {
            fnd_line(app, "pipeline %.*s, pin %" PRId64, HASH_SHOWN, pinned.hash, list[i].pin);
        } else {
            fnd_line(app, "from event %" PRId64 " on pipeline %.*s, pin %" PRId64, list[i].since,
                     HASH_SHOWN, pinned.hash, list[i].pin);
        }
        print_plugins(app, pinned.plugins);
        pinned_finish(&pinned);
    }
}

static void plugins_json(struct fnd_json plugins, struct fnd_text *json)
{
    static const char *const members[] = {"version", "sha256"};
    for (struct fnd_json_walk walk = fnd_json_walk(plugins); fnd_json_next(&walk);) {
        fnd_text_append_z(json, walk.index > 0 ? ",{\"plugin\":" : "{\"plugin\":");
        fnd_text_append(json, walk.key.bytes, walk.key.size);
        for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
            struct fnd_json value = fnd_json_member(walk.value, members[i]);
            fnd_text_printf(json, ",\"%s\":", members[i]);
            fnd_text_append(json, value.bytes != NULL ? value.bytes : "null",
                            value.bytes != NULL ? value.size : 4);
        }
        fnd_text_append_byte(json, '}');
    }
}

void fnd_under_json(struct fnd_reader *reader, const struct fnd_under *list, size_t count,
                    struct fnd_text *json)
{
    bool first = true;
    fnd_text_append_z(json, ",\"pins\":[");
    for (size_t i = 0; i < count; i++) {
        struct pinned pinned = {0};
        if (!pinned_load(reader, list[i].pin, &pinned)) {
            continue;
        }
        fnd_text_printf(
            json, "%s{\"pin\":%" PRId64 ",\"hash\":\"%s\",\"since\":%" PRId64 ",\"plugins\":[",
            first ? "" : ",", list[i].pin, pinned.hash, list[i].since);
        plugins_json(pinned.plugins, json);
        fnd_text_append_z(json, "]}");
        first = false;
        pinned_finish(&pinned);
    }
    fnd_text_append_byte(json, ']');
}
