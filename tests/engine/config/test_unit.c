/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "config_help.h"

enum { UNTOUCHED = 4242 };

Test(unit, durations_are_read_exactly_or_not_at_all)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: none */
    } cases[] = {{"0", 0},
                 {"0s", 0},
                 {"250ms", 250},
                 {"60s", 60000},
                 {"5m", 300000},
                 {"2h", 7200000},
                 {"1d", 86400000},
                 {"1.5s", 1500},
                 {"0.001s", 1},
                 {"0.5h", 1800000},
                 {"1.50000000000s", 1500},
                 {"007s", 7000},
                 {"0.25d", 21600000},
                 {"9223372036854775807ms", INT64_MAX},
                 {"106751991167d", INT64_C(106751991167) * 86400000},
                 {"9223372036854775808ms", -1},
                 {"18446744073709551616ms", -1},
                 {"106751991168d", -1},
                 {"9223372036854776s", -1},
                 {"0.3ms", -1},
                 {"0.0001s", -1},
                 {"0.0000001d", -1},
                 {"1", -1},
                 {"60", -1},
                 {"00", -1},
                 {"", -1},
                 {"s", -1},
                 {".5s", -1},
                 {"1.s", -1},
                 {"-1s", -1},
                 {"+1s", -1},
                 {"1 s", -1},
                 {" 1s", -1},
                 {"1s ", -1},
                 {"1S", -1},
                 {"1sec", -1},
                 {"1min", -1},
                 {"1e3s", -1},
                 {"1.2.3s", -1},
                 {"1h30m", -1},
                 {"0x1s", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ms = UNTOUCHED;
        const bool found = fnd_duration_parse(cases[i].text, &ms);
        cr_assert_eq(found, cases[i].ms >= 0, "%s", cases[i].text);
        cr_assert_eq(ms, found ? cases[i].ms : UNTOUCHED, "%s: %" PRId64, cases[i].text, ms);
    }
}

Test(unit, sizes_are_read_exactly_or_not_at_all)
{
    static const struct {
        const char *text;
        bool found;
        uint64_t bytes;
    } cases[] = {{"0", true, 0},
                 {"512", true, 512},
                 {"512B", true, 512},
                 {"64KiB", true, 65536},
                 {"1MiB", true, 1048576},
                 {"2GiB", true, UINT64_C(2147483648)},
                 {"1TiB", true, UINT64_C(1099511627776)},
                 {"10kB", true, 10000},
                 {"5MB", true, 5000000},
                 {"1GB", true, 1000000000},
                 {"1.5KiB", true, 1536},
                 {"0.5MB", true, 500000},
                 {"18446744073709551615", true, UINT64_MAX},
                 {"16777215TiB", true, UINT64_C(16777215) << 40},
                 {"16777216TiB", false, 0},
                 {"18446744073709551616", false, 0},
                 {"0.1KiB", false, 0},
                 {"0.5", false, 0},
                 {"", false, 0},
                 {"kB", false, 0},
                 {"1KB", false, 0},
                 {"1kb", false, 0},
                 {"1K", false, 0},
                 {"1M", false, 0},
                 {"1mib", false, 0},
                 {"-1kB", false, 0},
                 {"1 MiB", false, 0},
                 {"0x10", false, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t bytes = UNTOUCHED;
        cr_assert_eq(fnd_size_parse(cases[i].text, &bytes), cases[i].found, "%s", cases[i].text);
        cr_assert_eq(bytes, cases[i].found ? cases[i].bytes : UNTOUCHED, "%s: %" PRIu64,
                     cases[i].text, bytes);
    }
}

Test(unit, shares_are_percentages_or_numbers_up_to_one)
{
    static const struct {
        const char *text;
        double share; /* below 0: none */
    } cases[] = {{"0%", 0},      {"2%", 0.02}, {"0.5%", 0.005}, {"100%", 1},      {"99.9%", 0.999},
                 {"0", 0},       {"1", 1},     {"0.02", 0.02},  {"1.0", 1},       {".5", 0.5},
                 {"1e-3", 1e-3}, {"7%", 0.07}, {"29%", 0.29},   {"1.50%", 0.015}, {"-0", 0},
                 {"100.1%", -1}, {"101%", -1}, {"1.01", -1},    {"2", -1},        {"-1", -1},
                 {"-1%", -1},    {"%", -1},    {"", -1},        {"2 %", -1},      {" 2%", -1},
                 {"2%%", -1},    {"two", -1},  {"1e1%", -1},    {".inf", -1},     {".nan", -1},
                 {"null", -1},   {"true", -1}, {"1e999", -1},   {"2percent", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double share = UNTOUCHED;
        const bool found = fnd_share_parse(cases[i].text, &share);
        cr_assert_eq(found, cases[i].share >= 0, "%s", cases[i].text);
        /* The nearest double, not one beside it: no tolerance. */
        cr_assert(share == (found ? cases[i].share : UNTOUCHED), "%s: %.17g", cases[i].text, share);
    }
}
