/* SPDX-License-Identifier: MIT */
/* From corrected pictures to a model. */
#ifndef POLE_TRAIN_H
#define POLE_TRAIN_H

#include "scene.h"
#include "training.h"

/* From NET_PICTURES on a net scores, too. Of 20 it finds somewhat more already, but a flywheel of
 * 40 streets asked 35 values in its last two rounds with it, and 3 without. */
enum { EXAMPLES_MAX = 2000, TRUTH_MAX = 64, FOLDS = 4, NET_PICTURES = 100 };

/* One corrected picture. */
struct example {
    char id[80];
    struct scene scene;
    struct box truth[TRUTH_MAX];   /* poles that a person kept, moved or drew */
    struct box deleted[TRUTH_MAX]; /* what was said and is no pole */
    struct box unseen[TRUTH_MAX];  /* what nobody looked at: teaches nothing */
    size_t truth_count, deleted_count, unseen_count;
    int whole; /* all of it was looked at: what is no pole is background */
    int gold;  /* a person answered, and not a rule */
};

struct examples {
    struct example *items;
    size_t count;
};

/* What a model that was not trained on a picture said of it. */
struct calibration {
    size_t example;
    char pointer[32];
    double confidence;
    int right;
};

struct calibrations {
    struct calibration *items;
    size_t count, capacity;
};

enum train_status { TRAIN_OK, TRAIN_STOPPED, TRAIN_NO_MEMORY };

/** A detection is right where it covers a pole by this much; a pole is found from `POLE_FOUND`,
 *  which only figures ask about. */
#define POLE_RIGHT 0.5
#define POLE_FOUND 0.3
/** What is less likely than this is not said. */
#define POLE_KEEP 0.5

/** Train a model, and fill `calibrations` with what held-out pictures showed. The same examples in
 *  the same order give the same model. The caller finishes both whatever is returned. */
enum train_status train_model(const struct examples *examples, const struct train_watch *watch,
                              struct model *model, struct calibrations *calibrations);
void calibrations_finish(struct calibrations *calibrations);

#endif
