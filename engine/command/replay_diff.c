/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "command/output.h"
#include "command/replay.h"
#include "review/review.h"

enum { LINES_MAX = 1000 };

/** The three documents of a gate, and who asks about what. */
struct sides {
    struct fnd_json past, present, truth; /* what the plugin said, says; what a person said */
    struct fnd_json asked_past, asked_present;
};

struct fields {
    struct fnd_replay *replay;
    const struct fnd_replayed *job;
    const char *gate;
    struct fnd_text pointer;
    bool truth;
};

static void append(struct fnd_text *json, const char *name, struct fnd_json value)
{
    fnd_text_printf(json, ",\"%s\":", name);
    fnd_text_append(json, value.bytes != NULL ? value.bytes : "null",
                    value.bytes != NULL ? value.size : 4);
}

static const char *shown(struct fnd_json value, struct fnd_text *text)
{
    fnd_text_clear(text);
    if (value.bytes == NULL) {
        return "nothing";
    }
    fnd_text_append(text, value.bytes, value.size);
    return fnd_text_z(text);
}

/* Tell one field, if --diff. */
static void tell(struct fields *fields, const char *what, struct fnd_json past,
                 struct fnd_json present, struct fnd_json truth)
{
    struct fnd_replay *replay = fields->replay;
    struct fnd_text a = {0}, b = {0}, c = {0};
    if (!fnd_arguments_has(&replay->app->arguments, FND_OPTION_DIFF)) {
        return;
    }
    if (replay->app->json) {
        fnd_text_append_z(&replay->json, replay->json_count++ > 0 ? ",{" : "{");
        fnd_field(&replay->json, "what", what);
        fnd_text_append_byte(&replay->json, ',');
        fnd_field(&replay->json, "gate", fields->gate);
        fnd_text_append_byte(&replay->json, ',');
        fnd_field(&replay->json, "field", fnd_text_z(&fields->pointer));
        append(&replay->json, "past", past);
        append(&replay->json, "present", present);
        append(&replay->json, "truth", truth);
        fnd_text_append_byte(&replay->json, '}');
    } else if (replay->shown++ < LINES_MAX) {
        fnd_line(replay->app, "%s: %s %s: %s → %s%s%s", what, fields->job->path,
                 fnd_text_z(&fields->pointer), shown(past, &a), shown(present, &b),
                 fields->truth ? ", right is " : "", fields->truth ? shown(truth, &c) : "");
    }
    fnd_text_finish(&a);
    fnd_text_finish(&b);
    fnd_text_finish(&c);
}

static bool is_container(struct fnd_json value)
{
    const enum fnd_json_type type = fnd_json_type(value);
    return value.bytes != NULL && (type == FND_JSON_OBJECT || type == FND_JSON_ARRAY) &&
           fnd_json_count(value) > 0;
}

static void leaf(struct fields *fields, struct fnd_json past, struct fnd_json present,
                 struct fnd_json truth)
{
    struct fnd_replay_tally *tally = &fields->replay->tally;
    if (!fields->truth) {
        const bool same = fnd_json_equal(past, present);
        *(same ? &tally->same : &tally->differs) += 1;
        if (!same) {
            tell(fields, "differs", past, present, truth);
        }
        return;
    }
    const bool was = fnd_json_equal(past, truth), is = fnd_json_equal(present, truth);
    tally->fields++;
    tally->right[0] += was;
    tally->right[1] += is;
    tally->fixed += !was && is;
    tally->broken += was && !is;
    tally->unchanged += was && is;
    tally->still_wrong += !was && !is;
    if (was != is) {
        tell(fields, is ? "fixed" : "broken", past, present, truth);
    }
}

static void walk(struct fields *fields, struct fnd_json past, struct fnd_json present,
                 struct fnd_json truth);

static struct fnd_json child(struct fnd_json value, const char *key, size_t index, bool object)
{
    struct fnd_text pointer = {0};
    struct fnd_json found = {NULL, 0};
    const enum fnd_json_type wanted = object ? FND_JSON_OBJECT : FND_JSON_ARRAY;
    if (value.bytes != NULL && fnd_json_type(value) == wanted) {
        if (object) {
            found = fnd_json_member(value, key);
        } else {
            fnd_json_pointer_add_index(&pointer, index);
            found = fnd_json_find(value, fnd_text_z(&pointer));
        }
    }
    fnd_text_finish(&pointer);
    return found;
}

static void below(struct fields *fields, const char *key, size_t index, bool object,
                  const struct fnd_json sides[3])
{
    const size_t size = fields->pointer.size;
    if (object) {
        fnd_json_pointer_add(&fields->pointer, key, strlen(key));
    } else {
        fnd_json_pointer_add_index(&fields->pointer, index);
    }
    walk(fields, child(sides[0], key, index, object), child(sides[1], key, index, object),
         child(sides[2], key, index, object));
    fields->pointer.size = size;
    fields->pointer.bytes[size] = '\0';
}

