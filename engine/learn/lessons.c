/* SPDX-License-Identifier: MIT */
/* Which records teach: the last one of each document that stands. */
#include <stdlib.h>
#include <string.h>

#include "learn/examples.h"

enum { PAGE = 256 };

struct page {
    struct fnd_correction_row rows[PAGE];
    size_t count;
};

static bool page_add(const struct fnd_correction_row *row, void *context)
{
    struct page *page = context;
    page->rows[page->count++] = *row;
    return page->count < PAGE;
}

/* Whether the record's request was drawn for the audit. */
static enum fnd_status audited_read(struct fnd_reader *reader, int64_t request, int *audited,
                                    struct fnd_error *error)
{
    struct fnd_text asked = {0};
    bool audit = false;
    const enum fnd_status status = fnd_payload_get(reader, request, &asked, NULL, error);
    if (status == FND_OK) {
        const struct fnd_json document = {asked.bytes, asked.size};
        *audited = fnd_json_boolean(fnd_json_member(document, "audit"), &audit) && audit;
    }
    fnd_text_finish(&asked);
    return status;
}

static enum fnd_status lesson_read(struct fnd_reader *reader, const struct fnd_correction_row *row,
                                   const char *pipeline, const char *of,
                                   struct fnd_lessons *lessons, struct fnd_error *error)
{
    struct fnd_step_row step;
    struct fnd_job_row job = {0};
    struct fnd_text answer = {0};
    int64_t subject = 0;
    enum fnd_status status = fnd_step_get(reader, row->step, &step, error);
    if (status == FND_OK) {
        status = fnd_job_get(reader, step.job, &job, error);
    }
    if (status == FND_OK && strcmp(job.pipeline, pipeline) == 0) {
        status = fnd_payload_get(reader, row->id, &answer, NULL, error);
        const struct fnd_json record = {answer.bytes, answer.size};
        if (status == FND_OK && fnd_json_text_is(fnd_json_member(record, "phase"), of) &&
            fnd_json_integer(fnd_json_member(record, "subject_event"), &subject)) {
            lessons->list = fnd_realloc(lessons->list, lessons->count + 1, sizeof *lessons->list);
            lessons->list[lessons->count++] =
                (struct fnd_lesson){.record = row->id,
                                    .subject = subject,
                                    .output = row->output,
                                    .path = fnd_strdup(job.path),
                                    .tier = row->tier,
                                    .verdict = row->verdict,
                                    .audited = -1,
                                    .split = fnd_dataset_split(lessons->salt, pipeline, job.path)};
            if (lessons->audits) {
                status = audited_read(reader, row->request,
                                      &lessons->list[lessons->count - 1].audited, error);
            }
        }
    }
    fnd_job_row_finish(&job);
    fnd_text_finish(&answer);
    return status;
}

static int by_path(const void *a, const void *b)
{
    const struct fnd_lesson *x = a, *y = b;
    const int order = strcmp(x->path, y->path);
    return order != 0 ? order : (x->record > y->record) - (x->record < y->record);
}

static int by_record(const void *a, const void *b)
{
    const struct fnd_lesson *x = a, *y = b;
    return (x->record > y->record) - (x->record < y->record);
}

/* A later record of a document replaces those before it. A person's is not replaced by a rule's. */
static void settle(struct fnd_lessons *lessons)
{
    size_t kept = 0;
    if (lessons->count < 2) {
        return;
    }
    qsort(lessons->list, lessons->count, sizeof *lessons->list, by_path);
    for (size_t i = 0; i < lessons->count; i++) {
        struct fnd_lesson *here = &lessons->list[i];
        struct fnd_lesson *last = kept > 0 ? &lessons->list[kept - 1] : NULL;
        if (last == NULL || strcmp(last->path, here->path) != 0) {
            lessons->list[kept++] = *here;
            continue;
        }
        char *path = last->path; /* the same as here */
        free(here->path);
        if (here->tier == FND_TIER_GOLD || last->tier == FND_TIER_SILVER) {
            *last = *here;
            last->path = path;
        }
    }
    lessons->count = kept;
    qsort(lessons->list, lessons->count, sizeof *lessons->list, by_record);
}

