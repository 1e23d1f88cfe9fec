/* SPDX-License-Identifier: MIT */
#include "learn/checks.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/boxes.h"
#include "learn/prover.h"

void fnd_checks_finish(struct fnd_checks *checks)
{
    for (size_t i = 0; i < checks->fields_count; i++) {
        free(checks->fields[i]);
    }
    free(checks->fields);
    free(checks->values);
    free(checks->documents);
    free(checks->model);
    fnd_threshold_finish(&checks->last);
}

static uint32_t field_of(struct fnd_checks *checks, const char *pointer)
{
    struct fnd_text field = {0};
    size_t at = 0;
    fnd_proof_field(pointer, &field);
    while (at < checks->fields_count && strcmp(checks->fields[at], fnd_text_z(&field)) != 0) {
        at++;
    }
    if (at == checks->fields_count) {
        checks->fields = fnd_realloc(checks->fields, at + 1, sizeof *checks->fields);
        checks->fields[checks->fields_count++] = fnd_strdup(fnd_text_z(&field));
    }
    fnd_text_finish(&field);
    return (uint32_t)at;
}

static void check_add(struct fnd_check **list, size_t *count, size_t *capacity,
                      const struct fnd_check *check)
{
    if (*count == *capacity) {
        *capacity = *capacity == 0 ? 256 : *capacity * 2;
        *list = fnd_realloc(*list, *capacity, sizeof **list);
    }
    (*list)[(*count)++] = *check;
}

static bool below(const char *pointer, const char *at)
{
    const size_t size = strlen(at);
    return strncmp(pointer, at, size) == 0 && (pointer[size] == '\0' || pointer[size] == '/');
}

/* Whether a value below `pointer` that has a confidence of its own holds `at`. */
static bool told_apart(struct fnd_json scores, const char *pointer, const char *at)
{
    const size_t size = strlen(pointer);
    struct fnd_text part = {0};
    bool found = false;
    for (const char *end = at + size; !found && *end == '/';) {
        end += 1 + strcspn(end + 1, "/");
        fnd_text_clear(&part);
        fnd_text_append(&part, at, (size_t)(end - at));
        found = fnd_json_member(scores, fnd_text_z(&part)).bytes != NULL;
    }
    fnd_text_finish(&part);
    return found;
}

bool fnd_checks_changed(struct fnd_json fields, struct fnd_json scores, const char *pointer)
{
    bool found = false;
    for (struct fnd_json_walk walk = fnd_json_walk(fields); !found && fnd_json_next(&walk);) {
        char *at = fnd_json_strdup(walk.key);
        found = below(pointer, at) || (below(at, pointer) && !told_apart(scores, pointer, at));
        free(at);
    }
    return found;
}

struct fnd_json fnd_checks_fields(struct fnd_json record, struct fnd_text *text)
{
    const struct fnd_json model = fnd_json_member(record, "model_output");
    const struct fnd_json human = fnd_json_member(record, "human_output");
    if (model.bytes == NULL || human.bytes == NULL || fnd_json_type(human) == FND_JSON_NULL) {
        return fnd_json_member(record, "fields"); /* of a training: compared as it was made */
    }
    struct fnd_text ours = {0}, theirs = {0};
    fnd_boxes_align(model, model, &ours);
    fnd_boxes_align(model, human, &theirs);
    fnd_compare_aligned((struct fnd_json){ours.bytes, ours.size},
                        (struct fnd_json){theirs.bytes, theirs.size}, text);
    fnd_text_finish(&ours);
    fnd_text_finish(&theirs);
    return (struct fnd_json){text->bytes, text->size};
}

static size_t add(struct fnd_checks *checks, uint64_t document, struct fnd_json record,
                  bool borrowed)
{
    struct fnd_text text = {0};
    const struct fnd_json scores = fnd_json_member(record, "confidence");
    const struct fnd_json fields = fnd_checks_fields(record, &text);
    const bool rejected = fnd_json_text_is(fnd_json_member(record, "verdict"), "rejected");
    struct fnd_check whole = {.document = document,
                              .borrowed = borrowed,
                              .field = field_of(checks, ""),
                              .right = !rejected && fnd_json_count(fields) == 0,
                              .confidence = 1};
    size_t count = 0;
    for (struct fnd_json_walk walk = fnd_json_walk(scores);
         scores.bytes != NULL && fnd_json_next(&walk);) {
        char *pointer = fnd_json_strdup(walk.key);
        struct fnd_check check = {.document = document, .borrowed = borrowed};
        if (fnd_json_number(walk.value, &check.confidence) && check.confidence >= 0 &&
            check.confidence <= 1) {
            check.field = field_of(checks, pointer);
            check.right = !rejected && !fnd_checks_changed(fields, scores, pointer);
            whole.confidence = fmin(whole.confidence, check.confidence);
            check_add(&checks->values, &checks->values_count, &checks->values_capacity, &check);
            check_add(&checks->documents, &checks->documents_count, &checks->documents_capacity,
                      &check);
            count++;
        }
        free(pointer);
    }
    if (count > 0) { /* what is missing from a document is nobody's value, but the document's */
        check_add(&checks->documents, &checks->documents_count, &checks->documents_capacity,
                  &whole);
    }
    checks->fresh = false;
    fnd_text_finish(&text);
    return count;
}

void fnd_checks_add(struct fnd_checks *checks, uint64_t document, struct fnd_json record)
{
    (void)add(checks, document, record, false);
}

void fnd_checks_borrow(struct fnd_checks *checks, uint64_t document, struct fnd_json check)
{
    checks->borrowed += add(checks, document, check, true) > 0;
}

