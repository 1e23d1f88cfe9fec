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

/* Whether a question is about a place, or about something in it. */
static bool asked(struct fnd_json questions, const char *place)
{
    const size_t size = strlen(place);
    bool found = false;
    for (struct fnd_json_walk walk = fnd_json_walk(questions); !found && fnd_json_next(&walk);) {
        char *pointer = fnd_json_strdup(fnd_json_member(walk.value, "pointer"));
        found = pointer != NULL && strncmp(pointer, place, size) == 0 &&
                (pointer[size] == '\0' || pointer[size] == '/');
        free(pointer);
    }
    return found;
}

/* A question about the list itself: is one missing? */
static bool asked_for_more(struct fnd_json questions, const char *list)
{
    bool found = false;
    for (struct fnd_json_walk walk = fnd_json_walk(questions); !found && fnd_json_next(&walk);) {
        found = fnd_json_text_is(fnd_json_member(walk.value, "pointer"), list);
    }
    return found;
}

/* Boxes as a person sees them: those that lie well enough stay as they are, those that are none go,
 * missing ones come. */
static void answer_boxes(struct fnd_json boxes, struct fnd_json truth, const char *list,
                         struct fnd_json questions, bool whole, struct reply *reply)
{
    const size_t count = fnd_json_count(boxes);
    bool *found = fnd_alloc(fnd_json_count(truth) + 1);
    struct fnd_text place = {0};
    size_t more = count;
    for (size_t i = 0; i < count; i++) {
        const size_t partner = flywheel_partner(boxes, truth, i);
        fnd_text_clear(&place);
        fnd_text_append_z(&place, list);
        fnd_json_pointer_add_index(&place, i);
        if (partner != SIZE_MAX) {
            found[partner] = true;
        } else if (whole || asked(questions, fnd_text_z(&place))) {
            removed_add(reply, fnd_text_z(&place));
        }
    }
    for (struct fnd_json_walk walk = fnd_json_walk(truth); fnd_json_next(&walk);) {
        if (!found[walk.index] && (whole || asked_for_more(questions, list))) {
            fnd_text_clear(&place);
            fnd_text_append_z(&place, list);
            fnd_json_pointer_add_index(&place, more++);
            value_add(reply, fnd_text_z(&place), walk.value);
        }
    }
    fnd_text_finish(&place);
    free(found);
}

/* The lists of boxes among a truth's members. */
static bool boxes_at(struct fnd_json subject, struct fnd_json truth, const char *key)
{
    const struct fnd_json found = fnd_json_member(subject, key);
    return found.bytes != NULL && fnd_json_type(found) == FND_JSON_ARRAY &&
           (flywheel_boxes(found) || flywheel_boxes(fnd_json_member(truth, key)));
}

static void answer_all_boxes(struct fnd_json subject, struct fnd_json truth,
                             struct fnd_json questions, bool whole, struct reply *reply)
{
    for (struct fnd_json_walk walk = fnd_json_walk(truth); fnd_json_next(&walk);) {
        char *key = fnd_json_strdup(walk.key);
        if (boxes_at(subject, truth, key)) {
            struct fnd_text list = {0};
            fnd_json_pointer_add_key(&list, walk.key);
            answer_boxes(fnd_json_member(subject, key), walk.value, fnd_text_z(&list), questions,
                         whole, reply);
            fnd_text_finish(&list);
        }
        free(key);
    }
}

