/* SPDX-License-Identifier: MIT */
/* Formats `trl-sft`, `trl-dpo` and `trl-kto`. Layout: huggingface/trl, "Dataset formats and types":
 * conversational, with an explicit prompt; images in a column beside it. What that page has besides
 * is read, too: texts ("standard"), tools, and preferences whose prompt is implicit. */
#include <string.h>

#include "dataset/example.h"

static void question_append(struct fnd_text *line, const struct fnd_example *example)
{
    fnd_text_append_z(line, "{\"prompt\":[");
    fnd_question_append(line, example, "{\"type\":\"image\"}");
    fnd_text_append_byte(line, ']');
}

static void answer_append(struct fnd_text *line, const char *name, const struct fnd_text *answer)
{
    fnd_text_printf(line, ",\"%s\":[", name);
    fnd_message_append(line, "assistant", answer);
    fnd_text_append_byte(line, ']');
}

static void end_append(struct fnd_text *line, const struct fnd_example *example)
{
    if (example->image.size > 0) {
        fnd_text_append_z(line, ",\"images\":[");
        fnd_text_append_json(line, example->image.bytes, example->image.size);
        fnd_text_append_byte(line, ']');
    }
    fnd_text_append_byte(line, '}');
}

static bool is_text(struct fnd_json line, const char *name)
{
    return fnd_json_type(fnd_json_member(line, name)) == FND_JSON_STRING;
}

/** Whether two answers are there whose common beginning is the prompt. */
static bool is_implicit(struct fnd_json line)
{
    return fnd_json_member(line, "chosen").bytes != NULL &&
           fnd_json_member(line, "prompt").bytes == NULL;
}

/** Arrow gives a column one type: all lines have the same members, as texts or as messages, and
 *  images or none. */
static void kind_check(struct fnd_checker *checker, struct fnd_json line, struct fnd_flaws *flaws)
{
    static const char *const answers[] = {"completion", "chosen", "rejected"};
    const bool images = fnd_json_member(line, "images").bytes != NULL;
    const bool implicit = is_implicit(line);
    const bool text = is_text(line, implicit ? "chosen" : "prompt");
    const unsigned kind = 1U + (fnd_json_member(line, "messages").bytes != NULL) + 2U * images +
                          4U * text + 8U * is_text(line, "text") + 16U * implicit;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        if (fnd_json_member(line, answers[i]).bytes != NULL && is_text(line, answers[i]) != text) {
            struct fnd_text at = {0};
            fnd_text_printf(&at, "/%s", answers[i]);
            fnd_flaws_add(flaws, fnd_text_z(&at), "type", false, "must be %s, as %s is",
                          text ? "a text" : "a list of messages",
                          implicit ? "/chosen" : "the prompt");
            fnd_text_finish(&at);
        }
    }
    checker->with_files += images;
    checker->kind = checker->kind == 0 ? kind : checker->kind;
    if (checker->kind != kind) {
        fnd_flaws_add(flaws, "", "type", false,
                      "is of another type than the first line (messages, or prompt and "
                      "completion, or text; texts, or messages; with a prompt of its own, or "
                      "without; with images, or without): a file holds one; export them apart, by "
                      "--pipeline");
    }
}

static void messages_check(struct fnd_json line, const char *pointer, const char *ends_with,
                           struct fnd_flaws *flaws)
{
    struct fnd_json images = fnd_json_member(line, "images");
    struct fnd_json messages = fnd_json_find(line, pointer);
    const size_t parts =
        fnd_json_type(messages) == FND_JSON_ARRAY
            ? fnd_messages_check(messages, pointer, ends_with, "image", SIZE_MAX, flaws)
            : fnd_json_count(images); /* a text says nothing of where they belong */
    if (parts != fnd_json_count(images)) {
        fnd_flaws_add(flaws, "/images", "images", false,
                      "has %zu images, and the messages of %s have %zu parts of type image",
                      fnd_json_count(images), pointer, parts);
    }
}

/* Conversational, or a text ("standard"). */
#define ANSWER "{\"$ref\":\"#/$defs/answer\"}"
#define IMAGES                                                                                     \
    "\"images\":{\"type\":\"array\",\"minItems\":1,\"items\":{\"oneOf\":[{\"type\":\"string\","    \
    "\"minLength\":1},{\"type\":\"object\"}]}}"
#define MESSAGES "{\"type\":\"array\",\"minItems\":1,\"items\":{\"$ref\":\"#/$defs/message\"}}"
#define PROMPT                                                                                     \
    "{\"type\":[\"array\",\"string\"],\"minItems\":1,\"minLength\":1,\"items\":{\"$ref\":"         \
    "\"#/$defs/message\"}}"
#define DEFS                                                                                       \
    "\"$defs\":{" FND_MESSAGE_SCHEMA                                                               \
    ",\"answer\":{\"type\":[\"array\",\"string\"],\"minItems\":1,"                                 \
    "\"items\":{\"type\":\"object\",\"required\":[\"role\",\"content\"],\"properties\":{"          \
    "\"role\":{\"const\":\"assistant\"},\"content\":{\"type\":\"string\"}}}}}"

