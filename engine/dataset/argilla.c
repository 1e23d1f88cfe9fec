/* SPDX-License-Identifier: MIT */
/* Format `argilla`: records of Argilla, flat as its to_list(flatten=True) gives them, with a
 * settings file beside. Read are those, and the nested ones that to_json and to_disk write and
 * from_json reads. Layouts: argilla-io/argilla, "Import and export", "Suggestions", "Responses";
 * which nulls there are: to_list gives every record the columns of all, null where it has nothing
 * itself, and a suggestion's score and agent and a response's status may be missing; a suggestion
 * or response without a value, and a response without a user, are refused there. */
#include <stdlib.h>
#include <string.h>

#include "dataset/example.h"

#define SCORE                                                                                      \
    "{\"oneOf\":[{\"type\":[\"number\",\"null\"],\"minimum\":0,\"maximum\":1},"                    \
    "{\"type\":\"array\",\"items\":{\"type\":\"number\",\"minimum\":0,\"maximum\":1}}]}"
#define AGENT "{\"type\":[\"string\",\"null\"],\"minLength\":1}"
#define STATUS "{\"enum\":[\"submitted\",\"draft\",\"discarded\",null]}"
#define USER                                                                                       \
    "{\"type\":\"string\",\"pattern\":"                                                            \
    "\"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$\"}"
#define VALUE "{\"type\":[\"string\",\"number\",\"boolean\",\"array\",\"object\"]}"

