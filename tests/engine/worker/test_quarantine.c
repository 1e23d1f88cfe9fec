/* SPDX-License-Identifier: MIT */
/* A plugin whose workers die again and again is kept from running until somebody lifts that. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pool_help.h"
#include "worker/quarantine.h"

#define FAULT "tests/plugins/fault.so"

struct ward {
    char folder[64];
    int fd;
};

static void ward_open(struct ward *ward)
{
    (void)snprintf(ward->folder, sizeof ward->folder, "/tmp/foundry-quarantine-XXXXXX");
    cr_assert_not_null(mkdtemp(ward->folder));
    ward->fd = open(ward->folder, O_RDONLY | O_DIRECTORY);
    cr_assert_gt(ward->fd, 0);
}

static void ward_close(struct ward *ward)
{
    (void)unlinkat(ward->fd, "quarantine", AT_REMOVEDIR);
    (void)close(ward->fd);
    cr_expect_eq(rmdir(ward->folder), 0);
}

static struct fnd_pool *ward_pool(const struct ward *ward)
{
    char *program = built("engine/worker/foundry-worker");
    static const struct fnd_log quiet = {.fd = 2, .level = FND_LOG_ERROR};
    const struct fnd_pool_options options = {.env = fnd_env_system(),
                                             .log = &quiet,
                                             .worker_program = program,
                                             .workers_max = 1,
                                             .quarantine = ward == NULL ? 0 : ward->fd};
    struct fnd_pool *pool = NULL;
    cr_assert_eq(fnd_pool_create(&options, &pool, NULL), FND_OK);
    free(program);
    return pool;
}

static enum fnd_call_end end_of(struct fnd_pool *pool, const struct fixture *fixture,
                                struct fnd_error *error)
{
    struct fnd_pool_call call = call_make(fixture, "{}", 0);
    pool_run(pool, &call);
    *error = call.error;
    call_finish(&call);
    return call.end;
}

Test(quarantine, begins_with_the_last_of_so_many_deaths_in_a_row_and_ends_with_a_release,
     .timeout = 600)
{
    struct ward ward;
    struct fixture bad, good;
    struct fnd_error error = {0};
    char hash[FND_DIGEST_TEXT_SIZE], full[FND_DIGEST_TEXT_SIZE] = "";
    ward_open(&ward);
    fixture_open(&bad, FAULT, "fault", "segv", PLACE);
    fixture_open(&good, FAULT, "fault", "late-call", PLACE);
    struct fnd_pool *pool = ward_pool(&ward);
    /* One good call between them: not in a row. */
    for (int i = 1; i < FND_CRASHES_MAX; i++) {
        cr_assert_eq(end_of(pool, &bad, &error), FND_CALL_CRASHED, "%s", error.message);
    }
    cr_assert_eq(end_of(pool, &good, &error), FND_CALL_RETURNED, "%s", error.message);
    for (int i = 0; i < FND_CRASHES_MAX; i++) {
        cr_assert_eq(end_of(pool, &bad, &error), FND_CALL_CRASHED, "%s", error.message);
    }
    fnd_digest_text(bad.callee.hash, hash);
    for (int again = 0; again < 2; again++) { /* here, and in an engine that is to come */
        cr_assert_eq(end_of(pool, &good, &error), FND_CALL_HELD, "%s", error.message);
        cr_expect_str_eq(error.code, "quarantined");
        cr_expect_not_null(strstr(error.message, hash), "%s", error.message);
        cr_expect_not_null(strstr(error.message, "plugins release"), "%s", error.message);
        fnd_pool_destroy(pool);
        pool = ward_pool(&ward);
    }
    hash[12] = '\0';
    cr_assert_eq(fnd_quarantine_release(ward.fd, hash, full, &error), FND_OK, "%s", error.message);
    cr_expect_eq(strncmp(full, hash, 12), 0);
    cr_assert_eq(end_of(pool, &good, &error), FND_CALL_RETURNED, "%s", error.message);
    fnd_pool_destroy(pool);
    fixture_close(&bad);
    fixture_close(&good);
    ward_close(&ward);
}

Test(quarantine, is_seen_to_be_lifted_by_a_live_engine, .timeout = 600)
{
    struct ward ward;
    struct fixture bad;
    struct fnd_error error = {0};
    char full[FND_DIGEST_TEXT_SIZE] = "";
    ward_open(&ward);
    fixture_open(&bad, FAULT, "fault", "segv", PLACE);
    struct fnd_pool *pool = ward_pool(&ward);
    for (int i = 0; i < FND_CRASHES_MAX; i++) {
        cr_assert_eq(end_of(pool, &bad, &error), FND_CALL_CRASHED);
    }
    cr_assert_eq(end_of(pool, &bad, &error), FND_CALL_HELD);
    cr_assert_eq(fnd_quarantine_release(ward.fd, "", full, &error), FND_OK, "%s", error.message);
    cr_assert_eq(end_of(pool, &bad, &error), FND_CALL_CRASHED, "%s", error.message);
    fnd_pool_destroy(pool);
    fixture_close(&bad);
    ward_close(&ward);
}

