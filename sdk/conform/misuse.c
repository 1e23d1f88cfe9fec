/* SPDX-License-Identifier: MIT */
/* Every check on every phase and detector, each in a process of its own. */
#define _GNU_SOURCE /* memfd_create(), sigabbrev_np() */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "trial.h"

enum {
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_LOAD = 6,
    CASE_SIZE_MAX = 16 << 20,
    SHORT_S = 60,
    LONG_S = 300,
    ENOUGH_MS = 8000 /* of trying one thing after the other */
};

static const struct trial_check checks[] = {
    {"entry", "foundry_plugin_entry() gives the same static data at each call", SHORT_S,
     check_entry},
    {"runs", "a function returns an outcome, or a status as it came; failures go through fail()",
     SHORT_S, check_runs},
    {"pause", "FOUNDRY_PAUSE waits for answers to what clarify() asked; a detector returns DONE",
     SHORT_S, check_pause},
    {"output", "the output meets the declared output schema, marks and questions lead into it",
     SHORT_S, check_output},
    {"denied", "a detector reads SUBJECT and asks; it writes nothing", SHORT_S, check_denied},
    {"config", "a config that is not as declared ends in a failure, never in a crash", LONG_S,
     check_config},
    {"answers", "answers that were not asked for are passed over", SHORT_S, check_answers},
    {"huge", "texts and documents may be big", LONG_S, check_huge},
    {"cancel", "when cancelled() turns true, the call returns within a second", SHORT_S,
     check_cancel},
    {"leak", "destroy() leaves nothing behind", LONG_S, check_leak},
    {"leftover", "a create() that fails leaves nothing behind", LONG_S, check_leftover},
    {"threads", "calls overlap as the `threads` field allows", LONG_S, check_threads},
    {"services", "a service that failed is not passed over: the effects would not be whole", LONG_S,
     check_services},
    {"same", "the same input gives the same result, or the flag says FOUNDRY_NOT_REPEATABLE",
     SHORT_S, check_same},
    {"stdout", "a plugin does not write to stdout", SHORT_S, check_stdout},
    {"place", "a plugin changes no working directory, environment, locale or signals", SHORT_S,
     check_place},
    {"late", "no service is called after the return, nor on another thread unless marked [any]",
     SHORT_S, check_late},
    {"kept", "what the host gives is borrowed until the function returns, its table too", SHORT_S,
     check_kept},
    {"worker", "a plugin cannot tell whether it runs in the engine or in a worker", SHORT_S,
     check_worker},
    {NULL, NULL, 0, NULL}};

/** The whole run: what is tested, and what came out so far. */
struct misuse {
    const char *path, *only;
    struct fnd_text *cases; /* texts of the case files */
    size_t cases_count;
    bool json;
    size_t run, failed;
    char *doing;          /* shared with the process under way */
    struct fnd_text list; /* JSON of the checks */
};

/* ---- a process for each check -------------------------------------------------------------- */

/** In the child: load the plugin and run. Does not return. */
static _Noreturn void child(const struct misuse *misuse, const struct trial_check *check,
                            struct fnd_json given, int report)
{
    struct trial trial = {.path = misuse->path,
                          .given = given,
                          .host = {.cancel_at = SIZE_MAX},
                          .calls = fnd_calls_create(),
                          .doing = misuse->doing,
                          .enough_ms = trial_now_ms() + ENOUGH_MS,
                          .report = report};
    struct fnd_error error = {0};
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    trial.output = memfd_create("stdout", MFD_CLOEXEC);
    if (trial.output >= 0) {
        (void)dup2(trial.output, STDOUT_FILENO);
    }
    fnd_digest_setup();
    trial_doing(&trial, "loading it");
    const int fd = open(misuse->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        trial_fail(&trial, "cannot open %s: %s", misuse->path, strerror(errno));
    }
    if (fnd_plugin_load(fd, misuse->path, &trial.plugin, &error) != FND_OK) {
        trial_fail(&trial, "%s", error.message);
    }
    check->run(&trial);
    const ssize_t written = write(report, "o", 1);
    _exit(written == 1 ? 0 : 1);
}

