/* SPDX-License-Identifier: MIT */
/* line/train: corrected lines to a model for line/judge. Whatever is said about a line comes of the
 * other four fifths of the lines: the words that count as known, whether a rule is sound, how
 * likely the line is right. So the regression learns from what it will meet, and the calibration
 * that is told is not what was learned by heart. */
#include "train.h"

#include <foundry/helpers.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "example_line.h"
#include "judge.h"
#include "training.h"

enum {
    LESSONS_MAX = 100000,
    LESSONS_MIN = 8,
    ID_SIZE = 80,
    FOLDS = 5,
    NO_FOLD = 255,
    SOUND_MIN = 3,  /* words that a rule put right, before it is used */
    SOUND_TIMES = 9 /* as many right as wrong, at least */
};

struct lesson {
    char id[ID_SIZE];
    struct line line, truth;
    char *text; /* the truth */
};
struct lessons {
    const struct training *training;
    struct lesson *list;
    unsigned char *folds;
    size_t count;
};

static void lesson_finish(struct lesson *lesson)
{
    line_finish(&lesson->line);
    line_finish(&lesson->truth);
    free(lesson->text);
}

static void lessons_finish(struct lessons *lessons)
{
    for (size_t i = 0; i < lessons->count; i++) {
        lesson_finish(&lessons->list[i]);
    }
    free(lessons->list);
    free(lessons->folds);
}

/* --- reading ---------------------------------------------------------------------------------- */

/** `{"text":…}` into `text`; 1 if it is there. */
static int text_member(const char *human, char *text, size_t size)
{
    struct json members = {.at = human}, *json = &members;
    int there = 0;
    json_enter(json, '{');
    while (json_more(json)) {
        char key[16];
        json_key(json, key, sizeof key);
        if (strcmp(key, "text") == 0) {
            json_string(json, text, size);
            there = 1;
        } else {
            json_skip(json);
        }
    }
    return there;
}

static int reviewed_member(const char *reviewed)
{
    struct json json = {.at = reviewed};
    int text = 0;
    if (reviewed == NULL || *reviewed != '[') {
        return 1; /* all of it was */
    }
    json_enter(&json, '[');
    while (json_more(&json)) {
        char pointer[64];
        json_string(&json, pointer, sizeof pointer);
        text = text || strcmp(pointer, "/text") == 0 || pointer[0] == '\0';
    }
    return text;
}

static int with_member(const char *with, struct line *line)
{
    struct json members = {.at = with}, *json = &members;
    int status = 0;
    json_enter(json, '{');
    while (json_more(json)) {
        char key[16];
        json_key(json, key, sizeof key);
        if (strcmp(key, "words") == 0 && line->words == NULL && status == 0) {
            status = line_read(line, json);
        } else {
            json_skip(json);
        }
    }
    return status;
}

static unsigned char fold_of(const char *group)
{
    uint32_t hash = 2166136261U;
    for (; *group != '\0'; group++) {
        hash = (hash ^ (unsigned char)*group) * 16777619U;
    }
    return (unsigned char)(hash % FOLDS);
}

/** One line of examples. 1: a lesson; 0: it teaches nothing; -1: it is none; -2: no memory. */
static int lesson_read(struct lesson *lesson, unsigned char *fold, const char *line)
{
    struct example_line said;
    *lesson = (struct lesson){.text = NULL};
    if (example_line_read(&said, line) != 0) {
        return -1;
    }
    if (with_member(said.with, &lesson->line) != 0) {
        return -2;
    }
    if (lesson->line.words == NULL) {
        return -1;
    }
    if (!example_line_teaches(&said) || !reviewed_member(said.reviewed) ||
        strcmp(said.tier, "gold") != 0) {
        return 0;
    }
    memcpy(lesson->id, said.id, sizeof lesson->id);
    *fold = fold_of(said.group);
    char *text = malloc(LINE_SIZE);
    const int there = text != NULL && text_member(said.human, text, LINE_SIZE);
    char *kept = there ? strdup(text) : NULL;
    const int lost = text == NULL || (there && kept == NULL);
    free(text);
    if (lost || !there) {
        return lost ? -2 : 0;
    }
    const int split = line_split(&lesson->truth, kept, 1);
    lesson->text = kept; /* which the truth's words are pieces of */
    return split != 0 ? -2 : 1;
}

