/* SPDX-License-Identifier: MIT */
/* Damage to a job directory, and whether verify or the next opening sees it.
 *
 *     damage ENGINE PLUGIN [--self-test]      ENGINE finds the detectors it was built with
 *
 * FOUNDRY_FLOOR  percent of 1,000 flips, 100 cuts, 30 swaps (10).  FOUNDRY_SEED  picks them. */
#include "damage.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FLIPS_FULL = 1000, CUTS_FULL = 100, SWAPS_FULL = 30, OTHERS = 10, SWAPS_MIN = 6 };
enum { SELF_TEST_FLIPS = 160, ARGUMENTS_MAX = 16 };

static const char pipeline_text[] =
    "foundry: v1\nname: damage\ninputs: {match: [\"*.job.json\"]}\nphases:\n"
    "  - {id: copy, uses: steps/copy, with: {value: \"${input}\"}}\n"
    "  - {id: keep, uses: steps/keep, with: {text: \"${input.text}\"}}\n"
    "  - id: review\n    uses: foundry/human\n    with:\n      of: copy\n      audit: 100%\n"
    "      detectors:\n"
    "        - {uses: detect/regex-mismatch, with: {field: /value/kind, pattern: '^good$'}}\n"
    "      fingerprint: [/value/kind]\n"
    "  - {id: last, uses: steps/copy, with: {value: \"${review}\"}}\n"
    "notify: [{url: \"http://127.0.0.1:9/\", on: [asked], allow_private: true}]\n";

static void command(const struct damage *damage, int expected, ...) __attribute__((sentinel));
static void command(const struct damage *damage, int expected, ...)
{
    char *arguments[ARGUMENTS_MAX] = {(char *)(uintptr_t)damage->engine};
    size_t count = 1;
    va_list list;
    va_start(list, expected);
    while (count < ARGUMENTS_MAX - 1 && (arguments[count] = va_arg(list, char *)) != NULL) {
        count++;
    }
    va_end(list);
    const int code = program(arguments, STDERR_FILENO, NULL);
    if (code != expected) {
        fprintf(stderr, "damage: %s %s ended with %d, not %d\n", arguments[0], arguments[1], code,
                expected);
        exit(2);
    }
}

/* The first two numbers of the first row. */
struct found {
    int64_t first, second;
};

static struct found found(const char *directory, const char *query)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *row = NULL;
    struct found found = {0};
    if (sqlite3_open(inside(directory, "state.db"), &db) == SQLITE_OK &&
        sqlite3_prepare_v2(db, query, -1, &row, NULL) == SQLITE_OK &&
        sqlite3_step(row) == SQLITE_ROW) {
        found.first = sqlite3_column_int64(row, 0);
        found.second = sqlite3_column_int64(row, 1);
    }
    sqlite3_finalize(row);
    sqlite3_close(db);
    return found;
}

/* Commit and destroy.  Returns the number of its first event. */
static int64_t write_commit(struct fnd_store *store, struct fnd_write *write)
{
    struct fnd_error error = {0};
    if (fnd_store_commit(store, write, &error) != FND_OK) {
        fprintf(stderr, "damage: %s\n", error.message);
        exit(2);
    }
    const int64_t first = write->first;
    fnd_write_destroy(write);
    return first;
}

/* What somebody has typed so far: the page does this over HTTP, and the store is handed the same.
 */
static void draft_make(const char *directory)
{
    const struct found request = found(directory, "SELECT max(id), 0 FROM request WHERE state = 0");
    struct fnd_store *store = store_open(directory);
    struct fnd_write *write = fnd_write_create();
    fnd_write_note(write, FND_NOTE_DRAFT, request.first, "anna",
                   "{\"values\":{\"/value/name\":\"half a na\"},\"removed\":[]}")
        ->at_us = 1;
    write_commit(store, write);
    fnd_store_close(store);
}

/* One event about models; the artifact called `name`, which is kept first, is in its meta.
 * Returns its number. */
