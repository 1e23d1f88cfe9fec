/* SPDX-License-Identifier: MIT */
/* Edges of each format that the official suite leaves out: where a text ends too early, has one
 * sign too many, or is valid in a way that few write. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "schema_help.h"

struct format_case {
    const char *format, *text; /* as it stands between the quotes of JSON */
    bool valid;
};

#define LABEL_63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"

static void check_all(const struct format_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char schema[64];
        struct fnd_text value = {0};
        (void)snprintf(schema, sizeof schema, "{\"format\":\"%s\"}", cases[i].format);
        fnd_text_printf(&value, "\"%s\"", cases[i].text);
        struct fnd_schema *compiled = schema_of(schema);
        cr_expect_eq(fnd_schema_check(compiled, json_of(fnd_text_z(&value)), NULL, NULL),
                     cases[i].valid, "%s: %s", schema, fnd_text_z(&value));
        fnd_schema_destroy(compiled);
        fnd_text_finish(&value);
    }
}

Test(format, a_date_is_whole_and_stands_in_the_calendar)
{
    static const struct format_case cases[] = {
        {"date", "", false},           {"date", "2026", false},       {"date", "2026-", false},
        {"date", "2026-1", false},     {"date", "2026-12", false},    {"date", "2026-12-", false},
        {"date", "2026-12-1", false},  {"date", "2026-12-31", true},  {"date", "2026-00-10", false},
        {"date", "2026-13-10", false}, {"date", "2026-10-00", false}, {"date", "2026-04-31", false},
        {"date", "2000-02-29", true},  {"date", "1900-02-29", false}, {"date", "2024-02-29", true},
        {"date", "2026-02-29", false}, {"date", "2026/12-31", false}, {"date", "2026-12/31", false},
    };
    check_all(cases, sizeof cases / sizeof cases[0]);
}

Test(format, a_time_is_whole_and_says_its_zone)
{
    static const struct format_case cases[] = {
        {"time", "", false},
        {"time", "12", false},
        {"time", "12:", false},
        {"time", "12:3", false},
        {"time", "12:30", false},
        {"time", "12:30:", false},
        {"time", "12:30:0", false},
        {"time", "12:30:00", false},
        {"time", "12:30:00Z", true},
        {"time", "12:30:00z", true},
        {"time", "12-30:00Z", false},
        {"time", "12:30-00Z", false},
        {"time", "24:00:00Z", false},
        {"time", "12:60:00Z", false},
        {"time", "12:30:61Z", false},
        {"time", "12:30:00.", false},
        {"time", "12:30:00.5", false},
        {"time", "12:30:00.Z", false},
        {"time", "12:30:00.125Z", true},
        {"time", "12:30:00+", false},
        {"time", "12:30:00+02", false},
        {"time", "12:30:00+02:", false},
        {"time", "12:30:00+02:3", false},
        {"time", "12:30:00+02:30", true},
        {"time", "12:30:00-24:00", false},
        {"time", "12:30:00-02:60", false},
        {"time", "12:30:00Z ", false},
        /* A leap second is the last of a day in UTC, whatever the clock on the wall says. */
        {"time", "23:59:60Z", true},
        {"time", "12:30:60Z", false},
        {"time", "23:30:60Z", false},
        {"time", "01:29:60+01:30", true},
        {"time", "22:29:60-01:30", true},
        {"date-time", "2026-12-31T12:30:00Z", true},
        {"date-time", "2026-12-31t12:30:00Z", true},
        {"date-time", "2026-12-31", false},
        {"date-time", "2026-12-31 12:30:00Z", false},
        {"date-time", "2026-02-30T12:30:00Z", false},
        {"date-time", "2026-12-31T12:30", false},
        {"date-time", "2026-12-31T12:30:00ZZ", false},
    };
    check_all(cases, sizeof cases / sizeof cases[0]);
}

