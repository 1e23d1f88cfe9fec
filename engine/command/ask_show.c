/* SPDX-License-Identifier: MIT */
/* One request for people: each question in a few lines, then what the model said. */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "command/ask.h"
#include "command/commands.h"
#include "command/output.h"
#include "review/review.h"

enum { VALUE_COLUMNS = 72, INDENT = 4 };

static char *text_of(struct fnd_json value, const char *name)
{
    char *text = fnd_json_strdup(fnd_json_member(value, name));
    return text != NULL ? text : fnd_strdup("");
}

/* A value behind its name: on the same line if it is short, else indented below it. */
static void show_value(struct fnd_app *app, const char *name, struct fnd_json value)
{
    struct fnd_text text = {0}, line = {0};
    fnd_json_compact(value, &text);
    if (fnd_columns(fnd_text_z(&text)) > VALUE_COLUMNS) {
        fnd_text_clear(&text);
        fnd_json_pretty(value, &text, INDENT / 2);
    }
    fnd_text_printf(&line, "    %s %s\n", name, fnd_text_z(&text));
    fnd_lines(app, fnd_text_z(&line));
    fnd_text_finish(&text);
    fnd_text_finish(&line);
}

/* Does `word` stand in `text`, and not as a part of a longer word or number? */
static bool word_in(const char *text, const char *word)
{
    const size_t size = strlen(word);
    for (const char *at = strstr(text, word); size > 0 && at != NULL; at = strstr(at + 1, word)) {
        const char before = at == text ? ' ' : at[-1];
        const char behind = at[size], after = behind != '\0' ? at[size + 1] : '\0';
        const bool begins = !isalnum((unsigned char)before) && strchr("._/", before) == NULL;
        /* A full stop ends a sentence, a point goes on with a digit. */
        const bool ends = behind == '\0' || (behind == '.' ? !isdigit((unsigned char)after)
                                                           : !isalnum((unsigned char)behind) &&
                                                                 strchr("_/", behind) == NULL);
        if (begins && ends) {
            return true;
        }
    }
    return false;
}

/* Whether the question's sentence says a value of its context already: as it is, or in percent. */
static bool told(const char *sentence, struct fnd_json value)
{
    struct fnd_text text = {0};
    double number = 0;
    bool is = false;
    if (fnd_json_type(value) == FND_JSON_STRING) {
        char *plain = fnd_json_strdup(value);
        is = plain != NULL && word_in(sentence, plain);
        free(plain);
    } else if (fnd_json_type(value) == FND_JSON_NUMBER) {
        fnd_json_compact(value, &text);
        is = word_in(sentence, fnd_text_z(&text));
        if (!is && fnd_json_number(value, &number) && number >= 0 && number <= 1) {
            fnd_text_clear(&text);
            fnd_text_printf(&text, "%g %%", round(number * 1e6) / 1e4);
            is = strstr(sentence, fnd_text_z(&text)) != NULL;
        }
    }
    fnd_text_finish(&text);
    return is;
}

/* What the context says that is not on the lines above. */
static void show_context(struct fnd_app *app, struct fnd_json question, const char *sentence)
{
    struct fnd_json context = fnd_json_member(question, "context");
    struct fnd_text rest = {0};
    struct fnd_json left = {0};
    if (context.bytes == NULL || fnd_json_type(context) != FND_JSON_OBJECT) {
        if (context.bytes != NULL) {
            show_value(app, "context", context);
        }
        return;
    }
    for (struct fnd_json_walk walk = fnd_json_walk(context); fnd_json_next(&walk);) {
        char *key = fnd_json_strdup(walk.key);
        struct fnd_json shown = key != NULL ? fnd_json_member(question, key) : left;
        bool known = (strcmp(key != NULL ? key : "", "value") == 0 ||
                      strcmp(key != NULL ? key : "", "confidence") == 0) &&
                     shown.bytes != NULL && fnd_json_equal(shown, walk.value);
        if (!known && !told(sentence, walk.value)) {
            fnd_text_append_byte(&rest, rest.size > 0 ? ',' : '{');
            fnd_text_append(&rest, walk.key.bytes, walk.key.size);
            fnd_text_append_byte(&rest, ':');
            fnd_text_append(&rest, walk.value.bytes, walk.value.size);
        }
        free(key);
    }
    fnd_text_append_z(&rest, rest.size > 0 ? "}" : "");
    if (rest.size > 0 &&
        fnd_json_check(fnd_text_z(&rest), rest.size, "context", &left, NULL) == FND_OK) {
        show_value(app, "context", left);
    }
    fnd_text_finish(&rest);
}

