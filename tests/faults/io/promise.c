/* SPDX-License-Identifier: MIT */
/* What must hold behind a command that was disturbed. */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "run/engine.h"
#include "trial.h"

enum { EXIT_BUG = 70, EXIT_WAITING = 3, EXIT_BROKEN_HARNESS = 125, ROUNDS_MAX = 4 };

/* --- the record ---------------------------------------------------------------------------- */

struct writing {
    struct fnd_reader *reader;
    struct fnd_text *text;
    struct fnd_error *error;
    bool good;
};

static bool job_write(const struct fnd_job_row *job, const struct fnd_step_row *step, void *context)
{
    struct writing *writing = context;
    fnd_text_printf(writing->text, "%s, revision %" PRId32 ": %s\n", job->path, job->revision,
                    fnd_state_name(step->stand.state));
    for (size_t i = 0; i < step->outputs_count && writing->good; i++) {
        fnd_text_printf(writing->text, "  %zu ", i);
        if (step->outputs[i] > 0) {
            writing->good = fnd_payload_get(writing->reader, step->outputs[i], writing->text,
                                            writing->text, writing->error) == FND_OK;
        }
        fnd_text_append_z(writing->text, "\n");
    }
    return writing->good;
}

bool outputs_of(const char *jobs, struct fnd_text *text, struct fnd_error *error)
{
    const struct fnd_walk all = {0, 1000};
    const struct fnd_job_filter any = {NULL, -1};
    struct writing writing = {.text = text, .error = error, .good = true};
    if (fnd_reader_open(jobs, &writing.reader, error) != FND_OK) {
        return false;
    }
    writing.good &= fnd_jobs_walk(writing.reader, &any, &all, job_write, &writing, error) == FND_OK;
    fnd_reader_close(writing.reader);
    return writing.good;
}

/** The state of the request that is answered; -1 if it cannot be told. */
static int request_state(const struct trial *trial)
{
    struct fnd_reader *reader = NULL;
    struct fnd_request_row request;
    int state = -1;
    if (fnd_reader_open(trial->bench->jobs, &reader, NULL) == FND_OK) {
        if (fnd_request_get(reader, trial->scene->request, &request, NULL) == FND_OK) {
            state = (int)request.state;
        }
        fnd_reader_close(reader);
    }
    return state;
}

/* --- how it ended -------------------------------------------------------------------------- */

static void ending_check(struct trial *trial)
{
    const int status = trial->ended.status;
    const bool failed =
        WIFEXITED(status) && WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != EXIT_WAITING;
    const char *said = fnd_text_z(&trial->ended.err);
    if (trial->ended.late) {
        trial_blame(trial, WRONG_CRASH, "it did not end within %d s", DEADLINE_MS / 1000);
    } else if (WIFSIGNALED(status) && !(trial->kills && WTERMSIG(status) == SIGKILL)) {
        trial_blame(trial, WRONG_CRASH, "it was ended by signal %d", WTERMSIG(status));
    } else if (WIFEXITED(status) &&
               (WEXITSTATUS(status) == EXIT_BUG || WEXITSTATUS(status) >= EXIT_BROKEN_HARNESS)) {
        trial_blame(trial, WRONG_CRASH, "it ended with exit %d", WEXITSTATUS(status));
    } else if (strstr(said, "Sanitizer") != NULL || strstr(said, "runtime error:") != NULL) {
        trial_blame(trial, WRONG_CRASH, "a sanitizer reports");
    } else if (failed && said[0] == '\0' && trial->ended.out.size == 0) {
        trial_blame(trial, WRONG_STORY, "exit %d, and not a word", WEXITSTATUS(status));
    }
    if (trial->bench->trace->loaded > 1) {
        trial_blame(trial, WRONG_WORKER, "the injector was loaded into %" PRIu32 " processes",
                    trial->bench->trace->loaded);
    }
}

static bool names_a_place(const char *message)
{
    return strstr(message, ".foundry") != NULL || strstr(message, "/out") != NULL;
}

