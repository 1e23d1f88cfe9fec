/* SPDX-License-Identifier: MIT */
/* The outbox: messages that wait, and those that were given up. */
#include <inttypes.h>

#include "command/commands.h"
#include "command/output.h"
#include "command/session.h"
#include "store/desk.h"

struct outbox {
    struct fnd_app *app;
    struct fnd_table table;
    bool all;
    size_t count;
};

static bool outbox_add(const struct fnd_outbox_row *row, void *context)
{
    static const char *const states[] = {"waits", "sent", "given up"};
    struct outbox *outbox = context;
    char at[FND_TIME_TEXT_SIZE], next[FND_TIME_TEXT_SIZE];
    if (row->state == FND_OUTBOX_SENT && !outbox->all) {
        return true;
    }
    outbox->count++;
    fnd_time_format(row->at_us, at);
    fnd_time_format(row->next_us, next);
    if (outbox->app->json) {
        struct fnd_text json = {0};
        fnd_text_printf(&json,
                        "{\"message\":%" PRId64 ",\"event\":%" PRId64 ",\"hook\":%" PRId32
                        ",\"state\":\"%s\",\"tries\":%" PRId32 ",\"at\":\"%s\",\"next_at\":\"%s\",",
                        row->id, row->event, row->hook, states[row->state], row->tries, at, next);
        fnd_field(&json, "note", row->note);
        fnd_text_append_z(&json, "}\n");
        fnd_raw(outbox->app, json.bytes, json.size);
        fnd_text_finish(&json);
        return true;
    }
    fnd_table_cell(&outbox->table, "%" PRId64, row->id);
    fnd_table_cell(&outbox->table, "%" PRId64, row->event);
    fnd_table_cell(&outbox->table, "%s", states[row->state]);
    fnd_table_cell(&outbox->table, "%" PRId32, row->tries);
    fnd_table_cell(&outbox->table, "%s", row->state == FND_OUTBOX_WAITS ? next : at);
    fnd_table_cell(&outbox->table, "%s", row->note);
    return true;
}

int fnd_command_notify_list(struct fnd_app *app)
{
    static const char *const heading[] = {"MESSAGE", "EVENT", "STATE", "TRIES", "NEXT", "NOTE"};
    struct fnd_error error = {0};
    struct fnd_reader *reader = NULL;
    struct outbox outbox = {.app = app,
                            .table = {.columns = 6},
                            .all = fnd_arguments_has(&app->arguments, FND_OPTION_ALL)};
    for (size_t i = 0; i < outbox.table.columns; i++) {
        fnd_table_cell(&outbox.table, "%s", heading[i]);
    }
    enum fnd_status status = fnd_directory_read(app->arguments.operands[0], &reader, &error);
    if (status == FND_OK) {
        status = fnd_outbox_walk(reader, -1, 0, SIZE_MAX >> 1, outbox_add, &outbox, &error);
    }
    if (status == FND_OK && outbox.count == 0) {
        fnd_say(app, "no message waits, and none was given up");
    }
    if (status == FND_OK && outbox.count > 0 && !app->json) {
        fnd_table_print(app, &outbox.table, false);
    } else {
        fnd_table_drop(&outbox.table);
    }
    fnd_reader_close(reader);
    return status == FND_OK ? FND_EXIT_DONE : fnd_fail(app, &error);
}
