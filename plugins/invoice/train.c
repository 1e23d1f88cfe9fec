/* SPDX-License-Identifier: MIT */
#include "train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "candidates.h"
#include "example.h"
#include "guess.h"
#include "label.h"

void examples_finish(struct examples *examples)
{
    for (size_t i = 0; i < examples->count; i++) {
        example_finish(&examples->items[i]);
    }
    free(examples->items);
    *examples = (struct examples){.items = NULL};
}

/* Rows to train one scorer on. */
struct pile {
    struct features *rows;
    uint8_t *labels;
    size_t count, capacity;
};

static void pile_finish(struct pile *pile)
{
    free(pile->rows);
    free(pile->labels);
}

static int pile_add(struct pile *pile, const struct features *row, uint8_t label)
{
    if (pile->count == pile->capacity) {
        size_t capacity = pile->capacity == 0 ? 512 : pile->capacity * 2;
        struct features *rows = realloc(pile->rows, capacity * sizeof *rows);
        if (rows == NULL) {
            return -1;
        }
        pile->rows = rows;
        uint8_t *labels = realloc(pile->labels, capacity);
        if (labels == NULL) {
            return -1;
        }
        pile->labels = labels;
        pile->capacity = capacity;
    }
    pile->rows[pile->count] = *row;
    pile->labels[pile->count++] = label;
    return 0;
}

enum {
    PILES = RESULT_HEADERS + 1, /* the last one: words */
    STEPS = 2 * FOLDS,          /* by document, then by supplier */
    LEARNT_MIN = 2              /* documents */
};

static int headers_pile(const struct scene *scene, const struct example *example,
                        struct candidate *candidates, struct pile piles[PILES])
{
    uint8_t labels[CANDIDATES_MAX];
    for (size_t field = 0; field < RESULT_HEADERS; field++) {
        size_t count = candidates_find(scene, field, candidates);
        if ((!example->all && !example->headers[field]) ||
            !header_label(scene, field, &example->human, candidates, count, labels)) {
            continue;
        }
        for (size_t i = 0; i < count; i++) {
            if (pile_add(&piles[field], &candidates[i].features, labels[i]) != 0) {
                return -1;
            }
        }
    }
    return 0;
}

static int words_pile(const struct scene *scene, const struct example *example, struct pile *pile)
{
    size_t count = scene->document->words_count;
    struct features *features = calloc(count + 1, sizeof *features);
    uint8_t *labels = calloc(count + 1, 1);
    int status = -1;
    if (features == NULL || labels == NULL ||
        roles_label(scene, &example->human, example->all || example->table ? NULL : example->rows,
                    labels) != 0) {
        goto out;
    }
    roles_say(scene, features);
    for (size_t i = 0; i < count; i++) {
        if (labels[i] != LABEL_NONE && pile_add(pile, &features[i], labels[i]) != 0) {
            goto out;
        }
    }
    status = 0;
out:
    free(features);
    free(labels);
    return status;
}

static int example_pile(const struct knowledge *knowledge, const struct example *example,
                        struct candidate *candidates, struct pile piles[PILES])
{
    struct table table;
    struct header header;
    struct scene scene = {.printed = NULL};
    int status = table_init(&table, &example->document);
    if (status == 0) {
        header_find(&example->document, table.heading, &header);
        status =
            scene_init(&scene, &example->document, knowledge, &example->human, &header, &table);
    }
    if (status == 0) {
        status = headers_pile(&scene, example, candidates, piles);
    }
    if (status == 0) {
        status = words_pile(&scene, example, &piles[RESULT_HEADERS]);
    }
    scene_finish(&scene);
    table_finish(&table);
    return status;
}

/* What is held out together: single documents show how known suppliers are read, all documents of
 * a supplier how new ones are. */
enum folding { BY_DOCUMENT, BY_SUPPLIER };

/** Which fold an example is held out in: by its id or its supplier's name, so that it stays there
 *  as others come. */
static size_t fold_of(const struct example *example, enum folding by)
{
    uint64_t hash =
        feature_hash(FEATURE_SEED, by == BY_DOCUMENT ? example->id : example->human.supplier);
    return (size_t)((hash ^ (hash >> 29)) % FOLDS);
}

/** Fit scorers and knowledge on the examples that are not of fold `without` (FOLDS: on all). 0, or
 *  -1 without memory. */
