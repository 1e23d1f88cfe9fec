/* SPDX-License-Identifier: MIT */
/* A program of the user's beside the engine: how its end is told, that nothing it started outlives
 * it, and each call of the system failing once on both sides. */
#define _GNU_SOURCE /* F_DUPFD_CLOEXEC */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../store/failing.h"
#include "base/file.h"
#include "pool_help.h"
#include "worker/program.h"

enum { END_MS = 60000, CALLS_MAX = 400, OPEN_MAX = 256, TEXT = 256 };

struct stage {
    char place[64], program[96];
    int folder;
};

static void stage_begin(struct stage *stage)
{
    (void)snprintf(stage->place, sizeof stage->place, "/tmp/foundry-program-XXXXXX");
    cr_assert_not_null(mkdtemp(stage->place));
    stage->folder = open(stage->place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert_geq(stage->folder, 0);
    cr_assert_neq(signal(SIGPIPE, SIG_IGN), SIG_ERR); /* as the engine does */
}

static void stage_end(struct stage *stage)
{
    char command[TEXT];
    (void)close(stage->folder);
    (void)snprintf(command, sizeof command, "rm -r '%s'", stage->place);
    cr_expect_eq(system(command), 0);
}

static enum fnd_status start(const struct stage *stage, const char *worker,
                             const char *const *command, struct fnd_program *program,
                             struct fnd_error *error)
{
    static const char *const environment[] = {"PATH=/usr/bin:/bin", "WHO=me", NULL};
    const struct fnd_program_start how = {.worker_program = worker,
                                          .folder = stage->folder,
                                          .command = command,
                                          .environment = environment,
                                          .nice = 3};
    return fnd_program_start(&how, program, error);
}

static bool ends(struct fnd_program *program, struct fnd_program_end *end)
{
    struct pollfd over = {.fd = program->pidfd, .events = POLLIN};
    cr_assert_eq(poll(&over, 1, END_MS), 1, "it does not end");
    return fnd_program_ended(program, end);
}

/** All that it printed, behind its end. */
static void heard(int fd, char text[TEXT])
{
    const ssize_t size = read(fd, text, TEXT - 1);
    text[size < 0 ? 0 : size] = '\0';
}

static int descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < OPEN_MAX; fd++) {
        count += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    }
    return count;
}

static void nothing_left(int open_before, const char *behind)
{
    cr_expect_eq(descriptors(), open_before, "%s leaves descriptors", behind);
    cr_expect(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "%s leaves a process", behind);
}

/* --- how it ends ------------------------------------------------------------------------------ */

Test(program, each_end_is_told_in_its_own_words)
{
    char me[TEXT]; /* as nice as it was told, on top of what this test is */
    const int nice = getpriority(PRIO_PROCESS, 0) + 3;
    (void)snprintf(me, sizeof me, "\nme\n%d\n", nice < 19 ? nice : 19);
    const struct {
        const char *command[4];
        const char *says, *out, *noise;
    } cases[] = {
        {{"sh", "-c", "pwd; echo $WHO $HOME; nice; echo no >&2", NULL}, "exited (0)", me, "no\n"},
        {{"sh", "-c", "exit 7", NULL}, "exited (7)", "", ""},
        {{"sh", "-c", "kill -SEGV $$", NULL}, "signal 11 (SIGSEGV)", "", ""},
        {{"sh", "-c", "kill -63 $$", NULL}, "signal 63 (SIG?)", "", ""},
        {{"no-such-program", NULL}, "cannot be started: No such file", "", ""},
        {{"/etc", NULL}, "cannot be started: Permission denied", "", ""},
    };
    struct stage stage;
    char *worker = built("engine/worker/foundry-worker");
    stage_begin(&stage);
    const int open_before = descriptors();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_program program = {0};
        struct fnd_program_end end;
        struct fnd_error error = {0};
        struct fnd_text text = {0};
        char out[TEXT], noise[TEXT];
        cr_assert_eq(start(&stage, worker, cases[i].command, &program, &error), FND_OK, "%s",
                     error.message);
        cr_assert(ends(&program, &end));
        heard(program.out, out);
        heard(program.noise, noise);
        fnd_program_end_text(&end, &text);
        cr_expect_eq(strncmp(fnd_text_z(&text), cases[i].says, strlen(cases[i].says)), 0, "%zu: %s",
                     i, fnd_text_z(&text));
        cr_expect_not_null(strstr(out, cases[i].out), "%zu: %s", i, out);
        cr_expect(i != 0 || strncmp(out, stage.place, strlen(stage.place)) == 0, "%s", out);
        cr_expect_str_eq(noise, cases[i].noise, "%zu", i);
        cr_expect_not(fnd_program_ended(&program, &end), "%zu: it ends twice", i);
        fnd_text_finish(&text);
        fnd_program_finish(&program);
        fnd_program_finish(&program); /* twice is fine */
    }
    nothing_left(open_before, "a program's end");
    stage_end(&stage);
    free(worker);
}

