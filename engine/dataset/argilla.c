/* SPDX-License-Identifier: MIT */
/* Format `argilla`: records as Argilla's Dataset.records.from_json reads them, flat, with a
 * settings file beside. Layout: argilla-io/argilla, "Import and export", "Suggestions". */
#include <stdlib.h>
#include <string.h>

#include "dataset/example.h"

static const char argilla_schema[] =
    "{\"type\":\"object\",\"minProperties\":2," /* without an id Argilla gives one */
    "\"properties\":{\"id\":{\"type\":\"string\",\"minLength\":1}},"
    "\"patternProperties\":{"
    "\"[.]suggestion[.]score$\":{\"oneOf\":[{\"type\":\"number\",\"minimum\":0,\"maximum\":1},"
    "{\"type\":\"array\",\"items\":{\"type\":\"number\",\"minimum\":0,\"maximum\":1}}]},"
    "\"[.]suggestion[.]agent$\":{\"type\":\"string\",\"minLength\":1},"
    "\"[.]responses$\":{\"type\":\"array\"},"
    "\"[.]responses[.]users$\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"pattern\":"
    "\"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$\"}},"
    "\"[.]responses[.]status$\":{\"type\":\"array\","
    "\"items\":{\"enum\":[\"submitted\",\"draft\",\"discarded\"]}}}}";

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

/** No member is null; a question's lists are of one length, and its scores have a suggestion. */
static void argilla_check(struct fnd_checker *checker, struct fnd_json line,
                          struct fnd_flaws *flaws)
{
    checker->with_files += fnd_json_member(line, "image").bytes != NULL;
    for (struct fnd_json_walk walk = fnd_json_walk(line); fnd_json_next(&walk);) {
        char *key = fnd_json_strdup(walk.key);
        char *base = fnd_strdup(key);
        struct fnd_text at = {0};
        fnd_json_pointer_add_key(&at, walk.key);
        if (fnd_json_type(walk.value) == FND_JSON_NULL) {
            fnd_flaws_add(flaws, fnd_text_z(&at), "null", false,
                          "is null; leave the member out instead");
        }
        if (ends_with(key, ".suggestion.score") || ends_with(key, ".suggestion.agent")) {
            base[strlen(key) - strlen(".score")] = '\0';
            if (fnd_json_member(line, base).bytes == NULL) {
                fnd_flaws_add(flaws, fnd_text_z(&at), "suggestion", false,
                              "belongs to a suggestion that is not there");
            }
        } else if (ends_with(key, ".responses.users") || ends_with(key, ".responses.status")) {
            *strrchr(base, '.') = '\0';
            if (fnd_json_count(fnd_json_member(line, base)) != fnd_json_count(walk.value)) {
                fnd_flaws_add(flaws, fnd_text_z(&at), "responses", false,
                              "must have as many items as there are responses");
            }
        }
        fnd_text_finish(&at);
        free(base);
        free(key);
    }
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