/* Every value that any of the three has, once. */
static void walk(struct fields *fields, struct fnd_json past, struct fnd_json present,
                 struct fnd_json truth)
{
    const struct fnd_json sides[3] = {past, present, truth};
    bool object = false, array = false, scalar = false;
    size_t items = 0;
    for (size_t i = 0; i < 3; i++) {
        const bool container = is_container(sides[i]);
        object |= container && fnd_json_type(sides[i]) == FND_JSON_OBJECT;
        array |= container && fnd_json_type(sides[i]) == FND_JSON_ARRAY;
        scalar |= !container && sides[i].bytes != NULL;
        const size_t count = container ? fnd_json_count(sides[i]) : 0;
        items = array && count > items ? count : items;
    }
    if (scalar || (object && array) || (!object && !array)) {
        leaf(fields, past, present, truth); /* of different kinds: one field as a whole */
        return;
    }
    for (size_t i = 0; array && i < items; i++) {
        below(fields, NULL, i, false, sides);
    }
    for (size_t i = 0; object && i < 3; i++) {
        for (struct fnd_json_walk at = fnd_json_walk(sides[i]);
             sides[i].bytes != NULL && fnd_json_next(&at);) {
            char *key = fnd_json_strdup(at.key);
            bool seen = false;
            for (size_t j = 0; j < i; j++) {
                seen |= child(sides[j], key, 0, true).bytes != NULL;
            }
            if (!seen) {
                below(fields, key, 0, true, sides);
            }
            free(key);
        }
    }
}

static bool asks(struct fnd_json questions, struct fnd_json question)
{
    struct fnd_json kind = fnd_json_member(question, "kind");
    struct fnd_json pointer = fnd_json_member(question, "pointer");
    for (struct fnd_json_walk at = fnd_json_walk(questions);
         questions.bytes != NULL && fnd_json_next(&at);) {
        if (fnd_json_equal(fnd_json_member(at.value, "kind"), kind) &&
            fnd_json_equal(fnd_json_member(at.value, "pointer"), pointer)) {
            return true;
        }
    }
    return false;
}

static void compare_asked(struct fields *fields, const struct sides *sides)
{
    const struct fnd_json none = {NULL, 0};
    const struct fnd_json lists[2] = {sides->asked_past, sides->asked_present};
    fields->truth = false; /* of a question there is none */
    for (size_t i = 0; i < 2; i++) {
        for (struct fnd_json_walk at = fnd_json_walk(lists[i]);
             lists[i].bytes != NULL && fnd_json_next(&at);) {
            if (asks(lists[1 - i], at.value)) {
                continue;
            }
            struct fnd_json pointer = fnd_json_member(at.value, "pointer");
            fields->replay->tally.unasked += i == 0;
            fields->replay->tally.asked += i == 1;
            fnd_text_clear(&fields->pointer);
            fnd_text_append_z(&fields->pointer, "");
            if (pointer.bytes != NULL) {
                fnd_json_text(pointer, &fields->pointer);
            }
            struct fnd_json words = fnd_json_member(at.value, "question");
            tell(fields, i == 0 ? "no longer asked" : "newly asked", i == 0 ? words : none,
                 i == 0 ? none : words, none);
        }
    }
    fnd_text_clear(&fields->pointer);
}

struct wanted {
    int64_t step;
    int32_t gate;
    struct fnd_replay_past *past;
};

static bool event_look(const struct fnd_event_row *row, void *context)
{
    struct wanted *wanted = context;
    if (row->phase != wanted->gate) {
        return true;
    }
    if (row->kind == FND_EVENT_ASK && wanted->past->request == 0) {
        wanted->past->request = row->id;
    } else if (row->kind == FND_EVENT_ANSWER && wanted->past->record == 0) {
        wanted->past->record = row->id;
    }
    return true;
}

enum fnd_status fnd_replay_past(struct fnd_reader *reader, int64_t step, int32_t gate,
                                struct fnd_replay_past *past, struct fnd_error *error)
{
    const struct fnd_walk all = {.limit = SIZE_MAX};
    struct wanted wanted = {step, gate, past};
    struct fnd_correction_row row;
    *past = (struct fnd_replay_past){0};
    enum fnd_status status = fnd_events_walk(reader, step, &all, event_look, &wanted, error);
    if (status == FND_OK && past->record > 0 &&
        (fnd_correction_get(reader, past->record, &row, NULL) != FND_OK || row.undone > 0 ||
         row.output == 0 || row.tier != FND_TIER_GOLD)) {
        past->record = 0; /* taken back, rejected, or no person's word */
    }
    return status;
}

