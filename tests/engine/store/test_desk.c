/* SPDX-License-Identifier: MIT */
/* Requests on desks: claims with fences, working rows, answers taken back, rules; and that verify
 * sees what is wrong with any of them. */
#include "store/desk.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/verify.h"
#include "support.h"

#define PRINT "00112233445566778899aabbccddeeff"

static void body_set(struct fnd_event *event, const char *body)
{
    free(event->body);
    event->body = fnd_strdup(body);
    event->body_size = strlen(body);
}

/* A job that asks, with this body. */
static int64_t asked(struct scene *scene, const char *path, const char *body, int64_t *request)
{
    int64_t job = new_job(scene, path);
    commit(scene, write_move(scene, job, FND_EVENT_START, FND_RUNNING, 0), FND_OK);
    struct fnd_write *write = write_move(scene, job, FND_EVENT_OUTPUT, FND_RUNNING, 0);
    body_set(add_move(write, FND_EVENT_ASK, FND_PAUSED, 1), body);
    *request = commit(scene, write, FND_OK) + 1;
    return job;
}

static struct fnd_write *about(enum fnd_event_kind kind, int64_t request, int64_t fence,
                               const char *body)
{
    struct fnd_write *write = fnd_write_create();
    struct fnd_event *event =
        fnd_write_add(write, kind, body != NULL ? fnd_strdup(body) : NULL, NULL);
    event->ref = request;
    write->fence = fence;
    return write;
}

static struct fnd_ask_row ask_of(struct scene *scene, int64_t request)
{
    struct fnd_ask_row row;
    struct fnd_error error = {0};
    scene_read(scene);
    cr_assert_eq(fnd_ask_get(scene->reader, request, &row, &error), FND_OK, "%s", error.message);
    return row;
}

static void flaw_count(const char *sentence, void *context)
{
    struct fnd_text *flaws = context;
    fnd_text_append_z(flaws, sentence);
    fnd_text_append_byte(flaws, '\n');
}

/* All flaws as lines; the store may be open. */
static void verified(struct scene *scene, const char *part)
{
    struct fnd_text flaws = {0};
    struct fnd_verify result;
    scene_read(scene);
    (void)fnd_store_verify(scene->reader, &result, flaw_count, &flaws, NULL);
    if (part == NULL) {
        cr_assert_eq(result.flaws, 0, "%s", fnd_text_z(&flaws));
    } else {
        cr_assert_not_null(strstr(fnd_text_z(&flaws), part), "\"%s\" is not in: %s", part,
                           fnd_text_z(&flaws));
    }
    fnd_text_finish(&flaws);
}

Test(desk, each_claim_has_the_next_fence_and_an_older_one_is_refused)
{
    struct scene scene;
    int64_t request;
    scene_begin(&scene, 1);
    int64_t job = asked(&scene, "a.png", "{\"questions\":[]}", &request);
    commit(
        &scene,
        about(FND_EVENT_CLAIM, request, FND_FENCE_UNCLAIMED, "{\"by\":\"ann\",\"until_us\":5000}"),
        FND_OK);
    struct fnd_ask_row row = ask_of(&scene, request);
    cr_assert_eq(row.fence, 1);
    cr_assert_eq(row.until_us, 5000);
    cr_assert_str_eq(row.holder, "ann");
    commit_fails(
        &scene,
        about(FND_EVENT_CLAIM, request, FND_FENCE_UNCLAIMED, "{\"by\":\"bob\",\"until_us\":6000}"),
        FND_CONFLICT, "ann has it");
    commit(&scene, about(FND_EVENT_CLAIM, request, 1, "{\"by\":\"bob\",\"until_us\":6000}"),
           FND_OK);
    struct fnd_write *late = write_answer(&scene, job, request, true);
    late->fence = 1;
    commit_fails(&scene, late, FND_CONFLICT, "bob has it");
    struct fnd_write *beat = fnd_write_create(); /* of the older fence: nothing happens */
    struct fnd_note *note = fnd_write_note(beat, FND_NOTE_LEASE, request, NULL, NULL);
    note->fence = 1;
    note->at_us = 99999;
    commit(&scene, beat, FND_OK);
    cr_assert_eq(ask_of(&scene, request).until_us, 6000);
    beat = fnd_write_create();
    note = fnd_write_note(beat, FND_NOTE_LEASE, request, NULL, NULL);
    note->fence = 2;
    note->at_us = 7000;
    commit(&scene, beat, FND_OK);
    cr_assert_eq(ask_of(&scene, request).until_us, 7000);
    verified(&scene, NULL);
    struct fnd_write *answer = write_answer(&scene, job, request, true);
    answer->fence = 2;
    commit(&scene, answer, FND_OK);
    cr_assert_eq(ask_of(&scene, request).until_us, 0, "the answer takes the lease along");
    commit_fails(&scene, about(FND_EVENT_CLAIM, request, 2, "{\"by\":\"eve\",\"until_us\":1}"),
                 FND_CONFLICT, "answered");
    verified(&scene, NULL);
    scene_end(&scene);
}

