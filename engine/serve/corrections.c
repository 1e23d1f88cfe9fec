/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "review/review.h"
#include "serve/internal.h"

struct listing {
    struct directory *directory, *at; /* looked at; of the last row shown */
    struct fnd_reader *reader;
    struct fnd_text *out;
    char *pipeline;
    size_t count, limit;
    int64_t last;
    enum fnd_status status;
    struct fnd_error error;
};

static enum fnd_status append(struct directory *directory, struct fnd_reader *reader,
                              int64_t number, struct fnd_text *out, struct fnd_error *error)
{
    struct fnd_text text = {0};
    enum fnd_status status = fnd_review_record_json(reader, number, &text, error);
    if (status == FND_OK && text.size > 2) {
        fnd_text_printf(out, "{\"id\":\"%s-%" PRId64 "\"", directory->tag, number);
        json_text(out, "directory", directory->name);
        fnd_text_append_byte(out, ',');
        fnd_text_append(out, text.bytes + 1, text.size - 1);
    }
    fnd_text_finish(&text);
    return status;
}

static bool list_row(const struct fnd_correction_row *row, void *context)
{
    struct listing *listing = context;
    if (listing->pipeline != NULL) {
        struct fnd_step_row step;
        struct fnd_job_row job = {0};
        bool good = fnd_step_get(listing->reader, row->step, &step, NULL) == FND_OK &&
                    fnd_job_get(listing->reader, step.job, &job, NULL) == FND_OK &&
                    strcmp(job.pipeline, listing->pipeline) == 0;
        fnd_job_row_finish(&job);
        if (!good) {
            return true;
        }
    }
    if (listing->count == listing->limit) {
        listing->count++;
        return false;
    }
    fnd_text_append_z(listing->out, listing->count > 0 ? "," : "");
    listing->status =
        append(listing->directory, listing->reader, row->id, listing->out, &listing->error);
    listing->count++;
    listing->last = row->id;
    listing->at = listing->directory;
    return listing->status == FND_OK;
}

void corrections_list(struct request *request)
{
    struct fnd_serve *serve = request->serve;
    struct page page;
    size_t first, last;
    if (!page_read(request, &page) || !directories_asked(request, &first, &last)) {
        return;
    }
    struct listing listing = {
        .out = &request->out, .limit = page.limit, .pipeline = request_query(request, "pipeline")};
    fnd_text_append_z(&request->out, "{\"items\":[");
    for (size_t i = first < page.directory ? page.directory : first;
         i < last && listing.status == FND_OK && listing.count <= listing.limit; i++) {
        struct spare *spare = NULL;
        struct fnd_walk walk = {.after = i == page.directory ? page.after : 0,
                                .limit = listing.pipeline != NULL ? SIZE_MAX / 2 : page.limit + 1};
        listing.directory = &serve->directories[i];
        listing.status = directory_reader(listing.directory, &spare, &listing.error);
        if (listing.status == FND_OK) {
            listing.reader = spare->reader;
            enum fnd_status status =
                fnd_corrections_walk(spare->reader, &walk, list_row, &listing, &listing.error);
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
    free(listing.pipeline);
}

void corrections_get(struct request *request)
{
    struct directory *directory = NULL;
    struct spare *spare = NULL;
    struct fnd_error error = {0};
    struct fnd_correction_row row;
    int64_t number;
    if (!number_id(request, request->match.parts[0], "correction", &directory, &number)) {
        return;
    }
    enum fnd_status status = directory_reader(directory, &spare, &error);
    if (status == FND_OK) {
        status = fnd_correction_get(spare->reader, number, &row, &error);
    }
    if (status == FND_OK) {
        status = append(directory, spare->reader, number, &request->out, &error);
    }
    directory_release(directory, spare);
    if (status == FND_OK) {
        reply_json(request, 200);
    } else {
        reply_error(request, &error);
    }
}
