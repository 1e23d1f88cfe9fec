/* SPDX-License-Identifier: MIT */
/* What the sandbox shuts out, what it lets through, and as whom a worker runs. Each forbidden act
 * is tried in a plain worker too, where it must get through: else the test would show nothing. */
#define _GNU_SOURCE /* nftw */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pool_help.h"
#include "worker/confine.h"
#include "worker/landlock.h"
#include "worker/work.h"

#define HOSTILE "tests/engine/worker/hostile.so"
#define SINS "tests/engine/worker/sins.so"

enum { ANY = -2 }; /* whatever it says, the kernel was asked */

/** A pool of one worker of the hostile plugin. */
struct scene {
    struct fixture fixture;
    struct fnd_pool *pool;
    char folder[64]; /* of the test's own */
};

static void scene_open(struct scene *scene, enum fnd_isolation isolation)
{
    fixture_open(&scene->fixture, HOSTILE, "hostile", "try", isolation);
    scene->pool = pool_open(1);
    (void)snprintf(scene->folder, sizeof scene->folder, "/tmp/foundry-sandbox-XXXXXX");
    cr_assert_not_null(mkdtemp(scene->folder));
    cr_assert_eq(chmod(scene->folder, 0755), 0);
}

static int entry_remove(const char *path, const struct stat *stat, int kind, struct FTW *place)
{
    (void)stat;
    (void)kind;
    (void)place;
    return remove(path);
}

