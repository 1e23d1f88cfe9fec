/* SPDX-License-Identifier: MIT */
/* `models:` of a pipeline file, and ${models.NAME}. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

/* A phase that reads model m, and the gate that reviews it; `models:` stands at line 8. */
#define WITH(with)                                                                                 \
    HEAD "phases:\n  - id: extract\n    uses: demo/learn\n    with: " with                         \
         "\n  - {id: review, uses: foundry/gate, with: {of: extract}}\nmodels:\n"
#define PHASES WITH("{text: x, model: '${models.m}'}")
#define KNOWN "  m:\n    phase: extract\n    of: review\n"
#define MODEL PHASES KNOWN "    trainer: {uses: demo/train}\n"

static const struct {
    const char *yaml, *codes;
} bad[] = {
    /* the map and its names */
    {PHASES "  m: 5\n", "9:6:wrong_type"},
    {PHASES "  m: [{phase: extract}]\n", "9:6:wrong_type"},
    {PHASES "  m: {}\n", "9:6:missing_key 9:6:missing_key 9:6:missing_key"},
    {MODEL "    trainr: {}\n", "13:5:unknown_key"},
    {MODEL "  m: {phase: extract, of: review, trainer: {uses: demo/train}}\n",
     "13:3:duplicate_key"},
    {MODEL "  Big:\n    phase: extract\n    of: review\n    trainer: {uses: demo/train}\n",
     "13:3:bad_name 14:12:invalid_value"},
    {MODEL "    phase: extract\n", "13:5:duplicate_key"},
    /* what comes later is told by name */
    {MODEL "    shadow: 105%\n", "13:13:invalid_value"},
    {MODEL "    shadow: []\n", "13:13:wrong_type"},
    /* a trainer is a plugin's or a program */
    {PHASES KNOWN "    trainer: {}\n", "12:14:missing_key"},
    {PHASES KNOWN "    trainer: {uses: demo/train, command: [x]}\n", "12:21:invalid_value"},
    {PHASES KNOWN "    trainer: {uses: demo/train, env: {A: b}}\n", "12:38:invalid_value"},
    {PHASES KNOWN "    trainer: {command: x}\n", "12:24:wrong_type"},
    {PHASES KNOWN "    trainer: {command: []}\n", "12:24:invalid_value"},
    {PHASES KNOWN "    trainer: {command: [x, 5, '']}\n", "12:28:wrong_type 12:31:wrong_type"},
    {PHASES KNOWN "    trainer: {command: [./not-there.sh]}\n", "12:25:bad_file"},
    {PHASES KNOWN "    trainer: {command: [x, '${input.file}']}\n", "12:28:bad_reference"},
    {PHASES KNOWN "    trainer: {command: [x], env: {1A: b, B-C: d, E: 5}}\n",
     "12:35:bad_name 12:42:bad_name 12:53:wrong_type"},
    /* the phases */
    {PHASES "  m: {phase: extrct, of: review, trainer: {uses: demo/train}}\n",
     "9:14:unknown_phase"},
    {PHASES "  m: {phase: extract, of: revew, trainer: {uses: demo/train}}\n",
     "9:27:unknown_phase"},
    {PHASES "  m: {phase: 5, of: [review], trainer: {uses: demo/train}}\n",
     "9:14:wrong_type 9:21:wrong_type"},
    {PHASES "  m: {phase: extract, of: extract, trainer: {uses: demo/train}}\n",
     "9:27:invalid_value"},
    {WITH("{text: x}") KNOWN "    trainer: {uses: demo/train}\n", "10:12:invalid_value"},
    {WITH("{text: x, model: m}") KNOWN "    trainer: {uses: demo/train}\n", "10:12:invalid_value"},
    /* of an engine's own phase there are no runs to learn from */
    {HEAD "phases:\n  - {id: extract, uses: demo/learn, with: {text: x}}\n"
          "  - id: first\n    uses: foundry/gate\n    with:\n      of: extract\n      detectors:\n"
          "        - {uses: demo/doubt, with: {below: 1, hint: '${models.m}'}}\n"
          "  - {id: second, uses: foundry/gate, with: {of: first}}\nmodels:\n"
          "  m: {phase: first, of: second, trainer: {uses: demo/train}}\n",
     "13:14:invalid_value"},
    /* who reads it */
    {WITH("{text: x, model: '${models.n}'}") KNOWN "    trainer: {uses: demo/train}\n",
     "6:28:bad_reference 10:12:invalid_value"},
    {WITH("{text: x, model: '${models}'}") KNOWN "    trainer: {uses: demo/train}\n",
     "6:28:bad_reference 10:12:invalid_value"},
    {WITH("{text: x, model: '${models.m.hash}'}") KNOWN "    trainer: {uses: demo/train}\n",
     "6:28:bad_reference 10:12:invalid_value"},
    {WITH("{text: x, key: '${models.m}'}") KNOWN "    trainer: {uses: demo/train}\n",
     "6:26:not_per_job"},
    {ONE "    with: {a: '${models.m}'}\n", "6:15:bad_reference"},
    {MODEL "export: {sft: {format: gemini, prompt: '${models.m}'}}\n", "13:40:bad_reference"},
    /* its examples hold the phase's `with` */
    {WITH("{text: x, model: '${models.m}', key: '${secrets.KEY}'}") KNOWN
     "    trainer: {uses: demo/train}\n",
     "6:48:secret_in_examples"},
    {WITH("{text: 'a ${input.name} ${secrets.B} ${secrets.C}', model: '${models.m}', "
          "list: [x, {y: '${secrets.D}'}]}") KNOWN "    trainer: {uses: demo/train}\n",
     "6:18:secret_in_examples 6:99:secret_in_examples"},
    {HEAD "phases:\n  - id: extract\n    uses: foundry/gaet\n    with: {model: '${models.m}'}\n"
          "  - {id: review, uses: foundry/gate, with: {of: extract}}\nmodels:\n" KNOWN
          "    trainer: {uses: demo/train}\n",
     "5:11:unknown_phase"},
    {MODEL "  n: {phase: third, of: review, trainer: {uses: demo/train}}\n", "13:14:unknown_phase"},
    /* the trainer */
    {PHASES KNOWN "    trainer: demo/train\n", "12:14:wrong_type"},
    {PHASES KNOWN "    trainer: {}\n", "12:14:missing_key"},
    {PHASES KNOWN "    trainer: {uses: 5}\n", "12:21:wrong_type"},
    {PHASES KNOWN "    trainer: {uses: demo}\n", "12:21:invalid_value"},
    {PHASES KNOWN "    trainer: {uses: nowhere/train}\n", "12:21:unknown_plugin"},
    {PHASES KNOWN "    trainer: {uses: broken/train}\n", "12:21:bad_plugin"},
    {PHASES KNOWN "    trainer: {uses: demo/trian}\n", "12:21:unknown_trainer"},
    {PHASES KNOWN "    trainer: {uses: demo/learn}\n", "12:21:unknown_trainer"},
    {PHASES KNOWN "    trainer: {uses: other/train}\n", "12:21:unknown_trainer"},
    {PHASES KNOWN "    trainer: {uses: demo/saver}\n", "12:21:grant_unsupported"},
    {PHASES KNOWN "    trainer: {uses: demo/reader}\n", "12:21:grant_unsupported"},
    {PHASES KNOWN "    trainer: {uses: demo/train, with: 5}\n", "12:39:wrong_type"},
    {PHASES KNOWN "    trainer: {uses: demo/train, with: {epochs: 0}}\n", "12:48:invalid_value"},
    {PHASES KNOWN "    trainer: {uses: demo/train, with: {epoch: 1}}\n", "12:40:unknown_key"},
    {PHASES KNOWN "    trainer: {uses: demo/train, with: {note: '${input.name}'}}\n",
     "12:46:not_per_job"},
    {PHASES KNOWN "    trainer: {uses: demo/train, with: {note: '${secrets.KEY}'}}\n",
     "12:46:not_per_job"},
    {PHASES KNOWN "    trainer: {uses: demo/train, with: {note: '${models.m}'}}\n",
     "12:46:not_per_job"},
    {PHASES KNOWN "    trainer: {uses: demo/train, with: {note: '${nothing.x}'}}\n",
     "12:46:bad_reference"},
    {PHASES KNOWN "    trainer: {uses: demo/train, timeout: 60}\n", "12:42:bad_duration"},
    {PHASES KNOWN "    trainer: {uses: demo/train, timeout: 0s}\n", "12:42:bad_duration"},
    {PHASES KNOWN "    trainer: {uses: demo/train, timeout: 8d}\n", "12:42:bad_duration"},
    {PHASES KNOWN "    trainer: {uses: demo/train, timeout: [1h]}\n", "12:42:bad_duration"},
    /* when */
    {MODEL "    when: weekly\n", "13:11:wrong_type"},
    {MODEL "    when: {}\n", "13:11:missing_key"},
    {MODEL "    when: {age: 7d, cooldown: 1h}\n", "13:11:missing_key"},
    {MODEL "    when: {correction: 5, corrections: 5}\n", "13:12:unknown_key"},
    {MODEL "    when: {corrections: 0}\n", "13:25:invalid_value"},
    {MODEL "    when: {corrections: -1}\n", "13:25:invalid_value"},
    {MODEL "    when: {corrections: 1.5}\n", "13:25:invalid_value"},
    {MODEL "    when: {corrections: 1000000001}\n", "13:25:invalid_value"},
    {MODEL "    when: {corrections: 99999999999999999999}\n", "13:25:invalid_value"},
    {MODEL "    when: {corrections: many}\n", "13:25:wrong_type"},
    {MODEL "    when: {corrections: 5%}\n", "13:25:wrong_type"},
    {MODEL "    when: {corrections: 5, age: 7}\n", "13:33:bad_duration"},
    {MODEL "    when: {corrections: 5, age: 7 days}\n", "13:33:bad_duration"},
    {MODEL "    when: {corrections: 5, age: 3651d}\n", "13:33:bad_duration"},
    {MODEL "    when: {corrections: 5, age: -1d}\n", "13:33:bad_duration"},
    {MODEL "    when: {corrections: 5, cooldown: 60}\n", "13:38:bad_duration"},
    {MODEL "    when: {corrections: 5, cooldown: 2%}\n", "13:38:bad_duration"},
    {MODEL "    when: {corrections: 5, cooldown: 3651d}\n", "13:38:bad_duration"},
    {MODEL "    when: {audited_error: 2s}\n", "13:27:invalid_value"},
    {MODEL "    when: {audited_error: 101%}\n", "13:27:invalid_value"},
    {MODEL "    when: {audited_error: -1%}\n", "13:27:invalid_value"},
    {MODEL "    when: {audited_error: 2}\n", "13:27:invalid_value"},
    {MODEL "    when: {audited_error: true}\n", "13:27:invalid_value"},
    {MODEL "    when: {audited_error: [2%]}\n", "13:27:wrong_type"},
    /* pool */
    {MODEL "    pool: GPU 0\n", "13:11:bad_name"},
    {MODEL "    pool: ''\n", "13:11:bad_name"},
    {MODEL "    pool: 0\n", "13:11:wrong_type"},
    /* promote */
    {MODEL "    promote: never\n", "13:14:wrong_type"},
    {MODEL "    promote: {maximum: 5}\n", "13:15:unknown_key"},
    {MODEL "    promote: {minimum: 0}\n", "13:24:invalid_value"},
    {MODEL "    promote: {minimum: 2.5}\n", "13:24:invalid_value"},
    {MODEL "    promote: {minimum: 5%}\n", "13:24:wrong_type"},
    {MODEL "    promote: {window: 0}\n", "13:23:invalid_value"},
    {MODEL "    promote: {window: 2000000000}\n", "13:23:invalid_value"},
    {MODEL "    promote: {alpha: 0}\n", "13:22:invalid_value"},
    {MODEL "    promote: {alpha: 0.5}\n", "13:22:invalid_value"},
    {MODEL "    promote: {alpha: -0.05}\n", "13:22:invalid_value"},
    {MODEL "    promote: {alpha: 1e999}\n", "13:22:invalid_value"},
    {MODEL "    promote: {alpha: 5%}\n", "13:22:wrong_type"},
    /* several mistakes of one pass, each once */
    {PHASES "  m:\n    phase: review\n    of: review\n    trainer: {uses: demo/train, timeout: 1}\n"
            "    when: {age: 1}\n    pool: A\n    promote: {alpha: 7}\n",
     "10:12:invalid_value 11:9:invalid_value 12:42:bad_duration 13:11:missing_key "
     "13:17:bad_duration 14:11:bad_name 15:22:invalid_value"},
};

