/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memmem, strcasestr */
#include "serve/multipart.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static void bad(struct multipart *multipart, const char *flaw)
{
    multipart->state = MULTIPART_BAD;
    multipart->flaw = flaw;
}

static bool boundary_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("'()+_,-./:=?", c) != NULL);
}

bool multipart_begin(struct multipart *multipart, const char *content_type)
{
    const char *at = strcasestr(content_type, "boundary=");
    if (strncasecmp(content_type, "multipart/form-data", 19) != 0 || at == NULL) {
        return false;
    }
    at += 9;
    bool quoted = *at == '"';
    at += quoted ? 1 : 0;
    size_t size = 0;
    while (boundary_char(at[size])) {
        size++;
    }
    bool ended = quoted ? at[size] == '"' : at[size] == '\0' || at[size] == ';' || at[size] == ' ';
    if (size == 0 || size > MULTIPART_BOUNDARY_MAX || !ended) {
        return false;
    }
    multipart->mark_size =
        (size_t)snprintf(multipart->mark, sizeof multipart->mark, "\r\n--%.*s", (int)size, at);
    /* The first boundary may stand at the very beginning. */
    fnd_text_append_z(&multipart->held, "\r\n");
    return true;
}

static void drop_held(struct multipart *multipart, size_t size)
{
    struct fnd_text *held = &multipart->held;
    memmove(held->bytes, held->bytes + size, held->size - size);
    held->size -= size;
    held->bytes[held->size] = '\0';
}

/* A parameter of Content-Disposition, quoted. False: it is there and too long or not closed. */
static bool parameter(const char *line, const char *name, char *value, size_t room, bool *there)
{
    const char *at = strcasestr(line, name);
    *there = at != NULL;
    if (at == NULL) {
        return true;
    }
    at += strlen(name);
    size_t size = 0;
    for (; *at != '"' && *at != '\0'; at++) {
        at += *at == '\\' && at[1] != '\0' ? 1 : 0;
        if (size + 1 >= room) {
            return false;
        }
        value[size++] = *at;
    }
    value[size] = '\0';
    return *at == '"';
}

/* The headers of a part: `head` is NUL-ended, lines by CR LF. */
static bool take_head(struct multipart *multipart, const char *head)
{
    bool named = false;
    multipart->name[0] = multipart->file[0] = '\0';
    multipart->is_file = false;
    for (const char *line = head; *line != '\0';) {
        size_t size = strcspn(line, "\r\n");
        char copy[MULTIPART_HEAD_SIZE_MAX + 1];
        snprintf(copy, sizeof copy, "%.*s", (int)size, line);
        if (strncasecmp(copy, "Content-Disposition:", 20) == 0 &&
            (!parameter(copy, " name=\"", multipart->name, sizeof multipart->name, &named) ||
             !parameter(copy, " filename=\"", multipart->file, sizeof multipart->file,
                        &multipart->is_file))) {
            return false;
        }
        line += size + strspn(line + size, "\r\n");
    }
    return named;
}

static bool tell(struct multipart *multipart, const char *bytes, size_t size)
{
    if (!multipart->data(multipart->context, multipart, bytes, size)) {
        bad(multipart, "the file could not be kept");
        return false;
    }
    return true;
}

/* Behind a boundary: "--" ends it all, CR LF begins a part. False: more bytes are needed. */
static bool behind_mark(struct multipart *multipart)
{
    struct fnd_text *held = &multipart->held;
    if (held->size < 2) {
        return false;
    }
    if (memcmp(held->bytes, "--", 2) == 0) {
        multipart->state = MULTIPART_END;
        return false;
    }
    const char *end = memmem(held->bytes, held->size, "\r\n\r\n", 4);
    if (memcmp(held->bytes, "\r\n", 2) != 0 ||
        (end == NULL ? held->size : (size_t)(end - held->bytes)) > MULTIPART_HEAD_SIZE_MAX) {
        bad(multipart, "a part's head is not one, or longer than 4 KiB");
        return false;
    }
    if (end == NULL) {
        return false;
    }
    size_t size = (size_t)(end - held->bytes);
    bool nul = memchr(held->bytes, '\0', size) != NULL;
    held->bytes[size] = '\0';
    if (nul || ++multipart->parts > MULTIPART_PARTS_MAX || !take_head(multipart, held->bytes)) {
        bad(multipart, "a part has no name, or there are more than 16 of them");
        return false;
    }
    drop_held(multipart, size + 4);
    multipart->state = MULTIPART_DATA;
    return tell(multipart, "", 0);
}

/* Hand over what cannot be part of a boundary. False: more bytes are needed. */
static bool data(struct multipart *multipart)
{
    struct fnd_text *held = &multipart->held;
    const char *mark = memmem(held->bytes, held->size, multipart->mark, multipart->mark_size);
    size_t sure = mark != NULL                         ? (size_t)(mark - held->bytes)
                  : held->size >= multipart->mark_size ? held->size - multipart->mark_size + 1
                                                       : 0;
    if (multipart->state == MULTIPART_DATA && sure > 0 && !tell(multipart, held->bytes, sure)) {
        return false;
    }
    drop_held(multipart, sure + (mark != NULL ? multipart->mark_size : 0));
    if (mark != NULL) {
        multipart->state = MULTIPART_HEAD;
    }
    return mark != NULL;
}

void multipart_take(struct multipart *multipart, const char *bytes, size_t size)
{
    if (multipart->state == MULTIPART_END || multipart->state == MULTIPART_BAD) {
        return;
    }
    fnd_text_append(&multipart->held, bytes, size);
    bool more = multipart->held.size > 0;
    while (more) {
        more = multipart->state == MULTIPART_HEAD  ? behind_mark(multipart)
               : multipart->state == MULTIPART_BAD ? false
               : multipart->state == MULTIPART_END ? false
               : multipart->held.size > 0          ? data(multipart)
                                                   : false;
    }
}

const char *multipart_end(const struct multipart *multipart)
{
    return multipart->state == MULTIPART_BAD   ? multipart->flaw
           : multipart->state == MULTIPART_END ? NULL
                                               : "the body ends inside a part";
}

void multipart_finish(struct multipart *multipart)
{
    fnd_text_finish(&multipart->held);
}