static void scene_close(struct scene *scene)
{
    glob_t left = {0};
    fnd_pool_destroy(scene->pool);
    /* Who may make a file, but not remove it, leaves it. */
    if (glob("/tmp/foundry-hostile-*", 0, NULL, &left) == 0) {
        for (size_t i = 0; i < left.gl_pathc; i++) {
            (void)unlink(left.gl_pathv[i]);
        }
        globfree(&left);
    }
    fixture_close(&scene->fixture);
    (void)nftw(scene->folder, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/** A file in the test's folder that anybody may do anything with; its path. */
static const char *file_make(const struct scene *scene, const char *name, char path[256])
{
    (void)snprintf(path, 256, "%s/%s", scene->folder, name);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    cr_assert_geq(fd, 0, "%s", path);
    cr_assert_eq(write(fd, "12345678", 8), 8);
    cr_assert_eq(fchmod(fd, 0666), 0);
    (void)close(fd);
    return path;
}

struct tried {
    int error, constructor;
    long user;
    int level;
};

static struct tried act_try(const struct scene *scene, const char *act, const char *path)
{
    struct fnd_text config = {0};
    struct fnd_json output = {0};
    fnd_text_printf(&config, "{\"act\":\"%s\",\"engine\":%ld,\"path\":", act, (long)getpid());
    fnd_text_append_json_z(&config, path);
    fnd_text_append_byte(&config, '}');
    struct fnd_pool_call call = call_make(&scene->fixture, fnd_text_z(&config), 10000);
    pool_run(scene->pool, &call);
    cr_assert_eq(call.end, FND_CALL_RETURNED, "%s: %d %s", act, (int)call.end, call.error.message);
    cr_assert_eq(call.effects.outcome, FOUNDRY_DONE, "%s: %s", act, call.effects.message);
    cr_assert_eq(fnd_json_check(call.effects.output, call.effects.output_size, NULL, &output, NULL),
                 FND_OK);
    int64_t error = 0, constructor = 0, user = 0;
    cr_assert(fnd_json_integer(fnd_json_member(output, "error"), &error));
    cr_assert(fnd_json_integer(fnd_json_member(output, "constructor"), &constructor));
    cr_assert(fnd_json_integer(fnd_json_member(output, "user"), &user));
    const struct tried tried = {(int)error, (int)constructor, (long)user, call.level};
    call_finish(&call);
    fnd_text_finish(&config);
    return tried;
}

static const struct {
    const char *act;
    int inside, outside; /* error numbers; ANY: anything but `inside` */
} forbidden[] = {
    {"passwd-read", EACCES, 0},
    {"engine-fds", EACCES, 0},
    {"engine-files", EACCES, 0},
    {"engine-memory", EACCES, ANY}, /* Yama may refuse it, too, in its own way */
    {"engine-environment", EACCES, 0},
    {"proc-read", EACCES, 0},
    {"temporary-write", EACCES, 0},
    {"socket-tcp", EPERM, 0},
    {"socket-udp", EPERM, ANY},
    {"socket-unix", EPERM, 0},
    {"socketpair", EPERM, 0},
    {"connect", EPERM, ENOENT},
    {"fork", EPERM, 0},
    {"user-namespace", EPERM, ANY},
    {"clone3", ENOSYS, 0},
    {"exec", EPERM, ENOENT},
    {"execveat", EPERM, ANY},
    {"ptrace", EPERM, ESRCH},
    {"process-vm-readv", EPERM, 0},
    {"kill", EPERM, 0},
    {"tgkill", EPERM, 0},
    {"sigqueue", EPERM, 0},
    {"pidfd-open", EPERM, 0},
    {"fcntl-setown", EPERM, 0},
    {"io-uring", EPERM, ANY},
    {"unshare", EPERM, 0},
    {"setns", EPERM, EBADF},
    {"mount", EPERM, ENOENT},
    {"setrlimit", EPERM, 0},
    {"prctl", EPERM, 0},
    {"seccomp", EPERM, 0},
    {"personality", EPERM, 0},
    {"setpriority", EPERM, 0},
    {"ioctl", EPERM, ENOTTY},
    {"open-by-handle", EPERM, ANY},
    {"x32", EPERM, ENOSYS},
};

/** Acts that an ordinary user is refused anyway, with the same number. */
static bool refused_to_users(const char *act)
{
    return geteuid() != 0 &&
           (strcmp(act, "open-by-handle") == 0 || strcmp(act, "engine-memory") == 0);
}

static void outside_check(const char *act, int inside, int outside, int error, const char *where)
{
    if (outside == ANY) {
        cr_expect(error != inside || refused_to_users(act) || inside != EPERM,
                  "%s %s in a plain worker: %s: it shows nothing", act, where, strerror(error));
    } else {
        cr_expect_eq(error, outside, "%s %s in a plain worker: %s", act, where, strerror(error));
    }
}

Test(sandbox, forbidden_acts_fail_in_the_constructor_and_later, .timeout = 900)
{
    struct scene inside, outside;
    scene_open(&inside, FND_ISOLATION_SANDBOX);
    scene_open(&outside, FND_ISOLATION_PROCESS);
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++) {
        const char *act = forbidden[i].act;
        struct tried tried = act_try(&inside, act, "");
        cr_expect_eq(tried.error, forbidden[i].inside, "%s: %s", act, strerror(tried.error));
        cr_expect_eq(tried.constructor, forbidden[i].inside, "%s in the constructor: %s", act,
                     strerror(tried.constructor));
        cr_expect_eq(tried.level & FND_LEVEL_MASK, FND_ISOLATION_SANDBOX);
        tried = act_try(&outside, act, "");
        outside_check(act, forbidden[i].inside, forbidden[i].outside, tried.error, "later");
        outside_check(act, forbidden[i].inside, forbidden[i].outside, tried.constructor,
                      "in the constructor");
        cr_expect_eq(tried.level, FND_ISOLATION_PROCESS);
    }
    scene_close(&inside);
    scene_close(&outside);
}

Test(sandbox, what_plugins_need_gets_through)
{
    static const char *const acts[] = {"thread", "own-file", "null-write", "own-signal",
                                       "big-memory"};
    struct scene scene;
    scene_open(&scene, FND_ISOLATION_SANDBOX);
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
        const struct tried tried = act_try(&scene, acts[i], "");
        cr_expect_eq(tried.error, 0, "%s: %s", acts[i], strerror(tried.error));
        cr_expect_eq(tried.constructor, 0, "%s in the constructor: %s", acts[i],
                     strerror(tried.constructor));
    }
    scene_close(&scene);
}

