/* SPDX-License-Identifier: MIT */
/* Human phases with a target error rate: real jobs, a person at a desk, and who is asked what. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "desk.h"
#include "learn/prover.h"

static struct desk desk;

/* Three kinds of documents: sure of all, unsure of the total, and of another supplier. */
#define READ(model)                                                                                \
    "foundry: v1\nname: invoices\nphases:\n"                                                       \
    "  - id: read\n    uses: playback/play\n    with:\n      n: \"${input.n}\"\n"                  \
    "      results:\n"                                                                             \
    "        - {supplier: {value: acme, confidence: 0.99}, total: {value: 12, confidence: 0.985}," \
    " model: {value: " model ", confidence: 0.99}}\n"                                              \
    "        - {supplier: {value: acme, confidence: 0.99}, total: {value: 21, confidence: 0.6},"   \
    " model: {value: " model ", confidence: 0.99}}\n"                                              \
    "        - {supplier: {value: zeta, confidence: 0.99}, total: {value: 12, confidence: 0.985}," \
    " model: {value: " model ", confidence: 0.99}}\n"
#define REVIEW(options)                                                                            \
    "  - {id: review, uses: foundry/human, with: {of: read, audit: 0.001%, " options "}}\n"

static int made;

/* One document of a kind comes in. Its path is in desk_path. */
static char path[32];
static void document(int kind)
{
    char name[32], line[64];
    snprintf(name, sizeof name, "%03d.jsonl", made);
    snprintf(line, sizeof line, "{\"id\":\"x\",\"n\":%d}", kind + 1);
    snprintf(path, sizeof path, "%03d.jsonl#x", made++);
    desk_line(&desk, name, line);
    desk_run(&desk);
}

static void begin(const char *yaml)
{
    made = 0;
    desk_begin(&desk, FND_ISOLATION_INLINE, false);
    desk.options.prover = fnd_learn_prover();
    desk_pipeline(&desk, yaml, NULL);
}

static void accept(void)
{
    const struct desk_answer answer = {.request = desk_request(&desk, path),
                                       .act = FND_ANSWER_ACCEPT};
    cr_assert_gt(answer.request, 0, "%s is not asked about", path);
    cr_assert_eq(desk_answer(&desk, &answer), FND_OK, "%s", desk.error.message);
}

static bool card_has(const char *text)
{
    return strstr(desk_card(&desk, desk_request(&desk, path)), text) != NULL;
}

Test(prover, everything_is_asked_until_the_target_is_proven_and_then_only_what_is_unsure)
{
    begin(READ("m1") REVIEW("target_error: 10%"));
    for (int i = 0; i < 29; i++) {
        char missing[64];
        document(0);
        snprintf(missing, sizeof missing, "proof is missing: unproven: %d more clean ", 29 - i);
        cr_assert_str_eq(desk_asked(&desk, path), "unproven ");
        cr_assert(card_has(missing), "%d: %s", i, desk_card(&desk, desk_request(&desk, path)));
        accept();
    }
    struct fnd_json record = desk_json(desk_record(&desk, desk.answered.event));
    cr_expect(fnd_json_text_is(fnd_json_member(record, "checked"), "sample"));
    cr_expect(fnd_json_text_is(fnd_json_find(record, "/proof/missing_of"), "documents"));
    document(0);
    cr_assert_eq(desk_request(&desk, path), 0);
    cr_assert_eq(desk_state(&desk, path), FND_COMPLETED);
    struct fnd_json meta = desk_json(desk_meta(&desk, path, 1));
    bool proven = false;
    double threshold = 0;
    cr_expect(fnd_json_boolean(fnd_json_find(meta, "/proof/proven"), &proven) && proven);
    cr_expect(fnd_json_number(fnd_json_find(meta, "/proof/threshold"), &threshold));
    cr_expect_eq(threshold, 0.98);
    document(1);
    cr_assert_str_eq(desk_asked(&desk, path), "/total ");
    cr_expect(card_has("/total was read with 60 % confidence; 98 % and more is proven"), "%s",
              desk_card(&desk, desk_request(&desk, path)));
    accept();
    /* That one was looked at in one place only: it proves nothing new. */
    record = desk_json(desk_record(&desk, desk.answered.event));
    cr_expect(fnd_json_text_is(fnd_json_member(record, "checked"), "asked"));
    document(1);
    cr_expect_str_eq(desk_asked(&desk, path), "/total ");
    /* Another engine over the same record knows the same. */
    desk_close(&desk);
    document(0);
    cr_expect_eq(desk_state(&desk, path), FND_COMPLETED);
    desk_end(&desk);
}

Test(prover, a_wrong_value_moves_the_goal_and_counts_where_it_is)
{
    begin(READ("m1") REVIEW("target_error: 10%, per: document"));
    for (int i = 0; i < 28; i++) {
        document(0);
        accept();
    }
    document(0);
    cr_expect(card_has("unproven: 1 more clean document would"), "%s",
              desk_card(&desk, desk_request(&desk, path)));
    cr_assert_eq(desk_set(&desk, path, "{\"/total\":13}"), FND_OK, "%s", desk.error.message);
    document(0);
    cr_expect(card_has("unproven: 17 more clean documents would"), "46 with one wrong: %s",
              desk_card(&desk, desk_request(&desk, path)));
    desk_end(&desk);
}

