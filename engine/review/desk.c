/* SPDX-License-Identifier: MIT */
/* Claims: who has a request, until when, and which claim is the newest. */
#include "review/desk.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "review/desk_internal.h"

struct fnd_desk *fnd_desk_create(struct fnd_engine *engine, const struct fnd_log *log)
{
    struct fnd_desk *desk = fnd_alloc(sizeof *desk);
    desk->engine = engine;
    desk->log = log;
    desk->stale = desk->rules_stale = true;
    return desk;
}

void fnd_desk_destroy(struct fnd_desk *desk)
{
    if (desk == NULL) {
        return;
    }
    fnd_undo_forget(desk);
    fnd_settle_forget(desk);
    fnd_batch_forget(desk);
    free(desk->lapses);
    free(desk->tried.list);
    free(desk->undone.list);
    free(desk);
}

void fnd_desk_tell(struct fnd_desk *desk,
                   void (*told)(void *context, const struct fnd_desk_told *told), void *context)
{
    desk->told = told;
    desk->told_context = context;
}

void fnd_desk_say(struct fnd_desk *desk, enum fnd_told what, const struct fnd_ask_row *row,
                  const char *by, int64_t until_us)
{
    struct fnd_desk_told told = {
        .request = row->request.id, .job = row->job, .by = by, .until_us = until_us};
    told.what = what;
    if (!fnd_batch_say(desk, &told) && desk->told != NULL) {
        desk->told(desk->told_context, &told);
    }
}

int64_t fnd_desk_now_us(const struct fnd_desk *desk)
{
    const struct fnd_env *env = fnd_store_env(fnd_engine_store(desk->engine));
    return env->wall_us(env);
}

enum fnd_status fnd_desk_who(const char *by, struct fnd_error *error)
{
    if (by == NULL || by[0] == '\0' || strlen(by) > FND_WHO_SIZE_MAX) {
        return fnd_error_set(error, FND_INVALID,
                             "who does it must be named, in at most %d bytes; give \"by\"",
                             FND_WHO_SIZE_MAX);
    }
    return FND_OK;
}

enum fnd_status fnd_desk_asked(struct fnd_desk *desk, int64_t request, struct fnd_text *body,
                               struct fnd_error *error)
{
    return fnd_payload_get(fnd_engine_reader(desk->engine), request, body, NULL, error);
}

int64_t fnd_asked_ms(struct fnd_json asked, const char *name, int64_t otherwise)
{
    int64_t ms = 0;
    return fnd_json_integer(fnd_json_member(asked, name), &ms) && ms > 0 ? ms : otherwise;
}

/* Reminders and escalations are told to the hooks of the request's pipeline. */
static void outbox_add(struct fnd_desk *desk, int64_t request, struct fnd_write *write)
{
    struct fnd_reader *reader = fnd_engine_reader(desk->engine);
    const struct fnd_pipeline *pipeline = NULL;
    struct fnd_request_row row;
    struct fnd_step_row step;
    if (fnd_outbox_event(write->events[0].kind) != 0 &&
        fnd_request_get(reader, request, &row, NULL) == FND_OK &&
        fnd_step_get(reader, row.step, &step, NULL) == FND_OK &&
        fnd_engine_pipeline(desk->engine, step.pin, &pipeline, NULL) == FND_OK) {
        fnd_outbox_add(fnd_store_env(fnd_engine_store(desk->engine)), pipeline, step.pin, write);
    }
}

enum fnd_status fnd_desk_record(struct fnd_desk *desk, enum fnd_event_kind kind, int64_t request,
                                int64_t fence, char *body, int64_t *number, struct fnd_error *error)
{
    struct fnd_write *write = fnd_write_create();
    fnd_write_add(write, kind, body, NULL)->ref = request;
    write->fence = fence == 0 ? FND_FENCE_UNCLAIMED : fence;
    outbox_add(desk, request, write);
    return fnd_desk_commit(desk, write, request, number, error);
}

/* {"by":…,"until_us":…} */
static char *claim_body(const char *by, int64_t until_us)
{
    struct fnd_text body = {0};
    fnd_text_append_z(&body, "{\"by\":");
    fnd_text_append_json_z(&body, by);
    if (until_us > 0) {
        fnd_text_printf(&body, ",\"until_us\":%" PRId64, until_us);
    }
    fnd_text_append_byte(&body, '}');
    return fnd_text_take(&body);
}

static int64_t lease_of(struct fnd_desk *desk, int64_t request, int64_t lease_ms)
{
    struct fnd_text body = {0};
    if (lease_ms <= 0 && fnd_desk_asked(desk, request, &body, NULL) == FND_OK) {
        struct fnd_json asked = {body.bytes, body.size};
        lease_ms = fnd_asked_ms(asked, "lease_ms", FND_LEASE_MS);
    }
    fnd_text_finish(&body);
    lease_ms = lease_ms <= 0 ? FND_LEASE_MS : lease_ms;
    lease_ms = lease_ms < FND_LEASE_MIN_MS ? FND_LEASE_MIN_MS : lease_ms;
    return lease_ms > FND_LEASE_MAX_MS ? FND_LEASE_MAX_MS : lease_ms;
}

