/* SPDX-License-Identifier: MIT */
/* What teaches: out of real records, the lines that a trainer is given and the manifest that says
 * which records they are. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "desk.h"
#include "learn/examples.h"

static struct desk desk;
static int made;
static char path[32];

/* `total_cost` is read with 0.96, `name` with 0.97: the detector asks about the first alone. */
#define DOUBTS "detectors: [{uses: detect/low-confidence, with: {below: 0.965}}]"
#define AUDIT "audit: 100%, detectors: []"
static void pipeline(const char *gate)
{
    struct fnd_text yaml = {0};
    fnd_text_printf(&yaml,
                    "foundry: v1\nname: docs\nphases:\n"
                    "  - id: say\n    uses: tutor/say\n"
                    "    with: {n: \"${input.n}\", rules: \"name 1 100000\","
                    " model: \"${models.m}\"}\n"
                    "  - {id: review, uses: foundry/human, with: {of: say, %s}}\n"
                    "models:\n  m:\n    phase: say\n    of: review\n"
                    "    trainer: {uses: tutor/train}\n",
                    gate);
    desk_pipeline(&desk, fnd_text_z(&yaml), NULL);
    fnd_text_finish(&yaml);
}

static void begin(const char *gate)
{
    made = 0;
    desk_begin(&desk, FND_ISOLATION_INLINE, false);
    pipeline(gate);
}

/* The next document that is drawn into a split: it waits for a person. */
static void document(enum fnd_split split)
{
    char name[32], line[64];
    char *salt = NULL;
    if (desk.engine == NULL) {
        desk_open(&desk);
    }
    cr_assert_eq(fnd_dataset_store(fnd_engine_reader(desk.engine), &salt, &desk.error), FND_OK);
    do {
        made++;
        snprintf(path, sizeof path, "%04d.jsonl#x", made);
    } while (fnd_dataset_split(salt, "docs", path) != split);
    free(salt);
    snprintf(name, sizeof name, "%04d.jsonl", made);
    snprintf(line, sizeof line, "{\"id\":\"x\",\"n\":%d}", made);
    desk_line(&desk, name, line);
    desk_run(&desk);
    cr_assert_eq(desk_state(&desk, path), FND_PAUSED);
}

static void answer(int act, const char *values)
{
    const struct desk_answer given = {.request = desk_request(&desk, path),
                                      .act = act,
                                      .values = values,
                                      .reason = act == FND_ANSWER_REJECT ? "no document" : NULL};
    cr_assert_eq(desk_answer(&desk, &given), FND_OK, "%s", desk.error.message);
}

static struct fnd_examples examples;
static void make(void)
{
    const struct fnd_pipeline *docs = NULL;
    fnd_examples_finish(&examples);
    examples = (struct fnd_examples){0};
    cr_assert_eq(fnd_engine_pipeline(desk.engine, desk.pin, &docs, &desk.error), FND_OK);
    cr_assert_eq(fnd_examples_make(desk.engine, docs, &docs->models[0], &examples, &desk.error),
                 FND_OK, "%s", desk.error.message);
}

/* A line as JSON; aborts unless it is. */
static struct fnd_json line_of(size_t at)
{
    struct fnd_json json = {0};
    cr_assert_lt(at, examples.count);
    cr_assert_eq(fnd_json_check(examples.lines.bytes + examples.list[at].at, examples.list[at].size,
                                "a line", &json, &desk.error),
                 FND_OK, "%s", desk.error.message);
    return json;
}

static void member_is(size_t at, const char *pointer, const char *want)
{
    const struct fnd_json found = fnd_json_find(line_of(at), pointer);
    cr_assert_not_null(found.bytes, "line %zu has no %s", at, pointer);
    cr_expect(found.size == strlen(want) && memcmp(found.bytes, want, found.size) == 0,
              "line %zu, %s: %.*s, not %s", at, pointer, (int)found.size, found.bytes, want);
}

static void end(void)
{
    fnd_examples_finish(&examples);
    desk_end(&desk);
}

Test(examples, a_confirmation_teaches_and_what_nobody_looked_at_does_not)
{
    begin(DOUBTS);
    document(FND_SPLIT_TRAIN);
    answer(FND_ANSWER_ACCEPT, NULL);
    document(FND_SPLIT_TRAIN);
    answer(FND_ANSWER_SET, "{\"/total_cost\":7}");
    document(FND_SPLIT_TRAIN);
    answer(FND_ANSWER_SET, "{\"/name\":\"seen in passing\"}");
    make();
    cr_assert_eq(examples.count, 3);
    member_is(0, "/verdict", "\"accepted\"");
    member_is(0, "/tier", "\"gold\"");
    member_is(0, "/split", "\"train\"");
    member_is(0, "/reviewed", "[\"/total_cost\"]"); /* the name was wrong, and nobody looked */
    member_is(0, "/confidence/~1total_cost", "0.96");
    member_is(1, "/verdict", "\"corrected\"");
    member_is(1, "/reviewed", "[\"/total_cost\"]");
    member_is(1, "/human/total_cost", "7");
    member_is(2, "/reviewed", "[\"/total_cost\",\"/name\"]"); /* asked, and changed unasked */
    end();
}