/* --- trl-sft ------------------------------------------------------------------------------- */

static const char sft_schema[] =
    "{\"type\":\"object\",\"additionalProperties\":false,\"oneOf\":[{\"required\":[\"prompt\","
    "\"completion\"]},{\"required\":[\"messages\"]},{\"required\":[\"text\"]}],\"properties\":{"
    "\"text\":{\"type\":\"string\",\"minLength\":1},\"prompt\":" PROMPT ",\"completion\":" ANSWER
    ",\"messages\":" MESSAGES
    ",\"tools\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}}," IMAGES "}," DEFS "}";

static enum fnd_status sft_line(const struct fnd_plan *plan, const struct fnd_datum *datum,
                                struct fnd_text *line, struct fnd_error *error)
{
    struct fnd_example example = {0};
    enum fnd_status status = fnd_example_make(plan, datum, FND_FILES_BY_URI, &example, error);
    if (status == FND_OK) {
        question_append(line, &example);
        answer_append(line, "completion", &example.human);
        end_append(line, &example);
    }
    fnd_example_finish(&example);
    return status;
}

static enum fnd_status sft_agrees(const struct fnd_datum *datum, struct fnd_json line,
                                  struct fnd_error *error)
{
    return fnd_document_agrees(line, "/completion/0/content", datum->human, error);
}

static void sft_check(struct fnd_checker *checker, struct fnd_json line, struct fnd_flaws *flaws)
{
    const bool messages = fnd_json_member(line, "messages").bytes != NULL;
    kind_check(checker, line, flaws);
    /* A text to go on with has no prompt. */
    messages_check(line, messages ? "/messages" : "/prompt", messages ? "assistant" : NULL, flaws);
}

const struct fnd_format fnd_format_trl_sft = {.name = "trl-sft",
                                              .schema = sft_schema,
                                              .training = true,
                                              .by_uri = true,
                                              .line = sft_line,
                                              .agrees = sft_agrees,
                                              .check = sft_check};

/* --- trl-dpo ------------------------------------------------------------------------------- */

static const char dpo_schema[] =
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"chosen\",\"rejected\"],"
    "\"properties\":{\"prompt\":" PROMPT ",\"chosen\":{},\"rejected\":{}," IMAGES "},"
    "\"if\":{\"required\":[\"prompt\"]},"
    "\"then\":{\"properties\":{\"chosen\":" ANSWER ",\"rejected\":" ANSWER "}},"
    "\"else\":{\"properties\":{\"chosen\":" PROMPT ",\"rejected\":" PROMPT "}}," DEFS "}";

static enum fnd_status dpo_line(const struct fnd_plan *plan, const struct fnd_datum *datum,
                                struct fnd_text *line, struct fnd_error *error)
{
    struct fnd_example example = {0};
    enum fnd_status status = fnd_example_make(plan, datum, FND_FILES_BY_URI, &example, error);
    if (status == FND_OK) {
        status = fnd_pair_check(datum, error);
    }
    if (status == FND_OK) {
        fnd_example_model(datum, &example);
        question_append(line, &example);
        answer_append(line, "chosen", &example.human);
        answer_append(line, "rejected", &example.model);
        end_append(line, &example);
    }
    fnd_example_finish(&example);
    return status;
}

static enum fnd_status dpo_agrees(const struct fnd_datum *datum, struct fnd_json line,
                                  struct fnd_error *error)
{
    enum fnd_status status = fnd_document_agrees(line, "/chosen/0/content", datum->human, error);
    return status == FND_OK ? fnd_document_agrees(line, "/rejected/0/content", datum->model, error)
                            : status;
}

/** Bytes that two texts begin with alike, in whole characters, as TRL's extract_prompt takes them:
 *  something is left of either, and a space in front of the difference goes to the answers. */
static size_t texts_common(const struct fnd_text *chosen, const struct fnd_text *rejected)
{
    const size_t size = chosen->size < rejected->size ? chosen->size : rejected->size;
    const char *bytes = fnd_text_z(chosen), *others = fnd_text_z(rejected);
    size_t common = 0;
    while (common + 1 < size && bytes[common] == others[common]) {
        common++;
    }
    while (common > 0 && ((unsigned char)bytes[common] & 0xC0) == 0x80) {
        common--;
    }
    const bool ends = common + 1 >= size && bytes[common] == others[common];
    return common - (!ends && common > 0 && bytes[common - 1] == ' ');
}

/** Messages that two lists begin with alike; of either something is left.
 *  asked  whether a person's is among them. */
