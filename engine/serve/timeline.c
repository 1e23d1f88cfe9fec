/* SPDX-License-Identifier: MIT */
/* A job's history as programs see it: what happened, where it ran, what it changed. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "serve/internal.h"
#include "worker/pool.h"

enum { TIMELINE_MAX = 500, CHANGES_MAX = 100 };

/** An output that later ones are compared with. */
struct kept {
    int32_t phase;
    struct fnd_text output;
};

struct history {
    struct directory *directory;
    struct fnd_reader *reader;
    const struct pin_view *pin;
    struct fnd_event_row *events; /* newest first */
    size_t count;
    struct fnd_text *json;
    bool any;
    struct kept *kept; /* outputs that are objects, of one phase behind the other */
    size_t kept_count;
    size_t changes;
};

static bool keep_event(const struct fnd_event_row *row, void *context)
{
    struct history *history = context;
    history->events = fnd_realloc(history->events, history->count + 1, sizeof *history->events);
    history->events[history->count++] = *row;
    return true;
}

/* --- changes --------------------------------------------------------------------------------- */

static void change(struct history *history, const char *pointer, struct fnd_json from,
                   struct fnd_json to)
{
    struct fnd_text *json = history->json;
    fnd_text_append_z(json, history->changes++ > 0 ? ",{\"pointer\":" : "{\"pointer\":");
    fnd_text_append_json_z(json, pointer);
    fnd_text_append_z(json, ",\"from\":");
    fnd_text_append(json, from.bytes != NULL ? from.bytes : "null",
                    from.bytes != NULL ? from.size : 4);
    fnd_text_append_z(json, ",\"to\":");
    fnd_text_append(json, to.bytes != NULL ? to.bytes : "null", to.bytes != NULL ? to.size : 4);
    fnd_text_append_byte(json, '}');
}

static bool both(struct fnd_json a, struct fnd_json b, enum fnd_json_type type)
{
    return a.bytes != NULL && b.bytes != NULL && fnd_json_type(a) == type &&
           fnd_json_type(b) == type;
}

static struct fnd_json item(struct fnd_json array, size_t index)
{
    for (struct fnd_json_walk walk = fnd_json_walk(array); fnd_json_next(&walk);) {
        if (walk.index == index) {
            return walk.value;
        }
    }
    return (struct fnd_json){0};
}

/* Depth is bounded by FND_JSON_DEPTH_MAX. */
static void compare(struct history *history, struct fnd_text *pointer, struct fnd_json from,
                    struct fnd_json to)
{
    size_t length = pointer->size;
    if (history->changes >= CHANGES_MAX || fnd_json_equal(from, to)) {
        return;
    }
    if (both(from, to, FND_JSON_OBJECT)) {
        for (struct fnd_json_walk walk = fnd_json_walk(from); fnd_json_next(&walk);) {
            char *key = fnd_json_strdup(walk.key);
            fnd_json_pointer_add_key(pointer, walk.key);
            compare(history, pointer, walk.value, fnd_json_member(to, key));
            pointer->size = length;
            free(key);
        }
        for (struct fnd_json_walk walk = fnd_json_walk(to); fnd_json_next(&walk);) {
            char *key = fnd_json_strdup(walk.key);
            if (fnd_json_member(from, key).bytes == NULL) {
                fnd_json_pointer_add_key(pointer, walk.key);
                compare(history, pointer, (struct fnd_json){0}, walk.value);
                pointer->size = length;
            }
            free(key);
        }
    } else if (both(from, to, FND_JSON_ARRAY) && fnd_json_count(from) == fnd_json_count(to)) {
        for (struct fnd_json_walk walk = fnd_json_walk(from); fnd_json_next(&walk);) {
            fnd_json_pointer_add_index(pointer, walk.index);
            compare(history, pointer, walk.value, item(to, walk.index));
            pointer->size = length;
        }
    } else {
        pointer->size = length;
        fnd_text_append_byte(pointer, '\0');
        pointer->size = length;
        change(history, pointer->size > 0 ? pointer->bytes : "", from, to);
    }
}

/* Whether two objects tell of the same thing: they have a member's name in common. */
static bool akin(struct fnd_json a, struct fnd_json b)
{
    bool common = false;
    for (struct fnd_json_walk walk = fnd_json_walk(a); !common && fnd_json_next(&walk);) {
        char *key = fnd_json_strdup(walk.key);
        common = fnd_json_member(b, key).bytes != NULL;
        free(key);
    }
    return common;
}

/* The outputs of this phase and of later ones are dropped: it runs again. */
static void drop_from(struct history *history, int32_t phase)
{
    while (history->kept_count > 0 && history->kept[history->kept_count - 1].phase >= phase) {
        fnd_text_finish(&history->kept[--history->kept_count].output);
    }
}

