/* SPDX-License-Identifier: MIT */
/* Files that break a rule, one rule each. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "support.h"

#define USER(parts) "{\"role\":\"user\",\"parts\":[" parts "]}"
#define MODEL "{\"role\":\"model\",\"parts\":[{\"text\":\"{}\"}]}"
#define TURNS(user) "{\"contents\":[" user "," MODEL "]}"
#define FILE_URI(uri) TURNS(USER("{\"fileData\":{\"mimeType\":\"image/png\",\"fileUri\":" uri "}}"))

#define LINE(id, model, human, verdict, fields)                                                    \
    "{\"id\":" id ",\"input\":{},\"model_output\":" model ",\"human_output\":" human               \
    ",\"verdict\":\"" verdict "\",\"fields\":" fields                                              \
    ",\"tier\":\"gold\",\"split\":\"train\",\"provenance\":{\"job\":\"j\",\"path\":\"p\","         \
    "\"pipeline\":\"i\",\"phase\":\"r\",\"by\":\"ann\",\"at\":\"2026-03-01T12:00:00.000Z\"}}"
#define FIELD(from, to)                                                                            \
    "{\"/a\":{\"from\":" from ",\"to\":" to ",\"confidence\":0.5,"                                 \
    "\"source\":\"human\"}}"
#define GOOD LINE("\"1\"", "{\"a\":1}", "{\"a\":2}", "corrected", FIELD("1", "2"))

struct found {
    struct fnd_text all;
    size_t line;
};

static void said(void *context, const struct fnd_dataset_note *note)
{
    struct found *found = context;
    fnd_text_printf(&found->all, "%s%zu: %s\n", note->warning ? "warning " : "", note->line,
                    note->message);
}

static enum fnd_status check(const char *text, size_t size, const char *format, struct found *found,
                             struct fnd_dataset_checked *checked)
{
    char path[] = "/tmp/foundry-validate-XXXXXX";
    struct fnd_error error = {0};
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(fnd_write_all(fd, text, size), 0);
    close(fd);
    enum fnd_status status = fnd_dataset_validate(path, format, said, found, checked, &error);
    cr_assert(status == FND_OK || status == FND_INVALID, "%s", error.message);
    cr_assert_eq(status == FND_INVALID, checked->errors > 0);
    unlink(path);
    return status;
}

struct bad {
    const char *line, *part;
};

static void all_refused(const char *format, const struct bad *bad, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct found found = {0};
        struct fnd_dataset_checked checked = {0};
        struct fnd_text text = {0};
        fnd_text_printf(&text, "%s\n", bad[i].line);
        cr_assert_eq(check(text.bytes, text.size, format, &found, &checked), FND_INVALID,
                     "case %zu was taken: %s", i, bad[i].line);
        cr_assert(strstr(fnd_text_z(&found.all), bad[i].part) != NULL,
                  "case %zu: \"%s\" is not in: %s", i, bad[i].part, fnd_text_z(&found.all));
        fnd_text_finish(&found.all);
        fnd_text_finish(&text);
    }
}

Test(validate, gemini_refuses_broken_lines)
{
    static const struct bad bad[] = {
        {"", "is empty"},
        {"{", "is no JSON"},
        {"{\"contents\":NaN}", "is no JSON"},
        {"{\"contents\":[]} {}", "is no JSON"},
        {"{\"contents\":[],\"contents\":[]}", "duplicate key"},
        {"\xEF\xBB\xBF{}", "1: begins with a byte order mark"},
        {"{\"contents\":\"\xFF\"}", "is no JSON"},
        {TURNS(USER("{\"text\":\"a\"}")) "\r", "CR LF"},
        {"[]", "array"},
        {"{}", "contents"},
        {"{\"contents\":null}", "/contents"},
        {"{\"contents\":[]}", "/contents"},
        {"{\"contents\":[" MODEL "]}", "/contents"},
        {"{\"messages\":[]}", "messages"},
        {"{\"contents\":[" USER("{\"text\":\"a\"}") "," MODEL "],\"label\":1}", "label"},
        {"{\"contents\":[" USER("{\"text\":\"a\"}") "," USER("{\"text\":\"b\"}") "]}",
         "the last turn must be the model's"},
        {"{\"contents\":[" MODEL "," MODEL "]}", "the first turn must be the user's"},
        {"{\"contents\":[{\"role\":\"assistant\",\"parts\":[{\"text\":\"a\"}]}," MODEL "]}",
         "/contents/0/role"},
        {"{\"contents\":[{\"parts\":[{\"text\":\"a\"}]}," MODEL "]}", "role"},
        {"{\"contents\":[{\"role\":\"user\"}," MODEL "]}", "parts"},
        {TURNS("{\"role\":\"user\",\"parts\":[]}"), "/contents/0/parts"},
        {TURNS("{\"role\":\"user\",\"parts\":{\"text\":\"a\"}}"), "/contents/0/parts"},
        {TURNS(USER("{}")), "/contents/0/parts/0"},
        {TURNS(USER("\"a\"")), "/contents/0/parts/0"},
        {TURNS(USER("{\"text\":\"\"}")), "/contents/0/parts/0/text"},
        {TURNS(USER("{\"text\":1}")), "/contents/0/parts/0/text"},
        {TURNS(USER("{\"image\":\"a\"}")), "image"},
        {TURNS(USER("{\"text\":\"a\",\"fileData\":{\"mimeType\":\"image/png\",\"fileUri\":"
                    "\"gs://bucket/a\"}}")),
         "/contents/0/parts/0"},
        {TURNS(USER("{\"fileData\":{\"mimeType\":\"image/png\"}}")), "fileUri"},
        {TURNS(USER("{\"fileData\":{\"fileUri\":\"gs://bucket/a\"}}")), "mimeType"},
        {TURNS(USER("{\"fileData\":{\"mimeType\":\"png\",\"fileUri\":\"gs://bucket/a\"}}")),
         "mimeType"},
        {"{\"contents\":[" USER(
             "{\"text\":\"a\"}") ",{\"role\":\"model\",\"parts\":[{\"fileData\":"
                                 "{\"mimeType\":\"image/png\",\"fileUri\":\"gs://bucket/a\"}}]}]}",
         "must be text"},
        {"{\"systemInstruction\":\"be kind\",\"contents\":[" USER("{\"text\":\"a\"}") "," MODEL
                                                                                      "]}",
         "/systemInstruction"},
        {"{\"systemInstruction\":{\"parts\":[]},\"contents\":[" USER("{\"text\":\"a\"}") "," MODEL
                                                                                         "]}",
         "/systemInstruction/parts"},
        {"{\"systemInstruction\":{\"parts\":[{\"fileData\":{\"mimeType\":\"image/png\","
         "\"fileUri\":\"gs://bucket/a\"}}]},\"contents\":[" USER("{\"text\":\"a\"}") "," MODEL "]}",
         "/systemInstruction/parts/0"},
    };
    cr_assert_geq(sizeof bad / sizeof bad[0], 30);
    all_refused("gemini", bad, sizeof bad / sizeof bad[0]);
}

Test(validate, gemini_refuses_uris_that_lead_nowhere)
{
    static const struct bad bad[] = {
        {FILE_URI("null"), "/contents/0/parts/0/fileData/fileUri"},
        {FILE_URI("\"\""), "is empty"},
        {FILE_URI("\"/home/ann/a.png\""), "is a local path"},
        {FILE_URI("\"a.png\""), "is a local path"},
        {FILE_URI("\"file:///a.png\""), "is a local path"},
        {FILE_URI("\"s3://bucket/a.png\""), "has a scheme"},
        {FILE_URI("\"gs://a.png\""), "nothing in it"},
        {FILE_URI("\"gs://Bucket/a.png\""), "names no bucket"},
        {FILE_URI("\"gs://bucket/\""), "nothing in it"},
        {FILE_URI("\"gs://bucket/a\\nb\""), "control character"},
        {FILE_URI("\"https:///a.png\""), "names no host"},
        {FILE_URI("\"https://example.org/a b.png\""), "percent-encoded"},
        {FILE_URI("\"https://example.org/a%2.png\""), "two hex digits"},
        {FILE_URI("\"https://localhost/a.png\""), "only this machine"},
        {FILE_URI("\"http://127.0.0.1:8080/a.png\""), "only this machine"},
        {FILE_URI("\"http://192.168.1.7/a.png\""), "only this machine"},
        {FILE_URI("\"https://ann:secret@example.org/a.png\""), "password"},
    };
    cr_assert_geq(sizeof bad / sizeof bad[0], 15);
    all_refused("gemini", bad, sizeof bad / sizeof bad[0]);
}

Test(validate, foundry_refuses_broken_lines)
{
    static const struct bad bad[] = {
        {"{}", "id"},
        {"null", "null"},
        {LINE("1", "{}", "{}", "accepted", "{}"), "/id"},
        {LINE("\"\"", "{}", "{}", "accepted", "{}"), "/id"},
        {LINE("\"1\",\"idd\":2", "{}", "{}", "accepted", "{}"), "idd"},
        {LINE("\"1\"", "{}", "{}", "agreed", "{}"), "/verdict"},
        {LINE("\"1\"", "{}", "{}", "accepted", "[]"), "/fields"},
        {LINE("\"1\"", "{\"a\":1}", "{\"a\":2}", "accepted", "{}"), "no field says so"},
        {LINE("\"1\"", "{\"a\":1}", "{\"a\":2}", "accepted", FIELD("1", "2")),
         "fields were changed"},
        {LINE("\"1\"", "{\"a\":1}", "{\"a\":1.0}", "corrected", "{}"), "no field was changed"},
        {LINE("\"1\"", "{\"a\":1}", "{\"a\":2}", "corrected", FIELD("3", "2")), "`from` is not"},
        {LINE("\"1\"", "{\"a\":1}", "{\"a\":2}", "corrected", FIELD("1", "3")), "`to` is not"},
        {LINE("\"1\"", "{\"a\":1,\"b\":1}", "{\"a\":2,\"b\":2}", "corrected", FIELD("1", "2")),
         "differ at \"/b\""},
        {LINE("\"1\"", "{\"a\":1}", "{\"a\":1}", "corrected", FIELD("1", "1")), "do not differ"},
        {LINE("\"1\"", "{\"a\":[1]}", "{\"a\":[1,2]}", "corrected", FIELD("[1]", "[1,2]")),
         "differ at \"/a/1\""},
        {LINE("\"1\"", "null", "{\"a\":2}", "corrected", FIELD("1", "2")), "model_output is null"},
        {LINE("\"1\"", "{\"a\":2}", "null", "corrected", FIELD("1", "2")), "human_output is null"},
        {LINE("\"1\"", "{\"a\":1}", "{\"a\":2}", "corrected",
              "{\"a\":{\"from\":1,\"to\":2,\"confidence\":null,\"source\":\"human\"}}"),
         "/fields/a"},
        {LINE("\"1\"", "{\"a\":1}", "{\"a\":2}", "corrected",
              "{\"/a\":{\"from\":1,\"to\":2,\"source\":\"human\"}}"),
         "confidence"},
        {LINE("\"1\"", "{\"a\":1}", "{\"a\":2}", "corrected",
              "{\"/a\":{\"from\":1,\"to\":2,\"confidence\":1.5,\"source\":\"human\"}}"),
         "confidence"},
        {LINE("\"1\"", "{\"a\":1}", "{\"a\":2}", "corrected",
              "{\"/a\":{\"from\":1,\"to\":2,\"confidence\":1,\"source\":\"model\"}}"),
         "source"},
        {GOOD "\n" GOOD, "is that of line 1"},
        {GOOD "\n\n" GOOD, "is empty"},
    };
    all_refused("foundry", bad, sizeof bad / sizeof bad[0]);
    char *places[] = {"\"tier\":\"gold\"", "\"split\":\"train\"", "\"job\":\"j\"",
                      "\"at\":\"2026-03-01T12:00:00.000Z\""};
    static const char *const put[] = {"\"tier\":\"lead\"", "\"split\":\"dev\"", "\"job\":7",
                                      "\"at\":\"yesterday\""};
    for (size_t i = 0; i < 4; i++) {
        struct fnd_text line = {0};
        const char *at = strstr(GOOD, places[i]);
        fnd_text_append(&line, GOOD, (size_t)(at - GOOD));
        fnd_text_append_z(&line, put[i]);
        fnd_text_append_z(&line, at + strlen(places[i]));
        const struct bad one = {fnd_text_z(&line), i < 2 ? "must be" : "/provenance"};
        all_refused("foundry", &one, 1);
        fnd_text_finish(&line);
    }
}

Test(validate, good_lines_are_taken)
{
    static const struct {
        const char *format, *text, *part;
    } cases[] = {
        {"gemini", TURNS(USER("{\"text\":\"a\"}")) "\n", "warning 0: the file has 1 example;"},
        {"gemini", FILE_URI("\"gs://bucket/in voices/ü.png\"") "\n", ""},
        {"gemini", FILE_URI("\"https://example.org/a%20b.png?x=1\"") "\n", ""},
        {"gemini", TURNS(USER("{\"text\":\"a\"}")), "warning 1: the file does not end"},
        {"gemini",
         "{\"contents\":[" USER("{\"text\":\"a\"}") "," MODEL "," USER(
             "{\"text\":\"b\"}") "," MODEL "],\"tools\":[]}\n",
         ""},
        {"gemini",
         TURNS(USER(
             "{\"fileData\":{\"mimeType\":\"image/tiff\",\"fileUri\":\"gs://bucket/a\"}}")) "\n",
         "not known to read (here image/tiff)"},
        {"foundry", GOOD "\n", ""},
        {"foundry", LINE("\"1\"", "{\"a\":1.10}", "{\"a\":1.1}", "accepted", "{}") "\n", ""},
        {"foundry", LINE("\"1\"", "{\"a\":1}", "null", "rejected", "{}") "\n", ""},
        {"foundry", LINE("\"1\"", "null", "null", "corrected", "{}") "\n", ""},
        {"foundry", "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct found found = {0};
        struct fnd_dataset_checked checked = {0};
        enum fnd_status status =
            check(cases[i].text, strlen(cases[i].text), cases[i].format, &found, &checked);
        cr_assert_eq(status, FND_OK, "case %zu: %s", i, fnd_text_z(&found.all));
        cr_assert(strstr(fnd_text_z(&found.all), cases[i].part) != NULL,
                  "case %zu: \"%s\" is not in: %s", i, cases[i].part, fnd_text_z(&found.all));
        fnd_text_finish(&found.all);
    }
}

Test(validate, counts_and_long_things_are_told_for_the_whole_file)
{
    struct fnd_text text = {0};
    struct found found = {0};
    struct fnd_dataset_checked checked = {0};
    for (size_t i = 0; i < 100; i++) {
        fnd_text_append_z(&text, TURNS(USER("{\"text\":\"a\"}")) "\n");
    }
    cr_assert_eq(check(text.bytes, text.size, "gemini", &found, &checked), FND_OK);
    cr_assert_eq(checked.lines, 100);
    cr_assert_eq(checked.warnings, 0, "%s", fnd_text_z(&found.all));
    /* 31 images in one example */
    fnd_text_clear(&text);
    fnd_text_append_z(&text, "{\"contents\":[{\"role\":\"user\",\"parts\":[");
    for (size_t i = 0; i < 31; i++) {
        fnd_text_printf(&text,
                        "%s{\"fileData\":{\"mimeType\":\"image/png\",\"fileUri\":"
                        "\"gs://bucket/%zu.png\"}}",
                        i > 0 ? "," : "", i);
    }
    fnd_text_append_z(&text, "]}," MODEL "]}\n");
    cr_assert_eq(check(text.bytes, text.size, "gemini", &found, &checked), FND_INVALID);
    cr_assert(strstr(fnd_text_z(&found.all), "has 31 images, and 30 are allowed") != NULL);
    /* an example of over half a million bytes */
    fnd_text_clear(&text);
    fnd_text_append_z(&text, "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"");
    for (size_t i = 0; i < 60000; i++) {
        fnd_text_append_z(&text, "word word ");
    }
    fnd_text_append_z(&text, "\"}]}," MODEL "]}\n");
    cr_assert_eq(check(text.bytes, text.size, "gemini", &found, &checked), FND_OK);
    cr_assert(strstr(fnd_text_z(&found.all), "warning 1: 1 example is longer") != NULL);
    fnd_text_finish(&found.all);
    fnd_text_finish(&text);
}