/* Whether it is still open, as a sentence. */
static enum fnd_status still_open(const struct fnd_ask_row *row, struct fnd_error *error)
{
    if (row->request.state == FND_REQUEST_OPEN) {
        return FND_OK;
    }
    const bool answered = row->request.state == FND_REQUEST_ANSWERED;
    fnd_error_set(error, FND_CONFLICT, "request %" PRId64 " was %s meanwhile", row->request.id,
                  answered ? "answered" : "withdrawn");
    fnd_error_code(error, answered ? "request_answered" : "request_withdrawn");
    return FND_CONFLICT;
}

static enum fnd_status lease_lost(const struct fnd_ask_row *row, struct fnd_error *error)
{
    fnd_error_set(error, FND_CONFLICT,
                  "the lease on request %" PRId64 " was lost: %s took it meanwhile; what was typed "
                  "is kept",
                  row->request.id, row->holder[0] != '\0' ? row->holder : "somebody else");
    fnd_error_code(error, "lease_lost");
    return FND_CONFLICT;
}

bool fnd_ask_held(const struct fnd_ask_row *row, int64_t now_us)
{
    return row->holder[0] != '\0' && row->until_us > now_us;
}

enum fnd_status fnd_ask_leased(const struct fnd_ask_row *row, struct fnd_error *error)
{
    char until[FND_TIME_TEXT_SIZE];
    fnd_time_format(row->until_us, until);
    fnd_error_set(error, FND_CONFLICT, "request %" PRId64 " is on the desk of %s until %s",
                  row->request.id, row->holder, until);
    fnd_error_code(error, "leased");
    return FND_CONFLICT;
}

static enum fnd_status claim_row(struct fnd_desk *desk, const struct fnd_ask_row *row,
                                 const char *by, int64_t lease_ms, struct fnd_claim *claim,
                                 struct fnd_error *error)
{
    const int64_t request = row->request.id;
    const int64_t until = fnd_desk_now_us(desk) + lease_of(desk, request, lease_ms) * 1000;
    enum fnd_status status = fnd_desk_record(desk, FND_EVENT_CLAIM, request, row->fence,
                                             claim_body(by, until), NULL, error);
    if (status == FND_OK) {
        claim->request = request;
        claim->fence = row->fence + 1;
        claim->until_us = until;
        fnd_desk_say(desk, FND_TOLD_CLAIM, row, by, until);
    }
    return status;
}

enum fnd_status fnd_desk_claim(struct fnd_desk *desk, int64_t request, const char *by,
                               int64_t lease_ms, struct fnd_claim *claim, struct fnd_error *error)
{
    struct fnd_ask_row row;
    memset(claim, 0, sizeof *claim);
    enum fnd_status status = fnd_desk_who(by, error);
    if (status == FND_OK) {
        status = fnd_ask_get(fnd_engine_reader(desk->engine), request, &row, error);
    }
    if (status == FND_OK) {
        status = still_open(&row, error);
    }
    if (status != FND_OK) {
        return status;
    }
    /* The same person may come from another window: the older one is fenced off. */
    if (fnd_ask_held(&row, fnd_desk_now_us(desk)) && strcmp(row.holder, by) != 0) {
        memcpy(claim->holder, row.holder, sizeof claim->holder);
        claim->until_us = row.until_us;
        return fnd_ask_leased(&row, error);
    }
    return claim_row(desk, &row, by, lease_ms, claim, error);
}

/* Rows that may be given out, as they are walked. */
struct offer {
    const struct fnd_desk *desk;
    const struct fnd_desk_wish *wish;
    struct fnd_reader *reader;
    struct fnd_ask_row rows[FND_CLAIMS_MAX];
    size_t count;
};

static bool offer_add(const struct fnd_ask_row *row, void *context)
{
    struct offer *offer = context;
    bool settles = false;
    for (size_t i = 0; i < offer->wish->exclude_count; i++) {
        if (offer->wish->exclude[i] == row->request.id) {
            return true;
        }
    }
    if (!fnd_numbers_have(&offer->desk->tried, row->request.id) &&
        fnd_twin_is(offer->reader, row->request.id, &settles, NULL) == FND_OK && settles) {
        return true;
    }
    offer->rows[offer->count++] = *row;
    return offer->count < offer->wish->count;
}

/* Claims that were committed as one. */
struct claiming {
    struct fnd_claim *claims;
    size_t count; /* of those that stand, which are moved to the front */
    enum fnd_status status;
    struct fnd_error *error;
};

static void claimed(void *context, size_t index, enum fnd_status status,
                    const struct fnd_error *error)
{
    struct claiming *claiming = context;
    if (status == FND_OK) {
        claiming->claims[claiming->count++] = claiming->claims[index];
    } else if (status != FND_CONFLICT) { /* answered between the look and the write */
        claiming->status = status;
        *claiming->error = *error;
    }
}

