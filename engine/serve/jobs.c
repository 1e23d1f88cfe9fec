/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "serve/internal.h"
#include "serve/upload.h"

/* --- lists ----------------------------------------------------------------------------------- */

struct listing {
    struct directory *directory, *at; /* looked at; of the last row shown */
    struct fnd_reader *reader;
    struct fnd_text *out;
    const char *path; /* only these; NULL: all */
    size_t count, limit;
    int64_t last;
    enum fnd_status status;
    struct fnd_error error;
};

static bool list_row(const struct fnd_job_row *job, const struct fnd_step_row *step, void *context)
{
    struct listing *listing = context;
    if (listing->path != NULL && strstr(job->path, listing->path) == NULL) {
        return true;
    }
    if (listing->count == listing->limit) {
        listing->count++; /* there is more */
        return false;
    }
    fnd_text_append_z(listing->out, listing->count > 0 ? "," : "");
    listing->status =
        job_json(listing->directory, listing->reader, job, step, listing->out, &listing->error);
    fnd_text_append_byte(listing->out, '}');
    listing->count++;
    listing->last = job->id;
    listing->at = listing->directory;
    return listing->status == FND_OK;
}

/* The state of `?state=`, -1 for none; false: the refusal is the reply. */
static bool state_asked(struct request *request, int *state)
{
    char *name = request_query(request, "state");
    *state = -1;
    for (int i = FND_QUEUED; name != NULL && i <= FND_CANCELLED; i++) {
        *state = strcmp(name, fnd_state_name((enum fnd_state)i)) == 0 ? i : *state;
    }
    bool good = name == NULL || *state >= 0;
    if (!good) {
        reply_problem(request, 422, "bad_state",
                      "state is one of queued, running, retrying, paused, completed, failed, "
                      "cancelled");
    }
    free(name);
    return good;
}

void jobs_list(struct request *request)
{
    struct fnd_serve *serve = request->serve;
    struct page page;
    size_t first, last;
    int state;
    if (!page_read(request, &page) || !directories_asked(request, &first, &last) ||
        !state_asked(request, &state)) {
        return;
    }
    char *pipeline = request_query(request, "pipeline"), *path = request_query(request, "path");
    struct listing listing = {.out = &request->out, .path = path, .limit = page.limit};
    fnd_text_append_z(&request->out, "{\"items\":[");
    for (size_t i = first < page.directory ? page.directory : first;
         i < last && listing.status == FND_OK && listing.count <= listing.limit; i++) {
        struct spare *spare = NULL;
        struct fnd_job_filter filter = {.pipeline = pipeline, .state = state};
        /* With a path a page may have to look at more rows than it shows. */
        struct fnd_walk walk = {.after = i == page.directory ? page.after : 0,
                                .limit = path != NULL ? SIZE_MAX / 2 : page.limit + 1};
        listing.directory = &serve->directories[i];
        listing.status = directory_reader(listing.directory, &spare, &listing.error);
        if (listing.status == FND_OK) {
            listing.reader = spare->reader;
            enum fnd_status status =
                fnd_jobs_walk(spare->reader, &filter, &walk, list_row, &listing, &listing.error);
            listing.status = listing.status == FND_OK ? status : listing.status;
        }
        directory_release(listing.directory, spare);
    }
    if (listing.status == FND_OK) {
        page_end(&request->out, listing.count > listing.limit, listing.at, listing.last);
        reply_json(request, 200);
    } else {
        reply_error(request, &listing.error);
    }
    free(pipeline);
    free(path);
}

/* --- one ------------------------------------------------------------------------------------- */

