/* SPDX-License-Identifier: MIT */
#include "command/answer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "command/commands.h"
#include "command/follow.h"
#include "command/output.h"

enum { ANSWER_SIZE_MAX = 4 << 20 };

/** One `answer` command. */
struct answering {
    struct fnd_app *app;
    struct fnd_reader *reader;
    struct fnd_session *session;
    char *by;
    int64_t *jobs; /* that go on */
    size_t jobs_count;
    size_t refused, conflicts, failed;
    bool misused; /* the options say nothing that could be sent */
};

static bool has(const struct answering *answering, enum fnd_option_id id)
{
    return fnd_arguments_has(&answering->app->arguments, id);
}

/* Append `,"name":{…}` of options POINTER=TEXT. */
static enum fnd_status overrides(struct answering *answering, struct fnd_text *line,
                                 struct fnd_error *error)
{
    const char **list = fnd_arguments_list(&answering->app->arguments, FND_OPTION_OVERRIDE);
    enum fnd_status status = FND_OK;
    fnd_text_append_z(line, list[0] != NULL ? ",\"overrides\":{" : "");
    for (size_t i = 0; list[i] != NULL && status == FND_OK; i++) {
        const char *equals = strchr(list[i], '=');
        if (equals == NULL || equals[1] == '\0' || !fnd_utf8_valid(list[i], strlen(list[i]))) {
            status = fnd_error_set(error, FND_INVALID, "--override takes POINTER=REASON, not '%s'",
                                   list[i]);
            break;
        }
        struct fnd_text pointer = {0};
        if (list[i][0] == '/' || list[i][0] == '=') {
            fnd_text_append(&pointer, list[i], (size_t)(equals - list[i]));
        } else {
            fnd_json_pointer_add(&pointer, list[i], (size_t)(equals - list[i]));
        }
        fnd_text_append_z(line, i > 0 ? "," : "");
        fnd_text_append_json(line, fnd_text_z(&pointer), pointer.size);
        fnd_text_append_byte(line, ':');
        fnd_text_append_json_z(line, equals + 1);
        fnd_text_finish(&pointer);
    }
    fnd_text_append_z(line, list[0] != NULL ? "}" : "");
    free(list);
    return status;
}

static void removals(struct answering *answering, struct fnd_text *line)
{
    const char **list = fnd_arguments_list(&answering->app->arguments, FND_OPTION_REMOVE);
    fnd_text_append_z(line, list[0] != NULL ? ",\"removed\":[" : "");
    for (size_t i = 0; list[i] != NULL; i++) {
        struct fnd_text pointer = {0};
        if (list[i][0] == '/') {
            fnd_text_append_z(&pointer, list[i]);
        } else {
            fnd_json_pointer_add(&pointer, list[i], strlen(list[i]));
        }
        fnd_text_append_z(line, i > 0 ? "," : "");
        fnd_text_append_json(line, fnd_text_z(&pointer), pointer.size);
        fnd_text_finish(&pointer);
    }
    fnd_text_append_z(line, list[0] != NULL ? "]" : "");
    free(list);
}

/* What the options say, as members of the request. */
static enum fnd_status from_options(struct answering *answering, int64_t request,
                                    struct fnd_text *line, struct fnd_error *error)
{
    const struct fnd_arguments *arguments = &answering->app->arguments;
    const char *reason = fnd_arguments_value(arguments, FND_OPTION_REASON);
    const char *version = fnd_arguments_value(arguments, FND_OPTION_IF_VERSION);
    const char **settings = fnd_arguments_list(arguments, FND_OPTION_SET);
    struct fnd_text text = {0}, values = {0};
    struct fnd_json asked = {0};
    enum fnd_status status = FND_OK;
    if (settings[0] != NULL) {
        status = fnd_request_read(answering->reader, request, &text, &asked, error);
    }
    for (size_t i = 0; settings[i] != NULL && status == FND_OK; i++) {
        status = fnd_answer_set(asked, settings[i], &values, error);
    }
    if (status == FND_OK && settings[0] != NULL) {
        fnd_text_printf(line, ",\"values\":{%s}", fnd_text_z(&values));
    }
    removals(answering, line);
    if (status == FND_OK) {
        status = overrides(answering, line, error);
    }
    fnd_text_append_z(line, has(answering, FND_OPTION_ACCEPT) ? ",\"accept\":true" : "");
    fnd_text_append_z(line, has(answering, FND_OPTION_REJECT) ? ",\"reject\":true" : "");
    fnd_text_append_z(line, has(answering, FND_OPTION_TWINS) ? ",\"scope\":\"twins\"" : "");
    if (reason != NULL) {
        fnd_text_append_byte(line, ',');
        fnd_field(line, "reason", reason);
    }
    if (version != NULL) {
        fnd_text_printf(line, ",\"version\":%ld", strtol(version, NULL, 10));
    }
    free(settings);
    fnd_text_finish(&text);
    fnd_text_finish(&values);
    return status;
}

