/* SPDX-License-Identifier: MIT */
#include "learn/evaluate.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "learn/boxes.h"

void fnd_score_finish(struct fnd_score *score)
{
    for (size_t i = 0; i < score->count; i++) {
        free(score->fields[i].field);
    }
    free(score->fields);
    *score = (struct fnd_score){0};
}

static struct fnd_field_score *field_of(struct fnd_score *score, const char *field)
{
    for (size_t i = 0; i < score->count; i++) {
        if (strcmp(score->fields[i].field, field) == 0) {
            return &score->fields[i];
        }
    }
    score->fields = fnd_realloc(score->fields, score->count + 1, sizeof *score->fields);
    score->fields[score->count] = (struct fnd_field_score){.field = fnd_strdup(field)};
    return &score->fields[score->count++];
}

/* A comparison under way. */
struct compare {
    struct fnd_score *score;
    struct fnd_json human, now, before, reviewed;
    struct fnd_json raw;            /* the one that is walked, as it was said */
    bool whole;                     /* all of it was looked at */
    struct fnd_json told;           /* what has more than the truth, and was counted */
    struct fnd_text pointer, field; /* of the place; with "-" for places in lists */
};

static bool looked_at(const struct compare *compare)
{
    if (compare->whole) {
        return true;
    }
    const char *pointer = fnd_text_z(&compare->pointer);
    bool found = false;
    for (struct fnd_json_walk walk = fnd_json_walk(compare->reviewed);
         !found && fnd_json_next(&walk);) {
        char *one = fnd_json_strdup(walk.value);
        const size_t size = one != NULL ? strlen(one) : 0;
        found = one != NULL && strncmp(pointer, one, size) == 0 &&
                (pointer[size] == '\0' || pointer[size] == '/');
        free(one);
    }
    return found;
}

static bool right(struct fnd_json said, const char *pointer, struct fnd_json human)
{
    if (said.bytes == NULL) {
        return false;
    }
    const struct fnd_json value = fnd_json_find(said, pointer);
    return human.bytes == NULL ? value.bytes == NULL
                               : value.bytes != NULL && fnd_json_equal(value, human);
}

/* A leaf of the truth, or (no value) one that the truth does not have. */
static void leaf(struct compare *compare, struct fnd_json human)
{
    if (!looked_at(compare)) {
        return;
    }
    const char *pointer = fnd_text_z(&compare->pointer);
    const bool now = right(compare->now, pointer, human);
    const bool before = right(compare->before, pointer, human);
    struct fnd_field_score *field = field_of(compare->score, fnd_text_z(&compare->field));
    struct fnd_score *score = compare->score;
    struct fnd_pairs *const both[] = {compare->whole ? &field->pairs : &field->doubts,
                                      compare->whole ? &score->pairs : &score->doubts};
    for (size_t i = 0; i < 2; i++) {
        both[i]->better += now && !before;
        both[i]->worse += !now && before;
        both[i]->equal += now == before;
    }
    field->seen++;
    field->right += now;
    field->right_before += before;
    score->seen++;
    score->right += now;
    score->right_before += before;
}

/* Boxes are compared in the truth's order: the number that one had as a person was asked about it
 * says nothing there, and which are missing or too many nobody looked for, unless all of the list
 * was looked at. */
static bool boxes_unseen(const struct compare *compare, struct fnd_json list)
{
    const struct fnd_json raw = fnd_json_find(compare->raw, fnd_text_z(&compare->pointer));
    struct fnd_json_walk said = fnd_json_walk(raw), aligned = fnd_json_walk(list);
    return !compare->whole && raw.bytes != NULL && fnd_json_next(&said) &&
           fnd_json_next(&aligned) && fnd_json_type(said.value) == FND_JSON_OBJECT &&
           fnd_json_type(aligned.value) != FND_JSON_OBJECT && !looked_at(compare);
}

/* Walk a document. extra: only what the truth has no value for. */
static void leaves(struct compare *compare, struct fnd_json value, bool extra)
{
    const enum fnd_json_type type = fnd_json_type(value);
    const size_t pointer = compare->pointer.size, field = compare->field.size;
    if ((type != FND_JSON_OBJECT && type != FND_JSON_ARRAY) || fnd_json_count(value) == 0) {
        const struct fnd_json human = fnd_json_find(compare->human, fnd_text_z(&compare->pointer));
        if (!extra) {
            leaf(compare, value);
        } else if (human.bytes == NULL &&
                   (compare->told.bytes == NULL ||
                    fnd_json_find(compare->told, fnd_text_z(&compare->pointer)).bytes == NULL)) {
            leaf(compare, (struct fnd_json){0});
        }
        return;
    }
    if (type == FND_JSON_ARRAY && boxes_unseen(compare, value)) {
        return;
    }
    for (struct fnd_json_walk walk = fnd_json_walk(value); fnd_json_next(&walk);) {
        if (type == FND_JSON_OBJECT) {
            fnd_json_pointer_add_key(&compare->pointer, walk.key);
            fnd_json_pointer_add_key(&compare->field, walk.key);
        } else {
            fnd_json_pointer_add_index(&compare->pointer, walk.index);
            fnd_text_append_z(&compare->field, "/-");
        }
        leaves(compare, walk.value, extra);
        compare->pointer.size = pointer;
        compare->pointer.bytes[pointer] = '\0';
        compare->field.size = field;
        compare->field.bytes[field] = '\0';
    }
}