static const char argilla_schema[] =
    "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":[\"string\",\"null\"],\"minLength\":1}},"
    "\"if\":{\"required\":[\"fields\"],\"properties\":{\"fields\":{\"type\":\"object\"}}},"
    "\"then\":{\"properties\":{\"metadata\":{\"type\":[\"object\",\"null\"]},"
    "\"vectors\":{\"type\":[\"object\",\"null\"],\"additionalProperties\":{\"type\":\"array\","
    "\"items\":{\"type\":\"number\"}}},"
    "\"suggestions\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"object\","
    "\"required\":[\"value\"],\"additionalProperties\":false,\"properties\":{\"value\":" VALUE
    ",\"score\":" SCORE ",\"agent\":" AGENT ",\"type\":{\"enum\":[\"model\",\"human\",null]}}}},"
    "\"responses\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"array\",\"items\":{"
    "\"type\":\"object\",\"required\":[\"value\",\"user_id\"],\"additionalProperties\":false,"
    "\"properties\":{\"value\":" VALUE ",\"user_id\":" USER ",\"status\":" STATUS "}}}}}},"
    "\"else\":{\"patternProperties\":{"
    "\"[.]suggestion[.]score$\":" SCORE ",\"[.]suggestion[.]agent$\":" AGENT ","
    "\"[.]responses$\":{\"type\":[\"array\",\"null\"]},"
    "\"[.]responses[.]users$\":{\"type\":[\"array\",\"null\"],\"items\":" USER "},"
    "\"[.]responses[.]status$\":{\"type\":[\"array\",\"null\"],\"items\":" STATUS "}}}}";

/** Argilla knows people by UUID only: ours is made of the name (RFC 9562, version 8). */
static void user_append(struct fnd_text *line, const char *name)
{
    uint8_t digest[FND_DIGEST_SIZE];
    char hex[33];
    fnd_sha256(name, name != NULL ? strlen(name) : 0, digest);
    digest[6] = (uint8_t)((digest[6] & 0x0F) | 0x80);
    digest[8] = (uint8_t)((digest[8] & 0x3F) | 0x80);
    fnd_hex(digest, 16, hex);
    fnd_text_printf(line, "\"%.8s-%.4s-%.4s-%.4s-%.12s\"", hex, hex + 8, hex + 12, hex + 16,
                    hex + 20);
}

static void member_append(struct fnd_text *line, const char *name, const struct fnd_text *text)
{
    fnd_text_printf(line, ",\"%s\":", name);
    fnd_text_append_json(line, fnd_text_z(text), text->size);
}

static void suggestion_append(struct fnd_text *line, const struct fnd_datum *datum,
                              const struct fnd_example *example)
{
    struct fnd_json score = fnd_datum_score(datum);
    if (example->model.size == 0) {
        return;
    }
    member_append(line, "output.suggestion", &example->model);
    if (score.bytes != NULL) {
        fnd_text_append_z(line, ",\"output.suggestion.score\":");
        fnd_text_append(line, score.bytes, score.size);
    }
    fnd_text_append_z(line, ",\"output.suggestion.agent\":");
    fnd_text_append_json_z(line, datum->pipeline);
}

static enum fnd_status argilla_line(const struct fnd_plan *plan, const struct fnd_datum *datum,
                                    struct fnd_text *line, struct fnd_error *error)
{
    struct fnd_example example = {0};
    char *uuid = fnd_json_strdup(fnd_json_member(datum->whole, "uuid"));
    char *by = fnd_json_strdup(fnd_json_member(datum->whole, "by"));
    enum fnd_status status = fnd_example_make(plan, datum, FND_FILES_EMBEDDED, &example, error);
    if (status == FND_OK && (uuid == NULL || by == NULL)) {
        status = fnd_error_set(error, FND_DAMAGED, "it does not say who answered");
    }
    if (status == FND_OK) {
        fnd_example_model(datum, &example);
        fnd_text_append_z(line, "{\"id\":");
        fnd_text_append_json_z(line, uuid);
        fnd_text_append_z(line, ",\"prompt\":");
        fnd_text_append_json_z(line, example.prompt);
        member_append(line, example.image.size > 0 ? "image" : "input",
                      example.image.size > 0 ? &example.image : &example.content);
        suggestion_append(line, datum, &example);
        fnd_text_append_z(line, ",\"output.responses\":[");
        fnd_text_append_json(line, example.human.bytes, example.human.size);
        fnd_text_append_z(line, "],\"output.responses.users\":[");
        user_append(line, by);
        fnd_text_append_z(line, "],\"output.responses.status\":[\"submitted\"]}");
    }
    free(uuid);
    free(by);
    fnd_example_finish(&example);
    return status;
}

static enum fnd_status argilla_agrees(const struct fnd_datum *datum, struct fnd_json line,
                                      struct fnd_error *error)
{
    /* The names hold dots, which are nothing to a pointer. */
    enum fnd_status status = fnd_document_agrees(line, "/output.responses/0", datum->human, error);
    if (status == FND_OK && fnd_json_type(datum->model) != FND_JSON_NULL) {
        status = fnd_document_agrees(line, "/output.suggestion", datum->model, error);
    }
    return status == FND_OK ? fnd_image_agrees(datum, fnd_json_member(line, "image"), error)
                            : status;
}

static bool ends_with(const char *text, const char *ending)
{
    const size_t size = strlen(text), ending_size = strlen(ending);
    return size > ending_size && strcmp(text + size - ending_size, ending) == 0;
}

/** A list of values has a score for each, one value has one; both may have none. */
static void score_check(struct fnd_json value, struct fnd_json score, const char *at,
                        struct fnd_flaws *flaws)
{
    const bool list = fnd_json_type(value) == FND_JSON_ARRAY;
    const bool scores = fnd_json_type(score) == FND_JSON_ARRAY;
    if (fnd_json_type(score) == FND_JSON_NULL) {
        return;
    }
    if (fnd_json_type(value) == FND_JSON_NULL) {
        fnd_flaws_add(flaws, at, "suggestion", false, "belongs to a suggestion that is not there");
    } else if (list != scores) {
        fnd_flaws_add(flaws, at, "score", false, "must be %s, since the suggestion is %s",
                      list ? "a list" : "one number", list ? "one" : "one value");
    } else if (list && fnd_json_count(value) != fnd_json_count(score)) {
        fnd_flaws_add(flaws, at, "score", false, "has %zu scores for %zu values",
                      fnd_json_count(score), fnd_json_count(value));
    }
}

/** Rules for a member of a flat record; `key` is its name. */
static void member_check(struct fnd_json line, const char *key, struct fnd_json value,
                         const char *at, struct fnd_flaws *flaws)
{
    const size_t size = strlen(key);
    char *base = fnd_strdup(key);
    if (ends_with(key, ".suggestion.score")) {
        base[size - strlen(".score")] = '\0';
        score_check(fnd_json_member(line, base), value, at, flaws);
    } else if (ends_with(key, ".suggestion.agent")) {
        base[size - strlen(".agent")] = '\0';
        if (fnd_json_type(value) != FND_JSON_NULL &&
            fnd_json_type(fnd_json_member(line, base)) == FND_JSON_NULL) {
            fnd_flaws_add(flaws, at, "suggestion", false,
                          "belongs to a suggestion that is not there");
        }
    } else if (ends_with(key, ".responses.users") || ends_with(key, ".responses.status")) {
        *strrchr(base, '.') = '\0';
        if (fnd_json_count(fnd_json_member(line, base)) != fnd_json_count(value)) {
            fnd_flaws_add(flaws, at, "responses", false,
                          "must have as many items as there are responses");
        }
    } else if (ends_with(key, ".responses")) {
        for (struct fnd_json_walk walk = fnd_json_walk(value); fnd_json_next(&walk);) {
            if (fnd_json_type(walk.value) == FND_JSON_NULL) {
                struct fnd_text item = {0};
                fnd_text_printf(&item, "%s/%zu", at, walk.index);
                fnd_flaws_add(flaws, fnd_text_z(&item), "null", false,
                              "is null; a response has a value");
                fnd_text_finish(&item);
            }
        }
    }
    free(base);
}

static void flat_check(struct fnd_json line, struct fnd_flaws *flaws)
{
    /* what Argilla says of a record by itself */
    static const char *const own[] = {"id", "_server_id", "status", "inserted_at", "updated_at"};
    bool says = false;
    for (struct fnd_json_walk walk = fnd_json_walk(line); fnd_json_next(&walk);) {
        struct fnd_text at = {0}, key = {0};
        bool owned = false;
        fnd_json_pointer_add_key(&at, walk.key);
        fnd_json_text(walk.key, &key);
        member_check(line, fnd_text_z(&key), walk.value, fnd_text_z(&at), flaws);
        for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
            owned = owned || fnd_json_text_is(walk.key, own[i]);
        }
        says = says || (!owned && fnd_json_type(walk.value) != FND_JSON_NULL);
        fnd_text_finish(&at);
        fnd_text_finish(&key);
    }
    if (!says) {
        fnd_flaws_add(flaws, "", "required", false,
                      "holds nothing: a record has a field, a suggestion or a response that is "
                      "not null");
    }
}

