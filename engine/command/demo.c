/* SPDX-License-Identifier: MIT */
/* The whole loop in one command: samples, pipeline, review page, report, export. What serves is
 * what `serve` uses; this file only asks, waits and ends. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "command/commands.h"
#include "command/demo.h"
#include "command/flywheel.h"
#include "command/output.h"

enum { LOOK_MS = 100 /* between looks at the terminal */ };

static const struct demo_case cases[] = {
    {"invoice", "Invoice OCR", "invoice-ocr", NULL},
    {"poles", "Pole Detection", "pole-detection",
     "nothing was learnt yet: poles are found by rules; each picture is asked"}};
enum { CASES = sizeof cases / sizeof cases[0] };

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
static bool ask(struct fnd_app *app, const char *question, char answer[32])
{
    size_t size = 0;
    char byte = '\0';
    (void)fnd_write_all(STDERR_FILENO, question, strlen(question));
    while (byte != '\n') {
        struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
        if (fnd_app_interrupts(app) > 0 ||
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

bool demo_asks(const struct fnd_app *app)
{
    return !app->json && isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

enum fnd_status demo_ask_case(struct fnd_app *app, size_t *index, struct fnd_error *error)
{
    char answer[32];
    for (;;) {
        if (!ask(app, "Use case: 1 Invoice OCR, 2 Pole Detection [1]: ", answer)) {
            return fnd_error_set(error, FND_INTERRUPTED, "nothing was begun");
        }
        if (answer[0] == '\0') {
            return FND_OK;
        }
        for (size_t i = 0; i < CASES; i++) {
            if (strcmp(answer, cases[i].name) == 0 ||
                (answer[0] == (char)('1' + (int)i) && answer[1] == '\0')) {
                *index = i;
                return FND_OK;
            }
        }
    }
}

static enum fnd_status ask_threshold(struct demo *demo, struct fnd_error *error)
{
    char answer[32];
    do {
        if (!ask(demo->app, "Ask below which confidence, 0 to 1 [0.9]: ", answer)) {
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
        if (port[0] < '0' || port[0] > '9' || *end != '\0' || value < 1 || value > DEMO_PORT_MAX) {
            return fnd_error_set(error, FND_INVALID, "--port is a number from 1 to %d, not %s",
                                 DEMO_PORT_MAX, port);
        }
        demo->port = value;
    }
    return FND_OK;
}

static enum fnd_status ask_rest(struct demo *demo, struct fnd_error *error)
{
    const struct fnd_arguments *arguments = &demo->app->arguments;
    enum fnd_status status = FND_OK;
    size_t index = 0;
    if (!demo_asks(demo->app)) {
        return FND_OK;
    }
    if (!fnd_arguments_has(arguments, FND_OPTION_CASE)) {
        status = demo_ask_case(demo->app, &index, error);
        demo->chosen = &cases[index];
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
        demo->settings[0] = demo->setting;
        status = demo_start(demo, &refused, &error);
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
    if (!app->json) {
        fnd_say(app, "%s over %zu pictures in %s, asking below %g", demo->chosen->title, demo->jobs,
                demo->directory, demo->threshold);
        if (demo->chosen->note != NULL) {
            fnd_say(app, "note: %s", demo->chosen->note);
        }
    }
    demo_announce(demo);
    followed.jobs = demo->jobs;
    status = demo_wait(demo, &followed, &error);
    int interrupts = fnd_app_interrupts(app);
    demo_stop(demo, interrupts);
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
    struct demo demo = {.app = app, .chosen = &cases[0], .threshold = 0.9, .port = DEMO_PORT};
    int code;
    if (fnd_arguments_has(&app->arguments, FND_OPTION_FLYWHEEL)) {
        return fnd_flywheel(app);
    }
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