static size_t without(struct fnd_check *list, size_t count, uint64_t document)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (list[i].document != document) {
            list[kept++] = list[i];
        }
    }
    return kept;
}

void fnd_checks_forget(struct fnd_checks *checks, uint64_t document)
{
    const size_t before = checks->documents_count;
    for (size_t i = 0; i < before; i++) {
        if (checks->documents[i].document == document && checks->documents[i].borrowed) {
            checks->borrowed--;
            break;
        }
    }
    checks->values_count = without(checks->values, checks->values_count, document);
    checks->documents_count = without(checks->documents, checks->documents_count, document);
    checks->fresh = checks->fresh && checks->documents_count == before;
}

static void numbers_append(const struct fnd_checks *checks, const struct fnd_proof *proof,
                           struct fnd_text *json)
{
    const struct fnd_threshold *last = &checks->last;
    fnd_text_append_z(json, "{\"model\":");
    fnd_text_append_json_z(json, checks->model);
    fnd_text_printf(json,
                    ",\"proven\":%s,\"target\":%.17g,\"per\":\"%s\",\"level\":%g,"
                    "\"threshold\":%.17g,\"checks\":%" PRIu64 ",\"wrong\":%" PRIu64
                    ",\"documents\":%" PRIu64 ",\"effective\":%.6g,\"bound\":%.6g,\"lower\":%.6g",
                    last->proven ? "true" : "false", checks->target.error,
                    checks->target.per_document ? "document" : "field", checks->target.level,
                    last->threshold, last->checks, last->wrong, last->documents, last->effective,
                    last->bound, last->lower);
    if (checks->borrowed > 0) {
        fnd_text_printf(json, ",\"borrowed\":%zu,\"contradicted\":%s", checks->borrowed,
                        checks->contradicted ? "true" : "false");
    }
    if (!last->proven) {
        fnd_text_printf(json, ",\"missing\":%" PRIu64 ",\"missing_of\":\"%s\"", last->missing,
                        last->by_document ? "documents" : "checks");
        if (last->veto >= 0) {
            fnd_text_append_z(json, ",\"veto\":");
            fnd_text_append_json_z(json, checks->fields[last->veto]);
        }
    }
    fnd_text_printf(json,
                    ",\"per_%s\":{\"checks\":%" PRIu64 ",\"wrong\":%" PRIu64
                    ",\"bound\":%.6g},\"reason\":",
                    checks->target.per_document ? "field" : "document", last->other_checks,
                    last->other_wrong, last->other_bound);
    fnd_text_append_json_z(json, proof->reason);
    fnd_text_append_byte(json, '}');
}

/* The checks of the model's own work among `list`, malloc'ed. */
static struct fnd_check *own(const struct fnd_check *list, size_t count, size_t *own_count)
{
    struct fnd_check *kept = fnd_alloc((count + 1) * sizeof *kept);
    *own_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!list[i].borrowed) {
            kept[(*own_count)++] = list[i];
        }
    }
    return kept;
}

/* Prove with all checks; and with its own alone where those contradict what was borrowed. */
static void prove(struct fnd_checks *checks, const struct fnd_target *target)
{
    const struct fnd_check *list = target->per_document ? checks->documents : checks->values;
    const size_t count = target->per_document ? checks->documents_count : checks->values_count;
    size_t own_count = 0;
    checks->contradicted = false;
    fnd_threshold_finish(&checks->last);
    fnd_threshold_prove(list, count, checks->fields_count, target, &checks->last);
    if (checks->borrowed == 0) {
        return;
    }
    struct fnd_check *kept = own(list, count, &own_count);
    struct fnd_threshold seen = {0};
    fnd_threshold_look(kept, own_count, checks->fields_count, target, checks->last.threshold,
                       &seen);
    if (seen.lower > target->error) {
        checks->contradicted = true;
        fnd_threshold_finish(&checks->last);
        fnd_threshold_prove(kept, own_count, checks->fields_count, target, &checks->last);
    }
    fnd_threshold_finish(&seen);
    free(kept);
}

void fnd_checks_prove(struct fnd_checks *checks, const struct fnd_proof_want *want,
                      struct fnd_proof *proof)
{
    const struct fnd_target target = {want->target, FND_PROOF_LEVEL, want->per_document};
    struct fnd_text text = {0};
    if (!(want->target > 0)) {
        return;
    }
    if (!checks->fresh || checks->target.error != target.error ||
        checks->target.per_document != target.per_document) {
        field_of(checks, ""); /* there is always one */
        prove(checks, &target);
        checks->target = target;
        checks->fresh = true;
    }
    proof->proven = checks->last.proven;
    proof->threshold = checks->last.threshold;
    fnd_threshold_text(&checks->last, &target, (const char *const *)checks->fields, &text);
    if (checks->contradicted) {
        fnd_text_append_z(&text, "; its own work was wrong more often than what was found as it "
                                 "was trained, which does not count any more");
    } else if (checks->borrowed > 0) {
        fnd_text_printf(&text, "; %zu of the documents were checked as it was trained",
                        checks->borrowed);
    }
    proof->reason = fnd_text_take(&text);
    numbers_append(checks, proof, &text);
    proof->numbers = fnd_text_take(&text);
    proof->known = fnd_alloc((checks->fields_count + 1) * sizeof *proof->known);
    for (size_t i = 0; proof->proven && i < checks->fields_count; i++) {
        const enum fnd_threshold_field_state state = checks->last.fields[i].state;
        if (state == FND_FIELD_IN || (target.per_document && state == FND_FIELD_ASKED)) {
            proof->known[proof->known_count++] = fnd_strdup(checks->fields[i]);
        }
    }
}
