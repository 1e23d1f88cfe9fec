/* SPDX-License-Identifier: MIT */
/* Each call of the system that a pool makes fails once, from its creation to the end of its calls.
 * Every call of a plugin comes to an end that says what was wrong; a shortage of the machine is
 * never called the plugin's fault, by which its job would fail; the next call runs; and nothing is
 * left behind: no descriptor, no process, no folder. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../store/failing.h"
#include "base/file.h"
#include "pool_help.h"

#define NOOP "tests/plugins/noop.so"
#define SINS "tests/engine/worker/sins.so"

enum { CALLS_MAX = 2000, LONG = 200 << 10, OPEN_MAX = 256 };

/** How many descriptors this process has. */
static int descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < OPEN_MAX; fd++) {
        count += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    }
    return count;
}

/** How many folders of workers lie in $TMPDIR. */
static int folders(const char *place)
{
    int count = 0;
    DIR *list = opendir(place);
    cr_assert_not_null(list);
    for (const struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
        count += strncmp(entry->d_name, "foundry-work-", strlen("foundry-work-")) == 0 ? 1 : 0;
    }
    (void)closedir(list);
    return count;
}

struct scene {
    enum fnd_isolation isolation;
    char place[64];             /* $TMPDIR of this test alone */
    char granted[96];           /* written by one call */
    struct fixture echo, joins; /* a phase with all kinds of effects, one that reads artifacts */
    struct fixture mixes;       /* one with a result that is too long for a frame */
    char *config;               /* too long for a frame */
    int files[2];               /* "first", "second" */
    struct fnd_call_artifact artifacts[2];
};

static void scene_begin(struct scene *scene, enum fnd_isolation isolation)
{
    static const char *const names[] = {"first", "second"};
    static const char big[] = "{\"size\":300000}";
    *scene = (struct scene){.isolation = isolation};
    (void)snprintf(scene->place, sizeof scene->place, "/tmp/foundry-failing-XXXXXX");
    cr_assert_not_null(mkdtemp(scene->place));
    cr_assert_eq(chmod(scene->place, 0755), 0);
    cr_assert_eq(setenv("TMPDIR", scene->place, 1), 0);
    fixture_open(&scene->echo, SINS, "sins", "everything", isolation);
    fixture_open(&scene->joins, SINS, "sins", "artifacts", isolation);
    fixture_open(&scene->mixes, NOOP, "noop", "mix", isolation);
    scene->mixes.callee.config_constant = (struct fnd_json){big, sizeof big - 1};
    if (isolation >= FND_ISOLATION_SANDBOX) {
        (void)snprintf(scene->granted, sizeof scene->granted, "%s/granted", scene->place);
        scene->joins.callee.grant_write = scene->granted;
        scene->joins.callee.grant_base = strlen(scene->place);
    }
    for (int i = 0; i < 2; i++) {
        char path[96];
        (void)snprintf(path, sizeof path, "%s/%s", scene->place, names[i]);
        scene->files[i] = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        cr_assert_eq(fnd_write_all(scene->files[i], i == 0 ? "abcde" : "vwxyz", 5), 0);
        scene->artifacts[i] =
            (struct fnd_call_artifact){.name = names[i], .size = 5, .fd = scene->files[i]};
    }
    scene->config = malloc(LONG + 1);
    (void)memset(scene->config, ' ', LONG);
    scene->config[0] = '{';
    scene->config[LONG - 1] = '}';
    scene->config[LONG] = '\0';
}

static void scene_end(struct scene *scene)
{
    char command[128];
    fixture_close(&scene->echo);
    fixture_close(&scene->joins);
    fixture_close(&scene->mixes);
    (void)close(scene->files[0]);
    (void)close(scene->files[1]);
    free(scene->config);
    (void)snprintf(command, sizeof command, "rm -r '%s'", scene->place);
    cr_expect_eq(system(command), 0);
}