/* Which file an act is tried on. */
enum target { IN_GRANT, IN_READS, ELSEWHERE, LINK_OUT_OF_GRANT, LINK_OUT_OF_READS, TARGETS };

Test(sandbox, files_open_as_granted_and_no_others, .timeout = 900)
{
    static const struct {
        const char *act;
        bool missing; /* the act is on a name that is not there yet */
        int inside[TARGETS];
        bool outside; /* it succeeds in a plain worker */
    } cases[] = {
        {"path-read", false, {0, 0, EACCES, EACCES, EACCES}, true},
        {"path-write", false, {0, EACCES, EACCES, EACCES, EACCES}, true},
        {"path-make", true, {0, EACCES, EACCES, EACCES, EACCES}, true},
        {"path-cut-while-reading", false, {EPERM, EPERM, EPERM, EPERM, EPERM}, true},
        {"path-mode-3", false, {EPERM, EPERM, EPERM, EPERM, EPERM}, true},
        {"path-truncate", false, {EPERM, EPERM, EPERM, EPERM, EPERM}, true},
        {"path-chmod", false, {EPERM, EPERM, EPERM, EPERM, EPERM}, true},
        {"path-chown", false, {EPERM, EPERM, EPERM, EPERM, EPERM}, true},
        {"path-times", false, {EPERM, EPERM, EPERM, EPERM, EPERM}, true},
        {"path-symlink", true, {EPERM, EPERM, EPERM, EPERM, EPERM}, true},
        {"path-link", true, {EPERM, EPERM, EPERM, EPERM, EPERM}, false},
        {"path-mkdir", true, {0, EACCES, EACCES, EACCES, EACCES}, true},
        {"path-unlink", false, {0, EACCES, EACCES, 0, EACCES}, true},
    };
    struct scene scene;
    scene_open(&scene, FND_ISOLATION_SANDBOX);
    char grant[256], reads_folder[256], elsewhere[256];
    char *const folders[] = {grant, reads_folder, elsewhere};
    static const char *const names[] = {"grant", "reads", "elsewhere"};
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(folders[i], 256, "%s/%s", scene.folder, names[i]);
        cr_assert_eq(mkdir(folders[i], 0777), 0);
        cr_assert_eq(chmod(folders[i], 0777), 0);
    }
    const char *const reads[] = {reads_folder, "/nonexistent/data", NULL};
    struct fixture plain = scene.fixture;
    plain.callee.isolation = FND_ISOLATION_PROCESS;
    scene.fixture.callee.grant_write = grant;
    scene.fixture.callee.reads = reads;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int target = 0; target < TARGETS; target++) {
            static const char *const places[] = {"grant/file", "reads/file", "elsewhere/file",
                                                 "grant/link", "reads/link"};
            const bool link = target >= LINK_OUT_OF_GRANT;
            char path[256], aim[256];
            (void)snprintf(path, sizeof path, "%s/%s", scene.folder, places[target]);
            (void)file_make(&scene, "elsewhere/aim", aim);
            (void)remove(path);
            if (!cases[i].missing && !link) {
                (void)file_make(&scene, places[target], path);
            } else if (link && (!cases[i].missing || strcmp(cases[i].act, "path-make") == 0)) {
                cr_assert_eq(symlink(aim, path), 0);
            } else if (link) {
                continue;
            }
            struct tried tried = act_try(&scene, cases[i].act, path);
            cr_expect_eq(tried.error, cases[i].inside[target], "%s on %s: %s", cases[i].act,
                         places[target], strerror(tried.error));
        }
    }
    const struct fixture confined = scene.fixture;
    scene.fixture = plain;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[256];
        (void)remove(file_make(&scene, "elsewhere/file", path));
        if (!cases[i].missing) {
            (void)file_make(&scene, "elsewhere/file", path);
        }
        const struct tried tried = act_try(&scene, cases[i].act, path);
        cr_expect(!cases[i].outside || tried.error == 0, "%s in a plain worker: %s", cases[i].act,
                  strerror(tried.error));
        (void)remove(path);
    }
    scene.fixture = confined;
    scene_close(&scene);
}