Test(test_models, a_wrong_entry_is_refused_at_its_places)
{
    struct fixture *fixture = fixture_create();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct fnd_pipeline *pipeline = fixture_load(fixture, bad[i].yaml);
        char *codes = fixture_codes(fixture);
        cr_expect_null(pipeline, "row %zu was accepted:\n%s", i, bad[i].yaml);
        cr_expect_str_eq(codes, bad[i].codes, "row %zu:\n%s\nexpected %s\nfound    %s\n%s", i,
                         bad[i].yaml, bad[i].codes, codes,
                         fixture->errors.count > 0 ? fixture->errors.list[0].message : "");
        free(codes);
        fnd_pipeline_destroy(pipeline);
    }
    fixture_destroy(fixture);
}

static const struct {
    const char *yaml, *code, *part;
} said[] = {
    {PHASES "  m: {phase: extrat, of: review, trainer: {uses: demo/train}}\n", "unknown_phase",
     "did you mean `extract`?"},
    {PHASES "  m: {phase: extract, of: extract, trainer: {uses: demo/train}}\n", "invalid_value",
     "phase `extract` does not review `extract`"},
    {PHASES "  m: {phase: review, of: review, trainer: {uses: demo/train}}\n", "invalid_value",
     "phase `review` is foundry/gate, one of the engine's own"},
    {WITH("{text: x}") KNOWN "    trainer: {uses: demo/train}\n", "invalid_value",
     "its `with` must hold `\"${models.m}\"`"},
    {WITH("{text: x, model: '${models.invioce}'}") "  invoice: {}\n", "bad_reference",
     "the pipeline has no such model (did you mean `invoice`?); there are invoice"},
    {ONE "    with: {a: '${models.m}'}\n", "bad_reference", "the pipeline has no `models:`"},
    {ONE "    with: {a: '${modles.m}'}\n", "bad_reference", "did you mean `models`?"},
    {WITH("{text: x, model: '${models.m}', key: 'k ${secrets.KEY}'}") KNOWN
     "    trainer: {uses: demo/train}\n",
     "secret_in_examples", "`k ${secrets.KEY}`: phase `extract` teaches model `m`"},
    {PHASES KNOWN "    trainer: {uses: demo/trian}\n", "unknown_trainer",
     "did you mean `train`?); it has train, saver, reader"},
    {PHASES KNOWN "    trainer: {uses: demo/learn}\n", "unknown_trainer", "`learn` is a phase"},
    {PHASES KNOWN "    trainer: {uses: demo/doubt}\n", "unknown_trainer", "`doubt` is a detector"},
    {PHASES KNOWN "    trainer: {uses: other/train}\n", "unknown_trainer", "it has none"},
    {HEAD "phases:\n  - {id: a, uses: demo/train}\n", "unknown_phase",
     "`train` is a trainer, to be named as the `trainer` of one of the pipeline's `models`"},
    {PHASES KNOWN "    trainer: {uses: demo/saver}\n", "grant_unsupported",
     "demo/saver writes files, which no trainer can be granted"},
    {PHASES KNOWN "    trainer: {uses: demo/reader}\n", "grant_unsupported",
     "demo/reader reads /opt/models/a, which no trainer can be granted"},
    {PHASES KNOWN "    trainer: {uses: demo/train, with: {note: 'x ${run.job}'}}\n", "not_per_job",
     "only constants and ${params.…} can stand in it, not `x ${run.job}`"},
    {PHASES KNOWN "    trainer: {uses: demo/train, with: {note: '${nothing.x}'}}\n",
     "bad_reference", "there are extract, review, input"},
    {PHASES KNOWN "    trainer: {uses: demo/train, timeout: 8d}\n", "bad_duration",
     "more than 0 and at most 7d"},
    {PHASES KNOWN "    trainer: {uses: demo/train, command: [x]}\n", "invalid_value",
     "either a plugin's, `uses`, or a program, `command`"},
    {PHASES KNOWN "    trainer: {command: [x, 5]}\n", "wrong_type", "write numbers as \"2\""},
    {PHASES KNOWN "    trainer: {command: [./a/../../b]}\n", "invalid_value",
     "must lie beside the pipeline file or below it"},
    {MODEL "    shadow: some\n", "invalid_value", "`shadow` is some, must be a share such as 5%"},
    {MODEL "    when: {age: 7d}\n", "missing_key", "neither `corrections` nor `audited_error`"},
    {MODEL "    when: {corrections: 2000000000}\n", "invalid_value",
     "must be a whole number from 1 to 1000000000"},
    {MODEL "    when: {corrections: 5, age: 7}\n", "bad_duration", "`age` is 7 without a unit"},
    {MODEL "    when: {audited_error: 200%}\n", "invalid_value", "must be a share such as 5%"},
    {MODEL "    promote: {alpha: 0.5}\n", "invalid_value", "above 0 and below 0.5"},
    {MODEL "    pool: A\n", "bad_name", "`A` cannot be a pool's name"},
    {PHASES "  M: {}\n", "bad_name", "`M` cannot be a model's name"},
};

