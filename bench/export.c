/* SPDX-License-Identifier: MIT */
/* An export of many corrections beside a plain copy of the bytes that it writes.
 *
 *   foundry-bench-export DIR RECORDS FORMAT [again]
 *
 * Puts RECORDS corrections into DIR through the store, unless they are there, and has them on the
 * disk before the clock starts; exports them and copies the file (read, write, fsync). Prints one
 * JSON object: bytes, seconds and rates in MB/s of both, processor time of the export in seconds,
 * and its peak RSS in KiB. With `again` it is made out of the manifest that the last export left.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "dataset/dataset.h"

enum { IN_FLIGHT = 512, EVENTS = 4, COPY_SIZE = 1 << 16 };

struct making {
    struct fnd_store *store;
    const struct fnd_env *env;
    int64_t pin;
    int64_t *jobs;
    int64_t last; /* event before the first record's: commits come in the order of the queue */
};

static void fail(const char *what, const struct fnd_error *error)
{
    fprintf(stderr, "foundry-bench-export: %s: %s\n", what, error->message);
    exit(1);
}

static double processor_seconds(const struct rusage *usage)
{
    return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
           (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e6;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/** Wait until at most `left` writes are under way; their numbers go to jobs where asked for. */
static void collect(struct making *making, size_t left, bool jobs)
{
    do {
        fnd_store_flush(making->store);
        for (struct fnd_write *write = fnd_store_collect(making->store); write != NULL;) {
            struct fnd_write *next = write->next;
            if (write->status != FND_OK) {
                fail("commit", write->error);
            }
            if (jobs) {
                *(int64_t *)write->owner = write->first;
            }
            write->next = NULL;
            fnd_write_destroy(write);
            write = next;
        }
    } while (fnd_store_waiting(making->store) > left);
}

static void job_queue(struct making *making, size_t index)
{
    struct fnd_text body = {0};
    char uuid[FND_UUID_TEXT_SIZE], path[32];
    struct fnd_write *write = fnd_write_create();
    fnd_uuid_make(making->env, write->uuid);
    fnd_uuid_format(write->uuid, uuid);
    snprintf(path, sizeof path, "in/%07zu", index);
    fnd_text_printf(&body,
                    "{\"uuid\":\"%s\",\"pin\":%" PRId64
                    ",\"pipeline\":\"bench\",\"path\":\"%s\",\"revision\":1,\"source\":{},"
                    "\"input\":{\"content\":\"",
                    uuid, making->pin, path);
    for (size_t i = 0; i < 20; i++) {
        fnd_text_printf(&body, "line %zu of %s: forty two metres of cable, grey. ", i, path);
    }
    fnd_text_append_z(&body, "\"}}");
    write->pin = making->pin;
    write->pipeline = fnd_strdup("bench");
    write->path = fnd_strdup(path);
    write->revision = 1;
    write->owner = &making->jobs[index];
    struct fnd_event *event = fnd_write_add(write, FND_EVENT_JOB, fnd_text_take(&body), NULL);
    event->after = (struct fnd_stand){.state = FND_RUNNING, .attempt = 1};
    fnd_store_queue(making->store, write);
}

static struct fnd_event *add(struct fnd_write *write, enum fnd_event_kind kind, const char *body,
                             int32_t phase, enum fnd_state state, int32_t next)
{
    struct fnd_event *event = fnd_write_add(write, kind, fnd_strdup(body), NULL);
    event->phase = phase;
    event->attempt = 1;
    event->after = (struct fnd_stand){.state = state, .phase = next, .attempt = 1};
    return event;
}

static void document(struct fnd_text *text, size_t index, const char *supplier)
{
    fnd_text_printf(text, "{\"supplier_name\":\"%s\",\"number\":%zu,\"items\":[", supplier, index);
    for (size_t i = 0; i < 8; i++) {
        fnd_text_printf(text,
                        "%s{\"name\":\"item %zu of %zu, well packed\",\"quantity\":%zu,"
                        "\"total\":%zu.50}",
                        i > 0 ? "," : "", i, index, i + 1, index % 1000 + i);
    }
    fnd_text_append_z(text, "]}");
}

static void record_queue(struct making *making, size_t index)
{
    struct fnd_text model = {0}, human = {0}, answer = {0};
    uint8_t uuid[FND_UUID_SIZE];
    char name[FND_UUID_TEXT_SIZE];
    struct fnd_write *write = fnd_write_create();
    const int64_t job = making->jobs[index];
    write->step = write->before = job;
    document(&model, index, "Hardwar & Son");
    document(&human, index, "Hardware & Son");
    fnd_uuid_make(making->env, uuid);
    fnd_uuid_format(uuid, name);
    add(write, FND_EVENT_OUTPUT, fnd_text_z(&model), 0, FND_RUNNING, 1);
    add(write, FND_EVENT_ASK,
        "{\"origin\":\"gate\",\"phase\":\"review\",\"subject\":\"extract\",\"audit\":false,"
        "\"questions\":[{\"key\":\"s\",\"kind\":\"LOW_CONFIDENCE\",\"question\":\"Right?\","
        "\"pointer\":\"/supplier_name\"}]}",
        1, FND_PAUSED, 1);
    fnd_text_printf(
        &answer,
        "{\"record\":true,\"uuid\":\"%s\",\"tier\":\"gold\",\"verdict\":\"corrected\","
        "\"request\":0,\"version\":1,\"phase\":\"review\",\"by\":\"ann\",\"seconds\":4.2,"
        "\"subject_event\":%" PRId64
        ",\"fields\":{\"/supplier_name\":{\"from\":\"Hardwar & Son\",\"to\":"
        "\"Hardware & Son\"}}}",
        name, making->last + 1 + (int64_t)index * EVENTS);
    add(write, FND_EVENT_ANSWER, fnd_text_z(&answer), 1, FND_PAUSED, 1)->ref = FND_REF_FIRST - 1;
    add(write, FND_EVENT_OUTPUT, fnd_text_z(&human), 1, FND_COMPLETED, 2);
    write->record = true;
    write->tier = FND_TIER_GOLD;
    write->verdict = FND_CORRECTED;
    fnd_text_finish(&model);
    fnd_text_finish(&human);
    fnd_text_finish(&answer);
    fnd_store_queue(making->store, write);
}

static void pin_make(struct making *making)
{
    struct fnd_error error = {0};
    static const char pin[] =
        "{\"canonical\":{\"export\":{},\"foundry\":\"v1\",\"name\":\"bench\",\"phases\":[{\"id\":"
        "\"extract\"},{\"id\":\"review\"}]},\"files\":{},\"foundry\":\"v1\",\"name\":\"bench\","
        "\"params\":{},\"plugins\":{}}";
    struct fnd_write *write = fnd_write_create();
    fnd_sha256(pin, sizeof pin - 1, write->hash);
    write->pipeline = fnd_strdup("bench");
    fnd_write_add(write, FND_EVENT_PIN, fnd_strdup(pin), NULL);
    if (fnd_store_commit(making->store, write, &error) != FND_OK) {
        fail("pin", &error);
    }
    making->pin = write->first;
    fnd_write_destroy(write);
}

static void make(const char *directory, size_t records)
{
    struct fnd_error error = {0};
    struct making making = {.env = fnd_env_system()};
    const struct fnd_store_options options = {.env = making.env, .create = true};
    if (fnd_store_open(directory, &options, &making.store, &error) != FND_OK) {
        fail("open", &error);
    }
    pin_make(&making);
    making.jobs = fnd_realloc(NULL, records + 1, sizeof *making.jobs);
    for (size_t i = 0; i < records; i++) {
        job_queue(&making, i);
        if (i % IN_FLIGHT == IN_FLIGHT - 1) {
            collect(&making, 0, true);
        }
    }
    collect(&making, 0, true);
    making.last = records > 0 ? making.jobs[records - 1] : 0;
    for (size_t i = 0; i < records; i++) {
        record_queue(&making, i);
        if (i % IN_FLIGHT == IN_FLIGHT - 1) {
            collect(&making, 0, false);
        }
    }
    collect(&making, 0, false);
    free(making.jobs);
    fnd_store_close(making.store);
}

/** Read, write, fsync; what is read is in memory, as the export's bytes were when they were made.
 */
static double copy(const char *from, const char *to)
{
    static char bytes[COPY_SIZE];
    int in = open(from, O_RDONLY | O_CLOEXEC);
    ssize_t got = 1;
    while (in >= 0 && got > 0) {
        got = read(in, bytes, sizeof bytes);
    }
    lseek(in, 0, SEEK_SET);
    const double start = seconds();
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    while (in >= 0 && out >= 0 && (got = read(in, bytes, sizeof bytes)) > 0) {
        if (fnd_write_all(out, bytes, (size_t)got) != 0) {
            got = -1;
            break;
        }
    }
    if (in < 0 || out < 0 || got < 0 || fsync(out) != 0) {
        perror("foundry-bench-export: copy");
        exit(1);
    }
    close(in);
    close(out);
    unlink(to);
    return seconds() - start;
}

int main(int argc, char **argv)
{
    struct fnd_text path = {0}, copied = {0}, manifest = {0};
    struct fnd_error error = {0};
    struct fnd_reader *reader = NULL;
    struct fnd_export_result result = {0};
    struct rusage before, after;
    struct stat there;
    const bool again = argc == 5 && strcmp(argv[4], "again") == 0;
    if (argc != 4 && !again) {
        fprintf(stderr, "usage: foundry-bench-export DIR RECORDS FORMAT [again]\n");
        return 2;
    }
    fnd_store_setup(); /* as the engine's commands do */
    fnd_text_printf(&path, "%s/.foundry", argv[1]);
    if (stat(path.bytes, &there) != 0) {
        make(argv[1], strtoul(argv[2], NULL, 10));
        sync(); /* or the export would share the disk with what was just stored */
        return execv("/proc/self/exe", argv); /* so that the peak is the export's own */
    }
    if (fnd_reader_open(argv[1], &reader, &error) != FND_OK) {
        fail("open", &error);
    }
    fnd_text_clear(&path);
    fnd_text_printf(&path, "%s/export.out", argv[1]);
    fnd_text_printf(&copied, "%s/copy.out", argv[1]);
    const struct fnd_export_options options = {
        .format = argv[3], .out = path.bytes, .prompt = "Extract the invoice as JSON."};
    getrusage(RUSAGE_SELF, &before);
    const double start = seconds();
    fnd_text_printf(&manifest, "%s.manifest.json", fnd_text_z(&path));
    if ((again ? fnd_dataset_reproduce(reader, fnd_text_z(&manifest), &options, &result, &error)
               : fnd_dataset_export(reader, NULL, &options, &result, &error)) != FND_OK) {
        fail("export", &error);
    }
    const double took = seconds() - start;
    getrusage(RUSAGE_SELF, &after);
    const double copying = copy(path.bytes, copied.bytes);
    const double size = (double)result.size / 1e6;
    printf("{\"records\":%zu,\"bytes\":%" PRIu64
           ",\"seconds\":%.3f,\"cpu_seconds\":%.3f,\"rate\":%.1f,\"copy_rate\":%.1f,"
           "\"rss_kib\":%ld}\n",
           result.lines, result.size, took, processor_seconds(&after) - processor_seconds(&before),
           size / took, size / copying, after.ru_maxrss);
    fnd_export_result_finish(&result);
    fnd_reader_close(reader);
    fnd_text_finish(&path);
    fnd_text_finish(&copied);
    fnd_text_finish(&manifest);
    return 0;
}
