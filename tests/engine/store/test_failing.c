/* SPDX-License-Identifier: MIT */
/* Each call that the room makes fails once, in each thing that the room does. Behind it there is an
 * error that says so, or all is done nevertheless; the record is whole, and the same thing done
 * again comes to its end. */
#define _GNU_SOURCE
#include "failing.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/backup.h"
#include "store/desk.h"
#include "store/gc.h"
#include "store/verify.h"
#include "support.h"

enum { CALLS_MAX = 2000 };

struct work {
    struct scene scene;
    struct fnd_artifact input;
    int64_t job, request;
    int number;  /* of the try: new content each time */
    int content; /* a file with it; -1: none */
};

/** One thing to do. Undisturbed: `before`, what it needs; `again`, what must hold behind it and
 * what the next try begins with. */
struct act {
    const char *name;
    void (*before)(struct work *work);
    enum fnd_status (*act)(struct work *work, struct fnd_error *error);
    void (*again)(struct work *work, enum fnd_status status);
};

static void before_content(struct work *work)
{
    char bytes[32];
    const int size = snprintf(bytes, sizeof bytes, "content %d", work->number);
    work->content = memfd_create("content", MFD_CLOEXEC);
    cr_assert_eq(fnd_write_all(work->content, bytes, (size_t)size), 0);
    cr_assert_eq(lseek(work->content, 0, SEEK_SET), 0);
}

static void work_begin(struct work *work)
{
    *work = (struct work){.content = -1};
    failing_place();
    struct scene *scene = &work->scene;
    scene_begin(scene, 51);
    work->job = paused_job(scene, "a.png", &work->request);
    struct fnd_write *write = write_answer(scene, work->job, work->request, true);
    add_move(write, FND_EVENT_OUTPUT, FND_COMPLETED, 1);
    commit(scene, write, FND_OK);
    work->job = paused_job(scene, "b.png", &work->request);
    uint8_t hash[FND_DIGEST_SIZE];
    before_content(work);
    cr_assert_eq(fnd_plugin_keep(scene->store, work->content, hash, NULL), FND_OK);
    cr_assert_eq(fnd_artifact_put(scene->store, "input", 5, &work->input, NULL), FND_OK);
    (void)close(work->content);
    scene_read(scene);
}

static void flaw_print(const char *sentence, void *context)
{
    (void)context;
    fprintf(stderr, "verify: %s\n", sentence);
}

static void whole(struct scene *scene, const char *behind)
{
    struct fnd_verify result;
    struct fnd_error error = {0};
    scene_read(scene);
    cr_expect_eq(fnd_store_verify(scene->reader, &result, flaw_print, NULL, &error), FND_OK,
                 "behind %s: %s", behind, error.message);
    cr_expect_eq(result.flaws, 0, "behind %s", behind);
}

/** The act with each of its calls failing.  Returns how many there are. */
static unsigned sweep(const struct act *act, enum failing_how how)
{
    struct work work;
    char label[128];
    unsigned at = 0;
    const char *met = "";
    work_begin(&work);
    while (met != NULL && ++at < CALLS_MAX) {
        struct fnd_error error = {0};
        work.number++;
        if (act->before != NULL) {
            act->before(&work);
        }
        failing_arm(at, how);
        const enum fnd_status status = act->act(&work, &error);
        met = failing_clear();
        (void)snprintf(label, sizeof label, "%s, call %u (%s)", act->name, at,
                       met == NULL ? "none" : met);
        if (met == NULL || how == FAILING_INTERRUPT) {
            cr_expect_eq(status, FND_OK, "%s: %s", label, error.message);
        } else if (status != FND_OK) {
            cr_expect_eq(error.status, status, "%s", label);
            cr_expect_gt(strlen(error.message), 10, "%s says nothing", label);
        }
        if (work.scene.store != NULL && fnd_store_health(work.scene.store, NULL) != FND_OK) {
            scene_close(&work.scene);
        }
        if (work.scene.store == NULL) {
            scene_open(&work.scene);
        }
        if (act->again != NULL) {
            act->again(&work, status);
        }
        whole(&work.scene, label);
    }
    cr_assert_lt(at, CALLS_MAX, "%s", act->name);
    scene_end(&work.scene);
    return at - 1;
}

static void swept(const struct act *act, unsigned least)
{
    const unsigned errors = sweep(act, FAILING_ERROR);
    const unsigned interrupts = sweep(act, FAILING_INTERRUPT);
    printf("%s: %u calls fail, %u are interrupted\n", act->name, errors, interrupts);
    cr_expect_geq(errors, least, "%s makes only %u calls", act->name, errors);
}

/* --- opening --------------------------------------------------------------------------------- */

static void before_open(struct work *work)
{
    scene_close(&work->scene);
}

