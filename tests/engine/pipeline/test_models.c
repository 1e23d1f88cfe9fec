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
    {MODEL "    shadow: 5%\n", "13:5:not_yet"},
    {PHASES KNOWN "    trainer: {command: [./train.sh]}\n", "12:14:missing_key 12:15:not_yet"},
    {PHASES KNOWN "    trainer: {uses: demo/train, command: [x]}\n", "12:33:not_yet"},
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
    {PHASES KNOWN "    trainer: {uses: demo/train, command: [x]}\n", "not_yet",
     "`command` comes in a later release"},
    {MODEL "    shadow: 5%\n", "not_yet", "`shadow` comes in a later release"},
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
