/* SPDX-License-Identifier: MIT */
/* What rules of `redact:` take out, where somebody looks for it by another way than reading it:
 * hashes that can be guessed, texts that are written otherwise. tests/system/redact_leak.sh plants
 * markers in every place of every format. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "dataset/why.h"
#include "support.h"

static const char open_rules[] = "{}";
static const char closed[] = "{\"redact\":[{\"pointer\":\"/supplier_name\",\"action\":\"mask\"}]}";

static void foundry_to(struct scene *scene, const char *name, struct fnd_text *text)
{
    struct fnd_export_result result = {0};
    struct fnd_export_options options = scene_options(scene, "foundry");
    char path[PATH_SIZE];
    options.out = scene_path(scene, name, path);
    scene_export(scene, &options, &result, FND_OK, NULL);
    read_all(path, text);
    fnd_export_result_finish(&result);
}

/** The text with `to` for each `from`, written as a file. */
static void replaced(struct scene *scene, const struct fnd_text *text, const char *from,
                     const char *to, const char *name, char path[PATH_SIZE])
{
    struct fnd_text out = {0};
    struct fnd_error error = {0};
    size_t count = 0;
    const char *at = text->bytes;
    for (const char *found = strstr(at, from); found != NULL; found = strstr(at, from)) {
        fnd_text_append(&out, at, (size_t)(found - at));
        fnd_text_append_z(&out, to);
        at = found + strlen(from);
        count++;
    }
    fnd_text_append_z(&out, at);
    cr_assert_gt(count, 0, "%s is not in %s", from, text->bytes);
    scene_path(scene, name, path);
    cr_assert_eq(fnd_file_write(AT_FDCWD, path, out.bytes, out.size, 0600, &error), FND_OK);
    fnd_text_finish(&out);
}

static enum fnd_status import_take(void *context, const struct fnd_text *example, bool *known,
                                   struct fnd_error *error)
{
    return scene_take(context, example, known, error);
}

static void import_from(struct scene *scene, const char *path)
{
    struct fnd_import_result result = {0};
    struct fnd_error error = {0};
    const struct fnd_import_options options = {.format = "foundry",
                                               .path = path,
                                               .pipeline = "invoice",
                                               .by = "ann",
                                               .take = import_take,
                                               .context = scene};
    cr_assert_eq(fnd_dataset_import(&options, &result, &error), FND_OK, "%s", error.message);
    cr_assert_eq(result.records, 1);
}

/* Whoever has all but one value of a record can try what it was until a hash comes out the same,
 * and questions quote a value's beginning. An import keeps both, one in the other. */
Test(redact, what_an_import_keeps_tells_nothing)
{
    static const char *const hashes[] = {"/provenance/imported/content",
                                         "/provenance/imported/sha256",
                                         "/provenance/imported/provenance/imported/content",
                                         "/provenance/imported/provenance/imported/sha256"};
    struct scene there, between, here;
    struct fnd_text line = {0}, told = {0}, left = {0};
    char path[PATH_SIZE];
    scene_begin(&there, 201);
    const int64_t pin = scene_pin(&there, "invoice", open_rules);
    const int64_t job = scene_value_job(&there, pin, "invoice", "a", "{\"n\":1}");
    scene_model(&there, job, "{\"supplier_name\":\"Hardwar & Sons of Hull\",\"total\":1.50}",
                "{\"confidence\":{},\"origin\":{}}");
    scene_answer(
        &there, job, scene_ask(&there, job), "corrected",
        "{\"/supplier_name\":{\"from\":\"Hardwar & Sons of Hull\",\"to\":\"Hardware & Sons of "
        "Hull\"}}",
        "{\"supplier_name\":\"Hardware & Sons of Hull\",\"total\":1.50}");
    foundry_to(&there, "there.jsonl", &line);
    replaced(&there, &line, "Right?", "Is \\\"Hardwar & So\\u2026 right?", "asked.jsonl", path);
    scene_begin(&between, 202);
    scene_pin(&between, "invoice", open_rules);
    import_from(&between, path);
    fnd_text_clear(&line);
    foundry_to(&between, "between.jsonl", &line);
    scene_begin(&here, 203);
    scene_pin(&here, "invoice", open_rules);
    import_from(&here, scene_path(&between, "between.jsonl", path));
    foundry_to(&here, "told.jsonl", &told);
    cr_assert(strstr(told.bytes, "Hardwar & So") != NULL, "nothing to take out");
    scene_pin(&here, "invoice", closed);
    foundry_to(&here, "left.jsonl", &left);
    cr_expect_null(strstr(left.bytes, "Hardwar"), "%s", left.bytes);
    const struct fnd_json before = {told.bytes, told.size - 1}, after = {left.bytes, left.size - 1};
    for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++) {
        char *hash = fnd_json_strdup(fnd_json_find(before, hashes[i]));
        cr_assert(hash != NULL && strlen(hash) == 64, "%s in %s", hashes[i], told.bytes);
        cr_expect_null(strstr(left.bytes, hash), "%s", hashes[i]);
        free(hash);
        hash = fnd_json_strdup(fnd_json_find(after, hashes[i]));
        cr_expect(hash != NULL && strncmp(hash, "[hash:", 6) == 0, "%s in %s", hashes[i],
                  left.bytes);
        free(hash);
    }
    fnd_text_finish(&line);
    fnd_text_finish(&told);
    fnd_text_finish(&left);
    scene_end(&there);
    scene_end(&between);
    scene_end(&here);
}

