/* SPDX-License-Identifier: MIT */
/* The directories that trials begin with, and what they must come to. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trial.h"

/* In line and in a sandboxed worker, an artifact, a gate that asks where a name is missing. */
static const char pipeline[] =
    "foundry: v1\n"
    "name: io\n"
    "inputs: {match: [\"*.jsonl\"]}\n"
    "phases:\n"
    "  - {id: doc, uses: steps/copy, isolation: inline, with: {value: \"${input.doc}\"}}\n"
    "  - {id: keep, uses: steps/keep, with: {text: \"${input.text}\"}}\n"
    "  - {id: review, uses: foundry/human, isolation: inline,"
    " with: {of: doc, detectors: [{uses: detect/required, with: {fields: [/value/name]}}]}}\n"
    "  - {id: last, uses: steps/copy, isolation: inline, with: {value: \"${review.value}\"}}\n";
/* The same, and of a batch one is asked about: all are as sure, so it is the first by its name. */
static const char batch_pipeline[] =
    "foundry: v1\n"
    "name: io\n"
    "inputs: {match: [\"*.jsonl\"]}\n"
    "phases:\n"
    "  - {id: doc, uses: steps/copy, isolation: inline, with: {value: \"${input.doc}\"}}\n"
    "  - {id: review, uses: foundry/human, isolation: inline,"
    " with: {of: doc, choose: {uncertain: 1, quiet: 0s}}}\n"
    "  - {id: last, uses: steps/copy, isolation: inline, with: {value: \"${review.value}\"}}\n";
static const char batch_jobs[] = "{\"id\":\"b3\",\"doc\":{\"name\":\"third\"}}\n"
                                 "{\"id\":\"b1\",\"doc\":{\"name\":\"first\"}}\n"
                                 "{\"id\":\"b2\",\"doc\":{\"name\":\"second\"}}\n";
static const char clear_job[] = "{\"id\":\"clear\",\"doc\":{\"name\":\"known\",\"n\":1},"
                                "\"text\":\"kept of the clear one\"}\n";
static const char asking_job[] = "{\"id\":\"asking\",\"doc\":{\"name\":null,\"n\":1.10},"
                                 "\"text\":\"kept of the one that asks\"}\n";

