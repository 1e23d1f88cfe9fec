/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

/* One visit to phase 0 of a pipeline, with a hand-made result of its call. */
struct scene {
    struct fixture *fixture;
    struct fnd_pipeline *pipeline;
    struct fixture_scope scope;
    struct fnd_visit visit;
};

static const char documents[] =
    "{\"input\":{\"file\":\"input\",\"name\":\"a.png\",\"page\":\"p\\u00e4ge\"},"
    "\"run\":{\"job\":\"j\",\"attempt\":1}}";

static const struct fnd_call_artifact artifacts[] = {
    {.name = "input", .size = 3, .fd = -1, .bytes = "abc"},
    {.name = "page-1", .size = 1, .fd = -1, .bytes = "x"},
    {.name = "p\xc3\xa4ge", .size = 1, .fd = -1, .bytes = "y"},
};

static void scene_begin(struct scene *scene, const char *yaml)
{
    struct fnd_error error = {0};
    *scene = (struct scene){.fixture = fixture_create()};
    scene->pipeline = fixture_good(scene->fixture, yaml);
    const struct fnd_phase *phase = &scene->pipeline->phases[0];
    fnd_bound_arm(&scene->pipeline->phases[0].bound, NULL, &error);
    fixture_scope_init(&scene->scope, documents);
    static const char run[] = "{\"job\":\"j\"}", answers[] = "{\"k\":1}";
    scene->visit = (struct fnd_visit){
        .pipeline = scene->pipeline,
        .phase = phase,
        .scope = &scene->scope.scope,
        .artifacts = artifacts,
        .artifacts_count = sizeof artifacts / sizeof artifacts[0],
        .run = {run, sizeof run - 1},
        .answers = {answers, sizeof answers - 1},
    };
    phase->kind->begin(&scene->visit);
}

static void scene_end(struct scene *scene)
{
    fnd_visit_finish(&scene->visit);
    fnd_pipeline_destroy(scene->pipeline);
    fixture_destroy(scene->fixture);
}

#define VISIT HEAD "phases:\n  - id: a\n    uses: demo/upper\n    timeout: 5s\n    with: "

static struct fnd_pool_call *only_call(struct scene *scene)
{
    cr_assert_eq(scene->visit.calls_count, 1, "%s", scene->visit.error.message);
    return scene->visit.calls[0];
}

Test(test_visit, a_plugins_phase_is_one_call)
{
    struct scene scene;
    scene_begin(&scene, VISIT "{text: '${input.file}'}\n");
    const struct fnd_pool_call *call = only_call(&scene);
    cr_assert_eq(call->callee, &scene.pipeline->phases[0].bound.callee);
    cr_assert_eq(call->timeout_ms, 5000);
    cr_assert(!call->input.detector);
    cr_assert(!call->input.create);
    char *config = fnd_strndup(call->input.config.bytes, call->input.config.size);
    cr_assert_str_eq(config, "{\"lang\":\"eng\",\"options\":{\"deep\":false},\"text\":\"input\"}");
    free(config);
    cr_assert_null(call->input.subject.bytes);
    cr_assert_eq(call->input.run.bytes, scene.visit.run.bytes);
    cr_assert_eq(call->input.answers.bytes, scene.visit.answers.bytes);
    cr_assert_eq(call->input.artifacts_count, 1, "only what the config names");
    cr_assert_str_eq(call->input.artifacts[0].name, "input");
    scene_end(&scene);
}

