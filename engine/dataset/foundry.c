/* SPDX-License-Identifier: MIT */
/* Format `foundry`: a record whole, so that nothing is lost on the way out and back. */
#include <stdlib.h>
#include <string.h>

#include "dataset/foundry.h"

/** Members of a record that have a place of their own in a line, and what they are there;
 * everything else, whatever comes to it one day, is provenance. */
enum { UUID, INPUT, MODEL, HUMAN, VERDICT, FIELDS, TIER, PLACED };
static const char *const placed[PLACED] = {"uuid",    "input",  "model_output", "human_output",
                                           "verdict", "fields", "tier"};
static const char *const in_line[PLACED] = {"id",      "input",  "model_output", "human_output",
                                            "verdict", "fields", "tier"};

/** PLACED: it has none. */
static size_t place_of(struct fnd_json key)
{
    size_t place = 0;
    while (place < PLACED && !fnd_json_text_is(key, placed[place])) {
        place++;
    }
    return place;
}

static void value_append(struct fnd_text *line, struct fnd_json value)
{
    if (value.bytes != NULL) {
        fnd_json_compact(value, line);
    } else {
        fnd_text_append_z(line, "null");
    }
}

static void member_append(struct fnd_text *line, const char *name, struct fnd_json value)
{
    fnd_text_append_z(line, ",\"");
    fnd_text_append_z(line, name);
    fnd_text_append_z(line, "\":");
    value_append(line, value);
}

/** {pointer:{"from"?,"to"?,"confidence","source"}}: from or to is left out where the place is not
 *  there, which null would not say. */
static void fields_append(struct fnd_text *line, struct fnd_json fields, const char *source)
{
    size_t count = 0;
    fnd_text_append_byte(line, '{');
    for (struct fnd_json_walk walk = fnd_json_walk(fields);
         fields.bytes != NULL && fnd_json_next(&walk);) {
        struct fnd_json from = fnd_json_member(walk.value, "from");
        struct fnd_json to = fnd_json_member(walk.value, "to");
        fnd_text_append_z(line, count++ > 0 ? "," : "");
        fnd_json_compact(walk.key, line);
        fnd_text_append_z(line, ":{");
        if (from.bytes != NULL) {
            fnd_text_append_z(line, "\"from\":");
            fnd_json_compact(from, line);
            fnd_text_append_byte(line, ',');
        }
        if (to.bytes != NULL) {
            fnd_text_append_z(line, "\"to\":");
            fnd_json_compact(to, line);
            fnd_text_append_byte(line, ',');
        }
        fnd_text_append_z(line, "\"confidence\":");
        value_append(line, fnd_json_member(walk.value, "confidence"));
        fnd_text_printf(line, ",\"source\":\"%s\"}", source);
    }
    fnd_text_append_byte(line, '}');
}

static void provenance_append(struct fnd_text *line, struct fnd_json record)
{
    size_t count = 0;
    fnd_text_append_byte(line, '{');
    for (struct fnd_json_walk walk = fnd_json_walk(record); fnd_json_next(&walk);) {
        if (place_of(walk.key) == PLACED) {
            fnd_text_append_z(line, count++ > 0 ? "," : "");
            fnd_json_compact(walk.key, line);
            fnd_text_append_byte(line, ':');
            fnd_json_compact(walk.value, line);
        }
    }
    fnd_text_append_byte(line, '}');
}

