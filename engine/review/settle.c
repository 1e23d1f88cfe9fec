/* SPDX-License-Identifier: MIT */
/* Answers that no person types: by a rule that a person made, by a deadline. They go the way of
 * every answer, checked by schemas and detectors; what is refused stays open for people. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "review/desk_internal.h"

struct settling {
    struct settling *next;
    struct fnd_desk *desk; /* NULL: gone */
    int64_t request;
    struct fnd_answer answer;
    struct fnd_answered answered;
    struct fnd_ruling ruling; /* what a rule says */
    struct fnd_text values, overrides;
    char *reason;
};

static void settling_free(struct settling *settling)
{
    fnd_answered_finish(&settling->answered);
    fnd_text_finish(&settling->ruling.values);
    fnd_text_finish(&settling->values);
    fnd_text_finish(&settling->overrides);
    free(settling->reason);
    free(settling);
}

bool fnd_numbers_have(const struct fnd_numbers *numbers, int64_t number)
{
    for (size_t i = 0; i < numbers->count; i++) {
        if (numbers->list[i] == number) {
            return true;
        }
    }
    return false;
}

void fnd_numbers_add(struct fnd_numbers *numbers, int64_t number)
{
    if (!fnd_numbers_have(numbers, number)) {
        numbers->list = fnd_realloc(numbers->list, numbers->count + 1, sizeof *numbers->list);
        numbers->list[numbers->count++] = number;
    }
}

bool fnd_desk_settles(const struct fnd_desk *desk, int64_t request)
{
    for (const struct settling *s = desk->settlings; s != NULL; s = s->next) {
        if (s->request == request) {
            return true;
        }
    }
    return false;
}

void fnd_settle_forget(struct fnd_desk *desk)
{
    for (struct settling *s = desk->settlings; s != NULL; s = s->next) {
        s->desk = NULL;
    }
    desk->settlings = NULL;
}

/* What a deadline's answer could not be: the request stays open, and its deadline has no effect any
 * more, which is on record, so that it is not tried for ever. */
static void lapse(struct fnd_desk *desk, int64_t request, const struct fnd_error *error)
{
    struct fnd_text body = {0};
    struct fnd_ask_row row;
    struct fnd_error unused;
    fnd_text_append_z(&body, "{\"message\":");
    fnd_text_append_json_z(&body, error->message);
    fnd_text_append_byte(&body, '}');
    if (fnd_ask_get(fnd_engine_reader(desk->engine), request, &row, NULL) == FND_OK) {
        fnd_desk_record(desk, FND_EVENT_LAPSE, request, row.fence, fnd_text_take(&body), NULL,
                        &unused);
    }
    fnd_text_finish(&body);
    fnd_log(desk->log, FND_LOG_WARNING, "review", NULL, NULL,
            "request %" PRId64 " stays open, its deadline's outcome was refused: %s", request,
            error->message);
}

static void settled(void *context, enum fnd_status status, const struct fnd_error *error)
{
    struct settling *settling = context;
    struct fnd_desk *desk = settling->desk;
    if (desk != NULL) {
        struct settling **link = &desk->settlings;
        while (*link != settling) {
            link = &(*link)->next;
        }
        *link = settling->next;
        desk->settlings_count--;
        desk->stale = true;
        /* There may be more of them than could be under way at once. */
        desk->rules_stale = desk->rules_stale || settling->answer.source == FND_SOURCE_RULE;
        if (status == FND_INVALID && settling->answer.source == FND_SOURCE_DEADLINE) {
            desk->lapses = fnd_realloc(desk->lapses, desk->lapses_count + 1, sizeof *desk->lapses);
            desk->lapses[desk->lapses_count].request = settling->request;
            desk->lapses[desk->lapses_count++].error = *error;
        } else if (status != FND_OK && status != FND_CONFLICT) {
            fnd_numbers_add(&desk->tried, settling->request);
            fnd_log(desk->log, FND_LOG_INFO, "review", NULL, NULL,
                    "request %" PRId64 " stays open: %s", settling->request, error->message);
        }
    }
    settling_free(settling);
}