Test(sandbox, a_worker_of_root_is_another_user)
{
    struct scene scene;
    scene_open(&scene, FND_ISOLATION_SANDBOX);
    const struct tried tried = act_try(&scene, "own-file", "");
    const long wanted = geteuid() == 0 ? FND_WORKER_UID_BASE : (long)geteuid();
    cr_expect_eq(tried.error, 0, "%s", strerror(tried.error));
    cr_expect_eq(tried.user, wanted, "%ld", tried.user);
    cr_expect_eq(tried.level, FND_ISOLATION_SANDBOX);
    scene_close(&scene);
}

Test(sandbox, a_folder_is_written_as_its_owner_and_a_new_one_as_the_owner_above)
{
    enum { OWNER = 12345 };
    struct scene scene;
    char jobs[128], out[160], file[192];
    const bool root = geteuid() == 0;
    scene_open(&scene, FND_ISOLATION_SANDBOX);
    (void)snprintf(jobs, sizeof jobs, "%s/jobs", scene.folder);
    (void)snprintf(out, sizeof out, "%s/out/deep", jobs);
    (void)snprintf(file, sizeof file, "%s/file", out);
    cr_assert_eq(mkdir(jobs, 0700), 0);
    cr_assert(!root || chown(jobs, OWNER, OWNER) == 0);
    cr_assert(!root || chmod(jobs, 0755) == 0);
    scene.fixture.callee.grant_write = out;
    scene.fixture.callee.grant_base = strlen(jobs);
    struct tried tried = act_try(&scene, "path-make", file);
    struct stat made;
    cr_expect_eq(tried.error, 0, "%s", strerror(tried.error));
    cr_expect_eq(tried.user, root ? OWNER : (long)geteuid());
    cr_expect_eq(tried.level, FND_ISOLATION_SANDBOX | (root ? FND_LEVEL_OWNER : 0));
    cr_assert_eq(stat(file, &made), 0);
    cr_expect_eq((long)made.st_uid, root ? OWNER : (long)geteuid());
    /* Somebody takes the folder away and makes another: the next call writes there. */
    cr_assert_eq(remove(file), 0);
    cr_assert_eq(rmdir(out), 0);
    tried = act_try(&scene, "path-make", file);
    cr_expect_eq(tried.error, 0, "behind another folder: %s", strerror(tried.error));
    scene_close(&scene);
}

Test(sandbox, root_is_kept_only_when_asked_for_and_that_is_told)
{
    if (geteuid() != 0) {
        cr_skip_test("this engine is not root");
    }
    struct scene scene;
    scene_open(&scene, FND_ISOLATION_SANDBOX);
    fnd_pool_destroy(scene.pool);
    char *program = built("engine/worker/foundry-worker");
    const struct fnd_pool_options options = {
        .env = fnd_env_system(), .worker_program = program, .workers_max = 1, .allow_root = true};
    cr_assert_eq(fnd_pool_create(&options, &scene.pool, NULL), FND_OK);
    free(program);
    const struct tried tried = act_try(&scene, "passwd-read", "");
    cr_expect_eq(tried.user, 0);
    cr_expect_eq(tried.level, FND_ISOLATION_SANDBOX | FND_LEVEL_ROOT);
    cr_expect_eq(tried.error, EACCES, "root or not, it is in the sandbox");
    scene_close(&scene);
}

Test(sandbox, a_link_in_the_job_directory_opens_no_other_folder)
{
    struct scene scene;
    char secret[256], out[256];
    scene_open(&scene, FND_ISOLATION_SANDBOX);
    (void)snprintf(secret, sizeof secret, "%s/secret", scene.folder);
    (void)snprintf(out, sizeof out, "%s/out", scene.folder);
    cr_assert_eq(mkdir(secret, 0777), 0);
    cr_assert_eq(symlink(secret, out), 0);
    scene.fixture.callee.grant_write = out;
    scene.fixture.callee.grant_base = strlen(scene.folder);
    struct fnd_pool_call call =
        call_make(&scene.fixture, "{\"act\":\"own-file\",\"path\":\"\",\"engine\":1}", 0);
    pool_run(scene.pool, &call);
    cr_expect_eq(call.end, FND_CALL_HELD, "%d", (int)call.end);
    cr_expect_not_null(strstr(call.error.message, "a link"), "%s", call.error.message);
    call_finish(&call);
    scene_close(&scene);
}