Test(test_models, a_message_says_what_would_do)
{
    struct fixture *fixture = fixture_create();
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        cr_expect_null(fixture_load(fixture, said[i].yaml));
        const char *message = fixture_message(fixture, said[i].code);
        cr_expect_not_null(strstr(message, said[i].part), "row %zu: `%s` does not say `%s`", i,
                           message, said[i].part);
    }
    fixture_destroy(fixture);
}

/* So many models, each read by a phase of its own that a gate reviews. */
static char *many(int count)
{
    struct fnd_text yaml = {0};
    fnd_text_append_z(&yaml, HEAD "phases:\n");
    for (int i = 0; i < count; i++) {
        fnd_text_printf(&yaml,
                        "  - {id: p%d, uses: demo/learn, with: {text: x, model: '${models.m%d}'}}\n"
                        "  - {id: r%d, uses: foundry/gate, with: {of: p%d}}\n",
                        i, i, i, i);
    }
    fnd_text_append_z(&yaml, "models:\n");
    for (int i = 0; i < count; i++) {
        fnd_text_printf(&yaml, "  m%d: {phase: p%d, of: r%d, trainer: {uses: demo/train}}\n", i, i,
                        i);
    }
    return fnd_text_take(&yaml);
}

Test(test_models, there_are_at_most_sixteen)
{
    struct fixture *fixture = fixture_create();
    char *yaml = many(FND_MODELS_MAX);
    struct fnd_pipeline *pipeline = fixture_good(fixture, yaml);
    cr_assert_eq(pipeline->models_count, FND_MODELS_MAX);
    for (size_t i = 0; i < FND_MODELS_MAX; i++) {
        cr_expect_eq(pipeline->models[i].phase, (int32_t)(2 * i));
        cr_expect_eq(pipeline->models[i].of, (int32_t)(2 * i + 1));
        cr_expect_eq(pipeline->phases[2 * i].models, UINT64_C(1) << i);
    }
    fnd_pipeline_destroy(pipeline);
    free(yaml);
    yaml = many(FND_MODELS_MAX + 1);
    cr_assert_null(fixture_load(fixture, yaml));
    char *codes = fixture_codes(fixture);
    cr_expect_str_eq(codes, "39:3:limit", "that there are too many is the one mistake");
    cr_expect_not_null(
        strstr(fixture_message(fixture, "limit"), "has 17 models, at most 16 are taken"));
    free(codes);
    free(yaml);
    fixture_destroy(fixture);
}

