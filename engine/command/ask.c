/* SPDX-License-Identifier: MIT */
#include "command/ask.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "command/commands.h"
#include "command/output.h"
#include "review/review.h"

enum { PAGE = 1000 };

enum fnd_status fnd_request_read(struct fnd_reader *reader, int64_t request, struct fnd_text *text,
                                 struct fnd_json *json, struct fnd_error *error)
{
    fnd_text_clear(text);
    enum fnd_status status = fnd_review_request_json(reader, request, text, error);
    return status != FND_OK ? status
                            : fnd_json_check(fnd_text_z(text), text->size, "request", json, error);
}

enum fnd_status fnd_request_named(struct fnd_app *app, struct fnd_reader *reader, const char *name,
                                  int64_t *request, struct fnd_error *error)
{
    struct fnd_request_row row;
    size_t size = strlen(name);
    if (size > 0 && size < 19 && strspn(name, "0123456789") == size) {
        *request = (int64_t)strtoll(name, NULL, 10);
        const enum fnd_status status = fnd_request_get(reader, *request, &row, error);
        if (status != FND_NOT_FOUND) {
            return status; /* it is there, or nobody can tell */
        }
    }
    struct fnd_job_row job = {0};
    struct fnd_step_row step;
    enum fnd_status status = fnd_job_named(app, reader, name, &job, error);
    if (status != FND_OK && status != FND_NOT_FOUND) {
        return status;
    }
    if (status == FND_NOT_FOUND) {
        return fnd_error_set(error, FND_NOT_FOUND,
                             "there is no request and no job '%s'; `" FND_PROGRAM
                             " ask list` shows who waits",
                             name);
    }
    status = fnd_request_of(reader, job.id, &row, error);
    if (status == FND_OK) {
        *request = row.id;
    } else if (status == FND_NOT_FOUND && fnd_step_get(reader, job.id, &step, NULL) == FND_OK) {
        fnd_error_set(error, FND_NOT_FOUND, "%s asks nothing: it is %s", job.path,
                      fnd_state_name(step.stand.state));
    }
    fnd_job_row_finish(&job);
    return status;
}

/** Requests page by page. */
struct list {
    struct fnd_app *app;
    struct fnd_reader *reader;
    const char *pipeline;
    struct fnd_table table;
    int64_t ids[PAGE];
    size_t count, shown;
};

static bool keep(const struct fnd_request_row *row, void *context)
{
    struct list *list = context;
    list->ids[list->count++] = row->id;
    return true;
}

static char *text_of(struct fnd_json value, const char *name)
{
    char *text = fnd_json_strdup(fnd_json_member(value, name));
    return text != NULL ? text : fnd_strdup("");
}

static void list_row(struct list *list, struct fnd_json request)
{
    struct fnd_json questions = fnd_json_member(request, "questions");
    char *path = text_of(request, "path"), *phase = text_of(request, "phase");
    char *at = text_of(request, "asked_at"), *first = NULL;
    int64_t number = 0;
    fnd_json_integer(fnd_json_member(request, "request"), &number);
    struct fnd_json_walk walk = fnd_json_walk(questions);
    if (fnd_json_next(&walk)) {
        first = text_of(walk.value, "question");
    }
    size_t count = fnd_json_count(questions);
    if (strlen(at) > 16) {
        at[16] = '\0'; /* minutes do, for people */
    }
    fnd_table_cell(&list->table, "%" PRId64, number);
    fnd_table_cell(&list->table, "%s", path);
    fnd_table_cell(&list->table, "%s", phase);
    fnd_table_cell(&list->table, "%s", at);
    if (count > 1) {
        fnd_table_cell(&list->table, "%zu: %s", count, first);
    } else {
        fnd_table_cell(&list->table, "%s", first != NULL ? first : "is all of this right?");
    }
    free(path);
    free(phase);
    free(at);
    free(first);
}

static enum fnd_status list_page(struct list *list, struct fnd_error *error)
{
    struct fnd_text text = {0};
    enum fnd_status status = FND_OK;
    for (size_t i = 0; i < list->count && status == FND_OK; i++) {
        struct fnd_json request = {0};
        status = fnd_request_read(list->reader, list->ids[i], &text, &request, error);
        if (status != FND_OK ||
            (list->pipeline != NULL &&
             !fnd_json_text_is(fnd_json_member(request, "pipeline"), list->pipeline))) {
            continue;
        }
        list->shown++;
        if (list->app->json) {
            fnd_value(list->app, request);
        } else {
            list_row(list, request);
        }
    }
    fnd_text_finish(&text);
    return status;
}

static enum fnd_status list_state(struct list *list, enum fnd_request_state state,
                                  struct fnd_error *error)
{
    struct fnd_walk walk = {.limit = PAGE};
    enum fnd_status status;
    do {
        list->count = 0;
        status = fnd_requests_walk(list->reader, state, &walk, keep, list, error);
        if (status == FND_OK) {
            status = list_page(list, error);
        }
        walk.after = list->count > 0 ? list->ids[list->count - 1] : 0;
    } while (status == FND_OK && list->count == PAGE);
    return status;
}

int fnd_command_ask_list(struct fnd_app *app)
{
    struct fnd_error error = {0};
    struct list *list = fnd_alloc(sizeof *list);
    list->app = app;
    list->pipeline = fnd_arguments_value(&app->arguments, FND_OPTION_PIPELINE);
    list->table.columns = 5;
    const char *const heading[] = {"REQUEST", "JOB", "PHASE", "ASKED", "QUESTIONS"};
    for (size_t i = 0; i < list->table.columns; i++) {
        fnd_table_cell(&list->table, "%s", heading[i]);
    }
    enum fnd_status status = fnd_directory_look(app->arguments.operands[0], &list->reader, &error);
    if (status == FND_OK) {
        status = list_state(list, FND_REQUEST_OPEN, &error);
    }
    if (status == FND_OK && fnd_arguments_has(&app->arguments, FND_OPTION_ALL)) {
        status = list_state(list, FND_REQUEST_ANSWERED, &error);
        if (status == FND_OK) {
            status = list_state(list, FND_REQUEST_WITHDRAWN, &error);
        }
    }
    if (status == FND_OK && list->shown == 0) {
        fnd_say(app, "nobody is asked for anything");
    }
    bool print = status == FND_OK && list->shown > 0 && !app->json;
    if (print) {
        fnd_table_print(app, &list->table, false);
        fnd_next(app, "next: " FND_PROGRAM " ask show %s REQUEST", fnd_reader_path(list->reader));
    } else {
        fnd_table_drop(&list->table);
    }
    fnd_reader_close(list->reader);
    free(list);
    return status == FND_OK ? FND_EXIT_DONE : fnd_fail(app, &error);
}
