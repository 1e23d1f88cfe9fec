/* SPDX-License-Identifier: MIT */
/* What happens to requests with the time: reminders, escalations, outcomes; and what rules settle.
 * Each is an event that the store takes once, whoever was killed when. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "review/desk_internal.h"

enum {
    DESK_PAGE = 32,          /* requests looked at in one turn */
    DESK_SETTLINGS_MAX = 64, /* answers by rule or deadline under way at once */
    DESK_LOOK_MAX_MS = 60000 /* the next look, at the latest: the wall clock may be set */
};

static bool overdue_add(const struct fnd_ask_row *row, void *context)
{
    struct fnd_overdue *overdue = context;
    overdue->rows[overdue->count++] = *row;
    return overdue->count < DESK_PAGE;
}

static char *escalation(struct fnd_json asked, const struct fnd_ask_row *row)
{
    struct fnd_text body = {0};
    struct fnd_json group = fnd_json_member(asked, "escalate");
    const bool ends = fnd_json_text_is(fnd_json_member(asked, "outcome"), "escalate");
    fnd_text_append_z(&body, "{\"by\":\"deadline\",\"group\":");
    fnd_text_append(&body, group.bytes, group.size);
    fnd_text_printf(&body, ",\"again\":%s,\"due_ms\":%" PRId64 "}", ends ? "false" : "true",
                    row->due_ms);
    return fnd_text_take(&body);
}

/* One thing that is due for one request. */
static void act(struct fnd_desk *desk, const struct fnd_ask_row *row)
{
    struct fnd_error error = {0};
    struct fnd_text body = {0};
    const int64_t request = row->request.id;
    enum fnd_status status = fnd_desk_asked(desk, request, &body, &error);
    struct fnd_json asked = {body.bytes, body.size};
    if (status != FND_OK) {
        fnd_log(desk->log, FND_LOG_WARNING, "review", NULL, NULL, "%s", error.message);
        fnd_numbers_add(&desk->tried, request);
    } else if (row->stage == 0 && row->remind_ms > 0) {
        status = fnd_desk_record(desk, FND_EVENT_REMIND, request, row->fence, NULL, NULL, &error);
    } else if (row->stage < 2 && fnd_json_member(asked, "escalate").bytes != NULL) {
        status = fnd_desk_record(desk, FND_EVENT_ESCALATE, request, row->fence,
                                 escalation(asked, row), NULL, &error);
    } else {
        fnd_settle_by_deadline(desk, request, asked);
    }
    if (status != FND_OK && body.size > 0) { /* it stays due, and is tried again */
        fnd_log(desk->log, FND_LOG_WARNING, "review", NULL, NULL, "%s", error.message);
    }
    fnd_text_finish(&body);
}

static void deadlines(struct fnd_desk *desk, int64_t now_us)
{
    struct fnd_reader *reader = fnd_engine_reader(desk->engine);
    struct fnd_overdue *overdue = fnd_alloc(sizeof *overdue);
    overdue->rows = fnd_alloc(DESK_PAGE * sizeof *overdue->rows);
    if (fnd_asks_due(reader, now_us, DESK_PAGE, overdue_add, overdue, NULL) == FND_OK) {
        for (size_t i = 0; i < overdue->count && desk->settlings_count < DESK_SETTLINGS_MAX; i++) {
            if (!fnd_numbers_have(&desk->tried, overdue->rows[i].request.id)) {
                act(desk, &overdue->rows[i]);
            }
        }
    }
    free(overdue->rows);
    free(overdue);
}

/* Open twins of what was answered for all. */
static void rules(struct fnd_desk *desk)
{
    struct fnd_reader *reader = fnd_engine_reader(desk->engine);
    int64_t list[DESK_PAGE], after = 0;
    size_t count = 0;
    do {
        if (fnd_twins_open(reader, after, list, DESK_PAGE, &count, NULL) != FND_OK) {
            return;
        }
        for (size_t i = 0; i < count; i++) {
            after = list[i];
            if (desk->settlings_count < DESK_SETTLINGS_MAX) {
                fnd_settle_by_rule(desk, list[i]);
            }
        }
    } while (count == DESK_PAGE && desk->settlings_count < DESK_SETTLINGS_MAX);
}

/* Records that a revoked rule gave are taken back, each once in a process: what cannot be, as its
 * job has moved past it, stays and is said. */
static void revoked(struct fnd_desk *desk)
{
    struct fnd_reader *reader = fnd_engine_reader(desk->engine);
    int64_t list[DESK_PAGE], after = 0;
    size_t count = 0;
    do {
        if (fnd_settled_revoked(reader, after, list, DESK_PAGE, &count, NULL) != FND_OK) {
            return;
        }
        for (size_t i = 0; i < count; i++) {
            struct fnd_correction_row record;
            after = list[i];
            if (!fnd_numbers_have(&desk->undone, list[i]) &&
                fnd_correction_get(reader, list[i], &record, NULL) == FND_OK) {
                const struct fnd_undo_order order = {record.request, record.id, FND_UNDO_REVOKE,
                                                     "rule", "its rule was revoked"};
                fnd_numbers_add(&desk->undone, list[i]);
                fnd_desk_undo_begin(desk, &order, NULL, NULL);
            }
        }
    } while (count == DESK_PAGE);
}

