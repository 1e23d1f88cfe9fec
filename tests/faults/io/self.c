/* SPDX-License-Identifier: MIT */
/* Faults that are planted on purpose: the checks of the sweep must find each, as what it is.
 *
 *     self ENGINE PLUGIN_PATH INJECTOR DRIVER
 */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/digest.h"
#include "trial.h"

/** What is done to the directory behind the command, before anybody looks. */
static void nothing(struct trial *trial)
{
    (void)trial;
}

static void forget(struct trial *trial)
{
    folder_remove(trial->bench->jobs);
    folder_copy(trial->scene->jobs, trial->bench->jobs);
}

static void row_remove(struct trial *trial)
{
    char path[PATH_MAX_SIZE + 32];
    sqlite3 *handle = NULL;
    (void)snprintf(path, sizeof path, "%s/.foundry/state.db", trial->bench->jobs);
    if (sqlite3_open(path, &handle) != SQLITE_OK ||
        sqlite3_exec(handle, "DELETE FROM event WHERE id = (SELECT max(id) FROM event)", NULL, NULL,
                     NULL) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", path, sqlite3_errmsg(handle));
        exit(1);
    }
    sqlite3_close(handle);
}

static void export_halve(struct trial *trial)
{
    char path[PATH_MAX_SIZE + 32];
    (void)snprintf(path, sizeof path, "%s/out/corrections.jsonl", trial->bench->jobs);
    if (truncate(path, (off_t)(trial->bench->exported.size / 2)) != 0) {
        perror(path);
        exit(1);
    }
}

static void chosen_cancel(struct trial *trial)
{
    const char *const arguments[] = {"cancel", trial->bench->jobs, "batch.jsonl#b1", NULL};
    struct ended ended;
    command_run(trial->bench, trial->bench->engine, arguments, NULL, &ended);
    ended_finish(&ended);
}

static const struct lie {
    const char *what;
    enum scene_id scene;
    enum iofault_mode mode;
    uint8_t kind;      /* of the calls that it is tried at; 0: one trial, disturbed by nothing */
    const char *place; /* how what it met begins; others do not count */
    const char *driver;
    void (*act)(struct trial *trial);
    size_t wrong;
} plants[] = {
    {"the rename of an artifact is left out", SCENE_RUN, IOFAULT_SKIP, IOFAULT_RENAME,
     "rename .foundry/artifacts/", NULL, nothing, BLAME_FLAW},
    {"the rename of an export is left out", SCENE_EXPORT, IOFAULT_SKIP, IOFAULT_RENAME,
     "rename out/corrections.jsonl", NULL, nothing, BLAME_LOST},
    {"a page of the log is left out", SCENE_PAUSE, IOFAULT_SKIP, IOFAULT_WRITE,
     "write 4096 .foundry/state.db-wal", NULL, nothing, WRONG_UNFINISHED},
    {"an answer is acknowledged before its commit", SCENE_ANSWER, IOFAULT_KILL, IOFAULT_WRITE, "",
     "early", nothing, BLAME_LOST},
    {"a result is recorded twice", SCENE_PAUSE, IOFAULT_COUNT, 0, "", "double", nothing,
     BLAME_DOUBLED},
    {"the directory is put back", SCENE_PAUSE, IOFAULT_COUNT, 0, "", NULL, forget, BLAME_LOST},
    {"a row that was acknowledged is removed", SCENE_RESUME, IOFAULT_COUNT, 0, "", NULL, row_remove,
     BLAME_LOST},
    {"an export is cut in half", SCENE_EXPORT, IOFAULT_COUNT, 0, "", NULL, export_halve,
     WRONG_HALF},
    {"who was chosen from a batch is taken out of it", SCENE_BATCH, IOFAULT_COUNT, 0, "", NULL,
     chosen_cancel, WRONG_BATCH},
};

/** One trial.  Returns whether it was disturbed where it should be. */
static bool plant_try(struct bench *bench, const struct lie *plant, unsigned call)
{
    struct trial trial;
    struct fault fault;
    trial_begin(&trial, bench, plant->scene);
    fault_make(bench, &fault, plant->mode, call, false);
    trial.kills = plant->mode == IOFAULT_KILL;
    trial.plant = plant->driver;
    trial_run(&trial, fault.settings);
    const bool there = strncmp(bench->trace->what, plant->place, strlen(plant->place)) == 0;
    if (there) {
        plant->act(&trial);
        promise_check(&trial);
        if (plant->wrong == WRONG_UNFINISHED || plant->wrong == WRONG_BATCH) {
            promise_finish(&trial);
        }
    }
    trial_end(&trial);
    return there;
}

static bool plant_found(struct bench *bench, const struct lie *plant)
{
    const struct iofault_trace *trace = &bench->scenes[plant->scene].trace;
    const size_t before = bench->wrong[plant->wrong];
    size_t tried = 0;
    if (plant->kind == 0) {
        tried += plant_try(bench, plant, 1);
    }
    for (uint32_t i = 0; plant->kind != 0 && i < trace->calls; i++) {
        /* The driver is another program: its calls are not those of the trace. */
        if (bench->wrong[plant->wrong] == before &&
            (plant->driver != NULL || trace->kinds[i] == plant->kind)) {
            tried += plant_try(bench, plant, i + 1);
        }
    }
    const bool found = bench->wrong[plant->wrong] > before;
    printf("%s %s: %s in %zu trials\n", found ? "ok    " : "FAILED", plant->what,
           found ? wrong_name(plant->wrong) : "not found", tried);
    fflush(stdout);
    return found;
}

int main(int argc, char **argv)
{
    enum { PLANTS_COUNT = sizeof plants / sizeof plants[0] };
    struct bench bench = {.quiet = true};
    size_t found = 0;
    if (argc != 5) {
        fprintf(stderr, "usage: self ENGINE PLUGIN_PATH INJECTOR DRIVER\n");
        return 2;
    }
    bench.engine = argv[1];
    bench.plugin_path = argv[2];
    bench.injector = argv[3];
    bench.driver = argv[4];
    fnd_digest_setup();
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0 || !bench_begin(&bench)) {
        bench_end(&bench, false);
        return 1;
    }
    /* Disturbed by nothing, nothing is found: else everything below would be worth nothing. */
    for (int scene = 0; scene < SCENES; scene++) {
        struct trial trial;
        trial_begin(&trial, &bench, (enum scene_id)scene);
        trial_run(&trial, NULL);
        promise_check(&trial);
        promise_finish(&trial);
        trial_end(&trial);
    }
    const size_t calm = bench_wrongs(&bench);
    printf("%s nothing is found where nothing is wrong\n", calm == 0 ? "ok    " : "FAILED");
    for (size_t i = 0; i < PLANTS_COUNT; i++) {
        found += plant_found(&bench, &plants[i]);
    }
    bench_end(&bench, false);
    printf("%zu passed, %zu failed\n", found + (calm == 0), PLANTS_COUNT - found + (calm != 0));
    return found == PLANTS_COUNT && calm == 0 ? 0 : 1;
}
