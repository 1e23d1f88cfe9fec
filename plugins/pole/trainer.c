/* SPDX-License-Identifier: MIT */
/* pole/train: corrected pictures to a model for pole/detect. */
#include "trainer.h"

#include <foundry/helpers.h>
#include <leptonica/allheaders.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "example.h"
#include "picture_load.h"

enum { IMAGE_NAME_MAX = 256 };

/* The examples as they are read. */
struct reading {
    const struct training *training;
    struct examples *examples;
};

/** Look at the picture of an example, with what a person drew in it. */
static foundry_outcome_t scene_load(const struct training *training, const char *image,
                                    struct example *example)
{
    struct Pix *pix = NULL;
    struct box extra[2 * TRUTH_MAX];
    size_t count = example->truth_count;
    memcpy(extra, example->truth, count * sizeof *extra);
    memcpy(extra + count, example->deleted, example->deleted_count * sizeof *extra);
    count += example->deleted_count;
    FOUNDRY_TRY(picture_load(training->host, training->call, image, "", &pix));
    int status = scene_make(&example->scene, pix, extra, count);
    pixDestroy(&pix);
    return status == 0 ? FOUNDRY_DONE : FOUNDRY_E_NO_MEMORY;
}

/** One picture; of too many, the newest. */
static foundry_outcome_t line_take(void *context, char *line, size_t number, size_t count)
{
    const struct reading *reading = context;
    struct examples *examples = reading->examples;
    const size_t skip = count > EXAMPLES_MAX ? count - EXAMPLES_MAX : 0;
    char message[256], image[IMAGE_NAME_MAX], note[80];
    if (examples->items == NULL) {
        examples->items = calloc(count - skip + 1, sizeof *examples->items);
    }
    if (examples->items == NULL) {
        return FOUNDRY_E_NO_MEMORY;
    }
    if (number <= skip) {
        return FOUNDRY_DONE;
    }
    snprintf(note, sizeof note, "looking at picture %zu of %zu", number, count);
    reading->training->host->progress(reading->training->call,
                                      0.4 * (double)number / (double)(count + 1), note);
    struct example *example = &examples->items[examples->count];
    switch (example_read(example, line, image, sizeof image, message, sizeof message)) {
    case EXAMPLE_SKIPPED:
        return FOUNDRY_DONE;
    case EXAMPLE_NO_MEMORY:
        return FOUNDRY_E_NO_MEMORY;
    case EXAMPLE_BAD:
        return training_refused(reading->training, number, message);
    default:
        examples->count++;
        return scene_load(reading->training, image, example);
    }
}

/** How good held-out pictures came out, and each of their detections. */
static foundry_outcome_t report(const struct training *training, const struct examples *examples,
                                const struct calibrations *calibrations)
{
    foundry_json_t metrics, list;
    size_t right = 0, poles = 0;
    double squares = 0.0;
    foundry_json_init(&metrics);
    foundry_json_init(&list);
    foundry_json_array(&list);
    for (size_t i = 0; i < calibrations->count; i++) {
        const struct calibration *item = &calibrations->items[i];
        double error = item->confidence - (item->right ? 1.0 : 0.0);
        right += item->right ? 1 : 0;
        squares += error * error;
        training_value(&list, examples->items[item->example].id, item->pointer, item->confidence,
                       item->right);
        foundry_json_end(&list);
    }
    foundry_json_end(&list);
    for (size_t i = 0; i < examples->count; i++) {
        poles += examples->items[i].truth_count;
    }
    double count = calibrations->count > 0 ? (double)calibrations->count : 1.0;
    foundry_json_object(&metrics);
    training_number(&metrics, "pictures", (double)examples->count);
    training_number(&metrics, "poles", (double)poles);
    training_number(&metrics, "held_out_values", (double)calibrations->count);
    training_number(&metrics, "held_out_right", (double)right / count);
    training_number(&metrics, "brier", squares / count);
    foundry_json_end(&metrics);
    return training_report(training, &metrics, &list);
}

/** Train on what was read, and save. */
static foundry_outcome_t examples_train(struct training *training, const struct examples *examples)
{
    const struct train_watch watch = {training_step, training};
    struct model model;
    struct calibrations calibrations;
    size_t size = 0;
    foundry_outcome_t outcome = FOUNDRY_E_NO_MEMORY;
    enum train_status status = train_model(examples, &watch, &model, &calibrations);
    if (status == TRAIN_STOPPED) {
        outcome = FOUNDRY_CANCELLED;
    } else if (status == TRAIN_OK) {
        unsigned char *bytes = model_write(&model, &size);
        outcome = training_save(training, bytes, size);
        if (outcome == FOUNDRY_DONE) {
            outcome = report(training, examples, &calibrations);
        }
    }
    model_finish(&model);
    calibrations_finish(&calibrations);
    return outcome;
}

static foundry_outcome_t train(const foundry_host_t *host, foundry_call_t *call)
{
    struct examples examples = {.items = NULL};
    struct training training = {host, call};
    struct reading reading = {&training, &examples};
    foundry_outcome_t outcome = training_lines(&training, line_take, &reading);
    if (outcome == FOUNDRY_DONE && examples.count == 0) {
        outcome = foundry_failf(host, call, FOUNDRY_PERMANENT, "no_examples", "",
                                "there is no corrected picture to learn from: answer some reviews "
                                "first");
    }
    if (outcome == FOUNDRY_DONE) {
        outcome = examples_train(&training, &examples);
    }
    examples_finish(&examples);
    return outcome;
}

const foundry_trainer_t pole_trainer = {
    .struct_size = sizeof pole_trainer,
    .name = "train",
    .summary = "Learn from corrected pictures where utility poles stand",
    .config_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{}}",
    .train = train,
};