static enum fnd_status act_open(struct work *work, struct fnd_error *error)
{
    return scene_try(&work->scene, error);
}

Test(failing, calls_of_opening_a_store, .timeout = 900)
{
    swept(&(struct act){"open", before_open, act_open, NULL}, 20);
}

static void before_create(struct work *work)
{
    scene_end(&work->scene);
    scene_directory(&work->scene, 52);
}

Test(failing, calls_of_making_a_store, .timeout = 900)
{
    swept(&(struct act){"create", before_create, act_open, NULL}, 40);
}

/* --- writing --------------------------------------------------------------------------------- */

static enum fnd_status act_commit(struct work *work, struct fnd_error *error)
{
    struct fnd_write *write = write_pin("more", work->number);
    const enum fnd_status status = fnd_store_commit(work->scene.store, write, error);
    fnd_write_destroy(write);
    return status;
}

/** What was told is so: on record if it is acknowledged, else not. */
static void again_commit(struct work *work, enum fnd_status status)
{
    struct fnd_write *write = write_pin("more", work->number);
    struct fnd_pin_row pin;
    scene_read(&work->scene);
    const bool found = fnd_pin_find(work->scene.reader, write->hash, &pin, NULL) == FND_OK;
    cr_expect(found || status != FND_OK, "an acknowledged commit, number %d, is lost",
              work->number);
    if (found) {
        free(pin.pipeline);
    }
    fnd_write_destroy(write);
}

Test(failing, calls_of_a_commit, .timeout = 900)
{
    swept(&(struct act){"commit", NULL, act_commit, again_commit}, 8);
}

static enum fnd_status act_desk(struct work *work, struct fnd_error *error)
{
    struct fnd_write *write = fnd_write_create();
    char body[96];
    (void)snprintf(body, sizeof body, "{\"by\":\"ann\",\"until_us\":%d}", 1000 + work->number);
    fnd_write_add(write, FND_EVENT_CLAIM, fnd_strdup(body), NULL)->ref = work->request;
    const enum fnd_status status = fnd_store_commit(work->scene.store, write, error);
    fnd_write_destroy(write);
    return status;
}

Test(failing, calls_of_a_claim, .timeout = 900)
{
    swept(&(struct act){"claim", NULL, act_desk, NULL}, 8);
}

static enum fnd_status act_artifact(struct work *work, struct fnd_error *error)
{
    struct fnd_artifact put;
    enum fnd_status status =
        fnd_artifact_put_fd(work->scene.store, work->content, 100, &put, error);
    int found = -1;
    if (status == FND_OK) {
        status = fnd_artifact_open(fnd_store_folder(work->scene.store), &put, &found, error);
    }
    if (status == FND_OK) {
        (void)close(found);
        status = fnd_artifact_put(work->scene.store, "content", 7, &put, error);
    }
    return status;
}

static void again_files(struct work *work, enum fnd_status status)
{
    char command[PATH_SIZE + 64];
    (void)status;
    (void)close(work->content);
    (void)snprintf(command, sizeof command, "test -z \"$(find '%s/.foundry' -name 'tmp-*')\"",
                   work->scene.directory);
    cr_expect_eq(system(command), 0, "try %d left a temporary file", work->number);
}

Test(failing, calls_of_keeping_an_artifact, .timeout = 900)
{
    swept(&(struct act){"artifact", before_content, act_artifact, again_files}, 8);
}

static enum fnd_status act_plugin(struct work *work, struct fnd_error *error)
{
    uint8_t hash[FND_DIGEST_SIZE];
    enum fnd_status status = fnd_plugin_keep(work->scene.store, work->content, hash, error);
    int found = -1;
    if (status == FND_OK) {
        status = fnd_plugin_open(fnd_store_folder(work->scene.store), hash, &found, error);
    }
    if (status == FND_OK) {
        (void)close(found);
        status = lseek(work->content, 0, SEEK_SET) == 0 ? FND_OK : FND_IO;
        (void)fnd_error_set(error, status, "cannot go back to its begin");
    }
    if (status == FND_OK) {
        status = fnd_plugin_keep(work->scene.store, work->content, hash, error); /* it is there */
    }
    return status;
}

Test(failing, calls_of_keeping_a_plugin, .timeout = 900)
{
    swept(&(struct act){"plugin", before_content, act_plugin, again_files}, 10);
}

/* --- reading --------------------------------------------------------------------------------- */

