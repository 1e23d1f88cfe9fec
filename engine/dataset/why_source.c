/* SPDX-License-Identifier: MIT */
/* What each place of each format is made of. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/boxes.h"
#include "dataset/why_internal.h"

/** A rule: the first whose pattern begins the pointer holds. A segment of a pattern is itself, `*`
 *  for any, or `[name]` for an item of a list whose "role" or "from" is that name. */
struct rule {
    const char *table, *pattern;
    enum fnd_why_source_kind kind;
    const char *pointer; /* in the record; NULL: what is behind the pattern */
};

/* A question as a list of messages. */
#define ASKED(table, list)                                                                         \
    {table, list "/[system]/content", FND_FROM_ENTRY, NULL},                                       \
        {table, list "/[user]/content/*/image_url", FND_FROM_INPUT, ""},                           \
        {table, list "/[user]/content/*/type", FND_FROM_FORMAT, NULL},                             \
        {table, list "/[user]/content", FND_FROM_ASKED, NULL},                                     \
        {table, list "/[assistant]/content", FND_FROM_HUMAN, NULL},                                \
    {                                                                                              \
        table, list "/*/role", FND_FROM_FORMAT, NULL                                               \
    }
#define SAID(table, list, kind)                                                                    \
    {table, list "/*/content", kind, NULL},                                                        \
    {                                                                                              \
        table, list "/*/role", FND_FROM_FORMAT, NULL                                               \
    }

/* Boxes as Label Studio has them. */
#define DRAWN(table, list, kind)                                                                   \
    {table, list "/*/original_width", FND_FROM_INPUT, ""},                                         \
        {table, list "/*/original_height", FND_FROM_INPUT, ""},                                    \
        {table, list "/*/value/rotation", FND_FROM_FORMAT, NULL},                                  \
        {table, list "/*/value", kind, "box"},                                                     \
    {                                                                                              \
        table, list, FND_FROM_FORMAT, NULL                                                         \
    }

