/* SPDX-License-Identifier: MIT */
#include "serve/guard.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "serve/serve.h"

enum { HEADERS_MAX = 64, TARGET_SIZE_MAX = 4096 };

static void refuse(struct guard *guard, unsigned status, const char *code, const char *message)
{
    if (guard->flaw.status == 0) {
        guard->flaw = (struct guard_flaw){status, code, message};
    }
}

/* RFC 9110, 5.6.2: the characters of a field's name. */
static bool is_token(const char *name)
{
    for (const char *at = name; *at != '\0'; at++) {
        bool plain =
            (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9');
        if (!plain && strchr("!#$%&'*+-.^_`|~", *at) == NULL) {
            return false;
        }
    }
    return name[0] != '\0';
}

static bool is_printable(const char *value)
{
    for (const char *at = value; *at != '\0'; at++) {
        if (((unsigned char)*at < 0x20 && *at != '\t') || *at == 0x7f) {
            return false;
        }
    }
    return true;
}

void guard_line(struct guard *guard, const char *method, const char *target, const char *version)
{
    guard->size += strlen(method) + 1 + strlen(target) + 1 + strlen(version) + 2;
    if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0) {
        refuse(guard, 505, "http_version", "this server speaks HTTP/1.1");
    }
}

/* Digits alone, as RFC 9110, 8.6 has it: no sign, no list, no space. */
static void take_length(struct guard *guard, const char *value)
{
    guard->lengths++;
    uint64_t length = 0;
    guard->length_bad = guard->length_bad || value[0] == '\0' || strlen(value) > 18;
    for (const char *at = value; *at != '\0' && !guard->length_bad; at++) {
        guard->length_bad = *at < '0' || *at > '9';
        length = length * 10 + (uint64_t)(*at - '0');
    }
    guard->length = guard->length_bad ? 0 : length;
}

void guard_header(struct guard *guard, const char *name, const char *value)
{
    guard->size += strlen(name) + 2 + strlen(value) + 2;
    guard->headers++;
    if (!is_token(name) || !is_printable(value)) {
        refuse(guard, 400, "bad_header", "a header's name or value has characters it may not have");
    }
    if (strcasecmp(name, "Host") == 0) {
        guard->hosts++;
    } else if (strcasecmp(name, "Content-Length") == 0) {
        take_length(guard, value);
    } else if (strcasecmp(name, "Transfer-Encoding") == 0) {
        guard->transfer = true;
    } else if (strcasecmp(name, "Content-Type") == 0) {
        guard->types++;
    } else if (strcasecmp(name, "Origin") == 0) {
        guard->origins++;
    } else if (strcasecmp(name, "Authorization") == 0) {
        guard->authorizations++;
    } else if (strcasecmp(name, "Cookie") == 0) {
        guard->cookies++;
    }
}

