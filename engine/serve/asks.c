/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "review/review.h"
#include "serve/internal.h"
#include "store/desk.h"

enum { ETAG_SIZE = 48 };

/* --- the Ask object -------------------------------------------------------------------------- */

static void job_member(struct directory *directory, struct fnd_json job, struct fnd_text *json)
{
    struct fnd_json id = fnd_json_member(job, "id");
    fnd_text_append_z(json, ",\"job\":{\"id\":");
    fnd_text_append(json, id.bytes != NULL ? id.bytes : "null", id.bytes != NULL ? id.size : 4);
    json_member_copy(json, "path", fnd_json_member(job, "path"));
    json_member_copy(json, "pipeline", fnd_json_member(job, "pipeline"));
    json_text(json, "directory", directory->name);
    fnd_text_append_byte(json, '}');
}

/* The image with its URL: the page is given no other way to an artifact. */
static void image_member(struct fnd_json ask, struct fnd_json image, struct fnd_text *json)
{
    char *job = fnd_json_strdup(fnd_json_find(ask, "/job/id"));
    char *name = fnd_json_strdup(fnd_json_member(image, "artifact"));
    if (job == NULL || name == NULL || image.size < 2) {
        fnd_text_append_z(json, ",\"image\":null");
    } else {
        fnd_text_append_z(json, ",\"image\":");
        fnd_text_append(json, image.bytes, image.size - 1); /* without its } */
        fnd_text_printf(json, ",\"url\":\"/v1/jobs/%s/artifacts/%s\"}", job, name);
    }
    free(job);
    free(name);
}

/* What review tells of a request, with ids for numbers. */
static enum fnd_status ask_members(struct directory *directory, const struct fnd_text *told,
                                   struct fnd_text *json, struct fnd_error *error)
{
    struct fnd_json ask;
    int64_t number = 0;
    enum fnd_status status = fnd_json_check(told->bytes, told->size, "request", &ask, error);
    if (status != FND_OK) {
        return status;
    }
    fnd_json_integer(fnd_json_member(ask, "request"), &number);
    fnd_text_printf(json, "{\"id\":\"%s-%" PRId64 "\"", directory->tag, number);
    for (struct fnd_json_walk walk = fnd_json_walk(ask); fnd_json_next(&walk);) {
        if (fnd_json_text_is(walk.key, "job")) {
            job_member(directory, walk.value, json);
        } else if (fnd_json_text_is(walk.key, "image")) {
            image_member(ask, walk.value, json);
        } else if (fnd_json_text_is(walk.key, "form") &&
                   fnd_json_type(walk.value) == FND_JSON_STRING) {
            fnd_text_printf(json, ",\"form\":\"/v1/asks/%s-%" PRId64 "/form\"", directory->tag,
                            number);
        } else {
            fnd_text_append_byte(json, ',');
            fnd_text_append(json, walk.key.bytes, walk.key.size);
            fnd_text_append_byte(json, ':');
            fnd_text_append(json, walk.value.bytes, walk.value.size);
        }
    }
    fnd_text_append_byte(json, '}');
    return FND_OK;
}

enum fnd_status ask_append(struct request *request, struct directory *directory, int64_t number,
                           struct fnd_error *error)
{
    struct spare *spare = NULL;
    struct fnd_text told = {0};
    enum fnd_status status = directory_reader(directory, &spare, error);
    if (status == FND_OK) {
        status = fnd_review_ask_json(spare->reader, number, request->caller.name, &told, error);
    }
    if (status == FND_OK) {
        status = ask_members(directory, &told, &request->out, error);
    }
    directory_release(directory, spare);
    fnd_text_finish(&told);
    return status;
}

/* --- lists ----------------------------------------------------------------------------------- */

struct listing {
    struct directory *directory, *at; /* looked at; of the last row shown */
    struct fnd_text told, *out;
    const char *for_whom;
    size_t count, limit;
    int64_t last;
    enum fnd_status status;
    struct fnd_error error;
};

