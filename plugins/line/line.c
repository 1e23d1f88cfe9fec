/* SPDX-License-Identifier: MIT */
/* line/judge: a line that was read, put right and told how sure it is, by what people corrected;
 * line/train learns that. See README.md. */
#include <foundry/helpers.h>
#include <foundry/json.h>
#include <foundry/plugin.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "judge.h"
#include "train.h"

enum { MODEL_BYTES_MAX = 256 << 20, NAME_SIZE = 256 };

/* A model stays parsed as long as it is the one that is asked for. */
struct self {
    char name[NAME_SIZE]; /* of the artifact; "": none */
    struct model model;
    struct verdict verdict;
};

static foundry_outcome_t judge_create(const foundry_host_t *host, foundry_call_t *call, void **self)
{
    (void)host;
    (void)call;
    *self = calloc(1, sizeof(struct self));
    return *self != NULL ? FOUNDRY_DONE : FOUNDRY_E_NO_MEMORY;
}

static void judge_destroy(void *instance)
{
    struct self *self = instance;
    model_finish(&self->model);
    free(self);
}

static foundry_outcome_t model_load(struct self *self, const foundry_host_t *host,
                                    foundry_call_t *call)
{
    const char *name = NULL;
    foundry_kind_t kind = FOUNDRY_KIND_NULL;
    foundry_text_t bytes;
    FOUNDRY_TRY(foundry_kind_get(host, call, FOUNDRY_DOC_CONFIG, "/model", &kind));
    if (kind == FOUNDRY_KIND_STRING) {
        FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_CONFIG, "/model", &name));
    }
    if (strcmp(name != NULL ? name : "", self->name) == 0) {
        return FOUNDRY_DONE;
    }
    self->name[0] = '\0';
    model_finish(&self->model);
    self->model = (struct model){.lines = 0};
    if (name == NULL) {
        return FOUNDRY_DONE;
    }
    foundry_text_init(&bytes);
    foundry_outcome_t outcome = foundry_artifact_load(host, call, name, MODEL_BYTES_MAX, &bytes);
    if (outcome == FOUNDRY_DONE) {
        const char *flaw =
            model_read(&self->model, (const unsigned char *)foundry_text_z(&bytes), bytes.size);
        if (flaw != NULL) {
            model_finish(&self->model);
            self->model = (struct model){.lines = 0};
            outcome = foundry_failf(host, call, FOUNDRY_PERMANENT, "bad_model", "/model",
                                    "%s is no model of line/judge: %s", name, flaw);
        } else if (strlen(name) < NAME_SIZE) {
            memcpy(self->name, name, strlen(name) + 1);
        }
    }
    foundry_text_finish(&bytes);
    return outcome;
}

/** Without a model: the mean confidence of the words, weighted by their letters. */
static double share_of(const struct line *line)
{
    double sum = 0, letters = 0;
    for (size_t i = 0; i < line->count; i++) {
        const double size = (double)strlen(line->words[i].text);
        sum += line->words[i].confidence * size;
        letters += size;
    }
    return letters > 0 ? sum / letters : 0;
}

static foundry_outcome_t origin_write(const foundry_host_t *host, foundry_call_t *call)
{
    foundry_origin_t origin = {.struct_size = sizeof origin};
    const char *name = NULL;
    FOUNDRY_TRY(foundry_text_default(host, call, FOUNDRY_DOC_CONFIG, "/image", "", &name));
    FOUNDRY_TRY(foundry_number_default(host, call, FOUNDRY_DOC_CONFIG, "/width", 0, &origin.width));
    FOUNDRY_TRY(
        foundry_number_default(host, call, FOUNDRY_DOC_CONFIG, "/height", 0, &origin.height));
    if (name[0] == '\0' || origin.width <= 0 || origin.height <= 0) {
        return FOUNDRY_DONE;
    }
    origin.artifact = name;
    return host->origin_set(call, "/text", &origin);
}

