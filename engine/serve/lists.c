/* SPDX-License-Identifier: MIT */
/* What routes share: bodies, ids, pages. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve/internal.h"

enum { PAGE_LIMIT = 50, PAGE_LIMIT_MAX = 200 };

bool body_object(struct request *request, bool empty, struct fnd_json *object)
{
    struct fnd_error error = {0};
    if (request->body.size == 0 && empty) {
        *object = (struct fnd_json){.bytes = "{}", .size = 2};
        return true;
    }
    if (fnd_json_check(fnd_text_z(&request->body), request->body.size, NULL, object, &error) !=
        FND_OK) {
        reply_problem(request, 400, "bad_json", "the body is no JSON: %s (line %zu, column %zu)",
                      error.message, error.line, error.column);
        return false;
    }
    if (fnd_json_type(*object) != FND_JSON_OBJECT) {
        reply_problem(request, 422, "not_an_object", "the body must be a JSON object, not a %s",
                      fnd_json_type_name(fnd_json_type(*object)));
        return false;
    }
    return true;
}

static bool digits(const char *text, size_t size, int64_t *number)
{
    int64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9' || i >= 18) {
            return false;
        }
        value = value * 10 + (text[i] - '0');
    }
    *number = value;
    return size > 0;
}

static struct directory *directory_tagged(const struct fnd_serve *serve, const char *tag)
{
    for (size_t i = 0; i < serve->directories_count; i++) {
        if (strncmp(serve->directories[i].tag, tag, 8) == 0) {
            return &serve->directories[i];
        }
    }
    return NULL;
}

bool page_read(struct request *request, struct page *page)
{
    char *limit = request_query(request, "limit"), *cursor = request_query(request, "cursor");
    int64_t value = PAGE_LIMIT;
    bool good = limit == NULL || digits(limit, strlen(limit), &value);
    *page = (struct page){.limit = (size_t)value};
    if (!good || value < 1 || value > PAGE_LIMIT_MAX) {
        reply_problem(request, 422, "bad_limit", "limit is a number from 1 to %d",
                      (int)PAGE_LIMIT_MAX);
        good = false;
    } else if (cursor != NULL) {
        struct directory *directory = strlen(cursor) > 9 && cursor[8] == '-'
                                          ? directory_tagged(request->serve, cursor)
                                          : NULL;
        good = directory != NULL && digits(cursor + 9, strlen(cursor + 9), &page->after);
        if (good) {
            page->directory = (size_t)(directory - request->serve->directories);
        } else {
            reply_problem(request, 422, "bad_cursor", "this cursor is none of this server's");
        }
    }
    free(limit);
    free(cursor);
    return good;
}

void page_end(struct fnd_text *out, bool more, const struct directory *directory, int64_t after)
{
    if (more) {
        fnd_text_printf(out, "],\"next\":\"%s-%" PRId64 "\"}", directory->tag, after);
    } else {
        fnd_text_append_z(out, "],\"next\":null}");
    }
}

bool directories_asked(struct request *request, size_t *first, size_t *last)
{
    struct fnd_serve *serve = request->serve;
    char *name = request_query(request, "directory");
    *first = 0;
    *last = serve->directories_count;
    if (name == NULL) {
        return true;
    }
    while (*first < *last && strcmp(serve->directories[*first].name, name) != 0) {
        ++*first;
    }
    bool found = *first < *last;
    *last = *first + 1;
    if (!found) {
        reply_problem(request, 404, "no_such_directory", "there is no job directory %s here", name);
    }
    free(name);
    return found;
}

bool number_id(struct request *request, const char *id, const char *what,
               struct directory **directory, int64_t *number)
{
    size_t size = strlen(id);
    struct directory *found =
        size > 9 && id[8] == '-' ? directory_tagged(request->serve, id) : NULL;
    if (found == NULL || !digits(id + 9, size - 9, number)) {
        reply_problem(request, 404, "not_found", "there is no %s %s", what, id);
        return false;
    }
    *directory = found;
    return true;
}

bool job_of_id(struct request *request, const char *id, struct directory **directory,
               struct spare **spare, struct fnd_job_row *job)
{
    struct fnd_serve *serve = request->serve;
    struct fnd_error error = {0};
    uint8_t uuid[FND_UUID_SIZE];
    enum fnd_status status = FND_NOT_FOUND;
    bool plain = fnd_uuid_parse(id, uuid) == 0;
    for (size_t i = 0; plain && i < serve->directories_count && status == FND_NOT_FOUND; i++) {
        *directory = &serve->directories[i];
        status = directory_reader(*directory, spare, &error);
        if (status == FND_OK) {
            status = fnd_job_name((*spare)->reader, id, job, &error);
            if (status != FND_OK) {
                directory_release(*directory, *spare);
                *spare = NULL;
            }
        }
    }
    if (status == FND_NOT_FOUND) {
        reply_problem(request, 404, "not_found", "there is no job %s", id);
    } else if (status != FND_OK) {
        reply_error(request, &error);
    }
    return status == FND_OK;
}
