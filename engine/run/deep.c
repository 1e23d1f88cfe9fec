/* SPDX-License-Identifier: MIT */
#include "run/deep.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run/internal.h"
#include "store/needed.h"

enum { PAGE = 256 };

struct pin {
    int64_t id, live;
    struct fnd_pipeline *pipeline; /* NULL: it does not compile */
};

/** Under which pin a step stood when an event was recorded. */
struct stand {
    int64_t step, pin;
};

struct deep {
    struct fnd_reader *reader;
    const struct fnd_deep_options *options;
    struct fnd_deep *result;
    struct fnd_catalog *catalog;
    struct fnd_kept *kept;
    struct pin *pins;
    struct stand *stands; /* by step, which come in order */
    size_t pins_count, stands_count;
    int64_t last; /* event looked at */
    enum fnd_status status;
    struct fnd_error *error;
};

static void flaw(struct deep *deep, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void flaw(struct deep *deep, const char *format, ...)
{
    struct fnd_text sentence = {0};
    va_list arguments;
    va_start(arguments, format);
    fnd_text_vprintf(&sentence, format, arguments);
    va_end(arguments);
    deep->result->flaws++;
    deep->options->flaw(fnd_text_z(&sentence), deep->options->context);
    fnd_text_finish(&sentence);
}

/* --- pins ---------------------------------------------------------------------------------- */

static enum fnd_status copy_find(void *context, const char *id, const uint8_t *want,
                                 const struct fnd_plugin_info **info, int *fd,
                                 struct fnd_error *error)
{
    struct deep *deep = context;
    char hash[FND_DIGEST_TEXT_SIZE], path[PATH_MAX];
    int file = -1;
    for (struct fnd_kept *kept = deep->kept; kept != NULL; kept = kept->next) {
        if (memcmp(kept->hash, want, sizeof kept->hash) == 0) {
            *info = kept->info;
            *fd = kept->fd;
            return FND_OK;
        }
    }
    enum fnd_status status = fnd_plugin_open(fnd_reader_folder(deep->reader), want, &file, error);
    if (status != FND_OK) {
        fnd_error_prefix(error, "plugin %s", id);
        return status;
    }
    fnd_digest_text(want, hash);
    snprintf(path, sizeof path, "%s/.foundry/plugins/%s.so", fnd_reader_path(deep->reader), hash);
    status = fnd_catalog_file(deep->catalog, file, path, info, error);
    if (status != FND_OK) {
        close(file);
        return status;
    }
    struct fnd_kept *kept = fnd_alloc(sizeof *kept);
    memcpy(kept->hash, want, sizeof kept->hash);
    kept->fd = *fd = file;
    kept->info = *info;
    kept->next = deep->kept;
    deep->kept = kept;
    return FND_OK;
}

static struct pin *pin_find(struct deep *deep, int64_t id)
{
    for (size_t i = 0; i < deep->pins_count; i++) {
        if (deep->pins[i].id == id) {
            return &deep->pins[i];
        }
    }
    deep->pins = fnd_realloc(deep->pins, deep->pins_count + 1, sizeof *deep->pins);
    deep->pins[deep->pins_count] = (struct pin){.id = id};
    return &deep->pins[deep->pins_count++];
}

static void note_live(const struct fnd_needed *needed, void *context)
{
    pin_find(context, needed->pin)->live = needed->live;
}

static void pin_compile(struct deep *deep, int64_t id)
{
    struct fnd_text document = {0};
    struct fnd_errors errors = {0};
    struct pin *pin = pin_find(deep, id);
    const struct fnd_plugin_source copies = {copy_find, copy_find, deep};
    const struct fnd_pipeline_options options = {.plugins = &copies,
                                                 .kinds = deep->options->kinds,
                                                 .isolation = FND_ISOLATION_SANDBOX,
                                                 .folder_out = fnd_reader_path(deep->reader)};
    struct fnd_error error = {0};
    enum fnd_status status = fnd_payload_get(deep->reader, id, &document, NULL, &error);
    if (status == FND_OK) {
        status =
            fnd_pipeline_load_pin(document.bytes, document.size, &options, &pin->pipeline, &errors);
        error = errors.count > 0 ? errors.list[0] : error;
    }
    /* An old plugin copy may be gone, or of an ABI that is refused by now: that is nobody's loss
     * but of jobs that have not ended. */
    if (status == FND_OK) {
        deep->result->pins++;
    } else if (pin->live == 0 && status != FND_DAMAGED) {
        deep->result->pins_past++;
    } else {
        flaw(deep, "pin %" PRId64 " does not compile: %s", id, error.message);
    }
    fnd_text_finish(&document);
}

/* --- outputs ------------------------------------------------------------------------------- */

static void stand_add(struct deep *deep, int64_t step, int64_t pin)
{
    if ((deep->stands_count & (deep->stands_count - 1)) == 0) { /* room for the next power of two */
        const size_t room = deep->stands_count == 0 ? 1 : deep->stands_count * 2;
        deep->stands = fnd_realloc(deep->stands, room, sizeof *deep->stands);
    }
    deep->stands[deep->stands_count++] = (struct stand){step, pin};
}

static struct stand *stand_find(struct deep *deep, int64_t step)
{
    size_t from = 0, to = deep->stands_count;
    while (from < to) {
        const size_t middle = from + (to - from) / 2;
        if (deep->stands[middle].step < step) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from < deep->stands_count && deep->stands[from].step == step ? &deep->stands[from]
                                                                        : NULL;
}

/* A phase of the engine's own gives its subject's document on, mended by a person. */
static const struct fnd_phase *maker_of(const struct fnd_pipeline *pipeline, int32_t index)
{
    if (pipeline == NULL || index < 0 || (size_t)index >= pipeline->phases_count) {
        return NULL;
    }
    const struct fnd_phase *phase = &pipeline->phases[index];
    while (phase->bound.info == NULL && phase->subject >= 0 &&
           (size_t)phase->subject < phase->index) {
        phase = &pipeline->phases[phase->subject];
    }
    return phase;
}

static void output_check(struct deep *deep, const struct fnd_event_row *event)
{
    const struct stand *stand = stand_find(deep, event->step);
    const struct fnd_phase *maker =
        stand != NULL ? maker_of(pin_find(deep, stand->pin)->pipeline, event->phase) : NULL;
    struct fnd_text body = {0};
    struct fnd_json output = {0};
    struct fnd_flaws flaws = {0};
    struct fnd_error error = {0};
    if (maker == NULL || maker->bound.output_schema == NULL) {
        deep->result->outputs_free++;
        return;
    }
    deep->result->outputs++;
    if (fnd_payload_get(deep->reader, event->id, &body, NULL, &error) != FND_OK ||
        fnd_json_check(body.bytes, body.size, NULL, &output, &error) != FND_OK) {
        flaw(deep, "event %" PRId64 ": its output cannot be read: %s", event->id, error.message);
    } else if (!fnd_schema_check(maker->bound.output_schema, output, NULL, &flaws)) {
        const struct fnd_flaw *first = &flaws.list[0];
        flaw(deep,
             "event %" PRId64 ", job %" PRId64
             ": the output breaks the schema of %s: \"%s\" %s; an older engine may have taken it, "
             "or it was not made by that plugin",
             event->id, event->step, maker->bound.uses, first->pointer, first->message);
    }
    fnd_flaws_finish(&flaws);
    fnd_text_finish(&body);
}

static bool event_look(const struct fnd_event_row *event, void *context)
{
    struct deep *deep = context;
    struct fnd_job_row job;
    struct stand *stand;
    deep->last = event->id;
    switch (event->kind) {
    case FND_EVENT_PIN:
        pin_compile(deep, event->id);
        break;
    case FND_EVENT_JOB:
        deep->status = fnd_job_get(deep->reader, event->id, &job, deep->error);
        if (deep->status == FND_OK) {
            stand_add(deep, event->id, job.pin);
            fnd_job_row_finish(&job);
        }
        break;
    case FND_EVENT_UPGRADE:
        stand = stand_find(deep, event->step);
        if (stand != NULL) {
            stand->pin = event->ref;
        }
        break;
    case FND_EVENT_OUTPUT:
        output_check(deep, event);
        break;
    default: /* tells nothing of outputs */
        break;
    }
    return deep->status == FND_OK;
}

static void ignore_unread(int64_t pin, void *context)
{
    (void)pin; /* told when it is compiled */
    (void)context;
}

static void deep_finish(struct deep *deep)
{
    for (size_t i = 0; i < deep->pins_count; i++) {
        fnd_pipeline_destroy(deep->pins[i].pipeline);
    }
    while (deep->kept != NULL) {
        struct fnd_kept *next = deep->kept->next;
        close(deep->kept->fd);
        free(deep->kept);
        deep->kept = next;
    }
    fnd_catalog_destroy(deep->catalog);
    free(deep->pins);
    free(deep->stands);
}

enum fnd_status fnd_deep_look(struct fnd_reader *reader, const struct fnd_deep_options *options,
                              struct fnd_deep *result, struct fnd_error *error)
{
    struct deep deep = {.reader = reader, .options = options, .result = result, .error = error};
    const struct fnd_catalog_options catalog = {
        .path = "", .worker_program = options->worker_program, .log = options->log};
    *result = (struct fnd_deep){0};
    deep.status = fnd_catalog_create(&catalog, &deep.catalog, error);
    if (deep.status == FND_OK) {
        deep.status = fnd_needed_walk(reader, note_live, ignore_unread, &deep, error);
    }
    /* Page by page: no read transaction stays open for long. */
    for (int64_t before = -1; deep.status == FND_OK && before != deep.last;) {
        const struct fnd_walk page = {deep.last, PAGE};
        before = deep.last;
        enum fnd_status walked = fnd_events_walk(reader, 0, &page, event_look, &deep, error);
        deep.status = walked != FND_OK ? walked : deep.status;
    }
    deep_finish(&deep);
    return deep.status;
}
