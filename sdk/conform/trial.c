/* SPDX-License-Identifier: MIT */
#include "trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int64_t trial_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool trial_enough(const struct trial *trial)
{
    return trial_now_ms() > trial->enough_ms;
}

void trial_doing(struct trial *trial, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(trial->doing, DOING_SIZE, format, arguments);
    va_end(arguments);
}

static _Noreturn void report(const struct trial *trial, char verdict, const char *text)
{
    struct fnd_text line = {0};
    fnd_text_append_byte(&line, verdict);
    fnd_text_append_visible(&line, text, strlen(text));
    const ssize_t written = write(trial->report, line.bytes, line.size);
    _exit(written == (ssize_t)line.size ? 0 : 1); /* nothing of the plugin's runs any more */
}

_Noreturn void trial_fail(struct trial *trial, const char *format, ...)
{
    struct fnd_text text = {0};
    va_list arguments;
    va_start(arguments, format);
    fnd_text_vprintf(&text, format, arguments);
    va_end(arguments);
    report(trial, 'F', fnd_text_z(&text));
}

_Noreturn void trial_skip(struct trial *trial, const char *why)
{
    report(trial, 'S', why);
}

void trial_instance_init(struct trial *trial, struct fnd_json given, bool unchecked,
                         struct trial_instance *instance)
{
    struct fnd_error error = {0};
    *instance = (struct trial_instance){.parts = {.unchecked = unchecked}};
    if (parts_make(&trial->plugin, given, &instance->parts, &error) != FND_OK) {
        report(trial, 'S', error.message); /* no fault of the plugin's was seen */
    }
    trial->host.detector = instance->parts.callee.detector;
}

/** Around each function of the plugin. */
static struct foundry_call *call_begin(struct trial *trial, struct trial_instance *instance,
                                       const struct fnd_call_input *input)
{
    const struct fnd_call_live live = {.calls = trial->calls};
    fnd_effects_finish(&instance->effects);
    instance->effects = (struct fnd_effects){0};
    struct foundry_call *call =
        fnd_call_begin(input, instance->parts.config_schema, &live, &instance->effects);
    trial_host_begin(&trial->host, call);
    return call;
}

bool trial_create(struct trial *trial, struct trial_instance *instance)
{
    const struct parts *parts = &instance->parts;
    if (parts->callee.create == NULL) {
        return true;
    }
    const struct fnd_call_input input = {.create = true,
                                         .detector = parts->callee.detector,
                                         .config = parts->constant_json,
                                         .run = parts->input.run};
    struct foundry_call *call = call_begin(trial, instance, &input);
    instance->returned = parts->callee.create(&trial->host.table, call, &instance->self);
    trial_host_end(&trial->host);
    fnd_call_end(call, instance->returned);
    instance->made = instance->effects.outcome == FOUNDRY_DONE;
    return instance->made;
}

void trial_process(struct trial *trial, struct trial_instance *instance)
{
    struct foundry_call *call = call_begin(trial, instance, &instance->parts.input);
    instance->returned = instance->parts.callee.function(instance->self, &trial->host.table, call);
    trial_host_end(&trial->host);
    fnd_call_end(call, instance->returned);
}

void trial_destroy(struct trial *trial, struct trial_instance *instance)
{
    (void)trial;
    if (instance->made && instance->parts.callee.destroy != NULL) {
        instance->parts.callee.destroy(instance->self);
    }
    instance->made = false;
}

void trial_instance_finish(struct trial_instance *instance)
{
    fnd_effects_finish(&instance->effects);
    parts_finish(&instance->parts);
    *instance = (struct trial_instance){0};
}

void trial_live(struct trial *trial, struct fnd_json given, bool unchecked,
                struct trial_instance *instance)
{
    trial_instance_init(trial, given, unchecked, instance);
    if (trial_create(trial, instance)) {
        trial_process(trial, instance);
    }
    trial_destroy(trial, instance);
}

void trial_result(const struct trial_instance *instance, struct fnd_text *result)
{
    struct fnd_effects quiet = instance->effects; /* borrows; how much is logged is free */
    quiet.log = (struct fnd_text){0};
    quiet.log_lines = quiet.log_lines_dropped = 0;
    fnd_effects_encode(&quiet, result);
}

void trial_told(const struct trial_instance *instance, struct fnd_text *text)
{
    static const char *const names[] = {"done", "pause", "retryable", "permanent", "cancelled"};
    const struct fnd_effects *effects = &instance->effects;
    fnd_text_append_z(text, effects->outcome >= 0 && effects->outcome <= FOUNDRY_CANCELLED
                                ? names[effects->outcome]
                                : "no outcome");
    if (effects->code != NULL) {
        fnd_text_printf(text, " (%s: %s)", effects->code,
                        effects->message == NULL ? "" : effects->message);
    }
}
