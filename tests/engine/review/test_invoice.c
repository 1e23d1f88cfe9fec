/* SPDX-License-Identifier: MIT */
/* Four invoices with exact confidences, from the first run to the finished job, in the engine's own
 * process and in workers. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "desk.h"

static const char invoice[] =
    "foundry: v1\n"
    "name: invoice\n"
    "inputs: {match: [\"*.png\"]}\n"
    "params: {threshold: {type: number, default: 0.9, min: 0, max: 1}}\n"
    "phases:\n"
    "  - id: extract\n"
    "    uses: playback/play\n"
    "    with: {name: \"${input.name}\", results: %R}\n"
    "  - id: review\n"
    "    uses: foundry/human\n"
    "    with:\n"
    "      of: extract\n"
    "      detectors:\n"
    "        - {uses: detect/low-confidence, with: {below: \"${params.threshold}\"}}\n"
    "        - uses: detect/arithmetic\n"
    "          with: {rule: quantity * unit_price == total_cost, each: /line_items}\n"
    "      audit: 0%\n"
    "      schema: invoice.schema.json\n"
    "  - {id: finish, uses: steps/copy, with: {value: \"${review}\"}}\n";

static const char schema[] =
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
    "\"supplier_name\":{\"type\":\"string\"},\"invoice_date\":{\"type\":\"string\"},"
    "\"invoice_number\":{\"type\":\"string\"},\"line_items\":{\"type\":\"array\",\"items\":{"
    "\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
    "\"item_description\":{\"type\":\"string\"},\"quantity\":{\"type\":\"number\"},"
    "\"unit_price\":{\"type\":\"number\"},\"total_cost\":{\"type\":\"number\"}}}}}}";

static const char *const names[] = {"job-1.png", "job-2.png", "job-3.png", "job-4.png"};

static void begin(struct desk *desk, enum fnd_isolation isolation, const char *const *settings)
{
    desk_begin(desk, isolation, false);
    desk->settings = settings;
    desk_pipeline(desk, invoice, "invoice-results.json");
    desk_beside(desk, "invoice.schema.json", schema);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        desk_job(desk, names[i], names[i]);
    }
    desk_run(desk);
}

Test(invoice, thresholds_ask_strictly_below)
{
    static const struct {
        const char *setting;
        const char *asked[4]; /* NULL: completed */
    } cases[] = {
        {"threshold=0.95", {NULL, "/line_items/0/quantity /supplier_name ", NULL, NULL}},
        {"threshold=0.80", {NULL, "/line_items/0/quantity ", NULL, NULL}},
        {"threshold=0.70", {NULL, NULL, NULL, NULL}},
        {"threshold=0.75", {NULL, NULL, NULL, NULL}},
        {"threshold=0.99",
         {"/line_items/0/item_description ", "/line_items/0/quantity /supplier_name ",
          "/supplier_name ", "/line_items/0/item_description "}},
    };
    static const enum fnd_isolation places[] = {FND_ISOLATION_INLINE, FND_ISOLATION_PROCESS};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const settings[] = {cases[i].setting, NULL};
        struct desk desk;
        begin(&desk, places[i % 2], settings);
        for (size_t j = 0; j < 4; j++) {
            if (cases[i].asked[j] == NULL) {
                cr_expect_eq(desk_state(&desk, names[j]), FND_COMPLETED, "%s, %s: %s",
                             cases[i].setting, names[j], desk.message);
            } else {
                cr_expect_eq(desk_state(&desk, names[j]), FND_PAUSED, "%s, %s", cases[i].setting,
                             names[j]);
                cr_expect_str_eq(desk_asked(&desk, names[j]), cases[i].asked[j]);
            }
        }
        desk_end(&desk);
    }
}