static void begin_request(const struct answering *answering, int64_t request, bool by,
                          struct fnd_text *line)
{
    fnd_text_printf(line, "{\"op\":\"answer\",\"request\":%" PRId64 ",\"run\":%s", request,
                    has(answering, FND_OPTION_NO_RUN) ? "false" : "true");
    if (by) {
        fnd_text_append_byte(line, ',');
        fnd_field(line, "by", answering->by);
    }
}

static void tell_fields(struct answering *answering, struct fnd_json end)
{
    struct fnd_json fields = fnd_json_member(end, "fields");
    for (struct fnd_json_walk walk = fnd_json_walk(fields); fnd_json_next(&walk);) {
        char *pointer = fnd_json_strdup(fnd_json_member(walk.value, "pointer"));
        char *message = fnd_json_strdup(fnd_json_member(walk.value, "message"));
        struct fnd_error error = {0};
        fnd_error_set(&error, FND_INVALID, "%s: %s",
                      pointer != NULL && pointer[0] != '\0' ? pointer : "(whole)",
                      message != NULL ? message : "is wrong");
        fnd_complain(answering->app, &error);
        free(pointer);
        free(message);
    }
}

/* How one answer ended: counted, told, its job noted. */
static void tell_end(struct answering *answering, struct fnd_json end)
{
    struct fnd_app *app = answering->app;
    struct fnd_error error = {0};
    int64_t job = 0, request = 0;
    enum fnd_status status = fnd_session_status(end, &error);
    fnd_json_integer(fnd_json_member(end, "job"), &job);
    fnd_json_integer(fnd_json_member(end, "request"), &request);
    if (app->json) {
        fnd_raw(app, end.bytes, end.size);
        fnd_raw(app, "\n", 1);
    }
    if (status == FND_OK) {
        answering->jobs =
            fnd_realloc(answering->jobs, answering->jobs_count + 1, sizeof *answering->jobs);
        answering->jobs[answering->jobs_count++] = job;
        fnd_say(app, "request %" PRId64 ": the answer is taken", request);
        return;
    }
    if (!app->json) {
        fnd_complain(app, &error);
        tell_fields(answering, end);
        struct fnd_json standing = fnd_json_member(end, "standing");
        if (standing.bytes != NULL) {
            fnd_say(app, "what stands:");
            fnd_value(app, standing);
        }
    }
    answering->conflicts += status == FND_CONFLICT;
    answering->refused += status == FND_INVALID;
    if (status != FND_CONFLICT && status != FND_INVALID) {
        answering->failed = (size_t)fnd_exit_code(status, fnd_app_signal(app));
    }
}

static enum fnd_status send_answer(struct answering *answering, const struct fnd_text *line,
                                   struct fnd_error *error)
{
    struct fnd_text text = {0};
    struct fnd_json end = {0};
    enum fnd_status status =
        fnd_session_ask(answering->session, line, NULL, NULL, &text, &end, error);
    if (status == FND_OK) {
        tell_end(answering, end);
    }
    fnd_text_finish(&text);
    return status;
}

/* An answer as JSON: a file's, or a line's (then it names its request). */
static enum fnd_status send_object(struct answering *answering, const char *bytes, size_t size,
                                   const char *file, size_t number, int64_t request,
                                   struct fnd_error *error)
{
    struct fnd_json answer = {0};
    struct fnd_text members = {0}, line = {0};
    bool by = false;
    enum fnd_status status = fnd_json_check(bytes, size, file, &answer, error);
    if (status == FND_OK) {
        status = fnd_answer_members(answer, &members, &by, error);
    }
    struct fnd_json named = fnd_json_member(answer, "request");
    if (status == FND_OK && request == 0 && !fnd_json_integer(named, &request)) {
        char *name = fnd_json_strdup(named);
        status = name == NULL
                     ? fnd_error_set(error, FND_INVALID, "the answer does not name its \"request\"")
                     : fnd_request_named(answering->app, answering->reader, name, &request, error);
        free(name);
    }
    if (status != FND_OK && number > 0) {
        fnd_error_place(error, file, number, error->column > 0 ? error->column : 1);
    }
    if (status == FND_OK) {
        begin_request(answering, request, !by, &line);
        fnd_text_append(&line, fnd_text_z(&members), members.size);
        fnd_text_append_byte(&line, '}');
        status = send_answer(answering, &line, error);
        if (status != FND_OK) {
            answering->failed = (size_t)fnd_exit_code(status, fnd_app_signal(answering->app));
        }
    } else {
        answering->refused++;
    }
    fnd_text_finish(&members);
    fnd_text_finish(&line);
    return status;
}