enum fnd_status fnd_desk_next(struct fnd_desk *desk, const struct fnd_desk_wish *wish,
                              struct fnd_claim *claims, size_t *count, struct fnd_error *error)
{
    *count = 0;
    enum fnd_status status = fnd_desk_who(wish->by, error);
    if (status == FND_OK && (wish->count < 1 || wish->count > FND_CLAIMS_MAX)) {
        status = fnd_error_set(error, FND_INVALID, "1 to %d requests can be claimed at once",
                               FND_CLAIMS_MAX);
    }
    if (status != FND_OK) {
        return status;
    }
    struct offer offer = {.desk = desk, .wish = wish, .reader = fnd_engine_reader(desk->engine)};
    const struct fnd_ask_filter filter = {
        .group = wish->group, .pipeline = wish->pipeline, .free_us = fnd_desk_now_us(desk)};
    const struct fnd_ask_place first = {0};
    status = fnd_asks_walk(offer.reader, &filter, &first, SIZE_MAX, offer_add, &offer, error);
    if (status != FND_OK || offer.count == 0) {
        return status;
    }
    struct claiming claiming = {.claims = claims, .error = error};
    fnd_desk_batch_begin(desk);
    for (size_t i = 0; i < offer.count; i++) {
        memset(&claims[i], 0, sizeof *claims);
        (void)claim_row(desk, &offer.rows[i], wish->by, wish->lease_ms, &claims[i], error);
    }
    fnd_desk_batch_end(desk, claimed, &claiming);
    *count = claiming.count;
    return claiming.status;
}

/* The request, if it is open and this fence is the newest.  A fence that was lost is told with
 * `lost` set. */
static enum fnd_status fenced(struct fnd_desk *desk, int64_t request, const char *by, int64_t fence,
                              struct fnd_ask_row *row, struct fnd_error *error)
{
    enum fnd_status status = fnd_desk_who(by, error);
    if (status == FND_OK) {
        status = fnd_ask_get(fnd_engine_reader(desk->engine), request, row, error);
    }
    if (status == FND_OK) {
        status = still_open(row, error);
    }
    if (status == FND_OK && row->fence != fence) {
        status = lease_lost(row, error);
    }
    return status;
}

enum fnd_status fnd_desk_heartbeat(struct fnd_desk *desk, int64_t request, const char *by,
                                   int64_t fence, int64_t lease_ms, int64_t *until_us,
                                   struct fnd_error *error)
{
    struct fnd_ask_row row;
    enum fnd_status status = fenced(desk, request, by, fence, &row, error);
    if (status == FND_OK && strcmp(row.holder, by) != 0) {
        status = lease_lost(&row, error); /* it was put back, or went to another group */
    }
    if (status != FND_OK) {
        return status;
    }
    struct fnd_write *write = fnd_write_create();
    struct fnd_note *note = fnd_write_note(write, FND_NOTE_LEASE, request, NULL, NULL);
    note->fence = fence;
    note->at_us = fnd_desk_now_us(desk) + lease_of(desk, request, lease_ms) * 1000;
    *until_us = note->at_us;
    status = fnd_desk_commit(desk, write, request, NULL, error);
    if (status == FND_OK) {
        fnd_desk_say(desk, FND_TOLD_HEARTBEAT, &row, by, *until_us);
    }
    return status;
}

enum fnd_status fnd_desk_release(struct fnd_desk *desk, int64_t request, const char *by,
                                 int64_t fence, struct fnd_error *error)
{
    struct fnd_ask_row row;
    enum fnd_status status = fenced(desk, request, by, fence, &row, error);
    if (status == FND_OK && row.holder[0] == '\0') {
        return FND_OK; /* asked twice */
    }
    if (status == FND_OK) {
        status = fnd_desk_record(desk, FND_EVENT_RELEASE, request, row.fence, claim_body(by, 0),
                                 NULL, error);
    }
    if (status == FND_OK) {
        fnd_desk_say(desk, FND_TOLD_RELEASE, &row, by, 0);
    }
    return status;
}

enum fnd_status fnd_desk_snooze(struct fnd_desk *desk, int64_t request, const char *by,
                                int64_t fence, int64_t until_us, struct fnd_error *error)
{
    struct fnd_ask_row row = {0};
    const int64_t now = fnd_desk_now_us(desk);
    enum fnd_status status = fnd_desk_who(by, error);
    if (status == FND_OK && (until_us <= now || until_us - now > FND_DURATION_MAX_MS * 1000)) {
        status = fnd_error_set(error, FND_INVALID,
                               "a request can be put off to a time that is still to come");
    }
    if (status == FND_OK) {
        status = fnd_ask_get(fnd_engine_reader(desk->engine), request, &row, error);
    }
    if (status == FND_OK) {
        status = still_open(&row, error);
    }
    if (status == FND_OK && fence != 0 && fence != row.fence) {
        status = lease_lost(&row, error);
    }
    if (status == FND_OK && fence == 0 && fnd_ask_held(&row, now) && strcmp(row.holder, by) != 0) {
        status = fnd_ask_leased(&row, error);
    }
    return status != FND_OK ? status
                            : fnd_desk_record(desk, FND_EVENT_SNOOZE, request, row.fence,
                                              claim_body(by, until_us), NULL, error);
}
