/* SPDX-License-Identifier: MIT */
/* Most of an export's work is done for each record alone: reading it, making its line, parsing that
 * and comparing it. Threads take batches of records in turn; whoever writes takes them in order. */
#include "dataset/making.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataset/redact.h"

enum {
    THREADS_MAX = 4,       /* whoever writes keeps up with no more */
    RECORDS_MIN = 256,     /* fewer are not worth a thread */
    BATCH_RECORDS = 32,    /* handed over at once */
    BATCH_SIZE = 1 << 18,  /* bytes made, then what there is of a batch is handed over */
    WAITING_MAX = 8 << 20, /* bytes handed over and not taken yet; more makes threads wait */
    STACK_SIZE = 1 << 20
};

/** Consecutive records. */
struct batch {
    struct fnd_made *records; /* BATCH_RECORDS */
    size_t ready;             /* handed over */
};

/** A thread that makes lines, or, of the first one, whoever asks for them. */
struct maker {
    struct fnd_making *making;
    struct fnd_plan plan;       /* the export's, with its own connection and what it met itself */
    struct fnd_checker checker; /* its schema */
    struct fnd_made *unhashed;  /* a record whose hash waits for that of the next */
    pthread_t thread;
};

struct fnd_making {
    struct fnd_plan *plan;
    const struct fnd_entry *entries; /* those of the plan, which all share */
    struct maker *makers;
    size_t makers_count, threads;
    struct batch *batches; /* a ring */
    size_t batches_count, count;
    size_t next; /* record to be handed out; only by who asks */
    size_t seen; /* of the batch at hand: known to be ready */
    uint64_t taken_size;
    pthread_mutex_t lock; /* of what follows, and of `ready` */
    pthread_cond_t handed, taken;
    size_t claimed, head; /* batches that a thread took on; the one that is handed out */
    size_t head_taken;    /* of its records */
    uint64_t waiting;     /* bytes that are ready */
    bool asks, stop;      /* whoever writes waits; all shall end */
};

/* --- one record ---------------------------------------------------------------------------- */

static void made_clear(struct fnd_made *made)
{
    fnd_datum_reuse(&made->datum);
    if (made->flaws.count > 0) {
        fnd_flaws_finish(&made->flaws);
    }
    if (made->line.capacity > FND_DATUM_KEPT_MAX) {
        fnd_text_finish(&made->line); /* each of many places would keep as much */
    }
    fnd_text_clear(&made->line);
}

/** The line against JSON, the format's schema and the record. */
static void line_look(struct maker *maker, struct fnd_made *made)
{
    const struct fnd_format *format = maker->plan.format;
    made->status =
        fnd_json_check(made->line.bytes, made->line.size, NULL, &made->json, &made->error);
    if (made->status != FND_OK || !fnd_checker_shape(&maker->checker, made->json, &made->flaws)) {
        return;
    }
    /* What is read back as a foreign file is compared with the record then. */
    if (format->folder == NULL && format->pack == NULL) {
        made->agrees = format->agrees(&made->datum, made->json, &made->error);
    }
}

static void line_make(struct maker *maker, int64_t number, struct fnd_made *made)
{
    struct fnd_plan *plan = &maker->plan;
    struct fnd_datum *datum = &made->datum;
    made->status = fnd_datum_load(plan, number, datum, &made->error);
    made->loaded = made->status == FND_OK;
    if (!plan->reproduces) {
        made->status = fnd_plan_judge(plan, datum, made->status, &made->left, &made->error);
    }
    if (made->status == FND_OK && made->left == FND_LEFT_NONE) {
        made->status = fnd_redact_datum(plan, datum, &made->error);
        if (made->status == FND_OK) {
            made->status = plan->format->line(plan, datum, &made->line, &made->error);
        }
        if (made->status == FND_OK && made->line.size > FND_DATASET_LINE_SIZE_MAX) {
            made->status =
                fnd_error_set(&made->error, FND_LIMIT, "its line has %zu bytes, and %d are allowed",
                              made->line.size, FND_DATASET_LINE_SIZE_MAX);
        }
        if (made->status == FND_OK) {
            line_look(maker, made);
        }
    }
    /* One of another split may be near to one of these. */
    const bool near = made->left == FND_LEFT_NONE ||
                      (made->left == FND_LEFT_FILTERED && fnd_plan_other_split(plan, datum));
    if (plan->near != NULL && made->status == FND_OK && near) {
        made->sketched = fnd_near_look(datum, &made->sketch);
    }
}

