/* SPDX-License-Identifier: MIT */
/* What was written is read back before it is handed over. */
#define _GNU_SOURCE /* sync_file_range, fallocate */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "dataset/internal.h"

TestSuite(sink, .init = fnd_digest_setup);

/* What the kernel says to a wait for a range: 0, or the errno value of the `wait_at`-th. */
static int wait_failure, wait_at, waits;

int sync_file_range(int fd, off64_t from, off64_t size, unsigned flags)
{
    if ((flags & SYNC_FILE_RANGE_WAIT_AFTER) != 0 && ++waits >= wait_at && wait_failure != 0) {
        errno = wait_failure;
        return -1;
    }
    return (int)syscall(SYS_sync_file_range, fd, from, size, flags);
}

static const char lines[] = "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n";

/** A sealed one that holds three lines, many times over so that it passes its buffer. */
static void filled(struct fnd_sink *sink, const char *path, size_t times)
{
    struct fnd_error error = {0};
    cr_assert_eq(fnd_sink_open(sink, path, &error), FND_OK, "%s", error.message);
    for (size_t i = 0; i < times; i++) {
        cr_assert_eq(fnd_sink_write(sink, lines, sizeof lines - 1, &error), FND_OK);
    }
    cr_assert_eq(fnd_sink_seal(sink, &error), FND_OK, "%s", error.message);
}

Test(sink, what_comes_back_is_what_was_written)
{
    static const size_t times[] = {0, 1, 10000};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        struct fnd_sink sink;
        struct fnd_error error = {0};
        filled(&sink, NULL, times[i]);
        cr_expect_eq(fnd_sink_compare(&sink, 3 * times[i], 0, &error), FND_OK, "%s", error.message);
        fnd_sink_finish(&sink);
    }
}

Test(sink, one_bit_that_comes_back_otherwise_is_told)
{
    struct fnd_sink sink;
    struct fnd_error error = {0};
    filled(&sink, NULL, 10000);
    const off_t places[] = {0, 65536, (off_t)sink.size - 1};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char byte = 0;
        cr_assert_eq(pread(sink.fd, &byte, 1, places[i]), 1);
        const char other = (char)(byte ^ 1);
        cr_assert_eq(pwrite(sink.fd, &other, 1, places[i]), 1);
        error = (struct fnd_error){0};
        cr_expect_eq(fnd_sink_compare(&sink, 30000, 0, &error), FND_DAMAGED);
        cr_expect(strstr(error.message, "is not what was written") != NULL, "%s", error.message);
        cr_assert_eq(pwrite(sink.fd, &byte, 1, places[i]), 1);
    }
    cr_expect_eq(fnd_sink_compare(&sink, 30000, 0, &error), FND_OK);
    fnd_sink_finish(&sink);
}

Test(sink, a_file_that_is_shorter_or_longer_is_told)
{
    struct fnd_sink sink;
    struct fnd_error error = {0};
    filled(&sink, NULL, 10);
    cr_assert_eq(ftruncate(sink.fd, (off_t)sink.size - 8), 0);
    cr_expect_eq(fnd_sink_compare(&sink, 30, 0, &error), FND_DAMAGED);
    cr_assert_eq(ftruncate(sink.fd, 0), 0);
    cr_expect_eq(fnd_sink_compare(&sink, 30, 0, &error), FND_DAMAGED);
    fnd_sink_finish(&sink);
}