Test(program, one_that_is_asked_to_stop_may_do_so_and_one_that_is_deaf_is_ended)
{
    static const char *const listens[] = {
        "sh", "-c", "trap 'echo saved; exit 4' TERM; echo ready; while :; do sleep 0.05; done",
        NULL};
    static const char *const deaf[] = {
        "sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done", NULL};
    struct stage stage;
    struct fnd_program program = {0};
    struct fnd_program_end end;
    struct fnd_error error = {0};
    char out[TEXT];
    char *worker = built("engine/worker/foundry-worker");
    stage_begin(&stage);
    const int open_before = descriptors();
    cr_assert_eq(start(&stage, worker, listens, &program, &error), FND_OK, "%s", error.message);
    struct pollfd ready = {.fd = program.out, .events = POLLIN};
    cr_assert_eq(poll(&ready, 1, END_MS), 1);
    cr_expect_not(fnd_program_ended(&program, &end), "it runs");
    fnd_program_stop(&program, false);
    cr_assert(ends(&program, &end));
    fnd_program_stop(&program, false); /* there is nobody: no signal, no error */
    heard(program.out, out);
    cr_expect_str_eq(out, "ready\nsaved\n");
    cr_expect(end.code == 4 && end.signal == 0, "%d, signal %d", end.code, end.signal);
    fnd_program_finish(&program);

    cr_assert_eq(start(&stage, worker, deaf, &program, &error), FND_OK, "%s", error.message);
    ready.fd = program.out;
    cr_assert_eq(poll(&ready, 1, END_MS), 1);
    fnd_program_stop(&program, false);
    cr_expect_not(fnd_program_ended(&program, &end), "it is deaf");
    fnd_program_stop(&program, true);
    fnd_program_stop(&program, true); /* once is enough */
    cr_assert(ends(&program, &end));
    cr_expect(end.code == -1 && end.signal == SIGKILL, "%d, signal %d", end.code, end.signal);
    fnd_program_finish(&program);
    nothing_left(open_before, "a stop");
    stage_end(&stage);
    free(worker);
}

/** A child in a session of its own, which its parent has left, goes with the program, however that
 *  ends: by itself, at the engine's word, with the foundry-worker killed. */
Test(program, what_it_started_goes_with_it_in_whatever_session)
{
    static const char *const ended[] = {"by itself", "at the engine's word", "unfinished"};
    char *worker = built("engine/worker/foundry-worker");
    struct stage stage;
    stage_begin(&stage);
    const int open_before = descriptors();
    for (int i = 0; i < 3; i++) {
        static const char *const stays[] = {
            "sh", "-c",
            "setsid sh -c 'echo $$ >child; exec sleep 1000' & "
            "while [ ! -s child ]; do sleep 0.01; done; echo ready; exec sleep 1000",
            NULL};
        static const char *const goes[] = {
            "sh", "-c",
            "setsid sh -c 'echo $$ >child; exec sleep 1000' & "
            "while [ ! -s child ]; do sleep 0.01; done; echo ready; exit 0",
            NULL};
        struct fnd_program program = {0};
        struct fnd_program_end end = {0};
        struct fnd_error error = {0};
        struct fnd_text child = {0};
        cr_assert_eq(start(&stage, worker, i == 0 ? goes : stays, &program, &error), FND_OK, "%s",
                     error.message);
        struct pollfd ready = {.fd = program.out, .events = POLLIN};
        cr_assert_eq(poll(&ready, 1, END_MS), 1);
        if (i < 2) {
            if (i == 1) {
                fnd_program_stop(&program, true);
            }
            cr_assert(ends(&program, &end));
        }
        fnd_program_finish(&program);
        cr_assert_eq(fnd_file_read(stage.folder, "child", TEXT, &child, NULL), FND_OK);
        const pid_t pid = (pid_t)atol(fnd_text_z(&child));
        cr_assert_gt(pid, 1);
        cr_expect(kill(pid, 0) != 0 && errno == ESRCH, "%s: the child lives", ended[i]);
        fnd_text_finish(&child);
        cr_assert_eq(unlinkat(stage.folder, "child", 0), 0);
    }
    nothing_left(open_before, "a family");
    stage_end(&stage);
    free(worker);
}

