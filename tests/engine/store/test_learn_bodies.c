/* SPDX-License-Identifier: MIT */
/* What events about models must say in body and meta: each member that is not there or is no such
 * thing is told by its name, to whoever writes and to whoever rebuilds. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/parts.h"
#include "store/verify.h"
#include "support.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define NAMES "\"pipeline\":\"invoice\",\"model\":\"total\""
#define DONE "{\"outcome\":\"done\"}"
#define TRAIN(rest) "{" NAMES rest "}"
#define META(name, entry) "{\"artifacts\":{\"" name "\":" entry "}}"

static const struct refused {
    enum fnd_event_kind kind;
    const char *body, *meta, *says;
} refusals[] = {
    {FND_EVENT_TRAIN, NULL, NULL, "body's \"pipeline\" is not a string"},
    {FND_EVENT_TRAIN, "[]", NULL, "the body is no object"},
    {FND_EVENT_TRAIN, "7", NULL, "the body is no object"},
    {FND_EVENT_TRAIN, "{", NULL, "the body is no JSON"},
    {FND_EVENT_TRAIN, "{\"pipeline\":1,\"model\":\"total\"}", NULL, "\"pipeline\""},
    {FND_EVENT_TRAIN, "{\"pipeline\":\"invoice\"}", NULL, "body's \"model\" is not a string"},
    {FND_EVENT_TRAIN, "{\"pipeline\":\"invoice\",\"model\":null}", NULL, "\"model\""},
    {FND_EVENT_TRAIN, TRAIN(""), NULL, "\"version\" is not an integer from 0 on"},
    {FND_EVENT_TRAIN, TRAIN(",\"version\":-1"), NULL, "\"version\""},
    {FND_EVENT_TRAIN, TRAIN(",\"version\":\"1\""), NULL, "\"version\""},
    {FND_EVENT_TRAIN, TRAIN(",\"version\":1.5"), NULL, "\"version\""},
    {FND_EVENT_TRAIN, TRAIN(",\"version\":1"), NULL, "\"attempt\""},
    {FND_EVENT_TRAIN, TRAIN(",\"version\":1,\"attempt\":1"), NULL, "\"until\""},
    {FND_EVENT_CHECKPOINT, NULL, NULL, "meta's \"checkpoint\" is not among its artifacts"},
    {FND_EVENT_CHECKPOINT, NULL, "[]", "\"checkpoint\" is not among its artifacts"},
    {FND_EVENT_CHECKPOINT, NULL, "{\"artifacts\":{}}", "\"checkpoint\" is not among"},
    {FND_EVENT_CHECKPOINT, NULL, META("model", "{\"sha256\":\"" HEX "\",\"size\":1}"),
     "\"checkpoint\" is not among"},
    {FND_EVENT_CHECKPOINT, NULL, META("checkpoint", "{\"sha256\":\"xy\",\"size\":1}"), "sha256"},
    {FND_EVENT_CHECKPOINT, NULL, META("checkpoint", "{\"sha256\":\"" HEX "\"}"), "\"size\""},
    {FND_EVENT_CHECKPOINT, NULL, META("checkpoint", "{\"sha256\":\"" HEX "\",\"size\":-1}"),
     "\"size\""},
    {FND_EVENT_CHECKPOINT, NULL, META("checkpoint", "7"), "\"size\""},
    {FND_EVENT_TRAINED, NULL, NULL, "body's \"outcome\" is not one of the words"},
    {FND_EVENT_TRAINED, "{\"outcome\":1}", NULL, "\"outcome\""},
    {FND_EVENT_TRAINED, "{\"outcome\":\"well\"}", NULL, "\"outcome\""},
    {FND_EVENT_TRAINED, DONE, NULL, "meta's \"model\" is not among its artifacts"},
    {FND_EVENT_TRAINED, DONE, META("checkpoint", "{\"sha256\":\"" HEX "\",\"size\":1}"),
     "\"model\" is not among"},
    {FND_EVENT_DECIDE, NULL, NULL, "\"pipeline\""},
    {FND_EVENT_DECIDE, TRAIN(""), NULL, "body's \"decision\" is not one of the words"},
    {FND_EVENT_DECIDE, TRAIN(",\"decision\":\"none\""), NULL, "\"decision\""},
    {FND_EVENT_DECIDE, TRAIN(",\"decision\":\"hold\""), NULL, "\"replaces\" is not an integer"},
    {FND_EVENT_DECIDE, TRAIN(",\"decision\":\"hold\",\"replaces\":-2"), NULL, "\"replaces\""},
    {FND_EVENT_SHADOW, NULL, NULL, "\"job\" is not an integer from 0 on"},
    {FND_EVENT_SHADOW, "{\"job\":2}", NULL, "\"output\" is not an integer from 0 on"},
    {FND_EVENT_SHADOW, "{\"job\":2,\"output\":[]}", NULL, "\"output\""},
    {FND_EVENT_PROVE, NULL, NULL, "\"pipeline\""},
    {FND_EVENT_PROVE, TRAIN(""), NULL, "body's \"proven\" is not true or false"},
    {FND_EVENT_PROVE, TRAIN(",\"proven\":1"), NULL, "\"proven\""},
};
enum { REFUSALS = sizeof refusals / sizeof refusals[0] };

Test(learn_bodies, a_body_that_lacks_what_its_kind_must_say_is_refused_by_the_members_name)
{
    for (size_t i = 0; i < REFUSALS; i++) {
        const struct refused *bad = &refusals[i];
        struct fnd_parts_read read = {0};
        struct fnd_error error = {0};
        const enum fnd_status status =
            fnd_parts_read(&read, bad->kind, bad->body, bad->body != NULL ? strlen(bad->body) : 0,
                           bad->meta, bad->meta != NULL ? strlen(bad->meta) : 0, &error);
        cr_expect_eq(status, FND_INVALID, "case %zu: %s", i, fnd_status_name(status));
        cr_expect_not_null(strstr(error.message, bad->says), "case %zu: %s is not in: %s", i,
                           bad->says, error.message);
        fnd_parts_finish(&read);
    }
}

static void flaw_line(const char *sentence, void *context)
{
    fnd_text_append_z(context, sentence);
    fnd_text_append_byte(context, '\n');
}

/* Where a rebuild meets such bodies: what the log says cannot be folded is a flaw by its number. */
Test(learn_bodies, a_rebuild_tells_of_a_body_that_nothing_can_be_made_of)
{
    struct scene scene;
    struct fnd_verify result;
    struct fnd_error error = {0};
    scene_begin(&scene, 65);
    commit(&scene, write_pin("invoice", 1), FND_OK); /* event 2 */
    scene_close(&scene);
    for (size_t i = 0; i < REFUSALS; i++) {
        char change[512];
        const struct refused *bad = &refusals[i];
        snprintf(change, sizeof change,
                 "UPDATE event SET kind = %d WHERE id = 2; UPDATE payload SET body = %s%s%s,"
                 " meta = %s%s%s WHERE event = 2",
                 (int)bad->kind, bad->body != NULL ? "CAST('" : "",
                 bad->body != NULL ? bad->body : "NULL", bad->body != NULL ? "' AS BLOB)" : "",
                 bad->meta != NULL ? "CAST('" : "", bad->meta != NULL ? bad->meta : "NULL",
                 bad->meta != NULL ? "' AS BLOB)" : "");
        sql(&scene, change);
        struct fnd_text flaws = {0};
        scene_read(&scene);
        (void)fnd_store_verify(scene.reader, &result, flaw_line, &flaws, &error);
        cr_expect_not_null(strstr(fnd_text_z(&flaws), "event 2 cannot be rebuilt"), "case %zu: %s",
                           i, fnd_text_z(&flaws));
        cr_expect_not_null(strstr(fnd_text_z(&flaws), bad->says), "case %zu: %s", i,
                           fnd_text_z(&flaws));
        fnd_text_finish(&flaws);
        fnd_reader_close(scene.reader);
        scene.reader = NULL;
    }
    scene_end(&scene);
}
