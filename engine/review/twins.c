/* SPDX-License-Identifier: MIT */
/* The same question elsewhere: which places make it the same, what an answer to all of them says of
 * each question, and what a rule answers to another request. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/fingerprint.h"
#include "review/desk_internal.h"

/* --- asking ---------------------------------------------------------------------------------- */

/* "1/name" from "/items/3/price" is "/items/3/name"; "/supplier" stays. malloc'ed; NULL: it leads
 * above the document. */
static char *place_of(const char *pointer, const char *place)
{
    size_t digits = strspn(place, "0123456789");
    if (digits == 0) {
        return fnd_strdup(place);
    }
    size_t size = strlen(pointer);
    for (long up = strtol(place, NULL, 10); up > 0; up--) {
        while (size > 0 && pointer[size - 1] != '/') {
            size--;
        }
        if (size == 0) {
            return NULL;
        }
        size--;
    }
    struct fnd_text text = {0};
    fnd_text_append(&text, pointer, size);
    fnd_text_append_z(&text, place + digits);
    return text.size > 0 ? fnd_text_take(&text) : fnd_strdup("");
}

/* What the pipeline's places hold, as one array. false: none of them is there. */
static bool matter_collect(const struct fnd_visit *visit, const struct fnd_human *human,
                           const struct fnd_question *question, struct fnd_text *matter)
{
    struct fnd_json places = {human->fingerprint, strlen(human->fingerprint)};
    const char *pointer = question->has_pointer ? question->pointer : "";
    bool any = false;
    fnd_text_append_byte(matter, '[');
    for (struct fnd_json_walk walk = fnd_json_walk(places); fnd_json_next(&walk);) {
        char *name = fnd_place_text(walk.value);
        char *place = place_of(pointer, name);
        struct fnd_json value = {NULL, 0};
        if (place != NULL) {
            value = fnd_json_find(visit->subject, place);
        }
        fnd_text_append_z(matter, walk.index > 0 ? "," : "");
        if (value.bytes != NULL) {
            fnd_normalise(value, matter);
            any = true;
        } else {
            fnd_text_append_z(matter, "null");
        }
        free(name);
        free(place);
    }
    fnd_text_append_byte(matter, ']');
    return any;
}

void fnd_question_fingerprint(const struct fnd_visit *visit, const struct fnd_human *human,
                              const struct fnd_question *question, struct fnd_text *body)
{
    struct fnd_text matter = {0};
    const char *pipeline = visit->pipeline->name, *phase = visit->phase->id;
    if (fnd_fingerprint_of_context(pipeline, phase, question->kind, question->context, body) ||
        human->fingerprint == NULL) {
        return;
    }
    if (matter_collect(visit, human, question, &matter)) {
        char text[FND_FINGERPRINT_TEXT_SIZE];
        fnd_fingerprint(pipeline, phase, question->kind, &matter, text);
        fnd_text_printf(body, ",\"fingerprint\":\"%s\"", text);
    }
    fnd_text_finish(&matter);
}

/* --- making rules ---------------------------------------------------------------------------- */

static enum fnd_status refuse(struct fnd_answering *answering, const char *pointer,
                              const char *message, struct fnd_error *error)
{
    fnd_flaws_add(&answering->answered->fields, pointer, "scope", false, "%s", message);
    return fnd_answer_refuse(answering, error);
}

static struct fnd_json questions_of(const struct fnd_answering *answering)
{
    struct fnd_json asked = {answering->asked.bytes, answering->asked.size};
    return fnd_json_member(asked, "questions");
}

/* Whether a question that can have twins asks about a place or above it. */
static bool carried(struct fnd_json questions, const char *pointer)
{
    bool found = false;
    for (struct fnd_json_walk walk = fnd_json_walk(questions); !found && fnd_json_next(&walk);) {
        char *at = fnd_json_strdup(fnd_json_member(walk.value, "pointer"));
        found = at != NULL && fnd_json_member(walk.value, "fingerprint").bytes != NULL &&
                fnd_pointer_below(pointer, at);
        free(at);
    }
    return found;
}

