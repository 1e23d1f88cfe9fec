/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "command/commands.h"
#include "command/output.h"
#include "command/session.h"
#include "command/source.h"
#include "worker/pool.h"

enum { PROFILE_INDENT = 6, PROFILE_WIDTH = 80 };

static void names(struct fnd_text *text, const struct fnd_callee_info *list, size_t count,
                  const char *mark)
{
    for (size_t i = 0; i < count; i++) {
        fnd_text_printf(text, "%s%s%s", text->size > 0 ? " " : "", list[i].name, mark);
    }
}

static void json_names(struct fnd_text *json, const char *name, const struct fnd_callee_info *list,
                       size_t count)
{
    fnd_text_printf(json, ",\"%s\":[", name);
    for (size_t i = 0; i < count; i++) {
        fnd_text_append_z(json, i > 0 ? "," : "");
        fnd_text_append_json_z(json, list[i].name);
    }
    fnd_text_append_byte(json, ']');
}

static void list_json(struct fnd_app *app, const char *path, const struct fnd_plugin_info *info,
                      const struct fnd_error *error)
{
    struct fnd_text json = {0};
    fnd_text_append_byte(&json, '{');
    fnd_field(&json, "file", path);
    fnd_text_append_byte(&json, ',');
    if (info == NULL) {
        fnd_field(&json, "error", error->message);
    } else {
        char hash[FND_DIGEST_TEXT_SIZE];
        fnd_digest_text(info->hash, hash);
        fnd_field(&json, "id", info->id);
        fnd_text_append_byte(&json, ',');
        fnd_field(&json, "version", info->version);
        fnd_text_append_byte(&json, ',');
        fnd_field(&json, "summary", info->summary);
        fnd_text_append_byte(&json, ',');
        fnd_field(&json, "sha256", hash);
        json_names(&json, "phases", info->phases, info->phases_count);
        json_names(&json, "detectors", info->detectors, info->detectors_count);
        json_names(&json, "trainers", info->trainers, info->trainers_count);
    }
    fnd_text_append_z(&json, "}\n");
    fnd_raw(app, fnd_text_z(&json), json.size);
    fnd_text_finish(&json);
}

static void list_people(struct fnd_app *app, const struct fnd_catalog *catalog)
{
    struct fnd_table table = {.columns = 4};
    fnd_table_cell(&table, "PLUGIN");
    fnd_table_cell(&table, "VERSION");
    fnd_table_cell(&table, "PHASES, DETECTORS?, TRAINERS!");
    fnd_table_cell(&table, "FILE");
    for (size_t i = 0; i < fnd_catalog_count(catalog); i++) {
        const char *path = NULL;
        const struct fnd_error *error = NULL;
        const struct fnd_plugin_info *info = fnd_catalog_get(catalog, i, &path, &error);
        if (info == NULL) {
            continue;
        }
        struct fnd_text all = {0};
        names(&all, info->phases, info->phases_count, "");
        names(&all, info->detectors, info->detectors_count, "?");
        names(&all, info->trainers, info->trainers_count, "!");
        fnd_table_cell(&table, "%s", info->id);
        fnd_table_cell(&table, "%s", info->version);
        fnd_table_cell(&table, "%s", fnd_text_z(&all));
        fnd_table_cell(&table, "%s", path);
        fnd_text_finish(&all);
    }
    fnd_table_print(app, &table, true);
}

int fnd_command_plugins_list(struct fnd_app *app)
{
    struct fnd_source source = {0};
    struct fnd_error error = {0};
    if (fnd_source_open(app, &source, &error) != FND_OK) {
        fnd_source_finish(&source);
        return fnd_fail(app, &error);
    }
    if (!app->json) {
        list_people(app, source.catalog);
    }
    for (size_t i = 0; i < fnd_catalog_count(source.catalog); i++) {
        const char *path = NULL;
        const struct fnd_error *broken = NULL;
        const struct fnd_plugin_info *info = fnd_catalog_get(source.catalog, i, &path, &broken);
        if (app->json) {
            list_json(app, path, info, broken);
        } else if (info == NULL) {
            fnd_complain(app, broken);
        }
    }
    if (fnd_catalog_count(source.catalog) == 0) {
        char *path = fnd_plugin_path(app);
        fnd_say(app, "no plugins in %s", path);
        free(path);
    }
    fnd_source_finish(&source);
    return FND_EXIT_DONE;
}

static void json_or_null(struct fnd_text *json, const char *name, const char *document)
{
    fnd_text_printf(json, ",\"%s\":%s", name, document != NULL ? document : "null");
}

