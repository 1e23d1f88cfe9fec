/* SPDX-License-Identifier: MIT */
/* Every allocation of every scene fails once, alone and with all behind it. What is allowed: an
 * error that says so, or an end by abort() that says so; never a half record, a leak, another
 * signal. See README.md. */
#define _GNU_SOURCE /* memfd_create, strcasestr, MAP_ANONYMOUS */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/digest.h"
#include "memory.h"

enum { SEED = 20260301, POINTS_MIN = 3000, HANG_S = 120, TOLD_MAX = 40, SANITIZER_SHARE = 8 };

/** What a child says about its run; shared memory. */
struct said {
    size_t allocations;
    bool done, met;
    char wrong[1024];
};

struct sweep {
    uint64_t seed, floor_percent;
    uint64_t share; /* hundredths of a point that are due */
    char place[128], templates[TEMPLATES_COUNT][160];
    int noise; /* a file in memory for what children print */
    struct said *said;
    size_t points, runs, violations, aborted, refused, done;
    const char *only;
};

void __gcov_dump(void) __attribute__((weak));

/** Counters of a coverage build go to disk before the process ends. */
static void aborted(int number)
{
    (void)hook_disarm(); /* writing them takes memory, too */
    if (__gcov_dump != NULL) {
        __gcov_dump();
    }
    signal(number, SIG_DFL);
    raise(number);
}

static bool says_memory(const struct fnd_error *error)
{
    return error->status == FND_NO_MEMORY || strcasestr(error->message, "memory") != NULL ||
           strstr(error->message, strerror(EAGAIN)) != NULL; /* a thread that cannot be started */
}

static bool under_sanitizer(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    return true;
#else
    return false;
#endif
#else
    return false;
#endif
}

/* --- in a child ------------------------------------------------------------------------------ */

static void child_begin(const struct sweep *sweep)
{
    dup2(sweep->noise, STDERR_FILENO);
    alarm(HANG_S);
    if (__gcov_dump != NULL) {
        signal(SIGABRT, aborted);
    }
    char cache[192];
    snprintf(cache, sizeof cache, "%s/cache", sweep->templates[TEMPLATE_INPUTS]);
    setenv("XDG_CACHE_HOME", cache, 1);
}

/** End without a look for leaks, which takes longer than the scene. */
static void child_end(void)
{
    if (__gcov_dump != NULL) {
        __gcov_dump();
    }
    _exit(0);
}

static void child_act(const struct sweep *sweep, const struct scene *scene, struct run *run)
{
    struct said *said = sweep->said;
    child_begin(sweep);
    scene->act(run);
    said->allocations = run->allocations;
    said->done = run->done;
    said->met = hook_met();
    if (run->wrong.size == 0 && !run->done && said->met && !says_memory(&run->error)) {
        run_wrong(run, "it failed and does not say for want of memory: %s (%s)", run->error.message,
                  fnd_status_name(run->error.status));
    } else if (run->wrong.size == 0 && !run->done && !said->met) {
        run_wrong(run, "it failed although nothing did: %s", run->error.message);
    }
    snprintf(said->wrong, sizeof said->wrong, "%s", fnd_text_z(&run->wrong));
    fnd_text_finish(&run->wrong);
    if (run->sticky) {
        child_end();
    }
    exit(0); /* leaks are looked for here */
}

static void child_finish(const struct sweep *sweep, const char *place)
{
    struct fnd_text wrong = {0};
    child_begin(sweep);
    if (!scenes_finish(place, &wrong)) {
        snprintf(sweep->said->wrong, sizeof sweep->said->wrong,
                 "behind it the job cannot be finished: %s", fnd_text_z(&wrong));
    }
    fnd_text_finish(&wrong);
    child_end();
}

/* --- in the parent --------------------------------------------------------------------------- */

static void noise_read(struct sweep *sweep, char *text, size_t size)
{
    const ssize_t got = pread(sweep->noise, text, size - 1, 0);
    text[got > 0 ? got : 0] = '\0';
}

static int child_wait(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            abort();
        }
    }
    return status;
}

static pid_t child_fork(struct sweep *sweep)
{
    sweep->said->wrong[0] = '\0';
    if (ftruncate(sweep->noise, 0) != 0 || lseek(sweep->noise, 0, SEEK_SET) != 0) {
        abort();
    }
    fflush(NULL);
    const pid_t child = fork();
    if (child < 0) {
        perror("memory: fork");
        abort();
    }
    return child;
}