static enum fnd_status outputs_json(struct directory *directory, struct fnd_reader *reader,
                                    const struct fnd_step_row *step, struct fnd_text *json,
                                    struct fnd_error *error)
{
    const struct pin_view *pin = directory_pin(directory, reader, step->pin);
    struct fnd_text output = {0}, last = {0};
    enum fnd_status status = FND_OK;
    bool any = false;
    fnd_text_append_z(json, ",\"outputs\":{");
    for (size_t i = 0; i < step->outputs_count && status == FND_OK; i++) {
        const char *phase = pin_phase(pin, (int32_t)i);
        if (step->outputs[i] == 0 || phase == NULL) {
            continue;
        }
        fnd_text_clear(&output);
        status = fnd_payload_get(reader, step->outputs[i], &output, NULL, error);
        if (status == FND_OK && output.size > 0) {
            fnd_text_append_z(json, any ? "," : "");
            fnd_text_append_json_z(json, phase);
            fnd_text_append_byte(json, ':');
            fnd_text_append(json, output.bytes, output.size);
            any = true;
            fnd_text_clear(&last);
            fnd_text_append(&last, output.bytes, output.size);
        }
    }
    fnd_text_append_z(json, "},\"result\":");
    bool whole = step->stand.state == FND_COMPLETED && last.size > 0;
    fnd_text_append_z(json, whole ? fnd_text_z(&last) : "null");
    fnd_text_finish(&output);
    fnd_text_finish(&last);
    return status;
}

static enum fnd_status whole_job(struct directory *directory, struct fnd_reader *reader,
                                 const struct fnd_job_row *job, struct fnd_text *json,
                                 enum fnd_state *state, struct fnd_error *error)
{
    struct fnd_step_row step;
    enum fnd_status status = fnd_step_get(reader, job->id, &step, error);
    if (status == FND_OK) {
        *state = step.stand.state;
        status = job_json(directory, reader, job, &step, json, error);
    }
    if (status == FND_OK) {
        status = outputs_json(directory, reader, &step, json, error);
    }
    if (status == FND_OK) {
        status = job_timeline(directory, reader, job, &step, json, error);
    }
    if (status == FND_OK) {
        status = job_artifacts(directory, reader, job, &step, json, error);
    }
    fnd_text_append_byte(json, '}');
    return status;
}

void jobs_get(struct request *request)
{
    struct directory *directory = NULL;
    struct spare *spare = NULL;
    struct fnd_job_row job = {0};
    struct fnd_error error = {0};
    enum fnd_state state = FND_QUEUED;
    if (!job_of_id(request, request->match.parts[0], &directory, &spare, &job)) {
        return;
    }
    /* One snapshot: state, outputs and timeline must tell the same story. */
    enum fnd_status status = fnd_reader_begin(spare->reader, &error);
    if (status == FND_OK) {
        status = whole_job(directory, spare->reader, &job, &request->out, &state, &error);
        fnd_reader_end(spare->reader);
    }
    directory_release(directory, spare);
    fnd_job_row_finish(&job);
    if (status != FND_OK) {
        reply_error(request, &error);
        return;
    }
    if (state <= FND_RETRYING) {
        reply_header(request, "Retry-After", "1");
    }
    reply_json(request, 200);
}

/* --- acts on one ----------------------------------------------------------------------------- */

/* Reply with the job as it stands, by its number. */
static void reply_job(struct request *request, unsigned http_status)
{
    struct directory *directory = request->directory;
    struct spare *spare = NULL;
    struct fnd_job_row job = {0};
    struct fnd_step_row step;
    struct fnd_error error = {0};
    enum fnd_status status = directory_reader(directory, &spare, &error);
    if (status == FND_OK) {
        status = fnd_job_get(spare->reader, request->number, &job, &error);
    }
    if (status == FND_OK) {
        status = fnd_step_get(spare->reader, job.id, &step, &error);
    }
    fnd_text_clear(&request->out);
    if (status == FND_OK) {
        status = job_json(directory, spare->reader, &job, &step, &request->out, &error);
        fnd_text_append_byte(&request->out, '}');
    }
    if (status == FND_OK) {
        char uuid[FND_UUID_TEXT_SIZE];
        fnd_uuid_format(job.uuid, uuid);
        reply_json(request, http_status);
        if (http_status == 202) {
            reply_header(request, "Location", "/v1/jobs/%s", uuid);
            reply_header(request, "Retry-After", "1");
        }
    } else {
        reply_error(request, &error);
    }
    directory_release(directory, spare);
    fnd_job_row_finish(&job);
}