struct guard_flaw guard_end(struct guard *guard, size_t head_size)
{
    guard->size += 2;
    if (head_size > FND_SERVE_HEAD_SIZE_MAX || guard->size > FND_SERVE_HEAD_SIZE_MAX ||
        guard->headers > HEADERS_MAX) {
        guard->flaw = (struct guard_flaw){431, "head_too_large",
                                          "a request's head may have 16 KiB and 64 headers"};
    }
    if (guard->transfer && guard->lengths > 0) {
        refuse(guard, 400, "two_lengths", "a body has a Content-Length or is chunked, never both");
    }
    if (guard->transfer) {
        refuse(guard, 411, "length_required",
               "give the body a Content-Length; chunked bodies are not taken");
    }
    if (guard->lengths > 1 || guard->length_bad) {
        refuse(guard, 400, "bad_length", "there must be one Content-Length, and it a number");
    }
    if (guard->hosts != 1) {
        refuse(guard, 400, "bad_host", "there must be exactly one Host header");
    }
    if (guard->types > 1 || guard->origins > 1 || guard->authorizations > 1 || guard->cookies > 1) {
        refuse(guard, 400, "header_twice",
               "Content-Type, Origin, Authorization and Cookie may be there once");
    }
    if (head_size != 0 && head_size != guard->size) {
        refuse(guard, 400, "bad_head",
               "the head is not in the plain form \"Name: value\", lines ended by CR LF, without "
               "NUL, folded lines or further spaces");
    }
    return guard->flaw;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool path_is_plain(const char *path, size_t size)
{
    size_t begin = 1;
    if (size == 0 || path[0] != '/') {
        return false;
    }
    for (size_t i = 1; i <= size; i++) {
        if (i == size || path[i] == '/') {
            size_t length = i - begin;
            bool dots = (length == 1 && path[begin] == '.') ||
                        (length == 2 && path[begin] == '.' && path[begin + 1] == '.');
            if ((length == 0 && size > 1) || dots) {
                return false;
            }
            begin = i + 1;
            continue;
        }
        bool plain = (path[i] >= 'a' && path[i] <= 'z') || (path[i] >= 'A' && path[i] <= 'Z') ||
                     (path[i] >= '0' && path[i] <= '9') || strchr("-._~", path[i]) != NULL;
        if (!plain || path[i] == '\0') {
            return false;
        }
    }
    return true;
}

struct guard_flaw guard_target(const char *target, size_t size)
{
    static const struct guard_flaw bad_path = {
        400, "bad_path",
        "a path has letters, digits, '-', '.', '_', '~' and '/' only, no %, no empty or dot "
        "segment"};
    static const struct guard_flaw bad_query = {
        400, "bad_query", "a query has printable ASCII only, with whole %XX and no %00"};
    const char *question = memchr(target, '?', size);
    size_t path_size = question != NULL ? (size_t)(question - target) : size;
    if (size > TARGET_SIZE_MAX) {
        return (struct guard_flaw){414, "target_too_long", "a path with its query may have 4 KiB"};
    }
    if (!path_is_plain(target, path_size)) {
        return bad_path;
    }
    for (size_t i = path_size; i < size; i++) {
        unsigned char c = (unsigned char)target[i];
        if (c <= 0x20 || c >= 0x7f || c == '#' || c == '\\') {
            return bad_query;
        }
        if (c == '%') {
            if (i + 2 >= size || hex_digit(target[i + 1]) < 0 || hex_digit(target[i + 2]) < 0 ||
                (target[i + 1] == '0' && target[i + 2] == '0')) {
                return bad_query;
            }
            i += 2;
        }
    }
    return (struct guard_flaw){0};
}

/* The line at `at`, its CR LF replaced by NUL; NULL: it is none, or holds what no line may. */
static char *take_line(char **at, const char *end)
{
    char *line = *at, *feed = memchr(line, '\n', (size_t)(end - line));
    if (feed == NULL || feed == line || feed[-1] != '\r') {
        return NULL;
    }
    feed[-1] = '\0';
    *at = feed + 1;
    return strlen(line) == (size_t)(feed - 1 - line) && strchr(line, '\r') == NULL ? line : NULL;
}

/* "METHOD TARGET VERSION" */
static bool take_request_line(struct guard *guard, char *line, const char **target)
{
    char *first = strchr(line, ' '), *second = first != NULL ? strchr(first + 1, ' ') : NULL;
    if (second == NULL || first == line || second == first + 1 || strchr(second + 1, ' ') != NULL) {
        return false;
    }
    *first = *second = '\0';
    *target = first + 1;
    guard_line(guard, line, *target, second + 1);
    return is_token(line) && is_printable(*target) && strncmp(second + 1, "HTTP/", 5) == 0;
}

/* A copy of the head, which is written into. */
static struct guard_flaw head_check(char *head, size_t size, uint64_t *length)
{
    static const struct guard_flaw no_head = {
        400, "bad_head", "a request begins with METHOD TARGET HTTP/1.1 and has lines Name: value"};
    struct guard guard = {0};
    const char *target = NULL, *end = head + size;
    char *at = head, *line = take_line(&at, end);
    if (line == NULL || !take_request_line(&guard, line, &target)) {
        return no_head;
    }
    while ((line = take_line(&at, end)) != NULL && line[0] != '\0') {
        char *colon = strchr(line, ':');
        if (colon == NULL) {
            return no_head;
        }
        *colon = '\0';
        guard_header(&guard, line, colon[1] == ' ' ? colon + 2 : colon + 1);
    }
    if (line == NULL) {
        return no_head;
    }
    struct guard_flaw flaw = guard_end(&guard, size);
    flaw = flaw.status != 0 ? flaw : guard_target(target, strlen(target));
    if (flaw.status == 0 && length != NULL) {
        *length = guard.length;
    }
    return flaw;
}

struct guard_flaw guard_head(const char *bytes, size_t size, uint64_t *length)
{
    char *head = fnd_strndup(bytes, size);
    struct guard_flaw flaw = head_check(head, size, length);
    free(head);
    return flaw;
}

bool guard_host(const char *hosts, const char *host)
{
    size_t size = strlen(host);
    for (const char *at = hosts; *at != '\0';) {
        size_t length = strcspn(at, "\n");
        if (length == size && size > 0 && strncasecmp(at, host, size) == 0) {
            return true;
        }
        at += length + (at[length] == '\n' ? 1 : 0);
    }
    return false;
}

bool guard_origin(const char *origin, const char *host)
{
    const char *rest = strncmp(origin, "http://", 7) == 0    ? origin + 7
                       : strncmp(origin, "https://", 8) == 0 ? origin + 8
                                                             : NULL;
    return rest != NULL && strcasecmp(rest, host) == 0;
}

bool guard_type(const char *value, const char *type)
{
    size_t size = strlen(type);
    return value != NULL && strncasecmp(value, type, size) == 0 &&
           (value[size] == '\0' || value[size] == ';' || value[size] == ' ');
}

bool guard_decode(const char *bytes, size_t size, char *out)
{
    size_t length = 0;
    for (size_t i = 0; i < size; i++) {
        char c = bytes[i];
        if (c == '%' && i + 2 < size + 0 && hex_digit(bytes[i + 1]) >= 0 &&
            hex_digit(bytes[i + 2]) >= 0) {
            c = (char)(hex_digit(bytes[i + 1]) * 16 + hex_digit(bytes[i + 2]));
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        if ((unsigned char)c < 0x20 || c == 0x7f) {
            return false;
        }
        out[length++] = c;
    }
    out[length] = '\0';
    return fnd_utf8_valid(out, length);
}