/* "page 1, 237×17 at 111,583": people count pages from one; the artifact, unless it is the input.
 */
static bool place_text(struct fnd_json place, struct fnd_text *text)
{
    static const char *const names[] = {"width", "height", "x", "y"};
    double box[4];
    int64_t page = 0;
    for (size_t i = 0; i < 4; i++) {
        if (!fnd_json_number(fnd_json_member(place, names[i]), &box[i])) {
            return false;
        }
    }
    fnd_json_integer(fnd_json_member(place, "page"), &page);
    fnd_text_printf(text, "page %" PRId64 ", %g×%g at %g,%g", page + 1, box[0], box[1], box[2],
                    box[3]);
    char *artifact = text_of(place, "artifact");
    if (artifact[0] != '\0' && strcmp(artifact, "input") != 0) {
        fnd_text_printf(text, " of %s", artifact);
    }
    free(artifact);
    return true;
}

/* The value that stands, how sure the model was of it, where it was read. */
static void show_facts(struct fnd_app *app, struct fnd_json question)
{
    struct fnd_json value = fnd_json_member(question, "value");
    struct fnd_json place = fnd_json_member(question, "place");
    struct fnd_text facts = {0}, where = {0};
    double confidence = 0;
    if (value.bytes != NULL) {
        show_value(app, "value", value);
    }
    if (fnd_json_number(fnd_json_member(question, "confidence"), &confidence)) {
        fnd_text_printf(&facts, "confidence %g", confidence);
    }
    if (place.bytes != NULL && place_text(place, &where)) {
        fnd_text_printf(&facts, "%s%s", facts.size > 0 ? " · " : "", fnd_text_z(&where));
    }
    if (facts.size > 0) {
        fnd_line(app, "    %s", fnd_text_z(&facts));
    }
    fnd_text_finish(&facts);
    fnd_text_finish(&where);
}

static void show_question(struct fnd_app *app, struct fnd_json question)
{
    char *pointer = text_of(question, "pointer"), *sentence = text_of(question, "question");
    char *key = text_of(question, "key"), *kind = text_of(question, "kind");
    char *detector = text_of(question, "detector");
    struct fnd_json schema = fnd_json_member(question, "schema");
    fnd_line(app, "%s", "");
    fnd_line(app, "  %s", pointer[0] != '\0' ? pointer : key);
    fnd_line(app, "    %s", sentence);
    show_facts(app, question);
    show_context(app, question, sentence);
    if (schema.bytes != NULL) {
        show_value(app, "answer's schema", schema);
    }
    if (detector[0] != '\0') {
        fnd_line(app, "    asked by %s", detector);
    } else {
        fnd_line(app, "    why asked: %s", kind);
    }
    free(pointer);
    free(sentence);
    free(key);
    free(kind);
    free(detector);
}