static void acted(struct request *request, struct fnd_json end)
{
    if (reply_end(request, end)) {
        reply_job(request, 200);
    }
}

static void act_on(struct request *request, const char *op, const char *member)
{
    struct directory *directory = NULL;
    struct spare *spare = NULL;
    struct fnd_job_row job = {0};
    struct fnd_json body;
    if (!body_object(request, true, &body) ||
        !job_of_id(request, request->match.parts[0], &directory, &spare, &job)) {
        return;
    }
    struct fnd_json value = fnd_json_member(body, member);
    request->number = job.id;
    directory_release(directory, spare);
    fnd_job_row_finish(&job);
    if (value.bytes != NULL && fnd_json_type(value) != FND_JSON_STRING) {
        reply_problem(request, 422, "bad_member", "\"%s\" is a text", member);
        return;
    }
    fnd_text_printf(&request->act.request, "{\"op\":\"%s\",\"job\":%" PRId64, op, request->number);
    json_text(&request->act.request, "by", request->caller.name);
    json_member_copy(&request->act.request, member, value);
    fnd_text_append_byte(&request->act.request, '}');
    request_act(request, directory, acted);
}

void jobs_cancel(struct request *request)
{
    act_on(request, "cancel", "reason");
}

void jobs_retry(struct request *request)
{
    act_on(request, "retry", "phase");
}

/* --- a new one ------------------------------------------------------------------------------- */

static void submitted(struct request *request, struct fnd_json end)
{
    if (reply_end(request, end) &&
        fnd_json_integer(fnd_json_member(end, "job"), &request->number)) {
        reply_job(request, 202);
    }
}

void submit_value(struct request *request, struct directory *directory, const char *pipeline,
                  const char *name, const char *member, struct fnd_json value)
{
    struct fnd_text *act = &request->act.request;
    fnd_text_append_z(act, "{\"op\":\"submit\"");
    json_text(act, "pipeline", pipeline);
    json_text(act, "name", name);
    json_text(act, "key", request->key);
    json_text(act, "by", request->caller.name);
    json_member_copy(act, member, value);
    fnd_text_append_byte(act, '}');
    request_act(request, directory, submitted);
}

struct directory *submit_directory(struct request *request, const char *name)
{
    struct fnd_serve *serve = request->serve;
    for (size_t i = 0; i < serve->directories_count; i++) {
        if (name == NULL || strcmp(serve->directories[i].name, name) == 0) {
            return &serve->directories[i];
        }
    }
    reply_problem(request, 404, "no_such_directory", "there is no job directory %s here", name);
    return NULL;
}

void jobs_post(struct request *request)
{
    struct fnd_json body;
    if (request->upload != NULL) {
        upload_submit(request);
        return;
    }
    if (!body_object(request, false, &body)) {
        return;
    }
    char *pipeline = fnd_json_strdup(fnd_json_member(body, "pipeline"));
    char *where = fnd_json_strdup(fnd_json_member(body, "directory"));
    char *name = fnd_json_strdup(fnd_json_member(body, "name"));
    struct fnd_json input = fnd_json_member(body, "input");
    struct directory *directory = NULL;
    if (pipeline == NULL || input.bytes == NULL) {
        reply_problem(request, 422, "bad_member",
                      "a job needs \"pipeline\", the name of one, and \"input\", any JSON value");
    } else {
        directory = submit_directory(request, where);
    }
    if (directory != NULL) {
        submit_value(request, directory, pipeline, name, "input", input);
    }
    free(pipeline);
    free(where);
    free(name);
}
