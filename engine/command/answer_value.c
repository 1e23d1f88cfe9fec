/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "command/answer.h"
#include "schema/schema.h"

/** What is known of the place that a value is for. */
struct place {
    struct fnd_json request, question, subject;
    const char *pointer; /* into SUBJECT; NULL for a question that is about no field */
};

/* The question about a pointer (or with that key), or no value. */
static struct fnd_json find_question(struct fnd_json request, const char *member, const char *name)
{
    struct fnd_json questions = fnd_json_member(request, "questions");
    for (struct fnd_json_walk walk = fnd_json_walk(questions); fnd_json_next(&walk);) {
        if (fnd_json_text_is(fnd_json_member(walk.value, member), name)) {
            return walk.value;
        }
    }
    return (struct fnd_json){0};
}

/* Does the question's own schema take the value? True where there is none. */
static bool question_takes(const struct place *place, struct fnd_json value)
{
    struct fnd_json json = fnd_json_member(place->question, "schema");
    struct fnd_schema *schema = NULL;
    if (json.bytes == NULL ||
        fnd_schema_create("question", json.bytes, json.size, &schema, NULL) != FND_OK) {
        return true;
    }
    bool takes = fnd_schema_check(schema, value, NULL, NULL);
    fnd_schema_destroy(schema);
    return takes;
}

static bool below(const char *pointer, const char *place)
{
    size_t size = strlen(place);
    return strncmp(pointer, place, size) == 0 && (pointer[size] == '\0' || pointer[size] == '/');
}

/* Does the output's schema find nothing wrong with the value at its place? True where there is
 * none. The whole output is checked, so that references within the schema hold. */
static bool output_takes(const struct place *place, struct fnd_json value)
{
    struct fnd_json json = fnd_json_member(place->request, "schema");
    struct fnd_schema *schema = NULL;
    struct fnd_text patched = {0};
    struct fnd_json whole = {0};
    bool takes = true;
    if (json.bytes == NULL || place->pointer == NULL ||
        fnd_schema_create("output", json.bytes, json.size, &schema, NULL) != FND_OK) {
        return true;
    }
    if (fnd_json_set(place->subject, place->pointer, value, &patched, NULL) == FND_OK &&
        fnd_json_check(fnd_text_z(&patched), patched.size, NULL, &whole, NULL) == FND_OK) {
        struct fnd_flaws flaws = {0};
        fnd_schema_check(schema, whole, NULL, &flaws);
        for (size_t i = 0; i < flaws.count; i++) {
            takes &= !below(flaws.list[i].pointer, place->pointer);
        }
        fnd_flaws_finish(&flaws);
    }
    fnd_text_finish(&patched);
    fnd_schema_destroy(schema);
    return takes;
}

static bool takes(const struct place *place, struct fnd_json value)
{
    return question_takes(place, value) && output_takes(place, value);
}

/* Append what `text` means at the place: JSON or a text. */
static void append_value(const struct place *place, const char *text, struct fnd_text *values)
{
    struct fnd_text quoted = {0};
    struct fnd_json as_json = {0};
    struct fnd_json now = place->pointer != NULL ? fnd_json_find(place->subject, place->pointer)
                                                 : (struct fnd_json){0};
    fnd_text_append_json_z(&quoted, text);
    struct fnd_json as_text = {.bytes = quoted.bytes, .size = quoted.size};
    bool json = fnd_json_check(text, strlen(text), NULL, &as_json, NULL) == FND_OK;
    if (json && fnd_json_type(as_json) != FND_JSON_STRING) {
        bool text_now = now.bytes != NULL && fnd_json_type(now) == FND_JSON_STRING;
        bool takes_json = takes(place, as_json), takes_text = takes(place, as_text);
        /* Where both would do, it stays what it is; where neither does, the engine says why. */
        json = takes_json == takes_text ? !text_now : takes_json;
    }
    struct fnd_json chosen = json ? as_json : as_text;
    fnd_text_append(values, chosen.bytes, chosen.size);
    fnd_text_finish(&quoted);
}

