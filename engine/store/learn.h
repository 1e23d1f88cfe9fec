/* SPDX-License-Identifier: MIT */
/* Models and trainings as the record has them. A model is an artifact: `hash` names its bytes. */
#ifndef FND_STORE_LEARN_H
#define FND_STORE_LEARN_H

#include "store/reader.h"

/** Stored: never renumber. */
enum fnd_training_state {
    FND_TRAINING_RUNS = 0, /* or its engine died: whoever opens the record next ends it */
    FND_TRAINING_DONE = 1,
    FND_TRAINING_FAILED = 2,
    FND_TRAINING_CANCELLED = 3
};
enum fnd_model_state {
    FND_MODEL_CANDIDATE = 0,
    FND_MODEL_PRODUCTION = 1, /* one a name at most; none: the phase goes by its rules */
    FND_MODEL_RETIRED = 2
};
enum fnd_decision { FND_DECISION_PROMOTE = 1, FND_DECISION_HOLD = 2, FND_DECISION_ROLLBACK = 3 };
const char *fnd_training_state_name(enum fnd_training_state state); /* "running", "done", … */
const char *fnd_model_state_name(enum fnd_model_state state);       /* "candidate", … */
const char *fnd_decision_name(enum fnd_decision decision);          /* "promote", … */

struct fnd_training_row {
    int64_t id, last;       /* events: it began; its last one */
    char *pipeline, *model; /* malloc'ed */
    int64_t version, attempt;
    int64_t until; /* the newest record among its examples' range */
    enum fnd_training_state state;
    int64_t began_us, ended_us; /* wall; 0: it runs */
    bool has_checkpoint;
    struct fnd_artifact checkpoint;
};
void fnd_training_row_finish(struct fnd_training_row *row);

struct fnd_model_row {
    int64_t id, training;
    char *pipeline, *name; /* malloc'ed */
    int64_t version;       /* from 1; 0 are the rules, which have no row */
    struct fnd_artifact artifact;
    enum fnd_model_state state;
    int64_t decided;  /* the event that last decided about it; 0: none has */
    int64_t replaced; /* the model it took the place of; 0: the rules */
};
void fnd_model_row_finish(struct fnd_model_row *row);

enum { FND_MODEL_ARTIFACT_SIZE = 160 };
/** The name by which calls know a model's artifact: "models.NAME.SHA256". It differs where the
 * bytes do, so that an instance which keeps a model knows when to read another. */
void fnd_model_artifact_name(const char *name, const uint8_t hash[FND_DIGEST_SIZE],
                             char text[FND_MODEL_ARTIFACT_SIZE]);

/** Single rows. FND_NOT_FOUND when it is not there. */
enum fnd_status fnd_model_get(struct fnd_reader *reader, int64_t id, struct fnd_model_row *row,
                              struct fnd_error *error);
enum fnd_status fnd_model_production(struct fnd_reader *reader, const char *pipeline,
                                     const char *name, struct fnd_model_row *row,
                                     struct fnd_error *error);
enum fnd_status fnd_training_get(struct fnd_reader *reader, int64_t id,
                                 struct fnd_training_row *row, struct fnd_error *error);
/** The newest one of a model. */
enum fnd_status fnd_training_latest(struct fnd_reader *reader, const char *pipeline,
                                    const char *model, struct fnd_training_row *row,
                                    struct fnd_error *error);

/** Walks in the order of their numbers; pipeline, name NULL: all. The callback returns false to
 *  stop. */
enum fnd_status fnd_models_walk(struct fnd_reader *reader, const char *pipeline, const char *name,
                                bool (*row)(const struct fnd_model_row *row, void *context),
                                void *context, struct fnd_error *error);
enum fnd_status fnd_trainings_walk(struct fnd_reader *reader, const char *pipeline,
                                   const char *model,
                                   bool (*row)(const struct fnd_training_row *row, void *context),
                                   void *context, struct fnd_error *error);
/** Pipelines on record, by name, with the number of the newest pin of each. */
enum fnd_status fnd_pipelines_walk(struct fnd_reader *reader,
                                   bool (*row)(const char *name, int64_t pin, void *context),
                                   void *context, struct fnd_error *error);
/** Shadow runs of a model (0: of the rules): the job, the output it ran beside, and the event that
 * tells. */
enum fnd_status fnd_shadows_walk(struct fnd_reader *reader, int64_t model,
                                 bool (*row)(int64_t job, int64_t output, int64_t event,
                                             void *context),
                                 void *context, struct fnd_error *error);

#endif