/* Append {"question","fingerprint","patch"} with what was set at or below the question's place. */
static void twin_add(struct fnd_text *twins, const struct fnd_json_walk *question,
                     struct fnd_json fields)
{
    struct fnd_json print = fnd_json_member(question->value, "fingerprint");
    char *at = fnd_json_strdup(fnd_json_member(question->value, "pointer"));
    size_t count = 0;
    fnd_text_printf(twins, "%s{\"question\":%zu,\"fingerprint\":", twins->size > 1 ? "," : "",
                    question->index);
    fnd_text_append(twins, print.bytes, print.size);
    fnd_text_append_z(twins, ",\"patch\":{");
    for (struct fnd_json_walk walk = fnd_json_walk(fields); at != NULL && fnd_json_next(&walk);) {
        char *pointer = fnd_json_strdup(walk.key);
        if (fnd_pointer_below(pointer, at)) {
            struct fnd_json to = fnd_json_member(walk.value, "to");
            fnd_text_append_z(twins, count++ > 0 ? "," : "");
            fnd_text_append_json_z(twins, pointer + strlen(at));
            fnd_text_append_byte(twins, ':');
            fnd_text_append(twins, to.bytes, to.size);
        }
        free(pointer);
    }
    fnd_text_append_z(twins, "}}");
    free(at);
}

enum fnd_status fnd_twins_make(struct fnd_answering *answering, struct fnd_json fields,
                               struct fnd_error *error)
{
    const struct fnd_answer *answer = answering->answer;
    struct fnd_json questions = questions_of(answering);
    size_t count = 0;
    if (!answer->twins) {
        return FND_OK;
    }
    if (answer->act == FND_ANSWER_REJECT) {
        return refuse(answering, "", "a rejection holds for its own job only: scope `this`", error);
    }
    for (struct fnd_json_walk walk = fnd_json_walk(fields); fnd_json_next(&walk);) {
        char *pointer = fnd_json_strdup(walk.key);
        const bool sets = fnd_json_member(walk.value, "to").bytes != NULL;
        const bool known = sets && carried(questions, pointer);
        enum fnd_status status =
            known ? FND_OK
                  : refuse(answering, pointer,
                           sets ? "no question that can have twins asks about this; change it with "
                                  "scope `this`"
                                : "what is removed cannot be carried to twins; use scope `this`",
                           error);
        free(pointer);
        if (status != FND_OK) {
            return status;
        }
    }
    fnd_text_append_byte(&answering->twins, '[');
    for (struct fnd_json_walk walk = fnd_json_walk(questions); fnd_json_next(&walk);) {
        if (fnd_json_member(walk.value, "fingerprint").bytes != NULL) {
            twin_add(&answering->twins, &walk, fields);
            count++;
        }
    }
    fnd_text_append_byte(&answering->twins, ']');
    return count > 0 ? FND_OK
                     : refuse(answering, "",
                              "no question of this request says what makes it the same elsewhere: "
                              "give the phase `fingerprint: [PLACE]`, or answer with scope `this`",
                              error);
}

enum fnd_status fnd_twins_make_keyed(struct fnd_answering *answering, struct fnd_json answers,
                                     struct fnd_error *error)
{
    const struct fnd_answer *answer = answering->answer;
    size_t count = 0;
    if (!answer->twins) {
        return FND_OK;
    }
    if (answer->act == FND_ANSWER_REJECT) {
        return refuse(answering, "", "a rejection holds for its own job only: scope `this`", error);
    }
    fnd_text_append_byte(&answering->twins, '[');
    for (struct fnd_json_walk walk = fnd_json_walk(questions_of(answering));
         fnd_json_next(&walk);) {
        struct fnd_json print = fnd_json_member(walk.value, "fingerprint");
        char *key = fnd_json_strdup(fnd_json_member(walk.value, "key"));
        struct fnd_json value = fnd_json_member(answers, key);
        if (print.bytes != NULL && value.bytes != NULL) {
            fnd_text_printf(&answering->twins,
                            "%s{\"question\":%zu,\"fingerprint\":", count++ > 0 ? "," : "",
                            walk.index);
            fnd_text_append(&answering->twins, print.bytes, print.size);
            fnd_text_append_z(&answering->twins, ",\"patch\":{\"\":");
            fnd_text_append(&answering->twins, value.bytes, value.size);
            fnd_text_append_z(&answering->twins, "}}");
        }
        free(key);
    }
    fnd_text_append_byte(&answering->twins, ']');
    return count > 0 ? FND_OK
                     : refuse(answering, "",
                              "no question of this request says what makes it the same elsewhere; "
                              "its plugin would have to; answer with scope `this`",
                              error);
}