static bool list_row(const struct fnd_ask_line *line, void *context)
{
    struct listing *listing = context;
    if (listing->count == listing->limit) {
        listing->count++; /* there is more */
        return false;
    }
    fnd_text_append_z(listing->out, listing->count > 0 ? "," : "");
    fnd_text_clear(&listing->told);
    fnd_review_line_json(line, listing->for_whom, &listing->told);
    listing->status =
        ask_members(listing->directory, &listing->told, listing->out, &listing->error);
    listing->count++;
    listing->last = line->ask.request.id;
    listing->at = listing->directory;
    return listing->status == FND_OK;
}

static bool state_asked(struct request *request, enum fnd_request_state *state)
{
    static const char *const names[] = {"open", "answered", "withdrawn"};
    char *name = request_query(request, "state");
    bool good = name == NULL;
    *state = FND_REQUEST_OPEN;
    for (int i = 0; i < 3 && name != NULL; i++) {
        if (strcmp(name, names[i]) == 0) {
            *state = (enum fnd_request_state)i;
            good = true;
        }
    }
    if (!good) {
        reply_problem(request, 422, "bad_state", "state is one of open, answered, withdrawn");
    }
    free(name);
    return good;
}

/* The number of `?job=UUID` in a directory; 0: it asks for none; -1: it is not there. */
static int64_t job_asked(struct request *request, struct fnd_reader *reader)
{
    char *name = request_query(request, "job");
    uint8_t uuid[FND_UUID_SIZE];
    struct fnd_job_row job = {0};
    int64_t number = name == NULL ? 0 : -1;
    if (name != NULL && fnd_uuid_parse(name, uuid) == 0 &&
        fnd_job_name(reader, name, &job, NULL) == FND_OK) {
        number = job.id;
    }
    fnd_job_row_finish(&job);
    free(name);
    return number;
}

static void list_directory(struct request *request, struct fnd_ask_filter filter, int64_t after,
                           struct listing *listing)
{
    struct spare *spare = NULL;
    struct fnd_ask_place place = {0};
    struct fnd_ask_row row;
    listing->status = directory_reader(listing->directory, &spare, &listing->error);
    if (listing->status != FND_OK) {
        return;
    }
    filter.job = job_asked(request, spare->reader);
    if (after > 0 && fnd_ask_get(spare->reader, after, &row, NULL) == FND_OK) {
        place = (struct fnd_ask_place){row.due_us, after};
    }
    if (filter.job >= 0) {
        enum fnd_status status = fnd_asks_list(spare->reader, &filter, &place, listing->limit + 1,
                                               list_row, listing, &listing->error);
        listing->status = listing->status == FND_OK ? status : listing->status;
    }
    directory_release(listing->directory, spare);
}

void asks_list(struct request *request)
{
    struct fnd_serve *serve = request->serve;
    struct page page;
    size_t first, last;
    enum fnd_request_state state;
    if (!page_read(request, &page) || !directories_asked(request, &first, &last) ||
        !state_asked(request, &state)) {
        return;
    }
    char *pipeline = request_query(request, "pipeline"), *group = request_query(request, "group");
    struct fnd_ask_filter filter = {.state = state, .pipeline = pipeline, .group = group};
    struct listing listing = {
        .out = &request->out, .limit = page.limit, .for_whom = request->caller.name};
    fnd_text_append_z(&request->out, "{\"items\":[");
    for (size_t i = first < page.directory ? page.directory : first;
         i < last && listing.status == FND_OK && listing.count <= listing.limit; i++) {
        listing.directory = &serve->directories[i];
        list_directory(request, filter, i == page.directory ? page.after : 0, &listing);
    }
    if (listing.status == FND_OK) {
        page_end(&request->out, listing.count > listing.limit, listing.at, listing.last);
        reply_json(request, 200);
    } else {
        reply_error(request, &listing.error);
    }
    fnd_text_finish(&listing.told);
    free(pipeline);
    free(group);
}

