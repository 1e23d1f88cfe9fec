/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <stdarg.h>
#include <string.h>

#include "base/env.h"
#include "base/file.h"
#include "base/text.h"

static const char *level_name(enum fnd_log_level level)
{
    switch (level) {
    case FND_LOG_DEBUG:
        return "debug";
    case FND_LOG_INFO:
        return "info";
    case FND_LOG_WARNING:
        return "warning";
    case FND_LOG_ERROR:
        return "error";
    }
    return "unknown";
}

static void append_field(struct fnd_text *line, const char *name, const char *value)
{
    if (value != NULL) {
        fnd_text_printf(line, " %s=", name);
        fnd_text_append_visible(line, value, strlen(value));
    }
}

/* Through the visible form, which is UTF-8 whatever the bytes were. */
static void append_json_field(struct fnd_text *line, const char *name, const char *value)
{
    if (value != NULL) {
        struct fnd_text visible = {0};
        fnd_text_append_visible(&visible, value, strlen(value));
        fnd_text_printf(line, "%s\"%s\":", line->size > 1 ? "," : "", name);
        fnd_text_append_json(line, fnd_text_z(&visible), visible.size);
        fnd_text_finish(&visible);
    }
}

void fnd_log(const struct fnd_log *log, enum fnd_log_level level, const char *room, const char *job,
             const char *phase, const char *format, ...)
{
    if (log == NULL || level < log->level) {
        return;
    }
    struct fnd_text message = {0}, line = {0};
    va_list arguments;
    va_start(arguments, format);
    fnd_text_vprintf(&message, format, arguments);
    va_end(arguments);
    if (log->json) {
        fnd_text_append_byte(&line, '{');
        if (log->env != NULL) {
            char at[FND_TIME_TEXT_SIZE];
            fnd_time_format(log->env->wall_us(log->env), at);
            append_json_field(&line, "at", at);
        }
        append_json_field(&line, "level", level_name(level));
        append_json_field(&line, "room", room);
        append_json_field(&line, "job", job);
        append_json_field(&line, "phase", phase);
        append_json_field(&line, "message", fnd_text_z(&message));
        fnd_text_append_byte(&line, '}');
    } else {
        fnd_text_printf(&line, "%s %s", level_name(level), room);
        append_field(&line, "job", job);
        append_field(&line, "phase", phase);
        fnd_text_append_byte(&line, ' ');
        fnd_text_append_visible(&line, fnd_text_z(&message), message.size);
    }
    fnd_text_append_byte(&line, '\n');
    (void)fnd_write_all(log->fd, line.bytes, line.size); /* a log that fails has nobody to tell */
    fnd_text_finish(&message);
    fnd_text_finish(&line);
}
