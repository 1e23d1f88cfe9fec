/* SPDX-License-Identifier: MIT */
/* Format `gemini`: supervised fine-tuning of Gemini models. Layout and limits: Google Cloud,
 * "Prepare supervised fine-tuning data for Gemini models", "About supervised fine-tuning", "Tune
 * function calling". */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/internal.h"

enum {
    GEMINI_IMAGES_MAX = 30,                   /* in one example */
    GEMINI_IMAGE_SIZE_MAX = 20 * 1000 * 1000, /* bytes of one */
    /* 131,072 tokens; a token is seldom more than four bytes, so beyond this it is surely over. */
    GEMINI_TEXT_SIZE_ADVISED = 131072 * 4
};

static const char gemini_schema[] =
    "{\"type\":\"object\",\"required\":[\"contents\"],\"additionalProperties\":false,"
    "\"properties\":{\"systemInstruction\":{\"$ref\":\"#/$defs/system\"},"
    "\"system_instruction\":{\"$ref\":\"#/$defs/system\"},"
    "\"contents\":{\"type\":\"array\",\"minItems\":2,\"items\":{\"type\":\"object\","
    "\"required\":[\"parts\"],\"additionalProperties\":false,\"properties\":{"
    "\"role\":{\"enum\":[\"user\",\"model\"]},"
    "\"parts\":{\"type\":\"array\",\"minItems\":1,\"items\":{\"$ref\":\"#/$defs/part\"}}}}},"
    "\"tools\":{\"type\":\"array\"}},"
    "\"$defs\":{\"system\":{\"type\":\"object\",\"required\":[\"parts\"],"
    "\"additionalProperties\":false,\"properties\":{\"role\":{\"type\":\"string\"},"
    "\"parts\":{\"type\":\"array\",\"minItems\":1,\"items\":{\"$ref\":\"#/$defs/text\"}}}},"
    "\"text\":{\"type\":\"object\",\"required\":[\"text\"],\"additionalProperties\":false,"
    "\"properties\":{\"text\":{\"type\":\"string\",\"minLength\":1}}},"
    "\"part\":{\"type\":\"object\",\"minProperties\":1,\"maxProperties\":1,"
    "\"additionalProperties\":false,\"properties\":{\"text\":{\"type\":\"string\",\"minLength\":1},"
    "\"fileData\":{\"type\":\"object\",\"required\":[\"mimeType\",\"fileUri\"],"
    "\"additionalProperties\":false,\"properties\":{\"mimeType\":{\"type\":\"string\","
    "\"pattern\":\"^[a-z]+/[A-Za-z0-9.+_-]+$\"},\"fileUri\":{\"type\":\"string\"}}},"
    "\"functionCall\":{\"type\":\"object\",\"required\":[\"name\"],\"properties\":{"
    "\"name\":{\"type\":\"string\",\"minLength\":1},\"args\":{\"type\":\"object\"}}},"
    "\"functionResponse\":{\"type\":\"object\",\"required\":[\"name\",\"response\"],"
    "\"properties\":{\"name\":{\"type\":\"string\",\"minLength\":1},"
    "\"response\":{\"type\":\"object\"}}}}}}}";

/* --- writing -----------------------------------------------------------------------------------
 */