/** Judge how a child ended.  Returns what must not be, or NULL. */
static const char *child_judge(struct sweep *sweep, int status, char *text, size_t size)
{
    noise_read(sweep, text, size);
    const bool sanitizer = strstr(text, "Sanitizer") != NULL || strstr(text, "runtime error:");
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && !sanitizer &&
        strstr(text, "out of memory") != NULL) {
        sweep->aborted++;
        return NULL;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && !sanitizer) {
        sweep->done += sweep->said->done;
        sweep->refused += !sweep->said->done;
        return sweep->said->wrong[0] != '\0' ? sweep->said->wrong : NULL;
    }
    char end[64];
    snprintf(end, sizeof end, WIFSIGNALED(status) ? "ended by signal %d: " : "exited with %d: ",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    memmove(text + strlen(end), text, size - strlen(end));
    memcpy(text, end, strlen(end));
    text[size - 1] = '\0';
    return text;
}

/** Run a scene with one allocation failing.  Returns whether the failure came about. */
static bool point(struct sweep *sweep, const struct scene *scene, size_t at, bool sticky)
{
    static char text[1 << 16];
    char place[192];
    const bool whole = scene->template != TEMPLATE_NONE;
    struct run run = {.place = place, .at = at, .sticky = sticky};
    snprintf(place, sizeof place, "%s/run", sweep->place);
    if (whole) {
        place_copy(sweep->templates[scene->template], place);
    }
    *sweep->said = (struct said){0};
    pid_t child = child_fork(sweep);
    if (child == 0) {
        child_act(sweep, scene, &run);
    }
    const char *wrong = child_judge(sweep, child_wait(child), text, sizeof text);
    const bool met = sweep->said->met;
    if (whole && wrong == NULL && at > 0) {
        child = child_fork(sweep);
        if (child == 0) {
            child_finish(sweep, place);
        }
        const size_t aborted_before = sweep->aborted, done = sweep->done, refused = sweep->refused;
        wrong = child_judge(sweep, child_wait(child), text, sizeof text);
        sweep->done = done;
        sweep->refused = refused;
        if (sweep->aborted != aborted_before) {
            sweep->aborted = aborted_before;
            wrong = "behind it memory is said to be missing";
        }
    }
    if (whole) {
        place_remove(place);
    }
    if (wrong != NULL) {
        sweep->violations++;
        if (sweep->violations <= TOLD_MAX) {
            printf(
                "VIOLATION in \"%s\", allocation %zu%s: %.1500s\n  replay: memory --scene \"%s\" "
                "--at %zu%s\n",
                scene->name, at, sticky ? " and all behind it" : "", wrong, scene->name, at,
                sticky ? " --sticky" : "");
        }
    }
    return met;
}

/** The points of a scene, both ways: all, or one of each so many by seed. */
static void scene_sweep(struct sweep *sweep, const struct scene *scene)
{
    const size_t before = sweep->violations, runs_before = sweep->runs;
    const size_t aborted_before = sweep->aborted, refused = sweep->refused, done = sweep->done;
    point(sweep, scene, 0, false);
    const size_t count = sweep->said->allocations;
    sweep->done = done; /* the counting run is none */
    sweep->points += 2 * count;
    for (size_t i = 0; i < 2 * count; i++) {
        /* Evenly over all scenes; which of the two ways, the seed says. */
        sweep->share += sweep->floor_percent;
        if (sweep->share >= 100) {
            const uint64_t mixed = (sweep->seed + i) * UINT64_C(0x9e3779b97f4a7c15);
            const size_t way = sweep->floor_percent < 100 ? (size_t)(mixed >> 63) : 0;
            sweep->share -= 100;
            point(sweep, scene, i / 2 + 1, (i ^ way) % 2 == 1);
            sweep->runs++;
        }
    }
    printf("%-24s %6zu points, %6zu run: %zu ended by abort, %zu by an error, %zu done all the "
           "same, %zu violations\n",
           scene->name, 2 * count, sweep->runs - runs_before, sweep->aborted - aborted_before,
           sweep->refused - refused, sweep->done - done, sweep->violations - before);
}

static void templates_make(struct sweep *sweep)
{
    const char *build_root = getenv("FOUNDRY_BUILD_ROOT");
    if (build_root == NULL || getenv("FOUNDRY_WORKER") == NULL) {
        fprintf(stderr, "memory: FOUNDRY_BUILD_ROOT and FOUNDRY_WORKER are not set: run this by "
                        "meson test, or set them\n");
        exit(2);
    }
    for (enum template t = TEMPLATE_INPUTS; t <= TEMPLATE_DONE; t++) {
        snprintf(sweep->templates[t], sizeof sweep->templates[t], "%s/template-%d", sweep->place,
                 (int)t);
    }
    for (enum template t = TEMPLATE_INPUTS; t <= TEMPLATE_DONE; t++) {
        place_make(sweep->templates[t], build_root);
        const pid_t child = child_fork(sweep);
        if (child == 0) {
            child_begin(sweep);
            scenes_prepare(sweep->templates[t], t);
            exit(0);
        }
        if (child_wait(child) != 0) {
            char text[4096];
            noise_read(sweep, text, sizeof text);
            fprintf(stderr, "memory: a template could not be made: %s\n", text);
            exit(1);
        }
    }
}

