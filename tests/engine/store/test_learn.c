/* SPDX-License-Identifier: MIT */
/* Models and trainings: what each event makes of the tables, what is refused, what readers are
 * told, and that a rebuild and a migration come to the same rows. */
#include "store/learn.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "learning.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

Test(learn, what_is_stored_has_a_name)
{
    static const char *const trainings[] = {"running", "done", "failed", "cancelled", "unknown"};
    static const char *const models[] = {"candidate", "production", "retired", "unknown"};
    static const char *const decisions[] = {"none", "promote", "hold", "rollback", "unknown"};
    for (int i = 0; i < 5; i++) {
        cr_expect_str_eq(fnd_training_state_name((enum fnd_training_state)i), trainings[i]);
        cr_expect_str_eq(fnd_decision_name((enum fnd_decision)i), decisions[i]);
    }
    for (int i = 0; i < 4; i++) {
        cr_expect_str_eq(fnd_model_state_name((enum fnd_model_state)i), models[i]);
    }
    uint8_t hash[FND_DIGEST_SIZE];
    char text[FND_MODEL_ARTIFACT_SIZE];
    cr_assert(fnd_unhex(HEX, 64, hash, sizeof hash));
    fnd_model_artifact_name("total", hash, text);
    cr_expect_str_eq(text, "models.total." HEX);
}

Test(learn, a_training_runs_keeps_checkpoints_and_ends_with_a_model)
{
    struct scene scene;
    scene_begin(&scene, 61);
    const int64_t id = train(&scene, "total", 1, 1);
    struct fnd_training_row row = training_of(&scene, id);
    cr_expect_eq(row.id, id);
    cr_expect_str_eq(row.pipeline, "invoice");
    cr_expect_str_eq(row.model, "total");
    cr_expect(row.version == 1 && row.attempt == 1 && row.until == 7 && row.last == id);
    cr_expect_eq(row.state, FND_TRAINING_RUNS);
    cr_expect(row.began_us > 0 && row.ended_us == 0);
    cr_expect_not(row.has_checkpoint);
    fnd_training_row_finish(&row);
    cr_expect_null(row.pipeline);
    int64_t last = 0;
    for (int i = 0; i < 2; i++) { /* the newer one takes the older one's place */
        last = commit(&scene,
                      write_learn(&scene, FND_EVENT_CHECKPOINT, id, NULL, "checkpoint",
                                  i == 0 ? "half" : "nearly"),
                      FND_OK);
    }
    row = training_of(&scene, id);
    cr_expect(row.has_checkpoint && row.checkpoint.size == strlen("nearly") && row.last == last);
    fnd_training_row_finish(&row);
    const int64_t model = commit(
        &scene, write_learn(&scene, FND_EVENT_TRAINED, id, DONE, "model", "weights"), FND_OK);
    row = training_of(&scene, id);
    cr_expect_eq(row.state, FND_TRAINING_DONE);
    cr_expect(row.ended_us > 0 && row.last == model && row.has_checkpoint);
    fnd_training_row_finish(&row);
    struct fnd_model_row made;
    uint8_t hash[FND_DIGEST_SIZE];
    fnd_sha256("weights", 7, hash);
    cr_assert_eq(fnd_model_get(scene.reader, model, &made, NULL), FND_OK);
    cr_expect(made.id == model && made.training == id && made.version == 1);
    cr_expect_str_eq(made.pipeline, "invoice");
    cr_expect_str_eq(made.name, "total");
    cr_expect_eq(made.artifact.size, 7);
    cr_expect_eq(memcmp(made.artifact.hash, hash, sizeof hash), 0);
    cr_expect(made.state == FND_MODEL_CANDIDATE && made.decided == 0 && made.replaced == 0);
    fnd_model_row_finish(&made);
    cr_expect_null(made.name);
    whole(&scene);
    scene_end(&scene);
}

Test(learn, a_training_that_failed_or_was_stopped_leaves_no_model)
{
    static const struct {
        const char *outcome;
        enum fnd_training_state state;
    } cases[] = {{"failed", FND_TRAINING_FAILED}, {"cancelled", FND_TRAINING_CANCELLED}};
    struct scene scene;
    scene_begin(&scene, 62);
    for (int i = 0; i < 2; i++) {
        char body[64];
        snprintf(body, sizeof body, "{\"outcome\":\"%s\"}", cases[i].outcome);
        const int64_t id = train(&scene, "total", 1, i + 1);
        commit(&scene, write_learn(&scene, FND_EVENT_TRAINED, id, body, NULL, NULL), FND_OK);
        struct fnd_training_row row = training_of(&scene, id);
        cr_expect_eq(row.state, cases[i].state);
        fnd_training_row_finish(&row);
    }
    cr_expect_eq(sql_number(&scene, "SELECT count(*) FROM model"), 0);
    whole(&scene);
    scene_end(&scene);
}

