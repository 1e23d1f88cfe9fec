/* SPDX-License-Identifier: MIT */
#include "serve/tally.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "review/review.h"

enum { EVENTS_AT_ONCE = 1000, EACH_MAX = 100000, SLOTS_FIRST = 1024 };
static const int64_t day_us = (int64_t)86400 * 1000000;

/** What is known of a step. */
struct slot {
    int64_t step; /* 0: empty */
    int32_t pipeline;
    bool asked, counted;
};

struct tally {
    int64_t last;
    struct slot *slots;
    size_t count, capacity; /* capacity: a power of two */
    char **names;           /* of pipelines */
    struct tally_sum *sums; /* of each */
    size_t names_count;
};

struct tally *tally_create(void)
{
    struct tally *tally = fnd_alloc(sizeof *tally);
    tally->capacity = SLOTS_FIRST;
    tally->slots = fnd_alloc(tally->capacity * sizeof *tally->slots);
    return tally;
}

void tally_sum_finish(struct tally_sum *sum)
{
    for (size_t i = 0; i < sum->detectors_count; i++) {
        free(sum->detectors[i].name);
    }
    free(sum->detectors);
    free(sum->days);
    free(sum->each_ms);
}

void tally_destroy(struct tally *tally)
{
    if (tally == NULL) {
        return;
    }
    for (size_t i = 0; i < tally->names_count; i++) {
        tally_sum_finish(&tally->sums[i]);
        free(tally->names[i]);
    }
    free(tally->sums);
    free(tally->names);
    free(tally->slots);
    free(tally);
}

static struct slot *slot_at(const struct slot *slots, size_t capacity, int64_t step)
{
    uint64_t at = (uint64_t)step * UINT64_C(0x9E3779B97F4A7C15);
    for (at >>= 20;; at++) {
        const struct slot *slot = &slots[at & (capacity - 1)];
        if (slot->step == 0 || slot->step == step) {
            return (struct slot *)(uintptr_t)slot;
        }
    }
}

static int32_t pipeline_index(struct tally *tally, const char *name)
{
    for (size_t i = 0; i < tally->names_count; i++) {
        if (strcmp(tally->names[i], name) == 0) {
            return (int32_t)i;
        }
    }
    tally->names = fnd_realloc(tally->names, tally->names_count + 1, sizeof *tally->names);
    tally->sums = fnd_realloc(tally->sums, tally->names_count + 1, sizeof *tally->sums);
    tally->names[tally->names_count] = fnd_strdup(name);
    tally->sums[tally->names_count] = (struct tally_sum){0};
    return (int32_t)tally->names_count++;
}

/* The slot of a step; NULL where its job cannot be read. */
static struct slot *slot_of(struct tally *tally, struct fnd_reader *reader, int64_t step)
{
    struct slot *slot = slot_at(tally->slots, tally->capacity, step);
    struct fnd_step_row row;
    struct fnd_job_row job = {0};
    if (slot->step == step) {
        return slot;
    }
    if (fnd_step_get(reader, step, &row, NULL) != FND_OK ||
        fnd_job_get(reader, row.job, &job, NULL) != FND_OK) {
        return NULL;
    }
    if (tally->count * 2 >= tally->capacity) {
        struct slot *bigger = fnd_alloc(tally->capacity * 2 * sizeof *bigger);
        for (size_t i = 0; i < tally->capacity; i++) {
            if (tally->slots[i].step != 0) {
                *slot_at(bigger, tally->capacity * 2, tally->slots[i].step) = tally->slots[i];
            }
        }
        free(tally->slots);
        tally->slots = bigger;
        tally->capacity *= 2;
        slot = slot_at(tally->slots, tally->capacity, step);
    }
    *slot = (struct slot){.step = step, .pipeline = pipeline_index(tally, job.pipeline)};
    tally->count++;
    fnd_job_row_finish(&job);
    return slot;
}

static struct tally_day *day_of(struct tally_sum *sum, int64_t at_us)
{
    int64_t day = at_us / day_us;
    for (size_t i = sum->days_count; i > 0; i--) {
        if (sum->days[i - 1].day == day) {
            return &sum->days[i - 1];
        }
    }
    sum->days = fnd_realloc(sum->days, sum->days_count + 1, sizeof *sum->days);
    sum->days[sum->days_count] = (struct tally_day){.day = day};
    return &sum->days[sum->days_count++];
}