/* A field by its name, or by its pointer with or without the first slash, as questions say it. */
static void field_pointer(struct fnd_json request, const char *name, struct fnd_text *pointer)
{
    struct fnd_json subject = fnd_json_member(request, "subject");
    fnd_text_append_z(pointer, name[0] != '/' && name[0] != '\0' ? "/" : "");
    fnd_text_append_z(pointer, name);
    const char *as_is = fnd_text_z(pointer);
    if (name[0] == '/' || name[0] == '\0' ||
        (strchr(name, '/') != NULL && fnd_json_pointer_valid(as_is) &&
         (fnd_json_find(subject, as_is).bytes != NULL ||
          find_question(request, "pointer", as_is).bytes != NULL))) {
        return;
    }
    fnd_text_clear(pointer);
    fnd_json_pointer_add(pointer, name, strlen(name));
}

enum fnd_status fnd_answer_set(struct fnd_json request, const char *setting,
                               struct fnd_text *values, struct fnd_error *error)
{
    const char *equals = strchr(setting, '=');
    if (equals == NULL || !fnd_utf8_valid(setting, strlen(setting))) {
        return fnd_error_set(error, FND_INVALID, "--set takes FIELD=VALUE in UTF-8, not '%s'",
                             setting);
    }
    char *name = fnd_strndup(setting, (size_t)(equals - setting));
    struct fnd_text pointer = {0};
    struct place place = {.request = request, .subject = fnd_json_member(request, "subject")};
    enum fnd_status status = FND_OK;
    if (fnd_json_text_is(fnd_json_member(request, "origin"), "gate")) {
        field_pointer(request, name, &pointer);
        place.pointer = fnd_text_z(&pointer);
        place.question = find_question(request, "pointer", place.pointer);
    } else {
        fnd_text_append_z(&pointer, name);
        place.question = find_question(request, "key", name);
        if (place.question.bytes == NULL) {
            status = fnd_error_set(
                error, FND_INVALID,
                "the request has no question '%s'; `" FND_PROGRAM " ask show` lists them", name);
        }
    }
    if (status == FND_OK && !fnd_json_pointer_valid(name) && name[0] == '/') {
        status = fnd_error_set(error, FND_INVALID, "'%s' is no JSON pointer: '~' must be ~0", name);
    }
    if (status == FND_OK) {
        fnd_text_append_z(values, values->size > 0 ? "," : "");
        fnd_text_append_json_z(values, fnd_text_z(&pointer));
        fnd_text_append_byte(values, ':');
        append_value(&place, equals + 1, values);
    }
    fnd_text_finish(&pointer);
    free(name);
    return status;
}

enum fnd_status fnd_answer_members(struct fnd_json answer, struct fnd_text *members, bool *by,
                                   struct fnd_error *error)
{
    static const char *const names[] = {
        "accept",  "by",      "fence", "idempotency_key", "overrides", "reason",  "reject",
        "removed", "request", "scope", "seconds",         "values",    "version", NULL};
    if (fnd_json_type(answer) != FND_JSON_OBJECT) {
        return fnd_error_set(error, FND_INVALID, "an answer is a JSON object, this is %s",
                             fnd_json_type_name(fnd_json_type(answer)));
    }
    *by = false;
    for (struct fnd_json_walk walk = fnd_json_walk(answer); fnd_json_next(&walk);) {
        size_t i = 0;
        while (names[i] != NULL && !fnd_json_text_is(walk.key, names[i])) {
            i++;
        }
        if (names[i] == NULL) {
            char *key = fnd_json_strdup(walk.key);
            const char *near = fnd_nearest(key, names);
            fnd_error_set(error, FND_INVALID, "an answer has no member \"%s\"%s%s%s", key,
                          near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                          near != NULL ? "\"?" : "");
            free(key);
            return FND_INVALID;
        }
        *by |= strcmp(names[i], "by") == 0;
        if (strcmp(names[i], "request") != 0) {
            fnd_text_append_byte(members, ',');
            fnd_text_append(members, walk.key.bytes, walk.key.size);
            fnd_text_append_byte(members, ':');
            fnd_text_append(members, walk.value.bytes, walk.value.size);
        }
    }
    return FND_OK;
}
