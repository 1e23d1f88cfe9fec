/* SPDX-License-Identifier: MIT */
/* Batches over a store that fails: each call of a life in which a batch is chosen from, and of the
 * life behind one that ended with the choice on record, fails once. A plain life behind it ends
 * them; the choice was made once, and all of the batch left by it. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../store/failing.h"
#include "desk.h"
#include "worker/confine.h"

enum {
    LINES = 3,
    ASKED = 1,
    CALLS_MAX = 4000,
    TURNS_MAX = 2000,
    STRIDE = FND_SANITIZED ? 4 : 1 /* where a life takes ten times as long */
};

static const char yaml[] =
    "foundry: v1\nname: batch\nphases:\n"
    "  - {id: read, uses: steps/copy, with: {value: \"${input.doc}\"}}\n"
    "  - {id: review, uses: foundry/human, with: {of: read, choose: {uncertain: 1, quiet: 0s}}}\n"
    "  - {id: behind, uses: steps/copy, with: {value: \"${review}\"}}\n";

static struct desk desk;

/* The first to leave, whose visit reads the choice: the one that holds it leaves last. */
static enum fnd_status choose_second(struct fnd_reader *reader, const struct fnd_choose_want *want,
                                     struct fnd_text *decision, struct fnd_error *error)
{
    struct fnd_step_row row;
    const enum fnd_status status = fnd_step_get(reader, want->steps[0], &row, error);
    fnd_text_printf(
        decision,
        "{\"code\":\"batch_chosen\",\"message\":\"chosen\",\"chosen\":[{\"job\":%" PRId64
        "}],\"members\":[",
        want->steps[want->count / 2]);
    for (size_t i = 0; i < want->count; i++) {
        fnd_text_printf(decision, "%s%" PRId64, i > 0 ? "," : "", want->steps[i]);
    }
    fnd_text_append_z(decision, "]}");
    return status;
}

static void *state_create(void)
{
    return fnd_alloc(1);
}

static const struct fnd_prover chooser = {
    .create = state_create, .destroy = free, .choose = choose_second};

static const char *path_of(int line)
{
    static char path[32];
    (void)snprintf(path, sizeof path, "a.jsonl#%d", line);
    return path;
}

static void begin(void)
{
    desk_begin(&desk, FND_ISOLATION_INLINE, false);
    desk.options.prover = &chooser;
    desk_pipeline(&desk, yaml, NULL);
    for (int i = 1; i <= LINES; i++) {
        char line[64];
        (void)snprintf(line, sizeof line, "{\"id\":\"%d\",\"doc\":%d}", i, i);
        desk_line(&desk, "a.jsonl", line);
    }
}

static bool chosen_on_record(void)
{
    for (int i = 1; i <= LINES; i++) {
        if (desk_step(&desk, path_of(i)).stand.due_us == FND_DUE_CHOICE) {
            return true;
        }
    }
    return false;
}

/** Bring the record to where the choice stands on it and nobody has left the batch. */
static void begin_behind_choice(void)
{
    struct fnd_ingest counts = {0};
    begin();
    desk.options.flight_max = 1;
    desk_open(&desk);
    desk_pin(&desk);
    cr_assert_eq(fnd_engine_resume(desk.engine, NULL, &desk.error), FND_OK);
    cr_assert_eq(fnd_engine_ingest(desk.engine, desk.pin, false, &counts, NULL, NULL, &desk.error),
                 FND_OK);
    fnd_store_flush(fnd_engine_store(desk.engine)); /* all lines are on record */
    for (int i = 0; i < TURNS_MAX && !chosen_on_record(); i++) {
        cr_assert_eq(fnd_engine_turn(desk.engine, &desk.error), FND_OK);
        fnd_store_flush(fnd_engine_store(desk.engine));
    }
    cr_assert(chosen_on_record(), "no choice came");
    desk_close(&desk);
    desk.options.flight_max = 0;
}

/* --- each call -------------------------------------------------------------------------------- */

/** As a command does it; the first failure ends it. */
static enum fnd_status life(struct fnd_error *error)
{
    struct fnd_errors errors = {0};
    struct fnd_ingest counts = {0};
    bool again = false;
    enum fnd_status status = fnd_engine_open(&desk.options, &desk.engine, error);
    if (status == FND_OK) {
        status = fnd_engine_pin(desk.engine, desk.pipeline, NULL, &desk.pin, &errors, NULL);
        if (status != FND_OK) {
            *error = errors.list[0];
        }
    }
    status = status != FND_OK ? status : fnd_engine_resume(desk.engine, "batch", error);
    if (status == FND_OK) {
        status = fnd_engine_ingest(desk.engine, desk.pin, false, &counts, NULL, NULL, error);
    }
    if (status == FND_OK && counts.refused > 0) { /* half the lines would be a batch of their own */
        status = fnd_error_set(error, FND_DENIED, "the lines were not read to their end");
    }
    for (int i = 0; status == FND_OK && i < TURNS_MAX; i++) {
        status = fnd_engine_turn(desk.engine, error);
        if (status == FND_OK && fnd_engine_idle(desk.engine)) {
            if (again) {
                break;
            }
            again = true; /* somebody says run once more: what is stuck is looked at anew */
            status = fnd_engine_resume(desk.engine, NULL, error);
        }
    }
    return status;
}

