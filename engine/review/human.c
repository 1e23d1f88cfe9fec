/* SPDX-License-Identifier: MIT */
/* foundry/human, the HumanInTheLoopPhase: detectors read SUBJECT, their questions become one
 * request, a random share of the rest is asked as an audit. Its output is SUBJECT as it stands
 * behind the review. */
#include <stdlib.h>
#include <string.h>

#include "review/internal.h"

static const char human_schema[] =
    "{\"type\":\"object\",\"required\":[\"of\"],\"additionalProperties\":false,\"properties\":{"
    "\"of\":{\"type\":\"string\",\"description\":\"the phase whose output is reviewed\"},"
    "\"detectors\":{\"type\":\"array\",\"maxItems\":64,\"items\":{\"type\":\"object\","
    "\"required\":[\"uses\"],\"additionalProperties\":false,\"properties\":{"
    "\"uses\":{\"type\":\"string\"},\"with\":{\"type\":\"object\",\"x-foundry-per-job\":true}}}},"
    "\"audit\":{\"type\":[\"string\",\"number\"],\"default\":0,"
    "\"description\":\"share of confident jobs that are asked all the same, e.g. 2%\"},"
    "\"target_error\":{\"type\":[\"string\",\"number\"],\"description\":\"how often what nobody "
    "is asked about may be wrong, e.g. 1%; everything is asked until that is proven\"},"
    "\"per\":{\"enum\":[\"field\",\"document\"],\"description\":\"what target_error counts: wrong "
    "values (field), or documents with a wrong value in them\"},"
    "\"gate\":{\"type\":\"object\",\"required\":[\"by\"],\"additionalProperties\":false,"
    "\"description\":\"documents with a value that is too new are always asked about\","
    "\"properties\":{\"by\":{\"type\":\"string\",\"description\":\"JSON pointer to the value, e.g. "
    "/supplier_name\"},\"minimum\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000000,"
    "\"default\":3,\"description\":\"checked documents that make it known\"}}},"
    "\"choose\":{\"type\":\"object\",\"additionalProperties\":false,"
    "\"description\":\"people are asked about so many of each batch, when all of it is there, and "
    "about no others but the audit's\",\"properties\":{"
    "\"uncertain\":{\"type\":[\"integer\",\"string\"],\"description\":\"so many of a batch, the "
    "least certain; 0: no choice\"},"
    "\"budget\":{\"type\":\"string\",\"description\":\"as many as a person can look at in that "
    "time, e.g. 15m\"},"
    "\"diverse\":{\"type\":\"boolean\",\"description\":\"unlike each other, too\"},"
    "\"by\":{\"type\":\"string\",\"description\":\"JSON pointer to a value that should not be "
    "chosen again and again, e.g. /supplier_name\"},"
    "\"wait\":{\"type\":\"string\",\"description\":\"so long the first waits for the others, e.g. "
    "1d\"},"
    "\"quiet\":{\"type\":\"string\",\"description\":\"so long nothing new came in: then it is all "
    "there, 5s\"}}},"
    "\"schema\":{\"type\":\"string\",\"description\":\"JSON Schema file for corrected output\"},"
    "\"on_reject\":{\"enum\":[\"fail\",\"continue\"],\"default\":\"fail\"},"
    "\"group\":{\"type\":\"string\",\"description\":\"who its requests are for\"},"
    "\"lease\":{\"type\":\"string\",\"description\":\"how long one is on somebody's desk, 5m\"},"
    "\"undo\":{\"type\":\"string\",\"description\":\"how long an answer may be taken back, 10s\"},"
    "\"remind\":{\"type\":\"string\",\"description\":\"when to remind, e.g. 1d\"},"
    "\"due\":{\"type\":\"string\",\"description\":\"when the outcome comes, e.g. 2d\"},"
    "\"outcome\":{\"enum\":[\"default\",\"skip\",\"fail\",\"escalate\"],"
    "\"description\":\"what happens when it is due\"},"
    "\"default\":{\"type\":\"object\",\"description\":\"values by JSON pointer\"},"
    "\"escalate\":{\"type\":\"string\",\"description\":\"the group it goes to when it is due; then "
    "its time begins once more\"},"
    "\"fingerprint\":{\"type\":\"array\",\"items\":{\"type\":[\"string\",\"integer\"]},"
    "\"description\":"
    "\"places that make two questions the same: /supplier, or relative to what is asked: 1/name\"},"
    "\"form\":{\"type\":\"string\",\"description\":\"a script that shows the request\"}}}";

