/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "command/commands.h"
#include "command/follow.h"
#include "command/output.h"

static void make_request(struct fnd_app *app, const char *path, struct fnd_text *request)
{
    const struct fnd_arguments *arguments = &app->arguments;
    const char **settings = fnd_arguments_list(arguments, FND_OPTION_PARAM);
    char *by = fnd_who(app);
    fnd_text_append_z(request, "{\"op\":\"run\",\"pipeline\":");
    fnd_text_append_json_z(request, path);
    fnd_text_append_z(request, ",\"settings\":[");
    for (size_t i = 0; settings[i] != NULL; i++) {
        struct fnd_text visible = {0}; /* what is no UTF-8 is refused there by name */
        fnd_text_append_visible(&visible, settings[i], strlen(settings[i]));
        bool utf8 = fnd_utf8_valid(settings[i], strlen(settings[i]));
        fnd_text_append_z(request, i > 0 ? "," : "");
        fnd_text_append_json_z(request, utf8 ? settings[i] : fnd_text_z(&visible));
        fnd_text_finish(&visible);
    }
    fnd_text_append_z(request, "],");
    fnd_field(request, "by", by);
    if (fnd_arguments_has(arguments, FND_OPTION_UPGRADE)) {
        fnd_text_append_z(request, fnd_arguments_has(arguments, FND_OPTION_DRY_RUN)
                                       ? ",\"upgrade\":\"dry\""
                                       : ",\"upgrade\":\"yes\"");
    }
    if (fnd_arguments_has(arguments, FND_OPTION_WATCH)) {
        fnd_text_append_z(request, ",\"watch\":true");
    }
    fnd_follow_news(app, request);
    fnd_text_append_byte(request, '}');
    free(settings);
    free(by);
}

/* The pipeline was refused: its errors as a compiler shows them, exit 4, 5 or 6.
 * path  what the engine calls the file, where the person said the operand. */
static int refused(struct fnd_app *app, struct fnd_json end, const char *path,
                   const struct fnd_error *error)
{
    struct fnd_json errors = fnd_json_member(end, "errors");
    char *text = fnd_json_strdup(fnd_json_member(end, "text"));
    struct fnd_text out = {0};
    assert(path != NULL);
    if (errors.bytes == NULL || text == NULL) {
        free(text);
        return fnd_fail(app, error);
    }
    if (app->json) {
        fnd_text_append_z(&out, "{\"errors\":");
        fnd_text_append(&out, errors.bytes, errors.size);
        fnd_text_append_z(&out, "}\n");
    } else {
        /* Made visible where it was rendered; the file is called as the person called it. */
        size_t size = strlen(path);
        for (const char *at = text; *at != '\0';) {
            size_t line = strcspn(at, "\n");
            if (strncmp(at, path, size) == 0 && (at[size] == ':' || at[size] == '\n')) {
                fnd_text_append_visible(&out, app->arguments.operands[0],
                                        strlen(app->arguments.operands[0]));
                fnd_text_append(&out, at + size, line - size);
            } else {
                fnd_text_append(&out, at, line);
            }
            fnd_text_append_byte(&out, '\n');
            at += line + (at[line] == '\n' ? 1 : 0);
        }
    }
    (void)fnd_write_all(STDERR_FILENO, fnd_text_z(&out), out.size);
    fnd_text_finish(&out);
    free(text);
    return error->status == FND_INVALID || error->status == FND_LIMIT
               ? FND_EXIT_PIPELINE
               : fnd_exit_code(error->status, 0);
}

static enum fnd_status check_options(const struct fnd_app *app, struct fnd_error *error)
{
    if (fnd_arguments_has(&app->arguments, FND_OPTION_DRY_RUN) &&
        !fnd_arguments_has(&app->arguments, FND_OPTION_UPGRADE)) {
        return fnd_error_set(error, FND_INVALID, "--dry-run goes with --upgrade only");
    }
    return FND_OK;
}

static int run(struct fnd_app *app, const char *directory, const char *path)
{
    struct fnd_error error = {0};
    struct fnd_text request = {0}, text = {0};
    struct fnd_json end = {0};
    struct fnd_follow follow = {.app = app};
    struct fnd_session *session = fnd_session_create(
        app, directory, fnd_arguments_has(&app->arguments, FND_OPTION_OWN), true);
    make_request(app, path, &request);
    enum fnd_status status =
        fnd_session_ask(session, &request, fnd_follow_line, &follow, &text, &end, &error);
    int code;
    if (status != FND_OK) {
        code = fnd_fail(app, &error);
    } else if (fnd_session_status(end, &error) != FND_OK) {
        code = refused(app, end, path, &error);
    } else if (fnd_json_member(end, "counts").bytes == NULL) {
        code = FND_EXIT_DONE; /* a dry run: nothing was set in motion */
    } else {
        code = fnd_follow_end(&follow, directory, end);
    }
    fnd_flush(app);
    fnd_session_destroy(session);
    fnd_text_finish(&request);
    fnd_text_finish(&text);
    return code;
}

int fnd_command_run(struct fnd_app *app)
{
    struct fnd_error error = {0};
    char *directory = NULL, *path = NULL;
    if (check_options(app, &error) != FND_OK) {
        fnd_complain(app, &error);
        return FND_EXIT_USAGE;
    }
    enum fnd_status status = fnd_path_absolute(app->arguments.operands[0], &path, &error);
    if (status == FND_OK) {
        status = fnd_directory_find(app->arguments.operands[1], &directory, &error);
    }
    int code = status == FND_OK ? run(app, directory, path) : fnd_fail(app, &error);
    free(directory);
    free(path);
    return code;
}
