/* SPDX-License-Identifier: MIT */
/* pole/train: corrected pictures to a model for pole/detect. */
#include "trainer.h"

#include <foundry/helpers.h>
#include <leptonica/allheaders.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "example.h"
#include "load.h"

enum { EXAMPLES_BYTES_MAX = 1 << 30, IMAGE_NAME_MAX = 256 };

/** Look at the picture of an example, with what a person drew in it. */
static foundry_outcome_t scene_load(const foundry_host_t *host, foundry_call_t *call,
                                    const char *image, struct example *example)
{
    struct Pix *pix = NULL;
    struct box extra[2 * TRUTH_MAX];
    size_t count = example->truth_count;
    memcpy(extra, example->truth, count * sizeof *extra);
    memcpy(extra + count, example->deleted, example->deleted_count * sizeof *extra);
    count += example->deleted_count;
    FOUNDRY_TRY(picture_load(host, call, image, "", &pix));
    int status = scene_make(&example->scene, pix, extra, count);
    pixDestroy(&pix);
    return status == 0 ? FOUNDRY_DONE : FOUNDRY_E_NO_MEMORY;
}

static foundry_outcome_t line_take(const foundry_host_t *host, foundry_call_t *call,
                                   const char *line, size_t number, struct examples *examples)
{
    char message[256], image[IMAGE_NAME_MAX];
    struct example *example = &examples->items[examples->count];
    switch (example_read(example, line, image, sizeof image, message, sizeof message)) {
    case EXAMPLE_SKIPPED:
        return FOUNDRY_DONE;
    case EXAMPLE_NO_MEMORY:
        return FOUNDRY_E_NO_MEMORY;
    case EXAMPLE_BAD:
        return foundry_failf(host, call, FOUNDRY_PERMANENT, "bad_example", "",
                             "line %zu of the examples cannot be learnt from: %s", number, message);
    default:
        examples->count++;
        return scene_load(host, call, image, example);
    }
}

static size_t lines_count(const char *lines)
{
    size_t count = 1;
    for (; (lines = strchr(lines, '\n')) != NULL; lines++) {
        count++;
    }
    return count;
}

/** Read the examples, line by line; the newest where there are too many. */
static foundry_outcome_t examples_read(const foundry_host_t *host, foundry_call_t *call,
                                       char *lines, struct examples *examples)
{
    size_t number = 0, count = lines_count(lines);
    size_t skip = count > EXAMPLES_MAX ? count - EXAMPLES_MAX : 0;
    examples->items = calloc(count - skip + 1, sizeof *examples->items);
    if (examples->items == NULL) {
        return FOUNDRY_E_NO_MEMORY;
    }
    for (char *line = lines, *end; *line != '\0'; line = end) {
        end = line + strcspn(line, "\n");
        end += *end == '\n' ? (*end = '\0', 1) : 0;
        number++;
        if (number <= skip || line[strspn(line, " \t\r")] == '\0') {
            continue;
        }
        if (host->cancelled(call) != 0) {
            return FOUNDRY_CANCELLED;
        }
        char note[80];
        snprintf(note, sizeof note, "looking at picture %zu of %zu", number, count);
        host->progress(call, 0.4 * (double)number / (double)(count + 1), note);
        FOUNDRY_TRY(line_take(host, call, line, number, examples));
    }
    return FOUNDRY_DONE;
}

struct watch {
    const foundry_host_t *host;
    foundry_call_t *call;
};

static int watch_step(void *context, double fraction, const char *note)
{
    const struct watch *watch = context;
    watch->host->progress(watch->call, fraction, note);
    return watch->host->cancelled(watch->call) != 0;
}

static void number_member(foundry_json_t *json, const char *name, double value)
{
    foundry_json_key(json, name);
    foundry_json_number(json, value);
}

