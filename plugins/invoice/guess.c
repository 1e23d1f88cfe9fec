/* SPDX-License-Identifier: MIT */
#include "guess.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "candidates.h"
#include "guess_rows.h"

enum { HEADER_INPUTS = 10, DOCUMENTS_MIN = 10 };

double log_odds(double share)
{
    share = fmin(fmax(share, 0.001), 0.999);
    return log(share / (1.0 - share));
}

double span_worst(const struct document *document, struct span span)
{
    double worst = 1.0;
    for (size_t i = 0; i < span.count; i++) {
        worst = fmin(worst, document->words[span.first + i].confidence);
    }
    return log_odds(span.count > 0 ? worst : 0.5);
}

/* The best candidate, and by how much. */
struct choice {
    size_t best;
    double score, margin;
};

static struct choice choose(const struct logit *logit, const struct candidate *candidates,
                            size_t count)
{
    struct choice choice = {.best = SIZE_MAX, .score = -20.0, .margin = 20.0};
    double second = -20.0;
    for (size_t i = 0; i < count; i++) {
        double score = 0.0;
        logit_scores(logit, &candidates[i].features, &score);
        if (choice.best == SIZE_MAX || score > choice.score) {
            second = choice.best == SIZE_MAX ? second : choice.score;
            choice.best = i;
            choice.score = score;
        } else if (score > second) {
            second = score;
        }
    }
    choice.margin = fmin(choice.score - second, 20.0);
    return choice;
}

/** Text a value is printed with: a run without what punctuation stands behind it. */
static void text_take(const struct document *document, struct span span, char *text)
{
    span_text(document, span, text, ANSWER_TEXT_MAX);
    size_t size = strlen(text);
    while (size > 1 && strchr(",;:", text[size - 1]) != NULL) {
        text[--size] = '\0';
    }
}

static void supplier_take(const struct scene *scene, struct field *field, double *inputs)
{
    size_t distance = 0;
    size_t known = supplier_near(scene->knowledge, field->text, scene->self, &distance);
    if (known != SIZE_MAX) { /* what was misread is known better */
        memcpy(field->text, scene->knowledge->suppliers[known].name, sizeof field->text);
    }
    inputs[4] = known != SIZE_MAX;
    inputs[5] = (double)distance;
}

static void header_guess(const struct model *model, const struct scene *scene, size_t kind,
                         struct candidate *candidates, struct field *field)
{
    size_t count = candidates_find(scene, kind, candidates);
    struct choice choice = choose(&model->header[kind], candidates, count);
    const struct found *rules[RESULT_HEADERS] = {&scene->header->supplier, &scene->header->date,
                                                 &scene->header->number};
    double *inputs = field->inputs;
    if (choice.best == SIZE_MAX) {
        return;
    }
    const struct candidate *best = &candidates[choice.best];
    field->found = 1;
    field->span = best->span;
    text_take(scene->document, best->span, field->text);
    inputs[0] = choice.score;
    inputs[1] = choice.margin;
    inputs[2] = span_worst(scene->document, best->span);
    inputs[3] = rules[kind]->span.count > 0 && rules[kind]->span.first == best->span.first &&
                rules[kind]->span.count == best->span.count;
    size_t documents = supplier_documents(scene->knowledge, scene->supplier, scene->self);
    inputs[6] = documents >= 1;
    inputs[7] = documents >= 3;
    if (kind == RESULT_SUPPLIER) {
        supplier_take(scene, field, inputs);
    } else if (kind == RESULT_DATE) {
        date_format(&best->date, field->text);
        inputs[4] = best->ambiguous;
        inputs[5] = best->date.order != DATE_CLEAR && !best->ambiguous;
    } else {
        inputs[4] = strpbrk(field->text, "0O1Il5S8B") != NULL;
        inputs[5] = (double)strlen(field->text);
    }
    inputs[8] = (double)count;
    if (kind != RESULT_SUPPLIER) {
        char printed[ANSWER_TEXT_MAX];
        text_take(scene->document, best->span, printed);
        inputs[9] = shape_known(scene->knowledge, scene->supplier,
                                kind == RESULT_DATE ? SHAPED_DATE : SHAPED_NUMBER, printed);
    }
}

size_t guess_inputs(enum kind kind)
{
    return kind <= KIND_NUMBER        ? HEADER_INPUTS
           : kind == KIND_DESCRIPTION ? DESCRIPTION_INPUTS
           : kind == KIND_TABLE       ? TABLE_INPUTS
                                      : CELL_INPUTS;
}

double guess_capped(enum kind kind, const double *inputs, double confidence)
{
    int ambiguous = kind == KIND_DATE && inputs[4] > 0.5;
    int contradicted = kind >= KIND_QUANTITY && kind <= KIND_TOTAL && inputs[3] < 0.5;
    int empty = kind == KIND_TABLE && inputs[7] < 0.5; /* an invoice bills something */
    return ambiguous || contradicted || empty ? fmin(confidence, GUESS_ASKED) : confidence;
}

static void confide(const struct model *model, enum kind kind, struct field *field, int needed)
{
    const double unlearnt = 0.5;
    field->confidence = stack_probability(&model->stacks[kind], field->inputs, unlearnt);
    if (model->documents < DOCUMENTS_MIN) {
        field->confidence = fmin(field->confidence, unlearnt); /* too few to be sure of anything */
    }
    field->confidence = guess_capped(kind, field->inputs, field->confidence);
    if (needed && !field->found) {
        field->confidence = 0.0;
    }
}

/** Set every confidence from its inputs. */
static void confidences_set(const struct model *model, const struct scene *scene,
                            size_t supplier_minimum, struct result *result)
{
    for (size_t i = 0; i < RESULT_HEADERS; i++) {
        confide(model, (enum kind)i, &result->header[i], 1);
    }
    for (size_t i = 0; i < result->rows_count; i++) {
        struct result_row *row = &result->rows[i];
        confide(model, KIND_DESCRIPTION, &row->description, 1);
        for (size_t cell = 0; cell < CELLS; cell++) {
            confide(model, (enum kind)(KIND_QUANTITY + cell), &row->cells[cell], 1);
        }
    }
    confide(model, KIND_TABLE, &result->table, 0);
    struct field *supplier = &result->header[RESULT_SUPPLIER];
    if (supplier_documents(scene->knowledge, scene->supplier, scene->self) < supplier_minimum) {
        supplier->confidence = fmin(supplier->confidence, GUESS_ASKED);
    }
}

int guess(const struct model *model, const struct document *document, const struct answer *self,
          int final, size_t supplier_minimum, struct result *result)
{
    struct table table;
    struct header header;
    struct scene scene = {.printed = NULL};
    struct candidate *candidates = calloc(CANDIDATES_MAX, sizeof *candidates);
    int status = -1;
    *result = (struct result){.rows = NULL};
    if (table_init(&table, document) != 0 || candidates == NULL) {
        goto out;
    }
    header_find(document, table.heading, &header);
    if (scene_init(&scene, document, &model->knowledge, self, &header, &table) != 0) {
        goto out;
    }
    for (size_t kind = 0; kind < RESULT_HEADERS; kind++) {
        header_guess(model, &scene, kind, candidates, &result->header[kind]);
    }
    if (rows_guess(model, &scene, result) != 0) {
        goto out;
    }
    if (final) {
        confidences_set(model, &scene, supplier_minimum, result);
    }
    status = 0;
out:
    if (status != 0) {
        result_finish(result);
    }
    scene_finish(&scene);
    table_finish(&table);
    free(candidates);
    return status;
}