/** Room for one lesson more: 0, or -1 without memory. */
static int lessons_grow(struct lessons *lessons)
{
    const size_t count = lessons->count;
    if ((count & (count - 1)) != 0) {
        return 0;
    }
    struct lesson *list = realloc(lessons->list, (2 * count + 1) * sizeof *list);
    if (list == NULL) {
        return -1;
    }
    lessons->list = list;
    unsigned char *folds = realloc(lessons->folds, 2 * count + 1);
    if (folds == NULL) {
        return -1;
    }
    lessons->folds = folds;
    return 0;
}

static foundry_outcome_t line_take(void *context, char *line, size_t number, size_t count)
{
    struct lessons *lessons = context;
    struct lesson lesson;
    unsigned char fold = 0;
    (void)count;
    const int status = lesson_read(&lesson, &fold, line);
    if (status == 1 && lessons->count < LESSONS_MAX && lessons_grow(lessons) == 0) {
        lessons->folds[lessons->count] = fold;
        lessons->list[lessons->count++] = lesson;
        return FOUNDRY_DONE;
    }
    lesson_finish(&lesson);
    if (status == -1) {
        return training_refused(lessons->training, number,
                                "it is none of line/judge: it lacks `with: words`");
    }
    if (status == 1 && lessons->count == LESSONS_MAX) {
        return foundry_failf(lessons->training->host, lessons->training->call, FOUNDRY_PERMANENT,
                             "too_many_examples", NULL, "there are more than %d lines",
                             LESSONS_MAX);
    }
    return status == 0 ? FOUNDRY_DONE : FOUNDRY_E_NO_MEMORY;
}

/* --- learning --------------------------------------------------------------------------------- */

/** Words that people wrote, and what was read for them, of all lines but those of a fold. */
static int words_learn(struct model *model, const struct lessons *lessons, unsigned without)
{
    int status = 0;
    for (size_t i = 0; i < lessons->count && status == 0; i++) {
        const struct lesson *lesson = &lessons->list[i];
        const int paired = lesson->line.count == lesson->truth.count;
        for (size_t j = 0; j < lesson->truth.count && lessons->folds[i] != without && status == 0;
             j++) {
            const char *word = lesson->truth.words[j].text;
            const struct core right = core_of(word);
            if (right.digits || right.size < 2) {
                continue;
            }
            status = entries_add(&model->words, word + right.begin, right.size, NULL, 0);
            if (!paired || status != 0) {
                continue;
            }
            const char *read = lesson->line.words[j].text;
            const struct core core = core_of(read);
            if (core.size > 0 && (core.size != right.size ||
                                  memcmp(read + core.begin, word + right.begin, core.size) != 0)) {
                status = entries_add(&model->slips, read + core.begin, core.size,
                                     word + right.begin, right.size);
            }
        }
        model->lines += lessons->folds[i] != without ? 1 : 0;
    }
    return status;
}

/** How often a rule put a word of the fold right, and how often it did not. */
static void rule_try(const struct model *model, const struct lessons *lessons, unsigned fold,
                     uint32_t rule, size_t done[2])
{
    for (size_t i = 0; i < lessons->count; i++) {
        const struct lesson *lesson = &lessons->list[i];
        if (lessons->folds[i] != fold) {
            continue;
        }
        for (size_t j = 0; j < lesson->line.count; j++) {
            const char *read = lesson->line.words[j].text;
            const struct core core = core_of(read);
            if (core.digits || core.size < 3 ||
                entries_find(&model->words, read + core.begin, core.size) != NULL) {
                continue;
            }
            const char *other = judge_word(model, rule, read + core.begin, core.size);
            if (other == NULL) {
                continue;
            }
            int right = 0; /* at its place, or anywhere where words were split otherwise */
            for (size_t k = 0; k < lesson->truth.count; k++) {
                const char *word = lesson->truth.words[k].text;
                const struct core truth = core_of(word);
                right = right || ((k == j || lesson->line.count != lesson->truth.count) &&
                                  strlen(other) == truth.size &&
                                  memcmp(other, word + truth.begin, truth.size) == 0);
            }
            done[right]++;
        }
    }
}

