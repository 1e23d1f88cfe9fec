/* SPDX-License-Identifier: MIT */
/* SIGTERM: no new phase, what runs may end, the state is saved; a second one does not wait. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "place.h"

enum { JOBS = 12, STOPPED = 143 };

static struct place place;

static void slow_jobs(const char *ms)
{
    struct fnd_text yaml = {0};
    fnd_text_printf(&yaml,
                    "foundry: v1\nname: slow\ninputs: {match: [\"*.jsonl\"]}\nphases:\n"
                    "  - {id: one, uses: steps/slow, with: {ms: %s}}\n"
                    "  - {id: two, uses: steps/slow, with: {ms: %s}}\n"
                    "  - {id: three, uses: steps/copy, isolation: inline, with: {value: 1}}\n",
                    ms, ms);
    place_begin(&place, fnd_text_z(&yaml));
    fnd_text_finish(&yaml);
    for (int i = 0; i < JOBS; i++) {
        char line[32];
        int size = snprintf(line, sizeof line, "{\"id\":%d}\n", i);
        place_write(&place, "a.jsonl", line, (size_t)size);
    }
}

static int64_t now_ms(void)
{
    const struct fnd_env *env = fnd_env_system();
    return env->monotonic_us(env) / 1000;
}

/** Attempts above the first, of whatever is on record. */
static bool again_count(const struct fnd_event_row *row, void *context)
{
    size_t *count = context;
    *count += row->attempt > 1;
    return true;
}

static size_t attempts_again(void)
{
    const struct fnd_walk all = {0, 1000000};
    struct fnd_reader *reader = NULL;
    size_t count = 0;
    cr_assert_eq(fnd_reader_open(place.jobs, &reader, &place.error), FND_OK, "%s",
                 place.error.message);
    cr_assert_eq(fnd_events_walk(reader, 0, &all, again_count, &count, &place.error), FND_OK);
    fnd_reader_close(reader);
    return count;
}

static void expect_saved(void)
{
    cr_expect_eq(place_count(&place, FND_RUNNING), 0, "%" PRId64 " are still running",
                 place_count(&place, FND_RUNNING));
    cr_expect_eq(place_count(&place, FND_COMPLETED) + place_count(&place, FND_QUEUED), JOBS);
    place_check(&place);
}

Test(stop, sigterm_lets_what_runs_end_and_gives_attempts_back)
{
    struct child child;
    slow_jobs("100");
    child_start(&place, &child, "--flight", "6");
    cr_assert(child_says(&child, "ack output"));
    const int64_t begun = now_ms();
    kill(child.pid, SIGTERM);
    cr_expect_eq(child_end(&child), STOPPED);
    cr_expect_lt(now_ms() - begun, 10000, "it took %" PRId64 " ms", now_ms() - begun);
    cr_expect_lt(place_count(&place, FND_COMPLETED), JOBS);
    expect_saved();

    child_start(&place, &child, "--flight", "6");
    cr_expect_eq(child_end(&child), 0);
    cr_expect_eq(place_count(&place, FND_COMPLETED), JOBS);
    cr_expect_eq(attempts_again(), 0, "a stop cost attempts");
    place_check(&place);
    place_end(&place);
}

Test(stop, a_second_sigterm_cancels_what_runs)
{
    enum { GRACE_MS = 5000 }; /* the phase looks every 5 ms; the rest is a busy machine's */
    struct child child;
    slow_jobs("60000");
    child_start(&place, &child, "--flight", "6");
    cr_assert(child_says(&child, "ack"));
    kill(child.pid, SIGTERM);
    const struct timespec gap = {.tv_nsec = 300000000}; /* in which nothing may end */
    nanosleep(&gap, NULL);
    cr_expect_eq(kill(child.pid, 0), 0, "it did not wait for what runs");
    const int64_t begun = now_ms();
    kill(child.pid, SIGTERM);
    cr_expect_eq(child_end(&child), STOPPED);
    cr_expect_lt(now_ms() - begun, GRACE_MS, "it took %" PRId64 " ms", now_ms() - begun);
    expect_saved();
    cr_expect_eq(place_count(&place, FND_QUEUED), JOBS);
    cr_expect_eq(attempts_again(), 0);
    place_end(&place);
}

Test(stop, sigterm_while_a_store_is_made_leaves_one_that_works)
{
    for (int i = 0; i < 8; i++) {
        struct child child;
        const struct timespec delay = {.tv_nsec = i * 4000000};
        slow_jobs("1");
        child_start(&place, &child, "--flight", "6");
        nanosleep(&delay, NULL);
        kill(child.pid, SIGTERM);
        const int code = child_end(&child);
        /* Before the program is set up a signal ends it as any program. */
        cr_expect(code == STOPPED || code == -SIGTERM || code == 0, "case %d: %d", i, code);
        child_start(&place, &child, "--flight", "6");
        cr_expect_eq(child_end(&child), 0, "case %d", i);
        cr_expect_eq(place_count(&place, FND_COMPLETED), JOBS, "case %d", i);
        place_check(&place);
        place_end(&place);
    }
}