struct choices {
    struct fnd_reader *reader;
    size_t count;
};

static bool choice_count(const struct fnd_event_row *event, void *context)
{
    struct choices *choices = context;
    struct fnd_text body = {0};
    if (event->kind == FND_EVENT_HOLD) {
        cr_assert_eq(fnd_payload_get(choices->reader, event->id, &body, NULL, NULL), FND_OK);
        choices->count += strstr(fnd_text_z(&body), "\"members\"") != NULL;
        fnd_text_finish(&body);
    }
    return true;
}

/** A life that nothing disturbs brings the batch to its end. */
static void finishes(const char *label)
{
    size_t asked = 0, through = 0;
    desk_run(&desk);
    for (int i = 1; i <= LINES; i++) {
        asked += desk_request(&desk, path_of(i)) > 0;
        through += desk_state(&desk, path_of(i)) == FND_COMPLETED;
    }
    cr_expect_gt(desk_request(&desk, path_of(2)), 0, "%s: the second was chosen", label);
    cr_expect_eq(asked, ASKED, "%s: %zu are asked about", label, asked);
    cr_expect_eq(through, LINES - ASKED, "%s: %zu passed", label, through);
    struct choices choices = {fnd_engine_reader(desk.engine), 0};
    const struct fnd_walk all = {0, SIZE_MAX};
    cr_assert_eq(fnd_events_walk(choices.reader, 0, &all, choice_count, &choices, &desk.error),
                 FND_OK, "%s", desk.error.message);
    cr_expect_eq(choices.count, 1, "%s: chosen %zu times", label, choices.count);
}

static void swept(void (*scene)(void), unsigned told_min)
{
    const char *met = "";
    unsigned at = 1, told = 0;
    failing_place();
    for (; met != NULL && at < CALLS_MAX; at += STRIDE) {
        struct fnd_error error = {0};
        char label[96];
        scene();
        failing_arm(at, FAILING_ERROR);
        const enum fnd_status status = life(&error);
        met = failing_clear();
        (void)snprintf(label, sizeof label, "call %u (%s)", at, met == NULL ? "none" : met);
        desk_close(&desk);
        told += status != FND_OK;
        cr_expect(status == FND_OK || strlen(error.message) > 10, "%s says nothing", label);
        cr_expect(met != NULL || status == FND_OK, "%s: %s", label, error.message);
        finishes(label);
        desk_end(&desk);
    }
    printf("up to call %u, %u lives ended\n", at, told);
    cr_expect_lt(at, CALLS_MAX);
    cr_expect_gt(told, told_min / STRIDE);
}

Test(batched, each_call_of_a_life_with_a_batch, .timeout = 280)
{
    swept(begin, 50);
}

Test(batched, each_call_of_the_life_behind_a_choice, .timeout = 280)
{
    swept(begin_behind_choice, 50);
}

/* --- what it needs is gone -------------------------------------------------------------------- */

static void copies_move(const char *from, const char *to)
{
    char command[512];
    (void)snprintf(command, sizeof command, "mv %s/%s/*.so %s/%s", desk.folder, from, desk.folder,
                   to);
    cr_assert_eq(system(command), 0);
}

static void turns(void)
{
    for (int i = 0; i < 50; i++) {
        cr_assert_eq(fnd_engine_turn(desk.engine, &desk.error), FND_OK, "%s", desk.error.message);
    }
}

/* The plugin's copy is gone: its jobs cannot be taken up, and nobody chooses for them anew. */
Test(batched, whose_pin_does_not_load_waits_until_it_does)
{
    static void (*const scenes[])(void) = {begin, begin_behind_choice};
    for (size_t i = 0; i < 2; i++) {
        scenes[i]();
        if (i == 0) { /* to where all but one wait */
            struct fnd_ingest counts = {0};
            desk.options.prover = &(struct fnd_prover){.create = state_create, .destroy = free};
            desk.options.flight_max = 1;
            desk_open(&desk);
            desk_pin(&desk);
            cr_assert_eq(fnd_engine_resume(desk.engine, NULL, &desk.error), FND_OK);
            cr_assert_eq(
                fnd_engine_ingest(desk.engine, desk.pin, false, &counts, NULL, NULL, &desk.error),
                FND_OK);
            for (int turn = 0;
                 turn < TURNS_MAX && desk_step(&desk, path_of(1)).stand.due_us != FND_DUE_BATCH;
                 turn++) {
                cr_assert_eq(fnd_engine_turn(desk.engine, &desk.error), FND_OK);
            }
            desk_close(&desk);
            desk.options.prover = &chooser;
            desk.options.flight_max = 0;
        }
        copies_move("jobs/.foundry/plugins", "plugins");
        desk_open(&desk);
        cr_assert_eq(fnd_engine_resume(desk.engine, NULL, &desk.error), FND_OK);
        turns();
        cr_expect(fnd_engine_idle(desk.engine), "it waits for nothing that comes by itself");
        cr_expect_eq(chosen_on_record(), i == 1);
        cr_expect_eq(desk_state(&desk, path_of(1)), FND_PAUSED);
        desk_close(&desk);
        copies_move("plugins", "jobs/.foundry/plugins");
        finishes("a copy that was away");
        desk_end(&desk);
    }
}
