/* SPDX-License-Identifier: MIT */
#include "dataset/why.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "command/commands.h"
#include "command/output.h"
#include "command/session.h"

enum { HASH_SHOWN = 12, FIELDS_SHOWN = 40 };

/** A text at a pointer as it is shown; "-" where there is none. Owned by `kept`. */
struct kept {
    char *texts[16];
    size_t count;
};

static const char *at(struct kept *kept, struct fnd_json value, const char *pointer)
{
    struct fnd_json found = fnd_json_find(value, pointer);
    if (found.bytes == NULL || kept->count == sizeof kept->texts / sizeof kept->texts[0]) {
        return "-";
    }
    char *text = fnd_json_type(found) == FND_JSON_STRING ? fnd_json_strdup(found)
                                                         : fnd_strndup(found.bytes, found.size);
    kept->texts[kept->count++] = text;
    return text;
}

static void kept_finish(struct kept *kept)
{
    for (size_t i = 0; i < kept->count; i++) {
        free(kept->texts[i]);
    }
    *kept = (struct kept){.count = 0};
}

static bool has(struct fnd_json value, const char *pointer)
{
    return fnd_json_find(value, pointer).bytes != NULL;
}

static void print_place(struct fnd_app *app, struct fnd_json field)
{
    struct kept kept = {.count = 0};
    if (has(field, "/place/width")) {
        int64_t page = 0; /* recorded from 0, told from 1 */
        fnd_json_integer(fnd_json_find(field, "/place/page"), &page);
        fnd_line(app, "    at page %" PRId64 ", %s×%s pixels at %s,%s", page + 1,
                 at(&kept, field, "/place/width"), at(&kept, field, "/place/height"),
                 at(&kept, field, "/place/x"), at(&kept, field, "/place/y"));
    }
    kept_finish(&kept);
}

static void print_field(struct fnd_app *app, struct fnd_json field)
{
    struct kept kept = {.count = 0};
    const char *pointer = at(&kept, field, "/field");
    const char *source = at(&kept, field, "/source");
    fnd_line(app, "  %s = %s", pointer[0] != '\0' ? pointer : "(all)", at(&kept, field, "/value"));
    if (has(field, "/changed")) {
        const bool changed = strcmp(at(&kept, field, "/changed"), "true") == 0;
        fnd_line(app, "    %s at %s, %s", source, at(&kept, field, "/pointer"),
                 changed ? "changed by the answer" : "as the model said it");
        if (changed) {
            fnd_line(app, "    the model said %s", at(&kept, field, "/model_said"));
        }
        if (has(field, "/confidence")) {
            fnd_line(app, "    confidence %s", at(&kept, field, "/confidence"));
        }
        print_place(app, field);
    } else {
        fnd_line(app, "    from %s%s%s", source, has(field, "/pointer") ? " " : "",
                 has(field, "/pointer") ? at(&kept, field, "/pointer") : "");
    }
    kept_finish(&kept);
}

/* Of a whole line: what a person changed; the rest is for --json. */
static void print_fields(struct fnd_app *app, struct fnd_json why, bool whole)
{
    struct fnd_json fields = fnd_json_member(why, "fields");
    if (!whole) {
        for (struct fnd_json_walk walk = fnd_json_walk(fields); fnd_json_next(&walk);) {
            print_field(app, walk.value);
        }
        return;
    }
    struct fnd_json changed = fnd_json_find(why, "/record/fields");
    for (struct fnd_json_walk walk = fnd_json_walk(changed);
         changed.bytes != NULL && fnd_json_next(&walk) && walk.index < FIELDS_SHOWN;) {
        struct kept kept = {.count = 0};
        char *pointer = fnd_json_strdup(walk.key);
        fnd_line(app, "  %s: %s → %s", pointer, at(&kept, walk.value, "/from"),
                 at(&kept, walk.value, "/to"));
        free(pointer);
        kept_finish(&kept);
    }
    fnd_line(app, "  %zu fields, told one by one with --json", fnd_json_count(fields));
}

static void print_questions(struct fnd_app *app, struct fnd_json why, bool whole)
{
    struct fnd_json questions = fnd_json_find(why, "/request/questions");
    struct fnd_json wanted = fnd_json_find(why, "/fields/0/asked");
    for (struct fnd_json_walk walk = fnd_json_walk(questions); fnd_json_next(&walk);) {
        struct kept kept = {.count = 0};
        bool about = whole;
        for (struct fnd_json_walk at_asked = fnd_json_walk(wanted);
             wanted.bytes != NULL && fnd_json_next(&at_asked);) {
            int64_t number = 0;
            fnd_json_integer(at_asked.value, &number);
            about |= number == (int64_t)walk.index + 1;
        }
        if (about) {
            fnd_line(app, "    %s: %s (%s)", at(&kept, walk.value, "/detector"),
                     at(&kept, walk.value, "/question"), at(&kept, walk.value, "/pointer"));
        }
        kept_finish(&kept);
    }
}

