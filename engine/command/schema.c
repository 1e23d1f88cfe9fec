/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "command/commands.h"
#include "command/output.h"
#include "command/source.h"
#include "pipeline/kind.h"
#include "review/review.h"

/* The pipeline file around its phases; the rules of phases go where the two pieces meet. */
static const char head[] =
    "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":\"Foundry pipeline\","
    "\"type\":\"object\",\"required\":[\"foundry\",\"name\",\"phases\"],"
    "\"additionalProperties\":false,\"$defs\":{"
    "\"duration\":{\"type\":[\"string\",\"number\"],\"pattern\":\"^(0|[0-9.]+(ms|s|m|h|d)|.*\\\\$"
    "\\\\{.*)$\"},"
    "\"size\":{\"type\":[\"string\",\"number\"],\"pattern\":\"^([0-9.]+([kKMG]i?B)?|.*\\\\$"
    "\\\\{.*)$\"},"
    "\"retry\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
    "\"max\":{\"type\":\"integer\",\"minimum\":0},\"backoff\":{\"$ref\":\"#/$defs/duration\"},"
    "\"when\":{\"type\":\"array\",\"items\":{\"enum\":[\"transient\",\"timeout\",\"crash\","
    "\"permanent\"]}}}},"
    "\"isolation\":{\"enum\":[\"sandbox\",\"best-effort\",\"process\",\"inline\"]}},\"properties\":"
    "{"
    "\"foundry\":{\"const\":\"v1\"},\"name\":{\"type\":\"string\",\"pattern\":\"^[a-z][a-z0-9_-]*$"
    "\"},"
    "\"summary\":{\"type\":\"string\"},"
    "\"inputs\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
    "\"match\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
    "\"keep\":{\"enum\":[\"bytes\",\"reference\"]}}},"
    "\"params\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"object\","
    "\"required\":[\"type\"],\"additionalProperties\":false,\"properties\":{"
    "\"type\":{\"enum\":[\"number\",\"integer\",\"string\",\"boolean\"]},\"default\":true,"
    "\"min\":{\"type\":\"number\"},\"max\":{\"type\":\"number\"},\"enum\":{\"type\":\"array\"},"
    "\"summary\":{\"type\":\"string\"}}}},"
    "\"defaults\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
    "\"timeout\":{\"$ref\":\"#/$defs/duration\"},\"retry\":{\"$ref\":\"#/$defs/retry\"},"
    "\"isolation\":{\"$ref\":\"#/$defs/isolation\"},"
    "\"result_max\":{\"$ref\":\"#/$defs/size\"}}},"
    "\"notify\":{\"type\":\"array\",\"maxItems\":16,\"items\":{\"type\":\"object\","
    "\"required\":[\"url\",\"on\"],\"additionalProperties\":false,\"properties\":{"
    "\"url\":{\"type\":\"string\"},\"secret\":{\"type\":\"string\"},"
    "\"allow_private\":{\"type\":\"boolean\"},\"on\":{\"type\":\"array\",\"items\":{\"enum\":["
    "\"asked\",\"reminded\",\"escalated\",\"answered\",\"completed\",\"failed\",\"cancelled\","
    "\"reopened\",\"held\"]}}}}},"
    "\"export\":{\"type\":\"object\",\"properties\":{\"redact\":{\"type\":\"array\","
    "\"minItems\":1,\"maxItems\":64,\"items\":{\"type\":\"object\","
    "\"additionalProperties\":false,\"oneOf\":[{\"required\":[\"pointer\"]},"
    "{\"required\":[\"pattern\"]}],\"properties\":{"
    "\"pointer\":{\"type\":\"string\",\"pattern\":\"^/\"},"
    "\"pattern\":{\"type\":\"string\",\"minLength\":1},"
    "\"action\":{\"enum\":[\"mask\",\"hash\",\"drop\"],\"default\":\"mask\"},"
    "\"image\":{\"enum\":[\"drop\",\"keep\"],\"default\":\"drop\"}}}}},"
    "\"additionalProperties\":{\"type\":\"object\",\"required\":[\"format\"]}},"
    "\"phases\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":64,\"items\":{\"type\":\"object\","
    "\"required\":[\"id\",\"uses\"],\"additionalProperties\":false,\"properties\":{"
    "\"id\":{\"type\":\"string\",\"pattern\":\"^[a-z][a-z0-9_-]*$\"},"
    "\"timeout\":{\"$ref\":\"#/$defs/duration\"},\"retry\":{\"$ref\":\"#/$defs/retry\"},"
    "\"isolation\":{\"$ref\":\"#/$defs/isolation\"},"
    "\"result_max\":{\"$ref\":\"#/$defs/size\"},"
    "\"grant\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
    "\"write\":{\"type\":\"string\"},\"read\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}}"
    "},"
    "\"with\":{\"type\":\"object\"},\"uses\":{\"type\":\"string\",\"examples\":[";
static const char tail[] = "]}}}}";

