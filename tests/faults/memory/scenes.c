/* SPDX-License-Identifier: MIT */
/* Scenes over a job directory: opened, pinned, run, answered, exported, verified, asked of. */
#define _GNU_SOURCE /* memfd_create, strcasestr */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "control/control.h"
#include "dataset/dataset.h"
#include "memory.h"
#include "review/review.h"
#include "store/verify.h"

enum { JOBS = 3, TURNS_MAX = 10000 };

/** A directory with an engine over it. */
struct desk {
    char jobs[256], pipeline[256], plugins[256], bad[256];
    struct fnd_engine_options options;
    struct fnd_engine *engine;
    int64_t pin, excused;
    struct fnd_text told; /* how the jobs stand */
};

void run_wrong(struct run *run, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (run->wrong.size == 0) {
        fnd_text_vprintf(&run->wrong, format, arguments);
    }
    va_end(arguments);
}

static void desk_make(struct desk *desk, const char *place, enum fnd_isolation isolation)
{
    *desk = (struct desk){0};
    snprintf(desk->jobs, sizeof desk->jobs, "%s/jobs", place);
    snprintf(desk->pipeline, sizeof desk->pipeline, "%s/pipeline.yaml", place);
    snprintf(desk->plugins, sizeof desk->plugins, "%s/plugins", place);
    snprintf(desk->bad, sizeof desk->bad, "%s/bad.yaml", place);
    desk->options = (struct fnd_engine_options){.env = fnd_env_system(),
                                                .directory = desk->jobs,
                                                .kinds = fnd_review_kinds(),
                                                .store = {.create = true},
                                                .plugin_path = desk->plugins,
                                                .worker_program = getenv("FOUNDRY_WORKER"),
                                                .isolation = isolation,
                                                .workers_max = 1};
}

static enum fnd_status desk_open(struct desk *desk, struct fnd_error *error)
{
    return fnd_engine_open(&desk->options, &desk->engine, error);
}

static enum fnd_status desk_pin(struct desk *desk, const char *file, struct fnd_errors *errors,
                                struct fnd_error *error)
{
    struct fnd_text source = {0};
    const char *const settings[] = {"times=4", NULL};
    const enum fnd_status status =
        fnd_engine_pin(desk->engine, file, settings, &desk->pin, errors, &source);
    if (status != FND_OK && errors->count > 0) {
        *error = errors->list[errors->count - 1];
    }
    fnd_text_finish(&source);
    return status;
}

static void refused_keep(void *context, const struct fnd_error *error)
{
    *(struct fnd_error *)context = *error;
}

/** Resume, take in, and turn until nothing moves. An input that was refused is an error, too. */
static enum fnd_status desk_run(struct desk *desk, struct fnd_error *error)
{
    struct fnd_ingest counts = {0};
    struct fnd_error refused = {0};
    enum fnd_status status = fnd_engine_resume(desk->engine, NULL, error);
    if (status == FND_OK) {
        status = fnd_engine_ingest(desk->engine, desk->pin, false, &counts, refused_keep, &refused,
                                   error);
    }
    if (status == FND_OK) {
        status = fnd_engine_run(desk->engine, NULL, error);
    }
    if (status == FND_OK && counts.refused > 0) {
        *error = refused;
        return refused.status;
    }
    return status;
}

/** Open and pin before anything fails. */
static void desk_begin(struct desk *desk, struct run *run, enum fnd_isolation isolation)
{
    struct fnd_errors errors = {0};
    desk_make(desk, run->place, isolation);
    if (desk_open(desk, &run->error) != FND_OK ||
        desk_pin(desk, desk->pipeline, &errors, &run->error) != FND_OK) {
        run_wrong(run, "the scene cannot begin: %s", run->error.message);
    }
}

/** What became of the jobs, by state. */
static void desk_count(struct desk *desk, int64_t counts[FND_CANCELLED + 1])
{
    memset(counts, 0, (FND_CANCELLED + 1) * sizeof *counts);
    fnd_jobs_count(fnd_engine_reader(desk->engine), NULL, counts, NULL);
}

