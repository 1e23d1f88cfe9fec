/* SPDX-License-Identifier: MIT */
/* The shapes that people and programs see: a request, and the record of an answer. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "desk.h"

static struct desk desk;

static const char invoice[] =
    "foundry: v1\nname: invoice\ninputs: {match: [\"*.png\"]}\nphases:\n"
    "  - {id: extract, uses: playback/play, with: {n: 2, results: %R}}\n"
    "  - id: review\n    uses: foundry/human\n    with:\n      of: extract\n"
    "      detectors: [{uses: detect/low-confidence, with: {below: 0.8}}]\n"
    "      schema: s.json\n";

static void run_invoice(void)
{
    desk_begin(&desk, FND_ISOLATION_INLINE, false);
    desk_pipeline(&desk, invoice, "invoice-results.json");
    desk_beside(&desk, "s.json", "{ \"type\": \"object\" }");
    desk_job(&desk, "b \xe2\x82\xac.png", "\x89PNG\r\n\x1a\nrest");
    desk_run(&desk);
}

/** The members of an object in order, each followed by a space. */
static const char *members(struct fnd_json object, char *names, size_t size)
{
    size_t used = 0;
    for (struct fnd_json_walk walk = fnd_json_walk(object); fnd_json_next(&walk);) {
        used += (size_t)snprintf(names + used, size - used, "%.*s ", (int)walk.key.size - 2,
                                 walk.key.bytes + 1);
    }
    return names;
}

static void expect_text(struct fnd_json json, const char *pointer, const char *wanted)
{
    struct fnd_json value = fnd_json_find(json, pointer);
    cr_assert_not_null(value.bytes, "%s is missing", pointer);
    cr_expect(value.size == strlen(wanted) && memcmp(value.bytes, wanted, value.size) == 0,
              "%s is %.*s, not %s", pointer, (int)value.size, value.bytes, wanted);
}

Test(record, a_request_shows_value_confidence_document_and_schema)
{
    char names[512], number[32];
    run_invoice();
    int64_t request = desk_request(&desk, "b \xe2\x82\xac.png");
    struct fnd_json card = desk_json(desk_card(&desk, request));
    cr_expect_str_eq(members(card, names, sizeof names),
                     "request version state job path pipeline phase asked_at origin questions "
                     "subject schema audit group remind_at due_at outcome escalated fence lease "
                     "snoozed_until draft ");
    snprintf(number, sizeof number, "%" PRId64, request);
    expect_text(card, "/request", number);
    expect_text(card, "/version", "1");
    expect_text(card, "/state", "\"open\"");
    expect_text(card, "/path", "\"b \xe2\x82\xac.png\"");
    expect_text(card, "/pipeline", "\"invoice\"");
    expect_text(card, "/phase", "\"review\"");
    expect_text(card, "/asked_at", "\"2023-11-14T22:13:20.000Z\"");
    expect_text(card, "/origin", "\"gate\"");
    expect_text(card, "/audit", "false");
    expect_text(card, "/schema", "{\"type\":\"object\"}");
    struct fnd_json question = fnd_json_find(card, "/questions/0");
    cr_expect_str_eq(members(question, names, sizeof names),
                     "key kind question pointer context detector value confidence ");
    expect_text(question, "/kind", "\"LOW_CONFIDENCE\"");
    expect_text(question, "/pointer", "\"/line_items/0/quantity\"");
    expect_text(question, "/detector", "\"detect/low-confidence\"");
    expect_text(question, "/value", "1.0");
    expect_text(question, "/confidence", "0.75");
    cr_expect_eq(fnd_json_count(fnd_json_find(card, "/subject/line_items")), 2);
    desk_end(&desk);
}

/** The places that are told of a record's members are those where a walk finds them. */
static void expect_places(int64_t number)
{
    static const char *const names[FND_RECORD_MEMBERS] = {
        [FND_RECORD_INPUT] = "input",
        [FND_RECORD_MODEL_OUTPUT] = "model_output",
        [FND_RECORD_HUMAN_OUTPUT] = "human_output",
        [FND_RECORD_PIPELINE] = "pipeline",
        [FND_RECORD_PATH] = "path",
        [FND_RECORD_PHASE] = "phase",
        [FND_RECORD_PIN] = "pin",
        [FND_RECORD_REVISION] = "revision",
        [FND_RECORD_VERDICT] = "verdict"};
    struct fnd_reader *reader = fnd_engine_reader(desk.engine);
    struct fnd_json found[FND_RECORD_MEMBERS], whole;
    struct fnd_record_memo memo = {0};
    struct fnd_text json = {0};
    for (int round = 0; round < 2; round++) { /* also of a record that is not the first */
        fnd_text_clear(&json);
        cr_assert_eq(
            fnd_review_record_json_at(reader, number, INT64_MAX, &memo, &json, &desk.error), FND_OK,
            "%s", desk.error.message);
        cr_assert_eq(fnd_json_check(json.bytes, json.size, NULL, &whole, &desk.error), FND_OK);
        fnd_json_members(whole, names, FND_RECORD_MEMBERS, found);
        for (size_t i = 0; i < FND_RECORD_MEMBERS; i++) {
            const struct fnd_record_place *place = &memo.places[i];
            cr_expect_eq(place->size, found[i].size, "%s", names[i]);
            cr_expect(place->size == 0 || json.bytes + place->at == found[i].bytes, "%s", names[i]);
        }
    }
    fnd_text_finish(&json);
    fnd_record_memo_finish(&memo);
}

