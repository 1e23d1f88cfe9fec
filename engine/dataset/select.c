/* SPDX-License-Identifier: MIT */
/* Which records go into the file. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/internal.h"

enum { SELECT_PAGE = 256 };

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
    int64_t step, number;
};

/** One of several records of a step. */
struct rival {
    uint8_t key[16]; /* of step and phase */
    int64_t number;
    uint8_t left;
};

struct selecting {
    struct fnd_plan *plan;
    struct candidate *list;
    size_t count, capacity, numbers_capacity;
};

/** What becomes of a record that could be read. */
static enum fnd_status judge(const struct fnd_plan *plan, const struct fnd_datum *datum,
                             uint8_t *left, struct fnd_error *error)
{
    const struct fnd_export_options *options = &plan->options;
    const struct fnd_format *format = plan->format;
    *left = FND_LEFT_NONE;
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

bool fnd_plan_other_split(const struct fnd_plan *plan, const struct fnd_datum *datum)
{
    const struct fnd_export_options *options = &plan->options;
    return options->split != FND_SPLIT_ALL && options->split != datum->split &&
           fnd_plan_in_scope(plan, datum) && (options->verdicts & 1U << datum->verdict) != 0 &&
           datum->human.bytes != NULL;
}

enum fnd_status fnd_plan_judge(const struct fnd_plan *plan, const struct fnd_datum *datum,
                               enum fnd_status loaded, uint8_t *left, struct fnd_error *error)
{
    *left = FND_LEFT_NONE;
    if (loaded != FND_OK && !fnd_failure_is_local(error)) {
        return loaded;
    }
    if (!fnd_plan_in_scope(plan, datum)) {
        *left = FND_LEFT_FILTERED;
        return FND_OK;
    }
    if (loaded == FND_OK) {
        return judge(plan, datum, left, error);
    }
    /* One that cannot even be read is told of; what was rejected is not missed. */
    const bool rejected =
        datum->phase != NULL && plan->format->training && datum->verdict == FND_REJECTED;
    *left = rejected ? FND_LEFT_REJECTED : FND_LEFT_NONE;
    return rejected ? FND_OK : loaded;
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

static void number_add(struct selecting *selecting, int64_t number)
{
    struct fnd_plan *plan = selecting->plan;
    if (plan->count == selecting->numbers_capacity) {
        selecting->numbers_capacity = plan->count == 0 ? 256 : plan->count * 2;
        plan->numbers =
            fnd_realloc(plan->numbers, selecting->numbers_capacity, sizeof *plan->numbers);
    }
    plan->numbers[plan->count++] = number;
}

static void candidate_add(struct selecting *selecting, int64_t number, int64_t step)
{
    if (selecting->count == selecting->capacity) {
        selecting->capacity = selecting->capacity == 0 ? 256 : selecting->capacity * 2;
        selecting->list =
            fnd_realloc(selecting->list, selecting->capacity, sizeof *selecting->list);
    }
    selecting->list[selecting->count++] = (struct candidate){step, number};
}

/** The rules of a record's pin count, whatever becomes of it. A record whose rows are damaged has
 *  none, which is told when it is loaded. */
static enum fnd_status pin_note(struct fnd_plan *plan, const struct fnd_correction_row *row,
                                struct fnd_error *error)
{
    struct fnd_step_row step;
    struct fnd_job_row job = {0};
    struct fnd_error local = {0};
    int64_t pin = 0;
    enum fnd_status status = FND_OK;
    if (row->pin > 0 && row->pin == plan->pin_met && row->pin == plan->memo.only) {
        return FND_OK; /* mostly: nothing is to be read for it */
    }
    status = fnd_plan_hold(plan, &local);
    if (status == FND_OK) {
        status = fnd_step_get(plan->reader, row->step, &step, &local);
    }
    if (status == FND_OK) {
        status = fnd_job_get(plan->reader, step.job, &job, &local);
    }
    if (status == FND_OK) {
        status = fnd_review_record_pin(plan->reader, row, &job, &plan->memo, &pin, &local);
    }
    if (status == FND_OK) {
        status = fnd_plan_pin(plan, pin, &local);
    }
    fnd_job_row_finish(&job);
    if (status == FND_OK || fnd_failure_is_local(&local)) {
        return FND_OK;
    }
    if (error != NULL) {
        *error = local;
    }
    return status;
}

static enum fnd_status consider(struct selecting *selecting, const struct fnd_correction_row *row,
                                struct fnd_error *error)
{
    struct fnd_plan *plan = selecting->plan;
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
    if (plan->format->training) {
        candidate_add(selecting, row->id, row->step);
    } else {
        number_add(selecting, row->id);
    }
    return pin_note(plan, row, error);
}

static int candidate_order(const void *a, const void *b)
{
    const struct candidate *left = a, *right = b;
    const int order = (left->step > right->step) - (left->step < right->step);
    return order != 0 ? order : (left->number > right->number) - (left->number < right->number);
}

static int rival_order(const void *a, const void *b)
{
    const struct rival *left = a, *right = b;
    const int order = memcmp(left->key, right->key, sizeof left->key);
    return order != 0 ? order : (left->number > right->number) - (left->number < right->number);
}

static int number_order(const void *a, const void *b)
{
    const int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/** Sort what mostly lies in order already: looking costs less than sorting it again. */
static void sort(void *list, size_t count, size_t size, int (*order)(const void *, const void *))
{
    const char *at = list;
    for (size_t i = 1; i < count; i++, at += size) {
        if (order(at, at + size) > 0) {
            qsort(list, count, size, order);
            break;
        }
    }
}

/** Load a record of a step that has several. One out of scope is no rival. */
static enum fnd_status rival_add(struct fnd_plan *plan, const struct candidate *candidate,
                                 struct rival *rivals, size_t *count, struct fnd_error *error)
{
    struct fnd_datum datum = {0};
    struct fnd_error local = {0};
    uint8_t digest[FND_DIGEST_SIZE], left = FND_LEFT_NONE;
    enum fnd_status status = fnd_datum_load(plan, candidate->number, &datum, &local);
    status = fnd_plan_judge(plan, &datum, status, &left, &local);
    const bool local_failure = status != FND_OK && fnd_failure_is_local(&local);
    if (status != FND_OK && !local_failure) {
        if (error != NULL) {
            *error = local;
        }
    } else if (!fnd_plan_in_scope(plan, &datum)) {
        plan->result->left_out[FND_LEFT_FILTERED]++;
        status = FND_OK;
    } else {
        /* It is told when it is written. One that cannot even be read stands for itself. */
        const char *phase = datum.phase != NULL ? datum.phase : "";
        const int64_t step = datum.phase != NULL ? candidate->step : candidate->number;
        struct rival *rival = &rivals[(*count)++];
        *rival = (struct rival){.number = candidate->number, .left = left};
        fnd_blake2b(NULL, 0, &step, sizeof step, phase, strlen(phase), digest);
        memcpy(rival->key, digest, sizeof rival->key);
        status = FND_OK;
    }
    fnd_datum_finish(&datum);
    return status;
}

/** Of each phase of a step the last record counts. */
static enum fnd_status step_settle(struct selecting *selecting, const struct candidate *list,
                                   size_t list_count, struct fnd_error *error)
{
    struct fnd_plan *plan = selecting->plan;
    struct rival *rivals = fnd_realloc(NULL, list_count, sizeof *rivals);
    size_t count = 0;
    enum fnd_status status = FND_OK;
    for (size_t i = 0; i < list_count && status == FND_OK; i++) {
        status = rival_add(plan, &list[i], rivals, &count, error);
    }
    qsort(rivals, count, sizeof *rivals, rival_order);
    for (size_t i = 0; i < count && status == FND_OK; i++) {
        if (i + 1 < count && memcmp(rivals[i].key, rivals[i + 1].key, sizeof rivals[i].key) == 0) {
            plan->result->left_out[FND_LEFT_REPLACED]++;
        } else if (rivals[i].left != FND_LEFT_NONE) {
            plan->result->left_out[rivals[i].left]++;
        } else {
            number_add(selecting, rivals[i].number);
        }
    }
    free(rivals);
    return status;
}

static enum fnd_status settle(struct selecting *selecting, struct fnd_error *error)
{
    struct fnd_plan *plan = selecting->plan;
    const struct candidate *list = selecting->list;
    enum fnd_status status = FND_OK;
    sort(selecting->list, selecting->count, sizeof *list, candidate_order);
    for (size_t i = 0, end; i < selecting->count && status == FND_OK; i = end) {
        for (end = i + 1; end < selecting->count && list[end].step == list[i].step;) {
            end++;
        }
        if (end == i + 1) {
            number_add(selecting, list[i].number);
        } else {
            status = step_settle(selecting, list + i, end - i, error);
        }
    }
    sort(plan->numbers, plan->count, sizeof *plan->numbers, number_order);
    return status;
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
        status = settle(&selecting, error);
    }
    free(page);
    free(selecting.list);
    return status;
}
