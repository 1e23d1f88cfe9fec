/* SPDX-License-Identifier: MIT */
/* The whole loop in one command: samples, pipeline, review page, report, export. What serves is
 * what `serve` uses; this file only asks, waits and ends. */
#define _GNU_SOURCE /* environ */
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "command/commands.h"
#include "command/demo.h"
#include "command/output.h"
#include "command/session.h"
#include "learn/prover.h"
#include "review/review.h"
#include "serve/serve.h"

enum {
    PORT = 8000,
    PORTS_TRIED = 100,
    PORT_MAX = 65535,
    LOOK_MS = 100,   /* between looks at what is new */
    LINGER_MS = 2000 /* behind the last answer, so that the page shows it, and U takes it back */
};

static const struct demo_case cases[] = {
    {"invoice", "Invoice OCR", "invoice-ocr", NULL},
    {"poles", "Pole Detection", "pole-detection",
     "the boxes are canned results: no model looks at these pictures"}};
enum { CASES = sizeof cases / sizeof cases[0] };

/** A run of the demo. */
struct demo {
    struct fnd_app *app;
    const struct demo_case *chosen;
    double threshold;
    size_t port;
    char *directory, *folder, *pipeline, *by, *plugin_path;
    char setting[64], listen[32]; /* the pipeline's threshold; ADDR:PORT */
    /* What the server borrows, NULL-ended. */
    const char *directories[2], *pipelines[2], *settings[2], *hosts[1];
    size_t jobs;
    struct fnd_serve *serve;
    pid_t browser; /* 0: none */
};

static void demo_finish(struct demo *demo)
{
    free(demo->directory);
    free(demo->folder);
    free(demo->pipeline);
    free(demo->by);
    free(demo->plugin_path);
}

/* --- what to do ------------------------------------------------------------------------------ */

/* A line from the terminal without its end; false at its end or when a signal came. */
static bool ask(struct demo *demo, const char *question, char answer[32])
{
    size_t size = 0;
    char byte = '\0';
    (void)fnd_write_all(STDERR_FILENO, question, strlen(question));
    while (byte != '\n') {
        struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
        if (fnd_app_interrupts(demo->app) > 0 ||
            (poll(&input, 1, LOOK_MS) > 0 && read(STDIN_FILENO, &byte, 1) <= 0)) {
            return false;
        }
        if (input.revents != 0 && byte != '\n' && size + 1 < 32) {
            answer[size++] = byte;
        }
    }
    answer[size] = '\0';
    return true;
}

static bool parse_threshold(const char *text, double *threshold)
{
    char *end = NULL;
    double value = strtod(text, &end);
    bool good = text[0] >= '0' && text[0] <= '9' && *end == '\0' && value >= 0 && value <= 1;
    *threshold = good ? value : *threshold;
    return good;
}

static enum fnd_status ask_case(struct demo *demo, struct fnd_error *error)
{
    char answer[32];
    for (;;) {
        if (!ask(demo,
                 "Use case: 1 Invoice OCR, 2 Pole Detection (canned results) [1]: ", answer)) {
            return fnd_error_set(error, FND_INTERRUPTED, "nothing was begun");
        }
        if (answer[0] == '\0') {
            return FND_OK;
        }
        for (size_t i = 0; i < CASES; i++) {
            if (strcmp(answer, cases[i].name) == 0 ||
                (answer[0] == (char)('1' + (int)i) && answer[1] == '\0')) {
                demo->chosen = &cases[i];
                return FND_OK;
            }
        }
    }
}

static enum fnd_status ask_threshold(struct demo *demo, struct fnd_error *error)
{
    char answer[32];
    do {
        if (!ask(demo, "Ask below which confidence, 0 to 1 [0.9]: ", answer)) {
            return fnd_error_set(error, FND_INTERRUPTED, "nothing was begun");
        }
    } while (answer[0] != '\0' && !parse_threshold(answer, &demo->threshold));
    return FND_OK;
}

static enum fnd_status read_options(struct demo *demo, struct fnd_error *error)
{
    const struct fnd_arguments *arguments = &demo->app->arguments;
    const char *name = fnd_arguments_value(arguments, FND_OPTION_CASE);
    const char *threshold = fnd_arguments_value(arguments, FND_OPTION_THRESHOLD);
    const char *port = fnd_arguments_value(arguments, FND_OPTION_PORT);
    for (size_t i = 0; name != NULL && i < CASES; i++) {
        demo->chosen = strcmp(name, cases[i].name) == 0 ? &cases[i] : demo->chosen;
    }
    if (threshold != NULL && !parse_threshold(threshold, &demo->threshold)) {
        return fnd_error_set(error, FND_INVALID, "--threshold is a number from 0 to 1, not %s",
                             threshold);
    }
    if (port != NULL) {
        char *end = NULL;
        unsigned long value = strtoul(port, &end, 10);
        if (port[0] < '0' || port[0] > '9' || *end != '\0' || value < 1 || value > PORT_MAX) {
            return fnd_error_set(error, FND_INVALID, "--port is a number from 1 to %d, not %s",
                                 PORT_MAX, port);
        }
        demo->port = value;
    }
    return FND_OK;
}

