/* SPDX-License-Identifier: MIT */
/* Checks on what a plugin does with what it is given. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "place.h"
#include "trial.h"

enum { HUGE_SIZE = 1 << 20, DEEP = 60, WIDE = 20000 };

void check_entry(struct trial *trial)
{
    const foundry_plugin_t *(*entry)(uint32_t) = NULL;
    void *symbol = dlsym(trial->plugin.handle, "foundry_plugin_entry");
    memcpy(&entry, &symbol, sizeof entry);
    trial_doing(trial, "calling foundry_plugin_entry() again");
    const foundry_plugin_t *first = entry(FOUNDRY_ABI_CURRENT);
    if (first != trial->plugin.entry || first != entry(FOUNDRY_ABI_CURRENT)) {
        trial_fail(trial, "foundry_plugin_entry() gives another struct at each call");
    }
    foundry_plugin_t before = *first;
    trial_doing(trial, "calling foundry_plugin_entry() for ABI 99.0 and 0.0");
    (void)entry(FOUNDRY_ABI(99, 0)); /* it may refuse, or not mind */
    (void)entry(0);
    if (memcmp(&before, first, sizeof before) != 0) {
        trial_fail(trial, "foundry_plugin_entry() changed its struct for another host's ABI");
    }
}

void check_runs(struct trial *trial)
{
    struct trial_instance instance;
    trial_doing(trial, "running once with a config that its schema takes");
    trial_live(trial, trial->given, false, &instance);
    if (instance.returned > FOUNDRY_CANCELLED || instance.returned < FOUNDRY_E_NO_MEMORY) {
        trial_fail(trial, "it returned %d, which is neither an outcome nor a status",
                   (int)instance.returned);
    }
    if (instance.effects.outcome == FOUNDRY_CANCELLED) {
        trial_fail(trial, "it returned FOUNDRY_CANCELLED, and nobody had cancelled it");
    }
    if (instance.returned == FOUNDRY_RETRYABLE || instance.returned == FOUNDRY_PERMANENT) {
        if (instance.effects.code == NULL || instance.effects.code[0] == '\0' ||
            instance.effects.message == NULL || instance.effects.message[0] == '\0') {
            trial_fail(trial, "it failed without a code and a message: use fail()");
        }
    }
    trial_instance_finish(&instance);
}

void check_pause(struct trial *trial)
{
    struct trial_instance instance;
    trial_doing(trial, "running once, to see what it asks");
    trial_live(trial, trial->given, false, &instance);
    if (instance.returned == FOUNDRY_PAUSE && instance.effects.code != NULL) {
        trial_fail(trial, "it returned FOUNDRY_PAUSE %s",
                   instance.parts.callee.detector ? "and is a detector: it asks and returns DONE"
                                                  : "without a question: clarify() was not called");
    }
    trial_instance_finish(&instance);
}

void check_output(struct trial *trial)
{
    struct trial_instance instance;
    struct fnd_error error = {0};
    trial_doing(trial, "running once, to see what it writes");
    trial_live(trial, trial->given, false, &instance);
    if ((instance.effects.outcome == FOUNDRY_DONE || instance.effects.outcome == FOUNDRY_PAUSE) &&
        fnd_effects_check(&instance.effects, instance.parts.output_schema,
                          instance.parts.input.subject, &error) != FND_OK) {
        trial_fail(trial, "%s", error.message);
    }
    trial_instance_finish(&instance);
}

void check_denied(struct trial *trial)
{
    struct trial_instance instance;
    trial_doing(trial, "running once, to see what it calls");
    trial_live(trial, trial->given, false, &instance);
    if (!instance.parts.callee.detector) {
        trial_skip(trial, "a phase may write");
    }
    if (trial->host.denied != NULL) {
        trial_fail(trial, "a detector called %s()", trial->host.denied);
    }
    trial_instance_finish(&instance);
}