static void human_unprepare(void *prepared)
{
    struct fnd_human *human = prepared;
    if (human == NULL) {
        return;
    }
    for (size_t i = 0; i < human->detectors_count; i++) {
        fnd_bound_finish(&human->detectors[i]);
    }
    fnd_schema_destroy(human->schema);
    fnd_text_finish(&human->asked);
    free(human->fingerprint);
    free(human->novelty);
    free(human->choose.by);
    free(human->detectors);
    free(human);
}

static bool audit_prepare(struct fnd_compile *compile, const struct fnd_node *node,
                          struct fnd_human *human)
{
    char *text = fnd_compile_constant(compile, node);
    struct fnd_json json = {text, text != NULL ? strlen(text) : 0};
    char *share = text == NULL ? NULL : fnd_json_strdup(json);
    bool good = text != NULL && fnd_share_parse(share != NULL ? share : text, &human->audit);
    if (text != NULL && !good) {
        fnd_compile_error(compile, node, "bad_share",
                          "audit must be a share such as 2%% or 0.02, and is %s", text);
    }
    free(share);
    free(text);
    return good;
}

static bool schema_prepare(struct fnd_compile *compile, const struct fnd_node *node,
                           struct fnd_human *human)
{
    const char *bytes = NULL;
    size_t size = 0;
    struct fnd_error error = {0};
    if (!fnd_compile_file(compile, node, &bytes, &size)) {
        return false;
    }
    if (fnd_schema_create(node->text, bytes, size, &human->schema, &error) != FND_OK) {
        fnd_compile_error(compile, node, "bad_schema", "schema %s: %s", node->text, error.message);
        return false;
    }
    return true;
}

static bool detectors_prepare(struct fnd_compile *compile, const struct fnd_node *list,
                              struct fnd_phase *phase, struct fnd_human *human)
{
    bool good = true;
    if (list == NULL || list->kind != FND_NODE_LIST || list->count == 0) {
        return true; /* another kind was refused by the schema */
    }
    human->detectors = fnd_alloc(list->count * sizeof *human->detectors);
    for (const struct fnd_node *entry = list->child; entry != NULL; entry = entry->next) {
        const struct fnd_node *uses = fnd_node_member(entry, "uses");
        if (uses == NULL) {
            continue;
        }
        struct fnd_bound *bound = &human->detectors[human->detectors_count];
        if (fnd_compile_bind(compile, uses, fnd_node_member(entry, "with"), FND_CALLEE_DETECTOR,
                             phase, bound)) {
            human->detectors_count++;
        } else {
            good = false;
        }
    }
    return good;
}

static bool human_prepare(const struct fnd_kind *kind, struct fnd_compile *compile,
                          struct fnd_phase *phase)
{
    (void)kind;
    const struct fnd_node *with = fnd_compile_with(compile, phase);
    const struct fnd_node *of = fnd_node_member(with, "of");
    const struct fnd_node *audit = fnd_node_member(with, "audit");
    const struct fnd_node *schema = fnd_node_member(with, "schema");
    const struct fnd_node *reject = fnd_node_member(with, "on_reject");
    struct fnd_human *human = fnd_alloc(sizeof *human);
    phase->prepared = human;
    bool good = true;
    if (of != NULL && of->kind == FND_NODE_STRING) {
        phase->subject = fnd_compile_phase(compile, phase, of);
        good = phase->subject >= 0;
        phase->reads |= good ? UINT64_C(1) << phase->subject : 0;
    }
    good = detectors_prepare(compile, fnd_node_member(with, "detectors"), phase, human) && good;
    good = (audit == NULL || audit_prepare(compile, audit, human)) && good;
    good = (schema == NULL || schema_prepare(compile, schema, human)) && good;
    good = fnd_prove_prepare(compile, with, human) && good;
    good = fnd_choose_prepare(compile, with, phase, human) && good;
    good = fnd_options_prepare(compile, with, human) && good;
    human->reject_continues =
        reject != NULL && reject->text != NULL && strcmp(reject->text, "continue") == 0;
    return good;
}

static enum fnd_status human_arm(void *prepared, const struct fnd_secrets *secrets,
                                 struct fnd_error *error)
{
    struct fnd_human *human = prepared;
    for (size_t i = 0; i < human->detectors_count; i++) {
        enum fnd_status status = fnd_bound_arm(&human->detectors[i], secrets, error);
        if (status != FND_OK) {
            return status;
        }
    }
    return FND_OK;
}

