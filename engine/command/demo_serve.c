/* SPDX-License-Identifier: MIT */
/* The review page of a demo: what serves is what `serve` uses. */
#define _GNU_SOURCE /* environ */
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command/demo.h"
#include "command/output.h"
#include "command/session.h"
#include "learn/prover.h"
#include "review/review.h"

enum {
    PORTS_TRIED = 100,
    LOOK_MS = 100,   /* between looks at what is new */
    LINGER_MS = 2000 /* behind the last answer, so that the page shows it, and U takes it back */
};

enum fnd_status demo_start(struct demo *demo, struct fnd_text *refused, struct fnd_error *error)
{
    struct fnd_app *app = demo->app;
    const struct fnd_arguments *arguments = &app->arguments;
    const char *isolation = fnd_arguments_value(arguments, FND_OPTION_ISOLATION);
    enum fnd_status status = FND_CONFLICT;
    demo->directories[0] = demo->directory;
    demo->pipelines[0] = demo->pipeline;
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
    for (size_t i = 0; status == FND_CONFLICT && i < PORTS_TRIED && demo->port + i <= DEMO_PORT_MAX;
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

void demo_announce(struct demo *demo)
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
        fnd_say(app, "answer what is in doubt here (Ctrl-C ends it):");
        fnd_line(app, "%s", fnd_text_z(&link));
    }
    fnd_flush(app);
    browse(demo, fnd_text_z(&link));
    fnd_text_finish(&link);
    fnd_text_finish(&json);
}

enum fnd_status demo_wait(struct demo *demo, struct demo_follow *follow, struct fnd_error *error)
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

void demo_stop(struct demo *demo, int heeded)
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
    demo->serve = NULL;
    if (demo->browser > 0) {
        (void)waitpid(demo->browser, NULL, WNOHANG);
    }
}
