/* SPDX-License-Identifier: MIT */
/* Formats `alpaca` and `sharegpt`. Layouts: hiyouga/LLaMA-Factory, data/README.md. An image is a
 * path below the trainer's media folder, and `<image>` in the text says where it is looked at. */
#include <stdlib.h>
#include <string.h>

#include "dataset/example.h"

static void images_append(struct fnd_text *line, const struct fnd_example *example)
{
    if (example->image.size > 0) {
        fnd_text_append_z(line, ",\"images\":[");
        fnd_text_append_json(line, example->image.bytes, example->image.size);
        fnd_text_append_byte(line, ']');
    }
    fnd_text_append_byte(line, '}');
}

static void text_append(struct fnd_text *line, const char *name, const char *image,
                        const char *bytes, size_t size)
{
    struct fnd_text text = {0};
    fnd_text_append_z(&text, image);
    fnd_text_append(&text, bytes, size);
    fnd_text_printf(line, "\"%s\":", name);
    fnd_text_append_json(line, fnd_text_z(&text), text.size);
    fnd_text_finish(&text);
}

static size_t tokens_count(struct fnd_json text)
{
    static const char token[] = "<image>";
    size_t count = 0;
    char *z = fnd_json_strdup(text);
    for (const char *at = z; at != NULL && (at = strstr(at, token)) != NULL; count++) {
        at += sizeof token - 1;
    }
    free(z);
    return count;
}

/** Images are named below the media folder, and there is a mark for each; all lines have them, or
 *  none: a column has one type. */
static void images_check(struct fnd_checker *checker, struct fnd_json line, size_t tokens,
                         struct fnd_flaws *flaws)
{
    struct fnd_json images = fnd_json_member(line, "images");
    const unsigned kind = images.bytes != NULL ? 2 : 1;
    checker->kind = checker->kind == 0 ? kind : checker->kind;
    checker->with_files += kind == 2;
    if (checker->kind != kind) {
        fnd_flaws_add(flaws, "", "type", false,
                      "%s, and the first example %s; export them apart, by --pipeline",
                      kind == 2 ? "has images" : "has no images",
                      kind == 2 ? "has none" : "has some");
    }
    if (images.bytes != NULL && tokens != fnd_json_count(images)) {
        fnd_flaws_add(flaws, "/images", "images", false,
                      "has %zu images, and the text has <image> %zu times", fnd_json_count(images),
                      tokens);
    }
    for (struct fnd_json_walk walk = fnd_json_walk(images); fnd_json_next(&walk);) {
        char *path = fnd_json_strdup(walk.value);
        struct fnd_text at = {0};
        fnd_text_printf(&at, "/images/%zu", walk.index);
        if (path[0] == '/' || strncmp(path, "../", 3) == 0 || strstr(path, "/../") != NULL) {
            fnd_flaws_add(flaws, fnd_text_z(&at), "path", false,
                          "must be a path below the trainer's media folder");
        }
        fnd_text_finish(&at);
        free(path);
    }
}

/* --- alpaca -------------------------------------------------------------------------------- */

static const char alpaca_schema[] =
    "{\"type\":\"object\",\"required\":[\"instruction\"],\"additionalProperties\":false,"
    "\"anyOf\":[{\"required\":[\"output\"]},{\"required\":[\"chosen\",\"rejected\"]}],"
    "\"properties\":{\"instruction\":{\"type\":\"string\",\"minLength\":1},"
    "\"input\":{\"type\":\"string\"},\"output\":{\"type\":\"string\"},"
    "\"chosen\":{\"type\":\"string\"},\"rejected\":{\"type\":\"string\"},"
    "\"kto_tag\":{\"type\":\"boolean\"},\"system\":{\"type\":\"string\"},\"history\":{\"type\":"
    "\"array\",\"items\":{\"type\":"
    "\"array\",\"minItems\":2,\"maxItems\":2,\"items\":{\"type\":\"string\"}}},"
    "\"images\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"minLength\":1}}}}";