/** What is said of each line by the others. */
struct rows {
    double (*features)[FEATURES];
    unsigned char *right;
    double *share;
    uint32_t rules;
    size_t edits, edits_right, read_right;
    double loss;
};

/** Tell of a part (FOLDS: of all). Returns whether to stop. */
static int told(struct training *training, unsigned part, double loss)
{
    char note[96];
    if (part < FOLDS) {
        (void)snprintf(note, sizeof note, "part %u of %d, loss %.3f", part + 1, FOLDS, loss);
    } else {
        (void)snprintf(note, sizeof note, "all parts, loss %.3f", loss);
    }
    return training_step(training, (part + 1.0) / (FOLDS + 1), note);
}

/** Which rules are sound. */
static int rules_settle(const struct lessons *lessons, uint32_t *rules)
{
    static const uint32_t each[] = {RULE_SEEN, RULE_NEAREST};
    size_t done[2][2] = {{0}};
    int status = 0;
    for (unsigned fold = 0; fold < FOLDS && status == 0; fold++) {
        struct model model = {.lines = 0};
        status = words_learn(&model, lessons, fold);
        for (size_t i = 0; i < 2 && status == 0; i++) {
            rule_try(&model, lessons, fold, each[i], done[i]);
        }
        model_finish(&model);
    }
    *rules = 0;
    for (size_t i = 0; i < 2; i++) {
        *rules |= done[i][1] >= SOUND_MIN && done[i][1] >= SOUND_TIMES * done[i][0] ? each[i] : 0;
    }
    return status;
}

static void plain(const struct line *line, char text[LINE_SIZE])
{
    const struct model none = {.lines = 0};
    struct verdict *verdict = malloc(sizeof *verdict);
    text[0] = '\0';
    if (verdict != NULL) {
        judge(&none, line, verdict);
        memcpy(text, verdict->text, strlen(verdict->text) + 1);
        free(verdict);
    }
}

/** The features of each line, by words and rules that others taught. */
static int rows_make(const struct lessons *lessons, struct rows *rows)
{
    struct verdict *verdict = malloc(sizeof *verdict);
    char *before = malloc(LINE_SIZE);
    int status = verdict != NULL && before != NULL ? 0 : -1;
    for (unsigned fold = 0; fold < FOLDS && status == 0; fold++) {
        struct model model = {.rules = rows->rules};
        status = words_learn(&model, lessons, fold);
        for (size_t i = 0; i < lessons->count && status == 0; i++) {
            if (lessons->folds[i] == fold) {
                judge(&model, &lessons->list[i].line, verdict);
                plain(&lessons->list[i].line, before);
                memcpy(rows->features[i], verdict->features, sizeof verdict->features);
                rows->right[i] = strcmp(verdict->text, lessons->list[i].text) == 0;
                rows->read_right += strcmp(before, lessons->list[i].text) == 0 ? 1 : 0;
                rows->edits += verdict->edits > 0 ? 1 : 0;
                rows->edits_right += verdict->edits > 0 && rows->right[i] ? 1 : 0;
            }
        }
        model_finish(&model);
    }
    free(verdict);
    free(before);
    return status;
}

/** All of it. 0; 1: told to stop; -1: without memory. */
static int learn(struct training *training, const struct lessons *lessons, struct rows *rows,
                 struct model *model)
{
    int status = rules_settle(lessons, &rows->rules);
    if (status == 0) {
        status = rows_make(lessons, rows);
    }
    const double(*features)[FEATURES] = (const double(*)[FEATURES])rows->features;
    for (unsigned fold = 0; fold < FOLDS && status == 0; fold++) {
        struct model part = {.lines = 0};
        double loss = 0;
        if (fit(&part, features, rows->right, lessons->folds, lessons->count, fold, &loss) != 0) {
            continue; /* all lines are of this fold: nothing else tells of them */
        }
        for (size_t i = 0; i < lessons->count; i++) {
            if (lessons->folds[i] == fold) {
                rows->share[i] = judge_share(&part, rows->features[i]);
            }
        }
        status = told(training, fold, loss);
    }
    if (status == 0) {
        model->rules = rows->rules;
        status = words_learn(model, lessons, NO_FOLD);
    }
    if (status == 0) {
        (void)fit(model, features, rows->right, lessons->folds, lessons->count, NO_FOLD,
                  &rows->loss);
        status = told(training, FOLDS, rows->loss);
    }
    return status;
}

