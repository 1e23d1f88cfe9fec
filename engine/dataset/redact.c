/* SPDX-License-Identifier: MIT */
/* Redaction: the rules, and texts without what they match. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "dataset/redact.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

enum {
    RULES_MAX = 64,
    PEELS_DEEP = 3,
    MATCH_LIMIT = 1000000,
    DEPTH_LIMIT = 100000,
    HEAP_LIMIT_KIB = 16384
};

struct rule {
    char *pointer, *pattern; /* one of them */
    pcre2_code *code;
    enum fnd_redact_action action;
    bool keeps_image;
};

struct fnd_redact {
    char *pipeline;
    struct rule rules[RULES_MAX];
    size_t count;
    pcre2_match_context *limits;
    uint8_t key[FND_DIGEST_SIZE];
    struct fnd_redact *next;
};

void fnd_redact_destroy(struct fnd_redact *redact)
{
    while (redact != NULL) {
        struct fnd_redact *next = redact->next;
        for (size_t i = 0; i < redact->count; i++) {
            free(redact->rules[i].pointer);
            free(redact->rules[i].pattern);
            pcre2_code_free(redact->rules[i].code);
        }
        pcre2_match_context_free(redact->limits);
        free(redact->pipeline);
        free(redact);
        redact = next;
    }
}

void fnd_literals_finish(struct fnd_literals *literals)
{
    for (size_t i = 0; i < literals->count; i++) {
        free(literals->list[i].text);
    }
    free(literals->list);
    *literals = (struct fnd_literals){0};
}

void fnd_literal_add(struct fnd_literals *literals, const char *text, size_t size,
                     enum fnd_redact_action action)
{
    size_t at = 0;
    if (size < FND_REDACT_QUOTED_MIN) {
        return;
    }
    while (at < literals->count && literals->list[at].size > size) {
        at++;
    }
    for (size_t i = at; i < literals->count && literals->list[i].size == size; i++) {
        if (memcmp(literals->list[i].text, text, size) == 0) {
            return;
        }
    }
    literals->list = fnd_realloc(literals->list, literals->count + 1, sizeof *literals->list);
    memmove(&literals->list[at + 1], &literals->list[at],
            (literals->count - at) * sizeof *literals->list);
    literals->list[at] = (struct fnd_literal){fnd_strndup(text, size), size, action};
    literals->count++;
}

void fnd_literals_below(struct fnd_literals *literals, struct fnd_json value,
                        enum fnd_redact_action action)
{
    struct fnd_text text = {0}, uri = {0};
    for (struct fnd_json_walk walk = fnd_json_walk(value); fnd_json_next(&walk);) {
        fnd_literals_below(literals, walk.value, action);
    }
    if (fnd_json_type(value) != FND_JSON_STRING && fnd_json_type(value) != FND_JSON_NUMBER) {
        return;
    }
    if (!fnd_json_text(value, &text)) {
        fnd_text_append(&text, value.bytes, value.size);
    } else if (value.size - 2 != text.size) {
        fnd_literal_add(literals, value.bytes + 1, value.size - 2, action);
    }
    fnd_literal_add(literals, fnd_text_z(&text), text.size, action);
    for (size_t i = 0; i < text.size; i++) {
        const unsigned char byte = (unsigned char)text.bytes[i];
        const bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                           (byte >= '0' && byte <= '9') || (byte != 0 && strchr("-._~", byte));
        fnd_text_printf(&uri, plain ? "%c" : "%%%02X", byte);
    }
    if (uri.size != text.size) {
        fnd_literal_add(literals, fnd_text_z(&uri), uri.size, action);
    }
    fnd_text_finish(&text);
    fnd_text_finish(&uri);
}

/* --- reading the rules --------------------------------------------------------------------- */

