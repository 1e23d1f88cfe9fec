/* SPDX-License-Identifier: MIT */
/* What a run tells while jobs move: news to people and programs, and how it ended. */
#ifndef FND_COMMAND_FOLLOW_H
#define FND_COMMAND_FOLLOW_H

#include "command/session.h"

/** Shows lines of news; `context` for fnd_follow_line(). `= {0}` with `app` set. */
struct fnd_follow {
    struct fnd_app *app;
    size_t told;                       /* lines said of jobs that stopped */
    int64_t done, asked, failed, held; /* seen in the news */
};
/** For fnd_session_ask(): a line of a run, a follow. */
void fnd_follow_line(void *context, struct fnd_json line);
/** Append `,"news":"all"` or nothing: how much the terminal can show. */
void fnd_follow_news(const struct fnd_app *app, struct fnd_text *request);
/** The counts at the end, as data, and the next step.  summary: what is counted, "invoice-ocr".
 *  Returns the exit code. */
int fnd_follow_end(struct fnd_follow *follow, const char *directory, struct fnd_json end);
/** Follow jobs by number until they rest, and show how they ended.
 *  Returns the exit code. */
int fnd_follow_jobs(struct fnd_app *app, struct fnd_session *session, const char *directory,
                    const int64_t *jobs, size_t count);

#endif