static enum fnd_status file_part(const struct fnd_datum *datum, const char *prefix,
                                 struct fnd_text *line, struct fnd_error *error)
{
    struct fnd_text uri = {0};
    struct fnd_json path = fnd_json_member(datum->input, "path");
    struct fnd_json media_type = fnd_json_member(datum->input, "media_type");
    struct fnd_json size = fnd_json_member(datum->input, "size");
    char *name = path.bytes != NULL ? fnd_json_strdup(path) : NULL;
    char *type = media_type.bytes != NULL ? fnd_json_strdup(media_type) : NULL;
    int64_t bytes = 0;
    enum fnd_status status = FND_OK;
    if (prefix == NULL) {
        status =
            fnd_error_set(error, FND_INVALID,
                          "its input %s is a file, and nothing says where the trainer finds "
                          "it; give --uri-prefix gs://BUCKET/…, where the inputs were uploaded",
                          datum->path);
        fnd_error_code(error, "no_uri_prefix");
        goto out;
    }
    if (type == NULL) {
        status = fnd_error_set(error, FND_DAMAGED, "the media type of its input is not on record");
        goto out;
    }
    if (strncmp(type, "image/", 6) == 0 && size.bytes != NULL && fnd_json_integer(size, &bytes) &&
        bytes > GEMINI_IMAGE_SIZE_MAX) {
        status = fnd_error_set(error, FND_LIMIT,
                               "its image %s has %" PRId64 " bytes, and %d are allowed; make it "
                               "smaller and run it anew",
                               datum->path, bytes, GEMINI_IMAGE_SIZE_MAX);
        goto out;
    }
    status = fnd_uri_append(prefix, name != NULL ? name : datum->path, &uri, error);
    if (status == FND_OK) {
        fnd_text_append_z(line, "{\"fileData\":{\"mimeType\":");
        fnd_text_append_json_z(line, type);
        fnd_text_append_z(line, ",\"fileUri\":");
        fnd_text_append_json(line, uri.bytes, uri.size);
        fnd_text_append_z(line, "}}");
    }
out:
    free(name);
    free(type);
    fnd_text_finish(&uri);
    return status;
}

static enum fnd_status text_part(const struct fnd_datum *datum, struct fnd_text *line,
                                 struct fnd_error *error)
{
    struct fnd_text content = {0};
    fnd_datum_content(datum, &content);
    enum fnd_status status = FND_OK;
    if (content.size == 0) {
        status = fnd_error_set(error, FND_INVALID, "its input %s has no text", datum->path);
    } else {
        fnd_text_append_z(line, "{\"text\":");
        fnd_text_append_json(line, content.bytes, content.size);
        fnd_text_append_byte(line, '}');
    }
    fnd_text_finish(&content);
    return status;
}

static const char *chosen(const char *option, const char *entry)
{
    return option != NULL ? option : entry;
}

static enum fnd_status gemini_line(const struct fnd_plan *plan, const struct fnd_datum *datum,
                                   struct fnd_text *line, struct fnd_error *error)
{
    const char *prompt = chosen(plan->options.prompt, datum->entry->prompt);
    const char *system = chosen(plan->options.system, datum->entry->system);
    if (datum->human.bytes == NULL) {
        return fnd_error_set(error, FND_INVALID, "it has no corrected document");
    }
    if (prompt == NULL || prompt[0] == '\0') {
        return fnd_error_set(error, FND_INVALID,
                             "nothing says what the model is to be asked: pipeline %s, as it ran, "
                             "has no export entry of format gemini with a `prompt:`; give --prompt",
                             datum->pipeline);
    }
    fnd_text_append_byte(line, '{');
    if (system != NULL) {
        fnd_text_append_z(line, "\"systemInstruction\":{\"role\":\"system\",\"parts\":[{\"text\":");
        fnd_text_append_json_z(line, system);
        fnd_text_append_z(line, "}]},");
    }
    fnd_text_append_z(line, "\"contents\":[{\"role\":\"user\",\"parts\":[");
    enum fnd_status status =
        datum->is_file
            ? file_part(datum, chosen(plan->options.uri_prefix, datum->entry->uri_prefix), line,
                        error)
            : text_part(datum, line, error);
    if (status != FND_OK) {
        return status;
    }
    struct fnd_text answer = {0};
    fnd_json_compact(datum->human, &answer);
    fnd_text_append_z(line, ",{\"text\":");
    fnd_text_append_json_z(line, prompt);
    fnd_text_append_z(line, "}]},{\"role\":\"model\",\"parts\":[{\"text\":");
    fnd_text_append_json(line, answer.bytes, answer.size);
    fnd_text_append_z(line, "}]}]}");
    fnd_text_finish(&answer);
    return FND_OK;
}

