/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "control/server.h"
#include "store/gc.h"

static void gone(const char *file, uint64_t size, const char *why, void *context)
{
    struct client *client = context;
    struct fnd_text line = {0};
    fnd_text_append_z(&line, "{\"type\":\"gc\"");
    control_text(&line, "file", file);
    control_text(&line, "why", why);
    fnd_text_printf(&line, ",\"size\":%" PRIu64 "}", size);
    control_send(client, &line);
    fnd_text_finish(&line);
}

void control_gc(struct client *client, struct fnd_json request)
{
    struct fnd_engine *engine = client->control->engine;
    struct fnd_error error = {0};
    struct fnd_gc result = {0};
    struct fnd_text more = {0};
    bool dry = false;
    enum fnd_status status = FND_OK;
    fnd_json_boolean(fnd_json_member(request, "dry"), &dry);
    /* A phase that runs may have kept an artifact that no event names yet. */
    if (!fnd_engine_idle(engine)) {
        status = fnd_error_set(&error, FND_BUSY,
                               "jobs are running, and what they have kept is not named yet; repeat "
                               "it when they rest (`status` tells), or end the engine first");
        fnd_error_code(&error, "jobs_running");
    } else {
        status = fnd_store_gc(fnd_engine_store(engine), fnd_engine_reader(engine), dry, gone,
                              client, &result, &error);
    }
    fnd_text_printf(&more,
                    ",\"artifacts\":%" PRId64 ",\"plugins\":%" PRId64 ",\"temporaries\":%" PRId64
                    ",\"size\":%" PRIu64,
                    result.artifacts, result.plugins, result.temporaries, result.size);
    control_end(client, status, &error, fnd_text_z(&more));
    fnd_text_finish(&more);
}