/* A JSON object a line; one that is wrong does not stop the others. */
static enum fnd_status from_stdin(struct answering *answering, struct fnd_error *error)
{
    char *line = NULL;
    size_t capacity = 0, number = 0;
    ssize_t size;
    while ((size = getline(&line, &capacity, stdin)) >= 0) {
        number++;
        if (size > 0 && line[size - 1] == '\n') {
            size--;
        }
        if (strspn(line, " \t\r\n") >= (size_t)size) {
            continue;
        }
        if (size > ANSWER_SIZE_MAX) {
            fnd_error_set(error, FND_LIMIT, "line %zu is longer than 4 MiB", number);
            answering->refused++;
            fnd_complain(answering->app, error);
            continue;
        }
        if (send_object(answering, line, (size_t)size, "stdin", number, 0, error) != FND_OK) {
            if (answering->failed != 0) {
                break; /* no engine, or interrupted: the next would fare alike */
            }
            fnd_complain(answering->app, error);
        }
    }
    free(line);
    return answering->failed != 0 ? error->status : FND_OK;
}

static enum fnd_status answer_one(struct answering *answering, const char *name,
                                  struct fnd_error *error)
{
    int64_t request = 0;
    const char *file = fnd_arguments_value(&answering->app->arguments, FND_OPTION_FILE);
    enum fnd_status status =
        fnd_request_named(answering->app, answering->reader, name, &request, error);
    if (status != FND_OK) {
        return status;
    }
    struct fnd_text line = {0};
    if (file != NULL) {
        status = fnd_file_read(AT_FDCWD, file, ANSWER_SIZE_MAX, &line, error);
        if (status == FND_OK) {
            status = send_object(answering, fnd_text_z(&line), line.size, file, 0, request, error);
        }
    } else {
        begin_request(answering, request, true, &line);
        status = from_options(answering, request, &line, error);
        answering->misused = status == FND_INVALID;
        fnd_text_append_byte(&line, '}');
        if (status == FND_OK) {
            status = send_answer(answering, &line, error);
        }
    }
    fnd_text_finish(&line);
    return status;
}

/* One way to answer at a time. */
static bool options_fit(struct answering *answering, const char *name, struct fnd_error *error)
{
    bool changes = has(answering, FND_OPTION_SET) || has(answering, FND_OPTION_REMOVE);
    bool accepts = has(answering, FND_OPTION_ACCEPT), rejects = has(answering, FND_OPTION_REJECT);
    bool file = has(answering, FND_OPTION_FILE), many = strcmp(name, "-") == 0;
    bool overrides_only = has(answering, FND_OPTION_OVERRIDE) && !changes;
    int ways = changes + accepts + rejects + file + many + (overrides_only && !accepts);
    if (ways == 1) {
        return true;
    }
    fnd_error_set(error, FND_INVALID,
                  ways == 0 ? "say the answer: --set FIELD=VALUE, --remove, --accept, --reject, "
                              "--override, or --file"
                            : "an answer sets or removes fields, or accepts, or rejects, or comes "
                              "from a file or stdin: only one of them");
    return false;
}

int fnd_command_answer(struct fnd_app *app)
{
    struct answering answering = {.app = app};
    struct fnd_error error = {0};
    const char *name = app->arguments.operands[1];
    if (!options_fit(&answering, name, &error)) {
        fnd_complain(app, &error);
        return FND_EXIT_USAGE;
    }
    int code = FND_EXIT_DONE;
    enum fnd_status status =
        fnd_directory_read(app->arguments.operands[0], &answering.reader, &error);
    if (status == FND_OK) {
        answering.by = fnd_who(app);
        answering.session =
            fnd_session_create(app, fnd_reader_path(answering.reader), false, false);
        status = strcmp(name, "-") == 0 ? from_stdin(&answering, &error)
                                        : answer_one(&answering, name, &error);
    }
    if (status != FND_OK) {
        code = fnd_fail(app, &error);
        code = answering.misused ? FND_EXIT_USAGE : code;
    } else if (answering.jobs_count > 0 && !has(&answering, FND_OPTION_NO_RUN)) {
        code = fnd_follow_jobs(app, answering.session, fnd_reader_path(answering.reader),
                               answering.jobs, answering.jobs_count);
    }
    if (status == FND_OK) {
        code = answering.failed != 0     ? (int)answering.failed
               : answering.refused > 0   ? FND_EXIT_FAILED
               : answering.conflicts > 0 ? FND_EXIT_CONFLICT
                                         : code;
    }
    fnd_flush(app);
    fnd_session_destroy(answering.session);
    fnd_reader_close(answering.reader);
    free(answering.by);
    free(answering.jobs);
    return code;
}
