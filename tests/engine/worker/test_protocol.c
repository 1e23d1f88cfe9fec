/* SPDX-License-Identifier: MIT */
/* One worker by hand: frames that no engine sends, starts that cannot be, and what is told of its
 * end. A worker that is told nonsense ends with a word, and touches nothing. */
#define _GNU_SOURCE /* pipe2 */
#include <criterion/criterion.h>
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

#include "base/file.h"
#include "pool_help.h"
#include "worker/process.h"
#include "worker/quarantine.h"
#include "worker/serve.h"
#include "worker/usage.h"
#include "worker/work.h"

#define NOOP "tests/plugins/noop.so"

static enum fnd_status start(struct fixture *fixture, const struct fnd_limits *limits,
                             struct fnd_process *process, struct fnd_error *error)
{
    const struct fnd_confinement confinement = {.isolation = FND_ISOLATION_PROCESS,
                                                .limits = *limits};
    char *program = built("engine/worker/foundry-worker");
    const struct fnd_start how = {.program = program,
                                  .mode = "serve",
                                  .plugin = fixture->callee.fd,
                                  .write = -1,
                                  .path = fixture->path,
                                  .confinement = &confinement};
    const enum fnd_status status = fnd_process_start(&how, process, error);
    free(program);
    return status;
}

static bool next(struct fnd_process *process, struct fnd_frame *frame)
{
    while (true) {
        const enum fnd_channel_state state = fnd_channel_next(&process->channel, frame, NULL);
        if (state != FND_CHANNEL_IDLE) {
            return state == FND_CHANNEL_MORE;
        }
        struct pollfd ready = {.fd = process->channel.fd, .events = POLLIN};
        cr_assert_eq(poll(&ready, 1, 30000), 1, "the worker says nothing");
        const enum fnd_channel_state read = fnd_channel_read(&process->channel, NULL);
        if (read == FND_CHANNEL_END || read == FND_CHANNEL_BROKEN) {
            return false;
        }
    }
}

static void expect_frame(struct fnd_process *process, enum fnd_frame_type type)
{
    struct fnd_frame frame;
    cr_assert(next(process, &frame), "no frame of type %d", (int)type);
    cr_assert_eq(frame.type, type);
    fnd_frame_finish(&frame);
}

/** Send one frame and hear how the worker ends. */
static void ends_at(enum fnd_frame_type type, const void *payload, size_t size, const char *says)
{
    const struct fnd_limits none = {0};
    struct fixture fixture;
    struct fnd_process process;
    struct fnd_error error = {0};
    struct fnd_noise noise = {0};
    struct fnd_frame frame;
    fixture_open(&fixture, NOOP, "noop", "step", FND_ISOLATION_PROCESS);
    cr_assert_eq(start(&fixture, &none, &process, &error), FND_OK, "%s", error.message);
    expect_frame(&process, FND_FRAME_CONFINED);
    expect_frame(&process, FND_FRAME_READY);
    fnd_text_append(fnd_channel_begin(&process.channel, type, 1), payload, size);
    cr_assert_eq(fnd_channel_end(&process.channel, NULL, 0, NULL), FND_OK);
    cr_assert_eq(fnd_channel_flush(&process.channel), FND_CHANNEL_IDLE);
    cr_expect_not(next(&process, &frame), "it answered to: %s", says);
    struct pollfd dead = {.fd = process.pidfd, .events = POLLIN};
    cr_assert_eq(poll(&dead, 1, 30000), 1, "the worker does not end at: %s", says);
    (void)fnd_noise_read(&noise, process.noise);
    const struct fnd_process_end end = fnd_process_reap(&process);
    cr_expect_eq(end.code, 70, "%s: exit %d, signal %d", says, end.code, end.signal);
    cr_expect_not_null(strstr(fnd_text_z(&noise.text), says), "%s is not in: %s", says,
                       fnd_text_z(&noise.text));
    fnd_noise_finish(&noise);
    fnd_process_finish(&process);
    fixture_close(&fixture);
}

