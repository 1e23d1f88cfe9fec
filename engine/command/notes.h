/* SPDX-License-Identifier: MIT */
/* What the dataset room notes of records and lines, as commands tell it. */
#ifndef FND_COMMAND_NOTES_H
#define FND_COMMAND_NOTES_H

#include "dataset/dataset.h"

/** Print a note: a line on stderr, or with --json a line on stdout. `app` is a struct fnd_app. */
void fnd_note_print(void *app, const struct fnd_dataset_note *note);

#endif