Test(desk, drafts_outlive_the_process_and_go_with_their_own_answer)
{
    struct scene scene;
    int64_t request;
    scene_begin(&scene, 1);
    int64_t job = asked(&scene, "a.png", "{}", &request);
    struct fnd_write *write = fnd_write_create();
    fnd_write_note(write, FND_NOTE_DRAFT, request, "ann", "{\"values\":{\"/a\":1}}")->at_us = 5;
    fnd_write_note(write, FND_NOTE_DRAFT, request, "bob", "{\"values\":{}}")->at_us = 6;
    commit(&scene, write, FND_OK);
    scene_close(&scene);
    scene_open(&scene);
    scene_read(&scene);
    struct fnd_text text = {0}, who = {0};
    int64_t at = 0;
    cr_assert_eq(fnd_draft_get(scene.reader, request, "ann", &at, &text, NULL), FND_OK);
    cr_assert_str_eq(fnd_text_z(&text), "{\"values\":{\"/a\":1}}");
    cr_assert_eq(at, 5);
    cr_assert_eq(fnd_draft_latest(scene.reader, request, NULL, &who, NULL, NULL), FND_OK);
    cr_assert_str_eq(fnd_text_z(&who), "bob");
    write = write_answer(&scene, job, request, true);
    body_set(&write->events[0], "{\"record\":true,\"tier\":\"gold\",\"verdict\":\"corrected\","
                                "\"by\":\"ann\"}");
    commit(&scene, write, FND_OK);
    scene_read(&scene);
    cr_assert_eq(fnd_draft_get(scene.reader, request, "ann", NULL, NULL, NULL), FND_NOT_FOUND);
    cr_assert_eq(fnd_draft_get(scene.reader, request, "bob", NULL, NULL, NULL), FND_OK,
                 "what somebody else typed is not thrown away");
    verified(&scene, NULL);
    fnd_text_finish(&text);
    fnd_text_finish(&who);
    scene_end(&scene);
}

static bool keep(const struct fnd_ask_row *row, void *context)
{
    struct fnd_text *list = context;
    fnd_text_printf(list, "%" PRId64 " ", row->request.id);
    return true;
}

Test(desk, the_queue_is_by_due_then_by_age_without_what_is_held_or_put_off)
{
    struct scene scene;
    int64_t r[4];
    char wanted[96];
    scene_begin(&scene, 1);
    asked(&scene, "0", "{\"group\":\"leads\"}", &r[0]);
    asked(&scene, "1", "{\"due_ms\":2000}", &r[1]);
    asked(&scene, "2", "{\"due_ms\":1000,\"remind_ms\":10}", &r[2]);
    asked(&scene, "3", "{}", &r[3]);
    struct fnd_ask_filter filter = {0};
    struct fnd_ask_place place = {0};
    struct fnd_text list = {0};
    scene_read(&scene);
    cr_assert_eq(fnd_asks_walk(scene.reader, &filter, &place, 9, keep, &list, NULL), FND_OK);
    snprintf(wanted, sizeof wanted, "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " ", r[2], r[1],
             r[0], r[3]);
    cr_assert_str_eq(fnd_text_z(&list), wanted);
    int64_t now = scene.env->wall_us(scene.env), next = 0;
    cr_assert_eq(fnd_asks_next_due(scene.reader, &next, NULL), FND_OK);
    cr_assert_eq(next, now + 10 * 1000, "its reminder comes first");
    char body[96];
    snprintf(body, sizeof body, "{\"by\":\"ann\",\"until_us\":%" PRId64 "}", now + 1);
    commit(&scene, about(FND_EVENT_CLAIM, r[2], FND_FENCE_ANY, body), FND_OK);
    commit(&scene, about(FND_EVENT_SNOOZE, r[0], FND_FENCE_ANY, body), FND_OK);
    scene_read(&scene);
    filter.free_us = now;
    fnd_text_clear(&list);
    cr_assert_eq(fnd_asks_walk(scene.reader, &filter, &place, 9, keep, &list, NULL), FND_OK);
    snprintf(wanted, sizeof wanted, "%" PRId64 " %" PRId64 " ", r[1], r[3]);
    cr_assert_str_eq(fnd_text_z(&list), wanted);
    filter.free_us = now + 1; /* both times are over */
    filter.group = "leads";
    fnd_text_clear(&list);
    cr_assert_eq(fnd_asks_walk(scene.reader, &filter, &place, 9, keep, &list, NULL), FND_OK);
    snprintf(wanted, sizeof wanted, "%" PRId64 " ", r[0]);
    cr_assert_str_eq(fnd_text_z(&list), wanted);
    verified(&scene, NULL);
    fnd_text_finish(&list);
    scene_end(&scene);
}