/* Many pieces, and the last one shorter: wherever a byte is another, or none, it is told. */
Test(sink, all_of_a_long_file_is_read_back)
{
    enum { PIECE = 1 << 16 };
    struct fnd_sink sink;
    struct fnd_error error = {0};
    const size_t times = 100000;
    filled(&sink, NULL, times);
    cr_assert_gt(sink.size, 30u * PIECE);
    cr_assert_neq(sink.size % PIECE, 0);
    cr_expect_eq(fnd_sink_compare(&sink, 3 * times, 0, &error), FND_OK, "%s", error.message);
    cr_expect_eq(fnd_sink_compare(&sink, 3 * times - 1, 0, &error), FND_DAMAGED);
    const off_t size = (off_t)sink.size, last = size - size % PIECE;
    const off_t places[] = {0, 8 * PIECE - 1, 8 * PIECE, 8 * PIECE + 1, last - 1, last, size - 1};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char byte = 0;
        cr_assert_eq(pread(sink.fd, &byte, 1, places[i]), 1);
        const char other = (char)(byte ^ 1);
        cr_assert_eq(pwrite(sink.fd, &other, 1, places[i]), 1);
        cr_expect_eq(fnd_sink_compare(&sink, 3 * times, 0, &error), FND_DAMAGED, "%jd",
                     (intmax_t)places[i]);
        cr_assert_eq(pwrite(sink.fd, &byte, 1, places[i]), 1);
    }
    cr_expect_eq(fnd_sink_compare(&sink, 3 * times, 0, &error), FND_OK);
    cr_assert_eq(pwrite(sink.fd, "\n", 1, size), 1);
    cr_expect_eq(fnd_sink_compare(&sink, 3 * times, 0, &error), FND_DAMAGED, "a byte more");
    cr_assert_eq(ftruncate(sink.fd, last), 0);
    cr_expect_eq(fnd_sink_compare(&sink, 3 * times, 0, &error), FND_DAMAGED, "a piece less");
    cr_assert_eq(ftruncate(sink.fd, 8 * PIECE - 8), 0);
    cr_expect_eq(fnd_sink_compare(&sink, 3 * times, 0, &error), FND_DAMAGED, "part of it");
    fnd_sink_finish(&sink);
}

/* Two pieces that change places have the same bytes, and are not the same file. */
Test(sink, pieces_in_another_order_are_told)
{
    enum { PIECE = 1 << 16 };
    struct fnd_sink sink;
    struct fnd_error error = {0};
    char *first = malloc(PIECE), *second = malloc(PIECE);
    const size_t times = 100000;
    filled(&sink, NULL, times);
    cr_assert_eq(pread(sink.fd, first, PIECE, 0), PIECE);
    cr_assert_eq(pread(sink.fd, second, PIECE, PIECE), PIECE);
    cr_assert_neq(memcmp(first, second, PIECE), 0);
    cr_assert_eq(pwrite(sink.fd, second, PIECE, 0), PIECE);
    cr_assert_eq(pwrite(sink.fd, first, PIECE, PIECE), PIECE);
    cr_expect_eq(fnd_sink_compare(&sink, 3 * times, 0, &error), FND_DAMAGED);
    free(first);
    free(second);
    fnd_sink_finish(&sink);
}

/* Lines larger than a piece, and sizes around a piece's end: what lies in the file is what came. */
Test(sink, the_file_holds_what_was_written_however_it_came)
{
    enum { PIECE = 1 << 16 };
    static const size_t sizes[] = {1, PIECE - 1, 1, PIECE, PIECE + 1, 5 * PIECE - 3, 2, 70, 3};
    struct fnd_sink sink;
    struct fnd_error error = {0};
    struct fnd_text all = {0}, found = {0};
    uint32_t seed = 7;
    cr_assert_eq(fnd_sink_open(&sink, NULL, &error), FND_OK, "%s", error.message);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const size_t from = all.size;
        for (size_t k = 0; k < sizes[i]; k++) {
            seed = seed * 1664525 + 1013904223;
            fnd_text_append_byte(&all, (char)('a' + seed / (1 << 24) % 26));
        }
        cr_assert_eq(fnd_sink_write(&sink, all.bytes + from, sizes[i], &error), FND_OK);
    }
    cr_assert_eq(fnd_sink_seal(&sink, &error), FND_OK);
    cr_expect_eq(fnd_sink_text(&sink, &found, &error), FND_OK);
    cr_assert_eq(found.size, all.size);
    cr_expect_eq(memcmp(found.bytes, all.bytes, all.size), 0);
    uint8_t digest[FND_DIGEST_SIZE];
    char sha256[FND_DIGEST_TEXT_SIZE];
    fnd_sha256(all.bytes, all.size, digest);
    fnd_digest_text(digest, sha256);
    cr_expect_str_eq(sink.sha256, sha256);
    cr_expect_eq(fnd_sink_compare(&sink, 0, 0, &error), FND_OK, "%s", error.message);
    fnd_text_finish(&all);
    fnd_text_finish(&found);
    fnd_sink_finish(&sink);
}