static enum fnd_status rule_add(struct fnd_redact *redact, struct fnd_json json,
                                struct fnd_error *error)
{
    struct fnd_json pointer = fnd_json_member(json, "pointer");
    struct fnd_json pattern = fnd_json_member(json, "pattern");
    struct fnd_json action = fnd_json_member(json, "action");
    struct fnd_json image = fnd_json_member(json, "image");
    struct rule rule = {.pointer = fnd_json_strdup(pointer), .pattern = fnd_json_strdup(pattern)};
    int failure = 0;
    PCRE2_SIZE at = 0;
    rule.action = action.bytes == NULL || fnd_json_text_is(action, "mask") ? FND_REDACT_MASK
                  : fnd_json_text_is(action, "hash")                       ? FND_REDACT_HASH
                                                                           : FND_REDACT_DROP;
    rule.keeps_image = image.bytes != NULL && fnd_json_text_is(image, "keep");
    if (rule.pattern != NULL) {
        rule.code = pcre2_compile((PCRE2_SPTR)rule.pattern, strlen(rule.pattern),
                                  PCRE2_UTF | PCRE2_UCP, &failure, &at, NULL);
    }
    for (size_t i = 0; i < redact->count; i++) {
        const struct rule *other = &redact->rules[i];
        const char *mine = rule.pointer != NULL ? rule.pointer : rule.pattern;
        const char *its = rule.pointer != NULL ? other->pointer : other->pattern;
        if (mine != NULL && its != NULL && strcmp(mine, its) == 0 && other->action == rule.action &&
            other->keeps_image == rule.keeps_image) {
            free(rule.pointer);
            free(rule.pattern);
            pcre2_code_free(rule.code);
            return FND_OK;
        }
    }
    if ((rule.pointer == NULL && rule.code == NULL) || redact->count == RULES_MAX) {
        free(rule.pointer);
        free(rule.pattern);
        pcre2_code_free(rule.code);
        return fnd_error_set(error, FND_INVALID,
                             "a rule of `redact` of the pipeline %s is none, or there are over %d; "
                             "nothing is exported without them",
                             redact->pipeline, RULES_MAX);
    }
    redact->rules[redact->count++] = rule;
    return FND_OK;
}

/** The salt of the store's birth is in its record, which is readable by its owner alone, and comes
 *  along with a backup. */
static enum fnd_status key_make(struct fnd_reader *reader, uint8_t key[FND_DIGEST_SIZE],
                                struct fnd_error *error)
{
    static const char purpose[] = "foundry redact";
    struct fnd_text body = {0};
    uint8_t salt[FND_DIGEST_SIZE];
    enum fnd_status status = fnd_payload_get(reader, 1, &body, NULL, error);
    if (status == FND_OK) {
        struct fnd_json begin = {body.bytes, body.size};
        char *hex = fnd_json_strdup(fnd_json_member(begin, "salt"));
        if (hex == NULL || !fnd_unhex(hex, strlen(hex), salt, sizeof salt)) {
            status =
                fnd_error_set(error, FND_DAMAGED,
                              "the record in %s does not begin with its salt; restore a backup",
                              fnd_reader_path(reader));
        } else {
            fnd_hmac_sha256(salt, sizeof salt, purpose, sizeof purpose - 1, key);
        }
        free(hex);
    }
    fnd_text_finish(&body);
    return status;
}

static enum fnd_status rules_add(struct fnd_plan *plan, const char *pipeline, struct fnd_json rules,
                                 struct fnd_error *error)
{
    struct fnd_redact *redact = plan->redact;
    enum fnd_status status = FND_OK;
    while (redact != NULL && strcmp(redact->pipeline, pipeline) != 0) {
        redact = redact->next;
    }
    if (redact == NULL) {
        redact = fnd_alloc(sizeof *redact);
        redact->pipeline = fnd_strdup(pipeline);
        redact->next = plan->redact;
        plan->redact = redact;
        redact->limits = pcre2_match_context_create(NULL);
        if (redact->limits == NULL) {
            fnd_no_memory();
        }
        pcre2_set_match_limit(redact->limits, MATCH_LIMIT);
        pcre2_set_depth_limit(redact->limits, DEPTH_LIMIT);
        pcre2_set_heap_limit(redact->limits, HEAP_LIMIT_KIB);
        status = key_make(plan->reader, redact->key, error);
    }
    for (struct fnd_json_walk walk = fnd_json_walk(rules);
         status == FND_OK && fnd_json_next(&walk);) {
        status = rule_add(redact, walk.value, error);
    }
    return status;
}

