/* SPDX-License-Identifier: MIT */
/* Rules: answers that hold for their twins. */
#include <inttypes.h>
#include <stdlib.h>

#include "serve/internal.h"
#include "store/desk.h"

struct listing {
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
