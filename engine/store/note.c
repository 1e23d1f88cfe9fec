/* SPDX-License-Identifier: MIT */
/* Working rows: leases, drafts and the outbox. They are durable with the write that brings them and
 * no part of the chain; README.md says why. */
#include <assert.h>
#include <string.h>

#include "base/text.h"
#include "store/internal.h"

struct fnd_note *fnd_write_note(struct fnd_write *write, enum fnd_note_kind kind, int64_t id,
                                const char *who, const char *text)
{
    struct fnd_note *note = fnd_alloc(sizeof *note);
    struct fnd_note **end = &write->notes;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = note;
    note->kind = kind;
    note->id = id;
    note->who = who != NULL ? fnd_strdup(who) : NULL;
    note->text = text != NULL ? fnd_strdup(text) : NULL;
    return note;
}

static void bind_text(sqlite3_stmt *row, int index, const char *text)
{
    if (text != NULL) {
        sqlite3_bind_text(row, index, text, -1, SQLITE_STATIC);
    } else {
        sqlite3_bind_null(row, index);
    }
}

static int apply_draft(struct fnd_writer *writer, const struct fnd_note *note)
{
    sqlite3_stmt *row = writer->statements[note->text != NULL ? WRITER_DRAFT : WRITER_DRAFT_DROP];
    sqlite3_bind_int64(row, 1, note->id);
    bind_text(row, 2, note->who);
    if (note->text != NULL) {
        sqlite3_bind_int64(row, 3, note->at_us);
        bind_text(row, 4, note->text);
    }
    return fnd_fold_step(row);
}

static int apply_outbox(struct fnd_writer *writer, const struct fnd_note *note, int64_t first)
{
    sqlite3_stmt *row = writer->statements[WRITER_OUTBOX];
    const int64_t event = note->id >= 0 ? note->id : first + (FND_REF_FIRST - note->id);
    sqlite3_bind_int64(row, 1, event);
    sqlite3_bind_int(row, 2, note->hook);
    sqlite3_bind_int64(row, 3, note->pin);
    sqlite3_bind_int64(row, 4, note->at_us);
    const int rc = fnd_fold_step(row);
    if (rc != SQLITE_DONE) {
        return rc;
    }
    sqlite3_stmt *mark = writer->statements[WRITER_OUTBOX_MARK];
    sqlite3_bind_int64(mark, 1, event);
    sqlite3_bind_int(mark, 2, note->hook);
    return fnd_fold_step(mark);
}

static int apply_outbox_state(struct fnd_writer *writer, const struct fnd_note *note)
{
    sqlite3_stmt *row = writer->statements[WRITER_OUTBOX_STATE];
    sqlite3_bind_int64(row, 1, note->id);
    sqlite3_bind_int(row, 2, note->state);
    sqlite3_bind_int(row, 3, note->tries);
    sqlite3_bind_int64(row, 4, note->at_us);
    bind_text(row, 5, note->text);
    return fnd_fold_step(row);
}

int fnd_notes_apply(struct fnd_writer *writer, const struct fnd_write *write, int64_t first)
{
    int rc = SQLITE_DONE;
    for (const struct fnd_note *note = write->notes; note != NULL && rc == SQLITE_DONE;
         note = note->next) {
        sqlite3_stmt *row;
        switch (note->kind) {
        case FND_NOTE_LEASE:
            row = writer->statements[WRITER_LEASE];
            sqlite3_bind_int64(row, 1, note->id);
            sqlite3_bind_int64(row, 2, note->fence);
            sqlite3_bind_int64(row, 3, note->at_us);
            rc = fnd_fold_step(row);
            break;
        case FND_NOTE_DRAFT:
            rc = apply_draft(writer, note);
            break;
        case FND_NOTE_OUTBOX:
            rc = apply_outbox(writer, note, first);
            break;
        case FND_NOTE_OUTBOX_STATE:
            rc = apply_outbox_state(writer, note);
            break;
        case FND_NOTE_OUTBOX_SWEEP:
            sqlite3_bind_int64(writer->statements[WRITER_OUTBOX_SWEEP], 1, note->at_us);
            rc = fnd_fold_step(writer->statements[WRITER_OUTBOX_SWEEP]);
            break;
        }
    }
    return rc;
}