/* --- using rules ----------------------------------------------------------------------------- */

/* The patch that a rule has for its question, out of the answer's body. */
static struct fnd_json patch_of(struct fnd_json answer, int64_t question)
{
    const struct fnd_json none = {NULL, 0};
    for (struct fnd_json_walk walk = fnd_json_walk(fnd_json_member(answer, "twins"));
         fnd_json_next(&walk);) {
        int64_t index = -1;
        if (fnd_json_integer(fnd_json_member(walk.value, "question"), &index) &&
            index == question) {
            return fnd_json_member(walk.value, "patch");
        }
    }
    return none;
}

/* Append what the rule says of one question to the values of the answer. */
static void values_add(struct fnd_text *values, struct fnd_json question, bool keyed,
                       struct fnd_json patch)
{
    char *at = fnd_json_strdup(fnd_json_member(question, keyed ? "key" : "pointer"));
    for (struct fnd_json_walk walk = fnd_json_walk(patch); at != NULL && fnd_json_next(&walk);) {
        char *suffix = fnd_json_strdup(walk.key);
        struct fnd_text name = {0};
        fnd_text_append_z(&name, at);
        fnd_text_append_z(&name, suffix);
        fnd_text_append_z(values, values->size > 1 ? "," : "");
        fnd_text_append_json(values, fnd_text_z(&name), name.size);
        fnd_text_append_byte(values, ':');
        fnd_text_append(values, walk.value.bytes, walk.value.size);
        fnd_text_finish(&name);
        free(suffix);
    }
    free(at);
}

static enum fnd_status rule_add(struct fnd_reader *reader, struct fnd_json question, bool keyed,
                                struct fnd_ruling *ruling, struct fnd_error *error)
{
    uint8_t bytes[FND_FINGERPRINT_SIZE];
    struct fnd_rule_row rule = {0};
    struct fnd_text body = {0};
    char *print = fnd_json_strdup(fnd_json_member(question, "fingerprint"));
    enum fnd_status status = FND_NOT_FOUND;
    if (print != NULL && fnd_unhex(print, strlen(print), bytes, sizeof bytes)) {
        status = fnd_rule_find(reader, bytes, &rule, error);
    }
    free(print);
    if (status == FND_OK) {
        status = fnd_payload_get(reader, rule.answer, &body, NULL, error);
    }
    if (status == FND_OK) {
        struct fnd_json answer = {body.bytes, body.size};
        bool known = false;
        values_add(&ruling->values, question, keyed, patch_of(answer, rule.question));
        for (size_t i = 0; i < ruling->rules_count; i++) {
            known = known || ruling->rules[i] == rule.answer;
        }
        if (!known && ruling->rules_count < FND_RULES_MAX) {
            ruling->rules[ruling->rules_count++] = rule.answer;
            ruling->request = rule.request;
        }
    }
    fnd_text_finish(&body);
    return status;
}

enum fnd_status fnd_twins_rule(struct fnd_reader *reader, int64_t request,
                               struct fnd_ruling *ruling, struct fnd_error *error)
{
    struct fnd_text body = {0};
    enum fnd_status status = fnd_payload_get(reader, request, &body, NULL, error);
    struct fnd_json asked = {body.bytes, body.size};
    fnd_text_append_byte(&ruling->values, '{');
    if (status == FND_OK) {
        const bool keyed = !fnd_json_text_is(fnd_json_member(asked, "origin"), "gate");
        for (struct fnd_json_walk walk = fnd_json_walk(fnd_json_member(asked, "questions"));
             status == FND_OK && fnd_json_next(&walk);) {
            status = rule_add(reader, walk.value, keyed, ruling, error);
        }
    }
    fnd_text_append_byte(&ruling->values, '}');
    fnd_text_finish(&body);
    return status;
}