#define ITEM "{\"instruction\":\"a\",\"input\":\"]},{[\\\"\",\"output\":\"b\"}"

Test(validate, arrays_are_read_item_by_item_and_to_their_end)
{
    static const struct {
        const char *text, *part; /* NULL: nothing is wrong */
        size_t lines;
    } cases[] = {{"[" ITEM "]", NULL, 1},
                 {" [ " ITEM " ,\n" ITEM "\n ]\n\n", NULL, 2},
                 {"[]", NULL, 0},
                 {"[" ITEM "] x", "1: is no JSON: something follows behind the array", 1},
                 {"[]\n[]", "2: is no JSON: something follows", 0},
                 {"[" ITEM ",]", "a comma is followed by no item", 1},
                 {"[,]", "1: item 1 is no JSON", 1},
                 {"[" ITEM, "the file ends inside of the array", 0},
                 {"[\n" ITEM ",\n{\"instruction\":NaN}]", "3: item 2 is no JSON", 2},
                 {"[\n" ITEM ",\n{\"instruction\":\n\"a\",\"instruction\":\"b\"}]",
                  "4: item 2 is no JSON", 2},
                 {"[" ITEM " " ITEM "]", "1: item 1 is no JSON", 1},
                 {"{}", "1: is no JSON: the file must be one JSON array", 0},
                 {"", "the file must be one JSON array", 0},
                 {"\xEF\xBB\xBF[" ITEM "]", "1: begins with a byte order mark", 1},
                 {"[\n" ITEM ",\n{\"output\":1}]", "3: ", 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct found found = {0};
        struct fnd_dataset_checked checked = {0};
        enum fnd_status status =
            check(cases[i].text, strlen(cases[i].text), "alpaca", &found, &checked);
        cr_assert_eq(status, cases[i].part == NULL ? FND_OK : FND_INVALID, "case %zu: %s", i,
                     fnd_text_z(&found.all));
        cr_assert(cases[i].part == NULL || strstr(fnd_text_z(&found.all), cases[i].part) != NULL,
                  "case %zu: %s", i, fnd_text_z(&found.all));
        cr_assert_eq(checked.lines, cases[i].lines, "case %zu: %zu", i, checked.lines);
        fnd_text_finish(&found.all);
    }
}

/* 10 GB that take no room on disk. The rest of this program takes a few megabytes. */
Test(validate, a_huge_file_is_read_in_little_memory)
{
    static const char *const formats[] = {"foundry", "gemini", "alpaca", "label-studio", "coco"};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        char path[] = "/tmp/foundry-huge-XXXXXX";
        struct fnd_dataset_checked checked = {0};
        struct fnd_error error = {0};
        struct rusage before, after;
        int fd = mkstemp(path);
        cr_assert_geq(fd, 0);
        /* a line or an item that is begun and never ends; the whole 10 GB are for the full run */
        const char *floor = getenv("FOUNDRY_FLOOR");
        const off_t size = floor != NULL && atoi(floor) >= 100 ? (off_t)10 << 30 : (off_t)200 << 20;
        cr_assert_eq(write(fd, "[\"", 2), 2);
        cr_assert_eq(ftruncate(fd, strcmp(formats[i], "coco") == 0 ? (off_t)10 << 30 : size), 0);
        getrusage(RUSAGE_SELF, &before);
        enum fnd_status status =
            fnd_dataset_validate(path, formats[i], NULL, NULL, &checked, &error);
        getrusage(RUSAGE_SELF, &after);
        cr_assert(status == FND_INVALID || status == FND_LIMIT, "%s", error.message);
        /* one line of at most 64 MiB, which grows by doubling and may lie in memory twice */
        cr_assert_leq(after.ru_maxrss - before.ru_maxrss, 256 << 10, "%s: %ld KiB", formats[i],
                      after.ru_maxrss - before.ru_maxrss);
        close(fd);
        unlink(path);
    }
}

