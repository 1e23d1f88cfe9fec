/* SPDX-License-Identifier: MIT */
/* Each call of the system that a worker makes for itself fails once. Either its plugin is kept to
 * what is recorded, or no line of it runs. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "pool_help.h"
#include "worker/confine.h"

#define HOSTILE "tests/engine/worker/hostile.so"

enum {
    STARTS_MAX = 600,
    QUIET = 40
}; /* so many calls in a row that fail none the worse: the end */

struct scene {
    enum fnd_isolation isolation;
    bool write;
    char place[64], granted[96], program[96];
    struct fixture fixture;
    unsigned well, refused, lesser; /* starts: as wanted, not at all, with fewer layers */
};

/** The plugin as a file that only its owner may read, which a worker copies before it becomes
 *  somebody else. */
static void plugin_copy(struct scene *scene)
{
    struct fnd_text bytes = {0};
    char path[96];
    (void)snprintf(path, sizeof path, "%s/hostile.so", scene->place);
    cr_assert_eq(fnd_file_read(AT_FDCWD, scene->fixture.path, 64 << 20, &bytes, NULL), FND_OK);
    cr_assert_eq(fnd_file_write(AT_FDCWD, path, bytes.bytes, bytes.size, 0600, NULL), FND_OK);
    (void)close(scene->fixture.callee.fd);
    scene->fixture.callee.fd = open(path, O_RDONLY | O_CLOEXEC);
    cr_assert_geq(scene->fixture.callee.fd, 0);
    fnd_text_finish(&bytes);
}

static void scene_begin(struct scene *scene, enum fnd_isolation isolation, bool write)
{
    static const char *const reads[] = {"/usr/share", NULL};
    *scene = (struct scene){.isolation = isolation, .write = write};
    (void)snprintf(scene->place, sizeof scene->place, "/tmp/foundry-confining-XXXXXX");
    cr_assert_not_null(mkdtemp(scene->place));
    cr_assert_eq(chmod(scene->place, 0755), 0);
    cr_assert_eq(setenv("TMPDIR", scene->place, 1), 0);
    fixture_open(&scene->fixture, HOSTILE, "hostile", "try", isolation);
    scene->fixture.callee.reads = reads;
    plugin_copy(scene);
    if (write) {
        (void)snprintf(scene->granted, sizeof scene->granted, "%s/granted", scene->place);
        scene->fixture.callee.grant_write = scene->granted;
        scene->fixture.callee.grant_base = strlen(scene->place);
    }
}

static void scene_end(struct scene *scene)
{
    char command[128];
    fixture_close(&scene->fixture);
    (void)snprintf(command, sizeof command, "rm -r '%s'", scene->place);
    cr_expect_eq(system(command), 0);
}

/** Try an act; what it came to, as an error number, or -1: the call did not return. */
static int act_try(struct scene *scene, struct fnd_pool *pool, const char *act,
                   struct fnd_pool_call *call)
{
    char config[160];
    int64_t error = -1;
    struct fnd_json output = {0};
    (void)snprintf(config, sizeof config, "{\"act\":\"%s\",\"engine\":%ld,\"path\":\"\"}", act,
                   (long)getpid());
    *call = call_make(&scene->fixture, config, 0);
    pool_run(pool, call);
    if (call->end == FND_CALL_RETURNED && call->effects.outcome == FOUNDRY_DONE) {
        cr_assert_eq(
            fnd_json_check(call->effects.output, call->effects.output_size, NULL, &output, NULL),
            FND_OK);
        cr_assert(fnd_json_integer(fnd_json_member(output, "error"), &error));
    }
    return (int)error;
}

/** What the plugin could do must be what is on record. */
static void kept_to(struct scene *scene, struct fnd_pool *pool, unsigned at, int passwd, int level)
{
    struct fnd_pool_call call;
    const int layers = level & FND_LEVEL_MASK;
    const int udp = act_try(scene, pool, "socket-unix", &call);
    call_finish(&call);
    cr_expect(scene->isolation != FND_ISOLATION_SANDBOX || layers == FND_ISOLATION_SANDBOX,
              "call %u: it runs with level %d", at, level);
    cr_expect(layers < FND_ISOLATION_LANDLOCK || passwd == EACCES,
              "call %u: at level %d it opened /etc/passwd: %d", at, level, passwd);
    cr_expect(layers != FND_ISOLATION_SANDBOX || udp == EPERM || udp == -1,
              "call %u: at level %d it has a socket: %d", at, level, udp);
    ++*(layers == FND_ISOLATION_SANDBOX ? &scene->well : &scene->lesser);
}

