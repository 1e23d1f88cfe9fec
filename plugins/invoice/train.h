/* SPDX-License-Identifier: MIT */
/* From corrected documents to a model. */
#ifndef INVOICE_TRAIN_H
#define INVOICE_TRAIN_H

#include "model.h"
#include "training.h"

enum { EXAMPLES_MAX = 20000, FOLDS = 5 };

/* One corrected document. */
struct example {
    char id[80];
    struct document document;
    struct answer human;
    /* What a person looked at; all of it where `all` is set, all rows where `table` is. */
    int all;
    unsigned char headers[RESULT_HEADERS];
    unsigned char *rows; /* LOOKED_… bits for each row of `human` */
    int table;
};

/* The parts of a row: its description, and each cell by its number. */
enum { LOOKED_DESCRIPTION = 1, LOOKED_CELLS = 2, LOOKED_ROW = 0xf };

struct examples {
    struct example *items;
    size_t count;
};

/* What a model that was not trained on a document said of it. */
struct calibration {
    size_t example;
    char pointer[64];
    enum kind kind;
    double inputs[STACK_INPUTS_MAX];
    double confidence;
    int right;
    int whole;   /* of a document that was looked at as a whole: see train_model() */
    int strange; /* its supplier was held out with it: how a new one's documents come out */
};

struct calibrations {
    struct calibration *items;
    size_t count, capacity;
};

enum train_status { TRAIN_OK, TRAIN_STOPPED, TRAIN_NO_MEMORY };

/** Train a model, and fill `calibrations` with what held-out documents showed. The same examples in
 *  the same order give the same model. The caller finishes both whatever is returned.
 *
 *  Of a document that a person looked at in parts, only these parts are compared. They are the
 *  doubtful ones, so what may be made of them differs:
 *  - A confidence is the share of right values among those about which the same is known (the
 *    inputs). That somebody doubted a value tells little beyond the inputs, as doubt comes of the
 *    same facts, and where it tells something, the value is worse than its like. So they teach
 *    confidences, if anything too low ones.
 *  - How often values are wrong that nobody doubted cannot be learnt from them: a page misread with
 *    certainty is never among them. So nothing is proved from them: `whole` marks what may be. */
enum train_status train_model(const struct examples *examples, const struct train_watch *watch,
                              struct model *model, struct calibrations *calibrations);
void calibrations_finish(struct calibrations *calibrations);
void examples_finish(struct examples *examples);

/** Compare what was found with what a person looked at, field by field: appends to `calibrations`
 *  (with `index` as that of the example). 0, or -1 without memory. */
int result_compare(const struct result *result, const struct example *example, size_t index,
                   struct calibrations *calibrations);

#endif
