/* SPDX-License-Identifier: MIT */
/* A call to play a plugin in, for the tests of this room. */
#ifndef HOST_HELP_H
#define HOST_HELP_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "host/call.h"

struct stage {
    struct fnd_call_input input;
    struct fnd_effects effects;
    struct fnd_schema *schema;
    struct foundry_call *call;
    const foundry_host_t *host;
};

static inline struct fnd_json json_of(const char *text)
{
    struct fnd_json value = {0};
    struct fnd_error error = {0};
    if (text != NULL) {
        cr_assert_eq(fnd_json_check(text, strlen(text), NULL, &value, &error), FND_OK, "%s: %s",
                     text, error.message);
    }
    return value;
}

/** Begin a call with these documents; any may be NULL. */
static inline void stage_open(struct stage *stage, const char *config, const char *subject,
                              const char *marks)
{
    memset(stage, 0, sizeof *stage);
    stage->input.config = json_of(config == NULL ? "{}" : config);
    stage->input.subject = json_of(subject);
    stage->input.marks = json_of(marks);
    stage->input.run = json_of("{\"job\":\"j\",\"attempt\":2}");
    stage->input.detector = subject != NULL;
    stage->host = fnd_host_table();
    stage->call = fnd_call_begin(&stage->input, NULL, NULL, &stage->effects);
}

static inline void stage_close(struct stage *stage)
{
    if (stage->call != NULL) {
        fnd_call_end(stage->call, FOUNDRY_DONE);
    }
    fnd_effects_finish(&stage->effects);
    fnd_schema_destroy(stage->schema);
}

/** End it, and keep the effects. */
static inline void stage_end(struct stage *stage, foundry_outcome_t returned)
{
    fnd_call_end(stage->call, returned);
    stage->call = NULL;
}

#endif
