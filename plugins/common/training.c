/* SPDX-License-Identifier: MIT */
#include "training.h"

#include <foundry/helpers.h>
#include <stdlib.h>
#include <string.h>

enum { EXAMPLES_BYTES_MAX = 1 << 30 };

int training_step(void *context, double fraction, const char *note)
{
    const struct training *training = context;
    training->host->progress(training->call, fraction, note);
    return training->host->cancelled(training->call) != 0;
}

static foundry_outcome_t lines_take(const struct training *training, char *lines,
                                    training_line_t take, void *context)
{
    size_t number = 0, count = 1;
    for (const char *at = lines; (at = strchr(at, '\n')) != NULL; at++) {
        count++;
    }
    for (char *line = lines, *end; *line != '\0'; line = end) {
        end = line + strcspn(line, "\n");
        end += *end == '\n' ? (*end = '\0', 1) : 0;
        number++;
        if (line[strspn(line, " \t\r")] == '\0') {
            continue;
        }
        if (training->host->cancelled(training->call) != 0) {
            return FOUNDRY_CANCELLED;
        }
        FOUNDRY_TRY(take(context, line, number, count));
    }
    return FOUNDRY_DONE;
}

foundry_outcome_t training_lines(const struct training *training, training_line_t take,
                                 void *context)
{
    const char *name;
    foundry_text_t bytes;
    FOUNDRY_TRY(
        training->host->text_get(training->call, FOUNDRY_DOC_RUN, "/training/examples", &name));
    foundry_text_init(&bytes);
    foundry_outcome_t outcome =
        foundry_artifact_load(training->host, training->call, name, EXAMPLES_BYTES_MAX, &bytes);
    if (outcome == FOUNDRY_DONE && bytes.bytes != NULL) {
        outcome = lines_take(training, bytes.bytes, take, context);
    }
    foundry_text_finish(&bytes);
    return outcome;
}

foundry_outcome_t training_refused(const struct training *training, size_t number,
                                   const char *message)
{
    return foundry_failf(training->host, training->call, FOUNDRY_PERMANENT, "bad_example", "",
                         "line %zu of the examples cannot be learnt from: %s", number, message);
}

foundry_outcome_t training_save(const struct training *training, unsigned char *bytes, size_t size)
{
    if (bytes == NULL) {
        return FOUNDRY_E_NO_MEMORY;
    }
    foundry_outcome_t outcome = training->host->artifact_write(
        training->call, "model", "application/octet-stream", bytes, size);
    free(bytes);
    return outcome;
}

void training_number(foundry_json_t *json, const char *name, double value)
{
    foundry_json_key(json, name);
    foundry_json_number(json, value);
}

void training_value(foundry_json_t *list, const char *id, const char *pointer, double confidence,
                    int right)
{
    foundry_json_object(list);
    foundry_json_key(list, "id");
    foundry_json_string(list, id);
    foundry_json_key(list, "ptr");
    foundry_json_string(list, pointer);
    training_number(list, "confidence", confidence);
    foundry_json_key(list, "right");
    foundry_json_boolean(list, right);
}

foundry_outcome_t training_report(const struct training *training, foundry_json_t *metrics,
                                  foundry_json_t *calibration)
{
    foundry_outcome_t outcome =
        foundry_json_stage(metrics, training->host, training->call, "/metrics");
    if (outcome == FOUNDRY_DONE) {
        outcome = foundry_json_stage(calibration, training->host, training->call, "/calibration");
    }
    foundry_json_finish(metrics);
    foundry_json_finish(calibration);
    return outcome;
}
