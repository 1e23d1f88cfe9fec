/* SPDX-License-Identifier: MIT */
/* A trainer's call: what it is given, what it may do, and what is kept when it dies. */
#define _GNU_SOURCE /* memfd_create */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "pool_help.h"

#define LEARNER "tests/plugins/learner.so"

enum { COUNT = 6 };

static const char *const texts[COUNT] = {"onions and leeks", "nails and screws", "leeks",
                                         "a hammer, nails",  "onions, garlic",   "screws"};

/* A pack of texts with the examples in front of them, as a trainer is given them. */
struct lesson {
    struct fnd_call_artifact artifacts[COUNT + 2];
    char names[COUNT][16];
    int fd;
};

static void lesson_open(struct lesson *lesson)
{
    struct fnd_text lines = {0}, pack = {0};
    memset(lesson, 0, sizeof *lesson);
    for (size_t i = 0; i < COUNT; i++) {
        (void)snprintf(lesson->names[i], sizeof lesson->names[i], "text%zu", i);
        fnd_text_printf(&lines,
                        "{\"id\":\"%zu\",\"group\":\"g%zu\",\"with\":{\"file\":\"%s\"},"
                        "\"human\":{\"label\":\"%s\"}}\n",
                        i, i, lesson->names[i], i % 2 == 0 ? "food" : "tools");
    }
    for (size_t i = 0; i < COUNT; i++) {
        lesson->artifacts[i + 2] = (struct fnd_call_artifact){.name = lesson->names[i],
                                                              .size = strlen(texts[i]),
                                                              .fd = -1,
                                                              .pack = &lesson->artifacts[0],
                                                              .offset = pack.size};
        fnd_text_append_z(&pack, texts[i]);
    }
    lesson->artifacts[1] = (struct fnd_call_artifact){.name = "examples",
                                                      .size = lines.size,
                                                      .fd = -1,
                                                      .pack = &lesson->artifacts[0],
                                                      .offset = pack.size};
    fnd_text_append(&pack, lines.bytes, lines.size);
    lesson->fd = memfd_create("pack", MFD_CLOEXEC);
    cr_assert_geq(lesson->fd, 0);
    cr_assert_eq(fnd_write_all(lesson->fd, pack.bytes, pack.size), 0);
    lesson->artifacts[0] =
        (struct fnd_call_artifact){.name = "pack", .size = pack.size, .fd = lesson->fd};
    fnd_text_finish(&lines);
    fnd_text_finish(&pack);
}

static const char run[] =
    "{\"attempt\":1,\"deadline_ms\":1000,\"training\":{\"model\":\"words\","
    "\"version\":1,\"seed\":\"7\",\"examples\":\"examples\",\"previous\":null,"
    "\"checkpoint\":null}}";

static struct fnd_pool_call lesson_call(struct fixture *fixture, const struct lesson *lesson,
                                        const char *config, int64_t timeout_ms)
{
    fixture->callee.kind = FND_CALLEE_TRAINER;
    struct fnd_pool_call call = call_make(fixture, config, timeout_ms);
    call.input.trainer = true;
    call.input.run = (struct fnd_json){run, sizeof run - 1};
    call.input.artifacts = lesson->artifacts;
    call.input.artifacts_count = COUNT + 2;
    return call;
}

static const struct fnd_staged_artifact *model_of(const struct fnd_pool_call *call)
{
    cr_assert_eq(call->end, FND_CALL_RETURNED, "%s", call->error.message);
    cr_assert_eq(call->effects.outcome, FOUNDRY_DONE, "%s", call->effects.message);
    cr_assert_eq(call->effects.artifacts_count, 1);
    cr_assert_str_eq(call->effects.artifacts[0].name, "model");
    return &call->effects.artifacts[0];
}