/** Read until the child closes its end, or until its time is over. False: it is over. */
static bool report_read(int fd, int timeout_s, struct fnd_text *report)
{
    const int64_t end_ms = trial_now_ms() + (int64_t)timeout_s * 1000;
    while (true) {
        char bytes[1024];
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        const int64_t left_ms = end_ms - trial_now_ms();
        if (left_ms <= 0) {
            return false;
        }
        if (poll(&ready, 1, (int)left_ms) <= 0) {
            continue;
        }
        const ssize_t size = read(fd, bytes, sizeof bytes);
        if (size == 0 || (size < 0 && errno != EINTR)) {
            return true;
        }
        fnd_text_append(report, bytes, size > 0 ? (size_t)size : 0);
        if (report->size > 0 && report->bytes[0] != 'F' && report->bytes[0] != 'S') {
            return true;
        }
    }
}

/** The story of a child that left no verdict. */
static void death_tell(const struct misuse *misuse, int status, bool in_time, int timeout_s,
                       struct fnd_text *report)
{
    fnd_text_clear(report);
    if (!in_time) {
        fnd_text_printf(report, "Fit did not return within %d s", timeout_s);
    } else if (WIFSIGNALED(status)) {
        const char *name = sigabbrev_np(WTERMSIG(status));
        fnd_text_printf(report, "Fit crashed: signal %d (SIG%s)", WTERMSIG(status),
                        name == NULL ? "?" : name);
    } else {
        fnd_text_printf(report, "Fit ended the process (exit %d)", WEXITSTATUS(status));
    }
    fnd_text_append_z(report, ", while ");
    fnd_text_append_visible(report, misuse->doing, strnlen(misuse->doing, DOING_SIZE - 1));
}

/** Run one check.  report: receives 'o', 'S' and why, or 'F' and what. */
static void check_run(const struct misuse *misuse, const struct trial_check *check,
                      struct fnd_json given, struct fnd_text *report)
{
    int ends[2];
    memset(misuse->doing, 0, DOING_SIZE);
    (void)fflush(stdout);
    if (pipe2(ends, O_CLOEXEC) != 0) {
        fnd_text_printf(report, "Fno pipe: %s", strerror(errno));
        return;
    }
    const pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        child(misuse, check, given, ends[1]);
    }
    (void)close(ends[1]);
    const bool in_time = pid > 0 && report_read(ends[0], check->timeout_s, report);
    if (!in_time && pid > 0) {
        (void)kill(pid, SIGKILL);
    }
    int status = 0;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    (void)close(ends[0]);
    const bool told = report->size > 0 && strchr("oSF", report->bytes[0]) != NULL;
    if (!in_time || !told || WIFSIGNALED(status)) {
        death_tell(misuse, status, in_time, check->timeout_s, report);
    }
}

/* ---- what is said --------------------------------------------------------------------------- */

static void say(struct misuse *misuse, const char *name, const struct trial_check *check,
                const struct fnd_text *report)
{
    const char verdict = report->bytes[0];
    const char *text = fnd_text_z(report) + 1;
    misuse->run++;
    misuse->failed += verdict == 'F';
    if (misuse->json) {
        fnd_text_append_z(&misuse->list, misuse->run == 1 ? "{\"use\":" : ",{\"use\":");
        fnd_text_append_json_z(&misuse->list, name);
        fnd_text_printf(&misuse->list,
                        ",\"check\":\"%s\",\"result\":\"%s\",\"message\":", check->name,
                        verdict == 'o'   ? "ok"
                        : verdict == 'S' ? "skipped"
                                         : "failed");
        fnd_text_append_json_z(&misuse->list, verdict == 'o' ? NULL : text);
        fnd_text_append_z(&misuse->list, ",\"contract\":");
        fnd_text_append_json_z(&misuse->list, check->rule);
        fnd_text_append_byte(&misuse->list, '}');
    } else if (verdict == 'o') {
        (void)printf("ok    %s: %s\n", name, check->name);
    } else if (verdict == 'S') {
        (void)printf("ok    %s: %s (not asked: %s)\n", name, check->name, text);
    } else {
        (void)printf("FAIL  %s: %s: %s\n      the contract: %s\n", name, check->name, text,
                     check->rule);
    }
}