/** How good held-out pictures came out, and each of their detections. */
static foundry_outcome_t report(const foundry_host_t *host, foundry_call_t *call,
                                const struct examples *examples,
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
        foundry_json_object(&list);
        foundry_json_key(&list, "id");
        foundry_json_string(&list, examples->items[item->example].id);
        foundry_json_key(&list, "ptr");
        foundry_json_string(&list, item->pointer);
        number_member(&list, "confidence", item->confidence);
        foundry_json_key(&list, "right");
        foundry_json_raw(&list, item->right ? "true" : "false");
        foundry_json_end(&list);
    }
    foundry_json_end(&list);
    for (size_t i = 0; i < examples->count; i++) {
        poles += examples->items[i].truth_count;
    }
    double count = calibrations->count > 0 ? (double)calibrations->count : 1.0;
    foundry_json_object(&metrics);
    number_member(&metrics, "pictures", (double)examples->count);
    number_member(&metrics, "poles", (double)poles);
    number_member(&metrics, "held_out_values", (double)calibrations->count);
    number_member(&metrics, "held_out_right", (double)right / count);
    number_member(&metrics, "brier", squares / count);
    foundry_json_end(&metrics);
    foundry_outcome_t outcome = foundry_json_stage(&metrics, host, call, "/metrics");
    if (outcome == FOUNDRY_DONE) {
        outcome = foundry_json_stage(&list, host, call, "/calibration");
    }
    foundry_json_finish(&metrics);
    foundry_json_finish(&list);
    return outcome;
}

static foundry_outcome_t model_save(const foundry_host_t *host, foundry_call_t *call,
                                    const struct model *model)
{
    size_t size = 0;
    unsigned char *bytes = model_write(model, &size);
    if (bytes == NULL) {
        return FOUNDRY_E_NO_MEMORY;
    }
    foundry_outcome_t outcome =
        host->artifact_write(call, "model", "application/octet-stream", bytes, size);
    free(bytes);
    return outcome;
}

/** Train on what was read, and save. */
static foundry_outcome_t examples_train(const foundry_host_t *host, foundry_call_t *call,
                                        const struct examples *examples)
{
    struct watch context = {host, call};
    const struct train_watch watch = {watch_step, &context};
    struct model model;
    struct calibrations calibrations;
    foundry_outcome_t outcome = FOUNDRY_E_NO_MEMORY;
    enum train_status status = train_model(examples, &watch, &model, &calibrations);
    if (status == TRAIN_STOPPED) {
        outcome = FOUNDRY_CANCELLED;
    } else if (status == TRAIN_OK) {
        outcome = model_save(host, call, &model);
        if (outcome == FOUNDRY_DONE) {
            outcome = report(host, call, examples, &calibrations);
        }
    }
    model_finish(&model);
    calibrations_finish(&calibrations);
    return outcome;
}

static foundry_outcome_t train(const foundry_host_t *host, foundry_call_t *call)
{
    const char *name;
    struct examples examples = {.items = NULL};
    FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_RUN, "/training/examples", &name));
    foundry_text_t bytes;
    foundry_text_init(&bytes);
    foundry_outcome_t outcome = foundry_artifact_load(host, call, name, EXAMPLES_BYTES_MAX, &bytes);
    char *lines = outcome == FOUNDRY_DONE ? strdup(foundry_text_z(&bytes)) : NULL;
    foundry_text_finish(&bytes);
    if (outcome == FOUNDRY_DONE && lines == NULL) {
        outcome = FOUNDRY_E_NO_MEMORY;
    }
    if (outcome == FOUNDRY_DONE) {
        outcome = examples_read(host, call, lines, &examples);
    }
    free(lines);
    if (outcome == FOUNDRY_DONE && examples.count == 0) {
        outcome = foundry_failf(host, call, FOUNDRY_PERMANENT, "no_examples", "",
                                "there is no corrected picture to learn from: answer some reviews "
                                "first");
    }
    if (outcome == FOUNDRY_DONE) {
        outcome = examples_train(host, call, &examples);
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
