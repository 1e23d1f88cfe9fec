/* SPDX-License-Identifier: MIT */
/* Is a state of the disk one that Foundry's promises hold in? */
#ifndef TEST_POWER_CHECK_H
#define TEST_POWER_CHECK_H

#include "base/digest.h"
#include "model.h"

enum { CHECK_PATH_SIZE = 512, CHECK_TEXT_SIZE = 1024, CHECK_FILES_MAX = 64 };

/** What had been said at a point of the trace, and what that asks for. */
struct promised {
    char line[1 << 16]; /* the unfinished line of stdout */
    size_t line_size;
    int64_t event; /* the highest that was told of as recorded */
    struct {
        const char *name;
        int file;
    } files[CHECK_FILES_MAX]; /* below out/, of commands that ended well */
    size_t files_count;
};
/** Take a record into account, behind disk_step(). */
void promised_step(struct promised *promised, const struct disk *disk, const struct record *record);

/** What checks share. */
struct check {
    char jobs[CHECK_PATH_SIZE];     /* the job directory to put states into; its inputs are there */
    char cache[CHECK_PATH_SIZE];    /* whole plugin copies, to link from: the loader keeps each */
    char pipeline[CHECK_PATH_SIZE]; /* the pipeline file */
    const char *plugin_path;
    size_t inputs;                     /* jobs that a finished run has */
    uint8_t (*chain)[FND_DIGEST_SIZE]; /* by event: of the traced run's end; [0] is zeros */
    int64_t chain_count;
    size_t resumed;
};
/** Read the chain values of the record at the end of the traced run. */
void check_begin(struct check *check, const char *traced);
void check_finish(struct check *check);

/** Put a state on disk, open it as an engine does, and look.
 *  resume  also run everything to its end.
 *  Returns true; false: `text` says what is violated. */
bool check_state(struct check *check, const struct disk *disk, const struct promised *promised,
                 const struct state *state, bool resume, char text[CHECK_TEXT_SIZE]);

#endif
