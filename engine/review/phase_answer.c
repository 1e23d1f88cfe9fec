/* SPDX-License-Identifier: MIT */
/* Answers to what a phase asked by itself (FOUNDRY_PAUSE), and to what the engine asks. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "review/internal.h"

/** Check one question's answer, and that there is one. */
static void answer_check(struct fnd_answering *answering, struct fnd_json question)
{
    struct fnd_flaws *fields = &answering->answered->fields;
    char *key = fnd_json_strdup(fnd_json_member(question, "key"));
    struct fnd_text at = {0};
    fnd_json_pointer_add(&at, key, strlen(key));
    struct fnd_json own = fnd_json_member(question, "schema");
    struct fnd_json values = answering->answer->values;
    struct fnd_json value = {NULL, 0};
    if (values.bytes != NULL) {
        value = fnd_json_member(values, key);
        value = value.bytes != NULL ? value : fnd_json_member(values, fnd_text_z(&at));
    }
    struct fnd_schema *schema = NULL;
    if (value.bytes == NULL) {
        fnd_flaws_add(fields, fnd_text_z(&at), "required", false,
                      "this question has no answer yet");
    } else if (own.bytes != NULL && fnd_schema_create("a question's schema", own.bytes, own.size,
                                                      &schema, NULL) == FND_OK) {
        struct fnd_flaws flaws = {0};
        fnd_schema_check(schema, value, NULL, &flaws);
        for (size_t i = 0; i < flaws.count; i++) {
            struct fnd_text place = {0};
            fnd_text_append(&place, at.bytes, at.size);
            fnd_text_append_z(&place, flaws.list[i].pointer);
            fnd_flaws_add(fields, fnd_text_z(&place), flaws.list[i].keyword, false, "%s",
                          flaws.list[i].message);
            fnd_text_finish(&place);
        }
        fnd_flaws_finish(&flaws);
    }
    fnd_schema_destroy(schema);
    fnd_text_finish(&at);
    free(key);
}

/** Answers to questions nobody asked are refused: they would be lost. */
static void unknown_check(struct fnd_answering *answering, struct fnd_json questions)
{
    struct fnd_json values = answering->answer->values;
    for (struct fnd_json_walk walk = fnd_json_walk(values);
         values.bytes != NULL && fnd_json_next(&walk);) {
        char *name = fnd_json_strdup(walk.key);
        bool known = false;
        for (struct fnd_json_walk asked = fnd_json_walk(questions);
             !known && fnd_json_next(&asked);) {
            char *key = fnd_json_strdup(fnd_json_member(asked.value, "key"));
            struct fnd_text at = {0};
            fnd_json_pointer_add(&at, key, strlen(key));
            known = strcmp(key, name) == 0 || strcmp(fnd_text_z(&at), name) == 0;
            fnd_text_finish(&at);
            free(key);
        }
        if (!known) {
            fnd_flaws_add(&answering->answered->fields, name, "unknown", true,
                          "no question has this key");
        }
        free(name);
    }
}

/** {"record":true,…,"answers":{key:value}}: a person's answer is data, whoever asked. */
static char *answers_body(struct fnd_answering *answering, struct fnd_json questions, bool record,
                          enum fnd_verdict verdict, struct fnd_error *error)
{
    const struct fnd_answer *answer = answering->answer;
    struct fnd_text fields = {0}, answers = {0}, body = {0};
    size_t count = 0;
    fnd_text_append_byte(&answers, '{');
    for (struct fnd_json_walk walk = fnd_json_walk(questions);
         answer->act != FND_ANSWER_REJECT && fnd_json_next(&walk);) {
        struct fnd_json name = fnd_json_member(walk.value, "key");
        char *key = fnd_json_strdup(name);
        struct fnd_text at = {0};
        fnd_json_pointer_add(&at, key, strlen(key));
        struct fnd_json value = fnd_json_member(answer->values, key);
        value = value.bytes != NULL ? value : fnd_json_member(answer->values, fnd_text_z(&at));
        fnd_text_append_z(&answers, count++ > 0 ? "," : "");
        fnd_text_append(&answers, name.bytes, name.size);
        fnd_text_append_byte(&answers, ':');
        fnd_json_compact(value, &answers);
        fnd_text_finish(&at);
        free(key);
    }
    fnd_text_append_byte(&answers, '}');
    struct fnd_json given = {answers.bytes, answers.size};
    if (fnd_twins_make_keyed(answering, given, error) != FND_OK) {
        fnd_text_finish(&answers);
        return NULL;
    }
    if (record) {
        fnd_text_append_z(&fields, "{}");
        struct fnd_json none = {fields.bytes, fields.size};
        char *base = fnd_record_body(answering, verdict, none);
        fnd_text_append(&body, base, strlen(base) - 1); /* without its } */
        free(base);
    } else {
        fnd_text_append_z(&body, "{\"by\":");
        fnd_text_append_json_z(&body, answer->by);
        if (answer->via != NULL) {
            fnd_text_append_z(&body, ",\"via\":");
            fnd_text_append_json_z(&body, answer->via);
        }
    }
    fnd_text_append_z(&body, ",\"answers\":");
    fnd_text_append(&body, answers.bytes, answers.size);
    fnd_text_append_byte(&body, '}');
    fnd_text_finish(&fields);
    fnd_text_finish(&answers);
    return fnd_text_take(&body);
}