/** Whether a job that has not come as far as the others says that it was for want of memory. */
static bool job_excused(const struct fnd_job_row *job, const struct fnd_step_row *step,
                        void *context)
{
    (void)job;
    struct desk *desk = context;
    struct fnd_text body = {0};
    fnd_payload_get(fnd_engine_reader(desk->engine), step->event, &body, NULL, NULL);
    const char *text = fnd_text_z(&body);
    fnd_text_printf(&desk->told, "\n  job %" PRId64 " is %s: %.300s", step->id,
                    fnd_state_name(step->stand.state), text);
    desk->excused += strcasestr(text, "memory") != NULL || strstr(text, strerror(EAGAIN)) != NULL;
    fnd_text_finish(&body);
    return true;
}

static void expect_jobs(struct run *run, struct desk *desk, enum fnd_state state, int64_t wanted)
{
    int64_t counts[FND_CANCELLED + 1];
    desk_count(desk, counts);
    const struct fnd_walk walk = {0, 2 * JOBS};
    const struct fnd_job_filter filter = {NULL, -1};
    desk->excused = 0;
    fnd_jobs_walk(fnd_engine_reader(desk->engine), &filter, &walk, job_excused, desk, NULL);
    if (run->done && counts[state] + desk->excused != wanted) {
        run_wrong(run, "it says done, and %" PRId64 " jobs are %s, not %" PRId64 ":%s",
                  counts[state], fnd_state_name(state), wanted, fnd_text_z(&desk->told));
    }
    fnd_text_finish(&desk->told);
}

static bool request_first(const struct fnd_request_row *row, void *context)
{
    *(int64_t *)context = row->id;
    return false;
}

static int64_t request_open(struct desk *desk)
{
    int64_t request = 0;
    const struct fnd_walk walk = {0, 1};
    fnd_requests_walk(fnd_engine_reader(desk->engine), FND_REQUEST_OPEN, &walk, request_first,
                      &request, NULL);
    return request;
}

static enum fnd_status request_answer(struct desk *desk, int64_t request,
                                      struct fnd_answered *answered, struct fnd_error *error)
{
    static const char values[] = "{\"/value\":\"right\"}", sure[] = "{\"\":\"I looked\"}";
    const struct fnd_answer answer = {.request = request,
                                      .act = FND_ANSWER_SET,
                                      .values = {values, sizeof values - 1},
                                      .overrides = {sure, sizeof sure - 1},
                                      .by = "ann",
                                      .seconds_ms = -1,
                                      .run = true};
    return fnd_review_answer(desk->engine, &answer, answered, error);
}

/* --- the scenes ------------------------------------------------------------------------------ */

static void act_open(struct run *run)
{
    struct desk desk;
    desk_make(&desk, run->place, FND_ISOLATION_INLINE);
    hook_arm(run->at, run->sticky);
    run->done = desk_open(&desk, &run->error) == FND_OK;
    fnd_engine_close(desk.engine);
    run->allocations = hook_disarm();
}

static void act_pin(struct run *run)
{
    struct desk desk;
    struct fnd_errors errors = {0};
    const struct fnd_pipeline *pipeline = NULL;
    desk_make(&desk, run->place, FND_ISOLATION_INLINE);
    if (desk_open(&desk, &run->error) != FND_OK) {
        run_wrong(run, "the scene cannot begin: %s", run->error.message);
        return;
    }
    hook_arm(run->at, run->sticky);
    enum fnd_status status = desk_pin(&desk, desk.pipeline, &errors, &run->error);
    if (status == FND_OK) {
        status = fnd_engine_pipeline(desk.engine, desk.pin, &pipeline, &run->error);
    }
    run->allocations = hook_disarm();
    run->done = status == FND_OK;
    if (run->done && pipeline->phases_count != 3) {
        run_wrong(run, "the pipeline has %zu phases", pipeline->phases_count);
    }
    fnd_engine_close(desk.engine);
}

/** A file with many mistakes: its errors are all there, or there was no memory for them. */
static void act_bad_pipeline(struct run *run)
{
    struct desk desk;
    struct fnd_errors errors = {0}, whole = {0};
    desk_make(&desk, run->place, FND_ISOLATION_INLINE);
    if (desk_open(&desk, &run->error) != FND_OK) {
        run_wrong(run, "the scene cannot begin: %s", run->error.message);
        return;
    }
    desk_pin(&desk, desk.bad, &whole, &run->error);
    hook_arm(run->at, run->sticky);
    const enum fnd_status status = desk_pin(&desk, desk.bad, &errors, &run->error);
    run->allocations = hook_disarm();
    run->done = status == FND_INVALID && errors.count == whole.count;
    for (size_t i = 0; i < errors.count && !run->done; i++) {
        const bool tells = strcasestr(errors.list[i].message, "memory") != NULL;
        run->error = tells ? errors.list[i] : run->error;
    }
    if (status == FND_OK || whole.count < 6) {
        run_wrong(run, "of a wrong pipeline %zu mistakes were found", whole.count);
    }
    fnd_engine_close(desk.engine);
}