/** Run with a case in which one value is another. `value` no value: it is left out. */
static void run_changed(struct trial *trial, const char *pointer, struct fnd_json value)
{
    struct fnd_text changed = {0};
    struct trial_instance instance;
    if (trial_enough(trial)) {
        return;
    }
    trial_doing(trial, "running with %s %s %.*s", pointer,
                value.bytes == NULL ? "left out" : "changed to",
                value.size < 60 ? (int)value.size : 60, value.bytes == NULL ? "" : value.bytes);
    const enum fnd_status status = value.bytes == NULL
                                       ? fnd_json_remove(trial->given, pointer, &changed, NULL)
                                       : fnd_json_set(trial->given, pointer, value, &changed, NULL);
    if (status == FND_OK) {
        const struct fnd_json given = {changed.bytes, changed.size};
        trial_live(trial, given, true, &instance);
        if (instance.returned > FOUNDRY_CANCELLED || instance.returned < FOUNDRY_E_NO_MEMORY) {
            trial_fail(trial, "%s: it returned %d, which is neither an outcome nor a status",
                       trial->doing, (int)instance.returned);
        }
        trial_instance_finish(&instance);
    }
    fnd_text_finish(&changed);
}

/** Each member of the config left out, and replaced by every other type. */
void check_config(struct trial *trial)
{
    static const char *const values[] = {"null", "true", "-1", "1e300",
                                         "\"\"", "[]",   "{}", "[null]"};
    static const struct fnd_json none = {0};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        const struct fnd_json value = {values[i], strlen(values[i])};
        run_changed(trial, "/config", value);
    }
    run_changed(trial, "/config", none);
    const struct fnd_json config = fnd_json_member(trial->given, "config");
    for (struct fnd_json_walk walk = fnd_json_walk(config); fnd_json_next(&walk);) {
        struct fnd_text pointer = {0};
        fnd_text_append_z(&pointer, "/config");
        fnd_json_pointer_add_key(&pointer, walk.key);
        run_changed(trial, pointer.bytes, none);
        for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
            const struct fnd_json value = {values[i], strlen(values[i])};
            run_changed(trial, pointer.bytes, value);
        }
        fnd_text_finish(&pointer);
    }
    run_changed(trial, "/subject", none);
    run_changed(trial, "/artifacts", none);
}

void check_answers(struct trial *trial)
{
    static const char *const answers[] = {"{}", "{\"not-asked\":{\"a\":[1]},\"\":null}",
                                          "{\"total\":\"text\",\"0\":[[]]}"};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        const struct fnd_json value = {answers[i], strlen(answers[i])};
        run_changed(trial, "/answers", value);
    }
}

static void text_huge(struct fnd_text *text)
{
    fnd_text_append_byte(text, '"');
    while (text->size < HUGE_SIZE) {
        fnd_text_append_z(text, "0123456789 abcdef \xc3\xa4\xe2\x82\xac\\n\\\"");
    }
    fnd_text_append_byte(text, '"');
}

static void text_deep(struct fnd_text *text)
{
    for (int i = 0; i < DEEP; i++) {
        fnd_text_append_z(text, i % 2 == 0 ? "[" : "{\"a\":");
    }
    fnd_text_append_byte(text, '1');
    for (int i = DEEP; i-- > 0;) {
        fnd_text_append_byte(text, i % 2 == 0 ? ']' : '}');
    }
}

static void text_wide(struct fnd_text *text)
{
    fnd_text_append_byte(text, '[');
    for (int i = 0; i < WIDE; i++) {
        fnd_text_printf(text, "%s{\"a\":%d,\"b\":\"x\"}", i == 0 ? "" : ",", i);
    }
    fnd_text_append_byte(text, ']');
}

/** Texts of a megabyte, deep and long documents, as config, subject and artifact. */
void check_huge(struct trial *trial)
{
    static void (*const makes[])(struct fnd_text *) = {text_huge, text_deep, text_wide};
    for (size_t i = 0; i < sizeof makes / sizeof makes[0]; i++) {
        struct fnd_text text = {0};
        makes[i](&text);
        const struct fnd_json value = {text.bytes, text.size};
        const struct fnd_json config = fnd_json_member(trial->given, "config");
        for (struct fnd_json_walk walk = fnd_json_walk(config); fnd_json_next(&walk);) {
            struct fnd_text pointer = {0};
            fnd_text_append_z(&pointer, "/config");
            fnd_json_pointer_add_key(&pointer, walk.key);
            run_changed(trial, pointer.bytes, value);
            fnd_text_finish(&pointer);
        }
        run_changed(trial, "/subject", value);
        if (i == 0) {
            run_changed(trial, "/artifacts/input", value);
        }
        fnd_text_finish(&text);
    }
}