enum fnd_status fnd_lessons_more(struct fnd_reader *reader, const char *pipeline, const char *of,
                                 struct fnd_lessons *lessons, struct fnd_error *error)
{
    struct page *page = fnd_alloc(sizeof *page);
    struct fnd_walk walk = {.after = lessons->until, .limit = PAGE};
    enum fnd_status status =
        lessons->salt == NULL ? fnd_dataset_store(reader, &lessons->salt, error) : FND_OK;
    while (status == FND_OK) {
        page->count = 0;
        status = fnd_corrections_walk(reader, &walk, page_add, page, error);
        for (size_t i = 0; i < page->count && status == FND_OK; i++) {
            if (page->rows[i].undone == 0) {
                status = lesson_read(reader, &page->rows[i], pipeline, of, lessons, error);
            }
            if (status == FND_OK) { /* else it is read again */
                walk.after = lessons->until = page->rows[i].id;
            }
        }
        if (page->count < PAGE) {
            break;
        }
    }
    free(page);
    return status;
}

void fnd_lessons_settle(const struct fnd_lessons *all, struct fnd_lessons *settled)
{
    fnd_lessons_finish(settled);
    settled->until = all->until;
    settled->list = fnd_realloc(NULL, all->count + 1, sizeof *settled->list);
    for (size_t i = 0; i < all->count; i++) {
        settled->list[i] = all->list[i];
        settled->list[i].path = fnd_strdup(all->list[i].path);
    }
    settled->count = all->count;
    settle(settled);
}

enum fnd_status fnd_lessons_read(struct fnd_reader *reader, const char *pipeline, const char *of,
                                 struct fnd_lessons *lessons, struct fnd_error *error)
{
    const enum fnd_status status = fnd_lessons_more(reader, pipeline, of, lessons, error);
    if (status == FND_OK) {
        settle(lessons);
    }
    return status;
}

void fnd_lessons_finish(struct fnd_lessons *lessons)
{
    for (size_t i = 0; i < lessons->count; i++) {
        free(lessons->list[i].path);
    }
    free(lessons->list);
    free(lessons->salt);
    *lessons = (struct fnd_lessons){0};
}

size_t fnd_lessons_count(const struct fnd_lessons *lessons, enum fnd_tier tier,
                         enum fnd_split split, int64_t after)
{
    size_t count = 0;
    for (size_t i = 0; i < lessons->count; i++) {
        const struct fnd_lesson *lesson = &lessons->list[i];
        count += lesson->tier == tier && lesson->record > after &&
                 (split == FND_SPLIT_ALL || split == lesson->split);
    }
    return count;
}

/* Append a pointer to the list unless it is there. */
static void pointer_add(struct fnd_text *list, struct fnd_json pointer)
{
    struct fnd_text with = {0};
    fnd_text_append_byte(&with, ',');
    fnd_json_canonical(pointer, &with);
    fnd_text_append_byte(&with, ',');
    fnd_text_append_byte(list, ',');
    if (strstr(fnd_text_z(list), fnd_text_z(&with)) == NULL) {
        fnd_text_append(list, with.bytes + 1, with.size - 2);
    } else {
        list->size--;
        list->bytes[list->size] = '\0';
    }
    fnd_text_finish(&with);
}

void fnd_lesson_reviewed(struct fnd_json answer, struct fnd_json asked, struct fnd_text *json)
{
    struct fnd_text list = {0};
    bool audit = false;
    const struct fnd_json questions = fnd_json_member(asked, "questions");
    const struct fnd_json fields = fnd_json_member(answer, "fields");
    bool whole = fnd_json_boolean(fnd_json_member(asked, "audit"), &audit) && audit;
    for (struct fnd_json_walk walk = fnd_json_walk(questions);
         questions.bytes != NULL && fnd_json_next(&walk);) {
        const struct fnd_json pointer = fnd_json_member(walk.value, "pointer");
        if (pointer.bytes == NULL || fnd_json_type(pointer) != FND_JSON_STRING ||
            pointer.size == 2) {
            whole = true; /* about the document */
        } else {
            pointer_add(&list, pointer);
        }
    }
    for (struct fnd_json_walk walk = fnd_json_walk(fields);
         fields.bytes != NULL && fnd_json_next(&walk);) {
        pointer_add(&list, walk.key);
    }
    if (whole) {
        fnd_text_append_z(json, "null");
    } else {
        fnd_text_append_byte(json, '[');
        fnd_text_append(json, list.size > 0 ? list.bytes + 1 : "",
                        list.size > 0 ? list.size - 1 : 0);
        fnd_text_append_byte(json, ']');
    }
    fnd_text_finish(&list);
}
