/* SPDX-License-Identifier: MIT */
/* From corrected documents to a model. */
#ifndef INVOICE_TRAIN_H
#define INVOICE_TRAIN_H

#include "model.h"

enum { EXAMPLES_MAX = 20000, FOLDS = 5 };

/* One corrected document. */
struct example {
    char id[80];
    struct document document;
    struct answer human;
    /* What a person looked at; all of it where `all` is set. */
    int all;
    unsigned char headers[RESULT_HEADERS];
    unsigned char *rows; /* one for each row of `human` */
    int table;
};

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
};

struct calibrations {
    struct calibration *items;
    size_t count, capacity;
};

/* Asked between steps; says how far it is. A result other than 0 stops the training. */
struct train_watch {
    int (*step)(void *context, double fraction, const char *note);
    void *context;
};

enum train_status { TRAIN_OK, TRAIN_STOPPED, TRAIN_NO_MEMORY };

/** Train a model, and fill `calibrations` with what held-out documents showed. The same examples in
 *  the same order give the same model. The caller finishes both whatever is returned. */
enum train_status train_model(const struct examples *examples, const struct train_watch *watch,
                              struct model *model, struct calibrations *calibrations);
void calibrations_finish(struct calibrations *calibrations);
void examples_finish(struct examples *examples);

/** Compare what was found with what a person said, field by field: appends to `calibrations` (with
 *  `example` as index). 0, or -1 without memory. */
int result_compare(const struct result *result, const struct answer *human, size_t example,
                   struct calibrations *calibrations);

#endif