/* Keys are sorted because the canned results stand in the pipeline, whose pin is canonical. */
static const char corrected[] =
    "{\"invoice_date\":\"2025-10-22\",\"invoice_number\":\"8845-B\",\"line_items\":["
    "{\"item_description\":\"Galvanized Steel Nails, 2-inch\",\"quantity\":10,"
    "\"total_cost\":%s,\"unit_price\":15.0},{\"item_description\":\"Wood Glue, 1 Gallon\","
    "\"quantity\":1.0,\"total_cost\":35.5,\"unit_price\":35.5}],"
    "\"supplier_name\":\"Hardware & Son\"}";

static void expect_finished(struct desk *desk, const char *total)
{
    char wanted[1024];
    snprintf(wanted, sizeof wanted, corrected, total);
    cr_expect_eq(desk_state(desk, names[1]), FND_COMPLETED, "%s", desk->message);
    cr_expect_str_eq(desk_output(desk, names[1], 1), wanted);
    snprintf(wanted, sizeof wanted, "{\"value\":");
    snprintf(wanted + strlen(wanted), sizeof wanted - strlen(wanted), corrected, total);
    strcat(wanted, "}");
    cr_expect_str_eq(desk_output(desk, names[1], 2), wanted);
    cr_expect_str_eq(desk_events(desk, names[1]), "job0 output0 ask1 answer1 output1 output2",
                     "extract ran once in all, and only finish behind the answer");
}

static void what_does_not_add_up(enum fnd_isolation isolation)
{
    static const char *const settings[] = {"threshold=0.95", NULL};
    struct desk desk;
    begin(&desk, isolation, settings);
    cr_expect_eq(desk_set(&desk, names[1],
                          "{\"/supplier_name\":\"Hardware & Son\",\"/line_items/0/quantity\":10}"),
                 FND_INVALID);
    cr_expect_str_eq(desk_refused(&desk),
                     "/line_items/0: quantity * unit_price = 150.00, total_cost = 15.00");
    cr_expect_not_null(strstr(desk.error.message, "was not taken: 1 field is wrong"), "%s",
                       desk.error.message);
    cr_expect_eq(desk_state(&desk, names[1]), FND_PAUSED);
    cr_expect_eq(desk_set(&desk, names[1],
                          "{\"/supplier_name\":\"Hardware & Son\",\"/line_items/0/quantity\":10,"
                          "\"/line_items/0/total_cost\":150.00}"),
                 FND_OK, "%s", desk.error.message);
    expect_finished(&desk, "150.00");
    cr_expect_str_eq(desk_meta(&desk, names[1], 1),
                     "{\"confidence\":{\"/invoice_date\":0.99,\"/invoice_number\":0.99,"
                     "\"/line_items/0/item_description\":0.99,\"/line_items/0/unit_price\":0.99,"
                     "\"/line_items/1/item_description\":0.99,\"/line_items/1/quantity\":0.99,"
                     "\"/line_items/1/total_cost\":0.99,\"/line_items/1/unit_price\":0.99}}",
                     "what a person said has no model's confidence");
    desk_end(&desk);
}

Test(invoice, what_does_not_add_up_is_refused_until_it_does_inline)
{
    what_does_not_add_up(FND_ISOLATION_INLINE);
}

Test(invoice, what_does_not_add_up_is_refused_until_it_does_in_workers)
{
    what_does_not_add_up(FND_ISOLATION_PROCESS);
}

Test(invoice, a_reason_goes_against_a_detector_and_is_kept)
{
    static const char *const settings[] = {"threshold=0.95", NULL};
    static const char values[] =
        "{\"/supplier_name\":\"Hardware & Son\",\"/line_items/0/quantity\":10}";
    static const char *const useless[] = {"{\"/line_items/0\":\"\"}", "{\"/line_items/1\":\"no\"}",
                                          "{\"/line_items/0/quantity\":\"below it\"}"};
    struct desk desk;
    begin(&desk, FND_ISOLATION_PROCESS, settings);
    struct desk_answer answer = {.request = desk_request(&desk, names[1]), .values = values};
    for (size_t i = 0; i < sizeof useless / sizeof useless[0]; i++) {
        answer.overrides = useless[i];
        cr_expect_eq(desk_answer(&desk, &answer), FND_INVALID, "%s", useless[i]);
    }
    answer.overrides = "{\"/line_items/0\":\"the supplier gave 90 %\"}";
    cr_expect_eq(desk_answer(&desk, &answer), FND_OK, "%s", desk.error.message);
    expect_finished(&desk, "15.0");
    struct fnd_json record = desk_json(desk_record(&desk, desk.answered.event));
    cr_expect(
        fnd_json_text_is(fnd_json_member(fnd_json_member(record, "overrides"), "/line_items/0"),
                         "the supplier gave 90 %"));
    desk_end(&desk);
}