static size_t messages_common(struct fnd_json chosen, struct fnd_json rejected, bool *asked)
{
    struct fnd_json_walk left = fnd_json_walk(chosen), right = fnd_json_walk(rejected);
    const size_t size = fnd_json_count(chosen) < fnd_json_count(rejected)
                            ? fnd_json_count(chosen)
                            : fnd_json_count(rejected);
    size_t common = 0;
    *asked = false;
    while (common + 1 < size && fnd_json_next(&left) && fnd_json_next(&right) &&
           fnd_json_equal(left.value, right.value)) {
        *asked = *asked || fnd_json_text_is(fnd_json_member(left.value, "role"), "user");
        common++;
    }
    return common;
}

/** The prompt is what both answers begin with: there must be one, and answers behind it. */
static void implicit_check(struct fnd_json line, struct fnd_flaws *flaws)
{
    struct fnd_json chosen = fnd_json_member(line, "chosen");
    struct fnd_json rejected = fnd_json_member(line, "rejected");
    const bool text = is_text(line, "chosen");
    size_t common = 0;
    bool asked = true;
    if (is_text(line, "rejected") != text) {
        return; /* that was told */
    }
    if (fnd_json_equal(chosen, rejected)) {
        fnd_flaws_add(flaws, "/rejected", "pair", false,
                      "is equal to /chosen: there is nothing to prefer");
        return;
    }
    messages_check(line, "/chosen", "assistant", flaws);
    messages_check(line, "/rejected", "assistant", flaws);
    if (text) {
        struct fnd_text left = {0}, right = {0};
        fnd_json_text(chosen, &left);
        fnd_json_text(rejected, &right);
        common = texts_common(&left, &right);
        fnd_text_finish(&left);
        fnd_text_finish(&right);
    } else {
        common = messages_common(chosen, rejected, &asked);
    }
    if (common == 0 || !asked) {
        fnd_flaws_add(flaws, "/rejected", "prompt", false,
                      "does not begin as /chosen does%s: where there is no `prompt`, what both "
                      "begin with is the prompt",
                      common > 0 ? ", with what the user asks" : "");
    }
}

static void dpo_check(struct fnd_checker *checker, struct fnd_json line, struct fnd_flaws *flaws)
{
    kind_check(checker, line, flaws);
    if (is_implicit(line)) {
        implicit_check(line, flaws);
        return;
    }
    messages_check(line, "/prompt", NULL, flaws);
    if (is_text(line, "chosen")) {
        fnd_texts_differ(line, "/chosen", "/rejected", flaws);
    } else {
        fnd_texts_differ(line, "/chosen/0/content", "/rejected/0/content", flaws);
    }
}

const struct fnd_format fnd_format_trl_dpo = {.name = "trl-dpo",
                                              .schema = dpo_schema,
                                              .training = true,
                                              .by_uri = true,
                                              .pairs = true,
                                              .line = dpo_line,
                                              .agrees = dpo_agrees,
                                              .check = dpo_check};

/* --- trl-kto ------------------------------------------------------------------------------- */

static const char kto_schema[] =
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"prompt\",\"completion\","
    "\"label\"],\"properties\":{\"prompt\":" PROMPT ",\"completion\":" ANSWER
    ",\"label\":{\"type\":\"boolean\"}}," DEFS "}";

/** The model's own output, and whether a person let it stand. */
static enum fnd_status kto_line(const struct fnd_plan *plan, const struct fnd_datum *datum,
                                struct fnd_text *line, struct fnd_error *error)
{
    struct fnd_example example = {0};
    const bool stood = datum->verdict == FND_ACCEPTED;
    enum fnd_status status = fnd_example_make(plan, datum, FND_FILES_NEVER, &example, error);
    if (status == FND_OK && !stood) {
        status = fnd_pair_check(datum, error);
    }
    if (status == FND_OK) {
        fnd_example_model(datum, &example);
        question_append(line, &example);
        answer_append(line, "completion", stood ? &example.human : &example.model);
        fnd_text_printf(line, ",\"label\":%s}", stood ? "true" : "false");
    }
    fnd_example_finish(&example);
    return status;
}

static enum fnd_status kto_agrees(const struct fnd_datum *datum, struct fnd_json line,
                                  struct fnd_error *error)
{
    const bool stood = datum->verdict == FND_ACCEPTED;
    bool label = !stood;
    if (!fnd_json_boolean(fnd_json_member(line, "label"), &label) || label != stood) {
        return fnd_error_set(error, FND_DAMAGED, "the label is not the verdict on record");
    }
    return fnd_document_agrees(line, "/completion/0/content", stood ? datum->human : datum->model,
                               error);
}

static void kto_check(struct fnd_checker *checker, struct fnd_json line, struct fnd_flaws *flaws)
{
    struct fnd_json prompt = fnd_json_member(line, "prompt");
    kind_check(checker, line, flaws);
    if (fnd_json_type(prompt) == FND_JSON_ARRAY) {
        fnd_messages_check(prompt, "/prompt", NULL, NULL, 0, flaws);
    }
}

const struct fnd_format fnd_format_trl_kto = {.name = "trl-kto",
                                              .schema = kto_schema,
                                              .training = true,
                                              .line = kto_line,
                                              .agrees = kto_agrees,
                                              .check = kto_check};