static enum fnd_status pin_add(struct fnd_plan *plan, int64_t pin, char **pipeline,
                               struct fnd_error *error)
{
    struct fnd_text body = {0};
    enum fnd_status status = fnd_payload_get(plan->reader, pin, &body, NULL, error);
    if (status == FND_OK) {
        struct fnd_json document = {body.bytes, body.size};
        struct fnd_json rules = fnd_json_find(document, "/canonical/export/redact");
        *pipeline = fnd_json_strdup(fnd_json_member(document, "name"));
        if (rules.bytes != NULL && *pipeline != NULL) {
            status = rules_add(plan, *pipeline, rules, error);
        }
    }
    fnd_text_finish(&body);
    return status;
}

enum fnd_status fnd_redact_collect(struct fnd_plan *plan, struct fnd_error *error)
{
    enum fnd_status status = FND_OK;
    for (const struct fnd_entry *entry = plan->entries; entry != NULL && status == FND_OK;
         entry = entry->next) {
        struct fnd_pin_row row = {0}, newest = {0};
        uint8_t hash[FND_DIGEST_SIZE];
        char *pipeline = NULL, *same = NULL;
        if (!fnd_unhex(entry->pin, strlen(entry->pin), hash, sizeof hash)) {
            continue; /* told with the record */
        }
        status = fnd_pin_find(plan->reader, hash, &row, error);
        if (status == FND_OK) {
            status = pin_add(plan, row.id, &pipeline, error);
        }
        if (status == FND_OK && pipeline != NULL) {
            status = fnd_pin_latest(plan->reader, pipeline, &newest, error);
        }
        if (status == FND_OK && newest.id > row.id) {
            status = pin_add(plan, newest.id, &same, error);
        }
        free(row.pipeline);
        free(newest.pipeline);
        free(pipeline);
        free(same);
    }
    return status;
}

enum fnd_status fnd_redact_read(struct fnd_plan *plan, struct fnd_json member,
                                struct fnd_error *error)
{
    struct fnd_json rules = fnd_json_member(member, "rules");
    enum fnd_status status = FND_OK;
    for (struct fnd_json_walk walk = fnd_json_walk(rules);
         status == FND_OK && fnd_json_next(&walk);) {
        char *pipeline = fnd_json_strdup(walk.key);
        status = rules_add(plan, pipeline, walk.value, error);
        free(pipeline);
    }
    return status;
}

void fnd_redact_manifest(const struct fnd_plan *plan, struct fnd_text *json)
{
    static const char *const actions[] = {"mask", "hash", "drop"};
    if (plan->redact == NULL) {
        return;
    }
    fnd_text_append_z(json, ",\"redact\":{\"rules\":{");
    for (const struct fnd_redact *redact = plan->redact; redact != NULL; redact = redact->next) {
        fnd_text_append_z(json, redact == plan->redact ? "" : ",");
        fnd_text_append_json_z(json, redact->pipeline);
        fnd_text_append_z(json, ":[");
        for (size_t i = 0; i < redact->count; i++) {
            const struct rule *rule = &redact->rules[i];
            fnd_text_printf(json, "%s{\"%s\":", i > 0 ? "," : "",
                            rule->pointer != NULL ? "pointer" : "pattern");
            fnd_text_append_json_z(json, rule->pointer != NULL ? rule->pointer : rule->pattern);
            fnd_text_printf(json, ",\"action\":\"%s\",\"image\":\"%s\"}", actions[rule->action],
                            rule->keeps_image ? "keep" : "drop");
        }
        fnd_text_append_byte(json, ']');
    }
    fnd_text_printf(json,
                    "},\"records\":\"hmac-sha256\",\"counts\":{\"records\":%zu,\"values\":%zu,"
                    "\"quoted\":%zu,\"paths\":%zu,\"inputs_dropped\":%zu}}",
                    plan->redacted.records, plan->redacted.values, plan->redacted.quoted,
                    plan->redacted.paths, plan->redacted.inputs);
}

