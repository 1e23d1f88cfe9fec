/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
#include "command/command.h"
#include "command/output.h"
#include "command/session.h"
#include "store/store.h"
#include "worker/pool.h"

int fnd_app_interrupts(const struct fnd_app *app)
{
    return *app->signals >> 8;
}

int fnd_app_signal(const struct fnd_app *app)
{
    return *app->signals & 0xff;
}

static size_t times_given(const struct fnd_arguments *arguments, enum fnd_option_id id)
{
    size_t times = 0;
    for (size_t i = 0; i < arguments->given_count; i++) {
        times += arguments->given[i].id == id;
    }
    return times;
}

static void take_common(struct fnd_app *app)
{
    const char *no_color = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    bool dumb = terminal == NULL || strcmp(terminal, "dumb") == 0;
    bool color = (no_color == NULL || no_color[0] == '\0') && !dumb;
    size_t verbose = times_given(&app->arguments, FND_OPTION_VERBOSE);
    app->json = fnd_arguments_has(&app->arguments, FND_OPTION_JSON);
    app->quiet = fnd_arguments_has(&app->arguments, FND_OPTION_QUIET);
    app->verbose = verbose > 0;
    app->color = color && !app->json && isatty(STDERR_FILENO);
    app->progress = !app->json && !app->quiet && !dumb && isatty(STDERR_FILENO);
    const char *format = fnd_arguments_value(&app->arguments, FND_OPTION_LOG_FORMAT);
    app->log = (struct fnd_log){.fd = STDERR_FILENO,
                                .env = app->env,
                                .level = app->quiet     ? FND_LOG_ERROR
                                         : verbose == 0 ? FND_LOG_WARNING
                                         : verbose == 1 ? FND_LOG_INFO
                                                        : FND_LOG_DEBUG,
                                .json = format != NULL ? strcmp(format, "json") == 0 : app->json};
}

/* A level that is named and that this machine does not have is refused before anything is touched.
 */
static bool isolation_is_here(struct fnd_app *app)
{
    const char *isolation = fnd_arguments_value(&app->arguments, FND_OPTION_ISOLATION);
    if (isolation == NULL || strcmp(isolation, "sandbox") != 0) {
        return true;
    }
    struct fnd_error error = {0};
    const bool there = fnd_sandbox_there(0, &error) == FND_OK;
    if (!there) {
        fnd_complain(app, &error);
    }
    return there;
}

/* A job directory where something in one is wanted: `show DIR` without the job, `run DIR PIPELINE`.
 */
static bool operands_fit(struct fnd_app *app)
{
    const struct fnd_operand *operands = app->arguments.command->operands;
    const char *const *given = app->arguments.operands;
    struct fnd_error error;
    if (operands == NULL || operands[0].name == NULL || operands[1].name == NULL) {
        return true;
    }
    if (given[0] == NULL && given[1] != NULL && operands[0].kind == FND_OPERAND_DIRECTORY &&
        fnd_directory_is(given[1])) {
        fnd_error_set(&error, FND_INVALID, "%s is a job directory: name the %s behind it", given[1],
                      operands[1].name);
    } else if (given[0] != NULL && operands[0].kind != FND_OPERAND_DIRECTORY &&
               operands[1].kind == FND_OPERAND_DIRECTORY && fnd_directory_is(given[0])) {
        fnd_error_set(&error, FND_INVALID, "%s is a job directory: the %s comes before it",
                      given[0], operands[0].name);
    } else {
        return true;
    }
    fnd_complain(app, &error);
    return false;
}

static int dispatch(struct fnd_app *app)
{
    struct fnd_text help = {0};
    const struct fnd_command *command = app->arguments.command;
    int code = FND_EXIT_DONE;
    if (app->arguments.version) {
        fnd_line(app, FND_PROGRAM " " FND_VERSION);
    } else if (app->arguments.help) {
        fnd_help(command, &help);
        fnd_raw(app, fnd_text_z(&help), help.size);
    } else if (command == NULL) {
        fnd_help(NULL, &help);
        (void)fnd_write_all(STDERR_FILENO, fnd_text_z(&help), help.size);
        code = FND_EXIT_USAGE;
    } else {
        code = !isolation_is_here(app) ? FND_EXIT_DENIED
               : operands_fit(app)     ? command->run(app)
                                       : FND_EXIT_USAGE;
    }
    fnd_text_finish(&help);
    return code;
}

int fnd_command_main(int count, const char *const *argv, const volatile sig_atomic_t *signals)
{
    fnd_digest_setup();
    fnd_store_setup();
    struct fnd_app app = {.env = fnd_env_system(), .signals = signals};
    struct fnd_error error = {0};
    enum fnd_status status = fnd_arguments_parse(fnd_commands(), count > 0 ? count - 1 : 0,
                                                 argv + 1, &app.arguments, &error);
    take_common(&app);
    int code = FND_EXIT_USAGE;
    if (status != FND_OK) {
        fnd_complain(&app, &error);
    } else {
        code = dispatch(&app);
    }
    fnd_flush(&app);
    fnd_progress(&app, "%s", "");
    fnd_text_finish(&app.out);
    fnd_arguments_finish(&app.arguments);
    return code;
}