/** One worker whose at-th call fails.  Returns whether that made a difference. */
static bool start_one(struct scene *scene, unsigned at)
{
    char *worker = built("tests/engine/worker/foundry-worker-failing");
    static const struct fnd_log quiet = {.fd = 2, .level = FND_LOG_ERROR};
    const unsigned well = scene->well;
    struct fnd_pool *pool = NULL;
    struct fnd_pool_call call;
    (void)snprintf(scene->program, sizeof scene->program, "%s/fail-%u", scene->place, at);
    cr_assert_eq(symlink(worker, scene->program), 0);
    const struct fnd_pool_options options = {.env = fnd_env_system(),
                                             .log = &quiet,
                                             .worker_program = scene->program,
                                             .workers_max = 1,
                                             .crashes_max = 1};
    cr_assert_eq(fnd_pool_create(&options, &pool, NULL), FND_OK);
    const int passwd = act_try(scene, pool, "passwd-read", &call);
    if (passwd >= 0) {
        kept_to(scene, pool, at, passwd, call.level);
    } else {
        scene->refused++;
        cr_expect(call.end == FND_CALL_HELD || call.end == FND_CALL_REFUSED ||
                      call.end == FND_CALL_CRASHED,
                  "call %u: %d", at, (int)call.end);
        cr_expect_gt(strlen(call.error.message), 20, "call %u says nothing", at);
    }
    call_finish(&call);
    fnd_pool_destroy(pool);
    cr_assert_eq(unlink(scene->program), 0);
    free(worker);
    return scene->well == well;
}

static void swept(enum fnd_isolation isolation, bool write, unsigned refused_min,
                  unsigned lesser_min)
{
    struct scene scene;
    struct fnd_error error = {0};
    if (fnd_sandbox_there(0, &error) != FND_OK) {
        cr_skip_test("%s", error.message);
    }
    unsigned at = 0, quiet = 0;
    scene_begin(&scene, isolation, write);
    while (quiet < QUIET && ++at < STARTS_MAX) {
        quiet = start_one(&scene, at) ? 0 : quiet + 1;
    }
    printf("%u starts: %u as wanted, %u with fewer layers, %u not\n", at, scene.well, scene.lesser,
           scene.refused);
    cr_expect_lt(at, STARTS_MAX);
    cr_expect_geq(scene.refused, refused_min);
    cr_expect_geq(scene.lesser, lesser_min);
    scene_end(&scene);
}

Test(confining, a_sandbox_that_lacks_a_layer_runs_nothing, .timeout = 900)
{
    swept(FND_ISOLATION_SANDBOX, false, 10, 0);
}

Test(confining, a_best_effort_is_recorded_as_what_it_came_to, .timeout = 900)
{
    swept(FND_ISOLATION_BEST_EFFORT, true, 5, 3);
}

/* --- a worker that is none -------------------------------------------------------------------- */

/** What breaks the protocol is stopped, whatever it says, and its call ends with the reason. */
Test(confining, a_program_that_breaks_the_protocol_is_stopped_at_its_first_lie, .timeout = 900)
{
    static const char *const says[] = {"not isolated as it must be",  "not isolated as it must be",
                                       "not isolated as it must be",  "not isolated as it must be",
                                       "frame of type 3 out of turn", "frame of type 8 out of turn",
                                       "frame of type 6 out of turn", "frame of type 7 out of turn",
                                       "frame of type 3 out of turn", "",
                                       "header that cannot be"};
    struct scene scene;
    char *liar = built("tests/engine/worker/liar");
    static const struct fnd_log quiet = {.fd = 2, .level = FND_LOG_ERROR};
    scene_begin(&scene, FND_ISOLATION_PROCESS, false);
    for (unsigned i = 0; i < sizeof says / sizeof says[0]; i++) {
        struct fnd_pool *pool = NULL;
        struct fnd_pool_call call = call_make(&scene.fixture, "{}", 0);
        (void)snprintf(scene.program, sizeof scene.program, "%s/lie-%u", scene.place, i);
        cr_assert_eq(symlink(liar, scene.program), 0);
        const struct fnd_pool_options options = {.env = fnd_env_system(),
                                                 .log = &quiet,
                                                 .worker_program = scene.program,
                                                 .workers_max = 1,
                                                 .crashes_max = 1};
        cr_assert_eq(fnd_pool_create(&options, &pool, NULL), FND_OK);
        pool_run(pool, &call);
        cr_expect(call.end == FND_CALL_REFUSED || call.end == FND_CALL_HELD, "lie %u: %d", i,
                  (int)call.end);
        cr_expect_not_null(strstr(call.error.message, says[i]), "lie %u: %s", i,
                           call.error.message);
        cr_expect_eq(fnd_pool_workers(pool), 0, "lie %u: it lives", i);
        call_finish(&call);
        fnd_pool_destroy(pool);
    }
    free(liar);
    scene_end(&scene);
}

