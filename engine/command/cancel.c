/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>

#include "command/commands.h"
#include "command/output.h"
#include "command/session.h"

int fnd_command_cancel(struct fnd_app *app)
{
    struct fnd_error error = {0};
    struct fnd_reader *reader = NULL;
    struct fnd_job_row job = {0};
    struct fnd_text request = {0}, text = {0};
    struct fnd_json end = {0};
    struct fnd_session *session = NULL;
    const char *reason = fnd_arguments_value(&app->arguments, FND_OPTION_REASON);
    enum fnd_status status = fnd_directory_read(app->arguments.operands[0], &reader, &error);
    if (status == FND_OK) {
        status = fnd_job_named(app, reader, app->arguments.operands[1], &job, &error);
    }
    if (status != FND_OK) {
        goto out;
    }
    char *by = fnd_who(app);
    fnd_text_printf(&request, "{\"op\":\"cancel\",\"job\":%" PRId64 ",", job.id);
    fnd_field(&request, "by", by);
    if (reason != NULL) {
        fnd_text_append_byte(&request, ',');
        fnd_field(&request, "reason", reason);
    }
    fnd_text_append_byte(&request, '}');
    free(by);
    session = fnd_session_create(app, fnd_reader_path(reader), false, false);
    status = fnd_session_ask(session, &request, NULL, NULL, &text, &end, &error);
    if (status == FND_OK) {
        status = fnd_session_status(end, &error);
    }
    if (status == FND_OK && app->json) {
        struct fnd_text json = {0};
        fnd_text_printf(&json, "{\"job\":%" PRId64 ",", job.id);
        fnd_field(&json, "path", job.path);
        fnd_text_append_z(&json, ",\"state\":\"cancelled\"}\n");
        fnd_raw(app, fnd_text_z(&json), json.size);
        fnd_text_finish(&json);
    } else if (status == FND_OK) {
        fnd_line(app, "%s: cancelled", job.path);
    }
out:
    fnd_flush(app);
    fnd_session_destroy(session);
    fnd_reader_close(reader);
    fnd_job_row_finish(&job);
    fnd_text_finish(&request);
    fnd_text_finish(&text);
    return status == FND_OK ? FND_EXIT_DONE : fnd_fail(app, &error);
}