/* The answer to the first question as it would be typed. */
static void propose(struct fnd_app *app, struct fnd_json request, const char *directory)
{
    struct fnd_json questions = fnd_json_member(request, "questions");
    const bool gate = fnd_json_text_is(fnd_json_member(request, "origin"), "gate");
    struct fnd_json_walk walk = fnd_json_walk(questions);
    char *field = fnd_json_next(&walk) ? text_of(walk.value, gate ? "pointer" : "key") : NULL;
    int64_t number = 0;
    fnd_json_integer(fnd_json_member(request, "request"), &number);
    if (field == NULL || field[0] == '\0' ||
        strspn(field, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-/.~:") !=
            strlen(field)) {
        free(field);
        field = fnd_strdup("FIELD"); /* a shell would take it apart */
    }
    fnd_next(app, "next: " FND_PROGRAM " answer %s %" PRId64 " --set %s=VALUE%s", directory, number,
             field, gate ? ", or --accept if all is right" : "");
    free(field);
}

/* Who has it, who it is for, when it is due, what somebody has typed. */
static void show_desk(struct fnd_app *app, struct fnd_json request)
{
    struct fnd_json lease = fnd_json_member(request, "lease");
    struct fnd_json draft = fnd_json_member(request, "draft");
    static const char *const facts[][2] = {{"group", "for"},
                                           {"remind_at", "reminder"},
                                           {"due_at", "due"},
                                           {"outcome", "then"},
                                           {"snoozed_until", "put off until"}};
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        char *text = text_of(request, facts[i][0]);
        if (text[0] != '\0') {
            fnd_line(app, "  %s: %s", facts[i][1], text);
        }
        free(text);
    }
    if (fnd_json_type(lease) == FND_JSON_OBJECT) {
        char *by = text_of(lease, "by"), *until = text_of(lease, "until");
        fnd_line(app, "  on the desk of %s until %s", by, until);
        free(by);
        free(until);
    }
    if (fnd_json_type(draft) == FND_JSON_OBJECT) {
        char *by = text_of(draft, "by"), *at = text_of(draft, "at");
        fnd_line(app, "  draft of %s, %s:", by, at);
        fnd_value(app, fnd_json_member(draft, "values"));
        free(by);
        free(at);
    }
}

static void show_people(struct fnd_app *app, struct fnd_json request, const char *directory)
{
    char *path = text_of(request, "path"), *phase = text_of(request, "phase");
    char *state = text_of(request, "state"), *pipeline = text_of(request, "pipeline");
    struct fnd_json questions = fnd_json_member(request, "questions");
    struct fnd_json subject = fnd_json_member(request, "subject");
    int64_t number = 0, version = 0;
    fnd_json_integer(fnd_json_member(request, "request"), &number);
    fnd_json_integer(fnd_json_member(request, "version"), &version);
    fnd_line(app, "request %" PRId64 ", version %" PRId64 ", %s: %s of %s at %s", number, version,
             state, path, pipeline, phase);
    show_desk(app, request);
    for (struct fnd_json_walk walk = fnd_json_walk(questions); fnd_json_next(&walk);) {
        show_question(app, walk.value);
    }
    if (subject.bytes != NULL) {
        fnd_line(app, "%s", "");
        fnd_line(app, "what the model said:");
        fnd_value(app, subject);
    }
    if (strcmp(state, "open") == 0) {
        propose(app, request, directory);
    }
    free(path);
    free(phase);
    free(state);
    free(pipeline);
}

int fnd_command_ask_show(struct fnd_app *app)
{
    struct fnd_error error = {0};
    struct fnd_reader *reader = NULL;
    struct fnd_text text = {0};
    struct fnd_json request = {0};
    int64_t number = 0;
    enum fnd_status status = fnd_directory_look(app->arguments.operands[0], &reader, &error);
    if (status == FND_OK) {
        status = fnd_request_named(app, reader, app->arguments.operands[1], &number, &error);
    }
    if (status == FND_OK) {
        status = fnd_request_read(reader, number, &text, &request, &error);
    }
    if (status == FND_OK && app->json) {
        fnd_value(app, request);
    } else if (status == FND_OK) {
        show_people(app, request, fnd_reader_path(reader));
    }
    fnd_reader_close(reader);
    fnd_text_finish(&text);
    return status == FND_OK ? FND_EXIT_DONE : fnd_fail(app, &error);
}