static enum fnd_status gemini_agrees(const struct fnd_datum *datum, struct fnd_json line,
                                     struct fnd_error *error)
{
    struct fnd_text expected = {0};
    char *text = fnd_json_strdup(fnd_json_find(line, "/contents/1/parts/0/text"));
    struct fnd_json parsed = {NULL, 0};
    struct fnd_error local = {0};
    enum fnd_status status = FND_OK;
    fnd_json_compact(datum->human, &expected);
    if (text == NULL || fnd_json_check(text, strlen(text), NULL, &parsed, &local) != FND_OK) {
        status = fnd_error_set(error, FND_DAMAGED, "the model's part is no JSON text: %s",
                               local.message);
    } else if (!fnd_json_equal(parsed, datum->human) || parsed.size != expected.size ||
               memcmp(parsed.bytes, expected.bytes, expected.size) != 0) {
        status = fnd_error_set(error, FND_DAMAGED,
                               "the model's part is not the corrected document on record");
    }
    free(text);
    fnd_text_finish(&expected);
    return status;
}

/* --- checking ----------------------------------------------------------------------------------
 */

/** Types that the models read (Google Cloud, "Image", "Document", "Audio", "Video understanding").
 */
static bool type_is_known(const char *type)
{
    static const char *const types[] = {"image/png",  "image/jpeg",      "image/webp", "image/heic",
                                        "image/heif", "application/pdf", "text/plain"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i], type) == 0) {
            return true;
        }
    }
    return strncmp(type, "audio/", 6) == 0 || strncmp(type, "video/", 6) == 0;
}

struct example {
    size_t files, images, text_size;
};

static void file_check(struct fnd_checker *checker, struct fnd_json file, bool model,
                       const char *pointer, struct example *example, struct fnd_flaws *flaws)
{
    char *uri = fnd_json_strdup(fnd_json_member(file, "fileUri"));
    char *type = fnd_json_strdup(fnd_json_member(file, "mimeType"));
    struct fnd_error error = {0};
    struct fnd_text at = {0};
    fnd_text_printf(&at, "%s/fileData", pointer);
    if (model) {
        fnd_flaws_add(flaws, fnd_text_z(&at), "role", false,
                      "the model's part is a file, and must be text");
    }
    fnd_text_append_z(&at, "/fileUri");
    if (fnd_uri_check(uri, false, &error) != FND_OK) {
        fnd_flaws_add(flaws, fnd_text_z(&at), "uri", false, "%s", error.message);
    }
    if (!type_is_known(type)) {
        if (checker->strange++ == 0) {
            checker->strange_line = checker->lines;
            strncpy(checker->strange_type, type, sizeof checker->strange_type - 1);
        }
    }
    example->files++;
    example->images += strncmp(type, "image/", 6) == 0;
    free(uri);
    free(type);
    fnd_text_finish(&at);
}

/** A call or what came of it, by the side that may say it. */
static void function_check(struct fnd_json part, bool model, const char *pointer,
                           struct fnd_flaws *flaws)
{
    static const char *const members[] = {"functionCall", "functionResponse"};
    static const char *const told[] = {"only the model calls functions",
                                       "the model calls, and is told what came of it"};
    for (size_t i = 0; i < 2; i++) {
        if (fnd_json_member(part, members[i]).bytes != NULL && model != (i == 0)) {
            struct fnd_text at = {0};
            fnd_text_printf(&at, "%s/%s", pointer, members[i]);
            fnd_flaws_add(flaws, fnd_text_z(&at), "role", false, "%s", told[i]);
            fnd_text_finish(&at);
        }
    }
}

