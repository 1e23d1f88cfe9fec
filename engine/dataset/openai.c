/* SPDX-License-Identifier: MIT */
/* Formats `openai-chat`, `openai-dpo` and `nvidia-flywheel`: messages in OpenAI's shape. Layouts:
 * OpenAI, "Supervised fine-tuning", "Vision fine-tuning", "Direct preference optimization", and the
 * requests' description (FineTuneChatRequestInput, FineTunePreferenceRequestInput);
 * NVIDIA AI Blueprints, data-flywheel, "Dataset validation". */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/example.h"

enum { IMAGES_MAX = 10 /* in one example */ };

static void parts_append(struct fnd_text *line, const struct fnd_example *example)
{
    struct fnd_text part = {0};
    if (example->image.size == 0) {
        fnd_question_append(line, example, NULL);
        return;
    }
    fnd_text_append_z(&part, "{\"type\":\"image_url\",\"image_url\":{\"url\":");
    fnd_text_append_json(&part, fnd_text_z(&example->image), example->image.size);
    fnd_text_append_z(&part, "}}");
    fnd_question_append(line, example, fnd_text_z(&part));
    fnd_text_finish(&part);
}

/* --- openai-chat --------------------------------------------------------------------------- */

static const char chat_schema[] =
    "{\"type\":\"object\",\"required\":[\"messages\"],\"additionalProperties\":false,"
    "\"properties\":{\"messages\":{\"type\":\"array\",\"minItems\":2,"
    "\"items\":{\"$ref\":\"#/$defs/message\"}},\"tools\":{\"type\":\"array\"},"
    "\"functions\":{\"type\":\"array\"},\"parallel_tool_calls\":{\"type\":\"boolean\"}},"
    "\"$defs\":{" FND_MESSAGE_SCHEMA "}}";

static enum fnd_status chat_line(const struct fnd_plan *plan, const struct fnd_datum *datum,
                                 struct fnd_text *line, struct fnd_error *error)
{
    struct fnd_example example = {0};
    enum fnd_status status = fnd_example_make(plan, datum, FND_FILES_EMBEDDED, &example, error);
    if (status == FND_OK) {
        fnd_text_append_z(line, "{\"messages\":[");
        parts_append(line, &example);
        fnd_text_append_byte(line, ',');
        fnd_message_append(line, "assistant", &example.human);
        fnd_text_append_z(line, "]}");
    }
    fnd_example_finish(&example);
    return status;
}

/** The assistant's message is the last of two or, behind a system text, three. */
static enum fnd_status messages_agree(const struct fnd_datum *datum, struct fnd_json messages,
                                      struct fnd_error *error)
{
    struct fnd_json question = {NULL, 0}, answer = {NULL, 0};
    for (struct fnd_json_walk turn = fnd_json_walk(messages); fnd_json_next(&turn);) {
        question = answer;
        answer = turn.value;
    }
    enum fnd_status status = fnd_document_is(fnd_json_member(answer, "content"), "the last message",
                                             datum->human, error);
    return status == FND_OK
               ? fnd_image_agrees(datum, fnd_json_find(question, "/content/0/image_url/url"), error)
               : status;
}

static enum fnd_status chat_agrees(const struct fnd_datum *datum, struct fnd_json line,
                                   struct fnd_error *error)
{
    return messages_agree(datum, fnd_json_member(line, "messages"), error);
}

/** Whether an answer is learnt from: 0 or 1. */
static void weights_check(struct fnd_json messages, struct fnd_flaws *flaws)
{
    for (struct fnd_json_walk turn = fnd_json_walk(messages); fnd_json_next(&turn);) {
        struct fnd_json weight = fnd_json_member(turn.value, "weight");
        int64_t value = -1;
        if (weight.bytes != NULL && (!fnd_json_integer(weight, &value) || value < 0 || value > 1)) {
            struct fnd_text at = {0};
            fnd_text_printf(&at, "/messages/%zu/weight", turn.index);
            fnd_flaws_add(flaws, fnd_text_z(&at), "weight", false, "must be 0 or 1");
            fnd_text_finish(&at);
        }
    }
}

static void chat_check(struct fnd_checker *checker, struct fnd_json line, struct fnd_flaws *flaws)
{
    const struct fnd_json messages = fnd_json_member(line, "messages");
    weights_check(messages, flaws);
    const size_t images =
        fnd_messages_check(messages, "/messages", "assistant", "image_url", IMAGES_MAX, flaws);
    checker->with_files += images > 0;
}

const struct fnd_format fnd_format_openai_chat = {.name = "openai-chat",
                                                  .schema = chat_schema,
                                                  .training = true,
                                                  .by_uri = true,
                                                  .embeds = true,
                                                  .lines_with_files_max = 50000,
                                                  .lines_min = 10,
                                                  .line = chat_line,
                                                  .agrees = chat_agrees,
                                                  .check = chat_check};

/* --- openai-dpo ---------------------------------------------------------------------------- */