static const struct rule rules[] = {
    {"foundry", "/id", FND_FROM_RECORD, "/uuid"},
    {"foundry", "/input", FND_FROM_INPUT, NULL},
    {"foundry", "/model_output", FND_FROM_MODEL, NULL},
    {"foundry", "/human_output", FND_FROM_HUMAN, NULL},
    {"foundry", "/fields/*/from", FND_FROM_MODEL, "*"},
    {"foundry", "/fields/*/to", FND_FROM_HUMAN, "*"},
    {"foundry", "/fields/*/confidence", FND_FROM_SCORE, "*"},
    {"foundry", "/fields/*/source", FND_FROM_RECORD, "/tier"},
    {"foundry", "/fields", FND_FROM_RECORD, "/fields"},
    {"foundry", "/verdict", FND_FROM_RECORD, "/verdict"},
    {"foundry", "/tier", FND_FROM_RECORD, "/tier"},
    {"foundry", "/split", FND_FROM_SPLIT, ""},
    {"foundry", "/provenance", FND_FROM_RECORD, NULL},

    {"gemini", "/systemInstruction/role", FND_FROM_FORMAT, NULL},
    {"gemini", "/systemInstruction/parts", FND_FROM_ENTRY, NULL},
    {"gemini", "/contents/*/role", FND_FROM_FORMAT, NULL},
    {"gemini", "/contents/[user]/parts/0/fileData/mimeType", FND_FROM_INPUT, "/media_type"},
    {"gemini", "/contents/[user]/parts/0", FND_FROM_INPUT, ""},
    {"gemini", "/contents/[user]/parts/1", FND_FROM_ENTRY, NULL},
    {"gemini", "/contents/[model]/parts/0/text", FND_FROM_HUMAN, NULL},

    ASKED("openai-chat", "/messages"),

    ASKED("openai-dpo", "/input/messages"),
    SAID("openai-dpo", "/preferred_output", FND_FROM_HUMAN),
    SAID("openai-dpo", "/non_preferred_output", FND_FROM_MODEL),
    {"openai-dpo", "/input/tools", FND_FROM_FORMAT, NULL},
    {"openai-dpo", "/input/parallel_tool_calls", FND_FROM_FORMAT, NULL},

    ASKED("trl-sft", "/prompt"),
    SAID("trl-sft", "/completion", FND_FROM_HUMAN),
    {"trl-sft", "/images", FND_FROM_INPUT, ""},
    ASKED("trl-dpo", "/prompt"),
    SAID("trl-dpo", "/chosen", FND_FROM_HUMAN),
    SAID("trl-dpo", "/rejected", FND_FROM_MODEL),
    {"trl-dpo", "/images", FND_FROM_INPUT, ""},
    ASKED("trl-kto", "/prompt"),
    SAID("trl-kto", "/completion", FND_FROM_MODEL),
    {"trl-kto", "/label", FND_FROM_RECORD, "/verdict"},

    {"alpaca", "/instruction", FND_FROM_ENTRY, NULL},
    {"alpaca", "/system", FND_FROM_ENTRY, NULL},
    {"alpaca", "/input", FND_FROM_INPUT, ""},
    {"alpaca", "/images", FND_FROM_INPUT, ""},
    {"alpaca", "/output", FND_FROM_HUMAN, NULL},

    {"sharegpt", "/conversations/*/from", FND_FROM_FORMAT, NULL},
    {"sharegpt", "/conversations/[human]/value", FND_FROM_ASKED, NULL},
    {"sharegpt", "/conversations/[gpt]/value", FND_FROM_HUMAN, NULL},
    {"sharegpt", "/system", FND_FROM_ENTRY, NULL},
    {"sharegpt", "/images", FND_FROM_INPUT, ""},

    {"nvidia-flywheel", "/timestamp", FND_FROM_RECORD, "/at"},
    {"nvidia-flywheel", "/workload_id", FND_FROM_RECORD, "/phase"},
    {"nvidia-flywheel", "/client_id", FND_FROM_FORMAT, NULL},
    {"nvidia-flywheel", "/request/model", FND_FROM_RECORD, "/pipeline"},
    ASKED("nvidia-flywheel", "/request/messages"),
    {"nvidia-flywheel", "/response/choices/*/message/content", FND_FROM_HUMAN, NULL},
    {"nvidia-flywheel", "/response/choices", FND_FROM_FORMAT, NULL},

    {"argilla", "/id", FND_FROM_RECORD, "/uuid"},
    {"argilla", "/prompt", FND_FROM_ENTRY, NULL},
    {"argilla", "/input", FND_FROM_INPUT, ""},
    {"argilla", "/image", FND_FROM_INPUT, ""},
    {"argilla", "/output.suggestion", FND_FROM_MODEL, NULL},
    {"argilla", "/output.suggestion.score", FND_FROM_SCORE, ""},
    {"argilla", "/output.suggestion.agent", FND_FROM_RECORD, "/pipeline"},
    {"argilla", "/output.responses/*", FND_FROM_HUMAN, NULL},
    {"argilla", "/output.responses.users", FND_FROM_RECORD, "/by"},
    {"argilla", "/output.responses.status", FND_FROM_FORMAT, NULL},

    {"label-studio", "/data/image", FND_FROM_INPUT, ""},
    {"label-studio", "/predictions/*/model_version", FND_FROM_RECORD, "/pipeline"},
    {"label-studio", "/predictions/*/score", FND_FROM_SCORE, ""},
    DRAWN("label-studio", "/predictions/*/result", FND_FROM_MODEL),
    DRAWN("label-studio", "/annotations/*/result", FND_FROM_HUMAN),

    {"coco image", "/id", FND_FROM_FORMAT, NULL},
    {"coco image", "", FND_FROM_INPUT, ""},
    {"coco annotation", "/bbox", FND_FROM_HUMAN, "box"},
    {"coco annotation", "/area", FND_FROM_HUMAN, "box"},
    {"coco annotation", "/category_id", FND_FROM_HUMAN, "box"},
    {"coco annotation", "", FND_FROM_FORMAT, NULL},
    {"coco category", "/name", FND_FROM_HUMAN, "box"},
    {"coco category", "", FND_FROM_FORMAT, NULL},

    {"yolo", "", FND_FROM_HUMAN, "line"},
    {"yolo class", "/name", FND_FROM_HUMAN, "box"},
    {"yolo class", "", FND_FROM_FORMAT, NULL},

    {"hf", "/file_name", FND_FROM_RECORD, "/record"},
    {"hf", "/objects/bbox/*", FND_FROM_HUMAN, "box"},
    {"hf", "/objects/categories/*", FND_FROM_HUMAN, "box"},
    {"hf", "/objects", FND_FROM_HUMAN, "boxes"},
    {"hf", "/text", FND_FROM_HUMAN, "text"},
    {"hf", "/id", FND_FROM_RECORD, "/uuid"},
    {"hf", "/input", FND_FROM_INPUT, ""},
    {"hf", "/output", FND_FROM_HUMAN, "text"},
};

const char *fnd_why_source_name(enum fnd_why_source_kind kind)
{
    static const char *const names[] = {
        "nothing",      "format",       "entry",      "input",  "prompt and input",
        "human_output", "model_output", "confidence", "record", "split"};
    return names[kind];
}

