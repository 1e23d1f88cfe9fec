/* SPDX-License-Identifier: MIT
 *
 * A plugin that is right and wrong as a test says. `say` gives document N the values that it has,
 * {"name": "doc N", "total_cost": N}, but for those that its model (or, without one, its rules)
 * gets wrong; `train` writes the model that its config says. A model is text, a rule each line:
 *
 *     tutor 1
 *     name 3 9       wrong in documents 3 to 9
 *     total_cost 12 12
 *
 * Where its first line is another the phase says so and fails.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "foundry/helpers.h"

static foundry_outcome_t tutor_create(const foundry_host_t *host, foundry_call_t *call, void **self)
{
    static char nothing;
    (void)host;
    (void)call;
    *self = &nothing;
    return FOUNDRY_DONE;
}

static void tutor_destroy(void *self)
{
    (void)self;
}

static int wrong(const char *rules, const char *field, int n)
{
    char name[32];
    int from = 0, to = 0;
    for (const char *line = rules; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (sscanf(line, "%31s %d %d", name, &from, &to) == 3 && strcmp(name, field) == 0 &&
            n >= from && n <= to) {
            return 1;
        }
    }
    return 0;
}

static foundry_outcome_t tutor_say(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    enum { MODEL_MAX = 4096 };
    const char *rules = NULL, *name = NULL;
    char model[MODEL_MAX + 1] = "", text[64];
    double number = 0;
    size_t size = 0;
    foundry_kind_t kind = FOUNDRY_KIND_NULL;
    (void)self;
    FOUNDRY_TRY(host->number_get(call, FOUNDRY_DOC_CONFIG, "/n", &number));
    FOUNDRY_TRY(foundry_text_default(host, call, FOUNDRY_DOC_CONFIG, "/rules", "", &rules));
    FOUNDRY_TRY(foundry_kind_get(host, call, FOUNDRY_DOC_CONFIG, "/model", &kind));
    if (kind == FOUNDRY_KIND_STRING) {
        FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_CONFIG, "/model", &name));
        FOUNDRY_TRY(host->artifact_read(call, name, 0, model, MODEL_MAX, &size));
        model[size] = '\0';
        if (strncmp(model, "tutor 1\n", 8) != 0) {
            return foundry_failf(host, call, FOUNDRY_PERMANENT, "bad_model", "/model",
                                 "%s is no model: it does not begin with \"tutor 1\"", name);
        }
        rules = model;
    }
    const int n = (int)number;
    snprintf(text, sizeof text, "%s %d", wrong(rules, "name", n) ? "someone" : "doc", n);
    FOUNDRY_TRY(foundry_set_text(host, call, "/name", text));
    FOUNDRY_TRY(foundry_set_number(host, call, "/total_cost",
                                   wrong(rules, "total_cost", n) ? -number : number));
    FOUNDRY_TRY(host->confidence_set(call, "/name", 0.97));
    return host->confidence_set(call, "/total_cost", 0.96);
}

static foundry_outcome_t tutor_train(const foundry_host_t *host, foundry_call_t *call)
{
    const char *model = NULL;
    FOUNDRY_TRY(foundry_text_default(host, call, FOUNDRY_DOC_CONFIG, "/model", "", &model));
    if (model[0] == '\0') {
        return foundry_failf(host, call, FOUNDRY_PERMANENT, "nothing_to_teach", "/model",
                             "there is no model to write");
    }
    return host->artifact_write(call, "model", "text/plain", model, strlen(model));
}

static const foundry_phase_t say_phase = {
    .struct_size = sizeof say_phase,
    .name = "say",
    .summary = "Give a document its values",
    .config_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"n\"],"
                     "\"properties\":{\"n\":{\"type\":\"number\",\"x-foundry-per-job\":true},"
                     "\"rules\":{\"type\":\"string\"},"
                     "\"model\":{\"type\":[\"string\",\"null\"],\"default\":null,"
                     "\"x-foundry-per-job\":true}}}",
    .output_schema = "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},"
                     "\"total_cost\":{\"type\":\"number\"}}}",
    .create = tutor_create,
    .process = tutor_say,
    .destroy = tutor_destroy,
};

static const foundry_trainer_t model_trainer = {
    .struct_size = sizeof model_trainer,
    .name = "train",
    .summary = "Write the model that the config says",
    .config_schema = "{\"type\":\"object\",\"additionalProperties\":false,"
                     "\"properties\":{\"model\":{\"type\":\"string\"}}}",
    .train = tutor_train,
};

const foundry_plugin_t *foundry_plugin_entry(uint32_t host_abi)
{
    static const foundry_phase_t *const phases[] = {&say_phase, NULL};
    static const foundry_trainer_t *const trainers[] = {&model_trainer, NULL};
    static const foundry_plugin_t plugin = {.struct_size = sizeof plugin,
                                            .abi = FOUNDRY_ABI_CURRENT,
                                            .abi_min = FOUNDRY_ABI_CURRENT,
                                            .id = "tutor",
                                            .version = "1.0.0",
                                            .summary = "Right and wrong as a test says",
                                            .phases = phases,
                                            .trainers = trainers};
    return host_abi >> 16 == 0 ? &plugin : NULL;
}
