/* SPDX-License-Identifier: MIT */
/* Worlds: made, lived through in as many processes as lives, and taken apart. */
#define _GNU_SOURCE /* nftw, MAP_ANONYMOUS */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "sim.h"

void __gcov_dump(void) __attribute__((weak));

static void file_write(struct sim_world *world, const char *path, const char *mode,
                       const char *text)
{
    FILE *file = fopen(path, mode);
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) {
        sim_violation(world, "cannot write %s: %s", path, strerror(errno));
    }
}

static void pipeline_write(struct sim_world *world)
{
    struct fnd_text yaml = {0};
    sim_plan_pipeline(world, world->variant, &yaml);
    file_write(world, world->pipeline, "w", fnd_text_z(&yaml));
    fnd_text_finish(&yaml);
}

/** More lines of the files of jobs come in before a life; with the last one all are there. */
static void jobs_write(struct sim_world *world, struct sim_chance *chance)
{
    const size_t left = world->jobs_count - world->jobs_written;
    const size_t more = world->quiet ? left : sim_below(chance, left + 1);
    struct fnd_text lines[SIM_FILES_MAX] = {0};
    for (size_t i = 0; i < more; i++) {
        fnd_text_printf(&lines[sim_plan_file(world, world->jobs_written)], "{\"id\":\"j%zu\"}\n",
                        world->jobs_written);
        world->jobs_written++;
    }
    /* The job's record has the time of its file: the world's, not ours. */
    const struct timespec now = {.tv_sec = world->wall_us / 1000000};
    const struct timespec both[2] = {now, now};
    for (size_t i = 0; i < world->files_count; i++) {
        char path[SIM_PATH + 32];
        snprintf(path, sizeof path, "%s/jobs%zu.jsonl", world->jobs_folder, i);
        file_write(world, path, "a", fnd_text_z(&lines[i]));
        fnd_text_finish(&lines[i]);
        if (utimensat(AT_FDCWD, path, both, 0) != 0) {
            sim_violation(world, "cannot set the time of %s: %s", path, strerror(errno));
        }
    }
}

static void world_make(struct sim_world *world)
{
    const char *shared = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    char plugin[SIM_PATH + 16];
    snprintf(world->folder, sizeof world->folder, "%s/foundry-sim-%ld-%zu", shared, (long)getpid(),
             world->index);
    snprintf(world->jobs_folder, sizeof world->jobs_folder, "%.200s/jobs", world->folder);
    snprintf(world->pipeline, sizeof world->pipeline, "%.200s/pipeline.yaml", world->folder);
    if (mkdir(world->folder, 0700) != 0 || mkdir(world->jobs_folder, 0700) != 0) {
        sim_violation(world, "cannot make %s: %s", world->jobs_folder, strerror(errno));
    }
    snprintf(plugin, sizeof plugin, "%s/sim.so", world->folder);
    file_write(world, plugin, "w", "simulated\n");
    pipeline_write(world);
}

static int file_remove(const char *path, const struct stat *file, int flag, struct FTW *walk)
{
    (void)file;
    (void)flag;
    (void)walk;
    return remove(path);
}

/** Live one life in a process of its own. */
static void life_live(struct sim_world *world)
{
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        const int code = sim_life(world);
        if (__gcov_dump != NULL) {
            __gcov_dump();
        }
        if (code == SIM_EXIT_LIVED) {
            exit(code); /* so that leaks are found */
        }
        _exit(code);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        sim_violation(world, "cannot start a life: %s", strerror(errno));
        return;
    }
    world->counts.lives++;
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (code != SIM_EXIT_LIVED && code != SIM_EXIT_KILLED && code != SIM_EXIT_WRONG) {
        sim_violation(world, "the engine died: %s %d", code < 0 ? "signal" : "exit",
                      code < 0 ? WTERMSIG(status) : code);
    }
}

static void world_run(struct sim_world *world)
{
    struct sim_chance chance = {sim_mix(world->seed, 7)};
    for (world->life = 0; world->life <= world->lives_planned && !world->broken; world->life++) {
        world->quiet = world->life == world->lives_planned;
        if (world->life > 0 && world->variant == 0 && sim_once_in(&chance, 4)) {
            world->variant = 1;
            pipeline_write(world);
        }
        jobs_write(world, &chance);
        life_live(world);
    }
}

static struct sim_world *world_create(const struct sim_options *options, size_t index,
                                      size_t jobs_max)
{
    struct sim_world *world =
        mmap(NULL, sizeof *world, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (world == MAP_FAILED) {
        fprintf(stderr, "simulation: no memory for a world\n");
        exit(1);
    }
    world->seed = sim_mix(options->seed, index);
    world->index = index;
    sim_plan_world(world, jobs_max);
    return world;
}

static void counts_add(struct sim_counts *to, const struct sim_counts *from)
{
    uint64_t *sums = (uint64_t *)to;
    const uint64_t *parts = (const uint64_t *)from;
    for (size_t i = 0; i < sizeof *to / sizeof *sums; i++) {
        sums[i] += parts[i];
    }
}

/** Run a world.  Returns its jobs; the chain's head is in `chain`. */
static size_t world_do(const struct sim_options *options, size_t index, size_t jobs_max,
                       struct sim_result *result, uint8_t chain[FND_DIGEST_SIZE])
{
    struct sim_world *world = world_create(options, index, jobs_max);
    const size_t jobs = world->jobs_count;
    world_make(world);
    world_run(world);
    if (world->broken) {
        result->violations++;
        printf("VIOLATION in world %zu: %s\n  replay: FOUNDRY_SEED=%" PRIu64
               " simulation --world %zu\n",
               index, world->story, options->seed, index);
    }
    if (options->trace) {
        printf("world %zu: %zu jobs, %zu phases, %" PRIu64 " lives, %" PRIu64 " events\n", index,
               jobs, world->phases_count, world->counts.lives, world->counts.events);
    }
    counts_add(&result->counts, &world->counts);
    memcpy(chain, world->chain, FND_DIGEST_SIZE);
    if (!world->broken || !options->trace) {
        nftw(world->folder, file_remove, 16, FTW_DEPTH | FTW_PHYS);
    } else {
        printf("  left: %s\n", world->folder);
    }
    munmap(world, sizeof *world);
    return jobs;
}

void sim_worlds(const struct sim_options *options, struct sim_result *result)
{
    const bool only = options->world != SIZE_MAX;
    for (size_t i = only ? options->world : 0; result->jobs < options->jobs; i++) {
        uint8_t first[FND_DIGEST_SIZE], second[FND_DIGEST_SIZE];
        result->jobs += world_do(options, i, SIM_JOBS_MAX, result, first);
        result->worlds++;
        if (options->twice) {
            result->jobs += world_do(options, i, SIM_JOBS_MAX, result, second);
            if (memcmp(first, second, sizeof first) != 0) {
                result->violations++;
                printf("VIOLATION: world %zu comes out differently the second time\n", i);
            }
        }
        if (only || (options->stop && result->violations > 0)) {
            return;
        }
    }
}
