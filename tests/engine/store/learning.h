/* SPDX-License-Identifier: MIT */
/* Events about models and trainings, and looks at what they made of the tables. */
#ifndef STORE_TEST_LEARNING_H
#define STORE_TEST_LEARNING_H

#include "store/learn.h"
#include "support.h"

#define DONE "{\"outcome\":\"done\"}"

/* An event about models. `name`: an artifact of its meta, which is kept first; its bytes differ
 * with `content`. */
struct fnd_write *write_learn(struct scene *scene, enum fnd_event_kind kind, int64_t ref,
                              const char *body, const char *name, const char *content);
struct fnd_write *write_train(struct scene *scene, const char *model, int version, int attempt);
struct fnd_write *write_decide(struct scene *scene, const char *model, const char *decision,
                               int64_t about, int64_t replaces);
int64_t train(struct scene *scene, const char *model, int version, int attempt);
/* A training that ended with a model; its number. */
int64_t trained(struct scene *scene, const char *model, int version);
void decide(struct scene *scene, const char *decision, int64_t about, int64_t replaces);
/* The events make these very rows. */
void whole(struct scene *scene);
struct fnd_training_row training_of(struct scene *scene, int64_t id);
/* State of a model, who decided, what it replaced. */
void model_is(struct scene *scene, int64_t id, enum fnd_model_state state, int64_t replaced);
/* The number of the model of `total` in production, 0: the rules. */
int64_t production(struct scene *scene);

struct seen {
    size_t count, most;
    int64_t ids[8];
};
/* For walks: what was met goes into a struct seen. */
bool see_model(const struct fnd_model_row *row, void *context);
bool see_training(const struct fnd_training_row *row, void *context);
bool see_shadow(int64_t job, int64_t output, int64_t event, void *context);
bool see_pipeline(const char *name, int64_t pin, void *context);

#endif