static bool more_events(const struct fnd_event_row *row, void *context)
{
    (void)row;
    ++*(size_t *)context;
    return true;
}
static bool more_steps(const struct fnd_step_row *row, void *context)
{
    (void)row;
    ++*(size_t *)context;
    return true;
}
static bool more_requests(const struct fnd_request_row *row, void *context)
{
    (void)row;
    ++*(size_t *)context;
    return true;
}
static bool more_corrections(const struct fnd_correction_row *row, void *context)
{
    (void)row;
    ++*(size_t *)context;
    return true;
}
static bool more_jobs(const struct fnd_job_row *job, const struct fnd_step_row *step, void *context)
{
    (void)job;
    (void)step;
    ++*(size_t *)context;
    return true;
}

static enum fnd_status read_rows(struct work *work, struct fnd_reader *reader,
                                 struct fnd_error *error)
{
    struct fnd_step_row step;
    struct fnd_request_row request;
    struct fnd_event_row event;
    struct fnd_pin_row pin = {0};
    struct fnd_job_row job = {0};
    struct fnd_text body = {0};
    int64_t head = 0, due_us = 0, counts[FND_CANCELLED + 1];
    uint8_t chain[FND_DIGEST_SIZE];
    enum fnd_status status = fnd_step_get(reader, work->job, &step, error);
    status = status != FND_OK ? status : fnd_request_get(reader, work->request, &request, error);
    status = status != FND_OK ? status : fnd_request_of(reader, work->job, &request, error);
    status = status != FND_OK ? status : fnd_event_get(reader, 3, &event, error);
    status = status != FND_OK ? status : fnd_reader_head(reader, &head, chain, error);
    status = status != FND_OK ? status : fnd_steps_due(reader, &due_us, error);
    status = status != FND_OK ? status : fnd_jobs_count(reader, NULL, counts, error);
    status = status != FND_OK ? status : fnd_payload_get(reader, 3, &body, NULL, error);
    status = status != FND_OK ? status : fnd_pin_latest(reader, "invoice", &pin, error);
    status = status != FND_OK ? status : fnd_job_get(reader, work->job, &job, error);
    if (status == FND_OK) {
        fnd_job_row_finish(&job);
        status = fnd_job_name(reader, "b.png", &job, error);
    }
    if (status == FND_OK) {
        cr_expect_eq(job.id, work->job);
        cr_expect_eq(counts[FND_PAUSED], 1);
        cr_expect_eq(counts[FND_COMPLETED], 1);
        cr_expect_gt(head, work->request - 1);
    }
    fnd_job_row_finish(&job);
    free(pin.pipeline);
    fnd_text_finish(&body);
    return status;
}

static enum fnd_status walk_rows(struct work *work, struct fnd_reader *reader,
                                 struct fnd_error *error)
{
    const struct fnd_walk walk = {.limit = 100};
    const struct fnd_job_filter all = {.state = -1};
    size_t steps = 0, requests = 0, corrections = 0, jobs = 0, events = 0;
    enum fnd_status status = fnd_steps_walk(reader, FND_PAUSED, &walk, more_steps, &steps, error);
    if (status == FND_OK) {
        status =
            fnd_requests_walk(reader, FND_REQUEST_OPEN, &walk, more_requests, &requests, error);
    }
    if (status == FND_OK) {
        status = fnd_corrections_walk(reader, &walk, more_corrections, &corrections, error);
    }
    if (status == FND_OK) {
        status = fnd_jobs_walk(reader, &all, &walk, more_jobs, &jobs, error);
    }
    if (status == FND_OK) {
        status = fnd_events_walk(reader, work->job, &walk, more_events, &events, error);
    }
    if (status == FND_OK) {
        status = fnd_events_walk(reader, 0, &walk, more_events, &events, error);
    }
    if (status == FND_OK) { /* never fewer rows than there are, without a word */
        cr_expect_eq(steps, 1);
        cr_expect_eq(requests, 1);
        cr_expect_eq(corrections, 1);
        cr_expect_eq(jobs, 2);
        cr_expect_gt(events, 10);
    }
    return status;
}

static enum fnd_status act_read(struct work *work, struct fnd_error *error)
{
    struct fnd_reader *reader = NULL;
    enum fnd_status status = fnd_reader_open(work->scene.directory, &reader, error);
    if (status != FND_OK) {
        cr_expect_null(reader);
        return status;
    }
    status = fnd_reader_begin(reader, error);
    if (status == FND_OK) {
        status = read_rows(work, reader, error);
        fnd_reader_end(reader);
    }
    if (status == FND_OK) {
        status = walk_rows(work, reader, error);
    }
    fnd_reader_close(reader);
    return status;
}

Test(failing, calls_of_reading, .timeout = 900)
{
    swept(&(struct act){"read", NULL, act_read, NULL}, 40);
}

static enum fnd_status act_verify(struct work *work, struct fnd_error *error)
{
    struct fnd_verify result;
    const enum fnd_status status = fnd_store_verify(work->scene.reader, &result, NULL, NULL, error);
    if (status == FND_OK && result.flaws > 0) { /* that something could not be read is one */
        return fnd_error_set(error, FND_DAMAGED, "verify found %" PRId64 " flaws", result.flaws);
    }
    return status;
}