static const char dpo_schema[] =
    "{\"type\":\"object\",\"required\":[\"input\",\"preferred_output\",\"non_preferred_output\"],"
    "\"additionalProperties\":false,\"properties\":{"
    "\"input\":{\"type\":\"object\",\"required\":[\"messages\"],\"additionalProperties\":false,"
    "\"properties\":{\"messages\":{\"type\":\"array\",\"minItems\":1,"
    "\"items\":{\"$ref\":\"#/$defs/message\"}},\"tools\":{\"type\":\"array\"},"
    "\"parallel_tool_calls\":{\"type\":\"boolean\"}}},"
    "\"preferred_output\":{\"$ref\":\"#/$defs/output\"},"
    "\"non_preferred_output\":{\"$ref\":\"#/$defs/output\"}},"
    "\"$defs\":{" FND_MESSAGE_SCHEMA ",\"output\":{\"type\":\"array\",\"minItems\":1,"
    "\"maxItems\":1,\"items\":{\"type\":\"object\",\"required\":[\"role\"],"
    "\"properties\":{\"role\":{\"const\":\"assistant\"},"
    "\"content\":{\"type\":[\"string\",\"null\"]}}}}}}";

static enum fnd_status dpo_line(const struct fnd_plan *plan, const struct fnd_datum *datum,
                                struct fnd_text *line, struct fnd_error *error)
{
    struct fnd_example example = {0};
    enum fnd_status status = fnd_example_make(plan, datum, FND_FILES_NEVER, &example, error);
    if (status == FND_OK) {
        status = fnd_pair_check(datum, error);
    }
    if (status == FND_OK) {
        fnd_example_model(datum, &example);
        fnd_text_append_z(line, "{\"input\":{\"messages\":[");
        parts_append(line, &example);
        fnd_text_append_z(line, "],\"tools\":[],\"parallel_tool_calls\":true},"
                                "\"preferred_output\":[");
        fnd_message_append(line, "assistant", &example.human);
        fnd_text_append_z(line, "],\"non_preferred_output\":[");
        fnd_message_append(line, "assistant", &example.model);
        fnd_text_append_z(line, "]}");
    }
    fnd_example_finish(&example);
    return status;
}

static enum fnd_status dpo_agrees(const struct fnd_datum *datum, struct fnd_json line,
                                  struct fnd_error *error)
{
    enum fnd_status status =
        fnd_document_agrees(line, "/preferred_output/0/content", datum->human, error);
    return status == FND_OK
               ? fnd_document_agrees(line, "/non_preferred_output/0/content", datum->model, error)
               : status;
}

/** Two outputs differ: in what they say, or where one says nothing, in what they call. */
static void outputs_check(struct fnd_json line, struct fnd_flaws *flaws)
{
    static const char *const pointers[] = {"/preferred_output/0", "/non_preferred_output/0"};
    struct fnd_json outputs[2];
    bool texts = true;
    for (size_t i = 0; i < 2; i++) {
        outputs[i] = fnd_json_find(line, pointers[i]);
        fnd_message_check(outputs[i], pointers[i], flaws);
        texts = texts && fnd_json_type(fnd_json_member(outputs[i], "content")) == FND_JSON_STRING;
    }
    if (texts) {
        fnd_texts_differ(line, "/preferred_output/0/content", "/non_preferred_output/0/content",
                         flaws);
    } else if (fnd_json_equal(outputs[0], outputs[1])) {
        fnd_flaws_add(flaws, pointers[1], "pair", false,
                      "is equal to %s: there is nothing to prefer", pointers[0]);
    }
}

static void dpo_check(struct fnd_checker *checker, struct fnd_json line, struct fnd_flaws *flaws)
{
    (void)checker;
    fnd_messages_check(fnd_json_find(line, "/input/messages"), "/input/messages", NULL, NULL, 0,
                       flaws);
    outputs_check(line, flaws);
}

const struct fnd_format fnd_format_openai_dpo = {.name = "openai-dpo",
                                                 .schema = dpo_schema,
                                                 .training = true,
                                                 .pairs = true,
                                                 .lines_min = 10,
                                                 .line = dpo_line,
                                                 .agrees = dpo_agrees,
                                                 .check = dpo_check};

/* --- nvidia-flywheel ----------------------------------------------------------------------- */

static const char flywheel_schema[] =
    "{\"type\":\"object\",\"required\":[\"timestamp\",\"workload_id\",\"client_id\",\"request\","
    "\"response\"],\"properties\":{\"timestamp\":{\"type\":\"integer\",\"minimum\":0},"
    "\"workload_id\":{\"type\":\"string\",\"minLength\":1},"
    "\"client_id\":{\"type\":\"string\",\"minLength\":1},"
    "\"request\":{\"type\":\"object\",\"required\":[\"model\",\"messages\"],\"properties\":{"
    "\"model\":{\"type\":\"string\",\"minLength\":1},\"messages\":{\"type\":\"array\","
    "\"minItems\":1,\"items\":{\"$ref\":\"#/$defs/message\"}}}},"
    "\"response\":{\"type\":\"object\",\"required\":[\"choices\"],\"properties\":{"
    "\"choices\":{\"type\":\"array\",\"minItems\":1,\"items\":{\"type\":\"object\","
    "\"required\":[\"message\"],\"properties\":{\"message\":{\"$ref\":\"#/$defs/message\"}}}}}}},"
    "\"$defs\":{" FND_MESSAGE_SCHEMA "}}";

