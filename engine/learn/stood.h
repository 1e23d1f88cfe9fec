/* SPDX-License-Identifier: MIT */
/* What a step stood on when one of its events came. Its row in the tables says where it stands now,
 * which an upgrade, a retry or an undo may have moved since. */
#ifndef FND_LEARN_STOOD_H
#define FND_LEARN_STOOD_H

#include "store/reader.h"

struct fnd_stood {
    int64_t job, pin;                /* the pin that was in force */
    int64_t outputs[FND_PHASES_MAX]; /* OUTPUT event of each phase before the event's; 0: none */
};

/** Walk back from an event over those of its step, to its JOB: the pin and the outputs of earlier
 *  phases that were in force. What a person had dropped by then does not stand.
 *  event    of a step; read by the walk that tells of it.
 *  stood    overwritten.
 *  Returns  FND_OK; FND_DAMAGED: the step's events do not lead back to a job; else what the reader
 *           said.  Thread: the reader's. */
enum fnd_status fnd_stood_before(struct fnd_reader *reader, const struct fnd_event_row *event,
                                 struct fnd_stood *stood, struct fnd_error *error);

#endif