static enum fnd_status ask_rest(struct demo *demo, struct fnd_error *error)
{
    const struct fnd_arguments *arguments = &demo->app->arguments;
    enum fnd_status status = FND_OK;
    if (demo->app->json || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
        return FND_OK;
    }
    if (!fnd_arguments_has(arguments, FND_OPTION_CASE)) {
        status = ask_case(demo, error);
    }
    if (status == FND_OK && !fnd_arguments_has(arguments, FND_OPTION_THRESHOLD)) {
        status = ask_threshold(demo, error);
    }
    return status;
}

/* --- the run --------------------------------------------------------------------------------- */

static enum fnd_status prepare(struct demo *demo, struct fnd_error *error)
{
    struct fnd_text pipeline = {0};
    demo->folder = demo_folder(demo->chosen);
    fnd_text_printf(&pipeline, "%s/%s.yaml", demo->folder, demo->chosen->pipeline);
    demo->pipeline = fnd_text_take(&pipeline);
    demo->by = fnd_who(demo->app);
    demo->plugin_path = fnd_plugin_path(demo->app);
    (void)snprintf(demo->setting, sizeof demo->setting, "threshold=%.12g", demo->threshold);
    enum fnd_status status =
        demo_directory(demo->app->arguments.operands[0], &demo->directory, error);
    return status == FND_OK ? demo_samples(demo->folder, demo->directory, &demo->jobs, error)
                            : status;
}

/* Serve on the first port that is free. */
static enum fnd_status start(struct demo *demo, struct fnd_text *refused, struct fnd_error *error)
{
    struct fnd_app *app = demo->app;
    const struct fnd_arguments *arguments = &app->arguments;
    const char *isolation = fnd_arguments_value(arguments, FND_OPTION_ISOLATION);
    enum fnd_status status = FND_CONFLICT;
    demo->directories[0] = demo->directory;
    demo->pipelines[0] = demo->pipeline;
    demo->settings[0] = demo->setting;
    struct fnd_serve_options options = {
        .env = app->env,
        .log = &app->log,
        .engine = {.env = app->env,
                   .log = &app->log,
                   .kinds = fnd_review_kinds(),
                   .prover = fnd_learn_prover(),
                   .store = {.create = true, .lock_wait_ms = FND_SESSION_WAIT_MS},
                   .plugin_path = demo->plugin_path,
                   .isolation = FND_ISOLATION_SANDBOX,
                   .allow_root = fnd_arguments_has(arguments, FND_OPTION_ALLOW_ROOT)},
        .directories = demo->directories,
        .pipelines = demo->pipelines,
        .settings = demo->settings,
        .watch = true,
        .hosts = demo->hosts,
        .by = demo->by,
        .listen = demo->listen,
        .version = FND_VERSION};
    if (isolation != NULL) {
        (void)fnd_isolation_parse(isolation, &options.engine.isolation);
    }
    for (size_t i = 0; status == FND_CONFLICT && i < PORTS_TRIED && demo->port + i <= PORT_MAX;
         i++) {
        (void)snprintf(demo->listen, sizeof demo->listen, "127.0.0.1:%zu", demo->port + i);
        status = fnd_serve_create(&options, &demo->serve, refused, error);
        if (status == FND_OK) {
            demo->port += i;
        }
    }
    return status;
}

/* A browser, where there is a display: its fate is its own. */
static void browse(struct demo *demo, const char *link)
{
    const char *display = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY");
    bool shown = (display != NULL && *display != '\0') || (wayland != NULL && *wayland != '\0');
    char program[] = "xdg-open", *address = fnd_strdup(link);
    char *const arguments[] = {program, address, NULL};
    posix_spawn_file_actions_t actions;
    if (shown && !demo->app->json &&
        !fnd_arguments_has(&demo->app->arguments, FND_OPTION_NO_BROWSER) &&
        posix_spawn_file_actions_init(&actions) == 0) {
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDWR, 0);
        posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDERR_FILENO);
        if (posix_spawnp(&demo->browser, program, &actions, NULL, arguments, environ) != 0) {
            demo->browser = 0; /* the link was printed */
        }
        posix_spawn_file_actions_destroy(&actions);
    }
    free(address);
}

