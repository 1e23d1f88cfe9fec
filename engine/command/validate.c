/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "command/commands.h"
#include "command/output.h"
#include "command/source.h"
#include "review/review.h"

static void print_json(struct fnd_app *app, const struct fnd_pipeline *pipeline, const char *hash)
{
    struct fnd_text json = {0};
    fnd_text_append_z(&json, "{\"valid\":true,");
    fnd_field(&json, "name", pipeline->name);
    fnd_text_printf(&json, ",\"hash\":\"%s\",\"phases\":[", hash);
    for (size_t i = 0; i < pipeline->phases_count; i++) {
        fnd_text_append_z(&json, i > 0 ? ",{" : "{");
        fnd_field(&json, "id", pipeline->phases[i].id);
        fnd_text_append_byte(&json, ',');
        fnd_field(&json, "uses", pipeline->phases[i].bound.uses);
        fnd_text_append_byte(&json, '}');
    }
    fnd_text_append_z(&json, "],\"params\":{");
    for (size_t i = 0; i < pipeline->params_count; i++) {
        fnd_text_append_z(&json, i > 0 ? "," : "");
        fnd_text_append_json_z(&json, pipeline->params[i].name);
        fnd_text_printf(&json, ":%s", pipeline->params[i].value);
    }
    fnd_text_append_z(&json, "}}\n");
    fnd_raw(app, fnd_text_z(&json), json.size);
    fnd_text_finish(&json);
}

static void print_people(struct fnd_app *app, const struct fnd_pipeline *pipeline, const char *hash)
{
    struct fnd_text phases = {0};
    for (size_t i = 0; i < pipeline->phases_count; i++) {
        fnd_text_append_z(&phases, i > 0 ? " → " : "");
        fnd_text_append_z(&phases, pipeline->phases[i].id);
    }
    fnd_line(app, "%s: ok, %s", pipeline->name, fnd_text_z(&phases));
    fnd_line(app, "hash %s", hash);
    fnd_text_finish(&phases);
}

/* Where the file itself is wrong 4; where it is not there 5; where a plugin is 6. */
static int exit_code(enum fnd_status status)
{
    return status == FND_INVALID || status == FND_LIMIT ? FND_EXIT_PIPELINE
                                                        : fnd_exit_code(status, 0);
}

int fnd_command_validate(struct fnd_app *app)
{
    struct fnd_source source = {0};
    struct fnd_error error = {0};
    struct fnd_errors errors = {0};
    struct fnd_text text = {0};
    struct fnd_pipeline *pipeline = NULL;
    enum fnd_status status = fnd_source_open(app, &source, &error);
    if (status != FND_OK) {
        fnd_source_finish(&source);
        return fnd_fail(app, &error);
    }
    const char **settings = fnd_arguments_list(&app->arguments, FND_OPTION_PARAM);
    const char *isolation = fnd_arguments_value(&app->arguments, FND_OPTION_ISOLATION);
    struct fnd_pipeline_options options = {.plugins = &source.plugins,
                                           .kinds = fnd_review_kinds(),
                                           .settings = settings,
                                           .isolation = FND_ISOLATION_SANDBOX};
    if (isolation != NULL) {
        (void)fnd_isolation_parse(isolation, &options.isolation); /* the table has its choices */
    }
    status = fnd_pipeline_load(app->arguments.operands[0], &options, &pipeline, &errors, &text);
    if (status != FND_OK) {
        fnd_complain_errors(app, &errors, text.bytes, text.size);
    } else {
        char hash[FND_DIGEST_TEXT_SIZE];
        fnd_digest_text(pipeline->pin_hash, hash);
        if (app->json) {
            print_json(app, pipeline, hash);
        } else {
            print_people(app, pipeline, hash);
        }
        fnd_next(app, "next: " FND_PROGRAM " run %s JOBDIR", app->arguments.operands[0]);
    }
    fnd_pipeline_destroy(pipeline);
    free(settings);
    fnd_text_finish(&text);
    fnd_source_finish(&source);
    return exit_code(status);
}