Test(quarantine, counts_deaths_while_loading_and_names_the_last, .timeout = 600)
{
    struct ward ward;
    struct fixture bad;
    struct fnd_error error = {0};
    char full[FND_DIGEST_TEXT_SIZE] = "";
    ward_open(&ward);
    fixture_open(&bad, "tests/plugins/bad/constructor.so", "bad", "x", PLACE);
    struct fnd_pool *pool = ward_pool(&ward);
    cr_expect_eq(end_of(pool, &bad, &error), FND_CALL_HELD, "%s", error.message);
    for (int again = 0; again < 2; again++) { /* here, and in an engine that is to come */
        cr_expect_str_eq(error.code, "quarantined");
        cr_expect_not_null(strstr(error.message, "5 times in a row"), "%s", error.message);
        cr_expect_not_null(strstr(error.message, "while it was loaded: signal 6 (SIGABRT)"), "%s",
                           error.message);
        fnd_pool_destroy(pool);
        pool = ward_pool(&ward);
        cr_expect_eq(end_of(pool, &bad, &error), FND_CALL_HELD, "%s", error.message);
    }
    cr_assert_eq(fnd_quarantine_release(ward.fd, "", full, &error), FND_OK, "%s", error.message);
    fnd_pool_destroy(pool);
    fixture_close(&bad);
    ward_close(&ward);
}

/** Without a place to keep it the quarantine holds in its engine; where there is room for it again,
 *  it is kept, and lifted as any other. */
Test(quarantine, that_cannot_be_kept_holds_in_its_engine_until_it_can, .timeout = 600)
{
    struct ward ward;
    struct fixture bad, other;
    struct fnd_error error = {0};
    char full[FND_DIGEST_TEXT_SIZE] = "";
    ward_open(&ward);
    const int file = openat(ward.fd, "quarantine", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    (void)close(file);
    fixture_open(&bad, FAULT, "fault", "segv", PLACE);
    fixture_open(&other, "tests/plugins/noop.so", "noop", "mix", PLACE);
    for (int again = 0; again < 2; again++) {
        struct fnd_pool *pool = ward_pool(again == 0 ? &ward : NULL);
        cr_assert_eq(end_of(pool, &other, &error), FND_CALL_RETURNED, "%s", error.message);
        for (int i = 0; i < FND_CRASHES_MAX; i++) {
            cr_assert_eq(end_of(pool, &bad, &error), FND_CALL_CRASHED, "%s", error.message);
        }
        cr_expect_eq(end_of(pool, &bad, &error), FND_CALL_HELD, "%s", error.message);
        cr_expect_str_eq(error.code, "quarantined");
        cr_expect_eq(end_of(pool, &other, &error), FND_CALL_RETURNED, "only that one: %s",
                     error.message);
        if (again == 0) {
            cr_assert_eq(unlinkat(ward.fd, "quarantine", 0), 0);
            cr_expect_eq(end_of(pool, &bad, &error), FND_CALL_HELD, "%s", error.message);
            cr_expect(fnd_quarantine_has(ward.fd, bad.callee.hash), "there is room for it now");
            cr_expect_eq(fnd_quarantine_release(ward.fd, "", full, &error), FND_OK, "%s",
                         error.message);
            cr_expect_eq(end_of(pool, &bad, &error), FND_CALL_CRASHED, "%s", error.message);
        }
        fnd_pool_destroy(pool);
    }
    fixture_close(&bad);
    fixture_close(&other);
    ward_close(&ward);
}

Test(quarantine, release_says_what_it_cannot_do)
{
    struct ward ward;
    struct fnd_error error = {0};
    char full[FND_DIGEST_TEXT_SIZE] = "";
    uint8_t one[FND_DIGEST_SIZE] = {0xab, 1}, two[FND_DIGEST_SIZE] = {0xab, 2};
    ward_open(&ward);
    cr_expect_eq(fnd_quarantine_release(ward.fd, "ab", full, &error), FND_NOT_FOUND);
    cr_expect_not_null(strstr(error.message, "none at all"), "%s", error.message);
    cr_assert_eq(fnd_quarantine_add(ward.fd, one, "why", &error), FND_OK, "%s", error.message);
    cr_assert_eq(fnd_quarantine_add(ward.fd, two, "why", &error), FND_OK, "%s", error.message);
    cr_expect_eq(fnd_quarantine_release(ward.fd, "ac", full, &error), FND_NOT_FOUND);
    cr_expect_not_null(strstr(error.message, "ab01"), "%s", error.message);
    cr_expect_eq(fnd_quarantine_release(ward.fd, "ab", full, &error), FND_CONFLICT);
    cr_expect_eq(fnd_quarantine_release(ward.fd, "ab01", full, &error), FND_OK);
    cr_expect(!fnd_quarantine_has(ward.fd, one) && fnd_quarantine_has(ward.fd, two));
    cr_expect_eq(fnd_quarantine_release(ward.fd, "ab", full, &error), FND_OK);
    ward_close(&ward);
}
