/* SPDX-License-Identifier: MIT */
/* line/judge: a line that was read, put right and told how sure it is, by what people corrected;
 * line/train learns that. See README.md. */
#include <foundry/helpers.h>
#include <foundry/json.h>
#include <foundry/plugin.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "at_hand.h"
#include "judge.h"
#include "train.h"

enum { MODEL_BYTES_MAX = 256 << 20 };

struct self {
    struct at_hand at_hand;
    struct model model;
    struct verdict verdict;
};

static int kind_read(void *model, const unsigned char *bytes, size_t size, char *message,
                     size_t message_size)
{
    return model_read(model, bytes, size, message, message_size);
}

static void kind_finish(void *model)
{
    model_finish(model);
}

static const struct model_kind model_kind = {MODEL_BYTES_MAX, kind_read, kind_finish};

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
    at_hand_finish(&self->at_hand, &self->model, &model_kind);
    free(self);
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

static foundry_outcome_t line_judge(struct self *self, const struct model *model,
                                    const foundry_host_t *host, foundry_call_t *call,
                                    const struct line *line)
{
    struct verdict *verdict = &self->verdict;
    judge(model, line, verdict);
    const double share = model->lines > 0 ? judge_share(model, verdict->features) : share_of(line);
    const double inside = share < 0 ? 0 : share > 1 ? 1 : share;
    FOUNDRY_TRY(foundry_set_text(host, call, "/text", verdict->text));
    FOUNDRY_TRY(host->confidence_set(call, "/text", floor(inside * 10000 + 0.5) / 10000));
    return origin_write(host, call);
}

static foundry_outcome_t judge_process(void *instance, const foundry_host_t *host,
                                       foundry_call_t *call)
{
    struct self *self = instance;
    const struct model none = {.lines = 0};
    const char *words = NULL;
    struct line line;
    int there;
    FOUNDRY_TRY(at_hand_load(&self->at_hand, &self->model, &model_kind, host, call, &there));
    FOUNDRY_TRY(host->json_get(call, FOUNDRY_DOC_CONFIG, "/words", &words));
    struct json json = {.at = words};
    foundry_outcome_t outcome = FOUNDRY_E_NO_MEMORY;
    if (line_read(&line, &json) == 0) {
        outcome = json.failed ? foundry_failf(host, call, FOUNDRY_PERMANENT, "bad_words", "/words",
                                              "`words` are not as tesseract/line writes them")
                              : line_judge(self, there ? &self->model : &none, host, call, &line);
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
