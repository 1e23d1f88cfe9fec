/* SPDX-License-Identifier: MIT */
/* Which inputs become jobs, which are refused by name, and which are no change. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run_help.h"

#define ACTS "phases:\n  - {id: one, uses: foundry/act}\n"

static struct bench bench;

static void begin(void)
{
    bench_begin(&bench);
}
static void end(void)
{
    bench_end(&bench);
}
TestSuite(ingest, .init = begin, .fini = end);

static char *place(const char *name, char path[256])
{
    (void)snprintf(path, 256, "%s/%s", bench.jobs, name);
    return path;
}

static void file_make(const char *name, const char *text, time_t time)
{
    const struct timespec times[2] = {{.tv_sec = time}, {.tv_sec = time}};
    char path[256];
    FILE *file = fopen(place(name, path), "w");
    cr_assert_not_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
    cr_assert_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

struct told {
    size_t count;
    char last[FND_ERROR_MESSAGE_SIZE];
};

static void refused(void *context, const struct fnd_error *error)
{
    struct told *told = context;
    told->count++;
    (void)snprintf(told->last, sizeof told->last, "%s", error->message);
}

static struct fnd_ingest ingest(bool rested, struct told *told)
{
    struct fnd_ingest counts = {0};
    struct fnd_error error = {0};
    *told = (struct told){0};
    cr_assert_eq(fnd_engine_ingest(bench.engine, bench.pin, rested, &counts, refused, told, &error),
                 FND_OK, "%s", error.message);
    cr_expect_eq(counts.refused, told->count, "each one that is refused is told");
    bench_turn(&bench);
    return counts;
}

Test(ingest, a_file_of_another_time_is_a_change_only_if_its_bytes_are)
{
    static const char *const keeps[] = {"bytes", "reference"};
    char text[256];
    struct told told;
    for (int i = 0; i < 2; i++) {
        (void)snprintf(text, sizeof text,
                       "foundry: v1\nname: plain\ninputs: {match: [\"*.txt\", \"READ*\"], "
                       "keep: %s}\n" ACTS,
                       keeps[i]);
        bench_pipeline(&bench, text);
        bench_open(&bench);
        cr_assert_eq(fnd_engine_resume(bench.engine, NULL, NULL), FND_OK);
        file_make("a.txt", "one", 1000);
        file_make("README", "a name without a dot", 1000);
        cr_expect_eq(ingest(false, &told).created, i == 0 ? 2 : 0, "%s", keeps[i]);
        file_make("a.txt", "one", 2000);
        cr_expect_eq(ingest(false, &told).unchanged, 2, "%s: only its time is another", keeps[i]);
        file_make("a.txt", "two", 3000);
        cr_expect_eq(ingest(false, &told).revised, 1, "%s: its bytes are", keeps[i]);
        file_make("a.txt", "three", 3000);
        cr_expect_eq(ingest(false, &told).revised, 1, "%s: its size is", keeps[i]);
        file_make("a.txt", "one", 4000);
        cr_expect_eq(ingest(false, &told).revised, 1, "and it is as it was");
        bench_close(&bench);
    }
}

Test(ingest, a_file_that_is_still_written_is_left_for_the_next_look)
{
    struct told told;
    const time_t now = (time_t)(bench.env->wall_us(bench.env) / 1000000);
    bench_pipeline(&bench, "foundry: v1\nname: plain\ninputs: {match: [\"*.txt\"]}\n" ACTS);
    bench_open(&bench);
    file_make("now.txt", "now", now);
    file_make("old.txt", "old", now - 60);
    file_make("coming.txt", "of a clock that went ahead", now + 60);
    cr_expect_eq(ingest(true, &told).created, 2, "what was written long ago, or will be");
    fnd_env_seeded_advance(bench.env, 3000000);
    cr_expect_eq(ingest(true, &told).created, 1);
}

Test(ingest, lines_and_job_files_that_are_too_long_are_refused_by_name)
{
    struct told told;
    char path[256];
    char *line = malloc(FND_LINE_SIZE_MAX + 16);
    bench_pipeline(&bench, "foundry: v1\nname: plain\n"
                           "inputs: {match: [\"*.jsonl\", \"*.job.json\"]}\n" ACTS);
    bench_open(&bench);
    memset(line, ' ', FND_LINE_SIZE_MAX + 8);
    (void)memcpy(line + FND_LINE_SIZE_MAX, "{\"id\":1}", sizeof "{\"id\":1}");
    bench_line(&bench, "a.jsonl", line);
    bench_line(&bench, "a.jsonl", "{\"id\":2}\r");
    bench_line(&bench, "a.jsonl", "");
    bench_line(&bench, "a.jsonl", "{\"id\":");
    cr_expect_eq(ingest(false, &told).created, 1);
    cr_expect_eq(told.count, 2, "a long one, one that is no JSON; an empty one is none");
    cr_expect_eq(bench_step(&bench, "a.jsonl#2").stand.phase, 0, "its line ends as Windows' do");
    const int fd = open(place("b.job.json", path), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    cr_assert_eq(ftruncate(fd, FND_JOB_FILE_SIZE_MAX + 1), 0);
    (void)close(fd);
    (void)ingest(false, &told);
    cr_expect_not_null(strstr(told.last, "b.job.json"), "%s", told.last);
    free(line);
}

/* A file that no job came from yet is told from one that grew, whatever else begins as its name. */
Test(ingest, a_file_of_lines_that_grew_is_known_again)
{
    struct told told;
    bench_pipeline(&bench, "foundry: v1\nname: plain\ninputs: {match: [\"*.jsonl\"]}\n" ACTS);
    bench_line(&bench, "a.jsonl", "{\"id\":1}");
    bench_line(&bench, "a.jsonl", "{\"id\":2}");
    bench_open(&bench);
    cr_expect_eq(ingest(false, &told).created, 2);
    bench_line(&bench, "a.jsonl", "{\"id\":3}");
    bench_line(&bench, "a.jsonl0.jsonl", "{\"id\":1}");
    bench_line(&bench, "a.jsonl", "{\"id\":4,\"more\":true}");
    struct fnd_ingest counts = ingest(false, &told);
    cr_expect_eq(counts.unchanged, 2);
    cr_expect_eq(counts.created, 3);
    cr_expect_eq(counts.revised, 0);
    bool any = false;
    struct fnd_reader *reader = fnd_engine_reader(bench.engine);
    cr_expect_eq(fnd_jobs_below(reader, "plain", "a.jsonl#", &any, NULL), FND_OK);
    cr_expect(any);
    cr_expect_eq(fnd_jobs_below(reader, "plain", "a.json#", &any, NULL), FND_OK);
    cr_expect_not(any, "neither the one in front of it");
    cr_expect_eq(fnd_jobs_below(reader, "plain", "a.jsonl1#", &any, NULL), FND_OK);
    cr_expect_not(any, "nor the one behind");
    cr_expect_eq(fnd_jobs_below(reader, "plaid", "a.jsonl#", &any, NULL), FND_OK);
    cr_expect_not(any, "nor another pipeline's");
}