/* Forms and pages write a text otherwise. */
Test(redact, what_is_quoted_as_a_form_or_a_page_has_it_is_found)
{
    static const char *const quotes[] = {"https://x.example/?q=Hardware+%26+Son&n=1",
                                         "https://x.example/?q=%22Hardware+&+Son%22",
                                         "<b>Hardware &amp; Son</b>",
                                         "<b title='Hardware&#32;&#x26; Son'/>",
                                         "&lt;b&gt;Hardware &amp;amp; Son&lt;/b&gt;",
                                         "H&#97;rdware &AMP; Son, Hardware &#0038; Son"};
    struct scene scene;
    struct fnd_text line = {0};
    scene_begin(&scene, 204);
    const int64_t pin = scene_pin(&scene, "invoice", closed);
    for (size_t i = 0; i < sizeof quotes / sizeof quotes[0]; i++) {
        struct fnd_text document = {0};
        char path[16];
        (void)snprintf(path, sizeof path, "%zu", i);
        fnd_text_append_z(&document, "{\"supplier_name\":\"Hardware & Son\",\"seen\":");
        fnd_text_append_json_z(&document, quotes[i]);
        fnd_text_append_byte(&document, '}');
        const int64_t job = scene_value_job(&scene, pin, "invoice", path, "{\"n\":1}");
        scene_model(&scene, job, fnd_text_z(&document), "{\"confidence\":{},\"origin\":{}}");
        scene_answer(&scene, job, scene_ask(&scene, job), "accepted", "{}", fnd_text_z(&document));
        fnd_text_finish(&document);
    }
    foundry_to(&scene, "left.jsonl", &line);
    cr_expect_null(strstr(line.bytes, "Son"), "%s", line.bytes);
    cr_expect_null(strstr(line.bytes, "ardware"), "%s", line.bytes);
    cr_expect(strstr(line.bytes, "x.example") != NULL, "what stands around it stays");
    fnd_text_finish(&line);
    scene_end(&scene);
}