Test(desk, reminder_and_escalation_are_taken_once)
{
    struct scene scene;
    int64_t request;
    scene_begin(&scene, 1);
    asked(&scene, "a", "{\"due_ms\":2000,\"remind_ms\":1000}", &request);
    commit(&scene, about(FND_EVENT_REMIND, request, 0, NULL), FND_OK);
    commit_fails(&scene, about(FND_EVENT_REMIND, request, 0, NULL), FND_CONFLICT, "remind already");
    struct fnd_ask_row row = ask_of(&scene, request);
    cr_assert_eq(row.next_us, row.due_us);
    fnd_env_seeded_advance(scene.env, 5000000);
    commit(&scene,
           about(FND_EVENT_ESCALATE, request, 0,
                 "{\"group\":\"leads\",\"again\":true,\"due_ms\":2000}"),
           FND_OK);
    row = ask_of(&scene, request);
    cr_assert_str_eq(row.group, "leads");
    cr_assert_eq(row.due_us, scene.env->wall_us(scene.env) + 2000000);
    commit_fails(&scene, about(FND_EVENT_ESCALATE, request, 0, "{\"group\":\"x\"}"), FND_CONFLICT,
                 "escalate already");
    commit(&scene, about(FND_EVENT_LAPSE, request, 0, "{\"message\":\"no\"}"), FND_OK);
    cr_assert_eq(ask_of(&scene, request).next_us, FND_DUE_NONE);
    verified(&scene, NULL);
    scene_end(&scene);
}

/* Answer with a rule out of the first question; the number of the answer. */
static int64_t ruled(struct scene *scene, int64_t job, int64_t request)
{
    struct fnd_write *write = write_answer(scene, job, request, true);
    body_set(&write->events[0],
             "{\"record\":true,\"tier\":\"gold\",\"verdict\":\"corrected\",\"by\":\"ann\","
             "\"twins\":[{\"question\":0,\"fingerprint\":\"" PRINT "\"}]}");
    return commit(scene, write, FND_OK);
}

static struct fnd_write *undo(struct scene *scene, int64_t job, int64_t request, int64_t answer)
{
    char body[96];
    struct fnd_write *write = write_move(scene, job, FND_EVENT_UNDO, FND_PAUSED, 1);
    snprintf(body, sizeof body, "{\"answer\":%" PRId64 ",\"by\":\"ann\",\"how\":\"undo\"}", answer);
    body_set(&write->events[0], body);
    write->events[0].ref = request;
    return write;
}

Test(desk, an_answer_taken_back_opens_the_request_and_marks_the_record)
{
    struct scene scene;
    int64_t request;
    scene_begin(&scene, 1);
    int64_t job = asked(&scene, "a", "{\"due_ms\":2000}", &request);
    int64_t answer = commit(&scene, write_answer(&scene, job, request, true), FND_OK);
    commit(&scene, write_move(&scene, job, FND_EVENT_OUTPUT, FND_COMPLETED, 1), FND_OK);
    fnd_env_seeded_advance(scene.env, 1000000);
    int64_t undone = commit(&scene, undo(&scene, job, request, answer), FND_OK);
    struct fnd_ask_row row = ask_of(&scene, request);
    cr_assert_eq(row.request.state, FND_REQUEST_OPEN);
    cr_assert_eq(row.request.version, 3);
    cr_assert_eq(row.reopened, undone);
    cr_assert_eq(row.due_us, scene.env->wall_us(scene.env) + 2000000, "its time begins anew");
    cr_assert_eq(step_of(&scene, job).outputs_count, 1, "the gate's own output is gone");
    struct fnd_correction_row record;
    cr_assert_eq(fnd_correction_get(scene.reader, answer, &record, NULL), FND_OK);
    cr_assert_eq(record.undone, undone);
    commit_fails(&scene, undo(&scene, job, request, answer), FND_CONFLICT, "no answer");
    verified(&scene, NULL);
    scene_end(&scene);
}