Test(sink, a_line_too_many_is_told_although_its_bytes_came_back)
{
    struct fnd_sink sink;
    struct fnd_error error = {0};
    filled(&sink, NULL, 1);
    cr_expect_eq(fnd_sink_compare(&sink, 2, 0, &error), FND_DAMAGED, "a line held a newline");
    cr_expect(strstr(error.message, "2 lines were written and 3 came back") != NULL, "%s",
              error.message);
    cr_expect_eq(fnd_sink_compare(&sink, 1, 2, &error), FND_OK, "an array has a line around it");
    fnd_sink_finish(&sink);
}

/* --- a file that is longer than what the disk is given time for --------------------------------
 */

enum { MIB = 1 << 20, LONG_MIB = 40, PER_MIB = MIB / 64 };

static char long_path[64];

/** Begin one with a name, in a folder of its own. */
static void long_begin(struct fnd_sink *sink)
{
    struct fnd_error error = {0};
    const char *tmp = getenv("TMPDIR");
    snprintf(long_path, sizeof long_path, "%s/foundry-sink-XXXXXX", tmp != NULL ? tmp : "/tmp");
    cr_assert_not_null(mkdtemp(long_path));
    strcat(long_path, "/file");
    cr_assert_eq(fnd_sink_open(sink, long_path, &error), FND_OK, "%s", error.message);
}

/** As many MiB of lines of 64 bytes, no two alike, from the line `from` on. */
static enum fnd_status long_write(struct fnd_sink *sink, size_t from, size_t mib,
                                  struct fnd_error *error)
{
    enum fnd_status status = FND_OK;
    for (size_t i = from; i < from + mib * PER_MIB && status == FND_OK; i++) {
        char line[65];
        snprintf(line, sizeof line, "{\"line\":%-54zu}\n", i);
        status = fnd_sink_write(sink, line, 64, error);
    }
    return status;
}

static void long_end(struct fnd_sink *sink)
{
    fnd_sink_finish(sink);
    *strrchr(long_path, '/') = '\0';
    cr_expect_eq(rmdir(long_path), 0, "nothing is left");
}

/* Most of it comes back before all is written: what was another byte then is told, although it is
 * the right one at the end. */
Test(sink, a_long_file_is_read_back_while_it_is_written)
{
    static const struct {
        size_t mib;  /* written before the byte is altered */
        off_t place; /* where */
    } cases[] = {{2, 0}, {2, MIB - 1}, {2, MIB}, {20, 18 * MIB + 70000}};
    for (size_t i = 0; i <= sizeof cases / sizeof cases[0]; i++) {
        struct fnd_sink sink;
        struct fnd_error error = {0};
        const bool altered = i < sizeof cases / sizeof cases[0];
        const size_t first = altered ? cases[i].mib : 1;
        char byte = 0;
        long_begin(&sink);
        cr_assert_eq(long_write(&sink, 0, first, &error), FND_OK, "%s", error.message);
        if (altered) {
            cr_assert_eq(pread(sink.fd, &byte, 1, cases[i].place), 1);
            const char other = (char)(byte ^ 1);
            cr_assert_eq(pwrite(sink.fd, &other, 1, cases[i].place), 1);
        }
        cr_assert_eq(long_write(&sink, first * PER_MIB, LONG_MIB - first, &error), FND_OK);
        if (altered) {
            cr_assert_eq(pwrite(sink.fd, &byte, 1, cases[i].place), 1);
        }
        cr_assert_eq(fnd_sink_seal(&sink, &error), FND_OK, "%s", error.message);
        cr_expect_eq(fnd_sink_compare(&sink, (size_t)LONG_MIB * PER_MIB, 0, &error),
                     altered ? FND_DAMAGED : FND_OK, "case %zu: %s", i, error.message);
        if (!altered) {
            cr_expect_geq(sink.back.size, 30u * MIB, "%ju came back while it was written",
                          (uintmax_t)sink.back.size);
            cr_expect_eq(fnd_sink_compare(&sink, (size_t)LONG_MIB * PER_MIB - 1, 0, &error),
                         FND_DAMAGED, "lines are counted in both halves");
        }
        long_end(&sink);
    }
}