/** Seconds since 1970 of "2026-03-01T12:00:00.000Z", as review writes it. */
static bool at_parse(const char *at, int64_t *seconds)
{
    static const char shape[] = "0000-00-00T00:00:00";
    int64_t parts[6] = {0};
    size_t part = 0;
    for (size_t i = 0; shape[i] != '\0'; i++) {
        if (shape[i] != '0') {
            part++;
        }
        if (shape[i] == '0' ? at[i] < '0' || at[i] > '9' : at[i] != shape[i]) {
            return false;
        }
        if (shape[i] == '0') {
            parts[part] = parts[part] * 10 + (at[i] - '0');
        }
    }
    /* Years that begin in March have their leap day at the end. */
    const int64_t year = parts[0] - (parts[1] <= 2), month = (parts[1] + 9) % 12;
    const int64_t days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 +
                         parts[2] - 1 - 719468;
    *seconds = ((days * 24 + parts[3]) * 60 + parts[4]) * 60 + parts[5];
    return true;
}

static enum fnd_status flywheel_line(const struct fnd_plan *plan, const struct fnd_datum *datum,
                                     struct fnd_text *line, struct fnd_error *error)
{
    struct fnd_example example = {0};
    struct fnd_text workload = {0};
    char *at = fnd_json_strdup(fnd_json_member(datum->whole, "at"));
    int64_t seconds = 0;
    enum fnd_status status = fnd_example_make(plan, datum, FND_FILES_EMBEDDED, &example, error);
    if (status == FND_OK && (at == NULL || !at_parse(at, &seconds))) {
        status = fnd_error_set(error, FND_DAMAGED, "it does not say when it was answered");
    }
    if (status == FND_OK) {
        fnd_text_printf(&workload, "%s/%s", datum->pipeline, datum->phase);
        fnd_text_printf(line, "{\"timestamp\":%" PRId64 ",\"workload_id\":", seconds);
        fnd_text_append_json(line, workload.bytes, workload.size);
        fnd_text_append_z(line, ",\"client_id\":\"foundry\",\"request\":{\"model\":");
        fnd_text_append_json(line, workload.bytes, workload.size);
        fnd_text_append_z(line, ",\"messages\":[");
        parts_append(line, &example);
        fnd_text_append_z(line, "]},\"response\":{\"choices\":[{\"index\":0,\"message\":");
        fnd_message_append(line, "assistant", &example.human);
        fnd_text_append_z(line, ",\"finish_reason\":\"stop\"}]}}");
    }
    free(at);
    fnd_text_finish(&workload);
    fnd_example_finish(&example);
    return status;
}

static enum fnd_status flywheel_agrees(const struct fnd_datum *datum, struct fnd_json line,
                                       struct fnd_error *error)
{
    struct fnd_json messages = fnd_json_find(line, "/request/messages");
    struct fnd_text image = {0};
    fnd_text_printf(&image, "/%zu/content/0/image_url/url", fnd_json_count(messages) - 1);
    enum fnd_status status =
        fnd_document_agrees(line, "/response/choices/0/message/content", datum->human, error);
    if (status == FND_OK) {
        status = fnd_image_agrees(datum, fnd_json_find(messages, fnd_text_z(&image)), error);
    }
    fnd_text_finish(&image);
    return status;
}

static void flywheel_check(struct fnd_checker *checker, struct fnd_json line,
                           struct fnd_flaws *flaws)
{
    const size_t images =
        fnd_messages_check(fnd_json_find(line, "/request/messages"), "/request/messages", NULL,
                           "image_url", IMAGES_MAX, flaws);
    checker->with_files += images > 0;
    fnd_message_check(fnd_json_find(line, "/response/choices/0/message"),
                      "/response/choices/0/message", flaws);
    if (!fnd_json_text_is(fnd_json_find(line, "/response/choices/0/message/role"), "assistant")) {
        fnd_flaws_add(flaws, "/response/choices/0/message/role", "role", false,
                      "must be assistant: it is what is learnt");
    }
}

const struct fnd_format fnd_format_nvidia_flywheel = {.name = "nvidia-flywheel",
                                                      .schema = flywheel_schema,
                                                      .training = true,
                                                      .by_uri = true,
                                                      .embeds = true,
                                                      .lines_min = 50,
                                                      .line = flywheel_line,
                                                      .agrees = flywheel_agrees,
                                                      .check = flywheel_check};