Test(invoice, an_answer_waits_for_the_next_run_where_it_is_told_to)
{
    static const char *const settings[] = {"threshold=0.80", NULL};
    struct desk desk;
    begin(&desk, FND_ISOLATION_PROCESS, settings);
    desk_close(&desk);
    desk_open(&desk); /* as `answer --no-run` does: nothing is resumed */
    struct desk_answer answer = {.request = desk_request(&desk, names[1]),
                                 .values = "{\"/line_items/0/quantity\":1}",
                                 .wait = true};
    cr_expect_eq(desk_answer(&desk, &answer), FND_OK, "%s", desk.error.message);
    cr_expect_eq(desk_state(&desk, names[1]), FND_QUEUED);
    desk_close(&desk);
    desk_run(&desk);
    cr_expect_eq(desk_state(&desk, names[1]), FND_COMPLETED);
    cr_expect_str_eq(desk_events(&desk, names[1]),
                     "job0 output0 ask1 answer1 output1 start2 output2");
    desk_end(&desk);
}

Test(invoice, an_answered_job_runs_to_its_end_in_an_engine_that_resumes_nothing_else)
{
    static const char *const settings[] = {"threshold=0.99", NULL};
    struct desk desk;
    begin(&desk, FND_ISOLATION_PROCESS, settings);
    desk_close(&desk);
    desk_open(&desk); /* as `answer` does */
    cr_expect_eq(desk_set(&desk, names[1], "{}"), FND_OK, "%s", desk.error.message);
    cr_expect_eq(desk_state(&desk, names[1]), FND_COMPLETED);
    cr_expect_eq(desk_state(&desk, names[0]), FND_PAUSED);
    desk_end(&desk);
}

Test(invoice, a_kitchen_invoice_keeps_its_types_and_all_items)
{
    struct desk desk;
    desk_begin(&desk, FND_ISOLATION_PROCESS, false);
    desk_pipeline(&desk,
                  "foundry: v1\nname: kitchen\nphases:\n"
                  "  - {id: extract, uses: playback/play, with: {n: 1, results: %R}}\n"
                  "  - id: review\n    uses: foundry/human\n    with:\n      of: extract\n"
                  "      detectors: [{uses: detect/low-confidence, with: {below: 0.9}}]\n",
                  "provisions-results.json");
    desk_line(&desk, "a.jsonl", "{\"id\":\"a\"}");
    desk_run(&desk);
    cr_expect_str_eq(desk_asked(&desk, "a.jsonl#a"), "/inventory_items/1/quantity /supplier_name ");
    cr_expect_eq(desk_set(&desk, "a.jsonl#a",
                          "{\"/supplier_name\":\"Lone Star Provisions Inc.\","
                          "\"/inventory_items/1/quantity\":50}"),
                 FND_OK, "%s", desk.error.message);
    cr_expect_str_eq(desk_output(&desk, "a.jsonl#a", 1),
                     "{\"inventory_items\":[{\"description\":\"TAVERN HAM WH\","
                     "\"linked_pantry_item_id\":101,\"quantity\":2},{\"description\":"
                     "\"ONIONS YELLOW JBO\",\"linked_pantry_item_id\":null,\"quantity\":50}],"
                     "\"invoice_number\":\"LS-2291\",\"supplier_name\":"
                     "\"Lone Star Provisions Inc.\"}");
    desk_end(&desk);
}
