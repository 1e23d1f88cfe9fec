/* SPDX-License-Identifier: MIT */
/* invoice/train: corrected documents to a model for invoice/fields. */
#include "trainer.h"

#include <foundry/helpers.h>
#include <stdlib.h>
#include <string.h>

#include "example.h"
#include "train.h"

enum { EXAMPLES_BYTES_MAX = 1 << 30 };

/** Read the examples, line by line. */
static foundry_outcome_t examples_read(const foundry_host_t *host, foundry_call_t *call,
                                       char *lines, struct examples *examples)
{
    size_t number = 0, capacity = 0;
    for (char *line = lines, *end; *line != '\0'; line = end) {
        char message[256];
        end = line + strcspn(line, "\n");
        end += *end == '\n' ? (*end = '\0', 1) : 0;
        number++;
        if (line[strspn(line, " \t\r")] == '\0') {
            continue;
        }
        if (examples->count == EXAMPLES_MAX) {
            return foundry_failf(host, call, FOUNDRY_PERMANENT, "too_many_examples", "",
                                 "there are more than %d examples", EXAMPLES_MAX);
        }
        if (examples->count == capacity) {
            capacity = capacity == 0 ? 64 : capacity * 2;
            struct example *items = realloc(examples->items, capacity * sizeof *items);
            if (items == NULL) {
                return FOUNDRY_E_NO_MEMORY;
            }
            examples->items = items;
        }
        struct example *example = &examples->items[examples->count];
        enum example_status status = example_read(example, line, message, sizeof message);
        if (status == EXAMPLE_OK) {
            examples->count++;
            continue;
        }
        example_finish(example);
        if (status == EXAMPLE_NO_MEMORY) {
            return FOUNDRY_E_NO_MEMORY;
        }
        if (status == EXAMPLE_BAD) {
            return foundry_failf(host, call, FOUNDRY_PERMANENT, "bad_example", "",
                                 "line %zu of the examples cannot be learnt from: %s", number,
                                 message);
        }
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

/** How good held-out documents came out, and each field of those that were looked at as a whole:
 *  thresholds may be proved from these alone (see train_model()). */
static foundry_outcome_t report(const foundry_host_t *host, foundry_call_t *call,
                                const struct examples *examples,
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
        foundry_json_object(&list);
        foundry_json_key(&list, "id");
        foundry_json_string(&list, example->id);
        foundry_json_key(&list, "ptr");
        foundry_json_string(&list, item->pointer);
        number_member(&list, "confidence", item->confidence);
        foundry_json_key(&list, "right");
        foundry_json_raw(&list, item->right ? "true" : "false");
        foundry_json_key(&list, "group");
        foundry_json_string(&list, example->human.supplier);
        foundry_json_end(&list);
    }
    foundry_json_end(&list);
    double count = fields > 0 ? (double)fields : 1.0;
    foundry_json_object(&metrics);
    number_member(&metrics, "documents", (double)model->documents);
    number_member(&metrics, "suppliers", (double)model->knowledge.suppliers_count);
    number_member(&metrics, "goods", (double)model->knowledge.goods_count);
    number_member(&metrics, "held_out_fields", (double)fields);
    number_member(&metrics, "held_out_whole", (double)whole);
    number_member(&metrics, "held_out_right", (double)right / count);
    number_member(&metrics, "brier", squares / count);
    number_member(&metrics, "new_supplier_right",
                  strange > 0 ? (double)strange_right / (double)strange : 0.0);
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
            outcome = report(host, call, examples, &calibrations, &model);
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
                                "there is no corrected document to learn from: answer some reviews "
                                "first");
    }
    if (outcome == FOUNDRY_DONE) {
        outcome = examples_train(host, call, &examples);
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
