/* SPDX-License-Identifier: MIT */
#include "command/commands.h"
#include "command/output.h"
#include "command/session.h"
#include "learn/curve.h"

int fnd_command_models_curve(struct fnd_app *app)
{
    struct fnd_error error = {0};
    struct fnd_reader *reader = NULL;
    struct fnd_curve curve = {0};
    struct fnd_text text = {0};
    const char *only = fnd_arguments_value(&app->arguments, FND_OPTION_PIPELINE);
    enum fnd_status status = fnd_directory_read(app->arguments.operands[0], &reader, &error);
    if (status == FND_OK) {
        status = fnd_curve_read(reader, only, &curve, &error);
    }
    if (status == FND_OK) {
        if (app->json) {
            fnd_curve_json(&curve, &text);
            fnd_text_append_byte(&text, '\n');
        } else {
            fnd_curve_text(&curve, &text);
        }
        fnd_raw(app, text.bytes, text.size);
    }
    fnd_flush(app);
    fnd_text_finish(&text);
    fnd_curve_finish(&curve);
    fnd_reader_close(reader);
    return status == FND_OK ? FND_EXIT_DONE : fnd_fail(app, &error);
}