static void etag_format(int64_t version, int64_t fence, char etag[ETAG_SIZE])
{
    snprintf(etag, ETAG_SIZE, "\"%" PRId64 "-%" PRId64 "\"", version, fence);
}

void ask_reply(struct request *request, struct directory *directory, int64_t number,
               unsigned http_status)
{
    struct fnd_error error = {0};
    struct fnd_json ask;
    int64_t version = 0, fence = 0;
    char etag[ETAG_SIZE];
    enum fnd_status status = ask_append(request, directory, number, &error);
    if (status == FND_OK) {
        status = fnd_json_check(fnd_text_z(&request->out), request->out.size, "ask", &ask, &error);
    }
    if (status != FND_OK) {
        reply_error(request, &error);
        return;
    }
    fnd_json_integer(fnd_json_member(ask, "version"), &version);
    fnd_json_integer(fnd_json_member(ask, "fence"), &fence);
    etag_format(version, fence, etag);
    reply_header(request, "ETag", "%s", etag);
    reply_json(request, http_status);
}

void asks_get(struct request *request)
{
    struct directory *directory = NULL;
    int64_t number;
    if (number_id(request, request->match.parts[0], "ask", &directory, &number)) {
        ask_reply(request, directory, number, 200);
    }
}

/* --- answers --------------------------------------------------------------------------------- */

static void answered(struct request *request, struct fnd_json end)
{
    if (!reply_end(request, end)) {
        return;
    }
    struct directory *directory = request->directory;
    struct spare *spare = NULL;
    struct fnd_job_row job = {0};
    char uuid[FND_UUID_TEXT_SIZE] = "";
    int64_t number = 0, event = 0;
    fnd_json_integer(fnd_json_member(end, "job"), &number);
    fnd_json_integer(fnd_json_member(end, "event"), &event);
    if (directory_reader(directory, &spare, NULL) == FND_OK &&
        fnd_job_get(spare->reader, number, &job, NULL) == FND_OK) {
        fnd_uuid_format(job.uuid, uuid);
    }
    directory_release(directory, spare);
    fnd_job_row_finish(&job);
    fnd_text_printf(&request->out,
                    "{\"ask\":\"%s-%" PRId64 "\",\"job\":\"%s\",\"event\":\"%s-%" PRId64 "\"",
                    directory->tag, request->number, uuid, directory->tag, event);
    json_member_copy(&request->out, "version", fnd_json_member(end, "version"));
    json_member_copy(&request->out, "settled", fnd_json_member(end, "settled"));
    json_member_copy(&request->out, "undo_until", fnd_json_member(end, "undo_until"));
    fnd_text_append_byte(&request->out, '}');
    reply_json(request, 200);
}

/* Whether If-Match (RFC 9110, 13.1.1) names this strong ETag. A weak one never matches. */
static enum { MATCH_YES, MATCH_NO, MATCH_MALFORMED } matches(const char *value, const char *etag)
{
    bool found = false;
    if (strcmp(value, "*") == 0) {
        return MATCH_YES;
    }
    for (;;) {
        value += strspn(value, " \t");
        bool weak = strncmp(value, "W/", 2) == 0;
        const char *begin = value + (weak ? 2 : 0);
        size_t size = begin[0] == '"' ? strcspn(begin + 1, "\"") + 2 : 0;
        if (size == 0 || strlen(begin) < size) {
            return MATCH_MALFORMED;
        }
        found = found || (!weak && size == strlen(etag) && memcmp(begin, etag, size) == 0);
        value = begin + size + strspn(begin + size, " \t");
        if (*value == '\0') {
            return found ? MATCH_YES : MATCH_NO;
        }
        if (*value++ != ',') {
            return MATCH_MALFORMED;
        }
    }
}

/* The version that the answer is to, where the headers say so; 0: they do not. False: the refusal
 * is the reply. What changes between this look and the answer meets the version there. */