static void print_runs(struct fnd_app *app, struct fnd_json why)
{
    struct fnd_json runs = fnd_json_member(why, "runs");
    for (struct fnd_json_walk walk = fnd_json_walk(runs); fnd_json_next(&walk);) {
        struct kept kept = {.count = 0};
        fnd_line(app, "phase %s: %s %s, %.*s, %s, attempt %s, at %s (event %s)",
                 at(&kept, walk.value, "/phase"), at(&kept, walk.value, "/uses"),
                 at(&kept, walk.value, "/version"), HASH_SHOWN, at(&kept, walk.value, "/sha256"),
                 at(&kept, walk.value, "/isolation"), at(&kept, walk.value, "/attempt"),
                 at(&kept, walk.value, "/at"), at(&kept, walk.value, "/event"));
        fnd_line(app, "    with %s", at(&kept, walk.value, "/with"));
        kept_finish(&kept);
    }
}

static void print_text(struct fnd_app *app, struct fnd_json why, bool whole)
{
    struct kept kept = {.count = 0};
    fnd_line(app, "%s:%s, %s, SHA-256 %.*s", at(&kept, why, "/export/file"),
             at(&kept, why, "/export/line"), at(&kept, why, "/export/format"), HASH_SHOWN,
             at(&kept, why, "/export/sha256"));
    print_fields(app, why, whole);
    fnd_line(app, "record %s: %s, %s, of %s at %s", at(&kept, why, "/record/record"),
             at(&kept, why, "/record/verdict"), at(&kept, why, "/record/tier"),
             at(&kept, why, "/record/path"), at(&kept, why, "/record/phase"));
    fnd_line(app, "answer %s: by %s, in %s s, at %s", at(&kept, why, "/answer/answer"),
             at(&kept, why, "/answer/by"), at(&kept, why, "/answer/seconds"),
             at(&kept, why, "/answer/at"));
    kept_finish(&kept);
    fnd_line(app, "request %s, at %s", at(&kept, why, "/request/request"),
             at(&kept, why, "/request/at"));
    print_questions(app, why, whole);
    print_runs(app, why);
    fnd_line(app, "pipeline %s, pin %s, params %s", at(&kept, why, "/record/pipeline"),
             at(&kept, why, "/pin/pin"), at(&kept, why, "/pin/params"));
    fnd_line(app, "input %s: %s, SHA-256 %.*s", at(&kept, why, "/input/path"),
             has(why, "/input/file") ? at(&kept, why, "/input/file")
                                     : "a value, in its job's event",
             HASH_SHOWN, at(&kept, why, "/input/sha256"));
    kept_finish(&kept);
    struct fnd_json broken = fnd_json_member(why, "broken");
    for (struct fnd_json_walk walk = fnd_json_walk(broken); fnd_json_next(&walk);) {
        fnd_line(app, "broken at the %s: %s", at(&kept, walk.value, "/link"),
                 at(&kept, walk.value, "/message"));
        kept_finish(&kept);
    }
}

/* Without JOBDIR it is the one that the export lies in, if it lies in one. */
static char *directory_of(const char *file)
{
    char *path = NULL;
    if (fnd_path_absolute(file, &path, NULL) != FND_OK) {
        return NULL;
    }
    for (char *slash = strrchr(path, '/'); slash != NULL; slash = strrchr(path, '/')) {
        *slash = '\0';
        if (path[0] != '\0' && fnd_directory_is(path)) {
            return path;
        }
    }
    free(path);
    return NULL;
}

int fnd_command_why(struct fnd_app *app)
{
    const char *directory = app->arguments.operands[0], *text = app->arguments.operands[1];
    struct fnd_why_question question = {.file = NULL};
    struct fnd_error error = {0};
    struct fnd_reader *reader = NULL;
    struct fnd_text json = {0};
    struct stat about;
    char *file = NULL, *around = NULL;
    size_t broken = 0;
    if (directory != NULL && stat(text, &about) == 0 && S_ISDIR(about.st_mode)) {
        const char *other = directory; /* EXPORT:LINE JOBDIR, as one says it */
        directory = text;
        text = other;
    }
    enum fnd_status status = fnd_why_parse(text, &question, &file, &error);
    if (status != FND_OK) {
        fnd_complain(app, &error);
        return FND_EXIT_USAGE;
    }
    around = directory == NULL ? directory_of(file) : NULL;
    status = fnd_directory_look(around != NULL ? around : directory, &reader, &error);
    if (status == FND_OK) {
        status = fnd_dataset_why(reader, &question, &json, &broken, &error);
    }
    if (status == FND_OK && app->json) {
        fnd_text_append_byte(&json, '\n');
        fnd_raw(app, fnd_text_z(&json), json.size);
    } else if (status == FND_OK) {
        print_text(app, (struct fnd_json){json.bytes, json.size}, question.field == NULL);
    }
    if (status == FND_OK && broken > 0) {
        fnd_next(app, "what the record has lost is told by " FND_PROGRAM " verify --deep %s",
                 fnd_reader_path(reader));
    }
    fnd_reader_close(reader);
    fnd_text_finish(&json);
    free(file);
    free(around);
    if (status != FND_OK) {
        return fnd_fail(app, &error);
    }
    return broken > 0 ? FND_EXIT_FAILED : FND_EXIT_DONE;
}
