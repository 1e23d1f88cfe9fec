/* SPDX-License-Identifier: MIT */
/* invoice/train: corrected documents to a model for invoice/fields. */
#include "trainer.h"

#include <foundry/helpers.h>
#include <stdlib.h>

#include "example.h"
#include "train.h"

/* The examples as they are read. */
struct reading {
    const struct training *training;
    struct examples *examples;
    size_t capacity;
};

static foundry_outcome_t line_take(void *context, char *line, size_t number, size_t count)
{
    struct reading *reading = context;
    struct examples *examples = reading->examples;
    char message[256];
    (void)count;
    if (examples->count == EXAMPLES_MAX) {
        return foundry_failf(reading->training->host, reading->training->call, FOUNDRY_PERMANENT,
                             "too_many_examples", "", "there are more than %d examples",
                             EXAMPLES_MAX);
    }
    if (examples->count == reading->capacity) {
        size_t capacity = reading->capacity == 0 ? 64 : reading->capacity * 2;
        struct example *items = realloc(examples->items, capacity * sizeof *items);
        if (items == NULL) {
            return FOUNDRY_E_NO_MEMORY;
        }
        examples->items = items;
        reading->capacity = capacity;
    }
    struct example *example = &examples->items[examples->count];
    enum example_status status = example_read(example, line, message, sizeof message);
    if (status == EXAMPLE_OK) {
        examples->count++;
        return FOUNDRY_DONE;
    }
    example_finish(example);
    if (status == EXAMPLE_NO_MEMORY) {
        return FOUNDRY_E_NO_MEMORY;
    }
    return status == EXAMPLE_BAD ? training_refused(reading->training, number, message)
                                 : FOUNDRY_DONE;
}

/** How good held-out documents came out, and each field of those that were looked at as a whole:
 *  thresholds may be proved from these alone (see train_model()). */
static foundry_outcome_t report(const struct training *training, const struct examples *examples,
                                const struct calibrations *calibrations, const struct model *model)
{
    foundry_json_t metrics, list;
    size_t fields = 0, right = 0, whole = 0, strange = 0, strange_right = 0;
    double squares = 0.0;
    foundry_json_init(&metrics);
    foundry_json_init(&list);
    foundry_json_array(&list);
    for (size_t i = 0; i < calibrations->count; i++) {
        const struct calibration *item = &calibrations->items[i];
        const struct example *example = &examples->items[item->example];
        double error = item->confidence - (item->right ? 1.0 : 0.0);
        if (item->strange) {
            strange++;
            strange_right += item->right ? 1 : 0;
            continue; /* of the same documents, once more */
        }
        fields++;
        right += item->right ? 1 : 0;
        squares += error * error;
        if (!item->whole) {
            continue;
        }
        whole++;
        training_value(&list, example->id, item->pointer, item->confidence, item->right);
        foundry_json_key(&list, "group");
        foundry_json_string(&list, example->human.supplier);
        foundry_json_end(&list);
    }
    foundry_json_end(&list);
    double count = fields > 0 ? (double)fields : 1.0;
    foundry_json_object(&metrics);
    training_number(&metrics, "documents", (double)model->documents);
    training_number(&metrics, "suppliers", (double)model->knowledge.suppliers_count);
    training_number(&metrics, "goods", (double)model->knowledge.goods_count);
    training_number(&metrics, "held_out_fields", (double)fields);
    training_number(&metrics, "held_out_whole", (double)whole);
    training_number(&metrics, "held_out_right", (double)right / count);
    training_number(&metrics, "brier", squares / count);
    training_number(&metrics, "new_supplier_right",
                    strange > 0 ? (double)strange_right / (double)strange : 0.0);
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
            outcome = report(training, examples, &calibrations, &model);
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
    struct reading reading = {&training, &examples, 0};
    foundry_outcome_t outcome = training_lines(&training, line_take, &reading);
    if (outcome == FOUNDRY_DONE && examples.count == 0) {
        outcome = foundry_failf(host, call, FOUNDRY_PERMANENT, "no_examples", "",
                                "there is no corrected document to learn from: answer some reviews "
                                "first");
    }
    if (outcome == FOUNDRY_DONE) {
        outcome = examples_train(&training, &examples);
    }
    examples_finish(&examples);
    return outcome;
}

const foundry_trainer_t invoice_trainer = {
    .struct_size = sizeof invoice_trainer,
    .name = "train",
    .summary = "Learn from corrected invoices what invoice/fields should find",
    .config_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{}}",
    .train = train,
};
