/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve/internal.h"

/* On every reply, refusals and files alike. */
static const char *const security[][2] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src "
     "'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cache-Control", "no-store"}};

void json_text(struct fnd_text *json, const char *name, const char *z)
{
    if (z != NULL) {
        json_text_null(json, name, z);
    }
}

void json_text_null(struct fnd_text *json, const char *name, const char *z)
{
    fnd_text_printf(json, ",\"%s\":", name);
    if (z == NULL || fnd_utf8_valid(z, strlen(z))) {
        fnd_text_append_json_z(json, z);
        return;
    }
    struct fnd_text visible = {0};
    fnd_text_append_visible(&visible, z, strlen(z));
    fnd_text_append_json(json, fnd_text_z(&visible), visible.size);
    fnd_text_finish(&visible);
}

void json_time(struct fnd_text *json, const char *name, int64_t wall_us)
{
    char text[FND_TIME_TEXT_SIZE];
    if (wall_us == 0) {
        fnd_text_printf(json, ",\"%s\":null", name);
        return;
    }
    fnd_time_format(wall_us, text);
    fnd_text_printf(json, ",\"%s\":\"%s\"", name, text);
}

void json_member_copy(struct fnd_text *json, const char *name, struct fnd_json value)
{
    if (value.bytes != NULL) {
        fnd_text_printf(json, ",\"%s\":", name);
        fnd_text_append(json, value.bytes, value.size);
    }
}

void reply_header(struct request *request, const char *name, const char *format, ...)
{
    struct fnd_text value = {0};
    va_list arguments;
    if (request->headers_count == REPLY_HEADERS_MAX) {
        return;
    }
    va_start(arguments, format);
    fnd_text_vprintf(&value, format, arguments);
    va_end(arguments);
    request->headers[request->headers_count++] = (struct reply_header){name, fnd_text_take(&value)};
}

void reply_json(struct request *request, unsigned status)
{
    request->status = status;
    request->type = "application/json";
}

static const char *title(unsigned status)
{
    static const struct {
        unsigned status;
        const char *title;
    } titles[] = {{400, "Bad Request"},
                  {401, "Unauthorized"},
                  {403, "Forbidden"},
                  {404, "Not Found"},
                  {405, "Method Not Allowed"},
                  {408, "Request Timeout"},
                  {409, "Conflict"},
                  {411, "Length Required"},
                  {412, "Precondition Failed"},
                  {413, "Content Too Large"},
                  {414, "URI Too Long"},
                  {415, "Unsupported Media Type"},
                  {416, "Range Not Satisfiable"},
                  {421, "Misdirected Request"},
                  {422, "Unprocessable Content"},
                  {429, "Too Many Requests"},
                  {431, "Request Header Fields Too Large"},
                  {500, "Internal Server Error"},
                  {503, "Service Unavailable"},
                  {505, "HTTP Version Not Supported"},
                  {507, "Insufficient Storage"}};
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++) {
        if (titles[i].status == status) {
            return titles[i].title;
        }
    }
    return "Error";
}

static void problem_append(struct fnd_text *out, unsigned status, const char *code,
                           const char *detail, const char *more)
{
    fnd_text_printf(out, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u", title(status),
                    status);
    json_text(out, "code", code);
    json_text(out, "detail", detail);
    fnd_text_append_z(out, more);
    fnd_text_append_byte(out, '}');
}

void reply_raw(struct fnd_text *out, const struct guard_flaw *flaw)
{
    struct fnd_text body = {0};
    problem_append(&body, flaw->status, flaw->code, flaw->message, NULL);
    fnd_text_printf(out,
                    "HTTP/1.1 %u %s\r\nContent-Type: application/problem+json\r\n"
                    "Content-Length: %zu\r\nConnection: close\r\n",
                    flaw->status, title(flaw->status), body.size);
    for (size_t i = 0; i < sizeof security / sizeof security[0]; i++) {
        fnd_text_printf(out, "%s: %s\r\n", security[i][0], security[i][1]);
    }
    if (flaw->status == 429 || flaw->status == 503) {
        fnd_text_append_z(out, "Retry-After: 1\r\n");
    }
    fnd_text_append_z(out, "\r\n");
    fnd_text_append(out, body.bytes, body.size);
    fnd_text_finish(&body);
}

static void problem(struct request *request, unsigned status, const char *code, const char *detail,
                    const char *more)
{
    fnd_text_clear(&request->out);
    problem_append(&request->out, status, code, detail, more);
    request->status = status;
    request->type = "application/problem+json";
    if (status == 429 || status == 503) {
        reply_header(request, "Retry-After", "1");
    }
}