/* --- the call --------------------------------------------------------------------------------- */

static double rounded(double value)
{
    return floor(value * 1e6 + 0.5) / 1e6;
}

static foundry_outcome_t report(struct training *training, const struct lessons *lessons,
                                const struct rows *rows, const struct model *model)
{
    foundry_json_t metrics, list;
    double right = 0;
    foundry_json_init(&metrics);
    foundry_json_init(&list);
    foundry_json_array(&list);
    for (size_t i = 0; i < lessons->count; i++) {
        right += rows->right[i];
        training_value(&list, lessons->list[i].id, "/text", rounded(rows->share[i]),
                       rows->right[i]);
        foundry_json_end(&list);
    }
    foundry_json_end(&list);
    foundry_json_object(&metrics);
    training_number(&metrics, "lines", rounded((double)lessons->count));
    training_number(&metrics, "words", rounded((double)model->words.count));
    training_number(&metrics, "read_right",
                    rounded((double)rows->read_right / (double)lessons->count));
    training_number(&metrics, "held_out_right", rounded(right / (double)lessons->count));
    training_number(&metrics, "put_right", rounded((double)rows->edits_right));
    training_number(&metrics, "put_otherwise", rounded((double)(rows->edits - rows->edits_right)));
    training_number(&metrics, "loss", rounded(rows->loss));
    foundry_json_end(&metrics);
    return training_report(training, &metrics, &list);
}

static foundry_outcome_t lessons_train(struct training *training, const struct lessons *lessons)
{
    struct rows rows = {.features = calloc(lessons->count, sizeof *rows.features),
                        .right = calloc(lessons->count, 1),
                        .share = calloc(lessons->count, sizeof *rows.share)};
    struct model model = {.lines = 0};
    size_t size = 0;
    foundry_outcome_t outcome = FOUNDRY_E_NO_MEMORY;
    int status = rows.features != NULL && rows.right != NULL && rows.share != NULL ? 0 : -1;
    if (status == 0) {
        status = learn(training, lessons, &rows, &model);
    }
    if (status == 1) {
        outcome = FOUNDRY_CANCELLED;
    } else if (status == 0) {
        unsigned char *bytes = model_write(&model, &size);
        outcome = training_save(training, bytes, size);
    }
    if (outcome == FOUNDRY_DONE) {
        outcome = report(training, lessons, &rows, &model);
    }
    model_finish(&model);
    free(rows.features);
    free(rows.right);
    free(rows.share);
    return outcome;
}

static foundry_outcome_t train(const foundry_host_t *host, foundry_call_t *call)
{
    struct training training = {host, call};
    struct lessons lessons = {.training = &training};
    foundry_outcome_t outcome = training_lines(&training, line_take, &lessons);
    if (outcome == FOUNDRY_DONE && lessons.count < LESSONS_MIN) {
        outcome = foundry_failf(host, call, FOUNDRY_PERMANENT, "too_few_examples", NULL,
                                "people looked at %zu lines, and at least %d are needed: answer "
                                "some more",
                                lessons.count, LESSONS_MIN);
    } else if (outcome == FOUNDRY_DONE) {
        outcome = lessons_train(&training, &lessons);
    }
    lessons_finish(&lessons);
    return outcome;
}

const foundry_trainer_t line_trainer = {
    .struct_size = sizeof line_trainer,
    .name = "train",
    .summary = "Learn from corrected lines which ones line/judge can trust, and their words",
    .config_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{}}",
    .train = train,
};
