/* SPDX-License-Identifier: MIT */
/* What the tables take from bodies: each member that must be there, and each shape it may not have,
 * is told by its name, so that a rebuild of a damaged log says what is wrong with it. */
#include "store/parts.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "support.h"

#define UUID "\"uuid\":\"018f3a2b-0000-7000-8000-000000000001\""
#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define PRINT "0123456789abcdef0123456789abcdef"
#define JOB UUID ",\"pipeline\":\"p\",\"path\":\"a.png\",\"revision\":1,\"pin\":2"

static enum fnd_status parts_of(struct fnd_parts_read *read, enum fnd_event_kind kind,
                                const char *body, const char *meta, struct fnd_error *error)
{
    return fnd_parts_read(read, kind, body, body == NULL ? 0 : strlen(body), meta,
                          meta == NULL ? 0 : strlen(meta), error);
}

struct bad {
    enum fnd_event_kind kind;
    const char *body, *meta, *says;
};

static void refused(const struct bad *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct fnd_parts_read read = {0};
        struct fnd_error error = {0};
        const enum fnd_status status =
            parts_of(&read, cases[i].kind, cases[i].body, cases[i].meta, &error);
        cr_expect_eq(status, FND_INVALID, "case %zu, %s: %s", i,
                     cases[i].body == NULL ? "no body" : cases[i].body, fnd_status_name(status));
        cr_expect_not_null(strstr(error.message, cases[i].says), "case %zu: %s is not in: %s", i,
                           cases[i].says, error.message);
        fnd_parts_finish(&read);
    }
}

Test(parts, a_body_that_lacks_what_its_kind_must_say_is_refused_by_the_members_name)
{
    static const struct bad cases[] = {
        {FND_EVENT_STORE, NULL, NULL, "\"uuid\" is not a UUID"},
        {FND_EVENT_STORE, "{\"uuid\":7}", NULL, "\"uuid\" is not a UUID"},
        {FND_EVENT_STORE, "{\"uuid\":\"018f\"}", NULL, "\"uuid\" is not a UUID"},
        {FND_EVENT_STORE, "{" UUID "}", NULL, "\"salt\" is not 64 hex digits"},
        {FND_EVENT_STORE, "{" UUID ",\"salt\":\"" PRINT "\"}", NULL, "\"salt\""},
        {FND_EVENT_STORE, "{" UUID ",\"salt\":[]}", NULL, "\"salt\""},
        {FND_EVENT_PIN, "{}", NULL, "\"name\" is not a string"},
        {FND_EVENT_PIN, "{\"name\":1}", NULL, "\"name\" is not a string"},
        {FND_EVENT_JOB, "{\"pipeline\":\"p\"}", NULL, "\"uuid\""},
        {FND_EVENT_JOB, "{" UUID "}", NULL, "\"pipeline\" is not a string"},
        {FND_EVENT_JOB, "{" UUID ",\"pipeline\":\"p\"}", NULL, "\"path\" is not a string"},
        {FND_EVENT_JOB, "{" UUID ",\"pipeline\":\"p\",\"path\":\"a\"}", NULL,
         "\"revision\" is not an integer in its range"},
        {FND_EVENT_JOB, "{" UUID ",\"pipeline\":\"p\",\"path\":\"a\",\"revision\":\"1\"}", NULL,
         "\"revision\""},
        {FND_EVENT_JOB, "{" UUID ",\"pipeline\":\"p\",\"path\":\"a\",\"revision\":1.5}", NULL,
         "\"revision\""},
        {FND_EVENT_JOB, "{" UUID ",\"pipeline\":\"p\",\"path\":\"a\",\"revision\":0}", NULL,
         "\"revision\""},
        {FND_EVENT_JOB, "{" UUID ",\"pipeline\":\"p\",\"path\":\"a\",\"revision\":2147483648}",
         NULL, "\"revision\""},
        {FND_EVENT_JOB, "{" UUID ",\"pipeline\":\"p\",\"path\":\"a\",\"revision\":1}", NULL,
         "\"pin\" is not an integer in its range"},
        {FND_EVENT_JOB, "{", NULL, "the body is no JSON"},
        {FND_EVENT_OUTPUT, "{}", "[", "the meta is no JSON"},
    };
    refused(cases, sizeof cases / sizeof cases[0]);
}

