/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "command/commands.h"
#include "command/output.h"
#include "command/session.h"
#include "store/verify.h"

struct flaws {
    struct fnd_app *app;
    struct fnd_text json;
};

static void flaw(const char *sentence, void *context)
{
    struct flaws *flaws = context;
    if (!flaws->app->json) {
        fnd_line(flaws->app, "%s", sentence);
        return;
    }
    struct fnd_text visible = {0};
    fnd_text_append_z(&flaws->json, flaws->json.size > 0 ? "," : "");
    fnd_text_append_visible(&visible, sentence, strlen(sentence));
    fnd_text_append_json(&flaws->json, fnd_text_z(&visible), visible.size);
    fnd_text_finish(&visible);
}

static void print_json(struct fnd_app *app, const struct fnd_verify *result,
                       const struct fnd_text *flaws)
{
    struct fnd_text json = {0};
    fnd_text_printf(&json,
                    "{\"events\":%" PRId64 ",\"payloads\":%" PRId64 ",\"erased\":%" PRId64
                    ",\"artifacts\":%" PRId64 ",\"plugins\":%" PRId64 ",\"rows\":%" PRId64
                    ",\"flaws\":[%s]}\n",
                    result->events, result->payloads, result->erased, result->artifacts,
                    result->plugins, result->rows, fnd_text_z(flaws));
    fnd_raw(app, fnd_text_z(&json), json.size);
    fnd_text_finish(&json);
}

int fnd_command_verify(struct fnd_app *app)
{
    struct fnd_error error = {0};
    struct fnd_reader *reader = NULL;
    struct fnd_verify result = {0};
    struct flaws flaws = {.app = app};
    enum fnd_status status = fnd_directory_read(app->arguments.operands[0], &reader, &error);
    if (status == FND_OK) {
        status = fnd_store_verify(reader, &result, flaw, &flaws, &error);
    }
    if (status == FND_OK && app->json) {
        print_json(app, &result, &flaws.json);
    } else if (status == FND_OK) {
        fnd_line(app,
                 "%s: %" PRId64 " events, %" PRId64 " payloads, %" PRId64 " rows, %" PRId64
                 " artifacts, %" PRId64 " plugin copies looked at: %" PRId64 " flaw%s",
                 fnd_reader_path(reader), result.events, result.payloads, result.rows,
                 result.artifacts, result.plugins, result.flaws, result.flaws == 1 ? "" : "s");
    }
    fnd_reader_close(reader);
    fnd_text_finish(&flaws.json);
    if (status != FND_OK) {
        return fnd_fail(app, &error);
    }
    return result.flaws > 0 ? FND_EXIT_FAILED : FND_EXIT_DONE;
}
