/* SPDX-License-Identifier: MIT */
/* Lists of boxes: items deleted, drawn and moved, and what a model said of the others. */
#include <criterion/criterion.h>
#include <string.h>

#include "desk.h"

static struct desk desk;

static const char poles[] =
    "foundry: v1\nname: poles\ninputs: {match: [\"*.png\"]}\nphases:\n"
    "  - {id: detect, uses: playback/play, with: {name: \"${input.name}\", results: %R}}\n"
    "  - id: review\n    uses: foundry/human\n    with:\n      of: detect\n"
    "      detectors: [{uses: detect/low-confidence, with: {below: 0.95}}]\n"
    "  - {id: finish, uses: steps/copy, with: {value: \"${review.boxes}\"}}\n";

static void run_poles(void)
{
    static const char *const names[] = {"1.png", "2.png", "3.png", "4.png", "5.png", "6.png"};
    desk_begin(&desk, FND_ISOLATION_PROCESS, false);
    desk_pipeline(&desk, poles, "pole-results.json");
    for (size_t i = 0; i < 6; i++) {
        desk_job(&desk, names[i], names[i]);
    }
    desk_run(&desk);
}

Test(boxes, two_of_six_images_are_asked_twice_each)
{
    run_poles();
    cr_expect_eq(desk_state(&desk, "1.png"), FND_COMPLETED);
    cr_expect_eq(desk_state(&desk, "4.png"), FND_COMPLETED);
    cr_expect_str_eq(desk_asked(&desk, "2.png"), "/boxes/1 ");
    cr_expect_str_eq(desk_asked(&desk, "3.png"), "/boxes/1 ");
    cr_expect_str_eq(desk_asked(&desk, "5.png"), "/boxes/1 ");
    cr_expect_str_eq(desk_asked(&desk, "6.png"), "/boxes/1 ");
    desk_end(&desk);
}

Test(boxes, the_box_that_stays_is_untouched_with_its_own_confidence)
{
    run_poles();
    const struct desk_answer answer = {.request = desk_request(&desk, "2.png"),
                                       .removed = "[\"/boxes/1\"]"};
    cr_expect_eq(desk_answer(&desk, &answer), FND_OK, "%s", desk.error.message);
    cr_expect_str_eq(
        desk_output(&desk, "2.png", 1),
        "{\"boxes\":[{\"box\":[400,150,450,480],\"box_id\":\"c3\",\"label\":\"utility_pole\"}]}");
    cr_expect_str_eq(desk_meta(&desk, "2.png", 1), "{\"confidence\":{\"/boxes/0\":0.99}}");
    cr_expect_eq(desk_state(&desk, "2.png"), FND_COMPLETED);
    struct fnd_json record = desk_json(desk_record(&desk, desk.answered.event));
    cr_expect(fnd_json_text_is(fnd_json_member(record, "verdict"), "corrected"));
    cr_expect_eq(fnd_json_count(fnd_json_find(record, "/model_output/boxes")), 2);
    cr_expect_eq(fnd_json_count(fnd_json_find(record, "/human_output/boxes")), 1);
    cr_expect_eq(fnd_json_find(fnd_json_member(record, "fields"), "/~1boxes~11/from").bytes != NULL,
                 true);
    desk_end(&desk);
}

Test(boxes, a_drawn_pole_has_no_confidence_and_a_moved_edge_loses_its_own)
{
    run_poles();
    const struct desk_answer answer = {
        .request = desk_request(&desk, "3.png"),
        .removed = "[\"/boxes/1\"]",
        .values = "{\"/boxes/-\":{\"box_id\":\"h1\",\"label\":\"utility_pole\","
                  "\"box\":[500,100,540,420]},\"/boxes/0/box/2\":300}"};
    cr_expect_eq(desk_answer(&desk, &answer), FND_OK, "%s", desk.error.message);
    cr_expect_str_eq(desk_output(&desk, "3.png", 1),
                     "{\"boxes\":[{\"box\":[220,180,300,400],\"box_id\":\"e5\",\"label\":"
                     "\"utility_pole\"},{\"box_id\":\"h1\",\"label\":\"utility_pole\",\"box\":"
                     "[500,100,540,420]}]}");
    cr_expect_str_eq(desk_meta(&desk, "3.png", 1), "", "no box is as the model gave it");
    desk_end(&desk);
}

