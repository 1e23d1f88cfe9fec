/* SPDX-License-Identifier: MIT */
#include "command/follow.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "command/output.h"
#include "run/engine.h"

enum { TOLD_MAX = 10 }; /* jobs named one by one; the rest is counted */

static char *text_of(struct fnd_json line, const char *name)
{
    char *text = fnd_json_strdup(fnd_json_member(line, name));
    return text != NULL ? text : fnd_strdup("-");
}

static int64_t number_of(struct fnd_json line, const char *name)
{
    int64_t number = 0;
    fnd_json_integer(fnd_json_member(line, name), &number);
    return number;
}

/* A job stopped: named while there are few. */
static void tell_stop(struct fnd_follow *follow, struct fnd_json line, struct fnd_json kind)
{
    if (fnd_json_text_is(kind, fnd_event_name(FND_EVENT_ASK))) {
        follow->asked++;
    } else if (fnd_json_text_is(kind, fnd_event_name(FND_EVENT_FAIL))) {
        follow->failed++;
    } else if (fnd_json_text_is(kind, fnd_event_name(FND_EVENT_HOLD))) {
        follow->held++;
    }
    if (++follow->told > TOLD_MAX && !follow->app->verbose) {
        if (follow->told == TOLD_MAX + 1) {
            fnd_say(follow->app, "… and more; -v names them all");
        }
        return;
    }
    char *path = text_of(line, "path"), *phase = text_of(line, "phase");
    char *message = text_of(line, "message");
    if (fnd_json_text_is(kind, fnd_event_name(FND_EVENT_ASK))) {
        fnd_say(follow->app, "%s: waits for people at %s (request %" PRId64 ")", path, phase,
                number_of(line, "request"));
    } else if (fnd_json_text_is(kind, fnd_event_name(FND_EVENT_HOLD))) {
        fnd_say(follow->app, "%s: waits at %s: %s", path, phase, message);
    } else if (fnd_json_text_is(kind, fnd_event_name(FND_EVENT_FAIL))) {
        fnd_say(follow->app, "%s: failed at %s: %s", path, phase, message);
    } else if (fnd_json_text_is(kind, fnd_event_name(FND_EVENT_RETRY))) {
        fnd_say(follow->app, "%s: will try %s again: %s", path, phase, message);
    } else {
        fnd_say(follow->app, "%s: cancelled", path);
    }
    free(path);
    free(phase);
    free(message);
}

static void tell_news(struct fnd_follow *follow, struct fnd_json line)
{
    struct fnd_json kind = fnd_json_member(line, "kind"), state = fnd_json_member(line, "state");
    static const enum fnd_event_kind stops[] = {FND_EVENT_ASK, FND_EVENT_HOLD, FND_EVENT_FAIL,
                                                FND_EVENT_RETRY, FND_EVENT_CANCEL};
    if (fnd_json_text_is(state, fnd_state_name(FND_COMPLETED))) {
        follow->done++;
    }
    for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++) {
        if (fnd_json_text_is(kind, fnd_event_name(stops[i]))) {
            tell_stop(follow, line, kind);
            return;
        }
    }
    char *path = text_of(line, "path"), *phase = text_of(line, "phase"),
         *name = text_of(line, "kind");
    if (follow->app->verbose) {
        fnd_say(follow->app, "%s: %s %s", path, phase, name);
    }
    fnd_progress(follow->app,
                 "%" PRId64 " done, %" PRId64 " wait for people, %" PRId64 " failed · %s %s",
                 follow->done, follow->asked, follow->failed, path, phase);
    free(path);
    free(phase);
    free(name);
}

static void tell_changed(struct fnd_follow *follow, struct fnd_json line)
{
    int64_t live = number_of(line, "live"), ended = number_of(line, "ended");
    char *lines = text_of(line, "lines");
    fnd_say(follow->app,
            "the pipeline is another than when %" PRId64 " of its jobs began:", live + ended);
    for (const char *at = lines; *at != '\0';) {
        size_t size = strcspn(at, "\n");
        fnd_say(follow->app, "  %.*s", (int)size, at);
        at += size + (at[size] == '\n' ? 1 : 0);
    }
    if (ended > 0) {
        fnd_say(follow->app,
                "%" PRId64 " that have ended keep their results (retry JOB --phase ID runs one "
                "again)",
                ended);
    }
    if (live > 0) {
        fnd_say(follow->app,
                "%" PRId64 " under way finish on what they started with; --upgrade moves them, "
                "--upgrade --dry-run says which",
                live);
    }
    free(lines);
}

static void tell_ingest(struct fnd_follow *follow, struct fnd_json line)
{
    int64_t created = number_of(line, "created"), revised = number_of(line, "revised");
    int64_t unchanged = number_of(line, "unchanged"), refused = number_of(line, "refused");
    struct fnd_text text = {0};
    fnd_text_printf(&text, "%" PRId64 " new", created);
    if (revised > 0) {
        fnd_text_printf(&text, ", %" PRId64 " changed", revised);
    }
    if (unchanged > 0) {
        fnd_text_printf(&text, ", %" PRId64 " known", unchanged);
    }
    if (refused > 0) {
        fnd_text_printf(&text, ", %" PRId64 " refused", refused);
    }
    if (number_of(line, "seen") == 0 &&
        fnd_arguments_has(&follow->app->arguments, FND_OPTION_WATCH)) {
        fnd_say(follow->app, "no inputs yet: files are taken in once they have rested for %d s",
                FND_WATCH_REST_MS / 1000);
    } else if (number_of(line, "seen") == 0) {
        char *match = fnd_json_strdup(fnd_json_member(line, "match"));
        fnd_say(follow->app, "no inputs: the pipeline takes %s%s",
                match != NULL ? match : "every file that is not hidden",
                match != NULL ? " (its inputs.match)" : "");
        free(match);
    } else {
        fnd_say(follow->app, "inputs: %s", fnd_text_z(&text));
    }
    fnd_text_finish(&text);
}

