/* SPDX-License-Identifier: MIT */
/* What all trainers of a model do alike: read examples line by line, say how far they are, hand
 * back the model and how held-out documents came out. */
#ifndef COMMON_TRAINING_H
#define COMMON_TRAINING_H

#include <foundry/json.h>
#include <foundry/plugin.h>

/* Asked between steps; says how far it is. A result other than 0 stops the training. */
struct train_watch {
    int (*step)(void *context, double fraction, const char *note);
    void *context;
};

/* A trainer's call; training_step() is a train_watch's step with it as the context. */
struct training {
    const foundry_host_t *host;
    foundry_call_t *call;
};
int training_step(void *training, double fraction, const char *note);

/** Called with each line of the examples that is not blank, which it may change: its number from 1,
 *  and how many there are at most. FOUNDRY_DONE, or what ends the reading. */
typedef foundry_outcome_t (*training_line_t)(void *context, char *line, size_t number,
                                             size_t count);
/** Hand the lines of the call's examples to `take`, one by one, in memory that is freed when this
 *  returns. */
foundry_outcome_t training_lines(const struct training *training, training_line_t take,
                                 void *context);
/** That a line cannot be learnt from, and why. */
foundry_outcome_t training_refused(const struct training *training, size_t number,
                                   const char *message);

/** Hand back a model's bytes and free them; NULL: there was no memory for them. */
foundry_outcome_t training_save(const struct training *training, unsigned char *bytes, size_t size);

void training_number(foundry_json_t *json, const char *name, double value);
/** Begin an item of /calibration with what every one has; the caller ends it. */
void training_value(foundry_json_t *list, const char *id, const char *pointer, double confidence,
                    int right);
/** Stage both as /metrics and /calibration, and finish them. */
foundry_outcome_t training_report(const struct training *training, foundry_json_t *metrics,
                                  foundry_json_t *calibration);

#endif
