/* SPDX-License-Identifier: MIT */
/* A reviewer who knows the truth, and tells of it what is asked. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "command/ask.h"
#include "command/flywheel.h"
#include "command/output.h"

enum { REQUESTS_AT_ONCE = 256 };

/* An answer as it is put together. */
struct reply {
    struct fnd_text values, removed; /* members and items, without their brackets */
};

static void reply_finish(struct reply *reply)
{
    fnd_text_finish(&reply->values);
    fnd_text_finish(&reply->removed);
}

static void value_add(struct reply *reply, const char *pointer, struct fnd_json value)
{
    fnd_text_append_z(&reply->values, reply->values.size > 0 ? "," : "");
    fnd_text_append_json_z(&reply->values, pointer);
    fnd_text_append_byte(&reply->values, ':');
    fnd_text_append(&reply->values, value.bytes, value.size);
}

/* Items are removed once, whatever of them was asked. */
static void removed_add(struct reply *reply, const char *pointer)
{
    struct fnd_text item = {0};
    fnd_text_append_json_z(&item, pointer);
    if (reply->removed.size == 0 ||
        strstr(fnd_text_z(&reply->removed), fnd_text_z(&item)) == NULL) {
        fnd_text_append_z(&reply->removed, reply->removed.size > 0 ? "," : "");
        fnd_text_append(&reply->removed, item.bytes, item.size);
    }
    fnd_text_finish(&item);
}

/* All that is not as the truth has it. */
static void answer_whole(struct fnd_json subject, struct fnd_json truth, struct reply *reply)
{
    for (struct fnd_json_walk walk = fnd_json_walk(truth); fnd_json_next(&walk);) {
        char *key = fnd_json_strdup(walk.key);
        const struct fnd_json found = fnd_json_member(subject, key);
        if (found.bytes == NULL || !fnd_json_equal(found, walk.value)) {
            struct fnd_text pointer = {0};
            fnd_json_pointer_add_key(&pointer, walk.key);
            value_add(reply, fnd_text_z(&pointer), walk.value);
            fnd_text_finish(&pointer);
        }
        free(key);
    }
}

/* What stands at one place. Items of a list are looked for where they are in the truth: the page
 * has another row there if one before it was overlooked. */
static void answer_place(struct fnd_json subject, struct fnd_json truth, const char *pointer,
                         struct reply *reply)
{
    const char *second = strchr(pointer + 1, '/');
    char *rest = NULL;
    const size_t index = second != NULL ? (size_t)strtoul(second + 1, &rest, 10) : 0;
    struct fnd_text list = {0}, place = {0};
    fnd_text_append(&list, pointer, second != NULL ? (size_t)(second - pointer) : strlen(pointer));
    const struct fnd_json whole = fnd_json_find(truth, fnd_text_z(&list));
    if (second == NULL || rest == second + 1 || fnd_json_type(whole) != FND_JSON_ARRAY) {
        fnd_text_append_z(&place, pointer);
    } else {
        const size_t partner =
            flywheel_partner(fnd_json_find(subject, fnd_text_z(&list)), whole, index);
        if (partner == SIZE_MAX) {
            fnd_text_append(&place, pointer, (size_t)(rest - pointer));
            removed_add(reply, fnd_text_z(&place));
            fnd_text_clear(&place);
        } else {
            fnd_text_append(&place, list.bytes, list.size);
            fnd_json_pointer_add_index(&place, partner);
            fnd_text_append_z(&place, rest);
        }
    }
    const struct fnd_json value =
        place.size > 0 ? fnd_json_find(truth, fnd_text_z(&place)) : (struct fnd_json){NULL, 0};
    if (value.bytes != NULL) {
        value_add(reply, pointer, value);
    }
    fnd_text_finish(&list);
    fnd_text_finish(&place);
}