/* ---- what it is tested with ----------------------------------------------------------------- */

/** The first case that uses the phase or detector, or no value. */
static struct fnd_json case_find(const struct misuse *misuse, struct fnd_json name)
{
    for (size_t i = 0; i < misuse->cases_count; i++) {
        const struct fnd_json file = {misuse->cases[i].bytes, misuse->cases[i].size};
        struct fnd_json value;
        (void)fnd_json_check(file.bytes, file.size, NULL, &value, NULL);
        if (fnd_json_equal(fnd_json_member(value, "use"), name)) {
            return value;
        }
        for (struct fnd_json_walk walk = fnd_json_walk(value); fnd_json_next(&walk);) {
            if (fnd_json_equal(fnd_json_member(walk.value, "use"), name)) {
                return walk.value;
            }
        }
    }
    return (struct fnd_json){0};
}

/** Make up a case out of the description of a phase or detector. */
static void case_make(struct fnd_json described, struct fnd_text *made)
{
    const struct fnd_json name = fnd_json_member(described, "name");
    const struct fnd_json schema = fnd_json_member(described, "config_schema");
    char *text = fnd_strndup(schema.bytes == NULL ? "" : schema.bytes, schema.size);
    fnd_text_append_z(made, "{\"use\":");
    fnd_text_append(made, name.bytes, name.size);
    fnd_text_append_z(made, ",\"config\":");
    sample_config(fnd_json_type(schema) == FND_JSON_OBJECT ? text : NULL, made);
    fnd_text_append_z(made, ",\"subject\":{\"input\":\"input\",\"total\":3.30,\"name\":\"x\","
                            "\"items\":[{\"cost\":1.10,\"quantity\":3}],\"none\":null},"
                            "\"confidence\":{\"/total\":0.5},"
                            "\"artifacts\":{\"input\":\"Foundry 1.10\\nsecond line\\n\"}}");
    free(text);
}

static void callee_test(struct misuse *misuse, const char *plugin, struct fnd_json described)
{
    struct fnd_text made = {0}, name = {0};
    struct fnd_json given = case_find(misuse, fnd_json_member(described, "name"));
    if (given.bytes == NULL) {
        case_make(described, &made);
        given = (struct fnd_json){made.bytes, made.size};
    }
    fnd_text_printf(&name, "%s/", plugin);
    (void)fnd_json_text(fnd_json_member(described, "name"), &name);
    for (const struct trial_check *check = checks; check->name != NULL; check++) {
        if (misuse->only != NULL && strcmp(misuse->only, check->name) != 0) {
            continue;
        }
        struct fnd_text report = {0};
        check_run(misuse, check, given, &report);
        say(misuse, fnd_text_z(&name), check, &report);
        fnd_text_finish(&report);
    }
    fnd_text_finish(&name);
    fnd_text_finish(&made);
}

/* ---- all of it ------------------------------------------------------------------------------ */

static void describe(struct trial *trial)
{
    struct fnd_text described = {0};
    fnd_text_append_byte(&described, 'F'); /* a long report, not a verdict */
    fnd_plugin_describe(&trial->plugin, &described);
    const int failed = fnd_write_all(trial->report, described.bytes, described.size);
    _exit(failed == 0 ? 0 : 1);
}

/** What the plugin says of itself, told by a process that loads it.  False: it cannot be. */
static bool plugin_describe(const struct misuse *misuse, struct fnd_text *report,
                            struct fnd_json *plugin)
{
    static const struct trial_check load = {"load", "", SHORT_S, describe};
    static const struct fnd_json none = {0};
    check_run(misuse, &load, none, report);
    if (report->bytes[0] == 'F' &&
        fnd_json_check(report->bytes + 1, report->size - 1, NULL, plugin, NULL) == FND_OK) {
        return true;
    }
    (void)fprintf(stderr, "foundry-conform: %s\n", report->bytes + 1);
    return false;
}