/** How many pages of a long file are in memory. */
static size_t pages_held(int fd)
{
    const size_t size = (size_t)LONG_MIB * MIB, count = size / (size_t)sysconf(_SC_PAGESIZE);
    void *map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    unsigned char *there = malloc(count);
    size_t held = 0;
    cr_assert(map != MAP_FAILED && mincore(map, size, there) == 0);
    for (size_t i = 0; i < count; i++) {
        held += there[i] & 1;
    }
    munmap(map, size);
    free(there);
    return held;
}

/* What the disk has leaves memory, where the file lies on one. */
Test(sink, a_long_file_passes_through_a_few_pages)
{
    struct fnd_sink sink;
    struct fnd_error error = {0};
    long_begin(&sink);
    cr_assert_eq(long_write(&sink, 0, LONG_MIB, &error), FND_OK, "%s", error.message);
    const size_t pages = (size_t)LONG_MIB * MIB / (size_t)sysconf(_SC_PAGESIZE);
    const size_t held = pages_held(sink.fd);
    cr_assert_eq(fsync(sink.fd), 0);
    posix_fadvise(sink.fd, 0, 0, POSIX_FADV_DONTNEED);
    if (pages_held(sink.fd) < pages / 8) { /* else it lies in memory alone, as on tmpfs */
        cr_expect_leq(held, pages / 2, "%zu of %zu pages are in memory", held, pages);
    }
    long_end(&sink);
}

Test(sink, a_disk_that_does_not_take_it_is_told_as_soon_as_it_says_so)
{
    static const struct {
        int failure;
        enum fnd_status status;
    } cases[] = {{EIO, FND_IO}, {ENOSPC, FND_FULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_sink sink;
        struct fnd_error error = {0};
        wait_failure = cases[i].failure;
        wait_at = 5;
        waits = 0;
        long_begin(&sink);
        cr_expect_eq(long_write(&sink, 0, LONG_MIB, &error), cases[i].status);
        cr_expect(strstr(error.message, "the disk did not take what was written to") != NULL, "%s",
                  error.message);
        cr_expect_eq(waits, 5, "and nothing more is written");
        long_end(&sink);
    }
}

Test(sink, a_file_system_without_ranges_is_read_back_at_the_end)
{
    static const int failures[] = {EINVAL, ENOSYS, ESPIPE, EOPNOTSUPP};
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        struct fnd_sink sink;
        struct fnd_error error = {0};
        wait_failure = failures[i];
        wait_at = i % 2 == 0 ? 1 : 7;
        waits = 0;
        long_begin(&sink);
        cr_assert_eq(long_write(&sink, 0, LONG_MIB, &error), FND_OK, "%s", error.message);
        cr_assert_eq(fnd_sink_seal(&sink, &error), FND_OK, "%s", error.message);
        cr_expect_eq(waits, wait_at, "it is not asked again");
        cr_expect_eq(sink.back.size, (uint64_t)(wait_at - 1) * MIB);
        cr_expect_eq(fnd_sink_compare(&sink, (size_t)LONG_MIB * PER_MIB, 0, &error), FND_OK, "%s",
                     error.message);
        long_end(&sink);
    }
}