Test(examples, an_audit_looks_at_the_whole_document)
{
    begin(AUDIT);
    document(FND_SPLIT_TRAIN);
    answer(FND_ANSWER_ACCEPT, NULL);
    make();
    cr_assert_eq(examples.count, 1);
    member_is(0, "/reviewed", "null");
    end();
}

Test(examples, one_line_a_document_and_the_last_correction_wins)
{
    begin(DOUBTS);
    document(FND_SPLIT_TRAIN);
    answer(FND_ANSWER_SET, "{\"/total_cost\":7}");
    cr_assert_eq(
        fnd_engine_retry(desk.engine, desk_number(&desk, path), "say", true, "ann", &desk.error),
        FND_OK, "%s", desk.error.message);
    desk_rest(&desk);
    make();
    cr_assert_eq(examples.count, 1, "the first one stands until there is another");
    member_is(0, "/human/total_cost", "7");
    const int64_t first = examples.list[0].record;
    answer(FND_ANSWER_SET, "{\"/total_cost\":8}");
    make();
    cr_assert_eq(examples.count, 1);
    member_is(0, "/human/total_cost", "8");
    cr_expect_gt(examples.list[0].record, first);
    end();
}

Test(examples, documents_kept_apart_never_teach)
{
    begin(AUDIT);
    for (int i = 0; i < 2; i++) {
        document(FND_SPLIT_TRAIN);
        answer(FND_ANSWER_ACCEPT, NULL);
        document(FND_SPLIT_VALIDATION);
        answer(FND_ANSWER_ACCEPT, NULL);
        document(FND_SPLIT_TEST);
        answer(FND_ANSWER_ACCEPT, NULL);
    }
    make();
    cr_assert_eq(examples.count, 2);
    member_is(0, "/split", "\"train\"");
    member_is(1, "/split", "\"train\"");
    end();
}

Test(examples, a_rejected_document_has_no_truth)
{
    begin(AUDIT);
    document(FND_SPLIT_TRAIN);
    answer(FND_ANSWER_REJECT, NULL);
    make();
    cr_assert_eq(examples.count, 1);
    member_is(0, "/verdict", "\"rejected\"");
    member_is(0, "/human", "null");
    end();
}

Test(examples, the_manifest_names_each_record_with_the_hash_of_its_line)
{
    begin(AUDIT);
    for (int i = 0; i < 3; i++) {
        document(FND_SPLIT_TRAIN);
        answer(FND_ANSWER_ACCEPT, NULL);
    }
    make();
    const struct fnd_json manifest = desk_json(fnd_text_z(&examples.manifest));
    const struct fnd_json records = fnd_json_member(manifest, "records");
    cr_assert_eq(fnd_json_count(records), 3);
    for (size_t i = 0; i < 3; i++) {
        uint8_t digest[FND_DIGEST_SIZE];
        char hash[FND_DIGEST_TEXT_SIZE], pointer[32];
        int64_t record = 0;
        const struct fnd_example *line = &examples.list[i];
        snprintf(pointer, sizeof pointer, "/%zu/0", i);
        cr_assert(fnd_json_integer(fnd_json_find(records, pointer), &record));
        cr_expect_eq(record, line->record);
        snprintf(pointer, sizeof pointer, "/%zu/1", i);
        fnd_sha256(examples.lines.bytes + line->at, line->size, digest);
        fnd_digest_text(digest, hash);
        cr_expect(fnd_json_text_is(fnd_json_find(records, pointer), hash), "%s", hash);
    }
    /* The artifact that a training names is of these very bytes. */
    uint8_t digest[FND_DIGEST_SIZE];
    fnd_sha256(examples.manifest.bytes, examples.manifest.size, digest);
    cr_expect_eq(memcmp(digest, examples.manifest_kept.hash, sizeof digest), 0);
    /* Another record, another manifest: what a model was made of can be told from its hash. */
    document(FND_SPLIT_TRAIN);
    answer(FND_ANSWER_ACCEPT, NULL);
    make();
    cr_expect_neq(memcmp(digest, examples.manifest_kept.hash, sizeof digest), 0);
    end();
}
