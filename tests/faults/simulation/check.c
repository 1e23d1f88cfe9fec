/* SPDX-License-Identifier: MIT */
/* The ledger against the store: what was acknowledged is on record, what is on record follows the
 * rules and stays what it was. */
#define _GNU_SOURCE /* memfd_create */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/stat.h>

#include "dataset/dataset.h"
#include "sim.h"
#include "store/verify.h"

struct sim_checker {
    struct sim_world *world;
    struct fnd_reader *reader;
    struct fnd_text body;
    int64_t next; /* event to come */
    bool again;   /* from the first event on, against what was seen before */
};

static struct sim_checker *current; /* for whoever has to know what is on record: one a process */

void sim_check_for(struct sim_checker *checker)
{
    current = checker;
}

void sim_check_now(void)
{
    if (current != NULL) {
        sim_check_new(current);
    }
}

bool sim_checker_open(struct sim_world *world, struct sim_checker **checker)
{
    struct fnd_error error = {0};
    struct sim_checker *made = fnd_alloc(sizeof *made);
    made->world = world;
    sim_disk_rest(true);
    const bool opened = fnd_reader_open(world->jobs_folder, &made->reader, &error) == FND_OK;
    sim_disk_rest(false);
    if (!opened) {
        sim_violation(world, "the record cannot be read: %s", error.message);
        free(made);
        return false;
    }
    *checker = made;
    return true;
}

void sim_checker_close(struct sim_checker *checker)
{
    if (checker != NULL) {
        sim_disk_rest(true);
        fnd_reader_close(checker->reader);
        sim_disk_rest(false);
        fnd_text_finish(&checker->body);
        free(checker);
    }
}

/** A hash of all an event says. */
static uint64_t print_of(const struct fnd_event_row *row, const struct fnd_text *body)
{
    const int64_t numbers[] = {row->id,           row->at_us,         row->step,
                               row->prev,         row->ref,           row->kind,
                               row->phase,        row->attempt,       row->level,
                               row->after.state,  row->after.phase,   row->after.attempt,
                               row->after.due_us, row->after.failures};
    static const uint8_t key[FND_SHORT_SIZE] = {7};
    uint8_t hash[FND_SHORT_SIZE];
    uint64_t print;
    fnd_short_hash(key, numbers, sizeof numbers, hash);
    fnd_short_hash(hash, fnd_text_z(body), body->size, hash);
    memcpy(&print, hash, sizeof print);
    return print;
}

static bool has_body(enum fnd_event_kind kind)
{
    return kind != FND_EVENT_START && kind != FND_EVENT_DRAIN;
}

static bool event_take(const struct fnd_event_row *row, void *context)
{
    struct sim_checker *checker = context;
    struct sim_world *world = checker->world;
    struct fnd_error error = {0};
    fnd_text_clear(&checker->body);
    if (row->id != checker->next || row->id >= SIM_EVENTS_MAX) {
        sim_violation(world, "event %" PRId64 " is on record where %" PRId64 " should be", row->id,
                      checker->next);
        return false;
    }
    checker->next++;
    if (has_body(row->kind) &&
        fnd_payload_get(checker->reader, row->id, &checker->body, NULL, &error) != FND_OK) {
        sim_violation(world, "the payload of event %" PRId64 " (%s) cannot be read: %s", row->id,
                      fnd_event_name(row->kind), error.message);
        return false;
    }
    const uint64_t print = print_of(row, &checker->body);
    if (checker->again) {
        if (world->prints[row->id] != print) {
            sim_violation(world, "event %" PRId64 " (%s) is not what it was", row->id,
                          fnd_event_name(row->kind));
        }
        return !world->broken;
    }
    world->prints[row->id] = print;
    world->absorbed = row->id;
    world->counts.events++;
    sim_model_event(world, row, &checker->body);
    return !world->broken;
}

static void events_walk(struct sim_checker *checker, int64_t from)
{
    struct fnd_error error = {0};
    struct fnd_walk walk = {from, SIZE_MAX};
    checker->next = from + 1;
    sim_disk_rest(true);
    if (fnd_events_walk(checker->reader, 0, &walk, event_take, checker, &error) != FND_OK) {
        sim_violation(checker->world, "the events cannot be read: %s", error.message);
    }
    sim_disk_rest(false);
}

/** What people were told is on record, and where they were told. */
void sim_check_acts(struct sim_world *world)
{
    for (size_t i = 0; i < world->acts_count; i++) {
        const struct sim_act *act = &world->acts[i];
        if (act->end == SIM_TAKEN &&
            (act->recorded == 0 || (act->event != 0 && act->event != act->recorded))) {
            sim_violation(world,
                          "what person p%zu did was acknowledged as event %" PRId64
                          " and is on record as %" PRId64,
                          i, act->event, act->recorded);
        } else if (act->end == SIM_REFUSED && act->recorded != 0) {
            sim_violation(world, "what person p%zu did was refused and is on record as %" PRId64, i,
                          act->recorded);
        }
    }
}

void sim_check_new(struct sim_checker *checker)
{
    struct sim_world *world = checker->world;
    if (world->broken) {
        return;
    }
    events_walk(checker, world->absorbed);
    if (world->newest_ack > world->absorbed) {
        sim_violation(world, "event %" PRId64 " was acknowledged, and the record ends at %" PRId64,
                      world->newest_ack, world->absorbed);
    }
}

