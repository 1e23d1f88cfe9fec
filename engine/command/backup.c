/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "command/commands.h"
#include "command/output.h"
#include "command/session.h"
#include "store/backup.h"

static void print(struct fnd_app *app, const char *target, const struct fnd_backup *backup)
{
    if (app->json) {
        struct fnd_text json = {0};
        fnd_text_append_byte(&json, '{');
        fnd_field(&json, "directory", target);
        fnd_text_printf(&json,
                        ",\"events\":%" PRId64 ",\"artifacts\":%" PRId64 ",\"plugins\":%" PRId64
                        ",\"size\":%" PRIu64 "}\n",
                        backup->events, backup->artifacts, backup->plugins, backup->size);
        fnd_raw(app, fnd_text_z(&json), json.size);
        fnd_text_finish(&json);
        return;
    }
    fnd_line(app,
             "%s: %" PRId64 " events, %" PRId64 " artifacts, %" PRId64 " plugin copies, %" PRIu64
             " bytes; verified",
             target, backup->events, backup->artifacts, backup->plugins, backup->size);
    fnd_next(app, "it is a job directory: " FND_PROGRAM " status %s", target);
}

int fnd_command_backup(struct fnd_app *app)
{
    struct fnd_error error = {0};
    struct fnd_reader *reader = NULL;
    struct fnd_backup backup = {0};
    char *target = fnd_strdup(app->arguments.operands[1]);
    for (size_t size = strlen(target); size > 1 && target[size - 1] == '/'; size--) {
        target[size - 1] = '\0';
    }
    enum fnd_status status = fnd_directory_read(app->arguments.operands[0], &reader, &error);
    if (status == FND_OK) {
        status = fnd_store_backup(reader, target, &backup, &error);
    }
    if (status == FND_OK) {
        print(app, target, &backup);
    }
    fnd_reader_close(reader);
    free(target);
    return status == FND_OK ? FND_EXIT_DONE : fnd_fail(app, &error);
}