static struct tally_detector *detector_of(struct tally_sum *sum, const char *name)
{
    for (size_t i = 0; i < sum->detectors_count; i++) {
        if (strcmp(sum->detectors[i].name, name) == 0) {
            return &sum->detectors[i];
        }
    }
    sum->detectors = fnd_realloc(sum->detectors, sum->detectors_count + 1, sizeof *sum->detectors);
    sum->detectors[sum->detectors_count] = (struct tally_detector){.name = fnd_strdup(name)};
    return &sum->detectors[sum->detectors_count++];
}

/* Values in a document that are no containers. */
static int64_t leaves(struct fnd_json value)
{
    enum fnd_json_type type = fnd_json_type(value);
    int64_t count = 0;
    if (value.bytes == NULL || (type != FND_JSON_OBJECT && type != FND_JSON_ARRAY)) {
        return value.bytes != NULL;
    }
    for (struct fnd_json_walk walk = fnd_json_walk(value); fnd_json_next(&walk);) {
        count += leaves(walk.value);
    }
    return count;
}

/* by: 1, or -1 for a record that was taken back. */
static void count_detectors(struct tally_sum *sum, struct fnd_json record, int by)
{
    struct fnd_json fields = fnd_json_member(record, "fields");
    for (struct fnd_json_walk walk = fnd_json_walk(fnd_json_member(record, "asked"));
         fnd_json_next(&walk);) {
        char *name = fnd_json_strdup(fnd_json_member(walk.value, "detector"));
        char *pointer = fnd_json_strdup(fnd_json_member(walk.value, "pointer"));
        if (name != NULL) {
            struct tally_detector *detector = detector_of(sum, name);
            bool changed = pointer != NULL && fnd_json_member(fields, pointer).bytes != NULL;
            detector->asked += by;
            detector->corrected += changed ? by : 0;
            detector->confirmed += changed ? 0 : by;
        }
        free(name);
        free(pointer);
    }
}

/* The seconds of one answer, or without those of one that was taken back. */
static void count_time(struct tally_sum *sum, struct tally_day *day, int64_t ms, int by)
{
    sum->seconds_ms += by * ms;
    day->seconds_ms += by * ms;
    if (by > 0 && sum->each_count < EACH_MAX) {
        sum->each_ms = fnd_realloc(sum->each_ms, sum->each_count + 1, sizeof *sum->each_ms);
        sum->each_ms[sum->each_count++] = ms;
    }
    for (size_t i = by < 0 ? sum->each_count : 0; i > 0; i--) {
        if (sum->each_ms[i - 1] == ms) {
            sum->each_ms[i - 1] = sum->each_ms[--sum->each_count];
            return;
        }
    }
}

/* event: the answer. by: 1, or -1 when it is taken back. */
static void count_record(struct tally_sum *sum, struct fnd_reader *reader,
                         const struct fnd_event_row *event, int by)
{
    struct fnd_correction_row row;
    struct fnd_text text = {0};
    struct fnd_json record;
    double seconds = 0;
    if (fnd_correction_get(reader, event->id, &row, NULL) != FND_OK ||
        fnd_review_record_json(reader, event->id, &text, NULL) != FND_OK ||
        fnd_json_check(fnd_text_z(&text), text.size, "record", &record, NULL) != FND_OK) {
        fnd_text_finish(&text);
        return;
    }
    struct tally_day *day = day_of(sum, event->at_us);
    sum->accepted += row.verdict == FND_ACCEPTED ? by : 0;
    sum->corrected += row.verdict == FND_CORRECTED ? by : 0;
    sum->rejected += row.verdict == FND_REJECTED ? by : 0;
    day->corrected += row.verdict == FND_CORRECTED ? by : 0;
    if (row.verdict != FND_REJECTED) {
        sum->fields_changed += by * (int64_t)fnd_json_count(fnd_json_member(record, "fields"));
        sum->fields_total += by * leaves(fnd_json_member(record, "model_output"));
    }
    struct fnd_json took = fnd_json_member(record, "seconds");
    if (fnd_json_type(took) == FND_JSON_NUMBER && fnd_json_number(took, &seconds) && seconds >= 0 &&
        seconds < 1e9) {
        count_time(sum, day, (int64_t)(seconds * 1000), by);
    }
    count_detectors(sum, record, by);
    fnd_text_finish(&text);
}