Test(protocol, a_frame_that_no_engine_sends_ends_the_worker_with_a_word, .timeout = 900)
{
    static const struct {
        enum fnd_frame_type type;
        const char *payload;
        size_t size;
        const char *says;
    } cases[] = {
        {FND_FRAME_DEFINE, "\0\0\0\0\0\0\0\0\0\0\0", 11, "a definition ends early"},
        {FND_FRAME_DEFINE, "\x20\0\0\0\0\0\0\0\0\0\0\0{}", 14, "a definition names slot 32"},
        {FND_FRAME_DEFINE, "\0\0\0\0\0\0\0\0\3\0\0\0{}", 14, "names slot 0 and 3 bytes"},
        {FND_FRAME_DEFINE, "\0\0\0\0\3\0\0\0\0\0\0\0{}", 14, "names slot 0 and 0 bytes"},
        {FND_FRAME_DEFINE, "\0\0\0\0\0\0\0\0\1\0\0\0\xff{}", 15, "a text that is no UTF-8"},
        {FND_FRAME_DEFINE, "\0\0\0\0\0\0\0\0\1\0\0\0a{", 14, "foundry-worker: "},
        {FND_FRAME_DEFINE, "\0\0\0\0\0\0\0\0\4\0\0\0gone{}", 18, "has no phase \"gone\""},
        {FND_FRAME_DEFINE, "\0\0\0\0\1\0\0\0\4\0\0\0gone{}", 18, "has no detector \"gone\""},
        {FND_FRAME_DEFINE, "\0\0\0\0\2\0\0\0\4\0\0\0gone{}", 18, "has no trainer \"gone\""},
        {FND_FRAME_CALL, "\0\0\0\0\0\0\0", 7, "a call ends early"},
        {FND_FRAME_CALL, "\x20\0\0\0\0\0\0\0", 8, "a call names slot 32 and place 0"},
        {FND_FRAME_CALL, "\0\0\0\0\x20\0\0\0", 8, "a call names slot 0 and place 32"},
        {FND_FRAME_CALL, "\0\0\0\0\0\0\0\0", 8, "a call names slot 0 and place 0"},
        {FND_FRAME_RESULT, "", 0, "a frame of type 6 came to a worker"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ends_at(cases[i].type, cases[i].payload, cases[i].size, cases[i].says);
    }
}

/** A phase is defined, and then a call of it comes that no engine sends. */
static void call_ends_at(const void *payload, size_t size, bool raw, const char *says)
{
    static const char define[] = "\0\0\0\0\0\0\0\0\3\0\0\0mix{}";
    const struct fnd_limits none = {0};
    struct fixture fixture;
    struct fnd_process process;
    struct fnd_error error = {0};
    struct fnd_noise noise = {0};
    struct fnd_frame frame;
    fixture_open(&fixture, NOOP, "noop", "mix", FND_ISOLATION_PROCESS);
    cr_assert_eq(start(&fixture, &none, &process, &error), FND_OK, "%s", error.message);
    expect_frame(&process, FND_FRAME_CONFINED);
    expect_frame(&process, FND_FRAME_READY);
    fnd_text_append(fnd_channel_begin(&process.channel, FND_FRAME_DEFINE, 0), define,
                    sizeof define - 1);
    cr_assert_eq(fnd_channel_end(&process.channel, NULL, 0, NULL), FND_OK);
    if (!raw) {
        fnd_text_append(fnd_channel_begin(&process.channel, FND_FRAME_CALL, 1), payload, size);
        cr_assert_eq(fnd_channel_end(&process.channel, NULL, 0, NULL), FND_OK);
    }
    cr_assert_eq(fnd_channel_flush(&process.channel), FND_CHANNEL_IDLE);
    cr_assert(!raw || fnd_write_all(process.channel.fd, payload, size) == 0);
    cr_expect_not(next(&process, &frame), "it answered to: %s", says);
    struct pollfd dead = {.fd = process.pidfd, .events = POLLIN};
    cr_assert_eq(poll(&dead, 1, 30000), 1, "the worker does not end at: %s", says);
    (void)fnd_noise_read(&noise, process.noise);
    const struct fnd_process_end end = fnd_process_reap(&process);
    cr_expect_eq(end.code, 70, "%s: exit %d, signal %d", says, end.code, end.signal);
    cr_expect_not_null(strstr(fnd_text_z(&noise.text), says), "%s is not in: %s", says,
                       fnd_text_z(&noise.text));
    fnd_noise_finish(&noise);
    fnd_process_finish(&process);
    fixture_close(&fixture);
}

Test(protocol, a_call_that_no_engine_sends_ends_the_worker_with_a_word, .timeout = 900)
{
    static const unsigned char header[16] = {0};
    const struct fnd_call_artifact artifact = {.name = "page", .size = 5, .fd = 0};
    const struct fnd_call_input input = {
        .config = {"{}", 2}, .run = {"{}", 2}, .artifacts = &artifact, .artifacts_count = 1};
    struct fnd_text text = {0};
    fnd_text_append(&text, "\0\0\0\0\0\0\0\0", 8);
    fnd_call_input_encode(&input, &text);
    call_ends_at(text.bytes, text.size, false, "an artifact's descriptor did not come");
    call_ends_at(text.bytes, text.size - 1, false, "foundry-worker: ");
    call_ends_at(header, sizeof header, true, "a header that cannot be");
    fnd_text_finish(&text);
}

Test(protocol, a_worker_is_not_started_by_hand)
{
    static const char *const arguments[] = {"",
                                            "serve",
                                            "dance /x engine=1",
                                            "serve /x",
                                            "serve /x engine=0",
                                            "serve /x engine=one",
                                            "serve /x engine=1x",
                                            "describe /x engine=1 color=3"};
    char *program = built("engine/worker/foundry-worker");
    for (size_t i = 0; i < sizeof arguments / sizeof arguments[0]; i++) {
        char command[4096], said[256] = "";
        (void)snprintf(command, sizeof command, "'%s' %s 2>&1", program, arguments[i]);
        FILE *worker = popen(command, "r");
        cr_assert_not_null(worker);
        (void)!fgets(said, sizeof said, worker);
        const int status = pclose(worker);
        cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 2, "%s: %d", arguments[i], status);
        cr_expect_not_null(strstr(said, "not by hand"), "%s: %s", arguments[i], said);
    }
    free(program);
}