static void run_to_pause(struct run *run, enum fnd_isolation isolation)
{
    struct desk desk;
    desk_begin(&desk, run, isolation);
    hook_arm(run->at, run->sticky);
    run->done = run->wrong.size == 0 && desk_run(&desk, &run->error) == FND_OK;
    run->allocations = hook_disarm();
    expect_jobs(run, &desk, FND_PAUSED, JOBS);
    fnd_engine_close(desk.engine);
}

static void act_run(struct run *run)
{
    run_to_pause(run, FND_ISOLATION_INLINE);
}

static void act_run_worker(struct run *run)
{
    run_to_pause(run, FND_ISOLATION_PROCESS);
}

static void act_answer(struct run *run)
{
    struct desk desk;
    struct fnd_answered answered = {0};
    desk_begin(&desk, run, FND_ISOLATION_INLINE);
    const int64_t request = request_open(&desk);
    hook_arm(run->at, run->sticky);
    enum fnd_status status = request_answer(&desk, request, &answered, &run->error);
    if (status == FND_OK) {
        status = fnd_engine_run(desk.engine, NULL, &run->error);
    }
    fnd_answered_finish(&answered);
    run->allocations = hook_disarm();
    run->done = status == FND_OK;
    expect_jobs(run, &desk, FND_COMPLETED, 1);
    fnd_engine_close(desk.engine);
}

static void act_cancel_retry(struct run *run)
{
    struct desk desk;
    struct fnd_request_row request;
    desk_begin(&desk, run, FND_ISOLATION_INLINE);
    fnd_request_get(fnd_engine_reader(desk.engine), request_open(&desk), &request, NULL);
    hook_arm(run->at, run->sticky);
    enum fnd_status status =
        fnd_engine_cancel(desk.engine, request.step, "ann", "no need", &run->error);
    if (status == FND_OK) {
        status = fnd_engine_retry(desk.engine, request.step, "read", true, "ann", &run->error);
    }
    if (status == FND_OK) {
        status = fnd_engine_run(desk.engine, NULL, &run->error);
    }
    run->allocations = hook_disarm();
    run->done = status == FND_OK;
    expect_jobs(run, &desk, FND_PAUSED, JOBS);
    fnd_engine_close(desk.engine);
}

/** What an export says of its lines as it goes; the error behind it counts them. */
static void note_keep(void *context, const struct fnd_dataset_note *note)
{
    snprintf(context, FND_ERROR_MESSAGE_SIZE, "%s", note->message);
}

static void act_export(struct run *run)
{
    struct desk desk;
    struct fnd_export_result result = {0};
    char note[FND_ERROR_MESSAGE_SIZE] = "";
    int fd = memfd_create("export", MFD_CLOEXEC);
    const struct fnd_export_options options = {
        .format = "foundry", .out = "-", .fd = fd, .said = note_keep, .context = note};
    desk_begin(&desk, run, FND_ISOLATION_INLINE);
    hook_arm(run->at, run->sticky);
    run->done = fnd_dataset_export(fnd_engine_reader(desk.engine), fnd_engine_store(desk.engine),
                                   &options, &result, &run->error) == FND_OK;
    run->allocations = hook_disarm();
    if (!run->done && note[0] != '\0') {
        fnd_error_prefix(&run->error, "%s", note);
    }
    if (run->done && result.lines != JOBS) {
        run_wrong(run, "it says done, and exported %zu lines", result.lines);
    }
    fnd_export_result_finish(&result);
    close(fd);
    fnd_engine_close(desk.engine);
}

static void flaw_keep(const char *sentence, void *context)
{
    fnd_text_printf(context, "%s; ", sentence);
}