const struct fnd_redact *fnd_redact_of(const struct fnd_plan *plan, const char *pipeline)
{
    const struct fnd_redact *redact = plan->redact;
    while (redact != NULL && (pipeline == NULL || strcmp(redact->pipeline, pipeline) != 0)) {
        redact = redact->next;
    }
    return redact;
}

void fnd_redact_record_hash(const struct fnd_plan *plan, const struct fnd_text *record,
                            uint8_t hash[FND_DIGEST_SIZE])
{
    if (plan->redact != NULL) {
        fnd_hmac_sha256(plan->redact->key, FND_DIGEST_SIZE, fnd_text_z(record), record->size, hash);
    } else {
        fnd_sha256(fnd_text_z(record), record->size, hash);
    }
}

/* --- what they match ----------------------------------------------------------------------- */

/** Whether a pointer is what the rule says, `*` for any segment. */
static bool pointer_is(const char *rule, const char *pointer)
{
    while (*rule == '/' && *pointer == '/') {
        const size_t wanted = strcspn(rule + 1, "/"), found = strcspn(pointer + 1, "/");
        const bool any = wanted == 1 && rule[1] == '*';
        if (!any && (wanted != found || memcmp(rule + 1, pointer + 1, found) != 0)) {
            return false;
        }
        rule += 1 + wanted;
        pointer += 1 + found;
    }
    return *rule == '\0' && *pointer == '\0';
}

size_t fnd_redact_at(const struct fnd_redact *redact, const char *pointer)
{
    for (size_t i = 0; i < redact->count; i++) {
        if (redact->rules[i].pointer != NULL && pointer_is(redact->rules[i].pointer, pointer)) {
            return i + 1;
        }
    }
    return 0;
}

enum fnd_redact_action fnd_redact_action_of(const struct fnd_redact *redact, size_t rule)
{
    return redact->rules[rule - 1].action;
}

bool fnd_redact_keeps_image(const struct fnd_redact *redact, size_t rule)
{
    return redact->rules[rule - 1].keeps_image;
}

void fnd_redact_stand_in(const struct fnd_redact *redact, enum fnd_redact_action action,
                         const char *bytes, size_t size, struct fnd_text *text)
{
    uint8_t digest[FND_DIGEST_SIZE];
    char hex[17];
    if (action == FND_REDACT_MASK) {
        fnd_text_append_z(text, "[redacted]");
    } else if (action == FND_REDACT_HASH) {
        fnd_hmac_sha256(redact->key, sizeof redact->key, bytes, size, digest);
        fnd_hex(digest, 8, hex);
        fnd_text_printf(text, "[hash:%s]", hex);
    }
}

static enum fnd_status pattern_apply(const struct fnd_redact *redact, const struct rule *rule,
                                     const struct fnd_text *from, struct fnd_text *to, bool *hit,
                                     struct fnd_error *error)
{
    pcre2_match_data *match = pcre2_match_data_create_from_pattern(rule->code, NULL);
    size_t at = 0, copied = 0;
    enum fnd_status status = FND_OK;
    if (match == NULL) {
        fnd_no_memory();
    }
    while (at <= from->size) {
        const int found = pcre2_match(rule->code, (PCRE2_SPTR)fnd_text_z(from), from->size, at, 0,
                                      match, redact->limits);
        const PCRE2_SIZE *span = pcre2_get_ovector_pointer(match);
        if (found == PCRE2_ERROR_NOMATCH) {
            break;
        }
        if (found < 0) {
            status =
                fnd_error_set(error, FND_LIMIT,
                              "the pattern %s of `redact` cannot be decided over a text of %zu "
                              "bytes (PCRE2 %d); make it simpler",
                              rule->pattern, from->size, found);
            break;
        }
        if (span[1] > span[0]) {
            fnd_text_append(to, from->bytes + copied, span[0] - copied);
            fnd_redact_stand_in(redact, rule->action, from->bytes + span[0], span[1] - span[0], to);
            copied = span[1];
            at = span[1];
            *hit = true;
        } else { /* nothing was matched: on by one character */
            const size_t step =
                at < from->size ? fnd_utf8_step(from->bytes + at, from->size - at) : 0;
            at += step > 0 ? step : 1;
        }
    }
    if (status == FND_OK) {
        fnd_text_append(to, fnd_text_z(from) + copied, from->size - copied);
    }
    pcre2_match_data_free(match);
    return status;
}

