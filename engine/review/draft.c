/* SPDX-License-Identifier: MIT */
/* Drafts: what a person has typed so far, merged a field. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "review/desk_internal.h"

static bool listed(struct fnd_json list, const char *text)
{
    for (struct fnd_json_walk walk = fnd_json_walk(list);
         list.bytes != NULL && fnd_json_next(&walk);) {
        if (fnd_json_text_is(walk.value, text)) {
            return true;
        }
    }
    return false;
}

/* Append {"values":{…},"removed":[…]}: `before` without `forget`, with `values` put over it. */
static void merge(struct fnd_json before, struct fnd_json values, struct fnd_json removed,
                  struct fnd_json forget, struct fnd_text *merged)
{
    const struct fnd_json none = {NULL, 0};
    struct fnd_json kept = before.bytes != NULL ? fnd_json_member(before, "values") : none;
    size_t count = 0;
    fnd_text_append_z(merged, "{\"values\":{");
    for (struct fnd_json_walk walk = fnd_json_walk(kept);
         kept.bytes != NULL && fnd_json_next(&walk);) {
        char *pointer = fnd_json_strdup(walk.key);
        if (!listed(forget, pointer) &&
            (values.bytes == NULL || fnd_json_member(values, pointer).bytes == NULL)) {
            fnd_text_append_z(merged, count++ > 0 ? "," : "");
            fnd_text_append(merged, walk.key.bytes, walk.key.size);
            fnd_text_append_byte(merged, ':');
            fnd_text_append(merged, walk.value.bytes, walk.value.size);
        }
        free(pointer);
    }
    for (struct fnd_json_walk walk = fnd_json_walk(values);
         values.bytes != NULL && fnd_json_next(&walk);) {
        if (fnd_json_type(walk.value) != FND_JSON_NULL || forget.bytes != NULL) {
            fnd_text_append_z(merged, count++ > 0 ? "," : "");
            fnd_text_append(merged, walk.key.bytes, walk.key.size);
            fnd_text_append_byte(merged, ':');
            fnd_json_compact(walk.value, merged);
        }
    }
    struct fnd_json list = removed;
    if (list.bytes == NULL && before.bytes != NULL) {
        list = fnd_json_member(before, "removed");
    }
    fnd_text_append_z(merged, "},\"removed\":");
    if (list.bytes != NULL) {
        fnd_json_compact(list, merged);
    } else {
        fnd_text_append_z(merged, "[]");
    }
    fnd_text_append_byte(merged, '}');
}

/* The write that keeps it. */
static enum fnd_status draft_write(struct fnd_engine *engine, int64_t request, const char *by,
                                   struct fnd_json values, struct fnd_json removed,
                                   struct fnd_json forget, struct fnd_write **write,
                                   struct fnd_error *error)
{
    const struct fnd_env *env = fnd_store_env(fnd_engine_store(engine));
    struct fnd_text before = {0}, merged = {0};
    struct fnd_json old = {NULL, 0};
    enum fnd_status status =
        fnd_draft_get(fnd_engine_reader(engine), request, by, NULL, &before, error);
    if (status == FND_OK) {
        status = fnd_json_check(before.bytes, before.size, "draft", &old, error);
    } else if (status == FND_NOT_FOUND) {
        status = FND_OK;
    }
    if (status == FND_OK) {
        merge(old, values, removed, forget, &merged);
        if (merged.size > FND_DRAFT_SIZE_MAX) {
            status = fnd_error_set(error, FND_LIMIT,
                                   "the draft for request %" PRId64 " is %zu bytes long; %d are "
                                   "kept at most, the answer itself may be longer",
                                   request, merged.size, FND_DRAFT_SIZE_MAX);
        }
    }
    if (status == FND_OK) {
        *write = fnd_write_create();
        fnd_write_note(*write, FND_NOTE_DRAFT, request, by, fnd_text_z(&merged))->at_us =
            env->wall_us(env);
    }
    fnd_text_finish(&before);
    fnd_text_finish(&merged);
    return status;
}

enum fnd_status fnd_draft_keep(struct fnd_engine *engine, int64_t request, const char *by,
                               struct fnd_json values, struct fnd_json removed,
                               struct fnd_json forget, struct fnd_error *error)
{
    struct fnd_write *write = NULL;
    enum fnd_status status =
        draft_write(engine, request, by, values, removed, forget, &write, error);
    if (status == FND_OK) {
        fnd_engine_rest(engine); /* an answer may be under way, which reads */
        status = fnd_store_commit(fnd_engine_store(engine), write, error);
        fnd_write_destroy(write);
    }
    return status;
}

enum fnd_status fnd_desk_draft(struct fnd_desk *desk, int64_t request, const char *by,
                               int64_t fence, struct fnd_json values, struct fnd_json removed,
                               struct fnd_json forget, struct fnd_error *error)
{
    struct fnd_ask_row row;
    struct fnd_write *write = NULL;
    enum fnd_status status = fnd_desk_who(by, error);
    if (status == FND_OK) {
        status = fnd_ask_get(fnd_engine_reader(desk->engine), request, &row, error);
    }
    if (status == FND_OK) {
        status = draft_write(desk->engine, request, by, values, removed, forget, &write, error);
    }
    if (status == FND_OK) {
        status = fnd_desk_commit(desk, write, request, NULL, error);
    }
    if (status != FND_OK) {
        return status;
    }
    fnd_desk_say(desk, FND_TOLD_DRAFT, &row, by, strcmp(row.holder, by) == 0 ? row.until_us : 0);
    if (row.request.state != FND_REQUEST_OPEN || row.fence != fence) {
        fnd_error_set(error, FND_CONFLICT,
                      "request %" PRId64 " is not on this desk any more; what was typed is kept",
                      request);
        fnd_error_code(error, "lease_lost");
        return FND_CONFLICT;
    }
    return FND_OK;
}