uint64_t bench_random(struct bench *bench, uint64_t below)
{
    /* splitmix64 */
    uint64_t z = bench->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

size_t floor_percent(void)
{
    const char *text = getenv("FOUNDRY_FLOOR");
    const unsigned long percent = text != NULL ? strtoul(text, NULL, 10) : 0;
    return percent > 0 ? percent : 10;
}

uint64_t seed_of(uint64_t seed)
{
    const char *text = getenv("FOUNDRY_SEED");
    return text != NULL && text[0] != '\0' ? strtoull(text, NULL, 10) : seed;
}

void scene_arguments(const struct bench *bench, enum scene_id scene, int64_t request,
                     const char *arguments[ARGUMENTS_MAX], struct fnd_text *own)
{
    size_t count = 0;
    fnd_text_clear(own);
    if (scene == SCENE_ANSWER) {
        fnd_text_printf(own, "%" PRId64, request);
        const char *const answer[] = {"answer",        "--json", bench->jobs,
                                      fnd_text_z(own), "--set",  "/value/name=given by hand",
                                      "--as",          "tester", "--no-run"};
        count = sizeof answer / sizeof answer[0];
        memcpy(arguments, answer, sizeof answer);
    } else if (scene == SCENE_EXPORT) {
        fnd_text_printf(own, "%s/out/corrections.jsonl", bench->jobs);
        const char *const export[] = {"export",  "--json", bench->jobs,    "--format",
                                      "foundry", "--out",  fnd_text_z(own)};
        count = sizeof export / sizeof export[0];
        memcpy(arguments, export, sizeof export);
    } else {
        const char *const run[] = {"run", "--json", bench->pipeline, bench->jobs};
        count = sizeof run / sizeof run[0];
        memcpy(arguments, run, sizeof run);
    }
    arguments[count] = NULL;
}

/** Faults are the injector's, not the disk's: a folder in memory is as good, and fast. */
static bool folder_make(struct bench *bench)
{
    const char *temporary = getenv("TMPDIR");
    if (temporary == NULL) {
        temporary = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    }
    (void)snprintf(bench->folder, sizeof bench->folder, "%.90s/foundry-io-XXXXXX", temporary);
    if (mkdtemp(bench->folder) == NULL) {
        perror(bench->folder);
        return false;
    }
    (void)snprintf(bench->jobs, sizeof bench->jobs, "%.100s/jobs", bench->folder);
    for (int id = 0; id < SCENES; id++) {
        const bool batch = id == SCENE_BATCH;
        char *path = bench->scenes[id].pipeline;
        (void)snprintf(path, PATH_MAX_SIZE, "%.100s/%s.yaml", bench->folder,
                       batch ? "batch" : "io");
        file_write_text(path, batch ? batch_pipeline : pipeline);
    }
    return true;
}

static bool trace_make(struct bench *bench)
{
    char path[PATH_MAX_SIZE + 16];
    (void)snprintf(path, sizeof path, "%s/trace", bench->folder);
    const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    void *page = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, sizeof *bench->trace) == 0) {
        page = mmap(NULL, sizeof *bench->trace, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    if (page == MAP_FAILED) {
        perror(path);
        return false;
    }
    close(fd);
    bench->trace = page;
    return true;
}

/** The sanitizer's library must come first where a program has one, so it is preloaded, too. */
static void preload_find(struct bench *bench)
{
    char line[1024], asan[PATH_MAX_SIZE] = "";
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        char *path = strchr(line, '/');
        if (path != NULL && strstr(path, "/libasan.so") != NULL) {
            (void)snprintf(asan, sizeof asan, "%.*s", (int)strcspn(path, "\n"), path);
        }
    }
    if (maps != NULL) {
        fclose(maps);
    }
    (void)snprintf(bench->preload, sizeof bench->preload, "LD_PRELOAD=%s%s%s", asan,
                   asan[0] != '\0' ? " " : "", bench->injector);
}

size_t bench_wrongs(const struct bench *bench)
{
    size_t count = 0;
    for (size_t i = 0; i < WRONGS; i++) {
        count += bench->wrong[i];
    }
    return count;
}

const char *fault_name(enum iofault_mode mode)
{
    static const char *const names[IOFAULT_MODES] = {"count", "eio",  "enospc",   "short",
                                                     "kill",  "torn", "killpost", "skip"};
    return names[mode];
}

void fault_make(struct bench *bench, struct fault *fault, enum iofault_mode mode, unsigned call,
                bool sticky)
{
    (void)snprintf(fault->root, sizeof fault->root, "FOUNDRY_IOFAULT_ROOT=%s", bench->jobs);
    (void)snprintf(fault->trace, sizeof fault->trace, "FOUNDRY_IOFAULT_TRACE=%s/trace",
                   bench->folder);
    (void)snprintf(fault->mode, sizeof fault->mode, "FOUNDRY_IOFAULT=%s:%u%s", fault_name(mode),
                   call, sticky ? ":sticky" : "");
    const char *const settings[] = {bench->preload, fault->root, fault->trace, fault->mode, NULL};
    memcpy(fault->settings, settings, sizeof settings);
    memset(bench->trace, 0, sizeof *bench->trace);
}

