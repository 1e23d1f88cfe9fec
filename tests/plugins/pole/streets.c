/* SPDX-License-Identifier: MIT */
#include "streets.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "trainer.h"

enum { ARTIFACTS_MAX = STREETS + 2 };

void sample_load(size_t number, const char *ending, struct fnd_text *bytes)
{
    struct fnd_text path = {0};
    struct fnd_error error = {0};
    fnd_text_printf(&path, "%s/pipelines/pole-detection/samples/pole-%03zu.%s",
                    getenv("FOUNDRY_SOURCE_ROOT"), number, ending);
    cr_assert_eq(fnd_file_read(AT_FDCWD, fnd_text_z(&path), 1 << 24, bytes, &error), FND_OK, "%s",
                 error.message);
    fnd_text_finish(&path);
}

struct fnd_json json_of(const char *text)
{
    struct fnd_json value = {0};
    struct fnd_error error = {0};
    cr_assert_eq(fnd_json_check(text, strlen(text), NULL, &value, &error), FND_OK, "%s: %s", text,
                 error.message);
    return value;
}

static struct fnd_schema *schema_of(const char *text)
{
    struct fnd_schema *schema = NULL;
    struct fnd_error error = {0};
    cr_assert_eq(fnd_schema_create("schema", text, strlen(text), &schema, &error), FND_OK, "%s",
                 error.message);
    return schema;
}

void detect(const struct fnd_text *image, const struct fnd_text *model, struct fnd_effects *effects)
{
    const foundry_phase_t *phase = foundry_plugin_entry(FOUNDRY_ABI_CURRENT)->phases[0];
    const struct fnd_call_artifact artifacts[] = {
        {"image", image->size, -1, fnd_text_z(image)},
        {"model", model == NULL ? 0 : model->size, -1, model == NULL ? "" : fnd_text_z(model)}};
    const struct fnd_call_input input = {
        .config = json_of(model == NULL ? "{\"image\":\"image\",\"model\":null,\"keep\":0.5}"
                                        : "{\"image\":\"image\",\"model\":\"model\",\"keep\":0.5}"),
        .run = json_of("{\"job\":\"j\",\"phase\":\"p\"}"),
        .artifacts = artifacts,
        .artifacts_count = 2};
    struct fnd_schema *config = schema_of(phase->config_schema);
    struct fnd_schema *output = schema_of(phase->output_schema);
    struct fnd_call_live live = {.cancelled = NULL};
    struct fnd_error error = {0};
    void *self = NULL;
    *effects = (struct fnd_effects){0};
    struct foundry_call *call = fnd_call_begin(&input, config, &live, effects);
    cr_assert_eq(phase->create(fnd_host_table(), call, &self), FOUNDRY_DONE);
    fnd_call_end(call, phase->process(self, fnd_host_table(), call));
    phase->destroy(self);
    if (effects->outcome == FOUNDRY_DONE) {
        cr_assert_eq(fnd_effects_check(effects, output, (struct fnd_json){0}, &error), FND_OK, "%s",
                     error.message);
    }
    fnd_schema_destroy(config);
    fnd_schema_destroy(output);
}

double confidence_of(const struct fnd_effects *effects, const char *pointer)
{
    for (size_t i = 0; i < effects->confidences_count; i++) {
        if (strcmp(effects->confidences[i].pointer, pointer) == 0) {
            return effects->confidences[i].score;
        }
    }
    return -1;
}

static bool said_yes(void *context)
{
    (void)context;
    return true;
}

void train_run(const struct fnd_text *lines, bool cancelled, struct fnd_effects *effects)
{
    struct fnd_call_artifact artifacts[ARTIFACTS_MAX] = {
        {"examples", lines->size, -1, fnd_text_z(lines)}, {"words", 5, -1, "words"}};
    struct fnd_text images[STREETS] = {{0}};
    char names[STREETS][16];
    for (size_t i = 0; i < STREETS; i++) {
        sample_load(i + 1, "jpg", &images[i]);
        snprintf(names[i], sizeof names[i], "street-%zu", i + 1);
        artifacts[i + 2] =
            (struct fnd_call_artifact){names[i], images[i].size, -1, fnd_text_z(&images[i])};
    }
    const struct fnd_call_input input = {
        .config = json_of("{}"),
        .run = json_of("{\"attempt\":1,\"training\":{\"model\":\"pole\",\"version\":1,"
                       "\"seed\":\"1\",\"examples\":\"examples\",\"previous\":null,"
                       "\"checkpoint\":null}}"),
        .artifacts = artifacts,
        .artifacts_count = ARTIFACTS_MAX};
    const struct fnd_call_live live = {.cancelled = cancelled ? said_yes : NULL};
    struct fnd_schema *schema = schema_of(pole_trainer.config_schema);
    *effects = (struct fnd_effects){0};
    struct foundry_call *call = fnd_call_begin(&input, schema, &live, effects);
    fnd_call_end(call, pole_trainer.train(fnd_host_table(), call));
    fnd_schema_destroy(schema);
    for (size_t i = 0; i < STREETS; i++) {
        fnd_text_finish(&images[i]);
    }
}

void examples_make(struct fnd_text *lines, size_t count, const char *human)
{
    for (size_t i = 1; i <= count; i++) {
        struct fnd_text truth = {0};
        sample_load(i, "truth.json", &truth);
        truth.bytes[strcspn(truth.bytes, "\n")] = '\0';
        fnd_text_printf(lines,
                        "{\"id\":\"street-%02zu\",\"split\":\"train\",\"tier\":\"gold\","
                        "\"verdict\":\"corrected\",\"with\":{\"image\":\"street-%zu\"},"
                        "\"output\":{\"boxes\":[]},\"human\":%s,\"reviewed\":null}\n",
                        i, i, human == NULL ? truth.bytes : human);
        fnd_text_finish(&truth);
    }
}

void model_train(const char *human, struct fnd_text *model)
{
    struct fnd_text lines = {0};
    struct fnd_effects effects;
    examples_make(&lines, STREETS, human);
    train_run(&lines, false, &effects);
    cr_assert_eq(effects.outcome, FOUNDRY_DONE, "%s", effects.message);
    cr_assert_eq(effects.artifacts_count, 1);
    cr_assert_str_eq(effects.artifacts[0].name, "model");
    fnd_text_append(model, effects.artifacts[0].bytes, effects.artifacts[0].size);
    fnd_effects_finish(&effects);
    fnd_text_finish(&lines);
}