static bool literal_apply(const struct fnd_redact *redact, const struct fnd_literal *literal,
                          const struct fnd_text *from, struct fnd_text *to)
{
    size_t copied = 0;
    bool hit = false;
    for (size_t at = 0; at + literal->size <= from->size;) {
        if (memcmp(from->bytes + at, literal->text, literal->size) != 0) {
            at++;
            continue;
        }
        fnd_text_append(to, from->bytes + copied, at - copied);
        fnd_redact_stand_in(redact, literal->action, literal->text, literal->size, to);
        at += literal->size;
        copied = at;
        hit = true;
    }
    fnd_text_append(to, fnd_text_z(from) + copied, from->size - copied);
    return hit;
}

/** Append a text without what it says as it stands. */
static enum fnd_status plain_apply(const struct fnd_redact *redact,
                                   const struct fnd_literals *literals, const char *bytes,
                                   size_t size, struct fnd_text *text, uint64_t *hits,
                                   bool *changed, struct fnd_error *error)
{
    struct fnd_text from = {0}, to = {0};
    enum fnd_status status = FND_OK;
    fnd_text_append(&from, bytes, size);
    for (size_t i = 0; literals != NULL && i < literals->count; i++) {
        *changed |= literal_apply(redact, &literals->list[i], &from, &to);
        fnd_text_clear(&from);
        fnd_text_append(&from, fnd_text_z(&to), to.size);
        fnd_text_clear(&to);
    }
    for (size_t i = 0; i < redact->count && status == FND_OK; i++) {
        bool hit = false;
        if (redact->rules[i].code == NULL) {
            continue;
        }
        status = pattern_apply(redact, &redact->rules[i], &from, &to, &hit, error);
        if (hit) {
            *hits |= UINT64_C(1) << i;
            *changed = true;
        }
        fnd_text_clear(&from);
        fnd_text_append(&from, fnd_text_z(&to), to.size);
        fnd_text_clear(&to);
    }
    fnd_text_append(text, fnd_text_z(&from), from.size);
    fnd_text_finish(&from);
    fnd_text_finish(&to);
    return status;
}

/** A text that quotes a value may have it escaped, more than once: a question tells of a text that
 * is JSON, and is JSON in the record again. Where something is found under the escapes, the text is
 *  told without them. */
static enum fnd_status layers_apply(const struct fnd_redact *redact,
                                    const struct fnd_literals *literals, size_t depth,
                                    struct fnd_text *text, uint64_t *hits, bool *changed,
                                    struct fnd_error *error)
{
    enum fnd_status status = FND_OK;
    for (size_t peel = 0; status == FND_OK && depth < PEELS_DEEP && peel < FND_PEELS; peel++) {
        struct fnd_text under = {0}, clean = {0};
        bool found = false;
        if (fnd_redact_peel(peel, text, &under)) {
            status = plain_apply(redact, literals, fnd_text_z(&under), under.size, &clean, hits,
                                 &found, error);
            if (status == FND_OK) {
                status = layers_apply(redact, literals, depth + 1, &clean, hits, &found, error);
            }
        }
        if (found) {
            fnd_text_clear(text);
            fnd_text_append(text, fnd_text_z(&clean), clean.size);
            *changed = true;
        }
        fnd_text_finish(&under);
        fnd_text_finish(&clean);
    }
    return status;
}

enum fnd_status fnd_redact_text(const struct fnd_redact *redact,
                                const struct fnd_literals *literals, const char *bytes, size_t size,
                                struct fnd_text *text, uint64_t *hits, bool *changed,
                                struct fnd_error *error)
{
    struct fnd_text clean = {0};
    enum fnd_status status =
        plain_apply(redact, literals, bytes, size, &clean, hits, changed, error);
    if (status == FND_OK) {
        status = layers_apply(redact, literals, 0, &clean, hits, changed, error);
    }
    fnd_text_append(text, fnd_text_z(&clean), clean.size);
    fnd_text_finish(&clean);
    return status;
}