/* Lines of lengths that end before, at and behind whatever a reader may take in at once, the last
 * one without an end of its own. */
Test(ingest, lines_of_any_length_come_in_whole)
{
    enum { LINES = 9, LONGEST = 200000 };
    static const int lengths[LINES] = {40, 65536, 65535, 65534, 65537, 131072, 200000, 32768, 50};
    struct told told;
    char path[256];
    char *line = malloc(LONGEST + 64);
    bench_pipeline(&bench, "foundry: v1\nname: plain\ninputs: {match: [\"*.jsonl\"]}\n" ACTS);
    FILE *file = fopen(place("a.jsonl", path), "w");
    for (int i = 0; i < LINES; i++) {
        int size = snprintf(line, LONGEST, "{\"id\":%d,\"text\":\"", i);
        for (; size < lengths[i] - 2; size++) {
            line[size] = (char)('a' + (size * 7 + i) % 26);
        }
        line[size] = '\0';
        (void)fprintf(file, "%s\"}%s", line, i + 1 < LINES ? (i % 2 == 0 ? "\n" : "\r\n") : "");
    }
    (void)fclose(file);
    bench_open(&bench);
    cr_expect_eq(ingest(false, &told).created, LINES);
    cr_expect_eq(told.count, 0, "%s", told.last);
    for (int i = 0; i < LINES; i++) {
        char name[32], wanted[LONGEST + 64];
        struct fnd_text body = {0}, text = {0};
        (void)snprintf(name, sizeof name, "a.jsonl#%d", i);
        cr_assert_eq(fnd_payload_get(fnd_engine_reader(bench.engine), bench_step(&bench, name).job,
                                     &body, NULL, NULL),
                     FND_OK);
        int size = snprintf(wanted, LONGEST, "{\"id\":%d,\"text\":\"", i);
        const int begin = size;
        for (; size < lengths[i] - 2; size++) {
            wanted[size] = (char)('a' + (size * 7 + i) % 26);
        }
        wanted[size] = '\0';
        fnd_json_text(fnd_json_find((struct fnd_json){body.bytes, body.size}, "/input/text"),
                      &text);
        cr_expect(strcmp(fnd_text_z(&text), wanted + begin) == 0, "line %d", i);
        fnd_text_finish(&body);
        fnd_text_finish(&text);
    }
    free(line);
}

