/* SPDX-License-Identifier: MIT */
/* The body of RETRY, FAIL and HOLD events. */
#include "run/internal.h"

const char *fnd_fault_name(unsigned fault)
{
    switch (fault) {
    case FND_RETRY_TRANSIENT:
        return "transient";
    case FND_RETRY_TIMEOUT:
        return "timeout";
    case FND_RETRY_CRASH:
        return "crash";
    default:
        return "permanent";
    }
}

char *fnd_error_body(const struct fnd_error *error, const char *class_name, const char *pointer,
                     const struct fnd_text *log)
{
    struct fnd_text body = {0};
    fnd_text_append_z(&body, "{\"class\":");
    fnd_text_append_json_z(&body, class_name);
    fnd_text_append_z(&body, ",\"code\":");
    fnd_text_append_json_z(&body,
                           error->code[0] != '\0' ? error->code : fnd_status_name(error->status));
    fnd_text_append_z(&body, ",\"message\":");
    fnd_text_append_json_z(&body, error->message);
    if (pointer != NULL && pointer[0] != '\0') {
        fnd_text_append_z(&body, ",\"pointer\":");
        fnd_text_append_json_z(&body, pointer);
    }
    if (log != NULL && log->size > 0) {
        fnd_text_append_z(&body, ",\"log\":");
        fnd_text_append_json(&body, log->bytes, log->size);
    }
    fnd_text_append_byte(&body, '}');
    return fnd_text_take(&body);
}
