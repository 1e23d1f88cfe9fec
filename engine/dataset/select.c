/* SPDX-License-Identifier: MIT */
/* Which records go into the file. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/internal.h"

enum { SELECT_PAGE = 256, TAKEN = FND_LEFT_COUNT };

const char *fnd_left_name(enum fnd_left left)
{
    static const char *const names[] = {"filtered", "rejected", "replaced", "outdated",
                                        "answers",  "bad",      "undone"};
    return names[left];
}

struct page {
    struct fnd_correction_row rows[SELECT_PAGE];
    size_t count;
};

static bool page_add(const struct fnd_correction_row *row, void *context)
{
    struct page *page = context;
    page->rows[page->count++] = *row;
    return page->count < SELECT_PAGE;
}

/** All that is kept of a record while it is not yet sure whether a later one replaces it. */
struct candidate {
    uint8_t key[16]; /* of job and phase */
    int64_t number;
    uint8_t left; /* enum fnd_left, or TAKEN */
};

struct selecting {
    struct fnd_plan *plan;
    struct candidate *list;
    size_t count, capacity;
};

/** What becomes of a record that no later one replaces. */
static enum fnd_status judge(const struct fnd_plan *plan, const struct fnd_datum *datum,
                             uint8_t *left, struct fnd_error *error)
{
    const struct fnd_export_options *options = &plan->options;
    const struct fnd_format *format = plan->format;
    *left = TAKEN;
    if (format->training && datum->verdict == FND_REJECTED) {
        *left = FND_LEFT_REJECTED;
    } else if ((options->verdicts & 1U << datum->verdict) == 0 ||
               (options->split != FND_SPLIT_ALL && options->split != datum->split)) {
        *left = FND_LEFT_FILTERED;
    } else if (format->training && datum->human.bytes == NULL) {
        *left = FND_LEFT_ANSWERS;
    } else if (format->by_uri && datum->is_file &&
               !(format->embeds && fnd_plan_prefix(plan, datum) == NULL)) {
        struct fnd_job_row newest = {0};
        enum fnd_status status =
            fnd_job_find(plan->reader, datum->pipeline, datum->path, &newest, error);
        if (status != FND_OK) {
            return status;
        }
        if (newest.revision > datum->revision) {
            *left = FND_LEFT_OUTDATED;
        }
        fnd_job_row_finish(&newest);
    }
    return FND_OK;
}

/* Others take no part at all, whatever may be wrong with them. */
bool fnd_plan_in_scope(const struct fnd_plan *plan, const struct fnd_datum *datum)
{
    const struct fnd_export_options *options = &plan->options;
    const char *of = options->of;
    if (of == NULL && datum->entry != NULL) {
        of = datum->entry->of;
    }
    return (options->pipeline == NULL || datum->pipeline == NULL ||
            strcmp(options->pipeline, datum->pipeline) == 0) &&
           (of == NULL || datum->phase == NULL || strcmp(of, datum->phase) == 0);
}

static void candidate_add(struct selecting *selecting, int64_t number, int64_t step,
                          const char *phase, uint8_t left)
{
    uint8_t digest[FND_DIGEST_SIZE];
    struct candidate *candidate;
    if (selecting->count == selecting->capacity) {
        selecting->capacity = selecting->capacity == 0 ? 256 : selecting->capacity * 2;
        selecting->list =
            fnd_realloc(selecting->list, selecting->capacity, sizeof *selecting->list);
    }
    candidate = &selecting->list[selecting->count++];
    *candidate = (struct candidate){.number = number, .left = left};
    fnd_blake2b(NULL, 0, &step, sizeof step, phase, strlen(phase), digest);
    memcpy(candidate->key, digest, sizeof candidate->key);
}

