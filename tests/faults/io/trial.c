/* SPDX-License-Identifier: MIT */
/* A command, disturbed, and what it says it did. */
#include "trial.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/json.h"

const char *wrong_name(size_t wrong)
{
    static const char *const names[WRONGS] = {
        "lost",         "doubled",           "wrongly run again",
        "flaws",        "orphans",           "locks held",
        "odd",          "crashed",           "wrong conclusions",
        "half exports", "untold errors",     "unfinished",
        "left over",    "disturbed workers", "wrong choices"};
    return names[wrong];
}

static void blame(struct trial *trial, size_t wrong, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));
static void blame(struct trial *trial, size_t wrong, const char *format, va_list arguments)
{
    struct bench *bench = trial->bench;
    bench->wrong[wrong]++;
    if (bench->quiet || bench->told++ >= TOLD_MAX) {
        return;
    }
    printf("%s (%s), %s: ", trial->label, bench->trace->what, wrong_name(wrong));
    vprintf(format, arguments);
    printf("\n");
    if (trial->ended.err.size > 0) {
        printf("    it said: %.*s\n",
               (int)(trial->ended.err.size < 1500 ? trial->ended.err.size : 1500),
               fnd_text_z(&trial->ended.err));
    }
    fflush(stdout);
}

void trial_blame(struct trial *trial, size_t wrong, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    blame(trial, wrong, format, arguments);
    va_end(arguments);
}

/* The storm's checker of records blames through this. */
void storm_blame(struct storm *storm, enum blame wrong, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    blame((struct trial *)storm, wrong, format, arguments);
    va_end(arguments);
}

int64_t storm_now_us(void)
{
    const struct fnd_env *env = fnd_env_system();
    return env->monotonic_us(env);
}

/* --- what it says -------------------------------------------------------------------------- */

static void ack_add(struct trial *trial, struct ack ack)
{
    struct storm *storm = &trial->storm;
    if (storm->acks_count == storm->acks_capacity) {
        storm->acks_capacity = storm->acks_capacity * 2 + 64;
        storm->acks = fnd_realloc(storm->acks, storm->acks_capacity, sizeof *storm->acks);
    }
    storm->acks[storm->acks_count++] = ack;
}

static int64_t number_of(struct fnd_json line, const char *name)
{
    int64_t number = 0;
    fnd_json_integer(fnd_json_member(line, name), &number);
    return number;
}

static int kind_parse(struct fnd_json name)
{
    for (int kind = FND_EVENT_STORE; kind <= FND_EVENT_LAST; kind++) {
        if (fnd_json_text_is(name, fnd_event_name((enum fnd_event_kind)kind))) {
            return kind;
        }
    }
    return 0;
}

static bool is_ok(struct fnd_json line)
{
    struct fnd_json status = fnd_json_member(line, "status");
    return status.bytes == NULL || fnd_json_text_is(status, "ok");
}

static void object_hear(struct trial *trial, struct fnd_json line)
{
    struct fnd_json type = fnd_json_member(line, "type"), error = fnd_json_member(line, "error");
    struct fnd_json told = error.bytes != NULL ? error : line;
    if (fnd_json_text_is(fnd_json_member(told, "code"), "outcome_unknown")) {
        trial->unknown = true;
    }
    if (fnd_json_text_is(type, "news")) {
        const struct ack ack = {.kind = kind_parse(fnd_json_member(line, "kind")),
                                .job = number_of(line, "job"),
                                .event = number_of(line, "event")};
        ack_add(trial, ack);
    } else if (fnd_json_text_is(type, "end") && is_ok(line)) {
        trial->ok = true;
        if (fnd_json_member(line, "sha256").bytes != NULL) {
            trial->exported = true;
        } else if (number_of(line, "request") > 0) {
            const struct ack ack = {.kind = ACK_ANSWERED, .event = number_of(line, "request")};
            trial->answered = true;
            ack_add(trial, ack);
        }
    }
}

