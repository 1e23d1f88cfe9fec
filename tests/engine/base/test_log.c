/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <unistd.h>

#include "base/env.h"
#include "base/log.h"
#include "json_help.h"

/* The line that a call wrote, read from a pipe. */
struct capture {
    int ends[2];
    struct fnd_log log;
    char line[512];
};

static struct capture capture_init(enum fnd_log_level level, int json)
{
    struct capture capture = {0};
    cr_assert_eq(pipe(capture.ends), 0);
    capture.log = (struct fnd_log){.fd = capture.ends[1], .level = level, .json = json};
    return capture;
}

static int64_t at_noon(const struct fnd_env *env)
{
    (void)env;
    return INT64_C(1767268800123456);
}

static void capture_finish(struct capture *capture)
{
    close(capture->ends[1]);
    size_t size = 0;
    for (ssize_t got; size < sizeof capture->line - 1; size += (size_t)got) {
        got = read(capture->ends[0], capture->line + size, sizeof capture->line - 1 - size);
        if (got <= 0) {
            break;
        }
    }
    capture->line[size] = '\0';
    close(capture->ends[0]);
}

Test(log, a_line_names_level_room_job_and_phase)
{
    static const struct {
        enum fnd_log_level level;
        const char *job, *phase, *text, *json;
    } cases[] = {
        {FND_LOG_INFO, "a.png", "ocr", "info run job=a.png phase=ocr took 3\n",
         "{\"level\":\"info\",\"room\":\"run\",\"job\":\"a.png\",\"phase\":\"ocr\",\"message\":"
         "\"took 3\"}\n"},
        {FND_LOG_WARNING, "a", NULL, "warning run job=a took 3\n",
         "{\"level\":\"warning\",\"room\":\"run\",\"job\":\"a\",\"message\":\"took 3\"}\n"},
        {FND_LOG_ERROR, NULL, NULL, "error run took 3\n",
         "{\"level\":\"error\",\"room\":\"run\",\"message\":\"took 3\"}\n"},
        {FND_LOG_DEBUG, NULL, "p", "debug run phase=p took 3\n",
         "{\"level\":\"debug\",\"room\":\"run\",\"phase\":\"p\",\"message\":\"took 3\"}\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int json = 0; json < 2; json++) {
            struct capture capture = capture_init(FND_LOG_DEBUG, json);
            fnd_log(&capture.log, cases[i].level, "run", cases[i].job, cases[i].phase, "took %d",
                    3);
            capture_finish(&capture);
            cr_expect_str_eq(capture.line, json ? cases[i].json : cases[i].text);
        }
    }
}

Test(log, lines_below_the_level_and_without_a_log_are_dropped)
{
    struct capture capture = capture_init(FND_LOG_WARNING, 0);
    fnd_log(&capture.log, FND_LOG_INFO, "run", NULL, NULL, "dropped");
    fnd_log(NULL, FND_LOG_ERROR, "run", NULL, NULL, "dropped");
    fnd_log(&capture.log, FND_LOG_WARNING, "run", NULL, NULL, "kept");
    capture_finish(&capture);
    cr_expect_str_eq(capture.line, "warning run kept\n");
}

Test(log, an_event_is_one_line_whatever_it_says)
{
    for (int json = 0; json < 2; json++) {
        struct capture capture = capture_init(FND_LOG_DEBUG, json);
        fnd_log(&capture.log, FND_LOG_INFO, "run", "a\nb", "\x1b[2J", "%s", "x\r\ny\xff\"");
        capture_finish(&capture);
        cr_expect_eq(strchr(capture.line, '\n'), capture.line + strlen(capture.line) - 1);
        cr_expect_null(strchr(capture.line, '\x1b'));
        if (json) {
            struct fnd_json line = json_of(capture.line);
            cr_expect(fnd_json_text_is(fnd_json_member(line, "job"), "a\\nb"));
            cr_expect(fnd_json_text_is(fnd_json_member(line, "message"), "x\\x0d\\ny\\xff\""));
        } else {
            cr_expect_str_eq(capture.line, "info run job=a\\nb phase=\\x1b[2J x\\x0d\\ny\\xff\"\n");
        }
    }
}

Test(log, an_object_has_its_time_where_there_is_a_clock)
{
    const struct fnd_env env = {.wall_us = at_noon};
    for (int json = 0; json < 2; json++) {
        struct capture capture = capture_init(FND_LOG_DEBUG, json);
        capture.log.env = &env;
        fnd_log(&capture.log, FND_LOG_INFO, "run", NULL, NULL, "it is %s", "noon");
        capture_finish(&capture);
        cr_expect_str_eq(capture.line,
                         json ? "{\"at\":\"2026-01-01T12:00:00.123Z\",\"level\":\"info\","
                                "\"room\":\"run\",\"message\":\"it is noon\"}\n"
                              : "info run it is noon\n");
    }
}
