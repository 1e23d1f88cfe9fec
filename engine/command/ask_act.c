/* SPDX-License-Identifier: MIT */
/* What people do with requests before and after they answer: claim, release, snooze, undo, reopen.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "command/ask.h"
#include "command/commands.h"
#include "command/output.h"
#include "command/session.h"
#include "config/tree.h"
#include "store/desk.h"

/* One act: what is asked of the engine, and how its end reads. */
struct desk_act {
    const char *op;
    /* Append members, a comma before each; `row` is the request as it stands. */
    enum fnd_status (*members)(struct fnd_app *app, const struct fnd_ask_row *row,
                               struct fnd_text *request, struct fnd_error *error);
    void (*tell)(struct fnd_app *app, int64_t request, struct fnd_json end);
};

static enum fnd_status ask_engine(struct fnd_app *app, const char *directory,
                                  const struct fnd_text *request, struct fnd_text *text,
                                  struct fnd_json *end, struct fnd_error *error)
{
    struct fnd_session *session = fnd_session_create(app, directory, false, false);
    enum fnd_status status = fnd_session_ask(session, request, NULL, NULL, text, end, error);
    if (status == FND_OK) {
        status = fnd_session_status(*end, error);
    }
    fnd_session_destroy(session);
    return status;
}

static int run_act(struct fnd_app *app, const struct desk_act *act)
{
    struct fnd_error error = {0};
    struct fnd_reader *reader = NULL;
    struct fnd_text request = {0}, text = {0};
    struct fnd_json end = {0};
    struct fnd_ask_row row;
    int64_t number = 0;
    char *by = fnd_who(app);
    enum fnd_status status = fnd_directory_read(app->arguments.operands[0], &reader, &error);
    if (status == FND_OK) {
        status = fnd_request_named(app, reader, app->arguments.operands[1], &number, &error);
    }
    if (status == FND_OK) {
        status = fnd_ask_get(reader, number, &row, &error);
    }
    if (status == FND_OK) {
        fnd_text_printf(&request, "{\"op\":\"%s\",\"request\":%" PRId64 ",", act->op, number);
        fnd_field(&request, "by", by);
        status = act->members != NULL ? act->members(app, &row, &request, &error) : FND_OK;
        fnd_text_append_byte(&request, '}');
    }
    if (status == FND_OK) {
        status = ask_engine(app, fnd_reader_path(reader), &request, &text, &end, &error);
    }
    if (status == FND_OK && app->json) {
        fnd_value(app, end);
    } else if (status == FND_OK) {
        act->tell(app, number, end);
    }
    fnd_flush(app);
    fnd_reader_close(reader);
    fnd_text_finish(&request);
    fnd_text_finish(&text);
    free(by);
    return status == FND_OK ? FND_EXIT_DONE : fnd_fail(app, &error);
}

static enum fnd_status duration(struct fnd_app *app, enum fnd_option_id option, const char *name,
                                int64_t *ms, struct fnd_error *error)
{
    const char *text = fnd_arguments_value(&app->arguments, option);
    if (text != NULL && (!fnd_duration_parse(text, ms) || *ms < 1)) {
        return fnd_error_set(error, FND_INVALID,
                             "--%s %s is no duration; write it with its unit: 90s, 5m, 2h, 1d",
                             name, text);
    }
    return FND_OK;
}

static enum fnd_status claim_members(struct fnd_app *app, const struct fnd_ask_row *row,
                                     struct fnd_text *request, struct fnd_error *error)
{
    int64_t ms = 0;
    (void)row;
    enum fnd_status status = duration(app, FND_OPTION_FOR, "for", &ms, error);
    fnd_text_printf(request, ",\"lease_ms\":%" PRId64, ms);
    return status;
}

static void claim_tell(struct fnd_app *app, int64_t request, struct fnd_json end)
{
    char *until = fnd_json_strdup(fnd_json_member(end, "until"));
    int64_t fence = 0;
    fnd_json_integer(fnd_json_member(end, "fence"), &fence);
    fnd_line(app, "request %" PRId64 " is on your desk until %s, fence %" PRId64, request, until,
             fence);
    free(until);
}