Test(format, an_ipv4_address_has_four_octets)
{
    static const struct format_case cases[] = {
        {"ipv4", "", false},           {"ipv4", "1", false},
        {"ipv4", "1.", false},         {"ipv4", "1.2", false},
        {"ipv4", "1.2.", false},       {"ipv4", "1.2.3", false},
        {"ipv4", "1.2.3.", false},     {"ipv4", "1.2.3.4", true},
        {"ipv4", "1.2.3.4.", false},   {"ipv4", "1.2.3.a", false},
        {"ipv4", "0.0.0.0", true},     {"ipv4", "255.255.255.255", true},
        {"ipv4", "1.2.3.256", false},  {"ipv4", "1.2.3.04", false},
        {"ipv4", "1.2.3.1234", false}, {"ipv4", "1.2,3.4", false},
    };
    check_all(cases, sizeof cases / sizeof cases[0]);
}

Test(format, an_address_may_name_its_host_by_number)
{
    static const struct format_case cases[] = {
        {"email", "a@[1.2.3.4]", true},
        {"email", "a@[1.2.3]", false},
        {"email", "a@[]", false},
        {"email", "a@[1.2.3.4", false},
        {"email", "a@[IPv6:]", false},
        {"email", "a@[IPv6:::]", true},
        {"email", "a@[IPv6:::1]", true},
        {"email", "a@[IPv6:1::]", true},
        {"email", "a@[IPv6:1::2]", true},
        {"email", "a@[IPv6:1:2:3:4:5:6:7:8]", true},
        {"email", "a@[IPv6:1:2:3:4:5:6:7:8:9]", false},
        {"email", "a@[IPv6:1:2:3:4:5:6:7]", false},
        {"email", "a@[IPv6:1:2:3:4:5:6:7:]", false},
        {"email", "a@[IPv6:1:2:3:4::5:6:7:8]", false},
        {"email", "a@[IPv6:1::2::3]", false},
        {"email", "a@[IPv6:1:::2]", false},
        {"email", "a@[IPv6:1:2:3:4:5:6:1.2.3.4]", true},
        {"email", "a@[IPv6:1:2:3:4:5:6:7:1.2.3.4]", false},
        {"email", "a@[IPv6:::ffff:1.2.3.4]", true},
        {"email", "a@[IPv6:12345::]", false},
        {"email", "a@[IPv6:g::]", false},
        {"email", "a@[IPv7:1::2]", false},
    };
    check_all(cases, sizeof cases / sizeof cases[0]);
}

Test(format, an_address_has_a_local_part_and_a_domain)
{
    static const struct format_case cases[] = {
        {"email", "", false},
        {"email", "a", false},
        {"email", "@", false},
        {"email", "@b", false},
        {"email", "a@", false},
        {"email", "a@b", true},
        {"email", "a@b.", false},
        {"email", "a@.b", false},
        {"email", "a@b..c", false},
        {"email", "a@-b", false},
        {"email", "a@b-", false},
        {"email", "a@b-c.d1", true},
        {"email", "a@b_c", false},
        {"email", "a@" LABEL_63, true},
        {"email", "a@" LABEL_63 "l", false},
        {"email", "a@" LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63, false},
        {"email", LABEL_63 "l@b", true},
        {"email", LABEL_63 "lm@b", false},
        {"email", "a.b@c", true},
        {"email", ".a@c", false},
        {"email", "a.@c", false},
        {"email", "a..b@c", false},
        {"email", "a b@c", false},
        {"email", "A0!#$%&'*+/=?^_`{|}~-z@c", true},
        {"email", "a@b@c", false},
        {"email", "\\\"a b\\\"@c", true},
        {"email", "\\\"a@b\\\"@c", true},
        {"email", "\\\"\\\"@c", true},
        {"email", "\\\"@c", false},
        {"email", "\\\"a\\\"b\\\"@c", false},
        {"email", "\\\"a\\\\\\\"b\\\"@c", true},
        {"email", "\\\"a\\\\\\\"@c", false},
        {"email", "\\\"a\\tb\\\"@c", false},
        {"email", "\\\"\u00e9\\\"@c", false},
    };
    check_all(cases, sizeof cases / sizeof cases[0]);
}