/* A config schema as it holds for a pipeline file: any leaf may be a text that reads something. */
static void append_with(struct fnd_text *out, const char *config_schema)
{
    struct fnd_json schema = {0};
    fnd_text_append_z(out, "{\"type\":\"object\"");
    if (config_schema == NULL ||
        fnd_json_check(config_schema, strlen(config_schema), NULL, &schema, NULL) != FND_OK) {
        fnd_text_append_byte(out, '}');
        return;
    }
    struct fnd_json required = fnd_json_member(schema, "required");
    struct fnd_json closed = fnd_json_member(schema, "additionalProperties");
    if (required.bytes != NULL) {
        fnd_text_append_z(out, ",\"required\":");
        fnd_text_append(out, required.bytes, required.size);
    }
    if (fnd_json_type(closed) == FND_JSON_FALSE) {
        fnd_text_append_z(out, ",\"additionalProperties\":false");
    }
    fnd_text_append_z(out, ",\"properties\":{");
    struct fnd_json properties = fnd_json_member(schema, "properties");
    for (struct fnd_json_walk walk = fnd_json_walk(properties); fnd_json_next(&walk);) {
        fnd_text_append_z(out, walk.index > 0 ? "," : "");
        fnd_text_append(out, walk.key.bytes, walk.key.size);
        fnd_text_append_z(out, ":{\"anyOf\":[{\"type\":\"string\",\"pattern\":\"\\\\$\\\\{\"},");
        fnd_json_compact(walk.value, out);
        fnd_text_append_z(out, "]}");
    }
    fnd_text_append_z(out, "}}");
}

static void append_rule(struct fnd_text *names, struct fnd_text *rules, const char *uses,
                        const char *config_schema)
{
    fnd_text_append_z(names, names->size > 0 ? "," : "");
    fnd_text_append_json_z(names, uses);
    fnd_text_append_z(rules, rules->size > 0 ? "," : "");
    fnd_text_append_z(rules, "{\"if\":{\"properties\":{\"uses\":{\"const\":");
    fnd_text_append_json_z(rules, uses);
    fnd_text_append_z(rules, "}}},\"then\":{\"properties\":{\"with\":");
    append_with(rules, config_schema);
    fnd_text_append_z(rules, "}}}");
}

static void pipeline_schema(const struct fnd_source *source, struct fnd_text *json)
{
    struct fnd_text names = {0}, rules = {0};
    for (const struct fnd_kind *const *kind = fnd_review_kinds(); *kind != NULL; kind++) {
        append_rule(&names, &rules, (*kind)->name, (*kind)->config_schema);
    }
    for (size_t i = 0; i < fnd_catalog_count(source->catalog); i++) {
        const struct fnd_plugin_info *info = fnd_catalog_get(source->catalog, i, NULL, NULL);
        for (size_t k = 0; info != NULL && k < info->phases_count; k++) {
            struct fnd_text uses = {0};
            fnd_text_printf(&uses, "%s/%s", info->id, info->phases[k].name);
            append_rule(&names, &rules, fnd_text_z(&uses), info->phases[k].config_schema);
            fnd_text_finish(&uses);
        }
    }
    fnd_text_append_z(json, head);
    fnd_text_append_z(json, fnd_text_z(&names));
    fnd_text_append_z(json, "]}},\"allOf\":[");
    fnd_text_append_z(json, fnd_text_z(&rules));
    fnd_text_append_z(json, tail);
    fnd_text_finish(&names);
    fnd_text_finish(&rules);
}

/* The schema of one phase, detector, trainer or kind of the engine. */
static enum fnd_status uses_schema(struct fnd_app *app, struct fnd_source *source, const char *uses,
                                   struct fnd_text *json, struct fnd_error *error)
{
    bool output = fnd_arguments_has(&app->arguments, FND_OPTION_OUTPUT_SCHEMA);
    enum fnd_callee_kind found = FND_CALLEE_PHASE;
    const struct fnd_callee_info *callee = NULL;
    const char *schema = NULL;
    for (const struct fnd_kind *const *kind = fnd_review_kinds(); *kind != NULL; kind++) {
        if (strcmp((*kind)->name, uses) == 0) {
            schema = output ? "true" : (*kind)->config_schema;
            fnd_text_append_z(json, schema != NULL ? schema : "true");
            return FND_OK;
        }
    }
    enum fnd_status status = fnd_source_callee(source, uses, &callee, &found, error);
    if (status != FND_OK) {
        return status;
    }
    if (output && found != FND_CALLEE_PHASE) {
        return fnd_error_set(error, FND_NOT_FOUND, "%s is a %s: it has no output", uses,
                             fnd_callee_kind_name(found));
    }
    schema = output ? callee->output_schema : callee->config_schema;
    fnd_text_append_z(json, schema != NULL ? schema : "true");
    return FND_OK;
}

int fnd_command_schema(struct fnd_app *app)
{
    const char *uses = app->arguments.operands[0];
    struct fnd_source source = {0};
    struct fnd_error error = {0};
    struct fnd_text json = {0};
    struct fnd_json value = {0};
    enum fnd_status status = fnd_source_open(app, &source, &error);
    if (status == FND_OK && uses != NULL) {
        status = uses_schema(app, &source, uses, &json, &error);
    } else if (status == FND_OK) {
        pipeline_schema(&source, &json);
    }
    if (status == FND_OK) {
        status = fnd_json_check(fnd_text_z(&json), json.size, "schema", &value, &error);
    }
    if (status == FND_OK) {
        fnd_value(app, value);
    }
    fnd_text_finish(&json);
    fnd_source_finish(&source);
    return status == FND_OK ? FND_EXIT_DONE : fnd_fail(app, &error);
}
