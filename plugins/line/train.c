/* SPDX-License-Identifier: MIT */
/* line/train: corrected lines to a model for line/judge. Whatever is said about a line comes of the
 * other four fifths of the lines: the words that count as known, whether a rule is sound, how
 * likely the line is right. So the regression learns from what it will meet, and the calibration
 * that is told is not what was learned by heart. */
#include "train.h"

#include <foundry/helpers.h>
#include <foundry/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge.h"

enum {
    LESSONS_MAX = 100000,
    LESSONS_MIN = 8,
    EXAMPLES_BYTES_MAX = 1 << 30,
    ID_SIZE = 64,
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

/* What a line of examples says, as far as it is of use. */
struct said {
    char group[256], tier[16], verdict[16];
    char text[LINE_SIZE];
    int answered, reviewed; /* reviewed: the text was looked at */
};

/** `{"text":…}` into `text`; 1 if it is there. */
static int text_member(struct json *json, char *text, size_t size)
{
    int there = 0;
    if (*json->at == 'n') {
        json_skip(json);
        return 0;
    }
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

static int reviewed_member(struct json *json)
{
    int text = 0;
    if (*json->at == 'n') {
        json_skip(json);
        return 1; /* all of it was */
    }
    json_enter(json, '[');
    while (json_more(json)) {
        char pointer[64];
        json_string(json, pointer, sizeof pointer);
        text = text || strcmp(pointer, "/text") == 0 || pointer[0] == '\0';
    }
    return text;
}

static int with_member(struct json *json, struct line *line)
{
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
static int lesson_read(struct lesson *lesson, struct said *said, const char *line)
{
    struct json json = {.at = line};
    int status = 0;
    *lesson = (struct lesson){.text = NULL};
    *said = (struct said){.answered = 0};
    json_enter(&json, '{');
    while (json_more(&json)) {
        char key[16];
        json_key(&json, key, sizeof key);
        if (strcmp(key, "id") == 0) {
            json_string(&json, lesson->id, sizeof lesson->id);
        } else if (strcmp(key, "group") == 0) {
            json_string(&json, said->group, sizeof said->group);
        } else if (strcmp(key, "tier") == 0) {
            json_string(&json, said->tier, sizeof said->tier);
        } else if (strcmp(key, "verdict") == 0) {
            json_string(&json, said->verdict, sizeof said->verdict);
        } else if (strcmp(key, "human") == 0) {
            said->answered = text_member(&json, said->text, sizeof said->text);
        } else if (strcmp(key, "reviewed") == 0) {
            said->reviewed = reviewed_member(&json);
        } else if (strcmp(key, "with") == 0) {
            status = with_member(&json, &lesson->line);
        } else {
            json_skip(&json);
        }
    }
    if (json.failed || lesson->line.words == NULL) {
        return status != 0 ? -2 : -1;
    }
    if (!said->answered || !said->reviewed || strcmp(said->tier, "gold") != 0 ||
        strcmp(said->verdict, "rejected") == 0) {
        return 0;
    }
    lesson->text = strdup(said->text);
    return status != 0 || lesson->text == NULL || line_split(&lesson->truth, said->text, 1) != 0
               ? -2
               : 1;
}

static foundry_outcome_t lessons_read(const foundry_host_t *host, foundry_call_t *call, char *lines,
                                      struct lessons *lessons)
{
    size_t number = 0;
    struct said *said = malloc(sizeof *said);
    foundry_outcome_t outcome = said != NULL ? FOUNDRY_DONE : FOUNDRY_E_NO_MEMORY;
    char *left = NULL;
    for (char *line = strtok_r(lines, "\n", &left); line != NULL && outcome == FOUNDRY_DONE;
         line = strtok_r(NULL, "\n", &left)) {
        struct lesson lesson;
        number++;
        const int status = lesson_read(&lesson, said, line);
        struct lesson *list = lessons->list;
        unsigned char *folds = lessons->folds;
        if (status == 1 && (lessons->count & (lessons->count - 1)) == 0) {
            list = realloc(list, (2 * lessons->count + 1) * sizeof *list);
            lessons->list = list != NULL ? list : lessons->list;
            folds = realloc(folds, 2 * lessons->count + 1);
            lessons->folds = folds != NULL ? folds : lessons->folds;
        }
        if (status == 1 && list != NULL && folds != NULL && lessons->count < LESSONS_MAX) {
            folds[lessons->count] = fold_of(said->group);
            list[lessons->count++] = lesson;
            continue;
        }
        lesson_finish(&lesson);
        if (status == -1) {
            outcome = foundry_failf(host, call, FOUNDRY_PERMANENT, "bad_example", NULL,
                                    "line %zu of the examples is none of line/judge: it lacks "
                                    "`with: words`",
                                    number);
        } else if (status == 1 && lessons->count == LESSONS_MAX) {
            outcome = foundry_failf(host, call, FOUNDRY_PERMANENT, "too_many_examples", NULL,
                                    "there are more than %d lines", LESSONS_MAX);
        } else if (status != 0) {
            outcome = FOUNDRY_E_NO_MEMORY;
        }
    }
    free(said);
    return outcome;
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

struct watch {
    const foundry_host_t *host;
    foundry_call_t *call;
};

/** Tell of a part (FOLDS: of all). Returns whether to stop. */
static int told(const struct watch *watch, unsigned part, double loss)
{
    char note[96];
    if (part < FOLDS) {
        (void)snprintf(note, sizeof note, "part %u of %d, loss %.3f", part + 1, FOLDS, loss);
    } else {
        (void)snprintf(note, sizeof note, "all parts, loss %.3f", loss);
    }
    watch->host->progress(watch->call, (part + 1.0) / (FOLDS + 1), note);
    return watch->host->cancelled(watch->call) != 0;
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
static int learn(const struct watch *watch, const struct lessons *lessons, struct rows *rows,
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
        status = told(watch, fold, loss);
    }
    if (status == 0) {
        model->rules = rows->rules;
        status = words_learn(model, lessons, NO_FOLD);
    }
    if (status == 0) {
        (void)fit(model, features, rows->right, lessons->folds, lessons->count, NO_FOLD,
                  &rows->loss);
        status = told(watch, FOLDS, rows->loss);
    }
    return status;
}

/* --- the call --------------------------------------------------------------------------------- */

static void number(foundry_json_t *json, const char *name, double value)
{
    foundry_json_key(json, name);
    foundry_json_number(json, floor(value * 1e6 + 0.5) / 1e6);
}

static foundry_outcome_t report(const struct watch *watch, const struct lessons *lessons,
                                const struct rows *rows, const struct model *model)
{
    foundry_json_t metrics, list;
    double right = 0;
    foundry_json_init(&metrics);
    foundry_json_init(&list);
    foundry_json_array(&list);
    for (size_t i = 0; i < lessons->count; i++) {
        right += rows->right[i];
        foundry_json_object(&list);
        foundry_json_key(&list, "id");
        foundry_json_string(&list, lessons->list[i].id);
        foundry_json_key(&list, "ptr");
        foundry_json_string(&list, "/text");
        number(&list, "confidence", rows->share[i]);
        foundry_json_key(&list, "right");
        foundry_json_boolean(&list, rows->right[i]);
        foundry_json_end(&list);
    }
    foundry_json_end(&list);
    foundry_json_object(&metrics);
    number(&metrics, "lines", (double)lessons->count);
    number(&metrics, "words", (double)model->words.count);
    number(&metrics, "read_right", (double)rows->read_right / (double)lessons->count);
    number(&metrics, "held_out_right", right / (double)lessons->count);
    number(&metrics, "put_right", (double)rows->edits_right);
    number(&metrics, "put_otherwise", (double)(rows->edits - rows->edits_right));
    number(&metrics, "loss", rows->loss);
    foundry_json_end(&metrics);
    foundry_outcome_t outcome = foundry_json_stage(&metrics, watch->host, watch->call, "/metrics");
    if (outcome == FOUNDRY_DONE) {
        outcome = foundry_json_stage(&list, watch->host, watch->call, "/calibration");
    }
    foundry_json_finish(&metrics);
    foundry_json_finish(&list);
    return outcome;
}

static foundry_outcome_t lessons_train(const struct watch *watch, const struct lessons *lessons)
{
    struct rows rows = {.features = calloc(lessons->count, sizeof *rows.features),
                        .right = calloc(lessons->count, 1),
                        .share = calloc(lessons->count, sizeof *rows.share)};
    struct model model = {.lines = 0};
    unsigned char *bytes = NULL;
    size_t size = 0;
    foundry_outcome_t outcome = FOUNDRY_E_NO_MEMORY;
    int status = rows.features != NULL && rows.right != NULL && rows.share != NULL ? 0 : -1;
    if (status == 0) {
        status = learn(watch, lessons, &rows, &model);
    }
    if (status == 1) {
        outcome = FOUNDRY_CANCELLED;
    } else if (status == 0) {
        bytes = model_write(&model, &size);
    }
    if (bytes != NULL) {
        outcome = watch->host->artifact_write(watch->call, "model", "application/octet-stream",
                                              bytes, size);
    }
    if (bytes != NULL && outcome == FOUNDRY_DONE) {
        outcome = report(watch, lessons, &rows, &model);
    }
    free(bytes);
    model_finish(&model);
    free(rows.features);
    free(rows.right);
    free(rows.share);
    return outcome;
}

static foundry_outcome_t train(const foundry_host_t *host, foundry_call_t *call)
{
    const struct watch watch = {host, call};
    const char *name = NULL;
    struct lessons lessons = {.list = NULL};
    foundry_text_t bytes;
    FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_RUN, "/training/examples", &name));
    foundry_text_init(&bytes);
    foundry_outcome_t outcome = foundry_artifact_load(host, call, name, EXAMPLES_BYTES_MAX, &bytes);
    char *lines = outcome == FOUNDRY_DONE ? strdup(foundry_text_z(&bytes)) : NULL;
    foundry_text_finish(&bytes);
    if (outcome == FOUNDRY_DONE && lines == NULL) {
        outcome = FOUNDRY_E_NO_MEMORY;
    }
    if (outcome == FOUNDRY_DONE) {
        outcome = lessons_read(host, call, lines, &lessons);
    }
    free(lines);
    if (outcome == FOUNDRY_DONE && lessons.count < LESSONS_MIN) {
        outcome = foundry_failf(host, call, FOUNDRY_PERMANENT, "too_few_examples", NULL,
                                "people looked at %zu lines, and at least %d are needed: answer "
                                "some more",
                                lessons.count, LESSONS_MIN);
    }
    if (outcome == FOUNDRY_DONE) {
        outcome = lessons_train(&watch, &lessons);
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