Test(parts, artifacts_that_are_not_an_object_of_digests_and_sizes_are_refused)
{
    static const struct bad cases[] = {
        {FND_EVENT_JOB, "{" JOB ",\"artifacts\":[]}", NULL, "body's \"artifacts\" is not an obj"},
        {FND_EVENT_JOB, "{" JOB ",\"artifacts\":{\"a\":1}}", NULL, "\"sha256\" and \"size\""},
        {FND_EVENT_JOB, "{" JOB ",\"artifacts\":{\"a\":{}}}", NULL, "\"sha256\" and \"size\""},
        {FND_EVENT_JOB, "{" JOB ",\"artifacts\":{\"a\":{\"size\":\"1\"}}}", NULL, "\"size\""},
        {FND_EVENT_JOB, "{" JOB ",\"artifacts\":{\"a\":{\"size\":0.5}}}", NULL, "\"size\""},
        {FND_EVENT_JOB, "{" JOB ",\"artifacts\":{\"a\":{\"size\":-1}}}", NULL, "\"size\""},
        {FND_EVENT_JOB, "{" JOB ",\"artifacts\":{\"a\":{\"size\":1}}}", NULL,
         "\"artifacts/…/sha256\" is not 64 hex digits"},
        {FND_EVENT_OUTPUT, NULL, "{\"artifacts\":\"a\"}", "meta's \"artifacts\" is not an object"},
        {FND_EVENT_OUTPUT, NULL, "{\"artifacts\":{\"a\":{\"size\":1,\"sha256\":\"xy\"}}}",
         "meta's \"artifacts/…/sha256\""},
    };
    refused(cases, sizeof cases / sizeof cases[0]);
}

Test(parts, an_answer_and_what_is_done_at_the_desk_are_refused_alike)
{
    static const struct bad cases[] = {
        {FND_EVENT_ANSWER, "{\"record\":true}", NULL, "\"tier\" is not \"gold\" or \"silver\""},
        {FND_EVENT_ANSWER, "{\"record\":true,\"tier\":\"lead\"}", NULL, "\"tier\""},
        {FND_EVENT_ANSWER, "{\"record\":true,\"tier\":\"gold\"}", NULL, "\"verdict\" is not"},
        {FND_EVENT_ANSWER, "{\"record\":true,\"tier\":\"silver\",\"verdict\":\"maybe\"}", NULL,
         "\"verdict\" is not"},
        {FND_EVENT_ANSWER, "{\"twins\":[{}],\"by\":4}", NULL, "\"by\" is not a string"},
        {FND_EVENT_ANSWER, "{\"twins\":[{\"question\":-1}]}", NULL, "\"question\""},
        {FND_EVENT_ANSWER, "{\"twins\":[{\"question\":0,\"fingerprint\":\"xy\"}]}", NULL,
         "\"fingerprint\" is not 32 hex digits"},
        {FND_EVENT_ANSWER, "{\"twins\":[{\"question\":0,\"fingerprint\":5}]}", NULL,
         "\"fingerprint\""},
        {FND_EVENT_ANSWER, "{\"rules\":[\"a\"]}", NULL, "\"rules\" is not a list of rules"},
        {FND_EVENT_ANSWER, "{\"rules\":[0]}", NULL, "\"rules\""},
        {FND_EVENT_ASK, "{\"group\":1}", NULL, "\"group\" is not a string"},
        {FND_EVENT_ASK, "{\"remind_ms\":-1}", NULL, "\"remind_ms\" is not an integer from 0 on"},
        {FND_EVENT_ASK, "{\"due_ms\":\"soon\"}", NULL, "\"due_ms\" is not an integer from 0 on"},
        {FND_EVENT_ASK, "{\"due_ms\":9000000000000000}", NULL, "\"due_ms\" is not a number of mil"},
        {FND_EVENT_ASK, "{\"questions\":[{\"fingerprint\":\"\"}]}", NULL, "\"fingerprint\""},
        {FND_EVENT_ESCALATE, "{\"group\":[]}", NULL, "\"group\" is not a string"},
        {FND_EVENT_ESCALATE, "{\"due_ms\":-4}", NULL, "\"due_ms\""},
        {FND_EVENT_UNDO, "{\"answer\":-4}", NULL, "\"answer\" is not an integer from 0 on"},
        {FND_EVENT_CLAIM, "{\"until_us\":1.5}", NULL, "\"until_us\""},
        {FND_EVENT_SNOOZE, "{\"until_us\":true}", NULL, "\"until_us\""},
        {FND_EVENT_RELEASE, "{\"by\":{}}", NULL, "\"by\" is not a string"},
    };
    refused(cases, sizeof cases / sizeof cases[0]);
}

