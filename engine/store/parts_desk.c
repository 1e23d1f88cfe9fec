/* SPDX-License-Identifier: MIT */
/* What the tables take from the bodies of events about requests. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "store/parts.h"

enum { LIST_MAX = 4096 }; /* questions or rules of one body */

bool fnd_parts_desk(enum fnd_event_kind kind)
{
    return kind == FND_EVENT_ASK || kind == FND_EVENT_ANSWER ||
           (kind >= FND_EVENT_CLAIM && kind <= FND_EVENT_LAST);
}

static enum fnd_status lacks(const char *member, const char *shape, struct fnd_error *error)
{
    return fnd_error_set(error, FND_INVALID, "the body's \"%s\" is not %s", member, shape);
}

/* A member that may be absent (or null); otherwise a string. */
static enum fnd_status read_text(struct fnd_json body, const char *member, char **text,
                                 struct fnd_error *error)
{
    struct fnd_json value = fnd_json_member(body, member);
    if (value.bytes == NULL || fnd_json_type(value) == FND_JSON_NULL) {
        return FND_OK;
    }
    *text = fnd_json_strdup(value);
    return *text != NULL ? FND_OK : lacks(member, "a string", error);
}

static enum fnd_status read_number(struct fnd_json body, const char *member, int64_t *number,
                                   struct fnd_error *error)
{
    struct fnd_json value = fnd_json_member(body, member);
    if (value.bytes != NULL && (!fnd_json_integer(value, number) || *number < 0)) {
        return lacks(member, "an integer from 0 on", error);
    }
    return FND_OK;
}

/* Milliseconds that stay a time when they are added to one. */
static enum fnd_status read_ms(struct fnd_json body, const char *member, int64_t *ms,
                               struct fnd_error *error)
{
    enum fnd_status status = read_number(body, member, ms, error);
    if (status == FND_OK && *ms > FND_DURATION_MAX_MS) {
        *ms = 0;
        status = lacks(member, "a number of milliseconds below 100 years", error);
    }
    return status;
}

static enum fnd_status add_twin(struct fnd_parts_read *read, int64_t question,
                                struct fnd_json fingerprint, struct fnd_error *error)
{
    struct fnd_twin twin = {.question = question};
    char *text = fnd_json_strdup(fingerprint);
    bool good = text != NULL && read->parts.twins_count < LIST_MAX &&
                fnd_unhex(text, strlen(text), twin.fingerprint, sizeof twin.fingerprint);
    free(text);
    if (!good) {
        return lacks("fingerprint", "32 hex digits", error);
    }
    read->twins = fnd_realloc(read->twins, read->parts.twins_count + 1, sizeof *read->twins);
    read->twins[read->parts.twins_count++] = twin;
    read->parts.twins = read->twins;
    return FND_OK;
}

/* A list of objects that may carry a fingerprint; `named`: each says which question it is. */
static enum fnd_status read_twins(struct fnd_parts_read *read, struct fnd_json list, bool named,
                                  struct fnd_error *error)
{
    enum fnd_status status = FND_OK;
    for (struct fnd_json_walk walk = fnd_json_walk(list);
         list.bytes != NULL && status == FND_OK && fnd_json_next(&walk);) {
        if (fnd_json_type(walk.value) != FND_JSON_OBJECT) {
            continue;
        }
        struct fnd_json fingerprint = fnd_json_member(walk.value, "fingerprint");
        int64_t question = (int64_t)walk.index;
        if (named) {
            status = read_number(walk.value, "question", &question, error);
        }
        if (status == FND_OK && fingerprint.bytes != NULL) {
            status = add_twin(read, question, fingerprint, error);
        }
    }
    return status;
}

static enum fnd_status read_rules(struct fnd_parts_read *read, struct fnd_json list,
                                  struct fnd_error *error)
{
    for (struct fnd_json_walk walk = fnd_json_walk(list);
         list.bytes != NULL && fnd_json_next(&walk);) {
        int64_t rule = 0;
        if (!fnd_json_integer(walk.value, &rule) || rule <= 0 ||
            read->parts.rules_count >= LIST_MAX) {
            return lacks("rules", "a list of rules", error);
        }
        read->rules = fnd_realloc(read->rules, read->parts.rules_count + 1, sizeof *read->rules);
        read->rules[read->parts.rules_count++] = rule;
        read->parts.rules = read->rules;
    }
    return FND_OK;
}

static enum fnd_status read_ask(struct fnd_parts_read *read, struct fnd_json body,
                                struct fnd_error *error)
{
    enum fnd_status status = read_text(body, "group", &read->group, error);
    if (status == FND_OK) {
        status = read_ms(body, "remind_ms", &read->parts.remind_ms, error);
    }
    if (status == FND_OK) {
        status = read_ms(body, "due_ms", &read->parts.due_ms, error);
    }
    return status == FND_OK ? read_twins(read, fnd_json_member(body, "questions"), false, error)
                            : status;
}

static enum fnd_status read_answer(struct fnd_parts_read *read, struct fnd_json body,
                                   struct fnd_error *error)
{
    enum fnd_status status = read_twins(read, fnd_json_member(body, "twins"), true, error);
    return status == FND_OK ? read_rules(read, fnd_json_member(body, "rules"), error) : status;
}

static enum fnd_status read_escalation(struct fnd_parts_read *read, struct fnd_json body,
                                       struct fnd_error *error)
{
    fnd_json_boolean(fnd_json_member(body, "again"), &read->parts.again);
    enum fnd_status status = read_text(body, "group", &read->group, error);
    return status == FND_OK ? read_ms(body, "due_ms", &read->parts.due_ms, error) : status;
}

enum fnd_status fnd_parts_read_desk(struct fnd_parts_read *read, enum fnd_event_kind kind,
                                    struct fnd_json body, struct fnd_error *error)
{
    enum fnd_status status = FND_OK;
    if (kind == FND_EVENT_ASK) {
        status = read_ask(read, body, error);
    } else if (kind == FND_EVENT_ANSWER) {
        status = read_answer(read, body, error);
    } else if (kind == FND_EVENT_ESCALATE) {
        status = read_escalation(read, body, error);
    } else if (kind == FND_EVENT_UNDO) {
        status = read_number(body, "answer", &read->parts.answer, error);
    } else if (kind == FND_EVENT_CLAIM || kind == FND_EVENT_SNOOZE) {
        status = read_number(body, "until_us", &read->parts.until_us, error);
    }
    if (status == FND_OK && kind != FND_EVENT_ASK) {
        status = read_text(body, "by", &read->by, error);
    }
    read->parts.group = read->group;
    read->parts.by = read->by;
    return status;
}