void fnd_desk_turn(struct fnd_desk *desk)
{
    const struct fnd_env *env = fnd_store_env(fnd_engine_store(desk->engine));
    if (!fnd_engine_resumed(desk->engine) ||
        (!desk->stale && env->monotonic_us(env) < desk->look_us)) {
        return;
    }
    const int64_t now_us = fnd_clock_now_us(&desk->clock, env);
    int64_t next_us = FND_DUE_NONE;
    /* Every open request is looked at for rules only when these may have changed, and once in a
     * while: an answer that makes none must not cost more, the more wait beside it. */
    const bool rules_too = desk->rules_stale || !desk->stale;
    desk->stale = desk->rules_stale = false;
    fnd_settle_lapses(desk);
    if (rules_too) {
        revoked(desk);
        rules(desk);
    }
    deadlines(desk, now_us);
    int64_t wait_us = (int64_t)DESK_LOOK_MAX_MS * 1000;
    if (fnd_asks_next_due(fnd_engine_reader(desk->engine), &next_us, NULL) == FND_OK &&
        next_us != FND_DUE_NONE && next_us - now_us < wait_us) {
        /* What is due already and still stands is under way or was refused: no hurry. */
        wait_us = next_us > now_us ? next_us - now_us : 1000000;
    }
    desk->look_us = env->monotonic_us(env) + wait_us;
}

int64_t fnd_desk_wait_us(const struct fnd_desk *desk)
{
    const struct fnd_env *env = fnd_store_env(fnd_engine_store(desk->engine));
    if (!fnd_engine_resumed(desk->engine)) {
        return -1;
    }
    const int64_t wait_us = desk->look_us - env->monotonic_us(env);
    return desk->stale || wait_us < 0 ? 0 : wait_us;
}

void fnd_desk_news(struct fnd_desk *desk, const struct fnd_news *news)
{
    struct fnd_reader *reader = fnd_engine_reader(desk->engine);
    bool is = false;
    if (news->kind == FND_EVENT_ASK) {
        desk->stale = true;
        if (fnd_twin_is(reader, news->request, &is, NULL) == FND_OK && is) {
            fnd_settle_by_rule(desk, news->request);
        }
    } else if (news->kind == FND_EVENT_UNDO || /* a request more, and a rule fewer */
               (news->kind == FND_EVENT_ANSWER &&
                (fnd_rule_made(reader, news->event, &is, NULL) != FND_OK || is))) {
        desk->stale = desk->rules_stale = true;
    }
}

enum fnd_status fnd_desk_revoke(struct fnd_desk *desk, int64_t rule, const char *by,
                                const char *reason, int64_t *settled, struct fnd_error *error)
{
    struct fnd_rule_find find = {.answer = rule};
    enum fnd_status status = fnd_desk_who(by, error);
    if (status == FND_OK) {
        status = fnd_rules_walk(fnd_engine_reader(desk->engine), rule - 1, FND_RULES_MAX,
                                fnd_rule_match, &find, error);
    }
    if (status == FND_OK && !find.found) {
        status =
            fnd_error_set(error, FND_NOT_FOUND,
                          "there is no rule %" PRId64 "; `rules list` shows which there are", rule);
    }
    if (status == FND_OK && find.row.state == FND_RULE_REVOKED) {
        status = fnd_error_set(error, FND_CONFLICT,
                               "rule %" PRId64 " was revoked by event %" PRId64 " already", rule,
                               find.row.ended);
    }
    if (status != FND_OK) {
        return status;
    }
    struct fnd_text body = {0};
    fnd_text_append_z(&body, "{\"by\":");
    fnd_text_append_json_z(&body, by);
    if (reason != NULL) {
        fnd_text_append_z(&body, ",\"reason\":");
        fnd_text_append_json_z(&body, reason);
    }
    fnd_text_append_byte(&body, '}');
    struct fnd_write *write = fnd_write_create();
    fnd_write_add(write, FND_EVENT_REVOKE, fnd_text_take(&body), NULL)->ref = rule;
    status = fnd_store_commit(fnd_engine_store(desk->engine), write, error);
    fnd_write_destroy(write);
    *settled = find.row.settled;
    desk->stale = desk->rules_stale = true;
    if (status == FND_OK) {
        revoked(desk); /* also where this engine moves nothing else */
    }
    return status;
}

bool fnd_rule_match(const struct fnd_rule_row *row, void *context)
{
    struct fnd_rule_find *find = context;
    if (row->answer == find->answer) {
        find->row = *row;
        find->found = true;
    }
    return false; /* the first row behind rule - 1 is the rule, or there is none */
}