/* The engine that ends what a dead one left may be late: what ended stays as it ended. */
Test(learn, what_ended_ends_no_second_time_and_an_unknown_training_makes_no_model)
{
    struct scene scene;
    scene_begin(&scene, 63);
    const int64_t model = trained(&scene, "total", 1);
    const int64_t training = sql_number(&scene, "SELECT id FROM training");
    commit(&scene,
           write_learn(&scene, FND_EVENT_TRAINED, training, "{\"outcome\":\"failed\"}", NULL, NULL),
           FND_OK);
    commit(&scene, write_learn(&scene, FND_EVENT_TRAINED, training, DONE, "model", "more"), FND_OK);
    commit(&scene, write_learn(&scene, FND_EVENT_CHECKPOINT, training, NULL, "checkpoint", "late"),
           FND_OK);
    commit(&scene, write_learn(&scene, FND_EVENT_TRAINED, 999, DONE, "model", "none"), FND_OK);
    struct fnd_training_row row = training_of(&scene, training);
    cr_expect(row.state == FND_TRAINING_DONE && row.last == model && !row.has_checkpoint);
    fnd_training_row_finish(&row);
    cr_expect_eq(sql_number(&scene, "SELECT count(*) FROM model"), 1);
    whole(&scene);
    scene_end(&scene);
}

Test(learn, one_model_a_name_is_in_production_and_who_goes_back_knows_what_stood_before)
{
    struct scene scene;
    scene_begin(&scene, 64);
    int64_t models[4];
    for (int i = 1; i <= 3; i++) {
        models[i] = trained(&scene, "total", i);
    }
    const int64_t other = trained(&scene, "date", 1);
    commit(&scene, write_decide(&scene, "date", "promote", other, 0), FND_OK);
    cr_expect_eq(production(&scene), 0);
    decide(&scene, "promote", models[1], 0);
    cr_expect_eq(production(&scene), models[1]);
    decide(&scene, "hold", models[2], 0);
    model_is(&scene, models[2], FND_MODEL_CANDIDATE, 0);
    cr_expect_eq(sql_number(&scene, "SELECT count(*) FROM model WHERE version = 2 AND decided > 0"),
                 1);
    decide(&scene, "promote", models[2], models[1]);
    decide(&scene, "promote", models[3], models[2]);
    cr_expect_eq(production(&scene), models[3]);
    model_is(&scene, models[1], FND_MODEL_RETIRED, 0);
    model_is(&scene, models[2], FND_MODEL_RETIRED, models[1]);
    decide(&scene, "rollback", models[2], models[3]);
    cr_expect_eq(production(&scene), models[2]);
    model_is(&scene, models[2], FND_MODEL_PRODUCTION, models[1]);
    model_is(&scene, models[3], FND_MODEL_RETIRED, models[2]);
    decide(&scene, "rollback", 0, models[2]); /* to the rules */
    cr_expect_eq(production(&scene), 0);
    decide(&scene, "promote", models[1], 0);
    commit_fails(&scene, write_decide(&scene, "total", "promote", models[1], 0), FND_CONFLICT,
                 "is in production meanwhile"); /* once more is told, and changes nothing */
    cr_expect_eq(production(&scene), models[1]);
    model_is(&scene, other, FND_MODEL_PRODUCTION, 0);
    whole(&scene);
    scene_end(&scene);
}

/* --- readers --------------------------------------------------------------------------------- */