/** Too few descriptors for all that a worker takes: each of them is the one that fails, once. */
Test(protocol, a_start_without_descriptors_says_so_and_keeps_none)
{
    const struct fnd_limits none = {0};
    struct fixture fixture;
    struct rlimit old;
    fixture_open(&fixture, NOOP, "noop", "step", FND_ISOLATION_PROCESS);
    const int first = dup(0);
    (void)close(first);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    size_t refused = 0;
    bool started = false;
    for (rlim_t most = (rlim_t)first; !started; most++) {
        struct fnd_process process;
        struct fnd_error error = {0};
        const struct rlimit tight = {.rlim_cur = most, .rlim_max = old.rlim_max};
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
        const enum fnd_status status = start(&fixture, &none, &process, &error);
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
        started = status == FND_OK;
        if (started) {
            (void)fnd_process_reap(&process);
            fnd_process_finish(&process);
        } else {
            refused++;
            cr_expect_eq(status, FND_IO, "it passes, and is no fault of the plugin's");
            cr_expect_not_null(strstr(error.message, "worker"), "%s", error.message);
        }
        const int now = dup(0);
        cr_expect_eq(now, first, "with %d descriptors %d are left open", (int)most, now - first);
        (void)close(now);
        cr_assert_lt(most, 200);
    }
    cr_expect_gt(refused, 7);
    fixture_close(&fixture);
}