static foundry_outcome_t line_judge(struct self *self, const foundry_host_t *host,
                                    foundry_call_t *call, const struct line *line)
{
    struct verdict *verdict = &self->verdict;
    judge(&self->model, line, verdict);
    const double share =
        self->model.lines > 0 ? judge_share(&self->model, verdict->features) : share_of(line);
    const double inside = share < 0 ? 0 : share > 1 ? 1 : share;
    FOUNDRY_TRY(foundry_set_text(host, call, "/text", verdict->text));
    FOUNDRY_TRY(host->confidence_set(call, "/text", floor(inside * 10000 + 0.5) / 10000));
    return origin_write(host, call);
}

static foundry_outcome_t judge_process(void *instance, const foundry_host_t *host,
                                       foundry_call_t *call)
{
    struct self *self = instance;
    const char *words = NULL;
    struct line line;
    FOUNDRY_TRY(model_load(self, host, call));
    FOUNDRY_TRY(host->json_get(call, FOUNDRY_DOC_CONFIG, "/words", &words));
    struct json json = {.at = words};
    foundry_outcome_t outcome = FOUNDRY_E_NO_MEMORY;
    if (line_read(&line, &json) == 0) {
        outcome = json.failed ? foundry_failf(host, call, FOUNDRY_PERMANENT, "bad_words", "/words",
                                              "`words` are not as tesseract/line writes them")
                              : line_judge(self, host, call, &line);
    }
    line_finish(&line);
    return outcome;
}

static const foundry_phase_t judge_phase = {
    .struct_size = sizeof judge_phase,
    .name = "judge",
    .summary = "Put a line right by what people corrected, and tell how likely it is right",
    .config_schema =
        "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"words\"],"
        "\"properties\":{"
        "\"words\":{\"type\":\"array\",\"x-foundry-per-job\":true,\"items\":{\"type\":\"object\","
        "\"required\":[\"text\",\"confidence\"],\"properties\":{\"text\":{\"type\":\"string\"},"
        "\"confidence\":{\"type\":\"number\",\"minimum\":0,\"maximum\":1}}},"
        "\"description\":\"the words of the line, as tesseract/line writes them\"},"
        "\"image\":{\"type\":\"string\",\"default\":\"\",\"x-foundry-per-job\":true,"
        "\"description\":\"artifact: the picture, to show where the text stands\"},"
        "\"width\":{\"type\":\"number\",\"default\":0,\"x-foundry-per-job\":true,"
        "\"description\":\"of the picture, pixels\"},"
        "\"height\":{\"type\":\"number\",\"default\":0,\"x-foundry-per-job\":true,"
        "\"description\":\"of the picture, pixels\"},"
        "\"model\":{\"type\":[\"string\",\"null\"],\"default\":null,\"x-foundry-per-job\":true,"
        "\"description\":\"what line/train learned: ${models.NAME}\"}}}",
    .output_schema = "{\"type\":\"object\",\"required\":[\"text\"],\"properties\":{"
                     "\"text\":{\"type\":\"string\"}}}",
    .create = judge_create,
    .process = judge_process,
    .destroy = judge_destroy,
};

const foundry_plugin_t *foundry_plugin_entry(uint32_t host_abi)
{
    static const foundry_phase_t *const phases[] = {&judge_phase, NULL};
    static const foundry_trainer_t *const trainers[] = {&line_trainer, NULL};
    static const foundry_plugin_t plugin = {
        .struct_size = sizeof plugin,
        .abi = FOUNDRY_ABI_CURRENT,
        .abi_min = FOUNDRY_ABI_CURRENT,
        .id = "line",
        .version = "0.1.0",
        .summary = "Single lines of text: what of a reading can be trusted",
        .phases = phases,
        .trainers = trainers,
    };
    return host_abi >> 16 == 0 ? &plugin : NULL;
}