/* The document of an event, kept in `text`. */
static struct fnd_json document(struct fnd_reader *reader, int64_t event, const char *pointer,
                                struct fnd_text *text)
{
    struct fnd_json value = {NULL, 0};
    if (event > 0 && fnd_payload_get(reader, event, text, NULL, NULL) == FND_OK && text->size > 0 &&
        fnd_json_check(text->bytes, text->size, NULL, &value, NULL) == FND_OK) {
        value = fnd_json_find(value, pointer);
    }
    return value;
}

static enum fnd_status compare_gate(struct fnd_replay *replay, const struct fnd_replayed *job,
                                    size_t index, bool *told, struct fnd_error *error)
{
    struct fnd_text texts[5] = {{0}, {0}, {0}, {0}, {0}};
    struct fnd_step_row here = {0}, there = {0};
    struct fnd_replay_past past = {0}, present = {0};
    struct fnd_correction_row row = {.output = 0};
    struct fields fields = {.replay = replay, .job = job};
    int32_t gate = 0, subject = 0;
    fnd_shadow_gate(replay->shadow, index, &gate, &subject, &fields.gate);
    enum fnd_status status = fnd_step_get(replay->reader, job->job, &here, error);
    if (status == FND_OK) {
        status = fnd_step_get(replay->there, job->shadow, &there, error);
    }
    if (status == FND_OK) {
        status = fnd_replay_past(replay->reader, job->job, gate, &past, error);
    }
    if (status == FND_OK) {
        status = fnd_replay_past(replay->there, job->shadow, gate, &present, error);
    }
    if (status != FND_OK || subject < 0 || there.outputs[subject] == 0 ||
        (size_t)subject >= there.outputs_count || (size_t)subject >= here.outputs_count) {
        return status; /* it did not come so far, there or here */
    }
    if (past.record > 0) {
        status = fnd_correction_get(replay->reader, past.record, &row, error);
    }
    const struct sides sides = {
        .past = document(replay->reader, here.outputs[subject], "", &texts[0]),
        .present = document(replay->there, there.outputs[subject], "", &texts[1]),
        .truth = document(replay->reader, row.output, "", &texts[2]),
        .asked_past = document(replay->reader, past.request, "/questions", &texts[3]),
        .asked_present = document(replay->there, present.request, "/questions", &texts[4])};
    fields.truth = sides.truth.bytes != NULL;
    *told |= fields.truth;
    fnd_text_append_z(&fields.pointer, "");
    walk(&fields, sides.past, sides.present, sides.truth);
    compare_asked(&fields, &sides);
    fnd_text_finish(&fields.pointer);
    for (size_t i = 0; i < 5; i++) {
        fnd_text_finish(&texts[i]);
    }
    return status;
}

static void print_job(struct fnd_replay *replay, const struct fnd_replayed *job)
{
    struct fnd_text line = {0};
    if (!replay->app->json || replay->json_count == 0) {
        return;
    }
    fnd_text_printf(&line, "{\"type\":\"job\",\"job\":%" PRId64 ",", job->job);
    fnd_field(&line, "path", job->path);
    fnd_text_printf(&line, ",\"differences\":[%s]}\n", fnd_text_z(&replay->json));
    fnd_raw(replay->app, fnd_text_z(&line), line.size);
    fnd_text_finish(&line);
}

enum fnd_status fnd_replay_compare(struct fnd_replay *replay, struct fnd_error *error)
{
    enum fnd_status status = FND_OK;
    for (size_t i = 0; i < replay->jobs_count && status == FND_OK; i++) {
        const struct fnd_replayed *job = &replay->jobs[i];
        struct fnd_step_row here, there;
        bool truth = false;
        fnd_text_clear(&replay->json);
        replay->json_count = 0;
        replay->tally.jobs++;
        if (job->shadow == 0) {
            replay->tally.failed++;
            continue;
        }
        status = fnd_step_get(replay->reader, job->job, &here, error);
        if (status == FND_OK) {
            status = fnd_step_get(replay->there, job->shadow, &there, error);
        }
        if (status == FND_OK && there.stand.state == FND_FAILED && here.stand.state != FND_FAILED) {
            replay->tally.failed++;
            fnd_say(replay->app, "%s: it fails with the other plugin", job->path);
        }
        for (size_t gate = 0; gate < fnd_shadow_gates(replay->shadow) && status == FND_OK; gate++) {
            status = compare_gate(replay, job, gate, &truth, error);
        }
        replay->tally.truths += truth;
        print_job(replay, job);
    }
    return status;
}