Test(protocol, how_a_worker_ended_is_told_with_the_limit_it_met)
{
    const struct fnd_limits limits = {.memory_bytes = 100 << 20, .file_bytes = 8 << 20};
    const struct {
        struct fnd_process_end end;
        const struct fnd_limits *limits;
        const char *says, *not ;
    } cases[] = {
        {{.signal = SIGSEGV}, NULL, "signal 11 (SIGSEGV)", "limit"},
        {{.signal = 63}, &limits, "signal 63 (SIG?)", "limit"},
        {{.signal = SIGXFSZ}, &limits, "(SIGXFSZ): it wrote a file of more than 8 MiB", "memory"},
        {{.signal = SIGXFSZ}, NULL, "(SIGXFSZ)", "MiB"},
        {{.code = 3, .memory_bytes = 79 << 20}, &limits, "exited (3) without a result", "memory"},
#if !FND_SANITIZED
        {{.code = 3, .memory_bytes = 81 << 20}, &limits, "limit of 100 MiB (it held 81 MiB)", "x"},
#endif
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_text text = {0};
        fnd_process_end_text(&cases[i].end, cases[i].limits, &text);
        cr_expect_not_null(strstr(fnd_text_z(&text), cases[i].says), "%zu: %s", i,
                           fnd_text_z(&text));
        cr_expect(strcmp(cases[i].not, "x") == 0 ||
                      strstr(fnd_text_z(&text), cases[i].not ) == NULL,
                  "%zu: %s", i, fnd_text_z(&text));
        fnd_text_finish(&text);
    }
    struct fnd_process gone = {.pid = -1};
    cr_expect_eq(fnd_process_reap(&gone).code, -1, "there is nothing to wait for");
}

Test(protocol, of_much_noise_the_end_is_kept_and_the_rest_is_counted)
{
    enum { LINES = 400000, LINE = 8 };
    int ends[2];
    struct fnd_noise noise = {0};
    struct fnd_text tail = {0};
    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    cr_assert_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    cr_expect(fnd_noise_read(&noise, ends[0]), "nothing yet is no end");
    for (int i = 0; i < LINES; i++) {
        char line[LINE + 8];
        (void)snprintf(line, sizeof line, "%07d\n", i);
        cr_assert_eq(fnd_write_all(ends[1], line, LINE), 0);
        if (i % 4096 == 0 || i + 1 == LINES) {
            cr_assert(fnd_noise_read(&noise, ends[0]));
        }
    }
    (void)close(ends[1]);
    cr_expect_not(fnd_noise_read(&noise, ends[0]), "that is the end");
    cr_expect_eq(noise.total, (uint64_t)LINES * LINE);
    cr_expect_leq(noise.text.size, FND_WORKER_OUTPUT_SIZE_MAX);
    fnd_noise_tail(&noise, 0, &tail);
    cr_expect_eq(strncmp(fnd_text_z(&tail), "[31", 3), 0, "%.40s", fnd_text_z(&tail));
    cr_expect_not_null(strstr(fnd_text_z(&tail), " bytes left out]\n"));
    cr_expect_not_null(strstr(fnd_text_z(&tail), "0399999\n"));
    fnd_text_finish(&tail);
    fnd_noise_tail(&noise, noise.total - LINE, &tail);
    cr_expect_str_eq(fnd_text_z(&tail), "0399999\n");
    fnd_text_finish(&tail);
    fnd_noise_finish(&noise);
    cr_expect_not(fnd_noise_read(&noise, -1), "nor is a broken one read");
    (void)close(ends[0]);
}

