/* SPDX-License-Identifier: MIT */
#include "learning.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "store/verify.h"

struct fnd_write *write_learn(struct scene *scene, enum fnd_event_kind kind, int64_t ref,
                              const char *body, const char *name, const char *content)
{
    struct fnd_write *write = fnd_write_create();
    struct fnd_text meta = {0};
    struct fnd_artifact artifact;
    if (name != NULL) {
        char hash[FND_DIGEST_TEXT_SIZE];
        struct fnd_error error = {0};
        cr_assert_eq(fnd_artifact_put(scene->store, content, strlen(content), &artifact, &error),
                     FND_OK, "%s", error.message);
        fnd_digest_text(artifact.hash, hash);
        fnd_text_printf(&meta, "{\"artifacts\":{\"%s\":{\"sha256\":\"%s\",\"size\":%zu}}}", name,
                        hash, strlen(content));
    }
    struct fnd_event *event = fnd_write_add(write, kind, body != NULL ? fnd_strdup(body) : NULL,
                                            name != NULL ? fnd_text_take(&meta) : NULL);
    event->ref = ref;
    if (name != NULL) {
        event->artifacts = fnd_alloc(sizeof artifact);
        event->artifacts[0] = artifact;
        event->artifacts_count = 1;
    }
    return write;
}

struct fnd_write *write_train(struct scene *scene, const char *model, int version, int attempt)
{
    char body[256];
    snprintf(body, sizeof body,
             "{\"pipeline\":\"invoice\",\"model\":\"%s\",\"version\":%d,\"attempt\":%d,"
             "\"until\":7,\"examples\":12}",
             model, version, attempt);
    return write_learn(scene, FND_EVENT_TRAIN, 0, body, "examples", "[]");
}

struct fnd_write *write_decide(struct scene *scene, const char *model, const char *decision,
                               int64_t about, int64_t replaces)
{
    char body[256];
    snprintf(body, sizeof body,
             "{\"pipeline\":\"invoice\",\"model\":\"%s\",\"decision\":\"%s\",\"replaces\":%" PRId64
             "}",
             model, decision, replaces);
    return write_learn(scene, FND_EVENT_DECIDE, about, body, NULL, NULL);
}

int64_t train(struct scene *scene, const char *model, int version, int attempt)
{
    return commit(scene, write_train(scene, model, version, attempt), FND_OK);
}

int64_t trained(struct scene *scene, const char *model, int version)
{
    char content[64];
    snprintf(content, sizeof content, "%s %d", model, version);
    const int64_t training = train(scene, model, version, 1);
    return commit(scene, write_learn(scene, FND_EVENT_TRAINED, training, DONE, "model", content),
                  FND_OK);
}

void decide(struct scene *scene, const char *decision, int64_t about, int64_t replaces)
{
    commit(scene, write_decide(scene, "total", decision, about, replaces), FND_OK);
}

static void flaw_print(const char *sentence, void *context)
{
    (void)context;
    fprintf(stderr, "verify: %s\n", sentence);
}

void whole(struct scene *scene)
{
    struct fnd_verify result;
    struct fnd_error error = {0};
    scene_read(scene);
    cr_expect_eq(fnd_store_verify(scene->reader, &result, flaw_print, NULL, &error), FND_OK, "%s",
                 error.message);
    cr_expect_eq(result.flaws, 0);
}

struct fnd_training_row training_of(struct scene *scene, int64_t id)
{
    struct fnd_training_row row;
    struct fnd_error error = {0};
    scene_read(scene);
    cr_assert_eq(fnd_training_get(scene->reader, id, &row, &error), FND_OK, "%s", error.message);
    return row;
}

void model_is(struct scene *scene, int64_t id, enum fnd_model_state state, int64_t replaced)
{
    struct fnd_model_row row;
    struct fnd_error error = {0};
    scene_read(scene);
    cr_assert_eq(fnd_model_get(scene->reader, id, &row, &error), FND_OK, "%s", error.message);
    cr_expect_eq(row.state, state, "model %" PRId64 " is %s", id, fnd_model_state_name(row.state));
    cr_expect_eq(row.replaced, replaced, "model %" PRId64 " replaced %" PRId64, id, row.replaced);
    fnd_model_row_finish(&row);
}

int64_t production(struct scene *scene)
{
    struct fnd_model_row row = {0};
    struct fnd_error error = {0};
    scene_read(scene);
    const enum fnd_status status =
        fnd_model_production(scene->reader, "invoice", "total", &row, &error);
    cr_assert(status == FND_OK || status == FND_NOT_FOUND, "%s", error.message);
    const int64_t id = row.id;
    fnd_model_row_finish(&row);
    return id;
}

static bool see(struct seen *seen, int64_t id)
{
    cr_assert_lt(seen->count, 8);
    seen->ids[seen->count++] = id;
    return seen->count != seen->most;
}

bool see_model(const struct fnd_model_row *row, void *context)
{
    return see(context, row->id);
}

bool see_training(const struct fnd_training_row *row, void *context)
{
    return see(context, row->id);
}

bool see_shadow(int64_t job, int64_t output, int64_t event, void *context)
{
    cr_expect_eq(job, 2);
    cr_expect_gt(event, output);
    return see(context, output);
}

bool see_pipeline(const char *name, int64_t pin, void *context)
{
    cr_expect_str_eq(name, ((struct seen *)context)->count == 0 ? "invoice" : "ticket");
    return see(context, pin);
}
