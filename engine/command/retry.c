/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "command/commands.h"
#include "command/follow.h"
#include "command/output.h"

enum { FAILED_MAX = 1000000 };

/** The jobs to run again. */
struct retry {
    struct fnd_app *app;
    struct fnd_reader *reader;
    struct fnd_session *session;
    int64_t *jobs;
    size_t count;
};

static void add(struct retry *retry, int64_t job)
{
    retry->jobs = fnd_realloc(retry->jobs, retry->count + 1, sizeof *retry->jobs);
    retry->jobs[retry->count++] = job;
}

static bool add_failed(const struct fnd_job_row *job, const struct fnd_step_row *step,
                       void *context)
{
    (void)step;
    add(context, job->id);
    return true;
}

/* "retry --failed DIR" and "retry [DIR] JOB": a lone operand stands where JOBDIR is. */
static enum fnd_status choose(struct retry *retry, bool *usage, struct fnd_error *error)
{
    const struct fnd_arguments *arguments = &retry->app->arguments;
    bool failed = fnd_arguments_has(arguments, FND_OPTION_FAILED);
    const char *directory = arguments->operands[0], *name = arguments->operands[1];
    if (!failed && name == NULL) {
        name = directory;
        directory = NULL;
    }
    if (failed ? name != NULL : name == NULL) {
        *usage = true;
        return fnd_error_set(error, FND_INVALID,
                             "say which job to run again: JOB, or --failed for every failed one");
    }
    if (!failed && directory == NULL && fnd_directory_is(name)) {
        *usage = true;
        return fnd_error_set(error, FND_INVALID,
                             "%s is a job directory: name the job behind it, or say --failed",
                             name);
    }
    enum fnd_status status = fnd_directory_read(directory, &retry->reader, error);
    if (status == FND_OK && failed) {
        const struct fnd_job_filter filter = {
            .pipeline = fnd_arguments_value(arguments, FND_OPTION_PIPELINE), .state = FND_FAILED};
        const struct fnd_walk walk = {.limit = FAILED_MAX};
        return fnd_jobs_walk(retry->reader, &filter, &walk, add_failed, retry, error);
    }
    struct fnd_job_row job = {0};
    if (status == FND_OK) {
        status = fnd_job_named(retry->app, retry->reader, name, &job, error);
    }
    if (status == FND_OK) {
        add(retry, job.id);
    }
    fnd_job_row_finish(&job);
    return status;
}

static enum fnd_status retry_one(struct retry *retry, int64_t job, const char *by,
                                 struct fnd_error *error)
{
    const struct fnd_arguments *arguments = &retry->app->arguments;
    const char *phase = fnd_arguments_value(arguments, FND_OPTION_PHASE);
    struct fnd_text request = {0}, text = {0};
    struct fnd_json end = {0};
    fnd_text_printf(&request, "{\"op\":\"retry\",\"job\":%" PRId64 ",\"run\":%s,", job,
                    fnd_arguments_has(arguments, FND_OPTION_NO_RUN) ? "false" : "true");
    fnd_field(&request, "by", by);
    if (phase != NULL) {
        fnd_text_append_byte(&request, ',');
        fnd_field(&request, "phase", phase);
    }
    fnd_text_append_byte(&request, '}');
    enum fnd_status status =
        fnd_session_ask(retry->session, &request, NULL, NULL, &text, &end, error);
    if (status == FND_OK) {
        status = fnd_session_status(end, error);
    }
    fnd_text_finish(&request);
    fnd_text_finish(&text);
    return status;
}

static int retry_all(struct retry *retry, struct fnd_error *error)
{
    struct fnd_app *app = retry->app;
    char *by = fnd_who(app);
    enum fnd_status status = FND_OK;
    for (size_t i = 0; i < retry->count && status == FND_OK; i++) {
        status = retry_one(retry, retry->jobs[i], by, error);
    }
    free(by);
    if (status != FND_OK) {
        return fnd_fail(app, error);
    }
    if (retry->count == 0) {
        fnd_say(app, "no job has failed: nothing to do");
        return FND_EXIT_DONE;
    }
    if (fnd_arguments_has(&app->arguments, FND_OPTION_NO_RUN)) {
        fnd_say(app, "%zu queued; the next run takes them up", retry->count);
        return FND_EXIT_DONE;
    }
    return fnd_follow_jobs(app, retry->session, fnd_reader_path(retry->reader), retry->jobs,
                           retry->count);
}

int fnd_command_retry(struct fnd_app *app)
{
    struct retry retry = {.app = app};
    struct fnd_error error = {0};
    bool usage = false;
    enum fnd_status status = choose(&retry, &usage, &error);
    int code;
    if (status == FND_OK) {
        retry.session = fnd_session_create(app, fnd_reader_path(retry.reader), false, false);
        code = retry_all(&retry, &error);
    } else {
        fnd_complain(app, &error);
        code = usage ? FND_EXIT_USAGE : fnd_exit_code(status, 0);
    }
    fnd_flush(app);
    fnd_session_destroy(retry.session);
    fnd_reader_close(retry.reader);
    free(retry.jobs);
    return code;
}