Test(program, a_foundry_worker_that_is_killed_takes_the_program_with_it)
{
    static const char *const command[] = {"sh", "-c", "echo ready; exec sleep 1000", NULL};
    struct stage stage;
    struct fnd_program program = {0};
    struct fnd_program_end end;
    struct fnd_error error = {0};
    char *worker = built("engine/worker/foundry-worker");
    stage_begin(&stage);
    const int open_before = descriptors();
    cr_assert_eq(start(&stage, worker, command, &program, &error), FND_OK, "%s", error.message);
    struct pollfd ready = {.fd = program.out, .events = POLLIN};
    cr_assert_eq(poll(&ready, 1, END_MS), 1);
    cr_assert_eq(kill(program.pid, SIGABRT), 0);
    cr_assert(ends(&program, &end));
    cr_expect(end.signal == SIGABRT && end.code == -1, "without a word from it: signal %d",
              end.signal);
    /* The program held the writing end of its pipe: its end of file is its death. */
    char out[TEXT];
    ready.events = POLLIN | POLLHUP;
    do {
        cr_assert_eq(poll(&ready, 1, END_MS), 1, "the program lives");
    } while ((ready.revents & POLLIN) != 0 && read(program.out, out, sizeof out) > 0);
    fnd_program_finish(&program);
    nothing_left(open_before, "a killed foundry-worker");
    stage_end(&stage);
    free(worker);
}

Test(program, foundry_worker_as_a_program_is_not_started_by_hand)
{
    static const char *const arguments[] = {"program", "program 1", "program 1 0"};
    char *worker = built("engine/worker/foundry-worker"), command[4096];
    for (size_t i = 0; i < sizeof arguments / sizeof arguments[0]; i++) {
        (void)snprintf(command, sizeof command, "'%s' %s 2>&1", worker, arguments[i]);
        const int status = system(command);
        cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 2, "%s: %d", arguments[i], status);
    }
    /* By somebody who is not the parent that it names: nothing runs. */
    (void)snprintf(command, sizeof command,
                   "cd /tmp && '%s' program 1 0 sh -c 'echo ran >&2' 5</tmp 2>&1 | grep -q ran",
                   worker);
    cr_expect_neq(system(command), 0, "it ran for a stranger");
    free(worker);
}

/* --- calls that fail -------------------------------------------------------------------------- */

/** Each call of the engine's side. */
Test(program, each_call_of_a_start_that_fails_is_told_and_keeps_nothing, .timeout = 900)
{
    static const char *const command[] = {"sh", "-c", "exit 5", NULL};
    char *worker = built("engine/worker/foundry-worker");
    const char *met = "";
    unsigned at = 0, refused = 0;
    struct stage stage;
    stage_begin(&stage);
    const int open_before = descriptors();
    while (met != NULL && ++at < CALLS_MAX) {
        struct fnd_program program = {0};
        struct fnd_program_end end = {0};
        struct fnd_error error = {0};
        failing_arm(at, FAILING_ERROR);
        const enum fnd_status status = start(&stage, worker, command, &program, &error);
        met = failing_clear();
        const char *label = met == NULL ? "none" : met;
        if (status == FND_OK) {
            cr_expect_null(met, "%s, call %u, is not told", label, at);
            cr_assert(ends(&program, &end));
            cr_expect_eq(end.code, 5, "%s, call %u", label, at);
        } else {
            refused++;
            cr_expect_eq(status, FND_IO, "%s, call %u: it passes", label, at);
            cr_expect_not_null(strstr(error.message, strstr(label, "syscall") != NULL
                                                         ? "cannot watch sh"
                                                         : "foundry-worker"),
                               "%s, call %u: %s", label, at, error.message);
            cr_expect_eq(program.pid, 0, "%s, call %u: it is there", label, at);
        }
        fnd_program_finish(&program);
        nothing_left(open_before, label);
    }
    cr_expect_lt(at, CALLS_MAX);
    cr_expect_gt(refused, 12);
    printf("%u calls, %u of them refused a start\n", at - 1, refused);
    struct fnd_program program = {0};
    struct fnd_error error = {0};
    cr_expect_eq(start(&stage, "/nowhere/foundry-worker", command, &program, &error), FND_PLUGIN);
    cr_expect_not_null(strstr(error.message, "cannot start /nowhere/foundry-worker: No such"), "%s",
                       error.message);
    cr_expect_eq(start(&stage, stage.place, command, &program, &error), FND_PLUGIN);
    cr_expect_not_null(strstr(error.message, "Permission denied"), "%s", error.message);
    nothing_left(open_before, "a program that is not there");
    stage_end(&stage);
    free(worker);
}

