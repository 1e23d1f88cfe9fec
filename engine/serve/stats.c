/* SPDX-License-Identifier: MIT */
/* What the loop is worth, computed from events; and what a monitor asks of a process. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "serve/internal.h"
#include "serve/tally.h"
#include "store/desk.h"

enum { ASKS_LOOK_MAX = 1000000 };

/** Open asks by what stands about them. */
struct count {
    int64_t now_us, open, leased, snoozed, overdue;
};

/** A look at the numbers; owned by the helper's task until it resumes the request. */
struct looking {
    struct task task;
    struct request *request;
    char *pipeline;
    size_t first, last;
    struct tally_sum sum;
    int64_t states[FND_CANCELLED + 1];
    struct count asks;
    enum fnd_status status;
    struct fnd_error error;
};

static bool count_open(const struct fnd_ask_row *row, void *context)
{
    struct count *count = context;
    count->open++;
    count->leased += row->holder[0] != '\0' && row->until_us > count->now_us;
    count->snoozed += row->snoozed_us > count->now_us;
    count->overdue += row->due_us > 0 && row->due_us <= count->now_us;
    return true;
}

static enum fnd_status look(struct looking *looking, struct directory *directory)
{
    struct spare *spare = NULL;
    int64_t states[FND_CANCELLED + 1] = {0};
    const struct fnd_env *env = directory->serve->options.env;
    const struct fnd_ask_filter open = {.state = FND_REQUEST_OPEN, .pipeline = looking->pipeline};
    const struct fnd_ask_place begin = {0};
    enum fnd_status status = directory_reader(directory, &spare, &looking->error);
    if (status != FND_OK) {
        return status;
    }
    looking->asks.now_us = env->wall_us(env);
    if (directory->tally == NULL) {
        directory->tally = tally_create(); /* the helper's own: it is the only one here */
    }
    status = tally_update(directory->tally, spare->reader, &looking->error);
    if (status == FND_OK) {
        tally_add(directory->tally, looking->pipeline, &looking->sum);
        status = fnd_jobs_count(spare->reader, looking->pipeline, states, &looking->error);
    }
    if (status == FND_OK) {
        status = fnd_asks_walk(spare->reader, &open, &begin, ASKS_LOOK_MAX, count_open,
                               &looking->asks, &looking->error);
    }
    for (int i = 0; i <= FND_CANCELLED; i++) {
        looking->states[i] += states[i];
    }
    directory_release(directory, spare);
    return status;
}

static void look_task(struct task *task)
{
    struct looking *looking = task->context;
    for (size_t i = looking->first; i < looking->last && looking->status == FND_OK; i++) {
        looking->status = look(looking, &looking->request->serve->directories[i]);
    }
    request_resume(looking->request);
}

static int by_size(const void *a, const void *b)
{
    int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
    return first < second ? -1 : first > second;
}

static int by_day(const void *a, const void *b)
{
    const struct tally_day *first = a, *second = b;
    return first->day < second->day ? -1 : first->day > second->day;
}

static void append_states(struct fnd_text *out, const int64_t states[FND_CANCELLED + 1])
{
    fnd_text_append_z(out, "\"jobs\":{");
    for (int i = 0; i <= FND_CANCELLED; i++) {
        fnd_text_printf(out, "%s\"%s\":%" PRId64, i > 0 ? "," : "",
                        fnd_state_name((enum fnd_state)i), states[i]);
    }
    fnd_text_append_byte(out, '}');
}

static void append_reviewed(struct fnd_text *out, struct tally_sum *sum)
{
    double median = 0;
    if (sum->each_count > 0) {
        qsort(sum->each_ms, sum->each_count, sizeof *sum->each_ms, by_size);
        size_t middle = sum->each_count / 2;
        median = sum->each_count % 2 == 1
                     ? (double)sum->each_ms[middle]
                     : ((double)sum->each_ms[middle - 1] + (double)sum->each_ms[middle]) / 2;
    }
    fnd_text_printf(out,
                    ",\"reviewed\":{\"auto_accepted\":%" PRId64 ",\"corrected\":%" PRId64
                    ",\"accepted\":%" PRId64 ",\"rejected\":%" PRId64 ",\"fields_changed\":%" PRId64
                    ",\"fields_total\":%" PRId64 ",\"seconds_median\":%.3f,\"seconds_total\":%.3f}",
                    sum->auto_accepted, sum->corrected, sum->accepted, sum->rejected,
                    sum->fields_changed, sum->fields_total, median / 1000,
                    (double)sum->seconds_ms / 1000);
}

static void append_rows(struct fnd_text *out, struct tally_sum *sum)
{
    fnd_text_append_z(out, ",\"detectors\":[");
    for (size_t i = 0; i < sum->detectors_count; i++) {
        const struct tally_detector *row = &sum->detectors[i];
        fnd_text_append_z(out, i > 0 ? ",{\"detector\":" : "{\"detector\":");
        fnd_text_append_json_z(out, row->name);
        fnd_text_printf(
            out, ",\"asked\":%" PRId64 ",\"confirmed\":%" PRId64 ",\"corrected\":%" PRId64 "}",
            row->asked, row->confirmed, row->corrected);
    }
    fnd_text_append_z(out, "],\"days\":[");
    if (sum->days_count > 0) {
        qsort(sum->days, sum->days_count, sizeof *sum->days, by_day);
    }
    for (size_t i = 0; i < sum->days_count; i++) {
        const struct tally_day *row = &sum->days[i];
        char date[FND_TIME_TEXT_SIZE];
        fnd_time_format(row->day * 86400 * 1000000, date);
        fnd_text_printf(out,
                        "%s{\"date\":\"%.10s\",\"auto_accepted\":%" PRId64 ",\"corrected\":%" PRId64
                        ",\"asked\":%" PRId64 ",\"seconds\":%.3f}",
                        i > 0 ? "," : "", date, row->auto_accepted, row->corrected, row->asked,
                        (double)row->seconds_ms / 1000);
    }
    fnd_text_append_byte(out, ']');
}