/* The profile that a phase or detector would run under, with what it declares granted. */
static void profile(const char *needs, bool json, struct fnd_text *text)
{
    struct fnd_json root = {0};
    const char **reads = NULL;
    size_t count = 0;
    bool write = false;
    if (needs != NULL && fnd_json_check(needs, strlen(needs), NULL, &root, NULL) == FND_OK) {
        struct fnd_json list = fnd_json_member(root, "read");
        reads = fnd_alloc((fnd_json_count(list) + 1) * sizeof *reads);
        for (struct fnd_json_walk walk = fnd_json_walk(list); fnd_json_next(&walk);) {
            const char *path = fnd_json_strdup(walk.value);
            if (path != NULL) {
                reads[count++] = path;
            }
        }
        fnd_json_boolean(fnd_json_member(root, "write"), &write);
    }
    fnd_sandbox_profile(reads, write, json, text);
    for (size_t i = 0; i < count; i++) {
        free((char *)(uintptr_t)reads[i]);
    }
    free(reads);
}

static void callee_json(struct fnd_text *json, const char *name, const struct fnd_callee_info *list,
                        size_t count)
{
    fnd_text_printf(json, ",\"%s\":[", name);
    for (size_t i = 0; i < count; i++) {
        fnd_text_append_z(json, i > 0 ? ",{" : "{");
        fnd_field(json, "name", list[i].name);
        fnd_text_append_byte(json, ',');
        fnd_field(json, "summary", list[i].summary);
        json_or_null(json, "config_schema", list[i].config_schema);
        json_or_null(json, "output_schema", list[i].output_schema);
        json_or_null(json, "needs", list[i].needs);
        fnd_text_append_z(json, ",\"sandbox\":");
        profile(list[i].needs, true, json);
        fnd_text_append_byte(json, '}');
    }
    fnd_text_append_byte(json, ']');
}

static void inspect_json(struct fnd_app *app, const struct fnd_plugin_info *info)
{
    struct fnd_text json = {0};
    char hash[FND_DIGEST_TEXT_SIZE];
    const char *const texts[][2] = {{"id", info->id},
                                    {"version", info->version},
                                    {"summary", info->summary},
                                    {"abi", info->abi},
                                    {"file", info->path}};
    fnd_digest_text(info->hash, hash);
    fnd_text_printf(&json, "{\"sha256\":\"%s\"", hash);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        fnd_text_append_byte(&json, ',');
        fnd_field(&json, texts[i][0], texts[i][1]);
    }
    callee_json(&json, "phases", info->phases, info->phases_count);
    callee_json(&json, "detectors", info->detectors, info->detectors_count);
    callee_json(&json, "trainers", info->trainers, info->trainers_count);
    fnd_text_append_z(&json, "}\n");
    fnd_raw(app, fnd_text_z(&json), json.size);
    fnd_text_finish(&json);
}

/* The keys of a config schema, one a line with type, default and description. */
static void keys_people(struct fnd_app *app, const char *schema)
{
    struct fnd_json root = {0};
    if (schema == NULL || fnd_json_check(schema, strlen(schema), NULL, &root, NULL) != FND_OK) {
        return;
    }
    struct fnd_json properties = fnd_json_member(root, "properties");
    for (struct fnd_json_walk walk = fnd_json_walk(properties); fnd_json_next(&walk);) {
        char *key = fnd_json_strdup(walk.key);
        struct fnd_json type = fnd_json_member(walk.value, "type");
        struct fnd_json standard = fnd_json_member(walk.value, "default");
        char *kind = fnd_json_strdup(type), *what = NULL;
        what = fnd_json_strdup(fnd_json_member(walk.value, "description"));
        bool per_job = false;
        fnd_json_boolean(fnd_json_member(walk.value, "x-foundry-per-job"), &per_job);
        struct fnd_text line = {0};
        fnd_text_printf(&line, "      %s: %s", key, kind != NULL ? kind : "any");
        if (standard.bytes != NULL) {
            fnd_text_append_z(&line, ", default ");
            fnd_text_append(&line, standard.bytes, standard.size);
        }
        fnd_text_append_z(&line, per_job ? ", may read the job" : "");
        if (what != NULL) {
            fnd_text_printf(&line, " – %s", what);
        }
        fnd_line(app, "%s", fnd_text_z(&line));
        fnd_text_finish(&line);
        free(key);
        free(kind);
        free(what);
    }
}

