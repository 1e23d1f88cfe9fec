/* SPDX-License-Identifier: MIT */
/* What may be replaced by an export, and what an export left half done beside its file. */
#ifndef FND_DATASET_REPLACE_H
#define FND_DATASET_REPLACE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"

/** Whether a folder may be replaced as a whole: it is not there, it is empty, or it holds an export
 *  and nothing that no export wrote (a trainer's labels/NAME.cache aside).
 *  Returns FND_OK; FND_CONFLICT: told what is in the way; FND_DENIED, FND_IO. */
enum fnd_status fnd_replaceable(int parent, const char *name, const char *told,
                                struct fnd_error *error);
/** Remove a folder and all that is in it, following no links. Failures leave things behind. */
void fnd_folder_remove(int parent, const char *name);

/** Call `one` for every file below a folder, path from the folder on, sorted by the bytes of the
 *  whole path, as a manifest lists them. Folders are walked, links and the like are handed on with
 * regular false. Returns FND_OK, or what `one` or the system refused. */
enum fnd_status fnd_folder_walk(int folder,
                                enum fnd_status (*one)(void *context, const char *path,
                                                       bool regular, struct fnd_error *error),
                                void *context, struct fnd_error *error);

#endif
