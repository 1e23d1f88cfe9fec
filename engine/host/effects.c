/* SPDX-License-Identifier: MIT */
/* Effects: freeing, dropping, and checking them as hostile input. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/state.h"

static void drop_questions(struct fnd_effects *effects)
{
    for (size_t i = 0; i < effects->questions_count; i++) {
        struct fnd_question *question = &effects->questions[i];
        free(question->key);
        free(question->kind);
        free(question->question);
        free(question->pointer);
        free(question->context);
        free(question->answer_schema);
    }
    free(effects->questions);
    effects->questions = NULL;
    effects->questions_count = 0;
}

static void drop_artifacts(struct fnd_effects *effects)
{
    for (size_t i = 0; i < effects->artifacts_count; i++) {
        free(effects->artifacts[i].name);
        free(effects->artifacts[i].media_type);
        free(effects->artifacts[i].bytes);
    }
    free(effects->artifacts);
    effects->artifacts = NULL;
    effects->artifacts_count = 0;
}

void fnd_effects_drop(struct fnd_effects *effects, bool pause)
{
    free(effects->output);
    effects->output = NULL;
    effects->output_size = 0;
    for (size_t i = 0; i < effects->confidences_count; i++) {
        free(effects->confidences[i].pointer);
    }
    free(effects->confidences);
    effects->confidences = NULL;
    effects->confidences_count = 0;
    for (size_t i = 0; i < effects->origins_count; i++) {
        free(effects->origins[i].pointer);
        free(effects->origins[i].artifact);
    }
    free(effects->origins);
    effects->origins = NULL;
    effects->origins_count = 0;
    if (!pause) {
        drop_questions(effects);
        drop_artifacts(effects);
    }
}

void fnd_effects_finish(struct fnd_effects *effects)
{
    fnd_effects_drop(effects, false);
    free(effects->code);
    free(effects->message);
    free(effects->pointer);
    fnd_text_finish(&effects->log);
    *effects = (struct fnd_effects){0};
}

/** FND_PLUGIN with a code. */
#define FLAW(error, code, ...)                                                                     \
    (fnd_error_set((error), FND_PLUGIN, __VA_ARGS__), fnd_error_code((error), (code)), FND_PLUGIN)

/** Whether the text is UTF-8 of 1 (0 if it may be empty) to size_max bytes. */
static bool is_text(const char *text, size_t size_min, size_t size_max)
{
    if (text == NULL) {
        return false;
    }
    const size_t size = strnlen(text, size_max + 1);
    return size >= size_min && size <= size_max && fnd_utf8_valid(text, size);
}

static bool is_pointer(const char *pointer)
{
    return is_text(pointer, 0, FND_POINTER_SIZE_MAX) && fnd_json_pointer_valid(pointer);
}

static enum fnd_status check_output(const struct fnd_effects *effects,
                                    const struct fnd_schema *schema, struct fnd_json *output,
                                    struct fnd_error *error)
{
    *output = (struct fnd_json){"{}", 2};
    if (effects->output_size > FND_OUTPUT_SIZE_MAX) {
        return FLAW(error, "invalid_output", "the output has %zu bytes, more than %d",
                    effects->output_size, (int)FND_OUTPUT_SIZE_MAX);
    }
    if (effects->output != NULL) {
        struct fnd_error story = {0};
        if (fnd_json_check(effects->output, effects->output_size, NULL, output, &story) != FND_OK) {
            return FLAW(error, "invalid_output", "the output is no JSON: %s", story.message);
        }
    }
    struct fnd_flaws flaws = {0};
    enum fnd_status status = FND_OK;
    if (schema != NULL && !fnd_schema_check(schema, *output, NULL, &flaws)) {
        const struct fnd_flaw *first = &flaws.list[0];
        const size_t more = flaws.count + flaws.skipped - (flaws.count > 0 ? 1 : 0);
        status = FLAW(error, "invalid_output",
                      "the output breaks the phase's output schema: \"%s\" %s (%s)%s",
                      flaws.count > 0 ? first->pointer : "", flaws.count > 0 ? first->message : "",
                      flaws.count > 0 ? first->keyword : "", more > 0 ? ", and more" : "");
    }
    fnd_flaws_finish(&flaws);
    return status;
}