/* An answer that was taken back is on record, and in no figure. */
static void count_undo(struct tally_sum *sum, struct fnd_reader *reader,
                       const struct fnd_event_row *undo)
{
    struct fnd_text text = {0};
    struct fnd_json body;
    struct fnd_event_row answer;
    int64_t id = 0;
    if (fnd_payload_get(reader, undo->id, &text, NULL, NULL) == FND_OK &&
        fnd_json_check(fnd_text_z(&text), text.size, "body", &body, NULL) == FND_OK &&
        fnd_json_integer(fnd_json_member(body, "answer"), &id) &&
        fnd_event_get(reader, id, &answer, NULL) == FND_OK) {
        count_record(sum, reader, &answer, -1);
    }
    fnd_text_finish(&text);
}

struct fold {
    struct tally *tally;
    struct fnd_reader *reader;
    size_t rows;
};

static bool fold_event(const struct fnd_event_row *event, void *context)
{
    struct fold *fold = context;
    struct tally *tally = fold->tally;
    tally->last = event->id;
    fold->rows++;
    bool matters = event->kind == FND_EVENT_ASK || event->kind == FND_EVENT_ANSWER ||
                   event->kind == FND_EVENT_UNDO || event->after.state == FND_COMPLETED;
    struct slot *slot =
        matters && event->step != 0 ? slot_of(tally, fold->reader, event->step) : NULL;
    if (slot == NULL) {
        return true;
    }
    struct tally_sum *sum = &tally->sums[slot->pipeline];
    if (event->kind == FND_EVENT_ASK) {
        sum->asked++;
        day_of(sum, event->at_us)->asked++;
        slot->asked = true;
    } else if (event->kind == FND_EVENT_ANSWER) {
        count_record(sum, fold->reader, event, 1);
    } else if (event->kind == FND_EVENT_UNDO) {
        count_undo(sum, fold->reader, event);
    }
    if (event->after.state == FND_COMPLETED && !slot->asked && !slot->counted) {
        slot->counted = true;
        sum->auto_accepted++;
        day_of(sum, event->at_us)->auto_accepted++;
    }
    return true;
}

enum fnd_status tally_update(struct tally *tally, struct fnd_reader *reader,
                             struct fnd_error *error)
{
    struct fold fold = {.tally = tally, .reader = reader};
    enum fnd_status status = FND_OK;
    do {
        const struct fnd_walk walk = {.after = tally->last, .limit = EVENTS_AT_ONCE};
        fold.rows = 0;
        status = fnd_events_walk(reader, 0, &walk, fold_event, &fold, error);
    } while (status == FND_OK && fold.rows == EVENTS_AT_ONCE);
    return status;
}

static void add(const struct tally_sum *from, struct tally_sum *to)
{
    to->auto_accepted += from->auto_accepted;
    to->accepted += from->accepted;
    to->corrected += from->corrected;
    to->rejected += from->rejected;
    to->asked += from->asked;
    to->fields_changed += from->fields_changed;
    to->fields_total += from->fields_total;
    to->seconds_ms += from->seconds_ms;
    to->each_ms =
        fnd_realloc(to->each_ms, to->each_count + from->each_count + 1, sizeof *to->each_ms);
    for (size_t i = 0; i < from->each_count; i++) {
        to->each_ms[to->each_count++] = from->each_ms[i];
    }
    for (size_t i = 0; i < from->detectors_count; i++) {
        struct tally_detector *detector = detector_of(to, from->detectors[i].name);
        detector->asked += from->detectors[i].asked;
        detector->confirmed += from->detectors[i].confirmed;
        detector->corrected += from->detectors[i].corrected;
    }
    for (size_t i = 0; i < from->days_count; i++) {
        struct tally_day *day = day_of(to, from->days[i].day * day_us);
        day->auto_accepted += from->days[i].auto_accepted;
        day->corrected += from->days[i].corrected;
        day->asked += from->days[i].asked;
        day->seconds_ms += from->days[i].seconds_ms;
    }
}

void tally_add(const struct tally *tally, const char *pipeline, struct tally_sum *sum)
{
    for (size_t i = 0; i < tally->names_count; i++) {
        if (pipeline == NULL || strcmp(tally->names[i], pipeline) == 0) {
            add(&tally->sums[i], sum);
        }
    }
}