/** One program under a foundry-worker whose at-th call fails: it runs to its end, or is ended with
 *  a reason.  Returns whether it came to what it comes to undisturbed. */
static bool disturbed(struct stage *stage, const char *failing, unsigned at, bool stops,
                      unsigned *told)
{
    static const char *const runs[] = {"sh", "-c", "exit 5", NULL};
    static const char *const stays[] = {
        "sh", "-c",
        "setsid sh -c 'echo $$ >child; exec sleep 1000' & "
        "while [ ! -s child ]; do sleep 0.01; done; echo ready; exec sleep 1000",
        NULL};
    struct fnd_program program = {0};
    struct fnd_program_end end = {0};
    struct fnd_error error = {0};
    struct fnd_text text = {0}, child = {0};
    (void)snprintf(stage->program, sizeof stage->program, "%s/fail-%u", stage->place, at);
    cr_assert_eq(symlink(failing, stage->program), 0);
    cr_assert_eq(start(stage, stage->program, stops ? stays : runs, &program, &error), FND_OK, "%s",
                 error.message);
    if (stops) {
        struct pollfd ready = {.fd = program.out, .events = POLLIN};
        cr_assert_eq(poll(&ready, 1, END_MS), 1, "call %u: neither ready nor ended", at);
        fnd_program_stop(&program, true);
    }
    struct pollfd over = {.fd = program.pidfd, .events = POLLIN};
    cr_assert_eq(poll(&over, 1, END_MS), 1, "behind call %u it does not end", at);
    cr_assert(fnd_program_ended(&program, &end));
    fnd_program_end_text(&end, &text);
    const bool well = stops ? end.signal == SIGKILL : end.code == 5;
    *told += well ? 0 : 1;
    cr_expect(well || end.failure != 0 || end.signal == SIGKILL, "call %u: %s", at,
              fnd_text_z(&text));
    fnd_program_finish(&program);
    if (fnd_file_read(stage->folder, "child", TEXT, &child, NULL) == FND_OK) {
        const pid_t pid = (pid_t)atol(fnd_text_z(&child));
        cr_expect(pid <= 1 || (kill(pid, 0) != 0 && errno == ESRCH), "behind call %u a child lives",
                  at);
        cr_assert_eq(unlinkat(stage->folder, "child", 0), 0);
    }
    fnd_text_finish(&child);
    fnd_text_finish(&text);
    cr_assert_eq(unlink(stage->program), 0);
    return well;
}

Test(program, each_call_of_a_foundry_worker_that_fails_leaves_nothing_behind, .timeout = 900)
{
    enum { CALLS = 24 }; /* more than it makes: the last ones disturb nothing */
    char *failing = built("tests/engine/worker/foundry-worker-failing");
    struct stage stage;
    unsigned told = 0;
    stage_begin(&stage);
    const int open_before = descriptors();
    for (int stops = 0; stops < 2; stops++) {
        bool well = false;
        for (unsigned at = 1; at <= CALLS; at++) {
            well = disturbed(&stage, failing, at, stops != 0, &told);
            nothing_left(open_before, "a program");
        }
        cr_expect(well, "call %d is still one of its own", (int)CALLS);
    }
    printf("%u ends that tell of a call that failed\n", told);
    cr_expect_geq(told, 6);
    stage_end(&stage);
    free(failing);
}