static void tell_refused(struct fnd_follow *follow, struct fnd_json line)
{
    struct fnd_error error = {0};
    char *message = text_of(line, "message"),
         *file = fnd_json_strdup(fnd_json_member(line, "file"));
    fnd_error_set(&error, FND_INVALID, "%s", message);
    fnd_error_place(&error, file, (size_t)number_of(line, "line"),
                    (size_t)number_of(line, "column"));
    fnd_complain(follow->app, &error);
    free(message);
    free(file);
}

static void tell_upgrade(struct fnd_follow *follow, struct fnd_json line)
{
    char *path = text_of(line, "path"), *why = text_of(line, "why");
    bool moves = false;
    fnd_json_boolean(fnd_json_member(line, "moves"), &moves);
    fnd_line(follow->app, "%s: %s, %s", path, moves ? "moves" : "stays", why);
    free(path);
    free(why);
}

void fnd_follow_line(void *context, struct fnd_json line)
{
    struct fnd_follow *follow = context;
    static const struct {
        const char *type;
        void (*tell)(struct fnd_follow *follow, struct fnd_json line);
    } types[] = {{"news", tell_news},
                 {"changed", tell_changed},
                 {"ingest", tell_ingest},
                 {"refused", tell_refused},
                 {"upgrade", tell_upgrade}};
    if (follow->app->json) {
        fnd_raw(follow->app, line.bytes, line.size);
        fnd_raw(follow->app, "\n", 1);
        return;
    }
    struct fnd_json type = fnd_json_member(line, "type");
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (fnd_json_text_is(type, types[i].type)) {
            types[i].tell(follow, line);
        }
    }
}

void fnd_follow_news(const struct fnd_app *app, struct fnd_text *request)
{
    if (app->json || app->verbose || app->progress) {
        fnd_text_append_z(request, ",\"news\":\"all\"");
    }
}

/* "3 completed, 1 paused": the states that have jobs. */
static void counts_text(struct fnd_json counts, struct fnd_text *text)
{
    static const enum fnd_state order[] = {FND_COMPLETED, FND_PAUSED,  FND_FAILED, FND_CANCELLED,
                                           FND_RETRYING,  FND_RUNNING, FND_QUEUED};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        int64_t count = number_of(counts, fnd_state_name(order[i]));
        if (count > 0) {
            fnd_text_printf(text, "%s%" PRId64 " %s", text->size > 0 ? ", " : "", count,
                            fnd_state_name(order[i]));
        }
    }
    if (text->size == 0) {
        fnd_text_append_z(text, "no jobs");
    }
}

int fnd_follow_end(struct fnd_follow *follow, const char *directory, struct fnd_json end)
{
    struct fnd_app *app = follow->app;
    struct fnd_json counts = fnd_json_member(end, "counts");
    struct fnd_text text = {0};
    int64_t paused = number_of(counts, fnd_state_name(FND_PAUSED));
    int64_t failed = number_of(counts, fnd_state_name(FND_FAILED));
    if (app->json) {
        fnd_raw(app, end.bytes, end.size);
        fnd_raw(app, "\n", 1);
    } else {
        char *pipeline = fnd_json_strdup(fnd_json_member(end, "pipeline"));
        counts_text(counts, &text);
        fnd_line(app, "%s%s%s", pipeline != NULL ? pipeline : "", pipeline != NULL ? ": " : "",
                 fnd_text_z(&text));
        free(pipeline);
    }
    int64_t held = number_of(end, "held");
    held = held > follow->held ? held : follow->held;
    held = held < paused ? held : paused;
    paused -= held;
    if (held > 0) {
        fnd_next(app,
                 "%" PRId64 " cannot go on: mend what is missing, then run again; " FND_PROGRAM
                 " status %s says what",
                 held, directory);
    }
    if (paused > 0) {
        fnd_next(app, "%" PRId64 " job%s for people: " FND_PROGRAM " ask list %s", paused,
                 paused == 1 ? " waits" : "s wait", directory);
    }
    if (failed > 0) {
        fnd_next(app,
                 "%" PRId64 " failed: " FND_PROGRAM " logs %s JOB says why; " FND_PROGRAM
                 " retry --failed %s",
                 failed, directory, directory);
    }
    fnd_text_finish(&text);
    int code = fnd_counts_exit(counts);
    return number_of(end, "refused") > 0 ? FND_EXIT_FAILED : code;
}

int fnd_follow_jobs(struct fnd_app *app, struct fnd_session *session, const char *directory,
                    const int64_t *jobs, size_t count)
{
    struct fnd_text request = {0}, text = {0};
    struct fnd_json end = {0};
    struct fnd_error error = {0};
    struct fnd_follow follow = {.app = app};
    fnd_text_append_z(&request, "{\"op\":\"follow\",\"jobs\":[");
    for (size_t i = 0; i < count; i++) {
        fnd_text_printf(&request, "%s%" PRId64, i > 0 ? "," : "", jobs[i]);
    }
    fnd_text_append_byte(&request, ']');
    fnd_follow_news(app, &request);
    fnd_text_append_byte(&request, '}');
    enum fnd_status status =
        fnd_session_ask(session, &request, fnd_follow_line, &follow, &text, &end, &error);
    if (status == FND_OK) {
        status = fnd_session_status(end, &error);
    }
    int code = status == FND_OK ? fnd_follow_end(&follow, directory, end) : fnd_fail(app, &error);
    fnd_text_finish(&request);
    fnd_text_finish(&text);
    return code;
}
