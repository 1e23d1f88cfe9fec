/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <unistd.h>

#include "host_help.h"

static const char config[] =
    "{\"a\":1.10,\"t\":\"x\\u00e9\\n\",\"big\":1e999,\"list\":[{\"n\":1},{\"n\":2},{\"n\":3}],"
    "\"o\":{\"k1\":1,\"k\\u0032\":2,\"a/b\":{\"~\":true}},\"null\":null,\"e\":\"\"}";

Test(read, each_document_and_pointer_gives_value_or_status)
{
    static const struct {
        int32_t doc;
        const char *pointer;
        foundry_status_t json, text, number, size;
        const char *value;
    } cases[] = {
        {FOUNDRY_DOC_CONFIG, "/a", 0, -2, 0, -2, "1.10"},
        {FOUNDRY_DOC_CONFIG, "/t", 0, 0, -2, -2, "\"x\\u00e9\\n\""},
        {FOUNDRY_DOC_CONFIG, "/e", 0, 0, -2, -2, "\"\""},
        {FOUNDRY_DOC_CONFIG, "/big", 0, -2, -5, -2, "1e999"},
        {FOUNDRY_DOC_CONFIG, "/list/1", 0, -2, -2, 0, "{\"n\":2}"},
        {FOUNDRY_DOC_CONFIG, "/list/2/n", 0, -2, 0, -2, "3"},
        {FOUNDRY_DOC_CONFIG, "/list/0/n", 0, -2, 0, -2, "1"},
        {FOUNDRY_DOC_CONFIG, "/o/k2", 0, -2, 0, -2, "2"},
        {FOUNDRY_DOC_CONFIG, "/o/a~1b/~0", 0, -2, -2, -2, "true"},
        {FOUNDRY_DOC_CONFIG, "/null", 0, -2, -2, -2, "null"},
        {FOUNDRY_DOC_CONFIG, "/list/3", -1, -1, -1, -1, NULL},
        {FOUNDRY_DOC_CONFIG, "/list/01", -1, -1, -1, -1, NULL},
        {FOUNDRY_DOC_CONFIG, "/list/-", -1, -1, -1, -1, NULL},
        {FOUNDRY_DOC_CONFIG, "/a/b", -1, -1, -1, -1, NULL},
        {FOUNDRY_DOC_CONFIG, "/missing", -1, -1, -1, -1, NULL},
        {FOUNDRY_DOC_CONFIG, "a", -3, -3, -3, -3, NULL},
        {FOUNDRY_DOC_CONFIG, "/~2", -3, -3, -3, -3, NULL},
        {FOUNDRY_DOC_CONFIG, NULL, -3, -3, -3, -3, NULL},
        {FOUNDRY_DOC_RUN, "/attempt", 0, -2, 0, -2, "2"},
        {FOUNDRY_DOC_RUN, "/job", 0, 0, -2, -2, "\"j\""},
        {FOUNDRY_DOC_SUBJECT, "", -1, -1, -1, -1, NULL},
        {FOUNDRY_DOC_ANSWERS, "/k", -1, -1, -1, -1, NULL},
        {-1, "", -3, -3, -3, -3, NULL},
        {4, "", -3, -3, -3, -3, NULL},
    };
    struct stage stage;
    stage_open(&stage, config, NULL, NULL);
    for (int round = 0; round < 2; round++) { /* the second with warm cursors */
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            const char *json = NULL, *text = NULL;
            double number = 0;
            size_t size = 99;
            cr_assert_eq(stage.host->json_get(stage.call, cases[i].doc, cases[i].pointer, &json),
                         cases[i].json, "case %zu", i);
            cr_assert_eq(stage.host->text_get(stage.call, cases[i].doc, cases[i].pointer, &text),
                         cases[i].text, "case %zu", i);
            cr_assert_eq(
                stage.host->number_get(stage.call, cases[i].doc, cases[i].pointer, &number),
                cases[i].number, "case %zu", i);
            cr_assert_eq(stage.host->size_get(stage.call, cases[i].doc, cases[i].pointer, &size),
                         cases[i].size, "case %zu", i);
            if (cases[i].value == NULL) {
                cr_assert_null(json);
                cr_assert_null(text);
                cr_assert_eq(size, 99);
            } else {
                cr_assert_str_eq(json, cases[i].value);
            }
        }
    }
    const char *text = NULL;
    cr_assert_eq(stage.host->text_get(stage.call, FOUNDRY_DOC_CONFIG, "/t", &text), FOUNDRY_OK);
    cr_assert_str_eq(text, "x\xc3\xa9\n");
    const char *whole = NULL;
    cr_assert_eq(stage.host->json_get(stage.call, FOUNDRY_DOC_CONFIG, "", &whole), FOUNDRY_OK);
    cr_assert_str_eq(whole, config);
    stage_close(&stage);
}