/** A pool that acts as if the kernel were older. */
static struct fnd_pool *pool_older(int landlock_abi_max)
{
    char *program = built("engine/worker/foundry-worker");
    static const struct fnd_log quiet = {.fd = 2, .level = FND_LOG_ERROR};
    const struct fnd_pool_options options = {.env = fnd_env_system(),
                                             .log = &quiet,
                                             .worker_program = program,
                                             .workers_max = 1,
                                             .landlock_abi_max = landlock_abi_max};
    struct fnd_pool *pool = NULL;
    cr_assert_eq(fnd_pool_create(&options, &pool, NULL), FND_OK);
    free(program);
    return pool;
}

Test(sandbox, older_kernels_shut_out_the_same, .timeout = 900)
{
    static const int abis[] = {1, 2, 3, 4, 5, 6};
    struct scene scene;
    scene_open(&scene, FND_ISOLATION_SANDBOX);
    for (size_t k = 0; k < sizeof abis / sizeof abis[0]; k++) {
        fnd_pool_destroy(scene.pool);
        scene.pool = pool_older(abis[k]);
        for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++) {
            const struct tried tried = act_try(&scene, forbidden[i].act, "");
            cr_expect_eq(tried.error, forbidden[i].inside, "ABI %d: %s: %s", abis[k],
                         forbidden[i].act, strerror(tried.error));
            cr_expect_eq(tried.constructor, forbidden[i].inside, "ABI %d: %s in the constructor",
                         abis[k], forbidden[i].act);
        }
    }
    scene_close(&scene);
}

Test(sandbox, a_missing_layer_is_an_error_that_names_it_unless_best_effort)
{
    struct scene scene;
    scene_open(&scene, FND_ISOLATION_SANDBOX);
    fnd_pool_destroy(scene.pool);
    scene.pool = pool_older(-1);
    struct fnd_pool_call call = call_make(&scene.fixture, "{}", 0);
    pool_run(scene.pool, &call);
    cr_expect_eq(call.end, FND_CALL_HELD, "%d", (int)call.end);
    cr_expect_str_eq(call.error.code, "isolation_missing");
    cr_expect_not_null(strstr(call.error.message, "Landlock"), "%s", call.error.message);
    cr_expect_not_null(strstr(call.error.message, "best-effort"), "%s", call.error.message);
    call_finish(&call);
    scene.fixture.callee.isolation = FND_ISOLATION_BEST_EFFORT;
    const struct tried files = act_try(&scene, "engine-fds", "");
    const struct tried calls = act_try(&scene, "fork", "");
    cr_expect_eq(calls.error, EPERM, "the layer that is there must hold: %s",
                 strerror(calls.error));
    cr_expect_eq(calls.level, FND_ISOLATION_PROCESS, "%d", calls.level);
    /* The other user that a worker of root becomes still stands before the engine's files. */
    cr_expect_eq(files.error, geteuid() == 0 ? EACCES : 0, "%s", strerror(files.error));
    fnd_pool_destroy(scene.pool);
    scene.pool = pool_older(0);
    cr_expect_eq(act_try(&scene, "fork", "").level, FND_ISOLATION_SANDBOX,
                 "with every layer there, best effort is the sandbox");
    scene_close(&scene);
}

/** Entries of a folder that begin so. */
static size_t entries(const char *folder, const char *begin)
{
    size_t count = 0;
    DIR *list = opendir(folder);
    cr_assert_not_null(list);
    for (const struct dirent *at = readdir(list); at != NULL; at = readdir(list)) {
        count += strncmp(at->d_name, begin, strlen(begin)) == 0 ? 1 : 0;
    }
    (void)closedir(list);
    return count;
}

