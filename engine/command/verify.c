/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "command/commands.h"
#include "command/output.h"
#include "command/session.h"
#include "command/verify_deep.h"
#include "learn/curve.h"
#include "store/verify.h"

/* What was looked at, beside the store's own. */
struct looked {
    struct fnd_curve_checked curve;
    struct fnd_verify_deep deep;
    bool deeper;
};

struct flaws {
    struct fnd_app *app;
    struct fnd_text json;
};

static void flaw(const char *sentence, void *context)
{
    struct flaws *flaws = context;
    if (!flaws->app->json) {
        fnd_line(flaws->app, "%s", sentence);
        return;
    }
    struct fnd_text visible = {0};
    fnd_text_append_z(&flaws->json, flaws->json.size > 0 ? "," : "");
    fnd_text_append_visible(&visible, sentence, strlen(sentence));
    fnd_text_append_json(&flaws->json, fnd_text_z(&visible), visible.size);
    fnd_text_finish(&visible);
}

static void print_json(struct fnd_app *app, const struct fnd_verify *result,
                       const struct looked *looked, const struct fnd_text *flaws)
{
    const struct fnd_verify_deep *deep = &looked->deep;
    struct fnd_text json = {0}, more = {0};
    fnd_text_printf(&more, ",\"curve\":{\"versions\":%" PRId64 ",\"figures\":%" PRId64 "}",
                    looked->curve.versions, looked->curve.figures);
    if (looked->deeper) {
        fnd_text_printf(&more,
                        ",\"deep\":{\"pins\":%" PRId64 ",\"pins_past\":%" PRId64
                        ",\"outputs\":%" PRId64 ",\"outputs_free\":%" PRId64 ",\"exports\":%" PRId64
                        "}",
                        deep->run.pins, deep->run.pins_past, deep->run.outputs,
                        deep->run.outputs_free, deep->exports);
    }
    fnd_text_printf(&json,
                    "{\"events\":%" PRId64 ",\"payloads\":%" PRId64 ",\"erased\":%" PRId64
                    ",\"artifacts\":%" PRId64 ",\"plugins\":%" PRId64 ",\"rows\":%" PRId64
                    "%s,\"flaws\":[%s]}\n",
                    result->events, result->payloads, result->erased, result->artifacts,
                    result->plugins, result->rows, fnd_text_z(&more), fnd_text_z(flaws));
    fnd_raw(app, fnd_text_z(&json), json.size);
    fnd_text_finish(&json);
    fnd_text_finish(&more);
}

/* What was looked at, and what was not: a person must not take one for the other. */
static void print_text(struct fnd_app *app, const char *path, const struct fnd_verify *result,
                       const struct looked *looked)
{
    const struct fnd_verify_deep *deep = &looked->deep;
    const int64_t flaws = result->flaws + looked->curve.flaws + deep->run.flaws + deep->flaws;
    if (looked->curve.figures > 0) {
        fnd_line(
            app,
            "%" PRId64 " figures of the curve of %" PRId64 " version%s counted again from the log",
            looked->curve.figures, looked->curve.versions, looked->curve.versions == 1 ? "" : "s");
    }
    if (looked->deeper) {
        fnd_line(app,
                 "%" PRId64 " pins compiled, %" PRId64
                 " outputs checked against their schemas (%" PRId64
                 " have none to be had), %" PRId64 " exports made again and compared",
                 deep->run.pins, deep->run.outputs, deep->run.outputs_free, deep->exports);
        if (deep->run.pins_past > 0) {
            fnd_line(app,
                     "%" PRId64 " pins of jobs that have ended do not compile any more: their "
                     "plugin copies are gone or of another ABI",
                     deep->run.pins_past);
        }
    }
    fnd_line(app,
             "%s: %" PRId64 " events, %" PRId64 " payloads, %" PRId64 " rows, %" PRId64
             " artifacts, %" PRId64 " plugin copies looked at: %" PRId64 " flaw%s",
             path, result->events, result->payloads, result->rows, result->artifacts,
             result->plugins, flaws, flaws == 1 ? "" : "s");
    if (!looked->deeper) {
        fnd_next(app, "not looked at: whether pipelines still compile, outputs keep their schemas "
                      "and exports are what they were (--deep does)");
    }
}

/* The curve is shown out of the tables: counted again from the log it must be the same. Where the
 * log itself is damaged there is nothing to count from, and that was told. */
static enum fnd_status verify_curve(struct fnd_reader *reader, const struct fnd_verify *result,
                                    struct flaws *flaws, struct fnd_curve_checked *checked,
                                    struct fnd_error *error)
{
    struct fnd_curve curve = {0};
    struct fnd_error why = {0};
    if (result->flaws > result->apart) {
        return FND_OK;
    }
    enum fnd_status status = fnd_reader_begin(reader, error);
    if (status != FND_OK) {
        return status;
    }
    status = fnd_curve_read(reader, NULL, &curve, &why);
    if (status == FND_OK) {
        status = fnd_curve_check(reader, &curve, flaw, flaws, checked, error);
    } else if (result->apart > 0) {
        struct fnd_text text = {0};
        fnd_text_printf(&text, "curve: it cannot be computed from the tables: %s; restore a backup",
                        why.message);
        flaw(fnd_text_z(&text), flaws);
        fnd_text_finish(&text);
        checked->flaws++;
        status = FND_OK;
    } else {
        *error = why;
    }
    fnd_reader_end(reader);
    fnd_curve_finish(&curve);
    return status;
}

int fnd_command_verify(struct fnd_app *app)
{
    struct fnd_error error = {0};
    struct fnd_reader *reader = NULL;
    struct fnd_verify result = {0};
    struct flaws flaws = {.app = app};
    struct looked looked = {.deeper = fnd_arguments_has(&app->arguments, FND_OPTION_DEEP)};
    enum fnd_status status = fnd_directory_look(app->arguments.operands[0], &reader, &error);
    if (status == FND_OK) {
        status = fnd_store_verify(reader, &result, flaw, &flaws, &error);
    }
    if (status == FND_OK) {
        status = verify_curve(reader, &result, &flaws, &looked.curve, &error);
    }
    if (status == FND_OK && looked.deeper) {
        status = fnd_verify_deep(app, reader, flaw, &flaws, &looked.deep, &error);
    }
    if (status == FND_OK && app->json) {
        print_json(app, &result, &looked, &flaws.json);
    } else if (status == FND_OK) {
        print_text(app, fnd_reader_path(reader), &result, &looked);
    }
    fnd_reader_close(reader);
    fnd_text_finish(&flaws.json);
    if (status != FND_OK) {
        return fnd_fail(app, &error);
    }
    return result.flaws + looked.curve.flaws + looked.deep.run.flaws + looked.deep.flaws > 0
               ? FND_EXIT_FAILED
               : FND_EXIT_DONE;
}