static void announce(struct demo *demo)
{
    struct fnd_app *app = demo->app;
    struct fnd_text link = {0}, json = {0};
    fnd_text_printf(&link, "http://localhost:%zu/login?token=%s", demo->port,
                    fnd_serve_token(demo->serve));
    if (app->json) {
        fnd_text_append_z(&json, "{\"type\":\"listening\",");
        fnd_field(&json, "login", fnd_text_z(&link));
        fnd_text_append_byte(&json, ',');
        fnd_field(&json, "directory", demo->directory);
        fnd_text_append_z(&json, "}\n");
        fnd_raw(app, fnd_text_z(&json), json.size);
    } else {
        fnd_say(app, "%s over %zu pictures in %s, asking below %g", demo->chosen->title, demo->jobs,
                demo->directory, demo->threshold);
        if (demo->chosen->note != NULL) {
            fnd_say(app, "note: %s", demo->chosen->note);
        }
        fnd_say(app, "answer what is in doubt here (Ctrl-C ends it):");
        fnd_line(app, "%s", fnd_text_z(&link));
    }
    fnd_flush(app);
    browse(demo, fnd_text_z(&link));
    fnd_text_finish(&link);
    fnd_text_finish(&json);
}

/* Until every job has ended and nothing was taken back for a moment, or a signal came. */
static enum fnd_status follow(struct demo *demo, struct demo_follow *follow,
                              struct fnd_error *error)
{
    struct fnd_app *app = demo->app;
    int64_t ended_us = 0;
    enum fnd_status status = fnd_reader_open(demo->directory, &follow->reader, error);
    while (status == FND_OK && fnd_app_interrupts(app) == 0) {
        bool ended = false;
        status = demo_follow(app, follow, &ended, error);
        int64_t now_us = app->env->monotonic_us(app->env);
        if (!ended) {
            ended_us = 0;
        } else if (ended_us == 0) {
            ended_us = now_us;
        } else if (now_us - ended_us > (int64_t)LINGER_MS * 1000) {
            break;
        }
        poll(NULL, 0, LOOK_MS); /* a signal ends it early */
    }
    fnd_progress(app, "%s", "");
    fnd_reader_close(follow->reader);
    return status;
}

/* Let what runs end; a second Ctrl-C stops it. */
static void stop(struct demo *demo, int heeded)
{
    fnd_serve_stop(demo->serve, false);
    while (!fnd_serve_stopped(demo->serve)) {
        if (fnd_app_interrupts(demo->app) > heeded) {
            heeded = fnd_app_interrupts(demo->app);
            fnd_serve_stop(demo->serve, true);
        }
        poll(NULL, 0, LOOK_MS / 2);
    }
    fnd_serve_destroy(demo->serve);
    if (demo->browser > 0) {
        (void)waitpid(demo->browser, NULL, WNOHANG);
    }
}

static int run(struct demo *demo)
{
    struct fnd_app *app = demo->app;
    struct fnd_error error = {0};
    struct fnd_text refused = {0};
    int64_t since_us = app->env->monotonic_us(app->env);
    struct demo_follow followed = {0};
    int code = FND_EXIT_DONE;
    enum fnd_status status = prepare(demo, &error);
    if (status == FND_OK) {
        status = start(demo, &refused, &error);
    }
    if (status != FND_OK) {
        if (refused.size > 0 && !app->json) {
            (void)fnd_write_all(STDERR_FILENO, fnd_text_z(&refused), refused.size);
            code = FND_EXIT_PIPELINE;
        } else {
            code = fnd_fail(app, &error);
        }
        fnd_text_finish(&refused);
        return code;
    }
    announce(demo);
    followed.jobs = demo->jobs;
    status = follow(demo, &followed, &error);
    int interrupts = fnd_app_interrupts(app);
    stop(demo, interrupts);
    if (status == FND_OK) {
        status = demo_report(app, demo->directory, since_us, &error);
    }
    if (status != FND_OK) {
        code = fnd_fail(app, &error);
    } else if (interrupts > 0) {
        code = FND_EXIT_SIGNAL + fnd_app_signal(app);
    } else if (followed.counts[FND_FAILED] + followed.counts[FND_CANCELLED] > 0) {
        code = FND_EXIT_FAILED;
    }
    fnd_flush(app);
    fnd_text_finish(&refused);
    return code;
}

int fnd_command_demo(struct fnd_app *app)
{
    struct fnd_error error = {0};
    struct demo demo = {.app = app, .chosen = &cases[0], .threshold = 0.9, .port = PORT};
    int code;
    if (read_options(&demo, &error) != FND_OK) {
        fnd_complain(app, &error);
        code = FND_EXIT_USAGE;
    } else if (ask_rest(&demo, &error) != FND_OK) {
        code = fnd_app_interrupts(app) > 0 ? FND_EXIT_SIGNAL + fnd_app_signal(app)
                                           : fnd_fail(app, &error);
    } else {
        code = run(&demo);
    }
    demo_finish(&demo);
    return code;
}