static bool ack_compare(const struct fnd_event_row *row, void *context)
{
    struct sim_world *world = context;
    const struct sim_ack *ack = &world->acks[row->id];
    if (ack->kind != 0 &&
        (ack->kind != (int32_t)row->kind || ack->job != row->step ||
         ack->state != (int32_t)row->after.state || ack->attempt != row->attempt)) {
        sim_violation(world, "event %" PRId64 " was told as another than is on record (%s)",
                      row->id, fnd_event_name(row->kind));
    }
    return !world->broken;
}

static void flaw(const char *sentence, void *context)
{
    sim_violation(context, "verify: %s", sentence);
}

/* --- the export ------------------------------------------------------------------------------ */

static bool corrections_add(const struct fnd_correction_row *row, void *context)
{
    struct fnd_text *wanted = context;
    fnd_text_printf(wanted, "%" PRId64 "\n", row->id);
    return true;
}

static void export_read(struct sim_world *world, int fd, struct fnd_text *bytes)
{
    struct stat file;
    if (fstat(fd, &file) != 0) {
        sim_violation(world, "the export cannot be read");
        return;
    }
    fnd_text_reserve(bytes, (size_t)file.st_size + 1);
    const ssize_t got = pread(fd, bytes->bytes, (size_t)file.st_size, 0);
    bytes->size = got > 0 ? (size_t)got : 0;
    bytes->bytes[bytes->size] = '\0';
}

static void export_once(struct sim_checker *checker, struct fnd_store *store,
                        struct fnd_text *bytes)
{
    struct fnd_error error = {0};
    struct fnd_export_result result = {0};
    int fd = memfd_create("export", MFD_CLOEXEC);
    const struct fnd_export_options options = {.format = "foundry", .out = "-", .fd = fd};
    if (fnd_dataset_export(checker->reader, store, &options, &result, &error) != FND_OK) {
        sim_violation(checker->world, "the export failed: %s", error.message);
    }
    fnd_export_result_finish(&result);
    export_read(checker->world, fd, bytes);
    close(fd);
}

/** P6: every correction once, in commit order; twice the same bytes. */
static void export_check(struct sim_checker *checker, struct fnd_store *store)
{
    struct sim_world *world = checker->world;
    struct fnd_text first = {0}, second = {0}, found = {0}, wanted = {0};
    size_t lines = 0;
    export_once(checker, store, &first);
    export_once(checker, store, &second);
    if (first.size != second.size ||
        memcmp(fnd_text_z(&first), fnd_text_z(&second), first.size) != 0) {
        sim_violation(world, "two exports of the same records differ");
    }
    for (const char *at = fnd_text_z(&first); *at != '\0';) {
        const char *end = strchr(at, '\n');
        const size_t size = end != NULL ? (size_t)(end - at) : strlen(at);
        int64_t record = 0;
        fnd_json_integer(fnd_json_find((struct fnd_json){at, size}, "/provenance/record"), &record);
        fnd_text_printf(&found, "%" PRId64 "\n", record);
        lines++;
        at += size + (end != NULL);
    }
    struct fnd_walk walk = {0, SIZE_MAX};
    struct fnd_error error = {0};
    if (fnd_corrections_walk(checker->reader, &walk, corrections_add, &wanted, &error) != FND_OK ||
        strcmp(fnd_text_z(&found), fnd_text_z(&wanted)) != 0) {
        sim_violation(world, "the export has other records than the store, or in another order");
    }
    if (lines != world->corrections) {
        sim_violation(world, "%zu corrections were made and %zu are exported", world->corrections,
                      lines);
    }
    world->counts.exported += lines;
    fnd_text_finish(&first);
    fnd_text_finish(&second);
    fnd_text_finish(&found);
    fnd_text_finish(&wanted);
}

void sim_check_all(struct sim_checker *checker, struct fnd_engine *engine)
{
    struct sim_world *world = checker->world;
    struct fnd_error error = {0};
    struct fnd_verify verified = {0};
    int64_t head = 0;
    sim_check_new(checker);
    sim_check_acts(world);
    for (size_t i = 0; i < world->jobs_count; i++) {
        const struct sim_job *job = &world->jobs[i];
        if (job->number == 0 || (int)job->stand.state <= FND_STATES_LIVE_MAX) {
            sim_violation(world, "job %zu has not ended: it is %s at p%" PRId32, i,
                          job->number == 0 ? "not on record" : fnd_state_name(job->stand.state),
                          job->stand.phase);
        }
    }
    const int64_t seen = world->absorbed;
    checker->again = true;
    events_walk(checker, 0);
    if (checker->next - 1 != seen) {
        sim_violation(world, "%" PRId64 " events were seen on record, %" PRId64 " are there now",
                      seen, checker->next - 1);
    }
    struct fnd_walk walk = {0, SIZE_MAX};
    fnd_events_walk(checker->reader, 0, &walk, ack_compare, world, NULL);
    checker->again = false;
    if (fnd_reader_head(checker->reader, &head, world->chain, &error) != FND_OK || head != seen) {
        sim_violation(world, "the head of the chain is %" PRId64 ", not %" PRId64, head, seen);
    }
    if (fnd_store_verify(checker->reader, &verified, flaw, world, &error) != FND_OK) {
        sim_violation(world, "verify could not look at everything: %s", error.message);
    }
    export_check(checker, fnd_engine_store(engine));
}