static enum fnd_status consider(struct selecting *selecting, const struct fnd_correction_row *row,
                                struct fnd_error *error)
{
    struct fnd_plan *plan = selecting->plan;
    struct fnd_datum datum = {0};
    struct fnd_error local = {0};
    uint8_t left = FND_LEFT_FILTERED;
    const bool undone = row->undone > 0 && row->undone <= plan->as_of;
    plan->result->records++;
    /* The range ends behind what is seen of it, so that the same range shows the same again. */
    const int64_t seen = undone ? row->undone : row->id;
    plan->options.until = seen > plan->options.until ? seen : plan->options.until;
    if (undone && plan->format->training) {
        plan->result->left_out[FND_LEFT_UNDONE]++;
        return FND_OK;
    }
    if ((plan->options.tiers & 1U << row->tier) == 0) {
        plan->result->left_out[FND_LEFT_FILTERED]++;
        return FND_OK;
    }
    enum fnd_status status = fnd_datum_load(plan, row->id, &datum, &local);
    if ((status == FND_OK || fnd_failure_is_local(&local)) && !fnd_plan_in_scope(plan, &datum)) {
        plan->result->left_out[FND_LEFT_FILTERED]++;
        status = FND_OK;
    } else if (status == FND_OK) {
        status = judge(plan, &datum, &left, &local);
        if (status == FND_OK) {
            candidate_add(selecting, row->id, row->step, datum.phase, left);
        }
    }
    if (status != FND_OK && fnd_failure_is_local(&local)) {
        /* It is told when it is written. One that cannot even be read stands for itself. */
        const bool read = datum.phase != NULL;
        const bool rejected = read && plan->format->training && datum.verdict == FND_REJECTED;
        candidate_add(selecting, row->id, read ? row->step : row->id, read ? datum.phase : "",
                      rejected ? FND_LEFT_REJECTED : TAKEN);
        status = FND_OK;
    }
    if (status != FND_OK && error != NULL) {
        *error = local;
    }
    fnd_datum_finish(&datum);
    return status;
}

static int candidate_order(const void *a, const void *b)
{
    const struct candidate *left = a, *right = b;
    const int order = memcmp(left->key, right->key, sizeof left->key);
    return order != 0 ? order : (left->number > right->number) - (left->number < right->number);
}

static int number_order(const void *a, const void *b)
{
    const int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/** Of each job and phase the last one counts, in training formats; then commit order again. */
static void settle(struct selecting *selecting)
{
    struct fnd_plan *plan = selecting->plan;
    const bool last_only = plan->format->training;
    if (last_only && selecting->count > 1) {
        qsort(selecting->list, selecting->count, sizeof *selecting->list, candidate_order);
    }
    plan->numbers = fnd_realloc(NULL, selecting->count + 1, sizeof *plan->numbers);
    for (size_t i = 0; i < selecting->count; i++) {
        const struct candidate *here = &selecting->list[i];
        if (last_only && i + 1 < selecting->count &&
            memcmp(here->key, here[1].key, sizeof here->key) == 0) {
            plan->result->left_out[FND_LEFT_REPLACED]++;
        } else if (here->left != TAKEN) {
            plan->result->left_out[here->left]++;
        } else {
            plan->numbers[plan->count++] = here->number;
        }
    }
    if (plan->count > 1) {
        qsort(plan->numbers, plan->count, sizeof *plan->numbers, number_order);
    }
}

enum fnd_status fnd_plan_select(struct fnd_plan *plan, struct fnd_error *error)
{
    struct selecting selecting = {.plan = plan};
    struct page *page = fnd_alloc(sizeof *page);
    struct fnd_walk walk = {.after = plan->options.since > 0 ? plan->options.since - 1 : 0,
                            .limit = SELECT_PAGE};
    const int64_t until = plan->options.until > 0 ? plan->options.until : INT64_MAX;
    uint8_t chain[FND_DIGEST_SIZE];
    /* What is taken back while we write is not seen in one pass and missed in another. */
    enum fnd_status status = fnd_reader_head(plan->reader, &plan->as_of, chain, error);
    if (status != FND_OK) {
        free(page);
        return status;
    }
    plan->as_of = plan->as_of < until ? plan->as_of : until;
    plan->options.until = 0; /* becomes the last record that was looked at */
    do {
        page->count = 0;
        status = fnd_corrections_walk(plan->reader, &walk, page_add, page, error);
        for (size_t i = 0; status == FND_OK && i < page->count; i++) {
            walk.after = page->rows[i].id;
            if (walk.after > until) {
                break;
            }
            status = consider(&selecting, &page->rows[i], error);
        }
    } while (status == FND_OK && page->count == SELECT_PAGE && walk.after < until);
    if (status == FND_OK) {
        settle(&selecting);
    }
    free(page);
    free(selecting.list);
    return status;
}