/* --- what is read ---------------------------------------------------------------------------- */

Test(test_models, a_whole_entry_is_read)
{
    struct fixture *fixture = fixture_create();
    struct fnd_pipeline *pipeline =
        fixture_good(fixture, WITH("{text: x, model: '${models.m}'}") KNOWN
                     "    trainer: {uses: demo/train, timeout: 90m,\n"
                     "              with: {epochs: '${params.e}', note: 'at ${params.e}'}}\n"
                     "    when: {corrections: 100, age: 7d, audited_error: 2%, cooldown: 0s}\n"
                     "    pool: gpu-0\n"
                     "    promote: {minimum: 1, alpha: 0.01, window: 1000000000}\n"
                     "params: {e: {type: integer, default: 12}}\n");
    const struct fnd_model *model = fnd_pipeline_model(pipeline, "m");
    cr_assert_eq(model, &pipeline->models[0]);
    cr_assert_null(fnd_pipeline_model(pipeline, "n"));
    cr_assert_eq(pipeline->models_count, 1);
    cr_assert_str_eq(model->name, "m");
    cr_assert_eq(model->line, 9);
    cr_assert_eq(model->phase, 0);
    cr_assert_eq(model->of, 1);
    cr_assert_eq(pipeline->phases[0].models, 1);
    cr_assert_eq(pipeline->phases[1].models, 0);
    cr_assert_eq(model->timeout_ms, 90 * 60 * 1000);
    cr_assert(model->triggered);
    cr_assert_eq(model->corrections, 100);
    cr_assert_eq(model->age_ms, INT64_C(7) * 24 * 3600 * 1000);
    cr_assert_eq(model->audited_error, 0.02);
    cr_assert_eq(model->cooldown_ms, 0);
    cr_assert_str_eq(model->pool, "gpu-0");
    cr_assert_eq(model->minimum, 1);
    cr_assert_eq(model->window, 1000000000);
    cr_assert_eq(model->alpha, 0.01);
    const struct fnd_callee *callee = &model->trainer.callee;
    cr_assert_eq(callee->kind, FND_CALLEE_TRAINER);
    cr_assert_str_eq(callee->plugin, "demo");
    cr_assert_str_eq(callee->name, "train");
    cr_assert_eq(callee->isolation, FND_ISOLATION_PROCESS);
    cr_assert_eq(callee->limits.memory_bytes,
                 4 * pipeline->phases[0].bound.callee.limits.memory_bytes,
                 "a trainer holds all examples");
    cr_assert_str_eq(model->trainer.with.json, "{\"epochs\":12,\"note\":\"at 12\"}");
    fnd_pipeline_destroy(pipeline);
    fixture_destroy(fixture);
}