/* What a phase's output has otherwise than that of a phase before it, where both are objects. */
static void append_changes(struct history *history, int32_t phase, struct fnd_json output)
{
    struct fnd_json before = {0};
    struct fnd_text pointer = {0};
    if (fnd_json_type(output) != FND_JSON_OBJECT) {
        return;
    }
    drop_from(history, phase);
    struct fnd_text *last =
        history->kept_count > 0 ? &history->kept[history->kept_count - 1].output : NULL;
    if (last != NULL &&
        fnd_json_check(fnd_text_z(last), last->size, NULL, &before, NULL) == FND_OK &&
        akin(before, output)) {
        history->changes = 0;
        fnd_text_append_z(history->json, ",\"changes\":[");
        compare(history, &pointer, before, output);
        fnd_text_append_byte(history->json, ']');
    }
    fnd_text_finish(&pointer);
    history->kept = fnd_realloc(history->kept, history->kept_count + 1, sizeof *history->kept);
    struct kept *kept = &history->kept[history->kept_count++];
    *kept = (struct kept){.phase = phase};
    fnd_text_append(&kept->output, output.bytes, output.size);
}

/* --- events ---------------------------------------------------------------------------------- */

static bool ran_code(const struct history *history, size_t index)
{
    switch (history->events[index].kind) {
    case FND_EVENT_OUTPUT:
    case FND_EVENT_FAIL:
        /* An answer's output is what the person gave. */
        return index + 1 >= history->count || history->events[index + 1].kind != FND_EVENT_ANSWER;
    case FND_EVENT_ASK:
    case FND_EVENT_RETRY:
        return true;
    default:
        return false;
    }
}

static void append_body(struct history *history, const struct fnd_event_row *event,
                        struct fnd_json body)
{
    static const char *const members[] = {"message", "code",    "by",     "reason",
                                          "via",     "verdict", "seconds"};
    if (event->kind == FND_EVENT_OUTPUT) {
        append_changes(history, event->phase, body);
        return;
    }
    if (event->kind == FND_EVENT_JOB || event->kind == FND_EVENT_ASK) {
        return;
    }
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        struct fnd_json value = fnd_json_member(body, members[i]);
        if (value.bytes != NULL && fnd_json_type(value) != FND_JSON_NULL) {
            json_member_copy(history->json, members[i], value);
        }
    }
}

static void append_event(struct history *history, size_t index)
{
    const struct fnd_event_row *event = &history->events[index];
    struct fnd_text text = {0};
    struct fnd_json body = {0};
    fnd_text_printf(history->json, "%s{\"event\":\"%s-%" PRId64 "\"", history->any ? "," : "",
                    history->directory->tag, event->id);
    history->any = true;
    json_time(history->json, "at", event->at_us);
    json_text(history->json, "kind", fnd_event_name(event->kind));
    json_text_null(history->json, "phase", pin_phase(history->pin, event->phase));
    fnd_text_printf(history->json, ",\"attempt\":%" PRId32, event->attempt);
    json_text(history->json, "state", fnd_state_name(event->after.state));
    const char *plugin = pin_plugin(history->pin, event->phase);
    if (ran_code(history, index) && plugin != NULL) {
        fnd_text_append_z(history->json, ",\"plugin\":");
        fnd_text_append_z(history->json, plugin);
    }
    if (ran_code(history, index)) {
        struct fnd_text level = {0};
        fnd_level_text(event->level, &level);
        json_text(history->json, "level", fnd_text_z(&level));
        fnd_text_finish(&level);
    }
    fnd_text_printf(history->json, ",\"output\":%s",
                    event->kind == FND_EVENT_OUTPUT ? "true" : "false");
    if (fnd_payload_get(history->reader, event->id, &text, NULL, NULL) == FND_OK && text.size > 0 &&
        fnd_json_check(fnd_text_z(&text), text.size, NULL, &body, NULL) == FND_OK) {
        append_body(history, event, body);
    }
    fnd_text_append_byte(history->json, '}');
    fnd_text_finish(&text);
}

enum fnd_status job_timeline(struct directory *directory, struct fnd_reader *reader,
                             const struct fnd_job_row *job, const struct fnd_step_row *step,
                             struct fnd_text *json, struct fnd_error *error)
{
    struct history history = {.directory = directory,
                              .reader = reader,
                              .pin = directory_pin(directory, reader, step->pin),
                              .json = json};
    const struct fnd_walk walk = {.limit = TIMELINE_MAX};
    (void)job;
    enum fnd_status status = fnd_events_walk(reader, step->id, &walk, keep_event, &history, error);
    fnd_text_append_z(json, ",\"timeline\":[");
    for (size_t i = history.count; i > 0 && status == FND_OK; i--) {
        append_event(&history, i - 1);
    }
    fnd_text_append_byte(json, ']');
    drop_from(&history, INT32_MIN);
    free(history.kept);
    free(history.events);
    return status;
}