static enum fnd_status check_marks(const struct fnd_effects *effects, struct fnd_json output,
                                   struct fnd_error *error)
{
    const size_t count = effects->confidences_count + effects->origins_count;
    if (effects->confidences_count > FND_MARKS_MAX || effects->origins_count > FND_MARKS_MAX) {
        return FLAW(error, "too_many_marks", "%zu confidences and %zu origins, at most %d of each",
                    effects->confidences_count, effects->origins_count, (int)FND_MARKS_MAX);
    }
    if (count == 0) {
        return FND_OK;
    }
    const char **pointers = fnd_realloc(NULL, count, sizeof *pointers);
    size_t listed = 0;
    enum fnd_status status = FND_OK;
    for (size_t i = 0; i < effects->confidences_count && status == FND_OK; i++) {
        const struct fnd_confidence *mark = &effects->confidences[i];
        if (!is_pointer(mark->pointer)) {
            status = FLAW(error, "invalid_confidence", "a confidence's pointer is no JSON pointer");
        } else if (!(mark->score >= 0 && mark->score <= 1)) {
            status = FLAW(error, "invalid_confidence",
                          "the confidence at \"%s\" is %g, not within 0 and 1", mark->pointer,
                          mark->score);
        }
        pointers[listed++] = mark->pointer;
    }
    for (size_t i = 0; i < effects->origins_count && status == FND_OK; i++) {
        const struct fnd_origin *mark = &effects->origins[i];
        if (!is_pointer(mark->pointer)) {
            status = FLAW(error, "invalid_origin", "an origin's pointer is no JSON pointer");
        } else if (!is_text(mark->artifact, 1, FND_NAME_SIZE_MAX)) {
            status = FLAW(error, "invalid_origin", "the origin of \"%s\" names no artifact",
                          mark->pointer);
        } else if (!isfinite(mark->x) || !isfinite(mark->y) || !isfinite(mark->width) ||
                   !isfinite(mark->height) || mark->width < 0 || mark->height < 0) {
            status = FLAW(error, "invalid_origin", "the origin of \"%s\" is no box", mark->pointer);
        }
        pointers[listed++] = mark->pointer;
    }
    const char *astray = status == FND_OK ? fnd_pointers_astray(output, pointers, listed) : NULL;
    if (astray != NULL) {
        status =
            FLAW(error, "mark_without_value",
                 "a confidence or origin is set at \"%s\", where the output has no value", astray);
    }
    free(pointers);
    return status;
}

/** Whether an answer could be put at `pointer`: a value that is missing may be asked for. */
static bool is_settable(struct fnd_json subject, const char *pointer)
{
    if (fnd_json_find(subject, pointer).bytes != NULL) {
        return true;
    }
    struct fnd_text answered = {0};
    const struct fnd_json null = {"null", 4};
    const bool works = fnd_json_set(subject, pointer, null, &answered, NULL) == FND_OK;
    fnd_text_finish(&answered);
    return works;
}

static enum fnd_status check_question(const struct fnd_question *question, struct fnd_json subject,
                                      struct fnd_error *error)
{
    if (!is_text(question->key, 1, FND_NAME_SIZE_MAX)) {
        return FLAW(error, "invalid_question", "a question's key is no text of 1 to 255 bytes");
    }
    if (!is_text(question->kind, 0, FND_NAME_SIZE_MAX) ||
        !is_text(question->question, 1, FND_QUESTION_SIZE_MAX)) {
        return FLAW(error, "invalid_question", "question \"%s\": no kind or no text of fit size",
                    question->key);
    }
    if (!is_pointer(question->pointer)) {
        return FLAW(error, "invalid_question", "question \"%s\": its pointer is no JSON pointer",
                    question->key);
    }
    if (question->has_pointer && subject.bytes != NULL &&
        !is_settable(subject, question->pointer)) {
        return FLAW(error, "question_without_value",
                    "question \"%s\" is about \"%s\", where the subject can have no value",
                    question->key, question->pointer);
    }
    struct fnd_json value;
    struct fnd_error story = {0};
    if (question->context != NULL && (!is_text(question->context, 0, FND_QUESTION_SIZE_MAX) ||
                                      fnd_json_check(question->context, strlen(question->context),
                                                     NULL, &value, &story) != FND_OK)) {
        return FLAW(error, "invalid_question", "question \"%s\": its context is no JSON: %s",
                    question->key, story.message);
    }
    if (question->answer_schema != NULL) {
        struct fnd_schema *schema = NULL;
        const bool good =
            is_text(question->answer_schema, 0, FND_QUESTION_SIZE_MAX) &&
            fnd_schema_create("answer schema", question->answer_schema,
                              strlen(question->answer_schema), &schema, &story) == FND_OK;
        fnd_schema_destroy(schema);
        if (!good) {
            return FLAW(error, "invalid_question", "question \"%s\": its answer schema: %s",
                        question->key, story.message);
        }
    }
    return FND_OK;
}

