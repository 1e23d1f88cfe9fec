/* SPDX-License-Identifier: MIT */
/* Bodies that are files: kept in a nameless file below .foundry while they come in. */
#ifndef FND_SERVE_UPLOAD_H
#define FND_SERVE_UPLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct request;
struct upload;

/** Open the file; false: the refusal is the reply.  type: of the body; size: its length. */
bool upload_begin(struct request *request, const char *type, uint64_t size);
/** Take a piece of the body; what goes wrong is told at the end. */
void upload_take(struct request *request, const char *data, size_t size);
/** Submit what was uploaded. */
void upload_submit(struct request *request);
void upload_drop(struct upload *upload); /* NULL is fine */

#endif
