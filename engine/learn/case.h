/* SPDX-License-Identifier: MIT */
/* One run of a learned phase as it was: what it was given, what it said. Examples are made of
 * these, and a model is tried on them. */
#ifndef FND_LEARN_CASE_H
#define FND_LEARN_CASE_H

#include "run/engine.h"
#include "store/learn.h"

/** `= {0}`; finish frees. */
struct fnd_case {
    struct fnd_engine *engine; /* borrowed */
    int64_t event;             /* the phase's output */
    int64_t pin;               /* that it ran under */
    const struct fnd_pipeline *pipeline;
    const struct fnd_phase *phase;
    struct fnd_job_row job;
    int32_t attempt;
    struct fnd_text body; /* of the JOB */
    struct fnd_text outputs[FND_PHASES_MAX], metas[FND_PHASES_MAX];
    struct fnd_text said, marks; /* the output and its meta */
    struct fnd_text run;
    struct fnd_text models; /* what ${models.…} reads: as it was, unless it is set anew */
    struct fnd_case_artifact {
        char *name;
        struct fnd_artifact kept;
        char *reference; /* a file of the user's in the job directory; NULL: kept in the store */
    } * artifacts;       /* all that the phase can name; a later one of a name first */
    size_t artifacts_count;
};

/** Load the run behind an OUTPUT event.
 *  Returns FND_OK; FND_NOT_FOUND, FND_DAMAGED: its pipeline, its plugins or its documents are not
 *          there any more, told which; FND_INVALID: it has no pipeline phase.  Thread: engine's. */
enum fnd_status fnd_case_load(struct fnd_engine *engine, int64_t event, struct fnd_case *run,
                              struct fnd_error *error);
void fnd_case_finish(struct fnd_case *run);
/** Let ${models.NAME} read `artifact` of that name; NULL: null. */
void fnd_case_model(struct fnd_case *run, const char *name, const char *artifact);
/** Append the phase's resolved config. As fnd_bound_resolve(). */
enum fnd_status fnd_case_config(struct fnd_case *run, struct fnd_text *config,
                                struct fnd_error *error);
/** The artifact of that name, or NULL. */
const struct fnd_case_artifact *fnd_case_artifact(const struct fnd_case *run, const char *name);
/** Open it for reading. As fnd_artifact_open(), fnd_reference_open(). */
enum fnd_status fnd_case_open(const struct fnd_case *run, const struct fnd_case_artifact *artifact,
                              int *fd, struct fnd_error *error);

#endif