static void act_verify(struct run *run)
{
    struct desk desk;
    struct fnd_reader *reader = NULL;
    struct fnd_verify result = {0};
    char flaws[4096] = "";
    struct fnd_text sentences = {0};
    desk_make(&desk, run->place, FND_ISOLATION_INLINE);
    hook_arm(run->at, run->sticky);
    enum fnd_status status = fnd_reader_open(desk.jobs, &reader, &run->error);
    if (status == FND_OK) {
        status = fnd_store_verify(reader, &result, flaw_keep, &sentences, &run->error);
    }
    run->allocations = hook_disarm();
    run->done = status == FND_OK;
    snprintf(flaws, sizeof flaws, "%s", fnd_text_z(&sentences));
    if (run->done && result.flaws > 0 && strstr(flaws, "memory") == NULL) {
        run_wrong(run, "verify found what is not there: %s", flaws);
    }
    fnd_text_finish(&sentences);
    fnd_reader_close(reader);
}

static bool job_count(const struct fnd_job_row *job, const struct fnd_step_row *step, void *context)
{
    (void)step;
    *(size_t *)context += job->path != NULL;
    return true;
}

static void act_read(struct run *run)
{
    struct desk desk;
    struct fnd_reader *reader = NULL;
    struct fnd_text card = {0}, record = {0};
    struct fnd_job_row job = {0};
    size_t jobs = 0;
    const struct fnd_walk walk = {0, 100};
    const struct fnd_job_filter filter = {NULL, -1};
    int64_t request = 0;
    desk_make(&desk, run->place, FND_ISOLATION_INLINE);
    hook_arm(run->at, run->sticky);
    enum fnd_status status = fnd_reader_open(desk.jobs, &reader, &run->error);
    status = status == FND_OK ? fnd_jobs_walk(reader, &filter, &walk, job_count, &jobs, &run->error)
                              : status;
    status = status == FND_OK ? fnd_requests_walk(reader, FND_REQUEST_OPEN, &walk, request_first,
                                                  &request, &run->error)
                              : status;
    status =
        status == FND_OK ? fnd_review_request_json(reader, request, &card, &run->error) : status;
    status = status == FND_OK ? fnd_job_name(reader, "a.txt", &job, &run->error) : status;
    run->allocations = hook_disarm();
    run->done = status == FND_OK;
    if (run->done && (jobs != JOBS || strstr(fnd_text_z(&card), "\"questions\"") == NULL)) {
        run_wrong(run, "%zu jobs were listed, and the card is %s", jobs, fnd_text_z(&card));
    }
    fnd_job_row_finish(&job);
    fnd_text_finish(&card);
    fnd_text_finish(&record);
    fnd_reader_close(reader);
}

/* --- requests of other processes -------------------------------------------------------------- */

static void line_keep(void *context, struct fnd_json line)
{
    fnd_text_append(context, line.bytes, line.size);
    fnd_text_append_byte(context, '\n');
}

static void act_control(struct run *run)
{
    struct desk desk;
    char request[256];
    struct fnd_text lines = {0};
    desk_begin(&desk, run, FND_ISOLATION_INLINE);
    struct fnd_control *control = fnd_control_create(fnd_env_system(), NULL);
    fnd_control_attach(control, desk.engine);
    snprintf(request, sizeof request,
             "{\"op\":\"answer\",\"request\":%" PRId64 ",\"by\":\"ann\",\"values\":{\"/value\":"
             "\"right\"},\"overrides\":{\"\":\"I looked\"}}",
             request_open(&desk));
    hook_arm(run->at, run->sticky);
    fnd_control_local(control, request, strlen(request), line_keep, &lines);
    enum fnd_status status = FND_OK;
    for (int i = 0; i < TURNS_MAX && strstr(fnd_text_z(&lines), "\"end\"") == NULL; i++) {
        status = fnd_engine_turn(desk.engine, &run->error);
        fnd_control_turn(control);
    }
    run->allocations = hook_disarm();
    run->done = strstr(fnd_text_z(&lines), "\"status\":\"ok\"") != NULL;
    if (!run->done && status == FND_OK) {
        fnd_error_set(&run->error, FND_IO, "%s", fnd_text_z(&lines));
    }
    fnd_control_stop(control);
    fnd_control_destroy(control);
    fnd_text_finish(&lines);
    fnd_engine_close(desk.engine);
}