static int text_order(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum fnd_status check_questions(const struct fnd_effects *effects, struct fnd_json subject,
                                       struct fnd_error *error)
{
    const char *keys[FND_QUESTIONS_MAX];
    if (effects->questions_count > FND_QUESTIONS_MAX) {
        return FLAW(error, "too_many_questions", "%zu questions, at most %d in a call",
                    effects->questions_count, (int)FND_QUESTIONS_MAX);
    }
    for (size_t i = 0; i < effects->questions_count; i++) {
        const enum fnd_status status = check_question(&effects->questions[i], subject, error);
        if (status != FND_OK) {
            return status;
        }
        keys[i] = effects->questions[i].key;
    }
    if (effects->questions_count > 1) {
        qsort(keys, effects->questions_count, sizeof keys[0], text_order);
    }
    for (size_t i = 1; i < effects->questions_count; i++) {
        if (strcmp(keys[i - 1], keys[i]) == 0) {
            return FLAW(error, "invalid_question", "two questions have the key \"%s\"", keys[i]);
        }
    }
    return FND_OK;
}

static enum fnd_status check_artifacts(const struct fnd_effects *effects, struct fnd_error *error)
{
    const char *names[FND_ARTIFACTS_MAX];
    if (effects->artifacts_count > FND_ARTIFACTS_MAX) {
        return FLAW(error, "too_many_artifacts", "%zu artifacts, at most %d in a call",
                    effects->artifacts_count, (int)FND_ARTIFACTS_MAX);
    }
    for (size_t i = 0; i < effects->artifacts_count; i++) {
        const struct fnd_staged_artifact *artifact = &effects->artifacts[i];
        if (!is_text(artifact->name, 1, FND_NAME_SIZE_MAX) ||
            !is_text(artifact->media_type, 0, FND_NAME_SIZE_MAX)) {
            return FLAW(error, "invalid_artifact",
                        "an artifact's name or media type is no text of at most 255 bytes");
        }
        if (artifact->size > FND_ARTIFACT_SIZE_MAX) {
            return FLAW(error, "invalid_artifact", "artifact \"%s\" has %zu bytes, more than %d",
                        artifact->name, artifact->size, (int)FND_ARTIFACT_SIZE_MAX);
        }
        for (const char *at = artifact->name; *at != '\0'; at++) {
            if ((unsigned char)*at < ' ' || *at == 0x7f) {
                return FLAW(error, "invalid_artifact",
                            "an artifact's name has a control character");
            }
        }
        names[i] = artifact->name;
    }
    if (effects->artifacts_count > 1) {
        qsort(names, effects->artifacts_count, sizeof names[0], text_order);
    }
    for (size_t i = 1; i < effects->artifacts_count; i++) {
        if (strcmp(names[i - 1], names[i]) == 0) {
            return FLAW(error, "invalid_artifact", "two artifacts are named \"%s\"", names[i]);
        }
    }
    return FND_OK;
}

enum fnd_status fnd_effects_check(const struct fnd_effects *effects,
                                  const struct fnd_schema *output_schema, struct fnd_json subject,
                                  struct fnd_error *error)
{
    const foundry_outcome_t outcome = effects->outcome;
    if (outcome < FOUNDRY_DONE || outcome > FOUNDRY_CANCELLED) {
        return FLAW(error, "invalid_outcome", "the outcome is %d, which is none", (int)outcome);
    }
    const bool marked = effects->confidences_count > 0 || effects->origins_count > 0;
    const bool asked = effects->questions_count > 0 || effects->artifacts_count > 0;
    if ((outcome != FOUNDRY_DONE && (effects->output != NULL || marked)) ||
        (outcome > FOUNDRY_PAUSE && asked)) {
        return FLAW(error, "invalid_effects", "effects are staged that outcome %d drops",
                    (int)outcome);
    }
    if (outcome > FOUNDRY_PAUSE) {
        if (effects->code == NULL || effects->message == NULL ||
            !is_text(effects->code, 1, FND_ERROR_CODE_SIZE - 1) ||
            !is_text(effects->message, 0, FND_FAILURE_SIZE_MAX * 4) ||
            (effects->pointer != NULL && !is_pointer(effects->pointer))) {
            return FLAW(error, "invalid_failure", "a failure without a code and a message");
        }
        return FND_OK;
    }
    if (outcome == FOUNDRY_PAUSE && effects->questions_count == 0) {
        return FLAW(error, "pause_without_question", "a pause without a question");
    }
    enum fnd_status status = FND_OK;
    if (outcome == FOUNDRY_DONE) {
        struct fnd_json output;
        status = check_output(effects, output_schema, &output, error);
        if (status == FND_OK) {
            status = check_marks(effects, output, error);
        }
    }
    if (status == FND_OK) {
        status = check_questions(effects, subject, error);
    }
    if (status == FND_OK) {
        status = check_artifacts(effects, error);
    }
    return status;
}