Test(test_visit, artifacts_go_along_when_the_config_names_them)
{
    static const struct {
        const char *with;
        size_t count;
        const char *first;
    } rows[] = {
        {"{text: nothing}", 0, NULL},
        {"{text: page-1}", 1, "page-1"},
        {"{text: 'x ${input.file}'}", 0, NULL},
        {"{text: '${input.page}'}", 1, "p\xc3\xa4ge"}, /* written with an escape */
        {"{text: '${input.file}', list: [page-1, 'a\"b\\c']}", 2, "input"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene;
        struct fnd_text yaml = {0};
        fnd_text_printf(&yaml, VISIT "%s\n", rows[i].with);
        scene_begin(&scene, fnd_text_z(&yaml));
        const struct fnd_pool_call *call = only_call(&scene);
        cr_expect_eq(call->input.artifacts_count, rows[i].count, "row %zu", i);
        if (rows[i].count > 0 && call->input.artifacts_count > 0) {
            cr_expect_str_eq(call->input.artifacts[0].name, rows[i].first);
        }
        fnd_text_finish(&yaml);
        scene_end(&scene);
    }
}

Test(test_visit, a_config_that_does_not_come_together_is_decided_at_once)
{
    static const struct {
        const char *with;
        enum fnd_verdict_visit verdict;
        const char *code;
    } rows[] = {
        {"{text: '${input.gone}'}", FND_VISIT_FAULT, "bad_reference"},
        {"{text: '${input}'}", FND_VISIT_FAULT, "invalid_config"},
        {"{text: x, key: '${secrets.NONE}'}", FND_VISIT_HOLD, "missing_secret"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene;
        struct fnd_text yaml = {0};
        fnd_text_printf(&yaml, VISIT "%s\n", rows[i].with);
        scene_begin(&scene, fnd_text_z(&yaml));
        cr_expect_eq(scene.visit.calls_count, 0);
        cr_expect_eq(scene.visit.verdict, rows[i].verdict);
        cr_expect_str_eq(scene.visit.error.code, rows[i].code);
        cr_expect(rows[i].verdict != FND_VISIT_FAULT || scene.visit.fault == FND_RETRY_PERMANENT);
        fnd_text_finish(&yaml);
        scene_end(&scene);
    }
}

static void output_set(struct fnd_effects *effects, const char *json)
{
    effects->output = fnd_strdup(json);
    effects->output_size = strlen(json);
}

Test(test_visit, done_is_an_output_with_its_marks)
{
    struct scene scene;
    scene_begin(&scene, VISIT "{text: x}\n");
    struct fnd_pool_call *call = only_call(&scene);
    call->end = FND_CALL_RETURNED;
    call->effects.outcome = FOUNDRY_DONE;
    output_set(&call->effects, "{\"text\":\"X\",\"words\":[{\"at\":1}]}");
    call->effects.confidences = fnd_alloc(sizeof call->effects.confidences[0]);
    call->effects.confidences[0] = (struct fnd_confidence){fnd_strdup("/text"), 0.75};
    call->effects.confidences_count = 1;
    call->effects.artifacts = fnd_alloc(sizeof call->effects.artifacts[0]);
    call->effects.artifacts[0] = (struct fnd_staged_artifact){
        fnd_strdup("page"), fnd_strdup("text/plain"), fnd_strdup("hello"), 5};
    call->effects.artifacts_count = 1;
    fnd_text_append_z(&call->effects.log, "I read 1 word\n");
    call->effects.log_lines_dropped = 3;
    scene.visit.phase->kind->finish(&scene.visit);
    cr_assert_eq(scene.visit.verdict, FND_VISIT_OUTPUT, "%s", scene.visit.error.message);
    cr_assert_str_eq(scene.visit.body, "{\"text\":\"X\",\"words\":[{\"at\":1}]}");
    cr_assert_str_eq(scene.visit.meta, "{\"confidence\":{\"/text\":0.75}}");
    cr_assert_eq(scene.visit.staged_count, 1);
    cr_assert_str_eq(scene.visit.staged[0].name, "page");
    cr_assert_str_eq(scene.visit.staged[0].media_type, "text/plain");
    cr_assert_eq(scene.visit.staged[0].size, 5);
    cr_assert_str_eq(fnd_text_z(&scene.visit.log),
                     "I read 1 word\nW 3 further log lines were dropped\n");
    scene_end(&scene);
}

Test(test_visit, done_without_a_word_is_an_empty_output)
{
    struct scene scene;
    scene_begin(&scene, VISIT "{text: x}\n");
    struct fnd_pool_call *call = only_call(&scene);
    call->end = FND_CALL_RETURNED;
    scene.visit.phase->kind->finish(&scene.visit);
    cr_assert_eq(scene.visit.verdict, FND_VISIT_OUTPUT);
    cr_assert_str_eq(scene.visit.body, "{}");
    cr_assert_null(scene.visit.meta);
    scene_end(&scene);
}

Test(test_visit, pause_is_a_request)
{
    struct scene scene;
    scene_begin(&scene, VISIT "{text: x}\n");
    struct fnd_pool_call *call = only_call(&scene);
    struct fnd_effects *effects = &call->effects;
    call->end = FND_CALL_RETURNED;
    effects->outcome = FOUNDRY_PAUSE;
    effects->questions = fnd_alloc(2 * sizeof effects->questions[0]);
    effects->questions[0] = (struct fnd_question){.key = fnd_strdup("k1"),
                                                  .kind = fnd_strdup("LINK"),
                                                  .question = fnd_strdup("Which \"one\"?"),
                                                  .pointer = fnd_strdup("/text"),
                                                  .has_pointer = true,
                                                  .context = fnd_strdup("{\"a\":1.10}"),
                                                  .answer_schema = fnd_strdup("{\"type\":"
                                                                              "\"string\"}")};
    effects->questions[1] = (struct fnd_question){.key = fnd_strdup("k2"),
                                                  .kind = fnd_strdup(""),
                                                  .question = fnd_strdup("All?"),
                                                  .pointer = fnd_strdup("")};
    effects->questions_count = 2;
    scene.visit.phase->kind->finish(&scene.visit);
    cr_assert_eq(scene.visit.verdict, FND_VISIT_ASK, "%s", scene.visit.error.message);
    cr_assert_str_eq(scene.visit.body,
                     "{\"origin\":\"phase\",\"phase\":\"a\",\"questions\":["
                     "{\"key\":\"k1\",\"kind\":\"LINK\",\"question\":\"Which \\\"one\\\"?\","
                     "\"pointer\":\"/text\",\"context\":{\"a\":1.10},\"schema\":{\"type\":"
                     "\"string\"}},"
                     "{\"key\":\"k2\",\"kind\":\"\",\"question\":\"All?\"}]}");
    scene_end(&scene);
}

/* --- what goes wrong ------------------------------------------------------------------------- */

Test(test_visit, an_end_without_result_is_a_verdict_of_its_own)
{
    static const struct {
        enum fnd_call_end end;
        enum fnd_status status;
        enum fnd_verdict_visit verdict;
        unsigned fault;
        const char *code;
    } rows[] = {
        {FND_CALL_CRASHED, FND_PLUGIN, FND_VISIT_FAULT, FND_RETRY_CRASH, "crash"},
        {FND_CALL_TIMEOUT, FND_PLUGIN, FND_VISIT_FAULT, FND_RETRY_TIMEOUT, "timeout"},
        {FND_CALL_REFUSED, FND_PLUGIN, FND_VISIT_FAULT, FND_RETRY_PERMANENT, "refused"},
        {FND_CALL_REFUSED, FND_NOT_FOUND, FND_VISIT_HOLD, 0, "missing_plugin"},
        {FND_CALL_REFUSED, FND_DAMAGED, FND_VISIT_HOLD, 0, "damaged_plugin"},
        {FND_CALL_HELD, FND_DENIED, FND_VISIT_HOLD, 0, "quarantined"},
        {FND_CALL_LOST, FND_OK, FND_VISIT_AGAIN, 0, ""},
        {FND_CALL_CANCELLED, FND_OK, FND_VISIT_AGAIN, 0, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene;
        scene_begin(&scene, VISIT "{text: x}\n");
        struct fnd_pool_call *call = only_call(&scene);
        call->end = rows[i].end;
        if (rows[i].status != FND_OK) {
            fnd_error_set(&call->error, rows[i].status, "signal 11 (SIGSEGV)");
        }
        if (rows[i].end == FND_CALL_HELD) {
            fnd_error_code(&call->error, "quarantined");
        }
        fnd_text_append_z(&call->noise, "oops\n\x1b[31mred");
        scene.visit.phase->kind->finish(&scene.visit);
        cr_expect_eq(scene.visit.verdict, rows[i].verdict, "row %zu", i);
        cr_expect_eq(scene.visit.fault, rows[i].fault, "row %zu", i);
        cr_expect_str_eq(scene.visit.error.code, rows[i].code, "row %zu", i);
        cr_expect(rows[i].status == FND_OK ||
                  strcmp(scene.visit.error.message, "signal 11 (SIGSEGV)") == 0);
        cr_expect_str_eq(fnd_text_z(&scene.visit.log),
                         "W printed: oops\nW printed: \\x1b[31mred\n");
        cr_expect_null(scene.visit.body);
        scene_end(&scene);
    }
}

Test(test_visit, a_plugins_failure_says_whether_to_try_again)
{
    static const struct {
        foundry_outcome_t outcome;
        const char *code, *message;
        unsigned fault;
        const char *code_expected;
        uint64_t retry_after_ms;
    } rows[] = {
        {FOUNDRY_RETRYABLE, "busy", "the model is busy", FND_RETRY_TRANSIENT, "busy", 1500},
        {FOUNDRY_PERMANENT, "no_text", "the page is empty", FND_RETRY_PERMANENT, "no_text", 0},
        {FOUNDRY_PERMANENT, NULL, NULL, FND_RETRY_PERMANENT, "invalid_failure", 0},
        {FOUNDRY_CANCELLED, "cancelled", "stopped", FND_RETRY_PERMANENT, "cancelled_unasked", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene;
        scene_begin(&scene, VISIT "{text: x}\n");
        struct fnd_pool_call *call = only_call(&scene);
        call->end = FND_CALL_RETURNED;
        call->effects.outcome = rows[i].outcome;
        call->effects.code = rows[i].code != NULL ? fnd_strdup(rows[i].code) : NULL;
        call->effects.message = rows[i].message != NULL ? fnd_strdup(rows[i].message) : NULL;
        call->effects.pointer = fnd_strdup("/text");
        call->effects.retry_after_ms = 1500;
        scene.visit.phase->kind->finish(&scene.visit);
        cr_expect_eq(scene.visit.verdict, FND_VISIT_FAULT);
        cr_expect_eq(scene.visit.fault, rows[i].fault, "row %zu", i);
        cr_expect_str_eq(scene.visit.error.code, rows[i].code_expected, "row %zu: %s", i,
                         scene.visit.error.message);
        cr_expect_eq(scene.visit.retry_after_ms, rows[i].retry_after_ms);
        if (rows[i].code != NULL && strcmp(rows[i].code, rows[i].code_expected) == 0) {
            cr_expect_str_eq(scene.visit.error.message, rows[i].message);
            cr_expect_str_eq(scene.visit.fault_pointer, "/text");
        }
        scene_end(&scene);
    }
}

Test(test_visit, a_call_that_was_told_to_stop_is_visited_again)
{
    struct scene scene;
    scene_begin(&scene, VISIT "{text: x}\n");
    struct fnd_pool_call *call = only_call(&scene);
    call->end = FND_CALL_RETURNED;
    call->effects.outcome = FOUNDRY_CANCELLED;
    call->cancelled = true;
    scene.visit.phase->kind->finish(&scene.visit);
    cr_assert_eq(scene.visit.verdict, FND_VISIT_AGAIN);
    scene_end(&scene);
}

Test(test_visit, an_output_against_its_schema_is_the_plugins_fault)
{
    struct scene scene;
    scene_begin(&scene, VISIT "{text: x}\n");
    struct fnd_pool_call *call = only_call(&scene);
    call->end = FND_CALL_RETURNED;
    output_set(&call->effects, "{\"text\":7}");
    scene.visit.phase->kind->finish(&scene.visit);
    cr_assert_eq(scene.visit.verdict, FND_VISIT_FAULT);
    cr_assert_eq(scene.visit.fault, FND_RETRY_PERMANENT);
    cr_assert_str_eq(scene.visit.error.code, "invalid_output");
    cr_assert_not_null(strstr(scene.visit.error.message, "/text"), "%s", scene.visit.error.message);
    cr_assert_null(scene.visit.body);
    scene_end(&scene);
}

Test(test_visit, a_detector_reads_the_subject_and_no_answers)
{
    struct fixture *fixture = fixture_create();
    struct fnd_pipeline *pipeline = fixture_good(
        fixture, ONE "  - {id: r, uses: foundry/gate, with: {of: a, detectors: [{uses: demo/doubt, "
                     "with: {below: 0.5, hint: '${a.h}'}}]}}\n");
    const struct gate *gate = pipeline->phases[1].prepared;
    struct fixture_scope scope;
    struct fnd_error error = {0};
    static const char subject[] = "{\"x\":1}", marks[] = "{\"confidence\":{\"/x\":0.1}}";
    fixture_scope_init(&scope, "{\"a\":{\"h\":\"page-1\"}}");
    struct fnd_visit visit = {.pipeline = pipeline,
                              .phase = &pipeline->phases[1],
                              .scope = &scope.scope,
                              .artifacts = artifacts,
                              .artifacts_count = sizeof artifacts / sizeof artifacts[0],
                              .answers = {subject, sizeof subject - 1}};
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(fnd_visit_call(&visit, &gate->detectors[0],
                                    (struct fnd_json){subject, sizeof subject - 1},
                                    (struct fnd_json){marks, sizeof marks - 1}, &error),
                     FND_OK);
    }
    cr_assert_eq(visit.calls_count, 2);
    const struct fnd_call_input *input = &visit.calls[1]->input;
    cr_assert(input->detector);
    cr_assert_eq(input->subject.bytes, subject);
    cr_assert_eq(input->marks.bytes, marks);
    cr_assert_null(input->answers.bytes);
    cr_assert_eq(input->artifacts_count, 1);
    cr_assert_eq(fnd_visit_call(&visit, &gate->detectors[0], (struct fnd_json){0},
                                (struct fnd_json){0}, &error),
                 FND_OK);
    fixture_scope_init(&scope, "{}");
    cr_assert_eq(fnd_visit_call(&visit, &gate->detectors[0], (struct fnd_json){0},
                                (struct fnd_json){0}, &error),
                 FND_NOT_FOUND);
    cr_assert_eq(visit.calls_count, 3, "nothing is added");
    fnd_visit_finish(&visit);
    fnd_pipeline_destroy(pipeline);
    fixture_destroy(fixture);
}

Test(test_visit, a_detector_is_told_the_folder_it_was_granted)
{
    struct fixture *fixture = fixture_create();
    struct fnd_pipeline *pipeline =
        fixture_good(fixture, ONE "  - {id: r, uses: foundry/gate, grant: {write: out}, "
                                  "with: {of: a, detectors: [{uses: demo/files}, "
                                  "{uses: demo/doubt, with: {below: 0.5}}]}}\n");
    const struct gate *gate = pipeline->phases[1].prepared;
    struct fixture_scope scope;
    struct fnd_error error = {0};
    const struct fnd_json none = {0};
    static const char run[] = "{\"job\":\"j\"}";
    fixture_scope_init(&scope, "{}");
    struct fnd_visit visit = {.pipeline = pipeline,
                              .phase = &pipeline->phases[1],
                              .scope = &scope.scope,
                              .run = {run, sizeof run - 1}};
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(fnd_visit_call(&visit, &gate->detectors[i], none, none, &error), FND_OK, "%s",
                     error.message);
    }
    char *told = fnd_json_strdup(fnd_json_find(visit.calls[0]->input.run, "/grant/write"));
    cr_assert_str_eq(told, "/jobs/out");
    cr_assert(fnd_json_text_is(fnd_json_member(visit.calls[0]->input.run, "job"), "j"));
    cr_assert_eq(visit.calls[1]->input.run.bytes, run, "who was granted nothing is told nothing");
    free(told);
    fnd_visit_finish(&visit);
    fnd_pipeline_destroy(pipeline);
    fixture_destroy(fixture);
}

Test(test_visit, the_level_of_a_visit_is_the_least_of_its_calls)
{
    static const struct {
        int levels[3];
        size_t count;
        int level;
    } rows[] = {
        {{0}, 0, FND_ISOLATION_INLINE},
        {{FND_ISOLATION_SANDBOX}, 1, FND_ISOLATION_SANDBOX},
        {{FND_ISOLATION_SANDBOX, FND_ISOLATION_PROCESS}, 2, FND_ISOLATION_PROCESS},
        {{FND_ISOLATION_SANDBOX | FND_LEVEL_OWNER, FND_ISOLATION_SANDBOX, FND_ISOLATION_LANDLOCK},
         3,
         FND_ISOLATION_LANDLOCK | FND_LEVEL_OWNER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fnd_pool_call calls[3] = {0}, *list[] = {&calls[0], &calls[1], &calls[2]};
        for (size_t k = 0; k < rows[i].count; k++) {
            calls[k].level = rows[i].levels[k];
        }
        const struct fnd_visit visit = {.calls = list, .calls_count = rows[i].count};
        cr_expect_eq(fnd_visit_level(&visit), rows[i].level, "row %zu", i);
    }
}