/* The document with its boxes where the truth has them; no value stays none. */
static struct fnd_json aligned(struct fnd_json human, struct fnd_json said, struct fnd_text *text)
{
    if (said.bytes == NULL || human.bytes == NULL) {
        return said;
    }
    fnd_boxes_align(human, said, text);
    return (struct fnd_json){text->bytes, text->size};
}

void fnd_score_add(struct fnd_score *score, struct fnd_json human, struct fnd_json now,
                   struct fnd_json before, struct fnd_json reviewed)
{
    struct fnd_text texts[3] = {{0}};
    struct compare compare = {.score = score,
                              .human = aligned(human, human, &texts[0]),
                              .now = aligned(human, now, &texts[1]),
                              .before = aligned(human, before, &texts[2]),
                              .raw = human,
                              .whole = fnd_json_type(reviewed) != FND_JSON_ARRAY,
                              .reviewed = reviewed};
    fnd_text_reserve(&compare.pointer, 64);
    fnd_text_reserve(&compare.field, 64);
    score->documents++;
    leaves(&compare, compare.human, false);
    /* What is too much is wrong as well, told once. */
    compare.raw = now;
    if (compare.now.bytes != NULL) {
        leaves(&compare, compare.now, true);
    }
    compare.told = compare.now;
    compare.raw = before;
    if (compare.before.bytes != NULL) {
        leaves(&compare, compare.before, true);
    }
    fnd_text_finish(&compare.pointer);
    fnd_text_finish(&compare.field);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        fnd_text_finish(&texts[i]);
    }
}

static void pairs_join(struct fnd_pairs *pairs, const struct fnd_pairs *other)
{
    pairs->better += other->better;
    pairs->worse += other->worse;
    pairs->equal += other->equal;
}

void fnd_score_join(struct fnd_score *score, const struct fnd_score *other)
{
    for (size_t i = 0; i < other->count; i++) {
        const struct fnd_field_score *from = &other->fields[i];
        struct fnd_field_score *to = field_of(score, from->field);
        to->right += from->right;
        to->right_before += from->right_before;
        to->seen += from->seen;
        pairs_join(&to->pairs, &from->pairs);
        pairs_join(&to->doubts, &from->doubts);
    }
    pairs_join(&score->pairs, &other->pairs);
    pairs_join(&score->doubts, &other->doubts);
    score->documents += other->documents;
    score->right += other->right;
    score->right_before += other->right_before;
    score->seen += other->seen;
}

void fnd_score_judge(const struct fnd_score *score, const struct fnd_model *model,
                     struct fnd_promotion *out)
{
    struct fnd_pairs_field *fields = fnd_alloc((2 * score->count + 1) * sizeof *fields);
    for (size_t i = 0; i < score->count; i++) {
        const struct fnd_field_score *field = &score->fields[i];
        fields[2 * i] = (struct fnd_pairs_field){field->field, field->pairs};
        fields[2 * i + 1] = (struct fnd_pairs_field){field->field, field->doubts};
    }
    fnd_promotion_judge(&score->pairs, fields, 2 * score->count, model->minimum, model->alpha, out);
    free(fields);
}

void fnd_score_judge_back(const struct fnd_score *score, uint64_t minimum, double alpha,
                          struct fnd_promotion *out)
{
    struct fnd_pairs_field *fields = fnd_alloc((score->count + 1) * sizeof *fields);
    for (size_t i = 0; i < score->count; i++) {
        fields[i] = (struct fnd_pairs_field){score->fields[i].field, score->fields[i].pairs};
    }
    fnd_rollback_judge(&score->pairs, fields, score->count, minimum, alpha, out);
    free(fields);
}

void fnd_score_json(const struct fnd_score *score, struct fnd_text *json)
{
    fnd_text_printf(json,
                    "{\"documents\":%" PRIu64 ",\"seen\":%" PRIu64 ",\"right\":%" PRIu64
                    ",\"right_before\":%" PRIu64 ",\"better\":%" PRIu64 ",\"worse\":%" PRIu64
                    ",\"in_places\":{\"better\":%" PRIu64 ",\"worse\":%" PRIu64
                    ",\"equal\":%" PRIu64 "},\"fields\":{",
                    score->documents, score->seen, score->right, score->right_before,
                    score->pairs.better, score->pairs.worse, score->doubts.better,
                    score->doubts.worse, score->doubts.equal);
    for (size_t i = 0; i < score->count; i++) {
        const struct fnd_field_score *field = &score->fields[i];
        fnd_text_append_z(json, i > 0 ? "," : "");
        fnd_text_append_json_z(json, field->field);
        fnd_text_printf(json,
                        ":{\"seen\":%" PRIu64 ",\"right\":%" PRIu64 ",\"right_before\":%" PRIu64
                        ",\"better\":%" PRIu64 ",\"worse\":%" PRIu64 "}",
                        field->seen, field->right, field->right_before, field->pairs.better,
                        field->pairs.worse);
    }
    fnd_text_append_z(json, "}}");
}