/* A withheld picture could be found by its hash; `why` shows what exports show. */
Test(redact, why_of_a_withheld_picture_has_no_hash_of_it)
{
    struct scene scene;
    struct fnd_export_result result = {0};
    struct fnd_text json = {0};
    struct fnd_error error = {0};
    size_t broken = 0;
    char hash[FND_DIGEST_TEXT_SIZE], path[PATH_SIZE];
    uint8_t digest[FND_DIGEST_SIZE];
    static const char bytes[] = "\x89PNG\r\n\x1a\n, a picture of Hardware & Son";
    scene_begin(&scene, 205);
    const int64_t pin = scene_pin(&scene, "invoice", closed);
    const int64_t job =
        scene_file_job(&scene, pin, "invoice", "a.png", "image/png", bytes, sizeof bytes);
    scene_model(&scene, job, "{\"supplier_name\":\"Hardwar\"}",
                "{\"confidence\":{},\"origin\":{}}");
    scene_answer(&scene, job, scene_ask(&scene, job), "corrected",
                 "{\"/supplier_name\":{\"from\":1,\"to\":2}}",
                 "{\"supplier_name\":\"Hardware & Son\"}");
    fnd_sha256(bytes, sizeof bytes, digest);
    fnd_digest_text(digest, hash);
    struct fnd_export_options options = scene_options(&scene, "foundry");
    options.out = scene_path(&scene, "x.jsonl", path);
    scene_export(&scene, &options, &result, FND_OK, NULL);
    for (size_t i = 0; i < 3; i++) { /* as it is, with the picture altered, and gone */
        const struct fnd_why_question question = {.file = path, .line = 1};
        char name[FND_ARTIFACT_PATH_SIZE], file[PATH_SIZE], below[FND_ARTIFACT_PATH_SIZE + 16];
        fnd_artifact_path(digest, name);
        (void)snprintf(below, sizeof below, ".foundry/%s", name);
        scene_path(&scene, below, file);
        cr_assert(i == 0 || unlink(file) == 0);
        cr_assert(i != 1 || fnd_file_write(AT_FDCWD, file, "other", 5, 0600, &error) == FND_OK);
        fnd_text_clear(&json);
        cr_assert_eq(fnd_dataset_why(scene.reader, &question, &json, &broken, &error), FND_OK, "%s",
                     error.message);
        cr_expect_null(strstr(json.bytes, hash), "%zu: %s", i, json.bytes);
        cr_expect_null(strstr(json.bytes, hash + 2), "%zu: %s", i, json.bytes);
        cr_expect_null(strstr(json.bytes, "\"size\""), "%zu: %s", i, json.bytes);
        cr_expect_null(strstr(json.bytes, "ardwar"), "%zu: %s", i, json.bytes);
        cr_expect(strstr(json.bytes, i == 0 ? "\"whole\":true" : "\"whole\":false") != NULL,
                  "%zu: %s", i, json.bytes);
        cr_expect_eq(broken, i == 0 ? 0 : 1, "%zu: %s", i, json.bytes);
    }
    fnd_export_result_finish(&result);
    fnd_text_finish(&json);
    scene_end(&scene);
}

/* Where the record cannot be read, nobody knows what a rule would take out of it. */
Test(redact, why_of_a_damaged_record_tells_nothing_that_it_may_not)
{
    struct scene scene;
    struct fnd_export_result result = {0};
    struct fnd_text json = {0};
    struct fnd_error error = {0};
    size_t broken = 0;
    char path[PATH_SIZE], statement[256];
    static const char bytes[] = "\x89PNG\r\n\x1a\n, a picture";
    scene_begin(&scene, 206);
    const int64_t pin = scene_pin(&scene, "invoice", closed);
    const int64_t job =
        scene_file_job(&scene, pin, "invoice", "a.png", "image/png", bytes, sizeof bytes);
    scene_model(&scene, job, "{\"supplier_name\":\"Hardwar\"}",
                "{\"confidence\":{},\"origin\":{}}");
    const int64_t record = scene_answer(
        &scene, job, scene_ask(&scene, job), "corrected",
        "{\"/supplier_name\":{\"from\":1,\"to\":2}},\"reason\":\"Hardware & Son, I asked them\"",
        "{\"supplier_name\":\"Hardware & Son\"}");
    struct fnd_export_options options = scene_options(&scene, "foundry");
    options.out = scene_path(&scene, "x.jsonl", path);
    scene_export(&scene, &options, &result, FND_OK, NULL);
    const struct fnd_why_question question = {.file = path, .line = 1};
    cr_assert_eq(fnd_dataset_why(scene.reader, &question, &json, &broken, &error), FND_OK);
    cr_expect(strstr(json.bytes, "\"reason\":\"[redacted], I asked them\"") != NULL, "%s",
              json.bytes);
    (void)snprintf(statement, sizeof statement,
                   "UPDATE payload SET body = cast(replace(cast(body AS TEXT), 'Son', 'Sun') AS "
                   "BLOB) WHERE event = %" PRId64,
                   record + 1);
    scene_tamper(&scene, statement);
    fnd_text_clear(&json);
    cr_assert_eq(fnd_dataset_why(scene.reader, &question, &json, &broken, &error), FND_OK, "%s",
                 error.message);
    cr_expect_gt(broken, 0);
    cr_expect_null(strstr(json.bytes, "Hardware"), "%s", json.bytes);
    cr_expect_null(strstr(json.bytes, "\"size\""), "%s", json.bytes);
    fnd_export_result_finish(&result);
    fnd_text_finish(&json);
    scene_end(&scene);
}