void fnd_settle_lapses(struct fnd_desk *desk)
{
    for (size_t i = 0; i < desk->lapses_count; i++) {
        lapse(desk, desk->lapses[i].request, &desk->lapses[i].error);
    }
    free(desk->lapses);
    desk->lapses = NULL;
    desk->lapses_count = 0;
}

static struct settling *settling_create(struct fnd_desk *desk, int64_t request)
{
    struct settling *settling = fnd_alloc(sizeof *settling);
    settling->desk = desk;
    settling->request = request;
    settling->answer.request = request;
    settling->answer.seconds_ms = 0;
    settling->answer.run = true;
    settling->next = desk->settlings;
    desk->settlings = settling;
    desk->settlings_count++;
    return settling;
}

static void settle_begin(struct settling *settling)
{
    fnd_review_answer_begin(settling->desk->engine, &settling->answer, &settling->answered, settled,
                            settling);
}

void fnd_settle_by_rule(struct fnd_desk *desk, int64_t request)
{
    struct fnd_error error = {0};
    struct fnd_ruling ruling = {0};
    if (fnd_desk_settles(desk, request) || fnd_numbers_have(&desk->tried, request)) {
        return;
    }
    if (fnd_twins_rule(fnd_engine_reader(desk->engine), request, &ruling, &error) != FND_OK ||
        ruling.rules_count == 0) {
        fnd_numbers_add(&desk->tried, request);
        fnd_text_finish(&ruling.values);
        return;
    }
    struct settling *settling = settling_create(desk, request);
    struct fnd_text reason = {0};
    settling->ruling = ruling;
    fnd_text_printf(&reason, "answered by rule from request %" PRId64, ruling.request);
    settling->reason = fnd_text_take(&reason);
    settling->answer.source = FND_SOURCE_RULE;
    settling->answer.by = "rule";
    settling->answer.reason = settling->reason;
    settling->answer.rules = settling->ruling.rules;
    settling->answer.rules_count = settling->ruling.rules_count;
    settling->answer.values =
        (struct fnd_json){settling->ruling.values.bytes, settling->ruling.values.size};
    settling->answer.act =
        fnd_json_count(settling->answer.values) > 0 ? FND_ANSWER_SET : FND_ANSWER_ACCEPT;
    settle_begin(settling);
}

void fnd_settle_by_deadline(struct fnd_desk *desk, int64_t request, struct fnd_json asked)
{
    static const char against[] = "{\"\":\"the deadline's outcome stands\"}";
    struct fnd_json outcome = fnd_json_member(asked, "outcome");
    struct fnd_json values = fnd_json_member(asked, "default");
    if (fnd_desk_settles(desk, request) || fnd_numbers_have(&desk->tried, request)) {
        return;
    }
    struct settling *settling = settling_create(desk, request);
    char *name = fnd_json_strdup(outcome);
    struct fnd_text reason = {0};
    fnd_text_printf(&reason, "nobody answered before the deadline: %s",
                    name != NULL ? name : "skip");
    settling->reason = fnd_text_take(&reason);
    settling->answer.source = FND_SOURCE_DEADLINE;
    settling->answer.by = "deadline";
    settling->answer.reason = settling->reason;
    fnd_text_append_z(&settling->overrides, against); /* detectors asked; schemas must hold */
    settling->answer.overrides =
        (struct fnd_json){settling->overrides.bytes, settling->overrides.size};
    settling->answer.act = FND_ANSWER_ACCEPT;
    if (fnd_json_text_is(outcome, "fail")) {
        settling->answer.act = FND_ANSWER_REJECT;
    } else if (fnd_json_text_is(outcome, "default") && values.bytes != NULL &&
               fnd_json_count(values) > 0) {
        fnd_text_append(&settling->values, values.bytes, values.size);
        settling->answer.act = FND_ANSWER_SET;
        settling->answer.values = (struct fnd_json){settling->values.bytes, settling->values.size};
    }
    free(name);
    settle_begin(settling);
}