Test(parts, what_may_be_absent_is_and_what_is_there_is_read)
{
    struct fnd_parts_read read = {0};
    struct fnd_error error = {0};
    cr_assert_eq(parts_of(&read, FND_EVENT_ANSWER, NULL, NULL, &error), FND_OK);
    cr_expect_not(read.parts.record);
    cr_assert_eq(parts_of(&read, FND_EVENT_ANSWER, "{\"record\":1}", NULL, &error), FND_OK);
    cr_expect_not(read.parts.record, "only true makes a record");
    cr_assert_eq(parts_of(&read, FND_EVENT_ANSWER, "{\"record\":false}", NULL, &error), FND_OK);
    cr_expect_not(read.parts.record);
    static const char *const tiers[] = {"gold", "silver"};
    static const char *const verdicts[] = {"accepted", "corrected", "rejected"};
    for (int tier = 0; tier < 2; tier++) {
        for (int verdict = 0; verdict < 3; verdict++) {
            char body[128];
            (void)snprintf(body, sizeof body,
                           "{\"record\":true,\"tier\":\"%s\",\"verdict\":\"%s\"}", tiers[tier],
                           verdicts[verdict]);
            cr_assert_eq(parts_of(&read, FND_EVENT_ANSWER, body, NULL, &error), FND_OK, "%s", body);
            cr_expect(read.parts.record);
            cr_expect_eq(read.parts.tier, FND_TIER_GOLD + tier, "%s", body);
            cr_expect_eq(read.parts.verdict, FND_ACCEPTED + verdict, "%s", body);
        }
    }
    cr_expect_str_eq(fnd_tier_name((enum fnd_tier)9), "unknown");
    cr_expect_str_eq(fnd_verdict_name((enum fnd_verdict)9), "unknown");
    /* A body that is no object, and one of a plugin, whose "artifacts" mean nothing. */
    cr_expect_eq(parts_of(&read, FND_EVENT_JOB, "[]", "[]", &error), FND_OK);
    cr_expect_eq(parts_of(&read, FND_EVENT_OUTPUT, "{\"artifacts\":7}", NULL, &error), FND_OK);
    cr_expect_eq(read.parts.artifacts_count, 0);
    cr_assert_eq(parts_of(&read, FND_EVENT_ASK,
                          "{\"group\":null,\"questions\":[1,{\"fingerprint\":\"" PRINT "\"}]}",
                          NULL, &error),
                 FND_OK, "%s", error.message);
    cr_expect_null(read.parts.group);
    cr_assert_eq(read.parts.twins_count, 1);
    cr_expect_eq(read.parts.twins[0].question, 1, "its place in the list");
    cr_assert_eq(
        parts_of(&read, FND_EVENT_ANSWER, "{\"rules\":[3,5],\"by\":\"ann\"}", NULL, &error),
        FND_OK);
    cr_assert_eq(read.parts.rules_count, 2);
    cr_expect_eq(read.parts.rules[1], 5);
    cr_expect_str_eq(read.parts.by, "ann");
    fnd_parts_finish(&read);
}

Test(parts, more_artifacts_than_fit_at_first_are_all_read_in_order)
{
    struct fnd_parts_read read = {0};
    struct fnd_error error = {0};
    struct fnd_text meta = {0};
    enum { COUNT = 11 };
    for (int i = 0; i < COUNT; i++) {
        fnd_text_printf(&meta, "%s\"%d\":{\"sha256\":\"%02x%s\",\"size\":%d}",
                        i == 0 ? "{\"artifacts\":{" : ",", i, (unsigned)i, &HEX[2], i);
    }
    fnd_text_append_z(&meta, "}}");
    cr_assert_eq(parts_of(&read, FND_EVENT_OUTPUT, "{}", fnd_text_z(&meta), &error), FND_OK, "%s",
                 error.message);
    cr_assert_eq(read.parts.artifacts_count, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        cr_expect_eq(read.parts.artifacts[i].hash[0], i);
        cr_expect_eq(read.parts.artifacts[i].size, i);
    }
    fnd_text_finish(&meta);
    fnd_parts_finish(&read);
}

/* --- writes whose columns are not what their bodies say --------------------------------------- */

enum lie {
    NONE,
    JOB_UUID,
    JOB_PIN,
    JOB_REVISION,
    JOB_PIPELINE,
    JOB_NO_PIPELINE,
    JOB_PATH,
    PIN_HASH,
    PIN_PIPELINE,
    ANSWER_RECORD,
    ANSWER_TIER,
    ANSWER_VERDICT,
    ARTIFACT_MORE,
    ARTIFACT_OTHER,
    ARTIFACT_SIZE,
    BODY_BROKEN,
    LIES
};