/** Seconds of the processor that a task of `count` boxes and labels takes to be checked. */
static double boxes_check(size_t count)
{
    struct fnd_text text = {0};
    struct found found = {0};
    struct fnd_dataset_checked checked = {0};
    char wanted[96];
    fnd_text_append_z(&text,
                      "[{\"data\":{\"image\":\"https://example.org/a.png\"},\"predictions\":[{"
                      "\"result\":[");
    for (size_t i = 0; i < count; i++) {
        /* the last one has the id of the one in the middle, written otherwise */
        fnd_text_printf(&text,
                        "%s{\"id\":\"%s%zu\",\"type\":\"rectanglelabels\",\"from_name\":\"l\","
                        "\"to_name\":\"i\",\"value\":{\"x\":1,\"y\":1,\"width\":1,\"height\":1,"
                        "\"rectanglelabels\":[\"label %zu\"]}}",
                        i > 0 ? "," : "", i + 1 == count ? "\\u0062" : "b",
                        i + 1 == count ? count / 2 : i, i);
    }
    fnd_text_append_z(&text, "]}]}]\n");
    const clock_t start = clock();
    cr_assert_eq(check(text.bytes, text.size, "label-studio", &found, &checked), FND_INVALID);
    const clock_t end = clock();
    cr_assert_eq(checked.errors, 1, "%s", fnd_text_z(&found.all));
    snprintf(wanted, sizeof wanted, "1: /predictions/0/result/%zu: has the id of item %zu",
             count - 1, count / 2);
    cr_assert(strstr(fnd_text_z(&found.all), wanted) != NULL, "%s", fnd_text_z(&found.all));
    fnd_text_finish(&found.all);
    fnd_text_finish(&text);
    return (double)(end - start) / CLOCKS_PER_SEC;
}

/* Four times as many take some four times as long; with the square of them, sixteen times. */
Test(validate, many_boxes_and_labels_in_one_picture_do_not_take_the_square_of_their_time)
{
    const double few = boxes_check(4000), many = boxes_check(16000);
    cr_assert_lt(many, 0.2 + 9 * few, "%.3f s, and %.3f s for a quarter of it", many, few);
}

Test(validate, what_cannot_be_read_is_said)
{
    static const struct {
        const char *path, *format;
        enum fnd_status status;
        const char *part;
    } cases[] = {
        {"/nonexistent.jsonl", "gemini", FND_NOT_FOUND, "/nonexistent.jsonl"},
        {"/tmp", "gemini", FND_INVALID, "is a folder"},
        {"/dev/null", "gemini", FND_INVALID, "no regular file"},
        {"/tmp", "gemmini", FND_INVALID, "did you mean `gemini`"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_dataset_checked checked = {0};
        struct fnd_error error = {0};
        cr_assert_eq(
            fnd_dataset_validate(cases[i].path, cases[i].format, NULL, NULL, &checked, &error),
            cases[i].status, "case %zu: %s", i, error.message);
        cr_assert(strstr(error.message, cases[i].part) != NULL, "case %zu: %s", i, error.message);
    }
}