static void fail_add(struct fnd_answering *answering, const struct fnd_step_row *step,
                     const char *code)
{
    struct fnd_text body = {0}, message = {0};
    const char *reason = answering->answer->reason;
    fnd_text_printf(&message, "%s by %s%s%s",
                    strcmp(code, "rejected") == 0 ? "rejected" : "not run again, as decided",
                    answering->answer->by, reason != NULL ? ": " : "",
                    reason != NULL ? reason : "");
    fnd_text_printf(&body, "{\"class\":\"rejected\",\"code\":\"%s\",\"message\":", code);
    fnd_text_append_json(&body, message.bytes, message.size);
    fnd_text_append_byte(&body, '}');
    fnd_text_finish(&message);
    struct fnd_event *event =
        fnd_write_add(answering->operation.write, FND_EVENT_FAIL, fnd_text_take(&body), NULL);
    event->phase = step->stand.phase;
    event->attempt = step->stand.attempt;
    event->after = step->stand;
    event->after.state = FND_FAILED;
}

enum fnd_status fnd_phase_answer(struct fnd_answering *answering, const struct fnd_step_row *step,
                                 bool engine_asks, struct fnd_error *error)
{
    struct fnd_json asked = {answering->asked.bytes, answering->asked.size};
    struct fnd_json questions = fnd_json_member(asked, "questions");
    struct fnd_write *write = answering->operation.write;
    const bool rejected = answering->answer->act == FND_ANSWER_REJECT;
    if (!rejected) {
        if (answering->answer->act == FND_ANSWER_ACCEPT) {
            fnd_flaws_add(&answering->answered->fields, "", "accept", false,
                          "nothing is proposed that could be accepted: answer the questions");
            return fnd_answer_refuse(answering, error);
        }
        for (struct fnd_json_walk walk = fnd_json_walk(questions); fnd_json_next(&walk);) {
            answer_check(answering, walk.value);
        }
        unknown_check(answering, questions);
        if (answering->answered->fields.count > 0) {
            return fnd_answer_refuse(answering, error);
        }
    }
    enum fnd_verdict verdict = rejected ? FND_REJECTED : FND_CORRECTED;
    char *body = answers_body(answering, questions, !engine_asks, verdict, error);
    if (body == NULL) {
        return FND_INVALID;
    }
    struct fnd_event *event = fnd_write_add(write, FND_EVENT_ANSWER, body, NULL);
    event->ref = answering->request.id;
    event->phase = step->stand.phase;
    event->attempt = step->stand.attempt;
    event->after = step->stand;
    if (!engine_asks) {
        write->record = true;
        write->tier = fnd_answer_tier(answering->answer);
        write->verdict = (uint8_t)verdict;
    }
    struct fnd_json given = {body, strlen(body)};
    bool stop = rejected ||
                (engine_asks && fnd_json_text_is(fnd_json_find(given, "/answers/repeat"), "fail"));
    if (stop) {
        fail_add(answering, step, rejected ? "rejected" : "not_repeated");
        return FND_OK;
    }
    struct fnd_stand stand =
        fnd_engine_stand(answering->engine, answering->pipeline, (size_t)step->stand.phase,
                         answering->operation.run && !engine_asks);
    event->after.state = stand.state;
    event->after.attempt = step->stand.attempt + (stand.state == FND_RUNNING ? 1 : 0);
    event->after.due_us = 0;
    return FND_OK;
}