/* All that is not as the truth has it. */
static void answer_whole(struct fnd_json subject, struct fnd_json truth, struct reply *reply)
{
    for (struct fnd_json_walk walk = fnd_json_walk(truth); fnd_json_next(&walk);) {
        char *key = fnd_json_strdup(walk.key);
        const struct fnd_json found = fnd_json_member(subject, key);
        if (!boxes_at(subject, truth, key) &&
            (found.bytes == NULL || !fnd_json_equal(found, walk.value))) {
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
    if (boxes_at(subject, truth, fnd_text_z(&list) + 1)) {
        fnd_text_finish(&list);
        return; /* answered together */
    }
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
    answer_all_boxes(subject, truth, questions, whole, reply);
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
    /* Jobs go on when all is answered: what they record would stand between the answers, each time
     * elsewhere, and a trainer may deal its examples by the numbers of their records. */
    fnd_text_printf(&line, "{\"op\":\"answer\",\"request\":%" PRId64 ",\"run\":false,", number);
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

/* A request that waits, and the document it is about. */
struct waiting {
    int64_t number;
    char *path;
};
struct waitings {
    struct waiting *list;
    size_t count;
};

static enum fnd_status request_answer(const struct flywheel *flywheel, struct fnd_session *session,
                                      struct fnd_reader *reader, const struct waiting *waiting,
                                      struct fnd_error *error)
{
    struct fnd_text text = {0}, truth_text = {0};
    struct fnd_json request = {0}, truth = {0};
    enum fnd_status status = fnd_request_read(reader, waiting->number, &text, &request, error);
    if (status == FND_OK) {
        status = flywheel_truth(flywheel, waiting->path, &truth_text, &truth, error);
    }
    for (int whole = 0; status == FND_OK && whole < 2; whole++) {
        struct reply reply = {{0}, {0}};
        answer_make(request, truth, whole > 0, &reply);
        status = answer_send(session, waiting->number, &reply, error);
        reply_finish(&reply);
        if (status != FND_INVALID || whole > 0) {
            break;
        }
        status = FND_OK;
    }
    fnd_text_finish(&text);
    fnd_text_finish(&truth_text);
    return status;
}

static bool waiting_keep(const struct fnd_request_row *row, void *context)
{
    struct waitings *waitings = context;
    waitings->list = fnd_realloc(waitings->list, waitings->count + 1, sizeof *waitings->list);
    waitings->list[waitings->count++] = (struct waiting){.number = row->id};
    return true;
}

static int by_path(const void *a, const void *b)
{
    const struct waiting *x = a, *y = b;
    const int order = strcmp(x->path, y->path);
    return order != 0 ? order : (x->number > y->number) - (x->number < y->number);
}

/* All that wait, by their documents: in what order their jobs came to wait is chance. */
static enum fnd_status waitings_read(struct fnd_reader *reader, struct waitings *waitings,
                                     struct fnd_error *error)
{
    struct fnd_walk walk = {.limit = REQUESTS_AT_ONCE};
    enum fnd_status status = FND_OK;
    size_t before;
    do {
        before = waitings->count;
        walk.after = before > 0 ? waitings->list[before - 1].number : 0;
        status = fnd_requests_walk(reader, FND_REQUEST_OPEN, &walk, waiting_keep, waitings, error);
    } while (status == FND_OK && waitings->count - before == REQUESTS_AT_ONCE);
    for (size_t i = 0; status == FND_OK && i < waitings->count; i++) {
        struct waiting *waiting = &waitings->list[i];
        struct fnd_request_row request;
        struct fnd_step_row step;
        struct fnd_job_row job = {0};
        status = fnd_request_get(reader, waiting->number, &request, error);
        status = status == FND_OK ? fnd_step_get(reader, request.step, &step, error) : status;
        status = status == FND_OK ? fnd_job_get(reader, step.job, &job, error) : status;
        waiting->path = fnd_strdup(status == FND_OK ? job.path : "");
        fnd_job_row_finish(&job);
    }
    if (status == FND_OK && waitings->count > 1) {
        qsort(waitings->list, waitings->count, sizeof *waitings->list, by_path);
    }
    return status;
}

enum fnd_status flywheel_review(const struct flywheel *flywheel, struct fnd_session *session,
                                struct fnd_error *error)
{
    struct waitings waitings = {NULL, 0};
    struct fnd_reader *reader = NULL;
    enum fnd_status status = fnd_reader_open(flywheel->directory, &reader, error);
    if (status == FND_OK) {
        status = waitings_read(reader, &waitings, error);
    }
    for (size_t i = 0; status == FND_OK && i < waitings.count; i++) {
        status = request_answer(flywheel, session, reader, &waitings.list[i], error);
        fnd_progress(flywheel->app, "%zu of %zu answered", i + 1, waitings.count);
    }
    fnd_progress(flywheel->app, "%s", "");
    fnd_reader_close(reader);
    for (size_t i = 0; i < waitings.count; i++) {
        free(waitings.list[i].path);
    }
    free(waitings.list);
    return status;
}
