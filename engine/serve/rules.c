/* SPDX-License-Identifier: MIT */
/* Rules: answers that hold for their twins. */
#include <inttypes.h>
#include <stdlib.h>

#include "serve/internal.h"
#include "store/desk.h"

/* Where a JSON text goes on from: the payload of an event, kept in `text`. */
static struct fnd_json payload(struct fnd_reader *reader, int64_t event, struct fnd_text *text)
{
    struct fnd_json value = {0};
    if (fnd_payload_get(reader, event, text, NULL, NULL) != FND_OK || text->size == 0 ||
        fnd_json_check(fnd_text_z(text), text->size, NULL, &value, NULL) != FND_OK) {
        return (struct fnd_json){0};
    }
    return value;
}

static void append_time(struct fnd_reader *reader, int64_t event, struct fnd_text *out)
{
    struct fnd_event_row row;
    json_time(out, "at", fnd_event_get(reader, event, &row, NULL) == FND_OK ? row.at_us : 0);
}

/* What was asked, what was answered, by whom and when: who may revoke it looks at that. */
static void append_story(struct fnd_reader *reader, const struct fnd_rule_row *row,
                         struct fnd_text *out)
{
    struct fnd_text asked = {0}, answered = {0}, ended = {0};
    struct fnd_json questions = fnd_json_member(payload(reader, row->request, &asked), "questions");
    for (struct fnd_json_walk walk = fnd_json_walk(questions); fnd_json_next(&walk);) {
        if ((int64_t)walk.index == row->question) {
            json_member_copy(out, "asked", fnd_json_member(walk.value, "question"));
            json_member_copy(out, "kind", fnd_json_member(walk.value, "kind"));
        }
    }
    struct fnd_json answer = payload(reader, row->answer, &answered);
    for (struct fnd_json_walk walk = fnd_json_walk(fnd_json_member(answer, "twins"));
         fnd_json_next(&walk);) {
        int64_t index = -1;
        if (fnd_json_integer(fnd_json_member(walk.value, "question"), &index) &&
            index == row->question) {
            json_member_copy(out, "values", fnd_json_member(walk.value, "patch"));
            break;
        }
    }
    json_member_copy(out, "by", fnd_json_member(answer, "by"));
    append_time(reader, row->answer, out);
    if (row->ended != 0) {
        struct fnd_json end = payload(reader, row->ended, &ended);
        fnd_text_append_z(out, ",\"ended\":{\"event\":");
        fnd_text_printf(out, "%" PRId64, row->ended);
        append_time(reader, row->ended, out);
        json_member_copy(out, "by", fnd_json_member(end, "by"));
        json_member_copy(out, "reason", fnd_json_member(end, "reason"));
        fnd_text_append_byte(out, '}');
    }
    fnd_text_finish(&asked);
    fnd_text_finish(&answered);
    fnd_text_finish(&ended);
}

struct listing {
    struct fnd_reader *reader;
    struct directory *directory, *at; /* looked at; of the last row shown */
    struct fnd_text *out;
    size_t count, limit;
    int64_t last, partial; /* partial: an answer whose rows do not all fit */
};

static bool list_row(const struct fnd_rule_row *row, void *context)
{
    static const char *const states[] = {"holds", "replaced", "revoked"};
    struct listing *listing = context;
    /* A page ends between answers: the cursor is an answer's number. */
    if (listing->count >= listing->limit && row->answer != listing->last) {
        listing->partial = row->answer;
        return false;
    }
    char print[2 * FND_FINGERPRINT_SIZE + 1];
    fnd_hex(row->fingerprint, FND_FINGERPRINT_SIZE, print);
    fnd_text_printf(listing->out,
                    "%s{\"id\":\"%s-%" PRId64 "\",\"question\":%" PRId64 ",\"ask\":\"%s-%" PRId64
                    "\",\"state\":\"%s\",\"fingerprint\":\"%s\",\"settled\":%" PRId64,
                    listing->count > 0 ? "," : "", listing->directory->tag, row->answer,
                    row->question, listing->directory->tag, row->request,
                    states[row->state < 3 ? row->state : 2], print, row->settled);
    append_story(listing->reader, row, listing->out);
    json_text(listing->out, "directory", listing->directory->name);
    fnd_text_append_byte(listing->out, '}');
    listing->count++;
    listing->last = row->answer;
    listing->at = listing->directory;
    return true;
}

void rules_list(struct request *request)
{
    struct fnd_serve *serve = request->serve;
    struct page page;
    size_t first, last;
    struct fnd_error error = {0};
    enum fnd_status status = FND_OK;
    if (!page_read(request, &page) || !directories_asked(request, &first, &last)) {
        return;
    }
    struct listing listing = {.out = &request->out, .limit = page.limit};
    fnd_text_append_z(&request->out, "{\"items\":[");
    for (size_t i = first < page.directory ? page.directory : first;
         i < last && status == FND_OK && listing.partial == 0; i++) {
        struct spare *spare = NULL;
        listing.directory = &serve->directories[i];
        status = directory_reader(listing.directory, &spare, &error);
        if (status == FND_OK) {
            listing.reader = spare->reader;
            status = fnd_rules_walk(spare->reader, i == page.directory ? page.after : 0,
                                    SIZE_MAX / 2, list_row, &listing, &error);
        }
        directory_release(listing.directory, spare);
    }
    if (status == FND_OK) {
        page_end(&request->out, listing.partial != 0, listing.at, listing.last);
        reply_json(request, 200);
    } else {
        reply_error(request, &error);
    }
}