static int64_t learned(struct fnd_store *store, enum fnd_event_kind kind, int64_t ref,
                       const char *body, const char *name)
{
    char bytes[96], hash[FND_DIGEST_TEXT_SIZE];
    struct fnd_error error = {0};
    struct fnd_text meta = {0};
    struct fnd_artifact artifact;
    struct fnd_write *write = fnd_write_create();
    if (name != NULL) {
        const int size = snprintf(bytes, sizeof bytes, "bytes of %s, about event %" PRId64 ": %zu",
                                  name, ref, strlen(body));
        if (fnd_artifact_put(store, bytes, (size_t)size, &artifact, &error) != FND_OK) {
            fprintf(stderr, "damage: %s\n", error.message);
            exit(2);
        }
        fnd_digest_text(artifact.hash, hash);
        fnd_text_printf(&meta, "{\"artifacts\":{\"%s\":{\"sha256\":\"%s\",\"size\":%d}}}", name,
                        hash, size);
    }
    struct fnd_event *event =
        fnd_write_add(write, kind, fnd_strdup(body), name != NULL ? fnd_text_take(&meta) : NULL);
    event->ref = ref;
    if (name != NULL) {
        event->artifacts = fnd_alloc(sizeof artifact);
        event->artifacts[0] = artifact;
        event->artifacts_count = 1;
    }
    return write_commit(store, write);
}

/* Trainings that ended well and badly, a model in production and one that only ran beside jobs:
 * the engine would need a trainer for that, the store is handed what it would have recorded. */
static void models_make(const char *directory)
{
    static const char train[] = "{\"pipeline\":\"damage\",\"model\":\"kind\",\"version\":%d,"
                                "\"attempt\":%d,\"until\":%" PRId64 "}";
    static const char decide[] = "{\"pipeline\":\"damage\",\"model\":\"kind\","
                                 "\"decision\":\"%s\",\"replaces\":0}";
    static const char *const corrections[] = {
        "SELECT output, step FROM correction WHERE output > 0 ORDER BY id",
        "SELECT output, step FROM correction WHERE output > 0 ORDER BY id DESC"};
    const struct found records[] = {found(directory, corrections[0]),
                                    found(directory, corrections[1])};
    struct fnd_store *store = store_open(directory);
    int64_t models[2];
    char body[256];
    for (int i = 0; i < 2; i++) {
        snprintf(body, sizeof body, train, i + 1, 1, records[i].first);
        int64_t training = learned(store, FND_EVENT_TRAIN, 0, body, "examples");
        if (i == 1) { /* its trainer failed; the next attempt goes on from what it kept */
            learned(store, FND_EVENT_CHECKPOINT, training, "{}", "checkpoint");
            learned(store, FND_EVENT_TRAINED, training, "{\"outcome\":\"failed\"}", NULL);
            snprintf(body, sizeof body, train, i + 1, 2, records[i].first);
            training = learned(store, FND_EVENT_TRAIN, 0, body, "examples");
        }
        models[i] = learned(store, FND_EVENT_TRAINED, training, "{\"outcome\":\"done\"}", "model");
        snprintf(body, sizeof body, decide, i == 0 ? "promote" : "hold");
        learned(store, FND_EVENT_DECIDE, models[i], body, NULL);
    }
    for (int i = 0; i < 2; i++) {
        snprintf(body, sizeof body, "{\"job\":%" PRId64 ",\"output\":%" PRId64 "}",
                 records[i].second, records[i].first);
        learned(store, FND_EVENT_SHADOW, models[1], body, NULL);
    }
    fnd_store_close(store);
}

/* Jobs of every fate, by the real engine: every table has rows. */
static void whole_make(struct damage *damage, const char *plugin)
{
    static const char *const names[] = {"answered", "paused", "cancelled", "rejected",
                                        "failed",   "twin-1", "twin-2"};
    char path[PATH_SIZE * 2], pipeline[PATH_SIZE], text[128];
    folder_make(path, "%s/plugins", damage->folder);
    setenv("FOUNDRY_PLUGIN_PATH", path, 1);
    snprintf(path, sizeof path, "%s/plugins/steps.so", damage->folder);
    file_copy(plugin, path);
    snprintf(path, sizeof path, "%s/described", damage->folder);
    setenv("XDG_CACHE_HOME", path, 1);
    snprintf(pipeline, sizeof pipeline, "%s/damage.yaml", damage->folder);
    text_write(pipeline, pipeline_text, sizeof pipeline_text - 1);
    folder_make(damage->whole, "%s/whole", damage->folder);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const bool fails = strcmp(names[i], "failed") == 0;
        const bool twin = strncmp(names[i], "twin", 4) == 0;
        const int size =
            snprintf(text, sizeof text, "{\"name\":\"%s\"%s%s%s%s}\n", names[i],
                     twin ? ",\"kind\":\"bad\"" : "", fails ? "" : ",\"text\":\"kept for ",
                     fails ? "" : names[i], fails ? "" : "\"");
        snprintf(path, sizeof path, "%s/%s.job.json", damage->whole, names[i]);
        text_write(path, text, (size_t)size);
    }
    command(damage, 1, "run", "-q", pipeline, damage->whole, NULL);
    command(damage, 0, "answer", "-q", damage->whole, "answered.job.json", "--set",
            "/value/name=mended", NULL);
    command(damage, 1, "answer", "-q", damage->whole, "rejected.job.json", "--reject", NULL);
    command(damage, 0, "answer", "-q", damage->whole, "twin-1.job.json", "--set",
            "/value/kind=good", "--twins", NULL);
    command(damage, 1, "run", "-q", pipeline, damage->whole, NULL); /* the other twin is settled */
    command(damage, 0, "ask", "claim", "-q", damage->whole, "paused.job.json", "--for", "2d", NULL);
    draft_make(damage->whole);
    models_make(damage->whole);
    command(damage, 0, "cancel", "-q", damage->whole, "cancelled.job.json", NULL);
    command(damage, 0, "export", "-q", damage->whole, "--format", "foundry", NULL);
    command(damage, 0, "verify", "-q", damage->whole, NULL);
    unlink(inside(damage->whole, "state.db-wal"));
    unlink(inside(damage->whole, "state.db-shm"));
    unlink(inside(damage->whole, "engine.sock"));
}

