/* SPDX-License-Identifier: MIT */
/* A request with the documents that it is about. */
#ifndef FND_REVIEW_VIEW_H
#define FND_REVIEW_VIEW_H

#include "review/internal.h"

struct fnd_view {
    struct fnd_request_row row;
    struct fnd_event_row event;
    struct fnd_step_row step;
    struct fnd_job_row job;
    struct fnd_text asked, subject, marks, pin;
};

/** `= {0}` before; finish in any case. */
enum fnd_status fnd_view_load(struct fnd_reader *reader, int64_t request, struct fnd_view *view,
                              struct fnd_error *error);
void fnd_view_finish(struct fnd_view *view);
struct fnd_json fnd_view_json(const struct fnd_text *text); /* no value for an empty text */
/** Append {"request","version","state", without the end; and the members that every form of a
 * request has behind them, a comma before each: "phase", "asked_at", "origin", "questions",
 * "subject", "schema", "audit", of which the last alone. */
void fnd_view_begin(const struct fnd_request_row *row, struct fnd_text *json);
void fnd_view_append(const struct fnd_view *view, struct fnd_text *json);
void fnd_view_audit(struct fnd_json asked, struct fnd_text *json);

#endif
