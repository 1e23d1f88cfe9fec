/* SPDX-License-Identifier: MIT */
/* Answers to a human phase: the patch, every schema that covers it, the detectors again. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/crash_point.h"
#include "review/internal.h"

static struct fnd_json asked_questions(const struct fnd_answering *answering)
{
    struct fnd_json asked = {answering->asked.bytes, answering->asked.size};
    return fnd_json_member(asked, "questions");
}

/** Places that are wrong: one place may break several rules. */
static size_t places_count(const struct fnd_flaws *fields)
{
    size_t count = fields->skipped;
    for (size_t i = 0; i < fields->count; i++) {
        size_t j = 0;
        while (j < i && strcmp(fields->list[j].pointer, fields->list[i].pointer) != 0) {
            j++;
        }
        count += j == i;
    }
    return count;
}

enum fnd_status fnd_answer_refuse(struct fnd_answering *answering, struct fnd_error *error)
{
    /* What is wrong with each is in the fields, which whoever answers gets beside this. */
    const size_t count = places_count(&answering->answered->fields);
    fnd_error_set(error, FND_INVALID,
                  "the answer to request %" PRId64 " was not taken: %zu field%s wrong",
                  answering->request.id, count, count == 1 ? " is" : "s are");
    fnd_error_code(error, "answer_refused");
    return FND_INVALID;
}

/** Each question's own schema over the value it asked about. */
static void questions_check(struct fnd_answering *answering, struct fnd_json patched)
{
    for (struct fnd_json_walk walk = fnd_json_walk(asked_questions(answering));
         fnd_json_next(&walk);) {
        struct fnd_json own = fnd_json_member(walk.value, "schema");
        char *pointer = fnd_json_strdup(fnd_json_member(walk.value, "pointer"));
        struct fnd_json value = fnd_json_find(patched, pointer != NULL ? pointer : "");
        struct fnd_schema *schema = NULL;
        if (own.bytes != NULL && value.bytes != NULL &&
            fnd_schema_create("a question's schema", own.bytes, own.size, &schema, NULL) ==
                FND_OK) {
            struct fnd_flaws flaws = {0};
            fnd_schema_check(schema, value, NULL, &flaws);
            for (size_t i = 0; i < flaws.count; i++) {
                struct fnd_text at = {0};
                fnd_text_append_z(&at, pointer);
                fnd_text_append_z(&at, flaws.list[i].pointer);
                fnd_flaws_add(&answering->answered->fields, fnd_text_z(&at), flaws.list[i].keyword,
                              flaws.list[i].is_key, "%s", flaws.list[i].message);
                fnd_text_finish(&at);
            }
            fnd_flaws_finish(&flaws);
        }
        fnd_schema_destroy(schema);
        free(pointer);
    }
}

/** One more schema over the patched document; what is told already is not told again. */
static void schema_check(struct fnd_answering *answering, const struct fnd_schema *schema,
                         struct fnd_json patched)
{
    struct fnd_flaws *fields = &answering->answered->fields;
    struct fnd_flaws more = {0};
    const size_t before = fields->count;
    if (schema != NULL) {
        fnd_schema_check(schema, patched, NULL, &more);
    }
    for (size_t i = 0; i < more.count; i++) {
        bool told = false; /* two schemas often say the same */
        for (size_t j = 0; j < before && !told; j++) {
            told = strcmp(fields->list[j].pointer, more.list[i].pointer) == 0 &&
                   strcmp(fields->list[j].keyword, more.list[i].keyword) == 0;
        }
        if (!told) {
            fnd_flaws_add(fields, more.list[i].pointer, more.list[i].keyword, more.list[i].is_key,
                          "%s", more.list[i].message);
        }
    }
    fields->skipped += more.skipped;
    fnd_flaws_finish(&more);
}

/** Every schema that covers the patched document: this gate's, those of the gates before it, the
 *  output's of the phase they all review, each question's. */
static void schemas_check(struct fnd_answering *answering, const struct fnd_visit *visit,
                          struct fnd_json patched)
{
    const struct fnd_phase *phase = visit->phase;
    while (phase->subject >= 0 && phase->kind == visit->phase->kind) {
        const struct fnd_human *gate = phase->prepared;
        schema_check(answering, gate->schema, patched);
        phase = &visit->pipeline->phases[phase->subject];
    }
    schema_check(answering, phase->bound.output_schema, patched);
    questions_check(answering, patched);
}