static void record_make(struct maker *maker, int64_t number, struct fnd_made *made)
{
    /* Field by field: errors and flaws are large, and seldom any. */
    fnd_error_clear(&made->error);
    made->json = (struct fnd_json){NULL, 0};
    made->status = made->agrees = FND_OK;
    made->left = FND_LEFT_NONE;
    made->loaded = made->sketched = false;
    made->flaws.count = made->flaws.skipped = 0;
    line_make(maker, number, made);
    made->size = made->datum.json.size + made->line.size;
}

/** The hash of a record that waits for no other. */
static void hash_rest(struct maker *maker)
{
    if (maker->unhashed != NULL) {
        struct fnd_datum *datum = &maker->unhashed->datum;
        fnd_redact_record_hash(&maker->plan, &datum->json, datum->hash);
        maker->unhashed = NULL;
    }
}

/** Two hashes at once take less than one after the other. */
static void hash_next(struct maker *maker, struct fnd_made *made)
{
    if (!maker->plan.hashes_later || !made->loaded) {
        return;
    }
    if (maker->unhashed == NULL) {
        maker->unhashed = made;
        return;
    }
    struct fnd_datum *a = &maker->unhashed->datum, *b = &made->datum;
    fnd_sha256_two(a->json.bytes, a->json.size, a->hash, b->json.bytes, b->json.size, b->hash);
    maker->unhashed = NULL;
}

/* --- threads ------------------------------------------------------------------------------- */

/** Hand over what was made of a batch, and wait while too much is ready: but never where whoever
 *  writes would wait, too. Returns false where all shall end.  Under the lock. */
static bool hand_over(struct fnd_making *making, size_t number, size_t ready, size_t size)
{
    struct batch *batch = &making->batches[number % making->batches_count];
    batch->ready = ready;
    making->waiting += size;
    if (making->asks && number == making->head) {
        pthread_cond_signal(&making->handed);
    }
    while (!making->stop && making->waiting > WAITING_MAX &&
           !(number == making->head && making->head_taken == ready)) {
        pthread_cond_wait(&making->taken, &making->lock);
    }
    return !making->stop;
}

static bool batch_make(struct maker *maker, size_t number)
{
    struct fnd_making *making = maker->making;
    struct batch *batch = &making->batches[number % making->batches_count];
    const size_t first = number * BATCH_RECORDS;
    const size_t left = making->count - first;
    const size_t count = left < BATCH_RECORDS ? left : BATCH_RECORDS;
    size_t size = 0;
    bool goes_on = true;
    for (size_t i = 0; i < count && goes_on; i++) {
        record_make(maker, maker->plan.numbers[first + i], &batch->records[i]);
        hash_next(maker, &batch->records[i]);
        size += batch->records[i].size;
        if (i + 1 == count || size >= BATCH_SIZE) {
            hash_rest(maker);
            pthread_mutex_lock(&making->lock);
            goes_on = hand_over(making, number, i + 1, size);
            pthread_mutex_unlock(&making->lock);
            size = 0;
        }
    }
    return goes_on;
}