void fnd_why_source_finish(struct fnd_why_source *source)
{
    fnd_text_finish(&source->pointer);
    free(source->inside);
    *source = (struct fnd_why_source){0};
}

/** One segment of a pointer, decoded. */
static size_t segment_take(const char *pointer, struct fnd_text *segment)
{
    size_t i = 1;
    fnd_text_clear(segment);
    for (; pointer[i] != '\0' && pointer[i] != '/'; i++) {
        if (pointer[i] == '~' && pointer[i + 1] != '\0') {
            fnd_text_append_byte(segment, pointer[++i] == '1' ? '/' : '~');
        } else {
            fnd_text_append_byte(segment, pointer[i]);
        }
    }
    return i;
}

static struct fnd_json child(struct fnd_json value, const char *segment)
{
    struct fnd_text pointer = {0};
    fnd_json_pointer_add(&pointer, segment, strlen(segment));
    struct fnd_json found = fnd_json_find(value, fnd_text_z(&pointer));
    fnd_text_finish(&pointer);
    return found;
}

/** How much of `pointer` the pattern takes, or SIZE_MAX; `star` receives what the last `*` was. */
static size_t pattern_match(const char *pattern, struct fnd_json line, const char *pointer,
                            struct fnd_text *star)
{
    struct fnd_text wanted = {0}, found = {0};
    size_t at = 0;
    bool fits = true;
    while (fits && *pattern != '\0') {
        pattern += segment_take(pattern, &wanted);
        if (pointer[at] != '/') {
            fits = false;
            break;
        }
        at += segment_take(pointer + at, &found);
        line = child(line, fnd_text_z(&found));
        const char *name = fnd_text_z(&wanted);
        if (strcmp(name, "*") == 0) {
            fnd_text_clear(star);
            fnd_text_append(star, found.bytes, found.size);
        } else if (name[0] == '[') {
            char *role = fnd_strndup(name + 1, wanted.size - 2);
            fits = fnd_json_type(line) == FND_JSON_OBJECT &&
                   (fnd_json_text_is(fnd_json_member(line, "role"), role) ||
                    fnd_json_text_is(fnd_json_member(line, "from"), role));
            free(role);
        } else {
            fits = strcmp(name, fnd_text_z(&found)) == 0;
        }
    }
    fnd_text_finish(&wanted);
    fnd_text_finish(&found);
    return fits ? at : SIZE_MAX;
}

/** The value at a pointer that may go on inside a text which holds JSON.
 *  Returns how much of the pointer led to a value of the line; SIZE_MAX: to none. */
static size_t value_find(struct fnd_json line, const char *pointer, struct fnd_why_source *source)
{
    struct fnd_text segment = {0}, text = {0};
    struct fnd_json here = line, inside = {NULL, 0};
    size_t at = 0;
    while (here.bytes != NULL && pointer[at] == '/' && fnd_json_type(here) != FND_JSON_STRING) {
        at += segment_take(pointer + at, &segment);
        here = child(here, fnd_text_z(&segment));
    }
    if (here.bytes != NULL && pointer[at] == '\0') {
        source->value = here;
    } else if (here.bytes == NULL || !fnd_json_text(here, &text) ||
               fnd_json_check(text.bytes, text.size, NULL, &inside, NULL) != FND_OK ||
               fnd_json_find(inside, pointer + at).bytes == NULL) {
        at = SIZE_MAX;
    } else {
        inside = fnd_json_find(inside, pointer + at);
        source->inside = fnd_strndup(inside.bytes, inside.size);
    }
    fnd_text_finish(&segment);
    fnd_text_finish(&text);
    return at;
}

static const char *list_of(const struct fnd_datum *datum)
{
    const struct fnd_entry *entry = datum->entry;
    return entry != NULL && entry->boxes != NULL ? entry->boxes : "/boxes";
}

static bool boxes_of(const struct fnd_datum *datum, struct fnd_json document,
                     struct fnd_boxes *boxes)
{
    const char *label = datum->entry != NULL ? datum->entry->label : NULL;
    return fnd_boxes_read(document, list_of(datum), label, boxes, NULL) == FND_OK;
}

/** The place in the document of box `index` as it is numbered in the line: the model's that lie
 *  outside of the picture are not there. */