Test(test_models, what_an_entry_does_not_say_has_a_standard)
{
    struct fixture *fixture = fixture_create();
    struct fnd_pipeline *pipeline = fixture_good(fixture, MODEL);
    const struct fnd_model *model = fnd_pipeline_model(pipeline, "m");
    cr_assert_eq(model->timeout_ms, 2 * 3600 * 1000);
    cr_assert_not(model->triggered, "by hand only");
    cr_assert_eq(model->corrections, 0);
    cr_assert_eq(model->age_ms, 0);
    cr_assert_lt(model->audited_error, 0);
    cr_assert_eq(model->cooldown_ms, FND_COOLDOWN_STANDARD_MS);
    cr_assert_str_eq(model->pool, "cpu");
    cr_assert_eq(model->minimum, FND_PROMOTE_MINIMUM);
    cr_assert_eq(model->window, FND_PROMOTE_WINDOW);
    cr_assert_eq(model->alpha, FND_PROMOTE_ALPHA);
    cr_assert_str_eq(model->trainer.with.json, "{\"epochs\":3}");
    fnd_pipeline_destroy(pipeline);
    pipeline = fixture_good(fixture, MODEL "    when: {audited_error: 0%}\n    promote: {}\n");
    model = fnd_pipeline_model(pipeline, "m");
    cr_assert(model->triggered);
    cr_assert_eq(model->corrections, 0, "corrections are not counted");
    cr_assert_eq(model->audited_error, 0);
    cr_assert_eq(model->minimum, FND_PROMOTE_MINIMUM);
    fnd_pipeline_destroy(pipeline);
    pipeline = fixture_good(fixture, ONE "models: {}\n");
    cr_assert_eq(pipeline->models_count, 0);
    cr_assert_null(fnd_pipeline_model(pipeline, "m"));
    fnd_pipeline_destroy(pipeline);
    fixture_destroy(fixture);
}