/** Pointers into SUBJECT that were asked about, given a value or removed. */
static void touched_collect(const struct fnd_answering *answering, struct fnd_pointers *touched,
                            struct fnd_pointers *removed)
{
    for (struct fnd_json_walk walk = fnd_json_walk(asked_questions(answering));
         fnd_json_next(&walk);) {
        fnd_pointers_take(touched, fnd_json_strdup(fnd_json_member(walk.value, "pointer")));
    }
    if (answering->answer->act != FND_ANSWER_SET) {
        return;
    }
    for (struct fnd_json_walk walk = fnd_json_walk(answering->answer->values);
         answering->answer->values.bytes != NULL && fnd_json_next(&walk);) {
        fnd_pointers_take(touched, fnd_json_strdup(walk.key));
    }
    for (struct fnd_json_walk walk = fnd_json_walk(answering->answer->removed);
         answering->answer->removed.bytes != NULL && fnd_json_next(&walk);) {
        fnd_pointers_take(touched, fnd_json_strdup(walk.value));
        fnd_pointers_take(removed, fnd_json_strdup(walk.value));
    }
}

/** The write of a gate's answer: ANSWER with its record, then OUTPUT, or FAIL on a rejection. */
static enum fnd_status gate_write(struct fnd_answering *answering, const struct fnd_visit *visit,
                                  const struct fnd_step_row *step, struct fnd_error *error)
{
    struct fnd_operation *operation = &answering->operation;
    const struct fnd_human *human = visit->phase->prepared;
    const bool rejected = answering->answer->act == FND_ANSWER_REJECT;
    struct fnd_json patched = {answering->patched.bytes, answering->patched.size};
    struct fnd_text fields = {0};
    size_t changed = fnd_compare(visit->subject, patched, visit->marks, &fields);
    enum fnd_verdict verdict = rejected ? FND_REJECTED : changed > 0 ? FND_CORRECTED : FND_ACCEPTED;
    struct fnd_json differences = {fields.bytes, fields.size};
    enum fnd_status status = fnd_twins_make(answering, differences, error);
    if (status != FND_OK) {
        fnd_text_finish(&fields);
        return status;
    }
    struct fnd_event *event = fnd_write_add(operation->write, FND_EVENT_ANSWER,
                                            fnd_record_body(answering, verdict, differences), NULL);
    event->ref = answering->request.id;
    event->phase = step->stand.phase;
    event->attempt = step->stand.attempt;
    event->after = step->stand;
    operation->write->record = true;
    operation->write->tier = fnd_answer_tier(answering->answer);
    operation->write->verdict = (uint8_t)verdict;
    fnd_text_finish(&fields);

    struct fnd_event *last;
    if (rejected &&
        (!human->reject_continues || answering->answer->source == FND_SOURCE_DEADLINE)) {
        struct fnd_text body = {0};
        fnd_text_append_z(&body, "{\"class\":\"rejected\",\"code\":\"rejected\",\"message\":");
        struct fnd_text message = {0};
        fnd_text_printf(&message, "rejected by %s%s%s", answering->answer->by,
                        answering->answer->reason != NULL ? ": " : "",
                        answering->answer->reason != NULL ? answering->answer->reason : "");
        fnd_text_append_json(&body, message.bytes, message.size);
        fnd_text_append_byte(&body, '}');
        fnd_text_finish(&message);
        last = fnd_write_add(operation->write, FND_EVENT_FAIL, fnd_text_take(&body), NULL);
        last->after = step->stand;
        last->after.state = FND_FAILED;
    } else {
        char *meta = answering->marks.size > 0 ? fnd_text_take(&answering->marks) : NULL;
        last = fnd_write_add(operation->write, FND_EVENT_OUTPUT, fnd_text_take(&answering->patched),
                             meta);
        last->ref = FND_REF_FIRST; /* the record's output */
        last->after = fnd_engine_stand(answering->engine, visit->pipeline,
                                       (size_t)step->stand.phase + 1, answering->operation.run);
    }
    last->phase = step->stand.phase;
    last->attempt = step->stand.attempt;
    return FND_OK;
}

