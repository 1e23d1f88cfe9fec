/* SPDX-License-Identifier: MIT */
#include "serve/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "command/commands.h"
#include "command/output.h"
#include "command/session.h"
#include "learn/prover.h"
#include "review/review.h"

enum { TOKEN_FILE_SIZE_MAX = 4096, WAIT_MS = 50 };

/** What the command was told, owned. */
struct told {
    const char **directories;
    char *found; /* the directory, where none was named */
    const char **pipelines_given;
    char **pipelines; /* absolute */
    const char **settings, **hosts;
    char *by, *plugin_path;
    struct fnd_text tokens; /* what the people's names and tokens are in */
    struct fnd_serve_person *people;
    size_t people_count;
};

static void told_finish(struct told *told)
{
    for (size_t i = 0; told->pipelines != NULL && told->pipelines[i] != NULL; i++) {
        free(told->pipelines[i]);
    }
    free(told->pipelines);
    free(told->pipelines_given);
    free(told->directories);
    free(told->found);
    free(told->settings);
    free(told->hosts);
    fnd_text_finish(&told->tokens);
    free(told->people);
    free(told->by);
    free(told->plugin_path);
}

/* A line a person: TOKEN, who is `by`, or NAME TOKEN; in a file that nobody else may read. */
static enum fnd_status read_tokens(const char *file, struct told *told, struct fnd_error *error)
{
    struct stat about;
    if (stat(file, &about) == 0 && (about.st_mode & 077) != 0) {
        return fnd_error_set(error, FND_DENIED, "others may read the token file %s: chmod 600 %s",
                             file, file);
    }
    enum fnd_status status =
        fnd_file_read(AT_FDCWD, file, TOKEN_FILE_SIZE_MAX, &told->tokens, error);
    char *line = status == FND_OK ? told->tokens.bytes : NULL;
    while (line != NULL && *line != '\0') {
        char *next = line + strcspn(line, "\r\n"), *space = NULL;
        next += *next != '\0' ? (*next = '\0', 1) : 0;
        space = strrchr(line, ' ');
        if (line[0] != '\0' && line[0] != '#') {
            told->people = fnd_realloc(told->people, told->people_count + 1, sizeof *told->people);
            told->people[told->people_count++] = (struct fnd_serve_person){
                space != NULL ? line : told->by, space != NULL ? space + 1 : line};
            if (space != NULL) {
                *space = '\0';
            }
        }
        line = next;
    }
    if (status == FND_OK && told->people_count == 0) {
        status = fnd_error_set(error, FND_INVALID, "there is no token in %s", file);
    }
    return status;
}

static enum fnd_status read_pipelines(struct fnd_app *app, struct told *told,
                                      struct fnd_error *error)
{
    size_t count = 0;
    told->pipelines_given = fnd_arguments_list(&app->arguments, FND_OPTION_PIPELINE);
    while (told->pipelines_given[count] != NULL) {
        count++;
    }
    told->pipelines = fnd_alloc((count + 1) * sizeof *told->pipelines);
    for (size_t i = 0; i < count; i++) {
        enum fnd_status status =
            fnd_path_absolute(told->pipelines_given[i], &told->pipelines[i], error);
        if (status != FND_OK) {
            return status;
        }
    }
    return FND_OK;
}

static enum fnd_status read_told(struct fnd_app *app, struct told *told, struct fnd_error *error)
{
    const struct fnd_arguments *arguments = &app->arguments;
    const char *token = fnd_arguments_value(arguments, FND_OPTION_TOKEN_FILE);
    enum fnd_status status = FND_OK;
    told->directories = fnd_alloc((arguments->more_count + 2) * sizeof *told->directories);
    if (arguments->operands[0] != NULL) {
        told->directories[0] = arguments->operands[0];
        for (size_t i = 0; i < arguments->more_count; i++) {
            told->directories[i + 1] = arguments->more[i];
        }
    } else {
        status = fnd_directory_find(NULL, &told->found, error);
        told->directories[0] = told->found;
    }
    told->settings = fnd_arguments_list(arguments, FND_OPTION_PARAM);
    told->hosts = fnd_arguments_list(arguments, FND_OPTION_HOST);
    told->by = fnd_who(app);
    told->plugin_path = fnd_plugin_path(app);
    if (status == FND_OK) {
        status = read_pipelines(app, told, error);
    }
    if (status == FND_OK && token != NULL) {
        status = read_tokens(token, told, error);
    }
    return status;
}

static enum fnd_status number_option(const struct fnd_app *app, enum fnd_option_id id,
                                     const char *name, unsigned long max, size_t *number,
                                     struct fnd_error *error)
{
    const char *text = fnd_arguments_value(&app->arguments, id);
    char *end = NULL;
    if (text == NULL) {
        return FND_OK;
    }
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < 1 || value > max) {
        return fnd_error_set(error, FND_INVALID, "--%s is a number from 1 to %lu, not %s", name,
                             max, text);
    }
    *number = value;
    return FND_OK;
}