static void text_put(char **text, const char *with)
{
    free(*text);
    *text = with == NULL ? NULL : fnd_strdup(with);
}

static void artifact_put(struct fnd_event *event, enum lie lie)
{
    static const char meta[] = "{\"artifacts\":{\"a\":{\"sha256\":\"" HEX "\",\"size\":4}}}";
    text_put(&event->meta, meta);
    event->meta_size = sizeof meta - 1;
    event->artifacts_count = lie == ARTIFACT_MORE ? 2 : 1;
    event->artifacts = calloc(event->artifacts_count, sizeof *event->artifacts);
    for (size_t i = 0; i < event->artifacts_count; i++) {
        event->artifacts[i].size = lie == ARTIFACT_SIZE ? 5 : 4;
        cr_assert(fnd_unhex(HEX, 64, event->artifacts[i].hash, FND_DIGEST_SIZE));
        event->artifacts[i].hash[0] ^= lie == ARTIFACT_OTHER;
    }
}

static struct fnd_write *write_of(struct scene *scene, enum lie lie)
{
    struct fnd_write *write = NULL;
    if (lie == PIN_HASH || lie == PIN_PIPELINE) {
        write = write_pin("p", 3);
    } else if (lie >= ANSWER_RECORD && lie <= ANSWER_VERDICT) {
        int64_t request;
        const int64_t job = paused_job(scene, "asked.png", &request);
        write = write_answer(scene, job, request, true);
    } else {
        write = write_job(scene, 2, "p", "b.png", 1);
        artifact_put(&write->events[0], lie);
    }
    write->uuid[3] ^= lie == JOB_UUID;
    write->pin += lie == JOB_PIN;
    write->revision += lie == JOB_REVISION;
    write->hash[0] ^= lie == PIN_HASH;
    write->record ^= lie == ANSWER_RECORD;
    write->tier = (uint8_t)(write->tier + (lie == ANSWER_TIER));
    write->verdict = (uint8_t)(write->verdict + (lie == ANSWER_VERDICT));
    if (lie == JOB_PIPELINE || lie == PIN_PIPELINE || lie == JOB_NO_PIPELINE) {
        text_put(&write->pipeline, lie == JOB_NO_PIPELINE ? NULL : "q");
    }
    if (lie == JOB_PATH) {
        text_put(&write->path, "c.png");
    }
    if (lie == BODY_BROKEN) {
        write->events[0].body[0] = 'x';
    }
    return write;
}

/** What a process that has to agree to this write says, and how it ends. */
static int agree(const struct fnd_write *write, char *said, size_t size)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        fnd_parts_agree(write);
        _exit(0);
    }
    (void)close(ends[1]);
    size_t at = 0;
    ssize_t got = 0;
    while ((got = read(ends[0], said + at, size - 1 - at)) > 0) {
        at += (size_t)got;
    }
    said[at] = '\0';
    (void)close(ends[0]);
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    return status;
}

Test(parts, a_write_whose_columns_are_not_its_bodies_does_not_get_by)
{
    static const char *const says[LIES] = {[JOB_UUID] = "uuid, pin, revision",
                                           [JOB_PIN] = "uuid, pin, revision",
                                           [JOB_REVISION] = "uuid, pin, revision",
                                           [JOB_PIPELINE] = "uuid, pin, revision",
                                           [JOB_NO_PIPELINE] = "uuid, pin, revision",
                                           [JOB_PATH] = "uuid, pin, revision",
                                           [PIN_HASH] = "hash or pipeline",
                                           [PIN_PIPELINE] = "hash or pipeline",
                                           [ANSWER_RECORD] = "record, tier",
                                           [ANSWER_TIER] = "record, tier",
                                           [ANSWER_VERDICT] = "record, tier",
                                           [ARTIFACT_MORE] = "its artifacts are not",
                                           [ARTIFACT_OTHER] = "its artifacts are not",
                                           [ARTIFACT_SIZE] = "its artifacts are not",
                                           [BODY_BROKEN] = "the body is no JSON"};
    for (enum lie lie = NONE; lie < LIES; lie++) {
        struct scene scene;
        char said[4096];
        scene_begin(&scene, 31);
        struct fnd_write *write = write_of(&scene, lie);
        const int status = agree(write, said, sizeof said);
        if (lie == NONE) {
            cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s", said);
        } else {
            cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "lie %d got by",
                      (int)lie);
            cr_expect_not_null(strstr(said, says[lie]), "lie %d: %s", (int)lie, said);
        }
        fnd_write_destroy(write);
        scene_end(&scene);
    }
}
