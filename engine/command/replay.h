/* SPDX-License-Identifier: MIT */
/* `replay`: past jobs anew in a shadow space, and what came out otherwise. */
#ifndef FND_COMMAND_REPLAY_H
#define FND_COMMAND_REPLAY_H

#include "command/command.h"
#include "run/shadow.h"
#include "store/reader.h"

/** A job that is run again, and what is known of it. */
struct fnd_replayed {
    int64_t job; /* its number here */
    char *path, *shadow_path;
    int64_t shadow; /* its number there; 0: it did not come to be */
};

/** What was found, by field: with a person's word against that, else against the past. */
struct fnd_replay_tally {
    size_t jobs, failed; /* failed: there, and not here */
    size_t truths;       /* jobs with a person's word */
    size_t fields;       /* that a person's word tells */
    size_t right[2];     /* of those, what the plugin said as it was, and as it is */
    size_t fixed, broken, unchanged, still_wrong;
    size_t same, differs;  /* fields of jobs without a person's word */
    size_t asked, unasked; /* newly asked; no longer asked */
    size_t reused;         /* answers that held there, too */
};

/** One replay under way. */
struct fnd_replay {
    struct fnd_app *app;
    struct fnd_reader *reader, *there;
    struct fnd_shadow *shadow;
    struct fnd_replayed *jobs;
    size_t jobs_count;
    struct fnd_replay_tally tally;
    struct fnd_text json; /* differences of the job under way */
    size_t json_count;
    size_t shown;
};

/** The newest record that stands of a job at a gate, and the last request; 0: there is none. */
struct fnd_replay_past {
    int64_t request, record;
};
enum fnd_status fnd_replay_past(struct fnd_reader *reader, int64_t step, int32_t gate,
                                struct fnd_replay_past *past, struct fnd_error *error);

/** Compare all jobs at all gates, tell the differences (--diff) and count. (replay_diff.c) */
enum fnd_status fnd_replay_compare(struct fnd_replay *replay, struct fnd_error *error);

#endif