static struct fnd_pool *pool_try(struct fnd_error *error)
{
    char *program = built("engine/worker/foundry-worker");
    static const struct fnd_log quiet = {.fd = 2, .level = FND_LOG_ERROR};
    const struct fnd_pool_options options = {.env = fnd_env_system(),
                                             .log = &quiet,
                                             .worker_program = program,
                                             .workers_max = 2,
                                             .crashes_max = 50};
    struct fnd_pool *pool = NULL;
    if (fnd_pool_create(&options, &pool, error) != FND_OK) {
        cr_expect_null(pool);
    }
    free(program);
    return pool;
}

static bool well(const struct fnd_pool_call *call)
{
    return call->end == FND_CALL_RETURNED && call->effects.outcome == FOUNDRY_DONE;
}

/** The end of one call: well, or with a reason by which its job waits or tries again. */
static void judged(const struct fnd_pool_call *call, const char *label)
{
    if (well(call)) {
        return;
    }
    /* A memory whose size cannot be asked for is none that a worker of ours makes. */
    const bool foreign = call->end == FND_CALL_REFUSED && strncmp(label, "lseek64", 7) == 0;
    cr_expect(call->end == FND_CALL_HELD || call->end == FND_CALL_CRASHED ||
                  call->end == FND_CALL_LOST || foreign,
              "%s: a call ended %d: %s", label, (int)call->end, call->error.message);
    cr_expect(call->end == FND_CALL_LOST || strlen(call->error.message) > 10, "%s says nothing",
              label);
}

/** A call that nothing disturbs runs, at the latest when the back-off is over. */
static void runs_again(struct fnd_pool *pool, const struct scene *scene, const char *label)
{
    struct fnd_pool_call call = {0};
    const int64_t last_ms = real_ms() + 20000;
    bool ran = false;
    while (!ran && real_ms() < last_ms) {
        call = call_make(&scene->echo, scene->config, 0);
        pool_run(pool, &call);
        ran = well(&call);
        cr_expect(ran || call.end == FND_CALL_HELD, "behind %s a call ends %d: %s", label,
                  (int)call.end, call.error.message);
        call_finish(&call);
        (void)poll(NULL, 0, ran ? 0 : 10);
    }
    cr_expect(ran, "behind %s no call runs: %s", label, call.error.message);
}

enum { CALLS = 3 };

/** Calls in a new pool, of which the at-th call of the system fails, then a plain one. */
static const char *life(struct scene *scene, unsigned at, enum failing_how how, unsigned *told)
{
    struct fnd_error error = {0};
    struct fnd_pool_call calls[CALLS];
    char label[96];
    calls[0] = call_make(&scene->echo, scene->config, 0);
    calls[1] = call_make(&scene->joins, "{}", 0);
    calls[1].input.artifacts = scene->artifacts;
    calls[1].input.artifacts_count = 2;
    calls[2] = call_make(&scene->mixes, "{\"text\":\"a\"}", 0);
    failing_arm(at, how);
    struct fnd_pool *pool = pool_try(&error);
    if (pool != NULL) {
        for (int i = 0; i < CALLS; i++) {
            fnd_pool_submit(pool, &calls[i]);
        }
        (void)pool_until(pool, CALLS, 30000);
    }
    const char *met = failing_clear();
    (void)snprintf(label, sizeof label, "%s, call %u", met == NULL ? "none" : met, at);
    if (pool == NULL) {
        cr_expect_gt(strlen(error.message), 10, "%s says nothing", label);
        ++*told;
        return met;
    }
    for (int i = 0; i < CALLS; i++) {
        judged(&calls[i], label);
        cr_expect((met != NULL && how == FAILING_ERROR) || well(&calls[i]), "%s: %s", label,
                  calls[i].error.message);
        *told += well(&calls[i]) ? 0 : 1;
        call_finish(&calls[i]);
    }
    runs_again(pool, scene, label);
    failing_arm(at, how); /* nor does a pool that ends mind */
    fnd_pool_destroy(pool);
    (void)failing_clear();
    return met;
}