static enum fnd_status alpaca_line(const struct fnd_plan *plan, const struct fnd_datum *datum,
                                   struct fnd_text *line, struct fnd_error *error)
{
    struct fnd_example example = {0};
    enum fnd_status status = fnd_example_make(plan, datum, FND_FILES_BY_PATH, &example, error);
    if (status == FND_OK) {
        const char *system = example.system != NULL ? example.system : "";
        fnd_text_append_byte(line, '{');
        text_append(line, "instruction", example.image.size > 0 ? "<image>" : "", example.prompt,
                    strlen(example.prompt));
        fnd_text_append_byte(line, ',');
        text_append(line, "input", "", fnd_text_z(&example.content), example.content.size);
        fnd_text_append_byte(line, ',');
        text_append(line, "output", "", example.human.bytes, example.human.size);
        fnd_text_append_byte(line, ',');
        text_append(line, "system", "", system, strlen(system));
        images_append(line, &example);
    }
    fnd_example_finish(&example);
    return status;
}

static enum fnd_status alpaca_agrees(const struct fnd_datum *datum, struct fnd_json line,
                                     struct fnd_error *error)
{
    return fnd_document_agrees(line, "/output", datum->human, error);
}

static void alpaca_check(struct fnd_checker *checker, struct fnd_json line, struct fnd_flaws *flaws)
{
    images_check(checker, line,
                 tokens_count(fnd_json_member(line, "instruction")) +
                     tokens_count(fnd_json_member(line, "input")),
                 flaws);
    if (fnd_json_member(line, "chosen").bytes != NULL) {
        fnd_texts_differ(line, "/chosen", "/rejected", flaws);
    }
}

/** What LLaMA-Factory's dataset_info.json must say of the file. */
static void alpaca_beside(const struct fnd_plan *plan, const struct fnd_checker *checker,
                          struct fnd_text *text)
{
    const char *slash = strrchr(plan->options.out, '/');
    const char *file = slash != NULL ? slash + 1 : plan->options.out;
    const char *dot = strrchr(file, '.');
    fnd_text_append_z(text, "{\n  ");
    fnd_text_append_json(text, file,
                         dot != NULL && dot != file ? (size_t)(dot - file) : strlen(file));
    fnd_text_append_z(text, ": {\n    \"file_name\": ");
    fnd_text_append_json_z(text, file);
    fnd_text_printf(text,
                    ",\n    \"formatting\": \"alpaca\",\n    \"columns\": {\"prompt\": "
                    "\"instruction\", \"query\": \"input\", \"response\": \"output\", \"system\": "
                    "\"system\"%s}\n  }\n}\n",
                    checker->with_files > 0 ? ", \"images\": \"images\"" : "");
}

const struct fnd_format fnd_format_alpaca = {.name = "alpaca",
                                             .schema = alpaca_schema,
                                             .training = true,
                                             .by_uri = true,
                                             .array = true,
                                             .line = alpaca_line,
                                             .agrees = alpaca_agrees,
                                             .check = alpaca_check,
                                             .beside_name = ".dataset_info.json",
                                             .beside = alpaca_beside};

/* --- sharegpt ------------------------------------------------------------------------------ */