static void looked(struct request *request, struct fnd_json end)
{
    struct looking *looking = request->work;
    struct fnd_text *out = &request->out;
    (void)end;
    request->work = NULL;
    if (looking->status == FND_OK) {
        int64_t answers = looking->sum.accepted + looking->sum.corrected + looking->sum.rejected;
        fnd_text_append_byte(out, '{');
        append_states(out, looking->states);
        fnd_text_printf(out,
                        ",\"asks\":{\"open\":%" PRId64 ",\"leased\":%" PRId64
                        ",\"snoozed\":%" PRId64 ",\"overdue\":%" PRId64 "}",
                        looking->asks.open, looking->asks.leased, looking->asks.snoozed,
                        looking->asks.overdue);
        append_reviewed(out, &looking->sum);
        append_rows(out, &looking->sum);
        fnd_text_append_z(out, ",\"throughput\":{\"answers_per_hour\":");
        if (looking->sum.seconds_ms > 0) {
            fnd_text_printf(out, "%.1f}}",
                            (double)answers * 3600000 / (double)looking->sum.seconds_ms);
        } else {
            fnd_text_append_z(out, "null}}");
        }
        reply_json(request, 200);
    } else {
        reply_error(request, &looking->error);
    }
    tally_sum_finish(&looking->sum);
    free(looking->pipeline);
    free(looking);
}

void stats_get(struct request *request)
{
    size_t first, last;
    if (!directories_asked(request, &first, &last)) {
        return;
    }
    struct looking *looking = fnd_alloc(sizeof *looking);
    looking->request = request;
    looking->pipeline = request_query(request, "pipeline");
    looking->first = first;
    looking->last = last;
    looking->task = (struct task){.run = look_task, .context = looking};
    request->work = looking;
    request_wait(request, looked);
    helper_do(request->serve, &looking->task);
}

/* --- metrics: the Prometheus text format, version 0.0.4 -------------------------------------- */

static void metric(struct fnd_text *out, const char *name, const char *type, const char *help)
{
    fnd_text_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void jobs_metric(struct request *request)
{
    struct fnd_serve *serve = request->serve;
    metric(&request->out, "foundry_jobs", "gauge", "Jobs by directory and state.");
    for (size_t i = 0; i < serve->directories_count; i++) {
        struct directory *directory = &serve->directories[i];
        struct spare *spare = NULL;
        int64_t states[FND_CANCELLED + 1] = {0};
        bool good = directory_reader(directory, &spare, NULL) == FND_OK &&
                    fnd_jobs_count(spare->reader, NULL, states, NULL) == FND_OK;
        for (int k = 0; k <= FND_CANCELLED && good; k++) {
            fnd_text_append_z(&request->out, "foundry_jobs{directory=");
            fnd_text_append_json_z(&request->out, directory->name);
            fnd_text_printf(&request->out, ",state=\"%s\"} %" PRId64 "\n",
                            fnd_state_name((enum fnd_state)k), states[k]);
        }
        directory_release(directory, spare);
    }
    metric(&request->out, "foundry_ready", "gauge", "1 while a directory takes writes.");
    for (size_t i = 0; i < serve->directories_count; i++) {
        struct directory *directory = &serve->directories[i];
        const bool ready = directory_ready(directory) == FND_OK;
        fnd_text_append_z(&request->out, "foundry_ready{directory=");
        fnd_text_append_json_z(&request->out, directory->name);
        fnd_text_printf(&request->out, "} %d\n", ready ? 1 : 0);
    }
}

void metrics_get(struct request *request)
{
    struct fnd_serve *serve = request->serve;
    struct fnd_text *out = &request->out;
    metric(out, "foundry_build_info", "gauge", "The program that tells all this.");
    fnd_text_printf(out, "foundry_build_info{version=\"%s\"} 1\n", serve->options.version);
    jobs_metric(request);
    pthread_mutex_lock(&serve->lock);
    uint64_t requests = serve->requests, refused = serve->refused, evicted = serve->evicted;
    uint64_t cut = serve->cut, replies[6];
    size_t used = serve->places_used;
    memcpy(replies, serve->replies, sizeof replies);
    pthread_mutex_unlock(&serve->lock);
    metric(out, "foundry_http_connections", "gauge", "Connections now.");
    fnd_text_printf(out, "foundry_http_connections %zu\n", used);
    metric(out, "foundry_http_requests_total", "counter", "Requests whose head was read.");
    fnd_text_printf(out, "foundry_http_requests_total %" PRIu64 "\n", requests);
    metric(out, "foundry_http_replies_total", "counter", "Replies by class.");
    for (size_t i = 2; i < 6; i++) {
        fnd_text_printf(out, "foundry_http_replies_total{class=\"%zuxx\"} %" PRIu64 "\n", i,
                        replies[i]);
    }
    metric(out, "foundry_http_refused_total", "counter", "Connections refused: all were taken.");
    fnd_text_printf(out, "foundry_http_refused_total %" PRIu64 "\n", refused);
    metric(out, "foundry_http_evicted_total", "counter",
           "Connections without a request that gave way to others.");
    fnd_text_printf(out, "foundry_http_evicted_total %" PRIu64 "\n", evicted);
    metric(out, "foundry_http_cut_total", "counter", "Connections that passed a deadline.");
    fnd_text_printf(out, "foundry_http_cut_total %" PRIu64 "\n", cut);
    request->status = 200;
    request->type = "text/plain; version=0.0.4; charset=utf-8";
}