static enum fnd_status foundry_line(const struct fnd_plan *plan, const struct fnd_datum *datum,
                                    struct fnd_text *line, struct fnd_error *error)
{
    (void)plan;
    struct fnd_json id = fnd_json_member(datum->whole, "uuid");
    struct fnd_json tier = fnd_json_member(datum->whole, "tier");
    if (id.bytes == NULL || tier.bytes == NULL) {
        return fnd_error_set(error, FND_DAMAGED, "it has no uuid or no tier");
    }
    /* What a rule or a deadline settled is silver; a person's word is gold. */
    const char *source = fnd_json_text_is(tier, "gold") ? "human" : "rule";
    fnd_text_append_z(line, "{\"id\":");
    fnd_json_compact(id, line);
    member_append(line, "input", datum->input);
    member_append(line, "model_output", datum->model);
    member_append(line, "human_output", datum->human);
    member_append(line, "verdict", fnd_json_member(datum->whole, "verdict"));
    fnd_text_append_z(line, ",\"fields\":");
    fields_append(line, fnd_json_member(datum->whole, "fields"), source);
    member_append(line, "tier", tier);
    fnd_text_printf(line, ",\"split\":\"%s\",\"provenance\":", fnd_split_name(datum->split));
    provenance_append(line, datum->whole);
    fnd_text_append_byte(line, '}');
    return FND_OK;
}

/** Equal in every byte but white space between tokens. */
static bool same_bytes(struct fnd_json a, struct fnd_json b)
{
    struct fnd_text left = {0}, right = {0};
    if (a.bytes != NULL && a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0) {
        return true;
    }
    value_append(&left, a);
    value_append(&right, b);
    const bool same = left.size == right.size && memcmp(left.bytes, right.bytes, left.size) == 0;
    fnd_text_finish(&left);
    fnd_text_finish(&right);
    return same;
}

static bool fields_agree(struct fnd_json recorded, struct fnd_json written)
{
    if (recorded.bytes != NULL && fnd_json_count(recorded) != fnd_json_count(written)) {
        return false;
    }
    for (struct fnd_json_walk walk = fnd_json_walk(recorded);
         recorded.bytes != NULL && fnd_json_next(&walk);) {
        char *pointer = fnd_json_strdup(walk.key);
        struct fnd_json field = fnd_json_member(written, pointer);
        free(pointer);
        static const char *const parts[] = {"from", "to", "confidence"};
        for (size_t i = 0; i < 3; i++) {
            if (field.bytes == NULL || !same_bytes(fnd_json_member(walk.value, parts[i]),
                                                   fnd_json_member(field, parts[i]))) {
                return false;
            }
        }
    }
    return true;
}

/** A member of the provenance, which has them in the record's order: mostly it is the next one. */
static struct fnd_json provenance_member(struct fnd_json provenance, struct fnd_json_walk *next,
                                         struct fnd_json key)
{
    if (fnd_json_next(next) && next->key.size == key.size &&
        memcmp(next->key.bytes, key.bytes, key.size) == 0) {
        return next->value;
    }
    char *name = fnd_json_strdup(key);
    struct fnd_json member = fnd_json_member(provenance, name);
    free(name);
    return member;
}

static enum fnd_status foundry_agrees(const struct fnd_datum *datum, struct fnd_json line,
                                      struct fnd_error *error)
{
    struct fnd_json found[PLACED];
    struct fnd_json provenance = fnd_json_member(line, "provenance");
    struct fnd_json_walk next = fnd_json_walk(provenance);
    fnd_json_members(line, in_line, PLACED, found);
    for (struct fnd_json_walk walk = fnd_json_walk(datum->whole); fnd_json_next(&walk);) {
        const size_t place = place_of(walk.key);
        const struct fnd_json there =
            place < PLACED ? found[place] : provenance_member(provenance, &next, walk.key);
        if (there.bytes == NULL ||
            !(place == FIELDS ? fields_agree(walk.value, there) : same_bytes(walk.value, there))) {
            char *key = fnd_json_strdup(walk.key);
            fnd_error_set(error, FND_DAMAGED, "its `%s` is not what is on record",
                          place < PLACED ? in_line[place] : key);
            free(key);
            return FND_DAMAGED;
        }
    }
    return FND_OK;
}

const struct fnd_format fnd_format_foundry = {.name = "foundry",
                                              .schema = fnd_foundry_schema,
                                              .ids = true,
                                              .line = foundry_line,
                                              .agrees = foundry_agrees,
                                              .check = fnd_foundry_check};