/** Twice with one instance and once with another: the same. */
void check_same(struct trial *trial)
{
    struct trial_instance instance, other;
    struct fnd_text first = {0}, second = {0}, third = {0};
    trial_instance_init(trial, trial->given, false, &instance);
    trial_doing(trial, "running twice with one instance");
    if (!trial_create(trial, &instance)) {
        trial_skip(trial, "create() fails with what its schema takes; give a case");
    }
    trial_process(trial, &instance);
    trial_result(&instance, &first);
    trial_process(trial, &instance);
    trial_result(&instance, &second);
    trial_destroy(trial, &instance);
    trial_doing(trial, "running with a second instance");
    trial_live(trial, trial->given, false, &other);
    trial_result(&other, &third);
    for (size_t i = 0; trial->plugin.entry->phases != NULL && i < SIZE_MAX &&
                       trial->plugin.entry->phases[i] != NULL;
         i++) {
        const foundry_phase_t *phase = trial->plugin.entry->phases[i];
        if (phase->name == instance.parts.callee.name &&
            (phase->flags & FOUNDRY_NOT_REPEATABLE) != 0) {
            trial_skip(trial, "it says that it is FOUNDRY_NOT_REPEATABLE");
        }
    }
    if (first.size != second.size || memcmp(first.bytes, second.bytes, first.size) != 0) {
        trial_fail(trial, "the same input gave two results with one instance");
    }
    if (first.size != third.size || memcmp(first.bytes, third.bytes, first.size) != 0) {
        trial_fail(trial, "the same input gave another result with a second instance");
    }
    fnd_text_finish(&first);
    fnd_text_finish(&second);
    fnd_text_finish(&third);
    trial_instance_finish(&instance);
    trial_instance_finish(&other);
}

/** The same here and in a worker, under the sandbox or as near to it as this machine comes. */
void check_worker(struct trial *trial)
{
    struct trial_instance instance;
    struct fnd_error error = {0};
    struct case_place place;
    struct fnd_plugin unused;
    struct fnd_effects effects = {0};
    struct fnd_text here = {0}, there = {0};
    const char *ended = NULL;
    trial_doing(trial, "running in a sandboxed worker");
    trial_live(trial, trial->given, false, &instance);
    trial_result(&instance, &here);
    trial_told(&instance, &there);
    char *told = fnd_text_take(&there);
    if (place_open(trial->path, FND_ISOLATION_BEST_EFFORT, &unused, &place, &error) != FND_OK) {
        trial_fail(trial, "%s", error.message);
    }
    const struct place_callee callee = {.name = instance.parts.callee.name,
                                        .detector = instance.parts.callee.detector,
                                        .needs = instance.parts.callee.needs,
                                        .config_constant = instance.parts.constant_json,
                                        .config_schema = instance.parts.config_schema,
                                        .timeout_ms = 30000};
    if (place_run(&place, &callee, &instance.parts.input, &effects, &ended, &error) != FND_OK ||
        ended != NULL) {
        trial_fail(trial, "in a worker it %s: %s", ended == NULL ? "was lost" : ended,
                   error.message);
    }
    fnd_effects_finish(&instance.effects);
    instance.effects = effects;
    trial_result(&instance, &there);
    if (here.size != there.size || memcmp(here.bytes, there.bytes, here.size) != 0) {
        struct fnd_text other = {0};
        trial_told(&instance, &other);
        trial_fail(trial, "in this process: %s; in a worker: %s%s", told, fnd_text_z(&other),
                   strcmp(told, fnd_text_z(&other)) == 0 ? ", with other effects" : "");
    }
    place_close(&place);
    free(told);
    fnd_text_finish(&here);
    fnd_text_finish(&there);
    trial_instance_finish(&instance);
}
