/* SPDX-License-Identifier: MIT */
/* When a training is due by itself. */
#ifndef FND_LEARN_TRIGGER_H
#define FND_LEARN_TRIGGER_H

#include "learn/examples.h"

/** What the decision is made from. */
struct fnd_trigger_facts {
    /* Since the last training that gave a model: one that failed has used nothing up. */
    uint64_t corrections;    /* of people, that a training would see */
    uint64_t audited, wrong; /* of the audit sample: documents, and those corrected */
    bool trained;            /* ever */
    int64_t since_us;        /* how long ago it began; not known before the first */
    /* Of the last one, whatever became of it. */
    bool tried, failed;
    bool cancelled;    /* by a person; not: stopped with its engine, which goes on with it */
    int64_t rested_us; /* how long ago it ended */
};
/** Decide; `why` gets one sentence either way ("100 corrections, at least 100; last training 8 days
 *  ago, more than 7 days"), appended.
 *  The rule: enough corrections AND an old enough training (each where it is asked for), or an
 * audited error above the share on at least FND_TRIGGER_AUDITED_MIN documents; and never within the
 * cooldown, nor within FND_TRIGGER_FAILED_MS of one that failed or that a person cancelled. Thread:
 * any. */
enum { FND_TRIGGER_AUDITED_MIN = 20, FND_TRIGGER_FAILED_MS = 10 * 60 * 1000 };
bool fnd_trigger_due(const struct fnd_model *model, const struct fnd_trigger_facts *facts,
                     struct fnd_text *why);

/** Read the facts of a model. lessons: those of its human phase, borrowed. now_us: wall clock. */
enum fnd_status fnd_trigger_read(struct fnd_reader *reader, const struct fnd_pipeline *pipeline,
                                 const struct fnd_model *model, const struct fnd_lessons *lessons,
                                 int64_t now_us, struct fnd_trigger_facts *facts,
                                 struct fnd_error *error);

/** What `train --explain` says, lines for people: what would be learned from, whether it is due. */
enum fnd_status fnd_learn_explain(struct fnd_engine *engine, const struct fnd_pipeline *pipeline,
                                  const struct fnd_model *model, struct fnd_text *text,
                                  struct fnd_error *error);

#endif