/** Run a scene's command undisturbed but counted, and keep what it said. */
static bool scene_play(struct bench *bench, enum scene_id id)
{
    struct scene *scene = &bench->scenes[id];
    struct trial trial;
    struct fault fault;
    trial_begin(&trial, bench, id);
    fault_make(bench, &fault, IOFAULT_COUNT, 1, false);
    trial_run(&trial, fault.settings);
    scene->trace = *bench->trace;
    scene->exit = WIFEXITED(trial.ended.status) ? WEXITSTATUS(trial.ended.status) : -1;
    const int wanted = id == SCENE_PAUSE || id == SCENE_BATCH ? 3 : 0;
    if (scene->exit != wanted || scene->trace.calls == 0) {
        fprintf(stderr, "%s: exit %d, not %d; %" PRIu32 " calls were counted\n%s%s\n", scene->name,
                scene->exit, wanted, scene->trace.calls, fnd_text_z(&trial.ended.out),
                fnd_text_z(&trial.ended.err));
        trial_end(&trial);
        return false;
    }
    if (id + 1 < SCENES) { /* what is acknowledged here is acknowledged there */
        struct scene *next = &bench->scenes[id + 1];
        for (size_t i = 0; i < trial.storm.acks_count; i++) {
            if (trial.storm.acks[i].kind == FND_EVENT_ASK) {
                next->request = trial.storm.acks[i].event;
            }
        }
        next->acks = trial.storm.acks;
        next->acks_count = trial.storm.acks_count;
        trial.storm.acks = NULL;
        folder_copy(bench->jobs, next->jobs);
    }
    trial_end(&trial);
    return true;
}

/** What the scenes but the last, which adds jobs, must come to. */
static bool ends_keep(struct bench *bench)
{
    char path[PATH_MAX_SIZE + 64];
    struct fnd_error error = {0};
    if (!outputs_of(bench->jobs, &bench->outputs, &error)) {
        fprintf(stderr, "%s\n", error.message);
        return false;
    }
    (void)snprintf(path, sizeof path, "%s/out/corrections.jsonl", bench->jobs);
    if (!file_read_text(path, &bench->exported) || bench->exported.size == 0) {
        fprintf(stderr, "%s is not there\n", path);
        return false;
    }
    return true;
}

static void input_add(const struct bench *bench, enum scene_id scene, const char *name,
                      const char *text)
{
    char path[PATH_MAX_SIZE + 32];
    (void)snprintf(path, sizeof path, "%s/%s", bench->scenes[scene].jobs, name);
    file_write_text(path, text);
}

bool bench_begin(struct bench *bench)
{
    static const char *const names[SCENES] = {"run",    "pause",  "answer",
                                              "resume", "export", "batch"};
    char path[PATH_MAX_SIZE + 64];
    bool good = folder_make(bench) && trace_make(bench);
    preload_find(bench);
    for (int id = 0; id < SCENES; id++) {
        struct scene *scene = &bench->scenes[id];
        scene->name = names[id];
        (void)snprintf(scene->jobs, sizeof scene->jobs, "%.100s/before-%s", bench->folder,
                       names[id]);
    }
    for (int id = 0; good && id < SCENES; id++) {
        struct scene *scene = &bench->scenes[id];
        if (id == SCENE_RUN) {
            mkdir(scene->jobs, 0700);
            input_add(bench, SCENE_RUN, "clear.jsonl", clear_job);
        } else if (id == SCENE_PAUSE) {
            input_add(bench, SCENE_PAUSE, "asking.jsonl", asking_job);
        } else if (id == SCENE_EXPORT) {
            (void)snprintf(path, sizeof path, "%s/out", scene->jobs);
            mkdir(path, 0700);
        } else if (id == SCENE_BATCH) {
            input_add(bench, SCENE_BATCH, "batch.jsonl", batch_jobs);
        }
        good = scene_play(bench, (enum scene_id)id) && (id != SCENE_EXPORT || ends_keep(bench));
    }
    return good;
}

void bench_end(struct bench *bench, bool keep)
{
    for (int id = 0; id < SCENES; id++) {
        free(bench->scenes[id].acks);
    }
    if (bench->trace != NULL) {
        munmap(bench->trace, sizeof *bench->trace);
    }
    fnd_text_finish(&bench->outputs);
    fnd_text_finish(&bench->exported);
    if (!keep) {
        folder_remove(bench->folder);
    }
}