int fnd_command_ask_claim(struct fnd_app *app)
{
    static const struct desk_act act = {"ask.claim", claim_members, claim_tell};
    return run_act(app, &act);
}

static enum fnd_status release_members(struct fnd_app *app, const struct fnd_ask_row *row,
                                       struct fnd_text *request, struct fnd_error *error)
{
    (void)app;
    if (row->holder[0] == '\0') {
        return fnd_error_set(error, FND_CONFLICT, "nobody has request %" PRId64 " on the desk",
                             row->request.id);
    }
    fnd_text_printf(request, ",\"fence\":%" PRId64, row->fence);
    return FND_OK;
}

static void release_tell(struct fnd_app *app, int64_t request, struct fnd_json end)
{
    (void)end;
    fnd_line(app, "request %" PRId64 " is back in the queue", request);
}

int fnd_command_ask_release(struct fnd_app *app)
{
    static const struct desk_act act = {"ask.release", release_members, release_tell};
    return run_act(app, &act);
}

static enum fnd_status snooze_members(struct fnd_app *app, const struct fnd_ask_row *row,
                                      struct fnd_text *request, struct fnd_error *error)
{
    int64_t ms = 60 * 60 * 1000;
    (void)row;
    enum fnd_status status = duration(app, FND_OPTION_FOR, "for", &ms, error);
    fnd_text_printf(request, ",\"until_us\":%" PRId64, app->env->wall_us(app->env) + ms * 1000);
    return status;
}

static void snooze_tell(struct fnd_app *app, int64_t request, struct fnd_json end)
{
    (void)end;
    fnd_line(app, "request %" PRId64 " is put off", request);
}

int fnd_command_ask_snooze(struct fnd_app *app)
{
    static const struct desk_act act = {"ask.snooze", snooze_members, snooze_tell};
    return run_act(app, &act);
}

static enum fnd_status undo_members(struct fnd_app *app, const struct fnd_ask_row *row,
                                    struct fnd_text *request, struct fnd_error *error)
{
    (void)app;
    if (row->request.state != FND_REQUEST_ANSWERED) {
        return fnd_error_set(error, FND_CONFLICT, "request %" PRId64 " has no answer that stands",
                             row->request.id);
    }
    fnd_text_printf(request, ",\"event\":%" PRId64, row->request.closed);
    return FND_OK;
}

static void undo_tell(struct fnd_app *app, int64_t request, struct fnd_json end)
{
    int64_t answer = 0;
    fnd_json_integer(fnd_json_member(end, "answer"), &answer);
    fnd_line(app, "request %" PRId64 " is open again; answer %" PRId64 " is kept and marked",
             request, answer);
}

int fnd_command_ask_undo(struct fnd_app *app)
{
    static const struct desk_act act = {"ask.undo", undo_members, undo_tell};
    return run_act(app, &act);
}

static enum fnd_status reopen_members(struct fnd_app *app, const struct fnd_ask_row *row,
                                      struct fnd_text *request, struct fnd_error *error)
{
    const char *reason = fnd_arguments_value(&app->arguments, FND_OPTION_REASON);
    (void)row;
    if (reason == NULL) {
        return fnd_error_set(error, FND_INVALID, "say why, with --reason; it is kept");
    }
    fnd_text_append_byte(request, ',');
    fnd_field(request, "reason", reason);
    return FND_OK;
}

int fnd_command_ask_reopen(struct fnd_app *app)
{
    static const struct desk_act act = {"ask.reopen", reopen_members, undo_tell};
    return run_act(app, &act);
}

/* --- rules ----------------------------------------------------------------------------------- */

/* Rules, an answer's rows together. */
struct rules {
    struct fnd_app *app;
    struct fnd_table table;
    size_t count;
};