static struct fnd_serve_options serve_options(struct fnd_app *app, const struct told *told)
{
    const struct fnd_arguments *arguments = &app->arguments;
    const char *listen = fnd_arguments_value(arguments, FND_OPTION_LISTEN);
    const char *isolation = fnd_arguments_value(arguments, FND_OPTION_ISOLATION);
    const char *jobs = fnd_arguments_value(arguments, FND_OPTION_JOBS);
    struct fnd_serve_options options = {
        .env = app->env,
        .log = &app->log,
        .engine = {.env = app->env,
                   .log = &app->log,
                   .kinds = fnd_review_kinds(),
                   .prover = fnd_learn_prover(),
                   .store = {.create = true,
                             .network_allowed = fnd_arguments_has(arguments, FND_OPTION_NETWORK),
                             .lock_wait_ms = FND_SESSION_WAIT_MS},
                   .plugin_path = told->plugin_path,
                   .secrets_dir = fnd_arguments_value(arguments, FND_OPTION_SECRETS_DIR),
                   .isolation = FND_ISOLATION_SANDBOX,
                   .allow_root = fnd_arguments_has(arguments, FND_OPTION_ALLOW_ROOT),
                   .workers_max = jobs != NULL ? (size_t)strtoul(jobs, NULL, 10) : 0},
        .directories = told->directories,
        .pipelines = (const char *const *)told->pipelines,
        .settings = told->settings,
        .watch = !fnd_arguments_has(arguments, FND_OPTION_NO_WATCH),
        .listen = listen != NULL ? listen : "127.0.0.1:7420",
        .hosts = told->hosts,
        .by = told->by,
        .people = told->people,
        .people_count = told->people_count,
        .metrics_open = fnd_arguments_has(arguments, FND_OPTION_METRICS_OPEN),
        .version = FND_VERSION};
    if (isolation != NULL) {
        (void)fnd_isolation_parse(isolation, &options.engine.isolation);
    }
    return options;
}

static void announce(struct fnd_app *app, const struct fnd_serve *serve)
{
    const char *url = fnd_serve_url(serve), *token = fnd_serve_token(serve);
    if (app->json) {
        struct fnd_text json = {0};
        fnd_text_append_z(&json, "{\"type\":\"listening\",");
        fnd_field(&json, "url", url);
        fnd_text_append_byte(&json, ',');
        fnd_field(&json, "token", token);
        fnd_text_append_z(&json, ",\"login\":\"");
        fnd_text_printf(&json, "%s/login?token=%s\"}\n", url, token);
        fnd_raw(app, fnd_text_z(&json), json.size);
        fnd_text_finish(&json);
    } else {
        fnd_line(app, "%s/login?token=%s", url, token);
        fnd_say(app, "the line above lets whoever opens it act as you; stop with Ctrl-C");
    }
    fnd_flush(app);
}

static int serve_until_signal(struct fnd_app *app, struct fnd_serve *serve)
{
    int heeded = 0;
    announce(app, serve);
    while (!fnd_serve_stopped(serve)) {
        int interrupts = fnd_app_interrupts(app);
        if (interrupts > heeded) {
            heeded = interrupts;
            fnd_say(app, heeded > 1 ? "stopping now" : "finishing what runs; once more stops it");
            fnd_serve_stop(serve, heeded > 1);
        }
        poll(NULL, 0, WAIT_MS); /* a signal ends it early */
    }
    fnd_serve_destroy(serve);
    return FND_EXIT_SIGNAL + fnd_app_signal(app);
}

int fnd_command_serve(struct fnd_app *app)
{
    struct fnd_error error = {0};
    struct told told = {0};
    struct fnd_text text = {0};
    struct fnd_serve *serve = NULL;
    size_t connections = 0, upload_mib = 0, timeout_s = 0;
    enum fnd_status status = number_option(app, FND_OPTION_CONNECTIONS, "connections",
                                           FND_SERVE_CONNECTIONS_MAX, &connections, &error);
    if (status == FND_OK) {
        status =
            number_option(app, FND_OPTION_UPLOAD_MAX, "upload-max", 1 << 20, &upload_mib, &error);
    }
    if (status == FND_OK) {
        status = number_option(app, FND_OPTION_TIMEOUT, "timeout", 3600, &timeout_s, &error);
    }
    if (status != FND_OK) {
        fnd_complain(app, &error);
        return FND_EXIT_USAGE;
    }
    int code;
    status = read_told(app, &told, &error);
    if (status == FND_OK) {
        struct fnd_serve_options options = serve_options(app, &told);
        options.connections_max = connections;
        options.upload_size_max = (uint64_t)upload_mib << 20;
        options.timeout_ms = (int64_t)timeout_s * 1000;
        status = fnd_serve_create(&options, &serve, &text, &error);
    }
    if (status == FND_OK) {
        code = serve_until_signal(app, serve);
    } else if (text.size > 0 && !app->json) {
        (void)fnd_write_all(STDERR_FILENO, fnd_text_z(&text), text.size);
        code = FND_EXIT_PIPELINE;
    } else {
        code = fnd_fail(app, &error);
    }
    fnd_text_finish(&text);
    told_finish(&told);
    return code;
}
