/* SPDX-License-Identifier: MIT */
/* What a client may send: 'h' a head, 't' a target, 'm' a multipart body, 'q' a query's value. */
#include <stdlib.h>
#include <strings.h>

#include "fuzz.h"
#include "serve/guard.h"
#include "serve/multipart.h"
#include "serve/route.h"
#include "serve/serve.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

static void check_route(const char *target, size_t size)
{
    struct route_match match;
    size_t path = 0;
    while (path < size && target[path] != '?') {
        path++;
    }
    for (int method = HTTP_GET; method <= HTTP_OTHER; method++) {
        route_find(route_table(), (enum http_method)method, target, path, &match);
        if (match.route == NULL) {
            continue;
        }
        FUZZ_CHECK(match.path_known && match.route->handle != NULL, "route %s", match.pattern);
        for (int i = 0; i < ROUTE_PARTS_MAX; i++) {
            FUZZ_CHECK(strchr(match.parts[i], '/') == NULL && strcmp(match.parts[i], "..") != 0 &&
                           strcmp(match.parts[i], ".") != 0,
                       "a part of %s is %s", match.pattern, match.parts[i]);
        }
    }
}

static void check_target(const char *target, size_t size)
{
    if (guard_target(target, size).status != 0) {
        return;
    }
    FUZZ_CHECK(size > 0 && target[0] == '/' && memchr(target, '\0', size) == NULL, "let in");
    const char *question = memchr(target, '?', size);
    size_t path = question != NULL ? (size_t)(question - target) : size;
    FUZZ_CHECK(memchr(target, '%', path) == NULL && memchr(target, '\\', path) == NULL, "let in");
    check_route(target, size);
}

/* Lines of "Name: value" as the library would list them. */
static void check_head(char *head)
{
    struct guard guard = {0};
    size_t hosts = 0, lengths = 0, said = 0;
    bool transfer = false;
    char *line = head;
    guard_line(&guard, "POST", "/", "HTTP/1.1");
    said += strlen("POST / HTTP/1.1\r\n") + 2;
    while (*line != '\0') {
        char *next = line + strcspn(line, "\n");
        next += *next == '\n' ? (*next = '\0', 1) : 0;
        char *colon = strstr(line, ": ");
        if (colon != NULL) {
            *colon = '\0';
            guard_header(&guard, line, colon + 2);
            said += strlen(line) + strlen(colon + 2) + 4;
            hosts += strcasecmp(line, "host") == 0;
            lengths += strcasecmp(line, "content-length") == 0;
            transfer = transfer || strcasecmp(line, "transfer-encoding") == 0;
        }
        line = next;
    }
    struct guard same = guard, more = guard;
    FUZZ_CHECK(guard_end(&more, said + 1).status != 0, "a byte that was not listed was let in");
    if (guard_end(&same, said).status == 0) {
        FUZZ_CHECK(hosts == 1 && lengths <= 1 && !transfer, "%zu hosts, %zu lengths", hosts,
                   lengths);
        FUZZ_CHECK(said <= FND_SERVE_HEAD_SIZE_MAX, "%zu bytes were let in", said);
    }
}

static bool gather(void *context, const struct multipart *part, const char *bytes, size_t size)
{
    struct fnd_text *text = context;
    if (size == 0) {
        fnd_text_printf(text, "[%s|%d|%s]", part->name, part->is_file, part->file);
    }
    fnd_text_append(text, bytes, size);
    return true;
}

static const char *parts_of(const char *bytes, size_t size, size_t step, struct fnd_text *text)
{
    struct multipart multipart = {.data = gather, .context = text};
    FUZZ_CHECK(multipart_begin(&multipart, "multipart/form-data; boundary=X"), "no boundary");
    for (size_t at = 0; at < size; at += step) {
        multipart_take(&multipart, bytes + at, size - at < step ? size - at : step);
    }
    const char *flaw = multipart_end(&multipart);
    FUZZ_CHECK(multipart.parts <= MULTIPART_PARTS_MAX + 1, "%zu parts", multipart.parts);
    multipart_finish(&multipart);
    return flaw;
}

/* However a body is cut, its parts are the same. */
static void check_parts(const char *bytes, size_t size)
{
    struct fnd_text whole = {0}, pieces = {0};
    const char *one = parts_of(bytes, size, size > 0 ? size : 1, &whole);
    const char *other = parts_of(bytes, size, 1, &pieces);
    FUZZ_CHECK((one == NULL) == (other == NULL), "whole: %s; in pieces: %s", one, other);
    if (one == NULL) {
        FUZZ_CHECK(whole.size == pieces.size &&
                       memcmp(fnd_text_z(&whole), fnd_text_z(&pieces), whole.size) == 0,
                   "%zu and %zu bytes", whole.size, pieces.size);
    }
    fnd_text_finish(&whole);
    fnd_text_finish(&pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size == 0) {
        return 0;
    }
    char *text = fnd_strndup((const char *)bytes + 1, size - 1);
    if (bytes[0] == 'h') {
        check_head(text);
    } else if (bytes[0] == 't') {
        check_target(text, size - 1);
    } else if (bytes[0] == 'm') {
        check_parts(text, size - 1);
    } else if (bytes[0] == 'q') {
        char *out = fnd_alloc(size);
        if (guard_decode(text, size - 1, out)) {
            FUZZ_CHECK(fnd_utf8_valid(out, strlen(out)), "decoded to no UTF-8");
            FUZZ_CHECK(strlen(out) < size, "longer than it was");
        }
        free(out);
    }
    free(text);
    return 0;
}
