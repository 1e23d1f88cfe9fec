/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "command/demo.h"
#include "command/output.h"
#include "dataset/dataset.h"
#include "serve/tally.h"

enum { EXPORT_SIZE_MAX = 64 << 20 };

/* What the report tells. */
struct result {
    struct tally_sum sum;
    struct fnd_export_result exported;
    struct fnd_text text; /* of the export's file */
    struct fnd_json line; /* the first that a person corrected; none: bytes NULL */
    int64_t us;           /* from the first start to now */
};

static enum fnd_status count(struct fnd_reader *reader, struct result *result,
                             struct fnd_error *error)
{
    struct tally *tally = tally_create();
    enum fnd_status status = tally_update(tally, reader, error);
    if (status == FND_OK) {
        tally_add(tally, NULL, &result->sum);
    }
    tally_destroy(tally);
    return status;
}

static enum fnd_status export(struct fnd_app *app, const char *directory, struct fnd_reader *reader,
                              struct result *result, struct fnd_error *error) {
    struct fnd_text out = {0}; struct fnd_store *store = NULL;
    const struct fnd_store_options store_options = {.env = app->env,
                                                    .log = &app->log,
                                                    .lock_wait_ms = FND_LOCK_WAIT_MS};
    struct fnd_export_options options = {.format = "foundry"};
    fnd_text_printf(&out, "%s/out", directory); enum fnd_status status = FND_OK;
    if (mkdir(fnd_text_z(&out), 0777) < 0 &&
        errno != EEXIST){status = fnd_error_errno(error, fnd_status_errno(errno), errno,
                                                  "cannot make %s", fnd_text_z(&out));}
fnd_text_append_z(&out, "/corrections.jsonl");
options.out = fnd_text_z(&out);
if (status == FND_OK) {
    status = fnd_store_open(directory, &store_options, &store, error);
}
if (status == FND_OK) {
    status = fnd_dataset_export(reader, store, &options, &result->exported, error);
}
if (status == FND_OK) {
    status = fnd_file_read(AT_FDCWD, options.out, EXPORT_SIZE_MAX, &result->text, error);
}
fnd_store_close(store);
fnd_text_finish(&out);
return status;
}

static void find_corrected(struct result *result)
{
    const char *at = fnd_text_z(&result->text);
    while (*at != '\0' && result->line.bytes == NULL) {
        size_t size = strcspn(at, "\n");
        struct fnd_json line = {0};
        if (fnd_json_check(at, size, "line", &line, NULL) == FND_OK &&
            fnd_json_text_is(fnd_json_member(line, "verdict"), "corrected")) {
            result->line = line;
        }
        at += size + (at[size] == '\n' ? 1 : 0);
    }
}

static void print_json(struct fnd_app *app, const char *directory, const struct result *result)
{
    struct fnd_text json = {0};
    const struct tally_sum *sum = &result->sum;
    fnd_text_append_z(&json, "{\"type\":\"end\",");
    fnd_field(&json, "directory", directory);
    fnd_text_printf(&json,
                    ",\"auto_accepted\":%" PRId64 ",\"accepted\":%" PRId64 ",\"corrected\":%" PRId64
                    ",\"rejected\":%" PRId64 ",\"fields_changed\":%" PRId64
                    ",\"fields_total\":%" PRId64 ",\"answer_seconds\":%.1f,\"seconds\":%.1f,"
                    "\"lines\":%zu,",
                    sum->auto_accepted, sum->accepted, sum->corrected, sum->rejected,
                    sum->fields_changed, sum->fields_total, (double)sum->seconds_ms / 1000,
                    (double)result->us / 1000000, result->exported.lines);
    fnd_field(&json, "file", result->exported.path);
    fnd_text_append_z(&json, ",\"line\":");
    if (result->line.bytes != NULL) {
        fnd_text_append(&json, result->line.bytes, result->line.size);
    } else {
        fnd_text_append_z(&json, "null");
    }
    fnd_text_append_z(&json, "}\n");
    fnd_raw(app, fnd_text_z(&json), json.size);
    fnd_text_finish(&json);
}

static void print(struct fnd_app *app, const struct result *result)
{
    const struct tally_sum *sum = &result->sum;
    fnd_line(app, "auto-accepted   %" PRId64, sum->auto_accepted);
    fnd_line(app,
             "asked           %" PRId64 ": %" PRId64 " corrected, %" PRId64
             " right as they were, %" PRId64 " rejected",
             sum->corrected + sum->accepted + sum->rejected, sum->corrected, sum->accepted,
             sum->rejected);
    fnd_line(app, "fields changed  %" PRId64 " of %" PRId64, sum->fields_changed,
             sum->fields_total);
    fnd_line(app, "seconds         %.1f for the answers, %.1f in all",
             (double)sum->seconds_ms / 1000, (double)result->us / 1000000);
    fnd_line(app, "exported        %s (%zu line%s)", result->exported.path, result->exported.lines,
             result->exported.lines == 1 ? "" : "s");
    if (result->line.bytes != NULL) {
        fnd_say(app, "the first line that was corrected:");
        fnd_line(app, "%.*s", (int)result->line.size, result->line.bytes);
    } else {
        fnd_say(app, "nothing was corrected");
    }
}

enum fnd_status demo_report(struct fnd_app *app, const char *directory, int64_t since_us,
                            struct fnd_error *error)
{
    struct result result = {0};
    struct fnd_reader *reader = NULL;
    enum fnd_status status = fnd_reader_open(directory, &reader, error);
    if (status == FND_OK) {
        status = count(reader, &result, error);
    }
    if (status == FND_OK) {
        status = export(app, directory, reader, &result, error);
    }
    if (status == FND_OK) {
        result.us = app->env->monotonic_us(app->env) - since_us;
        find_corrected(&result);
        if (app->json) {
            print_json(app, directory, &result);
        } else {
            print(app, &result);
        }
    }
    tally_sum_finish(&result.sum);
    fnd_export_result_finish(&result.exported);
    fnd_text_finish(&result.text);
    fnd_reader_close(reader);
    return status;
}