Test(failing, calls_of_verifying, .timeout = 900)
{
    swept(&(struct act){"verify", NULL, act_verify, NULL}, 40);
}

/* --- copying and cleaning -------------------------------------------------------------------- */

static enum fnd_status act_backup(struct work *work, struct fnd_error *error)
{
    struct fnd_backup result;
    char target[PATH_SIZE];
    (void)snprintf(target, sizeof target, "%.*s/copy", PATH_SIZE - 16, work->scene.directory);
    return fnd_store_backup(work->scene.reader, target, &result, error);
}

/** The copy is whole, or there is none, nor half of one. */
static void again_backup(struct work *work, enum fnd_status status)
{
    struct scene copy = {0};
    char command[PATH_SIZE + 64];
    (void)snprintf(copy.directory, sizeof copy.directory, "%.*s/copy", PATH_SIZE - 16,
                   work->scene.directory);
    const bool there = access(copy.directory, F_OK) == 0;
    cr_expect(there || status != FND_OK, "try %d: a backup is not there", work->number);
    if (there) {
        whole(&copy, "a backup");
        (void)snprintf(command, sizeof command, "ls '%s'/.foundry/plugins/*.so > /dev/null",
                       copy.directory);
        cr_expect_eq(system(command), 0, "try %d: a backup without the plugin", work->number);
        fnd_reader_close(copy.reader);
        (void)snprintf(command, sizeof command, "rm -r '%s'", copy.directory);
        cr_assert_eq(system(command), 0);
    }
    (void)snprintf(command, sizeof command, "test \"$(ls -A '%s')\" = .foundry",
                   work->scene.directory);
    cr_expect_eq(system(command), 0, "try %d (%s) left something", work->number,
                 fnd_status_name(status));
}

Test(failing, calls_of_a_backup, .timeout = 900)
{
    swept(&(struct act){"backup", NULL, act_backup, again_backup}, 60);
}

static void found_count(const char *file, uint64_t size, const char *why, void *context)
{
    cr_expect(file[0] != '\0' && why[0] != '\0' && size > 0);
    ++*(int64_t *)context;
}

static void orphans_make(struct work *work)
{
    static const char *const names[] = {"artifacts/tmp-0123", "plugins/tmp-4567"};
    struct fnd_artifact put;
    uint8_t hash[FND_DIGEST_SIZE];
    cr_assert_eq(fnd_artifact_put(work->scene.store, "orphan", 6, &put, NULL), FND_OK);
    before_content(work);
    cr_assert_eq(fnd_plugin_keep(work->scene.store, work->content, hash, NULL), FND_OK);
    (void)close(work->content);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[PATH_SIZE];
        const int file = open(scene_file(&work->scene, names[i], path), O_WRONLY | O_CREAT, 0600);
        cr_assert_geq(file, 0, "%s", path);
        cr_assert_eq(write(file, "x", 1), 1);
        (void)close(file);
    }
}

static enum fnd_status act_gc(struct work *work, struct fnd_error *error)
{
    struct fnd_gc result;
    int64_t found = 0;
    return fnd_store_gc(work->scene.store, work->scene.reader, false, found_count, &found, &result,
                        error);
}

/** What nobody names is gone behind a gc that nothing disturbs. */
static void again_gc(struct work *work, enum fnd_status status)
{
    struct fnd_gc result;
    struct fnd_error error = {0};
    char command[2 * PATH_SIZE];
    (void)status;
    scene_read(&work->scene);
    cr_expect_eq(
        fnd_store_gc(work->scene.store, work->scene.reader, false, NULL, NULL, &result, &error),
        FND_OK, "%s", error.message);
    (void)snprintf(command, sizeof command,
                   "test -z \"$(cd '%.3000s/.foundry' && find artifacts plugins -type f)\""
                   "",
                   work->scene.directory);
    cr_expect_eq(system(command), 0, "try %d", work->number);
}

Test(failing, calls_of_cleaning, .timeout = 900)
{
    const struct act act = {"gc", orphans_make, act_gc, again_gc};
    struct work work;
    struct fnd_gc result;
    int64_t found = 0;
    work_begin(&work);
    orphans_make(&work);
    cr_assert_eq(
        fnd_store_gc(work.scene.store, work.scene.reader, true, found_count, &found, &result, NULL),
        FND_OK);
    cr_expect_eq(found, 5);
    cr_expect_eq(result.artifacts, 2, "and what the scene has");
    cr_expect_eq(result.plugins, 1);
    cr_expect_eq(result.temporaries, 2);
    scene_end(&work.scene);
    swept(&act, 20);
}