static uint64_t number_of(const char *text, uint64_t otherwise)
{
    char *end = NULL;
    const uint64_t number = text != NULL ? strtoull(text, &end, 10) : 0;
    return text != NULL && end != text && *end == '\0' ? number : otherwise;
}

static void sweep_begin(struct sweep *sweep)
{
    sweep->seed = number_of(getenv("FOUNDRY_SEED"), SEED);
    sweep->floor_percent = number_of(getenv("FOUNDRY_FLOOR"), 10);
    /* The gate runs every fourth point; all of them are for the hours of a soak. */
    sweep->floor_percent =
        sweep->floor_percent > 100 ? sweep->floor_percent / 2 : (sweep->floor_percent + 3) / 4;
    sweep->floor_percent = sweep->floor_percent < 100 ? sweep->floor_percent : 100;
    if (under_sanitizer()) { /* a point takes ten times as long there */
        sweep->floor_percent = (sweep->floor_percent + SANITIZER_SHARE - 1) / SANITIZER_SHARE;
    }
    sweep->share = sweep->seed % 100;
    snprintf(sweep->place, sizeof sweep->place, "%s/foundry-memory-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    sweep->noise = memfd_create("noise", MFD_CLOEXEC);
    sweep->said =
        mmap(NULL, sizeof *sweep->said, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (mkdtemp(sweep->place) == NULL || sweep->noise < 0 || sweep->said == MAP_FAILED) {
        perror("memory");
        exit(1);
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    fnd_digest_setup();
    templates_make(sweep);
}

static int sweep_end(struct sweep *sweep, bool planted)
{
    const size_t least = POINTS_MIN > sweep->points || planted ? POINTS_MIN : sweep->points;
    const size_t floor = planted ? 1 : least * sweep->floor_percent / 100;
    place_remove(sweep->place);
    printf("%zu points, %zu run: %zu ended by abort, %zu by an error, %zu done all the same\n",
           sweep->points, sweep->runs, sweep->aborted, sweep->refused, sweep->done);
    printf("gate: malloc failures | runs %zu | violations %zu | floor %zu | seed %" PRIu64 "\n",
           sweep->runs, sweep->violations, floor, sweep->seed);
    return sweep->violations > 0 || (sweep->only == NULL && sweep->runs < floor) ? 1 : 0;
}

/** The planted scenes: each must be found. */
static int self_test(struct sweep *sweep)
{
    size_t passed = 0, failed = 0;
    for (const struct scene *scene = scenes_planted(); scene->name != NULL; scene++) {
        const size_t before = sweep->violations;
        point(sweep, scene, 1, false);
        const bool found = sweep->violations > before;
        passed += found;
        failed += !found;
        printf("%s: %s\n", scene->name, found ? "found" : "NOT found");
    }
    place_remove(sweep->place);
    printf("%zu passed, %zu failed\n", passed, failed);
    return failed > 0 ? 1 : 0;
}

int main(int count, char **arguments)
{
    struct sweep sweep = {0};
    size_t at = 0;
    bool sticky = false, planted = false;
    for (int i = 1; i < count; i++) {
        const char *value = i + 1 < count ? arguments[i + 1] : NULL;
        if (strcmp(arguments[i], "--scene") == 0 && value != NULL) {
            sweep.only = value;
            i++;
        } else if (strcmp(arguments[i], "--at") == 0 && value != NULL) {
            at = (size_t)number_of(value, 0);
            i++;
        } else if (strcmp(arguments[i], "--sticky") == 0) {
            sticky = true;
        } else if (strcmp(arguments[i], "--self-test") == 0) {
            planted = true;
        } else {
            fprintf(stderr,
                    "memory: unknown argument %s (--scene NAME, --at N, --sticky, "
                    "--self-test)\n",
                    arguments[i]);
            return 2;
        }
    }
    sweep_begin(&sweep);
    printf("malloc failures: seed %" PRIu64 ", %" PRIu64 " %% of all points\n", sweep.seed,
           sweep.floor_percent);
    if (planted) {
        return self_test(&sweep);
    }
    for (const struct scene *scene = scenes(); scene->name != NULL; scene++) {
        if (sweep.only != NULL && strcmp(sweep.only, scene->name) != 0) {
            continue;
        }
        if (at > 0) {
            point(&sweep, scene, at, sticky);
            sweep.runs++;
        } else {
            scene_sweep(&sweep, scene);
        }
    }
    return sweep_end(&sweep, planted);
}