static const char sharegpt_schema[] =
    "{\"type\":\"object\",\"required\":[\"conversations\"],\"additionalProperties\":false,"
    "\"properties\":{\"conversations\":{\"type\":\"array\",\"minItems\":1,\"items\":"
    "{\"allOf\":[{\"$ref\":\"#/$defs/turn\"}],\"properties\":{\"from\":{\"enum\":[\"human\","
    "\"gpt\",\"function_call\",\"observation\"]}}}},"
    "\"chosen\":{\"$ref\":\"#/$defs/answer\"},\"rejected\":{\"$ref\":\"#/$defs/answer\"},"
    "\"kto_tag\":{\"type\":\"boolean\"},\"system\":{\"type\":\"string\"},"
    "\"tools\":{\"type\":\"string\"},"
    "\"images\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"minLength\":1}}},"
    "\"dependentRequired\":{\"chosen\":[\"rejected\"],\"rejected\":[\"chosen\"]},"
    "\"$defs\":{\"turn\":{\"type\":\"object\",\"required\":[\"from\",\"value\"],"
    "\"additionalProperties\":false,\"properties\":{\"from\":{\"type\":\"string\"},"
    "\"value\":{\"type\":\"string\",\"minLength\":1}}},"
    "\"answer\":{\"allOf\":[{\"$ref\":\"#/$defs/turn\"}],\"properties\":{\"from\":{\"enum\":"
    "[\"gpt\",\"function_call\"]}}}}}";

static enum fnd_status sharegpt_line(const struct fnd_plan *plan, const struct fnd_datum *datum,
                                     struct fnd_text *line, struct fnd_error *error)
{
    struct fnd_example example = {0};
    struct fnd_text question = {0};
    enum fnd_status status = fnd_example_make(plan, datum, FND_FILES_BY_PATH, &example, error);
    if (status == FND_OK) {
        fnd_question_text(&example, &question);
        fnd_text_append_z(line, "{\"conversations\":[{\"from\":\"human\",");
        text_append(line, "value", example.image.size > 0 ? "<image>" : "", question.bytes,
                    question.size);
        fnd_text_append_z(line, "},{\"from\":\"gpt\",");
        text_append(line, "value", "", example.human.bytes, example.human.size);
        fnd_text_append_z(line, "}]");
        if (example.system != NULL) {
            fnd_text_append_byte(line, ',');
            text_append(line, "system", "", example.system, strlen(example.system));
        }
        images_append(line, &example);
    }
    fnd_text_finish(&question);
    fnd_example_finish(&example);
    return status;
}

static enum fnd_status sharegpt_agrees(const struct fnd_datum *datum, struct fnd_json line,
                                       struct fnd_error *error)
{
    return fnd_document_agrees(line, "/conversations/1/value", datum->human, error);
}

static void sharegpt_check(struct fnd_checker *checker, struct fnd_json line,
                           struct fnd_flaws *flaws)
{
    struct fnd_json turns = fnd_json_member(line, "conversations");
    const bool pair = fnd_json_member(line, "chosen").bytes != NULL;
    size_t tokens = 0;
    if ((fnd_json_count(turns) % 2 != 0) != pair) {
        fnd_flaws_add(flaws, "/conversations", "turns", false, "%s",
                      pair ? "must end with a question: chosen and rejected answer it"
                           : "must end with an answer: human and gpt take turns");
    }
    if (pair) {
        fnd_texts_differ(line, "/chosen/value", "/rejected/value", flaws);
    }
    for (struct fnd_json_walk turn = fnd_json_walk(turns); fnd_json_next(&turn);) {
        struct fnd_json from = fnd_json_member(turn.value, "from");
        const bool asks = fnd_json_text_is(from, "human") || fnd_json_text_is(from, "observation");
        tokens += tokens_count(fnd_json_member(turn.value, "value"));
        if (asks != (turn.index % 2 == 0)) {
            struct fnd_text at = {0};
            fnd_text_printf(&at, "/conversations/%zu/from", turn.index);
            fnd_flaws_add(flaws, fnd_text_z(&at), "turns", false,
                          turn.index % 2 == 0
                              ? "must be human (or observation): odd turns ask"
                              : "must be gpt (or function_call): even turns answer");
            fnd_text_finish(&at);
        }
    }
    images_check(checker, line, tokens, flaws);
}

const struct fnd_format fnd_format_sharegpt = {.name = "sharegpt",
                                               .schema = sharegpt_schema,
                                               .training = true,
                                               .by_uri = true,
                                               .array_too = true,
                                               .line = sharegpt_line,
                                               .agrees = sharegpt_agrees,
                                               .check = sharegpt_check};