static bool match_read(struct request *request, struct directory *directory, int64_t *version)
{
    const char *value = request_header(request, "If-Match");
    struct spare *spare = NULL;
    struct fnd_ask_row row;
    struct fnd_error error = {0};
    char etag[ETAG_SIZE];
    *version = 0;
    if (value == NULL) {
        return true;
    }
    enum fnd_status status = directory_reader(directory, &spare, &error);
    if (status == FND_OK) {
        status = fnd_ask_get(spare->reader, request->number, &row, &error);
    }
    directory_release(directory, spare);
    if (status != FND_OK) {
        reply_error(request, &error);
        return false;
    }
    etag_format(row.request.version, row.fence, etag);
    switch (matches(value, etag)) {
    case MATCH_YES:
        *version = strcmp(value, "*") == 0 ? 0 : row.request.version;
        return true;
    case MATCH_NO:
        reply_problem(request, 412, "precondition_failed",
                      "the ask is another by now than the one that If-Match names; its ETag is %s",
                      etag);
        reply_header(request, "ETag", "%s", etag);
        return false;
    default:
        reply_problem(request, 412, "bad_if_match",
                      "If-Match has the ETag of the ask as it was given: \"VERSION-FENCE\"");
        return false;
    }
}

static bool texts_fit(struct fnd_json value, size_t depth)
{
    if (value.bytes == NULL || depth > FND_JSON_DEPTH_MAX) {
        return true;
    }
    if (fnd_json_type(value) == FND_JSON_STRING) {
        return value.size <= FND_SERVE_ANSWER_SIZE_MAX;
    }
    for (struct fnd_json_walk walk = fnd_json_walk(value); fnd_json_next(&walk);) {
        if (!texts_fit(walk.value, depth + 1)) {
            return false;
        }
    }
    return true;
}

void asks_answer(struct request *request)
{
    static const char *const copied[] = {"values",  "removed", "overrides", "reason",
                                         "seconds", "fence",   "scope"};
    struct directory *directory = NULL;
    struct fnd_json body;
    if (!body_object(request, false, &body) ||
        !number_id(request, request->match.parts[0], "ask", &directory, &request->number)) {
        return;
    }
    struct fnd_text *act = &request->act.request;
    struct fnd_json what = fnd_json_member(body, "act"), version = fnd_json_member(body, "version");
    int64_t match;
    if (!match_read(request, directory, &match)) {
        return;
    }
    if (!texts_fit(body, 0)) {
        reply_problem(request, 413, "text_too_long", "a text inside an answer may have 64 KiB");
        return;
    }
    bool accept = fnd_json_text_is(what, "accept"), reject = fnd_json_text_is(what, "reject");
    if (what.bytes != NULL && !accept && !reject && !fnd_json_text_is(what, "set")) {
        reply_problem(request, 422, "bad_act", "act is one of set, accept, reject");
        return;
    }
    fnd_text_printf(act, "{\"op\":\"answer\",\"request\":%" PRId64, request->number);
    if (match > 0 && version.bytes == NULL) {
        fnd_text_printf(act, ",\"version\":%" PRId64, match);
    } else {
        json_member_copy(act, "version", version);
    }
    fnd_text_append_z(act, accept ? ",\"accept\":true" : reject ? ",\"reject\":true" : "");
    for (size_t i = 0; i < sizeof copied / sizeof copied[0]; i++) {
        /* Accepting and rejecting take no values; an empty set of them says nothing else. */
        bool patch = i < 2;
        struct fnd_json value = fnd_json_member(body, copied[i]);
        if (!(patch && (accept || reject) && fnd_json_count(value) == 0)) {
            json_member_copy(act, copied[i], value);
        }
    }
    json_text(act, "idempotency_key", request->key);
    json_text(act, "by", request->caller.name);
    json_text(act, "via", request->peer);
    fnd_text_append_byte(act, '}');
    request_act(request, directory, answered);
}