Test(read, keys_come_in_document_order_from_any_place)
{
    struct stage stage;
    stage_open(&stage, config, NULL, NULL);
    static const struct {
        size_t index;
        const char *key;
    } cases[] = {{0, "k1"},  {1, "k2"}, {2, "a/b"}, {1, "k2"},         {0, "k1"},
                 {2, "a/b"}, {3, NULL}, {0, "k1"},  {(size_t)-1, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *key = NULL;
        cr_assert_eq(
            stage.host->key_get(stage.call, FOUNDRY_DOC_CONFIG, "/o", cases[i].index, &key),
            cases[i].key == NULL ? FOUNDRY_E_NOT_FOUND : FOUNDRY_OK, "case %zu", i);
        if (cases[i].key != NULL) {
            cr_assert_str_eq(key, cases[i].key);
        }
    }
    const char *key = NULL;
    cr_assert_eq(stage.host->key_get(stage.call, FOUNDRY_DOC_CONFIG, "/list", 0, &key),
                 FOUNDRY_E_TYPE);
    size_t count = 0;
    cr_assert_eq(stage.host->size_get(stage.call, FOUNDRY_DOC_CONFIG, "/o", &count), FOUNDRY_OK);
    cr_assert_eq(count, 3);
    stage_close(&stage);
}

Test(read, cursors_find_what_a_fresh_search_finds)
{
    /* Pointers in a shuffled order over a document of many shapes; seed printed on failure. */
    struct fnd_text text = {0};
    fnd_text_append_z(&text, "{\"rows\":[");
    for (int i = 0; i < 40; i++) {
        fnd_text_printf(&text, "%s{\"n\":%d,\"c\":[%d,[%d]],\"\\u0061%d\":{\"x\":\"%d\"}}",
                        i == 0 ? "" : ",", i, i, i, i % 3, i);
    }
    fnd_text_append_z(&text, "],\"d\":[[[[[[[[[[1,{\"deep\":2}]]]]]]]]]]}");
    struct stage stage;
    stage_open(&stage, text.bytes, NULL, NULL);
    static const char *const shapes[] = {"/rows/%u/n",     "/rows/%u/c/0",
                                         "/rows/%u/c/1/0", "/rows/%u/a0/x",
                                         "/rows/%u/a1",    "/rows/%u/zz",
                                         "/rows/%u",       "/d/0/0/0/0/0/0/0/0/0/1/deep",
                                         "/rows/%u/c/2",   "/d/0/0/0/0/0/0/0/0/0/%u"};
    uint32_t seed = 20240611;
    for (int i = 0; i < 5000; i++) {
        seed = seed * 1664525u + 1013904223u;
        char pointer[64];
        const char *shape = shapes[(seed >> 8) % (sizeof shapes / sizeof shapes[0])];
        struct fnd_text printed = {0};
        for (const char *at = shape; *at != '\0'; at++) {
            if (at[0] == '%' && at[1] == 'u') {
                fnd_text_printf(&printed, "%u", (unsigned)((seed >> 16) % 42));
                at++;
            } else {
                fnd_text_append_byte(&printed, *at);
            }
        }
        (void)snprintf(pointer, sizeof pointer, "%s", printed.bytes);
        fnd_text_finish(&printed);
        const struct fnd_json wanted = fnd_json_find(stage.input.config, pointer);
        const char *json = NULL;
        const foundry_status_t status =
            stage.host->json_get(stage.call, FOUNDRY_DOC_CONFIG, pointer, &json);
        cr_assert_eq(status, wanted.bytes == NULL ? FOUNDRY_E_NOT_FOUND : FOUNDRY_OK,
                     "%s at step %d", pointer, i);
        if (status == FOUNDRY_OK) {
            cr_assert_eq(strlen(json), wanted.size);
            cr_assert_arr_eq(json, wanted.bytes, wanted.size);
        }
    }
    stage_close(&stage);
    fnd_text_finish(&text);
}

Test(read, config_reads_outside_the_schema_are_invalid)
{
    static const char schema[] = "{\"type\":\"object\",\"additionalProperties\":false,"
                                 "\"properties\":{\"a\":{},\"b\":{\"type\":\"object\","
                                 "\"properties\":{\"c\":{}},\"additionalProperties\":false}}}";
    struct stage stage;
    memset(&stage, 0, sizeof stage);
    struct fnd_error error = {0};
    cr_assert_eq(fnd_schema_create("s", schema, sizeof schema - 1, &stage.schema, &error), FND_OK,
                 "%s", error.message);
    stage.input.config = json_of("{\"a\":1,\"b\":{\"c\":2}}");
    stage.input.run = json_of("{}");
    stage.host = fnd_host_table();
    stage.call = fnd_call_begin(&stage.input, stage.schema, NULL, &stage.effects);
    static const struct {
        const char *pointer;
        foundry_status_t status;
    } cases[] = {{"", 0}, {"/a", 0}, {"/b/c", 0}, {"/x", -3}, {"/b/x", -3}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *json;
        cr_assert_eq(stage.host->json_get(stage.call, FOUNDRY_DOC_CONFIG, cases[i].pointer, &json),
                     cases[i].status, "%s", cases[i].pointer);
    }
    stage_end(&stage, FOUNDRY_E_INVALID);
    cr_assert_eq(stage.effects.outcome, FOUNDRY_PERMANENT);
    cr_assert_str_eq(stage.effects.code, "invalid");
    cr_assert_str_eq(stage.effects.pointer, "/b/x");
    cr_assert_not_null(strstr(stage.effects.message, "config schema does not declare it"), "%s",
                       stage.effects.message);
    stage_close(&stage);
}

Test(read, marks_of_the_subject_are_read_by_detectors)
{
    struct stage stage;
    stage_open(&stage, NULL, "{\"a\":1,\"b\":[2]}",
               "{\"confidence\":{\"/a\":0.25,\"/b/0\":1},\"origin\":{\"/a\":{\"artifact\":\"s\","
               "\"page\":2,\"x\":1,\"y\":2.5,\"width\":3,\"height\":4},\"/b\":5}}");
    double score = -1;
    cr_assert_eq(stage.host->confidence_get(stage.call, "/a", &score), FOUNDRY_OK);
    cr_assert_float_eq(score, 0.25, 1e-12);
    cr_assert_eq(stage.host->confidence_get(stage.call, "/b/0", &score), FOUNDRY_OK);
    cr_assert_eq(stage.host->confidence_get(stage.call, "/b", &score), FOUNDRY_E_NOT_FOUND);
    cr_assert_eq(stage.host->confidence_get(stage.call, "b", &score), FOUNDRY_E_INVALID);
    foundry_origin_t origin = {.struct_size = sizeof origin};
    cr_assert_eq(stage.host->origin_get(stage.call, "/a", &origin), FOUNDRY_OK);
    cr_assert_str_eq(origin.artifact, "s");
    cr_assert_eq(origin.page, 2);
    cr_assert_float_eq(origin.y, 2.5, 1e-12);
    cr_assert_eq(stage.host->origin_get(stage.call, "/b/0", &origin), FOUNDRY_E_NOT_FOUND);
    cr_assert_eq(stage.host->origin_get(stage.call, "/b", &origin), FOUNDRY_E_TYPE);
    origin.struct_size = 8;
    cr_assert_eq(stage.host->origin_get(stage.call, "/a", &origin), FOUNDRY_E_INVALID);
    stage_close(&stage);
}

Test(read, artifacts_in_bytes_are_read_by_every_service)
{
    struct stage stage;
    stage_open(&stage, NULL, NULL, NULL);
    const struct fnd_call_artifact list[] = {{.name = "empty", .fd = -1, .bytes = ""},
                                             {.name = "a", .size = 5, .fd = -1, .bytes = "12345"}};
    stage.input.artifacts = list;
    stage.input.artifacts_count = 2;
    uint64_t size = 0;
    size_t got = 0;
    char bytes[8];
    int32_t fd = -1, again = -1;
    cr_assert_eq(stage.host->artifact_size(stage.call, "a", &size), FOUNDRY_OK);
    cr_assert_eq(size, 5);
    cr_assert_eq(stage.host->artifact_size(stage.call, "b", &size), FOUNDRY_E_NOT_FOUND);
    cr_assert_eq(stage.host->artifact_size(stage.call, NULL, &size), FOUNDRY_E_INVALID);
    static const struct {
        uint64_t offset;
        size_t capacity, size;
    } reads[] = {{0, 8, 5}, {3, 8, 2}, {5, 8, 0}, {UINT64_MAX, 8, 0}, {1, 2, 2}, {0, 0, 0}};
    for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++) {
        cr_assert_eq(stage.host->artifact_read(stage.call, "a", reads[i].offset, bytes,
                                               reads[i].capacity, &got),
                     FOUNDRY_OK);
        cr_assert_eq(got, reads[i].size, "case %zu", i);
        cr_assert_eq(memcmp(bytes, &list[1].bytes[got == 0 ? 0 : reads[i].offset], got), 0);
    }
    cr_assert_eq(stage.host->artifact_fd(stage.call, "a", &fd), FOUNDRY_OK);
    cr_assert_eq(read(fd, bytes, 8), 5);
    cr_assert_eq(stage.host->artifact_fd(stage.call, "a", &again), FOUNDRY_OK);
    cr_assert_eq(again, fd);
    cr_assert_eq(read(fd, bytes, 2), 2, "it stands at 0 again");
    stage_end(&stage, FOUNDRY_DONE);
    cr_assert_lt(read(fd, bytes, 1), 0, "it is closed with the call");
    stage_close(&stage);
}