static void *thread_run(void *context)
{
    struct maker *maker = context;
    struct fnd_making *making = maker->making;
    bool goes_on = true;
    while (goes_on) {
        pthread_mutex_lock(&making->lock);
        const size_t number = making->claimed;
        goes_on = number * BATCH_RECORDS < making->count && !making->stop;
        making->claimed += goes_on;
        while (goes_on && number >= making->head + making->batches_count) {
            pthread_cond_wait(&making->taken, &making->lock);
            goes_on = !making->stop;
        }
        pthread_mutex_unlock(&making->lock);
        goes_on = goes_on && batch_make(maker, number);
    }
    fnd_plan_rest(&maker->plan);
    return NULL;
}

/** Makers on threads of their own, as many as there are processors and connections for. */
static void threads_start(struct fnd_making *making)
{
    sigset_t all, before;
    pthread_attr_t attributes;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for who began */
    if (pthread_attr_init(&attributes) == 0) {
        pthread_attr_setstacksize(&attributes, STACK_SIZE);
        for (size_t i = 1; i < making->makers_count; i++) {
            if (pthread_create(&making->makers[i].thread, &attributes, thread_run,
                               &making->makers[i]) != 0) {
                break;
            }
            making->threads++;
        }
        pthread_attr_destroy(&attributes);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* --- begin and end ------------------------------------------------------------------------- */

/** `reader` is taken. */
static enum fnd_status maker_init(struct fnd_making *making, struct maker *maker,
                                  struct fnd_reader *reader, struct fnd_error *error)
{
    maker->making = making;
    maker->plan = *making->plan;
    maker->plan.reader = reader;
    maker->plan.memo = (struct fnd_record_memo){0};
    maker->plan.redacted = (struct fnd_redacted){0};
    maker->plan.loads = 0;
    maker->plan.hashes_later =
        making->plan->redact == NULL; /* a redacted one has other JSON then */
    return fnd_checker_begin(&maker->checker, making->plan->format, error);
}

static void maker_finish(struct maker *maker)
{
    struct fnd_making *making = maker->making;
    struct fnd_redacted *all = &making->plan->redacted;
    const struct fnd_redacted *own = &maker->plan.redacted;
    all->records += own->records;
    all->values += own->values;
    all->quoted += own->quoted;
    all->paths += own->paths;
    all->inputs += own->inputs;
    /* What it met itself stands before what all share. */
    for (struct fnd_entry **entry = &maker->plan.entries; *entry != NULL; entry = &(*entry)->next) {
        if (*entry == making->entries) {
            *entry = NULL;
            break;
        }
    }
    fnd_entries_finish(maker->plan.entries);
    fnd_plan_rest(&maker->plan);
    fnd_record_memo_finish(&maker->plan.memo);
    fnd_checker_finish(&maker->checker);
    if (maker->plan.reader != making->plan->reader) {
        fnd_reader_close(maker->plan.reader);
    }
}

/** How many threads are of use; none where lines are made by who asks for them. */
static size_t threads_wanted(const struct fnd_plan *plan)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t wanted = plan->options.threads;
    if (wanted == 0) {
        wanted = processors > 0 ? (size_t)processors : 1;
    }
    wanted = wanted < THREADS_MAX ? wanted : THREADS_MAX;
    return plan->count < RECORDS_MIN || wanted == 1 ? 0 : wanted;
}

enum fnd_status fnd_making_begin(struct fnd_plan *plan, struct fnd_making **making_out,
                                 struct fnd_error *error)
{
    struct fnd_making *making = fnd_alloc(sizeof *making);
    const size_t wanted = threads_wanted(plan);
    making->plan = plan;
    making->entries = plan->entries;
    making->count = plan->count;
    making->makers = fnd_realloc(NULL, wanted + 1, sizeof *making->makers);
    memset(making->makers, 0, (wanted + 1) * sizeof *making->makers);
    pthread_mutex_init(&making->lock, NULL);
    pthread_cond_init(&making->handed, NULL);
    pthread_cond_init(&making->taken, NULL);
    fnd_plan_rest(plan); /* the first maker has the plan's connection */
    enum fnd_status status = maker_init(making, &making->makers[0], plan->reader, error);
    making->makers_count = 1;
    for (size_t i = 1; i <= wanted && status == FND_OK; i++) {
        struct fnd_reader *reader = NULL;
        if (fnd_reader_again(plan->reader, &reader, NULL) != FND_OK) {
            break; /* then with fewer */
        }
        status = maker_init(making, &making->makers[i], reader, error);
        making->makers_count++;
    }
    making->batches_count = making->makers_count == 1 ? 1 : making->makers_count + 1;
    making->batches = fnd_realloc(NULL, making->batches_count, sizeof *making->batches);
    for (size_t i = 0; i < making->batches_count; i++) {
        making->batches[i].ready = 0;
        making->batches[i].records = fnd_alloc(BATCH_RECORDS * sizeof(struct fnd_made));
    }
    if (status == FND_OK) {
        threads_start(making);
        *making_out = making;
    } else {
        fnd_making_end(making);
    }
    return status;
}

/** All of the batch at hand that is ready was taken: wait for more of it, or for the next. */
static void wait_on(struct fnd_making *making, size_t at)
{
    pthread_mutex_lock(&making->lock);
    making->waiting -= making->taken_size;
    making->taken_size = 0;
    making->head_taken = at;
    if (at == BATCH_RECORDS) {
        making->batches[making->head % making->batches_count].ready = 0;
        making->head++;
        making->head_taken = 0;
    }
    pthread_cond_broadcast(&making->taken);
    const struct batch *batch = &making->batches[making->head % making->batches_count];
    making->asks = true;
    while (batch->ready == making->head_taken) {
        pthread_cond_wait(&making->handed, &making->lock);
    }
    making->asks = false;
    making->seen = batch->ready;
    pthread_mutex_unlock(&making->lock);
}

struct fnd_made *fnd_making_next(struct fnd_making *making)
{
    const size_t index = making->next++;
    assert(index < making->count);
    if (making->threads == 0) {
        struct fnd_made *made = &making->batches[0].records[0];
        made_clear(made);
        record_make(&making->makers[0], making->plan->numbers[index], made);
        hash_next(&making->makers[0], made);
        hash_rest(&making->makers[0]);
        return made;
    }
    size_t at = index % BATCH_RECORDS;
    if (index > 0) { /* done with the one before */
        struct fnd_made *last =
            &making->batches[(index - 1) / BATCH_RECORDS % making->batches_count]
                 .records[(index - 1) % BATCH_RECORDS];
        making->taken_size += last->size;
        made_clear(last);
    }
    if (at == 0 && index > 0) {
        wait_on(making, BATCH_RECORDS);
    } else if (at == making->seen) {
        wait_on(making, at);
    }
    return &making->batches[index / BATCH_RECORDS % making->batches_count].records[at];
}

void fnd_making_end(struct fnd_making *making)
{
    if (making == NULL) {
        return;
    }
    pthread_mutex_lock(&making->lock);
    making->stop = true;
    pthread_cond_broadcast(&making->taken);
    pthread_mutex_unlock(&making->lock);
    for (size_t i = 1; i <= making->threads; i++) {
        pthread_join(making->makers[i].thread, NULL);
    }
    for (size_t i = 0; i < making->batches_count; i++) {
        for (size_t k = 0; k < BATCH_RECORDS; k++) {
            made_clear(&making->batches[i].records[k]);
            fnd_datum_finish(&making->batches[i].records[k].datum);
            fnd_text_finish(&making->batches[i].records[k].line);
        }
        free(making->batches[i].records);
    }
    for (size_t i = 0; i < making->makers_count; i++) {
        maker_finish(&making->makers[i]);
    }
    pthread_mutex_destroy(&making->lock);
    pthread_cond_destroy(&making->handed);
    pthread_cond_destroy(&making->taken);
    free(making->batches);
    free(making->makers);
    free(making);
}