/* Six boxes; 1, 3 and 4 are doubted. */
#define SIX                                                                                        \
    "foundry: v1\nname: six\nphases:\n"                                                            \
    "  - id: detect\n    uses: playback/play\n    with:\n      n: 1\n      results:\n"             \
    "        - items: [{id: a, confidence: 0.99}, {id: b, confidence: 0.5},"                       \
    " {id: c, confidence: 0.98}, {id: d, confidence: 0.5}, {id: e, confidence: 0.5},"              \
    " {id: f, confidence: 0.97}]\n"                                                                \
    "  - id: review\n    uses: foundry/human\n    with:\n      of: detect\n"                       \
    "      detectors: [{uses: detect/low-confidence, with: {below: 0.9}}]\n"                       \
    "  - id: again\n    uses: foundry/human\n    with:\n      of: review\n"                        \
    "      detectors: [{uses: detect/low-confidence, with: {below: 0.9}}]\n"

Test(boxes, pointers_mean_the_document_as_it_was_shown)
{
    static const struct {
        const char *values, *removed, *output, *meta;
    } cases[] = {
        {NULL, "[\"/items/1\",\"/items/3\",\"/items/4\"]",
         "{\"items\":[{\"id\":\"a\"},{\"id\":\"c\"},{\"id\":\"f\"}]}",
         "{\"confidence\":{\"/items/0\":0.99,\"/items/1\":0.98,\"/items/2\":0.97}}"},
        {NULL, "[\"/items/4\",\"/items/1\",\"/items/3\"]",
         "{\"items\":[{\"id\":\"a\"},{\"id\":\"c\"},{\"id\":\"f\"}]}",
         "{\"confidence\":{\"/items/0\":0.99,\"/items/1\":0.98,\"/items/2\":0.97}}"},
        {"{\"/items/3/id\":\"D\"}", "[\"/items/1\"]",
         "{\"items\":[{\"id\":\"a\"},{\"id\":\"c\"},{\"id\":\"D\"},{\"id\":\"e\"},{\"id\":\"f\"}]}",
         "{\"confidence\":{\"/items/0\":0.99,\"/items/1\":0.98,\"/items/4\":0.97}}"},
        {NULL, "[\"/items/1\",\"/items/1\"]",
         "{\"items\":[{\"id\":\"a\"},{\"id\":\"c\"},{\"id\":\"d\"},{\"id\":\"e\"},{\"id\":\"f\"}]}",
         "{\"confidence\":{\"/items/0\":0.99,\"/items/1\":0.98,\"/items/4\":0.97}}"},
        {NULL, "[\"/items/1\",\"/items/1/id\",\"/items/2/id\"]",
         "{\"items\":[{\"id\":\"a\"},{},{\"id\":\"d\"},{\"id\":\"e\"},{\"id\":\"f\"}]}",
         "{\"confidence\":{\"/items/0\":0.99,\"/items/4\":0.97}}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        desk_begin(&desk, FND_ISOLATION_INLINE, false);
        desk_pipeline(&desk, SIX, NULL);
        desk_line(&desk, "a.jsonl", "{\"id\":\"x\"}");
        desk_run(&desk);
        cr_expect_str_eq(desk_asked(&desk, "a.jsonl#x"), "/items/1 /items/3 /items/4 ");
        const struct desk_answer answer = {.request = desk_request(&desk, "a.jsonl#x"),
                                           .values = cases[i].values,
                                           .removed = cases[i].removed};
        cr_expect_eq(desk_answer(&desk, &answer), FND_OK, "case %zu: %s", i, desk.error.message);
        cr_expect_str_eq(desk_output(&desk, "a.jsonl#x", 1), cases[i].output, "case %zu", i);
        cr_expect_str_eq(desk_meta(&desk, "a.jsonl#x", 1), cases[i].meta, "case %zu: %s", i,
                         desk_meta(&desk, "a.jsonl#x", 1));
        cr_expect_eq(desk_state(&desk, "a.jsonl#x"), FND_COMPLETED,
                     "case %zu: nothing that was answered is asked again", i);
        desk_end(&desk);
    }
}
