/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/env.h"

static const int64_t start_us = 1772366400000000; /* 2026-03-01T12:00:00Z */

Test(env, the_system_clock_goes_on_and_its_randomness_varies)
{
    const struct fnd_env *env = fnd_env_system();
    int64_t wall = env->wall_us(env), monotonic = env->monotonic_us(env);
    cr_expect_gt(wall, start_us - (int64_t)10 * 365 * 86400 * 1000000);
    cr_expect_geq(env->monotonic_us(env), monotonic);
    unsigned char a[300] = {0}, b[300] = {0};
    env->random(env, a, sizeof a);
    env->random(env, b, sizeof b);
    cr_expect_neq(memcmp(a, b, sizeof a), 0);
    cr_expect_neq(memcmp(a + 268, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16), 0, "filled to its end");
    env->random(env, a, 0);
}

Test(env, waiting_ends_when_there_is_something_to_read_or_the_time_is_over)
{
    const struct fnd_env *env = fnd_env_system();
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    int64_t began = env->monotonic_us(env);
    env->wait(env, ends[0], 1500);
    cr_expect_geq(env->monotonic_us(env) - began, 1500, "not before its time");
    cr_assert_eq(write(ends[1], "x", 1), 1);
    env->wait(env, ends[0], -1);
    env->wait(env, ends[0], INT64_MAX);
    close(ends[0]);
    close(ends[1]);
}

Test(env, a_seeded_clock_stands_still_until_it_is_advanced)
{
    struct fnd_env *env = fnd_env_seeded_create(1, start_us);
    cr_expect(env->wall_us(env) == start_us && env->monotonic_us(env) == start_us);
    cr_expect(env->wall_us(env) == start_us);
    fnd_env_seeded_advance(env, 1500);
    cr_expect(env->wall_us(env) == start_us + 1500 && env->monotonic_us(env) == start_us + 1500);
    fnd_env_seeded_destroy(env);
    fnd_env_seeded_destroy(NULL);
}

Test(env, the_same_seed_gives_the_same_bytes_and_another_others)
{
    unsigned char bytes[3][2][64];
    for (size_t i = 0; i < 3; i++) {
        struct fnd_env *env = fnd_env_seeded_create(i < 2 ? 42 : 43, 0);
        env->random(env, bytes[i][0], 64);
        env->random(env, bytes[i][1], 64);
        fnd_env_seeded_destroy(env);
    }
    cr_expect_eq(memcmp(bytes[0], bytes[1], sizeof bytes[0]), 0);
    cr_expect_neq(memcmp(bytes[0], bytes[2], sizeof bytes[0]), 0);
    cr_expect_neq(memcmp(bytes[0][0], bytes[0][1], 64), 0, "each call gives new bytes");
}

Test(env, a_uuid_is_of_version_seven_and_carries_the_clock)
{
    struct fnd_env *env = fnd_env_seeded_create(7, start_us + 123456);
    uint8_t first[FND_UUID_SIZE], second[FND_UUID_SIZE], later[FND_UUID_SIZE];
    fnd_uuid_make(env, first);
    fnd_uuid_make(env, second);
    fnd_env_seeded_advance(env, 1000);
    fnd_uuid_make(env, later);
    uint64_t ms = 0;
    for (size_t i = 0; i < 6; i++) {
        ms = ms << 8 | first[i];
    }
    cr_expect_eq(ms, (uint64_t)(start_us + 123456) / 1000);
    cr_expect(first[6] >> 4 == 7 && first[8] >> 6 == 2 && later[6] >> 4 == 7);
    cr_expect_neq(memcmp(first, second, sizeof first), 0);
    cr_expect_gt(memcmp(later, first, sizeof first), 0, "a later one sorts behind");
    fnd_env_seeded_destroy(env);
    env = fnd_env_seeded_create(7, -5);
    fnd_uuid_make(env, first);
    cr_expect_eq(memcmp(first, "\0\0\0\0\0\0", 6), 0, "no time before 1970");
    fnd_env_seeded_destroy(env);
}

Test(env, a_uuid_is_read_in_its_canonical_form_only)
{
    static const char text[] = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"; /* RFC 9562, appendix A.6 */
    static const uint8_t bytes[FND_UUID_SIZE] = {0x01, 0x7f, 0x22, 0xe2, 0x79, 0xb0, 0x7c, 0xc3,
                                                 0x98, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f};
    uint8_t uuid[FND_UUID_SIZE] = {0};
    char back[FND_UUID_TEXT_SIZE];
    cr_expect_eq(fnd_uuid_parse(text, uuid), 0);
    cr_expect_eq(memcmp(uuid, bytes, sizeof bytes), 0);
    fnd_uuid_format(uuid, back);
    cr_expect_str_eq(back, text);
    static const char *const others[] = {"",
                                         "017f22e2",
                                         "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
                                         "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",
                                         "017F22E2-79B0-7CC3-98C4-DC0C0C07398F",
                                         "017f22e279b07cc398c4dc0c0c07398f",
                                         "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
                                         "017f22e2_79b0-7cc3-98c4-dc0c0c07398f",
                                         "{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}",
                                         " 17f22e2-79b0-7cc3-98c4-dc0c0c07398f"};
    memset(uuid, 9, sizeof uuid);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        cr_expect_eq(fnd_uuid_parse(others[i], uuid), -1, "%s", others[i]);
        cr_expect(uuid[0] == 9 && uuid[15] == 9, "untouched on failure");
    }
}

Test(env, a_time_is_written_in_utc_with_milliseconds)
{
    static const struct {
        int64_t wall_us;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {999, "1970-01-01T00:00:00.000Z"},
        {1000, "1970-01-01T00:00:00.001Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {-1000000, "1969-12-31T23:59:59.000Z"},
        {1772366400000000, "2026-03-01T12:00:00.000Z"},
        {1709164799999999, "2024-02-28T23:59:59.999Z"},
        {1709164800000000, "2024-02-29T00:00:00.000Z"},
        {253402300799999999, "9999-12-31T23:59:59.999Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[FND_TIME_TEXT_SIZE];
        fnd_time_format(cases[i].wall_us, text);
        cr_expect_str_eq(text, cases[i].text);
    }
    char text[FND_TIME_TEXT_SIZE];
    fnd_time_format(INT64_MAX, text);
    fnd_time_format(INT64_MIN, text);
    cr_expect_lt(strlen(text), sizeof text);
}
