/* SPDX-License-Identifier: MIT */
/* state.db gets another name, or another file gets its name, while an engine has it open: nothing
 * may be acknowledged from then on, and what was is there once the file is put back. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "damage.h"

struct swap {
    const char *what, *says;
    void (*make)(const char *directory, const char *aside);
    void (*undo)(const char *directory, const char *aside);
};

static void link_make(const char *directory, const char *aside)
{
    if (link(inside(directory, "state.db"), aside) != 0) {
        stop("cannot link", aside);
    }
}

static void link_undo(const char *directory, const char *aside)
{
    (void)directory;
    unlink(aside);
}

static void rename_make(const char *directory, const char *aside)
{
    if (rename(inside(directory, "state.db"), aside) != 0) {
        stop("cannot rename", aside);
    }
}

static void replace_make(const char *directory, const char *aside)
{
    rename_make(directory, aside);
    file_copy(aside, inside(directory, "state.db"));
}

static void rename_undo(const char *directory, const char *aside)
{
    if (rename(aside, inside(directory, "state.db")) != 0) {
        stop("cannot rename", aside);
    }
}

static const struct swap kinds[] = {
    {"linked under a second name", "linked under more than one name", link_make, link_undo},
    {"renamed", "was removed while it was open", rename_make, rename_undo},
    {"replaced by a copy", "was replaced by another file", replace_make, rename_undo}};

static int64_t last_event(const char *directory)
{
    struct fnd_reader *reader = NULL;
    int64_t last = -1;
    uint8_t chain[FND_DIGEST_SIZE];
    if (fnd_reader_open(directory, &reader, NULL) == FND_OK) {
        (void)fnd_reader_head(reader, &last, chain, NULL);
    }
    fnd_reader_close(reader);
    return last;
}

static void swap_once(struct damage *damage, const struct swap *swap, int before, int round,
                      struct counts *counts)
{
    char aside[PATH_SIZE], text[TEXT_SIZE];
    struct fnd_error error = {0};
    snprintf(aside, sizeof aside, "%s/aside", damage->folder);
    directory_copy(damage->whole, damage->work);
    const int64_t begun = last_event(damage->work);
    struct fnd_store *store = store_open(damage->work);
    for (int i = 0; i < before; i++) {
        if (record_one(store, "swap", round * 100 + i, &error) != FND_OK) {
            violation(counts, "%s: %s", swap->what, error.message);
        }
    }
    swap->make(damage->work, aside);
    counts->runs++;
    if (record_one(store, "late", round, &error) == FND_OK) {
        violation(counts, "%s: a write was acknowledged", swap->what);
    } else if (strstr(error.message, swap->says) == NULL) {
        violation(counts, "%s: the message does not say \"%s\": %s", swap->what, swap->says,
                  error.message);
    }
    fnd_store_close(store);
    if (strcmp(swap->says, kinds[0].says) == 0 && try_open(damage->work, false, &error) == FND_OK) {
        violation(counts, "%s: an engine would open it", swap->what);
    }
    swap->undo(damage->work, aside);
    if (try_open(damage->work, false, &error) != FND_OK || is_found(damage, damage->work, text)) {
        violation(counts, "%s: put back, and: %s%s", swap->what, error.message, text);
    }
    const int64_t ended = last_event(damage->work);
    if (ended != begun + before) {
        violation(counts,
                  "%s: events %" PRId64 " to %" PRId64 " were acknowledged, %" PRId64
                  " is the last",
                  swap->what, begun + 1, begun + before, ended);
    }
}

void swaps(struct damage *damage, size_t rounds, struct counts *counts)
{
    for (size_t i = 0; i < rounds; i++) {
        const int before = 1 + (int)draw_below(&damage->draw, 20);
        swap_once(damage, &kinds[i % (sizeof kinds / sizeof kinds[0])], before, (int)i, counts);
    }
}