static void swept(enum fnd_isolation isolation, enum failing_how how, unsigned told_min)
{
    struct scene scene;
    const char *met = "";
    unsigned at = 0, told = 0;
    scene_begin(&scene, isolation);
    const int open_before = descriptors();
    while (met != NULL && ++at < CALLS_MAX) {
        met = life(&scene, at, how, &told);
        const char *label = met == NULL ? "none" : met;
        cr_expect_eq(descriptors(), open_before, "%s, call %u, leaves descriptors", label, at);
        cr_expect(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD,
                  "%s, call %u, leaves a process", label, at);
        cr_expect(met != NULL || folders(scene.place) == 0, "a folder is left");
    }
    cr_expect_lt(at, CALLS_MAX);
    cr_expect_geq(told, told_min);
    printf("%u calls, %u ends that tell of them\n", at - 1, told);
    scene_end(&scene);
}

Test(failing, each_call_of_a_pool_of_plain_workers, .timeout = 900)
{
    swept(FND_ISOLATION_PROCESS, FAILING_ERROR, 2);
}

Test(failing, each_call_of_a_pool_of_sandboxed_workers, .timeout = 900)
{
    swept(FND_ISOLATION_SANDBOX, FAILING_ERROR, 8);
}

Test(failing, a_signal_in_each_call_changes_nothing, .timeout = 900)
{
    swept(FND_ISOLATION_PROCESS, FAILING_INTERRUPT, 0);
}

Test(failing, no_room_just_now_in_each_call_changes_nothing, .timeout = 900)
{
    swept(FND_ISOLATION_PROCESS, FAILING_SHORT, 0);
}

/* --- the catalog ------------------------------------------------------------------------------ */

/** Each call by which a plugin is described, without a cache: the catalog is there, the plugin is
 *  in it with its description or with what went wrong, and the next look finds it. */
Test(failing, each_call_of_a_catalog, .timeout = 900)
{
    struct scene scene;
    const char *met = "";
    unsigned at = 0, told = 0;
    char *program = built("engine/worker/foundry-worker"), *plugin = built(NOOP), link[96];
    scene_begin(&scene, FND_ISOLATION_PROCESS);
    const struct fnd_catalog_options options = {.path = scene.place, .worker_program = program};
    (void)snprintf(link, sizeof link, "%s/noop.so", scene.place);
    cr_assert_eq(symlink(plugin, link), 0);
    cr_assert_eq(setenv("XDG_CACHE_HOME", "relative", 1), 0);
    cr_assert_eq(unsetenv("HOME"), 0);
    const int open_before = descriptors();
    while (met != NULL && ++at < CALLS_MAX) {
        struct fnd_catalog *catalog = NULL, *again = NULL;
        const struct fnd_plugin_info *info = NULL;
        struct fnd_error error = {0};
        failing_arm(at, FAILING_ERROR);
        const enum fnd_status status = fnd_catalog_create(&options, &catalog, &error);
        met = failing_clear();
        const char *label = met == NULL ? "none" : met;
        if (status == FND_OK) {
            const bool found = fnd_catalog_find(catalog, "noop", &info, &error) == FND_OK;
            cr_expect(met != NULL || found, "%s", error.message);
            cr_expect(found || strlen(error.message) > 10, "%s, call %u, says nothing", label, at);
            told += found ? 0 : 1;
            cr_expect_eq(fnd_catalog_again(catalog, &again, &error), FND_OK, "%s", error.message);
            cr_expect_eq(fnd_catalog_find(again, "noop", &info, &error), FND_OK,
                         "behind %s, call %u: %s", label, at, error.message);
        } else {
            told++;
            cr_expect(met != NULL && strlen(error.message) > 10, "%s", error.message);
        }
        fnd_catalog_destroy(catalog);
        fnd_catalog_destroy(again);
        cr_expect_eq(descriptors(), open_before, "%s, call %u, leaves descriptors", label, at);
        cr_expect(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD,
                  "%s, call %u, leaves a process", label, at);
    }
    cr_expect_lt(at, CALLS_MAX);
    cr_expect_gt(told, 15);
    printf("%u calls, %u of them told\n", at - 1, told);
    free(program);
    free(plugin);
    scene_end(&scene);
}