/* Questions with the same matter have the same fingerprint, which is a hash of it: who knows the
 * rest can try what it was. */
Test(redact, fingerprints_of_questions_are_keyed)
{
    static const char print[] = "4f1e2d3c4b5a69788796a5b4c3d2e1f0";
    struct scene there, here;
    struct fnd_text line = {0}, told = {0}, left = {0};
    char path[PATH_SIZE];
    scene_begin(&there, 207);
    const int64_t pin = scene_pin(&there, "invoice", open_rules);
    const int64_t job = scene_value_job(&there, pin, "invoice", "a", "{\"n\":1}");
    scene_model(&there, job, "{\"supplier_name\":\"Hardwar\"}",
                "{\"confidence\":{},\"origin\":{}}");
    scene_answer(&there, job, scene_ask(&there, job), "corrected",
                 "{\"/supplier_name\":{\"from\":\"Hardwar\",\"to\":\"Hardware\"}},\"twins\":["
                 "{\"question\":0,\"fingerprint\":\"4f1e2d3c4b5a69788796a5b4c3d2e1f0\",\"patch\":"
                 "{\"/supplier_name\":\"Hardware\"}}]",
                 "{\"supplier_name\":\"Hardware\"}");
    foundry_to(&there, "there.jsonl", &line);
    cr_assert(strstr(line.bytes, print) != NULL, "%s", line.bytes);
    replaced(&there, &line, "\"kind\":\"LOW_CONFIDENCE\"",
             "\"kind\":\"LOW_CONFIDENCE\",\"fingerprint\":\"4f1e2d3c4b5a69788796a5b4c3d2e1f0\"",
             "asked.jsonl", path);
    scene_pin(&there, "invoice", closed);
    foundry_to(&there, "closed.jsonl", &told);
    scene_begin(&here, 208);
    scene_pin(&here, "invoice", closed);
    import_from(&here, path);
    foundry_to(&here, "left.jsonl", &left);
    cr_expect_null(strstr(told.bytes, print), "%s", told.bytes);
    cr_expect(strstr(told.bytes, "\"fingerprint\":\"[hash:") != NULL, "%s", told.bytes);
    cr_expect_null(strstr(left.bytes, print), "%s", left.bytes);
    cr_expect(strstr(left.bytes, "\"kind\":\"LOW_CONFIDENCE\",\"fingerprint\":\"[hash:") != NULL,
              "%s", left.bytes);
    fnd_text_finish(&line);
    fnd_text_finish(&told);
    fnd_text_finish(&left);
    scene_end(&there);
    scene_end(&here);
}

/* The names of members below a place are of what stood there, and short values are found where
 * their place is told. */