bool fnd_audit_drawn(const struct fnd_visit *visit, double share)
{
    uint8_t digest[FND_DIGEST_SIZE];
    uint64_t drawn = 0;
    fnd_blake2b(visit->salt, 32, visit->pipeline->name, strlen(visit->pipeline->name) + 1,
                visit->job_path, strlen(visit->job_path), digest);
    for (size_t i = 0; i < 7; i++) {
        drawn = drawn << 8 | digest[i];
    }
    return (double)(drawn >> 3) < share * 9007199254740992.0; /* 2^53 */
}

static void question_add(struct fnd_text *body, const struct fnd_visit *visit,
                         const struct fnd_question *question, const char *uses)
{
    fnd_text_append_z(body, "{\"key\":");
    fnd_text_append_json_z(body, question->key);
    fnd_text_append_z(body, ",\"kind\":");
    fnd_text_append_json_z(body, question->kind);
    fnd_text_append_z(body, ",\"question\":");
    fnd_text_append_json_z(body, question->question);
    if (question->has_pointer) {
        fnd_text_append_z(body, ",\"pointer\":");
        fnd_text_append_json_z(body, question->pointer);
    }
    if (question->context != NULL) {
        fnd_text_append_z(body, ",\"context\":");
        fnd_text_append_z(body, question->context);
    }
    if (question->answer_schema != NULL) {
        fnd_text_append_z(body, ",\"schema\":");
        fnd_text_append_z(body, question->answer_schema);
    }
    fnd_text_append_z(body, ",\"detector\":");
    fnd_text_append_json_z(body, uses);
    fnd_question_fingerprint(visit, visit->phase->prepared, question, body);
    fnd_text_append_byte(body, '}');
}

bool fnd_question_known(const struct fnd_visit *visit, size_t call, size_t index)
{
    const char *key = visit->calls[call]->effects.questions[index].key;
    for (size_t c = 0; c <= call; c++) {
        const struct fnd_effects *effects = &visit->calls[c]->effects;
        size_t end = c == call ? index : effects->questions_count;
        for (size_t i = 0; i < end; i++) {
            if (strcmp(effects->questions[i].key, key) == 0) {
                return true;
            }
        }
    }
    return false;
}

bool fnd_human_judge(struct fnd_visit *visit, const struct fnd_human *human)
{
    for (int lost = 0; lost < 2; lost++) {
        for (size_t c = 0; c < visit->calls_count; c++) {
            const enum fnd_call_end end = visit->calls[c]->end;
            const bool is_lost = end == FND_CALL_LOST || end == FND_CALL_CANCELLED;
            if (is_lost == (lost != 0) &&
                !fnd_visit_judge(visit, &human->detectors[c], visit->calls[c])) {
                if (visit->verdict != FND_VISIT_AGAIN) {
                    fnd_error_prefix(&visit->error, "detector %s", human->detectors[c].uses);
                }
                return false;
            }
        }
    }
    return true;
}

static void request_make(struct fnd_visit *visit, const struct fnd_human *human,
                         const struct fnd_asking *asking)
{
    struct fnd_text body = {0};
    size_t count = 0;
    fnd_text_append_z(&body, "{\"origin\":\"gate\",\"phase\":");
    fnd_text_append_json_z(&body, visit->phase->id);
    fnd_text_append_z(&body, ",\"subject\":");
    fnd_text_append_json_z(&body, visit->pipeline->phases[visit->phase->subject].id);
    fnd_text_append(&body, human->asked.bytes, human->asked.size);
    fnd_text_printf(&body, ",\"audit\":%s", asking->audit ? "true" : "false");
    if (asking->numbers != NULL) {
        fnd_text_printf(&body, ",\"checked\":\"%s\",\"proof\":",
                        asking->sample  ? "sample"
                        : asking->whole ? "all"
                                        : "asked");
        fnd_text_append_z(&body, asking->numbers);
    }
    if (visit->choice != 0) {
        fnd_text_append_z(&body, ",\"choice\":");
        fnd_choose_tell(visit, &body);
    }
    fnd_text_append_z(&body, ",\"questions\":[");
    for (size_t c = 0; c < visit->calls_count; c++) {
        const struct fnd_effects *effects = &visit->calls[c]->effects;
        for (size_t i = 0; i < effects->questions_count; i++) {
            if (!fnd_question_known(visit, c, i)) {
                fnd_text_append_z(&body, count++ > 0 ? "," : "");
                question_add(&body, visit, &effects->questions[i], human->detectors[c].uses);
            }
        }
    }
    fnd_text_append_z(&body, count > 0 && asking->count > 0 ? "," : "");
    fnd_text_append(&body, asking->questions.bytes, asking->questions.size);
    fnd_text_append_z(&body, "]}");
    visit->body = fnd_text_take(&body);
    visit->verdict = FND_VISIT_ASK;
}

