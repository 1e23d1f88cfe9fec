/* SPDX-License-Identifier: MIT */
/* Requests to an engine on an empty directory: what is wrong with them is said, nothing else
 * happens. Requests that work are tested with whole jobs, in tests/system/. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/control.h"
#include "review/review.h"

struct place {
    char path[64];
    struct fnd_engine *engine;
    struct fnd_control *control;
};

static void place_make(struct place *place, const char *plugins)
{
    struct fnd_error error = {0};
    snprintf(place->path, sizeof place->path, "/tmp/foundry-control.XXXXXX");
    cr_assert_not_null(mkdtemp(place->path));
    place->control = fnd_control_create(fnd_env_system(), NULL);
    const struct fnd_engine_options options = {.env = fnd_env_system(),
                                               .directory = place->path,
                                               .kinds = fnd_review_kinds(),
                                               .store = {.create = true},
                                               .plugin_path = plugins,
                                               .isolation = FND_ISOLATION_PROCESS,
                                               .news = fnd_control_news,
                                               .context = place->control};
    cr_assert_eq(fnd_engine_open(&options, &place->engine, &error), FND_OK, "%s", error.message);
    fnd_control_attach(place->control, place->engine);
}

static void place_finish(struct place *place)
{
    char command[128];
    fnd_control_stop(place->control);
    cr_expect(fnd_control_stopped(place->control));
    fnd_control_destroy(place->control);
    fnd_engine_close(place->engine);
    snprintf(command, sizeof command, "rm -rf '%s'", place->path);
    cr_assert_eq(system(command), 0);
}

static void keep_line(void *context, struct fnd_json line)
{
    struct fnd_text *lines = context;
    fnd_text_append(lines, line.bytes, line.size);
    fnd_text_append_byte(lines, '\n');
}

Test(requests, that_are_wrong_are_refused_by_name)
{
    static const struct {
        const char *request, *reply;
    } cases[] = {
        {"{\"op\":\"hello\"}", "\"status\":\"ok\""},
        {"{\"op\":\"flight\"}", "\"status\":\"ok\""},
        {"{\"op\":\"cancel\"}", "cancel needs \\\"job\\\""},
        {"{\"op\":\"cancel\",\"job\":\"1\",\"by\":\"ann\"}", "cancel needs"},
        {"{\"op\":\"cancel\",\"job\":99,\"by\":\"ann\"}", "\"status\":\"not_found\""},
        {"{\"op\":\"retry\",\"job\":1}", "retry needs"},
        {"{\"op\":\"retry\",\"job\":99,\"by\":\"ann\"}", "\"status\":\"not_found\""},
        {"{\"op\":\"run\"}", "run needs \\\"pipeline\\\""},
        {"{\"op\":\"run\",\"pipeline\":\"/nonexistent.yaml\"}", "\"status\":\"not_found\""},
        {"{\"op\":\"run\",\"pipeline\":\"/nonexistent.yaml\"}", "\"errors\":[{"},
        {"{\"op\":\"run\",\"pipeline\":\"/x\",\"settings\":[\"a=1\",2]}", "settings"},
        {"{\"op\":\"follow\",\"jobs\":[\"one\"]}", "numbers of jobs"},
        {"{\"op\":\"follow\",\"jobs\":[99]}", "\"status\":\"not_found\""},
        {"{\"op\":\"follow\",\"jobs\":[]}", "\"counts\":{\"queued\":0"},
        {"{\"op\":\"answer\"}", "the answer needs \\\"request\\\""},
        {"{\"op\":\"answer\",\"request\":1.5}", "the answer needs \\\"request\\\""},
        {"{\"op\":\"answer\",\"request\":1,\"by\":\"ann\"}", "the answer says nothing"},
        {"{\"op\":\"answer\",\"request\":1,\"accept\":true}", "the answer needs \\\"by\\\""},
        {"{\"op\":\"answer\",\"request\":1,\"by\":\"\",\"accept\":true}", "needs \\\"by\\\""},
        {"{\"op\":\"answer\",\"request\":1,\"by\":\"a\",\"version\":\"x\",\"accept\":true}",
         "no version number"},
        {"{\"op\":\"answer\",\"request\":1,\"by\":\"a\",\"version\":-1,\"accept\":true}",
         "no version number"},
        {"{\"op\":\"answer\",\"request\":1,\"by\":\"a\",\"values\":[]}", "are objects"},
        {"{\"op\":\"answer\",\"request\":1,\"by\":\"a\",\"removed\":{}}", "is an array"},
        {"{\"op\":\"answer\",\"request\":1,\"by\":\"a\",\"overrides\":\"x\"}", "are objects"},
        {"{\"op\":\"answer\",\"request\":1,\"by\":\"a\",\"accept\":true,\"reject\":true}",
         "only one of them"},
        {"{\"op\":\"answer\",\"request\":1,\"by\":\"a\",\"accept\":true,\"values\":{\"/a\":1}}",
         "only one of them"},
        {"{\"op\":\"answer\",\"request\":1,\"by\":\"a\",\"reject\":true,\"removed\":[]}",
         "only one of them"},
        {"{\"op\":\"answer\",\"request\":99,\"by\":\"ann\",\"accept\":true}",
         "\"status\":\"not_found\""},
    };
    struct place place = {0};
    place_make(&place, "/nonexistent");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_text lines = {0};
        fnd_control_local(place.control, cases[i].request, strlen(cases[i].request), keep_line,
                          &lines);
        for (int turn = 0; turn < 100 && strstr(fnd_text_z(&lines), "\"end\"") == NULL; turn++) {
            cr_assert_eq(fnd_engine_turn(place.engine, NULL), FND_OK);
            fnd_control_turn(place.control);
        }
        cr_expect(strstr(fnd_text_z(&lines), cases[i].reply) != NULL, "%s: %s", cases[i].request,
                  fnd_text_z(&lines));
        cr_expect_eq(strncmp(fnd_text_z(&lines), "{\"type\":\"end\"", 13), 0, "%s",
                     fnd_text_z(&lines));
        fnd_text_finish(&lines);
    }
    place_finish(&place);
}

Test(requests, a_watch_that_found_nothing_lets_its_engine_sleep)
{
    struct place place = {0};
    struct fnd_text lines = {0}, plugins = {0}, request = {0};
    char file[128];
    fnd_text_printf(&plugins, "%s/plugins/text", getenv("FOUNDRY_BUILD_ROOT"));
    place_make(&place, fnd_text_z(&plugins));
    snprintf(file, sizeof file, "%s/idle.yaml", place.path);
    FILE *yaml = fopen(file, "w");
    cr_assert_not_null(yaml);
    fputs("foundry: v1\nname: idle\nphases:\n  - id: upper\n    uses: text/uppercase\n"
          "    with: {content: \"${input.content}\"}\n",
          yaml);
    fclose(yaml);
    fnd_text_printf(&request,
                    "{\"op\":\"run\",\"pipeline\":\"%s\",\"settings\":[],\"by\":\"ann\","
                    "\"watch\":true}",
                    file);
    fnd_control_local(place.control, request.bytes, request.size, keep_line, &lines);
    for (int turn = 0; turn < 100; turn++) {
        cr_assert_eq(fnd_engine_turn(place.engine, NULL), FND_OK);
        fnd_control_turn(place.control);
    }
    cr_expect_not_null(strstr(fnd_text_z(&lines), "\"ingest\""), "%s", fnd_text_z(&lines));
    cr_expect_null(strstr(fnd_text_z(&lines), "\"end\""), "%s", fnd_text_z(&lines));
    /* It looks again in a second; until then there is nothing to do, and no reason to turn. */
    cr_expect_gt(fnd_control_wait_us(place.control), 10000);
    place_finish(&place);
    fnd_text_finish(&lines);
    fnd_text_finish(&plugins);
    fnd_text_finish(&request);
}