Test(redact, what_is_told_by_its_place_goes_with_the_place)
{
    static const char rules[] = "{\"redact\":[{\"pointer\":\"/customer\",\"action\":\"mask\"},"
                                "{\"pointer\":\"/pin\",\"action\":\"drop\"}]}";
    struct scene there, here;
    struct fnd_text line = {0}, told = {0}, left = {0};
    char path[PATH_SIZE];
    scene_begin(&there, 209);
    const int64_t pin = scene_pin(&there, "invoice", open_rules);
    const int64_t job = scene_value_job(&there, pin, "invoice", "a", "{\"n\":1}");
    scene_model(&there, job,
                "{\"customer\":{\"ACME Corp\":{\"owes\":\"77\"}},\"pin\":\"Q7\",\"total\":1}",
                "{\"confidence\":{\"/customer/ACME Corp/owes\":0.5,\"/pin\":0.75,\"/total\":0.875},"
                "\"origin\":{\"/customer/ACME Corp/owes\":{\"page\":0,\"x\":1,\"y\":1,\"width\":1,"
                "\"height\":1}}}");
    scene_answer(&there, job, scene_ask(&there, job), "corrected",
                 "{\"/customer/ACME Corp/owes\":{\"from\":\"77\",\"to\":\"78\",\"confidence\":0.5},"
                 "\"/pin\":{\"from\":\"Q7\",\"to\":\"Q8\",\"confidence\":0.75}},\"twins\":["
                 "{\"question\":0,\"patch\":{\"/customer/ACME Corp/owes\":\"78\",\"/pin\":\"Q8\","
                 "\"/total\":1}}]",
                 "{\"customer\":{\"ACME Corp\":{\"owes\":\"78\"}},\"pin\":\"Q8\",\"total\":1}");
    foundry_to(&there, "there.jsonl", &line);
    replaced(&there, &line, "\"pointer\":\"/supplier_name\"",
             "\"pointer\":\"/customer/ACME Corp/owes\"", "asked.jsonl", path);
    fnd_text_clear(&line);
    read_all(path, &line);
    replaced(&there, &line, "\"key\":\"supplier\"", "\"key\":\"low:/customer/ACME Corp/owes\"",
             "asked.jsonl", path);
    scene_pin(&there, "invoice", rules);
    foundry_to(&there, "told.jsonl", &told);
    scene_begin(&here, 210);
    scene_pin(&here, "invoice", rules);
    import_from(&here, path);
    foundry_to(&here, "left.jsonl", &left);
    static const char *const secrets[] = {"ACME", "\"77\"", "\"78\"", "\"Q7\"", "\"Q8\""};
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        cr_assert(strstr(line.bytes, secrets[i]) != NULL, "%s", secrets[i]);
        cr_expect_null(strstr(told.bytes, secrets[i]), "%s in %s", secrets[i], told.bytes);
        cr_expect_null(strstr(left.bytes, secrets[i]), "%s in %s", secrets[i], left.bytes);
    }
    cr_expect(strstr(told.bytes, "\"confidence\":{\"/pin\":0.75,\"/total\":0.875}") != NULL, "%s",
              told.bytes);
    cr_expect(strstr(told.bytes, "\"patch\":{\"/total\":1}") != NULL, "%s", told.bytes);
    cr_expect(strstr(left.bytes, "\"pointer\":\"/customer\"") != NULL, "%s", left.bytes);
    fnd_text_finish(&line);
    fnd_text_finish(&told);
    fnd_text_finish(&left);
    scene_end(&there);
    scene_end(&here);
}

/* A file has another name as a whole where a rule finds anything in it. */
Test(redact, why_calls_a_file_as_exports_do)
{
    static const char rules[] =
        "{\"redact\":[{\"pattern\":\"ZQ-[0-9]+\",\"image\":\"keep\"},{\"pointer\":\"/secret\"}]}";
    static const char bytes[] = "\x89PNG\r\n\x1a\n, a picture";
    for (size_t i = 0; i < 3; i++) { /* kept here, left where it lies, and withheld */
        struct scene scene;
        struct fnd_export_result result = {0};
        struct fnd_text json = {0};
        struct fnd_error error = {0};
        size_t broken = 0;
        char path[PATH_SIZE];
        scene_begin(&scene, 211 + i);
        const int64_t pin = scene_pin(&scene, "invoice", rules);
        const int64_t job =
            i != 1 ? scene_file_job(&scene, pin, "invoice", "ZQ-12 of Hull.png", "image/png", bytes,
                                    sizeof bytes)
                   : scene_job(&scene, pin, "invoice", "ZQ-12 of Hull.png", "image/png", 1000, 1);
        scene_model(&scene, job, i < 2 ? "{\"total\":1}" : "{\"total\":1,\"secret\":\"Hessle\"}",
                    "{\"confidence\":{},\"origin\":{}}");
        scene_answer(&scene, job, scene_ask(&scene, job), "corrected",
                     "{\"/total\":{\"from\":1,\"to\":2}}", "{\"total\":2}");
        struct fnd_export_options options = scene_options(&scene, "foundry");
        options.out = scene_path(&scene, "x.jsonl", path);
        scene_export(&scene, &options, &result, FND_OK, NULL);
        const struct fnd_why_question question = {.file = path, .line = 1};
        cr_assert_eq(fnd_dataset_why(scene.reader, &question, &json, &broken, &error), FND_OK, "%s",
                     error.message);
        cr_expect_null(strstr(json.bytes, "Hull"), "%zu: %s", i, json.bytes);
        cr_expect_null(strstr(json.bytes, "Hessle"), "%zu: %s", i, json.bytes);
        cr_expect(strstr(json.bytes, "\"input\":{\"path\":\"redacted-") != NULL, "%zu: %s", i,
                  json.bytes);
        cr_expect((strstr(json.bytes, "\"withheld\":true") != NULL) == (i == 2), "%zu: %s", i,
                  json.bytes);
        fnd_export_result_finish(&result);
        fnd_text_finish(&json);
        scene_end(&scene);
    }
}
