/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>

#include "command/commands.h"
#include "command/output.h"
#include "command/session.h"
#include "store/verify.h"

static void print_file(void *context, struct fnd_json line)
{
    struct fnd_app *app = context;
    if (!fnd_json_text_is(fnd_json_member(line, "type"), "gc")) {
        return;
    }
    if (app->json) {
        fnd_raw(app, line.bytes, line.size);
        fnd_raw(app, "\n", 1);
        return;
    }
    int64_t size = 0;
    char *file = fnd_json_strdup(fnd_json_member(line, "file"));
    char *why = fnd_json_strdup(fnd_json_member(line, "why"));
    fnd_json_integer(fnd_json_member(line, "size"), &size);
    fnd_line(app, "%s: %s (%" PRId64 " bytes)", file, why, size);
    free(file);
    free(why);
}

static void print_end(struct fnd_app *app, struct fnd_json end, bool dry)
{
    int64_t artifacts = 0, plugins = 0, temporaries = 0, size = 0;
    if (app->json) {
        fnd_raw(app, end.bytes, end.size);
        fnd_raw(app, "\n", 1);
        return;
    }
    fnd_json_integer(fnd_json_member(end, "artifacts"), &artifacts);
    fnd_json_integer(fnd_json_member(end, "plugins"), &plugins);
    fnd_json_integer(fnd_json_member(end, "temporaries"), &temporaries);
    fnd_json_integer(fnd_json_member(end, "size"), &size);
    fnd_line(app,
             "%" PRId64 " artifacts, %" PRId64 " plugin copies, %" PRId64
             " temporary files: %" PRId64 " bytes %s",
             artifacts, plugins, temporaries, size, dry ? "would be freed" : "freed");
}

static void count_flaw(const char *sentence, void *context)
{
    struct fnd_app *app = context;
    fnd_say(app, "%s", sentence);
}

/* A record that is not whole may have forgotten what it names: then nothing may go. */
static enum fnd_status check_record(struct fnd_app *app, struct fnd_reader *reader,
                                    struct fnd_error *error)
{
    struct fnd_verify result;
    enum fnd_status status = fnd_store_verify(reader, &result, count_flaw, app, error);
    if (status == FND_OK && result.flaws > 0) {
        fnd_error_set(error, FND_DAMAGED,
                      "nothing was removed: verify finds %" PRId64
                      " flaw%s in %s, so what is named cannot be told for sure; mend it first",
                      result.flaws, result.flaws == 1 ? "" : "s", fnd_reader_path(reader));
        fnd_error_code(error, "record_damaged");
        status = FND_DAMAGED;
    }
    return status;
}

int fnd_command_gc(struct fnd_app *app)
{
    struct fnd_error error = {0};
    struct fnd_reader *reader = NULL;
    struct fnd_session *session = NULL;
    struct fnd_text request = {0}, text = {0};
    struct fnd_json end = {0};
    bool dry = fnd_arguments_has(&app->arguments, FND_OPTION_DRY_RUN);
    enum fnd_status status = fnd_directory_read(app->arguments.operands[0], &reader, &error);
    if (status == FND_OK) {
        status = check_record(app, reader, &error);
    }
    if (status == FND_OK) {
        fnd_text_printf(&request, "{\"op\":\"gc\",\"dry\":%s}", dry ? "true" : "false");
        session = fnd_session_create(app, fnd_reader_path(reader), false, false);
        status = fnd_session_ask(session, &request, print_file, app, &text, &end, &error);
    }
    if (status == FND_OK) {
        status = fnd_session_status(end, &error);
    }
    if (status == FND_OK) {
        print_end(app, end, dry);
    }
    fnd_flush(app);
    fnd_session_destroy(session);
    fnd_reader_close(reader);
    fnd_text_finish(&request);
    fnd_text_finish(&text);
    return status == FND_OK ? FND_EXIT_DONE : fnd_fail(app, &error);
}