static void profile_people(struct fnd_app *app, const char *needs)
{
    struct fnd_text text = {0}, wrapped = {0};
    char *left = NULL;
    profile(needs, false, &text);
    fnd_line(app, "    in the sandbox:");
    for (char *line = strtok_r(text.bytes, "\n", &left); line != NULL;
         line = strtok_r(NULL, "\n", &left)) {
        fnd_text_printf(&wrapped, "%*s", (int)PROFILE_INDENT, "");
        fnd_wrap(line, PROFILE_INDENT + 2, PROFILE_INDENT, PROFILE_WIDTH, &wrapped);
        fnd_text_append_byte(&wrapped, '\n');
    }
    fnd_raw(app, fnd_text_z(&wrapped), wrapped.size);
    fnd_text_finish(&wrapped);
    fnd_text_finish(&text);
}

static void callees_people(struct fnd_app *app, const char *title,
                           const struct fnd_plugin_info *info, const struct fnd_callee_info *list,
                           size_t count)
{
    if (count > 0) {
        fnd_line(app, "%s", title);
    }
    for (size_t i = 0; i < count; i++) {
        fnd_line(app, "  %s/%s: %s", info->id, list[i].name, list[i].summary);
        keys_people(app, list[i].config_schema);
        if (list[i].needs != NULL) {
            fnd_line(app, "    needs %s", list[i].needs);
        }
        profile_people(app, list[i].needs);
    }
}

static void inspect_people(struct fnd_app *app, const struct fnd_plugin_info *info)
{
    char hash[FND_DIGEST_TEXT_SIZE];
    fnd_digest_text(info->hash, hash);
    fnd_line(app, "%s %s: %s", info->id, info->version, info->summary);
    fnd_line(app, "%s, ABI %s", info->path, info->abi);
    fnd_line(app, "sha256 %s", hash);
    callees_people(app, "phases", info, info->phases, info->phases_count);
    callees_people(app, "detectors", info, info->detectors, info->detectors_count);
    callees_people(app, "trainers", info, info->trainers, info->trainers_count);
}

int fnd_command_plugins_inspect(struct fnd_app *app)
{
    const char *name = app->arguments.operands[0];
    struct fnd_source source = {0};
    struct fnd_error error = {0};
    const struct fnd_plugin_info *info = NULL;
    enum fnd_status status = fnd_source_open(app, &source, &error);
    size_t size = strlen(name);
    bool file = strchr(name, '/') != NULL || (size > 3 && strcmp(name + size - 3, ".so") == 0);
    int fd = -1;
    if (status == FND_OK) {
        status = file ? source.plugins.file(&source, name, NULL, &info, &fd, &error)
                      : fnd_catalog_find(source.catalog, name, &info, &error);
    }
    if (status == FND_OK && app->json) {
        inspect_json(app, info);
    } else if (status == FND_OK) {
        inspect_people(app, info);
    }
    fnd_source_finish(&source);
    return status == FND_OK ? FND_EXIT_DONE : fnd_fail(app, &error);
}

int fnd_command_plugins_release(struct fnd_app *app)
{
    struct fnd_error error = {0};
    struct fnd_text path = {0}, json = {0};
    char *directory = NULL, hash[FND_DIGEST_TEXT_SIZE];
    int folder = -1;
    enum fnd_status status = fnd_directory_find(app->arguments.operands[0], &directory, &error);
    if (status != FND_OK) {
        return fnd_fail(app, &error);
    }
    fnd_text_printf(&path, "%s/.foundry", directory);
    folder = open(fnd_text_z(&path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0) {
        status = fnd_error_errno(&error, fnd_status_errno(errno), errno, "cannot open %s",
                                 fnd_text_z(&path));
        goto out;
    }
    status = fnd_quarantine_release(folder, app->arguments.operands[1], hash, &error);
    (void)close(folder);
    if (status == FND_OK && app->json) {
        fnd_text_append_byte(&json, '{');
        fnd_field(&json, "released", hash);
        fnd_text_append_z(&json, "}\n");
        fnd_raw(app, fnd_text_z(&json), json.size);
    } else if (status == FND_OK) {
        fnd_line(app, "released: %s", hash);
        fnd_next(app, "next: " FND_PROGRAM " run PIPELINE %s takes up the jobs that were held",
                 directory);
    }
out:
    free(directory);
    fnd_text_finish(&path);
    fnd_text_finish(&json);
    return status == FND_OK ? FND_EXIT_DONE : fnd_fail(app, &error);
}