/* One phase may read several models, and others may read one that is not learned for them. */
Test(test_models, who_reads_what_is_known)
{
    struct fixture *fixture = fixture_create();
    struct fnd_pipeline *pipeline = fixture_good(
        fixture,
        HEAD "phases:\n"
             "  - {id: a, uses: demo/any, with: {x: '${models.two}', y: ['${models.one}']}}\n"
             "  - {id: b, uses: demo/learn, with: {text: x, model: '${models.one}'}}\n"
             "  - {id: c, uses: demo/learn, with: {text: x, key: '${secrets.K}'}}\n"
             "  - id: r\n    uses: foundry/gate\n    with:\n      of: a\n      detectors:\n"
             "        - {uses: demo/doubt, with: {below: 1, hint: '${models.two}'}}\n"
             "models:\n"
             "  one: {phase: a, of: r, trainer: {uses: demo/train}}\n"
             "  two: {phase: a, of: r, trainer: {uses: './local.so#train'}}\n");
    cr_assert_eq(pipeline->phases[0].models, 3);
    cr_assert_eq(pipeline->phases[1].models, 1);
    cr_assert_eq(pipeline->phases[2].models, 0, "and it may read a secret");
    cr_assert(fnd_bound_secret(&pipeline->phases[2].bound));
    cr_assert_not(fnd_bound_secret(&pipeline->phases[0].bound));
    cr_assert_eq(pipeline->phases[3].models, 2, "its detectors read for it");
    cr_assert_str_eq(pipeline->models[1].trainer.info->path, "/home/local.so");
    fnd_pipeline_destroy(pipeline);
    fixture_destroy(fixture);
}