Test(desk, rules_hold_for_twins_until_they_are_replaced_undone_or_revoked)
{
    static const char body[] = "{\"questions\":[{\"fingerprint\":\"" PRINT "\"}]}";
    struct scene scene;
    int64_t first, second, third, list[4], job, other;
    size_t count = 0;
    bool is = true;
    scene_begin(&scene, 1);
    job = asked(&scene, "a", body, &first);
    other = asked(&scene, "b", body, &second);
    scene_read(&scene);
    cr_assert_eq(fnd_twins_count(scene.reader, first, list, NULL), FND_OK);
    cr_assert_eq(list[0], 1);
    cr_assert_eq(fnd_twin_is(scene.reader, second, &is, NULL), FND_OK);
    cr_assert_not(is, "nobody has answered yet");
    int64_t rule = ruled(&scene, job, first);
    scene_read(&scene);
    cr_assert_eq(fnd_twins_open(scene.reader, 0, list, 4, &count, NULL), FND_OK);
    cr_assert_eq(count, 1);
    cr_assert_eq(list[0], second);
    struct fnd_write *write = write_answer(&scene, other, second, true);
    char settled[160];
    snprintf(settled, sizeof settled,
             "{\"record\":true,\"tier\":\"silver\",\"verdict\":\"corrected\",\"by\":\"rule\","
             "\"rules\":[%" PRId64 "]}",
             rule);
    body_set(&write->events[0], settled);
    write->tier = FND_TIER_SILVER;
    int64_t given = commit(&scene, write, FND_OK);
    verified(&scene, NULL);
    commit(&scene, about(FND_EVENT_REVOKE, rule, 0, "{\"by\":\"ann\"}"), FND_OK);
    scene_read(&scene);
    cr_assert_eq(fnd_settled_revoked(scene.reader, 0, list, 4, &count, NULL), FND_OK);
    cr_assert_eq(count, 1);
    cr_assert_eq(list[0], given);
    commit(&scene, undo(&scene, other, second, given), FND_OK);
    scene_read(&scene);
    cr_assert_eq(fnd_settled_revoked(scene.reader, 0, list, 4, &count, NULL), FND_OK);
    cr_assert_eq(count, 0);
    cr_assert_eq(fnd_twin_is(scene.reader, second, &is, NULL), FND_OK);
    cr_assert_not(is, "the rule is revoked");
    ruled(&scene, other, second); /* a person answers anew, for all */
    asked(&scene, "c", body, &third);
    scene_read(&scene);
    cr_assert_eq(fnd_twin_is(scene.reader, third, &is, NULL), FND_OK);
    cr_assert(is);
    verified(&scene, NULL);
    scene_close(&scene);
    sql(&scene, "DELETE FROM settled");
    verified(&scene, "settled");
    sql(&scene, "DELETE FROM twin WHERE request > 10");
    verified(&scene, "twin");
    sql(&scene, "UPDATE rule SET ended = 1");
    verified(&scene, "rule");
    scene_end(&scene);
}

Test(desk, a_working_row_that_refers_to_nothing_is_a_flaw)
{
    static const struct {
        const char *sql, *flaw;
    } cases[] = {
        {"INSERT INTO lease VALUES(999, 1, 1, 0)", "lease 999: there is no such request"},
        {"UPDATE lease SET fence = 7", "nobody has claimed"},
        {"INSERT INTO draft VALUES(999, 'ann', 1, '{}', 0)", "draft 999: there is no such request"},
        {"UPDATE draft SET body = '[1]'", "it is no JSON object"},
        {"UPDATE draft SET body = '{'", "it is no JSON object"},
        {"INSERT INTO outbox VALUES(1, 999, 0, 2, 1, 0, 0, 1, NULL, 0)", "there is no event"},
        {"INSERT INTO outbox VALUES(1, 1, 0, 999, 1, 0, 0, 1, NULL, 0)", "no pinned pipeline"},
        {"INSERT INTO outbox VALUES(1, 1, 0, 2, 1, 5, 0, 1, NULL, 0)", "its state"},
        {"UPDATE lease SET until = until + 1", "a bit of it has changed"},
        {"UPDATE draft SET who = 'bob'", "a bit of it has changed"},
        {"UPDATE draft SET body = '{ }'", "a bit of it has changed"},
        {"INSERT INTO outbox VALUES(1, 1, 0, 2, 1, 0, 0, 1, NULL, 0)", "a bit of it has changed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene scene;
        int64_t request;
        scene_begin(&scene, 1);
        asked(&scene, "a", "{}", &request);
        struct fnd_write *write =
            about(FND_EVENT_CLAIM, request, 0, "{\"by\":\"ann\",\"until_us\":1}");
        fnd_write_note(write, FND_NOTE_DRAFT, request, "ann", "{}");
        commit(&scene, write, FND_OK);
        verified(&scene, NULL);
        scene_close(&scene);
        sql(&scene, cases[i].sql);
        verified(&scene, cases[i].flaw);
        scene_end(&scene);
    }
}