Test(prover, a_new_model_has_proven_nothing)
{
    begin(READ("m1") REVIEW("target_error: 30%"));
    for (int i = 0; i < 9; i++) {
        document(0);
        accept();
    }
    document(0);
    cr_assert_eq(desk_state(&desk, path), FND_COMPLETED);
    desk_pipeline(&desk, READ("m2") REVIEW("target_error: 30%"), NULL);
    desk_close(&desk);
    document(0);
    cr_expect_str_eq(desk_asked(&desk, path), "unproven ");
    cr_expect(card_has("unproven: 9 more clean documents would"), "%s",
              desk_card(&desk, desk_request(&desk, path)));
    desk_end(&desk);
}

Test(prover, a_value_that_is_new_pauses_until_it_was_checked_three_times)
{
    begin(READ("m1") REVIEW("target_error: 30%, gate: {by: /supplier, minimum: 3}"));
    for (int i = 0; i < 3; i++) {
        document(0);
        cr_assert_str_eq(desk_asked(&desk, path), "unproven novelty ");
        accept();
    }
    struct fnd_json record = desk_json(desk_record(&desk, desk.answered.event));
    cr_expect(fnd_json_text_is(fnd_json_member(record, "checked"), "all"),
              "documents of a kind that is new are another population");
    for (int i = 0; i < 9; i++) {
        document(0);
        cr_assert_str_eq(desk_asked(&desk, path), "unproven ");
        accept();
    }
    document(0);
    cr_assert_eq(desk_state(&desk, path), FND_COMPLETED);
    for (int i = 0; i < 3; i++) {
        char seen[64];
        document(2);
        cr_assert_str_eq(desk_asked(&desk, path), "novelty ");
        snprintf(seen, sizeof seen, "%s with it %s checked so far, and 3 make",
                 i == 0   ? "no document"
                 : i == 1 ? "1 document"
                          : "2 documents",
                 i == 2 ? "were" : "was");
        cr_expect(card_has(seen), "%s", desk_card(&desk, desk_request(&desk, path)));
        accept();
    }
    document(2);
    cr_expect_eq(desk_state(&desk, path), FND_COMPLETED);
    desk_end(&desk);
}

Test(prover, the_audit_looks_at_whole_documents_and_can_take_the_proof_back)
{
    begin(READ("m1") "  - {id: review, uses: foundry/human, with: {of: read, audit: 100%, "
                     "target_error: 30%}}\n");
    for (int i = 0; i < 9; i++) {
        document(0);
        cr_assert_str_eq(desk_asked(&desk, path), "unproven ");
        accept();
    }
    for (int i = 0; i < 6; i++) {
        document(0);
        cr_assert_str_eq(desk_asked(&desk, path), i == 0 ? "audit " : "unproven ", "%d", i);
        struct fnd_json card = desk_json(desk_card(&desk, desk_request(&desk, path)));
        bool audit = false;
        cr_expect(fnd_json_boolean(fnd_json_member(card, "audit"), &audit) && audit);
        cr_assert_eq(desk_set(&desk, path, "{\"/total\":1,\"/supplier\":\"b\",\"/model\":\"n\"}"),
                     FND_OK);
    }
    desk_end(&desk);
}

/* The first error that a pipeline with these options has, or "". */
static const char *refused(const char *options)
{
    static char message[1200];
    struct fnd_errors errors = {0};
    struct fnd_text yaml = {0};
    fnd_text_printf(&yaml, "%s  - {id: review, uses: foundry/human, with: {of: read, %s}}\n",
                    READ("m1"), options);
    begin(fnd_text_z(&yaml));
    desk_open(&desk);
    const enum fnd_status status =
        fnd_engine_pin(desk.engine, desk.pipeline, NULL, &desk.pin, &errors, NULL);
    cr_assert_eq(status == FND_OK, errors.count == 0);
    snprintf(message, sizeof message, "%s", errors.count > 0 ? errors.list[0].message : "");
    cr_expect(errors.count == 0 || errors.list[0].line > 0);
    fnd_text_finish(&yaml);
    desk_end(&desk);
    return message;
}

Test(prover, options_that_make_no_sense_are_refused_with_what_would_do)
{
    static const struct {
        const char *options, *message;
    } cases[] = {
        {"target_error: 1%", ""},
        {"target_error: 0.01, per: document, audit: 3%, gate: {by: /supplier}", ""},
        {"gate: {by: /supplier, minimum: 1}", ""},
        {"target_error: 0%", "`target_error` must be a share above 0 and at most 50%"},
        {"target_error: 51%", "`target_error` must be a share above 0 and at most 50%"},
        {"target_error: soon", "such as 1% or 0.01, and is soon"},
        {"per: document", "say `target_error: 1%` too"},
        {"target_error: 1%, per: page", "must be one of"},
        {"target_error: 1%, audit: 0%", "say `audit: 2%`, or leave `audit` out"},
        {"gate: {by: supplier}", "a JSON pointer to a value such as /supplier_name; supplier is"},
        {"gate: {minimum: 2}", "by"},
        {"gate: {by: /supplier, minimum: 0}", "minimum"},
        {"gate: {by: /supplier, minimum: 2.5}", "minimum"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *message = refused(cases[i].options);
        cr_expect(cases[i].message[0] == '\0' ? message[0] == '\0'
                                              : strstr(message, cases[i].message) != NULL,
                  "%s: %s", cases[i].options, message);
    }
}