/** What SUBJECT said of its values still holds for what was not changed. */
static char *marks_copy(const struct fnd_visit *visit, const struct fnd_asking *asking)
{
    const struct fnd_json marks = visit->marks;
    struct fnd_text meta = {0};
    static const char *const members[] = {"confidence", "origin"};
    for (size_t i = 0; marks.bytes != NULL && i < 2; i++) {
        struct fnd_json member = fnd_json_member(marks, members[i]);
        if (member.bytes != NULL) {
            fnd_text_printf(&meta, "%s\"%s\":", meta.size > 0 ? "," : "{", members[i]);
            fnd_text_append(&meta, member.bytes, member.size);
        }
    }
    if (asking->numbers != NULL) { /* what let it pass without a question */
        fnd_text_append_z(&meta, meta.size > 0 ? ",\"proof\":" : "{\"proof\":");
        fnd_text_append_z(&meta, asking->numbers);
    }
    if (visit->choice != 0) { /* others of its batch were chosen */
        fnd_text_append_z(&meta, meta.size > 0 ? ",\"choice\":" : "{\"choice\":");
        fnd_choose_tell(visit, &meta);
    }
    if (meta.size == 0) {
        return NULL;
    }
    fnd_text_append_byte(&meta, '}');
    return fnd_text_take(&meta);
}

static void human_finish(struct fnd_visit *visit)
{
    const struct fnd_human *human = visit->phase->prepared;
    size_t asked = 0;
    if (!fnd_human_judge(visit, human)) {
        return;
    }
    for (size_t c = 0; c < visit->calls_count; c++) {
        asked += visit->calls[c]->effects.questions_count;
    }
    struct fnd_asking asking = {0};
    if (human->target > 0 || human->novelty != NULL) {
        if (fnd_gate_prove(visit, human, &asking, &visit->error) != FND_OK) {
            visit->verdict = FND_VISIT_HOLD; /* the record cannot be read now */
            fnd_asking_finish(&asking);
            return;
        }
    } else if (visit->chosen) {
        fnd_asking_choice(&asking, visit);
    } else if (asked == 0 && human->audit > 0 && fnd_audit_drawn(visit, human->audit)) {
        fnd_asking_audit(&asking);
    }
    if (asked > 0 || asking.count > 0) {
        request_make(visit, human, &asking);
    } else {
        visit->body = fnd_strndup(visit->subject.bytes, visit->subject.size);
        visit->meta = marks_copy(visit, &asking);
        visit->verdict = FND_VISIT_OUTPUT;
    }
    fnd_asking_finish(&asking);
}

static void human_begin(struct fnd_visit *visit)
{
    const struct fnd_human *human = visit->phase->prepared;
    if (visit->phase->choose != NULL && !visit->chosen) {
        if (visit->choice == 0) {
            fnd_choose_wait(visit);
        } else {
            human_finish(visit); /* nobody is asked: no detector needs to look */
        }
        return;
    }
    for (size_t i = 0; i < human->detectors_count; i++) {
        enum fnd_status status = fnd_visit_call(visit, &human->detectors[i], visit->subject,
                                                visit->marks, &visit->error);
        if (status != FND_OK) {
            struct fnd_error error = visit->error;
            fnd_visit_finish(visit); /* the calls made so far are not wanted */
            visit->calls = NULL;
            visit->calls_count = 0;
            visit->error = error;
            bool held = strcmp(error.code, "missing_secret") == 0; /* it may be set later */
            visit->verdict = held ? FND_VISIT_HOLD : FND_VISIT_FAULT;
            visit->fault = held ? 0 : FND_RETRY_PERMANENT;
            return;
        }
    }
    if (visit->calls_count == 0) {
        human_finish(visit);
    }
}

static const struct fnd_kind human_kind = {
    .name = "foundry/human",
    .summary = "pauses a job for a person where a detector doubts an output",
    .config_schema = human_schema,
    .prepare = human_prepare,
    .unprepare = human_unprepare,
    .arm = human_arm,
    .begin = human_begin,
    .finish = human_finish};

const struct fnd_kind *fnd_kind_human(void)
{
    return &human_kind;
}

const struct fnd_kind *const *fnd_review_kinds(void)
{
    static const struct fnd_kind *const kinds[] = {&human_kind, NULL};
    return kinds;
}