static bool gate(const char *method, const struct counts *counts, size_t floor, uint64_t seed)
{
    printf("gate: %s | runs %zu | violations %zu | floor %zu | seed %" PRIu64 "\n", method,
           counts->runs, counts->violations, floor, seed);
    return counts->violations == 0 && counts->runs >= floor;
}

static int run(struct damage *damage)
{
    const size_t wanted = FLIPS_FULL * damage->percent / 100;
    const size_t cuts = CUTS_FULL * damage->percent / 100;
    const size_t rounds = SWAPS_FULL * damage->percent / 100;
    struct counts flipped = {0}, cut = {0}, swapped = {0};
    flips(damage, wanted, &flipped);
    tails(damage, cuts, &cut);
    swaps(damage, rounds < SWAPS_MIN ? SWAPS_MIN : rounds, &swapped);
    bool fine = gate("byte flips in content", &flipped, wanted, damage->seed);
    fine = gate("cut, lost and swapped files", &cut, cuts + OTHERS, damage->seed) && fine;
    fine = gate("record moved under an engine", &swapped, rounds, damage->seed) && fine;
    return fine ? 0 : 1;
}

/* Without one of verify's checks, flips must be missed: each of them is needed. */
static int self_test(struct damage *damage)
{
    static const char *const checks[] = {"payload of event",        "the chain is broken here",
                                         "the events make it",      "head: slot",
                                         "its bytes have the hash", "a bit of it has changed"};
    size_t passed = 0, failed = 0;
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        struct counts counts = {0};
        damage->plant = checks[i];
        damage->draw.state = damage->seed;
        flips(damage, SELF_TEST_FLIPS, &counts);
        const bool missed = counts.violations > 0;
        printf("%s: without the check \"%s\" %zu of %zu flips are missed\n",
               missed ? "ok" : "FAILED", checks[i], counts.violations, counts.runs);
        passed += missed;
        failed += !missed;
    }
    struct counts cut = {0};
    damage->plant = "head: the witness saw";
    tails(damage, 10, &cut);
    printf("%s: without the witness %zu of %zu losses are missed\n",
           cut.violations > 0 ? "ok" : "FAILED", cut.violations, cut.runs);
    passed += cut.violations > 0;
    failed += cut.violations == 0;
    printf("%zu passed, %zu failed\n", passed, failed);
    return failed > 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: damage ENGINE PLUGIN [--self-test]\n");
        return 2;
    }
    struct damage damage = {.engine = argv[1]};
    settings_read(&damage.seed, &damage.percent);
    damage.draw.state = damage.seed;
    folder_begin(damage.folder, "damage");
    snprintf(damage.work, sizeof damage.work, "%s/work", damage.folder);
    fnd_digest_setup();
    /* In a child, so that nothing is left in memory when it gives up half-way. */
    const pid_t child = fork();
    if (child == 0) {
        whole_make(&damage, argv[2]);
        exit(argc > 3 && strcmp(argv[3], "--self-test") == 0 ? self_test(&damage) : run(&damage));
    }
    int status = 0;
    waitpid(child, &status, 0);
    tree_remove(damage.folder);
    if (!WIFEXITED(status)) {
        fprintf(stderr, "damage: died by signal %d, seed %" PRIu64 "\n", WTERMSIG(status),
                damage.seed);
        return 2;
    }
    return WEXITSTATUS(status);
}