Test(protocol, a_program_that_is_nowhere_is_told_with_the_places)
{
    struct fnd_error error = {0};
    char *found = fnd_worker_program("/some/where", &error);
    cr_expect_str_eq(found, "/some/where", "what is given is taken");
    free(found);
    cr_assert_eq(setenv("FOUNDRY_WORKER", "", 1), 0);
    found = fnd_worker_program(NULL, &error);
    cr_expect_null(found);
    cr_expect_not_null(strstr(error.message, "name it in $FOUNDRY_WORKER"), "%s", error.message);
    cr_assert_eq(setenv("FOUNDRY_WORKER", "/nowhere/at/all", 1), 0);
    cr_expect_null(fnd_worker_program(NULL, NULL));
    cr_assert_eq(setenv("FOUNDRY_WORKER", "/bin/sh", 1), 0);
    found = fnd_worker_program(NULL, &error);
    cr_expect_str_eq(found, "/bin/sh");
    free(found);
}

Test(protocol, folders_nested_too_deep_and_too_many_files_are_seen)
{
    const struct fnd_limits limits = {0}; /* a gibibyte of files, then */
    char folder[64] = "/tmp/foundry-deep-XXXXXX", path[1024];
    struct fnd_usage usage;
    struct fnd_text text = {0};
    cr_assert_not_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s", folder);
    for (int i = 0; i < 70; i++) {
        (void)snprintf(path + strlen(path), sizeof path - strlen(path), "/d");
        cr_assert_eq(mkdir(path, 0700), 0);
        if (i == 3) {
            fnd_usage_look(getpid(), folder, false, &limits, &usage);
            cr_expect_eq(usage.files, 4);
            cr_expect_not(usage.deep);
            cr_expect_not(fnd_usage_over(&usage, &limits, &text), "%s", fnd_text_z(&text));
        }
    }
    fnd_usage_look(getpid(), folder, false, &limits, &usage);
    cr_expect(usage.deep);
    cr_expect(fnd_usage_over(&usage, &limits, &text));
    cr_expect_not_null(strstr(fnd_text_z(&text), "deep"), "%s", fnd_text_z(&text));
    fnd_text_finish(&text);
    usage = (struct fnd_usage){.disk_bytes = (uint64_t)2 << 30};
    cr_expect(fnd_usage_over(&usage, &limits, &text));
    cr_expect_not_null(strstr(fnd_text_z(&text), "more than 1024 MiB"), "%s", fnd_text_z(&text));
    fnd_text_finish(&text);
    fnd_usage_look(0x3ffffffe, "/nowhere", true, &limits, &usage);
    cr_expect_eq(usage.files + usage.processes + usage.memory_bytes, 0,
                 "what is gone holds nothing");
    (void)snprintf(path, sizeof path, "rm -r %s", folder);
    cr_assert_eq(system(path), 0);
}