Test(train, the_same_examples_give_the_same_model_wherever_it_runs)
{
    static const enum fnd_isolation places[] = {FND_ISOLATION_INLINE, PLACE, PLACE};
    char *first = NULL;
    for (size_t i = 0; i < 3; i++) {
        struct fixture fixture;
        struct lesson lesson;
        fixture_open(&fixture, LEARNER, "learner", "train", places[i]);
        lesson_open(&lesson);
        struct fnd_pool *pool = pool_open(1);
        struct fnd_pool_call call = lesson_call(&fixture, &lesson, "{}", 0);
        pool_run(pool, &call);
        const struct fnd_staged_artifact *model = model_of(&call);
        cr_assert_not_null(strstr(model->bytes, " leeks 2\n"), "%s", model->bytes);
        cr_assert_not_null(strstr(call.effects.output, "\"metrics\":{\"examples\":6,"), "%s",
                           call.effects.output);
        if (first == NULL) {
            first = fnd_strdup(model->bytes);
        }
        cr_assert_str_eq(first, model->bytes);
        call_finish(&call);
        fnd_pool_destroy(pool);
        fixture_close(&fixture);
        (void)close(lesson.fd);
    }
    free(first);
}

static void keep(struct fnd_pool_call *call, const char *bytes, size_t size)
{
    struct fnd_text *kept = call->owner;
    fnd_text_printf(kept, "[%.*s]", (int)size, bytes);
}

Test(train, a_checkpoint_outlives_the_trainer)
{
    struct fixture fixture;
    struct lesson lesson;
    struct fnd_text kept = {0};
    fixture_open(&fixture, LEARNER, "learner", "train", PLACE);
    lesson_open(&lesson);
    struct fnd_pool *pool = pool_open(1);
    struct fnd_pool_call call = lesson_call(&fixture, &lesson, "{\"killed\":true}", 0);
    call.keep = keep;
    call.owner = &kept;
    pool_run(pool, &call);
    cr_assert_eq(call.end, FND_CALL_CRASHED);
    cr_assert_not_null(strstr(call.error.message, "signal 9 (SIGKILL)"), "%s", call.error.message);
    cr_assert_str_eq(fnd_text_z(&kept), "[quarter][half way]");
    call_finish(&call);
    fnd_pool_destroy(pool);
    fixture_close(&fixture);
    fnd_text_finish(&kept);
    (void)close(lesson.fd);
}

Test(train, a_trainer_is_nice_says_how_far_it_is_and_can_be_stopped)
{
    struct fixture fixture;
    struct lesson lesson;
    char *program = built("engine/worker/foundry-worker");
    const struct fnd_pool_options options = {
        .env = fnd_env_system(), .worker_program = program, .workers_max = 1, .nice = 10};
    struct fnd_pool *pool = NULL;
    cr_assert_eq(fnd_pool_create(&options, &pool, NULL), FND_OK);
    fixture_open(&fixture, LEARNER, "learner", "train", PLACE);
    lesson_open(&lesson);
    struct fnd_pool_call call = lesson_call(&fixture, &lesson, "{\"sin\":\"wait\"}", 0);
    fnd_pool_submit(pool, &call);
    fnd_pool_dispatch(pool);
    const int64_t last_ms = real_ms() + 20000;
    while (strcmp(call.note, "waiting") != 0) {
        cr_assert_lt(real_ms(), last_ms, "it never said that it waits: %s", call.note);
        (void)usleep(2000);
        fnd_pool_turn(pool);
    }
    cr_assert_eq(call.progress, 0.25);
    cr_assert_eq(call.level & FND_LEVEL_MASK, PLACE);
    fnd_pool_cancel(pool, &call);
    cr_assert_eq(pool_until(pool, 1, 20000), &call);
    cr_assert_eq(call.end, FND_CALL_CANCELLED);
    /* In the sandbox it cannot ask. */
    cr_assert(PLACE == FND_ISOLATION_SANDBOX ||
                  strstr(call.effects.log.bytes, "I nice 10\n") != NULL,
              "%s", fnd_text_z(&call.effects.log));
    call_finish(&call);
    fnd_pool_destroy(pool);
    fixture_close(&fixture);
    (void)close(lesson.fd);
    free(program);
}
