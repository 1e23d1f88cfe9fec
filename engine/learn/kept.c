/* SPDX-License-Identifier: MIT */
/* What the learner knows of the record from look to look, so that each reads what is new alone. */
#include <stdlib.h>
#include <string.h>

#include "learn/internal.h"

enum { EVENTS_AT_ONCE = 1024 };

struct kept {
    char *pipeline, *of;
    struct fnd_lessons all, settled;
    int64_t seen; /* the event up to which records that were taken back are left out */
    struct kept *next;
};

struct page {
    struct fnd_event_row rows[EVENTS_AT_ONCE];
    enum fnd_event_kind kind;
    size_t count, walked;
    int64_t last;
};

static bool row_keep(const struct fnd_event_row *row, void *context)
{
    struct page *page = context;
    page->walked++;
    page->last = row->id;
    if (row->kind == page->kind) {
        page->rows[page->count++] = *row;
    }
    return true;
}

enum fnd_status kept_events(struct fnd_reader *reader, enum fnd_event_kind kind, int64_t *seen,
                            enum fnd_status (*each)(struct fnd_reader *reader,
                                                    const struct fnd_event_row *event,
                                                    void *context, struct fnd_error *error),
                            void *context, struct fnd_error *error)
{
    struct page *page = fnd_alloc(sizeof *page);
    enum fnd_status status;
    page->kind = kind;
    do {
        const struct fnd_walk walk = {.after = *seen, .limit = EVENTS_AT_ONCE};
        page->count = page->walked = 0;
        page->last = *seen;
        status = fnd_events_walk(reader, 0, &walk, row_keep, page, error);
        for (size_t i = 0; i < page->count && status == FND_OK; i++) {
            status = each(reader, &page->rows[i], context, error);
        }
        *seen = status == FND_OK ? page->last : *seen;
    } while (status == FND_OK && page->walked == EVENTS_AT_ONCE);
    free(page);
    return status;
}

static enum fnd_status undo_take(struct fnd_reader *reader, const struct fnd_event_row *event,
                                 void *context, struct fnd_error *error)
{
    struct kept *kept = context;
    struct fnd_text body = {0};
    int64_t record = 0;
    const enum fnd_status status = fnd_payload_get(reader, event->id, &body, NULL, error);
    const struct fnd_json document = {body.bytes, body.size};
    if (status == FND_OK && fnd_json_integer(fnd_json_member(document, "answer"), &record)) {
        struct fnd_lessons *all = &kept->all;
        size_t at = 0;
        while (at < all->count && all->list[at].record != record) {
            at++;
        }
        if (at < all->count) {
            free(all->list[at].path);
            memmove(&all->list[at], &all->list[at + 1], (all->count - at - 1) * sizeof *all->list);
            all->count--;
        }
    }
    fnd_text_finish(&body);
    return status;
}

static struct kept *kept_of(struct fnd_learn *learn, const char *pipeline, const char *of)
{
    struct kept *kept = learn->kept;
    while (kept != NULL && (strcmp(kept->pipeline, pipeline) != 0 || strcmp(kept->of, of) != 0)) {
        kept = kept->next;
    }
    if (kept == NULL) {
        kept = fnd_alloc(sizeof *kept);
        kept->pipeline = fnd_strdup(pipeline);
        kept->of = fnd_strdup(of);
        kept->all.audits = true;
        kept->next = learn->kept;
        learn->kept = kept;
    }
    return kept;
}

enum fnd_status kept_lessons(struct fnd_learn *learn, const char *pipeline, const char *of,
                             const struct fnd_lessons **lessons, struct fnd_error *error)
{
    struct fnd_reader *reader = fnd_engine_reader(learn->engine);
    struct kept *kept = kept_of(learn, pipeline, of);
    const size_t before = kept->all.count;
    const int64_t until = kept->all.until;
    enum fnd_status status = FND_OK;
    uint8_t chain[FND_DIGEST_SIZE];
    /* What is taken back behind this is seen the next time; of what is read below it is known. */
    if (kept->seen == 0) {
        status = fnd_reader_head(reader, &kept->seen, chain, error);
    } else {
        status = kept_events(reader, FND_EVENT_UNDO, &kept->seen, undo_take, kept, error);
    }
    if (status == FND_OK) {
        status = fnd_lessons_more(reader, pipeline, of, &kept->all, error);
    }
    if (kept->all.count != before || kept->all.until != until || kept->settled.list == NULL) {
        fnd_lessons_settle(&kept->all, &kept->settled);
    }
    *lessons = &kept->settled;
    return status;
}

void kept_finish(struct fnd_learn *learn)
{
    while (learn->kept != NULL) {
        struct kept *kept = learn->kept;
        learn->kept = kept->next;
        fnd_lessons_finish(&kept->all);
        fnd_lessons_finish(&kept->settled);
        free(kept->pipeline);
        free(kept->of);
        free(kept);
    }
}