static bool cases_read(struct misuse *misuse, char *const *paths)
{
    size_t count = 0;
    while (paths[count] != NULL) {
        count++;
    }
    misuse->cases = fnd_alloc((count + 1) * sizeof *misuse->cases);
    for (size_t i = 0; i < count; i++) {
        struct fnd_error error = {0};
        struct fnd_json value;
        struct fnd_text *text = &misuse->cases[misuse->cases_count++];
        if (fnd_file_read(AT_FDCWD, paths[i], CASE_SIZE_MAX, text, &error) != FND_OK ||
            fnd_json_check(text->bytes, text->size, paths[i], &value, &error) != FND_OK) {
            (void)fprintf(stderr, "foundry-conform: %s: %s\n", paths[i], error.message);
            return false;
        }
    }
    return true;
}

static void result_print(const struct misuse *misuse, const char *plugin)
{
    if (!misuse->json) {
        (void)printf("%zu passed, %zu failed\n", misuse->run - misuse->failed, misuse->failed);
        return;
    }
    struct fnd_text text = {0};
    fnd_text_append_z(&text, "{\"plugin\":");
    fnd_text_append_json_z(&text, plugin);
    fnd_text_append_z(&text, ",\"file\":");
    fnd_text_append_json_z(&text, misuse->path);
    fnd_text_printf(&text, ",\"passed\":%zu,\"failed\":%zu,\"checks\":[%s]}\n",
                    misuse->run - misuse->failed, misuse->failed, fnd_text_z(&misuse->list));
    (void)fputs(fnd_text_z(&text), stdout);
    fnd_text_finish(&text);
}

/** Whether there is a check of that name; says so if not. */
static bool check_known(const char *name)
{
    const struct trial_check *check = checks;
    while (check->name != NULL && name != NULL && strcmp(check->name, name) != 0) {
        check++;
    }
    if (check->name == NULL) {
        (void)fprintf(stderr, "foundry-conform: there is no check %s; there are", name);
        for (check = checks; check->name != NULL; check++) {
            (void)fprintf(stderr, " %s", check->name);
        }
        (void)fputc('\n', stderr);
        return false;
    }
    return true;
}

int misuse_run(const char *path, char *const *cases, const char *only, bool json)
{
    struct misuse misuse = {.path = path, .only = only, .json = json};
    struct fnd_text report = {0};
    struct fnd_json plugin;
    int code = EXIT_LOAD;
    char *id = NULL;
    if (!check_known(only)) {
        return EXIT_USAGE;
    }
    misuse.doing =
        mmap(NULL, DOING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (misuse.doing == MAP_FAILED) {
        (void)fprintf(stderr, "foundry-conform: no memory\n");
        return EXIT_LOAD;
    }
    if (!cases_read(&misuse, cases) || !plugin_describe(&misuse, &report, &plugin)) {
        goto out;
    }
    id = fnd_json_strdup(fnd_json_member(plugin, "id"));
    static const char *const lists[] = {"phases", "detectors"};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        const struct fnd_json list = fnd_json_member(plugin, lists[i]);
        for (struct fnd_json_walk walk = fnd_json_walk(list); fnd_json_next(&walk);) {
            callee_test(&misuse, id, walk.value);
        }
    }
    result_print(&misuse, id);
    code = misuse.failed > 0 || misuse.run == 0 ? EXIT_FAILED : 0;
out:
    for (size_t i = 0; i < misuse.cases_count; i++) {
        fnd_text_finish(&misuse.cases[i]);
    }
    free(misuse.cases);
    free(id);
    fnd_text_finish(&misuse.list);
    fnd_text_finish(&report);
    (void)munmap(misuse.doing, DOING_SIZE);
    return code;
}