/** Sentences that say what to do; a new one is a line here. */
static bool names_a_remedy(const char *message)
{
    static const char *const remedies[] = {"free space ", "check the disk", "restore ",
                                           "start again", "run again",      "--accept-loss",
                                           "writable",    "repeat",         "permissions"};
    for (size_t i = 0; i < sizeof remedies / sizeof remedies[0]; i++) {
        if (strstr(message, remedies[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static void story_check(struct trial *trial, struct fnd_json line)
{
    struct fnd_json error = fnd_json_member(line, "error");
    struct fnd_json told = error.bytes != NULL ? error : line;
    struct fnd_json status = fnd_json_member(told, "status");
    char *message = fnd_json_strdup(fnd_json_member(told, "message"));
    if (message != NULL && status.bytes != NULL && !fnd_json_text_is(status, "ok") &&
        ((!names_a_place(message) && !trial->bench->no_places) || !names_a_remedy(message))) {
        trial_blame(trial, WRONG_STORY, "%s is missing in \"%s\"",
                    names_a_remedy(message) ? "the file" : "what to do next", message);
    }
    free(message);
}

static void stories_check(struct trial *trial, const struct fnd_text *text)
{
    const char *at = fnd_text_z(text);
    for (const char *end = strchr(at, '\n'); end != NULL; end = strchr(at, '\n')) {
        struct fnd_json line;
        if (fnd_json_check(at, (size_t)(end - at), NULL, &line, NULL) == FND_OK) {
            story_check(trial, line);
        }
        at = end + 1;
    }
}

/* --- what it concluded --------------------------------------------------------------------- */

/** What it said of its end against what is on record: an answer that was told refused must not be
 *  there, one that was told taken must. The rest is in the acknowledged events. */
static void answer_check(struct trial *trial)
{
    const int state = request_state(trial);
    const bool ended = WIFEXITED(trial->ended.status);
    if (trial->plant != NULL) {
        return;
    }
    if (ended && !trial->answered && !trial->unknown && state != FND_REQUEST_OPEN) {
        trial_blame(trial, WRONG_CONCLUSION,
                    "it said that the answer is not taken, and the request's state is %d", state);
    }
    if (ended && WEXITSTATUS(trial->ended.status) == 0 && !trial->answered) {
        trial_blame(trial, WRONG_CONCLUSION, "exit 0 without an answer that was taken");
    }
}

static void export_check(struct trial *trial)
{
    struct bench *bench = trial->bench;
    char path[PATH_MAX_SIZE + 64];
    struct fnd_text file = {0};
    (void)snprintf(path, sizeof path, "%s/out/corrections.jsonl", bench->jobs);
    const bool there = file_read_text(path, &file);
    if (there && (file.size != bench->exported.size ||
                  memcmp(file.bytes, bench->exported.bytes, file.size) != 0)) {
        trial_blame(trial, WRONG_HALF, "%s has %zu bytes, and %zu make it whole", path, file.size,
                    bench->exported.size);
    }
    if (trial->exported && !there) {
        trial_blame(trial, BLAME_LOST, "%s was told to be there and is not", path);
    }
    const bool owned = strstr(fnd_text_z(&trial->ended.err), "the export was written") != NULL ||
                       strstr(fnd_text_z(&trial->ended.err), "the export is there") != NULL;
    if (WIFEXITED(trial->ended.status) && !trial->exported && there && !owned) {
        trial_blame(trial, WRONG_CONCLUSION, "it said that nothing was exported, and %s is there",
                    path);
    }
    fnd_text_clear(&file);
    (void)snprintf(path, sizeof path, "%s/out/corrections.jsonl.manifest.json", bench->jobs);
    struct fnd_json manifest;
    if (there && !file_read_text(path, &file)) {
        trial_blame(trial, WRONG_HALF, "the export is there without %s", path);
    }
    if (file.size > 0 && fnd_json_check(file.bytes, file.size, NULL, &manifest, NULL) != FND_OK) {
        trial_blame(trial, WRONG_HALF, "%s is not whole", path);
    }
    fnd_text_finish(&file);
}

void promise_check(struct trial *trial)
{
    const enum scene_id scene = trial_scene(trial);
    ending_check(trial);
    if (trial->plant == NULL) {
        stories_check(trial, &trial->ended.out);
        stories_check(trial, &trial->ended.err);
    }
    storm_check_record(&trial->storm, 1, true);
    if (scene == SCENE_ANSWER) {
        answer_check(trial);
    } else if (scene == SCENE_EXPORT) {
        export_check(trial);
    }
}

/* --- to the end ---------------------------------------------------------------------------- */

static bool request_first(const struct fnd_request_row *row, void *context)
{
    *(int64_t *)context = row->id;
    return false;
}

static int64_t request_open(const struct trial *trial)
{
    const struct fnd_walk one = {0, 1};
    struct fnd_reader *reader = NULL;
    int64_t request = 0;
    if (fnd_reader_open(trial->bench->jobs, &reader, NULL) == FND_OK) {
        fnd_requests_walk(reader, FND_REQUEST_OPEN, &one, request_first, &request, NULL);
        fnd_reader_close(reader);
    }
    return request;
}

static void left_check(struct trial *trial, const char *below, const char *prefix)
{
    char path[PATH_MAX_SIZE + 32];
    (void)snprintf(path, sizeof path, "%s/%s", trial->bench->jobs, below);
    DIR *list = opendir(path);
    if (list == NULL) {
        trial_blame(trial, WRONG_LEFT, "%s is not there", path);
        return;
    }
    for (struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0) {
            trial_blame(trial, WRONG_LEFT, "%s/%s", path, entry->d_name);
        }
    }
    closedir(list);
}

static void outputs_check(struct trial *trial)
{
    struct fnd_text text = {0};
    struct fnd_error error = {0};
    const struct fnd_text *wanted = &trial->bench->outputs;
    /* The first scene knows only the first job, whose part comes first. */
    const char *first = strstr(fnd_text_z(wanted), "\nasking");
    const size_t size = trial_scene(trial) == SCENE_RUN && first != NULL
                            ? (size_t)(first + 1 - fnd_text_z(wanted))
                            : wanted->size;
    /* The last one adds jobs, behind the others. */
    const bool more = trial_scene(trial) == SCENE_BATCH;
    if (!outputs_of(trial->bench->jobs, &text, &error)) {
        trial_blame(trial, WRONG_UNFINISHED, "the record cannot be read: %s", error.message);
    } else if ((more ? text.size <= size : text.size != size) ||
               memcmp(text.bytes, wanted->bytes, size) != 0) {
        trial_blame(trial, WRONG_UNFINISHED, "it came to\n%snot to\n%.*s", fnd_text_z(&text),
                    (int)size, fnd_text_z(wanted));
    }
    fnd_text_finish(&text);
}

static void retry_failed(struct trial *trial)
{
    const char *const arguments[] = {"retry", "--failed", "--no-run", trial->bench->jobs, NULL};
    struct ended ended;
    command_run(trial->bench, trial->bench->engine, arguments, NULL, &ended);
    ended_finish(&ended);
}

struct batch {
    size_t choices, asked, completed, started, failed;
    int64_t choice[BATCH_JOBS + 1], chosen;
};

static bool batch_let_go(const struct batch *batch, int64_t choice)
{
    bool one = false;
    for (size_t at = 0; at < batch->choices && at <= BATCH_JOBS; at++) {
        one = one || batch->choice[at] == choice;
    }
    return one;
}

static bool batch_event(const struct fnd_event_row *row, void *context)
{
    struct batch *batch = context;
    if (row->kind == FND_EVENT_HOLD && row->after.due_us == FND_DUE_CHOICE) {
        batch->choice[batch->choices < BATCH_JOBS ? batch->choices : BATCH_JOBS] = row->id;
        batch->choices++;
    } else if (row->kind == FND_EVENT_START && batch_let_go(batch, row->ref)) {
        batch->started++;
    } else if (row->kind == FND_EVENT_FAIL) {
        batch->failed++;
    } else if (row->kind == FND_EVENT_ASK && batch->choices > 0) {
        batch->asked++;
        batch->chosen = row->step;
    }
    return true;
}

static bool batch_job(const struct fnd_job_row *job, const struct fnd_step_row *step, void *context)
{
    struct batch *batch = context;
    if (strncmp(job->path, "batch.jsonl#", strlen("batch.jsonl#")) == 0) {
        batch->completed += step->stand.state == FND_COMPLETED;
        if (step->id == batch->chosen && strcmp(job->path, "batch.jsonl#b1") != 0) {
            batch->chosen = 0;
        }
    }
    return true;
}

/** One choice, one card, all of them let go by it once. Only where a fault may fail a job, and did,
 * does that job come behind the others, with a choice of its own. */
static void batch_check(struct trial *trial)
{
    const struct fnd_walk all = {0, 100000};
    const struct fnd_job_filter any = {NULL, -1};
    struct batch batch = {0};
    struct fnd_reader *reader = NULL;
    struct fnd_error error = {0};
    if (fnd_reader_open(trial->bench->jobs, &reader, &error) != FND_OK ||
        fnd_events_walk(reader, 0, &all, batch_event, &batch, &error) != FND_OK ||
        fnd_jobs_walk(reader, &any, &all, batch_job, &batch, &error) != FND_OK) {
        trial_blame(trial, WRONG_UNFINISHED, "the record cannot be read: %s", error.message);
    } else if (batch.choices == 0 ||
               batch.choices > 1 + (trial->bench->may_fail ? batch.failed : 0) ||
               batch.asked != batch.choices * BATCH_CHOSEN ||
               (batch.choices == 1 && batch.chosen == 0) || batch.started != BATCH_JOBS ||
               batch.completed != BATCH_JOBS) {
        trial_blame(trial, WRONG_BATCH,
                    "%zu choices, %zu failed before; %zu were asked about, %s; %zu of %d were let "
                    "go, %zu completed",
                    batch.choices, batch.failed, batch.asked,
                    batch.chosen != 0 ? "the right one" : "another", batch.started, BATCH_JOBS,
                    batch.completed);
    }
    fnd_reader_close(reader);
}

void promise_finish(struct trial *trial)
{
    const enum scene_id scene = trial_scene(trial);
    if (trial->bench->may_fail) {
        retry_failed(trial);
    }
    int code = trial_more(trial, SCENE_RUN, 0);
    for (int round = 0; code == EXIT_WAITING && round < ROUNDS_MAX; round++) {
        if (trial_more(trial, SCENE_ANSWER, request_open(trial)) == 0) {
            code = trial_more(trial, SCENE_RUN, 0);
        }
    }
    if (scene == SCENE_EXPORT) {
        trial_more(trial, SCENE_EXPORT, 0);
        trial->exported = true;
        export_check(trial);
    }
    storm_check_record(&trial->storm, 1, true);
    outputs_check(trial);
    if (scene == SCENE_BATCH) {
        batch_check(trial);
    }
    left_check(trial, ".foundry/artifacts", "tmp-");
    left_check(trial, ".foundry/plugins", "tmp-");
}
