/* SPDX-License-Identifier: MIT */
/* The text of a leaf taken apart: literal text and `${root.path}` references. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/template.h"

void fnd_segments_finish(struct fnd_segments *segments)
{
    for (size_t i = 0; i < segments->count; i++) {
        free(segments->list[i].text);
        free(segments->list[i].pointer);
        free(segments->list[i].written);
    }
    free(segments->list);
    *segments = (struct fnd_segments){0};
}

bool fnd_segments_have(const struct fnd_segments *segments, enum fnd_segment_kind kind)
{
    for (size_t i = 0; i < segments->count; i++) {
        if (segments->list[i].kind == kind) {
            return true;
        }
    }
    return false;
}

static struct fnd_segment *append(struct fnd_segments *segments, enum fnd_segment_kind kind)
{
    segments->list = fnd_realloc(segments->list, segments->count + 1, sizeof segments->list[0]);
    struct fnd_segment *segment = &segments->list[segments->count++];
    *segment = (struct fnd_segment){.kind = kind};
    return segment;
}

static bool name_byte(char byte)
{
    return isalnum((unsigned char)byte) != 0 || byte == '_' || byte == '-' ||
           ((unsigned char)byte & 0x80) != 0;
}

/* `["odd key"]`, `['odd key']` or `[0]` at `at`; behind it, or NULL. */
static const char *bracket(const char *at, struct fnd_text *key)
{
    at++;
    if (*at != '"' && *at != '\'') {
        const char *begin = at;
        while (isdigit((unsigned char)*at) != 0) {
            at++;
        }
        fnd_text_append(key, begin, (size_t)(at - begin));
        return at > begin && *at == ']' ? at + 1 : NULL;
    }
    const char quote = *at++;
    for (; *at != '\0' && *at != quote; at++) {
        if (*at == '\\' && at[1] != '\0') {
            at++;
        }
        fnd_text_append_byte(key, *at);
    }
    return *at == quote && at[1] == ']' ? at + 2 : NULL;
}

/* The path behind a root; behind it, or NULL. */
static const char *path(const char *at, struct fnd_text *pointer)
{
    struct fnd_text key = {0};
    while (at != NULL && (*at == '.' || *at == '[')) {
        fnd_text_clear(&key);
        if (*at == '[') {
            at = bracket(at, &key);
        } else {
            const char *begin = ++at;
            while (name_byte(*at)) {
                at++;
            }
            fnd_text_append(&key, begin, (size_t)(at - begin));
            at = at > begin ? at : NULL;
        }
        if (at != NULL) {
            fnd_json_pointer_add(pointer, fnd_text_z(&key), key.size);
        }
    }
    fnd_text_finish(&key);
    return at;
}

static enum fnd_status malformed(const char *at, struct fnd_error *error)
{
    const char *end = strchr(at, '}');
    const size_t size = end != NULL ? (size_t)(end - at) + 1 : strlen(at);
    return fnd_error_set(error, FND_INVALID,
                         "`%.*s` is no reference%s: write ${input.file}, ${phase.key.0} or "
                         "${phase[\"odd key\"]}, and $${ for the text itself",
                         (int)(size > 80 ? 80 : size), at, end == NULL ? ", `}` is missing" : "");
}

/* A name below `params` or `secrets` is the first step of the path. */
static void first_step(struct fnd_segment *segment, enum fnd_segment_kind kind)
{
    const char *begin = segment->pointer + 1;
    const size_t size = strcspn(begin, "/");
    char *name = fnd_strndup(begin, size), *rest = fnd_strdup(begin + size);
    free(segment->text);
    free(segment->pointer);
    segment->kind = kind;
    segment->text = name;
    segment->pointer = rest;
}

/* The reference whose "${" begins at *at. */
static enum fnd_status reference(const char **at, struct fnd_segments *segments,
                                 struct fnd_error *error)
{
    const char *begin = *at, *root = begin + 2, *end = root;
    struct fnd_text pointer = {0};
    if (isalpha((unsigned char)*end) != 0 || *end == '_') {
        while (name_byte(*end)) {
            end++;
        }
    }
    const size_t root_size = (size_t)(end - root);
    end = root_size > 0 ? path(end, &pointer) : NULL;
    if (end == NULL || *end != '}') {
        fnd_text_finish(&pointer);
        return malformed(begin, error);
    }
    end++;
    struct fnd_segment *segment = append(segments, FND_SEGMENT_VALUE);
    segment->text = fnd_strndup(root, root_size);
    segment->written = fnd_strndup(begin, (size_t)(end - begin));
    segment->pointer = fnd_text_take(&pointer);
    *at = end;
    const bool params = strcmp(segment->text, "params") == 0;
    if (params || strcmp(segment->text, "secrets") == 0) {
        if (segment->pointer[0] == '\0') {
            return fnd_error_set(error, FND_INVALID, "`%s` names none: write ${%s.NAME}",
                                 segment->written, segment->text);
        }
        first_step(segment, params ? FND_SEGMENT_PARAM : FND_SEGMENT_SECRET);
    }
    return FND_OK;
}

static void literal(struct fnd_segments *segments, struct fnd_text *text)
{
    if (text->size > 0) {
        append(segments, FND_SEGMENT_TEXT)->text = fnd_text_take(text);
    }
}

enum fnd_status fnd_segments_parse(const char *text, struct fnd_segments *segments,
                                   struct fnd_error *error)
{
    enum fnd_status status = FND_OK;
    struct fnd_text plain = {0};
    *segments = (struct fnd_segments){0};
    while (*text != '\0' && status == FND_OK) {
        if (strncmp(text, "$${", 3) == 0) {
            fnd_text_append_z(&plain, "${");
            text += 3;
        } else if (strncmp(text, "${", 2) == 0) {
            literal(segments, &plain);
            status = reference(&text, segments, error);
        } else {
            fnd_text_append_byte(&plain, *text++);
        }
    }
    if (status == FND_OK) {
        literal(segments, &plain);
    } else {
        fnd_segments_finish(segments);
    }
    fnd_text_finish(&plain);
    return status;
}