Test(sandbox, work_folders_go_with_their_workers_and_those_of_the_killed_with_the_next_engine)
{
    char folder[] = "/tmp/foundry-sandbox-tmp-XXXXXX", left[128];
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chmod(folder, 0755), 0);
    (void)setenv("TMPDIR", folder, 1);
    (void)snprintf(left, sizeof left, "%s/foundry-work-killed", folder);
    cr_assert_eq(mkdir(left, 0700), 0); /* nobody holds its lock */
    struct scene scene, other;
    scene_open(&scene, FND_ISOLATION_SANDBOX);
    cr_expect_eq(act_try(&scene, "own-file", "").error, 0);
    cr_expect_eq(access(left, F_OK), -1, "what a killed engine left is still there");
    cr_expect_eq(entries(folder, "foundry-work-"), 1);
    scene_open(&other, FND_ISOLATION_SANDBOX);
    cr_expect_eq(act_try(&other, "own-file", "").error, 0);
    cr_expect_eq(entries(folder, "foundry-work-"), 2, "the folder of a live engine was removed");
    scene_close(&other);
    cr_expect_eq(act_try(&scene, "own-file", "").error, 0);
    scene_close(&scene);
    cr_expect_eq(entries(folder, "foundry-work-"), 0, "a work folder was left behind");
    cr_expect_eq(rmdir(folder), 0);
}

Test(sandbox, removing_a_work_folder_follows_no_link)
{
    char folder[] = "/tmp/foundry-sandbox-rm-XXXXXX", inner[128], link[128], kept[128];
    cr_assert_not_null(mkdtemp(folder));
    (void)snprintf(inner, sizeof inner, "%s/work", folder);
    (void)snprintf(link, sizeof link, "%s/work/link", folder);
    (void)snprintf(kept, sizeof kept, "%s/kept", folder);
    cr_assert_eq(mkdir(inner, 0700), 0);
    cr_assert_eq(mkdir(kept, 0700), 0);
    cr_assert_eq(symlink(kept, link), 0);
    char file[160];
    (void)snprintf(file, sizeof file, "%s/file", kept);
    cr_assert_eq(close(open(file, O_CREAT | O_WRONLY, 0600)), 0);
    fnd_work_remove(fnd_strdup(inner));
    cr_expect_eq(access(inner, F_OK), -1);
    cr_expect_eq(access(file, F_OK), 0, "a link out of the folder was followed");
    (void)remove(file);
    (void)rmdir(kept);
    (void)rmdir(folder);
}

Test(sandbox, a_plugin_that_only_root_may_read_is_loaded_all_the_same)
{
    if (geteuid() != 0) {
        cr_skip_test("this engine is not root");
    }
    struct scene scene;
    char path[256], *plugin = built(SINS);
    scene_open(&scene, FND_ISOLATION_SANDBOX);
    struct fnd_text bytes = {0};
    FILE *from = fopen(plugin, "r");
    cr_assert_not_null(from);
    char part[4096];
    for (size_t size; (size = fread(part, 1, sizeof part, from)) > 0;) {
        fnd_text_append(&bytes, part, size);
    }
    (void)fclose(from);
    (void)snprintf(path, sizeof path, "%s/closed.so", scene.folder);
    const int fd = open(path, O_RDWR | O_CREAT, 0600);
    cr_assert_eq(write(fd, bytes.bytes, bytes.size), (ssize_t)bytes.size);
    struct fixture fixture;
    fixture_open(&fixture, SINS, "sins", "everything", FND_ISOLATION_SANDBOX);
    (void)close(fixture.callee.fd);
    (void)close(fd);
    fixture.callee.fd = open(path, O_RDONLY);
    struct fnd_pool_call call = call_make(&fixture, "{}", 0);
    pool_run(scene.pool, &call);
    cr_expect_eq(call.end, FND_CALL_RETURNED, "%s", call.error.message);
    call_finish(&call);
    fixture_close(&fixture);
    fnd_text_finish(&bytes);
    free(plugin);
    scene_close(&scene);
}