Test(learn, walks_go_by_number_keep_to_a_name_and_stop_when_told)
{
    static const struct {
        const char *pipeline, *name;
        size_t most, count;
    } cases[] = {{NULL, NULL, 0, 3},           {NULL, NULL, 2, 2},        {"invoice", NULL, 0, 3},
                 {"invoice", "total", 0, 2},   {"invoice", "date", 0, 1}, {NULL, "total", 1, 1},
                 {"invoice", "nothing", 0, 0}, {"ticket", NULL, 0, 0}};
    struct scene scene;
    struct fnd_error error = {0};
    scene_begin(&scene, 66);
    trained(&scene, "total", 1);
    trained(&scene, "date", 1);
    trained(&scene, "total", 2);
    scene_read(&scene);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct seen models = {.most = cases[i].most}, trainings = {.most = cases[i].most};
        cr_expect_eq(fnd_models_walk(scene.reader, cases[i].pipeline, cases[i].name, see_model,
                                     &models, &error),
                     FND_OK, "%s", error.message);
        cr_expect_eq(fnd_trainings_walk(scene.reader, cases[i].pipeline, cases[i].name,
                                        see_training, &trainings, &error),
                     FND_OK, "%s", error.message);
        cr_expect(models.count == cases[i].count && trainings.count == cases[i].count,
                  "case %zu: %zu models, %zu trainings", i, models.count, trainings.count);
        for (size_t j = 1; j < models.count; j++) {
            cr_expect_gt(models.ids[j], models.ids[j - 1]);
            cr_expect_gt(trainings.ids[j], trainings.ids[j - 1]);
        }
    }
    scene_end(&scene);
}

Test(learn, shadow_runs_are_of_their_model_one_an_output_and_the_newest_counts)
{
    struct scene scene;
    struct fnd_error error = {0};
    scene_begin(&scene, 67);
    const int64_t model = trained(&scene, "total", 1);
    const char *const bodies[] = {"{\"job\":2,\"output\":3}", "{\"job\":2,\"output\":1}",
                                  "{\"job\":2,\"output\":3}"};
    int64_t event = 0;
    for (int i = 0; i < 3; i++) {
        event = commit(&scene, write_learn(&scene, FND_EVENT_SHADOW, model, bodies[i], NULL, NULL),
                       FND_OK);
    }
    scene_read(&scene);
    struct seen seen = {0}, one = {.most = 1}, none = {0};
    cr_expect_eq(fnd_shadows_walk(scene.reader, model, see_shadow, &seen, &error), FND_OK);
    cr_expect(seen.count == 2 && seen.ids[0] == 1 && seen.ids[1] == 3);
    cr_expect_eq(fnd_shadows_walk(scene.reader, model, see_shadow, &one, &error), FND_OK);
    cr_expect_eq(one.count, 1);
    cr_expect_eq(fnd_shadows_walk(scene.reader, 0, see_shadow, &none, &error), FND_OK);
    cr_expect_eq(none.count, 0);
    cr_expect_eq(sql_number(&scene, "SELECT event FROM shadow WHERE output = 3"), event);
    whole(&scene);
    scene_end(&scene);
}

Test(learn, pipelines_are_listed_by_name_with_their_newest_pin)
{
    struct scene scene;
    struct fnd_error error = {0};
    scene_begin(&scene, 68);
    const int64_t ticket = commit(&scene, write_pin("ticket", 1), FND_OK);
    commit(&scene, write_pin("invoice", 1), FND_OK);
    const int64_t invoice = commit(&scene, write_pin("invoice", 2), FND_OK);
    scene_read(&scene);
    struct seen seen = {0}, one = {.most = 1};
    cr_expect_eq(fnd_pipelines_walk(scene.reader, see_pipeline, &seen, &error), FND_OK);
    cr_expect(seen.count == 2 && seen.ids[0] == invoice && seen.ids[1] == ticket);
    cr_expect_eq(fnd_pipelines_walk(scene.reader, see_pipeline, &one, &error), FND_OK);
    cr_expect_eq(one.count, 1);
    scene_end(&scene);
}

Test(learn, what_is_not_there_is_told_by_its_number_or_name)
{
    struct scene scene;
    struct fnd_model_row model;
    struct fnd_training_row training;
    struct fnd_error error = {0};
    scene_begin(&scene, 69);
    trained(&scene, "total", 1);
    const int64_t second = train(&scene, "total", 2, 1);
    scene_read(&scene);
    struct fnd_reader *reader = scene.reader;
    cr_expect_eq(fnd_model_get(reader, 99, &model, &error), FND_NOT_FOUND);
    cr_expect_str_eq(error.message, "there is no model 99");
    cr_expect_eq(fnd_model_get(reader, 0, &model, &error), FND_NOT_FOUND);
    cr_expect_str_eq(error.message, "there is no model 0");
    cr_expect_eq(fnd_training_get(reader, 99, &training, &error), FND_NOT_FOUND);
    cr_expect_str_eq(error.message, "there is no training 99");
    cr_expect_eq(fnd_model_production(reader, "invoice", "total", &model, &error), FND_NOT_FOUND);
    cr_expect_str_eq(error.message, "there is no model of total in pipeline invoice");
    cr_expect_eq(fnd_training_latest(reader, "ticket", "total", &training, &error), FND_NOT_FOUND);
    cr_expect_str_eq(error.message, "there is no training of total in pipeline ticket");
    cr_expect_eq(fnd_training_latest(reader, "invoice", "total", &training, &error), FND_OK);
    cr_expect_eq(training.id, second);
    fnd_training_row_finish(&training);
    scene_end(&scene);
}