/* Put an answer together.  whole: of the whole document, whatever was asked. */
static void answer_make(struct fnd_json request, struct fnd_json truth, bool whole,
                        struct reply *reply)
{
    const struct fnd_json questions = fnd_json_member(request, "questions");
    const struct fnd_json subject = fnd_json_member(request, "subject");
    for (struct fnd_json_walk walk = fnd_json_walk(questions); !whole && fnd_json_next(&walk);) {
        whole = fnd_json_member(walk.value, "pointer").bytes == NULL;
    }
    if (whole) {
        answer_whole(subject, truth, reply);
        return;
    }
    for (struct fnd_json_walk walk = fnd_json_walk(questions); fnd_json_next(&walk);) {
        char *pointer = fnd_json_strdup(fnd_json_member(walk.value, "pointer"));
        if (pointer != NULL && pointer[0] == '/') {
            answer_place(subject, truth, pointer, reply);
        }
        free(pointer);
    }
}

/* Send it.  Returns FND_OK; FND_INVALID: it was refused; what the engine said. */
static enum fnd_status answer_send(struct fnd_session *session, int64_t number,
                                   const struct reply *reply, struct fnd_error *error)
{
    struct fnd_text line = {0}, text = {0};
    struct fnd_json end = {0};
    fnd_text_printf(&line, "{\"op\":\"answer\",\"request\":%" PRId64 ",\"run\":true,", number);
    fnd_field(&line, "by", "scripted reviewer");
    if (reply->values.size == 0 && reply->removed.size == 0) {
        fnd_text_append_z(&line, ",\"accept\":true}");
    } else {
        fnd_text_printf(&line, ",\"values\":{%s},\"removed\":[%s]}", fnd_text_z(&reply->values),
                        fnd_text_z(&reply->removed));
    }
    enum fnd_status status = fnd_session_ask(session, &line, NULL, NULL, &text, &end, error);
    if (status == FND_OK) {
        status = fnd_session_status(end, error);
    }
    fnd_text_finish(&line);
    fnd_text_finish(&text);
    return status;
}

static enum fnd_status request_answer(const struct flywheel *flywheel, struct fnd_session *session,
                                      struct fnd_reader *reader, int64_t number,
                                      struct fnd_error *error)
{
    struct fnd_text text = {0}, truth_text = {0};
    struct fnd_json request = {0}, truth = {0};
    enum fnd_status status = fnd_request_read(reader, number, &text, &request, error);
    char *path = status == FND_OK ? fnd_json_strdup(fnd_json_member(request, "path")) : NULL;
    if (status == FND_OK) {
        status = flywheel_truth(flywheel, path != NULL ? path : "", &truth_text, &truth, error);
    }
    for (int whole = 0; status == FND_OK && whole < 2; whole++) {
        struct reply reply = {{0}, {0}};
        answer_make(request, truth, whole > 0, &reply);
        status = answer_send(session, number, &reply, error);
        reply_finish(&reply);
        if (status != FND_INVALID || whole > 0) {
            break;
        }
        status = FND_OK;
    }
    free(path);
    fnd_text_finish(&text);
    fnd_text_finish(&truth_text);
    return status;
}

struct numbers {
    int64_t list[REQUESTS_AT_ONCE];
    size_t count;
};

static bool number_keep(const struct fnd_request_row *row, void *context)
{
    struct numbers *numbers = context;
    numbers->list[numbers->count++] = row->id;
    return true;
}

enum fnd_status flywheel_review(const struct flywheel *flywheel, struct fnd_session *session,
                                struct fnd_error *error)
{
    struct numbers *numbers = fnd_alloc(sizeof *numbers);
    struct fnd_reader *reader = NULL;
    struct fnd_walk walk = {.limit = REQUESTS_AT_ONCE};
    size_t answered = 0;
    enum fnd_status status = fnd_reader_open(flywheel->directory, &reader, error);
    do {
        numbers->count = 0;
        if (status == FND_OK) {
            status =
                fnd_requests_walk(reader, FND_REQUEST_OPEN, &walk, number_keep, numbers, error);
        }
        for (size_t i = 0; status == FND_OK && i < numbers->count; i++) {
            status = request_answer(flywheel, session, reader, numbers->list[i], error);
            walk.after = numbers->list[i];
            fnd_progress(flywheel->app, "%zu answered", ++answered);
        }
    } while (status == FND_OK && numbers->count == REQUESTS_AT_ONCE);
    fnd_progress(flywheel->app, "%s", "");
    fnd_reader_close(reader);
    free(numbers);
    return status;
}