enum fnd_status fnd_gate_begin(struct fnd_answering *answering, struct fnd_visit *visit,
                               const struct fnd_step_row *step, struct fnd_error *error)
{
    const struct fnd_human *human = visit->phase->prepared;
    const struct fnd_answer *answer = answering->answer;
    struct fnd_pointers touched = {0}, removed = {0};
    enum fnd_status status = FND_OK;
    answering->subject_event = step->outputs[visit->phase->subject];
    if (answer->act != FND_ANSWER_SET) {
        fnd_text_append(&answering->patched, visit->subject.bytes, visit->subject.size);
    } else {
        status = fnd_patch_apply(visit->subject, answer->values, answer->removed,
                                 &answering->patched, &answering->answered->fields);
    }
    struct fnd_json patched = {answering->patched.bytes, answering->patched.size};
    touched_collect(answering, &touched, &removed);
    fnd_marks_left(visit->subject, visit->marks, &touched, &removed, &answering->marks);
    fnd_pointers_finish(&touched);
    fnd_pointers_finish(&removed);
    if (answer->act == FND_ANSWER_REJECT) {
        return gate_write(answering, visit, step, error);
    }
    if (status == FND_OK) {
        schemas_check(answering, visit, patched);
    }
    if (answering->answered->fields.count > 0) {
        return fnd_answer_refuse(answering, error);
    }
    struct fnd_json marks = {answering->marks.size > 0 ? answering->marks.bytes : NULL,
                             answering->marks.size};
    for (size_t i = 0; i < human->detectors_count; i++) {
        status = fnd_visit_call(visit, &human->detectors[i], patched, marks, error);
        if (status != FND_OK) {
            return status;
        }
    }
    return human->detectors_count == 0 ? gate_write(answering, visit, step, error) : FND_OK;
}

/** Whether a person gave a reason to go against what is said of `pointer`. */
static bool overridden(const struct fnd_answer *answer, const char *pointer)
{
    for (struct fnd_json_walk walk = fnd_json_walk(answer->overrides);
         answer->overrides.bytes != NULL && fnd_json_next(&walk);) {
        char *at = fnd_json_strdup(walk.key);
        char *reason = fnd_json_strdup(walk.value);
        bool covers = reason != NULL && reason[0] != '\0' &&
                      (at[0] == '\0' || fnd_pointer_below(pointer, at));
        free(at);
        free(reason);
        if (covers) {
            return true;
        }
    }
    return false;
}

/** What a detector still says of the patched document, unless a reason stands against it. */
static void objection_add(struct fnd_answering *answering, const struct fnd_question *question)
{
    const char *pointer = question->has_pointer ? question->pointer : "";
    if (overridden(answering->answer, pointer)) {
        return;
    }
    /* A detector's sentence may begin with its place; said once is enough. */
    const char *text = question->question;
    size_t size = strlen(pointer);
    if (size > 0 && strncmp(text, pointer, size) == 0 && strncmp(text + size, ": ", 2) == 0) {
        text += size + 2;
    }
    fnd_flaws_add(&answering->answered->fields, pointer, question->kind, false, "%s", text);
}

enum fnd_status fnd_gate_finish(struct fnd_answering *answering, struct fnd_visit *visit,
                                struct fnd_error *error)
{
    const struct fnd_human *human = visit->phase->prepared;
    if (!fnd_human_judge(visit, human)) {
        if (visit->verdict == FND_VISIT_AGAIN) {
            return fnd_error_set(error, FND_INTERRUPTED,
                                 "the engine stops, and request %" PRId64 " was not answered yet; "
                                 "answer it again",
                                 answering->request.id);
        }
        *error = visit->error;
        error->status = FND_PLUGIN;
        fnd_error_prefix(error, "the answer to request %" PRId64 " could not be checked",
                         answering->request.id);
        return FND_PLUGIN;
    }
    for (size_t c = 0; c < visit->calls_count; c++) {
        const struct fnd_effects *effects = &visit->calls[c]->effects;
        for (size_t i = 0; i < effects->questions_count; i++) {
            if (!fnd_question_known(visit, c, i)) {
                objection_add(answering, &effects->questions[i]);
            }
        }
    }
    if (answering->answered->fields.count > 0) {
        return fnd_answer_refuse(answering, error);
    }
    struct fnd_step_row step;
    FND_CRASH_POINT("review.answer.judged");
    enum fnd_status status =
        fnd_step_get(fnd_engine_reader(answering->engine), answering->request.step, &step, error);
    return status == FND_OK ? gate_write(answering, visit, &step, error) : status;
}