static void box_pointer(const struct fnd_datum *datum, const struct rule *rule,
                        struct fnd_json line, size_t index, struct fnd_text *pointer)
{
    struct fnd_boxes boxes = {0};
    double width = 0, height = 0;
    size_t place = index;
    if (rule->kind == FND_FROM_MODEL &&
        fnd_json_number(fnd_json_find(line, "/predictions/0/result/0/original_width"), &width) &&
        fnd_json_number(fnd_json_find(line, "/predictions/0/result/0/original_height"), &height) &&
        boxes_of(datum, datum->model, &boxes)) {
        size_t seen = 0;
        for (size_t i = 0; i < boxes.count; i++) {
            struct fnd_box box = boxes.list[i];
            box.label = fnd_strdup(box.label); /* clipping frees what goes */
            struct fnd_box *one = fnd_alloc(sizeof *one);
            *one = box;
            struct fnd_boxes alone = {.list = one, .count = 1};
            fnd_boxes_clip(&alone, (uint32_t)width, (uint32_t)height);
            if (alone.count > 0 && seen++ == index) {
                place = i;
            }
            fnd_boxes_finish(&alone);
        }
    }
    fnd_boxes_finish(&boxes);
    fnd_text_append_z(pointer, list_of(datum));
    fnd_json_pointer_add_index(pointer, place);
}

/** Which box of its picture an annotation is: its bbox, among those that are left. */
static size_t annotation_index(struct fnd_json line, const struct fnd_datum *datum)
{
    struct fnd_boxes boxes = {0};
    struct fnd_json bbox = fnd_json_member(line, "bbox");
    struct fnd_json name = fnd_json_member(line, "name");
    double side[4] = {0};
    size_t found = 0;
    for (struct fnd_json_walk walk = fnd_json_walk(bbox); fnd_json_next(&walk);) {
        if (walk.index < 4) {
            fnd_json_number(walk.value, &side[walk.index]);
        }
    }
    if (boxes_of(datum, datum->human, &boxes)) {
        for (size_t i = boxes.count; i > 0; i--) {
            const struct fnd_box *box = &boxes.list[i - 1];
            const bool same = bbox.bytes != NULL ? fabs(box->x - side[0]) < 1e-5 &&
                                                       fabs(box->y - side[1]) < 1e-5 &&
                                                       fabs(box->width - side[2]) < 1e-5 &&
                                                       fabs(box->height - side[3]) < 1e-5
                                                 : fnd_json_text_is(name, box->label);
            found = same ? i - 1 : found;
        }
    }
    fnd_boxes_finish(&boxes);
    return found;
}

static void pointer_make(const struct rule *rule, struct fnd_json line, const char *rest,
                         const struct fnd_text *star, const struct fnd_datum *datum, size_t box,
                         struct fnd_text *pointer)
{
    if (rule->pointer == NULL) {
        fnd_text_append_z(pointer, rest);
    } else if (strcmp(rule->pointer, "*") == 0) {
        fnd_text_append_z(pointer, fnd_text_z(star));
        fnd_text_append_z(pointer, rest);
    } else if (strcmp(rule->pointer, "line") == 0) {
        box_pointer(datum, rule, line, box, pointer);
    } else if (strcmp(rule->pointer, "boxes") == 0) {
        fnd_text_append_z(pointer, list_of(datum));
    } else if (strcmp(rule->pointer, "text") == 0) {
        const bool member = fnd_json_type(datum->human) == FND_JSON_OBJECT &&
                            fnd_json_type(fnd_json_member(datum->human, "text")) == FND_JSON_STRING;
        fnd_text_append_z(pointer, member ? "/text" : "");
        fnd_text_append_z(pointer, member ? "" : rest);
    } else if (strcmp(rule->pointer, "box") != 0) {
        fnd_text_append_z(pointer, rule->pointer);
    } else {
        const bool told = strncmp(rule->table, "coco", 4) == 0 || rule->table[0] == 'y';
        const size_t index =
            told ? annotation_index(line, datum) : (size_t)strtoull(fnd_text_z(star), NULL, 10);
        box_pointer(datum, rule, line, index, pointer);
    }
}

bool fnd_why_source_find(const char *table, struct fnd_json line, const char *pointer,
                         const struct fnd_datum *datum, size_t box, struct fnd_why_source *source)
{
    struct fnd_text star = {0};
    if (value_find(line, pointer, source) == SIZE_MAX) {
        return false;
    }
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        const struct rule *rule = &rules[i];
        const size_t taken = strcmp(rule->table, table) == 0
                                 ? pattern_match(rule->pattern, line, pointer, &star)
                                 : SIZE_MAX;
        if (taken != SIZE_MAX) {
            source->kind = rule->kind;
            pointer_make(rule, line, pointer + taken, &star, datum, box, &source->pointer);
            break;
        }
    }
    fnd_text_finish(&star);
    return true;
}