/** Lies that begin with a call under way: its end has the reason, and nothing of the lie. */
Test(confining, a_lie_in_a_call_ends_that_call_with_the_reason, .timeout = 900)
{
    static const struct {
        unsigned lie;
        enum fnd_call_end end;
        const char *says;
    } cases[] = {
        {11, FND_CALL_REFUSED, "it answered a call that it was not asked next"},
        {12, FND_CALL_REFUSED, "its answer cannot be read"},
        {13, FND_CALL_CRASHED, "exited (0) without a result"},
        {14, FND_CALL_REFUSED, "frame of type 4 out of turn"},
        {15, FND_CALL_HELD, "frame of type 9 out of turn"},
        {16, FND_CALL_TIMEOUT, "did not end within 200 ms and its worker ended"},
        {17, FND_CALL_HELD, "while it was loaded: exited (3) without a result; it printed: no "},
    };
    struct scene scene;
    char *liar = built("tests/engine/worker/liar");
    static const struct fnd_log quiet = {.fd = 2, .level = FND_LOG_ERROR};
    scene_begin(&scene, FND_ISOLATION_PROCESS, false);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_pool *pool = NULL;
        struct fnd_pool_call call =
            call_make(&scene.fixture, "{}", cases[i].end == FND_CALL_TIMEOUT ? 200 : 0);
        (void)snprintf(scene.program, sizeof scene.program, "%s/lie-%u", scene.place, cases[i].lie);
        cr_assert_eq(symlink(liar, scene.program), 0);
        const struct fnd_pool_options options = {.env = fnd_env_system(),
                                                 .log = &quiet,
                                                 .worker_program = scene.program,
                                                 .workers_max = 1,
                                                 .crashes_max = 1};
        cr_assert_eq(fnd_pool_create(&options, &pool, NULL), FND_OK);
        pool_run(pool, &call);
        cr_expect_eq(call.end, cases[i].end, "lie %u: %d: %s", cases[i].lie, (int)call.end,
                     call.error.message);
        cr_expect_not_null(strstr(call.error.message, cases[i].says), "lie %u: %s", cases[i].lie,
                           call.error.message);
        cr_expect_null(strchr(call.error.message, '\033'), "lie %u: %s", cases[i].lie,
                       call.error.message);
        cr_expect_eq(call.effects.log_lines, 0, "lie %u: %s", cases[i].lie,
                     fnd_text_z(&call.effects.log));
        cr_expect(call.progress >= 0 && call.progress <= 1, "lie %u: %f", cases[i].lie,
                  call.progress);
        cr_expect_lt(strnlen(call.note, FND_NOTE_SIZE), FND_NOTE_SIZE, "lie %u", cases[i].lie);
        call_finish(&call);
        fnd_pool_destroy(pool);
    }
    free(liar);
    scene_end(&scene);
}

/** A describing worker that lies, dies with words, or lives on without one. */
Test(confining, a_plugin_whose_worker_lies_is_listed_with_the_reason, .timeout = 900)
{
    static const struct {
        unsigned lie;
        const char *says;
    } cases[] = {{10, "its worker broke the protocol: a frame has a header that cannot be"},
                 {17, "ended while it was loaded: exited (3) without a result; it printed: no "}};
    struct scene scene;
    char *liar = built("tests/engine/worker/liar");
    scene_begin(&scene, FND_ISOLATION_PROCESS, false);
    cr_assert_eq(setenv("XDG_CACHE_HOME", "relative", 1), 0);
    cr_assert_eq(setenv("HOME", "relative", 1), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_catalog *catalog = NULL;
        const struct fnd_error *why = NULL;
        (void)snprintf(scene.program, sizeof scene.program, "%s/lie-%u", scene.place, cases[i].lie);
        cr_assert_eq(symlink(liar, scene.program), 0);
        const struct fnd_catalog_options options = {.path = scene.place,
                                                    .worker_program = scene.program};
        cr_assert_eq(fnd_catalog_create(&options, &catalog, NULL), FND_OK);
        cr_assert_eq(fnd_catalog_count(catalog), 1);
        cr_expect_null(fnd_catalog_get(catalog, 0, NULL, &why));
        cr_expect_not_null(strstr(why->message, cases[i].says), "lie %u: %s", cases[i].lie,
                           why->message);
        cr_expect_null(strchr(why->message, '\033'), "lie %u: %s", cases[i].lie, why->message);
        fnd_catalog_destroy(catalog);
    }
    free(liar);
    scene_end(&scene);
}