Test(record, keeps_input_model_and_human_output_together)
{
    char names[512];
    run_invoice();
    int64_t request = desk_request(&desk, "b \xe2\x82\xac.png");
    fnd_env_seeded_advance(desk.env, 12345000);
    const struct desk_answer answer = {
        .request = request, .values = "{\"/line_items/0/quantity\":10.50}", .by = "Ann \"A\" Lee"};
    cr_assert_eq(desk_answer(&desk, &answer), FND_OK, "%s", desk.error.message);
    struct fnd_json record = desk_json(desk_record(&desk, desk.answered.event));
    cr_expect_str_eq(members(record, names, sizeof names),
                     "record uuid job path revision pipeline phase subject request verdict tier "
                     "by at seconds input model_output confidence human_output fields audit asked "
                     "pin plugins ");
    expect_text(record, "/revision", "1");
    expect_text(record, "/phase", "\"review\"");
    expect_text(record, "/subject", "\"extract\"");
    expect_text(record, "/verdict", "\"corrected\"");
    expect_text(record, "/tier", "\"gold\"");
    expect_text(record, "/by", "\"Ann \\\"A\\\" Lee\"");
    expect_text(record, "/at", "\"2023-11-14T22:13:32.345Z\"");
    expect_text(record, "/seconds", "12.345");
    cr_expect_str_eq(members(fnd_json_member(record, "input"), names, sizeof names),
                     "name path media_type sha256 size ");
    expect_text(record, "/input/media_type", "\"image/png\"");
    expect_text(record, "/input/size", "12");
    expect_text(record, "/model_output/line_items/0/quantity", "1.0");
    expect_text(record, "/human_output/line_items/0/quantity", "10.50");
    expect_text(record, "/confidence/~1line_items~10~1quantity", "0.75");
    expect_text(record, "/fields",
                "{\"/line_items/0/quantity\":{\"from\":1.0,\"to\":10.50,\"confidence\":0.75}}");
    expect_text(record, "/audit", "false");
    cr_expect_eq(fnd_json_count(fnd_json_member(record, "asked")), 1);
    cr_expect_eq(fnd_json_member(record, "pin").size, 66);
    cr_expect_str_eq(members(fnd_json_member(record, "plugins"), names, sizeof names),
                     "detect playback ");
    cr_expect_eq(fnd_json_find(record, "/plugins/detect").size, 66);
    struct fnd_json card = desk_json(desk_card(&desk, request));
    expect_text(card, "/state", "\"answered\"");
    expect_text(card, "/version", "2");
    expect_places(desk.answered.event);
    desk_end(&desk);
}

Test(record, of_a_json_job_has_its_value_and_of_a_rejection_its_reason)
{
    char names[512];
    desk_begin(&desk, FND_ISOLATION_INLINE, false);
    desk_pipeline(&desk,
                  "foundry: v1\nname: values\nphases:\n"
                  "  - {id: read, uses: steps/copy, with: {value: \"${input.n}\"}}\n"
                  "  - {id: review, uses: foundry/human, with: {of: read, audit: 100%}}\n",
                  NULL);
    desk_line(&desk, "a.jsonl", "{\"id\":\"x\",\"n\":1.50}");
    desk_run(&desk);
    const struct desk_answer answer = {
        .request = desk_request(&desk, "a.jsonl#x"), .act = FND_ANSWER_REJECT, .reason = "blurred"};
    cr_assert_eq(desk_answer(&desk, &answer), FND_OK, "%s", desk.error.message);
    struct fnd_json record = desk_json(desk_record(&desk, desk.answered.event));
    cr_expect_str_eq(members(record, names, sizeof names),
                     "record uuid job path revision pipeline phase subject request verdict tier "
                     "by at seconds reason input model_output fields audit asked pin plugins ");
    expect_text(record, "/input", "{\"value\":{\"id\":\"x\",\"n\":1.50}}");
    expect_text(record, "/reason", "\"blurred\"");
    expect_text(record, "/audit", "true");
    expect_text(record, "/fields", "{}");
    cr_expect_null(fnd_json_member(record, "human_output").bytes);
    expect_places(desk.answered.event);
    desk_end(&desk);
}

Test(record, that_is_none_is_not_found)
{
    run_invoice();
    struct fnd_text json = {0};
    struct fnd_reader *reader = fnd_engine_reader(desk.engine);
    cr_expect_eq(fnd_review_record_json(reader, 1, &json, &desk.error), FND_NOT_FOUND);
    cr_expect_not_null(strstr(desk.error.message, "record 1"), "%s", desk.error.message);
    cr_expect_eq(fnd_review_request_json(reader, 1, &json, &desk.error), FND_NOT_FOUND);
    cr_expect_not_null(strstr(desk.error.message, "request 1"), "%s", desk.error.message);
    fnd_text_finish(&json);
    desk_end(&desk);
}