static int model_fit(const struct examples *examples, enum folding by, size_t without,
                     struct model *model)
{
    const double header_cost = 1.0, words_cost = 0.5;
    struct pile piles[PILES] = {{.rows = NULL}};
    struct candidate *candidates = calloc(CANDIDATES_MAX, sizeof *candidates);
    int status = candidates == NULL ? -1 : 0;
    *model = (struct model){.documents = 0};
    for (size_t i = 0; i < examples->count && status == 0; i++) {
        const struct example *example = &examples->items[i];
        if (fold_of(example, by) != without) {
            char date[ANSWER_TEXT_MAX];
            enum date_order order = date_label(&example->document, &example->human, date);
            model->documents++;
            status = knowledge_learn(&model->knowledge, &example->human, order, date);
        }
    }
    for (size_t i = 0; i < examples->count && status == 0; i++) {
        if (fold_of(&examples->items[i], by) != without) {
            status = example_pile(&model->knowledge, &examples->items[i], candidates, piles);
        }
    }
    for (size_t field = 0; field < RESULT_HEADERS && status == 0; field++) {
        status = logit_train(&model->header[field], piles[field].rows, piles[field].labels,
                             piles[field].count, 2, header_cost);
    }
    if (status == 0) {
        const struct pile *words = &piles[RESULT_HEADERS];
        status =
            logit_train(&model->roles, words->rows, words->labels, words->count, ROLES, words_cost);
    }
    for (size_t i = 0; i < PILES; i++) {
        pile_finish(&piles[i]);
    }
    free(candidates);
    return status;
}

/** What a model fitted without a fold says of the fold's documents. */
static int fold_judge(const struct examples *examples, enum folding by, size_t fold,
                      struct calibrations *calibrations)
{
    struct model model;
    size_t before = calibrations->count;
    int status = model_fit(examples, by, fold, &model);
    for (size_t i = 0; i < examples->count && status == 0; i++) {
        const struct example *example = &examples->items[i];
        struct result result = {.rows = NULL};
        if (fold_of(example, by) != fold || model.documents < LEARNT_MIN) {
            continue; /* what was learnt from next to nothing says nothing about the model to be */
        }
        status = guess(&model, &example->document, NULL, 0, 0, &result);
        if (status == 0) {
            status = result_compare(&result, example, i, calibrations);
        }
        result_finish(&result);
    }
    for (size_t i = before; i < calibrations->count; i++) {
        calibrations->items[i].strange = by == BY_SUPPLIER;
    }
    model_finish(&model);
    return status;
}

/** Train each kind's confidence on the calibrations that are not of fold `without`. */
static int stacks_fit(const struct examples *examples, const struct calibrations *calibrations,
                      size_t without, struct stack stacks[KINDS])
{
    size_t most = calibrations->count;
    double(*rows)[STACK_INPUTS_MAX] = calloc(most + 1, sizeof *rows);
    uint8_t *right = calloc(most + 1, 1);
    int status = rows == NULL || right == NULL ? -1 : 0;
    for (size_t kind = 0; kind < KINDS && status == 0; kind++) {
        size_t count = 0;
        for (size_t i = 0; i < most; i++) {
            const struct calibration *from = &calibrations->items[i];
            if (from->kind == kind &&
                fold_of(&examples->items[from->example], BY_DOCUMENT) != without) {
                memcpy(rows[count], from->inputs, sizeof rows[count]);
                right[count++] = from->right != 0;
            }
        }
        status = stack_train(&stacks[kind], (const double(*)[STACK_INPUTS_MAX])rows, right, count,
                             guess_inputs((enum kind)kind));
    }
    free(rows);
    free(right);
    return status;
}

/** The confidence each held-out output would have had: by regressions that saw neither it nor the
 *  others of its fold. */
static int calibrations_settle(const struct examples *examples, struct calibrations *calibrations)
{
    int status = 0;
    for (size_t fold = 0; fold < FOLDS && status == 0; fold++) {
        struct stack stacks[KINDS];
        status = stacks_fit(examples, calibrations, fold, stacks);
        for (size_t i = 0; i < calibrations->count && status == 0; i++) {
            struct calibration *to = &calibrations->items[i];
            if (fold_of(&examples->items[to->example], BY_DOCUMENT) == fold) {
                double share = stack_probability(&stacks[to->kind], to->inputs, 0.5);
                to->confidence = guess_capped(to->kind, to->inputs, share);
            }
        }
    }
    return status;
}

enum train_status train_model(const struct examples *examples, const struct train_watch *watch,
                              struct model *model, struct calibrations *calibrations)
{
    char note[64];
    *model = (struct model){.documents = 0};
    *calibrations = (struct calibrations){.items = NULL};
    for (size_t step = 0; step < STEPS; step++) {
        enum folding by = step < FOLDS ? BY_DOCUMENT : BY_SUPPLIER;
        snprintf(note, sizeof note, "fold %zu of %d, %zu documents", step + 1, STEPS,
                 examples->count);
        if (watch->step(watch->context, (double)step / (STEPS + 1), note) != 0) {
            return TRAIN_STOPPED;
        }
        if (fold_judge(examples, by, step % FOLDS, calibrations) != 0) {
            return TRAIN_NO_MEMORY;
        }
    }
    if (watch->step(watch->context, (double)STEPS / (STEPS + 1), "all documents") != 0) {
        return TRAIN_STOPPED;
    }
    if (model_fit(examples, BY_DOCUMENT, FOLDS, model) != 0 ||
        stacks_fit(examples, calibrations, FOLDS, model->stacks) != 0 ||
        calibrations_settle(examples, calibrations) != 0) {
        return TRAIN_NO_MEMORY;
    }
    return TRAIN_OK;
}