static void nested_check(struct fnd_json line, struct fnd_flaws *flaws)
{
    if (fnd_json_count(fnd_json_member(line, "fields")) == 0 &&
        fnd_json_type(fnd_json_member(line, "id")) == FND_JSON_NULL) {
        fnd_flaws_add(flaws, "/fields", "required", false,
                      "is empty, and there is no `id` that would say which record is meant");
    }
    for (struct fnd_json_walk walk = fnd_json_walk(fnd_json_member(line, "suggestions"));
         fnd_json_next(&walk);) {
        struct fnd_text at = {0};
        fnd_text_append_z(&at, "/suggestions");
        fnd_json_pointer_add_key(&at, walk.key);
        fnd_text_append_z(&at, "/score");
        score_check(fnd_json_member(walk.value, "value"), fnd_json_member(walk.value, "score"),
                    fnd_text_z(&at), flaws);
        fnd_text_finish(&at);
    }
}

static void argilla_check(struct fnd_checker *checker, struct fnd_json line,
                          struct fnd_flaws *flaws)
{
    const bool nested = fnd_json_type(fnd_json_member(line, "fields")) == FND_JSON_OBJECT;
    checker->with_files += fnd_json_member(line, "image").bytes != NULL;
    (nested ? nested_check : flat_check)(line, flaws);
}

/** Argilla's settings for such records: fields, and the one question. */
static void argilla_beside(const struct fnd_plan *plan, const struct fnd_checker *checker,
                           struct fnd_text *text)
{
    (void)plan;
    const bool mixed = checker->with_files > 0 && checker->with_files < checker->lines;
    fnd_text_append_z(text, "{\n  \"guidelines\": \"Correct the document that answers the "
                            "prompt.\",\n  \"fields\": [\n    {\"name\": \"prompt\", \"title\": "
                            "\"Prompt\", \"required\": true, \"settings\": {\"type\": \"text\", "
                            "\"use_markdown\": false}}");
    if (checker->with_files < checker->lines || checker->lines == 0) {
        fnd_text_printf(text,
                        ",\n    {\"name\": \"input\", \"title\": \"Input\", \"required\": %s, "
                        "\"settings\": {\"type\": \"text\", \"use_markdown\": false}}",
                        mixed ? "false" : "true");
    }
    if (checker->with_files > 0) {
        fnd_text_printf(text,
                        ",\n    {\"name\": \"image\", \"title\": \"Image\", \"required\": %s, "
                        "\"settings\": {\"type\": \"image\"}}",
                        mixed ? "false" : "true");
    }
    fnd_text_append_z(text, "\n  ],\n  \"questions\": [\n    {\"name\": \"output\", \"title\": "
                            "\"Document\", \"required\": true, \"settings\": {\"type\": "
                            "\"text\", \"use_markdown\": false}}\n  ]\n}\n");
}

const struct fnd_format fnd_format_argilla = {.name = "argilla",
                                              .schema = argilla_schema,
                                              .training = true,
                                              .by_uri = true,
                                              .embeds = true,
                                              .ids = true,
                                              .array = true,
                                              .line = argilla_line,
                                              .agrees = argilla_agrees,
                                              .check = argilla_check,
                                              .beside_name = ".settings.json",
                                              .beside = argilla_beside};