Test(protocol, a_quarantine_that_cannot_be_kept_is_told)
{
    char folder[64] = "/tmp/foundry-ward-XXXXXX";
    const uint8_t hash[FND_DIGEST_SIZE] = {1, 2, 3};
    struct fnd_error error = {0};
    cr_assert_not_null(mkdtemp(folder));
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_expect_neq(fnd_quarantine_add(-1, hash, "why", &error), FND_OK);
    cr_expect_not_null(strstr(error.message, "cannot make the folder quarantine"), "%s",
                       error.message);
    cr_expect_not(fnd_quarantine_has(fd, hash));
    char *why = fnd_quarantine_why(fd, hash);
    cr_expect_str_eq(why, "its workers died too often in a row", "without a file the usual reason");
    free(why);
    cr_assert_eq(fnd_quarantine_add(fd, hash, "it danced", &error), FND_OK, "%s", error.message);
    why = fnd_quarantine_why(fd, hash);
    cr_expect_str_eq(why, "it danced");
    free(why);
    const int other = openat(fd, "quarantine/not-a-hash", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    (void)close(other);
    char full[FND_DIGEST_TEXT_SIZE];
    cr_expect_eq(fnd_quarantine_release(fd, "ff", full, &error), FND_NOT_FOUND);
    cr_expect_not_null(strstr(error.message, "there are 010203"), "%s", error.message);
    cr_expect_null(strstr(error.message, "not-a-hash"), "%s", error.message);
    cr_expect_eq(fnd_quarantine_release(fd, "0102", full, &error), FND_OK, "%s", error.message);
    cr_expect_not(fnd_quarantine_has(fd, hash));
    /* What cannot be removed stays in quarantine, and that is told. */
    (void)snprintf(full, sizeof full, "%064d", 7);
    char name[128];
    (void)snprintf(name, sizeof name, "quarantine/%s", full);
    cr_assert_eq(mkdirat(fd, name, 0700), 0);
    cr_expect_eq(fnd_quarantine_release(fd, "0000", full, &error), FND_IO);
    cr_expect_not_null(strstr(error.message, "cannot remove quarantine/0000"), "%s", error.message);
    cr_assert_eq(unlinkat(fd, name, AT_REMOVEDIR), 0);
    (void)unlinkat(fd, "quarantine/not-a-hash", 0);
    (void)unlinkat(fd, "quarantine", AT_REMOVEDIR);
    (void)close(fd);
    cr_expect_eq(rmdir(folder), 0);
}

Test(protocol, a_granted_folder_behind_a_link_or_a_file_is_not_opened)
{
    char folder[64] = "/tmp/foundry-grant-XXXXXX", path[128];
    static const char *const ends[] = {"/link/out", "/file/out", "/out/deeper", "/out"};
    cr_assert_not_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/link", folder);
    cr_assert_eq(symlink("/usr", path), 0);
    (void)snprintf(path, sizeof path, "%s/file", folder);
    (void)close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        int fd = -1;
        struct stat stat;
        struct fnd_error error = {0};
        (void)snprintf(path, sizeof path, "%s%s", folder, ends[i]);
        const struct fnd_callee callee = {.grant_write = path, .grant_base = strlen(folder)};
        const enum fnd_status status = fnd_grant_open(&callee, &fd, &stat, &error);
        cr_expect_eq(status, i < 2 ? FND_IO : FND_OK, "%s: %s", path, error.message);
        cr_expect(i >= 2 || strstr(error.message, "stands where a folder must") != NULL, "%s",
                  error.message);
        cr_expect(i < 2 || S_ISDIR(stat.st_mode));
        if (fd >= 0) {
            (void)close(fd);
        }
    }
    /* Without a job directory, or with one that is no part of the path: the last step alone is
     * made.
     */
    static const struct {
        const char *path;
        size_t base;
        bool opens;
    } plain[] = {{"/tmp", 0, true}, {"/", 0, true}, {"tmp", 0, false}, {"/tmp", 100, true}};
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        struct stat about, there;
        int grant = -1;
        const struct fnd_callee callee = {.grant_write = plain[i].path,
                                          .grant_base = plain[i].base};
        const enum fnd_status status = fnd_grant_open(&callee, &grant, &about, NULL);
        cr_expect_eq(status == FND_OK, plain[i].opens, "%s: %d", plain[i].path, (int)status);
        cr_expect(!plain[i].opens || (stat(plain[i].path, &there) == 0 &&
                                      there.st_ino == about.st_ino && there.st_dev == about.st_dev),
                  "%s is another folder", plain[i].path);
        if (grant >= 0) {
            (void)close(grant);
        }
    }
    const struct fnd_callee nowhere = {.grant_write = "/nowhere/at/all"};
    struct stat stat;
    int fd = -1;
    cr_expect_eq(fnd_grant_open(&nowhere, &fd, &stat, NULL), FND_IO);
    cr_expect_eq(fd, -1);
    (void)snprintf(path, sizeof path, "rm -r %s", folder);
    cr_assert_eq(system(path), 0);
}