Test(test_models, a_reference_is_the_name_of_what_works_or_null)
{
    static const struct {
        const char *with, *documents, *config, *part;
    } rows[] = {
        {"{text: x, model: '${models.m}'}", "{\"models\":{\"m\":\"m-3f2a\"}}",
         "{\"model\":\"m-3f2a\",\"text\":\"x\"}", NULL},
        {"{text: x, model: '${models.m}'}", "{\"models\":{\"m\":null}}",
         "{\"model\":null,\"text\":\"x\"}", NULL},
        {"{text: x, model: \"${models['m']}\"}", "{\"models\":{\"m\":null}}",
         "{\"model\":null,\"text\":\"x\"}", NULL},
        {"{text: 'by ${models.m}'}", "{\"models\":{\"m\":\"m-3f2a\"}}",
         "{\"model\":null,\"text\":\"by m-3f2a\"}", NULL},
        {"{text: 'by ${models.m}'}", "{\"models\":{\"m\":null}}", NULL,
         "`${models.m}` is null and stands inside a text"},
        {"{text: '${models.m}'}", "{\"models\":{\"m\":null}}", NULL, "it is `${models.m}`"},
        {"{text: x, model: '${models.m}'}", "{\"models\":{}}", NULL,
         "`${models.m}` leads nowhere: `models` is an object"},
        {"{text: x, model: '${models.m}'}", "{}", NULL, "`models` has no value at this visit"},
    };
    struct fixture *fixture = fixture_create();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fnd_text yaml = {0};
        struct fnd_error error = {0};
        fnd_text_printf(&yaml, WITH("%s") KNOWN "    trainer: {uses: demo/train}\n", rows[i].with);
        struct fnd_pipeline *pipeline = fixture_good(fixture, fnd_text_z(&yaml));
        struct fnd_bound *bound = &pipeline->phases[0].bound;
        cr_assert_eq(fnd_bound_arm(bound, NULL, &error), FND_OK);
        cr_expect_null(strstr(bound->constant, "models"), "create() knows no model of a job");
        char *config = fixture_resolve(bound, rows[i].documents, &error);
        if (rows[i].config != NULL) {
            cr_expect_str_eq(config != NULL ? config : error.message, rows[i].config, "row %zu", i);
        } else {
            cr_expect_null(config, "row %zu gave %s", i, config);
            cr_expect_not_null(strstr(error.message, rows[i].part), "row %zu: %s", i,
                               error.message);
        }
        free(config);
        fnd_pipeline_destroy(pipeline);
        fnd_text_finish(&yaml);
    }
    fixture_destroy(fixture);
}

/* --- the pin --------------------------------------------------------------------------------- */

static const char two[] =
    HEAD "params: {e: {type: integer, default: 12}}\nphases:\n"
         "  - {id: z, uses: demo/learn, with: {text: x, model: '${models.zeta}'}}\n"
         "  - {id: zr, uses: foundry/gate, with: {of: z}}\n"
         "  - {id: a, uses: demo/learn, with: {text: x, model: '${models.alpha}'}}\n"
         "  - {id: ar, uses: foundry/gate, with: {of: a}}\n"
         "models:\n"
         "  zeta: {phase: z, of: zr, trainer: {uses: demo/train, with: {epochs: '${params.e}'}}}\n"
         "  alpha: {phase: a, of: ar, trainer: {uses: './local.so#train'},\n"
         "          when: {corrections: 5, age: 90m, audited_error: 2.50%}, pool: gpu,\n"
         "          promote: {alpha: 0.010}}\n";

