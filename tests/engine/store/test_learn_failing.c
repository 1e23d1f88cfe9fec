/* SPDX-License-Identifier: MIT */
/* Models and trainings where a call fails: a reader says so, a commit leaves all or nothing. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "failing.h"
#include "learning.h"

static enum fnd_status read_all(struct scene *scene, int64_t model, struct fnd_error *error)
{
    struct fnd_reader *reader = scene->reader;
    struct fnd_model_row row = {0}, live = {0};
    struct fnd_training_row training = {0}, last = {0};
    struct seen models = {0}, trainings = {0}, shadows = {0}, pipelines = {0};
    enum fnd_status status = fnd_model_get(reader, model, &row, error);
    status = status != FND_OK ? status : fnd_training_get(reader, row.training, &training, error);
    status =
        status != FND_OK ? status : fnd_model_production(reader, "invoice", "total", &live, error);
    status =
        status != FND_OK ? status : fnd_training_latest(reader, "invoice", "total", &last, error);
    status =
        status != FND_OK ? status : fnd_models_walk(reader, NULL, NULL, see_model, &models, error);
    status = status != FND_OK
                 ? status
                 : fnd_trainings_walk(reader, NULL, NULL, see_training, &trainings, error);
    status =
        status != FND_OK ? status : fnd_shadows_walk(reader, model, see_shadow, &shadows, error);
    status =
        status != FND_OK ? status : fnd_pipelines_walk(reader, see_pipeline, &pipelines, error);
    if (status == FND_OK) { /* never fewer rows than there are, without a word */
        cr_expect(models.count == 2 && trainings.count == 2 && shadows.count == 1 &&
                  pipelines.count == 1);
    }
    fnd_model_row_finish(&row);
    fnd_model_row_finish(&live);
    fnd_training_row_finish(&training);
    fnd_training_row_finish(&last);
    return status;
}

Test(learn, each_call_of_a_reader_may_fail_and_says_so, .timeout = 900)
{
    struct scene scene;
    failing_place();
    scene_begin(&scene, 73);
    commit(&scene, write_pin("invoice", 1), FND_OK);
    const int64_t model = trained(&scene, "total", 1);
    trained(&scene, "total", 2);
    decide(&scene, "promote", model, 0);
    commit(&scene,
           write_learn(&scene, FND_EVENT_SHADOW, model, "{\"job\":2,\"output\":3}", NULL, NULL),
           FND_OK);
    const char *met = "";
    unsigned at = 0;
    while (met != NULL) {
        struct fnd_error error = {0};
        scene_read(&scene);
        failing_arm(++at, FAILING_ERROR);
        const enum fnd_status status = read_all(&scene, model, &error);
        met = failing_clear();
        cr_expect_eq(status == FND_OK, met == NULL, "call %u (%s): %s", at, met, error.message);
        cr_expect(status == FND_OK || strlen(error.message) > 10, "call %u says nothing", at);
    }
    cr_expect_gt(at, 20);
    scene_end(&scene);
}

/* Each call of each commit fails once. Behind it the record is whole, and the same write done again
 * is recorded. */
Test(learn, each_call_of_a_commit_may_fail_and_leaves_all_or_nothing, .timeout = 900)
{
    struct scene scene;
    unsigned calls = 0;
    failing_place();
    scene_begin(&scene, 74);
    int64_t training = 0, model = 0;
    for (int step = 0; step < 6; step++) {
        const char *met = "";
        for (unsigned at = 1; met != NULL; at++) {
            struct fnd_error error = {0};
            if (step == 2) { /* a new training and a new version each time */
                training = train(&scene, "total", (int)at, 1);
            }
            struct fnd_write *write =
                step == 0   ? write_train(&scene, "total", 1, (int)at)
                : step == 1 ? write_learn(&scene, FND_EVENT_CHECKPOINT, training, "{}",
                                          "checkpoint", "half")
                : step == 2 ? write_learn(&scene, FND_EVENT_TRAINED, training, DONE, "model", "all")
                : step == 3 ? write_decide(&scene, "total", "hold", model, 0)
                : step == 4 ? write_decide(&scene, "total", "promote", model, production(&scene))
                            : write_learn(&scene, FND_EVENT_SHADOW, model,
                                          "{\"job\":2,\"output\":3}", NULL, NULL);
            failing_arm(at, FAILING_ERROR);
            const enum fnd_status status = fnd_store_commit(scene.store, write, &error);
            met = failing_clear();
            cr_expect(status == FND_OK || met != NULL, "step %d: %s", step, error.message);
            cr_expect(status == FND_OK || strlen(error.message) > 10, "step %d, call %u", step, at);
            training = status == FND_OK && step == 0 ? write->first : training;
            model = status == FND_OK && step == 2 ? write->first : model;
            fnd_write_destroy(write);
            if (fnd_store_health(scene.store, NULL) != FND_OK) {
                scene_close(&scene);
                scene_open(&scene);
            }
            calls++;
        }
        whole(&scene);
    }
    cr_expect_eq(production(&scene), model);
    cr_expect_gt(calls, 40);
    scene_end(&scene);
}
