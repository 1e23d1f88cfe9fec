/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sys/stat.h>

#include "base/file.h"
#include "command/commands.h"
#include "command/output.h"
#include "command/session.h"
#include "store/store.h"

static void tell(struct fnd_app *app, const char *path, const char *directory)
{
    if (app->json) {
        struct fnd_text json = {0};
        fnd_text_append_byte(&json, '{');
        fnd_field(&json, "directory", path);
        fnd_text_append_z(&json, "}\n");
        fnd_raw(app, fnd_text_z(&json), json.size);
        fnd_text_finish(&json);
    } else {
        fnd_line(app, "%s is a job directory", path);
    }
    fnd_next(app, "next: put input files into it, then " FND_PROGRAM " run PIPELINE %s", directory);
}

int fnd_command_init(struct fnd_app *app)
{
    const char *operand = app->arguments.operands[0];
    const char *directory = operand != NULL ? operand : ".";
    struct fnd_error error = {0};
    struct fnd_store *store = NULL;
    struct fnd_reader *reader = NULL;
    if (mkdir(directory, 0777) < 0 && errno != EEXIST) {
        fnd_error_errno(&error, fnd_status_errno(errno), errno, "cannot make the folder %s",
                        directory);
        return fnd_fail(app, &error);
    }
    /* Of one that is there already nothing is to be made, and an engine may hold it. */
    const bool is = fnd_directory_is(directory);
    const struct fnd_store_options options = {
        .env = app->env,
        .log = &app->log,
        .create = true,
        .network_allowed = fnd_arguments_has(&app->arguments, FND_OPTION_NETWORK),
        .lock_wait_ms = is ? 0 : FND_LOCK_WAIT_MS};
    enum fnd_status status = fnd_store_open(directory, &options, &store, &error);
    if (status == FND_BUSY && is && fnd_directory_read(directory, &reader, NULL) == FND_OK) {
        tell(app, fnd_reader_path(reader), directory);
        fnd_reader_close(reader);
        return FND_EXIT_DONE;
    }
    if (status != FND_OK) {
        return fnd_fail(app, &error);
    }
    tell(app, fnd_store_path(store), directory);
    fnd_store_close(store);
    return FND_EXIT_DONE;
}
