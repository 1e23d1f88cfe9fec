/* SPDX-License-Identifier: MIT */
/* The pin document: everything that decides what a run does, in one canonical JSON text. */
#include <stdlib.h>
#include <string.h>

#include "pipeline/compile.h"

static void files_add(const struct fnd_pipeline *pipeline, struct fnd_text *json)
{
    for (size_t i = 0; i < pipeline->files_count; i++) {
        const struct fnd_named_file *file = &pipeline->files[i];
        fnd_text_append_z(json, i > 0 ? "," : "");
        fnd_text_append_json_z(json, file->path);
        fnd_text_append_byte(json, ':');
        fnd_text_append_json(json, file->bytes, file->size);
    }
}

static void params_add(const struct fnd_pipeline *pipeline, struct fnd_text *json)
{
    for (size_t i = 0; i < pipeline->params_count; i++) {
        const struct fnd_param *param = &pipeline->params[i];
        fnd_text_append_z(json, i > 0 ? "," : "");
        fnd_text_append_json_z(json, param->name);
        fnd_text_printf(json, ":%s", param->value);
    }
}

static void plugins_add(const struct fnd_compile *compile, struct fnd_text *json)
{
    for (size_t i = 0; i < compile->used_count; i++) {
        const struct fnd_plugin_info *info = compile->used[i].info;
        char hash[FND_DIGEST_TEXT_SIZE];
        fnd_digest_text(info->hash, hash);
        fnd_text_append_z(json, i > 0 ? "," : "");
        fnd_text_append_json_z(json, compile->used[i].key);
        fnd_text_append_z(json, ":{\"abi\":");
        fnd_text_append_json_z(json, info->abi);
        fnd_text_printf(json, ",\"sha256\":\"%s\",\"version\":", hash);
        fnd_text_append_json_z(json, info->version);
        fnd_text_append_byte(json, '}');
    }
}

void fnd_pin_make(struct fnd_compile *compile)
{
    struct fnd_pipeline *pipeline = compile->pipeline;
    struct fnd_text json = {0}, pin = {0};
    fnd_text_append_z(&json, "{\"canonical\":");
    fnd_text_append_z(&json, pipeline->canonical);
    fnd_text_append_z(&json, ",\"files\":{");
    files_add(pipeline, &json);
    fnd_text_append_z(&json, "},\"foundry\":\"v1\",\"name\":");
    fnd_text_append_json_z(&json, pipeline->name);
    fnd_text_append_z(&json, ",\"params\":{");
    params_add(pipeline, &json);
    fnd_text_append_z(&json, "},\"plugins\":{");
    plugins_add(compile, &json);
    fnd_text_append_z(&json, "}}");
    fnd_json_canonical((struct fnd_json){fnd_text_z(&json), json.size}, &pin);
    fnd_sha256(fnd_text_z(&pin), pin.size, pipeline->pin_hash);
    pipeline->pin = fnd_text_take(&pin);
    fnd_text_finish(&json);
}

bool fnd_pin_check(struct fnd_compile *compile, const char *bytes, size_t size)
{
    static const char *const objects[] = {"canonical", "files", "params", "plugins", NULL};
    struct fnd_json pin = {0};
    struct fnd_error error = {0};
    if (fnd_json_check(bytes, size, compile->file, &pin, &error) != FND_OK) {
        fnd_compile_error_at(compile, compile->file, error.line, error.column, "damaged_pin", "%s",
                             error.message);
        return false;
    }
    struct fnd_json name = fnd_json_member(pin, "name");
    const char *lacks = NULL;
    for (size_t i = 0; objects[i] != NULL; i++) {
        const struct fnd_json part = fnd_json_member(pin, objects[i]);
        if (part.bytes == NULL || fnd_json_type(part) != FND_JSON_OBJECT) {
            lacks = objects[i];
        }
    }
    if (name.bytes == NULL || fnd_json_type(name) != FND_JSON_STRING) {
        lacks = "name";
    }
    const struct fnd_json version = fnd_json_member(pin, "foundry");
    if (version.bytes == NULL || !fnd_json_text_is(version, "v1")) {
        lacks = "foundry: v1";
    }
    if (lacks != NULL) {
        fnd_compile_error_at(compile, compile->file, 0, 0, "damaged_pin",
                             "a pin document without `%s`", lacks);
        return false;
    }
    compile->pin = pin;
    return true;
}