void reply_problem(struct request *request, unsigned status, const char *code, const char *format,
                   ...)
{
    struct fnd_text detail = {0};
    va_list arguments;
    va_start(arguments, format);
    fnd_text_vprintf(&detail, format, arguments);
    va_end(arguments);
    problem(request, status, code, fnd_text_z(&detail), NULL);
    fnd_text_finish(&detail);
}

unsigned reply_status(enum fnd_status status)
{
    switch (status) {
    case FND_OK:
        return 200;
    case FND_INVALID:
        return 422;
    case FND_NOT_FOUND:
        return 404;
    case FND_CONFLICT:
        return 409;
    case FND_DENIED:
        return 403;
    case FND_LIMIT:
        return 413;
    case FND_FULL:
        return 507;
    case FND_BUSY:
    case FND_INTERRUPTED:
        return 503;
    default:
        return 500;
    }
}

void reply_error_more(struct request *request, const struct fnd_error *error, const char *more)
{
    const char *code = error->code[0] != '\0' ? error->code : fnd_status_name(error->status);
    problem(request, reply_status(error->status), code, error->message, more);
}

void reply_error(struct request *request, const struct fnd_error *error)
{
    reply_error_more(request, error, NULL);
}

static enum fnd_status status_named(struct fnd_json name)
{
    enum fnd_status status = FND_OK;
    while (status < FND_INTERRUPTED && !fnd_json_text_is(name, fnd_status_name(status))) {
        status++;
    }
    return status;
}

bool reply_end(struct request *request, struct fnd_json end)
{
    struct fnd_json name = fnd_json_member(end, "status");
    if (fnd_json_text_is(name, "ok")) {
        directory_wrote(request->directory, FND_OK);
        return true;
    }
    if (end.bytes == NULL || fnd_json_text_is(name, "again")) {
        reply_problem(request, 503, "draining", "the engine is about to end; ask its successor");
        return false;
    }
    enum fnd_status status = status_named(name);
    directory_wrote(request->directory, status);
    struct fnd_text more = {0};
    char *message = fnd_json_strdup(fnd_json_member(end, "message"));
    char *code = fnd_json_strdup(fnd_json_member(end, "code"));
    json_member_copy(&more, "errors", fnd_json_member(end, "fields"));
    json_member_copy(&more, "standing", fnd_json_member(end, "standing"));
    json_member_copy(&more, "holder", fnd_json_member(end, "holder"));
    json_member_copy(&more, "until", fnd_json_member(end, "until"));
    problem(request, reply_status(status),
            code != NULL && strcmp(code, "answer_refused") != 0 ? code
            : status == FND_INVALID                             ? "refused"
                                                                : fnd_status_name(status),
            message != NULL ? message : fnd_status_name(status), fnd_text_z(&more));
    fnd_text_finish(&more);
    free(message);
    free(code);
    return false;
}

int reply_send(struct request *request)
{
    struct fnd_serve *serve = request->serve;
    struct MHD_Response *response = request->stream;
    request->stream = NULL;
    if (request->status == 0) {
        reply_problem(request, 500, "bug", "this route made no reply");
    }
    if (response == NULL) {
        size_t size = request->out.size;
        /* The library frees it when the last byte is out. */
        response = MHD_create_response_from_buffer(size, fnd_text_take(&request->out),
                                                   MHD_RESPMEM_MUST_FREE);
    }
    if (response == NULL) {
        return MHD_NO;
    }
    if (request->type != NULL) {
        MHD_add_response_header(response, "Content-Type", request->type);
    }
    for (size_t i = 0; i < sizeof security / sizeof security[0]; i++) {
        MHD_add_response_header(response, security[i][0], security[i][1]);
    }
    for (size_t i = 0; i < request->headers_count; i++) {
        MHD_add_response_header(response, request->headers[i].name, request->headers[i].value);
    }
    if (request->close || request->last || atomic_load(&serve->stopping)) {
        MHD_add_response_header(response, "Connection", "close");
        request->last = true;
    }
    if (request->stream_state == NULL) {
        place_enter(serve, request->place, PLACE_REPLY);
    }
    request->stage = REQUEST_REPLIED;
    pthread_mutex_lock(&serve->lock);
    serve->replies[request->status / 100 < 6 ? request->status / 100 : 0]++;
    pthread_mutex_unlock(&serve->lock);
    enum MHD_Result queued = MHD_queue_response(request->connection, request->status, response);
    MHD_destroy_response(response);
    return (int)queued;
}