Test(ingest, a_directory_of_many_lines_is_taken_in_as_the_store_keeps_up)
{
    enum { LINES = 700 };
    struct told told;
    for (int i = 0; i < LINES; i++) {
        char line[32];
        (void)snprintf(line, sizeof line, "{\"id\":%d}", i);
        bench_line(&bench, "a.jsonl", line);
    }
    bench_open(&bench); /* and nothing runs yet */
    cr_expect_eq(ingest(false, &told).created, LINES);
    int64_t counted[FND_CANCELLED + 1] = {0};
    cr_assert_eq(fnd_jobs_count(fnd_engine_reader(bench.engine), NULL, counted, NULL), FND_OK);
    cr_expect_eq(counted[FND_QUEUED], LINES);
    cr_expect_eq(act_visits, 0);
}

Test(ingest, a_file_that_is_handed_in_has_the_type_that_is_given_or_the_one_it_looks_like)
{
    static const char *const types[] = {"application/pdf", NULL};
    static const char *const wanted[] = {"application/pdf", "text/plain"};
    struct fnd_artifact artifact;
    struct fnd_error error = {0};
    bench_open(&bench);
    cr_assert_eq(fnd_artifact_put(fnd_engine_store(bench.engine), "hello", 5, &artifact, &error),
                 FND_OK);
    for (int i = 0; i < 2; i++) {
        int64_t job = 0;
        struct fnd_text body = {0};
        const char *path = i == 0 ? "given" : "guessed";
        cr_assert_eq(fnd_engine_submit_artifact(bench.engine, bench.pin, path, &artifact, types[i],
                                                &job, &error),
                     FND_OK, "%s", error.message);
        cr_assert_eq(fnd_payload_get(fnd_engine_reader(bench.engine), job, &body, NULL, &error),
                     FND_OK);
        const struct fnd_json record = {body.bytes, body.size};
        cr_expect(fnd_json_text_is(fnd_json_find(record, "/input/media_type"), wanted[i]), "%s",
                  fnd_text_z(&body));
        fnd_text_finish(&body);
    }
    const struct fnd_artifact lost = {{1, 2, 3}, 5};
    int64_t job = 0;
    cr_expect_neq(
        fnd_engine_submit_artifact(bench.engine, bench.pin, "lost", &lost, NULL, &job, &error),
        FND_OK, "its bytes are not there");
    const struct fnd_json input = {"{}", 2};
    struct fnd_ingest counts = {0};
    cr_expect_neq(fnd_engine_submit(bench.engine, 999, "x", input, &job, NULL), FND_OK,
                  "nor is that pipeline");
    cr_expect_neq(fnd_engine_ingest(bench.engine, 999, false, &counts, NULL, NULL, NULL), FND_OK);
}

Test(ingest, folders_too_deep_are_not_gone_into)
{
    struct told told;
    char path[4096];
    bench_pipeline(&bench, "foundry: v1\nname: plain\ninputs: {match: [\"**/*.txt\"]}\n" ACTS);
    bench_open(&bench);
    (void)snprintf(path, sizeof path, "%s", bench.jobs);
    for (int i = 0; i < 40; i++) {
        (void)strcat(path, "/d");
        cr_assert_eq(mkdir(path, 0700), 0);
        if (i == 0 || i == 38) {
            char name[4200];
            (void)snprintf(name, sizeof name, "%s/in.txt", path);
            (void)close(open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        }
    }
    cr_expect_eq(ingest(false, &told).created, 1);
}
