/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "serve/guard.h"
#include "serve/multipart.h"
#include "serve/route.h"

static struct guard_flaw flaw_of(const char *version, const char *const *headers, size_t more)
{
    struct guard guard = {0};
    size_t size = strlen("GET / ") + strlen(version) + 4;
    guard_line(&guard, "GET", "/", version);
    for (; headers[0] != NULL; headers += 2) {
        guard_header(&guard, headers[0], headers[1]);
        size += strlen(headers[0]) + strlen(headers[1]) + 4;
    }
    return guard_end(&guard, size + more);
}

Test(guard, heads_are_refused_for_what_is_wrong_with_them)
{
    static const struct {
        const char *what, *version;
        const char *headers[8];
        size_t more;
        const char *code;
    } cases[] = {
        {"good", "HTTP/1.1", {"Host", "a"}, 0, NULL},
        {"good with a body", "HTTP/1.1", {"Host", "a", "Content-Length", "7"}, 0, NULL},
        {"version", "HTTP/2.0", {"Host", "a"}, 0, "http_version"},
        {"no host", "HTTP/1.1", {"X", "a"}, 0, "bad_host"},
        {"two hosts", "HTTP/1.1", {"Host", "a", "host", "a"}, 0, "bad_host"},
        {"two lengths",
         "HTTP/1.1",
         {"Host", "a", "Content-Length", "1", "content-length", "1"},
         0,
         "bad_length"},
        {"negative", "HTTP/1.1", {"Host", "a", "Content-Length", "-1"}, 0, "bad_length"},
        {"signed", "HTTP/1.1", {"Host", "a", "Content-Length", "+1"}, 0, "bad_length"},
        {"a list", "HTTP/1.1", {"Host", "a", "Content-Length", "1, 1"}, 0, "bad_length"},
        {"endless",
         "HTTP/1.1",
         {"Host", "a", "Content-Length", "99999999999999999999"},
         0,
         "bad_length"},
        {"chunked",
         "HTTP/1.1",
         {"Host", "a", "Transfer-Encoding", "chunked"},
         0,
         "length_required"},
        {"both",
         "HTTP/1.1",
         {"Host", "a", "Transfer-Encoding", "chunked", "Content-Length", "1"},
         0,
         "two_lengths"},
        {"space before the colon",
         "HTTP/1.1",
         {"Host", "a", "Content-Length ", "1"},
         0,
         "bad_header"},
        {"control", "HTTP/1.1", {"Host", "a", "X", "a\x01"}, 0, "bad_header"},
        {"two cookies", "HTTP/1.1", {"Host", "a", "Cookie", "b", "Cookie", "c"}, 0, "header_twice"},
        {"a byte more than was listed", "HTTP/1.1", {"Host", "a"}, 1, "bad_head"},
        {"large", "HTTP/1.1", {"Host", "a"}, 20000, "head_too_large"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct guard_flaw flaw = flaw_of(cases[i].version, cases[i].headers, cases[i].more);
        if (cases[i].code == NULL) {
            cr_expect_eq(flaw.status, 0, "%s: %s", cases[i].what, flaw.code);
        } else {
            cr_assert_neq(flaw.status, 0, "%s was let in", cases[i].what);
            cr_expect_str_eq(flaw.code, cases[i].code, "%s", cases[i].what);
        }
    }
}

Test(guard, targets_have_plain_paths)
{
    static const char *const good[] = {
        "/", "/v1/jobs", "/v1/jobs?limit=1&cursor=a-b%20c", "/a.b-c_d~e", "/v1?a=%c3%a4", NULL};
    static const char *const bad[] = {"",       "v1",     "//",        "/v1//jobs", "/v1/",
                                      "/../a",  "/a/..",  "/./a",      "/%2e%2e/a", "/a%2fb",
                                      "/a%5cb", "/a%00",  "/a\\b",     "/a b",      "/a;b",
                                      "/a\x80", "/a?b c", "/a?b%00",   "/a?b%0",    "/a?b%zz",
                                      "/a?b#c", "/a?\\",  "http://a/", "*",         NULL};
    for (size_t i = 0; good[i] != NULL; i++) {
        cr_expect_eq(guard_target(good[i], strlen(good[i])).status, 0, "%s", good[i]);
    }
    for (size_t i = 0; bad[i] != NULL; i++) {
        cr_expect_neq(guard_target(bad[i], strlen(bad[i])).status, 0, "'%s' was let in", bad[i]);
    }
    cr_expect_neq(guard_target("/a\0b", 4).status, 0, "NUL was let in");
}

Test(guard, hosts_and_origins_are_exact)
{
    const char *hosts = "127.0.0.1:7420\nlocalhost:7420\n";
    cr_expect(guard_host(hosts, "127.0.0.1:7420"));
    cr_expect(guard_host(hosts, "LOCALHOST:7420"));
    cr_expect_not(guard_host(hosts, "localhost"));
    cr_expect_not(guard_host(hosts, "localhost:7420\nx"));
    cr_expect_not(guard_host(hosts, ""));
    cr_expect_not(guard_host(hosts, "evil:7420"));
    cr_expect(guard_origin("http://localhost:7420", "localhost:7420"));
    cr_expect_not(guard_origin("null", "localhost:7420"));
    cr_expect_not(guard_origin("http://localhost:7420.evil", "localhost:7420"));
    cr_expect_not(guard_origin("ftp://localhost:7420", "localhost:7420"));
}

static void nothing(struct request *request)
{
    (void)request;
}

Test(route, paths_find_their_route_and_nothing_else)
{
    static const struct route routes[] = {{HTTP_GET, "/", 0, nothing},
                                          {HTTP_GET, "/v1/jobs/{id}", 0, nothing},
                                          {HTTP_POST, "/v1/jobs/{id}/cancel", 0, nothing},
                                          {HTTP_GET, "/v1/jobs/{id}/artifacts/{name}", 0, nothing},
                                          {HTTP_GET, NULL, 0, NULL}};
    struct route_match match;
    route_find(routes, HTTP_GET, "/", 1, &match);
    cr_expect(match.route == &routes[0]);
    route_find(routes, HTTP_HEAD, "/v1/jobs/ab-1", 13, &match);
    cr_expect(match.route == &routes[1]);
    cr_expect_str_eq(match.parts[0], "ab-1");
    route_find(routes, HTTP_GET, "/v1/jobs/AB", 11, &match);
    cr_expect(match.route == NULL && !match.path_known);
    route_find(routes, HTTP_GET, "/v1/jobs/a/cancel", 17, &match);
    cr_expect(match.route == NULL && match.path_known);
    cr_expect_str_eq(match.allow, "POST");
    route_find(routes, HTTP_GET, "/v1/jobs/a/artifacts/B.png", 26, &match);
    cr_expect(match.route == &routes[3]);
    cr_expect_str_eq(match.parts[1], "B.png");
    char longer[300] = "/v1/jobs/a/artifacts/";
    memset(longer + 21, 'a', 270);
    route_find(routes, HTTP_GET, longer, 291, &match);
    cr_expect(match.route == NULL);
    cr_expect_not(
        route_id("0123456789012345678901234567890123456789012345678901234567890123a", 65));
}

/* --- multipart ------------------------------------------------------------------------------- */

struct gathered {
    struct fnd_text text;
};

static bool gather(void *context, const struct multipart *part, const char *bytes, size_t size)
{
    struct gathered *gathered = context;
    if (size == 0) {
        fnd_text_printf(&gathered->text, "[%s%s%s]", part->name, part->is_file ? "|" : "",
                        part->file);
    }
    fnd_text_append(&gathered->text, bytes, size);
    return true;
}

static const char form[] = "multipart/form-data; boundary=XX";
static const char body[] = "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n"
                           "--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n"
                           "Content-Type: text/plain\r\n\r\n\r\n--X\r\n--XY\r\n--XX--\r\n";

Test(multipart, parts_are_the_same_however_the_body_is_cut)
{
    for (size_t cut = 1; cut < sizeof body; cut++) {
        struct gathered gathered = {{0}};
        struct multipart multipart = {.data = gather, .context = &gathered};
        cr_assert(multipart_begin(&multipart, form));
        for (size_t at = 0; at < sizeof body - 1; at += cut) {
            size_t left = sizeof body - 1 - at;
            multipart_take(&multipart, body + at, left < cut ? left : cut);
        }
        cr_expect_null(multipart_end(&multipart), "cut %zu", cut);
        cr_expect_str_eq(fnd_text_z(&gathered.text), "[a]one[f|x]\r\n--X\r\n--XY", "cut %zu", cut);
        multipart_finish(&multipart);
        fnd_text_finish(&gathered.text);
    }
}

Test(multipart, what_is_none_is_said_so)
{
    static const char *const bad[] = {
        "",
        "--XX",
        "--XX\r\n\r\nno name\r\n--XX--",
        "--XX\r\nContent-Disposition: form-data; name=\"a\r\n\r\nx\r\n--XX--",
        "--XXno\r\n",
        NULL};
    for (size_t i = 0; bad[i] != NULL; i++) {
        struct gathered gathered = {{0}};
        struct multipart multipart = {.data = gather, .context = &gathered};
        cr_assert(multipart_begin(&multipart, form));
        multipart_take(&multipart, bad[i], strlen(bad[i]));
        cr_expect_not_null(multipart_end(&multipart), "'%s' was taken", bad[i]);
        multipart_finish(&multipart);
        fnd_text_finish(&gathered.text);
    }
    struct multipart multipart = {0};
    cr_expect_not(multipart_begin(&multipart, "multipart/form-data"));
    cr_expect_not(multipart_begin(&multipart, "multipart/form-data; boundary=\"a"));
    cr_expect_not(multipart_begin(&multipart, "text/plain; boundary=a"));
}

Test(guard, a_whole_head_is_looked_at_as_it_came)
{
    static const struct {
        const char *head, *code;
        size_t size; /* 0: to the NUL */
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", NULL, 0},
        {"POST /x?y=z HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\nX: b: c\r\n\r\n", NULL, 0},
        {"GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n", NULL, 0},
        {"GET / HTTP/1.1\r\nHost:a\r\n\r\n", "bad_head", 0},
        {"GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n", "bad_head", 0},
        {"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", "bad_header", 0},
        {"GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n", "bad_header", 0},
        {"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", "bad_head", 0},
        {"GET / HTTP/1.1\nHost: a\n\n", "bad_head", 0},
        {"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", "bad_head", 0},
        {"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", "bad_head", 0},
        {"GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", "bad_head", 29},
        {"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", "bad_head", 28},
        {"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "bad_head", 0},
        {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "bad_head", 0},
        {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "bad_head", 0},
        {" / HTTP/1.1\r\nHost: a\r\n\r\n", "bad_head", 0},
        {"GET /\r\n\r\n", "bad_head", 0},
        {"GET / FTP/1.1\r\nHost: a\r\n\r\n", "bad_head", 0},
        {"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", "bad_head", 0},
        {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "http_version", 0},
        {"GET /.. HTTP/1.1\r\nHost: a\r\n\r\n", "bad_path", 0},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", "bad_length", 0},
        {"GET / HTTP/1.1\r\nHost: a\r\n", "bad_head", 0},
        {"", "bad_head", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t size = cases[i].size != 0 ? cases[i].size : strlen(cases[i].head);
        struct guard_flaw flaw = guard_head(cases[i].head, size, NULL);
        cr_expect(cases[i].code == NULL ? flaw.status == 0
                                        : flaw.status != 0 && strcmp(flaw.code, cases[i].code) == 0,
                  "%zu: %s instead of %s", i, flaw.status != 0 ? flaw.code : "none",
                  cases[i].code != NULL ? cases[i].code : "none");
    }
}