static bool rule_add(const struct fnd_rule_row *row, void *context)
{
    static const char *const states[] = {"holds", "replaced", "revoked"};
    struct rules *rules = context;
    char print[2 * FND_FINGERPRINT_SIZE + 1];
    fnd_hex(row->fingerprint, FND_FINGERPRINT_SIZE, print);
    rules->count++;
    if (rules->app->json) {
        struct fnd_text json = {0};
        fnd_text_printf(&json,
                        "{\"rule\":%" PRId64 ",\"question\":%" PRId64 ",\"request\":%" PRId64
                        ",\"state\":\"%s\",\"fingerprint\":\"%s\",\"settled\":%" PRId64
                        ",\"ended\":%" PRId64 "}\n",
                        row->answer, row->question, row->request, states[row->state], print,
                        row->settled, row->ended);
        fnd_raw(rules->app, json.bytes, json.size);
        fnd_text_finish(&json);
        return true;
    }
    fnd_table_cell(&rules->table, "%" PRId64, row->answer);
    fnd_table_cell(&rules->table, "%" PRId64, row->request);
    fnd_table_cell(&rules->table, "%s", states[row->state]);
    fnd_table_cell(&rules->table, "%" PRId64, row->settled);
    fnd_table_cell(&rules->table, "%s", print);
    return true;
}

int fnd_command_rules_list(struct fnd_app *app)
{
    static const char *const heading[] = {"RULE", "REQUEST", "STATE", "SETTLED", "FINGERPRINT"};
    struct fnd_error error = {0};
    struct fnd_reader *reader = NULL;
    struct rules rules = {.app = app, .table = {.columns = 5}};
    for (size_t i = 0; i < rules.table.columns; i++) {
        fnd_table_cell(&rules.table, "%s", heading[i]);
    }
    enum fnd_status status = fnd_directory_read(app->arguments.operands[0], &reader, &error);
    if (status == FND_OK) {
        status = fnd_rules_walk(reader, 0, SIZE_MAX, rule_add, &rules, &error);
    }
    if (status == FND_OK && rules.count == 0) {
        fnd_say(app, "there are no rules; `answer --twins` makes one");
    }
    if (status == FND_OK && rules.count > 0 && !app->json) {
        fnd_table_print(app, &rules.table, true);
    } else {
        fnd_table_drop(&rules.table);
    }
    fnd_reader_close(reader);
    return status == FND_OK ? FND_EXIT_DONE : fnd_fail(app, &error);
}

int fnd_command_rules_revoke(struct fnd_app *app)
{
    struct fnd_error error = {0};
    struct fnd_reader *reader = NULL;
    struct fnd_text request = {0}, text = {0};
    struct fnd_json end = {0};
    const char *reason = fnd_arguments_value(&app->arguments, FND_OPTION_REASON);
    char *by = fnd_who(app), *rest = NULL;
    int64_t settled = 0, rule = strtoll(app->arguments.operands[1], &rest, 10);
    enum fnd_status status = fnd_directory_read(app->arguments.operands[0], &reader, &error);
    if (status == FND_OK && (*rest != '\0' || rule <= 0)) {
        status =
            fnd_error_set(&error, FND_INVALID, "%s is no rule's number; `rules list` shows them",
                          app->arguments.operands[1]);
    }
    if (status == FND_OK) {
        fnd_text_printf(&request, "{\"op\":\"rules.revoke\",\"rule\":%" PRId64 ",", rule);
        fnd_field(&request, "by", by);
        if (reason != NULL) {
            fnd_text_append_byte(&request, ',');
            fnd_field(&request, "reason", reason);
        }
        fnd_text_append_byte(&request, '}');
        status = ask_engine(app, fnd_reader_path(reader), &request, &text, &end, &error);
    }
    if (status == FND_OK && app->json) {
        fnd_value(app, end);
    } else if (status == FND_OK) {
        fnd_json_integer(fnd_json_member(end, "settled"), &settled);
        fnd_line(app, "rule %" PRId64 " is revoked; it had settled %" PRId64, rule, settled);
    }
    fnd_flush(app);
    fnd_reader_close(reader);
    fnd_text_finish(&request);
    fnd_text_finish(&text);
    free(by);
    return status == FND_OK ? FND_EXIT_DONE : fnd_fail(app, &error);
}