/** Whose turn it is. What came of a call may be nobody's. */
static void role_check(struct fnd_json turn, const char *pointer, bool first, bool last,
                       struct fnd_flaws *flaws)
{
    struct fnd_json role = fnd_json_member(turn, "role");
    struct fnd_text at = {0};
    bool responds = true;
    for (struct fnd_json_walk part = fnd_json_walk(fnd_json_member(turn, "parts"));
         fnd_json_next(&part);) {
        responds = responds && fnd_json_member(part.value, "functionResponse").bytes != NULL;
    }
    fnd_text_printf(&at, "%s%s", pointer, role.bytes != NULL ? "/role" : "");
    if (role.bytes == NULL && !responds) {
        fnd_flaws_add(flaws, fnd_text_z(&at), "required", false,
                      "has no `role`, which only what a function answers may lack");
    }
    if (first && role.bytes != NULL && !fnd_json_text_is(role, "user")) {
        fnd_flaws_add(flaws, fnd_text_z(&at), "role", false, "the first turn must be the user's");
    }
    if (last && !fnd_json_text_is(role, "model")) {
        fnd_flaws_add(flaws, fnd_text_z(&at), "role", false,
                      "the last turn must be the model's: it is what is learnt");
    }
    fnd_text_finish(&at);
}

static void turn_check(struct fnd_checker *checker, struct fnd_json turn, const char *pointer,
                       struct example *example, struct fnd_flaws *flaws)
{
    const bool model = fnd_json_text_is(fnd_json_member(turn, "role"), "model");
    struct fnd_text at = {0};
    for (struct fnd_json_walk part = fnd_json_walk(fnd_json_member(turn, "parts"));
         fnd_json_next(&part);) {
        struct fnd_json file = fnd_json_member(part.value, "fileData");
        fnd_text_clear(&at);
        fnd_text_printf(&at, "%s/parts/%zu", pointer, part.index);
        if (file.bytes != NULL) {
            file_check(checker, file, model, fnd_text_z(&at), example, flaws);
        } else {
            function_check(part.value, model, fnd_text_z(&at), flaws);
            example->text_size += part.value.size;
        }
    }
    fnd_text_finish(&at);
}

static void gemini_check(struct fnd_checker *checker, struct fnd_json line, struct fnd_flaws *flaws)
{
    struct example example = {0};
    struct fnd_json contents = fnd_json_member(line, "contents");
    const size_t count = fnd_json_count(contents);
    if (fnd_json_member(line, "systemInstruction").bytes != NULL &&
        fnd_json_member(line, "system_instruction").bytes != NULL) {
        fnd_flaws_add(flaws, "", "system", false,
                      "has both systemInstruction and system_instruction, which are one");
    }
    for (struct fnd_json_walk turn = fnd_json_walk(contents); fnd_json_next(&turn);) {
        struct fnd_text at = {0};
        fnd_text_printf(&at, "/contents/%zu", turn.index);
        role_check(turn.value, fnd_text_z(&at), turn.index == 0, turn.index + 1 == count, flaws);
        turn_check(checker, turn.value, fnd_text_z(&at), &example, flaws);
        fnd_text_finish(&at);
    }
    if (example.images > GEMINI_IMAGES_MAX) {
        fnd_flaws_add(flaws, "/contents", "images", false,
                      "has %zu images, and %d are allowed in one example", example.images,
                      GEMINI_IMAGES_MAX);
    }
    checker->with_files += example.files > 0;
    if (example.text_size > GEMINI_TEXT_SIZE_ADVISED && checker->long_lines++ == 0) {
        checker->long_line = checker->lines;
    }
}

const struct fnd_format fnd_format_gemini = {.name = "gemini",
                                             .schema = gemini_schema,
                                             .training = true,
                                             .by_uri = true,
                                             .size_max = UINT64_C(1000000000),
                                             .lines_max = 1000000,
                                             .lines_with_files_max = 300000,
                                             .lines_advised = 100,
                                             .validation_lines_max = 5000,
                                             .line = gemini_line,
                                             .agrees = gemini_agrees,
                                             .check = gemini_check};
