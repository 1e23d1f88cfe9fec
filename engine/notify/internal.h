/* SPDX-License-Identifier: MIT */
/* What the files of this room share. */
#ifndef FND_NOTIFY_INTERNAL_H
#define FND_NOTIFY_INTERNAL_H

#include "base/text.h"
#include "notify/notify.h"

enum { FND_MESSAGE_ID_SIZE = 33 }; /* 32 hex digits and NUL */

/** The id of a message: of its event and hook in this store, whoever sends it when. */
void fnd_message_id(const uint8_t salt[FND_DIGEST_SIZE], int64_t event, int32_t hook,
                    char id[FND_MESSAGE_ID_SIZE]);
/** Append its JSON. */
enum fnd_status fnd_message_body(struct fnd_reader *reader, const struct fnd_outbox_row *row,
                                 const char *name, const char *id, struct fnd_text *json,
                                 struct fnd_error *error);
/** Append the signature's header. */
void fnd_message_sign(const char *secret, int64_t seconds, const struct fnd_text *body,
                      struct fnd_text *header);

#endif
