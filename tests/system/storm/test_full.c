/* SPDX-License-Identifier: MIT */
/* A disk that is full: the jobs stop with a word on it, nothing acknowledged is lost, and they go
 * on once there is space. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "place.h"

enum { JOBS = 40 };

static const char growing[] =
    "foundry: v1\nname: growing\ninputs: {match: [\"*.jsonl\"]}\nphases:\n"
    "  - {id: one, uses: noop/mix, isolation: inline, with: {text: \"${input.t}\", size: 20000}}\n"
    "  - {id: two, uses: noop/mix, isolation: inline, with: {text: \"${one.text}\", size: 20000}}\n"
    "  - {id: keep, uses: steps/keep, isolation: inline, with: {text: \"${two.text}\"}}\n";

static struct place place;

static void jobs_write(void)
{
    for (int i = 0; i < JOBS; i++) {
        char line[64];
        int size = snprintf(line, sizeof line, "{\"id\":%d,\"t\":\"text %d\"}\n", i, i);
        place_write(&place, "a.jsonl", line, (size_t)size);
    }
}

static void expect_full(enum fnd_status status)
{
    cr_expect_eq(status, FND_FULL, "status %s: %s", fnd_status_name(status), place.error.message);
    cr_expect_not_null(strstr(place.error.message, "storage full"), "%s", place.error.message);
    cr_expect_not_null(strstr(place.error.message, place.jobs), "%s", place.error.message);
}

/** Nothing that was acknowledged is lost, and all goes on: there is space again. */
static void goes_on(void)
{
    place_check(&place);
    cr_assert_eq(place_open(&place), FND_OK, "%s", place.error.message);
    cr_assert_eq(place_run(&place), FND_OK, "%s", place.error.message);
    cr_expect_eq(place_count(&place, FND_COMPLETED), JOBS);
    place_check(&place);
    cr_expect_gt(place.acks_count, (size_t)JOBS * 3);
}

/** Fill the file system under the job directory but for some bytes. */
static void fill(const char *path, off_t left)
{
    static char bytes[1 << 16];
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    ssize_t size;
    do {
        size = write(fd, bytes, sizeof bytes);
    } while (size > 0);
    cr_assert_eq(errno, ENOSPC);
    off_t end = lseek(fd, 0, SEEK_END);
    cr_assert_gt(end, left);
    cr_assert_eq(ftruncate(fd, end - left), 0);
    close(fd);
}

/** Put a small file system under the job directory, in a mount namespace of this test's own.
 *  false: that is not permitted here. */
static bool small_disk(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", place.jobs, "tmpfs", 0, "size=32m,mode=0700") == 0;
}

/** In-line plugins are never unloaded, so it stays busy until this process ends. */
static void small_disk_gone(void)
{
    cr_expect_eq(umount2(place.jobs, MNT_DETACH), 0, "%s", strerror(errno));
}

Test(full, a_full_disk_stops_jobs_and_loses_nothing)
{
    static const off_t left[] = {1 << 20, 300 << 10, 40 << 10};
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
        place_begin(&place, growing);
        if (!small_disk()) {
            printf("skipped: no file system can be mounted here (%s)\n", strerror(errno));
            place_end(&place);
            cr_skip_test("mounting is not permitted");
        }
        char filler[PLACE_PATH_SIZE + 16];
        snprintf(filler, sizeof filler, "%s/.filler", place.jobs);
        jobs_write();
        cr_assert_eq(place_open(&place), FND_OK, "%s", place.error.message);
        fill(filler, left[i]);
        expect_full(place_run(&place));
        printf("%ld bytes left: %zu transitions acknowledged; %s\n", (long)left[i],
               place.acks_count, place.error.message);
        cr_expect_lt(place_count(&place, FND_COMPLETED), JOBS); /* one may still look */
        place_check(&place);
        place_close(&place);
        place_check(&place); /* from outside, and there is still no space */
        cr_assert_eq(unlink(filler), 0);
        goes_on();
        place_close(&place);
        small_disk_gone();
        place_end(&place);
    }
}

Test(full, a_disk_that_is_full_from_the_start_refuses_and_then_works)
{
    place_begin(&place, growing);
    if (!small_disk()) {
        printf("skipped: no file system can be mounted here (%s)\n", strerror(errno));
        place_end(&place);
        cr_skip_test("mounting is not permitted");
    }
    char filler[PLACE_PATH_SIZE + 16];
    snprintf(filler, sizeof filler, "%s/.filler", place.jobs);
    jobs_write();
    for (off_t left = 0; left < 256 << 10; left += 12 << 10) {
        fill(filler, left);
        memset(&place.error, 0, sizeof place.error);
        enum fnd_status status = place_open(&place);
        if (status == FND_OK) {
            status = place_run(&place);
        }
        cr_expect_eq(status, FND_FULL, "%ld bytes left: %s: %s", (long)left,
                     fnd_status_name(status), place.error.message);
        place_close(&place);
    }
    cr_assert_eq(unlink(filler), 0);
    goes_on();
    place_close(&place);
    small_disk_gone();
    place_end(&place);
}

static void file_size_limit(rlim_t bytes)
{
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

Test(full, a_file_size_limit_is_told_like_a_full_disk)
{
    static const rlim_t limits[] = {400 << 10, 200 << 10, 16 << 10};
    struct rlimit before;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN); /* as the engine's program does */
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        place_begin(&place, growing);
        jobs_write();
        cr_assert_eq(place_open(&place), FND_OK, "%s", place.error.message);
        file_size_limit(limits[i]);
        expect_full(place_run(&place));
        printf("limit %lu: %zu transitions acknowledged\n", (unsigned long)limits[i],
               place.acks_count);
        place_check(&place);
        place_close(&place);
        file_size_limit(before.rlim_cur);
        goes_on();
        place_end(&place);
    }
}