const struct scene *scenes(void)
{
    static const struct scene list[] = {
        {"json", TEMPLATE_NONE, false, act_json},
        {"schema", TEMPLATE_NONE, false, act_schema},
        {"tree", TEMPLATE_NONE, false, act_tree},
        {"wire", TEMPLATE_NONE, false, act_codec},
        {"open a new one", TEMPLATE_INPUTS, false, act_open},
        {"open", TEMPLATE_DONE, false, act_open},
        {"pin", TEMPLATE_INPUTS, false, act_pin},
        {"bad pipeline", TEMPLATE_INPUTS, false, act_bad_pipeline},
        {"run in line", TEMPLATE_INPUTS, false, act_run},
        {"run in a worker", TEMPLATE_INPUTS, true, act_run_worker},
        {"answer", TEMPLATE_PAUSED, false, act_answer},
        {"cancel and retry", TEMPLATE_PAUSED, false, act_cancel_retry},
        {"control request", TEMPLATE_PAUSED, false, act_control},
        {"read", TEMPLATE_PAUSED, false, act_read},
        {"export", TEMPLATE_DONE, false, act_export},
        {"verify", TEMPLATE_DONE, false, act_verify},
        {NULL, TEMPLATE_NONE, false, NULL}};
    return list;
}

/* --- before and behind ------------------------------------------------------------------------ */

static enum fnd_status answer_all(struct desk *desk, struct fnd_error *error)
{
    enum fnd_status status = FND_OK;
    for (int64_t request; status == FND_OK && (request = request_open(desk)) != 0;) {
        struct fnd_answered answered = {0};
        status = request_answer(desk, request, &answered, error);
        fnd_answered_finish(&answered);
    }
    return status == FND_OK ? fnd_engine_run(desk->engine, NULL, error) : status;
}

void scenes_prepare(const char *place, enum template template)
{
    struct desk desk;
    struct run run = {.place = place};
    if (template <TEMPLATE_PAUSED) {
        return;
    }
    desk_begin(&desk, &run, FND_ISOLATION_INLINE);
    enum fnd_status status = desk_run(&desk, &run.error);
    if (status == FND_OK && template == TEMPLATE_DONE) {
        status = answer_all(&desk, &run.error);
    }
    run.done = true;
    expect_jobs(&run, &desk, template == TEMPLATE_DONE ? FND_COMPLETED : FND_PAUSED, JOBS);
    if (status != FND_OK || run.wrong.size > 0) {
        fprintf(stderr, "memory: cannot prepare %s: %s%s\n", place, run.error.message,
                fnd_text_z(&run.wrong));
        abort();
    }
    fnd_engine_close(desk.engine);
}

static bool job_again(const struct fnd_job_row *job, const struct fnd_step_row *step, void *context)
{
    (void)job;
    *(int64_t *)context = step->stand.state == FND_COMPLETED ? *(int64_t *)context : step->id;
    return true;
}

/** Jobs that a scene left failed or cancelled are told to go on. */
static enum fnd_status retry_all(struct desk *desk, struct fnd_error *error)
{
    static const int states[] = {FND_FAILED, FND_CANCELLED};
    for (size_t i = 0; i < 2 * JOBS; i++) {
        const struct fnd_walk walk = {0, 1};
        const struct fnd_job_filter filter = {NULL, states[i % 2]};
        int64_t job = 0;
        fnd_jobs_walk(fnd_engine_reader(desk->engine), &filter, &walk, job_again, &job, NULL);
        if (job != 0 && fnd_engine_retry(desk->engine, job, NULL, true, "ann", error) != FND_OK) {
            return error->status;
        }
    }
    return fnd_engine_run(desk->engine, NULL, error);
}

bool scenes_finish(const char *place, struct fnd_text *wrong)
{
    struct desk desk;
    struct run run = {.place = place};
    struct fnd_verify verified = {0};
    desk_begin(&desk, &run, FND_ISOLATION_INLINE);
    if (run.wrong.size > 0) {
        fnd_text_append(wrong, run.wrong.bytes, run.wrong.size);
        fnd_text_finish(&run.wrong);
        fnd_engine_close(desk.engine);
        return false;
    }
    enum fnd_status status = desk_run(&desk, &run.error);
    status = status == FND_OK ? retry_all(&desk, &run.error) : status;
    status = status == FND_OK ? answer_all(&desk, &run.error) : status;
    run.done = true;
    expect_jobs(&run, &desk, FND_COMPLETED, JOBS);
    fnd_text_append_z(wrong, status != FND_OK ? run.error.message : fnd_text_z(&run.wrong));
    if (fnd_store_verify(fnd_engine_reader(desk.engine), &verified, flaw_keep, wrong, &run.error) !=
        FND_OK) {
        fnd_text_append_z(wrong, run.error.message);
    }
    fnd_text_finish(&run.wrong);
    fnd_engine_close(desk.engine);
    return wrong->size == 0;
}
