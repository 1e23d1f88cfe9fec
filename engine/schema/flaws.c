/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "schema/schema.h"

void fnd_flaws_finish(struct fnd_flaws *flaws)
{
    for (size_t i = 0; i < flaws->count; i++) {
        free(flaws->list[i].pointer);
        free(flaws->list[i].keyword);
        free(flaws->list[i].message);
    }
    *flaws = (struct fnd_flaws){0};
}

void fnd_flaws_add(struct fnd_flaws *flaws, const char *pointer, const char *keyword, bool is_key,
                   const char *format, ...)
{
    if (flaws->count == FND_FLAWS_MAX) {
        flaws->skipped++;
        return;
    }
    struct fnd_text message = {0};
    va_list arguments;
    va_start(arguments, format);
    fnd_text_vprintf(&message, format, arguments);
    va_end(arguments);
    if (!fnd_utf8_valid(fnd_text_z(&message), message.size)) { /* cut inside a character */
        struct fnd_text visible = {0};
        fnd_text_append_visible(&visible, message.bytes, message.size);
        fnd_text_finish(&message);
        message = visible;
    }
    flaws->list[flaws->count++] = (struct fnd_flaw){
        .pointer = fnd_strdup(pointer),
        .keyword = fnd_strdup(keyword),
        .message = fnd_text_take(&message),
        .is_key = is_key,
    };
}