/** The storm's driver, which faults are planted in. */
static void line_hear(struct trial *trial, const char *line)
{
    struct ack ack = {0};
    char kind[32] = "";
    if (sscanf(line, "ack %31s %" SCNd64 " %" SCNd64, kind, &ack.job, &ack.event) == 3) {
        for (int at = FND_EVENT_STORE; at <= FND_EVENT_LAST; at++) {
            ack.kind = strcmp(kind, fnd_event_name((enum fnd_event_kind)at)) == 0 ? at : ack.kind;
        }
        ack_add(trial, ack);
    } else if (sscanf(line, "answered %" SCNd64 " %" SCNd64, &ack.job, &ack.event) == 2) {
        ack.kind = ACK_ANSWERED;
        ack_add(trial, ack);
    }
}

static void text_hear(struct trial *trial, const struct fnd_text *text)
{
    const char *at = fnd_text_z(text);
    for (const char *end = strchr(at, '\n'); end != NULL; end = strchr(at, '\n')) {
        struct fnd_json line;
        if (fnd_json_check(at, (size_t)(end - at), NULL, &line, NULL) == FND_OK) {
            object_hear(trial, line);
        } else if (trial->plant != NULL) {
            char *copy = fnd_strndup(at, (size_t)(end - at));
            line_hear(trial, copy);
            free(copy);
        }
        at = end + 1;
    }
}

void trial_hear(struct trial *trial, const struct ended *ended)
{
    text_hear(trial, &ended->out); /* what a kill cut off behind the last newline says nothing */
    text_hear(trial, &ended->err);
}

/* --- running ------------------------------------------------------------------------------- */

void trial_begin(struct trial *trial, struct bench *bench, enum scene_id id)
{
    const struct scene *scene = &bench->scenes[id];
    *trial = (struct trial){.bench = bench, .scene = scene};
    trial->storm.options.may_fail = bench->may_fail;
    (void)snprintf(trial->label, sizeof trial->label, "%s", scene->name);
    (void)snprintf(trial->storm.jobs, sizeof trial->storm.jobs, "%.200s", bench->jobs);
    for (size_t i = 0; i < scene->acks_count; i++) {
        ack_add(trial, scene->acks[i]);
    }
    (void)snprintf(bench->pipeline, sizeof bench->pipeline, "%s", scene->pipeline);
    folder_remove(bench->jobs);
    folder_copy(scene->jobs, bench->jobs);
}

enum scene_id trial_scene(const struct trial *trial)
{
    return (enum scene_id)(trial->scene - trial->bench->scenes);
}

void trial_run(struct trial *trial, const char *const *settings)
{
    struct bench *bench = trial->bench;
    const char *arguments[ARGUMENTS_MAX];
    struct fnd_text own = {0};
    if (trial->plant != NULL) {
        const char *const drive[] = {bench->jobs, bench->pipeline, bench->plugin_path,
                                     "--plant",   trial->plant,    NULL};
        command_run(bench, bench->driver, drive, settings, &trial->ended);
    } else {
        scene_arguments(bench, trial_scene(trial), trial->scene->request, arguments, &own);
        command_run(bench, bench->engine, arguments, settings, &trial->ended);
    }
    fnd_text_finish(&own);
    trial_hear(trial, &trial->ended);
}

int trial_more(struct trial *trial, enum scene_id scene, int64_t request)
{
    struct bench *bench = trial->bench;
    const char *arguments[ARGUMENTS_MAX];
    struct fnd_text own = {0};
    struct ended ended;
    scene_arguments(bench, scene, request, arguments, &own);
    command_run(bench, bench->engine, arguments, NULL, &ended);
    trial_hear(trial, &ended);
    const int code = WIFEXITED(ended.status) ? WEXITSTATUS(ended.status) : -1;
    if (code != 0 && code != 3) {
        trial_blame(trial, WRONG_UNFINISHED, "an undisturbed `%s` behind it ended with %s %d: %s",
                    arguments[0], code < 0 ? "signal" : "exit",
                    code < 0 ? WTERMSIG(ended.status) : code, fnd_text_z(&ended.err));
    }
    ended_finish(&ended);
    fnd_text_finish(&own);
    return code;
}

void trial_end(struct trial *trial)
{
    ended_finish(&trial->ended);
    storm_history_finish(&trial->storm);
    free(trial->storm.acks);
    trial->storm.acks = NULL;
}