/* --- what clashes, and what fails ------------------------------------------------------------ */

/* The registry asks before it decides; what comes between is refused in our words. */
Test(learn, a_second_model_of_a_version_or_in_production_is_never_recorded)
{
    struct scene scene;
    scene_begin(&scene, 71);
    const int64_t first = trained(&scene, "total", 1);
    const int64_t other = trained(&scene, "total", 2);
    const int64_t again = train(&scene, "total", 1, 2);
    char said[200];
    struct fnd_write *write =
        write_learn(&scene, FND_EVENT_TRAINED, again, DONE, "model", "other weights");
    snprintf(said, sizeof said,
             "cannot keep what training %" PRId64 " made: version 1 of model total is on record "
             "already, as model %" PRId64 "; train again",
             again, first);
    commit_fails(&scene, write, FND_CONFLICT, said);
    decide(&scene, "promote", first, 0);
    snprintf(said, sizeof said,
             "cannot put model %" PRId64
             " into production as date of pipeline invoice: it is total "
             "of pipeline invoice; `models list`",
             other);
    commit_fails(&scene, write_decide(&scene, "date", "promote", other, 0), FND_CONFLICT, said);
    commit_fails(&scene, write_decide(&scene, "total", "promote", 999, first), FND_CONFLICT,
                 "it is not on record; `models list`");
    /* Two who saw the rules in production: the first is served, the second decides anew. */
    snprintf(said, sizeof said,
             "cannot promote model total of pipeline invoice: it was decided to replace model 0, "
             "and model %" PRId64 " is in production meanwhile (0: the rules); look at",
             first);
    commit_fails(&scene, write_decide(&scene, "total", "promote", other, 0), FND_CONFLICT, said);
    commit_fails(&scene, write_decide(&scene, "total", "rollback", 0, other), FND_CONFLICT,
                 "cannot roll back model total of pipeline invoice");
    cr_expect_eq(production(&scene), first);
    cr_expect_eq(sql_number(&scene, "SELECT count(*) FROM model"), 2);
    commit(&scene,
           write_learn(&scene, FND_EVENT_TRAINED, again, "{\"outcome\":\"failed\"}", NULL, NULL),
           FND_OK);
    whole(&scene);
    scene_end(&scene);
}

/* Whatever tables of models an older record has, the log says what is in them. */
Test(learn, a_migration_makes_the_same_rows)
{
    static const char *const olds[] = {
        "DROP TABLE model; DROP TABLE training; DROP TABLE shadow",
        "UPDATE model SET state = 2; UPDATE training SET last = 0; DELETE FROM shadow"};
    static const char sum[] =
        "SELECT (SELECT sum(id * 3 + state * 5 + decided * 7 + replaced) FROM model)"
        " + (SELECT sum(id * 3 + state * 5 + last * 7 + checkpoint_size) FROM training)"
        " + (SELECT sum(model * 3 + output * 5 + event) FROM shadow)";
    struct scene scene;
    scene_begin(&scene, 72);
    const int64_t first = trained(&scene, "total", 1);
    decide(&scene, "promote", first, 0);
    const int64_t second = trained(&scene, "total", 2);
    decide(&scene, "promote", second, first);
    decide(&scene, "rollback", first, second);
    commit(&scene,
           write_learn(&scene, FND_EVENT_SHADOW, second, "{\"job\":2,\"output\":3}", NULL, NULL),
           FND_OK);
    const int64_t running = train(&scene, "total", 3, 1);
    commit(&scene,
           write_learn(&scene, FND_EVENT_CHECKPOINT, running, "{}", "checkpoint", "half way"),
           FND_OK);
    scene_close(&scene);
    const int64_t before = sql_number(&scene, sum);
    for (size_t i = 0; i < sizeof olds / sizeof olds[0]; i++) {
        sql(&scene, olds[i]);
        sql(&scene, "PRAGMA user_version = 2");
        scene_open(&scene);
        cr_expect_eq(sql_number(&scene, sum), before, "%s", olds[i]);
        cr_expect_eq(production(&scene), first);
        whole(&scene);
        scene_close(&scene);
    }
    scene_end(&scene);
}