Test(test_models, a_pin_has_them_all)
{
    struct fixture *fixture = fixture_create();
    struct fnd_pipeline *first = fixture_good(fixture, two);
    struct fnd_pipeline *second = fixture_load_pin(fixture, first->pin);
    cr_assert_not_null(second, "%s", fixture->errors.list[0].message);
    cr_assert_str_eq(first->pin, second->pin);
    cr_assert_eq(second->models_count, 2);
    cr_assert_str_eq(first->models[0].name, "zeta");
    cr_assert_str_eq(second->models[0].name, "alpha", "a pin keeps its keys sorted");
    for (size_t i = 0; i < 2; i++) {
        const struct fnd_model *a = &first->models[i];
        const struct fnd_model *b = fnd_pipeline_model(second, a->name);
        cr_assert_not_null(b);
        cr_expect_eq(a->phase, b->phase);
        cr_expect_eq(a->of, b->of);
        cr_expect_eq(a->triggered, b->triggered);
        cr_expect_eq(a->corrections, b->corrections);
        cr_expect_eq(a->age_ms, b->age_ms);
        cr_expect_eq(a->audited_error, b->audited_error);
        cr_expect_eq(a->alpha, b->alpha);
        cr_expect_str_eq(a->pool, b->pool);
        cr_expect_str_eq(a->trainer.with.json, b->trainer.with.json);
        cr_expect_arr_eq(a->trainer.callee.hash, b->trainer.callee.hash, FND_DIGEST_SIZE);
        cr_expect_eq(second->phases[b->phase].models, UINT64_C(1) << (b - second->models),
                     "phase and model are matched anew");
    }
    fixture->gone = true;
    cr_assert_null(fixture_load_pin(fixture, first->pin));
    cr_assert_str_eq(fixture->errors.list[0].code, "missing_plugin");
    fnd_pipeline_destroy(first);
    fnd_pipeline_destroy(second);
    fixture_destroy(fixture);
}

static const struct {
    const char *old, *new, *lines;
} changes[] = {
    {MODEL, MODEL, ""},
    {MODEL, MODEL "# a comment\n", ""},
    {MODEL "    when: {corrections: 20, age: 7d}\n",
     MODEL "    when: {age: 7d, corrections: 100}\n", "models/m/when/corrections: 20 → 100\n"},
    {MODEL, MODEL "    when: {corrections: 20}\n", "models/m/when: added {\"corrections\":20}\n"},
    {MODEL "    when: {audited_error: 2%}\n", MODEL,
     "models/m/when: removed, was {\"audited_error\":\"2%\"}\n"},
    {MODEL "    promote: {alpha: 0.05}\n    pool: cpu\n",
     MODEL "    promote: {alpha: 0.01}\n    pool: gpu\n",
     "models/m/pool: cpu → gpu\nmodels/m/promote/alpha: 0.05 → 0.01\n"},
    {MODEL, PHASES KNOWN "    trainer: {uses: './local.so#train'}\n",
     "models/m/trainer/uses: demo/train → ./local.so#train\n"
     "plugin ./local.so added 1.2.0 1c1c1c1c1c1c…\n"},
    {WITH("{text: x}") "  {}\n", MODEL,
     "models/m: added {\"of\":\"review\",\"phase\":\"extract\",\"trainer\":{\"uses\":"
     "\"demo/train\"}}\nphases/extract/with/model: added ${models.m}\n"},
};

Test(test_models, a_changed_entry_is_told)
{
    struct fixture *fixture = fixture_create();
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct fnd_text lines = {0};
        struct fnd_pipeline *old = fixture_good(fixture, changes[i].old);
        struct fnd_pipeline *new = fixture_good(fixture, changes[i].new);
        const struct fnd_json a = {old->pin, strlen(old->pin)}, b = {new->pin, strlen(new->pin)};
        size_t count = 0;
        for (const char *at = changes[i].lines; *at != '\0'; at++) {
            count += *at == '\n' ? 1 : 0;
        }
        cr_expect_eq(fnd_pin_diff(a, b, &lines), count, "row %zu", i);
        cr_expect_str_eq(fnd_text_z(&lines), changes[i].lines, "row %zu:\n%s", i,
                         fnd_text_z(&lines));
        cr_expect_eq(memcmp(old->pin_hash, new->pin_hash, FND_DIGEST_SIZE) == 0, count == 0);
        fnd_text_finish(&lines);
        fnd_pipeline_destroy(old);
        fnd_pipeline_destroy(new);
    }
    fixture_destroy(fixture);
}
